//! bol through the Retailer API v10. Facts that shape this file:
//!
//! - A price is accepted with 202 and a process status; only that says whether it was applied, so a read looks it up.
//! - `pricing` is replaced as a whole: up to four volume steps. One step is decided, so one is sent.
//! - The media type carries the version; another one is an error.
//! - A price that bol finds far too high stays in the offer, and the offer is not shown to buyers any more.
//! - Offers cannot be looked up by the seller's reference: the export of all offers is the way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toml::Table;
use url::Url;

use super::wire::amount::{self, Shown};
use super::wire::found;
use super::wire::http::{self, Answer, Call, Http};
use super::wire::jobs::Jobs;
use super::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use super::wire::session::{Bearer, Session};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::Currency;
use crate::publish::gate::{Door, GateError, Quote};

pub const KIND: Kind = Kind {
    name: "bol",
    about: "bol offers by SKU (the offer's reference), gross EUR, with the process status of each change looked up",
    example: r#"[channels.bol]
kind = "bol"
client_id = "01234567-89ab-cdef-0123-456789abcdef"
client_secret = "${BOL_CLIENT_SECRET}"   # partner platform, settings, Retailer API
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Bol::new(build(table)?, setting)?)),
};

/// Characters of bol's own words that are repeated.
const MAX_WORDS: usize = 200;
const API: &str = "https://api.bol.com";
const TOKEN: &str = "https://login.bol.com/token";
const MEDIA_TYPE: &str = "application/vnd.retailer.v10+json";
const CSV_TYPE: &str = "application/vnd.retailer.v10+csv";
/// `unitPrice` of the API's schema, in EUR.
const LEAST: i64 = 100;
const MOST: i64 = 999_900;
/// Until the headers `x-ratelimit-*` of the first answer say otherwise.
const BURST: u32 = 20;
const PER_MINUTE: u32 = 600;
/// An export of offers is waited for this long, in growing steps.
const EXPORT_WAITS_MS: [u64; 9] = [100, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    client_id: String,
    client_secret: SecretString,
    api_url: Option<Url>,
    token_url: Option<Url>,
}

/// The checked settings.
struct Retailer {
    base: Url,
    client: Client,
}

fn build(table: &Table) -> Result<Retailer, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    Ok(Retailer {
        base: http::vendor_url("api_url", settings.api_url.as_ref(), API)?,
        client: Client {
            token_url: http::vendor_url("token_url", settings.token_url.as_ref(), TOKEN)?,
            id: settings.client_id,
            secret: settings.client_secret,
            auth: ClientAuth::Basic,
            grant: Grant::ClientCredentials { scope: String::new() },
        },
    })
}

struct Bol {
    base: Url,
    session: Session,
    clock: Clock,
    jobs: Jobs,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    pricing: Pricing,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pricing {
    bundle_prices: Vec<Step>,
}

/// The price of one piece from a quantity on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Step {
    quantity: u32,
    unit_price: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    process_status_id: Option<String>,
    entity_id: Option<String>,
    status: String,
    error_message: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Offer {
    pricing: Pricing,
    #[serde(default)]
    not_publishable_reasons: Vec<Unpublished>,
}

/// Why bol does not show an offer to buyers.
#[derive(Debug, Deserialize)]
struct Unpublished {
    #[serde(default)]
    code: String,
    #[serde(default)]
    description: String,
}

impl Offer {
    /// bol's words, if it keeps the offer from buyers because of its price; it has other reasons too, such as holidays.
    fn unpublished_for_its_price(&self) -> Option<String> {
        let about_price = |one: &&Unpublished| {
            let words = one.description.to_lowercase();
            ["price", "prijs"].iter().any(|word| words.contains(word))
        };
        let own = self.not_publishable_reasons.iter().find(about_price)?;
        let words: String = own.description.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        Some(format!("bol does not publish the offer: {words} ({})", own.code))
    }
}

impl Pricing {
    /// What one piece costs.
    fn single(&self) -> Result<Option<Shown>, String> {
        let step = self.bundle_prices.iter().find(|step| step.quantity == 1);
        step.map_or(Ok(None), |step| amount::shown(step.unit_price.get(), Currency::EUR))
    }
}

impl Bol {
    fn new(retailer: Retailer, setting: &Setting) -> Result<Self, String> {
        let http = Http::new(setting)?;
        let (name, clock, vault) = (setting.name.clone(), setting.clock.clone(), Arc::clone(&setting.vault));
        let pace = setting.shared.pace(&[&"requests", &retailer.base.as_str(), &retailer.client.id], BURST, PER_MINUTE);
        let tokens = Tokens::new(http.clone(), retailer.client, name, clock.clone(), vault);
        let session = Session::new(http.paced(pace), tokens, Bearer::Standard);
        Ok(Self { base: retailer.base, session, clock, jobs: Jobs::default() })
    }

