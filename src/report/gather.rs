//! Gathers what reports tell: the market's tracks once, and for each reader one window of the log cut to their scope.

use std::collections::{BTreeMap, BTreeSet};

use super::campaigns;
use super::detect::Patience;
use super::facts::{AtFloor, Facts, Headroom, History, MarketFacts, Overtaken, Told};
use super::market::{self, Figures, Recommended, Seen, Track};
use super::metrics::Position;
use super::reader::Reader;
use crate::app::{App, PAUSE};
use crate::clock::Millis;
use crate::decide::decision::Flag;
use crate::money::{Decimal, Money, currency};
use crate::store::events::{self, Event};
use crate::store::settings::{self, BACKUP};
use crate::store::{catalogue, decisions, observations, products, progress, reporting, targets};

/// Rows read per list; mails show ten, attachments some thousands.
const LIMIT: i64 = 10_000;
/// Runs of competing prices, and products per page, that are read at most.
const RUNS: i64 = 500_000;
const PAGE: i64 = 1_000;
/// How far back charts go.
pub const DAYS: i64 = 30;
/// Charts of products in one mail.
const HISTORIES: usize = 3;
/// A rise must be worth this much of the price, in percent, to be an opportunity.
const ROOM_PCT: Decimal = Decimal::TWO;
/// An open event that nobody raised again is told for so long, a critical one longer.
const REMEMBERED: i64 = Millis::DAY;
const REMEMBERED_CRITICAL: i64 = 7 * Millis::DAY;
/// The tag of products that customers compare.
pub const KEY_ITEM: &str = "kvi";

/// How old a competing price may be to count.
#[must_use]
pub fn max_age(app: &App) -> i64 {
    app.config.observe.max_age.0.max(app.schedule.interval(app.now()).saturating_mul(3) / 2)
}

/// Every product with its own and competing prices since an instant, and with what was in force then.
///
/// # Errors
/// The store's.
pub async fn tracks(app: &App, since: Millis) -> anyhow::Result<Vec<Track>> {
    let db = &app.db;
    // Without rules nothing says which shops are ours; reports must work all the same.
    let loaded = app.rules().await.ok();
    let own_shops: BTreeSet<String> = loaded.as_ref().map(|loaded| loaded.set.own_shops.clone()).unwrap_or_default();
    let allows_minimum = |market: &str| {
        loaded.as_ref().and_then(|loaded| loaded.set.market(market)).is_some_and(|market| market.market.map_allowed)
    };
    let mut tracks: BTreeMap<i64, Track> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = products::page(db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for product in page {
            let Ok(code) = currency(&product.currency) else { continue };
            let resale = recommended(&product, allows_minimum(&product.market));
            let track = Track {
                id: product.id,
                sku: product.sku,
                title: product.title,
                brand: product.brand,
                category: product.category,
                tags: serde_json::from_str(&product.tags).unwrap_or_default(),
                market: product.market,
                currency: code,
                own_minor: product.own_minor,
                recommended: resale,
                decided: vec![],
                seen: vec![],
            };
            tracks.insert(product.id, track);
        }
    }
    for row in reporting::decided(db, since, RUNS).await? {
        if let Some(track) = tracks.get_mut(&row.product_id) {
            track.decided.push((Millis(row.created_at), row.previous_minor, row.price_minor));
        }
    }
    for row in reporting::seen(db, since.plus(-max_age(app)), RUNS).await? {
        let Some(track) = tracks.get_mut(&row.product_id) else { continue };
        if row.currency.as_deref() != Some(track.currency.code()) || own_shops.contains(&row.competitor) {
            continue;
        }
        track.seen.push(Seen {
            target: row.target_id,
            competitor: row.competitor,
            minor: row.price_minor,
            in_stock: row.availability != "out_of_stock",
            first: Millis(row.first_seen),
            last: Millis(row.last_seen),
        });
    }
    Ok(tracks.into_values().collect())
}

