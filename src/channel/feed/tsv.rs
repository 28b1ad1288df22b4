//! The feed as a table with tabs, one product a line. The sequence number of an item has a column of its own, which
//! readers of product feeds ignore.

use std::collections::BTreeMap;

use super::item::Item;

const SEQ: &str = "omniprice_seq";

pub(super) fn render<'a>(items: impl Iterator<Item = &'a Item>) -> std::io::Result<Vec<u8>> {
    let mut table = csv::WriterBuilder::new().delimiter(b'\t').from_writer(Vec::new());
    let mut headed = false;
    for item in items {
        let fields = item.fields();
        if !headed {
            table.write_record(fields.iter().map(|(name, _)| *name).chain([SEQ])).map_err(std::io::Error::other)?;
            headed = true;
        }
        let seq = item.seq.to_string();
        let cells = fields.iter().map(|(_, text)| text.as_str()).chain([seq.as_str()]);
        table.write_record(cells).map_err(std::io::Error::other)?;
    }
    table.into_inner().map_err(|why| std::io::Error::other(why.to_string()))
}

/// Reads a feed of ours back. A line that is shorter or longer than the head is a file that was cut or changed.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Item>, String> {
    let mut table = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(text);
    let mut items = Vec::new();
    for record in table.deserialize() {
        let mut fields: BTreeMap<String, String> = record.map_err(|why| why.to_string())?;
        let seq = fields.remove(SEQ).ok_or_else(|| format!("no column {SEQ}"))?;
        items.push(Item::from_fields(fields, seq.parse().map_err(|_| format!("{SEQ}: `{seq}`"))?)?);
    }
    if !text.is_empty() && !text.ends_with(b"\n") {
        return Err("the last line is cut off".to_owned());
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::super::item::sample;
    use super::*;

    #[test]
    fn hostile_titles_survive_the_round_trip_as_text() {
        for title in ["Tea \"strong\"", "Kaffe æøå ☕", "=1+1"] {
            let items = [sample(title), sample("plain")];
            let text = render(items.iter()).unwrap();
            assert_eq!(parse(&text).unwrap(), items);
        }
        assert_eq!(parse(b"").unwrap(), vec![]);
    }

    #[test]
    fn a_half_written_or_foreign_file_is_refused() {
        let text = render([sample("x"), sample("y")].iter()).unwrap();
        for cut in [text.len() - 1, text.len() - 30] {
            assert!(parse(&text[..cut]).is_err(), "{cut}");
        }
        assert!(parse(b"id\tprice\n1\t1.00 DKK\n").is_err(), "not ours");
    }
}
