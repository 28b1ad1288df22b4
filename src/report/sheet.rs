//! Full lists as XLSX and CSV. Every text is neutralised against formulas; files have a bounded size.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::lang::{Voice, fill};
use super::text::cell;
use crate::money::Decimal;

/// Rows of one list at most; the rest is counted in its last row.
pub const MAX_ROWS: usize = 5_000;
/// All files of one mail together stay below this many bytes before their transfer encoding.
pub const MAX_BYTES: usize = 600 * 1024;
const MAX_COLUMN: u16 = 60;
/// RFC 7111: without it a reader of a mail may take any character set.
pub const CSV: &str = "text/csv; charset=utf-8";

/// A value in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Text(String),
    Number(Decimal),
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<Decimal> for Cell {
    fn from(value: Decimal) -> Self {
        Self::Number(value)
    }
}
impl From<Option<Decimal>> for Cell {
    fn from(value: Option<Decimal>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }
}

/// One list: a sheet of a workbook, or a CSV file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// In the reader's language; becomes the sheet's name.
    pub title: String,
    /// ASCII, for file names.
    pub name: &'static str,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// A file beside a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

impl Table {
    /// At most `most` rows, with a last one that counts what was left out.
    #[must_use]
    pub fn cut(&self, most: usize, voice: &Voice) -> Self {
        let mut table = self.clone();
        if table.rows.len() > most {
            let left = voice.count(table.rows.len() - most);
            table.rows.truncate(most);
            table.rows.push(vec![Cell::Text(fill(voice.words.cut_off, &[("n", &left)]))]);
        }
        table
    }

    /// CSV as spreadsheets of the reader's language open it: with a byte order mark, semicolons where the comma is the
    /// decimal sign.
    ///
    /// # Errors
    /// The writer's own.
    pub fn csv(&self, voice: &Voice) -> Result<Vec<u8>, csv::Error> {
        let comma = voice.decimal() == ',';
        let mut writer = csv::WriterBuilder::new()
            .delimiter(if comma { b';' } else { b',' })
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .from_writer("\u{feff}".as_bytes().to_vec());
        writer.write_record(self.columns.iter().map(|column| cell(column)))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|value| match value {
                Cell::Text(text) => cell(text),
                Cell::Number(number) if comma => number.to_string().replace('.', ","),
                Cell::Number(number) => number.to_string(),
                Cell::Empty => String::new(),
            }))?;
        }
        writer.into_inner().map_err(|e| e.into_error().into())
    }
}

/// A workbook with one sheet per table.
///
/// # Errors
/// The writer's own, such as two sheets of one name.
pub fn xlsx(tables: &[Table]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    for table in tables {
        let sheet = workbook.add_worksheet();
        sheet.set_name(table.title.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(31).collect::<String>())?;
        sheet.set_freeze_panes(1, 0)?;
        for (column, title) in (0..).zip(&table.columns) {
            sheet.write_string_with_format(0, column, cell(title), &bold)?;
            let widest = table.rows.iter().take(200).filter_map(|row| match row.get(usize::from(column)) {
                Some(Cell::Text(text)) => Some(text.chars().count()),
                _ => None,
            });
            let width = widest.chain([title.chars().count(), 8]).max().unwrap_or(8);
            sheet.set_column_width(column, u16::try_from(width).unwrap_or(MAX_COLUMN).min(MAX_COLUMN))?;
        }
        for (index, row) in (1..).zip(&table.rows) {
            for (column, value) in (0..).zip(row) {
                match value {
                    Cell::Text(text) => sheet.write_string(index, column, cell(text))?,
                    // The only number type of spreadsheets; what is shown is the exact decimal's shortest text.
                    Cell::Number(number) => match number.to_string().parse::<f64>() {
                        Ok(value) => sheet.write_number(index, column, value)?,
                        Err(_) => sheet.write_string(index, column, number.to_string())?,
                    },
                    Cell::Empty => continue,
                };
            }
        }
    }
    workbook.save_to_buffer()
}

/// The files of a mail: tables are cut shorter until all files together fit.
///
/// # Errors
/// A text, from either writer.
pub fn files(tables: &[Table], want_xlsx: bool, want_csv: bool, voice: &Voice) -> Result<Vec<File>, String> {
    let mut most = MAX_ROWS;
    loop {
        let cut: Vec<Table> =
            tables.iter().filter(|table| !table.rows.is_empty()).map(|table| table.cut(most, voice)).collect();
        let mut files = Vec::new();
        if want_xlsx && !cut.is_empty() {
            files.push(File {
                name: "omniprice.xlsx".to_owned(),
                media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                bytes: xlsx(&cut).map_err(|e| e.to_string())?,
            });
        }
        for table in cut.iter().filter(|_| want_csv) {
            let bytes = table.csv(voice).map_err(|e| e.to_string())?;
            files.push(File { name: format!("omniprice-{}.csv", table.name), media_type: CSV, bytes });
        }
        if files.iter().map(|file| file.bytes.len()).sum::<usize>() <= MAX_BYTES || most < 10 {
            return Ok(files);
        }
        most /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;
    use crate::money::decimal;

    fn table(rows: usize, text: &str) -> Table {
        let row = vec![Cell::from(text), Cell::from(decimal("-1299.50").unwrap()), Cell::Empty];
        Table {
            title: "A/B".into(),
            name: "changes",
            columns: vec!["SKU".into(), "=To".into(), "Why".into()],
            rows: vec![row; rows],
        }
    }

    #[test]
    fn csv_speaks_the_readers_decimals_and_neutralises_texts_not_numbers() {
        let voice = |language| Voice::new(language, "UTC");
        let csv = |language| String::from_utf8(table(1, "=cmd|' /C calc'!A0").csv(&voice(language)).unwrap()).unwrap();
        assert_eq!(csv(Language::En), "\u{feff}SKU,'=To,Why\r\n'=cmd|' /C calc'!A0,-1299.50,\r\n");
        assert_eq!(csv(Language::De), "\u{feff}SKU;'=To;Why\r\n'=cmd|' /C calc'!A0;-1299,50;\r\n");
    }

    #[test]
    fn files_stay_small_and_say_what_was_left_out() {
        let voice = Voice::new(Language::En, "UTC");
        let long: String = (0..400).map(|n| char::from(b'a' + u8::try_from(n * 7 % 26).unwrap())).collect();
        let files = files(&[table(20_000, &long)], true, true, &voice).unwrap();
        assert!(files.iter().map(|f| f.bytes.len()).sum::<usize>() <= MAX_BYTES);
        let csv = String::from_utf8(files[1].bytes.clone()).unwrap();
        let last = csv.lines().last().unwrap();
        let kept = csv.lines().count() - 2;
        // The count itself may hold a comma, which CSV quotes.
        assert_eq!(
            last.trim_matches('"'),
            format!("{} more rows did not fit into this file", voice.count(20_000 - kept))
        );
    }
}
