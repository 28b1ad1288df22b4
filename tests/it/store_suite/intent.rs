//! What people and campaigns decide, channel terms, and what is known against competitors.

use omniprice::clock::Millis;
use omniprice::store::campaigns::{self, Added, New as Campaign, NewItem};
use omniprice::store::events::{self, Raise};
use omniprice::store::lanes::{self, Change};
use omniprice::store::listings::{self, Desire, Found, Listing};
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::strikes::{self, Back, Frozen, Lagging, Reduced};
use omniprice::store::targets::{self, Checked};
use omniprice::store::{Db, catalogue, channels, observations, products, reporting, rivals, settings, shelf, terms};

use super::{NOW, after, one};
use crate::both_engines;
use crate::harness::TestDb;

both_engines![
    an_override_replaces_the_one_of_its_kind_and_ends_by_itself,
    a_campaign_takes_its_products_alone_and_moves_through_its_phases,
    a_campaign_that_waits_for_a_second_person_is_nobody_s_price,
    a_strike_holds_only_inside_the_window_and_while_the_campaign_price_is_wanted,
    tax_and_terms_are_noted_and_counted,
    a_suspended_competitor_is_doubted_until_it_is_resumed,
    a_rivalry_is_open_until_its_end,
    a_range_of_the_catalogue_says_the_same_as_its_products_one_by_one,
];

fn price(product_id: i64, minor: i64, until: Millis) -> New {
    New {
        product_id,
        kind: Kind::Price,
        price_minor: Some(minor),
        currency: "DKK".into(),
        owner: "ann".into(),
        why: "a promise".into(),
        until: Some(until),
    }
}

async fn asked(db: &Db, id: i64) -> Option<i64> {
    products::by_id(db, id).await.unwrap().unwrap().dirty_at
}

/// Takes all wishes for decisions, so that the next one is seen.
async fn forget_wishes(db: &Db) {
    for product in products::claim_dirty(db, after(1_000_000), after(1_000_000), 100).await.unwrap() {
        let settle = db.write(product.id, |tx, id| {
            Box::pin(async move { products::settle(tx, *id, after(1_000_000), None).await })
        });
        settle.await.unwrap();
    }
}

async fn an_override_replaces_the_one_of_its_kind_and_ends_by_itself(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    forget_wishes(db).await;
    overrides::set(db, price(product.id, 45_000, after(60)), NOW).await.unwrap();
    assert_eq!(asked(db, product.id).await, Some(NOW.0), "a price set by hand asks for a decision");
    overrides::set(db, price(product.id, 44_000, after(90)), after(1)).await.unwrap();
    let lock = New { kind: Kind::Lock, price_minor: None, until: None, ..price(product.id, 1, NOW) };
    overrides::set(db, lock, after(2)).await.unwrap();
    let held = overrides::of_product(db, product.id, after(3)).await.unwrap();
    let seen: Vec<_> = held.iter().map(|o| (o.kind.as_str(), o.price_minor, o.until_at)).collect();
    assert_eq!(seen, [("lock", None, None), ("price", Some(44_000), Some(after(90).0))]);
    assert_eq!(overrides::list(db, after(90), 10).await.unwrap().len(), 1, "the end itself is outside");
    forget_wishes(db).await;
    assert_eq!(overrides::expire(db, after(89), 10).await.unwrap().len(), 0);
    let over = overrides::expire(db, after(95), 10).await.unwrap();
    assert_eq!((over.len(), asked(db, product.id).await), (1, Some(after(95).0)));
    assert!(overrides::end(db, product.id, Kind::Lock, "ann".into(), "done".into(), after(96)).await.unwrap());
    assert!(!overrides::end(db, product.id, Kind::Lock, "ann".into(), "again".into(), after(97)).await.unwrap());
    let history = overrides::history(db, product.id, 10).await.unwrap();
    let ends: Vec<_> = history.iter().map(|o| (o.ended_at, o.ended_by.as_deref())).collect();
    let expected =
        [(Some(after(96).0), Some("ann")), (Some(after(90).0), Some("expiry")), (Some(after(1).0), Some("ann"))];
    assert_eq!(ends, expected);
    let endless = New { until: None, ..price(product.id, 1_000, NOW) };
    assert!(overrides::set(db, endless, NOW).await.is_err(), "a price without an end is refused by the table");
}

