//! Medusa 2: a write replaces all prices of a variant, overlapping writes multiply them, and sales are price lists.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, AT, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'medusa'\nurl = '{url}'\napi_key = 'sk_1'\npublishable_key = 'pk_1'\nregion = 'reg_dk'\ncurrency = 'DKK'\ntax = 'gross'\n";

#[derive(Clone)]
struct Shop {
    /// Variant to SKU, product and prices.
    variants: BTreeMap<&'static str, (&'static str, &'static str, Vec<Value>)>,
    lists: Vec<Value>,
    next_id: u64,
    /// The shop's clock, which decides what a shopper pays.
    now: Millis,
    /// The next write meets another one: its rows stay beside the new ones.
    overlap: bool,
}

impl Shop {
    fn new() -> Self {
        let price = |code: &str, amount: f64| json!({ "id": format!("price_{code}"), "currency_code": code, "amount": amount, "min_quantity": null, "max_quantity": null, "rules": {} });
        let prices = |dkk: f64| {
            let mut grouped = price("dkk", 450.0);
            grouped["rules"] = json!({ "region_id": "reg_club" });
            vec![price("eur", 66.5), price("dkk", dkk), grouped]
        };
        let variants = [
            ("variant_1", ("KETTLE", "prod_1", prices(499.0))),
            ("variant_2", ("LAMP", "prod_1", prices(349.0))),
            ("variant_3", ("VASE", "prod_2", prices(99.0))),
        ];
        Self { variants: variants.into(), lists: vec![], next_id: 0, now: AT.plus(Millis::DAY), overlap: false }
    }

    fn held(&self, id: &str) -> Value {
        let (sku, product, prices) = &self.variants[id];
        json!({ "id": id, "sku": sku, "product_id": product, "prices": prices })
    }

    fn update(&mut self, product: &str, items: &[Value]) -> Reply {
        for item in items {
            let id = item["id"].as_str().unwrap();
            if self.variants.get(id).is_none_or(|(_, own, _)| *own != product) {
                let body =
                    json!({ "type": "invalid_data", "message": format!("Product variant with id \"{id}\" not found") });
                return Reply::json(400, &body);
            }
        }
        for item in items {
            let rows: Vec<Value> = item["prices"].as_array().unwrap().iter().map(|price| {
                self.next_id += 1;
                let rules = price["rules"].as_object().cloned().unwrap_or_default();
                json!({ "id": format!("price_{}", self.next_id), "currency_code": price["currency_code"], "amount": price["amount"],
                    "min_quantity": price["min_quantity"], "max_quantity": price["max_quantity"], "rules": rules })
            }).collect();
            let prices = &mut self.variants.get_mut(item["id"].as_str().unwrap()).unwrap().2;
            if !self.overlap {
                prices.clear();
            }
            prices.extend(rows);
        }
        self.overlap = false;
        Reply::ok(
            &json!({ "created": [], "updated": items.iter().map(|item| json!({ "id": item["id"] })).collect::<Vec<_>>(), "deleted": { "ids": [] } }),
        )
    }

    fn list_row(&mut self, price: &Value) -> Value {
        self.next_id += 1;
        json!({ "id": format!("price_{}", self.next_id), "variant_id": price["variant_id"], "currency_code": price["currency_code"],
            "amount": price["amount"], "min_quantity": null, "max_quantity": null })
    }

    fn new_list(&mut self, body: &Value) -> Reply {
        let mut list = body.clone();
        list["id"] = json!(format!("plist_{}", self.lists.len() + 1));
        list["prices"] = body["prices"].as_array().unwrap().iter().map(|price| self.list_row(price)).collect();
        self.lists.push(list.clone());
        Reply::ok(&json!({ "price_list": list }))
    }

    fn change_list(&mut self, id: &str, body: &Value) -> Reply {
        let items = |key: &str| body[key].as_array().cloned().unwrap_or_default();
        let created: Vec<Value> = items("create").iter().map(|price| self.list_row(price)).collect();
        let Some(list) = self.lists.iter_mut().find(|list| list["id"] == id) else {
            return Reply::json(404, &json!({ "type": "not_found", "message": "Price list not found" }));
        };
        let prices = list["prices"].as_array_mut().unwrap();
        for update in items("update") {
            let Some(own) = prices.iter_mut().find(|price| price["id"] == update["id"]) else {
                return Reply::json(404, &json!({ "message": "Price not found" }));
            };
            own["amount"] = update["amount"].clone();
        }
        prices.retain(|price| !items("delete").contains(&price["id"]));
        prices.extend(created);
        Reply::ok(
            &json!({ "created": [], "updated": [], "deleted": { "ids": body["delete"], "object": "price", "deleted": true } }),
        )
    }

