//! Amazon through the Selling Partner API: Listings Items 2021-08-01, and the feed `JSON_LISTINGS_FEED` for many prices
//! at once. Facts that shape this file:
//!
//! - `attributes` is what was submitted, `offers` what buyers see, `issues` why not: a read compares `offers`.
//! - `replace` swaps the offer of its selectors (marketplace, currency, audience) as a whole: without `discounted_price`
//!   a sale is gone, and so are a repricer's minimum and maximum, which would refuse later prices.
//! - A seller closes a listing by an end of that offer in the past; replacing it without would put it on sale again. So
//!   the submitted offer is read first: a closed one takes no price, another one keeps its start and its end.
//! - `ACCEPTED` is not live. A feed can overtake a single update, so one channel uses one of the two ways.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use toml::Table;
use url::Url;

use super::wire::http::{self, Answer, Call, Http};
use super::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use super::wire::session::{Bearer, Session};
use super::wire::{amount, found};
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, PartialFailure, PriceChange, Probe, ReadBack, Receipt,
    SaleSupport, Seen, Setting, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::{Currency, Decimal, WirePrice};
use crate::publish::gate::{Door, GateError, Quote};

mod listing;
mod submission;

use listing::{Found, Listings, Window};
use submission::{FEED_BURST, FEEDS_PER_MINUTE, Feeds};

pub const KIND: Kind = Kind {
    name: "amazon",
    about: "Amazon marketplace offers by SKU through the Selling Partner API, read back as buyers see them",
    example: r#"[channels.amazon-de]
kind = "amazon"
seller_id = "A2EXAMPLE"
marketplace_id = "A1PA6795UKMFR9"          # Germany; one channel per marketplace
client_id = "amzn1.application-oa2-client.example"
client_secret = "${AMAZON_CLIENT_SECRET}"
refresh_token = "${AMAZON_REFRESH_TOKEN}"  # role "Product Listing"
currency = "EUR"
api_url = "https://sellingpartnerapi-eu.amazon.com"  # -na for America, -fe for the Far East
write = "patch"                            # "feed" sends up to 2,000 prices at once and takes minutes longer
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| Ok(Arc::new(Amazon::new(build(table)?, setting)?)),
};

/// Listings Items API, usage plans: 5 requests a second, burst 5, for each pair of application and seller.
const BURST: u32 = 5;
const PER_MINUTE: u32 = 300;
/// Prices of one feed. The vendor takes 25,000 messages (Feeds API, JSON_LISTINGS_FEED guide); of these, their offers are
/// looked at in 20 seconds, twenty a request, which is well within the lane's lease.
const MAX_FEED: usize = 2_000;
/// A sale "until further notice" gets this end, since Amazon wants one; it is sent again long before.
const OPEN_END_MS: i64 = 5 * 365 * Millis::DAY;
/// What a sale price applies to: every buyer. Business prices are offers of their own.
const AUDIENCE: &str = "ALL";
const EUROPE: &str = "https://sellingpartnerapi-eu.amazon.com";
const LOGIN: &str = "https://api.amazon.com/auth/o2/token";
const OFFER_PATH: &str = "/attributes/purchasable_offer";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    seller_id: String,
    marketplace_id: String,
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    currency: String,
    api_url: Option<Url>,
    token_url: Option<Url>,
    #[serde(default)]
    write: Write,
}

/// How prices are submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Write {
    #[default]
    Patch,
    Feed,
}

/// The checked settings.
struct Account {
    base: Url,
    seller: String,
    marketplace: String,
    currency: Currency,
    write: Write,
    client: Client,
}

fn build(table: &Table) -> Result<Account, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let token_url = http::vendor_url("token_url", settings.token_url.as_ref(), LOGIN)?;
    let base = http::vendor_url("api_url", settings.api_url.as_ref(), EUROPE)?;
    for (key, value) in [("seller_id", &settings.seller_id), ("marketplace_id", &settings.marketplace_id)] {
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(format!("{key} must be Amazon's id of letters and digits"));
        }
    }
    Ok(Account {
        base,
        seller: settings.seller_id,
        marketplace: settings.marketplace_id,
        currency: super::currency(&settings.currency)?,
        write: settings.write,
        client: Client {
            token_url,
            id: settings.client_id,
            secret: settings.client_secret,
            auth: ClientAuth::Body,
            grant: Grant::RefreshToken { first: settings.refresh_token, scope: String::new() },
        },
    })
}

struct Amazon {
    account: Account,
    clock: Clock,
    listings: Listings,
    feeds: Feeds,
}

