//! Site files: each passes its own examples, and everything wrong with one is said with file, line and key.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by panicking")]

use std::path::PathBuf;

use omniprice::extract::scraper::{Site, Sites, check};

fn scrapers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scrapers")
}

#[test]
fn every_site_file_passes_its_examples() {
    let sites = Sites::load(&scrapers()).unwrap();
    assert!(sites.iter().count() >= 20);
    for site in sites.iter() {
        assert!(!site.examples().is_empty(), "{}: no example", site.file());
        let differences = check::run(site, &scrapers()).unwrap();
        assert!(differences.is_empty(), "{}: {differences:?}", site.file());
    }
}

#[test]
fn embedded_files_are_those_of_the_directory() {
    let embedded = Sites::embedded().unwrap();
    assert_eq!(embedded.iter().count(), std::fs::read_dir(scrapers()).unwrap().count());
    assert_eq!(embedded.for_host("komplett.dk").unwrap().hosts()[0], "www.komplett.dk");
    assert!(
        embedded.for_host("shop.myshopify.com").is_some() && embedded.for_host("myshopify.com.evil.example").is_none()
    );
}

#[test]
fn mistakes_name_file_line_and_key() {
    let parse = |text: &str| {
        let errors = Site::parse("x.toml", text).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let head = "hosts = [\"a.dk\"]\n";
    for (text, line, key) in [
        ("hosts = [\"a.dk\"]\npaces_ms = 3\n".to_owned(), "x.toml:2", "paces_ms"),
        (format!("{head}currency = \"KRONER\"\n"), "x.toml:2", "currency"),
        (format!("{head}locale = \"1\"\ntax = \"some\"\n"), "x.toml:3", "tax"),
        (format!("{head}[[field.prize]]\ncss = \"b\"\n"), "x.toml:2", "prize"),
        (format!("{head}[[field.price]]\ncss = \"b[\"\n"), "x.toml:3", "field.price.css"),
        (format!("{head}[[field.price]]\nregex = \"(\"\n"), "x.toml:3", "field.price.regex"),
        (format!("{head}[[field.price]]\njson_ld = \"a[\"\n"), "x.toml:3", "field.price.json_ld"),
        (format!("{head}[[field.price]]\ncss = \"b\"\njson_ld = \"a\"\n"), "x.toml:4", "json_ld"),
        (format!("{head}[[field.price]]\nattribute = \"b\"\n"), "x.toml", "css"),
        ("hosts = []\n".to_owned(), "x.toml:1", "hosts"),
        ("hosts = [\"A b\"]\n".to_owned(), "x.toml:1", "hosts"),
    ] {
        let error = parse(&text);
        assert!(error.contains(line) && error.contains(key) && error.contains("hint:"), "{text}\n{error}");
    }
}

#[test]
fn two_files_for_one_host_are_refused_and_own_files_replace_built_in_ones() {
    let folder = std::env::temp_dir().join(format!("omniprice-scrapers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.toml"), "hosts = [\"www.proshop.dk\"]\npace_ms = 9\n").unwrap();
    let sites = Sites::load(&folder).unwrap();
    assert_eq!(sites.for_host("www.proshop.dk").unwrap().pace_ms(), Some(9));
    std::fs::write(folder.join("b.toml"), "hosts = [\"www.proshop.dk\"]\n").unwrap();
    let errors = Sites::load(&folder).unwrap_err();
    assert!(errors[0].to_string().contains("also served by"), "{errors:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}
