//! Which currency the words beside a number name.
//!
//! Longest match first; a sign that several currencies share is returned as such.

use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::codes::iso;
use super::symbols::{NATIONS, NOUNS, SIGNS, SUBUNITS};
use crate::extract::locale::Locale;
use crate::extract::phrases::Anywhere;
use crate::money::Currency;

/// Longest currency name in characters that is looked at beside a number.
const MAX_NAME: usize = 40;
/// Blanks in a currency name.
const MAX_WORDS: usize = 3;
/// Letters of an ISO 4217 code.
const CODE: usize = 3;
/// Currencies that a shared sign may stand for.
const MAX_SHARED: usize = 32;

/// A currency as a text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    One(Currency),
    /// A sign or noun of several currencies, the usual one first.
    Shared {
        sign: String,
        codes: &'static [Currency],
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
                let single = expected.filter(|c| codes.contains(c)).or_else(|| local.filter(|c| codes.contains(c)));
                // Where people pay in euros the pound is that of the neighbours.
                single.or_else(|| {
                    codes.first().copied().filter(|_| self.as_written() == "£" && local == Some(Currency::EUR))
                })
            }
            Self::Subunit(coin) => expected.or_else(|| {
                // `cent` is said of many currencies; other coins are said of the money of the place that has them.
                let coined: &[&str] = match coin.as_str() {
                    "¢" | "c" | "cent" | "cents" => &["USD", "CAD", "AUD", "NZD", "EUR", "ZAR"],
                    // Elsewhere `100 ct` is a count.
                    "ct" => &["EUR"],
                    "p" | "pence" => &["GBP"],
                    "øre" => &["DKK", "NOK"],
                    "öre" => &["SEK"],
                    "gr" | "grosz" | "grosze" | "groszy" => &["PLN"],
                    "bani" => &["RON"],
                    "rappen" => &["CHF"],
                    "kuruş" => &["TRY"],
                    _ => &[],
                };
                // Cents are the coin of many countries: a language alone names none of them.
                let known = !matches!(coin.as_str(), "c" | "ct" | "cent" | "cents");
                let place = locale.filter(|l| known || l.region().is_some());
                place.and_then(|l| l.currency()).filter(|c| coined.contains(&c.code()))
            }),
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

    /// [`Self::as_written`], with the sign that the currencies of a shared noun have in common in place of the noun:
    /// `$` for dollars, which every reader of codes and signs knows.
    #[must_use]
    pub fn common_sign(&self) -> &str {
        const SIGNS_OF: [(&str, &str); 7] =
            [("USD", "$"), ("GBP", "£"), ("INR", "Rs"), ("SEK", "kr"), ("NOK", "kr"), ("XOF", "FCFA"), ("XAF", "FCFA")];
        let noun = |sign: &str| sign.chars().count() > 2 && sign.chars().all(|c| c.is_alphabetic() || c == ' ');
        match self {
            Self::Shared { sign, codes } if noun(sign) || is_cjk(sign.chars().next().unwrap_or(' ')) => {
                let usual = codes.first().map_or("", |c| c.code());
                SIGNS_OF.iter().find(|(code, _)| *code == usual).map_or(sign, |(_, common)| common)
            }
            _ => self.as_written(),
        }
    }

    fn of(sign: &str, codes: &'static Codes) -> Self {
        match codes {
            Codes::Cent => Self::Subunit(sign.to_owned()),
            Codes::Foreign(name) => Self::Other((*name).to_owned()),
            Codes::Known(codes) => match codes.as_slice() {
                [one] => Self::One(*one),
                several => Self::Shared { sign: sign.to_owned(), codes: several },
            },
        }
    }
}

