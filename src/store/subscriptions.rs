//! What people changed about what they are told, and secrets that are made once.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    SET = Sql::same(
        "insert into subscriptions (person, value, actor, why, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)
         on conflict (person) do update set
             value = excluded.value, actor = excluded.actor, why = excluded.why, updated_at = excluded.updated_at");
    GET = Sql::same("select person, value, actor, why, updated_at from subscriptions where person = $1");
    ALL_OF_THEM = Sql::same("select person, value, actor, why, updated_at from subscriptions order by person");
    REMOVE = Sql::same("delete from subscriptions where person = $1");
    KEEP_FIRST = Sql::same(
        "insert into settings (name, value, actor, why, created_at) values ($1, $2, $3, $4, $5)
         on conflict (name) do nothing");
    KEPT = Sql::same("select value from settings where name = $1");
}

/// A person's changed wishes: a JSON object that lies over the configured ones.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Subscription {
    pub person: String,
    pub value: String,
    pub actor: String,
    pub why: String,
    pub updated_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Value {
    value: String,
}

/// Replaces a person's changed wishes.
///
/// # Errors
/// The engine's own.
pub async fn set(
    db: &Db,
    person: String,
    value: String,
    actor: String,
    why: String,
    now: Millis,
) -> Result<(), StoreError> {
    db.write((person, value, actor, why, now), |tx, (person, value, actor, why, now)| {
        Box::pin(async move {
            tx.run(SET, args![person.as_str(), value.as_str(), actor.as_str(), why.as_str(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// One person's changed wishes.
///
/// # Errors
/// The engine's own.
pub async fn get(db: &Db, person: &str) -> Result<Option<Subscription>, StoreError> {
    db.maybe(GET, args![person]).await
}

/// Everybody's changed wishes.
///
/// # Errors
/// The engine's own.
pub async fn all(db: &Db) -> Result<Vec<Subscription>, StoreError> {
    db.all(ALL_OF_THEM, args![]).await
}

/// Forgets a person's changes; the configured wishes hold again. True if there were any.
///
/// # Errors
/// The engine's own.
pub async fn remove(db: &Db, person: String) -> Result<bool, StoreError> {
    db.write(person, |tx, person| Box::pin(async move { Ok(tx.run(REMOVE, args![person.as_str()]).await? > 0) })).await
}

/// Keeps a value under a name unless there is one; returns the one that counts, so that of two workers that make a
/// secret at the same time both use the first.
///
/// # Errors
/// The engine's own.
pub async fn keep_first(
    db: &Db,
    name: &'static str,
    value: String,
    why: &'static str,
    now: Millis,
) -> Result<String, StoreError> {
    db.write((value, now), move |tx, (value, now)| {
        Box::pin(async move {
            tx.run(KEEP_FIRST, args![name, value.as_str(), "omniprice", why, *now]).await?;
            let kept: Value = tx.one(KEPT, args![name]).await?;
            Ok(kept.value)
        })
    })
    .await
}
