//! WooCommerce against a shop that keeps its rules.

pub mod shop;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::Currency;
use serde_json::json;

use self::shop::{Product, Shop};
use super::double::{self, Bench, Expect, Fault, Reply, Row, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'woocommerce'\nurl = '{url}'\nconsumer_key = 'ck_1'\nconsumer_secret = 'cs_1'\ncurrency = 'DKK'\ntax = 'gross'\n";

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
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.sku.as_str(), one.external.as_str(), one.price.unwrap().minor().unwrap()))
        .collect();
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
    let dead = json!({ "code": "woocommerce_rest_authentication_error", "message": "Consumer key is invalid." });
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
        Row::new("item without right", Fault::Answer(Reply::ok(&item(403))), Expect::Forbidden, false),
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
    assert!(bench.double.written().is_empty(), "a probe changes nothing");
    let odd = Bench::open(Shop::new(), judge(), &TABLE.replace("DKK", "EUR").replace("gross", "net")).await;
    let problems = odd.channel.probe().await.unwrap().problems.join("\n");
    assert!(problems.contains("currency = \"DKK\"") && problems.contains("tax = \"gross\""), "{problems}");
    bench.double.with(|shop| {
        let twin = shop.products[&7].clone();
        shop.products.insert(9, twin);
    });
    let found = bench.channel.find(&["KETTLE".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "KETTLE").count(), 2, "both, so that none of them is mapped");
}

#[tokio::test]
async fn taxes_that_are_off_make_every_price_gross() {
    let problems = async |table: &str, calc: &'static str, include: &'static str| {
        let shop = Shop { calc_taxes: calc, include_tax: include, ..Shop::new() };
        Bench::open(shop, judge(), table).await.channel.probe().await.unwrap().problems
    };
    let net = TABLE.replace("gross", "net");
    // As a fresh shop answers.
    assert_eq!(problems(TABLE, "no", "no").await, Vec::<String>::new());
    let said = problems(&net, "no", "no").await;
    assert!(said.len() == 1 && said[0].contains("taxes are off") && said[0].contains("tax = \"gross\""), "{said:?}");
    assert_eq!(problems(&net, "yes", "no").await, Vec::<String>::new());
    assert!(problems(TABLE, "yes", "no").await[0].contains("set tax = \"net\""));
}

#[tokio::test]
async fn the_probe_tells_a_key_that_may_less_from_a_dead_one() {
    let bench = open().await;
    bench.double.with(|shop| shop.settings = false);
    let probe = bench.channel.probe().await.unwrap();
    assert!(probe.problems.is_empty(), "what a key may not see keeps no price from being written: {probe:?}");
    assert!(probe.notes.len() == 1 && probe.notes[0].contains("currency and tax are unknown"), "{probe:?}");
    bench.double.with(|shop| (shop.settings, shop.read_only) = (true, true));
    let problems = bench.channel.probe().await.unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains("does not have write permissions"), "{problems:?}");
    let dead = Bench::open(Shop::new(), judge(), &TABLE.replace("cs_1", "dead")).await;
    let error = dead.channel.probe().await.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert!(error.message.contains("signature does not match. (woocommerce_rest_authentication_error)"), "{error}");
    assert!(!error.message.contains("https"), "{error}");
    let lost = json!({ "code": "woocommerce_rest_cannot_view", "message": "Sorry, you cannot list resources.", "data": { "status": 401 } });
    bench.double.fail_write(Fault::Answer(Reply::json(401, &lost)));
    let error = bench.push_one(&dkk("7", 47_900)).await.unwrap_err();
    assert!(error.class == Class::Refused && error.message.contains("does not see https"), "{error}");
    assert!(error.message.contains("set sign = true"), "{error}");
    // A signature needs neither https nor a header that arrives.
    let signed = Bench::open(Shop::new(), judge(), &format!("{TABLE}sign = true\n")).await;
    signed.push_one(&dkk("7", 47_900)).await.unwrap();
}

#[tokio::test]
async fn a_listing_is_gone_only_if_woocommerce_says_so() {
    let bench = open().await;
    assert_eq!(bench.read("77/78").await.price, None);
    let page = Fault::Answer(Reply::text(404, "<html>Not Found</html>"));
    bench.double.fail_any(page);
    let error = bench.channel.read(&["30/31".to_owned()]).await.unwrap_err();
    assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    bench.double.with(|shop| shop.off = true);
    let error = bench.channel.read(&["30/31".to_owned()]).await.unwrap_err();
    assert!(matches!(error.class, Class::Retry { .. }), "{error}");
    assert_eq!(bench.channel.probe().await.unwrap_err().class, Class::Refused);
}

#[tokio::test]
async fn odd_prices_hide_no_other_and_prove_nothing() {
    let bench = open().await;
    bench.double.with(|shop| {
        shop.products.get_mut(&7).unwrap().regular = "41.3223".to_owned();
        shop.odd
            .insert(8, json!({ "price": 349, "regular_price": 399.5, "sku": "LAMP", "type": null, "parent_id": null }));
        shop.products.insert(
            9,
            Product { sku: "ODD", parent: None, variable: false, regular: "1".to_owned(), sale: String::new() },
        );
        shop.odd.insert(9, json!({ "price": "from 4" }));
    });
    let externals = ["7", "8", "9"].map(str::to_owned);
    let seen = bench.channel.read(&externals).await.unwrap();
    let price = seen[0].price.unwrap();
    assert_eq!(price.minor().unwrap(), 4_132);
    assert_eq!(seen[0].regular, Some(Some(price)), "no sale of ours crosses out its own price, so this proves nothing");
    assert_eq!(
        (seen[1].price.unwrap().minor().unwrap(), seen[1].regular.unwrap().unwrap().minor().unwrap()),
        (34_900, 39_950)
    );
    assert_eq!(seen[2].price, None);
    assert!(seen[2].refused.as_ref().unwrap().contains("listing 9 shows `from 4`"), "{seen:?}");
    bench.double.with(|shop| shop.odd.insert(8, json!({ "price": null, "sku": null })));
    let found = bench.channel.find(&["KETTLE".to_owned(), "LAMP".to_owned()]).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    // The next push mends it.
    bench.push_one(&dkk("7", 4_132)).await.unwrap();
    bench.proves(&dkk("7", 4_132)).await;
}

#[tokio::test]
async fn only_what_has_one_price_and_stays_where_it_was_is_a_listing() {
    let bench = open().await;
    bench.double.with(|shop| {
        shop.odd.insert(7, json!({ "type": "grouped" }));
        shop.odd.insert(30, json!({ "type": "variable-subscription", "price": "9" }));
        shop.odd.insert(31, json!({ "type": "subscription_variation" }));
    });
    let found = bench.channel.find(&["KETTLE", "SHIRT", "SHIRT-S"].map(str::to_owned)).await.unwrap();
    let found: Vec<&str> = found.iter().map(|one| one.external.as_str()).collect();
    assert_eq!(found, ["30/31"]);
    bench.double.with(|shop| shop.odd.insert(31, json!({ "parent_id": 40 })));
    let seen = bench.read("30/31").await;
    assert_eq!(seen.price, None);
    assert!(seen.refused.as_ref().unwrap().contains("now 40/31; map it anew"), "{seen:?}");
}
