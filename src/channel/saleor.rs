//! Saleor 3 through its GraphQL API. Facts that shape this file, seen on a real server:
//!
//! - Failures are HTTP 200 with `errors` (a missing right is `PermissionDenied`), items have `errors` of their own, and a
//!   number that is no positive decimal is HTTP 400. Several listings travel as aliases of one request, each with its own
//!   result: the bulk mutation says "no error" for good rows that it did not write.
//! - Prices are per sales channel and in its currency; more decimals than the currency has are refused.
//! - There is one reference price, `priorPrice`, the lowest of the last 30 days: it is what a storefront crosses out, and
//!   `null` clears it. Discounts of promotions are the merchant's, and what a buyer pays is read with them.
//! - Writing the price of a variant that has no listing in the sales channel makes one, which puts it on sale there.

mod variant;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use self::variant::{FIND, READ, SOLD, Variant, Variants};
use super::wire::graphql::{self, Fault, text};
use super::wire::http::{self, Answer, Call, Http};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{amount, found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "saleor",
    about: "Saleor shop: variant prices in one sales channel, read back as buyers see them",
    example: r#"[channels.saleor]
kind = "saleor"
url = "https://shop.example/graphql/"   # the GraphQL API
app_token = "${SALEOR_APP_TOKEN}"       # an app with MANAGE_PRODUCTS
sales_channel = "default-channel"       # slug of the sales channel
currency = "EUR"                        # the sales channel's
tax = "gross"                           # gross if its prices are entered with tax
drift = "alert"                         # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Saleor::new(table, setting)?)),
};

/// Aliases per request: each is a mutation of its own, 0.1 s on a small server.
const MAX_BATCH: usize = 20;
/// Pages hold at most 100 objects.
const MAX_READ: usize = 100;

/// The first version with every field that is asked for or written.
const OLDEST: &str = "3.21";
/// How a server says that its schema lacks a field of a query, or of a variable.
const UNKNOWN_FIELD: [&str; 2] = ["Cannot query field", "Unknown field"];

const CHANNEL: &str = "query($c:String!){channel(slug:$c){id name currencyCode isActive \
taxConfiguration{pricesEnteredWithTax}} app{permissions{code}}}";
const ONE: &str = "{errors{field message code} variant{id}}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    app_token: SecretString,
    sales_channel: String,
    currency: String,
    tax: Tax,
}

struct Saleor {
    http: Http,
    endpoint: Url,
    headers: HeaderMap,
    channel: String,
    currency: Currency,
    tax: Tax,
    clock: Clock,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let endpoint = http::secure_base(&settings.url)?;
    let mut headers = HeaderMap::new();
    http::secret_header(&mut headers, "authorization", &format!("Bearer {}", settings.app_token.expose_secret()))?;
    if settings.sales_channel.is_empty() {
        return Err("sales_channel must be the slug of a sales channel".to_owned());
    }
    super::currency(&settings.currency)?;
    Ok((endpoint, headers, settings))
}

/// The vendor's errors stand in `extensions.exception.code`.
fn class(fault: &Fault<'_>) -> Option<Class> {
    match fault.extensions.pointer("/exception/code").and_then(Value::as_str).unwrap_or("") {
        "PermissionDenied" | "ExpiredSignatureError" | "InvalidTokenError" | "DecodeError" | "JSONWebTokenError" => {
            Some(Class::Refused)
        }
        "GraphQLError" | "ValidationError" | "QueryCostError" => Some(Class::Rejected),
        _ => None,
    }
}

/// The price that is crossed out, if the change is a reduction. Saleor has one field for it and for the 30-day price.
fn prior(change: &PriceChange) -> Result<Option<WirePrice>, ChannelError> {
    let Some(sale) = change.sale else { return Ok(None) };
    match sale.prior {
        Some(prior) if prior != sale.regular => {
            let text = format!(
                "Saleor has one reference price, and {} is to be crossed out where {prior} was the lowest of 30 days",
                sale.regular
            );
            Err(ChannelError::new(Class::Rejected, text))
        }
        _ => Ok(Some(sale.regular)),
    }
}

