//! Our moves and every competitor's of the last days: what guards and the watch over rivalries look at.

use std::collections::BTreeMap;

use crate::app::App;
use crate::clock::Millis;
pub use crate::decide::rivalry::History;
use crate::decide::rivalry::{self, MOVES_MS, OWN_PRICES_MS};
use crate::money::{Money, currency};
use crate::observe::war::PriceMove;
use crate::store::observations::Evidence;
use crate::store::products::Product;
use crate::store::{decisions, observations};

/// Runs of a product looked through.
const MOVE_ROWS: i64 = 500;

/// Reads both histories of a product.
///
/// # Errors
/// The store's, or a stored currency that is not one.
pub async fn of(app: &App, product: &Product, now: Millis) -> anyhow::Result<History> {
    let own = currency(&product.currency)?;
    let mut history = History::default();
    let mut ours = Vec::new();
    for row in decisions::of_product_since(&app.db, product.id, now.plus(-OWN_PRICES_MS)).await? {
        let (from, to) = (Money::from_minor(row.previous_minor, own), Money::from_minor(row.price_minor, own));
        let at = Millis(row.created_at);
        history.own.push((at, to));
        history.own_from.push(from);
        ours.push(PriceMove { ours: true, from: from.amount(), to: to.amount(), at: Some(at) });
    }
    let since = now.plus(-MOVES_MS);
    let mut last: BTreeMap<String, Money> = BTreeMap::new();
    let mut runs = observations::history_of_product(&app.db, product.id, since, MOVE_ROWS).await?;
    runs.reverse();
    let foreign = |run: &Evidence| run.currency.as_deref().is_some_and(|code| code != own.code());
    let fx = if runs.iter().any(foreign) { app.fx().await? } else { None };
    for run in runs.into_iter().filter(|run| run.verdict == "accepted") {
        let Some((minor, code)) = run.price_minor.zip(run.currency.as_deref()) else { continue };
        let to = Money::from_minor(minor, currency(code)?);
        if let Some(from) = last.insert(run.competitor.clone(), to).filter(|from| *from != to)
            && let Some((from, to)) = rivalry::in_our_currency(from, to, own, fx.as_ref())
        {
            let step = PriceMove { ours: false, from, to, at: Some(Millis(run.first_seen)) };
            history.moves.entry(run.competitor).or_default().push(step);
        }
    }
    for steps in history.moves.values_mut() {
        steps.extend(ours.iter().filter(|step| step.at.is_some_and(|at| at >= since)).cloned());
        steps.sort_by_key(|step| step.at);
    }
    Ok(history)
}
