//! How many decisions one core makes, and how long a catalogue takes: 10 offers and 50 rules per product.
//!
//! `cargo bench --bench decide` prints decisions per second on one core, and the time for a catalogue of a million
//! products in memory on all cores. `-- --products N` changes the size of the catalogue.

#![allow(clippy::expect_used, reason = "a benchmark that cannot set itself up has nothing to measure")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::decision::Outcome;
use omniprice::decide::facts::{AppliedVat, Facts, Market, OfferFact, Product, Tax};
use omniprice::decide::rules::Mode;
use omniprice::decide::text::Zone;
use omniprice::decide::{RuleSet, price};
use omniprice::money::{Currency, Decimal, Money};

const RULES: usize = 50;
const OFFERS: usize = 10;
const DEFAULT_PRODUCTS: usize = 1_000_000;
/// Enough different products that neither a branch nor a cache line repeats soon.
const WARM_SET: usize = 20_000;
const MEASURE: Duration = Duration::from_secs(3);

fn main() {
    let products = products_wanted();
    let now = Timestamp::from_second(1_795_250_000).expect("a second of 2026");
    let rules = rules();
    let warm: Vec<Facts> = (0..WARM_SET).map(|n| facts(n, now)).collect();
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
    let catalogue: Vec<Facts> = (0..products).map(|n| facts(n, now)).collect();
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

fn products_wanted() -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--products").skip(1);
    arguments.next().and_then(|number| number.parse().ok()).unwrap_or(DEFAULT_PRODUCTS)
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

fn facts(n: usize, now: Timestamp) -> Facts {
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
