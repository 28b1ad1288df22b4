//! From a wish to the read that proved it, on loopback channels: one change at a time, then a whole catalogue over five
//! channels at once, beside what the HTTP client alone can send.
//!
//! `cargo bench --bench publish [-- --products N]`. Shops, client and database share one process and its cores: compare
//! figures of one run only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on stops, prints ratios, and holds our client against the bare one"
)]

#[path = "catalogue/start.rs"]
mod start;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::demo::shop::Shop;
use omniprice::flow;
use omniprice::store::listings::{self, Desire};
use omniprice::store::products::{self, Import};
use omniprice::store::progress::{self, percentile};

const PRODUCTS: usize = 20_000;
const CHANNELS: usize = 5;
const SINGLES: usize = 200;
/// Requests of the bare client, each as large as a batch of ours.
const BARE: usize = 1_000;
const BATCH: usize = 100;
const PAGE: usize = 10_000;

fn import(index: usize) -> Import {
    Import {
        sku: format!("P{index}"),
        title: format!("Thing {index}"),
        market: "DK".into(),
        currency: "DKK".into(),
        own_minor: 49_900,
        cost_net: Some("100.00".into()),
        pack_qty: 1,
        vat_class: "standard".into(),
        ..Import::default()
    }
}

/// Every lane until nothing is open, as the daemon runs them.
async fn settle(app: &Arc<App>) {
    let mut lanes = tokio::task::JoinSet::new();
    for lane in app.lanes.clone() {
        let app = Arc::clone(app);
        lanes.spawn(async move {
            loop {
                if !flow::publish_due(&app, &lane).await.unwrap().worked() {
                    if progress::open_work(&app.db).await.unwrap() == 0 {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
        });
    }
    while let Some(done) = lanes.join_next().await {
        done.unwrap();
    }
}

async fn wish(app: &App, ids: &[i64], minor: i64) {
    let wishes = ids.iter().map(|&listing_id| (Desire { listing_id, price: Ok(minor) }, None)).collect();
    listings::desire_again(&app.db, wishes, app.now()).await.unwrap();
}

async fn spans(app: &App, since: Millis) -> Vec<i64> {
    let mut all = Vec::new();
    for lane in &app.lanes {
        all.extend(progress::convergence(&app.db, &lane.name, since.plus(-1)).await.unwrap());
    }
    all.sort_unstable();
    all
}

/// Batches a second that the client alone gets through to the same shop, one after the other.
async fn bare(shop: &Shop) -> f64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let items: Vec<_> = (0..BATCH)
        .map(|n| serde_json::json!({ "id": format!("{}", n + 1), "prices": [{ "currencyCode": "DKK", "price": 48_000 }] }))
        .collect();
    let body =
        serde_json::json!({ "query": "mutation updateProductVariants", "variables": { "i": items } }).to_string();
    let started = Instant::now();
    for _ in 0..BARE {
        let request = client.post(format!("http://127.0.0.1:{}/admin-api", shop.port)).body(body.clone());
        request.header("vendure-api-key", "key").send().await.unwrap().bytes().await.unwrap();
    }
    BARE as f64 / started.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let products = start::number("--products", PRODUCTS);
    let skus: Vec<String> = (0..products).map(|index| format!("P{index}")).collect();
    let stock: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 49_900)).collect();
    let mut text = "[publish]\nverify_after = \"1ms\"\nper_minute = 4000000000\n\
                    brake_share_pct = 100\nbrake_mean_pct = 1000\n"
        .to_owned();
    let mut shops = Vec::new();
    for channel in 0..CHANNELS {
        let (shop, _) = Shop::vendure("DKK", &stock).await.unwrap();
        write!(
            text,
            "[channels.shop{channel}]\nkind = \"vendure\"\nurl = \"http://127.0.0.1:{}\"\napi_key = \"key\"\ncurrency = \"DKK\"\ntax = \"gross\"\n",
            shop.port
        )
        .unwrap();
        shops.push(shop);
    }
    let folder = tempfile::tempdir().unwrap();
    let app = start::app(folder.path(), "", ("mode = \"auto\"\n", &text), Clock::System).await;
    for start in (0..products).step_by(PAGE) {
        let rows = (start..(start + PAGE).min(products)).map(import).collect();
        products::import(&app.db, rows, app.now()).await.unwrap();
    }
    for lane in &app.lanes {
        flow::map(&app, lane).await.unwrap();
    }
    let mut ids = Vec::new();
    for lane in &app.lanes {
        let mut after = 0;
        loop {
            let page = listings::reconcilable(&app.db, &lane.name, after, 10_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.id;
            ids.extend(page.iter().map(|listing| listing.id));
        }
    }

    let mut single = Vec::new();
    for n in 0..SINGLES {
        let started = Instant::now();
        wish(&app, &ids[n..=n], 49_000 - n as i64).await;
        settle(&app).await;
        single.push(i64::try_from(started.elapsed().as_micros()).unwrap());
    }
    single.sort_unstable();
    let ms = |micros: Option<i64>| micros.unwrap_or(0) as f64 / 1_000.0;
    println!("one change: p50 {:.1} ms, p99 {:.1} ms", ms(percentile(&single, 50)), ms(percentile(&single, 99)));

    let alone = bare(&shops[0]).await * BATCH as f64;
    let (before, started) = (app.now(), Instant::now());
    wish(&app, &ids, 47_900).await;
    settle(&app).await;
    let seconds = started.elapsed().as_secs_f64();
    let spans = spans(&app, before).await;
    let of = |percent| percentile(&spans, percent).unwrap_or(0) as f64 / 1_000.0;
    println!(
        "{} listings over {CHANNELS} channels: {seconds:.1} s, all {} proved; p50 {:.1} s, p99 {:.1} s",
        ids.len(),
        spans.len(),
        of(50),
        of(99)
    );
    let rate = ids.len() as f64 / seconds;
    println!(
        "{rate:.0} prices/s decided, sent, read back and recorded; the bare client alone sends {alone:.0} prices/s in batches of {BATCH}; ratio {:.3}",
        rate / alone
    );
}
