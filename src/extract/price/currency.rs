//! Which currency the words beside a number name.
//!
//! Longest match first; a sign that several currencies share is returned as such.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::symbols::{NATIONS, NOUNS, SIGNS, SUBUNITS};
use crate::extract::locale::Locale;
use crate::money::Currency;

/// Longest currency name in characters that is looked at beside a number.
const MAX_NAME: usize = 40;
/// Blanks in a currency name.
const MAX_WORDS: usize = 3;
/// Currencies that a shared sign may stand for.
const MAX_SHARED: usize = 32;

/// A currency as a text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    One(Currency),
    /// A sign or noun of several currencies, the usual one first.
    Shared {
        sign: String,
        codes: Vec<Currency>,
    },
    /// A hundredth of a currency that the text does not name.
    Subunit(String),
    /// A name of money that ISO 4217 does not list today: old currencies, coins, tomans.
    Other(String),
}

impl Mark {
    /// The one currency this mark can mean for a page of `locale` whose site uses `expected`.
    #[must_use]
    pub fn resolve(&self, expected: Option<Currency>, locale: Option<Locale>) -> Option<Currency> {
        match self {
            Self::One(currency) => Some(*currency),
            Self::Shared { codes, .. } => {
                let local = locale.and_then(|l| l.currency());
                expected.filter(|c| codes.contains(c)).or_else(|| local.filter(|c| codes.contains(c)))
            }
            Self::Subunit(_) => expected,
            Self::Other(_) => None,
        }
    }

    /// What the text says, for a reader who has no use for a guess: a code, or the sign itself.
    #[must_use]
    pub fn as_written(&self) -> &str {
        match self {
            Self::One(currency) => currency.code(),
            Self::Shared { sign, .. } | Self::Subunit(sign) | Self::Other(sign) => sign,
        }
    }

    fn from_codes(sign: &str, codes: &str) -> Self {
        if codes == "cent" {
            return Self::Subunit(sign.to_owned());
        }
        let known: Vec<Currency> = codes.split(' ').filter_map(Currency::from_code).take(MAX_SHARED).collect();
        match known.as_slice() {
            [] => Self::Other(codes.to_owned()),
            [one] => Self::One(*one),
            _ => Self::Shared { sign: sign.to_owned(), codes: known },
        }
    }
}

/// The mark at the start of `text` (already lower case in `lower`) and the bytes it takes.
pub(super) fn at_start(text: &str, lower: &str) -> Option<(Mark, usize)> {
    let boundary = |len: usize| {
        let (inside, after) = (lower[..len].chars().next_back(), lower[len..].chars().next());
        !(joins(inside) && joins(after))
    };
    longest(lower, boundary, |piece, at| iso(&text[..at]).or_else(|| lookup(piece)), true)
}

/// The mark at the end of `text` and the bytes it takes.
pub(super) fn at_end(text: &str, lower: &str) -> Option<(Mark, usize)> {
    let boundary = |len: usize| {
        let at = lower.len() - len;
        let (before, inside) = (lower[..at].chars().next_back(), lower[at..].chars().next());
        !(joins(before) && joins(inside))
    };
    longest(lower, boundary, |piece, at| iso(&text[text.len() - at..]).or_else(|| lookup(piece)), false)
}

/// A currency mark anywhere in a hint such as `Pris NOK 1 999,00` or `€`.
pub(super) fn anywhere(text: &str, lower: &str) -> Option<Mark> {
    let mut words = Vec::new();
    for (at, word) in split_words(text) {
        if let Some(mark) = iso(word) {
            return Some(mark);
        }
        words.push((at, word));
    }
    let signs = lower.char_indices().filter(|(_, c)| is_sign(*c));
    for (at, _) in signs {
        let start = lower[..at].char_indices().rev().take_while(|(_, c)| c.is_alphabetic()).last().map_or(at, |s| s.0);
        if let Some((mark, _)) = at_start(&text[start..], &lower[start..]) {
            return Some(mark);
        }
    }
    // Bare letters only count when the hint is little else: `TL`, `руб.`, `kr/st`.
    if words.len() <= 3 {
        return words.into_iter().find_map(|(at, word)| {
            let piece = &lower[at..at + word.len()];
            (word.chars().count() > 1 || lower.trim().chars().count() <= 2).then(|| lookup(piece)).flatten()
        });
    }
    None
}

