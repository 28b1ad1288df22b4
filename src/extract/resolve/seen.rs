//! A page without markup: whether it is a product's, and which of the amounts that a person sees is its price.

use super::contradiction::Sight;
use super::judge::{Verdict, best_visible, clear_visible};
use super::standing::{is_bare, is_named, spot_of};
use super::{Found, condition, place, tax};
use crate::extract::json::Value;
use crate::extract::offer::{Availability, Candidate, Source};
use crate::extract::outcome::Outcome;
use crate::extract::price::{PriceKind, Role};
use crate::extract::visible::beside::is_reduction;
use crate::extract::visible::spots::Spot;
use crate::extract::visible::{ENOUGH, View};
use crate::extract::{Page, TaxView, address, kind};
use crate::money::{Decimal, Money};

/// Prices of one shape, and buy buttons, from which on a page is a list.
const LIST: usize = 4;

/// A page without markup: the best visible price, if the page is a product page and nothing comes close.
pub(super) fn by_sight(found: &mut Found, sight: Sight<'_>, page: &Page<'_>, roots: &[Value<'_>]) -> Verdict {
    let Sight { harvest, view, .. } = sight;
    let Some((index, points)) = best_visible(found).or_else(|| clear_visible(found)) else { return Verdict::None };
    let index_price = found.candidates[index].offer.price;
    if spot_of(view, &found.candidates[index]).is_some_and(|own| may_count(own, view)) {
        return Verdict::None;
    }
    let stands_alone = stands_alone(found, view, index, points);
    let product_like = found.says_product
        || found.products == 1
        || (view.buy_buttons > 0 && view.buy_buttons <= 12)
        || view.labels.sku.is_some()
        || view.labels.gtin.is_some()
        || view.in_product_box
        || (points >= ENOUGH + 15 && view.tiles == 0)
        || (view.titled && view.tiles < 12)
        || ((view.named || view.availability != Availability::Unknown) && points >= ENOUGH && view.tiles == 0)
        || ((points >= ENOUGH || view.unheaded && spot_of(view, &found.candidates[index]).is_some_and(is_named))
            && view.is_only_price(index_price))
        || (view.advertised && view.tiles == 0)
        || stands_alone;
    let kind = kind::other(harvest, roots, page, 0, 0);
    if !product_like
        || view.heading.is_none()
        || kind::is_side_page(page)
        || view.heading.as_ref().is_some_and(|(words, _)| kind::is_side_heading(words))
        || matches!(kind, Outcome::Search | Outcome::Article)
        || kind == Outcome::Home && !(is_root(page) && front_sells(found, view, points, stands_alone))
    {
        return Verdict::None;
    }
    // A list whose products all cost the same: a price and a button for each.
    let leads = || view.titled && leads_its_like(view, &found.candidates[index]);
    if view.alike >= LIST && view.buy_buttons >= LIST && !found.says_product && found.products != 1 && !leads() {
        return Verdict::None;
    }
    // What is sold out has no button, and its page is full of what to buy instead.
    let sold_out = view.titled && view.says_out && view.buy_buttons == 0;
    let listed = view.tiles >= 8 && view.buy_buttons == 0 && !found.says_product && found.products == 0;
    if listed && !sold_out && !stands_alone {
        return Verdict::None;
    }
    let best = found.candidates[index].offer.price;
    if let Some(other) = of_another(found, view, index) {
        let best = best.map_or_else(String::new, |best| best.to_string());
        return Verdict::Ambiguous(format!(
            "{best} is the price of a part or without tax; the page shows {other} beside it"
        ));
    }
    if let (Some(best), Some(whole)) = (best, found.candidates[index].rival) {
        return Verdict::Ambiguous(format!("a number stands right before {best}: it may be {whole}"));
    }
    // Shops of a country that took the euro show both amounts: they are one price.
    let visible = |c: &&Candidate| c.source == Source::Visible && c.score > points - 8;
    let in_euro = found.candidates.iter().position(|c| {
        visible(&c) && c.offer.price.zip(best).is_some_and(|(euro, former)| place::is_in_euro(euro, former))
    });
    let (index, best) = in_euro.map_or((index, best), |euro| (euro, found.candidates[euro].offer.price));
    let same = |one: Money| best.is_some_and(|best| best == one || place::is_in_euro(best, one));
    let rival =
        found.candidates.iter().filter(visible).find(|c| c.offer.price != best && !c.offer.price.is_some_and(same));
    if let (Some(rival), Some(best)) = (rival, best) {
        let Some(other) = rival.offer.price else { return Verdict::None };
        // The same offer without and with tax: people pay the higher one.
        if let Some(paid) = tax::wanted_of(&found.candidates[index], rival, found) {
            let wanted =
                found.candidates.iter().position(|c| c.source == Source::Visible && c.offer.price == Some(paid));
            if let Some(index) = wanted {
                found.candidates[index].offer.tax = if found.wants_net { TaxView::Net } else { TaxView::Gross };
                return Verdict::Price {
                    index,
                    confidence: 70,
                    why: format!("the page shows it without and with tax ({best}, {other})"),
                };
            }
        }
        // The page itself says by how much one of the two is reduced.
        let (low, high) = if other.minor() < best.minor() { (other, best) } else { (best, other) };
        // A ladder of prices for more and more, each with its own percentage, is no reduction.
        let shape = |c: &Candidate| spot_of(view, c).map(|spot| spot.signature);
        let third = found
            .candidates
            .iter()
            .filter(visible)
            .any(|c| c.offer.price != Some(low) && c.offer.price != Some(high) && shape(c) == shape(rival));
        let reduces = |money: Money| view.discounts.iter().any(|p| is_reduction(high, money, *p));
        // Each with a percentage of its own.
        let rung = |s: &Spot| {
            let by_another =
                |m: Money| view.discounts.iter().any(|p| is_reduction(high, m, *p) && !is_reduction(high, low, *p));
            !(s.tile || s.aside)
                && s.money.is_some_and(|m| m != high && m.currency() == high.currency() && by_another(m))
        };
        if !third && low.currency() == high.currency() && reduces(low) && !view.spots.iter().any(rung) {
            let place = |price| {
                found.candidates.iter().position(|c| c.source == Source::Visible && c.offer.price == Some(price))
            };
            let (wanted, dearer) = (place(low), place(high));
            // With a code, in an app, for members: what everybody pays is the higher one.
            if let (Some(low_index), Some(index)) = (wanted, dearer)
                && is_bound(found, sight, low_index, index)
            {
                return on_no_condition(index, low);
            }
            if let Some(index) = wanted {
                found.candidates[index].offer.list_price = Some(high);
                return Verdict::Price {
                    index,
                    confidence: 65,
                    why: format!("the page shows {high} reduced by the percentage that makes it {low}"),
                };
            }
        }
        return Verdict::Ambiguous(format!("the page shows {best} and {other} with equal right"));
    }
    if let Some(low) = best.filter(|_| !view.discounts.is_empty()) {
        let dearer = |c: &Candidate| {
            let high = c.offer.price.filter(|high| high.minor() > low.minor() && high.currency() == low.currency());
            high.is_some_and(|high| view.discounts.iter().any(|p| is_reduction(high, low, *p)))
                && spot_of(view, c).is_some_and(is_bare)
        };
        let dearer = found.candidates.iter().position(|c| c.source == Source::Visible && dearer(c));
        if let Some(dearer) = dearer.filter(|dearer| is_bound(found, sight, index, *dearer)) {
            return on_no_condition(dearer, low);
        }
    }
    let confidence = match points {
        0..=79 => 60,
        80..=99 => 70,
        _ => 78,
    };
    Verdict::Price {
        index,
        confidence,
        why: "no markup states a price; the one a person sees beside title and buy button".to_owned(),
    }
}

/// Points by which a price leads all others where tiles beside it do not make the page a list.
const FAR_AHEAD: i32 = 60;
/// Points by which the first of several places of one shape leads the others where they show one product.
const LEADS: i32 = 30;

/// Whether a price of no tile's shape stands so far ahead of every other amount that what is in tiles is recommended
/// beside it: the page's own title names what it is the price of.
fn stands_alone(found: &Found, view: &View, index: usize, points: i32) -> bool {
    let own = &found.candidates[index];
    let Some(spot) = spot_of(view, own).filter(|_| view.titled && points >= ENOUGH + 15) else { return false };
    let other =
        |c: &Candidate| c.source == Source::Visible && c.offer.price != own.offer.price && c.score + FAR_AHEAD > points;
    !found.candidates.iter().any(other) && !view.spots.iter().any(|s| s.tile && s.signature == spot.signature)
}

/// Whether an address has a host and nothing behind it, as one has that somebody noted for a shop and not for its page.
fn is_root(page: &Page<'_>) -> bool {
    address::absolute(page.final_url, page.url).is_some_and(|url| url.path() == "/")
}

/// Whether a page at the address of a shop's front sells one thing all the same: its own title names what stands at the
/// price, something puts it into a cart or describes it, and no list leads elsewhere.
fn front_sells(found: &Found, view: &View, points: i32, stands_alone: bool) -> bool {
    const FEW: usize = 3;
    let sold = found.says_product
        || found.products == 1
        || view.labels.sku.is_some()
        || view.labels.gtin.is_some()
        || (1..=FEW).contains(&view.buy_buttons);
    view.titled && sold && points >= ENOUGH + 15 && (view.tiles < FEW || stands_alone)
}

/// Whether a place leads all others of its shape: it stands at the heading, and they stand behind others.
fn leads_its_like(view: &View, own: &Candidate) -> bool {
    let Some(spot) = spot_of(view, own) else { return false };
    let like = |s: &Spot| s.signature == spot.signature && s.node != spot.node && s.points + LEADS > spot.points;
    !view.spots.iter().any(like)
}

/// Whether the lower of two prices is paid on a condition that its row names.
fn is_bound(found: &Found, sight: Sight<'_>, low: usize, high: usize) -> bool {
    let spot = |index: usize| spot_of(sight.view, &found.candidates[index]);
    spot(low).is_some_and(|own| condition::is_conditional(sight.body, own, spot(high)))
}

fn on_no_condition(index: usize, low: Money) -> Verdict {
    Verdict::Price { index, confidence: 60, why: format!("the page shows it, and {low} on a condition") }
}

/// Whether a number without money that begins a list of amounts may count pieces: `from 3` beside amounts with their
/// money.
fn may_count(own: &Spot, view: &View) -> bool {
    let few = own.reading.amount.scale() == 0 && own.reading.amount < Decimal::ONE_HUNDRED;
    let other = |s: &Spot| s.marked && !(s.tile || s.aside) && s.money.is_some_and(Money::is_positive);
    !own.marked
        && !own.dashed
        && few
        && matches!(own.reading.kind, PriceKind::From | PriceKind::Range)
        && view.spots.iter().any(other)
}

/// Nodes between two amounts of one box.
const ONE_BOX: usize = 16;

/// The higher amount beside a place that shows a price per measure, an instalment or a price without tax: whatever made
/// the higher one say less, the lower is not what people pay.
fn of_another(found: &Found, view: &View, index: usize) -> Option<Money> {
    let own = spot_of(view, &found.candidates[index])?;
    let price = own.money?;
    let part = matches!(own.reading.kind, PriceKind::Unit | PriceKind::Instalment);
    let net = own.reading.tax == TaxView::Net && !found.wants_net;
    if !part && !net {
        return None;
    }
    let beside = |s: &&Spot| {
        let whole = s.reading.kind == PriceKind::Exact && !(s.tile || s.aside || s.struck || s.old);
        // A pair of which both are prices is settled by what its words say of tax.
        let role = match s.reading.role {
            Role::Saving | Role::Shipping | Role::Deposit | Role::Threshold => false,
            Role::Price => part,
            _ => true,
        };
        let higher = |m: Money| {
            m.currency() == price.currency()
                && m.minor() > price.minor()
                && (part || tax::differ_by_vat(price, m, found.locale))
        };
        whole && role && s.node.abs_diff(own.node) < ONE_BOX && s.money.is_some_and(higher)
    };
    view.spots.iter().find(beside).and_then(|s| s.money)
}
