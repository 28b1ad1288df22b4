//! The feed as RSS 2.0 with the `g:` namespace. The sequence number of an item stands in a comment.

use std::collections::BTreeMap;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::item::Item;

pub(super) fn render<'a>(title: &str, link: &str, items: impl Iterator<Item = &'a Item>) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.create_element("rss")
        .with_attribute(("version", "2.0"))
        .with_attribute(("xmlns:g", "http://base.google.com/ns/1.0"))
        .write_inner_content(|xml| {
            xml.create_element("channel").write_inner_content(|xml| {
                for (name, text) in [("title", title), ("link", link), ("description", title)] {
                    xml.create_element(name).write_text_content(BytesText::new(text))?;
                }
                for item in items {
                    write_item(xml, item)?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
    Ok(xml.into_inner())
}

fn write_item<W: std::io::Write>(xml: &mut Writer<W>, item: &Item) -> std::io::Result<()> {
    xml.create_element("item").write_inner_content(|xml| {
        xml.write_event(Event::Comment(BytesText::new(&format!(" seq {} ", item.seq))))?;
        for (name, text) in item.fields().iter().filter(|(_, text)| !text.is_empty()) {
            xml.create_element(format!("g:{name}")).write_text_content(BytesText::new(text))?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Reads a feed of ours back, item by item. Entities other than the five of XML are refused, as is a document type.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Item>, String> {
    let mut reader = Reader::from_reader(text);
    let mut items = Vec::new();
    let mut fields: Option<Fields> = None;
    let mut open = String::new();
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).map_err(|e| e.to_string())? {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if name == "item" {
                    fields = Some(Fields::default());
                }
                open = name;
            }
            Event::Text(text) => collect(fields.as_mut(), &open, &text),
            Event::GeneralRef(entity) => {
                let text = match entity.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&entity)
                        .ok_or_else(|| format!("unknown entity &{};", &*entity))?
                        .to_owned(),
                };
                collect(fields.as_mut(), &open, &text);
            }
            Event::Comment(comment) => {
                if let (Some(fields), Some(seq)) = (fields.as_mut(), comment.trim().strip_prefix("seq ")) {
                    fields.seq = seq.trim().parse().unwrap_or(0);
                }
            }
            Event::End(end) if end.name().as_ref() == "item" => {
                let done = fields.take().unwrap_or_default();
                items.push(Item::from_fields(done.named, done.seq)?);
                open.clear();
            }
            Event::End(_) => open.clear(),
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if fields.is_some() {
        return Err("cut off inside an item".to_owned());
    }
    Ok(items)
}

#[derive(Default)]
struct Fields {
    named: BTreeMap<String, String>,
    seq: i64,
}

fn collect(fields: Option<&mut Fields>, open: &str, text: &str) {
    if let Some(fields) = fields
        && !open.is_empty()
        && open != "item"
    {
        let name = open.strip_prefix("g:").unwrap_or(open).to_owned();
        fields.named.entry(name).or_default().push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::sample;
    use super::*;

    #[test]
    fn hostile_titles_survive_the_round_trip_as_text() {
        for title in ["Tea & <script>alert('x')</script>", "]]> &amp; \"quoted\"", "Kaffe æøå ☕"] {
            let item = sample(title);
            let xml = render("A & B <shop>", "https://shop.example/", [&item].into_iter()).unwrap();
            assert_eq!(parse(&xml).unwrap(), vec![item]);
        }
    }

    #[test]
    fn a_half_written_or_foreign_file_is_refused() {
        let xml = render("shop", "https://shop.example/", [&sample("x")].into_iter()).unwrap();
        assert!(parse(&xml[..xml.len() / 2]).is_err());
        assert!(
            parse(b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss><channel><item><g:id>&a;</g:id></item></channel></rss>")
                .is_err()
        );
        assert!(parse(b"<rss><channel><item><g:id>1</g:id><g:price>cheap</g:price></item></channel></rss>").is_err());
    }
}
