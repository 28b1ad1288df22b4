//! Price wars, spirals and flip-flops: what two price histories show that no single observation does.
//!
//! It only measures and names. What follows (freeze, step up, review) is the release layer's and the operator's choice;
//! no raise is ever meant as a signal to a competitor.

use rust_decimal::RoundingStrategy;

use crate::clock::Millis;
use crate::money::Decimal;

/// One change of one party's price for one product.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceMove {
    pub ours: bool,
    #[serde(with = "quoted")]
    pub from: Decimal,
    #[serde(with = "quoted")]
    pub to: Decimal,
    /// None where the time is unknown; such moves count as recent.
    pub at: Option<Millis>,
}

/// Decimals as text in records and settings, so that no reader makes a float of one.
pub mod quoted {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::money::{self, Decimal};

    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// # Errors
    /// Anything but a plain decimal in quotes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        money::decimal(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// When moves are a war.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarParams {
    pub least_alternations: usize,
    #[serde(with = "quoted")]
    pub least_own_drop_pct: Decimal,
    pub within_ms: i64,
}

impl Default for WarParams {
    fn default() -> Self {
        Self { least_alternations: 6, least_own_drop_pct: Decimal::from(3), within_ms: 72 * Millis::HOUR }
    }
}

/// How two parties undercut each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct War {
    pub is_war: bool,
    /// Cuts in the longest run of alternating cuts without a raise.
    pub alternations: usize,
    /// How far our price fell in that run, in percent of its start, with two decimals.
    pub own_drop_pct: Decimal,
}

/// Looks for a war between us and one competitor in their moves, oldest first. A run that is a war is told before a
/// longer one that is none.
#[must_use]
pub fn war(moves: &[PriceMove], params: &WarParams) -> War {
    let (mut longest, mut fought): (&[PriceMove], Option<&[PriceMove]>) = (&[], None);
    let mut start = 0;
    for (index, step) in moves.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| moves.get(before));
        if step.to >= step.from {
            start = index + 1;
            continue;
        }
        let answers = before.is_some_and(|before| before.ours != step.ours && before.to < before.from);
        if !answers {
            start = index;
        }
        while too_long_ago(&moves[start], step, params) {
            start += 1;
        }
        let run = &moves[start..=index];
        if run.len() > longest.len() {
            longest = run;
        }
        let is_war = run.len() >= params.least_alternations && own_drop_pct(run) >= params.least_own_drop_pct;
        if is_war && fought.is_none_or(|fought| run.len() > fought.len()) {
            fought = Some(run);
        }
    }
    let told = fought.unwrap_or(longest);
    let mut own_drop_pct = own_drop_pct(told).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    own_drop_pct.rescale(2);
    War { is_war: fought.is_some(), alternations: told.len(), own_drop_pct }
}

fn too_long_ago(first: &PriceMove, last: &PriceMove, params: &WarParams) -> bool {
    first.at.zip(last.at).is_some_and(|(first, last)| last.since(first) > params.within_ms)
}

/// Unrounded: a limit is compared with what happened, not with how it is written.
fn own_drop_pct(moves: &[PriceMove]) -> Decimal {
    let mut own = moves.iter().filter(|step| step.ours);
    let Some(first) = own.next() else { return Decimal::ZERO };
    let last = own.next_back().unwrap_or(first);
    let drop = first.from.checked_sub(last.to).and_then(|drop| drop.checked_mul(Decimal::ONE_HUNDRED));
    drop.and_then(|drop| drop.checked_div(first.from)).unwrap_or(Decimal::ZERO)
}

/// The longest run of moves that answer each other in one direction, up or down.
#[must_use]
pub fn lock_step(moves: &[PriceMove]) -> usize {
    let (mut longest, mut run) = (0, 0);
    for (index, step) in moves.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| moves.get(before));
        let same_way = |before: &PriceMove| {
            before.ours != step.ours && (before.to > before.from) == (step.to > step.from) && before.to != before.from
        };
        run = if step.to == step.from {
            0
        } else if before.is_some_and(same_way) {
            run + 1
        } else {
            1
        };
        longest = longest.max(run);
    }
    longest
}

/// Where mutual reactions lead if they go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spiral {
    Stable,
    DivergesUp,
    DivergesDown,
}

/// How far from one a cycle may be and still count as stable: a twentieth of a percent.
const STABLE_WITHIN: Decimal = Decimal::from_parts(5, 0, 0, false, 4);

/// The factor of a whole cycle (their reaction to us times our reaction to them) and where it leads; none on overflow.
#[must_use]
pub fn spiral(our_multiplier: Decimal, their_multiplier: Decimal) -> Option<(Decimal, Spiral)> {
    let factor = our_multiplier.checked_mul(their_multiplier)?;
    let away = factor.checked_sub(Decimal::ONE)?;
    let direction = if away > STABLE_WITHIN {
        Spiral::DivergesUp
    } else if away < -STABLE_WITHIN {
        Spiral::DivergesDown
    } else {
        Spiral::Stable
    };
    Some((factor, direction))
}

