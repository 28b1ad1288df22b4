//! Reads a CSV of products and competitor pages: every bad row is named, and nothing is stored unless all are good.
//!
//! One row per product; several competitor pages stand in `urls`, separated by spaces, or in further rows that have
//! only `sku` and `url`. Columns are separated by commas, semicolons or tabs, as the header is. Amounts are plain decimals
//! (`499.00`), never `499,00`: a file must not be guessed at.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use url::Url;

use crate::decide::RuleSet;
use crate::extract::gtin;
use crate::money::{Currency, Money, currency};
use crate::nearest::nearest;
use crate::store::products::{Elsewhere, Given, Import, ONE_MARKET};

/// Rows beyond this are refused; a catalogue of this size is imported in parts.
pub const MAX_ROWS: usize = 2_000_000;
/// Bytes in which the header ends.
const MAX_HEADER: u64 = 64 * 1024;
/// Competitor pages of one product.
const MAX_PAGES: usize = 200;
/// Errors that are listed one by one.
pub const MAX_ERRORS: usize = 1_000;

const PRICE_HINT: &str = "the price you ask now, with VAT, such as 499.00";

const COLUMNS: [&str; 20] = [
    "sku", "title", "price", "currency", "market", "cost", "brand", "category", "tags", "gtin", "regular", "msrp",
    "map", "min", "stock", "pack", "vat", "shipping", "locked", "urls",
];

/// A row that cannot be taken, by its line in the file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RowError {
    pub line: u64,
    pub column: String,
    pub what: String,
    pub hint: String,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}: {}\n  hint: {}", self.line, self.column, self.what, self.hint)
    }
}

/// A file as read: what can be stored, and what is wrong.
#[derive(Debug, Default)]
pub struct Parsed {
    pub rows: Vec<Import>,
    /// The line of the file that each row stands in.
    pub at: Vec<u64>,
    pub errors: Vec<RowError>,
    pub lines: u64,
}

/// Reads a whole file. `rules` tells markets and their currencies; `progress` hears every thousandth line.
pub fn read(input: impl Read, rules: &RuleSet, progress: impl FnMut(u64)) -> Parsed {
    read_in(input, rules, None, progress)
}

/// The same, with the market of rows that name none.
pub fn read_in(mut input: impl Read, rules: &RuleSet, market: Option<&str>, mut progress: impl FnMut(u64)) -> Parsed {
    let mut read = Parsed::default();
    let mut start = Vec::new();
    if let Err(error) = input.by_ref().take(MAX_HEADER).read_to_end(&mut start) {
        read.errors.push(row_error(1, "file", &error.to_string(), "check that it can be read"));
        return read;
    }
    // Spreadsheets put a byte order mark before the first column's name.
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(separator(start))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(start.chain(input));
    let header = match csv.headers() {
        Ok(header) => header.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>(),
        Err(error) => {
            read.errors.push(row_error(1, "header", &error.to_string(), "save the file as CSV in UTF-8"));
            return read;
        }
    };
    check_header(&header, &mut read.errors);
    if !read.errors.is_empty() {
        return read;
    }
    let given = Given::of(&header);
    let mut by_sku: BTreeMap<String, usize> = BTreeMap::new();
    for record in csv.records() {
        read.lines += 1;
        if read.lines % 1_000 == 0 {
            progress(read.lines);
        }
        if read.errors.len() >= MAX_ERRORS {
            break;
        }
        match record {
            Ok(record) => {
                let line = record.position().map_or(read.lines + 1, csv::Position::line);
                if read.lines as usize > MAX_ROWS {
                    read.errors.push(row_error(line, "file", &format!("has more than {MAX_ROWS} rows"), "split it"));
                    break;
                }
                if record.len() != header.len() {
                    let what = format!("has {} fields where the header has {}", record.len(), header.len());
                    let hint = "quote text that contains commas; amounts use a point; urls are separated by spaces";
                    read.errors.push(row_error(line, "row", &what, hint));
                    continue;
                }
                let row = Row { line, market, cells: header.iter().map(String::as_str).zip(record.iter()).collect() };
                take(&row, given, rules, &mut by_sku, &mut read);
            }
            Err(error) => {
                let line = error.position().map_or(read.lines + 1, csv::Position::line);
                read.errors.push(row_error(line, "row", &error.to_string(), "check quotes and the encoding (UTF-8)"));
            }
        }
    }
    progress(read.lines);
    read
}

