//! Tryton 7 as a till, through its JSON-RPC. Facts that shape this file, seen on a real server:
//!
//! - A till asks `gross_price` once it is set and never looks at `list_price` again; other sales use `list_price`. So the
//!   tax view of the channel decides which field is ours.
//! - Prices belong to the template: products of one template cannot be priced apart.
//! - Failures of a call are HTTP 200 with `error`, and one bad id rolls the whole call back; a dead session is 401 with an
//!   empty body, a method that is not exposed 403.
//! - A list price keeps as many decimals as the configuration section `product`, `price_decimal` says (4 unless changed), and
//!   one with more is refused: "The number of digits ... exceeds the limit".
//! - Decimals travel as `{"__class__":"Decimal","decimal":"7.77"}`. There is no crossed-out price and no window.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::amount::{self, Field};
use super::wire::graphql::text;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "tryton",
    about: "Tryton 7 with its point of sale: the price that a till rings up, by product code",
    example: r#"[channels.till]
kind = "tryton"
url = "https://erp.example/"        # the server; its RPC is at /DATABASE/
database = "shop"
login = "omniprice"                 # a user that may write products
password = "${TRYTON_PASSWORD}"
company = 1                         # id of the company
currency = "EUR"                    # the company's
tax = "gross"                       # gross: what tills ask (gross_price); net: list_price
# net_decimals = 4                  # with net: the server's price_decimal; 2 decimals unless it is set
drift = "alert"                     # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Tryton::new(table, setting)?)),
};

/// 50 templates in one call take a server under a second.
const MAX_BATCH: usize = 50;
const MAX_READ: usize = 200;
const TEMPLATE: &str = "product.template";
/// Fields of a product template: what tills ask, what sales ask, and where a template's taxes come from.
const GROSS: &str = "gross_price";
const NET: &str = "list_price";
const CATEGORY: &str = "account_category";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    database: String,
    login: String,
    password: SecretString,
    company: i64,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
}

struct Tryton {
    http: Http,
    endpoint: Url,
    headers: HeaderMap,
    company: i64,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
    clock: Clock,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    if settings.database.is_empty() || settings.login.contains(':') {
        return Err("database must be named, and login must not contain a colon".to_owned());
    }
    let endpoint = http::place(&http::secure_base(&settings.url)?, &[&settings.database, ""], &[]);
    let mut headers = HeaderMap::new();
    let pair = BASE64.encode(format!("{}:{}", settings.login, settings.password.expose_secret()));
    http::secret_header(&mut headers, "authorization", &format!("Basic {pair}"))?;
    amount::net_decimals(super::currency(&settings.currency)?, settings.tax, settings.net_decimals)?;
    Ok((endpoint, headers, settings))
}

/// What an answer's body says: a result, or an error whose first word is its kind.
fn result(answer: &Answer, late: Class) -> Result<Value, ChannelError> {
    let body = answer.json()?;
    let Some(error) = body.get("error").filter(|error| !error.is_null()) else {
        return body.get("result").cloned().ok_or_else(|| answer.unclear("the answer has neither result nor error"));
    };
    let words = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let kind = error.get(0).map_or_else(|| words(error), words);
    let detail = error.get(1).map(|detail| detail.get(0).map_or_else(|| words(detail), words)).unwrap_or_default();
    let class = match kind.as_str() {
        "LoginException" => Class::Refused,
        // Rolled back because somebody else changed the same rows.
        "ConcurrencyException" => Class::Retry { after_ms: Some(250) },
        "UserError" | "UserWarning" => Class::Rejected,
        // Access rules and missing rows come as user errors; anything else is the server's own trouble, rolled back.
        _ => late,
    };
    Err(ChannelError::new(class, format!("Tryton answers {kind}: {detail}")))
}

