//! What the daemon serves, read-only: feeds, prices for tills and shelf labels, metrics and health.
//!
//! An accept loop of its own: header timeout and a cap on connections, which `axum::serve` does not have.

mod campaigns;
mod people;
mod prices;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::app::{App, hex};
use crate::clock::Millis;
use crate::store::{StoreError, decisions, events, products, progress};
use crate::telemetry::{gauge, gauges};

const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_CONNECTIONS: usize = 512;

/// A failed answer: logged where it happens, told without details.
struct Failed(String);

impl<E: std::fmt::Display> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        tracing::error!("request failed: {}", self.0);
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error; the log says more\n").into_response()
    }
}

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/feeds/{file}", get(feed))
        .merge(prices::routes())
        .merge(people::routes())
        .with_state(app)
}

/// Serves until cancelled; open requests finish.
///
/// # Errors
/// The listener's own.
pub async fn serve(app: Arc<App>, listener: TcpListener, cancel: CancellationToken) -> anyhow::Result<()> {
    let routes = router(app);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&slots).acquire_owned().await?;
        let (stream, _) = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to be given back.
                    tracing::warn!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            },
        };
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A peer that goes away in the middle is its own affair.
            let _ = connection.await;
            drop(permit);
        });
    }
}

/// Binds the configured address.
///
/// # Errors
/// The address is taken or not ours.
pub async fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    let address: SocketAddr = listen.parse()?;
    TcpListener::bind(address).await.map_err(|e| {
        anyhow::anyhow!("web.listen: {address}: {e}\nhint: another program has it, or set web.listen = \"127.0.0.1:0\"")
    })
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    match products::count(&app.db).await {
        Ok(_) => "ready\n".into_response(),
        Err(StoreError::Engine(error)) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("database: {error}\n")).into_response()
        }
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Failed> {
    let mut out = app.metrics.render();
    let parity = progress::parity(&app.db).await?;
    let pairs =
        |value: fn(&progress::Parity) -> i64| parity.iter().map(|p| (p.channel.clone(), value(p))).collect::<Vec<_>>();
    gauge(&mut out, "omniprice_listings", "Listings with a decision.", "channel", &pairs(|p| p.listings));
    gauge(
        &mut out,
        "omniprice_listings_live",
        "Listings read back equal to the newest decision.",
        "channel",
        &pairs(|p| p.live),
    );
    gauge(
        &mut out,
        "omniprice_listings_unverified",
        "Acknowledged by channels that cannot be read.",
        "channel",
        &pairs(|p| p.unverified),
    );
    let mut spans = Vec::new();
    for lane in &app.lanes {
        let found = progress::convergence(&app.db, &lane.name, app.now().plus(-Millis::DAY)).await?;
        for (quantile, percent) in [("0.5", 50), ("0.95", 95), ("0.99", 99)] {
            if let Some(ms) = progress::percentile(&found, percent) {
                spans.push(([("channel", lane.name.as_str()), ("quantile", quantile)], ms));
            }
        }
    }
    let help = "From the wish to the read that proved it, of the last day.";
    gauges(&mut out, "omniprice_live_after_milliseconds", help, &spans);
    let mut outcomes = Vec::new();
    for row in decisions::outcomes(&app.db).await? {
        outcomes.push((row.outcome, row.n));
    }
    gauge(&mut out, "omniprice_products", "Products by outcome of their newest evaluation.", "outcome", &outcomes);
    if let Some(sent) = events::digest_sent(&app.db).await? {
        let help = "When the last digest was taken by its server, in seconds since 1970.";
        gauges(&mut out, "omniprice_last_digest_timestamp_seconds", help, &[([], sent.0 / Millis::SECOND)]);
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out).into_response())
}

async fn feed(State(app): State<Arc<App>>, Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Failed> {
    let name = file.strip_suffix(".xml").or_else(|| file.strip_suffix(".tsv")).unwrap_or(&file);
    let Some(served) = app.lane(name).and_then(|lane| lane.channel.served()) else {
        return Ok((StatusCode::NOT_FOUND, "no such feed\n").into_response());
    };
    let body = match tokio::fs::read(served.path).await {
        Ok(body) => body,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((StatusCode::NOT_FOUND, "this feed has no prices yet\n").into_response());
        }
        Err(error) => return Err(error.into()),
    };
    Ok(tagged(&headers, served.media_type, body))
}

/// An answer with its ETag, or 304 to who has it already.
fn tagged(headers: &HeaderMap, media_type: &str, body: Vec<u8>) -> Response {
    let etag = format!("\"{}\"", &hex(&Sha256::digest(&body))[..32]);
    if headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    ([(header::CONTENT_TYPE, media_type.to_owned()), (header::ETAG, etag)], body).into_response()
}
