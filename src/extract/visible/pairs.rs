//! What two amounts of one page say about each other: by their labels, by what is saved, by a line through one of them.

use super::spots::Spot;
use crate::extract::price::{PriceKind, Role};
use crate::money::Money;

/// Nodes between two places that speak of the same price.
const BESIDE: usize = 120;

/// Lets labels speak about each other: what is called the price is the earlier one beside a lower amount that is called
/// the one that is left, and what is called the usual price is the price where no other amount is one.
pub(super) fn settle_labels(found: &mut [Spot]) {
    let own = |s: &Spot| s.marked && !(s.tile || s.aside || s.struck || s.old || s.other);
    let left = |s: &Spot| own(s) && s.is_final && s.reading.role == Role::Price;
    let finals: Vec<(usize, Money)> =
        found.iter().filter(|s| left(s)).filter_map(|s| s.money.map(|m| (s.node, m))).collect();
    let lower = |s: &Spot, (node, low): &(usize, Money)| {
        node.abs_diff(s.node) < BESIDE
            && s.money.is_some_and(|m| m.currency() == low.currency() && m.minor() > low.minor())
            && low.is_positive()
    };
    for spot in found.iter_mut().filter(|s| own(s) && s.labelled && !s.is_final && s.reading.role == Role::Price) {
        if finals.iter().any(|one| lower(spot, one)) {
            spot.reading.role = Role::List;
        }
    }
    explain_savings(found);
    let is_price = |s: &Spot| {
        s.money.is_some_and(Money::is_positive)
            && s.reading.role == Role::Price
            && !matches!(s.reading.kind, PriceKind::Unit | PriceKind::Instalment)
            && !(s.tile || s.aside || s.struck || s.other)
    };
    if !found.iter().any(is_price) {
        let usual = |s: &&mut Spot| s.marked && s.usual && s.reading.role == Role::List;
        let usual = found.iter_mut().filter(usual).filter(|s| !(s.tile || s.aside || s.struck || s.other));
        usual.for_each(|s| {
            s.reading.role = Role::Price;
            (s.old, s.class_points) = (false, s.class_points.max(0));
        });
    }
    // A label counts against one of several amounts, not against the only one.
    if !found.iter().any(|s| own(s) && is_price(s) && !s.named_else) {
        found.iter_mut().for_each(|s| s.named_else = false);
    }
}

/// `$399`, `Instant savings: $70`, `$329`: of two amounts that differ by what is saved the higher one is the earlier.
fn explain_savings(found: &mut [Spot]) {
    let own = |s: &Spot| s.marked && !(s.tile || s.aside || s.other);
    let saved: Vec<(usize, Money)> = found
        .iter()
        .filter(|s| own(s) && s.reading.role == Role::Saving)
        .filter_map(|s| Some((s.node, s.money.filter(|m| m.minor() != 0)?)))
        .collect();
    if saved.is_empty() {
        return;
    }
    let prices: Vec<(usize, usize, Money)> = found
        .iter()
        .enumerate()
        .filter(|(_, s)| own(s) && !s.struck && s.reading.role == Role::Price && s.reading.kind == PriceKind::Exact)
        .filter_map(|(i, s)| Some((i, s.node, s.money.filter(|m| m.is_positive())?)))
        .collect();
    for (i, node, high) in &prices {
        let explained = prices.iter().any(|(_, beside, low)| {
            let difference = high.minor() - low.minor();
            low.currency() == high.currency()
                && difference > 0
                && node.abs_diff(*beside) < BESIDE
                && saved.iter().any(|(at, amount)| {
                    amount.currency() == high.currency()
                        && amount.minor().abs() == difference
                        && at.abs_diff(*node) < BESIDE
                })
        });
        if explained {
            found[*i].reading.role = Role::List;
        }
    }
}

/// Which places repeat an amount that stands struck through beside them while a lower one does not: shops say both for
/// people who do not see the line, `The price was: 1 299 kr`.
pub(super) fn shadows(found: &[Spot]) -> Vec<bool> {
    let earlier = |s: &Spot| s.struck || s.old || s.reading.role == Role::List;
    let near = |a: &Spot, b: &Spot| a.node.abs_diff(b.node) < BESIDE && !b.tile && !b.aside;
    // Few places show an earlier price, and most pages have none.
    let struck: Vec<&Spot> = found.iter().filter(|s| earlier(s)).collect();
    let shadowed = |spot: &Spot| {
        let struck = struck.iter().any(|s| s.money == spot.money && near(spot, s));
        let below = |s: &Spot| {
            !earlier(s)
                && s.marked
                && s.money.zip(spot.money).is_some_and(|(low, high)| {
                    low.is_positive() && low.currency() == high.currency() && low.minor() < high.minor()
                })
        };
        struck
            && found.iter().any(|s| {
                below(s)
                    && near(spot, s)
                    && s.reading.kind == spot.reading.kind
                    && s.reading.role == Role::Price
                    && !s.other
            })
    };
    found.iter().map(|spot| spot.money.is_some() && !earlier(spot) && shadowed(spot)).collect()
}
