//! Labels that stand behind their amounts, for people who hear a page: `£129.00 current price £159.00 previous price`.

use std::ops::Range;

use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Nodes between an amount and its label.
const REACH: usize = 6;
/// Bytes of a label.
const MAX_LABEL: usize = 60;
/// Letters of a word that two labels share.
const LETTERS: usize = 4;

/// Which of two amounts with labels behind them one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    First,
    Last,
}

/// Whether the nodes of an amount are the first or the last of a pair that has its labels behind: the pair begins with
/// an amount, ends with words, and the words behind both are of one kind.
#[must_use]
pub fn place(tree: &Tree<'_>, amount: Range<usize>) -> Option<Place> {
    let text = |i: usize| if let Kind::Text(raw) = tree.nodes[i].kind { Some(raw) } else { None };
    let next = |from: usize| (from..tree.nodes.len().min(from + REACH)).find_map(|i| Some((i, text(i)?)));
    let last = |to: usize| (to.saturating_sub(REACH)..to).rev().find_map(|i| Some((i, text(i)?)));
    let is_amount =
        |text: Option<(usize, &str)>| text.is_some_and(|(_, raw)| raw.contains(|c: char| c.is_ascii_digit()));
    let (behind, own) = next(amount.end).filter(|(_, raw)| is_label(raw))?;
    let further = next(behind + 1);
    if is_amount(further) {
        let (other, _) = further?;
        let (end, label) = next(other + 1).filter(|(_, raw)| is_label(raw))?;
        return (are_alike(own, label) && !is_amount(next(end + 1))).then_some(Place::First);
    }
    let (ahead, label) = last(amount.start).filter(|(_, raw)| is_label(raw))?;
    (are_alike(own, label) && is_amount(last(ahead))).then_some(Place::Last)
}

fn is_label(raw: &str) -> bool {
    raw.len() <= MAX_LABEL && !raw.contains(|c: char| c.is_ascii_digit()) && raw.contains(char::is_alphabetic)
}

/// Whether two labels differ and share a word: `current price`, `previous price`.
fn are_alike(one: &str, other: &str) -> bool {
    let (one, other) = (text::lower(one), text::lower(other));
    let words = |text: &str| text.split(|c: char| !c.is_alphabetic()).map(str::to_owned).collect::<Vec<_>>();
    let (own, theirs) = (words(&one), words(&other));
    one.trim() != other.trim() && own.iter().any(|word| word.chars().count() >= LETTERS && theirs.contains(word))
}
