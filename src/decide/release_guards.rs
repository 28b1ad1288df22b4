//! The guards of the release layer, one function each: a finding in words, or nothing.

use std::collections::BTreeSet;

use crate::clock::Millis;
use crate::decide::bounds;
use crate::decide::decision::{Fate, Flag, Step};
use crate::decide::facts::{Availability, Facts, ManualPrice, OfferFact};
use crate::decide::offers::competitor;
use crate::decide::release::{Approval, Guard, Proposal, ReleaseParams, person};
use crate::decide::rules::EngineParams;
use crate::decide::staging;
use crate::money::{Currency, Decimal, Money};
use crate::observe::war;
use crate::observe::zscore::median;
use crate::sentence::Sentence;

/// Two sightings of one price must be this far apart to be two witnesses.
const WITNESS_GAP_MS: i64 = 10 * Millis::MINUTE;
/// Moves older than this are no reaction to each other.
const LOOP_WINDOW_MS: i64 = 48 * Millis::HOUR;
/// An offer this many median deviations away from the median is no reference.
const OUTLIER_DEVIATIONS: Decimal = Decimal::from_parts(3, 0, 0, false, 0);
/// With fewer offers a median says nothing about an outlier.
const OUTLIER_LEAST_OFFERS: usize = 4;

/// The finding of a guard; none if it passes.
#[must_use]
pub fn finding(guard: Guard, proposal: &Proposal) -> Option<String> {
    match guard {
        Guard::Eligibility => eligibility(proposal),
        Guard::FreshFloor => fresh_floor(proposal),
        Guard::Plausibility => plausibility(proposal),
        Guard::Absence => absence(proposal),
        Guard::Quorum => quorum(proposal),
        Guard::Step => step(proposal),
        Guard::Velocity => velocity(proposal),
        Guard::Corridor => corridor(proposal),
        Guard::Slip => slip(proposal),
        Guard::Loop => loops(proposal),
        Guard::Oscillation => oscillation(proposal),
        Guard::DeadBand => dead_band(proposal),
        Guard::Confirmation => confirmation(proposal),
        Guard::SecondPerson => second_person(proposal),
        Guard::Staging => staging::finding(proposal),
    }
}

/// `(to - from) / from` in percent; none for a price of zero, and none between prices of two currencies.
#[must_use]
pub fn change_pct(from: Money, to: Money) -> Option<Decimal> {
    if from.currency() != to.currency() {
        return None;
    }
    let difference = Decimal::from(to.minor()).checked_sub(Decimal::from(from.minor()))?;
    difference.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(Decimal::from(from.minor()))
}

fn shown_pct(percent: Decimal) -> String {
    crate::decide::rounding::two_decimals(percent).to_string()
}

fn eligibility(proposal: &Proposal) -> Option<String> {
    if proposal.state.paused {
        return Some("pushing is paused".to_owned());
    }
    if let Some(until) = proposal.state.frozen_until.filter(|until| proposal.now < *until) {
        return Some(format!("the product is frozen until {until}"));
    }
    if proposal.decision.floor.is_none()
        && !proposal.decision.has(Flag::ManualPrice)
        && !proposal.decision.has(Flag::Campaign)
    {
        return Some("no floor was computed".to_owned());
    }
    let name = reference_competitor(proposal)?;
    if proposal.state.unverified.contains(name) {
        return Some(format!("the match with {name}'s listing is not verified"));
    }
    proposal.state.suspended.contains(name).then(|| format!("the last crawl of {name} is not trusted"))
}

/// The competitor whose offer is the reference, where the reference is one offer.
fn reference_competitor<'a>(proposal: &'a Proposal) -> Option<&'a str> {
    proposal.decision.steps.iter().rev().find_map(|step| match step {
        Step::Reference { offer: Some(index), .. } => Some(competitor(proposal.facts, *index)),
        _ => None,
    })
}

