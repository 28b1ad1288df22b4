//! Whether a competitor's pages can be believed as a whole: judged over what was checked lately, after every visit.
//!
//! A suspended competitor keeps its last accepted prices until they are too old. Nothing new of it is accepted before a
//! person resumes it.

use std::collections::BTreeMap;

use super::breaker::{Batch, BatchVerdict, judge_batch};
use crate::app::App;
use crate::clock::Millis;
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::rivals::{self, Crawled};
use crate::telemetry::Metrics;

/// A crawl is what was checked within one interval, at most so many pages: enough for shares of one percent.
const PAGES: i64 = 200;
/// Whoever resumes a competitor has looked: for so long the same pages do not suspend it again.
const TRUST: i64 = Millis::DAY;
/// Stored with what is not believed because of its competitor.
pub const REASON: &str = "competitor_suspended";

/// Judges a competitor's latest pages and suspends it if they cannot be right.
///
/// # Errors
/// The store's.
pub async fn judge(app: &App, competitor: &str) -> anyhow::Result<()> {
    let now = app.now();
    if is_suspended(app, competitor).await? {
        return Ok(());
    }
    if rivals::resumed_at(&app.db, competitor).await?.is_some_and(|at| now.since(at) < TRUST) {
        return Ok(());
    }
    let since = now.plus(-app.schedule.interval(now));
    let pages = rivals::crawl(&app.db, competitor, since, PAGES).await?;
    let batch = batch(&pages, since);
    let what = match judge_batch(&batch, &app.config.guards.crawl) {
        BatchVerdict::WithinLimits => return Ok(()),
        BatchVerdict::SuspectShare => Sentence::SuspectPrices.with(&[("n", &batch.suspect), ("all", &batch.checked)]),
        BatchVerdict::IdenticalPrices => Sentence::OnePrice.with(&[("n", &batch.same_price), ("all", &batch.checked)]),
        BatchVerdict::MassOutOfStock => {
            Sentence::MassSoldOut.with(&[("n", &batch.newly_sold_out), ("all", &batch.checked)])
        }
    };
    if rivals::suspend(&app.db, competitor.to_owned(), what.clone(), since, now).await? {
        Metrics::add(&app.metrics.suspensions, 1);
        tracing::warn!(competitor, "{competitor} is suspended: {what}");
        events::raise(&app.db, suspended(competitor, &what), now).await?;
    }
    Ok(())
}

/// What people are told about a suspended competitor.
#[must_use]
pub fn suspended(competitor: &str, why: &str) -> Raise {
    Raise {
        kind: "competitor_suspended",
        severity: "critical",
        dedupe: dedupe(competitor),
        product_id: None,
        channel: None,
        competitor: Some(competitor.to_owned()),
        message: Sentence::Suspended.with(&[("competitor", &competitor), ("why", &why)]),
        hint: Sentence::HintResume.with(&[("competitor", &competitor)]),
    }
}

/// The key of the event about a suspended competitor.
#[must_use]
pub fn dedupe(competitor: &str) -> String {
    format!("competitor-suspended/{competitor}")
}

/// Whether nothing new of a competitor is believed at the moment.
///
/// # Errors
/// The store's.
pub async fn is_suspended(app: &App, competitor: &str) -> anyhow::Result<bool> {
    Ok(rivals::suspended(&app.db).await?.iter().any(|row| row.competitor == competitor))
}

/// What the newest runs of a crawl say in numbers.
fn batch(pages: &[Crawled], since: Millis) -> Batch {
    let count =
        |matches: &dyn Fn(&&Crawled) -> bool| u32::try_from(pages.iter().filter(matches).count()).unwrap_or(u32::MAX);
    let mut prices: BTreeMap<i64, u32> = BTreeMap::new();
    for minor in pages.iter().filter_map(|page| page.price_minor) {
        *prices.entry(minor).or_default() += 1;
    }
    let news = |page: &&Crawled| page.first_seen > since.0;
    let was_there = |page: &&Crawled| page.before.as_deref().is_some_and(|before| before != "out_of_stock");
    Batch {
        checked: count(&|_| true),
        suspect: count(&|page| matches!(page.verdict.as_str(), "suspect" | "quarantined" | "rejected")),
        same_price: prices.into_values().max().unwrap_or(0),
        newly_sold_out: count(&|page| page.availability == "out_of_stock" && news(page) && was_there(page)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(verdict: &str, minor: i64, availability: &str, first_seen: i64, before: Option<&str>) -> Crawled {
        Crawled {
            target_id: 0,
            verdict: verdict.into(),
            price_minor: Some(minor),
            availability: availability.into(),
            first_seen,
            before: before.map(str::to_owned),
        }
    }

    #[test]
    fn only_what_sold_out_in_this_crawl_counts_as_new() {
        let pages = [
            page("accepted", 100, "out_of_stock", 20, Some("in_stock")),
            page("accepted", 200, "out_of_stock", 5, Some("in_stock")),
            page("accepted", 200, "out_of_stock", 20, Some("out_of_stock")),
            page("suspect", 200, "in_stock", 20, None),
        ];
        let batch = batch(&pages, Millis(10));
        assert_eq!((batch.checked, batch.suspect, batch.same_price, batch.newly_sold_out), (4, 1, 3, 1));
    }
}
