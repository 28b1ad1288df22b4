//! What the engine knows about one product in one market at one moment: the input, and the replay record.
//!
//! It holds plain values only. Whoever fills it has already resolved the VAT row, the FX table and the price history;
//! nothing here may read a clock, a file or a database.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::decide::campaign::CampaignPrice;
use crate::decide::fx::FxTable;
use crate::decide::rules::Basis;
use crate::decide::text::{self, Zone};
use crate::money::{Currency, Decimal, Money};

/// Everything one decision depends on besides the rules and the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub product: Product,
    pub market: Market,
    #[serde(default)]
    pub offers: Vec<OfferFact>,
    /// Rates of the day; needed only when an offer is in another currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fx: Option<FxTable>,
    /// Competitor ids that are our own shops; their offers are never competition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_shops: Vec<String>,
    /// The global stop: while set, nothing is decided at all.
    #[serde(default)]
    pub kill_switch: bool,
}

/// Country, currency and price convention. A market never changes under a decision: it is part of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Market {
    pub id: String,
    /// ISO 3166 code, upper case; the United Kingdom is `UK` or `GB`.
    pub country: String,
    #[serde(with = "text::currency")]
    pub currency: Currency,
    /// Whether prices of this market contain VAT.
    #[serde(default)]
    pub tax: Tax,
    pub tz: Zone,
    /// Supplier minimum prices may act as floors here (never in the EU, EEA or UK).
    #[serde(default)]
    pub map_allowed: bool,
    /// The step of prices that can be paid in cash, in major units: prices without an ending are multiples of it.
    #[serde(default, with = "text::decimal_option", skip_serializing_if = "Option::is_none")]
    pub price_increment: Option<Decimal>,
}

/// Whether an amount contains VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tax {
    #[default]
    Gross,
    Net,
}

/// Our product in one market. Amounts are in the market's currency and price convention, except where named net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub sku: String,
    /// The price of the newest released decision; none for a product that was never priced.
    pub current: Option<Money>,
    /// Purchase cost without VAT. Unknown or zero cost yields no implicit floor.
    pub cost_net: Option<Money>,
    /// The VAT row in force; without it the product is held.
    pub vat: Option<AppliedVat>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msrp: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regular: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Money>,
    /// The product's own minimum: a floor beside those of the rules, and one where the cost is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Slash-separated path, general to special: `audio/headphones/wireless`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Units on hand; none when unknown, which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_stock: Option<i64>,
    /// What we charge for delivery, in the market's convention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_shipping: Option<Money>,
    /// Pieces in our pack; offers of other pack sizes are converted to it.
    #[serde(default = "one")]
    pub pack_qty: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualPrice>,
    /// A price fixed by law or contract (books in some countries): never repriced.
    #[serde(default)]
    pub regulated: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignPrice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_changed: Option<Millis>,
    /// Released changes since local midnight.
    #[serde(default)]
    pub changes_today: u32,
    /// The first price of the local day, for daily limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_start: Option<Money>,
    /// The price from before a campaign or a person set the current one. When a campaign is over, step and day limits
    /// are measured from it: the way there was planned with its end, and the way back is no leap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_set: Option<Money>,
    /// A person, and no campaign, set the current price. The price before it may have been why: step and day limits of
    /// rules are measured from the current one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub set_by_hand: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reference: Option<LastReference>,
}

const fn one() -> u32 {
    1
}

/// The VAT percentage and which dated row it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedVat {
    #[serde(with = "text::decimal")]
    pub percent: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

/// A person's lock on a product. Without an end it stays until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub owner: String,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// A price that a person set by hand, valid before `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManualPrice {
    pub price: Money,
    pub owner: String,
    pub reason: String,
    pub until: Millis,
}

/// The reference of the last decision that had data, in the market's currency (major units).
///
/// It stands for the market as one rule looked at it. Without rule and basis, as records of older versions have it, it
/// answers whatever rule asks, so that those records come out as they did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastReference {
    #[serde(with = "text::decimal")]
    pub value: Decimal,
    pub at: Millis,
    /// The rule that computed it from offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whether delivery was part of the comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

impl LastReference {
    /// Whether it is what this rule would have computed: another rule's number is another target's, and taking it would
    /// move a price without any offer.
    #[must_use]
    pub fn is_of(&self, rule: &str, basis: Basis) -> bool {
        self.rule.as_deref().is_none_or(|own| own == rule) && self.basis.is_none_or(|own| own == basis)
    }
}

