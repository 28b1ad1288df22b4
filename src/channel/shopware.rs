//! Shopware 6 through its admin API. Facts that shape this file:
//!
//! - A price holds gross and net, and the API computes neither from the other; so both are sent, computed with the VAT
//!   rate of the listing's market, which must be the rate that the shop has for the product.
//! - A product's prices are one field with all currencies: what is not sent again is gone. So the other currencies are
//!   read first and travel along, unchanged. A variant inherits its parent's field as long as it has none of its own; its
//!   first price takes the inherited other currencies along, because from then on it inherits none.
//! - `listPrice` is crossed out, `regulationPrice` is the lowest price of the last 30 days; absent is cleared.
//! - A sync is all or nothing (`fail-on-error`). Nothing has dates: the daemon starts and ends sales.

mod held;
mod probe;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use rust_decimal::RoundingStrategy;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::amount::{self, Field};
use super::wire::graphql::text;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use super::wire::session::{Bearer, Session};
use super::wire::shared::{Shared, Turn};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, Decimal, WirePrice, decimal};
use crate::publish::gate::{Door, GateError, Quote};
use held::{Held, Shown};

pub const KIND: Kind = Kind {
    name: "shopware",
    about: "Shopware 6 shop: gross and net prices with list price and 30-day price, by product number",
    example: r#"[channels.shopware]
kind = "shopware"
url = "https://shop.example"             # where /api is
client_id = "SWIAABC"                    # an integration with the right to read and write products
client_secret = "${SHOPWARE_SECRET}"
currency = "EUR"
tax = "gross"                            # which of the two our prices are; the other one is computed
# net_decimals = 4                       # with net: the shop keeps what it is given; 2 decimals unless it is set
drift = "alert"                          # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Shopware::new(table, setting)?)),
};

/// A price write sets the product's indexers off; more products would outlive a deadline.
const MAX_BATCH: usize = 50;
const MAX_READ: usize = 100;
/// Decimals of the computed side; the shop stores floats and rounds in the cart.
const COMPUTED_DECIMALS: u32 = 6;
const HUNDRED: Decimal = Decimal::ONE_HUNDRED;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    client_id: String,
    client_secret: SecretString,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
}

struct Shopware {
    session: Session,
    /// The integration's name at the shop.
    client_id: String,
    base: Url,
    /// What is being written to the shop.
    shared: Arc<Shared>,
    name: String,
    timeout: Duration,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
    clock: Clock,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sync {
    action: String,
    entity: String,
    payload: Vec<Product>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    id: String,
    /// As texts, so that other currencies travel exactly as they were.
    price: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Price {
    currency_id: String,
    gross: Box<RawValue>,
    net: Box<RawValue>,
    linked: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list_price: Option<Pair>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regulation_price: Option<Pair>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pair {
    currency_id: String,
    gross: Box<RawValue>,
    net: Box<RawValue>,
    linked: bool,
}

/// What an outgoing body is compared with besides the gate.
struct Known<'a> {
    currency_id: &'a str,
    field: Field,
    tax: Tax,
    /// By product: VAT rate, 30-day price, and the prices that travel along.
    products: Vec<(&'a str, Decimal, Option<WirePrice>, Vec<&'a RawValue>)>,
}

fn build(table: &Table) -> Result<(Url, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::place(&http::secure_base(&settings.url)?, &["api"], &[]);
    let currency = super::currency(&settings.currency)?;
    amount::net_decimals(currency, settings.tax, settings.net_decimals)?;
    Ok((base, settings))
}

/// The side that our price is not: net of a gross price or gross of a net one.
fn counterpart(price: Decimal, tax: Tax, vat_pct: Decimal) -> Option<Decimal> {
    let factor = HUNDRED.checked_add(vat_pct)?.checked_div(HUNDRED)?;
    let other = match tax {
        Tax::Gross => price.checked_div(factor)?,
        Tax::Net => price.checked_mul(factor)?,
    };
    Some(other.round_dp_with_strategy(COMPUTED_DECIMALS, RoundingStrategy::MidpointAwayFromZero))
}

fn pair(price: WirePrice, tax: Tax, vat_pct: Decimal, currency_id: &str) -> Result<Pair, ChannelError> {
    let broken = |why: String| ChannelError::new(Class::Rejected, why);
    let other =
        counterpart(price.amount(), tax, vat_pct).ok_or_else(|| broken(format!("{price} has no other side")))?;
    let (own, other) = (amount::number(price.amount()).map_err(broken)?, amount::number(other).map_err(broken)?);
    let (gross, net) = if tax == Tax::Gross { (own, other) } else { (other, own) };
    Ok(Pair { currency_id: currency_id.to_owned(), gross, net, linked: true })
}

impl Shopware {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, settings) = build(table)?;
        let http = Http::new(setting)?;
        let client_id = settings.client_id.clone();
        let client = Client {
            token_url: http::place(&base, &["oauth", "token"], &[]),
            id: settings.client_id,
            secret: settings.client_secret,
            auth: ClientAuth::Body,
            grant: Grant::ClientCredentials { scope: String::new() },
        };
        let vault = Arc::clone(&setting.vault);
        let tokens = Tokens::new(http.clone(), client, setting.name.clone(), setting.clock.clone(), vault);
        let session = Session::new(http, tokens, Bearer::Standard);
        Ok(Self {
            session,
            client_id,
            base,
            shared: Arc::clone(&setting.shared),
            name: setting.name.clone(),
            timeout: setting.timeout,
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            net_decimals: settings.net_decimals,
            clock: setting.clock.clone(),
        })
    }

