//! Allowances of updates that channels share: whoever begins a push takes from it, and nobody takes what is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use omniprice::store::fleet::{self, Counted, Spent};
use omniprice::store::lanes::{self, Begun, Shut};
use omniprice::store::listings::{self, Found, Listing};
use omniprice::store::{Db, channels};

use super::lanes::{listed, wish};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![eight_workers_never_take_more_than_an_allowance_has];

const PAIR: [&str; 2] = ["shop", "market"];
const PRODUCTS: usize = 20;
const ALLOWED: i64 = 2;
const WINDOW_MS: i64 = 86_400_000;

/// Takes one update of a listing, however often it was taken before; true if there was one left.
async fn take(db: &Db, listing: &Listing, at: i64) -> bool {
    let claimed = lanes::claim_one(db, listing.id, after(at), after(at + 60)).await.unwrap().unwrap();
    let counted = Counted { channels: PAIR.map(str::to_owned).to_vec(), window_ms: WINDOW_MS };
    let door = |listing: &Listing, _: &_, _: &[Listing], spent: Spent| {
        let full = || Shut { state: "intended", reason: format!("{spent:?}"), next_at: Some(after(900)) };
        if spent.updates < ALLOWED { Ok(permit(listing.desired_minor.unwrap())) } else { Err(full()) }
    };
    let leases = vec![(claimed.id, claimed.lease_token)];
    let begun = lanes::begin_push(db, leases, after(at), after(at + 60), Some(counted), Arc::new(door)).await.unwrap();
    match &begun[0] {
        Begun::Send { .. } => true,
        Begun::Shut { shut, .. } => {
            let oldest = Some(after(1));
            assert_eq!(
                shut.reason,
                format!("{:?}", Spent { updates: ALLOWED, oldest }),
                "the door is told what is used"
            );
            false
        }
        Begun::Lost => panic!("nobody else has the lease"),
    }
}

async fn eight_workers_never_take_more_than_an_allowance_has(test: TestDb) {
    let db = &test.db;
    let mut all = listed(db, PRODUCTS).await;
    channels::add(db, PAIR[1].into(), "webhook", NOW).await.unwrap();
    let twin = |listing: &Listing| Found {
        channel: PAIR[1].into(),
        product_id: listing.product_id,
        external: listing.external.clone().unwrap(),
        currency: "DKK".into(),
        decimals: None,
        live_minor: Some(49_900),
    };
    listings::add(db, all.iter().map(twin).collect(), NOW).await.unwrap();
    all.extend(listings::reconcilable(db, PAIR[1], 0, 1_000).await.unwrap());
    wish(db, all.iter().map(|listing| listing.id), Ok(50_900), NOW).await;
    // Each listing's first update, all at the same instant; then its second, when one channel's lease is over.
    let mut taken: BTreeMap<i64, i64> = BTreeMap::new();
    for at in [1, 100] {
        let mut workers = tokio::task::JoinSet::new();
        for worker in 0..8 {
            let (db, all) = (db.clone(), all.clone());
            workers.spawn(async move {
                let mut taken = Vec::new();
                // The two of a product are different workers', and both come to it at the same time.
                for listing in all.iter().filter(|one| (one.id % 4 * 2 + i64::from(one.channel == PAIR[1])) == worker) {
                    if take(&db, listing, at).await {
                        taken.push(listing.product_id);
                    }
                }
                taken
            });
        }
        for product in workers.join_all().await.into_iter().flatten() {
            *taken.entry(product).or_default() += 1;
        }
    }
    assert_eq!(taken.values().copied().collect::<Vec<_>>(), [ALLOWED; PRODUCTS], "{taken:?}");
    for listing in &all {
        let external = listing.external.as_deref().unwrap();
        let mut spent = Spent::NONE;
        for channel in PAIR {
            spent = spent.and(fleet::pushed_since(db, listing.product_id, channel, external, NOW).await.unwrap());
        }
        assert_eq!(spent, Spent { updates: ALLOWED, oldest: Some(after(1)) });
    }
    // A day later it is whole again.
    assert_eq!(fleet::pushed_since(db, all[0].product_id, PAIR[0], "ext-P000", after(100)).await.unwrap(), Spent::NONE);
}
