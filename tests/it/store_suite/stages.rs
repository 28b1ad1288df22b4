//! What is staged on listings ahead of a campaign, and what their pushes carry.

use std::sync::Arc;

use omniprice::clock::Millis;
use omniprice::store::campaigns::{self, Added, NewItem};
use omniprice::store::lanes::{self, Begun, Change, Permit};
use omniprice::store::listings::{self, Desire, Found, Listing};
use omniprice::store::stages::{self, OnChannel, Stage};
use omniprice::store::strikes::Frozen;
use omniprice::store::{Db, channels, products, progress};

use super::intent::{campaign, listing};
use super::{NOW, after, one};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![
    a_stage_travels_with_the_price_it_reduces_and_only_before_its_start,
    a_start_that_is_seen_takes_the_place_of_what_was_sent,
    what_a_reduction_left_is_taken_away_by_the_first_push_after_it_and_by_no_other,
    stages_whose_campaign_will_not_take_them_over_are_loose,
    a_channel_counts_all_its_mapped_listings_of_a_campaign,
];

const BASE: i64 = 49_900;
const REDUCED: i64 = 39_900;

pub(super) struct Staged {
    pub product_id: i64,
    pub listing_id: i64,
    pub stage: Stage,
}

/// A listing whose price is wanted and shown, and a campaign on it from second 100 to 200.
pub(super) async fn staged(db: &Db) -> Staged {
    let product = one(db, "A", &[]).await;
    let listing_id = listing(db, product.id).await;
    wish(db, listing_id, BASE).await;
    let Added::Stored(campaign_id) = campaigns::add(db, campaign("first", product.id, 100, 200), NOW).await.unwrap()
    else {
        panic!("it is stored")
    };
    let stage = Stage {
        listing_id,
        campaign_id,
        minor: REDUCED,
        regular_minor: BASE,
        prior_minor: Some(BASE),
        starts_at: after(100).0,
        ends_at: after(200).0,
    };
    stages::arrange(db, vec![stage], vec![], NOW).await.unwrap();
    Staged { product_id: product.id, listing_id, stage }
}

async fn wish(db: &Db, listing_id: i64, minor: i64) {
    let desire = Desire { listing_id, price: Ok(minor) };
    listings::desire_again(db, vec![(desire, None)], NOW).await.unwrap();
}

pub(super) async fn fresh(db: &Db, of: &Staged) -> Listing {
    listings::of_product(db, of.product_id).await.unwrap().remove(0)
}

/// Pushes the listing at a second, through a door with this floor.
pub(super) async fn push(db: &Db, of: &Staged, at: i64, floor: i64) -> Permit {
    let listing = lanes::claim_one(db, of.listing_id, after(at), after(at + 5)).await.unwrap().unwrap();
    let door = move |listing: &Listing, _: &products::Product, _: &[Listing], _| {
        let of = permit(listing.desired_minor.unwrap());
        Ok(Permit { floor_minor: Some(floor), announces: true, stages: true, ..of })
    };
    let leases = vec![(listing.id, listing.lease_token)];
    let begun = lanes::begin_push(db, leases, after(at), after(at + 5), None, Arc::new(door)).await.unwrap().remove(0);
    let Begun::Send { listing, permit, .. } = begun else { panic!("it is sent") };
    read(db, &listing, at, false).await;
    permit
}

async fn read(db: &Db, listing: &Listing, at: i64, took_over: bool) {
    let seen = |listing: &Listing, took_over: &bool, _: Millis| Change {
        state: "verified",
        verified_seq: listing.desired_seq,
        next_at: None,
        took_over: *took_over,
        fact: took_over.then_some((REDUCED, "verified")),
        ..Change::none(listing)
    };
    let events = vec![(listing.id, listing.lease_token, took_over)];
    let moved = lanes::advance(db, events, after(at), seen).await.unwrap();
    assert!(moved[0].is_some(), "the lease was lost");
}