/// A minimum advertised price where the market allows one, a recommendation everywhere else.
fn recommended(product: &products::Product, allows_minimum: bool) -> Option<Recommended> {
    match product.map_minor.filter(|_| allows_minimum) {
        Some(minor) => Some(Recommended { minor, is_minimum: true }),
        None => product.msrp_minor.or(product.map_minor).map(|minor| Recommended { minor, is_minimum: false }),
    }
}

/// The tracks of a reader's scope.
#[must_use]
pub fn scoped(tracks: &[Track], reader: &Reader) -> Vec<Track> {
    let mut own: Vec<Track> = tracks.iter().filter(|track| reader.takes(track)).cloned().collect();
    if !reader.person.competitors.is_empty() {
        for track in &mut own {
            track.seen.retain(|seen| reader.takes_competitor(&seen.competitor));
        }
    }
    own
}

/// The facts of `(from, until]` and the state now, for one reader.
///
/// # Errors
/// The store's.
pub async fn facts(app: &App, all: &[Track], reader: &Reader, from: Millis, until: Millis) -> anyhow::Result<Facts> {
    let (db, now, age) = (&app.db, app.now(), max_age(app));
    let tracks = scoped(all, reader);
    let skus: BTreeSet<String> = tracks.iter().map(|track| track.sku.clone()).collect();
    let everything = reader.takes_all_products();
    let inside = |sku: &str| everything || skus.contains(sku);
    let reviews = decisions::open_reviews(db, LIMIT).await?;
    let reviews = reviews.into_iter().filter(|r| inside(&r.sku) && r.expires_at > now.0);
    let reviews = reviews.map(|r| {
        let told = Told::of(&r.record, &r.currency);
        (r, told)
    });
    let changed = decisions::since(db, from, until, LIMIT).await?;
    let moves = observations::moves(db, from, until, LIMIT).await?.into_iter().filter(|m| {
        inside(&m.sku) && reader.takes_competitor(&m.competitor) && m.old_minor.is_some_and(|old| old != m.new_minor)
    });
    let (moves, small): (Vec<_>, Vec<_>) = moves.partition(|m| {
        m.old_minor.is_some_and(|old| reader.notes(old, m.new_minor, m.currency.as_deref().unwrap_or_default()))
    });
    let waiting = observations::waiting(db, LIMIT).await?.into_iter();
    let sold_out = reporting::sold_out(db, from, until, LIMIT).await?.into_iter();
    let unhealthy = targets::unhealthy(db, LIMIT).await?.into_iter();
    let mut markets: Vec<String> = tracks.iter().map(|track| track.market.clone()).collect();
    markets.sort_unstable();
    markets.dedup();
    let (changes, small_changes) = changes(app, changed, reader, &inside).await?;
    // A new shop's first window begins before there was anything to tell of.
    let begun = reporting::begun(db).await?.unwrap_or(from);
    Ok(Facts {
        from: from.max(begun.min(until)),
        until,
        at: now,
        mode: app.config.mode,
        backup: settings::get(db, BACKUP).await?.map(|backup| Millis(backup.created_at)),
        paused: settings::get(db, PAUSE).await?.map(|pause| format!("{} ({})", pause.why, pause.actor)),
        products: tracks.len(),
        markets,
        max_age: age,
        reviews: reviews.collect(),
        held: held(app, &inside).await?,
        events: open_events(app, reader, &skus, now).await?,
        late: late(app, reader, &inside, now).await?,
        waiting: waiting.filter(|w| inside(&w.sku) && reader.takes_competitor(&w.competitor)).collect(),
        unhealthy: unhealthy.filter(|u| reader.takes_competitor(&u.competitor)).collect(),
        moves,
        small_moves: small.len(),
        histories: histories(&tracks, &changes, until, age),
        changes,
        small_changes,
        outcomes: if everything { decisions::outcomes(db).await? } else { vec![] },
        parity: progress::parity(db).await?.into_iter().filter(|p| reader.takes_channel(&p.channel)).collect(),
        market: market_facts(&tracks, from, until, age),
        headroom: headroom(&tracks, &in_campaign(app, until).await?, until, age),
        sold_out: sold_out.filter(|s| inside(&s.sku) && reader.takes_competitor(&s.competitor)).collect(),
        overtaken: overtaken(&tracks, from, until, age),
        floors: floors(app, &inside).await?,
        campaigns: campaigns::around(app, reader, &inside, from, now).await?,
        notices: app.notices(),
    })
}

