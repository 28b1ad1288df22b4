//! Allegro: a command has our id and is one command however often it is sent.

use std::collections::{BTreeMap, BTreeSet};

use omniprice::channel::{Class, PriceChange};
use omniprice::money::Currency;
use serde_json::{Value, json};

use super::{Case, minor, token};
use crate::connectors::double::{AT, Expect, Fault, Reply, Request, Row, Vendor};
use crate::connectors::schema::Judge;

#[derive(Clone, Default)]
struct Allegro {
    /// Offer id: external id, price.
    offers: BTreeMap<String, (String, i64)>,
    commands: BTreeMap<String, Value>,
    executed: usize,
    /// Offers that are on sale no more.
    ended: BTreeSet<String>,
}

impl Allegro {
    fn offer(&self, id: &str) -> Value {
        let (sku, price) = &self.offers[id];
        let status = if self.ended.contains(id) { "ENDED" } else { "ACTIVE" };
        json!({ "id": id, "external": { "id": sku }, "publication": { "status": status },
            "sellingMode": { "price": { "amount": format!("{}.{:02}", price / 100, price % 100), "currency": "PLN" } } })
    }

    fn command(&mut self, offer: &str, id: &str, body: &Value) -> Reply {
        assert_eq!(body["id"], id);
        if let Some(known) = self.commands.get(id) {
            // The same command again is the same command; another one must not have its id.
            let same = known["input"] == body["input"];
            return if same { Reply::ok(known) } else { Reply::json(409, &json!({ "errors": [] })) };
        }
        let Some(known) = self.offers.get_mut(offer) else { return missing() };
        known.1 = minor(&body["input"]["buyNowPrice"]["amount"]);
        self.executed += 1;
        let done = json!({ "id": id, "input": body["input"], "output": { "status": "SUCCESSFUL", "errors": [] } });
        self.commands.insert(id.to_owned(), done.clone());
        Reply::ok(&done)
    }
}

fn missing() -> Reply {
    Reply::json(404, &json!({ "errors": [{ "code": "OfferNotFound", "userMessage": "no such offer" }] }))
}

impl Vendor for Allegro {
    fn writes(&self, request: &Request) -> bool {
        request.method == "PUT"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = token(request) {
            return reply;
        }
        assert_eq!(request.header("authorization"), "Bearer valid");
        assert_eq!(request.header("accept"), "application/vnd.allegro.public.v1+json");
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match path.as_slice() {
            ["offers", offer, "change-price-commands", id] => self.command(offer, id, &request.json()),
            ["sale", "product-offers", id] if self.offers.contains_key(*id) => Reply::ok(&self.offer(id)),
            ["sale", "offers"] => {
                // The vendor's search finds parts of ids too; the connector must not take those.
                let wanted = request.query.get("external.id").cloned().unwrap_or_default();
                let fits = |(_, (sku, _)): &(&String, &(String, i64))| sku.contains(&wanted);
                let status = request.query.get("publication.status");
                let offers: Vec<Value> = self.offers.iter().filter(fits).map(|(id, _)| self.offer(id)).collect();
                let is = |offer: &&Value| status.is_none_or(|status| offer["publication"]["status"] == **status);
                let offers: Vec<&Value> = offers.iter().filter(is).collect();
                Reply::ok(&json!({ "offers": offers, "count": offers.len(), "totalCount": offers.len() }))
            }
            _ => missing(),
        }
    }

    fn live(&self, external: &str) -> Option<i64> {
        self.offers.get(external).map(|(_, price)| *price)
    }
}

const TABLE: &str = r#"
kind = "allegro"
client_id = "app"
client_secret = "secret"
refresh_token = "refresh"
currency = "PLN"
api_url = "{url}"
token_url = "{url}/auth/oauth/token"
"#;

fn case() -> Case<Allegro> {
    let offers = [("7001", "TEA"), ("7002", "TEA-LARGE")];
    let offers = offers.iter().map(|(id, sku)| ((*id).to_owned(), ((*sku).to_owned(), 2_000))).collect();
    let judge = Judge::new("allegro").openapi("", "allegro-price-commands.json");
    let vendor = Allegro { offers, ..Allegro::default() };
    Case { vendor, judge, table: TABLE, external: "7001", sku: "TEA", currency: Currency::PLN }
}

#[tokio::test]
async fn a_price_arrives_and_the_offer_shows_it() {
    case().takes_a_price().await;
    case().is_probed("EUR").await;
}

