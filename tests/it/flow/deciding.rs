//! What is seen and what is decided from it, through the real application: outcomes that move nothing, records that say
//! everything, and persons who are asked.

use omniprice::clock::Clock;
use omniprice::demo::market::Shown;
use omniprice::flow::{self, pricing};
use omniprice::money::{Currency, Money};
use omniprice::store::{decisions, events, observations, products, revisions};

use super::settled_at;
use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    o2_a_page_without_a_price_is_an_outcome_and_deletes_nothing,
    o3_an_implausible_price_moves_nothing,
    d1_a_decision_comes_out_equal_from_its_own_record,
    d2_review_waits_for_a_person_and_a_stale_approval_is_refused,
    d2_changed_rules_decide_again_and_broken_ones_change_nothing,
    d2_another_mode_decides_again_and_fills_what_only_we_fill,
    d4_a_cost_that_jumps_waits_for_a_person_and_an_approval_lets_it_pass,
];

async fn o2_a_page_without_a_price_is_an_outcome_and_deletes_nothing(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let before = observations::latest_of_product(&world.app.db, product.id).await.unwrap();
    world.near.show("KETTLE", Shown::Challenge);
    world.far.show("KETTLE", Shown::Gone);
    world.pass().await;
    let pages = omniprice::store::targets::of_product(&world.app.db, product.id).await.unwrap();
    let outcomes: Vec<_> =
        pages.iter().map(|page| (page.competitor.as_str(), page.outcome.as_deref().unwrap())).collect();
    assert_eq!(outcomes, [("far.example", "gone"), ("near.example", "blocked")]);
    let after = observations::latest_of_product(&world.app.db, product.id).await.unwrap();
    assert_eq!(after.iter().map(|o| o.id).collect::<Vec<_>>(), before.iter().map(|o| o.id).collect::<Vec<_>>());
    assert_eq!(world.ours("KETTLE").await, 49_900);
}

async fn o3_an_implausible_price_moves_nothing(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.near.show("KETTLE", price(4_790));
    world.pass().await;
    assert_eq!(world.ours("KETTLE").await, 49_900);
    let waiting = observations::waiting(&world.app.db, 10).await.unwrap();
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0].price_minor, Some(4_790), "kept with its evidence, and not believed");
    let evidence = observations::evidence(&world.app.db, waiting[0].id).await.unwrap().unwrap();
    let evidence: serde_json::Value = serde_json::from_str(&evidence.evidence).unwrap();
    assert_eq!(evidence.pointer("/price/raw").and_then(|v| v.as_str()), Some("47.90"), "{evidence}");
    assert!(evidence["url"].as_str().unwrap().contains("near.example"));
    assert_eq!(evidence["body_sha256"].as_str().unwrap().len(), 64);
}

async fn d1_a_decision_comes_out_equal_from_its_own_record(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    settled_at(&world, 47_900).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let row = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    let record: pricing::Record = serde_json::from_str(&row.record).unwrap();
    let rules = revisions::rules(&world.app.db, record.rule_revision).await.unwrap().unwrap();
    let (rules, _) = omniprice::decide::RuleSet::parse(&rules.body).unwrap();
    let again = omniprice::decide::price(&record.facts, &rules, record.now.timestamp());
    assert_eq!(again, record.decision);
    assert_eq!(again.price, Some(Money::from_minor(row.price_minor, Currency::DKK)));
    assert!(record.facts.offers.iter().all(|offer| offer.observation_id.is_some()));
}

async fn d2_review_waits_for_a_person_and_a_stale_approval_is_refused(test: TestDb) {
    let world = World::open(test, Setup { mode: "review", ..Setup::default() }).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    world.pass().await;
    let open = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    assert_eq!(open.len(), 1, "the same proposal is not opened twice");
    assert_eq!(world.webshop.writes(), 0);
    // The market moves on before anybody answers.
    world.near.show("KETTLE", price(48_500));
    world.pass().await;
    let refused = pricing::approve(&world.app, open[0].id, "ann", "fine").await.unwrap_err();
    assert!(refused.to_string().contains("review 1 (KETTLE) was replaced at "), "{refused}");
    let newer = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    assert_eq!(newer[0].price_minor, 48_500);
    assert_eq!(
        pricing::approve(&world.app, newer[0].id, "ann", "fine").await.unwrap(),
        pricing::Approved::Decided { version: 1 }
    );
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(48_500));
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    assert_eq!(decisions::latest(&world.app.db, product.id).await.unwrap().unwrap().actor, "ann");
}

