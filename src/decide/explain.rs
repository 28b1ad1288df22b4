//! A decision in plain sentences: what happens, why, and what would change it.
//!
//! It reads the record only. It adds nothing that the record does not show, and it hides nothing that it does: an
//! explanation that sounds better than the decision would be worse than none.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::decide::decision::{
    BelowFloor, BoundSource, Decision, Fate, Flag, Intent, Outcome, SeenOffer, Step, TargetKind,
};
use crate::decide::engine::price;
use crate::decide::facts::Facts;
use crate::decide::offers::competitor;
use crate::decide::release::Release;
use crate::decide::release_guards::change_pct;
use crate::decide::rounding::two_decimals;
use crate::decide::rules::RuleSet;
use crate::decide::whatif::{self, Probe};
use crate::money::{Decimal, Money, exponent};

/// At most this many offers are named; the rest is counted.
const NAMED_OFFERS: usize = 6;

/// An explanation, for people through `Display` and for programs through serde.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    pub what: String,
    pub why: Vec<String>,
    /// What keeps a proposed price back, each with what would let it through, where somebody has put it here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
    /// What the release layer says, if it was asked.
    pub release: Vec<String>,
    /// Other facts and what the engine answered to them.
    pub what_if: Vec<Probe>,
}

impl Explanation {
    /// Says what became of the decision behind the engine: guards, the mode and people may have stepped it down, and a
    /// price may have been put in its place.
    pub fn stands_at(&mut self, facts: &Facts, outcome: Outcome, price: Option<Money>) {
        self.what = headline(facts, outcome, price);
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        section(f, "Why", &self.why)?;
        section(f, "What holds it, and what lets it through", &self.held)?;
        section(f, "Release", &self.release)?;
        let what_if: Vec<String> = self.what_if.iter().map(ToString::to_string).collect();
        // Of other facts only the engine was asked: what holds this price may hold those too.
        section(
            f,
            if self.held.is_empty() { "What would change it" } else { "What the rules would make of other facts" },
            &what_if,
        )
    }
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}:")?;
    lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))
}

/// A recorded decision that its own record does not reproduce.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the decision for {sku} cannot be reproduced from its record: recorded {} {:?}, recomputed {} {:?}\n  hint: compare the program versions and rule revisions of both; report this as a bug if they are the same",
    recorded.outcome.as_str(), recorded.price, recomputed.outcome.as_str(), recomputed.price
)]
pub struct NotReproduced {
    pub sku: String,
    pub recorded: Box<Decision>,
    pub recomputed: Box<Decision>,
}

/// Recomputes a decision from its record.
///
/// # Errors
/// `NotReproduced` if anything differs, not only the price.
pub fn prove(facts: &Facts, rules: &RuleSet, now: Timestamp, recorded: &Decision) -> Result<(), NotReproduced> {
    let recomputed = price(facts, rules, now);
    if recomputed == *recorded {
        return Ok(());
    }
    let sku = facts.product.sku.clone();
    Err(NotReproduced { sku, recorded: Box::new(recorded.clone()), recomputed: Box::new(recomputed) })
}

/// Explains a decision that was made from `facts` and `rules` at `now`.
#[must_use]
pub fn explain(
    facts: &Facts,
    rules: &RuleSet,
    now: Timestamp,
    decision: &Decision,
    release: Option<&Release>,
) -> Explanation {
    let mut why: Vec<String> =
        decision.steps.iter().filter_map(|step| sentence(step, facts, rules, decision)).collect();
    why.extend(decision.flags.iter().filter_map(|flag| remark(*flag)).map(str::to_owned));
    if let Some(at) = decision.next_evaluation {
        why.push(format!("It is looked at again at {at}."));
    }
    Explanation {
        what: headline(facts, decision.outcome, decision.price),
        why,
        held: Vec::new(),
        release: release.map(released).unwrap_or_default(),
        what_if: whatif::probes(facts, rules, now, decision),
    }
}

