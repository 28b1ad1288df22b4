//! Vendure: failures behind HTTP 200, batches that are atomic, and prices in minor units, by currency.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange, SaleSupport};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change};
use super::schema::Judge;

const TABLE: &str = "kind = 'vendure'\nurl = '{url}'\napi_key = 'k1'\ncurrency = 'DKK'\ntax = 'gross'\n";

#[derive(Clone)]
struct Shop {
    /// SKU, and minor units by currency.
    variants: BTreeMap<&'static str, (&'static str, BTreeMap<&'static str, i64>)>,
    currencies: &'static [&'static str],
    with_tax: bool,
}

fn error(code: Option<&str>, message: &str) -> Reply {
    let extensions = code.map_or_else(|| json!({}), |code| json!({ "code": code }));
    Reply::ok(
        &json!({ "errors": [{ "message": message, "path": ["updateProductVariants"], "extensions": extensions }], "data": null }),
    )
}

impl Shop {
    fn new() -> Self {
        let variant = |sku, minor| (sku, [("DKK", minor), ("EUR", 100)].into());
        let variants =
            [("7", variant("KETTLE", 49_900)), ("8", variant("LAMP", 34_900)), ("10", variant("CHAIR", 89_900))];
        Self { variants: variants.into(), currencies: &["DKK", "EUR"], with_tax: true }
    }

    fn variant(&self, id: &str) -> Value {
        let (sku, prices) = &self.variants[id];
        let prices: Vec<Value> =
            prices.iter().map(|(code, price)| json!({ "price": price, "currencyCode": code })).collect();
        json!({ "id": id, "sku": sku, "prices": prices })
    }

    /// All or nothing.
    fn update(&mut self, input: &[Value]) -> Reply {
        for row in input {
            let id = row["id"].as_str().unwrap();
            if !self.variants.contains_key(id) {
                return error(
                    Some("ENTITY_NOT_FOUND"),
                    &format!("No ProductVariant with the id \"{id}\" could be found"),
                );
            }
            let code = row["prices"][0]["currencyCode"].as_str().unwrap();
            if !self.currencies.contains(&code) {
                return error(
                    Some("USER_INPUT_ERROR"),
                    &format!("The currency \"{code}\" is not available in this channel"),
                );
            }
        }
        for row in input {
            let (_, prices) = self.variants.get_mut(row["id"].as_str().unwrap()).unwrap();
            for price in row["prices"].as_array().unwrap() {
                let code = self.currencies.iter().find(|code| price["currencyCode"] == **code).unwrap();
                prices.insert(code, price["price"].as_i64().unwrap());
            }
        }
        let echoed: Vec<Value> = input.iter().map(|row| self.variant(row["id"].as_str().unwrap())).collect();
        Reply::ok(&json!({ "data": { "updateProductVariants": echoed } }))
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.text().contains("\"query\":\"mutation")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("vendure-api-key") != "k1" {
            return error(Some("FORBIDDEN"), "You are not currently authorized to perform this action");
        }
        let (body, text) = (request.json(), request.text());
        if self.writes(request) {
            return self.update(body["variables"]["i"].as_array().unwrap());
        }
        if text.contains("activeChannel") {
            let channel = json!({ "code": "__default_channel__", "token": "t0", "pricesIncludeTax": self.with_tax, "availableCurrencyCodes": self.currencies });
            return Reply::ok(&json!({ "data": { "activeChannel": channel } }));
        }
        let wanted: Vec<&str> = body["variables"]["s"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let by_id = text.contains("filter:{id:");
        let found = self.variants.iter().filter(|(id, (sku, _))| wanted.contains(if by_id { id } else { sku }));
        let items: Vec<Value> = found.map(|(id, _)| self.variant(id)).collect();
        Reply::ok(&json!({ "data": { "productVariants": { "items": items } } }))
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.variants.get(external)?.1.get("DKK").copied()
    }
}

fn judge() -> Judge {
    Judge::new("vendure").graphql("/admin-api", "vendure-admin-3.7.3.graphql.gz")
}

async fn open() -> Bench<Shop> {
    Bench::open(Shop::new(), judge(), TABLE).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn variants_are_found_written_and_proved_in_their_own_currency() {
    let bench = open().await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].external.as_str()), (1, "7"));
    assert_eq!(found[0].price.unwrap().minor().unwrap(), 49_900);
    let all = [dkk("8", 32_900), dkk("10", 85_000), dkk("7", 47_900)];
    for (result, change) in bench.push(&all).await.into_iter().zip(&all) {
        assert_eq!(result.unwrap().echoed, Some(change.price));
        bench.proves(change).await;
    }
    let written = bench.double.written();
    assert_eq!(written.len(), 1, "one atomic call");
    let ids: Vec<String> = written[0].json()["variables"]["i"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(ids.is_sorted(), "two batches take their rows in one order, or deadlock: {ids:?}");
    let euros = bench.double.with(|shop| shop.variants["7"].1["EUR"]);
    assert_eq!(euros, 100, "other currencies stay");
    assert_eq!(bench.read("99").await.price, None);
    let probe = bench.channel.probe().await.unwrap();
    assert_eq!(probe.problems, Vec::<String>::new());
    let odd = Bench::open(Shop { currencies: &["EUR"], with_tax: false, ..Shop::new() }, judge(), TABLE).await;
    let problems = odd.channel.probe().await.unwrap().problems;
    assert!(problems.iter().any(|p| p.contains("net")) && problems.iter().any(|p| p.contains("DKK")), "{problems:?}");
    let other = Bench::open(Shop::new(), judge(), &format!("{TABLE}channel_token = 't9'\n")).await;
    assert!(other.channel.probe().await.unwrap().problems[0].contains("channel_token"));
}

