//! Mirakl: an import replaces all prices of its offers, and answers by its report.

use std::collections::BTreeMap;

use omniprice::channel::Class;
use omniprice::clock::{Clock, Millis};
use omniprice::money::{Currency, WirePrice};
use serde_json::{Value, json};

use super::{Case, minor, number};
use crate::connectors::double::{
    AT, Expect, Fault, Reply, Request, Row, Vendor, change, connect, door, nobody_home, on_sale,
};
use crate::connectors::schema::Judge;

const COLUMNS: [&str; 5] = ["offer-sku", "price", "discount-price", "discount-start-date", "discount-end-date"];

/// A reduced price in minor units with the first and last instant of its window, as sent.
type Reduced = (i64, String, String);

#[derive(Clone, Default)]
struct Mirakl {
    /// SKU: price, reduced price with its window.
    offers: BTreeMap<String, (i64, Option<Reduced>)>,
    imports: BTreeMap<String, Value>,
    errors: BTreeMap<String, String>,
    bad: Option<String>,
    /// Imports wait.
    waiting: bool,
}

impl Mirakl {
    fn import(&mut self, request: &Request) -> Reply {
        let text = request.text();
        let file = text.split_once("\r\n\r\n").unwrap().1;
        let file = &file[..file.rfind("\r\n--").unwrap()];
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(file.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let id = (self.imports.len() + 1).to_string();
        let mut report = format!("error-line;error-message;{}\n", COLUMNS.join(";"));
        let mut failed = 0;
        for (line, record) in (2..).zip(reader.records()) {
            let record = record.unwrap();
            let sku = &record[0];
            if self.bad.as_deref() == Some(sku) || !self.offers.contains_key(sku) {
                failed += 1;
                let cells: Vec<&str> = record.iter().collect();
                report.push_str(&format!(
                    "{line};\"The price is out of the allowed range; ask the operator\";{}\n",
                    cells.join(";")
                ));
                continue;
            }
            let money = |text: &str| minor(&Value::from(text));
            let sale = (!record[2].is_empty()).then(|| (money(&record[2]), record[3].to_owned(), record[4].to_owned()));
            self.offers.insert(sku.to_owned(), (money(&record[1]), sale));
        }
        self.imports.insert(
            id.clone(),
            json!({ "import_id": id, "status": "COMPLETE", "has_error_report": failed > 0, "lines_in_error": failed,
                "lines_in_success": 1, "offers_in_error": failed, "offers_updated": 1, "origin": "API",
                "date_created": "2026-11-22T00:00:00Z", "reason_status": "", "shop_id": 7 }),
        );
        self.errors.insert(id.clone(), report);
        Reply::json(201, &json!({ "import_id": id, "importId": id }))
    }

    fn price(&self, sku: &str) -> Option<(i64, Option<i64>)> {
        let (price, sale) = self.offers.get(sku)?;
        let now = AT.plus(Millis::HOUR).to_string();
        Some(match sale {
            Some((reduced, from, to)) if *from <= now && (to.is_empty() || now < *to) => (*reduced, Some(*price)),
            _ => (*price, None),
        })
    }

    fn offer(&self, sku: &str) -> Value {
        let (price, regular) = self.price(sku).unwrap();
        let discount = regular.map(|_| number(price));
        json!({ "shop_sku": sku, "offer_id": 1, "active": true, "currency_iso_code": "EUR", "price": number(price),
            "applicable_pricing": { "price": number(price), "unit_discount_price": discount,
                "unit_origin_price": number(regular.unwrap_or(price)), "volume_prices": [] } })
    }
}

impl Vendor for Mirakl {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        assert_eq!(request.header("authorization"), "key", "the bare key");
        assert_eq!(request.query["shop_id"], "7");
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["api", "offers", "pricing", "imports"]) => self.import(request),
            ("GET", ["api", "offers", "pricing", "imports"]) => {
                let wanted = request.query.get("import_id");
                let mut list: Vec<Value> =
                    self.imports.iter().filter(|(id, _)| wanted == Some(id)).map(|(_, i)| i.clone()).collect();
                if self.waiting {
                    list.iter_mut().for_each(|import| import["status"] = json!("WAITING"));
                }
                Reply::ok(&json!({ "data": list }))
            }
            ("GET", ["api", "offers", "pricing", "imports", id, "error_report"]) => Reply::text(200, &self.errors[*id]),
            ("GET", ["api", "offers"]) => {
                let wanted = request.query.get("sku");
                let fits = |sku: &&String| wanted.is_none_or(|wanted| wanted == *sku);
                let offers: Vec<Value> = self.offers.keys().filter(fits).map(|sku| self.offer(sku)).collect();
                Reply::ok(&json!({ "offers": offers, "total_count": offers.len() }))
            }
            _ => Reply::text(404, ""),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.price(external).map(|(price, _)| price)
    }
}

const TABLE: &str = r#"
kind = "mirakl"
url = "{url}"
api_key = "key"
shop_id = 7
currency = "EUR"
tax = "gross"
"#;

fn case() -> Case<Mirakl> {
    let offers = BTreeMap::from([("TEA".to_owned(), (2_000, None)), ("CUP;\"1\"".to_owned(), (2_000, None))]);
    let judge = Judge::new("mirakl").openapi("", "mirakl-offers.json");
    let vendor = Mirakl { offers, ..Mirakl::default() };
    Case { vendor, judge, table: TABLE, external: "TEA", sku: "TEA", currency: Currency::EUR }
}

/// Another connector for the same marketplace: each takes its one import of the minute.
macro_rules! again {
    ($bench:expr) => {
        $bench.channel = connect(
            &TABLE.replace("{url}", &format!("http://127.0.0.1:{}", $bench.double.port)),
            Clock::manual(AT.plus(Millis::HOUR)),
        )
    };
}

