//! Listings: desired state, the lease of a lane, every attempt, and what was seen live.

use std::collections::BTreeSet;
use std::sync::Arc;

use omniprice::clock::Millis;
use omniprice::publish::notice;
use omniprice::store::lanes::{self, Begun, Change, Door, Shut};
use omniprice::store::listings::{self, Desire, Found, Listing};
use omniprice::store::{Db, channels, events, products, progress, reporting, secrets, settings};

use super::{NOW, after, by_eight, import};
use crate::both_engines;
use crate::harness::{TestDb, permit};

both_engines![
    what_a_channel_shows_is_adopted_and_known_products_are_not_asked_for_again,
    a_channels_state_changes_once_and_its_recovery_wakes_the_lane,
    a_few_listings_of_a_channel_that_refuses_us_are_woken_for_a_trial,
    eight_workers_claim_five_hundred_listings_once_each,
    a_listing_lease_runs_out_and_an_old_token_changes_nothing,
    the_intent_is_stored_before_anything_is_sent_and_a_crash_leaves_it_open,
    a_shut_door_holds_the_listing_and_sends_nothing,
    a_newer_wish_during_a_push_does_not_lose_the_push,
    a_price_without_a_floor_is_held_not_wished_for,
    parity_and_convergence_count_what_was_read_back,
    listings_at_rest_are_reconciled_one_worker_at_a_time,
    the_newest_secret_of_a_channel_replaces_the_one_before,
];

pub(super) const SHOP: &str = "shop";

/// So many products, each listed on the shop at 499.00, and their listings in id order.
pub(super) async fn listed(db: &Db, n: usize) -> Vec<Listing> {
    products::import(db, (0..n).map(|i| import(&format!("P{i:03}"), &[])).collect(), NOW).await.unwrap();
    channels::add(db, SHOP.into(), "webhook", NOW).await.unwrap();
    let found = products::page(db, 0, 1_000).await.unwrap().into_iter().map(|product| Found {
        channel: SHOP.into(),
        product_id: product.id,
        external: format!("ext-{}", product.sku),
        currency: "DKK".into(),
        live_minor: Some(49_900),
        decimals: None,
    });
    listings::add(db, found.collect(), NOW).await.unwrap();
    listings::reconcilable(db, SHOP, 0, 1_000).await.unwrap()
}

pub(super) async fn wish(db: &Db, ids: impl IntoIterator<Item = i64>, price: Result<i64, String>, now: Millis) {
    let wishes = ids.into_iter().map(|listing_id| (Desire { listing_id, price: price.clone() }, None)).collect();
    listings::desire_again(db, wishes, now).await.unwrap();
}

async fn claim(db: &Db, now: i64) -> Vec<Listing> {
    lanes::claim(db, SHOP.into(), after(now), after(now + 60), 10).await.unwrap()
}

async fn fresh(db: &Db, listing: &Listing) -> Listing {
    listings::of_product(db, listing.product_id).await.unwrap().remove(0)
}

fn open_door() -> Arc<Door> {
    Arc::new(|listing, _, _, _| Ok(permit(listing.desired_minor.unwrap())))
}

async fn push(db: &Db, listing: &Listing, now: i64, door: Arc<Door>) -> Begun {
    let leases = vec![(listing.id, listing.lease_token)];
    lanes::begin_push(db, leases, after(now), after(now + 60), None, door).await.unwrap().remove(0)
}

/// What a read that came out equal makes of a listing.
fn proved(listing: &Listing, minor: &i64, now: Millis) -> Change {
    Change {
        state: "verified",
        reason: String::new(),
        next_at: None,
        verified_seq: listing.sent_seq,
        live: Some((*minor, now)),
        tries: 0,
        reads: listing.reads + 1,
        unsure_until: listing.unsure_until,
        maybe: None,
        finish: Some(("accepted", "200".into())),
        read: Some(("equal", String::new())),
        fact: Some((*minor, "verified")),
        took_over: false,
    }
}

async fn prove(db: &Db, listing: &Listing, minor: i64, now: i64) -> Option<(Listing, Change)> {
    lanes::advance(db, vec![(listing.id, listing.lease_token, minor)], after(now), proved).await.unwrap().remove(0)
}

