//! Odoo from 17 on, through its JSON-2 API (19 and later) or its JSON-RPC (before): the sales price of products, or the
//! fixed prices of one pricelist. Facts that shape this file, the first of them documented, the others seen on a server:
//!
//! - JSON-2 answers failures with a status, JSON-RPC with HTTP 200; both name the server's exception.
//! - A `write` sets one value on all its records, so different sales prices are one call each; a pricelist takes the
//!   different prices of many products in one call, which is all or nothing.
//! - Before version 19 more decimals than the price precision are rounded without a word.
//! - Sales prices belong to the template: products of one template cannot be priced apart, except by a pricelist.
//! - Several rules of a pricelist can speak about one product, with dates of their own; the server's order decides among
//!   those that apply, so they are told.
//! - A product's own sales price leaves out what its attributes add (`price_extra`).

mod probe;
mod rpc;
mod rules;
mod templates;
mod way;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use toml::Table;
use url::Url;

use self::way::{Way, result, written};
use super::wire::amount::{self, Field};
use super::wire::http::{self, Http};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::{Currency, WirePrice, decimal};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "odoo",
    about: "Odoo 17 and later: sales prices of products, or the fixed prices of one pricelist, by internal reference",
    example: r#"[channels.odoo]
kind = "odoo"
url = "https://erp.example/"      # the server
database = "shop"
login = "omniprice@shop.example"  # a user that may write products and pricelists
api_key = "${ODOO_API_KEY}"       # the user's, under Preferences, Account Security
pricelist = 0                     # id of a pricelist; 0: the products' own sales price
currency = "EUR"                  # the company's, or the pricelist's
tax = "net"                       # gross if the sales taxes are "included in price"
# net_decimals = 4                # with net: the server's precision "Product Price"; 2 decimals unless it is set
drift = "alert"                   # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Odoo::new(table, setting)?)),
};

const TEMPLATE: &str = "product.template";
const PRICELIST: &str = "product.pricelist";
/// Items of a pricelist per call: 50 take a small server 0.1 s.
const MAX_BATCH: usize = 100;
const MAX_READ: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    database: String,
    login: String,
    api_key: SecretString,
    #[serde(default)]
    pricelist: i64,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
}

