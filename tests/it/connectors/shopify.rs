//! Shopify: base prices and a Markets price list.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange, Sale};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const BASE: &str = "kind = 'shopify'\nurl = '{url}'\naccess_token = 'shpat_1'\ncurrency = 'DKK'\ntax = 'gross'\n";
const LIST: &str =
    "kind = 'shopify'\nurl = '{url}'\naccess_token = 'shpat_1'\nprice_list = '77'\ncurrency = 'EUR'\ntax = 'gross'\n";

/// A price and what is crossed out, as texts.
type Shown = (String, Option<String>);

#[derive(Clone)]
struct Shop {
    /// Variant to product, SKU and base price.
    variants: BTreeMap<&'static str, (&'static str, &'static str, Shown)>,
    /// Variant to fixed price in euro.
    fixed: BTreeMap<String, Shown>,
    /// Variant and key to value.
    metafields: BTreeMap<(String, String), String>,
    left: u64,
    scopes: Vec<&'static str>,
    token: &'static str,
    /// Tokens given to the client.
    granted: usize,
}

impl Shop {
    fn new() -> Self {
        let variant = |product, sku, price: &str| (product, sku, (price.to_owned(), None));
        let variants = [
            ("11", variant("1", "KETTLE", "499.00")),
            ("12", variant("1", "KETTLE-RED", "499.00")),
            ("21", variant("2", "LAMP", "349.00")),
        ];
        Self {
            variants: variants.into(),
            fixed: [("11".to_owned(), ("66.00".to_owned(), None))].into(),
            metafields: BTreeMap::new(),
            left: 2_000,
            scopes: vec!["read_products", "write_products"],
            token: "shpat_1",
            granted: 0,
        }
    }

    fn reply(&self, data: &Value) -> Reply {
        let throttle = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": self.left, "restoreRate": 100.0 });
        Reply::ok(&json!({ "data": data, "extensions": { "cost": { "requestedQueryCost": 10, "actualQueryCost": 10,
            "throttleStatus": throttle } } }))
    }

    fn update(&mut self, variables: &Value) -> Value {
        let product = number(&variables["p"]);
        let items = variables["v"].as_array().unwrap();
        let mut errors = vec![];
        for (index, item) in items.iter().enumerate() {
            let known = self.variants.get(number(&item["id"]).as_str()).is_some_and(|(own, ..)| *own == product);
            if !known {
                errors.push(json!({ "field": ["variants", index.to_string(), "id"],
                    "message": "Product variant does not exist", "code": "PRODUCT_VARIANT_DOES_NOT_EXIST" }));
            }
        }
        if !errors.is_empty() {
            return json!({ "productVariantsBulkUpdate": { "productVariants": null, "userErrors": errors } });
        }
        for item in items {
            let shown = (text(&item["price"]), item["compareAtPrice"].as_str().map(str::to_owned));
            self.variants.get_mut(number(&item["id"]).as_str()).unwrap().2 = shown;
            for field in item["metafields"].as_array().into_iter().flatten() {
                self.metafields.insert((number(&item["id"]), text(&field["key"])), text(&field["value"]));
            }
        }
        let updated = json!({ "productVariants": items, "userErrors": [] });
        let Some(gone) = variables["m"].as_array() else { return json!({ "productVariantsBulkUpdate": updated }) };
        assert!(gone.len() <= 250, "an input array has at most 250 items");
        let own = |one: &Value| (number(&one["ownerId"]), text(&one["key"]));
        // What is not there is answered by null, without an error.
        let deleted: Vec<Value> =
            gone.iter().map(|one| self.metafields.remove(&own(one)).map_or(Value::Null, |_| one.clone())).collect();
        json!({ "productVariantsBulkUpdate": updated, "metafieldsDelete": { "deletedMetafields": deleted, "userErrors": [] } })
    }

