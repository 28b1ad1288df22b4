//! What goes wrong with a channel, by what can be done about it.

use crate::channel::{PriceChange, Receipt};
use crate::publish::gate::GateError;

/// What a lane does about an error. It acts on the class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Nothing was done; try again, after the given milliseconds if the channel named a time.
    Retry { after_ms: Option<i64> },
    /// This price will not be taken; a person must look.
    Rejected,
    /// Credentials or scope: the lane stops.
    Refused,
    /// It forbids this and does not say for whose sake: the listing may be somebody else's, or a right may be missing. What
    /// it says to other listings tells.
    Forbidden,
    /// It asks never to be called again: the lane stops until a person lets it go on.
    Gone,
    /// It may have arrived: read before anything else.
    Unknown,
}

impl Class {
    /// Whether the channel did not do it for want of a right, the account's or the listing's.
    #[must_use]
    pub const fn refuses(self) -> bool {
        matches!(self, Self::Refused | Self::Forbidden)
    }

    /// Whether nothing more is sent to the channel for now.
    #[must_use]
    pub const fn stops_the_lane(self) -> bool {
        self.refuses() || matches!(self, Self::Gone)
    }
}

/// A channel's refusal, in words for a person, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChannelError {
    pub class: Class,
    pub message: String,
}

impl ChannelError {
    /// Control characters are removed and the text is cut, since it may repeat the channel's words.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        let message: String = message.into();
        let message = message.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
        Self { class, message }
    }
}

/// One error for every change of a batch.
#[must_use]
pub fn all_failed(changes: &[PriceChange], error: &ChannelError) -> Vec<Result<Receipt, ChannelError>> {
    changes.iter().map(|_| Err(error.clone())).collect()
}

/// A body that our own gate stopped: the price stays inside and a person is told.
impl From<GateError> for ChannelError {
    fn from(error: GateError) -> Self {
        Self::new(Class::Rejected, format!("stopped at the door: {error}"))
    }
}
