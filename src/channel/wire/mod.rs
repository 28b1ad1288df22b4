//! What connectors share on the wire: the HTTP client, a vendor's pace, tokens, amounts in vendors' words, batches, and
//! the way out through the gate.

pub mod amount;
pub mod batch;
pub mod error;
pub mod files;
pub mod found;
pub mod graphql;
pub mod http;
pub mod jobs;
pub mod jwt;
pub mod oauth;
pub mod outgoing;
pub mod pace;
pub mod rest;
pub mod session;
pub mod shared;
pub mod signed;
pub mod worklist;
