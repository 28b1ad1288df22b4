//! The corpus of every fuzz target as a plain test, so that a crash once found stays found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by panicking")]

#[path = "../../fuzz/properties.rs"]
mod properties;

fn run(target: &str, property: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        println!("{}", file.display());
        let data = std::fs::read(&file).unwrap();
        property(&data);
        // Every cut and every single damaged byte of a seed is a seed too.
        for cut in 0..data.len() {
            property(&data[..cut]);
            let mut damaged = data.clone();
            damaged[cut] ^= 0x5a;
            property(&damaged);
        }
    }
}

#[test]
fn price_texts() {
    run("price_text", properties::price_text);
}

#[test]
fn structured_data() {
    run("structured", properties::structured);
}

#[test]
fn pages() {
    run("html", properties::html);
}

#[test]
fn site_files() {
    run("site_file", properties::site_file);
}
