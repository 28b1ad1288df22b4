//! Products that go to another market, or into another money: all their amounts at once, and who did it and why.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::{self, Desire};
use crate::clock::Millis;

statements! {
    // The version grows, so that whatever is being decided from the old amounts is not written any more.
    MOVE = Sql::same(
        "update products set market = $3, currency = $4, own_minor = $5, cost_net = $6, regular_minor = $7, msrp_minor = $8,
                map_minor = $9, min_minor = $10, own_shipping_minor = $11,
                amounts_since = case when cast($12 as bigint) = 1 then cast($13 as bigint) else amounts_since end,
                version = version + 1, shelf_at = $13, updated_at = $13,
                dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $13 end
         where id = $1 and version = $2");
    NOTE = Sql::same(
        "insert into product_moves
             (product_id, from_market, from_currency, from_minor, market, currency, minor, how, actor, why, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    SET_PRICE = Sql::same(
        "update overrides set price_minor = $2, currency = $3
         where product_id = $1 and kind = 'price' and ended_at is null");
    FORGET_EVALUATION = Sql::same("delete from evaluations where product_id = $1");
    FORGET_VAT = Sql::same("delete from product_vat where product_id = $1");
    CLOSE_REVIEWS = Sql::same(
        "update reviews set state = 'superseded', settled_at = $2 where product_id = $1 and state = 'open'");
    CAMPAIGN = Sql::same(
        "select c.name from campaign_items i join campaigns c on c.id = i.campaign_id
         where i.product_id = $1 and c.phase in ('planned', 'running') order by c.starts_at, c.id limit 1");
    OF_PRODUCT = Sql::same("select * from product_moves where product_id = $1 order by created_at desc limit $2");
    DUE = Sql::same(
        "select distinct product_id from product_moves where shown_at is null and product_id > $1 order by product_id limit $2");
    // Whoever decides on the product meanwhile waits for us, or we see that the version is another one.
    HOLD_STILL = Sql::same("update products set version = version where id = $1 and version = $2");
    SHOWN = Sql::same("update product_moves set shown_at = $2 where product_id = $1 and shown_at is null");
}

/// A product's amounts where it goes: minor units of `currency`, in the tax view of `market`; `cost_net` a decimal text, net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub product_id: i64,
    pub sku: String,
    /// The version that was looked at; another one by now is another product's amounts.
    pub version: i64,
    pub from_market: String,
    pub from_currency: String,
    pub from_minor: i64,
    pub market: String,
    pub currency: String,
    pub own_minor: i64,
    pub cost_net: Option<String>,
    pub regular_minor: Option<i64>,
    pub msrp_minor: Option<i64>,
    pub map_minor: Option<i64>,
    pub min_minor: Option<i64>,
    pub own_shipping_minor: Option<i64>,
    /// The price that a person has set, where one is open.
    pub set_minor: Option<i64>,
    /// Whether money or tax view are others: then no older amount is compared with these.
    pub new_amounts: bool,
    /// How the amounts came about, as a clause: `at 1 EUR = 7.46 DKK`.
    pub how: String,
}

/// A move as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Moved {
    pub product_id: i64,
    pub from_market: String,
    pub from_currency: String,
    pub from_minor: i64,
    pub market: String,
    pub currency: String,
    pub minor: i64,
    pub how: String,
    pub actor: String,
    pub why: String,
    /// UTC milliseconds.
    pub created_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Name {
    name: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Due {
    product_id: i64,
}

/// Moves products, all or none, asks for a decision on each, and notes that channels are due what follows: [`due`]. What was
/// concluded from their old amounts is forgotten: the newest evaluation with the reference it remembers, the VAT that was in
/// the price, and open proposals.
///
/// # Errors
/// [`StoreError::Outrun`] for a product that has changed since it was looked at, and the engine's own; nothing is stored then.
pub async fn apply(db: &Db, moves: Vec<Move>, by: (String, String), now: Millis) -> Result<(), StoreError> {
    db.write((moves, by, now), |tx, (moves, by, now)| Box::pin(apply_in(tx, moves, by, *now))).await
}

async fn apply_in(tx: &mut Tx, moves: &[Move], (actor, why): &(String, String), now: Millis) -> Result<(), StoreError> {
    for one in moves {
        let moved = tx
            .run(
                MOVE,
                args![
                    one.product_id,
                    one.version,
                    one.market.as_str(),
                    one.currency.as_str(),
                    one.own_minor,
                    one.cost_net.as_deref(),
                    one.regular_minor,
                    one.msrp_minor,
                    one.map_minor,
                    one.min_minor,
                    one.own_shipping_minor,
                    i64::from(one.new_amounts),
                    now
                ],
            )
            .await?;
        if moved == 0 {
            return Err(StoreError::Outrun(one.sku.clone()));
        }
        tx.run(
            NOTE,
            args![
                one.product_id,
                one.from_market.as_str(),
                one.from_currency.as_str(),
                one.from_minor,
                one.market.as_str(),
                one.currency.as_str(),
                one.own_minor,
                one.how.as_str(),
                actor.as_str(),
                why.as_str(),
                now
            ],
        )
        .await?;
        if let Some(minor) = one.set_minor {
            tx.run(SET_PRICE, args![one.product_id, minor, one.currency.as_str()]).await?;
        }
        tx.run(FORGET_EVALUATION, args![one.product_id]).await?;
        tx.run(FORGET_VAT, args![one.product_id]).await?;
        tx.run(CLOSE_REVIEWS, args![one.product_id, now]).await?;
    }
    Ok(())
}

/// A campaign that is planned or running, or waits for a second person, and has a price for a product; none if there is none.
///
/// # Errors
/// The engine's own.
pub async fn campaign_of(db: &Db, product_id: i64) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<Name>(CAMPAIGN, args![product_id]).await?.map(|row| row.name))
}

/// The moves of a product, newest first.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64, limit: i64) -> Result<Vec<Moved>, StoreError> {
    db.all(OF_PRODUCT, args![product_id, limit]).await
}

/// Products, by id after `after_id`, whose move has not reached their listings yet.
///
/// # Errors
/// The engine's own.
pub async fn due(db: &Db, after_id: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
    Ok(db.all::<Due>(DUE, args![after_id, limit]).await?.into_iter().map(|row| row.product_id).collect())
}

/// Raises what the listings of a moved product should show, each with the decision it goes back to, and notes that nothing is
/// due any more; false, with nothing stored, if the product has another version than the one that this was computed from.
///
/// # Errors
/// The engine's own.
pub async fn show(
    db: &Db,
    product_id: i64,
    version: i64,
    desires: Vec<(Desire, Option<i64>)>,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((product_id, version, desires, now), |tx, (product_id, version, desires, now)| {
        Box::pin(async move {
            if tx.run(HOLD_STILL, args![*product_id, *version]).await? == 0 {
                return Ok(false);
            }
            for (desire, decision_id) in desires {
                listings::desire(tx, desire, *decision_id, *now).await?;
            }
            tx.run(SHOWN, args![*product_id, *now]).await?;
            Ok(true)
        })
    })
    .await
}
