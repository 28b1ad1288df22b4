//! Campaigns that end while exchange rates are too old: buyers must not have a price longer because a bank is silent.

use omniprice::clock::{Clock, Millis};
use omniprice::store::settings::{self, Rate};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};
use crate::intent;

both_engines![
    a_campaign_ends_on_a_channel_of_another_currency_although_rates_are_too_old,
    what_was_not_proved_before_the_campaign_waits_for_newer_rates,
];

/// A Tuesday morning; the rates of Monday are the newest that are due.
const START: Millis = Millis(1_795_510_800_000);
const RULES: &str = "[[market]]\nid = \"SE\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntz = \"Europe/Stockholm\"\nderived_from = \"DK\"\n\
                     [[channel]]\nid = \"sweden\"\nkind = \"shop\"\nmarket = \"SE\"\n";
const CONFIG: &str = "[fx]\nfetch = \"off\"\n[channels.sweden]\nkind = \"feed\"\npath = \"feeds/sweden.xml\"\ntitle = \"Shop\"\n\
                      link = \"https://shop.example/p/{sku}\"\ncurrency = \"SEK\"\ntax = \"gross\"\n";

async fn keep(world: &World, day: &str, sek: &str) {
    let rate = |currency: &str, rate: &str| Rate { day: day.into(), currency: currency.into(), rate: rate.into() };
    settings::keep_rates(&world.app.db, vec![rate("DKK", "7.45"), rate("SEK", sek)], world.app.now()).await.unwrap();
}

async fn live(world: &World) -> (String, Option<i64>) {
    let listing = world.listing("KETTLE", "sweden").await;
    (listing.state, listing.live_minor)
}

fn verified(minor: i64) -> (String, Option<i64>) {
    ("verified".to_owned(), Some(minor))
}

/// Hours pass, and the daemon works.
async fn hours(world: &World, n: i64) {
    world.app.clock.advance(n * Millis::HOUR);
    for _ in 0..3 {
        world.drive().await;
        world.app.clock.advance(Millis::MINUTE);
    }
    world.settle().await;
}

/// 479.00 DKK, a campaign of 399.00 until Friday, and rates that stop on Tuesday.
async fn world(test: TestDb) -> World {
    let world =
        World::open_at(test, Setup { rules: RULES, config: CONFIG, ..Setup::default() }, Clock::manual(START)).await;
    keep(&world, "2026-11-23", "11").await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(live(&world).await, verified(70_725), "479.00 / 7.45 * 11");
    intent::add(&world, 2 * Millis::HOUR, 3 * Millis::DAY, "cart_grace_min = 0").await;
    hours(&world, 3).await;
    assert_eq!(live(&world).await, verified(58_913), "399.00 / 7.45 * 11");
    // A little more than before, too little to move any price.
    keep(&world, "2026-11-24", "11.02").await;
    world
}

async fn a_campaign_ends_on_a_channel_of_another_currency_although_rates_are_too_old(test: TestDb) {
    let world = world(test).await;
    hours(&world, 72).await;
    assert!(world.app.terms().await.unwrap().wants_rates(), "two publications are missing");
    assert_eq!(world.ours("KETTLE").await, 47_900);
    assert_eq!(live(&world).await, verified(70_725), "the very price of before, and not 708.53");
    // What follows from a new decision waits as it always did.
    world.near.show("KETTLE", price(46_900));
    hours(&world, 2).await;
    assert_eq!(world.ours("KETTLE").await, 46_900);
    assert_eq!(live(&world).await, ("held".to_owned(), Some(70_725)));
    keep(&world, "2026-11-27", "11.02").await;
    hours(&world, 1).await;
    assert_eq!(live(&world).await, verified(69_374), "469.00 / 7.45 * 11.02");
}

async fn what_was_not_proved_before_the_campaign_waits_for_newer_rates(test: TestDb) {
    let world = world(test).await;
    // Rivals went down meanwhile, so that the end is another price than the one before the campaign.
    world.near.show("KETTLE", price(46_900));
    hours(&world, 72).await;
    assert_eq!(world.ours("KETTLE").await, 46_900);
    assert_eq!(live(&world).await, ("held".to_owned(), Some(58_913)));
    keep(&world, "2026-11-26", "11.02").await;
    hours(&world, 1).await;
    assert_eq!(live(&world).await, verified(69_374));
}
