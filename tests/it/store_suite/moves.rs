//! How much of a channel moves within an hour, whatever was sent how often.

use std::sync::Arc;

use omniprice::store::lanes::{self, Begun, Change};
use omniprice::store::listings::Listing;
use omniprice::store::{Db, fleet};

use super::after;
use super::lanes::{SHOP, listed, wish};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![
    a_move_is_counted_from_what_was_shown_before_the_span_however_often_it_was_sent,
    a_channel_without_work_is_not_looked_at,
];

const MINUTE: i64 = 60;

/// Wants, sends and proves a price of one listing at a second.
async fn moves(db: &Db, listing: &Listing, minor: i64, at: i64) {
    wish(db, [listing.id], Ok(minor), after(at)).await;
    let claimed = lanes::claim_one(db, listing.id, after(at), after(at + 5)).await.unwrap().unwrap();
    let door = |listing: &Listing, _: &_, _: &[Listing], _| Ok(permit(listing.desired_minor.unwrap()));
    let leases = vec![(claimed.id, claimed.lease_token)];
    let begun = lanes::begin_push(db, leases, after(at), after(at + 5), None, Arc::new(door)).await.unwrap().remove(0);
    let Begun::Send { listing, .. } = begun else { panic!("{begun:?}") };
    let proved = move |listing: &Listing, (): &(), now| Change {
        state: "verified",
        next_at: None,
        verified_seq: listing.sent_seq,
        live: Some((minor, now)),
        fact: Some((minor, "verified")),
        ..Change::none(listing)
    };
    lanes::advance(db, vec![(listing.id, listing.lease_token, ())], after(at + 1), proved).await.unwrap();
}

async fn a_move_is_counted_from_what_was_shown_before_the_span_however_often_it_was_sent(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    // Moves within the hour that ends at a minute: how many, and how far in hundredths of a percent.
    let within = async |minute: i64| {
        let moving = fleet::moving(db, SHOP, after((minute - 60) * MINUTE)).await.unwrap();
        assert_eq!(moving.known, 3);
        (moving.moving, moving.moved_bp)
    };
    moves(db, &all[0], 45_000, MINUTE).await;
    moves(db, &all[0], 40_000, 50 * MINUTE).await;
    moves(db, &all[1], 45_000, 50 * MINUTE).await;
    let from = |base: i64, to: i64| (base - to) * 10_000 / base;
    assert_eq!(within(55).await, (2, from(49_900, 40_000) + from(49_900, 45_000)), "both moves of the first together");
    assert_eq!(within(65).await, (2, from(45_000, 40_000) + from(49_900, 45_000)), "the first of them is too old");
    moves(db, &all[0], 44_000, 90 * MINUTE).await;
    assert_eq!(within(95).await, (2, from(45_000, 44_000) + from(49_900, 45_000)));
    assert_eq!(within(115).await, (1, (44_000 - 40_000) * 10_000 / 40_000), "up from what it showed then");
    assert_eq!(within(160).await, (0, 0));
    wish(db, [all[2].id], Ok(48_000), after(160 * MINUTE)).await;
    assert_eq!(within(161).await, (1, from(49_900, 48_000)), "what is about to move counts");
}

async fn a_channel_without_work_is_not_looked_at(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 1).await;
    assert!(!fleet::anything_due(db, SHOP, after(1)).await.unwrap());
    wish(db, [all[0].id], Ok(48_000), after(1)).await;
    assert!(fleet::anything_due(db, SHOP, after(1)).await.unwrap());
    assert!(!fleet::anything_due(db, "another", after(1)).await.unwrap());
    lanes::claim_one(db, all[0].id, after(1), after(9)).await.unwrap().unwrap();
    assert!(!fleet::anything_due(db, SHOP, after(2)).await.unwrap(), "somebody is at it");
}