impl Amazon {
    fn new(account: Account, setting: &Setting) -> Result<Self, String> {
        let http = Http::new(setting)?;
        let (name, clock, vault) = (setting.name.clone(), setting.clock.clone(), Arc::clone(&setting.vault));
        let tokens = Tokens::new(http.clone(), account.client.clone(), name, clock.clone(), vault);
        // Requests are counted for an application and seller, feeds for a seller and region: marketplaces share both.
        let (region, seller) = (account.base.as_str(), &account.seller);
        let requests = setting.shared.pace(&[&"requests", &region, seller, &account.client.id], BURST, PER_MINUTE);
        let feeds = setting.shared.pace(&[&"feeds", &region, seller], FEED_BURST, FEEDS_PER_MINUTE);
        let paced = http.clone().paced(requests);
        let session = Arc::new(Session::new(paced, tokens, Bearer::Own("x-amz-access-token")).refusing(about_token));
        let listings = Listings::new(Arc::clone(&session), &account);
        let feeds = Feeds::new(session, http, &account, feeds);
        Ok(Self { account, clock, listings, feeds })
    }

    async fn patch(&self, change: &PriceChange, door: &Door) -> Result<Receipt, ChannelError> {
        let (product_type, sku) = split(&change.external)?;
        let window = self.listings.windows(&[sku]).await?.remove(sku).unwrap_or_default();
        let patches = vec![self.patched(change, window)?];
        let body = PatchBody { product_type: product_type.to_owned(), patches };
        let body = encode(&body)?;
        let quoted = quoted_patch(&body, sku)?;
        let pass = door.narrowed(&[change.external.as_str()]).check(body, &quoted)?;
        let url = self.listings.item_url(sku);
        let answer = self.listings.session.push(Call::json(Method::PATCH, url, HeaderMap::new()), pass).await?;
        learn(&self.listings.session, &answer).await;
        let answer = answer.ok()?;
        let submitted: Submitted = answer.parse()?;
        match submitted.status.as_str() {
            "ACCEPTED" => Ok(Receipt { echoed: None }),
            "INVALID" => {
                let why = submitted.issues.iter().find(|issue| issue.severity == "ERROR");
                let why = why.map_or_else(|| "no reason given".to_owned(), Issue::sentence);
                Err(ChannelError::new(Class::Rejected, format!("Amazon refuses the price: {why}")))
            }
            other => Err(answer.unclear(format!("Amazon answers with the status {other}"))),
        }
    }

    /// One feed for all prices that listings take; the others are refused one by one.
    async fn feed(
        &self,
        changes: &[PriceChange],
        door: &Door,
    ) -> Result<Vec<Result<Receipt, ChannelError>>, ChannelError> {
        let skus: Vec<&str> =
            changes.iter().map(|c| split(&c.external).map(|(_, sku)| sku)).collect::<Result<_, _>>()?;
        let mut windows = self.listings.windows(&skus).await?;
        let patch =
            |(change, sku): (&PriceChange, &&str)| self.patched(change, windows.remove(*sku).unwrap_or_default());
        let patches: Vec<Result<Patch, ChannelError>> = changes.iter().zip(&skus).map(patch).collect();
        let mut results = Vec::with_capacity(changes.len());
        let mut messages = Vec::with_capacity(changes.len());
        for (change, patch) in changes.iter().zip(patches) {
            results.push(patch.map(|patch| {
                messages.push((change, patch));
                Receipt { echoed: None }
            }));
        }
        if messages.is_empty() {
            return Ok(results);
        }
        let sent = self.feeds.submit(messages, door).await;
        Ok(results.into_iter().map(|result| result.and_then(|receipt| sent.clone().map(|()| receipt))).collect())
    }

    /// The one patch of a price: the whole offer for its selectors.
    fn patched(&self, change: &PriceChange, window: Window) -> Result<Patch, ChannelError> {
        window.still_open(self.clock.now())?;
        let regular = change.sale.map_or(change.price, |sale| sale.regular);
        let discounted = change.sale.map(|sale| {
            let end = sale.ends_at.unwrap_or_else(|| sale.starts_at.plus(OPEN_END_MS));
            let window = Some((sale.starts_at.to_string(), end.to_string()));
            Ok::<_, ChannelError>(vec![Scheduled { schedule: vec![Slot::new(change.price, window)?] }])
        });
        Ok(Patch {
            op: "replace".to_owned(),
            path: OFFER_PATH.to_owned(),
            value: vec![Offer {
                marketplace_id: self.account.marketplace.clone(),
                currency: change.price.currency().code().to_owned(),
                audience: AUDIENCE.to_owned(),
                start_at: window.start_at.map(|value| Moment { value }),
                end_at: window.end_at.map(|value| Moment { value }),
                our_price: vec![Scheduled { schedule: vec![Slot::new(regular, None)?] }],
                discounted_price: discounted.transpose()?,
            }],
        })
    }

