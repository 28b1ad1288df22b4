//! Prices that a person sees on a page without markup: where they stand, what they are for, which one is the product's.
//!
//! Every rule is a hint with points; a page whose best two prices are close in points and differ in amount is not
//! decided here. Hidden elements are never read.

pub mod behind;
pub mod beside;
pub mod boxes;
mod breaks;
pub mod buttons;
pub mod choices;
pub mod classes;
mod codes;
mod columns;
pub mod confirm;
mod digits;
mod heading;
pub mod labels;
pub mod later;
pub mod lead;
mod lonely;
mod members;
mod money_beside;
mod names;
pub mod neighbours;
mod owner;
pub mod pairs;
pub mod path;
pub mod pieces;
pub mod seams;
pub mod sold;
pub mod spots;
pub mod table;
pub mod tiles;
pub mod titled;
pub mod unpriced;
pub mod written;

use super::address::Here;
use super::harvest::Harvest;
use super::offer::{Availability, Candidate, Evidence, MAX_TITLE, Offer, Source, field};
use super::price::{Context, PriceKind, Role, TaxView};
use super::text::{self, Words};
use super::tree::{Kind, Tree};
use crate::money::Money;
use choices::in_label;
use spots::Spot;

/// Points a price needs to be taken as the product's.
pub const ENOUGH: i32 = 60;

/// What a person would see.
#[derive(Debug, Default)]
pub struct View {
    /// Candidates for the product's price, best first.
    pub candidates: Vec<Candidate>,
    /// Text of the heading that names the product, and its node.
    pub heading: Option<(String, usize)>,
    pub availability: Availability,
    /// Words near the title say that it is sold out, whatever buttons there are.
    pub says_out: bool,
    /// Whether the product can be bought, whatever markup says, see [`labels::denies_sale`] and [`sold::denial`].
    pub denial: sold::Denial,
    /// What stands in the place of a price.
    pub unpriced: unpriced::Said,
    /// Buttons that put one product into a cart.
    pub buy_buttons: usize,
    /// Prices in repeated tiles that link elsewhere: what category pages are made of.
    pub tiles: usize,
    /// Most places of one shape that are no tiles and show a price, whatever the amounts.
    pub alike: usize,
    pub labels: labels::Labels,
    /// Percentages shown near the best price as what it is reduced by.
    pub discounts: Vec<i64>,
    /// The heading is what the page's own title says.
    pub titled: bool,
    /// An advertisement: a button to write to the seller, and a heading that the page's own title says in part.
    pub advertised: bool,
    /// The names of the heading's element call it a product's title.
    pub named: bool,
    /// The page has no heading at all: the words of its title stand for one.
    pub unheaded: bool,
    /// The best price stands in a box that its names call the product's.
    pub in_product_box: bool,
    /// Every place that shows an amount.
    pub spots: Vec<Spot>,
    /// The best price stands in a box that leads to another page, and so does every other place that shows it.
    pub in_tile: bool,
    /// Bytes of all texts of the part that was looked at.
    pub text_bytes: usize,
    /// Every price seen, struck ones included, for comparison with structured data.
    pub seen: Vec<(Money, Role)>,
}

impl View {
    /// Whether all amounts on the page are this one, but for those that it was before, and it is no other page's.
    #[must_use]
    pub fn is_only_price(&self, price: Option<Money>) -> bool {
        let before = |spot: &Spot| spot.struck || spot.old || spot.reading.role == Role::List;
        !self.in_tile && self.spots.iter().filter(|spot| spot.marked && !before(spot)).all(|spot| spot.money == price)
    }
}

/// Bytes in front of the title that are looked at when markup has answered already.
const WINDOW_BEFORE: usize = 2 * 1024;
/// Bytes behind it.
const WINDOW_AFTER: usize = 28 * 1024;

/// Bytes behind the place that shows the stated price, which hold what belongs to it and what may contradict it.
pub const AFTER_PRICE: usize = 8 * 1024;

/// The part of a page around the heading that names `title`: enough to confirm what markup states.
#[must_use]
pub fn window(harvest: &Harvest<'_>, title: &str) -> Option<std::ops::Range<usize>> {
    let best = naming_heading(harvest, title)?;
    Some(best.1.saturating_sub(WINDOW_BEFORE)..best.1 + WINDOW_AFTER)
}

