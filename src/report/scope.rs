//! Counts of the log cut to a reader's products, competitors and channels, so that no figure of a person is the whole shop's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::market::Track;
use super::reader::Reader;
use crate::app::App;
use crate::clock::Millis;
use crate::decide::decision::Flag;
use crate::store::decisions::OutcomeCount;
use crate::store::progress::Parity;
use crate::store::reporting::{self, Evaluated, Listed};

/// Rows read per list: more listings than that are no catalogue of one machine.
const WHOLE: i64 = 2_000_000;
/// Products whose observations are counted at once, and rows that come of them.
const PAGE: usize = 1_000;
const PAGE_ROWS: i64 = 100_000;

/// What somebody's figures are about.
pub struct Scope<'a> {
    /// Products by id, in that order.
    products: Vec<i64>,
    reader: Option<&'a Reader>,
}

impl<'a> Scope<'a> {
    /// The scope of tracks that are cut to a reader already, or of all of them for nobody in particular.
    #[must_use]
    pub fn of(tracks: &[Track], reader: Option<&'a Reader>) -> Self {
        let mut products: Vec<i64> = tracks.iter().map(|track| track.id).collect();
        products.sort_unstable();
        Self { products, reader }
    }

    fn takes(&self, product_id: i64) -> bool {
        self.products.binary_search(&product_id).is_ok()
    }
}

/// The newest evaluations of the scope.
///
/// # Errors
/// The store's.
pub async fn evaluated(app: &App, scope: &Scope<'_>) -> anyhow::Result<Vec<Evaluated>> {
    let all = reporting::evaluated(&app.db, app.now(), WHOLE).await?;
    Ok(all.into_iter().filter(|row| scope.takes(row.product_id)).collect())
}

/// How many products of the scope ended in each outcome.
///
/// # Errors
/// The store's.
pub async fn outcomes(app: &App, scope: &Scope<'_>) -> anyhow::Result<Vec<OutcomeCount>> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for row in evaluated(app, scope).await? {
        *counts.entry(row.outcome).or_default() += 1;
    }
    Ok(counts.into_iter().map(|(outcome, n)| OutcomeCount { outcome, n }).collect())
}

/// How many products have each outcome with each remark of the engine: `change` and `floor_applied`, say.
#[must_use]
pub fn mix(evaluated: &[Evaluated]) -> BTreeMap<(String, &'static str), usize> {
    let mut mix: BTreeMap<(String, &'static str), usize> = BTreeMap::new();
    for row in evaluated {
        let flags: Vec<Flag> = serde_json::from_str(&row.flags).unwrap_or_default();
        for flag in flags {
            *mix.entry((row.outcome.clone(), flag.as_str())).or_default() += 1;
        }
    }
    mix
}

/// Listings of the scope that have a decision, channel by channel.
///
/// # Errors
/// The store's.
pub async fn listed(app: &App, scope: &Scope<'_>) -> anyhow::Result<Vec<Listed>> {
    let mine = |channel: &str| scope.reader.is_none_or(|reader| reader.takes_channel(channel));
    let all = reporting::listed(&app.db, WHOLE).await?;
    Ok(all.into_iter().filter(|row| scope.takes(row.product_id) && mine(&row.channel)).collect())
}

/// How many listings of each channel show their decision.
#[must_use]
pub fn parity(listed: &[Listed]) -> Vec<Parity> {
    let channels = listed.chunk_by(|a, b| a.channel == b.channel);
    let one = |rows: &[Listed]| {
        let channel = rows.first()?.channel.clone();
        Some(Parity {
            channel,
            listings: i64::try_from(rows.len()).unwrap_or(i64::MAX),
            live: rows.iter().map(|row| row.live).sum(),
            unverified: rows.iter().map(|row| row.unverified).sum(),
        })
    };
    channels.filter_map(one).collect()
}

/// What was read of one competitor's pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Site {
    pub competitor: String,
    pub accepted: i64,
    pub suspect: i64,
    pub quarantined: i64,
    pub rejected: i64,
    /// Pages that were there and whose price could not be read for sure.
    pub unreadable: i64,
    /// Everything else without a price: gone, blocked, sold out, no answer.
    pub no_price: i64,
}

/// What was observed of the scope after an instant, competitor by competitor.
///
/// # Errors
/// The store's.
pub async fn sites(app: &App, scope: &Scope<'_>, since: Millis) -> anyhow::Result<Vec<Site>> {
    let mine = |competitor: &str| scope.reader.is_none_or(|reader| reader.takes_competitor(competitor));
    let mut sites: BTreeMap<String, Site> = BTreeMap::new();
    for page in scope.products.chunks(PAGE) {
        let (Some(first), Some(last)) = (page.first(), page.last()) else { continue };
        let rows = reporting::quality(&app.db, first - 1, *last, since, PAGE_ROWS).await?.into_iter();
        for row in rows.filter(|row| scope.takes(row.product_id) && mine(&row.competitor)) {
            let site = sites.entry(row.competitor).or_default();
            let count = match (row.verdict.as_str(), row.outcome.as_str()) {
                ("accepted", _) => &mut site.accepted,
                ("suspect", _) => &mut site.suspect,
                ("quarantined", _) => &mut site.quarantined,
                ("rejected", _) => &mut site.rejected,
                (_, "parse_failure" | "ambiguous") => &mut site.unreadable,
                _ => &mut site.no_price,
            };
            *count += row.n;
        }
    }
    Ok(sites.into_iter().map(|(competitor, site)| Site { competitor, ..site }).collect())
}
