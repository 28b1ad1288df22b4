//! `omniprice competitor list|resume`: whose prices are read, and whose are not believed at the moment.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, named, say, talk};
use crate::clock::Millis;
use crate::observe::crawl;
use crate::report::digest::plain;
use crate::store::rivals::{self, Listed};
use crate::store::{events, targets};

/// Competitors shown at once.
const MOST: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Competitors with their pages, and who is suspended why
    List,
    /// Believe a suspended competitor again; its pages are read anew
    Resume(Resume),
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
            context.print(&all, |all| table(all))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Resume(args) => {
            named("--why", &args.why)?;
            let now = app.now();
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
                format!("{} is believed again; its pages are read anew ({due} pages are due)", plain(&args.name))
            })?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn table(all: &[Listed]) -> String {
    if all.is_empty() {
        return "no competitor pages yet\nomniprice import FILE stores products with their pages".to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["competitor", "pages", "read", "checked", "state"]);
    for one in all {
        let state = match (&one.suspended, one.since) {
            (Some(reason), Some(since)) => format!("suspended since {}: {}", Millis(since), plain(reason)),
            _ => "believed".to_owned(),
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
