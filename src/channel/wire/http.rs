//! The HTTP client of connectors: no redirects (a token never leaves its host), deadlines, bounded answers, the vendor's
//! pace, and error classes decided where the error is born.

use std::sync::Arc;
use std::time::Instant;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::pace::Pace;
use crate::channel::{ChannelError, Class, Setting};
use crate::clock::Millis;
use crate::publish::gate::Pass;
use crate::sentence::Sentence;

/// Answers beyond this are cut off and count as unknown.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// Retry-After is obeyed up to this.
const MAX_WAIT_MS: i64 = 24 * 60 * 60 * 1000;
/// A clock that is further off is a problem: signatures and signed tokens of vendors live for minutes.
const MAX_SKEW_MS: i64 = 2 * Millis::MINUTE;
/// A page of a search that the vendor puts off for a named time is asked for so often.
const MAX_ASKS: usize = 4;
/// Characters of a vendor's own words that an error repeats.
const MAX_WORDS: usize = 200;

/// A client for one channel. Clones share its pace.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    pace: Option<Arc<Pace>>,
}

/// Where a request goes and what it says about itself.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub content_type: &'static str,
    /// What it costs of the channel's [`Pace`].
    pub cost: u32,
}

impl Call {
    /// A request with a JSON body.
    #[must_use]
    pub const fn json(method: Method, url: Url, headers: HeaderMap) -> Self {
        Self { method, url, headers, content_type: "application/json", cost: 1 }
    }

    /// The same with another media type, such as a vendor's own.
    #[must_use]
    pub fn typed(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    /// The same at another cost.
    #[must_use]
    pub fn costs(self, cost: u32) -> Self {
        Self { cost, ..self }
    }
}

/// A channel's answer, whole, whatever its status. [`Answer::ok`] makes an error of a status that is no success.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// The class of everything that proves nothing: `Unknown` after a push, `Retry` after a question.
    late: Class,
}

impl Http {
    /// # Errors
    /// A TLS set-up that fails.
    pub fn new(setting: &Setting) -> Result<Self, String> {
        Self::with_timeout(setting.timeout)
    }

    /// A client whose every request ends within `timeout`.
    ///
    /// # Errors
    /// A TLS set-up that fails.
    pub fn with_timeout(timeout: std::time::Duration) -> Result<Self, String> {
        // The first one that is installed stays; a program that did it before has no quarrel with this.
        let _ = rustls::crypto::ring::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "the connectors' one client: no redirects, no proxy, a deadline")]
        let client = reqwest::Client::builder()
            .user_agent(concat!("omniprice/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(std::time::Duration::from_secs(10)))
            .timeout(timeout)
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self { client, pace: None })
    }

    /// A client whose requests wait for the vendor's pace, with those of every other client that has the same one.
    #[must_use]
    pub fn paced(self, pace: Arc<Pace>) -> Self {
        Self { pace: Some(pace), ..self }
    }

    /// The pace, for connectors that learn it from answers.
    #[must_use]
    pub fn pace(&self) -> Option<&Pace> {
        self.pace.as_deref()
    }

    /// Sends a body that passed the gate. An outcome that cannot be known is `Unknown`.
    ///
    /// # Errors
    /// No answer; the class says whether anything can have happened.
    pub async fn push(&self, call: Call, pass: Pass) -> Result<Answer, ChannelError> {
        let until = pass.until();
        self.send(call, pass.into_body(), Class::Unknown, until).await
    }

    /// Sends a body that carries no price: a query, a login, a deletion of a sale that the gate does not see.
    ///
    /// # Errors
    /// No answer. Nothing was priced, so failures are `Retry`.
    pub async fn ask(&self, call: Call, body: Vec<u8>) -> Result<Answer, ChannelError> {
        self.send(call, body, Class::Retry { after_ms: None }, None).await
    }

    /// Reads a document of many. A vendor with a [`Pace`] that names a time to wait for gets it and is asked again, so
    /// that a search is not lost with one of its pages. Not within a push, whose lease would run out meanwhile.
    ///
    /// # Errors
    /// No answer, or a wait that is too long. Nothing was changed, so failures are `Retry`.
    pub async fn get_in_turn(&self, call: Call) -> Result<Answer, ChannelError> {
        for _ in 1..MAX_ASKS {
            let answer = self.ask(call.clone(), Vec::new()).await?;
            if self.pace.is_none() || !matches!(answer.class(), Class::Retry { after_ms: Some(_) }) {
                return Ok(answer);
            }
        }
        self.ask(call, Vec::new()).await
    }

    /// Reads a document.
    ///
    /// # Errors
    /// No answer. Nothing was changed, so failures are `Retry`.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, ChannelError> {
        self.ask(Call::json(Method::GET, url.clone(), headers), Vec::new()).await
    }

    async fn send(
        &self,
        call: Call,
        body: Vec<u8>,
        late: Class,
        until: Option<Instant>,
    ) -> Result<Answer, ChannelError> {
        if let Some(pace) = &self.pace {
            pace.take(call.cost).await?;
        }
        if until.is_some_and(|until| Instant::now() > until) {
            let text = "the lane's lease was half over before this could be sent; nothing was sent";
            return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
        }
        let mut request = self.client.request(call.method, call.url).headers(call.headers);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, call.content_type).body(body);
        }
        let answer = answer(request.send().await, late).await?;
        if let (Some(pace), Class::Retry { after_ms: Some(wait) }) = (&self.pace, answer.class()) {
            pace.hold(wait).await;
        }
        Ok(answer)
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
    Ok(Answer { status, headers, body, late })
}

