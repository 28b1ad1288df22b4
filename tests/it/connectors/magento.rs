//! Adobe Commerce: problems are a list, special prices have calls of their own, and the queue is believed only when read.

mod staging;

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange, SaleSupport};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, AT, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str =
    "kind = 'magento'\nurl = '{url}'\naccess_token = 't1'\nstore = 'all'\ncurrency = 'EUR'\ntax = 'gross'\n";

#[derive(Clone)]
struct Shop {
    base: BTreeMap<String, Value>,
    special: Vec<Value>,
    bulks: Vec<Vec<Value>>,
    /// What the consumer says of its operations: 4 while it is down.
    consumer: u64,
    other_store: bool,
    /// It takes no special price of anything.
    no_sales: bool,
    /// Resource that the integration lacks.
    denied: &'static str,
    /// Where the shop stands, and its clock.
    zone: &'static str,
    clock: Clock,
}

impl Shop {
    fn new() -> Self {
        let base = [("KETTLE".to_owned(), json!(49.9)), ("LAMP".to_owned(), json!(34))];
        Self {
            base: base.into(),
            special: vec![],
            bulks: vec![],
            consumer: 4,
            other_store: false,
            no_sales: false,
            denied: "",
            zone: "Europe/Copenhagen",
            clock: during(),
        }
    }

    /// Special prices act by the day where the shop stands; both days of a window belong to it.
    fn in_force(&self, special: &Value) -> bool {
        let day = self.clock.now().timestamp().in_tz(self.zone).unwrap().date().to_string();
        let date = |name: &str| special[name].as_str().unwrap()[..10].to_owned();
        date("price_from") <= day && day <= date("price_to")
    }