fn fresh_floor(proposal: &Proposal) -> Option<String> {
    let (price, params) = (proposal.price, proposal.params);
    if price.amount() < params.absolute_min {
        return Some(format!("{price} is below the absolute minimum {}", params.absolute_min));
    }
    let own = proposal.facts.in_market(proposal.facts.product.min);
    if own.is_some_and(|min| price.amount() < min) {
        return Some("the price is below the product's own minimum".to_owned());
    }
    let fresh = proposal.state.fresh_cost_net.or(proposal.facts.product.cost_net);
    if fresh.is_none() && own.is_none() {
        return Some("the purchase cost is not known".to_owned());
    }
    if let Some(fresh) = fresh.filter(|fresh| !fresh.is_positive()) {
        return Some(format!("a purchase cost of {fresh} is not believable"));
    }
    let mut facts = Facts { offers: Vec::new(), fx: None, ..proposal.facts.clone() };
    facts.product.cost_net = fresh;
    let floor = bounds::floor(&facts, &[], &EngineParams::default());
    let Some((floor, _)) = floor else { return Some("no floor follows from the present cost".to_owned()) };
    (price.minor() < floor).then(|| {
        let floor = Money::from_minor(floor, price.currency());
        format!("{price} is below {floor}, the present cost with VAT")
    })
}

fn plausibility(proposal: &Proposal) -> Option<String> {
    let x0 = proposal.decision.steps.iter().rev().find_map(|step| match step {
        Step::Adjusted { x0, .. } => Some(*x0),
        Step::Fallback { value, .. } => Some(*value),
        _ => None,
    })?;
    let factor = proposal.params.implausible_factor;
    let floor = proposal.decision.floor?.amount();
    if x0.checked_mul(factor)? < floor {
        return Some(format!("the rule wanted {}, far below the floor {floor}", shown_pct(x0)));
    }
    let ceiling = proposal.decision.ceiling?.amount();
    (x0 > ceiling.checked_mul(factor)?)
        .then(|| format!("the rule wanted {}, far above the ceiling {ceiling}", shown_pct(x0)))
}

/// A raise rests on a cheaper competitor being sold out, and it may not be.
fn absence(proposal: &Proposal) -> Option<String> {
    let raises = proposal.current.is_some_and(|current| current.minor() < proposal.price.minor());
    if !raises || proposal.repairs_floor() {
        return None;
    }
    if let Some(offer) = rests_on_unknown(proposal) {
        return Some(format!("the rise rests on {}, whose stock is not known", offer.competitor));
    }
    let left_out = proposal.decision.steps.iter().filter_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    });
    let doubtful = left_out.flatten().filter(|seen| seen.fate == Fate::Availability).find_map(|seen| {
        let offer = proposal.facts.offers.get(seen.offer as usize)?;
        let unsure = match offer.availability {
            Availability::Unknown => true,
            Availability::OutOfStock => !offer.absence_confirmed,
            _ => false,
        };
        let same = offer.price.currency() == proposal.price.currency();
        (unsure && !(same && offer.price.minor() >= proposal.price.minor())).then_some(offer)
    })?;
    Some(format!("{} may still have it, at {}; its stock is not known for sure", doubtful.competitor, doubtful.price))
}

/// An offer of unknown stock that a rule lets count and the reference is made of: the cheapest, or one of a mean.
fn rests_on_unknown<'a>(proposal: &'a Proposal<'a>) -> Option<&'a OfferFact> {
    let steps = &proposal.decision.steps;
    let of = |index: &u32| proposal.facts.offers.get(*index as usize);
    let reference = steps.iter().rev().find_map(|step| match step {
        Step::Reference { offer, .. } => Some(offer),
        _ => None,
    })?;
    if let Some(index) = reference {
        return of(index).filter(|offer| offer.availability == Availability::Unknown);
    }
    let seen = steps.iter().rev().find_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    })?;
    let counted = seen.iter().filter(|seen| seen.fate == Fate::Counted);
    counted.filter_map(|seen| of(&seen.offer)).find(|offer| offer.availability == Availability::Unknown)
}

/// Comparable prices and competitors of the offers that counted.
fn counted<'a>(proposal: &'a Proposal) -> Vec<(&'a str, Decimal)> {
    let seen = proposal.decision.steps.iter().rev().find_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    });
    let counted = seen.into_iter().flatten().filter(|offer| offer.fate == Fate::Counted);
    counted.filter_map(|seen| Some((competitor(proposal.facts, seen.offer), seen.price?.amount()))).collect()
}

