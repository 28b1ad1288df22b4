//! `omniprice run`: the daemon.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::{Context, WRONG_INPUT, talk};
use crate::app::single_instance;
use crate::daemon;
use crate::store::settings;

/// # Errors
/// A loop that died.
pub async fn run(context: &Context) -> anyhow::Result<ExitCode> {
    let config = context.config()?;
    context.set_up(&config)?;
    let lock = match single_instance(&config) {
        Ok(lock) => lock,
        Err(error) => {
            talk(&format!("error: {error:#}"));
            return Ok(ExitCode::from(WRONG_INPUT));
        }
    };
    let app = context.worker().await?;
    app.rules().await?;
    if lock.is_some() {
        settings::free_leases(&app.db).await?;
    }
    let cancel = CancellationToken::new();
    daemon::on_signal(cancel.clone())?;
    daemon::run(std::sync::Arc::clone(&app), cancel).await?;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}
