//! Tryton 7 as it answered: errors are HTTP 200, one bad id rolls a call back, a dead session is an empty 401.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::{Currency, WirePrice};
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change};
use super::schema::Judge;

const TABLE: &str = "kind = 'tryton'\nurl = '{url}'\ndatabase = 'shop'\nlogin = 'admin'\npassword = 'admin'\ncompany = 1\ncurrency = 'EUR'\ntax = 'gross'\n";

#[derive(Clone)]
struct Server {
    /// The field that the tests write, and how many decimals the server keeps of it.
    field: &'static str,
    digits: u32,
    /// Template to gross price.
    templates: BTreeMap<i64, Option<String>>,
    products: Vec<(&'static str, i64)>,
    /// The module with the gross price is there.
    till: bool,
    writable: bool,
}

impl Server {
    fn new() -> Self {
        let templates = [(7, Some("49.9000".to_owned())), (8, None)];
        Self {
            field: "gross_price",
            digits: 4,
            templates: templates.into(),
            products: vec![("KETTLE", 7), ("LAMP", 8), ("LAMP-RED", 8)],
            till: true,
            writable: true,
        }
    }

    fn error(kind: &str, detail: &Value) -> Reply {
        Reply::ok(&json!({ "id": 1, "error": [kind, detail] }))
    }

    fn call(&mut self, method: &str, params: &[Value]) -> Reply {
        let result = match method {
            "model.product.template.write" => {
                let pairs = &params[..params.len() - 1];
                let unknown = |pair: &[Value]| !self.templates.contains_key(&pair[0][0].as_i64().unwrap());
                if pairs.chunks(2).any(unknown) {
                    return Self::error(
                        "UserError",
                        &json!(["You are trying to access records that do not exist", ""]),
                    );
                }
                let price = |pair: &[Value]| pair[1][self.field]["decimal"].as_str().unwrap().to_owned();
                let scale = |text: &str| text.split_once('.').map_or(0, |(_, part)| part.len());
                if pairs.chunks(2).any(|pair| scale(&price(pair)) > self.digits as usize) {
                    let text = "The number of digits in the value for field \"List Price\" exceeds the limit.";
                    return Self::error("UserError", &json!([text, ""]));
                }
                for pair in pairs.chunks(2) {
                    let price = price(pair);
                    self.templates.insert(pair[0][0].as_i64().unwrap(), Some(price));
                }
                Value::Null
            }
            "model.product.template.search_read" => {
                let decimal = |price: &String| json!({ "__class__": "Decimal", "decimal": price });
                let wanted = |id: &i64| params[0][0][2].as_array().is_some_and(|ids| ids.contains(&json!(id)));
                self.templates
                    .iter()
                    .filter(|(id, _)| wanted(id))
                    .map(|(id, price)| json!({ "id": id, self.field: price.as_ref().map(decimal) }))
                    .collect()
            }
            "model.product.product.search_read" => {
                let wanted = |sku: &str| params[0][0][2].as_array().unwrap().contains(&json!(sku));
                self.products
                    .iter()
                    .filter(|(sku, _)| wanted(sku))
                    .map(|(sku, template)| json!({ "id": template * 10, "code": sku, "template": template }))
                    .collect()
            }
            "model.product.template.fields_get" if self.till => {
                let digits = format!("[null, {}]", self.digits);
                json!({ self.field: { "name": self.field, "digits": digits } })
            }
            "model.product.template.fields_get" => json!({}),
            "model.ir.model.access.get_access" => {
                json!({ "product.template": { "read": 1, "write": i32::from(self.writable), "create": 0, "delete": 0 } })
            }
            _ => json!([{ "id": 1, "rec_name": "Acme", "currency.": { "id": 1, "code": "EUR" } }]),
        };
        Reply::ok(&json!({ "id": 1, "result": result }))
    }
}

impl Vendor for Server {
    fn writes(&self, request: &Request) -> bool {
        request.text().contains("template.write")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("authorization") != "Basic YWRtaW46YWRtaW4=" {
            return Reply::text(401, "");
        }
        let body = request.json();
        self.call(body["method"].as_str().unwrap(), body["params"].as_array().unwrap())
    }

    fn live(&self, external: &str) -> Option<i64> {
        let price = self.templates.get(&external.parse().ok()?)?.clone()?;
        omniprice::money::Money::exact(omniprice::money::decimal(&price).ok()?, Currency::EUR)
            .ok()
            .map(|price| price.minor())
    }
}

async fn open(table: &str) -> Bench<Server> {
    Bench::open(Server::new(), Judge::new("tryton").without_schema(), table).await
}

fn eur(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::EUR)
}

