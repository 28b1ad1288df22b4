//! A forgiving JSON reader for what shops really ship inside `<script>`: trailing commas, comments, raw control
//! characters, unescaped quotes, JavaScript literals, several values in a row.
//!
//! Numbers stay text: no price may ever pass through a binary float. Duplicate keys are remembered, not resolved.

use std::borrow::Cow;

use super::scan::word::find_near;
use super::text;

/// Nesting beyond this is cut off; no shop nests product data deeper.
const MAX_DEPTH: usize = 96;
/// Values read from one script before the rest is ignored.
const MAX_VALUES: usize = 400_000;

/// Members that most objects do not exceed.
const FEW: usize = 6;
/// Bytes behind the first escape of a text that room is made for.
const ESCAPED: usize = 64;

/// A JSON value that borrows from the page wherever no escape had to be resolved.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    /// The number as written and its byte offset in the page text.
    Number(&'a str, usize),
    /// The text with escapes resolved and the byte offset of its first character.
    Text(Cow<'a, str>, usize),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// Keys in page order; duplicates are kept so that a reader can refuse them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    pub entries: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Byte offset of the opening brace or of the element that stands for it.
    pub at: usize,
}

impl<'a> Object<'a> {
    /// The first value of `key`; schema.org keys are compared exactly, as every shop writes them.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The first of several keys that is present and neither null nor empty.
    #[must_use]
    pub fn first(&self, keys: &[&str]) -> Option<&Value<'a>> {
        keys.iter().find_map(|key| self.get(key).filter(|value| !value.is_blank()))
    }

    /// Whether `key` occurs twice with different values: a known decoy, and never to be resolved by order.
    #[must_use]
    pub fn contradicts(&self, key: &str) -> bool {
        let mut values = self.entries.iter().filter(|(name, _)| name == key).filter_map(|(_, value)| value.scalar());
        let first = values.next();
        values.any(|other| Some(other.0) != first.map(|f| f.0))
    }
}

impl<'a> Value<'a> {
    #[must_use]
    pub fn object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// Text or number as text, with its byte offset; the first entry of a list stands for the list.
    #[must_use]
    pub fn scalar(&self) -> Option<(&str, usize)> {
        match self {
            Self::Number(text, at) => Some((text, *at)),
            Self::Text(text, at) => Some((text::trim(text), *at)),
            Self::List(items) => items.first().and_then(Self::scalar),
            Self::Object(object) => object.first(&["@value", "value", "name", "@id"]).and_then(Self::scalar),
            Self::Null | Self::Bool(_) => None,
        }
    }

    /// [`Self::scalar`] without the offset.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|(text, _)| text).filter(|text| !text.is_empty())
    }

    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text, _) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text, _) if text.eq_ignore_ascii_case("false") => Some(false),
            Self::Number("1", _) => Some(true),
            Self::Number("0", _) => Some(false),
            _ => None,
        }
    }

    /// The members of a list, or the value itself: schema.org lets every property be repeated.
    #[must_use]
    pub fn each(&self) -> &[Value<'a>] {
        if let Self::List(items) = self { items } else { std::slice::from_ref(self) }
    }

    fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text, _) => text.trim().is_empty(),
            Self::List(items) => items.iter().all(Self::is_blank),
            _ => false,
        }
    }
}

/// Every value in a script, one after the other; text between them is skipped.
///
/// `base` is the byte offset of `source` in the page, so that offsets point into the page.
#[must_use]
pub fn values(source: &str, base: usize) -> Vec<Value<'_>> {
    let mut reader = Reader { source, bytes: source.as_bytes(), pos: 0, base, left: MAX_VALUES };
    let mut found = Vec::new();
    while let Some(at) = memchr::memchr2(b'{', b'[', &reader.bytes[reader.pos..]) {
        reader.pos += at;
        // CDATA and conditional comments open with a bracket that is no list.
        if reader.bytes[reader.pos..].starts_with(b"[CDATA[") {
            reader.pos += 7;
            continue;
        }
        let before = reader.pos;
        found.extend(reader.value(0));
        reader.pos = reader.pos.max(before + 1);
        if reader.left == 0 {
            break;
        }
    }
    found
}

/// The one value that starts at byte `start` of `source`, for JSON embedded in program text.
#[must_use]
pub fn value_at(source: &str, start: usize, base: usize) -> Option<Value<'_>> {
    if start >= source.len() || !source.is_char_boundary(start) {
        return None;
    }
    let mut reader = Reader { source, bytes: source.as_bytes(), pos: start, base, left: MAX_VALUES };
    reader.value(0)
}

