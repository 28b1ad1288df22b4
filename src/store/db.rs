//! The one file that names the database drivers: a two-variant pool, a two-variant transaction, and statements that
//! are one SQL text with `$1` binds on both engines.
//!
//! Never hold a transaction across a call to the network, and never begin one outside [`Db::write`].

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection as _, FromRow, PgPool, Postgres, SqlSafeStr as _, Sqlite, SqlitePool, Transaction};

use super::StoreError;
use crate::clock::Millis;

/// How long PostgreSQL may take to answer at the start; a pool would go on asking a closed port for half a minute.
const FIRST_ANSWER: Duration = Duration::from_secs(5);
/// Connections that only read; SQLite has one writer besides them.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 8;
/// How long a statement waits for SQLite's write lock or for a free connection.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const ACQUIRE_WAIT: Duration = Duration::from_secs(30);
/// Serialization failures and deadlocks are retried this often; the closure must have no side effects.
const WRITE_TRIES: u32 = 5;
/// Versions before 3.51.3 can corrupt a WAL that two connections checkpoint (release notes of 3.51.3).
const SQLITE_AT_LEAST: (u32, u32, u32) = (3, 51, 3);

/// A statement: one text for both engines, or a second one where the dialects really differ.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl Sql {
    #[must_use]
    pub const fn same(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    #[must_use]
    pub const fn twin(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

/// Declares a file's statements and lists them in `ALL`, so that a test can prepare each on both engines.
macro_rules! statements {
    ($($name:ident = $sql:expr;)+) => {
        $(const $name: $crate::store::db::Sql = $sql;)+
        pub const ALL: &[(&str, $crate::store::db::Sql)] = &[$((concat!(module_path!(), "::", stringify!($name)), $name)),+];
    };
}
pub(crate) use statements;

/// A bound value. Nulls keep their type, which PostgreSQL insists on.
#[derive(Debug, Clone)]
pub enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}
impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}
impl From<Millis> for Arg {
    fn from(value: Millis) -> Self {
        Self::Int(Some(value.0))
    }
}
impl From<Option<Millis>> for Arg {
    fn from(value: Option<Millis>) -> Self {
        Self::Int(value.map(|at| at.0))
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}
impl From<Option<&str>> for Arg {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::Arg::from($value)),*] };
}
pub(crate) use args;

/// A row type that both drivers can fill: `#[derive(sqlx::FromRow)]` is enough.
pub trait Mapped: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}
impl<T> Mapped for T where T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> {}

/// The database: SQLite embedded (one writer, several readers) or PostgreSQL for several workers.
#[derive(Debug, Clone)]
pub enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// An open transaction; dropped without commit it rolls back.
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// The future that a closure given to [`Db::write`] returns.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 't>>;

/// Connects once, to say quickly and by name what does not answer.
async fn answers(options: &PgConnectOptions) -> Result<(), StoreError> {
    let (host, port) = (options.get_host().to_owned(), options.get_port());
    let refused = |why: String| StoreError::Unanswered { host: host.clone(), port, why };
    match tokio::time::timeout(FIRST_ANSWER, sqlx::PgConnection::connect_with(options)).await {
        Err(_) => Err(refused(format!("no answer within {} s", FIRST_ANSWER.as_secs()))),
        Ok(Err(error)) => Err(refused(error.to_string())),
        Ok(Ok(connection)) => Ok(connection.close().await?),
    }
}

