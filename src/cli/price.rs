//! `omniprice price set|clear|list`: prices that a person sets, with owner, reason and end, and what is locked.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, named, say, talk, when, wrong};
use crate::clock::Millis;
use crate::decide::release::Guard;
use crate::flow::intent;
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::overrides::{self, Kind, New, Override};

/// Overrides shown at once.
const MOST: i64 = 10_000;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set a product's price by hand until an end; rules wait meanwhile
    Set(Set),
    /// Let the rules decide again
    Clear(Clear),
    /// Everything that people have set or locked
    List,
}

#[derive(Debug, clap::Args)]
pub struct Set {
    sku: String,
    /// In the product's currency and as customers see it, such as 449.00
    amount: String,
    #[arg(long)]
    why: String,
    /// Who answers for it
    #[arg(long, env = "USER", default_value = "operator")]
    owner: String,
    /// When rules decide again: `7d`, `12h` or an instant
    #[arg(long)]
    until: String,
    /// Although a guard finds the amount odd: a slipped decimal, a very large step
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub struct Clear {
    sku: String,
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

/// # Errors
/// An unknown SKU, an amount below the floor, or the store's.
pub async fn run(context: &Context, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Set(args) => set(context, args).await,
        Command::Clear(args) => clear(context, args).await,
        Command::List => list(context).await,
    }
}

async fn set(context: &Context, args: &Set) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let now = app.now();
    named("--why", &args.why)?;
    let until = when::until(&args.until, now).map_err(wrong)?;
    let product = super::product(&app, &args.sku).await?;
    let own = currency(&product.currency)?;
    let price = Money::parse(&args.amount, own)
        .map_err(|error| wrong(format!("`{}`: {error}\nhint: write it as in 449.00", args.amount)))?;
    let findings = intent::examine(&app, &product, price, now).await?;
    if let Some((_, why)) = findings.iter().find(|(guard, _)| matches!(guard, Guard::Eligibility | Guard::FreshFloor)) {
        anyhow::bail!(
            "{}: {why}\nhint: nobody may set a price there; correct the product's cost or choose a higher price",
            plain(&product.sku)
        );
    }
    let odd: Vec<&str> = findings.iter().map(|(_, why)| why.as_str()).collect();
    if !odd.is_empty() && !args.yes {
        return Err(wrong(format!(
            "{}: {}\nhint: if {price} is meant, repeat the command with --yes",
            plain(&product.sku),
            odd.join("; ")
        )));
    }
    let new = New {
        product_id: product.id,
        kind: Kind::Price,
        price_minor: Some(price.minor()),
        currency: product.currency.clone(),
        owner: args.owner.clone(),
        why: args.why.clone(),
        until: Some(until),
    };
    overrides::set(&app.db, new, now).await?;
    say(&if context.json {
        serde_json::json!({ "sku": product.sku, "price": price.to_string(), "until": until.0 }).to_string()
    } else {
        let mut told = format!("{} costs {price} until {until}; then the rules decide again", plain(&product.sku));
        if product.locked != 0 {
            told += "\nit is locked, and a lock comes first: omniprice unlock";
        }
        told
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn clear(context: &Context, args: &Clear) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    named("--why", &args.why)?;
    let product = super::product(&app, &args.sku).await?;
    let ended =
        overrides::end(&app.db, product.id, Kind::Price, args.actor.clone(), args.why.clone(), app.now()).await?;
    if !ended {
        talk(&format!("nobody has set a price of {}", plain(&product.sku)));
        return Ok(ExitCode::SUCCESS);
    }
    say(&if context.json {
        serde_json::json!({ "cleared": product.sku }).to_string()
    } else {
        format!("{} follows rules again", plain(&product.sku))
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let all = overrides::list(&app.db, app.now(), MOST).await?;
    context.print(&all, |all| table(all))?;
    Ok(ExitCode::SUCCESS)
}

fn table(all: &[Override]) -> String {
    if all.is_empty() {
        return "nothing is set or locked by hand".to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["sku", "kind", "price", "owner", "until", "why"]);
    for one in all {
        let price = one.price_minor.zip(currency(&one.currency).ok()).map(|(m, c)| Money::from_minor(m, c).to_string());
        table.add_row([
            plain(&one.sku),
            one.kind.clone(),
            price.unwrap_or_default(),
            plain(&one.owner),
            one.until_at.map_or_else(|| "-".to_owned(), |at| Millis(at).to_string()),
            plain(&one.why),
        ]);
    }
    table.to_string()
}
