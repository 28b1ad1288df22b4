//! Whether one crawl of a competitor can be believed as a whole.
//!
//! A broken parser or a block page makes many observations wrong at once, each of which may look ordinary. Then the
//! competitor is suspended: its last accepted prices stay until they are too old, and one alert goes out.

use crate::clock::Millis;
use crate::money::Decimal;

/// Limits of a crawl, as shares of its products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchParams {
    /// A smaller crawl says nothing as a whole.
    pub least_products: u32,
    pub suspect_pct: u32,
    pub same_price_pct: u32,
    pub sold_out_pct: u32,
}

impl Default for BatchParams {
    fn default() -> Self {
        Self { least_products: 10, suspect_pct: 30, same_price_pct: 90, sold_out_pct: 50 }
    }
}

/// What one crawl of one competitor showed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Batch {
    pub checked: u32,
    pub suspect: u32,
    /// How many products show the most frequent price.
    pub same_price: u32,
    /// How many were in stock before and are not now.
    pub newly_sold_out: u32,
}

/// What follows for the competitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchVerdict {
    WithinLimits,
    SuspectShare,
    IdenticalPrices,
    MassOutOfStock,
}

/// Judges a crawl; every share must be exceeded, not only reached.
#[must_use]
pub fn judge_batch(batch: &Batch, params: &BatchParams) -> BatchVerdict {
    let exceeds = |count: u32, percent: u32| u64::from(count) * 100 > u64::from(percent) * u64::from(batch.checked);
    if batch.checked < params.least_products {
        BatchVerdict::WithinLimits
    } else if exceeds(batch.suspect, params.suspect_pct) {
        BatchVerdict::SuspectShare
    } else if exceeds(batch.same_price, params.same_price_pct) {
        BatchVerdict::IdenticalPrices
    } else if exceeds(batch.newly_sold_out, params.sold_out_pct) {
        BatchVerdict::MassOutOfStock
    } else {
        BatchVerdict::WithinLimits
    }
}

/// A price while it was shown, both ends included, in one currency and tax view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    pub amount: Decimal,
    pub from: Millis,
    pub until: Millis,
}

/// A matching error: a listing whose price stays far from ours is probably another variant (SEMANTICS 4.3).
///
/// `ratio` is the competitor's price over ours; `days` for how long it has been like that.
#[must_use]
pub fn is_probably_another_variant(ratio: Decimal, days: u32) -> bool {
    const PERSISTENT_DAYS: u32 = 7;
    days >= PERSISTENT_DAYS && is_far(ratio)
}

/// More than twice or less than half, which is `|ln ratio| > ln 2`.
fn is_far(ratio: Decimal) -> bool {
    ratio > Decimal::TWO || ratio < Decimal::new(5, 1)
}

/// Since when a competitor's prices have been far from the ones that we asked at the same time, without a break; `None`
/// if the newest ones are near. Both lists begin with the newest.
#[must_use]
pub fn far_since(theirs: &[Shown], ours: &[Shown]) -> Option<Millis> {
    let mut since = None;
    for their in theirs {
        for our in ours.iter().filter(|our| our.from <= their.until && their.from <= our.until) {
            if !their.amount.checked_div(our.amount).is_some_and(is_far) {
                return since;
            }
            since = Some(their.from.max(our.from));
        }
    }
    since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_only_reached_suspends_nobody() {
        let batch = Batch { checked: 100, suspect: 30, same_price: 90, newly_sold_out: 50 };
        assert_eq!(judge_batch(&batch, &BatchParams::default()), BatchVerdict::WithinLimits);
        let more = Batch { newly_sold_out: 51, ..batch };
        assert_eq!(judge_batch(&more, &BatchParams::default()), BatchVerdict::MassOutOfStock);
    }

    #[test]
    fn a_small_crawl_says_nothing_as_a_whole() {
        let batch = Batch { checked: 9, suspect: 9, same_price: 9, newly_sold_out: 9 };
        assert_eq!(judge_batch(&batch, &BatchParams::default()), BatchVerdict::WithinLimits);
    }

    #[test]
    fn only_a_persistent_distance_is_another_variant() {
        assert!(is_probably_another_variant(Decimal::new(49, 2), 7));
        assert!(!is_probably_another_variant(Decimal::new(49, 2), 6));
        assert!(!is_probably_another_variant(Decimal::TWO, 30));
    }
    #[test]
    fn a_distance_begins_where_both_prices_last_were_near() {
        let shown = |amount: i64, from: i64, until: i64| Shown {
            amount: Decimal::from(amount),
            from: Millis(from),
            until: Millis(until),
        };
        let ours = [shown(500, 40, i64::MAX), shown(300, i64::MIN, 40)];
        assert_eq!(far_since(&[shown(199, 10, 90)], &ours), Some(Millis(40)), "199 of 300 is near");
        assert_eq!(far_since(&[shown(149, 10, 90)], &ours), Some(Millis(10)));
        assert_eq!(far_since(&[shown(199, 60, 90), shown(400, 50, 55), shown(99, 10, 45)], &ours), Some(Millis(60)));
        assert_eq!(far_since(&[shown(250, 60, 90), shown(99, 10, 45)], &ours), None, "half of ours is only reached");
        assert_eq!(far_since(&[], &ours), None);
        assert_eq!(far_since(&[shown(9, 0, 9)], &[]), None);
    }
}
