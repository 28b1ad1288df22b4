//! The number a rule computes from the market or from our own catalogue, and the target price that follows from it.
//!
//! References are exact quotients; nothing is rounded here.

use crate::decide::bounds::{cost_plus, field_amount};
use crate::decide::decision::{Flag, Intent};
use crate::decide::facts::Facts;
use crate::decide::offers::{EligibleOffer, competitor};
use crate::decide::quotient::Quotient;
use crate::decide::rules::{Adjust, Basis, Rule, RuleSet, Target};
use crate::money::{Currency, Decimal, exponent};

/// A reference and the offer it is, where it is a single one.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    pub value: Quotient,
    pub offer: Option<u32>,
    pub flag: Option<Flag>,
}

/// A target price: the reported reference, the adjusted price and the side it should keep.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    pub reference: Quotient,
    pub x0: Quotient,
    pub intent: Option<Intent>,
}

/// Major units of an amount in minor units.
#[must_use]
pub fn major(minor: i64, currency: Currency) -> Decimal {
    Decimal::new(minor, exponent(currency))
}

/// Computes the reference of a rule from sorted offers; none means no data.
#[must_use]
pub fn reference(facts: &Facts, rules: &RuleSet, rule: &Rule, offers: &[EligibleOffer]) -> Option<Reference> {
    if rule.target.kind().is_market() && offers.len() < rule.offers.min_offers.max(1) as usize {
        return None;
    }
    let currency = facts.market.currency;
    let one = |offer: &EligibleOffer| Reference {
        value: Quotient::whole(major(offer.minor, currency)),
        offer: Some(offer.offer),
        flag: None,
    };
    let computed = |value: Option<Quotient>| Some(Reference { value: value?, offer: None, flag: None });
    match &rule.target {
        Target::Lowest => offers.first().map(one),
        Target::Highest => offers.last().map(one),
        Target::Rank(n) => {
            let wanted = offers.get((*n as usize).saturating_sub(1)).map(one);
            let short = || offers.last().map(|offer| Reference { flag: Some(Flag::ShortMarket), ..one(offer) });
            wanted.or_else(short)
        }
        Target::Mean => computed(mean(facts, rules, offers)),
        Target::Median => computed(median(offers, currency)),
        Target::Range(percent) => computed(range(offers, *percent, currency)),
        Target::Competitor(names) => {
            let of = |name: &String| offers.iter().find(|offer| competitor(facts, offer.offer) == name);
            names.iter().find_map(of).map(one)
        }
        Target::CostPlus(plus) => computed(cost_plus(facts, *plus)),
        Target::Field(field) => computed(field_amount(facts, *field).map(Quotient::whole)),
        Target::Keep => computed(facts.in_market(facts.product.current).map(Quotient::whole)),
    }
}

/// Every offer counts as much as its competitor's weight says; where all weigh nothing there is no mean.
fn mean(facts: &Facts, rules: &RuleSet, offers: &[EligibleOffer]) -> Option<Quotient> {
    let (mut sum, mut weights) = (0_i64, 0_i64);
    for offer in offers {
        let weight = i64::from(rules.weight(competitor(facts, offer.offer)));
        sum = sum.checked_add(offer.minor.checked_mul(weight)?)?;
        weights = weights.checked_add(weight)?;
    }
    Quotient::new(major(sum, facts.market.currency), Decimal::from(weights))
}

fn median(offers: &[EligibleOffer], currency: Currency) -> Option<Quotient> {
    let upper = offers.get(offers.len() / 2)?;
    if offers.len() % 2 == 1 {
        return Some(Quotient::whole(major(upper.minor, currency)));
    }
    let lower = offers.get(offers.len() / 2 - 1)?;
    Quotient::new(major(lower.minor.checked_add(upper.minor)?, currency), Decimal::TWO)
}

fn range(offers: &[EligibleOffer], percent: Decimal, currency: Currency) -> Option<Quotient> {
    let (low, high) = (offers.first()?.minor, offers.last()?.minor);
    let spread = major(high.checked_sub(low)?, currency).checked_mul(percent)?;
    Quotient::new(major(low, currency).checked_mul(Decimal::ONE_HUNDRED)?.checked_add(spread)?, Decimal::ONE_HUNDRED)
}

/// A rule's adjustment of a reference; none on overflow. A rank without an adjustment means one minor unit below the
/// wanted place.
#[must_use]
pub fn adjusted(rule: &Rule, reference: Quotient, currency: Currency) -> Option<Quotient> {
    match (&rule.target, rule.adjust) {
        (Target::Rank(_), None) => reference.plus(major(-1, currency)),
        (_, None) => Some(reference),
        (_, Some(Adjust { percent, amount })) => reference.adjusted(percent, amount),
    }
}

/// The target that a rule computes from a reference, with the side it should keep; none on overflow.
///
/// On delivered basis our own shipping is taken off both the reported reference and the target, so that they can be
/// compared with item prices. A rule that keeps the price aims at it and at no side of it.
#[must_use]
pub fn aim(facts: &Facts, rule: &Rule, reference: Quotient) -> Option<Aim> {
    if rule.target == Target::Keep {
        return Some(Aim { reference, x0: reference, intent: None });
    }
    let delivered = rule.offers.basis == Basis::Delivered && rule.target.kind().is_market();
    let own_shipping = facts.in_market(facts.product.own_shipping).filter(|_| delivered).unwrap_or(Decimal::ZERO);
    let x0 = adjusted(rule, reference, facts.market.currency)?.plus(-own_shipping)?;
    let reference = reference.plus(-own_shipping)?;
    let intent = match x0.compare(reference)? {
        std::cmp::Ordering::Less => Intent::Below,
        std::cmp::Ordering::Equal => Intent::Match,
        std::cmp::Ordering::Greater => Intent::Above,
    };
    Some(Aim { reference, x0, intent: Some(intent) })
}
