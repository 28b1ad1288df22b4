//! The server's precision of prices, which rounds without a word.

use omniprice::money::WirePrice;

use super::*;

/// What the server keeps of a price: from version 19 on the precision only says how many decimals are shown at least.
pub fn kept(version: i64, digits: Option<u32>, price: &Value) -> Value {
    if version >= 19 {
        return price.clone();
    }
    let amount = omniprice::money::decimal(&price.to_string()).unwrap();
    let strategy = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
    serde_json::from_str(&amount.round_dp_with_strategy(digits.unwrap_or(2), strategy).to_string()).unwrap()
}

pub async fn prices_keep_their_currency_and_their_digits(version: i64) {
    let bench = open(version, TABLE).await;
    bench.double.with(|server| server.templates.insert(7, json!(41.3223)));
    let seen = bench.read("7").await;
    assert_eq!(
        (seen.price.unwrap().minor().unwrap(), seen.regular),
        (4_132, Some(seen.price)),
        "rounded, and no proof"
    );
    bench.double.with(|server| server.currency = "USD");
    assert_eq!(bench.read("7").await.price.unwrap().currency(), Currency::USD, "the company's, not the table's");
    bench.double.with(|server| server.products.get_mut(&70).unwrap().extra = 5.0);
    let found = bench.channel.find(&["KETTLE".to_owned(), "POT".to_owned()]).await.unwrap();
    let shut = |sku: &str| found.iter().find(|one| one.sku == sku).unwrap().shut.as_deref();
    assert_eq!(shut("KETTLE"), Some("KETTLE has a surcharge by attribute; use a pricelist"));
    assert_eq!(shut("POT"), None, "the others are found");
    let list = open(version, &format!("{TABLE}pricelist = 3\n")).await;
    list.double.with(|server| server.products.get_mut(&70).unwrap().extra = 5.0);
    assert_eq!(list.channel.find(&["KETTLE".to_owned()]).await.unwrap().len(), 1);
}

pub async fn net_prices_have_the_decimals_that_the_server_keeps(version: i64) {
    let finer = WirePrice::from_units(83_950, 4, Currency::EUR);
    let four = format!("{TABLE}net_decimals = 4\n");
    for (table, external) in [(four.clone(), "7"), (format!("{four}pricelist = 3\n"), "70")] {
        let bench = Bench::open(Server { digits: Some(4), ..Server::new(version) }, judge().keeping(4), &table).await;
        assert_eq!(bench.channel.capabilities().decimals(), 4);
        let change = PriceChange { price: finer, ..eur(external, 1) };
        bench.push_one(&change).await.unwrap();
        assert!(bench.double.written()[0].text().contains("8.395"), "{}", bench.double.written()[0].text());
        bench.proves(&change).await;
        let probe = bench.channel.probe().await.unwrap();
        assert_eq!((probe.problems, probe.notes.len()), (vec![], 0));
        bench.double.with(|server| server.digits = Some(2));
        bench.push_one(&change).await.unwrap();
        if version >= 19 {
            bench.proves(&change).await;
            let probe = bench.channel.probe().await.unwrap();
            assert_eq!((probe.problems, probe.notes.len()), (vec![], 0), "the precision rounds nothing any more");
            continue;
        }
        // The precision is lowered: what is kept is another price, and the probe says what to do.
        let seen = bench.read(external).await.price.unwrap();
        assert_eq!((seen.to_string().as_str(), seen.is_shortened(finer)), ("8.40 EUR", true));
        let problems = bench.channel.probe().await.unwrap().problems;
        assert!(
            problems[0].contains("keeps 2 decimals of a price and is sent 4; set net_decimals = 2"),
            "{problems:?}"
        );
    }
    let two = Bench::open(Server { digits: Some(4), ..Server::new(version) }, judge(), TABLE).await;
    assert_eq!(two.channel.capabilities().decimals(), 2, "until somebody says so");
    let notes = two.channel.probe().await.unwrap().notes;
    assert!(notes[0].contains("net_decimals = 4"), "{notes:?}");
    let gross = format!("{}net_decimals = 4\n", TABLE.replace("'net'", "'gross'"));
    let gross = gross.replace("{url}", "http://127.0.0.1").parse().unwrap();
    let refused = (omniprice::channel::kind(&gross).unwrap().check)(&gross);
    assert!(refused.unwrap_err().contains("is for tax = \"net\""));
}
