//! `omniprice product move`: products into another market or another money, shown first and done with `--yes`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::names::count;
use super::{Context, named, say, talk, wrong};
use crate::app::App;
use crate::catalog::import;
use crate::flow::moving::{self, Plan, Rate, Wish};
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::moves::Move;
use crate::store::products::Import;

/// Products that are listed; `--json` has all of them.
const SHOWN: usize = 20;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take products to another market, or into another money; shows what would be done, and does it with --yes
    Move(Args),
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args(["sku", "category", "from"]))]
pub struct Args {
    /// Where they go: a market of the rules
    #[arg(long)]
    market: String,
    /// These products
    #[arg(long, value_name = "SKU", num_args = 1..)]
    sku: Vec<String>,
    /// All of this category and what is below it
    #[arg(long)]
    category: Option<String>,
    /// All of this market, also where the rules do not have it any more
    #[arg(long, value_name = "MARKET")]
    from: Option<String>,
    /// For another money: an official fixed rate such as "1 EUR = 7.46 DKK", or `recorded` for the newest stored rates
    #[arg(long)]
    rate: Option<String>,
    /// New amounts, in the columns of an import file without need of a market; they come before the rate
    #[arg(long, value_name = "FILE")]
    amounts: Option<PathBuf>,
    #[arg(long)]
    why: String,
    /// Who answers for it
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
    /// Do it; without it nothing is stored
    #[arg(long)]
    yes: bool,
}

/// # Errors
/// Amounts that are missing, products that are busy, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Move(args) = command;
    named("--why", &args.why)?;
    let app = context.app().await?;
    let mut skus = BTreeSet::new();
    for sku in &args.sku {
        skus.insert(super::names::product(&app, sku).await?.sku);
    }
    if let Some(category) = &args.category {
        super::names::category(&app, category).await?;
    }
    let wish = Wish {
        market: args.market.clone(),
        skus,
        category: args.category.clone(),
        from: args.from.clone(),
        rate: rate(&app, args.rate.as_deref()).await?,
        amounts: amounts(&app, args).await?,
    };
    let plan = moving::plan(&app, &wish).await?;
    if !plan.problems.is_empty() {
        let more = if plan.more == 0 { String::new() } else { format!("\nand {} more", count(plan.more, "problem")) };
        return Err(wrong(format!("{}{more}", plan.problems.join("\n"))));
    }
    if plan.moves.is_empty() && plan.there == 0 {
        return Err(wrong("no product is selected\nhint: omniprice explain SKU tells the market of a product"));
    }
    if plan.unmeasured && plan.moves.iter().any(|one| one.from_currency != one.currency) {
        talk("note: no stored rate tells whether --rate is turned round or a digit too long; look at the amounts");
    }
    let shown = plan.moves.iter().map(told).collect::<anyhow::Result<Vec<String>>>()?;
    let moves = plan.moves.len();
    let there = plan.there;
    if args.yes {
        let Plan { moves, .. } = plan;
        moving::carry_out(&app, moves, &args.actor, &args.why).await?;
    }
    say(&if context.json {
        serde_json::json!({ "moved": args.yes, "products": moves, "there_already": there, "moves": shown }).to_string()
    } else {
        text(&shown, there, args)
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn rate(app: &App, text: Option<&str>) -> anyhow::Result<Option<Rate>> {
    let Some(text) = text else { return Ok(None) };
    if text == "recorded" {
        let Some(mut table) = app.fx().await? else {
            return Err(wrong(
                "--rate recorded: there are no stored rates\nhint: omniprice fx fetch, or --rate \"1 EUR = 7.46 DKK\"",
            ));
        };
        // What is added on prices of channels is no part of what an amount is worth.
        table.buffer_pct = crate::money::Decimal::ZERO;
        return Ok(Some(Rate::Recorded(table)));
    }
    let read = Rate::parse(text);
    read.map(Some)
        .ok_or_else(|| wrong(format!("--rate `{}` is no rate\nhint: \"1 EUR = 7.46 DKK\", or recorded", plain(text))))
}

/// The rows of the file by SKU, read as an import reads them.
async fn amounts(app: &App, args: &Args) -> anyhow::Result<BTreeMap<String, Import>> {
    let Some(path) = &args.amounts else { return Ok(BTreeMap::new()) };
    let file = File::open(path).with_context(|| {
        format!("--amounts {}; hint: docs/catalogue.md says what the CSV file holds", path.display())
    })?;
    let rules = app.rules().await?;
    let parsed = import::read_in(file, &rules.set, Some(&args.market), |_| {});
    if !parsed.errors.is_empty() {
        let told: Vec<String> = parsed.errors.iter().take(SHOWN).map(ToString::to_string).collect();
        return Err(wrong(format!("--amounts {}: {}", path.display(), told.join("\n"))));
    }
    if let Some(other) = parsed.rows.iter().find(|row| row.market != args.market) {
        return Err(wrong(format!(
            "--amounts {}: {} is in market {}\nhint: take the column out, or let it say {}",
            path.display(),
            plain(&other.sku),
            plain(&other.market),
            plain(&args.market)
        )));
    }
    Ok(parsed.rows.into_iter().map(|row| (row.sku.clone(), row)).collect())
}

/// `KETTLE: DK 499.00 DKK -> EE 66.89 EUR, cost 33.52, min 40.22; at 1 EUR = 7.46 DKK`.
fn told(one: &Move) -> anyhow::Result<String> {
    let (from, to) = (currency(&one.from_currency)?, currency(&one.currency)?);
    let mut line = format!(
        "{}: {} {} -> {} {}",
        plain(&one.sku),
        one.from_market,
        Money::from_minor(one.from_minor, from),
        one.market,
        Money::from_minor(one.own_minor, to)
    );
    line.extend(one.cost_net.iter().map(|cost| format!(", cost {cost}")));
    let rest = [
        ("min", one.min_minor),
        ("regular", one.regular_minor),
        ("msrp", one.msrp_minor),
        ("map", one.map_minor),
        ("shipping", one.own_shipping_minor),
        ("set by hand", one.set_minor),
    ];
    for (name, minor) in rest {
        line.extend(minor.map(|minor| format!(", {name} {}", Money::from_minor(minor, to).amount())));
    }
    Ok(format!("{line}; {}", one.how))
}

fn text(shown: &[String], there: usize, args: &Args) -> String {
    let market = plain(&args.market);
    let mut lines: Vec<String> = shown.iter().take(SHOWN).cloned().collect();
    if shown.len() > SHOWN {
        talk(&format!("and {} more; --json lists them", count(shown.len() - SHOWN, "product")));
    }
    if there > 0 {
        lines.push(format!("{} there already", count(there, "product")));
    }
    let moved = count(shown.len(), "product");
    lines.push(match (args.yes, shown.is_empty()) {
        (_, true) => "nothing to move".to_owned(),
        (true, false) => format!("{moved} moved to {market}; each is decided anew, and older prices in another money are compared with none of these"),
        (false, false) => format!("{moved} would be moved to {market}; nothing is stored\nnext: the same command with --yes"),
    });
    lines.join("\n")
}
