//! The HTTP client of connectors: no redirects (a token never leaves its host), deadlines, bounded answers, and error
//! classes decided where the error is born.

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::Url;

use super::{ChannelError, Class, Setting};
use crate::publish::gate::Pass;

/// Answers beyond this are cut off and count as unknown.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Retry-After is obeyed up to this.
const MAX_WAIT_MS: i64 = 24 * 60 * 60 * 1000;

/// A client for one channel.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

/// A channel's answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Http {
    /// # Errors
    /// A TLS set-up that fails.
    pub fn new(setting: &Setting) -> Result<Self, String> {
        #[expect(clippy::disallowed_methods, reason = "the connectors' one client: no redirects, no proxy, a deadline")]
        let client = reqwest::Client::builder()
            .user_agent(concat!("omniprice/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(setting.timeout.min(std::time::Duration::from_secs(10)))
            .timeout(setting.timeout)
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { client })
    }

    /// Sends a body that passed the gate. An outcome that cannot be known is `Unknown`.
    ///
    /// # Errors
    /// The class says whether anything can have happened.
    pub async fn push(&self, url: &Url, headers: HeaderMap, pass: Pass) -> Result<Answer, ChannelError> {
        self.post(url, headers, pass.into_body(), Class::Unknown).await
    }

    /// Sends a body that carries no price: a query or a login.
    ///
    /// # Errors
    /// Nothing was changed, so failures are `Retry`.
    pub async fn ask(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Answer, ChannelError> {
        self.post(url, headers, body, Class::Retry { after_ms: None }).await
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Nothing was changed, so failures are `Retry`.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, ChannelError> {
        let sent = self.client.get(url.clone()).headers(headers).send().await;
        answer(sent, Class::Retry { after_ms: None }).await
    }

    async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>, late: Class) -> Result<Answer, ChannelError> {
        let request = self.client.post(url.clone()).header(header::CONTENT_TYPE, "application/json").headers(headers);
        answer(request.body(body).send().await, late).await
    }
}

/// `late` is the class of everything that goes wrong after the request may have arrived.
async fn answer(sent: Result<reqwest::Response, reqwest::Error>, late: Class) -> Result<Answer, ChannelError> {
    let mut response = sent.map_err(|error| {
        // Only a connection that never came up proves that nothing arrived.
        let class = if error.is_connect() || error.is_builder() { Class::Retry { after_ms: None } } else { late };
        ChannelError::new(class, describe(&error))
    })?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(ChannelError::new(late, format!("the answer is larger than {MAX_ANSWER} bytes")));
            }
            Ok(None) => break,
            Err(error) => return Err(ChannelError::new(late, describe(&error))),
        }
    }
    classify(status, &headers, late)?;
    Ok(Answer { status, headers, body })
}

/// Status codes by RFC 9110 and RFC 6585; 5xx after sending may have been applied.
fn classify(status: u16, headers: &HeaderMap, late: Class) -> Result<(), ChannelError> {
    let class = match status {
        200..=299 => return Ok(()),
        300..=399 => Class::Refused,
        401 | 403 | 407 => Class::Refused,
        408 | 425 => late,
        429 => Class::Retry { after_ms: retry_after(headers) },
        400..=499 => Class::Rejected,
        503 if headers.contains_key(header::RETRY_AFTER) => Class::Retry { after_ms: retry_after(headers) },
        _ => late,
    };
    let text = match status {
        300..=399 => format!("the channel redirects ({status}); set its final URL"),
        401 | 403 => format!("the channel refuses the credentials ({status})"),
        _ => format!("the channel answered {status}"),
    };
    Err(ChannelError::new(class, text))
}

fn retry_after(headers: &HeaderMap) -> Option<i64> {
    let seconds: i64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1000).clamp(0, MAX_WAIT_MS))
}

/// The innermost cause; outer layers repeat the URL, which may carry a key.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer within the deadline".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("no answer: {cause}")
}

/// A header whose value is never printed.
///
/// # Errors
/// A value that no header can carry.
pub fn secret_header(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), String> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| format!("{name}: contains characters that no header can carry"))?;
    value.set_sensitive(true);
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Parses an answer as JSON; something else with status 200 (a login page, a proxy's error) is `late`.
///
/// # Errors
/// Not JSON.
pub fn json(answer: &Answer, late: Class) -> Result<Value, ChannelError> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        ChannelError::new(
            late,
            format!("the answer ({} bytes, status {}) is not JSON", answer.body.len(), answer.status),
        )
    })
}
