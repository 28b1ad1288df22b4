//! One tag: its name packed into a number, its attributes read on demand.

use memchr::memchr;

use super::word::{ONES, below, equal, find_near, word_at};

/// The name of an element without regard to case, packed so that a comparison costs one instruction.
///
/// Names of up to eight bytes are exact; longer ones are folded, and no two names of HTML fold to the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(u64);

/// The elements that readers ask for.
macro_rules! elements {
    ($($constant:ident = $text:literal,)*) => {
        impl Name {
            $(pub const $constant: Self = Self::of($text);)*
        }
    };
}

elements! {
    A = "a",
    AREA = "area",
    ASIDE = "aside",
    B = "b",
    BASE = "base",
    BIG = "big",
    BODY = "body",
    BR = "br",
    BUTTON = "button",
    COL = "col",
    DATA = "data",
    DEL = "del",
    DIV = "div",
    EMBED = "embed",
    FOOTER = "footer",
    H1 = "h1",
    H2 = "h2",
    H3 = "h3",
    HR = "hr",
    HTML = "html",
    I = "i",
    IFRAME = "iframe",
    IMG = "img",
    INPUT = "input",
    INS = "ins",
    LABEL = "label",
    LINK = "link",
    META = "meta",
    METER = "meter",
    NAV = "nav",
    NOSCRIPT = "noscript",
    OPTION = "option",
    P = "p",
    PARAM = "param",
    S = "s",
    SCRIPT = "script",
    SELECT = "select",
    SOURCE = "source",
    STRIKE = "strike",
    STRONG = "strong",
    STYLE = "style",
    TEMPLATE = "template",
    TIME = "time",
    TEXTAREA = "textarea",
    TITLE = "title",
    TRACK = "track",
    UL = "ul",
    WBR = "wbr",
    XMP = "xmp",
}

impl Name {
    /// Packs a name as it stands in a page or in program text.
    #[must_use]
    pub const fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut packed = 0;
        let mut i = 0;
        while i < bytes.len() {
            packed = fold(packed, bytes[i], i);
            i += 1;
        }
        Self(packed)
    }

    /// The place of the name among 256 bits.
    #[inline]
    const fn bit(self) -> (usize, u64) {
        // The multiplier is 2^64 divided by the golden ratio: it spreads names that differ in any byte.
        let place = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        ((place >> 6) as usize, 1 << (place & 63))
    }

    /// The name that starts at byte `from` and where it ends.
    #[inline]
    pub(super) fn at(bytes: &[u8], from: usize, limit: usize) -> (Self, usize) {
        if let Some(word) = word_at(bytes, from).filter(|_| from + 8 <= limit) {
            let ends = below(word, 0x21) | equal(word, b'>') | equal(word, b'/');
            if ends != 0 {
                // Only the lowest of the marks is exact, and that is the end of the name.
                let bits = ends.trailing_zeros() & !7;
                let kept = (word | (0x20 * ONES)) & !(u64::MAX << bits);
                return (Self(kept), from + bits as usize / 8);
            }
        }
        let mut packed = 0;
        let mut at = from;
        while at < limit && !(bytes[at] < 0x21 || matches!(bytes[at], b'>' | b'/')) {
            packed = fold(packed, bytes[at], at - from);
            at += 1;
        }
        (Self(packed), at)
    }

    /// Elements that have no content and no end tag.
    #[must_use]
    #[inline]
    pub fn is_void(self) -> bool {
        static VOID: Names<14> = Names::of([
            "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
            "wbr",
        ]);
        VOID.have(self)
    }

    /// Elements that hold others and are closed by hand: an end tag of theirs never ends something inside an item only.
    #[must_use]
    pub fn is_box(self) -> bool {
        static BOXES: Names<16> = Names::of([
            "div", "body", "html", "main", "section", "article", "header", "footer", "aside", "nav", "ul", "ol", "li",
            "table", "td", "form",
        ]);
        BOXES.have(self)
    }

    /// `li`, `p`, `tr` and the like end when a sibling opens.
    #[must_use]
    #[inline]
    pub fn ends_at_sibling(self) -> bool {
        static SIBLINGS: Names<8> = Names::of(["li", "p", "tr", "td", "th", "dt", "dd", "option"]);
        SIBLINGS.have(self)
    }
}

/// A set of names that is asked of every tag of a page.
///
/// Most tags have none of the names, and one bit tells so: a comparison with each name costs three times as much.
#[derive(Debug)]
pub struct Names<const N: usize> {
    bits: [u64; 4],
    names: [Name; N],
}

impl<const N: usize> Names<N> {
    #[must_use]
    pub const fn of(texts: [&str; N]) -> Self {
        let mut set = Self { bits: [0; 4], names: [Name(0); N] };
        let mut i = 0;
        while i < N {
            let name = Name::of(texts[i]);
            let (word, bit) = name.bit();
            set.bits[word] |= bit;
            set.names[i] = name;
            i += 1;
        }
        set
    }

