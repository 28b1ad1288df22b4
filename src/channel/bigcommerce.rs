//! BigCommerce through its API v3: prices of catalogue variants, or the records of one price list. Facts that shape this
//! file:
//!
//! - A sale price of 0 means free, not none. In the catalogue `null` clears it; a record of a price list has no null, so
//!   a record that has a sale price is written, deleted and written again without one: a price that the store does not
//!   take leaves the record as it was, and one that is absent after an unclear end is sent again. What else the record has
//!   (volume prices, recommended and least advertised price) is read before and written with it.
//! - A batch that fails with 422 may have saved its good items: those are looked at before anything else.
//! - The request budget belongs to all apps of a store, so the answers' headers are believed rather than our own count.
//! - Price lists take one upsert at a time. Nothing has dates: the daemon starts and ends sales.

mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::graphql::text;
use super::wire::http::{self, Answer, Http};
use super::wire::rest::Rest;
use super::wire::worklist::{Outcome, Worklist};
use super::wire::{amount, found, outgoing};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::Clock;
use crate::money::{Currency, WirePrice};
use crate::publish::gate::Door;
use record::{Held, Product, Record, Variant, quoted};

pub const KIND: Kind = Kind {
    name: "bigcommerce",
    about: "BigCommerce store: variant prices and sale prices, in the catalogue or in one price list",
    example: r#"[channels.bigcommerce]
kind = "bigcommerce"
store_hash = "abc123"                     # stores/HASH in the API path
access_token = "${BIGCOMMERCE_TOKEN}"     # store API account: products modify; price lists modify if price_list is set
price_list = 0                            # id of a price list; 0: the catalogue
currency = "DKK"
tax = "gross"                             # gross if prices are entered with tax
drift = "alert"                           # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(BigCommerce::new(table, setting)?)),
};

const API: &str = "https://api.bigcommerce.com";
/// Larger arrays are answered with 413 (reference, "Update variants").
const MAX_CATALOGUE: usize = 50;
/// Reference, "Upsert price list records": 1,000; kept smaller so that one request stays below the deadline.
const MAX_RECORDS: usize = 250;
const MAX_READ: usize = 50;
const PAGE: &str = "250";
/// The smallest plans' quota (docs, "Rate limits"): 150 requests in 30 seconds, for all apps of the store.
const QUOTA: u32 = 150;
const QUOTA_PER_MINUTE: u32 = 300;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    store_hash: String,
    access_token: SecretString,
    #[serde(default)]
    price_list: u64,
    #[serde(default)]
    api_url: Option<Url>,
    currency: String,
    tax: Tax,
}

struct BigCommerce {
    rest: Rest,
    price_list: Option<String>,
    currency: Currency,
    tax: Tax,
    clock: Clock,
    /// What records had beside their prices that were deleted and are not known to be there again.
    kept: Mutex<BTreeMap<u64, record::Kept>>,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::vendor_url("api_url", settings.api_url.as_ref(), API)?;
    let hash = settings.store_hash.as_str();
    if hash.is_empty() || !hash.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err("store_hash must be the letters and digits after stores/ in the API path".to_owned());
    }
    let base = http::place(&base, &["stores", hash, "v3"], &[]);
    let mut headers = HeaderMap::new();
    http::secret_header(&mut headers, "x-auth-token", settings.access_token.expose_secret())?;
    headers.insert("accept", reqwest::header::HeaderValue::from_static("application/json"));
    super::currency(&settings.currency)?;
    Ok((base, headers, settings))
}

/// A variant's id.
fn reference(external: &str) -> Result<u64, ChannelError> {
    external.parse().map_err(|_| {
        ChannelError::new(Class::Rejected, format!("the reference `{external}` is no variant id; map it anew"))
    })
}

fn number(money: WirePrice) -> Result<Box<RawValue>, ChannelError> {
    amount::number(money.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))
}

