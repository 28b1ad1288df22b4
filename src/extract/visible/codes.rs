//! Article numbers that no label announces: the names of their element do.

use super::labels::in_form;
use crate::extract::offer::{MAX_FIELD, field};
use crate::extract::scan::Tag;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Characters of a code at most, and of one that is a number at least.
const LONGEST: usize = 40;
const SHORTEST: usize = 4;

/// The code in an element that is called the article number and holds nothing else, if all such elements between two
/// nodes hold the same one.
pub(super) fn named(tree: &Tree<'_>, start: usize, end: usize) -> Option<String> {
    let mut codes = (start..end.min(tree.nodes.len())).filter_map(|index| {
        let Kind::Text(raw) = tree.nodes[index].kind else { return None };
        let code = text::trim(raw);
        let around = tree.nodes[tree.nodes[index].parent];
        (is_code(code) && around.tag().is_some_and(names_sku) && !tree.is_hidden(index) && !in_form(tree, index))
            .then_some(code)
    });
    let first = codes.next()?;
    codes.all(|code| code == first).then(|| field(first, MAX_FIELD)).flatten()
}

/// Whether a text has the shape of a code: letters and digits in one piece, and no amount or date.
fn is_code(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    plain
        && (SHORTEST..=LONGEST).contains(&text.len())
        && digits > 0
        && (letters > 0 || digits == text.len() || text.contains('-'))
}

/// Whether one of an element's names is that of an article number: `sku`, `product-sku`, `sku_value`.
fn names_sku(tag: &Tag<'_>) -> bool {
    const PARTS: [&str; 8] = ["sku", "product", "item", "value", "number", "code", "no", "text"];
    let is_sku = |name: &str| {
        let part = |part: &str| PARTS.iter().any(|known| part.eq_ignore_ascii_case(known));
        let mut parts = name.split(['-', '_']);
        name.split(['-', '_']).any(|part| part.eq_ignore_ascii_case("sku")) && parts.all(part)
    };
    let names = |key: &str| ["class", "id", "itemprop"].iter().any(|known| key.eq_ignore_ascii_case(known));
    tag.attributes().any(|(key, value)| names(key) && value.split_ascii_whitespace().any(is_sku))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_no_amount_and_no_word() {
        for code in ["TERZO-001", "MW2G3ZM/A", "107177", "12-4471", "AB.12"] {
            assert!(is_code(code), "{code}");
        }
        for text in ["12.90", "N/A", "unknown", "12", "A 12", "€1299", ""] {
            assert!(!is_code(text), "{text}");
        }
    }
}
