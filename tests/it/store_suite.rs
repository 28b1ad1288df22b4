//! What the store promises, on both engines: one suite, one file per group of tables, and a test that keeps score of
//! which functions it has called.

mod allowance;
mod beside;
mod carried;
mod catalogue;
mod decided;
mod decimals;
mod intent;
mod lanes;
mod moved;
mod moves;
mod pages;
mod restored;
mod shelf;
mod shown;
mod stages;
mod told;
mod unread;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omniprice::clock::Millis;
use omniprice::store::db::{Arg, Sql};
use omniprice::store::products::{self, Import, Product};
use omniprice::store::settings;
use omniprice::store::{Db, StoreError};
use sqlx::Connection as _;

use crate::both_engines;
use crate::harness::{Engine, TestDb, database};

/// Instants are arguments everywhere in the store, so these tests live in a time of their own.
pub const NOW: Millis = Millis(1_800_000_000_000);

pub fn after(seconds: i64) -> Millis {
    NOW.plus(seconds * Millis::SECOND)
}

/// A product with pages given as (host, path).
pub fn import(sku: &str, pages: &[(&str, &str)]) -> Import {
    let page = |(host, path): &(&str, &str)| ((*host).to_owned(), format!("http://{host}/{path}"), (*host).to_owned());
    Import {
        sku: sku.to_owned(),
        title: format!("Title of {sku}"),
        market: "DK".into(),
        currency: "DKK".into(),
        own_minor: 49_900,
        cost_net: Some("250.00".into()),
        pack_qty: 1,
        vat_class: "standard".into(),
        pages: pages.iter().map(page).collect(),
        ..Import::default()
    }
}

/// One stored product.
pub async fn one(db: &Db, sku: &str, pages: &[(&str, &str)]) -> Product {
    products::import(db, vec![import(sku, pages)], NOW).await.unwrap();
    products::by_sku(db, sku).await.unwrap().unwrap()
}

