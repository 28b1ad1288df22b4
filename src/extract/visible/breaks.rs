//! Tables of price breaks: what one piece costs by how many one buys.

use super::columns;
use super::spots::Spot;
use crate::extract::price::Role;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Elements between an amount and its row.
const MAX_CLIMB: usize = 4;
/// Amounts on a page that has such a table and is no catalogue.
const MOST: usize = 120;

/// Makes the prices of such a table conditional, but for the one of its first row, which is for one piece.
pub(super) fn mark(tree: &Tree<'_>, spots: &mut [Spot]) {
    if spots.len() > MOST {
        return;
    }
    let rows: Vec<(usize, usize, u32)> = spots
        .iter()
        .enumerate()
        .filter_map(|(i, spot)| {
            let row = tree
                .ancestors(spot.node)
                .take(MAX_CLIMB)
                .find(|row| tree.nodes[*row].tag().is_some_and(|tag| tag.name.eq_ignore_ascii_case("tr")))?;
            Some((i, row, quantity(tree, row, spot.node)?))
        })
        .collect();
    for table in rows.chunk_by(|(_, one, _), (_, next, _)| tree.nodes[*one].parent == tree.nodes[*next].parent) {
        let mut lines: Vec<(usize, u32)> = table.iter().map(|(_, row, quantity)| (*row, *quantity)).collect();
        lines.dedup();
        let rising = lines.windows(2).all(|pair| pair[0].1 < pair[1].1);
        if lines.len() > 1 && rising && lines[0].1 == 1 {
            make_conditional(spots, table);
        }
    }
    // The same table on its side: `1 - 14 | 15 - 49` above the amounts.
    let columns: Vec<(usize, usize, u32)> = spots
        .iter()
        .enumerate()
        .filter_map(|(i, spot)| {
            let row = columns::row(tree, spot.node)?;
            let Kind::Text(heading) = tree.nodes[columns::label(tree, row, spot.node)?].kind else { return None };
            Some((i, row, counted(heading)?))
        })
        .collect();
    for table in columns.chunk_by(|(_, one, _), (_, next, _)| one == next) {
        let rising = table.windows(2).all(|pair| pair[0].2 < pair[1].2);
        if table.len() > 1 && rising && table[0].2 == 1 {
            make_conditional(spots, table);
        }
    }
}

/// Makes the prices for more than one piece conditional.
fn make_conditional(spots: &mut [Spot], table: &[(usize, usize, u32)]) {
    for (i, ..) in table.iter().filter(|(.., quantity)| *quantity > 1) {
        if spots[*i].reading.role == Role::Price {
            spots[*i].reading.role = Role::Conditional;
        }
    }
}

/// The number of pieces that the first text of a row says, in front of its price: `1`, `10+`, `ab 25`, `100 - 249`.
fn quantity(tree: &Tree<'_>, row: usize, price: usize) -> Option<u32> {
    let raw = (row..price).find_map(|i| match tree.nodes[i].kind {
        Kind::Text(raw) if !raw.trim().is_empty() => Some(raw),
        _ => None,
    })?;
    counted(raw)
}

/// The first number of a short text that names a number of pieces.
fn counted(raw: &str) -> Option<u32> {
    const LONGEST: usize = 24;
    let clean = text::clean(raw);
    let words = clean.trim_start_matches(|c: char| !c.is_ascii_digit());
    let digits = &words[..words.bytes().take_while(u8::is_ascii_digit).count()];
    let rest = words[digits.len()..].trim_start();
    let alone =
        rest.is_empty() || rest.starts_with(['+', '-', '–', '≤']) || !rest.starts_with(['.', ',', '%', '$', '€', '£']);
    (clean.len() <= LONGEST && alone).then(|| digits.parse().ok()).flatten()
}
