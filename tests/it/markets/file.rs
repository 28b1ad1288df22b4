//! Price files: a receiver that waits for the manifest, checks it and answers, in a folder and over a real SFTP server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use omniprice::channel::wire::oauth::Forgetful;
use omniprice::channel::{Channel, Class, PriceChange, Setting};
use omniprice::clock::{Clock, Millis};
use omniprice::money::Currency;
use serde_json::Value;
use sha2::Digest as _;

use crate::connectors::double::{AT, change, door, on_sale};
use crate::harness::skip;

/// Reads what a shop's ERP would read, with other code than wrote it.
struct Receiver {
    folder: PathBuf,
    separator: char,
}

/// One row by column.
type Row = std::collections::BTreeMap<String, String>;

impl Receiver {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(&self.folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Files whose manifest is there, each checked against it; oldest first.
    fn arrived(&self) -> Vec<(String, Vec<Row>)> {
        let manifests = self.names().into_iter().filter(|name| name.ends_with(".json"));
        manifests
            .map(|name| {
                let manifest: Value = serde_json::from_slice(&std::fs::read(self.folder.join(&name)).unwrap()).unwrap();
                let body = std::fs::read(self.folder.join(manifest["file"].as_str().unwrap())).unwrap();
                let hash: String = sha2::Sha256::digest(&body).iter().map(|b| format!("{b:02x}")).collect();
                assert_eq!(manifest["sha256"], hash.as_str());
                assert_eq!(manifest["bytes"], body.len());
                assert_eq!(manifest["kind"], "delta");
                let text = String::from_utf8(body).unwrap();
                let mut lines =
                    text.lines().map(|line| line.split(self.separator).map(str::to_owned).collect::<Vec<_>>());
                let head = lines.next().unwrap();
                let rows: Vec<Row> = lines.map(|cells| head.iter().cloned().zip(cells).collect()).collect();
                assert_eq!(manifest["rows"], rows.len());
                (name.trim_end_matches(".json").to_owned(), rows)
            })
            .collect()
    }

    /// Answers the newest file: every row is taken, save those of `bad`.
    fn acknowledge(&self, bad: &[&str]) {
        let (stem, rows) = self.arrived().pop().unwrap();
        let mut text = String::from("sku,status,price,message\n");
        for row in rows {
            text.push_str(&match bad.contains(&row["sku"].as_str()) {
                true => format!("{},error,,item is locked\n", row["sku"]),
                false => format!("{},ok,{},\n", row["sku"], row["price"]),
            });
        }
        let target = self.folder.join(format!("{stem}.ack.csv"));
        std::fs::write(target.with_extension("part"), text).unwrap();
        std::fs::rename(target.with_extension("part"), target).unwrap();
    }
}

fn connect(table: &str, base: &Path, clock: Clock) -> Arc<dyn Channel> {
    let table: toml::Table = format!("kind = \"file\"\ncurrency = \"DKK\"\ntax = \"gross\"\n{table}").parse().unwrap();
    let kind = omniprice::channel::kind(&table).unwrap();
    (kind.check)(&table).unwrap();
    let setting = Setting {
        name: "drop".to_owned(),
        timeout: std::time::Duration::from_secs(10),
        base: base.to_owned(),
        clock,
        vault: Arc::new(Forgetful::default()),
        shared: Arc::default(),
    };
    (kind.build)(&table, &setting).unwrap()
}

fn tea(minor: i64) -> PriceChange {
    change("TEA", "TEA", minor, Currency::DKK)
}

async fn push(channel: &Arc<dyn Channel>, changes: &[PriceChange]) -> Result<(), Class> {
    let results = channel.push(changes, &door(changes)).await;
    assert_eq!(results.len(), changes.len());
    results.into_iter().try_for_each(|result| result.map(drop).map_err(|error| error.class))
}

async fn shown(channel: &Arc<dyn Channel>, sku: &str) -> (Option<i64>, Option<String>) {
    let seen = channel.read(&[sku.to_owned()]).await.unwrap().remove(0);
    (seen.price.map(|price| price.minor().unwrap()), seen.refused)
}

/// What every place must stand; `receiver` looks at the same folder from the other side.
async fn works(channel: &Arc<dyn Channel>, receiver: &Receiver) {
    assert_eq!(channel.probe().await.unwrap().problems, Vec::<String>::new());
    let changes = [tea(1_999), on_sale(change("CUP", "CUP", 900, Currency::DKK), 1_500)];
    push(channel, &changes).await.unwrap();
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 1);
    let (tea_row, cup_row) = (&arrived[0].1[0], &arrived[0].1[1]);
    assert_eq!((tea_row["price"].as_str(), tea_row["regular_price"].as_str()), ("19.99", ""));
    assert_eq!((cup_row["price"].as_str(), cup_row["regular_price"].as_str()), ("9.00", "15.00"));
    assert_eq!(cup_row["sale_ends_at"], AT.plus(10 * Millis::DAY).to_string());
    assert_eq!((tea_row["currency"].as_str(), tea_row["tax"].as_str()), ("DKK", "gross"));
    assert_eq!(shown(channel, "TEA").await, (None, None), "nobody has answered");
    receiver.acknowledge(&[]);
    assert_eq!(shown(channel, "TEA").await, (Some(1_999), None));
    assert_eq!(shown(channel, "CUP").await, (Some(900), None));
    // The sale ends with the next plain price.
    push(channel, &[change("CUP", "CUP", 1_400, Currency::DKK)]).await.unwrap();
    let next = receiver.arrived();
    assert_eq!(next.len(), 2, "each file has a number of its own");
    assert_eq!((next[1].1[0]["price"].as_str(), next[1].1[0]["regular_price"].as_str()), ("14.00", ""));
    assert_eq!(shown(channel, "CUP").await, (Some(900), None), "the older answer until there is a newer");
    receiver.acknowledge(&["CUP"]);
    let (price, why) = shown(channel, "CUP").await;
    assert_eq!(price, Some(900), "what the receiver still has");
    assert!(why.unwrap().contains("item is locked"));
    push(channel, &[change("CUP", "CUP", 1_300, Currency::DKK)]).await.unwrap();
    assert_eq!(shown(channel, "CUP").await, (Some(900), None), "an older refusal says nothing about a newer price");
    receiver.acknowledge(&[]);
    assert_eq!(shown(channel, "CUP").await, (Some(1_300), None));
    assert!(receiver.names().iter().all(|name| !name.ends_with(".tmp")), "{:?}", receiver.names());
    let found = channel.find(&["TEA".to_owned(), "NEW".to_owned()]).await.unwrap();
    assert_eq!(
        found.iter().map(|m| m.price.map(|price| price.minor().unwrap())).collect::<Vec<_>>(),
        [Some(1_999), None]
    );
}

