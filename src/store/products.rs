//! Our products: imported facts, the price we ask now, and whether they wait for a decision.

use super::StoreError;
use super::attributes::{self, Attributes};
use super::db::{Db, Sql, Tx, args, statements};
use crate::clock::Millis;

statements! {
    UPSERT = Sql::same(
        "insert into products
             (sku, title, brand, category, tags, gtin, market, currency, own_minor, cost_net, regular_minor, msrp_minor,
              map_minor, min_minor, stock, pack_qty, vat_class, locked, dirty_at, leased_until, version, created_at, updated_at,
              own_shipping_minor, cost_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, coalesce(cast($18 as bigint), 0), $19, 0, 0, $19, $19,
                 $20, $21)
         on conflict (sku) do update set
             title = case when (cast($22 as bigint) & 1) <> 0 then excluded.title else products.title end,
             brand = case when (cast($22 as bigint) & 2) <> 0 then excluded.brand else products.brand end,
             category = case when (cast($22 as bigint) & 4) <> 0 then excluded.category else products.category end,
             tags = case when (cast($22 as bigint) & 8) <> 0 then excluded.tags else products.tags end,
             gtin = case when (cast($22 as bigint) & 16) <> 0 then excluded.gtin else products.gtin end,
             cost_net = case when (cast($22 as bigint) & 32) <> 0 then excluded.cost_net else products.cost_net end,
             cost_at = case when (cast($22 as bigint) & 32) <> 0 then excluded.cost_at else products.cost_at end,
             regular_minor = case when (cast($22 as bigint) & 64) <> 0 then excluded.regular_minor else products.regular_minor end,
             msrp_minor = case when (cast($22 as bigint) & 128) <> 0 then excluded.msrp_minor else products.msrp_minor end,
             map_minor = case when (cast($22 as bigint) & 256) <> 0 then excluded.map_minor else products.map_minor end,
             min_minor = case when (cast($22 as bigint) & 512) <> 0 then excluded.min_minor else products.min_minor end,
             stock = case when (cast($22 as bigint) & 1024) <> 0 then excluded.stock else products.stock end,
             pack_qty = case when (cast($22 as bigint) & 2048) <> 0 then excluded.pack_qty else products.pack_qty end,
             vat_class = case when (cast($22 as bigint) & 4096) <> 0 then excluded.vat_class else products.vat_class end,
             own_shipping_minor = case when (cast($22 as bigint) & 8192) <> 0 then excluded.own_shipping_minor
                                       else products.own_shipping_minor end,
             locked = coalesce(cast($18 as bigint), products.locked), dirty_at = excluded.dirty_at, updated_at = excluded.updated_at
         returning id, created_at, market, currency,
                   cast(case when cost_net is null and min_minor is null then 1 else 0 end as bigint) as floorless");
    SINCE = Sql::same("select created_at from products where id = $1");
    IN_MARKETS = Sql::same(
        "select market, currency, count(*) as products from products group by market, currency order by market, currency");
    FIRST = Sql::same("select created_at from products order by id limit 1");
    UNDER = Sql::same(
        "select created_at from products
         where category = $1 or substr(category, 1, length(cast($1 as text)) + 1) = cast($1 as text) || '/' limit 1");
    MARK_DIRTY = Sql::same(
        "update products set dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $2 end
         where id = $1 and (dirty_at is null or dirty_at > $2 or leased_until > 0)");
    MARK_ALL_DIRTY = Sql::same(
        "update products set dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $1 end
         where dirty_at is null or dirty_at > $1 or leased_until > 0");
    CLAIM_DIRTY = Sql::twin(
        "update products set leased_until = $2, dirty_at = $1
         where id in (select p.id from products p where p.dirty_at <= $1 and p.leased_until <= $1 order by p.dirty_at, p.id limit $3)
         returning *",
        "update products set leased_until = $2, dirty_at = $1
         where id in (select p.id from products p where p.dirty_at <= $1 and p.leased_until <= $1 order by p.dirty_at, p.id limit $3
                      for update skip locked)
         returning *");
    SETTLE = Sql::same(
        "update products set leased_until = 0, dirty_at = case when dirty_at <= $2 then $3 else dirty_at end where id = $1");
    REPRICE = Sql::same(
        "update products set own_minor = $2, version = version + 1, changed_at = $3, shelf_at = $3, updated_at = $3
         where id = $1 and version = $4
         returning version");
    BY_SKU = Sql::same("select * from products where sku = $1");
    BY_ID = Sql::same("select * from products where id = $1");
    PAGE = Sql::same("select * from products where id > $1 order by id limit $2");
    COUNT = Sql::same("select count(*) as n from products");
    NO_FLOOR = Sql::same("select count(*) as n from products where cost_net is null and min_minor is null");
    DOUBTED = Sql::same(
        "select count(*) as n from evaluations e join products p on p.id = e.product_id
         where e.doubted = 1 and e.evaluated_at > $1 and p.leased_until <= $2");
    NEXT_DIRTY = Sql::same("select min(dirty_at) as at from products where dirty_at is not null");
    SET_LOCKED = Sql::same("update products set locked = $2, dirty_at = $3, updated_at = $3 where sku = $1");
}

/// A product as stored. Prices are minor units of `currency`, gross; `cost_net` is a decimal text, net.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Product {
    pub id: i64,
    pub sku: String,
    pub title: String,
    pub brand: Option<String>,
    pub category: Option<String>,
    /// JSON array of texts.
    pub tags: String,
    pub gtin: Option<String>,
    pub market: String,
    pub currency: String,
    /// The price we ask now: imported first, then the last released decision.
    pub own_minor: i64,
    pub cost_net: Option<String>,
    pub regular_minor: Option<i64>,
    pub msrp_minor: Option<i64>,
    pub map_minor: Option<i64>,
    pub min_minor: Option<i64>,
    pub stock: Option<i64>,
    pub pack_qty: i64,
    pub vat_class: String,
    /// What our buyers pay for delivery; 0 is free, `None` is not known.
    pub own_shipping_minor: Option<i64>,
    /// When an import last named the cost.
    pub cost_at: Option<i64>,
    pub locked: i64,
    pub dirty_at: Option<i64>,
    /// Version of the last decision; 0 before the first.
    pub version: i64,
    pub changed_at: Option<i64>,
    /// When what a till is told of it last changed: the price, or a campaign that only some channels have.
    pub shelf_at: Option<i64>,
    /// When it was first imported.
    pub created_at: i64,
    /// Since when its amounts are in its present money and tax view; `None`: always. Older decisions are amounts of another.
    pub amounts_since: Option<i64>,
}

impl Product {
    /// Whether an amount of an instant is in the money and tax view that the product's amounts are in now, and may be compared
    /// with them.
    #[must_use]
    pub fn compares_with(&self, at: i64) -> bool {
        self.amounts_since.is_none_or(|since| at >= since)
    }
}

/// A product from an import.
#[derive(Debug, Clone, Default)]
pub struct Import {
    pub sku: String,
    pub title: String,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub tags: Vec<String>,
    pub gtin: Option<String>,
    pub market: String,
    pub currency: String,
    pub own_minor: i64,
    pub cost_net: Option<String>,
    pub regular_minor: Option<i64>,
    pub msrp_minor: Option<i64>,
    pub map_minor: Option<i64>,
    pub min_minor: Option<i64>,
    pub stock: Option<i64>,
    pub pack_qty: i64,
    pub vat_class: String,
    pub own_shipping_minor: Option<i64>,
    /// `None` leaves a lock as it is: a price set by hand must survive the nightly import.
    pub locked: Option<bool>,
    /// Competitor pages: competitor name, URL, host.
    pub pages: Vec<(String, String, String)>,
    /// What the file speaks of at all; the rest of a known product stays as it is.
    pub given: Given,
}

/// Columns of an import, a bit each in the order of [`Given::COLUMNS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given(i64);

impl Given {
    /// The columns that a known product takes over from a file; `UPSERT` counts on their order.
    pub const COLUMNS: [&str; 14] = [
        "title", "brand", "category", "tags", "gtin", "cost", "regular", "msrp", "map", "min", "stock", "pack", "vat",
        "shipping",
    ];

    /// Those of a header.
    #[must_use]
    pub fn of(header: &[String]) -> Self {
        let bit = |(at, column): (usize, &&str)| header.iter().any(|name| name == column).then_some(1_i64 << at);
        Self(Self::COLUMNS.iter().enumerate().filter_map(bit).sum())
    }

    const fn bits(self) -> i64 {
        self.0
    }
}

impl Default for Given {
    fn default() -> Self {
        Self((1 << Self::COLUMNS.len()) - 1)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Came {
    created_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Upserted {
    id: i64,
    created_at: i64,
    /// As they were stored first: an import changes neither.
    market: String,
    currency: String,
    /// 1 where neither cost nor minimum is known now.
    floorless: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Version {
    version: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

/// What an import changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    pub products: u64,
    pub new_products: u64,
    pub new_pages: u64,
    /// Products of earlier imports that this one does not name.
    pub not_named: i64,
    /// Products among those imported that have neither cost nor minimum now.
    pub without_floor: i64,
}

/// What helps somebody who wants to sell a product in another market, or in another money.
pub const ONE_MARKET: &str = "a SKU keeps its market and its currency: `omniprice product move --sku SKU --market ID --why \"...\"` takes it to another, to sell it in both give it another SKU there, or let that market be `derived_from` the first";

/// A product that an import names in another market, or another money, than it is priced in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    pub sku: String,
    /// Where it is priced, and in which ISO 4217 currency.
    pub market: String,
    pub currency: String,
}

/// Stores an import in one transaction: all rows or none.
///
/// An existing product keeps the price we ask now: that is decided here, not in a file that may be a day old. After new
/// ones every channel is searched at the next pass: until then no price of theirs can go there.
///
/// # Errors
/// [`StoreError::OtherMarket`] for products whose amounts would be read in another money, and the engine's own; nothing
/// is stored then.
pub async fn import(db: &Db, rows: Vec<Import>, now: Millis) -> Result<Imported, StoreError> {
    import_for(db, rows, vec![], now).await
}

/// The same where channels carry more of a product than its price: these are sent it again if its title, brand, number or
/// availability is another one now.
///
/// # Errors
/// As [`import`].
pub async fn import_for(
    db: &Db,
    rows: Vec<Import>,
    carriers: Vec<String>,
    now: Millis,
) -> Result<Imported, StoreError> {
    db.write((rows, carriers, now), |tx, (rows, carriers, now)| Box::pin(import_in(tx, rows, carriers, *now))).await
}

/// What [`import`] would change; nothing is stored.
///
/// # Errors
/// As [`import`].
pub async fn try_import(db: &Db, rows: Vec<Import>, now: Millis) -> Result<Imported, StoreError> {
    db.try_out((rows, now), |tx, (rows, now)| Box::pin(import_in(tx, rows, &[], *now))).await
}

async fn import_in(tx: &mut Tx, rows: &[Import], carriers: &[String], now: Millis) -> Result<Imported, StoreError> {
    let mut done = Imported::default();
    let mut elsewhere = Vec::new();
    for row in rows {
        let before = if carriers.is_empty() { None } else { Attributes::of(tx, &row.sku).await? };
        let Upserted { id, created_at, market, currency, floorless } = upsert(tx, row, now).await?;
        // A cost of 85 pounds is no cost of 85 euros.
        if market != row.market || currency != row.currency {
            elsewhere.push(Elsewhere { sku: row.sku.clone(), market, currency });
            continue;
        }
        attributes::imported(tx, (id, &row.sku), before, carriers, now).await?;
        done.products += 1;
        done.without_floor += floorless;
        done.new_products += u64::from(created_at == now.0);
        for (competitor, url, host) in &row.pages {
            done.new_pages += u64::from(super::targets::add(tx, id, competitor, url, host, now).await?);
        }
    }
    if !elsewhere.is_empty() {
        return Err(StoreError::OtherMarket(elsewhere));
    }
    if done.new_products > 0 {
        super::settings::renew_searches(tx).await?;
    }
    let Count { n } = tx.one(COUNT, args![]).await?;
    done.not_named = (n - i64::try_from(done.products).unwrap_or(i64::MAX)).max(0);
    Ok(done)
}

async fn upsert(tx: &mut Tx, row: &Import, now: Millis) -> Result<Upserted, StoreError> {
    let tags =
        serde_json::to_string(&row.tags).map_err(|e| StoreError::Corrupt { what: "tag list", why: e.to_string() })?;
    tx.one(
        UPSERT,
        args![
            row.sku.as_str(),
            row.title.as_str(),
            row.brand.as_deref(),
            row.category.as_deref(),
            tags,
            row.gtin.as_deref(),
            row.market.as_str(),
            row.currency.as_str(),
            row.own_minor,
            row.cost_net.as_deref(),
            row.regular_minor,
            row.msrp_minor,
            row.map_minor,
            row.min_minor,
            row.stock,
            row.pack_qty,
            row.vat_class.as_str(),
            row.locked.map(i64::from),
            now,
            row.own_shipping_minor,
            row.cost_net.as_ref().map(|_| now),
            row.given.bits()
        ],
    )
    .await
}

/// Asks for a decision at `at`; an earlier request stays.
///
/// # Errors
/// The engine's own.
pub async fn mark_dirty(tx: &mut Tx, id: i64, at: Millis) -> Result<(), StoreError> {
    tx.run(MARK_DIRTY, args![id, at]).await?;
    Ok(())
}

/// Asks for a decision on every product, after rules, config or rates changed.
///
/// # Errors
/// The engine's own.
pub async fn mark_all_dirty(db: &Db, now: Millis) -> Result<u64, StoreError> {
    db.write(now, |tx, now| Box::pin(async move { tx.run(MARK_ALL_DIRTY, args![*now]).await })).await
}

/// Leases products that wait for a decision. `dirty_at` becomes the instant of the claim, and every wish that comes in
/// until [`settle`] moves it past that: instants of wishes are older than their commit and tell nothing.
///
/// # Errors
/// The engine's own.
pub async fn claim_dirty(db: &Db, now: Millis, lease_until: Millis, limit: i64) -> Result<Vec<Product>, StoreError> {
    db.write((now, lease_until, limit), |tx, &(now, until, limit)| {
        Box::pin(async move { tx.all(CLAIM_DIRTY, args![now, until, limit]).await })
    })
    .await
}

/// Ends the lease of a decided product; asks again at `again_at`, unless something newer came in meanwhile.
///
/// # Errors
/// The engine's own.
pub async fn settle(tx: &mut Tx, id: i64, claimed_at: Millis, again_at: Option<Millis>) -> Result<(), StoreError> {
    tx.run(SETTLE, args![id, claimed_at, again_at]).await?;
    Ok(())
}

/// Sets the price we ask if `version` still is the newest; returns the new version, `None` if somebody was faster.
///
/// # Errors
/// The engine's own.
pub async fn reprice(tx: &mut Tx, id: i64, minor: i64, now: Millis, version: i64) -> Result<Option<i64>, StoreError> {
    let row: Option<Version> = tx.maybe(REPRICE, args![id, minor, now, version]).await?;
    Ok(row.map(|row| row.version))
}

/// A product by its SKU.
///
/// # Errors
/// The engine's own.
pub async fn by_sku(db: &Db, sku: &str) -> Result<Option<Product>, StoreError> {
    db.maybe(BY_SKU, args![sku]).await
}

/// A product inside a transaction: the freshest facts for the gate at the channel's door.
///
/// # Errors
/// The engine's own.
pub async fn in_tx(tx: &mut Tx, id: i64) -> Result<Option<Product>, StoreError> {
    tx.maybe(BY_ID, args![id]).await
}

/// A product by its id.
///
/// # Errors
/// The engine's own.
pub async fn by_id(db: &Db, id: i64) -> Result<Option<Product>, StoreError> {
    db.maybe(BY_ID, args![id]).await
}

/// Products after an id, in id order: walk a catalogue in pages.
///
/// # Errors
/// The engine's own.
pub async fn page(db: &Db, after_id: i64, limit: i64) -> Result<Vec<Product>, StoreError> {
    db.all(PAGE, args![after_id, limit]).await
}

/// When a product came.
///
/// # Errors
/// The engine's own.
pub async fn since(db: &Db, id: i64) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<Came>(SINCE, args![id]).await?.map(|row| Millis(row.created_at)))
}

/// When the first product came; none if there is none.
///
/// # Errors
/// The engine's own.
pub async fn first(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<Came>(FIRST, args![]).await?.map(|row| Millis(row.created_at)))
}

/// How many products of a market have prices in a currency.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct InMarket {
    pub market: String,
    pub currency: String,
    pub products: i64,
}

/// The currencies of our products by market.
///
/// # Errors
/// The engine's own.
pub async fn in_markets(db: &Db) -> Result<Vec<InMarket>, StoreError> {
    db.all(IN_MARKETS, args![]).await
}

/// Whether any product is in a category or below it.
///
/// # Errors
/// The engine's own.
pub async fn any_under(db: &Db, category: &str) -> Result<bool, StoreError> {
    Ok(db.maybe::<Came>(UNDER, args![category]).await?.is_some())
}

/// How many products there are.
///
/// # Errors
/// The engine's own.
pub async fn count(db: &Db) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(COUNT, args![]).await?.map_or(0, |row| row.n))
}

/// How many of them have neither a cost nor a minimum: they are watched, and no price of theirs goes out by itself.
///
/// # Errors
/// The engine's own.
pub async fn without_floor(db: &Db) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(NO_FLOOR, args![]).await?.map_or(0, |row| row.n))
}

/// How many products were held after an instant because a guard doubts the price, and are not being decided again now.
///
/// # Errors
/// The engine's own.
pub async fn doubted(db: &Db, since: Millis, now: Millis) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(DOUBTED, args![since, now]).await?.map_or(0, |row| row.n))
}

/// When the next decision is asked for.
///
/// # Errors
/// The engine's own.
pub async fn next_dirty(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(NEXT_DIRTY, args![]).await?.and_then(|row| row.at).map(Millis))
}

/// Locks or unlocks a product's price; 0 rows if the SKU is unknown.
///
/// # Errors
/// The engine's own.
pub async fn set_locked(db: &Db, sku: String, locked: bool, now: Millis) -> Result<u64, StoreError> {
    db.write((sku, locked, now), |tx, (sku, locked, now)| {
        Box::pin(async move { tx.run(SET_LOCKED, args![sku.as_str(), i64::from(*locked), *now]).await })
    })
    .await
}
