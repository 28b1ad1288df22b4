//! Listings that wait with a wish, rejected by their channel or held at the door, while somebody else changes what they show.

use omniprice::app::PAUSE;
use omniprice::clock::Millis;
use omniprice::flow;
use omniprice::store::lanes::{self, Change};
use omniprice::store::listings::Listing;
use omniprice::store::{events, settings, targets};
use omniprice::verify::Kind;

use super::settled_at;
use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![
    p8_a_rejected_listing_is_read_on_and_heals_by_itself,
    p8_a_rejected_price_goes_out_again_when_a_person_says_so,
    p8_an_edit_while_a_wish_is_held_is_told_before_the_wish_goes_out,
];

/// As if the webshop had refused 479.00 for good and went on with 499.00.
async fn rejected(test: TestDb) -> World {
    let world = World::open(test, Setup::default()).await;
    settled_at(&world, 47_900).await;
    world.webshop.edit("KETTLE", 49_900);
    let (now, listing) = (world.app.now(), world.listing("KETTLE", "webshop").await);
    let taken = lanes::claim_one(&world.app.db, listing.id, now, now.plus(Millis::MINUTE)).await.unwrap().unwrap();
    let refused = |listing: &Listing, (): &(), now| Change {
        state: "rejected",
        reason: "no such price here".into(),
        verified_seq: listing.sent_seq - 1,
        live: Some((49_900, now)),
        ..Change::none(listing)
    };
    lanes::advance(&world.app.db, vec![(taken.id, taken.lease_token, ())], now, refused).await.unwrap();
    world
}

async fn drifts_told(world: &World) -> usize {
    events::open(&world.app.db, 100).await.unwrap().iter().filter(|event| event.kind == "drift").count()
}

async fn kinds(world: &World) -> Vec<Kind> {
    let lane = world.app.lane("webshop").unwrap();
    let report = flow::reconcile(&world.app, lane, false).await.unwrap();
    report.differences.iter().map(|difference| difference.kind).collect()
}

async fn p8_a_rejected_listing_is_read_on_and_heals_by_itself(test: TestDb) {
    let world = rejected(test).await;
    let (code, told) = world.say(&["verify", "webshop"]).await.told();
    assert!(code == 3 && told.contains("KETTLE shows 499.00 DKK, wanted 479.00 DKK"), "{told}");
    assert_eq!(drifts_told(&world).await, 0, "nobody else wrote");
    world.webshop.edit("KETTLE", 50);
    let (code, told) = world.say(&["verify", "webshop"]).await.told();
    assert!(code == 3 && told.contains("drifted: KETTLE shows 0.50 DKK"), "{told}");
    assert_eq!(drifts_told(&world).await, 1);
    let listing = world.listing("KETTLE", "webshop").await;
    assert_eq!((listing.state.as_str(), listing.reason.as_str()), ("rejected", "no such price here"));
    assert_eq!((kinds(&world).await, drifts_told(&world).await), (vec![], 1), "told once");
    world.webshop.edit("KETTLE", 47_900);
    assert_eq!(kinds(&world).await, [Kind::Healed]);
    let listing = world.listing("KETTLE", "webshop").await;
    assert_eq!((listing.state.as_str(), listing.verified_seq), ("verified", listing.desired_seq));
    assert_eq!(drifts_told(&world).await, 0);
    assert_eq!(world.say(&["verify", "webshop"]).await.code, 0);
}

async fn p8_a_rejected_price_goes_out_again_when_a_person_says_so(test: TestDb) {
    let world = rejected(test).await;
    let (code, told) = world.say(&["verify", "webshop", "--reassert"]).await.told();
    assert!(code == 0 && told.contains("our price of 1 product is sent again"), "{told}");
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(47_900));
    assert_eq!(world.listing("KETTLE", "webshop").await.state, "verified");
}

async fn p8_an_edit_while_a_wish_is_held_is_told_before_the_wish_goes_out(test: TestDb) {
    let world = World::open(test, Setup::default()).await;
    settled_at(&world, 47_900).await;
    let (db, now) = (&world.app.db, world.app.now());
    settings::set(db, PAUSE.to_owned(), "on".into(), "ann".into(), "stocktaking".into(), now).await.unwrap();
    world.near.show("KETTLE", price(45_900));
    targets::due_now(db, None, now).await.unwrap();
    flow::pass(&world.app, 200).await.unwrap();
    let held = world.listing("KETTLE", "webshop").await;
    assert_eq!((held.state.as_str(), held.desired_minor), ("held", Some(45_900)));
    assert_eq!((kinds(&world).await, drifts_told(&world).await), (vec![], 0), "it shows what it showed");
    world.webshop.edit("KETTLE", 39_900);
    assert_eq!((kinds(&world).await, drifts_told(&world).await), (vec![Kind::Drifted], 1));
    let after = world.listing("KETTLE", "webshop").await;
    assert_eq!(
        (after.state.as_str(), after.desired_seq, after.desired_minor),
        ("held", held.desired_seq, Some(45_900))
    );
    assert_eq!((after.reason, after.next_at, after.live_minor), (held.reason, held.next_at, Some(39_900)));
    assert_eq!((kinds(&world).await, drifts_told(&world).await), (vec![], 1), "told once");
    let (_, told) = world.say(&["verify", "webshop", "--reassert"]).await.told();
    assert!(told.contains("sent again once pushes are let go on"), "{told}");
    settings::clear(db, PAUSE).await.unwrap();
    world.pass().await;
    assert_eq!(world.webshop.price("KETTLE"), Some(45_900));
    assert_eq!((world.listing("KETTLE", "webshop").await.state.as_str(), drifts_told(&world).await), ("verified", 0));
}
