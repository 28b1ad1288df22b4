//! Everything built once from the configuration: the seam that the daemon, the commands and the tests share.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::channel::wire::oauth::Vault;
use crate::channel::wire::shared::Shared;
use crate::channel::{self, Capabilities, Ordering, Setting};
use crate::clock::{Clock, Millis};
use crate::config::{Config, Mode, Robots};
use crate::decide::RuleSet;
use crate::decide::check::RuleError;
use crate::decide::fx::{Freshness, FxTable};
use crate::decide::prior::Audience;
use crate::decide::prior_table::PriorTable;
use crate::decide::target_days::ClosingDays;
use crate::decide::text::Quoted;
use crate::decide::vat::VatTable;
use crate::extract::scraper::Sites;
use crate::fetch;
use crate::money::exponent;
use crate::observe::recorder::Recorder;
use crate::publish::fleet::Limits;
use crate::publish::lane::Lane;
use crate::publish::step::Policy;
use crate::publish::terms::Terms;
use crate::publish::turns::Leased;
use crate::publish::vault::Stored;
use crate::report::mail::Mailer;
use crate::schedule::Schedule;
use crate::sentence::Sentence;
use crate::store::events::{self, Raise};
use crate::store::{Db, channels, decimals, products, revisions, settings};
use crate::telemetry::Metrics;

/// Name of the switch that stops all pushes.
pub const PAUSE: &str = "pause";
/// A rule file that stays broken is told again after this.
const TELL_AGAIN: i64 = Millis::HOUR;

/// Remembers which rules every product was last decided by.
const ACTIVE_RULES: &str = "rules/active";
/// Raised where the same facts are decided, or asked about again, otherwise than by the program before: products that wait
/// for nothing else would never hear of it.
const DECIDED_AS: &str = "2";
const BROKEN_RULES: &str = "rules-broken";

/// The rules in force with the revision that decisions cite.
#[derive(Debug)]
pub struct Loaded {
    pub set: Arc<RuleSet>,
    pub revision: i64,
    pub hash: String,
    /// The hash of what of the configuration decides, under which its text is stored.
    pub config: String,
    pub since: Millis,
}

/// The application.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub clock: Clock,
    pub fetcher: fetch::Client,
    pub sites: Sites,
    /// What is wrong with the operator's own site files, where they were left out.
    pub site_problem: Option<String>,
    pub schedule: Schedule,
    pub lanes: Vec<Lane>,
    pub vat: Arc<VatTable>,
    /// What each country asks of an announced reduction.
    pub prior: PriorTable,
    pub mailer: Mailer,
    pub metrics: Metrics,
    pub recorder: Recorder,
    /// Names this process in leases.
    pub owner: String,
    /// Changes when extraction could answer differently for the same bytes.
    pub extractor: String,
    capabilities: Arc<BTreeMap<String, Capabilities>>,
    /// Channels whose connector shows prices to everybody.
    open_to_all: Arc<std::collections::BTreeSet<String>>,
    rules: RwLock<Option<Arc<Loaded>>>,
    /// What is wrong with the rule file, and when that was told.
    broken: tokio::sync::Mutex<Option<(String, Millis)>>,
    /// Campaign and product up to which staged starts have been compared with decisions; none between two sweeps.
    pub staged_up_to: tokio::sync::Mutex<Option<(i64, i64)>>,
}

impl App {
    /// Opens the database, migrates it, and builds every part. Nothing is asked of the network.
    ///
    /// # Errors
    /// Whatever cannot be built, with the name of the setting.
    pub async fn build(config: Config, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let sites = sites(&config)?;
        Self::with_sites(config, clock, sites, None).await
    }

    /// The same for commands of people, which do not read pages: site files with mistakes are left out and told.
    ///
    /// # Errors
    /// The database's, the channels' or the configuration's.
    pub async fn build_for_people(config: Config, clock: Clock) -> anyhow::Result<Arc<Self>> {
        match sites(&config) {
            Ok(sites) => Self::with_sites(config, clock, sites, None).await,
            Err(problem) => {
                let embedded = Sites::embedded().map_err(|_| anyhow::anyhow!("the embedded site files are broken"))?;
                Self::with_sites(config, clock, embedded, Some(format!("{problem:#}"))).await
            }
        }
    }

