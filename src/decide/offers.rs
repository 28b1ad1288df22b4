//! Which offers a rule sees, made comparable: our currency, our tax view, our pack size, rounded once.
//!
//! An offer that was not accepted by the observation gate has no influence at all, not even on a count.

use std::collections::{BTreeSet, HashMap};

use crate::decide::decision::{Fate, Flag, SeenOffer, Step};
use crate::decide::facts::{Facts, OfferFact, Standing, Tax};
use crate::decide::fx::{Freshness, FxTable};
use crate::decide::quotient::Quotient;
use crate::decide::rounding;
use crate::decide::rules::{Basis, OfferFilter, OutOfBounds, RuleSet, StaleFx};
use crate::decide::vat;
use crate::money::{Decimal, Money};

/// A slow listing's offer may be this many halves of its fetch interval old.
const AGE_HALF_INTERVALS: i64 = 3;

/// The offers of a rule, cheapest first.
#[derive(Debug, Default)]
pub struct Eligible {
    pub offers: Vec<EligibleOffer>,
    pub seen: Vec<SeenOffer>,
    pub flags: Vec<Flag>,
    /// An offer that would count needs a rate that is too old, or that is not there at all.
    pub unconverted: Option<Flag>,
}

/// An offer that counts: its index in the facts and its comparable price in minor units.
#[derive(Debug, Clone, Copy)]
pub struct EligibleOffer {
    pub offer: u32,
    pub minor: i64,
}

/// Filters, converts and sorts the offers for one rule. `bounds` are floor and ceiling in minor units.
#[must_use]
pub fn eligible(
    facts: &Facts,
    filter: &OfferFilter,
    rules: &RuleSet,
    bounds: (i64, Option<i64>),
    now_ms: i64,
) -> Eligible {
    let mut result = Eligible { seen: Vec::with_capacity(facts.offers.len()), ..Eligible::default() };
    for (offer, index) in facts.offers.iter().zip(0_u32..) {
        let fate = match refusal(facts, offer, filter, rules, now_ms) {
            Some(fate) => (None, fate),
            None => match comparable(facts, offer, filter.basis) {
                Ok(price) => (Some(price), Fate::Counted),
                Err(fate) => (None, fate),
            },
        };
        result.seen.push(SeenOffer { offer: index, price: fate.0, fate: fate.1 });
    }
    note_rates(&mut result, facts, rules.engine.stale_fx);
    keep_cheapest_per_competitor(&mut result.seen, facts);
    if filter.out_of_bounds == OutOfBounds::Ignore {
        drop_out_of_bounds(&mut result, bounds);
    }
    let counted = result.seen.iter().filter(|seen| seen.fate == Fate::Counted);
    result.offers =
        counted.filter_map(|seen| Some(EligibleOffer { offer: seen.offer, minor: seen.price?.minor() })).collect();
    result.offers.sort_unstable_by(|a, b| {
        let by_id = || competitor(facts, a.offer).cmp(competitor(facts, b.offer));
        a.minor.cmp(&b.minor).then_with(by_id)
    });
    result
}

/// The competitor of an offer by its index; the empty name for an index that is not in the facts.
#[must_use]
pub fn competitor(facts: &Facts, index: u32) -> &str {
    facts.offers.get(index as usize).map_or("", |offer| offer.competitor.as_str())
}

/// Who is left out by a rule's `exclude` and why, for the record; none where it gives no reason or nobody has an offer.
#[must_use]
pub fn left_out(facts: &Facts, filter: &OfferFilter) -> Option<Step> {
    let reason = filter.exclude_reason.clone()?;
    let named = facts.offers.iter().map(|offer| &offer.competitor).filter(|name| filter.exclude.contains(*name));
    let competitors: BTreeSet<String> = named.cloned().collect();
    (!competitors.is_empty()).then_some(Step::LeftOut { competitors, reason })
}

fn refusal(facts: &Facts, offer: &OfferFact, filter: &OfferFilter, rules: &RuleSet, now_ms: i64) -> Option<Fate> {
    let name = &offer.competitor;
    if rules.is_own(facts, name) {
        return Some(Fate::OwnShop);
    }
    if filter.exclude.contains(name) || !filter.include.is_empty() && !filter.include.contains(name) {
        return Some(Fate::Excluded);
    }
    if offer.standing != Standing::Accepted {
        return Some(Fate::NotAccepted);
    }
    if !filter.availability.contains(&offer.availability) {
        return Some(Fate::Availability);
    }
    if !filter.condition.contains(&offer.condition) {
        return Some(Fate::Condition);
    }
    if !filter.kinds.contains(&offer.kind) {
        return Some(Fate::PriceKind);
    }
    if now_ms.saturating_sub(offer.observed_at.0) > age_limit_ms(offer, filter, rules.engine.max_offer_age_ms) {
        return Some(Fate::TooOld);
    }
    if filter.min_rating.is_some_and(|limit| offer.rating.unwrap_or(Decimal::ZERO) < limit) {
        return Some(Fate::LowRating);
    }
    (filter.basis == Basis::Delivered && offer.shipping.is_none()).then_some(Fate::ShippingUnknown)
}

/// How old an offer may be for a rule, in milliseconds: the rule's own limit, or the engine's and one and a half intervals
/// of a slow listing, whichever is longer.
#[must_use]
pub fn age_limit_ms(offer: &OfferFact, filter: &OfferFilter, engine_ms: i64) -> i64 {
    filter.max_age_ms.unwrap_or_else(|| {
        let interval = offer.interval_min.map_or(0, |minutes| i64::from(minutes) * crate::clock::Millis::MINUTE);
        engine_ms.max(interval * AGE_HALF_INTERVALS / 2)
    })
}

