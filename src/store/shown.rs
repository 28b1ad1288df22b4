//! What customers see, across channels and competitors: reads for those who watch over it. Writes nothing.

use sqlx::FromRow;

use super::StoreError;
use super::db::{Db, Sql, args, statements};
use crate::clock::Millis;
use crate::money::{Currency, exponent};

statements! {
    BETWEEN = Sql::same(
        "select product_id, channel, live_minor as minor, currency, decimals, desired_minor, desired_at, state from listings
         where product_id > $1 and product_id <= $2 and live_minor is not null");
    LOWER = Sql::same(
        "select p.sku from listings a join listings b on b.product_id = a.product_id and b.channel = $2
         join products p on p.id = a.product_id
         where a.channel = $1 and a.currency = b.currency
           and a.live_minor * (case coalesce(a.decimals, $5) when 0 then 1000000 when 1 then 100000 when 2 then 10000
                                                             when 3 then 1000 when 4 then 100 when 5 then 10 else 1 end)
             + $6 < b.live_minor * (case coalesce(b.decimals, $5) when 0 then 1000000 when 1 then 100000 when 2 then 10000
                                                             when 3 then 1000 when 4 then 100 when 5 then 10 else 1 end)
           and b.live_at <= $3 order by p.sku limit $4");
    LATE = Sql::same(
        "select channel, count(*) as listings, min(desired_at) as since,
                cast(coalesce(sum(case when state = 'unknown' or reason like '%no answer%' then 1 else 0 end), 0) as bigint) as unanswered
         from listings
         where channel = $1 and state in ('intended', 'sent', 'unknown', 'accepted', 'applied') and desired_at < $2
         group by channel");
    LATE_PRODUCTS = Sql::same(
        "select p.sku, l.desired_at from listings l join products p on p.id = l.product_id
         where l.channel = $1 and l.state in ('intended', 'sent', 'unknown', 'accepted', 'applied') and l.desired_at < $2
         order by p.sku, l.id limit $3");
    UNDERCUT = Sql::same(
        "select p.id as product_id, p.sku, p.own_minor, p.currency, t.competitor, o.price_minor
         from products p join targets t on t.product_id = p.id
         join observations o on o.id = (
             select max(x.id) from observations x where x.target_id = t.id and x.verdict = 'accepted')
         where p.tags like $1 and o.currency = p.currency and o.availability <> 'out_of_stock' and o.checks > 1
           and o.price_minor > 0
           and p.own_minor * (case when $6 like '%,' || p.market || ',%' then 130 else 100 end) > o.price_minor * $2
           and o.last_seen >= $3 and o.first_seen <= $4
           and not exists (select 1 from events e where e.dedupe = 'match-review/' || cast(t.id as text) and e.resolved_at is null)
         order by p.id, o.price_minor, t.competitor limit $5");
}

/// The price that a channel was last seen to show.
#[derive(Debug, Clone, FromRow)]
pub struct ShownPrice {
    pub product_id: i64,
    pub channel: String,
    /// In the channel's currency and tax view.
    pub minor: i64,
    pub currency: String,
    /// What the amounts are counted in; `None`: minor units of the currency.
    pub decimals: Option<i64>,
    /// What it should show, and since when.
    pub desired_minor: Option<i64>,
    pub desired_at: Option<i64>,
    pub state: String,
}

/// Prices of a channel that were wanted before an instant and are not live.
#[derive(Debug, Clone, FromRow)]
pub struct Late {
    pub channel: String,
    pub listings: i64,
    /// When the oldest of them was wanted.
    pub since: i64,
    /// How many of them got no answer at their last try.
    pub unanswered: i64,
}

/// A product whose price waits for a channel.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LateProduct {
    pub sku: String,
    /// When it was wanted.
    pub desired_at: i64,
}

/// A competitor's offer that may be cheaper than ours; both prices as they are stored, each in its own tax view.
#[derive(Debug, Clone, FromRow)]
pub struct Undercut {
    pub product_id: i64,
    pub sku: String,
    pub own_minor: i64,
    pub currency: String,
    pub competitor: String,
    pub price_minor: i64,
}

/// What channels show of the products with ids in `(after, until]`.
///
/// # Errors
/// The engine's own.
pub async fn between(db: &Db, after: i64, until: i64) -> Result<Vec<ShownPrice>, StoreError> {
    db.all(BETWEEN, args![after, until]).await
}

/// SKUs for which one channel shows less than another has shown since an instant, by more than `slack` millionths of their
/// common currency.
///
/// # Errors
/// The engine's own.
pub async fn lower(
    db: &Db,
    channel: &str,
    than: &str,
    (currency, slack): (Currency, i64),
    since: Millis,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    #[derive(FromRow)]
    struct Row {
        sku: String,
    }
    let rows: Vec<Row> =
        db.all(LOWER, args![channel, than, since, limit, i64::from(exponent(currency)), slack]).await?;
    Ok(rows.into_iter().map(|row| row.sku).collect())
}

/// What waits on a channel longer than since an instant; `None` if nothing does.
///
/// # Errors
/// The engine's own.
pub async fn late(db: &Db, channel: &str, before: Millis) -> Result<Option<Late>, StoreError> {
    db.maybe(LATE, args![channel, before]).await
}

/// The products of what waits on a channel longer than since an instant, as [`late`] counts them.
///
/// # Errors
/// The engine's own.
pub async fn late_products(db: &Db, channel: &str, before: Millis, limit: i64) -> Result<Vec<LateProduct>, StoreError> {
    db.all(LATE_PRODUCTS, args![channel, before, limit]).await
}

/// Offers for products with a tag that we may exceed by more than `percent` (105: by more than 5 %), seen more than once, last
/// since `fresh` and first before `begun`; the cheapest of a product first. In the markets named in `net` our prices are without
/// VAT and offers mostly with it: there every offer is told that could exceed ours without up to 30 %. Whoever asks compares.
///
/// # Errors
/// The engine's own.
pub async fn undercut(
    db: &Db,
    tag: &str,
    (percent, net): (i64, &[&str]),
    fresh: Millis,
    begun: Millis,
    limit: i64,
) -> Result<Vec<Undercut>, StoreError> {
    // Tags are stored as a JSON list of texts.
    let tagged = format!("%\"{tag}\"%");
    let net = format!(",{},", net.join(","));
    db.all(UNDERCUT, args![tagged, percent, fresh, begun, limit, net]).await
}
