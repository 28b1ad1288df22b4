//! What a rule file says of sellers and markets: who is left out and why, how much one counts, whose decisions a market
//! takes over.

use omniprice::catalog::import;
use omniprice::clock::Millis;
use omniprice::decide::check::Warning;
use omniprice::decide::decision::Step;
use omniprice::decide::explain::{explain, prove};
use omniprice::decide::facts::{AppliedVat, Market, OfferFact, Product};
use omniprice::decide::text::Zone;
use omniprice::decide::{Decision, Facts, Outcome, RuleSet, price};
use omniprice::money::{Currency, Decimal, Money};
use omniprice::store::products;
use omniprice::store::settings::{self, Rate};

use crate::both_engines;
use crate::harness::{RULES, Setup, TestDb, World};

both_engines![a_derived_market_takes_over_its_sources_decisions_and_nobody_elses];

const NOW: Millis = Millis(1_795_251_600_000);

fn facts(offers: &[(&str, i64)]) -> Facts {
    let dkk = |minor| Money::from_minor(minor, Currency::DKK);
    let product = Product {
        current: Some(dkk(49_900)),
        cost_net: Some(dkk(10_000)),
        vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
        ..Product::named("A1")
    };
    let offers = offers.iter().map(|(name, minor)| OfferFact::seen(*name, dkk(*minor), NOW)).collect();
    let market = Market::of_country("DK", Currency::DKK, Zone::parse("Europe/Copenhagen").unwrap());
    Facts { offers, ..Facts::new(product, market) }
}

