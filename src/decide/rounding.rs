//! Price endings and the named rounding points of money (RP1 to RP9 of the semantics).
//!
//! Every rounding names its direction. Nothing in here may leave the window it was given.

use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

use crate::decide::decision::Intent;
use crate::money::{Currency, Decimal, exponent};

/// RP1: a competitor's offer after tax, FX, pack and shipping.
pub const OFFER: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;
/// RP2: a floor.
pub const FLOOR: RoundingStrategy = RoundingStrategy::ToPositiveInfinity;
/// RP3: a ceiling; RP8: an announced discount.
pub const CEILING: RoundingStrategy = RoundingStrategy::ToNegativeInfinity;
/// RP4: a decision price; an exact half goes down, in the customer's favour.
pub const PRICE: RoundingStrategy = RoundingStrategy::MidpointTowardZero;
/// RP7: displayed net prices and VAT amounts, and other figures people read.
pub const DISPLAY: RoundingStrategy = RoundingStrategy::MidpointAwayFromZero;

/// At most this many tiers in a rounding, and endings in a tier: a person wrote them.
pub const MAX_TIERS: usize = 16;
pub const MAX_ENDINGS: usize = 100;

/// Which price point to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Down,
    Up,
    #[default]
    Nearest,
}

/// Price points per size of the price: `k * modulus + ending` for every whole `k`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounding {
    pub direction: Direction,
    pub tiers: Vec<Tier>,
}

/// The endings of prices under `below` (major units); the last tier has no limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    pub below: Option<Decimal>,
    pub modulus: Decimal,
    pub endings: Vec<Decimal>,
}

impl Tier {
    /// Every multiple of a step (major units), whatever the price.
    #[must_use]
    pub fn every(step: Decimal) -> Self {
        Self { below: None, modulus: step, endings: vec![Decimal::ZERO] }
    }
}

impl Rounding {
    /// The nearest multiple of a step.
    #[must_use]
    pub fn to_step(step: Decimal) -> Self {
        Self { direction: Direction::Nearest, tiers: vec![Tier::every(step)] }
    }

    /// The tier for a price: the first whose limit is above it.
    #[must_use]
    pub fn tier(&self, price: Decimal) -> Option<&Tier> {
        self.tiers.iter().find(|tier| tier.below.is_none_or(|below| price < below))
    }
}

/// A span of minor units, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub low: i64,
    pub high: i64,
}

impl Span {
    /// All positive amounts.
    pub const POSITIVE: Self = Self { low: 1, high: i64::MAX };

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.low > self.high
    }

    /// The part of the span on the intended side of a reference (in minor units, unrounded).
    #[must_use]
    pub fn on_side(self, intent: Intent, reference_minor: Decimal) -> Self {
        let whole = |value: Decimal| i64::try_from(value).unwrap_or(i64::MAX);
        match intent {
            Intent::Below => Self { high: self.high.min(whole(reference_minor.ceil()).saturating_sub(1)), ..self },
            Intent::Match => Self { high: self.high.min(whole(reference_minor.floor())), ..self },
            Intent::Above => Self { low: self.low.max(whole(reference_minor.ceil())), ..self },
        }
    }
}

/// The grid of price points in minor units.
#[derive(Debug, Clone)]
pub struct Grid<'a> {
    modulus: i64,
    endings: Endings<'a>,
    scale: Decimal,
}

#[derive(Debug, Clone)]
enum Endings<'a> {
    Every,
    Listed(&'a [Decimal]),
}

impl<'a> Grid<'a> {
    /// Every minor unit is a price point.
    pub const EVERY_UNIT: Grid<'static> = Grid { modulus: 1, endings: Endings::Every, scale: Decimal::ONE };

    /// The points of a tier; none if the tier cannot be expressed in the currency's minor units (JPY with `0.95`).
    #[must_use]
    pub fn of(tier: &'a Tier, currency: Currency) -> Option<Self> {
        let scale = Decimal::from(10_i64.checked_pow(exponent(currency))?);
        let modulus = minor(tier.modulus, scale).filter(|modulus| *modulus > 0)?;
        let fits = tier.endings.iter().all(|ending| minor(*ending, scale).is_some());
        fits.then_some(Self { modulus, endings: Endings::Listed(&tier.endings), scale })
    }

    /// The point to take for `x1` (minor units, unrounded) inside the span; none if the span holds no point.
    ///
    /// `down` is the largest point not above `x1`, else the smallest above it; `up` is mirrored; `nearest` breaks
    /// ties downwards.
    #[must_use]
    pub fn pick(&self, x1: Decimal, span: Span, direction: Direction) -> Option<i64> {
        if span.is_empty() {
            return None;
        }
        let floor = i64::try_from(x1.floor()).ok()?;
        let ceil = i64::try_from(x1.ceil()).ok()?;
        let below = self.at_most(floor.min(span.high)).filter(|point| *point >= span.low);
        let above = self.at_least(ceil.max(span.low)).filter(|point| *point <= span.high);
        match (below, above) {
            (Some(below), Some(above)) => Some(match direction {
                Direction::Down => below,
                Direction::Up => above,
                Direction::Nearest => nearer(x1, below, above),
            }),
            (one, other) => one.or(other),
        }
    }