/// An offer's price in our currency, tax view and pack size: exact until one rounding at the end (RP1).
fn comparable(facts: &Facts, offer: &OfferFact, basis: Basis) -> Result<Money, Fate> {
    let market = &facts.market;
    let shipping = offer.shipping.filter(|_| basis == Basis::Delivered);
    let same_view = offer.price.currency() == market.currency && offer.tax == market.tax;
    if same_view && offer.pack_qty == facts.product.pack_qty && shipping.is_none() {
        return positive(offer.price);
    }
    let price = match shipping {
        Some(shipping) => offer.price.checked_add(shipping).map_err(|_| Fate::NotComparable)?,
        None => offer.price,
    };
    let (mut over, mut under) = (price.amount(), Decimal::ONE);
    if offer.tax != market.tax {
        let percent = facts.product.vat.as_ref().map(|vat| vat.percent).ok_or(Fate::NotComparable)?;
        let factor = vat::factor(percent).ok_or(Fate::NotComparable)?;
        match market.tax {
            Tax::Gross => over = over.checked_mul(factor).ok_or(Fate::NotComparable)?,
            Tax::Net => under = factor,
        }
    }
    if price.currency() != market.currency {
        let (from, to) = rates(facts, price)?;
        over = over.checked_mul(to).ok_or(Fate::NotComparable)?;
        under = under.checked_mul(from).ok_or(Fate::NotComparable)?;
    }
    over = over.checked_mul(Decimal::from(facts.product.pack_qty)).ok_or(Fate::NotComparable)?;
    under = under.checked_mul(Decimal::from(offer.pack_qty)).ok_or(Fate::NotComparable)?;
    let value = Quotient::new(over, under).and_then(Quotient::value).ok_or(Fate::NotComparable)?;
    positive(Money::rounded(value, market.currency, rounding::OFFER).map_err(|_| Fate::NotComparable)?)
}

fn positive(price: Money) -> Result<Money, Fate> {
    if price.is_positive() { Ok(price) } else { Err(Fate::NotComparable) }
}

fn rates(facts: &Facts, price: Money) -> Result<(Decimal, Decimal), Fate> {
    let table = facts.fx.as_ref().ok_or(Fate::NoRate)?;
    let rate = |currency| FxTable::rate(table, currency).map_err(|_| Fate::NoRate);
    Ok((rate(price.currency())?, rate(facts.market.currency)?))
}

fn note_rates(result: &mut Eligible, facts: &Facts, policy: StaleFx) {
    let converted = result.seen.iter().any(|seen| {
        let offer = facts.offers.get(seen.offer as usize);
        seen.fate == Fate::Counted && offer.is_some_and(|offer| offer.price.currency() != facts.market.currency)
    });
    if result.seen.iter().any(|seen| seen.fate == Fate::NoRate) {
        // Deciding as if that competitor did not exist could raise a price for want of a rate.
        result.unconverted = Some(Flag::FxMissing);
        return;
    }
    let freshness = facts.fx.as_ref().map_or(Freshness::Fresh, |table| table.freshness);
    match freshness {
        _ if !converted => {}
        Freshness::Fresh => {}
        Freshness::Late => result.flags.push(Flag::FxLate),
        Freshness::Stale if policy == StaleFx::Last => result.flags.push(Flag::FxLate),
        Freshness::Stale | Freshness::Expired => result.unconverted = Some(Flag::FxStale),
    }
}

/// A competitor counts once, with its cheapest offer; of two equal offers the first in the facts stays.
fn keep_cheapest_per_competitor(seen: &mut [SeenOffer], facts: &Facts) {
    /// Up to this many offers a scan is cheaper than a map.
    const SCAN_LIMIT: usize = 16;
    if seen.len() <= SCAN_LIMIT {
        for later in 1..seen.len() {
            for earlier in 0..later {
                let same = competitor(facts, seen[earlier].offer) == competitor(facts, seen[later].offer);
                if same {
                    drop_dearer(seen, earlier, later);
                }
            }
        }
        return;
    }
    let mut cheapest: HashMap<&str, usize> = HashMap::with_capacity(seen.len());
    for later in 0..seen.len() {
        if seen[later].fate != Fate::Counted {
            continue;
        }
        let kept = cheapest.entry(competitor(facts, seen[later].offer)).or_insert(later);
        if *kept != later {
            let earlier = *kept;
            drop_dearer(seen, earlier, later);
            if seen[later].fate == Fate::Counted {
                *kept = later;
            }
        }
    }
}

fn drop_dearer(seen: &mut [SeenOffer], earlier: usize, later: usize) {
    if seen[earlier].fate != Fate::Counted || seen[later].fate != Fate::Counted {
        return;
    }
    let minor = |seen: &SeenOffer| seen.price.map(Money::minor);
    let dearer = if minor(&seen[later]) < minor(&seen[earlier]) { earlier } else { later };
    seen[dearer].fate = Fate::DearerOfSame;
}

fn drop_out_of_bounds(result: &mut Eligible, (floor, ceiling): (i64, Option<i64>)) {
    let mut dropped = false;
    for seen in result.seen.iter_mut().filter(|seen| seen.fate == Fate::Counted) {
        let outside = |price: Money| price.minor() < floor || ceiling.is_some_and(|ceiling| price.minor() > ceiling);
        if seen.price.is_some_and(outside) {
            seen.fate = Fate::OutOfBounds;
            dropped = true;
        }
    }
    if dropped {
        result.flags.push(Flag::OutOfBoundsIgnored);
    }
}
