//! Prices that need two persons: the first consent is kept and moves nothing, the second carries the price out.

use std::sync::Arc;

use omniprice::app::App;
use omniprice::clock::{Clock, Millis};
use omniprice::config::{Config, address};
use omniprice::flow::pricing::{self, Approved, Record, Refused};
use omniprice::report::link::{Claim, Purpose};
use omniprice::report::people;
use omniprice::store::decisions::{self, Review};
use omniprice::store::overrides::Kind;
use omniprice::store::products;
use omniprice::web;
use tokio_util::sync::CancellationToken;

use crate::alerts::ask;
use crate::both_engines;
use crate::harness::{Engine, Setup, TestDb, World, database, price};
use crate::intent::{self, set, shown};

both_engines![
    two_names_must_agree_and_a_restart_between_them_loses_nothing,
    anybodys_no_time_and_new_facts_end_a_first_consent,
    a_price_set_by_hand_beyond_the_limit_waits_for_somebody_else,
    two_who_agree_at_once_are_a_first_and_a_second,
];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);
const DECIDED: Approved = Approved::Decided { version: 1 };

/// Changes above so many percent need two persons.
fn above(pct: &str) -> &'static str {
    format!("[release]\noff = [\"quorum\", \"staging\", \"velocity\"]\nsecond_person_above_pct = \"{pct}\"\n").leak()
}

async fn world(test: TestDb, mode: &'static str, pct: &str) -> World {
    let setup = Setup { mode, config: above(pct), ..Setup::default() };
    let world = World::open_at(test, setup, Clock::manual(START)).await;
    world.drive().await;
    world
}

async fn follow(world: &World, minor: i64) -> Review {
    world.near.show("KETTLE", price(minor));
    world.drive().await;
    open(&world.app).await
}

async fn open(app: &App) -> Review {
    let mut open = decisions::open_reviews(&app.db, 10).await.unwrap();
    assert_eq!(open.len(), 1, "{open:?}");
    open.remove(0)
}

async fn refused(app: &App, id: i64, by: &str) -> Refused {
    let error = pricing::approve(app, id, by, "fine").await.unwrap_err();
    error.downcast().unwrap_or_else(|error| panic!("{error:#}"))
}

async fn newest(app: &App) -> (decisions::DecisionRow, Record) {
    let product = products::by_sku(&app.db, "KETTLE").await.unwrap().unwrap();
    let row = decisions::latest(&app.db, product.id).await.unwrap().unwrap();
    let record = serde_json::from_str(&row.record).unwrap();
    (row, record)
}

async fn two_names_must_agree_and_a_restart_between_them_loses_nothing(test: TestDb) {
    let world = world(test, "review", "3").await;
    let review = follow(&world, 47_900).await;
    assert!(review.why.contains("a change of -4.01 % needs two persons' consent"), "{}", review.why);
    assert_eq!(review.first_by, None);
    assert_eq!(pricing::approve(&world.app, review.id, "Ann", "the market moved").await.unwrap(), Approved::First);
    world.drive().await;
    assert_eq!((world.ours("KETTLE").await, world.webshop.writes()), (49_900, 0), "one person moves nothing");

    // Another process on the same database, after the first one died.
    let config = Config::load(Some(&world.config), &[]).unwrap();
    let app = App::build(config, Clock::manual(world.app.now())).await.unwrap();
    let kept = open(&app).await;
    assert_eq!((kept.id, kept.first_by.as_deref()), (review.id, Some("Ann")), "the same facts keep the same proposal");
    let why = refused(&app, review.id, " ann ").await;
    assert!(matches!(&why, Refused::SamePerson { by, .. } if by == "Ann"), "{why}");
    assert!(why.to_string().contains("hint: somebody else approves it"), "{why}");
    assert!(matches!(refused(&app, review.id, " ").await, Refused::Nameless(_)));
    assert_eq!(world.ours("KETTLE").await, 49_900);
    assert_eq!(pricing::approve(&app, review.id, "bob", "so did we").await.unwrap(), DECIDED);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(47_900); 3]);

    let (row, record) = newest(&app).await;
    assert_eq!(row.actor, "bob");
    assert_eq!(record.release[..2], ["approved by Ann: the market moved", "approved by bob: so did we"]);
    let approved = record.guarded.unwrap().inputs.approved.unwrap();
    assert_eq!((approved.by.as_str(), approved.first.unwrap().by.as_str()), ("bob", "Ann"));
}

