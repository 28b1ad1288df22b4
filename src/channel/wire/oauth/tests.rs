//! Tokens against an endpoint on loopback that counts, rotates and fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::channel::Setting;

/// Answers every request with a new access token and a new refresh token; a refresh token works once.
struct Endpoint {
    port: u16,
    asked: AtomicUsize,
    valid: Mutex<String>,
    slow: AtomicBool,
    lifetime: i64,
}

impl Endpoint {
    async fn open(lifetime: i64) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let endpoint = Arc::new(Self {
            port,
            asked: AtomicUsize::new(0),
            valid: Mutex::new("first".to_owned()),
            slow: AtomicBool::new(false),
            lifetime,
        });
        let shared = Arc::clone(&endpoint);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let endpoint = Arc::clone(&shared);
                tokio::spawn(async move {
                    let mut request = vec![0; 8_192];
                    let mut filled = 0;
                    // The form is the last thing of a request and ends with the refresh token or the scope.
                    while !String::from_utf8_lossy(&request[..filled]).contains("grant_type=") {
                        match stream.read(&mut request[filled..]).await {
                            Ok(read) if read > 0 => filled += read,
                            _ => return,
                        }
                    }
                    let answer = endpoint.answer(&String::from_utf8_lossy(&request[..filled]));
                    if endpoint.slow.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        endpoint
    }

    fn answer(&self, request: &str) -> String {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut valid = self.valid.lock().unwrap();
        let (status, body) = if request.contains("refresh_token=") && !request.contains(&format!("={}", *valid)) {
            ("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned())
        } else {
            *valid = format!("refresh{number}");
            let (refresh, lifetime) = (&*valid, self.lifetime);
            let body =
                format!(r#"{{"access_token":"access{number}","refresh_token":"{refresh}","expires_in":{lifetime}}}"#);
            ("200 OK", body)
        };
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    /// From now on only this refresh token is good.
    fn grants(&self, token: &str) {
        token.clone_into(&mut self.valid.lock().unwrap());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn tokens(&self, clock: &Clock, vault: &Arc<dyn Vault>) -> Tokens {
        self.tokens_of("first", clock, vault)
    }

    fn tokens_of(&self, first: &str, clock: &Clock, vault: &Arc<dyn Vault>) -> Tokens {
        let setting = Setting {
            name: "shop".to_owned(),
            timeout: Duration::from_secs(2),
            base: std::env::temp_dir(),
            clock: clock.clone(),
            vault: Arc::clone(vault),
            shared: Arc::default(),
        };
        let client = Client {
            token_url: format!("http://127.0.0.1:{}/token", self.port).parse().unwrap(),
            id: "id".to_owned(),
            secret: "secret".to_owned().into(),
            auth: ClientAuth::Body,
            grant: Grant::RefreshToken { first: first.to_owned().into(), scope: String::new() },
        };
        Tokens::new(Http::new(&setting).unwrap(), client, "shop".to_owned(), clock.clone(), Arc::clone(vault))
    }
}

/// A vault that can be broken, and looks whether a token was used before it was stored.
#[derive(Default)]
struct Fragile {
    kept: Forgetful,
    broken: AtomicBool,
}

#[async_trait]
impl Vault for Fragile {
    async fn load(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        self.kept.load(channel, name).await
    }

    async fn store(&self, channel: &str, name: &str, value: SecretString) -> Result<(), String> {
        if self.broken.load(Ordering::SeqCst) {
            return Err("the disk is full".to_owned());
        }
        self.kept.store(channel, name, value).await
    }
}

async fn text(tokens: &Tokens) -> String {
    tokens.bearer().await.unwrap().to_str().unwrap().to_owned()
}

fn forgetful() -> Arc<dyn Vault> {
    Arc::new(Forgetful::default())
}

#[tokio::test]
async fn many_waiters_share_one_fetch() {
    let endpoint = Endpoint::open(3_600).await;
    endpoint.slow.store(true, Ordering::SeqCst);
    let tokens = Arc::new(endpoint.tokens(&Clock::manual(Millis(0)), &forgetful()));
    let waiters: Vec<_> = (0..50)
        .map(|_| {
            let tokens = Arc::clone(&tokens);
            tokio::spawn(async move { text(&tokens).await })
        })
        .collect();
    for waiter in waiters {
        assert_eq!(waiter.await.unwrap(), "Bearer access1");
    }
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_and_not_before() {
    let endpoint = Endpoint::open(3_600).await;
    let clock = Clock::manual(Millis(0));
    let tokens = endpoint.tokens(&clock, &forgetful());
    assert_eq!(text(&tokens).await, "Bearer access1");
    clock.advance(3_600 * Millis::SECOND - AHEAD_MS - 1);
    assert_eq!(text(&tokens).await, "Bearer access1");
    clock.advance(1);
    assert_eq!(text(&tokens).await, "Bearer access2", "two minutes before its end");
    // One that lives for less than the lead is used for half its life instead of never.
    let brief = Endpoint::open(60).await;
    let tokens = brief.tokens(&clock, &forgetful());
    text(&tokens).await;
    clock.advance(29 * Millis::SECOND);
    assert_eq!(text(&tokens).await, "Bearer access1");
    clock.advance(Millis::SECOND);
    assert_eq!(text(&tokens).await, "Bearer access2");
}

#[tokio::test]
async fn a_rotated_token_is_stored_before_anything_is_done_with_it() {
    let endpoint = Endpoint::open(3_600).await;
    let fragile = Arc::new(Fragile::default());
    fragile.broken.store(true, Ordering::SeqCst);
    let vault: Arc<dyn Vault> = Arc::clone(&fragile) as Arc<dyn Vault>;
    let tokens = endpoint.tokens(&Clock::manual(Millis(0)), &vault);
    let error = tokens.bearer().await.unwrap_err();
    assert_eq!(error.class, Class::Retry { after_ms: None }, "{error}");
    assert!(error.message.contains("disk is full"), "{error}");
    // The endpoint has spent the old token; nobody got the access token that came with the lost one.
    fragile.broken.store(false, Ordering::SeqCst);
    let error = tokens.bearer().await.unwrap_err();
    assert_eq!(error.class, Class::Refused, "a lost rotation is said, not hidden: {error}");
}

#[tokio::test]
async fn a_process_that_ends_after_the_rotation_leaves_the_new_token_for_the_next() {
    let endpoint = Endpoint::open(3_600).await;
    let (clock, vault) = (Clock::manual(Millis(0)), forgetful());
    let first = endpoint.tokens(&clock, &vault);
    assert_eq!(text(&first).await, "Bearer access1");
    // Gone with its access token, before one request was made with it.
    drop(first);
    let second = endpoint.tokens(&clock, &vault);
    assert_eq!(text(&second).await, "Bearer access2", "the configured token is spent, the stored one is not");
    let kept = vault.load("shop", REFRESH).await.unwrap().unwrap();
    assert_eq!(kept.expose_secret().strip_prefix(&successor_of(&"first".to_owned().into())), Some("refresh2"));
}

#[tokio::test]
async fn a_configured_token_that_was_replaced_is_used_and_the_old_one_s_successor_is_not() {
    let endpoint = Endpoint::open(3_600).await;
    let (clock, vault) = (Clock::manual(Millis(0)), forgetful());
    assert_eq!(text(&endpoint.tokens(&clock, &vault)).await, "Bearer access1");
    // Somebody withdrew the grant, and the operator got another token.
    endpoint.grants("second");
    let error = endpoint.tokens(&clock, &vault).bearer().await.unwrap_err();
    assert_eq!(error.class, Class::Refused, "{error}");
    assert_eq!(text(&endpoint.tokens_of("second", &clock, &vault)).await, "Bearer access3");
    assert_eq!(text(&endpoint.tokens_of("second", &clock, &vault)).await, "Bearer access4", "its own successor");
}

#[tokio::test]
async fn a_successor_of_unknown_descent_is_tried_first_and_then_the_configured_token() {
    let endpoint = Endpoint::open(3_600).await;
    let (clock, vault) = (Clock::manual(Millis(0)), forgetful());
    vault.store("shop", REFRESH, "older".to_owned().into()).await.unwrap();
    endpoint.grants("older");
    assert_eq!(text(&endpoint.tokens(&clock, &vault)).await, "Bearer access1");
    vault.store("shop", REFRESH, "older".to_owned().into()).await.unwrap();
    endpoint.grants("first");
    assert_eq!(text(&endpoint.tokens(&clock, &vault)).await, "Bearer access3");
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_who_used_it() {
    let endpoint = Endpoint::open(3_600).await;
    let tokens = endpoint.tokens(&Clock::manual(Millis(0)), &forgetful());
    let used = tokens.bearer().await.unwrap();
    assert!(tokens.spent(&used).await);
    let fresh = tokens.bearer().await.unwrap();
    assert!(!tokens.spent(&used).await, "it was renewed meanwhile");
    assert_eq!(tokens.bearer().await.unwrap(), fresh);
    assert_eq!(endpoint.asked(), 2);
}

#[tokio::test]
async fn two_workers_with_one_vault_do_not_spend_a_token_twice_in_a_row() {
    let endpoint = Endpoint::open(3_600).await;
    let (clock, vault) = (Clock::manual(Millis(0)), forgetful());
    let (one, two) = (endpoint.tokens(&clock, &vault), endpoint.tokens(&clock, &vault));
    text(&one).await;
    text(&two).await;
    clock.advance(3_600 * Millis::SECOND);
    text(&one).await;
    assert_eq!(text(&two).await, "Bearer access4", "each takes the newest stored token");
}