struct Reader<'a> {
    source: &'a str,
    bytes: &'a [u8],
    pos: usize,
    base: usize,
    left: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    /// Skips white space, control characters and comments of either kind; mostly there is nothing to skip.
    #[inline]
    fn space(&mut self) {
        if !matches!(self.peek(), Some(b'!'..=b'.' | b'0'..=b'~')) {
            self.skip_space();
        }
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                0..=0x20 | 0x7f => self.pos += 1,
                b'/' if self.bytes.get(self.pos + 1) == Some(&b'/') => self.skip_past(b"\n"),
                b'/' if self.bytes.get(self.pos + 1) == Some(&b'*') => self.skip_past(b"*/"),
                0xc2 if self.bytes.get(self.pos + 1) == Some(&0xa0) => self.pos += 2,
                0xef if self.bytes[self.pos..].starts_with("\u{feff}".as_bytes()) => self.pos += 3,
                _ => return,
            }
        }
    }

    fn skip_past(&mut self, end: &[u8]) {
        let rest = &self.bytes[self.pos..];
        self.pos += memchr::memmem::find(rest, end).map_or(rest.len(), |at| at + end.len());
    }

    fn value(&mut self, depth: usize) -> Option<Value<'a>> {
        self.space();
        if depth > MAX_DEPTH || self.left == 0 {
            self.skip_nested();
            return Some(Value::Null);
        }
        self.left -= 1;
        match self.peek()? {
            b'{' => Some(Value::Object(self.object(depth))),
            b'[' => Some(Value::List(self.list(depth))),
            quote @ (b'"' | b'\'' | b'`') => {
                let at = self.base + self.pos + 1;
                Some(Value::Text(self.string(quote), at))
            }
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Object<'a> {
        let mut object = Object { entries: Vec::with_capacity(FEW), at: self.base + self.pos };
        self.pos += 1;
        loop {
            self.space();
            match self.peek() {
                None => return object,
                Some(b'}') => {
                    self.pos += 1;
                    return object;
                }
                // A stray closing bracket belongs to an outer list: give it back.
                Some(b']') => return object,
                Some(b',' | b';' | b':') => self.pos += 1,
                Some(quote @ (b'"' | b'\'')) => {
                    let key = self.string(quote);
                    self.entry(&mut object, key, depth);
                }
                Some(_) => {
                    let key = self.bare_key();
                    if key.is_empty() {
                        self.pos += 1;
                        self.pos = self.source.ceil_char_boundary(self.pos);
                    } else {
                        self.entry(&mut object, Cow::Borrowed(key), depth);
                    }
                }
            }
        }
    }

    fn entry(&mut self, object: &mut Object<'a>, key: Cow<'a, str>, depth: usize) {
        self.space();
        if self.peek() != Some(b':') {
            return;
        }
        self.pos += 1;
        if let Some(value) = self.value(depth + 1) {
            object.entries.push((key, value));
        }
    }

    fn bare_key(&mut self) -> &'a str {
        let start = self.pos;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'@' | b'-')) {
            self.pos += 1;
        }
        &self.source[start..self.pos]
    }

    fn list(&mut self, depth: usize) -> Vec<Value<'a>> {
        self.pos += 1;
        let mut items = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None => return items,
                Some(b']') => {
                    self.pos += 1;
                    return items;
                }
                Some(b'}') => return items,
                Some(b',' | b';') => self.pos += 1,
                Some(_) => {
                    let before = self.pos;
                    match self.value(depth + 1) {
                        Some(value) => items.push(value),
                        None => return items,
                    }
                    if self.pos == before {
                        self.pos = self.source.ceil_char_boundary(before + 1);
                    }
                }
            }
        }
    }

    /// A quoted text. A quote that is not followed by a delimiter is taken as part of the text: inch marks in
    /// product names break JSON that way in many shops.
    fn string(&mut self, quote: u8) -> Cow<'a, str> {
        self.pos += 1;
        let mut owned: Option<String> = None;
        let mut start = self.pos;
        loop {
            let Some(stop) = find_near(self.bytes, self.pos, [quote, b'\\']) else {
                self.pos = self.bytes.len();
                return finish(owned, &self.source[start..]);
            };
            self.pos = stop;
            if self.bytes[self.pos] == b'\\' {
                let piece = &self.source[start..self.pos];
                // Where one escape stands there are more.
                let text = owned.get_or_insert_with(|| String::with_capacity(2 * piece.len() + ESCAPED));
                text.push_str(piece);
                self.pos += 1;
                if let Some(c) = self.escape() {
                    text.push(c);
                }
                start = self.pos;
            } else if self.closes(quote) {
                let text = finish(owned, &self.source[start..self.pos]);
                self.pos += 1;
                return text;
            } else {
                self.pos += 1;
            }
        }
    }

    /// Whether the quote at the cursor ends the text: a delimiter follows, or the next line starts a new entry.
    fn closes(&self, quote: u8) -> bool {
        let mut newline = false;
        for &byte in &self.bytes[self.pos + 1..] {
            match byte {
                b'\n' => newline = true,
                0..=0x20 => {}
                b',' | b'}' | b']' | b':' | b'/' | b';' | b')' | b'+' => return true,
                other => return newline && other == quote,
            }
        }
        true
    }

    fn escape(&mut self) -> Option<char> {
        let byte = self.peek()?;
        if byte >= 0x80 {
            let c = self.source[self.pos..].chars().next()?;
            self.pos += c.len_utf8();
            return Some(c);
        }
        self.pos += 1;
        Some(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' | b'f' => ' ',
            b'x' => self.hex(2).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER),
            b'u' => self.unicode_escape(),
            other => char::from(other),
        })
    }

    fn unicode_escape(&mut self) -> char {
        let Some(high) = self.hex(4) else { return char::REPLACEMENT_CHARACTER };
        if (0xd800..0xdc00).contains(&high) && self.bytes[self.pos..].starts_with(b"\\u") {
            self.pos += 2;
            // A high surrogate without its low half is no character.
            let low = self.hex(4).filter(|low| (0xdc00..0xe000).contains(low));
            let combined = low.map(|low| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            return combined.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let text = self.source.get(self.pos..self.pos + digits)?;
        let value = u32::from_str_radix(text, 16).ok()?;
        self.pos += digits;
        Some(value)
    }

    /// A number, a literal or any other bare word of JavaScript; words we do not know are null.
    fn word(&mut self) -> Option<Value<'a>> {
        let start = self.pos;
        while self.peek().is_some_and(|b| !matches!(b, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b'\'' | b';' | b':')) {
            if self.bytes[self.pos..].starts_with(b"/*") || self.bytes[self.pos..].starts_with(b"//") {
                break;
            }
            self.pos += 1;
        }
        let word = self.source[start..self.pos].trim_end_matches(|c: char| c.is_whitespace() || c.is_control());
        Some(match word {
            "" => return None,
            "true" | "!0" => Value::Bool(true),
            "false" | "!1" => Value::Bool(false),
            number if is_number(number) => Value::Number(number, self.base + start),
            _ => {
                self.skip_call();
                Value::Null
            }
        })
    }

    /// Skips the argument lists and bodies that follow an unknown word such as `function(a) {...}`.
    fn skip_call(&mut self) {
        while matches!(self.peek(), Some(b'{' | b'[')) {
            self.skip_nested();
        }
    }

    /// Skips one bracketed value without recursion, honouring quotes.
    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => return,
                b'"' => {
                    drop(self.string(b'"'));
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                _ => {}
            }
            self.pos += 1;
            if depth == 0 && matches!(byte, b'}' | b']') {
                return;
            }
        }
    }
}

