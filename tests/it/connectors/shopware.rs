//! Shopware 6: gross and net both, one field for all currencies, tokens that a restart forgets.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::{Currency, Decimal, WirePrice};
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str =
    "kind = 'shopware'\nurl = '{url}'\nclient_id = 'SWIA1'\nclient_secret = 's1'\ncurrency = 'EUR'\ntax = 'gross'\n";
const EUR: &str = "b7d2554b0ce847cd82f3ac9bd1c0dfca";
/// The system's default currency.
const SEK: &str = "c0000000000000000000000000000001";
const KETTLE: &str = "0a000000000000000000000000000001";
const LAMP: &str = "0a000000000000000000000000000002";
const RED: &str = "0a000000000000000000000000000004";
const BOOK: &str = "0a000000000000000000000000000003";

#[derive(Clone)]
struct Shop {
    /// Number, tax rate, prices; a variant that has none of its own inherits those of the kettle.
    products: BTreeMap<&'static str, (&'static str, f64, Vec<Value>)>,
    token: u32,
    /// Rights of the integration; without any it is an administrator's.
    rights: Vec<&'static str>,
}

impl Shop {
    fn new() -> Self {
        let product = |number, rate| {
            let own = json!({ "currencyId": EUR, "gross": 119.0, "net": 100.0, "linked": true, "extensions": [] });
            let sek = json!({ "currencyId": SEK, "gross": 1400.5, "net": 1120.4, "linked": false });
            (number, rate, vec![sek, own])
        };
        let products = [(KETTLE, product("KETTLE", 19.0)), (LAMP, product("LAMP", 19.0)), (BOOK, product("BOOK", 7.0))];
        Self { products: products.into(), token: 0, rights: vec![] }
    }

    fn may(&self, right: &str) -> bool {
        self.rights.is_empty() || self.rights.contains(&right)
    }

    fn denied(right: &str) -> Reply {
        let detail = json!({ "message": "Missing privilege", "missingPrivileges": [right] }).to_string();
        let error = json!({ "status": "403", "code": "FRAMEWORK__MISSING_PRIVILEGE_ERROR", "title": "Forbidden", "detail": detail });
        Reply::json(403, &json!({ "errors": [error] }))
    }

    /// What a search without the header shows of an inheriting variant: its own record, which has nothing.
    fn shown(&self, id: &str, inherits: bool) -> (Value, Value) {
        let (_, rate, prices) = &self.products[id];
        match (prices.is_empty(), inherits) {
            (false, _) => (json!(prices), json!(rate)),
            (true, true) => self.shown(KETTLE, true),
            (true, false) => (Value::Null, Value::Null),
        }
    }

    fn search(&self, request: &Request) -> Reply {
        let criteria = request.json();
        if criteria.get("filter").is_none() {
            return Reply::ok(&json!({ "data": [{ "id": KETTLE }] }));
        }
        let inherits = request.header("sw-inheritance") == "1";
        let filter = &criteria["filter"][0];
        let wanted = filter["value"].as_array().unwrap();
        let own = self.products.iter().filter(|(id, (number, ..))| {
            let value = if filter["field"] == "id" { **id } else { *number };
            wanted.iter().any(|wanted| wanted.as_str().unwrap().eq_ignore_ascii_case(value))
        });
        let data: Vec<Value> = own
            .map(|(id, (number, ..))| {
                let (price, rate) = self.shown(id, inherits);
                let tax = if rate.is_null() { Value::Null } else { json!({ "taxRate": rate, "apiAlias": "tax" }) };
                json!({ "id": id, "productNumber": number, "price": price, "tax": tax })
            })
            .collect();
        Reply::ok(&json!({ "total": data.len(), "data": data }))
    }

