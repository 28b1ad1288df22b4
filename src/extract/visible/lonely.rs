//! Names and words that make an amount something else than the price, where no other amount on the page bears them out.
//!
//! A price before has a lower price beside it, a price per piece or measure a higher one.

use super::add_reason;
use super::choices::in_label;
use super::spots::Spot;
use crate::extract::price::{PriceKind, Role};
use crate::extract::tree::Tree;
use crate::money::Money;

/// Nodes between an amount and the one that its names speak of.
const BESIDE: usize = 120;
/// Nodes between the price of a pack and that of one piece in the same box.
const SAME_BOX: usize = 14;
/// How many times a price the one before it is at most.
const MOST_REDUCED: i64 = 15;
/// How many times the price of one piece that of a pack is at least.
const LEAST_PACK: i64 = 2;
/// Pieces of a kind that people buy one or several of.
const FEW: i64 = 10;
/// Points of a place that its names call a price.
const NAMED: i32 = 12;

/// Lets names that no other amount bears out say nothing; beside a price that markup states, only where they stand at
/// that price.
pub(super) fn settle(tree: &Tree<'_>, found: &mut [Spot], stated: Option<Money>) {
    if !found.iter().any(|s| s.money.is_some() && (is_old_by_name(s) || is_per_unit_by_name(s) || is_per_piece(s))) {
        return;
    }
    per_piece(found);
    let lonely: Vec<usize> = (0..found.len()).filter(|i| is_lonely(tree, found, *i, stated)).collect();
    for i in lonely {
        let spot = &mut found[i];
        spot.reading.role = Role::Price;
        (spot.old, spot.other) = (false, false);
        spot.class_points = spot.class_points.max(NAMED);
    }
}

/// Points of the only amount on a page.
const ONLY: i32 = 15;
/// Nodes behind the heading in which it needs no names.
const UNDER_HEADING: usize = 40;

/// The one amount that a page shows.
pub(super) fn only(found: &[Spot]) -> Option<Money> {
    let mut amounts = found.iter().filter(|s| s.marked).filter_map(|s| s.money);
    let only = amounts.next()?;
    amounts.all(|other| other == only).then_some(only)
}

/// Lifts the one amount that a page shows, alone in its element under the heading: there is nothing else it could be,
/// unless its box leads to another page.
pub(super) fn lift(found: &mut [Spot], anchor: usize, leads_away: impl Fn(&Spot) -> bool) {
    if only(found).is_none() {
        return;
    }
    let plain = |s: &&mut Spot| {
        let price = s.reading.kind == PriceKind::Exact && s.reading.role == Role::Price && !s.reading.worded;
        let own = !(s.sentence || s.long || s.linked || s.aside || s.struck || s.other || s.old)
            && (s.labelled || !s.called_else);
        s.marked
            && price
            && own
            && s.points > super::NO_PRICE
            && s.money.is_some()
            && (anchor..anchor + UNDER_HEADING).contains(&s.node)
            && !leads_away(s)
    };
    for spot in found.iter_mut().filter(plain) {
        spot.points += ONLY;
        add_reason(&mut spot.why, ONLY, "the only amount of the page");
    }
}

/// Whether names call an amount the earlier price and no higher one beside it is that.
pub(super) fn is_left_alone(found: &[Spot], spot: &Spot) -> bool {
    let higher = |other: &Spot| {
        let more = other.money.zip(spot.money).is_some_and(|(other, own)| other.minor() > own.minor());
        let earlier = other.struck || other.old || other.reading.role == Role::List;
        more && earlier && other.node.abs_diff(spot.node) < BESIDE && !(other.tile || other.aside)
    };
    spot.old && !found.iter().any(higher)
}

/// Whether no other amount bears out what the names of one say. One that has such a name itself does not: where all
/// amounts are called the full price, the name tells none of them from the others.
fn is_lonely(tree: &Tree<'_>, found: &[Spot], i: usize, stated: Option<Money>) -> bool {
    let spot = &found[i];
    let Some(own) = spot.money.filter(|m| m.is_positive()) else { return false };
    if stated.is_some_and(|stated| stated != own) || spot.tile || spot.aside || spot.struck {
        return false;
    }
    let beside = |fits: &dyn Fn(Money) -> bool| {
        found.iter().enumerate().any(|(j, other)| {
            let price = other.money.filter(|m| m.is_positive() && m.currency() == own.currency());
            j != i
                && price.is_some_and(fits)
                && other.node.abs_diff(spot.node) < BESIDE
                && !(other.tile || other.aside || is_old_by_name(other) || in_label(tree, other.node))
                && matches!(other.reading.role, Role::Price | Role::List | Role::Used | Role::Fee)
                && matches!(other.reading.kind, PriceKind::Exact | PriceKind::From | PriceKind::Range)
        })
    };
    if is_old_by_name(spot) {
        let reduced = |m: Money| m.minor() < own.minor() && m.minor().saturating_mul(MOST_REDUCED) >= own.minor();
        return !beside(&reduced);
    }
    is_per_unit_by_name(spot) && !beside(&|price| price.minor() > own.minor())
}

/// Whether nothing but names of the usual price make an amount the one before.
fn is_old_by_name(spot: &Spot) -> bool {
    spot.old && spot.usual_name && !spot.other && (spot.role_by_name || spot.reading.role == Role::Price)
}

/// Whether a text says that its amount is that of one piece: `£0.07 each`, `0,89 € / Stück`.
fn is_per_piece(spot: &Spot) -> bool {
    const PIECE: [&str; 12] =
        ["each", "ea", "apiece", "stk", "stück", "szt", "ks", "db", "stuk", "pièce", "pieza", "styck"];
    let behind = || spot.raw.rfind(|c: char| c.is_numeric()).map_or("", |at| &spot.raw[at..]);
    let named =
        |words: &str| words.split(|c: char| !c.is_alphabetic()).any(|w| PIECE.contains(&w.to_lowercase().as_str()));
    spot.reading.per.is_some() || named(behind())
}

/// Whether nothing but a name makes an amount that of a measure: its text has none.
fn is_per_unit_by_name(spot: &Spot) -> bool {
    spot.other && spot.per_unit_name && spot.reading.per.is_none() && spot.reading.kind == PriceKind::Exact
}

/// `£0.07 each` beside `£7.48`: what one piece of a pack costs.
fn per_piece(found: &mut [Spot]) {
    let exact = |s: &Spot| {
        s.marked
            && s.reading.kind == PriceKind::Exact
            && s.reading.role == Role::Price
            && !(s.tile || s.aside || s.struck || s.old || s.other)
    };
    let packs: Vec<(usize, Money)> = found
        .iter()
        .filter(|s| exact(s) && !is_per_piece(s) && !s.reading.worded)
        .filter_map(|s| Some((s.node, s.money?)))
        .collect();
    for spot in found.iter_mut().filter(|s| exact(s) && is_per_piece(s)) {
        let Some(own) = spot.money.filter(|m| m.is_positive()) else { continue };
        let is_pack = |(node, money): &(usize, Money)| {
            node.abs_diff(spot.node) < SAME_BOX
                && money.currency() == own.currency()
                && money.minor() >= own.minor().saturating_mul(LEAST_PACK)
                // Four tyres at the price of four: one of them is for sale as well.
                && !(money.minor() % own.minor() == 0 && money.minor() / own.minor() <= FEW)
        };
        if packs.iter().any(is_pack) {
            spot.reading.kind = PriceKind::Unit;
        }
    }
}
