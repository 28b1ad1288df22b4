//! The release layer: the last look at one proposed price before it becomes a decision. It holds; it never changes a
//! price.
//!
//! The engine follows rules, and rules can be wrong. Every guard here assumes that something before it failed, so none
//! relies on another: all are evaluated, and all findings are kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag, Outcome};
use crate::decide::facts::Facts;
use crate::decide::release_guards as guards;
use crate::decide::staging::Stage;
use crate::decide::text;
use crate::money::{Decimal, Money};
use crate::observe::war::PriceMove;

/// The guards, in the order in which they are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Not paused, not frozen, a floor, a verified match.
    Eligibility,
    /// The cost is plausible and the floor holds against the cost of this moment.
    FreshFloor,
    /// No wish of the engine that a clamp would have hidden.
    Plausibility,
    /// No raise because a competitor's stock is unknown, or was seen empty only once.
    Absence,
    /// A second witness for a move that matters.
    Quorum,
    /// One decision moves a price only so far.
    Step,
    /// A day moves a price only so far and so often.
    Velocity,
    /// The price stays near what it usually is, and below an absolute ceiling.
    Corridor,
    /// No slipped decimal, currency or tax.
    Slip,
    /// No answering each other with a competitor's machine.
    Loop,
    /// No going to and fro.
    Oscillation,
    /// No change that is not worth one.
    DeadBand,
    /// A large change, or much money, waits for a person.
    Confirmation,
    /// A very large change, or very much money, waits for two.
    SecondPerson,
    /// A new or edited rule acts on few products first.
    Staging,
}

impl Guard {
    pub const ALL: &'static [Self] = &[
        Self::Eligibility,
        Self::FreshFloor,
        Self::Plausibility,
        Self::Absence,
        Self::Quorum,
        Self::Step,
        Self::Velocity,
        Self::Corridor,
        Self::Slip,
        Self::Loop,
        Self::Oscillation,
        Self::DeadBand,
        Self::Confirmation,
        Self::SecondPerson,
        Self::Staging,
    ];

    /// Whether nobody's consent makes up for what it finds.
    #[must_use]
    pub const fn is_hard(self) -> bool {
        matches!(self, Self::Eligibility | Self::FreshFloor)
    }

    /// The name that configuration, records and reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eligibility => "eligibility",
            Self::FreshFloor => "fresh_floor",
            Self::Plausibility => "plausibility",
            Self::Absence => "absence",
            Self::Quorum => "quorum",
            Self::Step => "step",
            Self::Velocity => "velocity",
            Self::Corridor => "corridor",
            Self::Slip => "slip",
            Self::Loop => "loop",
            Self::Oscillation => "oscillation",
            Self::DeadBand => "dead_band",
            Self::Confirmation => "confirmation",
            Self::SecondPerson => "second_person",
            Self::Staging => "staging",
        }
    }
}

