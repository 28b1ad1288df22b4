//! Each guard of the release layer holds what it is for, and nothing that only comes near it.

use omniprice::decide::decision::{Fate, SeenOffer, TargetKind};
use omniprice::decide::facts::Availability;

use omniprice::sentence::find;

use super::*;

#[test]
fn each_guard_holds_what_it_is_for() {
    let (current, to) = (amount("499.00", "DKK"), amount("479.00", "DKK"));
    let cost = Some(amount("250.00", "DKK"));
    let ordinary = || (facts(current, cost, 25, Vec::new()), forged(to, amount("312.50", "DKK")), state(current));
    let at = |hours: i64| Millis::from(now()).plus(-hours * HOUR);
    let shown = std::cell::RefCell::new(BTreeSet::new());
    let holds = |guard: Guard, change: &dyn Fn(&mut Facts, &mut Decision, &mut GuardInputs)| {
        shown.borrow_mut().insert(guard);
        let (mut facts, mut decision, mut state) = ordinary();
        change(&mut facts, &mut decision, &mut state);
        let result = release(&decision, &facts, &state, &every_guard(), now().into());
        let found: Vec<Guard> = result.holds().map(|(guard, _)| guard).collect();
        assert!(found.contains(&guard), "{guard:?} is silent; {found:?} speak");
        // A finding that nobody can take apart would reach every reader in English.
        let strange: Vec<&str> = result.holds().map(|(_, why)| why).filter(|why| find(why).is_none()).collect();
        assert_eq!(strange, Vec::<&str>::new());
    };
    holds(Guard::Eligibility, &|_, _, state| state.paused = true);
    holds(Guard::Eligibility, &|_, _, state| state.frozen_until = Some(at(-1)));
    holds(Guard::Eligibility, &|_, decision, _| decision.floor = None);
    holds(Guard::FreshFloor, &|_, _, state| state.fresh_cost_net = Some(amount("400.00", "DKK")));
    holds(Guard::FreshFloor, &|_, _, state| state.fresh_cost_net = Some(amount("0.00", "DKK")));
    holds(Guard::Confirmation, &|_, _, state| {
        state.previous_cost_net = Some(amount("500.00", "DKK"));
        state.fresh_cost_net = Some(amount("240.00", "DKK"));
    });
    holds(Guard::Plausibility, &|_, decision, _| {
        decision.steps.push(Step::Adjusted { x0: Decimal::from(150), intent: None });
    });
    holds(Guard::Absence, &|facts, decision, _| {
        facts.offers = vec![OfferFact {
            availability: Availability::OutOfStock,
            absence_confirmed: false,
            ..OfferFact::seen("rival", amount("489.00", "DKK"), at(1))
        }];
        decision.price = Some(amount("519.00", "DKK"));
        let seen = SeenOffer { offer: 0, price: None, fate: Fate::Availability };
        decision.steps.push(Step::Offers { seen: vec![seen] });
    });
    holds(Guard::Absence, &|facts, decision, _| {
        let price = amount("519.00", "DKK");
        facts.offers =
            vec![OfferFact { availability: Availability::Unknown, ..OfferFact::seen("rival", price, at(1)) }];
        decision.price = Some(price);
        let seen = SeenOffer { offer: 0, price: Some(price), fate: Fate::Counted };
        decision.steps.push(Step::Offers { seen: vec![seen] });
        let (kind, value) = (TargetKind::Lowest, price.amount());
        decision.steps.push(Step::Reference { kind, value, offer: Some(0) });
    });
    holds(Guard::Quorum, &|facts, decision, _| {
        let seen = SeenOffer { offer: 0, price: Some(to), fate: Fate::Counted };
        facts.offers = vec![OfferFact::seen("rival", to, at(1))];
        facts.product.current = Some(amount("529.00", "DKK"));
        decision.steps.push(Step::Offers { seen: vec![seen] });
    });
    holds(Guard::Step, &|_, decision, _| decision.price = Some(amount("439.00", "DKK")));
    holds(Guard::Step, &|_, decision, _| decision.price = Some(amount("579.00", "DKK")));
    holds(Guard::Velocity, &|_, _, state| {
        state.own_prices = [5, 4, 3, 2, 1].map(|h| (at(h), Money::from_minor(49_900 + h, Currency::DKK))).to_vec();
    });
    holds(Guard::Velocity, &|_, _, state| state.own_prices = vec![(at(30), amount("649.00", "DKK")), (at(2), current)]);
    holds(Guard::Corridor, &|_, _, state| state.median_30d = Some(amount("899.00", "DKK")));
    holds(Guard::Corridor, &|facts, _, _| facts.product.regular = Some(amount("299.00", "DKK")));
    holds(Guard::Slip, &|_, decision, _| decision.price = Some(amount("4990.00", "DKK")));
    holds(Guard::Slip, &|_, decision, _| decision.price = Some(amount("399.20", "DKK")));
    for confused in ["327.60", "760.00"] {
        holds(Guard::Slip, &|facts, decision, _| {
            let seen = SeenOffer { offer: 0, price: Some(to), fate: Fate::Counted };
            facts.offers = vec![OfferFact::seen("rival", amount("729.00", "SEK"), at(1))];
            decision.steps.push(Step::Offers { seen: vec![seen] });
            let rates = [("DKK", "7.4575"), ("SEK", "11.3595")];
            let rates = rates.map(|(code, rate)| (code.to_owned(), Quoted(rate.parse().expect("a rate"))));
            facts.fx = Some(FxTable {
                date: jiff::civil::date(2026, 11, 20),
                rates: rates.into(),
                freshness: Freshness::Fresh,
                buffer_pct: Decimal::ZERO,
            });
            decision.price = Some(amount(confused, "DKK"));
        });
    }
    holds(Guard::Loop, &|_, _, state| {
        let step = |ours: bool, hours: i64| PriceMove {
            ours,
            from: Decimal::from(500 + hours),
            to: Decimal::from(499 + hours),
            at: Some(at(hours)),
        };
        let moves = vec![step(true, 8), step(false, 6), step(true, 4), step(false, 2)];
        state.moves.insert("rival".to_owned(), moves);
    });
    holds(Guard::Oscillation, &|_, _, state| {
        let prices = [(10, 479), (8, 499), (6, 479), (4, 499)];
        state.own_prices = prices.map(|(h, p)| (at(h), Money::from_minor(p * 100, Currency::DKK))).to_vec();
    });
    holds(Guard::DeadBand, &|_, decision, _| decision.price = Some(amount("498.00", "DKK")));
    holds(Guard::Confirmation, &|_, decision, _| decision.price = Some(amount("389.00", "DKK")));
    holds(Guard::SecondPerson, &|_, decision, state| {
        let price = amount("369.00", "DKK");
        decision.price = Some(price);
        state.approved = Some(Approval { price, at: at(1), by: "anna".to_owned(), first: None });
    });
    holds(Guard::Staging, &|_, _, state| {
        state.rule_since = Some(at(1));
        state.rule_products = 1_000_000;
        state.rule = "r1".to_owned();
    });
    assert_eq!(shown.into_inner(), Guard::ALL.iter().copied().collect(), "every guard is shown here");
}

