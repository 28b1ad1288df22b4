//! Labels in a specification table that stands far from the title.
//!
//! Few pages need them, so the table is found by the label of a product code, and only its surroundings are read.

use memchr::memchr_iter;

use super::labels::{self, Labels};
use crate::extract::tree::Tree;

/// Labels of product codes; tables print them in capitals.
const CODES: [&str; 3] = ["EAN", "GTIN", "ISBN"];
/// What all of [`CODES`] end in.
const LAST: u8 = b'N';
/// Bytes in front of such a label and behind it that belong to the same table.
const BEFORE: usize = 2_000;
/// See [`BEFORE`].
const BEHIND: usize = 1_500;
/// Places that are looked at; the words stand in running text too.
const MAX_PLACES: usize = 6;

/// What the first table behind the byte offset `from` says that has a valid product code.
#[must_use]
pub fn far(page: &str, from: usize) -> Option<Labels> {
    let bytes = page.as_bytes();
    let behind = bytes.get(from..)?;
    let letter = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    let mut places: [Vec<usize>; CODES.len()] = Default::default();
    // All labels end in the same letter: one search for it costs less than one for each label.
    for end in memchr_iter(LAST, behind).map(|at| from + at + 1) {
        let spelt = CODES.iter().position(|code| bytes[from..end].ends_with(code.as_bytes()));
        if let Some(label) = spelt
            && places[label].len() < MAX_PLACES
            && !letter((end - CODES[label].len()).checked_sub(1))
            && !letter(Some(end))
        {
            places[label].push(end - CODES[label].len());
        }
    }
    places.into_iter().flatten().find_map(|at| {
        let tree = Tree::build(page, at.saturating_sub(BEFORE), at + BEHIND);
        Some(labels::read(&tree, None)).filter(|labels| labels.gtin.is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_behind_a_long_page_is_found() {
        let text = "<p>Genuine EANS and no EAN code</p>".repeat(2_000);
        let page = format!("{text}<tr><td>Brand<td>Nordlys<tr><td>EAN<td>4006381333931</table>");
        let labels = far(&page, 0);
        assert!(labels.is_none(), "places without a code use the looks up");
        let labels = far(&page, text.len()).unwrap();
        assert_eq!((labels.gtin.as_deref(), labels.brand.as_deref()), (Some("4006381333931"), Some("Nordlys")));
        assert!(far(&page.replace("3931", "3930"), text.len()).is_none());
    }
}
