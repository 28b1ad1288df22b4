//! A real Tryton with a till: prices as a cashier rings them up.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::relay::{Passed, Relay, client};
use super::server::{Server, copied_database, prepared};
use super::stories::{Front, Live};
use super::world::{Pace, World, seeds};

const PACE: Pace = Pace { timeout_s: 5, settle_s: 4 };

struct Tryton {
    url: String,
    seed: Value,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

fn writes(passed: &Passed) -> bool {
    passed.body.contains("\"model.product.template.write\"")
}

async fn open() -> Option<Live<Tryton>> {
    open_with("tax = \"gross\"").await
}

/// With these keys about tax in the channel's table.
async fn open_with(tax: &str) -> Option<Live<Tryton>> {
    let [folder, database] = prepared("Tryton", ["TEST_TRYTON_DIR", "TEST_TRYTON_DATABASE"])?;
    let own = copied_database(&database).await;
    let settings = tempfile::tempdir().unwrap();
    let file = settings.path().join("trytond.conf");
    let server = database.rsplit_once('/').unwrap().0.replace("postgres://", "postgresql://");
    std::fs::write(&file, format!("[database]\nuri = {server}/\n")).unwrap();
    let environment = [("TRYTON_CONFIG", file.to_str().unwrap()), ("TRYTON_DATABASE", own.as_str())];
    let folder = Path::new(&folder);
    let server = Server::boot(&folder.join("venv/bin/python"), folder, &environment);
    let mut all = seeds();
    // A product of the days before the till: it has a list price and no gross price yet.
    let vase = all.iter_mut().find(|seed| seed.starts_with("VASE=")).unwrap();
    *vase = vase.replace('=', "=-");
    let seed = server.seed(&all);
    let relay = Relay::open(server.port, writes).await;
    let channel = format!(
        "kind = \"tryton\"\nurl = \"http://127.0.0.1:{}/\"\ndatabase = \"{own}\"\nlogin = {}\npassword = {}\ncompany = {}\ncurrency = \"DKK\"\n{tax}",
        relay.port, seed["login"], seed["password"], seed["company"]
    );
    let world = World::open(&channel, PACE).await;
    let url = format!("http://127.0.0.1:{}/{own}/", server.port);
    Some(Live { world, relay, server, front: Tryton { url, seed, client: client(), _folder: settings } })
}

impl Tryton {
    fn id(&self, sku: &str, kind: &str) -> i64 {
        self.seed["products"][sku][kind].as_i64().unwrap()
    }

    /// As the shop's own clients call it.
    async fn rpc(&self, method: &str, mut params: Vec<Value>) -> Value {
        params.push(json!({ "company": self.seed["company"] }));
        let text = |key: &str| self.seed[key].as_str().unwrap();
        let pair = BASE64.encode(format!("{}:{}", text("login"), text("password")));
        let body = json!({ "id": 1, "method": method, "params": params }).to_string();
        let request = self.client.post(&self.url).header("authorization", format!("Basic {pair}"));
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }
}

fn decimal(minor: i64) -> Value {
    json!({ "__class__": "Decimal", "decimal": format!("{}.{:02}", minor / 100, minor % 100) })
}

fn minor(decimal: &Value) -> i64 {
    let text = decimal["decimal"].as_str().unwrap_or_else(|| panic!("{decimal}"));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let (cents, rest) = part.split_at(part.len().min(2));
    assert_eq!(rest.trim_end_matches('0'), "", "{text} has parts of an øre");
    format!("{whole}{cents:0<2}").parse().unwrap()
}

impl Front for Tryton {
    /// What the till puts into a new line when the cashier picks the product.
    async fn asks(&self, sku: &str) -> i64 {
        let point = &self.seed["point"];
        let sale = json!({ "point": point, "company": self.seed["company"], "currency": 1, "state": "open",
            "date": { "__class__": "date", "year": 2026, "month": 6, "day": 1 } });
        let line = json!({ "product": self.id(sku, "product"), "quantity": 1.0, "sale": sale });
        let filled = self.rpc("model.sale.point.sale.line.on_change", vec![line, json!(["product"])]).await;
        minor(&filled["amount"])
    }

    async fn edit(&self, sku: &str, minor: i64) {
        let values = json!({ "gross_price": decimal(minor) });
        self.rpc("model.product.template.write", vec![json!([self.id(sku, "template")]), values]).await;
    }

    async fn remove(&self, sku: &str) {
        self.rpc("model.product.template.delete", vec![json!([self.id(sku, "template")])]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_till_is_repriced_edited_and_killed() {
    let Some(mut live) = open().await else { return };
    live.is_repriced_and_proved().await;
    live.puts_back_what_somebody_edits().await;
    live.keeps_the_window_of_a_campaign("POT").await;
    live.tells_that_it_may_not_write("login = \"omniprice\"", "login = \"cashier\"", "Product Administration").await;
    live.survives_the_death_of_the_shop(6, 0).await;
    let password = live.front.seed["password"].as_str().unwrap().to_owned();
    live.stops_at_a_dead_credential(8, &password, "dead").await;
    live.goes_on_without_a_product_that_is_gone(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_till_rings_up_the_decided_price_after_the_daemon_died() {
    let Some(live) = open().await else { return };
    live.is_repriced_and_proved().await;
    live.survives_the_death_of_the_daemon(4, 0).await;
    // A sale that is closed with the price in it, as the receipt says.
    let ours = live.front.asks("KETTLE").await;
    let line = json!({ "product": live.front.id("KETTLE", "product"), "quantity": 2.0,
        "unit_gross_price": decimal(ours), "unit_list_price": decimal(ours) });
    let sale = json!([{ "point": live.front.seed["point"], "lines": [["create", [line]]] }]);
    let made = live.front.rpc("model.sale.point.sale.create", vec![sale]).await;
    let sales = live.front.rpc("model.sale.point.sale.read", vec![made, json!(["total"])]).await;
    assert_eq!(minor(&sales[0]["total"]), 2 * ours);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_price_without_tax_keeps_four_decimals_and_gives_back_our_price() {
    let Some(live) = open_with("tax = \"net\"\nnet_decimals = 4").await else { return };
    let probe = live.world.lane().channel.probe().await.unwrap();
    assert_eq!((probe.problems, probe.notes), (vec![], vec![]), "the server keeps the four that it is sent");
    live.world.pass().await;
    let lowered = live.world.undercut(3);
    live.world.pass().await;
    live.world.settle().await;
    let mut finer = 0;
    for (sku, ours) in lowered {
        let ids = json!([live.front.id(sku, "template")]);
        let read = live.front.rpc("model.product.template.read", vec![ids, json!(["list_price"])]).await;
        let net = read[0]["list_price"]["decimal"].as_str().unwrap();
        let net: omniprice::money::Decimal = net.parse().unwrap();
        finer += usize::from(net.normalize().scale() > 2);
        let gross = net * omniprice::money::Decimal::new(125, 2);
        assert_eq!(gross, omniprice::money::Decimal::new(ours, 2), "{sku} is {net} without tax");
    }
    assert!(finer > 0, "two decimals would have done");
}
