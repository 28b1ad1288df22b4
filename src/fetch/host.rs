//! How fast a host is asked, and when it is left alone: pure arithmetic on what all workers share.

use super::{Class, FetchError};
use crate::clock::Millis;

/// No host is asked slower than this, nor does a breaker stay open for longer than `MAX_BLOCK`.
const MAX_DELAY_MS: i64 = 300 * Millis::SECOND;
/// Refusals in a row after which a host is left alone.
const BLOCKS_BEFORE_BREAK: i64 = 3;
const FIRST_BLOCK: i64 = Millis::HOUR;
const MAX_BLOCK: i64 = Millis::DAY;

/// A host's manners as stored between checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub delay_ms: i64,
    pub failures: i64,
    pub blocked_until: Millis,
}

/// The pace after a check. It only grows on trouble and shrinks slowly on success, never below `floor_ms` (the
/// configured delay or robots.txt's Crawl-delay, whichever is larger) nor below five times the last answer's time.
#[must_use]
pub fn after(pace: Pace, floor_ms: i64, took_ms: i64, error: Option<&FetchError>, now: Millis) -> Pace {
    let floor = if floor_ms == 0 { 0 } else { floor_ms.max(took_ms.saturating_mul(5)).min(MAX_DELAY_MS.max(floor_ms)) };
    match error {
        None => Pace {
            delay_ms: (pace.delay_ms - (pace.delay_ms - floor) / 4).max(floor),
            failures: 0,
            blocked_until: Millis(0),
        },
        Some(error) => {
            let failures = match error.class() {
                Class::Gone | Class::Permanent => pace.failures,
                Class::Transient | Class::Blocked => pace.failures + 1,
            };
            let grown = match error.class() {
                Class::Gone | Class::Permanent => pace.delay_ms.max(floor),
                Class::Transient => (pace.delay_ms.max(Millis::SECOND) * 3 / 2).clamp(floor, MAX_DELAY_MS.max(floor)),
                Class::Blocked => (pace.delay_ms.max(Millis::SECOND) * 2).clamp(floor, MAX_DELAY_MS.max(floor)),
            };
            let pause = match error {
                FetchError::Overloaded { wait_ms, .. } => *wait_ms,
                _ if failures >= BLOCKS_BEFORE_BREAK => {
                    let doublings = u32::try_from(failures - BLOCKS_BEFORE_BREAK).unwrap_or(0).min(8);
                    (FIRST_BLOCK << doublings).min(MAX_BLOCK)
                }
                _ => 0,
            };
            let blocked_until = if pause > 0 { now.plus(pause) } else { pace.blocked_until };
            Pace { delay_ms: grown, failures, blocked_until }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Pace = Pace { delay_ms: 5_000, failures: 0, blocked_until: Millis(0) };

    #[test]
    fn an_error_never_speeds_us_up() {
        for error in [FetchError::Timeout, FetchError::Status(403), FetchError::Status(404), FetchError::Robots] {
            let next = after(Pace { delay_ms: 60_000, ..START }, 5_000, 1, Some(&error), Millis(0));
            assert!(next.delay_ms >= 60_000, "{error}");
        }
    }

    #[test]
    fn three_refusals_in_a_row_open_the_breaker_and_success_closes_it() {
        let mut pace = START;
        for _ in 0..3 {
            pace = after(pace, 5_000, 100, Some(&FetchError::Status(403)), Millis(1_000));
        }
        assert_eq!(pace.blocked_until, Millis(1_000 + FIRST_BLOCK));
        pace = after(pace, 5_000, 100, Some(&FetchError::Status(403)), Millis(1_000));
        assert_eq!(pace.blocked_until, Millis(1_000 + 2 * FIRST_BLOCK));
        pace = after(pace, 5_000, 100, None, Millis(9_000));
        assert_eq!((pace.failures, pace.blocked_until), (0, Millis(0)));
        assert!(pace.delay_ms >= 5_000);
    }

    #[test]
    fn retry_after_pauses_the_whole_host_at_once() {
        let error = FetchError::Overloaded { status: 429, wait_ms: 90_000 };
        assert_eq!(after(START, 5_000, 100, Some(&error), Millis(0)).blocked_until, Millis(90_000));
    }

    #[test]
    fn a_slow_host_is_asked_less_often_but_not_never() {
        assert_eq!(after(START, 5_000, 4_000, None, Millis(0)).delay_ms, 20_000);
        assert_eq!(after(START, 5_000, 4_000_000, None, Millis(0)).delay_ms, MAX_DELAY_MS);
    }
}
