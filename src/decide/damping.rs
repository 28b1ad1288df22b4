//! Whether a computed price is worth a change now, and whether it may go out by itself.
//!
//! Damping never protects a price that is outside the hard bounds: selling below the floor is worse than an early change.

use crate::clock::Millis;
use crate::decide::bounds::Bounds;
use crate::decide::decision::{Flag, Outcome};
use crate::decide::facts::Facts;
use crate::decide::rules::{Limits, Mode};
use crate::decide::staging;
use crate::money::{Decimal, Money};

/// What becomes of a computed price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub outcome: Outcome,
    pub flags: Vec<Flag>,
    pub next_evaluation: Option<Millis>,
}

impl Released {
    fn damped(outcome: Outcome, flag: Option<Flag>) -> Self {
        Self { outcome, flags: flag.into_iter().collect(), next_evaluation: None }
    }
}

/// Applies hysteresis, cooldown, daily quota, the review limit and the mode of the rules behind it to a price.
#[must_use]
pub fn release(facts: &Facts, limits: &Limits, mode: Mode, bounds: &Bounds, price: Money, now: Millis) -> Released {
    let Some(current) = facts.product.current.filter(|current| current.currency() == price.currency()) else {
        return Released::damped(by_mode(mode), None);
    };
    if price == current {
        return Released::damped(Outcome::Keep, None);
    }
    let too_high = bounds.ceiling.is_some_and(|(ceiling, _)| current.minor() > ceiling);
    let repair = current.minor() < bounds.floor || too_high;
    if !repair {
        if is_too_small(limits, current, price) {
            return Released::damped(Outcome::Keep, Some(Flag::BelowMinChange));
        }
        if let Some(expiry) = cooldown_expiry(facts, limits).filter(|expiry| now < *expiry) {
            let held = Released::damped(Outcome::Hold, Some(Flag::Cooldown));
            return Released { next_evaluation: Some(expiry), ..held };
        }
        if limits.max_changes_per_day.is_some_and(|most| facts.product.changes_today >= most) {
            return Released::damped(Outcome::Hold, Some(Flag::DailyQuota));
        }
    }
    let mut released = Released::damped(by_mode(mode), repair.then_some(Flag::BoundRepair));
    let before =
        facts.product.before_campaign().filter(|before| before.currency() == price.currency()).unwrap_or(current);
    if limits.review_above_pct.is_some_and(|limit| exceeds(before, price, limit)) {
        released.flags.push(Flag::LargeChange);
        if released.outcome == Outcome::Change {
            released.outcome = Outcome::Review;
        }
    }
    released
}

const fn by_mode(mode: Mode) -> Outcome {
    match mode {
        Mode::Auto => Outcome::Change,
        Mode::Review => Outcome::Review,
        Mode::Shadow => Outcome::Shadow,
    }
}

fn is_too_small(limits: &Limits, current: Money, price: Money) -> bool {
    let difference = (price.amount() - current.amount()).abs();
    let percent_of_current = |percent: Decimal| current.amount().saturating_mul(percent) / Decimal::ONE_HUNDRED;
    limits.min_change.is_some_and(|least| difference < least)
        || limits.min_change_pct.is_some_and(|percent| difference < percent_of_current(percent))
}

fn exceeds(current: Money, price: Money, percent: Decimal) -> bool {
    let difference = (price.amount() - current.amount()).abs();
    difference.saturating_mul(Decimal::ONE_HUNDRED) > current.amount().saturating_mul(percent)
}

/// When the cooldown of the last change ends. The jitter depends on product and change alone, so that a decision can be
/// recomputed.
fn cooldown_expiry(facts: &Facts, limits: &Limits) -> Option<Millis> {
    let (changed, cooldown_ms) = (facts.product.last_changed?, limits.cooldown_ms?);
    let jitter = limits.cooldown_jitter_pct.and_then(|percent| {
        let place = Decimal::from(staging::place(&changed.to_string(), &facts.product.sku));
        let share = percent.checked_mul(place)?.checked_div(Decimal::from(staging::WHOLE * 100))?;
        i64::try_from(share.checked_mul(Decimal::from(cooldown_ms))?.trunc()).ok()
    });
    Some(changed.plus(cooldown_ms).plus(jitter.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::facts::{Market, Product};
    use crate::decide::text::Zone;
    use crate::money::Currency;

    #[test]
    fn a_jitter_is_at_most_its_share_and_differs_by_product() {
        let hour = Millis::HOUR;
        let limits =
            Limits { cooldown_ms: Some(hour), cooldown_jitter_pct: Some(Decimal::from(25)), ..Limits::default() };
        let expiry = |sku: &str| {
            let product = Product { last_changed: Some(Millis(0)), ..Product::named(sku) };
            let facts = Facts::new(product, Market::of_country("DK", Currency::DKK, Zone::UTC));
            cooldown_expiry(&facts, &limits).map_or(0, |expiry| expiry.0)
        };
        let all: std::collections::BTreeSet<i64> = (0..100).map(|n| expiry(&format!("SKU{n}"))).collect();
        assert!(all.len() > 50 && all.iter().all(|at| (hour..hour + hour / 4).contains(at)), "{all:?}");
        assert_eq!(expiry("SKU1"), expiry("SKU1"));
    }
}