fn parse(rest: &str) -> (RuleSet, Vec<Warning>) {
    RuleSet::parse(&format!("{RULES}\n{rest}")).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn refused(rest: &str) -> String {
    let errors = RuleSet::parse(&format!("{RULES}\n{rest}")).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn rule(rest: &str) -> String {
    format!("[[rule]]\nid = \"a\"\npriority = 900\nmode = \"auto\"\n{rest}\n")
}

fn decide(facts: &Facts, rules: &RuleSet) -> Decision {
    price(facts, rules, NOW.timestamp())
}

#[test]
fn a_seller_that_is_left_out_stands_in_the_record_with_the_reason() {
    let offers = "target = { kind = \"lowest\" }\noffers = { exclude = [\"own.example\", \"gone.example\"], exclude_reason = \" our own outlet \" }";
    let (rules, warnings) = parse(&rule(offers));
    assert_eq!(warnings, vec![]);
    let facts = facts(&[("own.example", 30_000), ("rival.example", 45_000)]);
    let decision = decide(&facts, &rules);
    assert_eq!(decision.price.map(Money::minor), Some(45_000));
    let stored = serde_json::to_string(&decision).unwrap();
    assert!(stored.contains("\"our own outlet\"") && !stored.contains("gone.example"), "{stored}");
    let read: Decision = serde_json::from_str(&stored).unwrap();
    prove(&facts, &rules, NOW.timestamp(), &read).unwrap();
    let told = explain(&facts, &rules, NOW.timestamp(), &read, None).to_string();
    assert!(told.contains("- The rule leaves out own.example: our own outlet.\n"), "{told}");
}

#[test]
fn a_record_without_the_reason_is_that_of_a_rule_without_one() {
    let (rules, warnings) = parse(&rule("target = { kind = \"lowest\" }\noffers = { exclude = \"own.example\" }"));
    let warned: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert!(
        matches!(&warned[..], [one] if one.starts_with("rule a: leaves out own.example and does not say why; beside")
            && one.contains("exclude_reason = \"")),
        "{warned:?}"
    );
    let decision = decide(&facts(&[("own.example", 30_000), ("rival.example", 45_000)]), &rules);
    assert!(!decision.steps.iter().any(|step| matches!(step, Step::LeftOut { .. })));
}

#[test]
fn a_reason_that_says_nothing_is_refused() {
    let with = |offers: &str| refused(&rule(&format!("target = {{ kind = \"lowest\" }}\noffers = {{ {offers} }}")));
    assert!(with("exclude_reason = \"ours\"").contains("rule a: offers.exclude_reason: nobody is left out"));
    for reason in ["  ".to_owned(), "two\\nlines".to_owned(), "x".repeat(201)] {
        let told = with(&format!("exclude = \"x\", exclude_reason = \"{reason}\""));
        assert!(told.contains("exclude_reason: is no reason") && told.contains("hint: such as"), "{reason}: {told}");
    }
}

#[test]
fn a_mean_counts_every_competitor_by_its_weight() {
    let of = |weights: &[(&str, u32)]| {
        let declared = weights.iter().map(|(id, weight)| format!("[[competitor]]\nid = \"{id}\"\nweight = {weight}\n"));
        parse(&format!("{}{}", declared.collect::<String>(), rule("target = { kind = \"mean\" }"))).0
    };
    let facts = facts(&[("a", 40_000), ("b", 46_000), ("c", 49_000)]);
    let mean =
        |weights: &[(&str, u32)]| decide(&facts, &of(weights)).reference.map(|value| value.normalize().to_string());
    assert_eq!(mean(&[]).as_deref(), Some("450"));
    // (3 x 400 + 460 + 490) / 5
    assert_eq!(mean(&[("a", 3)]).as_deref(), Some("430"));
    // (460 + 490) / 2
    assert_eq!(mean(&[("a", 0)]).as_deref(), Some("475"));
    let none = decide(&facts, &of(&[("a", 0), ("b", 0), ("c", 0)]));
    assert_eq!((none.outcome, none.reference), (Outcome::Keep, None), "nobody counts, so there is no mean");
    let told = |weights: &[(&str, u32)]| {
        let rules = of(weights);
        explain(&facts, &rules, NOW.timestamp(), &decide(&facts, &rules), None).to_string()
    };
    assert!(told(&[("a", 3)]).contains("The average of the offers by their competitors' weights is 430.00 DKK."));
    assert!(told(&[("a", 2), ("b", 2), ("c", 2)]).contains("The average of the offers is 450.00 DKK."));
    assert!(refused("[[competitor]]\nid = \"a\"\nweight = 1001").contains("competitor a: weight: 1001 is above 1000"));
}

const SWEDEN: &str =
    "[[market]]\nid = \"SE\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntz = \"Europe/Stockholm\"\nderived_from = \"DK\"\n";
const FINLAND: &str =
    "[[market]]\nid = \"FI\"\ncountry = \"FI\"\ncurrency = \"EUR\"\ntz = \"Europe/Helsinki\"\nderived_from = \"SE\"\n";

#[test]
fn a_derived_market_has_no_rules_and_no_products_of_its_own() {
    let told = refused(&format!("{SWEDEN}{}", rule("markets = [\"SE\"]\ntarget = { kind = \"lowest\" }")));
    assert!(told.contains("rule a: markets[0]: `SE` is derived from DK"), "{told}");
    let (rules, _) = parse(&format!("{SWEDEN}{FINLAND}"));
    assert_eq!((rules.source_of("FI"), rules.source_of("SE"), rules.source_of("DK")), (Some("DK"), Some("DK"), None));
    let read = |csv: &str| import::read(csv.as_bytes(), &rules, |_| {});
    let good = read("sku,price\nA,10.00\n");
    assert_eq!((good.errors.len(), good.rows[0].market.as_str()), (0, "DK"), "one market decides");
    let bad = read("sku,price,market\nA,10.00,FI\n");
    let told: Vec<String> = bad.errors.iter().map(ToString::to_string).collect();
    assert!(
        matches!(&told[..], [one] if one.contains("`FI` is derived from DK") && one.contains("hint: ")),
        "{told:?}"
    );
    let mut swedish = facts(&[("rival.example", 45_000)]);
    swedish.market.id = "SE".to_owned();
    assert_eq!(decide(&swedish, &rules).outcome, Outcome::None, "no rule applies there, not even one for all markets");
}

/// The Danish decision in the Swedish feed; and when the market's source changes, nothing of the Danish one.
async fn a_derived_market_takes_over_its_sources_decisions_and_nobody_elses(test: TestDb) {
    let channel = "[[channel]]\nid = \"sweden\"\nkind = \"feed\"\nmarket = \"SE\"\nrounding = { modulus = \"10.00\", endings = [\"9.00\"] }\n";
    let rules = format!("{SWEDEN}{channel}");
    let config = "[fx]\nfetch = \"off\"\n[channels.sweden]\nkind = \"feed\"\npath = \"feeds/sweden.xml\"\ntitle = \"Shop\"\n\
                  link = \"https://shop.example/p/{sku}\"\ncurrency = \"SEK\"\ntax = \"gross\"\n";
    let world =
        World::open(test, Setup { rules: Box::leak(rules.clone().into_boxed_str()), config, ..Setup::default() }).await;
    let day = world.app.now().timestamp().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let rate = |currency: &str, rate: &str| Rate { day: day.clone(), currency: currency.into(), rate: rate.into() };
    settings::keep_rates(&world.app.db, vec![rate("DKK", "7.4575"), rate("SEK", "11.3595")], world.app.now())
        .await
        .unwrap();
    world.near.show("KETTLE", crate::harness::price(47_900));
    world.pass().await;
    assert_eq!(world.ours("KETTLE").await, 47_900);
    // 479 / 7.4575 x 11.3595 = 729.62, and the nearest price that ends on 9.
    assert_eq!(world.listing("KETTLE", "sweden").await.desired_minor, Some(72_900));
    let norway = "[[market]]\nid = \"NO\"\ncountry = \"NO\"\ncurrency = \"NOK\"\ntz = \"Europe/Oslo\"\n";
    let moved = rules.replace("derived_from = \"DK\"", "derived_from = \"NO\"");
    std::fs::write(world.test.dir.path().join("rules.toml"), format!("{RULES}\n{norway}{moved}")).unwrap();
    world.pass().await;
    world.pass().await;
    let held = world.listing("KETTLE", "sweden").await;
    assert_eq!(held.state, "held");
    assert!(
        held.reason.contains("market SE takes its prices from NO, and the product is priced in DK"),
        "{}",
        held.reason
    );
    let product = products::by_sku(&world.app.db, "KETTLE").await.unwrap().unwrap();
    assert_eq!((product.market.as_str(), product.own_minor), ("DK", 47_900));
}
