//! Cases of our own, worked out by hand, through the same door as everybody else's: `omniprice case`.

#![allow(clippy::expect_used, reason = "a test that cannot set itself up fails")]

use omniprice::cli::case::{Args, Kind, run};
use serde_json::{Value, json};

fn answer(kind: Kind, inputs: Value) -> Value {
    let line = json!({ "id": "own", "inputs": inputs }).to_string();
    let mut output = Vec::new();
    run(&Args { kind }, &mut line.as_bytes(), &mut output).expect("memory reads and writes");
    serde_json::from_slice(&output).expect("an answer is JSON")
}

/// Every expected key must be in the answer with exactly this value.
fn expect(kind: Kind, inputs: Value, expected: Value) {
    let answer = answer(kind, inputs.clone());
    for (key, value) in expected.as_object().expect("expectations are an object") {
        assert_eq!(answer.get(key), Some(value), "{key} of {inputs}\nwas {answer}");
    }
}

fn product() -> Value {
    json!({ "sku": "P1", "currency": "SEK", "current": "1000.00", "cost_net": "500.00", "vat_pct": "25" })
}

fn with(mut base: Value, changes: Value) -> Value {
    let base_map = base.as_object_mut().expect("an object");
    base_map.extend(changes.as_object().expect("an object").clone());
    base
}

/// One rule for the product, on the given offers.
fn decide(product: Value, offers: &Value, rule: Value, expected: Value) {
    let rule = with(json!({ "id": "own", "priority": 1, "target": { "kind": "lowest" } }), rule);
    expect(Kind::PricingRules, json!({ "product": product, "offers": offers, "rules": [rule] }), expected);
}

#[test]
fn bounds_limits_and_fallbacks() {
    let offers = json!([{ "competitor": "a", "price": "900.00" }, { "competitor": "b", "price": "950.00" }]);
    let check = |product: Value, rule: Value, expected: Value| decide(product, &offers, rule, expected);
    check(product(), json!({}), json!({ "outcome": "change", "price": "900.00", "flags": [] }));
    check(
        product(),
        json!({ "limits": { "max_step_down_pct": "5", "review_above_pct": "4" }, "mode": "shadow" }),
        json!({ "outcome": "shadow", "price": "950.00", "flags": ["intent_unreachable", "large_change", "step_limited"] }),
    );
    // The cost rose: the floor 1250.00 is beyond the step of 10 %, and the price goes exactly to the floor.
    check(
        with(product(), json!({ "cost_net": "1000.00" })),
        json!({ "limits": { "max_step_up_pct": "10" } }),
        json!({ "outcome": "change", "price": "1250.00",
            "flags": ["bound_repair", "floor_applied", "intent_unreachable", "step_limit_overridden"] }),
    );
    // A fallback keeps a price only inside its bounds; outside it is repaired.
    check(
        with(product(), json!({ "cost_net": "900.00" })),
        json!({ "target": { "kind": "competitor", "names": ["z"] } }),
        json!({ "outcome": "change", "price": "1125.00",
            "flags": ["bound_repair", "fallback:keep", "floor_applied", "no_data"] }),
    );
    // 500.00 and 150.00 more, with VAT: 812.50; an instant that starts a validity is inside it.
    check(
        product(),
        json!({ "target": { "kind": "field", "field": "regular" }, "on_no_data": ["min"],
            "bounds": { "min": [{ "plus_net": "150.00" }] }, "valid": { "from": "2026-11-21T10:00:00+01:00" } }),
        json!({ "outcome": "change", "price": "812.50", "flags": ["fallback:min", "no_data"], "floor": "812.50" }),
    );
    // Fifteen percent exactly is not above fifteen.
    let limit = |pct: &str| json!({ "adjust": { "amount": "-50.00" }, "limits": { "review_above_pct": pct } });
    check(product(), limit("15"), json!({ "outcome": "change", "price": "850.00" }));
    check(product(), limit("14.99"), json!({ "outcome": "review", "price": "850.00" }));
    // One category of several is enough.
    check(
        with(product(), json!({ "category": "audio/wired" })),
        json!({ "select": { "category_under": ["video", "audio"] } }),
        json!({ "outcome": "change", "price": "900.00" }),
    );
    // One tag of several is enough.
    check(
        with(product(), json!({ "tags": ["sale", "new"] })),
        json!({ "select": { "tags_any": ["new"], "tags_none": ["no-reprice"] } }),
        json!({ "outcome": "change", "price": "900.00" }),
    );
    let rule = json!({ "id": "own", "priority": 1, "target": { "kind": "lowest" }, "speed": 1 });
    let refused = answer(Kind::PricingRules, json!({ "product": product(), "offers": offers, "rules": [rule] }));
    assert_eq!(refused["error"], "invalid_rules");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("rule own: speed")));
}

