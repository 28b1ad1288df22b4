//! Bars of a real report: what the market, the shop's sales and the channels' histories give to draw.

use omniprice::clock::{Clock, Millis};
use omniprice::config::Language;
use omniprice::report::bars::{Bars, What};
use omniprice::report::gather;
use omniprice::report::lang::Voice;
use omniprice::report::overview::{Asked, Target, overview};
use omniprice::report::sales::Sales;
use omniprice::store::products;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

both_engines![a_report_draws_what_it_has_and_says_what_it_lacks];

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

async fn a_report_draws_what_it_has_and_says_what_it_lacks(test: TestDb) {
    let products = vec![("KETTLE", "499.00", Some("250.00")), ("MUG", "99.00", Some("40.00"))];
    let world =
        World::open_at(test, Setup { products, mode: "shadow", ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(45_900));
    world.drive().await;
    let csv = "sku,title,price,cost,msrp\nKETTLE,Kettle,499.00,250.00,549.00\nMUG,Mug,99.00,40.00,\n";
    let rules = world.app.rules().await.unwrap();
    let rows = omniprice::catalog::import::read(csv.as_bytes(), &rules.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.unwrap();
    world.app.clock.advance(Millis::HOUR);
    let (until, voice) = (world.app.now(), Voice::new(Language::En, "Europe/Copenhagen"));
    let from = until.plus(-7 * Millis::DAY);
    let tracks = gather::tracks(&world.app, from).await.unwrap();
    let sales = Sales::read(b"sku,day,units,stock\nKETTLE,2026-11-23,3,9\nKETTLE,2026-11-24,4,9\n").unwrap();
    let drawn = async |what: What, sales: Option<&Sales>| {
        let asked = Asked { reader: None, sales, target: Target::Lowest, voice: &voice };
        let report = overview(&world.app, &tracks, &asked, from, until).await.unwrap();
        Bars::of(what, &report, &voice).map(|bars| bars.svg(&voice))
    };
    // Two offers of 459.00 and 499.00 are below 549.00; 40.00 less for 3.5 kettles a day.
    let below = drawn(What::Below, None).await.expect("a recommended price");
    assert!(below.contains(">KETTLE Kettle</text><rect") && below.contains(">2</text>"), "{below}");
    assert!(!below.contains("MUG"), "nobody recommends a price for it: {below}");
    let risk = drawn(What::MarginAtRisk, Some(&sales)).await.expect("units sold");
    assert!(risk.contains(">DKK 140.00</text>") && risk.matches("<rect").count() == 1, "{risk}");
    assert_eq!(drawn(What::MarginAtRisk, None).await, None, "nobody knows what is sold");
    assert_eq!(drawn(What::Elasticity, Some(&sales)).await, None, "two days say nothing");
    assert!(What::Elasticity.nothing(true, 7).starts_with("7 days cannot hold"));
    assert!(What::Elasticity.nothing(true, 90).contains("14 days on each side"));
    assert!(What::Elasticity.nothing(false, 90).contains("--sales FILE"));
    let danish = Voice::new(Language::Da, "Europe/Copenhagen");
    let asked = Asked { reader: None, sales: None, target: Target::Lowest, voice: &danish };
    let report = overview(&world.app, &tracks, &asked, from, until).await.unwrap();
    let told = Bars::of(What::Below, &report, &danish).map(|bars| bars.svg(&danish)).unwrap();
    assert!(told.contains("<title>tilbud under producentens pris</title>"), "{told}");
    let ready = drawn(What::Readiness, None).await.expect("channels");
    for channel in ["google (DK)", "till (DK)", "webshop (DK)"] {
        assert!(ready.contains(channel), "{ready}");
    }
    assert!(ready.contains(" / 2</text>"), "{ready}");
    for what in What::ALL {
        assert_eq!(What::of(what.name()), Some(what));
        for (sales, days) in [(false, 7), (true, 7), (true, 90)] {
            assert!(what.nothing(sales, days).contains("\nhint: "), "{what:?}");
        }
    }
}
