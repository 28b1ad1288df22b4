//! Prices for members beside the price that anyone pays, each with its label in an element of its own:
//! `£39.00 with Clubcard £49.00 without`.
//!
//! Nobody pays more as a member: where a label and the two amounts beside it say so, neither is believed.

use super::spots::Spot;
use crate::extract::price::{self, Payer, PriceKind, Role};
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};
use crate::money::Money;

/// Nodes between an amount and its label.
const APART: usize = 7;
/// Amounts and labels of one row at most.
const MAX_ROW: usize = 12;
/// Nodes of a box that holds one amount and its label.
const SMALL_BOX: usize = 12;

/// A part of a row of amounts and labels.
#[derive(Debug, Clone, Copy)]
enum Part {
    /// The place of an amount.
    Amount(usize),
    Label(Payer),
}

/// Marks what members pay as such, and what stands beside it as what everybody pays.
pub fn settle(tree: &Tree<'_>, found: &mut [Spot]) {
    let mut done = 0;
    for i in 0..found.len() {
        if found[i].node < done || !may_be_price(&found[i]) || !is_labelled(tree, found, i) {
            continue;
        }
        let (row, end) = row(tree, found, i);
        done = end;
        judge(tree, found, &row);
    }
}

fn may_be_price(spot: &Spot) -> bool {
    let role = matches!(spot.reading.role, Role::Price | Role::List | Role::Member | Role::Conditional);
    spot.marked && role && spot.reading.kind == PriceKind::Exact && !(spot.tile || spot.foreign || spot.struck)
}

/// The text behind an amount, or the one in front of it, if it is near.
fn beside(tree: &Tree<'_>, spot: &Spot, ahead: bool) -> Option<usize> {
    let is_text = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(_)) && !tree.is_hidden(*i);
    let end = tree.nodes[spot.node].end;
    if ahead {
        (spot.node.saturating_sub(APART)..spot.node).rev().find(is_text)
    } else {
        (end..tree.nodes.len().min(end + APART)).find(is_text)
    }
}

fn payer_of(tree: &Tree<'_>, index: usize) -> Option<Payer> {
    match tree.nodes[index].kind {
        // A label has no references but that of a blank.
        Kind::Text(raw) if raw.contains('&') => price::payer(&text::clean(raw)),
        Kind::Text(raw) => price::payer(raw),
        Kind::Element(_) => None,
    }
}

/// The words in an amount's own text that may be labels: in front of it, behind it, and behind its money.
fn own_words(spot: &Spot) -> Option<[&str; 3]> {
    const SHORTEST: usize = 14;
    let bare = !spot.reading.worded && spot.reading.role == Role::Price;
    if bare || spot.raw.len() < SHORTEST {
        return None;
    }
    let numeric = |c: char| c.is_ascii_digit();
    let (first, last) = (spot.raw.find(numeric)?, spot.raw.rfind(numeric)?);
    let behind = spot.raw[last + 1..].trim_start();
    let further = behind.split_once(' ').map_or("", |(_, rest)| rest);
    // The money stands between the words and the number.
    Some([spot.raw[..first].trim_end_matches(|c: char| !c.is_alphabetic()), behind, further])
}

/// The labels in an amount's own text: in front of it and behind it.
fn own_labels(spot: &Spot) -> (Option<Payer>, Option<Payer>) {
    let Some([ahead, behind, further]) = own_words(spot) else { return (None, None) };
    (price::payer(ahead), price::payer(behind).or_else(|| price::payer(further)))
}

/// Whether a label of those who pay less stands right beside an amount.
fn is_labelled(tree: &Tree<'_>, found: &[Spot], i: usize) -> bool {
    let near = |ahead| match beside(tree, &found[i], ahead).map(|text| tree.nodes[text].kind) {
        Some(Kind::Text(raw)) => price::pays_less(raw),
        _ => false,
    };
    let own = || own_words(&found[i]).is_some_and(|words| words.into_iter().any(price::pays_less));
    near(false) || near(true) || own()
}

