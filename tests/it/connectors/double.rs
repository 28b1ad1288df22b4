//! A vendor on loopback: it keeps state, obeys that vendor's facts, records and judges every request, and fails on
//! demand. Beside it the connector that talks to it, built as the daemon builds it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::TokioIo;
use omniprice::channel::wire::oauth::Forgetful;
use omniprice::channel::wire::shared::Shared;
use omniprice::channel::{Channel, ChannelError, Class, PriceChange, Receipt, Sale, Seen, Setting};
use omniprice::clock::{Clock, Millis};
use omniprice::money::{Currency, WirePrice};
use omniprice::publish::gate::{Allowed, Door};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::schema::Judge;

/// A connector gives up after this; [`Fault::Silent`] answers later.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// The query with repeated keys.
    pub pairs: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Request {
    /// The body as JSON; null without one.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// All values of a repeated query key.
    pub fn params(&self, key: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }
}

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string()).header("content-type", "application/json")
    }

    pub fn ok(body: &Value) -> Self {
        Self::json(200, body)
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![], body: body.as_bytes().to_vec() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
}

/// A vendor's behaviour and state.
pub trait Vendor: Clone + Send + 'static {
    /// Whether a request carries prices.
    fn writes(&self, request: &Request) -> bool;
    fn answer(&mut self, request: &Request) -> Reply;
    /// What a buyer pays for a listing, in minor units.
    fn live(&self, external: &str) -> Option<i64>;
}

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers this and does nothing.
    Answer(Reply),
    /// Does it, and answers this instead of its result.
    Instead(Reply),
    /// Does it, and the connection ends without an answer.
    Lost,
    /// Does it, and the answer comes when nobody waits any more.
    Silent,
}

struct Inner<V> {
    vendor: V,
    /// Answers reads while it is set: the vendor is late, or a cache is stale.
    frozen: Option<V>,
    judge: Judge,
    writes: VecDeque<Fault>,
    any: VecDeque<Fault>,
    requests: Vec<Request>,
    complaints: Vec<String>,
}

/// The vendor's server. Dropping it fails the test if any request broke the vendor's rules.
pub struct Double<V: Vendor> {
    pub port: u16,
    inner: Arc<Mutex<Inner<V>>>,
    task: tokio::task::JoinHandle<()>,
}

impl<V: Vendor> Double<V> {
    pub async fn open(vendor: V, judge: Judge) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Inner {
            vendor,
            frozen: None,
            judge,
            writes: VecDeque::new(),
            any: VecDeque::new(),
            requests: vec![],
            complaints: vec![],
        };
        let inner = Arc::new(Mutex::new(inner));
        let shared = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, inner, task }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<V>> {
        self.inner.lock().unwrap()
    }

    /// The next request that carries prices suffers this.
    pub fn fail_write(&self, fault: Fault) {
        self.lock().writes.push_back(fault);
    }

    /// The next request of any kind suffers this.
    pub fn fail_any(&self, fault: Fault) {
        self.lock().any.push_back(fault);
    }

    /// From now on reads show what is true now, whatever is written.
    pub fn freeze(&self) {
        let mut inner = self.lock();
        inner.frozen = Some(inner.vendor.clone());
    }

    /// Reads show the truth again.
    pub fn thaw(&self) {
        self.lock().frozen = None;
    }

    /// Looks at the vendor's state or changes it, as somebody in its back office would.
    pub fn with<T>(&self, look: impl FnOnce(&mut V) -> T) -> T {
        look(&mut self.lock().vendor)
    }

    pub fn live(&self, external: &str) -> Option<i64> {
        self.lock().vendor.live(external)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// Requests that carried prices.
    pub fn written(&self) -> Vec<Request> {
        let inner = self.lock();
        inner.requests.iter().filter(|request| inner.vendor.writes(request)).cloned().collect()
    }
}

