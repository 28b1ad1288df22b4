//! Files of prices for systems that take nothing else: a CSV or TSV with its manifest, dropped into a folder or over SFTP.
//!
//! The price file comes first, then its manifest with the number of rows and the SHA-256; whoever reads waits for the
//! manifest, so a file without one was never sent. Numbers in the names only grow. Each row carries the sequence of its
//! listing, so that a file read late changes nothing back. Where the receiver writes acknowledgements, they are read back
//! and prove each price; where it writes none, prices stay unverified.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use toml::Table;
use url::Url;

use super::wire::amount;
use super::wire::jobs::Jobs;
use super::{
    Capabilities, Channel, ChannelError, Class, Kind, Match, Ordering, PartialFailure, PriceChange, Probe, ReadBack,
    Receipt, SaleSupport, Seen, Tax,
};
use crate::clock::{Clock, Millis};
use crate::money::Currency;
use crate::publish::gate::Door;

mod place;
mod table;

use place::{Place, Remote, Visit};
use table::{Acknowledged, Manifest, Separator};

pub const KIND: Kind = Kind {
    name: "file",
    about: "price files with manifest, dropped into a folder or over SFTP; acknowledgement files are read back",
    example: r#"[channels.erp-drop]
kind = "file"
folder = "drop/prices"                    # or leave it out and use the next four
# url = "sftp://omniprice@files.example:22/in"
# private_key = "${SFTP_PRIVATE_KEY}"     # OpenSSH or PKCS#8, without passphrase
# known_host = "ssh-ed25519 AAAAC3Nza..." # the server's key, from ssh-keyscan and checked by you
format = "csv"                            # or "tsv"
acknowledged = true                       # the receiver writes NAME.ack.csv; false: prices stay unverified
currency = "DKK"
tax = "gross"
# net_decimals = 4                        # with tax = "net": decimals that the receiver keeps; 2 unless it is set
drift = "alert"
"#,
    check: |table| build(table).map(drop),
    build: |table, setting| {
        let mut files = build(table)?;
        if let Place::Folder(folder) = &mut files.place {
            *folder = setting.base.join(&*folder);
        }
        if let Place::Sftp(remote) = &mut files.place {
            remote.patience = setting.timeout;
        }
        files.clock = setting.clock.clone();
        Ok(Arc::new(files))
    },
};

/// Rows of one file.
const MAX_BATCH: usize = 20_000;
/// Acknowledgements looked through for a price, newest first.
const MAX_ACKNOWLEDGED: usize = 500;
/// Numbers tried in a row while other daemons take them.
const MAX_TAKEN: usize = 32;
/// A file that waits longer than this for its acknowledgement is a problem.
const MAX_SILENCE_MS: i64 = Millis::DAY;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    folder: Option<PathBuf>,
    url: Option<Url>,
    private_key: Option<SecretString>,
    known_host: Option<String>,
    #[serde(default)]
    format: Separator,
    acknowledged: bool,
    currency: String,
    tax: Tax,
    net_decimals: Option<u32>,
}

struct Files {
    place: Place,
    format: Separator,
    acknowledged: bool,
    currency: Currency,
    tax: Tax,
    net_decimals: Option<u32>,
    clock: Clock,
    /// The file that holds the newest row of a listing, while its acknowledgement is awaited.
    written: Jobs,
    /// Acknowledgements never change, so each is read once.
    read: Mutex<BTreeMap<u64, Arc<Acknowledged>>>,
}

fn build(table: &Table) -> Result<Files, String> {
    super::drift(table)?;
    let settings: Settings = super::settings(table)?;
    let place = match (settings.folder, settings.url) {
        (Some(folder), None) => Place::Folder(folder),
        (None, Some(url)) => {
            let key = settings.private_key.ok_or("private_key is missing: SFTP logs in by key")?;
            let host =
                settings.known_host.ok_or("known_host is missing: the server's key, as ssh-keyscan prints it")?;
            Place::Sftp(Remote::new(&url, key, &host)?)
        }
        _ => return Err("set either folder or url".to_owned()),
    };
    let currency = super::currency(&settings.currency)?;
    amount::net_decimals(currency, settings.tax, settings.net_decimals)?;
    Ok(Files {
        place,
        format: settings.format,
        acknowledged: settings.acknowledged,
        currency,
        tax: settings.tax,
        net_decimals: settings.net_decimals,
        clock: Clock::System,
        written: Jobs::default(),
        read: Mutex::default(),
    })
}

