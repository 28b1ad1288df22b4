//! Access tokens by OAuth 2.0 (RFC 6749): fetched once however many requests need one, renewed ahead of expiry, and a
//! rotated refresh token is stored before the token that came with it is used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::http::{self, Call, Http};
use crate::channel::{ChannelError, Class};
use crate::clock::{Clock, Millis};

/// Renewed this long before the end, so that no request leaves with a token that dies on its way.
const AHEAD_MS: i64 = 2 * Millis::MINUTE;
/// What a token without `expires_in` is trusted for.
const SILENT_SECONDS: i64 = 300;
/// Name of the stored secret.
const REFRESH: &str = "refresh_token";

/// Begins a stored token that says which configured one it followed.
const SUCCEEDS: &str = "succeeds:";

/// What stands before a stored successor of a configured token: its hash, since the token itself is the operator's.
fn successor_of(first: &SecretString) -> String {
    format!("{SUCCEEDS}{}:", BASE64.encode(Sha256::digest(first.expose_secret().as_bytes())))
}

/// A stored refresh token.
struct Rotated {
    token: SecretString,
    /// It may have followed another token than the configured one.
    of_another: bool,
}

fn unusable(why: String) -> ChannelError {
    ChannelError::new(Class::Retry { after_ms: None }, format!("the token store cannot be used: {why}"))
}

/// Keeps a channel's rotated secrets over restarts, for all workers of a deployment.
#[async_trait]
pub trait Vault: Send + Sync {
    /// The newest value, if one was ever stored.
    ///
    /// # Errors
    /// A text for a person; then no token is fetched.
    async fn load(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String>;

    /// Stores a value durably.
    ///
    /// # Errors
    /// A text for a person; the value must not be used then.
    async fn store(&self, channel: &str, name: &str, value: SecretString) -> Result<(), String>;
}

/// A vault that forgets at the end of the process: for looks at a channel that store nothing, and for tests.
#[derive(Default)]
pub struct Forgetful(Mutex<HashMap<(String, String), SecretString>>);

#[async_trait]
impl Vault for Forgetful {
    async fn load(&self, channel: &str, name: &str) -> Result<Option<SecretString>, String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(&(channel.to_owned(), name.to_owned())).cloned())
    }

    async fn store(&self, channel: &str, name: &str, value: SecretString) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((channel.to_owned(), name.to_owned()), value);
        Ok(())
    }
}

/// How a token is asked for.
#[derive(Debug, Clone)]
pub enum Grant {
    /// RFC 6749 section 4.4.
    ClientCredentials { scope: String },
    /// RFC 6749 section 6; the configured token is the first one, later ones come from the vault. Another configured token
    /// begins anew.
    RefreshToken { first: SecretString, scope: String },
    /// RFC 7523: a JWT signed anew each time, as Google's service accounts do.
    Assertion { sign: fn(&Assertion, Millis) -> Result<String, String>, key: Assertion },
}

/// A service account's key.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub issuer: String,
    pub audience: String,
    pub scope: String,
    /// PKCS#8 in PEM.
    pub key: SecretString,
}

/// Where the client's id and secret stand in the token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// HTTP Basic (RFC 6749 section 2.3.1).
    Basic,
    /// Form fields.
    Body,
    /// The grant itself proves who asks.
    None,
}

/// A client at one token endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    pub token_url: Url,
    pub id: String,
    pub secret: SecretString,
    pub auth: ClientAuth,
    pub grant: Grant,
}

/// A channel's tokens.
pub struct Tokens {
    http: Http,
    client: Client,
    channel: String,
    clock: Clock,
    vault: Arc<dyn Vault>,
    /// Held while a token is fetched, so that everybody else waits for that one.
    current: tokio::sync::Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: HeaderValue,
    renew_at: Millis,
}

#[derive(Deserialize)]
struct Granted {
    access_token: SecretString,
    expires_in: Option<i64>,
    refresh_token: Option<SecretString>,
}

impl Tokens {
    #[must_use]
    pub fn new(http: Http, client: Client, channel: String, clock: Clock, vault: Arc<dyn Vault>) -> Self {
        Self { http, client, channel, clock, vault, current: tokio::sync::Mutex::default() }
    }

    /// The value of an `Authorization: Bearer` header.
    ///
    /// # Errors
    /// `Refused` if the endpoint refuses our credentials, `Retry` if it cannot be reached or a rotated token cannot be
    /// stored.
    pub async fn bearer(&self) -> Result<HeaderValue, ChannelError> {
        self.value("Bearer ").await
    }

    /// The bare token, for vendors with a header of their own.
    ///
    /// # Errors
    /// Like [`Tokens::bearer`].
    pub async fn bare(&self) -> Result<HeaderValue, ChannelError> {
        self.value("").await
    }

    /// Forgets a token that the vendor refused; the next call fetches another. False if it was renewed meanwhile.
    pub async fn spent(&self, used: &HeaderValue) -> bool {
        let mut current = self.current.lock().await;
        let ours = current.as_ref().is_some_and(|token| used.as_bytes().ends_with(token.value.as_bytes()));
        if ours {
            *current = None;
        }
        ours
    }