#[test]
fn which_offers_count_and_what_follows_from_them() {
    let check = |offers: Value, rule: Value, expected: Value| decide(product(), &offers, rule, expected);
    // A third of 2750.50 has no end, yet one percent below it is 907.665 exactly; the half goes down.
    check(
        json!([{ "competitor": "a", "price": "900.00" }, { "competitor": "b", "price": "900.00" },
            { "competitor": "c", "price": "950.50" }]),
        json!({ "target": { "kind": "mean" }, "adjust": { "percent": "-1" } }),
        json!({ "outcome": "change", "price": "907.66" }),
    );
    // Stock that is unknown is neither in stock nor sold out.
    check(
        json!([{ "competitor": "a", "price": "900.00", "availability": "unknown" }]),
        json!({ "target": { "kind": "keep" }, "select": { "in_stock_competitors": "==0" } }),
        json!({ "outcome": "none", "price": "1000.00" }),
    );
    // An offer as old as the limit counts; one a minute older does not.
    let aged = |age: Value| json!([{ "competitor": "a", "price": "900.00", "age_h": age }]);
    check(aged(json!(24)), json!({}), json!({ "outcome": "change", "price": "900.00" }));
    check(aged(json!("24.02")), json!({}), json!({ "outcome": "keep", "price": "1000.00" }));
    // Thirty offers of five competitors: each counts once, with its cheapest offer.
    let thirty = (0..30).map(|n| json!({ "competitor": format!("c{}", n % 5), "price": format!("{}.00", 929 - n) }));
    check(
        Value::Array(thirty.collect()),
        json!({ "target": { "kind": "mean" }, "offers": { "min_offers": 5 } }),
        json!({ "outcome": "change", "price": "902.00", "flags": [] }),
    );
    // A rating that only reaches the limit counts; one that is missing does not.
    check(
        json!([{ "competitor": "a", "price": "900.00", "rating": 90 }, { "competitor": "b", "price": "800.00" }]),
        json!({ "offers": { "min_rating": 90 } }),
        json!({ "outcome": "change", "price": "900.00" }),
    );
}

#[test]
fn money() {
    let check = |inputs: Value, expected: Value| expect(Kind::VatRounding, inputs, expected);
    check(
        json!({ "op": "net_from_gross", "gross": "59.90", "vat_pct": "25.5", "currency": "EUR" }),
        json!({ "net": "47.73", "vat": "12.17" }),
    );
    check(
        json!({ "op": "fx", "amount": "10.00", "from": "DKK", "to": "XTS", "rates": { "DKK": "7.46" } }),
        json!({ "error": "unknown_currency" }),
    );
    check(
        json!({ "op": "fx", "amount": "10.00", "from": "DKK", "to": "SEK", "rates": { "DKK": "7.46" } }),
        json!({ "error": "missing_rate" }),
    );
    // 95.00 at 5 % margin is 100.00 net, not a hair more that would round up.
    check(
        json!({ "op": "floor_price", "cost_net": "95.00", "margin_pct": "5", "vat_pct": "0", "currency": "EUR" }),
        json!({ "floor": "100.00" }),
    );
    check(
        json!({ "op": "ending", "x": "1001.00", "currency": "NOK", "max": "1000.00",
            "rounding": { "modulus": "100.00", "endings": ["49.00", "99.00"], "direction": "up" } }),
        json!({ "price": "999.00" }),
    );
    check(
        json!({ "op": "fx_staleness", "rate_date": "2026-12-23", "now": "2026-12-28T17:00:00+01:00" }),
        json!({ "expected_date": "2026-12-28", "missed_publications": 2, "age_days": 5, "state": "stale" }),
    );
    check(
        json!({ "op": "vat_at", "country": "FI", "class": "reduced", "date": "2026-01-01" }),
        json!({ "vat_pct": "13.5" }),
    );
}