    fn call(&self, method: Method, path: &[&str]) -> Call {
        let mut headers = HeaderMap::new();
        // Plain JSON instead of JSON:API.
        headers.insert("accept", HeaderValue::from_static("application/json"));
        // Without it a variant that inherits its price and tax shows neither.
        headers.insert("sw-inheritance", HeaderValue::from_static("1"));
        Call::json(method, http::place(&self.base, path, &[]), headers)
    }

    async fn search(&self, entity: &str, criteria: &Value) -> Result<Answer, ChannelError> {
        let call = self.call(Method::POST, &["search", entity]);
        self.session.ask(call, criteria.to_string().into_bytes()).await?.ok()
    }

    async fn products(&self, field: &str, values: &[&str]) -> Result<Vec<Held>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Held>,
        }
        let criteria = json!({ "limit": MAX_READ, "associations": { "tax": {} },
            "filter": [{ "type": "equalsAny", "field": field, "value": values }],
            "includes": { "product": ["id", "productNumber", "price", "tax"], "tax": ["taxRate"] } });
        Ok(self.search("product", &criteria).await?.parse::<Page>()?.data)
    }

    /// The shop's id of our currency.
    async fn currency_id(&self) -> Result<String, ChannelError> {
        let criteria = json!({ "limit": 1, "includes": { "currency": ["id", "isoCode"] },
            "filter": [{ "type": "equals", "field": "isoCode", "value": self.currency.code() }] });
        let answer = self.search("currency", &criteria).await?.json()?;
        answer.pointer("/data/0").and_then(|found| text(found, "id")).ok_or_else(|| {
            let text = format!("the shop has no currency {}", self.currency.code());
            ChannelError::new(Class::Refused, text)
        })
    }

    /// The rate of a change, if the shop calculates with the same.
    fn rate(change: &PriceChange, held: Option<&Held>) -> Result<Decimal, ChannelError> {
        let rejected = |text: String| ChannelError::new(Class::Rejected, text);
        let held = held.ok_or_else(|| rejected(format!("the shop has no product {}", change.external)))?;
        let rate = change.vat_pct.ok_or_else(|| rejected("its VAT rate is not known".to_owned()))?;
        let shop = held.tax.as_ref().and_then(|tax| decimal(tax.tax_rate.get()).ok());
        match shop {
            Some(shop) if shop.normalize() != rate.normalize() => {
                Err(rejected(format!("the shop taxes this product with {shop} %, our market with {rate} %; mend one")))
            }
            _ => Ok(rate),
        }
    }

    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let ids: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        // Another channel for another currency of this shop merges its price into the same lists.
        let turn = self.shared.turn(&self.base, &self.name, &ids, self.timeout).await?;
        let outcome = self.merge(&ids, changes, door, &turn).await;
        turn.end(&outcome).await;
        outcome
    }

    async fn merge(
        &self,
        ids: &[&str],
        changes: &[&PriceChange],
        door: &Door,
        turn: &Turn,
    ) -> Result<Outcome, ChannelError> {
        let held = self.products("id", ids).await?;
        let of = |change: &PriceChange| held.iter().find(|held| held.id == change.external);
        let rates: Vec<_> = changes.iter().map(|change| Self::rate(change, of(change))).collect();
        if rates.iter().any(Result::is_err) {
            let bad = rates.into_iter().enumerate().filter_map(|(place, rate)| Some((place, rate.err()?)));
            return Ok(Outcome::Bad(bad.collect()));
        }
        let rates: Vec<Decimal> = rates.into_iter().flatten().collect();
        let currency_id = self.currency_id().await?;
        let mut known =
            Known { currency_id: &currency_id, field: self.capabilities().field(), tax: self.tax, products: vec![] };
        let mut payload = Vec::with_capacity(changes.len());
        for (change, rate) in changes.iter().zip(rates) {
            let shown = of(change).and_then(|held| held.price.as_deref()).unwrap_or_default();
            let other = |price: &&RawValue| {
                serde_json::from_str::<Shown>(price.get()).is_ok_and(|shown| shown.currency_id != currency_id)
            };
            let others: Vec<&RawValue> = shown.iter().map(AsRef::as_ref).filter(other).collect();
            let own = self.price(change, rate, &currency_id)?;
            let price = std::iter::once(own).chain(others.iter().map(|price| (*price).to_owned())).collect();
            payload.push(Product { id: change.external.clone(), price });
            known.products.push((&change.external, rate, change.sale.and_then(|sale| sale.prior), others));
        }
        let sync = [Sync { action: "upsert".to_owned(), entity: "product".to_owned(), payload }];
        let body = serde_json::to_vec(&sync).map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))?;
        let pass = outgoing::pass(door, changes, body.clone(), quoted(&body, &known))?;
        turn.still_ours()?;
        let answer = self.session.push(self.call(Method::POST, &["_action", "sync"]), pass).await?.ok()?;
        if answer.json()?.get("data").is_none() {
            return Err(answer.unclear("the answer does not say what was written"));
        }
        Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()))
    }

    fn price(&self, change: &PriceChange, rate: Decimal, currency_id: &str) -> Result<Box<RawValue>, ChannelError> {
        let of = |money: WirePrice| pair(money, self.tax, rate, currency_id);
        let Pair { currency_id, gross, net, linked } = of(change.price)?;
        let list_price = change.sale.map(|sale| of(sale.regular)).transpose()?;
        let regulation_price = change.sale.and_then(|sale| sale.prior).map(of).transpose()?;
        let price = Price { currency_id, gross, net, linked, list_price, regulation_price };
        let text = serde_json::to_string(&price).and_then(RawValue::from_string);
        text.map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))
    }

    fn seen(&self, held: &Held, currency_id: &str) -> Seen {
        held.seen(currency_id, self.tax, self.capabilities().field())
    }
}