#[tokio::test]
async fn the_same_change_is_one_command_on_every_try_and_every_machine() {
    let bench = case().open().await;
    let change = case().change(1_800);
    bench.double.fail_write(Fault::Lost);
    assert_eq!(bench.push_one(&change).await.unwrap_err().class, Class::Unknown);
    bench.push_one(&change).await.unwrap();
    bench.push_one(&change).await.unwrap();
    let ids = |bench: &crate::connectors::double::Bench<Allegro>| -> BTreeSet<String> {
        bench.double.written().iter().map(|request| request.path.rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!((ids(&bench).len(), bench.double.with(|vendor| vendor.executed)), (1, 1));
    // Keys begin anew in a new database; another price or time is another command.
    bench.push_one(&PriceChange { price: case().change(1_700).price, ..change.clone() }).await.unwrap();
    bench.push_one(&PriceChange { at: AT.plus(1), ..change }).await.unwrap();
    assert_eq!((ids(&bench).len(), bench.double.live("7001")), (3, Some(1_800)));
}

#[tokio::test]
async fn tokens_and_faults() {
    case().renews_a_dead_token_once().await;
    let error = json!({ "code": "PriceChangeTooBig", "userMessage": "The price changes too much" });
    let output = |status: &str, errors: Value| json!({ "output": { "status": status, "errors": errors } });
    let command = |status: &str, errors: Value| {
        let mut body = json!({ "id": "x", "input": { "buyNowPrice": { "amount": "18.00", "currency": "PLN" } } });
        body["output"] = output(status, errors)["output"].clone();
        Reply::ok(&body)
    };
    case()
        .suffers(vec![
            Row::new("too big a change", Fault::Answer(command("ERROR", json!([error]))), Expect::Rejected, false),
            Row::new(
                "errors while running",
                Fault::Answer(command("RUNNING_BUT_WITH_ERRORS", json!([]))),
                Expect::Rejected,
                false,
            ),
            Row::new("a conflict", Fault::Answer(Reply::json(409, &json!({}))), Expect::Unknown, false),
            Row::new(
                "refused",
                Fault::Answer(Reply::json(422, &json!({ "errors": [error] }))),
                Expect::Rejected,
                false,
            ),
            Row::new("too fast", Fault::Answer(Reply::json(429, &json!({}))), Expect::Retry, false),
        ])
        .await;
}

#[tokio::test]
async fn two_offers_with_one_external_id_are_said() {
    let bench = case().open().await;
    bench.double.with(|vendor| vendor.offers.insert("7003".to_owned(), ("TEA".to_owned(), 1)));
    let found = bench.channel.find(&["TEA".to_owned()]).await.unwrap();
    assert_eq!(found.iter().filter(|one| one.sku == "TEA").count(), 2, "both, so that none of them is mapped");
}

#[tokio::test]
async fn reads_and_commands_have_budgets_of_their_own() {
    let bench = case().open().await;
    let begun = std::time::Instant::now();
    // The first fifty are let go at once, and 2,300 a minute after them.
    bench.channel.read(&vec!["7001".to_owned(); 90]).await.unwrap();
    assert!(begun.elapsed().as_millis() > 1_000, "{:?}", begun.elapsed());
    let begun = std::time::Instant::now();
    for minor in 1_800..1_880 {
        bench.push_one(&PriceChange { at: AT.plus(minor), ..case().change(minor) }).await.unwrap();
    }
    assert!(begun.elapsed().as_millis() > 1_000, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_price_with_too_many_decimals_is_told_and_hides_nobody() {
    let case = case();
    let mut odd = case.vendor.offer("7001");
    odd["sellingMode"]["price"]["amount"] = json!("20.0049");
    case.tells_of_an_odd_price(&case.open().await, "7002", &odd).await;
}

#[tokio::test]
async fn an_item_that_was_relisted_is_found_as_the_offer_that_is_on_sale() {
    let mut case = case();
    case.vendor.offers.insert("6001".to_owned(), ("TEA".to_owned(), 1_900));
    case.vendor.ended = ["6001", "7002"].map(str::to_owned).into();
    let bench = case.open().await;
    let found = bench.channel.find(&["TEA".to_owned(), "TEA-LARGE".to_owned()]).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|one| one.external.as_str()).collect();
    assert_eq!(ids, ["7001", "7002"], "and one that has ended where none is on sale");
}
