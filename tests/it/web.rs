//! What the daemon serves, asked over real HTTP.

use std::sync::Arc;

use omniprice::app::App;
use omniprice::{flow, web};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::harness::{Engine, Setup, World, database, price};

/// What the daemon answers to a path, as JSON.
pub async fn ask(app: &Arc<App>, path: &str) -> serde_json::Value {
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(app), listener, stop.clone()));
    let answer = get(port, path, "").await;
    stop.cancel();
    serving.await.unwrap().unwrap();
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap()
}

async fn get(port: u16, path: &str, header: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{header}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn feeds_prices_metrics_and_health_are_served_and_stop_with_the_token() {
    let world = World::open(database(Engine::Sqlite).await.unwrap(), Setup::default()).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&world.app), listener, stop.clone()));

    assert!(get(port, "/healthz", "").await.starts_with("HTTP/1.1 200"));
    assert!(get(port, "/readyz", "").await.starts_with("HTTP/1.1 200"));
    let metrics = get(port, "/metrics", "").await;
    assert!(metrics.contains("omniprice_listings_live{channel=\"webshop\"} 1"), "{metrics}");
    assert!(metrics.contains("omniprice_decisions_total 1"), "{metrics}");
    let feed = get(port, "/feeds/google.xml", "").await;
    assert!(feed.contains("<g:price>479.00 DKK</g:price>"), "{feed}");
    let etag = feed.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let again = get(port, "/feeds/google.xml", &format!("if-none-match: {etag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    for path in ["/feeds/webshop.xml", "/feeds/..%2f..%2fomniprice.toml", "/feeds/nothing.xml", "/"] {
        let answer = get(port, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    let prices = get(port, "/v1/prices?after=0", "").await;
    assert!(prices.contains("\"sku\":\"KETTLE\"") && prices.contains("\"amount\":\"479.00\""), "{prices}");
    let etag = prices.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let again = get(port, "/v1/prices?after=0", &format!("if-none-match: {etag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "all prices, and nothing changed: {again}");
    let body: serde_json::Value = serde_json::from_str(prices.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let cursor = body["cursor"].as_str().unwrap();
    let since = format!("/v1/prices?since={cursor}");
    let fresh = get(port, &since, "").await;
    assert!(
        fresh.contains("\"amount\":\"479.00\""),
        "what has just changed is told until the cursor is past it: {fresh}"
    );
    let later = format!("/v1/prices?since={}.0", world.app.now().plus(1_000).0);
    let nothing = get(port, &later, "").await;
    assert!(nothing.contains("\"prices\":[]"), "{nothing}");
    let etag = nothing.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    let again = get(port, &later, &format!("if-none-match: {etag}\r\n")).await;
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    world.near.show("KETTLE", price(46_900));
    world.pass().await;
    let changed = get(port, &since, "").await;
    assert!(changed.contains("\"amount\":\"469.00\""), "{changed}");
    for odd in ["/v1/prices?since=yesterday", "/v1/prices/upcoming?after=tomorrow"] {
        assert!(get(port, odd, "").await.starts_with("HTTP/1.1 400"));
    }
    let metrics = get(port, "/metrics", "").await;
    assert!(metrics.contains("omniprice_live_after_milliseconds{channel=\"webshop\",quantile=\"0.95\"}"), "{metrics}");

    stop.cancel();
    serving.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nothing listens any more");
    // The application itself goes on.
    flow::decide_due(&world.app).await.unwrap();
}
