//! Vendure 3 through its admin GraphQL API. Facts that shape this file, seen on a real server:
//!
//! - Failures are HTTP 200 with `errors`; a dead key and a missing right are both `FORBIDDEN`.
//! - A batch is atomic: one unknown id fails the whole call and nothing is written.
//! - Overlapping batches deadlock with `"deadlock detected"` and no code, so ids are sorted and that message is retried.
//! - With one channel a wrong `vendure-token` is ignored silently, so the probe compares the channel's token.
//! - Prices are integer minor units; `prices` leaves the other currencies as they are.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::amount;
use super::wire::graphql::{self, text};
use super::wire::http::{self, Answer, Call, Http};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "vendure",
    about: "Vendure 3 shop: prices of product variants by SKU, read back through the admin API",
    example: r#"[channels.webshop]
kind = "vendure"
url = "https://shop.example"      # where /admin-api is
api_key = "${VENDURE_API_KEY}"    # role: ReadCatalog, UpdateCatalog, ReadProduct, UpdateProduct
channel_token = ""                # the channel's token; empty is the default channel
currency = "DKK"
tax = "gross"                     # must equal the channel's "prices include tax"
drift = "alert"                   # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| {
        Ok(Arc::new(Vendure { http: Http::new(setting)?, shop: build(table)?, clock: setting.clock.clone() }))
    },
};

/// The server refuses `take` above 1,000; a batch of 100 takes it a few seconds.
const MAX_READ: usize = 500;
const MAX_BATCH: usize = 100;

const FIND: &str = "query($s:[String!]){productVariants(options:{filter:{sku:{in:$s}},take:1000})\
{items{id sku prices{price currencyCode}}}}";
const READ: &str = "query($s:[String!]){productVariants(options:{filter:{id:{in:$s}},take:1000})\
{items{id sku prices{price currencyCode}}}}";
const UPDATE: &str = "mutation($i:[UpdateProductVariantInput!]!){updateProductVariants(input:$i)\
{id prices{price currencyCode}}}";
const PROBE: &str = "{activeChannel{code token pricesIncludeTax availableCurrencyCodes}}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    api_key: SecretString,
    #[serde(default)]
    channel_token: String,
    currency: String,
    tax: Tax,
}

struct Vendure {
    http: Http,
    shop: Shop,
    clock: Clock,
}

/// The checked settings.
struct Shop {
    endpoint: Url,
    headers: HeaderMap,
    channel_token: String,
    currency: Currency,
    tax: Tax,
}

fn build(table: &Table) -> Result<Shop, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let endpoint = http::secure_base(&settings.url)?.join("admin-api").map_err(|e| format!("url: {e}"))?;
    let mut headers = HeaderMap::new();
    http::secret_header(&mut headers, "vendure-api-key", settings.api_key.expose_secret())?;
    if !settings.channel_token.is_empty() {
        http::secret_header(&mut headers, "vendure-token", &settings.channel_token)?;
    }
    Ok(Shop {
        endpoint,
        headers,
        channel_token: settings.channel_token,
        currency: super::currency(&settings.currency)?,
        tax: settings.tax,
    })
}

impl Vendure {
    fn call(&self) -> Call {
        Call::json(Method::POST, self.shop.endpoint.clone(), self.shop.headers.clone())
    }

    async fn ask(&self, query: &str, variables: Value) -> Result<Value, ChannelError> {
        self.answered(query, variables).await.map(|(data, _)| data)
    }

    async fn answered(&self, query: &str, variables: Value) -> Result<(Value, Answer), ChannelError> {
        let answer = self.http.ask(self.call(), graphql::body(query, &variables)).await?.ok()?;
        Ok((data(&answer.json()?, Class::Retry { after_ms: None })?, answer))
    }

