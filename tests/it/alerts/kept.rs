//! What is stored of alerts, of people's wishes and of what reports read.

use omniprice::clock::Clock;
use omniprice::config::Language;
use omniprice::report::people;
use omniprice::store::alerts::{self, Silence, State};
use omniprice::store::{events, reporting, subscriptions, targets};

use super::{PEOPLE, app, decided, refused, seen};
use crate::both_engines;
use crate::harness::TestDb;
use crate::store_suite::{NOW, after, one};

both_engines![
    silences_events_and_messages_are_kept,
    wishes_are_kept_laid_over_and_forgotten,
    what_reports_read_is_what_was_seen,
];

async fn silences_events_and_messages_are_kept(test: TestDb) {
    let db = &test.db;
    let silence = Silence {
        id: 0,
        kind: Some("drift".into()),
        channel: None,
        competitor: None,
        sku: None,
        owner: "ann".into(),
        why: "stocktaking".into(),
        ends_at: after(60).0,
        created_at: NOW.0,
    };
    let id = alerts::silence(db, silence).await.unwrap();
    assert_eq!(alerts::silences(db, after(59)).await.unwrap()[0].why, "stocktaking");
    assert!(alerts::silences(db, after(60)).await.unwrap().is_empty());
    assert!(alerts::end_silence(db, id, after(10)).await.unwrap());
    assert!(!alerts::end_silence(db, id, after(11)).await.unwrap(), "it is over already");
    assert!(alerts::silences(db, after(11)).await.unwrap().is_empty());

    events::raise(db, refused("a"), NOW).await.unwrap();
    events::raise(db, refused("b"), after(10)).await.unwrap();
    events::resolve(db, "a".into(), after(20)).await.unwrap();
    let seen: Vec<String> = alerts::events(db, after(5), 10).await.unwrap().into_iter().map(|e| e.dedupe).collect();
    assert_eq!(seen, ["b", "a"], "the newest first");
    let long_after = alerts::events(db, after(1_000_000), 10).await.unwrap();
    assert_eq!(long_after.iter().map(|e| e.dedupe.as_str()).collect::<Vec<_>>(), ["b"], "what is open stays");
    let event = alerts::events(db, after(5), 10).await.unwrap().remove(0);
    assert_eq!(alerts::event(db, event.id).await.unwrap().unwrap().dedupe, "b");
    assert!(alerts::event(db, 999).await.unwrap().is_none());

    let state = State {
        target: "ann@x".into(),
        dedupe: "b".into(),
        grp: "g".into(),
        event_id: event.id,
        told_at: after(30).0,
        resolved_at: None,
    };
    let queue = |id: &str| alerts::Queue {
        target: "ann@x".into(),
        grp: "g".into(),
        message_id: id.into(),
        thread: None,
        early: false,
        body: "{}".into(),
    };
    alerts::tell(db, vec![queue("<1@x>")], vec![state.clone()], after(30)).await.unwrap();
    alerts::tell(db, vec![queue("<1@x>")], vec![State { resolved_at: Some(after(40).0), ..state }], after(40))
        .await
        .unwrap();
    assert_eq!(alerts::states(db, NOW).await.unwrap()[0].resolved_at, Some(after(40).0));
    assert_eq!(alerts::recent(db, NOW).await.unwrap().len(), 1, "one Message-ID is one message");
    assert!(alerts::claim(db, "webhook", after(40), after(50)).await.unwrap().is_none(), "a person's");
    let claimed = alerts::claim(db, "mail", after(40), after(50)).await.unwrap().unwrap();
    assert_eq!(claimed.tries, 1);
    assert!(alerts::claim(db, "mail", after(49), after(60)).await.unwrap().is_none(), "leased");
    alerts::settle(db, claimed.id, "queued", "later".into(), None, after(100)).await.unwrap();
    assert!(alerts::claim(db, "mail", after(99), after(120)).await.unwrap().is_none(), "not before its time");
    assert_eq!(alerts::next_at(db).await.unwrap(), Some(after(100)));
    let again = alerts::claim(db, "mail", after(100), after(120)).await.unwrap().unwrap();
    assert_eq!((again.tries, again.message_id.as_str()), (2, "<1@x>"));
    assert_eq!(alerts::thread(db, "ann@x", "g", after(20)).await.unwrap().as_deref(), Some("<1@x>"));
    assert_eq!(alerts::thread(db, "ann@x", "g", after(1_000)).await.unwrap(), None, "another incident");
    alerts::settle(db, again.id, "sent", "ok".into(), Some(after(101)), after(101)).await.unwrap();
    assert_eq!(alerts::messages(db, NOW, 10).await.unwrap()[0].state, "sent");
    assert_eq!(alerts::next_at(db).await.unwrap(), None);
}