pub(super) fn campaign(name: &str, product_id: i64, from: i64, until: i64) -> Campaign {
    Campaign {
        name: name.into(),
        starts_at: after(from),
        ends_at: after(until),
        zone: "Europe/Copenhagen".into(),
        channels: vec![],
        announce: true,
        audience: "public",
        policy: "start_without",
        cart_grace_ms: 10_000,
        windows: None,
        owner: "ann".into(),
        why: "the yearly one".into(),
        body: String::new(),
        added_by: "ann".into(),
        asked: None,
        items: vec![NewItem { product_id, price_minor: 39_900, currency: "DKK".into() }],
    }
}

async fn a_campaign_takes_its_products_alone_and_moves_through_its_phases(test: TestDb) {
    let db = &test.db;
    let (a, b) = (one(db, "A", &[]).await, one(db, "B", &[]).await);
    let Added::Stored(id) = campaigns::add(db, campaign("first", a.id, 100, 200), NOW).await.unwrap() else {
        panic!("it is stored")
    };
    assert_eq!(campaigns::add(db, campaign("first", b.id, 1, 2), NOW).await.unwrap(), Added::Exists);
    assert_eq!(campaigns::refusal(db, campaign("first", b.id, 1, 2)).await.unwrap(), Some(Added::Exists));
    assert_eq!(campaigns::refusal(db, campaign("other", b.id, 1, 2)).await.unwrap(), None);
    let overlaps = Added::Overlaps { campaign: "first".into(), sku: "A".into() };
    assert_eq!(campaigns::add(db, campaign("second", a.id, 199, 300), NOW).await.unwrap(), overlaps);
    assert!(matches!(campaigns::add(db, campaign("next", a.id, 200, 300), NOW).await.unwrap(), Added::Stored(_)));
    let names = |all: Vec<campaigns::Campaign>| all.into_iter().map(|c| c.name).collect::<Vec<_>>();
    assert_eq!(names(campaigns::open(db).await.unwrap()), ["first", "next"]);
    assert_eq!(names(campaigns::list(db, 10).await.unwrap()), ["next", "first"]);
    assert_eq!(campaigns::by_id(db, id).await.unwrap().map(|one| one.name).as_deref(), Some("first"));
    assert!(campaigns::by_id(db, id + 99).await.unwrap().is_none());
    assert_eq!(campaigns::items(db, id, 10).await.unwrap()[0].price_minor, 39_900);
    assert_eq!(campaigns::products(db, id, 0, 10).await.unwrap(), [a.id]);
    assert_eq!(campaigns::products(db, id, a.id, 10).await.unwrap(), [0; 0]);
    let of = |now| campaigns::of_product(db, a.id, after(now));
    assert_eq!(of(150).await.unwrap().iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["first", "next"]);
    assert_eq!(of(200).await.unwrap().len(), 1, "the end is outside");
    assert!(campaigns::postpone(db, id, after(150)).await.unwrap());
    assert!(!campaigns::postpone(db, id, after(140)).await.unwrap(), "never earlier");
    assert!(!campaigns::postpone(db, id, after(200)).await.unwrap(), "never to its end");
    forget_wishes(db).await;
    assert!(campaigns::set_phase(db, id, "running", None, None, after(150)).await.unwrap());
    assert_eq!((asked(db, a.id).await, asked(db, b.id).await), (Some(after(150).0), None));
    assert!(!campaigns::postpone(db, id, after(160)).await.unwrap(), "it runs");
    let cancel = || campaigns::set_phase(db, id, "cancelled", Some("ann".into()), Some("enough".into()), after(151));
    assert!(cancel().await.unwrap());
    assert!(!cancel().await.unwrap());
    let first = campaigns::by_name(db, "first").await.unwrap().unwrap();
    assert_eq!((first.phase.as_str(), first.ended_at, first.cart_grace_ms), ("cancelled", Some(after(151).0), 10_000));
    assert_eq!(names(campaigns::ended(db, after(150)).await.unwrap()), ["first"]);
    assert_eq!(names(campaigns::ended(db, after(151)).await.unwrap()), [""; 0]);
    let next = campaigns::by_name(db, "next").await.unwrap().unwrap();
    for text in ["{}", "later"] {
        campaigns::settle(db, next.id, text.into()).await.unwrap();
    }
    campaigns::tended(db, next.id, after(9)).await.unwrap();
    campaigns::tended(db, next.id, after(8)).await.unwrap();
    let next = campaigns::by_name(db, "next").await.unwrap().unwrap();
    assert_eq!((next.windows.as_deref(), next.tended_at), (Some("{}"), Some(after(9).0)), "settled once, never back");
    assert!(campaigns::postpone(db, next.id, after(250)).await.unwrap());
    assert_eq!(campaigns::by_name(db, "next").await.unwrap().unwrap().windows, None, "another start, other windows");
    assert_eq!(of(152).await.unwrap().len(), 1);
}

