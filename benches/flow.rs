//! The loop end to end on loopback: checks per second, bytes per check, memory with many listings.
//!
//! One process serves the pages and checks them, so a figure is about both; compare figures of one run only.
#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::print_stderr,
    reason = "a benchmark that cannot go on stops, and prints ratios"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use omniprice::app::App;
use omniprice::clock::Clock;
use omniprice::config::Config;
use omniprice::flow;
use omniprice::store::products::{self, Import};
use omniprice::store::targets;

const PRODUCTS: usize = 400;
const HOSTS: usize = 50;
const LISTINGS: usize = 100_000;
const RULES: &str = "schema = 1\n[[market]]\nid = \"DK\"\ncountry = \"DK\"\ncurrency = \"DKK\"\ntax = \"gross\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\n\
[[rule]]\nid = \"match\"\npriority = 1\nmode = \"auto\"\n[rule.target]\nkind = \"lowest\"\n[rule.bounds]\nmin = [ { margin_pct = \"10\" } ]\n";

/// A product page of about 60 kB whose price falls with every round.
async fn page(State(round): State<Arc<AtomicI64>>, headers: HeaderMap, uri: Uri) -> Response {
    if uri.path() == "/robots.txt" {
        return "User-agent: *\nAllow: /\n".into_response();
    }
    let round = round.load(Ordering::Relaxed);
    let etag = format!("\"{round}\"");
    if headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let price = 49_900 - round * 10;
    let mut body = format!(
        "<!doctype html><html lang=\"da\"><head><title>Thing</title><script type=\"application/ld+json\">{{\"@context\":\"https://schema.org\",\"@type\":\"Product\",\
         \"name\":\"Thing\",\"offers\":{{\"@type\":\"Offer\",\"price\":\"{}.{:02}\",\"priceCurrency\":\"DKK\",\"availability\":\"https://schema.org/InStock\"}}}}</script></head><body>",
        price / 100,
        price % 100
    );
    for line in 0..600 {
        let _ = write!(
            body,
            "<div class=\"row r{line}\"><a href=\"/x/{line}\">Something else that fills the page</a> {}</div>",
            "text ".repeat(6)
        );
    }
    body.push_str("</body></html>");
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::ETAG, etag)], body).into_response()
}

fn size(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .unwrap()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("bench.db"))
        .map(|entry| entry.metadata().map_or(0, |meta| meta.len()))
        .sum()
}

/// Resident memory of this process in MiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

fn import(index: usize, port: u16) -> Import {
    let host = format!("shop{}.example:{port}", index % HOSTS);
    Import {
        sku: format!("P{index}"),
        title: format!("Thing {index}"),
        market: "DK".into(),
        currency: "DKK".into(),
        own_minor: 49_900,
        cost_net: Some("100.00".into()),
        pack_qty: 1,
        vat_class: "standard".into(),
        pages: vec![(format!("shop{}.example", index % HOSTS), format!("http://{host}/p/{index}"), host)],
        ..Import::default()
    }
}

async fn rounds(app: &Arc<App>, folder: &Path) -> BTreeMap<&'static str, f64> {
    let round = Arc::new(AtomicI64::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = Router::new().fallback(page).with_state(Arc::clone(&round));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    products::import(&app.db, (0..PRODUCTS).map(|index| import(index, port)).collect(), app.now()).await.unwrap();
    let mut results = BTreeMap::new();
    let mut timed = BTreeMap::new();
    flow::pass(app, 100).await.unwrap();
    // Interleaved: what disturbs one kind of round disturbs the other.
    for number in 1..=6 {
        for kind in ["unchanged", "changed"] {
            if kind == "changed" {
                round.store(number, Ordering::Relaxed);
            }
            targets::due_now(&app.db, None, app.now()).await.unwrap();
            let before = size(folder);
            let started = Instant::now();
            let mut checks = 0;
            loop {
                let n = flow::check_due(app).await.unwrap();
                if n == 0 {
                    break;
                }
                checks += n;
            }
            let (seconds, bytes) = (started.elapsed().as_secs_f64(), size(folder).saturating_sub(before));
            let entry: &mut Vec<(f64, f64)> = timed.entry(kind).or_default();
            entry.push((checks as f64 / seconds, bytes as f64 / checks as f64));
        }
    }
    for (kind, mut runs) in timed {
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let bytes = runs.iter().map(|run| run.1).sum::<f64>() / runs.len() as f64;
        let (rate, size) = if kind == "changed" {
            ("changed checks/s", "changed bytes/check")
        } else {
            ("unchanged checks/s", "unchanged bytes/check")
        };
        results.insert(rate, runs[runs.len() / 2].0);
        results.insert(size, bytes);
    }
    results
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.toml"), RULES).unwrap();
    let text = "mode = \"shadow\"\n[database]\nurl = \"sqlite://bench.db\"\n[fetch]\ndelay = \"0s\"\nconcurrency = 32\nallow_networks = [\"127.0.0.0/8\"]\n\
                resolve = { \"*\" = \"127.0.0.1\" }\n[web]\nlisten = \"\"\n";
    let file = folder.path().join("omniprice.toml");
    std::fs::write(&file, text).unwrap();
    let app = App::build(Config::load(Some(&file), &[]).unwrap(), Clock::System).await.unwrap();
    for (name, value) in rounds(&app, folder.path()).await {
        println!("{name:24} {value:>12.1}");
    }
    let before = resident();
    for start in (0..LISTINGS).step_by(10_000) {
        let rows = (start..start + 10_000).map(|index| import(index + PRODUCTS, 9)).collect();
        products::import(&app.db, rows, app.now()).await.unwrap();
    }
    let claimed = targets::claim(&app.db, app.now(), app.now().plus(1_000), 50, 16).await.unwrap();
    println!("{:24} {:>12.1}", "MiB before", before);
    println!("{:24} {:>12.1}", "MiB, 100,000 pages", resident());
    println!("{:24} {:>12.1}", "database MiB", size(folder.path()) as f64 / 1_048_576.0);
    println!("{:24} {:>12}", "hosts claimed at once", claimed.len());
}