async fn wishes_are_kept_laid_over_and_forgotten(test: TestDb) {
    let app = app(&test, &Clock::manual(NOW), PEOPLE).await;
    let change = |text: &str| serde_json::Map::from_iter([people::parse(text).unwrap()]);
    people::change(&app, "ann@shop.example", change("categories=audio, video"), "ann", "test").await.unwrap();
    people::change(&app, "ANN@shop.example", change("rise_pct=5"), "ann", "test").await.unwrap();
    people::change(&app, "Bob <bob@shop.example>", change("language=pl"), "ann", "test").await.unwrap();
    let everybody = people::everybody(&app).await.unwrap();
    let [ann, bob] = &everybody[..] else { panic!("{everybody:?}") };
    assert_eq!(ann.categories, ["audio", "video"]);
    assert_eq!(ann.language, Some(Language::Da), "what is not changed stays as configured");
    assert!(!ann.rise_pct.0.is_zero() && bob.language == Some(Language::Pl));
    for wrong in [
        "language=klingon",
        "digest=0 7 * *",
        "time_zone=Mars/Olympus",
        "quiet=late",
        "mail=eve@shop.example",
        "rise_pct=-3",
    ] {
        assert!(people::change(&app, "ann@shop.example", change(wrong), "ann", "t").await.is_err(), "{wrong}");
    }
    assert!(people::parse("nonsense=1").is_err() && people::parse("nothing").is_err());
    for (text, value) in [("hide_costs=True", true), ("off=1", true), ("off=no", false), ("hide_costs=", false)] {
        assert_eq!(people::parse(text).unwrap().1, serde_json::json!(value), "{text}");
    }
    let unclear = people::parse("hide_costs=ja").unwrap_err().to_string();
    assert!(unclear.contains("hide_costs=yes or hide_costs=no"), "{unclear}");
    let (_, comma) = people::parse("categories=audio, \"Home, Garden\"").unwrap();
    assert_eq!(comma, serde_json::json!(["audio", "Home, Garden"]));
    assert_eq!(people::list(["audio", "Home, Garden"]), "audio, \"Home, Garden\"");
    assert!(people::parse("categories=\"Home").is_err());
    assert_eq!(subscriptions::get(&app.db, "ann@shop.example").await.unwrap().unwrap().actor, "ann");
    assert_eq!(subscriptions::all(&app.db).await.unwrap().len(), 2);
    assert!(subscriptions::remove(&app.db, "ann@shop.example".into()).await.unwrap());
    assert!(!subscriptions::remove(&app.db, "ann@shop.example".into()).await.unwrap());
    assert!(people::everybody(&app).await.unwrap()[0].categories.is_empty());
    // What is stored but makes no sense any more does not keep others from their mail.
    let (bob, now) = ("bob@shop.example".to_owned(), NOW);
    subscriptions::set(&app.db, bob, "{\"gone\":1}".into(), "x".into(), "y".into(), now).await.unwrap();
    assert_eq!(people::everybody(&app).await.unwrap().len(), 1);
    let (one, two) = tokio::join!(
        subscriptions::keep_first(&app.db, "k", "1".into(), "t", NOW),
        subscriptions::keep_first(&app.db, "k", "2".into(), "t", NOW)
    );
    assert_eq!(one.unwrap(), two.unwrap(), "both use the first");
    assert_eq!(events::last_mail(&app.db, "ann@shop.example").await.unwrap(), None);
}

async fn what_reports_read_is_what_was_seen(test: TestDb) {
    let clock = Clock::manual(NOW);
    let app = app(&test, &clock, PEOPLE).await;
    let product = one(&app.db, "KETTLE", &[("near.example", "kettle")]).await;
    let page = targets::of_product(&app.db, product.id).await.unwrap().remove(0);
    assert_eq!(reporting::last_price(&app.db).await.unwrap(), Some(NOW), "since there are pages");
    seen(&app, page.id, 48_000, after(60)).await;
    seen(&app, page.id, 47_000, after(120)).await;
    decided(&app, "KETTLE", 49_900, 47_000, after(130)).await;
    let runs = async |since| -> Vec<(Option<i64>, i64)> {
        let rows = reporting::seen(&app.db, 0, product.id, since, 10).await.unwrap();
        rows.into_iter().map(|row| (row.latest.price_minor, row.latest.first_seen)).collect()
    };
    let both = [(Some(48_000), after(60).0), (Some(47_000), after(120).0)];
    assert_eq!(runs(NOW).await, both);
    assert_eq!(runs(after(61)).await, both, "the price before the window is the one that moved");
    assert_eq!(runs(after(121)).await, both[1..]);
    assert!(reporting::seen(&app.db, product.id, product.id + 9, NOW, 10).await.unwrap().is_empty());
    assert_eq!(reporting::seen(&app.db, 0, product.id, NOW, 1).await.unwrap().len(), 1);
    assert_eq!(reporting::decided(&app.db, NOW, 10).await.unwrap()[0].price_minor, 47_000);
    assert_eq!(reporting::record(&app.db, "KETTLE", 1).await.unwrap().as_deref(), Some("{}"));
    assert_eq!(reporting::record(&app.db, "KETTLE", 2).await.unwrap(), None);
    assert_eq!(reporting::limited(&app.db, 10).await.unwrap()[0].sku, "KETTLE");
    assert_eq!(reporting::last_price(&app.db).await.unwrap(), Some(after(120)));
    assert_eq!(reporting::restless(&app.db, NOW, 2, 10).await.unwrap()[0].n, 2);
    assert!(reporting::restless(&app.db, NOW, 3, 10).await.unwrap().is_empty());
    let changes = reporting::changes(&app.db, NOW, after(130), 10).await.unwrap();
    assert_eq!((changes.len(), changes[0].sku.as_str(), changes[0].price_minor), (1, "KETTLE", 47_000));
    assert!(reporting::changes(&app.db, after(130), after(500), 10).await.unwrap().is_empty());
    let quality = reporting::quality(&app.db, 0, product.id, NOW, 10).await.unwrap();
    assert_eq!((quality.len(), quality[0].competitor.as_str(), quality[0].n), (1, "near.example", 2));
    let evaluated = reporting::evaluated(&app.db, clock.now(), 10).await.unwrap();
    assert_eq!((evaluated[0].product_id, evaluated[0].outcome.as_str()), (product.id, "change"));
}
