//! Listings as buyers see them: `searchListingsItems` for up to 20 SKUs at once.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use super::{Account, Issue, learn};
use crate::channel::wire::amount::{self, Shown};
use crate::channel::wire::http::{self, Answer, Call};
use crate::channel::wire::session::Session;
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;
use crate::money::Currency;

/// `identifiers` and `pageSize` take 20 at most (Listings Items API 2021-08-01).
const MAX_LOOK: usize = 20;
const INCLUDED: &str = "summaries,offers,issues";
const SUBMITTED: &str = "attributes";

/// When an offer holds, as its seller submitted it: the texts of the vendor's own fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub start_at: Option<String>,
    /// In the past where the seller has closed the listing.
    pub end_at: Option<String>,
}

impl Window {
    /// # Errors
    /// The end has passed, so that a price would put on sale again what the seller has closed; or it is no time.
    pub(super) fn still_open(&self, now: Millis) -> Result<(), ChannelError> {
        let Some(end) = &self.end_at else { return Ok(()) };
        let day = || Some(end.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
        let why = match end.parse::<jiff::Timestamp>().ok().or_else(day) {
            Some(at) if Millis::from(at) > now => return Ok(()),
            Some(at) => {
                format!("it ended at {at}, and a price would put it on sale again; reopen it in Seller Central")
            }
            None => "its end_at is no time; set it anew in Seller Central".to_owned(),
        };
        Err(ChannelError::new(Class::Rejected, format!("the listing is closed at Amazon: {why}")))
    }
}

/// One item with what matters here.
pub(super) struct Found {
    pub sku: String,
    /// `None` if the marketplace has no summary of it.
    pub product_type: Option<String>,
    /// What buyers see, or the text that is no price.
    pub price: Result<Option<Shown>, String>,
    /// An issue of the listing about its price; Amazon does not say of which submission.
    pub complaint: Option<String>,
}

pub(super) struct Listings {
    pub session: Arc<Session>,
    base: Url,
    seller: String,
    marketplace: String,
    currency: Currency,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    sku: String,
    #[serde(default)]
    summaries: Vec<Summary>,
    #[serde(default)]
    offers: Vec<LiveOffer>,
    #[serde(default)]
    issues: Vec<Issue>,
    #[serde(default)]
    attributes: Attributes,
}

/// What was submitted; of the offers the texts only, since their inside differs between product types.
#[derive(Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    purchasable_offer: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    marketplace_id: String,
    product_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveOffer {
    marketplace_id: String,
    offer_type: String,
    price: LivePrice,
    audience: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LivePrice {
    currency_code: String,
    amount: Box<RawValue>,
}

#[derive(Deserialize)]
struct Audience {
    value: Option<String>,
}

impl Listings {
    pub(super) fn new(session: Arc<Session>, account: &Account) -> Self {
        let (seller, marketplace) = (account.seller.clone(), account.marketplace.clone());
        Self { session, base: account.base.clone(), seller, marketplace, currency: account.currency }
    }

    pub(super) fn item_url(&self, sku: &str) -> Url {
        let query = [("marketplaceIds", self.marketplace.as_str())];
        http::place(&self.base, &["listings", "2021-08-01", "items", &self.seller, sku], &query)
    }

    /// Items by SKU, in no order; SKUs that the seller lacks are absent.
    pub(super) async fn look(&self, skus: &[&str]) -> Result<Vec<Found>, ChannelError> {
        Ok(self.items(skus, INCLUDED).await?.into_iter().map(|item| self.found(item)).collect())
    }

    /// When the offers hold that a price of ours replaces, by SKU; those that do not say are absent.
    pub(super) async fn windows(&self, skus: &[&str]) -> Result<HashMap<String, Window>, ChannelError> {
        let items = match skus {
            [sku] => self.item(sku, SUBMITTED).await?.into_iter().collect(),
            skus => self.items(skus, SUBMITTED).await?,
        };
        let mut windows = HashMap::new();
        for Item { sku, attributes, .. } in items {
            for offer in attributes.purchasable_offer.iter().filter(|offer| self.replaces(offer)) {
                let at = |key: &str| {
                    let value = offer.get(key)?;
                    let value = Some(value.get("value").unwrap_or(value)).filter(|value| !value.is_null())?;
                    // What is no time is told where it matters.
                    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                };
                windows.insert(sku.clone(), Window { start_at: at("start_at"), end_at: at("end_at") });
            }
        }
        Ok(windows)
    }

    /// Whether a submitted offer has the selectors of ours; a selector that it lacks has Amazon's default.
    fn replaces(&self, offer: &Value) -> bool {
        let is = |key: &str, own: &str| offer.get(key).and_then(Value::as_str).is_none_or(|value| value == own);
        is("marketplace_id", &self.marketplace)
            && is("currency", self.currency.code())
            && is("audience", super::AUDIENCE)
    }

    async fn items(&self, skus: &[&str], included: &str) -> Result<Vec<Item>, ChannelError> {
        let mut items = Vec::with_capacity(skus.len());
        // The list of identifiers has commas between them.
        let (odd, plain): (Vec<&str>, Vec<&str>) = skus.iter().partition(|sku| sku.contains(','));
        for part in plain.chunks(MAX_LOOK) {
            let (_, page) =
                self.page(included, &[("identifiers", &part.join(",")), ("identifiersType", "SKU")]).await?;
            items.extend(page.items);
        }
        for sku in odd {
            items.extend(self.item(sku, included).await?);
        }
        Ok(items)
    }

    async fn item(&self, sku: &str, included: &str) -> Result<Option<Item>, ChannelError> {
        let mut url = self.item_url(sku);
        url.query_pairs_mut().append_pair("includedData", included);
        let answer = self.get(url).await?;
        if answer.status == 404 { Ok(None) } else { answer.ok()?.parse().map(Some) }
    }

    /// Any page of items, for its headers and the currencies of its offers.
    pub(super) async fn sample(&self) -> Result<(Answer, Vec<String>), ChannelError> {
        let (answer, page) = self.page(INCLUDED, &[]).await?;
        let own = page.items.into_iter().flat_map(|item| item.offers);
        let own = own.filter(|offer| offer.marketplace_id == self.marketplace);
        Ok((answer, own.map(|offer| offer.price.currency_code).collect()))
    }

    async fn page(&self, included: &str, query: &[(&str, &str)]) -> Result<(Answer, Page), ChannelError> {
        let size = MAX_LOOK.to_string();
        let own =
            [("marketplaceIds", self.marketplace.as_str()), ("includedData", included), ("pageSize", size.as_str())];
        let all: Vec<(&str, &str)> = own.into_iter().chain(query.iter().copied()).collect();
        let url = http::place(&self.base, &["listings", "2021-08-01", "items", &self.seller], &all);
        let answer = self.get(url).await?.ok()?;
        let page = answer.parse()?;
        Ok((answer, page))
    }

    async fn get(&self, url: Url) -> Result<Answer, ChannelError> {
        let answer = self.session.ask(Call::json(Method::GET, url, HeaderMap::new()), Vec::new()).await?;
        learn(&self.session, &answer).await;
        Ok(answer)
    }

    fn found(&self, item: Item) -> Found {
        let summary = item.summaries.into_iter().find(|summary| summary.marketplace_id == self.marketplace);
        let everybody = |offer: &&LiveOffer| {
            let audience = offer.audience.as_ref().and_then(|audience| audience.value.as_deref());
            offer.marketplace_id == self.marketplace
                && offer.offer_type == "B2C"
                && audience.is_none_or(|audience| audience == super::AUDIENCE)
        };
        let price = item.offers.iter().find(everybody).map_or(Ok(None), |offer| {
            let currency = crate::money::currency(&offer.price.currency_code).map_err(|why| why.to_string())?;
            amount::shown(offer.price.amount.get(), currency)
        });
        let complaint = item.issues.iter().find(|issue| issue.about_price()).map(Issue::sentence);
        let product_type = summary.and_then(|summary| summary.product_type);
        Found { sku: item.sku, product_type, price, complaint }
    }
}