#[tokio::test]
async fn templates_are_found_priced_in_one_call_and_proved() {
    let bench = open(TABLE).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|one| (one.external.as_str(), one.price.map(|price| price.minor().unwrap()))).collect();
    assert_eq!(found, [("7", Some(4_990)), ("8", None)], "no gross price yet");
    let found = bench.channel.find(&["LAMP".to_owned(), "KETTLE".to_owned(), "LAMP-RED".to_owned()]).await.unwrap();
    let shut = |sku: &str| found.iter().find(|one| one.sku == sku).unwrap().shut.as_deref();
    let why = "LAMP and LAMP-RED are products of one template, which has one price; split it";
    assert_eq!([shut("LAMP"), shut("KETTLE"), shut("LAMP-RED")], [Some(why), None, Some(why)]);
    bench.push(&[eur("7", 4_795), eur("8", 3_200)]).await.into_iter().for_each(|result| {
        result.unwrap();
    });
    assert_eq!(bench.double.written().len(), 1);
    bench.proves(&eur("7", 4_795)).await;
    bench.proves(&eur("8", 3_200)).await;
    // One bad id rolls the call back; halves save the good ones.
    let results = bench.push(&[eur("7", 4_695), eur("99", 100), eur("8", 3_100)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(results[1].as_ref().unwrap_err().message.contains("do not exist"));
    assert_eq!((bench.double.live("7"), bench.double.live("8")), (Some(4_695), Some(3_100)));
    assert_eq!(bench.read("99").await.price, None);
}

#[tokio::test]
async fn list_prices_have_the_decimals_that_the_server_keeps() {
    let net = TABLE.replace("'gross'", "'net'");
    let server = Server { field: "list_price", ..Server::new() };
    let finer = PriceChange { price: WirePrice::from_units(83_950, 4, Currency::EUR), ..eur("7", 1) };
    let four = format!("{net}net_decimals = 4\n");
    let bench = Bench::open(server.clone(), Judge::new("tryton").without_schema(), &four).await;
    bench.push_one(&finer).await.unwrap();
    assert!(bench.double.written()[0].text().contains("\"8.3950\""));
    bench.proves(&finer).await;
    let probe = bench.channel.probe().await.unwrap();
    assert_eq!((probe.problems, probe.notes), (vec![], vec![]));
    // A server that keeps two refuses four, and the probe says what to set.
    bench.double.with(|server| server.digits = 2);
    assert_eq!(bench.push_one(&finer).await.unwrap_err().class, Class::Rejected);
    let problems = bench.channel.probe().await.unwrap().problems;
    assert!(
        problems[0].contains("have 2 decimals on this server and are sent 4; set net_decimals = 2"),
        "{problems:?}"
    );
    let two = Bench::open(server, Judge::new("tryton").without_schema(), &net).await;
    assert_eq!(two.channel.capabilities().decimals(), 2, "until somebody says so");
    let notes = two.channel.probe().await.unwrap().notes;
    assert!(notes[0].contains("set net_decimals = 4"), "{notes:?}");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    rows.extend([
        Row::new("dead session", Fault::Answer(Reply::text(401, "")), Expect::Refused, false),
        Row::new("method not exposed", Fault::Answer(Reply::text(403, "Forbidden")), Expect::Forbidden, false),
        Row::new("no such database", Fault::Answer(Reply::text(404, "")), Expect::Refused, false),
        Row::new(
            "too many digits",
            Fault::Answer(Server::error("UserError", &json!(["The number of digits is too large", ""]))),
            Expect::Rejected,
            false,
        ),
        Row::new(
            "somebody else wrote",
            Fault::Answer(Server::error("ConcurrencyException", &json!("Records have been modified"))),
            Expect::Retry,
            false,
        ),
        Row::new(
            "something broke",
            Fault::Answer(Server::error("'KeyError'", &json!("Traceback"))),
            Expect::Unknown,
            false,
        ),
        Row::new(
            "429 of a proxy",
            Fault::Answer(Reply::text(429, "").header("retry-after", 2)),
            Expect::RetryAfter(2_000),
            false,
        ),
    ]);
    double::suffer(rows, &eur("7", 4_795), async || open(TABLE).await).await;
    double::nobody_home(TABLE, &eur("7", 4_795)).await;
    assert_eq!(open(TABLE).await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = open(&TABLE.replace("EUR", "USD")).await;
    assert!(odd.channel.probe().await.unwrap().problems[0].contains("currency = \"EUR\""));
    odd.double.with(|server| server.till = false);
    assert!(odd.channel.probe().await.unwrap().problems[1].contains("sale_point"));
    odd.double.with(|server| server.writable = false);
    assert!(odd.channel.probe().await.unwrap().problems[2].contains("Product Administration"));
    let dead = open(&TABLE.replace("'admin'\ncompany", "'dead'\ncompany")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}
