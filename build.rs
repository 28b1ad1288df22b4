//! Lists the site files of `scrapers/` so that they become part of the program.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=scrapers");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut files: Vec<PathBuf> =
        fs::read_dir(root.join("scrapers"))?.filter_map(Result::ok).map(|e| e.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    files.sort();
    let mut source =
        String::from("/// Name and text of every embedded site file.\nstatic EMBEDDED: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        writeln!(source, "    ({:?}, include_str!({:?})),", format!("scrapers/{name}"), path)
            .map_err(io::Error::other)?;
    }
    source.push_str("];\n");
    fs::write(PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?).join("scrapers.rs"), source)
}