impl<V: Vendor> Drop for Double<V> {
    fn drop(&mut self) {
        self.task.abort();
        if !std::thread::panicking() {
            let complaints = std::mem::take(&mut self.lock().complaints);
            assert!(complaints.is_empty(), "the vendor's rules were broken:\n{}", complaints.join("\n"));
        }
    }
}

async fn serve<V: Vendor>(stream: TcpStream, inner: Arc<Mutex<Inner<V>>>) {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let inner = Arc::clone(&inner);
        async move { respond(request, &inner).await }
    });
    // A connection that ends early is what some tests are about.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error ends the connection without an answer.
async fn respond<V: Vendor>(
    request: hyper::Request<Incoming>,
    inner: &Mutex<Inner<V>>,
) -> Result<hyper::Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), 16 * 1024 * 1024).await.map_err(std::io::Error::other)?;
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes()).into_owned().collect();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs.iter().cloned().collect(),
        pairs,
        headers: head.headers,
        body: body.to_vec(),
    };
    let (reply, fault) = inner.lock().unwrap().take(&request);
    match fault {
        Some(Fault::Lost) => return Err(std::io::Error::other("cut on purpose")),
        Some(Fault::Silent) => tokio::time::sleep(PATIENCE * 2).await,
        _ => {}
    }
    let mut response = hyper::Response::builder().status(reply.status).body(Body::from(reply.body)).unwrap();
    for (name, value) in reply.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    Ok(response)
}

impl<V: Vendor> Inner<V> {
    fn take(&mut self, request: &Request) -> (Reply, Option<Fault>) {
        let writes = self.vendor.writes(request);
        if let Err(complaint) = self.judge.judge(request, writes) {
            self.complaints.push(format!("{} {}: {complaint}\n{}", request.method, request.path, request.text()));
        }
        self.requests.push(request.clone());
        let fault = if writes { self.writes.pop_front() } else { None };
        let fault = fault.or_else(|| self.any.pop_front());
        let reply = match (&fault, &mut self.frozen) {
            (Some(Fault::Answer(reply)), _) => reply.clone(),
            (_, Some(frozen)) if !writes => frozen.answer(request),
            _ => self.vendor.answer(request),
        };
        match fault {
            Some(Fault::Instead(instead)) => (instead, None),
            fault => (reply, fault),
        }
    }
}

/// Pushes a change while another channel of the process writes the same product of the shop: not a byte is sent before
/// that one is done.
pub async fn takes_turns<V: Vendor>(bench: &Bench<V>, table: &str, shop: &str, product: &str, change: &PriceChange) {
    let place = format!("http://127.0.0.1:{}", bench.double.port);
    let shared = Arc::<Shared>::default();
    let channel = connect_beside(&table.replace("{url}", &place), Clock::System, Arc::clone(&shared));
    let held = shared.turn(&format!("{place}{shop}").parse().unwrap(), "another", &[product], PATIENCE).await.unwrap();
    let before = bench.double.requests().len();
    let changes = vec![change.clone()];
    let pushed = tokio::spawn(async move { channel.push(&changes, &door(&changes)).await.remove(0) });
    tokio::time::sleep(PATIENCE / 2).await;
    let asked: Vec<String> = bench.double.requests()[before..].iter().map(|request| request.path.clone()).collect();
    assert!(asked.iter().all(|path| path.ends_with("/token")), "{asked:?}");
    held.end(&Ok::<(), ChannelError>(())).await;
    pushed.await.unwrap().unwrap();
    bench.proves(change).await;
}

/// A connector and the vendor that it talks to.
pub struct Bench<V: Vendor> {
    pub channel: Arc<dyn Channel>,
    pub double: Double<V>,
}

impl<V: Vendor> Bench<V> {
    /// `table` is the channel's table with `{url}` where the double's address belongs.
    pub async fn open(vendor: V, judge: Judge, table: &str) -> Self {
        Self::open_at(vendor, judge, table, Clock::System).await
    }

