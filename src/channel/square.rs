//! Square's catalogue, for its tills. Facts that shape this file:
//!
//! - An object is replaced as a whole, so it is read, given its price, and written with the version that was read. Another
//!   writer in between is a `VERSION_MISMATCH`: read and merge once more.
//! - A batch is written whole or not at all; the same idempotency key with the same body is the same write.
//! - A location can have a price of its own, which is what its till asks. Nobody decided it, so it is in the way.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;
use uuid::Uuid;

use super::wire::amount;
use super::wire::batch;
use super::wire::http::{self, Answer, Call, Http};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "square",
    about: "Square catalogue (tills): prices of item variations by SKU, versions kept, read back from the catalogue",
    example: r#"[channels.tills]
kind = "square"
access_token = "${SQUARE_ACCESS_TOKEN}"  # permissions ITEMS_READ, ITEMS_WRITE
currency = "USD"
tax = "net"                     # as the catalogue's taxes are: added to the price, or included ("gross")
location_prices = "refuse"      # a location with a price of its own: "refuse" the change, or "clear" that price
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Square::new(build(table)?, setting)?)),
};

const API: &str = "https://connect.squareup.com";
/// The edition of the API that requests and answers follow.
const EDITION: HeaderValue = HeaderValue::from_static("2025-08-20");
/// Objects of a batch, and of one retrieval (BatchUpsertCatalogObjects, BatchRetrieveCatalogObjects).
const MAX_BATCH: usize = 1_000;
/// Values of a set query (CatalogQuerySet).
const MAX_VALUES: usize = 250;
const MAX_PAGES: usize = 20;
/// The vendor names no number, only that catalogue writes come one at a time for each seller.
const BURST: u32 = 5;
const PER_MINUTE: u32 = 120;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    access_token: SecretString,
    currency: String,
    tax: Tax,
    #[serde(default)]
    location_prices: LocationPrices,
    api_url: Option<Url>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LocationPrices {
    #[default]
    Refuse,
    Clear,
}

/// The checked settings.
struct Seller {
    base: Url,
    headers: HeaderMap,
    currency: Currency,
    tax: Tax,
    location_prices: LocationPrices,
}

fn build(table: &Table) -> Result<Seller, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", settings.access_token.expose_secret());
    headers.insert(AUTHORIZATION, http::secret_value("access_token", &bearer)?);
    headers.insert(HeaderName::from_static("square-version"), EDITION);
    Ok(Seller {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        headers,
        currency: super::currency(&settings.currency)?,
        tax: settings.tax,
        location_prices: settings.location_prices,
    })
}

struct Square {
    seller: Seller,
    http: Http,
    clock: Clock,
}

#[derive(Debug, Default, Deserialize)]
struct Objects {
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    errors: Vec<Failure>,
    cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    #[serde(default)]
    code: String,
    detail: Option<String>,
}

/// Prices of a variation.
#[derive(Debug, Deserialize)]
struct Variation {
    sku: Option<String>,
    pricing_type: Option<String>,
    price_money: Option<Amount>,
    #[serde(default)]
    location_overrides: Option<Vec<Override>>,
}

#[derive(Debug, Deserialize)]
struct Override {
    #[serde(default)]
    location_id: Option<String>,
    price_money: Option<Amount>,
}

/// Minor units of a currency.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Amount {
    amount: i64,
    currency: String,
}

impl Amount {
    fn money(&self) -> Result<WirePrice, String> {
        let currency = crate::money::currency(&self.currency).map_err(|why| why.to_string())?;
        Ok(WirePrice::from_minor(self.amount, currency))
    }
}

impl Variation {
    fn of(object: &Value) -> Result<Self, ChannelError> {
        let data = object.get("item_variation_data").cloned().unwrap_or_default();
        serde_json::from_value(data).map_err(|why| {
            ChannelError::new(Class::Retry { after_ms: None }, format!("Square shows a variation without data: {why}"))
        })
    }

