//! Moves of a product into another market or money, as `explain` tells them.

use super::money_of;
use crate::app::App;
use crate::clock::Millis;
use crate::report::digest::plain;
use crate::store::moves::{self, Moved};

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