async fn d2_changed_rules_decide_again_and_broken_ones_change_nothing(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    let file = world.test.dir.path().join("rules.toml");
    let rules = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rules.replace("kind = \"lowest\"", "kind = \"lowest\"\n[rule.adjust]\npercent = \"-1.0\""))
        .unwrap();
    flow::pass(&world.app, 3_000).await.unwrap();
    assert_eq!(world.ours("KETTLE").await, 49_401, "no page had to change for the new rule to act");
    std::fs::write(&file, "schema = 1\n[[rule]]\nid = \"x\"\nkind = 7\n").unwrap();
    world.near.show("KETTLE", price(48_000));
    world.pass().await;
    assert_eq!(world.ours("KETTLE").await, 47_520, "the old rules stay in force");
    let broken = async || {
        let open = events::open(&world.app.db, 10).await.unwrap();
        open.into_iter().filter(|e| e.kind == "rules_broken").map(|e| e.times).collect::<Vec<_>>()
    };
    world.pass().await;
    assert_eq!(broken().await, [1], "told once, however often it is looked at");
    std::fs::write(&file, rules.replace("kind = \"lowest\"", "kind = \"lowest\"\n[rule.adjust]\npercent = \"-1.0\""))
        .unwrap();
    world.pass().await;
    assert_eq!(broken().await, [0_i64; 0], "taken back");
}

async fn d2_another_mode_decides_again_and_fills_what_only_we_fill(test: TestDb) {
    let world = World::open(test, Setup { mode: "shadow", ..Setup::default() }).await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    assert_eq!((world.webshop.price("KETTLE"), world.till.price("KETTLE")), (Some(49_900), None));
    let text = std::fs::read_to_string(&world.config).unwrap().replace("mode = \"shadow\"", "mode = \"auto\"");
    std::fs::write(&world.config, text).unwrap();
    let config = omniprice::config::Config::load(Some(&world.config), &[]).unwrap();
    let app = omniprice::app::App::build(config, Clock::System).await.unwrap();
    flow::pass(&app, 3_000).await.unwrap();
    assert_eq!((world.webshop.price("KETTLE"), world.till.price("KETTLE")), (Some(47_900), Some(47_900)));
    let feed = std::fs::read_to_string(world.test.dir.path().join("feeds/google.xml")).unwrap();
    for product in products::page(&app.db, 0, 100).await.unwrap() {
        assert!(feed.contains(&format!("<g:id>{}</g:id>", product.sku)), "{} is not in the feed", product.sku);
    }
}

/// A mistyped cost must not move a price by itself, and a true one must not be locked out for ever.
async fn d4_a_cost_that_jumps_waits_for_a_person_and_an_approval_lets_it_pass(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let rules = world.app.rules().await.unwrap();
    let csv = "sku,title,price,cost\nKETTLE,Kettle,499.00,390.00\n";
    let rows = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    world.pass().await;
    assert_eq!(world.ours("KETTLE").await, 47_900, "487.50 would be the floor of the new cost");
    let reviews = decisions::open_reviews(&world.app.db, 10).await.unwrap();
    assert_eq!(reviews.len(), 1, "{reviews:?}");
    assert!(reviews[0].why.contains("confirm the import"), "{}", reviews[0].why);
    pricing::approve(&world.app, reviews[0].id, "ann", "the supplier's new list").await.unwrap();
    world.pass().await;
    assert!(world.ours("KETTLE").await >= 48_750, "{}", world.ours("KETTLE").await);
}
