//! One lane per channel: claims listings by lease, commits the intent, sends, and writes down what came of it.
//!
//! No transaction is ever open while a channel is asked. A worker whose lease ran out sends nothing more.

mod read;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::daily::{self, Cap};
use super::fleet::Limits;
use super::forbidden::{self, Sake};
use super::gate::{Allowed, Door};
use super::halt::{self, Open, Refusal};
use super::notice;
use super::step::{Event, Plan, Policy, plan, step, waits_for_stray};
use crate::channel::{Channel, Class, Drift, PriceChange, Sale};
use crate::clock::{Clock, Millis};
use crate::money::WirePrice;
use crate::store::events;
use crate::store::fleet::{self, Counted, Spent};
use crate::store::lanes::{self, Begun, Change, Permit, Shut};
use crate::store::listings::Listing;
use crate::store::products::Product;
use crate::store::{Db, StoreError};

/// Listings claimed at once, whatever a channel's batch size.
const MAX_CLAIM: i64 = 500;
/// Listings claimed for a trial on a channel that refused a write: the first whose door is open is tried.
const TRIAL_CLAIM: i64 = 50;
/// What lost the last update of a day to another lane is looked at again so soon.
const LOOK_AGAIN_MS: i64 = Millis::SECOND;

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
    /// Other channels whose updates of a listing with the same reference the vendor counts with ours.
    pub capped_with: Vec<String>,
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

/// What became of prices that were sent.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    pushed: u64,
    /// Those answered with an error, or not at all.
    failed: u64,
    /// Those of them whose price the channel does not take.
    rejected: u64,
}

impl Sent {
    const fn and(self, other: Self) -> Self {
        Self {
            pushed: self.pushed + other.pushed,
            failed: self.failed + other.failed,
            rejected: self.rejected + other.rejected,
        }
    }

    const fn any_taken(self) -> bool {
        self.pushed > self.failed
    }
}

/// What answers made of listings.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    verified: u64,
    /// When the newest of the pushes began that were seen to have taken effect.
    applied: Option<Millis>,
}

impl Moved {
    fn and(self, other: Self) -> Self {
        Self { verified: self.verified + other.verified, applied: self.applied.max(other.applied) }
    }
}

/// One round: claim, push, read, write down.
///
/// # Errors
/// The store's own. Channel errors are states of listings, never errors of the lane.
pub async fn round(db: &Db, clock: &Clock, lane: &Lane, keeper: Arc<dyn Doorkeeper>) -> Result<Round, StoreError> {
    let now = clock.now();
    let open = halt::open(db, lane, now).await?;
    if open == Open::No {
        return Ok(Round::default());
    }
    let claimed_at = Instant::now();
    let capabilities = lane.channel.capabilities();
    let room = (capabilities.max_batch * capabilities.concurrency).min(lane.per_minute as usize);
    let trial = match open {
        Open::Trial { since } => Some(since),
        Open::Yes | Open::No => None,
    };
    let least = if trial.is_some() { TRIAL_CLAIM } else { 1 };
    let limit = i64::try_from(room).unwrap_or(MAX_CLAIM).clamp(least, MAX_CLAIM);
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
    if let Some(cap) = cap(lane) {
        push = within_the_day(db, clock, lane, push, &mut read, cap).await?;
    }
    let mut sent = Sent::default();
    if trial.is_some() {
        sent = try_one(db, clock, lane, keeper, push, claimed_at).await?;
    } else if !push.is_empty() {
        sent = push_all(db, clock, lane, keeper, push, claimed_at).await?;
    }
    (round.pushed, round.failed) = (sent.pushed, sent.failed);
    let mut applied = None;
    if !read.is_empty() {
        let moved = read::all(db, clock, lane, read, claimed_at).await?;
        (round.verified, applied) = (moved.verified, moved.applied);
    }
    // A trial without an answer that is seen to have taken effect proves as much as one that was acknowledged.
    if trial.is_some_and(|since| sent.any_taken() || applied > Some(since)) {
        halt::mended(db, lane, clock.now()).await?;
    }
    Ok(round)
}

