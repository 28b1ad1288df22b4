//! A linear HTML tag scanner: every tag, attribute, comment and raw text element, and no tree.
//!
//! It never backtracks further than the tag it is in, never recurses and never allocates per tag, so a page of any
//! shape costs time proportional to its bytes.

mod tag;
mod word;

use memchr::{memchr, memchr2, memchr3, memmem};

pub use self::tag::{Attributes, Name, Tag};
use self::word::{equal, word_at};

/// Something the scanner saw, with byte offsets into the page text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    Open(Tag<'a>),
    Close {
        name: Name,
        at: usize,
    },
    /// Text between tags with entities unresolved; never empty.
    Text {
        text: &'a str,
        at: usize,
    },
    /// The content of `script`, `style`, `textarea` or `title`, following its `Open`.
    Raw {
        text: &'a str,
        at: usize,
    },
}

/// Longest tag that is looked at; what comes after is attributes of an attack, not of a shop.
const MAX_TAG: usize = 256 * 1024;

/// Walks a page from front to back.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    pos: usize,
    /// End tag to look for when the last tag opened a raw text element.
    raw: Option<&'static str>,
    texts: bool,
    closes: bool,
}

impl<'a> Scanner<'a> {
    #[must_use]
    pub fn new(source: &'a str) -> Self {
        Self { source, bytes: source.as_bytes(), pos: 0, raw: None, texts: true, closes: true }
    }

    /// A scanner that starts in the middle of a page; offsets still count from the page's first byte.
    #[must_use]
    pub fn starting_at(source: &'a str, pos: usize) -> Self {
        Self { pos: super::json::ceil_char(source, pos), ..Self::new(source) }
    }

    /// Says whether texts and end tags are given out from here on: most readers need neither for most of a page.
    pub fn listen(&mut self, texts: bool, closes: bool) {
        self.texts = texts;
        self.closes = closes;
    }

    fn raw_text(&mut self, name: &str) -> Option<Token<'a>> {
        let start = self.pos;
        let end = raw_end(&self.bytes[start..], name).map_or(self.bytes.len(), |at| start + at);
        self.pos = end;
        (end > start).then(|| Token::Raw { text: &self.source[start..end], at: start })
    }

    fn open(&mut self, start: usize) -> Token<'a> {
        // Only a tag that is cut at its limit can end inside a character.
        let limit = match self.bytes.len() {
            len if len - start > MAX_TAG => super::json::ceil_char(self.source, start + MAX_TAG),
            len => len,
        };
        let (key, name_end) = Name::at(self.bytes, start + 1, limit);
        let end = tag_end(self.bytes, name_end, limit);
        let tag =
            Tag { name: &self.source[start + 1..name_end], key, attributes: &self.source[name_end..end], at: start };
        self.pos = if end < self.bytes.len() { super::json::ceil_char(self.source, end + 1) } else { end };
        self.raw = raw_name(key);
        Token::Open(tag)
    }

    fn close(&mut self, start: usize) -> Token<'a> {
        let (name, name_end) = Name::at(self.bytes, start + 2, self.bytes.len());
        self.pos = match self.bytes.get(name_end) {
            Some(b'>') => name_end + 1,
            _ => memchr(b'>', &self.bytes[name_end..]).map_or(self.bytes.len(), |at| name_end + at + 1),
        };
        Token::Close { name, at: start }
    }

    /// Skips a comment, a doctype or a processing instruction.
    fn skip_declaration(&mut self, start: usize) {
        let rest = &self.bytes[start..];
        let (from, end): (usize, &[u8]) = if rest.starts_with(b"<!--") { (4, b"-->") } else { (2, b">") };
        // `<!-->` and `<!--->` are complete comments by the HTML standard.
        if rest.starts_with(b"<!-->") || rest.starts_with(b"<!--->") {
            self.pos = start + memchr(b'>', rest).map_or(rest.len(), |at| at + 1);
            return;
        }
        let tail = rest.get(from..).unwrap_or(&[]);
        self.pos = memmem::find(tail, end).map_or(self.bytes.len(), |at| start + from + at + end.len());
    }
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(name) = self.raw.take()
            && let Some(token) = self.raw_text(name)
        {
            return Some(token);
        }
        while self.pos < self.bytes.len() {
            let start = self.pos;
            let less = next_tag(self.bytes, start);
            let next = self.bytes.get(less + 1).copied().unwrap_or(0);
            let tag = next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?');
            if self.texts && (less > start || (!tag && less < self.bytes.len())) {
                // A bare `<` is text: give out everything up to the next real tag as one piece.
                let end = if tag || less == self.bytes.len() {
                    less
                } else {
                    memchr(b'<', &self.bytes[less + 1..]).map_or(self.bytes.len(), |at| less + 1 + at)
                };
                self.pos = end;
                return Some(Token::Text { text: &self.source[start..end], at: start });
            }
            match next {
                b'/' if self.closes => return Some(self.close(less)),
                b'/' if self.texts => drop(self.close(less)),
                b'/' => self.pos = less + 2,
                b'!' | b'?' => self.skip_declaration(less),
                _ if tag => return Some(self.open(less)),
                _ => self.pos = (less + 1).min(self.bytes.len()),
            }
        }
        None
    }
}

