//! Boxes that show another product: what a list is made of, whatever shape the price in it has.

use rustc_hash::FxHashMap;

use super::spots::Spot;
use crate::extract::address::{self, Here};
use crate::extract::scan::Name;
use crate::extract::text::Words;
use crate::extract::tree::Tree;

/// Ancestors of a price that may be the box of its product.
const MAX_CLIMB: usize = 6;
/// Ancestors of a price that may be the box of what is offered in the product's place.
const MAX_FAR_CLIMB: usize = 9;
/// Nodes that such a box has at most.
const MAX_BOX: usize = 80;
/// Tiles beside a box from which on it is one of them.
const TILES: usize = 2;

/// Marks prices in boxes of the same kind as those of tiles, and prices that are for sale under another product's name.
///
/// Where the product is `unsold`, whatever leads to another page is offered in its place. A page with one price and no
/// button to buy, where nothing is `for_sale`, need not have a product of its own, and a box has no button either.
pub fn mark(
    tree: &Tree<'_>,
    spots: &mut [Spot],
    anchor: Option<(&str, usize)>,
    url: &str,
    (unsold, for_sale): (bool, bool),
) {
    let holds_heading = |b: usize| anchor.is_some_and(|(_, at)| (b..tree.nodes[b].end).contains(&at));
    let is_box = |b: &usize| tree.nodes[*b].end - *b < MAX_BOX && !holds_heading(*b);
    let boxes = |spot: &Spot| -> Vec<usize> {
        std::iter::once(spot.node).chain(tree.ancestors(spot.node)).take(MAX_FAR_CLIMB).take_while(is_box).collect()
    };
    let kind = |b: usize| {
        let tag = tree.nodes[b].tag();
        (tree.nodes[b].parent, tag.map(|tag| tag.key), tree.facts(b).class)
    };
    // Which boxes of one kind hold tiles: siblings with the same name and class.
    let mut tiles: FxHashMap<_, Vec<usize>> = FxHashMap::default();
    for tile in spots.iter().filter(|s| s.tile) {
        for b in boxes(tile).into_iter().take(MAX_CLIMB) {
            let same = tiles.entry(kind(b)).or_default();
            if !same.contains(&b) {
                same.push(b);
            }
        }
    }
    let here = Here::of(url);
    // Two boxes of one kind, each with a picture that leads to a page of its own, are a list as well.
    let mut pictured: FxHashMap<_, Vec<usize>> = FxHashMap::default();
    for spot in spots.iter().filter(|s| s.marked && !s.tile && !s.aside) {
        for b in boxes(spot).into_iter().take(MAX_CLIMB).filter(|b| shows_another(tree, *b, &here)) {
            let same = pictured.entry(kind(b)).or_default();
            if !same.contains(&b) {
                same.push(b);
            }
        }
    }
    let tiled: Vec<usize> = spots.iter().filter(|s| s.tile).map(|s| s.node).collect();
    // What differs from its neighbours by being reduced is one of them all the same.
    let in_row = |spot: &Spot| {
        let at = tiled.partition_point(|node| *node < spot.node);
        let beside = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|at| tiled.get(at));
        let mut own = beside.filter_map(|tile| listed(tree, spot.node, *tile, anchor.map(|(_, at)| at)));
        own.any(|b| tree.nodes[b].end - b < MAX_BOX && shows_another(tree, b, &here))
    };
    let heading = anchor.map(|(words, _)| Words::of(words));
    let is_own = |s: &Spot| s.marked && !(s.tile || s.aside || s.struck || s.old);
    let places: Vec<usize> = spots.iter().filter(|s| is_own(s)).map(|s| s.node).collect();
    let alone = !for_sale && places.len() == 1;
    for spot in spots.iter_mut().filter(|s| s.marked && !s.tile && !s.aside) {
        let around = boxes(spot);
        let beside_tiles = |b: &usize| {
            tiles.get(&kind(*b)).is_some_and(|same| same.iter().filter(|one| *one != b).count() >= TILES)
                && shows_another(tree, *b, &here)
        };
        let one_of_two = |b: &usize| pictured.get(&kind(*b)).is_some_and(|same| same.len() > 1 && same.contains(b));
        spot.tile = around.iter().take(MAX_CLIMB).any(|b| beside_tiles(b) || one_of_two(b)) || in_row(spot);
        let foreign = |b: &usize| {
            // In front of the heading a box without a button is a special offer of the shop, if the page has another
            // price.
            let special = anchor.is_some_and(|(_, at)| *b < at)
                && places.iter().any(|place| !(*b..tree.nodes[*b].end).contains(place));
            let named = match link(tree, *b, &here) {
                Some(link) if alone || sells(tree, *b) || special => Some(link),
                None if special => named_link(tree, *b, &here),
                _ => None,
            };
            let named = named.map(|link| Words::of(&tree.text(link, 200)));
            let Some((named, heading)) = named.zip(heading.as_ref()) else { return false };
            let heading: Vec<&str> = heading.iter().collect();
            named.iter().count() > usize::from(!special) && !named.iter().any(|word| heading.contains(&word))
        };
        let names_another = |b: usize| is_pictured(tree, b) && links(tree, b, &here).any(|i| tree.has_text(i));
        let instead = || unsold && around.iter().any(|b| names_another(*b));
        if !spot.tile && (around.iter().take(MAX_CLIMB).any(foreign) || instead()) {
            (spot.aside, spot.foreign) = (true, true);
            "another product's box".clone_into(&mut spot.aside_name);
        }
    }
}