impl Saleor {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (endpoint, headers, settings) = build(table)?;
        Ok(Self {
            http: Http::new(setting)?,
            endpoint,
            headers,
            channel: settings.sales_channel,
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
        })
    }

    fn call(&self) -> Call {
        Call::json(Method::POST, self.endpoint.clone(), self.headers.clone())
    }

    async fn ask(&self, query: &str, variables: &Value) -> Result<Answer, ChannelError> {
        let answer = self.http.ask(self.call(), graphql::body(query, variables)).await?;
        Self::good(answer)
    }

    /// HTTP 400 carries GraphQL errors too.
    fn good(answer: Answer) -> Result<Answer, ChannelError> {
        if answer.status != 400 {
            return answer.ok();
        }
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            let text = "the server answers 400 without JSON: it refuses this host name; see its ALLOWED_HOSTS";
            return Err(ChannelError::new(Class::Refused, text));
        };
        let errors = body.get("errors").and_then(Value::as_array);
        let mut messages = errors.into_iter().flatten().filter_map(|error| text(error, "message"));
        if let Some(message) = messages.find(|message| UNKNOWN_FIELD.iter().any(|words| message.contains(words))) {
            let text = format!("this Saleor is too old, update it to {OLDEST} or later: {message}");
            return Err(ChannelError::new(Class::Refused, text));
        }
        graphql::data("Saleor", &body, Class::Rejected, class)?;
        answer.ok()
    }

    /// The sales channel as the API shows it.
    async fn channel(&self) -> Result<(Value, Answer), ChannelError> {
        let answer = self.ask(CHANNEL, &json!({ "c": self.channel })).await?;
        let data = graphql::data("Saleor", &answer.json()?, Class::Retry { after_ms: None }, class)?;
        Ok((data, answer))
    }

    async fn channel_id(&self) -> Result<String, ChannelError> {
        let (data, _) = self.channel().await?;
        data.get("channel").and_then(|channel| text(channel, "id")).ok_or_else(|| {
            ChannelError::new(
                Class::Refused,
                format!("the shop has no sales channel {}; set sales_channel", self.channel),
            )
        })
    }

    async fn variants(&self, query: &str, key: &str, values: &[&str]) -> Result<Vec<Variant>, ChannelError> {
        let answer = self.ask(query, &json!({ key: values, "c": self.channel })).await?;
        let found: Variants = graphql::typed("Saleor", &answer, Class::Retry { after_ms: None }, class)?;
        Ok(found.into_list())
    }

    /// The places of changes whose variant somebody took off sale in the sales channel, or that is gone.
    async fn withdrawn(&self, changes: &[PriceChange]) -> Result<Vec<usize>, ChannelError> {
        let mut sold = HashSet::with_capacity(changes.len());
        for part in changes.chunks(MAX_READ) {
            let ids: Vec<&str> = part.iter().map(|change| change.external.as_str()).collect();
            let variants = self.variants(SOLD, "i", &ids).await?;
            sold.extend(variants.into_iter().filter(|one| one.is_sold(&self.channel)).map(|one| one.id));
        }
        Ok((0..changes.len()).filter(|place| !sold.contains(&changes[*place].external)).collect())
    }

    async fn update(&self, changes: &[&PriceChange], channel: &str, door: &Door) -> Result<Outcome, ChannelError> {
        let (mut names, mut aliases) = (String::new(), String::new());
        let mut variables = serde_json::Map::new();
        let mut bad = Vec::new();
        for (place, change) in changes.iter().enumerate() {
            let regular = match prior(change) {
                Ok(regular) => regular.map(amount::text),
                Err(error) => {
                    bad.push((place, error));
                    continue;
                }
            };
            let row = json!({ "channelId": channel, "price": amount::text(change.price), "priorPrice": regular });
            variables.insert(format!("v{place}"), json!(change.external));
            variables.insert(format!("i{place}"), json!([row]));
            // Writing into a text cannot fail.
            let _ = write!(names, "$v{place}:ID!,$i{place}:[ProductVariantChannelListingAddInput!]!,");
            let _ = write!(aliases, "a{place}:productVariantChannelListingUpdate(id:$v{place},input:$i{place}){ONE} ");
        }
        if !bad.is_empty() {
            return Ok(Outcome::Bad(bad));
        }
        let query = format!("mutation({}){{{aliases}}}", names.trim_end_matches(','));
        let body = graphql::body(&query, &Value::Object(variables));
        let pass = outgoing::pass(door, changes, body.clone(), quoted(&body, channel, self.currency))?;
        let answer = Self::good(self.http.push(self.call(), pass).await?)?;
        let data = graphql::data("Saleor", &answer.json()?, Class::Unknown, class)?;
        let one = |place: usize| {
            let own = data.get(format!("a{place}")).filter(|own| own.is_object());
            let own = own.ok_or_else(|| answer.unclear("the answer lacks this listing"))?;
            if let Some(error) = own.pointer("/errors/0") {
                let (code, message) = (text(error, "code").unwrap_or_default(), text(error, "message"));
                let text = format!("{} ({code})", message.unwrap_or_default());
                return Err(ChannelError::new(Class::Rejected, text));
            }
            match own.pointer("/variant/id").and_then(Value::as_str) {
                Some(_) => Ok(Receipt { echoed: None }),
                // Neither error nor variant: other rows made it fail.
                None => Err(answer.unclear("the answer has no variant")),
            }
        };
        Ok(Outcome::Each((0..changes.len()).map(one).collect()))
    }
}