impl Db {
    /// Opens `sqlite://path`, `sqlite::memory:` is refused because readers would not see the writer's data, or
    /// `postgres://...`.
    ///
    /// # Errors
    /// A malformed URL, an engine that does not answer, or a SQLite library that is too old to be safe.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Self::open_postgres(url).await
        } else {
            Err(StoreError::Url("it starts with neither `sqlite:` nor `postgres:`".to_owned()))
        }
    }

    async fn open_sqlite(url: &str) -> Result<Self, StoreError> {
        if url.contains(":memory:") {
            return Err(StoreError::Url(
                "an in-memory database would be a different one on every connection".to_owned(),
            ));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|e| StoreError::Url(e.to_string()))?;
        Self::open_with(options.create_if_missing(true)).await
    }

    /// Opens an embedded database that is there, whatever its path is made of.
    ///
    /// # Errors
    /// What the file says against it.
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(SqliteConnectOptions::new().filename(path)).await
    }

    async fn open_with(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(LOCK_WAIT)
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .pragma("journal_size_limit", "67108864")
            .pragma("trusted_schema", "off");
        let pool = |most| SqlitePoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE_WAIT);
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(SQLITE_READERS).connect_with(options.pragma("query_only", "on")).await?;
        let (version,): (String,) = sqlx::query_as("select sqlite_version()").fetch_one(&writer).await?;
        if sqlite_version(&version) < SQLITE_AT_LEAST {
            return Err(StoreError::EngineTooOld { found: version });
        }
        Ok(Self::Sqlite { writer, readers })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| StoreError::Url(e.to_string()))?
            .application_name("omniprice")
            .options([("idle_in_transaction_session_timeout", "15s"), ("client_min_messages", "error")]);
        answers(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_WAIT)
            // sqlx 0.9.0 can hand out a connection inside a transaction whose `begin` was cancelled (issue 4393).
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    sqlx::query("rollback").execute(connection).await?;
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self::Postgres(pool))
    }

    #[must_use]
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Brings the schema up to date. Each migration is one transaction; PostgreSQL serialises migrators by a lock.
    ///
    /// # Errors
    /// A migration that fails, or a schema newer than this binary knows.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writer, .. } => {
                migrator(super::MIGRATIONS.iter().map(|m| (m.0, m.1.sqlite))).run(writer).await?
            }
            Self::Postgres(pool) => migrator(super::MIGRATIONS.iter().map(|m| (m.0, m.1.postgres))).run(pool).await?,
        }
        Ok(())
    }

    /// Runs a closure on `input` in one write transaction (`BEGIN IMMEDIATE` on SQLite) and commits if it returns `Ok`.
    ///
    /// It runs in a task of its own, so that a caller that is cancelled cannot leave a half-begun transaction in the
    /// pool. On a serialization failure or deadlock the whole closure runs again: it must only touch the transaction.
    ///
    /// # Errors
    /// Whatever the closure returns, or the engine's refusal to begin or commit.
    pub async fn write<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> Work<'t, T> + Send + Sync + 'static,
    {
        self.in_task(input, work, true).await
    }

    /// The same, and takes everything back: what the closure returns is what it would have come to.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub(super) async fn try_out<I, T, F>(&self, input: I, work: F) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> Work<'t, T> + Send + Sync + 'static,
    {
        self.in_task(input, work, false).await
    }

    async fn in_task<I, T, F>(&self, input: I, work: F, keeps: bool) -> Result<T, StoreError>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'t> Fn(&'t mut Tx, &'t I) -> Work<'t, T> + Send + Sync + 'static,
    {
        let db = self.clone();
        let task = tokio::spawn(async move {
            for attempt in 1.. {
                match db.write_once(&input, &work, keeps).await {
                    Err(StoreError::Engine(error)) if attempt < WRITE_TRIES && is_conflict(&error) => {
                        tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
                    }
                    done => return done,
                }
            }
            unreachable!("the loop returns")
        });
        task.await.map_err(|_| StoreError::Panicked)?
    }

    async fn write_once<I, T, F>(&self, input: &I, work: &F, keeps: bool) -> Result<T, StoreError>
    where
        F: for<'t> Fn(&'t mut Tx, &'t I) -> Work<'t, T>,
    {
        #[expect(clippy::disallowed_methods, reason = "the one place that begins transactions, in a task of its own")]
        let mut tx = match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        };
        let value = work(&mut tx, input).await?;
        match (tx, keeps) {
            (Tx::Sqlite(tx), true) => tx.commit().await?,
            (Tx::Postgres(tx), true) => tx.commit().await?,
            (Tx::Sqlite(tx), false) => tx.rollback().await?,
            (Tx::Postgres(tx), false) => tx.rollback().await?,
        }
        Ok(value)
    }

    /// All rows of a read-only statement.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn all<T: Mapped>(&self, sql: Sql, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => sqlite_as(sql, args).fetch_all(readers).await?,
            Self::Postgres(pool) => postgres_as(sql, args).fetch_all(pool).await?,
        })
    }

    /// The first row of a read-only statement, if there is one.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn maybe<T: Mapped>(&self, sql: Sql, args: Vec<Arg>) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => sqlite_as(sql, args).fetch_optional(readers).await?,
            Self::Postgres(pool) => postgres_as(sql, args).fetch_optional(pool).await?,
        })
    }

    /// Asks the engine to parse a statement; what replaces compile-time checking.
    ///
    /// # Errors
    /// The engine's complaint about the text.
    pub async fn prepare(&self, sql: Sql) -> Result<(), StoreError> {
        use sqlx::Executor as _;
        match self {
            Self::Sqlite { writer, .. } => drop(writer.prepare(sql.sqlite.into_sql_str()).await?),
            Self::Postgres(pool) => drop(pool.prepare(sql.postgres.into_sql_str()).await?),
        }
        Ok(())
    }

    /// A consistent copy of an embedded database, made by the bundled library while the daemon runs.
    ///
    /// # Errors
    /// `Unsupported` on PostgreSQL, which has its own tools, and the engine's own.
    pub async fn backup_to(&self, path: &Path) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { readers, .. } => {
                // `vacuum into` counts as writing. The connection leaves the pool, so that no reader ever may write.
                let mut own = readers.acquire().await?.detach();
                sqlx::query("pragma query_only = off").execute(&mut own).await?;
                sqlx::query("vacuum into $1").bind(path.to_string_lossy().into_owned()).execute(&mut own).await?;
                own.close().await?;
                Ok(())
            }
            Self::Postgres(_) => Err(StoreError::Unsupported(
                "back up PostgreSQL with pg_dump or its own replication, then `omniprice backup --made WHERE` notes it",
            )),
        }
    }

    /// What the embedded library finds damaged when it reads every page of the file; `None` is a whole database, and
    /// all that can be said of PostgreSQL from here.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        let Self::Sqlite { readers, .. } = self else { return Ok(None) };
        let (found,): (String,) = sqlx::query_as("pragma integrity_check(1)").fetch_one(readers).await?;
        Ok((found != "ok").then_some(found))
    }

    /// Closes the pools and waits for the connections to end.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// All rows that a statement returns.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn all<T: Mapped>(&mut self, sql: Sql, args: Vec<Arg>) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite_as(sql, args).fetch_all(&mut **tx).await?,
            Self::Postgres(tx) => postgres_as(sql, args).fetch_all(&mut **tx).await?,
        })
    }

    /// The first row that a statement returns, if any.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn maybe<T: Mapped>(&mut self, sql: Sql, args: Vec<Arg>) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite_as(sql, args).fetch_optional(&mut **tx).await?,
            Self::Postgres(tx) => postgres_as(sql, args).fetch_optional(&mut **tx).await?,
        })
    }

    /// The one row that a statement returns.
    ///
    /// # Errors
    /// `sqlx::Error::RowNotFound` if there is none, and the engine's own.
    pub async fn one<T: Mapped>(&mut self, sql: Sql, args: Vec<Arg>) -> Result<T, StoreError> {
        self.maybe(sql, args).await?.ok_or(StoreError::Engine(sqlx::Error::RowNotFound))
    }

    /// Runs a statement and returns the number of rows it touched.
    ///
    /// # Errors
    /// The engine's own.
    pub async fn run(&mut self, sql: Sql, args: Vec<Arg>) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite_bind(sqlx::query(sql.sqlite), args).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => {
                postgres_bind(sqlx::query(sql.postgres), args).execute(&mut **tx).await?.rows_affected()
            }
        })
    }
}