/// The box of the first of two places, if they stand in boxes of one kind right beside each other in the page's structure,
/// as those of a list do.
pub(super) fn listed(tree: &Tree<'_>, one: usize, other: usize, anchor: Option<usize>) -> Option<usize> {
    let way: Vec<usize> = std::iter::once(one).chain(tree.ancestors(one)).collect();
    let mut below = other;
    let shared = tree.ancestors(other).find_map(|i| {
        let at = way.iter().position(|own| *own == i);
        below = if at.is_some() { below } else { i };
        at
    })?;
    let own = way[shared.checked_sub(1)?];
    let kind = |i: usize| (tree.nodes[i].tag().map(|tag| tag.key), tree.facts(i).class);
    let holds_heading = anchor.is_some_and(|at| (own..tree.nodes[own].end).contains(&at));
    (!holds_heading && kind(own) == kind(below)).then_some(own)
}

/// The link with a picture and a name that leads from a box to another page.
fn link(tree: &Tree<'_>, b: usize, here: &Here<'_>) -> Option<usize> {
    links(tree, b, here).find(|i| is_pictured(tree, *i) && tree.has_text(*i))
}

/// The link with a name that leads from a box to the page that a picture leads to as well.
fn named_link(tree: &Tree<'_>, b: usize, here: &Here<'_>) -> Option<usize> {
    let target = |i: usize| tree.nodes[i].tag().and_then(|tag| tag.attribute("href"));
    let pictured: Vec<_> = links(tree, b, here).filter(|i| is_pictured(tree, *i)).map(target).collect();
    links(tree, b, here).find(|i| tree.has_text(*i) && pictured.contains(&target(*i)))
}

/// Whether a picture and a name lead from a box to another page, by one link or by two.
fn shows_another(tree: &Tree<'_>, b: usize, here: &Here<'_>) -> bool {
    let (mut picture, mut name) = (false, false);
    links(tree, b, here).any(|i| {
        picture |= is_pictured(tree, i);
        name |= tree.has_text(i);
        picture && name
    })
}

fn is_pictured(tree: &Tree<'_>, element: usize) -> bool {
    (element..tree.nodes[element].end).any(|i| tree.nodes[i].is(Name::IMG))
}

/// The links of a box that lead to another page.
fn links<'t>(tree: &'t Tree<'_>, b: usize, here: &'t Here<'_>) -> impl Iterator<Item = usize> + 't {
    (b..tree.nodes[b].end).filter(|i| {
        let href = tree.nodes[*i].tag().filter(|tag| tag.is(Name::A)).and_then(|tag| tag.attribute("href"));
        href.map(str::trim).is_some_and(|href| {
            !href.is_empty() && !href.starts_with('?') && !address::stays(href) && !here.is_same(href)
        })
    })
}

/// Whether a box has a button.
fn sells(tree: &Tree<'_>, b: usize) -> bool {
    (b..tree.nodes[b].end).any(|i| tree.nodes[i].is(Name::BUTTON))
}