    /// The good ones are written, the others are problems; the SKU stands in the parameters.
    fn write(&mut self, call: &str, prices: &[Value]) -> Reply {
        let mut problems = vec![];
        for price in prices {
            let sku = price["sku"].as_str().unwrap();
            if !self.base.contains_key(sku) {
                problems.push(json!({ "message": "Requested product doesn't exist. Row ID: SKU = %SKU. Store ID: %storeId.", "parameters": ["SKU", sku, "0"] }));
                continue;
            }
            if call == "special-price" && self.no_sales {
                problems.push(json!({ "message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["Price", sku, "0"] }));
                continue;
            }
            match call {
                "base-prices" => drop(self.base.insert(sku.to_owned(), price["price"].clone())),
                "special-price" => {
                    self.special.retain(|row| row["sku"] != sku);
                    self.special.push(price.clone());
                }
                _ => self.special.retain(|row| row != price),
            }
        }
        Reply::ok(&json!(problems))
    }

    fn enqueue(&mut self, items: &[Value]) -> Reply {
        self.bulks.push(items.to_vec());
        let request_items: Vec<Value> =
            (0..items.len()).map(|id| json!({ "id": id, "data_hash": "x", "status": "accepted" })).collect();
        Reply::json(
            202,
            &json!({ "bulk_uuid": format!("b{}", self.bulks.len()), "request_items": request_items, "errors": false }),
        )
    }

    /// What a running consumer does.
    fn consume(&mut self) {
        for item in self.bulks.clone().into_iter().flatten() {
            self.write("base-prices", item["prices"].as_array().unwrap());
        }
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/base-prices") || request.path.ends_with("/special-price")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == "/magento_version" {
            return Reply::text(200, "Magento/2.4 (Community)");
        }
        if request.header("authorization") != "Bearer t1" {
            return Reply::json(
                401,
                &json!({ "message": "The consumer isn't authorized to access %resources.", "parameters": { "resources": "Magento_Catalog::catalog" } }),
            );
        }
        let path = request.path.strip_prefix("/rest/all/").unwrap().to_owned();
        let needs = match path.as_str() {
            catalog if catalog.contains("V1/products") => "Magento_Catalog::catalog",
            bulk if bulk.starts_with("V1/bulk/") => "Magento_Logging::system_magento_logging_bulk_operations",
            _ => "Magento_Backend::store",
        };
        if needs == self.denied {
            let parameters = json!({ "resources": needs });
            let message = "The consumer isn't authorized to access %resources.";
            return Reply::json(401, &json!({ "message": message, "parameters": parameters }));
        }
        let body = request.json();
        let skus: Vec<&str> = body["skus"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match path.as_str() {
            "V1/products/base-prices-information" => {
                let own = skus
                    .iter()
                    .filter_map(|sku| Some(json!({ "sku": sku, "store_id": 0, "price": self.base.get(*sku)? })));
                let other = json!({ "sku": "KETTLE", "store_id": 2, "price": 1 });
                Reply::ok(&own.chain(self.other_store.then_some(other)).collect())
            }
            "V1/products/special-price-information" => Reply::ok(
                &self.special.iter().filter(|row| skus.iter().any(|sku| row["sku"] == *sku)).cloned().collect(),
            ),
            "V1/products" => {
                let named = request.pairs.iter().filter(|(key, _)| key.ends_with("[value]")).map(|(_, sku)| sku);
                let kind = |sku: &str| if sku == "SET" { "bundle" } else { "simple" };
                let known = named.filter(|sku| self.base.contains_key(*sku));
                Reply::ok(
                    &json!({ "items": known.map(|sku| json!({ "sku": sku, "type_id": kind(sku) })).collect::<Vec<_>>() }),
                )
            }
            "async/bulk/V1/products/base-prices" => self.enqueue(body.as_array().unwrap()),
            "V1/store/storeConfigs" => {
                Reply::ok(&json!([{ "code": "default", "base_currency_code": "EUR", "timezone": self.zone }]))
            }
            _ => match (path.strip_prefix("V1/products/"), path.strip_prefix("V1/bulk/b")) {
                (Some(call), _) => self.write(call, body["prices"].as_array().unwrap()),
                (_, Some(bulk)) => {
                    let index: usize = bulk.split('/').next().unwrap().parse().unwrap();
                    let operations: Vec<Value> = (0..self.bulks[index - 1].len())
                        .map(|id| json!({ "id": id, "status": self.consumer, "result_message": "no such store" }))
                        .collect();
                    Reply::ok(&json!({ "operations_list": operations, "bulk_id": "b1" }))
                }
                _ => Reply::json(404, &json!({ "message": "Request does not match any route." })),
            },
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let special = self.special.iter().find(|row| row["sku"] == external && self.in_force(row));
        let special = special.map(|row| &row["price"]);
        let price = special.or_else(|| self.base.get(external))?;
        omniprice::money::Money::parse(&price.to_string(), Currency::EUR).ok().map(|price| price.minor())
    }
}

fn judge() -> Judge {
    Judge::new("magento").openapi("/rest/all", "adobe-commerce-price.json").part(
        ("POST", "/rest/all/async/bulk/V1/products/base-prices"),
        "/*/prices/*",
        "adobe-commerce-price.json",
        "/definitions/catalog-data-base-price-interface",
    )
}

/// In the middle of the windows of these tests.
fn during() -> Clock {
    Clock::manual(AT.plus(Millis::DAY))
}

async fn open() -> Bench<Shop> {
    Bench::open_at(Shop::new(), judge(), TABLE, during()).await
}

fn eur(external: &str, minor: i64) -> PriceChange {
    change(external, external, minor, Currency::EUR)
}

#[tokio::test]
async fn base_and_special_prices_are_written_proved_and_cleared_by_their_own_call() {
    let bench = open().await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].price.unwrap().minor().unwrap()), (1, 4_990));
    let sale = on_sale(eur("KETTLE", 3_990), 4_790);
    let results = bench.push(&[sale.clone(), eur("NOBODY", 100), eur("LAMP", 3_290)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("NOBODY"), "{error}");
    bench.proves(&sale).await;
    bench.proves(&eur("LAMP", 3_290)).await;
    // Another window replaces the row instead of overlapping it.
    let mut longer = sale.clone();
    longer.sale.as_mut().unwrap().ends_at = None;
    bench.push_one(&longer).await.unwrap();
    bench.proves(&longer).await;
    bench.push_one(&eur("KETTLE", 4_590)).await.unwrap();
    bench.proves(&eur("KETTLE", 4_590)).await;
    assert_eq!(bench.double.with(|shop| shop.special.len()), 0);
    assert!(bench.double.requests().iter().any(|request| request.path.ends_with("special-price-delete")));
    bench.double.with(|shop| shop.other_store = true);
    assert!(bench.read("KETTLE").await.refused.unwrap().contains("stores 2"));
    assert_eq!(bench.read("NOBODY").await.price, None);
}

/// A shop and a channel with one clock.
async fn stands_in(zone: &'static str, clock: &Clock) -> Bench<Shop> {
    Bench::open_at(Shop { zone, clock: clock.clone(), ..Shop::new() }, judge(), TABLE, clock.clone()).await
}

#[tokio::test]
async fn a_sale_holds_from_its_first_second_to_the_one_in_which_it_is_taken_back_wherever_the_shop_stands() {
    let at_five = AT.plus(-7 * Millis::HOUR);
    for zone in ["Pacific/Honolulu", "UTC", "Europe/Copenhagen", "Pacific/Kiritimati"] {
        for starts_at in [at_five, AT, AT.plus(11 * Millis::HOUR)] {
            let ends_at = starts_at.plus(10 * Millis::DAY);
            let clock = Clock::manual(starts_at);
            let bench = stands_in(zone, &clock).await;
            let mut sale = on_sale(eur("KETTLE", 3_990), 4_790);
            let window = sale.sale.as_mut().unwrap();
            (window.starts_at, window.ends_at) = (starts_at, Some(ends_at));
            bench.push_one(&sale).await.unwrap();
            for at in [starts_at, starts_at.plus(5 * Millis::DAY), ends_at.plus(-1)] {
                clock.advance(at.since(clock.now()));
                assert_eq!(bench.double.live("KETTLE"), Some(3_990), "{zone} {at}");
                bench.proves(&sale).await;
            }
            clock.advance(1);
            bench.push_one(&eur("KETTLE", 4_790)).await.unwrap();
            assert_eq!(bench.double.live("KETTLE"), Some(4_790), "{zone}: no instant longer");
            // A daemon that does not come back leaves the end to the shop.
            bench.push_one(&sale).await.unwrap();
            clock.advance(3 * Millis::DAY);
            assert_eq!(bench.double.live("KETTLE"), Some(4_790), "{zone}");
        }
    }
    let capabilities = stands_in("UTC", &Clock::manual(AT)).await.channel.capabilities();
    assert!(!capabilities.stages, "a start that is given ahead would come by the day");
    assert_eq!(capabilities.sale, SaleSupport::Strike);
}

#[tokio::test]
async fn a_bundle_is_priced_and_never_reduced_since_its_special_price_is_a_percentage() {
    let bench = open().await;
    bench.double.with(|shop| shop.base.insert("SET".to_owned(), json!(99)));
    let results = bench.push(&[on_sale(eur("SET", 7_990), 9_900), on_sale(eur("KETTLE", 3_990), 4_790)]).await;
    let error = results[0].as_ref().unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("percentage"), "{error}");
    assert!(results[1].is_ok(), "{results:?}");
    bench.double.with(|shop| {
        assert!(shop.special.iter().all(|row| row["sku"] == "KETTLE"), "79.90 would be 79.90 % of its parts");
        assert_eq!(shop.base["SET"], 99);
    });
    bench.push_one(&eur("SET", 8_990)).await.unwrap();
    bench.proves(&eur("SET", 8_990)).await;
}

#[tokio::test]
async fn a_special_price_of_somebody_else_counts_by_the_day_where_the_shop_stands() {
    let (from, to) = ("2027-03-02 00:00:00", "2027-03-02 23:59:59");
    let theirs = json!({ "sku": "KETTLE", "store_id": 0, "price": 29.9, "price_from": from, "price_to": to });
    for (zone, pays) in [("Pacific/Kiritimati", 2_990), ("Europe/Copenhagen", 4_990), ("Pacific/Honolulu", 4_990)] {
        let bench = stands_in(zone, &Clock::manual(AT)).await;
        bench.double.with(|shop| shop.special.push(theirs.clone()));
        assert_eq!(bench.double.live("KETTLE"), Some(pays), "{zone}");
        assert_eq!(bench.read("KETTLE").await.price.unwrap().minor().unwrap(), pays, "{zone}");
        bench.double.with(|shop| shop.denied = "Magento_Backend::store");
        let seen = bench.read("KETTLE").await.price.unwrap().minor().unwrap();
        assert_eq!(seen, 2_990, "{zone}: it may be that day already");
    }
}

#[tokio::test]
async fn the_queue_is_believed_only_when_it_was_read() {
    let bench = Bench::open_at(Shop::new(), judge(), &format!("{TABLE}queue = true\n"), during()).await;
    assert!(bench.channel.capabilities().visible_after_ms > 0);
    bench.push(&[eur("KETTLE", 4_790), eur("LAMP", 3_190)]).await.into_iter().for_each(|result| {
        result.unwrap();
    });
    let seen = bench.read("KETTLE").await;
    assert_eq!((seen.price.unwrap().minor().unwrap(), seen.refused), (4_990, None), "accepted is not live");
    bench.double.with(|shop| shop.consumer = 3);
    let seen = bench.read("KETTLE").await;
    assert_eq!(seen.refused.unwrap(), "the queue failed: no such store");
    bench.double.with(|shop| {
        shop.consumer = 1;
        shop.consume();
    });
    bench.proves(&eur("KETTLE", 4_790)).await;
    bench.proves(&eur("LAMP", 3_190)).await;
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    let message = |status, text: &str| Fault::Answer(Reply::json(status, &json!({ "message": text })));
    let nameless = Reply::ok(&json!([{ "message": "Something went wrong", "parameters": [] }]));
    rows.extend([
        Row::new(
            "dead token",
            message(401, "The consumer isn't authorized to access %resources."),
            Expect::Refused,
            false,
        ),
        Row::new("too many items", message(400, "Maximum items of type exceeded"), Expect::Rejected, false),
        Row::new("429", Fault::Answer(Reply::text(429, "").header("retry-after", 4)), Expect::RetryAfter(4_000), false),
        Row::new("a problem that names nobody", Fault::Answer(nameless), Expect::Unknown, false),
    ]);
    double::suffer(rows, &eur("KETTLE", 4_790), open).await;
    double::nobody_home(TABLE, &eur("KETTLE", 4_790)).await;
    let bench = open().await;
    bench.double.fail_write(Fault::Instead(Reply::ok(&json!([]))));
    bench.double.fail_write(Fault::Answer(Reply::text(500, "")));
    let error = bench.push_one(&on_sale(eur("KETTLE", 3_990), 4_790)).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "the base price is written: {error}");
    let odd = Bench::open(Shop::new(), judge(), &TABLE.replace("EUR", "DKK")).await;
    assert!(odd.channel.probe().await.unwrap().problems[0].contains("currency = \"EUR\""));
}

