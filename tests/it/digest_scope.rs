//! What a digest tells of a campaign and of a new shop: the reader's products alone, and no time before the shop.

use std::collections::BTreeMap;

use omniprice::clock::{Clock, Millis};
use omniprice::decide::campaign_file::CampaignFile;
use omniprice::demo::market::Shown;
use omniprice::flow::campaigns as planning;
use omniprice::report::facts::{Facts, Stage};
use omniprice::report::{gather, people};
use omniprice::store::{campaigns, products};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    a_campaign_is_told_by_the_readers_products_and_offers_them_no_headroom,
    pages_that_give_no_price_are_those_of_the_readers_products,
    a_price_below_its_floor_is_neither_headroom_nor_held_up,
    what_asks_more_than_its_floor_is_not_held_up_by_it,
];

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

async fn pages_that_give_no_price_are_those_of_the_readers_products(test: TestDb) {
    let products =
        vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00")), ("LAMP", "299.00", Some("150.00"))];
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    let rules = world.app.rules().await.unwrap();
    let rows = omniprice::catalog::import::read(CATALOGUE.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    for sku in ["KETTLE", "LAMP"] {
        world.near.show(sku, Shown::Gone);
    }
    world.far.show("LAMP", Shown::Gone);
    world.drive().await;
    let counts = async |category: Option<&str>| {
        let told = told(&world, category).await.unhealthy.into_iter();
        told.map(|row| (row.competitor, row.n)).collect::<Vec<_>>()
    };
    let of = |name: &str, n: i64| (format!("{name}.example"), n);
    assert_eq!(counts(None).await, [of("near", 2), of("far", 1)]);
    assert_eq!(counts(Some("living")).await, [of("far", 1), of("near", 1)]);
    assert_eq!(counts(Some("kitchen")).await, [of("near", 1)], "the lamp is somebody else's");
    assert_eq!(counts(Some("garden")).await, []);
}

async fn a_price_below_its_floor_is_neither_headroom_nor_held_up(test: TestDb) {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00"))];
    let setup = Setup { products, mode: "shadow", ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    for (sku, theirs) in [("KETTLE", 59_900), ("MUG", 11_900)] {
        world.near.show(sku, price(theirs));
        world.far.show(sku, price(theirs));
    }
    world.drive().await;
    let before = told(&world, None).await;
    assert_eq!((headroom(&before), before.floors.len()), (vec!["KETTLE", "MUG"], 0));
    // The purchase costs rise: with 10 % margin and 25 % VAT one may not cost less than 694.44.
    let rules = world.app.rules().await.unwrap();
    let dear = "sku,title,price,cost\nKETTLE,Kettle,499.00,500.00\n";
    let rows = omniprice::catalog::import::read(dear.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    world.app.clock.advance(Millis::HOUR);
    // Something that a mail is sent for.
    world.near.show("MUG", price(12_400));
    world.drive().await;
    let after = told(&world, None).await;
    let [floor] = &after.floors[..] else { panic!("{:?}", after.floors) };
    assert_eq!((floor.sku.as_str(), floor.below.map(|ours| ours.minor())), ("KETTLE", Some(49_900)));
    assert!(floor.floor.is_some_and(|floor| floor.minor() > 59_900), "{floor:?}");
    assert_eq!(headroom(&after), ["MUG"], "what has to rise has no room to choose");
    let reader = people::reader(&world.app, "Pricing <pricing@shop.example>").await.unwrap();
    let text = omniprice::report::digest::render(&after, &reader).unwrap().text;
    assert!(text.contains("asks DKK\u{a0}499.00, which is below its floor DKK\u{a0}"), "{text}");
    assert!(!text.contains("held up by its floor"), "{text}");
}

async fn what_asks_more_than_its_floor_is_not_held_up_by_it(test: TestDb) {
    // With 10 % margin and 25 % VAT it may not cost less than 486.11.
    let setup = Setup { products: vec![("KETTLE", "499.00", Some("350.00"))], mode: "shadow", ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    for page in [&world.near, &world.far] {
        page.show("KETTLE", price(42_900));
    }
    world.drive().await;
    let limited = omniprice::store::reporting::limited(&world.app.db, 10).await.unwrap();
    assert!(
        limited[0].price_minor.is_some_and(|wanted| wanted < 49_900),
        "the floor limits what is wanted: {limited:?}"
    );
    assert_eq!(told(&world, None).await.floors.len(), 0, "nothing has been lowered to the floor yet");
}
