//! WooCommerce through its REST API v3. Facts that shape this file, most of them seen on a real server:
//!
//! - Prices are texts with a point; `"12,50"` becomes 1250 and a word empties the price, both with HTTP 200. So the price
//!   that each answer echoes is compared with the one sent.
//! - A batch answers 200 with `error` in the place of a failed item. Variations go through their parent; a price of a
//!   variable parent is accepted and ignored.
//! - The window of a sale moves the price only when the shop's own cron runs, which may be a day late: the daemon starts
//!   and ends sales, and what proves a price is `price`, not `on_sale`.
//! - A regular price below the old sale price drops the sale silently, so both always travel together.
//! - A shop that does not see https refuses a good Basic key with the same words as a dead one.
//! - The batch of a parent makes any variation that it names the parent's own.

mod entry;
mod probe;
mod product;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use self::entry::Entry;
use self::product::{FIELDS, Fault, Price, Product};
use super::wire::amount::{self, Field};
use super::wire::http::{self, Answer, Call, Http};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::Currency;
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "woocommerce",
    about: "WooCommerce shop: regular and sale prices of products and variations",
    example: r#"[channels.woo]
kind = "woocommerce"
url = "https://shop.example"                  # WordPress, Settings, General, Site Address
consumer_key = "${WOO_CONSUMER_KEY}"          # WooCommerce, Settings, Advanced, REST API: read and write
consumer_secret = "${WOO_CONSUMER_SECRET}"
currency = "DKK"
tax = "gross"                                 # gross if "prices entered with tax" is on, or taxes are off
# sign = true                                 # where the web server drops the Authorization header
# net_decimals = 4                            # with net, and only where tax is rounded at subtotal level; else 2 decimals
drift = "alert"                               # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(WooCommerce::new(table, setting)?)),
};

/// More objects are answered with 413 (`woocommerce_rest_request_entity_too_large`); a host may allow fewer.
const MAX_BATCH: usize = 100;
/// Also the largest page.
const MAX_READ: usize = 100;
const MAX_FIND: usize = 50;
const MAX_PAGES: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    consumer_key: SecretString,
    consumer_secret: SecretString,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
    /// Signs requests over https too, where no header arrives.
    #[serde(default)]
    sign: bool,
}

struct WooCommerce {
    http: Http,
    base: Url,
    entry: Entry,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
    clock: Clock,
}

/// An item as it travels; everything that makes a sale is always said. Empty texts clear.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    id: u64,
    regular_price: String,
    sale_price: String,
    date_on_sale_from: String,
    date_on_sale_to: String,
}

fn build(table: &Table) -> Result<(Url, Entry, Currency, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::place(&http::secure_base(&settings.url)?, &["wp-json", "wc", "v3"], &[]);
    let entry = Entry::new(&base, &settings.consumer_key, &settings.consumer_secret, settings.sign)?;
    let currency = super::currency(&settings.currency)?;
    amount::net_decimals(currency, settings.tax, settings.net_decimals)?;
    Ok((base, entry, currency, settings))
}

/// `ID` of a product or `PARENT/ID` of a variation.
fn reference(external: &str) -> Option<(Option<&str>, u64)> {
    match external.split_once('/') {
        Some((parent, id)) => parent.parse::<u64>().ok().and(Some((Some(parent), id.parse().ok()?))),
        None => Some((None, external.parse().ok()?)),
    }
}

fn parent(external: &str) -> Option<&str> {
    reference(external).and_then(|(parent, _)| parent)
}

fn path<'a>(parent: Option<&'a str>, last: Option<&'a str>) -> Vec<&'a str> {
    let own = parent.map(|parent| ["products", parent, "variations"]);
    let own = own.map_or_else(|| vec!["products"], |own| own.to_vec());
    own.into_iter().chain(last).collect()
}

/// Why a key is refused, in the vendor's words.
fn refusal(status: u16, fault: &Fault) -> String {
    let Fault { code, message, .. } = fault;
    let said = if code.is_empty() { "no reason given".to_owned() } else { format!("{message} ({code})") };
    // A user who may not look is 403; 401 with this code is a request in which the shop found no key.
    let hint = match (status, code.as_str()) {
        (401, "woocommerce_rest_cannot_view") => {
            "; a shop that does not see https finds no key, nor does one whose web server drops the Authorization header \
             (there set sign = true); see docs/channels/woocommerce.md"
        }
        _ => "",
    };
    format!("{status}, {said}{hint}")
}

