//! When a page is checked next, and when a digest is due: cron in local time, or plain intervals with an offset.
//!
//! The `cron` crate steps through plain local times; mapping them to instants is done here: a time in the gap of a
//! daylight-saving change runs once, at the first instant after the gap; a time in the overlap runs once; interval
//! patterns (`*/30`) run in both hours of the overlap, in order.

use std::str::FromStr as _;

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::clock::Millis;

/// Hits of one pattern that are looked at before it counts as one that never happens.
const SEARCH_YEARS: i16 = 8;

/// A schedule: a pattern in a time zone, or an interval.
#[derive(Debug, Clone)]
pub struct Schedule(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Every(i64),
    Cron { pattern: Box<cron::Schedule>, zone: TimeZone, every_hour: bool },
}

impl Schedule {
    /// Every so many milliseconds.
    #[must_use]
    pub const fn every(milliseconds: i64) -> Self {
        Self(Kind::Every(milliseconds))
    }

    /// Five cron fields in a time zone.
    ///
    /// # Errors
    /// A text, ready for a person: not five fields, numeric days of the week (the crate counts Sunday as 1, everybody
    /// else as 0), a day of the month together with a day of the week (the crate demands both, Vixie cron either), an
    /// unknown zone, or a pattern that never happens.
    pub fn cron(text: &str, zone: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [_, hours, days, _, weekdays] = fields[..] else {
            return Err(format!("`{text}` has {} fields where cron has 5", fields.len()));
        };
        if weekdays.bytes().any(|b| b.is_ascii_digit()) && !weekdays.starts_with("*/") {
            return Err(format!(
                "`{weekdays}`: write days of the week by name (MON..SUN), their numbers differ between crons"
            ));
        }
        if days != "*" && weekdays != "*" && weekdays != "?" && days != "?" {
            return Err(format!(
                "`{text}` restricts both the day of the month and the day of the week; crons disagree what that means"
            ));
        }
        let zone = TimeZone::get(zone).map_err(|_| format!("`{zone}` is not a time zone that is known here"))?;
        // The crate says "less than" of the last value that is allowed.
        let told = |why: cron::error::Error| why.to_string().replace("must be less than", "must be at most");
        let pattern = cron::Schedule::from_str(&format!("0 {text}")).map_err(|e| format!("`{text}`: {}", told(e)))?;
        let schedule = Self(Kind::Cron { pattern: Box::new(pattern), zone, every_hour: hours.starts_with('*') });
        let start = Millis(1_767_225_600_000);
        schedule
            .after(start)
            .map(|_| schedule)
            .ok_or_else(|| format!("`{text}` does not happen in {SEARCH_YEARS} years"))
    }

    /// The first instant strictly after `now` at which the schedule fires; `None` if it never does.
    #[must_use]
    pub fn after(&self, now: Millis) -> Option<Millis> {
        match &self.0 {
            Kind::Every(interval) => Some(now.plus(*interval)),
            Kind::Cron { pattern, zone, every_hour } => cron_after(pattern, zone, *every_hour, now),
        }
    }

    /// The newest instant at or before `now` at which it fired: after downtime only the latest run counts.
    #[must_use]
    pub fn latest(&self, now: Millis) -> Option<Millis> {
        let mut back = Millis::HOUR;
        while back <= 400 * Millis::DAY {
            let mut found = None;
            let mut at = self.after(now.plus(-back))?;
            while at <= now {
                found = Some(at);
                at = self.after(at)?;
            }
            if found.is_some() {
                return found;
            }
            back *= 6;
        }
        None
    }

    /// The next check of one page: an interval keeps each page's own fixed offset, so that a catalogue imported at
    /// once is not asked for at once for ever.
    #[must_use]
    pub fn next_check(&self, page: i64, now: Millis) -> Millis {
        match &self.0 {
            Kind::Every(interval) => {
                let offset = scatter(page).rem_euclid((*interval).max(1));
                let elapsed = (now.0 - offset).rem_euclid((*interval).max(1));
                let next = now.plus(interval - elapsed);
                // The slot that begins at once belongs to the check that just ran.
                if next.since(now) < interval / 2 { next.plus(*interval) } else { next }
            }
            Kind::Cron { .. } => self.after(now).unwrap_or_else(|| now.plus(Millis::DAY)),
        }
    }

    /// Milliseconds between two runs, or the widest of the next few gaps of a pattern.
    #[must_use]
    pub fn interval(&self, now: Millis) -> i64 {
        match &self.0 {
            Kind::Every(interval) => *interval,
            Kind::Cron { .. } => {
                let mut widest = 0;
                let mut at = now;
                for _ in 0..16 {
                    let Some(next) = self.after(at) else { break };
                    if at != now {
                        widest = widest.max(next.since(at));
                    }
                    at = next;
                }
                widest
            }
        }
    }
}

/// A fixed, well spread number for an id (the finaliser of splitmix64).
fn scatter(id: i64) -> i64 {
    let mut x = id.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)).cast_signed().saturating_abs()
}

fn cron_after(pattern: &cron::Schedule, zone: &TimeZone, every_hour: bool, now: Millis) -> Option<Millis> {
    // Two hours back: a local time of the overlap's second pass, or one moved out of a gap, can still lie ahead.
    let local = zone.to_datetime(now.timestamp());
    let start = local.checked_sub(jiff::Span::new().hours(2)).ok()?;
    let limit = local.year().saturating_add(SEARCH_YEARS);
    let mut best: Option<Millis> = None;
    for hit in hits(pattern, start) {
        if hit.year() > limit {
            break;
        }
        let found = instants(zone, hit, every_hour);
        // In an overlap a later local time can be an earlier instant; past that, nothing earlier follows.
        if !found.is_empty() && best.is_some_and(|best| found.iter().all(|at| *at >= best)) {
            break;
        }
        best = found.into_iter().filter(|at| *at > now).chain(best).min();
    }
    best
}

