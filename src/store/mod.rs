//! All SQL, one file per group of tables. Other modules see functions and row types, never a statement.

pub mod alerts;
mod attributes;
pub mod campaigns;
pub mod catalogue;
pub mod channels;
pub mod db;
pub mod decimals;
pub mod decisions;
pub mod events;
pub mod fleet;
pub mod lanes;
pub mod listings;
pub mod moves;
pub mod observations;
pub mod overrides;
pub mod products;
pub mod progress;
pub mod reporting;
pub mod restored;
pub mod revisions;
pub mod rivals;
pub mod secrets;
pub mod settings;
pub mod shelf;
pub mod shown;
pub mod stages;
pub mod strikes;
pub mod subscriptions;
pub mod targets;
pub mod terms;
pub mod turns;
pub mod unread;

pub use db::{Db, Tx};

/// What the store can refuse.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database URL: {0}\nhint: use `sqlite://omniprice.db` or `postgres://user@host/database`")]
    Url(String),
    #[error(
        "the SQLite library is {found}; versions before 3.51.3 can corrupt a database under load\nhint: build with sqlx's bundled SQLite (the default)"
    )]
    EngineTooOld { found: String },
    #[error(
        "PostgreSQL at {host} port {port}: {why}\nhint: `pg_isready -h {host} -p {port}` tells whether it runs; user, password and database are in database.url"
    )]
    Unanswered { host: String, port: u16, why: String },
    #[error("database: {0}")]
    Engine(#[from] sqlx::Error),
    #[error("schema: {0}\nhint: a newer omniprice has used this database; install that version or restore a backup")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("a stored {what} cannot be read back: {why}")]
    Corrupt { what: &'static str, why: String },
    #[error("a batch of checks was not stored: {0}")]
    Batch(String),
    #[error("review {0} is not open any more\nhint: `omniprice review` lists what waits")]
    ReviewSettled(i64),
    #[error(
        "{} of the import are priced in another market or another money, the first of them `{}` in {} ({})\nhint: {}",
        .0.len(),
        .0.first().map_or("", |one| one.sku.as_str()),
        .0.first().map_or("", |one| one.market.as_str()),
        .0.first().map_or("", |one| one.currency.as_str()),
        products::ONE_MARKET
    )]
    OtherMarket(Vec<products::Elsewhere>),
    #[error("`{0}` has changed while it was looked at; nothing was moved\nhint: repeat the command")]
    Outrun(String),
    #[error("a database task panicked; its transaction was rolled back")]
    Panicked,
}

/// One migration: its name and the text for each engine.
macro_rules! migration {
    ($name:literal) => {
        (
            $name,
            db::Sql::twin(
                include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
                include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
            ),
        )
    };
}

/// Embedded migrations in order: name and both texts.
pub const MIGRATIONS: &[(&str, db::Sql)] = &[
    migration!("0001_base"),
    migration!("0002_pricing"),
    migration!("0003_reporting"),
    migration!("0004_publishing"),
    migration!("0005_windows"),
    migration!("0006_problems"),
    migration!("0007_stages"),
    migration!("0008_shelf"),
    migration!("0009_doubted"),
    migration!("0010_config_revisions"),
    migration!("0011_turns_and_moves"),
    migration!("0013_second_person"),
    migration!("0015_net_decimals"),
    migration!("0016_campaign_consent"),
    migration!("0017_audience_and_moves"),
    migration!("0018_moves_shown"),
];

/// Every statement by name, for the test that prepares each on both engines.
pub fn statements() -> impl Iterator<Item = (&'static str, db::Sql)> {
    [
        alerts::ALL,
        campaigns::ALL,
        strikes::ALL,
        catalogue::ALL,
        channels::ALL,
        decimals::ALL,
        decisions::ALL,
        events::ALL,
        fleet::ALL,
        lanes::ALL,
        listings::ALL,
        moves::ALL,
        observations::ALL,
        overrides::ALL,
        products::ALL,
        progress::ALL,
        reporting::ALL,
        revisions::ALL,
        rivals::ALL,
        secrets::ALL,
        settings::ALL,
        shown::ALL,
        attributes::ALL,
        stages::ALL,
        subscriptions::ALL,
        targets::ALL,
        terms::ALL,
        turns::ALL,
        unread::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}