fn quorum(proposal: &Proposal) -> Option<String> {
    let change = proposal.change_pct()?;
    if change.abs() <= proposal.params.quorum_above_pct || proposal.repairs_floor() {
        return None;
    }
    let offers = counted(proposal);
    let name = reference_competitor(proposal);
    if let Some(outlier) = name.and_then(|name| outlier(name, &offers)) {
        return Some(outlier);
    }
    let market = proposal.decision.steps.iter().any(|step| matches!(step, Step::Offers { .. }));
    if !market || offers.len() >= 2 {
        return None;
    }
    let witness = |(name, _): &&(&str, Decimal)| {
        let times = proposal.state.sightings.get(*name).map_or(&[][..], Vec::as_slice);
        times.iter().max().zip(times.iter().min()).is_some_and(|(last, first)| last.since(*first) >= WITNESS_GAP_MS)
    };
    if offers.iter().any(|offer| witness(&offer)) {
        return None;
    }
    Some(format!("a change of {} % rests on a single sighting of a single competitor", shown_pct(change)))
}

/// A single reference that lies far away from all others is no reference.
fn outlier(name: &str, offers: &[(&str, Decimal)]) -> Option<String> {
    if offers.len() < OUTLIER_LEAST_OFFERS {
        return None;
    }
    let prices: Vec<Decimal> = offers.iter().map(|(_, price)| *price).collect();
    let middle = median(&prices)?;
    let deviations: Vec<Decimal> = prices.iter().map(|price| (*price - middle).abs()).collect();
    // Offers that all agree have no deviation; one percent of the price is the least that counts as one.
    let deviation = median(&deviations)?.max(middle.checked_div(Decimal::ONE_HUNDRED)?);
    let (_, price) = offers.iter().find(|(other, _)| *other == name)?;
    ((*price - middle).abs() > deviation.checked_mul(OUTLIER_DEVIATIONS)?)
        .then(|| format!("{name}'s price {price} is far from the median {middle} of {} offers", offers.len()))
}

fn step(proposal: &Proposal) -> Option<String> {
    let change = proposal.change_pct()?;
    if proposal.repairs_floor() {
        return None;
    }
    let (down, up) = (proposal.params.step_down_pct, proposal.params.step_up_pct);
    (change < -down || change > up)
        .then(|| format!("a change of {} % in one step; allowed are -{down} % to +{up} %", shown_pct(change)))
}

fn velocity(proposal: &Proposal) -> Option<String> {
    let day_ago = proposal.now.plus(-Millis::DAY);
    let same = |price: &Money| price.currency() == proposal.price.currency();
    let prices: Vec<(Millis, Money)> = proposal.state.own_prices.iter().filter(|(_, p)| same(p)).copied().collect();
    let changes = prices.windows(2).filter(|pair| pair[1].0 > day_ago && pair[0].1 != pair[1].1).count();
    if proposal.repairs_floor() {
        return None;
    }
    if changes >= proposal.params.changes_per_day as usize {
        return Some(format!("{changes} changes within 24 h already"));
    }
    let then = prices.iter().rev().find(|(at, _)| *at <= day_ago).or_else(|| prices.first())?.1;
    let change = change_pct(then, proposal.price)?;
    let (down, up) = (proposal.params.day_down_pct, proposal.params.day_up_pct);
    (change < -down || change > up)
        .then(|| format!("{} % within 24 h; allowed are -{down} % to +{up} %", shown_pct(change)))
}

fn corridor(proposal: &Proposal) -> Option<String> {
    let price = proposal.price.amount();
    let params = proposal.params;
    if let Some(median) = proposal.facts.in_market(proposal.state.median_30d)
        && !proposal.repairs_floor()
    {
        let (low, high) = (median.checked_mul(params.corridor_low)?, median.checked_mul(params.corridor_high)?);
        if price < low || price > high {
            return Some(format!("{price} is outside {low} to {high}, the corridor around the 30-day median {median}"));
        }
    }
    let product = &proposal.facts.product;
    let usual = proposal.facts.in_market(product.msrp).or_else(|| proposal.facts.in_market(product.regular))?;
    let ceiling = usual.checked_mul(params.ceiling_factor)?;
    (price > ceiling).then(|| format!("{price} is above {ceiling}, the absolute ceiling"))
}

