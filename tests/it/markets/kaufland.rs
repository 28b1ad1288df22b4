//! Kaufland: signed requests, a status for each unit, Smart Pricing between what is asked and what is paid.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use omniprice::channel::Class;
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::Case;
use crate::connectors::double::{AT, Expect, Fault, Reply, Request, Row, Vendor, change};
use crate::connectors::schema::Judge;

#[derive(Clone, Default)]
struct Kaufland {
    /// Unit: SKU, listing price.
    units: BTreeMap<i64, (String, i64)>,
    /// Units that Smart Pricing has made cheaper, and by how much.
    smart: BTreeMap<i64, i64>,
    /// Units that take no price.
    bad: Vec<i64>,
}

impl Kaufland {
    fn unit(&self, id: i64) -> Value {
        let (sku, listing) = &self.units[&id];
        json!({ "id_unit": id, "id_offer": sku, "currency": "EUR", "status": "AVAILABLE", "listing_price": listing,
            "minimum_price": 100, "price": listing - self.smart.get(&id).copied().unwrap_or(0), "storefront": "de" })
    }

    fn bulk(&mut self, body: &Value) -> Reply {
        let items = body.as_array().unwrap();
        let ids: Vec<i64> = items.iter().map(|item| item["id_unit"].as_i64().unwrap()).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        if unique.len() != ids.len() {
            return Reply::json(400, &json!({ "title": "Bad Request", "detail": "duplicate id_unit" }));
        }
        let mut data = vec![];
        for (id, item) in ids.into_iter().zip(items) {
            let price = item["unit_data"]["listing_price"].as_i64().unwrap();
            let errors = json!([{ "field": "listing_price", "message": "implausible price" }]);
            data.push(match self.units.get_mut(&id) {
                None => json!({ "id_unit": id, "status_code": 404, "message": "unit not found", "errors": [] }),
                Some(_) if self.bad.contains(&id) => {
                    json!({ "id_unit": id, "status_code": 400, "message": "validation", "errors": errors })
                }
                Some(unit) => {
                    unit.1 = price;
                    json!({ "id_unit": id, "status_code": 200, "unit": self.unit(id) })
                }
            });
        }
        Reply::json(207, &json!({ "data": data }))
    }
}

/// What the vendor computes from the request as it arrived.
fn signed(request: &Request) -> bool {
    let query: Vec<String> = request.query.iter().map(|(key, value)| format!("{key}={value}")).collect();
    // Parameters in the order in which the connector writes them.
    let (first, rest): (Vec<_>, Vec<_>) = query.into_iter().partition(|pair| pair.starts_with("storefront="));
    let query = first.into_iter().chain(rest).collect::<Vec<_>>().join("&");
    let uri = format!("http://{}{}?{query}", request.header("host"), request.path);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"secret").unwrap();
    let timestamp = request.header("shop-timestamp");
    mac.update(format!("{}\n{uri}\n{}\n{timestamp}", request.method, request.text()).as_bytes());
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    request.header("shop-signature") == expected && request.header("shop-client-key") == "client"
}

impl Vendor for Kaufland {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if !signed(request) {
            return Reply::json(
                401,
                &json!({ "type": "/problems/unauthorized", "title": "Unauthorized", "status": 401 }),
            );
        }
        assert_eq!(request.query["storefront"], "de");
        if self.writes(request) {
            return self.bulk(&request.json());
        }
        match request.path.strip_prefix("/v2/units").unwrap().strip_prefix('/') {
            Some(id) => match id.parse().ok().filter(|id| self.units.contains_key(id)) {
                Some(id) => Reply::ok(&json!({ "data": self.unit(id) })),
                None => Reply::json(404, &json!({ "type": "/problems/not-found", "title": "Not found" })),
            },
            None => {
                let wanted = request.query.get("id_offer");
                let fits = |(_, (sku, _)): &(&i64, &(String, i64))| wanted.is_none_or(|wanted| wanted == sku);
                let most: usize = request.query["limit"].parse().unwrap();
                let units: Vec<Value> =
                    self.units.iter().filter(fits).take(most).map(|(id, _)| self.unit(*id)).collect();
                Reply::ok(&json!({ "data": units, "pagination": { "offset": 0, "limit": most, "total": units.len() } }))
            }
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let id: i64 = external.parse().ok()?;
        self.units.contains_key(&id).then(|| self.unit(id)["price"].as_i64().unwrap())
    }
}

