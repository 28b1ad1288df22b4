//! django-oscar as it answered: stock records are changed by partner, and the throttle is the REST framework's.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change};
use super::schema::Judge;

const TABLE: &str = "kind = 'oscar'\nurl = '{url}/api/'\ntoken = 't1'\npartner = 1\nrequests_per_minute = 6000\ncurrency = 'EUR'\ntax = 'gross'\n";

#[derive(Clone)]
struct Shop {
    /// Product to UPC and stock records.
    products: BTreeMap<u64, (&'static str, Vec<Value>)>,
    paged: bool,
    writable: bool,
}

fn record(partner: u64, sku: &str, price: &str) -> Value {
    let partner = format!("http://127.0.0.1/api/admin/partners/{partner}/");
    json!({ "partner": partner, "partner_sku": sku, "price_currency": "EUR", "price": price, "num_in_stock": null })
}

impl Shop {
    fn new() -> Self {
        let kettle = vec![record(2, "X-KETTLE", "60.00"), record(1, "KETTLE", "49.90")];
        let products =
            [(7, ("KETTLE", kettle)), (8, ("LAMP", vec![record(1, "LAMP", "34.00")])), (9, ("VASE", vec![]))];
        Self { products: products.into(), paged: false, writable: true }
    }

    fn list(&self, page: usize) -> Reply {
        let all: Vec<Value> = self
            .products
            .iter()
            .map(|(id, (upc, _))| json!({ "url": format!("http://127.0.0.1/api/admin/products/{id}/"), "upc": upc }))
            .collect();
        if !self.paged {
            return Reply::ok(&json!(all));
        }
        let next = (page < all.len()).then_some("http://127.0.0.1/api/admin/products/?page=next");
        Reply::ok(&json!({ "count": all.len(), "next": next, "previous": null, "results": [all[page - 1]] }))
    }

    fn own(&self, id: u64) -> Option<&Value> {
        self.products.get(&id)?.1.iter().find(|record| record["partner"].as_str().unwrap().ends_with("/partners/1/"))
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.method == "PATCH"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("authorization") != "Token t1" {
            return Reply::json(401, &json!({ "detail": "Invalid token." }));
        }
        let path = request.path.clone();
        assert!(path.ends_with('/'), "Django redirects {path}");
        let parts: Vec<&str> = path.trim_start_matches("/api/").trim_end_matches('/').split('/').collect();
        let missing = || Reply::json(404, &json!({ "detail": "Not found." }));
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["admin", "products"]) => self.list(request.query["page"].parse().unwrap()),
            ("OPTIONS", ["admin", "products", _]) => {
                let put = json!({ "name": "Product Admin Detail", "actions": { "PUT": {} } });
                let get = json!({ "name": "Product Admin Detail" });
                Reply::ok(if self.writable { &put } else { &get })
            }
            (method, ["admin", "products", id]) => {
                let Some((upc, records)) = self.products.get_mut(&id.parse().unwrap()) else { return missing() };
                if method == "PATCH" {
                    for sent in request.json()["stockrecords"].as_array().unwrap() {
                        let same = |known: &&mut Value| {
                            known["partner"] == sent["partner"] && known["partner_sku"] == sent["partner_sku"]
                        };
                        match records.iter_mut().find(same) {
                            Some(known) => known["price"] = sent["price"].clone(),
                            None => records.push(sent.clone()),
                        }
                    }
                }
                Reply::ok(&json!({ "upc": upc, "product_class": "std", "title": "t", "stockrecords": records }))
            }
            ("GET", ["products", id, "price"]) => match self.own(id.parse().unwrap()) {
                Some(own) => Reply::ok(
                    &json!({ "currency": "EUR", "excl_tax": own["price"], "incl_tax": own["price"], "tax": "0.00" }),
                ),
                None if self.products.contains_key(&id.parse().unwrap()) => {
                    Reply::ok(&json!({ "currency": null, "excl_tax": null, "incl_tax": null }))
                }
                None => missing(),
            },
            _ => missing(),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let own = self.own(external.parse().ok()?)?;
        omniprice::money::Money::parse(own["price"].as_str()?, Currency::EUR).ok().map(|price| price.minor())
    }
}