    fn call(&self, method: Method, segments: &[&str], accept: &'static str) -> Call {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Call::json(method, http::place(&self.base, segments, &[]), headers).typed(MEDIA_TYPE)
    }

    async fn get(&self, segments: &[&str]) -> Result<Answer, ChannelError> {
        let answer = self.session.ask(self.call(Method::GET, segments, MEDIA_TYPE), Vec::new()).await?;
        self.learn(&answer).await;
        Ok(answer)
    }

    /// The vendor counts for each of its endpoints and says what is left; the tightest one sets the pace.
    async fn learn(&self, answer: &Answer) {
        let number = |name: &str| answer.header(name)?.trim().parse::<u32>().ok();
        let (limit, left) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"));
        let reset = number("x-ratelimit-reset").unwrap_or(60).max(1);
        if let (Some(limit), Some(0), Some(pace)) = (limit, left, self.session.http().pace()) {
            pace.learn(0, limit, limit.saturating_mul(60) / reset).await;
        }
    }

    async fn send(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        if !(LEAST..=MOST).contains(&amount::minor(change.price)?) {
            return Err(ChannelError::new(Class::Rejected, "bol takes prices from 1 to 9999 EUR"));
        }
        let unit_price =
            amount::number(change.price.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))?;
        let body = Body { pricing: Pricing { bundle_prices: vec![Step { quantity: 1, unit_price }] } };
        let body = serde_json::to_vec(&body).map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))?;
        let quoted = quoted(&change.external, &body)?;
        let pass = door.narrowed(&[change.external.as_str()]).check(body, &quoted)?;
        let call = self.call(Method::PUT, &["retailer", "offers", &change.external, "price"], MEDIA_TYPE);
        let answer = self.session.push(call, pass).await?;
        self.learn(&answer).await;
        let process: Process = answer.ok()?.parse()?;
        if process.status == "FAILURE" {
            return Err(ChannelError::new(Class::Rejected, process.sentence()));
        }
        if let Some(id) = &process.process_status_id {
            self.jobs.remember([change.external.as_str()].into_iter(), id);
        }
        Ok(Receipt { echoed: None })
    }

    async fn process(&self, id: &str) -> Result<Process, ChannelError> {
        self.get(&["shared", "process-status", id]).await?.ok()?.parse()
    }

    /// Why changes of these listings were not applied, as far as it is known.
    async fn refusals(&self, externals: &[String]) -> Result<HashMap<String, String>, ChannelError> {
        let mut refused = HashMap::new();
        for (id, waiting) in self.jobs.waiting(externals) {
            let process = self.process(&id).await?;
            if process.status == "PENDING" {
                continue;
            }
            if process.status != "SUCCESS" {
                refused.extend(waiting.iter().map(|external| (external.clone(), process.sentence())));
            }
            self.jobs.read(&id, &waiting);
        }
        Ok(refused)
    }

    /// All offers: reference, offer id, price.
    async fn export(&self) -> Result<Vec<Row>, ChannelError> {
        let call = self.call(Method::POST, &["retailer", "offers", "export"], MEDIA_TYPE);
        let mut process: Process = self.session.ask(call, br#"{"format":"CSV"}"#.to_vec()).await?.ok()?.parse()?;
        let late = |text: &str| ChannelError::new(Class::Retry { after_ms: None }, text);
        let id = process.process_status_id.clone().ok_or_else(|| late("bol names no process for the export"))?;
        for wait in EXPORT_WAITS_MS {
            if process.status != "PENDING" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            process = self.process(&id).await?;
        }
        let report = process.entity_id.clone().filter(|_| process.status == "SUCCESS");
        let report = report.ok_or_else(|| late(&format!("the export of offers: {}", process.sentence())))?;
        let call = self.call(Method::GET, &["retailer", "offers", "export", &report], CSV_TYPE);
        let answer = self.session.ask(call, Vec::new()).await?.ok()?;
        let rows = csv::Reader::from_reader(answer.body.as_slice()).into_deserialize().collect::<Result<_, _>>();
        rows.map_err(|why: csv::Error| answer.unclear(format!("the export of offers is no CSV that we know: {why}")))
    }
}

