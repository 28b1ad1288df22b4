//! Events, digests, switches, duties and rates: what one worker tells the others, and what people are told.

use omniprice::store::events::{self, DigestEnd, Raise};
use omniprice::store::listings::{self, Found};
use omniprice::store::settings::{self, Rate};
use omniprice::store::{channels, products, reporting};

use super::{NOW, after, import, one, switch};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    an_event_folds_while_it_lasts_and_begins_anew_after_it_was_resolved,
    an_event_of_a_listing_is_shown_with_the_listings_state,
    what_lasts_is_kept_in_new_words_and_not_counted,
    a_digest_is_claimed_by_one_worker_and_keeps_its_message_id_over_tries,
    a_switch_is_kept_replaced_and_cleared,
    a_duty_has_one_owner_and_is_not_due_before_its_time,
    a_new_product_makes_every_search_of_a_channel_due_again,
    the_newest_rates_of_a_day_or_before_it_count,
];

fn event(severity: &'static str, dedupe: &str, message: &str) -> Raise {
    Raise {
        kind: "drift",
        severity,
        dedupe: dedupe.into(),
        product_id: None,
        channel: Some("shop".into()),
        competitor: None,
        message: message.into(),
        hint: "look".into(),
    }
}

async fn an_event_folds_while_it_lasts_and_begins_anew_after_it_was_resolved(test: TestDb) {
    let db = &test.db;
    assert!(events::raise(db, event("warning", "a", "first"), NOW).await.unwrap());
    assert!(!events::raise(db, event("critical", "a", "second"), after(5)).await.unwrap());
    assert!(events::raise(db, event("info", "b", "other"), after(9)).await.unwrap());
    let open = events::open(db, 10).await.unwrap();
    let seen: Vec<_> =
        open.iter().map(|e| (e.dedupe.as_str(), e.severity.as_str(), e.message.as_str(), e.times)).collect();
    assert_eq!(seen, [("a", "critical", "second", 2), ("b", "info", "other", 1)], "the most severe first");
    assert_eq!((open[0].first_at, open[0].last_at), (NOW.0, after(5).0));
    assert_eq!(events::open(db, 1).await.unwrap().len(), 1);
    let worse = Raise { kind: "two_writers", hint: "look again".into(), ..event("info", "b", "worse") };
    assert!(!events::raise(db, worse, after(9)).await.unwrap());
    let b = events::open(db, 10).await.unwrap().into_iter().find(|event| event.dedupe == "b").unwrap();
    assert_eq!((b.kind.as_str(), b.hint.as_str(), b.message.as_str()), ("two_writers", "look again", "worse"));
    assert!(events::is_open(db, "a").await.unwrap() && !events::is_open(db, "c").await.unwrap());
    assert!(events::resolve(db, "a".into(), after(10)).await.unwrap());
    assert!(!events::is_open(db, "a").await.unwrap());
    assert!(!events::resolve(db, "a".into(), after(11)).await.unwrap(), "nothing is left to resolve");
    assert!(
        events::raise(db, event("warning", "a", "third"), after(20)).await.unwrap(),
        "a new one, not the old one again"
    );
    assert!(events::note(db, event("warning", "d", "begins"), after(90)).await.unwrap());
    assert!(!events::note(db, event("critical", "d", "lasts"), after(91)).await.unwrap());
    let d = events::open(db, 10).await.unwrap().into_iter().find(|event| event.dedupe == "d").unwrap();
    assert_eq!(
        (d.message.as_str(), d.severity.as_str(), d.times),
        ("lasts", "critical", 1),
        "looked at again, not raised"
    );
    assert!(events::resolve(db, "d".into(), after(92)).await.unwrap());
    let between = |from, until| events::between(db, after(from), after(until), 10);
    let times: Vec<i64> = between(5, 20).await.unwrap().iter().map(|e| e.last_at).collect();
    assert_eq!(times, [after(20).0, after(9).0], "from is outside, until is inside");
    assert_eq!(between(4, 5).await.unwrap()[0].resolved_at, Some(after(10).0));
}

async fn an_event_of_a_listing_is_shown_with_the_listings_state(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[("near.example", "https://near.example/a")]).await;
    channels::add(db, "shop".into(), "webhook", NOW).await.unwrap();
    let found = Found {
        channel: "shop".into(),
        product_id: product.id,
        external: "1".into(),
        currency: "DKK".into(),
        live_minor: Some(100),
        decimals: None,
    };
    listings::add(db, vec![found], NOW).await.unwrap();
    let of = |dedupe: &str, channel: &str| Raise {
        product_id: Some(product.id),
        channel: Some(channel.into()),
        ..event("warning", dedupe, "")
    };
    events::raise(db, of("known", "shop"), NOW).await.unwrap();
    events::raise(db, of("gone", "till"), NOW).await.unwrap();
    events::raise(db, event("warning", "of no product", ""), NOW).await.unwrap();
    events::raise(db, Raise { kind: "price_war", ..of("of no listing", "shop") }, NOW).await.unwrap();
    let rows = reporting::of_listings(db, 10).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.dedupe.as_str(), row.state.as_deref())).collect();
    assert_eq!(seen, [("known", Some("idle")), ("gone", None)]);
    assert_eq!((rows[0].kind.as_str(), rows[1].listing_id), ("drift", None));
    assert_eq!(reporting::of_listings(db, 1).await.unwrap().len(), 1);
    assert_eq!(reporting::hosts(db).await.unwrap(), ["near.example"]);
}

