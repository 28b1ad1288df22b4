//! What tills are told beside our prices.

use omniprice::store::campaigns::{self, Added};
use omniprice::store::listings::{self, Desire};
use omniprice::store::products::{self, Import};
use omniprice::store::shelf::{self, Change};
use omniprice::store::strikes::Frozen;

use super::intent::{campaign, listing};
use super::{NOW, after, import, one};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![campaigns_say_until_when_a_price_holds_what_it_was_and_what_is_planned];

async fn campaigns_say_until_when_a_price_holds_what_it_was_and_what_is_planned(test: TestDb) {
    let db = &test.db;
    let reduced = Import { own_minor: 39_900, ..import("A", &[]) };
    products::import(db, vec![reduced], NOW).await.unwrap();
    let a = products::by_sku(db, "A").await.unwrap().unwrap();
    let b = one(db, "B", &[]).await;
    let listing_id = listing(db, a.id).await;
    let Added::Stored(campaign_id) = campaigns::add(db, campaign("now", a.id, 100, 200), NOW).await.unwrap() else {
        panic!("it is stored")
    };
    for (name, product, from, until) in [("next", a.id, 300, 400), ("other", b.id, 150, 250)] {
        assert!(matches!(
            campaigns::add(db, campaign(name, product, from, until), NOW).await.unwrap(),
            Added::Stored(_)
        ));
    }

    let running = shelf::running(db, a.id, b.id, after(100)).await.unwrap();
    assert_eq!(running.iter().map(|one| (one.product_id, one.ends_at)).collect::<Vec<_>>(), [(a.id, after(200).0)]);
    assert_eq!(running[0].channels, "[]");
    assert_eq!(shelf::running(db, b.id, b.id, after(100)).await.unwrap(), []);
    assert_eq!(shelf::running(db, a.id, a.id, after(200)).await.unwrap(), [], "the end is outside");

    let frozen = Frozen {
        campaign_id,
        listing_id,
        campaign_minor: 39_900,
        regular_minor: 49_900,
        prior_minor: Some(47_900),
        currency: "DKK".into(),
        window_from: Some(NOW),
        started_at: after(100),
        ends_at: after(200),
        announce: true,
        max_percent: Some(16),
        reasons: "[]".into(),
    };
    let desire = Desire { listing_id, price: Ok(39_900) };
    campaigns::desire(db, vec![frozen], vec![desire], None, after(100)).await.unwrap();
    let references = shelf::references(db, a.id, b.id, after(150), None, (&["shop"], &[])).await.unwrap();
    let seen: Vec<_> = references
        .iter()
        .map(|one| {
            (one.product_id, one.campaign_minor, one.reference_minor, one.window_from, one.announce, one.with_prior)
        })
        .collect();
    assert_eq!(seen, [(a.id, 39_900, 47_900, Some(NOW.0), 1, 1)]);
    assert_eq!(shelf::references(db, a.id, b.id, after(200), None, (&["shop"], &[])).await.unwrap(), []);
    let own = listings::of_product(db, a.id).await.unwrap().remove(0).channel;
    assert_eq!(shelf::references(db, a.id, b.id, after(150), Some(&own), (&["shop"], &[])).await.unwrap(), references);
    assert_eq!(shelf::references(db, a.id, b.id, after(150), Some("another"), (&["shop"], &[])).await.unwrap(), []);

    let of_view = async |gross: &[&str], net: &[&str]| {
        shelf::references(db, a.id, b.id, after(150), None, (gross, net)).await.unwrap().len()
    };
    assert_eq!(of_view(&["shop"], &["DK"]).await, 0, "a price with VAT beside one without");
    assert_eq!(of_view(&[], &[]).await, 0, "and the other way round");
    assert_eq!(of_view(&[], &["SE", "DK"]).await, 1);

    let planned = async |place: (i64, i64), now: i64, until: i64, limit: i64| {
        let rows = shelf::planned(db, place, after(now), after(until), limit).await.unwrap();
        rows.into_iter().map(|one| (one.sku, one.starts_at, one.ends_at)).collect::<Vec<_>>()
    };
    let of = |sku: &str, from: i64, until: i64| (sku.to_owned(), after(from).0, after(until).0);
    let all = [of("A", 100, 200), of("A", 300, 400), of("B", 150, 250)];
    assert_eq!(planned((0, 0), 99, 300, 10).await, all);
    assert_eq!(planned((a.id, after(100).0), 99, 300, 1).await, all[1..2]);
    assert_eq!(planned((0, 0), 100, 299, 10).await, all[2..], "what has begun is no plan");
    let dearer = Import { min_minor: Some(39_901), ..import("B", &[]) };
    products::import(db, vec![dearer], after(1)).await.unwrap();
    assert_eq!(planned((0, 0), 100, 299, 10).await, [], "a price below the minimum would not begin");

    assert_eq!(products::first(db).await.unwrap(), Some(NOW));
    assert_eq!(shelf::newest(db, after(1_000)).await.unwrap(), None, "no price was ever changed");
    let changed = |id, at: i64| Change { shelf_at: after(at).0, id };
    for (id, at) in [(a.id, 5), (b.id, 7)] {
        let version = products::by_sku(db, if id == a.id { "A" } else { "B" }).await.unwrap().unwrap().version;
        let repriced = db.write((id, version), move |tx, &(id, version)| {
            Box::pin(async move { products::reprice(tx, id, 45_900, after(at), version).await })
        });
        assert!(repriced.await.unwrap().is_some());
    }
    assert_eq!(shelf::newest(db, after(6)).await.unwrap(), Some(changed(a.id, 5)));
    assert_eq!(shelf::newest(db, after(7)).await.unwrap(), Some(changed(b.id, 7)));
    shelf::note(db, campaign_id, after(9)).await.unwrap();
    assert_eq!(
        shelf::newest(db, after(9)).await.unwrap(),
        Some(changed(a.id, 9)),
        "its campaign began on some channels"
    );
    shelf::note(db, campaign_id, after(8)).await.unwrap();
    assert_eq!(shelf::newest(db, after(9)).await.unwrap(), Some(changed(a.id, 9)), "nothing goes back");
}
