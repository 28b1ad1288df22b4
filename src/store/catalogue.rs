//! What a run over the whole catalogue reads: everything about a range of products in one statement per table, where
//! asking product by product would take most of the time.
//!
//! A range is `(after, until]` of product ids. Each row names its product; rows of one product follow each other.

use super::StoreError;
use super::campaigns;
use super::db::{Db, Sql, args, statements};
use super::observations::Latest;
use super::overrides::Override;
use crate::clock::Millis;

statements! {
    OFFERS = Sql::same(
        "select t.product_id, o.id, t.competitor, t.id as target_id, o.outcome, o.verdict, o.reason, o.price_minor, o.currency,
                o.availability, o.offer, o.first_seen, o.last_seen,
                (select n.availability from observations n where n.target_id = t.id order by n.id desc limit 1) as newest_availability,
                (select count(*) from events e where e.dedupe = 'match-review/' || cast(t.id as text) and e.resolved_at is null) as in_review
         from targets t
         join observations o on o.id = (
             select x.id from observations x where x.target_id = t.id and x.verdict = 'accepted' order by x.id desc limit 1)
         where t.product_id > $1 and t.product_id <= $2
         order by t.product_id, t.competitor, t.id");
    RUNS = Sql::same(
        "select t.product_id, o.id, t.id as target_id, t.competitor, o.price_minor, o.currency, o.availability,
                o.first_seen, o.last_seen
         from targets t join observations o on o.target_id = t.id
         where t.product_id > $1 and t.product_id <= $2 and o.last_seen >= $3
           and o.verdict = 'accepted' and o.price_minor is not null
         order by t.product_id, o.first_seen desc, o.id desc");
    DECIDED = Sql::same(
        "select d.product_id, d.previous_minor, d.created_at from decisions d join products p on p.id = d.product_id
         where d.product_id > $1 and d.product_id <= $2 and d.created_at >= $3 and d.created_at >= coalesce(p.amounts_since, 0)
         order by d.product_id, d.version");
    SET = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.product_id > $1 and o.product_id <= $2 and o.ended_at is null
           and (o.until_at is null or o.until_at > $3) order by o.product_id, o.kind");
    CAMPAIGNS = Sql::same(
        "select i.product_id, c.id, c.name, c.starts_at, c.ends_at, c.channels, c.announce, c.windows,
                i.price_minor, i.currency, c.created_at, c.audience
         from campaign_items i join campaigns c on c.id = i.campaign_id
         where i.product_id > $1 and i.product_id <= $2 and c.phase in ('planned', 'running')
           and c.waits_until is null and c.ends_at > $3
         order by i.product_id, c.starts_at, c.id");
    SET_DURING = Sql::same(
        "select o.*, p.sku, p.title from overrides o join products p on p.id = o.product_id
         where o.product_id > $1 and o.product_id <= $2 and o.created_at <= $4
           and (o.ended_at is null or o.ended_at > $3) and (o.until_at is null or o.until_at > $3)
         order by o.product_id, o.id");
    CAMPAIGNS_DURING = Sql::same(
        "select i.product_id, c.id, c.name, c.starts_at,
                case when c.ended_at < c.ends_at then c.ended_at else c.ends_at end as ends_at, c.channels, c.announce, c.windows,
                i.price_minor, i.currency, c.created_at, c.audience
         from campaign_items i join campaigns c on c.id = i.campaign_id
         where i.product_id > $1 and i.product_id <= $2 and c.starts_at <= $4 and c.ends_at > $3
           and c.waits_until is null and (c.ended_at is null or c.ended_at > $3 and c.ended_at > c.starts_at)
         order by i.product_id, c.starts_at, c.id");
    RECORDS = Sql::same(
        "select product_id, record from evaluations where product_id > $1 and product_id <= $2 order by product_id");
    FIRST_RUN = Sql::same("select min(first_seen) as at from observations");
}

/// The newest accepted run of one of a product's pages.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OfferOf {
    pub product_id: i64,
    #[sqlx(flatten)]
    pub latest: Latest,
}

/// An accepted run with as much as a replay needs.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RunOf {
    pub product_id: i64,
    pub id: i64,
    pub target_id: i64,
    pub competitor: String,
    pub price_minor: i64,
    pub currency: Option<String>,
    pub availability: String,
    pub first_seen: i64,
    pub last_seen: i64,
}

/// A decision's price before it, and when it was made.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DecidedOf {
    pub product_id: i64,
    pub previous_minor: i64,
    pub created_at: i64,
}

/// A campaign as one product sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CampaignOf {
    pub product_id: i64,
    #[sqlx(flatten)]
    pub campaign: campaigns::OfProduct,
}

/// The record of a product's newest evaluation, as JSON.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RecordOf {
    pub product_id: i64,
    pub record: String,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

/// What rules may see of the markets of a range of products.
///
/// # Errors
/// The engine's own.
pub async fn offers(db: &Db, after: i64, until: i64) -> Result<Vec<OfferOf>, StoreError> {
    db.all(OFFERS, args![after, until]).await
}

/// Accepted prices of a range that were still seen after an instant, the newest of each product first.
///
/// # Errors
/// The engine's own.
pub async fn runs(db: &Db, after: i64, until: i64, since: Millis) -> Result<Vec<RunOf>, StoreError> {
    db.all(RUNS, args![after, until, since]).await
}

/// Decisions of a range since an instant, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn decided(db: &Db, after: i64, until: i64, since: Millis) -> Result<Vec<DecidedOf>, StoreError> {
    db.all(DECIDED, args![after, until, since]).await
}

/// What people have set on a range of products.
///
/// # Errors
/// The engine's own.
pub async fn set(db: &Db, after: i64, until: i64, now: Millis) -> Result<Vec<Override>, StoreError> {
    db.all(SET, args![after, until, now]).await
}

/// Campaigns of a range that run now or later, earliest first.
///
/// # Errors
/// The engine's own.
pub async fn campaigns(db: &Db, after: i64, until: i64, now: Millis) -> Result<Vec<CampaignOf>, StoreError> {
    db.all(CAMPAIGNS, args![after, until, now]).await
}

/// What people had set on a range of products at some time of a window, oldest first, ended or not.
///
/// # Errors
/// The engine's own.
pub async fn set_during(
    db: &Db,
    after: i64,
    until: i64,
    (since, end): (Millis, Millis),
) -> Result<Vec<Override>, StoreError> {
    db.all(SET_DURING, args![after, until, since, end]).await
}

/// Campaigns of a range that ran at some time of a window, earliest first; each ends where it really did.
///
/// # Errors
/// The engine's own.
pub async fn campaigns_during(
    db: &Db,
    after: i64,
    until: i64,
    (since, end): (Millis, Millis),
) -> Result<Vec<CampaignOf>, StoreError> {
    db.all(CAMPAIGNS_DURING, args![after, until, since, end]).await
}

/// The records of the newest evaluations of a range.
///
/// # Errors
/// The engine's own.
pub async fn records(db: &Db, after: i64, until: i64) -> Result<Vec<RecordOf>, StoreError> {
    db.all(RECORDS, args![after, until]).await
}

/// When the first price was ever seen: how much history there is.
///
/// # Errors
/// The engine's own.
pub async fn first_seen(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(FIRST_RUN, args![]).await?.and_then(|row| row.at).map(Millis))
}
