//! Finding the places on a page that show an amount of money, split markup included.
//!
//! One place is the smallest element whose text reads as a price; nothing is judged here, only described.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::classes;
use super::confirm::Relevant;
use super::digits;
use super::lead;
use super::names::{own_points, weigh};
use super::neighbours::says_online;
use super::pieces::{Piece, Pieces};
use super::written::{self, has_dash_for_cents, shows};
use crate::extract::address::{self, Here};
use crate::extract::price::{self, Context, PriceKind, Reading, Role, TaxView};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};
use crate::money::{Currency, Money};

/// Prices looked at on one page.
const MAX_SPOTS: usize = 600;
/// Ancestors whose names count.
pub(super) const MAX_CLIMB: usize = 14;
/// Of these the ones whose names speak of the amount itself ...
pub(super) const NEAR: usize = 3;
/// ... and the ones whose names say that it is the product's.
pub(super) const FAR: usize = 7;

/// Whether an amount is that of one of several things to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    #[default]
    None,
    Open,
    /// The page marks it as the one that is chosen.
    Made,
}

/// A place that shows an amount.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The element that holds the whole amount.
    pub node: usize,
    pub at: usize,
    pub raw: String,
    pub reading: Reading,
    pub money: Option<Money>,
    /// The next amount in the same text.
    pub second: Option<Money>,
    /// What the amount is if the number right before it, in an element of its own, is its thousands.
    pub rival: Option<Money>,
    pub marked: bool,
    /// `1.299,-` and its like: a price by its form, whatever its currency.
    pub dashed: bool,
    pub struck: bool,
    pub linked: bool,
    pub aside: bool,
    /// In an aside that leads to another page: the amount is another product's.
    pub foreign: bool,
    pub tile: bool,
    /// Behind a heading below the product's, with another price in front of that heading.
    pub later: bool,
    pub long: bool,
    /// Found in running text of an element that holds more.
    pub sentence: bool,
    pub emphasis: bool,
    /// Its names call it shipping, a saving, an instalment or the like.
    pub other: bool,
    /// Inside a box that its names call the product's.
    pub in_product: bool,
    /// The words beside it say that it is the price for orders online.
    pub online: bool,
    /// The words before it call it the price: `Our price:`, `Preis`, `Cena`.
    pub labelled: bool,
    /// The words before it call it the price after a reduction: `Sale price:`, `You pay`.
    pub is_final: bool,
    /// Words right before it in the same box are none of prices: it is what they name.
    pub named_else: bool,
    /// The same in one line, whatever other amounts the page has.
    pub called_else: bool,
    /// The words before it call it the usual price, which is an earlier one where a lower price stands beside it.
    pub usual: bool,
    /// Its names call it the price before.
    pub old: bool,
    /// They do so only by names that the only price of many shops has as well, `retail` or `original`.
    pub usual_name: bool,
    /// Nothing but its names made it a price before.
    pub role_by_name: bool,
    /// Its names call it the price per measure and nothing else that is no price.
    pub per_unit_name: bool,
    /// One of several things to choose from: a size in a list, a button or a label.
    pub choice: Choice,
    /// Inside the box of the buy button.
    pub in_buy_box: bool,
    /// What made the place an aside.
    pub aside_name: String,
    pub class_points: i32,
    pub points: i32,
    pub why: String,
    pub signature: u64,
}

/// Every place of a page up to byte `until`, in page order. Beside a price that markup states, numbers that are no price of
/// the same thing are left out unread.
#[must_use]
pub fn find(
    tree: &Tree<'_>,
    context: &Context<'_>,
    (url, anchor): (&str, Option<usize>),
    stated: Option<Money>,
    until: usize,
) -> Vec<Spot> {
    let relevant = stated.and_then(Relevant::beside);
    let pieces = Pieces::of(tree, context);
    let reader = Reader { tree, context, url, anchor, pieces, here: OnceCell::new(), links: RefCell::default() };
    let mut spots: Vec<Spot> = Vec::new();
    let mut covered = 0;
    for (index, node) in tree.nodes.iter().enumerate().take_while(|(_, node)| node.at < until) {
        let Kind::Text(raw) = node.kind else { continue };
        if index < covered
            || spots.len() >= MAX_SPOTS
            || raw.len() > 400
            || !may_be_amount(raw)
            || relevant.as_ref().is_some_and(|r| !r.holds(raw))
            || tree.is_hidden(index)
        {
            continue;
        }
        if let Some(mut spot) = reader.smallest(index, spots.last()) {
            reader.by_neighbours(&mut spot);
            spot.rival = lead::joined(tree, &spot);
            if spot.marked && !spot.sentence {
                covered = tree.nodes[spot.node].end.max(index + 1);
            }
            if spots.last().is_none_or(|last| last.node != spot.node || (spot.sentence && last.at != spot.at)) {
                spots.push(spot);
            }
        }
    }
    spots
}

