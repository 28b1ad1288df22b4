//! The nouns of extraction: an offer, its evidence, a candidate for it.
//!
//! Types only. Nothing here reads a page.

use serde::Serialize;

use super::price::{PriceKind, TaxView};
use super::text;
use crate::money::{Currency, Decimal, Money};

/// Characters of raw text kept as evidence.
pub const MAX_RAW: usize = 200;
/// Characters of a title that are kept.
pub const MAX_TITLE: usize = 512;
/// Characters of any other text field that are kept.
pub const MAX_FIELD: usize = 256;

/// Where on a page something was read, in order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    SiteRule,
    JsonLd,
    Microdata,
    Rdfa,
    Meta,
    Embedded,
    Visible,
}

impl Source {
    /// The name used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SiteRule => "site-rule",
            Self::JsonLd => "json-ld",
            Self::Microdata => "microdata",
            Self::Rdfa => "rdfa",
            Self::Meta => "meta",
            Self::Embedded => "embedded",
            Self::Visible => "visible",
        }
    }
}

/// The state of supply, schema.org's longer list reduced to what a price rule may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    InStock,
    Limited,
    BackOrder,
    PreOrder,
    OutOfStock,
    #[default]
    Unknown,
}

impl Availability {
    /// The name used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InStock => "in_stock",
            Self::Limited => "limited",
            Self::BackOrder => "backorder",
            Self::PreOrder => "preorder",
            Self::OutOfStock => "out_of_stock",
            Self::Unknown => "unknown",
        }
    }

    /// The schema.org name of the state, `None` when it is unknown.
    #[must_use]
    pub const fn schema_name(self) -> Option<&'static str> {
        match self {
            Self::InStock | Self::Limited => Some("InStock"),
            Self::BackOrder => Some("BackOrder"),
            Self::PreOrder => Some("PreOrder"),
            Self::OutOfStock => Some("OutOfStock"),
            Self::Unknown => None,
        }
    }

    /// Reads schema.org's ItemAvailability in any spelling, and the words of product feeds.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        let name = raw.trim().rsplit(['/', '#']).next().unwrap_or("");
        let key: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        match key.as_str() {
            "instock" | "onlineonly" | "instoreonly" | "available" | "availablefororder" | "true" | "yes" => {
                Self::InStock
            }
            "limitedavailability" | "lowstock" | "limited" => Self::Limited,
            "backorder" | "madetoorder" | "availabletoorder" => Self::BackOrder,
            "preorder" | "presale" | "pending" => Self::PreOrder,
            "outofstock" | "soldout" | "discontinued" | "reserved" | "oos" | "unavailable" | "notavailable"
            | "false" => Self::OutOfStock,
            _ => Self::Unknown,
        }
    }
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    pub source: String,
    /// Path in the data or selector on the page.
    pub path: String,
    /// The text as it stands on the page, at most [`MAX_RAW`] characters, without control characters.
    pub raw: String,
    /// Byte offset in the body as it was received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

impl Evidence {
    /// Evidence with the raw text cut and cleaned.
    #[must_use]
    pub fn new(source: Source, path: impl Into<String>, raw: &str, offset: Option<usize>) -> Self {
        let raw = text::cut(&text::fold_space(text::cut(raw, MAX_RAW * 4)), MAX_RAW).to_owned();
        Self { source: source.as_str().to_owned(), path: path.into(), raw, offset }
    }
}

/// A price per measure, such as 73.00 per 100 ml. Four decimals are common, so this is never [`Money`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnitPrice {
    /// Major units of `currency`, any number of decimals.
    #[serde(serialize_with = "decimal_text")]
    pub amount: Decimal,
    #[serde(serialize_with = "code_of")]
    pub currency: Option<Currency>,
    /// The measure as written: `kg`, `100 ml`.
    pub per: String,
}

/// What a page offers. Every field is what one source states; nothing is inferred without evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Offer {
    pub price: Option<Money>,
    pub kind: PriceKind,
    /// Upper end of a range.
    pub high_price: Option<Money>,
    /// Reference price the shop shows as struck through, recommended or earlier.
    pub list_price: Option<Money>,
    /// Price for members of the shop's programme.
    pub member_price: Option<Money>,
    pub unit_price: Option<UnitPrice>,
    #[serde(serialize_with = "code_of")]
    pub currency: Option<Currency>,
    pub tax: TaxView,
    pub availability: Availability,
    /// `new`, `used`, `refurbished` or `damaged`.
    pub condition: Option<String>,
    pub seller: Option<String>,
    pub shipping: Option<Money>,
    /// ISO 8601 date or time as the page states it.
    pub valid_until: Option<String>,
    pub title: Option<String>,
    pub brand: Option<String>,
    pub sku: Option<String>,
    pub mpn: Option<String>,
    /// Check digit verified, see [`super::gtin::canonical`].
    pub gtin: Option<String>,
    pub image: Option<String>,
    pub canonical_url: Option<String>,
    /// The variant the URL names, as the page identifies it.
    pub variant: Option<String>,
    /// Evidence of the price; of the product when there is no price.
    pub evidence: Option<Evidence>,
}

/// One reading of one source, kept so that a person can see why it won or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    pub source: Source,
    pub offer: Offer,
    /// Amounts that could not be decided, as text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
    /// The prices of all its offers, where there are several.
    #[serde(skip_serializing)]
    pub amounts: Vec<Money>,
    /// What the price is if a bare number right before it is its thousands: then one of the two is wrong.
    #[serde(skip_serializing)]
    pub rival: Option<Money>,
    /// Its offers have addresses of other variants than the one that the page's address names.
    #[serde(skip_serializing)]
    pub other_variant: bool,
    /// Points for and against, by which candidates of one source are ordered.
    pub score: i32,
    pub chosen: bool,
    /// Why it won or lost, in words.
    pub verdict: String,
}

impl Candidate {
    /// A candidate nobody has judged yet.
    #[must_use]
    pub fn new(source: Source, offer: Offer) -> Self {
        Self {
            source,
            offer,
            open: Vec::new(),
            amounts: Vec::new(),
            rival: None,
            other_variant: false,
            score: 0,
            chosen: false,
            verdict: String::new(),
        }
    }

    /// The byte offset at which its price was read, if that is known.
    #[must_use]
    pub fn evidence_offset(&self) -> Option<usize> {
        self.offer.evidence.as_ref()?.offset
    }
}

/// Cleans a text field: tags and entities resolved, white space folded, cut to `max` characters, empty is `None`.
#[must_use]
pub fn field(raw: &str, max: usize) -> Option<String> {
    let plain = text::without_tags(text::cut(raw, max * 8));
    let clean = text::clean(&plain);
    let clean = text::cut(&clean, max).trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

fn code_of<S: serde::Serializer>(currency: &Option<Currency>, serializer: S) -> Result<S::Ok, S::Error> {
    currency.map(|c| c.code()).serialize(serializer)
}

fn decimal_text<S: serde::Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}
