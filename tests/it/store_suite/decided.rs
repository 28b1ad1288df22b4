//! The decision log: append-only, without gaps, one transaction with what every channel shall show; and reviews.

use omniprice::clock::Millis;
use omniprice::store::decisions::{self, Evaluated, Written};
use omniprice::store::listings::{self, Desire, Found};
use omniprice::store::products::{self, Product};
use omniprice::store::{Db, StoreError, channels, reporting, revisions};

use super::{NOW, after, behind_its_back, one};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    a_decision_and_every_channels_wish_are_one_transaction,
    a_decision_that_fails_leaves_nothing,
    decisions_cannot_be_changed_or_removed_even_behind_the_stores_back,
    twenty_deciders_at_once_leave_no_gap_and_decide_nothing_twice,
    the_log_answers_for_every_instant,
    an_evaluation_counts_its_checks_and_keeps_its_beginning,
    the_same_proposal_is_opened_once_and_a_newer_one_replaces_it,
    a_proposal_is_settled_once,
    the_first_of_two_persons_is_noted_once,
    what_was_turned_down_a_moment_before_is_not_carried_out,
    the_same_rules_keep_their_number,
    the_same_settings_are_kept_once,
];

fn evaluated(product: &Product, outcome: &str, minor: Option<i64>, now: Millis) -> Evaluated {
    Evaluated {
        product_id: product.id,
        market: "DK".into(),
        currency: "DKK".into(),
        outcome: outcome.into(),
        price_minor: minor,
        previous_minor: product.own_minor,
        rule: Some("match".into()),
        flags: "[]".into(),
        why: "cheapest".into(),
        actor: "rules".into(),
        rule_revision: None,
        record: "{\"facts\":1}".into(),
        facts_hash: "f1".into(),
        product_version: product.version,
        claimed_at: now,
        now,
        again_at: None,
        review_expires_at: now.plus(Millis::DAY),
        desired: vec![],
        approves: None,
        agreed: None,
        strikes: vec![],
        doubted: false,
        vat: None,
    }
}

pub async fn decide(db: &Db, sku: &str, minor: i64, now: Millis) -> Written {
    let product = products::by_sku(db, sku).await.unwrap().unwrap();
    decisions::write(db, evaluated(&product, "change", Some(minor), now)).await.unwrap()
}

/// A product on two channels, and what the two shall show.
async fn on_two_channels(db: &Db) -> (Product, Vec<Desire>) {
    let product = one(db, "A", &[]).await;
    let mut found = Vec::new();
    for channel in ["shop", "till"] {
        channels::add(db, channel.into(), "webhook", NOW).await.unwrap();
        found.push(Found {
            channel: channel.into(),
            product_id: product.id,
            external: "A".into(),
            currency: "DKK".into(),
            live_minor: None,
            decimals: None,
        });
    }
    listings::add(db, found, NOW).await.unwrap();
    let all = listings::of_product(db, product.id).await.unwrap();
    (product, all.iter().map(|listing| Desire { listing_id: listing.id, price: Ok(47_900) }).collect())
}

