//! Things worth telling a person, folded by key while they last, and the digests that told them.

use std::collections::BTreeMap;

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use crate::clock::Millis;

statements! {
    RAISE = Sql::same(
        "insert into events (kind, severity, dedupe, product_id, channel, competitor, message, hint, times, first_at, last_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9)
         on conflict (dedupe) where resolved_at is null do update set
             kind = excluded.kind, severity = excluded.severity, message = excluded.message, hint = excluded.hint,
             times = events.times + 1, last_at = excluded.last_at
         returning times");
    KEEP = Sql::same(
        "update events set kind = $2, severity = $3, message = $4, hint = $5, last_at = $6
         where dedupe = $1 and resolved_at is null");
    RESOLVE = Sql::same(
        "update events set resolved_at = $2 where dedupe = $1 and resolved_at is null returning kind, product_id");
    RESOLVED = Sql::same(
        "select dedupe, max(resolved_at) as at from events
         where kind = $1 and resolved_at is not null group by dedupe order by dedupe limit $2");
    IS_OPEN = Sql::same("select max(first_at) as at from events where dedupe = $1 and resolved_at is null");
    OPEN = Sql::same(
        "select e.*, p.sku from events e left join products p on p.id = e.product_id
         where e.resolved_at is null
         order by case e.severity when 'critical' then 0 when 'warning' then 1 else 2 end, e.last_at desc, e.id limit $1");
    BETWEEN = Sql::same(
        "select e.*, p.sku from events e left join products p on p.id = e.product_id
         where e.last_at > $1 and e.last_at <= $2
         order by case e.severity when 'critical' then 0 when 'warning' then 1 else 2 end, e.last_at desc, e.id limit $3");
    CLAIM_DIGEST = Sql::same(
        "insert into digests (recipient, slot, message_id, state, tries, next_at, leased_until, detail, created_at)
         values ($1, $2, $3, 'claimed', 1, $4, $5, '', $4)
         on conflict (recipient, slot) do update set tries = digests.tries + 1, leased_until = excluded.leased_until
             where digests.state = 'claimed' and digests.leased_until <= $4 and digests.next_at <= $4
         returning id, message_id, tries");
    SETTLE_DIGEST = Sql::same(
        "update digests set state = $2, subject = $3, detail = $4, sent_at = $5, next_at = $6, leased_until = 0 where id = $1");
    LAST_DIGEST = Sql::same(
        "select max(slot) as at from digests where recipient = $1 and state in ('sent', 'skipped')");
    LAST_MAIL = Sql::same("select max(slot) as at from digests where recipient = $1 and state = 'sent'");
    FIRST_DIGEST = Sql::same("select min(slot) as at from digests where recipient = $1");
    DIGESTS_REFUSED = Sql::same(
        "select count(*) as at from digests
         where recipient = $1 and state = 'failed' and created_at > $2
           and slot > coalesce((select max(s.slot) from digests s where s.recipient = $1 and s.state = 'sent'), 0)");
    SENT_AT = Sql::same("select max(sent_at) as at from digests where state = 'sent'");
    DIGEST_BEGUN = Sql::same("select slot as at from digests where recipient = $1 and slot = $2");
    DIGESTS = Sql::same(
        "select recipient, slot, message_id, state, subject, tries, detail, sent_at from digests order by slot desc, recipient limit $1");
}

/// The kind of event that doubts a page's match. While `match-review/` and the page's number is open, its offer does not
/// count; so both its beginning and its end ask for a decision.
pub const MATCH_REVIEW: &str = "match_review";

/// Something to raise. `dedupe` names what it is about; raising it again folds into the open event.
#[derive(Debug, Clone)]
pub struct Raise {
    pub kind: &'static str,
    pub severity: &'static str,
    pub dedupe: String,
    pub product_id: Option<i64>,
    pub channel: Option<String>,
    pub competitor: Option<String>,
    pub message: String,
    pub hint: String,
}

/// A stored event.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Event {
    pub id: i64,
    pub kind: String,
    pub severity: String,
    pub dedupe: String,
    pub sku: Option<String>,
    pub channel: Option<String>,
    pub competitor: Option<String>,
    pub message: String,
    pub hint: String,
    pub times: i64,
    pub first_at: i64,
    pub last_at: i64,
    pub resolved_at: Option<i64>,
}

/// A digest's place in the queue: its Message-ID stays the same over all tries.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DigestClaim {
    pub id: i64,
    pub message_id: String,
    pub tries: i64,
}

/// A digest as sent, skipped, or still waiting.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DigestRow {
    pub recipient: String,
    pub slot: i64,
    pub message_id: String,
    pub state: String,
    pub subject: Option<String>,
    pub tries: i64,
    pub detail: String,
    pub sent_at: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct Raised {
    times: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Ended {
    kind: String,
    product_id: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct EndedAt {
    dedupe: String,
    at: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

/// Raises an event or folds it into the open one, which then says what was raised last; true if it is new.
///
/// # Errors
/// The engine's own.
pub async fn raise(db: &Db, event: Raise, now: Millis) -> Result<bool, StoreError> {
    db.write((event, now), |tx, (e, now)| {
        Box::pin(async move {
            let raised: Raised = tx
                .one(
                    RAISE,
                    args![
                        e.kind,
                        e.severity,
                        e.dedupe.as_str(),
                        e.product_id,
                        e.channel.as_deref(),
                        e.competitor.as_deref(),
                        e.message.as_str(),
                        e.hint.as_str(),
                        *now
                    ],
                )
                .await?;
            if raised.times == 1 && e.kind == MATCH_REVIEW {
                doubted(tx, e.product_id, *now).await?;
            }
            Ok(raised.times == 1)
        })
    })
    .await
}

/// Says that an open event lasts, in the words that are true now: it is not counted again. Nothing if none is open.
///
/// # Errors
/// The engine's own.
pub async fn keep(db: &Db, event: Raise, now: Millis) -> Result<(), StoreError> {
    db.write((event, now), |tx, (e, now)| {
        Box::pin(async move {
            let (message, hint) = (e.message.as_str(), e.hint.as_str());
            tx.run(KEEP, args![e.dedupe.as_str(), e.kind, e.severity, message, hint, *now]).await?;
            Ok(())
        })
    })
    .await
}

/// Raises an event, or says that it lasts: looking again is no second occurrence. True if it is new.
///
/// # Errors
/// The engine's own.
pub async fn note(db: &Db, event: Raise, now: Millis) -> Result<bool, StoreError> {
    let open = is_open(db, &event.dedupe).await?;
    if open {
        keep(db, event, now).await?;
    } else {
        raise(db, event, now).await?;
    }
    Ok(!open)
}

/// Closes an open event; true if there was one.
///
/// # Errors
/// The engine's own.
pub async fn resolve(db: &Db, dedupe: String, now: Millis) -> Result<bool, StoreError> {
    db.write((dedupe, now), |tx, (dedupe, now)| {
        Box::pin(async move {
            let ended: Option<Ended> = tx.maybe(RESOLVE, args![dedupe.as_str(), *now]).await?;
            if let Some(ended) = ended.as_ref().filter(|ended| ended.kind == MATCH_REVIEW) {
                doubted(tx, ended.product_id, *now).await?;
            }
            Ok(ended.is_some())
        })
    })
    .await
}

/// Which offers count has changed.
async fn doubted(tx: &mut Tx, product_id: Option<i64>, now: Millis) -> Result<(), StoreError> {
    match product_id {
        Some(id) => super::products::mark_dirty(tx, id, now).await,
        None => Ok(()),
    }
}

/// When events of a kind were last resolved, by what they are about.
///
/// # Errors
/// The engine's own.
pub async fn resolved(db: &Db, kind: &str, limit: i64) -> Result<BTreeMap<String, Millis>, StoreError> {
    let rows: Vec<EndedAt> = db.all(RESOLVED, args![kind, limit]).await?;
    Ok(rows.into_iter().map(|row| (row.dedupe, Millis(row.at))).collect())
}

/// Whether an event is open.
///
/// # Errors
/// The engine's own.
pub async fn is_open(db: &Db, dedupe: &str) -> Result<bool, StoreError> {
    Ok(db.maybe::<At>(IS_OPEN, args![dedupe]).await?.is_some_and(|row| row.at.is_some()))
}

/// Open events, the most severe first.
///
/// # Errors
/// The engine's own.
pub async fn open(db: &Db, limit: i64) -> Result<Vec<Event>, StoreError> {
    db.all(OPEN, args![limit]).await
}

/// Events seen in `(from, until]`, the most severe first.
///
/// # Errors
/// The engine's own.
pub async fn between(db: &Db, from: Millis, until: Millis, limit: i64) -> Result<Vec<Event>, StoreError> {
    db.all(BETWEEN, args![from, until, limit]).await
}

/// Digests of a recipient that were refused for good since one was taken, and since an instant.
///
/// # Errors
/// The engine's own.
pub async fn digests_refused(db: &Db, recipient: &str, since: Millis) -> Result<i64, StoreError> {
    Ok(db.maybe::<At>(DIGESTS_REFUSED, args![recipient, since]).await?.and_then(|row| row.at).unwrap_or(0))
}

/// When the last digest went out; none before the first one.
///
/// # Errors
/// The engine's own.
pub async fn digest_sent(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(SENT_AT, args![]).await?.and_then(|row| row.at).map(Millis))
}

/// Claims the digest of a recipient's slot; `None` if it is settled or another worker has it.
///
/// # Errors
/// The engine's own.
pub async fn claim_digest(
    db: &Db,
    recipient: String,
    slot: Millis,
    message_id: String,
    now: Millis,
    lease_until: Millis,
) -> Result<Option<DigestClaim>, StoreError> {
    db.write((recipient, slot, message_id, now, lease_until), |tx, (recipient, slot, message_id, now, until)| {
        Box::pin(async move {
            tx.maybe(CLAIM_DIGEST, args![recipient.as_str(), *slot, message_id.as_str(), *now, *until]).await
        })
    })
    .await
}

/// Whether the digest of a recipient's slot was ever claimed.
///
/// # Errors
/// The engine's own.
pub async fn digest_begun(db: &Db, recipient: &str, slot: Millis) -> Result<bool, StoreError> {
    Ok(db.maybe::<At>(DIGEST_BEGUN, args![recipient, slot]).await?.is_some())
}

/// What became of a claimed digest.
#[derive(Debug, Clone)]
pub struct DigestEnd {
    pub id: i64,
    /// `sent`, `skipped`, `failed`, or `claimed` to try again at `next_at`.
    pub state: &'static str,
    pub subject: Option<String>,
    pub detail: String,
    pub sent_at: Option<Millis>,
    pub next_at: Millis,
}

/// Writes down what became of a claimed digest.
///
/// # Errors
/// The engine's own.
pub async fn settle_digest(db: &Db, end: DigestEnd) -> Result<(), StoreError> {
    db.write(end, |tx, e| {
        Box::pin(async move {
            tx.run(SETTLE_DIGEST, args![e.id, e.state, e.subject.as_deref(), e.detail.as_str(), e.sent_at, e.next_at])
                .await?;
            Ok(())
        })
    })
    .await
}

/// The newest slot that a recipient was served (or had nothing to be told in).
///
/// # Errors
/// The engine's own.
pub async fn last_digest(db: &Db, recipient: &str) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(LAST_DIGEST, args![recipient]).await?.and_then(|row| row.at).map(Millis))
}

/// The newest slot in which a recipient really got a mail.
///
/// # Errors
/// The engine's own.
pub async fn last_mail(db: &Db, recipient: &str) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(LAST_MAIL, args![recipient]).await?.and_then(|row| row.at).map(Millis))
}

/// The first slot that was begun for a recipient, whatever became of it.
///
/// # Errors
/// The engine's own.
pub async fn first_digest(db: &Db, recipient: &str) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(FIRST_DIGEST, args![recipient]).await?.and_then(|row| row.at).map(Millis))
}

/// The newest digests.
///
/// # Errors
/// The engine's own.
pub async fn digests(db: &Db, limit: i64) -> Result<Vec<DigestRow>, StoreError> {
    db.all(DIGESTS, args![limit]).await
}