/// Reads prices back out of an outgoing mutation, by its text alone. The body names the sales channel, which has one
/// currency.
fn quoted(body: &[u8], channel: &str, currency: Currency) -> Result<Vec<Quote>, GateError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "query")]
        _query: String,
        variables: BTreeMap<String, Variable>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Variable {
        Id(String),
        Rows(Vec<Row>),
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Row {
        channel_id: String,
        price: String,
        prior_price: Option<String>,
    }
    let variables = outgoing::parse::<Body>(body)?.variables;
    let mut quotes = Vec::new();
    for (name, variable) in &variables {
        let Variable::Rows(rows) = variable else { continue };
        let id = name.strip_prefix('i').and_then(|place| variables.get(&format!("v{place}")));
        let (Some(Variable::Id(id)), [row]) = (id, rows.as_slice()) else {
            return Err(outgoing::unreadable(&"rows that belong to no variant"));
        };
        if row.channel_id != channel {
            return Err(outgoing::unreadable(&"a price in another sales channel"));
        }
        let regular = row.prior_price.as_deref().map(|prior| outgoing::money(prior, currency)).transpose()?;
        quotes.push(outgoing::quote(id.as_str(), outgoing::money(&row.price, currency)?, regular));
    }
    Ok(quotes)
}

#[async_trait]
impl Channel for Saleor {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            concurrency: 2,
            // Prices that promotions touch are recalculated in the background, about every ten seconds.
            visible_after_ms: 1_000,
            sale: SaleSupport::Strike,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let channel = match self.channel_id().await {
            Ok(channel) => channel,
            Err(error) => return super::all_failed(changes, &error),
        };
        let (mut work, channel) = (Worklist::of(changes, MAX_BATCH), channel.as_str());
        match self.withdrawn(changes).await {
            Ok(places) => {
                for place in places {
                    let text = format!(
                        "the variant is not on sale in {}; list it there with a price, and it is priced again",
                        self.channel
                    );
                    work.settle(place, Err(ChannelError::new(Class::Rejected, text)));
                }
            }
            Err(error) => return super::all_failed(changes, &error),
        }
        work.through(changes, |batch| async move { self.update(&batch, channel, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<&str> = part.iter().map(String::as_str).collect();
            seen.extend(
                self.variants(READ, "i", &ids)
                    .await?
                    .iter()
                    .filter_map(|variant| variant.seen(&self.channel, self.tax)),
            );
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let names: Vec<&str> = part.iter().map(String::as_str).collect();
            matches.extend(self.variants(FIND, "s", &names).await?.into_iter().filter_map(|variant| {
                let price = variant.seen(&self.channel, self.tax)?.price;
                Some(Match { sku: variant.sku?, external: variant.id, price, shut: None })
            }));
        }
        Ok(found::distinct(matches))
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (data, answer) = self.channel().await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let permissions = data.pointer("/app/permissions").and_then(Value::as_array);
        let may = |code: &str| permissions.into_iter().flatten().any(|one| text(one, "code").as_deref() == Some(code));
        if !may("MANAGE_PRODUCTS") {
            problems.push("the token is no app's with MANAGE_PRODUCTS; give the app that permission".to_owned());
        }
        let Some(channel) = data.get("channel").filter(|channel| channel.is_object()) else {
            problems.push(format!("the shop has no sales channel {}; set sales_channel", self.channel));
            return Ok(Probe::of("Saleor shop", problems));
        };
        let code = text(channel, "currencyCode").unwrap_or_default();
        if code != self.currency.code() {
            problems.push(format!("the sales channel is in {code}; set currency = \"{code}\""));
        }
        let gross = channel.pointer("/taxConfiguration/pricesEnteredWithTax") == Some(&json!(true));
        if gross != (self.tax == Tax::Gross) {
            let says = if gross { "gross" } else { "net" };
            problems.push(format!("its prices are entered {says}; set tax = \"{says}\""));
        }
        if channel.get("isActive") == Some(&json!(false)) {
            problems.push("the sales channel is not active, so nobody sees its prices".to_owned());
        }
        Ok(Probe::of(format!("Saleor channel {}", text(channel, "name").unwrap_or_default()), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        let of = |row: &str| {
            let body = format!(r#"{{"query":"m","variables":{{"v0":"UHI6MQ==","i0":[{{"channelId":"c",{row}}}]}}}}"#);
            quoted(body.as_bytes(), "c", Currency::EUR)
        };
        assert_eq!(of(r#""price":"12.50","priorPrice":null"#).unwrap(), [Quote::new("UHI6MQ==", eur(1_250))]);
        let sale = outgoing::quote("UHI6MQ==", eur(1_250), Some(eur(1_500)));
        assert_eq!(of(r#""price":"12.50","priorPrice":"15.00""#).unwrap(), [sale]);
        for bad in [r#""price":"12.505""#, r#""price":"12.50","costPrice":"1.00""#, r#""price":12.5"#] {
            assert!(of(bad).is_err(), "{bad}");
        }
        let other = br#"{"query":"m","variables":{"v0":"x","i0":[{"channelId":"d","price":"1.00"}]}}"#;
        assert!(quoted(other, "c", Currency::EUR).is_err(), "another sales channel");
    }
}