pub(super) async fn listing(db: &Db, product_id: i64) -> i64 {
    channels::add(db, "shop".into(), "webhook", NOW).await.unwrap();
    channels::set_audience(db, "shop".into(), "loyalty", NOW).await.unwrap();
    assert_eq!(channels::list(db).await.unwrap()[0].audience, "loyalty");
    channels::set_audience(db, "shop".into(), "public", NOW).await.unwrap();
    let found = Found {
        channel: "shop".into(),
        product_id,
        external: "x".into(),
        currency: "DKK".into(),
        live_minor: Some(49_900),
        decimals: None,
    };
    listings::add(db, vec![found], NOW).await.unwrap();
    listings::of_product(db, product_id).await.unwrap()[0].id
}

async fn a_campaign_that_waits_for_a_second_person_is_nobody_s_price(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let asked = Some(("a large change".to_owned(), after(150)));
    let new = Campaign { asked, added_by: "cleo".into(), ..campaign("first", product.id, 100, 200) };
    let Added::Stored(id) = campaigns::add(db, new, NOW).await.unwrap() else { panic!("it is stored") };
    let seen = async || {
        let alone = campaigns::of_product(db, product.id, NOW).await.unwrap().len();
        let paged = catalogue::campaigns(db, product.id - 1, product.id, NOW).await.unwrap().len();
        let told = shelf::planned(db, (0, 0), NOW, after(120), 9).await.unwrap().len();
        let runs = shelf::running(db, product.id, product.id, after(120)).await.unwrap().len();
        (campaigns::open(db).await.unwrap().len(), alone, paged, told, runs)
    };
    assert_eq!(seen().await, (0, 0, 0, 0, 0));
    let waiting = campaigns::waiting(db).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].waits()), (1, Some(after(150))));
    assert_eq!((waiting[0].added_by.as_deref(), waiting[0].asked.as_deref()), (Some("cleo"), Some("a large change")));
    // It keeps its products from others all the same.
    let overlaps = Added::Overlaps { campaign: "first".into(), sku: "A".into() };
    assert_eq!(campaigns::add(db, campaign("second", product.id, 150, 300), NOW).await.unwrap(), overlaps);
    let agree =
        async |by: &str, at: i64| campaigns::consent(db, id, by.into(), "fine".into(), after(at)).await.unwrap();
    assert!(!agree("bob", 150).await, "the time is over");
    assert!(agree("bob", 149).await);
    assert!(!agree("dora", 149).await, "one is enough");
    assert_eq!(seen().await, (1, 1, 1, 1, 1));
    assert_eq!(campaigns::waiting(db).await.unwrap().len(), 0);
    let agreed = campaigns::by_name(db, "first").await.unwrap().unwrap();
    assert_eq!((agreed.consent_by.as_deref(), agreed.consent_at), (Some("bob"), Some(after(149).0)));
    assert_eq!((agreed.waits(), agreed.consent_why.as_deref()), (None, Some("fine")));
}

/// A listing is seen with a price at a second.
async fn prove(db: &Db, listing_id: i64, minor: i64, at: i64) {
    let claimed = lanes::claim_one(db, listing_id, after(at), after(at + 1)).await.unwrap().unwrap();
    let seen = move |listing: &Listing, (): &(), now| Change {
        live: Some((minor, now)),
        fact: Some((minor, "verified")),
        ..Change::none(listing)
    };
    lanes::advance(db, vec![(listing_id, claimed.lease_token, ())], after(at), seen).await.unwrap();
}

