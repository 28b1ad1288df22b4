//! Which scripts of a page are worth being parsed: those with a key of a price, or of stock where that is open.
//!
//! A script is searched, not read, so the answer is a guess that never leaves out a script that has such a key.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Known;
use super::keys::is_price;
use crate::extract::harvest::Script;

/// Bytes of script that are parsed when markup has answered: state then only confirms.
pub(super) const SMALL: usize = 48 * 1024;
/// Bytes of one script that are parsed at most.
pub(super) const LARGE: usize = 8 * 1024 * 1024;
/// Quotes and blanks between a key and its colon.
const MAX_BETWEEN: usize = 40;
/// What stands for a quotation mark in an attribute, in the state of old Angular and in an address.
const QUOTES: [&[u8]; 3] = [b"&quot;", b"&q;", b"%22"];
/// Bytes of a key that are compared with the known ones, all of which are shorter.
const MAX_KEY: usize = 64;

/// Whether a script can hold a product's price, or its stock where that is open, and is worth its bytes.
pub(super) fn relevant(script: &Script<'_>, known: Known) -> bool {
    static STOCK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("tock"));
    let limit = if known.price { SMALL } else { LARGE };
    if script.text.len() > limit || script.text.len() <= 20 {
        return false;
    }
    let text = script.text.as_bytes();
    let priced = || is_priced(text);
    // Where stock is open, any object may say it; else nothing is taken from objects without a known key.
    if known.price && known.stock {
        return has_key(text, &PRICE, is_price)
            || (has_key(text, &PRICING, is_price) && has_key(text, &PRICE, |_| true));
    }
    priced() || (!known.stock && has_key(text, &STOCK, |_| true))
}

static PRICE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("rice"));
static PRICING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("pricing"));

/// Whether a text has a key that may be a price's.
pub(super) fn is_priced(text: &[u8]) -> bool {
    has_key(text, &PRICE, |_| true) || has_key(text, &PRICING, |_| true)
}

/// Whether a script has a key whose name ends in a stem or goes on after it, `price:`, `"priceAmount" :`, and is
/// `wanted`. A name that an escape may begin is taken for a wanted one.
fn has_key(script: &[u8], stem: &Finder<'_>, wanted: impl Fn(&[u8]) -> bool) -> bool {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_between = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\') || byte.is_ascii_whitespace();
    // Where the last name ends: a stem that stands in it twice says nothing new, and no byte is read for each of them.
    let mut end = 0;
    stem.find_iter(script).any(|at| {
        if at < end {
            return false;
        }
        end = at + script[at..].iter().take_while(|byte| is_name(byte)).count();
        // A quotation mark may be written as a reference or as addresses write it.
        let quoted = QUOTES.iter().find(|quote| script[end..].starts_with(quote)).map_or(0, |quote| quote.len());
        let behind = &script[end + quoted..];
        let colon =
            behind.iter().take(MAX_BETWEEN).position(|byte| !is_between(byte)).map(|skipped| &behind[skipped..]);
        if !colon.is_some_and(|colon| colon.starts_with(b":") || colon.starts_with(b"%3A")) {
            return false;
        }
        let start = at - script[..at].iter().rev().take(MAX_KEY).take_while(|byte| is_name(byte)).count();
        script[..start].ends_with(b"\\") || wanted(&script[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_relevant(text: &str, stock: bool) -> bool {
        relevant(&Script { id: "", kind: "", text, at: 0 }, Known { price: true, stock })
    }

    #[test]
    fn a_known_key_makes_a_script_relevant() {
        for text in [
            r#"var data = {"salePrice": 1, "b": 2};"#,
            r#"JSON.parse("{\"prices\" : {\"a\": 1}}")"#,
            r#"var data = {"\u0070rice": 1, "b": 2};"#,
            r#"{"lowest_price_30d": 1, "pricing": {}}"#,
            "{&quot;price&quot;:1, &quot;b&quot;:2}",
        ] {
            assert!(is_relevant(text, true), "{text}");
        }
        for text in [r#"{"lowest_price_30d": 1, "price list": 2}"#, r#"{"inStock": true, "availability": 1}"#] {
            assert!(!is_relevant(text, true), "{text}");
            assert!(is_relevant(text, false), "{text}");
        }
    }

    #[test]
    fn a_stem_repeated_without_end_costs_one_pass() {
        let script = Script { id: "", kind: "", text: &"rice".repeat(100_000), at: 0 };
        assert!(!relevant(&script, Known::default()));
    }
}
