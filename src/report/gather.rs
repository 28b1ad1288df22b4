//! Gathers what digests tell: for each reader one window of the log and the state at its end, cut to their scope.
//!
//! The scope comes first and limits after it, so that what is counted is true for the reader.

use std::collections::{BTreeMap, BTreeSet};

use super::campaigns;
use super::concern::{self, Own};
use super::detect::Patience;
use super::facts::{Active, AtFloor, Facts, Headroom, History, MarketFacts, OurChange, Overtaken, Told};
use super::market::{self, Figures, Track};
use super::metrics::Position;
use super::moves::{self, Moved};
use super::reader::Reader;
use super::scope::{self, Scope};
pub use super::tracks::{max_age, tracks};
use crate::app::{App, PAUSE};
use crate::clock::Millis;
use crate::decide::decision::Flag;
use crate::decide::fx::FxTable;
use crate::money::{Decimal, Money, currency};
use crate::sentence::{Sentence, find};
use crate::store::decisions::NamedDecision;
use crate::store::events::{self, Event};
use crate::store::settings::{self, BACKUP};
use crate::store::targets::Unhealthy;
use crate::store::{catalogue, decisions, observations, progress, reporting, targets};

/// Rows read per list, so many that a scope is cut from the whole; mails show ten, attachments some thousands.
const WHOLE: i64 = 1_000_000;
/// Proposals and changes whose reasons are read from their records; the others tell the stored sentence.
const TOLD: usize = 200;
/// How far back charts go.
pub const DAYS: i64 = 30;
/// Charts of products in one mail.
const HISTORIES: usize = 3;
/// A rise must be worth this much of the price, in percent, to be an opportunity.
const ROOM_PCT: Decimal = Decimal::TWO;
/// The tag of products that customers compare.
pub const KEY_ITEM: &str = "kvi";
/// What keeps a price back for a time only, or for good reason: nobody has to do anything about it.
const RESTING: [Sentence; 5] =
    [Sentence::NotWorthIt, Sentence::NewRule, Sentence::ChangesUsed, Sentence::DayTooFar, Sentence::OneWitness];

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

/// The facts of `(from, until]` and the state now, for one reader. What moved is told of the window; offers, prices and
/// everything that is open count as they stand when it is told.
///
/// # Errors
/// The store's.
pub async fn facts(app: &App, all: &[Track], reader: &Reader, from: Millis, until: Millis) -> anyhow::Result<Facts> {
    let (db, now, age) = (&app.db, app.now(), max_age(app));
    let tracks = scoped(all, reader);
    let own = Own::of(tracks.iter());
    let everything = reader.takes_all_products();
    let inside = |sku: &str| everything || own.skus.contains(sku);
    let scope = Scope::of(&tracks, Some(reader));
    let moved = moves::moves(&tracks, from, until);
    let active = active(&moved);
    let noted = |m: &Moved| reader.notes(m.was.minor(), m.now.minor(), m.now.currency().code());
    let (moves, small): (Vec<_>, Vec<_>) = moved.into_iter().partition(noted);
    let waiting = observations::waiting(db, WHOLE).await?.into_iter();
    let unhealthy = unhealthy(app, reader, &tracks).await?;
    let mut markets: Vec<String> = tracks.iter().map(|track| track.market.clone()).collect();
    markets.sort_unstable();
    markets.dedup();
    let changed = reporting::changes(db, from, until, WHOLE).await?;
    let (changes, small_changes) = changes(app, changed, reader, &inside).await?;
    let (held, resting) = held(app, &inside).await?;
    let floors = floors(app, &inside).await?;
    let below: BTreeSet<&str> = floors.iter().filter(|one| one.below.is_some()).map(|one| one.sku.as_str()).collect();
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
        reviews: reviews(app, &inside, now).await?,
        held,
        resting,
        events: open_events(app, reader, &own).await?,
        rivalry: app.config.guards.rivalry.response,
        late: late(app, reader, &inside, now).await?,
        waiting: waiting.filter(|w| inside(&w.sku) && reader.takes_competitor(&w.competitor)).collect(),
        unhealthy,
        moves,
        small_moves: small.len(),
        active,
        histories: histories(&tracks, &changes, now, age),
        changes,
        small_changes,
        outcomes: scope::outcomes(app, &scope).await?,
        parity: scope::parity(&scope::listed(app, &scope).await?),
        market: market_facts(&tracks, from, now, age),
        headroom: headroom(&tracks, &in_campaign(app, now).await?, &below, now, age),
        sold_out: moves::sold_out(&tracks, from, until),
        overtaken: overtaken(&tracks, from, now, age),
        floors,
        campaigns: campaigns::around(app, reader, &inside, from, now).await?,
        notices: app.notices(),
    })
}