async fn a_strike_holds_only_inside_the_window_and_while_the_campaign_price_is_wanted(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let listing_id = listing(db, product.id).await;
    let Added::Stored(campaign_id) = campaigns::add(db, campaign("first", product.id, 100, 200), NOW).await.unwrap()
    else {
        panic!("it is stored")
    };
    let frozen = move |prior: i64| Frozen {
        campaign_id,
        listing_id,
        campaign_minor: 39_900,
        regular_minor: 49_900,
        prior_minor: Some(prior),
        currency: "DKK".into(),
        window_from: Some(NOW),
        started_at: after(100),
        ends_at: after(210),
        announce: true,
        max_percent: Some(20),
        reasons: "[]".into(),
    };
    let wants = |minor: i64| vec![Desire { listing_id, price: Ok(minor) }];
    campaigns::desire(db, vec![frozen(49_900)], wants(39_900), None, after(100)).await.unwrap();
    campaigns::desire(db, vec![frozen(1)], vec![], None, after(101)).await.unwrap();
    let strike = |now: i64| {
        db.write(now, move |tx, now| Box::pin(async move { strikes::strike(tx, listing_id, after(*now)).await }))
    };
    let seen = strike(150).await.unwrap().unwrap();
    assert_eq!(
        (seen.prior_minor, seen.regular_minor, seen.announce),
        (Some(49_900), 49_900, true),
        "what is frozen stays"
    );
    assert_eq!((seen.starts_at, seen.ends_at), (after(100).0, Some(after(210).0)), "carts keep it");
    assert_eq!(strike(99).await.unwrap(), None);
    assert_eq!(strike(210).await.unwrap(), None);
    assert_eq!(strikes::strikes_of(db, campaign_id, 10).await.unwrap()[0].channel, "shop");
    let reduced = strikes::reduced(db, campaign_id, listing_id).await.unwrap();
    assert_eq!(reduced, Some(Reduced { campaign_minor: 39_900, regular_minor: 49_900 }));
    let lagging = vec![Lagging { channel: "shop".into(), n: 1 }];
    let unstarted = |before: i64, now: i64| strikes::unstarted(db, campaign_id, after(before), after(now));
    assert_eq!(unstarted(100, 150).await.unwrap(), lagging);
    assert_eq!(unstarted(99, 150).await.unwrap(), [], "it has just begun");
    assert_eq!(unstarted(100, 210).await.unwrap(), [], "it is over");
    listings::desire_again(db, wants(47_421).into_iter().map(|desire| (desire, None)).collect(), after(120))
        .await
        .unwrap();
    assert_eq!(unstarted(100, 150).await.unwrap(), [], "a lock keeps it out of the campaign");
    listings::desire_again(db, wants(39_900).into_iter().map(|desire| (desire, None)).collect(), after(121))
        .await
        .unwrap();
    assert_eq!(unstarted(100, 150).await.unwrap(), lagging, "the lock is over");
    assert_eq!(strikes::unended(db, campaign_id, after(300)).await.unwrap(), [], "another price is live");
    let over = |since: i64, now: i64| strikes::over_since(db, listing_id, after(since), after(now));
    let back = async |now: i64| strikes::back(db, after(0), after(now), 10).await.unwrap();
    assert_eq!(back(300).await, [], "the price before it was never proved there");
    prove(db, listing_id, 49_900, 90).await;
    prove(db, listing_id, 39_900, 120).await;
    let before = Back { listing_id, regular_minor: 49_900, starts_at: after(100).0 };
    assert_eq!((back(209).await, back(210).await), (vec![], vec![before]), "once it is over there");
    assert_eq!(strikes::back(db, after(200), after(300), 10).await.unwrap(), [], "that campaign is too long ago");
    prove(db, listing_id, 49_900, 299).await;
    assert_eq!(back(300).await, [], "it is back");
    assert!(over(209, 210).await.unwrap() && !over(210, 300).await.unwrap() && !over(100, 209).await.unwrap());
    let state = reporting::campaign_state(db, campaign_id, 10).await.unwrap();
    let counts: Vec<_> =
        state.iter().map(|s| (s.channel.as_str(), s.sku.as_str(), s.listings, s.live, s.unverified, s.still)).collect();
    assert_eq!(counts, [("shop", "A", 1, 0, 0, 0)]);
    assert_eq!(reporting::begun(db).await.unwrap(), Some(NOW), "the first import");
    let spans = reporting::campaign_spans(db, after(199), 10).await.unwrap();
    assert_eq!((spans[0].starts_at, spans[0].ends_at), (after(100).0, after(200).0));
    assert_eq!(reporting::campaign_spans(db, after(200), 10).await.unwrap().len(), 0, "it is over");
    let step = strikes::step_before(db, listing_id, after(200)).await.unwrap();
    assert_eq!(step, Some((after(100), after(100))));
    campaigns::desire(db, vec![], wants(45_000), None, after(150)).await.unwrap();
    assert_eq!(strike(150).await.unwrap(), None, "another price is wanted");
    let freeze = db.write((), move |tx, ()| {
        let one = frozen(2);
        Box::pin(async move { strikes::freeze(tx, &one).await })
    });
    freeze.await.unwrap();
}

