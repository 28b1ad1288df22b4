//! Competitor pages: hosts that one worker has at a time, and history as runs.

use std::collections::BTreeSet;

use omniprice::clock::Millis;
use omniprice::store::observations::{self, New};
use omniprice::store::products::{self, Product};
use omniprice::store::rivals;
use omniprice::store::targets::{self, Checked, Claim, HostPace, TargetRow};
use omniprice::store::{Db, settings};

use super::{NOW, after, by_eight, import, one};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    equal_checks_extend_the_run_and_only_a_change_adds_a_row,
    what_rules_may_see_is_the_newest_accepted_price_with_todays_availability,
    moves_name_the_accepted_price_before,
    eight_workers_claim_five_hundred_hosts_once_each,
    a_host_lease_runs_out_and_a_late_worker_moves_nothing,
    a_host_is_left_alone_while_it_is_blocked_or_not_yet_allowed,
    a_host_that_failed_is_asked_again_when_a_person_says_so,
    pages_become_due_by_hand_and_in_time,
    checks_are_stored_together_or_not_at_all,
];

pub(super) fn seen(verdict: &'static str, price: Option<i64>) -> New {
    New {
        outcome: if price.is_some() { "product" } else { "gone" }.into(),
        verdict,
        reason: "because".into(),
        price_minor: price,
        currency: price.map(|_| "DKK".into()),
        list_minor: None,
        availability: if price.is_some() { "in_stock" } else { "unknown" }.into(),
        offer: "{}".into(),
        evidence: "{\"raw\":\"499,00\"}".into(),
        body_hash: Some("hash".into()),
    }
}

pub(super) async fn note(db: &Db, target: i64, new: New, now: Millis) -> i64 {
    db.write((target, new, now), |tx, (target, new, now)| {
        Box::pin(async move { observations::extend_or_insert(tx, *target, new, *now).await })
    })
    .await
    .unwrap()
}

async fn page(db: &Db) -> (Product, TargetRow) {
    let product = one(db, "A", &[("x.example", "a")]).await;
    let page = targets::of_product(db, product.id).await.unwrap().remove(0);
    (product, page)
}

async fn equal_checks_extend_the_run_and_only_a_change_adds_a_row(test: TestDb) {
    let db = &test.db;
    let (product, page) = page(db).await;
    let unseen = db.write(page.id, |tx, id| Box::pin(async move { observations::extend_current(tx, *id, NOW).await }));
    assert_eq!(unseen.await.unwrap(), None, "there is no run to extend yet");
    let first = note(db, page.id, seen("accepted", Some(49_900)), NOW).await;
    assert_eq!(note(db, page.id, seen("accepted", Some(49_900)), after(60)).await, first);
    let id = page.id;
    let extended =
        db.write(id, |tx, id| Box::pin(async move { observations::extend_current(tx, *id, after(120)).await }));
    assert_eq!(extended.await.unwrap(), Some(first), "a 304 extends the run, too");
    let second = note(db, id, seen("accepted", Some(47_900)), after(180)).await;
    let third = note(db, id, seen("suspect", Some(47_900)), after(240)).await;
    let fourth =
        note(db, id, New { availability: "out_of_stock".into(), ..seen("suspect", Some(47_900)) }, after(300)).await;
    let fifth = note(db, id, New { currency: Some("SEK".into()), ..seen("suspect", Some(47_900)) }, after(360)).await;
    // Back to the first price: history has no way back into an old run.
    let sixth = note(db, id, seen("accepted", Some(49_900)), after(420)).await;
    let runs = observations::recent(db, id, 10).await.unwrap();
    assert_eq!(runs.iter().map(|r| r.id).collect::<Vec<_>>(), [sixth, fifth, fourth, third, second, first]);
    let oldest = runs.last().unwrap();
    assert_eq!((oldest.checks, oldest.first_seen, oldest.last_seen), (3, NOW.0, after(120).0));
    let accepted: Vec<i64> = observations::accepted(db, id, 2).await.unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(accepted, [sixth, second]);
    let evidence = observations::evidence(db, second).await.unwrap().unwrap();
    assert_eq!(
        (evidence.url.as_str(), evidence.price_minor, evidence.evidence.as_str()),
        ("http://x.example/a", Some(47_900), "{\"raw\":\"499,00\"}")
    );
    assert!(observations::evidence(db, sixth + 1).await.unwrap().is_none());
    let history = observations::history_of_product(db, product.id, after(200), 2).await.unwrap();
    assert_eq!(
        history.iter().map(|e| e.id).collect::<Vec<_>>(),
        [sixth, fifth],
        "newest first, and no more than asked for"
    );
    let all = observations::history_of_product(db, product.id, after(121), 99).await.unwrap();
    assert_eq!(all.len(), 5, "a run that ended before the instant is not part of it");
}

