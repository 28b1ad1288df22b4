//! Saleor: errors behind 200 and in items, HTTP 400 for what is no decimal, and promotions that change what buyers pay.

use std::collections::BTreeMap;

use omniprice::channel::{Class, PriceChange};
use omniprice::money::{Currency, WirePrice};
use serde_json::{Value, json};

use super::double::{self, Bench, Expect, Fault, Reply, Request, Row, Vendor, change, on_sale};
use super::schema::Judge;

const TABLE: &str = "kind = 'saleor'\nurl = '{url}/graphql/'\napp_token = 't1'\nsales_channel = 'dk'\ncurrency = 'DKK'\ntax = 'gross'\n";

#[derive(Clone)]
struct Shop {
    /// SKU, price, prior price.
    variants: BTreeMap<&'static str, (&'static str, String, Option<String>)>,
    /// What a promotion takes off, in percent.
    promotion: u32,
    permissions: &'static [&'static str],
    /// Variants that somebody took off sale in our channel: without a listing there, or with one that has no price.
    unlisted: &'static [&'static str],
    unpriced: &'static [&'static str],
    /// A version before the reference price and the tax configuration.
    old: bool,
}

impl Shop {
    fn new() -> Self {
        let variant = |sku, price: &str| (sku, price.to_owned(), None);
        Self {
            variants: [("UHY6MQ==", variant("KETTLE", "499.00")), ("UHY6Mg==", variant("LAMP", "349.00"))].into(),
            promotion: 0,
            permissions: &["MANAGE_PRODUCTS"],
            unlisted: &[],
            unpriced: &[],
            old: false,
        }
    }

    /// Amounts are JSON numbers.
    fn amount(text: &str) -> Value {
        json!({ "amount": serde_json::from_str::<Value>(text.trim_end_matches('0').trim_end_matches('.')).unwrap(), "currency": "DKK" })
    }

    fn node(&self, id: &str) -> Value {
        let (sku, price, prior) = &self.variants[id];
        let paid = match self.promotion {
            0 => Self::amount(price),
            off => {
                let minor =
                    omniprice::money::Money::parse(price, Currency::DKK).unwrap().minor() * i64::from(100 - off) / 100;
                Self::amount(&WirePrice::from_minor(minor, Currency::DKK).amount().to_string())
            }
        };
        let own = if self.unpriced.contains(&id) { Value::Null } else { Self::amount(price) };
        let mut listings =
            vec![json!({ "channel": { "slug": "se" }, "price": Self::amount("5.0"), "priorPrice": null })];
        if !self.unlisted.contains(&id) {
            let prior = prior.as_deref().map(Self::amount);
            listings.push(json!({ "channel": { "slug": "dk" }, "price": own, "priorPrice": prior }));
        }
        json!({ "id": id, "sku": sku, "product": { "id": "UHI6MQ==" }, "pricing": { "price": { "gross": paid, "net": Self::amount("1.0") } },
            "channelListings": listings })
    }

    fn update(&mut self, variables: &Value) -> Value {
        let mut data = serde_json::Map::new();
        for place in 0..variables.as_object().unwrap().len() / 2 {
            let (id, row) = (variables[format!("v{place}")].as_str().unwrap(), &variables[format!("i{place}")][0]);
            let failed = |code: &str, message: &str| json!({ "errors": [{ "field": "id", "message": message, "code": code }], "variant": null });
            let own = match self.variants.get_mut(id) {
                // The vendor makes the listing that is not there.
                Some(own) if row["channelId"] == "Q2g6MQ==" => {
                    (self.unlisted, self.unpriced) = (&[], &[]);
                    (own.1, own.2) =
                        (row["price"].as_str().unwrap().to_owned(), row["priorPrice"].as_str().map(str::to_owned));
                    json!({ "errors": [], "variant": { "id": id } })
                }
                Some(_) => failed("NOT_FOUND", "Couldn't resolve to a channel"),
                None => failed("NOT_FOUND", "Couldn't resolve to a node"),
            };
            data.insert(format!("a{place}"), own);
        }
        Value::Object(data)
    }
}

