//! Logging, and counters in the Prometheus text format (version 0.0.4).
//!
//! Log once, where something is handled; never secrets, never raw scraped text. Labels come from closed sets.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging to stderr; data goes to stdout.
///
/// # Errors
/// A filter that cannot be parsed.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).map_err(|e| anyhow::anyhow!("log.filter: {e}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let started = match log.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("logging: {e}"))
}

macro_rules! counters {
    ($($field:ident: $name:literal, $help:literal;)+) => {
        /// Counters since the start of the process.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(pub $field: AtomicU64,)+
        }

        impl Metrics {
            /// All counters in Prometheus' text format.
            #[must_use]
            pub fn render(&self) -> String {
                let mut out = String::new();
                $(counter(&mut out, $name, $help, self.$field.load(Ordering::Relaxed));)+
                out
            }
        }
    };
}

counters! {
    checks: "omniprice_checks_total", "Competitor pages checked.";
    unchanged: "omniprice_checks_unchanged_total", "Checks answered by 304 or an identical body.";
    prices: "omniprice_prices_total", "Checks that read a price.";
    fetch_errors: "omniprice_fetch_errors_total", "Checks that got no page.";
    evaluations: "omniprice_evaluations_total", "Products evaluated.";
    decisions: "omniprice_decisions_total", "Price changes released.";
    guard_holds: "omniprice_guard_holds_total", "Proposals held by a guard or a rivalry.";
    runs_held: "omniprice_runs_held_total", "Runs held for a person.";
    rivalries: "omniprice_rivalries_total", "Price wars, spirals and flip-flops noticed.";
    doubted: "omniprice_observations_doubted_total", "Observed prices that were not accepted.";
    suspensions: "omniprice_suspensions_total", "Competitors suspended because a crawl could not be believed.";
    fx_fetches: "omniprice_fx_fetches_total", "Exchange rates fetched.";
    pushes: "omniprice_pushes_total", "Prices sent to channels.";
    verified: "omniprice_verified_total", "Prices read back equal.";
    drifts: "omniprice_drifts_total", "Prices found changed by somebody else.";
    digests: "omniprice_digests_total", "Digests sent.";
}

impl Metrics {
    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}

fn counter(out: &mut String, name: &str, help: &str, value: u64) {
    // Writing to a String cannot fail.
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n");
}

/// A gauge with one label, for values that are read from the database.
pub fn gauge(out: &mut String, name: &str, help: &str, label: &str, rows: &[(String, i64)]) {
    let rows: Vec<_> = rows.iter().map(|(value, n)| ([(label, value.as_str())], *n)).collect();
    gauges(out, name, help, &rows);
}

/// A gauge with several labels.
pub fn gauges<const N: usize>(out: &mut String, name: &str, help: &str, rows: &[([(&str, &str); N], i64)]) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    for (labels, n) in rows {
        let label = |(label, value): &(&str, &str)| format!("{label}=\"{}\"", value.replace(['\\', '"', '\n'], "_"));
        let labels: Vec<String> = labels.iter().map(label).collect();
        let _ = writeln!(out, "{name}{{{}}} {n}", labels.join(","));
    }
}
