//! BigCommerce: catalogue variants and price list records.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'bigcommerce'\napi_url = '{url}'\nstore_hash = 'abc1'\naccess_token = 't1'\ncurrency = 'DKK'\ntax = 'gross'\n";
const PREFIX: &str = "/stores/abc1/v3";

/// The base variant of a product without options.
const BASE: u64 = 9;

/// Price and sale price in minor units.
type Price = (i64, Option<i64>);

#[derive(Clone)]
struct Store {
    variants: BTreeMap<u64, (&'static str, Price)>,
    records: BTreeMap<u64, Price>,
    /// What records have beside their prices.
    beside: BTreeMap<u64, Value>,
    left: u32,
    deleted: usize,
    /// Writes to the price list that still go through, and what the next one is answered with.
    stumbles: Option<(u32, u16)>,
}

fn minor(value: &Value) -> i64 {
    omniprice::money::Money::parse(&value.to_string(), Currency::DKK).unwrap().minor()
}

fn major(minor: i64) -> Value {
    serde_json::from_str(&format!("{}.{:02}", minor / 100, minor % 100)).unwrap()
}

impl Store {
    fn new() -> Self {
        let variants =
            [(7, ("KETTLE", (49_900, None))), (8, ("LAMP", (34_900, None))), (BASE, ("SOAP", (4_900, None)))];
        Self {
            variants: variants.into(),
            records: [(7, (48_000, Some(45_000)))].into(),
            beside: [(7, Self::volume_prices())].into(),
            left: 149,
            deleted: 0,
            stumbles: None,
        }
    }

    fn volume_prices() -> Value {
        let tier = json!({ "quantity_min": 5, "quantity_max": null, "type": "fixed", "amount": 399.5 });
        json!({ "retail_price": 599, "map_price": 420.25, "bulk_pricing_tiers": [tier] })
    }

    fn show((price, sale): Price) -> Value {
        json!({ "price": major(price), "sale_price": sale.map(major), "calculated_price": major(sale.unwrap_or(price)) })
    }

    fn variant(&self, id: u64) -> Value {
        let (sku, price) = self.variants[&id];
        let mut shown = Self::show(price);
        (shown["id"], shown["product_id"], shown["sku"]) = (json!(id), json!(100 + id), json!(sku));
        shown
    }

    fn update(&mut self, items: &[Value]) -> Reply {
        if items.iter().any(|item| !self.variants.contains_key(&item["id"].as_u64().unwrap())) {
            return Reply::json(
                422,
                &json!({ "batch_errors": [{ "status": 422, "title": "Variant not found", "errors": {} }] }),
            );
        }
        for item in items {
            let price = (minor(&item["price"]), Some(&item["sale_price"]).filter(|sale| !sale.is_null()).map(minor));
            self.variants.get_mut(&item["id"].as_u64().unwrap()).unwrap().1 = price;
        }
        let ids = items.iter().map(|item| self.variant(item["id"].as_u64().unwrap())).collect::<Vec<_>>();
        Reply::ok(&json!({ "data": ids, "meta": {} }))
    }