#[test]
fn two_persons_are_two_names_within_the_time_of_an_approval() {
    let (current, to) = (amount("499.00", "DKK"), amount("369.00", "DKK"));
    let at = |hours: i64| Millis::from(now()).plus(-hours * HOUR);
    let waits = |first: Option<(&str, i64)>, second: Option<&str>, owner: Option<&str>| {
        let mut facts = facts(current, Some(amount("250.00", "DKK")), 25, Vec::new());
        let mut decision = forged(to, amount("312.50", "DKK"));
        if let Some(owner) = owner {
            let (owner, reason, until) = (owner.to_owned(), String::new(), at(-9));
            facts.product.manual = Some(ManualPrice { price: to, owner, reason, until });
            decision.flags.push(Flag::ManualPrice);
        }
        let first = first.map(|(by, hours)| Consent { at: at(hours), by: by.to_owned() });
        let approved = second.map(|by| Approval { price: to, at: at(0), by: by.to_owned(), first });
        let state = GuardInputs { approved, ..state(current) };
        let result = release(&decision, &facts, &state, &every_guard(), now().into());
        result.holds().any(|(guard, _)| guard == Guard::SecondPerson)
    };
    assert!(waits(None, None, None) && waits(None, Some("anna"), None));
    assert!(!waits(Some(("anna", 1)), Some("bob"), None));
    assert!(waits(Some(("anna", 1)), Some(" ANNA"), None), "neither capitals nor spaces make another person");
    assert!(waits(Some(("", 1)), Some("bob"), None), "nobody is no person");
    assert!(waits(Some(("anna", 24)), Some("bob"), None), "the first consent has expired");
    assert!(waits(None, None, Some("anna")) && waits(None, Some("Anna"), Some("anna")));
    assert!(!waits(None, Some("bob"), Some("anna")), "whoever set the price is one of the two");
}

