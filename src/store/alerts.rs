//! Alerts: silences, what each target was told, and the queue of messages.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::events::Event;
use crate::clock::Millis;

statements! {
    SILENCE = Sql::same(
        "insert into silences (kind, channel, competitor, sku, owner, why, ends_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id");
    SILENCES = Sql::same("select * from silences where ends_at > $1 order by ends_at, id");
    END_SILENCE = Sql::same("update silences set ends_at = $2 where id = $1 and ends_at > $2");
    EVENTS = Sql::same(
        "select e.*, p.sku from events e left join products p on p.id = e.product_id
         where e.resolved_at is null or e.resolved_at > $1
         order by case e.severity when 'critical' then 0 else 1 end, e.first_at desc, e.id desc limit $2");
    EVENT = Sql::same(
        "select e.*, p.sku from events e left join products p on p.id = e.product_id where e.id = $1");
    STATES = Sql::same(
        "select target, dedupe, grp, event_id, told_at, resolved_at from alert_states where told_at > $1 or resolved_at is null");
    RECENT = Sql::same(
        "select target, grp, message_id, early, created_at,
                cast(case when state = 'queued' then 1 else 0 end as bigint) as waiting
         from alert_messages where created_at > $1 or state = 'queued' order by created_at, id");
    TELL = Sql::same(
        "insert into alert_states (target, dedupe, grp, event_id, told_at, resolved_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $5)
         on conflict (target, dedupe) do update set
             grp = excluded.grp, event_id = excluded.event_id, told_at = excluded.told_at, resolved_at = excluded.resolved_at");
    QUEUE = Sql::same(
        "insert into alert_messages
             (target, grp, message_id, thread, early, body, state, tries, next_at, leased_until, detail, created_at)
         values ($1, $2, $3, $4, $5, $6, 'queued', 0, $7, 0, '', $7)
         on conflict (message_id) do nothing");
    CLAIM = Sql::twin(
        "update alert_messages set leased_until = $2, tries = tries + 1
         where id in (select m.id from alert_messages m
                      where m.state = 'queued' and m.next_at <= $1 and m.leased_until <= $1
                        and case when m.target like '%@%' then 'mail' else m.target end = $3 order by m.id limit 1)
         returning *",
        "update alert_messages set leased_until = $2, tries = tries + 1
         where id in (select m.id from alert_messages m
                      where m.state = 'queued' and m.next_at <= $1 and m.leased_until <= $1
                        and case when m.target like '%@%' then 'mail' else m.target end = $3 order by m.id limit 1
                      for update skip locked)
         returning *");
    NEXT = Sql::same("select min(next_at) as at from alert_messages where state = 'queued'");
    THREAD = Sql::same(
        "select coalesce(thread, message_id) as first from alert_messages
         where target = $1 and grp = $2 and created_at >= $3 order by id limit 1");
    SETTLE = Sql::same(
        "update alert_messages set state = $2, detail = $3, sent_at = $4, next_at = $5, leased_until = 0 where id = $1");
    MESSAGES = Sql::same("select * from alert_messages where created_at > $1 order by id desc limit $2");
}

/// A person's word that something is known: matching alerts are not sent until it ends.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Silence {
    pub id: i64,
    /// Each field that is set must match.
    pub kind: Option<String>,
    pub channel: Option<String>,
    pub competitor: Option<String>,
    pub sku: Option<String>,
    pub owner: String,
    pub why: String,
    pub ends_at: i64,
    pub created_at: i64,
}

/// What a target was told last about one thing.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct State {
    pub target: String,
    pub dedupe: String,
    pub grp: String,
    pub event_id: i64,
    pub told_at: i64,
    /// When the target was told that it is over.
    pub resolved_at: Option<i64>,
}

/// A message of the last days, or one that still waits, for budgets and threads.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Recent {
    pub target: String,
    pub grp: String,
    pub message_id: String,
    pub early: i64,
    pub created_at: i64,
    /// 1 while it is not sent.
    pub waiting: i64,
}

/// A message on its way.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Message {
    pub id: i64,
    pub target: String,
    pub grp: String,
    pub message_id: String,
    /// The first message of its thread.
    pub thread: Option<String>,
    pub early: i64,
    /// What is told, as JSON; rendered when it is sent.
    pub body: String,
    pub state: String,
    pub tries: i64,
    pub detail: String,
    pub sent_at: Option<i64>,
    pub created_at: i64,
}

/// A message to be queued.
#[derive(Debug, Clone)]
pub struct Queue {
    pub target: String,
    pub grp: String,
    pub message_id: String,
    pub thread: Option<String>,
    pub early: bool,
    pub body: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct First {
    first: String,
}

#[derive(Debug, sqlx::FromRow)]
struct At {
    at: Option<i64>,
}

/// When the next queued message is due; `None` if nothing waits.
///
/// # Errors
/// The engine's own.
pub async fn next_at(db: &Db) -> Result<Option<Millis>, StoreError> {
    Ok(db.maybe::<At>(NEXT, args![]).await?.and_then(|row| row.at).map(Millis))
}

/// Silences matching alerts until `ends_at`; returns its number.
///
/// # Errors
/// The engine's own.
pub async fn silence(db: &Db, silence: Silence) -> Result<i64, StoreError> {
    db.write(silence, |tx, s| {
        Box::pin(async move {
            let row: Id = tx
                .one(
                    SILENCE,
                    args![
                        s.kind.as_deref(),
                        s.channel.as_deref(),
                        s.competitor.as_deref(),
                        s.sku.as_deref(),
                        s.owner.as_str(),
                        s.why.as_str(),
                        s.ends_at,
                        s.created_at
                    ],
                )
                .await?;
            Ok(row.id)
        })
    })
    .await
}

/// Silences that have not ended.
///
/// # Errors
/// The engine's own.
pub async fn silences(db: &Db, now: Millis) -> Result<Vec<Silence>, StoreError> {
    db.all(SILENCES, args![now]).await
}

/// Ends a silence now; false if it was over.
///
/// # Errors
/// The engine's own.
pub async fn end_silence(db: &Db, id: i64, now: Millis) -> Result<bool, StoreError> {
    db.write((id, now), |tx, &(id, now)| Box::pin(async move { Ok(tx.run(END_SILENCE, args![id, now]).await? > 0) }))
        .await
}

/// Events that are open, however long, or were resolved after an instant; critical ones first, then the newest.
///
/// # Errors
/// The engine's own.
pub async fn events(db: &Db, since: Millis, limit: i64) -> Result<Vec<Event>, StoreError> {
    db.all(EVENTS, args![since, limit]).await
}

/// An event by its number.
///
/// # Errors
/// The engine's own.
pub async fn event(db: &Db, id: i64) -> Result<Option<Event>, StoreError> {
    db.maybe(EVENT, args![id]).await
}

/// What every target was told after an instant, or still counts as told.
///
/// # Errors
/// The engine's own.
pub async fn states(db: &Db, since: Millis) -> Result<Vec<State>, StoreError> {
    db.all(STATES, args![since]).await
}

/// Messages queued after an instant, and those that still wait; oldest first.
///
/// # Errors
/// The engine's own.
pub async fn recent(db: &Db, since: Millis) -> Result<Vec<Recent>, StoreError> {
    db.all(RECENT, args![since]).await
}

/// Queues messages and remembers what they tell, in one transaction: a crash loses neither and repeats neither.
///
/// # Errors
/// The engine's own; nothing is stored then.
pub async fn tell(db: &Db, queue: Vec<Queue>, states: Vec<State>, now: Millis) -> Result<(), StoreError> {
    db.write((queue, states, now), |tx, (queue, states, now)| Box::pin(tell_in(tx, queue, states, *now))).await
}

async fn tell_in(tx: &mut Tx, queue: &[Queue], states: &[State], now: Millis) -> Result<(), StoreError> {
    for state in states {
        tx.run(
            TELL,
            args![
                state.target.as_str(),
                state.dedupe.as_str(),
                state.grp.as_str(),
                state.event_id,
                state.told_at,
                state.resolved_at
            ],
        )
        .await?;
    }
    for message in queue {
        tx.run(
            QUEUE,
            args![
                message.target.as_str(),
                message.grp.as_str(),
                message.message_id.as_str(),
                message.thread.as_deref(),
                i64::from(message.early),
                message.body.as_str(),
                now
            ],
        )
        .await?;
    }
    Ok(())
}

/// Leases the next message of a transport (`mail`, or a hook's name) whose time has come: one at a time, just before it
/// is sent, so that a slow server cannot make a lease run out while others wait behind it.
///
/// # Errors
/// The engine's own.
pub async fn claim(
    db: &Db,
    transport: &'static str,
    now: Millis,
    lease_until: Millis,
) -> Result<Option<Message>, StoreError> {
    db.write((transport, now, lease_until), |tx, &(transport, now, until)| {
        Box::pin(async move { tx.maybe(CLAIM, args![now, until, transport]).await })
    })
    .await
}

/// The first message that told a target of a group since an instant: what later ones refer to.
///
/// # Errors
/// The engine's own.
pub async fn thread(db: &Db, target: &str, grp: &str, since: Millis) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<First>(THREAD, args![target, grp, since]).await?.map(|row| row.first))
}

/// Writes down what became of a message: `sent`, `failed`, or `queued` to try again at `next_at`.
///
/// # Errors
/// The engine's own.
pub async fn settle(
    db: &Db,
    id: i64,
    state: &'static str,
    detail: String,
    sent_at: Option<Millis>,
    next_at: Millis,
) -> Result<(), StoreError> {
    db.write((id, state, detail, sent_at, next_at), |tx, (id, state, detail, sent_at, next_at)| {
        Box::pin(async move {
            tx.run(SETTLE, args![*id, *state, detail.as_str(), *sent_at, *next_at]).await?;
            Ok(())
        })
    })
    .await
}

/// The newest messages after an instant.
///
/// # Errors
/// The engine's own.
pub async fn messages(db: &Db, since: Millis, limit: i64) -> Result<Vec<Message>, StoreError> {
    db.all(MESSAGES, args![since, limit]).await
}
