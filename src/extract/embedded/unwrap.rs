//! State that a script carries inside a text or written with references, and lists that stand for single values.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::extract::json::{self, Value};
use crate::extract::text;

/// Texts of one script that are tried for being state.
const MAX_TRIES: usize = 8;

/// The JSON that a script's text stands for, where it does not stand there as it is.
pub(super) fn unwrapped(source: &str) -> Option<String> {
    let opening = text::cut(text::trim(source), 8);
    if opening.starts_with("{&q;") || opening.starts_with("[{&q;") {
        return Some(without_references(source));
    }
    if opening.starts_with("{&quot;") || opening.starts_with("[{&quot;") {
        return Some(text::decode(source).into_owned());
    }
    parsed(source)
}

/// `JSON.parse("{\"a\":1}")`: the text inside is JSON once more escaped, or encoded as an address is.
fn parsed(source: &str) -> Option<String> {
    static PARSE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("JSON.parse("));
    const DECODE: &str = "decodeURIComponent(";
    PARSE.find_iter(source.as_bytes()).take(MAX_TRIES).find_map(|at| {
        let start = at + PARSE.needle().len();
        let encoded = source[start..].trim_start().starts_with(DECODE);
        let start = if encoded { start + source[start..].find(DECODE)? + DECODE.len() } else { start };
        let Some(Value::Text(inner, _)) = json::value_at(source, start, 0) else { return None };
        let inner = if encoded { Cow::Owned(percent_decoded(&inner)) } else { inner };
        inner.trim_start().starts_with(['{', '[']).then(|| inner.into_owned())
    })
}

/// Old Angular writes `&q;` for a quotation mark and so on, `&a;` for the ampersand.
fn without_references(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let plain = match rest.as_bytes().get(at + 1..at + 3) {
            Some(b"q;") => '"',
            Some(b"s;") => '\'',
            Some(b"a;") => '&',
            Some(b"l;") => '<',
            Some(b"g;") => '>',
            _ => '\0',
        };
        let known = plain != '\0';
        out.push(if known { plain } else { '&' });
        rest = &rest[at + if known { 3 } else { 1 }..];
    }
    out.push_str(rest);
    out
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        out.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(out).unwrap_or_else(|broken| String::from_utf8_lossy(broken.as_bytes()).into_owned())
}

/// Astro writes every value as a pair of its kind and itself: `[0, 129.5]`.
pub(super) fn without_kinds(value: &mut Value<'_>) {
    match value {
        Value::List(pair) if matches!(pair.as_slice(), [Value::Number(kind, _), _] if kind.len() <= 2) => {
            let mut inner = pair.pop().unwrap_or(Value::Null);
            without_kinds(&mut inner);
            *value = inner;
        }
        Value::List(items) => items.iter_mut().for_each(without_kinds),
        Value::Object(object) => object.entries.iter_mut().for_each(|(_, inner)| without_kinds(inner)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_inside_of_texts_is_found() {
        for (source, wanted) in [
            (r#"a = JSON.parse("{\"a\":1}")"#, Some(r#"{"a":1}"#)),
            (r#"JSON.parse(x); JSON.parse('[1]')"#, Some("[1]")),
            (r#"JSON.parse(decodeURIComponent("%7B%22a%22%3A%22%C3%A9%25%22%7D"))"#, Some(r#"{"a":"é%"}"#)),
            ("{&q;a&q;: &q;b&s;c &a; d & e&l;&z;&q;}", Some(r#"{"a": "b'c & d & e<&z;"}"#)),
            ("{&quot;a&quot;: 1}", Some(r#"{"a": 1}"#)),
            (r#"{"a": "JSON.parse(1)"}"#, None),
        ] {
            assert_eq!(unwrapped(source).as_deref(), wanted, "{source}");
        }
    }

    #[test]
    fn kinds_are_taken_off() {
        let source = r#"{"a":[0,{"b":[0,"x"],"c":[1,[[0,1],[0,2]]]}],"d":[1,2,3]}"#;
        let mut value = json::value_at(source, 0, 0).unwrap();
        without_kinds(&mut value);
        let plain = r#"{"a":{"b":"x","c":[1,2]},"d":[1,2,3]}"#;
        let shape = |value: &Value<'_>| format!("{value:?}").replace(|c: char| c.is_ascii_digit(), "");
        assert_eq!(shape(&value), shape(&json::value_at(plain, 0, 0).unwrap()));
    }
}
