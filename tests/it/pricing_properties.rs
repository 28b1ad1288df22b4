//! Properties that every decision must have, on random products, markets and rules.
//!
//! P1 to P7 are those of the semantics; the others are promises of this program: replay, order, channel floors.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use omniprice::clock::Millis;
use omniprice::decide::decision::{BelowFloor, Decision, Flag, Outcome, TargetKind};
use omniprice::decide::facts::{AppliedVat, Availability, Facts, Market, OfferFact, Product, Standing, Tax};
use omniprice::decide::fx::{Freshness, FxTable};
use omniprice::decide::rules::{Constraint, Mode};
use omniprice::decide::text::{Quoted, Zone};
use omniprice::decide::{RuleSet, price};
use omniprice::money::{Currency, Decimal, Money};
use omniprice::publish::order::{Move, violations, waves};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

const CASES: u32 = 2_000;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_250_000).expect("a second of 2026")
}

fn offer() -> impl Strategy<Value = OfferFact> {
    (0_u8..8, 100_i64..400_000, 0_u8..10, 0_u8..10, 0_i64..30, 1_u32..4, 0_u8..12, 0_u8..10).prop_map(
        |(competitor, minor, availability, standing, age_h, pack_qty, tax, currency)| {
            // Swedish kronor have a rate, roubles have none.
            let price = match currency {
                0 => Money::from_minor(minor / 7 + 1, Currency::EUR),
                1 => Money::from_minor(minor, Currency::SEK),
                2 => Money::from_minor(minor, code("RUB")),
                _ => Money::from_minor(minor, Currency::DKK),
            };
            let observed_at = Millis::from(now()).plus(-age_h * Millis::HOUR);
            OfferFact {
                shipping: (availability % 3 == 0).then(|| Money::from_minor(2_900, Currency::DKK)),
                tax: if tax == 0 { Tax::Net } else { Tax::Gross },
                availability: if availability < 8 { Availability::InStock } else { Availability::OutOfStock },
                pack_qty: if pack_qty == 3 { 2 } else { 1 },
                standing: if standing < 8 { Standing::Accepted } else { Standing::Quarantined },
                ..OfferFact::seen(format!("c{competitor}"), price, observed_at)
            }
        },
    )
}

fn code(text: &str) -> Currency {
    omniprice::money::currency(text).expect("a currency")
}

fn rates(freshness: Freshness) -> FxTable {
    let rates = [("DKK", "7.4575"), ("SEK", "11.3595")];
    let rates = rates.map(|(code, rate)| (code.to_owned(), Quoted(rate.parse().expect("a rate"))));
    FxTable { date: jiff::civil::date(2026, 11, 20), rates: rates.into(), freshness, buffer_pct: Decimal::ZERO }
}

/// Rates as they may be: none yet, of today, late, or too old.
fn fx() -> impl Strategy<Value = Option<FxTable>> {
    prop_oneof![
        1 => Just(None),
        5 => Just(Some(rates(Freshness::Fresh))),
        1 => Just(Some(rates(Freshness::Late))),
        1 => Just(Some(rates(Freshness::Stale))),
        1 => Just(Some(rates(Freshness::Expired))),
    ]
}

fn facts() -> impl Strategy<Value = Facts> {
    let vats = prop_oneof![Just("0"), Just("6"), Just("19"), Just("25"), Just("25.5")];
    // The product's own minimum, and the price from before a campaign that is over: each sometimes.
    let rarely = || prop_oneof![3 => Just(None), 1 => (30_i64..150).prop_map(Some)];
    let before = (rarely(), any::<bool>());
    (1_000_i64..300_000, 20_i64..130, vats, vec(offer(), 0..12), 80_i64..200, fx(), rarely(), before).prop_map(
        |(current, cost_pct, vat, offers, msrp_pct, fx, min_pct, (before_pct, set_by_hand))| {
            let dkk = |minor| Some(Money::from_minor(minor, Currency::DKK));
            let product = Product {
                current: dkk(current),
                cost_net: dkk((current * cost_pct / 125).max(1)),
                vat: Some(AppliedVat { percent: vat.parse().expect("a rate"), row: None }),
                msrp: dkk(current * msrp_pct / 100),
                regular: dkk(current),
                min: min_pct.and_then(|pct| dkk(current * pct / 100)),
                before_set: before_pct.and_then(|pct| dkk((current * pct / 100).max(1))),
                set_by_hand,
                ..Product::named("A1")
            };
            let market = Market::of_country("DK", Currency::DKK, Zone::UTC);
            Facts { offers, fx, ..Facts::new(product, market) }
        },
    )
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("kind = \"lowest\"".to_owned()),
        1 => Just("kind = \"highest\"".to_owned()),
        1 => Just("kind = \"mean\"".to_owned()),
        1 => Just("kind = \"median\"".to_owned()),
        1 => (1_u32..6).prop_map(|n| format!("kind = \"rank\", n = {n}")),
        1 => (0_u32..=100).prop_map(|pct| format!("kind = \"range\", pct = \"{pct}\"")),
        1 => Just("kind = \"competitor\", names = [\"c3\", \"c1\"]".to_owned()),
        1 => (0_u32..60).prop_map(|pct| format!("kind = \"cost_plus\", margin_pct = \"{pct}\"")),
        1 => Just("kind = \"field\", field = \"regular\"".to_owned()),
        1 => Just("kind = \"keep\"".to_owned()),
    ]
}