fn finish<'a>(owned: Option<String>, rest: &'a str) -> Cow<'a, str> {
    match owned {
        None => Cow::Borrowed(rest),
        Some(mut text) => {
            text.push_str(rest);
            Cow::Owned(text)
        }
    }
}

/// `-?digits(.digits)?` with an optional exponent, the JSON grammar loosened by a leading plus or dot.
fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['-', '+']);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value<'_> {
        values(text, 0).remove(0)
    }

    #[test]
    fn shops_broken_json_is_read() {
        let value =
            one("{ // note\n 'a': \"19\" monitor\", b: [1,2,], /* x */ \"c\": \"line\nbreak\", \"price\": 1.10, }");
        let object = value.object().unwrap();
        assert_eq!(object.get("a").unwrap().text(), Some("19\" monitor"));
        assert_eq!(object.get("price").unwrap().text(), Some("1.10"));
        assert_eq!(object.get("b").unwrap().each().len(), 2);
        assert_eq!(object.get("c").unwrap().text(), Some("line\nbreak"));
    }

    #[test]
    fn numbers_keep_their_text_and_offset() {
        let page = r#"  {"p": 123456789012345.670}"#;
        assert_eq!(one(page).object().unwrap().get("p").unwrap(), &Value::Number("123456789012345.670", 8));
        assert_eq!(&page[8..27], "123456789012345.670");
    }

    #[test]
    fn duplicate_keys_that_differ_are_noticed() {
        assert!(one(r#"{"price": 1, "price": 2}"#).object().unwrap().contradicts("price"));
        assert!(!one(r#"{"price": 1, "price": 1}"#).object().unwrap().contradicts("price"));
    }

    #[test]
    fn several_values_and_surrogates() {
        let all = values("<!--{\"a\":\"\\ud83d\\ude00\"}\n;{\"b\":2}-->", 0);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].object().unwrap().get("a").unwrap().text(), Some("😀"));
    }

    #[test]
    fn depth_and_garbage_are_bounded() {
        let deep = "[".repeat(200_000);
        assert!(!values(&deep, 0).is_empty());
        let odd = format!("{}\"x", "{\"a\":".repeat(50_000));
        assert!(!values(&odd, 0).is_empty());
    }
}
