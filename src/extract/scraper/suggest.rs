//! Proposes a site file from a page and the price a person sees on it.
//!
//! A proposal is a start: it names the places where the price stands, best first, and leaves the rest to the person.

use std::fmt::Write as _;

use crate::extract::harvest::Harvest;
use crate::extract::json::{self, Value};
use crate::extract::locale::Locale;
use crate::extract::price::{self, Context};
use crate::extract::tree::{Kind, Tree};
use crate::extract::{Hints, Page, address, charset, extract};
use crate::money::{Currency, Money};

/// Places that are offered.
const MAX_RULES: usize = 4;
/// Nesting of JSON that is searched.
const MAX_DEPTH: usize = 24;
/// Bytes of text an element may hold and still be offered.
const MAX_TEXT: usize = 90;
/// Assignments of one script that are looked at.
const MAX_STATES: usize = 50;

/// Writes a site file for a page that shows `wanted`.
///
/// # Errors
/// A sentence with a hint when the price cannot be read or is nowhere on the page.
pub fn propose(
    body: &[u8],
    content_type: Option<&str>,
    url: &str,
    wanted: &str,
    saved: Option<&str>,
) -> Result<String, String> {
    let decoded = charset::decode(body, content_type);
    let harvest = Harvest::collect(&decoded.text);
    let host =
        address::host(url).ok_or_else(|| format!("`{url}` is no address; hint: write https://shop.example/page"))?;
    let page = Page { body, content_type, url, final_url: url, status: 200 };
    let general = extract(&page, None, &Hints::default());
    let locale = general.locale.as_deref().and_then(Locale::parse).or_else(|| Locale::from_host(&host));
    let known = general.offer.as_ref().and_then(|o| o.currency).or_else(|| locale.and_then(|l| l.currency()));
    let context = Context { locale, currency: known, ..Context::default() };
    let reading = price::read(wanted, &context)
        .map_err(|why| format!("--price `{wanted}`: {why}; hint: write it as the page shows it, with its currency"))?;
    let money = reading
        .money(known)
        .map_err(|why| format!("--price `{wanted}`: {why}; hint: add the currency, such as \"1.299,00 kr\""))?;
    let context = Context { currency: Some(money.currency()), ..context };
    let rules = places(&decoded.text, &harvest, money, &context);
    if rules.is_empty() {
        return Err(format!(
            "{money} stands nowhere on the page; hint: if a browser shows it, the page needs `render = true`"
        ));
    }
    Ok(write(&host, locale, money.currency(), &rules, url, saved, money, &general))
}

/// Rules that lead to the price, best first: JSON-LD, then scripts, then selectors.
fn places(text: &str, harvest: &Harvest<'_>, money: Money, context: &Context<'_>) -> Vec<String> {
    let mut rules = Vec::new();
    let amount =
        |raw: &str| price::machine(raw, context).and_then(|r| r.money(context.currency)).is_ok_and(|m| m == money);
    for script in &harvest.json_ld {
        for root in json::values(script.text, script.at) {
            let mut paths = Vec::new();
            search(&root, String::new(), &amount, &mut paths, 0);
            rules.extend(paths.into_iter().map(|path| format!("json_ld = {}", quoted(&path))));
        }
    }
    for script in harvest.scripts.iter().filter(|s| !s.id.is_empty()) {
        for root in json::values(script.text, script.at).iter().take(1) {
            let mut paths = Vec::new();
            search(root, String::new(), &amount, &mut paths, 0);
            rules.extend(
                paths.into_iter().map(|path| format!("script = {}\njson = {}", quoted(script.id), quoted(&path))),
            );
        }
    }
    for script in harvest.scripts.iter().filter(|s| s.id.is_empty()) {
        for (name, start) in assignments(script.text) {
            let Some(root) = json::value_at(script.text, start, script.at) else { continue };
            let mut paths = Vec::new();
            search(&root, String::new(), &amount, &mut paths, 0);
            rules.extend(paths.into_iter().map(|path| format!("script = {}\njson = {}", quoted(name), quoted(&path))));
        }
    }
    rules.truncate(MAX_RULES);
    rules.extend(selectors(text, money, context));
    rules.dedup();
    rules.truncate(MAX_RULES);
    rules
}

