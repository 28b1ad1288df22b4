//! The real application between a competitor on loopback and one real shop.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::Config;
use omniprice::demo::market::{Markup, Shop as Competitor};
use omniprice::flow;
use omniprice::publish::lane::Lane;
use sqlx::Connection as _;

use omniprice::store::{listings, products, progress, settings, targets};

use super::server::Killed;
use crate::harness::{Engine, RULES, TestDb, database, minor, price};

/// SKU and the price at which every shop of these tests starts.
pub const PRODUCTS: [(&str, &str); 5] =
    [("KETTLE", "499.00"), ("LAMP", "349.00"), ("VASE", "99.00"), ("POT", "199.00"), ("CUP", "49.00")];
/// The channel's name in these tests' configurations.
const CHANNEL: &str = "shop";
/// What takes longer will not come.
pub const LIMIT: Duration = Duration::from_secs(90);

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the daemon said:\n{}", std::fs::read_to_string(self.log()).unwrap_or_default());
        }
    }
}

/// The arguments that a shop's seed takes.
pub fn seeds() -> Vec<String> {
    PRODUCTS.iter().map(|(sku, price)| format!("{sku}={}", minor(price))).collect()
}

/// Times of a lane that fit a shop of this speed: seconds until a request is given up, and until a price must show.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub timeout_s: u32,
    pub settle_s: u32,
}

pub struct World {
    pub app: Arc<App>,
    near: Competitor,
    config: PathBuf,
    _test: TestDb,
}

impl World {
    /// `channel` is the channel's table. The competitor asks our prices and all products are imported; one of them,
    /// `GHOST`, no shop has.
    pub async fn open(channel: &str, pace: Pace) -> Self {
        let test = database(Engine::Sqlite).await.unwrap();
        let all = || PRODUCTS.iter().copied().chain([("GHOST", "59.00")]);
        let titles = all().map(|(sku, _)| (sku, sku)).collect();
        let (near, _) = Competitor::open("near.example", Markup::JsonLd, titles).await.unwrap();
        let mut csv = String::from("sku,title,price,cost,urls\n");
        for (sku, ours) in all() {
            near.show(sku, price(minor(ours)));
            // A fifth of the price: no floor stands in the way of these tests.
            let cost = minor(ours) / 5;
            csv.push_str(&format!("{sku},{sku},{ours},{}.{:02},{}\n", cost / 100, cost % 100, near.url(sku)));
        }
        let folder = test.dir.path();
        std::fs::write(folder.join("rules.toml"), RULES).unwrap();
        let config = folder.join("omniprice.toml");
        std::fs::write(&config, configuration(&test.url, pace, channel)).unwrap();
        let app = App::build(Config::load(Some(&config), &[]).unwrap(), Clock::System).await.unwrap();
        let rules = app.rules().await.unwrap();
        let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
        assert_eq!(parsed.errors, vec![]);
        products::import(&app.db, parsed.rows, app.now()).await.unwrap();
        Self { app, near, config, _test: test }
    }

    pub fn lane(&self) -> &Lane {
        self.app.lane(CHANNEL).unwrap()
    }

    /// The same application on the same database under another configuration.
    pub async fn rebuilt(&self, change: impl Fn(String) -> String) -> Arc<App> {
        let text = change(std::fs::read_to_string(&self.config).unwrap());
        let other = self.config.with_file_name("other.toml");
        std::fs::write(&other, text).unwrap();
        App::build(Config::load(Some(&other), &[]).unwrap(), Clock::System).await.unwrap()
    }

    /// The competitor takes a percentage off every price that we started with; what the decisions will be, by SKU. Steps
    /// of more than a few percent at once would be held by guards that other tests are about.
    pub fn undercut(&self, percent: i64) -> Vec<(&'static str, i64)> {
        let lowered = PRODUCTS.map(|(sku, ours)| (sku, minor(ours) * (100 - percent) / 100));
        for (sku, minor) in lowered {
            self.near.show(sku, price(minor));
        }
        lowered.to_vec()
    }

    /// Looks at the competitor and decides; nothing goes out.
    pub async fn decide(&self) {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        while flow::check_due(&self.app).await.unwrap() > 0 {}
        while flow::decide_due(&self.app).await.unwrap() > 0 {}
    }

    /// Everything that is due, until it is settled.
    pub async fn pass(&self) {
        targets::due_now(&self.app.db, None, self.app.now()).await.unwrap();
        flow::pass(&self.app, 20_000).await.unwrap();
    }

