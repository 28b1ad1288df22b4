//! Rules tried on recorded history in which hours pass and nobody moves: time alone decides as it does in the daemon.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use omniprice::clock::{Clock, Millis};
use omniprice::decide::RuleSet;
use omniprice::decide::campaign::CampaignPrice;
use omniprice::decide::facts::{AppliedVat, Facts, Market, OfferFact, Product};
use omniprice::decide::moments::{MAX_BETWEEN, Moment, Pace, Sighting};
use omniprice::decide::release::ReleaseParams;
use omniprice::decide::rules::Mode;
use omniprice::decide::simulate::{SimParams, SimReport, Simulation};
use omniprice::decide::simulated::Guards;
use omniprice::decide::text::Zone;
use omniprice::flow::replay;
use omniprice::money::{Currency, Decimal, Money};
use omniprice::store::products;

use crate::both_engines;
use crate::harness::{Setup, TestDb, World, price};

/// A Tuesday in November, ten in the morning in Copenhagen.
const START: Millis = Millis(1_795_510_800_000);

both_engines![
    a_replay_decides_what_the_daemon_decided_while_no_page_changed,
    a_product_without_pages_is_replayed_by_the_hours_of_its_rule,
];

fn dkk(minor: i64) -> Money {
    Money::from_minor(minor, Currency::DKK)
}

fn rules(text: &str) -> RuleSet {
    RuleSet::from_table(toml::from_str(text).expect("rules"), Mode::Auto).expect("valid rules").0
}

/// 499.00 beside one rival, seen once at the beginning and for `seen_ms` after it.
fn moment(rival: i64, seen_ms: i64) -> Moment {
    let product = Product {
        current: Some(dkk(49_900)),
        cost_net: Some(dkk(20_000)),
        regular: Some(dkk(50_900)),
        vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
        ..Product::named("A1")
    };
    let zone = Zone::parse("Europe/Copenhagen").expect("a zone");
    let mut facts = Facts::new(product, Market::of_country("DK", Currency::DKK, zone));
    facts.offers = vec![OfferFact::seen("c1", dkk(rival), START)];
    let sightings = vec![Sighting { last: START.plus(seen_ms), absent_since: None }];
    Moment { at: START.timestamp(), facts, sightings }
}

/// Replays one moment until some days later.
fn replayed(text: &str, days: i64, moment: Moment, guards: Option<Guards>) -> SimReport {
    let rules = rules(text);
    let pace = Pace { step_after_ms: Some(4 * Millis::HOUR) };
    let end = Some(START.plus(days * Millis::DAY));
    let mut simulation = Simulation::new(&rules, SimParams { end, guards, pace, sample: 50, ..SimParams::default() });
    simulation.product([moment]);
    simulation.finish()
}

/// When each change was made, in hours from the beginning, and to which price.
fn moves(report: &SimReport) -> Vec<(i64, i64)> {
    let of = |change: &omniprice::decide::simulate::Change| (change.at.since(START) / Millis::HOUR, change.to.minor());
    report.sample.iter().map(|sample| of(&sample.change)).collect()
}

const LOWEST: &str = "[[rule]]\nid = \"r1\"\npriority = 1\ntarget = { kind = \"lowest\" }\n";

#[test]
fn steps_follow_each_other_without_a_page() {
    let stepped = format!("{LOWEST}limits = {{ max_step_down_pct = \"3\" }}\n");
    let report = replayed(&stepped, 1, moment(45_000, Millis::DAY), None);
    assert_eq!(moves(&report), [(0, 48_403), (4, 46_951), (8, 45_543), (12, 45_000)]);
    assert!(!report.assumes.iter().any(|said| said.contains("page changes")), "{:?}", report.assumes);
}

#[test]
fn hours_and_the_end_of_a_rule_are_replayed() {
    let hours = "[[rule]]\nid = \"night\"\npriority = 9\nhours = \"22:00-06:00\"\ntarget = { kind = \"lowest\" }\n\
                 valid = { until = 2026-11-26T00:00:00+01:00 }\n\
                 [[rule]]\nid = \"day\"\npriority = 1\ntarget = { kind = \"field\", field = \"regular\" }\n";
    let report = replayed(hours, 4, moment(48_000, 9 * Millis::DAY), None);
    // It begins at ten: 509.00 by day, 480.00 at night, and from Thursday on by night too.
    let expected = [(0, 50_900), (12, 48_000), (20, 50_900), (36, 48_000), (38, 50_900)];
    assert_eq!(moves(&report), expected);
}

#[test]
fn a_cooldown_ends_and_a_day_begins_without_a_page() {
    let cooled = format!("{LOWEST}limits = {{ max_step_down_pct = \"3\", cooldown_min = 360 }}\n");
    assert_eq!(moves(&replayed(&cooled, 1, moment(47_000, Millis::DAY), None)), [(0, 48_403), (6, 47_000)]);
    let once = format!("{LOWEST}limits = {{ max_step_down_pct = \"3\", max_changes_per_day = 1 }}\n");
    // Midnight is fourteen hours away.
    assert_eq!(moves(&replayed(&once, 1, moment(47_000, Millis::DAY), None)), [(0, 48_403), (14, 47_000)]);
}

#[test]
fn offers_grow_old_after_their_last_look_and_not_after_the_first() {
    let regular = format!("{LOWEST}on_no_data = [\"regular\"]\n");
    let report = replayed(&regular, 6, moment(48_000, 2 * Millis::DAY), None);
    assert_eq!(moves(&report), [(0, 48_000), (72, 50_900)], "a day after the last look");
    assert_eq!(report.decisions, 2, "what is still seen is not asked about every day");
    let remembered = format!("{LOWEST}on_no_data = [{{ last_reference_h = 48 }}, \"regular\"]\n");
    let report = replayed(&remembered, 6, moment(48_000, 0), None);
    assert_eq!(moves(&report), [(0, 48_000), (48, 50_900)], "what was remembered grows old in its turn");
}