    fn sync(&mut self, actions: &Value) -> Reply {
        let payload = actions[0]["payload"].as_array().unwrap();
        if payload.iter().any(|product| product["price"][0]["gross"] == 66.6) {
            let error = json!({ "code": "VIOLATION", "status": "400", "detail": "This price is not for sale.", "source": { "pointer": "/write_data/0/price" } });
            return Reply::json(400, &json!({ "errors": [error] }));
        }
        let of = |product: &Value, code: &str| {
            product["price"].as_array().unwrap().iter().any(|one| one["currencyId"] == code)
        };
        if payload.iter().any(|product| !of(product, SEK)) {
            let error = json!({ "code": "c1051bb4-d103-4f74-8988-acbcafc7fdc3", "status": "400", "detail": "No price for default currency defined", "source": { "pointer": "/0/price" } });
            return Reply::json(400, &json!({ "errors": [error] }));
        }
        for product in payload {
            let prices = product["price"].as_array().unwrap().clone();
            self.products.get_mut(product["id"].as_str().unwrap()).unwrap().2 = prices;
        }
        Reply::ok(
            &json!({ "data": { "product": payload.iter().map(|p| p["id"].clone()).collect::<Vec<_>>() }, "notFound": [], "deleted": [] }),
        )
    }
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.path == "/api/_action/sync"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == "/api/oauth/token" {
            let good = request.text().contains("client_id=SWIA1") && request.text().contains("client_secret=s1");
            if !good {
                let error = json!({ "code": "10", "status": "401", "title": "Client authentication failed" });
                return Reply::json(401, &json!({ "errors": [error] }));
            }
            self.token += 1;
            return Reply::ok(
                &json!({ "token_type": "Bearer", "expires_in": 600, "access_token": format!("jwt{}", self.token) }),
            );
        }
        if request.header("authorization") != format!("Bearer jwt{}", self.token) {
            return Reply::json(
                401,
                &json!({ "errors": [{ "code": "9", "status": "401", "title": "The resource owner denied the request." }] }),
            );
        }
        match request.path.as_str() {
            "/api/search/currency" if request.json()["filter"][0]["value"] == "EUR" => {
                Reply::ok(&json!({ "data": [{ "id": EUR, "isoCode": "EUR" }] }))
            }
            "/api/search/currency" => Reply::ok(&json!({ "data": [] })),
            "/api/search/product" if !self.may("product:read") => Self::denied("product:read"),
            "/api/search/product" => self.search(request),
            "/api/search/integration" if !self.may("integration:read") => Self::denied("integration:read"),
            "/api/search/integration" => {
                let roles = json!([{ "privileges": self.rights }]);
                Reply::ok(&json!({ "data": [{ "admin": self.rights.is_empty(), "aclRoles": roles }] }))
            }
            "/api/search/customer-group" if !self.may("customer_group:read") => Self::denied("customer_group:read"),
            "/api/search/customer-group" => {
                Reply::ok(&json!({ "data": [{ "displayGross": true }, { "displayGross": false }] }))
            }
            "/api/_action/sync" => self.sync(&request.json()),
            "/api/_info/version" => Reply::ok(&json!({ "version": "6.7.10.1" })),
            _ => Reply::json(404, &json!({ "errors": [{ "status": "404", "title": "Not Found" }] })),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        let own = self.products.get(external)?.2.iter().find(|price| price["currencyId"] == EUR)?;
        omniprice::money::Money::exact(own["gross"].to_string().parse().ok()?, Currency::EUR)
            .ok()
            .map(|price| price.minor())
    }
}

fn judge() -> Judge {
    let file = "shopware-price.json";
    let sync = ("POST", "/api/_action/sync");
    Judge::new("shopware")
        .part(sync, "", file, "/paths/~1_action~1sync/post/requestBody/content/application~1json/schema")
        .part(sync, "/*/payload/*/price/0", file, "/components/schemas/Price")
        .part(("POST", "/api/search/product"), "", file, "/components/schemas/Criteria")
        .part(("POST", "/api/search/currency"), "", file, "/components/schemas/Criteria")
        .part(("POST", "/api/search/integration"), "", file, "/components/schemas/Criteria")
        .part(("POST", "/api/search/customer-group"), "", file, "/components/schemas/Criteria")
}

async fn open() -> Bench<Shop> {
    Bench::open(Shop::new(), judge(), TABLE).await
}

fn eur(external: &str, minor: i64) -> PriceChange {
    PriceChange { vat_pct: Some(Decimal::from(19)), ..change(external, "SKU", minor, Currency::EUR) }
}

