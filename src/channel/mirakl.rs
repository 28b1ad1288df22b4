//! Marketplaces that run on Mirakl: prices by the file import PRI01, results by PRI02 and PRI03, offers by OF21. Facts
//! that shape this file:
//!
//! - PRI01 deletes and replaces all prices of the offers it lists, and leaves other offers alone. OF24 would reset what
//!   it does not name, quantity included, so it is never used.
//! - One import a minute for each seller; results come later, errors by line.
//! - An operator may approve price changes by hand: `COMPLETE` is not live.

use std::collections::HashMap;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toml::Table;
use url::Url;

use super::wire::batch;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::jobs::Jobs;
use super::wire::{amount, found};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::Currency;
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "mirakl",
    about: "a marketplace on Mirakl: price imports by SKU with sale windows, import errors and live offers read back",
    example: r#"[channels.marketplace]
kind = "mirakl"
url = "https://operator.mirakl.net"   # the operator's address
api_key = "${MIRAKL_API_KEY}"         # of the seller's user, under "API key"
shop_id = 0                           # only when one key serves several shops
currency = "EUR"
tax = "gross"                         # as the operator shows prices
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(std::sync::Arc::new(Mirakl::new(build(table)?, setting)?)),
};

/// Prices of one import. The vendor names no limit of lines; a file of this size is read in seconds.
const MAX_BATCH: usize = 5_000;
/// PRI01 may be called once a minute.
const IMPORTS_PER_MINUTE: u32 = 1;
/// Other calls have no documented limit for a short burst.
const BURST: u32 = 20;
const PER_MINUTE: u32 = 300;
const BOUNDARY: &str = "omniprice-prices-7f3c1b";
const MULTIPART: &str = "multipart/form-data; boundary=omniprice-prices-7f3c1b";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    api_key: SecretString,
    #[serde(default)]
    shop_id: u64,
    currency: String,
    tax: Tax,
}

/// The checked settings.
struct Seller {
    base: Url,
    headers: HeaderMap,
    shop: Option<String>,
    currency: Currency,
    tax: Tax,
}

fn build(table: &Table) -> Result<Seller, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, http::secret_value("api_key", settings.api_key.expose_secret())?);
    Ok(Seller {
        base: http::secure_base(&settings.url)?,
        headers,
        shop: (settings.shop_id > 0).then(|| settings.shop_id.to_string()),
        currency: super::currency(&settings.currency)?,
        tax: settings.tax,
    })
}

struct Mirakl {
    seller: Seller,
    http: Http,
    /// Imports have a budget of their own.
    imports: Http,
    clock: Clock,
    jobs: Jobs,
}

/// A line of the import file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Line {
    offer_sku: String,
    price: String,
    /// Empty: no reduction.
    discount_price: String,
    discount_start_date: String,
    /// Empty: until further notice.
    discount_end_date: String,
}

#[derive(Debug, Deserialize)]
struct Imported {
    import_id: String,
}

#[derive(Debug, Deserialize)]
struct Imports {
    #[serde(default)]
    data: Vec<Import>,
}

#[derive(Debug, Deserialize)]
struct Import {
    import_id: String,
    status: String,
    #[serde(default)]
    has_error_report: bool,
    #[serde(default)]
    reason_status: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Offers {
    #[serde(default)]
    offers: Vec<Offer>,
}

#[derive(Debug, Deserialize)]
struct Offer {
    #[serde(default)]
    shop_sku: String,
    currency_iso_code: Option<String>,
    applicable_pricing: Option<Pricing>,
    price: Option<Box<RawValue>>,
}

/// What buyers pay now.
#[derive(Debug, Deserialize)]
struct Pricing {
    price: Box<RawValue>,
    unit_discount_price: Option<Box<RawValue>>,
    unit_origin_price: Option<Box<RawValue>>,
}

impl Mirakl {
    fn new(seller: Seller, setting: &Setting) -> Result<Self, String> {
        let http = Http::new(setting)?;
        let (base, key) = (seller.base.as_str(), &seller.headers[AUTHORIZATION]);
        let shop = seller.shop.as_deref().unwrap_or_default();
        let imports = setting.shared.pace(&[&"imports", &base, key, &shop], 1, IMPORTS_PER_MINUTE);
        let requests = setting.shared.pace(&[&"requests", &base, key], BURST, PER_MINUTE);
        Ok(Self {
            seller,
            imports: http.clone().paced(imports),
            http: http.paced(requests),
            clock: setting.clock.clone(),
            jobs: Jobs::default(),
        })
    }

    fn call(&self, method: Method, rest: &[&str], query: &[(&str, &str)]) -> Call {
        let segments: Vec<&str> = ["api", "offers"].into_iter().chain(rest.iter().copied()).collect();
        let shop = self.seller.shop.as_deref().map(|shop| ("shop_id", shop));
        let all: Vec<(&str, &str)> = query.iter().copied().chain(shop).collect();
        Call::json(method, http::place(&self.seller.base, &segments, &all), self.seller.headers.clone())
    }

