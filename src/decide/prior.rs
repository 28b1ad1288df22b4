//! The prior price of an announced reduction: the lowest public price of the days before it, per channel.
//!
//! It reads prices that were, or may have been, live; never intentions. A reduction is announced only if the history
//! allows the claim, and by no more percent than it allows.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::decide::prior_rules::{Kind, NewArrival, Perishable, PriorRules};
use crate::decide::prior_steps::{first_step, window_end};
use crate::decide::reference_claims::{ClaimWarning, ReferenceClaim, reference_claim};
use crate::decide::rounding::CEILING;
use crate::money::{Decimal, WirePrice};

/// A span in which a price was, or may have been, live on one channel: `[from, until)`.
///
/// Spans may overlap where it is not certain which price customers saw; the lowest then counts. A time without a span
/// is a time in which the product was not on offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivePrice {
    pub from: Timestamp,
    /// None while it is still live.
    pub until: Option<Timestamp>,
    pub price: WirePrice,
    pub audience: Audience,
}

/// Who could buy at a price. For a reduction to the public only public prices count; members could have had both theirs
/// and everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    #[default]
    Public,
    Loyalty,
    Individual,
}

impl Audience {
    /// As stored; what is not known is everybody's.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        if text == Self::Loyalty.as_str() { Self::Loyalty } else { Self::Public }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loyalty => "loyalty",
            Self::Individual => "individual",
        }
    }

    /// Whether buyers of this audience could have had a price of another.
    #[must_use]
    pub const fn could_have(self, other: Self) -> bool {
        matches!((self, other), (_, Self::Public) | (Self::Loyalty, Self::Loyalty))
    }
}

/// The reduction that is to be announced.
#[derive(Debug, Clone)]
pub struct Reduction {
    pub start: Timestamp,
    pub end: Option<Timestamp>,
    pub price: WirePrice,
    pub audience: Audience,
    pub perishable: bool,
    /// When earlier steps of the same campaign went live.
    pub earlier_steps: Vec<Timestamp>,
}

/// Remarks on a prior price. Declared in the order of their text, which is the order they are reported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorFlag {
    /// The campaign is longer than the country lets a progressive reduction be.
    CampaignTooLong,
    /// A personal reduction; no prior price is asked for.
    IndividualReductionExempt,
    /// Too little history for a claim.
    InsufficientHistory,
    /// On offer for less than the window; the lowest price since the start of sale counts.
    NewArrivalSinceStart,
    /// The new price is not below the prior price.
    NotAReduction,
    /// The former price was charged too rarely to be the regular one (United States).
    NotTheRegularPrice,
    /// Longer than the authority's guideline for such claims.
    OfferLongerThanGuideline,
    /// Longer than the former price was charged (United Kingdom).
    OfferLongerThanReference,
    #[serde(rename = "perishable_14d")]
    Perishable14d,
    PerishableExempt,
    PerishablePriceBeforeFirstReduction,
    /// A window for perishables that is neither the usual one nor fourteen days.
    PerishableWindow,
    /// The price before the first step of the campaign is the reference.
    Progressive,
    /// Earlier steps exist, but the price rose, paused or changed in between.
    ProgressiveBroken,
    /// The country has no rule for steps; each has its own window.
    ProgressiveNotAvailable,
    /// The former price is from long ago (United Kingdom).
    ReferenceTooOld,
    /// The former price was charged for too short a time (United Kingdom).
    ReferenceTooShort,
}

/// What may be said about a reduction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorPrice {
    /// Whether a prior price must be shown at all.
    pub required: bool,
    pub prior: Option<WirePrice>,
    /// Whether the reduction may be announced; none where no rule applies.
    pub announce: Option<bool>,
    /// The largest percentage that may be claimed, rounded down. At 0 no percentage may be shown.
    pub max_percent: Option<u32>,
    /// The first instant whose price counts.
    pub window_start: Option<Timestamp>,
    pub flags: Vec<PriorFlag>,
    /// How well the former price supports a claim, where no law names a window (United Kingdom, United States).
    pub claim: Option<ReferenceClaim>,
}

