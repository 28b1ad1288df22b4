//! How much a visible place says by itself, and whether an amount stands on a page at all.
//!
//! Between the title and the buy button of a page stand amounts of many kinds: what shipping is free from, a warranty,
//! a used copy, the price of an accessory. No list of words knows them all, so a place counts against another source
//! only if it is a price and nothing else.

use std::ops::Range;

use crate::extract::offer::{Candidate, Source};
use crate::extract::price::{self, Context, PriceKind, Role, TaxView};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};
use crate::extract::visible::View;
use crate::extract::visible::confirm::shows;
use crate::extract::visible::spots::Spot;
use crate::money::Money;

/// Points for names from which on they call an amount a price.
const NAMED: i32 = 12;
/// How many times the other one of two prices of the same thing may be.
const MOST_APART: i64 = 3;
/// Nodes between the two halves of an amount.
const HALVES_APART: usize = 6;
/// Ancestors of a text that may strike it through.
const MAX_CLIMB: usize = 4;

/// The place that a visible candidate describes.
pub(super) fn spot_of<'v>(view: &'v View, candidate: &Candidate) -> Option<&'v Spot> {
    let at = candidate.evidence_offset()?;
    let own = |s: &&Spot| s.at == at && s.money == candidate.offer.price && s.points == candidate.score;
    view.spots.iter().find(own)
}

/// Whether a place shows one exact amount and says nothing else: no sentence, no other thing's name, no second amount.
pub(super) fn is_bare(spot: &Spot) -> bool {
    let price = spot.reading.kind == PriceKind::Exact && spot.reading.role == Role::Price && !spot.other;
    let own = !spot.tile && !spot.aside && !spot.linked && !spot.struck && !spot.old;
    price && own && spot.second.is_none() && says_only_price(spot)
}

/// Whether names or words of its own call a place the price.
pub(super) fn is_named(spot: &Spot) -> bool {
    spot.class_points >= NAMED || spot.labelled
}

/// Whether the words of a place beside its amount are a currency, a label of prices, tax or a piece.
fn says_only_price(spot: &Spot) -> bool {
    let raw = spot.raw.as_str();
    let Some(first) = raw.find(|c: char| c.is_numeric()) else { return false };
    let last = raw.rfind(|c: char| c.is_numeric()).unwrap_or(first);
    let behind = last + raw[last..].chars().next().map_or(0, char::len_utf8);
    let qualified = spot.reading.tax != TaxView::Unknown || spot.reading.per.is_some();
    is_label(&raw[..first])
        && raw[first..behind].split(|c: char| !c.is_alphabetic()).all(is_money)
        && (qualified || is_label(&raw[behind..]))
}

fn is_label(words: &str) -> bool {
    let rest: Vec<&str> = words
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '\'' | '’' | '-')))
        .filter(|word| word.contains(char::is_alphabetic) && !is_money(word))
        .collect();
    rest.is_empty() || price::names_price(&rest.join(" "))
}

/// Whether a word names money.
fn is_money(word: &str) -> bool {
    word.is_empty()
        || price::read(&["12 ", word].concat(), &Context::default()).is_ok_and(|reading| reading.mark.is_some())
}

/// Whether two amounts can be prices of one thing: neither is a small part of the other, unless software lost or added
/// a decimal point.
pub(super) fn are_comparable(one: Money, other: Money) -> bool {
    let (low, high) =
        if one.minor() < other.minor() { (one.minor(), other.minor()) } else { (other.minor(), one.minor()) };
    let scaled = [10, 100, 1_000].into_iter().any(|factor| low.saturating_mul(factor) == high);
    one.currency() == other.currency() && (scaled || low.saturating_mul(MOST_APART) >= high)
}

/// Whether a part of a page shows an amount to a person, whatever else the text says: the digits of it, in one text or
/// in two halves, that are not struck through and belong to no other product.
pub(super) fn stands(body: &str, part: Range<usize>, wanted: Money, view: &View) -> bool {
    let tree = Tree::build(body, part.start, part.end);
    let foreign = |at: usize| {
        let spot = view.spots.iter().find(|s| s.at == at);
        spot.is_some_and(|s| s.tile || s.aside || s.struck || s.old || s.reading.role == Role::List)
    };
    let mut half: Option<(usize, String)> = None;
    for (index, node) in tree.nodes.iter().enumerate() {
        let Kind::Text(raw) = node.kind else { continue };
        // A sign alone may stand between the halves.
        if !raw.chars().any(|c| c.is_alphanumeric()) {
            continue;
        }
        let before = half.take();
        if !raw.contains(|c: char| c.is_numeric()) || tree.is_hidden(index) {
            continue;
        }
        let other = tree.nodes[node.parent].is(Name::OPTION)
            || tree.ancestors(index).take(MAX_CLIMB).any(|i| tree.facts(i).struck)
            || foreign(node.at);
        if other {
            continue;
        }
        let own = text::clean(raw);
        if shows(&own, wanted) {
            return true;
        }
        let joined = before.filter(|(at, _)| index - at <= HALVES_APART).map(|(_, whole)| {
            let cents = own.trim_start_matches(|c: char| !c.is_alphanumeric());
            [&whole, ".", cents].concat()
        });
        if joined.is_some_and(|joined| shows(&joined, wanted)) {
            return true;
        }
        let whole = own.trim_end_matches(|c: char| !c.is_alphanumeric());
        if whole.ends_with(|c: char| c.is_ascii_digit()) {
            half = Some((index, whole.to_owned()));
        }
    }
    false
}

/// The visible candidate that stands highest among those that show an amount.
pub(super) fn best_showing(candidates: &[Candidate], money: Money) -> Option<(usize, &Candidate)> {
    let own =
        |c: &Candidate| c.source == Source::Visible && c.offer.price.is_some_and(|p| super::judge::close(p, money));
    candidates.iter().enumerate().filter(|(_, c)| own(c)).max_by_key(|(i, c)| (c.score, std::cmp::Reverse(*i)))
}