async fn what_a_channel_shows_is_adopted_and_known_products_are_not_asked_for_again(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    assert!(
        all.iter()
            .all(|l| l.state == "idle" && l.live_minor == Some(49_900) && l.next_at.is_none() && l.desired_seq == 0)
    );
    assert!(listings::unlisted(db, SHOP, 0, 10).await.unwrap().is_empty());
    channels::add(db, "till".into(), "webhook", NOW).await.unwrap();
    let missing = listings::unlisted(db, "till", all[0].product_id, 1).await.unwrap();
    assert_eq!(missing.iter().map(|p| p.sku.as_str()).collect::<Vec<_>>(), ["P001"]);
    // Found again under another reference: the listing moves, its history stays.
    let found = Found {
        channel: SHOP.into(),
        product_id: all[0].product_id,
        external: "new".into(),
        currency: "DKK".into(),
        live_minor: Some(49_900),
        decimals: None,
    };
    listings::add(db, vec![found], after(5)).await.unwrap();
    let moved = fresh(db, &all[0]).await;
    assert_eq!((moved.id, moved.external.as_deref()), (all[0].id, Some("new")));
    let history = progress::live_history(db, moved.id, NOW).await.unwrap();
    let facts: Vec<_> = history.iter().map(|v| (v.minor, v.basis.as_str(), v.seen_at)).collect();
    assert_eq!(facts, [(49_900, "verified", NOW.0)], "an equal price is no new fact");
    let at = async |at| progress::live_at(db, moved.id, at).await.unwrap().map(|live| (live.minor, live.basis));
    assert_eq!(at(NOW).await, Some((49_900, "verified".to_owned())));
    assert_eq!((at(NOW.plus(-1)).await, at(after(900)).await.is_some()), (None, true), "nothing is known of before");
}

async fn a_channels_state_changes_once_and_its_recovery_wakes_the_lane(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    wish(db, [listing.id], Ok(47_900), NOW).await;
    let set = |state, reason: &str, now| channels::set_state(db, SHOP.into(), state, reason.into(), after(now));
    assert!(set("refused", "401", 1).await.unwrap());
    assert!(!set("refused", "401 again", 2).await.unwrap(), "told once");
    let held = claim(db, 3).await.remove(0);
    let waiting = |listing: &Listing, _: &(), _| Change {
        state: "intended",
        next_at: None,
        finish: None,
        read: None,
        fact: None,
        ..proved(listing, &1, NOW)
    };
    lanes::advance(db, vec![(held.id, held.lease_token, ())], after(3), waiting).await.unwrap();
    assert!(claim(db, 900).await.is_empty());
    channels::add(db, SHOP.into(), "vendure", after(4)).await.unwrap();
    channels::reconciled(db, SHOP.into(), after(5)).await.unwrap();
    let channel = channels::list(db).await.unwrap().remove(0);
    assert_eq!(
        (channel.state.as_str(), channel.reason.as_str(), channel.since, channel.kind.as_str()),
        ("refused", "401", after(1).0, "vendure")
    );
    assert_eq!(channel.reconciled_at, Some(after(5).0));
    assert!(set("ok", "", 6).await.unwrap());
    assert_eq!(claim(db, 900).await.len(), 1, "what waited for the key goes on");
}

