//! Files that others read while we write: the old one or the new one, never a half.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Writes under a temporary name in the same folder, syncs, renames over the target, and syncs the folder: after a power
/// cut there is the old file or the new one.
///
/// # Errors
/// The file system's own; the target is as it was then.
pub fn replace(path: &Path, body: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let mut file = File::create(&temporary)?;
    file.write_all(body)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
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
}
