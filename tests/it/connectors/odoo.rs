//! Odoo 17 as it answered: every failure is HTTP 200, a write sets one value on all its records.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::{Currency, Money};
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change};
use super::schema::Judge;

const TABLE: &str =
    "kind = 'odoo'\nurl = '{url}'\ndatabase = 'shop'\nlogin = 'bot'\napi_key = 'k1'\ncurrency = 'EUR'\ntax = 'net'\n";

#[derive(Clone)]
struct Server {
    /// Template to list price.
    templates: BTreeMap<i64, Value>,
    /// Product to SKU and template.
    products: BTreeMap<i64, (&'static str, i64)>,
    /// Item to product and fixed price.
    items: BTreeMap<i64, (i64, Value)>,
    writable: bool,
}

impl Server {
    fn new() -> Self {
        Self {
            templates: [(7, json!(49.9)), (8, json!(34.0))].into(),
            products: [(70, ("KETTLE", 7)), (80, ("LAMP", 8)), (81, ("LAMP-RED", 8))].into(),
            items: [(1, (70, json!(45.0)))].into(),
            writable: true,
        }
    }

    fn failure(name: &str) -> Reply {
        let data =
            json!({ "name": name, "message": "Record does not exist or has been deleted.", "debug": "Traceback" });
        Reply::ok(
            &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": 200, "message": "Odoo Server Error", "data": data } }),
        )
    }

    fn search(&self, model: &str, domain: &Value) -> Value {
        let wanted = |key: &str| {
            let term = domain.as_array().unwrap().iter().find(|term| term[0] == key);
            term.map(|term| term[2].as_array().cloned().unwrap_or_else(|| vec![term[2].clone()])).unwrap_or_default()
        };
        match model {
            "product.template" => self.templates.iter().filter(|(id, _)| wanted("id").contains(&json!(id))).map(|(id, price)| json!({ "id": id, "list_price": price })).collect(),
            "product.product" => self.products.iter().filter(|(_, (sku, _))| wanted("default_code").contains(&json!(sku)))
                .map(|(id, (sku, template))| json!({ "id": id, "default_code": sku, "product_tmpl_id": [template, "name"] })).collect(),
            "product.pricelist.item" => self.items.iter().filter(|(_, (product, _))| wanted("product_id").contains(&json!(product)))
                .map(|(id, (product, price))| json!({ "id": id, "product_id": [product, "name"], "fixed_price": price, "min_quantity": 0.0, "compute_price": "fixed" })).collect(),
            "product.pricelist" if wanted("id") == [json!(3)] => json!([{ "id": 3, "name": "Shop", "currency_id": [1, "EUR"] }]),
            "res.company" => json!([{ "id": 1, "name": "Acme", "currency_id": [1, "EUR"] }]),
            _ => json!([]),
        }
    }

