//! What would change a decision, found by asking the engine again with one fact changed.
//!
//! Every line is the engine's answer to other facts; nothing is inferred from the explanation.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag, Outcome, Step};
use crate::decide::engine::price;
use crate::decide::facts::{Availability, Facts};
use crate::decide::offers::competitor;
use crate::decide::rules::{Limits, RuleSet};
use crate::money::Money;

/// Searches stop at this many halvings: enough for any amount in minor units.
const MOST_HALVINGS: u32 = 64;
/// A cost is searched up to this multiple of the present one.
const COST_REACH: i64 = 4;

/// Other facts, and the answer to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// A clause that follows "if" or "when".
    pub condition: String,
    pub outcome: Outcome,
    pub price: Option<Money>,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let price = self.price.map_or_else(|| "no price".to_owned(), |price| price.to_string());
        let answer = match self.outcome {
            Outcome::Change => format!("the price goes to {price}"),
            Outcome::Review => format!("{price} is proposed for approval"),
            Outcome::Shadow => format!("{price} is computed in shadow mode"),
            Outcome::Keep => format!("the price stays at {price}"),
            Outcome::Hold => format!("the price is held at {price}"),
            Outcome::None => format!("no rule applies and the price stays at {price}"),
        };
        write!(f, "{}: {answer}.", self.condition)
    }
}

/// Asks the engine what it would answer to facts that differ in one thing, and keeps the answers that differ.
#[must_use]
pub fn probes(facts: &Facts, rules: &RuleSet, now: Timestamp, decision: &Decision) -> Vec<Probe> {
    let ask = Ask { facts, rules, now, decision };
    let found = [
        ask.without_gate(),
        ask.reference_sells_out(),
        ask.reference_moves(-5),
        ask.reference_moves(5),
        ask.cost_that_changes_it(),
        ask.cost_that_frees_it(),
        ask.without_step_limits(),
        ask.after_cooldown(),
        ask.with_cost(),
    ];
    found.into_iter().flatten().collect()
}

struct Ask<'a> {
    facts: &'a Facts,
    rules: &'a RuleSet,
    now: Timestamp,
    decision: &'a Decision,
}

