//! How the server is spoken to: from version 19 on by its JSON-2 API, before that by its JSON-RPC, which version 22 no
//! longer has. `GET /web/version` tells the version and came with JSON-2; older servers know no such page.

use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Odoo;
use super::rpc::{self, Execute, Rpc};
use crate::channel::wire::graphql::text;
use crate::channel::wire::http::{Answer, Call, place, secret_header};
use crate::channel::wire::outgoing;
use crate::channel::{ChannelError, Class};
use crate::clock::Millis;
use crate::publish::gate::GateError;

/// The first version with the JSON-2 API.
const JSON2_SINCE: i64 = 19;
/// What a server told of its version is believed for so long: it may be upgraded under a running daemon.
const BELIEVED: i64 = Millis::HOUR;

/// How one server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One address for all; every call names our user's number and key.
    Rpc(i64),
    /// An address for each method of each model; arguments have names, and the key stands in a header.
    Json2,
}

/// A write by JSON-2 as it travels. Model and method stand in its address.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named<V> {
    ids: Vec<i64>,
    vals: V,
}

/// A method's arguments in both forms.
pub struct Arguments {
    pub placed: Value,
    pub named: Value,
}

/// Reads a write back out of its bytes: the records, and what they get.
pub fn written<V: DeserializeOwned>(way: Way, body: &[u8], model: &str) -> Result<(Vec<i64>, V), GateError> {
    match way {
        Way::Json2 => {
            let Named { ids, vals } = outgoing::parse(body)?;
            Ok((ids, vals))
        }
        Way::Rpc(_) => {
            let rpc: Rpc<Execute<(Vec<i64>, V)>> = outgoing::parse(body)?;
            let (_, _, _, named, method, args) = rpc.params.args;
            if (named.as_str(), method.as_str()) != (model, "write") {
                return Err(outgoing::unreadable(&format!("not a write of {model}")));
            }
            Ok(args)
        }
    }
}

/// The result of a call, or its error by the name of the server's exception. `late` is the class of what proves nothing.
pub fn result<T: DeserializeOwned>(way: Way, answer: &Answer, late: Class) -> Result<T, ChannelError> {
    let good = (200..300).contains(&answer.status);
    match way {
        Way::Rpc(_) if good => rpc::result(answer, late),
        Way::Json2 if good => answer.parse(),
        Way::Rpc(_) => Err(answer.error()),
        Way::Json2 => Err(json2_error(answer, late)),
    }
}

/// JSON-2 answers failures with a status and the exception's name; the exceptions of the web server itself only repeat
/// the status.
fn json2_error(answer: &Answer, late: Class) -> ChannelError {
    let body = answer.json().unwrap_or_default();
    let (name, message) = (text(&body, "name").unwrap_or_default(), text(&body, "message").unwrap_or_default());
    match name.strip_prefix("werkzeug.exceptions.") {
        None if name.is_empty() => answer.error(),
        None => rpc::failure(&name, &message, late),
        // No page of that name: the database is another, or the method is one that this version does not have.
        Some("NotFound") if message.contains("does not exist") => {
            ChannelError::new(Class::Rejected, format!("{}{name}: {message}", rpc::SAYS))
        }
        Some("NotFound") => ChannelError::new(Class::Refused, rpc::NO_DATABASE),
        Some(_) => match answer.error() {
            error if message.is_empty() => error,
            error => ChannelError::new(error.class, format!("{}{name}: {message}", rpc::SAYS)),
        },
    }
}

/// A version's first number; those between releases (Odoo Online) have it as `saas~19`.
fn major(shown: &Value) -> Option<i64> {
    shown.as_i64().or_else(|| shown.as_str()?.strip_prefix("saas~")?.parse().ok())
}

impl Odoo {
    /// How the server wants to be spoken to now; asking an old one for our user is how its key is tried.
    pub(super) async fn way(&self) -> Result<Way, ChannelError> {
        let now = self.clock.now();
        let told = self.told.lock().await.filter(|(_, until)| now < *until);
        let json2 = match told {
            Some((json2, _)) => json2,
            None => {
                let (json2, _) = self.version().await?;
                *self.told.lock().await = Some((json2, now.plus(BELIEVED)));
                json2
            }
        };
        if json2 { Ok(Way::Json2) } else { self.user().await.map(Way::Rpc) }
    }

    /// Whether the server's version has the JSON-2 API, and its answer.
    pub(super) async fn version(&self) -> Result<(bool, Answer), ChannelError> {
        let answer = self.http.get(&place(&self.base, &["web", "version"], &[]), HeaderMap::new()).await?;
        // Versions without this page answer in many ways; only one that cannot answer now has to be asked again.
        if matches!(answer.error().class, Class::Retry { .. } | Class::Unknown) && answer.status >= 400 {
            return Err(answer.error());
        }
        let body = answer.json().unwrap_or_default();
        let major = body.pointer("/version_info/0").and_then(major);
        Ok((major.is_some_and(|major| major >= JSON2_SINCE), answer))
    }

    /// Our user's number.
    pub(super) async fn me(&self, way: Way) -> Result<i64, ChannelError> {
        let Way::Rpc(user) = way else {
            let named = Arguments { placed: json!([]), named: json!({}) };
            let context: Value = self.ask(way, "res.users", "context_get", named).await?;
            let user = context.get("uid").and_then(Value::as_i64);
            return user
                .ok_or_else(|| ChannelError::new(Class::Rejected, "the server does not tell our user's number"));
        };
        Ok(user)
    }

    /// Where a method is called, and as whom.
    pub(super) fn call(&self, way: Way, model: &str, method: &str) -> Result<Call, ChannelError> {
        let mut headers = HeaderMap::new();
        if way != Way::Json2 {
            return Ok(Call::json(Method::POST, place(&self.base, &["jsonrpc"], &[]), headers));
        }
        let odd = |why: String| ChannelError::new(Class::Refused, why);
        let bearer = format!("bearer {}", self.api_key.expose_secret());
        secret_header(&mut headers, "authorization", &bearer).map_err(odd)?;
        secret_header(&mut headers, "x-odoo-database", &self.database).map_err(odd)?;
        Ok(Call::json(Method::POST, place(&self.base, &["json", "2", model, method], &[]), headers))
    }

    /// The bytes of a write.
    pub(super) fn writing<V: Serialize>(
        &self,
        way: Way,
        model: &str,
        ids: Vec<i64>,
        vals: V,
    ) -> Result<Vec<u8>, ChannelError> {
        match way {
            Way::Rpc(user) => self.execute(user, model, "write", (ids, vals)),
            Way::Json2 => serde_json::to_vec(&Named { ids, vals })
                .map_err(|error| ChannelError::new(Class::Rejected, error.to_string())),
        }
    }

    pub(super) async fn search<T: DeserializeOwned>(
        &self,
        way: Way,
        model: &str,
        domain: Value,
        fields: &[&str],
    ) -> Result<Vec<T>, ChannelError> {
        let named = json!({ "domain": domain, "fields": fields });
        self.ask(way, model, "search_read", Arguments { placed: json!([domain, fields]), named }).await
    }

    /// The result of a method that changes nothing.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        way: Way,
        model: &str,
        method: &str,
        arguments: Arguments,
    ) -> Result<T, ChannelError> {
        let body = match way {
            Way::Rpc(user) => self.execute(user, model, method, arguments.placed)?,
            Way::Json2 => arguments.named.to_string().into_bytes(),
        };
        let answer = self.http.ask(self.call(way, model, method)?, body).await?;
        result(way, &answer, Class::Retry { after_ms: None })
    }
}
