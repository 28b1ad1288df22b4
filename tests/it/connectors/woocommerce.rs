//! WooCommerce, as version 7.9 behaved: it eats locale numbers, drops sales silently and fails items behind 200.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'woocommerce'\nurl = '{url}'\nconsumer_key = 'ck_1'\nconsumer_secret = 'cs_1'\ncurrency = 'DKK'\ntax = 'gross'\n";
const BASE: &str = "/wp-json/wc/v3";

#[derive(Clone)]
struct Product {
    sku: &'static str,
    /// The variable product above a variation.
    parent: Option<u64>,
    variable: bool,
    regular: String,
    sale: String,
}

#[derive(Clone)]
struct Shop {
    products: BTreeMap<u64, Product>,
    /// What a host allows per batch.
    most: usize,
    /// A plug-in that rewrites prices on their way into the database.
    eats_points: bool,
    settings: bool,
}

impl Shop {
    fn new() -> Self {
        let product = |sku, parent, variable, regular: &str| Product {
            sku,
            parent,
            variable,
            regular: regular.to_owned(),
            sale: String::new(),
        };
        let products = [
            (7, product("KETTLE", None, false, "499.00")),
            (8, product("LAMP", None, false, "349")),
            (30, product("SHIRT", None, true, "")),
            (31, product("SHIRT-S", Some(30), false, "99.00")),
            (32, product("SHIRT-M", Some(30), false, "99.00")),
        ];
        Self { products: products.into(), most: 100, eats_points: false, settings: true }
    }

    fn show(&self, id: u64, product: &Product) -> Value {
        let price = if product.sale.is_empty() { &product.regular } else { &product.sale };
        let kind = match product {
            Product { variable: true, .. } => "variable",
            Product { parent: Some(_), .. } => "variation",
            _ => "simple",
        };
        json!({ "id": id, "sku": product.sku, "type": kind, "parent_id": product.parent.unwrap_or(0), "price": price,
            "regular_price": product.regular, "sale_price": product.sale, "on_sale": !product.sale.is_empty() })
    }

    /// Digits and points stay, the rest goes: "12,50" is 1250.
    fn stored(&self, text: &str) -> String {
        text.chars().filter(|c| c.is_ascii_digit() || (*c == '.' && !self.eats_points)).collect()
    }

    fn batch(&mut self, parent: Option<u64>, items: &[Value]) -> Reply {
        if items.len() > self.most {
            let body = json!({ "code": "woocommerce_rest_request_entity_too_large", "message": "Unable to accept more than this many items for this request.", "data": { "status": 413 } });
            return Reply::json(413, &body);
        }
        let mut done = vec![];
        for item in items {
            let id = item["id"].as_u64().unwrap();
            let (regular, sale) = (
                self.stored(item["regular_price"].as_str().unwrap()),
                self.stored(item["sale_price"].as_str().unwrap()),
            );
            match self.products.get_mut(&id).filter(|product| product.parent == parent) {
                Some(product) => {
                    if !product.variable {
                        // A sale that is no reduction is dropped without a word.
                        let number = |text: &str| text.replace('.', "").parse::<u64>().unwrap_or(0);
                        product.sale = if number(&sale) < number(&regular) { sale } else { String::new() };
                        product.regular = regular;
                    }
                    let product = product.clone();
                    done.push(self.show(id, &product));
                }
                None => done.push(json!({ "id": id, "error": { "code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": { "status": 400 } } })),
            }
        }
        Reply::ok(&json!({ "update": done }))
    }