    fn seen(&self, external: &str, found: Option<&Found>) -> Seen {
        let Some(found) = found else { return Seen::plain(external.to_owned(), None) };
        // The crossed-out price of `attributes` is what was submitted, not what is shown.
        Seen { complaint: found.complaint.clone(), ..found::shown(external.to_owned(), found.price.clone()) }
    }
}

/// Amazon tells its rate only in passing; after a 429 it is believed at once.
async fn learn(session: &Session, answer: &Answer) {
    let rate = answer.header("x-amzn-ratelimit-limit").and_then(|text| crate::money::decimal(text).ok());
    let per_minute = rate.and_then(|rate| rate.checked_mul(Decimal::from(60)));
    let per_minute = per_minute.and_then(|rate| u32::try_from(rate.trunc()).ok()).filter(|rate| *rate > 0);
    if let (429, Some(per_minute), Some(pace)) = (answer.status, per_minute, session.http().pace()) {
        pace.learn(0, BURST, per_minute).await;
    }
}

/// `PRODUCT_TYPE/SKU`, as [`Channel::find`] makes it. Product types have no slash, SKUs may.
fn split(external: &str) -> Result<(&str, &str), ChannelError> {
    let parts = external.split_once('/').filter(|(kind, sku)| !kind.is_empty() && !sku.is_empty());
    parts.ok_or_else(|| ChannelError::new(Class::Rejected, "the listing's reference is not PRODUCT_TYPE/SKU"))
}

fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>, ChannelError> {
    serde_json::to_vec(body).map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PatchBody {
    product_type: String,
    patches: Vec<Patch>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    op: String,
    path: String,
    value: Vec<Offer>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Offer {
    marketplace_id: String,
    currency: String,
    audience: String,
    /// The window of the offer itself, as its seller has set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_at: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_at: Option<Moment>,
    our_price: Vec<Scheduled>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discounted_price: Option<Vec<Scheduled>>,
}

/// Amazon packs the times of an offer, but not those of a sale, into an object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    value: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scheduled {
    schedule: Vec<Slot>,
}

/// A price, with a window when it is a sale.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slot {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_at: Option<String>,
    value_with_tax: Box<RawValue>,
}

impl Slot {
    fn new(price: WirePrice, window: Option<(String, String)>) -> Result<Self, ChannelError> {
        let value = amount::number(price.amount()).map_err(|why| ChannelError::new(Class::Rejected, why))?;
        let (start_at, end_at) = window.unzip();
        Ok(Self { start_at, end_at, value_with_tax: value })
    }
}

/// Reads the prices of a patch back; the SKU stands in the request's path.
fn quoted_patch(body: &[u8], sku: &str) -> Result<Vec<Quote>, GateError> {
    let body: PatchBody = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    quotes(&format!("{}/{sku}", body.product_type), &body.patches)
}

fn quotes(external: &str, patches: &[Patch]) -> Result<Vec<Quote>, GateError> {
    let broken = |why: &str| GateError::Unreadable(format!("{external}: {why}"));
    let mut found = Vec::new();
    for patch in patches {
        if patch.path != OFFER_PATH || patch.op != "replace" {
            return Err(broken("a patch of something else"));
        }
        for offer in &patch.value {
            let currency = crate::money::currency(&offer.currency).map_err(|why| broken(&why.to_string()))?;
            let only = |list: &[Scheduled]| match list {
                [Scheduled { schedule }] if schedule.len() == 1 => {
                    amount::parse(schedule[0].value_with_tax.get(), currency).map_err(|why| broken(&why))
                }
                _ => Err(broken("not exactly one price")),
            };
            let regular = only(&offer.our_price)?;
            found.push(match &offer.discounted_price {
                None => Quote::new(external, regular),
                Some(sale) => Quote { regular: Some(regular), ..Quote::new(external, only(sale)?) },
            });
        }
    }
    Ok(found)
}

#[derive(Debug, Deserialize)]
struct Submitted {
    status: String,
    #[serde(default)]
    issues: Vec<Issue>,
}

/// A problem of a listing or a submission, in the vendor's words.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Issue {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

impl Issue {
    fn sentence(&self) -> String {
        format!("{} ({})", self.message, self.code)
    }

    /// Whether it keeps a price from being shown.
    fn about_price(&self) -> bool {
        self.severity == "ERROR"
            && self.attribute_names.iter().any(|name| name.starts_with("purchasable_offer") || name == "list_price")
    }
}