    fn endings(&self) -> impl Iterator<Item = i64> + '_ {
        let listed = match self.endings {
            Endings::Every => &[Decimal::ZERO][..],
            Endings::Listed(listed) => listed,
        };
        listed.iter().filter_map(|ending| minor(*ending, self.scale))
    }

    fn at_most(&self, limit: i64) -> Option<i64> {
        if matches!(self.endings, Endings::Every) {
            return Some(limit);
        }
        let point = |ending: i64| {
            let steps = limit.checked_sub(ending)?.div_euclid(self.modulus);
            steps.checked_mul(self.modulus)?.checked_add(ending)
        };
        self.endings().filter_map(point).max()
    }

    fn at_least(&self, limit: i64) -> Option<i64> {
        if matches!(self.endings, Endings::Every) {
            return Some(limit);
        }
        let point = |ending: i64| {
            let distance = ending.checked_sub(limit)?;
            let steps = distance.div_euclid(self.modulus).checked_neg()?;
            steps.checked_mul(self.modulus)?.checked_add(ending)
        };
        self.endings().filter_map(point).min()
    }
}

fn minor(amount: Decimal, scale: Decimal) -> Option<i64> {
    let scaled = amount.checked_mul(scale)?;
    if scaled.fract().is_zero() { i64::try_from(scaled).ok() } else { None }
}

fn nearer(x1: Decimal, below: i64, above: i64) -> i64 {
    let down = x1.saturating_sub(Decimal::from(below));
    let up = Decimal::from(above).saturating_sub(x1);
    if up < down { above } else { below }
}

/// A figure as people read it: two decimals, half up (RP7).
#[must_use]
pub fn two_decimals(value: Decimal) -> Decimal {
    let mut value = value.round_dp_with_strategy(2, DISPLAY);
    value.rescale(2);
    value
}

/// RP9: the payable total of a cash payment to the nearest multiple of `increment`; a half goes up. Items and card
/// payments are never rounded this way. None on overflow or an increment that is not positive.
#[must_use]
pub fn cash_total(total: Decimal, increment: Decimal) -> Option<Decimal> {
    if increment <= Decimal::ZERO {
        return None;
    }
    let steps = total.checked_div(increment)?;
    steps.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).checked_mul(increment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::decimal;

    fn pick(x: &str, modulus: &str, endings: &[&str], direction: Direction, low: i64, high: i64) -> Option<i64> {
        let tier = Tier {
            below: None,
            modulus: decimal(modulus).unwrap(),
            endings: endings.iter().map(|ending| decimal(ending).unwrap()).collect(),
        };
        let x = decimal(x).unwrap() * Decimal::ONE_HUNDRED;
        Grid::of(&tier, Currency::DKK).unwrap().pick(x, Span { low, high }, direction)
    }

    #[test]
    fn a_point_never_leaves_its_span() {
        assert_eq!(pick("475.20", "10.00", &["9.00"], Direction::Down, 47_100, 47_600), None);
        assert_eq!(pick("480.40", "1.00", &["0.99"], Direction::Down, 48_000, i64::MAX), Some(48_099));
        assert_eq!(pick("480.40", "1.00", &["0.99"], Direction::Up, 1, 48_050), Some(47_999));
        assert_eq!(pick("0.50", "1.00", &["0.99"], Direction::Down, 1, i64::MAX), Some(99));
    }

    #[test]
    fn a_tie_goes_down() {
        assert_eq!(pick("474.00", "10.00", &["9.00"], Direction::Nearest, 1, i64::MAX), Some(46_900));
        assert_eq!(pick("12.70", "1.00", &["0.49", "0.99"], Direction::Nearest, 1, i64::MAX), Some(1_249));
    }

    #[test]
    fn an_ending_of_hundredths_does_not_exist_in_yen() {
        let tier = Tier { below: None, modulus: Decimal::ONE, endings: vec![decimal("0.95").unwrap()] };
        assert!(Grid::of(&tier, Currency::JPY).is_none());
    }

    #[test]
    fn cash_totals_round_half_up() {
        let cash = |total: &str, step: &str| cash_total(decimal(total).unwrap(), decimal(step).unwrap());
        assert_eq!(cash("37.25", "0.50"), decimal("37.50").ok());
        assert_eq!(cash("37.24", "0.50"), decimal("37.00").ok());
        assert_eq!(cash("1.00", "0"), None);
    }
}
