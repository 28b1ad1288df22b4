//! What stands in for a reference that cannot be computed.

use crate::decide::bounds::{Bounds, field_amount};
use crate::decide::decision::Flag;
use crate::decide::facts::Facts;
use crate::decide::quotient::Quotient;
use crate::decide::reference::{self, major};
use crate::decide::rules::{Fallback, PriceField, Rule};
use crate::money::Decimal;

/// The first fallback of a rule that has a value, with its flag; none if the chain ends, or says `hold`, before one.
#[must_use]
pub fn first_usable(facts: &Facts, rule: &Rule, bounds: &Bounds, now_ms: i64) -> Option<(Flag, Quotient)> {
    let before_hold = rule.on_no_data.iter().take_while(|fallback| **fallback != Fallback::Hold);
    before_hold.copied().find_map(|fallback| value(facts, rule, bounds, now_ms, fallback))
}

fn value(facts: &Facts, rule: &Rule, bounds: &Bounds, now_ms: i64, fallback: Fallback) -> Option<(Flag, Quotient)> {
    let currency = facts.market.currency;
    let usable = |flag: Flag, value: Option<Decimal>| Some((flag, Quotient::whole(value?)));
    match fallback {
        Fallback::Hold => None,
        Fallback::Keep => usable(Flag::FallbackKeep, facts.in_market(facts.product.current)),
        Fallback::Max => usable(Flag::FallbackMax, bounds.ceiling.map(|(minor, _)| major(minor, currency))),
        Fallback::Min => usable(Flag::FallbackMin, Some(major(bounds.floor, currency))),
        Fallback::Field(field) => {
            let flag = match field {
                PriceField::Msrp => Flag::FallbackMsrp,
                PriceField::Regular => Flag::FallbackRegular,
                PriceField::Map => Flag::FallbackMap,
            };
            usable(flag, field_amount(facts, field))
        }
        Fallback::LastReference { max_age_ms } => {
            let last = facts.product.last_reference.as_ref()?;
            let last = Some(last).filter(|last| last.is_of(&rule.id, rule.offers.basis))?;
            let usable = now_ms.saturating_sub(last.at.0) <= max_age_ms;
            // What is remembered is the reported reference, from which our own shipping is off already.
            let aimed = reference::adjusted(rule, Quotient::whole(last.value), currency);
            Some((Flag::FallbackLastReference, aimed.filter(|_| usable)?))
        }
    }
}