/// Limits of the release layer; section `[release]` of the configuration. Percentages are of the current price unless
/// said otherwise. Defaults: the guardrails of comparable repricers after the incidents of 2005 to 2014.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReleaseParams {
    /// Guards that the operator switched off, by name.
    pub off: BTreeSet<Guard>,
    /// No price below this amount in the market's currency, whatever its cost.
    #[serde(with = "text::decimal")]
    pub absolute_min: Decimal,
    #[serde(with = "text::decimal")]
    pub max_cost_change_pct: Decimal,
    /// A target this many times beyond a bound is a wrong input, not a bold rule.
    #[serde(with = "text::decimal")]
    pub implausible_factor: Decimal,
    /// Changes above this percentage need two witnesses.
    #[serde(with = "text::decimal")]
    pub quorum_above_pct: Decimal,
    #[serde(with = "text::decimal")]
    pub step_down_pct: Decimal,
    #[serde(with = "text::decimal")]
    pub step_up_pct: Decimal,
    #[serde(with = "text::decimal")]
    pub day_down_pct: Decimal,
    #[serde(with = "text::decimal")]
    pub day_up_pct: Decimal,
    pub changes_per_day: u32,
    /// The span around the 30-day median that a price may take, as factors.
    #[serde(with = "text::decimal")]
    pub corridor_low: Decimal,
    #[serde(with = "text::decimal")]
    pub corridor_high: Decimal,
    /// No price above this multiple of the recommended or regular price.
    #[serde(with = "text::decimal")]
    pub ceiling_factor: Decimal,
    /// How near a ratio must be to a power of ten or a rate to be a slip, in percent. Rates and VAT that are less than
    /// twice this beside 1 are no sign of one.
    #[serde(with = "text::decimal")]
    pub slip_pct: Decimal,
    /// How near a ratio must be to the VAT, in percent.
    #[serde(with = "text::decimal")]
    pub slip_vat_pct: Decimal,
    /// Answering moves in one direction that make a loop.
    pub loop_moves: usize,
    pub oscillations: usize,
    pub freeze_h: u32,
    #[serde(with = "text::decimal")]
    pub dead_band_pct: Decimal,
    #[serde(with = "text::decimal")]
    pub confirm_above_pct: Decimal,
    /// Money at stake (price difference times own stock) that needs a person, in the market's currency.
    #[serde(with = "text::decimal_option")]
    pub confirm_above_amount: Option<Decimal>,
    /// Changes above this percentage need the consent of two persons; `off`: one is enough.
    #[serde(with = "text::limit", skip_serializing_if = "Option::is_none")]
    pub second_person_above_pct: Option<Decimal>,
    /// Money at stake, as for `confirm_above_amount`, that needs two persons.
    #[serde(with = "text::limit", skip_serializing_if = "Option::is_none")]
    pub second_person_above_amount: Option<Decimal>,
    pub approval_valid_h: u32,
    pub stage_h: u32,
    /// Share of the products in the first and second stage of a rule, in percent.
    pub stage_pct: [u32; 2],
    pub stage_least_products: u32,
}

impl ReleaseParams {
    /// Whether any price needs two persons. Where none does, the guard is not asked: records of before it answer the same.
    #[must_use]
    pub const fn asks_two(&self) -> bool {
        self.second_person_above_pct.is_some() || self.second_person_above_amount.is_some()
    }
}

impl Default for ReleaseParams {
    fn default() -> Self {
        let percent = |number: i64| Decimal::from(number);
        Self {
            off: BTreeSet::new(),
            absolute_min: Decimal::ONE,
            max_cost_change_pct: percent(50),
            implausible_factor: Decimal::TWO,
            quorum_above_pct: percent(5),
            step_down_pct: percent(10),
            step_up_pct: percent(15),
            day_down_pct: percent(20),
            day_up_pct: percent(30),
            changes_per_day: 4,
            corridor_low: Decimal::new(6, 1),
            corridor_high: Decimal::new(16, 1),
            ceiling_factor: Decimal::new(15, 1),
            slip_pct: percent(2),
            slip_vat_pct: Decimal::new(5, 1),
            loop_moves: 4,
            oscillations: 3,
            freeze_h: 24,
            dead_band_pct: Decimal::new(5, 1),
            confirm_above_pct: percent(20),
            confirm_above_amount: None,
            second_person_above_pct: None,
            second_person_above_amount: None,
            approval_valid_h: 24,
            stage_h: 24,
            stage_pct: [1, 10],
            stage_least_products: 5,
        }
    }
}

/// What the guards know besides facts and proposal. Whoever fills it reads it at the moment of the release, not earlier.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardInputs {
    /// Somebody paused pushing: everything, this market or this product.
    pub paused: bool,
    /// A guard froze the product until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen_until: Option<Millis>,
    /// The purchase cost as it is now, and the one of the last released decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fresh_cost_net: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_cost_net: Option<Money>,
    /// Competitors whose listing is not surely this product, and those whose crawl is suspended.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unverified: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub suspended: BTreeSet<String>,
    /// Per competitor, when its present price was seen (equal observations).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sightings: BTreeMap<String, Vec<Millis>>,
    /// Our released prices of the last days, oldest first, the current one last; first of all the price that was in force
    /// before the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own_prices: Vec<(Millis, Money)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_30d: Option<Money>,
    /// Our moves and each competitor's, oldest first.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<String, Vec<PriceMove>>,
    /// Since when the youngest of the rules behind the decision is active in its present form, and how many products it
    /// matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_since: Option<Millis>,
    pub rule_products: u32,
    /// The products that its first two stages act on; none in records of older versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_stages: Option<[Stage; 2]>,
    /// That rule's id.
    pub rule: String,
    /// A person approved exactly this price at this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Approval>,
}

