//! The pricing engine against its published cases, and the rule file loader against wrong files.
//!
//! The cases are test data that lies outside of the repository; without it those tests say that they were skipped.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use std::path::PathBuf;

use omniprice::cli::case::{Args, Kind, run};
use omniprice::decide::RuleSet;
use omniprice::decide::check::RuleError;
use omniprice::decide::rules::Mode;
use serde_json::Value;

fn cases(file: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pricing").join(file);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        crate::harness::skip("published cases", "../shared/pricing is not there");
    }
    text
}

fn answers(kind: Kind, input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    run(&Args { kind }, &mut input.as_bytes(), &mut output).expect("reading and writing memory cannot fail");
    let text = String::from_utf8(output).expect("answers are text");
    text.lines().map(|line| serde_json::from_str(line).expect("an answer is JSON")).collect()
}

/// Every expected key of every line must be in the answer with exactly the expected value; more keys are allowed.
fn check_file(kind: Kind, file: &str, least: usize) {
    let Some(input) = cases(file) else { return };
    let cases: Vec<Value> = input.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect();
    let answers = answers(kind, &input);
    assert_eq!(answers.len(), cases.len());
    assert!(cases.len() >= least, "only {} cases in {file}", cases.len());
    let mut wrong = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        assert_eq!(case["id"], answer["id"]);
        for (key, expected) in case["expected"].as_object().expect("expectations are an object") {
            if answer.get(key) != Some(expected) {
                wrong.push(format!("{}: {key} is {:?}, expected {expected}", case["id"], answer.get(key)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_case_comes_out_as_published() {
    check_file(Kind::PricingRules, "pricing_rules.jsonl", 83);
}

#[test]
fn every_money_case_comes_out_as_published() {
    check_file(Kind::VatRounding, "vat_rounding.jsonl", 70);
}

#[test]
fn every_prior_price_case_comes_out_as_published() {
    check_file(Kind::Omnibus, "omnibus.jsonl", 34);
}

#[test]
fn every_observation_case_comes_out_as_published() {
    check_file(Kind::Anomalies, "anomalies.jsonl", 47);
}

#[test]
fn every_channel_case_comes_out_as_published() {
    check_file(Kind::Channels, "channels.jsonl", 23);
}

#[test]
fn every_metric_case_comes_out_as_published() {
    check_file(Kind::Metrics, "metrics.jsonl", 8);
}

#[test]
fn a_malformed_line_gets_an_answer_and_the_next_line_is_read() {
    let input = concat!(
        "{\"id\": 1, \"inputs\": {\"op\": \"to_minor\", \"amount\": \"1.00\", \"currency\": \"DKK\"}}\n",
        "not json\n\n",
        "{\"id\": 2, \"inputs\": {\"op\": \"to_minor\", \"amount\": \"1.00\", \"currency\": \"DKK\", \"colour\": 1}}\n",
        "{\"id\": 3}\n",
        "{\"id\": 4, \"inputs\": {\"op\": \"to_minor\", \"amount\": \"1.001\", \"currency\": \"DKK\"}}\n",
        "{\"id\": 5, \"inputs\": {\"op\": \"from_minor\", \"minor\": 5, \"currency\": \"DKK\"}}"
    );
    let answers = answers(Kind::VatRounding, input);
    let errors: Vec<(&Value, &Value)> = answers.iter().map(|answer| (&answer["id"], &answer["error"])).collect();
    assert_eq!(answers.len(), 6, "{answers:?}");
    assert_eq!(answers[0]["minor"], 100);
    assert_eq!(errors[1], (&Value::Null, &Value::from("malformed")));
    assert_eq!(errors[2], (&Value::from(2), &Value::from("malformed")));
    assert!(answers[2]["message"].as_str().is_some_and(|message| message.contains("colour")));
    assert_eq!(errors[3], (&Value::from(3), &Value::from("malformed")));
    assert_eq!(errors[4], (&Value::from(4), &Value::from("too_many_decimals")));
    assert_eq!(answers[5]["amount"], "0.05");
}

const MARKETS: &str = r#"
schema = 1
[[market]]
id = "DK"
country = "DK"
currency = "DKK"
tz = "Europe/Copenhagen"
[[market]]
id = "US"
country = "US"
currency = "USD"
tz = "America/New_York"
tax = "net"
map_allowed = true
"#;

fn errors(text: &str) -> Vec<RuleError> {
    match RuleSet::parse(&format!("{MARKETS}\n{text}")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors,
    }
}

#[test]
fn the_complete_grammar_is_read() {
    let text = r#"
        [engine]
        min_floor_markup_pct = "0"
        ambiguous_priority = "warn"
        max_offer_age = "24h"
        stale_fx = "hold"
        run_breaker = { max_share_changed = "0.25", max_avg_change_pct = "10", min_products = 20 }
        [[competitor]]
        id = "rival.example"
        markets = ["DK"]
        tax = "gross"
        currency = "DKK"
        weight = 3
        self = false
        [[rule]]
        id = "audio-beat-cheapest"
        priority = 100
        enabled = true
        mode = "auto"
        markets = ["DK"]
        valid = { from = 2026-11-20T00:00:00+01:00, until = 2026-11-28T00:00:00+01:00 }
        days = ["mon", "tue", "wed", "thu", "fri"]
        hours = "06:00-22:00"
        [rule.select]
        brand = ["Sony"]
        category_under = "audio/headphones"
        sku = []
        tags_any = []
        tags_none = ["no-reprice"]
        own_stock = ">=1"
        cost_net = "<1000"
        current = ">=50"
        margin_pct = "<15"
        in_stock_competitors = ">=2"
        [rule.offers]
        include = []
        exclude = ["rival.example"]
        availability = ["in_stock"]
        condition = ["new"]
        min_rating = 90
        min_offers = 1
        max_age_h = 24
        basis = "item"
        out_of_bounds = "compete"
        [rule.target]
        kind = "lowest"
        [rule.adjust]
        percent = "-1.0"
        amount = "0.00"
        [rule.bounds]
        min = [{ margin_pct = "10" }, { amount = "79.00" }]
        max = [{ field = "msrp" }]
        on_conflict = "hold"
        on_below_floor = "floor"
        on_no_data = [{ last_reference_h = 48 }, "regular", "keep"]
        [rule.rounding]
        direction = "down"
        tiers = [
          { below = "100.00", modulus = "1.00", endings = ["0.95"] },
          { below = "1000.00", modulus = "10.00", endings = ["9.00"] },
          { modulus = "100.00", endings = ["99.00"] },
        ]
        [rule.limits]
        max_step_down_pct = "5"
        max_step_up_pct = "10"
        max_day_down_pct = "10"
        max_day_up_pct = "15"
        min_change = "1.00"
        min_change_pct = "0.3"
        cooldown_min = 60
        max_changes_per_day = 4
        review_above_pct = "15"
        [[channel]]
        id = "webshop"
        kind = "shop"
        market = "DK"
        [[channel]]
        id = "market"
        kind = "marketplace"
        market = "DK"
        adjust = { percent = "8" }
        rounding = { modulus = "1.00", endings = ["0.99"], direction = "nearest" }
        floor = { fee_pct_of_gross = "15", fee_fixed_net = "0.40", margin_pct = "10" }
        converge_within = "15m"
        [[constraint]]
        never_below = ["webshop", "market"]
    "#;
    let (rules, warnings) = RuleSet::parse(&format!("{MARKETS}\n{text}")).expect("this is the documented grammar");
    let warned: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    let expected = matches!(warned[..], [unexplained, rated]
        if unexplained.starts_with("leaves out rival.example") && rated.starts_with("offers.min_rating"));
    assert!(expected, "{warned:?}");
    let rule = rules.rule("audio-beat-cheapest").expect("the rule was read");
    assert_eq!((rule.mode, rule.min.len(), rule.on_no_data.len()), (Mode::Auto, 2, 3));
    assert_eq!(rule.rounding.as_ref().map(|rounding| rounding.tiers.len()), Some(3));
    assert_eq!((rules.channels.len(), rules.constraints.len()), (2, 1));
}

#[test]
fn channels_markets_and_constraints_say_what_they_cannot_do() {
    let channels = "[[channel]]\nid = \"a\"\nkind = \"shop\"\nmarket = \"DK\"\nmode = \"review\"\nceiling = \"0\"\n\
                    [[channel]]\nid = \"b\"\nkind = \"shop\"\nmarket = \"DK\"\nceiling = \"10.00\"\n\
                    [[constraint]]\nnever_below = [\"a\", \"b\"]\nafter = \"5m\"\n\
                    [[market]]\nid = \"X\"\ncountry = \"DK\"\ncurrency = \"DKK\"\ntz = \"UTC\"\nprice_increment = \"0.001\"\n";
    let found: Vec<String> = errors(channels).iter().map(ToString::to_string).collect();
    let found = found.join("\n");
    for part in [
        "mode: a channel cannot be in review",
        "ceiling: it leaves no price",
        "after: a strict order",
        "price_increment: 0.001",
    ] {
        assert!(found.contains(part), "no `{part}` in\n{found}");
    }
}

#[test]
fn a_rule_without_a_mode_only_proposes() {
    let text = "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"lowest\" }\n";
    let (rules, _) = RuleSet::parse(&format!("{MARKETS}\n{text}")).expect("a small rule file");
    assert_eq!(rules.rules[0].mode, Mode::Review);
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_with_its_path_and_a_hint() {
    let found = errors(
        r#"
        colour = "red"
        [engine]
        stale_fx = "ignore"
        min_floor_markup_pct = "-5"
        [[rule]]
        id = "audio-beat-cheapest"
        priority = 100
        target = { kind = "lowest" }
        adjust = { percent = -1.5 }
        rounding = { tiers = [
          { below = "100.00", modulus = "1.00", endings = ["0.95"] },
          { modulus = "10.00", endings = ["12.00"] },
        ] }
        bounds = { min = [{ margin_pct = "96" }, { markup_pct = "-1" }] }
        [[rule]]
        id = "audio-beat-cheapest"
        priority = 90
        markets = ["DE"]
        target = { kind = "cost_plus" }
        valid = { from = 2026-11-28T00:00:00+01:00, until = 2026-11-20T00:00:00+01:00 }
        select = { own_stock = "some" }
        [[rule]]
        id = "supplier"
        priority = 80
        target = { kind = "field", field = "map" }
        [[channel]]
        id = "a"
        kind = "shop"
        market = "DK"
        [[channel]]
        id = "b"
        kind = "shop"
        market = "DK"
        [[constraint]]
        never_below = ["a", "b"]
        [[constraint]]
        never_below = ["b", "a"]
        "#,
    );
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    for expected in [
        "market US: colour: unknown field",
        "engine: stale_fx: unknown variant `ignore`",
        "engine: min_floor_markup_pct: -5 is not between 0 and 1000 percent",
        "rule audio-beat-cheapest: adjust.percent: invalid type: floating point",
        "rule audio-beat-cheapest: rounding.tiers[1].endings[0]: 12.00 is not below modulus 10.00",
        "rule audio-beat-cheapest: bounds.min[0].margin_pct: 96 is not between 0 and 95 percent",
        "rule audio-beat-cheapest: bounds.min[1].markup_pct: -1 is not between 0 and 1000 percent",
        "rule audio-beat-cheapest: id: is used twice",
        "rule audio-beat-cheapest: target.margin_pct: missing",
        "rule audio-beat-cheapest: valid: `from` is not before `until`",
        "rule audio-beat-cheapest: select.own_stock: `some` is not a comparison",
        "rule supplier: target.field: uses a supplier's minimum price in market DK",
        "constraint #1: never_below: `a` would never be below itself",
    ] {
        assert!(text.iter().any(|error| error.starts_with(expected)), "no `{expected}` in\n{}", text.join("\n"));
    }
    assert!(found.iter().all(|error| !error.hint.is_empty()));
}

#[test]
fn what_the_loader_must_refuse_is_refused() {
    let rule = |rest: &str| format!("[[rule]]\nid = \"a\"\npriority = 1\ntarget = {{ kind = \"lowest\" }}\n{rest}");
    let files = [
        rule("speed = 1"),
        rule("offers = { min_offers = 0 }"),
        rule("hours = \"6-22\""),
        rule("days = []"),
        rule("adjust = { amount = 1 }"),
        rule("rounding = { modulus = \"0\", endings = [\"0\"] }"),
        rule("rounding = { modulus = \"1.00\", endings = [] }"),
        rule("rounding = { tiers = [{ modulus = \"1\", endings = [\"0\"] }, { modulus = \"9\", endings = [\"0\"] }] }"),
        rule("limits = { max_changes_per_day = 0 }"),
        rule("limits = { max_step_down_pct = \"101\" }"),
        rule("on_no_data = []"),
        rule("bounds = { max = [{ field = \"map\" }] }"),
        rule("markets = [\"NO\"]"),
        "[[rule]]\nid = \"a\"\npriority = 1".to_owned(),
        "[[rule]]\nid = \"A b\"\npriority = 1\ntarget = { kind = \"lowest\" }".to_owned(),
        "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"lowest\", n = 2 }".to_owned(),
        "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"rank\" }".to_owned(),
        "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"rank\", n = 0 }".to_owned(),
        "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"range\", pct = \"120\" }".to_owned(),
        "[[rule]]\nid = \"a\"\npriority = 1\ntarget = { kind = \"competitor\", names = [] }".to_owned(),
        "[[market]]\nid = \"SE\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntz = \"Europe/Stockholm\"\nderived_from = \"SE\""
            .to_owned(),
        "[[market]]\nid = \"SE\"\ncountry = \"SE\"\ncurrency = \"SKR\"\ntz = \"Europe/Stockholm\"".to_owned(),
        "[[market]]\nid = \"DK\"\ncountry = \"DK\"\ncurrency = \"DKK\"\ntz = \"Europe/Copenhagen\"".to_owned(),
        "[[competitor]]\nid = \"x\"\nmarkets = [\"FR\"]".to_owned(),
        "[[channel]]\nid = \"x\"\nkind = \"pigeon\"\nmarket = \"DK\"".to_owned(),
        "[[constraint]]\nnever_below = [\"x\", \"y\"]".to_owned(),
        "[rule]\nid = \"a\"".to_owned(),
    ];
    for file in files {
        assert!(!errors(&file).is_empty(), "accepted:\n{file}");
    }
    assert!(RuleSet::parse("").is_err(), "a file without a schema");
    assert!(RuleSet::parse("schema = 2").is_err(), "a schema of the future");
}

#[test]
fn two_rules_of_one_priority_are_noticed_unless_they_cannot_meet() {
    let pair = |first: &str, second: &str| {
        let rule = |id: &str, rest: &str| {
            format!("[[rule]]\nid = \"{id}\"\npriority = 5\ntarget = {{ kind = \"keep\" }}\n{rest}\n")
        };
        let text = format!("{MARKETS}\n{}{}", rule("a", first), rule("b", second));
        RuleSet::parse(&text).expect("both rules are valid").1.len()
    };
    assert_eq!(pair("", ""), 1);
    assert_eq!(pair("select = { brand = [\"Sony\"] }", "select = { brand = [\"Bose\"] }"), 0);
    assert_eq!(pair("select = { category_under = \"audio\" }", "select = { category_under = \"audio/wired\" }"), 1);
    assert_eq!(pair("select = { category_under = \"audio\" }", "select = { category_under = \"video\" }"), 0);
    assert_eq!(pair("markets = [\"DK\"]", "markets = [\"US\"]"), 0);
    assert_eq!(pair("enabled = false", ""), 0);
}

#[test]
fn every_example_of_the_manual_is_a_valid_rule_file() {
    let manual = include_str!("../../docs/rules.md");
    let blocks: Vec<&str> = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 9, "only {} examples", blocks.len());
    for block in blocks {
        let text = if block.contains("schema = 1") { block.to_owned() } else { format!("{MARKETS}\n{block}") };
        let (rules, _) = RuleSet::parse(&text).unwrap_or_else(|errors| panic!("{errors:?}\n{block}"));
        assert!(!rules.rules.is_empty());
    }
}

#[test]
fn the_campaign_of_the_manual_is_valid() {
    let manual = include_str!("../../docs/rules.md");
    let block = manual.split("```toml campaign\n").nth(1).and_then(|rest| rest.split("```").next());
    let campaign = omniprice::decide::campaign_file::CampaignFile::parse(block.expect("the manual shows one"));
    assert_eq!(campaign.expect("it is valid").items.len(), 2);
}

#[test]
fn a_rule_that_aims_above_competitors_has_a_ceiling_or_says_that_it_wants_none() {
    let parse = |rule: &str| {
        let text = format!("{MARKETS}\n[[rule]]\nid = \"up\"\npriority = 1\n{rule}\n");
        let told = |errors: Vec<omniprice::decide::check::RuleError>| errors.iter().map(ToString::to_string).collect();
        let parsed: Result<_, Vec<String>> = RuleSet::parse(&text).map(|(set, _)| set.rules.len()).map_err(told);
        (parsed, RuleSet::parse_kept(&text).is_ok())
    };
    let above = "target = { kind = \"lowest\" }\nadjust = { percent = \"2\" }";
    let (refused, kept) = parse(above);
    let refused = refused.expect_err("nothing ends it").join("\n");
    assert!(refused.contains("rule up: bounds.max: aims above a competitor without a ceiling"), "{refused}");
    assert!(refused.contains("no_ceiling = true"), "{refused}");
    assert!(kept, "what such a rule decided before can still be computed again");
    for well in [
        format!("{above}\nbounds = {{ no_ceiling = true }}"),
        format!("{above}\nbounds = {{ max = [{{ field = \"msrp\" }}] }}"),
        above.replace('2', "-2"),
        "target = { kind = \"cost_plus\", markup_pct = \"20\" }\nadjust = { percent = \"2\" }".to_owned(),
    ] {
        assert_eq!(parse(&well), (Ok(1), true), "{well}");
    }
    let (idle, _) = parse("target = { kind = \"lowest\" }\nbounds = { no_ceiling = true }");
    assert!(idle.expect_err("it says nothing").join("\n").contains("bounds.no_ceiling"));
}