impl Tryton {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (endpoint, headers, settings) = build(table)?;
        Ok(Self {
            http: Http::new(setting)?,
            endpoint,
            headers,
            company: settings.company,
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            net_decimals: settings.net_decimals,
            clock: setting.clock.clone(),
        })
    }

    /// The field that buyers of this channel pay by.
    const fn field(&self) -> &'static str {
        match self.tax {
            Tax::Gross => GROSS,
            Tax::Net => NET,
        }
    }

    fn call(&self) -> Call {
        Call::json(Method::POST, self.endpoint.clone(), self.headers.clone())
    }

    fn body(&self, method: &str, mut params: Vec<Value>) -> Vec<u8> {
        params.push(json!({ "company": self.company }));
        json!({ "id": 1, "method": method, "params": params }).to_string().into_bytes()
    }

    fn good(answer: Answer) -> Result<Answer, ChannelError> {
        match answer.status {
            401 => Err(ChannelError::new(Class::Refused, "the server refuses login and password (401)")),
            403 => {
                Err(ChannelError::new(Class::Forbidden, "the user may not do this (403); give it rights on products"))
            }
            404 => Err(ChannelError::new(Class::Refused, "the server has no such database (404); check database")),
            _ => answer.ok(),
        }
    }

    async fn ask(&self, method: &str, params: Vec<Value>) -> Result<(Value, Answer), ChannelError> {
        let answer = Self::good(self.http.ask(self.call(), self.body(method, params)).await?)?;
        Ok((result(&answer, Class::Retry { after_ms: None })?, answer))
    }

    async fn search(&self, model: &str, domain: Value, fields: &[&str]) -> Result<Vec<Value>, ChannelError> {
        let params = vec![domain, json!(0), json!(MAX_READ * 4), Value::Null, json!(fields)];
        let (found, answer) = self.ask(&format!("model.{model}.search_read"), params).await?;
        found.as_array().cloned().ok_or_else(|| answer.unclear("the answer is no list"))
    }

    fn money(&self, value: &Value) -> Option<WirePrice> {
        amount::parse(value.get("decimal")?.as_str()?, self.capabilities().field()).ok()
    }

    /// What a till or sale asks. Until a gross price is set a till asks the list price with taxes, which are the account
    /// category's; without one there are none.
    fn price(&self, template: &Value) -> Option<WirePrice> {
        let own = template.get(self.field()).and_then(|value| self.money(value));
        let untaxed = template.get(CATEGORY).is_some_and(Value::is_null);
        own.or_else(|| template.get(NET).filter(|_| untaxed).and_then(|value| self.money(value)))
    }

    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let mut params = Vec::with_capacity(changes.len() * 2);
        for change in changes {
            let id: i64 = change.external.parse().map_err(|_| {
                let text = format!("the reference `{}` is no template id; map it anew", change.external);
                ChannelError::new(Class::Rejected, text)
            })?;
            params.push(json!([id]));
            let decimal = json!({ "__class__": "Decimal", "decimal": amount::text(change.price) });
            params.push(json!({ self.field(): decimal }));
        }
        let body = self.body("model.product.template.write", params);
        let pass =
            outgoing::pass(door, changes, body.clone(), quoted(&body, self.field(), self.capabilities().field()))?;
        let answer = Self::good(self.http.push(self.call(), pass).await?)?;
        result(&answer, Class::Unknown)?;
        Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()))
    }
}

/// How many decimals the server keeps in a field: the second of its `digits`, a JSON list in a text.
fn decimals(fields: &Value, name: &str) -> Option<u32> {
    let digits: Value = serde_json::from_str(fields.get(name)?.get("digits")?.as_str()?).ok()?;
    u32::try_from(digits.get(1)?.as_u64()?).ok()
}

/// Reads prices back out of an outgoing call, by its text alone: `[ids], {field: price}`, again and again, and a context.
fn quoted(body: &[u8], field: &str, price: Field) -> Result<Vec<Quote>, GateError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "id")]
        _id: i64,
        method: String,
        params: Vec<Value>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Number {
        #[serde(rename = "__class__")]
        class: String,
        decimal: String,
    }
    let body: Body = outgoing::parse(body)?;
    let Some((_context, pairs)) = body.params.split_last() else { return Err(outgoing::unreadable(&"no parameters")) };
    if body.method != "model.product.template.write" || pairs.len() % 2 != 0 {
        return Err(outgoing::unreadable(&"not a write of templates"));
    }
    let mut quotes = Vec::new();
    for pair in pairs.chunks(2) {
        let [ids, values] = pair else { continue };
        let ids: Vec<i64> = serde_json::from_value(ids.clone()).map_err(|error| outgoing::unreadable(&error))?;
        let values: std::collections::BTreeMap<String, Number> =
            serde_json::from_value(values.clone()).map_err(|error| outgoing::unreadable(&error))?;
        let mut values = values.into_iter();
        let (Some((name, number)), None, [id]) = (values.next(), values.next(), ids.as_slice()) else {
            return Err(outgoing::unreadable(&"not one price of one template"));
        };
        if name != field || number.class != "Decimal" {
            return Err(outgoing::unreadable(&"a price in another field"));
        }
        quotes.push(Quote::new(id.to_string(), outgoing::money(&number.decimal, price)?));
    }
    Ok(quotes)
}

