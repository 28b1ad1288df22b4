//! Listings as buyers see them: `searchListingsItems` for up to 20 SKUs at once.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::{Account, Issue, learn};
use crate::channel::ChannelError;
use crate::channel::wire::amount::{self, Shown};
use crate::channel::wire::http::{self, Answer, Call};
use crate::channel::wire::session::Session;

/// `identifiers` and `pageSize` take 20 at most (Listings Items API 2021-08-01).
const MAX_LOOK: usize = 20;
const INCLUDED: &str = "summaries,offers,issues";

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
        Self { session, base: account.base.clone(), seller, marketplace }
    }

    pub(super) fn item_url(&self, sku: &str) -> Url {
        let query = [("marketplaceIds", self.marketplace.as_str())];
        http::place(&self.base, &["listings", "2021-08-01", "items", &self.seller, sku], &query)
    }

    /// Items by SKU, in no order; SKUs that the seller lacks are absent.
    pub(super) async fn look(&self, skus: &[&str]) -> Result<Vec<Found>, ChannelError> {
        let mut found = Vec::with_capacity(skus.len());
        // The list of identifiers has commas between them.
        let (odd, plain): (Vec<&str>, Vec<&str>) = skus.iter().partition(|sku| sku.contains(','));
        for part in plain.chunks(MAX_LOOK) {
            let (_, page) = self.page(&[("identifiers", &part.join(",")), ("identifiersType", "SKU")]).await?;
            for item in page.items {
                found.push(self.found(item));
            }
        }
        for sku in odd {
            let mut url = self.item_url(sku);
            url.query_pairs_mut().append_pair("includedData", INCLUDED);
            let answer = self.get(url).await?;
            if answer.status != 404 {
                found.push(self.found(answer.ok()?.parse()?));
            }
        }
        Ok(found)
    }

    /// Any page of items, for its headers and the currencies of its offers.
    pub(super) async fn sample(&self) -> Result<(Answer, Vec<String>), ChannelError> {
        let (answer, page) = self.page(&[]).await?;
        let own = page.items.into_iter().flat_map(|item| item.offers);
        let own = own.filter(|offer| offer.marketplace_id == self.marketplace);
        Ok((answer, own.map(|offer| offer.price.currency_code).collect()))
    }

    async fn page(&self, query: &[(&str, &str)]) -> Result<(Answer, Page), ChannelError> {
        let size = MAX_LOOK.to_string();
        let own =
            [("marketplaceIds", self.marketplace.as_str()), ("includedData", INCLUDED), ("pageSize", size.as_str())];
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
