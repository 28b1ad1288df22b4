//! Square: objects are replaced whole, versions decide who was first, batches are written whole or not at all.

use std::collections::BTreeMap;

use omniprice::channel::Class;
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::Case;
use crate::connectors::double::{Expect, Fault, Reply, Request, Row, Vendor, change};
use crate::connectors::schema::Judge;

#[derive(Clone, Default)]
struct Square {
    objects: BTreeMap<String, Value>,
    /// Answers by idempotency key.
    done: BTreeMap<String, (Value, Value)>,
    /// Somebody else saves between our read and our write, this often.
    hurried: usize,
    bad: Option<String>,
    writes: usize,
}

fn variation(id: &str, sku: &str) -> Value {
    json!({ "type": "ITEM_VARIATION", "id": id, "version": 100, "is_deleted": false, "present_at_all_locations": true,
        "updated_at": "2026-11-01T00:00:00Z",
        "item_variation_data": { "item_id": "I1", "name": "Regular", "sku": sku, "ordinal": 1,
            "pricing_type": "FIXED_PRICING", "price_money": { "amount": 2_000, "currency": "USD" },
            "track_inventory": true, "sellable": true, "stockable": true,
            "location_overrides": [{ "location_id": "L1", "track_inventory": true }] } })
}

fn failed(status: u16, code: &str, detail: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "category": "INVALID_REQUEST_ERROR", "code": code, "detail": detail }] }))
}

impl Square {
    fn upsert(&mut self, body: &Value) -> Reply {
        let key = body["idempotency_key"].as_str().unwrap().to_owned();
        if let Some((known, answer)) = self.done.get(&key) {
            let same = known == &body["batches"];
            return if same { Reply::ok(answer) } else { failed(400, "IDEMPOTENCY_KEY_REUSED", "another body") };
        }
        let objects = body["batches"][0]["objects"].as_array().unwrap();
        if self.hurried > 0 {
            self.hurried -= 1;
            for object in self.objects.values_mut() {
                object["version"] = json!(object["version"].as_i64().unwrap() + 1);
                object["item_variation_data"]["name"] = json!("Renamed");
            }
        }
        for object in objects {
            let id = object["id"].as_str().unwrap();
            if self.bad.as_deref() == Some(id) {
                return failed(400, "VALUE_TOO_LOW", "the price is too low");
            }
            if self.objects[id]["version"] != object["version"] {
                return failed(400, "VERSION_MISMATCH", "Object version does not match latest database version.");
            }
        }
        self.writes += 1;
        for object in objects {
            let mut object = object.clone();
            object["version"] = json!(object["version"].as_i64().unwrap() + 10);
            self.objects.insert(object["id"].as_str().unwrap().to_owned(), object);
        }
        let written: Vec<&Value> = objects.iter().map(|object| &self.objects[object["id"].as_str().unwrap()]).collect();
        let answer = json!({ "objects": written, "updated_at": "2026-11-22T00:00:00Z" });
        self.done.insert(key, (body["batches"].clone(), answer.clone()));
        Reply::ok(&answer)
    }
}

impl Vendor for Square {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/batch-upsert")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        assert_eq!(request.header("authorization"), "Bearer token");
        assert_eq!(request.header("square-version"), "2025-08-20");
        let body = request.json();
        match request.path.as_str() {
            "/v2/catalog/batch-upsert" => self.upsert(&body),
            "/v2/catalog/batch-retrieve" => {
                let wanted = body["object_ids"].as_array().unwrap();
                let found: Vec<&Value> =
                    wanted.iter().filter_map(|id| self.objects.get(id.as_str().unwrap())).collect();
                Reply::ok(&json!({ "objects": found }))
            }
            "/v2/catalog/search" => {
                let wanted = body["query"]["set_query"]["attribute_values"].as_array().cloned();
                let fits = |object: &&Value| {
                    wanted.as_ref().is_none_or(|wanted| wanted.contains(&object["item_variation_data"]["sku"]))
                };
                // One object a page, so that pages are followed.
                let found: Vec<&Value> = self.objects.values().filter(fits).collect();
                let at: usize = body["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
                let mut page = json!({ "objects": found.iter().skip(at).take(1).collect::<Vec<_>>() });
                if at + 1 < found.len() {
                    page["cursor"] = json!((at + 1).to_string());
                }
                Reply::ok(&page)
            }
            _ => failed(404, "NOT_FOUND", "no such path"),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.objects.get(external)?["item_variation_data"]["price_money"]["amount"].as_i64()
    }
}

const TABLE: &str = r#"
kind = "square"
access_token = "token"
currency = "USD"
tax = "net"
api_url = "{url}"
"#;

fn case() -> Case<Square> {
    let objects = [("V1", "TEA"), ("V2", "CUP")].map(|(id, sku)| (id.to_owned(), variation(id, sku))).into();
    let judge = Judge::new("square").openapi("", "square-catalog.json");
    let vendor = Square { objects, ..Square::default() };
    Case { vendor, judge, table: TABLE, external: "V1", sku: "TEA", currency: Currency::USD }
}

#[tokio::test]
async fn a_price_arrives_and_everything_else_stays() {
    case().takes_a_price().await;
    case().is_probed("SEK").await;
    let bench = case().open().await;
    bench.push_one(&case().change(1_800)).await.unwrap();
    let mut expected = variation("V1", "TEA");
    expected["version"] = json!(110);
    expected["item_variation_data"]["price_money"]["amount"] = json!(1_800);
    assert_eq!(bench.double.with(|vendor| vendor.objects["V1"].clone()), expected);
    let both = bench.channel.find(&["TEA".to_owned(), "CUP".to_owned()]).await.unwrap();
    assert_eq!(both.len(), 2, "over two pages");
}

#[tokio::test]
async fn faults() {
    case()
        .suffers(vec![
            Row::new("somebody writes", Fault::Answer(failed(429, "RATE_LIMITED", "slow")), Expect::Retry, false),
            Row::new("a conflict", Fault::Answer(failed(409, "CONFLICT", "busy")), Expect::Retry, false),
            Row::new("a dead token", Fault::Answer(failed(401, "UNAUTHORIZED", "no")), Expect::Refused, false),
            Row::new(
                "a scope missing",
                Fault::Answer(failed(403, "INSUFFICIENT_SCOPES", "no")),
                Expect::Forbidden,
                false,
            ),
            Row::new("a bad value", Fault::Answer(failed(400, "BAD_REQUEST", "no")), Expect::Rejected, false),
        ])
        .await;
}

#[tokio::test]
async fn somebody_who_was_faster_is_read_and_merged_once() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.hurried = 1);
    bench.push_one(&case().change(1_800)).await.unwrap();
    let object = bench.double.with(|vendor| vendor.objects["V1"].clone());
    assert_eq!(object["item_variation_data"]["name"], "Renamed", "the other one's change is kept");
    assert_eq!(bench.double.live("V1"), Some(1_800));
    bench.double.with(|vendor| vendor.hurried = 2);
    let error = bench.push_one(&case().change(1_700)).await.unwrap_err();
    assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    assert_eq!(bench.double.live("V1"), Some(1_800));
}

