//! One binary: whole flow first, then the tables. What a missing database or program skips is said, and in CI
//! (`OMNIPRICE_TEST_STRICT=1`) it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod alert_words;
mod alerts;
mod bars;
mod cli;
mod connectors;
mod crash;
mod digest;
mod digest_market;
mod digest_scope;
mod digest_told;
mod extract;
mod flow;
mod fuzz_corpus;
mod guards;
mod harness;
mod inputs;
mod intent;
mod layout;
mod live;
mod logged;
mod mail;
mod markets;
mod other_pages;
mod pages;
mod politeness;
mod price_text;
mod price_words;
mod pricing;
mod pricing_cases;
mod pricing_properties;
mod pricing_replay;
mod pricing_sequences;
mod protocol;
mod publishing;
mod replay_month;
mod report;
mod rivals;
mod roundtrip;
mod scrapers;
mod sellers_and_markets;
mod sight;
mod stages;
mod store;
mod store_suite;
mod terms;
mod transcripts;
mod watch;
mod web;
