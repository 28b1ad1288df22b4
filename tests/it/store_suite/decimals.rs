//! Amounts of listings that are counted in more decimals from some day on.

use omniprice::money::{Currency, WirePrice};
use omniprice::store::lanes::{self, Change};
use omniprice::store::listings::{self, Desire, Listing};
use omniprice::store::strikes::Frozen;
use omniprice::store::{campaigns, decimals, fleet, progress, shown, stages, strikes};

use super::lanes::{SHOP, listed, wish};
use super::stages::{fresh, frozen, push, staged};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    all_amounts_of_a_listing_are_counted_anew_and_none_changes,
    a_lane_that_counts_as_before_loses_its_listing,
    prices_of_two_channels_are_compared_as_amounts,
];

/// Every amount of a listing, as a person reads it.
fn amounts(listing: &Listing) -> Vec<Option<String>> {
    let all = [
        listing.desired_minor,
        listing.sent_minor,
        listing.sent_regular_minor,
        listing.staged_minor,
        listing.maybe_low,
        listing.maybe_high,
        listing.live_minor,
    ];
    all.into_iter().map(|units| units.map(|units| listing.price(units).unwrap().to_string())).collect()
}

async fn all_amounts_of_a_listing_are_counted_anew_and_none_changes(test: TestDb) {
    let db = &test.db;
    let of = staged(db).await;
    push(db, &of, 1, 1).await;
    let before = fresh(db, &of).await;
    let told = async || {
        let history = progress::live_history(db, of.listing_id, NOW).await.unwrap();
        let attempts = progress::attempts(db, of.listing_id, 99).await.unwrap();
        let price = |units, decimals| WirePrice::stored(units, decimals, "DKK").unwrap().to_string();
        let live: Vec<String> = history.iter().map(|row| price(row.minor, row.decimals)).collect();
        let tried: Vec<String> = attempts.iter().filter_map(|row| Some(price(row.minor?, row.decimals))).collect();
        (live, tried)
    };
    let history = told().await;
    assert!(!history.0.is_empty() && !history.1.is_empty());
    decimals::widen(db, &before.channel, 4).await.unwrap();
    let after_all = fresh(db, &of).await;
    assert_eq!((before.decimals, after_all.decimals), (None, Some(4)));
    assert_eq!(amounts(&after_all), amounts(&before));
    assert_eq!(after_all.desired_minor, Some(4_990_000));
    assert_eq!(told().await, history);
    let stage = stages::of_one(db, of.listing_id).await.unwrap().unwrap();
    assert_eq!((stage.minor, stage.regular_minor, stage.prior_minor), (3_990_000, 4_990_000, Some(4_990_000)));
    for fewer in [4, 2] {
        decimals::widen(db, &before.channel, fewer).await.unwrap();
        assert_eq!(fresh(db, &of).await, after_all, "nothing is counted more coarsely, and nothing twice");
    }
    // A reduction that runs: 399.00 in ten-thousandths, where 499.00 was asked.
    let desire = Desire { listing_id: of.listing_id, price: Ok(3_990_000) };
    let frozen = Frozen { campaign_minor: 3_990_000, regular_minor: 4_990_000, ..frozen(&of, 4_890_000) };
    campaigns::desire(db, vec![frozen], vec![desire], None, after(100)).await.unwrap();
    let reduced = amounts(&fresh(db, &of).await);
    decimals::widen(db, &before.channel, 6).await.unwrap();
    let finest = fresh(db, &of).await;
    assert_eq!((finest.decimals, amounts(&finest)), (Some(6), reduced));
    let strike = strikes::strikes_of(db, of.stage.campaign_id, 9).await.unwrap().remove(0);
    let price = |units| WirePrice::stored(units, strike.decimals, &strike.currency).unwrap().to_string();
    assert_eq!(price(strike.campaign_minor), "399.00 DKK");
    assert_eq!(
        (price(strike.regular_minor), strike.prior_minor.map(price)),
        ("499.00 DKK".into(), Some("489.00 DKK".into()))
    );
}

async fn a_lane_that_counts_as_before_loses_its_listing(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 2).await;
    wish(db, [all[0].id], Ok(47_900), NOW).await;
    let mine = lanes::claim_one(db, all[0].id, after(1), after(60)).await.unwrap().unwrap();
    decimals::widen(db, SHOP, 4).await.unwrap();
    let stale = Change { live: Some((47_900, after(2))), fact: Some((47_900, "verified")), ..Change::none(&mine) };
    let written = lanes::advance(db, vec![(mine.id, mine.lease_token, stale)], after(2), |_, change, _| change.clone());
    assert!(written.await.unwrap()[0].is_none(), "4.79 would be kept where 479.00 was seen");
    let now = listings::reconcilable(db, SHOP, 0, 9).await.unwrap();
    assert_eq!((now.len(), now[0].live_minor), (1, Some(4_990_000)), "the one at rest");
    let again = lanes::claim_one(db, all[0].id, after(61), after(90)).await.unwrap().unwrap();
    assert_eq!((again.desired_minor, again.decimals), (Some(4_790_000), Some(4)));
    // What is to move is measured in one count.
    let moving = fleet::moving(db, SHOP, after(-60)).await.unwrap();
    assert_eq!((moving.known, moving.moving, moving.moved_bp), (2, 1, 400), "479.00 where 499.00 was");
}

async fn prices_of_two_channels_are_compared_as_amounts(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 1).await;
    let beside = async |channel: &'static str, units: i64, decimals: Option<i64>| {
        omniprice::store::channels::add(db, channel.into(), "webhook", NOW).await.unwrap();
        let found = listings::Found {
            channel: channel.into(),
            product_id: all[0].product_id,
            external: format!("{channel}-1"),
            currency: "DKK".into(),
            live_minor: Some(units),
            decimals,
        };
        listings::add(db, vec![found], NOW).await.unwrap();
        let lower = async |one: &str, other: &str, slack| {
            let apart = (Currency::DKK, slack);
            shown::lower(db, one, other, apart, after(1), 9).await.unwrap().len()
        };
        [lower(channel, SHOP, 0).await, lower(SHOP, channel, 0).await, lower(channel, SHOP, 5_000).await]
    };
    assert_eq!(beside("same", 4_990_000, Some(4)).await, [0, 0, 0], "499.00 on both");
    assert_eq!(beside("less", 4_989_960, Some(4)).await, [1, 0, 0], "498.996, which is 499.00 rounded");
    assert_eq!(beside("more", 4_990_001, Some(4)).await, [0, 1, 0]);
    assert_eq!(beside("much-less", 4_980_000, Some(4)).await, [1, 0, 1]);
}