const TABLE: &str = r#"
kind = "kaufland"
client_key = "client"
secret_key = "secret"
storefront = "de"
api_url = "{url}/v2"
"#;

fn case() -> Case<Kaufland> {
    let units = BTreeMap::from([(501, ("TEA".to_owned(), 2_000)), (502, ("CUP".to_owned(), 2_000))]);
    let judge = Judge::new("kaufland").openapi("/v2", "kaufland-units.json");
    let vendor = Kaufland { units, ..Kaufland::default() };
    Case { vendor, judge, table: TABLE, external: "501", sku: "TEA", currency: Currency::EUR }
}

#[tokio::test]
async fn a_price_arrives_and_the_unit_shows_it() {
    case().takes_a_price().await;
    case().is_probed("").await;
}

#[tokio::test]
async fn faults() {
    let of =
        |status: u16| json!({ "data": [{ "id_unit": 501, "status_code": status, "message": "no", "errors": [] }] });
    let other = json!({ "data": [{ "id_unit": 502, "status_code": 200, "unit": null }] });
    let dead = Reply::json(401, &json!({ "type": "/problems/unauthorized", "title": "Unauthorized" }));
    case()
        .suffers(vec![
            Row::new("the unit is refused", Fault::Answer(Reply::json(207, &of(400))), Expect::Rejected, false),
            Row::new("the unit broke", Fault::Answer(Reply::json(207, &of(500))), Expect::Unknown, false),
            Row::new("the unit must wait", Fault::Answer(Reply::json(207, &of(429))), Expect::Retry, false),
            Row::new("another unit's answer", Fault::Instead(Reply::json(207, &other)), Expect::Unknown, true),
            Row::new("a dead key", Fault::Answer(dead), Expect::Refused, false),
        ])
        .await;
}

#[tokio::test]
async fn a_price_that_smart_pricing_changed_is_not_ours() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.smart.insert(501, 300));
    bench.push_one(&case().change(1_800)).await.unwrap();
    let seen = bench.read("501").await;
    assert_eq!(seen.price.map(|p| p.minor().unwrap()), Some(1_500), "what buyers pay");
    assert_eq!(seen.refused.unwrap(), "Smart Pricing sells it for 15.00 EUR where 18.00 EUR is asked");
}

#[tokio::test]
async fn one_bad_unit_leaves_the_others_priced_and_a_clock_that_is_off_is_named() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.bad.push(502));
    let results = bench
        .push(&[
            change("501", "TEA", 1_800, Currency::EUR),
            change("502", "CUP", 1_700, Currency::EUR),
            change("999", "GONE", 1_600, Currency::EUR),
        ])
        .await;
    assert!(results[0].is_ok());
    let words = |at: usize| results[at].as_ref().unwrap_err().to_string();
    assert!(words(1).contains("listing_price: implausible price"), "{}", words(1));
    assert!(words(2).contains("404"), "{}", words(2));
    assert_eq!((bench.double.live("501"), bench.double.live("502")), (Some(1_800), Some(2_000)));
    let text = bench.push_one(&change("not-a-number", "X", 1, Currency::EUR)).await.unwrap_err();
    assert_eq!(text.class, Class::Rejected);
    // The vendor refuses the signature of a wrong clock as it refuses a wrong key; the probe says which it is.
    let late = case().open_at(Clock::manual(AT.plus(365 * Millis::DAY))).await;
    let unauthorized = Reply::json(401, &json!({ "title": "Unauthorized" }));
    late.double.fail_any(Fault::Answer(unauthorized));
    assert!(late.channel.probe().await.unwrap().problems[0].contains("clock"));
}

#[tokio::test]
async fn batches_keep_the_vendor_s_limit_and_doubtful_skus_are_said() {
    let bench = case().open().await;
    let changes: Vec<_> =
        (0..310).map(|n| change(&(10_000 + n).to_string(), &format!("S{n}"), 1_000 + n, Currency::EUR)).collect();
    bench.double.with(|vendor| {
        vendor.units.extend(changes.iter().map(|c| (c.external.parse().unwrap(), (c.sku.clone(), 2_000))));
    });
    assert!(bench.push(&changes).await.iter().all(Result::is_ok));
    assert_eq!(bench.double.written().len(), 3, "150, 150 and 10");
    bench.double.with(|vendor| vendor.units.insert(503, ("TEA".to_owned(), 1)));
    let found = bench.channel.find(&["TEA".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "TEA").count(), 2, "both, so that none of them is mapped");
}