    /// What a shopper pays: the lowest of the base rows, lowered by active sales; and the price without sales.
    fn calculated(&self, id: &str) -> Option<(f64, f64)> {
        let plain = |price: &&Value| {
            price["currency_code"] == "dkk" && price["rules"].as_object().is_none_or(serde_json::Map::is_empty)
        };
        let amount = |price: &Value| price["amount"].as_f64().unwrap();
        let base = self.variants.get(id)?.2.iter().filter(plain).map(amount).reduce(f64::min)?;
        let active = self.lists.iter().filter(|list| {
            let at = |key: &str| list[key].as_str().map(|text| Millis::from(text.parse::<jiff::Timestamp>().unwrap()));
            at("starts_at").is_none_or(|start| start <= self.now) && at("ends_at").is_none_or(|end| self.now < end)
        });
        let rows = active.flat_map(|list| list["prices"].as_array().unwrap().clone());
        let sale = rows
            .filter(|row| row["variant_id"] == id && row["currency_code"] == "dkk")
            .map(|row| amount(&row))
            .reduce(f64::min);
        Some((sale.map_or(base, |sale| sale.min(base)), base))
    }

    fn shop(&self) -> Reply {
        let variants: Vec<Value> = self.variants.keys().map(|id| {
            let (now, base) = self.calculated(id).unwrap();
            json!({ "id": id, "calculated_price": { "calculated_amount": now, "original_amount": base, "currency_code": "dkk" } })
        }).collect();
        Reply::ok(&json!({ "products": [{ "id": "prod_1", "variants": variants }] }))
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST" && request.text().contains("\"amount\"")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path.starts_with("/store") {
            let good = request.header("x-publishable-api-key") == "pk_1";
            return if good {
                self.shop()
            } else {
                Reply::json(
                    400,
                    &json!({ "message": "A valid publishable key is required to proceed with the request" }),
                )
            };
        }
        if request.header("authorization") != "Basic c2tfMTo=" {
            return Reply::json(401, &json!({ "message": "Unauthorized" }));
        }
        let path = request.path.clone();
        let parts: Vec<&str> = path.trim_start_matches("/admin/").split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["product-variants"]) => {
                let (ids, skus) = (request.params("id[]"), request.params("sku[]"));
                let own = self
                    .variants
                    .iter()
                    .filter(|(id, (sku, ..))| ids.contains(id) || skus.contains(sku))
                    .map(|(id, _)| id);
                Reply::ok(&json!({ "variants": own.map(|id| self.held(id)).collect::<Vec<_>>() }))
            }
            ("POST", ["products", product, "variants", "batch"]) => {
                self.update(product, request.json()["update"].as_array().unwrap())
            }
            ("GET", ["price-lists"]) => {
                // Prices, and the variants that they belong to, come only to who asks for them.
                let asked = request.query["fields"].contains("prices.price_set.variant.id");
                let bare = |list: &Value| json!({ "id": list["id"], "title": list["title"] });
                let shown: Vec<Value> =
                    self.lists.iter().map(|list| if asked { list.clone() } else { bare(list) }).collect();
                Reply::ok(&json!({ "price_lists": shown }))
            }
            ("POST", ["price-lists"]) => self.new_list(&request.json()),
            ("POST", ["price-lists", id, "prices", "batch"]) => self.change_list(id, &request.json()),
            ("GET", ["regions", "reg_dk"]) => {
                Reply::ok(&json!({ "region": { "id": "reg_dk", "name": "Danmark", "currency_code": "dkk" } }))
            }
            ("GET", ["price-preferences"]) => Reply::ok(
                &json!({ "price_preferences": [{ "attribute": "currency_code", "value": "dkk", "is_tax_inclusive": true }] }),
            ),
            _ => Reply::json(404, &json!({ "type": "not_found", "message": "not found" })),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let (now, _) = self.calculated(external.split_once('/')?.1)?;
        format!("{now:.2}").replace('.', "").parse().ok()
    }
}

