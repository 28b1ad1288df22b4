//! The walls of the house: where SQL lives, who may import whom, that every channel is listed and migrations are twins.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file with its path below `src/` and its text without tests.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, base: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, base, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
                found.push((path.strip_prefix(base).unwrap().display().to_string(), text));
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("src"), &root().join("src"), &mut found);
    found.sort();
    found
}

#[test]
fn sql_lives_in_the_store_and_drivers_in_one_file() {
    for (file, text) in sources() {
        let in_store = file.starts_with("store/");
        for word in ["select * from", "insert into ", "delete from ", "update listings", "update products"] {
            assert!(in_store || !text.contains(word), "{file} contains SQL: `{word}`");
        }
        let names_driver = ["SqlitePool", "PgPool", "sqlx::query"].iter().any(|word| text.contains(word));
        assert!(
            file == "store/db.rs" || !names_driver,
            "{file} names a database driver; store/db.rs is the one that does"
        );
    }
}

/// Stages in the order of the flow. A stage may use what stands before it, never what stands after it.
const ORDER: [&str; 9] =
    ["schedule", "catalog", "fetch", "extract", "observe", "decide", "publish", "verify", "report"];
/// Imports against the order that are meant, each with its reason.
const MEANT: [(&str, &str, &str); 3] = [
    ("catalog/import.rs", "extract", "check digits of GTINs are checked by the same code everywhere"),
    ("catalog/import.rs", "decide", "markets and their currencies are declared in the rules"),
    ("observe/", "decide", "the VAT table and competitors are declared in the rules"),
];

#[test]
fn imports_point_upstream() {
    let place = |module: &str| ORDER.iter().position(|stage| *stage == module);
    for (file, text) in sources() {
        let own = file.split(['/', '.']).next().unwrap().to_owned();
        let Some(own_place) = place(&own) else { continue };
        for (other_place, other) in ORDER.iter().enumerate().skip(own_place + 1) {
            let meant = MEANT.iter().any(|(path, module, _)| file.starts_with(path) && module == other);
            let imports = text.contains(&format!("crate::{other}::")) || text.contains(&format!("crate::{other};"));
            assert!(meant || !imports || other_place <= own_place, "{file} imports the later stage `{other}`");
        }
    }
}

#[test]
fn pure_stages_do_no_io_and_read_no_clock() {
    let pure = |file: &str| {
        [
            "decide/",
            "extract/",
            "publish/step.rs",
            "publish/gate.rs",
            "publish/constraint.rs",
            "publish/channel_price.rs",
            "report/digest.rs",
            "report/metrics.rs",
            "fetch/host.rs",
            "observe/gate.rs",
        ]
        .iter()
        .any(|prefix| file.starts_with(prefix))
    };
    for (file, text) in sources().iter().filter(|(file, _)| pure(file)) {
        for word in ["tokio::", "reqwest::", "std::net::", "Clock::System", "Instant::now", "SystemTime", "crate::app"]
        {
            assert!(!text.contains(word), "{file} is pure and must not use `{word}`");
        }
    }
}

#[test]
fn the_last_gate_shares_nothing_with_the_engine() {
    let (_, text) = sources().into_iter().find(|(file, _)| file == "publish/gate.rs").unwrap();
    assert!(!text.contains("crate::decide"), "publish/gate.rs must not know decide");
}

#[test]
fn only_the_flow_knows_the_order() {
    for (file, text) in sources() {
        let stages = ["crate::fetch", "crate::decide", "crate::publish", "crate::verify", "crate::report"];
        let known = stages.iter().filter(|stage| text.contains(**stage)).count();
        let may =
            ["flow.rs", "flow/", "app.rs", "cli/", "daemon.rs", "demo/"].iter().any(|prefix| file.starts_with(prefix));
        assert!(may || known <= 3, "{file} imports {known} stages; flow is where they meet");
    }
}

