//! One lane per channel: claims listings by lease, commits the intent, sends, and writes down what came of it.
//!
//! No transaction is ever open while a channel is asked. A worker whose lease ran out sends nothing more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::fleet::{Limits, trips};
use super::gate::{Allowed, Door};
use super::notice;
use super::step::{Event, Plan, Policy, Shown, plan, step, waits_for_stray};
use crate::channel::{Channel, ChannelError, Class, Drift, PriceChange, Sale, Seen};
use crate::clock::{Clock, Millis};
use crate::money::{Money, currency};
use crate::store::events;
use crate::store::fleet;
use crate::store::lanes::{self, Begun, Change, Permit, Shut};
use crate::store::listings::Listing;
use crate::store::products::Product;
use crate::store::{Db, StoreError, channels};

/// Listings claimed at once, whatever a channel's batch size.
const MAX_CLAIM: i64 = 500;
/// A refused channel is probed this often, so that a mended key needs no restart.
const PROBE_EVERY: i64 = 5 * Millis::MINUTE;

/// A configured channel with its lane's settings.
#[derive(Clone)]
pub struct Lane {
    pub name: String,
    pub kind: &'static str,
    pub channel: Arc<dyn Channel>,
    pub policy: Policy,
    pub drift: Drift,
    pub lease_ms: i64,
    pub per_minute: u32,
    /// When the whole channel stops by itself.
    pub brake: Limits,
}

/// Decides at the last moment, inside the transaction that commits the intent, what may be sent for a listing.
pub trait Doorkeeper: Send + Sync {
    /// The price to send with its floor, in the channel's currency and tax view, from the product's fresh cost.
    ///
    /// # Errors
    /// Why it must not be sent now.
    fn allow(&self, listing: &Listing, product: &Product, siblings: &[Listing]) -> Result<Permit, Shut>;
}

/// What one round of a lane did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Prices that the channel was sent.
    pub pushed: u64,
    /// Those of them that it answered with an error, or not at all.
    pub failed: u64,
    pub verified: u64,
    pub waiting: u64,
}

impl Round {
    #[must_use]
    pub const fn worked(&self) -> bool {
        self.pushed + self.verified + self.waiting > 0
    }
}