/// Whether two neighbouring letters belong to one word; scripts without blanks never join.
fn joins(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphabetic() && !is_cjk(c))
}

pub(super) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{0e00}'..='\u{0e7f}')
}

/// Signs of Unicode's currency block and the few that live elsewhere.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20cf}' | '฿' | '៛' | '֏' | '؋' | '৳' | '￥' | '￦' | '￡' | '元' | '円' | '원')
}

fn split_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !(c.is_alphabetic() || c == '.'))
        .filter(|w| !w.is_empty())
        .map(move |word| ((word.as_ptr() as usize).saturating_sub(text.as_ptr() as usize), word))
}

/// An ISO 4217 code; lower case is accepted, mixed case is a word.
fn iso(word: &str) -> Option<Mark> {
    if word.len() != 3 || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let upper = word.to_ascii_uppercase();
    let uniform = word == upper || word.bytes().all(|b| b.is_ascii_lowercase());
    if !uniform {
        return None;
    }
    if let Some(currency) = Currency::from_code(&upper).filter(|c| c.exponent().is_some()) {
        // Lower case words such as `top`, `all` or `try` are words.
        let word_like =
            ["ALL", "TOP", "TRY", "GEL", "CUP", "BAM", "LAK", "SOS", "MAD", "BOB", "PEN", "MOP", "COP", "RON", "DOP"];
        return (word == upper || !word_like.contains(&upper.as_str())).then_some(Mark::One(currency));
    }
    (word == upper && FORMER.contains(&upper.as_str())).then_some(Mark::Other(upper))
}

/// Former ISO 4217 codes and the one coin that shops quote.
const FORMER: [&str; 14] =
    ["DEM", "FRF", "ITL", "ESP", "FIM", "ATS", "NLG", "BEF", "GRD", "IEP", "PTE", "SKK", "BTC", "XBT"];

/// The longest name at one end of a text. Only ends of words are tried, in scripts without blanks every character.
fn longest(
    lower: &str,
    boundary: impl Fn(usize) -> bool,
    find: impl Fn(&str, usize) -> Option<Mark>,
    start: bool,
) -> Option<(Mark, usize)> {
    let edge = if start { lower.chars().next() } else { lower.chars().next_back() };
    if edge.is_none_or(|c| c == ' ' || c.is_ascii_digit()) {
        return None;
    }
    let mut ends = [0_usize; MAX_NAME];
    let mut count = 0;
    let mut words = 0;
    let mut length = 0;
    let mut step = |c: char| -> bool {
        words += usize::from(c == ' ');
        length += c.len_utf8();
        let stop = c.is_ascii_digit() || words > MAX_WORDS || count >= MAX_NAME;
        if !stop && c != ' ' {
            ends[count] = length;
            count += 1;
        }
        !stop
    };
    if start {
        lower.chars().all(&mut step);
    } else {
        lower.chars().rev().all(&mut step);
    }
    ends[..count].iter().rev().filter(|len| boundary(**len)).find_map(|len| {
        let piece = if start { &lower[..*len] } else { &lower[lower.len() - len..] };
        find(piece, *len).map(|mark| (mark, *len))
    })
}

static SIGN_MAP: LazyLock<HashMap<&'static str, &'static str>> =
    LazyLock::new(|| SIGNS.iter().rev().copied().collect());
static SUBUNIT_SET: LazyLock<HashSet<&'static str>> = LazyLock::new(|| SUBUNITS.iter().copied().collect());

/// Noun stems in one automaton: most words beside a number hold none of them.
static NOUN_STEMS: LazyLock<AhoCorasick> = LazyLock::new(|| stems(NOUNS));

