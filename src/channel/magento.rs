//! Adobe Commerce and Magento 2 through their REST API, at once or by the bulk queue. Facts that shape this file:
//!
//! - Base and special prices have calls of their own; a special price ends by a delete call that names it exactly.
//! - A synchronous call answers with its problems, and an empty list means that everything was written. The SKU of a
//!   problem stands in its `parameters`.
//! - The queue answers "accepted" and needs a running consumer: a job that stays open means that the consumer is down.
//! - Prices belong to store 0 unless the price scope is "website"; rows of other stores hide ours, so all are read.
//! - The special price of a bundle is a percentage.
//! - A net price is rounded to cents before tax is added (`UnitBaseCalculator` in the vendor's source), so prices have the
//!   decimals of their currency although the column keeps more.
//! - The window of a special price is kept by the shop, by the day in its own time zone, which is neither the first nor
//!   the last second of a sale of ours: the lane sets and clears the price itself, and the window is only a backstop. With
//!   staging an overlapping window is refused.

mod bodies;
mod kind;
mod shown;
mod staging;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Table;
use url::Url;

use super::wire::found;
use super::wire::graphql::text;
use super::wire::http::{self, Answer, Http};
use super::wire::jobs::Jobs;
use super::wire::rest::Rest;
use super::wire::worklist::Worklist;
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::Currency;
use crate::publish::gate::Door;
use shown::{Days, Now, Row};
use staging::Edition;

pub const KIND: Kind = Kind {
    name: "magento",
    about: "Adobe Commerce or Magento 2 shop: base and special prices by SKU, at once or by the bulk queue",
    example: r#"[channels.magento]
kind = "magento"
url = "https://shop.example"        # where /rest is
access_token = "${MAGENTO_TOKEN}"   # an integration's, with Catalog and Stores (and Bulk Actions for the queue)
store = "all"                       # store view code in the path
store_id = 0                        # 0 unless the catalogue's price scope is "website"
queue = false                       # true: write by the bulk queue; its consumer must run
currency = "EUR"                    # the base currency
tax = "gross"                       # gross if "catalog prices" are set to include tax
drift = "alert"                     # alert, reassert or adopt
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Magento::new(table, setting)?)),
};

/// Where input limits are on, a synchronous call takes 20 items and the queue 5,000 (docs, "Input limits").
const MAX_SYNC: usize = 20;
const MAX_QUEUED: usize = 500;
/// No bulk has this number; whether it may be asked for is looked at first.
const NO_BULK: &str = "00000000-0000-0000-0000-000000000000";
const MAX_READ: usize = 20;
/// The queue's consumer starts once a minute by cron.
const QUEUE_DELAY_MS: i64 = 2 * Millis::MINUTE;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    url: Url,
    access_token: SecretString,
    store: String,
    #[serde(default)]
    store_id: u32,
    #[serde(default)]
    queue: bool,
    currency: String,
    tax: Tax,
}

struct Magento {
    rest: Rest,
    /// What the shop tells everybody, outside of its API.
    shop: Rest,
    edition: Edition,
    store: String,
    store_id: u32,
    queue: bool,
    currency: Currency,
    tax: Tax,
    clock: Clock,
    /// Operations of the queue, `BULK#PLACE`.
    jobs: Jobs,
}

fn build(table: &Table) -> Result<(Url, HeaderMap, Settings), String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let base = http::place(&http::secure_base(&settings.url)?, &["rest"], &[]);
    let mut headers = HeaderMap::new();
    http::secret_header(&mut headers, "authorization", &format!("Bearer {}", settings.access_token.expose_secret()))?;
    if settings.store.is_empty() {
        return Err("store must be a store view's code, or \"all\"".to_owned());
    }
    super::currency(&settings.currency)?;
    Ok((base, headers, settings))
}

impl Magento {
    fn new(table: &Table, setting: &Setting) -> Result<Self, String> {
        let (base, headers, settings) = build(table)?;
        let http = Http::new(setting)?;
        Ok(Self {
            shop: Rest::new(http.clone(), http::secure_base(&settings.url)?, HeaderMap::new()),
            edition: Edition::default(),
            rest: Rest::new(http, base, headers),
            store: settings.store,
            store_id: settings.store_id,
            queue: settings.queue,
            currency: super::currency(&settings.currency)?,
            tax: settings.tax,
            clock: setting.clock.clone(),
            jobs: Jobs::default(),
        })
    }

