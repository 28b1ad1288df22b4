//! What can be said for a "was" price where the law names no number of days: the numbers, and warnings by house rules.
//!
//! United Kingdom: unfair-practice law with the CTSI guidance, case by case. United States: 16 CFR 233.1. Nothing here
//! forbids a claim; it says how well the history supports it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::clock::Millis;
use crate::decide::prior::LivePrice;
use crate::decide::prior_rules::Kind;
use crate::money::{Decimal, WirePrice};

/// House checks; older UK advice names 28 days and six months.
const LEAST_DAYS: i64 = 28;
const MOST_AGE_DAYS: i64 = 183;
const SHARE_WINDOW_DAYS: i64 = 90;
const LEAST_SHARE_PCT: i64 = 30;

/// How well a "was" price is supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceClaim {
    /// Whole days of the most recent uninterrupted time at exactly this price.
    pub days_at_reference: i64,
    /// Percent of the last 90 days at this price, rounded down.
    pub share_of_last_90_days: i64,
    /// Planned days of the offer; none without an end.
    pub offer_days: Option<i64>,
    /// Days since the price was last charged; none if it never was.
    pub age_of_reference: Option<i64>,
    pub warnings: Vec<ClaimWarning>,
}

/// Why a claim may be found misleading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimWarning {
    NeverCharged,
    ChargedTooShortly,
    OfferLongerThanReference,
    ReferenceTooOld,
    NotTheRegularPrice,
}

/// Measures a claimed former price against the prices of a channel that its buyers could have had before `start`.
#[must_use]
pub fn reference_claim(
    history: &[LivePrice],
    reference: WirePrice,
    start: Timestamp,
    end: Option<Timestamp>,
    kind: Kind,
    zone: &TimeZone,
) -> ReferenceClaim {
    // Days are those of the calendar: by the clock on the wall, a day with a change of the hour is a day.
    let wall = |instant: Timestamp| Millis::from(civil_utc(instant, zone));
    let now = wall(start);
    let spans: Vec<(Millis, Millis)> = history
        .iter()
        .filter(|live| live.price == reference && live.from < start)
        .map(|live| (wall(live.from), live.until.map_or(now, |until| wall(until.min(start)))))
        .collect();
    let days = |ms: i64| ms / Millis::DAY;
    let days_at_reference = days(latest_ms(&spans));
    let opens = now.plus(-SHARE_WINDOW_DAYS * Millis::DAY);
    let charged_ms: i64 = spans.iter().map(|(from, until)| until.since((*from).max(opens)).max(0)).sum();
    let share = Decimal::from(charged_ms) * Decimal::ONE_HUNDRED / Decimal::from(SHARE_WINDOW_DAYS * Millis::DAY);
    let claim = ReferenceClaim {
        days_at_reference,
        share_of_last_90_days: i64::try_from(share.trunc()).unwrap_or(0).min(100),
        offer_days: end.map(|end| days(wall(end).since(now))),
        age_of_reference: spans.iter().map(|(_, until)| days(now.since(*until))).min(),
        warnings: Vec::new(),
    };
    ReferenceClaim { warnings: warnings(&claim, kind), ..claim }
}

/// The wall clock of a zone, read as if it were that of UTC.
fn civil_utc(instant: Timestamp, zone: &TimeZone) -> Timestamp {
    let wall = instant.to_zoned(zone.clone()).datetime().to_zoned(TimeZone::UTC);
    wall.map_or(instant, |wall| wall.timestamp())
}

/// How long the run lasted that ended last; spans that touch or overlap are one run.
fn latest_ms(spans: &[(Millis, Millis)]) -> i64 {
    let mut sorted = spans.to_vec();
    sorted.sort_unstable();
    let mut current: Option<(Millis, Millis)> = None;
    for (from, until) in sorted {
        current = match current {
            Some((start, end)) if from <= end => Some((start, end.max(until))),
            _ => Some((from, until)),
        };
    }
    current.map_or(0, |(start, end)| end.since(start))
}

fn warnings(claim: &ReferenceClaim, kind: Kind) -> Vec<ClaimWarning> {
    let mut warnings = Vec::new();
    let Some(age) = claim.age_of_reference else { return vec![ClaimWarning::NeverCharged] };
    if kind == Kind::UnitedKingdom {
        if claim.days_at_reference < LEAST_DAYS {
            warnings.push(ClaimWarning::ChargedTooShortly);
        }
        if claim.offer_days.is_some_and(|days| days > claim.days_at_reference) {
            warnings.push(ClaimWarning::OfferLongerThanReference);
        }
        if age > MOST_AGE_DAYS {
            warnings.push(ClaimWarning::ReferenceTooOld);
        }
    }
    if kind == Kind::UnitedStates && claim.share_of_last_90_days < LEAST_SHARE_PCT {
        warnings.push(ClaimWarning::NotTheRegularPrice);
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::prior::Audience;
    use crate::money::Currency;

    fn live(from: &str, until: &str, minor: i64) -> LivePrice {
        LivePrice {
            from: from.parse().unwrap(),
            until: Some(until.parse().unwrap()),
            price: WirePrice::from_minor(minor, Currency::GBP),
            audience: Audience::Public,
        }
    }

    #[test]
    fn a_short_spike_supports_no_claim() {
        let history = [
            live("2026-01-01T00:00:00Z", "2026-11-01T00:00:00Z", 7_900),
            live("2026-11-01T00:00:00Z", "2026-11-15T00:00:00Z", 9_900),
        ];
        let start = "2026-11-15T00:00:00Z".parse().unwrap();
        let end = Some("2026-12-24T00:00:00Z".parse().unwrap());
        let spike = WirePrice::from_minor(9_900, Currency::GBP);
        let claim = reference_claim(&history, spike, start, end, Kind::UnitedKingdom, &TimeZone::UTC);
        assert_eq!((claim.days_at_reference, claim.share_of_last_90_days, claim.offer_days), (14, 15, Some(39)));
        assert_eq!(claim.warnings, [ClaimWarning::ChargedTooShortly, ClaimWarning::OfferLongerThanReference]);
        let american = reference_claim(&history, spike, start, end, Kind::UnitedStates, &TimeZone::UTC);
        assert_eq!(american.warnings, [ClaimWarning::NotTheRegularPrice]);
        let regular = WirePrice::from_minor(7_900, Currency::GBP);
        let regular = reference_claim(&history, regular, start, None, Kind::UnitedKingdom, &TimeZone::UTC);
        assert!(regular.warnings.is_empty());
    }

    #[test]
    fn the_latest_run_counts_and_days_are_those_of_the_calendar() {
        let history = [
            live("2026-01-01T00:00:00Z", "2026-02-15T00:00:00Z", 19_900),
            live("2026-02-15T00:00:00Z", "2026-03-15T00:00:00Z", 14_900),
            // The hour that March takes away is no reason to lose the 28th day.
            live("2026-03-15T00:00:00Z", "2026-04-11T23:00:00Z", 19_900),
        ];
        let start = "2026-04-12T00:00:00+01:00".parse().unwrap();
        let london = TimeZone::get("Europe/London").unwrap();
        let price = WirePrice::from_minor(19_900, Currency::GBP);
        let claim = reference_claim(&history, price, start, None, Kind::UnitedKingdom, &london);
        assert_eq!((claim.days_at_reference, claim.warnings), (28, vec![]));
    }
}
