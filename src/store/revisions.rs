//! Texts that decisions cite, each kept once under its hash: rule files, and what of the configuration decides.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    RULES_ADD = Sql::same(
        "insert into rule_revisions (hash, body, source, created_at) values ($1, $2, $3, $4) on conflict (hash) do nothing");
    RULES_ID = Sql::same("select id, body from rule_revisions where hash = $1");
    RULES_BODY = Sql::same("select id, body from rule_revisions where id = $1");
    CONFIG_ADD = Sql::same(
        "insert into config_revisions (hash, body, created_at) values ($1, $2, $3) on conflict (hash) do nothing");
    CONFIG_BODY = Sql::same("select id, body from config_revisions where hash = $1");
}

/// A stored text.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Revision {
    pub id: i64,
    pub body: String,
}

/// Stores a rule file under its hash; the same text keeps its number.
///
/// # Errors
/// The engine's own.
pub async fn keep_rules(db: &Db, hash: String, body: String, source: String, now: Millis) -> Result<i64, StoreError> {
    db.write((hash, body, source, now), |tx, (hash, body, source, now)| {
        Box::pin(async move {
            tx.run(RULES_ADD, args![hash.as_str(), body.as_str(), source.as_str(), *now]).await?;
            let row: Revision = tx.one(RULES_ID, args![hash.as_str()]).await?;
            Ok(row.id)
        })
    })
    .await
}

/// A stored rule file by its number.
///
/// # Errors
/// The engine's own.
pub async fn rules(db: &Db, id: i64) -> Result<Option<Revision>, StoreError> {
    db.maybe(RULES_BODY, args![id]).await
}

/// Stores what of a configuration decides, as JSON, under its hash.
///
/// # Errors
/// The engine's own.
pub async fn keep_config(db: &Db, hash: String, body: String, now: Millis) -> Result<(), StoreError> {
    if db.maybe::<Revision>(CONFIG_BODY, args![hash.as_str()]).await?.is_some() {
        return Ok(());
    }
    db.write((hash, body, now), |tx, (hash, body, now)| {
        Box::pin(async move {
            tx.run(CONFIG_ADD, args![hash.as_str(), body.as_str(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// What of a configuration decided, by its hash.
///
/// # Errors
/// The engine's own.
pub async fn config(db: &Db, hash: &str) -> Result<Option<Revision>, StoreError> {
    db.maybe(CONFIG_BODY, args![hash]).await
}
