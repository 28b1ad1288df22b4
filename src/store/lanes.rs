//! What a lane does with a listing: lease it, commit the intent before a byte leaves, write down what came of it.
//!
//! The arithmetic of states is `publish::step`'s; here it is only applied, inside one transaction, to the fresh row.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::fleet::{self, Counted, MOVES_COUNT_FOR, Spent};
use super::listings::Listing;
use super::products::{self, Product};
use super::progress::note_live;
use super::stages::{self, Stage};
use super::unread;
use crate::clock::Millis;
use crate::money::Decimal;

statements! {
    CLAIM = Sql::twin(
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id in (select l.id from listings l where l.channel = $1 and l.next_at <= $2 and l.leased_until <= $2
                      order by l.next_at, l.id limit $4)
         returning *",
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id in (select l.id from listings l where l.channel = $1 and l.next_at <= $2 and l.leased_until <= $2
                      order by l.next_at, l.id limit $4 for update skip locked)
         returning *");
    CLAIM_ONE = Sql::same(
        "update listings set leased_until = $3, lease_token = lease_token + 1
         where id = $1 and leased_until <= $2 returning *");
    LOCK_PRODUCT = Sql::twin("select id from products where id = $1", "select id from products where id = $1 for update");
    SIBLINGS = Sql::same("select * from listings where product_id = $1 order by channel");
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
             tries = tries + 1, reads = 0, next_at = $6, leased_until = $6,
             staged_minor = $8, staged_from = $9, staged_until = $10,
             moved_from = case when sent_at > $11 then case when moved_since > $11 then moved_from end else
                 coalesce((select v.minor from live_prices v
                           where v.listing_id = $1 and v.basis in ('verified', 'accepted', 'foreign')
                           order by v.id desc limit 1), live_minor) end,
             moved_since = case when sent_at > $11 then case when moved_since > $11 then moved_since end else $3 end
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
    /// The channel began a staged sale by itself, and that is what is wanted now.
    pub took_over: bool,
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
            took_over: false,
        }
    }

    /// A listing whose door stayed shut. What it sent before and never saw may still be showing.
    #[must_use]
    pub fn shut(listing: &Listing, shut: &Shut) -> Self {
        let in_flight = matches!(listing.state.as_str(), "sent" | "unknown" | "accepted" | "applied");
        let maybe = if in_flight { listing.maybe_with_sent() } else { listing.maybe() };
        Self {
            state: shut.state,
            reason: shut.reason.clone(),
            next_at: shut.next_at,
            maybe,
            // It is looked for before the next try.
            reads: if shut.state == "held" && maybe.is_some() { 0 } else { listing.reads },
            ..Self::none(listing)
        }
    }
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

#[derive(Debug, sqlx::FromRow)]
struct Id {
    #[expect(dead_code, reason = "only the lock on the row matters")]
    id: i64,
}

/// Whether a listing may be sent now: the fresh listing, its product with fresh cost, all listings of the product, and
/// what is used up where its updates are counted.
pub type Door = dyn Fn(&Listing, &Product, &[Listing], Spent) -> Result<Permit, Shut> + Send + Sync;

/// What may be sent, in minor units of the listing's currency, and the floor it was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    pub minor: i64,
    pub floor_minor: Option<i64>,
    /// The channel can show a reduction, so that the one of a running campaign is looked up.
    pub announces: bool,
    /// The reduction that may be announced with it.
    pub sale: Option<Strike>,
    /// The channel keeps the start of a sale by itself, so that one staged for the listing is looked up.
    pub stages: bool,
    /// The start that goes along.
    pub stage: Option<Stage>,
    /// The push before carried a reduction, or what became of it is not known.
    pub after_sale: bool,
    /// VAT of the listing's market in percent, if it is known.
    pub vat_pct: Option<Decimal>,
}

/// An announced reduction, in minor units of the listing's currency and its tax view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What is crossed out.
    pub regular_minor: i64,
    pub prior_minor: Option<i64>,
    /// The first instant whose price counted for `prior_minor`.
    pub prior_from: Option<Millis>,
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

