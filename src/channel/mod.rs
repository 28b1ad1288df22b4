//! Sales channels: one file per kind, declared in one visible list. A connector turns prices into the vendor's words
//! and back; it never decides, retries, or remembers.

pub mod allegro;
pub mod amazon;
pub mod bigcommerce;
pub mod bol;
pub mod ebay;
pub mod feed;
pub mod file;
pub mod google;
pub mod kaufland;
pub mod magento;
pub mod medusa;
pub mod mirakl;
pub mod odoo;
pub mod oscar;
pub mod saleor;
pub mod shopify;
pub mod shopware;
pub mod square;
pub mod tryton;
pub mod vendure;
pub mod webhook;
pub mod wire;
pub mod woocommerce;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::clock::{Clock, Millis};
use crate::config::{Problem, problem};
use crate::money::{Currency, Decimal, WirePrice};
use crate::publish::gate::Door;
use wire::amount::Field;
pub use wire::error::{ChannelError, Class, all_failed};
pub use wire::found::Match;
use wire::oauth::Vault;
use wire::shared::Shared;

/// All kinds, in alphabetical order. Adding one is its file and two lines here.
pub const KINDS: &[Kind] = &[
    allegro::KIND,
    amazon::KIND,
    bigcommerce::KIND,
    bol::KIND,
    ebay::KIND,
    feed::KIND,
    file::KIND,
    google::KIND,
    kaufland::KIND,
    magento::KIND,
    medusa::KIND,
    mirakl::KIND,
    odoo::KIND,
    oscar::KIND,
    saleor::KIND,
    shopify::KIND,
    shopware::KIND,
    square::KIND,
    tryton::KIND,
    vendure::KIND,
    webhook::KIND,
    woocommerce::KIND,
];

/// A kind of channel: its name in `kind = "..."` and how to check and build one. Neither touches the network.
pub struct Kind {
    pub name: &'static str,
    /// A sentence for `omniprice channel kinds`.
    pub about: &'static str,
    /// An example table, complete and commented.
    pub example: &'static str,
    pub check: fn(&Table) -> Result<(), String>,
    pub build: Build,
}

/// Makes a connector of a checked table.
pub type Build = fn(&Table, &Setting) -> Result<Arc<dyn Channel>, String>;

/// What every connector gets besides its own keys.
#[derive(Clone)]
pub struct Setting {
    pub name: String,
    pub timeout: std::time::Duration,
    /// Folder of the configuration file, where relative paths start.
    pub base: std::path::PathBuf,
    pub clock: Clock,
    /// Where rotated tokens are kept.
    pub vault: Arc<dyn Vault>,
    /// What all channels of the process have in common.
    pub shared: Arc<Shared>,
}

/// Whether a channel's price field contains VAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tax {
    Gross,
    Net,
}

/// What a channel can do with a reduced price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleSupport {
    /// Only one price: a sale is that price, and nothing is crossed out.
    PriceOnly,
    /// A crossed-out price beside the price, without dates: the daemon starts and ends a sale itself.
    Strike,
    /// A sale price with a window: the channel ends the sale by itself, also while no daemon runs.
    Window,
}

/// What becomes of the good items of a batch that has a bad one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialFailure {
    /// One item per request.
    Single,
    /// Each item has its own result.
    PerItem,
    /// All or nothing.
    Atomic,
}

/// What a channel offers against older prices that arrive late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ordering {
    /// Nothing: order is ours to keep.
    None,
    /// It refuses a lower number than it has.
    Version,
    /// It knows a command by the id we give it.
    CommandId,
}

/// Which price a read shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// What a buyer pays.
    Effective,
    /// The field that was written; the channel's own promotions can still change what a buyer pays.
    Submitted,
    None,
}

/// What a channel can do, declared by its connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The live price can be read back.
    pub readable: bool,
    /// A second send under the same key and number has no second effect, so an unknown outcome may be sent again.
    pub idempotent: bool,
    /// Listings per request.
    pub max_batch: usize,
    /// Requests at the same time.
    pub concurrency: usize,
    /// Milliseconds after which an accepted price can be seen.
    pub visible_after_ms: i64,
    /// Milliseconds within which it is seen, if the vendor takes longer than `publish.settle_within` may say.
    pub shows_within_ms: i64,
    /// A write may take the listing away before it puts it back, so that one which is absent after an unclear write is
    /// sent again.
    pub rewrites: bool,
    /// The channel has no listings of its own: what we do not send is not there.
    pub seeded_by_us: bool,
    /// Title, brand, number and availability of a product go there with its price, and nothing else brings them.
    pub attributes: bool,
    pub tax: Tax,
    pub currency: Currency,
    /// Decimals of its price field, where it is known to keep more than the currency has; only net prices need them.
    pub net_decimals: Option<u32>,
    pub sale: SaleSupport,
    /// A sale whose window begins later can be given to it now: until then it shows the regular price, and it begins by
    /// itself. Only where a reader of the price alone cannot take the reduced one for today's.
    pub stages: bool,
    /// It has a field for the lowest price of the 30 days before a reduction.
    pub prior_price: bool,
    pub partial: PartialFailure,
    pub ordering: Ordering,
    pub read_back: ReadBack,
    /// Updates of one listing that it takes in 24 hours, if it counts them.
    pub daily_per_listing: Option<u32>,
}