struct Odoo {
    http: Http,
    base: Url,
    database: String,
    login: String,
    api_key: SecretString,
    pricelist: Option<i64>,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
    clock: Clock,
    /// Whether the server has the JSON-2 API, and until when that is believed.
    told: Mutex<Option<(bool, Millis)>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplatePrice {
    list_price: Box<RawValue>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListItems {
    /// 0 creates an item, 1 changes the item of this id (the ORM's commands for lists).
    item_ids: Vec<Command>,
}

type Command = (u8, i64, ItemPrice);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemPrice {
    applied_on: String,
    product_id: i64,
    /// The variant's template, which the till's pricelist page asks for; an item that is there has it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product_tmpl_id: Option<i64>,
    compute_price: String,
    fixed_price: Box<RawValue>,
}

fn build(table: &Table) -> Result<(Url, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::secure_base(&settings.url)?;
    if settings.database.is_empty() || settings.login.is_empty() {
        return Err("database and login must be named".to_owned());
    }
    amount::net_decimals(super::currency(&settings.currency)?, settings.tax, settings.net_decimals)?;
    Ok((base, settings))
}

/// The currency of a relation field, whose name is the code.
fn currency_of(field: &Value) -> Result<Currency, String> {
    let code = field.get(1).and_then(Value::as_str).unwrap_or("");
    super::currency(code).map_err(|_| format!("a price in `{code}`, which is no currency"))
}

fn number(money: WirePrice) -> Result<Box<RawValue>, ChannelError> {
    amount::number(money.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))
}

impl Odoo {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, settings) = build(table)?;
        Ok(Self {
            http: Http::new(setting)?,
            base,
            database: settings.database,
            login: settings.login,
            api_key: settings.api_key,
            pricelist: (settings.pricelist > 0).then_some(settings.pricelist),
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            net_decimals: settings.net_decimals,
            clock: setting.clock.clone(),
            told: Mutex::new(None),
        })
    }

    /// The field of a price in a currency, which need not be the one that the table names.
    fn priced_in(&self, currency: Currency) -> Field {
        Field::of(currency, self.tax, self.net_decimals)
    }

    /// Each change as a command on the pricelist's rules: the first rule without dates becomes our price, whatever it was,
    /// and a variant without one gets one. The places of variants that the server does not have come apart.
    async fn commands(
        &self,
        way: Way,
        list: i64,
        changes: &[&PriceChange],
        ids: &[i64],
    ) -> Result<(Vec<Command>, Vec<(usize, ChannelError)>), ChannelError> {
        let rules = self.rules(way, list, ids).await?;
        let known = |id: i64| rules.iter().find(|rule| rule.product() == Some(id) && !rule.dated()).map(|rule| rule.id);
        let new: Vec<i64> = ids.iter().copied().filter(|id| known(*id).is_none()).collect();
        let templates = if new.is_empty() { vec![] } else { self.templates(way, &new).await? };
        let (mut commands, mut bad) = (Vec::with_capacity(changes.len()), Vec::new());
        for (place, (change, id)) in changes.iter().zip(ids).enumerate() {
            let rule = known(*id);
            let template = templates.iter().find(|(product, _)| product == id).map(|(_, template)| *template);
            if rule.is_none() && template.is_none() {
                let text = format!("the server has no product {id}, or it is archived; map it anew");
                bad.push((place, ChannelError::new(Class::Rejected, text)));
                continue;
            }
            let price = ItemPrice {
                applied_on: "0_product_variant".to_owned(),
                product_id: *id,
                product_tmpl_id: template,
                compute_price: "fixed".to_owned(),
                fixed_price: number(change.price)?,
            };
            commands.push((u8::from(rule.is_some()), rule.unwrap_or(0), price));
        }
        Ok((commands, bad))
    }

    /// The templates of variants.
    async fn templates(&self, way: Way, products: &[i64]) -> Result<Vec<(i64, i64)>, ChannelError> {
        #[derive(Deserialize)]
        struct Product {
            id: i64,
            product_tmpl_id: (i64, Value),
        }
        let domain = json!([["id", "in", products]]);
        let rows: Vec<Product> = self.search(way, "product.product", domain, &["id", "product_tmpl_id"]).await?;
        Ok(rows.into_iter().map(|row| (row.id, row.product_tmpl_id.0)).collect())
    }

    async fn update(&self, way: Way, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let ids: Vec<i64> = changes.iter().map(|change| reference(&change.external)).collect::<Result<_, _>>()?;
        let body = match self.pricelist {
            Some(list) => {
                let (item_ids, bad) = self.commands(way, list, changes, &ids).await?;
                if !bad.is_empty() {
                    return Ok(Outcome::Bad(bad));
                }
                self.writing(way, PRICELIST, vec![list], ListItems { item_ids })?
            }
            None => {
                let [change] = changes else {
                    return Err(ChannelError::new(Class::Rejected, "sales prices travel one by one"));
                };
                let price = TemplatePrice { list_price: number(change.price)? };
                self.writing(way, TEMPLATE, ids, price)?
            }
        };
        let quotes = quoted(way, &body, self.pricelist, self.priced_in(self.currency));
        let pass = outgoing::pass(door, changes, body, quotes)?;
        let model = if self.pricelist.is_some() { PRICELIST } else { TEMPLATE };
        let answer = self.http.push(self.call(way, model, "write")?, pass).await?;
        match result::<Value>(way, &answer, Class::Unknown)? {
            Value::Bool(true) => Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect())),
            _ => Err(answer.unclear("the server does not say that it wrote")),
        }
    }
}

/// A template's id, or a product's where a pricelist is written.
fn reference(external: &str) -> Result<i64, ChannelError> {
    external
        .parse()
        .map_err(|_| ChannelError::new(Class::Rejected, format!("the reference `{external}` is no id; map it anew")))
}

/// Reads prices back out of an outgoing call, by its text alone.
fn quoted(way: Way, body: &[u8], pricelist: Option<i64>, field: Field) -> Result<Vec<Quote>, GateError> {
    let Some(pricelist) = pricelist else {
        let (ids, price): (Vec<i64>, TemplatePrice) = written(way, body, TEMPLATE)?;
        let [id] = ids.as_slice() else { return Err(outgoing::unreadable(&"not one price of one template")) };
        return Ok(vec![Quote::new(id.to_string(), outgoing::money(price.list_price.get(), field)?)]);
    };
    let (lists, items): (Vec<i64>, ListItems) = written(way, body, PRICELIST)?;
    if lists != [pricelist] {
        return Err(outgoing::unreadable(&"not a write of our pricelist"));
    }
    let one = |(_, _, item): &Command| {
        if item.applied_on != "0_product_variant" || item.compute_price != "fixed" {
            return Err(outgoing::unreadable(&"a price of more than one product"));
        }
        Ok(Quote::new(item.product_id.to_string(), outgoing::money(item.fixed_price.get(), field)?))
    };
    items.item_ids.iter().map(one).collect()
}