/// State in program text, `window.x = {...}`: what stands before each value, and where the value starts.
fn assignments(script: &str) -> Vec<(&str, usize)> {
    let starts = memchr::memchr2_iter(b'{', b'[', script.as_bytes());
    let named = starts.filter_map(|start| {
        let before = script[..start].trim_end().strip_suffix('=')?;
        let head = before.trim_end();
        let name_at = head
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')))
            .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        // The whole `window.x =`, so that the name alone elsewhere in the script is not taken for it.
        (name_at < head.len()).then(|| (&script[name_at..before.len() + 1], start))
    });
    named.take(MAX_STATES).collect()
}

fn search(value: &Value<'_>, path: String, amount: &dyn Fn(&str) -> bool, found: &mut Vec<String>, depth: usize) {
    if depth > MAX_DEPTH || found.len() >= MAX_RULES {
        return;
    }
    match value {
        Value::Object(object) => {
            for (key, inner) in &object.entries {
                let step = if key.contains(['.', '[']) {
                    format!("{path}['{key}']")
                } else if path.is_empty() {
                    key.to_string()
                } else {
                    format!("{path}.{key}")
                };
                search(inner, step, amount, found, depth + 1);
            }
        }
        Value::List(items) => {
            for (i, inner) in items.iter().enumerate() {
                search(inner, format!("{path}[{i}]"), amount, found, depth + 1);
            }
        }
        Value::Number(raw, _) if amount(raw) => found.push(path),
        Value::Text(raw, _) if raw.len() <= 40 && amount(raw) => found.push(path),
        _ => {}
    }
}

/// CSS selectors of the smallest elements whose text is the price, those with names of their own first.
fn selectors(text: &str, money: Money, context: &Context<'_>) -> Vec<String> {
    let tree = Tree::build(text, 0, text.len());
    let mut found: Vec<(usize, String)> = Vec::new();
    for (index, node) in tree.nodes.iter().enumerate() {
        if !matches!(node.kind, Kind::Text(raw) if raw.bytes().any(|b| b.is_ascii_digit())) || tree.is_hidden(index) {
            continue;
        }
        let hit = tree.ancestors(index).take(4).find(|element| {
            let mut joined = String::new();
            if !tree.text_with_seams(*element, MAX_TEXT, &mut joined) {
                return false;
            }
            let (plain, _) = crate::extract::visible::seams::join(&joined);
            price::read(&plain, context).and_then(|r| r.money(context.currency)).is_ok_and(|m| m == money)
        });
        if let Some(element) = hit {
            let (names, css) = selector(&tree, element);
            if names > 0 && !found.iter().any(|(_, known)| *known == css) {
                found.push((names, css));
            }
        }
    }
    found.sort_by_key(|(names, _)| std::cmp::Reverse(*names));
    found.into_iter().take(MAX_RULES).map(|(_, css)| format!("css = {}", quoted(&css))).collect()
}

/// A selector for an element: its own id or class, with that of the nearest named ancestor before it.
fn selector(tree: &Tree<'_>, element: usize) -> (usize, String) {
    let own = name(tree, element);
    let ancestor = tree.ancestors(element).take(4).find_map(|i| name(tree, i));
    match (own, ancestor) {
        (Some(own), Some(above)) if !own.starts_with('#') => (2, format!("{above} {own}")),
        (Some(own), _) => (3, own),
        (None, Some(above)) => (1, format!("{above} {}", tree.nodes[element].tag().map_or("*", |t| t.name))),
        (None, None) => (0, String::new()),
    }
}

/// `#id` or `.class` of an element, where it is a plain name and not a hash a build tool made.
fn name(tree: &Tree<'_>, element: usize) -> Option<String> {
    let tag = tree.nodes[element].tag()?;
    let plain = |name: &&str| {
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        letters
            && name.len() >= 3
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && !name.bytes().any(|b| b.is_ascii_digit())
    };
    let id = tag.attribute("id").filter(plain).map(|id| format!("#{id}"));
    id.or_else(|| tag.attribute("class")?.split_ascii_whitespace().find(plain).map(|class| format!(".{class}")))
}

