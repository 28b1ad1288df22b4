//! Explanations, what would change a decision, and rules tried on recorded history.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::explain::{explain, prove};
use omniprice::decide::facts::{AppliedVat, Availability, Facts, Lock, Market, OfferFact, Product, Standing};
use omniprice::decide::release::{Guard, ReleaseParams};
use omniprice::decide::rivalry::RivalryParams;
use omniprice::decide::rivals::Follow;
use omniprice::decide::rules::Mode;
use omniprice::decide::run_gate::RunParams;
use omniprice::decide::simulate::{SimParams, SimReport, Simulation};
use omniprice::decide::simulated::{Guards, Runs};
use omniprice::decide::staging::{Queue, Young};
use omniprice::decide::text::{Quoted, Zone};
use omniprice::decide::war_response::WarResponse;
use omniprice::decide::{Outcome, RuleSet, price};
use omniprice::money::{Currency, Decimal, Money, decimal};
use omniprice::observe::war::WarParams;

const HOUR: i64 = Millis::HOUR;

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_795_250_000 + hours * 3_600).expect("a second of 2026")
}

fn dkk(text: &str) -> Money {
    Money::parse(text, Currency::DKK).expect("an amount")
}

fn facts(current: &str, offers: &[(&str, &str)], hours: i64) -> Facts {
    let product = Product {
        current: Some(dkk(current)),
        cost_net: Some(dkk("250.00")),
        vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
        brand: Some("Sony".to_owned()),
        ..Product::named("A1")
    };
    let market = Market::of_country("DK", Currency::DKK, Zone::UTC);
    let seen = Millis::from(at(hours)).plus(-HOUR);
    let offers = offers.iter().map(|(name, price)| OfferFact::seen(*name, dkk(price), seen)).collect();
    Facts { offers, ..Facts::new(product, market) }
}

fn rules(rule: &str) -> RuleSet {
    let table = toml::from_str(&format!("[[rule]]\nid = \"r1\"\npriority = 1\n{rule}")).expect("a rule");
    RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0
}

const BEAT: &str = "target = { kind = \"lowest\" }\nadjust = { percent = \"-1\" }\n";

