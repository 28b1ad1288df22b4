//! What a feed says of a product besides its price: an import that changes it reaches the feed, and no price moves by it.

use omniprice::catalog::import::read;
use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::store::listings::Listing;
use omniprice::store::{channels, events, products, progress};
use omniprice::verify;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World};

both_engines![
    what_an_import_changes_reaches_the_feed_and_moves_no_price,
    a_stock_that_only_shrinks_and_a_line_that_somebody_else_changed_are_left_alone,
];

const START: Millis = Millis(1_795_000_000_000);

async fn open(test: TestDb) -> World {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    world.drive().await;
    world.app.clock.advance(Millis::HOUR);
    world
}

/// What `omniprice import` does with a file.
async fn import(world: &World, csv: &str) {
    let rules = world.app.rules().await.unwrap();
    let parsed = read(csv.as_bytes(), &rules.set, |_| {});
    assert_eq!(parsed.errors, vec![]);
    let carry = world.app.lanes.iter().filter(|lane| lane.channel.capabilities().attributes);
    let carriers: Vec<String> = carry.map(|lane| lane.name.clone()).collect();
    assert_eq!(carriers, ["google"], "the feed; shop and till have titles of their own");
    products::import_for(&world.app.db, parsed.rows, carriers, world.app.now()).await.unwrap();
}

/// The lanes alone: nothing is checked or decided.
async fn publish(world: &World) {
    for _ in 0..20 {
        for lane in &world.app.lanes {
            flow::publish_due(&world.app, lane).await.unwrap();
        }
        world.app.clock.advance(50);
    }
}

fn feed(world: &World) -> String {
    std::fs::read_to_string(world.test.dir.path().join("feeds/google.xml")).unwrap()
}

async fn on(world: &World, channel: &str) -> (Listing, usize) {
    let listing = world.listing("KETTLE", channel).await;
    let pushes = progress::attempts(&world.app.db, listing.id, 100).await.unwrap();
    let pushes = pushes.iter().filter(|attempt| attempt.kind == "push").count();
    (listing, pushes)
}

async fn what_an_import_changes_reaches_the_feed_and_moves_no_price(test: TestDb) {
    let world = open(test).await;
    let db = &world.app.db;
    let (before, pushes) = on(&world, "google").await;
    let (_, in_shop) = on(&world, "webshop").await;
    let product = products::by_sku(db, "KETTLE").await.unwrap().unwrap();
    assert!(feed(&world).contains("<g:availability>in_stock</g:availability>"), "{}", feed(&world));
    let head = "sku,title,price,stock,brand,gtin\n";
    let changes = [
        ("KETTLE,KETTLE,499.00,0,,", "out_of_stock"),
        ("KETTLE,Tea kettle,499.00,0,,", "Tea kettle"),
        ("KETTLE,Tea kettle,499.00,0,Nordlys,", "Nordlys"),
        ("KETTLE,Tea kettle,499.00,0,Nordlys,4006381333931", "4006381333931"),
        ("KETTLE,Tea kettle,499.00,3,Nordlys,4006381333931", "in_stock"),
    ];
    for (times, (row, said)) in (1..).zip(changes) {
        world.app.clock.advance(Millis::MINUTE);
        import(&world, &format!("{head}{row}\n")).await;
        publish(&world).await;
        assert!(feed(&world).contains(said), "{said}: {}", feed(&world));
        let (listing, now) = on(&world, "google").await;
        assert_eq!((listing.state.as_str(), now), ("verified", pushes + times), "written again, and proved");
        assert_eq!((listing.live_minor, listing.decision_id), (before.live_minor, before.decision_id));
        assert_eq!(listing.verified_seq, listing.desired_seq);
        // The same file again says nothing new.
        import(&world, &format!("{head}{row}\n")).await;
        publish(&world).await;
        assert_eq!(on(&world, "google").await.1, pushes + times, "{said}");
    }
    assert_eq!(on(&world, "webshop").await.1, in_shop, "the shop has titles of its own");
    let seen = progress::live_history(db, before.id, Millis(0)).await.unwrap();
    assert!(seen.iter().all(|price| Some(price.minor) == before.live_minor), "no other price was ever there: {seen:?}");
    let after = products::by_sku(db, "KETTLE").await.unwrap().unwrap();
    assert_eq!(
        (after.version, after.changed_at, after.shelf_at),
        (product.version, product.changed_at, product.shelf_at)
    );
    assert_eq!(events::open(db, 10).await.unwrap().len(), 0);
    assert!(channels::list(db).await.unwrap().iter().all(|channel| channel.state == "ok"));
}

async fn a_stock_that_only_shrinks_and_a_line_that_somebody_else_changed_are_left_alone(test: TestDb) {
    let world = open(test).await;
    let head = "sku,title,price,stock\n";
    import(&world, &format!("{head}KETTLE,KETTLE,499.00,5\n")).await;
    publish(&world).await;
    let (_, pushes) = on(&world, "google").await;
    import(&world, &format!("{head}KETTLE,KETTLE,499.00,4\n")).await;
    publish(&world).await;
    assert_eq!(on(&world, "google").await.1, pushes, "there is some");
    let theirs = feed(&world).replace("499.00", "399.00");
    std::fs::write(world.test.dir.path().join("feeds/google.xml"), theirs).unwrap();
    verify::look(&world.app, world.app.lane("google").unwrap(), verify::Look::ByPolicy).await.unwrap();
    let drifted = on(&world, "google").await.0.state;
    import(&world, &format!("{head}KETTLE,Tea kettle,499.00,0\n")).await;
    publish(&world).await;
    assert_eq!((drifted.as_str(), on(&world, "google").await.0.state.as_str()), ("drifted", "drifted"));
    assert!(feed(&world).contains("399.00"), "what somebody else wrote is a person's to judge");
}
