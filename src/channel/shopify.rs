//! Shopify through its admin GraphQL API, version 2026-10: base prices of variants, or the fixed prices of one Markets
//! price list. Facts that shape this file:
//!
//! - Failures are HTTP 200: `errors` for the request, `userErrors` for its items. Without partial updates nothing of a
//!   call with `userErrors` is written, so the named items are left out and the others go again.
//! - `compareAtPrice` is cleared by `null`; `"0"` is stored as a real 0.00.
//! - A change of the base price leaves the fixed prices of markets as they are, hence a channel per price list.
//! - Every answer says how many points of query cost are left, and that is what paces the requests.
//! - No sale has dates: the daemon starts and ends it.
//! - The lowest price of the 30 days before has no field of its own; it stands in two metafields of the variant, which
//!   are no more than texts to Shopify: `""` is refused, only a delete call takes one away.

mod entry;
mod mutation;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::amount::{self, Shown};
use super::wire::graphql::{self, text};
use super::wire::http::{self, Answer, Call};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::Currency;
use crate::publish::gate::Door;
use entry::{Credentials, Entry};
use mutation::{LOWEST, base_body, clears, gid, list_body, named, number, quoted, reference, user_error, written};

pub const KIND: Kind = Kind {
    name: "shopify",
    about: "Shopify: variant prices with compare-at price, for the whole shop or for one Markets price list",
    example: r#"[channels.shopify]
kind = "shopify"
url = "https://example.myshopify.com"   # the shop's own myshopify.com address
access_token = "${SHOPIFY_TOKEN}"       # of an app made in the shop's admin: read_products, write_products
# client_id = "0123abcd"                # instead of access_token, for an app of the Dev Dashboard,
# client_secret = "${SHOPIFY_SECRET}"   # which the shop gives tokens of a day
price_list = ""                         # number of a Markets price list; empty: the shop's base prices
country = ""                            # such as "DK": read back what buyers of this country pay
metafields = "omniprice"                # namespace of a reduction's lowest_30d and prior_price_from; empty: none
currency = "DKK"                        # the shop's, or the price list's
tax = "gross"                           # gross if the shop's "include tax in prices" is on
drift = "alert"                         # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Shopify::new(table, setting)?)),
};

/// A version lives for about a year; the tests validate against the schema of this one.
const VERSION: &str = "2026-10";
/// Input arrays take 250 items (docs, "API limits").
const MAX_BATCH: usize = 250;
/// Each variant may name two metafields to delete, in an array of that length.
const MAX_BATCH_WITH_METAFIELDS: usize = MAX_BATCH / 2;
const MAX_READ: usize = 100;
/// A search text of this many SKUs stays short enough for one query.
const MAX_FIND: usize = 40;
const PAGE: usize = 250;
const MAX_PAGES: usize = 20;
/// The smallest plan's bucket (docs, "Rate limits"); the real one is learned from the first answer.
const POINTS: u32 = 2_000;
const POINTS_PER_MINUTE: u32 = 6_000;
/// A mutation costs 10 points (docs, "Calculating query costs"); a read one per object and a little.
const MUTATION_COST: u32 = 10;

const READ_LIST: &str = "query($l:ID!,$q:String!,$n:Int!){priceList(id:$l){prices(first:$n,originType:FIXED,query:$q)\
{nodes{variant{id} price{amount currencyCode} compareAtPrice{amount currencyCode}}}}}";
const FIND: &str = "query($q:String!,$n:Int!,$a:String){productVariants(first:$n,query:$q,after:$a)\
{nodes{id sku price product{id}} pageInfo{hasNextPage endCursor}}}";
const PROBE: &str = "{shop{name currencyCode taxesIncluded} currentAppInstallation{accessScopes{handle}}}";
const PROBE_LIST: &str = "query($l:ID!){priceList(id:$l){name currency}}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    access_token: Option<SecretString>,
    #[serde(default)]
    client_id: String,
    client_secret: Option<SecretString>,
    #[serde(default)]
    price_list: String,
    #[serde(default)]
    country: String,
    #[serde(default = "namespace")]
    metafields: String,
    currency: String,
    tax: Tax,
}

