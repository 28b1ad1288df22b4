//! A real Medusa shop: prices as shoppers of two regions are told them, sales that the shop starts and ends by itself,
//! and the writes of another hand that multiply prices.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use omniprice::channel::{PriceChange, Sale};
use omniprice::clock::Millis;
use omniprice::flow;
use omniprice::money::{Currency, WirePrice};
use serde_json::{Value, json};

use super::relay::{Passed, Relay, client};
use super::server::{Server, copied_database, prepared};
use super::stories::{Front, Live};
use super::world::{PRODUCTS, Pace, World, seeds};
use crate::connectors::double::{change, door};

/// Medusa takes up to two seconds for a batch, and more beside a compiler.
const PACE: Pace = Pace { timeout_s: 10, settle_s: 4 };

struct Medusa {
    base: String,
    seed: Value,
    client: reqwest::Client,
}

/// Only prices travel in such requests; the variants' own fields never do.
fn writes(passed: &Passed) -> bool {
    passed.method == "POST" && passed.body.contains("\"amount\"")
}

async fn open() -> Option<Live<Medusa>> {
    let names = ["TEST_MEDUSA_DIR", "TEST_MEDUSA_DATABASE", "TEST_MEDUSA_USER", "TEST_MEDUSA_PASSWORD"];
    let [folder, database, user, password] = prepared("Medusa", names)?;
    let own = copied_database(&database).await;
    let url = format!("{}/{own}", database.rsplit_once('/').unwrap().0);
    let environment =
        [("DATABASE_URL", url.as_str()), ("ADMIN_EMAIL", user.as_str()), ("ADMIN_PASSWORD", password.as_str())];
    let server = Server::boot(Path::new("node"), Path::new(&folder), &environment);
    let seed = server.seed(&seeds());
    let relay = Relay::open(server.port, writes).await;
    let text = |key: &str| seed[key].as_str().unwrap().to_owned();
    let channel = format!(
        "kind = \"medusa\"\nurl = \"http://127.0.0.1:{}\"\napi_key = \"{}\"\npublishable_key = \"{}\"\nregion = \"{}\"\ncurrency = \"DKK\"\ntax = \"gross\"",
        relay.port,
        text("secret_key"),
        text("publishable_key"),
        text("region")
    );
    let world = World::open(&channel, PACE).await;
    let front = Medusa { base: format!("http://127.0.0.1:{}", server.port), seed, client: client() };
    Some(Live { world, relay, server, front })
}

impl Medusa {
    fn text(&self, key: &str) -> &str {
        self.seed[key].as_str().unwrap()
    }

    fn variant(&self, sku: &str) -> (&str, &str) {
        let one = &self.seed["variants"][sku];
        (one["product"].as_str().unwrap(), one["id"].as_str().unwrap())
    }

    fn external(&self, sku: &str) -> String {
        let (product, variant) = self.variant(sku);
        format!("{product}/{variant}")
    }