#[expect(clippy::too_many_arguments, reason = "every part of the file is one argument")]
fn write(
    host: &str,
    locale: Option<Locale>,
    currency: Currency,
    rules: &[String],
    url: &str,
    saved: Option<&str>,
    money: Money,
    general: &crate::extract::Extraction,
) -> String {
    let mut text = String::new();
    let already = general.offer.as_ref().and_then(|o| o.price) == Some(money);
    let mut line = |parts: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{parts}");
    };
    line(format_args!("# {host}: proposed from {url}"));
    if already {
        line(format_args!(
            "# The general way reads this price already ({} %): this file is only needed for pace, tax view or variants.",
            general.confidence
        ));
    }
    line(format_args!("hosts = [\"{host}\"]"));
    if let Some(locale) = locale {
        line(format_args!("locale = \"{locale}\""));
    }
    line(format_args!("currency = \"{}\"", currency.code()));
    line(format_args!("tax = \"gross\"\npace_ms = 3000"));
    for rule in rules {
        line(format_args!("\n[[field.price]]\n{rule}"));
    }
    line(format_args!("\n[[example]]\nurl = {}", quoted(url)));
    line(format_args!("file = {}", quoted(saved.unwrap_or("save the page and name it here"))));
    line(format_args!(
        "expect = {{ outcome = \"product\", price = \"{}\", currency = \"{}\" }}",
        money.amount(),
        currency.code()
    ));
    text
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            c if c.is_control() => " ".to_owned(),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::scraper::Site;

    const PAGE: &str = r#"<html lang=da><h1>Lampe</h1><div class="box"><span class="main-price">1.299,00 kr</span></div><div class=related><b>99,00 kr</b></div>
        <script type="application/ld+json">{"@type":"Product","name":"Lampe","offers":{"price":"1299","priceCurrency":"DKK"}}</script>"#;

    #[test]
    fn a_proposal_is_a_site_file_that_finds_the_price() {
        let text = propose(PAGE.as_bytes(), None, "https://shop.dk/lampe", "1.299,00 kr", None).unwrap();
        let site = Site::parse("new.toml", &text).unwrap();
        assert!(text.contains("json_ld = \"offers.price\"") && text.contains(".box .main-price"), "{text}");
        let page = Page {
            body: PAGE.as_bytes(),
            content_type: None,
            url: "https://shop.dk/lampe",
            final_url: "https://shop.dk/lampe",
            status: 200,
        };
        let found = extract(&page, Some(&site), &Hints::default());
        assert_eq!(found.offer.unwrap().price.unwrap().to_string(), "1299.00 DKK");
    }

    #[test]
    fn state_assigned_in_a_script_is_proposed_by_its_name() {
        let page =
            "<h1>Lampe</h1><script>var a = x.y;\nwindow.shop_state = {\"p\":{\"now\":1299}}; if (a == {}) {}</script>";
        let text = propose(page.as_bytes(), None, "https://shop.dk/lampe", "1.299,00 kr", None).unwrap();
        assert!(text.contains("script = \"window.shop_state =\"\njson = \"p.now\""), "{text}");
        let site = Site::parse("new.toml", &text).unwrap();
        let url = "https://shop.dk/lampe";
        let page = Page { body: page.as_bytes(), content_type: None, url, final_url: url, status: 200 };
        let found = extract(&page, Some(&site), &Hints::default());
        assert_eq!(found.offer.unwrap().price.unwrap().to_string(), "1299.00 DKK");
    }

    #[test]
    fn a_price_that_is_not_there_is_an_error_with_a_hint() {
        let error = propose(PAGE.as_bytes(), None, "https://shop.dk/lampe", "7,00 kr", None).unwrap_err();
        assert!(error.contains("nowhere") && error.contains("hint:"), "{error}");
    }
}