    pub async fn open_at(vendor: V, judge: Judge, table: &str, clock: Clock) -> Self {
        let double = Double::open(vendor, judge).await;
        let channel = connect(&table.replace("{url}", &format!("http://127.0.0.1:{}", double.port)), clock);
        Self { channel, double }
    }

    /// Sends changes through a door that allows exactly them.
    pub async fn push(&self, changes: &[PriceChange]) -> Vec<Result<Receipt, ChannelError>> {
        self.channel.push(changes, &door(changes)).await
    }

    pub async fn push_one(&self, change: &PriceChange) -> Result<Receipt, ChannelError> {
        let mut results = self.push(std::slice::from_ref(change)).await;
        assert_eq!(results.len(), 1, "one result per change");
        results.remove(0)
    }

    pub async fn read(&self, external: &str) -> Seen {
        let mut seen = self.channel.read(&[external.to_owned()]).await.unwrap();
        assert_eq!(seen.len(), 1, "one per reference");
        let seen = seen.remove(0);
        assert_eq!(seen.external, external);
        seen
    }

    /// Reads must prove what was pushed: price, and crossed-out price where the channel tells.
    pub async fn proves(&self, change: &PriceChange) {
        let seen = self.read(&change.external).await;
        assert_eq!((seen.price, &seen.disputed), (Some(change.price), &None), "{}", change.external);
        if let Some(regular) = seen.regular {
            assert_eq!(regular, change.sale.map(|sale| sale.regular), "{}", change.external);
        }
    }
}

/// Builds a connector as the daemon does.
pub fn connect(table: &str, clock: Clock) -> Arc<dyn Channel> {
    connect_beside(table, clock, Arc::default())
}

/// The same beside the other channels of a process.
pub fn connect_beside(table: &str, clock: Clock, shared: Arc<Shared>) -> Arc<dyn Channel> {
    // As the application does at its start; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let table: toml::Table = table.parse().unwrap();
    let kind = omniprice::channel::kind(&table).unwrap();
    (kind.check)(&table).unwrap();
    let setting = Setting {
        name: "shop".to_owned(),
        timeout: PATIENCE,
        base: std::env::temp_dir(),
        clock,
        vault: Arc::new(Forgetful::default()),
        shared,
    };
    (kind.build)(&table, &setting).unwrap()
}

pub fn door(changes: &[PriceChange]) -> Door {
    let allow = |change: &PriceChange| Allowed {
        price: change.price,
        floor: Some(WirePrice::from_minor(1, change.price.currency())),
        regular: change.sale.map(|sale| sale.regular),
    };
    Door::new(changes.iter().map(|change| (change.external.clone(), allow(change))).collect())
}

/// Noon of 1 March 2027, when prices of these tests were desired.
pub const AT: Millis = Millis(1_803_902_400_000);

pub fn change(external: &str, sku: &str, minor: i64, currency: Currency) -> PriceChange {
    PriceChange {
        external: external.to_owned(),
        sku: sku.to_owned(),
        seq: 1,
        price: WirePrice::from_minor(minor, currency),
        sale: None,
        after_sale: false,
        vat_pct: None,
        title: sku.to_owned(),
        gtin: None,
        brand: None,
        in_stock: true,
        key: format!("{external}:1"),
        at: AT,
    }
}

/// The change as a reduction from `regular`, for the ten days after [`AT`].
pub fn on_sale(change: PriceChange, regular: i64) -> PriceChange {
    let regular = WirePrice::from_minor(regular, change.price.currency());
    let sale = Sale { regular, prior: None, prior_from: None, starts_at: AT, ends_at: Some(AT.plus(10 * Millis::DAY)) };
    PriceChange { sale: Some(sale), ..change }
}

/// What a row of a fault table expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    Retry,
    /// With exactly this wait in milliseconds.
    RetryAfter(i64),
    Rejected,
    Refused,
    /// The listing's own matter or the account's.
    Forbidden,
    Unknown,
}

