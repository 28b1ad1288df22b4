//! Amounts that belong to a choice on a page: which of several things to order, or what to order with it.

use super::spots::{Choice, Spot};
use crate::extract::price::Role;
use crate::extract::scan::{Name, Tag};
use crate::extract::tree::Tree;

/// Ancestors of an amount that may be the label of a choice.
const MAX_CLIMB: usize = 4;

/// The label of a choice that an amount stands in.
fn label_of(tree: &Tree<'_>, node: usize) -> Option<usize> {
    std::iter::once(node).chain(tree.ancestors(node)).take(MAX_CLIMB).find(|i| tree.nodes[*i].is(Name::LABEL))
}

/// Whether an amount stands in the label of a choice.
#[must_use]
pub fn in_label(tree: &Tree<'_>, node: usize) -> bool {
    label_of(tree, node).is_some()
}

/// The labels of choices that are not made, where one of the same group is.
#[must_use]
pub fn not_made(tree: &Tree<'_>) -> Vec<usize> {
    let radio = |i: usize| {
        let tag = tree.nodes[i].tag().filter(|tag| tag.is(Name::INPUT))?;
        let is_radio = tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("radio"));
        is_radio.then_some(tag)
    };
    let choices: Vec<(usize, &Tag<'_>)> = (0..tree.nodes.len())
        .filter(|i| tree.nodes[*i].is(Name::LABEL))
        .filter_map(|label| Some((label, (label..tree.nodes[label].end).find_map(radio)?)))
        .collect();
    let group =
        |label: usize, tag: &Tag<'_>| (tree.nodes[label].parent, tag.attribute("name").unwrap_or("").to_owned());
    let made: Vec<_> = choices
        .iter()
        .filter(|(_, tag)| tag.attribute("checked").is_some())
        .map(|(label, tag)| group(*label, tag))
        .collect();
    let open = choices.iter().filter(|(_, tag)| tag.attribute("checked").is_none());
    open.filter(|(label, tag)| {
        let (parent, name) = group(*label, tag);
        // Radios share a name; those without one are told by the box that holds them.
        made.iter().any(|(of, made)| if name.is_empty() { made.is_empty() && *of == parent } else { *made == name })
    })
    .map(|(label, _)| *label)
    .collect()
}

/// Whether an amount stands in one of the labels that [`not_made`] names.
#[must_use]
pub fn is_not_made(tree: &Tree<'_>, labels: &[usize], node: usize) -> bool {
    !labels.is_empty() && label_of(tree, node).is_some_and(|label| labels.contains(&label))
}

/// Ancestors of an amount that may be one of several things to choose from.
const MAX_BOX: usize = 4;
/// Amounts on a page that lists choices and is no catalogue.
const MOST: usize = 120;
/// Nodes that such a box has at most.
const MAX_NODES: usize = 24;

/// Marks amounts that stand in boxes of one kind beside each other, as sizes and packs do that one chooses from.
pub fn mark(tree: &Tree<'_>, spots: &mut [Spot]) {
    let amounts = |spots: &[Spot], b: usize| -> Vec<_> {
        let inside = |s: &&Spot| (b..tree.nodes[b].end).contains(&s.node);
        spots.iter().filter(inside).filter_map(|s| s.money).collect()
    };
    // A list of what belongs to one price holds amounts of other kinds.
    let is_price = |s: &Spot| s.reading.role == Role::Price && !(s.tile || s.struck || s.old || s.other);
    if spots.len() > MOST {
        return;
    }
    for i in 0..spots.len() {
        let spot = &spots[i];
        if spot.aside || !is_price(spot) {
            continue;
        }
        let boxes = std::iter::once(spot.node).chain(tree.ancestors(spot.node)).take(MAX_BOX);
        let mut choices = boxes.filter(|b| tree.nodes[*b].end - *b <= MAX_NODES && is_choice(tree, *b));
        let found = choices.find_map(|b| {
            let parent = tree.nodes[b].parent;
            let kind = tree.nodes[b].tag()?.key;
            let inside = |s: &&Spot| (parent..tree.nodes[parent].end).contains(&s.node) && is_price(s);
            let alike = spots.iter().filter(inside).filter_map(|s| {
                let own =
                    std::iter::once(s.node).chain(tree.ancestors(s.node)).find(|i| tree.nodes[*i].parent == parent)?;
                tree.nodes[own].tag().is_some_and(|tag| tag.key == kind).then_some(own)
            });
            let mut alike: Vec<usize> = alike.collect();
            alike.dedup();
            let differ = alike.iter().any(|other| *other != b && amounts(spots, *other) != amounts(spots, b));
            (alike.len() > 1 && differ).then_some(b)
        });
        if let Some(b) = found {
            spots[i].choice = if is_made(tree, b) { Choice::Made } else { Choice::Open };
        }
    }
}

/// Whether an element is of a kind that shops list choices in.
fn is_choice(tree: &Tree<'_>, b: usize) -> bool {
    tree.nodes[b].tag().is_some_and(|tag| {
        matches!(tag.key, Name::LABEL | Name::BUTTON)
            || tag.name.eq_ignore_ascii_case("li")
            || tag.is(Name::DIV) && tag.attribute("class").is_some_and(names_choice)
            || tag.attribute("role").is_some_and(|role| matches!(role, "radio" | "option" | "tab"))
    })
}

/// Whether a class calls a box one of several variants.
fn names_choice(class: &str) -> bool {
    ["variant", "option", "swatch", "choice"].iter().any(|name| class.contains(name))
}

/// Whether a choice is marked as the one that is made.
fn is_made(tree: &Tree<'_>, b: usize) -> bool {
    const STATES: [&str; 5] = ["aria-selected", "aria-checked", "aria-pressed", "aria-current", "data-selected"];
    let says = |tag: &Tag<'_>| {
        let is_true = |key: &&str| tag.attribute(key).is_some_and(|value| !value.eq_ignore_ascii_case("false"));
        let class = tag.attribute("class").unwrap_or("");
        // `variant--selected`, `is-active`.
        let last = |word: &str| word.rsplit(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
        let named =
            |word: &str| matches!(last(word).as_str(), "selected" | "active" | "checked" | "current" | "chosen");
        STATES.iter().any(is_true) || tag.attribute("checked").is_some() || class.split_ascii_whitespace().any(named)
    };
    let control = |tag: &Tag<'_>| matches!(tag.key, Name::INPUT | Name::BUTTON);
    (b..tree.nodes[b].end).any(|i| tree.nodes[i].tag().is_some_and(|tag| (i == b || control(tag)) && says(tag)))
}

/// Whether an amount stands in the label of a box to tick: a service or an accessory that one can add.
#[must_use]
pub fn is_extra(tree: &Tree<'_>, node: usize) -> bool {
    label_of(tree, node).is_some_and(|label| {
        (label..tree.nodes[label].end).any(|i| {
            let kind = tree.nodes[i].tag().filter(|tag| tag.is(Name::INPUT)).and_then(|tag| tag.attribute("type"));
            kind.is_some_and(|kind| kind.eq_ignore_ascii_case("checkbox"))
        })
    })
}