#[tokio::test]
async fn both_sides_travel_and_the_other_currencies_along() {
    let bench = open().await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "lamp".to_owned()]).await.unwrap();
    assert_eq!(
        (found.len(), found[0].external.as_str(), found[0].price.unwrap().minor().unwrap()),
        (1, KETTLE, 11_900)
    );
    let mut sale = on_sale(eur(KETTLE, 8_995), 10_995);
    sale.sale.as_mut().unwrap().prior = Some(WirePrice::from_minor(9_995, Currency::EUR));
    for result in bench.push(&[sale.clone(), eur(LAMP, 3_570)]).await {
        result.unwrap();
    }
    bench.proves(&sale).await;
    bench.proves(&eur(LAMP, 3_570)).await;
    bench.double.with(|shop| {
        let prices = &shop.products[KETTLE].2;
        assert_eq!(prices[1]["gross"], 1400.5, "the other currency stays");
        assert_eq!((&prices[0]["net"], &prices[0]["regulationPrice"]["gross"]), (&json!(75.588235), &json!(99.95)));
        assert_eq!(shop.products[LAMP].2[0]["net"], 30);
    });
    bench.push_one(&eur(KETTLE, 8_995)).await.unwrap();
    bench.proves(&eur(KETTLE, 8_995)).await;
    bench.double.with(|shop| {
        let own = &shop.products[KETTLE].2[0];
        assert!(own.get("listPrice").is_none() && own.get("regulationPrice").is_none(), "{own}");
    });
    assert_eq!(bench.read("0a0000000000000000000000000000ff").await.price, None);
}

#[tokio::test]
async fn a_net_price_of_four_decimals_has_our_price_on_its_other_side() {
    let table = format!("{}net_decimals = 4\n", TABLE.replace("'gross'", "'net'"));
    let bench = Bench::open(Shop::new(), judge(), &table).await;
    let finer = |units| WirePrice::from_units(units, 4, Currency::EUR);
    let change = PriceChange { price: finer(83_950), ..eur(KETTLE, 1) };
    let mut sale = on_sale(change.clone(), 1);
    let reduction = sale.sale.as_mut().unwrap();
    (reduction.regular, reduction.prior) = (finer(92_353), Some(finer(92_353)));
    for change in [&change, &sale] {
        bench.push_one(change).await.unwrap();
        bench.proves(change).await;
    }
    bench.double.with(|shop| {
        let own = &shop.products[KETTLE].2[0];
        // 9.99 and 10.99 once they are rounded for a buyer; 8.39 would be 9.98.
        assert_eq!((&own["net"], &own["gross"]), (&json!(8.395), &json!(9.99005)));
        assert_eq!((&own["listPrice"]["net"], &own["regulationPrice"]["gross"]), (&json!(9.2353), &json!(10.990007)));
    });
}

#[tokio::test]
async fn a_price_with_more_decimals_is_there_and_proves_nothing() {
    // What the shop stores of the net side when a person types 19.99 gross.
    let bench = Bench::open(Shop::new(), judge(), &TABLE.replace("'gross'", "'net'")).await;
    bench.double.with(|shop| {
        let own = &mut shop.products.get_mut(KETTLE).unwrap().2[1];
        (own["gross"], own["net"]) = (json!(19.99), json!(16.7983193277311));
    });
    let seen = bench.read(KETTLE).await;
    let rounded = Some(WirePrice::from_minor(1_680, Currency::EUR));
    assert_eq!((seen.price, seen.regular, seen.refused), (rounded, Some(rounded), None), "not gone, and not proved");
    assert_eq!(bench.channel.find(&["KETTLE".to_owned()]).await.unwrap()[0].price, rounded);
    bench.push_one(&eur(KETTLE, 1_680)).await.unwrap();
    bench.proves(&eur(KETTLE, 1_680)).await;
}

#[tokio::test]
async fn a_variant_that_inherits_its_price_keeps_what_it_inherits_in_other_currencies() {
    let bench = open().await;
    bench.double.with(|shop| shop.products.insert(RED, ("RED", 0.0, vec![])));
    let found = bench.channel.find(&["RED".to_owned()]).await.unwrap();
    assert_eq!(found[0].price.unwrap().minor().unwrap(), 11_900, "what buyers pay");
    assert_eq!(bench.read(RED).await.price.unwrap().minor().unwrap(), 11_900);
    let odd = PriceChange { vat_pct: Some(Decimal::from(7)), ..eur(RED, 10_995) };
    assert!(bench.push_one(&odd).await.unwrap_err().message.contains("taxes this product with 19"));
    bench.push_one(&eur(RED, 10_995)).await.unwrap();
    bench.proves(&eur(RED, 10_995)).await;
    bench.double.with(|shop| {
        assert!(shop.products[RED].2.iter().any(|one| one["currencyId"] == SEK && one["gross"] == 1400.5));
        assert_eq!(shop.products[KETTLE].2[1]["gross"], 119.0, "the parent stays");
    });
}

