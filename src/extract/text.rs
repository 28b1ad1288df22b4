//! Small text operations that every reader shares: entities, white space, stripping what no human sees.
//!
//! Nothing here interprets a price.

use std::borrow::Cow;

/// Longest entity name in the HTML standard, without ampersand and semicolon.
const MAX_ENTITY: usize = 32;

/// [`str::trim`], told from the outermost bytes where they are visible ASCII, as they nearly always are.
#[must_use]
pub fn trim(text: &str) -> &str {
    let inner = without_indent(text).trim_ascii();
    match inner.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => inner,
        _ => inner.trim(),
    }
}

/// A text without most of the blanks that its first line is indented by.
#[inline]
fn without_indent(text: &str) -> &str {
    const BLANKS: &str = "        ";
    let mut rest = text.strip_prefix('\n').unwrap_or(text);
    while let Some(more) = rest.strip_prefix(BLANKS) {
        rest = more;
    }
    rest
}

/// Resolves character references and trims white space.
#[must_use]
pub fn decode(raw: &str) -> Cow<'_, str> {
    let raw = trim(raw);
    if memchr::memchr(b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((first, second, len)) => {
                out.push(first);
                out.extend(second);
                rest = &rest[len..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The characters of the reference at the start of `text` and the bytes it takes.
fn reference(text: &str) -> Option<(char, Option<char>, usize)> {
    let body = &text[1..];
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, prefix) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let len = digits.bytes().take(8).take_while(|b| char::from(*b).is_digit(radix)).count();
        let code = u32::from_str_radix(&digits[..len], radix).ok()?;
        let end = prefix + len + usize::from(digits[len..].starts_with(';'));
        // The standard maps the C1 range to Windows-1252; the euro sign at 128 is the one shops use.
        let c = if code == 128 { '€' } else { char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER) };
        return Some((c, None, end));
    }
    let len = body.bytes().take(MAX_ENTITY).take_while(u8::is_ascii_alphanumeric).count();
    let with_semicolon = body.get(..len + 1).filter(|name| name.ends_with(';'));
    // Old names such as `&nbsp` count without semicolon too; the longest prefix wins.
    let (name, (first, second)) =
        with_semicolon.and_then(lookup).or_else(|| (2..=len.min(6)).rev().find_map(|end| lookup(&body[..end])))?;
    Some((first, second, 1 + name.len()))
}

fn lookup(name: &str) -> Option<(&str, (char, Option<char>))> {
    let (first, second) = *html5ever::data::NAMED_ENTITIES.get(name)?;
    let first = char::from_u32(first).filter(|c| *c != '\0')?;
    Some((name, (first, char::from_u32(second).filter(|c| *c != '\0'))))
}

/// Resolves entities and folds every run of white space into one blank.
#[must_use]
pub fn clean(raw: &str) -> Cow<'_, str> {
    match decode(raw) {
        Cow::Borrowed(text) => fold_space(text),
        Cow::Owned(text) => Cow::Owned(fold_space(&text).into_owned()),
    }
}

/// Folds white space, drops control and format characters.
#[must_use]
pub fn fold_space(text: &str) -> Cow<'_, str> {
    let text = trim(text);
    if has_single_blanks(text.as_bytes(), is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let word = rest.bytes().take_while(u8::is_ascii_graphic).count();
        out.push_str(&rest[..word]);
        let mut behind = rest[word..].chars();
        let Some(c) = behind.next() else { break };
        rest = behind.as_str();
        if c.is_whitespace() {
            if !out.ends_with(' ') && !out.is_empty() {
                out.push(' ');
            }
        } else if !is_invisible(c) {
            out.push(c);
        }
    }
    out.truncate(out.trim_end().len());
    Cow::Owned(out)
}

/// Whether a text is printable ASCII with single blanks between words: [`fold_space`] leaves it as it is.
#[must_use]
pub fn is_folded(bytes: &[u8]) -> bool {
    has_single_blanks(bytes, |byte| (b' '..0x7f).contains(&byte))
}

/// Whether a byte belongs to a character that [`fold_space`] keeps, told from the byte alone: the lead bytes of all
/// white space and invisible characters outside of ASCII are left out, and what else they begin with them.
fn is_plain(byte: u8) -> bool {
    // One look in place of six comparisons: texts in other letters than ASCII are read byte by byte.
    static PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            plain[byte] = matches!(byte, 0x20..=0x7e | 0x80..=0xc1 | 0xc3..=0xd7 | 0xd9..=0xe0 | 0xe4..=0xee | 0xf0..);
            byte += 1;
        }
        plain
    };
    PLAIN[byte as usize]
}