    /// A location that sells for another price than the catalogue's.
    fn elsewhere(&self) -> Option<(&str, &Amount)> {
        let base = self.price_money.as_ref().map(|price| price.amount);
        let overrides = self.location_overrides.as_deref().unwrap_or_default();
        overrides.iter().find_map(|at| {
            let price = at.price_money.as_ref().filter(|price| Some(price.amount) != base)?;
            Some((at.location_id.as_deref().unwrap_or("?"), price))
        })
    }
}

impl Square {
    fn new(seller: Seller, setting: &Setting) -> Result<Self, String> {
        let key = &seller.headers[AUTHORIZATION];
        let pace = setting.shared.pace(&[&"requests", &seller.base.as_str(), key], BURST, PER_MINUTE);
        let http = Http::new(setting)?.paced(pace);
        Ok(Self { seller, http, clock: setting.clock.clone() })
    }

    fn call(&self, rest: &str) -> Call {
        let url = http::place(&self.seller.base, &["v2", "catalog", rest], &[]);
        Call::json(Method::POST, url, self.seller.headers.clone())
    }

    async fn ask(&self, rest: &str, body: &Value) -> Result<(Answer, Objects), ChannelError> {
        let answer = self.http.ask(self.call(rest), body.to_string().into_bytes()).await?;
        let answer = checked(answer)?;
        let objects = answer.parse()?;
        Ok((answer, objects))
    }

    /// Variations by id; those that the catalogue lacks are absent.
    async fn retrieve(&self, ids: &[&str]) -> Result<HashMap<String, Value>, ChannelError> {
        let mut found = HashMap::new();
        for part in ids.chunks(MAX_BATCH) {
            let (_, list) = self.ask("batch-retrieve", &json!({ "object_ids": part })).await?;
            let variations = list.objects.into_iter().filter(|object| object["type"] == "ITEM_VARIATION");
            found.extend(variations.filter_map(|object| Some((object["id"].as_str()?.to_owned(), object))));
        }
        Ok(found)
    }

    /// One write of the changes that can be written, after a fresh read. A version that changed in between is read anew
    /// once; then the lane tries again.
    async fn send(&self, changes: &[PriceChange], door: &Door) -> Result<batch::Results, ChannelError> {
        match self.merge(changes, door).await {
            Err(error) if error.message.contains(MISMATCH) => self.merge(changes, door).await,
            other => other,
        }
    }

    async fn merge(&self, changes: &[PriceChange], door: &Door) -> Result<batch::Results, ChannelError> {
        let ids: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let mut known = self.retrieve(&ids).await?;
        let mut results: Vec<Option<ChannelError>> = Vec::with_capacity(changes.len());
        let (mut objects, mut going) = (Vec::new(), Vec::new());
        for change in changes {
            let priced = match known.remove(&change.external) {
                Some(object) => self.priced(object, change),
                None => Err(ChannelError::new(Class::Rejected, "the catalogue has no such variation")),
            };
            results.push(match priced {
                Ok(object) => {
                    objects.push(object);
                    going.push(change);
                    None
                }
                Err(error) => Some(error),
            });
        }
        let mut echoed = HashMap::new();
        if !going.is_empty() {
            echoed = self.upsert(objects, &going, door).await?;
        }
        Ok(results
            .into_iter()
            .zip(changes)
            .map(|(error, change)| match error {
                Some(error) => Err(error),
                None => Ok(Receipt { echoed: echoed.remove(&change.external) }),
            })
            .collect())
    }