    /// One atomic call. `Ok` carries what the server says each variant costs now.
    async fn update(
        &self,
        changes: &[&PriceChange],
        door: &Door,
    ) -> Result<Vec<(String, Option<WirePrice>)>, ChannelError> {
        let mut sorted = changes.to_vec();
        sorted.sort_by(|a, b| a.external.cmp(&b.external));
        let input: Vec<Value> = sorted
            .iter()
            .map(|change| {
                let code = change.price.currency().code();
                let price = amount::minor(change.price)?;
                Ok(json!({ "id": change.external, "prices": [{ "currencyCode": code, "price": price }] }))
            })
            .collect::<Result<_, ChannelError>>()?;
        let body = graphql::body(UPDATE, &json!({ "i": input }));
        let externals: Vec<&str> = changes.iter().map(|c| c.external.as_str()).collect();
        let quoted = quoted(&body)?;
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        let answer = self.http.push(self.call(), pass).await?.ok()?;
        let data = data(&answer.json()?, Class::Unknown)?;
        let items = data.get("updateProductVariants").and_then(Value::as_array);
        let items =
            items.ok_or_else(|| ChannelError::new(Class::Unknown, "the answer has no updateProductVariants"))?;
        Ok(items.iter().filter_map(|item| Some((text(item, "id")?, self.price_of(item)))).collect())
    }

    fn price_of(&self, variant: &Value) -> Option<WirePrice> {
        let prices = variant.get("prices")?.as_array()?;
        let own =
            prices.iter().find(|p| p.get("currencyCode").and_then(Value::as_str) == Some(self.shop.currency.code()))?;
        own.get("price")?.as_i64().map(|minor| WirePrice::from_minor(minor, self.shop.currency))
    }

    async fn variants(&self, query: &str, keys: &[String]) -> Result<Vec<Value>, ChannelError> {
        let mut found = Vec::new();
        for part in keys.chunks(MAX_READ) {
            let data = self.ask(query, json!({ "s": part })).await?;
            let items = data.pointer("/productVariants/items").and_then(Value::as_array);
            let items = items
                .ok_or_else(|| ChannelError::new(Class::Retry { after_ms: None }, "the answer has no variants"))?;
            found.extend(items.iter().cloned());
        }
        Ok(found)
    }
}

#[async_trait]
impl Channel for Vendure {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            // One writer: overlapping batches deadlock in the shop's database.
            concurrency: 1,
            max_batch: MAX_BATCH,
            partial: PartialFailure::Atomic,
            read_back: ReadBack::Submitted,
            ..Capabilities::cautious(self.shop.currency, self.shop.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let all: Vec<&PriceChange> = changes.iter().collect();
        match self.update(&all, door).await {
            Ok(echoed) => changes.iter().map(|change| Ok(receipt(&echoed, change))).collect(),
            // Nothing was written; the good ones must not wait for the bad one.
            Err(error) if error.class == Class::Rejected && changes.len() > 1 => {
                let mut results = Vec::with_capacity(changes.len());
                for change in changes {
                    results.push(self.update(&[change], door).await.map(|echoed| receipt(&echoed, change)));
                }
                results
            }
            Err(error) => super::all_failed(changes, &error),
        }
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let items = self.variants(READ, externals).await?;
        Ok(externals
            .iter()
            .map(|external| {
                let item = items.iter().find(|item| text(item, "id").as_deref() == Some(external));
                Seen::plain(external.clone(), item.and_then(|item| self.price_of(item)))
            })
            .collect())
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let items = self.variants(FIND, skus).await?;
        Ok(items
            .iter()
            .filter_map(|item| {
                Some(Match {
                    sku: text(item, "sku")?,
                    external: text(item, "id")?,
                    price: self.price_of(item),
                    shut: None,
                })
            })
            .collect())
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (data, answer) = self.answered(PROBE, json!({})).await.map_err(|error| match error.class {
            // A server that takes no keys answers as to a stranger.
            Class::Refused => ChannelError::new(
                error.class,
                format!(
                    "{}; hint: the key needs Vendure 3.6 or later with 'api-key' in authOptions.tokenMethod, and its role \
                     ReadCatalog, UpdateCatalog, ReadProduct and UpdateProduct",
                    error.message
                ),
            ),
            _ => error,
        })?;
        let channel = data.get("activeChannel").cloned().unwrap_or_default();
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        if !self.shop.channel_token.is_empty()
            && text(&channel, "token").as_deref() != Some(self.shop.channel_token.as_str())
        {
            problems.push(
                "channel_token is not the token of the channel that answers; the shop ignores wrong ones".to_owned(),
            );
        }
        let includes_tax = channel.get("pricesIncludeTax").and_then(Value::as_bool);
        if includes_tax != Some(self.shop.tax == Tax::Gross) {
            let says = if includes_tax == Some(true) { "gross" } else { "net" };
            problems.push(format!("the channel's prices are {says}; set tax = \"{says}\""));
        }
        let currencies = channel.get("availableCurrencyCodes").and_then(Value::as_array).cloned().unwrap_or_default();
        if !currencies.iter().any(|code| code.as_str() == Some(self.shop.currency.code())) {
            problems.push(format!("the channel does not sell in {}", self.shop.currency.code()));
        }
        Ok(Probe::of(format!("Vendure channel {}", text(&channel, "code").unwrap_or_default()), problems))
    }
}