#[test]
fn prior_prices() {
    let check = |inputs: Value, expected: Value| expect(Kind::Omnibus, inputs, expected);
    let history = json!([{ "from": "2026-01-01T00:00:00+01:00", "price": "500.00" },
        { "from": "2026-05-20T00:00:00+02:00", "price": "400.00" }, { "from": "2026-05-27T00:00:00+02:00", "price": "500.00" }]);
    let reduction = |start: &str, price: &str| json!({ "start": start, "price": price });
    // An unlisted country: thirty days, and 400.00 was charged within them.
    check(
        json!({ "country": "PT", "currency": "EUR", "history": history, "reduction": reduction("2026-06-10T00:00:00+01:00", "450.00") }),
        json!({ "prior_price": "400.00", "announce": false, "flags": ["not_a_reduction"] }),
    );
    // Finland, sixty days after the first step exactly: still one campaign.
    check(
        json!({ "country": "FI", "currency": "EUR", "history": [{ "from": "2026-01-01T00:00:00+02:00", "price": "100.00" },
            { "from": "2026-04-01T00:00:00+03:00", "price": "80.00" }], "campaign_steps": ["2026-04-01T00:00:00+03:00"],
            "reduction": reduction("2026-05-31T00:00:00+03:00", "70.00") }),
        json!({ "prior_price": "100.00", "max_percent": 30, "flags": ["progressive"] }),
    );
    // The same campaign goes on at the same price, or after a pause: its first step is no reference any more.
    let step = |price: &str, pause: Value| {
        let mut history = vec![
            json!({ "from": "2026-01-01T00:00:00+02:00", "price": "100.00" }),
            json!({ "from": "2026-05-01T00:00:00+03:00", "price": "80.00" }),
        ];
        history.extend(pause.as_array().expect("a list").iter().cloned());
        json!({ "country": "FI", "currency": "EUR", "history": history, "campaign_steps": ["2026-05-01T00:00:00+03:00"],
            "reduction": reduction("2026-05-20T00:00:00+03:00", price) })
    };
    check(
        step("80.00", json!([])),
        json!({ "prior_price": "80.00", "announce": false, "flags": ["not_a_reduction", "progressive_broken"] }),
    );
    check(
        step("70.00", json!([{ "from": "2026-05-10T00:00:00+03:00", "price": null }])),
        json!({ "prior_price": "80.00", "max_percent": 12, "flags": ["progressive_broken"] }),
    );
    // The step that starts now is not an earlier step.
    let mut twice = step("70.00", json!([]));
    twice["campaign_steps"] = json!(["2026-05-01T00:00:00+03:00", "2026-05-20T00:00:00+03:00"]);
    check(twice, json!({ "prior_price": "100.00", "flags": ["progressive"] }));
    // No window in the United Kingdom, but fourteen days at a price support little.
    check(
        json!({ "country": "UK", "currency": "GBP", "history": [{ "from": "2026-01-01T00:00:00+00:00", "price": "79.00" },
            { "from": "2026-06-01T00:00:00+01:00", "price": "99.00" }],
            "reduction": { "start": "2026-06-15T00:00:00+01:00", "price": "79.00", "end": "2026-07-15T00:00:00+01:00" } }),
        json!({ "required": false, "prior_price": "99.00", "announce": true, "max_percent": 20,
            "flags": ["offer_longer_than_reference", "reference_too_short"] }),
    );
}