async fn a_stage_travels_with_the_price_it_reduces_and_only_before_its_start(test: TestDb) {
    let db = &test.db;
    let of = staged(db).await;
    let wanted = fresh(db, &of).await;
    assert_eq!((wanted.desired_seq, wanted.stage_seq, wanted.desired_minor), (2, 2, Some(BASE)), "sent once more");
    assert_eq!(stages::of_one(db, of.listing_id).await.unwrap(), Some(of.stage));
    let on = |confirmed| {
        vec![OnChannel { channel: "shop".into(), listings: 1, wanted: 1, starts_at: after(100).0, confirmed }]
    };
    assert_eq!(stages::per_channel(db, of.stage.campaign_id, after(9)).await.unwrap(), on(0));
    assert_eq!(stages::ahead(db, NOW).await.unwrap(), (0, None));

    assert_eq!(push(db, &of, 10, 1).await.stage, Some(of.stage));
    let sent = fresh(db, &of).await;
    assert_eq!((sent.sent_minor, sent.sent_regular_minor, sent.staged_minor), (Some(BASE), None, Some(REDUCED)));
    assert_eq!((sent.staged_from, sent.staged_until), (Some(after(100).0), Some(after(200).0)));
    assert!(!sent.must_stage() && !sent.begun_with(REDUCED, after(30)) && sent.begun_with(REDUCED, after(100)));
    assert!(!sent.begun_with(BASE, after(150)) && !sent.begun_with(REDUCED, after(200)));
    assert_eq!(stages::per_channel(db, of.stage.campaign_id, after(9)).await.unwrap(), on(1));
    assert_eq!(stages::per_channel(db, of.stage.campaign_id, NOW.plus(-1)).await.unwrap(), [], "staged later");
    assert_eq!(stages::ahead(db, NOW).await.unwrap(), (1, Some(after(100))));
    assert_eq!(stages::ahead(db, after(100)).await.unwrap().0, 0);

    wish(db, of.listing_id, 48_900).await;
    assert_eq!(push(db, &of, 20, 1).await.stage, None, "it reduces another price");
    assert_eq!(fresh(db, &of).await.staged_minor, None);
    wish(db, of.listing_id, BASE).await;
    assert_eq!(push(db, &of, 30, REDUCED + 1).await.stage, None, "below the floor");
    wish(db, of.listing_id, BASE).await;
    assert_eq!(push(db, &of, 100, 1).await.stage, None, "its time has come");
    stages::arrange(db, vec![], vec![of.listing_id], after(101)).await.unwrap();
    assert_eq!(stages::of_one(db, of.listing_id).await.unwrap(), None);
    assert!(fresh(db, &of).await.must_stage(), "that nothing is staged any more must be sent");

    let held = Desire { listing_id: of.listing_id, price: Err("no price".into()) };
    listings::desire_again(db, vec![(held, None)], after(102)).await.unwrap();
    stages::arrange(db, vec![of.stage], vec![], after(103)).await.unwrap();
    assert_eq!(stages::of_one(db, of.listing_id).await.unwrap(), None, "nothing can be sent");
}

pub(super) fn frozen(of: &Staged, prior: i64) -> Frozen {
    Frozen {
        campaign_id: of.stage.campaign_id,
        listing_id: of.listing_id,
        campaign_minor: REDUCED,
        regular_minor: BASE,
        prior_minor: Some(prior),
        currency: "DKK".into(),
        window_from: None,
        started_at: after(100),
        ends_at: after(200),
        announce: true,
        max_percent: Some(20),
        reasons: "[]".into(),
    }
}

async fn a_start_that_is_seen_takes_the_place_of_what_was_sent(test: TestDb) {
    let db = &test.db;
    let of = staged(db).await;
    push(db, &of, 10, 1).await;
    let frozen = |prior: i64| frozen(&of, prior);
    let begins = |prior: i64| {
        let desire = Desire { listing_id: of.listing_id, price: Ok(REDUCED) };
        campaigns::desire(db, vec![frozen(prior)], vec![desire], None, after(101))
    };
    begins(BASE).await.unwrap();
    assert_eq!(stages::of_one(db, of.listing_id).await.unwrap(), None, "the campaign has taken it over");
    let wanted = fresh(db, &of).await;
    assert_eq!((wanted.staged_minor, wanted.sent_minor, wanted.must_stage()), (Some(REDUCED), Some(BASE), false));
    let claimed = lanes::claim_one(db, of.listing_id, after(102), after(110)).await.unwrap().unwrap();
    read(db, &claimed, 102, true).await;
    let now = fresh(db, &of).await;
    assert_eq!((now.sent_seq, now.sent_minor, now.sent_regular_minor), (now.desired_seq, Some(REDUCED), Some(BASE)));
    assert_eq!((now.staged_minor, now.staged_from, now.staged_until), (None, None, None));
    let facts = progress::live_history(db, of.listing_id, after(50)).await.unwrap();
    let facts: Vec<_> = facts.iter().map(|fact| (fact.minor, fact.basis.as_str(), fact.seen_at)).collect();
    assert_eq!(facts, [(REDUCED, "sent", after(100).0), (REDUCED, "verified", after(102).0)]);

    // What may be said is another thing than what was given to the channel: then it has to be written to.
    stages::arrange(db, vec![of.stage], vec![], after(103)).await.unwrap();
    let other = one(db, "B", &[]).await;
    let second = listing(db, other.id).await;
    wish(db, second, BASE).await;
    let stage = Stage { listing_id: second, ..of.stage };
    stages::arrange(db, vec![stage], vec![], NOW).await.unwrap();
    let both = Staged { product_id: other.id, listing_id: second, stage };
    push(db, &both, 10, 1).await;
    let different = Frozen { listing_id: second, ..frozen(45_900) };
    campaigns::desire(db, vec![different], vec![], None, after(101)).await.unwrap();
    assert_eq!(fresh(db, &both).await.staged_minor, None);
}

