//! Locks and prices that a person set, with owner, reason and end. At most one of each kind is open per product.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::products;
use crate::clock::Millis;

statements! {
    END_OPEN = Sql::same(
        "update overrides set ended_at = $3, ended_by = $4, ended_why = $5
         where product_id = $1 and kind = $2 and ended_at is null");
    INSERT = Sql::same(
        "insert into overrides (product_id, kind, price_minor, currency, owner, why, until_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         returning id");
    OF_PRODUCT = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.product_id = $1 and o.ended_at is null and (o.until_at is null or o.until_at > $2) order by o.kind");
    LIST = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.ended_at is null and (o.until_at is null or o.until_at > $1) order by p.sku, o.kind limit $2");
    HISTORY = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.product_id = $1 order by o.id desc limit $2");
    EXPIRED = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.ended_at is null and o.until_at <= $1 order by o.until_at, o.id limit $2");
    EXPIRE = Sql::same(
        "update overrides set ended_at = until_at, ended_by = 'expiry', ended_why = 'its time was over'
         where id = $1 and ended_at is null and until_at <= $2");
}

/// The two kinds of overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The price stays as it is.
    Lock,
    /// A person's price counts.
    Price,
}

impl Kind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Price => "price",
        }
    }
}

/// An override as stored. `price_minor` is gross, in minor units of `currency`; only prices have it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Override {
    pub id: i64,
    pub product_id: i64,
    pub sku: String,
    pub title: String,
    pub kind: String,
    pub price_minor: Option<i64>,
    pub currency: String,
    pub owner: String,
    pub why: String,
    pub until_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_why: Option<String>,
    pub created_at: i64,
}

/// An override to be set.
#[derive(Debug, Clone)]
pub struct New {
    pub product_id: i64,
    pub kind: Kind,
    pub price_minor: Option<i64>,
    pub currency: String,
    pub owner: String,
    pub why: String,
    pub until: Option<Millis>,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

/// Sets an override in place of the open one of its kind, and asks for a decision; returns its number.
///
/// # Errors
/// The engine's own; a price without amount or end is refused by the table.
pub async fn set(db: &Db, new: New, now: Millis) -> Result<i64, StoreError> {
    db.write((new, now), |tx, (new, now)| {
        Box::pin(async move {
            end_in(tx, new.product_id, new.kind, &new.owner, "replaced", *now).await?;
            let Id { id } = tx
                .one(
                    INSERT,
                    args![
                        new.product_id,
                        new.kind.as_str(),
                        new.price_minor,
                        new.currency.as_str(),
                        new.owner.as_str(),
                        new.why.as_str(),
                        new.until,
                        *now
                    ],
                )
                .await?;
            products::mark_dirty(tx, new.product_id, *now).await?;
            Ok(id)
        })
    })
    .await
}

async fn end_in(
    tx: &mut Tx,
    product_id: i64,
    kind: Kind,
    by: &str,
    why: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    Ok(tx.run(END_OPEN, args![product_id, kind.as_str(), now, by, why]).await? > 0)
}

/// Ends the open override of a kind and asks for a decision; false if there was none.
///
/// # Errors
/// The engine's own.
pub async fn end(
    db: &Db,
    product_id: i64,
    kind: Kind,
    by: String,
    why: String,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((product_id, kind, by, why, now), |tx, (product_id, kind, by, why, now)| {
        Box::pin(async move {
            let ended = end_in(tx, *product_id, *kind, by, why, *now).await?;
            products::mark_dirty(tx, *product_id, *now).await?;
            Ok(ended)
        })
    })
    .await
}

/// The overrides of a product that hold at an instant: at most one of each kind.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64, now: Millis) -> Result<Vec<Override>, StoreError> {
    db.all(OF_PRODUCT, args![product_id, now]).await
}

/// Everything that holds at an instant, by SKU.
///
/// # Errors
/// The engine's own.
pub async fn list(db: &Db, now: Millis, limit: i64) -> Result<Vec<Override>, StoreError> {
    db.all(LIST, args![now, limit]).await
}

/// What was ever set on a product, newest first.
///
/// # Errors
/// The engine's own.
pub async fn history(db: &Db, product_id: i64, limit: i64) -> Result<Vec<Override>, StoreError> {
    db.all(HISTORY, args![product_id, limit]).await
}

/// Closes overrides whose time is over and asks for a decision on each product; returns them.
///
/// # Errors
/// The engine's own.
pub async fn expire(db: &Db, now: Millis, limit: i64) -> Result<Vec<Override>, StoreError> {
    db.write((now, limit), |tx, &(now, limit)| {
        Box::pin(async move {
            let over: Vec<Override> = tx.all(EXPIRED, args![now, limit]).await?;
            for one in &over {
                tx.run(EXPIRE, args![one.id, now]).await?;
                products::mark_dirty(tx, one.product_id, now).await?;
            }
            Ok(over)
        })
    })
    .await
}