    /// Good records are saved beside bad ones; a sale price that is not sent stays.
    fn upsert(&mut self, items: &[Value]) -> Reply {
        match &mut self.stumbles {
            Some((0, status)) => {
                let reply = Reply::json(*status, &json!({ "title": "no" }));
                self.stumbles = None;
                return reply;
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        let mut errors = vec![];
        for item in items {
            let id = item["variant_id"].as_u64().unwrap();
            if !self.variants.contains_key(&id) {
                errors.push(json!({ "data": item, "field_errors": { "variant_id": "invalid" } }));
                continue;
            }
            let beside = self.beside.entry(id).or_insert_with(|| json!({}));
            for key in ["retail_price", "map_price", "bulk_pricing_tiers"] {
                if let Some(value) = item.get(key) {
                    beside[key] = value.clone();
                    for tier in beside[key].as_array_mut().into_iter().flatten() {
                        let highest = tier.get("quantity_max").cloned();
                        tier["quantity_max"] = highest.unwrap_or_default();
                    }
                }
            }
            let record = self.records.entry(id).or_default();
            record.0 = minor(&item["price"]);
            if let Some(sale) = item.get("sale_price") {
                record.1 = Some(minor(sale));
            }
        }
        if errors.is_empty() { Reply::ok(&json!({})) } else { Reply::json(422, &json!({ "batch_errors": errors })) }
    }
}

impl Vendor for Store {
    fn writes(&self, request: &Request) -> bool {
        request.method == "PUT"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("x-auth-token") != "t1" {
            return Reply::json(
                401,
                &json!({ "status": 401, "title": "X-Auth-Token header is required", "type": "t", "detail": "" }),
            );
        }
        let path = request.path.strip_prefix(PREFIX).unwrap().to_owned();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let items = || request.json().as_array().cloned().unwrap_or_default();
        let ids = |key: &str| {
            request.query.get(key).map(|list| list.split(',').map(|id| id.parse::<u64>().unwrap()).collect::<Vec<_>>())
        };
        let reply = match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["catalog", "variants"]) => {
                // One filter takes one id, the other a list of them.
                if request.query.get("id").is_some_and(|id| id.parse::<u64>().is_err()) {
                    return Reply::json(422, &json!({ "status": 422, "title": "id must be an integer" }));
                }
                let (ids, sku) = (ids("id").or_else(|| ids("id:in")), request.query.get("sku"));
                let own = self.variants.iter().filter(|(id, (own, _))| {
                    // The base variant of a product without options is not found by a SKU.
                    let by_sku = sku.is_none_or(|sku| sku == own && **id != BASE);
                    ids.as_ref().is_none_or(|ids| ids.contains(id)) && by_sku
                });
                Reply::ok(&json!({ "data": own.map(|(id, _)| self.variant(*id)).collect::<Vec<_>>() }))
            }
            ("PUT", ["catalog", "variants"]) => self.update(&items()),
            ("GET", ["catalog", "products"]) => {
                let sku = request.query["sku"].as_str();
                let own = self.variants.iter().filter(|(id, (own, _))| **id == BASE && *own == sku);
                let product = |(id, (sku, _)): (&u64, &(&str, Price))| {
                    let variants = (request.query.get("include").is_some_and(|with| with == "variants"))
                        .then(|| vec![self.variant(*id)]);
                    json!({ "id": 100 + id, "sku": sku, "base_variant_id": id, "variants": variants.unwrap_or_default() })
                };
                // A product with options has no variant of its own SKU.
                let options =
                    json!({ "id": 1, "sku": "SHIRT", "base_variant_id": null, "variants": [self.variant(7)] });
                let with_options = (sku == "SHIRT").then_some(options);
                Reply::ok(&json!({ "data": own.map(product).chain(with_options).collect::<Vec<_>>() }))
            }
            ("GET", ["pricelists", "5"]) => Reply::ok(&json!({ "data": { "id": 5, "name": "B2B", "active": false } })),
            ("GET", ["pricelists", "5", "records"]) => {
                let wanted = ids("variant_id:in").unwrap();
                let own = self.records.iter().filter(|(id, _)| wanted.contains(id)).map(|(id, price)| {
                    let mut shown = Self::show(*price);
                    (shown["variant_id"], shown["currency"]) = (json!(id), json!("dkk"));
                    let tiers = request.query.get("include").is_some_and(|with| with == "bulk_pricing_tiers");
                    for (key, value) in self.beside.get(id).and_then(Value::as_object).into_iter().flatten() {
                        if tiers || key != "bulk_pricing_tiers" {
                            shown[key] = value.clone();
                        }
                    }
                    shown
                });
                Reply::ok(&json!({ "data": own.collect::<Vec<_>>() }))
            }
            ("PUT", ["pricelists", "5", "records"]) => self.upsert(&items()),
            ("DELETE", ["pricelists", "5", "records", id, "dkk"]) => {
                self.records.remove(&id.parse::<u64>().unwrap());
                self.beside.remove(&id.parse::<u64>().unwrap());
                self.deleted += 1;
                Reply::text(204, "")
            }
            _ => Reply::json(404, &json!({ "status": 404, "title": "Not found" })),
        };
        reply
            .header("x-rate-limit-requests-left", self.left)
            .header("x-rate-limit-requests-quota", 150)
            .header("x-rate-limit-time-window-ms", 30_000)
            .header("x-rate-limit-time-reset-ms", 12_000)
    }