fn denied() -> Reply {
    Reply::ok(
        &json!({ "errors": [{ "message": "To access this path, you need one of the following permissions: MANAGE_PRODUCTS",
        "extensions": { "exception": { "code": "PermissionDenied" } } }], "data": null }),
    )
}

impl Vendor for Shop {
    fn writes(&self, request: &Request) -> bool {
        request.text().contains("\"query\":\"mutation")
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.header("authorization") != "Bearer t1" {
            return denied();
        }
        let (body, text) = (request.json(), request.text());
        if let Some(field) = ["taxConfiguration", "priorPrice"].iter().find(|field| self.old && text.contains(**field))
        {
            let words = format!("Cannot query field \"{field}\" on type \"Channel\".");
            let error = json!({ "message": words, "extensions": { "exception": { "code": "GraphQLError" } } });
            return Reply::json(400, &json!({ "errors": [error] }));
        }
        let variables = &body["variables"];
        let data = if self.writes(request) {
            self.update(variables)
        } else if text.contains("productVariants") {
            let wanted = |id: &str, sku: &str| {
                [&variables["i"], &variables["s"]]
                    .iter()
                    .any(|list| list.as_array().into_iter().flatten().any(|one| one == id || one == sku))
            };
            let edges: Vec<Value> = self
                .variants
                .iter()
                .filter(|(id, (sku, ..))| wanted(id, sku))
                .map(|(id, _)| json!({ "node": self.node(id) }))
                .collect();
            json!({ "productVariants": { "edges": edges } })
        } else {
            let channel = json!({ "id": "Q2g6MQ==", "name": "Danmark", "currencyCode": "DKK", "isActive": true, "taxConfiguration": { "pricesEnteredWithTax": true } });
            let permissions: Vec<Value> = self.permissions.iter().map(|code| json!({ "code": code })).collect();
            json!({ "channel": if variables["c"] == "dk" { channel } else { Value::Null }, "app": { "permissions": permissions } })
        };
        Reply::ok(&json!({ "data": data, "extensions": { "cost": { "requestedQueryCost": 1 } } }))
    }

    fn live(&self, external: &str) -> Option<i64> {
        omniprice::money::Money::parse(&self.variants.get(external)?.1, Currency::DKK).ok().map(|price| price.minor())
    }
}

fn judge() -> Judge {
    Judge::new("saleor").graphql("/graphql/", "saleor.graphql.gz")
}

async fn with(judge: &Judge, table: &str) -> Bench<Shop> {
    Bench::open(Shop::new(), judge.clone(), table).await
}

fn dkk(external: &str, minor: i64) -> PriceChange {
    change(external, "SKU", minor, Currency::DKK)
}

#[tokio::test]
async fn listings_of_one_channel_are_written_proved_and_cleared() {
    let judge = judge();
    let bench = with(&judge, TABLE).await;
    let found = bench.channel.find(&["KETTLE".to_owned(), "NOBODY".to_owned()]).await.unwrap();
    assert_eq!(
        (found.len(), found[0].external.as_str(), found[0].price.unwrap().minor().unwrap()),
        (1, "UHY6MQ==", 49_900)
    );
    let sale = on_sale(dkk("UHY6MQ==", 39_950), 47_900);
    let results = bench.push(&[sale.clone(), dkk("UHY6OTk=", 100), dkk("UHY6Mg==", 32_900)]).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert_eq!(results[1].as_ref().unwrap_err().class, Class::Rejected);
    bench.proves(&sale).await;
    bench.push_one(&dkk("UHY6MQ==", 39_950)).await.unwrap();
    bench.proves(&dkk("UHY6MQ==", 39_950)).await;
    assert_eq!(bench.double.written().last().unwrap().json()["variables"]["i0"][0]["priorPrice"], Value::Null);
    bench.double.with(|shop| shop.promotion = 10);
    assert_eq!(bench.read("UHY6MQ==").await.price.unwrap().minor().unwrap(), 35_955, "what a buyer pays");
    bench.double.with(|shop| {
        shop.promotion = 0;
        shop.variants.get_mut("UHY6Mg==").unwrap().1 = "41.3223".to_owned();
    });
    let seen = bench.read("UHY6Mg==").await;
    assert_eq!(
        (seen.price.unwrap().minor().unwrap(), seen.regular),
        (4_132, Some(seen.price)),
        "rounded, and no proof"
    );
    let mut two = sale;
    two.sale.as_mut().unwrap().prior = Some(WirePrice::from_minor(45_900, Currency::DKK));
    assert!(bench.push_one(&two).await.unwrap_err().message.contains("one reference price"));
}

