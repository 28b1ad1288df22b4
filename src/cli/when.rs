//! Times given on the command line: spans, days and instants.

use jiff::civil::{Date, DateTime};

use crate::clock::Millis;
use crate::config::Span;
use crate::decide::text::Zone;

/// What every form of an end is, for hints.
const ENDS: &str = "hint: `7d`, `12h`, a day such as `2026-12-01` (to its end), `2026-12-01T09:00` (by the clocks there), or `2026-12-01T09:00+01:00`";

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
    day(text).map_or_else(|| instant(text, zone), |day| zone.begins(day).map(Millis::from))
}

/// The first moment after a day in a zone, or an instant; none for anything else.
#[must_use]
pub fn end(text: &str, zone: &Zone) -> Option<Millis> {
    day(text).map_or_else(|| instant(text, zone), |day| zone.ends(day).map(Millis::from))
}

/// The last millisecond that a text stands for. Instants are printed to the second: one that is typed as it was printed means
/// the whole second, so that it finds what happened within it.
#[must_use]
pub fn last_of(text: &str, at: Millis) -> Millis {
    if text.contains('.') || day(text).is_some() { at } else { at.plus(Millis::SECOND - 1) }
}

/// A text with every instant in it (`2026-12-01T09:00:00Z`, as all stored texts have them, or `2026-12-01T09:00:00.120Z`) as
/// the clocks of a zone show it, with their offset from UTC, so that it can be typed as it stands.
#[must_use]
pub fn local(text: &str, zone: &Zone) -> String {
    const FORMS: [(usize, &str); 2] = [
        ("2026-12-01T09:00:00.120Z".len(), "%Y-%m-%dT%H:%M:%S%.3f%:z"),
        ("2026-12-01T09:00:00Z".len(), "%Y-%m-%dT%H:%M:%S%:z"),
    ];
    let (mut out, mut rest) = (String::with_capacity(text.len() + 64), text);
    while let Some(end) = rest.find('Z').map(|at| at + 1) {
        let (head, tail) = rest.split_at(end);
        let found = FORMS.into_iter().find_map(|(length, form)| {
            let at = end.checked_sub(length)?;
            Some((head.get(..at)?, absolute(head.get(at..)?)?, form))
        });
        match found {
            Some((before, at, form)) => {
                out.push_str(before);
                let shown = at.timestamp().to_zoned(zone.0.clone());
                out.push_str(&shown.strftime(form).to_string());
            }
            None => out.push_str(head),
        }
        rest = tail;
    }
    out + rest
}

/// A text that is a day and nothing more: the parser would drop the time of an instant.
fn day(text: &str) -> Option<Date> {
    const DAY: usize = "2026-12-01".len();
    (text.len() == DAY).then(|| text.parse().ok()).flatten()
}

/// An instant with an offset, or by the clocks of a zone; seconds may be left out. The hour that comes twice when clocks are
/// put back is its first.
fn instant(text: &str, zone: &Zone) -> Option<Millis> {
    absolute(text).or_else(|| {
        let (between, time) = (text.get(10..11)?, text.get(11..)?);
        // The parser would pass over an offset that makes no sense, and over a zone.
        let by_clocks = matches!(between, "T" | " ") && time.chars().all(|c| c.is_ascii_digit() || c == ':');
        let clocks: DateTime = by_clocks.then(|| text.parse().ok()).flatten()?;
        clocks.to_zoned(zone.0.clone()).ok().map(|at| at.timestamp().into())
    })
}

fn absolute(text: &str) -> Option<Millis> {
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
        for short in [
            "2027-01-15T10:00",
            "2027-01-15 10:00",
            "2027-01-15T10:00:00",
            "2027-01-15T09:00Z",
            "2027-01-15T10:00+01:00",
        ] {
            assert_eq!(until(short).unwrap(), now.plus(Millis::HOUR), "{short}");
        }
        // Clocks are put back: half past two comes twice.
        assert_eq!(begin("2027-10-31T02:30", &zone), begin("2027-10-31T02:30+02:00", &zone));
        for wrong in [
            "soon",
            "2027-02-30",
            "15.01.2027",
            "2027-01-15T",
            "2027-01-15T25:00",
            "2027-01-15T10:00+99:00",
            "2027-01-15T10:00[Nowhere/Else]",
        ] {
            assert!(until(wrong).unwrap_err().contains("hint"), "{wrong}");
        }
        assert_eq!(begin("2027-01-15", &zone), Some(now.plus(-9 * Millis::HOUR)));
        assert_eq!((begin("today", &zone), end("today", &zone)), (None, None));
        let second = now.plus(Millis::SECOND - 1);
        assert_eq!(last_of("2027-01-15T09:00:00+01:00", now), second, "as it is printed");
        assert_eq!(last_of("2027-01-15T09:00:00.000+01:00", now), now, "as exactly as it is typed");
    }

    #[test]
    fn instants_in_a_text_are_told_by_the_clocks_of_a_zone_and_nothing_else_is_touched() {
        let zone = Zone::parse("Europe/Copenhagen").unwrap();
        let told = local("ZZ from 2026-07-01T10:00:00Z until 2026-12-01T23:30:00Z: æZ 12-01T23:30:00Z", &zone);
        let expected = "ZZ from 2026-07-01T12:00:00+02:00 until 2026-12-02T00:30:00+01:00: æZ 12-01T23:30:00Z";
        assert_eq!(told, expected);
        for (at, _) in told.match_indices("20") {
            let Some(text) = told.get(at..at + "2026-07-01T12:00:00+02:00".len()) else { continue };
            assert!(end(text, &zone).is_some(), "{text} can be typed again");
        }
        let exact = local("at 2026-07-01T10:00:00.120Z or 2026-07-01T10:00:00.000Z", &zone);
        assert_eq!(exact, "at 2026-07-01T12:00:00.120+02:00 or 2026-07-01T12:00:00.000+02:00");
        assert_eq!(local("æøå2026-12-01T23:30:00", &zone), "æøå2026-12-01T23:30:00");
    }
}