fn judge() -> Judge {
    let file = "medusa-price.json";
    let variants = ("POST", "/admin/products/{product}/variants/batch");
    let schema = |name: &str| format!("/components/schemas/{name}");
    Judge::new("medusa")
        // The document of 2.0.0 forgets `id` of an updated variant, so the prices are judged by themselves.
        .part(variants, "/update/*/prices/*", file, &schema("AdminCreateProductVariantPrice"))
        .part(("POST", "/admin/price-lists"), "", file, &schema("AdminCreatePriceList"))
        .part(
            ("POST", "/admin/price-lists/{id}/prices/batch"),
            "",
            file,
            "/paths/~1admin~1price-lists~1{id}~1prices~1batch/post/requestBody/content/application~1json/schema",
        )
}

async fn open() -> Bench<Shop> {
    Bench::open(Shop::new(), judge(), TABLE).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn a_write_takes_the_other_prices_along() {
    let bench = open().await;
    let found = bench.channel.find(&["KETTLE".to_owned()]).await.unwrap();
    assert!(found.iter().any(|one| one.sku == "KETTLE"
        && one.external == "prod_1/variant_1"
        && one.price.unwrap().minor().unwrap() == 49_900));
    let changes = [dkk("prod_1/variant_1", 47_950), dkk("prod_2/variant_3", 8_900), dkk("prod_1/variant_2", 32_900)];
    for result in bench.push(&changes).await {
        result.unwrap();
    }
    assert_eq!(bench.double.written().len(), 2, "one call per product");
    for change in &changes {
        bench.proves(change).await;
    }
    bench.double.with(|shop| {
        let rows: Vec<String> = shop.variants["variant_1"]
            .2
            .iter()
            .map(|p| format!("{} {} {}", p["currency_code"], p["amount"], p["rules"]))
            .collect();
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows.iter().any(|row| row == "\"eur\" 66.5 {}"), "{rows:?}");
        assert!(rows.iter().any(|row| row.contains("450") && row.contains("reg_club")), "{rows:?}");
    });
    let results = bench.push(&[dkk("prod_1/variant_404", 100), dkk("prod_1/variant_1", 46_900)]).await;
    assert_eq!(results[0].as_ref().unwrap_err().class, Class::Rejected);
    assert!(results[1].is_ok(), "{results:?}");
    assert_eq!(bench.read("prod_9/variant_9").await.price, None);
}

#[tokio::test]
async fn a_price_with_more_decimals_is_there_and_proves_nothing() {
    let bench = open().await;
    let own = dkk("prod_1/variant_1", 49_900);
    bench.proves(&own).await;
    bench.double.with(|shop| shop.variants.get_mut("variant_1").unwrap().2[1]["amount"] = json!(499.0012));
    let seen = bench.read("prod_1/variant_1").await;
    assert_eq!((seen.price, seen.regular), (Some(own.price), Some(Some(own.price))), "not gone, and not proved");
    let found = bench.channel.find(&["KETTLE".to_owned()]).await.unwrap();
    assert_eq!(found[0].price, Some(own.price));
    bench.push_one(&own).await.unwrap();
    bench.proves(&own).await;
}

#[tokio::test]
async fn sales_are_price_lists_that_end_by_themselves() {
    let bench = open().await;
    let sale = on_sale(dkk("prod_1/variant_1", 39_900), 47_900);
    bench.push(&[sale.clone(), dkk("prod_1/variant_2", 32_900)]).await.into_iter().for_each(|result| {
        result.unwrap();
    });
    bench.proves(&sale).await;
    bench.proves(&dkk("prod_1/variant_2", 32_900)).await;
    // The same window again: the row is updated, not doubled.
    let lower = on_sale(dkk("prod_1/variant_1", 38_900), 47_900);
    bench.push_one(&lower).await.unwrap();
    bench.proves(&lower).await;
    bench.double.with(|shop| {
        assert_eq!((shop.lists.len(), shop.lists[0]["prices"].as_array().unwrap().len()), (1, 1));
        shop.now = AT.plus(11 * Millis::DAY);
    });
    assert_eq!(bench.double.live("prod_1/variant_1"), Some(47_900), "over, without anybody");
    // Another window takes the price out of the old list.
    bench.double.with(|shop| shop.now = AT.plus(Millis::DAY));
    let mut other = lower.clone();
    other.sale.as_mut().unwrap().ends_at = None;
    bench.push_one(&other).await.unwrap();
    bench.proves(&other).await;
    // Cleared: the row is deleted from our lists; a list of the merchant's stays.
    bench.double.with(|shop| shop.lists.push(json!({ "id": "plist_m", "title": "Black Friday", "prices": [{ "id": "price_m", "variant_id": "variant_3", "currency_code": "dkk", "amount": 1 }] })));
    bench.push_one(&dkk("prod_1/variant_1", 46_900)).await.unwrap();
    bench.proves(&dkk("prod_1/variant_1", 46_900)).await;
    bench.push_one(&dkk("prod_2/variant_3", 8_900)).await.unwrap();
    bench.double.with(|shop| {
        let left: Vec<usize> = shop.lists.iter().map(|list| list["prices"].as_array().unwrap().len()).collect();
        assert_eq!(left, [0, 0, 1]);
    });
}

