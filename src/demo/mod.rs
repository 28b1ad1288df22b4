//! A market to watch: three competitors, our five products, three channels, all on loopback. The daemon that runs
//! against it is the real one; only the world around it is made up.

pub mod market;
mod setup;
pub mod shop;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::clock::{Clock, Millis};
use crate::daemon;
use crate::report;
use crate::store::{decisions, events, observations, products, progress, targets};
use market::{Markup, Shown};
use setup::{TITLES, config, import};
use shop::Fault;
use told::Told;

/// How the demo is run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub keep: bool,
    /// A folder to write into and leave; a temporary one otherwise.
    pub dir: Option<PathBuf>,
}

/// What the demo did, in numbers.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    pub rounds: usize,
    pub checks: u64,
    pub decisions: usize,
    pub pushes: u64,
    pub verified: u64,
    /// Listings read back equal to the newest decision, of listings with a decision.
    pub live: i64,
    pub listings: i64,
    pub not_trusted: usize,
    pub on_hold: usize,
    pub drifts: u64,
    pub digest: Option<PathBuf>,
    pub folder: PathBuf,
    pub kept: bool,
}

impl Summary {
    /// The summary as text.
    #[must_use]
    pub fn text(&self) -> String {
        let kept = if self.kept { format!("\neverything is in {}", self.folder.display()) } else { String::new() };
        format!(
            "summary: {}, {}, {}, {}, {} read back equal\n\
             parity: {} of {} live at the newest decision\n\
             held back: {} not trusted, {} on hold; noticed: {} that somebody else changed{kept}\n\n\
             your own shop: omniprice init, then omniprice import products.csv, then omniprice check",
            count(self.rounds, "round"),
            count(self.checks, "page check"),
            count(self.decisions, "price change"),
            if self.pushes == 1 { "1 push".to_owned() } else { format!("{} pushes", self.pushes) },
            self.verified,
            self.live,
            count(self.listings, "listing"),
            count(self.not_trusted, "price"),
            count(self.on_hold, "product"),
            count(self.drifts, "price")
        )
    }
}

/// How many of what, in English: `1 product`, `2 products`.
fn count(n: impl std::fmt::Display, what: &str) -> String {
    let n = n.to_string();
    format!("{n} {what}{}", if n == "1" { "" } else { "s" })
}

type Say<'a> = &'a (dyn Fn(&str) -> anyhow::Result<()> + Sync);

/// Waiting for one round at most this long; the demo goes on all the same and shows what is open.
const ROUND: Duration = Duration::from_secs(12);

struct World {
    nordlys: market::Shop,
    havn: market::Shop,
    torv: market::Shop,
    webshop: shop::Shop,
    till: shop::Shop,
    /// Where the feed's writer puts its temporary file; a folder of that name is in its way.
    obstacle: PathBuf,
}

/// Runs the demo; `say` takes its plain lines.
///
/// # Errors
/// Anything that does not work: a fault of ours.
pub async fn run(options: Options, say: Say<'_>) -> anyhow::Result<Summary> {
    let kept = options.dir.is_some();
    let folder = options
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("omniprice-demo-{}", std::process::id())));
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    std::fs::write(folder.join(MARKER), "omniprice demo writes here\n").context(MARKER)?;
    let ended = play(&folder, options.keep, say).await;
    if !kept {
        // Nothing of value is in it; a folder that stays behind harms nobody.
        let _ = std::fs::remove_dir_all(&folder);
    }
    ended.map(|summary| Summary { kept, ..summary })
}

/// Marks a folder of the demo: it may be written over.
pub const MARKER: &str = ".omniprice-demo";

async fn play(folder: &Path, keep: bool, say: Say<'_>) -> anyhow::Result<Summary> {
    let world = World::open(folder).await?;
    let config = config(folder, &world)?;
    let app = App::build(config, Clock::System).await?;
    import(&app, &world).await?;
    say("three competitors, five products, three channels: a web shop, a product feed, a till behind a flaky webhook")?;
    let cancel = CancellationToken::new();
    let daemon = tokio::spawn(daemon::run(Arc::clone(&app), cancel.clone()));
    let mut told = Told::default();
    let rounds = world.rounds();
    for (number, (headline, moves)) in rounds.iter().enumerate() {
        say(&format!("\n--- round {}: {headline}", number + 1))?;
        moves(&world);
        targets::due_now(&app.db, None, app.now()).await?;
        settle(&app).await?;
        told.tell(&app, say).await?;
    }
    let digest = digest(&app, folder, say).await?;
    if keep {
        say("\nthe daemon goes on; Ctrl-C ends it")?;
        tokio::signal::ctrl_c().await?;
    }
    cancel.cancel();
    daemon.await??;
    let summary = summary(&app, rounds.len(), digest, folder).await?;
    app.db.close().await;
    Ok(summary)
}

type Moves = Box<dyn Fn(&World) + Send + Sync>;

impl World {
    async fn open(folder: &Path) -> anyhow::Result<Self> {
        let titles: BTreeMap<_, _> = TITLES.into_iter().collect();
        let (nordlys, _) = market::Shop::open("nordlys.example", Markup::JsonLd, titles.clone()).await?;
        let (havn, _) = market::Shop::open("havn.example", Markup::SlowMicrodata, titles.clone()).await?;
        let (torv, _) = market::Shop::open("torv.example", Markup::Bare, titles).await?;
        let prices: Vec<(&str, i64)> =
            vec![("KETTLE", 49_900), ("PHONES", 129_900), ("LAMP", 34_900), ("MIXER", 94_900), ("TOASTER", 27_900)];
        let (webshop, _) = shop::Shop::vendure("DKK", &prices).await?;
        let (till, _) = shop::Shop::receiver("DKK").await?;
        Ok(Self { nordlys, havn, torv, webshop, till, obstacle: folder.join("feeds/google.tmp") })
    }