#[tokio::test]
async fn a_price_with_more_decimals_than_ours_is_what_buyers_pay_and_no_proof() {
    let bench = open().await;
    bench.push_one(&eur("KETTLE", 4_132)).await.unwrap();
    bench.proves(&eur("KETTLE", 4_132)).await;
    let seen = async || {
        let seen = bench.read("KETTLE").await;
        (seen.price.map(|price| price.minor().unwrap()), seen.regular.flatten().map(|price| price.minor().unwrap()))
    };
    bench.double.with(|shop| shop.base.insert("KETTLE".to_owned(), json!(41.3223)));
    assert_eq!(seen().await, (Some(4_132), Some(4_132)), "it is there, and crosses out what we never sent");
    bench.double.with(|shop| {
        let window = ("2027-02-01 00:00:00", "2027-12-31 23:59:59");
        shop.base.insert("KETTLE".to_owned(), json!(41.32));
        shop.special.push(
            json!({ "sku": "KETTLE", "store_id": 0, "price": 33.6723, "price_from": window.0, "price_to": window.1 }),
        );
    });
    assert_eq!(seen().await, (Some(3_367), Some(3_367)), "buyers pay the special price");
    bench.push_one(&eur("KETTLE", 4_132)).await.unwrap();
    bench.proves(&eur("KETTLE", 4_132)).await;
    // PHP may print a binary number in full; the column has six decimals.
    bench
        .double
        .with(|shop| shop.base.insert("KETTLE".to_owned(), serde_json::from_str("29.949999999999999").unwrap()));
    assert_eq!(seen().await, (Some(2_995), None));
}