/// What stands between the columns of the header: a comma, or what spreadsheets write where a comma is the decimal sign.
#[must_use]
pub fn separator(start: &[u8]) -> u8 {
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let of = |separator: u8| header.iter().filter(|byte| **byte == separator).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|separator| of(*separator)).unwrap_or(b',')
}

fn check_header(header: &[String], errors: &mut Vec<RowError>) {
    let mut seen = BTreeSet::new();
    for name in header {
        if !COLUMNS.contains(&name.as_str()) && name != "url" {
            let known = COLUMNS.into_iter().chain(["url"]);
            let hint = if let Some(meant) = nearest(name, known) {
                format!("did you mean `{meant}`? Known columns: {}, url", COLUMNS.join(", "))
            } else if header.len() == 1 {
                "columns are separated by commas, semicolons or tabs".to_owned()
            } else {
                format!("known columns: {}, url", COLUMNS.join(", "))
            };
            errors.push(row_error(1, name, "there is no such column", &hint));
        }
        if !seen.insert(name) {
            errors.push(row_error(1, name, "stands twice in the header", "keep one"));
        }
    }
    for column in ["sku", "price"].into_iter().filter(|column| !header.iter().any(|name| name == column)) {
        errors.push(row_error(
            1,
            column,
            "is missing from the header",
            "the first line names the columns, such as sku,title,price,cost,urls",
        ));
    }
}

struct Row<'a> {
    /// That of a row that names none.
    market: Option<&'a str>,
    line: u64,
    cells: BTreeMap<&'a str, &'a str>,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).copied().filter(|text| !text.is_empty())
    }
}

fn take(row: &Row<'_>, given: Given, rules: &RuleSet, by_sku: &mut BTreeMap<String, usize>, read: &mut Parsed) {
    let before = read.errors.len();
    let mut refuse =
        |column: &str, what: String, hint: &str| read.errors.push(row_error(row.line, column, &what, hint));
    let Some(sku) = row.text("sku") else {
        refuse("sku", "is empty".into(), "every row names its product");
        return;
    };
    let pages = pages(row, &mut refuse);
    if let Some(&index) = by_sku.get(sku) {
        if row.text("title").is_some() || row.text("price").is_some() {
            refuse("sku", format!("`{sku}` stands twice"), "further rows of a product carry only sku and url");
            return;
        }
        read.rows[index].pages.extend(pages);
        if read.rows[index].pages.len() > MAX_PAGES {
            refuse("urls", format!("`{sku}` has more than {MAX_PAGES} pages"), "keep those of competitors that matter");
        }
        return;
    }
    let import = product(row, sku, pages, rules, &mut refuse);
    if read.errors.len() == before
        && let Some(import) = import
    {
        let import = Import { given, ..import };
        by_sku.insert(sku.to_owned(), read.rows.len());
        read.rows.push(import);
        read.at.push(row.line);
    }
}

/// The rows, by line, of products that the store knows in another market or another money.
#[must_use]
pub fn elsewhere(lines: &BTreeMap<String, u64>, found: &[Elsewhere]) -> Vec<RowError> {
    let refused = found.iter().map(|one| {
        let what = format!("`{}` is priced in {} in {}", clip(&one.sku), one.market, one.currency);
        row_error(lines.get(&one.sku).copied().unwrap_or(0), "market", &what, ONE_MARKET)
    });
    refused.take(MAX_ERRORS).collect()
}

