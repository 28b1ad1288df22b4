//! The target price of a rule before bounds: its offers, its reference, its adjustment, and what it does below the floor.

use crate::decide::bounds::Bounds;
use crate::decide::decision::{BelowFloor, Flag, Intent, Step, TargetKind};
use crate::decide::engine::Run;
use crate::decide::offers::{self, EligibleOffer};
use crate::decide::quotient::Quotient;
use crate::decide::reference::{self, Aim};
use crate::decide::rules::{Combine, Rule};
use crate::money::Decimal;

/// A target before bounds: where it came from decides what may still happen to it.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) x0: Quotient,
    /// Reference and side; a fallback and a combination have none.
    pub(super) side: Option<(Quotient, Intent)>,
    pub(super) keeps_current: bool,
}

/// Why a rule yields no target.
pub(super) enum NoTarget {
    NoData,
    Hold(Flag),
}

impl Run<'_> {
    /// The target of the deciding rule, or of all matching rules combined.
    pub(super) fn target(&mut self, matching: &[&Rule], bounds: &Bounds) -> Result<Wanted, NoTarget> {
        let first = matching.first().ok_or(NoTarget::NoData)?;
        let flag = match self.rules.combine {
            Combine::First => return self.target_of(first, bounds, first.on_below_floor),
            Combine::Lowest => Flag::CombinedLowest,
            Combine::Highest => Flag::CombinedHighest,
            Combine::Average => Flag::CombinedAverage,
        };
        let mut targets = Vec::with_capacity(matching.len());
        for rule in matching {
            // A single target below the floor says nothing yet; the combined one is what the policy is about.
            match self.target_of(rule, bounds, BelowFloor::Floor) {
                Ok(wanted) => targets.push(wanted.x0.value().ok_or(NoTarget::Hold(Flag::Overflow))?),
                Err(NoTarget::NoData) => {}
                Err(hold) => return Err(hold),
            }
        }
        self.decision.reference = None;
        let combined = combine(self.rules.combine, &targets).ok_or(NoTarget::NoData)?;
        self.flag(flag);
        let mut x0 = Quotient::whole(combined);
        if self.less(x0, Quotient::whole(self.major(bounds.floor)))? {
            match first.on_below_floor {
                BelowFloor::Hold => return Err(NoTarget::Hold(Flag::BelowFloor)),
                BelowFloor::Max => x0 = self.maximum(bounds)?,
                // A combination follows no single offer, so there is no next one.
                BelowFloor::Floor | BelowFloor::Next => {}
            }
        }
        Ok(Wanted { x0, side: None, keeps_current: false })
    }

    fn target_of(&mut self, rule: &Rule, bounds: &Bounds, policy: BelowFloor) -> Result<Wanted, NoTarget> {
        let kind = rule.target.kind();
        let mut sorted = Vec::new();
        if kind.is_market() {
            let limits = (bounds.floor, bounds.ceiling.map(|(minor, _)| minor));
            let eligible = offers::eligible(self.facts, &rule.offers, self.rules, limits, self.now_ms);
            self.decision.steps.push(Step::Offers { seen: eligible.seen });
            self.decision.steps.extend(offers::left_out(self.facts, &rule.offers));
            eligible.flags.into_iter().for_each(|flag| self.flag(flag));
            if let Some(flag) = eligible.unconverted {
                return Err(NoTarget::Hold(flag));
            }
            sorted = eligible.offers;
        }
        let found = reference::reference(self.facts, self.rules, rule, &sorted).ok_or(NoTarget::NoData)?;
        let mut aim = self.aim(rule, found.value)?;
        if let Some(flag) = found.flag {
            self.flag(flag);
        }
        let mut offer = found.offer;
        let floor = Quotient::whole(self.major(bounds.floor));
        let mut dropped_side = false;
        if kind.is_market() && policy != BelowFloor::Floor && self.less(aim.x0, floor)? {
            self.decision.steps.push(Step::BelowFloor { policy });
            match policy {
                BelowFloor::Floor => {}
                BelowFloor::Hold => {
                    self.note_reference(rule, aim, offer)?;
                    return Err(NoTarget::Hold(Flag::BelowFloor));
                }
                BelowFloor::Next => (aim, offer) = self.next_affordable(rule, found.value, &sorted, floor)?,
                BelowFloor::Max => {
                    dropped_side = true;
                    aim.x0 = self.maximum(bounds)?;
                }
            }
        }
        self.note_reference(rule, aim, offer)?;
        let side = aim.intent.filter(|_| !dropped_side).map(|intent| (aim.reference, intent));
        Ok(Wanted { x0: aim.x0, side, keeps_current: kind == TargetKind::Keep })
    }

    /// The ceiling, or the current price where there is none.
    fn maximum(&mut self, bounds: &Bounds) -> Result<Quotient, NoTarget> {
        self.flag(Flag::BelowFloor);
        let current = || self.facts.in_market(self.facts.product.current);
        let top = bounds.ceiling.map(|(minor, _)| self.major(minor)).or_else(current);
        top.map(Quotient::whole).ok_or(NoTarget::Hold(Flag::NoCurrentPrice))
    }

    fn aim(&self, rule: &Rule, value: Quotient) -> Result<Aim, NoTarget> {
        reference::aim(self.facts, rule, value).ok_or(NoTarget::Hold(Flag::Overflow))
    }

    fn less(&self, left: Quotient, right: Quotient) -> Result<bool, NoTarget> {
        left.compare(right).map(std::cmp::Ordering::is_lt).ok_or(NoTarget::Hold(Flag::Overflow))
    }

    /// The cheapest offer above the reference that we can afford to follow.
    fn next_affordable(
        &mut self,
        rule: &Rule,
        from: Quotient,
        sorted: &[EligibleOffer],
        floor: Quotient,
    ) -> Result<(Aim, Option<u32>), NoTarget> {
        for offer in sorted {
            let value = Quotient::whole(self.major(offer.minor));
            if !self.less(from, value)? {
                continue;
            }
            let aim = self.aim(rule, value)?;
            if !self.less(aim.x0, floor)? {
                self.flag(Flag::SkippedUnaffordable);
                return Ok((aim, Some(offer.offer)));
            }
        }
        self.flag(Flag::NoAffordableCompetitor);
        Err(NoTarget::NoData)
    }

    fn note_reference(&mut self, rule: &Rule, aim: Aim, offer: Option<u32>) -> Result<(), NoTarget> {
        let overflow = || NoTarget::Hold(Flag::Overflow);
        let value = aim.reference.value().ok_or_else(overflow)?;
        let x0 = aim.x0.value().ok_or_else(overflow)?;
        self.decision.reference = Some(value);
        self.decision.steps.push(Step::Reference { kind: rule.target.kind(), value, offer });
        self.decision.steps.push(Step::Adjusted { x0, intent: aim.intent });
        Ok(())
    }
}

fn combine(how: Combine, targets: &[Decimal]) -> Option<Decimal> {
    match how {
        Combine::First => targets.first().copied(),
        Combine::Lowest => targets.iter().min().copied(),
        Combine::Highest => targets.iter().max().copied(),
        Combine::Average => {
            let sum = targets.iter().try_fold(Decimal::ZERO, |sum, x0| sum.checked_add(*x0))?;
            sum.checked_div(Decimal::from(targets.len()))
        }
    }
}
