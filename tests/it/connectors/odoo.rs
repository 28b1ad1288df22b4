//! Odoo 17 as it answered by JSON-RPC, where every failure is HTTP 200, and Odoo 19 by JSON-2, as its documents say. A write
//! sets one value on all its records.

mod precision;

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use self::precision::{
    kept, net_prices_have_the_decimals_that_the_server_keeps, prices_keep_their_currency_and_their_digits,
};
use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change};
use super::schema::Judge;

/// A version that stands for one between releases.
const BETWEEN: i64 = 20;

const TABLE: &str =
    "kind = 'odoo'\nurl = '{url}'\ndatabase = 'shop'\nlogin = 'bot'\napi_key = 'k1'\ncurrency = 'EUR'\ntax = 'net'\n";

#[derive(Clone)]
struct Product {
    sku: &'static str,
    template: i64,
    /// What its attributes add to the template's price.
    extra: f64,
}

/// A rule of the pricelist; dates are texts or false.
#[derive(Clone)]
struct Rule {
    product: i64,
    template: Value,
    price: Value,
    least: f64,
    compute: &'static str,
    start: Value,
    end: Value,
}

#[derive(Clone)]
struct Server {
    /// 19 and later are asked by JSON-2 alone.
    version: i64,
    /// Template to list price.
    templates: BTreeMap<i64, Value>,
    products: BTreeMap<i64, Product>,
    rules: BTreeMap<i64, Rule>,
    /// Currency of the company that the user works in; the server's first company has another.
    currency: &'static str,
    /// Currency of the templates' company, where that is another one.
    priced: Option<&'static str>,
    /// Whether the company's sales tax is included in prices; `None` without the app.
    included: Option<bool>,
    /// The precision "Product Price"; `None` for a user who may not see it. Before version 19 more digits are rounded
    /// without a word.
    digits: Option<u32>,
    /// Model that the user may not write.
    locked: &'static str,
    /// Methods for access rights that this version has.
    methods: &'static [&'static str],
}

fn rule(product: i64, price: f64) -> Rule {
    let (start, end) = (json!(false), json!(false));
    Rule { product, template: json!(false), price: json!(price), least: 0.0, compute: "fixed", start, end }
}

impl Server {
    fn new(version: i64) -> Self {
        let product = |sku, template| Product { sku, template, extra: 0.0 };
        Self {
            version,
            templates: [(7, json!(49.9)), (8, json!(34.0)), (9, json!(20.0))].into(),
            products: [
                (70, product("KETTLE", 7)),
                (80, product("LAMP", 8)),
                (81, product("LAMP-RED", 8)),
                (90, product("POT", 9)),
            ]
            .into(),
            rules: [(1, rule(70, 45.0))].into(),
            currency: "EUR",
            priced: None,
            included: Some(false),
            digits: Some(2),
            locked: "",
            methods: if version < 18 { &["check_access_rights"] } else { &["has_access"] },
        }
    }

    fn failure(name: &str) -> Reply {
        Self::says(name, "Record does not exist or has been deleted.")
    }

    fn says(name: &str, message: &str) -> Reply {
        let data = json!({ "name": name, "message": message, "debug": "Traceback" });
        Reply::ok(
            &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": 200, "message": "Odoo Server Error", "data": data } }),
        )
    }

    fn result(result: &Value) -> Reply {
        Reply::ok(&json!({ "jsonrpc": "2.0", "id": null, "result": result }))
    }

    /// Rules in the order of the model: `min_quantity desc, id desc` among variants.
    fn in_order(&self) -> Vec<(i64, &Rule)> {
        let mut rules: Vec<(i64, &Rule)> = self.rules.iter().map(|(id, rule)| (*id, rule)).collect();
        rules.sort_by(|(one, a), (two, b)| b.least.total_cmp(&a.least).then(two.cmp(one)));
        rules
    }