impl Ask<'_> {
    fn answer(&self, condition: String, facts: &Facts) -> Option<Probe> {
        let other = price(facts, self.rules, self.now);
        let differs = other.price != self.decision.price || other.outcome != self.decision.outcome;
        differs.then_some(Probe { condition, outcome: other.outcome, price: other.price })
    }

    fn changed(&self, condition: String, change: impl FnOnce(&mut Facts)) -> Option<Probe> {
        let mut facts = self.facts.clone();
        change(&mut facts);
        self.answer(condition, &facts)
    }

    fn without_gate(&self) -> Option<Probe> {
        let flag = self.decision.steps.iter().find_map(|step| match step {
            Step::Gate { flag } => Some(*flag),
            _ => None,
        })?;
        let what = match flag {
            Flag::KillSwitch => "Without the kill switch",
            Flag::Locked => "Without the lock",
            Flag::ManualPrice => "Without the manual price",
            Flag::Campaign => "After the campaign",
            _ => return None,
        };
        let found = self.changed(what.to_owned(), |facts| {
            match flag {
                Flag::KillSwitch => facts.kill_switch = false,
                Flag::Locked => facts.product.lock = None,
                Flag::ManualPrice => facts.product.manual = None,
                _ => facts.product.campaign = None,
            }
            // A rule's cooldown counts from its own changes.
            if facts.product.before_set.is_some() {
                facts.product.last_changed = None;
            }
        });
        // Keeping the price from before is a move for whoever sees the price that was set.
        found.map(|probe| match probe.outcome {
            Outcome::Keep if self.decision.proposes() && probe.price != self.decision.price => {
                Probe { outcome: Outcome::Change, ..probe }
            }
            _ => probe,
        })
    }

    fn reference_sells_out(&self) -> Option<Probe> {
        let index = self.decision.reference_offer()?;
        let name = competitor(self.facts, u32::try_from(index).ok()?).to_owned();
        self.changed(format!("If {name} sells out"), |facts| {
            for offer in facts.offers.iter_mut().filter(|offer| offer.competitor == name) {
                offer.availability = Availability::OutOfStock;
                offer.absence_confirmed = true;
            }
        })
    }

    fn reference_moves(&self, percent: i64) -> Option<Probe> {
        let index = self.decision.reference_offer()?;
        let offer = self.facts.offers.get(index)?;
        let moved = offer.price.minor().checked_mul(100 + percent)?.checked_div(100)?;
        let moved = Money::from_minor(moved, offer.price.currency());
        let verb = if percent < 0 { "lowers" } else { "raises" };
        let condition = format!("If {} {verb} its price to {moved}", offer.competitor);
        self.changed(condition, |facts| facts.offers[index].price = moved)
    }

    /// The smallest higher cost at which the answer differs.
    fn cost_that_changes_it(&self) -> Option<Probe> {
        let cost = self.facts.product.cost_net.filter(|cost| cost.is_positive())?;
        let differs = |minor: i64| self.differs_at_cost(cost, minor);
        let most = cost.minor().checked_mul(COST_REACH)?;
        if !differs(most) {
            return None;
        }
        let minor = boundary(cost.minor(), most, differs);
        self.at_cost(cost, minor, "If the cost rises to")
    }

    /// The largest lower cost at which the floor no longer decides.
    fn cost_that_frees_it(&self) -> Option<Probe> {
        if !self.decision.has(Flag::FloorApplied) && !self.decision.has(Flag::BoundsConflict) {
            return None;
        }
        let cost = self.facts.product.cost_net.filter(|cost| cost.is_positive())?;
        let free = |minor: i64| {
            let answer = self.engine_at_cost(cost, minor);
            !answer.has(Flag::FloorApplied) && !answer.has(Flag::BoundsConflict)
        };
        if !free(1) {
            return None;
        }
        let minor = boundary(cost.minor(), 1, free);
        self.at_cost(cost, minor, "If the cost falls to")
    }

    fn at_cost(&self, cost: Money, minor: i64, words: &str) -> Option<Probe> {
        let other = Money::from_minor(minor, cost.currency());
        self.changed(format!("{words} {other}"), |facts| facts.product.cost_net = Some(other))
    }

    fn engine_at_cost(&self, cost: Money, minor: i64) -> Decision {
        let mut facts = self.facts.clone();
        facts.product.cost_net = Some(Money::from_minor(minor, cost.currency()));
        price(&facts, self.rules, self.now)
    }

    fn differs_at_cost(&self, cost: Money, minor: i64) -> bool {
        let answer = self.engine_at_cost(cost, minor);
        answer.price != self.decision.price || answer.outcome != self.decision.outcome
    }

    fn without_step_limits(&self) -> Option<Probe> {
        if !self.decision.has(Flag::StepLimited) && !self.decision.has(Flag::StepLimitOverridden) {
            return None;
        }
        let mut rules = self.rules.clone();
        for rule in &mut rules.rules {
            let limits = std::mem::take(&mut rule.limits);
            rule.limits = Limits {
                max_step_down_pct: None,
                max_step_up_pct: None,
                max_day_down_pct: None,
                max_day_up_pct: None,
                ..limits
            };
        }
        let ask = Ask { rules: &rules, ..*self };
        ask.answer("Without step and day limits".to_owned(), self.facts)
    }

    fn after_cooldown(&self) -> Option<Probe> {
        let expiry = self.decision.next_evaluation?;
        let ask = Ask { now: expiry.timestamp(), ..*self };
        // The offers are as old then as they are now, if they are seen again in the meantime; assume that they are.
        let waited = expiry.since(Millis::from(self.now));
        let mut facts = self.facts.clone();
        for offer in &mut facts.offers {
            offer.observed_at = offer.observed_at.plus(waited);
        }
        ask.answer(format!("At {expiry}, on the same market"), &facts)
    }

    fn with_cost(&self) -> Option<Probe> {
        if !self.decision.has(Flag::NoFloor) || self.facts.product.cost_net.is_some() {
            return None;
        }
        let current = self.facts.product.current?;
        let cost = Money::from_minor(current.minor() / 2, current.currency());
        self.changed(format!("With a known cost, for example {cost}"), |facts| facts.product.cost_net = Some(cost))
    }
}

/// The value nearest to `from` at which `differs` holds, given that it holds at `to` and not at `from`.
fn boundary(from: i64, to: i64, differs: impl Fn(i64) -> bool) -> i64 {
    let (mut same, mut other) = (from, to);
    for _ in 0..MOST_HALVINGS {
        let middle = same + (other - same) / 2;
        if middle == same || middle == other {
            break;
        }
        if differs(middle) {
            other = middle;
        } else {
            same = middle;
        }
    }
    other
}
