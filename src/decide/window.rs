//! How far a price may move now: the hard bounds, narrowed by step and day limits.
//!
//! Step and day limits never hold a price outside the hard bounds; where they leave no room, the bound wins.

use rust_decimal::RoundingStrategy;

use crate::decide::bounds::Bounds;
use crate::decide::decision::Flag;
use crate::decide::facts::Facts;
use crate::decide::reference::major;
use crate::decide::rounding::{CEILING, FLOOR, Span};
use crate::decide::rules::Limits;
use crate::money::{Currency, Decimal, Money};

/// The span a price may end up in, and what its ends are.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub span: Span,
    floor: i64,
    ceiling: Option<i64>,
    /// The limits left no room inside the bounds and were set aside.
    pub overridden: bool,
}

/// Intersects the hard bounds with the step limits around the current price and the day limits around the first price
/// of the day; after a campaign both around the price before it. Lower ends are rounded up and upper ends down.
#[must_use]
pub fn window(facts: &Facts, limits: &Limits, bounds: &Bounds) -> Window {
    let ceiling = bounds.ceiling.map(|(minor, _)| minor);
    let hard = Span { low: bounds.floor, high: ceiling.unwrap_or(i64::MAX) };
    let own = |price: Option<Money>| price.filter(|price| price.currency() == facts.market.currency);
    let before_campaign = own(facts.product.before_campaign());
    let current = before_campaign.or(own(facts.product.current));
    let day_start = before_campaign.or(own(facts.product.day_start)).or(current);
    let step = around(current, limits.max_step_down_pct, limits.max_step_up_pct);
    let day = around(day_start, limits.max_day_down_pct, limits.max_day_up_pct);
    let soft = meet(step, day);
    let span = Span { low: hard.low.max(soft.low), high: hard.high.min(soft.high) };
    let overridden = span.is_empty();
    let span = if overridden { meet(hard, soft) } else { span };
    Window { span, floor: bounds.floor, ceiling, overridden: overridden || step.low > day.high || day.low > step.high }
}

/// The common part of two spans; if there is none, the end of the first that lies nearest to the second.
fn meet(first: Span, second: Span) -> Span {
    let common = Span { low: first.low.max(second.low), high: first.high.min(second.high) };
    if !common.is_empty() {
        common
    } else if second.high < first.low {
        Span { low: first.low, high: first.low }
    } else {
        Span { low: first.high, high: first.high }
    }
}

fn around(price: Option<Money>, down_pct: Option<Decimal>, up_pct: Option<Decimal>) -> Span {
    let moved = |percent: Option<Decimal>, sign: Decimal, strategy: RoundingStrategy| {
        let minor = Decimal::from(price?.minor());
        let share = Decimal::ONE_HUNDRED.checked_add(percent?.checked_mul(sign)?)?;
        let value = minor.checked_mul(share)?.checked_div(Decimal::ONE_HUNDRED)?;
        i64::try_from(value.round_dp_with_strategy(0, strategy)).ok()
    };
    Span {
        low: moved(down_pct, Decimal::NEGATIVE_ONE, FLOOR).unwrap_or(i64::MIN),
        high: moved(up_pct, Decimal::ONE, CEILING).unwrap_or(i64::MAX),
    }
}

impl Window {
    /// The upper end in minor units; none where nothing limits the price.
    #[must_use]
    pub fn high(&self) -> Option<i64> {
        (self.span.high != i64::MAX).then_some(self.span.high)
    }

    #[must_use]
    pub const fn contains(&self, minor: i64) -> bool {
        self.span.low <= minor && minor <= self.span.high
    }

    /// Clamps a target (major units) and says which kind of limit cut it.
    #[must_use]
    pub fn clamp(&self, x0: Decimal, currency: Currency) -> (Decimal, Option<Flag>) {
        let low = major(self.span.low, currency);
        if x0 < low {
            let flag = if self.span.low == self.floor { Flag::FloorApplied } else { Flag::StepLimited };
            return (low, Some(flag));
        }
        match self.high().map(|high| major(high, currency)) {
            Some(high) if x0 > high => {
                let hard = Some(self.span.high) == self.ceiling;
                (high, Some(if hard { Flag::CeilingApplied } else { Flag::StepLimited }))
            }
            _ => (x0, None),
        }
    }
}
