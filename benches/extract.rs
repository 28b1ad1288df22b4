//! Pages per second of the whole extraction beside the Python peer, interleaved, on one corpus.
//!
//! `cargo bench --bench extract -- ../shared/data/pages/manifest.jsonl`; `OMNIPRICE_PEER="python benches/extract_peer.py"`
//! runs the peer in turns. Ratios are medians over rounds of one run; absolute figures depend on the machine's mood.
//! Both get each page copied into a buffer of its own right before its time is taken, as it comes from the network; with
//! `--cold` it lies in memory since the start, and reading it includes fetching it from there past all caches.
//! With `--once` every page is read once to warm up and once inside `measured`, which is what
//! `benches/extract_instructions.sh` counts with `valgrind --tool=callgrind`; `--sample` takes every twelfth page.
//! With `--answers` every page's whole answer is printed as one line of JSON and nothing is measured: two builds that
//! print the same read the same.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use omniprice::extract::{Extraction, Hints, Page, extract};
use serde_json::Value;

const ROUNDS: usize = 7;
const SAMPLE: usize = 12;

struct Entry {
    body: Vec<u8>,
    header: String,
    url: String,
    structured: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let once = arguments.iter().any(|a| a == "--once");
    let only = arguments.iter().any(|a| a == "--structured");
    let manifest = arguments
        .iter()
        .find(|a| !a.starts_with("--"))
        .map_or_else(|| PathBuf::from("../shared/data/pages/manifest.jsonl"), PathBuf::from);
    let cold = arguments.iter().any(|a| a == "--cold");
    let Ok(entries) = load(&manifest) else {
        println!("skipped: {} is not there", manifest.display());
        return;
    };
    if arguments.iter().any(|a| a == "--answers") {
        return answers(&entries);
    }
    if once {
        let step = if arguments.iter().any(|a| a == "--sample") { SAMPLE } else { 1 };
        let chosen: Vec<&Entry> = entries.iter().filter(|e| !only || e.structured).step_by(step).collect();
        // Tables are built at their first use and belong to no page.
        let warm = chosen.iter().filter(|e| run(e, &e.body)).count();
        let read = chosen.iter().filter(|e| measured(e)).count();
        println!("{} pages, {read} priced", chosen.len());
        assert_eq!(warm, read, "the same page gave two answers");
        return;
    }
    let mut peer = Peer::start(&manifest, cold);
    let mut rounds: Vec<[u128; 4]> = Vec::new();
    for _ in 0..ROUNDS {
        let (structured, all) = round(&entries, cold);
        let [peer_structured, peer_all] = peer.as_mut().map_or([0, 0], Peer::round);
        rounds.push([structured, all, peer_structured, peer_all]);
    }
    let count = entries.iter().filter(|e| e.structured).count();
    report("answered by markup", count, &rounds, 0);
    report("whole corpus", entries.len(), &rounds, 1);
}

fn load(manifest: &Path) -> std::io::Result<Vec<Entry>> {
    let text = std::fs::read_to_string(manifest)?;
    let folder = manifest.parent().unwrap_or(Path::new("."));
    let entries = text.lines().filter(|l| !l.trim().is_empty()).filter_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        let body = match entry["html"].as_str() {
            Some(html) => html.as_bytes().to_vec(),
            None => omniprice::cli::extract::read_page(&folder.join(entry["file"].as_str()?)).ok()?,
        };
        let header = format!("text/html; charset={}", entry["charset"].as_str().unwrap_or("utf-8"));
        let markup = entry["structured"]
            .as_array()
            .is_some_and(|s| s.iter().any(|s| matches!(s.as_str(), Some("jsonld" | "microdata" | "og"))));
        Some(Entry {
            body,
            header,
            url: entry["url"].as_str().unwrap_or_default().to_owned(),
            structured: markup && !entry["expect"]["price"].is_null(),
        })
    });
    Ok(entries.collect())
}

/// Everything that is read from one page, of which `body` is a copy.
fn read(entry: &Entry, body: &[u8]) -> Extraction {
    let page = Page { body, content_type: Some(&entry.header), url: &entry.url, final_url: &entry.url, status: 200 };
    extract(&page, None, &Hints::default())
}

/// Reads one page; whether it has a price keeps the optimiser honest.
fn run(entry: &Entry, body: &[u8]) -> bool {
    read(entry, body).outcome.is_price()
}

/// Prints what every page says, one line each, whatever was made of it.
fn answers(entries: &[Entry]) {
    for entry in entries {
        let line = serde_json::to_string(&read(entry, &entry.body)).unwrap_or_else(|error| error.to_string());
        println!("{line}");
    }
}

/// The function whose instructions are counted.
#[inline(never)]
fn measured(entry: &Entry) -> bool {
    // Without something of its own this would be one function with `run`, and the warm-up would count.
    std::hint::black_box(run(std::hint::black_box(entry), &entry.body))
}

/// Nanoseconds for the pages that markup answers, and for all.
fn round(entries: &[Entry], cold: bool) -> (u128, u128) {
    let (mut structured, mut all) = (0, 0);
    for entry in entries {
        let copy = if cold { Vec::new() } else { std::hint::black_box(entry.body.clone()) };
        let body = if cold { &entry.body } else { &copy };
        let start = Instant::now();
        std::hint::black_box(run(entry, body));
        let taken = start.elapsed().as_nanos();
        all += taken;
        if entry.structured {
            structured += taken;
        }
    }
    (structured, all)
}

fn report(name: &str, pages: usize, rounds: &[[u128; 4]], column: usize) {
    let median = |column: usize| {
        let mut values: Vec<u128> = rounds.iter().map(|r| r[column]).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let (own, peer) = (median(column), median(column + 2));
    let micros = own / 1_000 / pages.max(1) as u128;
    let tenths = (peer * 10).checked_div(own).unwrap_or(0);
    println!(
        "{name}: {pages} pages, {micros} us/page, {} pages/s, {}.{} x peer",
        1_000_000 / micros.max(1),
        tenths / 10,
        tenths % 10
    );
}

/// The peer in a process of its own that reads the same pages when told to.
struct Peer {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn start(manifest: &Path, cold: bool) -> Option<Self> {
        let command = std::env::var("OMNIPRICE_PEER").ok()?;
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next()?)
            .args(words)
            .arg(manifest)
            .args(cold.then_some("--cold"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let answers = BufReader::new(child.stdout.take()?);
        Some(Self { child, answers })
    }

    /// One round of the peer: nanoseconds for structured pages and for all.
    fn round(&mut self) -> [u128; 2] {
        let mut line = String::new();
        let sent = self
            .child
            .stdin
            .as_mut()
            .is_some_and(|pipe| pipe.write_all(b"round\n").and_then(|()| pipe.flush()).is_ok());
        if !sent || self.answers.read_line(&mut line).is_err() {
            return [0, 0];
        }
        let mut numbers = line.split_whitespace().filter_map(|n| n.parse().ok());
        [numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)]
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