#[test]
fn a_second_witness_is_another_competitor_or_another_time() {
    let to = amount("449.00", "DKK");
    let at = |minutes: i64| Millis::from(now()).plus(-minutes * Millis::MINUTE);
    let quorum = |rivals: &[&str], sightings: &[i64]| {
        let mut facts = facts(amount("499.00", "DKK"), Some(amount("250.00", "DKK")), 25, Vec::new());
        let mut decision = forged(to, amount("312.50", "DKK"));
        facts.offers = rivals.iter().map(|rival| OfferFact::seen(*rival, to, at(1))).collect();
        let counted = |offer| SeenOffer { offer, price: Some(to), fate: Fate::Counted };
        decision.steps.push(Step::Offers { seen: (0_u32..).take(rivals.len()).map(counted).collect() });
        let times = sightings.iter().map(|minutes| at(*minutes)).collect();
        let sightings = BTreeMap::from([("rival".to_owned(), times)]);
        let state = GuardInputs { sightings, ..state(amount("499.00", "DKK")) };
        let result = release(&decision, &facts, &state, &ReleaseParams::default(), now().into());
        result.holds().all(|(guard, _)| guard != Guard::Quorum)
    };
    assert!(!quorum(&["rival"], &[]), "nobody else saw it");
    assert!(!quorum(&["rival"], &[40]), "one sighting is one witness");
    assert!(!quorum(&["rival"], &[40, 31]), "nine minutes apart may be one cached page");
    assert!(quorum(&["rival"], &[40, 30]));
    assert!(quorum(&["rival", "another"], &[]));
    let one_is_too_old = |decision: &mut Decision| {
        let fate = |offer: u32| if offer == 0 { Fate::Counted } else { Fate::TooOld };
        let seen = |offer: u32| SeenOffer { offer, price: Some(to), fate: fate(offer) };
        decision.steps.push(Step::Offers { seen: (0..2).map(seen).collect() });
    };
    let mut facts = facts(amount("499.00", "DKK"), Some(amount("250.00", "DKK")), 25, Vec::new());
    facts.offers = ["rival", "another"].map(|rival| OfferFact::seen(rival, to, at(1))).to_vec();
    let mut decision = forged(to, amount("312.50", "DKK"));
    one_is_too_old(&mut decision);
    let state = state(amount("499.00", "DKK"));
    let result = release(&decision, &facts, &state, &ReleaseParams::default(), now().into());
    assert!(result.holds().any(|(guard, _)| guard == Guard::Quorum), "an offer that does not count is no witness");
}

