//! The evaluation order: gates, selection, bounds, offers, target, window, rounding, damping, release.
//!
//! One pure function of facts, rules and time. It reads no clock, holds no state and never sends anything. Strength of
//! what limits a price: hard bounds, then step and day limits, then the intent, then the ending.

use jiff::Timestamp;

use crate::clock::Millis;
use crate::decide::bounds::{self, Bounds};
use crate::decide::damping;
use crate::decide::decision::{BelowFloor, BoundSource, Decision, Flag, Intent, Outcome, Step};
use crate::decide::facts::Facts;
use crate::decide::fallback;
use crate::decide::gates;
use crate::decide::quotient::Quotient;
use crate::decide::reference::major;
use crate::decide::rounding::{Direction, Grid, Span, Tier};
use crate::decide::rules::{Combine, OnConflict, Rule, RuleSet};
use crate::decide::target::{NoTarget, Wanted};
use crate::decide::window::{self, Window};
use crate::money::{Decimal, Money};

/// Decides the price of one product in one market.
#[must_use]
pub fn price(facts: &Facts, rules: &RuleSet, now: Timestamp) -> Decision {
    let run = Run { facts, rules, now, now_ms: Millis::from(now).0, decision: start(facts) };
    run.evaluate()
}

/// The rules that a decision comes from: the deciding one, and where a set combines, all that yielded a target. None where
/// no rule matches; what comes before all rules is not looked at.
#[must_use]
pub fn deciding<'a>(facts: &'a Facts, rules: &'a RuleSet, now: Timestamp) -> Vec<&'a Rule> {
    let mut run = Run { facts, rules, now, now_ms: Millis::from(now).0, decision: start(facts) };
    let matching = run.matching();
    let (Some(first), true) = (matching.first().copied(), matching.len() > 1) else { return matching };
    let Some((bounds, _)) = run.bounds(first) else { return vec![first] };
    let mut yielding = matching;
    yielding.retain(|rule| run.target_of(rule, &bounds, BelowFloor::Floor).is_ok());
    // Without any target the first rule's fallback decides.
    if yielding.is_empty() { vec![first] } else { yielding }
}

fn start(facts: &Facts) -> Decision {
    Decision {
        outcome: Outcome::None,
        price: facts.product.current,
        reference: None,
        rule: None,
        flags: Vec::new(),
        floor: None,
        ceiling: None,
        window: None,
        steps: Vec::with_capacity(8),
        next_evaluation: None,
    }
}

/// One evaluation under way.
pub(super) struct Run<'a> {
    pub(super) facts: &'a Facts,
    pub(super) rules: &'a RuleSet,
    now: Timestamp,
    pub(super) now_ms: i64,
    pub(super) decision: Decision,
}

impl<'a> Run<'a> {
    fn evaluate(mut self) -> Decision {
        if let Some((outcome, flag, price)) = gates::check(self.facts, &self.rules.engine, Millis(self.now_ms)) {
            self.decision.steps.push(Step::Gate { flag });
            self.decision.price = price;
            return self.finish(outcome, &[flag]);
        }
        let matching = self.matching();
        let Some(rule) = matching.first().copied() else { return self.finish(Outcome::None, &[]) };
        let others = u32::try_from(matching.len() - 1).unwrap_or(u32::MAX);
        self.decision.rule = Some(rule.id.clone());
        self.decision.steps.push(Step::Selected { rule: rule.id.clone(), others });
        if self.facts.vat_factor().is_none() {
            return self.finish(Outcome::Hold, &[Flag::NoVat]);
        }
        let Some((bounds, conflict)) = self.bounds(rule) else {
            return self.finish(Outcome::Hold, &[Flag::NoFloor]);
        };
        if conflict {
            self.flag(Flag::BoundsConflict);
        }
        self.note_bounds(&bounds);
        if conflict && rule.on_conflict == OnConflict::Hold {
            return self.finish(Outcome::Hold, &[]);
        }
        match self.target(&matching, &bounds) {
            Ok(wanted) => self.place(rule, &bounds, wanted),
            Err(NoTarget::Hold(flag)) => self.finish(Outcome::Hold, &[flag]),
            Err(NoTarget::NoData) => self.fall_back(rule, &bounds),
        }
    }

    /// The bounds of a rule, and whether its floor is above its ceiling; then the ceiling is lifted where the rule says so.
    fn bounds(&self, rule: &Rule) -> Option<(Bounds, bool)> {
        let mut bounds = bounds::bounds(self.facts, rule, &self.rules.engine)?;
        let conflict = bounds.ceiling.is_some_and(|(ceiling, _)| bounds.floor > ceiling);
        if conflict && rule.on_conflict == OnConflict::Floor {
            bounds.ceiling = Some((bounds.floor, BoundSource::Conflict));
        }
        Some((bounds, conflict))
    }