async fn what_rules_may_see_is_the_newest_accepted_price_with_todays_availability(test: TestDb) {
    let db = &test.db;
    let (product, page) = page(db).await;
    assert!(observations::latest_of_product(db, product.id).await.unwrap().is_empty());
    let believed = note(db, page.id, seen("accepted", Some(49_900)), NOW).await;
    note(db, page.id, seen("suspect", Some(4_990)), after(10)).await;
    let waiting = observations::waiting(db, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|w| w.price_minor).collect::<Vec<_>>(), [Some(4_990)]);
    note(
        db,
        page.id,
        New { outcome: "product".into(), availability: "out_of_stock".into(), ..seen("none", None) },
        after(20),
    )
    .await;
    let latest = observations::latest_of_product(db, product.id).await.unwrap();
    assert_eq!(latest.len(), 1);
    assert_eq!(
        (latest[0].id, latest[0].price_minor, latest[0].availability.as_str()),
        (believed, Some(49_900), "in_stock")
    );
    assert_eq!(latest[0].newest_availability.as_deref(), Some("out_of_stock"));
    assert!(observations::waiting(db, 10).await.unwrap().is_empty(), "only a page's newest run can wait");
    let counts: Vec<_> =
        observations::verdict_counts(db, after(5)).await.unwrap().into_iter().map(|c| (c.verdict, c.n)).collect();
    assert_eq!(counts, [("none".to_owned(), 1), ("suspect".to_owned(), 1)]);
}

async fn moves_name_the_accepted_price_before(test: TestDb) {
    let db = &test.db;
    let (_, page) = page(db).await;
    note(db, page.id, seen("accepted", Some(49_900)), after(10)).await;
    note(db, page.id, seen("suspect", Some(1)), after(20)).await;
    note(db, page.id, seen("accepted", Some(47_900)), after(30)).await;
    let moves = async |from, until| -> Vec<(Option<i64>, i64)> {
        observations::moves(db, after(from), after(until), 10)
            .await
            .unwrap()
            .into_iter()
            .map(|m| (m.old_minor, m.new_minor))
            .collect()
    };
    assert_eq!(moves(0, 30).await, [(Some(49_900), 47_900), (None, 49_900)]);
    assert_eq!(moves(10, 29).await, [], "from is outside, and what is not believed is no move");
}

async fn eight_workers_claim_five_hundred_hosts_once_each(test: TestDb) {
    let rows = (0..500).map(|n| import(&format!("P{n}"), &[(&format!("shop{n}.example"), "p")])).collect();
    products::import(&test.db, rows, NOW).await.unwrap();
    let db = test.db.clone();
    let claims = by_eight(move || {
        let db = db.clone();
        async move { targets::claim(&db, after(1), after(60), 7, 16).await.unwrap() }
    })
    .await;
    assert!(claims.iter().all(|claim| claim.len() <= 7), "a claim is not larger than asked for");
    let hosts: Vec<&str> = claims.iter().flatten().map(|claim| claim.lease.host.as_str()).collect();
    assert_eq!((hosts.len(), hosts.iter().collect::<BTreeSet<_>>().len()), (500, 500));
    assert!(claims.iter().flatten().all(|claim| claim.targets.len() == 1));
}

fn pace(claim: &Claim, leased_until: Millis, next_allowed_at: Millis, blocked_until: Millis) -> HostPace {
    HostPace {
        host: claim.lease.host.clone(),
        lease_token: claim.lease.lease_token,
        leased_until,
        next_allowed_at,
        delay_ms: 5_000,
        failures: 2,
        blocked_until,
    }
}

fn checked(target: i64, product: i64, now: Millis, observation: Option<New>, pace: Option<HostPace>) -> Checked {
    Checked {
        target_id: target,
        product_id: product,
        outcome: "product".into(),
        now,
        due_at: now.plus(Millis::HOUR),
        etag: Some("\"1\"".into()),
        last_modified: None,
        body_hash: Some("hash".into()),
        problem: None,
        observation,
        dirty: true,
        pace,
    }
}