    async fn with_sites(
        config: Config,
        clock: Clock,
        sites: Sites,
        site_problem: Option<String>,
    ) -> anyhow::Result<Arc<Self>> {
        // Another part of the process may have installed it already; then it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let db = Db::open(&config.database_url()).await.context("database.url")?;
        db.migrate().await?;
        let schedule = config.schedule().map_err(anyhow::Error::msg)?;
        let vault: Arc<dyn Vault> = Arc::new(Stored::new(db.clone(), clock.clone()));
        let now = clock.now();
        let owner = format!("{}-{}", std::process::id(), now.0);
        // An embedded database keeps turns too: what a process sent before it died may still take effect.
        let turns = Arc::new(Leased::new(db.clone(), clock.clone(), owner.clone()));
        let shared = Arc::new(Shared::among(turns, config.publish.late_within.duration()));
        let lanes = lanes(&config, &clock, &vault, &shared)?;
        for lane in &lanes {
            channels::add(&db, lane.name.clone(), lane.kind, now).await?;
            let capabilities = lane.channel.capabilities();
            if capabilities.decimals() > exponent(capabilities.currency) {
                decimals::widen(&db, &lane.name, capabilities.decimals()).await?;
            }
        }
        let open_to_all = lanes.iter().filter(|lane| crate::publish::terms::is_seen_by_all(lane.kind));
        let open_to_all = open_to_all.map(|lane| lane.name.clone()).collect();
        let capabilities = lanes.iter().map(|lane| (lane.name.clone(), lane.channel.capabilities())).collect();
        let fetcher = fetch::Client::new(&config.fetch).map_err(anyhow::Error::msg).context("fetch")?;
        let mailer = Mailer::new(&config).map_err(anyhow::Error::msg)?;
        let vat = VatTable::parse(include_str!("../config/vat.toml")).context("config/vat.toml")?;
        let vat = vat.overridden_by(&VatTable::new(config.vat.rates.clone()).context("vat.rates")?);
        let app = Self {
            extractor: fingerprint(&sites),
            recorder: Recorder::start(db.clone()),
            owner,
            metrics: Metrics::default(),
            capabilities: Arc::new(capabilities),
            open_to_all: Arc::new(open_to_all),
            rules: RwLock::new(None),
            broken: tokio::sync::Mutex::new(None),
            staged_up_to: tokio::sync::Mutex::new(None),
            vat: Arc::new(vat),
            prior: PriorTable::new(&config.prior_price),
            config,
            db,
            clock,
            fetcher,
            sites,
            site_problem,
            schedule,
            lanes,
            mailer,
        };
        Ok(Arc::new(app))
    }

    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// A lane by its channel's name.
    #[must_use]
    pub fn lane(&self, name: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| lane.name == name)
    }

    /// The rules in force. A changed file becomes a new revision and every product is decided again; a broken one is
    /// told and the old rules stay in force.
    ///
    /// # Errors
    /// Every problem of the file, when there are no rules to go on with.
    pub async fn rules(&self) -> anyhow::Result<Arc<Loaded>> {
        let current = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let read = rules_text(&self.config).map(|(path, text)| {
            let hash = hex(&Sha256::digest(text.as_bytes()));
            (path, text, hash)
        });
        let unchanged = |loaded: &Arc<Loaded>| read.as_ref().is_ok_and(|(_, _, hash)| loaded.hash == *hash);
        if let Some(current) = current.as_ref().filter(|loaded| unchanged(loaded)) {
            // A mistake that was taken back leaves the rules that are in force.
            self.mended().await?;
            return Ok(Arc::clone(current));
        }
        let parsed = read.and_then(|(path, text, hash)| Ok((parse_rules(&path, &text)?, path, text, hash)));
        let (set, path, text, hash) = match (parsed, current) {
            (Ok(parsed), _) => parsed,
            (Err(error), None) => return Err(error),
            (Err(error), Some(current)) => {
                self.tell_broken_rules(&error).await?;
                return Ok(current);
            }
        };
        let now = self.now();
        let revision = revisions::keep_rules(&self.db, hash.clone(), text, path.display().to_string(), now).await?;
        let config = self.keep_config(now).await?;
        let active = settings::get(&self.db, ACTIVE_RULES).await?;
        let decided_by = format!("{DECIDED_AS}/{hash}");
        if active.is_none_or(|active| active.value != decided_by) {
            products::mark_all_dirty(&self.db, now).await?;
            let why = format!("revision {revision}");
            settings::set(&self.db, ACTIVE_RULES.to_owned(), decided_by, self.owner.clone(), why, now).await?;
        }
        for lane in &self.lanes {
            channels::set_audience(&self.db, lane.name.clone(), set.audience(&lane.name).as_str(), now).await?;
        }
        events::resolve(&self.db, BROKEN_RULES.to_owned(), now).await?;
        *self.broken.lock().await = None;
        let loaded = Arc::new(Loaded { set: Arc::new(set), revision, hash, config, since: now });
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Stores what of the configuration decides, for decisions to cite; its hash.
    async fn keep_config(&self, now: Millis) -> anyhow::Result<String> {
        let text = serde_json::to_string(&self.config.deciding())?;
        let hash = hex(&Sha256::digest(text.as_bytes()));
        revisions::keep_config(&self.db, hash.clone(), text, now).await?;
        Ok(hash)
    }

    /// Ends the event about the rule file, if this daemon told one.
    async fn mended(&self) -> anyhow::Result<()> {
        let mut broken = self.broken.lock().await;
        if broken.is_some() {
            events::resolve(&self.db, BROKEN_RULES.to_owned(), self.now()).await?;
            *broken = None;
        }
        Ok(())
    }

    /// Tells a mistake once, and again while it lasts; every look would write and count otherwise.
    async fn tell_broken_rules(&self, error: &anyhow::Error) -> anyhow::Result<()> {
        let (text, now) = (format!("{error:#}"), self.now());
        let mut broken = self.broken.lock().await;
        if broken.as_ref().is_some_and(|(told, at)| *told == text && now.since(*at) < TELL_AGAIN) {
            return Ok(());
        }
        let event = Raise {
            kind: "rules_broken",
            severity: "critical",
            dedupe: BROKEN_RULES.to_owned(),
            product_id: None,
            channel: None,
            competitor: None,
            message: Sentence::RulesBroken.with(&[("why", &text)]),
            hint: Sentence::HintRules.with(&[]),
        };
        if events::raise(&self.db, event, now).await? {
            tracing::error!("the rule file cannot be used, the old rules stay in force: {text}");
        }
        *broken = Some((text, now));
        Ok(())
    }

    /// What prices on channels depend on, as of now.
    ///
    /// # Errors
    /// The rules' or the store's.
    pub async fn terms(&self) -> anyhow::Result<Terms> {
        let paused = settings::get(&self.db, PAUSE).await?;
        let terms = Terms {
            rules: Arc::clone(&self.rules().await?.set),
            vat: Arc::clone(&self.vat),
            fx: self.fx().await?,
            back: Arc::default(),
            channels: Arc::clone(&self.capabilities),
            now: self.now(),
            open_to_all: Arc::clone(&self.open_to_all),
            paused: paused.map(|pause| format!("{} ({})", pause.why, pause.actor)),
            shadow: self.config.mode == Mode::Shadow,
        };
        Ok(terms.with_back(&self.db).await?)
    }

    /// The newest exchange rates with their freshness; `None` before the first import.
    ///
    /// # Errors
    /// The store's, or a stored rate that cannot be read.
    pub async fn fx(&self) -> anyhow::Result<Option<FxTable>> {
        let now = self.now().timestamp();
        let table = self.fx_of(now.to_zoned(jiff::tz::TimeZone::UTC).date()).await?;
        Ok(table.map(|table| table.seen_at(now, &ClosingDays::target())))
    }

    /// The exchange rates of a day, or of the newest one before it that has any; nothing is said of how fresh they are.
    ///
    /// # Errors
    /// The store's, or a stored rate that cannot be read.
    pub async fn fx_of(&self, day: jiff::civil::Date) -> anyhow::Result<Option<FxTable>> {
        let rows = settings::rates(&self.db, &day.to_string()).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let date = first.day.parse().with_context(|| format!("stored rates of {}", first.day))?;
        let mut rates = BTreeMap::new();
        for row in rows {
            let rate = crate::money::decimal(&row.rate).with_context(|| format!("stored rate of {}", row.currency))?;
            rates.insert(row.currency, Quoted(rate));
        }
        let freshness = Freshness::default();
        Ok(Some(FxTable { date, rates, freshness, buffer_pct: self.config.fx.buffer_pct.0 }))
    }

    /// Deviations that every report repeats.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut notices = match self.config.fetch.robots {
            Robots::Obey => vec![],
            Robots::Ignore => vec![Sentence::RobotsIgnored.with(&[("why", &self.config.fetch.robots_reason)])],
        };
        let loaded = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let for_members = |name: &&str| loaded.as_ref().is_some_and(|l| l.set.audience(name) == Audience::Loyalty);
        let theirs: Vec<&str> = self.lanes.iter().map(|lane| lane.name.as_str()).filter(for_members).collect();
        if !theirs.is_empty() {
            notices.push(Sentence::ForMembers.with(&[("channels", &theirs.join(", "))]));
        }
        notices
    }
}

