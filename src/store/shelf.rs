//! What tills and shelf labels need beside our prices: until when a campaign keeps one, what it may be compared with, and
//! which prices are planned.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    // The newest change that can have no older neighbour any more, since transactions end in another order than they read
    // the clock.
    NEWEST = Sql::same(
        "select shelf_at, id from products where shelf_at <= $1 order by shelf_at desc, id desc limit 1");
    NOTE = Sql::same(
        "update products set shelf_at = $2
         where id in (select i.product_id from campaign_items i where i.campaign_id = $1)
           and (shelf_at is null or shelf_at < $2)");
    RUNNING = Sql::same(
        "select i.product_id, i.price_minor, c.starts_at, c.ends_at, c.channels, c.windows, c.audience
         from campaign_items i join campaigns c on c.id = i.campaign_id
         where i.product_id >= $1 and i.product_id <= $2 and c.phase in ('planned', 'running')
           and c.waits_until is null
           and c.starts_at <= $3 and c.ends_at > $3
         order by i.product_id, c.starts_at");
    REFERENCES = Sql::same(
        "select l.product_id, s.campaign_minor, min(coalesce(s.prior_minor, s.regular_minor)) as reference_minor,
                min(s.window_from) as window_from, min(s.announce) as announce,
                count(s.prior_minor) as with_prior
         from strikes s join campaigns c on c.id = s.campaign_id join listings l on l.id = s.listing_id
         join products p on p.id = l.product_id
         where l.product_id >= $1 and l.product_id <= $2 and c.phase in ('planned', 'running')
           and c.starts_at <= $3 and c.ends_at > $3 and s.currency = p.currency and l.decimals is null
           and (cast($4 as text) is null or l.channel = $4)
           and (case when $5 like '%,' || l.channel || ',%' then 1 else 0 end)
               = (case when $6 like '%,' || p.market || ',%' then 0 else 1 end)
         group by l.product_id, s.campaign_minor");
    PLANNED = Sql::same(
        "select p.id as product_id, p.sku, p.market, i.price_minor, i.currency, c.starts_at, c.ends_at, c.channels, c.windows,
                c.audience
         from campaign_items i join campaigns c on c.id = i.campaign_id join products p on p.id = i.product_id
         where (p.id > $1 or (p.id = $1 and c.starts_at > $2)) and c.phase in ('planned', 'running')
           and c.waits_until is null and c.starts_at > $3 and c.starts_at <= $4 and p.locked = 0
           and (p.min_minor is null or i.price_minor >= p.min_minor)
           and p.tags not like '%\"regulated-price\"%'
           and not exists (select 1 from overrides o
                           where o.product_id = p.id and o.ended_at is null
                             and (o.until_at is null or o.until_at > c.starts_at)
                             and (o.kind = 'lock' or o.currency = p.currency))
         order by p.id, c.starts_at limit $5");
}

/// A change of what a till is told of a product, as a place in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Change {
    /// UTC milliseconds.
    pub shelf_at: i64,
    /// The product.
    pub id: i64,
}

/// A campaign that runs for a product now.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Running {
    pub product_id: i64,
    /// Minor units of the product's currency.
    pub price_minor: i64,
    /// UTC milliseconds.
    pub starts_at: i64,
    /// Exclusive, UTC milliseconds.
    pub ends_at: i64,
    /// JSON array of channel names; empty: all.
    pub channels: String,
    /// Each channel's window, as a JSON object; none until they are settled.
    pub windows: Option<String>,
    /// Who it is for: `public` or `loyalty`.
    pub audience: String,
}

/// What our price may be compared with: one price for all channels, so the lowest of theirs (SEMANTICS section 3.3).
/// Amounts are minor units of the product's currency.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Reference {
    pub product_id: i64,
    /// The campaign's price.
    pub campaign_minor: i64,
    pub reference_minor: i64,
    /// The first instant whose price counted, UTC milliseconds.
    pub window_from: Option<i64>,
    /// 0 where one of the channels may not announce the reduction.
    pub announce: i64,
    /// On how many channels a law asked for the lowest price of a time before.
    pub with_prior: i64,
}

/// A price that a campaign plans.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Planned {
    pub product_id: i64,
    pub sku: String,
    pub market: String,
    pub price_minor: i64,
    pub currency: String,
    /// UTC milliseconds.
    pub starts_at: i64,
    /// Exclusive, UTC milliseconds.
    pub ends_at: i64,
    /// JSON array of channel names; empty: all.
    pub channels: String,
    /// Each channel's window, as a JSON object; none until they are settled.
    pub windows: Option<String>,
    /// Who it is for: `public` or `loyalty`.
    pub audience: String,
}

/// The newest change of a price up to an instant; none if no price ever changed.
///
/// # Errors
/// The engine's own.
pub async fn newest(db: &Db, until: Millis) -> Result<Option<Change>, StoreError> {
    db.maybe(NEWEST, args![until]).await
}

/// Campaigns that run now, for the products from one id to another.
///
/// # Errors
/// The engine's own.
pub async fn running(db: &Db, first: i64, last: i64, now: Millis) -> Result<Vec<Running>, StoreError> {
    db.all(RUNNING, args![first, last, now]).await
}

/// What the prices of running campaigns may be compared with, on one channel or on all that have them, for the products
/// from one id to another. Of channels whose amounts contain VAT (`views.0`) in markets whose amounts do, and of others in the
/// markets named in `views.1`, whose amounts do not: a price is compared with none of another view.
///
/// # Errors
/// The engine's own.
pub async fn references(
    db: &Db,
    first: i64,
    last: i64,
    now: Millis,
    channel: Option<&str>,
    (gross, net): (&[&str], &[&str]),
) -> Result<Vec<Reference>, StoreError> {
    let listed = |names: &[&str]| format!(",{},", names.join(","));
    db.all(REFERENCES, args![first, last, now, channel, listed(gross), listed(net)]).await
}

/// Notes that tills are told something else of a campaign's products, though their prices have not changed.
///
/// # Errors
/// The engine's own.
pub async fn note(db: &Db, campaign_id: i64, now: Millis) -> Result<(), StoreError> {
    db.write((campaign_id, now), |tx, &(campaign_id, now)| {
        Box::pin(async move {
            tx.run(NOTE, args![campaign_id, now]).await?;
            Ok(())
        })
    })
    .await
}

/// Prices that campaigns plan to begin after `now` and not after `until`, in the order of (product, start), from behind
/// such a pair. Left out is what would not begin: products that are locked, priced by a person or regulated at the start, and
/// prices below a product's minimum.
///
/// # Errors
/// The engine's own.
pub async fn planned(
    db: &Db,
    after: (i64, i64),
    now: Millis,
    until: Millis,
    limit: i64,
) -> Result<Vec<Planned>, StoreError> {
    db.all(PLANNED, args![after.0, after.1, now, until, limit]).await
}