/// A line of the export; more columns are bol's own business.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    offer_id: String,
    #[serde(default)]
    reference_code: String,
    #[serde(default)]
    bundle_prices_price: String,
}

impl Process {
    fn sentence(&self) -> String {
        let words = self.error_message.as_deref().unwrap_or("no reason given");
        format!("bol's process ended as {}: {words}", self.status)
    }
}

/// The offer stands in the request's path.
fn quoted(external: &str, body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let body: Body = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let steps = body.pricing.bundle_prices.iter();
    steps
        .map(|step| match step.quantity {
            1 => amount::parse(step.unit_price.get(), Currency::EUR)
                .map(|price| Quote::new(external, price))
                .map_err(GateError::Unreadable),
            other => Err(GateError::Unreadable(format!("a price for {other} pieces, which nobody decided"))),
        })
        .collect()
}

#[async_trait]
impl Channel for Bol {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            concurrency: 2,
            visible_after_ms: 10 * Millis::SECOND,
            partial: PartialFailure::Single,
            read_back: ReadBack::Submitted,
            ..Capabilities::cautious(Currency::EUR, Tax::Gross)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            results.push(self.send(change, door).await);
        }
        results
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        // The process first: a price that is applied between the two questions is then still seen.
        let mut refused = self.refusals(externals).await?;
        let mut seen = Vec::with_capacity(externals.len());
        for external in externals {
            let answer = self.get(&["retailer", "offers", external]).await?;
            let (price, unpublished) = if answer.status == 404 {
                (Ok(None), None)
            } else {
                let offer: Offer = answer.ok()?.parse()?;
                (offer.pricing.single(), offer.unpublished_for_its_price())
            };
            // Whoever reads the offer sees its price; buyers see neither.
            let (disputed, complaint) = (unpublished.clone(), unpublished);
            let shown = found::shown(external.clone(), price);
            let refused = refused.remove(external).or_else(|| shown.refused.clone());
            seen.push(Seen { refused, complaint, disputed, ..shown });
        }
        Ok(seen)
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut by_sku: HashMap<&str, Vec<&Row>> = HashMap::new();
        let rows = self.export().await?;
        for row in &rows {
            by_sku.entry(row.reference_code.as_str()).or_default().push(row);
        }
        let mut found = Vec::new();
        for sku in skus {
            for row in by_sku.get(sku.as_str()).map_or(&[][..], Vec::as_slice) {
                // Volume prices stand in one field; then a read tells the price.
                let price = amount::parse(&row.bundle_prices_price, Currency::EUR).ok();
                found.push(Match { sku: sku.clone(), external: row.offer_id.clone(), price, shut: None });
            }
        }
        Ok(found)
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        // No offer has this id; the credentials are looked at first.
        let answer = self.get(&["retailer", "offers", "00000000-0000-0000-0000-000000000000"]).await?;
        let problems = answer.skew(self.clock.now()).into_iter().collect();
        if answer.status != 404 {
            answer.ok()?;
        }
        Ok(Probe::of("bol Retailer API v10", problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::WirePrice;

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let of = |steps: &str| quoted("o", format!(r#"{{"pricing":{{"bundlePrices":[{steps}]}}}}"#).as_bytes());
        let good = r#"{"quantity":1,"unitPrice":19.9}"#;
        assert_eq!(of(good).unwrap(), vec![Quote::new("o", WirePrice::from_minor(1_990, Currency::EUR))]);
        for sneaky in [
            format!(r#"{good},{{"quantity":2,"unitPrice":1}}"#),
            good.replace("19.9", "19.905"),
            good.replace("\"quantity\"", "\"price\":1,\"quantity\""),
        ] {
            assert!(of(&sneaky).is_err(), "{sneaky}");
        }
    }
}