    fn rows(&self, model: &str) -> Vec<Value> {
        let company = |id, name: &str, currency: &str| {
            let mut row = json!({ "id": id, "name": name, "currency_id": [id, currency] });
            if self.included.is_some() {
                row["account_sale_tax_id"] = json!([5, "VAT"]);
            }
            row
        };
        let money = json!([2, self.priced.unwrap_or(self.currency)]);
        let variants = |id: i64| self.products.values().filter(|own| own.template == id).count();
        match model {
            "product.template" => self.templates.iter().map(|(id, price)| {
                json!({ "id": id, "list_price": price, "currency_id": money, "product_variant_count": variants(*id) })
            }).collect(),
            "product.product" => self.products.iter().map(|(id, own)| {
                json!({ "id": id, "default_code": own.sku, "product_tmpl_id": [own.template, "name"], "price_extra": own.extra })
            }).collect(),
            "product.pricelist.item" => self.in_order().into_iter().map(|(id, own)| {
                json!({ "id": id, "pricelist_id": 3, "applied_on": "0_product_variant", "product_id": [own.product, "name"],
                    "fixed_price": own.price, "min_quantity": own.least, "compute_price": own.compute,
                    "date_start": own.start, "date_end": own.end, "currency_id": [1, "EUR"] })
            }).collect(),
            "product.pricelist" => vec![json!({ "id": 3, "name": "Shop", "currency_id": [1, "EUR"] })],
            "res.users" => vec![json!({ "id": 2, "company_id": [2, "Acme"] })],
            "res.company" => vec![company(1, "Holding", "USD"), company(2, "Acme", self.currency)],
            "decimal.precision" => self.digits.iter().map(|digits| json!({ "id": 1, "name": "Product Price", "digits": digits })).collect(),
            "account.tax" => self.included.iter().map(|included| json!({ "id": 5, "price_include": included })).collect(),
            _ => vec![],
        }
    }

    fn search(&self, model: &str, args: &Value) -> Reply {
        let (domain, fields) = (args[0].as_array().unwrap(), args[1].as_array().unwrap());
        let holds = |row: &Value, term: &Value| {
            let own = &row[term[0].as_str().unwrap()];
            let own = if own.is_array() { &own[0] } else { own };
            term[2].as_array().map_or(*own == term[2], |list| list.contains(own))
        };
        let mut found = vec![];
        for row in self.rows(model).into_iter().filter(|row| domain.iter().all(|term| holds(row, term))) {
            let mut shown = json!({ "id": row["id"] });
            for field in fields.iter().filter_map(Value::as_str) {
                let Some(value) = row.get(field) else {
                    return Self::says("builtins.ValueError", &format!("Invalid field '{field}' on model '{model}'"));
                };
                shown[field] = value.clone();
            }
            found.push(shown);
        }
        Self::result(&json!(found))
    }

    fn write(&mut self, model: &str, args: &Value) -> Reply {
        if model == self.locked {
            return Self::says("odoo.exceptions.AccessError", "You are not allowed to modify this.");
        }
        if model == "product.template" {
            let Some(price) = self.templates.get_mut(&args[0][0].as_i64().unwrap()) else {
                return Self::failure("odoo.exceptions.MissingError");
            };
            *price = kept(self.version, self.digits, &args[1]["list_price"]);
            return Self::result(&json!(true));
        }
        let commands = args[1]["item_ids"].as_array().unwrap();
        if commands.iter().any(|command| !self.products.contains_key(&command[2]["product_id"].as_i64().unwrap())) {
            return Self::failure("odoo.exceptions.MissingError");
        }
        for command in commands {
            let (known, values) = (command[1].as_i64().unwrap(), &command[2]);
            let product = values["product_id"].as_i64().unwrap();
            let next = self.rules.keys().max().map_or(1, |last| last + 1);
            let id = if command[0] == 1 { known } else { next };
            // Dates and quantity of a rule that is there stay.
            let own = self.rules.entry(id).or_insert_with(|| rule(product, 0.0));
            let price = kept(self.version, self.digits, &values["fixed_price"]);
            (own.product, own.price, own.compute) = (product, price, "fixed");
            if !values["product_tmpl_id"].is_null() {
                own.template = values["product_tmpl_id"].clone();
            }
        }
        Self::result(&json!(true))
    }
}

