//! Markets between decision and channel: prices decided without VAT, and rates that are missing or too old.

use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::sentence::{Sentence, find};
use omniprice::store::events::Event;
use omniprice::store::settings::{self, Rate};
use omniprice::store::{events, listings, products};

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World, price};
use crate::terms::Bank;

both_engines![
    what_is_decided_without_vat_is_shown_with_it_once,
    a_price_set_by_hand_becomes_ours_without_its_vat,
    a_new_tax_rate_moves_what_buyers_see_and_not_what_is_decided_without_it,
    a_derived_market_needs_the_rates_of_its_source,
    expired_rates_hold_prices_even_where_the_last_ones_may_be_used,
    what_is_not_sent_for_another_reason_than_its_floor_is_no_floor_alarm,
];

/// A Tuesday morning; the rates of Monday are the newest that are due.
const START: Millis = Millis(1_795_510_800_000);
/// 2026-11-30, ten in the evening in Copenhagen.
const EVENING: Millis = Millis(1_796_072_400_000);

const B2B: &str = "[channels.b2b]\nkind = \"feed\"\npath = \"feeds/b2b.xml\"\ntitle = \"Shop\"\n\
                   link = \"https://shop.example/p/{sku}\"\ncurrency = \"DKK\"\ntax = \"net\"\n";
const SWEDEN: &str = "[channels.sweden]\nkind = \"feed\"\npath = \"feeds/sweden.xml\"\ntitle = \"Shop\"\n\
                      link = \"https://shop.example/p/{sku}\"\ncurrency = \"SEK\"\ntax = \"gross\"\n";

/// Rivals ask 450.00 and 499.00 with VAT; our market has prices without it, one channel shows it and one does not.
async fn net_world(test: TestDb, drift: &'static str, config: &'static str, at: Millis) -> World {
    let config: &'static str = Box::leak(format!("{B2B}{config}").into_boxed_str());
    let products = vec![("KETTLE", "399.20", Some("250.00"))];
    let world = World::open_at(test, Setup { products, drift, config, ..Setup::default() }, Clock::manual(at)).await;
    let rules = RULES.replace("tax = \"gross\"", "tax = \"net\"");
    std::fs::write(world.test.dir.path().join("rules.toml"), rules).unwrap();
    world.near.show("KETTLE", price(45_000));
    world.far.show("KETTLE", price(49_900));
    world.drive().await;
    world
}

async fn live(world: &World, channel: &str) -> (String, Option<i64>) {
    let listing = world.listing("KETTLE", channel).await;
    (listing.state, listing.live_minor)
}

fn verified(minor: i64) -> (String, Option<i64>) {
    ("verified".to_owned(), Some(minor))
}

async fn open(world: &World) -> Vec<Event> {
    events::open(&world.app.db, 50).await.unwrap()
}

async fn what_is_decided_without_vat_is_shown_with_it_once(test: TestDb) {
    let world = net_world(test, "alert", "", START).await;
    assert_eq!(world.ours("KETTLE").await, 36_000, "450.00 without 25 %");
    for (channel, minor) in [("webshop", 45_000), ("till", 45_000), ("b2b", 36_000)] {
        assert_eq!(live(&world, channel).await, verified(minor), "{channel}");
    }
    // The minimum is an amount of the market, too: 372.33 and 25 % are 465.4125, and no price is below that.
    world.import("sku,title,price,cost,min\nKETTLE,KETTLE,399.20,250.00,372.33\n").await;
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 37_233);
    for (channel, minor) in [("webshop", 46_542), ("b2b", 37_234)] {
        assert_eq!(live(&world, channel).await, verified(minor), "{channel}");
    }
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let terms = world.app.terms().await.unwrap();
    let ours = omniprice::money::Money::parse("372.33", omniprice::money::Currency::DKK).unwrap();
    let floors = ["webshop", "b2b"].map(|channel| terms.price(&product, ours, channel).unwrap().1.unwrap().to_string());
    assert_eq!(floors, ["465.42 DKK", "372.33 DKK"], "no less than the minimum, but for the rounding of the net view");
}

async fn a_price_set_by_hand_becomes_ours_without_its_vat(test: TestDb) {
    let world = net_world(test, "adopt", "", START).await;
    world.webshop.edit("KETTLE", 46_250);
    flow::reconcile(&world.app, world.app.lane("webshop").unwrap(), false).await.unwrap();
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 37_000);
    for (channel, minor) in [("webshop", 46_250), ("till", 46_250), ("b2b", 37_000)] {
        assert_eq!(live(&world, channel).await, verified(minor), "{channel}");
    }
}