impl WooCommerce {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, entry, currency, Settings { tax, net_decimals, .. }) = build(table)?;
        let (http, clock) = (Http::new(setting)?, setting.clock.clone());
        Ok(Self { http, base, entry, currency, tax, net_decimals, clock })
    }

    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call, ChannelError> {
        self.entry.call(method, http::place(&self.base, path, query), self.clock.now())
    }

    async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(Method::GET, path, query)?, Vec::new()).await
    }

    /// An answer that is no success, in the vendor's words where they help.
    fn good(answer: Answer) -> Result<Answer, ChannelError> {
        if matches!(answer.status, 401 | 403) {
            let why = refusal(answer.status, &Fault::of(&answer));
            let class = if answer.status == 401 { Class::Refused } else { Class::Forbidden };
            return Err(ChannelError::new(class, format!("the shop refuses the key: {why}")));
        }
        if answer.status == 404 {
            let text = "no WooCommerce REST API answers at this url (404); check url, that WooCommerce is active, and \
                        that WordPress, Settings, Permalinks is not Plain";
            return Err(ChannelError::new(Class::Refused, text));
        }
        answer.ok()
    }

    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let body = body(changes)?;
        let parent = changes.first().and_then(|change| parent(&change.external));
        let pass = outgoing::pass(door, changes, body.clone(), quoted(&body, parent, self.capabilities().field()))?;
        let call = self.call(Method::POST, &path(parent, Some("batch")), &[])?;
        let answer = self.http.push(call, pass).await?;
        #[derive(Deserialize)]
        struct Done {
            update: Vec<Product>,
        }
        let answer = Self::good(answer)?;
        let done: Done = answer.parse()?;
        let result = |change: &&PriceChange| {
            let id = reference(&change.external).map(|(_, id)| id);
            let own = done.update.iter().find(|product| Some(product.id) == id);
            own.map_or_else(|| Err(answer.unclear("the answer lacks this product")), |own| self.written(own, change))
        };
        Ok(Outcome::Each(changes.iter().map(result).collect()))
    }

    /// Whether the shop stored what was sent.
    fn written(&self, product: &Product, change: &PriceChange) -> Result<Receipt, ChannelError> {
        if let Some(fault) = &product.error {
            let class = match fault.data.get("status").and_then(Value::as_u64) {
                Some(401) => Class::Refused,
                // A product that this user may not edit.
                Some(403) => Class::Forbidden,
                Some(500..) => Class::Unknown,
                _ => Class::Rejected,
            };
            return Err(ChannelError::new(class, format!("{} ({})", fault.message, fault.code)));
        }
        let (regular, sale) = texts(change);
        let field = self.capabilities().field();
        let same = |sent: &str, echoed: &Price| match echoed.shown(field) {
            Ok(None) => sent.is_empty(),
            // What a plug-in cut short is stored; that it is not what was sent is seen when it is read.
            Ok(Some(echoed)) => {
                let shortened = |sent| echoed.price == sent || echoed.price.is_shortened(sent);
                echoed.exact && amount::parse(sent, field).is_ok_and(shortened)
            }
            Err(_) => false,
        };
        if same(&regular, &product.regular_price) && same(&sale, &product.sale_price) {
            return Ok(Receipt { echoed: product.price.shown(field).ok().flatten().map(|shown| shown.price) });
        }
        let echoed = format!("regular `{}`, sale `{}`", product.regular_price.text(), product.sale_price.text());
        Err(ChannelError::new(Class::Unknown, format!("the shop stored {echoed} where {} was sent", change.price)))
    }

    /// Products of one parent, or products without one.
    async fn read_part(&self, parent: Option<&str>, ids: &[u64]) -> Result<Vec<Product>, ChannelError> {
        let include = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let query = [("include", include.as_str()), ("per_page", "100"), ("_fields", FIELDS)];
        let answer = self.get(&path(parent, None), &query).await?;
        if answer.status == 404 && parent.is_some() {
            // The parent is gone and its variations with it, if it is WooCommerce that says so.
            if Fault::of(&answer).of_the_shop() {
                return Ok(vec![]);
            }
            let text = "no WooCommerce REST API answers at this url (404); is WooCommerce active?";
            return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
        }
        Self::good(answer)?.parse()
    }

    /// A listing as it is read, unless it moved to another parent, where a write by the old reference would fetch it back.
    fn seen(&self, own: Option<&str>, product: &Product) -> Seen {
        let external = own.map_or_else(|| product.id.to_string(), |own| format!("{own}/{}", product.id));
        let moved = match own {
            Some(own) => product.parent_id > 0 && own.parse() != Ok(product.parent_id),
            None => product.reference() != external,
        };
        if moved {
            let refused = Some(format!("the variation is now {}/{}; map it anew", product.parent_id, product.id));
            return Seen { refused, ..Seen::plain(external, None) };
        }
        product.seen(external, self.capabilities().field())
    }
}

/// Regular and sale price of a change.
fn texts(change: &PriceChange) -> (String, String) {
    let price = amount::text(change.price);
    change.sale.map_or_else(|| (price.clone(), String::new()), |sale| (amount::text(sale.regular), price.clone()))
}