    /// The object as it was read, with the new price.
    fn priced(&self, mut object: Value, change: &PriceChange) -> Result<Value, ChannelError> {
        let variation = Variation::of(&object)?;
        if variation.pricing_type.as_deref() == Some("VARIABLE_PRICING") {
            let text = "the till asks for the price of this variation; give it a fixed price first";
            return Err(ChannelError::new(Class::Rejected, text));
        }
        let own_price = variation.location_overrides.iter().flatten().find(|at| at.price_money.is_some());
        if let (Some(at), LocationPrices::Refuse) = (own_price, self.seller.location_prices) {
            let location = at.location_id.as_deref().unwrap_or("?");
            let text =
                format!("location {location} has a price of its own; remove it, or set location_prices = \"clear\"");
            return Err(ChannelError::new(Class::Rejected, text));
        }
        let data = &mut object["item_variation_data"];
        data["price_money"] =
            json!({ "amount": amount::minor(change.price)?, "currency": change.price.currency().code() });
        data["pricing_type"] = json!("FIXED_PRICING");
        for at in data["location_overrides"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            at.remove("price_money");
            at.remove("pricing_type");
        }
        Ok(object)
    }

    async fn upsert(
        &self,
        objects: Vec<Value>,
        changes: &[&PriceChange],
        door: &Door,
    ) -> Result<HashMap<String, WirePrice>, ChannelError> {
        let body = json!({ "idempotency_key": write_key(changes, &objects), "batches": [{ "objects": objects }] });
        let body = body.to_string().into_bytes();
        let quoted = quoted(&body)?;
        let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        let answer = checked(self.http.push(self.call("batch-upsert"), pass).await?)?;
        let written: Objects = answer.parse()?;
        let price = |object: &Value| {
            let price = Variation::of(object).ok()?.price_money?.money().ok()?;
            Some((object["id"].as_str()?.to_owned(), price))
        };
        Ok(written.objects.iter().filter_map(price).collect())
    }

    fn seen(&self, external: &str, object: Option<&Value>) -> Result<Seen, ChannelError> {
        let Some(object) = object else { return Ok(Seen::plain(external.to_owned(), None)) };
        let variation = Variation::of(object)?;
        let money = |amount: &Amount| {
            amount
                .money()
                .map_err(|why| ChannelError::new(Class::Retry { after_ms: None }, format!("Square shows {why}")))
        };
        let base = variation.price_money.as_ref().map(money).transpose()?;
        // A location that sells for another price is a live price that nobody decided: it must not look like ours.
        Ok(match variation.elsewhere() {
            Some((location, price)) => {
                let price = money(price)?;
                let refused = Some(format!("location {location} sells it for {price}"));
                Seen { refused, ..Seen::plain(external.to_owned(), Some(price)) }
            }
            None => Seen::plain(external.to_owned(), base),
        })
    }
}

const MISMATCH: &str = "VERSION_MISMATCH";

/// The same for the same prices over the same versions, so that a repeat is no second write.
fn write_key(changes: &[&PriceChange], objects: &[Value]) -> String {
    let mut text = String::from("omniprice");
    for (change, object) in changes.iter().zip(objects) {
        text.push_str(&format!("\n{} {} {}", change.key, change.price, object["version"]));
    }
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
}

/// Square words its errors in the body, with a code for each.
fn checked(answer: Answer) -> Result<Answer, ChannelError> {
    if answer.status < 400 {
        return answer.ok();
    }
    let failed: Objects = serde_json::from_slice(&answer.body).unwrap_or_default();
    let Some(first) = failed.errors.first() else { return answer.ok() };
    let detail = first.detail.as_deref().unwrap_or("no reason given");
    let text = format!("Square answers {} {}: {detail}", answer.status, first.code);
    let class = match first.code.as_str() {
        // Another writer was faster, or somebody else writes just now: nothing was done.
        MISMATCH | "CONFLICT" => Class::Retry { after_ms: None },
        "RATE_LIMITED" => match answer.class() {
            Class::Retry { after_ms } => Class::Retry { after_ms },
            _ => Class::Retry { after_ms: None },
        },
        _ => answer.class(),
    };
    Err(ChannelError::new(class, text))
}

