//! No sequence of observations, rates, imports, campaigns, approvals and prices set by hand decides or publishes below the
//! floor, nor does one person alone where two are asked: random sequences through the real application, the decision log, and
//! what every channel was ever sent.

use omniprice::clock::{Clock, Millis};
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::demo::market::Shown;
use omniprice::flow::campaign_consent;
use omniprice::flow::campaigns as planning;
use omniprice::flow::pricing::{self, Approved, Record};
use omniprice::store::campaigns::{self, Added};
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::settings::{self, Rate};
use omniprice::store::{decisions, products};

use crate::foreign::Euro;
use crate::harness::{Engine, Setup, World, database};

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
const STEPS: usize = 50;
/// The last one is sold in euros, too.
const SKUS: [&str; 4] = ["A", "B", "C", "LAMP"];
const EURO: &str = "[[competitor]]\nid = \"euro.example\"\ncurrency = \"EUR\"\n";
/// Half of all changes need two persons.
const TWO: &str = "[release]\noff = [\"quorum\", \"dead_band\", \"velocity\", \"oscillation\", \"loop\", \"corridor\", \"staging\"]\n\
                   second_person_above_pct = \"8\"\n";

/// The same numbers for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        i64::try_from((self.0.wrapping_mul(2_685_821_657_736_338_717) >> 33) % sides).unwrap()
    }

    fn which(&mut self, sides: usize) -> usize {
        usize::try_from(self.roll(sides as u64)).unwrap()
    }
}

/// What may not be gone below, in minor units: the cost with VAT, rounded up, and the product's own minimum.
#[derive(Debug, Clone, Copy)]
struct Floor {
    cost: i64,
    min: i64,
}

impl Floor {
    fn minor(self) -> i64 {
        ((self.cost * 125 + 99) / 100).max(self.min)
    }
}

#[derive(Debug, Default)]
struct Counts {
    sent: usize,
    first: usize,
    approved: usize,
    campaigns: usize,
    ended: usize,
}

struct Sequence {
    world: World,
    euro: Euro,
    dice: Dice,
    floors: [Floor; 4],
    /// How many prices of the web shop's history were looked at, and until when decisions.
    looked: usize,
    decided: Millis,
    counts: Counts,
}

impl Sequence {
    async fn open(seed: u64, mode: &'static str) -> Self {
        let test = database(Engine::Sqlite).await.unwrap();
        let products = SKUS.iter().map(|sku| (*sku, "499.00", Some("250.00"))).collect();
        let setup = Setup { products, mode, rules: EURO, config: TWO, ..Setup::default() };
        let world = World::open_at(test, setup, Clock::manual(START)).await;
        let euro = Euro::open(6_500).await;
        let floors = [Floor { cost: 25_000, min: 0 }; 4];
        let (dice, counts, decided) = (Dice(seed), Counts::default(), START);
        let sequence = Self { world, euro, dice, floors, looked: 0, decided, counts };
        sequence.rate(74_575).await;
        let page = format!("http://euro.example:{}/p/LAMP", sequence.euro.port);
        sequence.world.import(&format!("sku,title,price,cost,urls\nLAMP,LAMP,499.00,250.00,{page}\n")).await;
        sequence.world.drive().await;
        sequence
    }

    async fn step(&mut self) {
        let which = self.dice.which(SKUS.len());
        let sku = SKUS[which];
        match self.dice.roll(14) {
            0..=4 => {
                // From a tenth of our price to three times it: misread, dumped, ordinary, absurd.
                let minor = 5_000 + self.dice.roll(145_000);
                let shop = if self.dice.roll(2) == 0 { &self.world.near } else { &self.world.far };
                shop.show(sku, Shown::Price { minor, in_stock: self.dice.roll(5) > 0 });
            }
            5 => {
                self.euro.show(1_000 + self.dice.roll(15_000));
                let rate = 60_000 + self.dice.roll(30_000);
                self.rate(rate).await;
            }
            6 => {
                self.floors[which].cost = 5_000 + self.dice.roll(50_000);
                self.floor(which).await;
            }
            7 => {
                self.floors[which].min = 1_000 + self.dice.roll(60_000);
                self.floor(which).await;
            }
            8 => {
                let minor = 1_000 + self.dice.roll(90_000);
                self.set_by_hand(sku, minor).await;
            }
            9 | 10 => self.campaign(which).await,
            _ => self.settle_reviews().await,
        }
        self.world.app.clock.advance([11 * Millis::MINUTE, Millis::HOUR, 7 * Millis::HOUR][which % 3]);
        self.world.drive().await;
        self.look().await;
    }

    async fn floor(&mut self, which: usize) {
        let text = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
        let Floor { cost, min } = self.floors[which];
        let min = if min > 0 { text(min) } else { String::new() };
        self.world
            .import(&format!("sku,title,price,cost,min\n{0},{0},499.00,{1},{min}\n", SKUS[which], text(cost)))
            .await;
    }

    /// Ten-thousandths of a krone for a euro, as published today.
    async fn rate(&self, rate: i64) {
        let now = self.world.app.now();
        let day = now.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
        let rate = format!("{}.{:04}", rate / 10_000, rate % 10_000);
        settings::keep_rates(&self.world.app.db, vec![Rate { day, currency: "DKK".into(), rate }], now).await.unwrap();
    }

