//! One pass over a page that collects everything structured: JSON-LD, meta tags, microdata, RDFa, scripts, headings.
//!
//! It builds no tree and reads no price; it only says what is where.

use std::borrow::Cow;

use super::items::{Builder, Syntax};
use super::json::Value;
use super::offer::Availability;
use super::scan::{Name, Scanner, Tag, Token, marks};
use super::text;
use super::unseen::is_unseen;

/// Scripts that are kept for a later look.
const MAX_SCRIPTS: usize = 400;
/// Meta tags that are kept.
const MAX_META: usize = 400;
/// Scripts and meta tags that most pages do not exceed.
const USUAL: usize = 64;
/// Stray states of stock that are kept: more than one product has.
const MAX_STRAY: usize = 4;
/// Bytes of one heading's texts that are kept.
const MAX_HEADING: usize = 2_048;
/// Headings that are kept.
const MAX_HEADINGS: usize = 40;

/// An inline script that may hold state.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub text: &'a str,
    /// Byte offset of the text in the page.
    pub at: usize,
}

/// A meta tag or link that names a property.
#[derive(Debug, Clone)]
pub struct Meta<'a> {
    /// `property`, `name` or `itemprop`, lower case.
    pub key: Cow<'a, str>,
    pub content: Cow<'a, str>,
    /// Byte offset of the content.
    pub at: usize,
}

/// What one pass found.
#[derive(Debug, Default)]
pub struct Harvest<'a> {
    pub json_ld: Vec<Script<'a>>,
    pub scripts: Vec<Script<'a>>,
    pub meta: Vec<Meta<'a>>,
    pub microdata: Vec<Value<'a>>,
    pub rdfa: Vec<Value<'a>>,
    pub lang: Option<Cow<'a, str>>,
    pub title: Option<Cow<'a, str>>,
    pub canonical: Option<Cow<'a, str>>,
    /// Text and byte offset of each `h1`.
    pub headings: Vec<(String, usize)>,
    /// What properties called availability say that belong to no item: some shops mark up a line and not the product.
    pub stray_stock: Vec<Availability>,
    /// Elements that carry state in an attribute: WooCommerce variations, Magento price boxes, Vue and React roots.
    pub state_attributes: Vec<(&'static str, Cow<'a, str>, usize)>,
    /// The body has a tag: without one it is no HTML.
    pub is_html: bool,
}

/// Attributes that hold JSON on the pages of common shop systems.
pub(in crate::extract) const STATE_ATTRIBUTES: [&str; 8] = [
    "data-product_variations",
    "data-product-json",
    "data-product",
    "data-page",
    "data-mage-init",
    "data-gtm-product",
    "data-price-amount",
    "data-track-product",
];

/// A heading whose end tag has not come yet.
#[derive(Debug, Default)]
struct Heading {
    at: usize,
    seen: String,
    /// What it does not show, see [`is_unseen`].
    unseen: String,
    /// The outermost element that is open and not shown, and how many of its name are open in it.
    hidden: Option<(Name, usize)>,
}

impl Heading {
    fn open(&mut self, tag: &Tag<'_>) {
        match &mut self.hidden {
            Some((name, depth)) if tag.is(*name) => *depth += 1,
            Some(_) => {}
            None if is_unseen(tag) && !tag.key.is_void() => self.hidden = Some((tag.key, 1)),
            None => {}
        }
    }

    fn close(&mut self, name: Name) {
        if let Some((hidden, depth)) = &mut self.hidden
            && *hidden == name
        {
            *depth -= 1;
            if *depth == 0 {
                self.hidden = None;
            }
        }
    }

    fn text(&mut self, text: &str) {
        let words = if self.hidden.is_some() { &mut self.unseen } else { &mut self.seen };
        if words.len() < MAX_HEADING {
            words.push_str(text::cut(text, 512));
            words.push(' ');
        }
    }

    /// What it shows; all that it says where it shows nothing.
    fn name(&self) -> String {
        let seen = text::clean(&self.seen);
        if seen.is_empty() { text::clean(&self.unseen).into_owned() } else { seen.into_owned() }
    }
}

impl<'a> Harvest<'a> {
    /// Reads a page from front to back.
    #[must_use]
    pub fn collect(page: &'a str) -> Self {
        Self::collected(page, true)
    }

