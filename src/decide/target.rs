//! The target price of a rule before bounds: its offers, its reference, its adjustment, and what it does below the floor.

use crate::decide::bounds::Bounds;
use crate::decide::decision::{BelowFloor, Flag, Intent, Step, TargetKind};
use crate::decide::engine::Run;
use crate::decide::offers::{self, EligibleOffer};
use crate::decide::quotient::Quotient;
use crate::decide::reference::{self, Aim};
use crate::decide::rules::{Combine, Mode, Rule};
use crate::money::Decimal;

/// A target before bounds: where it came from decides what may still happen to it.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) x0: Quotient,
    /// Reference and side; a fallback and a combination have none.
    pub(super) side: Option<(Quotient, Intent)>,
    pub(super) keeps_current: bool,
    /// How far the price may go by itself: the least permissive mode of the rules that it comes from.
    pub(super) mode: Mode,
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
        let mut mode = first.mode;
        for rule in matching {
            // A single target below the floor says nothing yet; the combined one is what the policy is about.
            match self.target_of(rule, bounds, BelowFloor::Floor) {
                Ok(wanted) => {
                    let x0 = wanted.x0.value().ok_or(NoTarget::Hold(Flag::Overflow))?;
                    // A rule that is tried in the shadow must not set a price that goes out in another's name.
                    mode = if targets.is_empty() { wanted.mode } else { mode.min(wanted.mode) };
                    targets.push(x0);
                }
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
        Ok(Wanted { x0, side: None, keeps_current: false, mode })
    }

    pub(super) fn target_of(&mut self, rule: &Rule, bounds: &Bounds, policy: BelowFloor) -> Result<Wanted, NoTarget> {
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
        Ok(Wanted { x0: aim.x0, side, keeps_current: kind == TargetKind::Keep, mode: rule.mode })
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

#[cfg(test)]
mod tests {
    use crate::clock::Millis;
    use crate::decide::decision::{Flag, Outcome};
    use crate::decide::facts::{AppliedVat, Facts, Market, OfferFact, Product};
    use crate::decide::rules::{Mode, RuleSet};
    use crate::decide::text::Zone;
    use crate::decide::{deciding, price};
    use crate::money::{Currency, Decimal, Money};

    const NOW: Millis = Millis(1_795_510_800_000);

    fn combined(modes: [&str; 2], second: &str) -> (Outcome, Option<i64>, Vec<String>) {
        let text = format!(
            "combine = \"lowest\"\n\
             [[rule]]\nid = \"first\"\npriority = 100\nmode = \"{}\"\ntarget = {{ kind = \"lowest\" }}\n\
             [[rule]]\nid = \"second\"\npriority = 90\nmode = \"{}\"\ntarget = {{ {second} }}\nadjust = {{ percent = \"-10\" }}\n",
            modes[0], modes[1]
        );
        let rules = RuleSet::from_table(toml::from_str(&text).unwrap(), Mode::Auto).unwrap().0;
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let product = Product {
            current: Some(dkk(49_900)),
            cost_net: Some(dkk(20_000)),
            vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
            ..Product::named("A1")
        };
        let mut facts = Facts::new(product, Market::of_country("DK", Currency::DKK, Zone::UTC));
        facts.offers = vec![OfferFact::seen("rival", dkk(48_000), NOW)];
        let decision = price(&facts, &rules, NOW.timestamp());
        assert!(decision.has(Flag::CombinedLowest));
        let ids = deciding(&facts, &rules, NOW.timestamp()).iter().map(|rule| rule.id.clone()).collect();
        (decision.outcome, decision.price.map(Money::minor), ids)
    }

    #[test]
    fn a_combined_price_goes_as_far_as_the_least_permissive_of_its_rules() {
        let both = || vec!["first".to_owned(), "second".to_owned()];
        let lowest = "kind = \"lowest\"";
        assert_eq!(combined(["auto", "auto"], lowest), (Outcome::Change, Some(43_200), both()));
        assert_eq!(combined(["auto", "shadow"], lowest), (Outcome::Shadow, Some(43_200), both()));
        assert_eq!(combined(["auto", "review"], lowest), (Outcome::Review, Some(43_200), both()));
        assert_eq!(combined(["shadow", "auto"], lowest).0, Outcome::Shadow);
        // A rule that has nothing to say has no say in this either.
        let nothing = "kind = \"field\", field = \"msrp\"";
        assert_eq!(combined(["auto", "shadow"], nothing), (Outcome::Change, Some(48_000), vec!["first".to_owned()]));
    }
}