    /// Keeps the feed from being written for a while, as a full disk does.
    fn obstruct(&self) {
        let obstacle = self.obstacle.clone();
        // If it cannot be put there, the feed simply has one trouble less.
        let _ = std::fs::create_dir_all(&obstacle);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            let _ = std::fs::remove_dir(&obstacle);
        });
    }

    /// What happens in the market, round by round.
    fn rounds(&self) -> Vec<(&'static str, Moves)> {
        fn price(minor: i64) -> Shown {
            Shown::Price { minor, in_stock: true }
        }
        vec![
            (
                "a first look at the market",
                Box::new(|world| {
                    for shop in [&world.nordlys, &world.havn, &world.torv] {
                        for (sku, minor) in [
                            ("KETTLE", 49_900),
                            ("PHONES", 129_900),
                            ("LAMP", 34_900),
                            ("MIXER", 94_900),
                            ("TOASTER", 27_900),
                        ] {
                            shop.show(sku, price(minor));
                        }
                    }
                }),
            ),
            (
                "nordlys lowers the kettle; the web shop applies our price and cuts the answer; the till is down once, the feed cannot be written for a second",
                Box::new(|world| {
                    world.webshop.fail_next(&[Fault::CutAfterApply]);
                    world.till.fail_next(&[Fault::Unavailable]);
                    world.obstruct();
                    world.nordlys.show("KETTLE", price(47_900));
                }),
            ),
            (
                "torv lowers the lamp, havn sells out of headphones; the web shop deadlocks, then says done and changes nothing",
                Box::new(|world| {
                    world.webshop.fail_next(&[Fault::Deadlock, Fault::Lie]);
                    world.torv.show("LAMP", price(32_900));
                    world.havn.show("PHONES", Shown::Price { minor: 129_900, in_stock: false });
                }),
            ),
            (
                "nordlys sells the mixer below what we can afford, and the toaster, whose cost we do not know, cheaper",
                Box::new(|world| {
                    world.nordlys.show("MIXER", price(84_900));
                    world.nordlys.show("TOASTER", price(24_900));
                }),
            ),
            (
                "things go wrong: torv loses a decimal point, havn shows a bot challenge, somebody edits a price in the web shop",
                Box::new(|world| {
                    world.torv.show("KETTLE", price(4_790));
                    world.havn.show("LAMP", Shown::Challenge);
                    world.webshop.edit("LAMP", 19_900);
                }),
            ),
            (
                "all is well again",
                Box::new(|world| {
                    world.torv.show("KETTLE", price(47_900));
                    world.havn.show("LAMP", price(33_900));
                }),
            ),
        ]
    }
}

/// Waits until nothing is due and nothing is open, and channels were compared once more.
async fn settle(app: &App) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + ROUND;
    let mut quiet_since = None;
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = app.now();
        let open = targets::count_due(&app.db, now).await? > 0
            || products::next_dirty(&app.db).await?.is_some_and(|at| at <= now)
            || progress::open_work(&app.db).await? > 0;
        match quiet_since {
            _ if open => quiet_since = None,
            None => quiet_since = Some(now),
            // Long enough for the comparison of whole channels to have found what was changed by hand.
            Some(since) if now.since(since) > 1_600 => break,
            Some(_) => {}
        }
    }
    Ok(())
}

async fn digest(app: &App, folder: &Path, say: Say<'_>) -> anyhow::Result<Option<PathBuf>> {
    let recipient = app.config.report.recipients.first().context("the demo has a recipient")?;
    report::send_slot(app, recipient, app.now()).await?;
    let sent = events::digests(&app.db, 1).await?;
    let Some(path) = sent.first().filter(|digest| digest.state == "sent").map(|digest| PathBuf::from(&digest.detail))
    else {
        return Ok(None);
    };
    if let Some(digest) = report::digest(app, app.now().plus(-Millis::HOUR), app.now()).await? {
        say(&format!(
            "\n--- the digest, written to {} as .eml (--dir FOLDER keeps it)\n\nSubject: {}\n\n{}",
            folder.join("mail").display(),
            digest.subject,
            digest.text
        ))?;
    }
    Ok(Some(path))
}

async fn summary(app: &App, rounds: usize, digest: Option<PathBuf>, folder: &Path) -> anyhow::Result<Summary> {
    use std::sync::atomic::Ordering::Relaxed;
    let parity = progress::parity(&app.db).await?;
    Ok(Summary {
        rounds,
        checks: app.metrics.checks.load(Relaxed),
        decisions: decisions::since(&app.db, Millis(0), app.now(), 10_000).await?.len(),
        pushes: app.metrics.pushes.load(Relaxed),
        verified: app.metrics.verified.load(Relaxed),
        live: parity.iter().map(|p| p.live).sum(),
        listings: parity.iter().map(|p| p.listings).sum(),
        not_trusted: observations::waiting(&app.db, 1_000).await?.len(),
        on_hold: decisions::held(&app.db, 1_000).await?.len(),
        drifts: app.metrics.drifts.load(Relaxed),
        digest,
        folder: folder.to_owned(),
        kept: false,
    })
}