/// Our reaction and theirs, each the median of the new price over the other's price after every reaction; none without
/// a reaction of both.
#[must_use]
pub fn multipliers(moves: &[PriceMove]) -> Option<(Decimal, Decimal)> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for pair in moves.windows(2) {
        if pair[0].ours != pair[1].ours && !pair[0].to.is_zero() {
            let multiplier = pair[1].to.checked_div(pair[0].to)?;
            if pair[1].ours { ours.push(multiplier) } else { theirs.push(multiplier) }
        }
    }
    Some((super::zscore::median(&ours)?, super::zscore::median(&theirs)?))
}

/// A price that went back and forth `times` within `within_ms`: two rules, or two systems, disagree.
///
/// Counts instants at which the price is the one of two changes ago and not the one before.
#[must_use]
pub fn flip_flops(prices: &[(Millis, Decimal)], within_ms: i64) -> usize {
    let Some((newest, _)) = prices.last() else { return 0 };
    let recent = prices.windows(3).filter(|window| newest.since(window[2].0) <= within_ms);
    recent.filter(|window| window[0].1 == window[2].1 && window[1].1 != window[2].1).count()
}

/// Direction reversals of a price within a time.
#[must_use]
pub fn reversals(prices: &[(Millis, Decimal)], within_ms: i64) -> usize {
    let Some((newest, _)) = prices.last() else { return 0 };
    let recent = prices.windows(3).filter(|window| newest.since(window[2].0) <= within_ms);
    let turns = |window: &&[(Millis, Decimal)]| {
        window[0].1 < window[1].1 && window[1].1 > window[2].1 || window[0].1 > window[1].1 && window[1].1 < window[2].1
    };
    recent.filter(turns).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(ours: bool, from: i64, to: i64, hour: i64) -> PriceMove {
        let at = Some(Millis(hour * Millis::HOUR));
        PriceMove { ours, from: Decimal::from(from), to: Decimal::from(to), at }
    }

    #[test]
    fn a_raise_ends_the_run() {
        let mut moves: Vec<PriceMove> = (0..8).map(|i| step(i % 2 == 0, 100 - i, 98 - i, i)).collect();
        assert!(war(&moves, &WarParams::default()).is_war);
        moves[4] = step(true, 96, 97, 4);
        let interrupted = war(&moves, &WarParams::default());
        assert_eq!((interrupted.is_war, interrupted.alternations), (false, 4));
    }

    #[test]
    fn cuts_over_weeks_are_no_war() {
        let moves: Vec<PriceMove> = (0..12).map(|i| step(i % 2 == 0, 100 - i, 98 - i, i * 24)).collect();
        assert_eq!(war(&moves, &WarParams::default()).alternations, 4);
    }

    #[test]
    fn multipliers_of_the_fly_book_diverge() {
        let decimal = |text: &str| crate::money::decimal(text).unwrap();
        let mut moves = Vec::new();
        let (mut ours, mut theirs) = (decimal("35.54"), decimal("35.00"));
        for day in 0..6 {
            let new = (theirs * decimal("1.270589")).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
            moves.push(PriceMove { ours: true, from: ours, to: new, at: Some(Millis(day * Millis::DAY)) });
            ours = new;
            let new = (ours * decimal("0.9983")).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
            moves.push(PriceMove { ours: false, from: theirs, to: new, at: Some(Millis(day * Millis::DAY + 1)) });
            theirs = new;
        }
        let (our, their) = multipliers(&moves).unwrap();
        let (factor, direction) = spiral(our, their).unwrap();
        assert_eq!(direction, Spiral::DivergesUp);
        assert!(factor > decimal("1.26") && factor < decimal("1.28"), "{factor}");
    }

    #[test]
    fn a_move_that_answers_nobody_is_no_reaction() {
        let moves = [step(true, 100, 98, 0), step(true, 98, 96, 1), step(false, 97, 48, 2), step(true, 96, 24, 3)];
        let half = Decimal::new(5, 1);
        assert_eq!(multipliers(&moves), Some((half, half)));
        assert_eq!(multipliers(&moves[..2]), None);
    }

    #[test]
    fn only_answers_in_one_direction_are_in_lock_step() {
        let turns = [step(true, 100, 99, 0), step(false, 99, 98, 1), step(true, 99, 98, 2)];
        assert_eq!(lock_step(&turns), 3);
        let alone = [step(true, 100, 99, 0), step(true, 99, 98, 1), step(true, 98, 97, 2)];
        assert_eq!(lock_step(&alone), 1);
        let apart = [step(true, 100, 99, 0), step(false, 99, 101, 1), step(true, 99, 98, 2)];
        assert_eq!(lock_step(&apart), 1);
        let still = [step(true, 100, 100, 0), step(false, 99, 98, 1), step(true, 100, 100, 2)];
        assert_eq!(lock_step(&still), 1);
    }

    #[test]
    fn flipping_between_two_prices_is_counted() {
        let prices: Vec<(Millis, Decimal)> =
            [10, 12, 10, 12, 10].iter().zip(0..).map(|(p, h)| (Millis(h * Millis::HOUR), Decimal::from(*p))).collect();
        assert_eq!(flip_flops(&prices, Millis::DAY), 3);
        assert_eq!(reversals(&prices, Millis::DAY), 3);
        assert_eq!(flip_flops(&prices, Millis::HOUR), 2);
    }
}