    async fn get(&self, rest: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(Method::GET, rest, query), Vec::new()).await
    }

    async fn send(&self, changes: &[PriceChange], door: &Door) -> Result<batch::Results, ChannelError> {
        let body = multipart(changes).map_err(|why| ChannelError::new(Class::Rejected, why))?;
        let quoted = quoted(&body, self.seller.currency)?;
        let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        let call = self.call(Method::POST, &["pricing", "imports"], &[]).typed(MULTIPART);
        let answer = self.imports.push(call, pass).await?.ok()?;
        let imported: Imported = answer.parse()?;
        self.jobs.remember(externals.into_iter(), &imported.import_id);
        Ok(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect())
    }

    /// Why imports did not take prices of these listings, as far as it is known.
    async fn refusals(&self, externals: &[String]) -> Result<HashMap<String, String>, ChannelError> {
        let mut refused = HashMap::new();
        for (id, waiting) in self.jobs.waiting(externals) {
            let list: Imports = self.get(&["pricing", "imports"], &[("import_id", &id)]).await?.ok()?.parse()?;
            let Some(import) = list.data.into_iter().find(|import| import.import_id == id) else { continue };
            match import.status.as_str() {
                "COMPLETE" if import.has_error_report => {
                    let lines = self.error_lines(&id).await?;
                    let own = waiting.iter().filter_map(|sku| Some((sku.clone(), lines.get(sku)?.clone())));
                    refused.extend(own);
                }
                "COMPLETE" => {}
                "FAILED" => {
                    let why = import.reason_status.unwrap_or_default();
                    refused.extend(waiting.iter().map(|sku| (sku.clone(), format!("the import failed: {why}"))));
                }
                _ => continue,
            }
            self.jobs.read(&id, &waiting);
        }
        Ok(refused)
    }

    /// Reasons by SKU: the report's second column, found by the column `offer-sku`.
    async fn error_lines(&self, import: &str) -> Result<HashMap<String, String>, ChannelError> {
        let answer = self.get(&["pricing", "imports", import, "error_report"], &[]).await?.ok()?;
        let broken = |why: csv::Error| answer.unclear(format!("the error report is no CSV: {why}"));
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').flexible(true).from_reader(answer.body.as_slice());
        let at = reader.headers().map_err(broken)?.iter().position(|name| name == "offer-sku");
        let at = at.ok_or_else(|| answer.unclear("the error report has no column offer-sku"))?;
        let mut lines = HashMap::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            if let (Some(sku), Some(why)) = (record.get(at), record.get(1)) {
                lines.entry(sku.to_owned()).or_insert_with(|| format!("the import refuses it: {why}"));
            }
        }
        Ok(lines)
    }

    /// The offers with a SKU; one of ours has one.
    async fn offers(&self, sku: &str) -> Result<Vec<Offer>, ChannelError> {
        let list: Offers = self.get(&[], &[("sku", sku)]).await?.ok()?.parse()?;
        Ok(list.offers.into_iter().filter(|offer| offer.shop_sku == sku).collect())
    }

    fn seen(&self, sku: &str, offer: Option<&Offer>) -> Seen {
        let Some(offer) = offer else { return Seen::plain(sku.to_owned(), None) };
        let own = offer.currency_iso_code.as_deref().map(crate::money::currency).transpose();
        let currency = match own {
            Ok(currency) => currency.unwrap_or(self.seller.currency),
            Err(why) => return found::shown(sku.to_owned(), Err(why.to_string())),
        };
        let shown = |raw: Option<&RawValue>| raw.map_or(Ok(None), |raw| amount::shown(raw.get(), currency));
        let Some(pricing) = &offer.applicable_pricing else {
            return found::shown(sku.to_owned(), shown(offer.price.as_deref()));
        };
        let (price, discount) = (shown(Some(&pricing.price)), shown(pricing.unit_discount_price.as_deref()));
        let reduced = matches!(discount, Ok(Some(_))) && discount == price;
        let origin = pricing.unit_origin_price.as_deref().filter(|_| reduced);
        found::crossed_out(found::shown(sku.to_owned(), price), shown(origin))
    }
}

/// The import file inside a form of one field, `file`.
fn multipart(changes: &[PriceChange]) -> Result<Vec<u8>, String> {
    let mut csv = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
    for change in changes {
        let sale = change.sale;
        let line = Line {
            offer_sku: change.external.clone(),
            price: amount::text(sale.map_or(change.price, |sale| sale.regular)),
            discount_price: sale.map_or_else(String::new, |_| amount::text(change.price)),
            discount_start_date: sale.map_or_else(String::new, |sale| sale.starts_at.to_string()),
            discount_end_date: sale.and_then(|sale| sale.ends_at).map_or_else(String::new, |end| end.to_string()),
        };
        csv.serialize(line).map_err(|why| why.to_string())?;
    }
    let file = csv.into_inner().map_err(|why| why.to_string())?;
    if file.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes()) {
        return Err("a SKU contains the boundary of the form".to_owned());
    }
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"prices.csv\"\r\n\
         content-type: text/csv; charset=utf-8\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(&file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    Ok(body)
}