fn rounding() -> impl Strategy<Value = String> {
    let endings = prop_oneof![
        Just("modulus = \"1.00\", endings = [\"0.95\"]"),
        Just("modulus = \"10.00\", endings = [\"9.00\"]"),
        Just("modulus = \"100.00\", endings = [\"49.00\", \"99.00\"]"),
    ];
    let direction = prop_oneof![Just("down"), Just("up"), Just("nearest")];
    prop_oneof![
        1 => Just(String::new()),
        2 => (endings, direction).prop_map(|(e, d)| format!("rounding = {{ {e}, direction = \"{d}\" }}\n")),
    ]
}

/// A rule without selectors, damping or cost-dependent ceilings; what a property needs more, it adds.
fn rule() -> impl Strategy<Value = String> {
    (target(), -20_i32..20, rounding(), 0_u32..40, any::<bool>()).prop_map(|(target, percent, rounding, margin, basis)| {
        let basis = if basis { "offers = { basis = \"delivered\" }\n" } else { "" };
        format!(
            "id = \"r1\"\npriority = 10\nmode = \"auto\"\ntarget = {{ {target} }}\nadjust = {{ percent = \"{percent}\" }}\n\
             {rounding}{basis}bounds.min = [{{ margin_pct = \"{margin}\" }}]\n"
        )
    })
}

fn rules(rule: &str) -> RuleSet {
    let text = format!("[[rule]]\n{rule}");
    let table = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    RuleSet::from_table(table, Mode::Auto).unwrap_or_else(|errors| panic!("{errors:?}\n{text}")).0
}

fn minor(decision: &Decision) -> i64 {
    decision.price.expect("the product has a price").minor()
}

