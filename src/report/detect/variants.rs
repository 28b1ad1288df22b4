//! Pages that are probably of another variant: their price has stayed far from ours for days (SEMANTICS 4.3).
//!
//! While the event is open the page's offer does not count. A person who knows better resolves it; that word holds until
//! the two prices have been near each other again.

use std::collections::BTreeSet;

use super::{Open, set};
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::facts::Tax;
use crate::decide::vat;
use crate::money::{Decimal, Money, currency};
use crate::observe::breaker::{Shown, far_since, is_probably_another_variant};
use crate::report::gather::max_age;
use crate::sentence::Sentence;
use crate::store::events::{self, MATCH_REVIEW, Raise};
use crate::store::rivals::{self, FarPage};
use crate::store::{decisions, observations};

/// Pages looked at per round.
const LIMIT: i64 = 100_000;
/// Believed prices of one page that are looked back over.
const RUNS: i64 = 200;
const PREFIX: &str = "match-review/";

/// Raises and resolves what is doubted about matches.
///
/// # Errors
/// The store's.
pub async fn all(app: &App, open: &Open) -> anyhow::Result<()> {
    // Without rules nobody can say whose shops and tax views they are; what was told stays told.
    let Ok(loaded) = app.rules().await else { return Ok(()) };
    let confirmed = events::resolved(&app.db, MATCH_REVIEW, LIMIT).await?;
    let mut over: BTreeSet<&String> = open.keys().filter(|dedupe| dedupe.starts_with(PREFIX)).collect();
    for page in rivals::far(&app.db, LIMIT).await? {
        let dedupe = format!("{PREFIX}{}", page.target_id);
        let is_open = open.contains_key(&dedupe);
        // What was not seen lately begins no doubt, and ends none.
        if !is_open && app.now().since(Millis(page.last_seen)) > max_age(app) {
            continue;
        }
        let Some(since) = doubted_since(app, &loaded, &page).await? else { continue };
        // A person has looked at it since then.
        if confirmed.get(&dedupe).is_some_and(|at| *at >= since) {
            continue;
        }
        over.remove(&dedupe);
        if !is_open {
            set(app, open, dedupe.clone(), Some(event(&page, dedupe, since)?)).await?;
        }
    }
    for dedupe in over {
        set(app, open, dedupe.clone(), None).await?;
    }
    Ok(())
}

fn event(page: &FarPage, dedupe: String, since: Millis) -> anyhow::Result<Raise> {
    let code = currency(&page.currency)?;
    let money = |minor: i64| Money::from_minor(minor, code);
    Ok(Raise {
        kind: MATCH_REVIEW,
        severity: "warning",
        dedupe,
        product_id: Some(page.product_id),
        channel: None,
        competitor: Some(page.competitor.clone()),
        message: Sentence::OtherVariant.with(&[
            ("competitor", &page.competitor),
            ("theirs", &money(page.price_minor)),
            ("ours", &money(page.own_minor)),
            ("since", &since),
            ("url", &page.url),
        ]),
        hint: Sentence::HintVariant.with(&[("url", &page.url)]),
    })
}

/// Since when a page has been far from our price, if that is long enough to doubt it.
async fn doubted_since(app: &App, loaded: &Loaded, page: &FarPage) -> anyhow::Result<Option<Millis>> {
    if loaded.set.own_shops.contains(&page.competitor) {
        return Ok(None);
    }
    let named = loaded.set.competitor(&page.competitor).map(|competitor| competitor.tax).unwrap_or_default();
    let (stated, converted) = (in_our_view(app, loaded, page, named), in_our_view(app, loaded, page, Tax::Gross));
    let theirs: Vec<Shown> = observations::accepted(&app.db, page.target_id, RUNS)
        .await?
        .into_iter()
        .filter(|run| run.currency.as_deref() == Some(page.currency.as_str()))
        .filter_map(|run| {
            let factor = if run.reason == CONVERTED { converted } else { stated };
            let amount = Decimal::from(run.price_minor?).checked_mul(factor)?;
            Some(Shown { amount, from: Millis(run.first_seen), until: Millis(run.last_seen) })
        })
        .collect();
    let (Some(newest), Some(oldest)) = (theirs.first(), theirs.last()) else { return Ok(None) };
    let ours = ours(app, page, oldest.from).await?;
    let Some(since) = far_since(&theirs, &ours) else { return Ok(None) };
    let Some(ratio) = newest.amount.checked_div(Decimal::from(page.own_minor)) else { return Ok(None) };
    let days = u32::try_from(newest.until.since(since) / Millis::DAY).unwrap_or(0);
    Ok(is_probably_another_variant(ratio, days).then_some(since))
}

/// How the gate names a net price that it converted by itself.
const CONVERTED: &str = "converted_from_net";

/// What makes a competitor's price one of our market's convention, with VAT or without; one where it is that anyway, or
/// where no rate is known.
fn in_our_view(app: &App, loaded: &Loaded, page: &FarPage, theirs: Tax) -> Decimal {
    let factor = || {
        let market = &loaded.set.market(&page.market)?.market;
        let today = app.now().timestamp().to_zoned(market.tz.0.clone()).date();
        let factor = || vat::factor(app.vat.at(&market.country, &page.vat_class, today).ok()?.percent);
        match (theirs, market.tax) {
            (Tax::Net, Tax::Gross) => factor(),
            (Tax::Gross, Tax::Net) => Decimal::ONE.checked_div(factor()?),
            (Tax::Net, Tax::Net) | (Tax::Gross, Tax::Gross) => None,
        }
    };
    factor().unwrap_or(Decimal::ONE)
}

/// Our prices since an instant, the newest first.
async fn ours(app: &App, page: &FarPage, since: Millis) -> anyhow::Result<Vec<Shown>> {
    let mut until = Millis(i64::MAX);
    let mut amount = Decimal::from(page.own_minor);
    let mut ours = Vec::new();
    for change in decisions::of_product_since(&app.db, page.product_id, since).await?.into_iter().rev() {
        let from = Millis(change.created_at);
        ours.push(Shown { amount, from, until });
        (until, amount) = (from, Decimal::from(change.previous_minor));
    }
    ours.push(Shown { amount, from: Millis(i64::MIN), until });
    Ok(ours)
}