impl Capabilities {
    /// The most cautious channel: one listing at a time, nothing can be read back, nothing may be sent twice.
    #[must_use]
    pub const fn cautious(currency: Currency, tax: Tax) -> Self {
        Self {
            readable: false,
            idempotent: false,
            max_batch: 1,
            concurrency: 1,
            visible_after_ms: 0,
            shows_within_ms: 0,
            rewrites: false,
            seeded_by_us: false,
            attributes: false,
            tax,
            currency,
            net_decimals: None,
            sale: SaleSupport::PriceOnly,
            stages: false,
            prior_price: false,
            partial: PartialFailure::Single,
            ordering: Ordering::None,
            read_back: ReadBack::None,
            daily_per_listing: None,
        }
    }

    #[must_use]
    pub fn decimals(&self) -> u32 {
        self.field().decimals
    }

    /// The channel's price field.
    #[must_use]
    pub fn field(&self) -> Field {
        Field::of(self.currency, self.tax, self.net_decimals)
    }
}

/// A reduction that a channel may announce beside the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// The crossed-out price: above the price, in its currency and tax view.
    pub regular: WirePrice,
    /// The lowest price of the 30 days before, where the law wants it shown.
    pub prior: Option<WirePrice>,
    /// The first instant whose price counted for `prior`; not known of a sale that begins later.
    pub prior_from: Option<Millis>,
    /// Later than now only on a channel that [`Capabilities::stages`].
    pub starts_at: Millis,
    /// Exclusive; `None` until further notice.
    pub ends_at: Option<Millis>,
}

/// A price on its way to one listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceChange {
    /// The channel's own reference.
    pub external: String,
    pub sku: String,
    /// The fence: a channel that can order by it refuses older ones.
    pub seq: i64,
    /// What a buyer pays, in the channel's currency and tax view: while `sale` runs, if there is one.
    pub price: WirePrice,
    /// The reduction that `price` is; `None` means that the connector clears whatever sale the listing has.
    pub sale: Option<Sale>,
    /// The push before carried a reduction, or what became of it is not known. For connectors that keep a part of a
    /// reduction elsewhere than beside the price and pay for every look there.
    pub after_sale: bool,
    /// VAT of the listing's market in percent, for channels that want net and gross.
    pub vat_pct: Option<Decimal>,
    pub title: String,
    pub gtin: Option<String>,
    pub brand: Option<String>,
    pub in_stock: bool,
    /// `listing:seq`: the same on every try.
    pub key: String,
    /// When the price was desired, UTC milliseconds.
    pub at: Millis,
}

/// A channel's acknowledgement; not yet proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The price that the answer itself repeats, if it does.
    pub echoed: Option<WirePrice>,
}

/// A listing as the channel shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub external: String,
    /// What a buyer pays; `None`: the channel does not have the listing (any more).
    pub price: Option<WirePrice>,
    /// The crossed-out price: `None` if the channel cannot tell, `Some(None)` if there is none.
    pub regular: Option<Option<WirePrice>>,
    /// The channel's own reason for not showing the last write, if it gives one.
    pub refused: Option<String>,
    /// What the channel finds wrong with the listing. It may be about an older write, so that it is a reason only once the
    /// last one has had its time to show.
    pub complaint: Option<String>,
    /// Why the price shown cannot be relied on even if it is the right one: the channel holds several that disagree.
    /// Writing it again settles it.
    pub disputed: Option<String>,
}

impl Seen {
    /// A listing of a channel that tells its price and nothing else.
    #[must_use]
    pub const fn plain(external: String, price: Option<WirePrice>) -> Self {
        Self { external, price, regular: None, refused: None, complaint: None, disputed: None }
    }

    /// A listing of a channel that also tells which price it crosses out, if any.
    #[must_use]
    pub const fn crossed(external: String, price: Option<WirePrice>, regular: Option<WirePrice>) -> Self {
        Self { external, price, regular: Some(regular), refused: None, complaint: None, disputed: None }
    }
}

