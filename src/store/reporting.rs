//! What reports read besides the other files' tables: competing prices and our own over time, and what was limited.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    SEEN = Sql::same(
        "select t.product_id, o.target_id, t.competitor, o.price_minor, o.currency, o.availability, o.first_seen, o.last_seen
         from observations o join targets t on t.id = o.target_id
         where o.verdict = 'accepted' and o.price_minor is not null and o.last_seen >= $1
           and not exists (select 1 from events e where e.dedupe = 'match-review/' || cast(t.id as text) and e.resolved_at is null)
         order by o.target_id, o.id limit $2");
    DECIDED = Sql::same(
        "select product_id, previous_minor, price_minor, created_at from decisions
         where created_at >= $1 order by product_id, version limit $2");
    RECORD = Sql::same(
        "select d.record from decisions d join products p on p.id = d.product_id where p.sku = $1 and d.version = $2");
    SOLD_OUT = Sql::same(
        "select p.sku, p.title, t.competitor, o.first_seen
         from observations o join targets t on t.id = o.target_id join products p on p.id = t.product_id
         where o.availability = 'out_of_stock' and o.first_seen > $1 and o.first_seen <= $2
           and o.id = (select max(x.id) from observations x where x.target_id = t.id)
           and exists (select 1 from observations y where y.target_id = t.id and y.id < o.id and y.availability <> 'out_of_stock')
         order by o.first_seen desc, o.id desc limit $3");
    LIMITED = Sql::same(
        "select p.sku, p.title, p.id as product_id, e.flags, e.since from evaluations e join products p on p.id = e.product_id
         where e.flags like '%\"floor_applied\"%' or e.flags like '%\"no_affordable_competitor\"%'
         order by e.since desc, p.sku limit $1");
    LAST_PRICE = Sql::same("select max(last_seen) as at from observations where price_minor is not null");
    FIRST_PAGE = Sql::same("select min(created_at) as at from targets");
    FIRST_PRODUCT = Sql::same("select min(created_at) as at from products");
    MOVED_TWICE = Sql::same(
        "select t.product_id, t.competitor, count(*) as n
         from observations o join targets t on t.id = o.target_id
         where o.verdict = 'accepted' and o.price_minor is not null and o.first_seen > $1
         group by t.product_id, t.competitor having count(*) >= $2 order by t.product_id, t.competitor limit $3");
    OF_LISTINGS = Sql::same(
        "select e.dedupe, e.kind, l.id as listing_id, l.state
         from events e left join listings l on l.product_id = e.product_id and l.channel = e.channel
         where e.resolved_at is null and e.product_id is not null
           and e.kind in ('held_at_door', 'listing_parked', 'price_rejected', 'listing_lost', 'two_writers', 'drift')
         order by e.id limit $1");
    CAMPAIGN_STATE = Sql::same(
        "select l.channel, p.sku, count(*) as listings,
                cast(coalesce(sum(case when l.live_minor = s.campaign_minor then 1 else 0 end), 0) as bigint) as live,
                cast(coalesce(sum(case when l.state = 'unverified' and (l.live_minor is null or l.live_minor <> s.campaign_minor)
                    then 1 else 0 end), 0) as bigint) as unverified,
                cast(coalesce(sum(case when l.live_minor = s.campaign_minor and l.desired_minor <> s.campaign_minor
                    then 1 else 0 end), 0) as bigint) as still
         from strikes s join listings l on l.id = s.listing_id join products p on p.id = l.product_id
         where s.campaign_id = $1 group by l.channel, p.sku order by l.channel, p.sku limit $2");
    CAMPAIGN_SPANS = Sql::same(
        "select i.product_id, c.starts_at, c.ends_at from campaign_items i join campaigns c on c.id = i.campaign_id
         where c.ends_at > $1 order by i.product_id, c.starts_at limit $2");
    OLD_COSTS = Sql::same(
        "select sku, cost_at, count(*) over () as n from products
         where cost_net is not null and cost_at < $1 and locked = 0 and (stock is null or stock > 0)
         order by cost_at, id limit 1");
    HOSTS = Sql::same("select distinct host from targets order by host");
}

/// A competing price while it was seen.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SeenRow {
    pub product_id: i64,
    pub target_id: i64,
    pub competitor: String,
    pub price_minor: i64,
    pub currency: Option<String>,
    pub availability: String,
    pub first_seen: i64,
    pub last_seen: i64,
}

/// One of our price changes.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DecidedRow {
    pub product_id: i64,
    pub previous_minor: i64,
    pub price_minor: i64,
    pub created_at: i64,
}

/// A competitor that ran out of stock.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct SoldOut {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    pub first_seen: i64,
}

/// A product whose newest evaluation was limited by its floor, or whose target no price reaches.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Limited {
    pub sku: String,
    pub title: String,
    pub product_id: i64,
    /// JSON array of flags.
    pub flags: String,
    pub since: i64,
}

/// A competitor that moved a product's price often.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Restless {
    pub product_id: i64,
    pub competitor: String,
    pub n: i64,
}

/// An open event about a listing, with the state in which the listing is now; neither number nor state if it is gone.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListingEvent {
    pub dedupe: String,
    pub kind: String,
    pub listing_id: Option<i64>,
    pub state: Option<String>,
}

/// When a product was, or will be, in a campaign.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CampaignSpan {
    pub product_id: i64,
    pub starts_at: i64,
    pub ends_at: i64,
}

