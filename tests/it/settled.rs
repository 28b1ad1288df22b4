//! Proposals that nobody is asked about any more: what digests, `explain`, the links of mails and `approve` say of them,
//! and what the page of a product tells of a price beside the one that waits.

use omniprice::clock::{Clock, Millis};
use omniprice::flow::pricing;
use omniprice::report::link::Purpose;
use omniprice::report::product_page::{self, ProductPage};
use omniprice::report::{gather, people};
use omniprice::store::{decisions, products, reporting};

use crate::both_engines;
use crate::harness::{Engine, Setup, TestDb, World, database, price};

both_engines![a_proposal_that_was_turned_down_or_expired_is_in_review_no_more];

const LINK: &str = "[report]\nlink = \"https://prices.shop.example\"\n";

/// A shop whose proposals wait for a person, with one that waits.
async fn asked(test: TestDb, clock: Clock) -> World {
    let world = World::open_at(test, Setup { mode: "review", ..Setup::default() }, clock).await;
    world.drive().await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    world
}

/// How many products of the only reader have each outcome.
async fn outcomes(world: &World) -> Vec<(String, i64)> {
    let reader = people::reader(&world.app, "Pricing <pricing@shop.example>").await.unwrap();
    let until = world.app.now();
    let from = until.plus(-Millis::DAY);
    let tracks = gather::tracks(&world.app, from).await.unwrap();
    let facts = gather::facts(&world.app, &tracks, &reader, from, until).await.unwrap();
    assert_eq!(facts.reviews.len(), usize::from(facts.outcomes.iter().any(|one| one.outcome == "review")));
    facts.outcomes.into_iter().map(|one| (one.outcome, one.n)).collect()
}

async fn a_proposal_that_was_turned_down_or_expired_is_in_review_no_more(test: TestDb) {
    let world = asked(test, Clock::manual(Millis(1_795_510_800_000))).await;
    let (review, settled) = ([("review".to_owned(), 1)], [("settled".to_owned(), 1)]);
    assert_eq!(outcomes(&world).await, review);
    let first = decisions::open_reviews(&world.app.db, 5).await.unwrap().remove(0);
    pricing::reject(&world.app, first.id, "ann", "too\u{1b}[31m low").await.unwrap();
    assert_eq!(outcomes(&world).await, settled);
    let evaluated = reporting::evaluated(&world.app.db, Millis(0), 9).await.unwrap();
    assert_eq!(evaluated[0].outcome, "settled", "a rejected one was no open one at any time");
    // Whoever comes second is told what became of it, by whom and when.
    for error in [
        pricing::approve(&world.app, first.id, "bo", "fine").await.unwrap_err(),
        pricing::reject(&world.app, first.id, "bo", "no").await.unwrap_err(),
    ] {
        let (said, at) = (error.to_string(), world.app.now());
        let told = format!("review {} (KETTLE) was turned down by ann at {at}: too", first.id);
        assert!(said.starts_with(&told) && !said.contains('\u{1b}'), "{said}");
        assert!(said.contains("hint: `omniprice review`") && said.contains("`omniprice explain KETTLE`"), "{said}");
    }
    // Another price is another proposal; nobody answers it.
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    assert_eq!(outcomes(&world).await, review);
    world.app.clock.advance(25 * Millis::HOUR);
    assert_eq!(outcomes(&world).await, settled);
    let second = decisions::newest_review(&world.app.db, first.product_id, world.app.now()).await.unwrap().unwrap();
    assert_eq!(second.state, "open", "nothing has closed it");
    assert!(
        pricing::approve(&world.app, second.id, "bo", "fine").await.unwrap_err().to_string().contains("has expired")
    );
    let again = pricing::approve(&world.app, second.id, "bo", "fine").await.unwrap_err().to_string();
    assert!(again.contains(&format!("open until {} and has expired", Millis(second.expires_at))), "{again}");
    // What went out is told, too.
    world.drive().await;
    let third = decisions::open_reviews(&world.app.db, 5).await.unwrap().remove(0);
    pricing::approve(&world.app, third.id, "ann", "fine").await.unwrap();
    let late = pricing::reject(&world.app, third.id, "bo", "no").await.unwrap_err().to_string();
    assert!(late.contains("was approved by ann at "), "{late}");
}