#[tokio::test]
async fn a_price_arrives_and_the_offer_shows_it() {
    let mut bench = case().open().await;
    let found = bench.channel.find(&["NOT-THERE".to_owned(), "CUP;\"1\"".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].price), (1, Some(WirePrice::from_minor(2_000, Currency::EUR))));
    let changes = [change("TEA", "TEA", 1_999, Currency::EUR), change("CUP;\"1\"", "CUP", 1_250, Currency::EUR)];
    assert!(bench.push(&changes).await.iter().all(Result::is_ok));
    assert_eq!(bench.double.written().len(), 1, "one import for both");
    for change in &changes {
        bench.proves(change).await;
    }
    let early = bench.push(&changes).await;
    let class = early[0].as_ref().unwrap_err().class;
    assert!(matches!(class, Class::Retry { after_ms: Some(30_000..=65_000) }), "one import a minute: {class:?}");
    assert_eq!(bench.double.written().len(), 1);
    again!(bench);
    bench.push_one(&case().change(1_700)).await.unwrap();
    assert_eq!(bench.double.live("CUP;\"1\""), Some(1_250), "offers that are not listed keep their prices");
    assert_eq!(bench.read("GONE").await.price, None);
    case().is_probed("SEK").await;
}

#[tokio::test]
async fn a_sale_has_a_window_and_goes_with_the_next_import() {
    let mut bench = case().open().await;
    let sale = on_sale(case().change(1_500), 2_500);
    bench.push_one(&sale).await.unwrap();
    bench.proves(&sale).await;
    assert_eq!(bench.read("TEA").await.regular, Some(Some(WirePrice::from_minor(2_500, Currency::EUR))));
    again!(bench);
    let plain = case().change(2_300);
    bench.push_one(&plain).await.unwrap();
    assert_eq!(bench.double.live("TEA"), Some(2_300));
    bench.proves(&plain).await;
    assert_eq!(bench.double.with(|vendor| vendor.offers["TEA"].1.clone()), None);
}

#[tokio::test]
async fn faults() {
    let own = vec![
        Row::new("a bad file", Fault::Answer(Reply::json(400, &json!({ "message": "bad" }))), Expect::Rejected, false),
        Row::new("a dead key", Fault::Answer(Reply::json(401, &json!({ "message": "no" }))), Expect::Refused, false),
        Row::new("too many imports", Fault::Answer(Reply::json(429, &json!({}))), Expect::Retry, false),
        Row::new("no id", Fault::Instead(Reply::json(201, &json!({}))), Expect::Unknown, true),
    ];
    for row in Row::wire().into_iter().chain(own) {
        let mut bench = case().open().await;
        bench.double.fail_write(row.fault);
        let error = bench.push_one(&case().change(1_800)).await.expect_err(row.name);
        assert!(row.expect.holds(error.class), "{}: {error} is {:?}", row.name, error.class);
        assert_eq!(bench.double.live("TEA"), Some(if row.applied { 1_800 } else { 2_000 }), "{}", row.name);
        again!(bench);
        bench.push_one(&case().change(1_800)).await.unwrap();
        bench.proves(&case().change(1_800)).await;
    }
    nobody_home(TABLE, &case().change(1_800)).await;
    let door = door(&[]);
    let closed = connect(&TABLE.replace("{url}", "http://127.0.0.1:9"), Clock::System);
    let undecided = closed.push(&[case().change(1_800)], &door).await.remove(0).unwrap_err();
    assert_eq!(undecided.class, Class::Rejected, "a price that nobody decided stays inside");
}

#[tokio::test]
async fn a_line_in_error_is_told_with_the_operator_s_words() {
    let bench = case().open().await;
    bench.double.with(|vendor| {
        vendor.bad = Some("CUP;\"1\"".to_owned());
        vendor.waiting = true;
    });
    let changes = [change("TEA", "TEA", 1_800, Currency::EUR), change("CUP;\"1\"", "CUP", 1_700, Currency::EUR)];
    assert!(bench.push(&changes).await.iter().all(Result::is_ok), "accepted is not live");
    assert_eq!(bench.read("CUP;\"1\"").await.refused, None, "the import waits");
    bench.double.with(|vendor| {
        vendor.waiting = false;
        // The operator's file quotes what needs quoting; this double's report is about one line.
        let report = vendor.errors.values_mut().next().unwrap();
        *report = report.replace(";CUP;\"1\";", ";\"CUP;\"\"1\"\"\";");
    });
    let seen = bench.read("CUP;\"1\"").await;
    assert_eq!(seen.price.map(|price| price.minor().unwrap()), Some(2_000));
    assert!(seen.refused.as_deref().unwrap().contains("out of the allowed range"), "{seen:?}");
    let fine = bench.read("TEA").await;
    assert_eq!((fine.price.map(|price| price.minor().unwrap()), fine.refused), (Some(1_800), None));
}

#[tokio::test]
async fn an_import_that_failed_as_a_whole_is_told_for_each_of_its_offers() {
    let bench = case().open().await;
    bench.push_one(&case().change(1_800)).await.unwrap();
    bench.double.with(|vendor| {
        let import = vendor.imports.values_mut().next().unwrap();
        import["status"] = json!("FAILED");
        import["reason_status"] = json!("The file has an unknown column");
    });
    let refused = bench.read("TEA").await.refused.unwrap();
    assert!(refused.contains("unknown column"), "{refused}");
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let case = case();
    let mut odd = case.vendor.offer("TEA");
    odd["applicable_pricing"]["price"] = json!(20.0049);
    case.tells_of_an_odd_price(&case.open().await, "CUP;\"1\"", &json!({ "offers": [odd] })).await;
}
