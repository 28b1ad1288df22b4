//! Odoo 17 to 19 through its JSON-RPC: the sales price of products, or the fixed prices of one pricelist. Facts that shape
//! this file, seen on a real server:
//!
//! - Failures are HTTP 200 with `error.data.name`; a dead key is `odoo.exceptions.AccessDenied`.
//! - A `write` sets one value on all its records, so different sales prices are one call each; a pricelist takes the
//!   different prices of many products in one call, which is all or nothing.
//! - More decimals than the price precision are rounded without a word.
//! - Sales prices belong to the template: products of one template cannot be priced apart, except by a pricelist.
//! - Several items of a pricelist can speak about one product; the server's order decides, so they are told.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::graphql::text;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{amount, found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, Money};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "odoo",
    about: "Odoo 17 to 19: sales prices of products, or the fixed prices of one pricelist, by internal reference",
    example: r#"[channels.odoo]
kind = "odoo"
url = "https://erp.example/"      # the server; its RPC is at /jsonrpc
database = "shop"
login = "omniprice@shop.example"  # a user that may write products and pricelists
api_key = "${ODOO_API_KEY}"       # the user's, under Preferences, Account Security
pricelist = 0                     # id of a pricelist; 0: the products' own sales price
currency = "EUR"                  # the company's, or the pricelist's
tax = "net"                       # gross if the sales taxes are "included in price"
drift = "alert"                   # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Odoo::new(table, setting)?)),
};

/// Items of a pricelist per call: 50 take a small server 0.1 s.
const MAX_BATCH: usize = 100;
const MAX_READ: usize = 200;
const ITEM_FIELDS: [&str; 5] = ["id", "product_id", "fixed_price", "min_quantity", "compute_price"];

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
}

struct Odoo {
    http: Http,
    endpoint: Url,
    database: String,
    login: String,
    api_key: SecretString,
    pricelist: Option<i64>,
    currency: Currency,
    tax: Tax,
    clock: Clock,
}

/// A call as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rpc<A> {
    jsonrpc: String,
    method: String,
    params: Params<A>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<A> {
    service: String,
    method: String,
    args: A,
}

/// Database, user, key, model, method and the method's own arguments.
type Execute<A> = (String, i64, String, String, String, A);

/// Arguments of `product.template.write`.
type TemplateArgs = (Vec<i64>, TemplatePrice);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplatePrice {
    list_price: Box<RawValue>,
}

/// Arguments of `product.pricelist.write`.
type ListArgs = (Vec<i64>, ListItems);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListItems {
    /// 0 creates an item, 1 changes the item of this id (the ORM's commands for lists).
    item_ids: Vec<(u8, i64, ItemPrice)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemPrice {
    applied_on: String,
    product_id: i64,
    compute_price: String,
    fixed_price: Box<RawValue>,
}

/// A fixed price of the pricelist as the server shows it.
#[derive(Debug, Deserialize)]
struct Item {
    id: i64,
    /// Id and name, or false.
    product_id: Value,
    fixed_price: Box<RawValue>,
    compute_price: String,
    min_quantity: Box<RawValue>,
}

impl Item {
    fn product(&self) -> Option<i64> {
        self.product_id.get(0).and_then(Value::as_i64)
    }

    /// Whether it speaks about a single piece.
    fn single(&self) -> bool {
        amount::parse(self.min_quantity.get(), Currency::EUR).is_ok_and(|least| least.minor() <= 100)
    }
}

fn build(table: &Table) -> Result<(Url, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let endpoint = http::place(&http::secure_base(&settings.url)?, &["jsonrpc"], &[]);
    if settings.database.is_empty() || settings.login.is_empty() {
        return Err("database and login must be named".to_owned());
    }
    super::currency(&settings.currency)?;
    Ok((endpoint, settings))
}

fn number(money: Money) -> Result<Box<RawValue>, ChannelError> {
    amount::number(money.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))
}

