//! What the page shows against what its markup states: which of the two is believed, or neither.
//!
//! Markup goes stale, so a price that the page draws may overrule it. But a page whose price a script draws shows other
//! amounts and not its price: there the markup is right, and no amount that merely stands near the title speaks against it.

use super::judge::{Verdict, close};
use super::standing::{are_comparable, best_showing, is_bare, is_named, spot_of, stands};
use super::{Found, condition, tax};
use crate::extract::offer::{Candidate, Source};
use crate::extract::price::{Mark, PriceKind, Role, TaxView};
use crate::extract::text::Words;
use crate::extract::visible::beside::{self, is_reduction};
use crate::extract::visible::spots::{Choice, Spot};
use crate::extract::visible::{self, ENOUGH, View};
use crate::extract::{Page, harvest::Harvest};
use crate::money::Money;

/// Points by which a place must lead to be clearer than one that shows the stated price.
const OUTSHINES: i32 = 25;
/// Points within which two places have equal right to be the price.
const EQUAL_RIGHT: i32 = 8;
/// Nodes between two prices of one pair: elements beside each other, each with its text, and the blank between them.
const PAIR: usize = 4;
/// Nodes between a price and the saving or percentage that explains it.
const EXPLAINED: usize = 12;

/// What is looked at to settle a contradiction.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) body: &'a str,
    pub(super) harvest: &'a Harvest<'a>,
    pub(super) view: &'a View,
}

impl Sight<'_> {
    /// Whether the part of the page about the product shows an amount anywhere.
    pub(super) fn shows(&self, money: Money, title: Option<&str>) -> bool {
        let title = title.or(self.harvest.title.as_deref());
        let part = title.and_then(|title| visible::window(self.harvest, title)).unwrap_or(0..self.body.len());
        stands(self.body, part, money, self.view)
    }
}

