//! No sequence of observations, imports, approvals and prices set by hand publishes below the floor: random sequences
//! through the real application, and what every channel was ever sent.

use omniprice::clock::{Clock, Millis};
use omniprice::demo::market::Shown;
use omniprice::flow::pricing;
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::{decisions, products};

use crate::harness::{Engine, Setup, World, database};

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
const STEPS: usize = 40;
const SKUS: [&str; 3] = ["A", "B", "C"];

/// The same numbers for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        i64::try_from((self.0.wrapping_mul(2_685_821_657_736_338_717) >> 33) % sides).unwrap()
    }
}

/// Cost in minor units with VAT, rounded up: nothing may ever be sent below it.
fn floor(cost: i64) -> i64 {
    (cost * 125 + 99) / 100
}

struct Sequence {
    world: World,
    dice: Dice,
    costs: [i64; 3],
    /// How many prices of the web shop's history were looked at.
    looked: usize,
    sent: usize,
    approved: usize,
}

impl Sequence {
    async fn open(seed: u64, mode: &'static str) -> Self {
        let test = database(Engine::Sqlite).await.unwrap();
        let products = SKUS.iter().map(|sku| (*sku, "499.00", Some("250.00"))).collect();
        let world = World::open_at(test, Setup { products, mode, ..Setup::default() }, Clock::manual(START)).await;
        world.drive().await;
        Self { world, dice: Dice(seed), costs: [25_000; 3], looked: 0, sent: 0, approved: 0 }
    }

    async fn step(&mut self) {
        let which = usize::try_from(self.dice.roll(3)).unwrap();
        let sku = SKUS[which];
        match self.dice.roll(10) {
            0..=4 => {
                // From a tenth of our price to three times it: misread, dumped, ordinary, absurd.
                let minor = 5_000 + self.dice.roll(145_000);
                let shop = if self.dice.roll(2) == 0 { &self.world.near } else { &self.world.far };
                shop.show(sku, Shown::Price { minor, in_stock: self.dice.roll(5) > 0 });
            }
            5 => {
                let cost = 5_000 + self.dice.roll(50_000);
                self.cost(which, cost).await;
            }
            6 => {
                let minor = 1_000 + self.dice.roll(90_000);
                self.set_by_hand(sku, minor).await;
            }
            _ => self.settle_reviews().await,
        }
        self.world.app.clock.advance([11 * Millis::MINUTE, Millis::HOUR, 7 * Millis::HOUR][which]);
        self.world.drive().await;
        self.look();
    }

    async fn cost(&mut self, which: usize, cost: i64) {
        let csv = format!("sku,title,price,cost\n{0},{0},499.00,{1}.{2:02}\n", SKUS[which], cost / 100, cost % 100);
        let rules = self.world.app.rules().await.unwrap();
        let rows = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {}).rows;
        products::import(&self.world.app.db, rows, self.world.app.now()).await.unwrap();
        self.costs[which] = cost;
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

    async fn settle_reviews(&mut self) {
        for review in decisions::open_reviews(&self.world.app.db, 10).await.unwrap() {
            match pricing::approve(&self.world.app, review.id, "ann", "looks right").await {
                Ok(_) => self.approved += 1,
                Err(error) => assert!(error.is::<pricing::Refused>(), "{error:#}"),
            }
        }
    }

    /// What went out since the last look, against the cost of this moment: costs change only between looks.
    fn look(&mut self) {
        let history = self.world.webshop.history();
        // The first price of each product is the shop's own.
        for (sku, minor) in history.iter().skip(self.looked.max(SKUS.len())) {
            let which = SKUS.iter().position(|known| known == sku).unwrap();
            let floor = floor(self.costs[which]);
            assert!(*minor >= floor, "{sku} was sent at {minor}, below {floor}: {history:?}");
            self.sent += 1;
        }
        self.looked = history.len();
    }
}

async fn run(mode: &'static str, seeds: std::ops::Range<u64>) -> (usize, usize) {
    let (mut sent, mut approved) = (0, 0);
    for seed in seeds {
        let mut sequence = Sequence::open(0x9E37_79B9_7F4A_7C15 ^ seed, mode).await;
        for _ in 0..STEPS {
            sequence.step().await;
        }
        sent += sequence.sent;
        approved += sequence.approved;
    }
    (sent, approved)
}

#[tokio::test]
async fn no_sequence_of_observations_and_approvals_publishes_below_the_floor() {
    let (sent, approved) = run("review", 0..2).await;
    assert!(sent >= 10 && approved >= 5, "{sent} prices sent, {approved} approved: the sequences must do something");
}

#[tokio::test]
async fn no_sequence_publishes_below_the_floor_by_itself() {
    let (sent, _) = run("auto", 10..12).await;
    assert!(sent >= 5, "{sent} prices sent: the sequences must do something");
}