fn namespace() -> String {
    "omniprice".to_owned()
}

struct Shopify {
    entry: Entry,
    shop: Shop,
    clock: Clock,
}

/// The checked settings.
struct Shop {
    endpoint: Url,
    credentials: Credentials,
    price_list: Option<String>,
    country: Option<String>,
    /// Namespace of the metafields; none for a price list, whose metafields would be those of the base prices.
    metafields: Option<String>,
    currency: Currency,
    tax: Tax,
}

fn build(table: &Table) -> Result<Shop, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::secure_base(&settings.url)?;
    let endpoint = http::place(&base, &["admin", "api", VERSION, "graphql.json"], &[]);
    let credentials = Credentials::of(&base, settings.access_token, settings.client_id, settings.client_secret)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let price_list = match settings.price_list.as_str() {
        "" => None,
        number if digits(number) => Some(gid("PriceList", number)),
        _ => return Err("price_list must be the number at the end of the price list's id".to_owned()),
    };
    let country = match settings.country.as_str() {
        "" => None,
        code if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) => Some(code.to_owned()),
        _ => return Err("country must be two capital letters, such as \"DK\"".to_owned()),
    };
    let named = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let metafields = match settings.metafields.as_str() {
        "" => None,
        name if (3..=255).contains(&name.len()) && named(name) => Some(name.to_owned()),
        _ => return Err("metafields must have 3 to 255 letters, digits, - or _, or be empty".to_owned()),
    };
    let metafields = metafields.filter(|_| price_list.is_none());
    let currency = super::currency(&settings.currency)?;
    Ok(Shop { endpoint, credentials, price_list, country, metafields, currency, tax: settings.tax })
}