impl Answer {
    /// This answer if its status is a success.
    ///
    /// # Errors
    /// The class of the status, with the first of the vendor's own words.
    pub fn ok(self) -> Result<Self, ChannelError> {
        if StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success()) {
            return Ok(self);
        }
        Err(self.error())
    }

    /// The error that this status is; a connector that knows the vendor's body better makes its own.
    #[must_use]
    pub fn error(&self) -> ChannelError {
        let words = if matches!(self.status, 300..=399 | 401 | 404 | 410) { String::new() } else { self.words() };
        let said = !words.is_empty();
        let sentence = match self.status {
            300..=399 => Sentence::ChannelRedirects,
            401 => Sentence::WrongCredentials,
            403 if said => Sentence::ChannelForbidsSaying,
            403 => Sentence::ChannelForbids,
            _ if said => Sentence::ChannelAnsweredSaying,
            _ => Sentence::ChannelAnswered,
        };
        ChannelError::new(self.class(), sentence.with(&[("status", &self.status), ("words", &words)]))
    }

    /// Status codes by RFC 9110 and RFC 6585; a 5xx after sending may have been applied.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.status {
            300..=399 | 401 | 407 => Class::Refused,
            403 => Class::Forbidden,
            408 | 425 => self.late,
            429 => Class::Retry { after_ms: self.retry_after() },
            400..=499 => Class::Rejected,
            503 if self.headers.contains_key(header::RETRY_AFTER) => Class::Retry { after_ms: self.retry_after() },
            _ => self.late,
        }
    }

    /// Parses the body as JSON; something else with a success status (a login page, a proxy's error) proves nothing.
    ///
    /// # Errors
    /// Not JSON.
    pub fn json(&self) -> Result<Value, ChannelError> {
        self.parse()
    }

    /// Parses the body into a type of the connector's own.
    ///
    /// # Errors
    /// Not JSON, or JSON of another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ChannelError> {
        serde_json::from_slice(&self.body).map_err(|_| {
            let text =
                format!("the answer ({} bytes, status {}) is not the JSON expected", self.body.len(), self.status);
            ChannelError::new(self.late, text)
        })
    }

    /// The body as text, for the rare answer that is not JSON.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// An error for an answer whose words prove nothing: `Unknown` after a push, `Retry` after a question.
    #[must_use]
    pub fn unclear(&self, message: impl Into<String>) -> ChannelError {
        ChannelError::new(self.late, message)
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The server's clock when it answered (RFC 9110 section 6.6.1), for telling how far ours is off.
    #[must_use]
    pub fn date(&self) -> Option<Millis> {
        instant(self.header("date")?)
    }

    /// What is wrong with our clock, seen from the server's; signatures and sale windows depend on it.
    #[must_use]
    pub fn skew(&self, now: Millis) -> Option<String> {
        let ahead = now.since(self.date()?);
        let (seconds, side) = (ahead.abs() / Millis::SECOND, if ahead > 0 { "ahead of" } else { "behind" });
        (ahead.abs() > MAX_SKEW_MS)
            .then(|| format!("this machine's clock is {seconds} s {side} the channel's; set it, for example with NTP"))
    }

    /// Retry-After in milliseconds: seconds, or a date seen from the server's own clock (RFC 9110 section 10.2.3).
    fn retry_after(&self) -> Option<i64> {
        let text = self.header("retry-after")?.trim();
        let wait = match text.parse::<i64>() {
            Ok(seconds) => seconds.saturating_mul(1000),
            Err(_) => instant(text)?.since(self.date()?),
        };
        Some(wait.clamp(0, MAX_WAIT_MS))
    }

    /// The first readable words of the body: JSON keys that vendors use for messages, never markup.
    fn words(&self) -> String {
        let Ok(value) = serde_json::from_slice::<Value>(&self.body) else { return String::new() };
        let first = |value: &Value| match value {
            Value::Array(list) => list.first().cloned().unwrap_or_default(),
            other => other.clone(),
        };
        let mut value = first(&value);
        for key in ["error", "errors"] {
            if let Some(inner) = value.get(key).filter(|inner| !inner.is_null()) {
                value = first(inner);
            }
        }
        let text = match &value {
            Value::String(text) => Some(text.as_str()),
            value => ["message", "detail", "error_description", "title", "code"]
                .iter()
                .find_map(|key| value.get(key).and_then(Value::as_str)),
        };
        text.unwrap_or_default().chars().take(MAX_WORDS).collect()
    }
}