async fn what_a_reduction_left_is_taken_away_by_the_first_push_after_it_and_by_no_other(test: TestDb) {
    let db = &test.db;
    let of = staged(db).await;
    assert!(push(db, &of, 10, 1).await.after_sale, "nobody knows what stood there before the first push");
    let pushed = async |minor: i64, at: i64| {
        wish(db, of.listing_id, minor).await;
        let permit = push(db, &of, at, 1).await;
        (permit.sale.is_some(), permit.after_sale)
    };
    assert_eq!(pushed(48_900, 20).await, (false, false));
    campaigns::desire(db, vec![frozen(&of, BASE)], vec![], None, after(100)).await.unwrap();
    assert_eq!(pushed(REDUCED, 101).await, (true, false), "a reduction begins");
    assert_eq!(pushed(BASE, 210).await, (false, true), "the first price after it");
    assert_eq!(pushed(48_900, 220).await, (false, false));
}

async fn stages_whose_campaign_will_not_take_them_over_are_loose(test: TestDb) {
    let db = &test.db;
    let of = staged(db).await;
    let loose = async |begun_by: i64, now: i64| {
        let loose = stages::loose(db, after(begun_by), after(now), 10).await.unwrap();
        loose.into_iter().map(|stage| stage.listing_id).collect::<Vec<_>>()
    };
    assert_eq!(stages::of_campaign(db, of.stage.campaign_id, 10).await.unwrap(), [of.stage]);
    assert_eq!(loose(100, 101).await, [0; 0], "a decision is due that may take it over");
    let settle =
        db.write(of.product_id, |tx, id| Box::pin(async move { products::settle(tx, *id, after(90), None).await }));
    settle.await.unwrap();
    assert_eq!(loose(99, 101).await, [0; 0]);
    assert_eq!(loose(100, 101).await, [of.listing_id]);
    campaigns::set_phase(db, of.stage.campaign_id, "cancelled", None, None, after(50)).await.unwrap();
    assert_eq!(loose(51, 51).await, [of.listing_id], "its campaign was cancelled");
}

/// A product that is new on the channel has no price there to be crossed out, and so no stage; it is in the campaign all the
/// same. One that is not mapped, and one of another campaign, are none of its listings.
async fn a_channel_counts_all_its_mapped_listings_of_a_campaign(test: TestDb) {
    let db = &test.db;
    let mut ids = Vec::new();
    for sku in ["A", "B", "C", "D"] {
        ids.push(one(db, sku, &[]).await.id);
    }
    let mut new = campaign("first", ids[0], 100, 200);
    let item = new.items[0].clone();
    new.items.extend(ids[1..3].iter().map(|id| NewItem { product_id: *id, ..item.clone() }));
    let Added::Stored(campaign_id) = campaigns::add(db, new, NOW).await.unwrap() else { panic!("it is stored") };
    campaigns::add(db, campaign("second", ids[3], 100, 200), NOW).await.unwrap();
    channels::add(db, "shop".into(), "webhook", NOW).await.unwrap();
    for at in [0, 1, 3] {
        let found = Found {
            channel: "shop".into(),
            product_id: ids[at],
            external: format!("variant {at}"),
            currency: "DKK".into(),
            decimals: None,
            live_minor: None,
        };
        listings::add(db, vec![found], NOW).await.unwrap();
    }
    let first = listings::of_product(db, ids[0]).await.unwrap().remove(0).id;
    wish(db, first, BASE).await;
    let stage = Stage {
        listing_id: first,
        campaign_id,
        minor: REDUCED,
        regular_minor: BASE,
        prior_minor: Some(BASE),
        starts_at: after(100).0,
        ends_at: after(200).0,
    };
    stages::arrange(db, vec![stage], vec![], NOW).await.unwrap();
    let on = stages::per_channel(db, campaign_id, after(9)).await.unwrap();
    let counted: Vec<_> = on.iter().map(|on| (on.channel.as_str(), on.listings, on.wanted, on.confirmed)).collect();
    assert_eq!(counted, [("shop", 2, 1, 0)]);
}
