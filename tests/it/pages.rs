//! Real pages, each under its own host name on loopback, tracked as competitor pages and checked by the application.
//!
//! Writes what was stored to `target/pages-predictions.jsonl`, one line per page, for a scorer to read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use omniprice::app::App;
use omniprice::clock::Clock;
use omniprice::config::Config;
use omniprice::flow;
use omniprice::money::{Money, currency};
use omniprice::store::{observations, products};
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Engine, RULES, database, skip};

struct Served {
    body: Vec<u8>,
    content_type: String,
}

type Pages = Arc<BTreeMap<String, Served>>;

fn key(host: &str, path_and_query: &str) -> String {
    format!("{}{path_and_query}", host.split(':').next().unwrap_or(host))
}

async fn serve(State(pages): State<Pages>, headers: HeaderMap, uri: Uri) -> Response {
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or("");
    match pages.get(&key(host, uri.path_and_query().map_or("/", |p| p.as_str()))) {
        Some(page) => (
            [(header::CONTENT_TYPE, page.content_type.clone()), (header::CONTENT_ENCODING, "gzip".to_owned())],
            page.body.clone(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_page_is_checked_and_stored_with_its_evidence() {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/pages");
    let Ok(manifest) = std::fs::read_to_string(data.join("manifest.jsonl")) else {
        return skip("real pages", "../shared/data is not there");
    };
    let entries: Vec<Value> =
        manifest.lines().filter(|l| !l.trim().is_empty()).map(|l| serde_json::from_str(l).unwrap()).collect();
    let test = database(Engine::Sqlite).await.unwrap();
    let mut pages = BTreeMap::new();
    let mut urls = Vec::new();
    for entry in &entries {
        let url = Url::parse(entry["url"].as_str().unwrap()).unwrap();
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let charset = entry["charset"].as_str().unwrap_or("utf-8");
        let body = std::fs::read(data.join(entry["file"].as_str().unwrap())).unwrap();
        pages.insert(
            key(url.host_str().unwrap(), path),
            Served { body, content_type: format!("text/html; charset={charset}") },
        );
        urls.push((url.host_str().unwrap().to_owned(), path.to_owned()));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let routes = Router::new().fallback(serve).with_state(Arc::new(pages));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let folder = test.dir.path();
    std::fs::write(folder.join("rules.toml"), RULES).unwrap();
    let config = format!(
        "[database]\nurl = \"{}\"\n[fetch]\ndelay = \"0s\"\nallow_networks = [\"127.0.0.0/8\"]\nresolve = {{ \"*\" = \"127.0.0.1\" }}\n[web]\nlisten = \"\"\n",
        test.url
    );
    std::fs::write(folder.join("omniprice.toml"), config).unwrap();
    let app =
        App::build(Config::load(Some(&folder.join("omniprice.toml")), &[]).unwrap(), Clock::System).await.unwrap();
    let mut csv = String::from("sku,title,price,cost,urls\n");
    for (index, (host, path)) in urls.iter().enumerate() {
        writeln!(csv, "P{index},Page {index},100.00,50.00,\"http://{host}:{port}{path}\"").unwrap();
    }
    let rules = app.rules().await.unwrap();
    let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    assert_eq!(parsed.errors, vec![]);
    products::import(&app.db, parsed.rows, app.now()).await.unwrap();
    let pass = flow::pass(&app, 2_000).await.unwrap();
    assert_eq!(pass.checked as usize, entries.len());

    let (mut priced, mut right, mut wrong, mut none, mut clean) = (0, 0, 0, 0, 0);
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    std::fs::create_dir_all(&folder).unwrap();
    let mut out = std::fs::File::create(folder.join("pages-predictions.jsonl")).unwrap();
    for (index, entry) in entries.iter().enumerate() {
        let product = products::by_sku(&app.db, &format!("P{index}")).await.unwrap().unwrap();
        let history =
            observations::history_of_product(&app.db, product.id, omniprice::clock::Millis(0), 10).await.unwrap();
        let file = entry["file"].as_str().unwrap();
        let Some(seen) = history.first() else { panic!("{file}: nothing was stored") };
        let evidence: Value = serde_json::from_str(&seen.evidence).unwrap();
        assert!(evidence["url"].as_str().is_some_and(|u| u.starts_with("http")), "{file}: {evidence}");
        assert_eq!(evidence["body_sha256"].as_str().map(str::len), Some(64), "{file}");
        let found = seen
            .price_minor
            .map(|minor| Money::from_minor(minor, currency(seen.currency.as_deref().unwrap()).unwrap()));
        if found.is_some() {
            assert!(
                evidence.pointer("/price/raw").and_then(Value::as_str).is_some_and(|raw| !raw.is_empty()),
                "{file}: {evidence}"
            );
        }
        let expected = &entry["expect"];
        let amount = found.map(|money| money.amount().normalize().to_string());
        let same = |value: &Value| {
            value.as_str().and_then(|text| omniprice::money::decimal(text).ok()).map(|d| d.normalize().to_string())
                == amount
                && amount.is_some()
        };
        let alternatives = expected["price_alt"].as_array().cloned().unwrap_or_default();
        match (entry["kind"].as_str(), expected["price"].as_str()) {
            (Some("ambiguous"), _) => {}
            (_, Some(_)) => {
                priced += 1;
                if same(&expected["price"]) || alternatives.iter().any(same) {
                    right += 1;
                } else if found.is_some() {
                    wrong += 1;
                    println!("wrong: {file}: wanted {}, stored {found:?}", expected["price"]);
                }
            }
            (_, None) => {
                none += 1;
                clean += usize::from(found.is_none());
                if found.is_some() {
                    println!("a price on a page that shows none: {file}: {found:?}");
                }
            }
        }
        let line = json!({ "file": file, "price": amount, "currency": found.map(|m| m.currency().code()), "outcome": seen.outcome, "verdict": seen.verdict });
        writeln!(out, "{line}").unwrap();
    }
    println!(
        "{right} of {priced} prices right, {wrong} wrong, {clean} of {none} pages without a price left without one"
    );
    assert!(wrong <= 1, "a wrong price is worse than none");
    assert_eq!(clean, none);
    assert!(right * 100 >= priced * 90, "{right} of {priced}");
}
