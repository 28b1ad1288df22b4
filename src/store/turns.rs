//! Turns at the products of shops that several channels write: a lease per product, and who writes which shop.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    JOIN = Sql::same(
        "insert into shop_writers (shop, channel, created_at) values ($1, $2, $3)
         on conflict (shop, channel) do nothing returning channel as name");
    WRITERS = Sql::same("select count(*) as n from shop_writers where shop = $1");
    TAKE = Sql::same(
        "insert into shop_turns (shop, product, holder, leased_until, created_at) values ($1, $2, $3, $4, $5)
         on conflict (shop, product) do update set holder = excluded.holder, leased_until = excluded.leased_until
             where shop_turns.leased_until <= $5
         returning product as name");
    GIVE_BACK = Sql::same("delete from shop_turns where shop = $1 and holder = $2");
}

#[derive(Debug, sqlx::FromRow)]
struct Name {
    #[expect(dead_code, reason = "only its presence matters")]
    name: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}

/// Notes that a channel writes a shop; true if that was not known.
///
/// # Errors
/// The engine's own.
pub async fn join(db: &Db, shop: String, channel: String, now: Millis) -> Result<bool, StoreError> {
    db.write((shop, channel, now), |tx, (shop, channel, now)| {
        Box::pin(async move {
            let new: Option<Name> = tx.maybe(JOIN, args![shop.as_str(), channel.as_str(), *now]).await?;
            Ok(new.is_some())
        })
    })
    .await
}

/// How many channels ever wrote a shop.
///
/// # Errors
/// The engine's own.
pub async fn writers(db: &Db, shop: &str) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(WRITERS, args![shop]).await?.map_or(0, |row| row.n))
}

/// Takes products of a shop until an instant, in the order given, which must be the same for everybody; all of them or, if
/// somebody else has one, none. True if they were taken.
///
/// # Errors
/// The engine's own.
pub async fn take(
    db: &Db,
    shop: String,
    products: Vec<String>,
    holder: String,
    now: Millis,
    until: Millis,
) -> Result<bool, StoreError> {
    db.write((shop, products, holder, now, until), |tx, (shop, products, holder, now, until)| {
        Box::pin(async move {
            for product in products {
                let row: Option<Name> =
                    tx.maybe(TAKE, args![shop.as_str(), product.as_str(), holder.as_str(), *until, *now]).await?;
                if row.is_none() {
                    tx.run(GIVE_BACK, args![shop.as_str(), holder.as_str()]).await?;
                    return Ok(false);
                }
            }
            Ok(true)
        })
    })
    .await
}

/// Gives back what a holder has of a shop.
///
/// # Errors
/// The engine's own; then it is free when its lease is over.
pub async fn give_back(db: &Db, shop: String, holder: String) -> Result<(), StoreError> {
    db.write((shop, holder), |tx, (shop, holder)| {
        Box::pin(async move {
            tx.run(GIVE_BACK, args![shop.as_str(), holder.as_str()]).await?;
            Ok(())
        })
    })
    .await
}