/// The result of a call, or its error by the name of the server's exception.
fn result<T: serde::de::DeserializeOwned>(answer: &Answer, late: Class) -> Result<T, ChannelError> {
    #[derive(Deserialize)]
    struct Whole<T> {
        result: T,
    }
    let body = answer.json()?;
    let Some(error) = body.get("error").filter(|error| !error.is_null()) else {
        return Ok(answer.parse::<Whole<T>>()?.result);
    };
    let data = error.get("data").unwrap_or(&Value::Null);
    let name = text(data, "name").unwrap_or_default();
    let class = match name.as_str() {
        "odoo.exceptions.AccessDenied" | "odoo.exceptions.AccessError" | "odoo.http.SessionExpiredException" => {
            Class::Refused
        }
        "odoo.exceptions.MissingError"
        | "odoo.exceptions.ValidationError"
        | "odoo.exceptions.UserError"
        | "builtins.ValueError"
        | "builtins.TypeError" => Class::Rejected,
        // The call is one transaction: it was rolled back.
        "psycopg2.errors.SerializationFailure" | "psycopg2.errors.DeadlockDetected" => {
            Class::Retry { after_ms: Some(250) }
        }
        _ => late,
    };
    let message = text(data, "message").or_else(|| text(error, "message")).unwrap_or_default();
    Err(ChannelError::new(class, format!("Odoo answers {name}: {message}")))
}