async fn a_decision_and_every_channels_wish_are_one_transaction(test: TestDb) {
    let db = &test.db;
    let (_, desired) = on_two_channels(db).await;
    let product = products::claim_dirty(db, after(1), after(21), 1).await.unwrap().remove(0);
    let evaluation = Evaluated {
        desired: desired.clone(),
        again_at: Some(after(600)),
        ..evaluated(&product, "change", Some(47_900), after(1))
    };
    assert_eq!(decisions::write(db, evaluation).await.unwrap(), Written::Decided { version: 1 });
    let row = decisions::latest(db, product.id).await.unwrap().unwrap();
    assert_eq!((row.version, row.price_minor, row.previous_minor, row.actor.as_str()), (1, 47_900, 49_900, "rules"));
    for listing in listings::of_product(db, product.id).await.unwrap() {
        assert_eq!(
            (listing.state.as_str(), listing.desired_minor, listing.decision_id),
            ("intended", Some(47_900), Some(row.id)),
            "{}",
            listing.channel
        );
        assert_eq!((listing.desired_seq, listing.next_at), (1, Some(after(1).0)), "{}", listing.channel);
    }
    let now = products::by_id(db, product.id).await.unwrap().unwrap();
    assert_eq!((now.own_minor, now.version, now.dirty_at), (47_900, 1, Some(after(600).0)));
    // Decided once more on the facts of version 0: nothing moves, and the product is decided again at once.
    let late = Evaluated { desired, ..evaluated(&product, "change", Some(40_000), after(700)) };
    assert_eq!(decisions::write(db, late).await.unwrap(), Written::Stale);
    let now = products::by_id(db, product.id).await.unwrap().unwrap();
    assert_eq!((now.own_minor, now.version), (47_900, 1));
    assert!(now.dirty_at.is_some_and(|at| at <= after(700).0), "{:?}", now.dirty_at);
    assert_eq!(listings::of_product(db, product.id).await.unwrap()[0].desired_seq, 1);
}

async fn a_decision_that_fails_leaves_nothing(test: TestDb) {
    let db = &test.db;
    let (product, desired) = on_two_channels(db).await;
    let before = listings::of_product(db, product.id).await.unwrap();
    // The rules it cites do not exist: the log refuses after evaluation and price were already written.
    let broken =
        Evaluated { desired, rule_revision: Some(999), ..evaluated(&product, "change", Some(47_900), after(1)) };
    assert!(matches!(decisions::write(db, broken).await, Err(StoreError::Engine(_))));
    let now = products::by_id(db, product.id).await.unwrap().unwrap();
    assert_eq!((now.own_minor, now.version, now.dirty_at), (49_900, 0, product.dirty_at));
    assert!(decisions::evaluation(db, product.id).await.unwrap().is_none());
    assert!(decisions::latest(db, product.id).await.unwrap().is_none());
    assert_eq!(listings::of_product(db, product.id).await.unwrap(), before);
}

async fn decisions_cannot_be_changed_or_removed_even_behind_the_stores_back(test: TestDb) {
    one(&test.db, "A", &[]).await;
    assert_eq!(decide(&test.db, "A", 47_900, after(1)).await, Written::Decided { version: 1 });
    for sql in ["update decisions set price_minor = 1", "delete from decisions"] {
        let refused = behind_its_back(&test, sql).await.unwrap_err();
        assert!(refused.contains("append-only"), "{sql}: {refused}");
    }
    // The same connection may write elsewhere: it is the log that refuses, not the login.
    behind_its_back(&test, "update products set title = 'changed'").await.unwrap();
    let product = products::by_sku(&test.db, "A").await.unwrap().unwrap();
    assert_eq!(product.title, "changed");
    assert_eq!(decisions::latest(&test.db, product.id).await.unwrap().unwrap().price_minor, 47_900);
}

async fn twenty_deciders_at_once_leave_no_gap_and_decide_nothing_twice(test: TestDb) {
    let product = one(&test.db, "A", &[]).await;
    let mut deciders = tokio::task::JoinSet::new();
    for n in 0..20 {
        let db = test.db.clone();
        deciders.spawn(async move {
            let mut stale = 0;
            loop {
                match decide(&db, "A", 40_000 + n, after(n)).await {
                    Written::Decided { version } => return (version, stale),
                    Written::Stale => stale += 1,
                    Written::Noted => panic!("a change is never only noted"),
                }
            }
        });
    }
    let mut versions: Vec<i64> = deciders.join_all().await.into_iter().map(|(version, _)| version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>(), "each decided once");
    let log = decisions::of_product_since(&test.db, product.id, NOW).await.unwrap();
    assert_eq!(log.iter().map(|row| row.version).collect::<Vec<_>>(), versions, "the log has every version once");
    assert_eq!(
        log.last().unwrap().price_minor,
        products::by_id(&test.db, product.id).await.unwrap().unwrap().own_minor
    );
    // All of them on the same facts: one is right, the others have to look again.
    let seen = products::by_id(&test.db, product.id).await.unwrap().unwrap();
    let same = (0..6).map(|n| decisions::write(&test.db, evaluated(&seen, "change", Some(30_000 + n), after(99))));
    let mut won = 0;
    for written in futures_joined(same).await {
        won += i32::from(written.unwrap() == Written::Decided { version: 21 });
    }
    assert_eq!(won, 1);
}