/// Amazon says 403 where others say 401 for a token that is no longer valid.
const fn about_token(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403)
}

#[async_trait]
impl Channel for Amazon {
    fn capabilities(&self) -> Capabilities {
        let feed = self.account.write == Write::Feed;
        Capabilities {
            readable: true,
            max_batch: if feed { MAX_FEED } else { 1 },
            // A feed is a queue of its own: two at once could overtake each other.
            concurrency: if feed { 1 } else { 4 },
            visible_after_ms: if feed { 10 * Millis::MINUTE } else { 2 * Millis::MINUTE },
            sale: SaleSupport::Window,
            stages: true,
            partial: if feed { PartialFailure::PerItem } else { PartialFailure::Single },
            read_back: ReadBack::Effective,
            ..Capabilities::cautious(self.account.currency, Tax::Gross)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        if self.account.write == Write::Feed {
            return self.feed(changes, door).await.unwrap_or_else(|error| super::all_failed(changes, &error));
        }
        let mut results = Vec::with_capacity(changes.len());
        for change in changes {
            results.push(self.patch(change, door).await);
        }
        results
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        let skus: Vec<&str> = externals.iter().map(|e| split(e).map(|(_, sku)| sku)).collect::<Result<_, _>>()?;
        let found = self.listings.look(&skus).await?;
        let mut refused = self.feeds.refusals(externals).await?;
        Ok(externals
            .iter()
            .zip(skus)
            .map(|(external, sku)| {
                let seen = self.seen(external, found.iter().find(|found| found.sku == sku));
                let refused = refused.remove(external).or_else(|| seen.refused.clone());
                Seen { refused, ..seen }
            })
            .collect())
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let keys: Vec<&str> = skus.iter().map(String::as_str).collect();
        let found = self.listings.look(&keys).await?;
        let matched = found.into_iter().filter_map(|found| {
            let external = format!("{}/{}", found.product_type?, found.sku);
            let price = found.price.ok().flatten().map(|shown| shown.price);
            Some(Match { sku: found.sku, external, price, shut: None })
        });
        Ok(matched.collect())
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let (answer, currencies) = self.listings.sample().await?;
        let mut problems: Vec<String> = answer.skew(self.clock.now()).into_iter().collect();
        let own = self.account.currency.code();
        if let Some(other) = currencies.iter().find(|code| *code != own) {
            problems.push(format!("offers of this marketplace are in {other}; set currency = \"{other}\""));
        }
        Ok(Probe::of(format!("Amazon marketplace {}", self.account.marketplace), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_urls_and_plain_http_is_refused() {
        let table: Table = KIND.example.parse().unwrap();
        let mut own = table["channels"]["amazon-de"].as_table().unwrap().clone();
        assert!(build(&own).is_ok());
        own.insert("api_url".into(), "http://sellingpartnerapi-eu.amazon.com".into());
        assert!(build(&own).err().unwrap().contains("https://"));
    }

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let body = |offer: &str| {
            let text = format!(
                r#"{{"productType":"LUGGAGE","patches":[{{"op":"replace","path":"/attributes/purchasable_offer","value":[{offer}]}}]}}"#
            );
            quoted_patch(text.as_bytes(), "A/1")
        };
        let head = r#""marketplace_id":"M","currency":"EUR","audience":"ALL""#;
        let plain = format!(r#"{{{head},"our_price":[{{"schedule":[{{"value_with_tax":19.9}}]}}]}}"#);
        let eur = |minor| WirePrice::from_minor(minor, Currency::EUR);
        assert_eq!(body(&plain).unwrap(), vec![Quote::new("LUGGAGE/A/1", eur(1_990))]);
        let sale = format!(
            r#"{{{head},"our_price":[{{"schedule":[{{"value_with_tax":19.9}}]}}],"discounted_price":[{{"schedule":[{{"start_at":"a","end_at":"b","value_with_tax":15}}]}}]}}"#
        );
        let expected = Quote { regular: Some(eur(1_990)), ..Quote::new("LUGGAGE/A/1", eur(1_500)) };
        assert_eq!(body(&sale).unwrap(), vec![expected]);
        for sneaky in [
            plain.replace("\"our_price\"", "\"list_price\":[],\"our_price\""),
            plain.replace("19.9", "19.905"),
            plain.replace("19.9", "1e1"),
            plain.replace("[{\"value_with_tax\":19.9}]", "[{\"value_with_tax\":19.9},{\"value_with_tax\":1}]"),
        ] {
            assert!(body(&sneaky).is_err(), "{sneaky}");
        }
    }
}