/// The page shows another price than its markup: a stale or list price in the markup, or an amount for something else.
pub(super) fn settle(
    found: &mut Found,
    sight: Sight<'_>,
    first: usize,
    (index, points): (usize, i32),
    agreeing: usize,
) -> Verdict {
    let view = sight.view;
    let base = found.candidates[first].offer.price;
    let seen = found.candidates[index].offer.price;
    let (Some(base), Some(seen)) = (base, seen) else { return Verdict::None };
    let source = found.candidates[first].source.as_str();
    if let Some(verdict) = taxed(found, first, index) {
        return verdict;
    }
    let spot = spot_of(view, &found.candidates[index]);
    let lower = seen.minor() < base.minor();
    // What is a small part of the price is something else: shipping, an accessory, one of many payments.
    let bare = spot.is_some_and(is_bare) && (!lower || are_comparable(base, seen));
    // In front of the title stand the header and the list that the page came from.
    let placed = spot.is_some_and(|s| s.in_buy_box || view.heading.as_ref().is_none_or(|(_, at)| s.node > *at));
    let named = placed && spot.is_some_and(is_named);
    let lonely = alone(found, seen, base);
    let strong = bare && named && (points >= ENOUGH + 20 || lonely);
    // A price that the page calls the one without tax is lower than what people pay, and says nothing else of it.
    let net = lower && !found.wants_net && spot.is_some_and(|s| s.reading.tax == TaxView::Net);
    if net && tax::differ_by_vat(seen, base, found.locale) {
        found.candidates[first].offer.tax = TaxView::Gross;
        let why = format!("{source} states it; the page shows it without tax, {seen}");
        return Verdict::Price { index: first, confidence: 75, why };
    }
    let list = beside::beside(&view.spots, seen, &view.discounts).list;
    let reduced = view.discounts.iter().any(|percent| is_reduction(base, seen, *percent))
        && !spot.is_some_and(|low| condition::is_conditional(sight.body, low, shown_at(view, base)));
    // A small part of the price is no sale of the thing, whatever names call the price the usual one.
    let sale = list.is_some_and(|l| close(l, base)) && (reduced || are_comparable(base, seen));
    let as_price =
        view.seen.iter().any(|(m, role)| close(*m, base) && matches!(role, Role::Price | Role::List | Role::Member));
    let shown = as_price || sight.shows(base, found.candidates[first].offer.title.as_deref());
    // Where the stated price stands does not matter less for the words beside it.
    let score = |own: &Candidate| {
        let worded = spot_of(view, own).is_some_and(|spot| spot.reading.worded && !spot.labelled);
        own.score - if worded { visible::WORDED } else { 0 }
    };
    let outshone = best_showing(&found.candidates, base).is_none_or(|(_, own)| score(own) + OUTSHINES <= points);
    // Prices for quantities or kinds of customers look alike: none of them speaks against the markup.
    let rivalled = found.candidates.iter().any(|c| {
        c.source == Source::Visible
            && c.score + EQUAL_RIGHT > points
            && c.offer.price.is_some_and(|p| !close(p, seen) && !close(p, base))
    });
    if lower
        && !net
        && (sale || reduced || (strong && (!shown || (as_price && outshone))))
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
    // Two that do not know of each other against one: markup of the product, a page and state of one of its variants.
    let state = |c: &Candidate| c.source == Source::Embedded && c.offer.price.is_some_and(|p| close(p, seen));
    let known = found.candidates.iter().any(state);
    if agreeing == 1 && known && !net && placed && bare && points >= ENOUGH && !rivalled && !shown {
        let why = format!("the page shows {seen} and its state says the same; the markup says {base}");
        return Verdict::Price { index, confidence: 70, why };
    }
    let unsettled = Verdict::Ambiguous(format!("{source} says {base}, the page shows {seen}"));
    if agreeing == 1 && bare && named && is_something_else(view, base) {
        return unsettled;
    }
    // Markup states one of several payments, and the page what they come to.
    if agreeing == 1 && is_one_of_many(view, base, seen) {
        return unsettled;
    }
    // The page's price is the markup's with tax, or may be: nobody can tell whether the markup's is.
    if !lower && named && !shown && tax::differ_by_vat(base, seen, found.locale) {
        return unsettled;
    }
    // Markup of another product, or in cents, is no evidence where the page shows a price of its own.
    if agreeing == 1
        && !shown
        && placed
        && points >= ENOUGH
        && (bare && in_cents(base, seen) || names_another(found, first, sight))
    {
        return unsettled;
    }
    let weak = !bare || !(named || lonely);
    if shown || weak {
        let confidence = if shown { 72 } else { 65 };
        return Verdict::Price {
            index: first,
            confidence,
            why: format!("{source} states it; another price on the page ({seen}) is less certain"),
        };
    }
    if agreeing > 1 {
        return Verdict::Price {
            index: first,
            confidence: 65,
            why: format!("two markup sources state it although the page seems to show {seen}"),
        };
    }
    unsettled
}

/// Whether the stated amount is the seen one counted in cents.
fn in_cents(base: Money, seen: Money) -> bool {
    base.currency() == seen.currency() && seen.minor().checked_mul(100) == Some(base.minor())
}

/// Whether markup names another product than the page: its title shares no word with the heading nor with the page's own.
fn names_another(found: &Found, first: usize, sight: Sight<'_>) -> bool {
    let Some(title) = found.candidates[first].offer.title.as_deref() else { return false };
    let Some((heading, _)) = &sight.view.heading else { return false };
    let own = Words::of(title);
    let own: Vec<&str> = own.iter().collect();
    let shares = |other: &str| Words::of(other).iter().any(|word| own.contains(&word));
    !own.is_empty() && !shares(heading) && sight.harvest.title.as_deref().is_some_and(|title| !shares(title))
}

/// Markup without tax beside a page that shows both: people pay the higher one.
fn taxed(found: &mut Found, first: usize, index: usize) -> Option<Verdict> {
    let base = found.candidates[first].offer.price?;
    let seen = found.candidates[index].offer.price?;
    let (_, net) = best_showing(&found.candidates, base)?;
    let gross = tax::wanted_of(&found.candidates[index], net, found)?;
    if gross != seen {
        return None;
    }
    found.candidates[index].offer.tax = TaxView::Gross;
    found.candidates[first].verdict = format!("the page calls it the price without tax of {seen}");
    let why = format!("the page shows {seen} with tax; the markup states {base} without it");
    Some(Verdict::Price { index, confidence: 75, why })
}

