//! The incidents that made repricing infamous, each against every guard alone switched off.
//!
//! An incident is a proposal as it came out of a system that had failed already: the engine is taken to be wrong, the
//! rule to be wrong, or the input. What must hold it are the layers behind, and never one of them alone.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

mod each;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::campaign::CampaignPrice;
use omniprice::decide::decision::{BoundSource, Decision, Flag, Outcome, Step};
use omniprice::decide::facts::{AppliedVat, Facts, ManualPrice, Market, OfferFact, Product};
use omniprice::decide::fx::{Freshness, FxTable};
use omniprice::decide::release::{Approval, Consent, Guard, GuardInputs, Guarded, ReleaseParams, release, usual};
use omniprice::decide::rivalry::History;
use omniprice::decide::rules::{Mode, RunBreaker};
use omniprice::decide::run_gate::{RunItem, RunParams, RunRest, run_breaker};
use omniprice::decide::text::{Quoted, Zone};
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

/// The defaults, with the guard that is off by default.
fn every_guard() -> ReleaseParams {
    ReleaseParams { second_person_above_pct: Some(Decimal::from(25)), ..ReleaseParams::default() }
}

/// The layers that hold an incident when the given guard is off.
fn layers(incident: &Incident, off: Option<Guard>) -> BTreeSet<String> {
    let params = ReleaseParams { off: off.into_iter().collect(), ..every_guard() };
    let result = release(&incident.decision, &incident.facts, &incident.state, &params, now().into());
    let mut layers: BTreeSet<String> = result.holds().map(|(guard, _)| format!("{guard:?}")).collect();
    if !run_breaker(&incident.run, RunRest::default(), &RunParams::default(), &RunBreaker::default()).is_empty() {
        layers.insert("RunBreaker".to_owned());
    }
    layers
}

#[test]
fn each_guard_switched_off_leaves_another_that_stops_every_incident() {
    let mut silent: BTreeSet<&str> = Guard::ALL.iter().map(|guard| guard.as_str()).collect();
    println!("layers that hold each incident; and how many are left at least, whichever single one is switched off");
    for incident in incidents() {
        let all = layers(&incident, None);
        let least = Guard::ALL.iter().map(|guard| layers(&incident, Some(*guard)).len()).min().unwrap_or(0);
        println!(
            "{:56} {least} left of {}: {}",
            incident.name,
            all.len(),
            all.iter().cloned().collect::<Vec<_>>().join(" ")
        );
        silent
            .retain(|guard| !Guard::ALL.iter().any(|one| one.as_str() == *guard && all.contains(&format!("{one:?}"))));
        assert!(all.len() >= 3, "{} is stopped by {all:?} only", incident.name);
        for guard in Guard::ALL {
            let rest = layers(&incident, Some(*guard));
            assert!(!rest.contains(&format!("{guard:?}")), "{guard:?} cannot be switched off");
            assert!(rest.len() >= 2, "{} without {guard:?} is stopped by {rest:?} only", incident.name);
        }
    }
    // A new guard either holds one of these, or is for something else: then it is named here, and shown by `each`.
    let elsewhere = ["absence", "dead_band", "eligibility", "oscillation", "plausibility", "quorum", "staging"];
    assert_eq!(silent, BTreeSet::from(elsewhere));
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
    /// An offer in cents of the euro, and the rate to convert it with.
    Euro(i64, i64),
    Cost(i64),
    /// The product's own minimum.
    Minimum(Option<i64>),
    Set(i64),
    Campaign(i64),
    /// Whatever was set is over.
    Over,
    Approve(&'static str),
    Hours(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1_i64..100_000).prop_map(Event::Offer),
        2 => (1_i64..14_000, 500_i64..1_000).prop_map(|(cents, rate)| Event::Euro(cents, rate)),
        2 => (1_i64..60_000).prop_map(Event::Cost),
        1 => prop::option::of(1_i64..60_000).prop_map(Event::Minimum),
        1 => (1_i64..90_000).prop_map(Event::Set),
        1 => (1_i64..60_000).prop_map(Event::Campaign),
        1 => Just(Event::Over),
        2 => prop_oneof![Just("anna"), Just("Bob"), Just(" ANNA")].prop_map(Event::Approve),
        2 => (1_i64..30).prop_map(Event::Hours),
    ]
}

/// A product on its way through events, with what the flow remembers between them.
struct Shelf {
    facts: Facts,
    clock: Millis,
    state: GuardInputs,
    /// What waits for a person, and who has agreed to it.
    waiting: Option<(Money, Option<Consent>)>,
    /// The price from before the one that was set, while that one is in force.
    before: Option<Money>,
}

/// A price that goes out, and everybody who agreed to it.
struct Moved {
    from: Money,
    to: Money,
    persons: BTreeSet<String>,
    planned: bool,
}