/// The heading that shares most words with `title`, and its byte offset.
#[must_use]
pub fn naming_heading<'h>(harvest: &'h Harvest<'_>, title: &str) -> Option<&'h (String, usize)> {
    let wanted = Words::of(title);
    let wanted: Vec<&str> = wanted.iter().collect();
    let fit = |heading: &str| Words::of(heading).iter().filter(|w| wanted.contains(w)).count();
    let fitting = harvest.headings.iter().map(|heading| (fit(&heading.0), heading)).filter(|(fit, _)| *fit > 0);
    fitting.max_by_key(|(fit, (_, at))| (*fit, std::cmp::Reverse(*at))).map(|(_, heading)| heading)
}

/// How much of a page is of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Prices; beside one that markup states, only amounts that can have to do with it. `words` asks for what
    /// [`Self::Words`] asks for as well. Behind the byte offset `until` no price is looked for.
    Prices { stated: Option<Money>, words: bool, until: usize },
    /// What words say: heading, stock, labels. The price is known and confirmed.
    Words,
}

/// Looks at a page, or at the part of it that a tree was built of.
#[must_use]
pub fn look(
    tree: &Tree<'_>,
    harvest: &Harvest<'_>,
    context: &Context<'_>,
    titles: &[&str],
    url: &str,
    interest: Interest,
) -> View {
    let page_words = Words::of(&titles.join(" "));
    let mut heading = heading::find(tree, harvest, &page_words);
    let unheaded = heading.is_none();
    if unheaded {
        heading = titled::whole(tree, harvest);
    }
    let anchor = heading.as_ref().map(|h| h.1);
    let buttons = buttons::find(tree);
    let own = later::own_buttons(tree, &buttons, anchor, url);
    let denial = match labels::denies_sale(tree, anchor, &buttons.disabled, &own) {
        true => sold::Denial::Sure,
        false => sold::denial(tree, anchor, &own, url),
    };
    let buttons = buttons.working;
    let mut view = View { buy_buttons: buttons.len(), denial, text_bytes: tree.text_bytes, ..View::default() };
    if !matches!(interest, Interest::Prices { words: false, .. }) {
        let said = labels::said_at(tree, anchor);
        view.says_out = said.0 == Availability::OutOfStock;
        view.availability = labels::availability(tree, said, anchor, &own);
        view.labels = labels::read(tree, anchor);
        view.unpriced = unpriced::said(tree, anchor);
    }
    view.unheaded = unheaded;
    view.named = anchor.and_then(|at| tree.nodes[at].tag()).is_some_and(|tag| classes::names_title(tag) == 2);
    view.titled = !unheaded
        && heading.as_ref().is_some_and(|(words, _)| {
            let own = Words::of(words);
            let mut own = own.iter().peekable();
            (own.peek().is_some() && own.all(|w| page_words.contains(w))) || page_words.iter().next().is_none()
        });
    if buttons.is_empty() {
        let half = heading.as_ref().is_some_and(|(words, _)| {
            let own = Words::of(words);
            own.iter().filter(|word| page_words.contains(word)).count() * 2 >= own.iter().count().max(1)
        });
        view.advertised = half && buttons::writes_to_seller(tree);
    }
    if let Interest::Prices { stated, until, .. } = interest {
        let context = Context { strict: true, ..*context };
        let found = spots::find(tree, &context, (url, anchor), stated, until);
        prices(&mut view, tree, found, heading.as_ref(), &buttons, url, stated);
    }
    view.heading = heading;
    view
}

