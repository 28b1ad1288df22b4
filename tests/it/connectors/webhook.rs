//! The price webhook as a receiver sees it that takes no message older than five minutes.

use omniprice::channel::Class;
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;

use super::double::{AT, Bench, Fault, Reply, Request, Vendor, change};
use super::schema::Judge;

const TABLE: &str = "kind = 'webhook'\nurl = '{url}/prices'\nsecret = 'whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0'\n\
                     currency = 'DKK'\ntax = 'gross'\n";

#[derive(Clone)]
struct Receiver {
    clock: Clock,
}

impl Vendor for Receiver {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        let seconds: i64 = request.header("webhook-timestamp").parse().unwrap();
        let late = self.clock.now().since(Millis(seconds * Millis::SECOND));
        Reply::text(if late.abs() > 5 * Millis::MINUTE { 401 } else { 204 }, "")
    }

    fn live(&self, _: &str) -> Option<i64> {
        None
    }
}

#[tokio::test]
async fn a_price_that_had_to_wait_is_signed_with_the_instant_of_its_try() {
    let clock = Clock::manual(AT.plus(3 * Millis::HOUR));
    let judge = Judge::new("webhook").without_schema();
    let bench = Bench::open_at(Receiver { clock: clock.clone() }, judge, TABLE, clock.clone()).await;
    let price = change("KETTLE", "KETTLE", 47_900, Currency::DKK);
    bench.push_one(&price).await.unwrap();
    clock.advance(20 * Millis::MINUTE);
    bench.push_one(&price).await.unwrap();
    let written = bench.double.written();
    let [first, second] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    let at = |request: &Request| request.header("webhook-timestamp").parse::<i64>().unwrap();
    assert_eq!(at(second) - at(first), 20 * 60);
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"));
}

#[tokio::test]
async fn a_receiver_that_is_gone_says_so_for_good() {
    let clock = Clock::manual(AT);
    let judge = Judge::new("webhook").without_schema();
    let bench = Bench::open_at(Receiver { clock: clock.clone() }, judge, TABLE, clock).await;
    bench.double.fail_write(Fault::Answer(Reply::text(410, "")));
    let error = bench.push_one(&change("KETTLE", "KETTLE", 47_900, Currency::DKK)).await.unwrap_err();
    assert_eq!(error.class, Class::Gone, "{error}");
}