macro_rules! bind_all {
    ($query:expr, $args:expr) => {
        $args.into_iter().fold($query, |query, arg| match arg {
            Arg::Int(value) => query.bind(value),
            Arg::Text(value) => query.bind(value),
        })
    };
}

fn sqlite_as<T: Mapped>(sql: Sql, args: Vec<Arg>) -> QueryAs<'static, Sqlite, T, SqliteArguments> {
    bind_all!(sqlx::query_as(sql.sqlite), args)
}

fn postgres_as<T: Mapped>(sql: Sql, args: Vec<Arg>) -> QueryAs<'static, Postgres, T, PgArguments> {
    bind_all!(sqlx::query_as(sql.postgres), args)
}

fn sqlite_bind(
    query: Query<'static, Sqlite, SqliteArguments>,
    args: Vec<Arg>,
) -> Query<'static, Sqlite, SqliteArguments> {
    bind_all!(query, args)
}

fn postgres_bind(
    query: Query<'static, Postgres, PgArguments>,
    args: Vec<Arg>,
) -> Query<'static, Postgres, PgArguments> {
    bind_all!(query, args)
}

fn migrator(files: impl Iterator<Item = (&'static str, &'static str)>) -> Migrator {
    let migrations = files.zip(1..).map(|((name, text), version)| {
        Migration::new(version, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// 40001 serialization failure, 40P01 deadlock (PostgreSQL, appendix A); 5 busy and 6 locked (SQLite result codes).
fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| matches!(&*code, "40001" | "40P01" | "5" | "6"))
}

fn sqlite_version(text: &str) -> (u32, u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}
