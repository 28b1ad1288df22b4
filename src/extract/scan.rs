//! A linear HTML tag scanner: every tag, attribute, comment and raw text element, and no tree.
//!
//! It never backtracks further than the tag it is in, never recurses and never allocates per tag, so a page of any
//! shape costs time proportional to its bytes.

use memchr::{memchr, memchr3, memmem};

/// Something the scanner saw, with byte offsets into the page text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    Open(Tag<'a>),
    Close {
        name: &'a str,
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

/// A start tag; attributes are read on demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tag<'a> {
    /// As written; compare with [`Tag::is`].
    pub name: &'a str,
    /// Everything between the name and the closing bracket.
    pub attributes: &'a str,
    /// Byte offset of `<`.
    pub at: usize,
}

/// Longest tag that is looked at; what comes after is attributes of an attack, not of a shop.
const MAX_TAG: usize = 256 * 1024;

impl<'a> Tag<'a> {
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The raw value of an attribute, entities unresolved; an attribute without value is `""`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a str> {
        self.attributes().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of an attribute with entities resolved and white space trimmed.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<std::borrow::Cow<'a, str>> {
        self.attribute(name).map(super::text::decode)
    }

    /// Name and raw value of every attribute in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { rest: self.attributes }
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
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let is_space = |c: char| c.is_ascii_whitespace() || c == '/' || c == '\0';
        let rest = self.rest.trim_start_matches(is_space);
        if rest.is_empty() {
            self.rest = rest;
            return None;
        }
        // The first character always belongs to the name, even `=`: otherwise the cursor would not move.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..]
            .find(|c: char| c.is_ascii_whitespace() || c == '=' || c == '/' || c == '\0')
            .map_or(rest.len(), |at| at + first);
        let (name, after) = rest.split_at(end);
        let trimmed = after.trim_start();
        let Some(value) = trimmed.strip_prefix('=') else {
            self.rest = after;
            return Some((name, ""));
        };
        let value = value.trim_start();
        let (value, rest) = match value.as_bytes().first() {
            Some(quote @ (b'"' | b'\'')) => {
                let body = &value[1..];
                let end = memchr(*quote, body.as_bytes()).unwrap_or(body.len());
                (&body[..end], body.get(end + 1..).unwrap_or(""))
            }
            _ => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Walks a page from front to back.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    source: &'a str,
    bytes: &'a [u8],
    pos: usize,
    /// End tag to look for when the last tag opened a raw text element.
    raw: Option<&'static str>,
}

impl<'a> Scanner<'a> {
    #[must_use]
    pub fn new(source: &'a str) -> Self {
        Self { source, bytes: source.as_bytes(), pos: 0, raw: None }
    }

    /// A scanner that starts in the middle of a page; offsets still count from the page's first byte.
    #[must_use]
    pub fn starting_at(source: &'a str, pos: usize) -> Self {
        Self { pos: super::json::ceil_char(source, pos), ..Self::new(source) }
    }

    fn raw_text(&mut self, name: &str) -> Option<Token<'a>> {
        let start = self.pos;
        let end = raw_end(&self.bytes[start..], name).map_or(self.bytes.len(), |at| start + at);
        self.pos = end;
        (end > start).then(|| Token::Raw { text: &self.source[start..end], at: start })
    }

    fn open(&mut self, start: usize) -> Option<Token<'a>> {
        let limit = self.bytes.len().min(start + MAX_TAG);
        let name_len =
            self.bytes[start + 1..limit].iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
        let name_end = name_len.map_or(limit, |len| start + 1 + len);
        let name_end = super::json::ceil_char(self.source, name_end);
        let end = tag_end(self.bytes, name_end, limit);
        let end_at = super::json::ceil_char(self.source, end);
        let tag =
            Tag { name: &self.source[start + 1..name_end], attributes: &self.source[name_end..end_at], at: start };
        self.pos = (end_at + 1).min(self.bytes.len());
        self.pos = super::json::ceil_char(self.source, self.pos);
        self.raw = raw_name(tag.name);
        Some(Token::Open(tag))
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
            let less = memchr(b'<', &self.bytes[start..]).map_or(self.bytes.len(), |at| start + at);
            let next = self.bytes.get(less + 1).copied().unwrap_or(0);
            if !(next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?')) && less < self.bytes.len() {
                // A bare `<` is text: give out everything up to the next real tag as one piece.
                let more = memchr(b'<', &self.bytes[less + 1..]).map_or(self.bytes.len(), |at| less + 1 + at);
                self.pos = more;
                return Some(Token::Text { text: &self.source[start..more], at: start });
            }
            if less > start {
                self.pos = less;
                return Some(Token::Text { text: &self.source[start..less], at: start });
            }
            match next {
                b'/' => {
                    let end = memchr(b'>', &self.bytes[less..]).map_or(self.bytes.len(), |at| less + at);
                    self.pos = (end + 1).min(self.bytes.len());
                    let name = self.source[less + 2..end].trim();
                    let name = name.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or("");
                    return Some(Token::Close { name, at: less });
                }
                b'!' | b'?' => self.skip_declaration(less),
                _ => return self.open(less),
            }
        }
        None
    }
}

/// Byte offset of the `>` that ends a tag, quotes honoured; `limit` if there is none.
fn tag_end(bytes: &[u8], from: usize, limit: usize) -> usize {
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

fn raw_name(name: &str) -> Option<&'static str> {
    if !matches!(name.len(), 5 | 6 | 8) {
        return None;
    }
    ["script", "style", "textarea", "title", "xmp"].into_iter().find(|raw| name.eq_ignore_ascii_case(raw))
}

/// Offset of `</name` in any case.
fn raw_end(bytes: &[u8], name: &str) -> Option<usize> {
    let mut pos = 0;
    while let Some(step) = memmem::find(&bytes[pos..], b"</") {
        let at = pos + step;
        let candidate = bytes.get(at + 2..at + 2 + name.len())?;
        if candidate.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(at);
        }
        pos = at + 2;
    }
    None
}

/// Elements that have no content and no end tag.
#[must_use]
pub fn is_void(name: &str) -> bool {
    const VOID: [&str; 14] =
        ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
    name.len() <= 6 && VOID.iter().any(|void| name.eq_ignore_ascii_case(void))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_attributes_and_raw_text_are_seen() {
        let page = "a<!-- <b> --><P Class='x>y' data-v=1 checked>t &lt; 3 < 4</p><script>if (a<b) '</p>'</SCRIPT>";
        let tokens: Vec<_> = Scanner::new(page).collect();
        let Token::Open(tag) = tokens[1] else { panic!("{tokens:?}") };
        assert!(tag.is("p"));
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