fn config() -> Config {
    Config { cases: CASES, failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn p1_a_proposed_price_is_inside_the_hard_bounds(
        facts in facts(),
        rule in rule(),
        step in 0_u32..30,
        conflict in prop_oneof![Just("hold"), Just("floor")],
        policy in prop_oneof![Just("floor"), Just("next"), Just("max"), Just("hold")],
    ) {
        let rule = format!(
            "{rule}bounds.max = [{{ field = \"msrp\" }}]\nbounds.on_conflict = \"{conflict}\"\non_below_floor = \"{policy}\"\n\
             limits = {{ max_step_down_pct = \"{step}\", max_step_up_pct = \"{step}\" }}\n"
        );
        let decision = price(&facts, &rules(&rule), now());
        if decision.proposes() {
            let floor = decision.floor.expect("nothing is proposed without a floor").minor();
            prop_assert!(minor(&decision) >= floor);
            prop_assert!(facts.product.min.is_none_or(|min| minor(&decision) >= min.minor()));
            // With `on_conflict = "floor"` the ceiling that is reported is the lifted one.
            prop_assert!(decision.ceiling.is_none_or(|ceiling| minor(&decision) <= ceiling.minor()));
        }
    }

    #[test]
    fn p2_the_engine_agrees_with_its_own_result(facts in facts(), rule in rule()) {
        let rules = rules(&rule);
        let first = price(&facts, &rules, now());
        let mut after = facts;
        after.product.current = first.price;
        // The rules have had their say: what was before a campaign is over.
        after.product.before_set = None;
        let second = price(&after, &rules, now());
        prop_assert_eq!(second.price, first.price);
        prop_assert!(!second.proposes(), "{:?}", second);
    }

    #[test]
    fn p3_the_order_of_offers_and_rules_does_not_matter(
        (facts, shuffled) in facts().prop_flat_map(|facts| {
            let offers = Just(facts.offers.clone()).prop_shuffle();
            (Just(facts), offers)
        }),
        first in rule(),
        second in rule(),
    ) {
        let second = second.replace("id = \"r1\"", "id = \"r2\"").replace("priority = 10", "priority = 20");
        let one = rules(&format!("{first}\n[[rule]]\n{second}"));
        let other = rules(&format!("{second}\n[[rule]]\n{first}"));
        let straight = price(&facts, &one, now());
        let mixed = price(&Facts { offers: shuffled, ..facts }, &other, now());
        let answer = |d: &Decision| (d.outcome, d.price, d.reference, d.rule.clone(), d.flags.clone());
        prop_assert_eq!(answer(&straight), answer(&mixed));
    }

    #[test]
    fn p4_a_dearer_offer_more_does_not_change_the_answer_to_the_lowest(
        facts in facts(),
        percent in -20_i32..20,
        extra in offer(),
    ) {
        let rules = rules(&format!(
            "id = \"r1\"\ntarget = {{ kind = \"lowest\" }}\nadjust = {{ percent = \"{percent}\" }}\n"
        ));
        let before = price(&facts, &rules, now());
        let Some(reference) = before.reference else { return Ok(()) };
        let dearer = Money::rounded(reference, Currency::DKK, rust_decimal::RoundingStrategy::ToPositiveInfinity);
        let dearer = dearer.expect("in range").minor() + 1 + extra.price.minor();
        let mut more = facts;
        let extra = OfferFact {
            competitor: "another".to_owned(),
            price: Money::from_minor(dearer, Currency::DKK),
            tax: Tax::Gross,
            pack_qty: 1,
            ..extra
        };
        more.offers.push(extra);
        let after = price(&more, &rules, now());
        prop_assert_eq!((after.outcome, after.price, after.flags), (before.outcome, before.price, before.flags));
    }

    #[test]
    fn p5_losing_all_offers_never_lowers_a_price_inside_the_bounds(facts in facts(), rule in rule()) {
        let none = Facts { offers: Vec::new(), ..facts };
        let decision = price(&none, &rules(&rule), now());
        let kind = decision.has(Flag::NoData);
        let current = none.product.current.expect("it has a price").minor();
        let inside = decision.floor.is_some_and(|floor| floor.minor() <= current);
        if kind && inside {
            prop_assert!(minor(&decision) >= current);
            prop_assert_eq!(decision.outcome, Outcome::Keep);
        }
    }

    #[test]
    fn p6_an_observation_that_was_not_accepted_has_no_influence(
        facts in facts(),
        rule in rule(),
        standing in prop_oneof![Just(Standing::Quarantined), Just(Standing::Suspect), Just(Standing::Rejected)],
        mut extra in offer(),
    ) {
        let rules = rules(&format!("{rule}offers.out_of_bounds = \"ignore\"\n").replace("offers = { basis = \"delivered\" }\n", ""));
        let before = price(&facts, &rules, now());
        extra.standing = standing;
        let mut more = facts;
        more.offers.push(extra);
        let after = price(&more, &rules, now());
        prop_assert_eq!((after.outcome, after.price, after.flags), (before.outcome, before.price, before.flags));
    }

    #[test]
    fn p7_a_higher_cost_never_lowers_the_price(facts in facts(), rule in rule(), more in 1_i64..100_000) {
        let rules = rules(&rule);
        let cheaper = price(&facts, &rules, now());
        let mut dearer = facts;
        let cost = dearer.product.cost_net.expect("a cost").minor() + more;
        dearer.product.cost_net = Some(Money::from_minor(cost, Currency::DKK));
        let after = price(&dearer, &rules, now());
        prop_assert!(minor(&after) >= minor(&cheaper), "{:?}\n{:?}", cheaper, after);
    }

    #[test]
    fn a_decision_recomputed_from_its_record_is_equal(facts in facts(), rule in rule(), cooldown in 0_u32..600) {
        let rules = rules(&format!("{rule}limits = {{ cooldown_min = {cooldown}, min_change_pct = \"0.3\" }}\n"));
        let decision = price(&facts, &rules, now());
        let record = serde_json::to_string(&facts).expect("facts are plain data");
        let read: Facts = serde_json::from_str(&record).expect("a record reads back");
        prop_assert_eq!(&read, &facts);
        prop_assert_eq!(&price(&read, &rules, now()), &decision);
        let text = serde_json::to_string(&decision).expect("a decision is plain data");
        prop_assert_eq!(serde_json::from_str::<Decision>(&text).expect("a decision reads back"), decision);
    }

    #[test]
    fn step_limits_hold_unless_a_hard_bound_overrides_them(
        facts in facts(),
        rule in rule(),
        down in 0_i64..40,
        up in 0_i64..40,
    ) {
        let rule = format!("{rule}limits = {{ max_step_down_pct = \"{down}\", max_step_up_pct = \"{up}\" }}\n");
        let decision = price(&facts, &rules(&rule), now());
        // After a campaign steps are measured from the price before it, after a person's price from that.
        let before = facts.product.before_set.filter(|_| !facts.product.set_by_hand);
        let from = before.or(facts.product.current);
        let current = from.expect("it has a price").minor();
        if decision.proposes() && !decision.has(Flag::StepLimitOverridden) {
            prop_assert!(minor(&decision) * 100 >= current * (100 - down));
            prop_assert!(minor(&decision) * 100 <= current * (100 + up));
        }
    }

    #[test]
    fn no_price_undercuts_on_the_wrong_side_without_saying_so(facts in facts(), rule in rule()) {
        let rules = rules(&rule);
        let decision = price(&facts, &rules, now());
        let loud = [Flag::IntentUnreachable, Flag::EndingSkipped, Flag::NoData];
        let policy = rules.rules[0].on_below_floor == BelowFloor::Floor;
        let keeps = rules.rules[0].target.kind() == TargetKind::Keep;
        let (Some(reference), true, false) = (decision.reference, decision.proposes() && policy, keeps) else {
            return Ok(());
        };
        if loud.iter().any(|flag| decision.has(*flag)) {
            return Ok(());
        }
        let percent = rules.rules[0].adjust.map_or(Decimal::ZERO, |adjust| adjust.percent);
        let amount = decision.price.expect("a proposal has a price").amount();
        if percent < Decimal::ZERO {
            prop_assert!(amount < reference);
        } else if percent > Decimal::ZERO {
            prop_assert!(amount >= reference);
        } else {
            prop_assert!(amount <= reference);
        }
    }

    #[test]
    fn no_step_of_an_update_order_violates_a_constraint(
        prices in vec((100_i64..200, 100_i64..200), 2..7),
        edges in vec((0_usize..7, 0_usize..7), 0..8),
        picks in vec(any::<prop::sample::Index>(), 40),
    ) {
        let name = |index: usize| format!("ch{index}");
        let moves: BTreeMap<String, Move> = prices.iter().enumerate().map(|(index, (old, new))| {
            (name(index), Move { old: Decimal::from(*old), new: Decimal::from(*new) })
        }).collect();
        // Edges from small to large indexes only: no circles.
        let constraints: Vec<Constraint> = edges.iter()
            .filter(|(a, b)| a < b && *b < prices.len())
            .map(|(a, b)| Constraint { never_below: (name(*a), name(*b)), best_effort_after_ms: None })
            .collect();
        let mut live: BTreeMap<String, Decimal> = moves.iter().map(|(id, m)| (id.clone(), m.old)).collect();
        let end: BTreeMap<String, Decimal> = moves.iter().map(|(id, m)| (id.clone(), m.new)).collect();
        prop_assume!(violations(&live, &constraints).is_empty() && violations(&end, &constraints).is_empty());
        let plan = waves(&moves, &constraints).expect("acyclic constraints always have an order");
        let mut picks = picks.iter();
        for mut wave in plan {
            while !wave.is_empty() {
                let next = picks.next().map_or(0, |pick| pick.index(wave.len()));
                let id = wave.swap_remove(next);
                live.insert(id.clone(), moves[&id].new);
                prop_assert!(violations(&live, &constraints).is_empty(), "after {id}");
            }
        }
        prop_assert_eq!(live, end);
    }
}