    /// Behind the command's back: no examination stands before it here.
    async fn set_by_hand(&mut self, sku: &str, minor: i64) {
        let (app, now) = (&self.world.app, self.world.app.now());
        let product = products::by_sku(&app.db, sku).await.unwrap().unwrap();
        let new = New {
            product_id: product.id,
            kind: Kind::Price,
            price_minor: Some(minor),
            currency: "DKK".into(),
            owner: "ann".into(),
            why: "a whim".into(),
            until: Some(now.plus(5 * Millis::HOUR)),
        };
        overrides::set(&app.db, new, now).await.unwrap();
    }

    /// A campaign that begins now, a third of them for a few minutes only; what the check of its file refuses is not stored.
    async fn campaign(&mut self, which: usize) {
        let (app, now) = (&self.world.app, self.world.app.now());
        let lasts = [20 * Millis::MINUTE, 3 * Millis::HOUR, Millis::DAY][self.dice.which(3)];
        let minor = self.floors[which].minor() + self.dice.roll(20_000);
        let text = format!(
            "id = \"c{}\"\nfrom = \"{now}\"\nuntil = \"{}\"\nowner = \"ann\"\nwhy = \"x\"\ncart_grace_min = 0\n\
             [[item]]\nsku = \"{}\"\nprice = \"{}.{:02}\"\n",
            now.0,
            now.plus(lasts),
            SKUS[which],
            minor / 100,
            minor % 100
        );
        let Ok(file) = CampaignFile::parse(&text) else { return };
        let Ok(planned) = planning::plan(app, &file, text).await.unwrap() else { return };
        let added = campaigns::add(&app.db, planned, now).await.unwrap();
        self.counts.campaigns += usize::from(matches!(added, Added::Stored(_)));
    }

    async fn settle_reviews(&mut self) {
        for waiting in campaigns::waiting(&self.world.app.db).await.unwrap() {
            let who = ["ann", "Ann ", "bob"][self.dice.which(3)];
            if let Err(error) = campaign_consent::approve(&self.world.app, &waiting.name, who, "looks right").await {
                assert!(error.is::<campaign_consent::NotAgreed>(), "{error:#}");
            }
        }
        for review in decisions::open_reviews(&self.world.app.db, 10).await.unwrap() {
            let who = ["ann", "Ann ", "bob"][self.dice.which(3)];
            match pricing::approve(&self.world.app, review.id, who, "looks right").await {
                Ok(Approved::First) => self.counts.first += 1,
                Ok(Approved::Decided { .. }) => self.counts.approved += 1,
                Err(error) => assert!(error.is::<pricing::Refused>(), "{error:#}"),
            }
            // A decision is held against the floor of its own moment: nothing moves before the look.
            self.look().await;
        }
    }

    /// What was decided and what went out since the last look, against the floor of this moment: floors change only between
    /// looks.
    async fn look(&mut self) {
        let now = self.world.app.now();
        for row in decisions::since(&self.world.app.db, self.decided, now, 10_000).await.unwrap() {
            let which = SKUS.iter().position(|known| *known == row.sku).unwrap();
            let floor = self.floors[which].minor();
            assert!(
                row.price_minor >= floor,
                "{} was decided at {}, below {floor}: {}",
                row.sku,
                row.price_minor,
                row.why
            );
            self.counts.ended += usize::from(row.actor == pricing::AFTER_CAMPAIGN);
            let record =
                decisions::at(&self.world.app.db, row.product_id, Millis(row.created_at)).await.unwrap().unwrap();
            let record: Record = serde_json::from_str(&record.record).unwrap();
            let approved = record.guarded.as_ref().and_then(|guarded| guarded.inputs.approved.clone());
            let from = record.facts.product.before_set.or(record.facts.product.current).unwrap().minor();
            let far = (row.price_minor - from).abs() * 100 > from * 8;
            if let Some(approved) = approved.filter(|_| far) {
                let first = approved.first.map(|first| first.by.trim().to_lowercase());
                let set = record.facts.product.manual.map(|set| set.owner);
                let second = Some(approved.by.trim().to_lowercase());
                assert!(first.or(set) != second, "{}: one person alone moved {from} to {}", row.sku, row.price_minor);
            }
        }
        self.decided = now;
        let history = self.world.webshop.history();
        // The first price of each product is the shop's own.
        for (sku, minor) in history.iter().skip(self.looked.max(SKUS.len())) {
            let which = SKUS.iter().position(|known| known == sku).unwrap();
            let floor = self.floors[which].minor();
            assert!(*minor >= floor, "{sku} was sent at {minor}, below {floor}: {history:?}");
            self.counts.sent += 1;
        }
        self.looked = history.len();
    }
}

async fn run(mode: &'static str, seeds: std::ops::Range<u64>) -> Counts {
    let mut all = Counts::default();
    for seed in seeds {
        let mut sequence = Sequence::open(0x9E37_79B9_7F4A_7C15 ^ seed, mode).await;
        for _ in 0..STEPS {
            sequence.step().await;
        }
        let Counts { sent, first, approved, campaigns, ended } = sequence.counts;
        all.sent += sent;
        all.first += first;
        all.approved += approved;
        all.campaigns += campaigns;
        all.ended += ended;
    }
    println!("{mode}: {all:?}");
    all
}

#[tokio::test]
async fn no_sequence_of_observations_and_approvals_publishes_below_the_floor() {
    let all = run("review", 0..3).await;
    assert!(all.sent >= 10 && all.approved >= 5, "{all:?}: the sequences must do something");
    assert!(all.first >= 3 && all.campaigns >= 3 && all.ended >= 1, "{all:?}: of everything something");
}

#[tokio::test]
async fn no_sequence_publishes_below_the_floor_by_itself() {
    let all = run("auto", 10..13).await;
    assert!(all.sent >= 5 && all.campaigns >= 3, "{all:?}: the sequences must do something");
}
