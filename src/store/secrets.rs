//! Secrets that a channel hands out while it works. They never appear in logs, errors or records.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    KEEP = Sql::same(
        "insert into channel_secrets (channel, name, value, created_at) values ($1, $2, $3, $4)
         on conflict (channel, name) do update set value = excluded.value, created_at = excluded.created_at");
    NEWEST = Sql::same("select value from channel_secrets where channel = $1 and name = $2");
}

#[derive(sqlx::FromRow)]
struct Value {
    value: String,
}

/// Stores a channel's secret durably, in place of an older one of that name.
///
/// # Errors
/// The engine's own.
pub async fn keep(db: &Db, channel: String, name: String, value: String, now: Millis) -> Result<(), StoreError> {
    db.write((channel, name, value, now), |tx, (channel, name, value, now)| {
        Box::pin(async move {
            tx.run(KEEP, args![channel.as_str(), name.as_str(), value.as_str(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// The newest value of a channel's secret, if one was ever stored.
///
/// # Errors
/// The engine's own.
pub async fn newest(db: &Db, channel: &str, name: &str) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<Value>(NEWEST, args![channel, name]).await?.map(|row| row.value))
}
