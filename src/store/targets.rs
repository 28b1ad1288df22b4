//! Competitor pages: which are due, whose host may be asked now, and what a finished check leaves behind.

use super::db::{Db, Sql, Tx, args, statements};
use super::{StoreError, observations};
use crate::clock::Millis;

statements! {
    ADD_HOST = Sql::same(
        "insert into hosts (host, next_allowed_at, leased_until, lease_token, delay_ms, failures, blocked_until, created_at)
         values ($1, 0, 0, 0, 0, 0, 0, $2)
         on conflict (host) do nothing");
    ADD = Sql::same(
        "insert into targets (product_id, competitor, url, host, due_at, attempts, created_at)
         values ($1, $2, $3, $4, $5, 0, $5)
         on conflict (product_id, url) do nothing
         returning id");
    CLAIM_HOSTS = Sql::twin(
        "update hosts set leased_until = $2, lease_token = lease_token + 1
         where host in (
             select h.host from hosts h
             where h.next_allowed_at <= $1 and h.leased_until <= $1 and h.blocked_until <= $1
               and exists (select 1 from targets t where t.host = h.host and t.due_at <= $1)
             order by h.next_allowed_at, h.host
             limit $3)
         returning host, lease_token, delay_ms, failures, robots_state, robots_text, robots_at",
        "update hosts set leased_until = $2, lease_token = lease_token + 1
         where host in (
             select h.host from hosts h
             where h.next_allowed_at <= $1 and h.leased_until <= $1 and h.blocked_until <= $1
               and exists (select 1 from targets t where t.host = h.host and t.due_at <= $1)
             order by h.next_allowed_at, h.host
             limit $3
             for update skip locked)
         returning host, lease_token, delay_ms, failures, robots_state, robots_text, robots_at");
    TAKE_DUE = Sql::same(
        "update targets set attempts = attempts + 1
         where id in (select t.id from targets t where t.host = $1 and t.due_at <= $2 order by t.due_at, t.id limit $3)
         returning id, product_id, competitor, url, host, attempts, etag, last_modified, body_hash");
    RESCHEDULE = Sql::same(
        "update targets
         set due_at = $2, attempts = 0, outcome = $3, checked_at = $4,
             etag = $5, last_modified = $6, body_hash = $7, problem = $8
         where id = $1");
    DEFER = Sql::same("update targets set due_at = $2, attempts = 0, outcome = $3 where id = $1");
    PUT_BACK = Sql::same("update targets set attempts = attempts - 1 where id = $1 and attempts > 0");
    RENEW_HOST = Sql::same(
        "update hosts
         set leased_until = $3, next_allowed_at = $4, delay_ms = $5, failures = $6, blocked_until = $7
         where host = $1 and lease_token = $2");
    KEEP_ROBOTS = Sql::same(
        "update hosts set robots_state = $3, robots_text = $4, robots_at = $5 where host = $1 and lease_token = $2");
    NEXT_DUE = Sql::same(
        "select min(case when t.due_at > h.next_allowed_at then
                        case when t.due_at > h.blocked_until then t.due_at else h.blocked_until end
                    else
                        case when h.next_allowed_at > h.blocked_until then h.next_allowed_at else h.blocked_until end
                    end) as at
         from targets t join hosts h on h.host = t.host");
    DUE_NOW = Sql::same("update targets set due_at = $1 where due_at > $1 and (cast($2 as text) is null or competitor = $2)");
    HASTEN = Sql::same("update targets set due_at = $2 where product_id = $1 and due_at > $2");
    RETRY_HOSTS = Sql::same(
        "update hosts
         set failures = 0, blocked_until = 0, robots_at = case when robots_state = 'disallow' then null else robots_at end
         where host in (select t.host from targets t where t.competitor = $1)");
    COUNT_DUE = Sql::same("select count(*) as n from targets where due_at <= $1");
    BY_PRODUCT = Sql::same(
        "select id, competitor, url, host, due_at, outcome, checked_at from targets where product_id = $1 order by competitor, url");
    UNHEALTHY = Sql::same(
        "select competitor, outcome, count(*) as n, max(problem) as problem from targets
         where outcome is not null and outcome not in ('product', 'not_modified', 'unchanged')
         group by competitor, outcome order by n desc, competitor, outcome limit $1");
    UNHEALTHY_PAGES = Sql::same(
        "select product_id, competitor, outcome, problem from targets
         where outcome is not null and outcome not in ('product', 'not_modified', 'unchanged') order by id limit $1");
}

/// A host whose lease this worker holds until it is renewed or given back.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HostLease {
    pub host: String,
    pub lease_token: i64,
    pub delay_ms: i64,
    pub failures: i64,
    pub robots_state: Option<String>,
    pub robots_text: Option<String>,
    pub robots_at: Option<i64>,
}

/// A page that is due, with what the last check left for revalidation.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DueTarget {
    pub id: i64,
    pub product_id: i64,
    pub competitor: String,
    pub url: String,
    pub host: String,
    /// Counted when taken, not when finished, so that a page that kills the worker is noticed.
    pub attempts: i64,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub body_hash: Option<String>,
}

/// A host with its due pages.
#[derive(Debug, Clone)]
pub struct Claim {
    pub lease: HostLease,
    pub targets: Vec<DueTarget>,
}

/// Where a finished check moves the host: pace and back-off, seen by every worker.
#[derive(Debug, Clone)]
pub struct HostPace {
    pub host: String,
    pub lease_token: i64,
    /// 0 gives the lease back.
    pub leased_until: Millis,
    pub next_allowed_at: Millis,
    pub delay_ms: i64,
    pub failures: i64,
    pub blocked_until: Millis,
}

/// A check to be written down.
#[derive(Debug, Clone)]
pub struct Checked {
    pub target_id: i64,
    pub product_id: i64,
    pub outcome: String,
    pub now: Millis,
    pub due_at: Millis,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub body_hash: Option<String>,
    /// Why no page came.
    pub problem: Option<String>,
    /// `None` when the page was not modified: the current run is extended as it is.
    pub observation: Option<observations::New>,
    /// Decide again for this product: something that rules may see has changed.
    pub dirty: bool,
    pub pace: Option<HostPace>,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    #[expect(dead_code, reason = "only its presence matters")]
    id: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}

/// A competitor page as `explain` and `check` show it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct TargetRow {
    pub id: i64,
    pub competitor: String,
    pub url: String,
    pub host: String,
    pub due_at: i64,
    pub outcome: Option<String>,
    pub checked_at: Option<i64>,
}

/// How many pages of a competitor end in an outcome that is no price.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Unhealthy {
    pub competitor: String,
    pub outcome: String,
    pub n: i64,
    /// The cause of one of them, where no page came at all.
    pub problem: Option<String>,
}

/// A page that ended in an outcome that is no price.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UnhealthyPage {
    pub product_id: i64,
    pub competitor: String,
    pub outcome: String,
    pub problem: Option<String>,
}

/// Adds a page unless the product already has it; true if it is new.
///
/// # Errors
/// The engine's own.
pub async fn add(
    tx: &mut Tx,
    product_id: i64,
    competitor: &str,
    url: &str,
    host: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    tx.run(ADD_HOST, args![host, now]).await?;
    let added: Option<Id> = tx.maybe(ADD, args![product_id, competitor, url, host, now]).await?;
    Ok(added.is_some())
}

/// Leases up to `hosts` hosts that may be asked now and takes up to `pages` due pages of each.
///
/// # Errors
/// The engine's own.
pub async fn claim(
    db: &Db,
    now: Millis,
    lease_until: Millis,
    hosts: i64,
    pages: i64,
) -> Result<Vec<Claim>, StoreError> {
    db.write((now, lease_until, hosts, pages), |tx, &(now, lease_until, hosts, pages)| {
        Box::pin(async move {
            let leases: Vec<HostLease> = tx.all(CLAIM_HOSTS, args![now, lease_until, hosts]).await?;
            let mut claims = Vec::with_capacity(leases.len());
            for lease in leases {
                let targets = tx.all(TAKE_DUE, args![lease.host.as_str(), now, pages]).await?;
                claims.push(Claim { lease, targets });
            }
            Ok(claims)
        })
    })
    .await
}

/// What became of a recorded check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The observation run, if the page ever had one.
    pub run: Option<i64>,
    /// False: the host's lease was lost; stop asking it.
    pub host_is_ours: bool,
}

/// Writes a batch of checks in one transaction; results in order.
///
/// # Errors
/// The engine's own.
pub async fn record(db: &Db, batch: Vec<Checked>) -> Result<Vec<Recorded>, StoreError> {
    db.write(batch, |tx, batch| {
        Box::pin(async move {
            let mut ids = Vec::with_capacity(batch.len());
            for check in batch {
                ids.push(record_one(tx, check).await?);
            }
            Ok(ids)
        })
    })
    .await
}

async fn record_one(tx: &mut Tx, check: &Checked) -> Result<Recorded, StoreError> {
    let run = match &check.observation {
        Some(new) => Some(observations::extend_or_insert(tx, check.target_id, new, check.now).await?),
        None => observations::extend_current(tx, check.target_id, check.now).await?,
    };
    tx.run(
        RESCHEDULE,
        args![
            check.target_id,
            check.due_at,
            check.outcome.as_str(),
            check.now,
            check.etag.as_deref(),
            check.last_modified.as_deref(),
            check.body_hash.as_deref(),
            check.problem.as_deref()
        ],
    )
    .await?;
    if check.dirty {
        super::products::mark_dirty(tx, check.product_id, check.now).await?;
    }
    let host_is_ours = match &check.pace {
        Some(pace) => set_pace(tx, pace).await? == 1,
        None => true,
    };
    Ok(Recorded { run, host_is_ours })
}

/// Moves a host's pace; 0 rows when the lease was lost, which is not an error: the new owner's pace counts.
///
/// # Errors
/// The engine's own.
pub async fn set_pace(tx: &mut Tx, pace: &HostPace) -> Result<u64, StoreError> {
    tx.run(
        RENEW_HOST,
        args![
            pace.host.as_str(),
            pace.lease_token,
            pace.leased_until,
            pace.next_allowed_at,
            pace.delay_ms,
            pace.failures,
            pace.blocked_until
        ],
    )
    .await
}

/// Gives a host back, with its unfinished pages put off, each to the given instant.
///
/// # Errors
/// The engine's own.
pub async fn give_back(db: &Db, pace: HostPace, deferred: Vec<(i64, Millis, &'static str)>) -> Result<(), StoreError> {
    db.write((pace, deferred), |tx, (pace, deferred)| {
        Box::pin(async move {
            for (id, due_at, outcome) in deferred {
                tx.run(DEFER, args![*id, *due_at, *outcome]).await?;
            }
            set_pace(tx, pace).await?;
            Ok(())
        })
    })
    .await
}

/// Takes back that pages were begun: their visit ended before it came to them.
///
/// # Errors
/// The engine's own.
pub async fn put_back(db: &Db, ids: Vec<i64>) -> Result<(), StoreError> {
    db.write(ids, |tx, ids| {
        Box::pin(async move {
            for id in ids {
                tx.run(PUT_BACK, args![*id]).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Keeps a fetched robots.txt for all workers: `allow`, `rules` with the text, or `disallow`.
///
/// # Errors
/// The engine's own.
pub async fn keep_robots(
    db: &Db,
    lease: &HostLease,
    state: &'static str,
    text: Option<String>,
    now: Millis,
) -> Result<(), StoreError> {
    db.write((lease.host.clone(), lease.lease_token, state, text, now), |tx, (host, token, state, text, now)| {
        Box::pin(async move {
            tx.run(KEEP_ROBOTS, args![host.as_str(), *token, *state, text.as_deref(), *now]).await?;
            Ok(())
        })
    })
    .await
}

/// When the next page may be fetched; `None` without pages.
///
/// # Errors
/// The engine's own.
pub async fn next_due(db: &Db) -> Result<Option<Millis>, StoreError> {
    let row: Option<At> = db.maybe(NEXT_DUE, args![]).await?;
    Ok(row.and_then(|row| row.at).map(Millis))
}

/// Makes every page (or every page of one competitor) due now.
///
/// # Errors
/// The engine's own.
pub async fn due_now(db: &Db, competitor: Option<String>, now: Millis) -> Result<u64, StoreError> {
    db.write((competitor, now), |tx, (competitor, now)| {
        Box::pin(async move { tx.run(DUE_NOW, args![*now, competitor.as_deref()]).await })
    })
    .await
}

/// Forgets what a competitor's hosts did wrong and makes its pages due; false if nobody has a page of it.
///
/// # Errors
/// The engine's own.
pub async fn retry(db: &Db, competitor: String, now: Millis) -> Result<bool, StoreError> {
    db.write((competitor, now), |tx, (competitor, now)| {
        Box::pin(async move {
            tx.run(DUE_NOW, args![*now, competitor.as_str()]).await?;
            Ok(tx.run(RETRY_HOSTS, args![competitor.as_str()]).await? > 0)
        })
    })
    .await
}

/// Brings the pages of a product forward to an instant.
///
/// # Errors
/// The engine's own.
pub async fn hasten(db: &Db, product_id: i64, at: Millis) -> Result<u64, StoreError> {
    db.write((product_id, at), |tx, &(id, at)| Box::pin(async move { tx.run(HASTEN, args![id, at]).await })).await
}

/// How many pages are due.
///
/// # Errors
/// The engine's own.
pub async fn count_due(db: &Db, now: Millis) -> Result<i64, StoreError> {
    Ok(db.maybe::<Count>(COUNT_DUE, args![now]).await?.map_or(0, |row| row.n))
}

/// A product's competitor pages.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64) -> Result<Vec<TargetRow>, StoreError> {
    db.all(BY_PRODUCT, args![product_id]).await
}

/// Pages whose last check gave no price, counted by competitor and outcome.
///
/// # Errors
/// The engine's own.
pub async fn unhealthy(db: &Db, limit: i64) -> Result<Vec<Unhealthy>, StoreError> {
    db.all(UNHEALTHY, args![limit]).await
}

/// The same pages one by one, for whoever counts those of some products.
///
/// # Errors
/// The engine's own.
pub async fn unhealthy_pages(db: &Db, limit: i64) -> Result<Vec<UnhealthyPage>, StoreError> {
    db.all(UNHEALTHY_PAGES, args![limit]).await
}
