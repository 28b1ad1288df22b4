//! What a digest tells of a campaign and of a new shop: the reader's products alone, and no time before the shop.

use std::collections::BTreeMap;

use omniprice::clock::{Clock, Millis};
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::flow::campaigns as planning;
use omniprice::report::facts::{Facts, Stage};
use omniprice::report::{gather, people};
use omniprice::store::{campaigns, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![a_campaign_is_told_by_the_readers_products_and_offers_them_no_headroom];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
const KEEP: &str = "[[rule]]\nid = \"stay\"\npriority = 900\nmode = \"auto\"\ntarget = { kind = \"keep\" }\n";
const CATALOGUE: &str = "sku,title,price,cost,category\nKETTLE,Kettle,499.00,250.00,kitchen\n\
                         MUG,Mug,99.00,40.00,kitchen\nLAMP,Lamp,299.00,150.00,living\n";

async fn told(world: &World, category: Option<&str>) -> Facts {
    let (app, until) = (&world.app, world.app.now());
    let mut reader = people::reader(app, "Pricing <pricing@shop.example>").await.unwrap();
    reader.person.categories = category.map(str::to_owned).into_iter().collect();
    let from = until.plus(-Millis::DAY);
    let tracks = gather::tracks(app, from).await.unwrap();
    gather::facts(app, &tracks, &reader, from, until).await.unwrap()
}

fn listings(facts: &Facts) -> BTreeMap<&str, i64> {
    facts.campaigns[0].channels.iter().map(|on| (on.channel.as_str(), on.listings)).collect()
}

fn headroom(facts: &Facts) -> Vec<&str> {
    let mut skus: Vec<&str> = facts.headroom.iter().map(|room| room.sku.as_str()).collect();
    skus.sort_unstable();
    skus
}

async fn a_campaign_is_told_by_the_readers_products_and_offers_them_no_headroom(test: TestDb) {
    let products =
        vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00")), ("LAMP", "299.00", Some("150.00"))];
    let setup = Setup { products, rules: KEEP, ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    let rules = world.app.rules().await.unwrap();
    let rows = omniprice::catalog::import::read(CATALOGUE.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    for (sku, theirs) in [("KETTLE", 59_900), ("MUG", 11_900), ("LAMP", 35_900)] {
        world.near.show(sku, price(theirs));
        world.far.show(sku, price(theirs));
    }
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    let before = told(&world, None).await;
    assert_eq!((before.from, before.until), (START, START.plus(before.until.since(START))), "no day before the shop");
    assert_eq!(headroom(&before), ["KETTLE", "LAMP", "MUG"]);
    let now = world.app.now();
    let text = format!(
        "id = \"sale\"\nfrom = \"{}\"\nuntil = \"{}\"\nowner = \"anna\"\nwhy = \"x\"\n\
         [[item]]\nsku = [\"KETTLE\", \"LAMP\"]\npercent = \"10\"\n",
        now.plus(Millis::HOUR),
        now.plus(4 * Millis::DAY)
    );
    let file = CampaignFile::parse(&text).unwrap();
    let planned = planning::plan(&world.app, &file, text).await.unwrap().unwrap();
    campaigns::add(&world.app.db, planned, now).await.unwrap();
    assert_eq!(headroom(&told(&world, None).await), ["KETTLE", "LAMP", "MUG"], "it has not begun");
    // Adverts follow the slowest checkout at the next whole minute.
    world.app.clock.advance(Millis::HOUR + 3 * Millis::MINUTE);
    world.drive().await;
    let (all, kitchen) = (told(&world, None).await, told(&world, Some("kitchen")).await);
    assert!(matches!(all.campaigns[0].stage, Stage::Runs { .. }), "{:?}", all.campaigns);
    assert_eq!((all.campaigns[0].products, kitchen.campaigns[0].products), (2, 1));
    let on_all = |n: i64| BTreeMap::from([("google", n), ("till", n), ("webshop", n)]);
    assert_eq!((listings(&all), listings(&kitchen)), (on_all(2), on_all(1)));
    assert_eq!((headroom(&all), headroom(&kitchen)), (vec!["MUG"], vec!["MUG"]), "a promised price does not rise");
    assert!(told(&world, Some("garden")).await.campaigns.is_empty());
}
