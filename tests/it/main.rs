//! One binary: whole flow first, then the tables. What a missing database or program skips is said, and in CI
//! (`OMNIPRICE_TEST_STRICT=1`) it fails.

mod flow;
mod harness;
mod store;
