//! Marketplaces against doubles on loopback: what every one of them must stand is written once here, what only one of
//! them does stands in its own file.

use omniprice::channel::{Class, PriceChange};
use omniprice::clock::{Clock, Millis};
use omniprice::money::{Currency, WirePrice};
use serde_json::{Value, json};

use crate::connectors::double::{AT, Bench, Fault, Reply, Request, Row, Vendor, change, nobody_home, on_sale, suffer};
use crate::connectors::schema::Judge;

mod allegro;
mod amazon;
mod bol;
mod ebay;
mod feed;
mod file;
mod google;
mod kaufland;
mod mirakl;
mod square;

/// A marketplace with one listing whose price is 20.00.
pub struct Case<V: Vendor> {
    pub vendor: V,
    pub judge: Judge,
    /// The channel's table with `{url}`.
    pub table: &'static str,
    pub external: &'static str,
    pub sku: &'static str,
    pub currency: Currency,
}

impl<V: Vendor> Case<V> {
    pub async fn open(&self) -> Bench<V> {
        // An hour after prices of these tests were desired, so that sales of theirs have begun.
        self.open_at(Clock::manual(AT.plus(Millis::HOUR))).await
    }

    pub async fn open_at(&self, clock: Clock) -> Bench<V> {
        Bench::open_at(self.vendor.clone(), self.judge.clone(), self.table, clock).await
    }

    pub fn change(&self, minor: i64) -> PriceChange {
        change(self.external, self.sku, minor, self.currency)
    }