fn body(changes: &[&PriceChange]) -> Result<Vec<u8>, ChannelError> {
    let item = |change: &&PriceChange| {
        let (_, id) = reference(&change.external).ok_or_else(|| {
            let text = format!("the reference `{}` is not ID or PARENT/ID; map it anew", change.external);
            ChannelError::new(Class::Rejected, text)
        })?;
        let (regular_price, sale_price) = texts(change);
        Ok(Item { id, regular_price, sale_price, date_on_sale_from: String::new(), date_on_sale_to: String::new() })
    };
    let items: Vec<Item> = changes.iter().map(item).collect::<Result<_, ChannelError>>()?;
    Ok(json!({ "update": items }).to_string().into_bytes())
}

/// Reads prices back out of an outgoing batch, by its text alone; the parent stands in the path.
fn quoted(body: &[u8], parent: Option<&str>, field: Field) -> Result<Vec<Quote>, GateError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        update: Vec<Item>,
    }
    let one = |item: Item| {
        let external = parent.map_or_else(|| item.id.to_string(), |parent| format!("{parent}/{}", item.id));
        if !item.date_on_sale_from.is_empty() || !item.date_on_sale_to.is_empty() {
            return Err(outgoing::unreadable(&"a window that nobody decided"));
        }
        let regular = outgoing::money(&item.regular_price, field)?;
        match item.sale_price.as_str() {
            "" => Ok(outgoing::quote(external, regular, None)),
            sale => Ok(outgoing::quote(external, outgoing::money(sale, field)?, Some(regular))),
        }
    };
    outgoing::parse::<Body>(body)?.update.into_iter().map(one).collect()
}

#[async_trait]
impl Channel for WooCommerce {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            concurrency: 2,
            sale: SaleSupport::Strike,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Effective,
            net_decimals: self.net_decimals,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::grouped(changes, MAX_BATCH, |change| parent(&change.external).map(str::to_owned));
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut parents: Vec<(Option<&str>, Vec<u64>)> = Vec::new();
        for (own, id) in externals.iter().filter_map(|external| reference(external)) {
            match parents.iter_mut().find(|(known, ids)| *known == own && ids.len() < MAX_READ) {
                Some((_, ids)) => ids.push(id),
                None => parents.push((own, vec![id])),
            }
        }
        let mut seen = Vec::with_capacity(externals.len());
        for (own, ids) in parents {
            seen.extend(self.read_part(own, &ids).await?.iter().map(|product| self.seen(own, product)));
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        // The shop's filter is a list with commas, so a SKU with a comma cannot be asked for.
        let askable: Vec<&str> = skus.iter().map(String::as_str).filter(|sku| !sku.contains(',')).collect();
        for part in askable.chunks(MAX_FIND) {
            let list = part.join(",");
            for page in 1..=MAX_PAGES {
                let page = page.to_string();
                let query = [("sku", list.as_str()), ("per_page", "100"), ("page", &page), ("_fields", FIELDS)];
                let products: Vec<Product> = Self::good(self.get(&["products"], &query).await?)?.parse()?;
                let full = products.len() >= MAX_READ;
                // Older versions match parts of a SKU.
                let own = products.into_iter().filter(|p| part.contains(&p.sku.as_str()) && p.priced());
                matches.extend(own.map(|product| {
                    let price = product.seen(String::new(), self.capabilities().field()).price;
                    Match { external: product.reference(), sku: product.sku, price, shut: None }
                }));
                if !full {
                    break;
                }
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
    use crate::money::WirePrice;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        let of = |regular: &str, sale: &str, more: &str| {
            let dates = r#""date_on_sale_from":"","date_on_sale_to":"""#;
            let item = format!(r#"{{"id":7,"regular_price":"{regular}","sale_price":"{sale}",{dates}{more}}}"#);
            quoted(format!(r#"{{"update":[{item}]}}"#).as_bytes(), Some("3"), Currency::DKK.into())
        };
        assert_eq!(of("479.00", "", "").unwrap(), [Quote::new("3/7", dkk(47_900))]);
        assert_eq!(of("599.00", "479.00", "").unwrap(), [outgoing::quote("3/7", dkk(47_900), Some(dkk(59_900)))]);
        assert!(of("479,00", "", "").is_err());
        assert!(of("479.00", "", r#","price":"1.00""#).is_err(), "a second price field must not pass unseen");
    }

    #[test]
    fn references_have_two_forms() {
        assert_eq!(reference("7"), Some((None, 7)));
        assert_eq!(reference("3/7"), Some((Some("3"), 7)));
        assert_eq!((reference("x"), reference("x/7"), reference("3/")), (None, None, None));
        assert_eq!(path(Some("3"), Some("batch")), ["products", "3", "variations", "batch"]);
    }
}
