//! eBay through the Sell Inventory API: `bulk_update_price_quantity`, 25 offers a request. Facts that shape this file:
//!
//! - The narrow call changes prices only; `PUT /offer` would reset what it does not name.
//! - It answers 207 when only some offers were changed, with a status for each.
//! - Only published offers take it, and a listing may be revised 250 times a day.
//! - A listing made elsewhere (Seller Hub, Trading API) has no offer here and cannot be priced.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{CONTENT_LANGUAGE, HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use toml::Table;
use url::Url;

use super::wire::batch;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use super::wire::session::{Bearer, Session};
use super::wire::{amount, found};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "ebay",
    about: "eBay offers made through the Inventory API: prices by SKU, 25 a request, read back from the offers",
    example: r#"[channels.ebay-de]
kind = "ebay"
client_id = "Example-Seller-PRD-0123456789"
client_secret = "${EBAY_CLIENT_SECRET}"
refresh_token = "${EBAY_REFRESH_TOKEN}"     # consent with the scope sell.inventory; lives 18 months
marketplace_id = "EBAY_DE"                  # one channel per marketplace
language = "de-DE"                          # Content-Language of the offers
currency = "EUR"
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Ebay::new(build(table)?, setting)?)),
};

const API: &str = "https://api.ebay.com";
const TOKEN: &str = "https://api.ebay.com/identity/v1/oauth2/token";
const SCOPE: &str = "https://api.ebay.com/oauth/api_scope/sell.inventory";
/// Offers of one `bulk_update_price_quantity`.
const MAX_BATCH: usize = 25;
/// Revisions of one listing in a day.
const DAILY: u32 = 250;
/// eBay counts calls by the day only; this keeps bursts small.
const BURST: u32 = 10;
const PER_MINUTE: u32 = 300;
/// Offers of one SKU: one per marketplace and format.
const MAX_OFFERS: &str = "100";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    marketplace_id: String,
    language: String,
    currency: String,
    api_url: Option<Url>,
    token_url: Option<Url>,
}

/// The checked settings.
struct Seller {
    base: Url,
    marketplace: String,
    language: HeaderValue,
    currency: Currency,
    client: Client,
}

fn build(table: &Table) -> Result<Seller, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    if !settings.marketplace_id.starts_with("EBAY_") {
        return Err("marketplace_id looks like EBAY_DE".to_owned());
    }
    Ok(Seller {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        marketplace: settings.marketplace_id,
        language: HeaderValue::from_str(&settings.language).map_err(|_| "language looks like de-DE")?,
        currency: super::currency(&settings.currency)?,
        client: Client {
            token_url: http::vendor_url("token_url", settings.token_url.as_ref(), TOKEN)?,
            id: settings.client_id,
            secret: settings.client_secret,
            auth: ClientAuth::Basic,
            grant: Grant::RefreshToken { first: settings.refresh_token, scope: SCOPE.to_owned() },
        },
    })
}

struct Ebay {
    seller: Seller,
    session: Session,
    clock: Clock,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    requests: Vec<Item>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    offers: Vec<OfferPrice>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfferPrice {
    offer_id: String,
    price: Amount,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    value: String,
    currency: String,
}

impl Amount {
    fn money(&self) -> Result<WirePrice, String> {
        let currency = crate::money::currency(&self.currency).map_err(|why| why.to_string())?;
        amount::parse(&self.value, currency)
    }
}

#[derive(Debug, Deserialize)]
struct Outcomes {
    #[serde(default)]
    responses: Vec<Outcome>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    #[serde(default)]
    offer_id: String,
    #[serde(default)]
    status_code: u16,
    #[serde(default)]
    errors: Vec<Failure>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    #[serde(default)]
    error_id: i64,
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
struct Offers {
    #[serde(default)]
    offers: Vec<Offer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    #[serde(default)]
    offer_id: String,
    #[serde(default)]
    marketplace_id: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    status: String,
    pricing_summary: Option<Pricing>,
}

#[derive(Debug, Deserialize)]
struct Pricing {
    price: Option<Shown>,
}

/// An amount in an answer, where eBay may say more.
#[derive(Debug, Deserialize)]
struct Shown {
    value: String,
    currency: String,
}

impl Offer {
    fn shown(&self) -> Result<Option<amount::Shown>, String> {
        let Some(Shown { value, currency }) = self.pricing_summary.as_ref().and_then(|p| p.price.as_ref()) else {
            return Ok(None);
        };
        amount::shown(value, crate::money::currency(currency).map_err(|why| why.to_string())?)
    }

    /// The same for whoever proves nothing with it.
    fn price(&self) -> Option<WirePrice> {
        self.shown().ok().flatten().map(|shown| shown.price)
    }
}

impl Ebay {
    fn new(seller: Seller, setting: &Setting) -> Result<Self, String> {
        let http = Http::new(setting)?;
        let (name, clock, vault) = (setting.name.clone(), setting.clock.clone(), Arc::clone(&setting.vault));
        // The vendor counts the requests of an application.
        let pace = setting.shared.pace(&[&"requests", &seller.base.as_str(), &seller.client.id], BURST, PER_MINUTE);
        let tokens = Tokens::new(http.clone(), seller.client.clone(), name, clock.clone(), vault);
        let session = Session::new(http.paced(pace), tokens, Bearer::Standard);
        Ok(Self { seller, session, clock })
    }