    /// A listing is found by its SKU, takes a price, and shows it; what is not there is absent, not an error.
    pub async fn takes_a_price(&self) {
        let bench = self.open().await;
        let (known, unknown) = (self.sku.to_owned(), "NOT-THERE".to_owned());
        let found = bench.channel.find(&[unknown, known]).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].sku.as_str(), found[0].external.as_str()), (self.sku, self.external));
        assert_eq!(found[0].price, Some(WirePrice::from_minor(2_000, self.currency)));
        for minor in [1_999, 1_250, 4_711] {
            let change = self.change(minor);
            let receipt = bench.push_one(&change).await.unwrap();
            assert!(receipt.echoed.is_none_or(|echoed| echoed == change.price), "{receipt:?}");
            assert_eq!(bench.double.live(self.external), Some(minor));
            bench.proves(&change).await;
        }
        assert!(bench.double.requests().iter().all(|request| !request.header("user-agent").is_empty()));
    }

    /// A reduction is written with what it crosses out, and the next plain price ends it.
    pub async fn starts_and_ends_a_sale(&self) {
        let bench = self.open().await;
        let sale = on_sale(self.change(1_500), 2_500);
        bench.push_one(&sale).await.unwrap();
        assert_eq!(bench.double.live(self.external), Some(1_500));
        bench.proves(&sale).await;
        let plain = self.change(2_300);
        bench.push_one(&plain).await.unwrap();
        assert_eq!(bench.double.live(self.external), Some(2_300), "the sale is over");
        bench.proves(&plain).await;
    }

    /// A price with more decimals than its currency is told rounded and proves nothing, also not the rounded one, and
    /// the listing that is read with it is read as ever. `odd` is the vendor's answer to a read of this listing where
    /// it shows the price of 20.0049, and `other` a listing whose price is 20.00.
    pub async fn tells_of_an_odd_price(&self, bench: &Bench<V>, other: &str, odd: &Value) {
        let twenty = WirePrice::from_minor(2_000, self.currency);
        // The token is fetched before.
        assert_eq!(bench.read(self.external).await.price, Some(twenty));
        bench.double.fail_any(Fault::Answer(Reply::ok(odd)));
        let seen = bench.channel.read(&[self.external.to_owned(), other.to_owned()]).await.unwrap();
        assert_eq!((seen[0].price, &seen[0].refused), (Some(twenty), &None), "{seen:?}");
        assert_eq!(seen[0].regular, Some(Some(twenty)), "no price that is ever sent is shown so");
        assert_eq!(seen[1].price, Some(twenty), "{seen:?}");
        assert!(seen[1].regular.is_none_or(|regular| regular.is_none()), "{seen:?}");
    }

    /// A token that died is renewed; when the new one is refused too, the lane must stop.
    pub async fn renews_a_dead_token_once(&self) {
        let bench = self.open().await;
        let change = self.change(1_800);
        bench.double.fail_write(Fault::Answer(denied()));
        let error = bench.push_one(&change).await.unwrap_err();
        assert!(matches!(error.class, Class::Retry { .. }), "{error}");
        bench.push_one(&change).await.unwrap();
        assert_eq!(bench.double.live(self.external), Some(1_800));
        assert_eq!(bench.double.requests().iter().filter(|request| request.path.ends_with("/token")).count(), 2);
        for _ in 0..2 {
            bench.double.fail_write(Fault::Answer(denied()));
        }
        let dead = self.change(1_700);
        assert!(matches!(bench.push_one(&dead).await.unwrap_err().class, Class::Retry { .. }));
        assert_eq!(bench.push_one(&dead).await.unwrap_err().class, Class::Refused);
        // A question is asked again at once, since it changes nothing.
        bench.read(self.external).await;
        bench.double.fail_any(Fault::Answer(denied()));
        assert_eq!(bench.read(self.external).await.price.map(|price| price.minor().unwrap()), Some(1_800));
    }

    /// Everything that goes wrong on the wire, and what only this vendor does.
    pub async fn suffers(&self, own: Vec<Row>) {
        let rows = Row::wire().into_iter().chain(own).collect();
        suffer(rows, &self.change(1_800), async || self.open().await).await;
        nobody_home(self.table, &self.change(1_800)).await;
    }

    /// A look that changes nothing: fine as it is, and a clock that is off is said.
    pub async fn is_probed(&self, other_currency: &str) {
        let bench = self.open_at(Clock::System).await;
        let probe = bench.channel.probe().await.unwrap();
        assert_eq!(probe.problems, Vec::<String>::new());
        assert!(!probe.about.is_empty());
        let late = self.open_at(Clock::manual(AT)).await.channel.probe().await.unwrap();
        assert!(late.problems.iter().any(|problem| problem.contains("clock")), "{:?}", late.problems);
        if !other_currency.is_empty() {
            let code = format!("currency = \"{}\"", self.currency.code());
            let table = self.table.replace(&code, &format!("currency = \"{other_currency}\""));
            assert_ne!(table, self.table);
            let odd = Bench::open_at(self.vendor.clone(), self.judge.clone(), &table, Clock::System).await;
            let probe = odd.channel.probe().await.unwrap();
            assert!(
                probe.problems.iter().any(|problem| problem.contains(self.currency.code())),
                "{:?}",
                probe.problems
            );
            assert!(odd.double.written().is_empty(), "a probe writes nothing");
        }
    }
}

/// A reply to a request for an access token; the request itself must look like one.
pub fn token(request: &Request) -> Option<Reply> {
    if !(request.method == "POST" && request.path.ends_with("/token")) {
        return None;
    }
    assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
    assert!(request.text().contains("grant_type="), "{}", request.text());
    Some(Reply::ok(&json!({ "access_token": "valid", "expires_in": 3_600, "token_type": "Bearer" })))
}

pub fn denied() -> Reply {
    Reply::json(401, &json!({ "errors": [{ "code": "Unauthorized", "message": "the token has expired" }] }))
}

/// The decimal of minor units with two decimals, as a JSON number.
pub fn number(minor: i64) -> serde_json::Value {
    serde_json::from_str(&format!("{}.{:02}", minor / 100, minor % 100)).unwrap()
}

/// Minor units of a JSON number or text with at most two decimals; anything else is a fault of the sender.
pub fn minor(value: &serde_json::Value) -> i64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    assert!(part.len() <= 2, "{text} has too many decimals");
    format!("{whole}{part:0<2}").parse().unwrap_or_else(|_| panic!("{text} is no amount"))
}
