//! eBay: 25 offers a request, each with a status of its own.

use std::collections::BTreeMap;

use omniprice::channel::Class;
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::{Case, minor, token};
use crate::connectors::double::{Expect, Fault, Reply, Request, Row, Vendor, change};
use crate::connectors::schema::Judge;

const API: &str = "/sell/inventory/v1";

#[derive(Clone, Default)]
struct Ebay {
    /// Offer id: SKU, price.
    offers: BTreeMap<String, (String, i64)>,
    unpublished: Vec<String>,
}

impl Ebay {
    fn offer(&self, id: &str) -> Value {
        let (sku, price) = &self.offers[id];
        let status = if self.unpublished.iter().any(|other| other == id) { "UNPUBLISHED" } else { "PUBLISHED" };
        json!({ "offerId": id, "sku": sku, "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE", "status": status,
            "pricingSummary": { "price": { "value": format!("{}.{:02}", price / 100, price % 100), "currency": "EUR" } } })
    }

    fn bulk(&mut self, body: &Value) -> Reply {
        let mut responses = vec![];
        let mut partial = false;
        for offer in body["requests"].as_array().unwrap().iter().flat_map(|item| item["offers"].as_array().unwrap()) {
            let id = offer["offerId"].as_str().unwrap();
            let refused = self.unpublished.iter().any(|other| other == id);
            responses.push(match self.offers.get_mut(id).filter(|_| !refused) {
                Some(known) => {
                    known.1 = minor(&offer["price"]["value"]);
                    json!({ "offerId": id, "sku": known.0, "statusCode": 200, "errors": [], "warnings": [] })
                }
                None => {
                    partial = true;
                    json!({ "offerId": id, "statusCode": 400, "errors": [{ "errorId": 25713, "domain": "API_INVENTORY",
                        "category": "REQUEST", "message": "This Offer is not available." }] })
                }
            });
        }
        Reply::json(if partial { 207 } else { 200 }, &json!({ "responses": responses }))
    }
}

impl Vendor for Ebay {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/bulk_update_price_quantity")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = token(request) {
            assert!(request.header("authorization").starts_with("Basic "));
            assert!(request.text().contains("scope=https%3A%2F%2Fapi.ebay.com%2Foauth%2Fapi_scope%2Fsell.inventory"));
            return reply;
        }
        assert_eq!(request.header("authorization"), "Bearer valid");
        assert_eq!(request.header("content-language"), "de-DE");
        if self.writes(request) {
            return self.bulk(&request.json());
        }
        let none = json!({ "errors": [{ "errorId": 25713, "message": "This Offer is not available." }] });
        match request.path.strip_prefix(API).unwrap().strip_prefix("/offer/") {
            Some(id) if self.offers.contains_key(id) => Reply::ok(&self.offer(id)),
            Some(_) => Reply::json(404, &none),
            None => {
                let wanted = &request.query["sku"];
                let offers: Vec<Value> =
                    self.offers.iter().filter(|(_, (sku, _))| sku == wanted).map(|(id, _)| self.offer(id)).collect();
                if offers.is_empty() { Reply::json(404, &none) } else { Reply::ok(&json!({ "offers": offers })) }
            }
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.offers.get(external).map(|(_, price)| *price)
    }
}

const TABLE: &str = r#"
kind = "ebay"
client_id = "app"
client_secret = "secret"
refresh_token = "refresh"
marketplace_id = "EBAY_DE"
language = "de-DE"
currency = "EUR"
api_url = "{url}"
token_url = "{url}/identity/v1/oauth2/token"
"#;

fn case() -> Case<Ebay> {
    let offers = [("9001", "TEA"), ("9002", "CUP")];
    let offers = offers.iter().map(|(id, sku)| ((*id).to_owned(), ((*sku).to_owned(), 2_000))).collect();
    let judge = Judge::new("ebay").openapi(API, "ebay-inventory-price.json");
    let vendor = Ebay { offers, unpublished: vec![] };
    Case { vendor, judge, table: TABLE, external: "9001", sku: "TEA", currency: Currency::EUR }
}

#[tokio::test]
async fn a_price_arrives_and_the_offer_shows_it() {
    case().takes_a_price().await;
    case().is_probed("").await;
}

#[tokio::test]
async fn tokens_and_faults() {
    case().renews_a_dead_token_once().await;
    let of = |status: u16, error: i64| json!({ "responses": [{ "offerId": "9001", "statusCode": status, "errors": [{ "errorId": error, "message": "no" }] }] });
    let other = json!({ "responses": [{ "offerId": "9002", "statusCode": 200 }] });
    let broken = json!({ "errors": [{ "errorId": 25001, "category": "APPLICATION", "message": "system error" }] });
    case()
        .suffers(vec![
            Row::new("the offer is refused", Fault::Answer(Reply::json(207, &of(400, 25002))), Expect::Rejected, false),
            Row::new("the offer broke", Fault::Answer(Reply::json(207, &of(500, 25001))), Expect::Unknown, false),
            Row::new("another offer's answer", Fault::Instead(Reply::ok(&other)), Expect::Unknown, true),
            Row::new("an error of all", Fault::Answer(Reply::json(500, &broken)), Expect::Unknown, false),
            Row::new("too many calls", Fault::Answer(Reply::json(429, &json!({}))), Expect::Retry, false),
        ])
        .await;
}

#[tokio::test]
async fn one_bad_offer_leaves_the_others_priced() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.unpublished.push("9002".to_owned()));
    let both = [change("9001", "TEA", 1_800, Currency::EUR), change("9002", "CUP", 1_700, Currency::EUR)];
    let results = bench.push(&both).await;
    assert!(results[0].is_ok());
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(error.class, Class::Rejected);
    assert!(error.message.contains("not available") && error.message.contains("25713"), "{error}");
    assert_eq!((bench.double.live("9001"), bench.double.live("9002")), (Some(1_800), Some(2_000)));
    assert!(bench.channel.find(&["CUP".to_owned()]).await.unwrap().is_empty(), "an unpublished offer takes no price");
}

#[tokio::test]
async fn batches_keep_the_vendor_s_limit_and_doubtful_skus_are_said() {
    let bench = case().open().await;
    let changes: Vec<_> =
        (0..60).map(|n| change(&format!("1{n:03}"), &format!("S{n}"), 1_000 + n, Currency::EUR)).collect();
    bench.double.with(|vendor| {
        let offers = changes.iter().map(|change| (change.external.clone(), (change.sku.clone(), 2_000)));
        vendor.offers.extend(offers);
    });
    assert!(bench.push(&changes).await.iter().all(Result::is_ok));
    assert_eq!(bench.double.written().len(), 3, "25, 25 and 10");
    bench.double.with(|vendor| vendor.offers.insert("9003".to_owned(), ("TEA".to_owned(), 2_000)));
    let found = bench.channel.find(&["TEA".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "TEA").count(), 2, "both, so that none of them is mapped");
    assert_eq!(bench.read("7777").await.price, None);
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let case = case();
    let mut odd = case.vendor.offer("9001");
    odd["pricingSummary"]["price"]["value"] = json!("20.0049");
    case.tells_of_an_odd_price(&case.open().await, "9002", &odd).await;
}
