//! The price webhook as a receiver sees it that takes no message older than five minutes, drops what it has heard, and
//! shows what it holds to whoever asks.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::json;

use super::double::{self, AT, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'webhook'\nurl = '{url}/prices'\nsecret = 'whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0'\n\
                     currency = 'DKK'\ntax = 'gross'\n";

#[derive(Clone)]
struct Receiver {
    clock: Clock,
    /// By SKU: the last number, and the price with its currency as they came.
    held: BTreeMap<String, (i64, serde_json::Value)>,
}

impl Vendor for Receiver {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(sku) = request.path.strip_prefix("/prices/") {
            return match self.held.get(sku) {
                Some((_, price)) => Reply::ok(&json!({ "sku": sku, "price": price, "shelf": "A7" })),
                None => Reply::json(404, &json!({ "error": "no such SKU" })),
            };
        }
        let seconds: i64 = request.header("webhook-timestamp").parse().unwrap();
        let late = self.clock.now().since(Millis(seconds * Millis::SECOND));
        if late.abs() > 5 * Millis::MINUTE {
            return Reply::text(401, "");
        }
        let data = request.json()["data"].clone();
        let (sku, number) = (data["sku"].as_str().unwrap(), data["sequence"].as_i64().unwrap());
        if self.held.get(sku).is_none_or(|(newest, _)| *newest < number) {
            self.held.insert(sku.to_owned(), (number, data["price"].clone()));
        }
        Reply::text(204, "")
    }

    fn live(&self, external: &str) -> Option<i64> {
        let (_, price) = self.held.get(external)?;
        omniprice::money::Money::parse(price["amount"].as_str()?, Currency::DKK).ok().map(|price| price.minor())
    }
}

/// A receiver that shows what it holds.
const READ: &str = "read_url = '{url}/prices/{sku}'\n";

fn judge() -> Judge {
    Judge::new("webhook").without_schema()
}

async fn open_at(clock: &Clock, table: &str) -> Bench<Receiver> {
    let receiver = Receiver { clock: clock.clone(), held: BTreeMap::new() };
    Bench::open_at(receiver, judge(), table, clock.clone()).await
}

async fn readable() -> Bench<Receiver> {
    open_at(&Clock::System, &format!("{TABLE}{READ}")).await
}

fn dkk(sku: &str, minor: i64) -> PriceChange {
    change(sku, sku, minor, Currency::DKK)
}

#[tokio::test]
async fn a_price_that_had_to_wait_is_signed_with_the_instant_of_its_try() {
    let clock = Clock::manual(AT.plus(3 * Millis::HOUR));
    let bench = open_at(&clock, TABLE).await;
    let price = change("KETTLE", "KETTLE", 47_900, Currency::DKK);
    bench.push_one(&price).await.unwrap();
    clock.advance(20 * Millis::MINUTE);
    bench.push_one(&price).await.unwrap();
    let written = bench.double.written();
    let [first, second] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    let at = |request: &Request| request.header("webhook-timestamp").parse::<i64>().unwrap();
    assert_eq!(at(second) - at(first), 20 * 60);
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
}

#[tokio::test]
async fn a_receiver_that_is_gone_says_so_for_good() {
    let clock = Clock::manual(AT);
    let bench = open_at(&clock, TABLE).await;
    bench.double.fail_write(Fault::Answer(Reply::text(410, "")));
    let error = bench.push_one(&change("KETTLE", "KETTLE", 47_900, Currency::DKK)).await.unwrap_err();
    assert_eq!(error.class, Class::Gone, "{error}");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    // Any 2xx is a yes (Standard Webhooks); what such a page stood for is told by the read, below.
    let mut rows = Row::wire();
    rows.retain(|row| row.name != "a login page instead of an answer");
    let date = Reply::text(429, "")
        .header("date", "Mon, 01 Mar 2027 12:00:00 GMT")
        .header("retry-after", "Mon, 01 Mar 2027 12:00:30 GMT");
    let answer = |status| Fault::Answer(Reply::text(status, ""));
    rows.extend([
        Row::new("a wrong signature", answer(401), Expect::Refused, false),
        Row::new("not for this SKU", answer(403), Expect::Forbidden, false),
        Row::new("a body that it does not know", answer(400), Expect::Rejected, false),
        Row::new("no such address", answer(404), Expect::Rejected, false),
        Row::new("too large", answer(413), Expect::Rejected, false),
        Row::new("a gateway gives up", answer(504), Expect::Unknown, false),
        Row::new(
            "429 for a time",
            Fault::Answer(Reply::text(429, "").header("retry-after", 7)),
            Expect::RetryAfter(7_000),
            false,
        ),
        Row::new("429 until a date", Fault::Answer(date), Expect::RetryAfter(30_000), false),
        Row::new("429 without a time", answer(429), Expect::Retry, false),
    ]);
    double::suffer(rows, &dkk("KETTLE", 47_900), readable).await;
    double::nobody_home(TABLE, &dkk("KETTLE", 47_900)).await;
}