fn product(
    row: &Row<'_>,
    sku: &str,
    pages: Vec<(String, String, String)>,
    rules: &RuleSet,
    refuse: &mut impl FnMut(&str, String, &str),
) -> Option<Import> {
    let deciding: Vec<_> = rules.markets.iter().filter(|market| market.derived_from.is_none()).collect();
    let market = match (row.text("market").or(row.market), deciding.as_slice()) {
        (Some(id), _) => match rules.market(id) {
            Some(market) => {
                if let Some(source) = rules.source_of(id) {
                    let hint = "its channels convert that market's decisions; import the product there";
                    refuse("market", format!("`{id}` is derived from {source} and prices no products"), hint);
                }
                market
            }
            None => {
                refuse(
                    "market",
                    format!("`{id}` is not a market of the rules"),
                    "add a [[market]] or correct the name",
                );
                return None;
            }
        },
        (None, [only]) => only,
        (None, _) => {
            refuse("market", "is empty, and the rules have several markets".into(), "add a column market");
            return None;
        }
    };
    let money = market.market.currency;
    if let Some(code) = row.text("currency")
        && currency(code).ok() != Some(money)
    {
        refuse(
            "currency",
            format!("`{code}` is not {} of market {}", money.code(), market.market.id),
            "prices are in the market's currency",
        );
    }
    let mut amount = |column: &'static str| amount(row, column, money, refuse);
    let own = amount("price");
    let (regular, msrp, map, min) = (amount("regular"), amount("msrp"), amount("map"), amount("min"));
    let cost = amount("cost");
    // An amount that cannot be read was refused by itself.
    if own.is_none() && row.text("price").is_none() {
        refuse("price", "is empty".into(), PRICE_HINT);
    }
    let number =
        |column: &str, refuse: &mut dyn FnMut(&str, String, &str)| match row.text(column).map(str::parse::<i64>) {
            None => None,
            Some(Ok(n)) if n >= 0 => Some(n),
            Some(_) => {
                refuse(column, format!("`{}` is not a whole number", row.text(column).unwrap_or("")), "digits only");
                None
            }
        };
    let shipping = row.text("shipping").and_then(|text| match Money::parse(text, money) {
        Ok(amount) if amount.minor() >= 0 => Some(amount),
        Ok(_) => {
            refuse(
                "shipping",
                format!("`{}` is negative", clip(text)),
                "0 is free delivery; leave it empty if unknown",
            );
            None
        }
        Err(error) => {
            refuse("shipping", error.to_string(), "write 39.00: what a buyer pays for delivery, 0 if nothing");
            None
        }
    });
    let (stock, pack) = (number("stock", refuse), number("pack", refuse));
    let locked = row.text("locked").and_then(|text| match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => {
            refuse(
                "locked",
                format!("`{}` says neither yes nor no", clip(text)),
                "one of true, false, yes, no, 1, 0; empty leaves a lock as it is",
            );
            None
        }
    });
    let code = row.text("gtin").and_then(|text| {
        let found = gtin::canonical(text);
        if found.is_none() {
            refuse(
                "gtin",
                format!("`{}` has a wrong check digit or length", clip(text)),
                "leave it empty if unsure: matching relies on it",
            );
        }
        found
    });
    Some(Import {
        sku: sku.to_owned(),
        title: row.text("title").unwrap_or(sku).to_owned(),
        brand: row.text("brand").map(str::to_owned),
        category: row.text("category").map(str::to_owned),
        tags: row
            .text("tags")
            .map(|t| t.split([' ', ';', '|']).filter(|t| !t.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default(),
        gtin: code,
        market: market.market.id.clone(),
        currency: money.code().to_owned(),
        own_minor: own?.minor(),
        cost_net: cost.map(|cost| cost.amount().to_string()),
        regular_minor: regular.map(Money::minor),
        msrp_minor: msrp.map(Money::minor),
        map_minor: map.map(Money::minor),
        min_minor: min.map(Money::minor),
        stock,
        pack_qty: pack.filter(|n| *n > 0).unwrap_or(1),
        vat_class: row.text("vat").unwrap_or(&market.vat_class).to_owned(),
        own_shipping_minor: shipping.map(Money::minor),
        locked,
        pages,
        given: Given::default(),
    })
}

/// A positive amount. Zero is refused: a blank cost must never become a floor of nothing.
fn amount(
    row: &Row<'_>,
    column: &'static str,
    money: Currency,
    refuse: &mut impl FnMut(&str, String, &str),
) -> Option<Money> {
    let text = row.text(column)?;
    match Money::parse(text, money) {
        Ok(amount) if amount.is_positive() => Some(amount),
        Ok(_) => {
            // Our own price cannot be left out.
            let hint = if column == "price" { PRICE_HINT } else { "leave it empty if it is unknown" };
            refuse(column, format!("`{}` is not a positive amount", clip(text)), hint);
            None
        }
        Err(error) => {
            refuse(column, error.to_string(), "write 1299.00: a point for decimals, nothing for thousands");
            None
        }
    }
}

fn pages(row: &Row<'_>, refuse: &mut impl FnMut(&str, String, &str)) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for text in ["urls", "url"].into_iter().filter_map(|column| row.text(column)).flat_map(str::split_whitespace) {
        match Url::parse(text) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https")
                    && url.username().is_empty()
                    && url.host_str().is_some() =>
            {
                let host = host(&url);
                found.push((competitor(&host), url.to_string(), host));
            }
            _ => refuse(
                "urls",
                format!("`{}` is not a web address", clip(text)),
                "start with https:// and carry no login",
            ),
        }
    }
    found
}

