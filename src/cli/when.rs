//! Times given on the command line: spans, days and instants.

use jiff::civil::Date;

use crate::clock::Millis;
use crate::config::Span;
use crate::decide::text::Zone;

/// What every form of an end is, for hints.
const ENDS: &str = "hint: `7d`, `12h`, a day such as `2026-12-01` (to its end), or `2026-12-01T00:00:00+01:00`";

/// Reads `7d`, `90m` (from now on), a day (its end in a zone) or an instant; it must lie ahead.
///
/// # Errors
/// What is wrong with the text, with a hint.
pub fn until(text: &str, zone: &Zone, now: Millis) -> Result<Millis, String> {
    let at = match Span::try_from(text.to_owned()) {
        Ok(span) => Some(now.plus(span.0)),
        Err(_) => end(text, zone),
    };
    let at = at.ok_or_else(|| format!("`{text}` is neither a span, a day nor an instant\n{ENDS}"))?;
    if at > now { Ok(at) } else { Err(format!("`{text}` is over already\nhint: give an end that lies ahead")) }
}

/// A day's first moment in a zone, or an instant; none for anything else.
#[must_use]
pub fn begin(text: &str, zone: &Zone) -> Option<Millis> {
    day(text).map_or_else(|| instant(text), |day| zone.begins(day).map(Millis::from))
}

/// The first moment after a day in a zone, or an instant; none for anything else.
#[must_use]
pub fn end(text: &str, zone: &Zone) -> Option<Millis> {
    day(text).map_or_else(|| instant(text), |day| zone.ends(day).map(Millis::from))
}

/// A text that is a day and nothing more: the parser would drop the time of an instant.
fn day(text: &str) -> Option<Date> {
    const DAY: usize = "2026-12-01".len();
    (text.len() == DAY).then(|| text.parse().ok()).flatten()
}

fn instant(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>().ok().map(Millis::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_days_and_instants_are_read_and_the_past_is_refused() {
        let now = Millis(1_800_000_000_000);
        let zone = Zone::parse("Europe/Copenhagen").unwrap();
        let until = |text: &str| until(text, &zone, now);
        assert_eq!(until("7d").unwrap(), now.plus(7 * Millis::DAY));
        assert_eq!(until("2027-01-15T10:00:00+01:00").unwrap(), now.plus(Millis::HOUR));
        // It is nine in the morning of that day.
        assert_eq!(until("2027-01-15").unwrap(), now.plus(15 * Millis::HOUR), "the day is still whole");
        assert!(until("2027-01-14").unwrap_err().contains("over already"));
        assert!(until("2026-01-01T00:00:00Z").unwrap_err().contains("over already"));
        assert!(until("0s").unwrap_err().contains("over already"));
        for wrong in ["soon", "2027-02-30", "2027-01-15T10:00", "15.01.2027"] {
            assert!(until(wrong).unwrap_err().contains("hint"), "{wrong}");
        }
        assert_eq!(begin("2027-01-15", &zone), Some(now.plus(-9 * Millis::HOUR)));
        assert_eq!((begin("today", &zone), end("today", &zone)), (None, None));
    }
}
