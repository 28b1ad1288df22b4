//! A bare number in an element of its own right before an amount: `<span>1</span><span>299 kr</span>`.
//!
//! It may be the amount's thousands or a number of something else. Where neither the markup nor another text settles
//! that, the amount is told with its rival, and nobody takes it for sure.

use super::spots::Spot;
use crate::extract::price;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};
use crate::money::{Decimal, Money};

/// Digits of a first group.
const MAX_LEAD: usize = 3;
/// Nodes between the two numbers.
const BETWEEN: usize = 4;
/// Nodes of a box in which a label says what the first number counts.
const LABEL: usize = 6;

/// Elements whose texts can stand in one line.
const INLINE: [&str; 13] = ["span", "b", "strong", "i", "em", "bdi", "font", "big", "ins", "div", "data", "sup", "u"];

/// What names say that a number is no part of an amount.
const COUNTS: [&str; 12] =
    ["qty", "quantity", "count", "antal", "badge", "rating", "step", "menge", "anzahl", "rank", "number", "label"];

/// The amount with the number before it as its thousands, where both readings are open.
#[must_use]
pub fn joined(tree: &Tree<'_>, spot: &Spot) -> Option<Money> {
    let money = spot.money?;
    let behind = groups_behind(&spot.raw)?;
    let is_text = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(_));
    let first = (spot.node..tree.nodes[spot.node].end).find(is_text)?;
    let lead = (first.saturating_sub(BETWEEN)..first).rev().find(is_text)?;
    let Kind::Text(raw) = tree.nodes[lead].kind else { return None };
    let digits = text::trim(raw);
    let bare = (1..=MAX_LEAD).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !bare || digits.starts_with('0') || tree.is_hidden(lead) {
        return None;
    }
    let element = tree.nodes[lead].parent;
    // Only elements that stand in one line, directly in one box, can be parts of one amount.
    let outer = tree.ancestors(first).take(BETWEEN).find(|i| *i < lead)?;
    let inline = |i: usize| {
        tree.ancestors(i).take_while(|i| *i > outer).all(|i| {
            tree.nodes[i].tag().is_none_or(|tag| INLINE.iter().any(|name| tag.name.eq_ignore_ascii_case(name)))
        })
    };
    let counted = |i: usize| {
        let class = tree.facts(i).class.to_ascii_lowercase();
        COUNTS.iter().any(|name| class.contains(name))
    };
    if !inline(first) || !inline(lead) || element > outer && counted(element) || is_labelled(tree, lead, outer) {
        return None;
    }
    let scale = Decimal::from(10_u64.checked_pow(behind)?);
    let whole = Decimal::from_str_exact(digits).ok()?.checked_mul(scale)?.checked_add(money.amount())?;
    Money::exact(whole, money.currency()).ok()
}

/// How many digits stand behind the missing group: three or six, where the amount begins with a group of three.
fn groups_behind(raw: &str) -> Option<u32> {
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 3 {
        return None;
    }
    let mut count = 3;
    let mut rest = &raw[digits..];
    while let Some(next) = rest.strip_prefix([' ', '.', ',', '\'', '\u{a0}', '\u{202f}', '’'])
        && next.bytes().take_while(u8::is_ascii_digit).count() == 3
    {
        count += 3;
        rest = &next[3..];
    }
    Some(count)
}

/// Whether a label before the first number says what it counts: `Antal: 2`.
fn is_labelled(tree: &Tree<'_>, lead: usize, outer: usize) -> bool {
    let from = outer.max(lead.saturating_sub(LABEL));
    let before = (from..lead).rev().find_map(|i| match tree.nodes[i].kind {
        Kind::Text(raw) if !text::trim(raw).is_empty() => Some(text::clean(raw)),
        _ => None,
    });
    before.is_some_and(|words| words.chars().any(char::is_alphabetic) && !price::names_price(&words))
}