#[async_trait]
impl Channel for Odoo {
    fn capabilities(&self) -> Capabilities {
        let batch = self.pricelist.map_or(PartialFailure::Single, |_| PartialFailure::Atomic);
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            partial: batch,
            read_back: ReadBack::Submitted,
            net_decimals: self.net_decimals,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let way = match self.way().await {
            Ok(way) => way,
            Err(error) => return super::all_failed(changes, &error),
        };
        let mut work = Worklist::of(changes, self.pricelist.map_or(1, |_| MAX_BATCH));
        if self.pricelist.is_none() {
            match self.not_ours(way, changes).await {
                Ok(refused) => refused.into_iter().for_each(|(place, error)| work.settle(place, Err(error))),
                Err(error) => return super::all_failed(changes, &error),
            }
        }
        work.through(changes, |batch| async move { self.update(way, &batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let way = self.way().await?;
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<i64> = part.iter().filter_map(|external| external.parse().ok()).collect();
            seen.extend(match self.pricelist {
                Some(list) => self.seen_in_list(way, list, &ids).await?,
                None => self.seen_templates(way, &ids).await?,
            });
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        #[derive(Deserialize)]
        struct Product {
            id: i64,
            default_code: Value,
            product_tmpl_id: Value,
            /// What its attributes add to the template's sales price.
            price_extra: Box<RawValue>,
        }
        let way = self.way().await?;
        let mut matches: Vec<Match> = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let domain = json!([["default_code", "in", part]]);
            let fields = ["id", "default_code", "product_tmpl_id", "price_extra"];
            for row in self.search::<Product>(way, "product.product", domain, &fields).await? {
                let template = row.product_tmpl_id.get(0).and_then(Value::as_i64);
                let Some((sku, template)) = row.default_code.as_str().zip(template) else { continue };
                let surcharge = decimal(row.price_extra.get()).map_or(true, |extra| !extra.is_zero());
                let shut = (self.pricelist.is_none() && surcharge)
                    .then(|| format!("{sku} has a surcharge by attribute; use a pricelist"));
                let external = self.pricelist.map_or(template, |_| row.id).to_string();
                matches.push(Match { shut, ..Match::new(sku, external, None) });
            }
        }
        let mut matches = found::apart(found::distinct(matches), |skus| {
            format!("{} are variants of one template, which has one price; use a pricelist", skus.join(" and "))
        });
        let externals: Vec<String> = matches.iter().map(|one| one.external.clone()).collect();
        if self.pricelist.is_none() {
            self.shut_shared(way, &mut matches).await?;
        }
        for (one, seen) in matches.iter_mut().zip(self.read(&externals).await?) {
            one.price = seen.price;
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        self.look().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |model: &str, args: &str, list| {
            let args = format!(r#"["db",2,"key","{model}","write",{args}]"#);
            let params = format!(r#"{{"service":"object","method":"execute_kw","args":{args}}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","method":"call","params":{params}}}"#);
            quoted(Way::Rpc(2), body.as_bytes(), list, Currency::EUR.into())
        };
        let expected = [Quote::new("7", WirePrice::from_minor(1_250, Currency::EUR))];
        assert_eq!(of("product.template", r#"[[7],{"list_price":12.5}]"#, None).unwrap(), expected);
        let item = r#"{"applied_on":"0_product_variant","product_id":7,"compute_price":"fixed","fixed_price":12.50}"#;
        let list = |item: &str| of("product.pricelist", &format!(r#"[[3],{{"item_ids":[[1,9,{item}]]}}]"#), Some(3));
        assert_eq!(list(item).unwrap(), expected);
        assert!(list(&item.replace("0_product_variant", "3_global")).is_err());
        assert!(list(&item.replace("12.50", "12.505")).is_err(), "would be rounded without a word");
        assert!(of("product.template", r#"[[7,8],{"list_price":12.5}]"#, None).is_err());
        assert!(of("product.template", r#"[[7],{"list_price":12.5,"standard_price":1}]"#, None).is_err());
        assert!(of("product.product", r#"[[7],{"list_price":12.5}]"#, None).is_err());
        let named = |body: &str, list| quoted(Way::Json2, body.as_bytes(), list, Currency::EUR.into());
        assert_eq!(named(r#"{"ids":[7],"vals":{"list_price":12.5}}"#, None).unwrap(), expected);
        assert_eq!(
            named(&format!(r#"{{"ids":[3],"vals":{{"item_ids":[[1,9,{item}]]}}}}"#), Some(3)).unwrap(),
            expected
        );
        assert!(named(r#"{"ids":[7],"vals":{"list_price":12.5},"context":{"lang":"da_DK"}}"#, None).is_err());
        assert!(named(r#"{"ids":[],"vals":{"list_price":12.5}}"#, None).is_err());
    }
}
