//! How long a digest takes, and how much memory, for a large shop beside one a tenth of its size in the same run.
//!
//! `cargo bench --bench digest` makes the digest of a reader of everything and of one with a narrow scope, and plans the
//! alerts of a night with as many open events as a tenth of the products; `-- --products N` changes the size. What grows
//! faster than the shop shows in the ratio: ten times the shop may take ten times as long, not more than half again that.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "a benchmark that cannot set itself up has nothing to measure, and prints ratios"
)]

mod catalogue;

use std::time::{Duration, Instant};

use catalogue::{NOW, Size, number, resident_mib};
use omniprice::clock::Millis;
use omniprice::report::{self, alerting, people};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

const DEFAULT_PRODUCTS: usize = 100_000;
const OFFERS: usize = 3;
const RUNS: usize = 4;
const DAYS: usize = 30;
/// Ten times the rows, and half as much again for caches that they no longer fit into.
const MOST: f64 = 15.0;
/// A mail is a mail, however large the shop.
const MAIL: usize = 2 * 1024 * 1024;

/// What one shop took.
struct Took {
    tracks: Duration,
    everything: Duration,
    narrow: Duration,
    alerts: Duration,
    mib: u64,
}

/// Evaluations of all products, decisions of a twentieth in the last day, reviews and holds of a fiftieth each, pages
/// without a price of a tenth, and events about a tenth.
fn night(products: usize) -> Vec<String> {
    let (now, hour, day) = (NOW.0, Millis::HOUR, Millis::DAY);
    let events = products / 10;
    let changes = products / 20;
    let reviews = products / 50;
    let count = |n: usize| format!("with recursive n(i) as (select 1 union all select i + 1 from n where i < {n})");
    vec![
        format!(
            "insert into evaluations (product_id, outcome, price_minor, currency, rule, flags, why, record, checks, since, evaluated_at)
             select id, case when id % 50 = 0 then 'review' when id % 50 = 1 then 'hold' when id % 20 = 2 then 'change' else 'keep' end,
                 own_minor + case when id % 50 < 2 then 100 else 0 end, 'DKK', 'all',
                 case when id % 10 = 3 then '[\"floor_applied\"]' else '[]' end, 'rule all: the median', '{{}}', 1, {now} - {hour}, {now} - {hour}
             from products"
        ),
        format!(
            "insert into decisions (product_id, market, version, price_minor, previous_minor, currency, rule, actor, why, record, created_at)
             {} select i * 20, 'DK', 1, 10000 + i, 10500 + i, 'DKK', 'all', 'rules', 'rule all: the median', '{{}}', {now} - {hour} - i from n",
            count(changes)
        ),
        format!(
            "insert into reviews (product_id, price_minor, previous_minor, currency, rule, why, record, facts_hash, state, expires_at, created_at)
             {} select i * 50, 10000, 10500, 'DKK', 'all', 'rule all: the median', '{{}}', 'h', 'open', {now} + {day}, {now} - {hour} from n",
            count(reviews)
        ),
        "update targets set outcome = 'gone' where id % 10 = 0".to_owned(),
        format!(
            "insert into events (kind, severity, dedupe, product_id, channel, competitor, message, hint, times, first_at, last_at)
             {} select case i % 4 when 0 then 'held_at_door' when 1 then 'drift' when 2 then 'price_war' else 'listing_parked' end,
                 case i % 4 when 0 then 'critical' when 2 then 'critical' else 'warning' end, 'bench/' || i, i, 'channel' || (i % 7),
                 case i % 4 when 2 then 'shop' || (i % {OFFERS}) || '.example' end, 'something about product ' || i, '', 1, {now} - {hour} - i, {now} - {hour} from n",
            count(events)
        ),
        "analyze".to_owned(),
    ]
}

async fn measured(products: usize) -> Took {
    let folder = tempfile::tempdir().expect("a folder");
    let size = Size { products, offers: OFFERS, runs: RUNS, days: DAYS };
    let app = catalogue::open(folder.path(), size).await;
    let url = format!("sqlite://{}", folder.path().join("bench.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("the database");
    for statement in night(products) {
        connection.execute(AssertSqlSafe(statement)).await.expect("a row of the night");
    }
    connection.close().await.expect("the database closes");
    for (mail, wishes) in [("all@shop.test", "quiet_day=short"), ("narrow@shop.test", "brands=Brand 7")] {
        let wish = people::parse(wishes).expect("a wish");
        people::change(&app, mail, [wish].into_iter().collect(), "bench", "").await.expect("a person");
    }
    let (from, before) = (NOW.plus(-Millis::DAY), resident_mib());
    let begun = Instant::now();
    let tracks = report::tracks(&app, from).await.expect("tracks");
    let took = begun.elapsed();
    assert_eq!(tracks.len(), products);
    let digest = async |mail: &str| {
        let reader = people::reader(&app, mail).await.expect("a reader");
        let begun = Instant::now();
        let made = report::digest_for(&app, &tracks, &reader, from, NOW).await.expect("a digest").expect("news");
        let bytes = made.html.len() + made.text.len() + made.files.iter().map(|file| file.bytes.len()).sum::<usize>();
        assert!(bytes < MAIL, "{mail}: {bytes} bytes");
        begun.elapsed()
    };
    let everything = digest("all@shop.test").await;
    let narrow = digest("narrow@shop.test").await;
    let begun = Instant::now();
    alerting::watch(&app).await.expect("alerts");
    Took { tracks: took, everything, narrow, alerts: begun.elapsed(), mib: resident_mib().saturating_sub(before) }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let products = number("--products", DEFAULT_PRODUCTS);
    runtime.block_on(async {
        let small = measured(products / 10).await;
        let large = measured(products).await;
        let mut worse = Vec::new();
        println!("{:>12} {:>12} {:>12} {:>7}", "what", products / 10, products, "ratio");
        for (what, few, many) in [
            ("tracks", small.tracks, large.tracks),
            ("everything", small.everything, large.everything),
            ("narrow", small.narrow, large.narrow),
            ("alerts", small.alerts, large.alerts),
        ] {
            let ratio = many.as_secs_f64() / few.as_secs_f64().max(0.001);
            println!("{what:>12} {few:>12.2?} {many:>12.2?} {ratio:>7.1}");
            if ratio > MOST && many > Duration::from_secs(1) {
                worse.push(what);
            }
        }
        println!("{:>12} {:>9} MiB {:>9} MiB", "memory", small.mib, large.mib);
        assert!(worse.is_empty(), "worse than linear: {worse:?}");
    });
}