/// One round: claim, push, read, write down.
///
/// # Errors
/// The store's own. Channel errors are states of listings, never errors of the lane.
pub async fn round(db: &Db, clock: &Clock, lane: &Lane, keeper: Arc<dyn Doorkeeper>) -> Result<Round, StoreError> {
    let now = clock.now();
    if !open(db, lane, now).await? {
        return Ok(Round::default());
    }
    let claimed_at = Instant::now();
    let capabilities = lane.channel.capabilities();
    let room = (capabilities.max_batch * capabilities.concurrency).min(lane.per_minute as usize);
    let limit = i64::try_from(room).unwrap_or(MAX_CLAIM).clamp(1, MAX_CLAIM);
    let claimed = lanes::claim(db, lane.name.clone(), now, now.plus(lane.lease_ms), limit).await?;
    let mut round = Round { waiting: claimed.len() as u64, ..Round::default() };
    let (mut push, mut read, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for listing in claimed {
        match plan(&listing, &lane.policy, now) {
            Plan::Push => push.push(listing),
            Plan::Read => read.push(listing),
            Plan::Rest => rest.push((listing.id, listing.lease_token, Event::Rested)),
        }
    }
    if !rest.is_empty() {
        advance(db, clock, lane, rest).await?;
    }
    if let Some(cap) = capabilities.daily_per_listing {
        push = within_the_day(db, clock, lane, push, cap).await?;
    }
    if !push.is_empty() {
        (round.pushed, round.failed) = push_all(db, clock, lane, keeper, push, claimed_at).await?;
    }
    if !read.is_empty() {
        round.verified = read_all(db, clock, lane, read).await?;
    }
    Ok(round)
}

/// Whether the lane may work: a channel that refused our credentials is only probed.
async fn open(db: &Db, lane: &Lane, now: Millis) -> Result<bool, StoreError> {
    let state = channels::list(db).await?.into_iter().find(|row| row.name == lane.name);
    let Some(state) = state.filter(|row| row.state != "ok") else { return brake(db, lane, now).await };
    if state.state == "breaker" {
        return Ok(false);
    }
    let probe = format!("probe/{}", lane.name);
    let owner = "lane".to_owned();
    let due = now.plus(-PROBE_EVERY);
    if now.since(Millis(state.since)) < PROBE_EVERY
        || !crate::store::settings::take_duty(db, probe.clone(), owner.clone(), now, now.plus(Millis::MINUTE), due)
            .await?
    {
        return Ok(false);
    }
    let mended = matches!(lane.channel.probe().await, Ok(probe) if probe.problems.is_empty());
    crate::store::settings::end_duty(db, probe, owner, Some(now)).await?;
    if mended {
        channels::set_state(db, lane.name.clone(), "ok", String::new(), now).await?;
        events::resolve(db, notice::refused_key(&lane.name), now).await?;
        tracing::info!(channel = lane.name, "channel {} takes our credentials again", lane.name);
    }
    Ok(mended)
}

/// Name of the note that a person let a stopped channel go on, with the instant until which it may.
#[must_use]
pub fn released_key(channel: &str) -> String {
    format!("fleet/{channel}")
}

/// Stops the whole channel when too much is about to move at once; true if it may work.
async fn brake(db: &Db, lane: &Lane, now: Millis) -> Result<bool, StoreError> {
    let moving = fleet::moving(db, &lane.name).await?;
    let Some(why) = trips(moving, lane.brake) else { return Ok(true) };
    let released = crate::store::settings::get(db, &released_key(&lane.name)).await?;
    if released.is_some_and(|until| until.value.parse().is_ok_and(|until: i64| now.0 < until)) {
        return Ok(true);
    }
    if channels::set_state(db, lane.name.clone(), "breaker", why.clone(), now).await? {
        tracing::error!(channel = lane.name, "channel {} is stopped: {why}", lane.name);
        events::raise(db, notice::stopped(&lane.name, &why), now).await?;
    }
    Ok(false)
}

/// Splits off the listings whose updates of the day are used up: they wait, and the reason says until when. The last
/// update of a day is kept for raises, since a price that is too low costs money every hour.
async fn within_the_day(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    push: Vec<Listing>,
    cap: u32,
) -> Result<Vec<Listing>, StoreError> {
    let now = clock.now();
    let (mut free, mut waiting) = (Vec::with_capacity(push.len()), Vec::new());
    for listing in push {
        let (used, oldest) = fleet::pushed_since(db, listing.id, now.plus(-Millis::DAY)).await?;
        let lowers = listing.desired_minor < listing.live_minor && listing.sent_regular_minor.is_none();
        let cap = i64::from(cap);
        let room = if lowers && cap > 1 { cap - 1 } else { cap };
        if used < room {
            free.push(listing);
            continue;
        }
        let after_ms = oldest.map(|oldest| oldest.plus(Millis::DAY).since(now).max(Millis::MINUTE));
        let text = format!("{} takes {cap} updates of a listing in 24 hours and {used} are used", lane.name);
        let error = ChannelError::new(Class::Retry { after_ms }, text);
        waiting.push((listing.id, listing.lease_token, Event::Pushed(Err(error))));
    }
    if !waiting.is_empty() {
        advance(db, clock, lane, waiting).await?;
    }
    Ok(free)
}

async fn push_all(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    keeper: Arc<dyn Doorkeeper>,
    push: Vec<Listing>,
    claimed_at: Instant,
) -> Result<(u64, u64), StoreError> {
    let now = clock.now();
    let leases = push.iter().map(|listing| (listing.id, listing.lease_token)).collect();
    let policy = lane.policy.clone();
    let door = Arc::new(move |listing: &Listing, product: &Product, siblings: &[Listing]| {
        // The wish may have changed since the lane looked.
        if let Some(until) = waits_for_stray(listing, &policy, now) {
            let reason = "waits until an earlier push can no longer take effect".to_owned();
            return Err(Shut { state: Change::none(listing).state, reason, next_at: Some(until) });
        }
        keeper.allow(listing, product, siblings)
    });
    let begun = lanes::begin_push(db, leases, now, now.plus(lane.lease_ms), door).await?;
    let (mut changes, mut tokens, mut allowed) = (Vec::new(), Vec::new(), BTreeMap::new());
    for one in begun {
        match one {
            Begun::Send { listing, product, permit } => {
                let Some((change, may)) = outgoing(&listing, &product, permit) else { continue };
                allowed.insert(change.external.clone(), may);
                tokens.push((listing.id, listing.lease_token));
                changes.push(change);
            }
            Begun::Shut { listing, shut } => told(db, lane, &listing, &shut, now).await?,
            Begun::Lost => {}
        }
    }
    send(db, clock, lane, changes, tokens, &Door::new(allowed), claimed_at).await
}

/// Sends batches, as many at a time as the channel takes, and writes each answer down as it comes.
async fn send(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    mut changes: Vec<PriceChange>,
    mut tokens: Vec<(i64, i64)>,
    door: &Door,
    claimed_at: Instant,
) -> Result<(u64, u64), StoreError> {
    let capabilities = lane.channel.capabilities();
    let batch = capabilities.max_batch.max(1);
    let (mut sent, mut failed) = (0, 0);
    while !changes.is_empty() {
        // A worker that was suspended must not send late: by then the listing may be another worker's.
        let held_ms = i64::try_from(claimed_at.elapsed().as_millis()).unwrap_or(i64::MAX);
        if held_ms > lane.lease_ms / 2 {
            let left = changes.len();
            tracing::warn!(
                channel = lane.name,
                "lane {} ran out of its lease; {left} pushes are left to the next round",
                lane.name
            );
            break;
        }
        let mut pushes = tokio::task::JoinSet::new();
        for _ in 0..capabilities.concurrency.max(1) {
            let part: Vec<PriceChange> = changes.drain(..batch.min(changes.len())).collect();
            if part.is_empty() {
                break;
            }
            sent += part.len() as u64;
            let leases: Vec<(i64, i64)> = tokens.drain(..part.len()).collect();
            let externals: Vec<&str> = part.iter().map(|change| change.external.as_str()).collect();
            let (channel, door) = (Arc::clone(&lane.channel), door.narrowed(&externals));
            pushes.spawn(async move { (leases, channel.push(&part, &door).await) });
        }
        let started = sent;
        while let Some(pushed) = pushes.join_next().await {
            // A connector that panics leaves its listings `sent`: they are read when their lease is over.
            let (leases, results) = match pushed {
                Ok(pushed) => pushed,
                Err(panic) => {
                    tracing::error!(channel = lane.name, "a push to {} panicked: {panic}", lane.name);
                    failed += 1;
                    continue;
                }
            };
            failed += results.iter().filter(|result| result.is_err()).count() as u64;
            let events = leases
                .into_iter()
                .zip(results)
                .map(|((id, token), result)| (id, token, Event::Pushed(result.map(drop))));
            advance(db, clock, lane, events.collect()).await?;
        }
        pause_for_rate(lane, usize::try_from(started).unwrap_or(usize::MAX).min(batch * capabilities.concurrency))
            .await;
    }
    Ok((sent, failed))
}

/// Spreads pushes over the minute that the channel's limit speaks of.
async fn pause_for_rate(lane: &Lane, pushes: usize) {
    let pushes = u64::try_from(pushes).unwrap_or(u64::MAX);
    let ms = pushes.saturating_mul(60_000) / u64::from(lane.per_minute.max(1));
    // One push a round is slower than any limit worth having; only bursts are spread.
    if pushes > 1 {
        tokio::time::sleep(Duration::from_millis(ms.min(10_000))).await;
    }
}

/// `None` only for rows that no code of ours writes: an unknown currency or a listing without reference.
fn outgoing(listing: &Listing, product: &Product, permit: Permit) -> Option<(PriceChange, Allowed)> {
    let currency = currency(&listing.currency).ok()?;
    let money = |minor| Money::from_minor(minor, currency);
    // A start that the channel keeps by itself travels as the sale that it will be.
    let price = money(permit.stage.map_or(permit.minor, |stage| stage.minor));
    let sale = match (permit.stage, permit.sale) {
        (Some(stage), _) => Some(Sale {
            regular: money(permit.minor),
            prior: stage.prior_minor.map(money),
            prior_from: None,
            starts_at: Millis(stage.starts_at),
            ends_at: Some(Millis(stage.ends_at)),
        }),
        (None, strike) => strike.map(|strike| Sale {
            regular: money(strike.regular_minor),
            prior: strike.prior_minor.map(money),
            prior_from: strike.prior_from,
            starts_at: strike.starts_at,
            ends_at: strike.ends_at,
        }),
    };
    let change = PriceChange {
        external: listing.external.clone()?,
        sku: product.sku.clone(),
        seq: listing.sent_seq,
        price,
        sale,
        after_sale: permit.after_sale,
        vat_pct: permit.vat_pct,
        title: product.title.clone(),
        gtin: product.gtin.clone(),
        brand: product.brand.clone(),
        in_stock: product.stock.is_none_or(|stock| stock > 0),
        key: format!("{}:{}", listing.id, listing.sent_seq),
        at: Millis(listing.desired_at.unwrap_or(0)),
    };
    Some((change, Allowed { price, floor: permit.floor_minor.map(money), regular: sale.map(|sale| sale.regular) }))
}

/// A shut door is only worth a person's time when it will not open by itself.
async fn told(db: &Db, lane: &Lane, listing: &Listing, shut: &Shut, now: Millis) -> Result<(), StoreError> {
    if shut.next_at.is_some() {
        return Ok(());
    }
    match notice::listing(&lane.name, listing.product_id, "held", &shut.reason) {
        Some(event) => events::raise(db, event, now).await.map(drop),
        None => Ok(()),
    }
}

async fn read_all(db: &Db, clock: &Clock, lane: &Lane, read: Vec<Listing>) -> Result<u64, StoreError> {
    let externals: Vec<String> = read.iter().filter_map(|listing| listing.external.clone()).collect();
    let seen = lane.channel.read(&externals).await;
    let mut events = Vec::with_capacity(read.len());
    for listing in &read {
        let result = match &seen {
            Ok(seen) => shown(listing, seen.iter().find(|seen| Some(&seen.external) == listing.external.as_ref())),
            Err(error) => Err(error.clone()),
        };
        events.push((listing.id, listing.lease_token, Event::Read(result)));
    }
    advance(db, clock, lane, events).await
}

/// What a read says about one listing, in the listing's own currency.
fn shown(listing: &Listing, seen: Option<&Seen>) -> Result<Option<Shown>, ChannelError> {
    let Some(seen) = seen else { return Ok(None) };
    let Some(price) = seen.price else {
        // The listing is there, and the channel says why its price cannot be told.
        let told = |why: &String| ChannelError::new(Class::Retry { after_ms: None }, why.clone());
        return seen.refused.as_ref().map_or(Ok(None), |why| Err(told(why)));
    };
    // Another currency is another price: it can never prove ours.
    if price.currency().code() != listing.currency {
        let text = format!("the channel shows {} instead of {}", price.currency().code(), listing.currency);
        return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
    }
    Ok(Some(Shown {
        minor: price.minor(),
        regular: seen.regular.map(|regular| regular.map(Money::minor)),
        refused: seen.refused.clone(),
        disputed: seen.disputed.is_some(),
    }))
}

/// Writes events down and tells people what will not mend itself. Returns how many listings were verified.
async fn advance(db: &Db, clock: &Clock, lane: &Lane, batch: Vec<(i64, i64, Event)>) -> Result<u64, StoreError> {
    let now = clock.now();
    let refused = batch.iter().find_map(|(_, _, event)| match event {
        Event::Pushed(Err(error)) | Event::Read(Err(error)) if error.class == Class::Refused => {
            Some(error.message.clone())
        }
        _ => None,
    });
    if let Some(reason) = refused {
        refuse(db, lane, reason, now).await?;
    }
    let policy = lane.policy.clone();
    let moved = lanes::advance(db, batch, now, move |listing, event, now| step(listing, event, &policy, now)).await?;
    let mut verified = 0;
    for (listing, change) in moved.into_iter().flatten() {
        verified += u64::from(change.state == "verified");
        notify(db, lane, &listing, &change, now).await?;
    }
    Ok(verified)
}

async fn refuse(db: &Db, lane: &Lane, reason: String, now: Millis) -> Result<(), StoreError> {
    if !channels::set_state(db, lane.name.clone(), "refused", reason.clone(), now).await? {
        return Ok(());
    }
    tracing::error!(channel = lane.name, "channel {} refuses us: {reason}", lane.name);
    events::raise(db, notice::refused(&lane.name, &reason), now).await.map(drop)
}

async fn notify(db: &Db, lane: &Lane, listing: &Listing, change: &Change, now: Millis) -> Result<(), StoreError> {
    match change.state {
        "rejected" | "parked" if listing.state != change.state => {
            tracing::warn!(channel = lane.name, product = listing.product_id, "{}: {}", change.state, change.reason);
            match notice::listing(&lane.name, listing.product_id, change.state, &change.reason) {
                Some(event) => events::raise(db, event, now).await.map(drop),
                None => Ok(()),
            }
        }
        "verified" => {
            let drift = format!("drift/{}/{}", lane.name, listing.product_id);
            let (door, own) =
                (notice::door_key(&lane.name, listing.product_id), notice::listing_key(&lane.name, listing.product_id));
            for key in [door, drift, own] {
                events::resolve(db, key, now).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