/// Polls all futures together; the results in order.
async fn futures_joined<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in waiting.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        if waiting.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}

async fn the_log_answers_for_every_instant(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    for (version, (minor, now)) in [(48_900, 10), (47_900, 20), (46_900, 30)].into_iter().enumerate() {
        assert_eq!(decide(db, "A", minor, after(now)).await, Written::Decided { version: version as i64 + 1 });
    }
    let at = async |now| decisions::at(db, product.id, after(now)).await.unwrap().map(|row| row.price_minor);
    assert_eq!(
        (at(9).await, at(10).await, at(29).await, at(99).await),
        (None, Some(48_900), Some(47_900), Some(46_900))
    );
    let next = async |now| decisions::after(db, product.id, after(now)).await.unwrap().map(|row| row.version);
    assert_eq!(
        (next(9).await, next(10).await, next(30).await),
        (Some(1), Some(2), None),
        "what held before is in the next"
    );
    let since = decisions::since(db, after(10), after(30), 10).await.unwrap();
    assert_eq!(
        since.iter().map(|d| (d.sku.as_str(), d.version)).collect::<Vec<_>>(),
        [("A", 3), ("A", 2)],
        "from is outside, newest first"
    );
    assert_eq!(decisions::since(db, NOW, after(30), 1).await.unwrap().len(), 1);
    assert_eq!(decisions::of_day(db, product.id, after(20)).await.unwrap(), (2, Some(48_900)));
    assert_eq!(decisions::of_day(db, product.id, after(31)).await.unwrap(), (0, None));
    let rest = decisions::of_product_since(db, product.id, after(20)).await.unwrap();
    assert_eq!(rest.iter().map(|d| d.version).collect::<Vec<_>>(), [2, 3]);
}

async fn an_evaluation_counts_its_checks_and_keeps_its_beginning(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    for (outcome, now) in [("hold", 10), ("hold", 20), ("keep", 30), ("hold", 40)] {
        let written = decisions::write(db, evaluated(&product, outcome, None, after(now))).await.unwrap();
        assert_eq!(written, Written::Noted);
        let row = decisions::evaluation(db, product.id).await.unwrap().unwrap();
        let since = if now == 20 { 10 } else { now };
        assert_eq!(
            (row.outcome.as_str(), row.checks, row.since, row.evaluated_at),
            (outcome, now / 10, after(since).0, after(now).0)
        );
    }
    let outcomes: Vec<_> = decisions::outcomes(db).await.unwrap().into_iter().map(|o| (o.outcome, o.n)).collect();
    assert_eq!(outcomes, [("hold".to_owned(), 1)]);
    assert_eq!(decisions::held(db, 9).await.unwrap()[0].sku, "A");
    assert!(decisions::latest(db, product.id).await.unwrap().is_none(), "nothing was decided");
}

async fn the_same_proposal_is_opened_once_and_a_newer_one_replaces_it(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let propose =
        async |minor, now| decisions::write(db, evaluated(&product, "review", Some(minor), after(now))).await.unwrap();
    let open = async || decisions::open_reviews(db, 10).await.unwrap();
    propose(47_900, 1).await;
    propose(47_900, 2).await;
    let first = open().await.remove(0);
    let lean = reporting::reviews(db, 10).await.unwrap().remove(0);
    assert_eq!((lean.id, lean.sku.as_str(), lean.record.as_str()), (first.id, "A", ""), "without its record");
    assert_eq!(reporting::proposed(db, first.id).await.unwrap(), Some(first.record.clone()));
    assert_eq!(reporting::proposed(db, first.id + 99).await.unwrap(), None);
    assert_eq!((open().await.len(), first.created_at, first.sku.as_str()), (1, after(1).0, "A"));
    propose(46_900, 3).await;
    let second = open().await.remove(0);
    assert_eq!((open().await.len(), second.price_minor), (1, 46_900));
    assert_eq!(decisions::review(db, first.id).await.unwrap().unwrap().state, "superseded");
    propose(46_900, 3 + 86_400).await;
    let third = open().await.remove(0);
    assert_ne!(third.id, second.id, "an expired proposal is made anew");
    decisions::write(db, evaluated(&product, "keep", None, after(90_000))).await.unwrap();
    assert!(open().await.is_empty(), "the reason for it went away");
}

