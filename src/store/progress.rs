//! How far listings are: what each shows, what it showed, every attempt, and how long it took.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use crate::clock::Millis;

statements! {
    LAST_LIVE = Sql::same(
        "select coalesce(c.audience, 'public') as audience, v.minor, v.basis, v.audience as last_audience
         from listings l left join channels c on c.name = l.channel
         left join live_prices v on v.id = (select max(w.id) from live_prices w where w.listing_id = l.id)
         where l.id = $1");
    LIVE = Sql::same(
        "insert into live_prices (listing_id, minor, currency, basis, seen_at, audience) values ($1, $2, $3, $4, $5, $6)");
    LIVE_HISTORY = Sql::same(
        "select v.minor, v.currency, l.decimals, v.basis, v.seen_at, v.audience
         from live_prices v join listings l on l.id = v.listing_id
         where v.listing_id = $1 and v.seen_at >= $2 order by v.id");
    LIVE_AT = Sql::same(
        "select v.minor, v.currency, l.decimals, v.basis, v.seen_at, v.audience
         from live_prices v join listings l on l.id = v.listing_id
         where v.listing_id = $1 and v.seen_at <= $2 order by v.id desc limit 1");
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
    // What waits for its next try comes about by itself.
    UNTOLD = Sql::same(
        "select l.channel, l.product_id, coalesce(l.external, '') as external, l.state, l.reason
         from listings l join channels c on c.name = l.channel
         where (l.state in ('rejected', 'parked', 'held') and l.next_at is null
                and not exists (select 1 from events e where e.resolved_at is null
                                and e.dedupe in ('listing/' || l.channel || '/' || l.product_id, 'door/' || l.channel || '/' || l.product_id,
                                                 'not-sent/' || l.channel || '/' || l.product_id)))
            or (l.state = 'drifted'
                and not exists (select 1 from events e where e.resolved_at is null
                                and e.dedupe in ('drift/' || l.channel || '/' || l.product_id, 'listing_lost/' || l.channel || '/' || l.product_id,
                                                 'two_writers/' || l.channel || '/' || l.product_id)))
         order by l.state_since, l.id limit $1");
    CONVERGENCE = Sql::same(
        "select l.live_at - l.desired_at as ms from listings l
         where l.channel = $1 and l.state = 'verified' and l.verified_seq = l.desired_seq and l.desired_at > $2
         order by ms");
    ATTEMPTS = Sql::same(
        "select a.kind, a.seq, a.minor, a.currency, l.decimals, a.outcome, a.detail, a.started_at, a.finished_at
         from attempts a join listings l on l.id = a.listing_id
         where a.listing_id = $1 order by a.id desc limit $2");
    NEXT_AT = Sql::same(
        "select min(case when l.next_at > l.leased_until then l.next_at else l.leased_until end) as at
         from listings l join channels c on c.name = l.channel
         where l.next_at is not null and c.state = 'ok' and c.name = $1");
    OPEN_WORK = Sql::same("select count(*) as n from listings where next_at is not null");
    FORBIDDEN_AT = Sql::same(
        "select min(a.finished_at) as at,
                cast(coalesce(max(case when a.outcome = 'forbidden alone' then 1 else 0 end), 0) as bigint) as alone
         from attempts a
         where a.listing_id = $1 and a.kind = 'push' and a.outcome in ('forbidden', 'forbidden alone') and a.finished_at > $2
           and not exists (select 1 from attempts t where t.listing_id = $1 and t.id > a.id and t.kind = 'push'
                           and t.outcome in ('accepted', 'applied'))");
    OTHERS_TAKEN = Sql::same(
        "select min(a.finished_at) as first, (select own.sent_at from listings own where own.id = $2) as began
         from listings l join attempts a on a.listing_id = l.id
         where l.channel = $1 and l.id <> $2 and l.sent_at > $3 and a.kind = 'push' and a.started_at > $3
           and a.outcome in ('accepted', 'applied')");
    STALE_ATTEMPTS = Sql::same("select count(*) as n from attempts where finished_at is null and started_at < $1");
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
    /// What both amounts are counted in; `None`: minor units of the currency.
    pub decimals: Option<i64>,
    pub desired_minor: Option<i64>,
    pub live_minor: Option<i64>,
}

/// A listing whose price does not go out by itself, or that shows another price than ours, and that no open event tells of.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Untold {
    pub channel: String,
    pub product_id: i64,
    /// The channel's own reference.
    pub external: String,
    pub state: String,
    pub reason: String,
}

/// One attempt to push or read.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Attempt {
    pub kind: String,
    pub seq: i64,
    pub minor: Option<i64>,
    pub currency: String,
    /// What `minor` is counted in; `None`: minor units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<i64>,
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
    /// What `minor` is counted in; `None`: minor units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<i64>,
    pub basis: String,
    pub seen_at: i64,
    /// Who could buy at it: `public` or `loyalty`.
    pub audience: String,
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
    audience: String,
    minor: Option<i64>,
    basis: Option<String>,
    last_audience: Option<String>,
}

/// Price facts are rows only when something is new: the price, how sure we are of it, or who the channel is for.
pub(super) async fn note_live(
    tx: &mut Tx,
    listing_id: i64,
    minor: i64,
    currency: &str,
    basis: &str,
    now: Millis,
) -> Result<(), StoreError> {
    let last: Option<LastLive> = tx.maybe(LAST_LIVE, args![listing_id]).await?;
    let audience = last.as_ref().map_or("public", |last| last.audience.as_str());
    let known = last.as_ref().is_some_and(|last| {
        last.minor == Some(minor)
            && last.basis.as_deref() == Some(basis)
            && last.last_audience.as_deref() == Some(audience)
    });
    if !known {
        tx.run(LIVE, args![listing_id, minor, currency, basis, now, audience]).await?;
    }
    Ok(())
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

/// Listings whose price does not go out by itself and that no open event tells of, longest first.
///
/// # Errors
/// The engine's own.
pub async fn untold(db: &Db, limit: i64) -> Result<Vec<Untold>, StoreError> {
    db.all(UNTOLD, args![limit]).await
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

/// What a listing showed, or may have shown, at an instant; none before anything was known of it.
///
/// # Errors
/// The engine's own.
pub async fn live_at(db: &Db, listing_id: i64, at: Millis) -> Result<Option<LivePrice>, StoreError> {
    db.maybe(LIVE_AT, args![listing_id, at]).await
}

/// When the next listing of a channel has something to do; never, while the channel is stopped.
///
/// # Errors
/// The engine's own.
pub async fn next_at(db: &Db, channel: &str) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(NEXT_AT, args![channel]).await?.and_then(|row| row.at).map(Millis))
}

/// The outcome of a push that the channel forbids, as long as nothing tells for whose sake.
pub const FORBIDDEN: &str = "forbidden";
/// The same where the channel takes others.
pub const FORBIDDEN_ALONE: &str = "forbidden alone";

#[derive(Debug, sqlx::FromRow)]
struct ForbiddenAt {
    at: Option<i64>,
    alone: i64,
}

/// What is known of a listing whose write a channel forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden {
    /// A write of it was forbidden before, and none was taken since.
    pub before: bool,
    /// And for its own sake, as was found then.
    pub alone: bool,
    /// Whether the channel took others since the first time.
    pub others: Others,
}

/// Whether a channel took other listings after it forbade one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    None,
    /// While the last write of this one was under way, so that it may have come too early.
    Meanwhile,
    /// Before the last write of this one began.
    Before,
}

#[derive(Debug, sqlx::FromRow)]
struct Taken {
    first: Option<i64>,
    began: Option<i64>,
}

/// What became of a listing's forbidden writes since an instant, and of the channel's other listings after the first one.
///
/// # Errors
/// The engine's own.
pub async fn forbidden(db: &Db, channel: &str, listing_id: i64, since: Millis) -> Result<Forbidden, StoreError> {
    let found: Option<ForbiddenAt> = db.maybe(FORBIDDEN_AT, args![listing_id, since]).await?;
    let Some(ForbiddenAt { at: Some(at), alone }) = found else {
        return Ok(Forbidden { before: false, alone: false, others: Others::None });
    };
    if alone != 0 {
        // What others are told does not matter any more, and is much to look through.
        return Ok(Forbidden { before: true, alone: true, others: Others::None });
    }
    let taken: Option<Taken> = db.maybe(OTHERS_TAKEN, args![channel, listing_id, at]).await?;
    let others = match taken {
        Some(Taken { first: Some(first), began }) if Some(first) <= began => Others::Before,
        Some(Taken { first: Some(_), .. }) => Others::Meanwhile,
        _ => Others::None,
    };
    Ok(Forbidden { before: true, alone: false, others })
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
