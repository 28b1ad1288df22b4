//! Ends given on the command line.

use crate::clock::Millis;
use crate::config::Span;

/// Reads `7d`, `90m` (from now on) or an instant such as `2026-12-01T00:00:00+01:00`; it must lie ahead.
///
/// # Errors
/// What is wrong with the text, with a hint.
pub fn until(text: &str, now: Millis) -> Result<Millis, String> {
    let at = match Span::try_from(text.to_owned()) {
        Ok(span) => now.plus(span.0),
        Err(_) => text.parse::<jiff::Timestamp>().map(Millis::from).map_err(|_| {
            format!("`{text}` is neither a span nor an instant\nhint: `7d`, `12h` or `2026-12-01T00:00:00+01:00`")
        })?,
    };
    if at > now { Ok(at) } else { Err(format!("`{text}` is over already\nhint: give an end that lies ahead")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_instants_are_read_and_the_past_is_refused() {
        let now = Millis(1_800_000_000_000);
        assert_eq!(until("7d", now).unwrap(), now.plus(7 * Millis::DAY));
        assert_eq!(until("2027-01-15T10:00:00+01:00", now).unwrap(), now.plus(Millis::HOUR));
        assert!(until("2026-01-01T00:00:00Z", now).unwrap_err().contains("over already"));
        assert!(until("0s", now).unwrap_err().contains("over already"));
        assert!(until("soon", now).unwrap_err().contains("hint"));
    }
}
