//! A robust score on logarithms of prices: how unusual is a price for this listing.
//!
//! The only binary floats of the program. They decide whether an observation waits for a confirmation; no amount is
//! ever computed from them. Source of the method: Iglewicz and Hoaglin, 1993 (median and MAD, limit 3.5).

#![allow(clippy::float_arithmetic, reason = "a statistic, not an amount; DESIGN section 10 allows exactly this one")]

use std::str::FromStr;

use crate::money::Decimal;

/// Observations beyond these many scaled deviations are suspicious.
const LIMIT: f64 = 3.5;
/// A listing whose price never moved has no spread; this is the least, about 5 %.
const LEAST_SPREAD: f64 = 0.05;
/// Makes the median deviation comparable with a standard deviation.
const MAD_SCALE: f64 = 1.4826;
/// At most this many accepted observations, the newest.
const MOST_HISTORY: usize = 30;

/// The natural logarithm of a factor between two prices.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Log(pub f64);

impl Log {
    /// From one price to another.
    #[must_use]
    pub fn of_move(from: Decimal, to: Decimal) -> Self {
        Self(ln(to) - ln(from))
    }
}

/// The score of an amount against accepted ones; none with fewer than `least` of them.
#[must_use]
pub fn score(amount: Decimal, history: &[Decimal], least: usize) -> Option<f64> {
    if history.len() < least.max(1) {
        return None;
    }
    let recent = &history[history.len().saturating_sub(MOST_HISTORY)..];
    let mut logs: Vec<f64> = recent.iter().map(|price| ln(*price)).collect();
    let middle = median_log(&mut logs)?;
    let mut deviations: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
    let spread = (MAD_SCALE * median_log(&mut deviations)?).max(LEAST_SPREAD);
    Some((ln(amount) - middle) / spread)
}

/// Whether a score is beyond the limit.
#[must_use]
pub fn is_outlier(z: f64) -> bool {
    z.abs() > LIMIT
}

/// The score as it is stored: two decimals.
#[must_use]
pub fn text(z: f64) -> String {
    let text = format!("{z:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text }
}

/// How many of the others' moves went the same way and at least half as far.
#[must_use]
pub fn moved_along(amount: Decimal, base: Decimal, others: &[Log]) -> usize {
    let own = Log::of_move(base, amount).0;
    others.iter().filter(|Log(other)| other * own > 0.0 && other.abs() >= own.abs() / 2.0).count()
}

/// The median of amounts: of an even number, the mean of the middle two. None without amounts.
#[must_use]
pub fn median(amounts: &[Decimal]) -> Option<Decimal> {
    let mut sorted = amounts.to_vec();
    sorted.sort_unstable();
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(sorted.len() / 2 - 1)?;
    lower.checked_add(upper)?.checked_div(Decimal::TWO)
}

fn median_log(logs: &mut [f64]) -> Option<f64> {
    logs.sort_unstable_by(f64::total_cmp);
    let upper = *logs.get(logs.len() / 2)?;
    if logs.len() % 2 == 1 {
        return Some(upper);
    }
    Some((*logs.get(logs.len() / 2 - 1)? + upper) / 2.0)
}

/// The logarithm of a positive decimal. The text of a decimal is always a float, so reading it cannot fail.
fn ln(value: Decimal) -> f64 {
    f64::from_str(&value.to_string()).map_or(f64::NAN, f64::ln)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    fn amounts(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| decimal(text).unwrap()).collect()
    }

    #[test]
    fn a_price_that_never_moved_still_has_a_spread() {
        let z = score(decimal("500.00").unwrap(), &amounts(&["499.00"; 10]), 5).unwrap();
        assert_eq!(text(z), "0.04");
        assert!(!is_outlier(z));
    }

    #[test]
    fn a_short_history_has_no_score() {
        assert!(score(Decimal::ONE, &amounts(&["499.00"; 4]), 5).is_none());
    }

    #[test]
    fn only_the_newest_observations_count() {
        let mut history = amounts(&["10.00"; 100]);
        history.extend(amounts(&["499.00"; 30]));
        assert!(!is_outlier(score(decimal("499.00").unwrap(), &history, 5).unwrap()));
    }
}