/// Sends one price to a channel that refused a write: the first whose door is open and that is not rejected for its own
/// sake, of those whose last try is longest ago. The others wait for what comes of it.
async fn try_one(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    keeper: Arc<dyn Doorkeeper>,
    mut push: Vec<Listing>,
    claimed_at: Instant,
) -> Result<Sent, StoreError> {
    push.sort_by_key(|listing| (listing.sent_at, listing.id));
    let half = Duration::from_millis((lane.lease_ms / 2).unsigned_abs());
    let (mut sent, mut push) = (Sent::default(), push.into_iter());
    while sent.pushed == sent.rejected && claimed_at.elapsed() < half {
        let Some(listing) = push.next() else { break };
        sent = sent.and(push_all(db, clock, lane, Arc::clone(&keeper), vec![listing], claimed_at).await?);
    }
    let rest: Vec<_> = push.map(|listing| (listing.id, listing.lease_token, Event::Rested)).collect();
    if !rest.is_empty() {
        advance(db, clock, lane, rest).await?;
    }
    Ok(sent)
}

/// How a channel counts a listing's updates, if it does.
fn cap(lane: &Lane) -> Option<Cap> {
    let updates = lane.channel.capabilities().daily_per_listing?;
    Some(Cap { updates: i64::from(updates), window_ms: Millis::DAY })
}

/// Channels whose updates of a listing count together with ours.
fn counted(lane: &Lane, cap: Cap) -> Counted {
    let channels = std::iter::once(&lane.name).chain(&lane.capped_with).cloned().collect();
    Counted { channels, window_ms: cap.window_ms }
}

/// Splits off the listings whose updates of the day are used up: they wait, and the reason says until when. One whose
/// last push has not been seen yet is read in the meantime, because other channels may be waiting for that price.
async fn within_the_day(
    db: &Db,
    clock: &Clock,
    lane: &Lane,
    push: Vec<Listing>,
    read: &mut Vec<Listing>,
    cap: Cap,
) -> Result<Vec<Listing>, StoreError> {
    let now = clock.now();
    let counted = counted(lane, cap);
    let (mut free, mut waiting) = (Vec::with_capacity(push.len()), Vec::new());
    for listing in push {
        let mut spent = Spent::NONE;
        for channel in &counted.channels {
            let external = listing.external.as_deref().unwrap_or_default();
            let since = now.plus(-cap.window_ms);
            spent = spent.and(fleet::pushed_since(db, listing.product_id, channel, external, since).await?);
        }
        let Some(until) = daily::full_until(&listing, spent, cap, now) else {
            free.push(listing);
            continue;
        };
        if daily::reads_meanwhile(&listing, &lane.policy) {
            read.push(listing);
            continue;
        }
        waiting.push((listing.id, listing.lease_token, Event::Full(until, cap.full(&lane.name, spent))));
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
) -> Result<Sent, StoreError> {
    let now = clock.now();
    let leases = push.iter().map(|listing| (listing.id, listing.lease_token)).collect();
    let (policy, name, cap) = (lane.policy.clone(), lane.name.clone(), cap(lane));
    let door = Arc::new(move |listing: &Listing, product: &Product, siblings: &[Listing], spent: Spent| {
        let stays = |reason, next_at| Shut { state: Change::none(listing).state, reason, next_at: Some(next_at) };
        // The wish may have changed since the lane looked.
        if let Some(until) = waits_for_stray(listing, &policy, now) {
            return Err(stays("waits until an earlier push can no longer take effect".to_owned(), until));
        }
        // So may what is left of the day: another lane took the last update. The next round arranges the wait.
        if let Some(cap) = cap.filter(|cap| daily::full_until(listing, spent, *cap, now).is_some()) {
            return Err(stays(cap.full(&name, spent), now.plus(LOOK_AGAIN_MS)));
        }
        keeper.allow(listing, product, siblings)
    });
    let counted = cap.map(|cap| counted(lane, cap));
    let begun = lanes::begin_push(db, leases, now, now.plus(lane.lease_ms), counted, door).await?;
    let (mut changes, mut tokens, mut allowed) = (Vec::new(), Vec::new(), BTreeMap::new());
    let decimals = lane.channel.capabilities().decimals();
    for one in begun {
        match one {
            Begun::Send { listing, product, permit } => {
                let Some((change, may)) = outgoing(&listing, &product, permit, decimals) else { continue };
                allowed.insert(change.external.clone(), may);
                tokens.push((listing.id, listing.lease_token));
                changes.push(change);
            }
            Begun::Shut { listing, shut } => told(db, lane, &listing, &shut, now).await?,
            Begun::Lost => {}
        }
    }
    let half = Duration::from_millis((lane.lease_ms / 2).unsigned_abs());
    let door = Door::new(allowed).until((claimed_at + half).into_std());
    send(db, clock, lane, changes, tokens, &door, claimed_at).await
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
) -> Result<Sent, StoreError> {
    let capabilities = lane.channel.capabilities();
    let batch = capabilities.max_batch.max(1);
    let mut sent = Sent::default();
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
            sent.pushed += part.len() as u64;
            let leases: Vec<(i64, i64)> = tokens.drain(..part.len()).collect();
            let externals: Vec<&str> = part.iter().map(|change| change.external.as_str()).collect();
            let (channel, door) = (Arc::clone(&lane.channel), door.narrowed(&externals));
            pushes.spawn(async move { (leases, channel.push(&part, &door).await) });
        }
        let started = sent.pushed;
        while let Some(pushed) = pushes.join_next().await {
            // A connector that panics leaves its listings `sent`: they are read when their lease is over.
            let (leases, results) = match pushed {
                Ok(pushed) => pushed,
                Err(panic) => {
                    tracing::error!(channel = lane.name, "a push to {} panicked: {panic}", lane.name);
                    sent.failed += 1;
                    continue;
                }
            };
            let answers = leases.into_iter().zip(results);
            let answers = answers.map(|((id, token), result)| (id, token, Event::Pushed(result.map(drop))));
            let answers = forbidden::judged(db, &lane.name, answers.collect(), clock.now()).await?;
            for (_, _, answer) in &answers {
                sent.failed += u64::from(!matches!(answer, Event::Pushed(Ok(()))));
                sent.rejected += u64::from(is_rejected(answer));
            }
            advance(db, clock, lane, answers).await?;
        }
        pause_for_rate(lane, usize::try_from(started).unwrap_or(usize::MAX).min(batch * capabilities.concurrency))
            .await;
    }
    Ok(sent)
}

