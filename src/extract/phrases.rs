//! Tables of phrases: sorted by how they begin or end, so that a text is compared with the few that can fit it, or turned
//! into an automaton that finds all of them at once.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use rustc_hash::{FxHashMap, FxHashSet};

/// Phrases by the character that they begin with, or by the one that they end with, each with what it says.
#[derive(Debug)]
pub struct ByCharacter<T>(FxHashMap<char, Vec<(&'static str, T)>>);

impl<T> ByCharacter<T> {
    /// Sorts phrases by their first character; each keeps its place among those that share it.
    #[must_use]
    pub fn first(phrases: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        Self::sorted(phrases, |phrase| phrase.chars().next())
    }

    /// Sorts phrases by their last character; each keeps its place among those that share it.
    #[must_use]
    pub fn last(phrases: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        Self::sorted(phrases, |phrase| phrase.chars().next_back())
    }

    fn sorted(phrases: impl IntoIterator<Item = (&'static str, T)>, character: impl Fn(&str) -> Option<char>) -> Self {
        let mut sorted: FxHashMap<char, Vec<(&'static str, T)>> = FxHashMap::default();
        for (phrase, says) in phrases {
            if let Some(c) = character(phrase) {
                sorted.entry(c).or_default().push((phrase, says));
            }
        }
        Self(sorted)
    }

    /// The phrases that have this character at their end of the table.
    #[must_use]
    pub fn of(&self, character: Option<char>) -> &[(&'static str, T)] {
        character.and_then(|c| self.0.get(&c)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The first two characters of phrases in lower case, which have two at least: nearly every text begins with others.
#[derive(Debug)]
pub struct Openings {
    /// By the first of two ASCII characters, a bit for each second one.
    ascii: [u128; 128],
    others: FxHashSet<(char, char)>,
}

impl Openings {
    #[must_use]
    pub fn of(phrases: impl IntoIterator<Item = &'static str>) -> Self {
        let mut openings = Self { ascii: [0; 128], others: FxHashSet::default() };
        for phrase in phrases {
            let mut letters = phrase.chars();
            match (letters.next(), letters.next()) {
                (Some(first), Some(second)) if first.is_ascii() && second.is_ascii() => {
                    openings.ascii[first as usize] |= 1_u128 << u32::from(second);
                }
                (Some(first), Some(second)) => drop(openings.others.insert((first, second))),
                _ => {}
            }
        }
        openings
    }

    /// Whether a text in any case may begin with one of the phrases. What does not begin with two letters or digits
    /// always may.
    #[must_use]
    pub fn may_begin(&self, text: &str) -> bool {
        if let [first, second, ..] = text.as_bytes()
            && first.is_ascii_alphanumeric()
            && second.is_ascii_alphanumeric()
        {
            return (self.ascii[usize::from(first.to_ascii_lowercase())] >> second.to_ascii_lowercase()) & 1 == 1;
        }
        let mut letters = text.chars().map(one_lower);
        match (letters.next().flatten(), letters.next().flatten()) {
            (Some(first), Some(second)) => self.others.contains(&(first, second)),
            _ => true,
        }
    }
}

/// A letter or digit in lower case, if that is one character wherever it stands.
fn one_lower(c: char) -> Option<char> {
    let mut lower = c.to_lowercase();
    let one = lower.next().filter(|_| lower.next().is_none());
    // A capital sigma has two small forms.
    one.filter(|_| c.is_alphanumeric() && c != 'Σ')
}

/// Finds phrases anywhere in a text, whatever the case of its ASCII letters.
#[must_use]
pub fn in_any_case(phrases: &[&str]) -> AhoCorasick {
    automaton(phrases, true)
}

/// Finds phrases anywhere in a text that has their case.
#[must_use]
pub fn as_written(phrases: impl IntoIterator<Item: AsRef<[u8]>>) -> AhoCorasick {
    automaton(phrases, false)
}

fn automaton(phrases: impl IntoIterator<Item: AsRef<[u8]>>, any_case: bool) -> AhoCorasick {
    #[expect(clippy::expect_used, reason = "the phrases are constants of this crate; a test builds every automaton")]
    // A table of all states takes megabytes where a chain of them takes kilobytes, and two thirds of the time per byte.
    AhoCorasick::builder()
        .ascii_case_insensitive(any_case)
        .kind(Some(AhoCorasickKind::DFA))
        .build(phrases)
        .expect("constant phrases build an automaton")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_by_either_end() {
        let phrases = || [("from", 1), ("fee", 2), ("од", 3)];
        let (first, last) = (ByCharacter::first(phrases()), ByCharacter::last(phrases()));
        assert_eq!(first.of(Some('f')), [("from", 1), ("fee", 2)]);
        assert_eq!(last.of(Some('д')), [("од", 3)]);
        assert!(last.of(Some('f')).is_empty() && last.of(None).is_empty());
    }

    #[test]
    fn only_two_letters_or_digits_rule_a_text_out() {
        let openings = Openings::of(["buy now", "køb", "p/n", "купить", "σε απόθεμα", "买"]);
        for text in ["Buy", "BU", "b", "", "b&uuml;", "Køb", "KØB", "P/N", "КУПИТЬ", "к&", "ΣΕ", "σε"] {
            assert!(openings.may_begin(text), "{text}");
        }
        for text in ["Kob", "kr", "pn", "b2", "22", "køb".trim_start_matches('k'), "Кнопка", "στο"] {
            assert!(!openings.may_begin(text), "{text}");
        }
    }
}