/// Local hits of the pattern from `start` on, as if the local calendar had no clock changes.
fn hits(pattern: &cron::Schedule, start: civil::DateTime) -> impl Iterator<Item = civil::DateTime> + '_ {
    let naive = chrono_naive(start);
    naive.into_iter().flat_map(move |from| pattern.after_owned(from)).filter_map(|hit| {
        use chrono::{Datelike as _, Timelike as _};
        civil::DateTime::new(
            i16::try_from(hit.year()).ok()?,
            i8::try_from(hit.month()).ok()?,
            i8::try_from(hit.day()).ok()?,
            i8::try_from(hit.hour()).ok()?,
            i8::try_from(hit.minute()).ok()?,
            0,
            0,
        )
        .ok()
    })
}

/// The crate wants chrono's types; UTC there stands for a calendar without clock changes.
fn chrono_naive(at: civil::DateTime) -> Option<chrono::DateTime<chrono::Utc>> {
    let date = chrono::NaiveDate::from_ymd_opt(
        at.year().into(),
        at.month().unsigned_abs().into(),
        at.day().unsigned_abs().into(),
    )?;
    let time = date.and_hms_opt(
        at.hour().unsigned_abs().into(),
        at.minute().unsigned_abs().into(),
        at.second().unsigned_abs().into(),
    )?;
    Some(time.and_utc())
}

/// The instants of a local time: one, the end of a gap, or in an overlap the first (both for hourly patterns).
fn instants(zone: &TimeZone, local: civil::DateTime, every_hour: bool) -> Vec<Millis> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let found = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => vec![offset.to_timestamp(local)],
        // A gap has no such local time for hourly patterns either: the hour does not exist, its neighbours do.
        AmbiguousOffset::Gap { .. } if every_hour => vec![],
        AmbiguousOffset::Gap { before, .. } => {
            let inside = before.to_timestamp(local);
            vec![inside.map(|at| gap_end(zone, at))]
        }
        AmbiguousOffset::Fold { before, after } if every_hour => {
            vec![before.to_timestamp(local), after.to_timestamp(local)]
        }
        AmbiguousOffset::Fold { before, .. } => vec![before.to_timestamp(local)],
    };
    found.into_iter().flatten().map(Millis::from).collect()
}

/// The transition that swallowed a local time: the first valid instant after the gap.
fn gap_end(zone: &TimeZone, inside: jiff::Timestamp) -> jiff::Timestamp {
    zone.preceding(inside).next().map_or(inside, |transition| transition.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn a_time_in_the_gap_runs_once_at_its_end() {
        let schedule = Schedule::cron("30 2 * * *", "Europe/Berlin").unwrap();
        let first = schedule.after(at("2027-03-27T12:00:00Z")).unwrap();
        assert_eq!(first, at("2027-03-28T01:00:00Z"));
        assert_eq!(schedule.after(first).unwrap(), at("2027-03-29T00:30:00Z"));
    }

    #[test]
    fn a_time_in_the_overlap_runs_once_and_intervals_run_in_both_hours() {
        let daily = Schedule::cron("30 2 * * *", "Europe/Berlin").unwrap();
        let first = daily.after(at("2027-10-30T12:00:00Z")).unwrap();
        assert_eq!(first, at("2027-10-31T00:30:00Z"));
        assert_eq!(daily.after(first).unwrap(), at("2027-11-01T01:30:00Z"));
        let half_hours = Schedule::cron("*/30 * * * *", "Europe/Berlin").unwrap();
        let mut now = at("2027-10-30T23:45:00Z");
        for expected in ["2027-10-31T00:00:00Z", "2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z", "2027-10-31T01:30:00Z"]
        {
            now = half_hours.after(now).unwrap();
            assert_eq!(now, at(expected));
        }
    }

    #[test]
    fn what_would_surprise_is_refused() {
        for text in ["0 9 * * 5", "0 9 13 * FRI", "0 9 * *", "30 2 30 2 *", "nonsense"] {
            assert!(Schedule::cron(text, "UTC").is_err(), "{text}");
        }
        assert!(Schedule::cron("0 9 * * *", "Atlantis/Sea").is_err());
    }

    #[test]
    fn after_downtime_only_the_latest_run_counts() {
        let schedule = Schedule::cron("0 7 * * *", "Europe/Copenhagen").unwrap();
        assert_eq!(schedule.latest(at("2026-11-21T09:00:00Z")), Some(at("2026-11-21T06:00:00Z")));
        assert_eq!(schedule.latest(at("2026-11-21T05:59:00Z")), Some(at("2026-11-20T06:00:00Z")));
    }

    #[test]
    fn interval_checks_keep_their_offset_and_do_not_bunch() {
        let schedule = Schedule::every(6 * Millis::HOUR);
        let now = at("2026-11-21T09:00:00Z");
        let mut offsets = std::collections::BTreeSet::new();
        for page in 0..200 {
            let next = schedule.next_check(page, now);
            assert!(next.since(now) >= 3 * Millis::HOUR && next.since(now) <= 9 * Millis::HOUR);
            let again = schedule.next_check(page, next.plus(5));
            assert!((again.since(next) - 6 * Millis::HOUR).abs() <= 10, "page {page}");
            offsets.insert(next.0 / Millis::MINUTE);
        }
        assert!(offsets.len() > 100, "spread over {} minutes only", offsets.len());
    }
}
