//! Desired state per (channel, listing), the lease of its lane, every attempt, and what was seen live.
//!
//! The arithmetic of states is `publish::step`'s; here it is only applied, inside one transaction, to the fresh row.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::products::{self, Product};
use crate::clock::Millis;
use crate::money::Decimal;

statements! {
    CHANNEL_ADD = Sql::same(
        "insert into channels (name, kind, state, reason, since, created_at) values ($1, $2, 'ok', '', $3, $3)
         on conflict (name) do update set kind = excluded.kind");
    CHANNEL_STATE = Sql::same(
        "update channels set state = $2, reason = $3, since = $4 where name = $1 and state <> $2 returning name");
    CHANNELS = Sql::same("select * from channels order by name");
    RECONCILED = Sql::same("update channels set reconciled_at = $2 where name = $1");
    ADD = Sql::same(
        "insert into listings
             (channel, product_id, external, state, state_since, reason, currency, desired_seq, sent_seq, verified_seq,
              live_minor, live_at, tries, reads, leased_until, lease_token, created_at)
         values ($1, $2, $3, 'idle', $4, '', $5, 0, 0, 0, $6, $7, 0, 0, 0, 0, $4)
         on conflict (channel, product_id) do update set external = excluded.external
         returning id");
    UNLISTED = Sql::same(
        "select p.* from products p
         where p.id > $2 and not exists (select 1 from listings l where l.product_id = p.id and l.channel = $1)
         order by p.id limit $3");
    DESIRE = Sql::same(
        "update listings
         set desired_seq = desired_seq + 1, desired_minor = $2, desired_at = $4, decision_id = $3, tries = 0, reads = 0,
             state_since = case when state in ('sent', 'accepted', 'applied', 'unknown') then state_since else $4 end,
             reason = case when state in ('sent', 'accepted', 'applied', 'unknown') then reason else $5 end,
             state = case when state in ('sent', 'accepted', 'applied', 'unknown') then state else $6 end,
             next_at = case when $6 = 'held' and state not in ('sent', 'accepted', 'applied', 'unknown') then null else $4 end
         where id = $1");
    CLAIM = Sql::twin(
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id in (select l.id from listings l where l.channel = $1 and l.next_at <= $2 and l.leased_until <= $2
                      order by l.next_at, l.id limit $4)
         returning *",
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id in (select l.id from listings l where l.channel = $1 and l.next_at <= $2 and l.leased_until <= $2
                      order by l.next_at, l.id limit $4 for update skip locked)
         returning *");
    LOCK_PRODUCT = Sql::twin("select id from products where id = $1", "select id from products where id = $1 for update");
    OF_PRODUCT = Sql::same("select * from listings where product_id = $1 order by channel");
    OWNED = Sql::twin(
        "select * from listings where id = $1 and lease_token = $2",
        "select * from listings where id = $1 and lease_token = $2 for update");
    SENT = Sql::same(
        "update listings
         set maybe_low = case when state in ('sent', 'unknown', 'accepted', 'applied') and (maybe_low is null or maybe_low > sent_minor)
                              then sent_minor else maybe_low end,
             maybe_high = case when state in ('sent', 'unknown', 'accepted', 'applied') and (maybe_high is null or maybe_high < sent_minor)
                               then sent_minor else maybe_high end,
             state = 'sent', state_since = $3, reason = '', sent_seq = $4, sent_minor = $5, sent_regular_minor = $7, sent_at = $3,
             tries = tries + 1, reads = 0, next_at = $6, leased_until = $6
         where id = $1 and lease_token = $2");
    MOVE = Sql::same(
        "update listings
         set state_since = case when state = $3 then state_since else $9 end,
             state = $3, reason = $4, next_at = $5, verified_seq = $6, live_minor = $7, live_at = $8,
             tries = $10, reads = $11, unsure_until = $12, maybe_low = $13,
             maybe_high = $14, leased_until = 0
         where id = $1 and lease_token = $2");
    ATTEMPT = Sql::same(
        "insert into attempts (listing_id, seq, kind, minor, currency, outcome, detail, started_at, finished_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    FINISH_ATTEMPT = Sql::same(
        "update attempts set outcome = $3, detail = $4, finished_at = $5
         where listing_id = $1 and seq = $2 and kind = 'push' and finished_at is null");
    LAST_LIVE = Sql::same("select minor, basis from live_prices where listing_id = $1 order by id desc limit 1");
    LIVE = Sql::same("insert into live_prices (listing_id, minor, currency, basis, seen_at) values ($1, $2, $3, $4, $5)");
    LIVE_HISTORY = Sql::same(
        "select v.minor, v.currency, v.basis, v.seen_at from live_prices v where v.listing_id = $1 and v.seen_at >= $2 order by v.id");
    RECONCILABLE = Sql::same(
        "select * from listings
         where channel = $1 and id > $2 and state in ('idle', 'verified', 'drifted', 'parked') and external is not null
         order by id limit $3");
    CLAIM_ONE = Sql::same(
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id = $1 and leased_until <= $2 returning *");
    RESUME = Sql::same(
        "update listings set next_at = $2
         where channel = $1 and next_at is null and state in ('intended', 'sent', 'unknown', 'accepted', 'applied')");
    STATES = Sql::same(
        "select l.channel, l.state, count(*) as n from listings l group by l.channel, l.state order by l.channel, l.state");
    PARITY = Sql::same(
        "select l.channel, count(*) as listings,
                cast(coalesce(sum(case when l.verified_seq = l.desired_seq and l.state = 'verified' then 1 else 0 end), 0) as bigint) as live,
                cast(coalesce(sum(case when l.state = 'unverified' and l.sent_seq = l.desired_seq then 1 else 0 end), 0) as bigint) as unverified
         from listings l where l.desired_seq > 0 group by l.channel order by l.channel");
    UNSETTLED = Sql::same(
        "select l.*, p.sku, p.title from listings l join products p on p.id = l.product_id
         where l.desired_seq > 0 and l.state not in ('verified', 'unverified') order by l.state_since, l.id limit $1");
    CONVERGENCE = Sql::same(
        "select l.live_at - l.desired_at as ms from listings l
         where l.channel = $1 and l.state = 'verified' and l.verified_seq = l.desired_seq and l.desired_at > $2
         order by ms");
    ATTEMPTS = Sql::same(
        "select kind, seq, minor, currency, outcome, detail, started_at, finished_at from attempts
         where listing_id = $1 order by id desc limit $2");
    NEXT_AT = Sql::same(
        "select min(case when next_at > leased_until then next_at else leased_until end) as at from listings where next_at is not null");
    OPEN_WORK = Sql::same("select count(*) as n from listings where next_at is not null");
    STALE_ATTEMPTS = Sql::same("select count(*) as n from attempts where finished_at is null and started_at < $1");
}

/// A listing as stored: one product on one channel. Amounts are minor units of `currency`, in the channel's tax view.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Listing {
    pub id: i64,
    pub channel: String,
    pub product_id: i64,
    /// The channel's own reference: variant id, feed id. Empty until mapped.
    pub external: Option<String>,
    pub state: String,
    pub state_since: i64,
    pub reason: String,
    pub currency: String,
    /// Raised by every decision, config, FX or VAT change; the fence and the idempotency key.
    pub desired_seq: i64,
    pub desired_minor: Option<i64>,
    pub desired_at: Option<i64>,
    pub decision_id: Option<i64>,
    pub sent_seq: i64,
    pub sent_minor: Option<i64>,
    /// What was sent as crossed out; `None`: nothing.
    pub sent_regular_minor: Option<i64>,
    pub sent_at: Option<i64>,
    /// Until then a push without an answer may still take effect.
    pub unsure_until: i64,
    /// The range of earlier prices that may still be showing: sent, and never seen.
    pub maybe_low: Option<i64>,
    pub maybe_high: Option<i64>,
    pub verified_seq: i64,
    pub live_minor: Option<i64>,
    pub live_at: Option<i64>,
    /// Pushes of the current desired price.
    pub tries: i64,
    /// Reads since the last push.
    pub reads: i64,
    pub next_at: Option<i64>,
    pub leased_until: i64,
    pub lease_token: i64,
}

impl Listing {
    /// The range of earlier prices that may still be showing.
    #[must_use]
    pub fn maybe(&self) -> Option<(i64, i64)> {
        self.maybe_low.zip(self.maybe_high)
    }

    /// That range with the last sent price in it.
    #[must_use]
    pub fn maybe_with_sent(&self) -> Option<(i64, i64)> {
        match (self.maybe(), self.sent_minor) {
            (Some((low, high)), Some(sent)) => Some((low.min(sent), high.max(sent))),
            (None, Some(sent)) => Some((sent, sent)),
            (range, None) => range,
        }
    }
}

/// A channel's own state: `ok`, `refused` (credentials), `breaker`.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct ChannelRow {
    pub name: String,
    pub kind: String,
    pub state: String,
    pub reason: String,
    pub since: i64,
    pub reconciled_at: Option<i64>,
}

/// What a listing should show. `Err` says why no price may go out; the listing is held then.
#[derive(Debug, Clone)]
pub struct Desire {
    pub listing_id: i64,
    pub price: Result<i64, String>,
}

/// What `publish::step` makes of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub state: &'static str,
    pub reason: String,
    pub next_at: Option<Millis>,
    pub verified_seq: i64,
    pub live: Option<(i64, Millis)>,
    pub tries: i64,
    pub reads: i64,
    pub unsure_until: i64,
    /// The range of earlier prices that may still be showing.
    pub maybe: Option<(i64, i64)>,
    /// Ends the open push attempt with (outcome, detail).
    pub finish: Option<(&'static str, String)>,
    /// Notes a read attempt with (outcome, detail).
    pub read: Option<(&'static str, String)>,
    /// A price that may have been live, with its basis.
    pub fact: Option<(i64, &'static str)>,
}

/// The states of the table's check.
const STATE_NAMES: [&str; 12] = [
    "idle",
    "intended",
    "sent",
    "accepted",
    "applied",
    "verified",
    "unverified",
    "unknown",
    "rejected",
    "held",
    "parked",
    "drifted",
];

impl Change {
    /// A listing that stays as it is; whoever moves it changes what must change.
    #[must_use]
    pub fn none(listing: &Listing) -> Self {
        Self {
            state: STATE_NAMES.into_iter().find(|known| *known == listing.state).unwrap_or("unknown"),
            reason: listing.reason.clone(),
            next_at: listing.next_at.map(Millis),
            verified_seq: listing.verified_seq,
            live: listing.live_minor.zip(listing.live_at.map(Millis)),
            tries: listing.tries,
            reads: listing.reads,
            unsure_until: listing.unsure_until,
            maybe: listing.maybe(),
            finish: None,
            read: None,
            fact: None,
        }
    }

    /// A listing whose door stayed shut. What it sent before and never saw may still be showing.
    #[must_use]
    pub fn shut(listing: &Listing, shut: &Shut) -> Self {
        let in_flight = matches!(listing.state.as_str(), "sent" | "unknown" | "accepted" | "applied");
        Self {
            state: shut.state,
            reason: shut.reason.clone(),
            next_at: shut.next_at,
            maybe: if in_flight { listing.maybe_with_sent() } else { listing.maybe() },
            ..Self::none(listing)
        }
    }
}

/// How many listings of a channel are in a state.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct StateCount {
    pub channel: String,
    pub state: String,
    pub n: i64,
}

/// Listings with a decision, and how many show it, proved by reading back.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Parity {
    pub channel: String,
    pub listings: i64,
    pub live: i64,
    /// Acknowledged by a channel that cannot be read back.
    pub unverified: i64,
}

/// A listing that does not show its decision yet, with its product.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Unsettled {
    pub channel: String,
    pub sku: String,
    pub title: String,
    pub state: String,
    pub state_since: i64,
    pub reason: String,
    pub currency: String,
    pub desired_minor: Option<i64>,
    pub live_minor: Option<i64>,
}

/// One attempt to push or read.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Attempt {
    pub kind: String,
    pub seq: i64,
    pub minor: Option<i64>,
    pub currency: String,
    pub outcome: String,
    pub detail: String,
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

/// A price that a channel showed, or may have shown, from an instant on.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct LivePrice {
    pub minor: i64,
    pub currency: String,
    pub basis: String,
    pub seen_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct Name {
    #[expect(dead_code, reason = "only its presence matters")]
    name: String,
}
#[derive(Debug, sqlx::FromRow)]
struct Ms {
    ms: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}
#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct LastLive {
    minor: i64,
    basis: String,
}

/// Makes a configured channel known.
///
/// # Errors
/// The engine's own.
pub async fn add_channel(db: &Db, name: String, kind: &'static str, now: Millis) -> Result<(), StoreError> {
    db.write((name, kind, now), |tx, (name, kind, now)| {
        Box::pin(async move {
            tx.run(CHANNEL_ADD, args![name.as_str(), *kind, *now]).await?;
            Ok(())
        })
    })
    .await
}

/// Moves a channel's state; true if it changed, so that a person is told once.
///
/// # Errors
/// The engine's own.
pub async fn set_channel_state(
    db: &Db,
    name: String,
    state: &'static str,
    reason: String,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((name, state, reason, now), |tx, (name, state, reason, now)| {
        Box::pin(async move {
            let changed: Option<Name> =
                tx.maybe(CHANNEL_STATE, args![name.as_str(), *state, reason.as_str(), *now]).await?;
            if *state == "ok" {
                tx.run(RESUME, args![name.as_str(), *now]).await?;
            }
            Ok(changed.is_some())
        })
    })
    .await
}

/// All channels that were ever configured.
///
/// # Errors
/// The engine's own.
pub async fn channels(db: &Db) -> Result<Vec<ChannelRow>, StoreError> {
    db.all(CHANNELS, args![]).await
}

/// Notes that a channel was read from end to end.
///
/// # Errors
/// The engine's own.
pub async fn reconciled(db: &Db, name: String, now: Millis) -> Result<(), StoreError> {
    db.write((name, now), |tx, (name, now)| {
        Box::pin(async move {
            tx.run(RECONCILED, args![name.as_str(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// Products that a channel has no listing for yet, after an id.
///
/// # Errors
/// The engine's own.
pub async fn unlisted(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<Product>, StoreError> {
    db.all(UNLISTED, args![channel, after_id, limit]).await
}

/// A listing found on a channel: its reference and the price it shows there now, which is adopted, not overwritten.
#[derive(Debug, Clone)]
pub struct Found {
    pub channel: String,
    pub product_id: i64,
    pub external: String,
    pub currency: String,
    pub live_minor: Option<i64>,
}

/// Adds listings in state `idle`.
///
/// # Errors
/// The engine's own.
pub async fn add(db: &Db, found: Vec<Found>, now: Millis) -> Result<(), StoreError> {
    db.write((found, now), |tx, (found, now)| {
        Box::pin(async move {
            for one in found {
                let live_at = one.live_minor.map(|_| *now);
                let Id { id } = tx
                    .one(
                        ADD,
                        args![
                            one.channel.as_str(),
                            one.product_id,
                            one.external.as_str(),
                            *now,
                            one.currency.as_str(),
                            one.live_minor,
                            live_at
                        ],
                    )
                    .await?;
                if let Some(minor) = one.live_minor {
                    note_live(tx, id, minor, &one.currency, "verified", *now).await?;
                }
            }
            Ok(())
        })
    })
    .await
}

/// Raises the desired price of a listing inside the decision's transaction.
///
/// A listing in flight keeps its state: it is first resolved by reading, then the lane sees the newer number.
///
/// # Errors
/// The engine's own.
pub async fn desire(tx: &mut Tx, desire: &Desire, decision_id: Option<i64>, now: Millis) -> Result<(), StoreError> {
    let (minor, reason, state) = match &desire.price {
        Ok(minor) => (Some(*minor), "", "intended"),
        Err(reason) => (None, reason.as_str(), "held"),
    };
    tx.run(DESIRE, args![desire.listing_id, minor, decision_id, now, reason, state]).await?;
    Ok(())
}

/// Raises desired prices outside a decision: a config, FX or VAT change, or drift that is to be reasserted.
///
/// # Errors
/// The engine's own.
pub async fn desire_again(db: &Db, desires: Vec<(Desire, Option<i64>)>, now: Millis) -> Result<(), StoreError> {
    db.write((desires, now), |tx, (desires, now)| {
        Box::pin(async move {
            for (one, decision_id) in desires {
                desire(tx, one, *decision_id, *now).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Leases a channel's listings that have something to do.
///
/// # Errors
/// The engine's own.
pub async fn claim(
    db: &Db,
    channel: String,
    now: Millis,
    lease_until: Millis,
    limit: i64,
) -> Result<Vec<Listing>, StoreError> {
    db.write((channel, now, lease_until, limit), |tx, (channel, now, until, limit)| {
        Box::pin(async move { tx.all(CLAIM, args![channel.as_str(), *now, *until, *limit]).await })
    })
    .await
}

/// Leases one listing for reconciliation; `None` while a lane has it.
///
/// # Errors
/// The engine's own.
pub async fn claim_one(db: &Db, id: i64, now: Millis, lease_until: Millis) -> Result<Option<Listing>, StoreError> {
    db.write((id, now, lease_until), |tx, &(id, now, until)| {
        Box::pin(async move { tx.maybe(CLAIM_ONE, args![id, now, until]).await })
    })
    .await
}

/// Whether a listing may be sent now: the fresh listing, its product with fresh cost, and all listings of the product.
pub type Door = dyn Fn(&Listing, &Product, &[Listing]) -> Result<Permit, Shut> + Send + Sync;

/// What may be sent, in minor units of the listing's currency, and the floor it was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    pub minor: i64,
    pub floor_minor: Option<i64>,
    /// The channel can show a reduction, so that the one of a running campaign is looked up.
    pub announces: bool,
    /// The reduction that may be announced with it.
    pub sale: Option<Strike>,
    /// VAT of the listing's market in percent, if it is known.
    pub vat_pct: Option<Decimal>,
}

/// An announced reduction, in minor units of the listing's currency and its tax view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    pub regular_minor: i64,
    pub prior_minor: Option<i64>,
    pub starts_at: Millis,
    pub ends_at: Option<Millis>,
}

/// Why the door stays shut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    pub state: &'static str,
    pub reason: String,
    pub next_at: Option<Millis>,
}

/// What a listing became when it asked to be sent.
#[derive(Debug, Clone)]
pub enum Begun {
    /// Committed as `sent` with this sequence number and price before any byte leaves.
    Send {
        listing: Listing,
        product: Box<Product>,
        permit: Permit,
    },
    Shut {
        listing: Listing,
        shut: Shut,
    },
    /// The lease was lost; somebody else has it.
    Lost,
}

/// Commits the intent to send, listing by listing, each under its product's lock, all in one transaction.
///
/// # Errors
/// The engine's own; nothing may be sent then.
pub async fn begin_push(
    db: &Db,
    leases: Vec<(i64, i64)>,
    now: Millis,
    lease_until: Millis,
    door: std::sync::Arc<Door>,
) -> Result<Vec<Begun>, StoreError> {
    db.write((leases, now, lease_until, door), |tx, (leases, now, lease_until, door)| {
        Box::pin(async move {
            let mut begun = Vec::with_capacity(leases.len());
            for (id, token) in leases {
                begun.push(begin_one(tx, *id, *token, *now, *lease_until, door.as_ref()).await?);
            }
            Ok(begun)
        })
    })
    .await
}

async fn begin_one(
    tx: &mut Tx,
    id: i64,
    token: i64,
    now: Millis,
    lease_until: Millis,
    door: &Door,
) -> Result<Begun, StoreError> {
    let Some(seen): Option<Listing> = tx.maybe(OWNED, args![id, token]).await? else { return Ok(Begun::Lost) };
    let _: Option<Id> = tx.maybe(LOCK_PRODUCT, args![seen.product_id]).await?;
    let siblings: Vec<Listing> = tx.all(OF_PRODUCT, args![seen.product_id]).await?;
    let Some(listing) = siblings.iter().find(|l| l.id == id && l.lease_token == token).cloned() else {
        return Ok(Begun::Lost);
    };
    let Some(product) = products::in_tx(tx, listing.product_id).await? else { return Ok(Begun::Lost) };
    match door(&listing, &product, &siblings) {
        Ok(permit) => {
            let permit = Permit { sale: announced(tx, &listing, &permit, now).await?, ..permit };
            let minor = permit.minor;
            let regular = permit.sale.map(|sale| sale.regular_minor);
            tx.run(SENT, args![id, token, now, listing.desired_seq, minor, lease_until, regular]).await?;
            let seq = listing.desired_seq;
            tx.run(ATTEMPT, args![id, seq, "push", minor, listing.currency.as_str(), "open", "", now, None::<i64>])
                .await?;
            note_live(tx, id, minor, &listing.currency, "sent", now).await?;
            let listing = Listing {
                state: "sent".to_owned(),
                sent_seq: seq,
                sent_minor: Some(minor),
                sent_regular_minor: regular,
                tries: listing.tries + 1,
                ..listing
            };
            Ok(Begun::Send { listing, product: Box::new(product), permit })
        }
        Err(shut) => {
            let change = Change::shut(&listing, &shut);
            apply(tx, &listing, &change, now).await?;
            Ok(Begun::Shut { listing, shut })
        }
    }
}

/// The reduction that may be announced with a price: only above the price itself, and only what history allows.
async fn announced(tx: &mut Tx, listing: &Listing, permit: &Permit, now: Millis) -> Result<Option<Strike>, StoreError> {
    if permit.sale.is_some() || !permit.announces {
        return Ok(permit.sale);
    }
    let strike = super::strikes::strike(tx, listing.id, now).await?;
    Ok(strike.filter(|strike| strike.announce && strike.regular_minor > permit.minor).map(|strike| Strike {
        regular_minor: strike.regular_minor,
        prior_minor: strike.prior_minor,
        starts_at: Millis(strike.starts_at),
        ends_at: strike.ends_at.map(Millis),
    }))
}

/// Applies what a push or read brought, by a pure function on the fresh row; returns each listing with its change,
/// `None` where the lease was lost.
///
/// # Errors
/// The engine's own.
pub async fn advance<E>(
    db: &Db,
    events: Vec<(i64, i64, E)>,
    now: Millis,
    step: impl Fn(&Listing, &E, Millis) -> Change + Send + Sync + 'static,
) -> Result<Vec<Option<(Listing, Change)>>, StoreError>
where
    E: Send + Sync + 'static,
{
    db.write((events, now, step), |tx, (events, now, step)| {
        Box::pin(async move {
            let mut moved = Vec::with_capacity(events.len());
            for (id, token, event) in events {
                let fresh: Option<Listing> = tx.maybe(OWNED, args![*id, *token]).await?;
                moved.push(match fresh {
                    Some(listing) => {
                        let change = step(&listing, event, *now);
                        apply(tx, &listing, &change, *now).await?;
                        Some((listing, change))
                    }
                    None => None,
                });
            }
            Ok(moved)
        })
    })
    .await
}

async fn apply(tx: &mut Tx, listing: &Listing, change: &Change, now: Millis) -> Result<(), StoreError> {
    tx.run(
        MOVE,
        args![
            listing.id,
            listing.lease_token,
            change.state,
            change.reason.as_str(),
            change.next_at,
            change.verified_seq,
            change.live.map(|(minor, _)| minor),
            change.live.map(|(_, at)| at),
            now,
            change.tries,
            change.reads,
            change.unsure_until,
            change.maybe.map(|(low, _)| low),
            change.maybe.map(|(_, high)| high)
        ],
    )
    .await?;
    if let Some((outcome, detail)) = &change.finish {
        tx.run(FINISH_ATTEMPT, args![listing.id, listing.sent_seq, *outcome, detail.as_str(), now]).await?;
    }
    if let Some((outcome, detail)) = &change.read {
        let seen = change.live.map(|(minor, _)| minor);
        tx.run(
            ATTEMPT,
            args![
                listing.id,
                listing.sent_seq,
                "read",
                seen,
                listing.currency.as_str(),
                *outcome,
                detail.as_str(),
                now,
                Some(now)
            ],
        )
        .await?;
    }
    if let Some((minor, basis)) = change.fact {
        note_live(tx, listing.id, minor, &listing.currency, basis, now).await?;
    }
    Ok(())
}

/// Price facts are rows only when something is new: the price, or how sure we are of it.
async fn note_live(
    tx: &mut Tx,
    listing_id: i64,
    minor: i64,
    currency: &str,
    basis: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let last: Option<LastLive> = tx.maybe(LAST_LIVE, args![listing_id]).await?;
    if last.is_none_or(|last| last.minor != minor || last.basis != basis) {
        tx.run(LIVE, args![listing_id, minor, currency, basis, now]).await?;
    }
    Ok(())
}

/// A channel's listings that rest and can be compared with the channel, after an id.
///
/// # Errors
/// The engine's own.
pub async fn reconcilable(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<Listing>, StoreError> {
    db.all(RECONCILABLE, args![channel, after_id, limit]).await
}

/// All listings of a product, by channel.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64) -> Result<Vec<Listing>, StoreError> {
    db.all(OF_PRODUCT, args![product_id]).await
}

/// Listings by channel and state.
///
/// # Errors
/// The engine's own.
pub async fn states(db: &Db) -> Result<Vec<StateCount>, StoreError> {
    db.all(STATES, args![]).await
}

/// Share of listings live at the newest decision, per channel.
///
/// # Errors
/// The engine's own.
pub async fn parity(db: &Db) -> Result<Vec<Parity>, StoreError> {
    db.all(PARITY, args![]).await
}

/// Listings that do not show their decision yet, longest first.
///
/// # Errors
/// The engine's own.
pub async fn unsettled(db: &Db, limit: i64) -> Result<Vec<Unsettled>, StoreError> {
    db.all(UNSETTLED, args![limit]).await
}

/// Milliseconds from desired to read back equal, ascending, for desires after an instant.
///
/// # Errors
/// The engine's own.
pub async fn convergence(db: &Db, channel: &str, since: Millis) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<Ms> = db.all(CONVERGENCE, args![channel, since]).await?;
    Ok(rows.into_iter().map(|row| row.ms).collect())
}

/// The nearest-rank percentile of ascending values; `None` without values.
#[must_use]
pub fn percentile(ascending: &[i64], percent: usize) -> Option<i64> {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied()
}

/// The newest attempts of a listing.
///
/// # Errors
/// The engine's own.
pub async fn attempts(db: &Db, listing_id: i64, limit: i64) -> Result<Vec<Attempt>, StoreError> {
    db.all(ATTEMPTS, args![listing_id, limit]).await
}

/// Prices that a listing showed or may have shown since an instant, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn live_history(db: &Db, listing_id: i64, since: Millis) -> Result<Vec<LivePrice>, StoreError> {
    db.all(LIVE_HISTORY, args![listing_id, since]).await
}

/// When the next listing has something to do.
///
/// # Errors
/// The engine's own.
pub async fn next_at(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(NEXT_AT, args![]).await?.and_then(|row| row.at).map(Millis))
}

/// How many listings have something to do, now or later.
///
/// # Errors
/// The engine's own.
pub async fn open_work(db: &Db) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(OPEN_WORK, args![]).await?.map_or(0, |row| row.n))
}

/// Pushes begun before an instant whose end was never written: what a crash leaves.
///
/// # Errors
/// The engine's own.
pub async fn unfinished_attempts(db: &Db, before: Millis) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(STALE_ATTEMPTS, args![before]).await?.map_or(0, |row| row.n))
}
