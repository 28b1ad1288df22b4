//! A linear HTML tag scanner: every tag, attribute, comment and raw text element, and no tree.
//!
//! It never backtracks further than the tag it is in, never recurses and never allocates per tag, so a page of any
//! shape costs time proportional to its bytes. It steps from tag to tag, or leaps to the next one of interest.

mod leap;
mod tag;
pub(in crate::extract) mod word;

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memmem};

pub use self::leap::{Edge, edges};
pub use self::tag::{Attributes, Name, Names, Tag, marks};
use self::word::find_near;

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
    marks: bool,
}

impl<'a> Scanner<'a> {
    #[must_use]
    pub fn new(source: &'a str) -> Self {
        Self { source, bytes: source.as_bytes(), pos: 0, raw: None, texts: true, closes: true, marks: true }
    }

    /// A scanner that starts in the middle of a page and leaves out [`Tag::marks`]; offsets still count from the page's
    /// first byte.
    #[must_use]
    pub fn starting_at(source: &'a str, pos: usize) -> Self {
        Self { pos: source.ceil_char_boundary(pos), marks: false, ..Self::new(source) }
    }

    /// Says whether texts and end tags are given out from here on: most readers need neither for most of a page.
    pub fn listen(&mut self, texts: bool, closes: bool) {
        self.texts = texts;
        self.closes = closes;
    }

    /// Makes the tag that starts at byte `at` the next one again.
    pub fn go_back(&mut self, at: usize) {
        (self.pos, self.raw) = (at, None);
    }

    /// The content of the raw text element that the last tag opened.
    fn raw_token(&mut self) -> Option<Token<'a>> {
        self.raw.take().and_then(|name| self.raw_text(name))
    }

    fn raw_text(&mut self, name: &str) -> Option<Token<'a>> {
        let start = self.pos;
        let end = raw_end(&self.bytes[start..], name).map_or(self.bytes.len(), |at| start + at);
        self.pos = end;
        (end > start).then(|| Token::Raw { text: &self.source[start..end], at: start })
    }

    #[inline]
    fn open(&mut self, start: usize) -> Token<'a> {
        // Only a tag that is cut at its limit can end inside a character.
        let limit = match self.bytes.len() {
            len if len - start > MAX_TAG => self.source.ceil_char_boundary(start + MAX_TAG),
            len => len,
        };
        let (key, name_end) = Name::at(self.bytes, start + 1, limit);
        let (end, marks) = match self.marks {
            true => tag::read(self.bytes, name_end, limit),
            false => (tag::end(self.bytes, name_end, limit), 0),
        };
        let (name, attributes) = (&self.source[start + 1..name_end], &self.source[name_end..end]);
        let tag = Tag { name, key, attributes, at: start, marks };
        self.pos = match self.bytes.get(end) {
            Some(b'>') => end + 1,
            Some(_) => self.source.ceil_char_boundary(end + 1),
            None => end,
        };
        self.raw = raw_name(key);
        Token::Open(tag)
    }

    #[inline]
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
        self.pos = declaration_end(self.bytes, start).unwrap_or(self.bytes.len());
    }
}

/// Byte offset behind the comment, doctype or processing instruction that starts at `start`; `None` if it has no end.
fn declaration_end(bytes: &[u8], start: usize) -> Option<usize> {
    static COMMENT_END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("-->"));
    let rest = &bytes[start..];
    let end = match rest {
        // `<!-->` and `<!--->` are complete comments by the HTML standard.
        [b'<', b'!', b'-', b'-', b'>', ..] => 5,
        [b'<', b'!', b'-', b'-', b'-', b'>', ..] => 6,
        [b'<', b'!', b'-', b'-', ..] => 4 + COMMENT_END.find(&rest[4..])? + 3,
        _ => memchr(b'>', rest)? + 1,
    };
    Some(start + end)
}

impl<'a> Iterator for Scanner<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.step()
    }
}

impl<'a> Scanner<'a> {
    /// [`Iterator::next`] as a part of its caller, for the one reader that takes every token of a page.
    #[inline(always)]
    pub fn step(&mut self) -> Option<Token<'a>> {
        if self.raw.is_some()
            && let Some(token) = self.raw_token()
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

/// Byte offset of the next `<`, or the end. Most tags follow the last one within a few bytes.
fn next_tag(bytes: &[u8], from: usize) -> usize {
    find_near(bytes, from, *b"<").unwrap_or(bytes.len())
}

/// The elements whose content is text whatever stands in it.
#[inline]
fn raw_name(name: Name) -> Option<&'static str> {
    const TEXTS: [&str; 5] = ["script", "style", "textarea", "title", "xmp"];
    static RAW: Names<5> = Names::of(TEXTS);
    if RAW.have(name) { TEXTS.into_iter().find(|text| Name::of(text) == name) } else { None }
}

/// Offset of `</name` in any case.
fn raw_end(bytes: &[u8], name: &str) -> Option<usize> {
    let of_name = |at: &usize| {
        bytes.get(at + 1) == Some(&b'/')
            && bytes.get(at + 2..at + 2 + name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    };
    // Programs have few of this sign, and one byte is searched for twice as fast as two.
    memchr_iter(b'<', bytes).find(of_name)
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
