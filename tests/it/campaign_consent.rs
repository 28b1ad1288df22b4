//! Campaigns that lower prices by more than one person may: nothing of them moves before somebody else has agreed.

use omniprice::clock::{Clock, Millis};
use omniprice::flow;
use omniprice::flow::campaign_consent::{self, NotAgreed};
use omniprice::store::campaigns::{self, Campaign};
use omniprice::store::{decisions, events, products, shelf, stages};

use crate::both_engines;
use crate::harness::{Engine, Setup, TestDb, World, database};
use crate::intent::{self, shown, turns};

both_engines![
    a_large_reduction_moves_nothing_before_somebody_else_has_agreed,
    a_no_cancels_a_campaign_that_waits,
    nobody_s_word_in_time_cancels_it_and_is_told,
    a_consent_after_the_start_begins_it_then,
];

const BEFORE: i64 = 49_900;
const REDUCED: i64 = 39_900;
/// Long enough for a reduction to be announced, and so staged.
const HISTORY: i64 = 45 * Millis::DAY;
/// Within the time in which starts are staged.
const SOON: i64 = 40 * Millis::MINUTE;

fn above(pct: &str) -> &'static str {
    let off = "\"quorum\", \"dead_band\", \"velocity\", \"oscillation\", \"loop\", \"corridor\", \"staging\"";
    format!("[release]\noff = [{off}]\nsecond_person_above_pct = \"{pct}\"\n").leak()
}

/// A shop with a history of prices, and a campaign of ann's that lowers 499.00 to 399.00 soon.
async fn planned(test: TestDb, pct: &str) -> World {
    let world = intent::world(test, Setup { config: above(pct), ..Setup::default() }).await;
    world.app.clock.advance(HISTORY);
    intent::add(&world, SOON, 3 * Millis::DAY, "").await;
    world.settle().await;
    world
}

async fn campaign(world: &World) -> Campaign {
    campaigns::by_name(&world.app.db, "black-week").await.unwrap().unwrap()
}

async fn refused(world: &World, by: &str) -> NotAgreed {
    let error = campaign_consent::approve(&world.app, "black-week", by, "fine").await.unwrap_err();
    error.downcast().unwrap_or_else(|error| panic!("{error:#}"))
}

/// How many starts are staged, and how many planned prices tills are told.
async fn prepared(world: &World) -> (usize, usize) {
    let (db, now) = (&world.app.db, world.app.now());
    let staged = stages::of_campaign(db, campaign(world).await.id, 10).await.unwrap().len();
    (staged, shelf::planned(db, (0, 0), now, now.plus(Millis::DAY), 10).await.unwrap().len())
}

async fn a_large_reduction_moves_nothing_before_somebody_else_has_agreed(test: TestDb) {
    let world = planned(test, "10").await;
    let asked = campaign(&world).await;
    assert_eq!(asked.asked.as_deref(), Some("a change of -20.04 % needs two persons' consent"));
    assert_eq!(asked.waits(), Some(Millis(asked.created_at).plus(Millis::DAY)), "as long as approvals are valid");
    assert_eq!(prepared(&world).await, (0, 0));
    assert_eq!(campaigns::open(&world.app.db).await.unwrap().len(), 0, "nobody tends it");

    let why = refused(&world, " ANN ").await;
    assert!(matches!(&why, NotAgreed::SamePerson { by, .. } if by == "ann"), "{why}");
    assert!(why.to_string().contains("hint: somebody else approves it under another name"), "{why}");
    assert!(matches!(refused(&world, " ").await, NotAgreed::Nameless(_)));
    assert_eq!(prepared(&world).await, (0, 0));

    campaign_consent::approve(&world.app, "black-week", "bob", "the shelf is full").await.unwrap();
    turns(&world).await;
    assert_eq!(prepared(&world).await, (1, 1), "the feed is given its start, and tills are told");
    let agreed = campaign(&world).await;
    assert_eq!((agreed.consent_by.as_deref(), agreed.waits()), (Some("bob"), None));
    let why = refused(&world, "cleo").await.to_string();
    assert!(why.contains("waits for nobody: bob agreed at "), "{why}");
    assert_eq!(shown(&world).await, [Some(BEFORE); 3], "it has not begun");
    world.app.clock.advance(SOON);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(REDUCED); 3]);
}

async fn a_no_cancels_a_campaign_that_waits(test: TestDb) {
    let world = planned(test, "10").await;
    campaign_consent::reject(&world.app, "black-week", "ann", "too low").await.unwrap();
    let over = campaign(&world).await;
    let ended = (over.phase.as_str(), over.ended_by.as_deref(), over.ended_why.as_deref());
    assert_eq!(ended, ("cancelled", Some("ann"), Some("too low")));
    let why = refused(&world, "bob").await.to_string();
    assert!(why.contains("it is cancelled"), "{why}");
    world.app.clock.advance(SOON);
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
    assert_eq!(campaigns::waiting(&world.app.db).await.unwrap().len(), 0);
}

