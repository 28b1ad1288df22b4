//! The incidents that made repricing infamous, each against every guard alone switched off.
//!
//! An incident is a proposal as it came out of a system that had failed already: the engine is taken to be wrong, the
//! rule to be wrong, or the input. What must hold it are the layers behind, and never one of them alone.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

mod each;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::decision::{BoundSource, Decision, Flag, Outcome, Step};
use omniprice::decide::facts::{AppliedVat, Facts, Market, OfferFact, Product};
use omniprice::decide::release::{Approval, Guard, GuardInputs, ReleaseParams, release, usual};
use omniprice::decide::rivalry::History;
use omniprice::decide::rules::{Mode, RunBreaker};
use omniprice::decide::run_gate::{RunItem, RunParams, RunRest, run_breaker};
use omniprice::decide::text::Zone;
use omniprice::decide::{RuleSet, price};
use omniprice::money::{Currency, Decimal, Money, currency};
use omniprice::observe::war::PriceMove;
use proptest::prelude::*;

const HOUR: i64 = Millis::HOUR;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_250_000).expect("a second of 2026")
}

fn amount(text: &str, code: &str) -> Money {
    Money::parse(text, currency(code).expect("a currency")).expect("an amount")
}

fn facts(current: Money, cost: Option<Money>, vat: i64, offers: Vec<OfferFact>) -> Facts {
    let product = Product {
        current: Some(current),
        cost_net: cost,
        vat: Some(AppliedVat { percent: Decimal::from(vat), row: None }),
        regular: Some(current),
        own_stock: Some(10),
        ..Product::named("A1")
    };
    let market = Market::of_country("XX", current.currency(), Zone::UTC);
    Facts { offers, ..Facts::new(product, market) }
}

/// What an engine with a defect, or one that obeys a wrong rule, hands to the release layer.
fn forged(to: Money, floor: Money) -> Decision {
    Decision {
        outcome: Outcome::Change,
        price: Some(to),
        reference: Some(to.amount()),
        rule: Some("r1".to_owned()),
        flags: Vec::new(),
        floor: Some(floor),
        ceiling: None,
        window: None,
        steps: vec![
            Step::Bounds { floor, floor_by: BoundSource::Implicit, ceiling: None, ceiling_by: None },
            Step::Adjusted { x0: to.amount(), intent: None },
        ],
        next_evaluation: None,
    }
}

struct Incident {
    name: &'static str,
    facts: Facts,
    decision: Decision,
    state: GuardInputs,
    /// The rest of the run: the same defect on other products.
    run: Vec<RunItem>,
}

fn state(current: Money) -> GuardInputs {
    GuardInputs {
        own_prices: vec![(Millis::from(now()).plus(-40 * 24 * HOUR), current)],
        median_30d: Some(current),
        ..GuardInputs::default()
    }
}

fn run_of(items: impl Iterator<Item = (i64, i64)>, code: &str) -> Vec<RunItem> {
    let money = |minor| Some(Money::from_minor(minor, currency(code).expect("a currency")));
    items.map(|(from, to)| RunItem { current: money(from), proposed: money(to), held: false }).collect()
}

fn incidents() -> Vec<Incident> {
    let gbp = |text: &str| amount(text, "GBP");
    let usd = |text: &str| amount(text, "USD");
    let penny = |name, current: Money, cost, to: Money, run| Incident {
        name,
        facts: facts(current, Some(cost), 0, Vec::new()),
        // The defect took the floor with it: the decision carries a floor of almost nothing.
        decision: forged(to, Money::from_minor(1, current.currency())),
        state: state(current),
        run,
    };
    let mut incidents = vec![
        penny(
            "2012 blank minimum means zero",
            usd("24.00"),
            usd("12.00"),
            usd("0.01"),
            run_of((0..40).map(|n| (2_400 + n, 1)), "USD"),
        ),
        penny(
            "2014 minimums bypassed, everything at one penny",
            gbp("18.50"),
            gbp("9.00"),
            gbp("0.01"),
            run_of((0..200).map(|n| (1_850 + n, 1)), "GBP"),
        ),
        penny(
            "2010 a few symbols missing, everything capped at 49.95",
            usd("180.00"),
            usd("90.00"),
            usd("49.95"),
            run_of((0..500).map(|n| (6_000 + 40 * n, 4_995)), "USD"),
        ),
        penny(
            "2014 every product at 34.99",
            gbp("899.00"),
            gbp("600.00"),
            gbp("34.99"),
            run_of((0..500).map(|n| (3_600 + 90 * n, 3_499)), "GBP"),
        ),
        penny("2005 a television for 49 pence", gbp("349.99"), gbp("250.00"), gbp("0.49"), Vec::new()),
        penny("a play set at a tenth of its price", usd("24.99"), usd("11.00"), usd("2.49"), Vec::new()),
    ];
    incidents.push(the_making_of_a_fly());
    incidents
}

