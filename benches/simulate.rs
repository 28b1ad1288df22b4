//! How long it takes to try rules on recorded history: 100,000 products, 3 competitors, 30 days, from SQLite.
//!
//! `cargo bench --bench simulate` prints products and decisions per second. `-- --products N --offers N --runs N` change
//! the size.

#![allow(clippy::expect_used, reason = "a benchmark that cannot set itself up has nothing to measure")]

mod catalogue;

use std::time::Instant;

use catalogue::{NOW, Size, number, resident_mib};
use omniprice::clock::Millis;
use omniprice::decide::simulate::{SimParams, Simulation};
use omniprice::decide::simulated::Guards;
use omniprice::flow::replay;
use omniprice::store::products;

const PAGE: i64 = 500;
const DAYS: usize = 30;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run());
}

async fn run() {
    let size = Size {
        products: number("--products", 100_000),
        offers: number("--offers", 3),
        runs: number("--runs", 6),
        days: DAYS,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let begin = Instant::now();
    let app = catalogue::open(folder.path(), size).await;
    println!("{size:?} written in {:.1?}, {} MiB resident", begin.elapsed(), resident_mib());
    let loaded = app.rules().await.expect("the rules");
    let since = NOW.plus(-i64::try_from(DAYS).unwrap_or(30) * Millis::DAY);
    let begin = Instant::now();
    let mut simulation = Simulation::new(
        &loaded.set,
        SimParams {
            sample: 5,
            end: Some(NOW),
            guards: Some(Guards::new(app.config.release.clone())),
            ..SimParams::default()
        },
    );
    let rates = replay::Rates::of(&app, (since, NOW)).await.expect("the rates");
    let window = replay::Window { since, end: NOW, rules_only: false };
    let mut after = 0;
    loop {
        let page = products::page(&app.db, after, PAGE).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = last.id;
        for moments in replay::page(&app, &loaded, &rates, &page, &window).await.expect("history") {
            simulation.product(moments.replayed);
        }
    }
    let report = simulation.finish();
    let elapsed = begin.elapsed();
    let per_second = |count: u64| u128::from(count) * 1_000 / elapsed.as_millis().max(1);
    assert_eq!(usize::try_from(report.products).unwrap_or(0), size.products, "every product is replayed");
    println!(
        "{} products, {} decisions over {DAYS} days in {elapsed:.1?}: {} products/s, {} decisions/s, {} MiB resident",
        report.products,
        report.decisions,
        per_second(report.products),
        per_second(report.decisions),
        resident_mib()
    );
    println!("changed {}, up {}, down {}", report.products_changed, report.changes_up, report.changes_down);
}