    async fn value(&self, scheme: &str) -> Result<HeaderValue, ChannelError> {
        let mut current = self.current.lock().await;
        let now = self.clock.now();
        let token = match current.as_ref().filter(|token| token.renew_at > now) {
            Some(token) => token.clone(),
            None => {
                let fresh = self.fetch(now).await?;
                *current = Some(fresh.clone());
                fresh
            }
        };
        let text = token.value.to_str().unwrap_or_default();
        http::secret_value("token", &format!("{scheme}{text}")).map_err(|why| ChannelError::new(Class::Refused, why))
    }

    async fn fetch(&self, now: Millis) -> Result<Token, ChannelError> {
        let Grant::RefreshToken { first, .. } = &self.client.grant else { return self.fetch_with(None, now).await };
        let stored = self.rotated(first).await.map_err(unusable)?;
        let Some(Rotated { token, of_another }) = stored else {
            return self.fetch_with(Some(first.clone()), now).await;
        };
        let fetched = self.fetch_with(Some(token), now).await;
        // A successor that does not say whose it is may be that of a token which has been replaced since.
        if of_another && matches!(&fetched, Err(error) if error.class == Class::Refused) {
            return self.fetch_with(Some(first.clone()), now).await;
        }
        fetched
    }

    /// Asks for a token; `newest` is the newest refresh token, where one is needed.
    async fn fetch_with(&self, newest: Option<SecretString>, now: Millis) -> Result<Token, ChannelError> {
        let (headers, form) =
            self.request(newest.as_ref(), now).map_err(|why| ChannelError::new(Class::Refused, why))?;
        let call =
            Call::json(Method::POST, self.client.token_url.clone(), headers).typed("application/x-www-form-urlencoded");
        let answer = self.http.ask(call, form).await?;
        if (400..500).contains(&answer.status) && answer.status != 429 {
            let why = format!("the token endpoint refuses us: {}", answer.error().message);
            // Another worker may have used this refresh token a moment ago; then its successor is stored.
            let stored = match &self.client.grant {
                Grant::RefreshToken { first, .. } => self.rotated(first).await.map_err(unusable)?.map(|one| one.token),
                _ => None,
            };
            let overtaken = stored.is_some_and(|stored| {
                newest.as_ref().is_some_and(|used| used.expose_secret() != stored.expose_secret())
            });
            let class = if overtaken { Class::Retry { after_ms: None } } else { Class::Refused };
            return Err(ChannelError::new(class, why));
        }
        let granted: Granted = answer.ok()?.parse()?;
        if let (Grant::RefreshToken { first, .. }, Some(rotated)) = (&self.client.grant, granted.refresh_token) {
            let kept = format!("{}{}", successor_of(first), rotated.expose_secret());
            self.vault.store(&self.channel, REFRESH, SecretString::from(kept)).await.map_err(unusable)?;
        }
        let lifetime = granted.expires_in.unwrap_or(SILENT_SECONDS).clamp(0, 366 * 86_400) * Millis::SECOND;
        let value = http::secret_value("token", granted.access_token.expose_secret());
        Ok(Token {
            value: value.map_err(|why| ChannelError::new(Class::Refused, why))?,
            // A token that lives shorter than the lead is used for half its life.
            renew_at: now.plus((lifetime - AHEAD_MS).max(lifetime / 2)),
        })
    }

    /// The stored successor of the configured token. One that followed another token is out of force: a person has put a
    /// new one into the configuration since.
    async fn rotated(&self, first: &SecretString) -> Result<Option<Rotated>, String> {
        let Some(stored) = self.vault.load(&self.channel, REFRESH).await? else { return Ok(None) };
        let text = stored.expose_secret();
        if let Some(token) = text.strip_prefix(&successor_of(first)) {
            return Ok(Some(Rotated { token: SecretString::from(token), of_another: false }));
        }
        // Without a mark it was stored before configured tokens were told apart.
        Ok((!text.starts_with(SUCCEEDS)).then(|| Rotated { token: stored.clone(), of_another: true }))
    }

    /// Headers and form of a token request; `refresh` is the newest refresh token.
    fn request(&self, refresh: Option<&SecretString>, now: Millis) -> Result<(HeaderMap, Vec<u8>), String> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        match &self.client.grant {
            Grant::ClientCredentials { .. } => form.append_pair("grant_type", "client_credentials"),
            Grant::RefreshToken { .. } => form.append_pair("grant_type", "refresh_token"),
            Grant::Assertion { sign, key } => form
                .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
                .append_pair("assertion", &sign(key, now)?),
        };
        if let Some(refresh) = refresh {
            form.append_pair("refresh_token", refresh.expose_secret());
        }
        // An assertion carries its scope inside.
        if let Grant::ClientCredentials { scope } | Grant::RefreshToken { scope, .. } = &self.client.grant
            && !scope.is_empty()
        {
            form.append_pair("scope", scope);
        }
        let mut headers = HeaderMap::new();
        match self.client.auth {
            ClientAuth::Basic => {
                let pair = BASE64.encode(format!("{}:{}", self.client.id, self.client.secret.expose_secret()));
                headers.insert(AUTHORIZATION, http::secret_value("client_secret", &format!("Basic {pair}"))?);
            }
            ClientAuth::Body => {
                form.append_pair("client_id", &self.client.id);
                form.append_pair("client_secret", self.client.secret.expose_secret());
            }
            ClientAuth::None => {}
        }
        Ok((headers, form.finish().into_bytes()))
    }
}

#[cfg(test)]
mod tests;