impl Expect {
    pub fn holds(self, class: Class) -> bool {
        match self {
            Self::Retry => matches!(class, Class::Retry { .. }),
            Self::RetryAfter(ms) => class == Class::Retry { after_ms: Some(ms) },
            Self::Rejected => class == Class::Rejected,
            Self::Refused => class == Class::Refused,
            Self::Forbidden => class == Class::Forbidden,
            Self::Unknown => class == Class::Unknown,
        }
    }
}

/// One injected fault and what must come of it.
pub struct Row {
    pub name: &'static str,
    pub fault: Fault,
    pub expect: Expect,
    /// Whether the vendor has the new price afterwards.
    pub applied: bool,
}

impl Row {
    pub fn new(name: &'static str, fault: Fault, expect: Expect, applied: bool) -> Self {
        Self { name, fault, expect, applied }
    }

    /// Faults of wire and proxies that look the same at every vendor.
    pub fn wire() -> Vec<Self> {
        let login = Reply::text(200, "<html>please log in</html>").header("content-type", "text/html");
        let moved = Reply::text(302, "").header("location", "https://elsewhere.example/");
        let busy = Reply::text(503, "busy").header("retry-after", 2);
        vec![
            Self::new("the answer is lost", Fault::Lost, Expect::Unknown, true),
            Self::new("the answer is late", Fault::Silent, Expect::Unknown, true),
            Self::new("a proxy fails after it", Fault::Instead(Reply::text(502, "bad gateway")), Expect::Unknown, true),
            Self::new("the server breaks", Fault::Answer(Reply::text(500, "oops")), Expect::Unknown, false),
            Self::new("a login page instead of an answer", Fault::Answer(login), Expect::Unknown, false),
            Self::new("a redirect", Fault::Answer(moved), Expect::Refused, false),
            Self::new("busy for a named time", Fault::Answer(busy), Expect::RetryAfter(2_000), false),
        ]
    }
}

/// Pushes one change through every fault, each at a fresh vendor; afterwards a repeat must work and be proved.
pub async fn suffer<V: Vendor>(rows: Vec<Row>, change: &PriceChange, open: impl AsyncFn() -> Bench<V>) {
    for row in rows {
        let bench = open().await;
        let before = bench.double.live(&change.external);
        bench.double.fail_write(row.fault);
        let error = bench.push_one(change).await.expect_err(row.name);
        assert!(row.expect.holds(error.class), "{}: {error} is {:?}, not {:?}", row.name, error.class, row.expect);
        let expected = if row.applied { Some(change.price.minor().unwrap()) } else { before };
        assert_eq!(bench.double.live(&change.external), expected, "{}", row.name);
        if !matches!(error.class, Class::Retry { after_ms: Some(1_000..) }) {
            bench.push_one(change).await.unwrap_or_else(|error| panic!("{}, then again: {error}", row.name));
            bench.proves(change).await;
        }
    }
    keeps_zero(change, open).await;
}

/// Zero is a price like any other, and never the word for "no sale": it stays at home, alone and as a reduction.
async fn keeps_zero<V: Vendor>(change: &PriceChange, open: impl AsyncFn() -> Bench<V>) {
    let bench = open().await;
    let zero = PriceChange { price: WirePrice::from_minor(0, change.price.currency()), ..change.clone() };
    let regular = change.price.minor().unwrap();
    for change in [zero.clone(), on_sale(zero, regular)] {
        let error = bench.push_one(&change).await.unwrap_err();
        assert_eq!(error.class, Class::Rejected, "{error}");
    }
    assert!(bench.double.written().is_empty());
}

/// A connector whose vendor is not there: nothing happened, so it may be tried again.
pub async fn nobody_home(table: &str, change: &PriceChange) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let channel = connect(&table.replace("{url}", &format!("http://127.0.0.1:{port}")), Clock::System);
    let changes = std::slice::from_ref(change);
    let error = channel.push(changes, &door(changes)).await.remove(0).unwrap_err();
    assert!(matches!(error.class, Class::Retry { .. }), "{error}");
}