#[test]
fn observations() {
    let base = json!({ "history": ["200.00", "200.00", "200.00", "200.00", "200.00"], "expected_currency": "SEK",
        "currency": "SEK", "vat_pct": "25" });
    let check = |changes: Value, status: &str, reason: &str| {
        expect(Kind::Anomalies, with(base.clone(), changes), json!({ "status": status, "reason": reason }));
    };
    check(json!({ "price": "190.00" }), "accepted", "normal");
    check(json!({ "price": "160.40" }), "suspect", "net_price_suspect");
    check(json!({ "price": "250.00" }), "suspect", "gross_price_suspect");
    check(json!({ "price": "20.10" }), "quarantined", "decimal_shift");
    check(json!({ "price": "8.35" }), "quarantined", "installment");
    check(json!({ "price": "40.00", "pack_qty": 5 }), "quarantined", "unit_price");
    let refetch = |after: i64| json!({ "price": "130.00", "refetch": [{ "after_min": after, "price": "130.00" }] });
    check(json!({ "price": "130.00", "pack_qty": 5 }), "suspect", "needs_confirmation");
    check(json!({ "price": "200.00", "vat_pct": "0" }), "accepted", "normal");
    // Half a percent away on the second fetch is the same price, a hair more is not.
    let again = |price: &str| json!({ "price": "120.00", "refetch": [{ "after_min": 30, "price": price }] });
    check(again("120.60"), "accepted", "confirmed_jump");
    check(again("120.61"), "rejected", "not_reproduced");
    check(refetch(9), "suspect", "needs_confirmation");
    check(refetch(10), "accepted", "confirmed_jump");
    check(json!({ "price": "189.00", "marker": "member" }), "quarantined", "member_price");
    check(json!({ "price": "189.00", "currency": "???" }), "rejected", "unknown_currency");
    check(json!({ "price": "130.00", "others": ["128.00", "131.00", "140.00"] }), "accepted", "consensus_level");
    check(json!({ "price": "130.00", "others_log_moves": [0.4, -0.3] }), "accepted", "consensus_move");
    check(json!({ "price": "130.00", "others_log_moves": [0.4, 0.3] }), "suspect", "needs_confirmation");
}

#[test]
fn channels_and_figures() {
    expect(
        Kind::Channels,
        json!({ "op": "price", "currency": "EUR", "decision": "20.00",
            "channel": { "percent": "10", "ceiling": "21.00", "rounding": { "modulus": "1.00", "endings": ["0.95"] } } }),
        json!({ "price": "20.95" }),
    );
    expect(
        Kind::Channels,
        json!({ "op": "price", "currency": "EUR", "decision": "20.00", "channel": { "floor": { "cost_net": "10.00",
            "fee_pct_of_gross": "50", "margin_pct": "50", "vat_pct": "19" } } }),
        json!({ "error": "infeasible" }),
    );
    // The new price of one touches the old price of the other: no moment is wrong, so no order is needed.
    expect(
        Kind::Channels,
        json!({ "op": "order", "channels": { "a": ["12.00", "10.00"], "b": ["10.00", "9.00"] }, "never_below": [["a", "b"]] }),
        json!({ "waves": [["a", "b"]] }),
    );
    expect(
        Kind::Channels,
        json!({ "op": "fence", "arrivals": [{ "version": 3, "price": "18000" }, { "version": 2, "price": "17000" }] }),
        json!({ "actions": ["apply", "drop"], "live": "18000", "version": 3 }),
    );
    expect(
        Kind::Metrics,
        json!({ "op": "product_index", "ours": "120.00", "offers": ["100.00", "110.00"] }),
        json!({ "rank": 3, "of": 3, "headroom": null, "gap_to_lowest": "20.00", "index_median": "114.29" }),
    );
}

#[test]
fn a_rate_that_is_missing_holds_the_price_instead_of_forgetting_the_offer() {
    let offers = json!([
        { "competitor": "far", "price": "649.00", "currency": "USD" },
        { "competitor": "near", "price": "990.00" },
    ]);
    let rates = |codes: &[(&str, &str)]| {
        with(product(), json!({ "fx": codes.iter().copied().collect::<std::collections::BTreeMap<_, _>>() }))
    };
    for product in [product(), rates(&[("SEK", "11.3595")])] {
        decide(
            product,
            &offers,
            json!({ "on_no_data": ["max"] }),
            json!({ "outcome": "hold", "flags": ["fx_missing"] }),
        );
    }
    let known = rates(&[("SEK", "11.3595"), ("USD", "1.0705")]);
    decide(known, &offers, json!({}), json!({ "outcome": "change", "price": "990.00" }));
    // An offer that would not count anyway needs no rate.
    let stale = json!([{ "competitor": "far", "price": "649.00", "currency": "USD", "age_h": "30" }, { "competitor": "near", "price": "990.00" }]);
    decide(product(), &stale, json!({}), json!({ "outcome": "change", "price": "990.00", "flags": [] }));
}