#[tokio::test]
async fn a_yes_that_was_none_is_found_by_reading() {
    let bench = readable().await;
    bench.push_one(&dkk("KETTLE", 49_900)).await.unwrap();
    bench.double.fail_write(Fault::Answer(Reply::text(200, "<html>please log in</html>")));
    let newer = PriceChange { seq: 2, ..dkk("KETTLE", 47_900) };
    bench.push_one(&newer).await.unwrap();
    assert_eq!(bench.read("KETTLE").await.price, Some(dkk("KETTLE", 49_900).price));
    bench.push_one(&newer).await.unwrap();
    bench.proves(&newer).await;
    // An older message that comes late is dropped by its number.
    bench.push_one(&dkk("KETTLE", 49_900)).await.unwrap();
    bench.proves(&newer).await;
}

#[tokio::test]
async fn a_receiver_is_read_back_by_its_get() {
    let bench = readable().await;
    let capabilities = bench.channel.capabilities();
    assert!(capabilities.readable && !open_at(&Clock::System, TABLE).await.channel.capabilities().readable);
    assert_eq!(bench.read("KETTLE").await.price, None, "404: it does not have it");
    // A SKU is one segment of the address, whatever it is made of.
    for sku in ["KETTLE", "A/1 \u{e6}?x=1&y#z"] {
        bench.push_one(&PriceChange { key: "2:1".to_owned(), ..dkk(sku, 47_900) }).await.unwrap();
        let before = bench.double.requests().len();
        let seen = bench.read(sku).await;
        let asked = bench.double.requests()[before].clone();
        assert!(asked.path.starts_with("/prices/") && asked.query.is_empty(), "{asked:?}");
        assert_eq!(asked.path.matches('/').count(), 2, "{}", asked.path);
        assert_eq!(asked.header("webhook-signature"), "", "a question is not signed");
        if sku == "KETTLE" {
            assert_eq!((seen.price, seen.regular), (Some(dkk(sku, 47_900).price), None));
        }
    }
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.sku.as_str(), one.price)).collect();
    assert_eq!(found, [("KETTLE", Some(dkk("KETTLE", 47_900).price)), ("NOBODY", None)], "what it lacks, we put there");
}

#[tokio::test]
async fn a_read_that_fails_proves_nothing() {
    let bench = readable().await;
    bench.push_one(&dkk("KETTLE", 47_900)).await.unwrap();
    let body = |text: &str| Fault::Answer(Reply::text(200, text).header("content-type", "application/json"));
    let busy = Fault::Answer(Reply::text(429, "").header("retry-after", 9));
    let moved = Fault::Answer(Reply::text(302, "").header("location", "https://elsewhere.example/"));
    for (what, fault, expect) in [
        ("cut", Fault::Lost, Expect::Retry),
        ("slow", Fault::Silent, Expect::Retry),
        ("broken", Fault::Answer(Reply::text(500, "oops")), Expect::Retry),
        ("a login page", body("<html>please log in</html>"), Expect::Retry),
        ("no price", body(r#"{"sku":"KETTLE"}"#), Expect::Retry),
        ("a number", body(r#"{"price":{"amount":479,"currency":"DKK"}}"#), Expect::Retry),
        ("no currency", body(r#"{"price":{"amount":"479.00","currency":"kr"}}"#), Expect::Retry),
        ("half a body", body(r#"{"price":{"amount":"4"#), Expect::Retry),
        ("busy", busy, Expect::RetryAfter(9_000)),
        ("a redirect", moved, Expect::Refused),
        ("a dead key", Fault::Answer(Reply::text(401, "")), Expect::Refused),
        ("forbidden", Fault::Answer(Reply::text(403, "")), Expect::Forbidden),
    ] {
        bench.double.fail_any(fault);
        let error = bench.channel.read(&["KETTLE".to_owned()]).await.expect_err(what);
        assert!(expect.holds(error.class), "{what}: {error} is {:?}", error.class);
        bench.proves(&dkk("KETTLE", 47_900)).await;
    }
    let other = body(r#"{"price":{"amount":"64.00","currency":"EUR"}}"#);
    bench.double.fail_any(other);
    let seen = bench.read("KETTLE").await.price.unwrap();
    assert_eq!(seen.currency(), Currency::EUR, "told as it is; the lane takes another currency for no proof");
}

#[tokio::test]
async fn a_sale_ends_with_the_next_message_that_names_none() {
    let bench = readable().await;
    bench.push_one(&on_sale(dkk("KETTLE", 39_900), 49_900)).await.unwrap();
    bench.push_one(&PriceChange { seq: 2, ..dkk("KETTLE", 49_900) }).await.unwrap();
    let written = bench.double.written();
    let sale = |at: usize| written[at].json()["data"].get("sale").cloned();
    assert_eq!(sale(0).unwrap()["regular"], json!({ "amount": "499.00", "currency": "DKK" }));
    assert_eq!(sale(0).unwrap()["ends_at"], "2027-03-11T12:00:00Z");
    assert_eq!(sale(1), None, "absent, and neither null nor zero");
    bench.proves(&dkk("KETTLE", 49_900)).await;
    bench.push_one(&PriceChange { seq: 3, ..dkk("KETTLE", 0) }).await.unwrap_err();
    bench.proves(&dkk("KETTLE", 49_900)).await;
}
