//! `omniprice init`: asks or takes flags, and writes a configuration and a first rule set that are ready to run and
//! safe: nothing goes out before a person says so, and nothing ever below cost plus VAT and a margin.

use std::fs::OpenOptions;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::{Context, say, talk, wrong};
use crate::decide::country::currencies;
use crate::money::currency;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write into
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Country of the market, such as DK
    #[arg(long)]
    country: Option<String>,
    /// Currency of the market, such as DKK
    #[arg(long)]
    currency: Option<String>,
    /// Time zone, such as Europe/Copenhagen
    #[arg(long)]
    time_zone: Option<String>,
    /// A page that explains your price checks; part of the user agent
    #[arg(long)]
    contact: Option<String>,
    /// Mail address for the digest
    #[arg(long)]
    digest_to: Option<String>,
    /// Smallest margin in percent of the net price
    #[arg(long)]
    margin: Option<String>,
}

struct Answers {
    country: String,
    currency: String,
    time_zone: String,
    contact: String,
    digest_to: String,
    margin: String,
}

/// # Errors
/// Files that are already there, or answers that make no configuration.
pub fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let answers = ask(args)?;
    check(&answers)?;
    let usual = usual(&answers.country).0;
    currency(&answers.currency).map_err(|error| {
        wrong(format!(
            "--currency {}: {error}\nhint: --currency {usual}, or another three-letter code",
            answers.currency
        ))
    })?;
    let margin = crate::money::decimal(&answers.margin).ok().filter(|margin| !margin.is_sign_negative());
    margin.ok_or_else(|| {
        wrong(format!(
            "--margin {}: not a percentage\nhint: digits only, such as --margin 10 or --margin 12.5",
            answers.margin
        ))
    })?;
    let files =
        [("omniprice.toml", config(&answers)), ("rules.toml", rules(&answers)), ("products.csv", PRODUCTS.to_owned())];
    crate::app::parse_rules(Path::new("rules.toml"), &files[1].1).context("the answers make no rule set")?;
    std::fs::create_dir_all(&args.dir).with_context(|| args.dir.display().to_string())?;
    let taken: Vec<String> = files
        .iter()
        .map(|(name, _)| args.dir.join(name))
        .filter(|path| path.exists())
        .map(|path| path.display().to_string())
        .collect();
    if !taken.is_empty() {
        bail!("{} already there\nhint: move them away, or give another --dir", taken.join(", "));
    }
    for (name, text) in &files {
        let path = args.dir.join(name);
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&path).with_context(|| path.display().to_string())?;
        file.write_all(text.as_bytes())?;
    }
    let here = args.dir == Path::new(".");
    let flag = if here { String::new() } else { format!(" --config {}", args.dir.join("omniprice.toml").display()) };
    if context.json {
        let names: Vec<_> = files.iter().map(|(name, _)| args.dir.join(name)).collect();
        say(&serde_json::json!({ "written": names }).to_string())?;
    } else {
        talk("wrote omniprice.toml, rules.toml and products.csv (an example of the columns)");
        talk("nothing goes to any channel until mode = \"auto\" or an approval");
        say(&format!(
            "next:\n  edit products.csv, then  omniprice{flag} import products.csv --dry-run\n  omniprice{flag} check\n  omniprice{flag} once"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn ask(args: &Args) -> anyhow::Result<Answers> {
    let terminal = std::io::stdin().is_terminal();
    let one = |given: &Option<String>, question: &str, default: &str| -> anyhow::Result<String> {
        if let Some(given) = given {
            return Ok(given.trim().to_owned());
        }
        if !terminal {
            return Ok(default.to_owned());
        }
        talk(&format!("{question} [{default}]:"));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let line = line.trim();
        Ok(if line.is_empty() { default.to_owned() } else { line.to_owned() })
    };
    let country = one(&args.country, "Country of your market", "DK")?.to_ascii_uppercase();
    let (money, zone) = usual(&country);
    Ok(Answers {
        currency: one(&args.currency, "Currency", money)?.to_ascii_uppercase(),
        time_zone: one(&args.time_zone, "Time zone", zone)?,
        contact: one(
            &args.contact,
            "Web page that explains your price checks",
            "https://example.invalid/price-checks",
        )?,
        digest_to: one(&args.digest_to, "Mail address for the digest (empty: none)", "")?,
        margin: one(&args.margin, "Smallest margin in percent", "10")?,
        country,
    })
}

/// What would make a configuration that is written and does nothing.
fn check(answers: &Answers) -> anyhow::Result<()> {
    let vat = crate::decide::vat::VatTable::parse(include_str!("../../config/vat.toml"))?;
    let country = if answers.country == "GB" { "UK" } else { &answers.country };
    let known: std::collections::BTreeSet<&str> = vat.rows().iter().map(|row| row.country.as_str()).collect();
    if !known.contains(country) {
        let known: Vec<&str> = known.into_iter().collect();
        bail!(
            "--country {}: no VAT rates are known for it\nhint: a two-letter code, one of {}",
            answers.country,
            known.join(", ")
        );
    }
    if !answers.digest_to.is_empty() && answers.digest_to.parse::<lettre::message::Mailbox>().is_err() {
        bail!("--digest-to {}: not a mail address\nhint: \"You <you@shop.example>\"", answers.digest_to);
    }
    Ok(())
}

fn usual(country: &str) -> (&'static str, &'static str) {
    let zone = match country {
        "AT" => "Europe/Vienna",
        "BG" => "Europe/Sofia",
        "CH" => "Europe/Zurich",
        "CY" => "Asia/Nicosia",
        "CZ" => "Europe/Prague",
        "DE" => "Europe/Berlin",
        "DK" => "Europe/Copenhagen",
        "EE" => "Europe/Tallinn",
        "ES" => "Europe/Madrid",
        "FI" => "Europe/Helsinki",
        "FR" => "Europe/Paris",
        "GR" => "Europe/Athens",
        "HR" => "Europe/Zagreb",
        "HU" => "Europe/Budapest",
        "IE" => "Europe/Dublin",
        "IT" => "Europe/Rome",
        "LT" => "Europe/Vilnius",
        "LU" => "Europe/Luxembourg",
        "LV" => "Europe/Riga",
        "MT" => "Europe/Malta",
        "NL" => "Europe/Amsterdam",
        "NO" => "Europe/Oslo",
        "PL" => "Europe/Warsaw",
        "PT" => "Europe/Lisbon",
        "RO" => "Europe/Bucharest",
        "SE" => "Europe/Stockholm",
        "SI" => "Europe/Ljubljana",
        "SK" => "Europe/Bratislava",
        "UK" | "GB" => "Europe/London",
        "US" => "America/New_York",
        _ => "Europe/Brussels",
    };
    (currencies(country).first().copied().unwrap_or("EUR"), zone)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn config(a: &Answers) -> String {
    let recipients = if a.digest_to.is_empty() { "[]".to_owned() } else { format!("[{}]", quoted(&a.digest_to)) };
    format!(
        r#"# Only what differs from the defaults; `omniprice config default` prints every key with what it is for.
mode = "review"   # every proposed price waits for `omniprice approve`; "auto" once you trust it

[fetch]
user_agent = {agent}

[schedule]
every = "6h"
time_zone = {zone}

[report]
digest = "0 7 * * *"
time_zone = {zone}
recipients = {recipients}

# A first channel; `omniprice channel kinds` shows an example of every kind.
[channels.feed]
kind = "feed"
path = "feeds/products.xml"
title = "Our shop"
link = "https://shop.example/p/{{sku}}"
currency = {currency}
tax = "gross"
"#,
        agent = quoted(&format!("omniprice/0.1 (+{})", a.contact)),
        zone = quoted(&a.time_zone),
        currency = quoted(&a.currency),
    )
}

fn rules(a: &Answers) -> String {
    let omnibus = match a.country.as_str() {
        country @ ("DK" | "SE" | "PL" | "DE" | "FI" | "UK" | "US") => country,
        "GB" => "UK",
        _ => "EU",
    };
    format!(
        r#"# Markets and rules. A changed file is a new revision, and every decision cites the revision it was made with.
schema = 1

[[market]]
id = {country}
country = {country}
currency = {currency}
tax = "gross"
tz = {zone}
vat = "standard"
omnibus = "{omnibus}"

[[rule]]
id = "match-cheapest"
priority = 100
mode = "auto"                       # the global mode in omniprice.toml still holds everything back

[rule.target]
kind = "lowest"                     # the cheapest competitor

[rule.offers]
availability = ["in_stock", "limited", "unknown"]   # unknown: pages that say nothing; a rise never rests on them

[rule.bounds]
min = [ {{ margin_pct = {margin} }} ]   # never below this margin; without a known cost nothing is decided
on_below_floor = "floor"
on_no_data = [ "keep" ]

[rule.limits]
max_step_down_pct = "5"
max_step_up_pct = "10"
min_change_pct = "0.5"
cooldown_min = 60
max_changes_per_day = 4
review_above_pct = "10"

# Prices that end on .95, and on 9 from 100 on, never above the target; take the signs at the beginning of the lines away to use it.
# [rule.rounding]
# direction = "down"
# tiers = [
#   {{ below = "100.00", modulus = "1.00", endings = ["0.95"] }},
#   {{ modulus = "10.00", endings = ["9.00"] }},
# ]
"#,
        country = quoted(&a.country),
        currency = quoted(&a.currency),
        zone = quoted(&a.time_zone),
        margin = quoted(&a.margin),
    )
}

const PRODUCTS: &str = "sku,title,brand,category,price,cost,gtin,stock,urls\n\
EXAMPLE-1,Kettle 1.7 l,Acme,kitchen/kettles,499.00,250.00,,12,https://competitor.example/kettle https://other.example/p/17\n";
