//! Products: imports, the wait for a decision, and the version that keeps two deciders apart.

use std::collections::BTreeSet;

use omniprice::clock::Millis;
use omniprice::store::products::{self, Given, Import, Imported};
use omniprice::store::{Db, targets};

use super::{NOW, after, by_eight, import, one};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    the_catalogue_knows_when_products_came_and_where_they_belong,
    an_import_is_all_or_nothing_and_never_takes_our_price_back,
    a_catalogue_is_walked_in_pages,
    eight_workers_claim_five_hundred_products_once_each,
    a_product_lease_runs_out_and_its_work_is_taken_over,
    a_stale_version_is_refused,
    a_wish_for_a_decision_during_a_decision_is_not_lost,
    new_rules_during_a_decision_are_not_lost,
    a_wish_for_every_product_reaches_those_that_would_wait_longer,
    a_product_can_be_locked_by_hand,
];

async fn mark(db: &Db, id: i64, at: Millis) {
    db.write((id, at), |tx, &(id, at)| Box::pin(async move { products::mark_dirty(tx, id, at).await })).await.unwrap();
}

async fn settle(db: &Db, id: i64, claimed_at: Millis, again_at: Option<Millis>) {
    db.write((id, claimed_at, again_at), |tx, &(id, claimed, again)| {
        Box::pin(async move { products::settle(tx, id, claimed, again).await })
    })
    .await
    .unwrap();
}

async fn reprice(db: &Db, id: i64, minor: i64, version: i64) -> Option<i64> {
    db.write((id, minor, version), |tx, &(id, minor, version)| {
        Box::pin(async move { products::reprice(tx, id, minor, NOW, version).await })
    })
    .await
    .unwrap()
}

async fn an_import_is_all_or_nothing_and_never_takes_our_price_back(test: TestDb) {
    let db = &test.db;
    let first = import("A", &[("x.example", "a"), ("y.example", "a")]);
    let imported = Imported { products: 2, new_products: 2, new_pages: 2, not_named: 0, without_floor: 0 };
    // What is tried out comes to the same, and is not there afterwards.
    let tried = products::try_import(db, vec![first.clone(), import("B", &[])], NOW).await.unwrap();
    assert_eq!((tried, products::count(db).await.unwrap()), (imported, 0));
    let done = products::import(db, vec![first.clone(), import("B", &[])], NOW).await.unwrap();
    assert_eq!(done, imported);
    let stored = products::by_sku(db, "A").await.unwrap().unwrap();
    assert_eq!(reprice(db, stored.id, 47_900, 0).await, Some(1));
    // The same file a day later: new facts, one more page, and a price that is out of date.
    let mut again = first;
    again.title = "New title".into();
    again.cost_net = Some("260.00".into());
    again.pages.push(("z.example".into(), "http://z.example/a".into(), "z.example".into()));
    let known = products::import(db, vec![again], after(86_400)).await.unwrap();
    let expected = Imported { products: 1, new_products: 0, new_pages: 1, not_named: 1, without_floor: 0 };
    assert_eq!(known, expected);
    let dkk = products::InMarket { market: "DK".into(), currency: "DKK".into(), products: 2 };
    assert_eq!(products::in_markets(db).await.unwrap(), [dkk]);
    let now = products::by_id(db, stored.id).await.unwrap().unwrap();
    assert_eq!(
        (now.title.as_str(), now.cost_net.as_deref(), now.own_minor, now.version),
        ("New title", Some("260.00"), 47_900, 1)
    );
    let pages = targets::of_product(db, stored.id).await.unwrap();
    assert_eq!(
        pages.iter().map(|p| p.competitor.as_str()).collect::<Vec<_>>(),
        ["x.example", "y.example", "z.example"]
    );
    // The second row breaks a rule of the schema, so the first one is not stored either.
    let mut worthless = import("D", &[]);
    worthless.own_minor = 0;
    assert!(products::import(db, vec![import("C", &[("x.example", "c")]), worthless], NOW).await.is_err());
    assert!(products::by_sku(db, "C").await.unwrap().is_none());
    assert_eq!(products::count(db).await.unwrap(), 2);
}

