//! `omniprice digest --preview|--send-now`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::{Context, NEEDS_A_PERSON, say, talk};
use crate::app::App;
use crate::clock::Millis;
use crate::report::digest::Digest;
use crate::report::reader::Reader;
use crate::report::text::plain;
use crate::report::{self, people};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the digest of the last hours without sending it (the default)
    #[arg(long)]
    preview: bool,
    /// The person whose digest it is, by mail address [default: the first one; with --send-now, everybody]
    #[arg(long = "for", value_name = "PERSON")]
    person: Option<String>,
    /// Hours back from now
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Print the HTML part instead of the text
    #[arg(long)]
    html: bool,
    /// Open it in the browser, pictures included
    #[arg(long, conflicts_with = "send_now")]
    open: bool,
    /// Send it now, besides the schedule
    #[arg(long, conflicts_with = "preview")]
    send_now: bool,
}

/// # Errors
/// The store's, or a page that cannot be written; a mail that does not go out is said and counted.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let now = app.now();
    let from = now.plus(-i64::from(args.hours) * Millis::HOUR);
    if args.send_now {
        return send(context, &app, args.person.as_deref(), from, now).await;
    }
    let first = people::everybody(&app).await?.into_iter().next();
    let first = first.map_or_else(|| "Preview <preview@localhost>".to_owned(), |person| person.mail);
    let reader = match &args.person {
        Some(mail) => people::known(&app, mail).await?,
        None => people::reader(&app, &first).await?,
    };
    let mail = plain(&reader.address);
    if args.person.is_none() {
        talk(&format!("the digest of {mail}; --for PERSON shows another one"));
    }
    if reader.person.off {
        talk(&format!(
            "{mail} has unsubscribed and is sent nothing\nhint: `omniprice subscription set {mail} off=false` takes it back"
        ));
    }
    let tracks = report::tracks(&app, from).await?;
    let Some(digest) = report::digest_for(&app, &tracks, &reader, from, now).await? else {
        say(if context.json { "null" } else { "nothing to tell: no digest would be sent" })?;
        return Ok(ExitCode::SUCCESS);
    };
    if args.open {
        open(&digest, now)?;
    } else if context.json {
        let files: Vec<_> =
            digest.files.iter().map(|f| serde_json::json!({ "name": f.name, "bytes": f.bytes.len() })).collect();
        let out = serde_json::json!({
            "person": reader.address, "subject": digest.subject, "text": digest.text, "html": digest.html,
            "pictures": digest.images.len(), "files": files,
        });
        say(&out.to_string())?;
    } else if args.html {
        say(&digest.html)?;
    } else {
        say(&format!("Subject: {}\n\n{}", digest.subject, digest.text))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn send(
    context: &Context,
    app: &App,
    person: Option<&str>,
    from: Millis,
    now: Millis,
) -> anyhow::Result<ExitCode> {
    let readers: Vec<Reader> = match person {
        Some(mail) => vec![people::known(app, mail).await?],
        None => people::readers(app).await?,
    };
    if readers.is_empty() {
        talk("nobody to send to\nhint: set report.recipients, or `omniprice subscription set MAIL`");
    }
    if let Some(off) = readers.iter().find(|reader| reader.person.off) {
        let mail = plain(&off.address);
        bail!(
            "{mail} has unsubscribed and is sent nothing\nhint: `omniprice digest --preview --for {mail}` shows what it would be; `omniprice subscription set {mail} off=false` takes it back"
        );
    }
    let tracks = report::tracks(app, from).await?;
    let (mut results, mut failed) = (Vec::new(), 0);
    for reader in &readers {
        let sent = match report::digest_for(app, &tracks, reader, from, now).await? {
            None => Ok("nothing to tell".to_owned()),
            Some(digest) => {
                let id =
                    report::message_id("digest", &reader.address, &format!("now {}", now.0), &app.config.mail.from);
                app.mailer.send(&digest, &report::envelope(app, reader, id, vec![])).await
            }
        };
        failed += usize::from(sent.is_err());
        let (state, detail) = match sent {
            Ok(detail) => (if detail == "nothing to tell" { "skipped" } else { "sent" }, detail),
            Err(error) => ("failed", error.to_string()),
        };
        results.push(serde_json::json!({ "person": reader.address, "state": state, "detail": detail }));
    }
    context.print(&results, |results| {
        let line = |r: &serde_json::Value| {
            let part = |key: &str| r.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            format!("{}: {} ({})", part("person"), part("state"), part("detail"))
        };
        results.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(if failed > 0 { ExitCode::from(NEEDS_A_PERSON) } else { ExitCode::SUCCESS })
}

/// Without a browser the page is still there, and the hint says where.
fn open(digest: &Digest, now: Millis) -> anyhow::Result<()> {
    let name = format!("omniprice-digest-{}-{}.html", std::process::id(), now.0);
    let path: PathBuf = std::env::temp_dir().join(name);
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create_new(true);
    // Its links approve prices for whoever follows them.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let mut file = new.open(&path).with_context(|| path.display().to_string())?;
    file.write_all(digest.page().as_bytes()).with_context(|| path.display().to_string())?;
    talk(&format!("written to {}", path.display()));
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    if let Err(why) = std::process::Command::new(opener).arg(&path).spawn() {
        talk(&format!("{opener}: no browser could be started: {why}\nhint: open {} yourself", path.display()));
    }
    Ok(())
}
