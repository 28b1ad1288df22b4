//! Competitors that ask in another currency than ours: doubted, compared and watched as closely as all others.

use std::sync::{Arc, Mutex};

use axum::response::Html;
use axum::routing::get;
use omniprice::catalog::import;
use omniprice::clock::{Clock, Millis};
use omniprice::store::settings::{self, Rate};
use omniprice::store::{decisions, observations, products, rivals, targets};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World};

both_engines![
    a_page_in_another_currency_is_held_against_its_own_past,
    a_first_price_in_another_currency_is_compared_at_the_stored_rate,
    a_first_price_far_from_the_market_at_the_rate_is_no_price,
    a_price_war_with_a_competitor_in_another_currency_is_seen,
];

/// A Tuesday morning; the rates of Monday are the newest that are due.
const START: Millis = Millis(1_795_510_800_000);
const RATES_OF: &str = "2026-11-23";
const SHOP: &str = "euro.example";

/// A shop in euros with one page.
pub struct Euro {
    pub port: u16,
    cents: Arc<Mutex<i64>>,
}

impl Euro {
    /// A shop whose page of LAMP asks so many cents.
    pub async fn open(cents: i64) -> Self {
        let cents = Arc::new(Mutex::new(cents));
        let shown = Arc::clone(&cents);
        let page = move || {
            let cents = *shown.lock().unwrap();
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let offer = format!(
                r#"{{"@type":"Offer","price":"{text}","priceCurrency":"EUR","availability":"https://schema.org/InStock"}}"#
            );
            let product = format!(
                r#"{{"@context":"https://schema.org","@type":"Product","name":"LAMP","sku":"LAMP","offers":{offer}}}"#
            );
            let page = format!(
                r#"<html lang="en"><title>LAMP</title><script type="application/ld+json">{product}</script><h1>LAMP</h1><p>EUR {text}</p>"#
            );
            async move { Html(page) }
        };
        let routes = axum::Router::new().route("/p/LAMP", get(page));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { port, cents }
    }

    pub fn show(&self, cents: i64) {
        *self.cents.lock().unwrap() = cents;
    }
}

/// A lamp that two shops offer for `ours` kroner, and then a third one in euros.
pub async fn lamp(test: TestDb, rules: &str, config: &'static str, ours: &'static str, cents: i64) -> (World, Euro) {
    let rules = format!("[[competitor]]\nid = \"{SHOP}\"\ncurrency = \"EUR\"\n{rules}");
    let products = vec![("LAMP", ours, Some("250.00"))];
    let setup = Setup { products, rules: Box::leak(rules.into_boxed_str()), config, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    let dkk = Rate { day: RATES_OF.into(), currency: "DKK".into(), rate: "7.4575".into() };
    settings::keep_rates(&world.app.db, vec![dkk], START).await.unwrap();
    world.drive().await;
    let euro = Euro::open(cents).await;
    let urls = format!("{} {} http://{SHOP}:{}/p/LAMP", world.near.url("LAMP"), world.far.url("LAMP"), euro.port);
    let csv = format!("sku,title,price,cost,urls\nLAMP,LAMP,{ours},250.00,{urls}\n");
    let parsed = import::read(csv.as_bytes(), &world.app.rules().await.unwrap().set, |_| {});
    assert_eq!(parsed.errors, vec![]);
    products::import(&world.app.db, parsed.rows, START).await.unwrap();
    (world, euro)
}

/// Verdict and reason of the newest look at the page in euros.
async fn newest(world: &World) -> (String, String) {
    let lamp = products::by_sku(&world.app.db, "LAMP").await.unwrap().unwrap();
    let pages = targets::of_product(&world.app.db, lamp.id).await.unwrap();
    let page = pages.iter().find(|page| page.competitor == SHOP).unwrap();
    let run = observations::recent(&world.app.db, page.id, 1).await.unwrap().remove(0);
    (run.verdict, run.reason)
}

const NO_FETCH: &str = "[fx]\nfetch = \"off\"\n";

async fn a_page_in_another_currency_is_held_against_its_own_past(test: TestDb) {
    let (world, euro) = lamp(test, "", NO_FETCH, "499.00", 6_690).await;
    for _ in 0..20 {
        world.drive().await;
        world.app.clock.advance(6 * Millis::HOUR);
    }
    assert_eq!(newest(&world).await.0, "accepted");
    euro.show(669);
    world.drive().await;
    assert_eq!(newest(&world).await, ("quarantined".to_owned(), "decimal_shift".to_owned()));
    let lamp = products::by_sku(&world.app.db, "LAMP").await.unwrap().unwrap();
    let latest = observations::latest_of_product(&world.app.db, lamp.id).await.unwrap();
    let theirs = latest.iter().find(|run| run.competitor == SHOP).unwrap();
    assert_eq!(theirs.price_minor, Some(6_690), "rules go on with what was believed");
    assert!(lamp.own_minor > 45_000, "{}", lamp.own_minor);
}

/// 118.00 is a sixth of 708.00 as a bare number, an instalment; at the rate it is 879.99 kroner, a quarter dearer.
async fn a_first_price_in_another_currency_is_compared_at_the_stored_rate(test: TestDb) {
    let (world, _euro) = lamp(test, "", NO_FETCH, "708.00", 11_800).await;
    world.settle().await;
    assert_eq!(newest(&world).await, ("accepted".to_owned(), "first_observation".to_owned()));
}

/// 9.50 is 70.85 kroner: a tenth of what the others ask, which the bare number hides.
async fn a_first_price_far_from_the_market_at_the_rate_is_no_price(test: TestDb) {
    let (world, _euro) = lamp(test, "", NO_FETCH, "708.00", 950).await;
    world.settle().await;
    assert_eq!(newest(&world).await, ("quarantined".to_owned(), "decimal_shift".to_owned()));
}

async fn a_price_war_with_a_competitor_in_another_currency_is_seen(test: TestDb) {
    let rules = "[[rule]]\nid = \"under\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 adjust = { amount = \"-1.00\" }\nbounds = { min = [ { margin_pct = \"10\" } ] }\n";
    let config = "[fx]\nfetch = \"off\"\n[guards.rivalry]\nleast_alternations = 6\n";
    let (world, euro) = lamp(test, rules, config, "499.00", 6_690).await;
    world.drive().await;
    for cents in [6_570, 6_476, 6_396, 6_288, 6_168] {
        euro.show(cents);
        world.app.clock.advance(Millis::HOUR);
        world.drive().await;
    }
    let lamp = products::by_sku(&world.app.db, "LAMP").await.unwrap().unwrap();
    let open = rivals::open(&world.app.db, lamp.id, world.app.now()).await.unwrap();
    assert!(open.iter().any(|rivalry| rivalry.kind == "war" && rivalry.competitor == SHOP), "{open:?}");
    let held = decisions::evaluation(&world.app.db, lamp.id).await.unwrap().unwrap();
    assert_eq!(held.outcome, "hold", "{}", held.why);
}