impl Server {
    fn rpc(&mut self, request: &Request) -> Reply {
        assert_eq!(request.path, "/jsonrpc");
        let body = request.json();
        let (params, args) = (&body["params"], &body["params"]["args"]);
        if args[0] != "shop" {
            let words = format!("connection to server failed: FATAL:  database {} does not exist", args[0]);
            return Self::says("psycopg2.OperationalError", &words);
        }
        if params["method"] == "authenticate" {
            return Self::result(&if args[2] == "k1" { json!(2) } else { json!(false) });
        }
        if args[2] != "k1" || args[1] != 2 {
            return Self::failure("odoo.exceptions.AccessDenied");
        }
        let (model, method) = (args[3].as_str().unwrap(), args[4].as_str().unwrap());
        if self.methods.contains(&method) {
            assert!(args[5] == json!(["write", false]) || args[5] == json!([[], "write"]), "{args}");
        }
        self.method(model, method, &args[5])
    }

    fn json2(&mut self, request: &Request) -> Reply {
        let Some((model, method)) = request.path.strip_prefix("/json/2/").and_then(|path| path.split_once('/')) else {
            panic!("{} is asked although the server has JSON-2", request.path);
        };
        let refuse =
            |status, name: &str, message: &str| Reply::json(status, &json!({ "name": name, "message": message }));
        if request.header("x-odoo-database") != "shop" {
            return refuse(404, "werkzeug.exceptions.NotFound", "The requested URL was not found on the server.");
        }
        if request.header("authorization") != "bearer k1" {
            return refuse(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey");
        }
        let body = request.json();
        let placed = match method {
            "context_get" => return Reply::ok(&json!({ "lang": "en_US", "tz": "Europe/Brussels", "uid": 2 })),
            "write" => json!([body["ids"], body["vals"]]),
            "search_read" => json!([body["domain"], body["fields"]]),
            known if self.methods.contains(&known) => {
                assert_eq!(body, json!({ "ids": [], "operation": "write" }));
                json!([])
            }
            other => {
                let message = format!("The method '{model}.{other}' does not exist");
                return refuse(404, "werkzeug.exceptions.NotFound", &message);
            }
        };
        bare(&self.method(model, method, &placed))
    }

    fn method(&mut self, model: &str, method: &str, args: &Value) -> Reply {
        match method {
            "write" => self.write(model, args),
            "search_read" => self.search(model, args),
            known if self.methods.contains(&known) => Self::result(&json!(model != self.locked)),
            other => Self::says("builtins.AttributeError", &format!("The method '{model}.{other}' does not exist")),
        }
    }
}

/// A JSON-RPC answer as JSON-2 gives it.
fn bare(reply: &Reply) -> Reply {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let Some(error) = body.get("error") else { return Reply::ok(&body["result"]) };
    let status = match error["data"]["name"].as_str().unwrap() {
        "odoo.exceptions.AccessDenied" | "odoo.exceptions.AccessError" => 403,
        "odoo.exceptions.MissingError" => 404,
        "odoo.exceptions.UserError" | "odoo.exceptions.ValidationError" => 422,
        _ => 500,
    };
    Reply::json(status, &error["data"])
}

impl Vendor for Server {
    fn writes(&self, request: &Request) -> bool {
        request.path.ends_with("/write") || request.json()["params"]["args"][4] == "write"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        match request.path.as_str() {
            "/web/version" if self.version < 19 => Reply::text(404, "<h1>Not Found</h1>"),
            "/web/version" => {
                let (version, name) = (self.version, format!("{}.0", self.version));
                // What runs between two releases has a number that is none.
                let major = if version == BETWEEN { json!(format!("saas~{version}")) } else { json!(version) };
                Reply::ok(&json!({ "version_info": [major, 0, 0, "final", 0, ""], "version": name }))
            }
            _ if self.version < 19 => self.rpc(request),
            _ => self.json2(request),
        }
    }