#[tokio::test]
async fn one_unknown_variant_does_not_hold_up_the_others_of_its_batch() {
    let bench = open().await;
    let results = bench.push(&[dkk("7", 47_900), dkk("99", 100), dkk("8", 32_900)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("99"), "{error}");
    bench.proves(&dkk("7", 47_900)).await;
    bench.proves(&dkk("8", 32_900)).await;
}

#[tokio::test]
async fn a_sale_is_a_price_and_its_end_is_the_price_after_it() {
    let bench = open().await;
    assert_eq!(bench.channel.capabilities().sale, SaleSupport::PriceOnly, "a promotion of the shop's is no price");
    for minor in [39_900, 49_900] {
        bench.push_one(&dkk("7", minor)).await.unwrap();
        bench.proves(&dkk("7", minor)).await;
    }
    bench.push_one(&dkk("7", 0)).await.unwrap_err();
    assert_eq!(bench.double.live("7"), Some(49_900), "zero is a price, and below every floor");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let says = |code, message: &str| Fault::Answer(error(code, message));
    let bare = Reply::ok(&json!({ "data": { "updateProductVariants": null } }));
    let invalid =
        json!({ "errors": [{ "message": "Unknown type", "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }] });
    let mut rows = Row::wire();
    rows.extend([
        Row::new("a dead key", says(Some("FORBIDDEN"), "You are not currently authorized"), Expect::Refused, false),
        Row::new(
            "no such channel",
            says(Some("CHANNEL_NOT_FOUND"), "No channel with the token"),
            Expect::Refused,
            false,
        ),
        Row::new("a dead session", Fault::Answer(Reply::text(401, "")), Expect::Refused, false),
        Row::new("a firewall's 403", Fault::Answer(Reply::text(403, "no")), Expect::Forbidden, false),
        Row::new("no such variant", says(Some("ENTITY_NOT_FOUND"), "No ProductVariant"), Expect::Rejected, false),
        Row::new("a bad value", says(Some("USER_INPUT_ERROR"), "not in this channel"), Expect::Rejected, false),
        Row::new("another schema", Fault::Answer(Reply::json(400, &invalid)), Expect::Rejected, false),
        Row::new("out of range", says(None, "value is out of range for type integer"), Expect::Rejected, false),
        Row::new("a deadlock behind 200", says(None, "deadlock detected"), Expect::RetryAfter(250), false),
        Row::new("something broke", says(Some("INTERNAL_SERVER_ERROR"), "it broke"), Expect::Unknown, false),
        Row::new("something broke after it", Fault::Instead(error(None, "it broke")), Expect::Unknown, true),
        Row::new("no answer to the mutation", Fault::Answer(bare), Expect::Unknown, false),
        Row::new("429", Fault::Answer(Reply::text(429, "").header("retry-after", 3)), Expect::RetryAfter(3_000), false),
    ]);
    double::suffer(rows, &dkk("7", 47_900), open).await;
    double::nobody_home(TABLE, &dkk("7", 47_900)).await;
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("k1", "dead")).await;
    assert_eq!(dead.push_one(&dkk("7", 47_900)).await.unwrap_err().class, Class::Refused);
    assert_eq!(dead.channel.read(&["7".to_owned()]).await.unwrap_err().class, Class::Refused);
    // A server that takes no keys ignores a good one in the same words.
    let probe = dead.channel.probe().await.unwrap_err();
    assert!(probe.class == Class::Refused && probe.message.contains("tokenMethod"), "{probe}");
    // A question that fails has changed nothing.
    let bench = open().await;
    for fault in [Fault::Lost, Fault::Silent, says(None, "it broke"), Fault::Answer(Reply::text(502, "bad gateway"))] {
        bench.double.fail_any(fault);
        let error = bench.channel.read(&["7".to_owned()]).await.unwrap_err();
        assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    }
}
