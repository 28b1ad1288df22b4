//! What the demo says after each round: what was seen, decided, sent and read back since the one before.

use std::collections::{BTreeMap, BTreeSet};

use super::Say;
use crate::app::App;
use crate::clock::Millis;
use crate::money::{Currency, Money, WirePrice};
use crate::report::digest::plain;
use crate::store::{decisions, events, listings, observations, products, progress};

/// What has been told already.
#[derive(Default)]
pub(super) struct Told {
    until: Millis,
    events: BTreeSet<i64>,
    attempts: BTreeMap<i64, usize>,
}

impl Told {
    pub(super) async fn tell(&mut self, app: &App, say: Say<'_>) -> anyhow::Result<()> {
        let now = app.now();
        let money = |minor: i64| Money::from_minor(minor, Currency::DKK);
        let moves = observations::moves(&app.db, self.until, now, 1_000).await?;
        let first = moves.iter().filter(|m| m.old_minor.is_none()).count();
        if first > 0 {
            say(&format!("seen     {first} prices for the first time"))?;
        }
        for moved in moves.iter().rev() {
            if let Some(old) = moved.old_minor.filter(|old| *old != moved.new_minor) {
                say(&format!(
                    "seen     {} {}: {} -> {}",
                    moved.competitor,
                    moved.sku,
                    money(old),
                    money(moved.new_minor)
                ))?;
            }
        }
        for waiting in observations::waiting(&app.db, 100).await?.iter().filter(|w| w.last_seen > self.until.0) {
            let price = waiting.price_minor.map_or_else(|| "no price".to_owned(), |minor| money(minor).to_string());
            say(&format!(
                "doubted  {} {}: {price} is {} ({})",
                waiting.competitor, waiting.sku, waiting.verdict, waiting.reason
            ))?;
        }
        for decision in decisions::since(&app.db, self.until, now, 1_000).await?.iter().rev() {
            say(&format!(
                "decided  {}: {} -> {}  {}",
                decision.sku,
                money(decision.previous_minor),
                money(decision.price_minor),
                plain(&decision.why)
            ))?;
        }
        for held in decisions::held(&app.db, 100).await?.iter().filter(|held| held.since > self.until.0) {
            say(&format!("held     {}: {}", held.sku, plain(&held.why)))?;
        }
        self.attempts(app, say).await?;
        for event in events::between(&app.db, self.until, now, 1_000).await? {
            if self.events.insert(event.id) {
                say(&format!("event    {}: {}", event.sku.as_deref().unwrap_or("-"), plain(&event.message)))?;
            }
        }
        for parity in progress::parity(&app.db).await? {
            say(&format!(
                "parity   {}: {} of {} listings live at the newest decision",
                parity.channel, parity.live, parity.listings
            ))?;
        }
        self.until = now;
        Ok(())
    }

    /// What was sent and read since the last round, in the order in which it happened.
    async fn attempts(&mut self, app: &App, say: Say<'_>) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        for product in products::page(&app.db, 0, 1_000).await? {
            for listing in listings::of_product(&app.db, product.id).await? {
                let mut attempts = progress::attempts(&app.db, listing.id, 100).await?;
                attempts.reverse();
                let known = self.attempts.entry(listing.id).or_default();
                for attempt in attempts.iter().skip(*known) {
                    let price = attempt
                        .minor
                        .and_then(|units| WirePrice::stored(units, attempt.decimals, &attempt.currency).ok())
                        .map_or_else(String::new, |price| format!(" {price}"));
                    let detail =
                        if attempt.detail.is_empty() { String::new() } else { format!(": {}", plain(&attempt.detail)) };
                    let verb = if attempt.kind == "push" { "sent    " } else { "read    " };
                    let line = format!(
                        "{verb} {} {}{price} #{} {}{detail}",
                        listing.channel, product.sku, attempt.seq, attempt.outcome
                    );
                    lines.push((attempt.started_at, line));
                }
                *known = attempts.len();
            }
        }
        lines.sort();
        lines.iter().try_for_each(|(_, line)| say(line))
    }
}
