//! Price history as runs: an unchanged check extends the current run in place, only a change adds a row.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use crate::clock::Millis;

statements! {
    CURRENT = Sql::same(
        "select id, outcome, verdict, price_minor, currency, availability
         from observations where target_id = $1 order by id desc limit 1");
    EXTEND = Sql::same("update observations set last_seen = $2, checks = checks + 1 where id = $1");
    EXTEND_SEEN = Sql::same(
        "update observations set last_seen = $2, checks = checks + 1, reason = $3, body_hash = $4 where id = $1");
    INSERT = Sql::same(
        "insert into observations
             (target_id, outcome, verdict, reason, price_minor, currency, list_minor, availability, offer, evidence,
              body_hash, first_seen, last_seen, checks)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1)
         returning id");
    ACCEPTED = Sql::same(
        "select id, outcome, verdict, reason, price_minor, currency, availability, offer, first_seen, last_seen, checks
         from observations where target_id = $1 and verdict = 'accepted' order by id desc limit $2");
    RECENT = Sql::same(
        "select id, outcome, verdict, reason, price_minor, currency, availability, offer, first_seen, last_seen, checks
         from observations where target_id = $1 order by id desc limit $2");
    LATEST_OF_PRODUCT = Sql::same(
        "select o.id, t.competitor, t.id as target_id, o.outcome, o.verdict, o.reason, o.price_minor, o.currency,
                o.availability, o.offer, o.first_seen, o.last_seen,
                (select n.availability from observations n where n.target_id = t.id order by n.id desc limit 1) as newest_availability,
                (select count(*) from events e where e.dedupe = 'match-review/' || cast(t.id as text) and e.resolved_at is null) as in_review
         from targets t
         join observations o on o.id = (
             select max(x.id) from observations x where x.target_id = t.id and x.verdict = 'accepted')
         where t.product_id = $1
         order by t.competitor, t.id");
    EVIDENCE = Sql::same(
        "select o.id, t.url, t.competitor, o.outcome, o.verdict, o.reason, o.price_minor, o.currency, o.evidence,
                o.body_hash, o.first_seen, o.last_seen, o.checks
         from observations o join targets t on t.id = o.target_id where o.id = $1");
    HISTORY_OF_PRODUCT = Sql::same(
        "select o.id, t.url, t.competitor, o.outcome, o.verdict, o.reason, o.price_minor, o.currency, o.evidence,
                o.body_hash, o.first_seen, o.last_seen, o.checks
         from observations o join targets t on t.id = o.target_id
         where t.product_id = $1 and o.last_seen >= $2
         order by o.first_seen desc, t.competitor, t.url, o.id desc limit $3");
    MOVES = Sql::same(
        "select p.sku, p.title, t.competitor, o.currency, o.price_minor as new_minor,
                (select x.price_minor from observations x
                 where x.target_id = o.target_id and x.id < o.id and x.verdict = 'accepted' and x.price_minor is not null
                 order by x.id desc limit 1) as old_minor, o.first_seen
         from observations o join targets t on t.id = o.target_id join products p on p.id = t.product_id
         where o.verdict = 'accepted' and o.price_minor is not null and o.first_seen > $1 and o.first_seen <= $2
         order by o.first_seen desc, o.id desc limit $3");
    COUNTS = Sql::same("select verdict, count(*) as n from observations where first_seen > $1 group by verdict order by verdict");
    QUARANTINED = Sql::same(
        "select p.sku, p.title, t.competitor, t.url, o.id, o.verdict, o.reason, o.price_minor, o.currency, o.last_seen
         from observations o join targets t on t.id = o.target_id join products p on p.id = t.product_id
         where o.verdict in ('suspect', 'quarantined')
           and o.id = (select max(x.id) from observations x where x.target_id = t.id)
         order by o.last_seen desc, o.id desc limit $1");
}

/// What one check saw, judged.
#[derive(Debug, Clone)]
pub struct New {
    /// `extract::Outcome` in snake case.
    pub outcome: String,
    /// `accepted`, `suspect`, `quarantined`, `rejected`, or `none` where there was nothing to judge.
    pub verdict: &'static str,
    pub reason: String,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub list_minor: Option<i64>,
    pub availability: String,
    /// The whole offer as JSON.
    pub offer: String,
    /// Where the number came from, as JSON.
    pub evidence: String,
    pub body_hash: Option<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct Current {
    id: i64,
    outcome: String,
    verdict: String,
    price_minor: Option<i64>,
    currency: Option<String>,
    availability: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

/// A run of equal checks of one page.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Run {
    pub id: i64,
    pub outcome: String,
    pub verdict: String,
    pub reason: String,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub availability: String,
    pub offer: String,
    pub first_seen: i64,
    pub last_seen: i64,
    pub checks: i64,
}

/// The newest accepted run of each of a product's pages: what rules may see.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Latest {
    pub id: i64,
    pub competitor: String,
    pub target_id: i64,
    pub outcome: String,
    pub verdict: String,
    pub reason: String,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub availability: String,
    pub offer: String,
    pub first_seen: i64,
    pub last_seen: i64,
    /// Availability of the newest run, which may be younger than the newest accepted price: a page that sold out
    /// and hides its price must not count as in stock at the old one.
    pub newest_availability: Option<String>,
    /// 1 while the page is probably of another variant; then its offer does not count.
    pub in_review: i64,
}

/// A run with where it came from.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Evidence {
    pub id: i64,
    pub url: String,
    pub competitor: String,
    pub outcome: String,
    pub verdict: String,
    pub reason: String,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub evidence: String,
    pub body_hash: Option<String>,
    pub first_seen: i64,
    pub last_seen: i64,
    pub checks: i64,
}

/// A competitor's price that changed; `old_minor` is empty for a first sighting.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Move {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    pub currency: Option<String>,
    pub new_minor: i64,
    pub old_minor: Option<i64>,
    pub first_seen: i64,
}

/// How many runs began with a verdict.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct VerdictCount {
    pub verdict: String,
    pub n: i64,
}

/// A page whose newest price waits for confirmation or a person.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Waiting {
    pub sku: String,
    pub title: String,
    pub competitor: String,
    pub url: String,
    pub id: i64,
    pub verdict: String,
    pub reason: String,
    pub price_minor: Option<i64>,
    pub currency: Option<String>,
    pub last_seen: i64,
}

/// Extends the current run if the check equals it, else begins a new one; returns the run's id.
///
/// # Errors
/// The engine's own.
pub async fn extend_or_insert(tx: &mut Tx, target_id: i64, new: &New, now: Millis) -> Result<i64, StoreError> {
    let current: Option<Current> = tx.maybe(CURRENT, args![target_id]).await?;
    if let Some(current) = current
        && current.outcome == new.outcome
        && current.verdict == new.verdict
        && current.price_minor == new.price_minor
        && current.currency == new.currency
        && current.availability == new.availability
    {
        tx.run(EXTEND_SEEN, args![current.id, now, new.reason.as_str(), new.body_hash.as_deref()]).await?;
        return Ok(current.id);
    }
    let row: Id = tx
        .one(
            INSERT,
            args![
                target_id,
                new.outcome.as_str(),
                new.verdict,
                new.reason.as_str(),
                new.price_minor,
                new.currency.as_deref(),
                new.list_minor,
                new.availability.as_str(),
                new.offer.as_str(),
                new.evidence.as_str(),
                new.body_hash.as_deref(),
                now
            ],
        )
        .await?;
    Ok(row.id)
}

/// Extends the current run after a 304 or an identical body; `None` if there is no run yet.
///
/// # Errors
/// The engine's own.
pub async fn extend_current(tx: &mut Tx, target_id: i64, now: Millis) -> Result<Option<i64>, StoreError> {
    let current: Option<Current> = tx.maybe(CURRENT, args![target_id]).await?;
    if let Some(current) = &current {
        tx.run(EXTEND, args![current.id, now]).await?;
    }
    Ok(current.map(|current| current.id))
}

/// Accepted runs of a page, newest first.
///
/// # Errors
/// The engine's own.
pub async fn accepted(db: &Db, target_id: i64, limit: i64) -> Result<Vec<Run>, StoreError> {
    db.all(ACCEPTED, args![target_id, limit]).await
}

/// All runs of a page, newest first.
///
/// # Errors
/// The engine's own.
pub async fn recent(db: &Db, target_id: i64, limit: i64) -> Result<Vec<Run>, StoreError> {
    db.all(RECENT, args![target_id, limit]).await
}

/// What rules may see of a product's market.
///
/// # Errors
/// The engine's own.
pub async fn latest_of_product(db: &Db, product_id: i64) -> Result<Vec<Latest>, StoreError> {
    db.all(LATEST_OF_PRODUCT, args![product_id]).await
}

/// One run with its evidence.
///
/// # Errors
/// The engine's own.
pub async fn evidence(db: &Db, id: i64) -> Result<Option<Evidence>, StoreError> {
    db.maybe(EVIDENCE, args![id]).await
}

/// Runs of all pages of a product since an instant, newest first.
///
/// # Errors
/// The engine's own.
pub async fn history_of_product(
    db: &Db,
    product_id: i64,
    since: Millis,
    limit: i64,
) -> Result<Vec<Evidence>, StoreError> {
    db.all(HISTORY_OF_PRODUCT, args![product_id, since, limit]).await
}

/// Accepted prices that began in `(from, until]`, with the accepted price before each.
///
/// # Errors
/// The engine's own.
pub async fn moves(db: &Db, from: Millis, until: Millis, limit: i64) -> Result<Vec<Move>, StoreError> {
    db.all(MOVES, args![from, until, limit]).await
}

/// Runs begun after an instant, by verdict.
///
/// # Errors
/// The engine's own.
pub async fn verdict_counts(db: &Db, after: Millis) -> Result<Vec<VerdictCount>, StoreError> {
    db.all(COUNTS, args![after]).await
}

/// Pages whose newest price is not trusted.
///
/// # Errors
/// The engine's own.
pub async fn waiting(db: &Db, limit: i64) -> Result<Vec<Waiting>, StoreError> {
    db.all(QUARANTINED, args![limit]).await
}