/// `price` is what is proposed, or kept.
fn headline(facts: &Facts, outcome: Outcome, price: Option<Money>) -> String {
    let (sku, market) = (&facts.product.sku, &facts.market.id);
    let current = facts.product.current.map_or_else(|| "no price".to_owned(), |price| price.to_string());
    let to = || {
        let to = price.map_or_else(|| "no price".to_owned(), |price| price.to_string());
        let percent = facts.product.current.zip(price).and_then(|(from, to)| change_pct(from, to));
        let percent = percent.map(|percent| format!(" ({}{} %)", plus(percent), two_decimals(percent)));
        format!("to {to}{}", percent.unwrap_or_default())
    };
    let moves = || format!("from {current} {}", to());
    match outcome {
        Outcome::Change => format!("{sku} in {market} goes {}.", moves()),
        Outcome::Review => format!("{sku} in {market} would go {}; a person has to approve it.", moves()),
        Outcome::Shadow => {
            format!("{sku} in {market} would go {}; in shadow mode nothing is pushed.", moves())
        }
        Outcome::Keep => format!("{sku} in {market} stays at {current}."),
        Outcome::Hold if price.is_some() && price != facts.product.current => {
            format!("{sku} in {market} stays at {current}; the change {} is held.", to())
        }
        Outcome::Hold => format!("{sku} in {market} stays at {current}, on hold."),
        Outcome::None if facts.kill_switch => {
            format!("Nothing is decided for {sku} in {market}: the kill switch is on.")
        }
        Outcome::None => format!("No rule applies to {sku} in {market}; it stays at {current}."),
    }
}

fn plus(percent: Decimal) -> &'static str {
    if percent.is_sign_positive() { "+" } else { "" }
}

fn sentence(step: &Step, facts: &Facts, rules: &RuleSet, decision: &Decision) -> Option<String> {
    Some(match step {
        Step::Gate { flag } => gate(*flag, facts),
        Step::Selected { rule, others: 0 } => format!("Rule {rule} decides."),
        Step::Selected { rule, others } => format!("Rule {rule} decides; {others} more matched and count too."),
        Step::Bounds { floor, floor_by, ceiling, ceiling_by } => {
            let ceiling = ceiling.zip(*ceiling_by).map(|(c, by)| format!(" and not above {c} ({})", source(by, facts)));
            format!("It may not go below {floor} ({}){}.", source(*floor_by, facts), ceiling.unwrap_or_default())
        }
        Step::Offers { seen } => offers(seen, facts),
        Step::LeftOut { competitors, reason } => {
            format!("The rule leaves out {}: {reason}.", listed(competitors.iter().cloned()))
        }
        Step::Reference { kind: TargetKind::Mean, value, .. } if unlike(decision, facts, rules) => {
            format!("The average of the offers by their competitors' weights is {}.", money(*value, facts))
        }
        Step::Reference { kind, value, offer } => reference(*kind, *value, *offer, facts),
        Step::Adjusted { x0, intent } => {
            let side = match intent {
                Some(Intent::Below) => ", below it",
                Some(Intent::Match) => ", the same",
                Some(Intent::Above) => ", above it",
                None => "",
            };
            format!("The rule aims at {}{side}.", money(*x0, facts))
        }
        Step::BelowFloor { policy } => match policy {
            BelowFloor::Floor => return None,
            BelowFloor::Next => "That is below the floor, so the next dearer offer is followed.".to_owned(),
            BelowFloor::Hold => "That is below the floor, and the rule then asks a person.".to_owned(),
            BelowFloor::Max => "That is below the floor, so the rule goes to its maximum instead.".to_owned(),
        },
        Step::Fallback { flag, value } => {
            let what = flag.as_str().trim_start_matches("fallback:").replace('_', " ");
            format!("There is no usable reference; the rule falls back to `{what}`: {}.", money(*value, facts))
        }
        Step::Window { low, high, x1 } => {
            let allowed = high.map_or_else(|| format!("{low} and more"), |high| format!("{low} to {high}"));
            let counted = counted_from(facts, rules, decision);
            format!("Bounds and limits allow {allowed}{counted}; inside them the target is {}.", money(*x1, facts))
        }
        Step::Rounded { price } => format!("With its ending the price is {price}."),
        Step::Damped { flag, wanted } => {
            format!("The change to {wanted} is not made now: {}.", damping(*flag, facts, rules, decision))
        }
    })
}

/// The price that step and day limits are counted from, where a rule has such limits and it is not the current one.
fn counted_from(facts: &Facts, rules: &RuleSet, decision: &Decision) -> String {
    let limits = decision.rule.as_deref().and_then(|id| rules.rule(id)).map(|rule| &rule.limits);
    let counts = limits.is_some_and(|limits| {
        [limits.max_step_down_pct, limits.max_step_up_pct, limits.max_day_down_pct, limits.max_day_up_pct]
            .iter()
            .any(Option::is_some)
    });
    let before = facts.product.before_campaign().filter(|before| counts && Some(*before) != facts.product.current);
    before.map_or_else(String::new, |before| format!(", counted from {before}, the price before the campaign"))
}