/// Eight workers take all there is, a few at a time; returns what each claim brought.
pub async fn by_eight<T, F>(claim: impl Fn() -> F + Send + Sync + 'static) -> Vec<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Vec<T>> + Send,
{
    let claim = Arc::new(claim);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let claim = Arc::clone(&claim);
        workers.spawn(async move {
            let mut mine = Vec::new();
            loop {
                let batch = claim().await;
                if batch.is_empty() {
                    return mine;
                }
                mine.push(batch);
            }
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

/// Runs a statement behind the store's back; the engine's complaint if it refuses.
pub async fn behind_its_back(test: &TestDb, sql: &'static str) -> Result<(), String> {
    let done = if test.db.engine() == "sqlite" {
        let mut connection = sqlx::SqliteConnection::connect(&test.url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.map(|_| ())
    } else {
        let mut connection = sqlx::PgConnection::connect(&test.url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.map(|_| ())
    };
    done.map_err(|error| error.to_string())
}

both_engines![
    fifty_read_modify_writes_at_once_lose_nothing_and_never_fail_as_busy,
    a_refused_or_panicking_transaction_leaves_nothing_and_the_next_one_works,
    migrating_again_changes_nothing_and_a_closed_store_answers_with_an_error,
];

#[derive(Debug, sqlx::FromRow)]
struct Value {
    value: String,
}

const READ: Sql =
    Sql::twin("select value from settings where name = $1", "select value from settings where name = $1 for update");
const WRITE: Sql = Sql::same("update settings set value = $2 where name = $1");
const PLAIN: Sql = Sql::same("select value from settings where name = $1");

pub async fn switch(db: &Db, name: &str, value: &str) {
    settings::set(db, name.into(), value.into(), "ann".into(), "a test".into(), NOW).await.unwrap();
}

async fn fifty_read_modify_writes_at_once_lose_nothing_and_never_fail_as_busy(test: TestDb) {
    switch(&test.db, "counter", "0").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let db = test.db.clone();
        tasks.spawn(async move {
            db.write((), |tx, ()| {
                Box::pin(async move {
                    let seen: Value = tx.one(READ, vec![Arg::from("counter")]).await?;
                    let next = seen.value.parse::<i64>().unwrap() + 1;
                    tx.run(WRITE, vec![Arg::from("counter"), Arg::from(next.to_string())]).await
                })
            })
            .await
        });
    }
    for done in tasks.join_all().await {
        assert_eq!(done.unwrap(), 1);
    }
    assert_eq!(settings::get(&test.db, "counter").await.unwrap().unwrap().value, "50");
}

async fn a_refused_or_panicking_transaction_leaves_nothing_and_the_next_one_works(test: TestDb) {
    switch(&test.db, "kept", "before").await;
    let write = |end: &'static str| {
        test.db.write(end, |tx, end| {
            Box::pin(async move {
                tx.run(WRITE, vec![Arg::from("kept"), Arg::from(*end)]).await?;
                assert_ne!(*end, "panic", "meant");
                // What was written is seen inside, and must not be seen outside.
                let rows: Vec<Value> = tx.all(PLAIN, vec![Arg::from("kept")]).await?;
                assert_eq!(rows[0].value, *end);
                let none: Option<Value> = tx.maybe(PLAIN, vec![Arg::from("nobody")]).await?;
                assert!(none.is_none());
                if *end == "missing" {
                    tx.one::<Value>(PLAIN, vec![Arg::from("nobody")]).await.map(|_| ())
                } else {
                    Ok(())
                }
            })
        })
    };
    assert!(matches!(write("panic").await, Err(StoreError::Panicked)));
    assert!(matches!(write("missing").await, Err(StoreError::Engine(sqlx::Error::RowNotFound))));
    let kept: Option<Value> = test.db.maybe(PLAIN, vec![Arg::from("kept")]).await.unwrap();
    assert_eq!(kept.unwrap().value, "before");
    write("after").await.unwrap();
    let all: Vec<Value> = test.db.all(PLAIN, vec![Arg::from("kept")]).await.unwrap();
    assert_eq!(all[0].value, "after");
}

async fn migrating_again_changes_nothing_and_a_closed_store_answers_with_an_error(test: TestDb) {
    switch(&test.db, "kept", "yes").await;
    test.db.migrate().await.unwrap();
    test.db.prepare(PLAIN).await.unwrap();
    assert!(test.db.prepare(Sql::same("select nonsense from settings")).await.is_err());
    let again = Db::open(&test.url).await.unwrap();
    test.db.close().await;
    assert!(settings::get(&test.db, "kept").await.is_err());
    assert_eq!(settings::get(&again, "kept").await.unwrap().unwrap().value, "yes");
}

#[tokio::test]
async fn urls_that_would_lose_data_or_mean_nothing_are_refused() {
    for url in ["sqlite::memory:", "mysql://x/y", ""] {
        assert!(matches!(Db::open(url).await, Err(StoreError::Url(_))), "{url}");
    }
}

#[tokio::test]
async fn a_backup_made_while_writing_is_a_whole_database() {
    let test = database(Engine::Sqlite).await.unwrap();
    switch(&test.db, "kept", "yes").await;
    let copy = test.dir.path().join("copy.db");
    let (backup, written) =
        tokio::join!(test.db.backup_to(&copy), products::import(&test.db, vec![import("A", &[])], NOW));
    backup.unwrap();
    written.unwrap();
    let restored = Db::open(&format!("sqlite://{}", copy.display())).await.unwrap();
    restored.migrate().await.unwrap();
    assert_eq!(settings::get(&restored, "kept").await.unwrap().unwrap().value, "yes");
    // The import is in the copy as a whole or not at all, and in the original in any case.
    assert!((0..=1).contains(&products::count(&restored).await.unwrap()));
    assert_eq!(products::count(&test.db).await.unwrap(), 1);
    assert!(test.db.backup_to(&copy).await.is_err(), "a backup never overwrites a file");
    restored.close().await;
    // What stands in the middle of the file is noticed when it is read whole.
    let whole = Db::open_file(&copy).await.unwrap();
    assert_eq!(whole.damage().await.unwrap(), None);
    whole.close().await;
    let mut bytes = fs::read(&copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0x5a);
    fs::write(&copy, bytes).unwrap();
    let broken = Db::open_file(&copy).await.unwrap();
    assert!(!matches!(broken.damage().await, Ok(None)), "damage is told or the file is not read at all");
}

#[tokio::test]
async fn postgresql_points_to_its_own_tools_for_backups() {
    if let Some(test) = database(Engine::Postgres).await {
        let refused = test.db.backup_to(Path::new("copy.db")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unsupported(_)), "{refused}");
    }
}

/// All test sources, in which a function of the store counts as called if its name stands with its module.
fn tests() -> String {
    fn walk(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, text);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut text = String::new();
    walk(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut text);
    text
}

#[test]
fn every_function_of_the_store_is_called_by_a_test() {
    let (called, mut missing, mut known) = (tests(), BTreeSet::new(), 0);
    for entry in fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.trim_start().strip_prefix("pub async fn ") else { continue };
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            known += 1;
            // Methods of the pool and of transactions are called on a value.
            let ways = if line.starts_with("pub") {
                vec![format!("{module}::{name}")]
            } else {
                vec![format!(".{name}"), format!("Db::{name}")]
            };
            if !ways.iter().any(|way| ["(", "::<"].iter().any(|end| called.contains(&format!("{way}{end}")))) {
                missing.insert(format!("{module}::{name}"));
            }
        }
    }
    assert!(known > 80, "only {known} functions were found: is the store still in src/store?");
    assert!(missing.is_empty(), "no test calls {missing:?}");
}
