//! Whether one crawl of a competitor can be believed as a whole.
//!
//! A broken parser or a block page makes many observations wrong at once, each of which may look ordinary. Then the
//! competitor is suspended: its last accepted prices stay until they are too old, and one alert goes out.

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

/// A matching error: a listing whose price stays far from ours is probably another variant.
///
/// `ratio` is the competitor's price over ours; `days` for how long it has been like that.
#[must_use]
pub fn is_probably_another_variant(ratio: Decimal, days: u32) -> bool {
    const PERSISTENT_DAYS: u32 = 7;
    days >= PERSISTENT_DAYS && (ratio > Decimal::TWO || ratio * Decimal::TWO < Decimal::ONE)
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
}
