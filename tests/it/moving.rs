//! Products that go to another market or into another money: every amount is converted, named or kept, and never a number of
//! another money.

mod back;
mod due;
mod guarded;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use omniprice::clock::{Clock, Millis};
use omniprice::flow::moving::{self, Plan, Rate, Wish};
use omniprice::flow::{campaigns as planning, pricing};
use omniprice::store::moves::{self, Move};
use omniprice::store::overrides::Kind;
use omniprice::store::products::{self, Product};
use omniprice::store::settings::{self, Rate as Stored};
use omniprice::store::{StoreError, campaigns, decisions, terms};

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World, price};
use crate::intent;

both_engines![
    a_country_takes_the_euro_at_the_fixed_rate,
    amounts_that_nothing_converts_stop_the_move,
    amounts_of_a_file_come_before_the_rate,
    a_market_with_another_id_keeps_amounts_and_history,
    another_tax_view_needs_every_amount,
    what_was_decided_in_another_money_is_compared_with_nothing,
    a_product_of_a_campaign_stays_until_it_is_over,
    a_slip_in_the_rate_or_in_a_sku_is_told_and_nothing_moves,
    a_product_that_changes_meanwhile_is_not_moved,
];

const START: Millis = Millis(1_795_510_800_000);
const EURO: &str =
    "[[market]]\nid = \"DKE\"\ncountry = \"DK\"\ncurrency = \"EUR\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\n";

/// A kettle that was decided in kroner, with every amount that a product may have.
async fn world(test: TestDb) -> World {
    let world = World::open_at(test, Setup::default(), Clock::manual(START)).await;
    write(&world, &format!("{RULES}\n{EURO}"));
    let rates = [("DKK", "7.46"), ("SEK", "11")].map(|(currency, rate)| Stored {
        day: "2026-11-23".into(),
        currency: currency.into(),
        rate: rate.into(),
    });
    settings::keep_rates(&world.app.db, rates.into(), START).await.unwrap();
    world
        .import(
            "sku,title,price,cost,market,min,regular,msrp,shipping,category\n\
                    KETTLE,Kettle,499.00,250.01,DK,300.00,549.00,599.00,0.00,kitchen/kettles\n",
        )
        .await;
    world.near.show("KETTLE", price(47_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    world
}

fn write(world: &World, rules: &str) {
    std::fs::write(world.test.dir.path().join("rules.toml"), rules).unwrap();
}

fn wish(rate: Option<&str>) -> Wish {
    let rate = rate.map(|text| Rate::parse(text).unwrap());
    Wish { market: "DKE".into(), skus: BTreeSet::from(["KETTLE".to_owned()]), rate, ..Wish::default() }
}

async fn plan(world: &World, wish: Wish) -> Plan {
    moving::plan(&world.app, &wish).await.unwrap()
}

async fn carry_out(world: &World, wish: Wish) {
    let plan = plan(world, wish).await;
    assert_eq!((plan.problems, plan.moves.len()), (vec![], 1));
    moving::carry_out(&world.app, plan.moves, "ann", "the euro is here").await.unwrap();
}

async fn kettle(world: &World) -> Product {
    products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap()
}

async fn a_country_takes_the_euro_at_the_fixed_rate(test: TestDb) {
    let world = world(test).await;
    intent::set(&world, Kind::Price, Some(46_900), 30 * Millis::DAY).await;
    let before = kettle(&world).await;
    let planned = plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await;
    assert_eq!(kettle(&world).await.market, "DK", "a plan moves nothing");
    assert_eq!(planned.moves[0].how, "at 1 EUR = 7.46 DKK");
    carry_out(&world, wish(Some("1 EUR = 7.46 DKK"))).await;
    let now = kettle(&world).await;
    assert_eq!((now.market.as_str(), now.currency.as_str(), now.own_minor), ("DKE", "EUR", 6_421));
    // 33.5134 and 40.2145 are floors, so up; 73.5924 and 80.2949 to the nearest cent.
    assert_eq!((now.cost_net.as_deref(), now.min_minor), (Some("33.52"), Some(4_022)));
    assert_eq!((now.regular_minor, now.msrp_minor, now.own_shipping_minor), (Some(7_359), Some(8_029), Some(0)));
    assert_eq!((now.version, now.amounts_since), (before.version + 1, Some(world.app.now().0)));
    let set = omniprice::store::overrides::of_product(&world.app.db, now.id, world.app.now()).await.unwrap();
    assert_eq!((set[0].price_minor, set[0].currency.as_str()), (Some(6_287), "EUR"), "469.00 DKK");
    let kept = moves::of_product(&world.app.db, now.id, 10).await.unwrap();
    let told = (kept[0].from_market.as_str(), kept[0].from_minor, kept[0].minor, kept[0].actor.as_str());
    assert_eq!(told, ("DK", 47_900, 6_421, "ann"));
    assert_eq!((kept[0].why.as_str(), kept[0].how.as_str()), ("the euro is here", "at 1 EUR = 7.46 DKK"));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 6_287, "the person's price goes on in the new money");
    let there = plan(&world, wish(None)).await;
    assert_eq!((there.moves.len(), there.there, there.problems.len()), (0, 1, 0));
}

async fn amounts_that_nothing_converts_stop_the_move(test: TestDb) {
    let world = world(test).await;
    for rate in [None, Some("1 SEK = 0.65 DKK")] {
        let told = plan(&world, wish(rate)).await;
        assert_eq!(told.moves, vec![]);
        let problems = told.problems.join("\n");
        for column in
            ["`price` 479.00 DKK", "`cost` 250.01 DKK", "`min` 300.00 DKK", "`regular`", "`msrp`", "`shipping`"]
        {
            assert!(problems.contains(&format!("KETTLE: {column}")), "{column}: {problems}");
        }
        assert!(problems.contains("hint: --rate \"1 EUR = ... DKK\""), "{problems}");
    }
    let nowhere = plan(&world, Wish { market: "EE".into(), ..wish(None) }).await.problems.join("\n");
    assert!(nowhere.contains("the rules have no such market\nhint: one of DK, DKE"), "{nowhere}");
    assert_eq!((kettle(&world).await.currency.as_str(), kettle(&world).await.amounts_since), ("DKK", None));
    for wrong in ["1 EUR = 0 DKK", "1 EUR = -7 DKK", "2 EUR = 15 DKK", "1 EUR = 1 EUR", "7.46", "1 EUR = 7,46 DKK"] {
        assert!(Rate::parse(wrong).is_none(), "{wrong}");
    }
}

async fn amounts_of_a_file_come_before_the_rate(test: TestDb) {
    let world = world(test).await;
    let rules = world.app.rules().await.unwrap();
    let csv = "sku,title,price,market,min\nKETTLE,Kettle,65.00,DKE,41.00\n";
    let read = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {});
    let amounts: BTreeMap<_, _> = read.rows.into_iter().map(|row| (row.sku.clone(), row)).collect();
    let without_rate = plan(&world, Wish { amounts: amounts.clone(), ..wish(None) }).await.problems.join("\n");
    assert!(without_rate.contains("`cost`") && !without_rate.contains("`min`"), "{without_rate}");
    let table = world.app.fx().await.unwrap().unwrap();
    carry_out(&world, Wish { amounts, rate: Some(Rate::Recorded(table)), ..wish(None) }).await;
    let now = kettle(&world).await;
    assert_eq!((now.own_minor, now.min_minor, now.cost_net.as_deref()), (6_500, Some(4_100), Some("33.52")));
    let how = moves::of_product(&world.app.db, now.id, 1).await.unwrap().remove(0).how;
    assert_eq!(how, "from a file, the rest at the recorded rates of 2026-11-23");
}