/// Ranks the amounts on a page.
fn prices(
    view: &mut View,
    tree: &Tree<'_>,
    mut found: Vec<Spot>,
    heading: Option<&(String, usize)>,
    buttons: &[usize],
    url: &str,
    stated: Option<Money>,
) {
    let anchor = heading.map(|h| h.1);
    tiles::mark_repeated(tree, &mut found, anchor);
    later::mark(tree, &mut found, anchor, url);
    let unsold = view.says_out || view.unpriced != unpriced::Said::Nothing;
    boxes::mark(tree, &mut found, heading.map(|h| (h.0.as_str(), h.1)), url, (unsold, !buttons.is_empty()));
    view.tiles = found.iter().filter(|s| s.tile && s.marked).count();
    view.alike = tiles::most_alike(&found);
    view.seen = found.iter().filter_map(|s| s.money.map(|m| (m, s.reading.role))).collect();
    // Words of its own outweigh those of a neighbour, which may speak for the neighbour.
    let own_online: Vec<bool> = found.iter().map(|s| !s.long && !s.sentence && s.says_online()).collect();
    let any_online = own_online.contains(&true);
    breaks::mark(tree, &mut found);
    lonely::settle(tree, &mut found, stated);
    choices::mark(tree, &mut found);
    members::settle(tree, &mut found);
    pairs::settle_labels(&mut found);
    let shadows = pairs::shadows(&found);
    let not_made = choices::not_made(tree);
    let left_alone: Vec<bool> = found.iter().map(|spot| lonely::is_left_alone(&found, spot)).collect();
    for (i, spot) in found.iter_mut().enumerate() {
        spot.online = if any_online { own_online[i] } else { spot.online };
        score(tree, spot, anchor, buttons);
        // What can be chosen beside a price on request is an extra.
        let on_request = view.unpriced == unpriced::Said::OnRequest && in_label(tree, spot.node);
        // One that its names call the earlier price stays that where the present one is not filled in.
        if left_alone[i]
            || on_request
            || choices::is_not_made(tree, &not_made, spot.node)
            || choices::is_extra(tree, spot.node)
        {
            spot.points = spot.points.min(NO_PRICE);
        }
        if shadows[i] {
            spot.points -= SHADOW;
            add_reason(&mut spot.why, -SHADOW, "the same amount is struck through beside it");
        }
    }
    // A used thing is the offer only where no new one is.
    let is_new = |s: &Spot| s.points >= ENOUGH && s.reading.role == Role::Price && !s.reading.worded;
    if found.iter().any(is_new) {
        let used = found.iter_mut().filter(|s| s.reading.role == Role::Used);
        used.for_each(|s| s.points = s.points.min(NO_PRICE));
    }
    if let (Some(anchor), None) = (anchor, stated) {
        let here = Here::of(url);
        let leads_away = |spot: &Spot| later::is_behind_link(tree, spot.node, anchor, &here);
        if !view.unheaded {
            lonely::lift(&mut found, anchor, leads_away);
        }
        view.in_tile = lonely::only(&found).is_some() && found.iter().filter(|s| s.marked).all(leads_away);
    }
    let best = found.iter().filter(|s| s.money.is_some()).max_by_key(|s| (s.points, std::cmp::Reverse(s.node)));
    view.in_product_box = best.is_some_and(|s| s.in_product || s.in_buy_box);
    view.candidates = assemble(tree, &found, heading.map(|h| h.0.as_str()));
    view.discounts = discounts(tree, &found);
    view.spots = found;
}

/// Points an amount loses that is the earlier price elsewhere.
const SHADOW: i32 = 40;
/// Bytes of all reasons for and against a price, mostly.
const USUAL_REASONS: usize = 128;

/// Appends points and what they are for: `+15 currency shown`.
fn add_reason(why: &mut String, value: i32, reason: &str) {
    why.push_str(if why.is_empty() { "" } else { ", " });
    why.push(if value < 0 { '-' } else { '+' });
    let mut left = value.unsigned_abs();
    let mut unit = 10_u32.pow(left.checked_ilog10().unwrap_or(0));
    while unit > 0 {
        why.extend(char::from_digit(left / unit, 10));
        left %= unit;
        unit /= 10;
    }
    why.push(' ');
    why.push_str(reason);
}

/// Points of an amount among words that are not those of prices.
pub const WORDED: i32 = -20;
/// Points of an amount right behind words that are not those of prices, in an element of their own.
const NAMED_ELSE: i32 = -18;
/// Points of an amount behind a later heading, where one in front of it is a price.
const LATER: i32 = -30;
/// Most points of an amount that is not told as a price for its place alone.
const NO_PRICE: i32 = 39;

