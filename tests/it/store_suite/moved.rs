//! What a move makes due: until it is stored, of the version that it was computed from, and in one piece.

use omniprice::store::listings::{self, Desire};
use omniprice::store::moves::{self, Move};
use omniprice::store::{fleet, products, terms};

use super::lanes::{SHOP, listed, wish};
use super::{NOW, after};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![a_move_is_due_until_its_prices_are_stored, held_listings_look_at_the_door_again];

async fn a_move_is_due_until_its_prices_are_stored(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    wish(db, all.iter().map(|one| one.id), Ok(49_900), NOW).await;
    let product = products::by_id(db, all[1].product_id).await.unwrap().unwrap();
    let one = Move {
        product_id: product.id,
        sku: product.sku.clone(),
        version: product.version,
        from_market: product.market.clone(),
        from_currency: product.currency.clone(),
        from_minor: product.own_minor,
        market: "DKE".into(),
        currency: "EUR".into(),
        own_minor: 6_689,
        cost_net: None,
        regular_minor: None,
        msrp_minor: None,
        map_minor: None,
        min_minor: None,
        own_shipping_minor: None,
        set_minor: None,
        new_amounts: true,
        how: "at 1 EUR = 7.46 DKK".into(),
    };
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), Vec::<i64>::new());
    moves::apply(db, vec![one], ("ann".into(), "x".into()), after(10)).await.unwrap();
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), [product.id]);
    assert_eq!(moves::due(db, product.id, 10).await.unwrap(), Vec::<i64>::new());
    assert_eq!(fleet::in_other_money(db, after(9), 10).await.unwrap(), [product.sku.as_str()]);
    assert_eq!(fleet::in_other_money(db, after(10), 10).await.unwrap(), Vec::<String>::new());
    let desires = vec![(Desire { listing_id: all[1].id, price: Ok(49_901) }, None)];
    let wanted = async || listings::of_product(db, product.id).await.unwrap().remove(0).desired_minor;
    let stale = moves::show(db, product.id, product.version, desires.clone(), after(11)).await.unwrap();
    assert_eq!((stale, wanted().await), (false, Some(49_900)), "somebody decided meanwhile");
    assert_eq!(moves::due(db, 0, 10).await.unwrap(), [product.id]);
    assert!(moves::show(db, product.id, product.version + 1, desires, after(12)).await.unwrap());
    assert_eq!((wanted().await, moves::due(db, 0, 10).await.unwrap()), (Some(49_901), vec![]));
}

async fn held_listings_look_at_the_door_again(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 2).await;
    wish(db, [all[0].id], Ok(48_000), NOW).await;
    wish(db, [all[1].id], Err("no VAT".into()), NOW).await;
    let shut = omniprice::store::lanes::Change {
        state: "held",
        next_at: Some(after(3_600)),
        ..omniprice::store::lanes::Change::none(&all[0])
    };
    let claimed = omniprice::store::lanes::claim_one(db, all[0].id, NOW, after(60)).await.unwrap().unwrap();
    omniprice::store::lanes::advance(db, vec![(claimed.id, claimed.lease_token, shut)], NOW, |_, change, _| {
        change.clone()
    })
    .await
    .unwrap();
    assert!(!fleet::anything_due(db, SHOP, after(10)).await.unwrap());
    terms::look_again(db, after(10)).await.unwrap();
    let next = async |product_id| listings::of_product(db, product_id).await.unwrap().remove(0).next_at;
    assert_eq!(next(all[0].product_id).await, Some(after(10).0));
    assert_eq!(next(all[1].product_id).await, None, "there is no price to look with");
}
