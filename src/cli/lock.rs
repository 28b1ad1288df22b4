//! `omniprice lock` and `unlock`: a price that stays as it is, whatever rules say.

use std::process::ExitCode;

use super::{Context, named, say, talk, when};
use crate::report::digest::plain;
use crate::store::overrides::{self, Kind, New};
use crate::store::products;

#[derive(Debug, clap::Args)]
pub struct Lock {
    #[arg(required = true)]
    skus: Vec<String>,
    /// Why; shown by `explain` as long as it holds
    #[arg(long)]
    why: String,
    /// Who answers for it
    #[arg(long, env = "USER", default_value = "operator")]
    owner: String,
    /// When it ends by itself: `7d`, `12h`, a day (its end in the zone of the first product's market) or an instant
    /// [default: when somebody unlocks it]
    #[arg(long)]
    until: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Unlock {
    #[arg(required = true)]
    skus: Vec<String>,
    #[arg(long)]
    why: String,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

/// # Errors
/// An unknown SKU, an end that is over, or the store's.
pub async fn lock(context: &Context, args: &Lock) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    let now = app.now();
    named("--why", &args.why)?;
    let mut found = Vec::with_capacity(args.skus.len());
    for sku in &args.skus {
        found.push(super::names::product(&app, sku).await?);
    }
    let until = match (&args.until, found.first()) {
        (Some(text), Some(first)) => {
            Some(when::until(text, &super::zone_of(&app, first).await?, now).map_err(super::wrong)?)
        }
        _ => None,
    };
    for product in found {
        let new = New {
            product_id: product.id,
            kind: Kind::Lock,
            price_minor: None,
            currency: product.currency,
            owner: args.owner.clone(),
            why: args.why.clone(),
            until,
        };
        overrides::set(&app.db, new, now).await?;
    }
    let end = until.map_or_else(|| "until somebody unlocks it".to_owned(), |until| format!("until {until}"));
    say(&if context.json {
        serde_json::json!({ "locked": args.skus, "until": until.map(|at| at.0) }).to_string()
    } else {
        context.here(&format!("{} locked {end}", args.skus.join(", ")))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Lifts locks, those from the catalogue and from adopted prices too.
///
/// # Errors
/// An unknown SKU or the store's.
pub async fn unlock(context: &Context, args: &Unlock) -> anyhow::Result<ExitCode> {
    let app = context.app().await?;
    named("--why", &args.why)?;
    let mut unlocked = Vec::new();
    for sku in &args.skus {
        let product = super::names::product(&app, sku).await?;
        let now = app.now();
        let ended = overrides::end(&app.db, product.id, Kind::Lock, args.actor.clone(), args.why.clone(), now).await?;
        if product.locked != 0 {
            products::set_locked(&app.db, product.sku.clone(), false, now).await?;
        }
        if ended || product.locked != 0 {
            unlocked.push(product.sku);
        } else {
            talk(&format!("{} was not locked", plain(sku)));
        }
    }
    if context.json {
        say(&serde_json::json!({ "unlocked": unlocked }).to_string())?;
    } else if !unlocked.is_empty() {
        say(&format!("{} unlocked", unlocked.join(", ")))?;
        for sku in &unlocked {
            let product = super::names::product(&app, sku).await?;
            say(&context.here(&super::price::in_force(&app, &product).await?))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