async fn the_first_of_two_persons_is_noted_once(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let open = async |agreed: Option<(String, String)>, minor| {
        let evaluation = Evaluated { agreed, ..evaluated(&product, "review", Some(minor), after(1)) };
        decisions::write(db, evaluation).await.unwrap();
        decisions::open_reviews(db, 10).await.unwrap().remove(0)
    };
    let review = open(None, 47_900).await;
    let agree = |by: &str, at| decisions::agree(db, review.id, by.into(), "fine".into(), at);
    assert!(!agree("late", after(1).plus(Millis::DAY)).await.unwrap(), "it has expired by then");
    let (ann, bob) = tokio::join!(agree("ann", after(2)), agree("bob", after(2)));
    let ann_was_first = ann.unwrap();
    assert!(ann_was_first ^ bob.unwrap(), "one of the two is the first");
    let kept = decisions::review(db, review.id).await.unwrap().unwrap();
    let first = if ann_was_first { "ann" } else { "bob" };
    assert_eq!((kept.state.as_str(), kept.first_by.as_deref(), kept.first_at), ("open", Some(first), Some(after(2).0)));
    assert!(!agree("cid", after(3)).await.unwrap());
    let set = open(Some(("dan".to_owned(), "printed".to_owned())), 46_900).await;
    assert_eq!((set.first_by.as_deref(), set.first_why.as_deref()), (Some("dan"), Some("printed")));
    decisions::settle_review(db, set.id, "rejected", "eve".into(), "no".into(), after(3)).await.unwrap();
    assert!(!decisions::agree(db, set.id, "fay".into(), String::new(), after(4)).await.unwrap(), "it is settled");
}

async fn a_proposal_is_settled_once(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    decisions::write(db, evaluated(&product, "review", Some(47_900), after(1))).await.unwrap();
    let review = decisions::open_reviews(db, 10).await.unwrap().remove(0);
    let settle = |by: &str| decisions::settle_review(db, review.id, "rejected", by.into(), "no".into(), after(2));
    let newest = async |at| decisions::newest_review(db, product.id, at).await.unwrap();
    assert_eq!(newest(after(1)).await.map(|one| (one.id, one.state)), Some((review.id, "open".to_owned())));
    assert!(newest(NOW).await.is_none(), "it came later");
    let (ann, bob) = tokio::join!(settle("ann"), settle("bob"));
    assert_eq!(newest(after(2)).await.and_then(|one| one.settled_at), Some(after(2).0));
    assert!(ann.unwrap() ^ bob.unwrap(), "one of the two said it");
    assert!(!settle("cid").await.unwrap());
    let no = async |minor, now| {
        let found = decisions::turned_down(db, product.id, minor, &review.facts_hash, after(now)).await.unwrap();
        found.map(|no| no.settled_why.unwrap())
    };
    assert_eq!((no(47_900, 3).await.as_deref(), no(47_899, 3).await), (Some("no"), None), "this price and no other");
    let over = (review.expires_at - NOW.0) / 1_000 + 1;
    assert_eq!(no(47_900, over).await, None, "a word does not hold for ever");
    assert!(decisions::turned_down(db, product.id, 47_900, "other facts", after(3)).await.unwrap().is_none());
    decisions::write(db, evaluated(&product, "review", Some(46_900), after(3))).await.unwrap();
    let review = decisions::open_reviews(db, 10).await.unwrap().remove(0);
    let approved = Evaluated {
        approves: Some(review.id),
        actor: "ann".into(),
        ..evaluated(&product, "change", Some(46_900), after(4))
    };
    assert_eq!(decisions::write(db, approved).await.unwrap(), Written::Decided { version: 1 });
    let settled = decisions::review(db, review.id).await.unwrap().unwrap();
    assert_eq!((settled.state.as_str(), settled.settled_by.as_deref()), ("approved", Some("ann")));
}

