//! What channels show when somebody asks us to take it over, or has lost it: our own price on its way, and an empty file.

use omniprice::flow;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    what_a_channel_shows_no_price_for_is_said_not_to_be_adopted,
    our_own_price_that_waits_to_be_replaced_is_not_adopted,
    a_feed_that_lost_its_file_is_a_problem_before_anything_goes_out,
];

async fn what_a_channel_shows_no_price_for_is_said_not_to_be_adopted(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    for channel in ["till", "google"] {
        let (_, told) = world.say(&["channel", "adopt", channel]).await.told();
        assert!(told.contains("0 prices adopted, 1 left alone"), "{told}");
        assert!(told.contains("shows no price of its own for it") && !told.contains("is ours already"), "{told}");
    }
}

async fn our_own_price_that_waits_to_be_replaced_is_not_adopted(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    // The next decision is made, and no channel has had its turn.
    let pass = async |minor: i64| {
        world.say(&["pause", "--why", "a test"]).await;
        world.near.show("KETTLE", price(minor));
        omniprice::store::targets::due_now(&world.app.db, None, world.app.now()).await.unwrap();
        while flow::check_due(&world.app).await.unwrap() > 0 {}
        while flow::decide_due(&world.app).await.unwrap() > 0 {}
        assert_eq!(world.ours("KETTLE").await, minor);
    };
    pass(46_900).await;
    for dry in [&["channel", "adopt", "google"][..], &["channel", "adopt", "google", "--dry-run"]] {
        let (_, told) = world.say(dry).await.told();
        assert!(told.contains("0 prices") && told.contains("1 left alone"), "{told}");
        assert!(told.contains("the price that was proved there last; the one wanted waits for its turn"), "{told}");
    }
    assert_eq!(world.ours("KETTLE").await, 46_900);
    // Somebody else's price is another thing.
    world.till.edit("KETTLE", 45_900);
    let (_, told) = world.say(&["channel", "adopt", "till"]).await.told();
    assert!(told.contains("1 price adopted, 0 left alone"), "{told}");
    assert_eq!(world.ours("KETTLE").await, 45_900);
    // So is one that was noticed as somebody else's before.
    world.say(&["unlock", "KETTLE", "--why", "a test"]).await;
    world.say(&["resume", "--why", "a test"]).await;
    world.pass().await;
    world.till.edit("KETTLE", 44_900);
    world.say(&["verify", "till"]).await;
    let (_, told) = world.say(&["channel", "adopt", "till"]).await.told();
    assert!(told.contains("1 price adopted, 0 left alone"), "{told}");
}

async fn a_feed_that_lost_its_file_is_a_problem_before_anything_goes_out(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let (_, told) = world.say(&["channel", "test", "google"]).await.told();
    assert!(told.contains("  ok"), "{told}");
    let path = world.test.dir.path().join("feeds/google.xml");
    std::fs::remove_file(&path).unwrap();
    world.say(&["pause", "--why", "restored"]).await;
    let lacks = "prices that were proved there and that it lacks: 1 of 1";
    let (code, told) = world.say(&["channel", "test", "google"]).await.told();
    assert!(code == 3 && told.contains(lacks), "{told}");
    let (code, told) = world.say(&["check"]).await.told();
    assert!(code == 3 && told.contains("BAD  channel google: ") && told.contains(lacks), "{told}");
    assert!(told.contains("next: omniprice verify --dry-run"), "{told}");
    // What the line says to type puts it right.
    world.say(&["resume", "--why", "a test"]).await;
    world.say(&["verify", "google"]).await;
    world.pass().await;
    assert!(std::fs::read_to_string(&path).unwrap().contains("479.00"));
    let (_, told) = world.say(&["channel", "test", "google"]).await.told();
    assert!(told.contains("  ok"), "{told}");
}