/// Reads prices back out of an outgoing sync, by its text alone. The computed side, the 30-day price and the prices that
/// travel along are checked too: nothing in the body is a price that nobody knows.
fn quoted(body: &[u8], known: &Known<'_>) -> Result<Vec<Quote>, GateError> {
    let money = |gross: &RawValue, net: &RawValue, rate: Decimal| {
        let (own, other) = if known.tax == Tax::Gross { (gross, net) } else { (net, gross) };
        let price = outgoing::money(own.get(), known.field)?;
        let computed = counterpart(price.amount(), known.tax, rate).map(|other| other.normalize());
        if computed.is_none() || computed != decimal(other.get()).ok().map(|other| other.normalize()) {
            return Err(outgoing::unreadable(&format!("gross and net of {price} do not belong together")));
        }
        Ok(price)
    };
    let mut quotes = Vec::new();
    for sync in outgoing::parse::<Vec<Sync>>(body)? {
        for product in sync.payload {
            let own = known.products.iter().find(|(id, ..)| *id == product.id);
            let Some((id, rate, prior, others)) = own else { return Err(GateError::Undecided(product.id)) };
            let Some((first, rest)) = product.price.split_first() else { return Err(GateError::Missing(product.id)) };
            if !rest.iter().map(|price| price.get()).eq(others.iter().map(|price| price.get())) {
                return Err(outgoing::unreadable(&"a price of another currency that the shop did not have"));
            }
            let price: Price = outgoing::parse(first.get().as_bytes())?;
            let pairs = [&price.list_price, &price.regulation_price];
            if price.currency_id != known.currency_id
                || pairs.iter().any(|pair| pair.as_ref().is_some_and(|pair| pair.currency_id != known.currency_id))
            {
                return Err(outgoing::unreadable(&"a price in another currency"));
            }
            let part = |pair: &Option<Pair>| pair.as_ref().map(|pair| money(&pair.gross, &pair.net, *rate)).transpose();
            if part(&price.regulation_price)? != *prior {
                return Err(outgoing::unreadable(&"another 30-day price than the decided one"));
            }
            quotes.push(outgoing::quote(*id, money(&price.gross, &price.net, *rate)?, part(&price.list_price)?));
        }
    }
    Ok(quotes)
}