#[test]
fn a_competitor_that_is_far_from_all_others_is_no_reference() {
    let dkk = |text: &str| amount(text, "DKK");
    let decide = |lowest: &str| {
        let prices = [("low", lowest), ("b", "470.00"), ("c", "480.00"), ("d", "490.00")];
        let seen = Millis::from(now()).plus(-HOUR);
        let offers = prices.map(|(name, price)| OfferFact::seen(name, dkk(price), seen)).to_vec();
        let facts = facts(dkk("499.00"), Some(dkk("250.00")), 25, offers);
        let rule = "[[rule]]\nid = \"r1\"\npriority = 1\ntarget = { kind = \"lowest\" }\n";
        let table = toml::from_str(rule).expect("a rule");
        let rules = RuleSet::from_table(table, Mode::Auto).expect("a valid rule").0;
        let decision = price(&facts, &rules, now());
        let result = release(&decision, &facts, &state(dkk("499.00")), &ReleaseParams::default(), now().into());
        result.holds().any(|(guard, finding)| guard == Guard::Quorum && finding.contains("far from the median"))
    };
    assert!(decide("400.00"));
    assert!(!decide("455.00"));
}

#[test]
fn an_approval_is_for_one_price_and_for_a_day() {
    let (current, to) = (amount("499.00", "DKK"), amount("389.00", "DKK"));
    let incident = |approval: Option<Approval>| {
        let facts = facts(current, Some(amount("250.00", "DKK")), 25, Vec::new());
        let state = GuardInputs { approved: approval, ..state(current) };
        let off = BTreeSet::from([Guard::Step, Guard::Velocity]);
        let params = ReleaseParams { off, ..ReleaseParams::default() };
        release(&forged(to, amount("312.50", "DKK")), &facts, &state, &params, now().into())
    };
    let approval = |price: Money, hours: i64| {
        Some(Approval { price, at: Millis::from(now()).plus(-hours * HOUR), by: "anna".to_owned(), first: None })
    };
    assert!(incident(None).needs_approval_only());
    assert!(incident(approval(to, 0)).passes());
    assert!(incident(approval(to, 23)).passes());
    assert!(!incident(approval(to, 24)).passes());
    assert!(!incident(approval(to, -1)).passes(), "an approval of the future is none");
    assert!(!incident(approval(amount("399.00", "DKK"), 1)).passes());
}

#[test]
fn much_money_in_stock_needs_a_person_even_for_a_small_change() {
    let (current, to) = (amount("499.00", "DKK"), amount("479.00", "DKK"));
    let consent = |stock: Option<i64>, limit: i64| {
        let mut facts = facts(current, Some(amount("250.00", "DKK")), 25, Vec::new());
        facts.product.own_stock = stock;
        let params = ReleaseParams { confirm_above_amount: Some(Decimal::from(limit)), ..ReleaseParams::default() };
        release(&forged(to, amount("312.50", "DKK")), &facts, &state(current), &params, now().into())
            .needs_approval_only()
    };
    assert!(consent(Some(100), 1_999), "20.00 times 100");
    assert!(!consent(Some(100), 2_000));
    assert!(!consent(Some(-5), 1));
    assert!(!consent(None, 1));
}