impl Odoo {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (endpoint, settings) = build(table)?;
        Ok(Self {
            http: Http::new(setting)?,
            endpoint,
            database: settings.database,
            login: settings.login,
            api_key: settings.api_key,
            pricelist: (settings.pricelist > 0).then_some(settings.pricelist),
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
        })
    }

    fn call(&self) -> Call {
        Call::json(Method::POST, self.endpoint.clone(), HeaderMap::new())
    }

    fn rpc<A: Serialize>(service: &str, method: &str, args: A) -> Result<Vec<u8>, ChannelError> {
        let params = Params { service: service.to_owned(), method: method.to_owned(), args };
        let rpc = Rpc { jsonrpc: "2.0".to_owned(), method: "call".to_owned(), params };
        serde_json::to_vec(&rpc).map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))
    }

    /// Our user's number; asking for it is how a key is tried.
    async fn user(&self) -> Result<(i64, Answer), ChannelError> {
        let key = self.api_key.expose_secret();
        let body = Self::rpc("common", "authenticate", (&self.database, &self.login, key, json!({})))?;
        let answer = self.http.ask(self.call(), body).await?.ok()?;
        let user: Value = result(&answer, Class::Retry { after_ms: None })?;
        // False instead of an error.
        let user = user
            .as_i64()
            .ok_or_else(|| ChannelError::new(Class::Refused, "the server refuses login and key for this database"))?;
        Ok((user, answer))
    }

    fn execute<A: Serialize>(&self, user: i64, model: &str, method: &str, args: A) -> Result<Vec<u8>, ChannelError> {
        let key = self.api_key.expose_secret();
        Self::rpc("object", "execute_kw", (&self.database, user, key, model, method, args))
    }

    async fn search<T: serde::de::DeserializeOwned>(
        &self,
        user: i64,
        model: &str,
        domain: Value,
        fields: &[&str],
    ) -> Result<Vec<T>, ChannelError> {
        let body = self.execute(user, model, "search_read", json!([domain, fields]))?;
        let answer = self.http.ask(self.call(), body).await?.ok()?;
        result(&answer, Class::Retry { after_ms: None })
    }

    /// Whether the user may write where our prices stand. `None` where the server does not say, as versions may that
    /// know the question by another name.
    async fn may_write(&self, user: i64) -> Option<bool> {
        let model = if self.pricelist.is_some() { "product.pricelist" } else { "product.template" };
        // The second argument: an answer instead of an error.
        let body = self.execute(user, model, "check_access_rights", json!(["write", false])).ok()?;
        let answer = self.http.ask(self.call(), body).await.ok()?.ok().ok()?;
        result(&answer, Class::Retry { after_ms: None }).ok()
    }

    async fn items(&self, user: i64, list: i64, products: &[i64]) -> Result<Vec<Item>, ChannelError> {
        let domain = json!([
            ["pricelist_id", "=", list],
            ["applied_on", "=", "0_product_variant"],
            ["product_id", "in", products]
        ]);
        let items: Vec<Item> = self.search(user, "product.pricelist.item", domain, &ITEM_FIELDS).await?;
        Ok(items.into_iter().filter(|item| item.compute_price == "fixed" && item.single()).collect())
    }

    async fn update(&self, user: i64, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let ids: Vec<i64> = changes.iter().map(|change| reference(&change.external)).collect::<Result<_, _>>()?;
        let body = match self.pricelist {
            Some(list) => {
                let items = self.items(user, list, &ids).await?;
                let command = |(change, id): (&&PriceChange, &i64)| {
                    let known = items.iter().find(|item| item.product() == Some(*id)).map(|item| item.id);
                    let price = ItemPrice {
                        applied_on: "0_product_variant".to_owned(),
                        product_id: *id,
                        compute_price: "fixed".to_owned(),
                        fixed_price: number(change.price)?,
                    };
                    Ok::<_, ChannelError>((u8::from(known.is_some()), known.unwrap_or(0), price))
                };
                let item_ids = changes.iter().zip(&ids).map(command).collect::<Result<_, _>>()?;
                self.execute::<ListArgs>(user, "product.pricelist", "write", (vec![list], ListItems { item_ids }))?
            }
            None => {
                let [change] = changes else {
                    return Err(ChannelError::new(Class::Rejected, "sales prices travel one by one"));
                };
                let price = TemplatePrice { list_price: number(change.price)? };
                self.execute::<TemplateArgs>(user, "product.template", "write", (ids, price))?
            }
        };
        let quotes = quoted(&body, self.pricelist, self.currency);
        let pass = outgoing::pass(door, changes, body, quotes)?;
        let answer = self.http.push(self.call(), pass).await?.ok()?;
        match result::<Value>(&answer, Class::Unknown)? {
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
fn quoted(body: &[u8], pricelist: Option<i64>, currency: Currency) -> Result<Vec<Quote>, GateError> {
    let Some(pricelist) = pricelist else {
        let rpc: Rpc<Execute<TemplateArgs>> = outgoing::parse(body)?;
        let (_, _, _, model, method, (ids, price)) = rpc.params.args;
        let ([id], "product.template", "write") = (ids.as_slice(), model.as_str(), method.as_str()) else {
            return Err(outgoing::unreadable(&"not one price of one template"));
        };
        return Ok(vec![Quote::new(id.to_string(), outgoing::money(price.list_price.get(), currency)?)]);
    };
    let rpc: Rpc<Execute<ListArgs>> = outgoing::parse(body)?;
    let (_, _, _, model, method, (lists, items)) = rpc.params.args;
    if (lists.as_slice(), model.as_str(), method.as_str()) != ([pricelist].as_slice(), "product.pricelist", "write") {
        return Err(outgoing::unreadable(&"not a write of our pricelist"));
    }
    let one = |(_, _, item): &(u8, i64, ItemPrice)| {
        if item.applied_on != "0_product_variant" || item.compute_price != "fixed" {
            return Err(outgoing::unreadable(&"a price of more than one product"));
        }
        Ok(Quote::new(item.product_id.to_string(), outgoing::money(item.fixed_price.get(), currency)?))
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
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let user = match self.user().await {
            Ok((user, _)) => user,
            Err(error) => return super::all_failed(changes, &error),
        };
        let work = Worklist::of(changes, self.pricelist.map_or(1, |_| MAX_BATCH));
        work.through(changes, |batch| async move { self.update(user, &batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        #[derive(Deserialize)]
        struct Template {
            id: i64,
            list_price: Box<RawValue>,
        }
        let (user, _) = self.user().await?;
        let money = |price: &RawValue| amount::parse(price.get(), self.currency).ok();
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<i64> = part.iter().filter_map(|external| external.parse().ok()).collect();
            let Some(list) = self.pricelist else {
                let domain = json!([["id", "in", ids]]);
                let rows: Vec<Template> = self.search(user, "product.template", domain, &["id", "list_price"]).await?;
                seen.extend(rows.iter().map(|row| Seen::plain(row.id.to_string(), money(&row.list_price))));
                continue;
            };
            let items = self.items(user, list, &ids).await?;
            for id in ids {
                let own: Vec<&Item> = items.iter().filter(|item| item.product() == Some(id)).collect();
                let Some(first) = own.first() else { continue };
                let refused = (own.len() > 1).then(|| {
                    format!("the pricelist has {} fixed prices for this product; delete all but one", own.len())
                });
                seen.push(Seen { refused, ..Seen::plain(id.to_string(), money(&first.fixed_price)) });
            }
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        #[derive(Deserialize)]
        struct Product {
            id: i64,
            default_code: Value,
            product_tmpl_id: Value,
        }
        let (user, _) = self.user().await?;
        let mut matches: Vec<Match> = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let domain = json!([["default_code", "in", part]]);
            let fields = ["id", "default_code", "product_tmpl_id"];
            for row in self.search::<Product>(user, "product.product", domain, &fields).await? {
                let template = row.product_tmpl_id.get(0).and_then(Value::as_i64);
                let Some((sku, template)) = row.default_code.as_str().zip(template) else { continue };
                let external = self.pricelist.map_or(template, |_| row.id).to_string();
                if let Some(other) = matches.iter().find(|one| one.external == external && one.sku != sku) {
                    let text = format!(
                        "{} and {sku} are variants of one template, which has one price; use a pricelist",
                        other.sku
                    );
                    return Err(ChannelError::new(Class::Rejected, text));
                }
                matches.push(Match { sku: sku.to_owned(), external, price: None });
            }
        }
        let mut matches = found::one_each(matches)?;
        let externals: Vec<String> = matches.iter().map(|one| one.external.clone()).collect();
        for (one, seen) in matches.iter_mut().zip(self.read(&externals).await?) {
            one.price = seen.price;
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (user, answer) = self.user().await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let (model, domain) = match self.pricelist {
            Some(list) => ("product.pricelist", json!([["id", "=", list]])),
            None => ("res.company", json!([])),
        };
        let rows: Vec<Value> = self.search(user, model, domain, &["name", "currency_id"]).await?;
        let Some(first) = rows.first() else {
            problems.push("the server has no such pricelist; set pricelist".to_owned());
            return Ok(Probe { about: "Odoo".to_owned(), problems });
        };
        let code = first.pointer("/currency_id/1").and_then(Value::as_str).unwrap_or("");
        if code != self.currency.code() {
            problems.push(format!("its prices are in {code}; set currency = \"{code}\""));
        }
        if self.may_write(user).await == Some(false) {
            problems.push("the user may not change prices; give it the right to create and edit products".to_owned());
        }
        Ok(Probe { about: format!("Odoo, {}", text(first, "name").unwrap_or_default()), problems })
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
            quoted(body.as_bytes(), list, Currency::EUR)
        };
        let expected = [Quote::new("7", Money::from_minor(1_250, Currency::EUR))];
        assert_eq!(of("product.template", r#"[[7],{"list_price":12.5}]"#, None).unwrap(), expected);
        let item = r#"{"applied_on":"0_product_variant","product_id":7,"compute_price":"fixed","fixed_price":12.50}"#;
        let list = |item: &str| of("product.pricelist", &format!(r#"[[3],{{"item_ids":[[1,9,{item}]]}}]"#), Some(3));
        assert_eq!(list(item).unwrap(), expected);
        assert!(list(&item.replace("0_product_variant", "3_global")).is_err());
        assert!(list(&item.replace("12.50", "12.505")).is_err(), "would be rounded without a word");
        assert!(of("product.template", r#"[[7,8],{"list_price":12.5}]"#, None).is_err());
        assert!(of("product.template", r#"[[7],{"list_price":12.5,"standard_price":1}]"#, None).is_err());
    }
}
