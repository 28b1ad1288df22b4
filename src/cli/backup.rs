//! `omniprice backup FILE`: a whole copy of the embedded database while the daemon runs, and when the last one was made.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::{Context, named, wrong};
use crate::app::PAUSE;
use crate::clock::{Clock, Millis};
use crate::store::Db;
use crate::store::restored::COPIED;
use crate::store::settings::{self, BACKUP};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the copy goes; a file that is there is never overwritten
    #[arg(required_unless_present = "made")]
    file: Option<PathBuf>,
    /// Only note that another tool made one, such as `pg_dump`, and where; digests tell when that was
    #[arg(long, value_name = "WHERE", conflicts_with = "file")]
    made: Option<String>,
    /// Who
    #[arg(long, env = "USER", default_value = "operator")]
    actor: String,
}

#[derive(serde::Serialize)]
struct Report {
    at: Millis,
    place: String,
    /// Size of the copy; unknown where another tool made it.
    bytes: Option<u64>,
}

/// # Errors
/// The store's, a file that is there already, and a copy that turns out to be damaged.
pub async fn run(context: &Context, args: &Args) -> anyhow::Result<ExitCode> {
    let db = context.store().await?;
    let at = Clock::System.now();
    let (place, bytes) = match (&args.file, &args.made) {
        (Some(file), _) => {
            let bytes = copy(&db, file, at).await?;
            (fs::canonicalize(file)?.display().to_string(), Some(bytes))
        }
        (None, made) => {
            let place = made.clone().unwrap_or_default();
            named("--made", &place)?;
            (place, None)
        }
    };
    settings::set(&db, BACKUP.to_owned(), place.clone(), args.actor.clone(), String::new(), at).await?;
    context.print(&Report { at, place, bytes }, |report| match report.bytes {
        Some(bytes) => format!(
            "{}: {bytes} bytes, read back whole\na database restored from it is paused until `omniprice resume`",
            report.place
        ),
        None => format!("noted: backup {} of {at}", report.place),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Copies, checks the copy, and only then gives it its name: whoever finds the file finds a whole backup. Until then it
/// has a name of chance, for its owner's eyes alone, so that neither an earlier try nor another file is touched.
async fn copy(db: &Db, file: &Path, at: Millis) -> anyhow::Result<u64> {
    let taken = || wrong(format!("{} is there already\nhint: a backup gets a name of its own", file.display()));
    if file.exists() {
        return Err(taken());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let part = tempfile::Builder::new().prefix(".omniprice-backup-").tempfile_in(folder);
    let part =
        part.with_context(|| format!("a backup in {}; hint: the folder must be there and writable", folder.display()))?;
    db.backup_to(part.path()).await.with_context(|| file.display().to_string())?;
    let made = Db::open_file(part.path()).await?;
    let damage = made.damage().await?;
    // Channels will have moved on when this copy comes back: nothing may go out before somebody has looked.
    if settings::get(&made, PAUSE).await?.is_none() {
        let why = format!("restored from the backup of {at}; `omniprice verify` shows what channels have now");
        settings::set(&made, PAUSE.to_owned(), "on".to_owned(), "backup".to_owned(), why, at).await?;
    }
    // Those that order prices by a number know newer ones by then; whoever lets the copy go on raises its own.
    // A copy of a restored copy that nobody let go on is as old as the first.
    if settings::get(&made, COPIED).await?.is_none() {
        settings::set(&made, COPIED.to_owned(), String::new(), "backup".to_owned(), String::new(), at).await?;
    }
    made.close().await;
    if let Some(damage) = damage {
        bail!("the copy is damaged: {damage}\nhint: the database may be too; restore the last good backup")
    }
    part.as_file().sync_all().with_context(|| file.display().to_string())?;
    let stored = part.persist_noclobber(file).map_err(|persist| match persist.error.kind() {
        ErrorKind::AlreadyExists => taken(),
        _ => anyhow::Error::new(persist.error).context(file.display().to_string()),
    })?;
    // A rename is on the disk only when its folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| folder.display().to_string())?;
    Ok(stored.metadata()?.len())
}