impl Shopify {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let shop = build(table)?;
        // The budget of an app in a store: its markets have it in common.
        let entry = Entry::new(setting, &shop.credentials, &shop.endpoint, (POINTS, POINTS_PER_MINUTE))?;
        Ok(Self { entry, shop, clock: setting.clock.clone() })
    }

    fn max_batch(&self) -> usize {
        if self.shop.metafields.is_some() { MAX_BATCH_WITH_METAFIELDS } else { MAX_BATCH }
    }

    fn call(&self, cost: u32) -> Call {
        Call::json(Method::POST, self.shop.endpoint.clone(), HeaderMap::new()).costs(cost)
    }

    async fn ask(&self, query: &str, variables: &Value, cost: u32) -> Result<(Value, Answer), ChannelError> {
        let answer = self.entry.ask(self.call(cost), graphql::body(query, variables)).await?;
        let data = self.data(&answer, Class::Retry { after_ms: None }).await?;
        Ok((data, answer))
    }

    /// Learns the budget and sorts what the request as a whole suffered.
    async fn data(&self, answer: &Answer, late: Class) -> Result<Value, ChannelError> {
        match answer.status {
            200..=299 => {}
            402 | 404 | 423 => {
                let text = format!("no shop answers at this url ({}): it is closed, frozen or another", answer.status);
                return Err(ChannelError::new(Class::Refused, text));
            }
            _ => return Err(answer.error()),
        }
        let body = answer.json()?;
        let cost = body.pointer("/extensions/cost");
        let throttle = cost.and_then(Throttle::read);
        if let (Some(pace), Some(throttle)) = (self.entry.http().pace(), throttle) {
            pace.learn(throttle.left, throttle.most, throttle.per_second.saturating_mul(60)).await;
        }
        graphql::data("Shopify", &body, late, |fault| match fault.code {
            "THROTTLED" => Some(Class::Retry { after_ms: throttle.map(|throttle| throttle.wait_ms(cost)) }),
            "ACCESS_DENIED" | "UNAUTHORIZED" | "SHOP_INACTIVE" => Some(Class::Refused),
            "MAX_COST_EXCEEDED" | "BAD_REQUEST" | "INVALID_VARIABLE" | "GRAPHQL_VALIDATION_FAILED" => {
                Some(Class::Rejected)
            }
            _ => None,
        })
    }

    /// One call for variants of one product, or for one price list.
    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let (body, field) = match &self.shop.price_list {
            None => (base_body(changes, self.shop.metafields.as_deref()), "productVariantsBulkUpdate"),
            Some(list) => (list_body(list, changes), "priceListFixedPricesAdd"),
        };
        let quoted = quoted(&body, self.shop.currency);
        let pass = outgoing::pass(door, changes, body, quoted)?;
        let clearing = self.shop.metafields.is_some() && changes.iter().any(|change| clears(change));
        let cost = if clearing { 2 * MUTATION_COST } else { MUTATION_COST };
        let answer = self.entry.push(self.call(cost), pass).await?;
        let data = self.data(&answer, Class::Unknown).await?;
        let Some(payload) = data.get(field).filter(|payload| payload.is_object()) else {
            return Err(answer.unclear(format!("the answer has no {field}")));
        };
        let errors = payload.get("userErrors").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(first) = errors.first() {
            return named(&errors, changes.len()).map_or_else(|| Err(user_error(first)), |bad| Ok(Outcome::Bad(bad)));
        }
        Ok(Outcome::Each(changes.iter().map(|change| written(payload, change)).collect()))
    }

    fn shown(&self, value: Option<&Value>) -> Result<Option<Shown>, String> {
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        // A MoneyV2 names its currency, a bare amount is in the shop's.
        let (amount, currency) = match value.get("amount") {
            Some(amount) => (amount, super::currency(&text(value, "currencyCode").unwrap_or_default())?),
            None => (value, self.shop.currency),
        };
        let amount = amount.as_str().ok_or_else(|| format!("{amount}, which is no text of a price"))?;
        amount::shown(amount, currency)
    }

    /// A variant's price and crossed-out price; a compare-at price that is not above the price crosses nothing out.
    fn seen(&self, external: &str, node: &Value) -> Seen {
        let shown = node.get("contextualPricing").unwrap_or(node);
        let seen = found::shown(external.to_owned(), self.shown(shown.get("price")));
        let seen = found::crossed_out(seen, self.shown(shown.get("compareAtPrice")));
        let left = seen.regular == Some(None) && node.get("metafield").is_some_and(|field| !field.is_null());
        let disputed =
            left.then(|| format!("nothing is reduced, and the metafield {LOWEST} of a reduction is still there"));
        Seen { disputed, ..seen }
    }

    /// The question for variants' base prices, or what buyers of a country pay, and for the metafield of a reduction.
    fn read_variants(&self, gids: &[String]) -> (String, Value) {
        let mut variables = json!({ "i": gids });
        let mut declared = "$i:[ID!]!".to_owned();
        let mut fields = match &self.shop.country {
            None => "id price compareAtPrice".to_owned(),
            Some(country) => {
                variables["c"] = json!(country);
                declared.push_str(",$c:CountryCode!");
                let money = "{amount currencyCode}";
                format!("id contextualPricing(context:{{country:$c}}){{price{money} compareAtPrice{money}}}")
            }
        };
        if let Some(own) = &self.shop.metafields {
            variables["m"] = json!(own);
            variables["k"] = json!(LOWEST);
            declared.push_str(",$m:String!,$k:String!");
            fields.push_str(" metafield(namespace:$m,key:$k){value}");
        }
        (format!("query({declared}){{nodes(ids:$i){{... on ProductVariant{{{fields}}}}}}}"), variables)
    }

    async fn read_part(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let ids: Vec<&str> = externals.iter().map(|external| reference(external).1).collect();
        let gids: Vec<String> = ids.iter().map(|id| gid("ProductVariant", id)).collect();
        let cost = u32::try_from(externals.len() * 2).unwrap_or(POINTS) + 2;
        let (query, variables, pointer) = match (&self.shop.country, &self.shop.price_list) {
            (None, Some(list)) => {
                let query = ids.iter().map(|id| format!("variant_id:{id}")).collect::<Vec<_>>().join(" OR ");
                let variables = json!({ "l": list, "q": query, "n": PAGE });
                (READ_LIST.to_owned(), variables, "/priceList/prices/nodes")
            }
            _ => {
                let (query, variables) = self.read_variants(&gids);
                (query, variables, "/nodes")
            }
        };
        let (data, answer) = self.ask(&query, &variables, cost).await?;
        let nodes = data.pointer(pointer).and_then(Value::as_array);
        let nodes = nodes.ok_or_else(|| answer.unclear("the answer has no prices; does the price list exist?"))?;
        let place = |id: &str| {
            nodes.iter().find(|node| {
                let variant = node.get("variant").unwrap_or(node);
                variant.get("id").and_then(Value::as_str).is_some_and(|found| number(found) == id)
            })
        };
        let seen = externals.iter().zip(&ids).filter_map(|(external, id)| Some(self.seen(external, place(id)?)));
        Ok(seen.collect())
    }

    async fn find_part(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let quoted = |sku: &String| format!("sku:\"{}\"", sku.replace('\\', "\\\\").replace('"', "\\\""));
        let query = skus.iter().map(quoted).collect::<Vec<_>>().join(" OR ");
        let mut matches = Vec::new();
        let mut after = Value::Null;
        for _ in 0..MAX_PAGES {
            let variables = json!({ "q": query, "n": PAGE, "a": after });
            let (data, answer) = self.ask(FIND, &variables, MUTATION_COST).await?;
            let found = data.get("productVariants").filter(|found| found.is_object());
            let found = found.ok_or_else(|| answer.unclear("the answer has no productVariants"))?;
            for node in found.get("nodes").and_then(Value::as_array).into_iter().flatten() {
                let one = || {
                    let (sku, id) = (text(node, "sku")?, text(node, "id")?);
                    let product = node.pointer("/product/id")?.as_str()?;
                    let external = match self.shop.price_list {
                        None => format!("{}/{}", number(product), number(&id)),
                        Some(_) => number(&id).to_owned(),
                    };
                    // The search is one for people: it also finds what only resembles.
                    skus.contains(&sku).then(|| Match {
                        sku,
                        external,
                        price: self.shown(node.get("price")).ok().flatten().map(|shown| shown.price),
                        shut: None,
                    })
                };
                matches.extend(one());
            }
            if found.pointer("/pageInfo/hasNextPage") != Some(&Value::Bool(true)) {
                return Ok(matches);
            }
            after = found.pointer("/pageInfo/endCursor").cloned().unwrap_or_default();
        }
        Err(ChannelError::new(
            Class::Rejected,
            format!("the search for {} SKUs has more than {MAX_PAGES} pages", skus.len()),
        ))
    }
}

