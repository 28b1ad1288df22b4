//! The release layer over a whole catalogue and over days, through the real application.

use omniprice::app::{App, hex};
use omniprice::clock::{Clock, Millis};
use omniprice::decide::canonical;
use omniprice::decide::explain::{explain, prove};
use omniprice::decide::staging::place;
use omniprice::flow::{self, pricing};
use omniprice::store::products::{self, Import};
use omniprice::store::{decisions, events, settings};
use sha2::{Digest as _, Sha256};

use crate::both_engines;
use crate::harness::{Engine, Setup, TestDb, World, database, price};

both_engines![
    a_slide_in_quick_steps_stops_at_the_limit_of_a_day,
    a_products_own_minimum_is_where_its_price_goes,
    a_product_without_cost_is_repriced_above_its_own_minimum,
    a_proposal_that_was_turned_down_stays_so_whatever_the_stock,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

/// Follows our own regular price, so that no competitor is needed.
const REGULAR: &str = "[[rule]]\nid = \"regular\"\npriority = 200\nmode = \"auto\"\nselect = { brand = [\"Crowd\"] }\n\
                       target = { kind = \"field\", field = \"regular\" }\n";
const ALL_BUT_STAGING: &str = "[release]\noff = [\"staging\"]\n";

async fn world(test: TestDb, setup: Setup) -> World {
    World::open_at(test, setup, Clock::manual(START)).await
}

/// Products of a brand, without pages: ours at 100.00 and more, regular at so many thousandths of it.
fn crowd(brand: &str, from: i64, many: i64, thousandths: i64) -> Vec<Import> {
    let product = |n: i64| Import {
        sku: format!("C{n:04}"),
        title: format!("Crowd {n}"),
        brand: Some(brand.to_owned()),
        market: "DK".to_owned(),
        currency: "DKK".to_owned(),
        own_minor: 10_000 + 10 * n,
        cost_net: Some("40.00".to_owned()),
        regular_minor: Some((10_000 + 10 * n) * thousandths / 1_000),
        pack_qty: 1,
        vat_class: "standard".to_owned(),
        ..Import::default()
    };
    (from..from + many).map(product).collect()
}

async fn decide_all(app: &App) {
    while flow::decide_due(app).await.unwrap() > 0 {}
}

async fn changed(app: &App) -> Vec<String> {
    let all = decisions::since(&app.db, Millis(0), app.now(), 10_000).await.unwrap();
    let mut skus: Vec<String> = all.into_iter().map(|decision| decision.sku).collect();
    skus.sort();
    skus
}

async fn run_held(app: &App) -> bool {
    events::open(&app.db, 50).await.unwrap().iter().any(|event| event.kind == "run_held")
}

async fn crowded(held_at: i64) -> World {
    let test = database(Engine::Sqlite).await.unwrap();
    let world = world(test, Setup { rules: REGULAR, config: ALL_BUT_STAGING, ..Setup::default() }).await;
    let mut rows = crowd("Crowd", 0, 630, held_at);
    rows.extend(crowd("Crowd", 630, 70, 970));
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    decide_all(&world.app).await;
    world
}

#[tokio::test]
async fn proposals_doubted_in_earlier_claims_hold_the_run_in_a_catalogue_of_any_size() {
    let world = crowded(700).await;
    assert_eq!(changed(&world.app).await, Vec::<String>::new(), "of 700 products 630 were doubted before");
    assert!(run_held(&world.app).await);
    let open = decisions::open_reviews(&world.app.db, 1_000).await.unwrap();
    assert_eq!(open.len(), 70, "they wait for a person");
    // An hour later nothing of it is the run any more.
    assert_eq!(products::doubted(&world.app.db, START.plus(-Millis::HOUR), world.app.now()).await.unwrap(), 630);
    assert_eq!(products::doubted(&world.app.db, world.app.now(), world.app.now()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_quiet_catalogue_whose_changes_are_not_worth_a_label_holds_no_run() {
    let world = crowded(998).await;
    assert_eq!(changed(&world.app).await.len(), 70);
    assert!(!run_held(&world.app).await);
}

#[tokio::test]
async fn a_new_rule_begins_with_five_of_the_products_that_it_matches() {
    let test = database(Engine::Sqlite).await.unwrap();
    let config = "[release]\noff = [\"dead_band\"]\n";
    let world = world(test, Setup { rules: REGULAR, config, ..Setup::default() }).await;
    let mut rows = crowd("Crowd", 0, 20, 970);
    rows.extend(crowd("Others", 20, 380, 970));
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    decide_all(&world.app).await;
    let first = |of: &mut dyn Iterator<Item = u32>| {
        let mut queue: Vec<String> = of.map(|n| format!("C{n:04}")).collect();
        queue.sort_by_key(|sku| place("regular", sku));
        queue.truncate(5);
        queue.sort();
        queue
    };
    let five = first(&mut (0..20));
    assert_eq!(changed(&world.app).await, five);
    // More products of the rule make its share smaller, once they are counted: other five are first, of five hundred.
    world.app.clock.advance(Millis::HOUR);
    products::import(&world.app.db, crowd("Crowd", 400, 480, 970), world.app.now()).await.unwrap();
    decide_all(&world.app).await;
    let mut now = [first(&mut (0..20).chain(400..880)), five].concat();
    now.sort();
    now.dedup();
    assert_eq!(changed(&world.app).await, now);
}

/// A rule is remembered by what it says, and a rule that an older version remembered by how it printed it is no new one.
#[tokio::test]
async fn a_rule_that_an_older_version_knew_is_not_staged_anew() {
    let test = database(Engine::Sqlite).await.unwrap();
    let config = "[release]\noff = [\"dead_band\"]\n";
    let world = world(test, Setup { rules: REGULAR, config, ..Setup::default() }).await;
    let mut rows = crowd("Crowd", 0, 20, 970);
    rows.extend(crowd("Others", 20, 380, 970));
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    let loaded = world.app.rules().await.unwrap();
    let rule = loaded.set.rule("regular").unwrap();
    let key = |form: &str| format!("rule/regular/{}", &hex(&Sha256::digest(form))[..16]);
    let of_old = START.plus(-30 * Millis::DAY);
    settings::set(&world.app.db, key(&format!("{rule:?}")), String::new(), "rules".into(), "x".into(), of_old)
        .await
        .unwrap();
    decide_all(&world.app).await;
    assert_eq!(changed(&world.app).await.len(), 20, "all of its products at once");
    let known = settings::get(&world.app.db, &key(&canonical::of(rule))).await.unwrap().unwrap();
    assert_eq!(known.created_at, of_old.0, "and from now on by a name that no version changes");
    // The same rule in other words.
    let file = world.test.dir.path().join("rules.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    let target = "target = { kind = \"field\", field = \"regular\" }";
    let words = "target = { field = \"regular\", kind = \"field\" }\nenabled = true\nmarkets = []";
    assert!(rules.contains(target), "{rules}");
    std::fs::write(&file, rules.replace(target, words)).unwrap();
    world.app.clock.advance(Millis::HOUR);
    products::import(&world.app.db, crowd("Crowd", 0, 20, 940), world.app.now()).await.unwrap();
    decide_all(&world.app).await;
    assert_eq!(changed(&world.app).await.len(), 40, "no stage");
    // Another amount is another rule.
    std::fs::write(&file, rules.replace(target, &format!("{target}\nadjust = {{ percent = \"-1.00\" }}"))).unwrap();
    world.app.clock.advance(Millis::HOUR);
    decide_all(&world.app).await;
    assert!(changed(&world.app).await.len() < 60, "it begins with few products");
}

#[tokio::test]
async fn a_new_rule_among_combined_ones_begins_with_few_products_too() {
    let test = database(Engine::Sqlite).await.unwrap();
    let config = "[release]\noff = [\"dead_band\"]\n";
    let world = world(test, Setup { rules: REGULAR, config, ..Setup::default() }).await;
    products::import(&world.app.db, crowd("Crowd", 0, 100, 1_000), world.app.now()).await.unwrap();
    let file = world.test.dir.path().join("rules.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rules.replace("schema = 1", "schema = 1\ncombine = \"lowest\"")).unwrap();
    let adjusted = rules.replace("schema = 1", "schema = 1\ncombine = \"lowest\"");
    // The old rule has proposed something, and is long past its stages.
    products::import(&world.app.db, crowd("Crowd", 100, 1, 990), world.app.now()).await.unwrap();
    decide_all(&world.app).await;
    world.app.clock.advance(3 * Millis::DAY);
    decide_all(&world.app).await;
    assert_eq!(changed(&world.app).await, ["C0100"]);
    let second = "[[rule]]\nid = \"second\"\npriority = 190\nmode = \"auto\"\nselect = { brand = [\"Crowd\"] }\n\
                  target = { kind = \"field\", field = \"regular\" }\nadjust = { percent = \"-1\" }\n";
    std::fs::write(&file, format!("{adjusted}\n{second}")).unwrap();
    world.app.rules().await.unwrap();
    decide_all(&world.app).await;
    let first = (0..101).map(|n| format!("C{n:04}")).filter(|sku| place("second", sku) < 5 * 10_000 / 101);
    let mut expected: Vec<String> = first.collect();
    expected.push("C0100".to_owned());
    expected.sort();
    expected.dedup();
    let mut found = changed(&world.app).await;
    found.dedup();
    assert_eq!(found, expected);
}

async fn a_slide_in_quick_steps_stops_at_the_limit_of_a_day(test: TestDb) {
    let config = "[release]\noff = [\"quorum\", \"staging\", \"loop\", \"oscillation\", \"corridor\"]\n";
    let world = world(test, Setup { config, ..Setup::default() }).await;
    world.drive().await;
    for (theirs, ours) in [(45_200, 45_200), (41_100, 41_100), (38_000, 41_100)] {
        world.near.show("KETTLE", price(theirs));
        world.drive().await;
        assert_eq!(world.ours("KETTLE").await, ours, "{theirs}: the day began at 499.00");
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let evaluation = decisions::evaluation(&world.app.db, product.id).await.unwrap().unwrap();
    assert!(evaluation.why.contains("-23.85 % within 24 h"), "{}", evaluation.why);
}

async fn a_products_own_minimum_is_where_its_price_goes(test: TestDb) {
    let world = world(test, Setup::default()).await;
    world.import("sku,price,min\nKETTLE,499.00,470.00\n").await;
    world.near.show("KETTLE", price(46_500));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_000);
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let row = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    let record: pricing::Record = serde_json::from_str(&row.record).unwrap();
    let rules = world.app.rules().await.unwrap();
    prove(&record.facts, &rules.set, record.now.timestamp(), &record.decision).unwrap();
    let told = explain(&record.facts, &rules.set, record.now.timestamp(), &record.decision, None).to_string();
    assert!(told.contains("It may not go below 470.00 DKK (the product's own minimum)."), "{told}");
    // A record from before products had one reads as it did.
    let mut old = serde_json::to_value(&record.facts).unwrap();
    old["product"].as_object_mut().unwrap().remove("min").unwrap();
    let old: omniprice::decide::Facts = serde_json::from_value(old).unwrap();
    assert_eq!(old.product.min, None);
    assert!(!serde_json::to_string(&old).unwrap().contains("\"min\""));
}

async fn a_product_without_cost_is_repriced_above_its_own_minimum(test: TestDb) {
    let world = world(test, Setup { products: vec![("KETTLE", "499.00", None)], ..Setup::default() }).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 49_900, "nothing says how low it may go");
    world.import("sku,price,min\nKETTLE,499.00,475.00\n").await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    world.near.show("KETTLE", price(47_000));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_500);
    assert_eq!(world.webshop.price("KETTLE"), Some(47_500), "the door lets it through");
}

async fn a_proposal_that_was_turned_down_stays_so_whatever_the_stock(test: TestDb) {
    let world = world(test, Setup { mode: "review", ..Setup::default() }).await;
    world.import("sku,price,stock\nKETTLE,499.00,10\n").await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    let open = async || decisions::open_reviews(&world.app.db, 10).await.unwrap();
    let first = open().await.remove(0);
    let now = world.app.now();
    let (by, why) = ("ann".to_owned(), "too low".to_owned());
    assert!(decisions::settle_review(&world.app.db, first.id, "rejected", by, why, now).await.unwrap());
    world.import("sku,price,stock\nKETTLE,499.00,9\n").await;
    world.drive().await;
    assert!(open().await.is_empty(), "no rule asks for the stock");
    world.near.show("KETTLE", price(47_800));
    world.drive().await;
    let second = open().await.remove(0);
    world.import("sku,price,stock\nKETTLE,499.00,8\n").await;
    assert_eq!(
        pricing::approve(&world.app, second.id, "ann", "fine").await.unwrap(),
        pricing::Approved::Decided { version: 1 }
    );
    world.drive().await;
    // What the decision rests on does make an approval stale: a cost that the floor follows.
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    let third = open().await.remove(0);
    world.import("sku,price,cost\nKETTLE,499.00,251.00\n").await;
    let refused = pricing::approve(&world.app, third.id, "ann", "fine").await.unwrap_err();
    assert!(refused.to_string().contains("the facts have changed"), "{refused}");
    // What a rule proposed that is only tried by now is not carried out either.
    world.near.show("KETTLE", price(46_800));
    world.drive().await;
    let fourth = open().await.remove(0);
    let file = world.test.dir.path().join("rules.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rules.replacen("mode = \"auto\"", "mode = \"shadow\"", 1)).unwrap();
    let refused = pricing::approve(&world.app, fourth.id, "ann", "fine").await.unwrap_err();
    assert!(refused.to_string().contains("the facts have changed"), "{refused}");
}
