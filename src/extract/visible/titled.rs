//! The product's name on pages without any heading element: the first short text that says what the title says.

use super::classes;
use crate::extract::harvest::Harvest;
use crate::extract::scan::Name;
use crate::extract::text::{self, Words};
use crate::extract::tree::{Kind, Tree};

/// Bytes of a text that may be a name.
const MAX_NAME: usize = 200;
/// What separates the product's name from the shop's in a title.
const SEPARATORS: [&str; 5] = [" | ", " – ", " — ", " :: ", " - "];

/// The first visible text outside links and menus with all words of the page's title in front of the shop's name, and
/// its element.
#[must_use]
pub fn first(tree: &Tree<'_>, harvest: &Harvest<'_>) -> Option<(String, usize)> {
    let title = harvest.meta(&["og:title"]).map(|m| m.content.as_ref()).or(harvest.title.as_deref())?;
    let end = SEPARATORS.iter().filter_map(|separator| title.find(separator)).min().unwrap_or(title.len());
    let wanted = Words::of(&title[..end]);
    let count = wanted.iter().count();
    if count == 0 {
        return None;
    }
    tree.nodes.iter().enumerate().find_map(|(index, node)| {
        let Kind::Text(raw) = node.kind else { return None };
        if raw.len() > MAX_NAME {
            return None;
        }
        let name = text::clean(raw);
        let own = Words::of(&name);
        let same = own.iter().count() == count && own.iter().all(|word| wanted.contains(word));
        (same && node.parent != 0 && !tree.is_hidden(index) && !is_elsewhere(tree, index))
            .then(|| (name.into_owned(), node.parent))
    })
}

/// The first visible element outside links and menus whose names call it a title, on a page without headings, if its words
/// are those of the page's title in front of the shop's name and more.
#[must_use]
pub fn named(tree: &Tree<'_>, harvest: &Harvest<'_>) -> Option<(String, usize)> {
    const MAX_NODES: usize = 8;
    let title = harvest.title.as_deref()?;
    let end = SEPARATORS.iter().filter_map(|separator| title.find(separator)).min().unwrap_or(title.len());
    let wanted = Words::of(&title[..end]);
    if wanted.iter().next().is_none() || tree.nodes.iter().any(|node| node.is(Name::H1) || node.is(Name::H2)) {
        return None;
    }
    tree.nodes.iter().enumerate().find_map(|(index, node)| {
        let tag = node.tag().filter(|_| node.end - index <= MAX_NODES)?;
        if classes::names_title(tag) == 0 {
            return None;
        }
        let name = tree.text(index, MAX_NAME);
        let own = Words::of(&name);
        let holds = wanted.iter().all(|word| own.contains(word));
        (holds && name.len() < MAX_NAME && !tree.is_hidden(index) && !tag.is(Name::META) && !is_elsewhere(tree, index))
            .then_some((name, index))
    })
}

/// The words of the page's title in front of the shop's name, and the place where the page begins, where no element is a
/// heading.
#[must_use]
pub fn whole(tree: &Tree<'_>, harvest: &Harvest<'_>) -> Option<(String, usize)> {
    let title = harvest.title.as_deref()?;
    let end = SEPARATORS.iter().filter_map(|separator| title.find(separator)).min().unwrap_or(title.len());
    let name = text::clean(&title[..end]);
    let headed = tree.nodes.iter().any(|node| [Name::H1, Name::H2, Name::H3].iter().any(|name| node.is(*name)));
    let first = tree.nodes.iter().position(|node| node.is(Name::BODY)).unwrap_or(0);
    (!headed && name.chars().any(char::is_alphabetic) && name.len() < MAX_NAME && !tree.nodes.is_empty())
        .then(|| (name.into_owned(), first))
}

/// Whether a text is a link, a label, or part of a menu or of the document's head.
fn is_elsewhere(tree: &Tree<'_>, index: usize) -> bool {
    std::iter::once(index).chain(tree.ancestors(index)).any(|i| {
        let node = &tree.nodes[i];
        [Name::A, Name::NAV, Name::FOOTER, Name::LABEL, Name::TITLE, Name::OPTION].iter().any(|name| node.is(*name))
            || (tree.hints(i).aside && node.end - i < tree.nodes.len() / 2)
    })
}