async fn a_host_lease_runs_out_and_a_late_worker_moves_nothing(test: TestDb) {
    let db = &test.db;
    let (product, page) = page(db).await;
    let claim = async |now: i64| targets::claim(db, after(now), after(now + 40), 8, 16).await.unwrap().pop();
    let dead = claim(1).await.unwrap();
    assert!(claim(40).await.is_none(), "one worker per host");
    let alive = claim(41).await.unwrap();
    assert!(alive.lease.lease_token > dead.lease.lease_token);
    assert_eq!(alive.targets[0].attempts, 2, "begun twice, never finished");
    let late = pace(&dead, Millis(0), Millis(0), Millis(0));
    let mut checks =
        vec![checked(page.id, product.id, after(42), Some(seen("accepted", Some(49_900))), Some(late.clone()))];
    let recorded = targets::record(db, checks.clone()).await.unwrap();
    assert!(!recorded[0].host_is_ours && recorded[0].run.is_some(), "what was seen is kept, the host is not touched");
    targets::keep_robots(db, &dead.lease, "disallow", None, after(42)).await.unwrap();
    assert_eq!(db.write(late, |tx, late| Box::pin(async move { targets::set_pace(tx, late).await })).await.unwrap(), 0);
    targets::due_now(db, None, after(43)).await.unwrap();
    assert!(claim(43).await.is_none(), "the late worker did not free the host");
    targets::keep_robots(db, &alive.lease, "rules", Some("Disallow: /x".into()), after(44)).await.unwrap();
    checks[0].pace = Some(pace(&alive, Millis(0), after(50), Millis(0)));
    checks[0].observation = None;
    assert!(targets::record(db, checks).await.unwrap()[0].host_is_ours);
    targets::due_now(db, None, after(50)).await.unwrap();
    let next = claim(50).await.unwrap();
    assert_eq!(
        (next.lease.robots_state.as_deref(), next.lease.robots_text.as_deref()),
        (Some("rules"), Some("Disallow: /x"))
    );
    assert_eq!((next.lease.delay_ms, next.lease.failures, next.targets[0].attempts), (5_000, 2, 1));
    assert_eq!(next.targets[0].etag.as_deref(), Some("\"1\""));
    settings::free_leases(db).await.unwrap();
    assert!(claim(51).await.is_some(), "a process that is alone frees what a dead one held");
}

async fn a_host_is_left_alone_while_it_is_blocked_or_not_yet_allowed(test: TestDb) {
    let db = &test.db;
    let (_, page) = page(db).await;
    let claim = async |now: i64| targets::claim(db, after(now), after(now + 40), 8, 16).await.unwrap().pop();
    let first = claim(1).await.unwrap();
    targets::give_back(db, pace(&first, Millis(0), after(5), after(90)), vec![(page.id, after(2), "overloaded")])
        .await
        .unwrap();
    assert!(claim(89).await.is_none());
    assert_eq!(targets::next_due(db).await.unwrap(), Some(after(90)), "the latest of due, allowed and blocked");
    let second = claim(90).await.unwrap();
    assert_eq!(second.targets[0].attempts, 1, "a page that was given back was not begun");
    targets::put_back(db, vec![page.id]).await.unwrap();
    let begun = targets::claim(db, after(130), after(170), 8, 16).await.unwrap().pop().unwrap();
    assert_eq!(begun.targets[0].attempts, 1, "nor was a page whose turn never came");
    let second = begun;
    let unhealthy: Vec<_> =
        targets::unhealthy(db, 9).await.unwrap().into_iter().map(|u| (u.competitor, u.outcome, u.n)).collect();
    assert_eq!(unhealthy, [("x.example".to_owned(), "overloaded".to_owned(), 1)]);
    let one_by_one = targets::unhealthy_pages(db, 9).await.unwrap();
    assert_eq!((one_by_one.len(), one_by_one[0].competitor.as_str()), (1, "x.example"));
    assert_eq!(one_by_one[0].outcome, "overloaded");
    targets::give_back(db, pace(&second, Millis(0), after(220), Millis(0)), vec![(page.id, after(200), "blocked")])
        .await
        .unwrap();
    assert_eq!(targets::next_due(db).await.unwrap(), Some(after(220)));
    assert!(claim(219).await.is_none());
    assert!(claim(220).await.is_some());
}