    /// `leaps` says whether tags of no interest may be passed over unread; the answer is the same.
    fn collected(page: &'a str, leaps: bool) -> Self {
        let (meta, scripts) = (Vec::with_capacity(USUAL), Vec::with_capacity(USUAL));
        let mut harvest = Self { meta, scripts, ..Self::default() };
        let mut microdata = Builder::new(Syntax::Microdata);
        let mut rdfa = Builder::new(Syntax::Rdfa);
        let mut heading: Option<Heading> = None;
        let mut raw: Option<Tag<'a>> = None;
        // Byte offset behind the last tag that `microdata` has been told of.
        let mut told = 0;
        let mut scanner = Scanner::new(page);
        loop {
            // Texts matter only inside a heading or a property; everywhere else most tags are leapt over. The first tag
            // is the one that names the language.
            let leap = leaps && harvest.is_html && heading.is_none() && !microdata.captures() && !rdfa.is_inside();
            let Some(token) = (if leap { scanner.leap() } else { scanner.next() }) else { break };
            match token {
                Token::Open(tag) => {
                    harvest.is_html = true;
                    harvest.tag(&tag);
                    raw = Some(tag);
                    let opens_heading = tag.is(Name::H1) && harvest.headings.len() < MAX_HEADINGS;
                    if leap && !opens_heading && tag.marks & (marks::MICRODATA | marks::RDFA) == 0 {
                        continue;
                    }
                    if opens_heading {
                        heading = Some(Heading { at: tag.at, ..Heading::default() });
                    } else if let Some(heading) = &mut heading {
                        heading.open(&tag);
                    }
                    if leap && microdata.is_inside() {
                        microdata.pass(page, told..tag.at);
                    }
                    told = scanner.position();
                    if tag.marks & marks::MICRODATA != 0 && !microdata.is_inside() {
                        harvest.stray(&tag);
                    }
                    microdata.open(&tag, tag.marks & marks::MICRODATA != 0);
                    // Inside an item any tag may carry a `property`; outside only a type opens one.
                    rdfa.open(&tag, tag.marks & marks::RDFA != 0 || rdfa.is_inside());
                }
                Token::Raw { text, at } => harvest.raw(raw.as_ref(), text, at),
                Token::Close { name, .. } => {
                    if name == Name::H1
                        && let Some(heading) = heading.take()
                    {
                        harvest.headings.push((heading.name(), heading.at));
                    } else if let Some(heading) = &mut heading {
                        heading.close(name);
                    }
                    microdata.close(name);
                    rdfa.close(name);
                    told = scanner.position();
                }
                Token::Text { text, at } => {
                    if let Some(heading) = &mut heading {
                        heading.text(text);
                    }
                    microdata.text(text, at);
                    rdfa.text(text, at);
                }
            }
        }
        harvest.microdata = microdata.finish();
        harvest.rdfa = rdfa.finish();
        harvest
    }

