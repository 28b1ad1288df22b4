//! Prices that belong to another product further down the page: an alternative to one that is sold out, the only
//! member of a list.

use super::spots::Spot;
use crate::extract::address::Here;
use crate::extract::price::{PriceKind, Role};
use crate::extract::scan::Name;
use crate::extract::text::Words;
use crate::extract::tree::Tree;

/// Ancestors of a price that may be the box of its product.
const MAX_CLIMB: usize = 4;
/// Bytes of a link's text that is compared with the heading.
const MAX_NAME: usize = 200;
/// Nodes that such a box has at most.
const MAX_BOX: usize = 80;

/// Marks prices in a box with the picture of another product and a link to it: the only member of a list.
pub fn mark_tiles(tree: &Tree<'_>, spots: &mut [Spot], heading: Option<&(String, usize)>, url: &str) {
    let Some((title, anchor)) = heading else { return };
    let here = Here::of(url);
    let own = Words::of(title);
    for spot in spots.iter_mut().filter(|s| s.marked && !s.aside && !s.tile) {
        let boxes = tree.ancestors(spot.node).take(MAX_CLIMB);
        let mut boxes = boxes.take_while(|b| {
            let range = *b..tree.nodes[*b].end;
            range.len() < MAX_BOX && !range.contains(anchor)
        });
        let is_other = |link: usize| {
            let href = tree.nodes[link].tag().filter(|tag| tag.is(Name::A)).and_then(|tag| tag.attribute("href"));
            let href = href.map(str::trim).filter(|href| !href.is_empty());
            let leaves = href.is_some_and(|h| !h.starts_with("javascript:") && !h.starts_with('#') && !here.is_same(h));
            let pictured = || (link..tree.nodes[link].end).any(|i| tree.nodes[i].is(Name::IMG));
            if !leaves || !pictured() {
                return false;
            }
            let name = Words::of(&tree.text(link, MAX_NAME));
            let mut words = name.iter().peekable();
            words.peek().is_some() && !words.any(|word| own.contains(word))
        };
        if boxes.any(|b| (b..tree.nodes[b].end).any(is_other)) {
            spot.aside = true;
            "a link to another product".clone_into(&mut spot.aside_name);
        }
    }
}

/// Marks prices behind a later heading that stand in a link to another page, or behind one in the same box.
pub fn mark(tree: &Tree<'_>, spots: &mut [Spot], anchor: Option<usize>, url: &str) {
    let Some(anchor) = anchor.filter(|_| !spots.is_empty()) else { return };
    let is_heading = |i: &usize| tree.nodes[*i].is(Name::H2) || tree.nodes[*i].is(Name::H3);
    let first = (tree.nodes[anchor].end..tree.nodes.len()).find(is_heading);
    let Some(first) = first else { return };
    let own = |s: &&Spot| s.node > anchor && s.node < first && s.marked && !s.aside && !s.tile && !s.struck;
    let own =
        |s: &Spot| own(&s) && s.reading.role == Role::Price && !s.reading.worded && s.reading.kind == PriceKind::Exact;
    if spots.iter().any(own) {
        spots.iter_mut().filter(|s| s.node > first).for_each(|s| s.later = true);
    }
    let here = Here::of(url);
    for spot in spots.iter_mut().filter(|s| s.node > first && s.marked && !s.aside && !s.tile) {
        let heading = (first..spot.node).rev().find(is_heading);
        let above = heading.is_some_and(|h| tree.nodes[h].end <= spot.node);
        if above && heading.is_some_and(|h| spot.linked || is_behind_link(tree, spot.node, h, &here)) {
            spot.aside = true;
            "another heading".clone_into(&mut spot.aside_name);
        }
    }
}

/// Whether the box around a price, which begins behind `heading`, names another page's product in front of it.
fn is_behind_link(tree: &Tree<'_>, price: usize, heading: usize, here: &Here<'_>) -> bool {
    let boxes = tree.ancestors(price).take(MAX_CLIMB);
    let mut boxes = boxes.take_while(|b| *b > heading && tree.nodes[*b].end - *b < MAX_BOX);
    boxes.any(|b| {
        (b..price).any(|i| {
            let href = tree.nodes[i].tag().filter(|tag| tag.is(Name::A)).and_then(|tag| tag.attribute("href"));
            let href = href.map(str::trim).filter(|h| !h.is_empty() && !h.starts_with(['#', '?']));
            href.is_some_and(|href| !href.starts_with("javascript:") && !here.is_same(href)) && tree.has_text(i)
        })
    })
}