/// Commits the intent to send, listing by listing, each under its product's lock, all in one transaction. What is counted
/// of a listing's updates is looked up under that lock too, so that two lanes never both take the last one.
///
/// # Errors
/// The engine's own; nothing may be sent then.
pub async fn begin_push(
    db: &Db,
    leases: Vec<(i64, i64)>,
    now: Millis,
    lease_until: Millis,
    counted: Option<Counted>,
    door: std::sync::Arc<Door>,
) -> Result<Vec<Begun>, StoreError> {
    db.write((leases, now, lease_until, counted, door), |tx, (leases, now, lease_until, counted, door)| {
        Box::pin(async move {
            let mut begun = Vec::with_capacity(leases.len());
            for lease in leases {
                begun.push(begin_one(tx, *lease, *now, *lease_until, counted.as_ref(), door.as_ref()).await?);
            }
            Ok(begun)
        })
    })
    .await
}

async fn begin_one(
    tx: &mut Tx,
    (id, token): (i64, i64),
    now: Millis,
    lease_until: Millis,
    counted: Option<&Counted>,
    door: &Door,
) -> Result<Begun, StoreError> {
    let Some(seen): Option<Listing> = tx.maybe(OWNED, args![id, token]).await? else { return Ok(Begun::Lost) };
    let _: Option<Id> = tx.maybe(LOCK_PRODUCT, args![seen.product_id]).await?;
    let siblings: Vec<Listing> = tx.all(SIBLINGS, args![seen.product_id]).await?;
    let Some(listing) = siblings.iter().find(|l| l.id == id && l.lease_token == token).cloned() else {
        return Ok(Begun::Lost);
    };
    let Some(product) = products::in_tx(tx, listing.product_id).await? else { return Ok(Begun::Lost) };
    let spent = match counted {
        Some(counted) => fleet::spent(tx, &listing, counted, now).await?,
        None => Spent::NONE,
    };
    match door(&listing, &product, &siblings, spent) {
        Ok(permit) => {
            stages::note_begun(tx, &listing, now).await?;
            let sale = announced(tx, &listing, &permit, now).await?;
            let stage = staged(tx, &listing, &permit, now).await?.filter(|_| sale.is_none());
            let after_sale = listing.sent_regular_minor.is_some() || listing.sent_seq == 0 || listing.tries > 0;
            let permit = Permit { sale, stage, after_sale, ..permit };
            let minor = permit.minor;
            let regular = permit.sale.map(|sale| sale.regular_minor);
            let (staged, from, until) = match permit.stage {
                Some(stage) => (Some(stage.minor), Some(stage.starts_at), Some(stage.ends_at)),
                None => (None, None, None),
            };
            let seq = listing.desired_seq;
            let counts = now.plus(-MOVES_COUNT_FOR);
            tx.run(SENT, args![id, token, now, seq, minor, lease_until, regular, staged, from, until, counts]).await?;
            tx.run(ATTEMPT, args![id, seq, "push", minor, listing.currency.as_str(), "open", "", now, None::<i64>])
                .await?;
            note_live(tx, id, minor, &listing.currency, "sent", now).await?;
            let listing = Listing {
                state: "sent".to_owned(),
                sent_seq: seq,
                sent_minor: Some(minor),
                sent_regular_minor: regular,
                staged_minor: staged,
                staged_from: from,
                staged_until: until,
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
    let strike = super::strikes::strike(tx, listing.id, now).await?.filter(|strike| strike.announce);
    Ok(strike.filter(|strike| strike.reference_minor() > permit.minor).map(|strike| Strike {
        regular_minor: strike.reference_minor(),
        prior_minor: strike.prior_minor,
        prior_from: strike.window_from.map(Millis),
        starts_at: Millis(strike.starts_at),
        ends_at: strike.ends_at.map(Millis),
    }))
}

/// The start that may go along with a price: from the very price it reduces, not below the floor, and not over yet.
async fn staged(tx: &mut Tx, listing: &Listing, permit: &Permit, now: Millis) -> Result<Option<Stage>, StoreError> {
    if permit.stage.is_some() || !permit.stages {
        return Ok(permit.stage);
    }
    let above_floor = |minor: i64| permit.floor_minor.is_some_and(|floor| minor >= floor);
    let stage = stages::of_listing(tx, listing.id).await?;
    Ok(stage.filter(|stage| {
        now.0 < stage.starts_at
            && stage.regular_minor == permit.minor
            && stage.minor < permit.minor
            && above_floor(stage.minor)
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
    if change.took_over {
        stages::took_over(tx, listing, now).await?;
    }
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
    if let Some((unread::FORBIDDEN, why)) = &change.read {
        unread::note(tx, listing, why, now).await?;
    } else if let Some((outcome, detail)) = &change.read {
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