/// What the answers say about the budget: points, points a second.
#[derive(Debug, Clone, Copy)]
struct Throttle {
    left: u32,
    most: u32,
    per_second: u32,
}

impl Throttle {
    fn read(cost: &Value) -> Option<Self> {
        // Written as 1000.0 by some versions.
        let whole = |key: &str| {
            let written = cost.pointer(&format!("/throttleStatus/{key}"))?.to_string();
            written.split('.').next()?.parse().ok()
        };
        Some(Self {
            left: whole("currentlyAvailable")?,
            most: whole("maximumAvailable")?,
            per_second: whole("restoreRate")?,
        })
    }

    /// Until the refused query can be paid.
    fn wait_ms(self, cost: Option<&Value>) -> i64 {
        let wanted = cost.and_then(|cost| cost.get("requestedQueryCost")).and_then(Value::as_u64).unwrap_or(0);
        let missing = wanted.saturating_sub(u64::from(self.left)).max(1);
        let ms = missing.saturating_mul(1_000).div_ceil(u64::from(self.per_second.max(1)));
        i64::try_from(ms).unwrap_or(i64::MAX)
    }
}

#[async_trait]
impl Channel for Shopify {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: self.max_batch(),
            concurrency: 2,
            sale: SaleSupport::Strike,
            prior_price: self.shop.metafields.is_some(),
            partial: PartialFailure::Atomic,
            read_back: if self.shop.country.is_some() { ReadBack::Effective } else { ReadBack::Submitted },
            ..Capabilities::cautious(self.shop.currency, self.shop.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let product = |change: &PriceChange| match &self.shop.price_list {
            None => reference(&change.external).0.to_owned(),
            Some(_) => String::new(),
        };
        let work = Worklist::grouped(changes, self.max_batch(), product);
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            seen.extend(self.read_part(part).await?);
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        for part in skus.chunks(MAX_FIND) {
            matches.extend(self.find_part(part).await?);
        }
        let mut matches = found::distinct(matches);
        if self.shop.price_list.is_some() {
            // The search shows base prices; the list has its own.
            let externals: Vec<String> = matches.iter().map(|one| one.external.clone()).collect();
            for (one, seen) in matches.iter_mut().zip(self.read(&externals).await?) {
                one.price = seen.price;
            }
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (data, answer) = self.ask(PROBE, &json!({}), MUTATION_COST).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let scopes = data.pointer("/currentAppInstallation/accessScopes").and_then(Value::as_array);
        let has =
            |wanted: &str| scopes.into_iter().flatten().any(|scope| text(scope, "handle").as_deref() == Some(wanted));
        if !has("write_products") {
            problems.push("the token lacks the scope write_products; grant it to the app and install it again".into());
        }
        let shop = data.get("shop").cloned().unwrap_or_default();
        let gross = shop.get("taxesIncluded") == Some(&Value::Bool(true));
        if gross != (self.shop.tax == Tax::Gross) {
            let says = if gross { "gross" } else { "net" };
            problems.push(format!("the shop's prices are {says}; set tax = \"{says}\""));
        }
        let mut currency = text(&shop, "currencyCode").unwrap_or_default();
        if let Some(list) = &self.shop.price_list {
            let (data, _) = self.ask(PROBE_LIST, &json!({ "l": list }), MUTATION_COST).await?;
            match data.get("priceList").and_then(|list| text(list, "currency")) {
                Some(own) => currency = own,
                None => problems.push(format!("the shop has no price list {}; set price_list", number(list))),
            }
        }
        if currency != self.shop.currency.code() {
            problems.push(format!("its prices are in {currency}; set currency = \"{currency}\""));
        }
        Ok(Probe::of(format!("Shopify shop {}", text(&shop, "name").unwrap_or_default()), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_query_waits_until_it_can_be_paid() {
        let cost = json!({ "requestedQueryCost": 110, "throttleStatus":
            { "maximumAvailable": 2000.0, "currentlyAvailable": 10, "restoreRate": 100.0 } });
        let throttle = Throttle::read(&cost).unwrap();
        assert_eq!((throttle.most, throttle.wait_ms(Some(&cost))), (2_000, 1_000));
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let table = |rest: &str| -> Table {
            format!("kind='shopify'\naccess_token='t'\ncurrency='DKK'\ntax='gross'\n{rest}").parse().unwrap()
        };
        assert!(build(&table("url='https://x.myshopify.com'")).is_ok());
        for bad in [
            "url='http://x.myshopify.com'",
            "url='https://x'\nprice_list='gid://x'",
            "url='https://x'\ncountry='dk'",
            "url='https://x'\nmetafields='a b c'",
            "url='https://x'\nmetafields='ab'",
            "url='https://x'\nclient_id='c'",
            "url='https://x'\nclient_id='c'\nclient_secret='s'",
        ] {
            assert!(build(&table(bad)).is_err(), "{bad}");
        }
    }
}