/// The page calls nothing else the price but an amount that is the stated one with tax, and shows the stated one nowhere:
/// nobody can tell whether the markup's is with it.
pub(super) fn may_be_net(found: &Found, sight: Sight<'_>, first: usize) -> Option<Verdict> {
    let base = found.candidates[first].offer.price?;
    let taxed = |c: &&Candidate| {
        let named = spot_of(sight.view, c).is_some_and(|s| is_named(s) && !(s.tile || s.aside || s.struck || s.old));
        let dearer = |p: &Money| p.minor() > base.minor() && tax::differ_by_vat(base, *p, found.locale);
        c.source == Source::Visible && named && c.offer.price.as_ref().is_some_and(dearer)
    };
    let seen = found.candidates.iter().find(taxed)?.offer.price?;
    let shown = sight.shows(base, found.candidates[first].offer.title.as_deref());
    let source = found.candidates[first].source.as_str();
    (!shown).then(|| Verdict::Ambiguous(format!("{source} says {base}, the page shows {seen}")))
}

/// The page shows what markup states as what members pay and as nothing else: whoever is none pays another price.
pub(super) fn for_members_alone(found: &Found, sight: Sight<'_>, first: usize) -> Option<Verdict> {
    let base = found.candidates[first].offer.price?;
    let mut own = sight.view.spots.iter().filter(|s| s.money.is_some_and(|m| close(m, base)) && !s.foreign).peekable();
    own.peek()?;
    let source = found.candidates[first].source.as_str();
    own.all(|s| s.reading.role == Role::Member)
        .then(|| Verdict::Ambiguous(format!("{source} says {base}, which the page calls the price for members")))
}

/// Whether the page shows the stated amount only as what its own words say is no price of the thing: an instalment, the
/// lowest of several, one of several sizes.
fn is_something_else(view: &View, base: Money) -> bool {
    let own = || view.spots.iter().filter(|s| s.money.is_some_and(|m| close(m, base)));
    let otherwise = |s: &Spot| s.reading.kind != PriceKind::Exact || s.other || !(is_bare(s) || s.second.is_some());
    own().next().is_some() && own().all(otherwise)
}

/// Whether the stated amount is shown as one of several payments only, and the seen one is their sum, each rounded to a cent
/// or not.
fn is_one_of_many(view: &View, base: Money, seen: Money) -> bool {
    let (one, all) = (base.minor(), seen.minor());
    let Some(payments) = all.checked_add(one / 2).and_then(|sum| sum.checked_div(one)) else { return false };
    let own = || view.spots.iter().filter(|s| s.money.is_some_and(|m| close(m, base)));
    payments > 1
        && base.currency() == seen.currency()
        && (all - payments * one).abs() <= payments
        && own().next().is_some()
        && own().all(|s| s.reading.kind == PriceKind::Instalment)
}

/// The first place that shows an amount.
fn shown_at(view: &View, money: Money) -> Option<&Spot> {
    view.spots.iter().find(|s| s.money == Some(money))
}

/// Whether no third amount on the page has any claim to be the price.
fn alone(found: &Found, seen: Money, base: Money) -> bool {
    let rivals = found.candidates.iter().filter(|c| c.source == Source::Visible && c.score > 10);
    rivals.filter_map(|c| c.offer.price).all(|p| close(p, seen) || close(p, base))
}