impl Files {
    /// Price file, then manifest. Without the manifest nobody reads the file, so only a manifest in doubt is a doubt.
    async fn drop_file(&self, changes: &[PriceChange], door: &Door) -> Result<(), ChannelError> {
        let body = table::render(changes, self.tax, self.format);
        let body = body.map_err(|why| ChannelError::new(Class::Rejected, why))?;
        let quoted = table::quoted(&body, self.capabilities().decimals(), self.format)?;
        let externals: Vec<&str> = changes.iter().map(|change| change.external.as_str()).collect();
        let body = door.narrowed(&externals).check(body, &quoted)?.into_body();
        let mut visit = self.place.open().await?;
        let now = self.clock.now();
        let number = next_number(&visit.names().await?, now);
        let (number, manifest) = self.claim(&mut visit, number, &body, changes.len(), now).await?;
        visit.put(&table::manifest_name(number), &manifest.text()?).await?;
        self.written.remember(externals.into_iter(), &number.to_string());
        Ok(())
    }

    /// Writes the price file under the first number from `number` on that no other daemon takes at the same time; the
    /// number is ours then, and so is its manifest.
    async fn claim(
        &self,
        visit: &mut Visit,
        number: u64,
        body: &[u8],
        rows: usize,
        now: Millis,
    ) -> Result<(u64, Manifest), ChannelError> {
        for number in (number..).take(MAX_TAKEN) {
            let manifest = Manifest::of(number, body, rows, self.format, now);
            if visit.create(&manifest.file, body).await? {
                return Ok((number, manifest));
            }
        }
        Err(ChannelError::new(Class::Retry { after_ms: None }, format!("{MAX_TAKEN} numbers in a row are taken")))
    }

    /// What acknowledgements say of these listings, newest first.
    async fn look(&self, externals: &[String]) -> Result<HashMap<String, Seen>, ChannelError> {
        let mut visit = self.place.open().await?;
        let names = visit.names().await?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| table::acknowledgement_number(name)).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.truncate(MAX_ACKNOWLEDGED);
        let waiting: HashMap<String, u64> = self
            .written
            .waiting(externals)
            .into_iter()
            .flat_map(|(number, list)| list.into_iter().filter_map(move |e| Some((e, number.parse().ok()?))))
            .collect();
        let mut seen: HashMap<String, Seen> =
            externals.iter().map(|e| (e.clone(), Seen::plain(e.clone(), None))).collect();
        let mut open = externals.to_vec();
        for number in numbers {
            if open.is_empty() {
                break;
            }
            let Some(list) = self.acknowledgement(&mut visit, number).await? else { continue };
            open.retain(|external| {
                let Some(row) = list.rows.get(external) else { return true };
                let Some(one) = seen.get_mut(external) else { return false };
                match &row.refused {
                    // Only what became of the newest row is a reason; older errors are about older prices.
                    Some(why) if waiting.get(external) == Some(&number) => one.refused = Some(why.clone()),
                    Some(_) => {}
                    None => {
                        one.price = row.price;
                        return false;
                    }
                }
                true
            });
        }
        Ok(seen)
    }

    async fn acknowledgement(&self, visit: &mut Visit, number: u64) -> Result<Option<Arc<Acknowledged>>, ChannelError> {
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(body) = visit.read(&table::acknowledgement_name(number)).await? else { return Ok(None) };
        let parsed = Arc::new(Acknowledged::parse(&body, self.capabilities().field()));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(number, Arc::clone(&parsed));
        while read.len() > MAX_ACKNOWLEDGED {
            read.pop_first();
        }
        Ok(Some(parsed))
    }

    /// The oldest manifest without an acknowledgement, if it waits for too long.
    fn silence(&self, names: &[String]) -> Option<String> {
        let answered: Vec<u64> = names.iter().filter_map(|name| table::acknowledgement_number(name)).collect();
        let sent = names.iter().filter_map(|name| table::manifest_number(name));
        let oldest = sent.filter(|number| !answered.contains(number)).min()?;
        let since = i64::try_from(oldest).ok()?.checked_mul(Millis::SECOND)?;
        let hours = self.clock.now().since(Millis(since)) / Millis::HOUR;
        (hours * Millis::HOUR > MAX_SILENCE_MS)
            .then(|| format!("{} waits for its acknowledgement for {hours} h", table::manifest_name(oldest)))
    }
}