    /// Lets the lane work until every listing rests as `verified`.
    pub async fn settle(&self) {
        let started = Instant::now();
        while let Some(open) = self.unsettled().await {
            assert!(started.elapsed() < LIMIT, "{open}");
            flow::publish_due(&self.app, self.lane()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a daemon beside this process has settled every listing.
    pub async fn settled_by(&self, daemon: &mut Killed) {
        let started = Instant::now();
        while let Some(open) = self.unsettled().await {
            assert!(started.elapsed() < LIMIT, "{open}");
            assert!(daemon.0.try_wait().unwrap().is_none(), "the daemon ended by itself");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A listing that is not proved at its newest price.
    async fn unsettled(&self) -> Option<String> {
        for (sku, _) in PRODUCTS {
            let listing = self.listing(sku).await;
            if listing.state != "verified" || listing.verified_seq != listing.desired_seq {
                return Some(format!("{sku} is {}: {}", listing.state, listing.reason));
            }
        }
        None
    }

    pub async fn listing(&self, sku: &str) -> listings::Listing {
        self.listings(sku).await.remove(0)
    }

    pub async fn listings(&self, sku: &str) -> Vec<listings::Listing> {
        let product = products::by_sku(&self.app.db, sku).await.unwrap().unwrap();
        listings::of_product(&self.app.db, product.id).await.unwrap()
    }

    /// What was tried for a product, newest first.
    pub async fn attempts(&self, sku: &str) -> Vec<progress::Attempt> {
        progress::attempts(&self.app.db, self.listing(sku).await.id, 1_000).await.unwrap()
    }

    /// Stores a campaign that reduces one product, as a person does; `announce` is a line of its file.
    pub fn campaign(&self, id: &str, (sku, minor): (&str, i64), (from, until): (Millis, Millis), announce: bool) {
        let file = self.config.with_file_name("campaign.toml");
        let text = format!(
            "id = \"{id}\"\nannounce = {announce}\nfrom = {from}\nuntil = {until}\nzone = \"Europe/Copenhagen\"\ncart_grace_min = 0\n\
             owner = \"anna\"\nwhy = \"a test\"\n[[item]]\nsku = \"{sku}\"\nprice = \"{}.{:02}\"\n",
            minor / 100,
            minor % 100
        );
        std::fs::write(&file, text).unwrap();
        self.types(&["campaign", "add", file.to_str().unwrap()]);
    }

    /// A command as a person types it.
    pub fn types(&self, words: &[&str]) {
        let typed = Command::new(env!("CARGO_BIN_EXE_omniprice"))
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(typed.status.success(), "{typed:?}");
    }

    /// What was live up to now was live since long ago, so that a reduction may be announced.
    pub async fn has_history(&self) {
        let mut connection = sqlx::SqliteConnection::connect(&self._test.url).await.unwrap();
        let back = 45 * Millis::DAY;
        sqlx::query("update live_prices set seen_at = seen_at - $1").bind(back).execute(&mut connection).await.unwrap();
    }

    /// Another process of the real program on this database.
    pub fn daemon(&self) -> Killed {
        // What it says is of use when a test fails, and captured until then.
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let daemon = Command::new(env!("CARGO_BIN_EXE_omniprice"))
            .args(["run", "--config"])
            .arg(&self.config)
            .env("OMNIPRICE_LOG__FILTER", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Killed(daemon.unwrap())
    }

    fn log(&self) -> PathBuf {
        self.config.with_file_name("daemon.log")
    }

    /// What a daemon does that starts alone on its database.
    pub async fn alone(&self) {
        settings::free_leases(&self.app.db).await.unwrap();
    }
}

fn configuration(database: &str, pace: Pace, channel: &str) -> String {
    let Pace { timeout_s, settle_s } = pace;
    let lease_s = 2 * timeout_s + 1;
    format!(
        r#"mode = "auto"
[database]
url = "{database}"
[fetch]
delay = "0s"
allow_networks = ["127.0.0.0/8"]
resolve = {{ "*" = "127.0.0.1" }}
[release]
off = ["quorum", "dead_band", "velocity", "oscillation", "loop", "corridor", "staging"]
[publish]
retry = ["300ms", "1s", "2s"]
timeout = "{timeout_s}s"
lease = "{lease_s}s"
verify_after = "100ms"
late_within = "1s"
settle_within = "{settle_s}s"
give_up_after = 200
per_minute = 60000
[guards.rivalry]
least_alternations = 1000
own_rise_pct = "1000"
flip_flops = 1000
[web]
listen = ""
[channels.{CHANNEL}]
{channel}
drift = "reassert"
"#
    )
}