    fn fix(&mut self, variables: &Value) -> Value {
        if number(&variables["l"]) != "77" {
            let error =
                json!({ "field": ["priceListId"], "message": "Price list not found.", "code": "PRICE_LIST_NOT_FOUND" });
            return json!({ "priceListFixedPricesAdd": { "prices": null, "userErrors": [error] } });
        }
        let items = variables["p"].as_array().unwrap();
        let mut errors = vec![];
        for (index, item) in items.iter().enumerate() {
            let field = json!(["prices", index.to_string(), "variantId"]);
            if !self.variants.contains_key(number(&item["variantId"]).as_str()) {
                errors.push(json!({ "field": field, "message": "Variant not found.", "code": "VARIANT_NOT_FOUND" }));
            } else if item["price"]["currencyCode"] != "EUR" {
                errors.push(
                    json!({ "field": field, "message": "Currency mismatch.", "code": "PRICE_LIST_CURRENCY_MISMATCH" }),
                );
            }
        }
        if !errors.is_empty() {
            return json!({ "priceListFixedPricesAdd": { "prices": null, "userErrors": errors } });
        }
        for item in items {
            let regular = item["compareAtPrice"]["amount"].as_str().map(str::to_owned);
            self.fixed.insert(number(&item["variantId"]), (text(&item["price"]["amount"]), regular));
        }
        let prices: Vec<Value> = items
            .iter()
            .map(|item| json!({ "variant": { "id": item["variantId"] }, "price": item["price"] }))
            .collect();
        json!({ "priceListFixedPricesAdd": { "prices": prices, "userErrors": [] } })
    }

    fn node(&self, id: &str, contextual: bool) -> Value {
        let Some((.., (price, regular))) = self.variants.get(id) else { return Value::Null };
        let gid = format!("gid://shopify/ProductVariant/{id}");
        let lowest = self.metafields.get(&(id.to_owned(), "lowest_30d".to_owned()));
        let field = lowest.map(|value| json!({ "value": value }));
        if contextual {
            let (code, (price, regular)) = match self.fixed.get(id) {
                Some(fixed) => ("EUR", fixed),
                None => ("DKK", &(price.clone(), regular.clone())),
            };
            let money = |amount: &String| json!({ "amount": amount, "currencyCode": code });
            let shown = json!({ "price": money(price), "compareAtPrice": regular.as_ref().map(money) });
            return json!({ "id": gid, "contextualPricing": shown, "metafield": field });
        }
        json!({ "id": gid, "price": price, "compareAtPrice": regular, "metafield": field })
    }

    fn list_prices(&self, query: &str) -> Value {
        let money = |amount: &String| json!({ "amount": amount, "currencyCode": "EUR" });
        let wanted: Vec<&str> = query.split(" OR ").filter_map(|term| term.strip_prefix("variant_id:")).collect();
        let nodes: Vec<Value> = self
            .fixed
            .iter()
            .filter(|(id, _)| wanted.contains(&id.as_str()))
            .map(|(id, (price, regular))| {
                json!({ "variant": { "id": format!("gid://shopify/ProductVariant/{id}") }, "price": money(price),
                "compareAtPrice": regular.as_ref().map(money) })
            })
            .collect();
        json!({ "priceList": { "prices": { "nodes": nodes } } })
    }