    /// Rows of `base-prices-information` or `special-price-information`.
    async fn rows(&self, call: &str, skus: &[&str]) -> Result<Vec<Row>, ChannelError> {
        let path = [self.store.as_str(), "V1", "products", call];
        taken(self.rest.ask(Method::POST, &path, &json!({ "skus": skus })).await?)?.parse()
    }

    /// Why the queue did not do what these listings wait for, as far as it says.
    async fn failures(&self, externals: &[String]) -> Result<Vec<(String, String)>, ChannelError> {
        let mut failed = Vec::new();
        let mut bulks: Vec<(String, Value)> = Vec::new();
        for (job, listings) in self.jobs.waiting(externals) {
            let Some((bulk, place)) = job.split_once('#') else { continue };
            if !bulks.iter().any(|(known, _)| known == bulk) {
                let path = [self.store.as_str(), "V1", "bulk", bulk, "detailed-status"];
                bulks.push((bulk.to_owned(), taken(self.rest.get(&path, &[]).await?)?.json()?));
            }
            let status = bulks.iter().find(|(known, _)| known == bulk).map(|(_, status)| status);
            let operations = status.and_then(|status| status.get("operations_list")).and_then(Value::as_array);
            let own = |operation: &&Value| operation.get("id").map(Value::to_string).as_deref() == Some(place);
            let Some(operation) = operations.and_then(|list| list.iter().find(own)) else { continue };
            match operation.get("status").and_then(Value::as_u64) {
                // Open: the consumer has not come to it.
                Some(4) | None => continue,
                // 2 may be tried again, 3 and 5 are final; an operation's own problems stand in its result.
                Some(state @ (2 | 3 | 5)) => {
                    let why = text(operation, "result_message").unwrap_or_else(|| format!("state {state}"));
                    failed.extend(listings.iter().map(|sku| (sku.clone(), why.clone())));
                }
                Some(_) => {}
            }
            self.jobs.read(&job, &listings);
        }
        Ok(failed)
    }

    /// A right that the integration lacks. Reading prices in bulk takes the same one as writing them (both stand under
    /// `Magento_Catalog::catalog` in the module's `webapi.xml`), so a question that names no product shows it.
    async fn missing_right(&self) -> Result<Option<String>, ChannelError> {
        let denied = |answer: &Answer| matches!(answer.status, 401 | 403);
        let path = [self.store.as_str(), "V1", "products", "base-prices-information"];
        let answer = self.rest.ask(Method::POST, &path, &json!({ "skus": [] })).await?;
        if denied(&answer) {
            return Ok(Some("the integration may not write prices; give it the resource Catalog".to_owned()));
        }
        // A version that wants a SKU says so, and only to those who may ask.
        if answer.status != 400 && answer.status != 404 {
            answer.ok()?;
        }
        if !self.queue {
            return Ok(None);
        }
        let bulk = self.rest.get(&[self.store.as_str(), "V1", "bulk", NO_BULK, "detailed-status"], &[]).await?;
        let why = "the integration may not read what became of its queue; give it the resource Bulk Actions";
        Ok(denied(&bulk).then(|| why.to_owned()))
    }

    /// What decides which of these rows are in force: the shop's own days only where the zone makes a difference, since
    /// that is a question more.
    async fn moment(&self, special: &[Row]) -> Result<Now, ChannelError> {
        if !special.is_empty() && self.staged().await? {
            return Ok(Now::Instant(self.clock.now()));
        }
        let anywhere = Days::anywhere(self.clock.now());
        if !special.iter().any(|row| anywhere.disagree_on(row)) {
            return Ok(Now::Days(anywhere));
        }
        let answer = self.rest.get(&[&self.store, "V1", "store", "storeConfigs"], &[]).await?;
        if matches!(answer.status, 401 | 403) {
            // A token without this right still reads prices.
            return Ok(Now::Days(anywhere));
        }
        Ok(Now::Days(Days::of_stores(&answer.ok()?.json()?, self.clock.now()).unwrap_or(anywhere)))
    }

    fn seen(&self, sku: &str, base: &[Row], special: &[Row], now: &Now) -> Option<Seen> {
        shown::seen(sku, (self.store_id, self.currency), base, special, now)
    }
}

