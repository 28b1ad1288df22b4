//! `omniprice import FILE`: products and competitor pages, all rows or none.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use super::names::count;
use super::{Context, WRONG_INPUT, talk};
use crate::app::{App, Loaded};
use crate::catalog::import::{self, MAX_ERRORS};
use crate::clock::Millis;
use crate::decide::vat::factor;
use crate::money::{Decimal, Money, currency, decimal};
use crate::report::digest::plain;
use crate::store::StoreError;
use crate::store::products::{self, Import};

/// Errors shown to a person; `--json` has all of them.
const SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV in UTF-8 with a header: sku,title,price,cost,urls and more
    file: PathBuf,
    /// Read and check everything, store nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(serde::Serialize)]
struct Report {
    lines: u64,
    products: usize,
    pages: usize,
    /// Pages that no product had before.
    new_pages: Option<u64>,
    /// Products stored earlier that this file does not name; they stay as they are.
    not_in_file: Option<i64>,
    /// Products of this file without cost and minimum once it is stored: they are watched, and no price of theirs goes out by
    /// itself.
    without_floor: Option<i64>,
    /// What is taken as it is and will surprise somebody who did not mean it.
    notes: Vec<String>,
    stored: bool,
    errors: Vec<import::RowError>,
}

/// # Errors
/// A file that cannot be read, or the store's.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let file = File::open(&args.file)
        .with_context(|| format!("{}; hint: docs/catalogue.md says what the CSV file holds", args.file.display()))?;
    let rules = app.rules().await?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {pos} rows")?);
    let parsed = import::read(file, &rules.set, |lines| bar.set_position(lines));
    bar.finish_and_clear();
    let mut report = Report {
        lines: parsed.lines,
        products: parsed.rows.len(),
        pages: parsed.rows.iter().map(|row| row.pages.len()).sum(),
        new_pages: None,
        not_in_file: None,
        without_floor: None,
        notes: notes(&app, &rules, &parsed.rows, app.now()),
        stored: false,
        errors: parsed.errors,
    };
    if report.errors.is_empty() {
        let lines = parsed.rows.iter().map(|row| row.sku.clone()).zip(parsed.at).collect();
        let imported = match args.dry_run {
            true => products::try_import(&app.db, parsed.rows, app.now()).await,
            false => products::import_for(&app.db, parsed.rows, carriers(&app), app.now()).await,
        };
        match imported {
            Ok(imported) => {
                report.new_pages = Some(imported.new_pages);
                report.without_floor = Some(imported.without_floor);
                report.not_in_file = Some(imported.not_named);
                report.stored = !args.dry_run;
            }
            Err(StoreError::OtherMarket(found)) => report.errors = import::elsewhere(&lines, &found),
            Err(error) => return Err(error.into()),
        }
    }
    context.print(&report, |r| text(r, args.dry_run))?;
    Ok(if report.errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WRONG_INPUT) })
}

/// Channels that are to be told of a title or of a stock that is used up.
fn carriers(app: &App) -> Vec<String> {
    let carry = app.lanes.iter().filter(|lane| lane.channel.capabilities().attributes);
    carry.map(|lane| lane.name.clone()).collect()
}

/// Products that cannot be priced for want of a VAT rate, and those whose price is below their own minimum or their cost.
fn notes(app: &App, rules: &Loaded, rows: &[Import], now: Millis) -> Vec<String> {
    let mut untaxed: BTreeMap<(&str, &str), (usize, &str)> = BTreeMap::new();
    let mut below: Option<(usize, &str)> = None;
    let mut at_a_loss: Option<(usize, &str)> = None;
    for row in rows {
        if let Some(market) = rules.set.market(&row.market) {
            let today = now.timestamp().to_zoned(market.market.tz.0.clone()).date();
            match app.vat.at(&market.market.country, &row.vat_class, today) {
                Ok(vat) if costs_more(row, vat.percent) => at_a_loss.get_or_insert((0, &row.sku)).0 += 1,
                Ok(_) => {}
                Err(_) => untaxed.entry((&market.market.country, &row.vat_class)).or_insert((0, &row.sku)).0 += 1,
            }
        }
        if row.min_minor.is_some_and(|min| min > row.own_minor) {
            below.get_or_insert((0, &row.sku)).0 += 1;
        }
    }
    let untaxed = untaxed.into_iter().map(|((country, class), (n, sku))| {
        format!(
            "VAT class `{}`, for which {country} has no rate today, so that no price goes out: {}\n  hint: add a row to [vat] in omniprice.toml, or correct the column `vat`",
            plain(class),
            first(n, sku)
        )
    });
    let below = below.map(|(n, sku)| {
        format!("a price below the product's own `min`, to which the next decision raises it: {}", first(n, sku))
    });
    let at_a_loss = at_a_loss.map(|(n, sku)| {
        format!(
            "a price below the purchase cost with VAT: {}\n  hint: correct `price` or `cost`; nothing is sent there before a decision, which may wait for a person",
            first(n, sku)
        )
    });
    untaxed.chain(below).chain(at_a_loss).collect()
}

/// How many products, and one of them.
fn first(n: usize, sku: &str) -> String {
    let sku = plain(sku);
    if n == 1 { format!("1 product, {sku}") } else { format!("{n} products, {sku} first") }
}

/// Whether the purchase cost with VAT is above the price.
fn costs_more(row: &Import, vat_pct: Decimal) -> bool {
    let gross = |cost: &str| decimal(cost).ok()?.checked_mul(factor(vat_pct)?);
    let price = currency(&row.currency).map(|own| Money::from_minor(row.own_minor, own).amount());
    row.cost_net.as_deref().and_then(gross).zip(price.ok()).is_some_and(|(cost, price)| cost > price)
}

fn text(report: &Report, dry_run: bool) -> String {
    for error in report.errors.iter().take(SHOWN) {
        talk(&error.to_string());
    }
    if report.errors.len() > SHOWN {
        let more = if report.errors.len() >= MAX_ERRORS { "at least " } else { "" };
        talk(&format!("and {more}{} more; --json lists them", report.errors.len() - SHOWN));
    }
    for note in &report.notes {
        talk(&format!("note: {note}"));
    }
    let counts =
        [count(report.lines, "row"), count(report.products, "product"), count(report.pages, "competitor page")]
            .join(", ");
    match report.errors.len() {
        0 => {
            let others = match report.not_in_file {
                None | Some(0) => String::new(),
                Some(n) => {
                    format!("\nnot in this file: {} of earlier imports, which stay as before", count(n, "product"))
                }
            };
            let new = report.new_pages.unwrap_or(0);
            let others = match report.without_floor {
                None | Some(0) => others,
                Some(n) => format!(
                    "{others}\nwith neither cost nor min, so watched and never priced or sent: {}",
                    count(n, "product")
                ),
            };
            let new = count(new, "page");
            if dry_run {
                format!("{counts}, {new} new: all good, nothing stored (dry run){others}")
            } else {
                format!("{counts} imported, {new} new{others}\nnext: omniprice once, or omniprice run")
            }
        }
        n => format!("{counts}: {}, nothing stored", count(n, "problem")),
    }
}