#[async_trait]
impl Channel for Tryton {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            partial: PartialFailure::Atomic,
            read_back: ReadBack::Effective,
            net_decimals: self.net_decimals,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::of(changes, MAX_BATCH);
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        // The net side has no taxes to ask about, nor need its server have modules that do.
        let fields: &[&str] = match self.tax {
            Tax::Gross => &[GROSS, NET, CATEGORY],
            Tax::Net => &[NET],
        };
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<i64> = part.iter().filter_map(|external| external.parse().ok()).collect();
            let rows = self.search("product.template", json!([["id", "in", ids]]), fields).await?;
            seen.extend(rows.iter().filter_map(|row| {
                let id = row.get("id")?.as_i64()?;
                Some(Seen::plain(id.to_string(), self.price(row)))
            }));
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches: Vec<Match> = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let rows = self.search("product.product", json!([["code", "in", part]]), &["code", "template"]).await?;
            for row in &rows {
                let template = row.get("template").and_then(Value::as_i64);
                let Some((sku, template)) = text(row, "code").zip(template) else { continue };
                if !part.contains(&sku) {
                    continue;
                }
                matches.push(Match::new(sku, template.to_string(), None));
            }
        }
        let mut matches = found::apart(found::distinct(matches), |skus| {
            format!("{} are products of one template, which has one price; split it", skus.join(" and "))
        });
        let externals: Vec<String> = matches.iter().map(|one| one.external.clone()).collect();
        for (one, seen) in matches.iter_mut().zip(self.read(&externals).await?) {
            one.price = seen.price;
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let params = vec![json!([self.company]), json!(["rec_name", "currency.code"])];
        let (companies, answer) = self.ask("model.company.company.read", params).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let company = companies.get(0).cloned().unwrap_or_default();
        let code = company.pointer("/currency./code").and_then(Value::as_str).unwrap_or("");
        if code != self.currency.code() {
            problems.push(format!("the company's currency is {code}; set currency = \"{code}\""));
        }
        // A search for a field that no module brings finds nothing and says nothing.
        let (fields, _) = self.ask("model.product.template.fields_get", vec![json!([self.field()])]).await?;
        if fields.get(self.field()).is_none() {
            problems.push(format!("products have no {}; tills need the module sale_point", self.field()));
        }
        let mut notes = Vec::new();
        let sent = self.capabilities().decimals();
        match decimals(&fields, self.field()).filter(|_| self.tax == Tax::Net) {
            Some(kept) if kept < sent => problems.push(format!(
                "list prices have {kept} decimals on this server and are sent {sent}; set net_decimals = {kept}, or raise \
                 price_decimal under [product] in trytond.conf"
            )),
            Some(kept) if kept > sent => notes.push(format!(
                "list prices have {kept} decimals on this server and are sent {sent}; set net_decimals = {kept} to use them"
            )),
            _ => {}
        }
        let (access, _) = self.ask("model.ir.model.access.get_access", vec![json!([TEMPLATE])]).await?;
        // Written as 0 or 1.
        let write = access.pointer(&format!("/{TEMPLATE}/write"));
        if write.is_some_and(|write| write.as_bool() == Some(false) || write.as_i64() == Some(0)) {
            problems.push("the user may not write products; add it to the group Product Administration".to_owned());
        }
        let about = format!("Tryton company {}", text(&company, "rec_name").unwrap_or_default());
        Ok(Probe::of(about, problems).noting(notes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |pairs: &str| {
            let body =
                format!(r#"{{"id":1,"method":"model.product.template.write","params":[{pairs},{{"company":1}}]}}"#);
            quoted(body.as_bytes(), "gross_price", Currency::EUR.into())
        };
        let price = r#"{"gross_price":{"__class__":"Decimal","decimal":"12.50"}}"#;
        let expected = [7, 8].map(|id: i64| Quote::new(id.to_string(), WirePrice::from_minor(1_250, Currency::EUR)));
        assert_eq!(of(&format!("[7],{price},[8],{price}")).unwrap(), expected);
        let list = price.replace("gross", "list");
        let both = format!("{},{}", price.trim_end_matches('}'), list.trim_start_matches('{'));
        for bad in
            [format!("[7,8],{price}"), format!("[7],{list}"), format!("[7],{both}"), "[7],{\"gross_price\":1}".into()]
        {
            assert!(of(&bad).is_err(), "{bad}");
        }
    }
}