async fn tax_and_terms_are_noted_and_counted(test: TestDb) {
    let db = &test.db;
    let (a, b) = (one(db, "A", &[]).await, one(db, "B", &[]).await);
    let listing_id = listing(db, a.id).await;
    let keep = |percent: &'static str, seconds| {
        db.write(a.id, move |tx, id| {
            Box::pin(async move { terms::keep_vat(tx, *id, percent, "DK/standard/2020", after(seconds)).await })
        })
    };
    keep("25", 0).await.unwrap();
    keep("25", 5).await.unwrap();
    assert_eq!(terms::vat_of(db, a.id).await.unwrap().unwrap().created_at, NOW.0, "unchanged is not news");
    keep("20", 9).await.unwrap();
    let noted = terms::vat_of(db, a.id).await.unwrap().unwrap();
    assert_eq!((noted.percent.as_str(), noted.created_at), ("20", after(9).0));
    assert_eq!(terms::vat_of(db, b.id).await.unwrap(), None);
    forget_wishes(db).await;
    assert_eq!(terms::mark_market_dirty(db, "SE".into(), after(10)).await.unwrap(), 0);
    assert_eq!(terms::mark_market_dirty(db, "DK".into(), after(10)).await.unwrap(), 2);
    assert_eq!(terms::revision(db, "shop").await.unwrap(), None);
    let revise = |hash: &str| terms::keep_revision(db, "shop".into(), hash.into(), "{}".into(), after(11));
    assert_eq!(revise("a").await.unwrap().revision, 1);
    assert_eq!(revise("b").await.unwrap().revision, 2);
    assert_eq!(terms::revision(db, "shop").await.unwrap().unwrap().hash, "b");
    assert_eq!(terms::wanted(db, "shop", 0, 10).await.unwrap().len(), 0, "nothing was ever wanted");
    let desire = Desire { listing_id, price: Ok(45_000) };
    terms::desire_changed(db, vec![(desire.clone(), None)], after(12)).await.unwrap();
    let wanted = terms::wanted(db, "shop", 0, 10).await.unwrap();
    let says_else = |desire: &Desire| desire.says_else_than(wanted[0].desired_minor);
    assert!(!says_else(&desire));
    assert!(says_else(&Desire { price: Ok(1), ..desire.clone() }));
    assert!(says_else(&Desire { price: Err("no".into()), ..desire }));
    assert_eq!(terms::wanted(db, "shop", wanted[0].id, 10).await.unwrap().len(), 0);
}

