//! Moves of a product into another market or money, as `explain` tells them.

use super::money_of;
use crate::app::App;
use crate::clock::Millis;
use crate::report::digest::plain;
use crate::store::decisions::DecisionRow;
use crate::store::moves::{self, Moved};
use crate::store::products::Product;

/// Moves told of one product.
const MOST: i64 = 20;

/// The moves of a product up to an instant, newest first.
///
/// # Errors
/// The store's.
pub(super) async fn until(app: &App, product_id: i64, until: Millis) -> anyhow::Result<Vec<Moved>> {
    let mut all = moves::of_product(&app.db, product_id, MOST).await?;
    all.retain(|one| one.created_at <= until.0);
    Ok(all)
}

/// What a product without a decision cost before its first move after an instant: no row says that but the move's.
///
/// # Errors
/// The store's.
pub(super) async fn first_after(app: &App, product_id: i64, at: Millis) -> anyhow::Result<Option<Moved>> {
    let mut all = moves::of_product(&app.db, product_id, MOST).await?;
    all.retain(|one| one.created_at > at.0);
    Ok(all.pop())
}

/// One sentence on a move.
pub(super) fn told(one: &Moved) -> String {
    format!(
        "{} moved it from {} ({}) to {} ({}) at {}, {}: {}",
        plain(&one.actor),
        plain(&one.from_market),
        money_of(one.from_minor, &one.from_currency),
        plain(&one.market),
        money_of(one.minor, &one.currency),
        Millis(one.created_at),
        plain(&one.how),
        plain(&one.why)
    )
}

/// What a product costs, or cost at an instant: by the newest decision or move up to then (`then`, `moved`), or by what the
/// first of them after it (`next`, `later`) remembers.
pub(super) fn price(
    product: &Product,
    at: Option<Millis>,
    then: Option<&DecisionRow>,
    moved: &[Moved],
    next: Option<&DecisionRow>,
    later: Option<&Moved>,
) -> String {
    let (minor, code) = match (then, moved.first(), next, later) {
        // A move is newer than the decision before it, and in another money.
        (Some(d), Some(one), ..) if one.created_at > d.created_at => (one.minor, one.currency.as_str()),
        (Some(d), ..) => (d.price_minor, d.currency.as_str()),
        (None, ..) if at.is_none() => (product.own_minor, product.currency.as_str()),
        (None, .., Some(d), Some(one)) if d.created_at < one.created_at => (d.previous_minor, d.currency.as_str()),
        (None, .., Some(one)) => (one.from_minor, one.from_currency.as_str()),
        (None, _, Some(d), None) => (d.previous_minor, d.currency.as_str()),
        (None, Some(one), None, None) => (one.minor, one.currency.as_str()),
        (None, None, None, None) => (product.own_minor, product.currency.as_str()),
    };
    money_of(minor, code)
}
