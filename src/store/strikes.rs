//! What may be said about a campaign's reduction on each listing, frozen when it started there, and whether channels show
//! it as long as they should.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::stages;
use crate::clock::Millis;

statements! {
    FREEZE = Sql::same(
        "insert into strikes
             (campaign_id, listing_id, campaign_minor, regular_minor, prior_minor, currency, window_from, started_at,
              announce, max_percent, reasons, created_at, ends_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $8, $12)
         on conflict (campaign_id, listing_id) do nothing");
    STRIKES_OF = Sql::same(
        "select s.campaign_id, s.listing_id, l.channel, p.sku, s.campaign_minor, s.regular_minor, s.prior_minor, s.currency,
                l.decimals, s.window_from, s.started_at, s.announce, s.max_percent, s.reasons
         from strikes s join listings l on l.id = s.listing_id join products p on p.id = l.product_id
         where s.campaign_id = $1 order by p.sku, l.channel limit $2");
    STRIKE = Sql::same(
        "select s.listing_id, s.regular_minor, s.prior_minor, s.window_from, s.started_at as starts_at,
                coalesce(s.ends_at, c.ends_at) as ends_at, s.announce
         from strikes s join campaigns c on c.id = s.campaign_id join listings l on l.id = s.listing_id
         where s.listing_id = $1 and c.phase in ('planned', 'running') and c.starts_at <= $2
           and coalesce(s.ends_at, c.ends_at) > $2
           and l.desired_minor = s.campaign_minor
         order by s.campaign_id desc limit 1");
    STEP_BEFORE = Sql::same(
        "select s.started_at as at, c.starts_at from strikes s join campaigns c on c.id = s.campaign_id
         where s.listing_id = $1 and c.ends_at = $2 and c.phase <> 'cancelled' order by s.campaign_id desc limit 1");
    UNSTARTED = Sql::same(
        "select l.channel, count(*) as n
         from campaign_items i join listings l on l.product_id = i.product_id
         join strikes s on s.campaign_id = i.campaign_id and s.listing_id = l.id
         where i.campaign_id = $1 and s.started_at <= $2 and (s.ends_at is null or s.ends_at > $3)
           and (l.live_minor is null or l.live_minor <> s.campaign_minor)
           and (l.desired_minor is null or l.desired_minor = s.campaign_minor)
         group by l.channel order by l.channel");
    UNENDED = Sql::same(
        "select l.channel, count(*) as n
         from strikes s join campaigns c on c.id = s.campaign_id join listings l on l.id = s.listing_id
         where s.campaign_id = $1 and l.live_minor = s.campaign_minor and l.desired_minor <> s.campaign_minor
           and (coalesce(s.ends_at, c.ends_at) <= $2 or c.ended_at <= $2)
         group by l.channel order by l.channel");
    OVER = Sql::same(
        "select s.listing_id as id from strikes s join campaigns c on c.id = s.campaign_id
         where s.listing_id = $1 and s.announce <> 0 and coalesce(s.ends_at, c.ends_at) > $2
           and coalesce(s.ends_at, c.ends_at) <= $3 limit 1");
    BACK = Sql::same(
        "select l.id as listing_id, s.regular_minor, c.starts_at
         from campaigns c join strikes s on s.campaign_id = c.id join listings l on l.id = s.listing_id
         where c.ends_at > $1 and (coalesce(s.ends_at, c.ends_at) <= $2 or c.ended_at <= $2)
           and (l.live_minor is null or l.live_minor <> s.regular_minor)
           and exists (select 1 from live_prices v
                       where v.listing_id = l.id and v.minor = s.regular_minor and v.currency = l.currency
                         and v.basis = 'verified' and v.seen_at <= s.started_at)
         order by s.campaign_id limit $3");
    REGULAR = Sql::same(
        "select campaign_minor, regular_minor from strikes where campaign_id = $1 and listing_id = $2");
}

/// What may be said about a reduction on one listing, frozen at its start. Amounts are minor units of the listing's
/// currency, in its own tax view.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub campaign_id: i64,
    pub listing_id: i64,
    pub campaign_minor: i64,
    /// The price that was live, or wanted, before the reduction.
    pub regular_minor: i64,
    /// The lowest price of the law's window; none where there is too little history.
    pub prior_minor: Option<i64>,
    pub currency: String,
    /// The first instant whose price counted.
    pub window_from: Option<Millis>,
    pub started_at: Millis,
    /// When it ends on this listing's channel.
    pub ends_at: Millis,
    pub announce: bool,
    pub max_percent: Option<u32>,
    /// Why it is or is not announced: JSON array of texts.
    pub reasons: String,
}

/// A [`Frozen`] as stored, with its names.
#[derive(Debug, Clone, sqlx::FromRow, serde::Serialize)]
pub struct StrikeRow {
    pub campaign_id: i64,
    pub listing_id: i64,
    pub channel: String,
    pub sku: String,
    pub campaign_minor: i64,
    pub regular_minor: i64,
    pub prior_minor: Option<i64>,
    pub currency: String,
    /// What the amounts are counted in; `None`: minor units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<i64>,
    pub window_from: Option<i64>,
    pub started_at: i64,
    pub announce: i64,
    pub max_percent: Option<i64>,
    pub reasons: String,
}

/// What a channel may show beside the reduced price of a listing. Amounts are minor units of the listing's currency, in
/// its own tax view; instants are UTC milliseconds. Without `announce` nothing but the price may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strike {
    pub listing_id: i64,
    pub regular_minor: i64,
    pub prior_minor: Option<i64>,
    /// The first instant whose price counted for `prior_minor`.
    pub window_from: Option<i64>,
    pub starts_at: i64,
    pub ends_at: Option<i64>,
    pub announce: bool,
}

impl Strike {
    /// The price that the reduction may be claimed from. Where a law asks for the lowest price of a time before, a
    /// higher one must not be crossed out, whether the lowest stands beside it or not (98/6/EC Art. 6a; CJEU C-330/23).
    #[must_use]
    pub fn reference_minor(&self) -> i64 {
        self.prior_minor.unwrap_or(self.regular_minor)
    }
}

/// The two prices of a reduction on one listing, in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Reduced {
    pub campaign_minor: i64,
    pub regular_minor: i64,
}

/// The price that a listing was proved to show before a campaign that is over there, in minor units of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Back {
    pub listing_id: i64,
    pub regular_minor: i64,
    /// When the campaign began, UTC milliseconds.
    pub starts_at: i64,
}

/// How many listings of a channel do not show what a campaign wants of them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Lagging {
    pub channel: String,
    pub n: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct FoundStrike {
    listing_id: i64,
    regular_minor: i64,
    prior_minor: Option<i64>,
    window_from: Option<i64>,
    starts_at: i64,
    ends_at: i64,
    announce: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    #[expect(dead_code, reason = "only whether there is a row matters")]
    id: i64,
}

#[derive(Debug, sqlx::FromRow)]
struct Step {
    at: i64,
    starts_at: i64,
}

/// Freezes what may be said about a reduction; what is frozen already stays.
///
/// # Errors
/// The engine's own.
pub async fn freeze(tx: &mut Tx, one: &Frozen) -> Result<(), StoreError> {
    tx.run(
        FREEZE,
        args![
            one.campaign_id,
            one.listing_id,
            one.campaign_minor,
            one.regular_minor,
            one.prior_minor,
            one.currency.as_str(),
            one.window_from,
            one.started_at,
            i64::from(one.announce),
            one.max_percent.map(i64::from),
            one.reasons.as_str(),
            one.ends_at
        ],
    )
    .await?;
    stages::started(tx, one).await
}

/// What was frozen for a campaign, by SKU and channel.
///
/// # Errors
/// The engine's own.
pub async fn strikes_of(db: &Db, campaign_id: i64, limit: i64) -> Result<Vec<StrikeRow>, StoreError> {
    db.all(STRIKES_OF, args![campaign_id, limit]).await
}

/// What a channel may show beside the price that a listing is to have, at this instant: nothing outside a running
/// campaign, or when another price than the campaign's is wanted.
///
/// # Errors
/// The engine's own.
pub async fn strike(tx: &mut Tx, listing_id: i64, now: Millis) -> Result<Option<Strike>, StoreError> {
    let found: Option<FoundStrike> = tx.maybe(STRIKE, args![listing_id, now]).await?;
    Ok(found.map(|row| Strike {
        listing_id: row.listing_id,
        regular_minor: row.regular_minor,
        prior_minor: row.prior_minor,
        window_from: row.window_from,
        starts_at: row.starts_at,
        ends_at: Some(row.ends_at),
        announce: row.announce != 0,
    }))
}

/// When the reduction on a listing went live whose campaign ended at the very instant at which another begins, and when
/// that campaign began: the step before in a progressive reduction.
///
/// # Errors
/// The engine's own.
pub async fn step_before(db: &Db, listing_id: i64, ended_at: Millis) -> Result<Option<(Millis, Millis)>, StoreError> {
    let row: Option<Step> = db.maybe(STEP_BEFORE, args![listing_id, ended_at]).await?;
    Ok(row.map(|row| (Millis(row.at), Millis(row.starts_at))))
}

/// What was frozen for one listing of a campaign.
///
/// # Errors
/// The engine's own.
pub async fn reduced(db: &Db, campaign_id: i64, listing_id: i64) -> Result<Option<Reduced>, StoreError> {
    db.maybe(REGULAR, args![campaign_id, listing_id]).await
}

/// The prices from before campaigns that are over on a listing which does not show that price yet; of campaigns that were to
/// end after `since`, in the order in which they were stored.
///
/// # Errors
/// The engine's own.
pub async fn back(db: &Db, since: Millis, now: Millis, limit: i64) -> Result<Vec<Back>, StoreError> {
    db.all(BACK, args![since, now, limit]).await
}

/// Whether an announced reduction on a listing ended after one instant and not after another.
///
/// # Errors
/// The engine's own.
pub async fn over_since(db: &Db, listing_id: i64, since: Millis, now: Millis) -> Result<bool, StoreError> {
    let found: Option<Id> = db.maybe(OVER, args![listing_id, since, now]).await?;
    Ok(found.is_some())
}

/// Per channel, how many listings whose reduction began before an instant, and is not over by `now`, do not show it. One for
/// which another price was decided since, by a lock or a price set by hand, is none of them.
///
/// # Errors
/// The engine's own.
pub async fn unstarted(db: &Db, campaign_id: i64, before: Millis, now: Millis) -> Result<Vec<Lagging>, StoreError> {
    db.all(UNSTARTED, args![campaign_id, before, now]).await
}

/// Per channel, how many listings show a reduction that ended before an instant, while another price is wanted.
///
/// # Errors
/// The engine's own.
pub async fn unended(db: &Db, campaign_id: i64, before: Millis) -> Result<Vec<Lagging>, StoreError> {
    db.all(UNENDED, args![campaign_id, before]).await
}