/// Records what a check of a product's only page saw.
async fn check(db: &Db, product_id: i64, minor: i64, availability: &str, at: Millis) {
    let page = targets::of_product(db, product_id).await.unwrap().remove(0);
    let new = observations::New {
        outcome: "product".into(),
        verdict: "accepted",
        reason: "normal".into(),
        price_minor: Some(minor),
        currency: Some("DKK".into()),
        list_minor: None,
        availability: availability.into(),
        offer: "{}".into(),
        evidence: "{}".into(),
        body_hash: None,
    };
    let checked = Checked {
        target_id: page.id,
        product_id,
        outcome: "product".into(),
        now: at,
        due_at: after(100_000),
        etag: None,
        last_modified: None,
        body_hash: None,
        problem: None,
        observation: Some(new),
        dirty: true,
        pace: None,
    };
    targets::record(db, vec![checked]).await.unwrap();
}

async fn a_suspended_competitor_is_doubted_until_it_is_resumed(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[("near.example", "a")]).await;
    check(db, product.id, 47_900, "in_stock", after(10)).await;
    check(db, product.id, 47_900, "out_of_stock", after(100)).await;
    let name = "near.example";
    let crawled = rivals::crawl(db, name, after(50), 10).await.unwrap();
    assert_eq!(crawled.len(), 1);
    assert_eq!((crawled[0].availability.as_str(), crawled[0].before.as_deref()), ("out_of_stock", Some("in_stock")));
    assert_eq!(rivals::crawl(db, name, after(100), 10).await.unwrap().len(), 0);
    forget_wishes(db).await;
    let suspend = || rivals::suspend(db, name.into(), "all sold out".into(), after(50), after(110));
    assert!(suspend().await.unwrap());
    assert!(!suspend().await.unwrap(), "told once");
    assert_eq!(asked(db, product.id).await, Some(after(110).0));
    let latest = observations::latest_of_product(db, product.id).await.unwrap();
    assert_eq!((latest[0].price_minor, latest[0].first_seen), (Some(47_900), after(10).0), "the one before counts");
    assert_eq!(rivals::suspended(db).await.unwrap()[0].competitor, name);
    let listed = rivals::list(db, 10).await.unwrap();
    assert_eq!((listed[0].pages, listed[0].read, listed[0].suspended.as_deref()), (1, 1, Some("all sold out")));
    assert_eq!(rivals::resumed_at(db, name).await.unwrap(), None);
    let resume = || rivals::resume(db, name.into(), "ann".into(), "mended".into(), after(120));
    assert!(resume().await.unwrap());
    assert!(!resume().await.unwrap());
    assert_eq!(rivals::resumed_at(db, name).await.unwrap(), Some(after(120)));
    assert_eq!(targets::of_product(db, product.id).await.unwrap()[0].due_at, after(120).0);
    assert!(rivals::suspended(db).await.unwrap().is_empty());
}

async fn a_rivalry_is_open_until_its_end(test: TestDb) {
    let db = &test.db;
    let product = one(db, "A", &[]).await;
    let note = rivals::note(db, product.id, "near.example".into(), "war", "six cuts".into(), after(100), NOW);
    let id = note.await.unwrap();
    assert_eq!(rivals::open(db, product.id, after(99)).await.unwrap()[0].kind, "war");
    assert_eq!(rivals::open(db, product.id, after(100)).await.unwrap().len(), 0);
    assert_eq!(rivals::last_raise(db, product.id).await.unwrap(), None);
    rivals::raised(db, id, after(5)).await.unwrap();
    assert_eq!(rivals::last_raise(db, product.id).await.unwrap(), Some(after(5)));
    assert_eq!(rivals::last_end(db, product.id, after(99)).await.unwrap(), None);
    assert_eq!(rivals::last_end(db, product.id, after(100)).await.unwrap(), Some(after(100)));
    assert_eq!(rivals::over(db, after(200)).await.unwrap().len(), 0, "nobody was told of it");
    let told = Raise {
        kind: "rivalry",
        severity: "warning",
        dedupe: format!("rivalry/{id}"),
        product_id: Some(product.id),
        channel: None,
        competitor: Some("near.example".into()),
        message: "six cuts".into(),
        hint: String::new(),
    };
    events::raise(db, told, NOW).await.unwrap();
    assert_eq!(rivals::over(db, after(99)).await.unwrap().len(), 0);
    assert_eq!(rivals::over(db, after(10_000)).await.unwrap()[0].id, id, "however late anybody looks");
    events::resolve(db, format!("rivalry/{id}"), after(100)).await.unwrap();
    assert_eq!(rivals::over(db, after(10_000)).await.unwrap().len(), 0);
    assert_eq!(rivals::newest(db, NOW.plus(-1), 10).await.unwrap()[0].sku, "A");
    assert!(settings::get(db, "nothing").await.unwrap().is_none());
}

