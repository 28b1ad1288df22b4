//! The server's JSON-RPC: one address, every failure HTTP 200 with the name of the server's exception.

use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Odoo;
use super::way::Way;
use crate::channel::wire::graphql::text;
use crate::channel::wire::http::Answer;
use crate::channel::{ChannelError, Class};

/// How an error begins that the server itself names, in contrast to no answer at all.
pub const SAYS: &str = "Odoo answers ";
pub const NO_DATABASE: &str =
    "the server has no such database; set `database` to the name that its database selector shows";

/// A call as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rpc<A> {
    pub jsonrpc: String,
    pub method: String,
    pub params: Params<A>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params<A> {
    pub service: String,
    pub method: String,
    pub args: A,
}

/// Database, user, key, model, method and the method's own arguments.
pub type Execute<A> = (String, i64, String, String, String, A);

/// The result of a call, or its error by the name of the server's exception.
pub fn result<T: DeserializeOwned>(answer: &Answer, late: Class) -> Result<T, ChannelError> {
    #[derive(Deserialize)]
    struct Whole<T> {
        result: T,
    }
    let body = answer.json()?;
    let Some(error) = body.get("error").filter(|error| !error.is_null()) else {
        return Ok(answer.parse::<Whole<T>>()?.result);
    };
    let data = error.get("data").unwrap_or(&Value::Null);
    let name = text(data, "name").unwrap_or_default();
    let message = text(data, "message").or_else(|| text(error, "message")).unwrap_or_default();
    Err(failure(&name, &message, late))
}

/// An exception of the server by its full name.
pub fn failure(name: &str, message: &str, late: Class) -> ChannelError {
    if name == "psycopg2.OperationalError" && message.contains("does not exist") {
        return ChannelError::new(Class::Refused, NO_DATABASE);
    }
    let class = match name {
        "odoo.exceptions.AccessDenied" | "odoo.http.SessionExpiredException" => Class::Refused,
        // By a rule on records as well as on the whole model.
        "odoo.exceptions.AccessError" => Class::Forbidden,
        "odoo.exceptions.MissingError"
        | "odoo.exceptions.ValidationError"
        | "odoo.exceptions.UserError"
        | "builtins.ValueError"
        | "builtins.TypeError" => Class::Rejected,
        // The call is one transaction: it was rolled back.
        "psycopg2.errors.SerializationFailure" | "psycopg2.errors.DeadlockDetected" => {
            Class::Retry { after_ms: Some(250) }
        }
        _ => late,
    };
    ChannelError::new(class, format!("{SAYS}{name}: {message}"))
}

impl Odoo {
    fn rpc<A: Serialize>(service: &str, method: &str, args: A) -> Result<Vec<u8>, ChannelError> {
        let params = Params { service: service.to_owned(), method: method.to_owned(), args };
        let rpc = Rpc { jsonrpc: "2.0".to_owned(), method: "call".to_owned(), params };
        serde_json::to_vec(&rpc).map_err(|error| ChannelError::new(Class::Rejected, error.to_string()))
    }

    /// Our user's number; asking for it is how a key is tried.
    pub(super) async fn user(&self) -> Result<i64, ChannelError> {
        let key = self.api_key.expose_secret();
        let body = Self::rpc("common", "authenticate", (&self.database, &self.login, key, json!({})))?;
        // No user yet, so none is named.
        let answer = self.http.ask(self.call(Way::Rpc(0), "", "")?, body).await?.ok()?;
        let user: Value = result(&answer, Class::Retry { after_ms: None })?;
        // False instead of an error.
        user.as_i64()
            .ok_or_else(|| ChannelError::new(Class::Refused, "the server refuses login and key for this database"))
    }

    pub(super) fn execute<A: Serialize>(
        &self,
        user: i64,
        model: &str,
        method: &str,
        args: A,
    ) -> Result<Vec<u8>, ChannelError> {
        let key = self.api_key.expose_secret();
        Self::rpc("object", "execute_kw", (&self.database, user, key, model, method, args))
    }
}
