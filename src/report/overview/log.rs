//! What the log says of a scope: channels in sync, observations, evaluations with their remarks, and floors.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::super::lang::Kind;
use super::super::market::Track;
use super::super::metrics::nearest_rank;
use super::super::reader::Reader;
use super::super::scope::{self, Site};
use super::{Figure, LIMIT, figure};
use crate::app::App;
use crate::clock::Millis;
use crate::decide::decision::Flag;
use crate::money::Decimal;
use crate::store::events;
use crate::store::reporting::{self, Evaluated, Listed};

/// A product that its floor limits.
#[derive(Debug, Clone, Serialize)]
pub struct FloorHit {
    pub sku: String,
    pub title: String,
    /// The engine's remarks on the newest evaluation.
    pub flags: Vec<&'static str>,
    /// Since when its evaluations have had this outcome, RFC 3339.
    pub since: String,
}

/// Products of the scope whose newest evaluation was limited by their floor, newest first.
///
/// # Errors
/// The store's.
pub async fn floor_hits(app: &App, tracks: &[Track]) -> anyhow::Result<Vec<FloorHit>> {
    let inside: BTreeSet<&str> = tracks.iter().map(|track| track.sku.as_str()).collect();
    let limited = reporting::limited(&app.db, LIMIT).await?.into_iter();
    let hit = limited.filter(|row| inside.contains(row.sku.as_str())).map(|row| {
        let flags: Vec<Flag> = serde_json::from_str(&row.flags).unwrap_or_default();
        FloorHit {
            sku: row.sku,
            title: row.title,
            flags: flags.into_iter().map(Flag::as_str).collect(),
            since: Millis(row.since).to_string(),
        }
    });
    Ok(hit.collect())
}

/// How far channels show what was decided, and how long that took for what was wished after `from`.
pub fn consistency(listed: &[Listed], from: Millis) -> Vec<Figure> {
    let mut figures = Vec::new();
    for parity in scope::parity(listed) {
        let share = Decimal::from(100 * parity.live).checked_div(Decimal::from(parity.listings));
        let own = listed.iter().filter(|row| row.channel == parity.channel && row.live == 1);
        let mut times: Vec<Decimal> =
            own.filter(|row| row.desired_at.is_some_and(|at| at > from.0)).map(|row| Decimal::new(row.ms, 3)).collect();
        times.sort_unstable();
        figures.push(figure(format!("in sync on {}", parity.channel), share, "%"));
        figures.push(figure(format!("time to live on {}, p95", parity.channel), nearest_rank(&times, 95), "s"));
    }
    figures
}

/// Listings of these products that somebody else was found to have changed in `(from, until]`, however it went on.
///
/// # Errors
/// The store's.
pub async fn changed_by_others(
    app: &App,
    skus: &BTreeSet<&str>,
    reader: Option<&Reader>,
    from: Millis,
    until: Millis,
) -> anyhow::Result<Figure> {
    let noted = events::between(&app.db, from, until, LIMIT).await?;
    let changed: BTreeSet<(&str, &str)> = noted
        .iter()
        .filter(|event| matches!(Kind::of(&event.kind), Kind::Drift | Kind::TwoWriters))
        .filter_map(|event| Some((event.channel.as_deref()?, event.sku.as_deref()?)))
        .filter(|(channel, sku)| skus.contains(sku) && reader.is_none_or(|reader| reader.takes_channel(channel)))
        .collect();
    Ok(figure("prices changed by somebody else", Some(Decimal::from(changed.len())), "count"))
}

/// Observations by what became of them, over all sites.
pub fn observed(sites: &[Site]) -> Vec<Figure> {
    let sum = |of: fn(&Site) -> i64| Some(Decimal::from(sites.iter().map(of).sum::<i64>()));
    let counts = [
        ("accepted", sum(|site| site.accepted)),
        ("suspect", sum(|site| site.suspect)),
        ("quarantined", sum(|site| site.quarantined)),
        ("rejected", sum(|site| site.rejected)),
        ("unreadable", sum(|site| site.unreadable)),
        ("without a price", sum(|site| site.no_price)),
    ];
    counts.into_iter().map(|(name, n)| figure(format!("observations {name}"), n, "count")).collect()
}

/// Newest evaluations by outcome, and each outcome by the engine's remarks.
pub fn outcomes(evaluated: &[Evaluated]) -> Vec<Figure> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in evaluated {
        *counts.entry(&row.outcome).or_default() += 1;
    }
    let count = |n: usize| Some(Decimal::from(n));
    let plain = counts.into_iter().map(|(outcome, n)| figure(format!("evaluations {outcome}"), count(n), "count"));
    let mix = scope::mix(evaluated).into_iter();
    let mixed = mix.map(|((outcome, flag), n)| figure(format!("evaluations {outcome}, {flag}"), count(n), "count"));
    plain.chain(mixed).collect()
}
