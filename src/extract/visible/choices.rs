//! Amounts that belong to a choice on a page: which of several things to order, or what to order with it.

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