impl BigCommerce {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, headers, settings) = build(table)?;
        // All apps of a store share its quota, whatever their tokens.
        let pace = setting.shared.pace(&[&"requests", &base.as_str()], QUOTA, QUOTA_PER_MINUTE);
        let http = Http::new(setting)?.paced(pace);
        Ok(Self {
            rest: Rest::new(http, base, headers),
            price_list: (settings.price_list > 0).then(|| settings.price_list.to_string()),
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<u64, record::Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These records are there again, with all that they had.
    fn restored(&self, changes: &[&PriceChange]) {
        let mut kept = self.kept();
        for id in changes.iter().filter_map(|change| change.external.parse().ok()) {
            let _: Option<record::Kept> = kept.remove(&id);
        }
    }

    fn code(&self) -> String {
        self.currency.code().to_ascii_lowercase()
    }

    /// Learns the store's budget from an answer and sorts its status.
    async fn good(&self, answer: Answer) -> Result<Answer, ChannelError> {
        let header = |name: &str| answer.header(name).and_then(|text| text.parse::<u32>().ok());
        let (left, quota) = (header("x-rate-limit-requests-left"), header("x-rate-limit-requests-quota"));
        let window = header("x-rate-limit-time-window-ms").filter(|ms| *ms > 0);
        if let (Some(pace), Some(left), Some(quota), Some(window)) = (self.rest.http.pace(), left, quota, window) {
            let per_minute = u64::from(quota) * 60_000 / u64::from(window);
            pace.learn(left, quota, u32::try_from(per_minute).unwrap_or(u32::MAX)).await;
        }
        if answer.status == 429 {
            let wait = header("x-rate-limit-time-reset-ms").map(i64::from);
            if let (Some(pace), Some(wait)) = (self.rest.http.pace(), wait) {
                pace.hold(wait).await;
            }
            return Err(ChannelError::new(Class::Retry { after_ms: wait }, "the store's request budget is used up"));
        }
        answer.ok()
    }

    /// What the store holds for these variants.
    async fn held(&self, key: &str, values: &[&str]) -> Result<Vec<Held>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Held>,
        }
        let list = values.join(",");
        let answer = match &self.price_list {
            Some(own) => {
                let code = self.code();
                let query =
                    [(key, list.as_str()), ("currency", &code), ("include", "bulk_pricing_tiers"), ("limit", PAGE)];
                self.rest.get(&["pricelists", own, "records"], &query).await?
            }
            None => self.rest.get(&["catalog", "variants"], &[(key, list.as_str()), ("limit", PAGE)]).await?,
        };
        let page: Page = self.good(answer).await?.parse()?;
        let own =
            |held: &Held| held.currency.as_ref().is_none_or(|currency| currency.eq_ignore_ascii_case(&self.code()));
        Ok(page.data.into_iter().filter(own).collect())
    }

    async fn held_by_id(&self, ids: &[&str]) -> Result<Vec<Held>, ChannelError> {
        if self.price_list.is_some() {
            return self.held("variant_id:in", ids).await;
        }
        let [_, _, ..] = ids else { return self.held("id", ids).await };
        let mut held = self.held("id:in", ids).await?;
        // The reference lists the filter of one id only, so a variant that is missing among several is asked for alone
        // before it counts as gone.
        for id in ids {
            if !held.iter().any(|held| held.external() == *id) {
                held.extend(self.held("id", &[id]).await?);
            }
        }
        Ok(held)
    }

    /// Variants of products without options, which have the SKU of their product and are not found as variants
    /// (reference, "Get all variants", parameter sku).
    async fn base_variants(&self, sku: &str) -> Result<Vec<Held>, ChannelError> {
        #[derive(Deserialize)]
        struct Page {
            data: Vec<Product>,
        }
        let query = [("sku", sku), ("include", "variants"), ("limit", PAGE)];
        let answer = self.rest.get(&["catalog", "products"], &query).await?;
        let page: Page = self.good(answer).await?.parse()?;
        Ok(page.data.into_iter().filter_map(|product| product.base(sku)).collect())
    }

    fn body(&self, changes: &[&PriceChange]) -> Result<Vec<u8>, ChannelError> {
        let broken = |error: serde_json::Error| ChannelError::new(Class::Rejected, error.to_string());
        let parts = |change: &PriceChange| {
            let sale = change.sale.map(|_| number(change.price)).transpose()?;
            let price = number(change.sale.map_or(change.price, |sale| sale.regular))?;
            Ok::<_, ChannelError>((reference(&change.external)?, price, sale))
        };
        let parts: Vec<_> = changes.iter().map(|change| parts(change)).collect::<Result<_, _>>()?;
        if self.price_list.is_none() {
            let one = |(id, price, sale_price)| Variant { id, price, sale_price };
            return serde_json::to_vec(&parts.into_iter().map(one).collect::<Vec<_>>()).map_err(broken);
        }
        let kept = self.kept();
        let one = |(variant_id, price, sale_price)| {
            let record::Kept { retail_price, map_price, bulk_pricing_tiers } =
                kept.get(&variant_id).cloned().unwrap_or_default();
            let currency = self.code();
            Record { variant_id, currency, price, sale_price, retail_price, map_price, bulk_pricing_tiers }
        };
        serde_json::to_vec(&parts.into_iter().map(one).collect::<Vec<_>>()).map_err(broken)
    }

    /// Ends sales in the price list, where what is written without a sale price keeps the old one: deletes the records
    /// that have one and writes them again. They have been written once already, so the store takes their prices.
    async fn end_sales(&self, list: &str, changes: &[&PriceChange], door: &Door) -> Result<(), ChannelError> {
        let plain: Vec<&str> = changes.iter().filter(|c| c.sale.is_none()).map(|c| c.external.as_str()).collect();
        let mut deleted = BTreeSet::new();
        let mut ended = Ok(());
        for part in plain.chunks(MAX_READ) {
            ended = self.delete_reduced(list, part, &mut deleted).await;
            if ended.is_err() {
                break;
            }
        }
        // Also after an error: what is gone already has to be there again.
        let again: Vec<&PriceChange> =
            changes.iter().copied().filter(|change| deleted.contains(&change.external)).collect();
        if !again.is_empty() {
            let body = self.body(&again)?;
            let quotes = quoted(&body, self.currency, &self.kept());
            let pass = outgoing::pass(door, &again, body, quotes)?;
            let answer = self.rest.push(Method::PUT, &["pricelists", list, "records"], &[], pass).await?;
            self.good(answer).await?;
            self.restored(&again);
        }
        ended
    }

    async fn delete_reduced(
        &self,
        list: &str,
        externals: &[&str],
        deleted: &mut BTreeSet<String>,
    ) -> Result<(), ChannelError> {
        for held in self.held_by_id(externals).await?.iter().filter(|held| held.sale_price.is_some()) {
            let kept = held.kept().map_err(|why| ChannelError::new(Class::Rejected, why))?;
            // Noted first: a deletion without an answer may have been one.
            deleted.insert(held.external());
            let id = reference(&held.external())?;
            self.kept().insert(id, kept);
            let answer = self.rest.delete(&["pricelists", list, "records", &held.external(), &self.code()]).await?;
            self.good(answer).await?;
        }
        Ok(())
    }

    async fn update(&self, changes: &[&PriceChange], door: &Door) -> Result<Outcome, ChannelError> {
        let body = self.body(changes)?;
        let quotes = quoted(&body, self.currency, &self.kept());
        let pass = outgoing::pass(door, changes, body, quotes)?;
        let path: &[&str] = match &self.price_list {
            Some(list) => &["pricelists", list, "records"],
            None => &["catalog", "variants"],
        };
        let answer = self.rest.push(Method::PUT, path, &[], pass).await?;
        if answer.status == 422 {
            return partly(&answer, changes);
        }
        let answer = self.good(answer).await?;
        if let Some(list) = &self.price_list {
            // An upsert answers with an empty object.
            answer.json()?;
            self.restored(changes);
            // The prices are written by now, so whatever goes wrong from here on is for a read to tell.
            let unclear = |error: ChannelError| {
                ChannelError::new(Class::Unknown, format!("the sale could not be ended: {}", error.message))
            };
            self.end_sales(list, changes, door).await.map_err(unclear)?;
            return Ok(Outcome::Each(changes.iter().map(|_| Ok(Receipt { echoed: None })).collect()));
        }
        #[derive(Deserialize)]
        struct Done {
            data: Vec<Held>,
        }
        let done: Done = answer.parse()?;
        let one = |change: &&PriceChange| {
            let own = done.data.iter().find(|held| held.external() == change.external);
            let own = own.ok_or_else(|| answer.unclear("the answer lacks this variant"))?;
            let echoed = own.sale_price.as_ref().or(own.price.as_ref());
            Ok(Receipt { echoed: echoed.and_then(|text| amount::parse(text.get(), self.currency).ok()) })
        };
        Ok(Outcome::Each(changes.iter().map(one).collect()))
    }

    fn seen(&self, held: &Held) -> Seen {
        let shown = |text: &Option<Box<RawValue>>| {
            text.as_ref().map_or(Ok(None), |text| amount::shown(text.get(), self.currency))
        };
        // A variant without a price of its own has its product's, which `calculated_price` shows. It is what buyers pay,
        // also where a percentage has left it with more decimals than the currency has, so that no other field stands in.
        let first = |text| shown(text).transpose();
        let price = first(&held.calculated_price).or_else(|| first(&held.sale_price)).or_else(|| first(&held.price));
        found::crossed_out(found::shown(held.external(), price.transpose()), shown(&held.price))
    }
}

