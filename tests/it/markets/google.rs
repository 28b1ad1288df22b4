//! Google: order kept by version, sales cleared by a mask, the processed product read back.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::LazyLock;

use base64::Engine as _;
use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::{Case, token};
use crate::connectors::double::{AT, Expect, Fault, Reply, Request, Row, Vendor, on_sale};
use crate::connectors::schema::Judge;

const PRODUCTS: &str = "/products/v1/accounts/123/";
const MASK: [&str; 3] = ["price", "salePrice", "salePriceEffectiveDate"];

#[derive(Clone, Default)]
struct Google {
    /// Attributes of each offer.
    products: BTreeMap<String, Value>,
    versions: BTreeMap<String, i64>,
    issues: Vec<Value>,
}

fn micros(minor: i64) -> Value {
    json!({ "amountMicros": (minor * 10_000).to_string(), "currencyCode": "DKK" })
}

fn of_micros(price: &Value) -> Option<i64> {
    price["amountMicros"].as_str()?.parse::<i64>().ok().map(|micros| micros / 10_000)
}

impl Google {
    fn new() -> Self {
        let products = BTreeMap::from([("TEA".to_owned(), json!({ "title": "Tea", "price": micros(2_000) }))]);
        Self { products, ..Self::default() }
    }

    fn product(&self, offer: &str) -> Value {
        json!({
            "name": format!("accounts/123/products/da~DK~{offer}"), "offerId": offer,
            "contentLanguage": "da", "feedLabel": "DK", "productAttributes": self.products[offer],
            "productStatus": { "itemLevelIssues": self.issues },
        })
    }

    fn insert(&mut self, input: &Value) -> Reply {
        let offer = input["offerId"].as_str().unwrap().to_owned();
        let version: i64 = input["versionNumber"].as_str().unwrap().parse().unwrap();
        if self.versions.get(&offer).is_some_and(|known| version < *known) {
            return Reply::json(
                409,
                &json!({ "error": { "code": 409, "status": "ABORTED",
                "message": "The version number is lower than the existing one." } }),
            );
        }
        self.versions.insert(offer.clone(), version);
        self.products.insert(offer, input["productAttributes"].clone());
        Reply::ok(input)
    }

    fn patch(&mut self, offer: &str, request: &Request) -> Reply {
        let Some(attributes) = self.products.get_mut(offer) else { return missing() };
        let new = &request.json()["productAttributes"];
        for path in request.query["updateMask"].split(',') {
            let field = path.strip_prefix("productAttributes.").unwrap();
            assert!(MASK.contains(&field), "{field}");
            match new.get(field) {
                Some(value) => attributes[field] = value.clone(),
                // In the mask but not in the body: deleted.
                None => drop(attributes.as_object_mut().unwrap().remove(field)),
            }
        }
        Reply::ok(&request.json())
    }
}

fn missing() -> Reply {
    Reply::json(404, &json!({ "error": { "code": 404, "status": "NOT_FOUND", "message": "item not found" } }))
}

/// `da~DK~TEA`, or the same in base64.
fn offer_of(name: &str) -> String {
    let packed = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(name).ok();
    let plain = packed.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| text.starts_with("da~DK~"));
    plain.unwrap_or_else(|| name.to_owned()).strip_prefix("da~DK~").unwrap().to_owned()
}

impl Vendor for Google {
    fn writes(&self, request: &Request) -> bool {
        request.path.contains("/productInputs")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = token(request) {
            assert!(request.text().contains("jwt-bearer"));
            return reply;
        }
        assert_eq!(request.header("authorization"), "Bearer valid");
        if request.path == "/datasources/v1/accounts/123/dataSources/456" {
            return Reply::ok(&json!({ "input": "API", "primaryProductDataSource": {} }));
        }
        let rest = request.path.strip_prefix(PRODUCTS).unwrap();
        if self.writes(request) {
            assert_eq!(request.query["dataSource"], "accounts/123/dataSources/456");
        }
        match (request.method.as_str(), rest.split_once('/')) {
            ("POST", None) if rest == "productInputs:insert" => self.insert(&request.json()),
            ("PATCH", Some(("productInputs", name))) => self.patch(&offer_of(name), request),
            ("GET", Some(("products", name))) => {
                let offer = offer_of(name);
                if self.products.contains_key(&offer) { Reply::ok(&self.product(&offer)) } else { missing() }
            }
            ("GET", None) => {
                let all: Vec<Value> = self.products.keys().map(|offer| self.product(offer)).collect();
                Reply::ok(&json!({ "products": all }))
            }
            _ => Reply::text(400, ""),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let attributes = self.products.get(external)?;
        let window = &attributes["salePriceEffectiveDate"];
        let (now, text) = (AT.plus(Millis::HOUR).to_string(), |key: &str| window[key].as_str().map(str::to_owned));
        let on = text("startTime").is_none_or(|from| from <= now) && text("endTime").is_none_or(|to| now < to);
        of_micros(&attributes["salePrice"]).filter(|_| on).or_else(|| of_micros(&attributes["price"]))
    }
}

/// A service account's key of this run.
static KEY: LazyLock<Option<String>> = LazyLock::new(|| {
    let made =
        Command::new("openssl").args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).output();
    let made = made.ok().filter(|output| output.status.success());
    made.map(|output| String::from_utf8(output.stdout).unwrap())
});

