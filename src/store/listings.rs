//! Listings, one product on one channel each: what it should show, and the price it was found with.

use super::StoreError;
use super::db::{Db, Sql, Tx, args, statements};
use super::products::Product;
use super::progress::note_live;
use crate::clock::Millis;
use crate::money::{MoneyError, WirePrice};

statements! {
    ADD = Sql::same(
        "insert into listings
             (channel, product_id, external, state, state_since, reason, currency, desired_seq, sent_seq, verified_seq,
              live_minor, live_at, tries, reads, leased_until, lease_token, created_at, decimals)
         values ($1, $2, $3, 'idle', $4, '', $5, 0, 0, 0, $6, $7, 0, 0, 0, 0, $4, $8)
         on conflict (channel, product_id) do update set external = excluded.external
         returning id");
    HOLDER = Sql::same(
        "select p.sku from listings l join products p on p.id = l.product_id
         where l.channel = $1 and l.external = $2 and l.product_id <> $3 order by l.id limit 1");
    UNLISTED = Sql::same(
        "select p.* from products p
         where p.id > $2 and not exists (select 1 from listings l where l.product_id = p.id and l.channel = $1)
         order by p.id limit $3");
    DESIRE = Sql::same(
        "update listings
         set desired_seq = desired_seq + 1 + case when desired_seq > 0 then 0 else
                 coalesce((select cast(s.value as bigint) from settings s where s.name = 'sequences/base'), 0) end,
             desired_minor = $2, desired_at = $4, decision_id = $3, tries = 0, reads = 0,
             state_since = case when state in ('sent', 'accepted', 'applied', 'unknown') then state_since else $4 end,
             reason = case when state in ('sent', 'accepted', 'applied', 'unknown') then reason else $5 end,
             state = case when state in ('sent', 'accepted', 'applied', 'unknown') then state else $6 end,
             next_at = case when $6 = 'held' and state not in ('sent', 'accepted', 'applied', 'unknown') then null else $4 end
         where id = $1");
    OF_PRODUCT = Sql::same("select * from listings where product_id = $1 order by channel");
    RECONCILABLE = Sql::same(
        "select * from listings
         where channel = $1 and id > $2 and state in ('idle', 'verified', 'drifted', 'parked', 'rejected', 'held')
             and external is not null
         order by id limit $3");
}

/// A listing as stored: one product on one channel. Amounts are in the channel's tax view, counted in `decimals` of
/// `currency`; [`Listing::price`] and [`Listing::units`] turn counts into prices and back.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Listing {
    pub id: i64,
    pub channel: String,
    pub product_id: i64,
    /// The channel's own reference: variant id, feed id. Empty until mapped.
    pub external: Option<String>,
    pub state: String,
    pub state_since: i64,
    pub reason: String,
    pub currency: String,
    /// What all amounts of the listing are counted in; `None`: minor units of the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<i64>,
    /// Raised by every decision, config, FX or VAT change; the fence and the idempotency key.
    pub desired_seq: i64,
    pub desired_minor: Option<i64>,
    pub desired_at: Option<i64>,
    pub decision_id: Option<i64>,
    pub sent_seq: i64,
    pub sent_minor: Option<i64>,
    /// What was sent as crossed out; `None`: nothing.
    pub sent_regular_minor: Option<i64>,
    pub sent_at: Option<i64>,
    /// The number from which a push carries what is staged for the listing, or that nothing is any more.
    pub stage_seq: i64,
    /// The start of a sale that the last push carried: from `staged_from` until `staged_until` the channel shows
    /// `staged_minor` by itself, with `sent_minor` crossed out.
    pub staged_minor: Option<i64>,
    pub staged_from: Option<i64>,
    pub staged_until: Option<i64>,
    /// Until then a push without an answer may still take effect.
    pub unsure_until: i64,
    /// The range of earlier prices that may still be showing: sent, and never seen.
    pub maybe_low: Option<i64>,
    pub maybe_high: Option<i64>,
    pub verified_seq: i64,
    pub live_minor: Option<i64>,
    pub live_at: Option<i64>,
    /// Pushes of the current desired price.
    pub tries: i64,
    /// Reads since the last push.
    pub reads: i64,
    pub next_at: Option<i64>,
    pub leased_until: i64,
    pub lease_token: i64,
}

#[cfg(test)]
impl Listing {
    /// A listing of a shop in kroner of which nothing is known but its state.
    pub(crate) fn plain(state: &str) -> Self {
        Self {
            id: 1,
            channel: "webshop".into(),
            product_id: 1,
            external: None,
            state: state.into(),
            state_since: 0,
            reason: String::new(),
            currency: "DKK".into(),
            decimals: None,
            desired_seq: 0,
            desired_minor: None,
            desired_at: None,
            decision_id: None,
            sent_seq: 0,
            sent_minor: None,
            sent_regular_minor: None,
            sent_at: None,
            stage_seq: 0,
            staged_minor: None,
            staged_from: None,
            staged_until: None,
            unsure_until: 0,
            maybe_low: None,
            maybe_high: None,
            verified_seq: 0,
            live_minor: None,
            live_at: None,
            tries: 0,
            reads: 0,
            next_at: None,
            leased_until: 0,
            lease_token: 0,
        }
    }
}

/// Clocks of channels may be ahead of ours by this.
const CLOCKS_DIFFER: i64 = Millis::MINUTE;

impl Listing {
    /// The price that a count of this listing is.
    ///
    /// # Errors
    /// A stored currency or number of decimals that is none.
    pub fn price(&self, units: i64) -> Result<WirePrice, MoneyError> {
        WirePrice::stored(units, self.decimals, &self.currency)
    }

    /// The count that a price is in this listing.
    ///
    /// # Errors
    /// Another currency, or more decimals than the listing is counted in.
    pub fn units(&self, price: WirePrice) -> Result<i64, MoneyError> {
        let own = self.price(0)?;
        own.compare(price)?;
        price.units_at(own.amount().scale())
    }

    /// Whether the channel may show this price because it keeps the start of a sale by itself.
    #[must_use]
    pub fn begun_with(&self, minor: i64, now: Millis) -> bool {
        let window = self.staged_from.zip(self.staged_until);
        let open = window.is_some_and(|(from, until)| from - CLOCKS_DIFFER <= now.0 && now.0 < until);
        open && self.staged_minor == Some(minor)
    }

    /// Whether a push must go out although the channel shows the price: with the start of a sale, or without it.
    #[must_use]
    pub const fn must_stage(&self) -> bool {
        self.sent_seq < self.stage_seq
    }

    /// The range of earlier prices that may still be showing.
    #[must_use]
    pub fn maybe(&self) -> Option<(i64, i64)> {
        self.maybe_low.zip(self.maybe_high)
    }

    /// That range with the last sent price in it.
    #[must_use]
    pub fn maybe_with_sent(&self) -> Option<(i64, i64)> {
        match (self.maybe(), self.sent_minor) {
            (Some((low, high)), Some(sent)) => Some((low.min(sent), high.max(sent))),
            (None, Some(sent)) => Some((sent, sent)),
            (range, None) => range,
        }
    }
}

/// What a listing should show, as a count of the listing. `Err` says why no price may go out; the listing is held then.
#[derive(Debug, Clone)]
pub struct Desire {
    pub listing_id: i64,
    pub price: Result<i64, String>,
}

impl Desire {
    /// Whether it says something else than what is wanted of the listing now.
    #[must_use]
    pub fn says_else_than(&self, wanted: Option<i64>) -> bool {
        match &self.price {
            Ok(minor) => wanted != Some(*minor),
            Err(_) => wanted.is_some(),
        }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Id {
    id: i64,
}

/// Products that a channel has no listing for yet, after an id.
///
/// # Errors
/// The engine's own.
pub async fn unlisted(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<Product>, StoreError> {
    db.all(UNLISTED, args![channel, after_id, limit]).await
}

/// A listing found on a channel: its reference and the price it shows there now, which is adopted, not overwritten.
#[derive(Debug, Clone)]
pub struct Found {
    pub channel: String,
    pub product_id: i64,
    pub external: String,
    pub currency: String,
    /// Counted in `decimals` of `currency`; `None`: in its minor units.
    pub live_minor: Option<i64>,
    pub decimals: Option<i64>,
}

#[derive(Debug, sqlx::FromRow)]
struct Holder {
    sku: String,
}

/// The SKU of another product that is listed on a channel under this reference.
///
/// # Errors
/// The engine's own.
pub async fn holder(db: &Db, channel: &str, external: &str, product_id: i64) -> Result<Option<String>, StoreError> {
    Ok(db.maybe::<Holder>(HOLDER, args![channel, external, product_id]).await?.map(|row| row.sku))
}

/// Adds listings in state `idle`.
///
/// # Errors
/// The engine's own.
pub async fn add(db: &Db, found: Vec<Found>, now: Millis) -> Result<(), StoreError> {
    db.write((found, now), |tx, (found, now)| {
        Box::pin(async move {
            for one in found {
                let live_at = one.live_minor.map(|_| *now);
                let Id { id } = tx
                    .one(
                        ADD,
                        args![
                            one.channel.as_str(),
                            one.product_id,
                            one.external.as_str(),
                            *now,
                            one.currency.as_str(),
                            one.live_minor,
                            live_at,
                            one.decimals
                        ],
                    )
                    .await?;
                if let Some(minor) = one.live_minor {
                    note_live(tx, id, minor, &one.currency, "verified", *now).await?;
                }
            }
            Ok(())
        })
    })
    .await
}

/// Raises the desired price of a listing inside the decision's transaction.
///
/// A listing in flight keeps its state: it is first resolved by reading, then the lane sees the newer number.
///
/// # Errors
/// The engine's own.
pub async fn desire(tx: &mut Tx, desire: &Desire, decision_id: Option<i64>, now: Millis) -> Result<(), StoreError> {
    let (minor, reason, state) = match &desire.price {
        Ok(minor) => (Some(*minor), "", "intended"),
        Err(reason) => (None, reason.as_str(), "held"),
    };
    tx.run(DESIRE, args![desire.listing_id, minor, decision_id, now, reason, state]).await?;
    Ok(())
}

/// Raises desired prices outside a decision: a config, FX or VAT change, or drift that is to be reasserted.
///
/// # Errors
/// The engine's own.
pub async fn desire_again(db: &Db, desires: Vec<(Desire, Option<i64>)>, now: Millis) -> Result<(), StoreError> {
    db.write((desires, now), |tx, (desires, now)| {
        Box::pin(async move {
            for (one, decision_id) in desires {
                desire(tx, one, *decision_id, *now).await?;
            }
            Ok(())
        })
    })
    .await
}

/// A channel's listings of which nothing is under way, so that they can be compared with the channel, after an id.
///
/// # Errors
/// The engine's own.
pub async fn reconcilable(db: &Db, channel: &str, after_id: i64, limit: i64) -> Result<Vec<Listing>, StoreError> {
    db.all(RECONCILABLE, args![channel, after_id, limit]).await
}

/// All listings of a product, by channel.
///
/// # Errors
/// The engine's own.
pub async fn of_product(db: &Db, product_id: i64) -> Result<Vec<Listing>, StoreError> {
    db.all(OF_PRODUCT, args![product_id]).await
}
