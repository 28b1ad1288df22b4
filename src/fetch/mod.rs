//! Asks a competitor's host for one page, politely and within limits.
//!
//! Never follows a redirect unchecked, never connects to a private address, never holds more than `max_body_bytes`.

pub mod guard;
pub mod host;
pub mod robots;

use std::fmt;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};
use url::Url;

use crate::clock::Millis;
use crate::config::Fetch;
use guard::Guard;

/// Above this size a body that grew more than this factor in decompression is a bomb.
const BOMB_SIZE: usize = 1024 * 1024;
const BOMB_RATIO: usize = 100;
/// Retry-After is obeyed between these bounds.
const MIN_RETRY_AFTER: i64 = 30 * Millis::SECOND;
const MAX_RETRY_AFTER: i64 = Millis::DAY;

/// A fetched page, decompressed.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub final_url: Url,
    pub content_type: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub body: Vec<u8>,
}

/// What a request ended in.
#[derive(Debug, Clone)]
pub enum Fetched {
    Page(Box<Page>),
    /// 304: nothing changed since the validators were given.
    NotModified,
}

/// Validators of the last fetch, for a conditional request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Validators<'a> {
    pub etag: Option<&'a str>,
    pub last_modified: Option<&'a str>,
}

/// Why no page came; the class decides what happens next, never the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// A rule of ours says no: scheme, address, robots.txt.
    #[error("refused: {0}")]
    Refused(String),
    #[error("robots.txt disallows it: the shop asks not to be read there")]
    Robots,
    #[error("redirected {0} times or more")]
    TooManyRedirects(usize),
    #[error("redirected to another host: {0}")]
    RedirectedElsewhere(String),
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    #[error("body cannot be decoded: {0}")]
    Undecodable(String),
    /// 429 or 503: the host asks for a pause of so many milliseconds.
    #[error("the host answered {status} and asks to wait")]
    Overloaded { status: u16, wait_ms: i64 },
    #[error("the host answered {0}")]
    Status(u16),
    #[error("no answer: {0}")]
    Network(String),
    #[error("no answer within the deadline")]
    Timeout,
}

/// What an error means for the page and its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Try again at the next tick; the host slows down.
    Transient,
    /// The host does not want us now: it pauses.
    Blocked,
    /// The page is gone (404, 410).
    Gone,
    /// This page will fail again the same way.
    Permanent,
}

impl FetchError {
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Network(_) | Self::Timeout | Self::Undecodable(_) => Class::Transient,
            Self::Overloaded { .. } => Class::Blocked,
            Self::Status(401 | 403 | 407 | 451) => Class::Blocked,
            Self::Status(404 | 410) => Class::Gone,
            Self::Status(500..=599 | 408 | 425) => Class::Transient,
            Self::Status(_) | Self::Refused(_) | Self::Robots | Self::TooManyRedirects(_) => Class::Permanent,
            Self::RedirectedElsewhere(_) | Self::TooLarge(_) => Class::Permanent,
        }
    }

    /// The outcome that is stored for the page, in the words of `extract::Outcome` where both have one.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Robots => "robots_disallowed",
            Self::Refused(_) => "refused",
            Self::RedirectedElsewhere(_) | Self::TooManyRedirects(_) => "redirected_elsewhere",
            Self::TooLarge(_) => "too_large",
            Self::Undecodable(_) => "parse_failure",
            Self::Overloaded { .. } => "overloaded",
            Self::Status(_) => match self.class() {
                Class::Blocked => "blocked",
                Class::Gone => "gone",
                _ => "server_error",
            },
            Self::Network(_) | Self::Timeout => "unreachable",
        }
    }
}

/// The HTTP client of all fetching.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
    max_body: usize,
    max_redirects: usize,
    user_agent: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