/// A lower price beside the one that markup states and the page shows: the page is on sale and its markup is not.
///
/// Where a percentage or a saving explains the pair the lower one is told; where nothing does, nobody can tell which of
/// the two is paid.
pub(super) fn reduced_beside(found: &mut Found, sight: Sight<'_>, base: Money) -> Option<Verdict> {
    let view = sight.view;
    let (_, own) = best_showing(&found.candidates, base)?;
    let own = spot_of(view, own)?;
    let right = own.points - EQUAL_RIGHT;
    let lower = |c: &Candidate| {
        let spot = spot_of(view, c).filter(|s| is_bare(s) && s.node != own.node && s.points >= right)?;
        let price = spot.money.filter(|m| m.minor() < base.minor() && are_comparable(*m, base))?;
        Some((price, spot.node.abs_diff(own.node)))
    };
    let visible = found.candidates.iter().enumerate().filter(|(_, c)| c.source == Source::Visible);
    let (index, (price, apart)) =
        visible.filter_map(|(i, c)| Some((i, lower(c)?))).min_by_key(|(_, (_, apart))| *apart)?;
    let saved = base.minor() - price.minor();
    let is_saving = |s: &Spot| {
        s.node.abs_diff(own.node) <= EXPLAINED
            && s.reading.role == Role::Saving
            && s.money.is_some_and(|m| m.minor().abs() == saved)
    };
    let explained =
        view.discounts.iter().any(|percent| is_reduction(base, price, *percent)) || view.spots.iter().any(is_saving);
    let low = spot_of(view, &found.candidates[index]);
    if explained && low.is_some_and(|low| condition::is_conditional(sight.body, low, Some(own))) {
        return None;
    }
    if explained && apart <= EXPLAINED {
        found.candidates[index].offer.list_price = Some(base);
        let why = format!("the page shows {base} reduced to {price}; the markup still says {base}");
        return Some(Verdict::Price { index, confidence: 75, why });
    }
    let alike = found.candidates[index].score.abs_diff(own.points) <= EQUAL_RIGHT.unsigned_abs();
    (apart <= PAIR && alike && is_bare(own))
        .then(|| Verdict::Ambiguous(format!("the page shows {base} and {price} with equal right")))
}

/// Markup in one money and a page in another: nothing on the page confirms what the markup states.
pub(super) fn in_other_money(found: &Found, sight: Sight<'_>, first: usize, index: usize) -> Option<Verdict> {
    let base = found.candidates[first].offer.price?;
    let seen = found.candidates[index].offer.price?;
    let spot = spot_of(sight.view, &found.candidates[index])?;
    let title = found.candidates[first].offer.title.as_deref();
    let contradicts = seen.currency() != base.currency()
        && (seen.amount() == base.amount() || (spot.marked && is_bare(spot) && !sight.shows(base, title)));
    let source = found.candidates[first].source.as_str();
    contradicts.then(|| Verdict::Ambiguous(format!("{source} says {base}, the page shows {seen}")))
}

/// The digits that markup states, behind the sign of another money: a sign that several have in common is that of none
/// here, and of the stated one neither.
pub(super) fn in_other_sign(found: &Found, sight: Sight<'_>, first: usize) -> Option<Verdict> {
    // Where nothing says in which country the page is, a sign that many have in common says nothing against a code.
    let base = found.candidates[first].offer.price.filter(|_| found.locale.is_some())?;
    let foreign = |mark: &Mark| matches!(mark, Mark::Shared { codes, .. } if !codes.contains(&base.currency()));
    let same = |s: &&Spot| {
        s.money.is_none()
            && s.reading.mark.as_ref().is_some_and(foreign)
            && s.reading.amount == base.amount()
            && is_bare(s)
    };
    let spot = sight.view.spots.iter().find(same)?;
    let shown = sight.shows(base, found.candidates[first].offer.title.as_deref());
    let source = found.candidates[first].source.as_str();
    (!shown).then(|| Verdict::Ambiguous(format!("{source} says {base}, the page shows {}", spot.raw)))
}

/// The one price that the page shows inside the range that markup states: of several sellers or variants, its own.
pub(super) fn one_of_range(found: &mut Found, sight: Sight<'_>, first: usize, index: usize) -> Option<Verdict> {
    let stated = &found.candidates[first];
    let (low, seen) = stated.offer.price.zip(found.candidates[index].offer.price)?;
    let range = stated.offer.kind == PriceKind::Range && found.candidates[index].offer.kind == PriceKind::Exact;
    if !range || seen.currency() != low.currency() {
        return None;
    }
    if sight.view.spots.iter().any(|s| s.choice != Choice::None) {
        return chosen_of_range(found, sight, first);
    }
    if close(seen, low) {
        return None;
    }
    let listed = stated.amounts.iter().any(|own| close(*own, seen));
    let within = || {
        let inside = stated.offer.high_price.is_some_and(|high| (low.minor()..=high.minor()).contains(&seen.minor()));
        let bare = spot_of(sight.view, &found.candidates[index]).is_some_and(is_bare);
        let best = found.candidates[index].score;
        let low_is_price = |s: &Spot| s.money == Some(low) && is_bare(s) && s.points + OUTSHINES > best;
        inside && bare && !sight.view.spots.iter().any(low_is_price)
    };
    if !listed && !within() {
        return None;
    }
    Some(of_range(found, first, index))
}