static NATION_STEMS: LazyLock<AhoCorasick> = LazyLock::new(|| stems(NATIONS));

fn stems(table: &[(&str, &str)]) -> AhoCorasick {
    #[expect(clippy::expect_used, reason = "the stems are constants of this crate; a test builds the automaton")]
    AhoCorasick::new(table.iter().map(|(stem, _)| *stem)).expect("constant stems build an automaton")
}

fn lookup(piece: &str) -> Option<Mark> {
    let plain = piece.trim_end_matches(['.', '\u{200f}']);
    let sign = SIGN_MAP.get(piece).or_else(|| SIGN_MAP.get(plain).filter(|_| !plain.is_empty()));
    if let Some(codes) = sign {
        return Some(Mark::from_codes(piece, codes));
    }
    if SUBUNIT_SET.contains(piece) {
        return Some(Mark::Subunit(piece.to_owned()));
    }
    if piece.len() < 3 || (piece.chars().count() < 3 && !piece.chars().any(is_cjk)) {
        return None;
    }
    named(piece)
}

/// `australian dollar`, `svenske kr`, `캐나다 달러`: a noun, and a country that singles out one of its currencies.
fn named(piece: &str) -> Option<Mark> {
    let words = piece.split_whitespace().count();
    if words > 4 {
        return None;
    }
    let hits = NOUN_STEMS.find_overlapping_iter(piece).map(|hit| &NOUNS[hit.pattern().as_usize()]);
    let noun = hits.filter(|(stem, _)| holds_stem(piece, stem)).max_by_key(|(stem, _)| stem.len());
    let short = || {
        piece
            .split_whitespace()
            .find_map(|w| SIGN_MAP.get_key_value(w.trim_end_matches('.')).map(|(sign, codes)| (*sign, *codes)))
    };
    let (stem, codes) = noun.copied().or_else(|| if words > 1 { short() } else { None })?;
    let nations = NATION_STEMS.find_overlapping_iter(piece).map(|hit| &NATIONS[hit.pattern().as_usize()]);
    let nation =
        nations.filter(|(name, _)| *name != stem && holds_stem(piece, name)).max_by_key(|(name, _)| name.len());
    if let Some((_, region)) = nation {
        let local = region_currency(region);
        let fits = local.filter(|code| codes.split(' ').any(|c| c == *code));
        if let Some(code) = fits {
            return Some(Mark::from_codes(piece, code));
        }
        if matches!(*region, "FR" | "FI" | "NL") {
            return Some(Mark::Other(
                match *region {
                    "FR" => "FRF",
                    "FI" => "FIM",
                    _ => "NLG",
                }
                .to_owned(),
            ));
        }
        // An adjective that fits no currency of the noun: half understood is not understood.
        return None;
    }
    // More than one word that is not understood: the noun alone would be a guess.
    (words == 1 || piece.starts_with("de ")).then(|| Mark::from_codes(piece, codes))
}

/// Whether a word of `piece` starts with `stem`; in scripts without blanks, anywhere.
fn holds_stem(piece: &str, stem: &str) -> bool {
    if stem.chars().next().is_some_and(is_cjk) {
        return piece.contains(stem);
    }
    piece.match_indices(stem).any(|(at, _)| {
        let start = !piece[..at].chars().next_back().is_some_and(char::is_alphabetic);
        // Stems of two or three letters must be the whole word.
        let whole =
            stem.chars().count() > 3 || !piece[at + stem.len()..].chars().next().is_some_and(char::is_alphabetic);
        (start || stem.chars().count() > 5) && (whole || stem.chars().count() == 3)
    })
}

fn region_currency(region: &str) -> Option<&'static str> {
    Locale::parse(&format!("und-{region}")).and_then(|l| l.currency()).map(|c| c.code()).or(match region {
        "SY" => Some("SYP"),
        "MU" => Some("MUR"),
        "YE" => Some("YER"),
        _ => None,
    })
}