async fn anybodys_no_time_and_new_facts_end_a_first_consent(test: TestDb) {
    let world = world(test, "review", "3").await;
    let agree = async |review: &Review| {
        assert_eq!(pricing::approve(&world.app, review.id, "ann", "fine").await.unwrap(), Approved::First);
    };
    let first = follow(&world, 47_900).await;
    agree(&first).await;
    let no = decisions::settle_review(&world.app.db, first.id, "rejected", "ann".into(), "no".into(), world.app.now());
    assert!(no.await.unwrap(), "also the one who had agreed may say no");
    assert!(matches!(refused(&world.app, first.id, "bob").await, Refused::Over { .. }));

    let second = follow(&world, 47_800).await;
    agree(&second).await;
    let third = follow(&world, 47_700).await;
    assert_eq!((third.id > second.id, third.first_by.clone()), (true, None), "another price, another consent");
    agree(&third).await;
    // The cost moves the floor, and nobody has evaluated that yet.
    let rows = "sku,price,cost\nKETTLE,499.00,251.00\n";
    let rules = world.app.rules().await.unwrap();
    let rows = omniprice::catalog::import::read(rows.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    assert!(matches!(refused(&world.app, third.id, "bob").await, Refused::Stale(_)));

    world.settle().await;
    let fourth = open(&world.app).await;
    agree(&fourth).await;
    world.app.clock.advance(Millis::DAY);
    assert!(matches!(refused(&world.app, fourth.id, "bob").await, Refused::Expired(_)));
    assert_eq!(world.ours("KETTLE").await, 49_900);
    world.drive().await;
    let fifth = open(&world.app).await;
    assert_eq!(fifth.first_by, None, "a new day, a new question");
    agree(&fifth).await;
    assert_eq!(pricing::approve(&world.app, fifth.id, "bob", "fine").await.unwrap(), DECIDED);
}

async fn a_price_set_by_hand_beyond_the_limit_waits_for_somebody_else(test: TestDb) {
    let world = world(test, "auto", "3").await;
    set(&world, Kind::Price, Some(45_900), 2 * Millis::DAY).await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 49_900);
    let review = open(&world.app).await;
    assert_eq!((review.price_minor, review.first_by.as_deref()), (45_900, Some("ann")), "who set it has agreed");
    assert!(matches!(refused(&world.app, review.id, "Ann").await, Refused::SamePerson { .. }));
    assert_eq!(pricing::approve(&world.app, review.id, "bob", "it is printed").await.unwrap(), DECIDED);
    world.settle().await;
    assert_eq!(shown(&world).await, [Some(45_900); 3]);
    let (row, record) = newest(&world.app).await;
    assert_eq!(row.actor, "bob");
    assert!(record.release.iter().any(|said| said == "approved by ann: price promise"), "{:?}", record.release);
    // Two steps that one person may take alone: a small one, and back to a price that was ours lately.
    for minor in [46_900, 49_900] {
        set(&world, Kind::Price, Some(minor), Millis::DAY).await;
        world.settle().await;
        assert_eq!(shown(&world).await, [Some(minor); 3]);
    }
}

async fn two_who_agree_at_once_are_a_first_and_a_second(test: TestDb) {
    let world = world(test, "review", "3").await;
    let review = follow(&world, 47_900).await;
    let (ann, bob) = tokio::join!(
        pricing::approve(&world.app, review.id, "ann", "fine"),
        pricing::approve(&world.app, review.id, "bob", "fine")
    );
    let both = [ann.unwrap(), bob.unwrap()];
    assert!(both.contains(&Approved::First) && both.contains(&DECIDED), "{both:?}");
    assert_eq!(world.ours("KETTLE").await, 47_900);
}