fn slip(proposal: &Proposal) -> Option<String> {
    let current = Decimal::from(proposal.current?.minor());
    let price = Decimal::from(proposal.price.minor());
    let within = |factor: Decimal, percent: Decimal| {
        let expected = current.checked_mul(factor)?;
        let off = (price - expected).abs().checked_mul(Decimal::ONE_HUNDRED)?;
        Some(off <= expected.checked_mul(percent)?)
    };
    let params = proposal.params;
    let tens = [Decimal::new(1, 1), Decimal::new(1, 2), Decimal::TEN, Decimal::ONE_HUNDRED];
    if tens.into_iter().any(|factor| within(factor, params.slip_pct) == Some(true)) {
        return Some("the price looks like a slipped decimal point".to_owned());
    }
    // A factor beside 1 is what any small change looks like.
    let tells = |factor: Decimal| {
        let off = (factor - Decimal::ONE).abs().checked_mul(Decimal::ONE_HUNDRED)?;
        Some(off > params.slip_pct.checked_mul(Decimal::TWO)?)
    };
    let either_way = |factor: Decimal, percent: Decimal| {
        let way_back = Decimal::ONE.checked_div(factor);
        let both = std::iter::once(factor).chain(way_back).filter(|factor| tells(*factor) == Some(true));
        both.into_iter().any(|factor| within(factor, percent) == Some(true))
    };
    let vat = proposal.facts.vat_factor();
    if vat.is_some_and(|factor| either_way(factor, params.slip_vat_pct)) && !proposal.repairs_floor() {
        return Some("the change is exactly the VAT: net and gross may be confused".to_owned());
    }
    let table = proposal.facts.fx.as_ref()?;
    let ours = table.rate(proposal.price.currency()).ok()?;
    let by_rate = |code: &Currency| {
        let factor = ours.checked_div(table.rate(*code).ok()?)?;
        Some(either_way(factor, params.slip_pct))
    };
    let code = converted(proposal).into_iter().find(|code| by_rate(code) == Some(true))?;
    Some(format!("the change is exactly the rate to {}: currencies may be confused", code.code()))
}

/// The currencies other than ours of the offers that counted: only what was converted can be confused.
fn converted(proposal: &Proposal) -> Vec<Currency> {
    let seen = proposal.decision.steps.iter().filter_map(|step| match step {
        Step::Offers { seen } => Some(seen),
        _ => None,
    });
    let counted = seen.flatten().filter(|seen| seen.fate == Fate::Counted);
    let offers = counted.filter_map(|seen| proposal.facts.offers.get(seen.offer as usize));
    let mut codes: Vec<Currency> = offers.map(|offer| offer.price.currency()).collect();
    codes.retain(|code| *code != proposal.price.currency());
    codes.sort_unstable_by_key(|code| code.code());
    codes.dedup();
    codes
}

fn loops(proposal: &Proposal) -> Option<String> {
    if proposal.repairs_floor() {
        return None;
    }
    proposal.state.moves.iter().find_map(|(name, moves)| {
        let recent = |step: &&war::PriceMove| step.at.is_none_or(|at| proposal.now.since(at) <= LOOP_WINDOW_MS);
        let recent: Vec<war::PriceMove> = moves.iter().filter(recent).cloned().collect();
        let answers = war::lock_step(&recent);
        (answers >= proposal.params.loop_moves)
            .then(|| format!("{answers} moves answered each other in one direction with {name} within 48 h"))
    })
}

fn oscillation(proposal: &Proposal) -> Option<String> {
    let mut prices: Vec<(Millis, Decimal)> =
        proposal.state.own_prices.iter().map(|(at, price)| (*at, price.amount())).collect();
    prices.push((proposal.now, proposal.price.amount()));
    let turns = war::reversals(&prices, Millis::DAY);
    (turns >= proposal.params.oscillations && !proposal.repairs_floor())
        .then(|| format!("the price would turn its direction {turns} times within 24 h"))
}

/// Measured from the price in force, also on the way back from a campaign: that way may end at the price before it.
fn dead_band(proposal: &Proposal) -> Option<String> {
    let change = change_pct(proposal.facts.product.current?, proposal.price)?;
    (change.abs() < proposal.params.dead_band_pct && !proposal.decision.has(Flag::BoundRepair))
        .then(|| format!("a change of {} % is not worth one", shown_pct(change)))
}

