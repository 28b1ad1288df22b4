//! State in the attributes of any element: `:product="{…}"` of Vue, `data-react-props`, `wire:snapshot`, Astro's `props`.
//!
//! Looked for only where nothing else states a price, by how such a value begins.

use std::borrow::Cow;

use super::relevant::is_priced;
use crate::extract::harvest::{Harvest, STATE_ATTRIBUTES};
use crate::extract::text;

/// Attributes that are read on one page.
const MAX_ATTRIBUTES: usize = 200;
/// Bytes of one attribute's value.
const MAX_VALUE: usize = 512 * 1024;
/// Bytes of the name of an attribute.
const MAX_NAME: usize = 64;

/// An attribute that may hold state.
#[derive(Debug)]
pub(super) struct Attribute<'p> {
    pub name: &'p str,
    pub value: Cow<'p, str>,
    /// Byte offset of the value in the page.
    pub at: usize,
}

/// Gives out every attribute whose value begins as JSON does and has a key of a price.
pub(super) fn each<'p>(page: &'p str, harvest: &Harvest<'_>, mut take: impl FnMut(Attribute<'p>)) {
    let bytes = page.as_bytes();
    let mut scripts: Vec<(usize, usize)> =
        harvest.scripts.iter().chain(&harvest.json_ld).map(|s| (s.at, s.at + s.text.len())).collect();
    scripts.sort_unstable();
    let mut left = MAX_ATTRIBUTES;
    let mut from = 0;
    // A quote that closes nowhere behind one value closes nowhere behind the next: a page is searched for it once.
    let mut unclosed: Option<u8> = None;
    // Programs are read as programs: only what stands between them is searched.
    for (script, end) in scripts.into_iter().chain([(bytes.len(), bytes.len())]) {
        while let Some(equals) = (from < script && left > 0).then(|| opening(bytes, from, script)).flatten() {
            let start = equals + 2;
            let quote = bytes[start - 1];
            let length = if unclosed == Some(quote) { None } else { memchr::memchr(quote, &bytes[start..]) };
            let Some(length) = length else {
                // Without an end of either kind there is no attribute left.
                if unclosed.is_some_and(|other| other != quote) {
                    return;
                }
                (unclosed, from) = (Some(quote), start);
                continue;
            };
            from = start + length;
            let (name, value) = (name_before(page, equals), &page[start..from]);
            if length <= MAX_VALUE && !is_known(name) && is_priced(value.as_bytes()) {
                left -= 1;
                take(Attribute { name, value: text::decode(value), at: start });
            }
        }
        from = from.max(end);
    }
}

/// Byte offset of the equals sign in front of the next quoted value that begins as JSON does.
fn opening(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let braces = memchr::memchr_iter(b'{', &bytes[from..to]).map(|step| from + step);
    braces
        .filter_map(|at| {
            let before = bytes[from..at].strip_suffix(b"[").unwrap_or(&bytes[from..at]);
            let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'"))?;
            before.ends_with(b"=").then(|| from + before.len() - 1)
        })
        .next()
}

/// The name of the attribute whose equals sign stands at `equals`.
fn name_before(page: &str, equals: usize) -> &str {
    let ends =
        |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'/') || byte >= 0x80;
    let length = page.as_bytes()[..equals].iter().rev().take(MAX_NAME).take_while(|byte| !ends(**byte)).count();
    page.get(equals - length..equals).unwrap_or("")
}

/// Attributes that hold programs, and those that are read on every page.
fn is_known(name: &str) -> bool {
    let begins = |with: &str| name.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
    name.is_empty()
        || begins("on")
        || begins("@")
        || begins("v-on")
        || STATE_ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_by_how_they_begin() {
        let page = r#"<a :p="{&quot;price&quot;:1}" onclick="{price:2}" data-x='[{"price": 3}]'><b data-page="{&quot;price&quot;:4}" d="{a:5}">
            <script>x="{price:6}"</script><c wire:snapshot='{"finalPrice":7}' e="{price:8"#;
        let harvest = Harvest::collect(page);
        let mut found = Vec::new();
        each(page, &harvest, |one| found.push((one.name, one.value.into_owned(), one.at)));
        found.sort_by_key(|one| one.2);
        let shown: Vec<_> = found.iter().map(|(name, value, _)| format!("{name} {value}")).collect();
        assert_eq!(shown, [r#":p {"price":1}"#, r#"data-x [{"price": 3}]"#, r#"wire:snapshot {"finalPrice":7}"#]);
        assert!(found.iter().all(|(_, _, at)| matches!(page.as_bytes()[*at], b'{' | b'[')));
    }

    #[test]
    fn hostile_pages_stay_linear() {
        for unit in ["=\"{", "='{", "=\"{price:1\"", "a='[{\" =\"{'"] {
            let page = unit.repeat(100_000);
            let mut count = 0;
            each(&page, &Harvest::default(), |_| count += 1);
            assert!(count <= MAX_ATTRIBUTES);
        }
    }
}