/// Computes the prior price of a reduction from a channel's history under a country's rules, in the market's zone.
#[must_use]
pub fn prior_price(history: &[LivePrice], reduction: &Reduction, rules: &PriorRules, zone: &TimeZone) -> PriorPrice {
    if reduction.audience == Audience::Individual {
        return exempt(None, PriorFlag::IndividualReductionExempt);
    }
    if reduction.perishable && rules.perishable == Perishable::Exempt {
        return exempt(Some(true), PriorFlag::PerishableExempt);
    }
    let public = prices_for(history, reduction);
    if rules.kind != Kind::Directive {
        return former_price(&public, reduction, rules, zone);
    }
    if reduction.perishable && rules.perishable == Perishable::BeforeFirstReduction {
        let first = first_step(reduction).unwrap_or(reduction.start);
        let before = public.iter().filter(|live| live.from < first).max_by_key(|live| live.from);
        let flags = vec![PriorFlag::PerishablePriceBeforeFirstReduction];
        return judge(before.map(|live| live.price), None, flags, reduction, rules, zone);
    }
    let mut flags = Vec::new();
    let start = window_end(&public, reduction, rules, zone, &mut flags);
    let days = match rules.perishable {
        Perishable::Days(days) if reduction.perishable => {
            flags.push(if days == 14 { PriorFlag::Perishable14d } else { PriorFlag::PerishableWindow });
            days
        }
        _ => rules.window_days,
    };
    let opens = midnight_before(start, days, zone);
    let first_offer = public.iter().map(|live| live.from).min();
    let Some(opens) = opens.zip(first_offer).and_then(|(opens, first)| {
        if first <= opens {
            return Some(opens);
        }
        (rules.new_arrival == NewArrival::SinceStart && first < start).then(|| {
            flags.push(PriorFlag::NewArrivalSinceStart);
            first
        })
    }) else {
        return judge(None, opens, flags, reduction, rules, zone);
    };
    let in_window = |live: &&LivePrice| live.from < start && live.until.is_none_or(|until| until > opens);
    let lowest = public.iter().filter(in_window).map(|live| live.price).min_by_key(|price| price.amount());
    judge(lowest, Some(opens), flags, reduction, rules, zone)
}

/// Where the law names no window: the price charged last before the start, with house warnings about it.
fn former_price(public: &[LivePrice], reduction: &Reduction, rules: &PriorRules, zone: &TimeZone) -> PriorPrice {
    let last = public.iter().filter(|live| live.from < reduction.start).max_by_key(|live| live.from);
    let (mut flags, mut measured) = (Vec::new(), None);
    if let Some(last) = last {
        let claim = reference_claim(public, last.price, reduction.start, reduction.end, rules.kind, zone);
        flags.extend(claim.warnings.iter().map(|warning| match warning {
            ClaimWarning::NeverCharged => PriorFlag::InsufficientHistory,
            ClaimWarning::ChargedTooShortly => PriorFlag::ReferenceTooShort,
            ClaimWarning::OfferLongerThanReference => PriorFlag::OfferLongerThanReference,
            ClaimWarning::ReferenceTooOld => PriorFlag::ReferenceTooOld,
            ClaimWarning::NotTheRegularPrice => PriorFlag::NotTheRegularPrice,
        }));
        measured = Some(claim);
    }
    let judged = judge(last.map(|live| live.price), None, flags, reduction, rules, zone);
    PriorPrice { required: false, claim: measured, ..judged }
}

/// The first local midnight, at most one window from now, from which a reduction to the same price could claim more.
#[must_use]
pub fn better_from(
    history: &[LivePrice],
    reduction: &Reduction,
    rules: &PriorRules,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let now = prior_price(history, reduction, rules, zone);
    let today = reduction.start.to_zoned(zone.clone()).date();
    for days in 1..=rules.window_days.saturating_add(1) {
        let day = today.checked_add(i64::from(days).days()).ok()?;
        let start = day.to_zoned(zone.clone()).ok()?.timestamp();
        let later = prior_price(history, &Reduction { start, ..reduction.clone() }, rules, zone);
        if later.announce == Some(true) && later.max_percent > now.max_percent {
            return Some(start);
        }
    }
    None
}

fn exempt(announce: Option<bool>, flag: PriorFlag) -> PriorPrice {
    let flags = vec![flag];
    PriorPrice { required: false, prior: None, announce, max_percent: None, window_start: None, flags, claim: None }
}

/// Prices that the reduction's buyers could have had, in its currency, oldest first.
fn prices_for(history: &[LivePrice], reduction: &Reduction) -> Vec<LivePrice> {
    let counts = |live: &&LivePrice| {
        reduction.audience.could_have(live.audience) && live.price.currency() == reduction.price.currency()
    };
    let mut public: Vec<LivePrice> = history.iter().filter(counts).copied().collect();
    public.sort_by_key(|live| (live.from, live.price.amount()));
    public
}

fn midnight_before(start: Timestamp, days: u32, zone: &TimeZone) -> Option<Timestamp> {
    let day = start.to_zoned(zone.clone()).date().checked_sub(i64::from(days).days()).ok()?;
    Some(day.to_zoned(zone.clone()).ok()?.timestamp())
}

/// Days between two instants by the local calendar.
pub(super) fn calendar_days(from: Timestamp, until: Timestamp, zone: &TimeZone) -> i64 {
    let date = |instant: Timestamp| instant.to_zoned(zone.clone()).date();
    date(from).until(date(until)).map_or(0, |span| i64::from(span.get_days()))
}

