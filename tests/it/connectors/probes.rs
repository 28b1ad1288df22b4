//! What a look at a channel tells: the clock wherever the answer has a date, and notes apart from problems.

use omniprice::channel::Class;
use omniprice::clock::Clock;
use serde_json::json;

use super::double::{AT, Bench, Reply, Request, Vendor};
use super::schema::Judge;

const WEBHOOK: &str = "kind = 'webhook'\nurl = '{url}/prices'\nsecret = 'whsec_b21uaXByaWNlLWRlbW8tc2VjcmV0LTI0'\n\
                       currency = 'DKK'\ntax = 'gross'\n";
const VENDURE: &str = "kind = 'vendure'\nurl = '{url}'\napi_key = 'k1'\ncurrency = 'DKK'\ntax = 'gross'\n";

/// A receiver of webhooks that knows no product, and a Vendure that is asked for its channel only.
#[derive(Clone)]
struct Host {
    status: u16,
}

impl Vendor for Host {
    fn writes(&self, request: &Request) -> bool {
        request.method == "POST" && request.path == "/prices"
    }

    fn answer(&mut self, request: &Request) -> Reply {
        if request.path == "/admin-api" {
            let channel = json!({ "code": "shop", "pricesIncludeTax": true, "availableCurrencyCodes": ["DKK"] });
            return Reply::ok(&json!({ "data": { "activeChannel": channel } }));
        }
        Reply::text(self.status, "{}")
    }

    fn live(&self, _: &str) -> Option<i64> {
        None
    }
}

async fn open(status: u16, table: &str, clock: Clock) -> Bench<Host> {
    Bench::open_at(Host { status }, Judge::new("webhook").without_schema(), table, clock).await
}

#[tokio::test]
async fn a_wrong_clock_is_told_by_whoever_answers_with_a_date() {
    let read = format!("{WEBHOOK}read_url = '{{url}}/prices/{{sku}}'\n");
    for table in [VENDURE, &read] {
        let right = open(404, table, Clock::System).await.channel.probe().await.unwrap();
        assert_eq!((right.problems, right.notes), (vec![], vec![]), "{table}");
        let bench = open(404, table, Clock::manual(AT)).await;
        let wrong = bench.channel.probe().await.unwrap().problems;
        assert!(wrong.len() == 1 && wrong[0].contains("clock"), "{wrong:?}");
        assert!(bench.double.written().is_empty(), "a probe changes nothing");
    }
}

#[tokio::test]
async fn a_receiver_is_asked_whether_it_lets_us_in_and_one_that_cannot_be_read_is_noted() {
    let read = format!("{WEBHOOK}read_url = '{{url}}/prices/{{sku}}'\n");
    let error = open(401, &read, Clock::System).await.channel.probe().await.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    let blind = open(404, WEBHOOK, Clock::System).await;
    let probe = blind.channel.probe().await.unwrap();
    assert!(probe.problems.is_empty() && probe.notes[0].contains("unverified"), "{probe:?}");
    assert!(blind.double.requests().is_empty());
}