/// Result of a read-only look at a channel.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Probe {
    /// What the channel calls itself.
    pub about: String,
    /// What must be mended before prices may go there.
    pub problems: Vec<String>,
    /// What is only worth knowing, such as what the channel does not tell and a person has to compare.
    pub notes: Vec<String>,
}

impl Probe {
    /// A look that has nothing to tell besides its problems.
    #[must_use]
    pub fn of(about: impl Into<String>, problems: Vec<String>) -> Self {
        Self { about: about.into(), problems, notes: Vec::new() }
    }

    /// The same, with something worth knowing.
    #[must_use]
    pub fn noting(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

/// One configured sales channel.
#[async_trait]
pub trait Channel: Send + Sync {
    fn capabilities(&self) -> Capabilities;

    /// Sends prices; one result per change, in order. Every body passes `door` before it leaves.
    async fn push(&self, changes: &[PriceChange], door: &Door) -> Vec<Result<Receipt, ChannelError>>;

    /// Reads live prices, one per reference, in order.
    async fn read(&self, externals: &[String]) -> Result<Vec<Seen>, ChannelError>;

    /// Finds listings by SKU; SKUs that the channel lacks are absent.
    async fn find(&self, skus: &[String]) -> Result<Vec<Match>, ChannelError>;

    /// Looks whether credentials, currency and tax mode fit. Changes nothing.
    async fn probe(&self) -> Result<Probe, ChannelError>;

    /// What the vendor counts the updates of a listing under, where it caps them: channels that say the same use up one
    /// allowance for a listing that both of them know by the same reference.
    fn capped_as(&self) -> Option<String> {
        None
    }

    /// A file that the web server hands out for this channel.
    fn served(&self) -> Option<Served<'_>> {
        None
    }
}

/// A file and its media type.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    pub path: &'a Path,
    pub media_type: &'static str,
}

/// The kind that a table names.
///
/// # Errors
/// A text with the known kinds.
pub fn kind(table: &Table) -> Result<&'static Kind, String> {
    let known = || KINDS.iter().map(|k| k.name).collect::<Vec<_>>().join(", ");
    match table.get("kind") {
        Some(Value::String(name)) => KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let meant = crate::nearest::meant(name, KINDS.iter().map(|kind| kind.name));
            format!("there is no kind `{name}`{meant}; known: {}", known())
        }),
        _ => Err(format!("kind is missing; known: {}", known())),
    }
}

/// Checks a `[channels.NAME]` table without I/O.
pub fn check(name: &str, table: &Table, problems: &mut Vec<Problem>) {
    let path = format!("channels.{name}");
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        problems.push(problem(
            &path,
            "a channel's name has only a-z, 0-9 and -",
            "it appears in metrics and file names",
        ));
    }
    match kind(table) {
        Err(what) => {
            problems.push(problem(&format!("{path}.kind"), &what, "`omniprice channel kinds` shows an example of each"))
        }
        Ok(kind) => {
            if let Err(what) = (kind.check)(table) {
                let hint = format!("`omniprice channel kinds` shows a complete [{path}] for kind \"{}\"", kind.name);
                problems.push(problem(&path, &what, &hint));
            }
        }
    }
}

/// Reads a connector's own keys; `kind` and `drift` belong to everybody.
///
/// # Errors
/// Unknown or missing keys and wrong types.
pub fn settings<T: DeserializeOwned>(table: &Table) -> Result<T, String> {
    let mut own = table.clone();
    own.remove("kind");
    own.remove("drift");
    Value::Table(own).try_into().map_err(|e: toml::de::Error| e.message().to_owned())
}

/// What happens to a price that somebody else changed on the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drift {
    Reassert,
    #[default]
    Alert,
    Adopt,
}

/// The `drift` key of a channel's table.
///
/// # Errors
/// A text with the known policies.
pub fn drift(table: &Table) -> Result<Drift, String> {
    match table.get("drift").map(|v| v.as_str()) {
        None => Ok(Drift::default()),
        Some(Some("reassert")) => Ok(Drift::Reassert),
        Some(Some("alert")) => Ok(Drift::Alert),
        Some(Some("adopt")) => Ok(Drift::Adopt),
        Some(_) => Err("drift must be \"reassert\", \"alert\" or \"adopt\"".to_owned()),
    }
}

/// A currency from a connector's table.
///
/// # Errors
/// A text for a person.
pub fn currency(code: &str) -> Result<Currency, String> {
    crate::money::currency(code).map_err(|e| format!("currency: {e}"))
}
