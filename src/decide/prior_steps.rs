//! Progressive reductions: whether the price before the first step of a campaign is still the reference of this one.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::decide::prior::{LivePrice, PriorFlag, Reduction, calendar_days};
use crate::decide::prior_rules::{PriorRules, Progressive};

/// A price that changes later than this after a step was not changed by it; feeds take up to a day.
const MOST_LATE_H: i64 = 24;

/// When the first step of the same campaign went live; none if this reduction is the first.
pub(super) fn first_step(reduction: &Reduction) -> Option<Timestamp> {
    reduction.earlier_steps.iter().copied().filter(|step| *step < reduction.start).min()
}

/// The instant before which prices count: the start, or the first step of an unbroken progressive reduction.
pub(super) fn window_end(
    public: &[LivePrice],
    reduction: &Reduction,
    rules: &PriorRules,
    zone: &TimeZone,
    flags: &mut Vec<PriorFlag>,
) -> Timestamp {
    let Some(first) = first_step(reduction) else { return reduction.start };
    let most_days = match rules.progressive {
        Progressive::Never => {
            flags.push(PriorFlag::ProgressiveNotAvailable);
            return reduction.start;
        }
        Progressive::Always => None,
        Progressive::UpToDays(days) => Some(days),
    };
    let length = calendar_days(first, reduction.start, zone);
    if most_days.is_some_and(|most| length > i64::from(most)) {
        flags.extend([PriorFlag::CampaignTooLong, PriorFlag::ProgressiveBroken]);
        return reduction.start;
    }
    if steps_unbroken(public, reduction) {
        flags.push(PriorFlag::Progressive);
        return first;
    }
    flags.push(PriorFlag::ProgressiveBroken);
    reduction.start
}

/// Whether the price only fell from step to step, without a pause, a rise or any other change up to the new start.
///
/// A step owns the first change within a day of it and before the next step: pushes and slow channels take their time.
/// While it is not certain which price customers saw, spans overlap; that is no pause.
fn steps_unbroken(public: &[LivePrice], reduction: &Reduction) -> bool {
    let mut steps: Vec<Timestamp> =
        reduction.earlier_steps.iter().copied().filter(|step| *step < reduction.start).collect();
    steps.sort_unstable();
    steps.dedup();
    let Some(first) = steps.first().copied() else { return false };
    let public = merged(public);
    let changes: Vec<&LivePrice> =
        public.iter().filter(|live| live.from >= first && live.from < reduction.start).collect();
    let ends = steps.iter().skip(1).copied().chain([reduction.start]);
    let owned = |((live, step), end): ((&&LivePrice, &Timestamp), Timestamp)| {
        let late = SignedDuration::from_hours(MOST_LATE_H);
        live.from >= *step && live.from < end && live.from.duration_since(*step) <= late
    };
    if changes.len() != steps.len() || !changes.iter().zip(&steps).zip(ends).all(owned) {
        return false;
    }
    let mut previous = public.iter().rfind(|live| live.from < first);
    for live in changes {
        let follows = previous.is_some_and(|previous| {
            previous.price.amount() > live.price.amount() && previous.until.is_none_or(|until| until >= live.from)
        });
        if !follows {
            return false;
        }
        previous = Some(live);
    }
    previous.is_some_and(|last| {
        last.price.amount() > reduction.price.amount() && last.until.is_none_or(|until| until >= reduction.start)
    })
}

/// Spans of one price that touch or overlap as one; a price is recorded again when it is surer than before.
fn merged(public: &[LivePrice]) -> Vec<LivePrice> {
    let mut merged: Vec<LivePrice> = Vec::with_capacity(public.len());
    for live in public {
        let touches =
            |known: &&mut LivePrice| known.price == live.price && known.until.is_none_or(|until| until >= live.from);
        match merged.iter_mut().find(touches) {
            Some(known) => known.until = known.until.zip(live.until).map(|(known, until)| known.max(until)),
            None => merged.push(*live),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::prior::{Audience, prior_price};
    use crate::decide::prior_rules::zone_of;
    use crate::decide::prior_table::of_country;
    use crate::money::{Currency, WirePrice};

    fn live(from: &str, until: Option<&str>, minor: i64) -> LivePrice {
        let at = |text: &str| text.parse().unwrap();
        let price = WirePrice::from_minor(minor, Currency::DKK);
        LivePrice { from: at(from), until: until.map(at), price, audience: Audience::Public }
    }

    fn next_step(history: &[LivePrice]) -> (Option<i64>, Vec<PriorFlag>) {
        let reduction = Reduction {
            start: "2026-11-09T00:00:00+01:00".parse().unwrap(),
            end: None,
            price: WirePrice::from_minor(70_000, Currency::DKK),
            audience: Audience::Public,
            perishable: false,
            earlier_steps: vec!["2026-11-02T00:00:00+01:00".parse().unwrap()],
        };
        let prior = prior_price(history, &reduction, &of_country("DK"), &zone_of("DK").unwrap().0);
        (prior.prior.map(|prior| prior.minor().unwrap()), prior.flags)
    }

    #[test]
    fn a_price_recorded_twice_is_one_step() {
        // The old price stays possible until the new one is proved, and each grade of certainty is a record.
        let history = [
            live("2026-05-01T00:00:00+02:00", Some("2026-11-02T00:00:07+01:00"), 100_000),
            live("2026-11-02T00:00:01+01:00", None, 80_000),
            live("2026-11-02T00:00:02+01:00", None, 80_000),
            live("2026-11-02T00:00:07+01:00", None, 80_000),
        ];
        assert_eq!(next_step(&history), (Some(100_000), vec![PriorFlag::Progressive]));
    }

    #[test]
    fn another_price_in_between_breaks_the_chain() {
        let history = [
            live("2026-05-01T00:00:00+02:00", Some("2026-11-02T00:00:00+01:00"), 100_000),
            live("2026-11-02T00:00:00+01:00", Some("2026-11-05T00:00:00+01:00"), 80_000),
            live("2026-11-05T00:00:00+01:00", None, 79_000),
        ];
        assert_eq!(next_step(&history), (Some(79_000), vec![PriorFlag::ProgressiveBroken]));
    }
}