#[test]
fn a_limit_that_is_only_reached_holds_nothing() {
    let current = amount("500.00", "DKK");
    let cost = amount("240.00", "DKK");
    let at = |hours: i64| Millis::from(now()).plus(-hours * HOUR);
    let holding = |to: &str, change: &dyn Fn(&mut Facts, &mut GuardInputs)| {
        let mut facts = facts(current, Some(cost), 25, Vec::new());
        let mut state = state(current);
        change(&mut facts, &mut state);
        let decision = forged(amount(to, "DKK"), amount("300.00", "DKK"));
        let result = release(&decision, &facts, &state, &ReleaseParams::default(), now().into());
        result.holds().map(|(guard, _)| guard).collect::<Vec<_>>()
    };
    let silent = |guard: Guard, to: &str, change: &dyn Fn(&mut Facts, &mut GuardInputs)| {
        let holds = holding(to, change);
        assert!(!holds.contains(&guard), "{guard:?} at {to}: {holds:?}");
    };
    let loud = |guard: Guard, to: &str, change: &dyn Fn(&mut Facts, &mut GuardInputs)| {
        assert!(holding(to, change).contains(&guard), "{guard:?} at {to}");
    };
    let none = |_: &mut Facts, _: &mut GuardInputs| {};
    silent(Guard::Step, "450.00", &none);
    silent(Guard::Step, "575.00", &none);
    loud(Guard::Step, "449.99", &none);
    loud(Guard::Step, "575.01", &none);
    silent(Guard::Eligibility, "480.00", &|_, state| state.frozen_until = Some(at(0)));
    let previous = |text: &'static str| {
        move |_: &mut Facts, state: &mut GuardInputs| {
            state.fresh_cost_net = Some(amount("240.00", "DKK"));
            state.previous_cost_net = Some(amount(text, "DKK"));
        }
    };
    silent(Guard::Confirmation, "480.00", &previous("480.00"));
    loud(Guard::Confirmation, "480.00", &previous("480.01"));
    let median =
        |text: &'static str| move |_: &mut Facts, state: &mut GuardInputs| state.median_30d = Some(amount(text, "DKK"));
    silent(Guard::Corridor, "480.00", &median("800.00"));
    silent(Guard::Corridor, "480.00", &median("300.00"));
    loud(Guard::Corridor, "479.99", &median("800.00"));
    loud(Guard::Corridor, "480.01", &median("300.00"));
    let prices = |hours: &'static [i64], step: i64| {
        move |_: &mut Facts, state: &mut GuardInputs| {
            let price = |hour: &i64| (at(*hour), Money::from_minor(50_000 + hour * step, Currency::DKK));
            state.own_prices = hours.iter().map(price).collect();
        }
    };
    loud(Guard::Velocity, "480.00", &prices(&[25, 20, 15, 10, 5], 1));
    silent(Guard::Velocity, "480.00", &prices(&[25, 24, 15, 10, 5], 1));
    silent(Guard::Velocity, "480.00", &prices(&[25, 20, 15, 10, 5], 0));
    silent(Guard::Slip, "480.00", &|facts, _| {
        facts.fx = Some(FxTable {
            date: jiff::civil::date(2026, 11, 20),
            rates: [("SEK".to_owned(), Quoted(Decimal::from(11))), ("DKK".to_owned(), Quoted(Decimal::from(7)))].into(),
            freshness: Freshness::Fresh,
            buffer_pct: Decimal::ZERO,
        });
    });
}

/// Whether the slip guard holds a change at a Swedish VAT rate, with one rival in a currency at the rates of a day.
fn slips(vat: i64, to: &str, rival: &str) -> bool {
    let mut facts = facts(amount("1000.00", "SEK"), Some(amount("300.00", "SEK")), vat, Vec::new());
    let rates = [("SEK", "11.00"), ("NOK", "11.035"), ("DKK", "7.46"), ("PLN", "4.25")];
    facts.fx = Some(FxTable {
        date: jiff::civil::date(2026, 11, 20),
        rates: rates.map(|(code, rate)| (code.to_owned(), Quoted(rate.parse().expect("a rate")))).into(),
        freshness: Freshness::Fresh,
        buffer_pct: Decimal::ZERO,
    });
    facts.offers = vec![OfferFact::seen("rival", amount("90.00", rival), Millis::from(now()).plus(-HOUR))];
    let to = amount(to, "SEK");
    let mut decision = forged(to, amount("400.00", "SEK"));
    let seen = SeenOffer { offer: 0, price: Some(to), fate: Fate::Counted };
    decision.steps.push(Step::Offers { seen: vec![seen] });
    let result = release(&decision, &facts, &state(amount("1000.00", "SEK")), &ReleaseParams::default(), now().into());
    result.holds().any(|(guard, _)| guard == Guard::Slip)
}