#[tokio::test]
async fn what_buyers_pay_now_is_found_while_a_special_price_runs() {
    let bench = open().await;
    let (from, to) = ("2027-02-01 00:00:00", "2027-12-31 23:59:59");
    let theirs = json!({ "sku": "KETTLE", "store_id": 0, "price": 29.9, "price_from": from, "price_to": to });
    bench.double.with(|shop| shop.special.push(theirs));
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned()]).await.unwrap();
    let prices: Vec<i64> = found.iter().map(|one| one.price.unwrap().minor().unwrap()).collect();
    assert_eq!(prices, [2_990, 3_400]);
    // The push that follows ends the special price, and nobody pays more.
    bench.push_one(&eur("KETTLE", 2_990)).await.unwrap();
    assert_eq!(bench.double.live("KETTLE"), Some(2_990));
}

#[tokio::test]
async fn a_special_price_that_is_refused_leaves_the_base_price_as_it_was() {
    let bench = open().await;
    bench.double.with(|shop| shop.no_sales = true);
    let error = bench.push_one(&on_sale(eur("KETTLE", 3_990), 5_990)).await.unwrap_err();
    assert_eq!((error.class, bench.double.live("KETTLE")), (Class::Rejected, Some(4_990)), "{error}");
}

#[tokio::test]
async fn a_refused_token_names_the_switch_that_lets_it_in() {
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("'t1'", "'t2'")).await;
    let switch = "oauth/consumer/enable_integration_as_bearer";
    for error in [
        dead.channel.probe().await.unwrap_err(),
        dead.push_one(&eur("KETTLE", 4_790)).await.unwrap_err(),
        dead.channel.read(&["KETTLE".to_owned()]).await.unwrap_err(),
        dead.channel.find(&["KETTLE".to_owned()]).await.unwrap_err(),
    ] {
        assert!(error.class == Class::Refused && error.message.contains(switch), "{error}");
    }
}

#[tokio::test]
async fn the_probe_asks_for_the_rights_that_prices_need() {
    let queued = format!("{TABLE}queue = true\n");
    let probe = async |denied: &'static str, table: &str| {
        let bench = Bench::open(Shop { denied, ..Shop::new() }, judge(), table).await;
        let probe = bench.channel.probe().await.unwrap();
        assert!(bench.double.written().is_empty(), "a probe changes nothing");
        probe
    };
    for table in [TABLE, &queued] {
        let whole = probe("", table).await;
        assert_eq!(whole.problems, Vec::<String>::new());
        assert!(whole.notes[0].contains("compare tax"), "{whole:?}");
        let problems = probe("Magento_Catalog::catalog", table).await.problems;
        assert!(problems.len() == 1 && problems[0].contains("resource Catalog"), "{problems:?}");
    }
    let bulk = "Magento_Logging::system_magento_logging_bulk_operations";
    assert_eq!(probe(bulk, TABLE).await.problems, Vec::<String>::new(), "there is no queue to look after");
    let problems = probe(bulk, &queued).await.problems;
    assert!(problems.len() == 1 && problems[0].contains("Bulk Actions"), "{problems:?}");
}