/// What a row of the tables stands for, parsed once.
enum Codes {
    Cent,
    /// A name of money without an ISO 4217 code of today.
    Foreign(&'static str),
    Known(Vec<Currency>),
}

impl Codes {
    fn parse(codes: &'static str) -> Self {
        if codes == "cent" {
            return Self::Cent;
        }
        let known: Vec<Currency> = codes.split(' ').filter_map(Currency::from_code).take(MAX_SHARED).collect();
        if known.is_empty() { Self::Foreign(codes) } else { Self::Known(known) }
    }
}

/// The mark at the start of `text` (already lower case in `lower`) and the bytes it takes.
pub(super) fn at_start(text: &str, lower: &str) -> Option<(Mark, usize)> {
    let boundary = |len: usize| {
        let (inside, after) = (lower[..len].chars().next_back(), lower[len..].chars().next());
        !(joins(inside) && joins(after))
    };
    longest(lower, boundary, |len| &text[..len], true)
}

/// The mark at the end of `text` and the bytes it takes.
pub(super) fn at_end(text: &str, lower: &str) -> Option<(Mark, usize)> {
    let boundary = |len: usize| {
        let at = lower.len() - len;
        let (before, inside) = (lower[..at].chars().next_back(), lower[at..].chars().next());
        !(joins(before) && joins(inside))
    };
    longest(lower, boundary, |len| &text[text.len() - len..], false)
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
            (word.chars().count() > 1 || lower.trim().chars().count() <= 2).then(|| lookup(piece, Held::ANY)).flatten()
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

/// The longest name at one end of a text. Only ends of words are tried, in scripts without blanks every character.
fn longest<'t>(
    lower: &str,
    boundary: impl Fn(usize) -> bool,
    written: impl Fn(usize) -> &'t str,
    start: bool,
) -> Option<(Mark, usize)> {
    let edge = if start { lower.chars().next() } else { lower.chars().next_back() };
    if edge.is_none_or(|c| c == ' ' || c.is_ascii_digit()) {
        return None;
    }
    if !may_name(lower, start) {
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
    let piece = |len: usize| if start { &lower[..len] } else { &lower[lower.len() - len..] };
    // One look at the whole stretch says whether any part of it can hold a noun, or the name of a nation.
    let whole = piece(ends[..count].last().copied()?);
    let several = whole.contains(' ');
    let held = Held {
        noun: NOUN_STEMS.0.is_match(whole.as_bytes()),
        nation: several && NATION_STEMS.is_match(whole.as_bytes()),
    };
    // Without such a name only signs, coins and codes are left.
    let named = held.noun || held.nation || (several && whole.contains("de "));
    let longest = if named { usize::MAX } else { (*LONGEST_SIGN + 2).max(CODE) };
    let listed = |len: usize| named || len == CODE || SIGN_SHAPES.have(piece(len).as_bytes());
    // `20 de lei` has its joining word behind the number; in front, `a partir de R$`, the word belongs to what it joins.
    let joined = |len: usize| !start && piece(len).starts_with("de ");
    let possible =
        |len: usize| len <= longest && listed(len) && boundary(len) && !is_common_word(written(len)) && !joined(len);
    ends[..count].iter().rev().filter(|len| possible(**len)).find_map(|len| {
        let small = written(*len).len() == 1 && written(*len) == piece(*len);
        let pence = || Some(Mark::Subunit(piece(*len).to_owned()));
        let named = || if small && SUBUNIT_SET.contains(piece(*len)) { pence() } else { lookup(piece(*len), held) };
        iso(written(*len)).or_else(named).map(|mark| (mark, *len))
    })
}

/// Names of money that are ordinary words, units or initials when nothing in them is a capital: `da 49 €`, `75 p`, `2 db`.
const COMMON_WORDS: [&str; 14] = ["ks", "da", "le", "ro", "ar", "um", "db", "mt", "mk", "ld", "rf", "cf", "fc", "ls"];

fn is_common_word(written: &str) -> bool {
    let single = written.len() == 1 && written.bytes().all(|b| b.is_ascii_lowercase());
    (single && written != "p" && written != "c") || COMMON_WORDS.contains(&written)
}

/// Whether the word at one end of a text can belong to a currency's name: nearly no word of running text can.
fn may_name(lower: &str, start: bool) -> bool {
    let word = end_word(lower, start);
    // What is no plain word, or may be a code, is looked at in full.
    word.is_empty()
        || !word.is_ascii()
        || word.len() == 3
        || END_WORDS.contains(word)
        || NOUN_STEMS.0.is_match(word.as_bytes())
        || NATION_STEMS.is_match(word.as_bytes())
}

/// The letters at one end of a text.
fn end_word(text: &str, start: bool) -> &str {
    let bytes = text.as_bytes();
    let letter = |byte: &&u8| byte.is_ascii_alphabetic();
    let length =
        if start { bytes.iter().take_while(letter).count() } else { bytes.iter().rev().take_while(letter).count() };
    let (word, next) = if start {
        (&text[..length], bytes.get(length))
    } else {
        let at = text.len() - length;
        (&text[at..], at.checked_sub(1).map(|before| &bytes[before]))
    };
    if next.is_none_or(u8::is_ascii) {
        return word;
    }
    let other = |c: char| !c.is_alphabetic();
    if start { &text[..text.find(other).unwrap_or(text.len())] } else { text.rsplit(other).next().unwrap_or("") }
}

/// The words at either end of every sign, subunit and name of several words.
static END_WORDS: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
    let signs = SIGNS.iter().map(|(sign, _)| *sign).chain(SUBUNITS.iter().copied());
    let names = NOUNS.iter().chain(NATIONS).map(|(stem, _)| *stem);
    signs.chain(names).flat_map(|name| [end_word(name, true), end_word(name, false)]).collect()
});