impl Client {
    /// # Errors
    /// A user agent that is no header value, a bad network, or a TLS set-up that fails.
    pub fn new(config: &Fetch) -> Result<Self, String> {
        let guard = Guard::new(&config.allow_networks, &config.resolve)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        #[expect(
            clippy::disallowed_methods,
            reason = "the fetcher's one client: guarded, no redirects, no proxy from the environment"
        )]
        let http = reqwest::Client::builder()
            .user_agent(&config.user_agent)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(config.connect_timeout.duration())
            .timeout(config.timeout.duration())
            .dns_resolver(std::sync::Arc::new(guard.clone()))
            .no_proxy()
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(2)
            .tcp_nodelay(true)
            .build()
            .map_err(|e| e.to_string())?;
        Ok(Self {
            http,
            guard,
            max_body: config.max_body_bytes,
            max_redirects: config.max_redirects,
            user_agent: config.user_agent.clone(),
        })
    }

    #[must_use]
    pub fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// Fetches a page. Redirects within the site are followed, each hop checked by the guard and by `allowed`
    /// (robots.txt); one that leaves the site is an outcome, not a page.
    ///
    /// # Errors
    /// Every way in which no page came.
    pub async fn get(
        &self,
        url: &Url,
        validators: Validators<'_>,
        now: Millis,
        pause: Duration,
        allowed: &(dyn Fn(&Url) -> bool + Sync),
    ) -> Result<Fetched, FetchError> {
        let mut at = url.clone();
        for hop in 0..=self.max_redirects {
            if hop > 0 {
                // A redirect's target is one more request to the same host.
                tokio::time::sleep(pause).await;
            }
            self.guard.check_url(&at)?;
            if !allowed(&at) {
                return Err(FetchError::Robots);
            }
            let response = self.send(&at, validators).await?;
            let status = response.status().as_u16();
            if status == 304 {
                return Ok(Fetched::NotModified);
            }
            if let Some(next) = redirect_target(&at, &response) {
                let next = next?;
                if !same_site(url, &next) {
                    return Err(FetchError::RedirectedElsewhere(next.host_str().unwrap_or("").to_owned()));
                }
                if at.scheme() == "https" && next.scheme() == "http" {
                    return Err(FetchError::Refused("redirected from https to http".to_owned()));
                }
                at = next;
                continue;
            }
            return self.page(at, response, now).await.map(|page| Fetched::Page(Box::new(page)));
        }
        Err(FetchError::TooManyRedirects(self.max_redirects))
    }

    async fn send(&self, url: &Url, validators: Validators<'_>) -> Result<reqwest::Response, FetchError> {
        let mut request = self.http.get(url.clone());
        for (name, value) in
            [(header::IF_NONE_MATCH, validators.etag), (header::IF_MODIFIED_SINCE, validators.last_modified)]
        {
            if let Some(value) = value.and_then(|v| HeaderValue::from_str(v).ok()) {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.map_err(|e| network(&e))?;
        self.guard.check_peer(response.remote_addr())?;
        Ok(response)
    }

    async fn page(&self, url: Url, mut response: reqwest::Response, now: Millis) -> Result<Page, FetchError> {
        let status = response.status().as_u16();
        let text = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        if matches!(status, 429 | 503) {
            let wait_ms = retry_after(text(header::RETRY_AFTER).as_deref(), now);
            return Err(FetchError::Overloaded { status, wait_ms });
        }
        let (content_type, etag, last_modified, encoding) = (
            text(header::CONTENT_TYPE),
            text(header::ETAG),
            text(header::LAST_MODIFIED),
            text(header::CONTENT_ENCODING),
        );
        // Blocks and removals are told by page text as well, so bodies of client errors are read, those of servers not.
        if status >= 500 {
            return Err(FetchError::Status(status));
        }
        let mut raw = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| network(&e))? {
            if raw.len() + chunk.len() > self.max_body {
                return Err(FetchError::TooLarge(self.max_body));
            }
            raw.extend_from_slice(&chunk);
        }
        let body = decode(raw, encoding.as_deref(), self.max_body)?;
        Ok(Page { status, final_url: url, content_type, etag, last_modified, body })
    }
}

fn network(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    // The innermost cause says what happened; the outer layers repeat the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if text.contains(guard::NOT_PUBLIC) { FetchError::Refused(text) } else { FetchError::Network(text) }
}

fn redirect_target(at: &Url, response: &reqwest::Response) -> Option<Result<Url, FetchError>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    Some(at.join(location).map_err(|_| FetchError::Refused("redirected to something that is no URL".to_owned())))
}

