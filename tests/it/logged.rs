//! Rows of the log as flows write them, for tests that begin with what was seen and decided.

use omniprice::clock::Millis;
use omniprice::store::decisions::Evaluated;
use omniprice::store::observations::New;
use omniprice::store::products::Product;
use omniprice::store::targets::Checked;

/// A believed price of a product in stock.
pub fn shown(minor: i64) -> New {
    New {
        outcome: "product".into(),
        verdict: "accepted",
        reason: "accepted".into(),
        price_minor: Some(minor),
        currency: Some("DKK".into()),
        list_minor: None,
        availability: "in_stock".into(),
        offer: "{}".into(),
        evidence: "{}".into(),
        body_hash: None,
    }
}

/// One look at a page.
pub fn check(target_id: i64, product_id: i64, observation: New, now: Millis) -> Checked {
    Checked {
        target_id,
        product_id,
        outcome: observation.outcome.clone(),
        now,
        due_at: now.plus(Millis::HOUR),
        etag: None,
        last_modified: None,
        body_hash: None,
        problem: None,
        observation: Some(observation),
        dirty: false,
        pace: None,
    }
}

/// A product's evaluation that changes nothing.
pub fn evaluation(product: &Product, now: Millis) -> Evaluated {
    Evaluated {
        product_id: product.id,
        market: product.market.clone(),
        currency: product.currency.clone(),
        outcome: "keep".into(),
        price_minor: None,
        previous_minor: product.own_minor,
        rule: Some("match".into()),
        flags: "[]".into(),
        why: "match: the market moved".into(),
        actor: "rules".into(),
        rule_revision: None,
        record: "{}".into(),
        facts_hash: String::new(),
        product_version: product.version,
        claimed_at: now,
        strikes: vec![],
        doubted: false,
        vat: None,
        now,
        again_at: None,
        review_expires_at: now,
        desired: vec![],
        approves: None,
        agreed: None,
    }
}
