//! The heading that names the product: the element that shares most words with the page's titles.

use rustc_hash::FxHashMap;

use super::{MAX_TITLE, classes, titled};
use crate::extract::harvest::Harvest;
use crate::extract::scan::{Name, Tag};
use crate::extract::text::Words;
use crate::extract::tree::Tree;

/// Words that a heading must share with the title to need no comparison with others.
const SURE_WORDS: usize = 4;

/// Points of an element whose names call it the product's title.
const NAMED: i32 = 26;
/// Most points that the words of a heading can bring.
const MOST_BY_WORDS: i32 = 66;

/// The heading that shares most words with the page's titles; the first real `h1` when there are none.
#[must_use]
pub fn find<'a>(tree: &Tree<'a>, harvest: &Harvest<'_>, titles: &Words) -> Option<(String, usize)> {
    let title = titles.iter().next().is_none().then(|| Words::of(harvest.title.as_deref().unwrap_or("")));
    let wanted: Vec<&str> = title.as_ref().unwrap_or(titles).iter().collect();
    let mut best: Option<(i32, String, usize)> = None;
    // A first heading that says what the page's title says cannot be outdone by a name or a class.
    let mut firsts = tree.nodes.iter().enumerate().filter(|(_, node)| node.is(Name::H1));
    let sure = firsts.find_map(|(index, _)| {
        let words = tree.text(index, MAX_TITLE);
        let own = Words::of(&words);
        let same = (SURE_WORDS..=60).contains(&own.iter().count()) && own.iter().all(|w| wanted.contains(&w));
        same.then_some((words, index))
    });
    if sure.is_some() {
        return sure;
    }
    // Boxes of a list have the same attributes; the targets of links differ.
    let mut known: FxHashMap<&str, u8> = FxHashMap::default();
    let mut names_title = |tag: &Tag<'a>| match tag.key {
        Name::A => classes::names_title(tag),
        _ => *known.entry(tag.attributes).or_insert_with(|| classes::names_title(tag)),
    };
    for (index, node) in tree.nodes.iter().enumerate() {
        let Some(tag) = node.tag() else { continue };
        let beaten = |level: i32| best.as_ref().is_some_and(|(most, ..)| *most >= level + MOST_BY_WORDS);
        let level = match tag.name.as_bytes() {
            [b'h' | b'H', b'1'] => 30,
            [b'h' | b'H', b'2'] => 12,
            [b'h' | b'H', b'3'] => 4,
            _ if node.end - index > 12 || tag.attributes.len() < 8 || beaten(NAMED) => continue,
            // An element without words is no heading, whatever it is called.
            _ if !tree.has_text(index) => continue,
            _ => match names_title(tag) {
                2 => NAMED,
                1 => 2,
                _ => continue,
            },
        };
        if beaten(level) {
            continue;
        }
        let words = tree.text(index, MAX_TITLE);
        let own = Words::of(&words);
        let own: Vec<&str> = own.iter().collect();
        if own.is_empty() || own.len() > 60 {
            continue;
        }
        let shared = own.iter().filter(|w| wanted.contains(w)).count();
        let overlap = i32::try_from(shared * 100 / own.len()).unwrap_or(0);
        let length = i32::try_from(own.len().min(8)).unwrap_or(0);
        let points = level + if shared > 0 { overlap / 2 + length * 2 } else { 0 };
        if best.as_ref().is_none_or(|(most, ..)| points > *most) {
            best = Some((points, words, index));
        }
    }
    let best = best.filter(|(points, ..)| *points >= 25).map(|(_, words, index)| (words, index));
    best.or_else(|| titled::first(tree, harvest)).or_else(|| titled::named(tree, harvest))
}
