//! `omniprice digest --preview|--send-now`.

use std::process::ExitCode;

use super::{Context, say};
use crate::clock::Millis;
use crate::report::{self, mail::Envelope};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the digest of the last hours without sending it (the default)
    #[arg(long)]
    preview: bool,
    /// Hours back from now
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Print the HTML part instead of the text
    #[arg(long)]
    html: bool,
    /// Send it to all recipients now, besides the schedule
    #[arg(long, conflicts_with = "preview")]
    send_now: bool,
}

/// # Errors
/// The store's, or a mail that does not go out.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let now = app.now();
    let from = now.plus(-i64::from(args.hours) * Millis::HOUR);
    let Some(digest) = report::digest(&app, from, now).await? else {
        say(if context.json { "null" } else { "nothing to tell: no digest would be sent" })?;
        return Ok(ExitCode::SUCCESS);
    };
    if args.send_now {
        let mut sent = Vec::new();
        for (index, to) in app.config.report.recipients.iter().enumerate() {
            let envelope = Envelope {
                from: app.config.mail.from.clone(),
                to: to.clone(),
                message_id: format!("<digest.now.{}.{index}@omniprice.localhost>", now.0),
                at: now,
            };
            sent.push(format!("{to}: {}", app.mailer.send(&digest, &envelope).await?));
        }
        say(&if sent.is_empty() {
            "report.recipients is empty: nobody to send to".to_owned()
        } else {
            sent.join("\n")
        })?;
    } else if context.json {
        say(&serde_json::json!({ "subject": digest.subject, "text": digest.text, "html": digest.html }).to_string())?;
    } else if args.html {
        say(&digest.html)?;
    } else {
        say(&format!("Subject: {}\n\n{}", digest.subject, digest.text))?;
    }
    Ok(ExitCode::SUCCESS)
}
