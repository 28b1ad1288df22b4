//! `omniprice competitor list|resume|retry`: whose prices are read, whose are not believed, and who does not answer.

use std::process::ExitCode;

use clap::Subcommand;

use super::names::count;
use super::{Context, named, say, talk};
use crate::app::App;
use crate::clock::Millis;
use crate::nearest::meant;
use crate::observe::crawl;
use crate::report::digest::plain;
use crate::store::rivals::{self, Listed};
use crate::store::{events, targets};

/// Competitors shown at once.
const MOST: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Competitors with their pages, who is suspended and who does not answer, and why
    List,
    /// Believe a suspended competitor again; its pages are read anew
    Resume(Resume),
    /// Ask a competitor's hosts again now, although they failed lately and are left alone
    Retry { name: String },
}

#[derive(Debug, clap::Args)]
pub struct Resume {
    name: String,
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

/// # Errors
/// The store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    match command {
        Command::List => {
            let all = rivals::list(&app.db, MOST).await?;
            context.print(&all, |all| context.here(&table(all, app.now())))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Resume(args) => {
            named("--why", &args.why)?;
            let now = app.now();
            known(&app, &args.name).await?;
            let was = rivals::resume(&app.db, args.name.clone(), args.actor.clone(), args.why.clone(), now).await?;
            if !was {
                talk(&format!("{} is not suspended", plain(&args.name)));
                return Ok(ExitCode::SUCCESS);
            }
            events::resolve(&app.db, crawl::dedupe(&args.name), now).await?;
            let due = targets::count_due(&app.db, now).await?;
            say(&if context.json {
                serde_json::json!({ "resumed": args.name, "pages_due": due }).to_string()
            } else {
                format!("{} is believed again; its pages are read anew ({} due)", plain(&args.name), count(due, "page"))
            })?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Retry { name } => {
            if !targets::retry(&app.db, name.clone(), app.now()).await? {
                return Err(unknown(&app, name).await);
            }
            say(&if context.json {
                serde_json::json!({ "retried": name }).to_string()
            } else {
                format!("{} is asked again: at the next round of omniprice run, or by omniprice once", plain(name))
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A competitor that nobody has a page of, with who was probably meant.
async fn unknown(app: &App, name: &str) -> anyhow::Error {
    let all = rivals::list(&app.db, MOST).await.unwrap_or_default();
    let meant = meant(name, all.iter().map(|one| one.competitor.as_str()));
    anyhow::anyhow!("nobody has a page of competitor `{}`{meant}\nhint: omniprice competitor list", plain(name))
}

/// Refuses a competitor that nobody has a page of.
///
/// # Errors
/// The name, or the store's.
pub(super) async fn known(app: &App, name: &str) -> anyhow::Result<()> {
    let all = rivals::list(&app.db, MOST).await?;
    if all.iter().any(|one| one.competitor == name) { Ok(()) } else { Err(unknown(app, name).await) }
}

fn table(all: &[Listed], now: Millis) -> String {
    if all.is_empty() {
        return "no competitor pages yet\nomniprice import FILE stores products with their pages".to_owned();
    }
    let mut table = super::columns(["competitor", "pages", "read", "checked", "state"]);
    for one in all {
        let state = match (&one.suspended, one.since) {
            (Some(reason), Some(since)) => format!("suspended since {}: {}", Millis(since), plain(reason)),
            _ => match &one.problem {
                Some(problem) if one.blocked_until > now.0 => {
                    format!("left alone until {}: {}", Millis(one.blocked_until), plain(problem))
                }
                Some(problem) => format!("believed; a page did not come: {}", plain(problem)),
                None if one.blocked_until > now.0 => {
                    format!("left alone until {}: it answered with walls and no pages", Millis(one.blocked_until))
                }
                None => "believed".to_owned(),
            },
        };
        table.add_row([
            plain(&one.competitor),
            one.pages.to_string(),
            one.read.to_string(),
            one.checked_at.map_or_else(|| "-".to_owned(), |at| Millis(at).to_string()),
            state,
        ]);
    }
    table.to_string()
}
