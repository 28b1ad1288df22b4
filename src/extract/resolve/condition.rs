//! Whether the words around one of two prices name a condition on which only that one is paid.
//!
//! What stands next to an amount has been looked at with it. Where a percentage says that one of two amounts is the other
//! one reduced, the words may stand on the other side of that percentage, and are looked at here.

use crate::extract::price;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};
use crate::extract::visible::spots::Spot;

/// Bytes of a page in front of an amount, and behind it, that may hold the words of its row.
const REACH: usize = 2_000;
/// Bytes of a text that may name a condition: more is a description.
const LONGEST: usize = 90;

/// Whether the row of the lower of two amounts says that it is paid with a code, in an app, by members, for several
/// pieces. Its row is the largest box without the higher one; in one box, what stands between the two.
pub(super) fn is_conditional(body: &str, low: &Spot, high: Option<&Spot>) -> bool {
    let ahead = high.filter(|high| high.at < low.at).map(|high| high.at);
    let from = body.floor_char_boundary(low.at.saturating_sub(REACH).max(ahead.unwrap_or(0)));
    let behind = high.filter(|high| high.at > low.at).map_or(low.at + REACH, |high| high.at + 1);
    let tree = Tree::build(body, from, body.floor_char_boundary(behind.min(low.at + REACH)));
    let Some(own) = tree.nodes.iter().position(|node| node.at == low.at && matches!(node.kind, Kind::Text(_))) else {
        return false;
    };
    let other = high.and_then(|high| tree.nodes.iter().position(|node| node.at == high.at && node.at != low.at));
    let holds = |outer: usize, inner: usize| outer <= inner && inner < tree.nodes[outer].end;
    let row = tree.ancestors(own).take_while(|outer| other.is_none_or(|other| !holds(*outer, other))).last();
    let begin = match (other, row) {
        (Some(other), _) if other < own => other + 1,
        (_, Some(row)) => row,
        (_, None) => own,
    };
    let texts = |i: usize| match tree.nodes[i].kind {
        Kind::Text(raw) if !tree.is_hidden(i) && !raw.trim().is_empty() => Some(raw),
        _ => None,
    };
    let amount = |raw: &&str| raw.bytes().any(|b| b.is_ascii_digit()) && price::read_two_marked(raw, &STRICT).is_ok();
    let mut before = (begin..own).rev().filter_map(texts).take_while(|raw| !amount(raw));
    let until = row.map_or(own + 1, |row| tree.nodes[row].end);
    let mut after = (own + 1..until).filter_map(texts).take_while(|raw| !amount(raw));
    before.any(names_condition) || after.any(names_condition)
}

const STRICT: price::Context<'static> =
    price::Context { locale: None, currency: None, decimal_mark: None, hint: None, strict: true };

/// Whether a short text names a condition, whatever it says of percentages.
fn names_condition(raw: &str) -> bool {
    let words = text::clean(raw);
    let end = words.find('%').map_or(words.len(), |at| words[..at].trim_end_matches(is_of_number).len());
    let (before, behind) = (&words[..end], words[end..].trim_start_matches(|c: char| is_of_number(c) || c == '%'));
    let says = |words: &str| price::condition_of(words, "").is_some() || price::speaks_of_members(words);
    raw.len() <= LONGEST && (says(before) || says(behind))
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}')
}
