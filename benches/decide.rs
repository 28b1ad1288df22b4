//! How many decisions one core makes, and how long a catalogue takes: 10 offers and 50 rules per product.
//!
//! `cargo bench --bench decide` prints decisions per second on one core, and the time for a catalogue of a million
//! products in memory on all cores. `-- --products N` changes the size of the catalogue. `-- --sqlite` decides it from a
//! database instead (`--offers N` pages per product), and `-- --replay N` computes N generated decisions again from their
//! records and compares.

#![allow(clippy::expect_used, reason = "a benchmark that cannot set itself up has nothing to measure")]

mod catalogue;

use std::hint::black_box;
use std::time::{Duration, Instant};

use catalogue::{Size, number, resident_mib};
use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::decision::Outcome;
use omniprice::decide::facts::{AppliedVat, Facts, Market, OfferFact, Product, Tax};
use omniprice::decide::rules::Mode;
use omniprice::decide::text::Zone;
use omniprice::decide::{Decision, RuleSet, price};
use omniprice::flow::facts;
use omniprice::money::{Currency, Decimal, Money};
use omniprice::store;

const RULES: usize = 50;
const OFFERS: usize = 10;
const DEFAULT_PRODUCTS: usize = 1_000_000;
const SQLITE_PAGE: i64 = 2_000;
/// Enough different products that neither a branch nor a cache line repeats soon.
const WARM_SET: usize = 20_000;
const MEASURE: Duration = Duration::from_secs(3);

fn main() {
    if std::env::args().any(|argument| argument == "--sqlite") {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        return runtime.block_on(from_sqlite());
    }
    let products = number("--products", DEFAULT_PRODUCTS);
    let now = Timestamp::from_second(1_795_250_000).expect("a second of 2026");
    let rules = rules();
    if let replays @ 1.. = number("--replay", 0) {
        return replay(replays, &rules, now);
    }
    let warm: Vec<Facts> = (0..WARM_SET).map(|n| generated(n, now)).collect();
    let mut outcomes = std::collections::BTreeMap::<&str, usize>::new();
    for facts in &warm {
        *outcomes.entry(price(facts, &rules, now).outcome.as_str()).or_default() += 1;
    }
    assert!(outcomes.get(Outcome::Change.as_str()).is_some_and(|changes| *changes > WARM_SET / 2), "{outcomes:?}");
    println!("outcomes of {WARM_SET} products: {outcomes:?}");

    let (mut best, mut total, mut rounds) = (0_u128, 0_usize, 0_u32);
    let begin = Instant::now();
    while begin.elapsed() < MEASURE {
        let start = Instant::now();
        for facts in &warm {
            black_box(price(black_box(facts), &rules, now));
        }
        let per_second = per_second(warm.len(), start.elapsed());
        (best, total, rounds) = (best.max(per_second), total + warm.len(), rounds + 1);
    }
    let mean = per_second(total, begin.elapsed());
    println!("one core, {OFFERS} offers, {RULES} rules: {mean} decisions/s (best of {rounds} rounds {best})");

    let start = Instant::now();
    let catalogue: Vec<Facts> = (0..products).map(|n| generated(n, now)).collect();
    println!("built {products} products in memory in {:.1?}", start.elapsed());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, threads] {
        let start = Instant::now();
        let changes = run(&catalogue, &rules, now, threads);
        let elapsed = start.elapsed();
        let speed = per_second(products, elapsed);
        println!("{products} products, {threads} thread(s): {elapsed:.2?}, {speed} decisions/s, {changes} changes");
    }
}

/// Decides a whole catalogue from SQLite: a page of products and all that is known about them, the engine, the next page.
async fn from_sqlite() {
    let products = number("--products", DEFAULT_PRODUCTS);
    let size = Size { products, offers: number("--offers", 3), runs: 1, days: 1 };
    let folder = tempfile::tempdir().expect("a folder");
    let begin = Instant::now();
    let app = catalogue::open(folder.path(), size).await;
    println!("{size:?} written in {:.1?}, {} MiB resident", begin.elapsed(), resident_mib());
    let loaded = app.rules().await.expect("the rules");
    let now = catalogue::NOW;
    let (begin, mut engine) = (Instant::now(), Duration::ZERO);
    let (mut after, mut decided, mut changes) = (0, 0_usize, 0_usize);
    loop {
        let page = store::products::page(&app.db, after, SQLITE_PAGE).await.expect("a page");
        let Some(last) = page.last() else { break };
        after = last.id;
        let facts = facts::page(&app, &loaded, &page, now).await.expect("facts");
        let start = Instant::now();
        changes += facts.iter().filter(|facts| price(facts, &loaded.set, now.timestamp()).proposes()).count();
        decided += facts.len();
        engine += start.elapsed();
    }
    let elapsed = begin.elapsed();
    assert!(decided == products && changes > products / 2, "{decided} decided, {changes} changes");
    println!(
        "{decided} products from SQLite in {elapsed:.1?} ({} decisions/s; engine alone {engine:.1?}), {changes} changes, {} MiB resident",
        per_second(decided, elapsed),
        resident_mib()
    );
}

