//! `omniprice subscription list|set|remove`.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use super::{Context, talk};
use crate::config::{Person, address};
use crate::report::link::Purpose;
use crate::report::people;
use crate::report::text::plain;
use crate::store::subscriptions;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who is told what
    List {
        /// Print each person's own link to these settings
        #[arg(long)]
        links: bool,
    },
    /// Change what a person is told, or add a person: KEY=VALUE, lists with commas
    Set {
        mail: String,
        #[arg(value_name = "KEY=VALUE")]
        wishes: Vec<String>,
        /// Who changes it
        #[arg(long, env = "USER", default_value = "operator")]
        actor: String,
    },
    /// Forget a person's changes; the configured wishes hold again, somebody who is not configured is gone
    Remove { mail: String },
}

/// # Errors
/// Wishes that make no sense, an unknown person, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    match command {
        Command::List { links } => {
            if *links && app.config.report.link.is_empty() {
                talk(
                    "nobody has a link: report.link is not set\nhint: link = \"https://prices.shop.example\" under [report], where people reach omniprice run",
                );
            }
            let signer = people::links(&app).await?;
            let everybody = people::everybody(&app).await?;
            let mut shown = Vec::with_capacity(everybody.len());
            for person in everybody {
                let mut value = serde_json::to_value(&person)?;
                if let Some(object) = value.as_object_mut().filter(|_| *links) {
                    let link = signer.url(Purpose::Settings, &person.address(), None);
                    object.insert("link".to_owned(), link.into());
                }
                shown.push(value);
            }
            context.print(&shown, |shown| shown.iter().map(line).collect::<Vec<_>>().join("\n"))?;
        }
        Command::Set { mail, wishes, actor } => {
            if mail.parse::<lettre::message::Mailbox>().is_err() {
                bail!("`{mail}` is not a mail address\nhint: omniprice subscription set ann@shop.example language=da");
            }
            let changes = wishes.iter().map(|wish| people::parse_whole(wish)).collect::<Result<_, _>>()?;
            let person = people::change(&app, mail, changes, actor, "by command").await?;
            for empty in people::empty_categories(&app, &person).await? {
                talk(&empty);
            }
            if person.off {
                let mail = plain(&person.address());
                talk(&format!(
                    "{mail} has unsubscribed and is sent nothing\nhint: `omniprice subscription set {mail} off=false` takes it back"
                ));
            }
            context.print(&person, describe)?;
        }
        Command::Remove { mail } => {
            if !subscriptions::remove(&app.db, address(mail)).await? {
                bail!("nothing was changed for `{mail}`\nhint: omniprice subscription list; config holds the others");
            }
            let still = people::everybody(&app).await?.iter().any(|person| person.address() == address(mail));
            let follows = if still { "the configured wishes hold again" } else { "nothing is sent there any more" };
            context.print(&serde_json::json!({ "removed": address(mail), "configured": still }), |_| {
                format!("{mail}: changes forgotten; {follows}")
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(person: &Person) -> String {
    serde_json::to_value(person).map(|value| line(&value)).unwrap_or_default()
}

/// One person with the wishes that differ from nothing.
fn line(person: &serde_json::Value) -> String {
    let empty = |value: &serde_json::Value| match value {
        serde_json::Value::Null | serde_json::Value::Bool(false) => true,
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Array(list) => list.is_empty(),
        _ => false,
    };
    let told = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => crate::report::text::plain(text),
        serde_json::Value::Array(list) => {
            list.iter().filter_map(|v| v.as_str()).map(crate::report::text::plain).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    let Some(object) = person.as_object() else { return String::new() };
    let mail = object.get("mail").map(told).unwrap_or_default();
    let wishes = object.iter().filter(|(key, value)| *key != "mail" && !empty(value));
    let wishes: Vec<String> = wishes.map(|(key, value)| format!("{key}={}", told(value))).collect();
    format!("{mail}: {}", wishes.join(" "))
}
