//! Texts that still hold tags or character references: `$1<sup>99</sup>`, `&#8364; 12,99`.

use std::borrow::Cow;

use crate::extract::text;
use crate::extract::tree::Tree;
use crate::extract::visible::seams;

/// The text that people see of a text with markup; any other text as it is.
pub(super) fn plain(raw: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'<', b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    if !has_tag(raw) {
        return text::decode(raw);
    }
    let mut seamed = String::new();
    let whole = Tree::build(raw, 0, raw.len()).text_with_seams(0, raw.len() * 2, &mut seamed);
    if whole { Cow::Owned(seams::join(&seamed).0.into_owned()) } else { Cow::Borrowed(raw) }
}

/// Whether a `<` opens or ends an element.
fn has_tag(raw: &str) -> bool {
    raw.split('<').skip(1).any(|rest| {
        rest.strip_prefix('/').unwrap_or(rest).starts_with(|c: char| c.is_ascii_alphabetic()) && rest.contains('>')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_references_are_resolved() {
        for (raw, seen) in [
            ("$1<sup>99</sup>", "$1.99"),
            ("1.299<sup>,99</sup> Lei", "1.299,99  Lei"),
            ("<del>1 299</del> <ins>999 kr</ins>", "1 299 |  999 kr"),
            ("&#8364; 12,99", "€ 12,99"),
            ("1&nbsp;299,00&nbsp;€", "1\u{a0}299,00\u{a0}€"),
            ("< 100 €", "< 100 €"),
            ("Black & Decker 18", "Black & Decker 18"),
        ] {
            assert_eq!(plain(raw), seen, "{raw}");
        }
    }
}
