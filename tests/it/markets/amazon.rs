//! Amazon: what was submitted is not what is live, and a feed answers by its report.

use std::collections::BTreeMap;

use omniprice::channel::Class;
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::{Case, minor, number, token};
use crate::connectors::double::{AT, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use crate::connectors::schema::Judge;

const MARKET: &str = "A1PA6795UKMFR9";
const ITEMS: &str = "/listings/2021-08-01/items/A2SELLER";

#[derive(Clone, Default)]
struct Amazon {
    /// Attribute `purchasable_offer` of each SKU.
    offers: BTreeMap<String, Value>,
    issues: BTreeMap<String, Value>,
    uploads: BTreeMap<String, Vec<u8>>,
    /// The next feed is refused for this SKU.
    bad: Option<String>,
    /// Feeds stay in the queue.
    queued: bool,
    fed: usize,
}

fn offer(minor: i64) -> Value {
    json!([{
        "marketplace_id": MARKET, "currency": "EUR", "audience": "ALL",
        "our_price": [{ "schedule": [{ "value_with_tax": number(minor) }] }],
    }])
}

impl Amazon {
    fn new(skus: &[&str]) -> Self {
        Self { offers: skus.iter().map(|sku| ((*sku).to_owned(), offer(2_000))).collect(), ..Self::default() }
    }

    /// What a buyer pays: the reduced price inside its window, else the price.
    fn price(&self, sku: &str) -> Option<i64> {
        let offer = &self.offers.get(sku)?[0];
        let slot = &offer["discounted_price"][0]["schedule"][0];
        let (now, text) = (AT.plus(1).to_string(), |key: &str| slot[key].as_str().unwrap_or("").to_owned());
        if text("start_at") <= now && now < text("end_at") {
            return Some(minor(&slot["value_with_tax"]));
        }
        Some(minor(&offer["our_price"][0]["schedule"][0]["value_with_tax"]))
    }

    fn apply(&mut self, sku: &str, patches: &Value) {
        for patch in patches.as_array().unwrap() {
            assert_eq!((&patch["op"], &patch["path"]), (&json!("replace"), &json!("/attributes/purchasable_offer")));
            self.offers.insert(sku.to_owned(), patch["value"].clone());
        }
    }

    fn item(&self, sku: &str) -> Value {
        let price = self.price(sku).unwrap();
        json!({
            "sku": sku,
            "summaries": [{ "marketplaceId": MARKET, "productType": "LUGGAGE", "status": ["BUYABLE"] }],
            "offers": [
                { "marketplaceId": MARKET, "offerType": "B2B", "price": { "currencyCode": "EUR", "amount": "1.00" } },
                { "marketplaceId": MARKET, "offerType": "B2C", "price": { "currencyCode": "EUR", "amount": number(price).to_string() } },
            ],
            "attributes": { "purchasable_offer": self.offers[sku] },
            "issues": self.issues.get(sku).cloned().into_iter().collect::<Vec<_>>(),
        })
    }

    fn feeds(&mut self, request: &Request, rest: &str) -> Reply {
        let host = request.header("host");
        match (request.method.as_str(), rest) {
            ("POST", "documents") => {
                let url = format!("http://{host}/upload/in{}", self.uploads.len());
                Reply::json(201, &json!({ "feedDocumentId": url.rsplit('/').next(), "url": url }))
            }
            ("POST", "feeds") => {
                let order = request.json();
                assert_eq!(order["feedType"], "JSON_LISTINGS_FEED");
                let body = self.uploads[order["inputFeedDocumentId"].as_str().unwrap()].clone();
                let feed: Value = serde_json::from_slice(&body).unwrap();
                let mut issues = vec![];
                for message in feed["messages"].as_array().unwrap() {
                    let sku = message["sku"].as_str().unwrap();
                    if self.bad.as_deref() == Some(sku) || !self.offers.contains_key(sku) {
                        issues.push(json!({ "messageId": message["messageId"], "sku": sku, "code": "90220",
                            "severity": "ERROR", "message": "price is below the minimum_seller_allowed_price" }));
                    } else {
                        self.apply(sku, &message["patches"]);
                    }
                }
                self.uploads.insert("report".to_owned(), json!({ "issues": issues }).to_string().into_bytes());
                self.fed += 1;
                Reply::json(202, &json!({ "feedId": format!("F{}", self.fed) }))
            }
            ("GET", "documents/report") => {
                Reply::ok(&json!({ "feedDocumentId": "report", "url": format!("http://{host}/upload/report") }))
            }
            ("GET", _) if self.queued => Reply::ok(&json!({ "feedId": "F", "processingStatus": "IN_QUEUE" })),
            _ => Reply::ok(&json!({ "feedId": "F", "processingStatus": "DONE", "resultFeedDocumentId": "report" })),
        }
    }
}

impl Vendor for Amazon {
    fn writes(&self, request: &Request) -> bool {
        request.method == "PATCH" || request.method == "PUT"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = token(request) {
            return reply;
        }
        if let Some(document) = request.path.strip_prefix("/upload/") {
            assert_eq!(request.header("x-amz-access-token"), "", "the store of documents is another host");
            if request.method == "PUT" {
                self.uploads.insert(document.to_owned(), request.body.clone());
                return Reply::text(200, "");
            }
            return Reply { body: self.uploads[document].clone(), ..Reply::text(200, "") };
        }
        assert_eq!(request.header("x-amz-access-token"), "valid");
        if let Some(rest) = request.path.strip_prefix("/feeds/2021-06-30/") {
            return self.feeds(request, rest);
        }
        assert_eq!(request.query["marketplaceIds"], MARKET);
        match request.path.strip_prefix(ITEMS).unwrap().strip_prefix('/') {
            None => {
                let wanted = request.query.get("identifiers").map(|list| list.split(',').map(str::to_owned).collect());
                let wanted: Vec<String> = wanted.unwrap_or_else(|| self.offers.keys().cloned().collect());
                let items: Vec<Value> =
                    wanted.iter().filter(|sku| self.offers.contains_key(*sku)).map(|sku| self.item(sku)).collect();
                Reply::ok(&json!({ "numberOfResults": items.len(), "items": items }))
            }
            Some(sku) if !self.offers.contains_key(sku) => {
                Reply::json(404, &json!({ "errors": [{ "code": "NOT_FOUND", "message": "SKU not found" }] }))
            }
            Some(sku) if request.method == "GET" => Reply::ok(&self.item(sku)),
            Some(sku) => {
                let sku = sku.to_owned();
                self.apply(&sku, &request.json()["patches"]);
                Reply::ok(&json!({ "sku": sku, "status": "ACCEPTED", "submissionId": "s" }))
            }
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.price(external.split_once('/').unwrap().1)
    }
}

fn judge() -> Judge {
    Judge::new("amazon")
        .openapi("", "amazon-listings-items.json")
        .part(("PUT", "/upload/{id}"), "", "listings-feed-schema-v2.json", "")
        .part(("PUT", "/upload/{id}"), "/messages/*", "listings-feed-message-schema-v2.json", "")
}

const TABLE: &str = r#"
kind = "amazon"
seller_id = "A2SELLER"
marketplace_id = "A1PA6795UKMFR9"
client_id = "app"
client_secret = "secret"
refresh_token = "refresh"
currency = "EUR"
api_url = "{url}"
token_url = "{url}/auth/o2/token"
"#;

fn case() -> Case<Amazon> {
    Case {
        vendor: Amazon::new(&["BAG", "CASE"]),
        judge: judge(),
        table: TABLE,
        external: "LUGGAGE/BAG",
        sku: "BAG",
        currency: Currency::EUR,
    }
}

fn by_feed() -> Case<Amazon> {
    Case { table: concat_feed(), ..case() }
}

fn concat_feed() -> &'static str {
    use std::sync::LazyLock;
    static FEED: LazyLock<String> = LazyLock::new(|| format!("{TABLE}write = \"feed\"\n"));
    &FEED
}

#[tokio::test]
async fn a_price_arrives_and_buyers_see_it() {
    case().takes_a_price().await;
    by_feed().takes_a_price().await;
}

#[tokio::test]
async fn a_sale_has_a_window_and_goes_with_the_next_offer() {
    case().starts_and_ends_a_sale().await;
    let bench = case().open().await;
    let open_ended = on_sale(case().change(1_500), 2_500);
    let sale = open_ended.sale.map(|sale| omniprice::channel::Sale { ends_at: None, ..sale });
    bench.push_one(&omniprice::channel::PriceChange { sale, ..open_ended }).await.unwrap();
    let slot = bench.double.with(|vendor| vendor.offers["BAG"][0]["discounted_price"][0]["schedule"][0].clone());
    assert!(slot["end_at"].as_str().unwrap() > "2031", "Amazon wants an end: {slot}");
}

#[tokio::test]
async fn tokens_and_faults() {
    case().renews_a_dead_token_once().await;
    case().is_probed("SEK").await;
    let invalid = json!({ "sku": "BAG", "status": "INVALID", "submissionId": "s", "issues": [{
        "code": "99022", "severity": "ERROR", "attributeNames": ["purchasable_offer"],
        "message": "'our_price' does not have enough values" }] });
    let throttled = Reply::json(429, &json!({ "errors": [{ "code": "QuotaExceeded", "message": "slow" }] }));
    case()
        .suffers(vec![
            Row::new("an invalid submission", Fault::Answer(Reply::ok(&invalid)), Expect::Rejected, false),
            Row::new(
                "throttled",
                Fault::Answer(throttled.header("x-amzn-RateLimit-Limit", "5.0")),
                Expect::Retry,
                false,
            ),
            Row::new("bad request", Fault::Answer(Reply::json(400, &json!({ "errors": [] }))), Expect::Rejected, false),
        ])
        .await;
}

#[tokio::test]
async fn an_issue_of_the_price_is_the_reason_and_another_is_not() {
    let bench = case().open().await;
    let issue = |names: &[&str], severity: &str| json!({ "code": "1", "message": "too high", "severity": severity, "attributeNames": names });
    for (issue, expected) in [
        (issue(&["purchasable_offer"], "ERROR"), Some("too high (1)")),
        (issue(&["purchasable_offer"], "WARNING"), None),
        (issue(&["item_name"], "ERROR"), None),
    ] {
        bench.double.with(|vendor| vendor.issues.insert("BAG".to_owned(), issue));
        let seen = bench.read("LUGGAGE/BAG").await;
        assert_eq!((seen.complaint.as_deref(), seen.refused), (expected, None), "it may be about an older price");
    }
    assert_eq!(bench.read("LUGGAGE/GONE").await.price, None);
    let odd = bench.channel.read(&["no-product-type".to_owned()]).await.unwrap_err();
    assert_eq!(odd.class, Class::Rejected);
}

#[tokio::test]
async fn a_feed_that_refuses_one_price_says_which_by_its_report() {
    let bench = by_feed().open().await;
    bench.double.with(|vendor| vendor.bad = Some("CASE".to_owned()));
    bench.double.with(|vendor| vendor.queued = true);
    let changes =
        [change("LUGGAGE/BAG", "BAG", 1_800, Currency::EUR), change("LUGGAGE/CASE", "CASE", 1_700, Currency::EUR)];
    assert!(bench.push(&changes).await.iter().all(Result::is_ok), "accepted is not live");
    assert_eq!(bench.double.written().len(), 1, "one feed for both");
    let both: Vec<String> = changes.iter().map(|change| change.external.clone()).collect();
    let early = bench.channel.read(&both).await.unwrap();
    assert!(early.iter().all(|seen| seen.refused.is_none()), "no report yet: {early:?}");
    bench.double.with(|vendor| vendor.queued = false);
    let seen = bench.channel.read(&both).await.unwrap();
    assert_eq!((seen[0].price.map(|p| p.minor().unwrap()), seen[0].refused.as_deref()), (Some(1_800), None));
    assert_eq!(seen[1].price.map(|p| p.minor().unwrap()), Some(2_000));
    assert!(seen[1].refused.as_deref().unwrap().contains("minimum_seller_allowed_price"), "{seen:?}");
    let again = bench.channel.read(&both).await.unwrap();
    assert_eq!(again[1].refused, None, "told once; a later look is about the listing itself");
}

#[tokio::test]
async fn a_feed_that_was_not_uploaded_never_began() {
    let bench = by_feed().open().await;
    for fault in [Fault::Lost, Fault::Answer(Reply::text(503, "slow down"))] {
        bench.double.fail_write(fault);
        let error = bench.push_one(&by_feed().change(1_800)).await.unwrap_err();
        assert_eq!(error.class, Class::Retry { after_ms: None }, "{error}");
    }
    assert_eq!(bench.double.with(|vendor| vendor.fed), 0);
    bench.push_one(&by_feed().change(1_800)).await.unwrap();
    assert_eq!(bench.double.live("LUGGAGE/BAG"), Some(1_800));
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let case = case();
    let mut odd = case.vendor.item("BAG");
    odd["offers"][1]["price"]["amount"] = json!("20.0049");
    let page = json!({ "items": [odd, case.vendor.item("CASE")] });
    case.tells_of_an_odd_price(&case.open().await, "LUGGAGE/CASE", &page).await;
}

/// Gives the offer of a SKU a window, as Seller Central does.
fn window(bench: &crate::connectors::double::Bench<Amazon>, sku: &str, start: &str, end: &str) {
    bench.double.with(|vendor| {
        let offer = &mut vendor.offers.get_mut(sku).unwrap()[0];
        (offer["start_at"], offer["end_at"]) = (json!({ "value": start }), json!({ "value": end }));
    });
}

#[tokio::test]
async fn a_price_never_opens_a_listing_that_its_seller_has_closed() {
    let (start, over) = ("2020-01-01T00:00:00.000Z", AT.to_string());
    for case in [case(), by_feed()] {
        let bench = case.open().await;
        for end in [over.as_str(), "2027-02-28T00:00Z", "2027-02-28", "soon"] {
            window(&bench, "BAG", start, end);
            let before = bench.double.with(|vendor| vendor.offers["BAG"].clone());
            let both = [case.change(1_800), change("LUGGAGE/CASE", "CASE", 1_700, Currency::EUR)];
            let results = bench.push(&both).await;
            let error = results[0].as_ref().unwrap_err();
            assert!(error.class == Class::Rejected && error.message.contains("closed"), "{end}: {error}");
            results[1].as_ref().unwrap();
            bench.double.with(|vendor| assert_eq!(vendor.offers["BAG"], before, "{end}"));
            assert_eq!(bench.double.live("LUGGAGE/CASE"), Some(1_700), "the others go out");
        }
    }
}

#[tokio::test]
async fn an_offer_keeps_its_own_start_and_end() {
    for case in [case(), by_feed()] {
        let bench = case.open().await;
        window(&bench, "BAG", "2026-05-01T00:00:00.000Z", "2027-05-01T00:00:00.000Z");
        // Offers for other buyers have windows of their own.
        bench.double.with(|vendor| {
            let other = json!({ "marketplace_id": MARKET, "currency": "EUR", "audience": "B2B",
                "end_at": { "value": "2020-01-01T00:00:00Z" } });
            vendor.offers.get_mut("BAG").unwrap().as_array_mut().unwrap().push(other);
        });
        bench.push_one(&case.change(1_800)).await.unwrap();
        let offer = bench.double.with(|vendor| vendor.offers["BAG"][0].clone());
        assert_eq!(offer["start_at"], json!({ "value": "2026-05-01T00:00:00.000Z" }), "{offer}");
        assert_eq!(offer["end_at"], json!({ "value": "2027-05-01T00:00:00.000Z" }), "{offer}");
        assert_eq!(bench.double.live("LUGGAGE/BAG"), Some(1_800));
    }
}