#[tokio::test]
async fn a_price_from_before_a_campaign_that_is_below_the_floor_does_not_come_back() {
    let setup = Setup { mode: "review", ..Setup::default() };
    let world = World::open_at(database(Engine::Sqlite).await.unwrap(), setup, Clock::manual(START)).await;
    world.drive().await;
    intent::add(&world, 0, Millis::DAY, "cart_grace_min = 0").await;
    world.settle().await;
    assert_eq!(world.ours("KETTLE").await, 39_900);
    // 410.00 with VAT is 512.50, more than the 499.00 from before.
    let rules = world.app.rules().await.unwrap();
    let rows =
        omniprice::catalog::import::read("sku,price,cost\nKETTLE,499.00,410.00\n".as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    world.app.clock.advance(Millis::DAY);
    intent::turns(&world).await;
    intent::turns(&world).await;
    let asked = open(&world.app).await;
    assert!(asked.price_minor >= 51_250, "the rules' own answer waits: {asked:?}");
    assert_eq!(world.ours("KETTLE").await, 39_900, "nobody has agreed to a price above it yet");
}

#[tokio::test]
async fn what_is_below_the_limit_needs_one_person_and_money_counts_too() {
    let world = world(database(Engine::Sqlite).await.unwrap(), "review", "10").await;
    let review = follow(&world, 47_900).await;
    assert_eq!(pricing::approve(&world.app, review.id, "ann", "fine").await.unwrap(), DECIDED);

    let config = "[release]\noff = [\"quorum\", \"staging\"]\nsecond_person_above_amount = \"150\"\n";
    let setup = Setup { mode: "review", config, ..Setup::default() };
    let world = World::open_at(database(Engine::Sqlite).await.unwrap(), setup, Clock::manual(START)).await;
    world.drive().await;
    let rules = world.app.rules().await.unwrap();
    for (stock, approved) in [(7, DECIDED), (8, Approved::First)] {
        let rows = format!("sku,price,cost,stock\nKETTLE,499.00,250.00,{stock}\n");
        let rows = omniprice::catalog::import::read(rows.as_bytes(), &rules.set, |_| {}).rows;
        products::import(&world.app.db, rows, world.app.now()).await.unwrap();
        // 20.00 times the stock.
        let review = follow(&world, world.ours("KETTLE").await - 2_000).await;
        assert_eq!(pricing::approve(&world.app, review.id, "ann", "fine").await.unwrap(), approved, "{stock}");
        world.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_mails_and_pages_say_who_has_agreed() {
    let setup = Setup { mode: "review", config: above("3"), ..Setup::default() };
    let world = World::open(database(Engine::Sqlite).await.unwrap(), setup).await;
    world.pass().await;
    world.near.show("KETTLE", price(47_900));
    world.pass().await;
    let app = Arc::clone(&world.app);
    let review = open(&app).await;
    let listener = web::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(Arc::clone(&app), listener, stop.clone()));
    let person = address(&app.config.report.recipients[0]);
    let claim = Claim { purpose: Purpose::Approve(review.id), person: person.clone(), until: review.expires_at };
    let page = format!("/people/{}", people::links(&app).await.unwrap().token(&claim).unwrap());

    let noted = ask(port, "POST", &page, "why=right").await;
    assert!(noted.starts_with("HTTP/1.1 200") && noted.contains("A second person must agree"), "{noted}");
    assert_eq!(open(&app).await.first_by.as_deref(), Some(person.as_str()));
    let shown = ask(port, "GET", &page, "").await;
    assert!(shown.starts_with("HTTP/1.1 200") && shown.contains("has agreed; a second person must"), "{shown}");
    let again = ask(port, "POST", &page, "why=right").await;
    assert!(again.starts_with("HTTP/1.1 409") && again.contains("has agreed; a second person must"), "{again}");
    stop.cancel();
    serving.await.unwrap().unwrap();

    let id = review.id.to_string();
    for (command, says) in [
        (["review", "--json"], "\"first_by\": \"pricing@shop.example\""),
        (["explain", "KETTLE"], "pricing@shop.example agreed at "),
        (["digest", "--preview"], "pricing@shop.example has agreed; a second person must agree too"),
    ] {
        let said = world.say(&command).await.ends(0);
        assert!(said.out.contains(says), "{command:?}: {said:?}");
    }
    assert!(world.say(&["review"]).await.out.replace('\n', " ").contains("agreed"));
    let err = world.say(&["approve", &id, "--why", "x", "--actor", "Pricing@Shop.Example"]).await.ends(1).err;
    assert!(err.contains("needs two persons") && err.contains("hint: "), "{err}");
    let said = world.say(&["approve", &id, "--why", "x", "--actor", "bob"]).await.ends(0);
    assert!(said.out.contains("approved"), "{said:?}");
    let out = world.say(&["explain", "KETTLE"]).await.ends(0).out;
    assert!(out.contains("approved by pricing@shop.example: right") && out.contains("approved by bob: x"), "{out}");
    assert!(out.contains("it comes out equal"), "{out}");
}
