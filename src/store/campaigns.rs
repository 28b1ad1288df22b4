//! Campaigns: their products and prices, the window of each channel, and their phases.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::{self, Desire};
use super::products;
use super::strikes::{self, Frozen};
use crate::clock::Millis;

statements! {
    INSERT = Sql::same(
        "insert into campaigns
             (name, starts_at, ends_at, zone, channels, announce, policy, owner, why, body, phase, created_at,
              cart_grace_ms, windows, added_by, asked, waits_until, audience)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'planned', $11, $12, $13, $14, $15, $16, $17)
         returning id");
    INSERT_ITEM = Sql::same(
        "insert into campaign_items (campaign_id, product_id, price_minor, currency, created_at)
         values ($1, $2, $3, $4, $5)");
    OVERLAPPING = Sql::same(
        "select c.name, p.sku from campaign_items i
         join campaigns c on c.id = i.campaign_id join products p on p.id = i.product_id
         where i.product_id = $1 and c.phase in ('planned', 'running') and c.starts_at < $3 and c.ends_at > $2
         order by c.starts_at, c.id limit 1");
    BY_NAME = Sql::same("select * from campaigns where name = $1");
    BY_ID = Sql::same("select * from campaigns where id = $1");
    LIST = Sql::same("select * from campaigns order by starts_at desc, id desc limit $1");
    OPEN = Sql::same("select * from campaigns where phase in ('planned', 'running') and waits_until is null order by starts_at, id");
    WAITING = Sql::same(
        "select * from campaigns where phase = 'planned' and waits_until is not null order by waits_until, id");
    CONSENT = Sql::same(
        "update campaigns set waits_until = null, consent_by = $2, consent_why = $3, consent_at = $4
         where id = $1 and phase = 'planned' and waits_until > $4");
    ENDED = Sql::same(
        "select * from campaigns where phase in ('over', 'cancelled') and ended_at > $1 order by ended_at, id");
    ITEMS = Sql::same(
        "select i.product_id, p.sku, p.title, i.price_minor, i.currency, p.own_minor, p.regular_minor
         from campaign_items i join products p on p.id = i.product_id where i.campaign_id = $1 order by p.sku limit $2");
    PRODUCTS = Sql::same(
        "select product_id as id from campaign_items where campaign_id = $1 and product_id > $2 order by product_id limit $3");
    OF_PRODUCT = Sql::same(
        "select c.id, c.name, c.starts_at, c.ends_at, c.channels, c.announce, c.windows, i.price_minor, i.currency,
                c.created_at, c.audience
         from campaign_items i join campaigns c on c.id = i.campaign_id
         where i.product_id = $1 and c.phase in ('planned', 'running') and c.waits_until is null and c.ends_at > $2
         order by c.starts_at, c.id");
    DIRTY_ITEMS = Sql::same(
        "update products set dirty_at = case when dirty_at is not null and leased_until > 0 then dirty_at + 1 else $2 end
         where id in (select i.product_id from campaign_items i where i.campaign_id = $1)
           and (dirty_at is null or dirty_at > $2 or leased_until > 0)");
    SET_PHASE = Sql::same(
        "update campaigns set phase = $2, ended_by = $3, ended_why = $4, ended_at = $5
         where id = $1 and phase in ('planned', 'running') and phase <> $2");
    SETTLE = Sql::same("update campaigns set windows = $2 where id = $1 and windows is null");
    TENDED = Sql::same("update campaigns set tended_at = $2 where id = $1 and coalesce(tended_at, 0) < $2");
    POSTPONE = Sql::same(
        "update campaigns set starts_at = $2, windows = null where id = $1 and phase = 'planned' and starts_at < $2 and ends_at > $2");
}

/// A campaign to be stored: instants are UTC, `zone` is what people see them in, no channels means all of them.
#[derive(Debug, Clone)]
pub struct New {
    pub name: String,
    pub starts_at: Millis,
    pub ends_at: Millis,
    pub zone: String,
    pub channels: Vec<String>,
    pub announce: bool,
    /// Who it is for: `public` or `loyalty`.
    pub audience: &'static str,
    pub policy: &'static str,
    /// So long after the end checkouts keep the price.
    pub cart_grace_ms: i64,
    /// Each channel's window, as a JSON object, where the start is too near to settle them later.
    pub windows: Option<String>,
    pub owner: String,
    pub why: String,
    /// The file as it was read.
    pub body: String,
    /// Who stores it; one of the two persons where it needs two.
    pub added_by: String,
    /// Why it needs the consent of a second person, and until when that may be given: until then it decides nothing.
    pub asked: Option<(String, Millis)>,
    pub items: Vec<NewItem>,
}

/// A product's price in a campaign: gross minor units.
#[derive(Debug, Clone)]
pub struct NewItem {
    pub product_id: i64,
    pub price_minor: i64,
    pub currency: String,
}

/// A campaign as stored. `channels` is a JSON array of names; empty means all.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Campaign {
    pub id: i64,
    pub name: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub zone: String,
    pub channels: String,
    pub announce: i64,
    pub policy: String,
    pub owner: String,
    pub why: String,
    pub phase: String,
    pub ended_by: Option<String>,
    pub ended_why: Option<String>,
    pub created_at: i64,
    /// Each channel's window, as a JSON object; none until the campaign is about to start.
    pub windows: Option<String>,
    /// Ends of windows up to here have been acted on.
    pub tended_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub cart_grace_ms: i64,
    /// Who stored it; older ones do not say.
    pub added_by: Option<String>,
    /// Why it needed the consent of a second person.
    pub asked: Option<String>,
    /// Until when a second person may agree, UTC milliseconds; none where nobody is waited for.
    pub waits_until: Option<i64>,
    pub consent_by: Option<String>,
    pub consent_why: Option<String>,
    pub consent_at: Option<i64>,
    /// Who it is for: `public` or `loyalty`.
    pub audience: String,
}

impl Campaign {
    /// Until when it waits for a second person; none once somebody has agreed or it has ended.
    #[must_use]
    pub fn waits(&self) -> Option<Millis> {
        self.waits_until.filter(|_| self.phase == "planned").map(Millis)
    }
}

/// A product of a campaign with what it costs otherwise.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Item {
    pub product_id: i64,
    pub sku: String,
    pub title: String,
    pub price_minor: i64,
    pub currency: String,
    pub own_minor: i64,
    pub regular_minor: Option<i64>,
}

/// A campaign as one product sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OfProduct {
    pub id: i64,
    pub name: String,
    pub starts_at: i64,
    pub ends_at: i64,
    pub channels: String,
    pub announce: i64,
    /// Each channel's window, as a JSON object; none until the campaign is about to start.
    pub windows: Option<String>,
    pub price_minor: i64,
    pub currency: String,
    pub created_at: i64,
    /// Who it is for: `public` or `loyalty`.
    pub audience: String,
}

/// Why a campaign was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    Stored(i64),
    /// The name is taken.
    Exists,
    /// A product is in another campaign at that time: its name and the SKU.
    Overlaps {
        campaign: String,
        sku: String,
    },
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}
#[derive(Debug, sqlx::FromRow)]
struct Overlap {
    name: String,
    sku: String,
}

/// Stores a campaign with its products, unless one of them is in another campaign at that time, and asks for decisions.
///
/// # Errors
/// The engine's own; nothing is stored then.
pub async fn add(db: &Db, new: New, now: Millis) -> Result<Added, StoreError> {
    db.write((new, now), |tx, (new, now)| Box::pin(add_in(tx, new, *now))).await
}

/// Why a campaign would not be stored now; `None`: it would.
///
/// # Errors
/// The engine's own.
pub async fn refusal(db: &Db, new: New) -> Result<Option<Added>, StoreError> {
    db.write(new, |tx, new| Box::pin(refused(tx, new))).await
}

async fn refused(tx: &mut Tx, new: &New) -> Result<Option<Added>, StoreError> {
    if tx.maybe::<Campaign>(BY_NAME, args![new.name.as_str()]).await?.is_some() {
        return Ok(Some(Added::Exists));
    }
    for item in &new.items {
        let other: Option<Overlap> = tx.maybe(OVERLAPPING, args![item.product_id, new.starts_at, new.ends_at]).await?;
        if let Some(Overlap { name, sku }) = other {
            return Ok(Some(Added::Overlaps { campaign: name, sku }));
        }
    }
    Ok(None)
}

async fn add_in(tx: &mut Tx, new: &New, now: Millis) -> Result<Added, StoreError> {
    if let Some(why) = refused(tx, new).await? {
        return Ok(why);
    }
    let channels = serde_json::to_string(&new.channels)
        .map_err(|e| StoreError::Corrupt { what: "channel list", why: e.to_string() })?;
    let Id { id } = tx
        .one(
            INSERT,
            args![
                new.name.as_str(),
                new.starts_at,
                new.ends_at,
                new.zone.as_str(),
                channels,
                i64::from(new.announce),
                new.policy,
                new.owner.as_str(),
                new.why.as_str(),
                new.body.as_str(),
                now,
                new.cart_grace_ms,
                new.windows.as_deref(),
                new.added_by.as_str(),
                new.asked.as_ref().map(|(why, _)| why.as_str()),
                new.asked.as_ref().map(|(_, until)| until.0),
                new.audience
            ],
        )
        .await?;
    for item in &new.items {
        tx.run(INSERT_ITEM, args![id, item.product_id, item.price_minor, item.currency.as_str(), now]).await?;
        products::mark_dirty(tx, item.product_id, now).await?;
    }
    Ok(Added::Stored(id))
}

/// A campaign by its name.
///
/// # Errors
/// The engine's own.
pub async fn by_name(db: &Db, name: &str) -> Result<Option<Campaign>, StoreError> {
    db.maybe(BY_NAME, args![name]).await
}

/// A campaign by its number.
///
/// # Errors
/// The engine's own.
pub async fn by_id(db: &Db, id: i64) -> Result<Option<Campaign>, StoreError> {
    db.maybe(BY_ID, args![id]).await
}

/// All campaigns, latest start first.
///
/// # Errors
/// The engine's own.
pub async fn list(db: &Db, limit: i64) -> Result<Vec<Campaign>, StoreError> {
    db.all(LIST, args![limit]).await
}

/// Campaigns that wait for the consent of a second person, those first whose time ends first.
///
/// # Errors
/// The engine's own.
pub async fn waiting(db: &Db) -> Result<Vec<Campaign>, StoreError> {
    db.all(WAITING, args![]).await
}

/// Notes the second person and asks for a decision on all products; false if nobody is waited for any more, or the time for
/// it is over.
///
/// # Errors
/// The engine's own.
pub async fn consent(db: &Db, id: i64, by: String, why: String, now: Millis) -> Result<bool, StoreError> {
    db.write((id, by, why, now), |tx, (id, by, why, now)| {
        Box::pin(async move {
            let agreed = tx.run(CONSENT, args![*id, by.as_str(), why.as_str(), *now]).await? == 1;
            if agreed {
                tx.run(DIRTY_ITEMS, args![*id, *now]).await?;
            }
            Ok(agreed)
        })
    })
    .await
}

/// Campaigns that are planned or running and wait for nobody, earliest start first.
///
/// # Errors
/// The engine's own.
pub async fn open(db: &Db) -> Result<Vec<Campaign>, StoreError> {
    db.all(OPEN, args![]).await
}

/// The products of a campaign, by SKU.
///
/// # Errors
/// The engine's own.
pub async fn items(db: &Db, campaign_id: i64, limit: i64) -> Result<Vec<Item>, StoreError> {
    db.all(ITEMS, args![campaign_id, limit]).await
}

/// Ids of a campaign's products, ascending, after one.
///
/// # Errors
/// The engine's own.
pub async fn products(db: &Db, campaign_id: i64, after: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<Id> = db.all(PRODUCTS, args![campaign_id, after, limit]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Campaigns of a product that run now or later, earliest first.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64, now: Millis) -> Result<Vec<OfProduct>, StoreError> {
    db.all(OF_PRODUCT, args![product_id, now]).await
}

/// Moves a campaign to another phase and asks for a decision on all its products; false if it is there or has ended.
///
/// # Errors
/// The engine's own.
pub async fn set_phase(
    db: &Db,
    id: i64,
    phase: &'static str,
    by: Option<String>,
    why: Option<String>,
    now: Millis,
) -> Result<bool, StoreError> {
    db.write((id, phase, by, why, now), |tx, (id, phase, by, why, now)| {
        Box::pin(async move {
            let ended = matches!(*phase, "over" | "cancelled").then_some(*now);
            let moved = tx.run(SET_PHASE, args![*id, *phase, by.as_deref(), why.as_deref(), ended]).await? > 0;
            if moved {
                tx.run(DIRTY_ITEMS, args![*id, *now]).await?;
            }
            Ok(moved)
        })
    })
    .await
}

/// Starts a planned campaign later, never earlier and never after its end; false if that is not possible.
///
/// # Errors
/// The engine's own.
pub async fn postpone(db: &Db, id: i64, starts_at: Millis) -> Result<bool, StoreError> {
    db.write((id, starts_at), |tx, &(id, at)| Box::pin(async move { Ok(tx.run(POSTPONE, args![id, at]).await? > 0) }))
        .await
}

/// Raises desired prices together with what may be said about them, outside a decision: the start or end of a campaign
/// of some channels only.
///
/// # Errors
/// The engine's own; nothing is stored then.
pub async fn desire(
    db: &Db,
    frozen: Vec<Frozen>,
    desires: Vec<Desire>,
    decision_id: Option<i64>,
    now: Millis,
) -> Result<(), StoreError> {
    db.write((frozen, desires, decision_id, now), |tx, (frozen, desires, decision_id, now)| {
        Box::pin(async move {
            for one in frozen {
                strikes::freeze(tx, one).await?;
            }
            for one in desires {
                listings::desire(tx, one, *decision_id, *now).await?;
            }
            Ok(())
        })
    })
    .await
}

/// Campaigns that ended, by time or by hand, after an instant.
///
/// # Errors
/// The engine's own.
pub async fn ended(db: &Db, since: Millis) -> Result<Vec<Campaign>, StoreError> {
    db.all(ENDED, args![since]).await
}

/// Stores each channel's window of a campaign that is about to start; windows that are settled stay.
///
/// # Errors
/// The engine's own.
pub async fn settle(db: &Db, id: i64, windows: String) -> Result<(), StoreError> {
    db.write((id, windows), |tx, (id, windows)| {
        Box::pin(async move { tx.run(SETTLE, args![*id, windows.as_str()]).await.map(|_| ()) })
    })
    .await
}

/// Notes that everything due up to an instant was done.
///
/// # Errors
/// The engine's own.
pub async fn tended(db: &Db, id: i64, now: Millis) -> Result<(), StoreError> {
    db.write((id, now), |tx, &(id, now)| Box::pin(async move { tx.run(TENDED, args![id, now]).await.map(|_| ()) }))
        .await
}
