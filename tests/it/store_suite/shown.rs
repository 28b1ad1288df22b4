//! What customers see: reads across channels and competitors.

use omniprice::clock::Millis;
use omniprice::money::Currency;
use omniprice::store::listings::{self, Found};
use omniprice::store::products::{self, Import};
use omniprice::store::{Db, channels, fleet, lanes, shown, targets};

use super::lanes::{SHOP, listed, wish};
use super::pages::{note, seen};
use super::{NOW, after, import};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    prices_of_a_range_are_what_channels_last_showed,
    an_advert_is_lower_than_the_shop_only_in_the_same_currency_and_after_its_time,
    late_prices_are_counted_per_channel_with_those_that_were_never_answered,
    listings_that_never_had_a_price_are_named_until_one_is_wanted,
    an_undercut_is_a_tagged_product_that_a_fresh_lasting_offer_beats_by_more_than_asked,
];

/// Lists product `P000` on another channel at a price.
async fn also_on(db: &Db, channel: &str, currency: &str, minor: i64, now: Millis) {
    channels::add(db, channel.into(), "webhook", now).await.unwrap();
    let product_id = products::by_sku(db, "P000").await.unwrap().unwrap().id;
    let found = Found {
        channel: channel.into(),
        product_id,
        external: format!("{channel}-1"),
        currency: currency.into(),
        live_minor: Some(minor),
        decimals: None,
    };
    listings::add(db, vec![found], now).await.unwrap();
}

async fn prices_of_a_range_are_what_channels_last_showed(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    wish(db, [all[1].id], Ok(47_900), after(5)).await;
    let prices = shown::between(db, all[0].product_id, all[2].product_id).await.unwrap();
    let mut told: Vec<_> = prices.iter().map(|p| (p.product_id, p.minor, p.desired_minor, p.desired_at)).collect();
    told.sort_unstable();
    let wished = (all[1].product_id, 49_900, Some(47_900), Some(after(5).0));
    assert_eq!(told, [wished, (all[2].product_id, 49_900, None, None)], "the first id is not in the range");
    assert_eq!((prices[0].channel.as_str(), prices[0].currency.as_str()), (SHOP, "DKK"));
}

async fn an_advert_is_lower_than_the_shop_only_in_the_same_currency_and_after_its_time(test: TestDb) {
    let db = &test.db;
    listed(db, 2).await;
    also_on(db, "ads", "DKK", 45_900, NOW).await;
    also_on(db, "ads-eu", "EUR", 5_900, NOW).await;
    let lower = async |advert: &str, shop: &str, since: i64| {
        shown::lower(db, advert, shop, (Currency::DKK, 0), after(since), 9).await
    };
    assert_eq!(lower("ads", SHOP, 1).await.unwrap(), ["P000"]);
    assert!(lower(SHOP, "ads", 1).await.unwrap().is_empty(), "the shop asks more than the advert");
    assert!(lower("ads-eu", SHOP, 1).await.unwrap().is_empty(), "euros are not compared with kroner");
    assert!(lower("ads", SHOP, -1).await.unwrap().is_empty(), "the shop's price is younger than that");
}

async fn late_prices_are_counted_per_channel_with_those_that_were_never_answered(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    assert!(shown::late(db, SHOP, after(900)).await.unwrap().is_none(), "nothing is wanted");
    wish(db, [all[0].id, all[1].id], Ok(47_900), after(10)).await;
    wish(db, [all[2].id], Ok(47_900), after(500)).await;
    assert!(shown::late(db, SHOP, after(10)).await.unwrap().is_none());
    let late = shown::late_products(db, SHOP, after(11), 9).await.unwrap();
    let told: Vec<_> = late.iter().map(|one| (one.sku.as_str(), one.desired_at)).collect();
    assert_eq!(told, [("P000", after(10).0), ("P001", after(10).0)]);
    assert_eq!(shown::late_products(db, SHOP, after(501), 1).await.unwrap().len(), 1, "no more than asked for");
    assert!(shown::late(db, "till", after(900)).await.unwrap().is_none());
    let late = shown::late(db, SHOP, after(400)).await.unwrap().unwrap();
    assert_eq!((late.channel.as_str(), late.listings, late.since, late.unanswered), (SHOP, 2, after(10).0, 0));
    let claimed = lanes::claim_one(db, all[0].id, after(11), after(60)).await.unwrap().unwrap();
    let lost =
        |listing: &listings::Listing, (): &(), _| lanes::Change { state: "unknown", ..lanes::Change::none(listing) };
    lanes::advance(db, vec![(claimed.id, claimed.lease_token, ())], after(12), lost).await.unwrap();
    let late = shown::late(db, SHOP, after(600)).await.unwrap().unwrap();
    assert_eq!((late.listings, late.unanswered), (3, 1));
}

