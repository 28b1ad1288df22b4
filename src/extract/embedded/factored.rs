//! State whose repeated values are arguments of a function, as Nuxt 2 ships it:
//! `__NUXT__=(function(a,b){return {name:a,price:b}}("Lamp",129.5))`.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use rustc_hash::FxHashMap;

/// Bytes of an argument that are written in place of its name; longer ones are descriptions.
const MAX_ARGUMENT: usize = 2_048;

/// The object that the function returns with its arguments written out; `None` for scripts of any other form, or when
/// more than `limit` bytes came of it.
pub(super) fn written_out(source: &str, limit: usize) -> Option<String> {
    static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("__NUXT__=(function("));
    let start = MARK.find(source.as_bytes())? + MARK.needle().len();
    let (names, body) = source[start..].split_once(')')?;
    let object = body.find("return")? + "return".len();
    // The arguments stand at the very end, behind the function's closing brace.
    let end = body.rfind("}(")?;
    let returned = body.get(object..end)?;
    let arguments = body[end + 2..].trim_end().trim_end_matches(';').trim_end_matches(')');
    let (names, arguments): (Vec<&str>, Vec<&str>) = (names.split(',').map(str::trim).collect(), split(arguments));
    if names.len() != arguments.len() {
        return None;
    }
    let known: FxHashMap<&str, &str> = names.into_iter().zip(arguments.into_iter().map(str::trim)).collect();
    write(returned, &known, limit)
}

/// Splits at the commas that stand in no bracket and no text.
fn split(arguments: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let bytes = arguments.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' | b'`' => at = text_end(bytes, at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                parts.push(&arguments[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&arguments[start..]);
    parts
}

/// The closing quote of the text that opens at `at`, the last byte if there is none.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != bytes[at] {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    end.min(bytes.len() - 1)
}

/// Copies program text and puts arguments in the place of their names, where those stand as values.
fn write(source: &str, known: &FxHashMap<&str, &str>, limit: usize) -> Option<String> {
    let bytes = source.as_bytes();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
    let mut out = String::with_capacity(source.len());
    let (mut copied, mut at) = (0, 0);
    // The last byte that is no blank: a value stands behind a colon, a comma or an opening bracket.
    let mut before = b' ';
    while at < bytes.len() {
        let byte = bytes[at];
        if matches!(byte, b'"' | b'\'' | b'`') {
            at = text_end(bytes, at) + 1;
        } else if is_name(byte) {
            let end = at + bytes[at..].iter().take_while(|b| is_name(**b)).count();
            let behind = bytes[end..].iter().find(|b| !b.is_ascii_whitespace());
            if matches!(before, b':' | b',' | b'[')
                && matches!(behind, Some(b',' | b'}' | b']'))
                && let Some(argument) = known.get(&source[at..end])
            {
                out.push_str(&source[copied..at]);
                out.push_str(if argument.len() <= MAX_ARGUMENT { argument } else { "null" });
                copied = end;
            }
            at = end;
        } else {
            at += 1;
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        if out.len() > limit {
            return None;
        }
    }
    out.push_str(&source[copied..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_take_the_place_of_their_names() {
        let source = r#"window.__NUXT__=(function(a,b,c){return {a:a,"b":[b,"a,b}"],c:{d:c,e:new Date(a)}}}("x, \"(y)",1.5,void 0));"#;
        let out = written_out(source, 1_000).unwrap();
        assert_eq!(out.trim(), r#"{a:"x, \"(y)","b":[1.5,"a,b}"],c:{d:void 0,e:new Date(a)}}"#);
        assert_eq!(written_out(source, 10), None);
        assert_eq!(written_out(&source.replace(",void 0", ""), 1_000), None, "an argument is missing");
    }

    #[test]
    fn odd_programs_end() {
        for source in ["__NUXT__=(function(a){return \"}(\\", "__NUXT__=(function(){return }(", "__NUXT__=(function("] {
            let _ = written_out(source, 1_000);
        }
        let big = format!("__NUXT__=(function(a){{return [{}0]}}(\"{}\"))", "a,".repeat(10_000), "x".repeat(2_000));
        assert_eq!(written_out(&big, 1 << 20), None);
    }
}
