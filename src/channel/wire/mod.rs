//! What connectors share on the wire: the HTTP client, a vendor's pace, tokens, amounts in vendors' words, and batches.

pub mod amount;
pub mod batch;
pub mod files;
pub mod http;
pub mod jobs;
pub mod jwt;
pub mod oauth;
pub mod pace;
pub mod session;
pub mod signed;
