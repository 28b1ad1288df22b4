//! Microdata and RDFa turned into the same objects that JSON-LD yields, while the tags stream by.
//!
//! It keeps a bounded stack of open elements and no tree; unclosed and misnested tags only ever end scopes early.

use std::borrow::Cow;
use std::ops::Range;

use super::json::{Object, Value};
use super::scan::{Edge, Name, Tag, edges};
use super::text;

/// Open elements remembered; deeper ones are not markup of a product.
const MAX_OPEN: usize = 4_096;
/// Open elements searched for the partner of an end tag.
const MAX_SEARCH: usize = 256;
/// Nested items.
const MAX_SCOPES: usize = 24;
/// Properties of one page.
const MAX_PROPERTIES: usize = 20_000;
/// Bytes of text kept for one property.
const MAX_TEXT: usize = 4_096;

/// Which of the two attribute vocabularies is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    Microdata,
    Rdfa,
}

/// Builds objects from a stream of tags and texts.
#[derive(Debug)]
pub struct Builder<'a> {
    syntax: Syntax,
    open: Vec<Element>,
    scopes: Vec<Scope<'a>>,
    captures: Vec<Capture<'a>>,
    done: Vec<Value<'a>>,
    properties: usize,
    /// A price whose text was a whole number: its cents may stand right behind its element.
    held: Option<Held<'a>>,
}

#[derive(Debug)]
struct Held<'a> {
    names: Vec<&'a str>,
    text: String,
    at: usize,
    depth: usize,
    /// The text that comes next is raised or small, as cents without a mark are.
    raised: bool,
}

#[derive(Debug)]
struct Element {
    name: Name,
    scope: bool,
    capture: bool,
}

#[derive(Debug)]
struct Scope<'a> {
    names: Vec<&'a str>,
    object: Object<'a>,
}

#[derive(Debug)]
struct Capture<'a> {
    names: Vec<&'a str>,
    text: String,
    at: Option<usize>,
    depth: usize,
}

impl<'a> Builder<'a> {
    #[must_use]
    pub fn new(syntax: Syntax) -> Self {
        Self {
            syntax,
            open: Vec::new(),
            scopes: Vec::new(),
            captures: Vec::new(),
            done: Vec::new(),
            properties: 0,
            held: None,
        }
    }

    /// Takes a start tag; `marked` says that it may have attributes of the vocabulary.
    pub fn open(&mut self, tag: &Tag<'a>, marked: bool) {
        if !marked && !self.is_inside() {
            return;
        }
        let void = tag.key.is_void();
        if let Some(held) = &mut self.held {
            held.raised = is_raised(tag);
        }
        self.imply_end(tag.key);
        let mut element = Element { name: tag.key, scope: false, capture: false };
        if !marked {
            if !void && self.open.len() < MAX_OPEN {
                self.open.push(element);
            }
            return;
        }
        let Meaning { names, types, content } = match self.syntax {
            Syntax::Microdata => microdata(tag),
            Syntax::Rdfa => rdfa(tag),
        };
        if let Some(types) = types.filter(|_| !void && self.scopes.len() < MAX_SCOPES) {
            element.scope = true;
            let mut object = Object { entries: Vec::new(), at: tag.at };
            if !types.is_empty() {
                object.entries.push((Cow::Borrowed("@type"), Value::Text(Cow::Borrowed(types), tag.at)));
            }
            self.scopes.push(Scope { names, object });
        } else if !names.is_empty() && self.properties < MAX_PROPERTIES {
            self.properties += 1;
            match attribute_value(tag, &names, content, self.syntax) {
                Some((value, at)) => self.property(&names, Value::Text(value, at)),
                None if void => {}
                None => {
                    element.capture = true;
                    let depth = self.scopes.len();
                    self.captures.push(Capture { names, text: String::new(), at: None, depth });
                }
            }
        }
        if !void && self.open.len() < MAX_OPEN {
            self.open.push(element);
        } else if element.scope {
            self.end_scope();
        } else if element.capture {
            self.end_capture();
        }
    }

