//! In which order channels are updated, so that no declared `never_below` pair is violated in between.
//!
//! "A never below B": if A falls below the old price of B, B goes first; if B rises above the old price of A, A goes
//! first; otherwise the order is free. Both conditions are necessary and sufficient. A pair that is broken before the
//! update waits for nothing that only mends it. The order is only as good as its use: a wave may start when the wave before
//! it is verified.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::rules::Constraint;
use crate::money::Decimal;

/// More channels than this in one update order are refused: the plan is quadratic in them.
pub const MAX_CHANNELS: usize = 1_000;

/// A channel's price before and after, in the market's comparison view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub old: Decimal,
    pub new: Decimal,
}

impl Move {
    fn changes(&self) -> bool {
        self.old != self.new
    }
}

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("no update order: {0} wait for each other\n  hint: take one `never_below` out of the circle")]
    Cycle(String),
    #[error("{0} channels, at most {MAX_CHANNELS} in one order\n  hint: split the market")]
    TooMany(usize),
}

/// Groups the channels whose price changes into waves. Within a wave the order is free; waves follow each other.
///
/// # Errors
/// `Cycle` if channels wait for each other, `TooMany` beyond the limit.
pub fn waves(moves: &BTreeMap<String, Move>, constraints: &[Constraint]) -> Result<Vec<Vec<String>>, OrderError> {
    let changing: BTreeMap<&str, &Move> =
        moves.iter().filter(|(_, m)| m.changes()).map(|(id, m)| (id.as_str(), m)).collect();
    if changing.len() > MAX_CHANNELS {
        return Err(OrderError::TooMany(changing.len()));
    }
    let mut waits_for: BTreeMap<&str, BTreeSet<&str>> = changing.keys().map(|id| (*id, BTreeSet::new())).collect();
    for constraint in constraints {
        let (never, below) = (constraint.never_below.0.as_str(), constraint.never_below.1.as_str());
        let (Some(a), Some(b)) = (changing.get(never), changing.get(below)) else { continue };
        if a.new < b.old
            && a.new < a.old
            && let Some(waits) = waits_for.get_mut(never)
        {
            waits.insert(below);
        }
        if b.new > a.old
            && b.new > b.old
            && let Some(waits) = waits_for.get_mut(below)
        {
            waits.insert(never);
        }
    }
    let mut waves = Vec::new();
    while !waits_for.is_empty() {
        let ready: Vec<&str> = waits_for.iter().filter(|(_, waits)| waits.is_empty()).map(|(id, _)| *id).collect();
        if ready.is_empty() {
            let stuck: Vec<&str> = waits_for.keys().copied().collect();
            return Err(OrderError::Cycle(stuck.join(", ")));
        }
        for id in &ready {
            waits_for.remove(id);
        }
        for waits in waits_for.values_mut() {
            waits.retain(|id| !ready.contains(id));
        }
        waves.push(ready.into_iter().map(str::to_owned).collect());
    }
    Ok(waves)
}

/// The constraints that prices violate, with both channels' prices: before an update, after it, or as read back.
#[must_use]
pub fn violations<'a>(
    prices: &BTreeMap<String, Decimal>,
    constraints: &'a [Constraint],
) -> Vec<(&'a Constraint, Decimal, Decimal)> {
    let pair = |constraint: &'a Constraint| {
        let never = *prices.get(&constraint.never_below.0)?;
        let below = *prices.get(&constraint.never_below.1)?;
        (never < below).then_some((constraint, never, below))
    };
    constraints.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_broken_before_the_update_waits_for_nothing_that_mends_it() {
        let of = |old: i64, new: i64| Move { old: Decimal::from(old), new: Decimal::from(new) };
        let moves = [("feed".to_owned(), of(179, 189)), ("till".to_owned(), of(199, 189))].into();
        let never_below = ("feed".to_owned(), "till".to_owned());
        let rule = Constraint { never_below, best_effort_after_ms: None };
        assert_eq!(waves(&moves, &[rule]), Ok(vec![vec!["feed".to_owned(), "till".to_owned()]]));
    }
}
