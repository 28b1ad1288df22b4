//! Signed links in mails: what a link may do stands in it, and nobody can make one without the key.
//!
//! A link says who it is for, what it is for and until when, and carries an HMAC-SHA256 over that. Opening it changes
//! nothing: the page behind it asks, and only its form acts (RFC 8058 for unsubscribing, which posts at once).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::clock::Millis;

/// Longer tokens are not looked at.
const MAX_TOKEN: usize = 1_024;
/// Path below which the pages behind links live.
pub const PATH: &str = "people";

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Ends all mails; does not expire, because old mails keep their button.
    Unsubscribe,
    /// Shows and changes what a person is told.
    Settings,
    /// Carries out the review with this number.
    Approve(i64),
    Reject(i64),
    /// Agrees to the campaign with this number, or cancels it.
    ApproveCampaign(i64),
    RejectCampaign(i64),
    /// Shows the product with this number.
    Product(i64),
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub purpose: Purpose,
    /// The bare address of the person it was sent to.
    pub person: String,
    /// Not valid from here on; 0: without end.
    pub until: i64,
}

/// Why a token is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("the link is not complete or was not made here")]
    Broken,
    #[error("the link has expired")]
    Expired,
}

/// Makes and reads links.
#[derive(Clone)]
pub struct Links {
    /// `https://prices.shop.example`; empty: no links, mails name commands instead.
    base: String,
    key: Vec<u8>,
}

impl Links {
    #[must_use]
    pub fn new(base: &str, key: Vec<u8>) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), key }
    }

    fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(body.as_bytes());
        Some(mac)
    }

    /// The token of a claim: its JSON and the signature, both in URL-safe base64.
    #[must_use]
    pub fn token(&self, claim: &Claim) -> Option<String> {
        let body = BASE64.encode(serde_json::to_vec(claim).ok()?);
        let signature = BASE64.encode(self.mac(&body)?.finalize().into_bytes());
        Some(format!("{body}.{signature}"))
    }

    /// The whole address; none while no `report.link` is set.
    #[must_use]
    pub fn url(&self, purpose: Purpose, person: &str, until: Option<Millis>) -> Option<String> {
        if self.base.is_empty() {
            return None;
        }
        let claim = Claim { purpose, person: person.to_owned(), until: until.map_or(0, |at| at.0) };
        Some(format!("{}/{PATH}/{}", self.base, self.token(&claim)?))
    }

    /// Reads a token back.
    ///
    /// # Errors
    /// `Broken` for anything that was not signed here, `Expired` from its end on.
    pub fn read(&self, token: &str, now: Millis) -> Result<Claim, LinkError> {
        if token.len() > MAX_TOKEN {
            return Err(LinkError::Broken);
        }
        let (body, signature) = token.split_once('.').ok_or(LinkError::Broken)?;
        let signature = BASE64.decode(signature).map_err(|_| LinkError::Broken)?;
        // Compares in constant time.
        self.mac(body).ok_or(LinkError::Broken)?.verify_slice(&signature).map_err(|_| LinkError::Broken)?;
        let json = BASE64.decode(body).map_err(|_| LinkError::Broken)?;
        let claim: Claim = serde_json::from_slice(&json).map_err(|_| LinkError::Broken)?;
        if claim.until != 0 && claim.until <= now.0 { Err(LinkError::Expired) } else { Ok(claim) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("https://prices.example/", vec![7; 32])
    }

    fn claim() -> Claim {
        Claim { purpose: Purpose::Approve(12), person: "ann@shop.example".into(), until: 1_000 }
    }

    #[test]
    fn a_token_is_read_back_until_it_expires() {
        let token = links().token(&claim()).unwrap();
        assert_eq!(links().read(&token, Millis(999)), Ok(claim()));
        assert_eq!(links().read(&token, Millis(1_000)), Err(LinkError::Expired));
        let url = links().url(Purpose::Unsubscribe, "ann@shop.example", None).unwrap();
        let token = url.strip_prefix("https://prices.example/people/").unwrap();
        assert_eq!(links().read(token, Millis(i64::MAX)).unwrap().purpose, Purpose::Unsubscribe);
        assert_eq!(Links::new("", vec![7; 32]).url(Purpose::Settings, "a@b", None), None);
    }

    #[test]
    fn whatever_is_changed_in_a_token_breaks_it() {
        let token = links().token(&claim()).unwrap();
        for (index, old) in token.char_indices() {
            let new = if old == 'A' { 'B' } else { 'A' };
            let mut changed = token.clone();
            changed.replace_range(index..=index, &new.to_string());
            // The last character of a base64 text may carry unused bits; those are refused too.
            assert_eq!(links().read(&changed, Millis(0)), Err(LinkError::Broken), "at {index}");
        }
        let other = Links::new("https://prices.example", vec![8; 32]).token(&claim()).unwrap();
        for token in [other.as_str(), "", ".", "a.b", &"x".repeat(5_000)] {
            assert_eq!(links().read(token, Millis(0)), Err(LinkError::Broken), "{token:.20}");
        }
    }
}