impl Shelf {
    fn happens(&mut self, event: &Event) {
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let product = &mut self.facts.product;
        let long = self.clock.plus(1_000 * HOUR);
        match event {
            Event::Offer(minor) => self.facts.offers = vec![OfferFact::seen("rival", dkk(*minor), self.clock)],
            Event::Euro(cents, rate) => {
                let price = Money::from_minor(*cents, Currency::EUR);
                self.facts.offers = vec![OfferFact::seen("euro", price, self.clock)];
                self.facts.fx = Some(FxTable {
                    date: jiff::civil::date(2026, 11, 20),
                    rates: [("DKK".to_owned(), Quoted(Decimal::new(*rate, 2)))].into(),
                    freshness: Freshness::Fresh,
                    buffer_pct: Decimal::ZERO,
                });
            }
            Event::Cost(minor) => product.cost_net = Some(dkk(*minor)),
            Event::Minimum(minor) => product.min = minor.map(dkk),
            Event::Set(minor) => {
                let (owner, reason) = ("anna".to_owned(), "a whim".to_owned());
                product.manual = Some(ManualPrice { price: dkk(*minor), owner, reason, until: long });
            }
            Event::Campaign(minor) => {
                product.campaign =
                    Some(CampaignPrice { id: "black".to_owned(), price: dkk(*minor), from: self.clock, until: long });
            }
            Event::Over => {
                product.set_by_hand = product.manual.is_some();
                (product.manual, product.campaign) = (None, None);
            }
            Event::Hours(hours) => self.clock = self.clock.plus(hours * HOUR),
            Event::Approve(_) => {}
        }
        let over = self.facts.product.manual.is_none() && self.facts.product.campaign.is_none();
        self.facts.product.before_set = self.before.filter(|_| over);
    }

    /// Decides as the flow does; what goes out, if anything does.
    fn decides(&mut self, rules: &RuleSet, params: &ReleaseParams, by: Option<&str>) -> Option<Moved> {
        let decision = price(&self.facts, rules, self.clock.timestamp());
        let wanted = decision.price.filter(|_| decision.proposes())?;
        let set = decision.has(Flag::ManualPrice) || decision.has(Flag::Campaign);
        let waited = self.waiting.take().filter(|(price, _)| *price == wanted);
        let approval =
            |by: &str, first: Option<Consent>| Approval { price: wanted, at: self.clock, by: by.to_owned(), first };
        let first = waited.as_ref().and_then(|(_, first)| first.clone());
        let approved = by.filter(|_| waited.is_some()).map(|by| approval(by, first.clone()));
        let state = GuardInputs { approved: approved.clone(), ..self.state.clone() };
        let guarded = Guarded::of(&decision, None, &self.facts, state, params, self.clock);
        let two = guarded.wants_second().is_none();
        let goes = match (&approved, set) {
            (Some(_), _) => guarded.hard().next().is_none() && two,
            (None, true) => guarded.hard().next().is_none() && (two || decision.has(Flag::Campaign)),
            (None, false) => decision.outcome == Outcome::Change && guarded.release.passes(),
        };
        if goes {
            let owner = self.facts.product.manual.as_ref().filter(|_| decision.has(Flag::ManualPrice));
            let names = [owner.map(|set| set.owner.as_str()), first.as_ref().map(|first| first.by.as_str()), by];
            let moved = Moved {
                from: if owner.is_some() { None } else { self.facts.product.before_set }
                    .or(self.facts.product.current)?,
                to: wanted,
                persons: names.into_iter().flatten().map(|name| name.trim().to_lowercase()).collect(),
                planned: decision.has(Flag::Campaign),
            };
            self.before = if set { self.before.or(self.facts.product.current) } else { None };
            self.facts.product.before_set = None;
            self.facts.product.current = Some(wanted);
            self.state.own_prices.push((self.clock, wanted));
            return Some(moved);
        }
        let first = first.or_else(|| approved.map(|approved| Consent { at: approved.at, by: approved.by }));
        self.waiting = Some((wanted, first));
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_observations_and_approvals_publishes_below_the_floor(
        events in prop::collection::vec(event(), 1..80),
        off in prop::sample::subsequence(Guard::ALL.to_vec(), 0..=Guard::ALL.len()),
        above in any::<bool>(),
    ) {
        // Above a competitor without a ceiling is a loop that only guards end; the floor holds there too.
        let adjust = if above { "percent = \"2\" }\nbounds = { no_ceiling = true" } else { "percent = \"-1\"" };
        let rule = format!(
            "[[rule]]\nid = \"r1\"\npriority = 1\ntarget = {{ kind = \"lowest\" }}\nadjust = {{ {adjust} }}\n\
             rounding = {{ modulus = \"10.00\", endings = [\"9.00\"], direction = \"down\" }}\n\
             limits = {{ review_above_pct = \"15\", max_step_down_pct = \"30\" }}\n"
        );
        let table = toml::from_str(&rule).expect("a rule");
        let rules = RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0;
        let params = ReleaseParams { off: off.iter().copied().collect(), ..every_guard() };
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let mut shelf = Shelf {
            facts: facts(dkk(49_900), Some(dkk(25_000)), 25, Vec::new()),
            clock: Millis::from(now()),
            state: state(dkk(49_900)),
            waiting: None,
            before: None,
        };
        for event in events {
            shelf.happens(&event);
            let by = match event {
                Event::Approve(by) => Some(by),
                _ => None,
            };
            let Some(Moved { from, to: price, persons, planned }) = shelf.decides(&rules, &params, by) else { continue };
            let product = &shelf.facts.product;
            let cost = product.cost_net.expect("always set").minor();
            prop_assert!(price.minor() * 100 >= cost * 125, "{price} at a cost of {cost}");
            prop_assert!(product.min.is_none_or(|min| price.minor() >= min.minor()), "{price} below {:?}", product.min);
            let far = (price.minor() - from.minor()).abs() * 100 > from.minor() * 25;
            // A price that was ours lately may be set again by one person.
            let lately = shelf.state.own_prices.iter().rev().skip(1).any(|(_, one)| *one == price);
            if far && !planned && !lately && !off.contains(&Guard::SecondPerson) {
                prop_assert!(persons.len() >= 2, "{persons:?} alone moved {from} to {price}");
            }
        }
    }
}
