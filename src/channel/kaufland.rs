//! Kaufland through the Seller API v2. Facts that shape this file:
//!
//! - Every request is signed: HMAC-SHA256 over method, address, body and time, so a clock that is off is a refusal.
//! - `POST /units/bulk` takes 150 units and answers 207 with a status for each; one unit twice refuses them all.
//! - `listing_price` is what we ask, `price` what buyers pay: Smart Pricing may put it lower, down to `minimum_price`.
//! - Prices are integer cents, VAT included, in the storefront's currency.

use std::sync::Arc;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use toml::Table;
use url::Url;

use super::wire::amount;
use super::wire::batch;
use super::wire::http::{self, Answer, Call, Http};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "kaufland",
    about: "Kaufland marketplace units by SKU (the unit's id_offer), 150 a request, read back with Smart Pricing's effect",
    example: r#"[channels.kaufland-de]
kind = "kaufland"
client_key = "0123456789abcdef0123456789abcdef"
secret_key = "${KAUFLAND_SECRET_KEY}"
storefront = "de"                # de, at, cz, fr, it, pl or sk; the currency follows from it
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Kaufland::new(build(table)?, setting)?)),
};

const API: &str = "https://sellerapi.kaufland.com/v2";
/// Units of one `POST /units/bulk` (Seller API, units).
const MAX_BATCH: usize = 150;
/// The vendor names no limit; this is what a careful client asks.
const BURST: u32 = 10;
const PER_MINUTE: u32 = 300;
const STOREFRONTS: [(&str, Currency); 7] = [
    ("at", Currency::EUR),
    ("cz", Currency::CZK),
    ("de", Currency::EUR),
    ("fr", Currency::EUR),
    ("it", Currency::EUR),
    ("pl", Currency::PLN),
    ("sk", Currency::EUR),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    client_key: String,
    secret_key: SecretString,
    storefront: String,
    api_url: Option<Url>,
}

/// The checked settings.
struct Seller {
    base: Url,
    client: HeaderValue,
    secret: SecretString,
    storefront: &'static str,
    currency: Currency,
}

fn build(table: &Table) -> Result<Seller, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let known = STOREFRONTS.iter().find(|(name, _)| *name == settings.storefront);
    let (storefront, currency) = *known.ok_or("storefront must be at, cz, de, fr, it, pl or sk")?;
    Ok(Seller {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        client: http::secret_value("client_key", &settings.client_key)?,
        secret: settings.secret_key,
        storefront,
        currency,
    })
}

struct Kaufland {
    seller: Seller,
    http: Http,
    clock: Clock,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    id_unit: i64,
    unit_data: UnitPrice,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitPrice {
    /// Cents, VAT included.
    listing_price: i64,
}

#[derive(Debug, Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    id_unit: i64,
    status_code: u16,
    unit: Option<Unit>,
    message: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

#[derive(Debug, Deserialize)]
struct FieldError {
    field: String,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Unit {
    id_unit: i64,
    currency: String,
    listing_price: i64,
    price: i64,
}

impl Kaufland {
    fn new(seller: Seller, setting: &Setting) -> Result<Self, String> {
        let pace = setting.shared.pace(&[&"requests", &seller.base.as_str(), &seller.client], BURST, PER_MINUTE);
        let http = Http::new(setting)?.paced(pace);
        Ok(Self { seller, http, clock: setting.clock.clone() })
    }

    fn url(&self, rest: &[&str], query: &[(&str, &str)]) -> Url {
        let storefront = [("storefront", self.seller.storefront)];
        let all: Vec<(&str, &str)> = storefront.into_iter().chain(query.iter().copied()).collect();
        http::place(&self.seller.base, rest, &all)
    }

    /// A request with its signature, which holds for this body and this moment.
    fn signed(&self, method: Method, url: Url, body: &[u8]) -> Result<Call, ChannelError> {
        let timestamp = (self.clock.now().0 / Millis::SECOND).to_string();
        let signature = signature(&self.seller.secret, method.as_str(), url.as_str(), body, &timestamp);
        let signature = signature.ok_or_else(|| ChannelError::new(Class::Refused, "secret_key signs nothing"))?;
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("shop-client-key"), self.seller.client.clone());
        for (name, value) in [("shop-timestamp", &timestamp), ("shop-signature", &signature)] {
            let value = http::secret_value(name, value).map_err(|why| ChannelError::new(Class::Refused, why))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(Call::json(method, url, headers))
    }

    async fn get(&self, rest: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        let call = self.signed(Method::GET, self.url(rest, query), b"")?;
        self.http.ask(call, Vec::new()).await
    }

    async fn send(&self, changes: &[PriceChange], door: &Door) -> Result<batch::Results, ChannelError> {
        let mut items = Vec::with_capacity(changes.len());
        for change in changes {
            items.push(Item {
                id_unit: unit_id(&change.external)?,
                unit_data: UnitPrice { listing_price: amount::minor(change.price)? },
            });
        }
        let body = serde_json::to_vec(&items).map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))?;
        let quoted = quoted(&body, self.seller.currency)?;
        let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let call = self.signed(Method::POST, self.url(&["units", "bulk"], &[]), &body)?;
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        let answer = self.http.push(call, pass).await?.ok()?;
        let outcomes: Data<Vec<Outcome>> = answer.parse()?;
        let result = |change: &PriceChange| {
            let own = outcomes.data.iter().find(|outcome| outcome.id_unit.to_string() == change.external);
            let outcome = own.ok_or_else(|| answer.unclear("Kaufland's answer does not name this unit"))?;
            outcome.result(self.seller.currency).map_err(|error| match error.class {
                Class::Unknown => answer.unclear(error.message),
                _ => error,
            })
        };
        Ok(changes.iter().map(result).collect())
    }

