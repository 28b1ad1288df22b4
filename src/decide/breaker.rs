//! Whether a whole run of decisions looks like a mistake: too many products, or too far on average.

use crate::decide::rules::RunBreaker;
use crate::money::Decimal;

/// What a run would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTotals {
    pub products: u32,
    pub changes: u32,
    /// The mean of the changes in percent, with sign.
    pub avg_change_pct: Decimal,
}

/// Whether the run may go on to the release layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    WithinLimits,
    TooManyChanges,
    AverageChange,
}

/// Judges a run; a limit that is only reached holds nothing.
#[must_use]
pub fn judge_run(run: &RunTotals, breaker: &RunBreaker) -> RunVerdict {
    let allowed = breaker.max_share_changed.saturating_mul(Decimal::from(run.products));
    if run.products >= breaker.min_products && Decimal::from(run.changes) > allowed {
        RunVerdict::TooManyChanges
    } else if run.changes >= breaker.min_changes && run.avg_change_pct.abs() > breaker.max_avg_change_pct {
        RunVerdict::AverageChange
    } else {
        RunVerdict::WithinLimits
    }
}