async fn a_new_tax_rate_moves_what_buyers_see_and_not_what_is_decided_without_it(test: TestDb) {
    let config = "[vat]\nrates = [{ country = \"DK\", class = \"standard\", from = \"2020-01-01\", until = \"2026-11-30\", percent = \"25\" }, \
                  { country = \"DK\", class = \"standard\", from = \"2026-12-01\", percent = \"20\" }]\n\
                  on_change_in = { DK = \"pass_through\" }\n";
    let world = net_world(test, "alert", config, EVENING).await;
    assert_eq!((world.ours("KETTLE").await, live(&world, "webshop").await), (36_000, verified(45_000)));
    world.app.clock.advance(2 * Millis::HOUR);
    world.near.show("KETTLE", price(43_200));
    world.far.show("KETTLE", price(47_904));
    world.drive().await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 36_000, "no second 20 %");
    for (channel, minor) in [("webshop", 43_200), ("b2b", 36_000)] {
        assert_eq!(live(&world, channel).await, verified(minor), "{channel}");
    }
}

const DERIVED: &str = "[[market]]\nid = \"SE\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntz = \"Europe/Stockholm\"\nderived_from = \"DK\"\n\
                       [[channel]]\nid = \"sweden\"\nkind = \"feed\"\nmarket = \"SE\"\n";

async fn a_derived_market_needs_the_rates_of_its_source(test: TestDb) {
    let bank = Bank::open().await;
    let fx = format!("[fx]\nurl = \"http://127.0.0.1:{}/daily.xml\"\nretry_every = \"30m\"\n{SWEDEN}", bank.port);
    let setup = Setup { rules: DERIVED, config: Box::leak(fx.into_boxed_str()), ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(bank.asked(), 1);
    let kinds: Vec<String> = open(&world).await.into_iter().map(|event| event.kind).collect();
    assert!(kinds.contains(&"fx_stale".to_owned()), "{kinds:?}");
    assert_eq!(live(&world, "sweden").await.0, "held", "without rates there is no price");
    assert!(!kinds.contains(&"held_at_door".to_owned()), "{kinds:?}");
    bank.publish("2026-11-23", "7.4500", "11.0000");
    world.app.clock.advance(31 * Millis::MINUTE);
    world.settle().await;
    assert_eq!(bank.asked(), 2);
    // 479.00 / 7.45 * 11
    assert_eq!(live(&world, "sweden").await, verified(70_725));
    assert_eq!(open(&world).await.len(), 0);
}

async fn expired_rates_hold_prices_even_where_the_last_ones_may_be_used(test: TestDb) {
    let rules: &'static str = Box::leak(format!("{DERIVED}[engine]\nstale_fx = \"last\"\n").into_boxed_str());
    let config: &'static str = Box::leak(format!("[fx]\nfetch = \"off\"\n{SWEDEN}").into_boxed_str());
    let world = World::open_at(test, Setup { rules, config, ..Setup::default() }, Clock::manual(START)).await;
    let rate =
        |currency: &str, rate: &str| Rate { day: "2026-11-23".into(), currency: currency.into(), rate: rate.into() };
    settings::keep_rates(&world.app.db, vec![rate("DKK", "7.45"), rate("SEK", "11")], START).await.unwrap();
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(live(&world, "sweden").await, verified(70_725));
    // Friday: Tuesday's, Wednesday's and Thursday's rates were missed.
    world.app.clock.advance(3 * Millis::DAY);
    world.near.show("KETTLE", price(47_400));
    world.drive().await;
    assert_eq!(live(&world, "sweden").await, verified(69_987), "47400 / 7.45 * 11, as the rules say");
    world.app.clock.advance(6 * Millis::DAY);
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    assert_eq!(live(&world, "webshop").await, verified(46_900), "what needs no rate goes on");
    assert_eq!(live(&world, "sweden").await, ("held".to_owned(), Some(69_987)));
}

async fn what_is_not_sent_for_another_reason_than_its_floor_is_no_floor_alarm(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    world.import("sku,title,price,cost,vat\nKETTLE,KETTLE,499.00,250.00,unheard-of\n").await;
    let listing = world.listing("KETTLE", "webshop").await;
    let wish = listings::Desire { listing_id: listing.id, price: Ok(47_900) };
    listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
    flow::publish_due(&world.app, world.app.lane("webshop").unwrap()).await.unwrap();
    let told = open(&world).await;
    let event = told.iter().find(|event| event.kind == "not_sent").unwrap_or_else(|| panic!("{told:?}"));
    assert_eq!(event.severity, "warning");
    assert!(!told.iter().any(|event| event.kind == "held_at_door"), "{told:?}");
    let listing = world.listing("KETTLE", "webshop").await;
    let why = listing.reason.split("\n  hint:").next().unwrap().to_owned();
    assert_eq!(find(&why).map(|found| found.sentence), Some(Sentence::NoVatRate), "{why}");
    // With the class put right the price goes out, and nothing is told any more.
    world.import("sku,title,price,cost,vat\nKETTLE,KETTLE,499.00,250.00,standard\n").await;
    let wish = listings::Desire { listing_id: listing.id, price: Ok(47_900) };
    listings::desire_again(&world.app.db, vec![(wish, None)], world.app.now()).await.unwrap();
    flow::publish_due(&world.app, world.app.lane("webshop").unwrap()).await.unwrap();
    world.settle().await;
    assert_eq!(open(&world).await.len(), 0);
}
