//! `omniprice mail test`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, NEEDS_A_PERSON};
use crate::report::digest::Digest;
use crate::report::mail::MailError;
use crate::report::{self, people};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask the mail server for a connection, log in, and send one short mail
    Test {
        /// Where to [default: the first person who gets digests]
        #[arg(long, value_name = "MAIL")]
        to: Option<String>,
        /// Only connect and log in
        #[arg(long)]
        no_mail: bool,
    },
}

/// # Errors
/// The configuration's or the store's; what the server says is the result.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Test { to, no_mail } = command;
    let app = context.app().await?;
    let mut said = vec![("connection", None, app.mailer.probe().await)];
    let first = people::everybody(&app).await?.into_iter().find(|person| !person.off).map(|person| person.mail);
    let connected = said.iter().all(|(.., result)| result.is_ok());
    if let Some(to) = to.clone().or(first).filter(|_| connected && !no_mail) {
        let reader = people::reader(&app, &to).await?;
        let at = reader.voice.at(app.now());
        let mail = Digest {
            subject: format!("omniprice: test ({at})"),
            text: format!("omniprice {}\n{at}\n", env!("CARGO_PKG_VERSION")),
            ..Digest::default()
        };
        let id = report::message_id("test", &reader.address, &app.now().0.to_string(), &app.config.mail.from);
        let sent = app.mailer.send(&mail, &report::envelope(&app, &reader, id, vec![])).await;
        said.push(("mail", Some(reader.address), sent));
    }
    let results: Vec<_> = said
        .iter()
        .map(|(step, to, result)| {
            let (ok, again, detail) = match result {
                Ok(detail) => (true, false, detail.clone()),
                Err(error) => (false, matches!(error, MailError::Temporary(_)), error.to_string()),
            };
            serde_json::json!({ "step": step, "to": to, "ok": ok, "worth_trying_again": again, "detail": detail })
        })
        .collect();
    context.print(&results, |_| {
        let line = |(step, to, result): &(&str, Option<String>, Result<String, MailError>)| {
            let to = to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
            match result {
                Ok(detail) => format!("{step}{to}: ok, {detail}"),
                Err(error) => format!("{step}{to}: {error}"),
            }
        };
        said.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    let failed = said.iter().any(|(.., result)| result.is_err());
    Ok(if failed { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}
