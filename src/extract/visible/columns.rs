//! Tables whose first row says what the amounts below it are: `RRP | Our price` above `£129.00 | £99.00`.

use crate::extract::scan::Name;
use crate::extract::tree::{Kind, Tree};

/// Elements between an amount and its row.
const MAX_CLIMB: usize = 5;
/// Nodes in front of a row in which its table begins.
const REACH: usize = 400;
/// Cells of a row.
const MAX_CELLS: usize = 12;
/// Bytes of a heading.
const MAX_LABEL: usize = 60;

const TH: Name = Name::of("th");
const TD: Name = Name::of("td");
const TR: Name = Name::of("tr");
const TABLE: Name = Name::of("table");

/// The row of a table with several cells in which an amount stands in one.
pub(super) fn row(tree: &Tree<'_>, amount: usize) -> Option<usize> {
    let row = tree.ancestors(amount).take(MAX_CLIMB).find(|i| tree.nodes[*i].is(TR))?;
    (cells(tree, row).nth(1).is_some()).then_some(row)
}

/// The text of the heading above an amount: in the nearest row of nothing but headings, if the elements of that row say so or
/// it has no numbers and the amount's own row has amounts alone.
pub(super) fn label(tree: &Tree<'_>, row: usize, amount: usize) -> Option<usize> {
    let column = cells(tree, row).position(|cell| (cell..tree.nodes[cell].end).contains(&amount))?;
    let count = cells(tree, row).count();
    let table = tree.ancestors(row).find(|i| tree.nodes[*i].is(TABLE)).unwrap_or(0);
    let rows = (table.max(row.saturating_sub(REACH))..row).rev().filter(|i| tree.nodes[*i].is(TR));
    let mut rows = rows.filter(|i| tree.nodes[*i].end <= row);
    let heads = rows.find(|i| {
        let named = cells(tree, *i).all(|cell| tree.nodes[cell].is(TH));
        cells(tree, *i).count() == count && (named || cells(tree, *i).all(|cell| !has_digit(tree, cell)))
    })?;
    let named = cells(tree, heads).all(|cell| tree.nodes[cell].is(TH));
    if !named && cells(tree, row).any(|cell| !has_digit(tree, cell) && text_of(tree, cell).is_some()) {
        return None;
    }
    let cell = cells(tree, heads).nth(column)?;
    text_of(tree, cell).filter(|i| matches!(tree.nodes[*i].kind, Kind::Text(raw) if raw.len() <= MAX_LABEL))
}

/// The cells of a row.
fn cells<'t>(tree: &'t Tree<'_>, row: usize) -> impl Iterator<Item = usize> + 't {
    let cell = move |i: &usize| tree.nodes[*i].parent == row && (tree.nodes[*i].is(TD) || tree.nodes[*i].is(TH));
    (row + 1..tree.nodes[row].end).filter(cell).take(MAX_CELLS)
}

fn has_digit(tree: &Tree<'_>, cell: usize) -> bool {
    (cell..tree.nodes[cell].end)
        .any(|i| matches!(tree.nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|b| b.is_ascii_digit())))
}

/// The first words of a cell, or its number: `10 - 49`.
fn text_of(tree: &Tree<'_>, cell: usize) -> Option<usize> {
    let words = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(raw) if raw.contains(char::is_alphanumeric));
    (cell..tree.nodes[cell].end).find(words)
}