/// A person's consent to one price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    pub price: Money,
    pub at: Millis,
    pub by: String,
    /// The first of two persons, where the price needs two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Consent>,
}

/// The consent of the first of two persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    pub at: Millis,
    pub by: String,
}

/// A name as persons are told apart: neither capitals nor spaces make another person. None for no name at all.
#[must_use]
pub fn person(name: &str) -> Option<String> {
    let person = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    (!person.is_empty()).then_some(person)
}

/// Whether two names are one person's, as far as names can tell: a mail program knows the address of whom the command line
/// knows by the name before its `@`.
#[must_use]
pub fn is_same_person(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (person(one), person(other)) else { return false };
    let name_of = |address: &str| address.split_once('@').map(|(name, _)| name.to_owned());
    one == other || name_of(&one).as_ref() == Some(&other) || name_of(&other).as_ref() == Some(&one)
}

/// What one guard found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    pub guard: Guard,
    /// Why the guard holds, as a sentence; none if it passes.
    pub finding: Option<String>,
}

/// The release layer's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    pub checks: Vec<Check>,
    /// The product should be frozen until then, and somebody told.
    pub freeze_until: Option<Millis>,
}

impl Release {
    /// Whether the proposal may become a decision.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.holds().next().is_none()
    }

    /// The guards that hold, with their reasons.
    pub fn holds(&self) -> impl Iterator<Item = (Guard, &str)> {
        self.checks.iter().filter_map(|check| Some((check.guard, check.finding.as_deref()?)))
    }

    /// Whether something is odd about the price: more than that it is not worth a label, or that the rule's turn has not come.
    #[must_use]
    pub fn doubts(&self) -> bool {
        self.holds().any(|(guard, _)| !matches!(guard, Guard::DeadBand | Guard::Staging))
    }

    /// Whether nothing but a person's consent is missing.
    #[must_use]
    pub fn needs_approval_only(&self) -> bool {
        let consent = |guard| matches!(guard, Guard::Confirmation | Guard::SecondPerson);
        !self.passes() && self.holds().all(|(guard, _)| consent(guard))
    }
}

/// What the guards were asked and what each answered: enough to ask them again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guarded {
    pub inputs: GuardInputs,
    pub release: Release,
}

impl Guarded {
    /// Asks the guards about a decision, or about a price in its place.
    #[must_use]
    pub fn of(
        decision: &Decision,
        carried: Option<Money>,
        facts: &Facts,
        inputs: GuardInputs,
        params: &ReleaseParams,
        now: Millis,
    ) -> Self {
        let release = match carried {
            Some(price) => release(&in_place_of(decision, price), facts, &inputs, params, now),
            None => release(decision, facts, &inputs, params, now),
        };
        Self { inputs, release }
    }

    /// What no consent makes up for: a missing floor, a mapping that is not sure, a pause.
    pub fn hard(&self) -> impl Iterator<Item = &str> {
        self.release.holds().filter(|(guard, _)| guard.is_hard()).map(|(_, finding)| finding)
    }

    /// Why the consent of one person is not enough; none if it is.
    #[must_use]
    pub fn wants_second(&self) -> Option<&str> {
        self.release.holds().find(|(guard, _)| *guard == Guard::SecondPerson).map(|(_, finding)| finding)
    }

    /// Whether the guards answer the same to the same questions.
    #[must_use]
    pub fn comes_out_equal(
        &self,
        decision: &Decision,
        carried: Option<Money>,
        facts: &Facts,
        params: &ReleaseParams,
        now: Millis,
    ) -> bool {
        Self::of(decision, carried, facts, self.inputs.clone(), params, now).release == self.release
    }
}

