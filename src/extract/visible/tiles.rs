//! Prices whose places repeat in one shape with different amounts: tiles of a list.

use rustc_hash::FxHashMap;

use super::boxes;
use super::spots::Spot;
use crate::extract::address;
use crate::extract::scan::Name;
use crate::extract::tree::Tree;
use crate::money::Money;

/// Places of one shape that may be tiles.
const MANY: usize = 3;

/// Marks prices whose element shape repeats with different amounts: tiles of a list.
pub fn mark_repeated(tree: &Tree<'_>, spots: &mut [Spot], anchor: Option<usize>) {
    if spots.len() < MANY {
        return;
    }
    let mut groups: FxHashMap<u64, Vec<usize>> = FxHashMap::default();
    for (i, spot) in spots.iter().enumerate() {
        groups.entry(spot.signature).or_default().push(i);
    }
    for members in groups.values().filter(|m| m.len() >= MANY) {
        let linked = members.iter().filter(|i| spots[**i].linked || beside_link(tree, &spots[**i])).count();
        let mut amounts: Vec<_> = members.iter().filter_map(|i| spots[*i].money.map(Money::minor)).collect();
        amounts.sort_unstable();
        amounts.dedup();
        // The product's own price may share its shape with related ones: the first behind the title is spared.
        let spared =
            anchor.and_then(|a| members.iter().find(|i| spots[**i].node > a && spots[**i].node - a < 200).copied());
        let spared = spared.filter(|i| !spots[*i].linked && !beside_link(tree, &spots[*i]));
        let listed = |i: &usize| {
            let next = members.iter().find(|m| spots[**m].node > spots[*i].node);
            next.is_some_and(|next| boxes::listed(tree, spots[*i].node, spots[*next].node, anchor).is_some())
        };
        let spared = spared.filter(|i| !listed(i));
        // Products of one price: a link of its own beside each is what tells a list from one price said again and again.
        if amounts.len() < 2 && lead_to_their_own(tree, spots, members) {
            members.iter().for_each(|i| spots[*i].tile = true);
        }
        if amounts.len() >= 2 && (linked * 2 >= members.len() || members.len() >= 6) {
            for i in members.iter().filter(|i| Some(**i) != spared) {
                spots[*i].tile = true;
            }
        }
    }
}

/// Whether beside each of several places stands a link to a page that none of the others leads to.
fn lead_to_their_own(tree: &Tree<'_>, spots: &[Spot], members: &[usize]) -> bool {
    const LEVELS: usize = 4;
    const MAX_NODES: usize = 80;
    let own = |i: &usize| {
        let boxes = tree.ancestors(spots[*i].node).take(LEVELS).filter(|b| tree.nodes[*b].end - b < MAX_NODES);
        boxes.flat_map(|b| b..tree.nodes[b].end).find_map(|j| {
            let tag = tree.nodes[j].tag().filter(|tag| tag.is(Name::A))?;
            tag.attribute("href").map(str::trim).filter(|href| !href.is_empty() && !address::stays(href))
        })
    };
    let mut targets: Vec<Option<&str>> = members.iter().map(own).collect();
    targets.sort_unstable();
    targets.dedup();
    targets.len() == members.len() && targets.iter().all(Option::is_some)
}

/// Places of one shape that show a price and are not known to be tiles: at least one for each product of a list.
#[must_use]
pub fn most_alike(spots: &[Spot]) -> usize {
    let priced = |s: &&Spot| s.marked && !s.tile && !s.aside && s.money.is_some_and(Money::is_positive);
    let mut shapes: Vec<u64> = spots.iter().filter(priced).map(|spot| spot.signature).collect();
    shapes.sort_unstable();
    shapes.chunk_by(|one, next| one == next).map(<[u64]>::len).max().unwrap_or(0)
}

/// Whether the box around a price holds a link to a product with a picture or a name: a tile.
fn beside_link(tree: &Tree<'_>, spot: &Spot) -> bool {
    tree.ancestors(spot.node).take(4).any(|i| {
        let size = tree.nodes[i].end - i;
        size < 80
            && (i..tree.nodes[i].end)
                .any(|j| tree.nodes[j].is(Name::A) && (j..tree.nodes[j].end).any(|k| tree.nodes[k].is(Name::IMG)))
    })
}