    fn url(&self, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let segments: Vec<&str> = ["sell", "inventory", "v1"].into_iter().chain(rest.iter().copied()).collect();
        http::place(&self.seller.base, &segments, query)
    }

    fn call(&self, method: Method, url: Url) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LANGUAGE, self.seller.language.clone());
        Call::json(method, url, headers)
    }

    async fn send(&self, changes: &[PriceChange], door: &Door) -> Result<batch::Results, ChannelError> {
        let requests = changes.iter().map(|change| {
            let price =
                Amount { value: amount::text(change.price), currency: change.price.currency().code().to_owned() };
            Item { offers: vec![OfferPrice { offer_id: change.external.clone(), price }] }
        });
        let body = serde_json::to_vec(&Body { requests: requests.collect() });
        let body = body.map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))?;
        let quoted = quoted(&body)?;
        let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        let url = self.url(&["bulk_update_price_quantity"], &[]);
        let answer = self.session.push(self.call(Method::POST, url), pass).await?.ok()?;
        let outcomes: Outcomes = answer.parse()?;
        Ok(changes.iter().map(|change| result(&answer, &outcomes, change)).collect())
    }

    async fn get(&self, url: Url) -> Result<Answer, ChannelError> {
        self.session.ask(self.call(Method::GET, url), Vec::new()).await
    }

    /// Offers of a SKU on our marketplace at a fixed price.
    async fn offers(&self, sku: &str) -> Result<(Answer, Vec<Offer>), ChannelError> {
        let query = [("sku", sku), ("marketplace_id", self.seller.marketplace.as_str()), ("limit", MAX_OFFERS)];
        let answer = self.get(self.url(&["offer"], &query)).await?;
        if answer.status == 404 {
            return Ok((answer, vec![]));
        }
        let answer = answer.ok()?;
        let mut list: Offers = answer.parse()?;
        list.offers.retain(|offer| offer.marketplace_id == self.seller.marketplace && offer.format == "FIXED_PRICE");
        Ok((answer, list.offers))
    }
}

/// What the answer says about one offer; one that it does not name has an unknown fate.
fn result(answer: &Answer, outcomes: &Outcomes, change: &PriceChange) -> Result<Receipt, ChannelError> {
    let own = outcomes.responses.iter().find(|outcome| outcome.offer_id == change.external);
    let Some(outcome) = own else { return Err(answer.unclear("eBay's answer does not name this offer")) };
    let why = || {
        let first = outcome.errors.first();
        let words = first.map_or_else(String::new, |e| format!(": {} ({})", e.message, e.error_id));
        format!("eBay answers {} for the offer{words}", outcome.status_code)
    };
    match outcome.status_code {
        200..=299 => Ok(Receipt { echoed: None }),
        429 => Err(ChannelError::new(Class::Retry { after_ms: None }, why())),
        400..=499 => Err(ChannelError::new(Class::Rejected, why())),
        _ => Err(answer.unclear(why())),
    }
}

fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let body: Body = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let offers = body.requests.into_iter().flat_map(|item| item.offers);
    offers.map(|offer| Ok(Quote::new(offer.offer_id, offer.price.money().map_err(GateError::Unreadable)?))).collect()
}

#[async_trait]
impl Channel for Ebay {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            concurrency: 2,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Submitted,
            daily_per_listing: Some(DAILY),
            ..Capabilities::cautious(self.seller.currency, Tax::Gross)
        }
    }

    /// An offer's id is eBay's own, whatever the site and whoever asks.
    fn capped_as(&self) -> Option<String> {
        Some(self.seller.base.to_string())
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        batch::halved(changes.len(), MAX_BATCH, |part| self.send(&changes[part], door)).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            let answer = self.get(self.url(&["offer", external], &[])).await?;
            let price = if answer.status == 404 { Ok(None) } else { answer.ok()?.parse::<Offer>()?.shown() };
            seen.push(found::shown(external.clone(), price));
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found = Vec::new();
        for sku in skus {
            let (_, offers) = self.offers(sku).await?;
            // An unpublished offer takes no price, but beside another one nobody knows which is meant.
            if let [offer] = offers.as_slice()
                && offer.status != "PUBLISHED"
            {
                continue;
            }
            for offer in &offers {
                found.push(Match {
                    sku: sku.clone(),
                    external: offer.offer_id.clone(),
                    price: offer.price(),
                    shut: None,
                });
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        // Any SKU will do: eBay looks at the token first.
        let (answer, offers) = self.offers("omniprice-probe").await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let own = self.seller.currency;
        let other = offers.iter().filter_map(Offer::price).find(|p| p.currency() != own);
        if let Some(other) = other {
            problems.push(format!("offers are in {0}; set currency = \"{0}\"", other.currency().code()));
        }
        Ok(Probe::of(format!("eBay marketplace {}", self.seller.marketplace), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |offer: &str| quoted(format!(r#"{{"requests":[{{"offers":[{offer}]}}]}}"#).as_bytes());
        let good = r#"{"offerId":"1","price":{"value":"12.50","currency":"EUR"}}"#;
        assert_eq!(of(good).unwrap(), vec![Quote::new("1", WirePrice::from_minor(1_250, Currency::EUR))]);
        for sneaky in [
            good.replace("\"12.50\"", "12.5"),
            good.replace("12.50", "12.505"),
            good.replace("\"price\"", "\"availableQuantity\":0,\"price\""),
            good.replace("12.50", "12,50"),
        ] {
            assert!(of(&sneaky).is_err(), "{sneaky}");
        }
    }
}