    /// Finds what resembles, as the real search does.
    fn search(&self, query: &str) -> Value {
        let resembles = |sku: &str| {
            query.split(" OR ").any(|term| sku.starts_with(term.trim_start_matches("sku:").trim_matches('"')))
        };
        let nodes: Vec<Value> = self
            .variants
            .iter()
            .filter(|(_, (_, sku, _))| resembles(sku))
            .map(|(id, (product, sku, (price, _)))| {
                json!({ "id": format!("gid://shopify/ProductVariant/{id}"), "sku": sku, "price": price,
                "product": { "id": format!("gid://shopify/Product/{product}") } })
            })
            .collect();
        json!({ "productVariants": { "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } } })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn number(gid: &Value) -> String {
    gid.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.text().contains("\"query\":\"mutation")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == "/admin/oauth/access_token" {
            let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
            let own = [("grant_type", "client_credentials"), ("client_id", "c1"), ("client_secret", "s1")];
            if own.iter().any(|(key, value)| form.get(*key).is_none_or(|sent| sent != value)) {
                return Reply::json(400, &json!({ "error": "invalid_client" }));
            }
            self.granted += 1;
            self.token = if self.granted == 1 { "day-1" } else { "day-2" };
            let granted = json!({ "access_token": self.token, "scope": "write_products", "expires_in": 86_399 });
            return Reply::ok(&granted);
        }
        if request.header("x-shopify-access-token") != self.token {
            let errors = "[API] Invalid API key or access token (unrecognized login or wrong password)";
            return Reply::json(401, &json!({ "errors": errors }));
        }
        let (body, request) = (request.json(), request.text());
        let variables = &body["variables"];
        let has = |word: &str| request.contains(word);
        let data = match () {
            () if has("productVariantsBulkUpdate(") => self.update(variables),
            () if has("priceListFixedPricesAdd(") => self.fix(variables),
            () if has("productVariants(first") => self.search(variables["q"].as_str().unwrap()),
            () if has("prices(first") => self.list_prices(variables["q"].as_str().unwrap()),
            () if has("{nodes(ids") => {
                let ids = variables["i"].as_array().unwrap();
                let nodes: Vec<Value> = ids.iter().map(|id| self.node(&number(id), has("contextualPricing"))).collect();
                json!({ "nodes": nodes })
            }
            () if has("{name currency}") => json!({ "priceList": { "name": "Germany", "currency": "EUR" } }),
            () => {
                let scopes: Vec<Value> = self.scopes.iter().map(|scope| json!({ "handle": scope })).collect();
                json!({ "shop": { "name": "Demo", "currencyCode": "DKK", "taxesIncluded": true },
                    "currentAppInstallation": { "accessScopes": scopes } })
            }
        };
        self.reply(&data)
    }

    fn live(&self, external: &str) -> Option<i64> {
        let shown = match external.split_once('/') {
            Some((_, variant)) => &self.variants.get(variant)?.2,
            None => self.fixed.get(external)?,
        };
        shown.0.replace('.', "").parse().ok()
    }
}

fn judge() -> Judge {
    Judge::new("shopify").graphql("/graphql.json", "shopify-admin-2026-10.graphql.gz")
}

async fn base() -> Bench<Shop> {
    Bench::open(Shop::new(), judge(), BASE).await
}

/// The schema of 4 MB is read once.
async fn with(judge: &Judge, table: &str) -> Bench<Shop> {
    Bench::open(Shop::new(), judge.clone(), table).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn base_prices_are_found_written_proved_and_their_sales_ended() {
    let bench = base().await;
    let skus = ["KETTLE", "LAMP", "NOBODY"].map(str::to_owned);
    let found = bench.channel.find(&skus).await.unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.sku.as_str(), one.external.as_str(), one.price.unwrap().minor().unwrap()))
        .collect();
    assert_eq!(found, [("KETTLE", "1/11", 49_900), ("LAMP", "2/21", 34_900)], "KETTLE-RED only resembles");

    let changes = [on_sale(dkk("1/11", 47_900), 59_900), dkk("2/21", 32_900), dkk("1/12", 48_900)];
    let results = bench.push(&changes).await;
    assert_eq!(
        results.iter().map(|r| r.as_ref().unwrap().echoed.unwrap().minor().unwrap()).collect::<Vec<_>>(),
        [47_900, 32_900, 48_900]
    );
    assert_eq!(bench.double.written().len(), 2, "one call per product");
    for change in &changes {
        bench.proves(change).await;
    }
    bench.push_one(&dkk("1/11", 47_900)).await.unwrap();
    let last = bench.double.written().last().unwrap().json();
    assert_eq!(last["variables"]["v"][0]["compareAtPrice"], Value::Null, "null clears, zero is a price");
    assert!(last["variables"]["v"][0].as_object().unwrap().contains_key("compareAtPrice"));
    bench.proves(&dkk("1/11", 47_900)).await;
    assert_eq!(bench.read("9/99").await.price, None, "gone");

    // An unknown variant stops its call; the others go again without it.
    let results = bench.push(&[dkk("1/11", 46_900), dkk("1/404", 46_900), dkk("1/12", 46_900)]).await;
    assert_eq!(results[1].as_ref().unwrap_err().class, Class::Rejected);
    assert!(results[1].as_ref().unwrap_err().message.contains("PRODUCT_VARIANT_DOES_NOT_EXIST"));
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!((bench.double.live("1/11"), bench.double.live("1/12")), (Some(46_900), Some(46_900)));

    bench.double.freeze();
    bench.push_one(&dkk("1/11", 45_900)).await.unwrap();
    assert_eq!(bench.read("1/11").await.price.unwrap().minor().unwrap(), 46_900, "a late storefront proves nothing");
    bench.double.thaw();
    bench.proves(&dkk("1/11", 45_900)).await;
}

#[tokio::test]
async fn the_lowest_price_of_thirty_days_comes_and_goes_with_its_reduction() {
    let bench = base().await;
    let announced = |change: PriceChange| {
        let sale = change.sale.map(|sale| Sale { prior: Some(sale.regular), prior_from: Some(Millis(0)), ..sale });
        PriceChange { sale, ..change }
    };
    let sale = announced(on_sale(dkk("1/11", 47_900), 59_900));
    let results = bench.push(&[sale.clone(), on_sale(dkk("1/12", 48_900), 59_900)]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    bench.proves(&sale).await;
    let shown = |bench: &Bench<Shop>| bench.double.with(|shop| shop.metafields.clone());
    let of = |key: &str| ("11".to_owned(), key.to_owned());
    assert_eq!(shown(&bench)[&of("lowest_30d")], r#"{"amount":"599.00","currency_code":"DKK"}"#);
    assert_eq!(shown(&bench)[&of("prior_price_from")], "1970-01-01T00:00:00Z");
    assert_eq!(shown(&bench).len(), 2, "a reduction that no law asks about has neither");

    // An end whose answer was lost, and a listing that moved on: the read finds what is left.
    bench.push_one(&dkk("1/11", 49_900)).await.unwrap();
    let seen = bench.read("1/11").await;
    assert_eq!(seen.regular, Some(None));
    assert!(seen.disputed.unwrap().contains("lowest_30d"));
    let after = PriceChange { after_sale: true, ..dkk("1/11", 49_900) };
    bench.push_one(&after).await.unwrap();
    assert_eq!(shown(&bench), BTreeMap::new());
    assert_eq!(bench.read("1/11").await.disputed, None);
    bench.proves(&after).await;
    bench.push_one(&after).await.unwrap();
    bench.proves(&after).await;

    let without = with(&judge(), &format!("{BASE}metafields = ''\n")).await;
    assert!(!without.channel.capabilities().prior_price && bench.channel.capabilities().prior_price);
    without.push_one(&sale).await.unwrap();
    assert_eq!(shown(&without), BTreeMap::new());
    without.proves(&sale).await;

    let abroad = with(&judge(), &format!("{BASE}country = 'DK'\n")).await;
    let sale = announced(on_sale(dkk("1/12", 47_900), 59_900));
    abroad.push_one(&sale).await.unwrap();
    abroad.proves(&sale).await;
    abroad.push_one(&dkk("1/12", 49_900)).await.unwrap();
    assert!(abroad.read("1/12").await.disputed.unwrap().contains("lowest_30d"), "read as a country's buyers see it");
}

#[tokio::test]
async fn a_price_list_has_prices_of_its_own() {
    let judge = judge();
    let bench = with(&judge, LIST).await;
    let eur = |external: &str, minor| change(external, "SKU", minor, Currency::EUR);
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned()]).await.unwrap();
    assert_eq!((found[0].external.as_str(), found[0].price.unwrap().minor().unwrap()), ("11", 6_600));
    assert_eq!(found[1].price, None, "no fixed price yet");
    let sale = on_sale(eur("11", 6_400), 7_900);
    let results = bench.push(&[sale.clone(), eur("21", 4_500), eur("404", 1_000)]).await;
    assert!(results[0].is_ok() && results[1].is_ok());
    assert_eq!(results[2].as_ref().unwrap_err().class, Class::Rejected);
    bench.proves(&sale).await;
    bench.push_one(&eur("11", 6_400)).await.unwrap();
    bench.proves(&eur("11", 6_400)).await;
    assert_eq!(bench.double.live("1/11"), Some(49_900), "the base price is another channel's");

    let country = with(&judge, &format!("{LIST}country = 'DE'\n")).await;
    country.push_one(&sale).await.unwrap();
    country.proves(&sale).await;
    let lost = with(&judge, &LIST.replace("77", "78")).await;
    assert_eq!(lost.push_one(&eur("11", 6_400)).await.unwrap_err().class, Class::Refused, "no such list");
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let judge = judge();
    let throttled = json!({ "errors": [{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }],
        "extensions": { "cost": { "requestedQueryCost": 110, "actualQueryCost": null, "throttleStatus":
            { "maximumAvailable": 2000.0, "currentlyAvailable": 60, "restoreRate": 100.0 } } } });
    let coded = |code: &str| Reply::ok(&json!({ "errors": [{ "message": "m", "extensions": { "code": code } }] }));
    let refused = json!({ "data": { "productVariantsBulkUpdate": { "productVariants": null, "userErrors":
        [{ "field": null, "message": "Product is suspended", "code": "PRODUCT_SUSPENDED" }] } } });
    let mut rows = Row::wire();
    rows.extend([
        Row::new("throttled behind 200", Fault::Answer(Reply::ok(&throttled)), Expect::RetryAfter(500), false),
        Row::new("429", Fault::Answer(Reply::text(429, "").header("retry-after", "2.0")), Expect::Retry, false),
        Row::new(
            "dead token",
            Fault::Answer(Reply::json(401, &json!({ "errors": "[API] Invalid API key" }))),
            Expect::Refused,
            false,
        ),
        Row::new("missing scope", Fault::Answer(coded("ACCESS_DENIED")), Expect::Refused, false),
        Row::new(
            "frozen shop",
            Fault::Answer(Reply::json(402, &json!({ "errors": "Unavailable Shop" }))),
            Expect::Refused,
            false,
        ),
        Row::new(
            "another shop",
            Fault::Answer(Reply::json(404, &json!({ "errors": "Not Found" }))),
            Expect::Refused,
            false,
        ),
        Row::new("internal error", Fault::Answer(coded("INTERNAL_SERVER_ERROR")), Expect::Unknown, false),
        Row::new("refused without naming an item", Fault::Answer(Reply::ok(&refused)), Expect::Rejected, false),
        Row::new("neither data nor errors", Fault::Answer(Reply::ok(&json!({}))), Expect::Unknown, false),
    ]);
    double::suffer(rows, &dkk("1/11", 47_900), async || with(&judge, BASE).await).await;
    double::nobody_home(BASE, &dkk("1/11", 47_900)).await;
}

#[tokio::test]
async fn the_probe_says_what_to_mend() {
    let judge = judge();
    assert_eq!(with(&judge, BASE).await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = with(&judge, &BASE.replace("DKK", "SEK").replace("gross", "net")).await;
    odd.double.with(|shop| shop.scopes = vec!["read_products"]);
    let problems = odd.channel.probe().await.unwrap().problems.join("\n");
    for part in ["write_products", "tax = \"gross\"", "currency = \"DKK\""] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let late = Clock::manual(Clock::System.now().plus(-10 * Millis::MINUTE));
    let bench = Bench::open_at(Shop::new(), judge.clone(), BASE, late).await;
    assert!(bench.channel.probe().await.unwrap().problems[0].contains("behind"));
    let dead = with(&judge, &BASE.replace("shpat_1", "dead")).await;
    assert_eq!(dead.channel.probe().await.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn the_budget_of_the_last_answer_paces_the_next_request() {
    let bench = base().await;
    bench.double.with(|shop| shop.left = 0);
    bench.push_one(&dkk("1/11", 47_900)).await.unwrap();
    let started = std::time::Instant::now();
    bench.push_one(&dkk("1/11", 46_900)).await.unwrap();
    assert!(started.elapsed().as_millis() >= 80, "ten points at a hundred a second: {:?}", started.elapsed());
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let bench = base().await;
    bench.double.with(|shop| {
        shop.variants.get_mut("11").unwrap().2 = ("499.005".to_owned(), None);
        shop.variants.get_mut("12").unwrap().2 = ("499.00".to_owned(), Some("599.005".to_owned()));
    });
    let seen = bench.channel.read(&["1/11", "1/12", "2/21"].map(str::to_owned)).await.unwrap();
    let (rounded, plain) = (Some(dkk("1/11", 49_901).price), Some(dkk("1/12", 49_900).price));
    assert_eq!((seen[0].price, seen[0].regular), (rounded, Some(rounded)), "there, and no price of ours");
    assert_eq!((seen[1].price, seen[1].regular), (plain, Some(plain)), "something is crossed out");
    assert_eq!((seen[2].price, seen[2].regular), (Some(dkk("2/21", 34_900).price), Some(None)));
}

#[tokio::test]
async fn an_app_of_the_dev_dashboard_gets_a_token_and_another_when_the_day_is_over() {
    let judge = judge();
    let table = BASE.replace("access_token = 'shpat_1'", "client_id = 'c1'\nclient_secret = 's1'");
    let clock = Clock::manual(double::AT);
    let bench = Bench::open_at(Shop::new(), judge.clone(), &table, clock.clone()).await;
    for minor in [47_900, 46_900] {
        bench.push_one(&dkk("1/11", minor)).await.unwrap();
        bench.proves(&dkk("1/11", minor)).await;
    }
    assert_eq!(bench.double.with(|shop| shop.granted), 1, "one for all requests");
    clock.advance(Millis::DAY);
    bench.push_one(&dkk("1/11", 45_900)).await.unwrap();
    assert_eq!(bench.double.with(|shop| shop.granted), 2);
    // A token that is taken back before its time is renewed as well.
    bench.double.with(|shop| shop.token = "another");
    bench.proves(&dkk("1/11", 45_900)).await;
    let wrong = with(&judge, &table.replace("s1", "s2")).await;
    assert_eq!(wrong.channel.read(&["1/11".to_owned()]).await.unwrap_err().class, Class::Refused);
}
