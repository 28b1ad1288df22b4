//! Files that others read while we write: the old one or the new one, never a half.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Writes under a temporary name in the same folder, syncs, renames over the target, and syncs the folder: after a power
/// cut there is the old file or the new one.
///
/// # Errors
/// The file system's own; the target is as it was then.
pub fn replace(path: &Path, body: &[u8]) -> std::io::Result<()> {
    written(path, body)?.persist(path)?;
    File::open(folder(path))?.sync_all()
}

/// The same for a target that must not be there yet; false, and nothing is written, if it is.
///
/// # Errors
/// The file system's own; there is no target then, unless only the folder could not be synced.
pub fn create(path: &Path, body: &[u8]) -> std::io::Result<bool> {
    match written(path, body)?.persist_noclobber(path) {
        Ok(_) => {}
        Err(why) if why.error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
        Err(why) => return Err(why.error),
    }
    File::open(folder(path))?.sync_all()?;
    Ok(true)
}

/// A name of its own, so that two daemons never write into one file; it goes away with a write that fails.
fn written(path: &Path, body: &[u8]) -> std::io::Result<NamedTempFile> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // Others read it: only the umask narrows this.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder(path))?;
    file.write_all(body)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_file_takes_the_old_one_s_place_and_nothing_is_left_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        for body in [&b"one"[..], b"two"] {
            replace(&path, body).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), body);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(replace(&folder.path().join("no/folder.csv"), b"x").is_err());
        assert!(replace(Path::new("/"), b"x").is_err());
    }

    #[test]
    fn of_two_that_create_one_file_only_one_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.csv");
        let made: Vec<bool> = std::thread::scope(|scope| {
            let one = |body: &'static [u8]| scope.spawn(|| create(&path, body).unwrap());
            let both = [one(b"one"), one(b"two")];
            both.into_iter().map(|each| each.join().unwrap()).collect()
        });
        assert!(made[0] ^ made[1], "{made:?}");
        let winner: &[u8] = if made[0] { b"one" } else { b"two" };
        assert_eq!(std::fs::read(&path).unwrap(), winner);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        assert!(create(&folder.path().join("no/folder.csv"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn other_users_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("prices.csv"), folder.path().join("plain"));
        replace(&ours, b"x").unwrap();
        File::create(&plain).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
