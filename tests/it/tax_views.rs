//! Prices with VAT and without it are never held against each other: competitors, minimums, and what tills are told.

use omniprice::clock::{Clock, Millis};
use omniprice::report::detect;
use omniprice::store::events;
use omniprice::store::products;
use serde_json::json;

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World, price};
use crate::intent::{self, turns};
use crate::web::ask;

both_engines![
    a_key_item_of_a_net_market_is_undercut_by_what_is_cheaper_without_vat,
    a_competitor_without_vat_undercuts_nobody_who_asks_the_same_with_it,
    a_minimum_goes_the_way_of_the_price_into_another_country,
    tills_are_told_whether_a_price_contains_vat,
    a_reduction_is_compared_with_no_price_of_another_tax_view,
];

const START: Millis = Millis(1_795_510_800_000);
const B2B: &str = "[channels.b2b]\nkind = \"feed\"\npath = \"feeds/b2b.xml\"\ntitle = \"Shop\"\n\
                   link = \"https://shop.example/p/{sku}\"\ncurrency = \"DKK\"\ntax = \"net\"\n";

fn write(world: &World, rules: &str) {
    std::fs::write(world.test.dir.path().join("rules.toml"), rules).unwrap();
}

fn without_vat() -> String {
    RULES.replace("tax = \"gross\"", "tax = \"net\"")
}

async fn world(test: TestDb, mode: &'static str, ours: &'static str, config: &'static str) -> World {
    let products = vec![("KETTLE", ours, Some("250.00"))];
    World::open_at(test, Setup { products, mode, config, ..Setup::default() }, Clock::manual(START)).await
}

async fn key_item(world: &World, csv: &str) {
    let rules = world.app.rules().await.unwrap();
    let parsed = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    assert_eq!(parsed.errors, vec![]);
    products::import(&world.app.db, parsed.rows, world.app.now()).await.unwrap();
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
}

async fn undercut(world: &World) -> Option<String> {
    detect::all(&world.app).await.unwrap();
    let open = events::open(&world.app.db, 50).await.unwrap();
    open.into_iter().find(|event| event.kind == "kvi_undercut").map(|event| event.message)
}

async fn a_key_item_of_a_net_market_is_undercut_by_what_is_cheaper_without_vat(test: TestDb) {
    let world = world(test, "shadow", "399.20", "").await;
    write(&world, &without_vat());
    world.near.show("KETTLE", price(45_000));
    world.far.show("KETTLE", price(49_900));
    key_item(&world, "sku,title,price,cost,tags\nKETTLE,Kettle,399.20,250.00,kvi\n").await;
    let told = undercut(&world).await.unwrap();
    assert!(told.contains("near.example asks 360.00 DKK, we ask 399.20 DKK: 10.9 % more"), "{told}");
    // 480.00 is 384.00 without VAT: 4 % less than we ask, which is too little to be told.
    world.near.show("KETTLE", price(48_000));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    assert_eq!(undercut(&world).await, None);
}

async fn a_competitor_without_vat_undercuts_nobody_who_asks_the_same_with_it(test: TestDb) {
    let world = world(test, "shadow", "499.00", "").await;
    write(&world, &format!("{RULES}\n[[competitor]]\nid = \"near.example\"\ntax = \"net\"\n"));
    world.near.show("KETTLE", price(39_920));
    key_item(&world, "sku,title,price,cost,tags\nKETTLE,Kettle,499.00,250.00,kvi\n").await;
    assert_eq!(undercut(&world).await, None, "399.20 and its VAT are 499.00");
    world.near.show("KETTLE", price(36_000));
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world.drive().await;
    let told = undercut(&world).await.unwrap();
    assert!(told.contains("near.example asks 450.00 DKK, we ask 499.00 DKK"), "{told}");
}

async fn a_minimum_goes_the_way_of_the_price_into_another_country(test: TestDb) {
    let germany = "[channels.germany]\nkind = \"feed\"\npath = \"feeds/de.xml\"\ntitle = \"Shop\"\n\
                   link = \"https://shop.example/p/{sku}\"\ncurrency = \"DKK\"\ntax = \"gross\"\n";
    let world = world(test, "auto", "499.00", germany).await;
    let there = "[[market]]\nid = \"DE\"\ncountry = \"DE\"\ncurrency = \"DKK\"\ntz = \"Europe/Berlin\"\nvat = \"standard\"\n\
                 derived_from = \"DK\"\n[[channel]]\nid = \"germany\"\nkind = \"feed\"\nmarket = \"DE\"\n";
    write(&world, &format!("{RULES}\n{there}"));
    world.near.show("KETTLE", price(40_000));
    key_item(&world, "sku,title,price,cost,min\nKETTLE,KETTLE,499.00,250.00,450.00\n").await;
    assert_eq!(world.ours("KETTLE").await, 45_000, "the minimum, with 25 %");
    let listing = world.listing("KETTLE", "germany").await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let ours = omniprice::money::Money::parse("450.00", omniprice::money::Currency::DKK).unwrap();
    let (shown, floor) = world.app.terms().await.unwrap().price(&product, ours, "germany").unwrap();
    assert_eq!(
        (shown.to_string(), floor.unwrap().to_string()),
        ("428.40 DKK".into(), "428.40 DKK".into()),
        "with 19 %"
    );
    assert_eq!(listing.live_minor, Some(42_840), "{}: {}", listing.state, listing.reason);
}

async fn tills_are_told_whether_a_price_contains_vat(test: TestDb) {
    let world = world(test, "auto", "399.20", B2B).await;
    let told = ask(&world.app, "/v1/prices").await;
    assert_eq!((&told["prices"][0]["market"], &told["prices"][0]["tax"]), (&json!("DK"), &json!("gross")), "{told}");
    write(&world, &without_vat());
    let told = ask(&world.app, "/v1/prices").await;
    assert_eq!((&told["prices"][0]["market"], &told["prices"][0]["tax"]), (&json!("DK"), &json!("net")), "{told}");
    world.drive().await;
    intent::add(&world, Millis::HOUR, 3 * Millis::DAY, "").await;
    let planned = ask(&world.app, "/v1/prices/upcoming").await;
    assert_eq!((&planned["upcoming"][0]["market"], &planned["upcoming"][0]["tax"]), (&json!("DK"), &json!("net")));
}

async fn a_reduction_is_compared_with_no_price_of_another_tax_view(test: TestDb) {
    let world = world(test, "auto", "449.20", B2B).await;
    write(&world, &without_vat());
    world.near.show("KETTLE", price(56_150));
    world.far.show("KETTLE", price(56_150));
    world.drive().await;
    world.app.clock.advance(45 * Millis::DAY);
    intent::add(&world, Millis::HOUR, 3 * Millis::DAY, "").await;
    world.app.clock.advance(Millis::HOUR);
    turns(&world).await;
    let from = async |query: &str| {
        let told = ask(&world.app, &format!("/v1/prices{query}")).await;
        assert_eq!(told["prices"][0]["amount"], "399.00", "{told}");
        told["prices"][0]["reduced"]["from"]["amount"].as_str().map(str::to_owned)
    };
    let net = Some("449.20".to_owned());
    assert_eq!(from("?channel=b2b").await, net);
    assert_eq!(from("").await, net);
    assert_eq!(from("?channel=webshop").await, None, "561.50 contains VAT, and 399.00 does not");
}
