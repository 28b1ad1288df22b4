//! bol: accepted is not applied, and the process says which.

use std::collections::BTreeMap;

use omniprice::channel::Class;
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::{Case, minor, number, token};
use crate::connectors::double::{Expect, Fault, Reply, Request, Row, Vendor};
use crate::connectors::schema::Judge;

const V10: &str = "application/vnd.retailer.v10+json";

#[derive(Clone, Default)]
struct Bol {
    /// Offer id: reference, price.
    offers: BTreeMap<String, (String, i64)>,
    processes: BTreeMap<String, Value>,
    /// How the next change ends.
    fate: Option<&'static str>,
    /// Why no offer is shown to buyers.
    unpublished: Option<&'static str>,
}

impl Bol {
    fn process(&mut self, kind: &str, status: &str, entity: &str) -> Reply {
        let id = format!("P{}", self.processes.len() + 1);
        let mut process = json!({ "processStatusId": id, "entityId": entity, "eventType": kind, "status": status,
            "description": kind, "createTimestamp": "2026-11-22T00:00:00+01:00", "links": [] });
        if status == "FAILURE" {
            process["errorMessage"] = json!("Price is too high for this product");
        }
        let mut pending = process.clone();
        self.processes.insert(id, process);
        pending["status"] = json!("PENDING");
        pending["errorMessage"] = Value::Null;
        Reply::json(202, &pending)
    }
}

impl Vendor for Bol {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/price")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = token(request) {
            assert!(request.text().contains("grant_type=client_credentials"));
            return reply;
        }
        assert_eq!(request.header("authorization"), "Bearer valid");
        assert!(request.body.is_empty() || request.header("content-type") == V10, "another media type is an error");
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), path.as_slice()) {
            ("PUT", ["retailer", "offers", id, "price"]) => {
                let steps = request.json()["pricing"]["bundlePrices"].clone();
                assert_eq!(steps.as_array().map(Vec::len), Some(1));
                let fate = self.fate.take().unwrap_or("SUCCESS");
                if let (Some(offer), "SUCCESS") = (self.offers.get_mut(*id), fate) {
                    offer.1 = minor(&steps[0]["unitPrice"]);
                }
                self.process("UPDATE_OFFER_PRICE", fate, id)
            }
            ("GET", ["shared", "process-status", id]) => Reply::ok(&self.processes[*id]),
            ("POST", ["retailer", "offers", "export"]) => self.process("CREATE_OFFER_EXPORT", "SUCCESS", "R1"),
            ("GET", ["retailer", "offers", "export", "R1"]) => {
                assert_eq!(request.header("accept"), "application/vnd.retailer.v10+csv");
                let mut text = String::from("offerId,ean,conditionName,bundlePricesPrice,referenceCode\n");
                for (id, (reference, price)) in &self.offers {
                    text.push_str(&format!("{id},871,NEW,{},{reference}\n", number(*price)));
                }
                Reply::text(200, &text)
            }
            ("GET", ["retailer", "offers", id]) => match self.offers.get(*id) {
                None => Reply::json(404, &json!({ "status": 404, "title": "Not found", "detail": "no offer" })),
                Some((reference, price)) => Reply::ok(&json!({ "offerId": id, "reference": reference,
                    "notPublishableReasons": self.unpublished.map(|why| json!({ "code": "4001", "description": why })).into_iter().collect::<Vec<_>>(),
                    "pricing": { "bundlePrices": [{ "quantity": 1, "unitPrice": number(*price) }] } })),
            },
            _ => Reply::text(400, ""),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.offers.get(external).map(|(_, price)| *price)
    }
}

const TABLE: &str = r#"
kind = "bol"
client_id = "app"
client_secret = "secret"
api_url = "{url}"
token_url = "{url}/token"
"#;

fn case() -> Case<Bol> {
    let offers = BTreeMap::from([("o-1".to_owned(), ("TEA".to_owned(), 2_000))]);
    let judge = Judge::new("bol").openapi("", "bol-offers.json");
    let vendor = Bol { offers, ..Bol::default() };
    Case { vendor, judge, table: TABLE, external: "o-1", sku: "TEA", currency: Currency::EUR }
}