fn of_range(found: &mut Found, first: usize, index: usize) -> Verdict {
    let source = found.candidates[first].source.as_str();
    found.candidates[first].verdict = "the page shows another of its prices".to_owned();
    let why = format!("of the prices that {source} states, the one shown");
    Verdict::Price { index, confidence: 75, why }
}

/// The page lists what one can choose from, each with its price: the price is the one that stands apart from the list,
/// or that of the choice which is made. Where the two differ nobody can tell, and the first of the list is never it.
fn chosen_of_range(found: &mut Found, sight: Sight<'_>, first: usize) -> Option<Verdict> {
    let stated = &found.candidates[first];
    let (low, high) = stated.offer.price.zip(stated.offer.high_price)?;
    let inside = |m: &Money| m.currency() == low.currency() && (low.minor()..=high.minor()).contains(&m.minor());
    let told = |s: &Spot| {
        let price = s.reading.kind == PriceKind::Exact && s.reading.role == Role::Price;
        price && !(s.tile || s.aside || s.struck || s.old || s.other)
    };
    let amounts = |wanted: &dyn Fn(&Spot) -> bool| {
        let spots = sight.view.spots.iter().filter(|s| told(s) && wanted(s));
        let mut amounts: Vec<Money> = spots.filter_map(|s| s.money).filter(inside).collect();
        amounts.sort_unstable_by_key(|m| m.minor());
        amounts.dedup();
        amounts
    };
    let apart = amounts(&|s| s.choice == Choice::None && s.points >= ENOUGH);
    let made = amounts(&|s| s.choice == Choice::Made);
    let price = match (apart.as_slice(), made.as_slice()) {
        ([price], []) | ([], [price]) => *price,
        (apart, [price]) if apart.contains(price) => *price,
        ([one, ..], [other]) => {
            return Some(Verdict::Ambiguous(format!("the page shows {one} and has chosen what costs {other}")));
        }
        _ => return None,
    };
    if close(price, low) {
        return None;
    }
    let index = best_showing(&found.candidates, price)?.0;
    Some(of_range(found, first, index))
}

/// Tiles from which on a page is a list.
const TILES: usize = 3;
/// Tiles from which on it is one even if the lowest price stands on another page of it.
const MANY_TILES: usize = 6;

/// Whether markup describes a whole list as one product with the lowest of its prices: the page shows that price only
/// in one of its tiles, sells nothing and is no product's address.
pub(super) fn is_list(found: &Found, view: &View, first: usize, page: &Page<'_>) -> bool {
    let stated = &found.candidates[first].offer;
    let aggregate = stated.evidence.as_ref().is_some_and(|e| e.path.ends_with("lowPrice"));
    let Some(low) = stated.price.filter(|_| aggregate) else { return false };
    let mut own = view.spots.iter().filter(|s| s.money.is_some_and(|m| close(m, low))).peekable();
    // A list's first page need not show the cheapest of all.
    let unshown = own.peek().is_none()
        && view.tiles >= MANY_TILES
        && stated.gtin.is_none()
        && !view.spots.iter().any(|s| s.points >= ENOUGH && !s.tile);
    // Each tile of a list may have its button.
    let sells_one = view.buy_buttons > 0 && view.buy_buttons < view.tiles;
    view.tiles >= TILES
        && !sells_one
        && stated.sku.is_none()
        && (own.peek().is_some() || unshown)
        && own.all(|s| s.tile || s.linked || s.aside)
        && crate::extract::address::article(page.final_url).is_none()
}