static SIGN_MAP: LazyLock<FxHashMap<&'static str, Codes>> =
    LazyLock::new(|| SIGNS.iter().rev().map(|(sign, codes)| (*sign, Codes::parse(codes))).collect());
static SUBUNIT_SET: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| SUBUNITS.iter().copied().collect());
/// Bytes of the longest sign or subunit: longer pieces need no look at either table.
static LONGEST_SIGN: LazyLock<usize> = LazyLock::new(|| {
    SIGNS.iter().map(|(sign, _)| sign.len()).chain(SUBUNITS.iter().map(|s| s.len())).max().unwrap_or(0)
});

/// Lengths of signs and subunits by the byte that they begin with and by the one that they end with, as bits: nearly no
/// piece of a text has the shape of one.
struct Shapes {
    first: [u64; 256],
    last: [u64; 256],
}

impl Shapes {
    fn of(names: impl Iterator<Item = &'static str>) -> Self {
        let mut shapes = Self { first: [0; 256], last: [0; 256] };
        for name in names.map(str::as_bytes) {
            if let [first, .., last] | [first @ last] = name {
                shapes.first[usize::from(*first)] |= Self::bit(name);
                shapes.last[usize::from(*last)] |= Self::bit(name);
            }
        }
        shapes
    }

    fn bit(name: &[u8]) -> u64 {
        1 << name.len().min(63)
    }

    /// Whether a piece may be a sign or a subunit, or one with litter behind it.
    fn have(&self, piece: &[u8]) -> bool {
        let ([first, .., last] | [first @ last]) = piece else { return false };
        // See `sign_codes`: points and direction marks at the end are left out.
        let litter = matches!(*last, b'.' | 0x8f);
        litter || self.first[usize::from(*first)] & self.last[usize::from(*last)] & Self::bit(piece) != 0
    }
}

static SIGN_SHAPES: LazyLock<Shapes> =
    LazyLock::new(|| Shapes::of(SIGNS.iter().map(|(sign, _)| *sign).chain(SUBUNITS.iter().copied())));

/// Noun stems: most words beside a number hold none of them.
static NOUN_STEMS: LazyLock<(Anywhere, Vec<Codes>)> =
    LazyLock::new(|| (stems(NOUNS), NOUNS.iter().map(|(_, codes)| Codes::parse(codes)).collect()));

static NATION_STEMS: LazyLock<Anywhere> = LazyLock::new(|| stems(NATIONS));

fn stems(table: &'static [(&'static str, &'static str)]) -> Anywhere {
    Anywhere::as_written(table.iter().map(|(stem, _)| *stem))
}

