//! A relay between the daemon and a shop: it passes everything on, writes down what passed and when, and can stop one
//! request on its way, so that a kill meets the very middle of a push.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, RETRY_AFTER, TRANSFER_ENCODING};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

const MAX_BODY: usize = 16 * 1024 * 1024;
/// A daemon that has not come to the stop by then never will.
const REACH_LIMIT: Duration = Duration::from_secs(90);

/// A request that went to the shop.
#[derive(Debug, Clone)]
pub struct Passed {
    pub method: String,
    pub path: String,
    pub body: String,
    pub from: Instant,
    /// When its answer was there, or the shop died over it; `None` while it is under way.
    pub until: Option<Instant>,
    /// Zero without an answer.
    pub status: u16,
    pub retry_after: Option<Duration>,
}

/// Which requests carry prices.
pub type Writes = fn(&Passed) -> bool;

/// Where a stopped request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The shop is about to get it.
    Sent,
    /// The shop has done it, and its answer is held back until the daemon is gone.
    Answered,
}

struct Stop {
    at: At,
    /// Matching requests that still pass before the one that is stopped.
    after: usize,
    reached: Arc<Notify>,
    released: watch::Receiver<bool>,
}

struct Inner {
    shop: u16,
    client: reqwest::Client,
    writes: Writes,
    passed: Mutex<Vec<Passed>>,
    stop: Mutex<Option<Stop>>,
}

pub struct Relay {
    pub port: u16,
    inner: Arc<Inner>,
    task: tokio::task::JoinHandle<()>,
}

/// A stop that waits for its request.
pub struct Stopped {
    reached: Arc<Notify>,
    release: watch::Sender<bool>,
}

impl Stopped {
    pub async fn reached(&self) {
        tokio::time::timeout(REACH_LIMIT, self.reached.notified()).await.expect("no such request came by");
    }

    pub fn release(&self) {
        self.release.send_replace(true);
    }
}

impl Relay {
    pub async fn open(shop: u16, writes: Writes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner =
            Arc::new(Inner { shop, client: client(), writes, passed: Mutex::default(), stop: Mutex::default() });
        let shared = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, inner, task }
    }

    /// Stops the write that comes after `after` others.
    pub fn stop(&self, at: At, after: usize) -> Stopped {
        let (release, released) = watch::channel(false);
        let reached = Arc::new(Notify::new());
        *self.inner.stop.lock().unwrap() = Some(Stop { at, after, reached: Arc::clone(&reached), released });
        Stopped { reached, release }
    }

    pub fn passed(&self) -> Vec<Passed> {
        self.inner.passed.lock().unwrap().clone()
    }

    /// Requests that carried prices.
    pub fn written(&self) -> Vec<Passed> {
        self.passed().into_iter().filter(|passed| (self.inner.writes)(passed)).collect()
    }

    /// The most writes that were under way together, by what `key` says they are about.
    pub fn most_at_once(&self, key: impl Fn(&Passed) -> String) -> usize {
        let written = self.written();
        let together = |one: &Passed| {
            let meets = |other: &&Passed| {
                key(other) == key(one) && other.from <= one.from && other.until.is_none_or(|end| end > one.from)
            };
            written.iter().filter(meets).count()
        };
        written.iter().map(together).max().unwrap_or(0)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client for looking at a shop beside the daemon.
pub fn client() -> reqwest::Client {
    // As the application does at its start; a second time changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's own eyes, which must not be the connector's")]
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
    client.unwrap()
}

async fn serve(stream: TcpStream, inner: Arc<Inner>) {
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let inner = Arc::clone(&inner);
        // A request that the daemon sent goes on when the daemon is gone.
        async move { tokio::spawn(pass(request, inner)).await.map_err(std::io::Error::other)? }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error ends the connection without an answer, as a shop does that dies.
async fn pass(request: hyper::Request<Incoming>, inner: Arc<Inner>) -> Result<hyper::Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), MAX_BODY).await.map_err(std::io::Error::other)?;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let one = Passed {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        from: Instant::now(),
        until: None,
        status: 0,
        retry_after: None,
    };
    let stop = inner.stop_for(&one);
    let place = inner.note(one);
    if let Some(stop) = stop.as_ref().filter(|stop| stop.at == At::Sent) {
        stop.reached.notify_one();
    }
    let mut headers = head.headers;
    headers.remove(HOST);
    headers.remove(CONNECTION);
    let url = format!("http://127.0.0.1:{}{target}", inner.shop);
    let sent = inner.client.request(head.method, url).headers(headers).body(body).send().await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            // A shop that died works on nothing any more.
            inner.answered(place, 0, &hyper::HeaderMap::new());
            return Err(std::io::Error::other(error));
        }
    };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(std::io::Error::other)?;
    inner.answered(place, status.as_u16(), &headers);
    if let Some(mut stop) = stop.filter(|stop| stop.at == At::Answered) {
        stop.reached.notify_one();
        let _ = stop.released.wait_for(|released| *released).await;
    }
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONNECTION);
    let mut response = hyper::Response::builder().status(status).body(Body::from(body)).unwrap();
    *response.headers_mut() = headers;
    Ok(response)
}

impl Inner {
    fn stop_for(&self, one: &Passed) -> Option<Stop> {
        let mut stop = self.stop.lock().unwrap();
        if !(self.writes)(one) {
            return None;
        }
        match stop.as_mut() {
            Some(stop) if stop.after > 0 => {
                stop.after -= 1;
                None
            }
            _ => stop.take(),
        }
    }

    fn note(&self, one: Passed) -> usize {
        let mut passed = self.passed.lock().unwrap();
        passed.push(one);
        passed.len() - 1
    }

    fn answered(&self, place: usize, status: u16, headers: &hyper::HeaderMap) {
        let one = &mut self.passed.lock().unwrap()[place];
        one.until = Some(Instant::now());
        one.status = status;
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        one.retry_after = seconds.map(Duration::from_secs);
    }
}
