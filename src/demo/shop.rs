//! A stand-in for a Vendure shop, and a webhook receiver, both with the failures that real ones have. The connectors
//! that talk to them are the real ones.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What goes wrong with the next write, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Applied, but the answer never arrives.
    CutAfterApply,
    /// Answers as if it had worked and changes nothing.
    Lie,
    /// HTTP 200 with `deadlock detected`.
    Deadlock,
    /// HTTP 200 with `FORBIDDEN`.
    Forbidden,
    /// 503 before anything happened.
    Unavailable,
    /// 429 with Retry-After 1.
    TooMany,
}

#[derive(Debug, Default)]
struct Inner {
    /// SKU to id and price in minor units.
    variants: BTreeMap<String, (String, i64)>,
    faults: VecDeque<Fault>,
    /// Every price that a shopper could have seen, in order, with its SKU.
    history: Vec<(String, i64)>,
    writes: u64,
    seen_ids: BTreeSet<String>,
    newest: BTreeMap<String, i64>,
    stale_accepted: u64,
    /// Searches and reads are answered with 503.
    mute: bool,
    /// Every write is refused: the key may read only.
    closed: bool,
}

/// A sales channel of the demo and of tests.
#[derive(Clone)]
pub struct Shop {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
    currency: &'static str,
}

impl Shop {
    /// Opens a Vendure-like shop on a free loopback port.
    ///
    /// # Errors
    /// No port is free.
    pub async fn vendure(currency: &'static str, prices: &[(&str, i64)]) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let (shop, listener) = Self::new(currency, prices).await?;
        let routes = Router::new().route("/admin-api", post(graphql)).with_state(shop.clone());
        Ok((shop, serve(listener, routes)))
    }

    /// Opens a webhook receiver with a GET for reading back.
    ///
    /// # Errors
    /// No port is free.
    pub async fn receiver(currency: &'static str) -> anyhow::Result<(Self, JoinHandle<()>)> {
        let (shop, listener) = Self::new(currency, &[]).await?;
        let routes =
            Router::new().route("/prices", post(receive)).route("/prices/{sku}", get(held)).with_state(shop.clone());
        Ok((shop, serve(listener, routes)))
    }

    async fn new(currency: &'static str, prices: &[(&str, i64)]) -> anyhow::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut inner = Inner::default();
        for (index, (sku, minor)) in prices.iter().enumerate() {
            inner.variants.insert((*sku).to_owned(), ((index + 1).to_string(), *minor));
            inner.history.push(((*sku).to_owned(), *minor));
        }
        Ok((Self { port, inner: Arc::new(Mutex::new(inner)), currency }, listener))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the next writes will suffer.
    pub fn fail_next(&self, faults: &[Fault]) {
        self.lock().faults.extend(faults);
    }

    /// Whether searches and reads fail from now on.
    pub fn mute(&self, mute: bool) {
        self.lock().mute = mute;
    }

    /// Whether writes are refused from now on.
    pub fn close(&self, closed: bool) {
        self.lock().closed = closed;
    }

    /// A price changed by hand in the shop's own back office.
    pub fn edit(&self, sku: &str, minor: i64) {
        let mut inner = self.lock();
        if let Some(variant) = inner.variants.get_mut(sku) {
            variant.1 = minor;
            inner.history.push((sku.to_owned(), minor));
        }
    }

    /// A variant deleted in the shop's own back office.
    pub fn remove(&self, sku: &str) {
        self.lock().variants.remove(sku);
    }

    /// A variant created there, under a number of the shop's own.
    pub fn put(&self, sku: &str, id: &str, minor: i64) {
        self.lock().variants.insert(sku.to_owned(), (id.to_owned(), minor));
    }

    /// The price that a shopper sees, in minor units.
    #[must_use]
    pub fn price(&self, sku: &str) -> Option<i64> {
        self.lock().variants.get(sku).map(|(_, minor)| *minor)
    }

    /// Every price that was ever shown, in order.
    #[must_use]
    pub fn history(&self) -> Vec<(String, i64)> {
        self.lock().history.clone()
    }

    /// Write requests received.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Messages whose sequence was older than one already taken, and that were not repeats.
    #[must_use]
    pub fn stale(&self) -> u64 {
        self.lock().stale_accepted
    }
}

fn serve(listener: TcpListener, routes: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        // The stand-in ends with whoever opened it.
        let _ = axum::serve(listener, routes).await;
    })
}

fn ok(data: &Value) -> Response {
    axum::Json(json!({ "data": data })).into_response()
}

fn error(code: Option<&str>, message: &str) -> Response {
    axum::Json(json!({ "errors": [{ "message": message, "extensions": { "code": code } }], "data": null }))
        .into_response()
}