#[tokio::test]
async fn bad_items_do_not_hold_up_good_ones() {
    let bench = open().await;
    let strange = PriceChange { vat_pct: None, ..eur(LAMP, 3_000) };
    let results = bench
        .push(&[eur(KETTLE, 9_995), eur(BOOK, 1_070), strange, eur("0a0000000000000000000000000000ff", 100)])
        .await;
    assert!(results[0].is_ok(), "{results:?}");
    for (result, words) in
        results[1..].iter().zip(["taxes this product with 7", "VAT rate is not known", "has no product"])
    {
        let error = result.as_ref().unwrap_err();
        assert!(error.class == Class::Rejected && error.message.contains(words), "{error}");
    }
    // Refused by the shop, as a whole: halves.
    let results = bench.push(&[eur(KETTLE, 9_895), eur(LAMP, 6_660)]).await;
    assert!(results[0].is_ok() && results[1].as_ref().unwrap_err().class == Class::Rejected, "{results:?}");
    assert_eq!((bench.double.live(KETTLE), bench.double.live(LAMP)), (Some(9_895), Some(11_900)));
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let mut rows = Row::wire();
    rows.extend([
        Row::new("429", Fault::Answer(Reply::text(429, "").header("retry-after", 5)), Expect::RetryAfter(5_000), false),
        Row::new(
            "a token that a restart forgot",
            Fault::Answer(Reply::json(401, &json!({ "errors": [] }))),
            Expect::Retry,
            false,
        ),
        Row::new(
            "missing right",
            Fault::Answer(Reply::json(403, &json!({ "errors": [{ "code": "FRAMEWORK__MISSING_PRIVILEGE_ERROR" }] }))),
            Expect::Forbidden,
            false,
        ),
        Row::new(
            "violation",
            Fault::Answer(Reply::json(400, &json!({ "errors": [{ "detail": "This value is invalid." }] }))),
            Expect::Rejected,
            false,
        ),
    ]);
    double::suffer(rows, &eur(KETTLE, 9_995), open).await;
    double::nobody_home(TABLE, &eur(KETTLE, 9_995)).await;
}

#[tokio::test]
async fn the_probe_says_what_to_mend() {
    assert_eq!(open().await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = Bench::open(Shop::new(), judge(), &TABLE.replace("EUR", "NOK")).await;
    assert!(odd.channel.probe().await.unwrap().problems[0].contains("no currency NOK"));
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("'s1'", "'dead'")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
    assert_eq!(dead.push_one(&eur(KETTLE, 9_995)).await.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn the_probe_tells_missing_rights_and_who_sees_net_prices() {
    let reads = ["product:read", "tax:read", "currency:read"];
    let probe = async |more: &[&'static str]| {
        let rights = reads.into_iter().chain(more.iter().copied()).collect();
        let bench = Bench::open(Shop { rights, ..Shop::new() }, judge(), TABLE).await;
        let probe = bench.channel.probe().await.unwrap();
        assert!(bench.double.written().is_empty(), "a probe changes nothing");
        probe
    };
    let whole = open().await.channel.probe().await.unwrap();
    assert!(whole.problems.is_empty() && whole.notes[0].contains("1 customer groups see gross"), "{whole:?}");
    let lacks = probe(&["integration:read"]).await.problems;
    assert!(lacks.len() == 1 && lacks[0].contains("lacks product:update"), "{lacks:?}");
    assert!(probe(&["integration:read", "product:update"]).await.problems.is_empty());
    let silent = probe(&["product:update"]).await;
    assert!(silent.problems.is_empty() && silent.notes[0].contains("compare its role with product:read"), "{silent:?}");
    assert!(silent.notes[1].contains("Settings, Customer groups"), "{silent:?}");
    let bench = Bench::open(Shop { rights: vec!["currency:read"], ..Shop::new() }, judge(), TABLE).await;
    let blind = bench.channel.probe().await.unwrap().problems;
    assert!(blind[0].contains("lacks product:read"), "{blind:?}");
}

#[tokio::test]
async fn two_channels_on_one_shop_write_a_product_in_turn() {
    double::takes_turns(&open().await, TABLE, "/api", KETTLE, &eur(KETTLE, 10_995)).await;
}