fn market_facts(tracks: &[Track], from: Millis, until: Millis, age: i64) -> MarketFacts {
    MarketFacts {
        now: Figures::at(tracks, until, age),
        before: Figures::at(tracks, from, age),
        week: Figures::at(tracks, until.plus(-7 * Millis::DAY), age),
        freshness: market::freshness(tracks, until, age),
        // A line needs two points.
        trend: Some(market::trend(tracks, until, DAYS, age))
            .filter(|chart| chart.lines.iter().any(|line| line.points.iter().filter(|(_, v)| v.is_some()).count() > 1)),
    }
}

/// Open events that are this reader's business and recent enough to be true.
///
/// # Errors
/// The store's.
pub async fn open_events(
    app: &App,
    reader: &Reader,
    skus: &BTreeSet<String>,
    now: Millis,
) -> anyhow::Result<Vec<Event>> {
    let recent = |event: &Event| {
        let age = if event.severity == "critical" { REMEMBERED_CRITICAL } else { REMEMBERED };
        now.since(Millis(event.last_at)) <= age
    };
    let open = events::open(&app.db, LIMIT).await?.into_iter();
    Ok(open.filter(|event| recent(event) && reader.takes_event(event, skus)).collect())
}

/// Listings that had time enough to show their decision.
async fn late(
    app: &App,
    reader: &Reader,
    inside: &impl Fn(&str) -> bool,
    now: Millis,
) -> anyhow::Result<Vec<progress::Unsettled>> {
    let patience = Patience::of(app).await;
    let done_with = |state: &str| matches!(state, "rejected" | "parked" | "drifted" | "held");
    let unsettled = progress::unsettled(&app.db, LIMIT).await?.into_iter();
    Ok(unsettled
        .filter(|row| reader.takes_channel(&row.channel) && inside(&row.sku))
        .filter(|row| done_with(&row.state) || row.state_since <= now.plus(-patience.within(&row.channel)).0)
        .collect())
}

/// Our changes above the reader's thresholds, the largest first, the first ones with their reasons.
async fn changes(
    app: &App,
    changed: Vec<decisions::NamedDecision>,
    reader: &Reader,
    inside: &impl Fn(&str) -> bool,
) -> anyhow::Result<(Vec<(decisions::NamedDecision, Told)>, usize)> {
    let noted = |c: &decisions::NamedDecision| reader.notes(c.previous_minor, c.price_minor, &c.currency);
    let (mut changed, small): (Vec<_>, Vec<_>) = changed.into_iter().filter(|c| inside(&c.sku)).partition(noted);
    changed.sort_by_key(|c| std::cmp::Reverse((c.price_minor.saturating_sub(c.previous_minor)).saturating_abs()));
    let mut told = Vec::with_capacity(changed.len());
    for (index, change) in changed.into_iter().enumerate() {
        let record = if index < super::digest::ROWS {
            reporting::record(&app.db, &change.sku, change.version).await?
        } else {
            None
        };
        let why = record.map(|record| Told::of(&record, &change.currency)).unwrap_or_default();
        told.push((change, why));
    }
    Ok((told, small.len()))
}

/// Products whose campaign runs at an instant: their price is promised, and could not rise.
async fn in_campaign(app: &App, at: Millis) -> anyhow::Result<BTreeSet<i64>> {
    let planned = catalogue::campaigns(&app.db, 0, i64::MAX, at).await?;
    let running = planned.into_iter().filter(|row| row.campaign.starts_at <= at.0);
    Ok(running.map(|row| row.product_id).collect())
}