async fn a_host_that_failed_is_asked_again_when_a_person_says_so(test: TestDb) {
    let db = &test.db;
    let (product, page) = page(db).await;
    let claim = async |now: i64| targets::claim(db, after(now), after(now + 40), 8, 16).await.unwrap().pop();
    let first = claim(1).await.unwrap();
    targets::keep_robots(db, &first.lease, "disallow", None, after(1)).await.unwrap();
    let failed = Checked {
        outcome: "unreachable".into(),
        problem: Some("no answer: connection refused".into()),
        ..checked(page.id, product.id, after(2), None, Some(pace(&first, Millis(0), after(3), after(900))))
    };
    targets::record(db, vec![failed]).await.unwrap();
    let told = targets::unhealthy(db, 9).await.unwrap().remove(0);
    assert_eq!((told.n, told.problem.as_deref()), (1, Some("no answer: connection refused")));
    let listed = rivals::list(db, 9).await.unwrap().remove(0);
    assert_eq!((listed.blocked_until, listed.problem), (after(900).0, told.problem));
    let earlier = one(db, "B", &[("x.example", "b")]).await;
    let other = targets::of_product(db, earlier.id).await.unwrap().remove(0);
    let old = Checked {
        outcome: "server_error".into(),
        problem: Some("the host answered 500".into()),
        ..checked(other.id, earlier.id, after(1), None, None)
    };
    targets::record(db, vec![old]).await.unwrap();
    let newest = rivals::list(db, 9).await.unwrap().remove(0).problem;
    assert_eq!(newest.as_deref(), Some("no answer: connection refused"), "the latest cause, not the largest");
    targets::record(db, vec![checked(other.id, earlier.id, after(3), None, None)]).await.unwrap();
    assert!(claim(60).await.is_none());
    assert!(!targets::retry(db, "nobody.example".into(), after(60)).await.unwrap());
    assert!(claim(60).await.is_none(), "another competitor's hosts are not touched");
    assert!(targets::retry(db, "x.example".into(), after(60)).await.unwrap());
    let again = claim(60).await.unwrap();
    assert_eq!((again.lease.failures, again.lease.robots_at, again.targets.len()), (0, None, 2), "both pages");
    let good = checked(page.id, product.id, after(61), None, Some(pace(&again, Millis(0), after(62), Millis(0))));
    targets::record(db, vec![good]).await.unwrap();
    assert_eq!(rivals::list(db, 9).await.unwrap().remove(0).problem, None, "the cause goes with the trouble");
}

async fn pages_become_due_by_hand_and_in_time(test: TestDb) {
    let db = &test.db;
    assert_eq!(targets::next_due(db).await.unwrap(), None);
    let product = one(db, "A", &[("x.example", "a"), ("y.example", "a")]).await;
    assert_eq!(targets::count_due(db, NOW).await.unwrap(), 2);
    let batch = targets::of_product(db, product.id)
        .await
        .unwrap()
        .iter()
        .map(|p| checked(p.id, product.id, NOW, None, None))
        .collect();
    targets::record(db, batch).await.unwrap();
    assert_eq!(
        (targets::count_due(db, after(3_599)).await.unwrap(), targets::count_due(db, after(3_600)).await.unwrap()),
        (0, 2)
    );
    assert_eq!(targets::due_now(db, Some("x.example".into()), after(10)).await.unwrap(), 1);
    assert_eq!(targets::next_due(db).await.unwrap(), Some(after(10)));
    assert_eq!(
        targets::hasten(db, product.id, after(20)).await.unwrap(),
        1,
        "only what would be later is brought forward"
    );
    assert_eq!(targets::count_due(db, after(20)).await.unwrap(), 2);
    assert_eq!(targets::due_now(db, None, after(5)).await.unwrap(), 2);
    let added = db.write(product.id, |tx, id| {
        Box::pin(async move {
            let again = targets::add(tx, *id, "x.example", "http://x.example/a", "x.example", NOW).await?;
            let new = targets::add(tx, *id, "x.example", "http://x.example/b", "x.example", NOW).await?;
            Ok((again, new))
        })
    });
    assert_eq!(added.await.unwrap(), (false, true));
}

async fn checks_are_stored_together_or_not_at_all(test: TestDb) {
    let db = &test.db;
    let (product, page) = page(db).await;
    let good = checked(page.id, product.id, NOW, Some(seen("accepted", Some(49_900))), None);
    // No page has this number, so its run breaks a reference.
    let bad = checked(page.id + 1_000, product.id, NOW, Some(seen("accepted", Some(49_900))), None);
    assert!(targets::record(db, vec![good, bad]).await.is_err());
    assert!(observations::recent(db, page.id, 9).await.unwrap().is_empty());
    assert_eq!(targets::of_product(db, product.id).await.unwrap()[0].checked_at, None);
}