#[test]
fn an_ordinary_change_is_no_slip_in_any_currency_or_tax_class() {
    assert!(!slips(25, "985.00", "EUR"), "a Norwegian krone is worth almost a Swedish one, and nobody asks kroner");
    assert!(!slips(25, "985.00", "NOK"), "and where somebody does, a factor beside 1 says nothing");
    for to in ["960.00", "930.00", "1045.00", "1070.00"] {
        assert!(!slips(6, to, "EUR"), "{to}: food at 6 %");
    }
    assert!(slips(6, "943.40", "EUR") && slips(6, "1060.00", "EUR"), "exactly the tax on food");
    assert!(slips(6, "948.00", "EUR") && !slips(6, "949.00", "EUR"), "half a percent around it");
    assert!(!slips(2, "980.40", "EUR"), "a tax of two percent is beside 1");
    assert!(slips(25, "1474.00", "DKK") && slips(25, "678.00", "DKK"), "a Danish price taken for a Swedish one");
    assert!(!slips(25, "1474.00", "EUR"), "nobody asks Danish kroner");
    assert!(slips(25, "90.90", "EUR"));
}

#[test]
fn a_day_and_a_month_begin_with_the_price_before_the_first_move() {
    let dkk = |minor: i64| Money::from_minor(minor, Currency::DKK);
    let at = |minutes: i64| Millis::from(now()).plus(-minutes * Millis::MINUTE);
    let found = |moves: &[(i64, i64, i64)], current: i64, to: i64| {
        let history = History {
            own: moves.iter().map(|(minutes, _, to)| (at(*minutes), dkk(*to))).collect(),
            own_from: moves.iter().map(|(_, from, _)| dkk(*from)).collect(),
            ..History::default()
        };
        let now = Millis::from(now());
        let own_prices = history.prices(Some(dkk(current)), now);
        let facts = facts(dkk(current), Some(amount("100.00", "DKK")), 25, Vec::new());
        let state = GuardInputs { median_30d: usual(&own_prices, now), own_prices, ..GuardInputs::default() };
        let decision = forged(dkk(to), amount("125.00", "DKK"));
        let result = release(&decision, &facts, &state, &ReleaseParams::default(), now);
        let both = |guard: &Guard| matches!(guard, Guard::Velocity | Guard::Corridor);
        result.holds().map(|(guard, _)| guard).filter(both).collect::<Vec<_>>()
    };
    let slide = [(3, 100_000, 90_500), (2, 90_500, 82_000)];
    assert_eq!(found(&slide, 82_000, 80_000), [], "a fifth in a day is the limit");
    assert_eq!(found(&slide, 82_000, 79_999), [Guard::Velocity]);
    let often = [(4, 100_000, 99_000), (3, 99_000, 98_000), (2, 98_000, 97_000)];
    assert_eq!(found(&often, 97_000, 96_000), []);
    let four = [often.as_slice(), &[(1, 97_000, 96_000)]].concat();
    assert_eq!(found(&four, 96_000, 95_000), [Guard::Velocity], "four changes a day, the first of them counted");
    // Over days each step is small enough; what the price usually was is what it was for most of the month.
    let day = 24 * 60;
    let days = [(4, 100, 85), (3, 85, 73), (2, 73, 62)].map(|(d, from, to)| (d * day, from * 1_000, to * 1_000));
    assert_eq!(found(&days, 62_000, 60_000), []);
    assert_eq!(found(&days, 62_000, 59_900), [Guard::Corridor]);
    assert_eq!(found(&[], 100_000, 59_900), [Guard::Velocity, Guard::Corridor], "without any decision in a month");
}

#[test]
fn the_usual_price_is_weighed_by_time() {
    let dkk = |minor: i64| Money::from_minor(minor, Currency::DKK);
    let usual = |prices: &[(i64, i64)]| {
        let prices: Vec<(Millis, Money)> = prices.iter().map(|(at, minor)| (Millis(*at), dkk(*minor))).collect();
        usual(&prices, Millis(100)).map(Money::minor)
    };
    assert_eq!(usual(&[]), None);
    assert_eq!(usual(&[(100, 5)]), Some(5), "a price that began just now");
    assert_eq!(usual(&[(0, 10), (97, 9), (98, 8), (99, 7)]), Some(10));
    assert_eq!(usual(&[(0, 10), (49, 7)]), Some(7));
    assert_eq!(usual(&[(0, 10), (20, 30), (50, 20)]), Some(20));
}