    /// The rules that apply, in evaluation order; only the first unless the set combines.
    fn matching(&self) -> Vec<&'a Rule> {
        let applies = |rule: &&Rule| {
            rule.is_open(&self.facts.market, self.now) && rule.select.matches(self.facts, self.rules, self.now_ms)
        };
        if self.rules.source_of(&self.facts.market.id).is_some() {
            // A derived market's prices come from another one's decisions; a second decision would contradict them.
            return Vec::new();
        }
        let most = if self.rules.combine == Combine::First { 1 } else { usize::MAX };
        self.rules.rules.iter().filter(applies).take(most).collect()
    }

    fn note_bounds(&mut self, bounds: &Bounds) {
        let money = |minor| Money::from_minor(minor, self.facts.market.currency);
        let floor = money(bounds.floor);
        let ceiling = bounds.ceiling.map(|(minor, _)| money(minor));
        self.decision.floor = Some(floor);
        self.decision.ceiling = ceiling;
        let ceiling_by = bounds.ceiling.map(|(_, source)| source);
        self.decision.steps.push(Step::Bounds { floor, floor_by: bounds.floor_by, ceiling, ceiling_by });
    }

    /// Without a reference: the first usable fallback, which keeps no side of anything.
    fn fall_back(mut self, rule: &Rule, bounds: &Bounds) -> Decision {
        self.flag(Flag::NoData);
        self.decision.reference = None;
        let found = fallback::first_usable(self.facts, rule, bounds, self.now_ms);
        let Some((flag, value)) = found else { return self.finish(Outcome::Hold, &[]) };
        let Some(x0) = value.value() else { return self.finish(Outcome::Hold, &[Flag::Overflow]) };
        self.flag(flag);
        self.decision.steps.push(Step::Fallback { flag, value: x0 });
        let keeps_current = flag == Flag::FallbackKeep;
        self.place(rule, bounds, Wanted { x0: value, side: None, keeps_current, mode: rule.mode })
    }

    /// Window, clamping, rounding, damping and release of a target.
    fn place(mut self, rule: &Rule, bounds: &Bounds, wanted: Wanted) -> Decision {
        let Some(x0) = wanted.x0.value() else { return self.finish(Outcome::Hold, &[Flag::Overflow]) };
        let window = window::window(self.facts, &rule.limits, bounds);
        if window.overridden {
            self.flag(Flag::StepLimitOverridden);
        }
        let (x1, flag) = window.clamp(x0, self.facts.market.currency);
        flag.into_iter().for_each(|flag| self.flag(flag));
        self.note_window(&window, x1);
        let current = self.facts.product.current.filter(|price| price.currency() == self.facts.market.currency);
        let kept = current.filter(|price| wanted.keeps_current && window.contains(price.minor()));
        let chosen = match kept {
            Some(price) => Some(price.minor()),
            None => self.round(rule, &window, x1, wanted.side),
        };
        let Some(minor) = chosen else { return self.finish(Outcome::Hold, &[Flag::Overflow]) };
        let price = Money::from_minor(minor, self.facts.market.currency);
        self.decision.steps.push(Step::Rounded { price });
        let released = damping::release(self.facts, &rule.limits, wanted.mode, bounds, price, Millis(self.now_ms));
        if let (Some(flag), true) = (released.flags.first(), matches!(released.outcome, Outcome::Keep | Outcome::Hold))
        {
            self.decision.steps.push(Step::Damped { flag: *flag, wanted: price });
        }
        self.decision.next_evaluation = released.next_evaluation;
        if !matches!(released.outcome, Outcome::Keep | Outcome::Hold) {
            self.decision.price = Some(price);
        }
        self.finish(released.outcome, &released.flags)
    }

    fn note_window(&mut self, window: &Window, x1: Decimal) {
        let money = |minor| Money::from_minor(minor, self.facts.market.currency);
        let (low, high) = (money(window.span.low), window.high().map(money));
        self.decision.window = Some((low, high));
        self.decision.steps.push(Step::Window { low, high, x1 });
    }

    /// The price point for `x1`: inside the window always, on the intended side if any point is, with an allowed
    /// ending if any fits.
    fn round(&mut self, rule: &Rule, window: &Window, x1: Decimal, side: Option<(Quotient, Intent)>) -> Option<i64> {
        let currency = self.facts.market.currency;
        let scale = Decimal::ONE.checked_div(major(1, currency))?;
        let x1_minor = x1.checked_mul(scale)?;
        let sided = match side {
            Some((reference, intent)) => window.span.on_side(intent, reference.value()?.checked_mul(scale)?),
            None => window.span,
        };
        let direction = rule.rounding.as_ref().map_or(Direction::Nearest, |rounding| rounding.direction);
        let tier = rule.rounding.as_ref().and_then(|rounding| rounding.tier(x1));
        if let Some(grid) = tier.and_then(|tier| Grid::of(tier, currency)) {
            if let Some(point) = grid.pick(x1_minor, sided, direction) {
                return Some(point);
            }
            if let Some(point) = grid.pick(x1_minor, window.span, direction) {
                self.flag(Flag::IntentUnreachable);
                return Some(point);
            }
        }
        let step = self.facts.market.price_increment.map(Tier::every);
        let payable = step.as_ref().and_then(|step| Grid::of(step, currency));
        let every = |span: Span| {
            let point = payable.as_ref().and_then(|grid| grid.pick(x1_minor, span, Direction::Nearest));
            point.or_else(|| Grid::EVERY_UNIT.pick(x1_minor, span, Direction::Nearest))
        };
        if rule.rounding.is_some() {
            self.flag(Flag::EndingSkipped);
            return every(window.span);
        }
        every(sided).or_else(|| {
            self.flag(Flag::IntentUnreachable);
            every(window.span)
        })
    }

    pub(super) fn major(&self, minor: i64) -> Decimal {
        major(minor, self.facts.market.currency)
    }

    pub(super) fn flag(&mut self, flag: Flag) {
        if !self.decision.flags.contains(&flag) {
            self.decision.flags.push(flag);
        }
    }

    fn finish(mut self, outcome: Outcome, flags: &[Flag]) -> Decision {
        flags.iter().for_each(|flag| self.flag(*flag));
        if self.decision.price.is_none() && outcome == Outcome::Keep {
            self.flag(Flag::NoCurrentPrice);
        }
        self.decision.outcome = outcome;
        self.decision.flags.sort_unstable_by_key(|flag| flag.as_str());
        self.decision
    }
}
