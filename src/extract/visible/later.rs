//! Prices that belong to another product further down the page: an alternative to one that is sold out, the only
//! member of a list.

use super::buttons::Buttons;
use super::spots::Spot;
use crate::extract::address::Here;
use crate::extract::price::{PriceKind, Role};
use crate::extract::scan::Name;
use crate::extract::tree::{Kind, Tree};

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
    boxes.any(|b| (b..price).any(|i| leads_away(tree, i, here)))
}

/// Whether a node is a link with words that leads to another page.
fn leads_away(tree: &Tree<'_>, node: usize, here: &Here<'_>) -> bool {
    let href = tree.nodes[node].tag().filter(|tag| tag.is(Name::A)).and_then(|tag| tag.attribute("href"));
    let href = href.map(str::trim).filter(|h| !h.is_empty() && !h.starts_with(['#', '?']));
    href.is_some_and(|href| !href.starts_with("javascript:") && !here.is_same(href)) && tree.has_text(node)
}

/// The working buy buttons of the page's own product: not those in boxes behind a later heading that name another
/// page's product in front of the button and number something, as alternatives to what is sold out do.
#[must_use]
pub fn own_buttons(tree: &Tree<'_>, buttons: &Buttons, anchor: Option<usize>, url: &str) -> Vec<usize> {
    const H4: Name = Name::of("h4");
    let all = || buttons.working.clone();
    let (Some(anchor), Some(last)) = (anchor, buttons.working.iter().max()) else { return all() };
    let is_heading = |i: &usize| [Name::H2, Name::H3, H4].iter().any(|name| tree.nodes[*i].is(*name));
    let Some(first) = (tree.nodes[anchor].end..=*last).find(is_heading) else { return all() };
    let here = Here::of(url);
    let is_other = |button: usize| button > first && is_tile(tree, button, anchor, &here);
    buttons.working.iter().copied().filter(|button| !is_other(*button)).collect()
}

/// Whether the box around a button is one of another page's product: with its name in a link, and a number.
fn is_tile(tree: &Tree<'_>, button: usize, anchor: usize, here: &Here<'_>) -> bool {
    let boxes = tree.ancestors(button).take(MAX_CLIMB);
    let mut boxes = boxes.take_while(|b| *b > anchor && tree.nodes[*b].end - *b < MAX_BOX);
    boxes.any(|b| {
        let numbered =
            |i: usize| matches!(tree.nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|c| c.is_ascii_digit()));
        (b..button).any(|i| leads_away(tree, i, here)) && (b..tree.nodes[b].end).any(numbered)
    })
}
