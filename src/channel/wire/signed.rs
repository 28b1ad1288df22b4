//! Signed messages by the Standard Webhooks specification 1.0: HMAC-SHA256 over `id.timestamp.body`, the same id on
//! every try, so that a receiver knows a repeat.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

use crate::clock::Millis;

/// The specification asks for secrets of 24 to 64 bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// And for payloads below about 20 kB.
pub const MAX_PAYLOAD: usize = 20_000;

/// The key inside `whsec_...`; `None` if it has another form or length.
#[must_use]
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_")?;
    BASE64.decode(encoded).ok().filter(|key| SECRET_BYTES.contains(&key.len()))
}

/// The three headers of a signed message; `None` for an id that no header can carry.
#[must_use]
pub fn headers(key: &[u8], id: &str, at: Millis, body: &[u8]) -> Option<HeaderMap> {
    let timestamp = (at.0 / Millis::SECOND).to_string();
    let signature = signature(key, id, &timestamp, body)?;
    let mut headers = HeaderMap::new();
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_equal_the_specification_s_own_example() {
        // The example of the Standard Webhooks specification, section "Signature scheme".
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let sent = headers(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", Millis(1_614_265_330_000), body).unwrap();
        assert_eq!(sent["webhook-signature"], signed.as_str());
        assert!(super::key("whsec_c2hvcnQ=").is_none() && super::key("nonsense").is_none());
    }
}