/// Points of one price.
fn score(tree: &Tree<'_>, spot: &mut Spot, anchor: Option<usize>, buttons: &[usize]) {
    let mut points = 0;
    let mut why = String::with_capacity(USUAL_REASONS);
    let mut add = |value: i32, reason: &str| {
        if value != 0 {
            points += value;
            add_reason(&mut why, value, reason);
        }
    };
    add(spot.class_points, "class names");
    match (spot.marked, spot.dashed) {
        (true, _) => add(15, "currency shown"),
        (_, true) => add(8, "written as prices are"),
        (false, false) => add(-10, "no currency"),
    }
    if let Some(anchor) = anchor {
        let distance = spot.node.abs_diff(anchor);
        let near = match distance {
            0..=40 => 30,
            41..=120 => 22,
            121..=300 => 12,
            301..=700 => 2,
            _ => -15,
        };
        let before = if spot.in_buy_box { near.max(0) } else { near - 22 };
        add(if spot.node > anchor { near } else { before }, "distance to the title");
    }
    if let Some(distance) = buttons.iter().map(|b| b.abs_diff(spot.node)).min() {
        add(
            if distance < 60 {
                22
            } else if distance < 200 {
                10
            } else {
                0
            },
            "near the buy button",
        );
    }
    add(if spot.tile { -60 } else { 0 }, "one of many tiles");
    add(if spot.linked { -25 } else { 0 }, "inside a link");
    if spot.aside {
        add(-60, &["inside `", text::cut(&spot.aside_name, 40), "`"].concat());
    }
    // A service, a gift or a used one stands in the same box, and says so in words.
    let bare = !spot.reading.worded && !in_label(tree, spot.node);
    add(if spot.in_buy_box && bare { 18 } else { 0 }, "in the buy box");
    add(if spot.emphasis { 8 } else { 0 }, "emphasised");
    add(if spot.online { 10 } else { 0 }, "said to be the online price");
    add(if spot.labelled { 12 } else { 0 }, "labelled as the price");
    add(if spot.long { -18 } else { 0 }, "inside a longer text");
    // The words of a buy button are its own.
    let in_button = buttons.iter().any(|b| (*b..tree.nodes[*b].end).contains(&spot.node));
    let worded = spot.reading.worded && !spot.labelled && !in_button;
    add(if worded { WORDED } else { 0 }, "among other words");
    add(if spot.later { LATER } else { 0 }, "behind another heading");
    add(
        if spot.named_else && !spot.labelled && spot.reading.role == Role::Price { NAMED_ELSE } else { 0 },
        "behind words for something else",
    );
    let role = match spot.reading.role {
        Role::Price => 0,
        Role::List => -50,
        Role::Used => -16,
        _ => -70,
    };
    add(role, "its words say it is something else");
    let kind = match spot.reading.kind {
        PriceKind::Exact => 0,
        PriceKind::From | PriceKind::Range => -4,
        PriceKind::Unit => -45,
        PriceKind::Instalment => -70,
    };
    add(kind, "kind of amount");
    add(if spot.reading.tax == TaxView::Net { -12 } else { 0 }, "without tax");
    add(if spot.struck { -60 } else { 0 }, "struck through");
    add(if spot.money.is_some_and(Money::is_positive) { 0 } else { -90 }, "no positive amount");
    // Nothing but its place speaks for an amount among other words.
    let choice = (worded || begins_with_name(&spot.raw)) && in_label(tree, spot.node);
    let is_none = choice || spot.tile;
    spot.points =
        if is_none || worded && spot.class_points <= 0 && !spot.online { points.min(NO_PRICE) } else { points };
    spot.why = why;
}

/// Whether a text begins with words that are not those of prices, whatever numbers they have: `Office 365 59,99 €`.
fn begins_with_name(raw: &str) -> bool {
    let words = &raw[..raw.find(|c: char| c.is_numeric()).unwrap_or(0)];
    super::price::names_something_else(words.trim())
}

