//! What is known against competitors: crawls that are not believed, and products on which we chase each other.

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;

statements! {
    CRAWL = Sql::same(
        "select t.id as target_id, n.verdict, n.price_minor, n.availability, n.first_seen,
                (select b.availability from observations b where b.target_id = t.id and b.id < n.id order by b.id desc limit 1) as before
         from targets t
         join observations n on n.id = (select max(x.id) from observations x where x.target_id = t.id)
         where t.competitor = $1 and t.checked_at > $2 order by t.checked_at desc limit $3");
    SUSPEND = Sql::same(
        "insert into suspensions (competitor, reason, created_at) values ($1, $2, $3)
         on conflict (competitor) where ended_at is null do nothing");
    DOUBT = Sql::same(
        "update observations set verdict = 'suspect', reason = 'competitor_suspended'
         where verdict = 'accepted' and first_seen > $2
           and target_id in (select t.id from targets t where t.competitor = $1)");
    DIRTY = Sql::same(
        "update products set dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $2 end
         where id in (select t.product_id from targets t where t.competitor = $1)
           and (dirty_at is null or dirty_at > $2 or leased_until > 0)");
    RESUME = Sql::same(
        "update suspensions set ended_at = $2, ended_by = $3, ended_why = $4 where competitor = $1 and ended_at is null");
    DUE = Sql::same("update targets set due_at = $2 where competitor = $1 and due_at > $2");
    SUSPENDED = Sql::same(
        "select competitor, reason, created_at from suspensions where ended_at is null order by competitor");
    RESUMED = Sql::same("select max(ended_at) as at from suspensions where competitor = $1");
    LIST = Sql::same(
        "select t.competitor, count(*) as pages,
                cast(coalesce(sum(case when t.outcome in ('product', 'not_modified', 'unchanged') then 1 else 0 end), 0) as bigint) as read,
                max(t.checked_at) as checked_at, max(s.reason) as suspended, max(s.created_at) as since,
                (select x.problem from targets x where x.competitor = t.competitor and x.problem is not null
                 order by x.checked_at desc, x.id desc limit 1) as problem,
                max(h.blocked_until) as blocked_until
         from targets t join hosts h on h.host = t.host
         left join suspensions s on s.competitor = t.competitor and s.ended_at is null
         group by t.competitor order by t.competitor limit $1");
    FAR = Sql::same(
        "select t.id as target_id, t.product_id, t.competitor, t.url, p.sku, p.market, p.vat_class, p.currency, p.own_minor,
                o.price_minor, o.reason, o.last_seen
         from targets t join products p on p.id = t.product_id
         join observations o on o.id = (
             select x.id from observations x where x.target_id = t.id and x.verdict = 'accepted' order by x.id desc limit 1)
         where o.currency = p.currency and o.price_minor > 0
           and (o.price_minor * 2 > p.own_minor * 3 or o.price_minor * 3 < p.own_minor * 2)
         order by t.id limit $1");
    NOTE = Sql::same(
        "insert into rivalries (product_id, competitor, kind, message, until_at, raised_at, created_at)
         values ($1, $2, $3, $4, $5, null, $6) returning id");
    OPEN = Sql::same(
        "select id, product_id, competitor, kind, message, until_at, raised_at, created_at from rivalries
         where product_id = $1 and until_at > $2 order by id");
    LAST_RAISE = Sql::same("select max(raised_at) as at from rivalries where product_id = $1");
    LAST_END = Sql::same("select max(until_at) as at from rivalries where product_id = $1 and until_at <= $2");
    RAISED = Sql::same("update rivalries set raised_at = $2 where id = $1");
    OVER = Sql::same(
        "select r.id, r.product_id, r.competitor, r.kind, r.message, r.until_at, r.raised_at, r.created_at from rivalries r
         join events e on e.dedupe = 'rivalry/' || cast(r.id as text) and e.resolved_at is null
         where r.until_at <= $1 order by r.id");
    NEWEST = Sql::same(
        "select r.kind, r.competitor, p.sku, r.message, r.created_at, r.until_at
         from rivalries r join products p on p.id = r.product_id where r.created_at > $1 order by r.id desc limit $2");
}

/// A page whose newest believed price is more than half as much again as ours, or less than two thirds of it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FarPage {
    pub target_id: i64,
    pub product_id: i64,
    pub competitor: String,
    pub url: String,
    pub sku: String,
    pub market: String,
    pub vat_class: String,
    /// Of both prices.
    pub currency: String,
    pub own_minor: i64,
    pub price_minor: i64,
    /// Why the price was believed.
    pub reason: String,
    pub last_seen: i64,
}

/// The newest run of a page in a crawl, and how available the goods were in the run before.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Crawled {
    pub target_id: i64,
    pub verdict: String,
    pub price_minor: Option<i64>,
    pub availability: String,
    pub first_seen: i64,
    pub before: Option<String>,
}

/// A competitor whose prices are not believed, and why.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Suspended {
    pub competitor: String,
    pub reason: String,
    pub created_at: i64,
}

/// A competitor with its pages: how many were read at their last check, and whether it is suspended.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Listed {
    pub competitor: String,
    pub pages: i64,
    pub read: i64,
    pub checked_at: Option<i64>,
    pub suspended: Option<String>,
    pub since: Option<i64>,
    /// Why one of its pages did not come at its last check.
    pub problem: Option<String>,
    /// Until when a host of it is left alone; 0 if none is.
    pub blocked_until: i64,
}

/// A price war, spiral or flip-flop that was noticed, and until when its answer stands.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Rivalry {
    pub id: i64,
    pub product_id: i64,
    pub competitor: String,
    pub kind: String,
    pub message: String,
    pub until_at: i64,
    /// When its answer raised our price.
    pub raised_at: Option<i64>,
    pub created_at: i64,
}

/// A rivalry with its product.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Named {
    pub kind: String,
    pub competitor: String,
    pub sku: String,
    pub message: String,
    pub created_at: i64,
    pub until_at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}
#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

/// The pages of a competitor that were checked after an instant, newest check first.
///
/// # Errors
/// The engine's own.
pub async fn crawl(db: &Db, competitor: &str, since: Millis, limit: i64) -> Result<Vec<Crawled>, StoreError> {
    db.all(CRAWL, args![competitor, since, limit]).await
}

/// Suspends a competitor: what was accepted after `since` is doubted, its products are decided again, and nothing new is
/// accepted until it is resumed. False if it is suspended already.
///
/// # Errors
/// The engine's own.
pub async fn suspend(
    db: &Db,
    competitor: String,
    reason: String,
    since: Millis,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((competitor, reason, since, now), |tx, (competitor, reason, since, now)| {
        Box::pin(async move {
            let new = tx.run(SUSPEND, args![competitor.as_str(), reason.as_str(), *now]).await? > 0;
            if new {
                tx.run(DOUBT, args![competitor.as_str(), *since]).await?;
                tx.run(DIRTY, args![competitor.as_str(), *now]).await?;
            }
            Ok(new)
        })
    })
    .await
}

/// Believes a competitor again and makes all its pages due; false if it was not suspended.
///
/// # Errors
/// The engine's own.
pub async fn resume(db: &Db, competitor: String, by: String, why: String, now: Millis) -> Result<bool, StoreError> {
    db.write((competitor, by, why, now), |tx, (competitor, by, why, now)| {
        Box::pin(async move {
            let was = tx.run(RESUME, args![competitor.as_str(), *now, by.as_str(), why.as_str()]).await? > 0;
            if was {
                tx.run(DUE, args![competitor.as_str(), *now]).await?;
            }
            Ok(was)
        })
    })
    .await
}

/// Competitors that are suspended now.
///
/// # Errors
/// The engine's own.
pub async fn suspended(db: &Db) -> Result<Vec<Suspended>, StoreError> {
    db.all(SUSPENDED, args![]).await
}

/// When a competitor was resumed last: an earlier crawl must not suspend it again.
///
/// # Errors
/// The engine's own.
pub async fn resumed_at(db: &Db, competitor: &str) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(RESUMED, args![competitor]).await?.and_then(|row| row.at).map(Millis))
}

/// All competitors with pages.
///
/// # Errors
/// The engine's own.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<Listed>, StoreError> {
    db.all(LIST, args![limit]).await
}

/// Notes a rivalry; returns its number.
///
/// # Errors
/// The engine's own.
pub async fn note(
    db: &Db,
    product_id: i64,
    competitor: String,
    kind: &'static str,
    message: String,
    until: Millis,
    now: Millis,
) -> Result<i64, StoreError> {
    db.write((product_id, competitor, kind, message, until, now), |tx, (id, competitor, kind, message, until, now)| {
        Box::pin(async move {
            let row: Id = tx.one(NOTE, args![*id, competitor.as_str(), *kind, message.as_str(), *until, *now]).await?;
            Ok(row.id)
        })
    })
    .await
}

/// Rivalries of a product whose answer still stands.
///
/// # Errors
/// The engine's own.
pub async fn open(db: &Db, product_id: i64, now: Millis) -> Result<Vec<Rivalry>, StoreError> {
    db.all(OPEN, args![product_id, now]).await
}

/// When an answer to a rivalry last raised a product's price.
///
/// # Errors
/// The engine's own.
pub async fn last_raise(db: &Db, product_id: i64) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(LAST_RAISE, args![product_id]).await?.and_then(|row| row.at).map(Millis))
}

