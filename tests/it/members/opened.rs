//! What members alone could have does not go public with a channel that is opened to everybody.

use omniprice::flow::campaigns::scope;
use omniprice::store::fleet;

use super::*;
use crate::web::ask;

both_engines![
    a_campaign_for_members_is_never_the_products_own_price,
    going_back_gives_nobody_a_price_that_members_had,
    what_only_members_were_asked_is_told_as_such_after_the_channel_opened,
];

const ALL: &str = "[[channel]]\nid = \"webshop\"\nkind = \"shop\"\nmarket = \"DK\"\naudience = \"loyalty\"\n\
                   [[channel]]\nid = \"till\"\nkind = \"pos\"\nmarket = \"DK\"\naudience = \"loyalty\"\n\
                   [[channel]]\nid = \"google\"\nkind = \"api\"\nmarket = \"DK\"\naudience = \"loyalty\"\n";

async fn live(world: &World, channel: &str) -> Option<i64> {
    world.listing("KETTLE", channel).await.live_minor
}

async fn a_campaign_for_members_is_never_the_products_own_price(test: TestDb) {
    let world = world(test, ALL).await;
    intent::add(&world, Millis::HOUR, 3 * Millis::DAY, "audience = \"loyalty\"").await;
    let stored = campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap();
    let named = scope(&world.app, &stored.channels, &stored.audience).expect("named, though it is all of ours");
    assert_eq!(named.len(), world.app.lanes.len());
    world.app.clock.advance(Millis::HOUR);
    turns(&world).await;
    assert_eq!((live(&world, "webshop").await, live(&world, "till").await), (Some(39_900), Some(39_900)));
    assert_eq!(world.ours("KETTLE").await, 49_900, "it is no price of the product");
    let costs = async || ask(&world.app, "/v1/prices?channel=till").await["prices"][0]["amount"].clone();
    let member = costs().await;
    // The till is opened to everybody while the campaign runs.
    let rules =
        ALL.replace("kind = \"pos\"\nmarket = \"DK\"\naudience = \"loyalty\"\n", "kind = \"pos\"\nmarket = \"DK\"\n");
    std::fs::write(world.test.dir.path().join("rules.toml"), format!("{RULES}\n{rules}")).unwrap();
    turns(&world).await;
    assert_eq!((live(&world, "webshop").await, live(&world, "till").await), (Some(39_900), Some(49_900)));
    let (public, own) = (costs().await, ask(&world.app, "/v1/prices").await["prices"][0]["amount"].clone());
    assert_eq!([member, public, own], ["399.00", "499.00", "499.00"]);
}

async fn going_back_gives_nobody_a_price_that_members_had(test: TestDb) {
    let world = world(test, MEMBERS).await;
    let then = world.app.now();
    let at = |channel: &'static str| fleet::live_at(&world.app.db, channel, then, 0, 10);
    world.app.clock.advance(Millis::HOUR);
    let dearer = MEMBERS.replace("-10", "-5");
    std::fs::write(world.test.dir.path().join("rules.toml"), format!("{RULES}\n{dearer}")).unwrap();
    world.drive().await;
    assert_eq!(live(&world, "till").await, Some(47_405));
    let back = at("till").await.unwrap();
    assert_eq!(back.iter().map(|row| row.minor).collect::<Vec<_>>(), [44_910], "members may have it again");
    std::fs::write(world.test.dir.path().join("rules.toml"), RULES).unwrap();
    world.drive().await;
    assert_eq!(live(&world, "till").await, Some(49_900), "it is everybody's now");
    assert_eq!(at("till").await.unwrap().len(), 0, "44.910 never was");
}

async fn what_only_members_were_asked_is_told_as_such_after_the_channel_opened(test: TestDb) {
    let world = World::open(test, Setup { rules: MEMBERS, ..Setup::default() }).await;
    world.pass().await;
    let then = world.app.now().to_string();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    std::fs::write(world.test.dir.path().join("rules.toml"), RULES).unwrap();
    world.pass().await;
    let told = world.say(&["explain", "KETTLE", "--at", &then]).await;
    assert!(told.out.contains("till (members only): asked 449.10 DKK"), "{told:?}");
    let now = world.say(&["explain", "KETTLE"]).await;
    assert!(!now.out.contains("(members only)"), "{now:?}");
}
