//! Events about a whole channel: whoever has a scope is told of them where a product of theirs is concerned, with figures of
//! their products.

use omniprice::clock::{Clock, Millis};
use omniprice::publish::notice;
use omniprice::report::{alerting, detect, gather, people};
use omniprice::store::{alerts, channels, events};

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![a_scope_is_told_of_a_whole_channel_by_its_own_products];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

/// What a digest says is wrong on channels, for somebody with a category.
async fn told(world: &World, category: Option<&str>) -> Vec<(String, String)> {
    let (app, until) = (&world.app, world.app.now());
    let mut reader = people::reader(app, "Pricing <pricing@shop.example>").await.unwrap();
    reader.person.categories = category.map(str::to_owned).into_iter().collect();
    let from = until.plus(-Millis::DAY);
    let tracks = gather::tracks(app, from).await.unwrap();
    let events = gather::facts(app, &tracks, &reader, from, until).await.unwrap().events.into_iter();
    let mut told: Vec<_> = events.filter(|event| event.sku.is_none()).map(|e| (e.kind, e.message)).collect();
    told.sort();
    told
}

/// What somebody's alerts said of a kind, the oldest first.
async fn mailed(world: &World, who: &str, kind: &str) -> Vec<String> {
    let mut all = alerts::messages(&world.app.db, START, 100).await.unwrap();
    all.reverse();
    let own = all.iter().filter(|message| message.target == format!("{who}@shop.example"));
    let bodies = own.map(|message| serde_json::from_str::<serde_json::Value>(&message.body).unwrap());
    let items = bodies.flat_map(|body| body["items"].as_array().unwrap().clone());
    items.filter(|item| item["kind"] == kind).map(|item| item["message"].as_str().unwrap().to_owned()).collect()
}

async fn a_scope_is_told_of_a_whole_channel_by_its_own_products(test: TestDb) {
    let products =
        vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00")), ("LAMP", "299.00", Some("150.00"))];
    let world = World::open_at(test, Setup { products, ..Setup::default() }, Clock::manual(START)).await;
    let app = &world.app;
    world
        .import(
            "sku,title,price,cost,category\nKETTLE,Kettle,499.00,250.00,kitchen/water\n\
             MUG,Mug,99.00,40.00,kitchen/cups\nLAMP,Lamp,299.00,150.00,living\n",
        )
        .await;
    for (who, category) in [("kit", "kitchen"), ("cup", "kitchen/cups"), ("gus", "garden"), ("all", "")] {
        let wishes = ["digest=".to_owned(), format!("categories={category}")];
        let wishes = serde_json::Map::from_iter(wishes.iter().map(|wish| people::parse(wish).unwrap()));
        people::change(app, &format!("{who}@shop.example"), wishes, "ops", "test").await.unwrap();
    }
    for (sku, minor) in [("KETTLE", 47_900), ("MUG", 9_700), ("LAMP", 28_900)] {
        world.near.show(sku, price(minor));
    }
    world.drive().await;
    // Somebody raises two prices in the shop; the feed still promises the old ones.
    world.webshop.edit("KETTLE", 52_900);
    world.webshop.edit("LAMP", 35_900);
    app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    for _ in 0..3 {
        app.clock.advance(6 * Millis::MINUTE);
        alerting::watch(app).await.unwrap();
    }
    let advert = |n: usize, sku: &str| {
        let what = format!("google promises less than webshop asks; products: {n}, {sku} among them");
        ("advert_below_checkout".to_owned(), what)
    };
    let parity = |n: usize, all: usize| {
        ("parity_below_goal".to_owned(), format!("webshop: {n} of {all} prices are not live after "))
    };
    let is = |found: &[(String, String)], expected: &[(String, String)]| {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(one, two)| one.0 == two.0 && one.1.starts_with(&two.1))
    };
    for (category, expected) in [
        (None, vec![advert(2, "KETTLE"), parity(2, 3)]),
        (Some("kitchen"), vec![advert(1, "KETTLE"), parity(1, 2)]),
        (Some("living"), vec![advert(1, "LAMP"), parity(1, 1)]),
        (Some("kitchen/cups"), vec![]),
        (Some("garden"), vec![]),
    ] {
        let found = told(&world, category).await;
        assert!(is(&found, &expected), "{category:?}: {found:?}");
    }
    for (who, expected) in [("all", Some("2, KETTLE")), ("kit", Some("1, KETTLE")), ("cup", None), ("gus", None)] {
        let mails = mailed(&world, who, "advert_below_checkout").await;
        assert_eq!(mails.len(), usize::from(expected.is_some()), "{who}: {mails:?}");
        assert!(expected.is_none_or(|figures| mails[0].contains(figures)), "{who}: {mails:?}");
    }
    // What is over is told to whoever was told of it; what it was about is not known any more.
    world.webshop.edit("KETTLE", 47_900);
    world.webshop.edit("LAMP", 28_900);
    app.clock.advance(2 * Millis::HOUR);
    world.drive().await;
    detect::all(app).await.unwrap();
    app.clock.advance(Millis::HOUR);
    alerting::watch(app).await.unwrap();
    let [_, over] = &mailed(&world, "kit", "advert_below_checkout").await[..] else { panic!("kit is told of the end") };
    assert!(over.starts_with("of all products of the channel: google promises less"), "{over}");
    let [_, over] = &mailed(&world, "all", "advert_below_checkout").await[..] else {
        panic!("all are told of the end")
    };
    assert!(over.starts_with("google promises less"), "{over}");
    assert_eq!(mailed(&world, "cup", "advert_below_checkout").await, Vec::<String>::new());
    // A channel that stands still concerns whatever it lists.
    channels::set_state(&app.db, "webshop".into(), "refused", "401".into(), app.now()).await.unwrap();
    events::raise(&app.db, notice::refused("webshop", "401"), app.now()).await.unwrap();
    let refused = async |category| told(&world, category).await.into_iter().any(|(kind, _)| kind == "channel_refused");
    assert!(refused(None).await && refused(Some("kitchen/cups")).await && !refused(Some("garden")).await);
}