async fn graphql(State(shop): State<Shop>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let query = request.get("query").and_then(Value::as_str).unwrap_or("");
    if query.contains("updateProductVariants") {
        return update(&shop, request.pointer("/variables/i").and_then(Value::as_array).cloned().unwrap_or_default())
            .await;
    }
    if query.contains("activeChannel") {
        return ok(
            &json!({ "activeChannel": { "code": "demo", "token": "", "pricesIncludeTax": true, "availableCurrencyCodes": [shop.currency] } }),
        );
    }
    let keys = request.pointer("/variables/s").and_then(Value::as_array).cloned().unwrap_or_default();
    let by_id = query.contains("id:{in");
    let inner = shop.lock();
    if inner.mute {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let wanted = |sku: &str, id: &str| keys.iter().any(|key| key.as_str() == Some(if by_id { id } else { sku }));
    let items: Vec<Value> = inner
        .variants
        .iter()
        .filter(|(sku, (id, _))| wanted(sku, id))
        .map(|(sku, (id, minor))| json!({ "id": id, "sku": sku, "prices": [{ "price": minor, "currencyCode": shop.currency }] }))
        .collect();
    ok(&json!({ "productVariants": { "items": items } }))
}

async fn update(shop: &Shop, input: Vec<Value>) -> Response {
    let fault = {
        let mut inner = shop.lock();
        inner.writes += 1;
        if inner.closed { Some(Fault::Forbidden) } else { inner.faults.pop_front() }
    };
    match fault {
        Some(Fault::Deadlock) => return error(None, "deadlock detected"),
        Some(Fault::Forbidden) => {
            return error(Some("FORBIDDEN"), "You are not currently authorized to perform this action");
        }
        Some(Fault::Unavailable) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(Fault::TooMany) => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        Some(Fault::Lie | Fault::CutAfterApply) | None => {}
    }
    let mut changes = Vec::new();
    for one in &input {
        let id = one.get("id").and_then(Value::as_str).unwrap_or("");
        let price = one.pointer("/prices/0/price").and_then(Value::as_i64);
        let known = shop.lock().variants.iter().find(|(_, (known, _))| known == id).map(|(sku, _)| sku.clone());
        // Atomic, like the real one: an unknown id fails the whole call.
        let (Some(sku), Some(price)) = (known, price) else {
            return error(Some("ENTITY_NOT_FOUND"), &format!("No ProductVariant with the id \"{id}\" could be found"));
        };
        changes.push((sku, price));
    }
    if fault != Some(Fault::Lie) {
        let mut inner = shop.lock();
        for (sku, price) in &changes {
            if let Some(variant) = inner.variants.get_mut(sku) {
                variant.1 = *price;
                inner.history.push((sku.clone(), *price));
            }
        }
    }
    if fault == Some(Fault::CutAfterApply) {
        // Longer than any client waits: the outcome stays unknown to it.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let inner = shop.lock();
    let items: Vec<Value> = changes
        .iter()
        .filter_map(|(sku, price)| {
            let (id, _) = inner.variants.get(sku)?;
            Some(json!({ "id": id, "prices": [{ "price": price, "currencyCode": shop.currency }] }))
        })
        .collect();
    ok(&json!({ "updateProductVariants": items }))
}

async fn receive(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = {
        let mut inner = shop.lock();
        inner.writes += 1;
        if inner.closed { Some(Fault::Forbidden) } else { inner.faults.pop_front() }
    };
    match fault {
        Some(Fault::Unavailable) => return StatusCode::BAD_GATEWAY.into_response(),
        Some(Fault::TooMany) => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response(),
        Some(Fault::Forbidden) => return StatusCode::UNAUTHORIZED.into_response(),
        _ => {}
    }
    let id = headers.get("webhook-id").and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let Ok(message) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST.into_response() };
    let sku = message.pointer("/data/sku").and_then(Value::as_str).unwrap_or("").to_owned();
    let sequence = message.pointer("/data/sequence").and_then(Value::as_i64).unwrap_or(0);
    let price =
        message.pointer("/data/price").cloned().and_then(|v| serde_json::from_value::<crate::money::Money>(v).ok());
    let Some(price) = price else { return StatusCode::BAD_REQUEST.into_response() };
    if fault != Some(Fault::Lie) {
        let mut inner = shop.lock();
        let first = inner.seen_ids.insert(id);
        let newest = inner.newest.get(&sku).copied().unwrap_or(0);
        if first && sequence < newest {
            inner.stale_accepted += 1;
        }
        if sequence > newest {
            inner.newest.insert(sku.clone(), sequence);
            inner.variants.insert(sku.clone(), (sku.clone(), price.minor()));
            inner.history.push((sku, price.minor()));
        }
    }
    if fault == Some(Fault::CutAfterApply) {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn held(State(shop): State<Shop>, Path(sku): Path<String>) -> Response {
    let held = shop
        .price(&sku)
        .and_then(|minor| Some(crate::money::Money::from_minor(minor, crate::money::currency(shop.currency).ok()?)));
    match held {
        Some(price) => axum::Json(json!({ "sku": sku, "price": price })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