    fn live(&self, external: &str) -> Option<i64> {
        let (price, sale) = self.variants.get(&external.parse().ok()?)?.1;
        Some(sale.unwrap_or(price))
    }
}

fn judge() -> Judge {
    Judge::new("bigcommerce")
        .openapi(PREFIX, "bigcommerce-catalog-variants.json")
        .openapi(PREFIX, "bigcommerce-price-lists.yml")
}

async fn with(judge: &Judge, table: &str) -> Bench<Store> {
    Bench::open(Store::new(), judge.clone(), table).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn catalogue_prices_are_found_written_proved_and_their_sales_ended() {
    let bench = with(&judge(), TABLE).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!((found.len(), found[0].external.as_str(), found[0].price.unwrap().minor().unwrap()), (1, "7", 49_900));
    let changes = [on_sale(dkk("7", 47_950), 59_900), dkk("8", 32_900)];
    for result in bench.push(&changes).await {
        result.unwrap();
    }
    for change in &changes {
        bench.proves(change).await;
    }
    bench.push_one(&dkk("7", 47_950)).await.unwrap();
    assert_eq!(bench.double.written().last().unwrap().json()[0]["sale_price"], Value::Null, "zero would be free");
    bench.proves(&dkk("7", 47_950)).await;
    assert_eq!(bench.read("99").await.price, None);
    // The catalogue refuses a batch whole and names nobody.
    let results = bench.push(&[dkk("7", 46_900), dkk("99", 100), dkk("8", 31_900)]).await;
    assert_eq!(results[1].as_ref().unwrap_err().class, Class::Rejected);
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!((bench.double.live("7"), bench.double.live("8")), (Some(46_900), Some(31_900)));
}

#[tokio::test]
async fn a_price_list_has_records_whose_sales_end_by_deletion() {
    let judge = judge();
    let table = format!("{TABLE}price_list = 5\n");
    let bench = with(&judge, &table).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned()]).await.unwrap();
    assert_eq!((found[0].price.unwrap().minor().unwrap(), found[1].price), (45_000, None));
    // The record has a sale that an upsert would keep.
    bench.push_one(&dkk("7", 46_000)).await.unwrap();
    bench.proves(&dkk("7", 46_000)).await;
    bench.double.with(|store| assert_eq!((store.deleted, &store.beside[&7]), (1, &Store::volume_prices())));
    let sale = on_sale(dkk("8", 29_900), 34_900);
    let results = bench.push(&[sale.clone(), dkk("99", 100), dkk("7", 45_500)]).await;
    let classes: Vec<Class> = results.into_iter().map(|result| result.unwrap_err().class).collect();
    assert_eq!(classes, [Class::Unknown, Class::Rejected, Class::Unknown], "good records may have been saved");
    bench.proves(&sale).await;
    bench.proves(&dkk("7", 45_500)).await;
    assert_eq!(bench.double.with(|store| store.deleted), 1, "no sale, nothing to delete");
    let probe = bench.channel.probe().await.unwrap();
    assert!(probe.problems.len() == 1 && probe.problems[0].contains("switched off"), "{probe:?}");
    assert!(probe.notes[0].contains("compare tax"), "{probe:?}");
    let lost = with(&judge, &format!("{TABLE}price_list = 6\n")).await;
    assert!(lost.channel.probe().await.unwrap().problems[0].contains("no price list 6"));
}

#[tokio::test]
async fn a_record_that_was_deleted_for_its_sale_comes_back_whatever_happens_in_between() {
    let table = format!("{TABLE}price_list = 5\n");
    // A price that the store does not take leaves the record as it was.
    let bench = with(&judge(), &table).await;
    bench.double.with(|store| store.stumbles = Some((0, 400)));
    assert_eq!(bench.push_one(&dkk("7", 46_000)).await.unwrap_err().class, Class::Rejected);
    bench.double.with(|store| assert_eq!((store.deleted, store.records[&7]), (0, (48_000, Some(45_000)))));
    assert!(bench.channel.capabilities().rewrites, "absent means not there yet");
    for status in [400, 403, 429, 500] {
        let bench = with(&judge(), &table).await;
        bench.double.with(|store| store.stumbles = Some((1, status)));
        let error = bench.push_one(&dkk("7", 46_000)).await.unwrap_err();
        assert_eq!(error.class, Class::Unknown, "{status}: {error}");
        assert_eq!(bench.read("7").await.price, None, "{status}: it is away");
        bench.push_one(&dkk("7", 46_000)).await.unwrap();
        bench.proves(&dkk("7", 46_000)).await;
        bench.double.with(|store| assert_eq!(store.beside[&7], Store::volume_prices(), "{status}"));
    }
    let bench = with(&judge(), &table).await;
    bench.push_one(&dkk("7", 46_000)).await.unwrap();
    assert!(!with(&judge(), TABLE).await.channel.capabilities().rewrites, "the catalogue deletes nothing");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let judge = judge();
    let mut rows = Row::wire();
    let spent = Reply::json(429, &json!({ "status": 429, "title": "Too many requests" }))
        .header("x-rate-limit-time-reset-ms", 15_000);
    rows.extend([
        Row::new("429 with the time of the next window", Fault::Answer(spent), Expect::RetryAfter(15_000), false),
        Row::new("429 without headers", Fault::Answer(Reply::json(429, &json!({}))), Expect::Retry, false),
        Row::new("dead token", Fault::Answer(Reply::json(401, &json!({}))), Expect::Refused, false),
        Row::new("missing scope", Fault::Answer(Reply::json(403, &json!({}))), Expect::Forbidden, false),
        Row::new(
            "too many items",
            Fault::Answer(Reply::json(413, &json!({ "title": "The request payload is too large" }))),
            Expect::Rejected,
            false,
        ),
    ]);
    double::suffer(rows, &dkk("7", 47_900), async || with(&judge, TABLE).await).await;
    double::nobody_home(TABLE, &dkk("7", 47_900)).await;
}

