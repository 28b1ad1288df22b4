//! The reference price, shipping and member price that stand beside the product's price.

use super::spots::{Choice, Spot};
use crate::extract::price::{self, Role};
use crate::money::Money;

/// What stands beside a price and belongs to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    pub list: Option<Money>,
    pub shipping: Option<Money>,
    pub member: Option<Money>,
}

/// Nodes between a price and what belongs to it.
const NEIGHBOURHOOD: usize = 120;
/// Nodes between the price of a choice and what belongs to that choice.
const OF_ONE_CHOICE: usize = 5;
/// A reference price beyond this multiple of the price is another thing.
const MAX_LIST_FACTOR: i64 = 15;

/// The reference price, shipping and member price that stand beside the best place that shows `price`.
#[must_use]
pub fn beside(spots: &[Spot], price: Money, discounts: &[i64]) -> Beside {
    // A price in a box that its names call an aside, `swatch_container`, is the product's where no other place shows it.
    let shows = |s: &&Spot| s.money == Some(price) && !s.tile && !s.foreign;
    let Some(own) = spots.iter().filter(shows).max_by_key(|s| (!s.aside, s.points, std::cmp::Reverse(s.node))) else {
        return Beside::default();
    };
    let near: Vec<&Spot> = spots
        .iter()
        .filter(|s| {
            s.node.abs_diff(own.node) < NEIGHBOURHOOD
                && !s.tile
                && !s.foreign
                // Beside the price of one choice stand those of the others.
                && (own.choice == Choice::None || s.node.abs_diff(own.node) < OF_ONE_CHOICE)
                && s.money.is_some_and(|m| m.currency() == price.currency() && m != price)
        })
        .collect();
    let higher = |m: &Money| m.minor() > price.minor() && m.minor() <= price.minor().saturating_mul(MAX_LIST_FACTOR);
    let reference = |s: &&&Spot| {
        let named_old = (s.class_points <= -25 || (s.old && !own.old))
            && !s.other
            && matches!(s.reading.role, Role::Price | Role::List);
        s.struck || s.reading.role == Role::List || named_old
    };
    // A number without its money counts where it has as many decimals as the price.
    let same_form = |s: &&&Spot| s.marked || s.dashed || s.reading.amount.scale() == own.reading.amount.scale();
    let reduced =
        |s: &&&Spot| s.money.is_some_and(|m| discounts.iter().any(|percent| is_reduction(m, price, *percent)));
    let of_role = |role: Role| near.iter().find(|s| s.reading.role == role).and_then(|s| s.money);
    let list = near.iter().filter(|s| (reference(s) && same_form(s)) || reduced(s));
    let list = list.filter(|s| s.money.as_ref().is_some_and(higher));
    // The lowest price of thirty days is told beside the one that is struck through, and stands in for it only alone.
    let lowest = |s: &&&Spot| !s.struck && price::tells_last_month(&s.raw);
    // What is struck or called the price before is it, whatever a percentage makes of an instalment's sum.
    let list = list.min_by_key(|s| (lowest(s), !reference(s), s.node.abs_diff(own.node))).and_then(|s| s.money);
    // `€39.30 €49.10` in one element: the second amount is the one before.
    let second = own.second.filter(|m| m.currency() == price.currency()).filter(higher);
    Beside {
        list: list.or(second.filter(|m| discounts.iter().any(|p| is_reduction(*m, price, *p)))),
        shipping: of_role(Role::Shipping),
        member: of_role(Role::Member),
    }
}

/// Whether `seen` is `base` less `percent`, to the precision of a printed percentage.
#[must_use]
pub fn is_reduction(base: Money, seen: Money, percent: i64) -> bool {
    let wanted = base.minor().saturating_mul(100 - percent);
    let actual = seen.minor().saturating_mul(100);
    (wanted - actual).abs() <= base.minor()
}