/// How far one channel shows a product of a campaign that has started.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CampaignState {
    pub channel: String,
    pub sku: String,
    pub listings: i64,
    /// Read back with the campaign's price.
    pub live: i64,
    /// Acknowledged by a channel that cannot be read.
    pub unverified: i64,
    /// Still shown although another price is wanted.
    pub still: i64,
}

/// The oldest purchase cost, and how many are as old or nearly so.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OldCosts {
    pub sku: String,
    /// When an import last named it.
    pub cost_at: i64,
    /// Products whose cost is older than what was asked for.
    pub n: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Record {
    record: String,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

/// Accepted competing prices last seen at or after an instant, page by page, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn seen(db: &Db, since: Millis, limit: i64) -> Result<Vec<SeenRow>, StoreError> {
    db.all(SEEN, args![since, limit]).await
}

/// Our price changes since an instant, product by product, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn decided(db: &Db, since: Millis, limit: i64) -> Result<Vec<DecidedRow>, StoreError> {
    db.all(DECIDED, args![since, limit]).await
}

/// The record of one decision.
///
/// # Errors
/// The engine's own.
pub async fn record(db: &Db, sku: &str, version: i64) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<Record>(RECORD, args![sku, version]).await?.map(|row| row.record))
}

/// Competitors that ran out of stock in `(from, until]` and still are.
///
/// # Errors
/// The engine's own.
pub async fn sold_out(db: &Db, from: Millis, until: Millis, limit: i64) -> Result<Vec<SoldOut>, StoreError> {
    db.all(SOLD_OUT, args![from, until, limit]).await
}

/// Products limited by their floor, newest first.
///
/// # Errors
/// The engine's own.
pub async fn limited(db: &Db, limit: i64) -> Result<Vec<Limited>, StoreError> {
    db.all(LIMITED, args![limit]).await
}

/// When a competing price was last seen anywhere; before the first one, since when there are pages to look at.
///
/// # Errors
/// The engine's own.
pub async fn last_price(db: &Db) -> Result<Option<Millis>, StoreError> {
    let seen = db.maybe::<At>(LAST_PRICE, args![]).await?.and_then(|row| row.at);
    let begun = db.maybe::<At>(FIRST_PAGE, args![]).await?.and_then(|row| row.at);
    // Without any page there is nothing to fetch, and nothing to complain about.
    Ok(begun.map(|begun| Millis(seen.unwrap_or(begun))))
}

/// When the first product came, before which there was nothing to tell of.
///
/// # Errors
/// The engine's own.
pub async fn begun(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(FIRST_PRODUCT, args![]).await?.and_then(|row| row.at).map(Millis))
}

/// Products and competitors with at least so many new prices since an instant.
///
/// # Errors
/// The engine's own.
pub async fn restless(db: &Db, since: Millis, at_least: i64, limit: i64) -> Result<Vec<Restless>, StoreError> {
    db.all(MOVED_TWICE, args![since, at_least, limit]).await
}

/// Open events about a listing's state, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn of_listings(db: &Db, limit: i64) -> Result<Vec<ListingEvent>, StoreError> {
    db.all(OF_LISTINGS, args![limit]).await
}

/// Every host that has a page to be looked at.
///
/// # Errors
/// The engine's own.
pub async fn hosts(db: &Db) -> Result<Vec<String>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        host: String,
    }
    let rows: Vec<Row> = db.all(HOSTS, args![]).await?;
    Ok(rows.into_iter().map(|row| row.host).collect())
}

/// How far each channel shows each product of a campaign that has started, by channel and SKU.
///
/// # Errors
/// The engine's own.
pub async fn campaign_state(db: &Db, campaign_id: i64, limit: i64) -> Result<Vec<CampaignState>, StoreError> {
    db.all(CAMPAIGN_STATE, args![campaign_id, limit]).await
}

/// The campaigns of every product that ended, or will end, after an instant; cancelled ones too, since they may have run.
///
/// # Errors
/// The engine's own.
pub async fn campaign_spans(db: &Db, since: Millis, limit: i64) -> Result<Vec<CampaignSpan>, StoreError> {
    db.all(CAMPAIGN_SPANS, args![since, limit]).await
}

/// Products with a purchase cost that was last named before an instant; `None` if there is none. Products that are sold
/// out or locked are not repriced and do not count.
///
/// # Errors
/// The engine's own.
pub async fn old_costs(db: &Db, before: Millis) -> Result<Option<OldCosts>, StoreError> {
    db.maybe(OLD_COSTS, args![before]).await
}
