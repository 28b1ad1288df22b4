//! Competitors' price moves: the one definition that mails and reports share.
//!
//! A move is a page of the market whose comparable price is another than the one believed before. What a competitor did to
//! one product in a window is one row, however often it went to and fro.

use std::collections::BTreeMap;

use super::market::{Seen, Track};
use crate::clock::Millis;
use crate::money::Money;

/// What one competitor did to the price of one product in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    /// The first price and the last.
    pub was: Money,
    pub now: Money,
    /// Every step of all its pages, before and after in minor units.
    pub steps: Vec<(i64, i64)>,
    /// When the last step was seen.
    pub at: Millis,
}

/// A competitor whose offer of a product sold out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoldOut {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    pub first_seen: Millis,
}

/// Pages of a product, each with what it showed, oldest first.
fn pages(track: &Track) -> impl Iterator<Item = &[Seen]> {
    track.seen.chunk_by(|a, b| a.target == b.target)
}

/// The moves of one page in `(from, until]`: what it showed before and after each.
fn steps(page: &[Seen], from: Millis, until: Millis) -> Vec<(&Seen, &Seen)> {
    let market: Vec<&Seen> = page.iter().filter(|seen| seen.is_market()).collect();
    let moved = |two: &&[&Seen]| two[0].minor != two[1].minor && two[1].first > from && two[1].first <= until;
    market.windows(2).filter(moved).map(|two| (two[0], two[1])).collect()
}

/// What competitors did in `(from, until]`, the largest change of price first.
#[must_use]
pub fn moves(tracks: &[Track], from: Millis, until: Millis) -> Vec<Moved> {
    let mut all: Vec<Moved> = Vec::new();
    for track in tracks {
        let mut of_product: BTreeMap<&str, Moved> = BTreeMap::new();
        for steps in pages(track).map(|page| steps(page, from, until)).filter(|steps| !steps.is_empty()) {
            let (Some(first), Some(last)) = (steps.first(), steps.last()) else { continue };
            let money = |minor| Money::from_minor(minor, track.currency);
            let count =
                |minors: &mut Vec<(i64, i64)>| minors.extend(steps.iter().map(|(was, now)| (was.minor, now.minor)));
            // A second page of the same competitor counts in the steps; the row tells of the first.
            let row = of_product.entry(&last.1.competitor).or_insert_with(|| Moved {
                sku: track.sku.clone(),
                title: track.title.clone(),
                competitor: last.1.competitor.to_string(),
                was: money(first.0.minor),
                now: money(last.1.minor),
                steps: vec![],
                at: last.1.first,
            });
            row.at = row.at.max(last.1.first);
            count(&mut row.steps);
        }
        all.extend(of_product.into_values());
    }
    let size = |row: &Moved| {
        let percent = super::lang::change_pct(row.was.minor(), row.now.minor()).unwrap_or_default();
        std::cmp::Reverse(percent.abs())
    };
    all.sort_by_cached_key(|row| (size(row), row.sku.clone(), row.competitor.clone()));
    all
}

/// Offers that sold out in `(from, until]` and still are, newest first.
#[must_use]
pub fn sold_out(tracks: &[Track], from: Millis, until: Millis) -> Vec<SoldOut> {
    let mut gone = Vec::new();
    for track in tracks {
        for page in pages(track) {
            let market: Vec<&Seen> = page.iter().filter(|seen| seen.is_market() && seen.first <= until).collect();
            if market.last().is_none_or(|last| last.in_stock) {
                continue;
            }
            let Some(before) = market.iter().rposition(|seen| seen.in_stock) else { continue };
            let Some(first) = market.get(before + 1).filter(|seen| seen.first > from) else { continue };
            gone.push(SoldOut {
                sku: track.sku.clone(),
                title: track.title.clone(),
                competitor: first.competitor.to_string(),
                first_seen: first.first,
            });
        }
    }
    gone.sort_by(|a, b| b.first_seen.cmp(&a.first_seen).then_with(|| a.sku.cmp(&b.sku)));
    gone
}

/// Milliseconds for which offers of the market were sold out in `(from, until]`, over all pages.
#[must_use]
pub fn out_of_stock(tracks: &[Track], from: Millis, until: Millis) -> i64 {
    let of_page = |page: &[Seen]| -> i64 {
        let market: Vec<&Seen> = page.iter().filter(|seen| seen.is_market()).collect();
        let ends = market.iter().skip(1).map(|next| next.first).chain([until]);
        let spans = market.iter().zip(ends).filter(|(seen, _)| !seen.in_stock);
        spans.map(|(seen, end)| end.min(until).since(seen.first.max(from)).max(0)).sum()
    };
    tracks.iter().flat_map(pages).map(of_page).sum()
}