/// Bytes from which on a text is more than a price.
pub(super) const LONG: usize = 48;
/// Whether a text has digits and is no bare percentage.
fn may_be_amount(raw: &str) -> bool {
    let digits = raw.bytes().any(|b| b.is_ascii_digit())
        || (!raw.is_ascii() && raw.chars().any(|c| !text::is_common_letter(c) && c.is_numeric()));
    digits && (!raw.contains('%') || raw.chars().any(|c| c.is_alphabetic() || is_sign(c)))
}

pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}')
}

/// Describes the places of one page.
pub(super) struct Reader<'r, 'a> {
    pub(super) tree: &'r Tree<'a>,
    context: &'r Context<'r>,
    url: &'r str,
    anchor: Option<usize>,
    pub(super) pieces: Pieces<'r, 'a>,
    /// Needed only where a price stands in a link.
    here: OnceCell<Here<'r>>,
    links: RefCell<FxHashMap<&'a str, bool>>,
}

impl<'a> Reader<'_, 'a> {
    /// Climbs from a text until the element's text reads as a price with a currency; `told` is the place in front of it.
    fn smallest(&self, index: usize, told: Option<&Spot>) -> Option<Spot> {
        let tree = self.tree;
        let mut bare: Option<Spot> = None;
        let named = self.is_named_price(tree.nodes[index].parent);
        let digits = digits::may_be_part(&tree.nodes[index].kind);
        for element in tree.ancestors(index).take(5) {
            let piece = if digits { self.pieces.around_digits(element) } else { self.pieces.piece(element) };
            let Some(piece) = piece else { break };
            if piece.is_unclear() {
                return None;
            }
            // A number without money counts where its form or names call it a price, or where the box around completes it.
            let may_count = bare.is_none()
                && (has_dash_for_cents(piece.plain())
                    || named
                    || self.is_former(element, piece.plain())
                    || self.split_around(element).is_some());
            let amounts = if may_count { self.pieces.amounts(&piece) } else { self.pieces.marked(&piece) };
            let Some(amounts) = amounts else { continue };
            if amounts.0.mark.is_none() {
                let whole = || self.completed(element, &amounts.0, index);
                bare = bare.or_else(whole).or_else(|| self.spot(element, piece.plain(), amounts));
                continue;
            }
            // A number with its cents is whole: the box around it shows another amount.
            let other = |own: &Spot| {
                let differs = |read: &Reading| read.amount != own.reading.amount;
                own.reading.amount.scale() == 2 && differs(&amounts.0) && amounts.1.as_ref().is_none_or(differs)
            };
            if bare.as_ref().is_some_and(other) {
                break;
            }
            // `Item 4711` beside `$30.99`: the box around both shows a price, but not by this text. A text with an
            // amount of its own form is not what the box begins with either.
            if let Kind::Text(raw) = self.tree.nodes[index].kind {
                let raw = text::clean(raw);
                // `£` and `(47 reviews)`: what a bracket holds is no number of a sign in front of the bracket.
                if raw.starts_with('(') && self.pieces.read_marked(&raw).is_none() {
                    break;
                }
                if written::is_worded(&raw)
                    && (self.leaves_heading(index, element) || self.told_by_another(index, element, amounts))
                {
                    break;
                }
                let first = || shows(&(amounts.0.clone(), None), &raw);
                if !piece.is_drawn_by_digits() && !shows(amounts, &raw)
                    || bare.as_ref().is_some_and(|own| own.dashed && !first())
                    || self.stands_without(index, element, amounts, told)
                {
                    break;
                }
                // `149,99 € 129,99 €` in one text: nothing says which of the two is the price.
                if amounts.0.rivalled && self.pieces.read(&raw).is_some_and(|own| own.0.rivalled) {
                    return None;
                }
                // `<del>$80</del> $55`: the text of a box that strikes another amount out is read by itself.
                let own = self.tree.nodes[index].parent == element && amounts.0.kind == PriceKind::Exact;
                if own && self.strikes(element) {
                    // Words behind the struck amount are about that one.
                    let plain = |second: &Reading| Reading { role: Role::Price, ..second.clone() };
                    let behind = || amounts.1.as_ref().filter(|_| !first()).map(plain);
                    let split = || self.spot(element, piece.plain(), &(behind()?, None));
                    if let Some(own) = self.in_sentence(index).or_else(split) {
                        return Some(own);
                    }
                }
            }
            let apart = amounts.0.role != Role::Price || amounts.0.worded || piece.plain().len() > LONG;
            if apart
                && amounts.0.kind == PriceKind::Exact
                && let Some(line) = self.line(element, index)
            {
                return Some(line);
            }
            return self
                .range_around(element, &amounts.0)
                .or_else(|| self.completed(element, &amounts.0, index))
                .or_else(|| self.spot(element, piece.plain(), amounts));
        }
        bare.or_else(|| self.in_sentence(index))
    }

    /// `<b>1 574</b><sup>90</sup> zł`: one level up may complete the amount.
    fn completed(&self, element: usize, own: &Reading, index: usize) -> Option<Spot> {
        let (parent, wider) = self.split_around(element)?;
        let more = self.pieces.amounts(&wider)?;
        let same_sort = more.0.mark.is_some() == own.mark.is_some();
        // The box around both may begin with another amount, the earlier one: that is not what this text completes.
        let first = || (more.0.clone(), None);
        let by_this_text =
            || matches!(self.tree.nodes[index].kind, Kind::Text(raw) if shows(&first(), &text::clean(raw)));
        let finer = more.0.amount.scale() >= own.amount.scale();
        (same_sort && finer && more.0.amount != own.amount && by_this_text())
            .then(|| self.spot(parent, wider.plain(), more))
            .flatten()
            .filter(|_| !self.stands_without(index, parent, more, None))
    }

    /// The box around an element, if its elements split one amount.
    fn split_around(&self, element: usize) -> Option<(usize, Rc<Piece>)> {
        let parent = self.tree.nodes[element].parent;
        let wider = (parent != 0).then(|| self.pieces.piece(parent)).flatten();
        Some((parent, wider.filter(|wider| wider.is_split())?))
    }

    /// The element around a price that shows it as the lower end of a range: `$3.499 - $4.059`.
    fn range_around(&self, element: usize, own: &Reading) -> Option<Spot> {
        if own.kind != PriceKind::Exact {
            return None;
        }
        // A box that holds too much for a price is never inside one that does not.
        let boxes = self
            .tree
            .ancestors(element)
            .take(4)
            .map_while(|wider| self.pieces.piece(wider).map(|piece| (wider, piece)));
        boxes.filter(|(_, piece)| price::may_be_range(piece.plain())).find_map(|(wider, piece)| {
            let range = self.pieces.amounts(&piece)?;
            (range.0.kind == PriceKind::Range && range.0.amount == own.amount)
                .then(|| self.spot(wider, piece.plain(), range))
                .flatten()
        })
    }

    /// `Nur 39,00 €<br>Sie sparen 10,00 €`: of an element with several lines, the one that is a price by itself.
    fn line(&self, element: usize, index: usize) -> Option<Spot> {
        let nodes = &self.tree.nodes;
        let broken = (element + 1..nodes[element].end).any(|i| nodes[i].is(Name::BR));
        let own = nodes[index].parent == element;
        self.in_sentence(index).filter(|spot| broken && own && spot.reading.role == Role::Price)
    }

    /// A price inside a sentence: only with its currency right beside it.
    fn in_sentence(&self, index: usize) -> Option<Spot> {
        let Kind::Text(raw) = self.tree.nodes[index].kind else { return None };
        let element = self.tree.nodes[index].parent;
        let clean = text::clean(raw);
        let reading = &self.pieces.read(&clean)?.0;
        if reading.mark.is_none() || element == 0 {
            return None;
        }
        let spot = self.describe(element, &clean, reading.clone());
        Some(Spot { at: self.tree.nodes[index].at, long: clean.len() > 40, sentence: true, ..spot })
    }

    /// A place whose text is a price; a bare number counts only where names call it one.
    fn spot(&self, element: usize, plain: &str, amounts: &(Reading, Option<Reading>)) -> Option<Spot> {
        let (reading, second) = amounts;
        let second = second.as_ref().filter(|_| matches!(reading.kind, PriceKind::Exact | PriceKind::From));
        let second = second.and_then(|r| r.money(self.context.currency).ok());
        let counts = reading.mark.is_some()
            || has_dash_for_cents(plain)
            || self.is_named_price(element)
            || self.is_former(element, plain);
        counts.then(|| Spot { second, long: plain.len() > LONG, ..self.describe(element, plain, reading.clone()) })
    }

    /// An element and what it stands in, nearest first, as far as names count.
    pub(super) fn climb(&self, element: usize) -> impl Iterator<Item = (usize, usize)> {
        std::iter::once(element).chain(self.tree.ancestors(element)).take(MAX_CLIMB).enumerate()
    }

    /// Whether the names on an element and right around it call a number in it a price.
    fn is_named_price(&self, element: usize) -> bool {
        // What the whole page is called says nothing of a number in it.
        let near = self.climb(element).take(NEAR).take_while(|(_, i)| !self.tree.nodes[*i].is(Name::BODY));
        near.map(|(level, i)| own_points(&self.tree.hints(i), level)).sum::<i32>() > 0
    }

    fn describe(&self, element: usize, raw: &str, reading: Reading) -> Spot {
        let tree = self.tree;
        // A bare number in a price box is in the money of the place.
        let fallback = self.context.currency.or_else(|| self.context.locale.and_then(|l| l.currency()));
        let mut reading = reading;
        if reading.currency.is_none() && self.is_sterling(&reading) {
            reading.currency = Some(Currency::GBP);
        }
        let money = reading.money(fallback).ok();
        let mut spot = Spot::new(element, raw, money, reading);
        let first_text = (element..tree.nodes[element].end).find(|i| matches!(tree.nodes[*i].kind, Kind::Text(_)));
        spot.at = tree.nodes[first_text.unwrap_or(element)].at;
        for (level, i) in self.climb(element) {
            let Some(tag) = tree.nodes[i].tag() else { continue };
            let facts = tree.facts(i);
            let hints = facts.hints;
            weigh(&mut spot, &hints, level);
            let wraps_all = tree.nodes[i].end - i > tree.nodes.len() / 2;
            // What holds the product's own heading is no box of another one, whatever it is called.
            let aside = (hints.aside && !self.is_part(i, facts.class) || hints.card && self.names_another(i))
                && !self.anchor.is_some_and(|at| (i..tree.nodes[i].end).contains(&at));
            if aside && !hints.product && !hints.buy && !wraps_all && level < 11 && !spot.aside {
                spot.aside = true;
                spot.aside_name = tag.attribute("class").or_else(|| tag.attribute("id")).unwrap_or(tag.name).to_owned();
            }
            if aside && !wraps_all && level < 11 && !spot.foreign {
                let cart = |name: &str| name.contains("cart") || name.contains("basket");
                spot.foreign = cart(&spot.aside_name) || self.names_another(i);
            }
            spot.struck |= level < 4 && facts.struck;
            if level < 4 && spot.reading.tax == TaxView::Unknown && classes::names_net(facts.class) {
                spot.reading.tax = TaxView::Net;
            }
            spot.emphasis |= level < 3 && matches!(tag.key, Name::B | Name::STRONG | Name::H2 | Name::H3 | Name::BIG);
            spot.linked |= tag.is(Name::A) && self.leads_away(tag.attribute("href").unwrap_or(""));
            spot.aside |= matches!(tag.key, Name::NAV | Name::FOOTER);
            // Some shops put the buy button beside the description, and so into an `aside`.
            spot.aside |= tag.is(Name::ASIDE) && (!self.sells(i) || self.names_another(i));
            if level < 5 {
                spot.signature = mix(spot.signature, tag.name, facts.class);
            }
        }
        // Struck elements inside count too, as in `<p><del>80</del> 55</p>` read as one text.
        if spot.reading.role == Role::Price && spot.class_points < -20 && !spot.struck && !spot.other {
            spot.reading.role = Role::List;
            spot.role_by_name = true;
        }
        if spot.reading.role == Role::List && spot.reading.kind == PriceKind::Unit {
            spot.reading.role = Role::Price;
        }
        spot
    }

    /// Whether an amount is in pounds on a page in a language of Britain that names no other country: those that write the
    /// sign for another pound have a country's domain, or letters beside it.
    fn is_sterling(&self, reading: &Reading) -> bool {
        let pound = reading.mark.as_ref().is_some_and(|mark| mark.as_written() == "£");
        let locale = self.context.locale;
        pound
            && self.context.currency.is_none()
            && locale
                .is_none_or(|l| matches!(l.language(), "en" | "cy" | "gd") && matches!(l.region(), None | Some("US")))
    }

    /// Whether a small box is a part of the block that its name begins with, `product-list__price`, and leads nowhere: what
    /// the block is called says nothing of it; the block itself stands around it, if it does.
    fn is_part(&self, element: usize, class: &str) -> bool {
        const SMALL: usize = 16;
        class.contains("__") && self.tree.nodes[element].end - element <= SMALL && !self.names_another(element)
    }

    /// Whether a box has a link with words or a picture to another page, as those of other products have.
    fn names_another(&self, outer: usize) -> bool {
        let nodes = &self.tree.nodes;
        let pictured = |i: usize| (i..nodes[i].end).any(|inner| nodes[inner].is(Name::IMG));
        (outer..nodes[outer].end).any(|i| {
            let link = nodes[i].tag().filter(|tag| tag.is(Name::A));
            link.is_some_and(|tag| self.leads_away(tag.attribute("href").unwrap_or("")))
                && (self.tree.has_text(i) || pictured(i))
        })
    }

    fn sells(&self, outer: usize) -> bool {
        (outer..self.tree.nodes[outer].end).any(|i| self.tree.nodes[i].is(Name::BUTTON))
    }

    /// Whether a link target is another page.
    fn leads_away(&self, href: &'a str) -> bool {
        let trimmed = href.trim();
        if trimmed.is_empty() || address::stays(trimmed) {
            return false;
        }
        *self
            .links
            .borrow_mut()
            .entry(href)
            .or_insert_with(|| !self.here.get_or_init(|| Here::of(self.url)).is_same(trimmed))
    }
}

impl Spot {
    /// Whether its own words call it the price for orders online.
    #[must_use]
    pub fn says_online(&self) -> bool {
        says_online(&self.raw)
    }

    fn new(node: usize, raw: &str, money: Option<Money>, reading: Reading) -> Self {
        Self {
            node,
            at: 0,
            raw: raw.to_owned(),
            marked: reading.mark.is_some(),
            dashed: has_dash_for_cents(raw),
            money,
            second: None,
            rival: None,
            reading,
            struck: false,
            linked: false,
            aside: false,
            foreign: false,
            tile: false,
            later: false,
            long: false,
            sentence: false,
            emphasis: false,
            other: false,
            in_product: false,
            online: false,
            labelled: false,
            is_final: false,
            named_else: false,
            called_else: false,
            usual: false,
            old: false,
            usual_name: true,
            role_by_name: false,
            per_unit_name: true,
            choice: Choice::None,
            in_buy_box: false,
            aside_name: String::new(),
            class_points: 0,
            points: 0,
            why: String::new(),
            signature: 0,
        }
    }
}

fn mix(state: u64, name: &str, class: &str) -> u64 {
    name.bytes()
        .chain(class.bytes())
        .fold(state ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