fn judge(
    prior: Option<WirePrice>,
    window_start: Option<Timestamp>,
    mut flags: Vec<PriorFlag>,
    reduction: &Reduction,
    rules: &PriorRules,
    zone: &TimeZone,
) -> PriorPrice {
    let percent = prior.and_then(|prior| discount_percent(prior, reduction.price));
    match prior {
        None => flags.push(PriorFlag::InsufficientHistory),
        Some(_) if percent.is_none() => flags.push(PriorFlag::NotAReduction),
        Some(_) => {
            let days = reduction.end.map(|end| calendar_days(reduction.start, end, zone));
            if rules.guideline_days.zip(days).is_some_and(|(most, days)| days > i64::from(most)) {
                flags.push(PriorFlag::OfferLongerThanGuideline);
            }
        }
    }
    flags.sort_unstable();
    let announce = Some(percent.is_some());
    PriorPrice { required: true, prior, announce, max_percent: percent, window_start, flags, claim: None }
}

/// The reduction in whole percent, rounded down (RP8); none if the new price is not below the prior price.
fn discount_percent(prior: WirePrice, new: WirePrice) -> Option<u32> {
    if new.amount() >= prior.amount() || !prior.is_positive() {
        return None;
    }
    let saved = prior.amount().checked_sub(new.amount())?;
    let percent = saved.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(prior.amount())?;
    u32::try_from(percent.round_dp_with_strategy(0, CEILING)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::prior_rules::zone_of;
    use crate::decide::prior_table::of_country;
    use crate::money::Currency;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn live(from: &str, until: Option<&str>, minor: i64) -> LivePrice {
        let price = WirePrice::from_minor(minor, Currency::DKK);
        LivePrice { from: at(from), until: until.map(at), price, audience: Audience::Public }
    }

    fn reduction(start: &str, minor: i64) -> Reduction {
        Reduction {
            start: at(start),
            end: None,
            price: WirePrice::from_minor(minor, Currency::DKK),
            audience: Audience::Public,
            perishable: false,
            earlier_steps: Vec::new(),
        }
    }

    #[test]
    fn a_price_that_may_have_been_live_counts() {
        let zone = zone_of("DK").unwrap().0;
        let history = [
            live("2026-06-01T00:00:00+02:00", None, 19_900),
            live("2026-11-10T10:00:00+01:00", Some("2026-11-10T10:05:00+01:00"), 9_900),
        ];
        let prior = prior_price(&history, &reduction("2026-11-27T00:00:00+01:00", 14_900), &of_country("DK"), &zone);
        assert_eq!(prior.prior.unwrap().minor().unwrap(), 9_900);
        assert_eq!(prior.announce, Some(false));
    }

    #[test]
    fn the_editor_is_told_when_a_low_price_leaves_the_window() {
        let zone = zone_of("DK").unwrap().0;
        let history = [
            live("2026-06-01T00:00:00+02:00", Some("2026-11-02T00:00:00+01:00"), 19_900),
            live("2026-11-02T00:00:00+01:00", Some("2026-11-09T00:00:00+01:00"), 14_900),
            live("2026-11-09T00:00:00+01:00", None, 19_900),
        ];
        let planned = reduction("2026-11-27T00:00:00+01:00", 14_900);
        let better = better_from(&history, &planned, &of_country("DK"), &zone).unwrap();
        assert_eq!(better, at("2026-12-09T00:00:00+01:00"));
    }

    #[test]
    fn flags_are_declared_in_the_order_of_their_text() {
        let all = [
            PriorFlag::CampaignTooLong,
            PriorFlag::IndividualReductionExempt,
            PriorFlag::InsufficientHistory,
            PriorFlag::NewArrivalSinceStart,
            PriorFlag::NotAReduction,
            PriorFlag::NotTheRegularPrice,
            PriorFlag::OfferLongerThanGuideline,
            PriorFlag::OfferLongerThanReference,
            PriorFlag::Perishable14d,
            PriorFlag::PerishableExempt,
            PriorFlag::PerishablePriceBeforeFirstReduction,
            PriorFlag::PerishableWindow,
            PriorFlag::Progressive,
            PriorFlag::ProgressiveBroken,
            PriorFlag::ProgressiveNotAvailable,
            PriorFlag::ReferenceTooOld,
            PriorFlag::ReferenceTooShort,
        ];
        let texts: Vec<String> = all.iter().map(|flag| serde_json::to_string(flag).unwrap()).collect();
        // Quotes would sort between letters, so they are taken off before comparing.
        let texts: Vec<&str> = texts.iter().map(|text| text.trim_matches('"')).collect();
        assert!(texts.is_sorted() && all.is_sorted(), "{texts:?}");
    }
}