    /// Takes the tags of a part of the page that has none of interest, for the nesting of the item that is open.
    pub fn pass(&mut self, page: &str, range: Range<usize>) {
        if self.is_of_page() {
            return;
        }
        edges(page, range, |edge, name| match edge {
            Edge::Open => {
                self.imply_end(name);
                if self.is_inside() && !name.is_void() && self.open.len() < MAX_OPEN {
                    self.open.push(Element { name, scope: false, capture: false });
                }
                true
            }
            Edge::Close if self.ends_plainly(name) => {
                self.open.pop();
                true
            }
            Edge::Close => {
                self.close(name);
                !self.is_of_page()
            }
        });
    }

    /// Whether nothing is open but items of the whole page, which end with it: what opens and ends inside of them does not
    /// matter.
    fn is_of_page(&self) -> bool {
        let whole = |element: &Element| matches!(element.name, Name::BODY | Name::HTML);
        self.captures.is_empty() && self.open.iter().filter(|element| element.scope).all(whole)
    }

    /// Whether an item or a property is open. Outside of them no tag matters that has no attribute of the vocabulary.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        !self.scopes.is_empty() || !self.captures.is_empty()
    }

    /// Whether text that comes next belongs to a property.
    #[must_use]
    pub fn captures(&self) -> bool {
        !self.captures.is_empty() || self.held.is_some()
    }

    /// Takes text between tags.
    pub fn text(&mut self, raw: &'a str, at: usize) {
        if self.held.is_some() && !raw.trim().is_empty() {
            self.complete(raw);
        }
        for capture in &mut self.captures {
            if capture.text.len() < MAX_TEXT {
                if capture.at.is_none() && !raw.trim().is_empty() {
                    capture.at = Some(at + raw.len() - raw.trim_start().len());
                }
                capture.text.push_str(text::cut(raw, MAX_TEXT));
            }
        }
    }

    /// Takes an end tag; everything opened since its partner is closed too.
    ///
    /// Elements opened before the outermost item are not known; the end of a box that has no partner ends one of them
    /// and with it everything inside.
    pub fn close(&mut self, name: Name) {
        if !self.is_inside() {
            return;
        }
        let partner = self.open.iter().rev().take(MAX_SEARCH).position(|e| e.name == name);
        let up = partner.or_else(|| (self.open.len() < MAX_SEARCH && name.is_box()).then_some(self.open.len()));
        if let Some(up) = up {
            for _ in 0..=up {
                self.pop();
            }
        }
        if !self.is_inside() {
            self.open.clear();
        }
        for capture in &mut self.captures {
            if !capture.text.ends_with(' ') {
                capture.text.push(' ');
            }
        }
    }

    /// Whether an end tag ends the element that was opened last and nothing else, as nearly all do.
    fn ends_plainly(&self, name: Name) -> bool {
        let plain = |element: &Element| element.name == name && !element.scope && !element.capture;
        !self.scopes.is_empty() && self.captures.is_empty() && self.open.last().is_some_and(plain)
    }

    /// The finished top level items.
    #[must_use]
    pub fn finish(mut self) -> Vec<Value<'a>> {
        while !self.open.is_empty() {
            self.pop();
        }
        self.release();
        self.done
    }

    fn imply_end(&mut self, name: Name) {
        if self.open.last().is_some_and(|top| top.name == name) && name.ends_at_sibling() {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if let Some(element) = self.open.pop() {
            if element.capture {
                self.end_capture();
            }
            if element.scope {
                self.end_scope();
            }
        }
    }

    fn end_capture(&mut self) {
        let Some(capture) = self.captures.pop() else { return };
        let value = text::clean(&capture.text).into_owned();
        if capture.depth == self.scopes.len() && !value.is_empty() {
            if capture.depth > 0 && capture.names.contains(&"price") && is_whole(&value) {
                self.release();
                let (names, at, depth) = (capture.names, capture.at.unwrap_or(0), capture.depth);
                self.held = Some(Held { names, text: value, at, depth, raised: false });
                return;
            }
            self.property(&capture.names, Value::Text(Cow::Owned(value), capture.at.unwrap_or(0)));
        }
    }

    /// Adds the text right behind a price to it where that is its cents.
    fn complete(&mut self, raw: &str) {
        if let Some(held) = &mut self.held {
            let cents = text::clean(raw);
            let digits = cents.strip_prefix(['.', ',']).unwrap_or(&cents);
            let two = digits.bytes().take_while(u8::is_ascii_digit).count() == 2;
            let marked = two
                && digits.len() < cents.len()
                && !digits[2..].starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ',' | '%'));
            if marked || held.raised && two && digits.len() == 2 {
                // The other mark than the one that groups.
                held.text.push(if held.text.contains('.') { ',' } else { '.' });
                held.text.push_str(&digits[..2]);
            }
        }
        self.release();
    }

    /// Takes a price that was held back into its item.
    fn release(&mut self) {
        if let Some(held) = self.held.take()
            && held.depth <= self.scopes.len()
        {
            self.property(&held.names, Value::Text(Cow::Owned(held.text), held.at));
        }
    }

    fn end_scope(&mut self) {
        self.release();
        let Some(scope) = self.scopes.pop() else { return };
        let value = Value::Object(scope.object);
        if scope.names.is_empty() || self.scopes.is_empty() {
            self.done.push(value);
        } else {
            self.property(&scope.names, value);
        }
    }

    /// Adds a value; a repeated property becomes a list.
    fn property(&mut self, names: &[&'a str], value: Value<'a>) {
        let Some(scope) = self.scopes.last_mut() else {
            // Loose properties outside any item: shops forget the scope. They form an item of their own.
            if let Some(name) = names.first() {
                let object = Object { entries: vec![(Cow::Borrowed(*name), value)], at: 0 };
                self.done.push(Value::Object(object));
            }
            return;
        };
        let mut value = value;
        for (left, name) in (0..names.len()).rev().zip(names) {
            let value = if left > 0 { value.clone() } else { std::mem::replace(&mut value, Value::Null) };
            match scope.object.entries.iter_mut().find(|(key, _)| key == name) {
                None => scope.object.entries.push((Cow::Borrowed(*name), value)),
                Some((_, Value::List(list))) => list.push(value),
                Some((_, single)) => {
                    let first = std::mem::replace(single, Value::Null);
                    *single = Value::List(vec![first, value]);
                }
            }
        }
    }
}