/// Whether competitors whose offers count have weights that differ.
fn unlike(decision: &Decision, facts: &Facts, rules: &RuleSet) -> bool {
    let seen = decision.steps.iter().filter_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    });
    let counted = seen.flatten().filter(|offer| offer.fate == Fate::Counted);
    let mut weights = counted.map(|offer| rules.weight(competitor(facts, offer.offer)));
    weights.next().is_some_and(|first| weights.any(|weight| weight != first))
}

fn gate(flag: Flag, facts: &Facts) -> String {
    let product = &facts.product;
    match flag {
        Flag::Locked => {
            let lock = product.lock.as_ref();
            let (owner, reason) = lock.map_or(("somebody", "no reason"), |lock| (&lock.owner, &lock.reason));
            format!("{owner} locked the product ({reason}); a lock beats every rule.")
        }
        Flag::ManualPrice => product.manual.as_ref().map_or_else(String::new, |manual| {
            format!("{} set {} by hand until {} ({}).", manual.owner, manual.price, manual.until, manual.reason)
        }),
        Flag::Campaign => product.campaign.as_ref().map_or_else(String::new, |campaign| {
            format!("Campaign {} sets {} until {}; rules wait.", campaign.id, campaign.price, campaign.until)
        }),
        Flag::RegulatedPrice => "The price is fixed by law or contract and is never repriced.".to_owned(),
        _ => "The kill switch is on.".to_owned(),
    }
}

fn source(by: BoundSource, facts: &Facts) -> String {
    let cost = facts.product.cost_net.map_or_else(|| "unknown cost".to_owned(), |cost| format!("cost {cost}"));
    match by {
        BoundSource::Implicit => format!("{cost} plus VAT"),
        BoundSource::Margin => format!("{cost} with the rule's margin, plus VAT"),
        BoundSource::Markup => format!("{cost} with the rule's markup, plus VAT"),
        BoundSource::PlusNet => format!("{cost} with the rule's surcharge, plus VAT"),
        BoundSource::Msrp => "the recommended price".to_owned(),
        BoundSource::Regular => "the regular price".to_owned(),
        BoundSource::Map => "the supplier's minimum price".to_owned(),
        BoundSource::Amount => "an amount in the rule".to_owned(),
        BoundSource::Own => "the product's own minimum".to_owned(),
        BoundSource::Conflict => "raised to the floor".to_owned(),
    }
}

fn offers(seen: &[SeenOffer], facts: &Facts) -> String {
    let mut counted: Vec<&SeenOffer> = seen.iter().filter(|offer| offer.fate == Fate::Counted).collect();
    counted.sort_by_key(|offer| (offer.price.map(Money::minor), competitor(facts, offer.offer)));
    let name = |offer: &&SeenOffer| {
        let price = offer.price.map(|price| format!(" {}", price.amount()));
        format!("{}{}", competitor(facts, offer.offer), price.unwrap_or_default())
    };
    let mut text = format!("{} of {} offers count", counted.len(), seen.len());
    if !counted.is_empty() {
        text.push_str(&format!(": {}", listed(counted.iter().map(name))));
    }
    let dropped = seen.iter().filter(|offer| offer.fate != Fate::Counted);
    let reason = |offer: &SeenOffer| format!("{} ({})", competitor(facts, offer.offer), fate(offer.fate));
    if counted.len() < seen.len() {
        text.push_str(&format!(". Left out: {}", listed(dropped.map(reason))));
    }
    text.push('.');
    text
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    let named = all.iter().take(NAMED_OFFERS).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED_OFFERS) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

const fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Counted => "counts",
        Fate::OwnShop => "our own shop",
        Fate::Excluded => "not one of the rule's competitors",
        Fate::NotAccepted => "the observation is not confirmed",
        Fate::Availability => "not in stock",
        Fate::Condition => "not new",
        Fate::PriceKind => "a from-price",
        Fate::TooOld => "too old",
        Fate::LowRating => "rated too low",
        Fate::ShippingUnknown => "delivery charge unknown",
        Fate::NoRate => "no exchange rate",
        Fate::NotComparable => "cannot be converted",
        Fate::DearerOfSame => "dearer offer of the same competitor",
        Fate::OutOfBounds => "outside floor and ceiling",
    }
}

