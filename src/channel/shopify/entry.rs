//! How requests carry the app's token. Apps that were made in the shop's own admin before 2026 have one that lives until it
//! is taken back; an app of the Dev Dashboard has a client id and a secret, for which the shop gives a token of a day.

use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::channel::wire::http::{self, Answer, Call, Http};
use crate::channel::wire::oauth::{Client, ClientAuth, Grant, Tokens};
use crate::channel::wire::session::{Bearer, Session};
use crate::channel::{ChannelError, Setting};
use crate::publish::gate::Pass;

const TOKEN: &str = "x-shopify-access-token";

/// What the configuration has of the app.
pub(super) enum Credentials {
    /// The header that every request carries.
    Token(HeaderMap),
    Client(Client),
}

impl Credentials {
    /// `base` is the shop's address.
    ///
    /// # Errors
    /// Neither a token nor a client with its secret, or both; a token that no header can carry.
    pub fn of(
        base: &Url,
        token: Option<SecretString>,
        client_id: String,
        client_secret: Option<SecretString>,
    ) -> Result<Self, String> {
        match (token, client_secret) {
            (Some(token), None) if client_id.is_empty() => {
                let mut headers = HeaderMap::new();
                http::secret_header(&mut headers, TOKEN, token.expose_secret())?;
                Ok(Self::Token(headers))
            }
            (None, Some(secret)) if !client_id.is_empty() => Ok(Self::Client(Client {
                token_url: http::place(base, &["admin", "oauth", "access_token"], &[]),
                id: client_id,
                secret,
                auth: ClientAuth::Body,
                grant: Grant::ClientCredentials { scope: String::new() },
            })),
            _ => Err("set access_token, or client_id and client_secret, and not both".to_owned()),
        }
    }

    /// What tells one app from another: its budget is its own.
    fn app(&self) -> &[u8] {
        match self {
            Self::Token(headers) => headers[TOKEN].as_bytes(),
            Self::Client(client) => client.id.as_bytes(),
        }
    }
}

/// The way in, with the pace of the app in this shop.
pub(super) enum Entry {
    Token { http: Http, headers: HeaderMap },
    Granted(Box<Session>),
}

impl Entry {
    /// `points` are those of an untouched budget and those of a minute; all channels of an app at one endpoint share them.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(
        setting: &Setting,
        credentials: &Credentials,
        endpoint: &Url,
        points: (u32, u32),
    ) -> Result<Self, String> {
        let plain = Http::new(setting)?;
        let counted_by: [&dyn AsRef<[u8]>; 3] = [&"points", &endpoint.as_str(), &credentials.app()];
        let http = plain.clone().paced(setting.shared.pace(&counted_by, points.0, points.1));
        Ok(match credentials {
            Credentials::Token(headers) => Self::Token { http, headers: headers.clone() },
            Credentials::Client(client) => {
                let (name, clock) = (setting.name.clone(), setting.clock.clone());
                let tokens = Tokens::new(plain, client.clone(), name, clock, setting.vault.clone());
                Self::Granted(Box::new(Session::new(http, tokens, Bearer::Own(TOKEN))))
            }
        })
    }

    /// The client below, for its pace.
    pub fn http(&self) -> &Http {
        match self {
            Self::Token { http, .. } => http,
            Self::Granted(session) => session.http(),
        }
    }

    /// # Errors
    /// Like [`Http::ask`]; `Refused` for a client that gets no token.
    pub async fn ask(&self, call: Call, body: Vec<u8>) -> Result<Answer, ChannelError> {
        match self {
            Self::Token { http, headers } => http.ask(Call { headers: headers.clone(), ..call }, body).await,
            Self::Granted(session) => session.ask(call, body).await,
        }
    }

    /// # Errors
    /// Like [`Http::push`]; `Refused` for a client that gets no token.
    pub async fn push(&self, call: Call, pass: Pass) -> Result<Answer, ChannelError> {
        match self {
            Self::Token { http, headers } => http.push(Call { headers: headers.clone(), ..call }, pass).await,
            Self::Granted(session) => session.push(call, pass).await,
        }
    }
}
