//! The append-only decision log, the current evaluation of each product, and what waits for a person.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::{listings, products, strikes, terms};
use crate::clock::Millis;

statements! {
    INSERT = Sql::same(
        "insert into decisions
             (product_id, market, version, price_minor, previous_minor, currency, rule, actor, why, rule_revision, record, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         returning id");
    LATEST = Sql::same("select * from decisions where product_id = $1 order by version desc limit 1");
    AT = Sql::same("select * from decisions where product_id = $1 and created_at <= $2 order by version desc limit 1");
    AFTER = Sql::same("select * from decisions where product_id = $1 and created_at > $2 order by version limit 1");
    SINCE = Sql::same(
        "select d.*, p.sku, p.title, coalesce(p.amounts_since, 0) as money_since from decisions d join products p on p.id = d.product_id
         where d.created_at > $1 and d.created_at <= $2 and d.created_at >= coalesce(p.amounts_since, 0)
         order by d.created_at desc, d.id desc limit $3");
    // None from before the product went into another money.
    COUNT_DAY = Sql::same(
        "select count(*) as n from decisions where product_id = $1 and created_at >= $2 and created_at >= coalesce((select p.amounts_since from products p where p.id = $1), 0)");
    FIRST_OF_DAY = Sql::same(
        "select previous_minor as minor from decisions where product_id = $1 and created_at >= $2
           and created_at >= coalesce((select p.amounts_since from products p where p.id = $1), 0) order by version limit 1");
    OF_PRODUCT_SINCE = Sql::same(
        "select * from decisions where product_id = $1 and created_at >= $2
           and created_at >= coalesce((select p.amounts_since from products p where p.id = $1), 0) order by version");
    EVALUATE = Sql::same(
        "insert into evaluations
             (product_id, outcome, price_minor, currency, rule, flags, why, record, checks, since, evaluated_at, doubted)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9, $10)
         on conflict (product_id) do update set
             outcome = excluded.outcome, price_minor = excluded.price_minor, currency = excluded.currency,
             rule = excluded.rule, flags = excluded.flags, why = excluded.why, record = excluded.record,
             checks = evaluations.checks + 1,
             since = case when evaluations.outcome = excluded.outcome and excluded.outcome <> 'change'
                           and (evaluations.why = excluded.why or excluded.outcome = 'hold')
                          then evaluations.since else excluded.since end,
             evaluated_at = excluded.evaluated_at, doubted = excluded.doubted");
    EVALUATION = Sql::same("select * from evaluations where product_id = $1");
    OUTCOMES = Sql::same("select outcome, count(*) as n from evaluations group by outcome order by outcome");
    HELD = Sql::same(
        "select p.id as product_id, p.sku, p.title, e.outcome, e.flags, e.why, e.since from evaluations e join products p on p.id = e.product_id
         where e.outcome = 'hold' order by e.since desc, p.sku limit $1");
    CLOSE_REVIEWS = Sql::same("update reviews set state = $2, settled_at = $3 where product_id = $1 and state = 'open'");
    OPEN_REVIEW = Sql::same(
        "insert into reviews
             (product_id, price_minor, previous_minor, currency, rule, why, record, facts_hash, state, expires_at, created_at,
              first_by, first_why, first_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11, $12, $13)
         returning id");
    AGREE = Sql::same(
        "update reviews set first_by = $2, first_why = $3, first_at = $4
         where id = $1 and state = 'open' and first_by is null and expires_at > $4");
    SAME_REVIEW = Sql::same(
        "select id from reviews where product_id = $1 and state in ('open', 'rejected') and price_minor = $2 and facts_hash = $3 and expires_at > $4");
    TURNED_DOWN = Sql::same(
        "select settled_by, settled_why from reviews
         where product_id = $1 and state = 'rejected' and price_minor = $2 and facts_hash = $3 and expires_at > $4
         order by id desc limit 1");
    REVIEWS = Sql::same(
        "select r.*, p.sku, p.title from reviews r join products p on p.id = r.product_id
         where r.state = 'open' order by r.created_at, r.id limit $1");
    REVIEW = Sql::same(
        "select r.*, p.sku, p.title from reviews r join products p on p.id = r.product_id where r.id = $1");
    NEWEST_REVIEW = Sql::same(
        "select r.*, p.sku, p.title from reviews r join products p on p.id = r.product_id
         where r.product_id = $1 and r.created_at <= $2 order by r.id desc limit 1");
    SETTLE_REVIEW = Sql::same(
        "update reviews set state = $2, settled_by = $3, settled_why = $4, settled_at = $5 where id = $1 and state = 'open'");
}

/// A released price change.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct DecisionRow {
    pub id: i64,
    pub product_id: i64,
    pub market: String,
    pub version: i64,
    pub price_minor: i64,
    pub previous_minor: i64,
    pub currency: String,
    pub rule: Option<String>,
    pub actor: String,
    pub why: String,
    pub rule_revision: Option<i64>,
    /// Facts and engine result as JSON: enough to compute it again.
    pub record: String,
    pub created_at: i64,
}

/// A decision with its product's names, for reports.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct NamedDecision {
    pub product_id: i64,
    pub sku: String,
    pub title: String,
    pub version: i64,
    pub price_minor: i64,
    pub previous_minor: i64,
    pub currency: String,
    pub rule: Option<String>,
    pub actor: String,
    pub why: String,
    pub created_at: i64,
    /// Since when its product's amounts are of the money and tax view of today, UTC milliseconds; 0 if they always were.
    #[serde(skip)]
    pub money_since: i64,
}

/// The newest evaluation of a product, whatever came of it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Evaluation {
    pub product_id: i64,
    pub outcome: String,
    pub price_minor: Option<i64>,
    pub currency: String,
    pub rule: Option<String>,
    pub flags: String,
    pub why: String,
    pub record: String,
    pub checks: i64,
    /// Since when it comes out so: for a hold since it is on hold, for everything else since the reason is this one.
    pub since: i64,
    pub evaluated_at: i64,
}

/// A proposal that waits, or waited, for a person.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Review {
    pub id: i64,
    pub product_id: i64,
    pub sku: String,
    pub title: String,
    pub price_minor: i64,
    pub previous_minor: i64,
    pub currency: String,
    pub rule: Option<String>,
    pub why: String,
    pub record: String,
    pub facts_hash: String,
    pub state: String,
    /// The first of two persons, why and when, where the price needs two.
    pub first_by: Option<String>,
    pub first_why: Option<String>,
    pub first_at: Option<i64>,
    pub settled_by: Option<String>,
    pub settled_why: Option<String>,
    pub settled_at: Option<i64>,
    pub expires_at: i64,
    pub created_at: i64,
}

/// A product on hold, with why.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Held {
    pub product_id: i64,
    pub sku: String,
    pub title: String,
    pub outcome: String,
    pub flags: String,
    pub why: String,
    pub since: i64,
}

/// How many products ended in an outcome.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct OutcomeCount {
    pub outcome: String,
    pub n: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct Minor {
    minor: i64,
}

/// One evaluation to be written down, with all that follows from it.
#[derive(Debug, Clone)]
pub struct Evaluated {
    pub product_id: i64,
    pub market: String,
    pub currency: String,
    /// `change`, `keep`, `hold`, `review`, `shadow` or `none`.
    pub outcome: String,
    pub price_minor: Option<i64>,
    pub previous_minor: i64,
    pub rule: Option<String>,
    pub flags: String,
    pub why: String,
    pub actor: String,
    pub rule_revision: Option<i64>,
    pub record: String,
    pub facts_hash: String,
    pub product_version: i64,
    pub claimed_at: Millis,
    pub now: Millis,
    pub again_at: Option<Millis>,
    pub review_expires_at: Millis,
    /// Desired price of every listing of the product, by listing id, in the listing's own currency.
    pub desired: Vec<listings::Desire>,
    /// The review that this decision carries out, if a person approved it.
    pub approves: Option<i64>,
    /// Who has agreed to what now waits for a second person, and why.
    pub agreed: Option<(String, String)>,
    /// What may be said about a campaign's reduction that begins with this decision, per listing.
    pub strikes: Vec<strikes::Frozen>,
    /// A guard doubts the price, and holds it for that.
    pub doubted: bool,
    /// The VAT (percent, row) under which the price stands once this is written; none leaves the one noted before.
    pub vat: Option<(String, String)>,
}

/// What became of an [`Evaluated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// A decision with this version; the desired prices of all its listings are in the same transaction.
    Decided {
        version: i64,
    },
    Noted,
    /// The product moved on between reading its facts and writing: decide again.
    Stale,
}

/// Writes an evaluation and, for a released change, the decision and every channel's desired price, in one
/// transaction: there is no moment in which a decision exists that some channel will never hear of.
///
/// # Errors
/// [`StoreError::ReviewSettled`] where the review that is carried out is not open any more, or the engine's own; nothing is
/// stored then.
pub async fn write(db: &Db, evaluated: Evaluated) -> Result<Written, StoreError> {
    db.write(evaluated, |tx, evaluated| Box::pin(write_in(tx, evaluated))).await
}

async fn write_in(tx: &mut Tx, e: &Evaluated) -> Result<Written, StoreError> {
    let written = match (e.outcome.as_str(), e.price_minor) {
        ("change", Some(minor)) => decide_in(tx, e, minor).await?,
        ("review", Some(minor)) => review_in(tx, e, minor).await?,
        _ => {
            tx.run(CLOSE_REVIEWS, args![e.product_id, "superseded", e.now]).await?;
            Written::Noted
        }
    };
    if written == Written::Stale {
        // What was computed from old facts is not noted either: the next evaluation must compare with what held before.
        products::settle(tx, e.product_id, e.claimed_at, Some(e.now)).await?;
        return Ok(written);
    }
    tx.run(
        EVALUATE,
        args![
            e.product_id,
            e.outcome.as_str(),
            e.price_minor,
            e.currency.as_str(),
            e.rule.as_deref(),
            e.flags.as_str(),
            e.why.as_str(),
            e.record.as_str(),
            e.now,
            i64::from(e.doubted)
        ],
    )
    .await?;
    if let Some((percent, row)) = &e.vat {
        terms::keep_vat(tx, e.product_id, percent, row, e.now).await?;
    }
    products::settle(tx, e.product_id, e.claimed_at, e.again_at).await?;
    Ok(written)
}

async fn decide_in(tx: &mut Tx, e: &Evaluated, minor: i64) -> Result<Written, StoreError> {
    let Some(version) = products::reprice(tx, e.product_id, minor, e.now, e.product_version).await? else {
        return Ok(Written::Stale);
    };
    match e.approves {
        Some(id) => {
            let settled = tx.run(SETTLE_REVIEW, args![id, "approved", e.actor.as_str(), e.why.as_str(), e.now]).await?;
            if settled == 0 {
                // Somebody else's word came first; the error takes the new price back with the transaction.
                return Err(StoreError::ReviewSettled(id));
            }
        }
        None => {
            tx.run(CLOSE_REVIEWS, args![e.product_id, "superseded", e.now]).await?;
        }
    }
    let Id { id } = tx
        .one(
            INSERT,
            args![
                e.product_id,
                e.market.as_str(),
                version,
                minor,
                e.previous_minor,
                e.currency.as_str(),
                e.rule.as_deref(),
                e.actor.as_str(),
                e.why.as_str(),
                e.rule_revision,
                e.record.as_str(),
                e.now
            ],
        )
        .await?;
    for strike in &e.strikes {
        strikes::freeze(tx, strike).await?;
    }
    for desire in &e.desired {
        listings::desire(tx, desire, Some(id), e.now).await?;
    }
    Ok(Written::Decided { version })
}

async fn review_in(tx: &mut Tx, e: &Evaluated, minor: i64) -> Result<Written, StoreError> {
    // What a person turned down does not come back with the next import, as long as the facts are the same.
    let same: Option<Id> = tx.maybe(SAME_REVIEW, args![e.product_id, minor, e.facts_hash.as_str(), e.now]).await?;
    if same.is_some() {
        return Ok(Written::Noted);
    }
    tx.run(CLOSE_REVIEWS, args![e.product_id, "superseded", e.now]).await?;
    tx.run(
        OPEN_REVIEW,
        args![
            e.product_id,
            minor,
            e.previous_minor,
            e.currency.as_str(),
            e.rule.as_deref(),
            e.why.as_str(),
            e.record.as_str(),
            e.facts_hash.as_str(),
            e.review_expires_at,
            e.now,
            e.agreed.as_ref().map(|(by, _)| by.as_str()),
            e.agreed.as_ref().map(|(_, why)| why.as_str()),
            e.agreed.as_ref().map(|_| e.now.0)
        ],
    )
    .await?;
    Ok(Written::Noted)
}

/// The newest decision of a product.
///
/// # Errors
/// The engine's own.
pub async fn latest(db: &Db, product_id: i64) -> Result<Option<DecisionRow>, StoreError> {
    db.maybe(LATEST, args![product_id]).await
}

/// The decision that was the newest at an instant.
///
/// # Errors
/// The engine's own.
pub async fn at(db: &Db, product_id: i64, at: Millis) -> Result<Option<DecisionRow>, StoreError> {
    db.maybe(AT, args![product_id, at]).await
}

/// Decisions in `(from, until]`, newest first; none from before its product went into another money, with whose prices those
/// of now are not compared.
///
/// # Errors
/// The engine's own.
pub async fn since(db: &Db, from: Millis, until: Millis, limit: i64) -> Result<Vec<NamedDecision>, StoreError> {
    db.all(SINCE, args![from, until, limit]).await
}

/// How many decisions a product had since an instant, and the price before the first of them.
///
/// # Errors
/// The engine's own.
pub async fn of_day(db: &Db, product_id: i64, day_start: Millis) -> Result<(i64, Option<i64>), StoreError> {
    let count = db.maybe::<Count>(COUNT_DAY, args![product_id, day_start]).await?.map_or(0, |row| row.n);
    let first = db.maybe::<Minor>(FIRST_OF_DAY, args![product_id, day_start]).await?;
    Ok((count, first.map(|row| row.minor)))
}

/// A product's decisions since an instant, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn of_product_since(db: &Db, product_id: i64, since: Millis) -> Result<Vec<DecisionRow>, StoreError> {
    db.all(OF_PRODUCT_SINCE, args![product_id, since]).await
}

/// The newest evaluation of a product.
///
/// # Errors
/// The engine's own.
pub async fn evaluation(db: &Db, product_id: i64) -> Result<Option<Evaluation>, StoreError> {
    db.maybe(EVALUATION, args![product_id]).await
}

/// Products by outcome of their newest evaluation.
///
/// # Errors
/// The engine's own.
pub async fn outcomes(db: &Db) -> Result<Vec<OutcomeCount>, StoreError> {
    db.all(OUTCOMES, args![]).await
}

/// Products on hold, newest first.
///
/// # Errors
/// The engine's own.
pub async fn held(db: &Db, limit: i64) -> Result<Vec<Held>, StoreError> {
    db.all(HELD, args![limit]).await
}

/// Who turned down this very price on these very facts, and why.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TurnedDown {
    pub settled_by: Option<String>,
    pub settled_why: Option<String>,
}

/// A person's word against a proposal, as long as it holds.
///
/// # Errors
/// The engine's own.
pub async fn turned_down(
    db: &Db,
    product_id: i64,
    price_minor: i64,
    facts_hash: &str,
    now: Millis,
) -> Result<Option<TurnedDown>, StoreError> {
    db.maybe(TURNED_DOWN, args![product_id, price_minor, facts_hash, now]).await
}

/// The first decision after an instant; its price before is what held until then.
///
/// # Errors
/// The engine's own.
pub async fn after(db: &Db, product_id: i64, at: Millis) -> Result<Option<DecisionRow>, StoreError> {
    db.maybe(AFTER, args![product_id, at]).await
}

/// Proposals that wait for a person, oldest first.
///
/// # Errors
/// The engine's own.
pub async fn open_reviews(db: &Db, limit: i64) -> Result<Vec<Review>, StoreError> {
    db.all(REVIEWS, args![limit]).await
}

/// A proposal by its number.
///
/// # Errors
/// The engine's own.
pub async fn review(db: &Db, id: i64) -> Result<Option<Review>, StoreError> {
    db.maybe(REVIEW, args![id]).await
}

/// The newest proposal about a product that was made by an instant, whatever became of it.
///
/// # Errors
/// The engine's own.
pub async fn newest_review(db: &Db, product_id: i64, at: Millis) -> Result<Option<Review>, StoreError> {
    db.maybe(NEWEST_REVIEW, args![product_id, at]).await
}

/// Notes the first of two persons; false if somebody had agreed before, or the proposal is not open any more.
///
/// # Errors
/// The engine's own.
pub async fn agree(db: &Db, id: i64, by: String, why: String, now: Millis) -> Result<bool, StoreError> {
    db.write((id, by, why, now), |tx, (id, by, why, now)| {
        Box::pin(async move { Ok(tx.run(AGREE, args![*id, by.as_str(), why.as_str(), *now]).await? == 1) })
    })
    .await
}

/// Closes an open proposal; false if it was not open any more.
///
/// # Errors
/// The engine's own.
pub async fn settle_review(
    db: &Db,
    id: i64,
    state: &'static str,
    by: String,
    why: String,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((id, state, by, why, now), |tx, (id, state, by, why, now)| {
        Box::pin(
            async move { Ok(tx.run(SETTLE_REVIEW, args![*id, *state, by.as_str(), why.as_str(), *now]).await? == 1) },
        )
    })
    .await
}