/// The amounts and labels around a place, with nothing else between them, and the node behind the last of them.
fn row(tree: &Tree<'_>, found: &[Spot], i: usize) -> (Vec<Part>, usize) {
    let of_text = |index: usize| {
        let holds = |spot: &Spot| (spot.node..tree.nodes[spot.node].end).contains(&index);
        found.iter().position(|spot| spot.marked && !spot.sentence && holds(spot))
    };
    let is_text = |at: &usize| matches!(tree.nodes[*at].kind, Kind::Text(_)) && !tree.is_hidden(*at);
    let parts_of = |at: usize| -> Option<Vec<Part>> {
        if let Some(own) = of_text(at).filter(|own| may_be_price(&found[*own])) {
            let (ahead, behind) = own_labels(&found[own]);
            let label = |payer: Option<Payer>| payer.map(Part::Label);
            return Some(label(ahead).into_iter().chain([Part::Amount(own)]).chain(label(behind)).collect());
        }
        payer_of(tree, at).map(|payer| vec![Part::Label(payer)])
    };
    let start = (found[i].node..tree.nodes[found[i].node].end).find(is_text).unwrap_or(found[i].node);
    let end_of = |at: usize| of_text(at).map_or(at + 1, |own| tree.nodes[found[own].node].end);
    let begin_of = |at: usize| of_text(at).map_or(at, |own| found[own].node);
    let mut row = parts_of(start).unwrap_or_else(|| vec![Part::Amount(i)]);
    let mut end = end_of(start);
    while row.len() < MAX_ROW
        && let Some(next) = (end..tree.nodes.len().min(end + APART)).find(is_text)
        && let Some(parts) = parts_of(next)
    {
        row.extend(parts);
        end = end_of(next);
    }
    let mut begin = begin_of(start);
    while row.len() < MAX_ROW
        && let Some(last) = (begin.saturating_sub(APART)..begin).rev().find(is_text)
        && let Some(parts) = parts_of(last)
    {
        row.splice(0..0, parts);
        begin = begin_of(last);
    }
    (row, end)
}

/// The amount that the label at a place of a row belongs to, where the row's order says so: labels stand all in front of
/// their amounts or all behind them.
fn owner(row: &[Part], at: usize) -> Option<usize> {
    let amount = |at: Option<usize>| match row.get(at?) {
        Some(Part::Amount(own)) => Some(*own),
        _ => None,
    };
    match (row.first()?, row.last()?) {
        (Part::Amount(_), Part::Label(_)) => amount(at.checked_sub(1)),
        (Part::Label(_), Part::Amount(_)) => amount(Some(at + 1)),
        _ => None,
    }
}

fn judge(tree: &Tree<'_>, found: &mut [Spot], row: &[Part]) {
    let payers = || row.iter().filter_map(|part| if let Part::Label(payer) = part { Some(*payer) } else { None });
    let says = |payer: Payer| payers().any(|p| p == payer);
    let known = says(Payer::Member);
    // `with charger` names a thing, unless less is paid with it than without it.
    if !(known || says(Payer::With) && says(Payer::Without)) {
        return;
    }
    let opposed = says(Payer::Without) || says(Payer::Anyone);
    let bound =
        |part: &Part| matches!(part, Part::Label(Payer::Member)) || !known && matches!(part, Part::Label(Payer::With));
    let places: Vec<usize> =
        row.iter().filter_map(|part| if let Part::Amount(own) = part { Some(*own) } else { None }).collect();
    let mut amounts: Vec<Money> = places.iter().filter_map(|i| found[*i].money).collect();
    amounts.sort_unstable_by_key(|m| m.minor());
    amounts.dedup();
    let owned = || (0..row.len()).filter(|at| bound(&row[*at])).map(|at| owner(row, at));
    let give = |found: &mut [Spot], i: usize, role: Role| {
        let spot = &mut found[i];
        spot.reading.role = role;
        if role == Role::Price {
            // Its own words are the label that says so.
            (spot.named_else, spot.called_else, spot.reading.worded) = (false, false, false);
        }
    };
    match amounts.as_slice() {
        [_] => {
            let boxed = |i: usize, found: &[Spot]| {
                let outer = tree.nodes[found[i].node].parent;
                let says = |text: usize| matches!(tree.nodes[text].kind, Kind::Text(raw) if price::pays_less(raw));
                let own = own_words(&found[i]).is_some_and(|words| words.into_iter().any(price::pays_less));
                let end = tree.nodes[outer].end;
                outer != 0 && end - outer <= SMALL_BOX && (own || (outer..end).any(says))
            };
            let alone: Vec<usize> = places.into_iter().filter(|i| !opposed && boxed(*i, found)).collect();
            alone.into_iter().for_each(|i| give(found, i, Role::Member));
        }
        [low, high] if low.currency() == high.currency() => {
            let is_low = |i: usize| found[i].money == Some(*low);
            let against = owned().flatten().any(|i| !is_low(i));
            // The dearer one of two is not what members pay; what is with something else may be.
            if against && !known {
                return;
            }
            let roles: Vec<(usize, Role)> = places
                .iter()
                .map(|i| match (against, is_low(*i)) {
                    (true, _) => (*i, Role::Conditional),
                    (false, true) => (*i, Role::Member),
                    (false, false) => (*i, Role::Price),
                })
                .collect();
            // What names call the price before is one for members as well.
            let before = |spot: &Spot| spot.old || spot.reading.role == Role::List && !opposed;
            let roles: Vec<_> =
                roles.into_iter().filter(|(i, role)| *role != Role::Price || !before(&found[*i])).collect();
            roles.into_iter().for_each(|(i, role)| give(found, i, role));
        }
        // Of more than two nobody knows what is with something that is no card.
        _ if !known => {}
        _ => {
            let members: Vec<usize> = owned().flatten().collect();
            members.into_iter().for_each(|i| give(found, i, Role::Member));
        }
    }
}