async fn a_few_listings_of_a_channel_that_refuses_us_are_woken_for_a_trial(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    wish(db, all.iter().map(|listing| listing.id), Ok(47_900), NOW).await;
    let waits = |listing: &Listing, _: &(), _| Change { next_at: None, ..Change::none(listing) };
    let held: Vec<_> = claim(db, 1).await.iter().map(|held| (held.id, held.lease_token, ())).collect();
    lanes::advance(db, held, after(1), waits).await.unwrap();
    assert!(claim(db, 2).await.is_empty());
    assert_eq!(progress::next_at(db, SHOP).await.unwrap(), None, "nothing is due");
    let try_two = async |now: i64| {
        channels::wake(db, SHOP.into(), 2, after(now)).await.unwrap();
        let mut tried = claim(db, now).await;
        tried.sort_by_key(|one| one.id);
        for one in &tried {
            assert!(matches!(push(db, one, now, open_door()).await, Begun::Send { .. }));
            let refused =
                |listing: &Listing, _: &(), _| Change { state: "intended", next_at: None, ..Change::none(listing) };
            lanes::advance(db, vec![(one.id, one.lease_token, ())], after(now), refused).await.unwrap();
        }
        tried.iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let ids: Vec<i64> = all.iter().map(|listing| listing.id).collect();
    assert_eq!(try_two(100).await, ids[..2], "no more than asked for");
    assert_eq!(try_two(200).await, [ids[0], ids[2]], "those first whose last try is longest ago");
    channels::set_state(db, SHOP.into(), "refused", "403".into(), after(300)).await.unwrap();
    channels::wake(db, SHOP.into(), 1, after(301)).await.unwrap();
    assert_eq!(
        progress::next_at(db, SHOP).await.unwrap(),
        None,
        "a stopped channel's listings are nothing to hurry for"
    );
    channels::set_state(db, SHOP.into(), "ok", String::new(), after(302)).await.unwrap();
    assert_eq!(progress::next_at(db, SHOP).await.unwrap(), Some(after(301)));
    assert_eq!(progress::next_at(db, "another").await.unwrap(), None, "what one channel owes keeps no other one awake");
}

async fn eight_workers_claim_five_hundred_listings_once_each(test: TestDb) {
    let all = listed(&test.db, 500).await;
    wish(&test.db, all.iter().map(|l| l.id), Ok(47_900), NOW).await;
    let db = test.db.clone();
    let claims = by_eight(move || {
        let db = db.clone();
        async move { lanes::claim(&db, SHOP.into(), after(1), after(60), 7).await.unwrap() }
    })
    .await;
    assert!(claims.iter().all(|claim| claim.len() <= 7), "a claim is not larger than asked for");
    let ids: Vec<i64> = claims.iter().flatten().map(|listing| listing.id).collect();
    assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (500, 500));
}

async fn a_listing_lease_runs_out_and_an_old_token_changes_nothing(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    wish(db, [listing.id], Ok(47_900), NOW).await;
    let dead = claim(db, 1).await.remove(0);
    assert!(claim(db, 60).await.is_empty(), "another worker has it");
    assert!(lanes::claim_one(db, listing.id, after(60), after(120)).await.unwrap().is_none());
    let alive = claim(db, 61).await.remove(0);
    assert_eq!(alive.lease_token, dead.lease_token + 1);
    let before = fresh(db, &listing).await;
    assert!(prove(db, &dead, 47_900, 62).await.is_none());
    assert!(matches!(push(db, &dead, 62, open_door()).await, Begun::Lost));
    assert_eq!(fresh(db, &listing).await, before);
    assert!(progress::attempts(db, listing.id, 9).await.unwrap().is_empty());
    assert_eq!(progress::live_history(db, listing.id, after(1)).await.unwrap().len(), 0);
    settings::free_leases(db).await.unwrap();
    let freed = claim(db, 62).await.remove(0);
    assert!(freed.lease_token > alive.lease_token, "a freed lease is worthless to its old owner");
    assert!(prove(db, &alive, 47_900, 63).await.is_none());
    assert!(prove(db, &freed, 47_900, 63).await.is_some());
}

async fn the_intent_is_stored_before_anything_is_sent_and_a_crash_leaves_it_open(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    wish(db, [listing.id], Ok(47_900), NOW).await;
    assert_eq!((progress::open_work(db).await.unwrap(), progress::next_at(db, SHOP).await.unwrap()), (1, Some(NOW)));
    let leased = claim(db, 1).await.remove(0);
    let Begun::Send { listing: sent, product, permit } = push(db, &leased, 2, open_door()).await else {
        panic!("not sent")
    };
    assert_eq!((sent.state.as_str(), sent.sent_seq, sent.sent_minor, sent.tries), ("sent", 1, Some(47_900), 1));
    assert_eq!((product.sku.as_str(), permit.minor), ("P000", 47_900));
    let stored = fresh(db, &listing).await;
    assert_eq!((stored.state.as_str(), stored.sent_seq, stored.sent_at), ("sent", 1, Some(after(2).0)));
    assert_eq!(
        progress::next_at(db, SHOP).await.unwrap(),
        Some(after(62)),
        "a dead sender's listing is looked at when its lease ends"
    );
    assert_eq!(progress::unfinished_attempts(db, after(2)).await.unwrap(), 0);
    assert_eq!(progress::unfinished_attempts(db, after(3)).await.unwrap(), 1);
    assert_eq!(
        progress::live_history(db, listing.id, after(1)).await.unwrap()[0].basis,
        "sent",
        "it may be live from now on"
    );
    let next = claim(db, 62).await.remove(0);
    let (moved, change) = prove(db, &next, 47_900, 63).await.unwrap();
    assert_eq!((moved.state.as_str(), change.state), ("sent", "verified"), "the fresh row is what the step sees");
    assert_eq!(progress::unfinished_attempts(db, after(99)).await.unwrap(), 0);
    let attempts = progress::attempts(db, listing.id, 9).await.unwrap();
    let told: Vec<_> =
        attempts.iter().map(|a| (a.kind.as_str(), a.outcome.as_str(), a.seq, a.minor, a.finished_at)).collect();
    let end = Some(after(63).0);
    assert_eq!(told, [("read", "equal", 1, Some(47_900), end), ("push", "accepted", 1, Some(47_900), end)]);
    assert_eq!((progress::open_work(db).await.unwrap(), progress::next_at(db, SHOP).await.unwrap()), (0, None));
}