#[test]
fn a_loyalty_price_that_ends_leaves_the_public_one_alone() {
    let inputs = |country: &str, loyal: Value| {
        json!({ "country": country, "currency": "DKK",
            "history": [
                { "from": "2026-06-01T00:00:00+02:00", "price": "79.00" },
                { "from": "2026-10-20T00:00:00+02:00", "price": "69.00", "audience": "loyalty" },
                loyal,
                { "from": "2026-11-10T00:00:00+01:00", "price": "99.00" },
            ],
            "reduction": { "start": "2026-11-27T00:00:00+01:00", "price": "85.00" } })
    };
    let ends = json!({ "from": "2026-10-22T00:00:00+02:00", "price": null, "audience": "loyalty" });
    let refused = json!({ "prior_price": "79.00", "announce": false });
    for country in ["DK", "EU"] {
        expect(Kind::Omnibus, inputs(country, ends.clone()), refused.clone());
    }
    // Where the public can no longer buy, the loyal cannot either: the public price ended before the window.
    let off = json!({ "from": "2026-10-22T00:00:00+02:00", "price": null });
    expect(Kind::Omnibus, inputs("DK", off), json!({ "prior_price": "99.00" }));
    for (key, value) in [("price", json!("-5.00")), ("end", json!("2026-11-26T00:00:00+01:00"))] {
        let mut wrong = inputs("DK", ends.clone());
        wrong["reduction"][key] = value;
        expect(Kind::Omnibus, wrong, json!({ "error": "malformed" }));
    }
}

#[test]
fn figures_count_what_they_leave_out() {
    let items = json!([{ "ours": "1.00", "market": "0.00" }, { "ours": "3.00", "market": null }, { "ours": "2.00", "market": "1.00" }]);
    expect(Kind::Metrics, json!({ "op": "basket_index", "items": items }), json!({ "basket": "200.00", "no_data": 2 }));
    let index = json!({ "op": "product_index", "ours": "10.00", "offers": ["0.00", "8.00"] });
    expect(Kind::Metrics, index, json!({ "index_min": "125.00", "rank": 2, "of": 2 }));
    expect(
        Kind::Metrics,
        json!({ "op": "product_index", "ours": "10.00", "offers": ["0.00"] }),
        json!({ "error": "no_data" }),
    );
}

#[test]
fn what_is_missing_never_counts_as_nothing() {
    let malformed = json!({ "error": "malformed" });
    let channel = |vat: Value| json!({ "op": "price", "currency": "DKK", "decision": "479.00", "channel": vat });
    expect(Kind::Channels, channel(json!({ "vat_from": "25" })), malformed.clone());
    expect(Kind::Channels, channel(json!({ "vat_from": "25", "vat_to": null })), malformed.clone());
    let floor = |changes: Value| {
        with(json!({ "op": "floor_price", "cost_net": "10.00", "vat_pct": "25", "currency": "DKK" }), changes)
    };
    expect(Kind::VatRounding, floor(json!({})), json!({ "floor": "12.50" }));
    expect(Kind::VatRounding, floor(json!({ "cost_net": "0.00" })), json!({ "error": "no_cost" }));
    expect(Kind::VatRounding, floor(json!({ "margin_pct": "-10" })), malformed.clone());
    let seen = |changes: Value| {
        let seen = json!({ "price": "399.20", "history": ["499.00"], "expected_currency": "DKK", "vat_pct": "25" });
        with(seen, changes)
    };
    expect(Kind::Anomalies, seen(json!({ "currency": null })), json!({ "status": "rejected" }));
    expect(Kind::Anomalies, seen(json!({ "tax_label": "excl", "vat_pct": null })), malformed.clone());
    expect(Kind::Anomalies, seen(json!({ "pack_qty": 0 })), malformed.clone());
    expect(Kind::Anomalies, seen(json!({ "history": ["0.00"] })), malformed.clone());
    expect(Kind::Anomalies, seen(json!({ "refetch": null, "others": null })), json!({ "status": "suspect" }));
    expect(Kind::Anomalies, json!({ "kind": "site_batch", "checked": 120 }), malformed.clone());
    let offers =
        json!([{ "competitor": "a", "price": "900.00", "availability": null, "condition": null, "tax": null }]);
    let nulls = json!({ "tags": null, "locked": null, "self_ids": null, "changes_today": null });
    decide(with(product(), nulls), &offers, json!({}), json!({ "outcome": "change", "price": "900.00" }));
    let regulated = with(product(), json!({ "regulated_price": true }));
    decide(regulated, &offers, json!({}), json!({ "outcome": "keep", "price": "1000.00" }));
    let early = json!([{ "competitor": "a", "price": "900.00", "age_h": "-1" }]);
    decide(product(), &early, json!({}), malformed);
}