/// Pages of the reader's products that give no price, by competitor and outcome, the most frequent first.
async fn unhealthy(app: &App, reader: &Reader, tracks: &[Track]) -> anyhow::Result<Vec<Unhealthy>> {
    if reader.takes_all_products() {
        let all = targets::unhealthy(&app.db, WHOLE).await?;
        return Ok(all.into_iter().filter(|row| reader.takes_competitor(&row.competitor)).collect());
    }
    let own: BTreeSet<i64> = tracks.iter().map(|track| track.id).collect();
    let mut counts: BTreeMap<(String, String), (i64, Option<String>)> = BTreeMap::new();
    for page in targets::unhealthy_pages(&app.db, WHOLE).await? {
        if own.contains(&page.product_id) && reader.takes_competitor(&page.competitor) {
            let (n, problem) = counts.entry((page.competitor, page.outcome)).or_default();
            *n += 1;
            *problem = page.problem.max(problem.take());
        }
    }
    let counted = counts.into_iter();
    let mut told: Vec<Unhealthy> =
        counted.map(|((competitor, outcome), (n, problem))| Unhealthy { competitor, outcome, n, problem }).collect();
    told.sort_by_key(|row| std::cmp::Reverse(row.n));
    Ok(told)
}

/// How often each competitor moved, the most active first, whatever is too small for the reader's list.
fn active(moved: &[Moved]) -> Vec<Active> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in moved {
        let (up, down) = counts.entry(&row.competitor).or_default();
        let rises = row.steps.iter().filter(|(was, now)| now > was).count();
        *up += rises;
        *down += row.steps.len() - rises;
    }
    let named = counts.into_iter().map(|(name, (up, down))| Active { name: name.to_owned(), up, down });
    let mut active: Vec<Active> = named.collect();
    active.sort_by_key(|one| std::cmp::Reverse(one.up + one.down));
    active
}

