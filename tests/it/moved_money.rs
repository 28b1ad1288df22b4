//! What was decided before a product went into another money is compared with nothing that was decided after it.

use omniprice::clock::{Clock, Millis};
use omniprice::flow::moving::{self, Rate, Wish};
use omniprice::report::people;
use omniprice::report::{digest_for, tracks};
use omniprice::store::overrides::{self, Kind, New};
use omniprice::store::settings::{self, Rate as Stored};
use omniprice::store::{decisions, products, reporting};

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World, price};

both_engines![a_move_into_another_money_is_no_change_of_a_price];

const START: Millis = Millis(1_795_510_800_000);
const EURO: &str =
    "[[market]]\nid = \"DKE\"\ncountry = \"DK\"\ncurrency = \"EUR\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\n";

async fn a_move_into_another_money_is_no_change_of_a_price(test: TestDb) {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    std::fs::write(world.test.dir.path().join("rules.toml"), format!("{RULES}\n{EURO}")).unwrap();
    let (app, db) = (&world.app, &world.app.db);
    let rate = Stored { day: "2026-11-23".into(), currency: "DKK".into(), rate: "7.46".into() };
    settings::keep_rates(db, vec![rate], START).await.unwrap();
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    app.clock.advance(Millis::MINUTE);
    let rate = Some(Rate::parse("1 EUR = 7.46 DKK").unwrap());
    let wish = Wish { market: "DKE".into(), skus: ["KETTLE".to_owned()].into(), rate, ..Wish::default() };
    let plan = moving::plan(app, &wish).await.unwrap();
    assert_eq!(plan.problems, Vec::<String>::new());
    moving::carry_out(app, plan.moves, "ann", "the euro is here").await.unwrap();
    let product = products::by_sku(db, "KETTLE").await.unwrap().unwrap();
    let set = New {
        product_id: product.id,
        kind: Kind::Price,
        price_minor: Some(6_287),
        currency: "EUR".into(),
        owner: "ann".into(),
        why: "price promise".into(),
        until: Some(app.now().plus(Millis::DAY)),
    };
    overrides::set(db, set, app.now()).await.unwrap();
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 6_287);
    let (from, until) = (START.plus(-Millis::HOUR), app.now().plus(Millis::MINUTE));
    // What the breakers look at is the hour in the money of today.
    let hour = decisions::since(db, from, until, 10).await.unwrap();
    let hour: Vec<_> = hour.iter().map(|one| (one.previous_minor, one.price_minor, one.currency.as_str())).collect();
    assert_eq!(hour, [(6_421, 6_287, "EUR")]);
    let decided = reporting::decided(db, from, 10).await.unwrap();
    assert_eq!(decided.iter().map(|one| one.price_minor).collect::<Vec<_>>(), [6_287], "and so do charts");
    let all = tracks(app, from).await.unwrap();
    assert!(all[0].decided.iter().all(|(_, was, now)| *was < 10_000 && *now < 10_000), "{:?}", all[0].decided);
    // A digest tells both, each in its own money.
    let reader = people::readers(app).await.unwrap().remove(0);
    let told = digest_for(app, &all, &reader, from, until).await.unwrap().unwrap().text;
    let row = |was: &str, now: &str| told.lines().any(|line| line.contains(was) && line.contains(now));
    assert!(row("64.21", "62.87") && row("499.00", "479.00"), "{told}");
    assert!(!row("499.00", "62.87"), "no cut from kroner to euros: {told}");
}
