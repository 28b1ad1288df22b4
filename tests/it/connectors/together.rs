//! Channels that a vendor counts together: what one is told to wait, the other waits too, without asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use omniprice::channel::Class;
use omniprice::channel::wire::shared::Shared;
use omniprice::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::double::connect_beside;

const SHOPIFY: &str = "kind = 'shopify'\nurl = '{url}'\naccess_token = 't1'\ncurrency = 'DKK'\ntax = 'gross'\n";
const BIGCOMMERCE: &str = "kind = 'bigcommerce'\napi_url = '{url}'\nstore_hash = 'abc1'\naccess_token = 't1'\n\
                           currency = 'DKK'\ntax = 'gross'\n";
const KAUFLAND: &str = "kind = 'kaufland'\napi_url = '{url}'\nclient_key = 'c'\nsecret_key = 's'\n";
const AMAZON: &str = "kind = 'amazon'\napi_url = '{url}'\ntoken_url = '{url}/token'\nseller_id = 'A2SELLER'\n\
                      client_id = 'app'\nclient_secret = 's'\nrefresh_token = 'r'\ncurrency = 'EUR'\n";
const EBAY: &str = "kind = 'ebay'\napi_url = '{url}'\ntoken_url = '{url}/token'\nclient_id = 'app'\n\
                    client_secret = 's'\nrefresh_token = 'r'\ncurrency = 'EUR'\n";

/// Answers every question with 429 and two minutes, and counts them; tokens it gives away.
async fn busy() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 16_384];
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            let token = bytes[..read].starts_with(b"POST /token");
            let (status, body) = if token {
                ("200 OK", r#"{"access_token":"a","token_type":"bearer","expires_in":3600}"#)
            } else {
                counted.fetch_add(1, Ordering::SeqCst);
                ("429 Too Many Requests\r\nretry-after: 120", "{}")
            };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\n");
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (place, asked)
}

#[tokio::test]
async fn a_wait_that_one_channel_of_an_account_is_told_holds_for_the_others() {
    let with = |table: &str, more: &str| format!("{table}{more}\n");
    let cases = [
        (with(SHOPIFY, "price_list = '1'"), with(SHOPIFY, "price_list = '2'"), SHOPIFY.replace("'t1'", "'t2'")),
        (BIGCOMMERCE.to_owned(), with(BIGCOMMERCE, "price_list = 3"), BIGCOMMERCE.replace("abc1", "abc2")),
        (
            with(KAUFLAND, "storefront = 'de'"),
            with(KAUFLAND, "storefront = 'at'"),
            with(&KAUFLAND.replace("'c'", "'d'"), "storefront = 'de'"),
        ),
        (
            with(AMAZON, "marketplace_id = 'DE1'"),
            with(AMAZON, "marketplace_id = 'FR1'"),
            with(&AMAZON.replace("A2SELLER", "B3SELLER"), "marketplace_id = 'DE1'"),
        ),
        (
            with(EBAY, "marketplace_id = 'EBAY_DE'\nlanguage = 'de-DE'"),
            with(EBAY, "marketplace_id = 'EBAY_FR'\nlanguage = 'fr-FR'"),
            with(&EBAY.replace("'app'", "'app2'"), "marketplace_id = 'EBAY_DE'\nlanguage = 'de-DE'"),
        ),
    ];
    for (one, other, alone) in cases {
        let (place, asked) = busy().await;
        let shared = Arc::<Shared>::default();
        let connect = |table: &str| connect_beside(&table.replace("{url}", &place), Clock::System, Arc::clone(&shared));
        let (one, other, alone) = (connect(&one), connect(&other), connect(&alone));
        let skus = ["TEA".to_owned()];
        let told = one.find(&skus).await.unwrap_err();
        assert!(matches!(told.class, Class::Retry { .. }), "{told}");
        let before = asked.load(Ordering::SeqCst);
        assert!(before > 0, "{told}");
        let waits = other.find(&skus).await.unwrap_err();
        assert!(matches!(waits.class, Class::Retry { after_ms: Some(ms) } if ms > 60_000), "{waits}");
        assert_eq!(asked.load(Ordering::SeqCst), before, "it asked although its account was told to wait");
        alone.find(&skus).await.unwrap_err();
        assert!(asked.load(Ordering::SeqCst) > before, "another account has nothing to do with it");
    }
}
