//! What a listing's neighbours tell about it.

use std::sync::Arc;

use omniprice::clock::Millis;
use omniprice::store::Db;
use omniprice::store::lanes::{self, Begun, Change, Door};
use omniprice::store::listings::Listing;
use omniprice::store::progress::{self, Forbidden, Others};

use super::lanes::{SHOP, listed, wish};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![a_forbidden_write_is_seen_beside_those_of_other_listings];

/// A push from a second to the next, which ends so.
async fn pushed(db: &Db, of: &Listing, at: i64, outcome: &'static str) {
    let listing = lanes::claim_one(db, of.id, after(at), after(at + 60)).await.unwrap().unwrap();
    let door: Arc<Door> = Arc::new(|_, _, _, _| Ok(permit(47_900)));
    let lease = vec![(listing.id, listing.lease_token)];
    let begun = lanes::begin_push(db, lease, after(at), after(at + 60), None, door).await.unwrap().remove(0);
    assert!(matches!(begun, Begun::Send { .. }));
    let ends = move |listing: &Listing, _: &(), _: Millis| Change {
        state: "intended",
        next_at: None,
        finish: Some((outcome, String::new())),
        ..Change::none(listing)
    };
    lanes::advance(db, vec![(listing.id, listing.lease_token, ())], after(at + 1), ends).await.unwrap();
}

async fn a_forbidden_write_is_seen_beside_those_of_other_listings(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 2).await;
    wish(db, all.iter().map(|listing| listing.id), Ok(47_900), NOW).await;
    let known = async |since| {
        let known = progress::forbidden(db, SHOP, all[0].id, after(since)).await.unwrap();
        assert!(!known.alone);
        known.before.then_some(known.others)
    };
    pushed(db, &all[1], 10, "accepted").await;
    assert_eq!(known(0).await, None);
    pushed(db, &all[0], 20, progress::FORBIDDEN).await;
    assert_eq!(known(0).await, Some(Others::None), "the other was taken before that");
    pushed(db, &all[1], 30, "refused").await;
    pushed(db, &all[0], 40, "retry").await;
    assert_eq!(known(0).await, Some(Others::None));
    pushed(db, &all[1], 50, "accepted").await;
    assert_eq!(known(0).await, Some(Others::Meanwhile), "after the last write of this one began");
    pushed(db, &all[0], 60, "retry").await;
    assert_eq!(known(0).await, Some(Others::Before));
    assert_eq!(known(30).await, None, "that was too long ago");
    let elsewhere = progress::forbidden(db, "till", all[0].id, NOW).await.unwrap();
    assert_eq!(elsewhere.others, Others::None, "another channel says nothing about this one");
    pushed(db, &all[0], 70, "accepted").await;
    assert_eq!(known(0).await, None, "taken, and so forgotten");
    pushed(db, &all[0], 80, progress::FORBIDDEN_ALONE).await;
    pushed(db, &all[0], 90, progress::FORBIDDEN).await;
    let alone = progress::forbidden(db, SHOP, all[0].id, NOW).await.unwrap();
    assert_eq!(alone, Forbidden { before: true, alone: true, others: Others::None }, "that is known until it is taken");
}
