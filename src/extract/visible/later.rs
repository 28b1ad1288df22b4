//! Prices that belong to another product further down the page: an alternative to one that is sold out, the only
//! member of a list.

use super::spots::Spot;
use crate::extract::address::Here;
use crate::extract::scan::Name;
use crate::extract::tree::Tree;

/// Ancestors of a price that may be the box of its product.
const MAX_CLIMB: usize = 4;
/// Nodes that such a box has at most.
const MAX_BOX: usize = 80;

/// Marks prices behind a later heading that stand in a link to another page, or behind one in the same box.
pub fn mark(tree: &Tree<'_>, spots: &mut [Spot], anchor: Option<usize>, url: &str) {
    let Some(anchor) = anchor.filter(|_| !spots.is_empty()) else { return };
    let is_heading = |i: &usize| tree.nodes[*i].is(Name::H2) || tree.nodes[*i].is(Name::H3);
    let first = (tree.nodes[anchor].end..tree.nodes.len()).find(is_heading);
    let Some(first) = first else { return };
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