fn headroom(tracks: &[Track], promised: &BTreeSet<i64>, until: Millis, age: i64) -> Vec<Headroom> {
    let mut rooms: Vec<(Decimal, Headroom)> = Vec::new();
    for track in tracks.iter().filter(|track| !promised.contains(&track.id)) {
        let (ours, offers) = (track.ours(until), track.offers(until, age));
        let Some(next) = offers.first().filter(|offer| offer.minor > ours) else { continue };
        let Some(percent) = super::lang::change_pct(ours, next.minor).filter(|percent| *percent >= ROOM_PCT) else {
            continue;
        };
        let money = |minor| Money::from_minor(minor, track.currency);
        rooms.push((
            percent,
            Headroom {
                sku: track.sku.clone(),
                title: track.title.clone(),
                amount: money(next.minor - ours),
                competitor: next.competitor.to_owned(),
                price: money(next.minor),
            },
        ));
    }
    rooms.sort_by_key(|(percent, _)| std::cmp::Reverse(*percent));
    rooms.into_iter().map(|(_, room)| room).collect()
}

fn overtaken(tracks: &[Track], from: Millis, until: Millis, age: i64) -> Vec<Overtaken> {
    let cheapest = |track: &Track, at| matches!(track.position(at, age), Position::Cheapest | Position::Shared);
    let mut lost = Vec::new();
    for track in tracks.iter().filter(|track| cheapest(track, from) && !cheapest(track, until)) {
        if let Some(offer) = track.offers(until, age).first() {
            lost.push(Overtaken {
                sku: track.sku.clone(),
                title: track.title.clone(),
                competitor: offer.competitor.to_owned(),
                price: Money::from_minor(offer.minor, track.currency),
            });
        }
    }
    lost
}

/// Products on hold, the first ones with their reasons.
async fn held(app: &App, inside: &impl Fn(&str) -> bool) -> anyhow::Result<Vec<(decisions::Held, Told)>> {
    let mut all = Vec::new();
    let lasting = |held: &decisions::Held| {
        let flags: Vec<Flag> = serde_json::from_str(&held.flags).unwrap_or_default();
        !flags.into_iter().any(Flag::ends_by_itself)
    };
    for held in decisions::held(&app.db, LIMIT).await?.into_iter().filter(|held| inside(&held.sku) && lasting(held)) {
        let shown = all.len() < super::digest::ROWS;
        let evaluation = if shown { decisions::evaluation(&app.db, held.product_id).await? } else { None };
        let told = evaluation.map(|e| Told::of(&e.record, &e.currency)).unwrap_or_default();
        all.push((held, told));
    }
    Ok(all)
}

async fn floors(app: &App, inside: &impl Fn(&str) -> bool) -> anyhow::Result<Vec<AtFloor>> {
    let mut floors = Vec::new();
    for row in reporting::limited(&app.db, LIMIT).await?.into_iter().filter(|row| inside(&row.sku)) {
        let shown = floors.len() < super::digest::ROWS;
        let evaluation = if shown { decisions::evaluation(&app.db, row.product_id).await? } else { None };
        let floor = evaluation.and_then(|e| Told::of(&e.record, &e.currency).floor);
        floors.push(AtFloor { sku: row.sku, title: row.title, floor });
    }
    Ok(floors)
}

/// Charts of the products that matter most: key items that changed, then the largest changes.
fn histories(tracks: &[Track], changes: &[(decisions::NamedDecision, Told)], until: Millis, age: i64) -> Vec<History> {
    let place: BTreeMap<&str, usize> = changes.iter().enumerate().map(|(n, (c, _))| (c.sku.as_str(), n)).collect();
    let key = |track: &&Track| !track.tags.iter().any(|tag| tag.eq_ignore_ascii_case(KEY_ITEM));
    let mut chosen: Vec<&Track> =
        tracks.iter().filter(|track| place.contains_key(track.sku.as_str()) && !track.seen.is_empty()).collect();
    chosen.sort_by_key(|track| (key(track), place.get(track.sku.as_str()).copied()));
    let from = until.plus(-DAYS * Millis::DAY);
    chosen
        .into_iter()
        .take(HISTORIES)
        .map(|track| History {
            sku: track.sku.clone(),
            title: track.title.clone(),
            currency: track.currency.code().to_owned(),
            chart: track.history(from, until, age),
        })
        .collect()
}
