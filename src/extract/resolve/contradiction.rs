//! A page that shows another price than its markup states: which of the two is believed.
//!
//! Markup is overruled only by a place that is a price and nothing else, and that says so by a name or a label.

use super::judge::{Verdict, close};
use super::{Found, tax};
use crate::extract::TaxView;
use crate::extract::offer::Source;
use crate::extract::price::{self, PriceKind, Role};
use crate::extract::visible::beside::{self, is_reduction};
use crate::extract::visible::{ENOUGH, View};
use crate::money::Money;

/// The page shows another price than its markup: a stale or list price in the markup, or a wrong look.
pub(super) fn contradicted(
    found: &mut Found,
    view: &View,
    first: usize,
    index: usize,
    points: i32,
    base_shown: bool,
    agreeing: usize,
) -> Verdict {
    let base = found.candidates[first].offer.price;
    let seen = found.candidates[index].offer.price;
    let (Some(base), Some(seen)) = (base, seen) else { return Verdict::None };
    // The same offer without and with tax is no contradiction.
    if let Some(shown) = tax::view_beside(&found.candidates[index], base, found.locale) {
        let net_shown = shown == TaxView::Net;
        let keeps = net_shown != found.wants_net;
        let offer = &mut found.candidates[if keeps { first } else { index }].offer;
        offer.tax = if found.wants_net { TaxView::Net } else { TaxView::Gross };
        let which = if net_shown { "without" } else { "with" };
        return Verdict::Price {
            index: if keeps { first } else { index },
            confidence: 80,
            why: format!("markup says {base}, the page shows it {which} tax as {seen}"),
        };
    }
    let list = beside::beside(&view.spots, seen, &view.discounts).list;
    let sale = list.is_some_and(|l| close(l, base));
    // Only a place that is a price and nothing else, and says so, speaks against markup.
    let cents = seen.minor().checked_mul(100) == Some(base.minor());
    let plain = is_plain_price(view, seen) && (cents || seen.minor().saturating_mul(MOST_STALE) >= base.minor());
    let base_shown = base_shown || !cents && is_written(view, base);
    let strong = points >= ENOUGH + 20 || (points >= ENOUGH && alone(found, seen, base));
    let strong = strong && plain && view.titled;
    let base_points = best_points(found, base);
    let reduced = view.discounts.iter().any(|percent| is_reduction(base, seen, *percent));
    let outshone = base_points.is_none_or(|own| own + 25 <= points);
    // Prices for quantities or kinds of customers look alike: none of them speaks against the markup.
    let rivalled = found.candidates.iter().any(|c| {
        c.source == Source::Visible
            && c.score + 8 > points
            && c.offer.price.is_some_and(|p| !close(p, seen) && !close(p, base))
    });
    if seen.minor() < base.minor()
        && (sale || reduced || (strong && (!base_shown || outshone)))
        && agreeing == 1
        && !rivalled
    {
        // What the markup says is the price before only where the page says so: it may be stale, or count cents.
        found.candidates[index].offer.list_price = list.or((sale || reduced).then_some(base));
        found.candidates[first].verdict = if sale || reduced {
            format!("the page shows {seen} and this as the price before")
        } else {
            format!("the page shows {seen}")
        };
        let confidence = if sale || reduced { 80 } else { 60 };
        return Verdict::Price {
            index,
            confidence,
            why: format!("the page shows {seen}; the markup still says {base}"),
        };
    }
    if base_shown || !strong {
        return Verdict::Price {
            index: first,
            confidence: 72,
            why: format!(
                "{} states it; another price on the page ({seen}) is less certain",
                found.candidates[first].source.as_str()
            ),
        };
    }
    if agreeing > 1 {
        return Verdict::Price {
            index: first,
            confidence: 65,
            why: format!("two markup sources state it although the page seems to show {seen}"),
        };
    }
    Verdict::Ambiguous(format!("{} says {base}, the page shows {seen}", found.candidates[first].source.as_str()))
}

/// A price that is lower than this part of what markup states is another thing's, unless the page shows both.
const MOST_STALE: i64 = 3;

/// Whether some place shows an amount as a price by a name or a label, and no words beside it say what else it may be.
pub(super) fn is_plain_price(view: &View, money: Money) -> bool {
    view.spots.iter().any(|s| {
        s.money == Some(money)
            && s.reading.role == Role::Price
            && s.reading.kind == PriceKind::Exact
            && !(s.reading.worded || s.sentence || s.long || s.tile || s.aside || s.later)
            && (s.class_points > 0 || s.labelled || s.in_product || s.emphasis)
    })
}

/// Whether the digits of an amount stand in a text that shows another one first.
fn is_written(view: &View, money: Money) -> bool {
    let digits = money.minor().to_string();
    let whole = money.amount().trunc().to_string();
    view.spots.iter().filter(|s| s.money != Some(money)).any(|s| {
        s.second == Some(money)
            || price::written_numbers(&price::normalise(&s.raw)).iter().any(|own| *own == digits || *own == whole)
    })
}

/// Points of the best visible place that shows an amount.
fn best_points(found: &Found, money: Money) -> Option<i32> {
    let own = found
        .candidates
        .iter()
        .filter(|c| c.source == Source::Visible && c.offer.price.is_some_and(|p| close(p, money)));
    own.map(|c| c.score).max()
}

/// Whether no third amount on the page has any claim to be the price.
fn alone(found: &Found, seen: Money, base: Money) -> bool {
    let rivals = found.candidates.iter().filter(|c| c.source == Source::Visible && c.score > 10);
    rivals.filter_map(|c| c.offer.price).all(|p| close(p, seen) || close(p, base))
}
