//! Floor and ceiling of a decision: what may never be crossed, whatever the market does.
//!
//! A minimum that cannot be computed is not a minimum of zero. Without any minimum there is no automatic price.

use std::cmp::Reverse;

use rust_decimal::RoundingStrategy;

use crate::decide::decision::BoundSource;
use crate::decide::facts::Facts;
use crate::decide::quotient::Quotient;
use crate::decide::rounding;
use crate::decide::rules::{Bound, ChannelFloor, CostPlus, EngineParams, PriceField, Rule};
use crate::money::{Decimal, Money};

/// Hard bounds in minor units of the market's currency, with what set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub floor: i64,
    pub floor_by: BoundSource,
    pub ceiling: Option<(i64, BoundSource)>,
}

/// Computes the bounds of a rule for a product; none if no minimum is evaluable or the floor is not positive.
#[must_use]
pub fn bounds(facts: &Facts, rule: &Rule, engine: &EngineParams) -> Option<Bounds> {
    let (floor, floor_by) = floor(facts, &rule.min, engine)?;
    let ceiling = rule
        .max
        .iter()
        .filter_map(|bound| Some((minor(facts, amount_of(facts, bound)?, rounding::CEILING)?, source_of(bound))))
        .min_by_key(|(minor, _)| *minor);
    Some(Bounds { floor, floor_by, ceiling })
}

/// The highest of the given minimums, the product's own and the implicit floor (cost plus VAT plus the engine's minimum
/// markup), in minor units, rounded up; none if none is evaluable or the result is not positive.
#[must_use]
pub fn floor(facts: &Facts, minimums: &[Bound], engine: &EngineParams) -> Option<(i64, BoundSource)> {
    let implicit = cost_plus(facts, CostPlus::MarkupPct(engine.min_floor_markup_pct));
    let configured = minimums.iter().map(|bound| (amount_of(facts, bound), source_of(bound)));
    let own = facts.in_market(facts.product.min).map(Quotient::whole);
    [(implicit, BoundSource::Implicit), (own, BoundSource::Own)]
        .into_iter()
        .chain(configured)
        .filter_map(|(amount, source)| Some((minor(facts, amount?, rounding::FLOOR)?, source)))
        // On a tie the first counts, so that the explanation does not depend on the order of equal minimums.
        .min_by_key(|(minor, _)| Reverse(*minor))
        .filter(|(minor, _)| *minor > 0)
}

fn minor(facts: &Facts, amount: Quotient, strategy: RoundingStrategy) -> Option<i64> {
    let money = Money::rounded(amount.value()?, facts.market.currency, strategy).ok()?;
    Some(money.minor())
}

fn amount_of(facts: &Facts, bound: &Bound) -> Option<Quotient> {
    match *bound {
        Bound::Cost(plus) => cost_plus(facts, plus),
        Bound::Field(field) => field_amount(facts, field).map(Quotient::whole),
        Bound::Amount(amount) => Some(Quotient::whole(amount)),
    }
}

const fn source_of(bound: &Bound) -> BoundSource {
    match bound {
        Bound::Cost(CostPlus::MarginPct(_)) => BoundSource::Margin,
        Bound::Cost(CostPlus::MarkupPct(_)) => BoundSource::Markup,
        Bound::Cost(CostPlus::PlusNet(_)) => BoundSource::PlusNet,
        Bound::Field(PriceField::Msrp) => BoundSource::Msrp,
        Bound::Field(PriceField::Regular) => BoundSource::Regular,
        Bound::Field(PriceField::Map) => BoundSource::Map,
        Bound::Amount(_) => BoundSource::Amount,
    }
}

/// A catalogue price of the product; a supplier's minimum only where the market allows one to count.
#[must_use]
pub fn field_amount(facts: &Facts, field: PriceField) -> Option<Decimal> {
    let product = &facts.product;
    match field {
        PriceField::Msrp => facts.in_market(product.msrp),
        PriceField::Regular => facts.in_market(product.regular),
        PriceField::Map if facts.market.map_allowed => facts.in_market(product.map),
        PriceField::Map => None,
    }
}

/// Cost plus margin, markup or an amount, then VAT, in the market's convention: `cost / (1 - m)` or `cost * (1 + u)`.
/// None without a positive cost or a VAT rate.
#[must_use]
pub fn cost_plus(facts: &Facts, plus: CostPlus) -> Option<Quotient> {
    let cost = facts.in_market(facts.product.cost_net).filter(|cost| *cost > Decimal::ZERO)?;
    let vat = facts.vat_factor()?;
    match plus {
        // Multiplied before it is divided, so that 95 at 5 % is 100 and not a hair more, which would round up.
        CostPlus::MarginPct(percent) => Quotient::new(
            cost.checked_mul(vat)?.checked_mul(Decimal::ONE_HUNDRED)?,
            Decimal::ONE_HUNDRED.checked_sub(percent)?,
        ),
        CostPlus::MarkupPct(percent) => Quotient::whole(cost.checked_mul(vat)?).adjusted(percent, Decimal::ZERO),
        CostPlus::PlusNet(amount) => Some(Quotient::whole(cost.checked_add(amount)?.checked_mul(vat)?)),
    }
}

/// The price from which a channel with fees still earns the margin, in the channel's currency, with VAT:
/// `(cost + fixed fee) / ((1 - margin) / (1 + VAT) - fee share)`, brought to one division.
///
/// None when margin and fees eat the whole price, or on overflow: the channel cannot sell the product.
#[must_use]
pub fn fee_aware_floor(cost_net: Decimal, fees: ChannelFloor, vat_factor: Decimal) -> Option<Quotient> {
    let hundred = Decimal::ONE_HUNDRED;
    let costs = cost_net.checked_add(fees.fee_fixed_net)?.checked_mul(vat_factor)?.checked_mul(hundred)?;
    let left = hundred.checked_sub(fees.margin_pct)?.checked_sub(fees.fee_pct_of_gross.checked_mul(vat_factor)?)?;
    Quotient::new(costs, left)
}
