//! Switches that survive restarts (the pause), duties that one worker has at a time, and exchange rates.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use crate::clock::Millis;

/// The setting that says where the last backup is; set when it was made.
pub const BACKUP: &str = "backup";

/// Begins the names of the duties that search channels for our products.
pub const SEARCHES: &str = "map/";

statements! {
    SET = Sql::same(
        "insert into settings (name, value, actor, why, created_at) values ($1, $2, $3, $4, $5)
         on conflict (name) do update set
             value = excluded.value, actor = excluded.actor, why = excluded.why, created_at = excluded.created_at");
    GET = Sql::same("select name, value, actor, why, created_at from settings where name = $1");
    CLEAR = Sql::same("delete from settings where name = $1");
    TAKE_DUTY = Sql::same(
        "insert into duties (name, owner, leased_until, done_at, created_at) values ($1, $2, $3, null, $4)
         on conflict (name) do update set owner = excluded.owner, leased_until = excluded.leased_until
             where duties.leased_until <= $4 and (duties.done_at is null or duties.done_at <= $5)
         returning name");
    END_DUTY = Sql::same("update duties set leased_until = 0, done_at = $3 where name = $1 and owner = $2");
    RENEW = Sql::same(
        "update duties set done_at = null, owner = ''
         where substr(name, 1, length(cast($1 as text))) = cast($1 as text)");
    FREE_HOSTS = Sql::same("update hosts set leased_until = 0 where leased_until > 0");
    FREE_PRODUCTS = Sql::same("update products set leased_until = 0 where leased_until > 0");
    FREE_LISTINGS = Sql::same("update listings set leased_until = 0, lease_token = lease_token + 1 where leased_until > 0");
    FREE_DUTIES = Sql::same("update duties set leased_until = 0 where leased_until > 0");
    KEEP_RATE = Sql::same(
        "insert into fx_rates (day, currency, rate, created_at) values ($1, $2, $3, $4)
         on conflict (day, currency) do update set rate = excluded.rate");
    NEWEST_RATE = Sql::same(
        "select day, currency, rate from fx_rates where currency = $1 and day <= $2 order by day desc limit 1");
    RATES = Sql::same(
        "select day, currency, rate from fx_rates where day = (select max(f.day) from fx_rates f where f.day <= $1) order by currency");
}

/// A switch with who set it and why.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Setting {
    pub name: String,
    pub value: String,
    pub actor: String,
    pub why: String,
    pub created_at: i64,
}

/// Units of a currency per 1 EUR on a day, as published.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Rate {
    pub day: String,
    pub currency: String,
    pub rate: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Name {
    #[expect(dead_code, reason = "only its presence matters")]
    name: String,
}

/// Sets a switch.
///
/// # Errors
/// The engine's own.
pub async fn set(
    db: &Db,
    name: String,
    value: String,
    actor: String,
    why: String,
    now: Millis,
) -> Result<(), StoreError> {
    db.write((name, value, actor, why, now), |tx, (name, value, actor, why, now)| {
        Box::pin(async move {
            tx.run(SET, args![name.as_str(), value.as_str(), actor.as_str(), why.as_str(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// Reads a switch.
///
/// # Errors
/// The engine's own.
pub async fn get(db: &Db, name: &str) -> Result<Option<Setting>, StoreError> {
    db.maybe(GET, args![name]).await
}

/// Removes a switch; true if it was set.
///
/// # Errors
/// The engine's own.
pub async fn clear(db: &Db, name: &'static str) -> Result<bool, StoreError> {
    db.write(name, |tx, name| Box::pin(async move { Ok(tx.run(CLEAR, args![*name]).await? > 0) })).await
}

/// Takes a duty that was last done at or before `not_since`; false if another worker has it or it is not time yet.
///
/// # Errors
/// The engine's own.
pub async fn take_duty(
    db: &Db,
    name: String,
    owner: String,
    now: Millis,
    lease_until: Millis,
    not_since: Millis,
) -> Result<bool, StoreError> {
    db.write((name, owner, now, lease_until, not_since), |tx, (name, owner, now, until, not_since)| {
        Box::pin(async move {
            let taken: Option<Name> =
                tx.maybe(TAKE_DUTY, args![name.as_str(), owner.as_str(), *until, *now, *not_since]).await?;
            Ok(taken.is_some())
        })
    })
    .await
}

/// Ends a duty; `done_at` decides when it is due again.
///
/// # Errors
/// The engine's own.
pub async fn end_duty(db: &Db, name: String, owner: String, done_at: Option<Millis>) -> Result<(), StoreError> {
    db.write((name, owner, done_at), |tx, (name, owner, done_at)| {
        Box::pin(async move {
            tx.run(END_DUTY, args![name.as_str(), owner.as_str(), *done_at]).await?;
            Ok(())
        })
    })
    .await
}

/// Makes all searches of channels due again; what a worker is at just now ends with its lease and counts as undone, since
/// it began before there was something new to look for.
pub(super) async fn renew_searches(tx: &mut Tx) -> Result<(), StoreError> {
    tx.run(RENEW, args![SEARCHES]).await?;
    Ok(())
}

/// Frees what a dead process still holds. Only for a process that is provably alone on the database; others wait for
/// the leases to run out.
///
/// # Errors
/// The engine's own.
pub async fn free_leases(db: &Db) -> Result<(), StoreError> {
    db.write((), |tx, ()| {
        Box::pin(async move {
            for statement in [FREE_HOSTS, FREE_PRODUCTS, FREE_LISTINGS, FREE_DUTIES] {
                tx.run(statement, args![]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Keeps a day's reference rates.
///
/// # Errors
/// The engine's own.
pub async fn keep_rates(db: &Db, rates: Vec<Rate>, now: Millis) -> Result<(), StoreError> {
    db.write((rates, now), |tx, (rates, now)| {
        Box::pin(async move {
            for rate in rates {
                tx.run(KEEP_RATE, args![rate.day.as_str(), rate.currency.as_str(), rate.rate.as_str(), *now]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// The newest rates of a day or before it.
///
/// # Errors
/// The engine's own.
pub async fn rates(db: &Db, day: &str) -> Result<Vec<Rate>, StoreError> {
    db.all(RATES, args![day]).await
}

/// The newest rate of one currency up to a day, however old it is and whatever was published since of others: a currency that
/// gave way to another is published no more.
///
/// # Errors
/// The engine's own.
pub async fn newest_rate(db: &Db, currency: &str, day: &str) -> Result<Option<Rate>, StoreError> {
    db.maybe(NEWEST_RATE, args![currency, day]).await
}
