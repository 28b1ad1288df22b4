//! Sequence numbers after a backup came back: above whatever was sent since, and at their old distance to each other.

use omniprice::clock::Millis;
use omniprice::store::lanes::{self, Begun, Change};
use omniprice::store::restored::{self, COPIED};
use omniprice::store::{listings, settings};
use std::sync::Arc;

use super::lanes::{SHOP, listed, wish};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![numbers_of_a_restored_copy_go_on_above_those_sent_since];

async fn numbers_of_a_restored_copy_go_on_above_those_sent_since(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    let number = async |at: usize| {
        let one = listings::of_product(db, all[at].product_id).await.unwrap().remove(0);
        (one.desired_seq, one.sent_seq, one.verified_seq)
    };
    wish(db, [all[0].id, all[1].id], Ok(47_900), after(1)).await;
    let claimed = lanes::claim(db, SHOP.into(), after(2), after(60), 1).await.unwrap().remove(0);
    let leases = vec![(claimed.id, claimed.lease_token)];
    let door = Arc::new(|listing: &listings::Listing, _: &_, _: &[_], _| Ok(permit(listing.desired_minor.unwrap())));
    let begun = lanes::begin_push(db, leases, after(2), after(60), None, door).await.unwrap().remove(0);
    let Begun::Send { listing, .. } = begun else { panic!("it is sent") };
    assert_eq!(number(0).await, (1, 1, 0));
    assert_eq!(restored::catch_up(db, None, after(100)).await.unwrap(), None, "it is no copy");
    assert_eq!(number(0).await, (1, 1, 0));
    settings::set(db, COPIED.into(), String::new(), "backup".into(), String::new(), NOW).await.unwrap();
    assert_eq!(restored::catch_up(db, None, after(100)).await.unwrap(), Some(1_100));
    assert_eq!((number(0).await, number(1).await, number(2).await), ((1_101, 1_101, 0), (1_101, 0, 0), (0, 0, 0)));
    assert_eq!(restored::catch_up(db, None, after(200)).await.unwrap(), None, "once");
    // A worker that held a listing meanwhile changes nothing of it.
    let proved = Change { state: "verified", verified_seq: listing.sent_seq, ..Change::none(&listing) };
    let late = vec![(listing.id, listing.lease_token, proved)];
    lanes::advance(db, late, after(101), |_, change, _| change.clone()).await.unwrap();
    assert_eq!(number(0).await, (1_101, 1_101, 0));
    // What had no price yet, and what was forgotten with the copy, begins above, too.
    wish(db, [all[2].id], Ok(47_900), after(110)).await;
    assert_eq!(number(2).await.0, 1_101);
    assert_eq!(restored::catch_up(db, Some(Millis(after(200).0)), after(210)).await.unwrap(), Some(1_010));
    wish(db, [all[2].id], Ok(46_900), after(220)).await;
    assert_eq!(number(2).await.0, 2_112);
}
