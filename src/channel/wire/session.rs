//! Requests under an access token. A token that the vendor refuses before its time is renewed once; a vendor that
//! refuses the new one too refuses us.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::http::{Answer, Call, Http};
use super::oauth::Tokens;
use crate::channel::{ChannelError, Class};
use crate::publish::gate::Pass;

/// Where a vendor wants the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// `Authorization: Bearer TOKEN` (RFC 6750).
    Standard,
    /// A header of the vendor's own with the bare token.
    Own(&'static str),
}

/// A client, its tokens, and whether the last push left doubt about them: a question that is answered clears none, since
/// a token may read what it must not write.
pub struct Session {
    http: Http,
    tokens: Tokens,
    bearer: Bearer,
    refuses: fn(&Answer) -> bool,
    doubted: AtomicBool,
}

impl Session {
    #[must_use]
    pub const fn new(http: Http, tokens: Tokens, bearer: Bearer) -> Self {
        Self { http, tokens, bearer, refuses: refused, doubted: AtomicBool::new(false) }
    }

    /// The same for a vendor that tells of a token otherwise than by 401: `refuses` tells which answers are about it.
    #[must_use]
    pub fn refusing(self, refuses: fn(&Answer) -> bool) -> Self {
        Self { refuses, ..self }
    }

    /// The client below, for its pace.
    #[must_use]
    pub const fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a body that passed the gate. A refused token did nothing, so the lane may try again with a new one.
    ///
    /// # Errors
    /// Like [`Http::push`]; `Refused` if a new token was refused too.
    pub async fn push(&self, call: Call, pass: Pass) -> Result<Answer, ChannelError> {
        let (call, used) = self.signed(call).await?;
        let answer = self.http.push(call, pass).await?;
        self.judged(answer, &used).await
    }

    /// Sends a body without prices, once more with a new token if the vendor refuses the first.
    ///
    /// # Errors
    /// Like [`Http::ask`]; `Refused` if a new token was refused too.
    pub async fn ask(&self, call: Call, body: Vec<u8>) -> Result<Answer, ChannelError> {
        let (first, used) = self.signed(call.clone()).await?;
        let answer = self.http.ask(first, body.clone()).await?;
        if !(self.refuses)(&answer) {
            return Ok(answer);
        }
        self.tokens.spent(&used).await;
        let (second, used) = self.signed(call).await?;
        let answer = self.http.ask(second, body).await?;
        if (self.refuses)(&answer) {
            self.tokens.spent(&used).await;
            return Err(answer.error());
        }
        Ok(answer)
    }

    async fn signed(&self, mut call: Call) -> Result<(Call, HeaderValue), ChannelError> {
        let (name, value) = match self.bearer {
            Bearer::Standard => (AUTHORIZATION, self.tokens.bearer().await?),
            Bearer::Own(name) => (HeaderName::from_static(name), self.tokens.bare().await?),
        };
        call.headers.insert(name, value.clone());
        Ok((call, value))
    }

    async fn judged(&self, answer: Answer, used: &HeaderValue) -> Result<Answer, ChannelError> {
        if !(self.refuses)(&answer) {
            self.doubted.store(false, Ordering::Relaxed);
            return Ok(answer);
        }
        let error = answer.error();
        // Somebody else has renewed it already, or this is the first refusal in a row: a new token may be taken.
        if !self.tokens.spent(used).await || !self.doubted.swap(true, Ordering::Relaxed) {
            let text = format!("{}; the token will be renewed", error.message);
            return Err(ChannelError::new(Class::Retry { after_ms: None }, text));
        }
        Err(error)
    }
}

/// 403 is about a right that is missing, not about the token (RFC 9110 section 15.5.4).
const fn refused(answer: &Answer) -> bool {
    answer.status == 401
}
