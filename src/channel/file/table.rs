//! Rows, manifest, acknowledgement, and the names of the three files.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::channel::wire::amount::{self, Field};
use crate::channel::{ChannelError, Class, PriceChange, Tax};
use crate::clock::Millis;
use crate::money::WirePrice;
use crate::publish::gate::{GateError, Quote};

const PREFIX: &str = "prices-";
const ACKNOWLEDGEMENT: &str = ".ack.csv";
const MANIFEST: &str = ".json";
/// Characters of a receiver's own words that are repeated.
const MAX_WORDS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Separator {
    #[default]
    Csv,
    Tsv,
}

impl Separator {
    const fn byte(self) -> u8 {
        match self {
            Self::Csv => b',',
            Self::Tsv => b'\t',
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Csv => ".csv",
            Self::Tsv => ".tsv",
        }
    }
}

/// One price. Amounts are decimals of `currency`; absent values are empty.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    sku: String,
    /// What a buyer pays.
    price: String,
    currency: String,
    tax: String,
    /// The crossed-out price of a reduction.
    regular_price: String,
    /// The lowest price of the 30 days before.
    prior_price: String,
    sale_starts_at: String,
    sale_ends_at: String,
    /// Grows with every change of this SKU; a row with a smaller one than the last is old.
    sequence: i64,
}

pub(super) fn render(changes: &[PriceChange], tax: Tax, separator: Separator) -> Result<Vec<u8>, String> {
    let mut table = csv::WriterBuilder::new().delimiter(separator.byte()).from_writer(Vec::new());
    for change in changes {
        let sale = change.sale;
        let text = |money: Option<WirePrice>| money.map_or_else(String::new, amount::text);
        let row = Row {
            sku: change.external.clone(),
            price: amount::text(change.price),
            currency: change.price.currency().code().to_owned(),
            tax: if tax == Tax::Gross { "gross" } else { "net" }.to_owned(),
            regular_price: text(sale.map(|sale| sale.regular)),
            prior_price: text(sale.and_then(|sale| sale.prior)),
            sale_starts_at: sale.map_or_else(String::new, |sale| sale.starts_at.to_string()),
            sale_ends_at: sale.and_then(|sale| sale.ends_at).map_or_else(String::new, |end| end.to_string()),
            sequence: change.seq,
        };
        table.serialize(row).map_err(|why| why.to_string())?;
    }
    table.into_inner().map_err(|why| why.to_string())
}

/// Reads prices back out of a file whose prices have so many decimals, if that is more than their currency has.
pub(super) fn quoted(body: &[u8], decimals: u32, separator: Separator) -> Result<Vec<Quote>, GateError> {
    let mut found = Vec::new();
    for row in csv::ReaderBuilder::new().delimiter(separator.byte()).from_reader(body).into_deserialize() {
        let row: Row = row.map_err(|why: csv::Error| GateError::Unreadable(why.to_string()))?;
        let currency = crate::money::currency(&row.currency).map_err(|why| GateError::Unreadable(why.to_string()))?;
        let field = Field { decimals: decimals.max(Field::from(currency).decimals), currency };
        let money = |text: &str| amount::parse(text, field).map_err(GateError::Unreadable);
        let regular = if row.regular_price.is_empty() { None } else { Some(money(&row.regular_price)?) };
        found.push(Quote { regular, ..Quote::new(row.sku, money(&row.price)?) });
    }
    Ok(found)
}

/// What stands beside a price file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub file: String,
    /// `delta`: only listings that changed.
    pub kind: String,
    pub number: u64,
    /// Without the head.
    pub rows: usize,
    pub bytes: usize,
    pub sha256: String,
    pub created_at: String,
}

impl Manifest {
    pub(super) fn of(number: u64, body: &[u8], rows: usize, separator: Separator, now: Millis) -> Self {
        Self {
            file: format!("{PREFIX}{number:012}{}", separator.ending()),
            kind: "delta".to_owned(),
            number,
            rows,
            bytes: body.len(),
            sha256: Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect(),
            created_at: now.to_string(),
        }
    }