/// Keeps a second daemon off an embedded database; PostgreSQL shares work instead.
///
/// # Errors
/// Another daemon has it; the message names its process.
pub fn single_instance(config: &Config) -> anyhow::Result<Option<File>> {
    let Some(path) = config.database_file() else { return Ok(None) };
    let path = PathBuf::from(format!("{}.lock", path.display()));
    let file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            std::io::Write::write_all(&mut &file, std::process::id().to_string().as_bytes())?;
            Ok(Some(file))
        }
        Err(std::fs::TryLockError::WouldBlock) => {
            let pid = std::fs::read_to_string(&path).unwrap_or_default();
            bail!(
                "another daemon (process {pid}) uses this database\nhint: end it first, or use PostgreSQL for several daemons"
            )
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The rule file's path and text.
///
/// # Errors
/// A file that cannot be read.
pub fn rules_text(config: &Config) -> anyhow::Result<(PathBuf, String)> {
    let path = config.path(&config.rules.file);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("rules.file: {}\nhint: `omniprice init` writes a first rule set", path.display()))?;
    Ok((path, text))
}

/// Rules that cannot be used, with every problem of their file.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {n} in the rules\n{problems}")]
pub struct BrokenRules {
    file: String,
    n: String,
    problems: String,
}

/// Parses rules, with all errors in one message.
///
/// # Errors
/// Every problem of the file.
pub fn parse_rules(path: &std::path::Path, text: &str) -> anyhow::Result<RuleSet> {
    let (set, warnings) = RuleSet::parse(text).map_err(|errors| broken(path.display().to_string(), &errors))?;
    for warning in warnings {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(set)
}

/// Parses rules that the database keeps because decisions cite them.
///
/// # Errors
/// Every problem of the text.
pub fn kept_rules(text: &str) -> anyhow::Result<RuleSet> {
    Ok(RuleSet::parse_kept(text).map_err(|errors| broken("stored rules".to_owned(), &errors))?)
}

fn broken(file: String, errors: &[RuleError]) -> BrokenRules {
    let list: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let n = if list.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", list.len()) };
    BrokenRules { file, n, problems: list.join("\n") }
}

/// The embedded site files and the operator's own.
///
/// # Errors
/// Every problem of every file.
pub fn sites(config: &Config) -> anyhow::Result<Sites> {
    let loaded = if config.scrapers.dir.as_os_str().is_empty() {
        Sites::embedded()
    } else {
        Sites::load(&config.path(&config.scrapers.dir))
    };
    loaded.map_err(|errors| anyhow::anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn lanes(config: &Config, clock: &Clock, vault: &Arc<dyn Vault>, shared: &Arc<Shared>) -> anyhow::Result<Vec<Lane>> {
    let publish = &config.publish;
    let mut lanes = Vec::with_capacity(config.channels.len());
    for (name, table) in &config.channels {
        let named = |what: String| anyhow::anyhow!("channels.{name}: {what}");
        let kind = channel::kind(table).map_err(named)?;
        let setting = Setting {
            name: name.clone(),
            timeout: publish.timeout.duration(),
            base: config.base.clone(),
            clock: clock.clone(),
            vault: Arc::clone(vault),
            shared: Arc::clone(shared),
        };
        let channel = (kind.build)(table, &setting).map_err(named)?;
        let capabilities = channel.capabilities();
        lanes.push(Lane {
            name: name.clone(),
            kind: kind.name,
            drift: channel::drift(table).map_err(named)?,
            policy: Policy {
                retry: publish.retry.iter().map(|span| span.0).collect(),
                give_up_after: publish.give_up_after,
                verify_after: publish.verify_after.0.max(capabilities.visible_after_ms),
                settle_within: publish.settle_within.0.max(capabilities.shows_within_ms),
                readable: capabilities.readable,
                idempotent: capabilities.idempotent,
                ordered: capabilities.ordering == Ordering::Version,
                puts_back: capabilities.rewrites || capabilities.seeded_by_us,
                // A lane sends within half its lease of the intent, or not at all.
                unsure_for: publish.lease.0 / 2 + publish.late_within.0,
            },
            lease_ms: publish.lease.0,
            per_minute: publish.per_minute,
            capped_with: Vec::new(),
            brake: Limits {
                least: publish.brake_least,
                share_pct: publish.brake_share_pct,
                mean_pct: publish.brake_mean_pct,
            },
            channel,
        });
    }
    let capped: Vec<Option<String>> = lanes.iter().map(|lane| lane.channel.capped_as()).collect();
    let names: Vec<String> = lanes.iter().map(|lane| lane.name.clone()).collect();
    for (lane, own) in lanes.iter_mut().zip(&capped).filter(|(_, own)| own.is_some()) {
        let together = names.iter().zip(&capped).filter(|(name, other)| *other == own && **name != lane.name);
        lane.capped_with = together.map(|(name, _)| name.clone()).collect();
    }
    Ok(lanes)
}

/// Program version and every site file: what the same bytes are read with.
fn fingerprint(sites: &Sites) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    for site in sites.iter() {
        // The parsed rules themselves, so that a comment in a site file re-reads nothing.
        hash.update(format!("{site:?}"));
    }
    hex(&hash.finalize())[..12].to_owned()
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
