//! Databases for tests (a temporary file for SQLite, a schema of its own for PostgreSQL), and a small world: competitor
//! shops and channels on loopback around the real application.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::demo::market::{Markup, Shop as Competitor, Shown};
use omniprice::demo::shop::Shop as Channel;
use omniprice::flow::{self, Pass};
use omniprice::store::lanes::Permit;
use omniprice::store::listings::Listing;
use omniprice::store::{Db, listings, products, targets};

use crate::command::{Said, hear, program};

/// A database for one test. Dropping it removes a SQLite file; PostgreSQL schemas are dropped by the next run's cluster.
pub struct TestDb {
    pub db: Db,
    pub url: String,
    pub dir: tempfile::TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// True where skipping is a failure: in CI.
pub fn strict() -> bool {
    std::env::var_os("OMNIPRICE_TEST_STRICT").is_some()
}

/// Says what is skipped and why; fails where nothing may be skipped.
pub fn skip(what: &str, why: &str) {
    assert!(!strict(), "{what} must not be skipped here: {why}");
    // Written past the capture of the test runner: what was not tested must be seen although nothing failed.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {what}: {why}\n").as_bytes());
}

/// A migrated database, or `None` (said) where PostgreSQL is not at hand.
pub async fn database(engine: Engine) -> Option<TestDb> {
    let dir = tempfile::tempdir().unwrap();
    let url = match engine {
        Engine::Sqlite => format!("sqlite://{}", dir.path().join("test.db").display()),
        Engine::Postgres => match std::env::var("TEST_POSTGRES_URL") {
            Ok(base) => postgres_schema(&base).await,
            Err(_) => {
                skip("PostgreSQL", "TEST_POSTGRES_URL is not set; ./test starts a private server");
                return None;
            }
        },
    };
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    Some(TestDb { db, url, dir })
}

async fn postgres_schema(base: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let schema = format!("t_{}", uuid());
    let mut connection = sqlx::PgConnection::connect(base).await.unwrap();
    connection.execute(AssertSqlSafe(format!("create schema {schema}"))).await.unwrap();
    connection.close().await.unwrap();
    let join = if base.contains('?') { '&' } else { '?' };
    format!("{base}{join}options=-csearch_path%3D{schema}")
}

/// A name that no other test of this run has.
pub fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Process ids come round again on a server that outlives the run; the hasher's seed does not.
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());
    format!("{}_{seed:x}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Expands a behavioural test to one per engine.
#[macro_export]
macro_rules! both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                let test = $crate::harness::database($crate::harness::Engine::Sqlite).await.unwrap();
                super::$name(test).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = $crate::harness::database($crate::harness::Engine::Postgres).await {
                    super::$name(test).await;
                }
            })+
        }
    };
}

/// Rounds after which a driven world that never rests is left alone.
const ROUNDS: usize = 400;

pub const RULES: &str = r#"schema = 1

[[market]]
id = "DK"
country = "DK"
currency = "DKK"
tax = "gross"
tz = "Europe/Copenhagen"
vat = "standard"
omnibus = "DK"

[[rule]]
id = "match"
priority = 100
mode = "auto"

[rule.target]
kind = "lowest"

[rule.bounds]
min = [ { margin_pct = "10" } ]
"#;

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// SKU, our price, our cost.
    pub products: Vec<(&'static str, &'static str, Option<&'static str>)>,
    pub mode: &'static str,
    pub drift: &'static str,
    /// Appended to the rules.
    pub rules: &'static str,
    /// Appended to the configuration.
    pub config: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            products: vec![("KETTLE", "499.00", Some("250.00"))],
            mode: "auto",
            drift: "alert",
            rules: "",
            config: "",
        }
    }
}

/// The real application between two competitors and three channels.
pub struct World {
    pub app: Arc<App>,
    pub near: Competitor,
    pub far: Competitor,
    pub webshop: Channel,
    pub till: Channel,
    pub config: PathBuf,
    pub test: TestDb,
}

pub fn price(minor: i64) -> Shown {
    Shown::Price { minor, in_stock: true }
}

/// A door's yes to a price, with next to no floor and without a reduction.
pub fn permit(minor: i64) -> Permit {
    Permit {
        minor,
        floor_minor: Some(1),
        announces: false,
        sale: None,
        stages: false,
        stage: None,
        after_sale: false,
        vat_pct: None,
    }
}

pub fn minor(text: &str) -> i64 {
    text.replace('.', "").parse().unwrap()
}

impl World {
    /// Opens shops and channels, imports the catalogue, and builds the application. Both competitors ask our price.
    pub async fn open(test: TestDb, setup: Setup) -> Self {
        Self::open_at(test, setup, Clock::System).await
    }

