//! What reports read besides the other files' tables: competing prices and our own over time, and what was limited.

use super::StoreError;
use super::catalogue::OfferOf;
use super::db::{Db, Sql, args, statements};
use super::decisions::{NamedDecision, Review};
use crate::clock::Millis;

statements! {
    SEEN = Sql::same(
        "select t.product_id, o.id, t.competitor, t.id as target_id, o.outcome, o.verdict, o.reason, o.price_minor, o.currency,
                o.availability, case when o.verdict = 'accepted' then o.offer else '' end as offer, o.first_seen, o.last_seen,
                cast(null as text) as newest_availability,
                (select count(*) from events e where e.dedupe = 'match-review/' || cast(t.id as text) and e.resolved_at is null) as in_review
         from targets t
         join observations o on o.target_id = t.id and o.id >= coalesce(
             (select x.id from observations x where x.target_id = t.id and x.verdict = 'accepted' and x.last_seen < $3
              order by x.id desc limit 1), 0)
         where t.product_id > $1 and t.product_id <= $2
         order by t.product_id, t.id, o.id limit $4");
    DECIDED = Sql::same(
        "select d.product_id, d.previous_minor, d.price_minor, d.created_at
         from decisions d join products p on p.id = d.product_id
         where d.created_at >= $1 and d.created_at >= coalesce(p.amounts_since, 0) order by d.product_id, d.version limit $2");
    RECORD = Sql::same(
        "select d.record from decisions d join products p on p.id = d.product_id where p.sku = $1 and d.version = $2");
    CHANGES = Sql::same(
        "select d.product_id, p.sku, p.title, d.version, d.price_minor, d.previous_minor, d.currency, d.rule, d.actor, d.why, d.created_at,
                coalesce(p.amounts_since, 0) as money_since
         from decisions d join products p on p.id = d.product_id
         where d.created_at > $1 and d.created_at <= $2 order by d.created_at desc, d.id desc limit $3");
    REVIEWS = Sql::same(
        "select r.id, r.product_id, p.sku, p.title, r.price_minor, r.previous_minor, r.currency, r.rule, r.why, '' as record,
                r.facts_hash, r.state, r.first_by, r.first_why, r.first_at, r.settled_by, r.settled_why, r.settled_at, r.expires_at, r.created_at
         from reviews r join products p on p.id = r.product_id where r.state = 'open' order by r.created_at, r.id limit $1");
    PROPOSED = Sql::same("select record from reviews where id = $1");
    EVALUATED = Sql::same(
        "select e.product_id, case when e.outcome = 'review' and r.id is null then 'settled' else e.outcome end as outcome, e.flags
         from evaluations e left join reviews r on r.product_id = e.product_id and r.state = 'open' and r.expires_at > $1
         order by e.product_id limit $2");
    LISTED = Sql::same(
        "select product_id, channel, state, desired_at,
                case when live_at > desired_at then live_at - desired_at else cast(0 as bigint) end as ms,
                cast(case when verified_seq = desired_seq and state = 'verified' then 1 else 0 end as bigint) as live,
                cast(case when state = 'unverified' and sent_seq = desired_seq then 1 else 0 end as bigint) as unverified
         from listings where desired_seq > 0 order by channel, product_id, id limit $1");
    QUALITY = Sql::same(
        "select t.product_id, t.competitor, o.verdict, o.outcome, count(*) as n
         from targets t join observations o on o.target_id = t.id
         where t.product_id > $1 and t.product_id <= $2 and o.first_seen > $3
         group by t.product_id, t.competitor, o.verdict, o.outcome order by t.product_id, t.competitor, o.verdict, o.outcome
         limit $4");
    LIMITED = Sql::same(
        "select p.sku, p.title, p.id as product_id, p.own_minor, p.currency, e.price_minor, e.flags, e.since from evaluations e join products p on p.id = e.product_id
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
        "select e.dedupe, e.kind, l.id as listing_id, l.state, l.reason
         from events e left join listings l on l.product_id = e.product_id and l.channel = e.channel
         where e.resolved_at is null and e.product_id is not null
           and e.kind in ('held_at_door', 'not_sent', 'listing_parked', 'price_rejected', 'listing_lost', 'two_writers', 'drift')
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

/// One of our price changes.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DecidedRow {
    pub product_id: i64,
    pub previous_minor: i64,
    pub price_minor: i64,
    pub created_at: i64,
}

/// The newest evaluation of a product.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Evaluated {
    pub product_id: i64,
    pub outcome: String,
    /// JSON array of flags.
    pub flags: String,
}

/// How far one listing with a decision is.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Listed {
    pub product_id: i64,
    pub channel: String,
    pub state: String,
    /// Milliseconds from the wish to the read that proved it; meaningful where `live` is 1.
    pub ms: i64,
    pub desired_at: Option<i64>,
    /// 1 where it was read back at its newest decision.
    pub live: i64,
    /// 1 where a channel that cannot be read acknowledged it.
    pub unverified: i64,
}

/// How many runs of a product's pages at one competitor began with a verdict and an outcome.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Quality {
    pub product_id: i64,
    pub competitor: String,
    pub verdict: String,
    pub outcome: String,
    pub n: i64,
}

/// A product whose newest evaluation was limited by its floor, or whose target no price reaches.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Limited {
    pub sku: String,
    pub title: String,
    pub product_id: i64,
    /// What we ask, and what the newest evaluation would, in minor units of the product's currency.
    pub own_minor: i64,
    pub currency: String,
    pub price_minor: Option<i64>,
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
    pub reason: Option<String>,
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

/// Every run of the pages of products in `(after, until]` from the last believed price before an instant on: page by page,
/// oldest first. What was not believed is there for the availability that it tells, without its offer.
///
/// # Errors
/// The engine's own.
pub async fn seen(db: &Db, after: i64, until: i64, since: Millis, limit: i64) -> Result<Vec<OfferOf>, StoreError> {
    db.all(SEEN, args![after, until, since, limit]).await
}

/// Our price changes in `(from, until]`, newest first, without their records.
///
/// # Errors
/// The engine's own.
pub async fn changes(db: &Db, from: Millis, until: Millis, limit: i64) -> Result<Vec<NamedDecision>, StoreError> {
    db.all(CHANGES, args![from, until, limit]).await
}

/// Proposals that wait for a person, oldest first, without their records.
///
/// # Errors
/// The engine's own.
pub async fn reviews(db: &Db, limit: i64) -> Result<Vec<Review>, StoreError> {
    db.all(REVIEWS, args![limit]).await
}

/// The record of one proposal.
///
/// # Errors
/// The engine's own.
pub async fn proposed(db: &Db, review_id: i64) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<Record>(PROPOSED, args![review_id]).await?.map(|row| row.record))
}

/// The outcome of every product's newest evaluation with its flags. A proposal that nobody is asked about at `now`, because
/// it was turned down or has expired, is `settled` and not in review.
///
/// # Errors
/// The engine's own.
pub async fn evaluated(db: &Db, now: Millis, limit: i64) -> Result<Vec<Evaluated>, StoreError> {
    db.all(EVALUATED, args![now, limit]).await
}

/// How far every listing with a decision is, channel by channel.
///
/// # Errors
/// The engine's own.
pub async fn listed(db: &Db, limit: i64) -> Result<Vec<Listed>, StoreError> {
    db.all(LISTED, args![limit]).await
}

/// Runs of products in `(after, until]` that began after an instant, by competitor, verdict and outcome.
///
/// # Errors
/// The engine's own.
pub async fn quality(db: &Db, after: i64, until: i64, since: Millis, limit: i64) -> Result<Vec<Quality>, StoreError> {
    db.all(QUALITY, args![after, until, since, limit]).await
}

/// Our price changes since an instant, product by product, oldest first; none from before a product went into another money.
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
