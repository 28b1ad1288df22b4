//! A real django-oscar shop: prices as its API and its pages tell them, behind a throttle that means it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::relay::{Passed, Relay, client};
use super::server::{Server, prepared};
use super::stories::{Front, Live};
use super::world::{PRODUCTS, Pace, World, seeds};
use crate::harness::minor;

const PACE: Pace = Pace { timeout_s: 5, settle_s: 4 };
/// No throttle that a test could meet by accident.
const FREE: &str = "100000/60";
/// Visits to one page before it counts as broken.
const VISITS: u32 = 10;

struct Oscar {
    base: String,
    seed: Value,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

fn writes(passed: &Passed) -> bool {
    passed.method == "PATCH"
}

/// `throttle` is `REQUESTS/SECONDS` for a user.
async fn open(throttle: &str) -> Option<Live<Oscar>> {
    let [folder, database] = prepared("django-oscar", ["TEST_OSCAR_DIR", "TEST_OSCAR_DATABASE"])?;
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("shop.sqlite3");
    std::fs::copy(database, &file).unwrap();
    let environment = [("OSCAR_DATABASE", file.to_str().unwrap()), ("THROTTLE", throttle)];
    let folder = Path::new(&folder);
    let server = Server::boot(&folder.join("venv/bin/python"), folder, &environment);
    let seed = server.seed(&seeds());
    let relay = Relay::open(server.port, writes).await;
    // Faster than the throttle: the shop's own word must be what slows the daemon down.
    let channel = format!(
        "kind = \"oscar\"\nurl = \"http://127.0.0.1:{}/api/\"\ntoken = {}\npartner = {}\nrequests_per_minute = 100000\ncurrency = \"DKK\"\ntax = \"gross\"",
        relay.port, seed["token"], seed["partner"]
    );
    let world = World::open(&channel, PACE).await;
    let base = format!("http://127.0.0.1:{}", server.port);
    Some(Live { world, relay, server, front: Oscar { base, seed, client: client(), _folder: own } })
}

impl Oscar {
    fn id(&self, sku: &str) -> i64 {
        self.seed["products"][sku]["id"].as_i64().unwrap()
    }

    /// A page. The shop's SQLite fails visits that count themselves while another writes, so a visitor tries again.
    async fn text(&self, path: &str) -> String {
        for _ in 0..VISITS {
            let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
            if answer.status() != reqwest::StatusCode::INTERNAL_SERVER_ERROR {
                assert!(answer.status().is_success(), "{path}: {}", answer.status());
                return answer.text().await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("{path}: fails every time");
    }

    /// What the API and the product page tell, one after the other.
    async fn told(&self, sku: &str) -> (i64, i64) {
        let told: Value =
            serde_json::from_str(&self.text(&format!("/api/products/{}/price/", self.id(sku))).await).unwrap();
        assert_eq!(told["currency"], "DKK");
        let slug = self.seed["products"][sku]["slug"].as_str().unwrap();
        let page = self.text(&format!("/catalogue/{slug}_{}/", self.id(sku))).await;
        (minor(told["incl_tax"].as_str().unwrap()), on_the_page(&page))
    }

    /// As somebody with the shop's staff token, whom the throttle counts too.
    async fn staff(&self, method: reqwest::Method, sku: &str, body: Option<Value>) -> Value {
        let path = format!("/api/admin/products/{}/", self.id(sku));
        let token = format!("Token {}", self.seed["token"].as_str().unwrap());
        let request = self.client.request(method, format!("{}{path}", self.base)).header("authorization", token);
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.map(|body| body.to_string()).unwrap_or_default()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// The amount in `<p class="price_color">DKK449.10</p>`.
fn on_the_page(page: &str) -> i64 {
    let (_, rest) = page.split_once("price_color\">").unwrap_or_else(|| panic!("no price on the page"));
    let text = rest.split('<').next().unwrap();
    minor(&text.trim().trim_start_matches("DKK").replace([',', '\u{a0}'], ""))
}

impl Front for Oscar {
    /// The API's and the product page's word, which must be one; a price may change between the two questions.
    async fn asks(&self, sku: &str) -> i64 {
        let mut told = self.told(sku).await;
        if told.0 != told.1 {
            told = self.told(sku).await;
        }
        assert_eq!(told.0, told.1, "{sku}: the API and the page");
        told.0
    }

    async fn edit(&self, sku: &str, minor: i64) {
        let held = self.staff(reqwest::Method::GET, sku, None).await;
        let records = held["stockrecords"].as_array().unwrap();
        let own = records.iter().find(|record| record["partner_sku"] == sku).unwrap();
        let price = format!("{}.{:02}", minor / 100, minor % 100);
        let record = json!({ "partner": own["partner"], "partner_sku": sku, "price_currency": "DKK", "price": price });
        let body = json!({ "upc": sku, "product_class": held["product_class"], "stockrecords": [record] });
        self.staff(reqwest::Method::PATCH, sku, Some(body)).await;
    }

    async fn remove(&self, sku: &str) {
        self.staff(reqwest::Method::DELETE, sku, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_oscar_is_repriced_edited_and_killed() {
    let Some(mut live) = open(FREE).await else { return };
    live.is_repriced_and_proved().await;
    for (sku, price) in PRODUCTS {
        let held = live.front.staff(reqwest::Method::GET, sku, None).await;
        let records = held["stockrecords"].as_array().unwrap();
        let other = records.iter().find(|record| record["partner_sku"] == format!("X-{sku}")).unwrap();
        assert_eq!(minor(other["price"].as_str().unwrap()), 2 * minor(price), "{sku}: another partner's price stays");
    }
    live.puts_back_what_somebody_edits().await;
    live.keeps_the_window_of_a_campaign("POT").await;
    live.survives_the_death_of_the_daemon(4, 1).await;
    live.survives_the_death_of_the_shop(6, 2).await;
    let [token, reader] = ["token", "reader"].map(|key| live.front.seed[key].as_str().unwrap().to_owned());
    live.tells_that_it_may_not_write(&token, &reader, "change product").await;
    live.stops_at_a_dead_credential(8, &token, "dead").await;
    live.goes_on_without_a_product_that_is_gone(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttle_s_own_time_is_obeyed_to_the_second() {
    // Mapping and one price take more than this, so the shop says 429 again and again.
    let Some(live) = open("6/3").await else { return };
    live.world.pass().await;
    let lowered = live.world.undercut(2);
    live.world.pass().await;
    live.world.settle().await;
    live.shows(&lowered).await;
    let passed = live.relay.passed();
    let mut refusals = 0;
    for refused in passed.iter().filter(|one| one.status == 429) {
        let wait = refused.retry_after.expect("the REST framework names a time");
        let until = refused.until.unwrap() + wait;
        // The clock of the wait starts when the answer has come back through the relay.
        let early: Vec<_> = passed
            .iter()
            .filter(|one| one.from > refused.until.unwrap() + Duration::from_millis(50) && one.from < until)
            .map(|one| (&one.method, &one.path, until - one.from))
            .collect();
        assert!(early.is_empty(), "before the {wait:?} of a 429 were over: {early:?}");
        refusals += 1;
    }
    println!("{refusals} refusals among {} requests", passed.len());
    assert!(refusals > 0, "the throttle never spoke");
}