/// Computes decisions again from their records, as text and back, and counts those that differ: there must be none.
fn replay(count: usize, rules: &RuleSet, now: Timestamp) {
    let (begin, mut different) = (Instant::now(), 0_usize);
    for n in 0..count {
        let facts = generated(n, now);
        let decision = price(&facts, rules, now);
        let record = serde_json::to_string(&(&facts, &decision)).expect("a record");
        let (facts, recorded): (Facts, Decision) = serde_json::from_str(&record).expect("the record is read back");
        different += usize::from(price(&facts, rules, now) != recorded || decision != recorded);
    }
    println!("{count} decisions computed again from their records in {:.1?}: {different} differ", begin.elapsed());
    assert_eq!(different, 0);
}

fn per_second(count: usize, elapsed: Duration) -> u128 {
    u128::try_from(count).unwrap_or(0) * 1_000_000_000 / elapsed.as_nanos().max(1)
}

fn run(catalogue: &[Facts], rules: &RuleSet, now: Timestamp, threads: usize) -> usize {
    std::thread::scope(|scope| {
        let parts = catalogue.chunks(catalogue.len().div_ceil(threads).max(1));
        let workers: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().filter(|facts| price(facts, rules, now).proposes()).count()))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker of the benchmark")).sum()
    })
}

/// Fifty rules: 47 for brands, two for categories, one for all; most products pass many selectors before one fits.
fn rules() -> RuleSet {
    let mut text = String::new();
    for n in 0..RULES - 3 {
        text.push_str(&format!(
            "[[rule]]\nid = \"brand-{n}\"\npriority = {}\nselect = {{ brand = [\"Brand {n}\"], current = \">=10\" }}\n{}",
            200 - n,
            body(n)
        ));
    }
    for (n, category) in ["audio/headphones", "audio/speakers"].iter().enumerate() {
        text.push_str(&format!(
            "[[rule]]\nid = \"category-{n}\"\npriority = {}\nselect = {{ category_under = \"{category}\" }}\n{}",
            50 - n,
            body(n)
        ));
    }
    text.push_str(&format!("[[rule]]\nid = \"all\"\npriority = 1\n{}", body(1)));
    let table = toml::from_str(&text).expect("the rules are TOML");
    RuleSet::from_table(table, Mode::Auto).expect("the rules are valid").0
}

fn body(n: usize) -> String {
    let target = ["lowest", "median", "mean"][n % 3];
    format!(
        "target = {{ kind = \"{target}\" }}\nadjust = {{ percent = \"-1\" }}\nbounds = {{ min = [{{ margin_pct = \"10\" }}] }}\n\
         rounding = {{ direction = \"down\", tiers = [{{ below = \"100.00\", modulus = \"1.00\", endings = [\"0.95\"] }}, \
         {{ modulus = \"10.00\", endings = [\"9.00\"] }}] }}\nlimits = {{ max_step_down_pct = \"10\", max_step_up_pct = \"10\" }}\n"
    )
}

fn generated(n: usize, now: Timestamp) -> Facts {
    let spread = |salt: usize, span: usize| n.wrapping_mul(2_654_435_761).wrapping_add(salt * 40_503) / 7 % span;
    let dkk = |minor: usize| Money::from_minor(i64::try_from(minor).unwrap_or(i64::MAX), Currency::DKK);
    let current = 5_000 + spread(1, 200_000);
    let seen_at = Millis::from(now).plus(-Millis::HOUR);
    let offer = |k: usize| OfferFact {
        observation_id: i64::try_from(n * OFFERS + k).ok(),
        tax: if k == 9 { Tax::Net } else { Tax::Gross },
        interval_min: Some(240),
        ..OfferFact::seen(format!("competitor-{k}.example"), dkk(current * (85 + spread(k + 2, 30)) / 100), seen_at)
    };
    let product = Product {
        current: Some(dkk(current)),
        cost_net: Some(dkk(current / 2)),
        vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
        brand: Some(format!("Brand {}", spread(3, 100))),
        category: Some(["audio/headphones/wireless", "audio/speakers", "video/tv"][spread(4, 3)].to_owned()),
        own_stock: Some(3),
        ..Product::named(format!("SKU-{n}"))
    };
    let market = Market::of_country("DK", Currency::DKK, Zone::UTC);
    Facts { offers: (0..OFFERS).map(offer).collect(), ..Facts::new(product, market) }
}
