//! Tables of phrases: sorted by how they begin or end, so that a text is compared with the few that can fit it, or found
//! anywhere in a text, all of them at once.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::text;

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

/// The first characters of phrases in lower case, which have two at least: nearly every text begins with others.
#[derive(Debug)]
pub struct Openings {
    /// By the first of two ASCII characters, a bit for each second one.
    ascii: [u128; 128],
    /// By the low bits of the first two ASCII characters, a bit for those of each third one.
    thirds: Box<[u32; 1 << (2 * LOW_BITS)]>,
    others: FxHashSet<(char, char)>,
}

/// Bits of a letter or digit that stay the same when its case changes.
const LOW_BITS: u32 = 5;

/// The low bits of two characters, and of a third one.
const fn low_bits([first, second, third]: [u8; 3]) -> (usize, u32) {
    const LOW: u8 = (1 << LOW_BITS) - 1;
    (((first & LOW) as usize) << LOW_BITS | (second & LOW) as usize, 1 << (third & LOW))
}

impl Openings {
    #[must_use]
    pub fn of(phrases: impl IntoIterator<Item = &'static str>) -> Self {
        let thirds = Box::new([0; 1 << (2 * LOW_BITS)]);
        let mut openings = Self { ascii: [0; 128], thirds, others: FxHashSet::default() };
        for phrase in phrases {
            let mut letters = phrase.chars();
            match (letters.next(), letters.next()) {
                (Some(first), Some(second)) if first.is_ascii() && second.is_ascii() => {
                    openings.ascii[first as usize] |= 1_u128 << u32::from(second);
                    let third = phrase.as_bytes().get(2).copied().filter(u8::is_ascii);
                    let (two, bit) = low_bits([first as u8, second as u8, third.unwrap_or(0)]);
                    // Behind a phrase of two letters anything may stand.
                    openings.thirds[two] |= if third.is_some() { bit } else { u32::MAX };
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
        if let [first, second, rest @ ..] = text.as_bytes()
            && first.is_ascii_alphanumeric()
            && second.is_ascii_alphanumeric()
        {
            let two = (self.ascii[usize::from(first.to_ascii_lowercase())] >> second.to_ascii_lowercase()) & 1 == 1;
            let third = rest.first().filter(|third| third.is_ascii_alphanumeric());
            return two
                && third.is_none_or(|third| {
                    let (two, bit) = low_bits([*first, *second, *third]);
                    self.thirds[two] & bit != 0
                });
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
    // No sign and no digit stands between these letters.
    if let 'À'..='Ö' | 'Ø'..='ö' | 'ø'..='ž' | 'А'..='я' | '一'..='龥' | '가'..='힣' = c
        && let Some(small) = text::small(c)
    {
        return Some(small);
    }
    let mut lower = c.to_lowercase();
    let one = lower.next().filter(|_| lower.next().is_none());
    // A capital sigma has two small forms.
    one.filter(|_| c.is_alphanumeric() && c != 'Σ')
}

/// Phrases that are found anywhere in a text, all of them at once.
///
/// The beginnings of the phrases are bits of a table, and only where a text has one of them phrases are compared. An
/// automaton would wait for the table entry of each byte before it can look up the next one, in a table that no cache
/// holds from page to page: it takes three times as long.
#[derive(Debug)]
pub struct Anywhere {
    any_case: bool,
    phrases: Vec<&'static str>,
    /// Bytes of the shortest phrase: no phrase begins closer to the end of a text.
    shortest: usize,
    /// A bit for each [`place`] at which a phrase has its beginning.
    table: Box<[u64]>,
    /// How many bits are set in front of each word of the table.
    before: Box<[u16]>,
    /// Bits of a hash that are dropped, so that a place is left.
    dropped: u32,
    /// Where the phrases of each set bit begin in [`Self::by_place`], in the order of the bits, and the end of the last.
    ranges: Vec<u16>,
    /// Phrases by the place of their beginning.
    by_place: Vec<u16>,
    /// Phrases so short that too many places fit them; they are compared wherever any phrase may begin.
    short: Vec<u16>,
}

/// A phrase in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Index of the phrase.
    pub phrase: usize,
    /// Byte range in the text.
    pub start: usize,
    pub end: usize,
}

/// Bytes that a beginning has.
const BEGINNING: usize = 4;
/// Bits of the smallest and of the largest table of beginnings, as powers of two: four kilobytes stay in the nearest
/// cache, and of two dozen tables that every page needs most are much smaller.
const TABLE_BITS: (u32, u32) = (8, 15);
/// Places of a table for each beginning that is listed in it, at least as far as [`TABLE_BITS`] allow.
const SPARSE: usize = 64;
/// Bytes of a phrase that is listed at every place that a fourth byte can make of it.
const NEARLY: usize = BEGINNING - 1;
/// The bits of a byte that stay the same when a letter changes its case.
const FOLDED: u32 = 0x1f1f_1f1f;

/// Where four bytes have their bit, regardless of case, in a table of which a hash keeps all bits but the last `dropped`.
#[inline]
const fn place(window: [u8; BEGINNING], dropped: u32) -> usize {
    let folded = u32::from_le_bytes(window) & FOLDED;
    // The multiplier is 2^32 divided by the golden ratio: it spreads neighbours over the whole table.
    (folded.wrapping_mul(0x9e37_79b9) >> dropped) as usize
}

/// Beginnings that a phrase has: any bytes may stand behind a short one.
fn beginnings(phrase: &str) -> usize {
    let open = BEGINNING.saturating_sub(phrase.len());
    1_usize << (open * FOLDED_BITS).min(usize::BITS as usize - 1)
}

/// Bits of one byte of [`FOLDED`].
const FOLDED_BITS: usize = 5;

impl Anywhere {
    /// Finds phrases whatever the case of their ASCII letters.
    #[must_use]
    pub fn in_any_case(phrases: impl IntoIterator<Item = &'static str>) -> Self {
        Self::of(phrases.into_iter().collect(), true)
    }

    /// Finds phrases in the case in which they are written.
    #[must_use]
    pub fn as_written(phrases: impl IntoIterator<Item = &'static str>) -> Self {
        Self::of(phrases.into_iter().collect(), false)
    }

    fn of(phrases: Vec<&'static str>, any_case: bool) -> Self {
        let shortest = phrases.iter().map(|phrase| phrase.len()).min().unwrap_or(usize::MAX);
        let places = phrases.iter().map(|phrase| beginnings(phrase)).fold(0_usize, usize::saturating_add);
        let wanted = places.saturating_mul(SPARSE).max(1).ilog2() + 1;
        let bits = wanted.clamp(TABLE_BITS.0, TABLE_BITS.1);
        let dropped = u32::BITS - bits;
        let mut table = vec![0_u64; (1 << bits) / 64].into_boxed_slice();
        let mut listed: BTreeMap<usize, Vec<u16>> = BTreeMap::new();
        let mut short = Vec::new();
        for (index, phrase) in (0_u16..).zip(&phrases) {
            let bytes = phrase.as_bytes();
            if let Some(beginning) = bytes.first_chunk() {
                listed.entry(place(*beginning, dropped)).or_default().push(index);
                continue;
            }
            // Any bytes may stand behind so short a phrase.
            let known = bytes.iter().rev().fold(0, |known, byte| known << 8 | u32::from(*byte));
            let open = FOLDED.checked_shl(8 * u32::try_from(bytes.len()).unwrap_or(u32::MAX)).unwrap_or(0);
            let mut any = 0;
            loop {
                let places = listed.entry(place((known | any).to_le_bytes(), dropped)).or_default();
                if bytes.len() == NEARLY {
                    places.push(index);
                }
                // The next number that has no other bits than the open ones.
                any = (any | !open).wrapping_add(1) & open;
                if any == 0 {
                    break;
                }
            }
            if bytes.len() < NEARLY {
                short.push(index);
            }
        }
        let (mut ranges, mut by_place) = (Vec::with_capacity(listed.len() + 1), Vec::new());
        let end = |by_place: &Vec<u16>| u16::try_from(by_place.len()).unwrap_or(u16::MAX);
        for (place, phrases) in listed {
            table[place / 64] |= 1 << (place % 64);
            ranges.push(end(&by_place));
            by_place.extend(phrases);
        }
        ranges.push(end(&by_place));
        let mut before = vec![0_u16; table.len()].into_boxed_slice();
        let mut set: u32 = 0;
        for (count, word) in before.iter_mut().zip(table.iter()) {
            *count = u16::try_from(set).unwrap_or(u16::MAX);
            set += word.count_ones();
        }
        Self { any_case, phrases, shortest, table, before, dropped, ranges, by_place, short }
    }

    /// The phrases that begin at a place whose bit is set.
    #[inline]
    fn at(&self, place: usize) -> &[u16] {
        let (word, bit) = (place / 64, place % 64);
        let lower = self.table[word] & ((1 << bit) - 1);
        let rank = usize::from(self.before[word]) + lower.count_ones() as usize;
        match self.ranges.get(rank..) {
            Some([start, end, ..]) => &self.by_place[usize::from(*start)..usize::from(*end)],
            _ => &[],
        }
    }

    /// Whether a text holds any of the phrases.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.find_all(text).next().is_some()
    }

    /// Every place of every phrase, in the order of their first bytes.
    #[must_use]
    pub fn find_all<'t>(&'t self, text: &'t [u8]) -> Hits<'t> {
        Hits { all: self, text, from: 0, start: 0, short: [].iter(), listed: [].iter() }
    }

    /// The phrase of this index, if it begins at byte `start` of a text.
    #[inline]
    fn hit(&self, text: &[u8], start: usize, phrase: u16) -> Option<Hit> {
        let phrase = usize::from(phrase);
        let wanted = self.phrases[phrase].as_bytes();
        let end = start + wanted.len();
        let found = text.get(start..end)?;
        let same = if self.any_case { found.eq_ignore_ascii_case(wanted) } else { found == wanted };
        same.then_some(Hit { phrase, start, end })
    }

    /// Where the first phrase may begin, and the place of what begins there. A text goes on with zeros.
    #[inline]
    fn beginning(&self, text: &[u8]) -> Option<(usize, usize)> {
        let marked = |(at, window): (usize, &[u8])| {
            let place = place(*window.first_chunk()?, self.dropped);
            (self.table[place / 64] >> (place % 64) & 1 == 1).then_some((at, place))
        };
        text.windows(BEGINNING).enumerate().find_map(marked).or_else(|| {
            // Most tables have no phrase that is short enough to begin here.
            let ends = (self.shortest..BEGINNING).rev().filter_map(|left| Some((text.len().checked_sub(left)?, left)));
            ends.filter(|(_, left)| *left > 0).find_map(|(at, left)| {
                let mut end = [0; BEGINNING];
                end[..left].copy_from_slice(&text[at..]);
                marked((at, &end))
            })
        })
    }
}

/// The phrases in one text, see [`Anywhere::find_all`].
#[derive(Debug, Clone)]
pub struct Hits<'t> {
    all: &'t Anywhere,
    text: &'t [u8],
    /// Where the search goes on.
    from: usize,
    /// Where the phrases that are left may begin.
    start: usize,
    short: std::slice::Iter<'t, u16>,
    listed: std::slice::Iter<'t, u16>,
}

impl Iterator for Hits<'_> {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        loop {
            for phrase in self.short.by_ref().chain(self.listed.by_ref()) {
                let hit = self.all.hit(self.text, self.start, *phrase);
                if hit.is_some() {
                    return hit;
                }
            }
            let (step, place) = self.all.beginning(self.text.get(self.from..)?)?;
            self.start = self.from + step;
            self.from = self.start + 1;
            (self.short, self.listed) = (self.all.short.iter(), self.all.at(place).iter());
        }
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
        let phrases = ["old", "on sale", "sold out", "ауди", "é"];
        let (any, written) = (Anywhere::in_any_case(phrases), Anywhere::as_written(phrases));
        let all = |text: &str| any.find_all(text.as_bytes()).map(|hit| (hit.phrase, hit.start)).collect::<Vec<_>>();
        for (text, found) in [
            ("old", vec![(0, 0)]),
            ("é", vec![(4, 0)]),
            ("is SOLD out", vec![(2, 3), (0, 4)]),
            ("now on Sale", vec![(1, 4)]),
            ("ауди É", vec![(3, 0)]),
            ("marigold", vec![(0, 5)]),
        ] {
            assert_eq!(all(text), found, "{text}");
            assert!(any.is_match(text.as_bytes()), "{text}");
            assert_eq!(written.is_match(text.as_bytes()), !text.contains('S'), "{text}");
        }
        for text in ["", "o", "ol", "olive", "so ld", "он"] {
            assert!(!any.is_match(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn an_automaton_finds_the_same() {
        let phrases = ["ht", "old", "gold", "bold old", "listprice", "price", "ice", "d-p"];
        let automaton = aho_corasick::AhoCorasick::builder().ascii_case_insensitive(true).build(phrases).unwrap();
        let text = "Gold-PRICE bold-priceOLD bold old listprice d-p d--p ht height ic".repeat(2);
        let any = Anywhere::in_any_case(phrases);
        for end in 0..text.len() {
            let hits = automaton.find_overlapping_iter(&text[..end]);
            let mut wanted: Vec<_> = hits.map(|hit| (hit.start(), hit.end(), hit.pattern().as_usize())).collect();
            let hits = any.find_all(&text.as_bytes()[..end]);
            let mut found: Vec<_> = hits.map(|hit| (hit.start, hit.end, hit.phrase)).collect();
            wanted.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, wanted, "{}", &text[..end]);
        }
    }

    #[test]
    fn only_two_letters_or_digits_rule_a_text_out() {
        let openings = Openings::of(["buy now", "køb", "p/n", "купить", "σε απόθεμα", "买", "kr"]);
        for text in [
            "Buy",
            "BU",
            "krone",
            "kr.",
            "bu&yuml;",
            "p/n",
            "b",
            "",
            "b&uuml;",
            "Køb",
            "KØB",
            "P/N",
            "КУПИТЬ",
            "к&",
            "ΣΕ",
            "σε",
        ] {
            assert!(openings.may_begin(text), "{text}");
        }
        for text in ["Kob", "kt", "bun", "BUs", "pn", "b2", "22", "køb".trim_start_matches('k'), "Кнопка", "στο"]
        {
            assert!(!openings.may_begin(text), "{text}");
        }
    }
}
