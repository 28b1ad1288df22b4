//! Numbers whose digits stand in elements of one kind that touch each other, `£<i>4</i><i>5</i>`: a page draws them as one
//! number. A raised digit behind a number is a footnote, and stands in an element of its own kind.

use super::seams;
use crate::extract::scan::Name;
use crate::extract::tree::{Kind, SEAM, Tree};

/// Digits that one element may hold of a number: behind more of them two digits are cents.
const CENTS: usize = 2;
/// Digits of a group of thousands: an element that holds more is a number by itself.
const GROUP: usize = 3;

/// Whether a node is a text that may be a part of such a number.
#[must_use]
pub fn may_be_part(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Text(raw) if raw.len() <= GROUP && raw.bytes().all(|b| b.is_ascii_digit()))
}

/// Such a number.
#[derive(Debug)]
pub enum Drawn {
    /// The text of its element, with its digits joined.
    Whole(String),
    /// Nobody can tell where it has a mark: `£<i>45</i><i>9</i>`.
    Unclear,
}

/// The number of an element with this text with seams, if its digits are drawn so; `None` if they are not, or are not all
/// of one number.
#[must_use]
pub fn drawn(tree: &Tree<'_>, element: usize, seamed: &str) -> Option<Drawn> {
    if !seams::touch(seamed) {
        return None;
    }
    let mut parts = seamed.split(SEAM);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    // Few texts have two elements with nothing but digits, and most of those have their cents in one.
    let mut before = parts.next()?;
    let touching = parts.any(|part| is_number(std::mem::replace(&mut before, part)) && is_number(part));
    if !touching {
        return None;
    }
    let is_digit = |index: &usize| matches!(tree.nodes[*index].kind, Kind::Text(raw) if is_number(raw));
    let texts: Vec<usize> = (element..tree.nodes[element].end).filter(is_digit).collect();
    let digits: Vec<&str> = texts
        .iter()
        .filter_map(|index| if let Kind::Text(raw) = tree.nodes[*index].kind { Some(raw) } else { None })
        .collect();
    let whole = digits.concat();
    let (first, last) = (digits.first()?, digits.last()?);
    let alone = seamed.bytes().filter(u8::is_ascii_digit).count() == whole.len();
    // What may be cents or groups of thousands is read as such elsewhere.
    let usual = digits.len() == 2 && last.len() == CENTS
        || first.len() <= GROUP && digits[1..].iter().all(|part| part.len() == GROUP || part.len() == CENTS);
    let money = seamed.contains(|c: char| c.is_alphabetic() || super::spots::is_sign(c));
    if !alone || !money || usual || !texts.windows(2).all(|pair| are_alike(tree, pair[0], pair[1])) {
        return None;
    }
    let split = digits.join(&SEAM.to_string());
    if !seamed.contains(&split) {
        return None;
    }
    let single = digits.iter().all(|part| part.len() == 1);
    Some(if single { Drawn::Whole(seamed.replacen(&split, &whole, 1)) } else { Drawn::Unclear })
}

/// Whether two texts are all that two elements hold which follow each other, with the same name and classes.
fn are_alike(tree: &Tree<'_>, one: usize, other: usize) -> bool {
    let own = |text: usize| tree.nodes[text].parent;
    let (a, b) = (own(one), own(other));
    let raised = |i: usize| [Name::of("sup"), Name::of("sub")].iter().any(|name| tree.nodes[i].is(*name));
    let name = |i: usize| tree.nodes[i].tag().map(|tag| tag.key);
    a != 0
        && tree.nodes[a].end == b
        && tree.nodes[a].parent == tree.nodes[b].parent
        && name(a) == name(b)
        && !raised(a)
        && tree.facts(a).class == tree.facts(b).class
}