#[test]
fn a_campaign_in_the_facts_begins_and_ends() {
    let mut moment = moment(48_000, 9 * Millis::DAY);
    let (from, until) = (START.plus(5 * Millis::HOUR), START.plus(9 * Millis::HOUR));
    moment.facts.product.campaign = Some(CampaignPrice { id: "bf".to_owned(), price: dkk(40_000), from, until });
    let report = replayed(LOWEST, 1, moment, None);
    assert_eq!((moves(&report), report.changes_set), (vec![(0, 48_000)], 2), "there and back is no work of the rules");
    assert_eq!(report.decisions, 3, "both ends are moments: {report:?}");
}

#[test]
fn what_a_day_of_the_guards_holds_goes_out_later_and_is_told_once() {
    // Two steps of eight percent are more than the day's fifteen.
    let stepped = format!("{LOWEST}limits = {{ max_step_down_pct = \"8\" }}\n");
    let report = replayed(&stepped, 3, moment(38_000, 9 * Millis::DAY), Some(Guards::new(ReleaseParams::default())));
    let moves = moves(&report);
    assert_eq!(moves.last().map(|(_, minor)| *minor), Some(38_000), "{moves:?}");
    assert!(moves.iter().any(|(hour, _)| *hour >= 24), "not all in one day: {moves:?}");
    assert!((1..=3).contains(&report.held), "a proposal that is held all night is one: {report:?}");
}

#[test]
fn too_many_moments_between_pages_are_cut_and_told() {
    let mut hourly = String::new();
    for hour in 0..12 {
        let (from, until) = (2 * hour, 2 * hour + 1);
        hourly += &format!(
            "[[rule]]\nid = \"r{hour}\"\npriority = 9\nhours = \"{from:02}:00-{until:02}:00\"\ntarget = {{ kind = \"keep\" }}\n"
        );
    }
    let report = replayed(&hourly, 100, moment(48_000, 400 * Millis::DAY), None);
    assert_eq!((report.cut_short, report.decisions), (0, 100 * 24));
    let report = replayed(&hourly, 300, moment(48_000, 400 * Millis::DAY), None);
    assert_eq!((report.cut_short, report.decisions), (1, u64::from(MAX_BETWEEN) + 1));
    assert!(report.assumes.iter().any(|said| said.contains("4,392")), "{:?}", report.assumes);
}

async fn simulate(world: &World, since: Millis) -> SimReport {
    let loaded = world.app.rules().await.expect("rules");
    let now = world.app.now();
    let pace = Pace { step_after_ms: Some(world.app.schedule.interval(now)) };
    let params = SimParams { end: Some(now), pace, sample: 50, ..SimParams::default() };
    let mut simulation = Simulation::new(&loaded.set, params);
    let page = products::page(&world.app.db, 0, 10).await.expect("products");
    let rates = replay::Rates::of(&world.app, (since, now)).await.expect("rates");
    let window = replay::Window { since, end: now, rules_only: false };
    for moments in replay::page(&world.app, &loaded, &rates, &page, &window).await.expect("history") {
        simulation.product(moments.replayed);
    }
    simulation.finish()
}

async fn a_replay_decides_what_the_daemon_decided_while_no_page_changed(test: TestDb) {
    let rules = "[[rule]]\nid = \"steps\"\npriority = 200\nmode = \"auto\"\ntarget = { kind = \"lowest\" }\n\
                 bounds = { min = [{ margin_pct = \"10\" }] }\nlimits = { max_step_down_pct = \"3\" }\n";
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    world.near.show("KETTLE", price(46_000));
    world.drive().await;
    for _ in 0..4 {
        world.app.clock.advance(world.app.schedule.interval(START));
        world.settle().await;
    }
    assert_eq!(world.ours("KETTLE").await, 46_000, "the daemon went there in steps");
    let report = simulate(&world, START.plus(-Millis::HOUR)).await;
    let last = report.sample.last().map(|sample| sample.change.to.minor());
    assert_eq!((report.changes_down, last), (3, Some(46_000)), "{report:?}");
}

async fn a_product_without_pages_is_replayed_by_the_hours_of_its_rule(test: TestDb) {
    let rules = "[[rule]]\nid = \"lamps\"\npriority = 200\nmode = \"auto\"\nhours = \"10:30-11:00\"\nselect = { sku = [\"LAMP\"] }\n\
                 target = { kind = \"field\", field = \"regular\" }\n\
                 [[rule]]\nid = \"else\"\npriority = 150\nmode = \"auto\"\nselect = { sku = [\"LAMP\"] }\n\
                 target = { kind = \"field\", field = \"msrp\" }\n";
    let world = World::open_at(test, Setup { rules, ..Setup::default() }, Clock::manual(START)).await;
    let loaded = world.app.rules().await.expect("rules");
    let csv = "sku,price,cost,regular,msrp\nLAMP,100.00,40.00,95.00,100.00\n";
    let rows = omniprice::catalog::import::read(csv.as_bytes(), &loaded.set, |_| {}).rows;
    products::import(&world.app.db, rows, world.app.now()).await.expect("a product");
    world.app.clock.advance(2 * Millis::DAY);
    let report = simulate(&world, START.plus(-Millis::DAY)).await;
    assert_eq!(report.rules.get("lamps").map(|rule| (rule.decided, rule.changed)), Some((2, 2)), "{report:?}");
}