/// A person's consent to exactly this price, as long as it is valid.
fn approval<'a>(proposal: &'a Proposal) -> Option<&'a Approval> {
    let approval = proposal.state.approved.as_ref()?;
    (approval.price == proposal.price && is_valid(approval.at, proposal)).then_some(approval)
}

fn is_valid(at: Millis, proposal: &Proposal) -> bool {
    let valid_ms = i64::from(proposal.params.approval_valid_h) * Millis::HOUR;
    at <= proposal.now && proposal.now.since(at) < valid_ms
}

fn confirmation(proposal: &Proposal) -> Option<String> {
    if approval(proposal).is_some() {
        return None;
    }
    let fresh = proposal.state.fresh_cost_net.or(proposal.facts.product.cost_net);
    if let Some((previous, fresh)) = proposal.state.previous_cost_net.zip(fresh)
        && change_pct(previous, fresh).is_some_and(|change| change.abs() > proposal.params.max_cost_change_pct)
    {
        return Some(format!("the purchase cost went from {previous} to {fresh}; confirm the import"));
    }
    let change = proposal.change_pct()?;
    if change.abs() > proposal.params.confirm_above_pct {
        return Some(format!("a change of {} % needs a person's consent", shown_pct(change)));
    }
    let stock = proposal.facts.product.own_stock;
    let (limit, stake) = (proposal.params.confirm_above_amount?, stake(stock, proposal.current?, proposal.price)?);
    (stake > limit).then(|| format!("{} at stake in stock needs a person's consent", shown_pct(stake)))
}

/// The difference of two prices times our stock, in the market's currency.
fn stake(stock: Option<i64>, from: Money, to: Money) -> Option<Decimal> {
    (to.amount() - from.amount()).abs().checked_mul(Decimal::from(stock?.max(0)))
}

fn second_person(proposal: &Proposal) -> Option<String> {
    // What was ours lately was agreed to then: taking back a wrong run must not wait.
    let back = || proposal.state.own_prices.iter().any(|(_, price)| *price == proposal.price);
    if consenting(proposal).len() >= 2 || set_by_hand(proposal).is_some() && back() {
        return None;
    }
    // What a person does to a price that was set is measured from that price, not from the one before it.
    let in_force = proposal.facts.product.current.filter(|_| set_by_hand(proposal).is_some());
    // What rules do after it is measured from the price before: two small moves must not make a large one of one person.
    let from = in_force.or(proposal.facts.product.before_set);
    let from = from.filter(|price| price.currency() == proposal.price.currency()).or(proposal.current)?;
    needs_two(proposal.params, from, proposal.price, proposal.facts.product.own_stock)
}

/// Why a change of a price needs the consent of two persons; none where one is enough. Prices are of one currency.
#[must_use]
pub fn needs_two(params: &ReleaseParams, from: Money, to: Money, stock: Option<i64>) -> Option<String> {
    let change = change_pct(from, to)?;
    if params.second_person_above_pct.is_some_and(|limit| change.abs() > limit) {
        return Some(Sentence::NeedsTwo.with(&[("change", &shown_pct(change))]));
    }
    let (limit, stake) = (params.second_person_above_amount?, stake(stock, from, to)?);
    (stake > limit).then(|| Sentence::StakeNeedsTwo.with(&[("amount", &shown_pct(stake))]))
}

/// The price that a person set, where it is the one that is proposed.
fn set_by_hand<'a>(proposal: &'a Proposal) -> Option<&'a ManualPrice> {
    let set = proposal.facts.product.manual.as_ref();
    set.filter(|set| set.price == proposal.price && proposal.decision.has(Flag::ManualPrice))
}

/// Everybody who agreed to this price and is somebody else than the others. Whoever set it by hand agrees to it.
fn consenting(proposal: &Proposal) -> BTreeSet<String> {
    let owner = set_by_hand(proposal).map(|set| set.owner.as_str());
    let approval = approval(proposal);
    let first = approval.and_then(|approval| approval.first.as_ref());
    let first = first.filter(|first| is_valid(first.at, proposal)).map(|first| first.by.as_str());
    let second = approval.map(|approval| approval.by.as_str());
    [owner, first, second].into_iter().flatten().filter_map(person).collect()
}