#[async_trait]
impl Channel for Shopware {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            // Overlapping writes would lose each other's other currencies.
            concurrency: 1,
            sale: SaleSupport::Strike,
            prior_price: true,
            partial: PartialFailure::Atomic,
            read_back: ReadBack::Submitted,
            net_decimals: self.net_decimals,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::of(changes, MAX_BATCH);
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let currency_id = self.currency_id().await?;
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<&str> = part.iter().map(String::as_str).collect();
            seen.extend(self.products("id", &ids).await?.iter().map(|held| self.seen(held, &currency_id)));
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let currency_id = self.currency_id().await?;
        let mut matches = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let numbers: Vec<&str> = part.iter().map(String::as_str).collect();
            for held in self.products("productNumber", &numbers).await? {
                let price = self.seen(&held, &currency_id).price;
                let external = held.id;
                // The database compares without regard to case.
                let sku = held.product_number.filter(|number| part.contains(number));
                matches.extend(sku.map(|sku| Match { sku, external, price, shut: None }));
            }
        }
        Ok(found::distinct(matches))
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.look().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(price: &str, prior: Option<i64>) -> Result<Vec<Quote>, GateError> {
        let body = format!(r#"[{{"action":"upsert","entity":"product","payload":[{{"id":"a","price":[{price}]}}]}}]"#);
        let prior = prior.map(|minor| WirePrice::from_minor(minor, Currency::EUR));
        let products = vec![("a", Decimal::from(19), prior, vec![])];
        let known = Known { currency_id: "c", field: Currency::EUR.into(), tax: Tax::Gross, products };
        quoted(body.as_bytes(), &known)
    }

    #[test]
    fn both_sides_of_a_price_must_belong_together() {
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        assert_eq!(counterpart(Decimal::new(11_900, 2), Tax::Gross, Decimal::from(19)), Some(Decimal::from(100)));
        assert_eq!(counterpart(Decimal::from(100), Tax::Net, Decimal::new(55, 1)), Some(Decimal::new(1_055, 1)));
        let good = r#"{"currencyId":"c","gross":119,"net":100,"linked":true"#;
        assert_eq!(of(&format!("{good}}}"), None).unwrap(), [Quote::new("a", eur(11_900))]);
        let list = r#","listPrice":{"currencyId":"c","gross":238,"net":200,"linked":true}"#;
        assert_eq!(
            of(&format!("{good}{list}}}"), None).unwrap(),
            [outgoing::quote("a", eur(11_900), Some(eur(23_800)))]
        );
        assert!(of(&format!("{}}}", good.replace("100", "99")), None).is_err());
        assert!(of(&format!("{good},\"price\":1}}"), None).is_err(), "a second price field must not pass unseen");
        let prior = list.replace("listPrice", "regulationPrice");
        assert!(of(&format!("{good}{prior}}}"), Some(23_800)).is_ok());
        assert!(of(&format!("{good}{prior}}}"), Some(20_000)).is_err());
    }
}
