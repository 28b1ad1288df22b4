//! Many prices in one `JSON_LISTINGS_FEED`: a document is uploaded, then submitted; its report is read when it is done.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{Account, Issue, Patch, encode, quotes, split};
use crate::channel::wire::http::{self, Call, Http};
use crate::channel::wire::jobs::Jobs;
use crate::channel::wire::pace::Pace;
use crate::channel::wire::session::Session;
use crate::channel::{ChannelError, Class, PriceChange};
use crate::publish::gate::{Door, GateError, Quote};

/// Five submissions in five minutes for each seller and region (Feeds API, since May 2025).
pub(super) const FEED_BURST: u32 = 5;
pub(super) const FEEDS_PER_MINUTE: u32 = 1;
/// Text of a processing report; 25,000 messages with an issue each stay far below.
const MAX_REPORT: usize = 64 * 1024 * 1024;
const DOCUMENT_TYPE: &str = "application/json; charset=UTF-8";

/// Feeds on their way.
pub(super) struct Feeds {
    session: Arc<Session>,
    /// For the store of documents, which is another host and wants no token.
    storage: Http,
    base: Url,
    seller: String,
    marketplace: String,
    budget: Arc<Pace>,
    open: Jobs,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Feed {
    header: Header,
    messages: Vec<Message>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Header {
    seller_id: String,
    version: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Message {
    message_id: u32,
    sku: String,
    operation_type: String,
    product_type: String,
    patches: Vec<Patch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(default)]
    feed_document_id: String,
    url: Url,
    compression_algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    feed_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    processing_status: String,
    result_feed_document_id: Option<String>,
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    issues: Vec<Reported>,
}

#[derive(Deserialize)]
struct Reported {
    sku: Option<String>,
    #[serde(flatten)]
    issue: Issue,
}

impl Feeds {
    pub(super) fn new(session: Arc<Session>, storage: Http, account: &Account, budget: Arc<Pace>) -> Self {
        Self {
            session,
            storage,
            base: account.base.clone(),
            seller: account.seller.clone(),
            marketplace: account.marketplace.clone(),
            budget,
            open: Jobs::default(),
        }
    }

    /// Uploads and submits one feed. Until the submission nothing has happened, so failures before it may be repeated.
    pub(super) async fn submit(&self, patches: Vec<(&PriceChange, Patch)>, door: &Door) -> Result<(), ChannelError> {
        let externals: Vec<&str> = patches.iter().map(|(change, _)| change.external.as_str()).collect();
        let mut messages = Vec::with_capacity(patches.len());
        for ((change, patch), message_id) in patches.into_iter().zip(1_u32..) {
            let (product_type, sku) = split(&change.external)?;
            messages.push(Message {
                message_id,
                sku: sku.to_owned(),
                operation_type: "PATCH".to_owned(),
                product_type: product_type.to_owned(),
                patches: vec![patch],
            });
        }
        let header = Header { seller_id: self.seller.clone(), version: "2.0".to_owned() };
        let body = encode(&Feed { header, messages })?;
        let quoted = quoted(&body)?;
        let pass = door.narrowed(&externals).check(body, &quoted)?;
        self.budget.take(1).await?;
        let document: Document = self.post(&["documents"], json!({ "contentType": DOCUMENT_TYPE })).await?;
        let place = http::secure_base(&document.url).map(|_| document.url);
        let place = place.map_err(|why| ChannelError::new(Class::Retry { after_ms: None }, why))?;
        let upload = Call::json(Method::PUT, place, HeaderMap::new()).typed(DOCUMENT_TYPE);
        let uploaded = self.storage.push(upload, pass).await.and_then(|answer| answer.ok());
        uploaded.map_err(|error| {
            ChannelError::new(Class::Retry { after_ms: None }, format!("the feed was not uploaded: {}", error.message))
        })?;
        let order = json!({
            "feedType": "JSON_LISTINGS_FEED",
            "marketplaceIds": [self.marketplace],
            "inputFeedDocumentId": document.feed_document_id,
        });
        let submitted: Submitted = self.post(&["feeds"], order).await.map_err(|error| match error.class {
            // From here on it may have begun.
            Class::Retry { after_ms: None } => ChannelError::new(Class::Unknown, error.message),
            _ => error,
        })?;
        self.open.remember(externals.into_iter(), &submitted.feed_id);
        Ok(())
    }

    /// Why feeds refused prices of these listings, as far as their reports are there.
    pub(super) async fn refusals(&self, externals: &[String]) -> Result<HashMap<String, String>, ChannelError> {
        let mut refused = HashMap::new();
        for (id, waiting) in self.open.waiting(externals) {
            let Some(report) = self.report(&id).await? else { continue };
            for external in &waiting {
                let sku = split(external).map_or("", |(_, sku)| sku);
                if let Some(why) = report.get(sku).or_else(|| report.get("")) {
                    refused.insert(external.clone(), why.clone());
                }
            }
            // Other listings of this feed still need its report.
            self.open.read(&id, &waiting);
        }
        Ok(refused)
    }

    /// Errors of a finished feed by SKU; the empty SKU stands for all. `None` while it is being worked on.
    async fn report(&self, id: &str) -> Result<Option<HashMap<String, String>>, ChannelError> {
        let state: State = self.get(&["feeds", id]).await?;
        let whole = |why: &str| Ok(Some(HashMap::from([(String::new(), format!("the feed {id} ended as {why}"))])));
        match (state.processing_status.as_str(), state.result_feed_document_id) {
            ("CANCELLED" | "FATAL", None) => whole(&state.processing_status),
            ("DONE" | "CANCELLED" | "FATAL", Some(document)) => {
                let document: Document = self.get(&["documents", &document]).await?;
                let answer = self.storage.get(&document.url, HeaderMap::new()).await?.ok()?;
                let report: Report = match document.compression_algorithm.as_deref() {
                    None => answer.parse()?,
                    Some("GZIP") => {
                        let text = gunzip(&answer.body).map_err(|why| answer.unclear(why))?;
                        serde_json::from_slice(&text).map_err(|_| answer.unclear("the feed's report is no JSON"))?
                    }
                    Some(_) => return Err(answer.unclear("the feed's report is packed in an unknown way")),
                };
                let errors = report.issues.into_iter().filter(|reported| reported.issue.severity == "ERROR");
                let by_sku: HashMap<String, String> =
                    errors.map(|reported| (reported.sku.unwrap_or_default(), reported.issue.sentence())).collect();
                Ok(Some(by_sku))
            }
            ("DONE", None) => Ok(Some(HashMap::new())),
            _ => Ok(None),
        }
    }

    fn url(&self, rest: &[&str]) -> Url {
        let segments: Vec<&str> = ["feeds", "2021-06-30"].into_iter().chain(rest.iter().copied()).collect();
        http::place(&self.base, &segments, &[])
    }

    async fn post<T: serde::de::DeserializeOwned>(&self, rest: &[&str], body: Value) -> Result<T, ChannelError> {
        let call = Call::json(Method::POST, self.url(rest), HeaderMap::new());
        self.session.ask(call, body.to_string().into_bytes()).await?.ok()?.parse()
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, rest: &[&str]) -> Result<T, ChannelError> {
        let call = Call::json(Method::GET, self.url(rest), HeaderMap::new());
        self.session.ask(call, Vec::new()).await?.ok()?.parse()
    }
}

/// A gzip file says at its end how long its text is (RFC 1952 section 2.3.1).
fn gunzip(packed: &[u8]) -> Result<Vec<u8>, &'static str> {
    let tail = packed.last_chunk::<4>().ok_or("the feed's report is cut off")?;
    let size = usize::try_from(u32::from_le_bytes(*tail)).unwrap_or(usize::MAX);
    if size > MAX_REPORT {
        return Err("the feed's report is larger than any of ours");
    }
    let mut text = vec![0; size];
    let filled = libdeflater::Decompressor::new().gzip_decompress(packed, &mut text);
    match filled {
        Ok(length) if length == size => Ok(text),
        _ => Err("the feed's report does not unpack"),
    }
}

fn quoted(body: &[u8]) -> Result<Vec<Quote>, GateError> {
    let feed: Feed = serde_json::from_slice(body).map_err(|why| GateError::Unreadable(why.to_string()))?;
    let mut found = Vec::with_capacity(feed.messages.len());
    for message in &feed.messages {
        found.extend(quotes(&format!("{}/{}", message.product_type, message.sku), &message.patches)?);
    }
    Ok(found)
}