#[tokio::test]
async fn a_repeat_over_the_same_versions_has_the_same_key() {
    let bench = case().open().await;
    bench.double.freeze();
    bench.double.fail_write(Fault::Lost);
    assert_eq!(bench.push_one(&case().change(1_800)).await.unwrap_err().class, Class::Unknown);
    bench.push_one(&case().change(1_800)).await.unwrap();
    bench.double.thaw();
    assert_eq!((bench.double.with(|vendor| vendor.writes), bench.double.live("V1")), (1, Some(1_800)));
}

#[tokio::test]
async fn the_bad_one_of_a_batch_is_found_and_the_others_are_written() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.bad = Some("V2".to_owned()));
    let results = bench
        .push(&[
            change("V1", "TEA", 1_800, Currency::USD),
            change("V2", "CUP", 1_700, Currency::USD),
            change("V9", "GONE", 1_600, Currency::USD),
        ])
        .await;
    assert!(results[0].is_ok());
    for (at, words) in [(1, "VALUE_TOO_LOW"), (2, "no such variation")] {
        let error = results[at].as_ref().unwrap_err();
        assert_eq!(error.class, Class::Rejected);
        assert!(error.message.contains(words), "{error}");
    }
    assert_eq!((bench.double.live("V1"), bench.double.live("V2")), (Some(1_800), Some(2_000)));
}

#[tokio::test]
async fn a_location_with_a_price_of_its_own_is_said_or_cleared() {
    let bench = case().open().await;
    let own = json!([{ "location_id": "L1", "price_money": { "amount": 500, "currency": "USD" },
        "pricing_type": "FIXED_PRICING", "track_inventory": true }]);
    bench.double.with(|vendor| {
        vendor.objects.get_mut("V1").unwrap()["item_variation_data"]["location_overrides"] = own;
    });
    let seen = bench.read("V1").await;
    assert_eq!(seen.price.map(|price| price.minor().unwrap()), Some(500), "a till asks it, so it is a live price");
    assert!(seen.refused.unwrap().contains("location L1"));
    let error = bench.push_one(&case().change(1_800)).await.unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("location_prices"), "{error}");
    let table: &'static str = Box::leak(format!("{TABLE}location_prices = \"clear\"\n").into_boxed_str());
    let objects = bench.double.with(|vendor| vendor.clone());
    let clearing = Case { vendor: objects, table, ..case() }.open().await;
    clearing.push_one(&case().change(1_800)).await.unwrap();
    clearing.proves(&case().change(1_800)).await;
    let left = clearing.double.with(|vendor| vendor.objects["V1"]["item_variation_data"]["location_overrides"].clone());
    assert_eq!(left, json!([{ "location_id": "L1", "track_inventory": true }]), "only the price went");
}

#[tokio::test]
async fn a_variable_price_and_a_doubtful_sku_are_said() {
    let bench = case().open().await;
    bench.double.with(|vendor| {
        vendor.objects.get_mut("V1").unwrap()["item_variation_data"]["pricing_type"] = json!("VARIABLE_PRICING");
        vendor.objects.insert("V3".to_owned(), variation("V3", "CUP"));
    });
    let error = bench.push_one(&case().change(1_800)).await.unwrap_err();
    assert!(error.message.contains("the till asks for the price"), "{error}");
    let found = bench.channel.find(&["CUP".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "CUP").count(), 2, "both, so that none of them is mapped");
}