#[tokio::test]
async fn explain_asks_nobody_to_approve_what_has_expired() {
    let before = Clock::System.now().plus(-30 * Millis::HOUR);
    let world = asked(database(Engine::Sqlite).await.unwrap(), Clock::manual(before)).await;
    let open = decisions::open_reviews(&world.app.db, 5).await.unwrap().remove(0);
    let said = world.say(&["explain", "KETTLE"]).await.ends(0).told().1;
    assert!(said.contains(&format!("Proposal {} could be answered until ", open.id)), "{said}");
    assert!(!said.contains("omniprice approve"), "{said}");
    assert!(said.contains("its proposal is not open any more"), "{said}");
}

#[tokio::test]
async fn a_printed_time_finds_its_own_decision() {
    // The fraction of a second is not printed.
    let now = Clock::System.now().plus(-Millis::HOUR);
    let start = Millis(now.0 - now.0 % Millis::SECOND + 700);
    let world = World::open_at(database(Engine::Sqlite).await.unwrap(), Setup::default(), Clock::manual(start)).await;
    world.drive().await;
    world.app.clock.advance(10 * Millis::MINUTE);
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    let decision = decisions::latest(&world.app.db, product.id).await.unwrap().unwrap();
    assert!(decision.created_at % Millis::SECOND > 0, "{}", decision.created_at);
    let printed = Millis(decision.created_at).to_string();
    let said = world.say(&["explain", "KETTLE", "--at", &printed]).await.ends(0).told().1;
    assert!(said.contains("479.00 DKK"), "{printed}: {said}");
    let earlier = Millis(decision.created_at).plus(-Millis::SECOND).to_string();
    assert!(
        !world.say(&["explain", "KETTLE", "--at", &earlier]).await.ends(0).told().1.contains("479.00 DKK since"),
        "the second before it"
    );
    let back = async |to: &str| {
        let (code, said) =
            world.say(&["rollback", "--to", to, "--why", "x", "--until", "1h", "--dry-run"]).await.told();
        assert!(matches!(code, 0 | 3), "{said}");
        said.contains("-> 499.00 DKK")
    };
    assert!(!back(&printed).await, "the decision of that second is what holds now");
    assert!(back(&earlier).await, "the second before it had the price before it");
}

async fn page(world: &World) -> ProductPage {
    let reader = people::reader(&world.app, "Pricing <pricing@shop.example>").await.unwrap();
    let own = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    product_page::of(&world.app, &reader, own).await.unwrap()
}

#[tokio::test]
async fn the_page_of_a_product_tells_why_it_costs_what_it_costs_and_apart_what_waits() {
    let test = database(Engine::Sqlite).await.unwrap();
    let setup = Setup { mode: "review", ..Setup::default() };
    let mut world = World::open_at(test, setup, Clock::manual(Millis(1_795_510_800_000))).await;
    let text = std::fs::read_to_string(&world.config).unwrap().replacen("[report]\n", LINK, 1);
    std::fs::write(&world.config, text).unwrap();
    let config = omniprice::config::Config::load(Some(&world.config), &[]).unwrap();
    world.app = omniprice::app::App::build(config, world.app.clock.clone()).await.unwrap();
    world.drive().await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    let first = page(&world).await;
    assert_eq!(first.why, "", "an imported price has no reason of ours");
    let waits = first.proposal.expect("a proposal waits");
    assert_eq!(waits.span, "DKK\u{a0}499.00 → DKK\u{a0}479.00 (-4.0%)");
    assert!(waits.why.contains("479.00 at near.example") && waits.until.starts_with("valid until "), "{waits:?}");
    let links: Vec<_> = waits.links.iter().map(|(label, url)| (*label, url.contains("/people/"))).collect();
    assert_eq!(links, [("Approve", true), ("Reject", true)]);
    let review = decisions::open_reviews(&world.app.db, 5).await.unwrap().remove(0);
    let signer = people::links(&world.app).await.unwrap();
    let own = signer.url(Purpose::Approve(review.id), "pricing@shop.example", Some(Millis(review.expires_at)));
    assert_eq!(Some(&waits.links[0].1), own.as_ref(), "the same page as in the mail");
    pricing::approve(&world.app, review.id, "ann", "fine").await.unwrap();
    world.drive().await;
    let approved = page(&world).await;
    assert!(approved.ours.contains("479.00") && approved.proposal.is_none(), "{approved:?}");
    assert!(approved.why.contains("479.00"), "{}", approved.why);
    // The next proposal changes nothing about why the price of now is what it is.
    world.near.show("KETTLE", price(45_900));
    world.drive().await;
    let next = page(&world).await;
    assert!(next.why.contains("479.00") && !next.why.contains("459.00"), "{}", next.why);
    assert!(next.proposal.as_ref().is_some_and(|waits| waits.why.contains("459.00")), "{next:?}");
}