/// Whether a text consists of wanted bytes, with single blanks between words.
#[inline]
fn has_single_blanks(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    let ([first, .., last] | [first @ last]) = bytes else { return true };
    let (mut at, mut blank) = (0, false);
    let (words, _) = bytes.as_chunks();
    for eight in words {
        let word = u64::from_le_bytes(*eight);
        let Some(blanks) = blanks_of(word) else { break };
        // The mark of a byte stands in its highest bit, so the last one of the word before comes in at the lowest.
        if blanks & (blanks << 8 | u64::from(blank) << 7) != 0 {
            return false;
        }
        (at, blank) = (at + 8, blanks >> 63 == 1);
    }
    let single = bytes[at..].iter().all(|byte| {
        let doubled = blank && *byte == b' ';
        blank = *byte == b' ';
        !doubled && wanted(*byte)
    });
    single && *first != b' ' && *last != b' '
}

/// Marks the blanks among eight bytes, or says that not all of them are printable ASCII.
#[inline]
const fn blanks_of(word: u64) -> Option<u64> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES * 0x80;
    // No byte of ASCII carries into the next one.
    let printable = word.wrapping_add(ONES * (0x80 - b' ' as u64)) & !word.wrapping_add(ONES) & HIGH;
    if word & HIGH != 0 || printable != HIGH {
        return None;
    }
    Some(!((word ^ (ONES * b' ' as u64)).wrapping_add(HIGH - ONES)) & HIGH)
}

/// Control characters, zero-width characters and direction marks.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// [`str::to_lowercase`], without a search through the tables of Unicode for the letters of most shops.
#[must_use]
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // A capital sigma has another small form at the end of a word.
    if text.contains('Σ') {
        return text.to_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(plain) = rest.bytes().position(|byte| !byte.is_ascii()) {
        out.push_str(&rest[..plain]);
        let mut behind = rest[plain..].chars();
        for c in behind.by_ref().take(1) {
            match small(c) {
                Some(small) => out.push(small),
                None => out.extend(c.to_lowercase()),
            }
        }
        rest = behind.as_str();
    }
    out.push_str(rest);
    // No other letter becomes a capital of ASCII, so those that were copied are the only ones.
    out.make_ascii_lowercase();
    out
}

/// A text in lower case without the accents that capitals lose and that people do not type everywhere, and with one form
/// of letters and apostrophes that have two.
#[must_use]
pub fn unaccented(text: &str) -> String {
    lower(text).chars().filter_map(plain).collect()
}

/// A small letter without its accent; nothing of a mark that stands behind its letter.
fn plain(c: char) -> Option<char> {
    Some(match c {
        // ASCII, Cyrillic, and the scripts that have no accents to lose.
        '\0'..='\x7f' | 'а'..='я' | '\u{e00}'..='\u{1fff}' | '\u{3000}'.. => c,
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => 'c',
        'ď' => 'd',
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => 'e',
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => 'i',
        'ķ' => 'k',
        'ĺ' | 'ļ' | 'ľ' | 'ł' => 'l',
        'ñ' | 'ń' | 'ņ' | 'ň' => 'n',
        'ò'..='ö' | 'ō' | 'ŏ' | 'ő' => 'o',
        'ŕ' | 'ŗ' | 'ř' => 'r',
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => 's',
        'ţ' | 'ť' | 'ț' => 't',
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' | 'ϊ' | 'ΐ' => 'ι',
        'ό' => 'ο',
        'ύ' | 'ϋ' | 'ΰ' => 'υ',
        'ώ' => 'ω',
        'ς' => 'σ',
        'ё' => 'е',
        // The Arabic letters that Persian writes otherwise.
        'ي' | 'ى' => 'ی',
        'ك' => 'ک',
        '’' | 'ʼ' | '´' => '\'',
        '\u{a0}' => ' ',
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => return None,
        _ => c,
    })
}

/// A character in lower case: ASCII, Latin with accents, Cyrillic, Han, Hangul, punctuation; `None` says nothing.
#[must_use]
pub fn small(c: char) -> Option<char> {
    let code = u32::from(c);
    let small = match c {
        '\0'..='\x7f' => return Some(c.to_ascii_lowercase()),
        'À'..='Ö' | 'Ø'..='Þ' | 'А'..='Я' => code + 0x20,
        // Capitals and small letters take turns.
        'Ā'..='į' | 'Ĳ'..='ķ' | 'Ŋ'..='ŷ' => code | 1,
        'Ĺ'..='ň' | 'Ź'..='ž' => code + (code & 1),
        '\u{80}'..='ÿ' | 'а'..='я' | '\u{2000}'..='\u{20ff}' | '\u{2e80}'..='\u{a63f}' | '가'..='힣' => {
            return Some(c);
        }
        _ => return None,
    };
    char::from_u32(small)
}

/// Whether a character is in one of the ranges of letters outside of ASCII that most texts are written in, which have
/// no digits, white space or invisible characters.
#[must_use]
pub const fn is_common_letter(c: char) -> bool {
    matches!(c, 'À'..='ɏ' | 'Ͱ'..='֏' | 'ぁ'..='ヿ' | '㐀'..='鿿' | '가'..='힣')
}

