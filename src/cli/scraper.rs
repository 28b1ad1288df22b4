//! `omniprice scraper`: check site files against their own examples, propose a new one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::extract::{Fetch, load, load_sites};
use crate::extract::scraper::{Site, check, suggest};

/// Work with site files.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the examples of site files.
    Check {
        /// Files or directories; without any, `scrapers` here, or the built-in files' syntax.
        paths: Vec<PathBuf>,
    },
    /// Propose a site file for a page whose price you name.
    New {
        /// A saved page or an http(s) address.
        input: String,
        /// The price as you see it on the page, such as "1.299,00 kr".
        #[arg(long)]
        price: String,
        /// The address a file was saved from.
        #[arg(long)]
        url: Option<String>,
        /// Write the proposal here instead of to standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the known sites.
    List {
        /// Directory of site files added to the built-in ones.
        #[arg(long, value_name = "DIR")]
        scrapers: Option<PathBuf>,
    },
}

/// Runs the command; `fetch` is used for inputs that are addresses.
///
/// # Errors
/// When an option, an input or the output cannot be used.
pub fn run(args: &Args, fetch: Fetch<'_>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check { paths } => check_all(paths, out),
        Command::New { input, price, url, out: target } => {
            propose(input, price, url.as_deref(), target.as_deref(), fetch, out)
        }
        Command::List { scrapers } => list(scrapers.as_deref(), out),
    }
}

fn list(directory: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    for site in load_sites(directory)?.iter() {
        writeln!(out, "{:<40} {}", site.file(), site.hosts().join(" "))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_all(paths: &[PathBuf], out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let here = [PathBuf::from("scrapers")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    if paths == here && !here[0].is_dir() {
        let known = load_sites(None)?;
        writeln!(
            out,
            "{} built-in site files are well formed; their example pages are in the source tree",
            known.iter().count()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut files, mut failed, mut examples) = (0, 0, 0);
    for path in expand(paths)? {
        files += 1;
        let (ran, ok) = check_file(&path, out)?;
        examples += ran;
        failed += usize::from(!ok);
    }
    writeln!(out, "{files} files, {examples} examples, {failed} files failed")?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn expand(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            // The directory is loaded as a whole too: two files for one host are an error of the pair.
            load_sites(Some(path))?;
            let mut found: Vec<PathBuf> = fs::read_dir(path)?.filter_map(Result::ok).map(|e| e.path()).collect();
            found.retain(|p| p.extension().is_some_and(|x| x == "toml"));
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        bail!("no site files; hint: `omniprice scraper new FILE --price \"1.299,00 kr\"` proposes one");
    }
    Ok(files)
}

/// Runs one file's examples and prints what differs; says how many ran and whether all is well.
fn check_file(path: &Path, out: &mut dyn Write) -> anyhow::Result<(usize, bool)> {
    let shown = path.display().to_string();
    let source =
        fs::read_to_string(path).with_context(|| format!("{shown}; hint: give a TOML file or a directory of them"))?;
    let site = match Site::parse(&shown, &source) {
        Ok(site) => site,
        Err(errors) => {
            for error in errors {
                writeln!(out, "{error}")?;
            }
            return Ok((0, false));
        }
    };
    if site.examples().is_empty() {
        writeln!(out, "{shown}: no [[example]]; hint: add one, so that a change of the shop is noticed")?;
        return Ok((0, false));
    }
    match check::run(&site, path.parent().unwrap_or(Path::new("."))) {
        Ok(differences) => {
            for d in &differences {
                writeln!(out, "{shown}: {}: {}: expected `{}`, found `{}`", d.url, d.field, d.expected, d.found)?;
            }
            Ok((site.examples().len(), differences.is_empty()))
        }
        Err(problem) => {
            writeln!(out, "{shown}: {problem}")?;
            Ok((0, false))
        }
    }
}

/// A saved page's path as the example in a file of `folder` has to name it.
fn seen_from(folder: &Path, saved: &str) -> String {
    let up = folder.components().filter(|part| matches!(part, std::path::Component::Normal(_))).count();
    if Path::new(saved).is_absolute() || folder.is_absolute() { saved.to_owned() } else { "../".repeat(up) + saved }
}

fn propose(
    input: &str,
    price: &str,
    url: Option<&str>,
    target: Option<&Path>,
    fetch: Fetch<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    let (page, address) = load(input, url, fetch)?;
    if address.is_empty() {
        bail!("{input}: the page's address is not known; hint: add --url https://shop.example/the-page");
    }
    let folder = target.and_then(Path::parent).unwrap_or(Path::new(""));
    let saved = (!input.starts_with("http")).then(|| seen_from(folder, input));
    let proposal = suggest::propose(&page.body, page.content_type.as_deref(), &address, price, saved.as_deref())
        .map_err(|problem| anyhow::anyhow!("{input}: {problem}"))?;
    match target {
        None => write!(out, "{proposal}")?,
        Some(path) => {
            if path.exists() {
                bail!("{}: exists; hint: choose another name, or edit that file", path.display());
            }
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            fs::write(path, proposal).with_context(|| path.display().to_string())?;
            writeln!(out, "wrote {}; next: omniprice scraper check {}", path.display(), path.display())?;
            writeln!(out, "the daemon reads the folder that [scrapers] dir in omniprice.toml names")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
