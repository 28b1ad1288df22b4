//! robots.txt by RFC 9309: fetched once per host and day, kept for all workers, refused politely.

use texting_robots::Robot;
use url::Url;

use crate::clock::Millis;

/// RFC 9309 section 2.5: at least 500 kibibytes are parsed; beyond this cap the rest is ignored.
pub const MAX_BYTES: usize = 512 * 1024;
/// RFC 9309 section 2.4: not to be kept for more than 24 hours.
pub const KEEP_FOR: i64 = 24 * Millis::HOUR;
/// A host that cannot say counts as closed and is asked again after this.
pub const RETRY_CLOSED: i64 = Millis::HOUR;
/// Longest Crawl-delay that is obeyed within a run; larger ones count as this.
pub const MAX_DELAY_MS: i64 = 300 * Millis::SECOND;

/// What a host's robots.txt says to us.
pub enum Rules {
    AllowAll,
    /// Unreachable or a server error: assume complete disallow (RFC 9309 section 2.3.1.4).
    DisallowAll,
    Parsed(Box<Robot>),
    /// The host could not be asked at all; its pages cannot be either.
    Unknown(super::FetchError),
}

impl Rules {
    /// From what is stored: `allow`, `disallow`, or `rules` with the text.
    #[must_use]
    pub fn stored(state: &str, text: Option<&str>, product: &str) -> Self {
        match (state, text) {
            ("allow", _) => Self::AllowAll,
            ("rules", Some(text)) => Self::parse(text.as_bytes(), product),
            _ => Self::DisallowAll,
        }
    }

    /// Parses a body for the product token of our user agent; what is not understood restricts nothing.
    #[must_use]
    pub fn parse(body: &[u8], product: &str) -> Self {
        let body = &body[..body.len().min(MAX_BYTES)];
        Robot::new(product, body).map_or(Self::AllowAll, |robot| Self::Parsed(Box::new(robot)))
    }

    /// Whether a page may be fetched.
    #[must_use]
    pub fn allows(&self, url: &Url) -> bool {
        match self {
            Self::AllowAll => true,
            Self::DisallowAll | Self::Unknown(_) => false,
            Self::Parsed(robot) => robot.allowed(normal(url).as_str()),
        }
    }

    /// Crawl-delay in milliseconds, within bounds.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "the library's unit is a float of seconds; no price is near")]
    pub fn delay_ms(&self) -> Option<i64> {
        let Self::Parsed(robot) = self else { return None };
        let seconds = f64::from(robot.delay?);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to five minutes before")]
        Some((seconds.clamp(0.0, 300.0) * 1000.0) as i64)
    }
}

/// The product token of a user agent: what stands before the first `/`, which robots.txt groups name.
#[must_use]
pub fn product_token(user_agent: &str) -> &str {
    user_agent.split(['/', ' ']).next().unwrap_or(user_agent)
}

/// Percent-encoded letters are the letters themselves (RFC 9309 section 2.2.2); the parser compares bytes.
fn normal(url: &Url) -> Url {
    let mut path = String::with_capacity(url.path().len());
    let bytes = url.path().as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let decoded = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok())
            .filter(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte));
        match decoded {
            Some(byte) => {
                path.push(char::from(byte));
                at += 3;
            }
            None => {
                path.push(char::from(bytes[at]));
                at += 1;
            }
        }
    }
    let mut normal = url.clone();
    normal.set_path(&path);
    normal
}

/// The address of a page's robots.txt.
#[must_use]
pub fn location(page: &Url) -> Option<Url> {
    page.join("/robots.txt").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn encoded_letters_do_not_slip_past_a_rule() {
        let rules = Rules::parse(b"User-agent: *\nDisallow: /checkout\nCrawl-delay: 7\n", "omniprice");
        assert!(!rules.allows(&url("https://shop.example/%63heckout/1")));
        assert!(!rules.allows(&url("https://shop.example/checkout")));
        assert!(rules.allows(&url("https://shop.example/p/1?x=%63heckout")));
        assert_eq!(rules.delay_ms(), Some(7_000));
    }

    #[test]
    fn our_own_group_counts_and_absurd_delays_are_clamped() {
        let text = b"User-agent: *\nDisallow: /\n\nUser-agent: omniprice\nAllow: /p/\nDisallow: /\nCrawl-delay: 1e9\n";
        let rules = Rules::parse(text, product_token("omniprice/0.1 (+https://x.example)"));
        assert!(rules.allows(&url("https://shop.example/p/1")));
        assert!(!rules.allows(&url("https://shop.example/cart")));
        assert_eq!(rules.delay_ms(), Some(MAX_DELAY_MS));
    }

    #[test]
    fn an_unreachable_robots_txt_closes_the_host() {
        assert!(!Rules::stored("disallow", None, "omniprice").allows(&url("https://shop.example/p/1")));
        assert!(Rules::stored("allow", None, "omniprice").allows(&url("https://shop.example/p/1")));
    }
}