/// One competitor's price as it was observed, in its own currency, tax view and pack size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfferFact {
    /// The observation that this is; the record can be traced to its page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation_id: Option<i64>,
    pub competitor: String,
    pub price: Money,
    /// Delivery charge in the same currency; none when unknown, which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    #[serde(default)]
    pub tax: Tax,
    #[serde(default)]
    pub availability: Availability,
    /// An absence from stock was seen twice, at least two hours apart. Unconfirmed absence counts as unknown.
    #[serde(default = "yes")]
    pub absence_confirmed: bool,
    #[serde(default)]
    pub condition: Condition,
    #[serde(default, with = "text::decimal_option", skip_serializing_if = "Option::is_none")]
    pub rating: Option<Decimal>,
    pub observed_at: Millis,
    /// How often the listing is fetched; slow listings may be older than the general limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_min: Option<u32>,
    #[serde(default = "one")]
    pub pack_qty: u32,
    #[serde(default)]
    pub standing: Standing,
    #[serde(default)]
    pub kind: PriceKind,
}

const fn yes() -> bool {
    true
}

/// Whether a buyer gets the goods now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    #[default]
    InStock,
    Limited,
    Backorder,
    Preorder,
    OutOfStock,
    Unknown,
}

/// The state of the goods offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    #[default]
    New,
    Refurbished,
    Used,
    OpenBox,
    Damaged,
    Unknown,
}

/// What the observation gate said. Only accepted offers reach a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Accepted,
    Suspect,
    Quarantined,
    Rejected,
}

/// Whether the amount is the price of this article or one end of a span of variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    #[default]
    Exact,
    From,
    Range,
}

impl Market {
    /// A market whose prices contain VAT and in which suppliers' minimum prices do not count; its id is its country.
    #[must_use]
    pub fn of_country(country: impl Into<String>, currency: Currency, tz: Zone) -> Self {
        let country = country.into();
        Self { id: country.clone(), country, currency, tax: Tax::Gross, tz, map_allowed: false, price_increment: None }
    }
}

impl Product {
    /// The price from before a campaign that is over, from which the limits of rules are measured; none where they are
    /// measured from the current price.
    #[must_use]
    pub fn before_campaign(&self) -> Option<Money> {
        self.before_set.filter(|_| !self.set_by_hand)
    }

    /// A product of which nothing but the SKU is known.
    #[must_use]
    pub fn named(sku: impl Into<String>) -> Self {
        Self {
            sku: sku.into(),
            current: None,
            cost_net: None,
            vat: None,
            msrp: None,
            regular: None,
            map: None,
            min: None,
            brand: None,
            category: None,
            tags: Vec::new(),
            own_stock: None,
            own_shipping: None,
            pack_qty: 1,
            lock: None,
            manual: None,
            regulated: false,
            campaign: None,
            last_changed: None,
            changes_today: 0,
            day_start: None,
            before_set: None,
            set_by_hand: false,
            last_reference: None,
        }
    }
}

impl OfferFact {
    /// An accepted offer of a new article in stock, with VAT, single, delivery charge unknown.
    #[must_use]
    pub fn seen(competitor: impl Into<String>, price: Money, observed_at: Millis) -> Self {
        Self {
            observation_id: None,
            competitor: competitor.into(),
            price,
            shipping: None,
            tax: Tax::Gross,
            availability: Availability::InStock,
            absence_confirmed: true,
            condition: Condition::New,
            rating: None,
            observed_at,
            interval_min: None,
            pack_qty: 1,
            standing: Standing::Accepted,
            kind: PriceKind::Exact,
        }
    }
}

impl Facts {
    /// A product in a market, without offers.
    #[must_use]
    pub const fn new(product: Product, market: Market) -> Self {
        Self { product, market, offers: Vec::new(), fx: None, own_shops: Vec::new(), kill_switch: false }
    }

    /// An amount of this market in major units; none if it is in another currency, so that nothing is compared by accident.
    #[must_use]
    pub fn in_market(&self, money: Option<Money>) -> Option<Decimal> {
        money.filter(|money| money.currency() == self.market.currency).map(Money::amount)
    }

    /// `1 + VAT` if the market's prices contain VAT, 1 if they do not; none when the rate is unknown.
    #[must_use]
    pub fn vat_factor(&self) -> Option<Decimal> {
        match self.market.tax {
            Tax::Net => Some(Decimal::ONE),
            Tax::Gross => self.product.vat.as_ref().and_then(|vat| crate::decide::vat::factor(vat.percent)),
        }
    }

    /// Our margin at a price, in percent of the net price; none without cost, tax or a positive price.
    #[must_use]
    pub fn margin_pct(&self, price: Money) -> Option<Decimal> {
        let cost = self.in_market(self.product.cost_net)?;
        let gross = self.in_market(Some(price)).filter(|gross| !gross.is_zero())?;
        let cost_gross = cost.checked_mul(self.vat_factor()?)?;
        gross.checked_sub(cost_gross)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(gross)
    }
}