/// The same host, with or without `www.`.
fn same_site(a: &Url, b: &Url) -> bool {
    let bare = |url: &Url| url.host_str().map(|host| host.strip_prefix("www.").unwrap_or(host).to_owned());
    bare(a) == bare(b)
}

/// Seconds or an HTTP date (RFC 9110 section 10.2.3), within bounds; a missing or unreadable one is the lower bound.
fn retry_after(value: Option<&str>, now: Millis) -> i64 {
    let wait = value.and_then(|text| {
        let text = text.trim();
        text.parse::<i64>().ok().map(|seconds| seconds.saturating_mul(Millis::SECOND)).or_else(|| {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            Some(Millis::from(date.timestamp()).since(now))
        })
    });
    wait.unwrap_or(MIN_RETRY_AFTER).clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER)
}

/// Removes gzip with a cap on the result; other encodings were not asked for.
fn decode(raw: Vec<u8>, encoding: Option<&str>, max: usize) -> Result<Vec<u8>, FetchError> {
    match encoding.map(str::trim) {
        None | Some("" | "identity") => Ok(raw),
        Some(name) if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => gunzip(&raw, max),
        Some(other) => Err(FetchError::Undecodable(format!(
            "encoding `{}` was not asked for",
            other.chars().take(20).collect::<String>()
        ))),
    }
}

/// One-shot gunzip. The trailer's size (RFC 1952 section 2.3.1) is a hint that the sender chose, never trusted alone.
///
/// # Errors
/// `TooLarge` beyond `max` bytes or when a small body swells suspiciously, `Undecodable` for broken data.
pub fn gunzip(raw: &[u8], max: usize) -> Result<Vec<u8>, FetchError> {
    let hint = raw.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let bomb = |size: usize| size > BOMB_SIZE && size / raw.len().max(1) > BOMB_RATIO;
    if hint > max || bomb(hint) {
        return Err(FetchError::TooLarge(max));
    }
    let mut room = hint.max(1);
    loop {
        let mut body = vec![0; room];
        match libdeflater::Decompressor::new().gzip_decompress(raw, &mut body) {
            Ok(size) => {
                body.truncate(size);
                return Ok(body);
            }
            Err(libdeflater::DecompressionError::InsufficientSpace) if room < max && !bomb(room) => {
                room = room.saturating_mul(4).clamp(64 * 1024, max);
            }
            Err(libdeflater::DecompressionError::InsufficientSpace) => return Err(FetchError::TooLarge(max)),
            Err(libdeflater::DecompressionError::BadData) => {
                return Err(FetchError::Undecodable("broken gzip data".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut packer = libdeflater::Compressor::new(libdeflater::CompressionLvl::best());
        let mut out = vec![0; packer.gzip_compress_bound(data.len())];
        let size = packer.gzip_compress(data, &mut out).unwrap();
        out.truncate(size);
        out
    }

    #[test]
    fn gunzip_has_a_cap_and_does_not_trust_the_trailer() {
        let page = b"<html>price 499,00 kr</html>".repeat(100);
        let packed = gzip(&page);
        assert_eq!(gunzip(&packed, 1 << 20).unwrap(), page);
        let mut lying = packed.clone();
        let end = lying.len();
        lying[end - 4..].copy_from_slice(&7_u32.to_le_bytes());
        assert!(gunzip(&lying, 1 << 20).is_err());
        assert_eq!(gunzip(&gzip(&vec![0; 4 << 20]), 8 << 20), Err(FetchError::TooLarge(8 << 20)));
        assert!(matches!(
            gunzip(b"not gzip at all", 1 << 20),
            Err(FetchError::Undecodable(_) | FetchError::TooLarge(_))
        ));
    }

    #[test]
    fn retry_after_is_obeyed_within_bounds() {
        let now: Millis = "2026-11-21T10:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
        assert_eq!(retry_after(Some("120"), now), 120_000);
        assert_eq!(retry_after(Some("0"), now), MIN_RETRY_AFTER);
        assert_eq!(retry_after(Some("315360000"), now), MAX_RETRY_AFTER);
        assert_eq!(retry_after(Some("Sat, 21 Nov 2026 10:05:00 GMT"), now), 300_000);
        assert_eq!(retry_after(Some("soon"), now), MIN_RETRY_AFTER);
    }
}