async fn a_shut_door_holds_the_listing_and_sends_nothing(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    wish(db, [listing.id], Ok(1), NOW).await;
    let leased = claim(db, 1).await.remove(0);
    let door: Arc<Door> = Arc::new(|listing, product, siblings, _| {
        assert_eq!((product.cost_net.as_deref(), siblings.len(), siblings[0].id), (Some("250.00"), 1, listing.id));
        Err(Shut { state: "held", reason: "below the floor".into(), next_at: None })
    });
    assert!(matches!(push(db, &leased, 2, door).await, Begun::Shut { .. }));
    let held = fresh(db, &listing).await;
    assert_eq!(
        (held.state.as_str(), held.reason.as_str(), held.sent_seq, held.next_at),
        ("held", "below the floor", 0, None)
    );
    assert_eq!(held.live_minor, Some(49_900), "what is live is still known");
    assert!(progress::attempts(db, listing.id, 9).await.unwrap().is_empty());
}

async fn a_newer_wish_during_a_push_does_not_lose_the_push(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    wish(db, [listing.id], Ok(47_900), NOW).await;
    let leased = claim(db, 1).await.remove(0);
    assert!(matches!(push(db, &leased, 2, open_door()).await, Begun::Send { .. }));
    wish(db, [listing.id], Ok(46_900), after(3)).await;
    let now = fresh(db, &listing).await;
    assert_eq!(
        (now.state.as_str(), now.sent_seq, now.sent_minor),
        ("sent", 1, Some(47_900)),
        "it is resolved by reading first"
    );
    assert_eq!((now.desired_seq, now.desired_minor), (2, Some(46_900)));
    assert!(claim(db, 4).await.is_empty(), "nobody else sends while the first push is on its way");
    prove(db, &leased, 47_900, 5).await.unwrap();
    let proved = fresh(db, &listing).await;
    assert_eq!((proved.verified_seq, proved.desired_seq), (1, 2));
    assert_eq!(progress::parity(db).await.unwrap()[0].live, 0, "an older price that is live is not parity");
}

async fn a_price_without_a_floor_is_held_not_wished_for(test: TestDb) {
    let db = &test.db;
    let listing = listed(db, 1).await.remove(0);
    let id = listing.id;
    let written = db.write(id, |tx, id| {
        Box::pin(async move {
            let wish = Desire { listing_id: *id, price: Err("no cost is known".into()) };
            listings::desire(tx, &wish, None, NOW).await
        })
    });
    written.await.unwrap();
    let held = fresh(db, &listing).await;
    assert_eq!(
        (held.state.as_str(), held.reason.as_str(), held.desired_minor, held.next_at),
        ("held", "no cost is known", None, None)
    );
    assert!(claim(db, 900).await.is_empty());
    let unsettled = progress::unsettled(db, 9).await.unwrap();
    assert_eq!(unsettled.iter().map(|u| (u.sku.as_str(), u.state.as_str())).collect::<Vec<_>>(), [("P000", "held")]);
    let untold = async || {
        let rows = progress::untold(db, 9).await.unwrap();
        rows.into_iter().map(|one| (one.channel, one.product_id, one.state, one.reason)).collect::<Vec<_>>()
    };
    let own = (SHOP.to_owned(), held.product_id, "held".to_owned(), "no cost is known".to_owned());
    assert_eq!(untold().await, [own]);
    let event = notice::listing(SHOP, held.product_id, "held", &held.reason).unwrap();
    let key = event.dedupe.clone();
    events::raise(db, event, NOW).await.unwrap();
    assert_eq!(untold().await, [], "an open event tells of it");
    events::resolve(db, key, NOW).await.unwrap();
    assert_eq!(untold().await.len(), 1);
    wish(db, [id], Ok(47_900), after(5)).await;
    assert_eq!(untold().await, [], "it goes out by itself");
    assert_eq!(claim(db, 5).await.len(), 1, "a price that is known again goes out");
}