#[tokio::test]
async fn what_somebody_took_off_sale_is_not_put_back_by_a_price() {
    let judge = judge();
    let (off, on) = (dkk("UHY6MQ==", 39_950), dkk("UHY6Mg==", 32_900));
    for (unlisted, unpriced) in [(["UHY6MQ=="].as_slice(), [].as_slice()), (&[], &["UHY6MQ=="])] {
        let bench = Bench::open(Shop { unlisted, unpriced, ..Shop::new() }, judge.clone(), TABLE).await;
        let results = bench.push(&[off.clone(), on.clone()]).await;
        let error = results[0].as_ref().unwrap_err();
        assert!(error.class == Class::Rejected && error.message.contains("not on sale in dk"), "{error}");
        assert!(results[1].is_ok(), "{results:?}");
        let sent = bench.double.written();
        assert!(sent.iter().all(|request| !request.text().contains("UHY6MQ==")), "it is still off sale");
        bench.double.with(|shop| (shop.unlisted, shop.unpriced) = (&[], &[]));
        bench.push_one(&off).await.unwrap();
    }
}

#[tokio::test]
async fn every_fault_has_its_class() {
    let judge = judge();
    let errors = |status: u16, code: &str| {
        Reply::json(status, &json!({ "errors": [{ "message": "m", "extensions": { "exception": { "code": code } } }] }))
    };
    let bare = json!({ "data": { "a0": { "errors": [], "variant": null } } });
    let mut rows = Row::wire();
    rows.extend([
        Row::new("dead token", Fault::Answer(denied()), Expect::Refused, false),
        Row::new("expired token", Fault::Answer(errors(200, "ExpiredSignatureError")), Expect::Refused, false),
        Row::new("no decimal", Fault::Answer(errors(400, "GraphQLError")), Expect::Rejected, false),
        Row::new(
            "a host name that Django does not know",
            Fault::Answer(Reply::text(400, "<h1>Bad Request (400)</h1>")),
            Expect::Refused,
            false,
        ),
        Row::new("no error and no variant", Fault::Answer(Reply::ok(&bare)), Expect::Unknown, false),
        Row::new("something broke", Fault::Answer(errors(200, "DatabaseError")), Expect::Unknown, false),
        Row::new("429", Fault::Answer(Reply::text(429, "").header("retry-after", 2)), Expect::RetryAfter(2_000), false),
    ]);
    double::suffer(rows, &dkk("UHY6MQ==", 47_900), async || with(&judge, TABLE).await).await;
    double::nobody_home(TABLE, &dkk("UHY6MQ==", 47_900)).await;
    assert_eq!(with(&judge, TABLE).await.channel.probe().await.unwrap().problems, Vec::<String>::new());
    let odd = with(&judge, &TABLE.replace("DKK", "SEK").replace("gross", "net")).await;
    assert_eq!(odd.channel.probe().await.unwrap().problems.len(), 2);
    let weak = Bench::open(Shop { permissions: &["MANAGE_ORDERS"], ..Shop::new() }, judge.clone(), TABLE).await;
    let problems = weak.channel.probe().await.unwrap().problems;
    assert!(problems.len() == 1 && problems[0].contains("MANAGE_PRODUCTS"), "{problems:?}");
    let old = Bench::open(Shop { old: true, ..Shop::new() }, judge.clone(), TABLE).await;
    for error in [old.channel.probe().await.unwrap_err(), old.push_one(&dkk("UHY6MQ==", 47_900)).await.unwrap_err()] {
        assert!(error.class == Class::Refused && error.message.contains("too old"), "{error}");
    }
    let lost = with(&judge, &TABLE.replace("'dk'", "'no'")).await;
    assert_eq!(lost.push_one(&dkk("UHY6MQ==", 47_900)).await.unwrap_err().class, Class::Refused);
}