#[test]
fn every_channel_file_is_in_the_one_list() {
    let listed: Vec<&str> = omniprice::channel::KINDS.iter().map(|kind| kind.name).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(listed, sorted, "the list is alphabetical");
    for entry in fs::read_dir(root().join("src/channel")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            ["mod", "wire"].contains(&name.as_str()) || listed.contains(&name.as_str()),
            "src/channel/{name}.rs is not listed"
        );
    }
    for kind in omniprice::channel::KINDS {
        let table: toml::Table = kind.example.parse().unwrap();
        let channels = table["channels"].as_table().unwrap();
        let own = channels.values().next().unwrap().as_table().unwrap().clone();
        let own: toml::Table = own.into_iter().map(|(key, value)| (key, fill(value))).collect();
        (kind.check)(&own).unwrap_or_else(|why| panic!("the example of {}: {why}", kind.name));
    }
}

/// A webhook signs its messages and a feed is a file; every other place is shown a credential.
#[test]
fn no_credential_goes_to_another_machine_in_the_clear() {
    let mut looked_at = 0;
    for kind in omniprice::channel::KINDS.iter().filter(|kind| !["feed", "webhook"].contains(&kind.name)) {
        let table: toml::Table = kind.example.parse().unwrap();
        let own = table["channels"].as_table().unwrap().values().next().unwrap().as_table().unwrap().clone();
        let own: toml::Table = own.into_iter().map(|(key, value)| (key, fill(value))).collect();
        for key in ["url", "api_url", "token_url"] {
            let with = |place: &str| {
                let mut own = own.clone();
                own.insert(key.to_owned(), place.into());
                (kind.check)(&own)
            };
            if with("https://shop.example/graphql").is_ok() {
                let why = with("http://shop.example/graphql").expect_err(kind.name);
                assert!(why.contains("https://"), "{}: {why}", kind.name);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 20, "{looked_at}");
}

/// Secrets stand as `${NAME}` in examples.
fn fill(value: toml::Value) -> toml::Value {
    match value.as_str() {
        Some(text) if text.starts_with("${") => toml::Value::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        _ => value,
    }
}

#[test]
fn migrations_are_twins() {
    let read = |engine: &str| -> BTreeMap<String, String> {
        let folder = root().join("migrations").join(engine);
        let files = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
        files.map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), fs::read_to_string(p).unwrap())).collect()
    };
    let (sqlite, postgres) = (read("sqlite"), read("postgres"));
    let embedded: Vec<&str> = omniprice::store::MIGRATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), embedded);
    assert_eq!(postgres.keys().collect::<Vec<_>>(), embedded);
    for name in embedded {
        assert_eq!(columns(&sqlite[name]), columns(&postgres[name]), "{name}");
    }
}

/// Table and column names with their types, identity columns aside.
fn columns(sql: &str) -> Vec<String> {
    let mut table = String::new();
    let mut found = Vec::new();
    for line in sql.lines() {
        if let Some(name) = line.strip_prefix("create table ") {
            table = name.trim_end_matches(" (").to_owned();
        } else if line.starts_with("    ") && !table.is_empty() {
            let line = line.trim().trim_end_matches(',');
            let line = line
                .replace("integer primary key", "id")
                .replace("bigint generated by default as identity primary key", "id");
            found.push(format!("{table}: {line}"));
        } else if line.starts_with(");") {
            table.clear();
        }
    }
    found
}

#[test]
fn commands_of_the_readme_exist_and_the_pages_it_links_to() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_omniprice")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for line in readme.lines().filter(|line| line.trim_start().starts_with("omniprice ")) {
        let command = line.split_whitespace().nth(1).unwrap();
        assert!(
            command.starts_with('-') || help.lines().any(|l| l.trim_start().starts_with(command)),
            "README names `omniprice {command}`"
        );
    }
    for link in
        readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"))
    {
        assert!(root().join(link.split('#').next().unwrap()).exists(), "README links to {link}");
    }
}

#[test]
fn the_example_configuration_loads() {
    let file = root().join("config/example.toml");
    let environment = ["VENDURE_API_KEY", "ERP_WEBHOOK_SECRET", "SMTP_PASSWORD"]
        .map(|name| (name.to_owned(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()));
    let config = omniprice::config::Config::load(Some(&file), &environment).unwrap();
    assert!(config.channels.len() >= 2);
    let rules = fs::read_to_string(root().join("config/example-rules.toml")).unwrap();
    omniprice::decide::RuleSet::parse(&rules).unwrap();
}
