//! Progressive reductions: whether the price before the first step of a campaign is still the reference of this one.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decide::prior::{LivePrice, PriorFlag, Reduction, calendar_days};
use crate::decide::prior_rules::{PriorRules, Progressive};

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
fn steps_unbroken(public: &[LivePrice], reduction: &Reduction) -> bool {
    let mut steps: Vec<Timestamp> =
        reduction.earlier_steps.iter().copied().filter(|step| *step < reduction.start).collect();
    steps.sort_unstable();
    steps.dedup();
    let Some(first) = steps.first().copied() else { return false };
    let within = public.iter().filter(|live| live.from >= first && live.from < reduction.start);
    let changes: Vec<&LivePrice> = within.collect();
    if changes.len() != steps.len() || !changes.iter().zip(&steps).all(|(live, step)| live.from == *step) {
        return false;
    }
    let mut previous = public.iter().rfind(|live| live.from < first).copied();
    for live in changes {
        let follows = previous.is_some_and(|previous| {
            previous.price.minor() > live.price.minor() && previous.until.is_none_or(|until| until == live.from)
        });
        if !follows {
            return false;
        }
        previous = Some(*live);
    }
    previous.is_some_and(|last| {
        last.price.minor() > reduction.price.minor() && last.until.is_none_or(|until| until >= reduction.start)
    })
}