    fn write(&mut self, model: &str, args: &Value) -> Reply {
        if model == "product.template" {
            let Some(price) = self.templates.get_mut(&args[0][0].as_i64().unwrap()) else {
                return Self::failure("odoo.exceptions.MissingError");
            };
            *price = args[1]["list_price"].clone();
        } else {
            let commands = args[1]["item_ids"].as_array().unwrap();
            if commands.iter().any(|command| !self.products.contains_key(&command[2]["product_id"].as_i64().unwrap())) {
                return Self::failure("odoo.exceptions.MissingError");
            }
            for command in commands {
                let id = if command[0] == 1 { command[1].as_i64().unwrap() } else { self.items.len() as i64 + 1 };
                self.items.insert(id, (command[2]["product_id"].as_i64().unwrap(), command[2]["fixed_price"].clone()));
            }
        }
        Reply::ok(&json!({ "jsonrpc": "2.0", "id": null, "result": true }))
    }
}

impl Vendor for Server {
    fn writes(&self, request: &Request) -> bool {
        request.json()["params"]["args"][4] == "write"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let body = request.json();
        let (params, args) = (&body["params"], &body["params"]["args"]);
        if params["method"] == "authenticate" {
            return Reply::ok(
                &json!({ "jsonrpc": "2.0", "id": null, "result": if args[2] == "k1" { json!(2) } else { json!(false) } }),
            );
        }
        if args[2] != "k1" || args[1] != 2 {
            return Self::failure("odoo.exceptions.AccessDenied");
        }
        let model = args[3].as_str().unwrap();
        match args[4].as_str().unwrap() {
            "write" => self.write(model, &args[5]),
            "check_access_rights" => Reply::ok(
                &json!({ "jsonrpc": "2.0", "id": null, "result": args[5] == json!(["write", false]) && self.writable }),
            ),
            _ => Reply::ok(&json!({ "jsonrpc": "2.0", "id": null, "result": self.search(model, &args[5][0]) })),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let id: i64 = external.parse().ok()?;
        let item = self.items.values().find(|(product, _)| *product == id).map(|(_, price)| price);
        let price = self.templates.get(&id).or(item)?;
        Money::parse(&price.to_string(), Currency::EUR).ok().map(Money::minor)
    }
}

fn judge() -> Judge {
    Judge::new("odoo").without_schema()
}

async fn open(table: &str) -> Bench<Server> {
    Bench::open(Server::new(), judge(), table).await
}

fn eur(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::EUR)
}

#[tokio::test]
async fn sales_prices_travel_one_by_one() {
    let bench = open(TABLE).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].external.as_str(), found[0].price.unwrap().minor()), (1, "7", 4_990));
    let error = bench.channel.find(&["LAMP".to_owned(), "LAMP-RED".to_owned()]).await.unwrap_err();
    assert!(error.message.contains("use a pricelist"), "{error}");
    let results = bench.push(&[eur("7", 4_795), eur("99", 100), eur("8", 3_200)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(results[1].as_ref().unwrap_err().class, Class::Rejected);
    bench.proves(&eur("7", 4_795)).await;
    bench.proves(&eur("8", 3_200)).await;
    assert_eq!(bench.read("99").await.price, None);
}

#[tokio::test]
async fn a_pricelist_takes_many_prices_at_once() {
    let bench = open(&format!("{TABLE}pricelist = 3\n")).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned(), "LAMP-RED".to_owned()]).await.unwrap();
    assert_eq!(found.len(), 3, "variants have prices of their own in a pricelist");
    let changes = [eur("70", 4_395), eur("80", 3_100), eur("81", 3_050)];
    bench.push(&changes).await.into_iter().for_each(|result| {
        result.unwrap();
    });
    assert_eq!(bench.double.written().len(), 1);
    for change in &changes {
        bench.proves(change).await;
    }
    assert_eq!(bench.double.with(|server| server.items.len()), 3, "the known item was changed, two were made");
    let results = bench.push(&[eur("70", 4_295), eur("99", 100)]).await;
    assert!(results[0].is_ok() && results[1].is_err(), "{results:?}");
    bench.double.with(|server| server.items.insert(9, (70, json!(1.0))));
    assert!(bench.read("70").await.refused.unwrap().contains("2 fixed prices"));
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    rows.extend([
        Row::new("dead key", Fault::Answer(Server::failure("odoo.exceptions.AccessDenied")), Expect::Refused, false),
        Row::new(
            "missing right",
            Fault::Answer(Server::failure("odoo.exceptions.AccessError")),
            Expect::Refused,
            false,
        ),
        Row::new("bad number", Fault::Answer(Server::failure("builtins.ValueError")), Expect::Rejected, false),
        Row::new(
            "rolled back",
            Fault::Answer(Server::failure("psycopg2.errors.SerializationFailure")),
            Expect::Retry,
            false,
        ),
        Row::new("something broke", Fault::Answer(Server::failure("builtins.KeyError")), Expect::Unknown, false),
        Row::new(
            "it does not say that it wrote",
            Fault::Answer(Reply::ok(&json!({ "jsonrpc": "2.0", "result": false }))),
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
    let lost = open(&format!("{TABLE}pricelist = 4\n")).await;
    assert!(lost.channel.probe().await.unwrap().problems[0].contains("no such pricelist"));
    let reader = open(TABLE).await;
    reader.double.with(|server| server.writable = false);
    assert!(reader.channel.probe().await.unwrap().problems[0].contains("may not change prices"));
    let dead = open(&TABLE.replace("k1", "dead")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}