async fn a_range_of_the_catalogue_says_the_same_as_its_products_one_by_one(test: TestDb) {
    let db = &test.db;
    assert_eq!(catalogue::first_seen(db).await.unwrap(), None);
    let pages = [("near.example", "a")];
    let (a, b, c) = (one(db, "A", &pages).await, one(db, "B", &pages).await, one(db, "C", &pages).await);
    for (product, minor, at) in [(&a, 47_900, 10), (&b, 46_000, 20), (&b, 45_000, 30), (&c, 1_000, 40)] {
        check(db, product.id, minor, "in_stock", after(at)).await;
    }
    let (from, until) = (a.id, b.id);
    let offers = catalogue::offers(db, from, until).await.unwrap();
    let alone = observations::latest_of_product(db, b.id).await.unwrap();
    assert_eq!(offers.iter().map(|o| o.product_id).collect::<Vec<_>>(), [b.id], "the first id is outside");
    assert_eq!(
        (offers[0].latest.id, &offers[0].latest.newest_availability),
        (alone[0].id, &alone[0].newest_availability)
    );
    let runs = catalogue::runs(db, from, until, after(25)).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.price_minor).collect::<Vec<_>>(), [45_000], "the older was not seen any more");
    let all = catalogue::runs(db, 0, c.id, NOW).await.unwrap();
    assert_eq!(all.iter().map(|run| run.price_minor).collect::<Vec<_>>(), [47_900, 45_000, 46_000, 1_000]);
    overrides::set(db, price(b.id, 45_000, after(60)), NOW).await.unwrap();
    assert_eq!(catalogue::set(db, from, until, after(59)).await.unwrap().len(), 1);
    assert_eq!(catalogue::set(db, from, until, after(60)).await.unwrap().len(), 0);
    let set_during = async |window| catalogue::set_during(db, from, until, window).await.unwrap().len();
    assert_eq!(set_during((after(59), after(90))).await, 1);
    assert_eq!(set_during((after(60), after(90))).await, 0, "it is over");
    assert_eq!(set_during((after(-20), after(-10))).await, 0, "nobody had set it");
    let Added::Stored(first) = campaigns::add(db, campaign("first", b.id, 100, 200), NOW).await.unwrap() else {
        panic!("it is stored")
    };
    let planned = catalogue::campaigns(db, from, until, after(199)).await.unwrap();
    assert_eq!((planned.len(), planned[0].campaign.name.as_str()), (1, "first"));
    assert_eq!(catalogue::campaigns(db, from, until, after(200)).await.unwrap().len(), 0);
    super::decided::decide(db, "B", 45_900, after(50)).await;
    let decided = catalogue::decided(db, from, until, after(50)).await.unwrap();
    assert_eq!((decided[0].previous_minor, decided.len()), (49_900, 1));
    assert_eq!(catalogue::decided(db, from, until, after(51)).await.unwrap().len(), 0);
    let records = catalogue::records(db, 0, c.id).await.unwrap();
    assert_eq!(records.iter().map(|r| r.product_id).collect::<Vec<_>>(), [b.id]);
    assert_eq!(catalogue::first_seen(db).await.unwrap(), Some(after(10)));
    let during = async |window| {
        let rows = catalogue::campaigns_during(db, from, until, window).await.unwrap();
        rows.into_iter().map(|row| row.campaign.ends_at).collect::<Vec<_>>()
    };
    assert_eq!(during((after(150), after(160))).await, [after(200).0]);
    assert!(during((NOW, after(99))).await.is_empty() && during((after(200), after(300))).await.is_empty());
    campaigns::set_phase(db, first, "cancelled", None, None, after(150)).await.unwrap();
    assert_eq!(during((after(120), after(130))).await, [after(150).0], "where it really ended");
    assert!(during((after(150), after(160))).await.is_empty());
}
