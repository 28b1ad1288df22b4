//! Whether the user may write, and whether currency and tax view are the company's or the pricelist's.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Odoo;
use super::way::{Arguments, Way};
use crate::channel::wire::graphql::text;
use crate::channel::{Channel as _, ChannelError, Probe, Tax};

const TAX_BY_HAND: &str = "the server does not tell whether sales taxes are included in prices; compare tax with the \
                           default sales tax under Invoicing, Settings by hand";

const PRECISION_BY_HAND: &str = "the server does not tell its precision \"Product Price\"; compare net_decimals with Settings, \
                                 Technical, Decimal Accuracy by hand";
/// Net prices of so many decimals give back every price in cents (SEMANTICS 2.2).
const WIDELY_ENOUGH: u32 = 4;

/// The id of a relation field, which is id and name, or false.
fn id(value: &Value, field: &str) -> Option<i64> {
    value.get(field)?.get(0)?.as_i64()
}

impl Odoo {
    pub(super) async fn look(&self) -> Result<Probe, ChannelError> {
        let (_, answer) = self.version().await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let way = self.way().await?;
        let company = self.company(way).await?;
        let (model, key, models) = match self.pricelist {
            Some(list) => ("product.pricelist", Some(list), ["product.pricelist", "product.pricelist.item"].as_slice()),
            None => ("res.company", company, ["product.template"].as_slice()),
        };
        let rows: Vec<Value> = self.search(way, model, json!([["id", "=", key]]), &["name", "currency_id"]).await?;
        let Some(first) = rows.first() else {
            problems.push(match self.pricelist {
                Some(list) => format!("the server shows this user no such pricelist as {list}; set pricelist"),
                None => "the server does not show this user its company; see Needs in docs/channels/odoo.md".to_owned(),
            });
            return Ok(Probe::of("Odoo", problems));
        };
        let shown = first.pointer("/currency_id/1").and_then(Value::as_str).unwrap_or("");
        let templates = if self.pricelist.is_none() { self.money_of_templates(way).await? } else { None };
        let code = match &templates {
            Some(Ok(code)) => code.code(),
            Some(Err(_)) | None => shown,
        };
        if code != self.currency.code() {
            problems.push(format!("its prices are in {code}; set currency = \"{code}\""));
        }
        let about = format!("Odoo, {}", text(first, "name").unwrap_or_default());
        let mut notes = Vec::new();
        for model in models {
            match self.may_write(way, model).await? {
                Some(true) => {}
                Some(false) => {
                    problems.push(format!("the user may not write {model}; see Needs in docs/channels/odoo.md"))
                }
                None => notes.push(format!("the server does not tell whether the user may write {model}")),
            }
        }
        // A server without invoicing has no such tax, and users need not be allowed to see it.
        match self.included(way, company).await {
            Ok(Some(included)) if included == (self.tax == Tax::Gross) => {}
            Ok(Some(included)) => {
                let says = if included { "gross" } else { "net" };
                problems.push(format!("the default sales tax makes prices {says}; set tax = \"{says}\""));
            }
            Ok(None) | Err(_) => notes.push(TAX_BY_HAND.to_owned()),
        }
        if self.tax == Tax::Net {
            self.precision(way, &mut problems, &mut notes).await;
        }
        Ok(Probe::of(about, problems).noting(notes))
    }

    /// Whether the server keeps as many decimals of a price as it is sent: before version 19 it rounds to its precision
    /// without a word. Since then the precision only says how many are shown at least (`min_display_digits`).
    async fn precision(&self, way: Way, problems: &mut Vec<String>, notes: &mut Vec<String>) {
        #[derive(Deserialize)]
        struct Precision {
            digits: u32,
        }
        let sent = self.capabilities().decimals();
        if way == Way::Json2 {
            if sent < WIDELY_ENOUGH {
                notes.push(format!(
                    "the server keeps every decimal of a price and is sent {sent}; net_decimals = {WIDELY_ENOUGH} loses fewer"
                ));
            }
            return;
        }
        let domain = json!([["name", "=", "Product Price"]]);
        let found = self.search::<Precision>(way, "decimal.precision", domain, &["digits"]).await;
        match found.ok().and_then(|rows| rows.into_iter().next()) {
            Some(Precision { digits }) if digits < sent => problems.push(format!(
                "the server keeps {digits} decimals of a price and is sent {sent}; set net_decimals = {digits}, or raise the \
                 precision \"Product Price\" under Settings, Technical, Decimal Accuracy"
            )),
            Some(Precision { digits }) if digits > sent => notes.push(format!(
                "the server keeps {digits} decimals of a price and is sent {sent}; net_decimals = {} loses fewer",
                digits.min(WIDELY_ENOUGH)
            )),
            Some(_) => {}
            None => notes.push(PRECISION_BY_HAND.to_owned()),
        }
    }

    /// The company that the user works in; a server has several.
    async fn company(&self, way: Way) -> Result<Option<i64>, ChannelError> {
        let user = self.me(way).await?;
        let rows: Vec<Value> = self.search(way, "res.users", json!([["id", "=", user]]), &["company_id"]).await?;
        Ok(rows.first().and_then(|row| id(row, "company_id")))
    }

    /// Whether the user may write a model; `None` where the server knows neither the method of version 17 nor its successor.
    async fn may_write(&self, way: Way, model: &str) -> Result<Option<bool>, ChannelError> {
        let named = json!({ "ids": [], "operation": "write" });
        let newer = Arguments { placed: json!([[], "write"]), named: named.clone() };
        let older = Arguments { placed: json!(["write", false]), named };
        for (method, arguments) in [("has_access", newer), ("check_access_rights", older)] {
            match self.ask(way, model, method, arguments).await {
                Ok(Value::Bool(may)) => return Ok(Some(may)),
                Ok(_) => {}
                Err(error) if error.class.refuses() => return Ok(Some(false)),
                // The server answered, in the words of an exception: it has no such method.
                Err(error) if error.message.starts_with(super::rpc::SAYS) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether the company's default sales tax is part of the prices that are entered.
    async fn included(&self, way: Way, company: Option<i64>) -> Result<Option<bool>, ChannelError> {
        #[derive(Deserialize)]
        struct Included {
            price_include: bool,
        }
        let domain = json!([["id", "=", company]]);
        let rows: Vec<Value> = self.search(way, "res.company", domain, &["account_sale_tax_id"]).await?;
        let Some(tax) = rows.first().and_then(|row| id(row, "account_sale_tax_id")) else { return Ok(None) };
        let taxes: Vec<Included> =
            self.search(way, "account.tax", json!([["id", "=", tax]]), &["price_include"]).await?;
        Ok(taxes.first().map(|tax| tax.price_include))
    }
}
