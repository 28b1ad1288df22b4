//! Campaigns as a digest tells them: what starts, runs or ends around now, how far channels show it, and what may be
//! said about the reduction in each country.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Campaign, Claims, OnChannel, Stage};
use super::reader::Reader;
use crate::app::{App, Loaded};
use crate::clock::Millis;
use crate::decide::prior::Audience;
use crate::flow::campaigns::{Outlook, outlook_of};
use crate::money::WirePrice;
use crate::sentence::amount;
use crate::store::campaigns as stored;
use crate::store::reporting::{self, CampaignState};
use crate::store::strikes::{self, StrikeRow};

/// Starts and ends are told this long before, late ends this long after.
const AHEAD: i64 = 7 * Millis::DAY;
/// Campaigns in one mail, and rows read of each.
const MOST: usize = 20;
const ITEMS: i64 = 10_000;
const STORED: i64 = 1_000;

/// The campaigns of a reader's scope around `(from, now]`, in the order of their starts.
///
/// # Errors
/// The rules' and the store's.
pub async fn around(
    app: &App,
    reader: &Reader,
    inside: &impl Fn(&str) -> bool,
    from: Millis,
    now: Millis,
) -> anyhow::Result<Vec<Campaign>> {
    // Without rules nobody can say what may be announced; the rest is told all the same.
    let loaded = app.rules().await.ok();
    let mut told = Vec::new();
    for one in stored::list(&app.db, STORED).await?.into_iter().rev().filter(|one| is_near(one, from, now)) {
        let items = stored::items(&app.db, one.id, ITEMS).await?;
        let products = items.iter().filter(|item| inside(&item.sku)).count();
        if products == 0 || told.len() == MOST {
            continue;
        }
        let state = reporting::campaign_state(&app.db, one.id, ITEMS).await?;
        let channels = channels(state.into_iter().filter(|row| inside(&row.sku) && reader.takes_channel(&row.channel)));
        let stage = stage(&one, now);
        let late = channels.iter().any(|channel| channel.still > 0);
        // What ended before this window is only told while a channel has not taken it back.
        if matches!(stage, Stage::Ended(at) if at <= from) && !late {
            continue;
        }
        let rows = match (&loaded, &stage) {
            (Some(loaded), Stage::Starts(_)) => outlook(loaded, outlook_of(app, &one, &items).await?),
            (Some(loaded), Stage::Runs { .. }) => frozen(loaded, strikes::strikes_of(&app.db, one.id, ITEMS).await?),
            _ => vec![],
        };
        let rows = rows.into_iter().filter(|row| inside(&row.sku) && reader.takes_channel(&row.channel));
        let for_members = Audience::stored(&one.audience) == Audience::Loyalty;
        told.push(Campaign { name: one.name, for_members, stage, products, channels, claims: claims(rows) });
    }
    Ok(told)
}

/// Sums up by channel; rows of one channel follow each other.
fn channels(rows: impl Iterator<Item = CampaignState>) -> Vec<OnChannel> {
    let mut channels: Vec<OnChannel> = Vec::new();
    for row in rows {
        if channels.last().is_none_or(|last| last.channel != row.channel) {
            channels.push(OnChannel { channel: row.channel.clone(), listings: 0, live: 0, unverified: 0, still: 0 });
        }
        if let Some(sum) = channels.last_mut() {
            sum.listings += row.listings;
            sum.live += row.live;
            sum.unverified += row.unverified;
            sum.still += row.still;
        }
    }
    channels
}

fn is_near(one: &stored::Campaign, from: Millis, now: Millis) -> bool {
    let (starts, ends) = (one.starts_at, one.ends_at);
    match one.phase.as_str() {
        "planned" if one.waits().is_some() => true,
        "planned" => starts <= now.plus(AHEAD).0,
        "running" => true,
        "over" => ends > from.0.min(now.plus(-AHEAD).0),
        _ => one.ended_at.is_some_and(|ended| ended > from.0),
    }
}

fn stage(one: &stored::Campaign, now: Millis) -> Stage {
    let (starts, ends) = (Millis(one.starts_at), Millis(one.ends_at));
    if let Some(until) = one.waits() {
        let (planned_by, why) = (one.owner.clone(), one.asked.clone().unwrap_or_default());
        return Stage::Waits { id: one.id, until, planned_by, why };
    }
    match one.phase.as_str() {
        "planned" => Stage::Starts(starts),
        // Checkouts may keep the price a little longer, for carts.
        "running" if ends <= now => Stage::Ended(ends),
        "running" => Stage::Runs { until: ends },
        "over" => Stage::Ended(ends),
        _ => Stage::Cancelled { why: one.ended_why.clone().unwrap_or_default() },
    }
}

/// What may be said about one listing.
struct Said {
    sku: String,
    channel: String,
    country: String,
    prior: Option<WirePrice>,
    allowed: bool,
    reasons: Vec<String>,
}

fn country(loaded: &Loaded, channel: &str) -> String {
    let named = loaded.set.channel(channel).and_then(|rules| loaded.set.market(&rules.market));
    named.or_else(|| loaded.set.markets.first()).map(|market| market.market.country.clone()).unwrap_or_default()
}

fn outlook(loaded: &Loaded, rows: Vec<Outlook>) -> Vec<Said> {
    let said = |row: Outlook| Said {
        country: country(loaded, &row.channel),
        prior: row.prior.as_deref().and_then(amount),
        sku: row.sku,
        channel: row.channel,
        allowed: row.announce,
        reasons: row.reasons,
    };
    rows.into_iter().map(said).collect()
}

fn frozen(loaded: &Loaded, rows: Vec<StrikeRow>) -> Vec<Said> {
    let said = |row: StrikeRow| Said {
        country: country(loaded, &row.channel),
        prior: row.prior_minor.and_then(|units| WirePrice::stored(units, row.decimals, &row.currency).ok()),
        sku: row.sku,
        channel: row.channel,
        allowed: row.announce != 0,
        reasons: serde_json::from_str(&row.reasons).unwrap_or_default(),
    };
    rows.into_iter().map(said).collect()
}

/// Sums up by country; a prior price is named where all listings of a country have the same.
fn claims(rows: impl Iterator<Item = Said>) -> Vec<Claims> {
    let mut countries: BTreeMap<String, Vec<Said>> = BTreeMap::new();
    for row in rows {
        countries.entry(row.country.clone()).or_default().push(row);
    }
    let claims = |(country, rows): (String, Vec<Said>)| {
        let first = rows.first().and_then(|row| row.prior);
        let reasons: BTreeSet<&String> = rows.iter().filter(|row| !row.allowed).flat_map(|row| &row.reasons).collect();
        Claims {
            allowed: rows.iter().filter(|row| row.allowed).count(),
            of: rows.len(),
            prior: first.filter(|prior| rows.iter().all(|row| row.prior == Some(*prior))),
            reasons: reasons.into_iter().cloned().collect(),
            country,
        }
    };
    countries.into_iter().map(claims).collect()
}