    /// For a product the price of one piece by the rules of the pricelist, as `_get_applicable_rules` chooses.
    fn live(&self, external: &str) -> Option<i64> {
        let id: i64 = external.parse().ok()?;
        let now = "2026-06-01 00:00:00";
        let applies = |rule: &Rule| {
            rule.product == id
                && rule.least <= 1.0
                && rule.start.as_str().is_none_or(|start| start <= now)
                && rule.end.as_str().is_none_or(|end| end >= now)
        };
        let rule = self.in_order().into_iter().find(|(_, rule)| applies(rule)).map(|(_, rule)| &rule.price);
        let price = self.templates.get(&id).or(rule)?;
        omniprice::money::Money::parse(&price.to_string(), Currency::EUR).ok().map(|price| price.minor())
    }
}

fn judge() -> Judge {
    Judge::new("odoo").without_schema()
}

async fn open(version: i64, table: &str) -> Bench<Server> {
    Bench::open(Server::new(version), judge(), table).await
}

macro_rules! both_ways {
    ($($name:ident,)+) => {
        mod by_rpc { $(#[tokio::test] async fn $name() { super::$name(17).await; })+ }
        mod by_json2 { $(#[tokio::test] async fn $name() { super::$name(super::BETWEEN - 1).await; })+ }
        mod between_releases { $(#[tokio::test] async fn $name() { super::$name(super::BETWEEN).await; })+ }
    };
}

both_ways![
    sales_prices_travel_one_by_one,
    a_template_of_several_variants_or_in_another_money_is_left_alone,
    a_pricelist_takes_many_prices_at_once,
    a_rule_with_dates_is_never_reused_and_never_proves,
    a_rule_that_computes_a_price_is_seen_and_becomes_ours,
    prices_keep_their_currency_and_their_digits,
    net_prices_have_the_decimals_that_the_server_keeps,
    the_probe_looks_at_rights_company_and_taxes,
    every_fault_has_its_class,
];

fn eur(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::EUR)
}

async fn sales_prices_travel_one_by_one(version: i64) {
    let bench = open(version, TABLE).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].external.as_str(), found[0].price.unwrap().minor().unwrap()), (1, "7", 4_990));
    let skus = ["LAMP", "KETTLE", "LAMP-RED"].map(str::to_owned);
    let found = bench.channel.find(&skus).await.unwrap();
    let shut = |sku: &str| found.iter().find(|one| one.sku == sku).unwrap().shut.as_deref();
    let why = "LAMP and LAMP-RED are variants of one template, which has one price; use a pricelist";
    assert_eq!([shut("LAMP"), shut("KETTLE"), shut("LAMP-RED")], [Some(why), None, Some(why)]);
    let results = bench.push(&[eur("7", 4_795), eur("99", 100), eur("9", 1_900)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(results[1].as_ref().unwrap_err().class, Class::Rejected);
    bench.proves(&eur("7", 4_795)).await;
    bench.proves(&eur("9", 1_900)).await;
    assert_eq!(bench.read("99").await.price, None);
}

async fn a_template_of_several_variants_or_in_another_money_is_left_alone(version: i64) {
    let bench = open(version, TABLE).await;
    // Its sibling is not asked for, as if it had no internal reference.
    let found = bench.channel.find(&["LAMP".to_owned(), "POT".to_owned()]).await.unwrap();
    let shut = |sku: &str| found.iter().find(|one| one.sku == sku).unwrap().shut.as_deref();
    let why = "LAMP is one of 2 variants of a template, which has one price; use a pricelist";
    assert_eq!((shut("LAMP"), shut("POT")), (Some(why), None));
    // A variant was added after its template was mapped.
    bench.double.with(|server| server.products.insert(91, Product { sku: "", template: 9, extra: 0.0 }));
    let results = bench.push(&[eur("9", 1_900), eur("7", 4_795)]).await;
    let error = results[0].as_ref().unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("one of 2 variants"), "{error}");
    assert!(results[1].is_ok(), "{results:?}");
    // The templates belong to a company with another money than the user's.
    bench.double.with(|server| server.priced = Some("DKK"));
    let error = bench.push_one(&eur("7", 4_895)).await.unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("priced in DKK there and in EUR here"), "{error}");
    let live = bench.double.with(|server| (server.templates[&7].clone(), server.templates[&9].clone()));
    assert_eq!(live, (json!(47.95), json!(20.0)), "what was refused was not written");
    let problems = bench.channel.probe().await.unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains("set currency = \"DKK\""), "{problems:?}");
    let danish = Server { priced: Some("DKK"), ..Server::new(version) };
    let bench = Bench::open(danish, judge(), &TABLE.replace("EUR", "DKK")).await;
    assert_eq!(
        bench.channel.probe().await.unwrap().problems,
        Vec::<String>::new(),
        "the user's company does not matter"
    );
    bench.push_one(&change("7", "SKU", 34_900, Currency::DKK)).await.unwrap();
}

async fn a_pricelist_takes_many_prices_at_once(version: i64) {
    let bench = open(version, &format!("{TABLE}pricelist = 3\n")).await;
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
    assert_eq!(bench.double.with(|server| server.rules.len()), 3, "the known rule was changed, two were made");
    let templates =
        bench.double.with(|server| server.rules.values().map(|rule| rule.template.clone()).collect::<Vec<_>>());
    assert_eq!(templates, [json!(false), json!(8), json!(8)], "a new rule names its template");
    let results = bench.push(&[eur("70", 4_295), eur("99", 100)]).await;
    assert!(results[0].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.class == Class::Rejected && error.message.contains("no product 99"), "{error}");
    bench.double.with(|server| server.rules.insert(9, rule(70, 1.0)));
    assert!(bench.read("70").await.refused.unwrap().contains("2 rules"));
}

/// The texts that a search shows before and after the day of these tests.
const PAST: &str = "2001-01-01 00:00:00";
const FUTURE: &str = "2999-01-01 00:00:00";

async fn a_rule_with_dates_is_never_reused_and_never_proves(version: i64) {
    let bench = open(version, &format!("{TABLE}pricelist = 3\n")).await;
    let dated = |start: &str, end: &str| {
        let date = |text: &str| if text.is_empty() { json!(false) } else { json!(text) };
        Rule { start: date(start), end: date(end), ..rule(80, 31.0) }
    };
    for (start, end, refused) in [("", PAST, false), (PAST, FUTURE, true), (FUTURE, "", true), (PAST, "", true)] {
        bench.double.with(|server| server.rules = [(4, dated(start, end))].into());
        bench.push_one(&eur("80", 3_100)).await.unwrap();
        let kept = bench.double.with(|server| (server.rules.len(), server.rules[&4].end.clone()));
        assert_eq!(kept.0, 2, "a rule of our own beside the one from {start} to {end}");
        let seen = bench.read("80").await;
        assert_eq!(seen.price.map(|price| price.minor().unwrap()), Some(3_100));
        assert_eq!(seen.refused.is_some(), refused, "{seen:?}");
        assert_eq!(seen.regular == Some(seen.price), refused, "the same price is no proof while a date may change it");
    }
    // The buyer pays by the rule that is first among those that apply.
    bench.double.with(|server| {
        server.rules = [(2, rule(80, 31.0)), (9, Rule { price: json!(19.0), ..dated(PAST, FUTURE) })].into()
    });
    let seen = bench.read("80").await;
    assert_eq!(seen.price.map(|price| price.minor().unwrap()), bench.double.live("80"));
    assert!(seen.refused.unwrap().contains("rule 9 of the pricelist, from 2001-01-01"));
    bench.double.with(|server| server.rules = [(9, dated(FUTURE, ""))].into());
    assert_eq!(bench.read("80").await.price, None, "nothing applies yet");
}

async fn a_rule_that_computes_a_price_is_seen_and_becomes_ours(version: i64) {
    let bench = open(version, &format!("{TABLE}pricelist = 3\n")).await;
    let percentage = || Rule { compute: "percentage", ..rule(70, 45.0) };
    bench.double.with(|server| server.rules.insert(5, percentage()));
    let seen = bench.read("70").await;
    assert_eq!(seen.price, None, "its stale fixed price is what nobody pays");
    assert!(seen.refused.unwrap().contains("rule 5 of the pricelist computes"));
    bench.push_one(&eur("70", 4_395)).await.unwrap();
    let first = bench.double.with(|server| server.rules[&5].clone());
    assert_eq!((first.compute, first.price), ("fixed", json!(43.95)), "the first rule in the server's order");
    assert_eq!(bench.double.live("70"), Some(4_395));
    bench.double.with(|server| server.rules.remove(&1));
    bench.proves(&eur("70", 4_395)).await;
    // Rules for larger quantities come first in the server's order and do not apply to one piece.
    bench.double.with(|server| server.rules.insert(6, Rule { least: 12.0, ..rule(70, 39.0) }));
    bench.proves(&eur("70", 4_395)).await;
}

async fn the_probe_looks_at_rights_company_and_taxes(version: i64) {
    let probe = async |server: Server, table: &str| Bench::open(server, judge(), table).await.channel.probe().await;
    let problems = async |server: Server, table: &str| probe(server, table).await.unwrap().problems;
    let list = format!("{TABLE}pricelist = 3\n");
    for table in [TABLE, &list] {
        assert_eq!(
            problems(Server::new(version), table).await,
            Vec::<String>::new(),
            "the first company's USD is not ours"
        );
    }
    assert!(
        problems(Server { currency: "SEK", ..Server::new(version) }, TABLE).await[0].contains("currency = \"SEK\"")
    );
    for (locked, table) in
        [("product.template", TABLE), ("product.pricelist", &list), ("product.pricelist.item", &list)]
    {
        for methods in [["check_access_rights"].as_slice(), ["has_access"].as_slice()] {
            let said = problems(Server { locked, methods, ..Server::new(version) }, table).await;
            assert!(said.len() == 1 && said[0].contains(&format!("may not write {locked};")), "{said:?}");
        }
    }
    let silent = probe(Server { methods: &[], ..Server::new(version) }, TABLE).await.unwrap();
    assert!(silent.problems.is_empty() && silent.notes[0].contains("does not tell whether"), "{silent:?}");
    let gross = problems(Server { included: Some(true), ..Server::new(version) }, TABLE).await;
    assert!(gross.len() == 1 && gross[0].contains("tax = \"gross\""), "{gross:?}");
    let unknown = probe(Server { included: None, ..Server::new(version) }, TABLE).await.unwrap();
    assert!(unknown.problems.is_empty() && unknown.notes[0].contains("by hand"), "{unknown:?}");
    let error = probe(Server::new(version), &TABLE.replace("'shop'", "'shoop'")).await.unwrap_err();
    assert!(error.class == Class::Refused && error.message.contains("`database`"), "{error}");
}

async fn every_fault_has_its_class(version: i64) {
    let says = |name: &str| {
        let reply = Server::failure(name);
        Fault::Answer(if version < 19 { reply } else { bare(&reply) })
    };
    let unsaid = if version < 19 { json!({ "jsonrpc": "2.0", "result": false }) } else { json!(false) };
    let mut rows = Row::wire();
    rows.extend([
        Row::new("dead key", says("odoo.exceptions.AccessDenied"), Expect::Refused, false),
        Row::new("missing right", says("odoo.exceptions.AccessError"), Expect::Forbidden, false),
        Row::new("bad number", says("builtins.ValueError"), Expect::Rejected, false),
        Row::new("rolled back", says("psycopg2.errors.SerializationFailure"), Expect::Retry, false),
        Row::new("something broke", says("builtins.KeyError"), Expect::Unknown, false),
        Row::new("it does not say that it wrote", Fault::Answer(Reply::ok(&unsaid)), Expect::Unknown, false),
        Row::new(
            "429 of a proxy",
            Fault::Answer(Reply::text(429, "").header("retry-after", 2)),
            Expect::RetryAfter(2_000),
            false,
        ),
    ]);
    double::suffer(rows, &eur("7", 4_795), async || open(version, TABLE).await).await;
    double::nobody_home(TABLE, &eur("7", 4_795)).await;
    assert_eq!(open(version, TABLE).await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let lost = open(version, &format!("{TABLE}pricelist = 4\n")).await;
    assert!(lost.channel.probe().await.unwrap().problems[0].contains("no such pricelist"));
    let dead = open(version, &TABLE.replace("k1", "dead")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn a_server_that_is_upgraded_is_spoken_to_by_its_new_way_within_the_hour() {
    let clock = Clock::manual(Millis(1_780_000_000_000));
    let bench = Bench::open_at(Server::new(17), judge(), TABLE, clock.clone()).await;
    bench.push_one(&eur("7", 4_795)).await.unwrap();
    bench.double.with(|server| server.version = 17 + 2);
    clock.advance(61 * Millis::MINUTE);
    bench.push_one(&eur("7", 4_695)).await.unwrap();
    bench.proves(&eur("7", 4_695)).await;
    let paths: Vec<String> = bench.double.written().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/jsonrpc", "/json/2/product.template/write"]);
    let asked = bench.double.requests().iter().filter(|request| request.path == "/web/version").count();
    assert_eq!(asked, 2, "not before every call");
}