    fn list(&self, parent: Option<u64>, query: &BTreeMap<String, String>) -> Reply {
        let ids: Option<Vec<u64>> =
            query.get("include").map(|list| list.split(',').map(|id| id.parse().unwrap()).collect());
        let skus: Option<Vec<&str>> = query.get("sku").map(|list| list.split(',').collect());
        let own = self.products.iter().filter(|(id, product)| match (&ids, &skus) {
            (Some(ids), _) => ids.contains(id) && product.parent == parent,
            (_, Some(skus)) => skus.contains(&product.sku),
            _ => false,
        });
        Reply::ok(&own.map(|(id, product)| self.show(*id, product)).collect())
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("authorization") != "Basic Y2tfMTpjc18x" {
            let body = json!({ "code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources.", "data": { "status": 401 } });
            return Reply::json(401, &body);
        }
        let path = request.path.strip_prefix(BASE).unwrap_or("").to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let items = || request.json()["update"].as_array().cloned().unwrap_or_default();
        match parts.as_slice() {
            ["products", "batch"] => self.batch(None, &items()),
            ["products", parent, "variations", "batch"] => self.batch(parent.parse().ok(), &items()),
            ["products"] => self.list(None, &request.query),
            ["products", parent, "variations"] => self.list(parent.parse().ok(), &request.query),
            ["data", "currencies", "current"] => {
                Reply::ok(&json!({ "code": "DKK", "name": "Danish krone", "symbol": "kr." }))
            }
            ["settings", ..] if !self.settings => Reply::json(403, &json!({ "code": "woocommerce_rest_cannot_view" })),
            ["settings", "tax", _] => Reply::ok(&json!({ "id": "woocommerce_prices_include_tax", "value": "yes" })),
            ["settings", "general", _] => Reply::ok(&json!({ "id": "woocommerce_price_num_decimals", "value": "2" })),
            _ => Reply::json(404, &json!({ "code": "rest_no_route", "message": "No route was found" })),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let product = self.products.get(&external.rsplit('/').next()?.parse().ok()?)?;
        let price = if product.sale.is_empty() { &product.regular } else { &product.sale };
        omniprice::money::Money::parse(price, Currency::DKK).ok().map(omniprice::money::Money::minor)
    }
}

fn judge() -> Judge {
    let (whole, part) = ("woocommerce-batch.schema.json", "/update/*");
    let (products, variations) =
        (("POST", "/wp-json/wc/v3/products/batch"), ("POST", "/wp-json/wc/v3/products/{parent}/variations/batch"));
    Judge::new("woocommerce")
        .part(products, "", whole, "")
        .part(products, part, "woocommerce-product.v3.schema.json", "")
        .part(variations, "", whole, "")
        .part(variations, part, "woocommerce-product_variation.v3.schema.json", "")
}

async fn open() -> Bench<Shop> {
    Bench::open(Shop::new(), judge(), TABLE).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn products_and_variations_are_found_priced_and_proved() {
    let bench = open().await;
    let skus = ["KETTLE", "SHIRT-M", "SHIRT", "NOBODY", "A,B"].map(str::to_owned);
    let found = bench.channel.find(&skus).await.unwrap();
    let found: Vec<_> =
        found.iter().map(|one| (one.sku.as_str(), one.external.as_str(), one.price.unwrap().minor())).collect();
    assert_eq!(
        found,
        [("KETTLE", "7", 49_900), ("SHIRT-M", "30/32", 9_900)],
        "a variable parent has no price of its own"
    );

    let changes = [dkk("7", 47_900), dkk("30/31", 8_900), on_sale(dkk("8", 29_900), 34_900), dkk("30/32", 9_500)];
    for result in bench.push(&changes).await {
        result.unwrap();
    }
    assert_eq!(bench.double.written().len(), 2, "products, and the variations of one parent");
    for change in &changes {
        bench.proves(change).await;
    }
    // The sale ends by an empty text, also while the regular price falls below the old sale price.
    bench.push_one(&dkk("8", 28_000)).await.unwrap();
    let last = bench.double.written().last().unwrap().json();
    assert_eq!(last["update"][0]["sale_price"], "", "an empty text clears, zero is a price");
    bench.proves(&dkk("8", 28_000)).await;
    assert_eq!(bench.read("999").await.price, None);
    assert_eq!(bench.read("77/78").await.price, None);
}

#[tokio::test]
async fn items_fail_alone_behind_200() {
    let bench = open().await;
    let results = bench.push(&[dkk("7", 47_900), dkk("999", 100), dkk("8", 33_900)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(
        (error.class, error.message.as_str()),
        (Class::Rejected, "Invalid ID. (woocommerce_rest_product_invalid_id)")
    );
    // A host that allows two per batch: halves.
    bench.double.with(|shop| shop.most = 2);
    let results = bench.push(&[dkk("7", 46_900), dkk("8", 32_900), dkk("999", 100)]).await;
    assert!(results[0].is_ok() && results[1].is_ok() && results[2].is_err(), "{results:?}");
    assert_eq!((bench.double.live("7"), bench.double.live("8")), (Some(46_900), Some(32_900)));
}

#[tokio::test]
async fn a_price_that_the_shop_changed_on_its_way_in_is_noticed_at_once() {
    let bench = open().await;
    bench.double.with(|shop| shop.eats_points = true);
    let error = bench.push_one(&dkk("7", 47_900)).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
    assert!(error.message.contains("`47900`"), "{error}");
    // A price of a variable parent is accepted and ignored.
    let error = bench.push_one(&dkk("30", 9_900)).await.unwrap_err();
    assert_eq!(error.class, Class::Unknown, "{error}");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let item = |status: u64| json!({ "update": [{ "id": 7, "error": { "code": "c", "message": "m", "data": { "status": status } } }] });
    let dead = json!({ "code": "woocommerce_rest_authentication_error", "message": "Consumer secret is invalid." });
    let mut rows = Row::wire();
    rows.extend([
        Row::new(
            "a firewall's 429",
            Fault::Answer(Reply::text(429, "slow down").header("retry-after", 3)),
            Expect::RetryAfter(3_000),
            false,
        ),
        Row::new("508", Fault::Answer(Reply::text(508, "Resource Limit Is Reached")), Expect::Unknown, false),
        Row::new("dead key", Fault::Answer(Reply::json(401, &dead)), Expect::Refused, false),
        Row::new(
            "no API there",
            Fault::Answer(Reply::json(404, &json!({ "code": "rest_no_route" }))),
            Expect::Refused,
            false,
        ),
        Row::new(
            "bad JSON, says the shop",
            Fault::Answer(Reply::json(400, &json!({ "code": "rest_invalid_json", "message": "Invalid JSON" }))),
            Expect::Rejected,
            false,
        ),
        Row::new("item refused", Fault::Answer(Reply::ok(&item(400))), Expect::Rejected, false),
        Row::new("item without right", Fault::Answer(Reply::ok(&item(403))), Expect::Refused, false),
        Row::new("item broke the shop", Fault::Answer(Reply::ok(&item(500))), Expect::Unknown, false),
        Row::new("the envelope filtered away", Fault::Answer(Reply::ok(&json!([]))), Expect::Unknown, false),
    ]);
    double::suffer(rows, &dkk("7", 47_900), open).await;
    double::nobody_home(TABLE, &dkk("7", 47_900)).await;
    // A question that is lost changed nothing.
    let bench = open().await;
    for fault in [Fault::Lost, Fault::Answer(Reply::text(500, "oops")), Fault::Answer(Reply::text(200, "<html>"))] {
        bench.double.fail_any(fault);
        let error = bench.channel.read(&["7".to_owned()]).await.unwrap_err();
        assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    }
}

#[tokio::test]
async fn the_probe_says_what_to_mend_and_two_listings_are_no_match() {
    let bench = open().await;
    assert_eq!(bench.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = Bench::open(Shop::new(), judge(), &TABLE.replace("DKK", "EUR").replace("gross", "net")).await;
    let problems = odd.channel.probe().await.unwrap().problems.join("\n");
    assert!(problems.contains("currency = \"DKK\"") && problems.contains("tax = \"gross\""), "{problems}");
    bench.double.with(|shop| shop.settings = false);
    assert!(bench.channel.probe().await.unwrap().problems[0].contains("by hand"));
    bench.double.with(|shop| {
        let twin = shop.products[&7].clone();
        shop.products.insert(9, twin);
    });
    let error = bench.channel.find(&["KETTLE".to_owned()]).await.unwrap_err();
    assert!(error.message.contains("two listings, 7 and 9"), "{error}");
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("cs_1", "dead")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}