    /// The content of the first meta tag with one of these keys, in the order of the keys.
    #[must_use]
    pub fn meta(&self, keys: &[&str]) -> Option<&Meta<'a>> {
        keys.iter().find_map(|key| self.meta.iter().find(|m| m.key == *key && !m.content.trim().is_empty()))
    }

    fn tag(&mut self, tag: &Tag<'a>) {
        match tag.key {
            Name::META if self.meta.len() < MAX_META => self.meta_tag(tag),
            Name::LINK if self.canonical.is_none() => {
                let rel = tag.attribute("rel").unwrap_or("");
                if rel.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case("canonical")) {
                    self.canonical = tag.value("href").filter(|href| !href.is_empty());
                }
            }
            Name::HTML if self.lang.is_none() => {
                self.lang = tag.value("lang").or_else(|| tag.value("xml:lang")).filter(|lang| !lang.is_empty());
            }
            _ => {}
        }
        if tag.marks & marks::STATE != 0 {
            self.state(tag);
        }
    }

    /// Takes the state of stock that a property outside all items links to: `href="https://schema.org/BackOrder"`.
    fn stray(&mut self, tag: &Tag<'a>) {
        let is_stock = |name: &str| text::trim(name).eq_ignore_ascii_case("availability");
        // A meta tag is kept with the others.
        if tag.is(Name::META) || self.stray_stock.len() >= MAX_STRAY || !tag.attribute("itemprop").is_some_and(is_stock)
        {
            return;
        }
        let state = tag.attribute("href").or_else(|| tag.attribute("content")).map(Availability::parse);
        self.stray_stock.extend(state.filter(|state| *state != Availability::Unknown));
    }

    fn meta_tag(&mut self, tag: &Tag<'a>) {
        const KEYS: [&str; 4] = ["property", "name", "itemprop", "http-equiv"];
        let mut keys: [Option<&str>; 4] = [None; 4];
        let (mut content, mut value) = (None, None);
        for (name, text) in tag.attributes() {
            if name.eq_ignore_ascii_case("content") {
                content = content.or(Some(text));
            } else if name.eq_ignore_ascii_case("value") {
                value = value.or(Some(text));
            } else if let Some(known) = KEYS.iter().position(|key| name.eq_ignore_ascii_case(key)) {
                keys[known] = keys[known].or(Some(text));
            }
        }
        if let (Some(key), Some(content)) = (keys.into_iter().flatten().next(), content.or(value)) {
            let at = tag.offset_of(content);
            let key = text::trim(key);
            let capitals = key.bytes().any(|byte| byte.is_ascii_uppercase());
            let key = if capitals { Cow::Owned(key.to_ascii_lowercase()) } else { Cow::Borrowed(key) };
            self.meta.push(Meta { key, content: text::decode(content), at });
        }
    }

    fn state(&mut self, tag: &Tag<'a>) {
        for (key, value) in tag.attributes() {
            let data = key.len() > 5 && key.as_bytes()[..5].eq_ignore_ascii_case(b"data-");
            let known = STATE_ATTRIBUTES.iter().find(|name| data && key.eq_ignore_ascii_case(name));
            if let Some(name) = known
                && !value.is_empty()
                && self.state_attributes.len() < MAX_SCRIPTS
            {
                self.state_attributes.push((name, text::decode(value), tag.offset_of(value)));
            }
        }
    }

    fn raw(&mut self, tag: Option<&Tag<'a>>, content: &'a str, at: usize) {
        let Some(tag) = tag else { return };
        if tag.is(Name::TITLE) {
            self.title = self.title.take().or_else(|| Some(text::clean(content)));
        }
        if !tag.is(Name::SCRIPT) || text::trim(content).is_empty() {
            return;
        }
        let (mut kind, mut id) = (None, None);
        for (key, value) in tag.attributes() {
            if key.eq_ignore_ascii_case("type") {
                kind = kind.or(Some(value));
            } else if key.eq_ignore_ascii_case("id") {
                id = id.or(Some(value));
            }
        }
        let (kind, id) = (kind.unwrap_or(""), id.unwrap_or(""));
        let script = Script { id, kind, text: content, at };
        // Some servers write the plus of `application/ld+json` as a reference.
        let kind = text::decode(kind);
        let is = |mime: &str| kind.trim().get(..mime.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(mime));
        if is("application/ld+json") || is("application/json+ld") {
            self.json_ld.push(script);
        } else if self.scripts.len() < MAX_SCRIPTS {
            self.scripts.push(script);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_sees_every_source() {
        let page = r#"<html lang=da><title> A &amp; B </title><link rel=canonical href="/x?a=1&amp;b=2">
            <meta property="og:title" content="Lamp"><script type="application/ld+json; charset=utf-8">{"a":1}</script>
            <script type="application/ld&#x2B;json">{"b":1}</script><h1>Big <b>lamp</b></h1><script id=__NEXT_DATA__ type="application/json">{}</script>
            <form data-product_variations="[{&quot;display_price&quot;:1}]"><i itemprop=price content=2></i>"#;
        let harvest = Harvest::collect(page);
        assert_eq!(harvest.title.as_deref(), Some("A & B"));
        assert_eq!(harvest.canonical.as_deref(), Some("/x?a=1&b=2"));
        assert_eq!(harvest.meta(&["og:title"]).unwrap().content, "Lamp");
        assert_eq!(harvest.json_ld.len(), 2);
        assert_eq!(harvest.headings[0].0, "Big lamp");
        assert_eq!(harvest.scripts[0].id, "__NEXT_DATA__");
        assert_eq!(harvest.state_attributes[0].1, "[{\"display_price\":1}]");
        assert_eq!(harvest.microdata.len(), 1);
    }

    #[test]
    fn leaping_collects_what_stepping_does() {
        let page = r#"<HTML lang=de><body itemscope itemtype=WebPage><p>a<li>b<p itemprop=text>c<p>d</li>
            <div itemprop=mainEntity itemscope itemtype=Product><!-- </div> --><b>x</b><script>'</div>'</script>
            <h1 class=a>Lamp</h1><ul><li>e</ul><meta itemprop=sku content=7></div><i itemprop=after>f</i>
            <div typeof=Product><u>g</u><b property=name>h</b></div><link rel=canonical href=/i></body>"#;
        let (leapt, stepped) = (Harvest::collected(page, true), Harvest::collected(page, false));
        assert_eq!(format!("{leapt:?}"), format!("{stepped:?}"));
        assert_eq!(leapt.microdata.len(), 1);
    }
}