async fn what_lasts_is_kept_in_new_words_and_not_counted(test: TestDb) {
    let db = &test.db;
    let raise = |message: &str| Raise {
        kind: "paused",
        severity: "critical",
        dedupe: "paused".into(),
        product_id: None,
        channel: None,
        competitor: None,
        message: message.into(),
        hint: String::new(),
    };
    events::keep(db, raise("nothing"), NOW).await.unwrap();
    assert!(events::open(db, 10).await.unwrap().is_empty(), "what is not open is not opened");
    events::raise(db, raise("first"), NOW).await.unwrap();
    events::keep(db, raise("second"), after(60)).await.unwrap();
    let open = events::open(db, 10).await.unwrap();
    let seen: Vec<_> = open.iter().map(|e| (e.message.as_str(), e.times, e.first_at, e.last_at)).collect();
    assert_eq!(seen, [("second", 1, NOW.0, after(60).0)]);
}

async fn a_digest_is_claimed_by_one_worker_and_keeps_its_message_id_over_tries(test: TestDb) {
    let db = &test.db;
    let claim =
        |id: &str, now: i64| events::claim_digest(db, "ann@x".into(), NOW, id.into(), after(now), after(now + 10));
    let claims = tokio::join!(claim("<1@x>", 0), claim("<2@x>", 0), claim("<3@x>", 0), claim("<4@x>", 0));
    let won: Vec<_> = [claims.0, claims.1, claims.2, claims.3].into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(won.len(), 1);
    let end = |state, next| DigestEnd {
        id: won[0].id,
        state,
        subject: Some("Prices".into()),
        detail: "detail".into(),
        sent_at: (state == "sent").then_some(after(next)),
        next_at: after(next),
    };
    events::settle_digest(db, end("claimed", 60)).await.unwrap();
    assert!(claim("<5@x>", 59).await.unwrap().is_none(), "not before its next try");
    let again = claim("<5@x>", 60).await.unwrap().unwrap();
    assert_eq!((again.id, &again.message_id, again.tries), (won[0].id, &won[0].message_id, 2));
    assert_eq!(events::last_digest(db, "ann@x").await.unwrap(), None, "a failed try serves nobody");
    events::settle_digest(db, end("sent", 61)).await.unwrap();
    assert!(claim("<6@x>", 1_000).await.unwrap().is_none());
    assert!(events::digest_begun(db, "ann@x", NOW).await.unwrap());
    assert!(!events::digest_begun(db, "ann@x", after(1)).await.unwrap());
    assert_eq!(events::last_digest(db, "ann@x").await.unwrap(), Some(NOW));
    assert_eq!(events::last_digest(db, "bob@x").await.unwrap(), None);
    assert_eq!(events::digest_sent(db).await.unwrap(), Some(after(61)));
    let rows = events::digests(db, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].state.as_str(), rows[0].sent_at), (1, "sent", Some(after(61).0)));
    for slot in [10, 20] {
        let id = format!("<{slot}@x>");
        let claimed = events::claim_digest(db, "ann@x".into(), after(slot), id, after(slot), after(slot + 5)).await;
        let end = DigestEnd { id: claimed.unwrap().unwrap().id, ..end("failed", slot) };
        events::settle_digest(db, end).await.unwrap();
    }
    assert_eq!(events::first_digest(db, "ann@x").await.unwrap(), Some(NOW), "the failed ones came later");
    assert_eq!(events::first_digest(db, "bob@x").await.unwrap(), None);
    assert_eq!(events::digests_refused(db, "ann@x", NOW).await.unwrap(), 2);
    assert_eq!(events::digests_refused(db, "ann@x", after(15)).await.unwrap(), 1, "since a change");
    assert_eq!(events::digests_refused(db, "bob@x", NOW).await.unwrap(), 0);
}

async fn a_switch_is_kept_replaced_and_cleared(test: TestDb) {
    assert!(settings::get(&test.db, "pause").await.unwrap().is_none());
    switch(&test.db, "pause", "on").await;
    switch(&test.db, "pause", "off").await;
    let kept = settings::get(&test.db, "pause").await.unwrap().unwrap();
    assert_eq!(
        (kept.value.as_str(), kept.actor.as_str(), kept.why.as_str(), kept.created_at),
        ("off", "ann", "a test", NOW.0)
    );
    assert!(settings::clear(&test.db, "pause").await.unwrap());
    assert!(!settings::clear(&test.db, "pause").await.unwrap());
    assert!(settings::get(&test.db, "pause").await.unwrap().is_none());
}

