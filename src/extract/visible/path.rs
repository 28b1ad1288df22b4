//! Where a place stands on a page, as people write it.

use crate::extract::text;
use crate::extract::tree::Tree;

/// Characters of the way to a place that are kept.
const MAX_PATH: usize = 160;

/// `main > div.product-info > span.price`: the last four elements that lead to a node.
pub(super) fn of(tree: &Tree<'_>, node: usize) -> String {
    const SHOWN: usize = 4;
    let mut way = [None; SHOWN];
    let elements = std::iter::once(node).chain(tree.ancestors(node)).filter_map(|i| Some((i, tree.nodes[i].tag()?)));
    for (slot, element) in way.iter_mut().rev().zip(elements) {
        *slot = Some(element);
    }
    let mut path = String::with_capacity(MAX_PATH);
    for (index, tag) in way.into_iter().flatten() {
        if !path.is_empty() {
            path.push_str(" > ");
        }
        path.extend(tag.name.chars().map(|c| c.to_ascii_lowercase()));
        let named = match tag.attribute("id") {
            Some(id) => Some(("#", id)),
            None => tree.facts(index).class.split_ascii_whitespace().next().map(|class| (".", class)),
        };
        if let Some((sign, name)) = named {
            path.push_str(sign);
            path.push_str(name);
        }
    }
    path.truncate(text::cut(&path, MAX_PATH).len());
    path
}
