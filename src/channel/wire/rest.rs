//! Paths, queries and headers of a REST API below one base URL.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use url::Url;

use super::http::{self, Answer, Call, Http};
use crate::channel::ChannelError;
use crate::publish::gate::Pass;

/// One API at one base URL.
#[derive(Debug, Clone)]
pub struct Rest {
    pub http: Http,
    base: Url,
    headers: HeaderMap,
}

impl Rest {
    /// `headers` go with every request.
    #[must_use]
    pub const fn new(http: Http, base: Url, headers: HeaderMap) -> Self {
        Self { http, base, headers }
    }

    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Call {
        Call::json(method, http::place(&self.base, path, query), self.headers.clone())
    }

    /// Reads; the answer may have any status.
    ///
    /// # Errors
    /// No answer; nothing was changed.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(Method::GET, path, query), Vec::new()).await
    }

    /// Reads one of many documents, waiting where the vendor names a time; see [`Http::get_in_turn`].
    ///
    /// # Errors
    /// No answer; nothing was changed.
    pub async fn get_in_turn(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, ChannelError> {
        self.http.get_in_turn(self.call(Method::GET, path, query)).await
    }

    /// Asks what may be done there (RFC 9110 section 9.3.7); the answer may have any status.
    ///
    /// # Errors
    /// No answer; nothing was changed.
    pub async fn options(&self, path: &[&str]) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(Method::OPTIONS, path, &[]), Vec::new()).await
    }

    /// Sends a body without a price: a search, the end of a sale.
    ///
    /// # Errors
    /// No answer; nothing was priced.
    pub async fn ask(&self, method: Method, path: &[&str], body: &Value) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(method, path, &[]), body.to_string().into_bytes()).await
    }

    /// Deletes what carries no price of a decision: a sale that is over, a record that is written anew.
    ///
    /// # Errors
    /// No answer; nothing was priced.
    pub async fn delete(&self, path: &[&str]) -> Result<Answer, ChannelError> {
        self.http.ask(self.call(Method::DELETE, path, &[]), Vec::new()).await
    }

    /// Sends a body that passed the gate.
    ///
    /// # Errors
    /// No answer; the class says whether anything can have happened.
    pub async fn push(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        pass: Pass,
    ) -> Result<Answer, ChannelError> {
        self.http.push(self.call(method, path, query), pass).await
    }
}
