//! `omniprice price set|clear|list`: prices that a person sets, with owner, reason and end, and what is locked.

use std::process::ExitCode;

use clap::Subcommand;

use super::{Context, named, say, talk, when, wrong};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::release::Guard;
use crate::decide::{Flag, gates};
use crate::flow::{facts, intent};
use crate::money::{Money, currency};
use crate::report::digest::plain;
use crate::store::overrides::{self, Kind, New, Override};
use crate::store::products::Product;

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
    #[arg(allow_negative_numbers = true)]
    amount: String,
    #[arg(long)]
    why: String,
    /// Who answers for it
    #[arg(long, env = "USER", default_value = "operator")]
    owner: String,
    /// When rules decide again: `7d`, `12h`, a day (its end in the market's zone) or an instant
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
    let product = super::names::product(&app, &args.sku).await?;
    let until = when::until(&args.until, &super::zone_of(&app, &product).await?, now).map_err(wrong)?;
    let own = currency(&product.currency)?;
    let price = Money::parse(&args.amount, own)
        .map_err(|error| wrong(format!("the amount: {error}\nhint: write it as in 449.00")))?;
    if !price.is_positive() {
        let which = if price.minor() < 0 { "negative" } else { "nothing" };
        return Err(wrong(format!("the amount: {price} is {which}, and no price\nhint: write it as in 449.00")));
    }
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
        if let Some(lock) = lock_of(&app, &product).await? {
            told = format!("{price} is stored for {} until {until}, but {lock}", plain(&product.sku));
        }
        if findings.iter().any(|(guard, _)| *guard == Guard::SecondPerson) {
            told += "\na second person must approve it first: omniprice review lists it after the next evaluation";
        }
        context.here(&with_pause(&app, told).await?)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What was said, and why no channel has it soon, if that is so.
async fn with_pause(app: &App, told: String) -> anyhow::Result<String> {
    Ok(match super::pause::meanwhile(app).await? {
        Some(meanwhile) => format!("{told}\n{meanwhile}"),
        None => told,
    })
}

async fn clear(context: &Context, args: &Clear) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    named("--why", &args.why)?;
    let product = super::names::product(&app, &args.sku).await?;
    let ended =
        overrides::end(&app.db, product.id, Kind::Price, args.actor.clone(), args.why.clone(), app.now()).await?;
    if !ended {
        talk(&format!("nobody has set a price of {}", plain(&product.sku)));
        return Ok(ExitCode::SUCCESS);
    }
    say(&if context.json {
        serde_json::json!({ "cleared": product.sku }).to_string()
    } else {
        let follows = in_force(&app, &product).await?;
        context.here(&format!("no price of {} is set any more\n{follows}", plain(&product.sku)))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Who keeps a product's price as it is, if anybody does.
async fn lock_of(app: &App, product: &Product) -> anyhow::Result<Option<String>> {
    let sku = plain(&product.sku);
    let by_hand = overrides::of_product(&app.db, product.id, app.now()).await?;
    let by_hand = by_hand.into_iter().find(|one| one.kind == Kind::Lock.as_str());
    Ok(match by_hand {
        Some(lock) => {
            Some(format!("{} has locked it{}: omniprice unlock {sku} --why \"...\"", plain(&lock.owner), ends(&lock)))
        }
        None if product.locked != 0 => {
            Some(format!("it is locked by the catalogue: omniprice unlock {sku} --why \"...\""))
        }
        None => None,
    })
}

fn ends(one: &Override) -> String {
    one.until_at.map_or_else(String::new, |at| format!(" until {}", Millis(at)))
}

/// What decides a product's price now, in a sentence: a lock, a price that somebody set, or the rules.
///
/// # Errors
/// The store's.
pub(super) async fn in_force(app: &App, product: &Product) -> anyhow::Result<String> {
    let sku = plain(&product.sku);
    if let Some(lock) = lock_of(app, product).await? {
        return Ok(format!("{sku} keeps its price: {lock}"));
    }
    let set = overrides::of_product(&app.db, product.id, app.now()).await?;
    let set = set.into_iter().find(|one| one.kind == Kind::Price.as_str());
    Ok(match set.as_ref().and_then(|one| one.price_minor.zip(currency(&one.currency).ok()).map(|price| (one, price))) {
        Some((one, (minor, own))) => {
            let price = Money::from_minor(minor, own);
            with_pause(app, format!("{sku} costs {price}, set by {}{}", plain(&one.owner), ends(one))).await?
        }
        None => with_pause(app, decided(app, product).await?).await?,
    })
}

/// What decides where no person does: what comes before the rules, or they.
async fn decided(app: &App, product: &Product) -> anyhow::Result<String> {
    let (sku, now) = (plain(&product.sku), app.now());
    let loaded = app.rules().await?;
    let facts = facts::facts(app, &loaded, product, now).await?;
    let campaign = facts.product.campaign.as_ref().map(|campaign| (plain(&campaign.id), campaign.until));
    Ok(match (gates::check(&facts, &loaded.set.engine, now), campaign) {
        (Some((_, Flag::RegulatedPrice, _)), _) => format!("{sku} keeps its price: it is regulated by law"),
        (Some((_, Flag::Campaign, _)), Some((id, until))) => format!("{sku} is in campaign {id} until {until}"),
        _ => format!("{sku} follows rules again"),
    })
}

async fn list(context: &Context) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let all = overrides::list(&app.db, app.now(), MOST).await?;
    context.print(&all, |all| context.here(&table(all)))?;
    Ok(ExitCode::SUCCESS)
}

fn table(all: &[Override]) -> String {
    if all.is_empty() {
        return "nothing is set or locked by hand".to_owned();
    }
    let mut table = super::columns(["sku", "kind", "price", "owner", "until", "why"]);
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