async fn a_catalogue_is_walked_in_pages(test: TestDb) {
    let rows = (0..25).map(|n| import(&format!("P{n:02}"), &[])).collect();
    products::import(&test.db, rows, NOW).await.unwrap();
    let (mut after_id, mut seen, mut sizes) = (0, Vec::new(), Vec::new());
    loop {
        let page = products::page(&test.db, after_id, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        after_id = last.id;
        sizes.push(page.len());
        seen.extend(page.into_iter().map(|p| p.sku));
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(seen, (0..25).map(|n| format!("P{n:02}")).collect::<Vec<_>>());
}

async fn eight_workers_claim_five_hundred_products_once_each(test: TestDb) {
    let rows = (0..500).map(|n| import(&format!("P{n}"), &[])).collect();
    products::import(&test.db, rows, NOW).await.unwrap();
    let db = test.db.clone();
    let claims = by_eight(move || {
        let db = db.clone();
        async move { products::claim_dirty(&db, after(1), after(60), 7).await.unwrap() }
    })
    .await;
    assert!(claims.iter().all(|claim| claim.len() <= 7), "a claim is not larger than asked for");
    let ids: Vec<i64> = claims.iter().flatten().map(|product| product.id).collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (500, 500));
}

async fn a_product_lease_runs_out_and_its_work_is_taken_over(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let claim = |now: i64| products::claim_dirty(db, after(now), after(now + 20), 10);
    assert_eq!(claim(1).await.unwrap().len(), 1);
    assert_eq!(claim(20).await.unwrap().len(), 0, "another worker has it");
    assert_eq!(claim(21).await.unwrap().len(), 1, "that worker is dead");
    settle(db, product.id, after(21), Some(after(600))).await;
    assert_eq!(products::next_dirty(db).await.unwrap(), Some(after(600)));
    assert_eq!(claim(599).await.unwrap().len(), 0);
    assert_eq!(claim(600).await.unwrap().len(), 1);
    settle(db, product.id, after(600), None).await;
    assert_eq!(products::next_dirty(db).await.unwrap(), None);
}

async fn a_stale_version_is_refused(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    assert_eq!(reprice(db, product.id, 48_000, 0).await, Some(1));
    assert_eq!(reprice(db, product.id, 47_000, 0).await, None, "decided on facts that are no longer true");
    let fresh =
        db.write(product.id, |tx, id| Box::pin(async move { products::in_tx(tx, *id).await })).await.unwrap().unwrap();
    assert_eq!((fresh.own_minor, fresh.version, fresh.changed_at), (48_000, 1, Some(NOW.0)));
    assert_eq!(reprice(db, product.id, 47_000, 1).await, Some(2));
}

async fn a_wish_for_a_decision_during_a_decision_is_not_lost(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    assert_eq!(products::claim_dirty(db, after(10), after(30), 1).await.unwrap().len(), 1);
    // A page was read in second 9 and is stored while the product is being decided on the facts of second 10.
    mark(db, product.id, after(9)).await;
    settle(db, product.id, after(10), None).await;
    let next = products::next_dirty(db).await.unwrap();
    assert!(next.is_some_and(|at| at <= after(12)), "what that page showed is decided on by nobody: {next:?}");
}

async fn new_rules_during_a_decision_are_not_lost(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    assert_eq!(products::claim_dirty(db, after(10), after(30), 1).await.unwrap().len(), 1);
    products::mark_all_dirty(db, after(12)).await.unwrap();
    settle(db, product.id, after(10), Some(after(3_600))).await;
    let again = products::claim_dirty(db, after(13), after(33), 1).await.unwrap();
    assert_eq!(again.len(), 1, "what is being decided on the old rules waits an hour for the new ones");
}

async fn a_wish_for_every_product_reaches_those_that_would_wait_longer(test: TestDb) {
    let db = &test.db;
    products::import(db, vec![import("A", &[]), import("B", &[]), import("C", &[])], NOW).await.unwrap();
    let claimed = products::claim_dirty(db, NOW, after(20), 10).await.unwrap();
    settle(db, claimed[0].id, NOW, None).await;
    settle(db, claimed[1].id, NOW, Some(after(3_600))).await;
    settle(db, claimed[2].id, NOW, Some(after(50))).await;
    mark(db, claimed[2].id, after(99)).await;
    assert_eq!(products::next_dirty(db).await.unwrap(), Some(after(50)), "an earlier wish stays");
    products::mark_all_dirty(db, after(60)).await.unwrap();
    let again = products::claim_dirty(db, after(60), after(80), 10).await.unwrap();
    assert_eq!(
        again.len(),
        3,
        "a changed rule is for all, also for one that was to wait an hour: {:?}",
        again.iter().map(|p| &p.sku).collect::<Vec<_>>()
    );
}

async fn a_product_can_be_locked_by_hand(test: TestDb) {
    let product = one(&test.db, "A", &[]).await;
    assert_eq!(products::set_locked(&test.db, "A".into(), true, after(5)).await.unwrap(), 1);
    assert_eq!(products::by_id(&test.db, product.id).await.unwrap().unwrap().locked, 1);
    assert_eq!(products::set_locked(&test.db, "nobody".into(), true, NOW).await.unwrap(), 0);
    assert_eq!(products::set_locked(&test.db, "A".into(), false, after(6)).await.unwrap(), 1);
    assert_eq!(products::by_id(&test.db, product.id).await.unwrap().unwrap().locked, 0);
}

async fn the_catalogue_knows_when_products_came_and_where_they_belong(test: TestDb) {
    let db = &test.db;
    let first = Import { category: Some("audio/100%_in".into()), ..import("A", &[]) };
    products::import(db, vec![first], NOW).await.unwrap();
    products::import(db, vec![import("B", &[])], after(60)).await.unwrap();
    products::import(db, vec![import("A", &[])], after(90)).await.unwrap();
    let b = products::by_sku(db, "B").await.unwrap().unwrap();
    assert_eq!(products::since(db, b.id).await.unwrap(), Some(after(60)));
    assert_eq!(products::since(db, 0).await.unwrap(), None);
    products::import(db, vec![Import { category: Some("audio/100%_in".into()), ..import("A", &[]) }], NOW)
        .await
        .unwrap();
    let under = async |category| products::any_under(db, category).await.unwrap();
    assert!(under("audio").await && under("audio/100%_in").await);
    assert!(!under("aud").await && !under("audio/100%").await && !under("%").await && !under("video").await);
    // A file with a few columns says nothing about the floor of a known product.
    assert_eq!(products::without_floor(db).await.unwrap(), 0);
    let bare =
        |sku: &str, given: &str| Import { cost_net: None, given: Given::of(&[given.into()]), ..import(sku, &[]) };
    products::import(db, vec![bare("A", "stock")], after(120)).await.unwrap();
    assert_eq!(products::without_floor(db).await.unwrap(), 0);
    let least = Import { min_minor: Some(30_000), ..bare("C", "min") };
    products::import(db, vec![bare("B", "cost"), least], after(130)).await.unwrap();
    assert_eq!(products::without_floor(db).await.unwrap(), 1);
}
