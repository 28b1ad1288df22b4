//! Our products and the competitor pages that belong to them.

pub mod import;