/// The key of politeness: a host with its port, in lower case.
#[must_use]
pub fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("").to_ascii_lowercase();
    url.port().map_or_else(|| name.clone(), |port| format!("{name}:{port}"))
}

/// A competitor is named after its host without `www.` and port.
#[must_use]
pub fn competitor(host: &str) -> String {
    let name = host.split(':').next().unwrap_or(host);
    name.strip_prefix("www.").unwrap_or(name).to_owned()
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

fn row_error(line: u64, column: &str, what: &str, hint: &str) -> RowError {
    RowError { line, column: clip(column), what: what.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
schema = 1
[[market]]
id = "DK"
country = "DK"
currency = "DKK"
tz = "Europe/Copenhagen"
vat = "standard"
"#;

    fn run(text: &str) -> Parsed {
        let (rules, _) = RuleSet::parse(RULES).unwrap();
        read(text.as_bytes(), &rules, |_| {})
    }

    #[test]
    fn a_product_with_pages_in_two_forms() {
        let read = run(
            "\u{feff}sku,title,price,cost,urls,url\nA-1,Kettle,499.00,250.00,https://www.shop.example/k https://b.example:8080/k,\nA-1,,,,,https://c.example/k\n",
        );
        assert_eq!(read.errors, vec![]);
        let row = &read.rows[0];
        assert_eq!((row.own_minor, row.cost_net.as_deref(), row.market.as_str()), (49_900, Some("250.00"), "DK"));
        let pages: Vec<_> = row.pages.iter().map(|(c, _, h)| (c.as_str(), h.as_str())).collect();
        assert_eq!(
            pages,
            [("shop.example", "www.shop.example"), ("b.example", "b.example:8080"), ("c.example", "c.example")]
        );
    }

    #[test]
    fn columns_may_be_separated_as_spreadsheets_do_it() {
        for separator in [";", "\t"] {
            let text = "sku,title,price,cost,urls\nA-1,\"Kettle, steel\",499.00,250.00,https://a.example/k\n";
            let mut quoted = false;
            let text: String = text
                .chars()
                .map(|c| {
                    quoted ^= c == '"';
                    if c == ',' && !quoted { separator.to_owned() } else { c.to_string() }
                })
                .collect();
            let read = run(&text);
            assert_eq!(read.errors, vec![], "{separator:?}");
            assert_eq!((read.rows[0].title.as_str(), read.rows[0].own_minor), ("Kettle, steel", 49_900));
        }
    }

    #[test]
    fn every_bad_row_is_named_with_its_line() {
        let read = run(
            "sku,title,price,cost,gtin,urls\nA-1,Kettle,\"499,00\",250.00,,\nA-2,Pot,499.00,0,,\nA-3,Pan,12.00,5.00,5701234567890,ftp://x\n,Nameless,1.00,1.00,,\n",
        );
        let lines: Vec<_> = read.errors.iter().map(|e| (e.line, e.column.as_str())).collect();
        for expected in [(2, "price"), (3, "cost"), (4, "gtin"), (4, "urls"), (5, "sku")] {
            assert!(lines.contains(&expected), "{expected:?} in {lines:?}");
        }
        assert!(read.rows.is_empty());
    }

    #[test]
    fn a_decimal_comma_never_shifts_the_columns_after_it() {
        let read = run("sku,title,price,cost\nSPOON,Spoon,499,50,200.00\nFORK,Fork,499.00\n");
        assert_eq!(
            read.errors.iter().map(|e| (e.line, e.column.as_str())).collect::<Vec<_>>(),
            [(2, "row"), (3, "row")]
        );
        assert!(read.rows.is_empty());
    }

    #[test]
    fn a_file_of_another_shape_says_so() {
        let read = run("sku|title|price\nA-1|Kettle|499.00\n");
        assert!(read.errors[0].hint.contains("separated by commas"), "{:?}", read.errors);
        // Where semicolons separate, commas may stand in amounts, and amounts are never guessed at.
        let read = run("sku;title;price\nA-1;Kettle;499,00\n");
        assert_eq!(read.errors.iter().map(|e| (e.line, e.column.as_str())).collect::<Vec<_>>(), [(2, "price")]);
    }
}