#[tokio::test]
async fn rows_that_overlapping_writes_left_are_told_and_healed() {
    let bench = open().await;
    bench.double.with(|shop| shop.overlap = true);
    bench.push_one(&dkk("prod_1/variant_1", 51_900)).await.unwrap();
    let seen = bench.read("prod_1/variant_1").await;
    assert_eq!(seen.price.unwrap().minor().unwrap(), 49_900, "the shopper pays the lowest");
    assert!(seen.disputed.unwrap().contains("2 prices in DKK"));
    bench.push_one(&dkk("prod_1/variant_1", 51_900)).await.unwrap();
    bench.proves(&dkk("prod_1/variant_1", 51_900)).await;
    let rows = bench.double.with(|shop| shop.variants["variant_1"].2.len());
    assert_eq!(rows, 3, "the copies of the euro price and of the club's price are gone too");
    // Copies of one price are no dispute: the shopper pays ours whichever is taken.
    bench.double.with(|shop| shop.overlap = true);
    bench.push_one(&dkk("prod_1/variant_1", 51_900)).await.unwrap();
    bench.proves(&dkk("prod_1/variant_1", 51_900)).await;
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    let invalid = json!({ "type": "invalid_data", "message": "Expected type: 'number'" });
    rows.extend([
        Row::new(
            "429 of a proxy",
            Fault::Answer(Reply::text(429, "").header("retry-after", 1)),
            Expect::RetryAfter(1_000),
            false,
        ),
        Row::new(
            "revoked key",
            Fault::Answer(Reply::json(401, &json!({ "message": "Unauthorized" }))),
            Expect::Refused,
            false,
        ),
        Row::new("invalid amount", Fault::Answer(Reply::json(400, &invalid)), Expect::Rejected, false),
    ]);
    double::suffer(rows, &dkk("prod_1/variant_1", 47_900), open).await;
    double::nobody_home(TABLE, &dkk("prod_1/variant_1", 47_900)).await;

    // The base price is written, the list is not: only a look tells.
    let bench = open().await;
    let sale = on_sale(dkk("prod_1/variant_1", 39_900), 47_900);
    bench.double.fail_write(Fault::Answer(Reply::ok(&json!({ "updated": [] }))));
    bench.double.fail_write(Fault::Answer(Reply::json(400, &invalid)));
    assert_eq!(bench.push_one(&sale).await.unwrap_err().class, Class::Unknown);
}

#[tokio::test]
async fn the_probe_says_what_to_mend() {
    assert_eq!(open().await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = Bench::open(
        Shop::new(),
        judge(),
        &TABLE.replace("DKK", "SEK").replace("gross", "net").replace("pk_1", "pk_dead"),
    )
    .await;
    let problems = odd.channel.probe().await.unwrap().problems.join("\n");
    assert!(problems.contains("currency = \"DKK\"") && problems.contains("publishable_key"), "{problems}");
    let net = Bench::open_at(Shop::new(), judge(), &TABLE.replace("gross", "net"), Clock::manual(AT)).await;
    let problems = net.channel.probe().await.unwrap().problems.join("\n");
    assert!(problems.contains("tax = \"gross\"") && problems.contains("clock"), "{problems}");
    let lost = Bench::open(Shop::new(), judge(), &TABLE.replace("reg_dk", "reg_x")).await;
    assert!(lost.channel.probe().await.unwrap().problems[0].contains("no region reg_x"));
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("sk_1", "sk_dead")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn two_channels_on_one_shop_write_a_product_in_turn() {
    double::takes_turns(&open().await, TABLE, "/", "prod_1", &dkk("prod_1/variant_1", 47_900)).await;
}
