//! A real Vendure shop: prices as a shopper sees them, the deadlock that it answers with HTTP 200, and a price edited by
//! hand that is told and left alone where the policy says so.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use omniprice::flow;
use omniprice::store::events;
use serde_json::{Value, json};

use super::relay::{Passed, Relay, client};
use super::server::{Server, copied_database, prepared};
use super::stories::{Front, Live};
use super::world::{PRODUCTS, Pace, World, seeds};

const PACE: Pace = Pace { timeout_s: 5, settle_s: 4 };

struct Vendure {
    base: String,
    seed: Value,
    client: reqwest::Client,
}

fn writes(passed: &Passed) -> bool {
    passed.body.contains("updateProductVariants")
}

async fn open() -> Option<Live<Vendure>> {
    let [folder, postgres] = prepared("Vendure", ["TEST_VENDURE_DIR", "TEST_VENDURE_POSTGRES"])?;
    let own = copied_database(&format!("postgres://postgres@{postgres}/postgres")).await;
    let (host, port) = postgres.split_once(':').unwrap();
    let environment = [("PGHOST", host), ("PGPORT", port), ("PGDATABASE", own.as_str()), ("PGUSER", "postgres")];
    let server = Server::boot(Path::new("node"), Path::new(&folder), &environment);
    let seed = server.seed(&seeds());
    let relay = Relay::open(server.port, writes).await;
    let channel = format!(
        "kind = \"vendure\"\nurl = \"http://127.0.0.1:{}\"\napi_key = {}\ncurrency = \"DKK\"\ntax = \"gross\"",
        relay.port, seed["api_key"]
    );
    let world = World::open(&channel, PACE).await;
    let base = format!("http://127.0.0.1:{}", server.port);
    Some(Live { world, relay, server, front: Vendure { base, seed, client: client() } })
}

const EDIT: &str = "mutation($i:[UpdateProductVariantInput!]!){updateProductVariants(input:$i){id}}";

impl Vendure {
    fn id(&self, sku: &str) -> &str {
        self.seed["variants"][sku].as_str().unwrap()
    }

    async fn ask(&self, path: &str, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.client.post(format!("{}/{path}", self.base)).header("content-type", "application/json");
        let request = request.header("vendure-api-key", self.seed["api_key"].as_str().unwrap());
        serde_json::from_str(&request.body(body).send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// Another tool's write of one currency, in the order given; whether it went through.
    async fn write(&self, skus: &[&str], currency: &str, minor: i64) -> bool {
        let one = |sku: &&str| json!({ "id": self.id(sku), "prices": [{ "currencyCode": currency, "price": minor }] });
        let input: Vec<Value> = skus.iter().map(one).collect();
        self.ask("admin-api", EDIT, json!({ "i": input })).await.get("errors").is_none()
    }
}

impl Front for Vendure {
    /// What a shopper pays, VAT included.
    async fn asks(&self, sku: &str) -> i64 {
        let query = "query($s:String!){product(slug:$s){variants{sku priceWithTax currencyCode}}}";
        let answer = self.ask("shop-api", query, json!({ "s": self.seed["slug"] })).await;
        let variants = answer.pointer("/data/product/variants").and_then(Value::as_array).unwrap().clone();
        let variant = variants.iter().find(|v| v["sku"] == sku).unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(variant["currencyCode"], "DKK");
        variant["priceWithTax"].as_i64().unwrap()
    }

    async fn edit(&self, sku: &str, minor: i64) {
        assert!(self.write(&[sku], "DKK", minor).await);
    }

    async fn remove(&self, sku: &str) {
        let query = "mutation($id:ID!){deleteProductVariant(id:$id){result}}";
        let bearer = format!("Bearer {}", self.seed["bearer"].as_str().unwrap());
        let body = json!({ "query": query, "variables": { "id": self.id(sku) } }).to_string();
        let request = self.client.post(format!("{}/admin-api", self.base)).header("authorization", bearer);
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(answer.pointer("/data/deleteProductVariant/result"), Some(&json!("DELETED")), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_vendure_is_repriced_edited_and_killed() {
    let Some(mut live) = open().await else { return };
    live.is_repriced_and_proved().await;
    live.puts_back_what_somebody_edits().await;
    live.keeps_the_window_of_a_campaign("POT").await;
    tells_and_leaves_alone_what_somebody_edits(&live).await;
    live.survives_the_death_of_the_daemon(4, 0).await;
    live.survives_the_death_of_the_shop(6, 0).await;
    let key = live.front.seed["api_key"].as_str().unwrap().to_owned();
    live.stops_at_a_dead_credential(8, &key, "dead").await;
    live.goes_on_without_a_product_that_is_gone(10).await;
}

/// Where the policy is `alert`, the edited price stays until a person decides.
async fn tells_and_leaves_alone_what_somebody_edits(live: &Live<Vendure>) {
    let calm = live.world.rebuilt(|text| text.replace("drift = \"reassert\"", "drift = \"alert\"")).await;
    live.front.edit("VASE", 1_900).await;
    flow::reconcile(&calm, &calm.lanes[0], false).await.unwrap();
    let drifted = live.world.listing("VASE").await;
    assert_eq!((drifted.state.as_str(), drifted.live_minor), ("drifted", Some(1_900)));
    let open = events::open(&live.world.app.db, 10).await.unwrap();
    assert!(open.iter().any(|event| event.kind == "drift" && event.message.contains("19.00 DKK")), "{open:?}");
    flow::pass(&calm, 2_000).await.unwrap();
    assert_eq!(live.front.asks("VASE").await, 1_900, "told, not overwritten");
}

/// Pushes of ours that the shop's database chose to give up.
async fn deadlocks(live: &Live<Vendure>) -> usize {
    let mut met = 0;
    for (sku, _) in PRODUCTS {
        let attempts = live.world.attempts(sku).await;
        met += attempts.iter().filter(|one| one.outcome == "retry" && one.detail.contains("deadlock")).count();
    }
    met
}

/// Rounds of colliding writes after which a database that never deadlocks is believed.
const ROUNDS: i64 = 40;
const HANDS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadlock_behind_http_200_is_tried_again_until_it_is_through() {
    let Some(live) = open().await else { return };
    live.is_repriced_and_proved().await;
    let backwards: Vec<&str> = PRODUCTS.iter().rev().map(|(sku, _)| *sku).collect();
    let forwards: Vec<&str> = PRODUCTS.iter().map(|(sku, _)| *sku).collect();
    let over = AtomicBool::new(false);
    // Other hands keep writing euro prices of the same variants, from both ends; ours are crowns.
    let hand = async |n: usize| {
        while !over.load(Ordering::Relaxed) {
            let order = if n.is_multiple_of(2) { &backwards } else { &forwards };
            live.front.write(order, "EUR", 1_000 + i64::try_from(n).unwrap()).await;
        }
    };
    let ours = async {
        let started = Instant::now();
        let mut lowered = Vec::new();
        for round in 0..ROUNDS {
            lowered = live.world.undercut(3 + round);
            live.world.decide().await;
            live.world.settle().await;
            if deadlocks(&live).await > 0 || started.elapsed() > Duration::from_secs(60) {
                break;
            }
        }
        over.store(true, Ordering::Relaxed);
        lowered
    };
    let hands = async {
        let mut all = Vec::new();
        for n in 0..HANDS {
            all.push(hand(n));
        }
        super::together(all).await;
    };
    let (lowered, ()) = tokio::join!(ours, hands);
    let met = deadlocks(&live).await;
    println!("{met} attempts of ours met a deadlock");
    assert!(met > 0, "no write of ours was ever the victim");
    live.shows(&lowered).await;
}