/// Byte offset of the next `<`, or the end. Most tags follow the last one within a few bytes, where the set-up of a
/// vector search costs more than the search.
fn next_tag(bytes: &[u8], from: usize) -> usize {
    const NEAR: usize = 4;
    let mut at = from;
    for _ in 0..NEAR {
        let Some(word) = word_at(bytes, at) else { break };
        let found = equal(word, b'<');
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    memchr(b'<', &bytes[at..]).map_or(bytes.len(), |step| at + step)
}

/// Byte offset of the `>` that ends a tag, quotes honoured; `limit` if there is none.
fn tag_end(bytes: &[u8], from: usize, limit: usize) -> usize {
    if bytes.get(from) == Some(&b'>') {
        return from;
    }
    // In nearly every tag the first `>` is the end, and a look at what stands before it proves that.
    if let Some(len) = memchr2(b'>', b'\'', &bytes[from..limit])
        && bytes[from + len] == b'>'
        && ends_outside_quotes(&bytes[from..from + len])
    {
        return from + len;
    }
    careful_tag_end(bytes, from, limit)
}

/// Whether a piece of a tag without single quotes surely does not end inside a quoted value.
fn ends_outside_quotes(piece: &[u8]) -> bool {
    // No value in double quotes holds one: behind `x"` the value is over, behind `="` it may just have begun.
    if let [.., before, b'"'] = piece
        && !matches!(before, b'=' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
    {
        return true;
    }
    memchr::memchr_iter(b'"', piece).count().is_multiple_of(2)
}

fn careful_tag_end(bytes: &[u8], from: usize, limit: usize) -> usize {
    let mut pos = from;
    while let Some(step) = memchr3(b'>', b'"', b'\'', &bytes[pos..limit]) {
        let at = pos + step;
        let byte = bytes[at];
        if byte == b'>' {
            return at;
        }
        // A quote opens a value only right after `=`; elsewhere it is litter, as in `<a title="x"">`.
        let before = bytes[from..at].iter().rposition(|b| !b.is_ascii_whitespace()).map(|i| bytes[from + i]);
        pos = at + 1;
        if before == Some(b'=') {
            match memchr(byte, &bytes[pos..limit]) {
                Some(close) => pos += close + 1,
                // The value never ends: treat the quote as litter so that the rest of the page stays readable.
                None => continue,
            }
        }
    }
    memchr(b'>', &bytes[from..limit]).map_or(limit, |at| from + at)
}

/// The elements whose content is text whatever stands in it.
fn raw_name(name: Name) -> Option<&'static str> {
    const RAW: [(Name, &str); 5] = [
        (Name::of("script"), "script"),
        (Name::of("style"), "style"),
        (Name::of("textarea"), "textarea"),
        (Name::of("title"), "title"),
        (Name::of("xmp"), "xmp"),
    ];
    RAW.iter().find(|(raw, _)| *raw == name).map(|(_, text)| *text)
}

/// Offset of `</name` in any case.
fn raw_end(bytes: &[u8], name: &str) -> Option<usize> {
    memchr::memchr_iter(b'<', bytes).find(|at| {
        let rest = &bytes[at + 1..];
        rest.first() == Some(&b'/')
            && rest.get(1..=name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_raw_text_are_seen() {
        let page = "a<!-- <b> --><P Class='x>y' data-v=1 checked>t &lt; 3 < 4</p><script>if (a<b) '</p>'</SCRIPT>";
        let tokens: Vec<_> = Scanner::new(page).collect();
        let Token::Open(tag) = tokens[1] else { panic!("{tokens:?}") };
        assert!(tag.is(Name::P));
        assert_eq!(tag.attribute("class"), Some("x>y"));
        assert_eq!(tag.attribute("DATA-V"), Some("1"));
        assert_eq!(tag.attribute("checked"), Some(""));
        assert_eq!(&page[tag.offset_of(tag.attribute("data-v").unwrap())..][..1], "1");
        assert!(tokens.iter().any(|t| matches!(t, Token::Raw { text: "if (a<b) '</p>'", .. })));
    }

    #[test]
    fn unclosed_quotes_do_not_swallow_the_page() {
        let tokens: Vec<_> = Scanner::new("<a href=\"x>one</a><b>two</b>").collect();
        assert!(tokens.iter().any(|t| matches!(t, Token::Text { text: "two", .. })), "{tokens:?}");
    }

    #[test]
    fn hostile_shapes_stay_linear() {
        for page in ["<".repeat(1_000_000), "<a ".repeat(300_000), "<!--".repeat(200_000), "</".repeat(400_000)] {
            assert!(Scanner::new(&page).count() <= page.len());
        }
    }
}
