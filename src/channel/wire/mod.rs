//! What connectors share on the wire: the HTTP client, a vendor's pace, tokens, and amounts in vendors' words.

pub mod amount;
pub mod http;
pub mod oauth;
pub mod pace;
