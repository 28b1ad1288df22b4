//! Adobe Commerce with content staging: a special price is a version of the product, which cannot begin in the past.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::{Currency, Money};
use serde_json::{Value, json};

use super::super::double::{AT, Bench, Reply, Request, Vendor, on_sale};
use super::{TABLE, eur, judge};

const MAX: i64 = 2_147_483_647;

/// A product from one second to another.
#[derive(Clone)]
struct Version {
    from: i64,
    to: i64,
    base: Value,
    special: Option<Value>,
    /// An update with an end, not what stands before and after it.
    temporary: bool,
}

impl Version {
    fn holds(&self, second: i64) -> bool {
        self.from <= second && second < self.to
    }
}

#[derive(Clone)]
struct Shop {
    products: BTreeMap<String, Vec<Version>>,
    clock: Clock,
    /// Whether it names its edition.
    told: bool,
    /// Whether it is too busy to name anything.
    busy: bool,
}

fn second(text: &Value) -> i64 {
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", text.as_str().unwrap()).unwrap();
    time.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
}

fn text(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Shop {
    fn new(clock: Clock, told: bool) -> Self {
        let whole = Version { from: 1, to: MAX, base: json!(49.9), special: None, temporary: false };
        Self { products: [("KETTLE".to_owned(), vec![whole])].into(), clock, told, busy: false }
    }

    fn now(&self) -> i64 {
        self.clock.now().0 / 1_000
    }

    fn current(&self, sku: &str) -> Option<&Version> {
        self.products.get(sku)?.iter().find(|version| version.holds(self.now()))
    }

    fn special(&mut self, row: &Value) -> Result<(), &'static str> {
        let now = self.now();
        let (from, to) = (second(&row["price_from"]), second(&row["price_to"]));
        let versions = self.products.get_mut(row["sku"].as_str().unwrap()).unwrap();
        let same = |version: &&mut Version| version.from == from && version.to == to && version.special.is_some();
        if let Some(version) = versions.iter_mut().find(same) {
            version.special = Some(row["price"].clone());
            return Ok(());
        }
        if from < now {
            return Err("The Future Update Start Time is invalid. It can't be earlier than the current time.");
        }
        if to > MAX {
            return Err("The Future Update End Time is invalid. It can't be later than current time + 12 years.");
        }
        let meets = |version: &Version| {
            version.temporary && (version.holds(from) || (version.from >= from && version.from <= to))
        };
        if versions.iter().any(meets) {
            return Err("Future Update already exists in this time range. Set a different range and try again.");
        }
        let place = versions.iter().position(|version| version.holds(from)).unwrap();
        let whole = versions.remove(place);
        let part = |from, to| Version { from, to, temporary: false, ..whole.clone() };
        let update = Version { temporary: true, special: Some(row["price"].clone()), ..part(from, to) };
        versions.extend([part(whole.from, from), update, part(to, whole.to)]);
        Ok(())
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/base-prices") || request.path.ends_with("/special-price")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == "/magento_version" && self.busy {
            return Reply::text(503, "Service Temporarily Unavailable");
        }
        if request.path == "/magento_version" {
            let answer = if self.told { Reply::text(200, "Magento/2.4 (Enterprise)") } else { Reply::text(404, "") };
            return answer;
        }
        let now = self.now();
        let body = request.json();
        let empty = vec![];
        let prices = body["prices"].as_array().unwrap_or(&empty);
        let skus: Vec<&str> = body["skus"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let path = request.path.strip_prefix("/rest/all/").unwrap();
        match path {
            "V1/products" => Reply::ok(&json!({ "items": [] })),
            "V1/products/base-prices-information" => {
                let own = skus
                    .iter()
                    .filter_map(|sku| Some(json!({ "sku": sku, "store_id": 0, "price": self.current(sku)?.base })));
                Reply::ok(&own.collect())
            }
            "V1/products/special-price-information" => {
                let versions = skus.iter().flat_map(|sku| self.products[*sku].iter().map(move |one| (sku, one)));
                let rows = versions.filter_map(|(sku, version)| {
                    let (price, from, to) = (version.special.as_ref()?, text(version.from), text(version.to));
                    Some(json!({ "sku": sku, "store_id": 0, "price": price, "price_from": from, "price_to": to }))
                });
                Reply::ok(&rows.collect())
            }
            "V1/products/base-prices" => {
                for price in prices {
                    let versions = self.products.get_mut(price["sku"].as_str().unwrap()).unwrap();
                    let version = versions.iter_mut().find(|version| version.holds(now)).unwrap();
                    version.base = price["price"].clone();
                }
                Reply::ok(&json!([]))
            }
            "V1/products/special-price" => {
                let refused = prices.iter().filter_map(|row| {
                    let message = self.special(row).err()?;
                    let of = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
                    let parameters = ["price", "sku", "store_id", "price_from", "price_to"].map(of);
                    Some(json!({ "message": message, "parameters": parameters }))
                });
                Reply::ok(&refused.collect())
            }
            other => Reply::json(404, &json!({ "message": format!("no route {other}") })),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let version = self.current(external)?;
        let money = |price: &Value| Money::parse(&price.to_string(), Currency::EUR).ok().map(|price| price.minor());
        let base = money(&version.base)?;
        Some(version.special.as_ref().and_then(money).map_or(base, |special| special.min(base)))
    }
}

async fn open(clock: &Clock, told: bool) -> Bench<Shop> {
    Bench::open_at(Shop::new(clock.clone(), told), judge(), TABLE, clock.clone()).await
}

fn sale(minor: i64, days: Option<i64>) -> PriceChange {
    let mut change = on_sale(eur("KETTLE", minor), 4_790);
    change.sale.as_mut().unwrap().ends_at = days.map(|days| AT.plus(days * Millis::DAY));
    change
}

#[tokio::test]
async fn a_sale_begins_a_little_later_and_its_price_is_changed_in_place() {
    for told in [true, false] {
        for days in [Some(10), None] {
            let clock = Clock::manual(AT);
            let bench = open(&clock, told).await;
            bench.push_one(&sale(3_990, days)).await.unwrap();
            // The shop that does not tell what it is refuses one start in the past, before anything is written.
            let tries = bench.double.written().iter().filter(|one| one.path.ends_with("/special-price")).count();
            assert_eq!(tries, if told { 1 } else { 2 });
            assert_eq!(bench.read("KETTLE").await.price.unwrap().minor().unwrap(), 4_790, "not before it begins");
            clock.advance(3 * Millis::MINUTE);
            assert_eq!(bench.double.live("KETTLE"), Some(3_990));
            bench.proves(&sale(3_990, days)).await;
            let error = bench.push_one(&sale(3_790, days)).await.unwrap_err();
            assert!(matches!(error.class, Class::Retry { after_ms: Some(1..) }), "it is just beginning: {error}");
            clock.advance(Millis::DAY);
            bench.push_one(&sale(3_790, days)).await.unwrap();
            assert_eq!(bench.double.live("KETTLE"), Some(3_790), "at once");
            bench.proves(&sale(3_790, days)).await;
        }
    }
}

#[tokio::test]
async fn a_shop_that_is_too_busy_to_name_its_edition_has_not_told_one() {
    let clock = Clock::manual(AT);
    let bench = open(&clock, true).await;
    bench.double.with(|shop| shop.busy = true);
    let error = bench.push_one(&sale(3_990, Some(10))).await.unwrap_err();
    assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    assert!(bench.double.written().is_empty(), "which order is right is not known yet");
    bench.double.with(|shop| shop.busy = false);
    bench.push_one(&sale(3_990, Some(10))).await.unwrap();
    let tries = bench.double.written().iter().filter(|one| one.path.ends_with("/special-price")).count();
    assert_eq!(tries, 1, "it was asked again");
}

#[tokio::test]
async fn the_price_after_a_sale_is_written_when_the_version_is_over_and_stays() {
    let clock = Clock::manual(AT);
    let bench = open(&clock, true).await;
    bench.push_one(&sale(3_990, Some(10))).await.unwrap();
    clock.advance(10 * Millis::DAY);
    let after = eur("KETTLE", 4_590);
    let error = bench.push_one(&after).await.unwrap_err();
    let Class::Retry { after_ms: Some(wait) } = error.class else { panic!("the version would take it along: {error}") };
    clock.advance(wait);
    bench.push_one(&after).await.unwrap();
    bench.proves(&after).await;
    clock.advance(30 * Millis::DAY);
    assert_eq!(bench.double.live("KETTLE"), Some(4_590));
    bench.push_one(&sale(3_990, Some(60))).await.unwrap();
}

#[tokio::test]
async fn a_sale_that_is_taken_back_leaves_room_for_the_next_one() {
    let clock = Clock::manual(AT);
    let bench = open(&clock, true).await;
    bench.push_one(&sale(3_990, None)).await.unwrap();
    clock.advance(Millis::DAY);
    for after in [eur("KETTLE", 4_590), eur("KETTLE", 4_690)] {
        bench.push_one(&after).await.unwrap();
        assert_eq!(bench.double.live("KETTLE"), after.price.minor().ok());
        bench.proves(&after).await;
    }
    bench.push_one(&sale(3_490, Some(20))).await.unwrap();
    bench.proves(&sale(3_490, Some(20))).await;
}

#[tokio::test]
async fn a_reduction_that_meets_somebody_else_s_update_is_told_with_what_to_look_at() {
    let clock = Clock::manual(AT);
    let bench = open(&clock, true).await;
    bench.double.with(|shop| {
        let from = AT.0 / 1_000 + 86_400;
        let row = json!({ "sku": "KETTLE", "price": 1, "price_from": text(from), "price_to": text(from + 60) });
        shop.special(&row).unwrap();
        for version in shop.products.get_mut("KETTLE").unwrap() {
            version.special = None;
        }
    });
    let error = bench.push_one(&sale(3_990, Some(10))).await.unwrap_err();
    assert_eq!(error.class, Class::Rejected, "{error}");
    assert!(error.message.contains("already exists") && error.message.contains("Scheduled Changes"), "{error}");
    assert_eq!(bench.double.live("KETTLE"), Some(4_790), "the decided price without the reduction");
}
