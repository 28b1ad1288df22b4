//! kill -9 of the real daemon at random moments: no decision lost, no older price after a newer one, nothing sent twice
//! with effect.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use omniprice::store::{decisions, listings, products, progress, targets};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![twenty_random_kills_lose_nothing_and_send_nothing_twice, a_kill_between_decision_and_push_is_made_good];

/// Reproducible chaos: the seed is printed, and `OMNIPRICE_CRASH_SEED` replays it.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = std::env::var("OMNIPRICE_CRASH_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_121);
        println!("seed {seed}");
        Self(seed)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn start(world: &World) -> Child {
    Command::new(env!("CARGO_BIN_EXE_omniprice"))
        .args(["run", "--config"])
        .arg(&world.config)
        .env("OMNIPRICE_LOG__FILTER", "warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill(mut child: Child) {
    // SIGKILL on Unix: no drop runs, no buffer is flushed.
    child.kill().unwrap();
    child.wait().unwrap();
}

const PRODUCTS: [(&str, &str, Option<&str>); 3] =
    [("A", "499.00", Some("100.00")), ("B", "899.00", Some("200.00")), ("C", "1299.00", Some("300.00"))];

async fn wait_until(what: &str, limit: Duration, mut done: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !done().await {
        assert!(started.elapsed() < limit, "{what} took longer than {limit:?}");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

async fn twenty_random_kills_lose_nothing_and_send_nothing_twice(test: TestDb) {
    let world = World::open(test, Setup { products: PRODUCTS.to_vec(), ..Setup::default() }).await;
    world.pass().await;
    let mut dice = Dice::new();
    let mut market = [49_900_i64, 89_900, 129_900];
    for round in 0..20 {
        for (index, (sku, ..)) in PRODUCTS.iter().enumerate() {
            market[index] -= 10 + i64::try_from(dice.roll(90)).unwrap();
            world.near.show(sku, price(market[index]));
        }
        targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
        let daemon = start(&world);
        tokio::time::sleep(Duration::from_millis(60 + dice.roll(700))).await;
        kill(daemon);
        println!("round {round}: {} writes at the shop", world.webshop.writes());
    }
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    let daemon = start(&world);
    wait_until("settling after the last kill", Duration::from_secs(60), async || {
        let due = targets::count_due(&world.app.db, world.app.now()).await.unwrap();
        let open = progress::open_work(&world.app.db).await.unwrap();
        let dirty = products::next_dirty(&world.app.db).await.unwrap().is_some_and(|at| at <= world.app.now());
        due == 0 && open == 0 && !dirty
    })
    .await;
    kill(daemon);
    for (index, (sku, ..)) in PRODUCTS.iter().enumerate() {
        check(&world, sku, market[index]).await;
    }
    assert_eq!(world.till.stale(), 0, "the till was sent an older price after a newer one");
    assert_eq!(
        progress::unfinished_attempts(&world.app.db, world.app.now()).await.unwrap(),
        0,
        "every attempt has an end"
    );
}

async fn check(world: &World, sku: &str, market: i64) {
    let product = products::by_sku(&world.app.db, sku).await.unwrap().unwrap();
    assert_eq!(product.own_minor, market, "{sku}: the newest market price is decided");
    let log = decisions::of_product_since(&world.app.db, product.id, omniprice::clock::Millis(0)).await.unwrap();
    let versions: Vec<i64> = log.iter().map(|d| d.version).collect();
    assert_eq!(versions, (1..=product.version).collect::<Vec<_>>(), "{sku}: versions without gaps");
    for listing in listings::of_product(&world.app.db, product.id).await.unwrap() {
        let name = format!("{sku} on {}", listing.channel);
        assert_eq!(
            (listing.state.as_str(), listing.live_minor),
            ("verified", Some(market)),
            "{name}: {}",
            listing.reason
        );
        assert_eq!(listing.decision_id, log.last().map(|d| d.id), "{name}: every channel heard of the newest decision");
    }
    // Prices only ever fell, so an older one after a newer one, or one applied twice, breaks the strict descent.
    for (channel, history) in [("webshop", world.webshop.history()), ("till", world.till.history())] {
        let shown: Vec<i64> = history.into_iter().filter(|(s, _)| s == sku).map(|(_, minor)| minor).collect();
        assert!(shown.windows(2).all(|pair| pair[0] > pair[1]), "{sku} at the {channel}: {shown:?}");
        assert_eq!(shown.last(), Some(&market), "{sku} at the {channel}");
    }
}

/// The decision is committed with every channel's desired price; a daemon that dies right then is made good by the next.
async fn a_kill_between_decision_and_push_is_made_good(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
    // Only the first two stages run here: the process "dies" before any lane has seen the decision.
    while omniprice::flow::check_due(&world.app).await.unwrap() > 0 {}
    assert_eq!(omniprice::flow::decide_due(&world.app).await.unwrap(), 1);
    assert_eq!(world.webshop.writes(), 0);
    for channel in ["webshop", "google", "till"] {
        let listing = world.listing("KETTLE", channel).await;
        assert_eq!((listing.state.as_str(), listing.desired_minor), ("intended", Some(47_900)), "{channel}");
    }
    let daemon = start(&world);
    wait_until("the next daemon", Duration::from_secs(20), async || {
        progress::open_work(&world.app.db).await.unwrap() == 0
    })
    .await;
    kill(daemon);
    assert_eq!((world.webshop.price("KETTLE"), world.webshop.writes()), (Some(47_900), 1));
    assert_eq!(world.till.price("KETTLE"), Some(47_900));
}
