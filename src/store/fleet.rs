//! Questions about a whole channel or catalogue at once: how much is about to move, what a day's updates of a listing
//! were, and what stood at an instant.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::listings::Listing;
use crate::clock::Millis;

/// Moves of so many milliseconds count together: prices that go out one at a time are as much of a move as prices that go
/// out at once.
pub const MOVES_COUNT_FOR: i64 = Millis::HOUR;

statements! {
    MOVING = Sql::same(
        "select count(*) as known,
                cast(coalesce(sum(case when m.wanted <> m.base then 1 else 0 end), 0) as bigint) as moving,
                cast(coalesce(sum(abs(m.wanted - m.base) * 10000 / nullif(m.base, 0)), 0) as bigint) as moved_bp
         from (select case when l.state in ('intended', 'held') or l.sent_at > $2 then l.desired_minor end as wanted,
                      case when l.sent_at > $2 then coalesce(l.moved_from, l.live_minor) else l.live_minor end as base
               from listings l
               where l.channel = $1 and l.live_minor > 0
                 and (l.sent_at is null or l.sent_at <= $2 or l.moved_since > $2)) m");
    // Those that were sent again and again: what they showed at the instant only their history tells. Apart from the others,
    // so that the lookups weigh on nobody else.
    MOVED_BEFORE = Sql::same(
        "select count(*) as known,
                cast(coalesce(sum(case when m.wanted <> m.base then 1 else 0 end), 0) as bigint) as moving,
                cast(coalesce(sum(abs(m.wanted - m.base) * 10000 / nullif(m.base, 0)), 0) as bigint) as moved_bp
         from (select case when l.state in ('intended', 'held') or l.sent_at > $2 then l.desired_minor end as wanted,
                      coalesce((select v.minor from live_prices v
                                where v.listing_id = l.id and v.seen_at <= $2
                                  and v.basis in ('verified', 'accepted', 'foreign')
                                order by v.id desc limit 1),
                               (select v.minor from live_prices v
                                where v.listing_id = l.id and v.basis in ('verified', 'accepted', 'foreign')
                                order by v.id limit 1), l.live_minor) as base
               from listings l
               where l.channel = $1 and l.live_minor > 0
                 and l.sent_at > $2 and (l.moved_since is null or l.moved_since <= $2)) m");
    DUE = Sql::same(
        "select count(*) as n from (select l.id from listings l
                                    where l.channel = $1 and l.next_at <= $2 and l.leased_until <= $2 limit 1) d");
    UNSEEDED = Sql::same(
        "select product_id from listings where channel = $1 and desired_seq = 0 and live_minor is null and product_id > $2
         order by product_id limit $3");
    PUSHED = Sql::same(
        "select count(*) as n, min(a.started_at) as oldest from attempts a join listings l on l.id = a.listing_id
         where l.product_id = $1 and l.channel = $2 and l.external = $3 and a.kind = 'push' and a.started_at > $4");
    PRICES_AT = Sql::same(
        "select d.product_id, p.sku, d.price_minor, d.currency, p.own_minor, d.created_at
         from decisions d join products p on p.id = d.product_id
         where d.product_id > $2 and d.price_minor <> p.own_minor and d.created_at >= coalesce(p.amounts_since, 0)
           and d.version = (select max(e.version) from decisions e where e.product_id = d.product_id and e.created_at <= $1)
           and not exists (select 1 from product_moves m
                           where m.product_id = d.product_id and m.created_at <= $1 and m.created_at > d.created_at)
         order by d.product_id limit $3");
    // A move is no decision, and newer than the one before it.
    MOVED_AT = Sql::same(
        "select m.product_id, p.sku, m.minor as price_minor, m.currency, p.own_minor, m.created_at
         from product_moves m join products p on p.id = m.product_id
         where m.product_id > $2 and m.minor <> p.own_minor and m.created_at >= coalesce(p.amounts_since, 0)
           and m.created_at = (select max(n.created_at) from product_moves n where n.product_id = m.product_id and n.created_at <= $1)
           and not exists (select 1 from decisions d
                           where d.product_id = m.product_id and d.created_at <= $1 and d.created_at >= m.created_at)
         order by m.product_id limit $3");
    FIRST_PRICES = Sql::same(
        "select d.product_id, p.sku, d.previous_minor as price_minor, d.currency, p.own_minor, d.created_at
         from decisions d join products p on p.id = d.product_id
         where d.product_id > $2 and d.version = (select min(e.version) from decisions e where e.product_id = d.product_id)
           and d.created_at > $1 and d.previous_minor > 0 and d.previous_minor <> p.own_minor
           and coalesce(p.amounts_since, 0) <= $1
           and not exists (select 1 from product_moves m where m.product_id = d.product_id and m.created_at < d.created_at)
         order by d.product_id limit $3");
    FIRST_MOVED = Sql::same(
        "select m.product_id, p.sku, m.from_minor as price_minor, m.from_currency as currency, p.own_minor, m.created_at
         from product_moves m join products p on p.id = m.product_id
         where m.product_id > $2 and m.created_at > $1 and m.from_minor <> p.own_minor and coalesce(p.amounts_since, 0) <= $1
           and m.created_at = (select min(n.created_at) from product_moves n where n.product_id = m.product_id)
           and not exists (select 1 from decisions d where d.product_id = m.product_id and d.created_at < m.created_at)
         order by m.product_id limit $3");
    OTHER_MONEY = Sql::same(
        "select sku from products where amounts_since > $1 and created_at <= $1 order by id limit $2");
    LIVE_AT = Sql::same(
        "select l.id as listing_id, p.sku, v.minor, l.currency, l.decimals, l.desired_minor, l.decision_id
         from listings l join products p on p.id = l.product_id join live_prices v on v.listing_id = l.id
         join channels c on c.name = l.channel
         where l.channel = $1 and l.id > $3 and (v.audience = 'public' or c.audience = v.audience) and v.currency = l.currency
           and v.id = (select max(w.id) from live_prices w
                       where w.listing_id = l.id and w.seen_at <= $2 and w.basis in ('verified', 'accepted'))
           and (l.desired_minor is null or l.desired_minor <> v.minor)
         order by l.id limit $4");
    NUMBERED = Sql::same(
        "select p.sku, d.version, d.created_at from decisions d join products p on p.id = d.product_id where d.id = $1");
    CHANGED = Sql::same(
        "select * from products where shelf_at > $1 or (shelf_at = $1 and id > $2) order by shelf_at, id limit $3");
}

#[derive(Debug, sqlx::FromRow)]
struct Unseeded {
    product_id: i64,
}

/// How much of a channel moves: what was sent since an instant and what is about to be. Listings that show nothing yet
/// do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Moving {
    /// Listings whose live price is known.
    pub known: i64,
    /// Those that are to show another price, than they show or than they showed before what was sent.
    pub moving: i64,
    /// The sum of their moves, in hundredths of a percent of that price.
    pub moved_bp: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Sku {
    sku: String,
}

#[derive(Debug, sqlx::FromRow)]
struct Count {
    n: i64,
}

/// A product's price at an instant that is not its price now.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Then {
    pub product_id: i64,
    pub sku: String,
    pub price_minor: i64,
    pub currency: String,
    /// What it costs now.
    pub own_minor: i64,
    /// When the decision or move was made that says so.
    pub created_at: i64,
}

/// What a listing showed at an instant and is not to show now.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct LiveThen {
    pub listing_id: i64,
    pub sku: String,
    pub minor: i64,
    pub currency: String,
    /// What the amounts are counted in; `None`: minor units of the currency.
    pub decimals: Option<i64>,
    pub desired_minor: Option<i64>,
    pub decision_id: Option<i64>,
}

/// Channels whose updates of one listing a vendor counts together, and for how long each counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub channels: Vec<String>,
    /// In milliseconds.
    pub window_ms: i64,
}

/// What is used up of an allowance: the updates of the last window, and when the first of them began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub updates: i64,
    pub oldest: Option<Millis>,
}

impl Spent {
    /// Nothing yet.
    pub const NONE: Self = Self { updates: 0, oldest: None };

    /// What several channels used together of one allowance.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let oldest = self.oldest.into_iter().chain(other.oldest).min();
        Self { updates: self.updates + other.updates, oldest }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Pushed {
    n: i64,
    oldest: Option<i64>,
}

/// A decision as a person knows it.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct Numbered {
    pub sku: String,
    pub version: i64,
    pub created_at: i64,
}

/// Whether a channel has anything to send or to read now.
///
/// # Errors
/// The engine's own.
pub async fn anything_due(db: &Db, channel: &str, now: Millis) -> Result<bool, StoreError> {
    Ok(db.maybe::<Count>(DUE, args![channel, now]).await?.is_some_and(|row| row.n > 0))
}

/// How much of a channel is about to move, together with what was sent since an instant, at most [`MOVES_COUNT_FOR`] ago.
///
/// # Errors
/// The engine's own.
pub async fn moving(db: &Db, channel: &str, since: Millis) -> Result<Moving, StoreError> {
    let none = Moving { known: 0, moving: 0, moved_bp: 0 };
    let most: Moving = db.maybe(MOVING, args![channel, since]).await?.unwrap_or(none);
    let rest: Moving = db.maybe(MOVED_BEFORE, args![channel, since]).await?.unwrap_or(none);
    Ok(Moving {
        known: most.known + rest.known,
        moving: most.moving + rest.moving,
        moved_bp: most.moved_bp + rest.moved_bp,
    })
}

/// Products, by id after `after_id`, whose listing on a channel never had a price and of which none was ever wanted.
///
/// # Errors
/// The engine's own.
pub async fn unseeded(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
    let rows: Vec<Unseeded> = db.all(UNSEEDED, args![channel, after_id, limit]).await?;
    Ok(rows.into_iter().map(|row| row.product_id).collect())
}

impl From<Option<Pushed>> for Spent {
    fn from(row: Option<Pushed>) -> Self {
        row.map_or(Self::NONE, |row| Self { updates: row.n, oldest: row.oldest.map(Millis) })
    }
}

/// Pushes of a product's listing on a channel after an instant, if it has that reference there. What it says may be old
/// by the time that a push begins: only [`super::lanes::begin_push`] takes from an allowance.
///
/// # Errors
/// The engine's own.
pub async fn pushed_since(
    db: &Db,
    product_id: i64,
    channel: &str,
    external: &str,
    since: Millis,
) -> Result<Spent, StoreError> {
    Ok(db.maybe::<Pushed>(PUSHED, args![product_id, channel, external, since]).await?.into())
}

/// What is used up of a listing's allowance, under the lock on its product: nobody else takes from it meanwhile.
pub(super) async fn spent(tx: &mut Tx, listing: &Listing, of: &Counted, now: Millis) -> Result<Spent, StoreError> {
    let (external, since) = (listing.external.as_deref().unwrap_or_default(), now.plus(-of.window_ms));
    let mut spent = Spent::NONE;
    for channel in &of.channels {
        let row: Option<Pushed> =
            tx.maybe(PUSHED, args![listing.product_id, channel.as_str(), external, since]).await?;
        spent = spent.and(row.into());
    }
    Ok(spent)
}

/// Products, by id after `after_id`, whose price at an instant differs from today's: that of the newest decision or move up to
/// then, or what was there before the first one. Left out are those that were in another money then: [`in_other_money`].
///
/// # Errors
/// The engine's own.
pub async fn prices_at(db: &Db, at: Millis, after_id: i64, limit: i64) -> Result<Vec<Then>, StoreError> {
    let mut rows: Vec<Then> = db.all(PRICES_AT, args![at, after_id, limit]).await?;
    for more in [MOVED_AT, FIRST_PRICES, FIRST_MOVED] {
        rows.extend(db.all::<Then>(more, args![at, after_id, limit]).await?);
    }
    rows.sort_by_key(|row| row.product_id);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows)
}

/// SKUs of products that have gone into another money, or another tax view, since an instant: no price of then is one of now.
///
/// # Errors
/// The engine's own.
pub async fn in_other_money(db: &Db, at: Millis, limit: i64) -> Result<Vec<String>, StoreError> {
    Ok(db.all::<Sku>(OTHER_MONEY, args![at, limit]).await?.into_iter().map(|row| row.sku).collect())
}

/// Listings of a channel, by id after `after_id`, that showed another price at an instant than they are to show now. Left out
/// is what members alone could have, where everybody sees the channel now, and what was in another currency.
///
/// # Errors
/// The engine's own.
pub async fn live_at(
    db: &Db,
    channel: &str,
    at: Millis,
    after_id: i64,
    limit: i64,
) -> Result<Vec<LiveThen>, StoreError> {
    db.all(LIVE_AT, args![channel, at, after_id, limit]).await
}

/// Whose decision a number is, and when it was made.
///
/// # Errors
/// The engine's own.
pub async fn numbered(db: &Db, decision_id: i64) -> Result<Option<Numbered>, StoreError> {
    db.maybe(NUMBERED, args![decision_id]).await
}

/// Products of which a till is told something else after (instant, id), in that order.
///
/// # Errors
/// The engine's own.
pub async fn changed_since(
    db: &Db,
    at: Millis,
    id: i64,
    limit: i64,
) -> Result<Vec<super::products::Product>, StoreError> {
    db.all(CHANGED, args![at, id, limit]).await
}