/// Reads the file back out of the form. The currency is the operator's; the file has amounts only.
fn quoted(body: &[u8], currency: Currency) -> Result<Vec<Quote>, GateError> {
    let broken = |why: String| GateError::Unreadable(why);
    let text = std::str::from_utf8(body).map_err(|why| broken(why.to_string()))?;
    let (head, rest) = text.split_once("\r\n\r\n").ok_or_else(|| broken("no form".to_owned()))?;
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    let file = rest.strip_suffix(end.as_str()).ok_or_else(|| broken("the form does not end".to_owned()))?;
    if !head.starts_with(&format!("--{BOUNDARY}\r\n")) || file.contains(BOUNDARY) {
        return Err(broken("not exactly one part".to_owned()));
    }
    let mut found = Vec::new();
    for line in csv::ReaderBuilder::new().delimiter(b';').from_reader(file.as_bytes()).into_deserialize() {
        let line: Line = line.map_err(|why: csv::Error| broken(why.to_string()))?;
        let price = amount::parse(&line.price, currency).map_err(broken)?;
        found.push(if line.discount_price.is_empty() {
            Quote::new(line.offer_sku, price)
        } else {
            let reduced = amount::parse(&line.discount_price, currency).map_err(broken)?;
            Quote { regular: Some(price), ..Quote::new(line.offer_sku, reduced) }
        });
    }
    Ok(found)
}

#[async_trait]
impl Channel for Mirakl {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: MAX_BATCH,
            concurrency: 1,
            visible_after_ms: 2 * Millis::MINUTE,
            sale: SaleSupport::Window,
            stages: true,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.seller.currency, self.seller.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        match self.send(changes, door).await {
            Ok(results) => results,
            Err(error) => super::all_failed(changes, &error),
        }
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut refused = self.refusals(externals).await?;
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            let offers = self.offers(external).await?;
            if offers.len() > 1 {
                // Which of them was priced is not known, and the other listings of this read are not to suffer for it.
                let why = format!("the marketplace has several offers with the SKU {external}");
                seen.push(Seen { refused: Some(why), ..Seen::plain(external.clone(), None) });
                continue;
            }
            let one = self.seen(external, offers.first());
            let refused = refused.remove(external).or_else(|| one.refused.clone());
            seen.push(Seen { refused, ..one });
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut found = Vec::new();
        for sku in skus {
            for offer in self.offers(sku).await? {
                let price = self.seen(sku, Some(&offer)).price;
                found.push(Match { sku: sku.clone(), external: sku.clone(), price, shut: None });
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let imports = self.get(&["pricing", "imports"], &[]).await?;
        let mut problems: Vec<String> = imports.skew(self.clock.now()).into_iter().collect();
        if imports.status == 404 || imports.status == 405 {
            problems.push("the operator has no price import (PRI01); ask for \"offer prices import\"".to_owned());
        } else {
            imports.ok()?;
        }
        let list: Offers = self.get(&[], &[]).await?.ok()?.parse()?;
        let own = self.seller.currency.code();
        let other = list.offers.iter().filter_map(|offer| offer.currency_iso_code.as_deref()).find(|code| *code != own);
        if let Some(other) = other {
            problems.push(format!("offers are in {other}; set currency = \"{other}\""));
        }
        Ok(Probe::of(format!("Mirakl at {}", self.seller.base.host_str().unwrap_or_default()), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::WirePrice;

    fn form(file: &str) -> Vec<u8> {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n{file}\r\n--{BOUNDARY}--\r\n")
            .into_bytes()
    }

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let head = "offer-sku;price;discount-price;discount-start-date;discount-end-date\n";
        let of = |lines: &str| quoted(&form(&format!("{head}{lines}")), Currency::EUR);
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        let both = of("\"A;1\";12.50;;;\nB;20.00;15.00;2027-01-01T00:00:00Z;\n").unwrap();
        let sale = Quote { regular: Some(eur(2_000)), ..Quote::new("B", eur(1_500)) };
        assert_eq!(both, vec![Quote::new("A;1", eur(1_250)), sale]);
        assert!(of("A;12,50;;;\n").is_err());
        assert!(of("A;12.505;;;\n").is_err());
        assert!(of("A;12.50;;;;1.00\n").is_err(), "a further column");
        let wider =
            "offer-sku;price;discount-price;discount-start-date;discount-end-date;price-ranges\nA;12.50;;;;1|1.00\n";
        assert!(quoted(&form(wider), Currency::EUR).is_err(), "a further price");
        let mut twice = form(&format!("{head}A;12.50;;;\n"));
        twice.extend(form(&format!("{head}A;1.00;;;\n")));
        assert!(quoted(&twice, Currency::EUR).is_err(), "a second part");
    }
}