/// Candidates by points; list prices, unit prices and shipping near the best one join it.
fn assemble(tree: &Tree<'_>, spots: &[Spot], title: Option<&str>) -> Vec<Candidate> {
    let mut order: Vec<&Spot> = spots.iter().filter(|s| s.money.is_some()).collect();
    order.sort_by_key(|s| (std::cmp::Reverse(s.points), s.node));
    // Bare numbers only count on pages that show no currency anywhere near the product.
    if order
        .iter()
        .any(|s| s.marked && s.points >= 40 && !s.reading.worded && matches!(s.reading.role, Role::Price | Role::List))
    {
        order.retain(|s| s.marked || s.dashed || is_named_price(s));
    }
    // `from 3 pieces` beside a price: a whole number among words counts something.
    if order.iter().any(|s| s.marked) {
        let counts = |s: &Spot| !s.marked && !s.dashed && s.reading.amount.scale() == 0;
        order.retain(|s| !(counts(s) && (s.reading.kind == PriceKind::From || s.reading.worded)));
    }
    order.truncate(40);
    let best = order.first().copied();
    let title = title.and_then(|t| field(t, MAX_TITLE));
    order
        .iter()
        .map(|spot| {
            let mut offer = Offer {
                price: spot.money,
                currency: spot.money.map(Money::currency),
                kind: spot.reading.kind,
                tax: spot.reading.tax,
                title: title.clone(),
                evidence: Some(Evidence::new(Source::Visible, path::of(tree, spot.node), &spot.raw, Some(spot.at))),
                ..Offer::default()
            };
            offer.high_price =
                spot.reading.high.zip(spot.money).and_then(|(high, low)| Money::exact(high, low.currency()).ok());
            if best.is_some_and(|b| std::ptr::eq(b, *spot)) {
                companions(tree, spots, spot, &mut offer);
            }
            Candidate {
                rival: spot.rival,
                score: spot.points,
                verdict: [&spot.points.to_string(), " points: ", &spot.why].concat(),
                ..Candidate::new(Source::Visible, offer)
            }
        })
        .collect()
}

/// Points of names that call a bare number a price.
const NAMED_PRICE: i32 = 12;

/// Whether a number without a sign is written with decimals where names call it a price.
fn is_named_price(spot: &Spot) -> bool {
    const CENTS: u32 = 2;
    spot.class_points >= NAMED_PRICE && spot.reading.amount.scale() == CENTS && !spot.reading.worded
}

/// The unit price that stands beside the best price.
fn companions(tree: &Tree<'_>, spots: &[Spot], best: &Spot, offer: &mut Offer) {
    let Some(price) = best.money else { return };
    let near = |s: &&Spot| s.node.abs_diff(best.node) < 120 && !s.aside && !s.tile && s.node != best.node;
    let unit = spots.iter().filter(near).find(|s| s.reading.kind == PriceKind::Unit);
    offer.unit_price = unit.and_then(|s| {
        let per = s.reading.per.clone()?;
        Some(super::UnitPrice {
            amount: s.reading.amount,
            currency: s.reading.currency.or(Some(price.currency())),
            per,
        })
    });
    let _ = tree;
}

/// Percentages around the best price: `-50%` says which of two amounts is the earlier one.
fn discounts(tree: &Tree<'_>, spots: &[Spot]) -> Vec<i64> {
    let Some(best) = spots.iter().filter(|s| s.money.is_some()).max_by_key(|s| (s.points, std::cmp::Reverse(s.node)))
    else {
        return Vec::new();
    };
    let range = best.node.saturating_sub(40)..tree.nodes.len().min(best.node + 40);
    let mut found = Vec::new();
    for i in range {
        let Kind::Text(raw) = tree.nodes[i].kind else { continue };
        if !raw.contains('%') {
            continue;
        }
        // `41<!-- -->% Off`: the parts of one element belong together.
        let whole = tree.text(tree.nodes[i].parent, 60);
        let Some((before, _)) = whole.split_once('%') else { continue };
        let digits: String = before.trim_end().chars().rev().take_while(char::is_ascii_digit).collect();
        let percent: String = digits.chars().rev().collect();
        found.extend(percent.parse::<i64>().ok().filter(|p| (1..100).contains(p)));
    }
    found
}
