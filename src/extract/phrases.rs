//! Tables of phrases: sorted by how they begin or end, so that a text is compared with the few that can fit it, or turned
//! into an automaton that finds all of them at once in the texts where one may begin.

use aho_corasick::{AhoCorasick, AhoCorasickKind, FindOverlappingIter, Input};
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

/// Phrases that are found anywhere in a text, all of them at once.
#[derive(Debug)]
pub struct Anywhere {
    beginnings: Beginnings,
    automaton: AhoCorasick,
}

impl Anywhere {
    /// Finds phrases whatever the case of their ASCII letters.
    #[must_use]
    pub fn in_any_case(phrases: &[&str]) -> Self {
        Self::of(phrases, true)
    }

    /// Finds phrases in the case in which they are written.
    #[must_use]
    pub fn as_written(phrases: &[&str]) -> Self {
        Self::of(phrases, false)
    }

    fn of(phrases: &[&str], any_case: bool) -> Self {
        #[expect(clippy::expect_used, reason = "the phrases are constants of this crate; a test builds all of them")]
        // A table of all states takes megabytes where a chain of them takes kilobytes, and two thirds of the time per
        // byte.
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(any_case)
            .kind(Some(AhoCorasickKind::DFA))
            .build(phrases)
            .expect("constant phrases build an automaton");
        Self { beginnings: Beginnings::of(phrases), automaton }
    }

    /// Whether a text holds any of the phrases.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.beginnings.first(text).is_some_and(|from| self.automaton.is_match(Input::new(text).range(from..)))
    }

    /// Every place of every phrase; the pattern of a match is the index of its phrase.
    pub fn find_all<'t>(&'t self, text: &'t [u8]) -> Option<FindOverlappingIter<'t, 't>> {
        let from = self.beginnings.first(text)?;
        let rest = || Input::new(text).range(from..);
        // Most texts hold no phrase at all, and the search for the first one costs a third of the search for all.
        self.automaton.is_match(rest()).then(|| self.automaton.find_overlapping_iter(rest()))
    }
}

/// Bits of the table of [`Beginnings`], as a power of two: four kilobytes stay in the nearest cache.
const TABLE_BITS: u32 = 15;
/// Bytes that a beginning has.
const BEGINNING: usize = 4;
/// The bits of a byte that stay the same when a letter changes its case.
const FOLDED: u8 = 0x1f;

/// The first bytes of phrases, regardless of case, as bits of a table: where no text of a page has one of them, no phrase
/// begins. An automaton waits for the table entry of each byte before it can look up the next one; these lookups wait for
/// nothing, and an automaton runs from the first beginning on.
#[derive(Debug)]
struct Beginnings(Box<[u64]>);

impl Beginnings {
    fn of(phrases: &[&str]) -> Self {
        let mut beginnings = Self(vec![0; 1 << (TABLE_BITS - 6)].into());
        for phrase in phrases {
            match phrase.as_bytes() {
                [one, two, three, four, ..] => beginnings.add([*one, *two, *three, *four]),
                // Any byte may stand behind a phrase of three, the end of the text as well.
                [one, two, three] => (0..=FOLDED).for_each(|any| beginnings.add([*one, *two, *three, any])),
                // So short a phrase may begin anywhere.
                _ => beginnings.0.fill(u64::MAX),
            }
        }
        beginnings
    }

    fn add(&mut self, bytes: [u8; BEGINNING]) {
        let place = Self::place(bytes.iter().fold(0, |window, byte| Self::push(window, *byte)));
        self.0[place / 64] |= 1 << (place % 64);
    }

    #[inline]
    const fn push(window: u32, byte: u8) -> u32 {
        window << 8 | (byte & FOLDED) as u32
    }

    #[inline]
    const fn place(window: u32) -> usize {
        // The multiplier is 2^32 divided by the golden ratio: it spreads neighbours over the whole table.
        (window.wrapping_mul(0x9e37_79b9) >> (u32::BITS - TABLE_BITS)) as usize
    }

    /// Where the first beginning of a text stands.
    #[inline]
    fn first(&self, text: &[u8]) -> Option<usize> {
        let (head, rest) = text.split_at_checked(BEGINNING - 1)?;
        let mut window = head.iter().fold(0, |window, byte| Self::push(window, *byte));
        // The end of the text counts as one more byte: a phrase of three may stand there.
        rest.iter().chain(&[0]).position(|byte| {
            window = Self::push(window, *byte);
            let place = Self::place(window);
            self.0[place / 64] >> (place % 64) & 1 == 1
        })
    }
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
    fn phrases_are_found_wherever_they_stand() {
        let phrases = ["old", "on sale", "sold out", "ауди"];
        let (any, written) = (Anywhere::in_any_case(&phrases), Anywhere::as_written(&phrases));
        let all = |text: &str| {
            let hits = any.find_all(text.as_bytes()).into_iter().flatten();
            hits.map(|hit| (hit.pattern().as_usize(), hit.start())).collect::<Vec<_>>()
        };
        for (text, found) in [
            ("old", vec![(0, 0)]),
            ("is SOLD out", vec![(0, 4), (2, 3)]),
            ("now on Sale", vec![(1, 4)]),
            ("ауди", vec![(3, 0)]),
            ("marigold", vec![(0, 5)]),
        ] {
            assert_eq!(all(text), found, "{text}");
            assert!(any.is_match(text.as_bytes()), "{text}");
            assert_eq!(written.is_match(text.as_bytes()), !text.contains(['S']), "{text}");
        }
        for text in ["", "o", "ol", "olive", "so ld", "он"] {
            assert!(!any.is_match(text.as_bytes()) && all(text).is_empty(), "{text}");
        }
        assert!(Anywhere::in_any_case(&["é"]).is_match("É é".as_bytes()), "a short phrase switches the table off");
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