/// Proposals that wait for a person, the first ones with their reasons.
async fn reviews(
    app: &App,
    inside: &impl Fn(&str) -> bool,
    now: Millis,
) -> anyhow::Result<Vec<(decisions::Review, Told)>> {
    let open = reporting::reviews(&app.db, WHOLE).await?;
    let mut told = Vec::new();
    for review in open.into_iter().filter(|r| inside(&r.sku) && r.expires_at > now.0) {
        let record = if told.len() < TOLD { reporting::proposed(&app.db, review.id).await? } else { None };
        let why = record.map(|record| Told::of(&record, &review.currency)).unwrap_or_default();
        told.push((review, why));
    }
    Ok(told)
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

/// Open events that are this reader's business, however old: critical ones first, then the oldest.
///
/// # Errors
/// The store's.
async fn open_events(app: &App, reader: &Reader, own: &Own) -> anyhow::Result<Vec<Event>> {
    let mut open = events::open(&app.db, WHOLE).await?;
    open.retain(|event| reader.takes_event(event, &own.skus));
    if !reader.takes_all_products() {
        let concerns = concern::of(app, &open).await?;
        open = open.iter().filter_map(|event| concerns.cut(event, own)).collect();
    }
    open.sort_by_key(|event| (event.severity != "critical", event.first_at, event.id));
    Ok(open)
}

/// Listings that had time enough to show their decision.
async fn late(
    app: &App,
    reader: &Reader,
    inside: &impl Fn(&str) -> bool,
    now: Millis,
) -> anyhow::Result<Vec<progress::Unsettled>> {
    let patience = Patience::of(app).await;
    let unsettled = progress::unsettled(&app.db, WHOLE).await?.into_iter();
    Ok(unsettled
        .filter(|row| reader.takes_channel(&row.channel) && inside(&row.sku))
        .filter(|row| {
            !super::digest::is_late(&row.state) || row.state_since <= now.plus(-patience.within(&row.channel)).0
        })
        .collect())
}

/// Our changes above the reader's thresholds, those that weigh most first, the first ones with their reasons.
async fn changes(
    app: &App,
    changed: Vec<NamedDecision>,
    reader: &Reader,
    inside: &impl Fn(&str) -> bool,
) -> anyhow::Result<(Vec<OurChange>, usize)> {
    let noted = |c: &OurChange| reader.notes(c.row.previous_minor, c.row.price_minor, &c.row.currency);
    let mine = changed.into_iter().filter(|c| inside(&c.sku));
    let (mut changed, small): (Vec<_>, Vec<_>) = by_product(mine).into_iter().partition(noted);
    let one = changed.iter().all(|c| changed.first().is_some_and(|first| first.row.currency == c.row.currency));
    let fx = if one { None } else { app.fx().await? };
    changed.sort_by_cached_key(|c| std::cmp::Reverse(impact(&c.row, one, fx.as_ref())));
    for change in changed.iter_mut().take(TOLD) {
        let record = reporting::record(&app.db, &change.row.sku, change.row.version).await?;
        change.told = record.map(|record| Told::of(&record, &change.row.currency)).unwrap_or_default();
    }
    Ok((changed, small.len()))
}

/// One row for each product, however often it changed; decisions come newest first. What was decided before a product went
/// into another money, or another tax view, has a row of its own: the two are no change of each other.
fn by_product(changed: impl Iterator<Item = NamedDecision>) -> Vec<OurChange> {
    let (mut rows, mut places): (Vec<OurChange>, BTreeMap<(String, bool), usize>) = (Vec::new(), BTreeMap::new());
    for change in changed {
        let of = (change.sku.clone(), change.created_at >= change.money_since);
        if let Some(known) = places.get(&of).and_then(|place| rows.get_mut(*place)) {
            known.row.previous_minor = change.previous_minor;
            known.times += 1;
            continue;
        }
        places.insert(of, rows.len());
        rows.push(OurChange { row: change, told: Told::default(), times: 1 });
    }
    rows
}

/// What a change does to the margin of one piece, in one currency for all: their own where they share it, else euros.
/// None, and so last, without a rate.
fn impact(change: &NamedDecision, one_currency: bool, fx: Option<&FxTable>) -> Option<Decimal> {
    let own = currency(&change.currency).ok()?;
    let amount = Money::from_minor(change.price_minor.saturating_sub(change.previous_minor).saturating_abs(), own);
    if one_currency { Some(amount.amount()) } else { amount.amount().checked_div(fx?.rate(own).ok()?) }
}

/// Products whose campaign runs at an instant: their price is promised, and could not rise.
async fn in_campaign(app: &App, at: Millis) -> anyhow::Result<BTreeSet<i64>> {
    let planned = catalogue::campaigns(&app.db, 0, i64::MAX, at).await?;
    let running = planned.into_iter().filter(|row| row.campaign.starts_at <= at.0);
    Ok(running.map(|row| row.product_id).collect())
}

/// Room to rise. What is promised could not, and a price below its floor has to rise whatever others ask.
fn headroom(
    tracks: &[Track],
    promised: &BTreeSet<i64>,
    below: &BTreeSet<&str>,
    until: Millis,
    age: i64,
) -> Vec<Headroom> {
    let mut rooms: Vec<(Decimal, Headroom)> = Vec::new();
    let free = |track: &&Track| !promised.contains(&track.id) && !below.contains(track.sku.as_str());
    for track in tracks.iter().filter(free) {
        let (ours, offers) = (track.compared(until), track.offers(until, age));
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

/// Products on hold that need a person, the first ones with their reasons, and how many rest without one.
async fn held(app: &App, inside: &impl Fn(&str) -> bool) -> anyhow::Result<(Vec<(decisions::Held, Told)>, usize)> {
    let (mut all, mut resting) = (Vec::new(), 0);
    for held in decisions::held(&app.db, WHOLE).await?.into_iter().filter(|held| inside(&held.sku)) {
        if rests(&held) {
            resting += 1;
            continue;
        }
        let shown = all.len() < super::digest::ROWS;
        let evaluation = if shown { decisions::evaluation(&app.db, held.product_id).await? } else { None };
        let told = evaluation.map(|e| Told::of(&e.record, &e.currency)).unwrap_or_default();
        all.push((held, told));
    }
    Ok((all, resting))
}

/// Whether a hold ends by itself or is not worth anybody's time. After the rule's own sentence come the findings; one that
/// is not known to rest needs a person.
fn rests(held: &decisions::Held) -> bool {
    let flags: Vec<Flag> = serde_json::from_str(&held.flags).unwrap_or_default();
    let mut findings = held.why.split("; ").skip(1).peekable();
    flags.into_iter().any(Flag::ends_by_itself)
        || findings.peek().is_some()
            && findings.all(|one| find(one).is_some_and(|found| RESTING.contains(&found.sentence)))
}

async fn floors(app: &App, inside: &impl Fn(&str) -> bool) -> anyhow::Result<Vec<AtFloor>> {
    let (mut floors, mut looked) = (Vec::new(), 0);
    for row in reporting::limited(&app.db, WHOLE).await?.into_iter().filter(|row| inside(&row.sku)) {
        let shown = floors.len() < super::digest::ROWS;
        // A rule that its floor lifted asks the floor, or what rounding makes of it; only a lower price can be below it.
        let lower = row.price_minor.is_some_and(|wanted| row.own_minor < wanted);
        let read = shown || lower && looked < TOLD;
        looked += usize::from(read && lower);
        let evaluation = if read { decisions::evaluation(&app.db, row.product_id).await? } else { None };
        let floor = evaluation.and_then(|e| Told::of(&e.record, &e.currency).floor);
        let below = match floor {
            Some(floor) => row.own_minor < floor.minor(),
            None => lower,
        };
        // What asks more than its rule wants is held up by something else.
        if !below && row.price_minor.is_some_and(|wanted| row.own_minor > wanted) {
            continue;
        }
        let ours = currency(&row.currency).map(|code| Money::from_minor(row.own_minor, code)).ok();
        floors.push(AtFloor { sku: row.sku, title: row.title, floor, below: ours.filter(|_| below) });
    }
    // What loses money comes before what is only held up.
    floors.sort_by_key(|one| one.below.is_none());
    Ok(floors)
}

/// Charts of the products that matter most: key items that changed, then the largest changes.
fn histories(tracks: &[Track], changes: &[OurChange], until: Millis, age: i64) -> Vec<History> {
    let place: BTreeMap<&str, usize> = changes.iter().enumerate().map(|(n, c)| (c.row.sku.as_str(), n)).collect();
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