    /// The same with a clock that the test moves; such a world is driven by [`World::drive`].
    pub async fn open_at(test: TestDb, setup: Setup, clock: Clock) -> Self {
        let titles: BTreeMap<&'static str, &'static str> =
            setup.products.iter().map(|(sku, ..)| (*sku, *sku)).collect();
        let (near, _) = Competitor::open("near.example", Markup::JsonLd, titles.clone()).await.unwrap();
        let (far, _) = Competitor::open("far.example", Markup::JsonLd, titles).await.unwrap();
        let stock: Vec<(&str, i64)> = setup.products.iter().map(|(sku, price, _)| (*sku, minor(price))).collect();
        let (webshop, _) = Channel::vendure("DKK", &stock).await.unwrap();
        let (till, _) = Channel::receiver("DKK").await.unwrap();
        let folder = test.dir.path();
        std::fs::write(folder.join("rules.toml"), format!("{RULES}\n{}", setup.rules)).unwrap();
        let config = folder.join("omniprice.toml");
        std::fs::write(&config, config_text(&test.url, &setup, &webshop, &till)).unwrap();
        let mut csv = String::from("sku,title,price,cost,urls\n");
        for (sku, ours, cost) in &setup.products {
            writeln!(csv, "{sku},{sku},{ours},{},{} {}", cost.unwrap_or(""), near.url(sku), far.url(sku)).unwrap();
            near.show(sku, price(minor(ours)));
            far.show(sku, price(minor(ours)));
        }
        std::fs::write(folder.join("products.csv"), &csv).unwrap();
        let app = App::build(Config::load(Some(&config), &[]).unwrap(), clock).await.unwrap();
        let world = Self { app, near, far, webshop, till, config, test };
        world.import(&csv).await;
        world
    }

    /// Takes a catalogue that has no mistakes.
    pub async fn import(&self, csv: &str) {
        let rules = self.app.rules().await.unwrap();
        let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
        assert_eq!(parsed.errors, vec![]);
        products::import(&self.app.db, parsed.rows, self.app.now()).await.unwrap();
    }

    /// A command of the program, typed by ann beside the world's own process.
    pub async fn say(&self, arguments: &[&str]) -> Said {
        let mut command = program(self.test.dir.path());
        command.arg("--config").arg(&self.config).args(arguments);
        command.env("OMNIPRICE_LOG__FILTER", "off").env("USER", "ann");
        hear(command).await
    }

    /// Checks every page now and follows through until nothing is open.
    pub async fn pass(&self) -> Pass {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        flow::pass(&self.app, 3_000).await.unwrap()
    }

    /// Checks every page now and follows through on a clock that stands still unless it is moved: what waits for
    /// milliseconds gets them.
    pub async fn drive(&self) {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        self.settle().await;
    }

    /// The same for a world in which something may wait for a person for days: no longer than so many rounds.
    pub async fn drive_for(&self, rounds: usize) {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        self.settle_for(rounds).await;
    }

    /// Follows through without looking at competitors.
    pub async fn settle(&self) {
        self.settle_for(ROUNDS).await;
    }

    async fn settle_for(&self, rounds: usize) {
        flow::tend(&self.app).await.unwrap();
        for lane in &self.app.lanes {
            flow::verify_due(&self.app, lane).await.unwrap();
        }
        for _ in 0..rounds {
            let mut worked = flow::check_due(&self.app).await.unwrap() > 0;
            while flow::decide_due(&self.app).await.unwrap() > 0 {
                worked = true;
            }
            for lane in &self.app.lanes {
                worked |= flow::publish_due(&self.app, lane).await.unwrap().worked();
            }
            let open = flow::next_publish(&self.app).await.unwrap();
            let soon = open.is_some_and(|at| at.since(self.app.now()) < Millis::SECOND);
            if !worked && !soon {
                break;
            }
            self.app.clock.advance(20);
        }
    }

    pub async fn listing(&self, sku: &str, channel: &str) -> Listing {
        let product = products::by_sku(&self.app.db, sku).await.unwrap().unwrap();
        let all = listings::of_product(&self.app.db, product.id).await.unwrap();
        all.into_iter().find(|listing| listing.channel == channel).unwrap()
    }

    pub async fn ours(&self, sku: &str) -> i64 {
        products::by_sku(&self.app.db, sku).await.unwrap().unwrap().own_minor
    }
}

fn config_text(url: &str, setup: &Setup, webshop: &Channel, till: &Channel) -> String {
    // Tests move prices by the second; only those about rivalries want to be frozen for it.
    let calm = "[guards.rivalry]\nleast_alternations = 1000\nown_rise_pct = \"1000\"\nflip_flops = 1000\n";
    // Tests move prices by the second and by far; those about the guards say which they want.
    let release = "[release]\noff = [\"quorum\", \"dead_band\", \"velocity\", \"oscillation\", \"loop\", \"corridor\", \"staging\"]\n";
    let release = if setup.config.contains("[release]") { "" } else { release };
    let calm = if setup.config.contains("[guards.rivalry]") { "" } else { calm };
    format!(
        r#"mode = "{mode}"
[database]
url = "{url}"
[fetch]
delay = "0s"
allow_networks = ["127.0.0.0/8"]
resolve = {{ "*" = "127.0.0.1" }}
timeout = "5s"
{release}
[publish]
retry = ["50ms", "100ms", "200ms"]
timeout = "400ms"
lease = "2s"
verify_after = "40ms"
late_within = "100ms"
settle_within = "400ms"
reconcile_every = "1h"
per_minute = 60000
[web]
listen = ""
[report]
recipients = ["Pricing <pricing@shop.example>"]
[channels.webshop]
kind = "vendure"
url = "http://127.0.0.1:{shop}"
api_key = "key"
currency = "DKK"
tax = "gross"
drift = "{drift}"
[channels.google]
kind = "feed"
path = "feeds/google.xml"
title = "Shop"
link = "https://shop.example/p/{{sku}}"
currency = "DKK"
tax = "gross"
[channels.till]
kind = "webhook"
url = "http://127.0.0.1:{till}/prices"
secret = "whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0"
read_url = "http://127.0.0.1:{till}/prices/{{sku}}"
currency = "DKK"
tax = "gross"
{calm}
{extra}
"#,
        mode = setup.mode,
        drift = setup.drift,
        shop = webshop.port,
        till = till.port,
        extra = setup.config,
    )
}