/// A price that follows from no rule, as guards look at it: no rule's floor was computed for it, and the floor of the present
/// cost still holds.
fn in_place_of(decision: &Decision, price: Money) -> Decision {
    let mut decision = decision.clone();
    decision.outcome = Outcome::Change;
    decision.price = Some(price);
    decision.steps.clear();
    decision.flags.push(Flag::ManualPrice);
    decision
}

/// What a guard sees: the proposal as two amounts of one currency, and everything around it.
pub struct Proposal<'a> {
    pub decision: &'a Decision,
    pub facts: &'a Facts,
    pub state: &'a GuardInputs,
    pub params: &'a ReleaseParams,
    pub now: Millis,
    pub price: Money,
    pub current: Option<Money>,
}

impl Proposal<'_> {
    /// The change in percent of the current price; none for a first price.
    #[must_use]
    pub fn change_pct(&self) -> Option<Decimal> {
        guards::change_pct(self.current?, self.price)
    }

    /// The proposal lifts a price that is below its floor. Holding it would go on selling at a loss.
    #[must_use]
    pub fn repairs_floor(&self) -> bool {
        let floor = self.decision.floor.map(Money::minor);
        let below = self.current.zip(floor).is_some_and(|(current, floor)| current.minor() < floor);
        below && self.decision.has(Flag::BoundRepair) && self.decision.has(Flag::FloorApplied)
    }
}

/// The price that a product usually has: the median of its prices (oldest first) by the time each was in force until `now`;
/// the lower one of two. A slide of many quick steps does not move it. None without any price.
#[must_use]
pub fn usual(prices: &[(Millis, Money)], now: Millis) -> Option<Money> {
    let ends = prices.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let mut lasted: Vec<(i64, i64)> =
        prices.iter().zip(ends).map(|((from, price), until)| (price.minor(), until.since(*from).max(0))).collect();
    lasted.sort_unstable();
    let whole: i64 = lasted.iter().map(|(_, ms)| ms).sum();
    let mut passed = 0;
    let middle = lasted.into_iter().find(|(_, ms)| {
        passed += ms;
        passed * 2 >= whole
    })?;
    Some(Money::from_minor(middle.0, prices.first()?.1.currency()))
}

/// The price that a move is judged from. After a campaign that is the price before it: the way there was planned with its
/// end. After a price that a person set it is the nearer of the two: neither a step from the price in force nor the way
/// back is a leap.
fn judged_from(facts: &Facts, price: Money) -> Option<Money> {
    let own = |money: Option<Money>| money.filter(|money| money.currency() == price.currency());
    let (before, current) = (own(facts.product.before_set), own(facts.product.current));
    let far = |from: &Money| from.minor().abs_diff(price.minor());
    match (before, current) {
        (Some(before), Some(current)) if facts.product.set_by_hand => [before, current].into_iter().min_by_key(far),
        (before, current) => before.or(current),
    }
}

/// Looks at one proposal. Decisions that propose nothing pass: there is nothing to hold.
#[must_use]
pub fn release(
    decision: &Decision,
    facts: &Facts,
    state: &GuardInputs,
    params: &ReleaseParams,
    now: Millis,
) -> Release {
    let proposed = matches!(decision.outcome, Outcome::Change | Outcome::Review).then_some(decision.price);
    let Some(price) = proposed.flatten() else { return Release { checks: Vec::new(), freeze_until: None } };
    let current = judged_from(facts, price);
    let proposal = Proposal { decision, facts, state, params, now, price, current };
    let asked = |guard: &Guard| *guard != Guard::SecondPerson || params.asks_two();
    let active = Guard::ALL.iter().filter(|guard| !params.off.contains(guard) && asked(guard));
    let checks: Vec<Check> =
        active.map(|guard| Check { guard: *guard, finding: guards::finding(*guard, &proposal) }).collect();
    let freezes = |check: &Check| matches!(check.guard, Guard::Loop | Guard::Oscillation) && check.finding.is_some();
    let freeze_until = checks.iter().any(freezes).then(|| now.plus(i64::from(params.freeze_h) * Millis::HOUR));
    Release { checks, freeze_until }
}
