//! Whether a number of a text counts, measures or scores something and is no amount of money.

use super::seen::Seen;
use super::words;

impl Seen<'_> {
    /// Whether the number counts or measures something else.
    pub(super) fn is_quantity(&self, any_marked: bool) -> bool {
        let after = self.lower[self.number.end..].trim_start();
        let before = self.lower[..self.number.start].trim_end();
        if after.starts_with('%') || after.starts_with("٪") || after.starts_with("percent") {
            return true;
        }
        // `£ (47 reviews)`: a sign whose amount is missing, and a count in brackets.
        let enclosed = self.text.get(self.from..self.number.start).is_some_and(|ahead| ahead.contains('('));
        if enclosed && words::is_quantity(after.split([' ', ',', ')', '.']).next().unwrap_or("")) {
            return true;
        }
        if self.mark.is_some() {
            return false;
        }
        let letter_behind = self.text[self.number.end..].starts_with(char::is_alphabetic);
        if any_marked || before.ends_with('%') || self.is_cents_alone() || (self.doubted && letter_behind) {
            return true;
        }
        let glued = before.ends_with(|c: char| c.is_alphabetic()) && !self.text[..self.number.start].ends_with(' ');
        if glued && !self.instalments() {
            return true;
        }
        // `1-3 Werktage`, `99+ på lager`: what the further number counts, the first one does too.
        let counted = match after.strip_prefix(['-', '–', '+']) {
            Some(rest) => rest.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start(),
            None => after,
        };
        let word: &str = counted.split([' ', ',', ')', '(']).next().unwrap_or("");
        words::is_quantity(word.trim_end_matches('.'))
            || self.counts_pieces(word.trim_end_matches('.'))
            || words::is_stock(counted)
            || self.multiplies(after)
            || self.is_time_or_count()
            || words::counts(before)
    }

    /// `3 Stück`, `4 pack`: a short number in front of a word for pieces, which none that means each of them is.
    fn counts_pieces(&self, word: &str) -> bool {
        let few = self.number.integer().is_some_and(|digits| digits.len() <= 2);
        few && !matches!(word, "each" | "ea") && words::PIECES.contains(&word)
    }

    /// `5 499 00`: two zeros that stand alone are cents, whatever they belong to.
    fn is_cents_alone(&self) -> bool {
        self.number.integer() == Some("00")
    }

    /// `36x99:-`, `3 for 2`, `4,7 (312)`: a count of what the next number says, or the score of so many reviews.
    fn multiplies(&self, after: &str) -> bool {
        let digit = |rest: &str| rest.trim_start().starts_with(|c: char| c.is_ascii_digit());
        let times = after.strip_prefix(['x', '×', 'х']).is_some_and(digit);
        let rated = after.strip_prefix('(').is_some_and(|rest| {
            rest.find(')').is_some_and(|end| end > 0 && rest[..end].bytes().all(|b| b.is_ascii_digit()))
        });
        let few = self.number.integer().is_some_and(|digits| digits.len() <= 2);
        let first_of = || words::FOR.iter().any(|word| after.strip_prefix(word).is_some_and(digit));
        let second_of = || {
            let before = self.lower[..self.number.start].trim_end_matches(' ');
            let ahead = words::FOR.iter().find_map(|word| before.strip_suffix(word.trim_end()));
            ahead.is_some_and(|ahead| ahead.trim_end().ends_with(|c: char| c.is_ascii_digit()))
                && self.lower[self.number.end..].trim().is_empty()
        };
        times || (rated && self.number.last_group() == 1) || few && (first_of() || second_of())
    }

    /// `12:30`, `24/7`, `(23)`: a time, a share or the number of reviews, where nothing says that it is money.
    fn is_time_or_count(&self) -> bool {
        let enclosed = self.text[..self.number.start].ends_with('(') && self.text[self.number.end..].starts_with(')');
        let behind = self.text[self.number.end..].strip_prefix([':', '/']);
        let ahead = self.text[..self.number.start].strip_suffix([':', '/']);
        let scored = self.number.last_group() == 1 && matches!(behind, Some("5" | "10"))
            || words::is_score(self.lower[self.number.end..].trim());
        scored
            || self.number.integer().is_some()
                && (behind.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                    || ahead.is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit()))
                    || enclosed)
    }
}