/// Whether a price is a whole number without cents: `549`, `€ 1.299`.
fn is_whole(price: &str) -> bool {
    let number = price.trim_start_matches(|c: char| !c.is_ascii_digit());
    let last = number.rsplit(['.', ',', ' ', '\u{a0}', '\'']).next().unwrap_or("");
    let grouped = last.len() == 3 || last.len() == number.len();
    grouped
        && !last.is_empty()
        && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\''))
}

/// Whether an element holds raised or small digits, as shops write cents.
fn is_raised(tag: &Tag<'_>) -> bool {
    let named = |class: &str| {
        ["cent", "dec", "frac", "sup"].iter().any(|name| class.contains(name)) && !class.contains("percent")
    };
    ["sup", "small"].iter().any(|name| tag.name.eq_ignore_ascii_case(name)) || tag.attribute("class").is_some_and(named)
}

/// What the attributes of a vocabulary say.
#[derive(Default)]
struct Meaning<'a> {
    /// Property names.
    names: Vec<&'a str>,
    /// If the element opens an item.
    types: Option<&'a str>,
    /// The first `content`.
    content: Option<&'a str>,
}

fn microdata<'a>(tag: &Tag<'a>) -> Meaning<'a> {
    let mut meaning = Meaning::default();
    let mut scope = false;
    let mut types = "";
    for (key, value) in tag.attributes() {
        if key.eq_ignore_ascii_case("itemprop") {
            meaning.names = value.split_ascii_whitespace().take(8).map(local_name).collect();
        } else if key.eq_ignore_ascii_case("itemscope") {
            scope = true;
        } else if key.eq_ignore_ascii_case("itemtype") {
            scope = true;
            types = value.split_ascii_whitespace().next().map(local_name).unwrap_or_default();
        } else if key.eq_ignore_ascii_case("content") {
            meaning.content = meaning.content.or(Some(value));
        }
    }
    Meaning { types: scope.then_some(types), ..meaning }
}

fn rdfa<'a>(tag: &Tag<'a>) -> Meaning<'a> {
    let mut meaning = Meaning::default();
    for (key, value) in tag.attributes() {
        if key.eq_ignore_ascii_case("property") || key.eq_ignore_ascii_case("rel") {
            let known =
                value.split_ascii_whitespace().filter(|v| !is_foreign(v) && (key.len() != 3 || v.contains(':')));
            meaning.names.extend(known.take(8).map(local_name));
        } else if key.eq_ignore_ascii_case("typeof") {
            meaning.types = value.split_ascii_whitespace().next().map(local_name);
        } else if key.eq_ignore_ascii_case("content") {
            meaning.content = meaning.content.or(Some(value));
        }
    }
    meaning
}

