//! The table of `extract --explain`: every candidate, what it says, and why it won or lost.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};

use super::text::cut;
use super::{Candidate, Extraction};

/// Candidates shown; a page with more of them is a category page.
const MAX_ROWS: usize = 60;

/// Prints the candidates of one page.
///
/// # Errors
/// When the output cannot be written.
pub fn table(found: &Extraction, out: &mut dyn Write) -> std::io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "source", "price", "kind", "availability", "where", "raw text", "why"]);
    for candidate in found.candidates.iter().take(MAX_ROWS) {
        table.add_row(row(candidate));
    }
    writeln!(out, "{table}")?;
    if found.candidates.len() > MAX_ROWS {
        writeln!(out, "... and {} more", found.candidates.len() - MAX_ROWS)?;
    }
    Ok(())
}

fn row(candidate: &Candidate) -> [String; 8] {
    let offer = &candidate.offer;
    let evidence = offer.evidence.as_ref();
    let price =
        offer.price.map_or_else(|| candidate.open.first().map_or("-", |_| "undecided").to_owned(), |p| p.to_string());
    [
        if candidate.chosen { "=>".to_owned() } else { String::new() },
        candidate.source.as_str().to_owned(),
        price,
        offer.kind.as_str().to_owned(),
        offer.availability.as_str().to_owned(),
        evidence.map(|e| cut(&e.path, 48).to_owned()).unwrap_or_default(),
        evidence.map(|e| cut(&e.raw, 32).to_owned()).unwrap_or_default(),
        candidate.verdict.clone(),
    ]
}
