//! Conditions that stand in the state itself. Whoever brought them about tells of them; a crash between the two, or a
//! person who closed the event while the condition lasts, would leave them untold for good, so here they are told again.

use super::{LIMIT, Open};
use crate::app::App;
use crate::observe::crawl;
use crate::publish::notice;
use crate::store::events::{self, Raise};
use crate::store::{channels, progress, rivals};

/// Channels that stand still.
///
/// # Errors
/// The store's.
pub async fn of_channels(app: &App, open: &Open) -> anyhow::Result<()> {
    for row in channels::list(&app.db).await?.into_iter().filter(|row| app.lane(&row.name).is_some()) {
        match row.state.as_str() {
            "breaker" => missing(app, open, notice::stopped(&row.name, &row.reason)).await?,
            "refused" => missing(app, open, notice::refused(&row.name, &row.reason)).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Competitors that are not believed.
///
/// # Errors
/// The store's.
pub async fn of_competitors(app: &App, open: &Open) -> anyhow::Result<()> {
    for row in rivals::suspended(&app.db).await? {
        missing(app, open, crawl::suspended(&row.competitor, &row.reason)).await?;
    }
    Ok(())
}

/// Listings whose price does not go out by itself, or that show another one.
///
/// # Errors
/// The store's.
pub async fn of_listings(app: &App) -> anyhow::Result<()> {
    for one in progress::untold(&app.db, LIMIT).await? {
        let told = match one.state.as_str() {
            "drifted" => notice::drifted(&one.channel, one.product_id, &one.external, &one.reason),
            state => notice::listing(&one.channel, one.product_id, state, &one.reason),
        };
        if let Some(event) = told {
            events::raise(&app.db, event, app.now()).await?;
        }
    }
    Ok(())
}

async fn missing(app: &App, open: &Open, event: Raise) -> anyhow::Result<()> {
    if !open.contains_key(&event.dedupe) {
        events::raise(&app.db, event, app.now()).await?;
    }
    Ok(())
}