/// When the answer to a product's last rivalry ended: what happened before says nothing new.
///
/// # Errors
/// The engine's own.
pub async fn last_end(db: &Db, product_id: i64, now: Millis) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(LAST_END, args![product_id, now]).await?.and_then(|row| row.at).map(Millis))
}

/// Notes that the answer to a rivalry raised our price.
///
/// # Errors
/// The engine's own.
pub async fn raised(db: &Db, id: i64, now: Millis) -> Result<(), StoreError> {
    db.write((id, now), |tx, &(id, now)| {
        Box::pin(async move {
            tx.run(RAISED, args![id, now]).await?;
            Ok(())
        })
    })
    .await
}

/// Rivalries whose answer has ended by an instant and whose event is still open.
///
/// # Errors
/// The engine's own.
pub async fn over(db: &Db, until: Millis) -> Result<Vec<Rivalry>, StoreError> {
    db.all(OVER, args![until]).await
}

/// Rivalries noticed after an instant, newest first.
///
/// # Errors
/// The engine's own.
pub async fn newest(db: &Db, since: Millis, limit: i64) -> Result<Vec<Named>, StoreError> {
    db.all(NEWEST, args![since, limit]).await
}

/// Pages whose newest believed price is far from ours, in our currency.
///
/// # Errors
/// The engine's own.
pub async fn far(db: &Db, limit: i64) -> Result<Vec<FarPage>, StoreError> {
    db.all(FAR, args![limit]).await
}
