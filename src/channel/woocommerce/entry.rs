//! How a request carries the key. Over https it is HTTP Basic. Over plain http, which only this machine gets, WooCommerce
//! looks at no Basic header and wants one-legged OAuth 1.0a (RFC 5849, and "Authentication over HTTP" in the vendor's REST
//! documentation): a signature over method, URL and query that is good for one request. It takes that over https as well
//! where it finds no key in the headers, which some web servers drop (`WC_REST_Authentication::authenticate`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use reqwest::header::HeaderMap;
use ring::rand::{SecureRandom as _, SystemRandom};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::{Position, Url};

use crate::channel::wire::http::{self, Call};
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;

/// A nonce is good for one request in the 15 minutes that a timestamp is.
const NONCE_BYTES: usize = 16;

pub enum Entry {
    /// The header that every request carries.
    Basic(HeaderMap),
    Signed {
        key: String,
        secret: SecretString,
    },
}

impl Entry {
    /// # Errors
    /// A key that no header can carry.
    pub fn new(base: &Url, key: &SecretString, secret: &SecretString, sign: bool) -> Result<Self, String> {
        if sign || base.scheme() == "http" {
            return Ok(Self::Signed { key: key.expose_secret().to_owned(), secret: secret.clone() });
        }
        let pair = BASE64.encode(format!("{}:{}", key.expose_secret(), secret.expose_secret()));
        let mut headers = HeaderMap::new();
        http::secret_header(&mut headers, "authorization", &format!("Basic {pair}"))?;
        Ok(Self::Basic(headers))
    }

    /// A request that carries the key; `now` is what the shop compares its own clock with.
    ///
    /// # Errors
    /// No random bytes for a nonce; nothing was sent.
    pub fn call(&self, method: Method, mut url: Url, now: Millis) -> Result<Call, ChannelError> {
        let (key, secret) = match self {
            Self::Basic(headers) => return Ok(Call::json(method, url, headers.clone())),
            Self::Signed { key, secret } => (key, secret),
        };
        let unsigned = |what: &str| ChannelError::new(Class::Retry { after_ms: None }, what);
        let mut random = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut random).map_err(|_| unsigned("no random bytes to sign a request with"))?;
        let nonce: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        url.query_pairs_mut().extend_pairs([
            ("oauth_consumer_key", key.as_str()),
            ("oauth_nonce", &nonce),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &(now.0 / Millis::SECOND).to_string()),
        ]);
        let signature = signature(&method, &url, secret).ok_or_else(|| unsigned("the secret signs nothing"))?;
        url.query_pairs_mut().append_pair("oauth_signature", &signature);
        Ok(Call::json(method, url, HeaderMap::new()))
    }
}

/// RFC 5849 section 3.4: the parameters sorted and encoded, then encoded once more as a whole; `None` for a secret that no
/// HMAC takes.
fn signature(method: &Method, url: &Url, secret: &SecretString) -> Option<String> {
    let mut pairs: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (encoded(&name), encoded(&value))).collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("{method}&{}&{}", encoded(&url[..Position::AfterPath]), encoded(&pairs.join("&")));
    // There is no token, so nothing follows the ampersand.
    let key = format!("{}&", encoded(secret.expose_secret()));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(text.as_bytes());
    Some(BASE64.encode(mac.finalize().into_bytes()))
}

/// Percent-encoding of RFC 5849 section 3.6, which leaves fewer characters alone than a form does.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(base: &str, sign: bool) -> Entry {
        let (key, secret) = (SecretString::from("ck_1"), SecretString::from("cs_1"));
        Entry::new(&Url::parse(base).unwrap(), &key, &secret, sign).unwrap()
    }

    #[test]
    fn a_signature_equals_one_that_was_made_elsewhere() {
        let query = [("sku", "A 1~\u{f8},B+2"), ("_fields", "id,sku"), ("per_page", "100")];
        let mut url = Url::parse_with_params("http://127.0.0.1:8080/shop/wp-json/wc/v3/products", query).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("oauth_consumer_key", "ck_1"),
            ("oauth_nonce", "n0"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", "1803902400"),
        ]);
        // Made with Python's hmac and urllib.parse of the same request.
        let made = signature(&Method::GET, &url, &SecretString::from("cs_1")).unwrap();
        assert_eq!(made, "s3VCfhzYh2ZK2djdo67JXObw96Wv4T8IfhOiqNk/SoU=");
    }

    #[test]
    fn the_key_travels_as_the_scheme_wants_it() {
        let at = |base: &str, sign: bool| {
            let url = Url::parse(&format!("{base}/products?sku=A")).unwrap();
            entry(base, sign).call(Method::GET, url, Millis(1_803_902_400_000)).unwrap()
        };
        let secure = at("https://shop.example", false);
        assert_eq!(secure.headers["authorization"], "Basic Y2tfMTpjc18x");
        assert_eq!(secure.url.as_str(), "https://shop.example/products?sku=A");
        for (base, sign) in [("http://127.0.0.1", false), ("https://shop.example", true)] {
            let (plain, again) = (at(base, sign), at(base, sign));
            assert!(plain.headers.is_empty(), "it shows no secret");
            assert!(plain.url.as_str().contains("oauth_timestamp=1803902400&oauth_signature="), "{}", plain.url);
            assert_ne!(plain.url, again.url, "a nonce is used once");
        }
    }
}