#[tokio::test]
async fn other_apps_spend_the_same_budget() {
    let bench = with(&judge(), TABLE).await;
    bench.double.with(|store| store.left = 0);
    bench.push_one(&dkk("7", 47_900)).await.unwrap();
    let started = std::time::Instant::now();
    bench.push_one(&dkk("7", 46_900)).await.unwrap();
    assert!(started.elapsed().as_millis() >= 150, "five requests a second: {:?}", started.elapsed());
}

#[tokio::test]
async fn a_price_of_a_percentage_is_told_and_is_no_proof_of_the_price_before_it() {
    let bench = with(&judge(), TABLE).await;
    // 47.95 with ten percent off by a price rule of the store.
    let row = |id: u64, paid: Value| json!({ "id": id, "price": 47.95, "sale_price": null, "calculated_price": paid });
    let page = json!({ "data": [row(7, json!(43.155)), row(8, json!(47.95))] });
    bench.double.fail_any(Fault::Answer(Reply::ok(&page)));
    let seen = bench.channel.read(&["7".to_owned(), "8".to_owned()]).await.unwrap();
    let paid = Some(omniprice::money::WirePrice::from_minor(4_316, Currency::DKK));
    assert_eq!((seen[0].price, seen[0].regular), (paid, Some(paid)), "what buyers pay, and no price of ours");
    assert_eq!((seen[1].price, seen[1].regular), (Some(dkk("8", 4_795).price), Some(None)));
    let text = json!({ "data": [row(7, json!("from 4")), row(8, json!(47.95))] });
    bench.double.fail_any(Fault::Answer(Reply::ok(&text)));
    let seen = bench.channel.read(&["7".to_owned(), "8".to_owned()]).await.unwrap();
    assert!(seen[0].price.is_none() && seen[0].refused.as_deref().unwrap().contains("from 4"), "not gone: {seen:?}");
    assert_eq!(seen[1].price, Some(dkk("8", 4_795).price));
}

#[tokio::test]
async fn several_variants_are_read_at_once_and_one_that_is_missing_is_asked_for_alone() {
    let bench = with(&judge(), TABLE).await;
    let all = ["7", "8", "9"].map(str::to_owned);
    let prices = |seen: Vec<omniprice::channel::Seen>| -> Vec<Option<i64>> {
        seen.iter().map(|seen| seen.price.map(|price| price.minor().unwrap())).collect()
    };
    let there = [Some(49_900), Some(34_900), Some(4_900)];
    assert_eq!(prices(bench.channel.read(&all).await.unwrap()), there);
    assert_eq!(bench.double.requests().len(), 1);
    let one = bench.double.with(|store| store.variant(7));
    bench.double.fail_any(Fault::Answer(Reply::ok(&json!({ "data": [one] }))));
    assert_eq!(prices(bench.channel.read(&all).await.unwrap()), there, "a filter that shows one row hides nobody");
}

#[tokio::test]
async fn a_product_without_options_is_found_by_its_own_sku() {
    for (more, price) in [("", Some(4_900)), ("price_list = 5\n", None)] {
        let bench = with(&judge(), &format!("{TABLE}{more}")).await;
        let found = bench.channel.find(&["SOAP", "KETTLE", "SHIRT"].map(str::to_owned)).await.unwrap();
        let ids: Vec<&str> = found.iter().map(|one| one.external.as_str()).collect();
        assert_eq!(ids, ["9", "7"], "and a product with options has no price of its own");
        assert_eq!(found[0].price.map(|price| price.minor().unwrap()), price);
    }
}