/// An answer that is a success. Since 2.4.4 a shop takes an integration's token only after a switch was set, and says of one
/// that it does not take what it says of one that lacks a right.
fn taken(answer: Answer) -> Result<Answer, ChannelError> {
    answer.ok().map_err(|error| match error.class {
        Class::Refused if error.message.contains("(401)") => {
            let switch = "either the integration lacks the right, or the shop takes no integration's token before `bin/magento config:set oauth/consumer/enable_integration_as_bearer 1`; see docs/channels/magento.md";
            ChannelError::new(Class::Refused, format!("{}; {switch}", error.message))
        }
        _ => error,
    })
}

#[async_trait]
impl Channel for Magento {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            max_batch: if self.queue { MAX_QUEUED } else { MAX_SYNC },
            // One writer keeps base and special prices of one SKU in order.
            concurrency: 1,
            visible_after_ms: if self.queue { QUEUE_DELAY_MS } else { 0 },
            sale: SaleSupport::Strike,
            partial: PartialFailure::PerItem,
            read_back: ReadBack::Submitted,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let work = Worklist::of(changes, self.capabilities().max_batch);
        work.through(changes, |batch| async move { self.update(&batch, door).await }).await
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let failed = self.failures(externals).await?;
        let mut seen = Vec::with_capacity(externals.len());
        for part in externals.chunks(MAX_READ) {
            let skus: Vec<&str> = part.iter().map(String::as_str).collect();
            let base = self.rows("base-prices-information", &skus).await?;
            let special = self.rows("special-price-information", &skus).await?;
            let now = self.moment(&special).await?;
            seen.extend(skus.iter().filter_map(|sku| self.seen(sku, &base, &special, &now)));
        }
        for one in &mut seen {
            if let Some((_, why)) = failed.iter().find(|(sku, _)| *sku == one.external) {
                one.refused = Some(format!("the queue failed: {why}"));
            }
        }
        Ok(found::in_order(externals, seen))
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut matches = Vec::new();
        for part in skus.chunks(MAX_READ) {
            let names: Vec<&str> = part.iter().map(String::as_str).collect();
            let path = [self.store.as_str(), "V1", "products", "base-prices-information"];
            let answer = self.rest.ask(Method::POST, &path, &json!({ "skus": names })).await?;
            // Some versions refuse the whole question for one unknown SKU; then each is asked alone.
            let base: Vec<Row> = if answer.status == 400 || answer.status == 404 {
                let mut rows = Vec::new();
                for name in &names {
                    let alone = self.rest.ask(Method::POST, &path, &json!({ "skus": [name] })).await?;
                    if alone.status != 400 && alone.status != 404 {
                        rows.extend(alone.ok()?.parse::<Vec<Row>>()?);
                    }
                }
                rows
            } else {
                taken(answer)?.parse()?
            };
            // What buyers pay now is what may become ours, so a special price that runs counts.
            let known: Vec<&str> =
                names.iter().copied().filter(|name| base.iter().any(|row| row.sku == *name)).collect();
            let special =
                if known.is_empty() { vec![] } else { self.rows("special-price-information", &known).await? };
            let now = self.moment(&special).await?;
            let own = part.iter().filter_map(|sku| Some((sku, self.seen(sku, &base, &special, &now)?)));
            matches.extend(own.map(|(sku, seen)| Match {
                sku: sku.clone(),
                external: sku.clone(),
                price: seen.price,
                shut: None,
            }));
        }
        Ok(found::distinct(matches))
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let answer = taken(self.rest.get(&[&self.store, "V1", "store", "storeConfigs"], &[]).await?)?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let configs = answer.json()?;
        let currencies: Vec<String> =
            configs.as_array().into_iter().flatten().filter_map(|config| text(config, "base_currency_code")).collect();
        if let Some(other) = currencies.iter().find(|code| *code != self.currency.code()) {
            problems.push(format!("the shop's base currency is {other}; set currency = \"{other}\""));
        }
        problems.extend(self.missing_right().await?);
        let note =
            "the shop does not tell its tax settings; compare tax with Stores, Configuration, Tax, Catalog Prices";
        Ok(Probe::of("Magento shop", problems).noting([note.to_owned()]))
    }
}