/// A 422 names its bad items; the others may have been saved or not.
fn partly(answer: &Answer, changes: &[&PriceChange]) -> Result<Outcome, ChannelError> {
    let body = answer.json()?;
    let errors = body.get("batch_errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |change: &PriceChange| {
        errors.iter().find(|error| {
            let data = error.get("data").unwrap_or(error);
            let id = data.get("variant_id").or_else(|| data.get("id")).map(Value::to_string);
            id.as_deref() == Some(change.external.as_str())
        })
    };
    if !changes.iter().any(|change| named(change).is_some()) {
        // The catalogue's errors name no item: halves find it.
        let title = errors.first().and_then(|error| text(error, "title")).or_else(|| text(&body, "title"));
        let text = format!("the store refuses the batch: {}", title.unwrap_or_else(|| "no reason".to_owned()));
        return Err(ChannelError::new(Class::Rejected, text));
    }
    let one = |change: &&PriceChange| match named(change) {
        Some(error) => {
            let words = error.get("field_errors").or_else(|| error.get("errors")).unwrap_or(&Value::Null);
            Err(ChannelError::new(Class::Rejected, format!("the store refuses the price: {words}")))
        }
        None => Err(ChannelError::new(Class::Unknown, "the batch had bad items; this one may have been saved")),
    };
    Ok(Outcome::Each(changes.iter().map(one).collect()))
}

