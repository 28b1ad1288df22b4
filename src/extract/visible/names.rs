//! What the names around an amount say for it or against it.

use super::classes::Hints;
use super::spots::{FAR, MAX_CLIMB, NEAR, Spot};

/// Takes over what the names of one element say for an amount that stands `level` elements deeper.
pub(super) fn weigh(spot: &mut Spot, hints: &Hints, level: usize) {
    let near = level < NEAR;
    spot.class_points += points_of(hints, level);
    let old = is_old(hints, level);
    spot.usual_name &= !old || hints.usual;
    spot.old |= old;
    spot.per_unit_name &= !(hints.not_price && near) || hints.per_unit;
    spot.other |= hints.not_price && near;
    spot.in_product |= hints.product && level < MAX_CLIMB;
    spot.in_buy_box |= hints.buy && level < 9;
}

/// What the names of one element say for a price that stands `level` elements deeper.
pub(super) fn points_of(hints: &Hints, level: usize) -> i32 {
    own_points(hints, level) + if hints.product && level < FAR { 6 } else { 0 }
}

/// The same without what a product's box says for any number in it: a rating, a weight, an article number.
pub(super) fn own_points(hints: &Hints, level: usize) -> i32 {
    let near = level < NEAR;
    let mut points = 0;
    if hints.price && near {
        points += 12;
    }
    if hints.current && hints.price && near {
        points += 10;
    }
    if is_old(hints, level) {
        points -= 40;
    }
    if hints.not_price && near {
        points -= 45;
    }
    points
}

pub(super) fn is_old(hints: &Hints, level: usize) -> bool {
    (hints.old && !(hints.current && hints.price) || hints.former) && level < NEAR
}