async fn a_market_with_another_id_keeps_amounts_and_history(test: TestDb) {
    let world = world(test).await;
    let before = kettle(&world).await;
    // The old id has left the rules already: the newest evaluation tells whether its prices contain VAT.
    write(&world, &RULES.replace("id = \"DK\"", "id = \"NORTH\""));
    let all = Wish { market: "NORTH".into(), from: Some("DK".into()), ..Wish::default() };
    carry_out(&world, all).await;
    let now = kettle(&world).await;
    assert_eq!((now.market.as_str(), now.own_minor, now.cost_net), ("NORTH", before.own_minor, before.cost_net));
    assert_eq!(now.amounts_since, None, "the same money: its history goes on");
    let (count, first) = decisions::of_day(&world.app.db, now.id, Millis(0)).await.unwrap();
    assert_eq!((count, first), (1, Some(49_900)));
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    assert_eq!(world.ours("KETTLE").await, 46_900, "it is decided in its new market");
}

async fn another_tax_view_needs_every_amount(test: TestDb) {
    let world = world(test).await;
    let net = "[[market]]\nid = \"B2B\"\ncountry = \"DK\"\ncurrency = \"DKK\"\ntax = \"net\"\ntz = \"Europe/Copenhagen\"\nvat = \"standard\"\n";
    write(&world, &format!("{RULES}\n{net}"));
    let told = plan(&world, Wish { market: "B2B".into(), ..wish(None) }).await.problems.join("\n");
    assert!(
        told.contains("`price` 479.00 DKK has no amount in the new market\nhint: it is of another tax view"),
        "{told}"
    );
}

async fn what_was_decided_in_another_money_is_compared_with_nothing(test: TestDb) {
    let world = world(test).await;
    let old = kettle(&world).await;
    assert!(terms::vat_of(&world.app.db, old.id).await.unwrap().is_some());
    carry_out(&world, wish(Some("1 EUR = 7.46 DKK"))).await;
    let (db, now) = (&world.app.db, kettle(&world).await);
    assert_eq!(
        decisions::of_day(db, now.id, Millis(0)).await.unwrap(),
        (0, None),
        "479.00 is no price of this day in euros"
    );
    assert_eq!(decisions::of_product_since(db, now.id, Millis(0)).await.unwrap().len(), 0);
    assert!(decisions::at(db, now.id, world.app.now()).await.unwrap().is_some(), "what was decided stays in the log");
    assert!(
        decisions::evaluation(db, now.id).await.unwrap().is_none()
            && terms::vat_of(db, now.id).await.unwrap().is_none()
    );
    let loaded = world.app.rules().await.unwrap();
    let facts = pricing::facts(&world.app, &loaded, &now, world.app.now()).await.unwrap();
    assert_eq!((facts.product.day_start, facts.product.last_reference), (None, None));
    world.drive().await;
    // 479.00 and 499.00 kroner at 7.46: the cheapest is 64.21.
    assert_eq!(world.ours("KETTLE").await, 6_421);
    assert_eq!(world.listing("KETTLE", "webshop").await.live_minor, Some(47_901), "64.21 EUR in kroner");
    // What people plan from now on is in the new money.
    let planned = planning::plan(&world.app, &campaign(&world), String::new()).await.unwrap().unwrap();
    assert_eq!(planned.items[0].currency, "EUR");
}