    fn seen(&self, external: &str, unit: &Unit) -> Result<Seen, ChannelError> {
        let currency = crate::money::currency(&unit.currency).unwrap_or(self.seller.currency);
        let money = |minor| WirePrice::from_minor(minor, currency);
        let refused = (unit.price != unit.listing_price).then(|| {
            format!("Smart Pricing sells it for {} where {} is asked", money(unit.price), money(unit.listing_price))
        });
        Ok(Seen { refused, ..Seen::plain(external.to_owned(), Some(money(unit.price))) })
    }
}

fn unit_id(external: &str) -> Result<i64, ChannelError> {
    external.parse().map_err(|_| ChannelError::new(Class::Rejected, "the listing's reference is not a unit's number"))
}

impl Outcome {
    fn result(&self, currency: Currency) -> Result<Receipt, ChannelError> {
        let words = || {
            let field = self.errors.first().map(|error| format!("{}: {}", error.field, error.message));
            let words = field.or_else(|| self.message.clone()).unwrap_or_else(|| "no reason given".to_owned());
            format!("Kaufland answers {}: {words}", self.status_code)
        };
        match self.status_code {
            200..=299 => {
                let echoed = self.unit.as_ref().map(|unit| WirePrice::from_minor(unit.listing_price, currency));
                Ok(Receipt { echoed })
            }
            429 => Err(ChannelError::new(Class::Retry { after_ms: None }, words())),
            400..=499 => Err(ChannelError::new(Class::Rejected, words())),
            _ => Err(ChannelError::new(Class::Unknown, words())),
        }
    }
}

/// Lower-case hexadecimal of the HMAC over the parts, a line each; `None` for a key that no HMAC takes.
fn signature(secret: &SecretString, method: &str, uri: &str, body: &[u8], timestamp: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    mac.update(format!("{method}\n{uri}\n").as_bytes());
    mac.update(body);
    mac.update(format!("\n{timestamp}").as_bytes());
    Some(mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The currency is the storefront's; the body has cents only.
fn quoted(body: &[u8], currency: Currency) -> Result<Vec<Quote>, GateError> {
    let items: Vec<Item> = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let quote = |item: Item| {
        Quote::new(item.id_unit.to_string(), WirePrice::from_minor(item.unit_data.listing_price, currency))
    };
    Ok(items.into_iter().map(quote).collect())
}

#[async_trait]
impl Channel for Kaufland {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            concurrency: 2,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.seller.currency, Tax::Gross)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        batch::halved(changes.len(), MAX_BATCH, |part| self.send(&changes[part], door)).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            let answer = self.get(&["units", external], &[]).await?;
            seen.push(if answer.status == 404 {
                Seen::plain(external.clone(), None)
            } else {
                let unit: Data<Unit> = answer.ok()?.parse()?;
                self.seen(external, &unit.data)?
            });
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found = Vec::new();
        for sku in skus {
            let list: Data<Vec<Unit>> =
                self.get(&["units"], &[("id_offer", sku), ("limit", "2")]).await?.ok()?.parse()?;
            for unit in &list.data {
                let external = unit.id_unit.to_string();
                let price = self.seen(&external, unit)?.price;
                found.push(Match { sku: sku.clone(), external, price, shut: None });
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = self.get(&["units"], &[("limit", "1")]).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        // A wrong clock looks like wrong keys, so it is said even then.
        if answer.status == 401 && !problems.is_empty() {
            return Ok(Probe::of("Kaufland Seller API", problems));
        }
        let list: Data<Vec<Unit>> = answer.ok()?.parse()?;
        let own = self.seller.currency.code();
        if let Some(other) = list.data.first().filter(|unit| unit.currency != own) {
            problems.push(format!("units of this storefront are in {}, not {own}", other.currency));
        }
        Ok(Probe::of(format!("Kaufland storefront {}", self.seller.storefront), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_method_address_body_and_time() {
        // Made with `openssl dgst -sha256 -hmac SECRET` of the four lines.
        let secret = SecretString::from("a7d0cb1da1ddbc86c96ee5fedd341b7d8ebfbb2f5c83cfe0909f4e57f05dd403");
        let sign = |body: &[u8]| {
            let uri = "https://www.kaufland.de/api/v2/units/";
            signature(&secret, "POST", uri, body, "1411055926").unwrap()
        };
        assert_eq!(sign(b""), SIGNED);
        assert_ne!(sign(b"{}"), SIGNED);
    }

    const SIGNED: &str = "a173a469c9de9bf8c318d7ae37971bc9506eef8380bf25431fa5f274253dddc3";

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |text: &str| quoted(text.as_bytes(), Currency::EUR);
        let good = r#"[{"id_unit":7,"unit_data":{"listing_price":1250}}]"#;
        assert_eq!(of(good).unwrap(), vec![Quote::new("7", WirePrice::from_minor(1_250, Currency::EUR))]);
        for sneaky in [
            good.replace("\"listing_price\"", "\"minimum_price\":1,\"listing_price\""),
            good.replace("1250", "12.5"),
            good.replace("1250", "\"1250\""),
        ] {
            assert!(of(&sneaky).is_err(), "{sneaky}");
        }
    }
}