    /// As somebody who is logged in to the back office.
    async fn admin(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Value {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("authorization", self.text("bearer")).header("content-type", "application/json");
        let answer = request.body(body.map(Value::to_string).unwrap_or_default()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What a shopper of a region is told: the price, and the price without a sale.
    async fn told(&self, sku: &str, region: &str) -> (i64, i64) {
        let (product, variant) = self.variant(sku);
        let query = format!("id={product}&region_id={}&fields=*variants.calculated_price", self.text(region));
        let request = self.client.get(format!("{}/store/products?{query}", self.base));
        let answer = request.header("x-publishable-api-key", self.text("publishable_key")).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let variants = answer["products"][0]["variants"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let own = variants.iter().find(|one| one["id"] == variant).unwrap_or_else(|| panic!("{variants:?}"));
        let minor = |key: &str| {
            let text = own["calculated_price"][key].to_string();
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            format!("{whole}{part:0<2}").parse().unwrap_or_else(|_| panic!("{own}"))
        };
        (minor("calculated_amount"), minor("original_amount"))
    }

    /// All rows of a variant, by currency.
    async fn rows(&self, sku: &str) -> BTreeMap<String, Vec<String>> {
        let path = format!("/admin/product-variants?id={}&fields=id,*prices", self.variant(sku).1);
        let answer = self.admin(reqwest::Method::GET, &path, None).await;
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for price in answer["variants"][0]["prices"].as_array().unwrap() {
            rows.entry(price["currency_code"].as_str().unwrap().to_owned())
                .or_default()
                .push(price["amount"].to_string());
        }
        rows
    }

    /// Another tool's write: its own price in minor units of DKK, and the euro price as it was.
    async fn write(&self, skus: &[&str], minor: i64) {
        let dkk: Value = serde_json::from_str(&format!("{}.{:02}", minor / 100, minor % 100)).unwrap();
        let update: Vec<Value> = skus
            .iter()
            .map(|sku| {
                let eur = &self.seed["variants"][sku]["eur"];
                json!({ "id": self.variant(sku).1, "prices": [
                    { "currency_code": "dkk", "amount": dkk }, { "currency_code": "eur", "amount": eur } ] })
            })
            .collect();
        let path = format!("/admin/products/{}/variants/batch?fields=id", self.variant(skus[0]).0);
        self.admin(reqwest::Method::POST, &path, Some(&json!({ "update": update }))).await;
    }
}

impl Front for Medusa {
    async fn asks(&self, sku: &str) -> i64 {
        self.told(sku, "region").await.0
    }

    async fn edit(&self, sku: &str, minor: i64) {
        self.write(&[sku], minor).await;
    }

    async fn remove(&self, sku: &str) {
        let (product, variant) = self.variant(sku);
        let path = format!("/admin/products/{product}/variants/{variant}");
        self.admin(reqwest::Method::DELETE, &path, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_medusa_is_repriced_edited_and_killed() {
    let Some(mut live) = open().await else { return };
    live.is_repriced_and_proved().await;
    for (sku, _) in PRODUCTS {
        let rows = live.front.rows(sku).await;
        assert_eq!(rows.values().map(Vec::len).collect::<Vec<_>>(), [1, 1], "{sku}: {rows:?}");
        let euros = live.front.seed["variants"][sku]["eur"].as_i64().unwrap() * 100;
        assert_eq!(live.front.told(sku, "region_eur").await.0, euros, "{sku}: the other market keeps its price");
    }
    live.puts_back_what_somebody_edits().await;
    live.begins_a_campaign_without_us("VASE").await;
    live.keeps_the_window_of_a_campaign("POT").await;
    live.survives_the_death_of_the_daemon(4, 1).await;
    live.survives_the_death_of_the_shop(6, 0).await;
    let product = |passed: &Passed| passed.path.clone();
    assert_eq!(live.relay.most_at_once(product), 1, "two writes of one product were under way together");
    let key = live.front.text("secret_key").to_owned();
    live.stops_at_a_dead_credential(8, &key, "sk_dead").await;
    live.goes_on_without_a_product_that_is_gone(10).await;
}

/// A reduction of 20 % from `starts` to `ends`, both in milliseconds from now.
fn sale(live: &Live<Medusa>, sku: &str, regular: i64, starts: i64, ends: i64) -> PriceChange {
    let now = live.world.app.now();
    let regular = WirePrice::from_minor(regular, Currency::DKK);
    // Windows are kept to the second.
    let at = |ms: i64| Millis((now.0 + ms) / 1_000 * 1_000);
    let sale = Sale { regular, prior: None, prior_from: None, starts_at: at(starts), ends_at: Some(at(ends)) };
    PriceChange {
        sale: Some(sale),
        ..change(&live.front.external(sku), sku, regular.minor().unwrap() * 8 / 10, Currency::DKK)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_medusa_starts_and_ends_sales_by_itself() {
    let Some(live) = open().await else { return };
    let channel = live.world.lane().channel.clone();
    let push = async |changes: &[PriceChange]| {
        for result in channel.push(changes, &door(changes)).await {
            result.unwrap();
        }
    };
    // Long enough for the pushes of a busy machine to be over before it opens.
    let planned = sale(&live, "KETTLE", 49_900, 12_000, 20_000);
    let (opens, ends) = (planned.sale.unwrap().starts_at, planned.sale.unwrap().ends_at.unwrap());
    let running = sale(&live, "LAMP", 34_900, -5_000, 3_600_000);
    push(&[planned.clone(), running.clone()]).await;
    assert_eq!(live.front.told("LAMP", "region").await, (27_920, 34_900));
    let seen = channel.read(std::slice::from_ref(&running.external)).await.unwrap().remove(0);
    assert_eq!((seen.price, seen.regular), (Some(running.price), Some(Some(running.sale.unwrap().regular))));

    let mut phases = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(40) {
        let before = live.world.app.now();
        let told = live.front.told("KETTLE", "region").await.0;
        let after = live.world.app.now();
        // Only looks that surely fall into one phase say something.
        let phase = |at: Millis| usize::from(at >= opens) + usize::from(at >= ends);
        if phase(before) == phase(after) {
            let expected = if phase(before) == 1 { 39_920 } else { 49_900 };
            assert_eq!(told, expected, "{before}: open from {opens} to {ends}");
            phases.push(phase(before));
        }
        if phase(after) == 2 && phases.last() == Some(&2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    phases.dedup();
    assert_eq!(phases, [0, 1, 2], "before, while and after");

    // Another window of the same product, and then none at all: cleared before its end, and zero is not the way.
    let longer = sale(&live, "LAMP", 34_900, -5_000, 7_200_000);
    push(std::slice::from_ref(&longer)).await;
    assert_eq!(live.front.told("LAMP", "region").await, (27_920, 34_900));
    push(&[change(&live.front.external("LAMP"), "LAMP", 33_900, Currency::DKK)]).await;
    assert_eq!(live.front.told("LAMP", "region").await, (33_900, 33_900));
    let lists = live.front.admin(reqwest::Method::GET, "/admin/price-lists?fields=title,prices.*", None).await;
    for list in lists["price_lists"].as_array().unwrap() {
        let left = list["prices"].as_array().unwrap().len();
        let own = list["title"].as_str().unwrap().contains(&opens.to_string());
        assert_eq!(left, usize::from(own), "only the window that is over by itself keeps its row: {list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_that_another_hand_multiplied_are_noticed_and_healed() {
    let Some(live) = open().await else { return };
    live.is_repriced_and_proved().await;
    let ours = live.front.asks("KETTLE").await;
    let three = ["KETTLE", "LAMP", "VASE"];
    // Eight tools at once: some write less than we ask, some more.
    let all = (0..8).map(|n| live.front.write(&three, ours + 100 * (n - 3)));
    super::together(all.collect()).await;
    let rows = live.front.rows("KETTLE").await;
    println!("after eight writers: {rows:?}");
    assert!(rows["dkk"].len() > 1, "the race did not happen: {rows:?}");

    let externals = three.map(|sku| live.front.external(sku));
    let seen = live.world.lane().channel.read(&externals).await.unwrap();
    assert!(seen.iter().all(|seen| seen.disputed.is_some()), "{seen:?}");
    let report = flow::reconcile(&live.world.app, live.world.lane(), false).await.unwrap();
    assert_eq!(report.differences.len(), 3, "{report:?}");
    live.world.settle().await;
    for sku in three {
        let rows = live.front.rows(sku).await;
        assert_eq!((rows["dkk"].len(), rows["eur"].len()), (1, 1), "{sku}: {rows:?}");
    }
    assert_eq!(live.front.asks("KETTLE").await, ours);
}