fn campaign(world: &World) -> omniprice::decide::campaign_file::CampaignFile {
    let at = |ms: i64| world.app.now().plus(ms);
    let text = format!(
        "id = \"sale\"\nfrom = \"{}\"\nuntil = \"{}\"\nowner = \"ann\"\nwhy = \"x\"\n[[item]]\nsku = \"KETTLE\"\nprice = \"60.00\"\n",
        at(Millis::HOUR),
        at(Millis::DAY)
    );
    omniprice::decide::campaign_file::CampaignFile::parse(&text).unwrap()
}

async fn a_product_of_a_campaign_stays_until_it_is_over(test: TestDb) {
    let world = world(test).await;
    let id = intent::add(&world, Millis::HOUR, Millis::DAY, "").await;
    let told = plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await.problems.join("\n");
    assert!(told.contains("campaign black-week has a price for it in DKK\nhint: omniprice campaign cancel"), "{told}");
    campaigns::set_phase(&world.app.db, id, "cancelled", None, None, world.app.now()).await.unwrap();
    assert_eq!(plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await.problems, Vec::<String>::new());
}

async fn a_slip_in_the_rate_or_in_a_sku_is_told_and_nothing_moves(test: TestDb) {
    let world = world(test).await;
    for (rate, problem) in [
        ("1 DKK = 7.46 EUR", Some("--rate 1 DKK = 7.46 EUR: by the stored rates of ")),
        ("1 EUR = 74.6 DKK", Some("--rate 1 EUR = 74.6 DKK: by the stored rates of ")),
        ("1 EUR = 7.46038 DKK", None),
    ] {
        let planned = plan(&world, wish(Some(rate))).await;
        assert_eq!(
            planned.problems.first().map(|told| told.starts_with(problem.unwrap_or("-"))),
            problem.map(|_| true)
        );
        assert_eq!(planned.moves.is_empty(), problem.is_some(), "{rate}");
    }
    // A currency that gave way to another is published no more; its last rate still tells a slip.
    let later = world.app.now().timestamp().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let others = vec![Stored { day: later, currency: "SEK".into(), rate: "11.2".into() }];
    settings::keep_rates(&world.app.db, others, world.app.now()).await.unwrap();
    assert!(world.app.fx().await.unwrap().unwrap().rate(omniprice::money::Currency::DKK).is_err(), "nothing of today");
    let turned = plan(&world, wish(Some("1 DKK = 7.46 EUR"))).await;
    assert!(turned.problems.join("").contains("by the stored rates of ") && turned.moves.is_empty(), "{turned:?}");
    assert!(!plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await.unmeasured);
    let rules = world.app.rules().await.unwrap();
    let file = format!("sku,title,price,market\nKETTEL,Kettle,65.00,{}\n", wish(None).market);
    let rows = omniprice::catalog::import::read(file.as_bytes(), &rules.set, |_| {}).rows;
    let amounts = rows.into_iter().map(|row| (row.sku.clone(), row)).collect();
    let planned = plan(&world, Wish { amounts, ..wish(Some("1 EUR = 7.46 DKK")) }).await;
    assert_eq!(planned.problems.len(), 1, "{:?}", planned.problems);
    assert!(planned.problems[0].starts_with("--amounts: KETTEL is none of the selected products\nhint: "));
}

async fn a_product_that_changes_meanwhile_is_not_moved(test: TestDb) {
    let world = world(test).await;
    let planned = plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await.moves;
    world.near.show("KETTLE", price(46_900));
    world.drive().await;
    let by = ("ann".to_owned(), "x".to_owned());
    let outrun = moves::apply(&world.app.db, planned.clone(), by.clone(), world.app.now()).await;
    assert!(matches!(&outrun, Err(StoreError::Outrun(sku)) if sku == "KETTLE"), "{outrun:?}");
    assert_eq!(
        (kettle(&world).await.currency.as_str(), moves::campaign_of(&world.app.db, 1).await.unwrap()),
        ("DKK", None)
    );
    let fresh = plan(&world, wish(Some("1 EUR = 7.46 DKK"))).await.moves;
    let both: Vec<Move> = [fresh, planned].concat();
    assert!(moves::apply(&world.app.db, both, by, world.app.now()).await.is_err());
    assert_eq!(kettle(&world).await.currency, "DKK", "all or none");
}