async fn open(table: &str) -> Bench<Shop> {
    Bench::open(Shop::new(), Judge::new("oscar").without_schema(), table).await
}

fn eur(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::EUR)
}

#[tokio::test]
async fn a_price_leaves_the_other_partners_records_alone() {
    let bench = open(TABLE).await;
    for paged in [false, true] {
        bench.double.with(|shop| shop.paged = paged);
        let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned(), "NOBODY".to_owned()]).await.unwrap();
        let found: Vec<_> =
            found.iter().map(|one| (one.external.as_str(), one.price.unwrap().minor().unwrap())).collect();
        assert_eq!(found, [("7", 4_990), ("8", 3_400)]);
    }
    let results = bench.push(&[eur("7", 4_795), eur("99", 100), eur("9", 100), eur("8", 3_200)]).await;
    assert_eq!(results[0].as_ref().unwrap().echoed.unwrap().minor().unwrap(), 4_795);
    assert!(results[1].as_ref().unwrap_err().message.contains("no product 99"));
    assert!(results[2].as_ref().unwrap_err().message.contains("no stock record"));
    bench.proves(&eur("7", 4_795)).await;
    bench.proves(&eur("8", 3_200)).await;
    bench.double.with(|shop| {
        let records = &shop.products[&7].1;
        assert_eq!(records.len(), 2);
        assert!(
            records.iter().any(|record| record["partner_sku"] == "X-KETTLE" && record["price"] == "60.00"),
            "{records:?}"
        );
    });
    assert_eq!(bench.read("99").await.price, None);
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    let throttled = Reply::json(429, &json!({ "detail": "Request was throttled. Expected available in 41 seconds." }));
    rows.extend([
        Row::new("throttled", Fault::Answer(throttled.header("retry-after", 41)), Expect::RetryAfter(41_000), false),
        Row::new(
            "dead token",
            Fault::Answer(Reply::json(401, &json!({ "detail": "Invalid token." }))),
            Expect::Refused,
            false,
        ),
        Row::new(
            "no staff",
            Fault::Answer(Reply::json(403, &json!({ "detail": "Permission denied" }))),
            Expect::Forbidden,
            false,
        ),
        Row::new(
            "refused field",
            Fault::Answer(Reply::json(400, &json!({ "stockrecords": [{ "price": ["A valid number is required."] }] }))),
            Expect::Rejected,
            false,
        ),
    ]);
    double::suffer(rows, &eur("7", 4_795), async || open(TABLE).await).await;
    double::nobody_home(TABLE, &eur("7", 4_795)).await;
    assert_eq!(open(TABLE).await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = open(&TABLE.replace("EUR", "USD")).await;
    assert!(odd.channel.probe().await.unwrap().problems[0].contains("currency = \"EUR\""));
    let other = open(&TABLE.replace("partner = 1", "partner = 3")).await;
    assert!(other.channel.probe().await.unwrap().problems[0].contains("check partner"));
    // A search that is put off in the middle gets its page when the named time is over.
    let busy = open(TABLE).await;
    busy.double.fail_any(Fault::Answer(Reply::text(429, "").header("retry-after", 1)));
    let asked = std::time::Instant::now();
    assert_eq!(busy.channel.find(&["KETTLE".to_owned()]).await.unwrap().len(), 1);
    assert!(asked.elapsed() >= std::time::Duration::from_secs(1), "{:?}", asked.elapsed());
    // A push that is put off leaves the rest of its batch unsent, for the same time.
    busy.double.fail_write(Fault::Answer(Reply::text(429, "").header("retry-after", 2)));
    let put_off = busy.push(&[eur("7", 4_795), eur("8", 3_300)]).await;
    for result in put_off {
        assert_eq!(result.unwrap_err().class, Class::Retry { after_ms: Some(2_000) });
    }
    assert_eq!(busy.double.written().len(), 1);
    let reader = open(TABLE).await;
    reader.double.with(|shop| shop.writable = false);
    assert!(reader.channel.probe().await.unwrap().problems[0].contains("change product"));
    let dead = open(&TABLE.replace("t1", "dead")).await;
    assert_eq!(dead.push_one(&eur("7", 4_795)).await.unwrap_err().class, Class::Refused);
}
