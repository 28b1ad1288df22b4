//! The brake over a whole channel: when very much is about to move at once, nothing moves until a person has looked.

use crate::sentence::Sentence;
use crate::store::fleet::Moving;

/// When a channel stops by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fewer moves than this never stop it.
    pub least: i64,
    /// More than this share of the listings with a known price, in percent.
    pub share_pct: i64,
    /// Or a mean move beyond this, in percent of the live prices.
    pub mean_pct: i64,
}

/// Why a channel must stop, if it must.
#[must_use]
pub fn trips(moving: Moving, limits: Limits) -> Option<String> {
    let Moving { known, moving, moved_bp } = moving;
    if moving < limits.least {
        return None;
    }
    let share = moving.saturating_mul(100) / known.max(1);
    if share > limits.share_pct {
        return Some(Sentence::MovesAtOnce.with(&[("n", &moving), ("all", &known), ("share", &share)]));
    }
    let mean = moved_bp / moving.max(1) / 100;
    (mean > limits.mean_pct).then(|| Sentence::MovesFar.with(&[("n", &moving), ("mean", &mean)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { least: 20, share_pct: 50, mean_pct: 25 };

    #[test]
    fn much_at_once_and_far_on_average_stop_a_channel() {
        let of = |known, moving, moved_bp| trips(Moving { known, moving, moved_bp }, LIMITS);
        assert!(of(1_000, 501, 501 * 100).is_none(), "fifty percent is allowed");
        assert!(of(1_000, 511, 511 * 100).is_some());
        assert!(of(1_000, 30, 30 * 2_700).is_some(), "27 % on average");
        assert!(of(1_000, 30, 30 * 2_500).is_none());
        assert!(of(19, 19, 19 * 9_000).is_none(), "few are a person's own doing");
        assert!(of(0, 0, 0).is_none());
    }
}