async fn what_was_turned_down_a_moment_before_is_not_carried_out(test: TestDb) {
    let (db, mut version) = (&test.db, 0);
    on_two_channels(db).await;
    for (round, rejected_first) in [true, false, true].into_iter().enumerate() {
        let product = products::by_sku(db, "A").await.unwrap().unwrap();
        let (minor, now) = (46_900 - i64::try_from(round).unwrap(), after(10 * i64::try_from(round).unwrap()));
        decisions::write(db, evaluated(&product, "review", Some(minor), now)).await.unwrap();
        let id = decisions::open_reviews(db, 10).await.unwrap().remove(0).id;
        let reject = || decisions::settle_review(db, id, "rejected", "bo".into(), "no".into(), now);
        let wishes = listings::of_product(db, product.id).await.unwrap();
        let desired = wishes.iter().map(|listing| Desire { listing_id: listing.id, price: Ok(minor) }).collect();
        let approved = Evaluated {
            approves: Some(id),
            actor: "ann".into(),
            desired,
            ..evaluated(&product, "change", Some(minor), now)
        };
        if rejected_first {
            assert!(reject().await.unwrap());
            let refused = decisions::write(db, approved).await;
            assert!(matches!(refused, Err(StoreError::ReviewSettled(settled)) if settled == id), "{refused:?}");
            assert_eq!(listings::of_product(db, product.id).await.unwrap(), wishes, "no channel hears of it");
        } else {
            version += 1;
            assert_eq!(decisions::write(db, approved).await.unwrap(), Written::Decided { version });
            assert!(!reject().await.unwrap(), "it is carried out already");
        }
        let now = products::by_id(db, product.id).await.unwrap().unwrap();
        let expected = if rejected_first { product.own_minor } else { minor };
        assert_eq!((now.own_minor, now.version), (expected, version));
        let state = decisions::review(db, id).await.unwrap().unwrap().state;
        assert_eq!(state, if rejected_first { "rejected" } else { "approved" });
    }
}

async fn the_same_rules_keep_their_number(test: TestDb) {
    let keep =
        |hash: &str, body: &str| revisions::keep_rules(&test.db, hash.into(), body.into(), "rules.toml".into(), NOW);
    let (one, two) = tokio::join!(keep("h1", "a = 1"), keep("h1", "a = 1"));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one, two);
    let other = keep("h2", "a = 2").await.unwrap();
    assert_ne!(other, one);
    assert_eq!(revisions::rules(&test.db, one).await.unwrap().unwrap().body, "a = 1");
    assert_eq!(revisions::rules(&test.db, other).await.unwrap().unwrap().body, "a = 2");
    assert!(revisions::rules(&test.db, other + 100).await.unwrap().is_none());
}

async fn the_same_settings_are_kept_once(test: TestDb) {
    let keep = |hash: &str, body: &str, now| revisions::keep_config(&test.db, hash.into(), body.into(), now);
    let (one, two) = tokio::join!(keep("h1", "{\"mode\":\"auto\"}", NOW), keep("h1", "{\"mode\":\"auto\"}", after(9)));
    one.and(two).unwrap();
    keep("h2", "{}", after(10)).await.unwrap();
    keep("h1", "{\"mode\":\"auto\"}", after(11)).await.unwrap();
    let config = async |hash: &str| revisions::config(&test.db, hash).await.unwrap();
    let (first, second) = (config("h1").await.unwrap(), config("h2").await.unwrap());
    assert_eq!((first.body.as_str(), second.body.as_str()), ("{\"mode\":\"auto\"}", "{}"));
    assert!(first.id < second.id && config("h3").await.is_none());
}