fn sign_codes(piece: &str) -> Option<&'static Codes> {
    let plain = piece.trim_end_matches(['.', '\u{200f}']);
    SIGN_MAP.get(piece).or_else(|| SIGN_MAP.get(plain).filter(|_| plain.len() < piece.len() && !plain.is_empty()))
}

/// What the text around a piece holds at all.
#[derive(Clone, Copy)]
struct Held {
    /// The stem of a noun of money.
    noun: bool,
    /// The stem of a nation's name.
    nation: bool,
}

impl Held {
    const ANY: Self = Self { noun: true, nation: true };
}

/// The mark that a piece is as a whole.
fn lookup(piece: &str, held: Held) -> Option<Mark> {
    if piece.len() <= *LONGEST_SIGN + 2 {
        if let Some(codes) = sign_codes(piece) {
            return Some(Mark::of(piece, codes));
        }
        if SUBUNIT_SET.contains(piece) {
            return Some(Mark::Subunit(piece.to_owned()));
        }
    }
    // Several words name a currency only where one of them names its nation.
    let several = piece.contains(' ');
    let possible = if several { held.nation || piece.starts_with("de ") } else { held.noun };
    if piece.len() < 3 || !possible || (piece.chars().count() < 3 && !piece.chars().any(is_cjk)) {
        return None;
    }
    named(piece, held.noun)
}

/// `australian dollar`, `svenske kr`, `캐나다 달러`: a noun, and a country that singles out one of its currencies.
fn named(piece: &str, nouns: bool) -> Option<Mark> {
    // `Levi's`: what belongs to somebody is no money.
    if piece.contains('\'') {
        return None;
    }
    let words = piece.split_whitespace().count();
    if words > 4 {
        return None;
    }
    let (stems, codes) = &*NOUN_STEMS;
    let noun = nouns
        .then(|| {
            let hits = stems.find_all(piece.as_bytes()).map(|hit| hit.phrase);
            let hit =
                hits.filter(|i| super::endings::holds_noun(piece, NOUNS[*i].0)).max_by_key(|i| NOUNS[*i].0.len())?;
            Some((NOUNS[hit].0, NOUNS[hit].1, &codes[hit]))
        })
        .flatten();
    let short = || {
        let written = |w: &'_ str| SIGNS.iter().find(|(sign, _)| *sign == w);
        piece.split_whitespace().find_map(|w| {
            let w = w.trim_end_matches('.');
            let codes = SIGN_MAP.get(w)?;
            written(w).map(|(sign, text)| (*sign, *text, codes))
        })
    };
    let (stem, shared, codes) = noun.or_else(|| if words > 1 { short() } else { None })?;
    let nations = NATION_STEMS.find_all(piece.as_bytes()).map(|hit| &NATIONS[hit.phrase]);
    let nation =
        nations.filter(|(name, _)| *name != stem && holds_stem(piece, name)).max_by_key(|(name, _)| name.len());
    if let Some((_, region)) = nation {
        let local = region_currency(region).filter(|code| shared.split(' ').any(|c| c == *code));
        if let Some(currency) = local.and_then(Currency::from_code) {
            return Some(Mark::One(currency));
        }
        // Former money is named by its noun too: `kr Finns i lager` is no markka.
        let former = [("FR", "FRF", "CHF"), ("FI", "FIM", "DEM"), ("NL", "NLG", "NLG")];
        // An adjective that fits no currency of the noun: half understood is not understood.
        let fits = |code: &str, noun: &str| shared.starts_with(noun) || shared == code;
        return former
            .iter()
            .find(|(of, code, noun)| of == region && fits(code, noun))
            .map(|(_, code, _)| Mark::Other((*code).to_owned()));
    }
    // More than one word that is not understood: the noun alone would be a guess.
    (words == 1 || piece.starts_with("de ")).then(|| Mark::of(piece, codes))
}

/// Whether a word of `piece` starts with `stem`, the stem of a nation's name; in scripts without blanks, anywhere.
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