fn reference(kind: TargetKind, value: Decimal, offer: Option<u32>, facts: &Facts) -> String {
    let what = match kind {
        TargetKind::Lowest => "The lowest offer",
        TargetKind::Highest => "The highest offer",
        TargetKind::Rank => "The offer at the wanted rank",
        TargetKind::Mean => "The average of the offers",
        TargetKind::Median => "The median of the offers",
        TargetKind::Range => "The wanted point between lowest and highest offer",
        TargetKind::Competitor => "The followed competitor's price",
        TargetKind::CostPlus => "Cost plus the rule's earnings and VAT",
        TargetKind::Field => "The price of our catalogue that the rule follows",
        TargetKind::Keep => "The current price",
    };
    let of = offer.map(|index| format!(" ({})", competitor(facts, index))).unwrap_or_default();
    format!("{what} is {}{of}.", money(value, facts))
}

fn damping(flag: Flag, facts: &Facts, rules: &RuleSet, decision: &Decision) -> String {
    match flag {
        Flag::BelowMinChange => "it is smaller than the rule's minimum change".to_owned(),
        Flag::Cooldown => {
            let until = decision.next_evaluation.map(|at| format!(" until {at}")).unwrap_or_default();
            format!("the last change is too recent{until}")
        }
        Flag::DailyQuota => {
            let most = decision.rule.as_deref().and_then(|id| rules.rule(id)?.limits.max_changes_per_day);
            let most = most.map_or_else(String::new, |most| format!(", and the rule allows {most}"));
            let n = facts.product.changes_today;
            let made = if n == 1 { "1 change was made".to_owned() } else { format!("{n} changes were made") };
            format!("{made} since midnight, those of people and campaigns among them{most}")
        }
        other => other.as_str().replace('_', " "),
    }
}

/// What a flag adds that no step says.
const fn remark(flag: Flag) -> Option<&'static str> {
    Some(match flag {
        Flag::BoundRepair => "The current price is outside the hard bounds, so waiting times do not apply.",
        Flag::BoundsConflict => "The floor is above the ceiling: two limits of the business contradict each other.",
        Flag::EndingSkipped => "No allowed ending fits between the limits, so the exact price is used.",
        Flag::FxMissing => "An offer has no exchange rate, so nothing can be compared.",
        Flag::FxStale => "The exchange rates are too old to compare with.",
        Flag::FxLate => "The exchange rates are not the newest.",
        Flag::IntentUnreachable => "No allowed price is on the wanted side of the reference.",
        Flag::LargeChange => "The change is large enough that the rule asks a person.",
        Flag::NoAffordableCompetitor => "Every competitor is cheaper than we can afford.",
        Flag::NoData => "The rule found no reference.",
        Flag::NoFloor => {
            "No minimum can be computed, for example because the cost is unknown; without one there is no automatic price."
        }
        Flag::NoVat => "The VAT rate is unknown.",
        Flag::NoCurrentPrice => "The product has no price yet.",
        Flag::Overflow => "An amount is too large to compute with.",
        Flag::ShortMarket => "There are fewer offers than the wanted rank; the dearest one is used.",
        Flag::StepLimitOverridden => "The step limits would keep the price outside the hard bounds, so the bound wins.",
        Flag::StepLimited => "A step or day limit cuts the move.",
        Flag::FloorApplied => "The floor decides the price.",
        Flag::CeilingApplied => "The ceiling decides the price.",
        Flag::CombinedAverage => "The targets of all matching rules are averaged.",
        Flag::CombinedHighest => "The highest target of all matching rules counts.",
        Flag::CombinedLowest => "The lowest target of all matching rules counts.",
        _ => return None,
    })
}

fn released(release: &Release) -> Vec<String> {
    let mut lines: Vec<String> = release.holds().map(|(_, finding)| format!("Held: {finding}.")).collect();
    if lines.is_empty() && !release.checks.is_empty() {
        lines.push(format!("All {} guards pass.", release.checks.len()));
    }
    if let Some(until) = release.freeze_until {
        lines.push(format!("The product is frozen until {until}."));
    }
    lines
}

/// An unrounded amount as people read it: with the decimals of its currency, and "about" where it has more.
fn money(value: Decimal, facts: &Facts) -> String {
    let currency = facts.market.currency;
    let decimals = exponent(currency);
    let mut shown = value.round_dp_with_strategy(decimals, crate::decide::rounding::DISPLAY);
    let about = if shown == value { "" } else { "about " };
    shown.rescale(decimals);
    format!("{about}{shown} {}", currency.code())
}
