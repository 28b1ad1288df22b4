//! Sales channels as the store knows them: whether each is open, why not, and when it was last compared whole.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    ADD = Sql::same(
        "insert into channels (name, kind, state, reason, since, created_at) values ($1, $2, 'ok', '', $3, $3)
         on conflict (name) do update set kind = excluded.kind");
    SET_STATE = Sql::same(
        "update channels set state = $2, reason = $3, since = $4 where name = $1 and state <> $2");
    LIST = Sql::same("select * from channels order by name");
    AUDIENCE = Sql::same("update channels set audience = $2 where name = $1 and audience <> $2");
    OPENED = Sql::same(
        "insert into live_prices (listing_id, minor, currency, basis, seen_at, audience)
         select v.listing_id, v.minor, v.currency, v.basis, $2, $3 from live_prices v join listings l on l.id = v.listing_id
         where l.channel = $1 and v.id = (select max(w.id) from live_prices w where w.listing_id = l.id)");
    RECONCILED = Sql::same("update channels set reconciled_at = $2 where name = $1");
    RESUME = Sql::same(
        "update listings set next_at = $2
         where channel = $1 and next_at is null and state in ('intended', 'sent', 'unknown', 'accepted', 'applied')");
    WAKE = Sql::same(
        "update listings set next_at = $2
         where id in (select l.id from listings l
                      where l.channel = $1 and l.next_at is null and l.state = 'intended'
                      order by case when l.live_minor = l.desired_minor then 1 else 0 end, coalesce(l.sent_at, 0), l.id
                      limit $3)");
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
    /// Who sees its prices: `public` or `loyalty`.
    pub audience: String,
}

/// Makes a configured channel known.
///
/// # Errors
/// The engine's own.
pub async fn add(db: &Db, name: String, kind: &'static str, now: Millis) -> Result<(), StoreError> {
    db.write((name, kind, now), |tx, (name, kind, now)| {
        Box::pin(async move {
            tx.run(ADD, args![name.as_str(), *kind, *now]).await?;
            Ok(())
        })
    })
    .await
}

/// Notes who sees a channel's prices from now on: `public` or `loyalty`. What was live before keeps its own, and what is live
/// is theirs from now on.
///
/// # Errors
/// The engine's own.
pub async fn set_audience(db: &Db, name: String, audience: &'static str, now: Millis) -> Result<(), StoreError> {
    db.write((name, audience, now), |tx, (name, audience, now)| {
        Box::pin(async move {
            if tx.run(AUDIENCE, args![name.as_str(), *audience]).await? > 0 {
                tx.run(OPENED, args![name.as_str(), *now, *audience]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Moves a channel's state; true if it changed, so that a person is told once.
///
/// # Errors
/// The engine's own.
pub async fn set_state(
    db: &Db,
    name: String,
    state: &'static str,
    reason: String,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((name, state, reason, now), |tx, (name, state, reason, now)| {
        Box::pin(async move {
            let changed = tx.run(SET_STATE, args![name.as_str(), *state, reason.as_str(), *now]).await?;
            if *state == "ok" {
                tx.run(RESUME, args![name.as_str(), *now]).await?;
            }
            Ok(changed > 0)
        })
    })
    .await
}

/// Wakes a few listings of a channel that wait for the channel itself: those with a price that it does not show first, and
/// of them those whose last try is longest ago, so that one that is always refused does not stand for the others.
///
/// # Errors
/// The engine's own.
pub async fn wake(db: &Db, name: String, most: i64, now: Millis) -> Result<(), StoreError> {
    db.write((name, most, now), |tx, (name, most, now)| {
        Box::pin(async move {
            tx.run(WAKE, args![name.as_str(), *now, *most]).await?;
            Ok(())
        })
    })
    .await
}

/// All channels that were ever configured.
///
/// # Errors
/// The engine's own.
pub async fn list(db: &Db) -> Result<Vec<ChannelRow>, StoreError> {
    db.all(LIST, args![]).await
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
