//! `omniprice fx import FILE|fetch|show`: reference rates of the European Central Bank from its daily XML.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::names::count;
use super::{Context, say};
use crate::app::App;
use crate::flow::fx;
use crate::store::settings::{self, Rate};

/// The daily file has two kilobytes, the whole history eight megabytes; more is not even read.
const MAX_FILE: u64 = 64 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import eurofxref-daily.xml, or one of the files with history
    Import { file: PathBuf },
    /// Ask the configured address for the newest rates now
    Fetch,
    /// Show the newest rates
    Show,
}

/// # Errors
/// A file that is no such XML, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    match command {
        Command::Import { file } => {
            let size = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
            if size > MAX_FILE {
                bail!("{}: larger than any file of the ECB\nhint: eurofxref-daily.xml is enough", file.display());
            }
            let text = std::fs::read_to_string(file).with_context(|| {
                format!("{}; hint: give the bank's eurofxref-daily.xml or eurofxref-hist.xml", file.display())
            })?;
            let rates = fx::rates(&text).with_context(|| file.display().to_string())?;
            keep(context, &app, rates, "imported").await?;
        }
        Command::Fetch => {
            let rates = fx::fetch(&app).await?;
            keep(context, &app, rates, "fetched").await?;
        }
        Command::Show => {
            let rates = app.fx().await?;
            context.print(&rates, |rates| match rates {
                None => "no rates yet\nomniprice fx import eurofxref-daily.xml".to_owned(),
                Some(table) => {
                    let rows: Vec<String> =
                        table.rates.iter().map(|(code, rate)| format!("1 EUR = {} {code}", rate.0)).collect();
                    format!("{} ({:?})\n{}", table.date, table.freshness, rows.join("\n"))
                }
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Stores rates, says how many, and lets everything that depends on them follow.
async fn keep(context: &Context, app: &App, rates: Vec<Rate>, how: &str) -> anyhow::Result<()> {
    let days: BTreeSet<&str> = rates.iter().map(|rate| rate.day.as_str()).collect();
    let newest = days.last().copied().unwrap_or_default().to_owned();
    let told = format!("{} of {}, the newest {newest}", count(rates.len(), "rate"), count(days.len(), "day"));
    settings::keep_rates(&app.db, rates, app.now()).await?;
    say(&if context.json { serde_json::json!({ how: told }).to_string() } else { told })
}