#[tokio::test]
async fn a_folder_takes_files_and_its_acknowledgements_prove_prices() {
    for (format, separator) in [("csv", ','), ("tsv", '\t')] {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("drop")).unwrap();
        let table = format!("folder = \"drop\"\nacknowledged = true\nformat = \"{format}\"");
        let channel = connect(&table, base.path(), Clock::System);
        works(&channel, &Receiver { folder: base.path().join("drop"), separator }).await;
    }
}

#[tokio::test]
async fn without_acknowledgements_a_price_stays_unverified() {
    let base = tempfile::tempdir().unwrap();
    let channel = connect("folder = \".\"\nacknowledged = false", base.path(), Clock::System);
    assert!(!channel.capabilities().readable);
    push(&channel, &[tea(1_999)]).await.unwrap();
    assert_eq!(channel.read(&["TEA".to_owned()]).await.unwrap_err().class, Class::Rejected);
    assert_eq!(channel.find(&["TEA".to_owned()]).await.unwrap()[0].price, None);
}

#[tokio::test]
async fn a_receiver_that_is_silent_or_talks_nonsense_is_said() {
    let base = tempfile::tempdir().unwrap();
    let clock = Clock::manual(AT);
    let channel = connect("folder = \".\"\nacknowledged = true", base.path(), clock.clone());
    push(&channel, &[tea(1_999)]).await.unwrap();
    assert!(channel.probe().await.unwrap().problems.is_empty());
    clock.advance(26 * Millis::HOUR);
    let problems = channel.probe().await.unwrap().problems;
    assert!(problems[0].contains("waits for its acknowledgement for 26 h"), "{problems:?}");
    let receiver = Receiver { folder: base.path().to_owned(), separator: ',' };
    let stem = receiver.arrived().pop().unwrap().0;
    std::fs::write(base.path().join(format!("{stem}.ack.csv")), "sku,status\nTEA,perhaps\n").unwrap();
    let (price, why) = shown(&channel, "TEA").await;
    assert!(price.is_none() && why.as_deref().is_some_and(|why| why.contains("a status `perhaps`")), "{why:?}");
    assert!(channel.probe().await.unwrap().problems.is_empty(), "it did answer");
}

#[tokio::test]
async fn a_file_that_cannot_be_finished_is_not_sent() {
    let base = tempfile::tempdir().unwrap();
    let channel = connect("folder = \"gone\"\nacknowledged = true", base.path(), Clock::manual(AT));
    assert_eq!(push(&channel, &[tea(1_999)]).await, Err(Class::Refused), "no folder");
    assert_eq!(channel.probe().await.unwrap_err().class, Class::Refused);
    let folder = base.path().join("gone");
    std::fs::create_dir(&folder).unwrap();
    // The price file of a daemon that died before its manifest is there, but nobody reads it without one.
    let number = AT.0 / 1_000;
    std::fs::write(folder.join(format!("prices-{number:012}.csv")), "sku,pri").unwrap();
    let receiver = Receiver { folder, separator: ',' };
    assert!(receiver.arrived().is_empty());
    push(&channel, &[tea(1_999)]).await.unwrap();
    assert_eq!(receiver.arrived().len(), 1, "the next try has the next number");
    let undecided = channel.push(&[tea(1)], &door(&[tea(1_999)])).await.remove(0).unwrap_err();
    assert_eq!(undecided.class, Class::Rejected);
}

