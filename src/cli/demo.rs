//! `omniprice demo`: the whole loop on a market of its own, on loopback, in a temporary folder.

use std::process::ExitCode;

use super::{Context, say};
use crate::demo;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stay after the last round, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Write into this folder and leave it there
    #[arg(long, value_name = "FOLDER")]
    dir: Option<std::path::PathBuf>,
}

/// # Errors
/// A part of the demo that does not work; that is a fault of ours.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.dir {
        let strange = std::fs::read_dir(folder).is_ok_and(|mut found| found.next().is_some());
        if strange && !folder.join(demo::MARKER).exists() {
            return Err(super::wrong(format!(
                "{} is not empty, and the demo would write over what is there\nhint: name a folder that does not exist yet",
                folder.display()
            )));
        }
    }
    let json = context.json;
    let options = demo::Options { keep: args.keep, dir: args.dir.clone() };
    let summary = demo::run(options, &|line| if json { Ok(()) } else { say(line) }).await?;
    context.print(&summary, demo::Summary::text)?;
    Ok(ExitCode::SUCCESS)
}
