//! Recorded history as facts over time: what the engine would have been asked, at every moment something moved.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::pricing;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::Facts;
use crate::decide::facts::OfferFact;
use crate::money::{Money, currency};
use crate::store::products::Product;
use crate::store::{decisions, observations};

/// Moments replayed per product: a page that flaps must not make a simulation endless.
const MAX_MOMENTS: usize = 400;
const MAX_RUNS: i64 = 4_000;

/// The facts of a product at every moment since `since` at which a competitor's accepted price changed, oldest first.
///
/// Our own price starts where it was at `since` and then follows the simulated rules; cost, stock and tags are today's, as
/// older values are not recorded.
///
/// # Errors
/// The store's, or a stored amount that cannot be read.
pub async fn history(
    app: &App,
    loaded: &Loaded,
    product: &Product,
    since: Millis,
) -> anyhow::Result<Vec<(Timestamp, Facts)>> {
    let now = app.now();
    let mut base = pricing::facts(app, loaded, product, now).await?;
    // The price in force when the window opened, not today's, is where a simulation starts.
    if let Some(first) = decisions::of_product_since(&app.db, product.id, since).await?.first() {
        base.product.current = Some(Money::from_minor(first.previous_minor, currency(&first.currency)?));
    }
    let runs = observations::history_of_product(&app.db, product.id, since, MAX_RUNS).await?;
    let runs: Vec<_> = runs.into_iter().filter(|run| run.verdict == "accepted" && run.price_minor.is_some()).collect();
    let moments: BTreeSet<i64> = runs.iter().map(|run| run.first_seen.max(since.0)).collect();
    let mut history = Vec::with_capacity(moments.len().min(MAX_MOMENTS));
    for at in moments.into_iter().take(MAX_MOMENTS) {
        let mut facts = base.clone();
        facts.offers.clear();
        let mut seen = BTreeSet::new();
        // Newest first: the first run of a page that had begun by then is what it showed.
        for run in runs.iter().filter(|run| run.first_seen <= at) {
            if !seen.insert(run.url.as_str()) {
                continue;
            }
            let (Some(minor), Some(Ok(code))) = (run.price_minor, run.currency.as_deref().map(currency)) else {
                continue;
            };
            let template = base.offers.iter().find(|offer| offer.competitor == run.competitor);
            let Some(template) = template else { continue };
            facts.offers.push(OfferFact {
                observation_id: Some(run.id),
                price: Money::from_minor(minor, code),
                observed_at: Millis(run.last_seen.min(at)),
                ..template.clone()
            });
        }
        facts.product.last_changed = None;
        facts.product.changes_today = 0;
        facts.product.day_start = None;
        facts.product.last_reference = None;
        history.push((Millis(at).timestamp(), facts));
    }
    Ok(history)
}