#[async_trait]
impl Channel for BigCommerce {
    fn capabilities(&self) -> Capabilities {
        let list = self.price_list.is_some();
        Capabilities {
            readable: true,
            max_batch: if list { MAX_RECORDS } else { MAX_CATALOGUE },
            // The docs differ on whether one or two upserts may run at once.
            concurrency: 1,
            rewrites: list,
            sale: SaleSupport::Strike,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::of(changes, self.capabilities().max_batch);
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let ids: Vec<&str> = part.iter().map(String::as_str).collect();
            seen.extend(self.held_by_id(&ids).await?.iter().map(|held| self.seen(held)));
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        // The filter of one SKU is the one that the reference knows for the catalogue.
        for sku in skus {
            #[derive(Deserialize)]
            struct Page {
                data: Vec<Held>,
            }
            let answer = self.rest.get(&["catalog", "variants"], &[("sku", sku), ("limit", PAGE)]).await?;
            let page: Page = self.good(answer).await?.parse()?;
            let mut own: Vec<Held> =
                page.data.into_iter().filter(|held| held.sku.as_deref() == Some(sku.as_str())).collect();
            if own.is_empty() {
                own = self.base_variants(sku).await?;
            }
            matches.extend(own.iter().map(|held| {
                let price = if self.price_list.is_some() { None } else { self.seen(held).price };
                Match { sku: sku.clone(), external: held.external(), price, shut: None }
            }));
        }
        let mut matches = found::distinct(matches);
        if self.price_list.is_some() {
            let externals: Vec<String> = matches.iter().map(|one| one.external.clone()).collect();
            for (one, seen) in matches.iter_mut().zip(self.read(&externals).await?) {
                one.price = seen.price;
            }
        }
        Ok(matches)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = self.rest.get(&["catalog", "variants"], &[("limit", "1")]).await?;
        let answer = self.good(answer).await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        if let Some(list) = &self.price_list {
            let answer = self.rest.get(&["pricelists", list], &[]).await?;
            match answer.status {
                404 => problems.push(format!("the store has no price list {list}; set price_list")),
                403 => problems.push("the token may not see price lists; give it the scope price lists modify".into()),
                _ => {
                    let list = self.good(answer).await?.json()?;
                    if list.pointer("/data/active") == Some(&json!(false)) {
                        problems.push("the price list is switched off, so nobody sees its prices".to_owned());
                    }
                }
            }
        }
        let (about, by_hand) = match &self.price_list {
            None => ("BigCommerce catalogue".to_owned(), "currency and tax"),
            Some(list) => (format!("BigCommerce price list {list}"), "tax"),
        };
        let note = format!("the store does not tell everything; compare {by_hand} with its settings by hand");
        Ok(Probe::of(about, problems).noting([note]))
    }
}