async fn a_duty_has_one_owner_and_is_not_due_before_its_time(test: TestDb) {
    let take = |owner: &str, now: i64| {
        settings::take_duty(&test.db, "map".into(), owner.into(), after(now), after(now + 100), after(now - 3_600))
    };
    let end =
        |owner: &str, done: Option<i64>| settings::end_duty(&test.db, "map".into(), owner.into(), done.map(after));
    let (one, two) = tokio::join!(take("one", 0), take("two", 0));
    assert!(one.unwrap() ^ two.unwrap(), "one of the two has it");
    assert!(!take("three", 99).await.unwrap());
    assert!(take("three", 100).await.unwrap(), "the lease ran out");
    end("one", Some(101)).await.unwrap();
    end("two", Some(101)).await.unwrap();
    assert!(!take("four", 102).await.unwrap(), "who lost it cannot end it");
    end("three", Some(110)).await.unwrap();
    assert!(!take("four", 3_709).await.unwrap(), "it was done less than an hour ago");
    assert!(take("four", 3_710).await.unwrap());
    end("four", None).await.unwrap();
    assert!(take("five", 3_711).await.unwrap(), "undone work is due at once");
    settings::free_leases(&test.db).await.unwrap();
    assert!(take("six", 3_712).await.unwrap(), "a process that is alone frees what a dead one held");
    end("six", Some(3_713)).await.unwrap();
}

async fn a_new_product_makes_every_search_of_a_channel_due_again(test: TestDb) {
    let take = |name: &str, owner: &str, now: i64| {
        settings::take_duty(&test.db, name.into(), owner.into(), after(now), after(now + 100), after(now - 3_600))
    };
    let end =
        |name: &str, owner: &str, done: i64| settings::end_duty(&test.db, name.into(), owner.into(), Some(after(done)));
    let bring = |sku: &str, now: i64| products::import(&test.db, vec![import(sku, &[])], after(now));
    for duty in ["map/web/auto", "map/till/auto", "reconcile/web"] {
        assert!(take(duty, "one", 0).await.unwrap());
        end(duty, "one", 1).await.unwrap();
    }
    bring("A", 2).await.unwrap();
    assert!(take("map/web/auto", "two", 3).await.unwrap() && take("map/till/auto", "two", 3).await.unwrap());
    assert!(!take("reconcile/web", "two", 3).await.unwrap(), "only searches");
    end("map/till/auto", "two", 4).await.unwrap();
    bring("A", 5).await.unwrap();
    assert!(!take("map/till/auto", "three", 6).await.unwrap(), "a known product is not looked for again");
    // A search that began before the product came has not looked for it, whatever it says at its end.
    bring("B", 7).await.unwrap();
    end("map/web/auto", "two", 8).await.unwrap();
    assert!(take("map/web/auto", "four", 103).await.unwrap(), "due when its lease is over");
}

async fn the_newest_rates_of_a_day_or_before_it_count(test: TestDb) {
    let rate =
        |day: &str, currency: &str, rate: &str| Rate { day: day.into(), currency: currency.into(), rate: rate.into() };
    let days =
        vec![rate("2026-11-19", "SEK", "11.10"), rate("2026-11-20", "SEK", "11.20"), rate("2026-11-20", "DKK", "7.45")];
    settings::keep_rates(&test.db, days, NOW).await.unwrap();
    settings::keep_rates(&test.db, vec![rate("2026-11-20", "DKK", "7.46")], NOW).await.unwrap();
    let of = async |day| -> Vec<(String, String)> {
        settings::rates(&test.db, day).await.unwrap().into_iter().map(|r| (r.currency, r.rate)).collect()
    };
    let pair = |currency: &str, rate: &str| (currency.to_owned(), rate.to_owned());
    assert_eq!(
        of("2026-11-22").await,
        [pair("DKK", "7.46"), pair("SEK", "11.20")],
        "a corrected rate replaces the old one"
    );
    assert_eq!(of("2026-11-19").await, [pair("SEK", "11.10")]);
    assert_eq!(of("2026-11-18").await, []);
    settings::keep_rates(&test.db, vec![rate("2026-11-21", "DKK", "7.47")], NOW).await.unwrap();
    let newest = async |day| settings::newest_rate(&test.db, "SEK", day).await.unwrap().map(|row| (row.day, row.rate));
    assert_eq!(newest("2026-11-22").await, Some(("2026-11-20".into(), "11.20".into())), "not published the day after");
    assert_eq!(newest("2026-11-18").await, None);
}
