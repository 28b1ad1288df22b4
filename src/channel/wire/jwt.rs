//! Signed assertions of service accounts: a JWT by RS256 (RFC 7515, RFC 7523).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::oauth::Assertion;
use crate::clock::Millis;

/// Google takes assertions that live for up to an hour (developers.google.com/identity/protocols/oauth2/service-account).
const LIFETIME_S: i64 = 3_600;

/// Signs an assertion for `now`.
///
/// # Errors
/// A key that is no PKCS#8 RSA key, in words without the key.
pub fn rs256(assertion: &Assertion, now: Millis) -> Result<String, String> {
    let pair = key(assertion)?;
    let issued = now.0 / Millis::SECOND;
    let claims = json!({
        "iss": assertion.issuer,
        "scope": assertion.scope,
        "aud": assertion.audience,
        "iat": issued,
        "exp": issued + LIFETIME_S,
    });
    let part = |value: &serde_json::Value| BASE64URL.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .map_err(|_| "the private key does not sign")?;
    Ok(format!("{signed}.{}", BASE64URL.encode(signature)))
}

/// The key pair of an assertion, also for checking a configuration.
///
/// # Errors
/// A text for a person, without the key.
pub fn key(assertion: &Assertion) -> Result<RsaKeyPair, String> {
    // Keys in environment variables often carry the two characters \n instead of line ends.
    let pem = assertion.key.expose_secret().replace("\\n", "\n");
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "the private key is no PEM of the form -----BEGIN PRIVATE KEY-----")?;
    RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|why| format!("the private key is no RSA key: {why}"))
}