async fn listings_that_never_had_a_price_are_named_until_one_is_wanted(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 2).await;
    assert!(fleet::unseeded(db, SHOP, 0, 9).await.unwrap().is_empty(), "the shop shows a price");
    channels::add(db, "feed".into(), "feed", NOW).await.unwrap();
    let found = all.iter().map(|listing| Found {
        channel: "feed".into(),
        product_id: listing.product_id,
        external: format!("feed-{}", listing.product_id),
        currency: "DKK".into(),
        live_minor: None,
        decimals: None,
    });
    listings::add(db, found.collect(), NOW).await.unwrap();
    let ids: Vec<i64> = all.iter().map(|listing| listing.product_id).collect();
    assert_eq!(fleet::unseeded(db, "feed", 0, 9).await.unwrap(), ids);
    assert_eq!(fleet::unseeded(db, "feed", ids[0], 9).await.unwrap(), [ids[1]]);
    let empty = listings::of_product(db, ids[0]).await.unwrap().into_iter().find(|l| l.channel == "feed").unwrap();
    wish(db, [empty.id], Ok(47_900), NOW).await;
    assert_eq!(fleet::unseeded(db, "feed", 0, 9).await.unwrap(), [ids[1]]);
}

async fn an_undercut_is_a_tagged_product_that_a_fresh_lasting_offer_beats_by_more_than_asked(test: TestDb) {
    let db = &test.db;
    let tagged = |sku: &str, tags: &[&str], host: &str| Import {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..import(sku, &[(host, sku)])
    };
    let rows = vec![tagged("KEY", &["kvi", "audio"], "near.example"), tagged("OTHER", &["kviar"], "near.example")];
    products::import(db, rows, NOW).await.unwrap();
    let told = async |percent: i64, fresh: i64, begun: i64| {
        let all = shown::undercut(db, "kvi", (percent, &[]), after(fresh), after(begun), 9).await.unwrap();
        all.into_iter().map(|u| (u.sku, u.competitor, u.own_minor, u.price_minor)).collect::<Vec<_>>()
    };
    for sku in ["KEY", "OTHER"] {
        let product = products::by_sku(db, sku).await.unwrap().unwrap();
        let page = targets::of_product(db, product.id).await.unwrap().remove(0);
        note(db, page.id, seen("accepted", Some(45_900)), NOW).await;
    }
    assert!(told(105, 0, 60).await.is_empty(), "seen once");
    for sku in ["KEY", "OTHER"] {
        let product = products::by_sku(db, sku).await.unwrap().unwrap();
        let page = targets::of_product(db, product.id).await.unwrap().remove(0);
        note(db, page.id, seen("accepted", Some(45_900)), after(60)).await;
    }
    let found = ("KEY".to_owned(), "near.example".to_owned(), 49_900, 45_900);
    assert_eq!(told(105, 0, 60).await, std::slice::from_ref(&found));
    assert_eq!(told(108, 60, 0).await, [found], "8.7 % more, last seen and begun on the bounds");
    assert!(told(109, 0, 60).await.is_empty());
    assert!(told(105, 61, 60).await.is_empty(), "stale");
    assert!(told(105, 0, -1).await.is_empty(), "begun too late");
    let with_vat =
        async |net: &[&str]| shown::undercut(db, "kvi", (130, net), after(0), after(60), 9).await.unwrap().len();
    assert_eq!((with_vat(&["SE"]).await, with_vat(&["SE", "DK"]).await), (0, 1), "whoever asks takes out the VAT");
}
