//! Turns at the products of a shop that two channels write, between daemons on one database.

use std::sync::Arc;
use std::time::{Duration, Instant};

use omniprice::channel::wire::shared::Shared;
use omniprice::channel::{ChannelError, Class};
use omniprice::clock::Clock;
use omniprice::publish::turns::Leased;
use omniprice::store::turns;
use url::Url;

use crate::both_engines;
use crate::harness::TestDb;
use crate::store_suite::{NOW, after};

both_engines![
    a_product_of_a_shop_is_one_holder_s_until_it_gives_it_back_or_its_lease_is_over,
    daemons_of_one_database_write_a_product_one_after_the_other,
    eight_workers_of_two_daemons_are_never_at_one_product_at_once,
];

const SHOP: &str = "https://shop.example/";
const TIMEOUT: Duration = Duration::from_millis(500);
const DONE: Result<(), ChannelError> = Ok(());

async fn a_product_of_a_shop_is_one_holder_s_until_it_gives_it_back_or_its_lease_is_over(test: TestDb) {
    let db = &test.db;
    let take = async |holder: &str, products: &[&str], now: i64| {
        let products = products.iter().map(|product| (*product).to_owned()).collect();
        turns::take(db, SHOP.into(), products, holder.into(), after(now), after(now + 40)).await.unwrap()
    };
    assert!(take("one", &["a", "b"], 0).await);
    assert!(!take("two", &["b", "c"], 39).await, "b is taken");
    assert!(take("three", &["c"], 39).await, "c was not kept by the one who went away empty-handed");
    assert!(take("two", &["a"], 40).await, "the lease is over to the second");
    turns::give_back(db, SHOP.into(), "one".into()).await.unwrap();
    assert!(!take("four", &["a"], 41).await, "who comes back late gives back only what is still its own");
    assert!(take("four", &["b"], 41).await);
    assert!(
        turns::take(db, "https://other.example/".into(), vec!["a".into()], "x".into(), NOW, after(9)).await.unwrap()
    );
    assert!(turns::join(db, SHOP.into(), "eur".into(), NOW).await.unwrap());
    assert!(!turns::join(db, SHOP.into(), "eur".into(), NOW).await.unwrap(), "known already");
    assert_eq!(turns::writers(db, SHOP).await.unwrap(), 1);
}

fn daemon(test: &TestDb) -> Shared {
    Shared::among(Arc::new(Leased::new(test.db.clone(), Clock::System, "daemon".into())), Duration::ZERO)
}

async fn daemons_of_one_database_write_a_product_one_after_the_other(test: TestDb) {
    let (here, there, shop) = (daemon(&test), daemon(&test), Url::parse(SHOP).unwrap());
    here.turn(&shop, "eur", &["a"], TIMEOUT).await.unwrap().end(&DONE).await;
    let error = there.turn(&shop, "sek", &["a"], TIMEOUT).await.err().expect("it is new there");
    assert_eq!(error.class, Class::Retry { after_ms: Some(1_000) });
    let held = here.turn(&shop, "eur", &["a", "b"], TIMEOUT).await.unwrap();
    let waits = tokio::spawn(async move {
        let turn = there.turn(&Url::parse(SHOP).unwrap(), "sek", &["b", "c"], TIMEOUT).await.unwrap();
        (Instant::now(), turn)
    });
    tokio::time::sleep(Duration::from_millis(250)).await;
    let ended = Instant::now();
    held.end(&DONE).await;
    let (began, turn) = waits.await.unwrap();
    assert!(began >= ended, "b was written by two at once");
    // Killed with b in its hands: nobody gives it back.
    let killed = Instant::now();
    drop(turn);
    let next = here.turn(&shop, "eur", &["b"], TIMEOUT).await.unwrap();
    assert!(began.elapsed() >= 2 * TIMEOUT, "the lease was not waited for");
    assert!(killed.elapsed() < 8 * TIMEOUT, "nobody waits much longer than a lease");
    next.end(&DONE).await;
}

async fn eight_workers_of_two_daemons_are_never_at_one_product_at_once(test: TestDb) {
    let daemons = [Arc::new(daemon(&test)), Arc::new(daemon(&test))];
    let shop = Url::parse(SHOP).unwrap();
    for (daemon, channel) in daemons.iter().zip(["eur", "sek"]) {
        let _ = daemon.turn(&shop, channel, &["a"], TIMEOUT).await;
    }
    let inside = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let (daemon, shop, inside) = (Arc::clone(&daemons[worker % 2]), shop.clone(), Arc::clone(&inside));
        workers.spawn(async move {
            let channel = ["eur", "sek"][worker % 2];
            for _ in 0..3 {
                let turn = daemon.turn(&shop, channel, &["a", "b"], Duration::from_secs(20)).await.unwrap();
                assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0, "two at once");
                tokio::time::sleep(Duration::from_millis(10)).await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                turn.end(&DONE).await;
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
}