/// OpenGraph and its relatives use `property` too but belong to the meta tags.
fn is_foreign(name: &str) -> bool {
    ["og:", "fb:", "twitter:", "product:", "article:", "al:"].iter().any(|p| name.starts_with(p))
}

/// The part of an IRI or prefixed name behind the last separator.
fn local_name(name: &str) -> &str {
    name.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(name)
}

fn attribute_value<'a>(
    tag: &Tag<'a>,
    names: &[&str],
    content: Option<&'a str>,
    syntax: Syntax,
) -> Option<(Cow<'a, str>, usize)> {
    let filled = |value: &&str| !value.trim().is_empty();
    let found = |key: &str| tag.attribute(key).filter(filled);
    let link = tag.is(Name::A) || tag.is(Name::LINK) || tag.is(Name::AREA);
    // Shops mark names and prices up on links; their target is no name and no price.
    let wants_text =
        names.iter().any(|n| matches!(*n, "name" | "price" | "brand" | "sku" | "lowPrice" | "description"));
    let raw = content.filter(filled).or_else(|| {
        if link && (!wants_text || tag.is(Name::LINK)) {
            found("href").or_else(|| found("resource"))
        } else if tag.is(Name::IMG) || tag.is(Name::SOURCE) || tag.is(Name::IFRAME) {
            found("src").or_else(|| found("data-src"))
        } else if tag.is(Name::DATA) || tag.is(Name::METER) || tag.is(Name::INPUT) {
            found("value")
        } else if tag.is(Name::TIME) {
            found("datetime")
        } else if syntax == Syntax::Rdfa {
            found("resource").or_else(|| found("href"))
        } else {
            None
        }
    })?;
    Some((text::decode(raw), tag.offset_of(raw)))
}

#[cfg(test)]
mod tests {
    use super::super::scan::{Scanner, Token};
    use super::*;

    fn build(page: &str, syntax: Syntax) -> Vec<Value<'_>> {
        let mut builder = Builder::new(syntax);
        for token in Scanner::new(page) {
            match token {
                Token::Open(tag) => builder.open(&tag, true),
                Token::Close { name, .. } => builder.close(name),
                Token::Text { text, at } => builder.text(text, at),
                Token::Raw { .. } => {}
            }
        }
        builder.finish()
    }

    #[test]
    fn nested_items_and_repeated_properties_are_kept() {
        let page = r#"<div itemscope itemtype="http://schema.org/Product"><h1 itemprop=name>A <b>lamp</b></h1>
            <p itemprop=offers itemscope itemtype=https://schema.org/Offer><span itemprop=price>1,5</span>
            <meta itemprop=price content="1.50"></div>"#;
        let items = build(page, Syntax::Microdata);
        let product = items[0].object().unwrap();
        assert_eq!(product.get("name").unwrap().text(), Some("A lamp"));
        let offer = product.get("offers").unwrap().object().unwrap();
        assert_eq!(offer.get("price").unwrap().each().len(), 2);
    }

    #[test]
    fn rdfa_yields_the_same_shape() {
        let page = r#"<div vocab="https://schema.org/" typeof="Product"><a property=name href=x>Lamp</a>
            <i property="offers" typeof="schema:Offer"><u property="schema:price" content="3">three</u></i></div>"#;
        let items = build(page, Syntax::Rdfa);
        let offer = items[0].object().unwrap().get("offers").unwrap().object().unwrap();
        assert_eq!(offer.get("price").unwrap().text(), Some("3"));
        assert_eq!(offer.get("@type").unwrap().text(), Some("Offer"));
    }

    #[test]
    fn the_end_of_an_outer_box_ends_an_unclosed_item() {
        let page = "<li><p itemscope itemtype=Product><b itemprop=name>A</b></li><b itemprop=price content=1></b>";
        let items = build(page, Syntax::Microdata);
        assert!(items[0].object().unwrap().get("price").is_none(), "{items:?}");
    }

    #[test]
    fn a_million_open_elements_are_bounded() {
        let page = "<div itemscope><span itemprop=x>".repeat(100_000);
        assert!(build(&page, Syntax::Microdata).len() <= 100_000);
    }
}
