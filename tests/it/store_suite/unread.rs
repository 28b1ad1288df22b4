//! Listings that may not be read: one row for as long as it lasts, and others to ask for instead.

use omniprice::store::lanes::{self, Change};
use omniprice::store::listings::Listing;
use omniprice::store::unread::{self, FORBIDDEN};
use omniprice::store::{Db, progress};

use super::lanes::{SHOP, listed};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    what_may_not_be_read_is_one_row_until_it_may_again,
    others_are_asked_for_that_were_proved_last_and_are_not_forbidden_themselves,
];

/// A lane reads a listing with an outcome, or proves its price.
async fn reads(db: &Db, of: &Listing, at: i64, outcome: &'static str) {
    let claimed = lanes::claim_one(db, of.id, after(at), after(at + 5)).await.unwrap().unwrap();
    let change = move |listing: &Listing, (): &(), now| {
        let read = Some((outcome, format!("said at {at}")));
        match outcome {
            "equal" => Change { state: "verified", live: Some((49_900, now)), read, ..Change::none(listing) },
            _ => Change { read, ..Change::none(listing) },
        }
    };
    lanes::advance(db, vec![(of.id, claimed.lease_token, ())], after(at), change).await.unwrap();
}

async fn what_may_not_be_read_is_one_row_until_it_may_again(test: TestDb) {
    let db = &test.db;
    let one = listed(db, 1).await.remove(0);
    let known = async || unread::known(db, one.id).await.unwrap().map(|known| (known.detail, known.at));
    let rows = async || {
        let all = progress::attempts(db, one.id, 50).await.unwrap();
        all.iter().rev().map(|row| (row.outcome.clone(), row.started_at, row.finished_at)).collect::<Vec<_>>()
    };
    assert_eq!(known().await, None);
    for at in [10, 20, 30] {
        reads(db, &one, at, FORBIDDEN).await;
    }
    assert_eq!(known().await, Some(("said at 30".into(), after(30).0)));
    let first = (FORBIDDEN.to_owned(), after(10).0, Some(after(30).0));
    assert_eq!(rows().await, [first], "from the first to the last");
    // An answer that never came says nothing about it.
    reads(db, &one, 40, "failed").await;
    assert_eq!(known().await.unwrap().1, after(30).0);
    unread::found(db, vec![(one.clone(), "a look".into())], vec![], after(50)).await.unwrap();
    assert_eq!(known().await, Some(("a look".into(), after(50).0)));
    unread::found(db, vec![], vec![one.clone()], after(60)).await.unwrap();
    assert_eq!(known().await, None);
    unread::found(db, vec![(one.clone(), "again".into())], vec![], after(70)).await.unwrap();
    assert_eq!(known().await, Some(("again".into(), after(70).0)));
    reads(db, &one, 80, "equal").await;
    assert_eq!((known().await, rows().await.len()), (None, 6));
    unread::found(db, vec![], vec![], NOW).await.unwrap();
}

async fn others_are_asked_for_that_were_proved_last_and_are_not_forbidden_themselves(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 4).await;
    let names: Vec<&str> = all.iter().map(|listing| listing.external.as_deref().unwrap()).collect();
    let asked = async |limit| unread::references(db, SHOP, limit).await.unwrap();
    assert_eq!(asked(9).await, names, "in their order while nothing is known");
    reads(db, &all[2], 10, "equal").await;
    reads(db, &all[3], 20, "equal").await;
    assert_eq!(asked(3).await, [names[3], names[2], names[0]]);
    reads(db, &all[3], 30, FORBIDDEN).await;
    reads(db, &all[0], 31, FORBIDDEN).await;
    assert_eq!(asked(9).await, [names[2], names[1]]);
    reads(db, &all[3], 40, "different").await;
    assert_eq!(asked(9).await, [names[3], names[2], names[1]], "it may be read again");
    assert_eq!(unread::references(db, "another", 9).await.unwrap(), Vec::<String>::new());
}