fn table(write: &str) -> Option<&'static str> {
    let Some(key) = KEY.as_ref() else {
        crate::harness::skip("Google's signed assertions", "openssl is not there to make a key; ./test installs it");
        return None;
    };
    let text = format!(
        "kind = \"google\"\naccount = \"123\"\ndata_source = \"456\"\ncontent_language = \"da\"\nfeed_label = \"DK\"\n\
         client_email = \"omniprice@project.iam.gserviceaccount.com\"\nprivate_key = '''{key}'''\ncurrency = \"DKK\"\n\
         tax = \"gross\"\nwrite = \"{write}\"\nlink = \"https://shop.example/p/{{sku}}\"\n\
         image = \"https://shop.example/i/{{sku}}.jpg\"\napi_url = \"{{url}}\"\ntoken_url = \"{{url}}/token\"\n"
    );
    Some(Box::leak(text.into_boxed_str()))
}

fn case(write: &str) -> Option<Case<Google>> {
    let judge = Judge::new("google")
        .part(
            ("POST", "/products/v1/accounts/{account}/productInputs:insert"),
            "",
            "google-product-input.json",
            "/definitions/ProductInput",
        )
        .part(
            ("PATCH", "/products/v1/accounts/{account}/productInputs/{name}"),
            "",
            "google-product-input.json",
            "/definitions/ProductInput",
        );
    let table = table(write)?;
    Some(Case { vendor: Google::new(), judge, table, external: "TEA", sku: "TEA", currency: Currency::DKK })
}

#[tokio::test]
async fn a_price_arrives_and_the_processed_product_shows_it() {
    let Some(case) = case("patch") else { return };
    case.takes_a_price().await;
    let bench = case.open().await;
    bench.push_one(&case.change(1_800)).await.unwrap();
    assert_eq!(bench.double.with(|vendor| vendor.products["TEA"]["title"].clone()), "Tea", "the rest stays");
    case.is_probed("SEK").await;
}

#[tokio::test]
async fn a_sale_is_cleared_by_a_mask_without_value_or_by_the_next_insert() {
    for write in ["patch", "insert"] {
        let Some(case) = case(write) else { return };
        case.starts_and_ends_a_sale().await;
        let bench = case.open().await;
        bench.push_one(&on_sale(case.change(1_500), 2_500)).await.unwrap();
        bench.push_one(&case.change(2_300)).await.unwrap();
        let left = bench.double.with(|vendor| vendor.products["TEA"].clone());
        assert_eq!((left.get("salePrice"), left.get("salePriceEffectiveDate")), (None, None), "{write}");
    }
}

#[tokio::test]
async fn a_sale_that_ended_is_no_price_any_more() {
    let Some(case) = case("patch") else { return };
    let clock = Clock::manual(AT.plus(Millis::HOUR));
    let bench = case.open_at(clock.clone()).await;
    bench.push_one(&on_sale(case.change(1_500), 2_500)).await.unwrap();
    assert_eq!(bench.read("TEA").await.price.map(|p| p.minor().unwrap()), Some(1_500));
    clock.advance(11 * Millis::DAY);
    let after = bench.read("TEA").await;
    assert_eq!((after.price.map(|p| p.minor().unwrap()), after.regular), (Some(2_500), Some(None)));
}