    #[must_use]
    #[inline]
    pub fn have(&self, name: Name) -> bool {
        let (word, bit) = name.bit();
        self.bits[word] & bit != 0 && self.names.contains(&name)
    }
}

const fn fold(packed: u64, byte: u8, index: usize) -> u64 {
    // Bit 5 is the case of a letter and set in every digit.
    let byte = (byte | 0x20) as u64;
    if index < 8 { packed | byte << (index * 8) } else { (packed.rotate_left(7) ^ byte).wrapping_mul(0x100_0000_01b3) }
}

/// Whether a byte separates the parts of a tag: white space, and control characters with it.
const fn is_space(byte: u8) -> bool {
    byte < 0x21
}

/// The first byte at or after `from` that is no white space; with `slashes` no slash either.
fn skip_space(bytes: &[u8], from: usize, slashes: bool) -> usize {
    let mut at = from;
    while bytes.get(at).is_some_and(|byte| is_space(*byte) || (slashes && *byte == b'/')) {
        at += 1;
    }
    at
}

/// Where the attribute name ends that `from` lies in.
fn name_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(word) = word_at(bytes, at) {
        let ends = below(word, 0x21) | equal(word, b'=') | equal(word, b'>') | equal(word, b'/');
        if ends != 0 {
            // Only the lowest of the marks is exact.
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !is_space(*byte) && !matches!(byte, b'=' | b'>' | b'/')) {
        at += 1;
    }
    at
}

/// A start tag; attributes are read on demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tag<'a> {
    /// As written; compare with [`Tag::is`].
    pub name: &'a str,
    pub key: Name,
    /// Everything between the name and the closing bracket.
    pub attributes: &'a str,
    /// Byte offset of `<`.
    pub at: usize,
    /// Kinds of attributes that were seen while the end of the tag was looked for, see [`marks`].
    pub marks: u8,
}

/// Kinds of attributes that few tags have and some reader waits for.
pub mod marks {
    /// `itemprop`, `itemscope` or `itemtype`.
    pub const MICRODATA: u8 = 1;
    /// `typeof`.
    pub const RDFA: u8 = 2;
    /// `data-` with one of the letters that names of product state begin with.
    pub const STATE: u8 = 4;
}

/// Reads the attributes of a tag from `from` on: where the tag ends, `limit` if it does not, and its [`marks`].
pub(super) fn read(bytes: &[u8], from: usize, limit: usize) -> (usize, u8) {
    let bytes = &bytes[..limit];
    let mut seen = 0;
    let mut at = from;
    loop {
        at = skip_space(bytes, at, true);
        match bytes.get(at) {
            None => break,
            Some(b'>') => return (at, seen),
            Some(_) => {}
        }
        let start = at;
        at = name_end(bytes, at + 1);
        if at - start >= 6 {
            seen |= mark_of(bytes, start);
        }
        let equals = skip_space(bytes, at, false);
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        at = skip_space(bytes, equals + 1, false);
        match bytes.get(at) {
            // A value that never ends: the quote is litter, so that the rest of the page stays readable.
            Some(quote @ (b'"' | b'\'')) => at = find_near(bytes, at + 1, [*quote]).map_or(at, |end| end) + 1,
            _ => at += bytes[at..].iter().take_while(|byte| !is_space(**byte) && **byte != b'>').count(),
        }
    }
    // The tag never ends: the first bracket is the best guess, whatever it stands in.
    (memchr(b'>', &bytes[from..]).map_or(limit, |step| from + step), seen)
}

/// Where a tag ends whose attributes are read from `from` on, `limit` if it does not: [`read`] without the marks.
pub(super) fn end(bytes: &[u8], from: usize, limit: usize) -> usize {
    let bytes = &bytes[..limit];
    if let Some(stop) = find_near(bytes, from, *b">'")
        && bytes[stop] == b'>'
        && ends_outside(&bytes[from..stop])
    {
        return stop;
    }
    let mut at = from;
    while let Some(stop) = find_near(bytes, at, *b"\"'>") {
        match bytes[stop] {
            b'>' => return stop,
            quote if opens_value(&bytes[from..stop]) => {
                at = find_near(bytes, stop + 1, [quote]).map_or(stop, |end| end) + 1;
            }
            _ => at = stop + 1,
        }
    }
    memchr(b'>', &bytes[from..]).map_or(limit, |step| from + step)
}

/// Whether a quote behind these attributes opens a value: elsewhere it is a letter of a name or a value.
#[inline]
fn opens_value(before: &[u8]) -> bool {
    before.ends_with(b"=") || before.trim_ascii_end().ends_with(b"=")
}