async fn nobody_s_word_in_time_cancels_it_and_is_told(test: TestDb) {
    let world = planned(test, "10").await;
    let until = campaign(&world).await.waits().unwrap();
    world.app.clock.advance(until.since(world.app.now()) - 1);
    flow::tend(&world.app).await.unwrap();
    assert_eq!(campaign(&world).await.phase, "planned");
    assert_eq!(world.ours("KETTLE").await, BEFORE, "its start is long past");
    world.app.clock.advance(1);
    flow::tend(&world.app).await.unwrap();
    assert_eq!(campaign(&world).await.phase, "cancelled");
    let open = events::open(&world.app.db, 20).await.unwrap();
    let told = open.iter().find(|event| event.kind == "campaign_changed").expect("it is told");
    assert_eq!(told.message, format!("nobody else agreed to campaign black-week until {until}; it is cancelled"));
    assert!(matches!(refused(&world, "bob").await, NotAgreed::NotWaiting { .. }));
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(BEFORE); 3]);
}

async fn a_consent_after_the_start_begins_it_then(test: TestDb) {
    let world = planned(test, "10").await;
    world.app.clock.advance(2 * SOON);
    turns(&world).await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    assert!(decisions::latest(&world.app.db, product.id).await.unwrap().is_none(), "nothing was decided");
    campaign_consent::approve(&world.app, "black-week", "bob", "late, and fine").await.unwrap();
    turns(&world).await;
    turns(&world).await;
    assert_eq!(shown(&world).await, [Some(REDUCED); 3]);
}

#[tokio::test]
async fn what_one_person_may_lower_needs_nobody_else() {
    for (pct, needs) in [("20.05", false), ("20.03", true), ("off", false)] {
        let world = planned(database(Engine::Sqlite).await.unwrap(), pct).await;
        assert_eq!(campaign(&world).await.waits().is_some(), needs, "{pct}");
    }
}

#[tokio::test]
async fn lists_explanations_and_digests_say_that_a_campaign_waits_and_who_agreed() {
    let setup = Setup { config: above("10"), ..Setup::default() };
    let world = World::open_at(database(Engine::Sqlite).await.unwrap(), setup, Clock::System).await;
    let now = Clock::System.now();
    let file = format!(
        "id = \"sale\"\nfrom = {}\nuntil = {}\nowner = \"ann\"\nwhy = \"the yearly one\"\n[[item]]\nsku = \"KETTLE\"\nprice = \"399.00\"\n",
        now.plus(Millis::HOUR),
        now.plus(3 * Millis::DAY)
    );
    std::fs::write(world.test.dir.path().join("sale.toml"), file).unwrap();
    let says = async |arguments: &[&str], wanted: &[&str]| {
        let said = world.say(arguments).await.ends(0);
        let flat = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(wanted.iter().all(|word| flat.contains(word)), "{arguments:?}: {said:?}");
    };
    let needs = "a change of -20.04 % needs two persons' consent";
    let command = "omniprice approve campaign/sale --why";
    says(&["campaign", "add", "sale.toml", "--actor", "cleo"], &[needs, command]).await;
    says(&["campaign", "list"], &["waits"]).await;
    says(&["campaign", "show", "sale"], &["waits for a second person until ", needs, command]).await;
    says(&["review"], &["campaign/sale"]).await;
    says(&["review", "--json"], &["\"campaign\": {", "\"waits_until\":"]).await;
    says(&["explain", "KETTLE"], &["campaign sale: 399.00 DKK waits for a second person: ", needs, command]).await;
    let waits = "1 campaign waits for a second person: omniprice review";
    let said = world.say(&["once", "--patience", "0"]).await.ends(3);
    assert!(said.out.contains(waits), "{said:?}");
    assert!(world.say(&["check"]).await.out.contains(waits));
    says(&["digest", "--preview"], &["sale waits until ", "somebody else than ann", "needs two persons' consent"])
        .await;
    for by in ["ann", "Cleo"] {
        let err = world.say(&["approve", "campaign/sale", "--why", "x", "--actor", by]).await.ends(1).err;
        assert!(err.contains("needs two persons") && err.contains("hint: "), "{by}: {err}");
    }
    let err = world.say(&["approve", "campaigns/sale", "--why", "x", "--actor", "bob"]).await.ends(2).err;
    assert!(err.contains("campaign/NAME"), "{err}");
    says(&["approve", "campaign/sale", "--why", "all right", "--actor", "bob"], &["campaign/sale approved"]).await;
    says(&["campaign", "show", "sale"], &["bob agreed to it at ", "all right"]).await;
    says(&["explain", "KETTLE"], &["campaign sale: 399.00 DKK from ", "bob agreed to it at "]).await;
    says(&["review"], &["nothing waits"]).await;
    assert!(!world.say(&["once", "--patience", "0"]).await.out.contains("campaign"));
    let err = world.say(&["reject", "campaign/sale", "--why", "x", "--actor", "bob"]).await.ends(1).err;
    assert!(err.contains("bob agreed at "), "{err}");
}