#[tokio::test]
async fn an_older_version_never_replaces_a_newer() {
    let Some(case) = case("insert") else { return };
    let bench = case.open().await;
    let with = |seq, minor| PriceChange { seq, ..case.change(minor) };
    bench.push_one(&with(5, 1_800)).await.unwrap();
    let late = bench.push_one(&with(4, 1_600)).await.unwrap_err();
    assert_eq!(late.class, Class::Rejected);
    assert!(late.message.contains("higher version"), "{late}");
    bench.push_one(&with(5, 1_800)).await.unwrap();
    assert_eq!(bench.double.live("TEA"), Some(1_800));
    // A new product gets what Google requires.
    let new = PriceChange { external: "A/1".to_owned(), gtin: Some("5701234567899".to_owned()), ..with(1, 900) };
    bench.push_one(&new).await.unwrap();
    let stored = bench.double.with(|vendor| vendor.products["A/1"].clone());
    assert_eq!(stored["link"], "https://shop.example/p/A%2F1");
    assert_eq!((&stored["availability"], &stored["gtins"]), (&json!("IN_STOCK"), &json!(["5701234567899"])));
    assert_eq!(bench.read("A/1").await.price.map(|p| p.minor().unwrap()), Some(900), "the name goes in base64");
}

#[tokio::test]
async fn tokens_quotas_and_faults() {
    let Some(case) = case("patch") else { return };
    case.renews_a_dead_token_once().await;
    let error = |code: u16, status: &str, text: &str| {
        Fault::Answer(Reply::json(code, &json!({ "error": { "code": code, "status": status, "message": text } })))
    };
    case.suffers(vec![
        Row::new(
            "too fast",
            error(403, "PERMISSION_DENIED", "quota/request_rate_too_high"),
            Expect::RetryAfter(60_000),
            false,
        ),
        Row::new(
            "daily quota",
            error(429, "RESOURCE_EXHAUSTED", "quota/daily_limit_exceeded"),
            Expect::RetryAfter(3_600_000),
            false,
        ),
        Row::new("no such product", error(404, "NOT_FOUND", "item not found"), Expect::Rejected, false),
        Row::new("bad value", error(400, "INVALID_ARGUMENT", "price"), Expect::Rejected, false),
    ])
    .await;
}

#[tokio::test]
async fn a_disapproval_for_the_price_is_the_reason() {
    let Some(case) = case("patch") else { return };
    let bench = case.open().await;
    let issue = |attribute: &str, severity: &str| json!({ "code": "price_mismatch", "severity": severity, "attribute": attribute, "description": "Mismatched value" });
    for (issue, expected) in [
        (issue("price", "DISAPPROVED"), Some("Mismatched value (price_mismatch)")),
        (issue("price", "NOT_IMPACTED"), None),
        (issue("image_link", "DISAPPROVED"), None),
    ] {
        bench.double.with(|vendor| vendor.issues = vec![issue]);
        let seen = bench.read("TEA").await;
        assert_eq!((seen.complaint.as_deref(), seen.refused), (expected, None), "it may be about an older price");
    }
}

#[tokio::test]
async fn the_assertion_is_signed_as_another_program_checks_it() {
    let Some(case) = case("patch") else { return };
    let bench = case.open_at(Clock::System).await;
    bench.read("TEA").await;
    let form = bench.double.requests().into_iter().find(|request| request.path == "/token").unwrap().text();
    let pairs: BTreeMap<String, String> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let parts: Vec<&str> = pairs["assertion"].split('.').collect();
    let unpack = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    let claims: Value = serde_json::from_slice(&unpack(parts[1])).unwrap();
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/content");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("key.pem"), KEY.as_ref().unwrap()).unwrap();
    std::fs::write(file("signed"), format!("{}.{}", parts[0], parts[1])).unwrap();
    std::fs::write(file("signature"), unpack(parts[2])).unwrap();
    let verify = |name: &str| {
        Command::new("openssl")
            .args(["dgst", "-sha256", "-prverify"])
            .arg(file("key.pem"))
            .arg("-signature")
            .arg(file("signature"))
            .arg(file(name))
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(verify("signed"));
    std::fs::write(file("forged"), format!("{}.{}x", parts[0], parts[1])).unwrap();
    assert!(!verify("forged"));
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let Some(mut case) = case("patch") else { return };
    case.vendor.products.insert("CUP".to_owned(), json!({ "price": micros(2_000) }));
    let mut odd = case.vendor.product("TEA");
    odd["productAttributes"]["price"]["amountMicros"] = json!("20004900");
    case.tells_of_an_odd_price(&case.open().await, "CUP", &odd).await;
}
