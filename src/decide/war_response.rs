//! What we do when a competitor and we undercut each other: freeze, go to the floor and stay, follow the next, or ask.
//!
//! No answer is meant as a signal to the competitor. After the configured time the normal rule is back, and at most one
//! answer a day raises a price.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag};
use crate::decide::facts::Facts;
use crate::money::Money;

/// An answer raises a price at most once in this time, however long answers stand.
const RAISE_EVERY_MS: i64 = Millis::DAY;
/// How long an answer may stand: shorter ones would not outlast a round of checks, longer ones would be a price policy that
/// belongs in a rule.
pub const HOLD_MS: std::ops::RangeInclusive<i64> = Millis::HOUR..=30 * Millis::DAY;

/// The configured answer, and how long it stands before the normal rule is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answering {
    pub response: WarResponse,
    pub hold_ms: i64,
}

/// The configured answer to a price war.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarResponse {
    /// Leave the price where it is.
    #[default]
    Freeze,
    /// Follow down to the floor, then leave it there.
    FloorThenHold,
    /// Do as if the rival did not exist.
    StepToNext,
    /// A person decides.
    Review,
}

/// What follows for one decision.
#[derive(Debug, Clone, PartialEq)]
pub enum WarAnswer {
    /// The decision stands.
    Unchanged,
    /// The current price stays until then.
    Hold { until: Millis },
    /// Decide again from these facts, in which the rival does not appear; they are the record of that decision.
    Again(Box<Facts>),
    /// The decision waits for a person.
    Review,
}

/// Answers a war with `rival` that was noticed at `since`. `last_raise` is when such an answer last raised the price.
#[must_use]
pub fn answer(
    answering: Answering,
    facts: &Facts,
    decision: &Decision,
    rival: &str,
    since: Millis,
    last_raise: Option<Millis>,
    now: Millis,
) -> WarAnswer {
    let until = since.plus(answering.hold_ms);
    if now >= until || !decision.proposes() {
        return WarAnswer::Unchanged;
    }
    match answering.response {
        WarResponse::Freeze => WarAnswer::Hold { until },
        WarResponse::Review => WarAnswer::Review,
        WarResponse::FloorThenHold if at_floor(facts, decision) => WarAnswer::Hold { until },
        WarResponse::FloorThenHold => WarAnswer::Unchanged,
        WarResponse::StepToNext if last_raise.is_some_and(|at| now.since(at) < RAISE_EVERY_MS) => {
            WarAnswer::Hold { until }
        }
        WarResponse::StepToNext => {
            let mut facts = facts.clone();
            facts.offers.retain(|offer| offer.competitor != rival);
            WarAnswer::Again(Box::new(facts))
        }
    }
}

/// The price is at its floor already, and the decision would only move it back up to fall again.
fn at_floor(facts: &Facts, decision: &Decision) -> bool {
    let floor = decision.floor.map(Money::minor);
    let current = facts.product.current.map(Money::minor);
    !decision.has(Flag::BoundRepair) && floor.zip(current).is_some_and(|(floor, current)| current <= floor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::facts::{AppliedVat, Market, OfferFact, Product};
    use crate::decide::rules::Mode;
    use crate::decide::text::Zone;
    use crate::decide::{RuleSet, price};
    use crate::money::{Currency, Decimal};

    fn facts(current: i64) -> Facts {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let product = Product {
            current: Some(dkk(current)),
            cost_net: Some(dkk(30_000)),
            vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
            ..Product::named("A1")
        };
        let offers = [("rival", 45_000), ("calm", 49_000)];
        let offers = offers.map(|(name, minor)| OfferFact::seen(name, dkk(minor), Millis(0))).to_vec();
        Facts { offers, ..Facts::new(product, Market::of_country("DK", Currency::DKK, Zone::UTC)) }
    }

    const fn for_a_day(response: WarResponse) -> Answering {
        Answering { response, hold_ms: Millis::DAY }
    }

    fn rules() -> RuleSet {
        let rule = "[[rule]]\nid = \"r\"\ntarget = { kind = \"lowest\" }\nadjust = { amount = \"-1.00\" }";
        RuleSet::from_table(toml::from_str(rule).unwrap(), Mode::Auto).unwrap().0
    }

    #[test]
    fn stepping_to_the_next_decides_without_the_rival_and_once_a_day() {
        let (facts, rules, now) = (facts(46_000), rules(), Millis(Millis::HOUR));
        let decision = price(&facts, &rules, now.timestamp());
        assert_eq!(decision.price.map(Money::minor), Some(44_900));
        let step = |last| answer(for_a_day(WarResponse::StepToNext), &facts, &decision, "rival", Millis(0), last, now);
        let WarAnswer::Again(without) = step(None) else { panic!("it decides again") };
        assert_eq!(price(&without, &rules, now.timestamp()).price.map(Money::minor), Some(48_900));
        assert_eq!(step(Some(Millis(0))), WarAnswer::Hold { until: Millis(Millis::DAY) });
    }

    #[test]
    fn an_answer_ends_after_the_time_that_is_configured() {
        let (facts, rules) = (facts(46_000), rules());
        let decision = price(&facts, &rules, Millis(Millis::HOUR).timestamp());
        for hold_ms in [Millis::HOUR, Millis::DAY, 3 * Millis::DAY] {
            let freeze = Answering { response: WarResponse::Freeze, hold_ms };
            let at = |now| answer(freeze, &facts, &decision, "rival", Millis(0), None, Millis(now));
            assert_eq!(at(hold_ms - 1), WarAnswer::Hold { until: Millis(hold_ms) });
            assert_eq!(at(hold_ms), WarAnswer::Unchanged);
        }
    }

    #[test]
    fn a_price_at_its_floor_stays_there_and_one_below_it_is_repaired() {
        let rules = rules();
        let now = Millis(Millis::HOUR);
        for (current, expected) in [
            (46_000, WarAnswer::Unchanged),
            (37_500, WarAnswer::Hold { until: Millis(Millis::DAY) }),
            (37_000, WarAnswer::Unchanged),
        ] {
            let facts = facts(current);
            let decision = price(&facts, &rules, now.timestamp());
            let got = answer(for_a_day(WarResponse::FloorThenHold), &facts, &decision, "rival", Millis(0), None, now);
            assert_eq!(got, expected, "{current}");
        }
    }
}