fn instant(http_date: &str) -> Option<Millis> {
    let time = httpdate::parse_http_date(http_date).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Millis(i64::try_from(since.as_millis()).ok()?))
}

/// The innermost cause; outer layers repeat the URL, which may carry a key. `no answer` in it tells a channel that is
/// down from one that answers badly.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return Sentence::NoAnswerInTime.with(&[]);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Sentence::NoAnswer.with(&[("why", &cause)])
}

/// A header whose value is never printed.
///
/// # Errors
/// A value that no header can carry.
pub fn secret_header(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), String> {
    headers.insert(HeaderName::from_static(name), secret_value(name, value)?);
    Ok(())
}

/// A header value that is never printed; `what` names it in the error.
///
/// # Errors
/// A value that no header can carry.
pub fn secret_value(what: &str, value: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| format!("{what}: contains characters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A base URL whose path ends with `/`, so that joining a relative path keeps it.
///
/// # Errors
/// A text for a person.
pub fn base(url: &Url) -> Result<Url, String> {
    if url.cannot_be_a_base() || url.host().is_none() {
        return Err(format!("url: `{url}` has no host"));
    }
    let mut base = url.clone();
    base.set_query(None);
    base.set_fragment(None);
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// [`base`] for a connector that sends a secret there: https, unless the host is this machine.
///
/// # Errors
/// A text for a person.
pub fn secure_base(url: &Url) -> Result<Url, String> {
    let base = base(url)?;
    let here = match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if base.scheme() == "https" || (here && base.scheme() == "http") {
        return Ok(base);
    }
    Err(format!("url: `{url}` must begin with https://, because credentials go there"))
}

/// The vendor's own address, or the one that the table names under `key`; credentials go there, so it has to be safe.
///
/// # Errors
/// A text for a person.
pub fn vendor_url(key: &str, configured: Option<&Url>, vendor: &str) -> Result<Url, String> {
    let url = match configured {
        Some(url) => url.clone(),
        None => Url::parse(vendor).map_err(|why| format!("{key}: {why}"))?,
    };
    secure_base(&url).map_err(|why| why.replacen("url", key, 1))?;
    Ok(url)
}

/// A place below a base, each segment and each value percent-encoded.
#[must_use]
pub fn place(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_travel_encrypted_except_to_this_machine() {
        let of = |text: &str| secure_base(&Url::parse(text).unwrap()).map(String::from);
        assert_eq!(of("https://api.example/v2?x=1").unwrap(), "https://api.example/v2/");
        assert_eq!(of("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080/");
        assert_eq!(of("http://[::1]:8080/").unwrap(), "http://[::1]:8080/");
        assert!(of("http://api.example/").is_err());
        assert!(of("http://10.0.0.1/").is_err());
        assert!(of("ftp://127.0.0.1/").is_err());
        let base = secure_base(&Url::parse("https://api.example/v2").unwrap()).unwrap();
        let url = place(&base, &["items", "A/1 \u{e6}"], &[("q", "a b&c")]);
        assert_eq!(url.as_str(), "https://api.example/v2/items/A%2F1%20%C3%A6?q=a+b%26c");
    }

    #[test]
    fn a_clock_that_is_off_is_said_with_its_direction() {
        let at = answer(200, &[("date", "Sun, 06 Nov 1994 08:49:37 GMT")], "");
        let there = at.date().unwrap();
        assert_eq!(at.skew(there.plus(MAX_SKEW_MS)), None);
        assert!(at.skew(there.plus(MAX_SKEW_MS + 1_000)).unwrap().contains("121 s ahead"));
        assert!(at.skew(there.plus(-MAX_SKEW_MS - 1_000)).unwrap().contains("121 s behind"));
        assert_eq!(answer(200, &[], "").skew(there), None);
    }

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer { status, headers: map, body: body.as_bytes().to_vec(), late: Class::Unknown }
    }

    #[test]
    fn a_wait_may_be_seconds_or_a_date_of_the_server_s_own_clock() {
        let seconds = answer(429, &[("retry-after", "7")], "");
        assert_eq!(seconds.class(), Class::Retry { after_ms: Some(7_000) });
        let date = answer(
            503,
            &[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")],
            "",
        );
        assert_eq!(date.class(), Class::Retry { after_ms: Some(30_000) });
        assert_eq!(answer(503, &[], "").class(), Class::Unknown, "it may have been applied");
        assert_eq!(answer(429, &[("retry-after", "soon")], "").class(), Class::Retry { after_ms: None });
    }

    #[test]
    fn the_vendor_s_own_words_are_repeated_and_markup_is_not() {
        let of = |body: &str| answer(400, &[], body).error().message;
        assert!(of(r#"{"errors":[{"message":"price must be positive"}]}"#).ends_with("400: price must be positive"));
        assert!(of(r#"{"error":{"code":"INVALID"}}"#).ends_with("400: INVALID"));
        assert_eq!(of("<html>login</html>"), "the channel answered 400");
    }
}