/// Whether the channel does not take this one, and says nothing about the others.
const fn is_rejected(answer: &Event) -> bool {
    match answer {
        Event::Pushed(Err(error)) => matches!(error.class, Class::Rejected),
        Event::Forbidden(sake, _) => matches!(sake, Sake::Listing),
        _ => false,
    }
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

/// Every price with the decimals that the channel takes. `None` only for rows that no code of ours writes: an unknown
/// currency or a listing without reference.
fn outgoing(listing: &Listing, product: &Product, permit: Permit, decimals: u32) -> Option<(PriceChange, Allowed)> {
    let own = listing.price(0).ok()?;
    let money = |units| WirePrice::from_units(units, own.amount().scale(), own.currency()).with_decimals(decimals);
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

/// Writes events down and tells people what will not mend itself.
async fn advance(db: &Db, clock: &Clock, lane: &Lane, batch: Vec<(i64, i64, Event)>) -> Result<Moved, StoreError> {
    let now = clock.now();
    let refused = batch.iter().find_map(|(_, _, event)| {
        let (error, wrote) = match event {
            Event::Pushed(Err(error)) | Event::Forbidden(Sake::Channel, error) => (error, true),
            Event::Read(Err(error)) => (error, false),
            _ => return None,
        };
        Refusal::of(error.class, wrote).map(|by| (by, error.message.clone()))
    });
    if let Some((by, reason)) = refused {
        halt::refuse(db, lane, by, reason, now).await?;
    }
    let policy = lane.policy.clone();
    let moved = lanes::advance(db, batch, now, move |listing, event, now| step(listing, event, &policy, now)).await?;
    let mut sum = Moved::default();
    for (listing, change) in moved.into_iter().flatten() {
        let applied = change.finish.as_ref().is_some_and(|(outcome, _)| *outcome == "applied");
        let sent_at = listing.sent_at.map(Millis).filter(|_| applied);
        sum = sum.and(Moved { verified: u64::from(change.state == "verified"), applied: sent_at });
        notify(db, lane, &listing, &change, now).await?;
    }
    Ok(sum)
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
            let drift = notice::drift_key(&lane.name, listing.product_id);
            let door = notice::door_key(&lane.name, listing.product_id);
            let unsent = notice::not_sent_key(&lane.name, listing.product_id);
            let own = notice::listing_key(&lane.name, listing.product_id);
            for key in [door, unsent, drift, own] {
                events::resolve(db, key, now).await?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