    pub(super) fn text(&self) -> Result<Vec<u8>, ChannelError> {
        serde_json::to_vec_pretty(self).map_err(|why| ChannelError::new(Class::Rejected, why.to_string()))
    }
}

pub(super) fn manifest_name(number: u64) -> String {
    format!("{PREFIX}{number:012}{MANIFEST}")
}

pub(super) fn acknowledgement_name(number: u64) -> String {
    format!("{PREFIX}{number:012}{ACKNOWLEDGEMENT}")
}

/// The number in a name of ours, whichever of the files it is.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

pub(super) fn manifest_number(name: &str) -> Option<u64> {
    number(name).filter(|_| name.ends_with(MANIFEST))
}

pub(super) fn acknowledgement_number(name: &str) -> Option<u64> {
    number(name).filter(|_| name.ends_with(ACKNOWLEDGEMENT))
}

/// A receiver's answer to one file.
#[derive(Debug, Default)]
pub(super) struct Acknowledged {
    pub rows: HashMap<String, Answer>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The price in force, for a row that was taken.
    pub price: Option<WirePrice>,
    /// The receiver's reason, for a row that was not.
    pub refused: Option<String>,
}

/// A row of an acknowledgement; more columns are the receiver's own business.
#[derive(Debug, Deserialize)]
struct Line {
    status: String,
    #[serde(default)]
    price: String,
    #[serde(default)]
    message: String,
}

impl Acknowledged {
    /// `sku,status,price,message` with the status `ok` or `error`, separated by commas. A row that cannot be read is a
    /// refusal of its SKU alone: it proves nothing, and says why. A row without a SKU is nobody's and is left out.
    pub(super) fn parse(body: &[u8], field: Field) -> Self {
        let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(body);
        let head = table.headers().cloned().unwrap_or_default();
        let place = head.iter().position(|column| column == "sku");
        let mut rows = HashMap::new();
        // A text that is not UTF-8 spoils its row only.
        for row in table.into_byte_records().map_while(Result::ok) {
            let cell = place.and_then(|place| row.get(place)).map(String::from_utf8_lossy);
            let Some(sku) = cell.filter(|sku| !sku.is_empty()) else { continue };
            let answer = answer(&row, &head, field).unwrap_or_else(|why| {
                let why: String = why.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
                let refused = format!("the receiver's answer for this SKU cannot be read: {why}");
                Answer { price: None, refused: Some(refused) }
            });
            rows.insert(sku.into_owned(), answer);
        }
        Self { rows }
    }
}

