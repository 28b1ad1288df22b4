//! Starts of campaigns that a channel keeps by itself (SEMANTICS 7.4): what each listing is given ahead of its start, and
//! whether the channel has it.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::{self, Desire, Listing};
use super::progress::note_live;
use super::strikes::Frozen;
use crate::clock::Millis;

statements! {
    OF_CAMPAIGN = Sql::same(
        "select listing_id, campaign_id, minor, regular_minor, prior_minor, starts_at, ends_at from stages
         where campaign_id = $1 order by listing_id limit $2");
    OF_LISTING = Sql::same(
        "select listing_id, campaign_id, minor, regular_minor, prior_minor, starts_at, ends_at from stages
         where listing_id = $1");
    PUT = Sql::same(
        "insert into stages (listing_id, campaign_id, minor, regular_minor, prior_minor, starts_at, ends_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (listing_id) do update
         set campaign_id = excluded.campaign_id, minor = excluded.minor, regular_minor = excluded.regular_minor,
             prior_minor = excluded.prior_minor, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
             created_at = excluded.created_at");
    DROP = Sql::same("delete from stages where listing_id = $1");
    LISTING = Sql::twin("select * from listings where id = $1", "select * from listings where id = $1 for update");
    MUST_BE_SENT = Sql::same("update listings set stage_seq = desired_seq where id = $1");
    LOOSE = Sql::same(
        "select s.listing_id, s.campaign_id, s.minor, s.regular_minor, s.prior_minor, s.starts_at, s.ends_at
         from stages s join campaigns c on c.id = s.campaign_id
         where c.phase in ('cancelled', 'over')
            or s.starts_at <= $1 and not exists (select 1 from listings l join products p on p.id = l.product_id
                                                 where l.id = s.listing_id and p.dirty_at <= $2)
         order by s.listing_id limit $3");
    PER_CHANNEL = Sql::same(
        "select l.channel, count(*) as wanted, min(s.starts_at) as starts_at,
                (select count(*) from campaign_items i join listings m on m.product_id = i.product_id
                 where i.campaign_id = $1 and m.channel = l.channel and m.external is not null) as listings,
                cast(coalesce(sum(case when l.staged_minor = s.minor and l.staged_from = s.starts_at
                                        and l.staged_until = s.ends_at and l.sent_seq >= l.stage_seq
                                        and l.state in ('verified', 'unverified') then 1 else 0 end), 0) as bigint) as confirmed
         from stages s join listings l on l.id = s.listing_id
         where s.campaign_id = $1 and s.created_at <= $2 and l.desired_at <= $2 group by l.channel order by l.channel");
    AHEAD = Sql::same(
        "select count(*) as n, min(staged_from) as first from listings where staged_minor is not null and staged_from > $1");
    FORGET = Sql::same(
        "update listings set staged_minor = null, staged_from = null, staged_until = null where id = $1");
    TAKE_OVER = Sql::same(
        "update listings set sent_seq = desired_seq, sent_regular_minor = sent_minor, sent_minor = staged_minor,
                staged_minor = null, staged_from = null, staged_until = null
         where id = $1");
}

/// The start of a campaign on one listing, given to its channel ahead. Amounts are minor units of the listing's currency,
/// in its own tax view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Stage {
    pub listing_id: i64,
    pub campaign_id: i64,
    /// The campaign's price there.
    pub minor: i64,
    /// The price until the start, crossed out from then on.
    pub regular_minor: i64,
    pub prior_minor: Option<i64>,
    /// UTC milliseconds.
    pub starts_at: i64,
    /// Exclusive, UTC milliseconds.
    pub ends_at: i64,
}

/// How far a channel has the start of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct OnChannel {
    pub channel: String,
    /// All listings of the campaign's products that are mapped there; those that do not begin by themselves, such as one
    /// that has shown no price yet, are sent theirs when the campaign begins.
    pub listings: i64,
    /// Listings that are to begin by themselves.
    pub wanted: i64,
    /// The earliest of their starts, UTC milliseconds.
    pub starts_at: i64,
    /// Those whose channel has taken the start and still shows the price from before it.
    pub confirmed: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Ahead {
    n: i64,
    first: Option<i64>,
}

/// What is staged for a campaign, by listing.
///
/// # Errors
/// The engine's own.
pub async fn of_campaign(db: &Db, campaign_id: i64, limit: i64) -> Result<Vec<Stage>, StoreError> {
    db.all(OF_CAMPAIGN, args![campaign_id, limit]).await
}

/// The start that one listing's channel is to keep.
///
/// # Errors
/// The engine's own.
pub async fn of_one(db: &Db, listing_id: i64) -> Result<Option<Stage>, StoreError> {
    db.maybe(OF_LISTING, args![listing_id]).await
}

/// The same inside a transaction.
///
/// # Errors
/// The engine's own.
pub(super) async fn of_listing(tx: &mut Tx, listing_id: i64) -> Result<Option<Stage>, StoreError> {
    tx.maybe(OF_LISTING, args![listing_id]).await
}

/// Stages that no start will take over any more: their campaign has ended, or their start was at or before an instant,
/// nothing came of it, and no decision on the product is due.
///
/// # Errors
/// The engine's own.
pub async fn loose(db: &Db, begun_by: Millis, now: Millis, limit: i64) -> Result<Vec<Stage>, StoreError> {
    db.all(LOOSE, args![begun_by, now, limit]).await
}

/// How many listings of each channel are staged for a campaign, of those whose start and price were known by an instant.
///
/// # Errors
/// The engine's own.
pub async fn per_channel(db: &Db, campaign_id: i64, staged_by: Millis) -> Result<Vec<OnChannel>, StoreError> {
    db.all(PER_CHANNEL, args![campaign_id, staged_by]).await
}

/// How many listings begin by themselves after an instant, and the first of these starts.
///
/// # Errors
/// The engine's own.
pub async fn ahead(db: &Db, now: Millis) -> Result<(i64, Option<Millis>), StoreError> {
    let found: Option<Ahead> = db.maybe(AHEAD, args![now]).await?;
    Ok(found.map_or((0, None), |Ahead { n, first }| (n, first.map(Millis))))
}

/// Stages starts and takes others back. Each listing is sent its price once more, with the start or without. A listing
/// that no price is wanted for can be sent nothing: its stage stays, to be tried again.
///
/// # Errors
/// The engine's own; nothing is changed then.
pub async fn arrange(db: &Db, put: Vec<Stage>, back: Vec<i64>, now: Millis) -> Result<(), StoreError> {
    db.write((put, back, now), |tx, (put, back, now)| {
        Box::pin(async move {
            for stage in put {
                if send_again(tx, stage.listing_id, *now).await? {
                    put_one(tx, stage, *now).await?;
                }
            }
            for listing_id in back {
                if send_again(tx, *listing_id, *now).await? {
                    tx.run(DROP, args![*listing_id]).await?;
                }
            }
            Ok(())
        })
    })
    .await
}

async fn put_one(tx: &mut Tx, stage: &Stage, now: Millis) -> Result<(), StoreError> {
    tx.run(
        PUT,
        args![
            stage.listing_id,
            stage.campaign_id,
            stage.minor,
            stage.regular_minor,
            stage.prior_minor,
            stage.starts_at,
            stage.ends_at,
            now
        ],
    )
    .await
    .map(|_| ())
}

/// Wants the listing's price under a new number, so that it is sent although the channel shows it; false if none is wanted.
///
/// # Errors
/// The engine's own.
pub(super) async fn send_again(tx: &mut Tx, listing_id: i64, now: Millis) -> Result<bool, StoreError> {
    let listing: Option<Listing> = tx.maybe(LISTING, args![listing_id]).await?;
    let Some((minor, decision_id)) = listing.and_then(|l| Some((l.desired_minor?, l.decision_id))) else {
        return Ok(false);
    };
    listings::desire(tx, &Desire { listing_id, price: Ok(minor) }, decision_id, now).await?;
    tx.run(MUST_BE_SENT, args![listing_id]).await?;
    Ok(true)
}

/// The start of a campaign on a listing: what was staged for it is done with. A channel that shows something else than
/// may be said now is written to again; else looking at it is proof enough.
///
/// # Errors
/// The engine's own.
pub(super) async fn started(tx: &mut Tx, one: &Frozen) -> Result<(), StoreError> {
    let Some(stage) = of_listing(tx, one.listing_id).await? else { return Ok(()) };
    let same = one.announce
        && (stage.minor, stage.regular_minor, stage.prior_minor)
            == (one.campaign_minor, one.regular_minor, one.prior_minor);
    if !same {
        tx.run(FORGET, args![one.listing_id]).await?;
    }
    tx.run(DROP, args![one.listing_id]).await.map(|_| ())
}

/// The channel began by itself: what it was given ahead is now what it was sent.
///
/// # Errors
/// The engine's own.
pub(super) async fn took_over(tx: &mut Tx, listing: &Listing, now: Millis) -> Result<(), StoreError> {
    note_begun(tx, listing, now).await?;
    tx.run(TAKE_OVER, args![listing.id]).await.map(|_| ())
}

/// Notes that a staged price may have been live from its start on, also if nobody looked.
///
/// # Errors
/// The engine's own.
pub(super) async fn note_begun(tx: &mut Tx, listing: &Listing, now: Millis) -> Result<(), StoreError> {
    let Some((minor, from)) = listing.staged_minor.zip(listing.staged_from).filter(|(_, from)| *from <= now.0) else {
        return Ok(());
    };
    note_live(tx, listing.id, minor, &listing.currency, "sent", Millis(from)).await
}
