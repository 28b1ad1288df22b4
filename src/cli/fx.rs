//! `omniprice fx import FILE|show`: reference rates of the European Central Bank from its daily XML.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::{Context, say};
use crate::decide::ecb;
use crate::decide::text::Quoted;
use crate::store::settings::{self, Rate};

/// The daily file has two kilobytes, the whole history eight megabytes; more is not even read.
const MAX_FILE: u64 = 64 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Import eurofxref-daily.xml, or one of the files with history
    Import { file: PathBuf },
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
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            let days = ecb::parse(&text).with_context(|| file.display().to_string())?;
            let newest = days.keys().next_back().map_or_else(String::new, ToString::to_string);
            let number = days.len();
            let of_day = |(day, rates): (_, std::collections::BTreeMap<String, Quoted>)| {
                let day: jiff::civil::Date = day;
                rates.into_iter().map(move |(currency, rate)| Rate {
                    day: day.to_string(),
                    currency,
                    rate: rate.0.to_string(),
                })
            };
            let rates: Vec<Rate> = days.into_iter().flat_map(of_day).collect();
            let told = format!("{} rates of {number} days, the newest {newest}", rates.len());
            settings::keep_rates(&app.db, rates, app.now()).await?;
            say(&if context.json { serde_json::json!({ "imported": told }).to_string() } else { told })?;
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