fn answer(row: &csv::ByteRecord, head: &csv::StringRecord, field: Field) -> Result<Answer, String> {
    let line: Line = row.deserialize(Some(head.as_byte_record())).map_err(|why| why.to_string())?;
    match line.status.as_str() {
        "ok" => Ok(Answer { price: Some(amount::parse(&line.price, field)?), refused: None }),
        "error" => {
            let words: String = line.message.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
            Ok(Answer { price: None, refused: Some(format!("the receiver refuses the row: {words}")) })
        }
        other => Err(format!("a status `{other}`; known: ok, error")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn net_prices_of_four_decimals_are_read_back_where_the_receiver_keeps_them() {
        let body = b"sku,price,currency,tax,regular_price,prior_price,sale_starts_at,sale_ends_at,sequence\n\
                     A,8.3950,EUR,net,9.2353,,,,1\n";
        let finer = |units| WirePrice::from_units(units, 4, Currency::EUR);
        let expected = Quote { regular: Some(finer(92_353)), ..Quote::new("A", finer(83_950)) };
        assert_eq!(quoted(body, 4, Separator::Csv).unwrap(), [expected]);
        assert!(quoted(body, 2, Separator::Csv).is_err(), "the receiver keeps two");
        let list =
            Acknowledged::parse(b"sku,status,price\nA,ok,8.3950\n", Field { currency: Currency::EUR, decimals: 4 });
        assert_eq!(list.rows["A"].price, Some(finer(83_950)));
    }

    #[test]
    fn what_leaves_is_read_back_from_the_text_itself() {
        let head = "sku,price,currency,tax,regular_price,prior_price,sale_starts_at,sale_ends_at,sequence\n";
        let of = |rows: &str| quoted(format!("{head}{rows}").as_bytes(), 2, Separator::Csv);
        let dkk = |minor| WirePrice::from_minor(minor, Currency::DKK);
        let both = of("A,12.50,DKK,gross,,,,,3\n\"B,1\",9.00,DKK,gross,15.00,8.00,x,,4\n").unwrap();
        let sale = Quote { regular: Some(dkk(1_500)), ..Quote::new("B,1", dkk(900)) };
        assert_eq!(both, vec![Quote::new("A", dkk(1_250)), sale]);
        for sneaky in ["A,12.505,DKK,gross,,,,,3\n", "A,1e1,DKK,gross,,,,,3\n", "A,12.50,DKK,gross,,,,,3,1.00\n"] {
            assert!(of(sneaky).is_err(), "{sneaky}");
        }
        let wider = "sku,price,currency,tax,regular_price,prior_price,sale_starts_at,sale_ends_at,sequence,club_price\n\
                     A,12.50,DKK,gross,,,,,3,1.00\n";
        assert!(quoted(wider.as_bytes(), 2, Separator::Csv).is_err(), "a further price");
    }

    #[test]
    fn an_acknowledgement_says_ok_or_why_not_and_nothing_else() {
        let of = |text: &str| Acknowledged::parse(text.as_bytes(), Currency::DKK.into());
        let list = of("sku,status,price,message\nA,ok,12.50,\nB,error,,no such\u{7} item\n");
        assert_eq!(list.rows["A"], Answer { price: Some(WirePrice::from_minor(1_250, Currency::DKK)), refused: None });
        assert_eq!(list.rows["B"].refused.as_deref(), Some("the receiver refuses the row: no such item"));
        for broken in ["sku,status,price,message\nA,ok,,\n", "sku,status\nA,maybe\n", "sku\nA\n"] {
            let list = of(broken);
            let why = list.rows["A"].refused.as_deref().unwrap();
            assert!(why.contains("cannot be read: ") && list.rows["A"].price.is_none(), "{broken}: {why}");
        }
        assert!(of("status,price\nok,1.00\n").rows.is_empty() && of("").rows.is_empty());
    }

    #[test]
    fn one_bad_row_spoils_no_other() {
        let text =
            b"sku,status,price,message\nA,ok,12.50,\nB,ok,\"12,5\",\nC,error,,no\xff\n,ok,1.00,\nD\nE,ok,9.00,\n";
        let list = Acknowledged::parse(text, Currency::DKK.into());
        let price = |sku: &str| list.rows[sku].price;
        assert_eq!(
            (price("A"), price("E")),
            (Some(WirePrice::from_minor(1_250, Currency::DKK)), Some(WirePrice::from_minor(900, Currency::DKK)))
        );
        for sku in ["B", "C", "D"] {
            assert!(list.rows[sku].price.is_none() && list.rows[sku].refused.is_some(), "{sku}");
        }
        assert_eq!(list.rows.len(), 5);
    }

    #[test]
    fn names_say_which_file_and_which_number() {
        let manifest = Manifest::of(42, b"abc", 1, Separator::Tsv, Millis(0));
        assert_eq!(manifest.file, "prices-000000000042.tsv");
        assert_eq!(manifest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(manifest_number(&manifest_name(42)), Some(42));
        assert_eq!(acknowledgement_number(&acknowledgement_name(42)), Some(42));
        assert_eq!(acknowledgement_number(&manifest.file), None);
        for other in ["prices-.csv", "orders-1.csv", ".prices-000000000042.csv.tmp"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