async fn parity_and_convergence_count_what_was_read_back(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 4).await;
    wish(db, all[..3].iter().map(|l| l.id), Ok(47_900), NOW).await;
    for leased in claim(db, 1).await.iter().take(2) {
        assert!(matches!(push(db, leased, 2, open_door()).await, Begun::Send { .. }));
        prove(db, leased, 47_900, 2 + leased.id - all[0].id).await.unwrap();
    }
    let rows = reporting::listed(db, 10).await.unwrap();
    let live: Vec<i64> = rows.iter().filter(|row| row.live == 1).map(|row| row.ms).collect();
    assert_eq!((rows.len(), live, rows[0].unverified), (3, vec![2_000, 3_000], 0));
    let parity = progress::parity(db).await.unwrap().remove(0);
    assert_eq!(
        (parity.channel.as_str(), parity.listings, parity.live, parity.unverified),
        (SHOP, 3, 2, 0),
        "a listing without a decision does not count"
    );
    assert_eq!(progress::convergence(db, SHOP, NOW.plus(-1)).await.unwrap(), [2_000, 3_000]);
    assert!(progress::convergence(db, SHOP, NOW).await.unwrap().is_empty());
    let states: Vec<_> = progress::states(db).await.unwrap().into_iter().map(|s| (s.state, s.n)).collect();
    assert_eq!(states, [("idle".to_owned(), 1), ("intended".to_owned(), 1), ("verified".to_owned(), 2)]);
    assert_eq!(progress::unsettled(db, 9).await.unwrap().len(), 1);
}

async fn listings_at_rest_are_reconciled_one_worker_at_a_time(test: TestDb) {
    let db = &test.db;
    let all = listed(db, 3).await;
    wish(db, [all[1].id], Ok(47_900), NOW).await;
    let rest = |after_id, limit| listings::reconcilable(db, SHOP, after_id, limit);
    assert_eq!(
        rest(0, 9).await.unwrap().iter().map(|l| l.id).collect::<Vec<_>>(),
        [all[0].id, all[2].id],
        "what moves is the lane's"
    );
    assert_eq!(rest(0, 1).await.unwrap()[0].id, all[0].id);
    assert_eq!(rest(all[0].id, 9).await.unwrap()[0].id, all[2].id);
    let take = |now: i64| lanes::claim_one(db, all[0].id, after(now), after(now + 60));
    let (one, two) = tokio::join!(take(1), take(1));
    assert!(one.unwrap().is_some() ^ two.unwrap().is_some());
    let again = take(61).await.unwrap().unwrap();
    let seen = |listing: &Listing, minor: &i64, now| Change {
        state: "drifted",
        fact: Some((*minor, "foreign")),
        ..proved(listing, minor, now)
    };
    lanes::advance(db, vec![(again.id, again.lease_token, 39_900)], after(62), seen).await.unwrap();
    let drifted = fresh(db, &all[0]).await;
    assert_eq!((drifted.state.as_str(), drifted.live_minor, drifted.leased_until), ("drifted", Some(39_900), 0));
    let last = progress::live_history(db, again.id, NOW).await.unwrap().pop().unwrap();
    assert_eq!((last.minor, last.basis.as_str(), last.seen_at), (39_900, "foreign", after(62).0));
    wish(db, [all[1].id], Err("no floor".into()), after(63)).await;
    assert_eq!(rest(0, 9).await.unwrap().len(), 3, "what is held is read too");
}

async fn the_newest_secret_of_a_channel_replaces_the_one_before(test: TestDb) {
    let keep = |value: &str| secrets::keep(&test.db, SHOP.into(), "refresh_token".into(), value.to_owned(), NOW);
    assert_eq!(secrets::newest(&test.db, SHOP, "refresh_token").await.unwrap(), None);
    keep("first").await.unwrap();
    keep("second").await.unwrap();
    assert_eq!(secrets::newest(&test.db, SHOP, "refresh_token").await.unwrap().as_deref(), Some("second"));
    assert_eq!(secrets::newest(&test.db, "other", "refresh_token").await.unwrap(), None);
}