/// Reads prices back out of an upsert. Objects are sent as they were read, so instead of a closed type every key that
/// names money must be one that is understood here.
fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let broken = |why: String| GateError::Unreadable(why);
    let body: Value = serde_json::from_slice(body).map_err(|why| broken(why.to_string()))?;
    let mut found = Vec::new();
    for batch in body["batches"].as_array().ok_or_else(|| broken("no batches".to_owned()))? {
        for object in batch["objects"].as_array().ok_or_else(|| broken("no objects".to_owned()))? {
            let id = object["id"].as_str().ok_or_else(|| broken("an object without id".to_owned()))?;
            let price = object["item_variation_data"]["price_money"].clone();
            let price: Amount = serde_json::from_value(price).map_err(|why| broken(format!("{id}: {why}")))?;
            if moneys(object) != 1 {
                return Err(broken(format!("{id}: more than one amount of money")));
            }
            found.push(Quote::new(id, price.money().map_err(broken)?));
        }
    }
    Ok(found)
}

/// How many amounts of money a JSON value holds; Square ends their names in `_money`.
fn moneys(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(moneys).sum(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| usize::from(key.ends_with("_money")) + moneys(value)).sum()
        }
        _ => 0,
    }
}

#[async_trait]
impl Channel for Square {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            idempotent: true,
            max_batch: MAX_BATCH,
            // One catalogue write at a time for each seller, else 429.
            concurrency: 1,
            partial: PartialFailure::Atomic,
            ordering: Ordering::Version,
            read_back: ReadBack::Submitted,
            ..Capabilities::cautious(self.seller.currency, self.seller.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let send = |part: Range<usize>| self.send(&changes[part], door);
        batch::halved(changes.len(), MAX_BATCH, send).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let ids: Vec<&str> = externals.iter().map(String::as_str).collect();
        let known = self.retrieve(&ids).await?;
        externals.iter().map(|external| self.seen(external, known.get(external))).collect()
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found: Vec<Match> = Vec::new();
        for part in skus.chunks(MAX_VALUES) {
            let mut cursor = None;
            for _ in 0..MAX_PAGES {
                let mut body = json!({
                    "object_types": ["ITEM_VARIATION"],
                    "query": { "set_query": { "attribute_name": "sku", "attribute_values": part } },
                });
                if let Some(cursor) = cursor {
                    body["cursor"] = json!(cursor);
                }
                let (_, page) = self.ask("search", &body).await?;
                for object in &page.objects {
                    let Some(sku) = Variation::of(object)?.sku.filter(|sku| part.contains(sku)) else { continue };
                    let external = object["id"].as_str().unwrap_or_default().to_owned();
                    let price = self.seen(&external, Some(object))?.price;
                    found.push(Match { sku, external, price, shut: None });
                }
                cursor = page.cursor.filter(|cursor| !cursor.is_empty());
                if cursor.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (answer, page) = self.ask("search", &json!({ "object_types": ["ITEM_VARIATION"], "limit": 1 })).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let price = page.objects.first().and_then(|object| Variation::of(object).ok()?.price_money);
        if let Some(other) = price.filter(|price| price.currency != self.seller.currency.code()) {
            problems.push(format!("the catalogue is in {0}; set currency = \"{0}\"", other.currency));
        }
        Ok(Probe::of("Square catalogue", problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |data: &str| {
            let object =
                format!(r#"{{"type":"ITEM_VARIATION","id":"V1","version":3,"item_variation_data":{{{data}}}}}"#);
            quoted(format!(r#"{{"idempotency_key":"k","batches":[{{"objects":[{object}]}}]}}"#).as_bytes())
        };
        let good = r#""sku":"A","price_money":{"amount":1250,"currency":"USD"}"#;
        assert_eq!(of(good).unwrap(), vec![Quote::new("V1", WirePrice::from_minor(1_250, Currency::USD))]);
        for sneaky in [
            format!(
                r#"{good},"location_overrides":[{{"location_id":"L","price_money":{{"amount":1,"currency":"USD"}}}}]"#
            ),
            format!(r#"{good},"cost_money":{{"amount":1,"currency":"USD"}}"#),
            good.replace("1250", "12.5"),
            r#""sku":"A""#.to_owned(),
        ] {
            assert!(of(&sneaky).is_err(), "{sneaky}");
        }
    }
}