/// Whether attributes without single quotes surely end outside of a value, as nearly all do: with a double quote that
/// opens none, whether it closes one or is a letter, or without any quote.
#[inline]
fn ends_outside(attributes: &[u8]) -> bool {
    let mut rest = attributes;
    while let [before @ .., b' ' | b'/'] = rest {
        rest = before;
    }
    match rest {
        [] => true,
        [before @ .., b'"'] => !opens_value(before),
        _ => false,
    }
}

/// What an attribute is, by the first eight bytes of its name.
fn mark_of(bytes: &[u8], start: usize) -> u8 {
    const fn name(text: &[u8; 8]) -> u64 {
        u64::from_le_bytes(*text)
    }
    let Some(word) = word_at(bytes, start) else { return 0 };
    let word = word | (ONES * 0x20);
    match word {
        _ if word == name(b"itemprop") || word == name(b"itemscop") || word == name(b"itemtype") => marks::MICRODATA,
        _ if word << 16 == name(b"  typeof") & !0xffff => marks::RDFA,
        _ if word << 24 == name(b"   data-") & !0xff_ffff
            && matches!((word >> 40) as u8, b'p' | b'm' | b'g' | b't') =>
        {
            marks::STATE
        }
        _ => 0,
    }
}

impl<'a> Tag<'a> {
    /// Whether this is an element of the given name.
    #[must_use]
    pub fn is(&self, name: Name) -> bool {
        self.key == name
    }

    /// Byte offset behind the attributes.
    #[must_use]
    pub fn end(&self) -> usize {
        self.at + 1 + self.name.len() + self.attributes.len()
    }

    /// The raw value of an attribute, entities unresolved; an attribute without value is `""`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of an attribute with entities resolved and white space trimmed.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<std::borrow::Cow<'a, str>> {
        self.attribute(name).map(crate::extract::text::decode)
    }

    /// Name and raw value of every attribute in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { source: self.attributes, pos: 0 }
    }

    /// Whether the tag closes itself: `<g/>`, but not `<a href=/>`.
    #[must_use]
    #[inline]
    pub fn closes_itself(&self) -> bool {
        self.attributes.ends_with('/') && !self.attributes.ends_with("=/")
    }

    /// Byte offset in the page of a slice obtained from this tag.
    #[must_use]
    pub fn offset_of(&self, part: &str) -> usize {
        let start = self.attributes.as_ptr() as usize;
        let inside = (part.as_ptr() as usize).saturating_sub(start);
        self.at + 1 + self.name.len() + inside.min(self.attributes.len())
    }
}

/// Iterator over the attributes of one tag.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    source: &'a str,
    pos: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.source.as_bytes();
        let start = skip_space(bytes, self.pos, true);
        if start >= bytes.len() {
            self.pos = bytes.len();
            return None;
        }
        // The first byte always belongs to the name, even `=`: otherwise the cursor would not move.
        let end = name_end(bytes, start + 1);
        let name = &self.source[start..end];
        let equals = skip_space(bytes, end, false);
        if bytes.get(equals) != Some(&b'=') {
            self.pos = end;
            return Some((name, ""));
        }
        let from = skip_space(bytes, equals + 1, false);
        match bytes.get(from) {
            Some(quote @ (b'"' | b'\'')) => {
                let close = find_near(bytes, from + 1, [*quote]).unwrap_or(bytes.len());
                self.pos = (close + 1).min(bytes.len());
                Some((name, &self.source[from + 1..close]))
            }
            _ => {
                self.pos = from + bytes[from..].iter().take_while(|byte| !is_space(**byte)).count();
                Some((name, &self.source[from..self.pos]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_where_its_attributes_do() {
        for (attributes, end) in [
            (r#">b"#, 0),
            (r#" / >b"#, 3),
            (r#" class="a" >b"#, 11),
            (r#" class="a>" id="b"/>c"#, 19),
            (r#" x='a">' y="b">c"#, 14),
            (r#" x="a'>" y="b">c"#, 14),
            (r#" x = ">" y>c"#, 10),
            (r#" a" b>c"#, 5),
            (r#" x=">b"#, 4),
            (r#" href=/a>b"#, 8),
        ] {
            assert_eq!(super::end(attributes.as_bytes(), 0, attributes.len()), end, "{attributes}");
            assert_eq!(read(attributes.as_bytes(), 0, attributes.len()).0, end, "{attributes}");
        }
    }

    #[test]
    fn a_set_has_its_names_and_no_others() {
        let names = ["a", "br", "textarea", "blockquote"];
        let set = Names::of(names);
        for name in names {
            assert!(set.have(Name::of(name)) && set.have(Name::of(&name.to_uppercase())), "{name}");
        }
        for code in 0..26_u32.pow(3) {
            let letters = [code / 676, code / 26 % 26, code % 26].map(|letter| char::from_u32(97 + letter).unwrap());
            assert!(!set.have(Name::of(&String::from_iter(letters))), "{letters:?}");
        }
    }
}