/// Seconds of the clock, so that numbers grow although receivers take files away, and always above what is there.
fn next_number(names: &[String], now: Millis) -> u64 {
    let seconds = u64::try_from(now.0 / Millis::SECOND).unwrap_or(0);
    let highest = names.iter().filter_map(|name| table::number(name)).max();
    highest.map_or(seconds, |highest| seconds.max(highest.saturating_add(1)))
}

#[async_trait]
impl Channel for Files {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: self.acknowledged,
            idempotent: true,
            max_batch: MAX_BATCH,
            visible_after_ms: Millis::MINUTE,
            // Receivers that take files often take them once a night.
            shows_within_ms: Millis::DAY,
            seeded_by_us: true,
            sale: SaleSupport::Window,
            prior_price: true,
            partial: PartialFailure::PerItem,
            ordering: Ordering::Version,
            read_back: if self.acknowledged { ReadBack::Submitted } else { ReadBack::None },
            net_decimals: self.net_decimals,
            ..Capabilities::cautious(self.currency, self.tax)
        }
    }

    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>> {
        match self.drop_file(changes, door).await {
            Ok(()) => changes.iter().map(|_| Ok(Receipt { echoed: None })).collect(),
            Err(error) => super::all_failed(changes, &error),
        }
    }

    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError> {
        if !self.acknowledged {
            return Err(ChannelError::new(Class::Rejected, "this receiver writes no acknowledgements"));
        }
        let mut seen = self.look(externals).await?;
        let one = |e: &String| seen.remove(e).unwrap_or_else(|| Seen::plain(e.clone(), None));
        Ok(externals.iter().map(one).collect())
    }

    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError> {
        let mut seen = if self.acknowledged { self.look(skus).await? } else { HashMap::new() };
        let one = |sku: &String| Match::new(sku, sku, seen.remove(sku).and_then(|seen| seen.price));
        Ok(skus.iter().map(one).collect())
    }

    async fn probe(&self) -> Result<Probe, ChannelError> {
        let names = self.place.open().await?.names().await?;
        let problems = if self.acknowledged { self.silence(&names).into_iter().collect() } else { vec![] };
        let sent = names.iter().filter(|name| table::manifest_number(name).is_some()).count();
        Ok(Probe::of(format!("{}, {sent} files there", self.place.describe()), problems))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_whatever_the_clock_and_the_receiver_do() {
        let names = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let now = Millis(1_800_000_000_000);
        assert_eq!(next_number(&[], now), 1_800_000_000);
        assert_eq!(next_number(&names(&["prices-001800000000.csv"]), now), 1_800_000_001);
        assert_eq!(next_number(&names(&["prices-001800000500.ack.csv", "other.csv"]), now), 1_800_000_501);
        assert_eq!(next_number(&names(&["prices-001800000500.csv"]), Millis(0)), 1_800_000_501, "a clock set back");
    }

    #[test]
    fn a_place_is_a_folder_or_a_server_whose_key_is_known() {
        let check =
            |text: &str| build(&format!("acknowledged=true\ncurrency='DKK'\ntax='gross'\n{text}").parse().unwrap());
        assert!(check("folder='drop'").is_ok());
        for (text, expected) in [
            ("", "either folder or url"),
            ("folder='drop'\nurl='sftp://u@h/in'", "either folder or url"),
            ("url='sftp://u@h/in'", "private_key"),
            ("url='sftp://u@h/in'\nprivate_key='x'", "known_host"),
            ("url='https://u@h/in'\nprivate_key='x'\nknown_host='x'", "sftp://"),
            ("url='sftp://h/in'\nprivate_key='x'\nknown_host='x'", "user"),
            ("url='sftp://u@h/in'\nprivate_key='x'\nknown_host='nonsense'", "known_host"),
        ] {
            let why = check(text).err().unwrap();
            assert!(why.contains(expected), "{text}: {why}");
        }
    }
}
