//! Alerts to Slack, Teams and any other receiver by HTTP. The generic one is signed by Standard Webhooks 1.0: the same
//! `webhook-id` on every try, HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The specification asks for secrets of 24 to 64 bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The key inside `whsec_...`; none if it has another form or length.
#[must_use]
pub fn key(secret: &str) -> Option<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_")?;
    BASE64.decode(encoded).ok().filter(|key| SECRET_BYTES.contains(&key.len()))
}