/// Daemons that drop at the same instant, each with other prices: none takes the file of another.
async fn together(channels: &[Arc<dyn Channel>], receiver: &Receiver) {
    let mut drops = tokio::task::JoinSet::new();
    for (n, channel) in channels.iter().enumerate() {
        let (channel, sku) = (Arc::clone(channel), format!("SKU-{n}"));
        drops.spawn(async move { push(&channel, &[change(&sku, &sku, 1_999, Currency::DKK)]).await });
    }
    while let Some(dropped) = drops.join_next().await {
        dropped.unwrap().unwrap();
    }
    let arrived = receiver.arrived();
    let skus: std::collections::BTreeSet<&str> = arrived.iter().map(|(_, rows)| rows[0]["sku"].as_str()).collect();
    assert_eq!((arrived.len(), skus.len()), (channels.len(), channels.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_drop_at_the_same_instant_overwrite_nothing() {
    let base = tempfile::tempdir().unwrap();
    let one = || connect("folder = \".\"\nacknowledged = true", base.path(), Clock::manual(AT));
    let channels: Vec<Arc<dyn Channel>> = (0..8).map(|_| one()).collect();
    together(&channels, &Receiver { folder: base.path().to_owned(), separator: ',' }).await;
}

/// A private OpenSSH server that ./test starts; the folder is what its user sees as `/in`.
struct Server {
    url: String,
    folder: PathBuf,
    key: String,
    known: String,
}

fn server() -> Option<Server> {
    let get = |name: &str| std::env::var(name).ok();
    let found = (|| {
        Some(Server {
            url: get("TEST_SFTP_URL")?,
            folder: get("TEST_SFTP_FOLDER")?.into(),
            key: std::fs::read_to_string(get("TEST_SFTP_KEY")?).ok()?,
            known: get("TEST_SFTP_KNOWN_HOST")?,
        })
    })();
    if found.is_none() {
        skip("files over SFTP", "TEST_SFTP_URL is not set; ./test starts an OpenSSH server");
    }
    found
}

impl Server {
    fn table(&self, url: &str, key: &str, known: &str) -> String {
        format!("url = \"{url}\"\nprivate_key = '''{key}'''\nknown_host = \"{known}\"\nacknowledged = true")
    }

    fn channel(&self, table: &str) -> Arc<dyn Channel> {
        connect(table, &self.folder, Clock::System)
    }
}

#[tokio::test]
async fn a_real_sftp_server_takes_files_and_its_acknowledgements_prove_prices() {
    let Some(server) = server() else { return };
    let own = server.folder.join(format!("works-{}", std::process::id()));
    make(&own);
    let url = format!("{}/{}", server.url, own.file_name().unwrap().to_str().unwrap());
    let channel = server.channel(&server.table(&url, &server.key, &server.known));
    works(&channel, &Receiver { folder: own, separator: ',' }).await;
    let own = server.folder.join(format!("together-{}", std::process::id()));
    make(&own);
    let url = format!("{}/{}", server.url, own.file_name().unwrap().to_str().unwrap());
    let one = || connect(&server.table(&url, &server.key, &server.known), &server.folder, Clock::manual(AT));
    together(&[one(), one(), one()], &Receiver { folder: own, separator: ',' }).await;
}

#[tokio::test]
async fn another_server_a_wrong_key_and_a_forbidden_folder_are_refused() {
    let Some(server) = server() else { return };
    // Another key pair of the same kind.
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status();
    assert!(made.unwrap().success());
    let other_public = std::fs::read_to_string(other.with_extension("pub")).unwrap();
    let other_private = std::fs::read_to_string(&other).unwrap();
    let outside = server.url.replace("/in", "/");
    for (what, table) in [
        ("another server", server.table(&server.url, &server.key, other_public.trim())),
        ("a wrong key", server.table(&server.url, &other_private, &server.known)),
        ("a folder that is not there", server.table(&format!("{}/gone", server.url), &server.key, &server.known)),
        ("a forbidden folder", server.table(&outside, &server.key, &server.known)),
    ] {
        assert_eq!(push(&server.channel(&table), &[tea(1_999)]).await, Err(Class::Refused), "{what}");
    }
    let nobody = server.table("sftp://omniprice@127.0.0.1:1/in", &server.key, &server.known);
    let error = push(&server.channel(&nobody), &[tea(1_999)]).await.unwrap_err();
    assert!(matches!(error, Class::Retry { .. }), "{error:?}");
}

/// A folder that the server's user may write to, whoever runs this test.
fn make(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(folder).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}
