//! What prices on channels depend on besides decisions, as it was when they were computed last: VAT per product, and
//! settings, rates and tax of each channel as a revision.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::{self, Desire};
use crate::clock::Millis;

statements! {
    VAT_OF = Sql::same("select percent, vat_row, created_at from product_vat where product_id = $1");
    KEEP_VAT = Sql::same(
        "insert into product_vat (product_id, percent, vat_row, created_at) values ($1, $2, $3, $4)
         on conflict (product_id) do update set
             percent = excluded.percent, vat_row = excluded.vat_row, created_at = excluded.created_at
             where product_vat.percent <> excluded.percent or product_vat.vat_row <> excluded.vat_row");
    DIRTY_MARKET = Sql::same(
        "update products set dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $2 end
         where market = $1 and (dirty_at is null or dirty_at > $2 or leased_until > 0)");
    REVISION = Sql::same("select channel, hash, rates, revision, created_at from channel_terms where channel = $1");
    KEEP_REVISION = Sql::same(
        "insert into channel_terms (channel, hash, rates, revision, created_at) values ($1, $2, $3, 1, $4)
         on conflict (channel) do update set
             hash = excluded.hash, rates = excluded.rates, revision = channel_terms.revision + 1, created_at = excluded.created_at
         returning channel, hash, rates, revision, created_at");
    HELD = Sql::same(
        "update listings set next_at = $1 where state = 'held' and desired_minor is not null and next_at > $1");
    WANTED = Sql::same(
        "select l.id, l.product_id, l.desired_minor, l.decision_id, l.state from listings l
         where l.channel = $1 and l.id > $2 and l.desired_seq > 0 order by l.id limit $3");
}

/// The VAT under which a product's price was set: percent as decimal text, and the row it came from.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct ProductVat {
    pub percent: String,
    pub vat_row: String,
    pub created_at: i64,
}

/// A channel's terms: `hash` over everything but rates, `rates` as JSON (currency to decimal text), and how often they
/// have changed.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Revision {
    pub channel: String,
    pub hash: String,
    pub rates: String,
    pub revision: i64,
    pub created_at: i64,
}

/// A listing for which a price was wanted, whatever became of it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Wanted {
    pub id: i64,
    pub product_id: i64,
    pub desired_minor: Option<i64>,
    pub decision_id: Option<i64>,
    pub state: String,
}

/// The VAT under which a product's price was set.
///
/// # Errors
/// The engine's own.
pub async fn vat_of(db: &Db, product_id: i64) -> Result<Option<ProductVat>, StoreError> {
    db.maybe(VAT_OF, args![product_id]).await
}

/// Notes the VAT under which a product's price is set.
///
/// # Errors
/// The engine's own.
pub async fn keep_vat(
    tx: &mut Tx,
    product_id: i64,
    percent: &str,
    vat_row: &str,
    now: Millis,
) -> Result<(), StoreError> {
    tx.run(KEEP_VAT, args![product_id, percent, vat_row, now]).await?;
    Ok(())
}

/// Asks for a decision on every product of a market.
///
/// # Errors
/// The engine's own.
pub async fn mark_market_dirty(db: &Db, market: String, now: Millis) -> Result<u64, StoreError> {
    db.write((market, now), |tx, (market, now)| {
        Box::pin(async move { tx.run(DIRTY_MARKET, args![market.as_str(), *now]).await })
    })
    .await
}

/// Has every listing that waits for its next look at the door looked at now, because what kept the door shut may be over.
///
/// # Errors
/// The engine's own.
pub async fn look_again(db: &Db, now: Millis) -> Result<(), StoreError> {
    db.write(now, |tx, now| Box::pin(async move { tx.run(HELD, args![*now]).await.map(drop) })).await
}

/// The terms that a channel's prices were computed with.
///
/// # Errors
/// The engine's own.
pub async fn revision(db: &Db, channel: &str) -> Result<Option<Revision>, StoreError> {
    db.maybe(REVISION, args![channel]).await
}

/// Notes that all prices of a channel were computed with these terms.
///
/// # Errors
/// The engine's own.
pub async fn keep_revision(
    db: &Db,
    channel: String,
    hash: String,
    rates: String,
    now: Millis,
) -> Result<Revision, StoreError> {
    db.write((channel, hash, rates, now), |tx, (channel, hash, rates, now)| {
        Box::pin(
            async move { tx.one(KEEP_REVISION, args![channel.as_str(), hash.as_str(), rates.as_str(), *now]).await },
        )
    })
    .await
}

/// A channel's listings for which a price was wanted, after an id.
///
/// # Errors
/// The engine's own.
pub async fn wanted(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<Wanted>, StoreError> {
    db.all(WANTED, args![channel, after_id, limit]).await
}

/// Raises the desired prices that changed with the terms; each keeps the decision it came from.
///
/// # Errors
/// The engine's own.
pub async fn desire_changed(db: &Db, desires: Vec<(Desire, Option<i64>)>, now: Millis) -> Result<(), StoreError> {
    if desires.is_empty() { Ok(()) } else { listings::desire_again(db, desires, now).await }
}