#[test]
fn an_explanation_tells_what_happened_and_who_was_left_out() {
    let mut facts = facts("499.00", &[("c1", "479.00"), ("c2", "489.00"), ("gone", "399.00")], 0);
    facts.offers[2].availability = Availability::OutOfStock;
    let rules = rules(BEAT);
    let decision = price(&facts, &rules, at(0));
    let text = explain(&facts, &rules, at(0), &decision, None).to_string();
    for part in [
        "A1 in DK goes from 499.00 DKK to 474.21 DKK (-4.97 %).",
        "Rule r1 decides.",
        "It may not go below 312.50 DKK (cost 250.00 DKK plus VAT).",
        "2 of 3 offers count: c1 479.00, c2 489.00. Left out: gone (not in stock).",
        "The lowest offer is 479.00 DKK (c1).",
        "If c1 sells out: the price goes to 484.11 DKK.",
        "If c1 lowers its price to 455.05 DKK: the price goes to 450.50 DKK.",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn an_increment_of_the_market_keeps_prices_payable_and_the_intended_side() {
    let stepped = |current: &str, offer: &str, rule: &str| {
        let mut facts = facts(current, &[("c1", offer)], 0);
        facts.market.price_increment = Some(Decimal::ONE);
        let decision = price(&facts, &rules(rule), at(0));
        (decision.price.map(|price| price.to_string()), facts, decision)
    };
    let (found, facts, decision) = stepped("499.00", "479.00", BEAT);
    assert_eq!(found.as_deref(), Some("474.00 DKK"), "474.21 cannot be paid in whole kroner");
    let record = serde_json::to_string(&facts).expect("facts are JSON");
    let read: Facts = serde_json::from_str(&record).expect("the record is read back");
    assert_eq!(price(&read, &rules(BEAT), at(0)), decision, "the step is part of the record");
    let match_it = "target = { kind = \"lowest\" }\n";
    assert_eq!(stepped("499.00", "479.90", match_it).0.as_deref(), Some("479.00 DKK"), "480.00 would not match");
    let ending = format!("{BEAT}rounding = {{ modulus = \"10.00\", endings = [\"9.95\"], direction = \"down\" }}\n");
    assert_eq!(stepped("499.00", "479.00", &ending).0.as_deref(), Some("469.95 DKK"), "a rule's ending decides");
    let narrow = format!("{BEAT}bounds = {{ min = [{{ amount = \"312.60\" }}], max = [{{ amount = \"312.80\" }}] }}\n");
    let (found, ..) = stepped("312.70", "300.00", &narrow);
    assert_eq!(found.as_deref(), Some("312.60 DKK"), "between bounds without a step any price will do");
}

#[test]
fn what_would_change_it_is_true_when_the_fact_is_changed() {
    let mut facts = facts("499.00", &[("c1", "300.00")], 0);
    let rules = rules(BEAT);
    let decision = price(&facts, &rules, at(0));
    let told = explain(&facts, &rules, at(0), &decision, None);
    let lower = told.what_if.iter().find(|probe| probe.condition.starts_with("If the cost falls to"));
    let lower = lower.expect("the floor decides, so a lower cost would change it");
    let cost = lower.condition.trim_start_matches("If the cost falls to ").trim_end_matches(" DKK");
    assert_eq!(cost, "237.60", "297.00 is 237.60 with VAT");
    facts.product.cost_net = Some(dkk(cost));
    assert_eq!(price(&facts, &rules, at(0)).price, lower.price);
    facts.product.cost_net = Some(dkk("237.61"));
    assert_ne!(price(&facts, &rules, at(0)).price, lower.price);
}

#[test]
fn a_lock_is_explained_with_its_owner_and_with_what_it_prevents() {
    let mut facts = facts("499.00", &[("c1", "479.00")], 0);
    facts.product.lock =
        Some(Lock { owner: "anna".to_owned(), reason: "price promise in the press".to_owned(), until: None });
    let rules = rules(BEAT);
    let decision = price(&facts, &rules, at(0));
    let text = explain(&facts, &rules, at(0), &decision, None).to_string();
    assert!(text.contains("anna locked the product (price promise in the press)"), "{text}");
    assert!(text.contains("Without the lock: the price goes to 474.21 DKK."), "{text}");
}

#[test]
fn a_record_that_was_tampered_with_is_not_reproduced() {
    let mut facts = facts("499.00", &[("c1", "479.00")], 0);
    let rules = rules(BEAT);
    let decision = price(&facts, &rules, at(0));
    assert!(prove(&facts, &rules, at(0), &decision).is_ok());
    facts.offers[0].price = dkk("478.99");
    let error = prove(&facts, &rules, at(0), &decision).expect_err("another offer gives another decision");
    assert!(error.to_string().contains("cannot be reproduced"));
}

fn history(current: &str, market: &[(&str, &str)], days: i64) -> Vec<(Timestamp, Facts)> {
    (0..days).map(|day| (at(day * 24), facts(current, market, day * 24))).collect()
}

fn simulate(rules: &RuleSet, follow: Option<Follow>, histories: Vec<Vec<(Timestamp, Facts)>>) -> SimReport {
    let mut simulation = Simulation::new(rules, SimParams { follow, sample: 3, ..SimParams::default() });
    histories.into_iter().for_each(|history| simulation.product(history));
    simulation.finish()
}

#[test]
fn a_simulation_counts_what_the_rules_would_have_done() {
    let sony = rules(&format!("{BEAT}select = {{ brand = [\"Sony\"] }}\n"));
    let mut other = history("499.00", &[("c1", "479.00")], 3);
    for (_, facts) in &mut other {
        facts.product.brand = Some("Bose".to_owned());
        facts.product.sku = "B1".to_owned();
    }
    let report = simulate(&sony, None, vec![history("499.00", &[("c1", "479.00"), ("c2", "489.00")], 3), other]);
    assert_eq!((report.products, report.decisions, report.products_changed), (2, 6, 1));
    assert_eq!((report.changes_down, report.changes_up), (1, 0), "after the first change it stays");
    assert_eq!(report.outcomes.get("keep"), Some(&2));
    assert_eq!(report.average_change_pct, Some(Quoted(decimal("4.97").expect("a number"))));
    assert_eq!((report.untouched, report.untouched_skus), (1, vec!["B1".to_owned()]));
    let rule = report.rules.get("r1").expect("the rule decided");
    assert_eq!((rule.decided, rule.changed), (3, 1));
    assert_eq!(report.sample.len(), 1);
    assert!(report.sample[0].explanation.contains("c1 479.00"));
    // The index compares with the mean of 479 and 489, and of the product that no rule touches with 479: 103.10 and 104.18
    // before, 97.98 and 104.18 after.
    assert_eq!(report.index.before, Some(Quoted(decimal("103.64").expect("a number"))));
    assert_eq!(report.index.after, Some(Quoted(decimal("101.08").expect("a number"))));
    // 37.37 % at 499.00 and 34.10 % at 474.21, in the mean with the other product's 37.37 %.
    let margins = (report.margin_pct.before, report.margin_pct.after);
    let number = |text: &str| Some(Quoted(decimal(text).expect("a number")));
    assert_eq!(margins, (number("37.37"), number("35.74")));
}

#[test]
fn rivals_that_follow_show_a_race_to_the_bottom_before_it_happens() {
    let market = [("c1", "479.00")];
    let quiet = simulate(&rules(BEAT), None, vec![history("499.00", &market, 5)]);
    assert_eq!((quiet.wars, quiet.changes_down), (0, 1));
    let race = simulate(&rules(BEAT), Some(Follow::default()), vec![history("499.00", &market, 5)]);
    assert_eq!(race.wars, 1);
    assert!(race.changes_down > 6, "{race:?}");
    let damped = format!("{BEAT}limits = {{ cooldown_min = 10080 }}\n");
    let slow = simulate(&rules(&damped), Some(Follow::default()), vec![history("499.00", &market, 5)]);
    assert_eq!((slow.wars, slow.changes_down), (0, 1), "a cooldown ends the race");
}

#[test]
fn a_simulation_counts_reviews_and_floors() {
    let review = rules(&format!("{BEAT}limits = {{ review_above_pct = \"10\" }}\n"));
    let report = simulate(&review, None, vec![history("499.00", &[("c1", "300.00")], 2)]);
    assert_eq!((report.reviews, report.flags.get("floor_applied")), (1, Some(&2)));
    assert_eq!(report.outcomes.get(Outcome::Review.as_str()), Some(&1));
    assert_eq!(report.largest_change.map(|change| change.to), Some(dkk("312.50")));
}

#[test]
fn the_guards_hold_in_a_simulation_what_they_would_hold_in_the_daemon() {
    let market = [("c1", "400.00"), ("c2", "405.00")];
    let guarded = |rules: &RuleSet, follow: Option<Follow>, days: i64| {
        let guards = Some(Guards::new(ReleaseParams::default()));
        let mut simulation = Simulation::new(rules, SimParams { follow, guards, ..SimParams::default() });
        simulation.product(history("499.00", &market, days));
        simulation.finish()
    };
    // 499 to 396 is a fifth: one step may be a tenth.
    let report = guarded(&rules(BEAT), None, 3);
    assert_eq!((report.products_changed, report.held), (0, 3), "{report:?}");
    assert_eq!(report.guards.get(&Guard::Step), Some(&3));
    assert_eq!(simulate(&rules(BEAT), None, vec![history("499.00", &market, 3)]).products_changed, 1);
    // The same in small steps goes out, a day's share each day.
    let small = rules(&format!("{BEAT}limits = {{ max_step_down_pct = \"8\" }}\n"));
    let report = guarded(&small, None, 5);
    assert_eq!((report.changes_down, report.guards.get(&Guard::Step)), (3, None), "{report:?}");
    // Answering each other in one direction freezes the price for a day.
    let race = guarded(&small, Some(Follow::default()), 6);
    assert!(race.guards.contains_key(&Guard::Loop) || race.guards.contains_key(&Guard::Velocity), "{race:?}");
    let free = simulate(&small, Some(Follow::default()), vec![history("499.00", &market, 6)]);
    assert!(race.changes_down < free.changes_down, "{} and {}", race.changes_down, free.changes_down);
}

#[test]
fn a_simulation_counts_what_would_wait_for_a_person_a_stage_or_with_its_run() {
    let run = |change: &dyn Fn(&mut Guards)| {
        let mut guards = Guards::new(ReleaseParams::default());
        change(&mut guards);
        let rules = rules(BEAT);
        let mut simulation = Simulation::new(&rules, SimParams { guards: Some(guards), ..SimParams::default() });
        for n in 0..100 {
            // From 499.00 to 484.11, each from the same price to the same price.
            let mut history = history("499.00", &[("c1", "489.00"), ("c2", "490.00")], 1);
            history.iter_mut().for_each(|(_, facts)| facts.product.sku = format!("S{n}"));
            simulation.product(history);
        }
        let report = simulation.finish();
        assert_eq!(report.changes_down, 100, "whatever waits is counted, and goes out: {report:?}");
        [report.reviews, report.staged, report.runs_held, report.held_with_run]
    };
    let runs = |products| Some(Runs { params: RunParams::default(), products });
    let mut queue = Queue::default();
    (0..100).for_each(|n| queue.add("r1", &format!("S{n}")));
    let stages = Some(queue.stages(&ReleaseParams::default()));
    let stage =
        |hours: i64| BTreeMap::from([("r1".to_owned(), Young { since: at(-hours).into(), products: 100, stages })]);
    assert_eq!(run(&|_| {}), [0, 0, 0, 0]);
    assert_eq!(run(&|guards| guards.all_wait = true), [100, 0, 0, 0]);
    // Five products of a hundred, then a tenth, then all.
    assert_eq!(run(&|guards| guards.stages = stage(0)), [0, 95, 0, 0]);
    assert_eq!(run(&|guards| guards.stages = stage(24)), [0, 90, 0, 0]);
    assert_eq!(run(&|guards| guards.stages = stage(48)), [0, 0, 0, 0]);
    // All of a hundred products at once are a run that is held; of ten thousand they are few.
    assert_eq!(run(&|guards| guards.runs = runs(100)), [0, 0, 1, 100]);
    assert_eq!(run(&|guards| guards.runs = runs(10_000)), [0, 0, 0, 0]);
    let both = |guards: &mut Guards| (guards.stages, guards.runs) = (stage(0), runs(100));
    assert_eq!(run(&both), [0, 95, 0, 0], "what a stage keeps back is in no run");
    let asked = |guards: &mut Guards| (guards.all_wait, guards.stages, guards.runs) = (true, stage(0), runs(100));
    assert_eq!(run(&asked), [100, 0, 0, 0], "a person sees each of them");
    let params = ReleaseParams { off: [Guard::Staging].into(), ..ReleaseParams::default() };
    let off = |guards: &mut Guards| {
        *guards = Guards::new(params.clone());
        guards.stages = stage(0);
    };
    assert_eq!(run(&off), [0, 0, 0, 0], "the operator switched the stages off");
}

#[test]
fn a_page_in_match_review_does_not_count_in_a_simulation_and_is_told() {
    let mut asked = history("499.00", &[("c1", "400.00"), ("c2", "489.00")], 1);
    asked.iter_mut().for_each(|(_, facts)| facts.offers[0].standing = Standing::Quarantined);
    let report = simulate(&rules(BEAT), None, vec![asked, history("499.00", &[("c1", "489.00")], 1)]);
    assert_eq!(report.in_match_review, 1);
    assert_eq!(report.largest_change.map(|change| change.to), Some(dkk("484.11")), "the doubted page moved nothing");
}

/// Six cuts in turn are a war; the answer stands for a day, then the rule is tried again.
#[test]
fn the_answer_to_a_price_war_ends_a_race_in_a_simulation_as_in_the_daemon() {
    let market = [("c1", "479.00"), ("c2", "495.00")];
    let run = |response: Option<WarResponse>| {
        let rivalry = response.map(|response| RivalryParams {
            war: WarParams::default(),
            response,
            hold_ms: Millis::DAY,
            own_rise_pct: Decimal::ONE_THOUSAND,
            own_rise_within_ms: Millis::DAY,
            flip_flops: 100,
        });
        let follow = Some(Follow::default());
        let rules = rules(BEAT);
        let mut simulation = Simulation::new(&rules, SimParams { follow, rivalry, ..SimParams::default() });
        simulation.product(history("499.00", &market, 5));
        simulation.finish()
    };
    let free = run(None);
    assert_eq!((free.held_in_rivalry, free.rivalries.len(), free.assumes.len()), (0, 0, 5), "{free:?}");
    let frozen = run(Some(WarResponse::Freeze));
    assert!(frozen.rivalries.contains_key("war") && frozen.held_in_rivalry > 0, "{frozen:?}");
    assert!(frozen.changes_down < free.changes_down, "{} and {}", frozen.changes_down, free.changes_down);
    assert_eq!(frozen.assumes.len(), 4);
    let stepped = run(Some(WarResponse::StepToNext));
    assert!(stepped.stepped_past_rival > 0 && stepped.held_in_rivalry == 0, "{stepped:?}");
    let asked = run(Some(WarResponse::Review));
    assert!(asked.reviews > free.reviews && asked.held_in_rivalry == 0, "{asked:?}");
}

#[test]
fn a_guard_is_called_in_reports_what_it_is_called_in_the_configuration() {
    for guard in Guard::ALL {
        assert_eq!(serde_json::to_value(guard).expect("a name"), guard.as_str());
    }
}
