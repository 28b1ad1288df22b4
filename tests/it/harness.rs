//! Databases for tests: a temporary file for SQLite, a schema of its own for PostgreSQL.

use omniprice::store::Db;

/// A database for one test. Dropping it removes a SQLite file; PostgreSQL schemas are dropped by the next run's cluster.
pub struct TestDb {
    pub db: Db,
    pub url: String,
    _dir: tempfile::TempDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// True where skipping is a failure: in CI.
pub fn strict() -> bool {
    std::env::var_os("OMNIPRICE_TEST_STRICT").is_some()
}

/// Says what is skipped and why; fails where nothing may be skipped.
pub fn skip(what: &str, why: &str) {
    assert!(!strict(), "{what} must not be skipped here: {why}");
    println!("skipped: {what}: {why}");
}

/// A migrated database, or `None` (said) where PostgreSQL is not at hand.
pub async fn database(engine: Engine) -> Option<TestDb> {
    let dir = tempfile::tempdir().unwrap();
    let url = match engine {
        Engine::Sqlite => format!("sqlite://{}", dir.path().join("test.db").display()),
        Engine::Postgres => match std::env::var("TEST_POSTGRES_URL") {
            Ok(base) => postgres_schema(&base).await,
            Err(_) => {
                skip("PostgreSQL", "TEST_POSTGRES_URL is not set; ./test starts a private server");
                return None;
            }
        },
    };
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    Some(TestDb { db, url, _dir: dir })
}

async fn postgres_schema(base: &str) -> String {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
    let schema = format!("t_{}", uuid());
    let mut connection = sqlx::PgConnection::connect(base).await.unwrap();
    connection.execute(AssertSqlSafe(format!("create schema {schema}"))).await.unwrap();
    connection.close().await.unwrap();
    let join = if base.contains('?') { '&' } else { '?' };
    format!("{base}{join}options=-csearch_path%3D{schema}")
}

/// A name that no other test of this run has.
pub fn uuid() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Expands a behavioural test to one per engine.
#[macro_export]
macro_rules! both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() {
                let test = $crate::harness::database($crate::harness::Engine::Sqlite).await.unwrap();
                super::$name(test).await;
            })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                if let Some(test) = $crate::harness::database($crate::harness::Engine::Postgres).await {
                    super::$name(test).await;
                }
            })+
        }
    };
}