fn receipt(echoed: &[(String, Option<WirePrice>)], change: &PriceChange) -> Receipt {
    Receipt { echoed: echoed.iter().find(|(external, _)| *external == change.external).and_then(|(_, price)| *price) }
}

/// Reads prices back out of an outgoing mutation, by its text alone.
fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    #[derive(Deserialize)]
    struct Body {
        variables: Variables,
    }
    #[derive(Deserialize)]
    struct Variables {
        i: Vec<Variant>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Variant {
        id: String,
        prices: Vec<Price>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Price {
        currency_code: String,
        price: i64,
    }
    let body: Body = serde_json::from_slice(body).map_err(|e| GateError::Unreadable(e.to_string()))?;
    let mut quotes = Vec::new();
    for variant in body.variables.i {
        for price in variant.prices {
            let currency =
                crate::money::currency(&price.currency_code).map_err(|e| GateError::Unreadable(e.to_string()))?;
            quotes.push(Quote::new(variant.id.as_str(), WirePrice::from_minor(price.price, currency)));
        }
    }
    Ok(quotes)
}

/// The `data` of an answer, or the class of its first error. `late` is the class of an error that proves nothing.
fn data(answer: &Value, late: Class) -> Result<Value, ChannelError> {
    graphql::data("Vendure", answer, late, |fault| match fault.code {
        "FORBIDDEN" | "UNAUTHORIZED" | "CHANNEL_NOT_FOUND" => Some(Class::Refused),
        "ENTITY_NOT_FOUND" | "USER_INPUT_ERROR" | "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED" => {
            Some(Class::Rejected)
        }
        _ if fault.message.contains("deadlock detected") => Some(Class::Retry { after_ms: Some(250) }),
        // PostgreSQL's own words without a code: the statement failed and with it the transaction.
        _ if fault.message.contains("invalid input syntax") || fault.message.contains("out of range") => {
            Some(Class::Rejected)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_behind_http_200_have_their_class() {
        let error = |code: Option<&str>, message: &str| {
            let answer = json!({ "errors": [{ "message": message, "extensions": { "code": code } }], "data": null });
            data(&answer, Class::Unknown).unwrap_err().class
        };
        assert_eq!(error(Some("FORBIDDEN"), "You are not currently authorized"), Class::Refused);
        assert_eq!(error(Some("ENTITY_NOT_FOUND"), "No ProductVariant"), Class::Rejected);
        assert_eq!(error(None, "deadlock detected"), Class::Retry { after_ms: Some(250) });
        assert_eq!(error(None, "value \"3000000000\" is out of range for type integer"), Class::Rejected);
        assert_eq!(error(Some("INTERNAL_SERVER_ERROR"), "something broke"), Class::Unknown);
        assert!(data(&json!({ "data": null }), Class::Unknown).is_err());
    }

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let body = br#"{"query":"...","variables":{"i":[{"id":"7","prices":[{"currencyCode":"DKK","price":47900}]}]}}"#;
        assert_eq!(quoted(body).unwrap(), vec![Quote::new("7", WirePrice::from_minor(47_900, Currency::DKK))]);
        let sneaky = br#"{"variables":{"i":[{"id":"7","price":1,"prices":[]}]}}"#;
        assert!(quoted(sneaky).is_err(), "a second price field must not pass unseen");
        assert!(
            quoted(br#"{"variables":{"i":[{"id":"7","prices":[{"currencyCode":"DKK","price":479.5}]}]}}"#).is_err()
        );
    }
}
