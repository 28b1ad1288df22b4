//! `omniprice fx import FILE|show`: reference rates of the European Central Bank from its daily XML.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Context, say};
use crate::money;
use crate::store::settings::{self, Rate};

/// The daily file has two kilobytes, the whole history eight megabytes.
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
            let rates = parse(&text).with_context(|| file.display().to_string())?;
            let days: std::collections::BTreeSet<&str> = rates.iter().map(|rate| rate.day.as_str()).collect();
            let told = format!("{} rates of {} days, the newest {}", rates.len(), days.len(), days.last().copied().unwrap_or("-"));
            settings::keep_rates(&app.db, rates, app.now()).await?;
            say(&if context.json { serde_json::json!({ "imported": told }).to_string() } else { told })?;
        }
        Command::Show => {
            let rates = app.fx().await?;
            context.print(&rates, |rates| match rates {
                None => "no rates yet\nomniprice fx import eurofxref-daily.xml".to_owned(),
                Some(table) => {
                    let rows: Vec<String> = table.rates.iter().map(|(code, rate)| format!("1 EUR = {} {code}", rate.0)).collect();
                    format!("{} ({:?})\n{}", table.date, table.freshness, rows.join("\n"))
                }
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `Cube time='...'` holds `Cube currency='...' rate='...'`; anything else in the file is passed over.
fn parse(text: &str) -> anyhow::Result<Vec<Rate>> {
    let mut reader = Reader::from_str(text);
    let mut day = None;
    let mut rates = Vec::new();
    loop {
        let element = match reader.read_event()? {
            Event::Start(element) | Event::Empty(element) => element,
            Event::DocType(_) => bail!("has a document type, which no file of the ECB has"),
            Event::Eof => break,
            _ => continue,
        };
        let (mut currency, mut rate) = (None, None);
        for attribute in element.attributes() {
            let attribute = attribute?;
            let value = String::from_utf8_lossy(attribute.value.as_ref().as_bytes()).into_owned();
            match attribute.key.as_ref() {
                "time" => day = Some(value.parse::<jiff::civil::Date>().with_context(|| format!("time='{value}'"))?),
                "currency" => currency = Some(value),
                "rate" => rate = Some(value),
                _ => {}
            }
        }
        if let (Some(day), Some(currency), Some(rate)) = (day, currency, rate) {
            let amount = money::decimal(&rate).with_context(|| format!("{currency} of {day}"))?;
            if amount <= money::Decimal::ZERO {
                bail!("{currency} of {day}: {rate} is not a positive rate");
            }
            // Currencies that ISO 4217 has dropped since stand in old files; nothing is priced in them.
            if money::currency(&currency).is_ok() {
                rates.push(Rate { day: day.to_string(), currency, rate });
            }
        }
    }
    if rates.is_empty() {
        bail!("holds no rates\nhint: it should be eurofxref-daily.xml, eurofxref-hist-90d.xml or eurofxref-hist.xml");
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_quotes_and_several_days_are_read() {
        let text = "<?xml version=\"1.0\"?><gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\"><Cube><Cube time='2026-11-20'>\
                    <Cube currency='SEK' rate='11.3595'/><Cube currency=\"DKK\" rate=\"7.4575\"/></Cube><Cube time=\"2026-11-19\"><Cube currency='SEK' rate='11.4'/></Cube></Cube></gesmes:Envelope>";
        let rates = parse(text).unwrap();
        assert_eq!(rates.len(), 3);
        assert_eq!((rates[1].day.as_str(), rates[1].currency.as_str(), rates[1].rate.as_str()), ("2026-11-20", "DKK", "7.4575"));
        assert_eq!(rates[2].day, "2026-11-19");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["<a/>", "<Cube time='2026-11-20'><Cube currency='SEK' rate='1e3'/></Cube>", "<Cube time='x'/>", "<!DOCTYPE a><a/>"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