/// At most `max` characters, cut at a character boundary.
#[must_use]
pub fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

/// Removes tags from a fragment of HTML, for names that shops ship with markup inside.
#[must_use]
pub fn without_tags(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'<', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for token in super::scan::Scanner::new(text) {
        match token {
            super::scan::Token::Text { text, .. } => out.push_str(text),
            super::scan::Token::Open(_) | super::scan::Token::Close { .. } => out.push(' '),
            super::scan::Token::Raw { .. } => {}
        }
    }
    Cow::Owned(out)
}

/// The words of a text in lower case, letters and digits only: what titles are compared by.
#[derive(Debug, Clone)]
pub struct Words {
    lower: String,
    /// Byte range of each word.
    places: Vec<(usize, usize)>,
}

impl Words {
    #[must_use]
    pub fn of(text: &str) -> Self {
        let lower = lower(text);
        let mut places = Vec::with_capacity(16);
        let mut start = None;
        let mut step = |at: usize, in_word: bool| match (start, in_word) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                places.push((from, at));
                start = None;
            }
            _ => {}
        };
        if lower.is_ascii() {
            lower.bytes().enumerate().for_each(|(at, byte)| step(at, byte.is_ascii_alphanumeric()));
        } else {
            lower.char_indices().for_each(|(at, c)| step(at, c.is_alphanumeric()));
        }
        places.extend(start.map(|from| (from, lower.len())));
        Self { lower, places }
    }

    /// Every word in order, repeated ones repeatedly.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(start, end)| &self.lower[*start..*end])
    }

    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.places.iter().any(|(start, end)| end - start == word.len() && &self.lower[*start..*end] == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_browsers_do() {
        assert_eq!(
            decode(" &pound;9&#46;99&nbsp;&#x20AC;&euro;&copy 1 &unknown; & &#128; "),
            "£9.99\u{a0}€€© 1 &unknown; & €"
        );
        assert_eq!(decode("a&"), "a&");
        assert_eq!(decode("&#;"), "&#;");
    }

    #[test]
    fn space_is_folded_and_marks_are_dropped() {
        assert_eq!(fold_space(" a\u{a0}\n b\u{200f}c\u{0}"), "a bc");
        assert!(matches!(fold_space("\n größer ж 7 \u{3000}"), Cow::Borrowed("größer ж 7")));
    }

    #[test]
    fn single_blanks_are_told_wherever_they_stand() {
        for length in 3..20 {
            for at in 1..length - 1 {
                for (one, next, folded) in
                    [(' ', 'b', true), (' ', ' ', false), ('\n', 'b', false), ('\x7f', 'b', false)]
                {
                    let mut text = vec![b'a'; length + 1];
                    (text[at], text[at + 1]) = (one as u8, next as u8);
                    assert_eq!(is_folded(&text), folded, "{text:?}");
                }
            }
        }
        assert!(is_folded(b"") && !is_folded(b" a") && !is_folded(b"a ") && !is_folded("é".as_bytes()));
    }

    #[test]
    fn every_character_that_is_not_kept_is_told_from_its_first_byte() {
        for c in (0x80..=0x10_ffff).filter_map(char::from_u32).filter(|c| c.is_whitespace() || is_invisible(*c)) {
            let mut buffer = [0; 4];
            assert!(!is_plain(c.encode_utf8(&mut buffer).as_bytes()[0]), "{c:?}");
        }
    }

    #[test]
    fn lower_case_is_that_of_unicode() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32) {
            assert!(small(c).is_none_or(|small| c.to_lowercase().eq([small])), "{c:?}");
        }
        for text in ["Größe ŁÓDŹ", "ΟΔΟΣ ΣΑΣ", "İĲß Ǆ Ж", "€ 5,– ДЛЯ"] {
            assert_eq!(lower(text), text.to_lowercase());
        }
    }

    #[test]
    fn a_text_without_accents_is_the_same_in_every_spelling() {
        for (text, plain) in [
            ("Épuisé", "epuise"),
            ("E\u{301}PUISE\u{301}", "epuise"),
            ("n’est plus", "n'est plus"),
            ("ΕΞΑΝΤΛΉΘΗΚΕ", "εξαντληθηκε"),
            ("Smørrebrød til Łódź", "smørrebrød til lodz"),
            ("كتاب علي", "کتاب علی"),
        ] {
            assert_eq!(unaccented(text), plain);
            assert_eq!(unaccented(plain), plain);
        }
    }

    #[test]
    fn common_letters_are_nothing_else() {
        for c in (0..=0x10_ffff).filter_map(char::from_u32).filter(|c| is_common_letter(*c)) {
            assert!(!c.is_numeric() && !c.is_whitespace() && !is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn tags_inside_names_disappear() {
        assert_eq!(fold_space(&without_tags("<b>Lamp</b><br>red")), "Lamp red");
    }
}
