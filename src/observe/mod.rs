//! Sees what a page said, judges whether it may be believed, and keeps it as history.

pub mod breaker;
pub mod crawl;
pub mod gate;
pub mod judge;
pub mod markers;
pub mod recorder;
pub mod visit;
pub mod war;
pub mod zscore;
