//! The days on which the euro payment system is open, and so on which the ECB publishes rates.
//!
//! Closed: Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// A longer gap than this is not counted day by day: everything is long expired by then.
const MOST_DAYS: u32 = 10_000;

/// Which working days publish nothing.
#[derive(Debug, Clone)]
pub enum ClosingDays {
    Target,
    /// A list in place of the rule, weekends always added.
    Listed(BTreeSet<Date>),
}

impl ClosingDays {
    #[must_use]
    pub const fn target() -> Self {
        Self::Target
    }

    #[must_use]
    pub fn is_open(&self, day: Date) -> bool {
        if matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            return false;
        }
        match self {
            Self::Listed(days) => !days.contains(&day),
            Self::Target => !is_target_holiday(day),
        }
    }

    /// The last open day before `day`.
    #[must_use]
    pub fn last_open_before(&self, day: Date) -> Date {
        let mut candidate = day.saturating_sub(1.day());
        for _ in 0..MOST_DAYS {
            if self.is_open(candidate) {
                break;
            }
            candidate = candidate.saturating_sub(1.day());
        }
        candidate
    }

    /// Open days in `(after, until]`, at most `MOST_DAYS`.
    #[must_use]
    pub fn open_days_after(&self, after: Date, until: Date) -> u32 {
        let mut count = 0;
        let mut day = until;
        while day > after && count < MOST_DAYS {
            count += u32::from(self.is_open(day));
            day = day.saturating_sub(1.day());
        }
        count
    }
}

fn is_target_holiday(day: Date) -> bool {
    let fixed = [(1, 1), (5, 1), (12, 25), (12, 26)];
    let easter = easter_sunday(day.year());
    fixed.contains(&(day.month(), day.day()))
        || day == easter.saturating_sub(2.days())
        || day == easter.saturating_add(1.day())
}

/// Easter Sunday of the Gregorian calendar, by Oudin's method of 1940, which needs whole numbers only.
fn easter_sunday(year: i16) -> Date {
    let y = i32::from(year);
    let century = y / 100;
    let golden = y % 19;
    let correction = century - century / 4 - (8 * century + 13) / 25;
    let epact = (19 * golden + correction + 15) % 30;
    let moon = epact - (epact / 28) * (1 - (epact / 28) * (29 / (epact + 1)) * ((21 - golden) / 11));
    let weekday = (y + y / 4 + moon + 2 - century + century / 4) % 7;
    let offset = moon - weekday;
    let month = 3 + (offset + 40) / 44;
    let day = offset + 28 - 31 * (month / 4);
    match (i8::try_from(month), i8::try_from(day)) {
        (Ok(month), Ok(day)) => date(year, month, day),
        _ => date(year, 4, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_is_where_the_church_calendar_has_it() {
        for (year, month, day) in
            [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2000, 4, 23), (1981, 4, 19)]
        {
            assert_eq!(easter_sunday(year), date(year, month, day), "{year}");
        }
    }

    #[test]
    fn holidays_and_weekends_are_closed() {
        let closing = ClosingDays::target();
        for day in [date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 12, 25), date(2026, 11, 21)] {
            assert!(!closing.is_open(day), "{day}");
        }
        assert_eq!(closing.last_open_before(date(2026, 4, 7)), date(2026, 4, 2));
        assert_eq!(closing.open_days_after(date(2026, 4, 2), date(2026, 4, 7)), 1);
    }
}
