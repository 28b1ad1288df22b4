//! A real Vendure shop, started by this test: repriced by the real daemon, seen as a shopper sees it, killed in the
//! middle of a push, edited by hand.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use omniprice::app::App;
use omniprice::clock::Clock;
use omniprice::config::Config;
use omniprice::demo::market::{Markup, Shop as Competitor};
use omniprice::flow;
use omniprice::store::{events, listings, products, targets};
use serde_json::{Value, json};

use crate::harness::{Engine, RULES, TestDb, database, price, skip, uuid};

/// A server process that is gone when the test is.
struct Server {
    child: Child,
    port: u16,
    database: String,
    folder: PathBuf,
    postgres: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[expect(clippy::zombie_processes, reason = "the caller's Server waits for it when it is dropped")]
fn boot(folder: &Path, postgres: &str, database: &str, port: u16) -> Child {
    let (host, pg_port) = postgres.split_once(':').unwrap();
    let mut child = Command::new("node")
        .arg("server.js")
        .current_dir(folder)
        .envs([
            ("PORT", port.to_string().as_str()),
            ("PGHOST", host),
            ("PGPORT", pg_port),
            ("PGDATABASE", database),
            ("PGUSER", "postgres"),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = Instant::now();
    while let Some(Ok(line)) = lines.next() {
        if line.contains("\"ready\"") {
            // The pipe has to be drained for as long as the server lives.
            std::thread::spawn(move || for _ in lines {});
            return child;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "Vendure did not come up");
    }
    panic!("Vendure ended before it was ready");
}

impl Server {
    async fn open() -> Option<Self> {
        let (Ok(folder), Ok(postgres)) = (std::env::var("TEST_VENDURE_DIR"), std::env::var("TEST_VENDURE_POSTGRES"))
        else {
            skip("Vendure", "TEST_VENDURE_DIR is not set; ./test installs and starts one");
            return None;
        };
        use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
        let database = format!("vendure_{}", uuid());
        let mut connection =
            sqlx::PgConnection::connect(&format!("postgres://postgres@{postgres}/postgres")).await.unwrap();
        connection.execute(AssertSqlSafe(format!("create database {database}"))).await.unwrap();
        let (folder, port) = (PathBuf::from(folder), free_port());
        let child = boot(&folder, &postgres, &database, port);
        Some(Self { child, port, database, folder, postgres })
    }

    /// SIGKILL, as a machine that loses power.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn boot_again(&mut self) {
        self.child = boot(&self.folder, &self.postgres, &self.database, self.port);
    }

    fn seed(&self, variants: &[&str]) -> Value {
        let output = Command::new("node")
            .arg("seed.js")
            .args(variants)
            .current_dir(&self.folder)
            .env("PORT", self.port.to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    async fn post(&self, path: &str, key: Option<&str>, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let key = key.map(|key| format!("vendure-api-key: {key}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{key}content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (from, to) = (answer.find('{').unwrap(), answer.rfind('}').unwrap());
        serde_json::from_str(&answer[from..=to]).unwrap()
    }

    /// What a shopper pays, in minor units, VAT included.
    async fn shopper(&self, slug: &str, sku: &str) -> i64 {
        let query = "query($s:String!){product(slug:$s){variants{sku priceWithTax currencyCode}}}";
        let answer = self.post("shop-api", None, query, json!({ "s": slug })).await;
        let variants = answer.pointer("/data/product/variants").and_then(Value::as_array).unwrap().clone();
        let variant = variants.iter().find(|v| v["sku"] == sku).unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(variant["currencyCode"], "DKK");
        variant["priceWithTax"].as_i64().unwrap()
    }
}

struct Shop {
    server: Server,
    seed: Value,
    near: Competitor,
    app: std::sync::Arc<App>,
    config: PathBuf,
    _test: TestDb,
}

impl Shop {
    async fn open() -> Option<Self> {
        let server = Server::open().await?;
        let seed = server.seed(&["KETTLE=49900", "LAMP=34900"]);
        let test = database(Engine::Sqlite).await.unwrap();
        let titles = [("KETTLE", "Kettle"), ("LAMP", "Lamp")].into_iter().collect();
        let (near, _) = Competitor::open("near.example", Markup::JsonLd, titles).await.unwrap();
        near.show("KETTLE", price(49_900));
        near.show("LAMP", price(34_900));
        let folder = test.dir.path();
        std::fs::write(folder.join("rules.toml"), RULES).unwrap();
        let config = folder.join("omniprice.toml");
        let text = format!(
            "mode = \"auto\"\n[database]\nurl = \"{}\"\n[fetch]\ndelay = \"0s\"\nallow_networks = [\"127.0.0.0/8\"]\nresolve = {{ \"*\" = \"127.0.0.1\" }}\n\
             [release]\noff = [\"quorum\", \"staging\", \"velocity\", \"loop\"]\n[publish]\nretry = [\"300ms\", \"1s\"]\ntimeout = \"5s\"\nlease = \"11s\"\nverify_after = \"100ms\"\nlate_within = \"3s\"\n\
             settle_within = \"5s\"\ngive_up_after = 200\n[web]\nlisten = \"\"\n[channels.webshop]\nkind = \"vendure\"\nurl = \"http://127.0.0.1:{}\"\napi_key = \"{}\"\n\
             currency = \"DKK\"\ntax = \"gross\"\n",
            test.url,
            server.port,
            seed["api_key"].as_str().unwrap()
        );
        std::fs::write(&config, text).unwrap();
        let app = App::build(Config::load(Some(&config), &[]).unwrap(), Clock::System).await.unwrap();
        let rules = app.rules().await.unwrap();
        let csv = format!(
            "sku,title,price,cost,urls\nKETTLE,Kettle,499.00,250.00,{}\nLAMP,Lamp,349.00,150.00,{}\n",
            near.url("KETTLE"),
            near.url("LAMP")
        );
        let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
        products::import(&app.db, parsed.rows, app.now()).await.unwrap();
        Some(Self { server, seed, near, app, config, _test: test })
    }

    async fn pass(&self) {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        flow::pass(&self.app, 12_000).await.unwrap();
    }

    async fn sees(&self, sku: &str) -> i64 {
        self.server.shopper(self.seed["slug"].as_str().unwrap(), sku).await
    }

    async fn listing(&self, sku: &str) -> listings::Listing {
        let product = products::by_sku(&self.app.db, sku).await.unwrap().unwrap();
        listings::of_product(&self.app.db, product.id).await.unwrap().remove(0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_shop_is_repriced_proved_killed_and_edited() {
    let Some(mut shop) = Shop::open().await else { return };
    let lane = shop.app.lane("webshop").unwrap().clone();
    let probe = lane.channel.probe().await.unwrap();
    assert_eq!(probe.problems, Vec::<String>::new());

    shop.pass().await;
    assert_eq!(shop.sees("KETTLE").await, 49_900, "the live price is the starting point");
    shop.near.show("KETTLE", price(47_900));
    shop.pass().await;
    assert_eq!(shop.sees("KETTLE").await, 47_900);
    assert_eq!(shop.listing("KETTLE").await.state, "verified");

    // The daemon is killed between the decision and the push.
    shop.near.show("KETTLE", price(46_900));
    targets::due_now(&shop.app.db, None, shop.app.now()).await.unwrap();
    while flow::check_due(&shop.app).await.unwrap() > 0 {}
    while flow::decide_due(&shop.app).await.unwrap() > 0 {}
    assert_eq!(shop.sees("KETTLE").await, 47_900);
    let daemon = Command::new(env!("CARGO_BIN_EXE_omniprice"))
        .args(["run", "--config"])
        .arg(&shop.config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut daemon =
        Server { child: daemon, port: 0, database: String::new(), folder: PathBuf::new(), postgres: String::new() };
    let started = Instant::now();
    while shop.listing("KETTLE").await.state != "verified" {
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", shop.listing("KETTLE").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.kill();
    // What a daemon does when it starts alone on its database.
    omniprice::store::settings::free_leases(&shop.app.db).await.unwrap();
    assert_eq!(shop.sees("KETTLE").await, 46_900, "the next daemon carried the decision out");

    // The shop is killed while pushes are on their way; the outcome is unknown until it is back and was read.
    shop.near.show("KETTLE", price(45_900));
    shop.near.show("LAMP", price(32_900));
    targets::due_now(&shop.app.db, None, shop.app.now()).await.unwrap();
    while flow::check_due(&shop.app).await.unwrap() > 0 {}
    while flow::decide_due(&shop.app).await.unwrap() > 0 {}
    let app = std::sync::Arc::clone(&shop.app);
    let push = tokio::spawn(async move { flow::publish_due(&app, app.lane("webshop").unwrap()).await });
    tokio::time::sleep(Duration::from_millis(30)).await;
    shop.server.kill();
    push.await.unwrap().unwrap();
    let between = shop.listing("KETTLE").await;
    println!("after the kill: {} ({})", between.state, between.reason);
    assert_ne!(between.state, "verified");
    shop.server.boot_again();
    flow::pass(&shop.app, 20_000).await.unwrap();
    for (sku, minor) in [("KETTLE", 45_900), ("LAMP", 32_900)] {
        assert_eq!((shop.sees(sku).await, shop.listing(sku).await.state.as_str()), (minor, "verified"), "{sku}");
    }

    // Somebody edits a price by hand.
    let id = shop.seed["variants"]["LAMP"].as_str().unwrap().to_owned();
    let edit = "mutation($i:[UpdateProductVariantInput!]!){updateProductVariants(input:$i){id}}";
    let input = json!({ "i": [{ "id": id, "prices": [{ "currencyCode": "DKK", "price": 19_900 }] }] });
    let answer = shop.server.post("admin-api", shop.seed["api_key"].as_str(), edit, input).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    flow::reconcile(&shop.app, &lane, false).await.unwrap();
    let drifted = shop.listing("LAMP").await;
    assert_eq!((drifted.state.as_str(), drifted.live_minor), ("drifted", Some(19_900)));
    assert!(events::open(&shop.app.db, 10).await.unwrap().iter().any(|e| e.kind == "drift"));
    assert_eq!(shop.sees("LAMP").await, 19_900, "told, not overwritten");

    // A dead key: the channel stops, and says so.
    let text = std::fs::read_to_string(&shop.config).unwrap().replace(shop.seed["api_key"].as_str().unwrap(), "dead");
    let config = Config::from_table(omniprice_table(&text), shop.config.parent().unwrap().to_owned()).unwrap();
    let broken = App::build(config, Clock::System).await.unwrap();
    let error = broken.lane("webshop").unwrap().channel.read(&[id]).await.unwrap_err();
    assert_eq!(error.class, omniprice::channel::Class::Refused, "{error}");
}

fn omniprice_table(text: &str) -> toml::Table {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("omniprice.toml");
    std::fs::write(&file, text).unwrap();
    omniprice::config::merged(Some(&file), &[]).unwrap().0
}
