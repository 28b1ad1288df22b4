//! omniprice: competitor prices in, one decision, every sales channel updated and read back, a digest out.
//!
//! The modules in the order of the flow:
//!
//! - [`schedule`]: when a page is due, cron in local time or an interval.
//! - [`catalog`]: our products and the competitor pages that belong to them.
//! - [`fetch`]: asks one host for one page, politely and within limits.
//! - [`extract`]: page to offer, with evidence; pure.
//! - [`observe`]: judges what was read, keeps it as history.
//! - [`decide`]: facts, rules and time to a price, with its reasons; pure.
//! - [`publish`]: desired state per listing, lanes, the last gate.
//! - [`channel`]: one file per kind of sales channel.
//! - [`verify`]: reads channels back, compares, repairs by policy.
//! - [`report`]: digests and mail.
//!
//! [`flow`] is the only module that knows this order; [`daemon`] repeats it, [`app`] builds everything once, [`store`]
//! holds all SQL, [`money`] and [`clock`] are used everywhere, [`nearest`] guesses what a mistyped
//! name means. [`cli`] and [`web`] are the ways in, [`demo`] is a market to try them on.

/// Reading a page makes thousands of small values and drops them again: the system's allocator takes a tenth of the time
/// for it. Fuzzing keeps the system's, which its limits watch.
#[cfg(not(fuzzing))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod app;
pub mod catalog;
pub mod channel;
pub mod cli;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod decide;
pub mod demo;
pub mod extract;
pub mod fetch;
pub mod flow;
pub mod money;
pub mod nearest;
pub mod observe;
pub mod publish;
pub mod report;
pub mod schedule;
pub mod sentence;
pub mod store;
pub mod telemetry;
pub mod verify;
pub mod web;
