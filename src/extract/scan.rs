//! A linear HTML tag scanner: every tag, attribute, comment and raw text element, and no tree.
//!
//! It never backtracks further than the tag it is in, never recurses and never allocates per tag, so a page of any
//! shape costs time proportional to its bytes.

mod sites;
mod tag;
mod word;

use memchr::{memchr, memmem};

use self::sites::Sites;
pub use self::tag::{Attributes, Name, Tag, marks};
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
    skim: Option<Skim<'a>>,
}

/// Reading past tags of no interest without looking at their attributes.
#[derive(Debug, Clone)]
struct Skim<'a> {
    sites: Sites<'a>,
    /// Byte offset of the tag that was passed over last.
    passed: Option<usize>,
    tags: usize,
}

impl<'a> Scanner<'a> {
    #[must_use]
    pub fn new(source: &'a str) -> Self {
        Self { source, bytes: source.as_bytes(), pos: 0, raw: None, texts: true, closes: true, skim: None }
    }

    /// A scanner that starts in the middle of a page; offsets still count from the page's first byte.
    #[must_use]
    pub fn starting_at(source: &'a str, pos: usize) -> Self {
        Self { pos: super::json::ceil_char(source, pos), ..Self::new(source) }
    }

    /// A scanner that passes over tags without reading their attributes while nobody listens to texts, except those of
    /// elements that hold facts about the page and those that have an attribute of [`marks`]. While nobody listens to
    /// end tags either, it gives out only these.
    #[must_use]
    pub fn skimming(source: &'a str) -> Self {
        let skim = Skim { sites: Sites::of(source), passed: None, tags: 0 };
        Self { skim: Some(skim), ..Self::new(source) }
    }

    /// Start tags that a skimming scanner passed over without giving them out.
    #[must_use]
    pub fn passed_tags(&self) -> usize {
        self.skim.as_ref().map_or(0, |skim| skim.tags)
    }

    /// Says whether texts and end tags are given out from here on: most readers need neither for most of a page.
    pub fn listen(&mut self, texts: bool, closes: bool) {
        self.texts = texts;
        self.closes = closes;
    }

    /// Byte offset of the next `<` that is worth a look.
    fn next_mark(&mut self) -> usize {
        let (bytes, mut from) = (self.bytes, self.pos);
        let Some(skim) = self.skim.as_mut().filter(|_| !self.texts && !self.closes) else {
            return next_tag(bytes, from);
        };
        let mut plain = None;
        let mut site = skim.sites.behind(from);
        loop {
            let less = memchr(b'<', &bytes[from..]).map_or(bytes.len(), |step| from + step);
            if site < less {
                if let Some(start) = plain {
                    skim.passed = None;
                    return start;
                }
                site = skim.sites.behind(less - 1);
            }
            let two = [bytes.get(less + 1).copied().unwrap_or(0), bytes.get(less + 2).copied().unwrap_or(0)];
            match two[0] {
                b'/' => plain = None,
                b'!' | b'?' => break skim.keep(plain, less),
                _ if less >= bytes.len() => break less,
                first if first.is_ascii_alphabetic() => {
                    if may_hold_facts(two) && Name::at(bytes, less + 1, bytes.len()).0.holds_facts() {
                        break skim.keep(plain, less);
                    }
                    plain = Some(less);
                    skim.tags += 1;
                }
                _ => {}
            }
            from = less + 1;
        }
    }

    /// The tag at `start` if it need not be read; the scanner then stands behind its name.
    fn pass_over(&mut self, start: usize) -> Option<Tag<'a>> {
        let skim = self.skim.as_mut().filter(|_| self.closes && !self.texts)?;
        let (key, name_end) = Name::at(self.bytes, start + 1, self.bytes.len());
        if key.holds_facts() {
            return None;
        }
        let next = find_near(self.bytes, name_end, b'<').unwrap_or(self.bytes.len());
        if skim.sites.behind(start) < next {
            return None;
        }
        skim.passed = Some(start);
        self.pos = next;
        Some(Tag { name: &self.source[start + 1..name_end], key, attributes: "", at: start, marks: 0 })
    }

    /// Goes on behind the last tag that was passed over, if `at` turns out to lie inside it: in a quoted value.
    fn leave_passed(&mut self, at: usize) -> bool {
        let Some((skim, passed)) = self.skim.as_mut().and_then(|skim| skim.passed.map(|passed| (skim, passed))) else {
            return false;
        };
        let next = self.bytes.get(at + 1).copied().unwrap_or(0);
        if next.is_ascii_alphabetic() && !Name::at(self.bytes, at + 1, self.bytes.len()).0.holds_facts() {
            return false;
        }
        let name_end = Name::at(self.bytes, passed + 1, self.bytes.len()).1;
        let (end, _) = tag::read(self.bytes, name_end, self.bytes.len().min(name_end + MAX_TAG));
        skim.passed = None;
        let inside = end > at && self.bytes.get(end) == Some(&b'>');
        if inside {
            self.pos = end + 1;
        }
        inside
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
        let (end, marks) = tag::read(self.bytes, name_end, limit);
        let (name, attributes) = (&self.source[start + 1..name_end], &self.source[name_end..end]);
        let tag = Tag { name, key, attributes, at: start, marks };
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
            let less = self.next_mark();
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
                // What looks like a comment or a tag of interest may stand in a value of the tag passed over last.
                _ if self.leave_passed(less) => {}
                b'!' | b'?' => self.skip_declaration(less),
                _ if tag => match self.pass_over(less) {
                    Some(passed) if self.closes => return Some(Token::Open(passed)),
                    Some(_) => {}
                    None => return Some(self.open(less)),
                },
                _ => self.pos = (less + 1).min(self.bytes.len()),
            }
        }
        None
    }
}

impl Skim<'_> {
    /// Remembers the tag passed over last, for the look whether `mark` stands inside one of its values.
    fn keep(&mut self, plain: Option<usize>, mark: usize) -> usize {
        self.passed = plain.or(self.passed);
        mark
    }
}

/// Whether a name that begins so may be one of those that [`Name::holds_facts`] lists.
fn may_hold_facts(two: [u8; 2]) -> bool {
    matches!(
        &[two[0] | 0x20, two[1] | 0x20],
        b"me" | b"sc" | b"st" | b"ti" | b"te" | b"li" | b"h1" | b"ht" | b"in" | b"xm"
    )
}

/// Byte offset of the next `<`, or the end. Most tags follow the last one within a few bytes.
fn next_tag(bytes: &[u8], from: usize) -> usize {
    find_near(bytes, from, b'<').unwrap_or(bytes.len())
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
    fn passing_over_tags_loses_nothing_of_interest() {
        let page = r#"<div class="<!-- x"><p title='<meta name=a>'>a<meta name=b content="<!--"><b itemprop=c>d</b>"#;
        let mut scanner = Scanner::skimming(page);
        scanner.listen(false, false);
        let read = scanner.filter_map(|token| match token {
            Token::Open(tag) if !tag.attributes.is_empty() => Some(tag.attributes.trim()),
            _ => None,
        });
        assert_eq!(read.collect::<Vec<_>>(), [r#"name=b content="<!--""#, "itemprop=c"]);
    }

    #[test]
    fn hostile_shapes_stay_linear() {
        for page in ["<".repeat(1_000_000), "<a ".repeat(300_000), "<!--".repeat(200_000), "</".repeat(400_000)] {
            assert!(Scanner::new(&page).count() <= page.len());
        }
    }
}