/// The book of 2011 on its second day: 1.270589 times the other's price, which follows at 0.9983 times ours.
fn the_making_of_a_fly() -> Incident {
    let usd = |text: &str| amount(text, "USD");
    let (current, theirs, to) = (usd("57.29"), usd("57.19"), usd("72.67"));
    let day = |days: i64| Some(Millis::from(now()).plus(-days * 24 * HOUR));
    let step = |ours: bool, from: &str, to: &str, days: i64| PriceMove {
        ours,
        from: usd(from).amount(),
        to: usd(to).amount(),
        at: day(days),
    };
    let moves = vec![
        step(true, "35.54", "45.09", 2),
        step(false, "35.48", "45.01", 2),
        step(true, "45.09", "57.19", 1),
        step(false, "45.01", "57.19", 1),
    ];
    let mut book = facts(current, Some(usd("10.00")), 0, Vec::new());
    book.product.regular = Some(usd("35.54"));
    book.offers = vec![OfferFact::seen("rival", theirs, Millis::from(now()).plus(-HOUR))];
    Incident {
        name: "2011 two machines follow each other up",
        facts: book,
        decision: forged(to, usd("10.00")),
        state: GuardInputs {
            own_prices: vec![
                (Millis::from(now()).plus(-40 * 24 * HOUR), usd("35.54")),
                (Millis::from(now()).plus(-47 * HOUR), usd("45.09")),
                (Millis::from(now()).plus(-25 * HOUR), current),
            ],
            median_30d: Some(usd("35.54")),
            moves: BTreeMap::from([("rival".to_owned(), moves)]),
            ..GuardInputs::default()
        },
        run: Vec::new(),
    }
}

/// The layers that hold an incident when the given guard is off.
fn layers(incident: &Incident, off: Option<Guard>) -> BTreeSet<String> {
    let params = ReleaseParams { off: off.into_iter().collect(), ..ReleaseParams::default() };
    let result = release(&incident.decision, &incident.facts, &incident.state, &params, now().into());
    let mut layers: BTreeSet<String> = result.holds().map(|(guard, _)| format!("{guard:?}")).collect();
    if !run_breaker(&incident.run, RunRest::default(), &RunParams::default(), &RunBreaker::default()).is_empty() {
        layers.insert("RunBreaker".to_owned());
    }
    layers
}

#[test]
fn each_guard_switched_off_leaves_another_that_stops_every_incident() {
    for incident in incidents() {
        let all = layers(&incident, None);
        println!("{}: {all:?}", incident.name);
        assert!(all.len() >= 3, "{} is stopped by {all:?} only", incident.name);
        for guard in Guard::ALL {
            let rest = layers(&incident, Some(*guard));
            assert!(!rest.contains(&format!("{guard:?}")), "{guard:?} cannot be switched off");
            assert!(rest.len() >= 2, "{} without {guard:?} is stopped by {rest:?} only", incident.name);
        }
    }
}

#[test]
fn the_engine_itself_stops_the_incidents_that_begin_with_a_wrong_input() {
    let usd = |text: &str| amount(text, "USD");
    let seen = Millis::from(now()).plus(-HOUR);
    let lowest = "[[rule]]\nid = \"r1\"\npriority = 1\ntarget = { kind = \"lowest\" }\n";
    let decide = |rule: &str, facts: &Facts| {
        let table = toml::from_str(rule).expect("a rule");
        let rules = RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0;
        price(facts, &rules, now())
    };
    let penny = vec![OfferFact::seen("rival", usd("0.01"), seen)];
    let blank = decide(lowest, &facts(usd("24.00"), None, 0, penny.clone()));
    assert!(blank.has(Flag::NoFloor) && blank.outcome == Outcome::Hold, "a blank minimum is not zero");
    let zero = decide(lowest, &facts(usd("24.00"), Some(usd("0.00")), 0, penny.clone()));
    assert!(zero.has(Flag::NoFloor) && zero.outcome == Outcome::Hold, "a cost of zero is not a cost");
    let floored = decide(lowest, &facts(usd("24.00"), Some(usd("12.00")), 0, penny));
    assert_eq!(floored.price, Some(usd("12.00")), "the floor holds against any offer");
    let capped = format!("{lowest}bounds = {{ max = [{{ amount = \"49.95\" }}] }}\n");
    let dear = vec![OfferFact::seen("rival", usd("180.00"), seen)];
    let cap = decide(&capped, &facts(usd("180.00"), Some(usd("90.00")), 0, dear));
    assert!(cap.has(Flag::BoundsConflict) && cap.outcome == Outcome::Hold, "a cap below cost is a contradiction");
}