#[tokio::test]
async fn a_price_arrives_and_the_offer_shows_it() {
    case().takes_a_price().await;
    case().is_probed("").await;
}

#[tokio::test]
async fn tokens_and_faults() {
    case().renews_a_dead_token_once().await;
    let violation = json!({ "status": 400, "title": "Bad Request", "detail": "Request contains invalid value(s)",
        "violations": [{ "name": "unitPrice", "reason": "must be at most 9999" }] });
    let throttled = Reply::json(429, &json!({ "status": 429, "title": "Too many requests" })).header("retry-after", 9);
    case()
        .suffers(vec![
            Row::new("a violation", Fault::Answer(Reply::json(400, &violation)), Expect::Rejected, false),
            Row::new("throttled", Fault::Answer(throttled), Expect::RetryAfter(9_000), false),
            Row::new("another media type", Fault::Answer(Reply::json(406, &json!({}))), Expect::Rejected, false),
        ])
        .await;
}

#[tokio::test]
async fn a_process_that_failed_is_the_reason() {
    let bench = case().open().await;
    for fate in ["FAILURE", "TIMEOUT"] {
        bench.double.with(|vendor| vendor.fate = Some(fate));
        bench.push_one(&case().change(1_800)).await.unwrap();
        let seen = bench.read("o-1").await;
        assert_eq!(seen.price.map(|p| p.minor().unwrap()), Some(2_000));
        assert!(seen.refused.as_deref().unwrap().contains(fate), "{seen:?}");
        assert_eq!(bench.read("o-1").await.refused, None, "told once");
    }
    bench.push_one(&case().change(1_800)).await.unwrap();
    bench.double.with(|vendor| vendor.processes.values_mut().for_each(|p| p["status"] = json!("PENDING")));
    assert_eq!(bench.read("o-1").await.refused, None, "not known yet");
}

#[tokio::test]
async fn an_offer_that_is_not_published_for_its_price_is_no_proof_of_it() {
    let bench = case().open().await;
    bench.push_one(&case().change(9_900)).await.unwrap();
    bench.double.with(|vendor| vendor.unpublished = Some("The price is too high for this article."));
    let seen = bench.read("o-1").await;
    assert_eq!(seen.price.map(|p| p.minor().unwrap()), Some(9_900), "the offer has it, and no buyer sees it");
    assert_eq!(seen.disputed, seen.complaint);
    assert!(seen.complaint.unwrap().contains("too high for this article. (4001)"));
    bench.double.with(|vendor| vendor.unpublished = Some("The seller is on holiday."));
    bench.proves(&case().change(9_900)).await;
}

#[tokio::test]
async fn prices_outside_the_vendor_s_range_stay_at_home() {
    let bench = case().open().await;
    for minor in [99, 1_000_000] {
        let error = bench.push_one(&case().change(minor)).await.unwrap_err();
        assert_eq!(error.class, Class::Rejected);
    }
    assert!(bench.double.written().is_empty());
    bench.double.with(|vendor| vendor.offers.insert("o-2".to_owned(), ("TEA".to_owned(), 1)));
    let found = bench.channel.find(&["TEA".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "TEA").count(), 2, "both, so that none of them is mapped");
}

#[tokio::test]
async fn what_is_left_of_the_budget_is_believed() {
    let bench = case().open().await;
    let spent = Reply::json(429, &json!({})).header("x-ratelimit-limit", 2).header("x-ratelimit-remaining", 0);
    bench.double.fail_write(Fault::Answer(spent.header("x-ratelimit-reset", 3_600)));
    assert!(matches!(bench.push_one(&case().change(1_800)).await.unwrap_err().class, Class::Retry { .. }));
    let error = bench.push_one(&case().change(1_800)).await.unwrap_err();
    assert!(matches!(error.class, Class::Retry { after_ms: Some(30_000..) }), "{error:?}");
    assert_eq!(bench.double.written().len(), 1, "the second one waited at home");
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let mut case = case();
    case.vendor.offers.insert("o-2".to_owned(), ("CUP".to_owned(), 2_000));
    let odd = json!({ "offerId": "o-1", "pricing": { "bundlePrices": [{ "quantity": 1, "unitPrice": 20.0049 }] } });
    case.tells_of_an_odd_price(&case.open().await, "o-2", &odd).await;
}