#[test]
fn an_ordinary_change_passes_every_guard() {
    let (current, to) = (amount("499.00", "DKK"), amount("479.00", "DKK"));
    let cost = Some(amount("250.00", "DKK"));
    let incident = Incident {
        name: "ordinary",
        facts: facts(current, cost, 25, Vec::new()),
        decision: forged(to, amount("312.50", "DKK")),
        state: GuardInputs { fresh_cost_net: cost, previous_cost_net: cost, ..state(current) },
        run: run_of((0..100).map(|n| (50_000 + n, if n < 10 { 49_000 + n } else { 50_000 + n })), "DKK"),
    };
    assert_eq!(layers(&incident, None), BTreeSet::new());
}

#[test]
fn raising_a_price_to_its_floor_is_not_held_back_by_the_guards_of_ordinary_moves() {
    let facts = facts(amount("300.00", "DKK"), Some(amount("280.00", "DKK")), 25, Vec::new());
    let table = toml::from_str("[[rule]]\nid = \"r1\"\npriority = 1\ntarget = { kind = \"keep\" }\n").expect("a rule");
    let rules = RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0;
    let decision = price(&facts, &rules, now());
    assert_eq!((decision.outcome, decision.price), (Outcome::Change, Some(amount("350.00", "DKK"))));
    let state = state(amount("300.00", "DKK"));
    let result = release(&decision, &facts, &state, &ReleaseParams::default(), now().into());
    let holds: Vec<_> = result.holds().collect();
    assert!(result.passes(), "{holds:?}");
}

#[derive(Debug, Clone)]
enum Event {
    Offer(i64),
    Cost(i64),
    Approve,
    Hours(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_i64..100_000).prop_map(Event::Offer),
        2 => (1_i64..60_000).prop_map(Event::Cost),
        1 => Just(Event::Approve),
        2 => (1_i64..30).prop_map(Event::Hours),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_observations_and_approvals_publishes_below_the_floor(
        events in prop::collection::vec(event(), 1..60),
        off in prop::sample::subsequence(Guard::ALL.to_vec(), 0..=Guard::ALL.len()),
    ) {
        let rule = "[[rule]]\nid = \"r1\"\npriority = 1\ntarget = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n\
                    rounding = { modulus = \"10.00\", endings = [\"9.00\"], direction = \"down\" }\n\
                    limits = { review_above_pct = \"15\", max_step_down_pct = \"30\" }\n";
        let table = toml::from_str(rule).expect("a rule");
        let rules = RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0;
        let params = ReleaseParams { off: off.into_iter().collect(), ..ReleaseParams::default() };
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let mut facts = facts(dkk(49_900), Some(dkk(25_000)), 25, Vec::new());
        let mut clock = Millis::from(now());
        let mut state = state(dkk(49_900));
        let mut waiting = None;
        for event in events {
            match event {
                Event::Offer(minor) => facts.offers = vec![OfferFact::seen("rival", dkk(minor), clock)],
                Event::Cost(minor) => facts.product.cost_net = Some(dkk(minor)),
                Event::Hours(hours) => clock = clock.plus(hours * HOUR),
                Event::Approve => {
                    state.approved = waiting.map(|price| Approval { price, at: clock, by: "anna".to_owned() });
                }
            }
            let decision = price(&facts, &rules, clock.timestamp());
            let result = release(&decision, &facts, &state, &params, clock);
            waiting = decision.price.filter(|_| decision.outcome == Outcome::Review || result.needs_approval_only());
            let approved = state.approved.as_ref().is_some_and(|approval| Some(approval.price) == decision.price);
            let goes_out = decision.outcome == Outcome::Change || decision.outcome == Outcome::Review && approved;
            if goes_out && result.passes() {
                let price = decision.price.expect("a change has a price");
                let cost = facts.product.cost_net.expect("always set").minor();
                prop_assert!(price.minor() * 100 >= cost * 125, "{price} at a cost of {cost}");
                facts.product.current = Some(price);
                state.own_prices.push((clock, price));
            }
        }
    }
}
