//! What a buyer sees of a product that cannot be bought: `Sold out` on the button or beside the price, or a button that
//! promises a message instead of a sale. Markup goes on saying that it is in stock.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::{labels, later};
use crate::extract::address::Here;
use crate::extract::phrases::Openings;
use crate::extract::price;
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Builder, Kind, Tree};

/// What a page says against a sale that its markup promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Denial {
    #[default]
    None,
    /// Nobody can tell.
    Doubtful,
    /// It cannot be bought.
    Sure,
}

/// Bytes of a text that may say so.
const MAX_TEXT: usize = 60;
/// Elements behind the title that hold its own button.
const NEAR: usize = 400;
/// Nodes between a badge and the price or the title that it stands beside.
const BESIDE: usize = 9;
/// Ancestors of a text that may be the button which it is on.
const MAX_CLIMB: usize = 3;
/// Ancestors that may be one of several things to choose from.
const CHOICE: usize = 5;

/// What shops write on the button that sends a message once a product is back, in lower case without accents.
#[rustfmt::skip]
const NOTIFY: &[&str] = &[
    "notify me when", "notify when", "email me when", "e-mail me when", "email when", "get notified when", "tell me when", "alert me when", "back in stock notification",
    "giv mig besked nar", "giv besked nar", "fa besked nar", "send mig en mail nar", "adviser mig", "underret mig nar", "meddela mig nar", "fa besked nar varan", "skicka mail nar", "varsle meg nar", "gi meg beskjed nar", "ilmoita kun", "ilmoita minulle kun",
    "benachrichtigen wenn", "benachrichtige mich", "benachrichtigen sie mich", "bei verfugbarkeit benachrichtigen", "verfugbarkeit melden", "mailen wanneer", "mail mij", "mail me wanneer", "houd me op de hoogte", "laat het me weten",
    "prevenez-moi", "me prevenir", "m'alerter", "alertez-moi", "etre alerte", "avisame cuando", "avisarme cuando", "avisenme", "avvisami quando", "avvisami", "notificami", "avise-me quando", "avisem-me", "avisar-me quando", "powiadom o dostepnosci", "powiadom mnie", "hlidat dostupnost", "upozornit na", "strazit dostupnost", "strazit produkt", "ertesitest kerek", "ertesitsen", "anunta-ma", "notifica-ma",
    "сообщить о поступлении", "уведомить о поступлении", "повiдомити про", "повідомити про", "уведоми ме", "ειδοποιηστε με", "gelince haber ver", "再入荷のお知らせ", "再入荷通知", "재입고 알림", "到货通知", "貨到通知",
];
/// Words beside those of [`labels::OUT`] that leave them what they are.
#[rustfmt::skip]
const FILLING: [&str; 22] = [
    "currently", "temporarily", "sorry", "product", "item", "this", "is", "now", "online", "leider", "derzeit", "aktuell", "momentan", "desværre", "midlertidigt", "tyvärr", "tillfälligt", "produkt", "artikel", "obecnie", "temporairement", "temporalmente",
];

struct Phrases {
    openings: Openings,
    out: FxHashSet<&'static str>,
    filling: FxHashSet<&'static str>,
}

/// Phrases without accents; the table lives as long as the program, and so do they.
static PHRASES: LazyLock<Phrases> = LazyLock::new(|| {
    let plain = |phrase: &&'static str| if phrase.is_ascii() { *phrase } else { &*text::unaccented(phrase).leak() };
    let out: FxHashSet<&'static str> = labels::OUT.iter().map(plain).collect();
    let filling: FxHashSet<&'static str> = FILLING.iter().map(plain).collect();
    // Accents are lost where people write in capitals: both forms begin a text.
    let both = labels::OUT.iter().chain(NOTIFY).copied().chain(out.iter().copied());
    let both = both.chain(FILLING.iter().copied()).chain(filling.iter().copied());
    Phrases { openings: Openings::of(both.filter(|phrase| phrase.chars().nth(1).is_some())), out, filling }
});

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Out,
    Notify,
}

/// What a text says, if it says nothing else.
fn says(raw: &str) -> Option<Says> {
    if raw.len() > MAX_TEXT * 2 {
        return None;
    }
    let raw = text::trim(raw);
    if raw.len() > MAX_TEXT || !PHRASES.openings.may_begin(raw) {
        return None;
    }
    let words = text::unaccented(&text::clean(raw));
    let words = words.trim_matches(|c: char| !c.is_alphanumeric()).replace(',', "");
    let words = words.as_str();
    if NOTIFY.iter().any(|phrase| words.starts_with(phrase)) {
        return Some(Says::Notify);
    }
    let out = || {
        let filling = |word: &str| word.is_empty() || PHRASES.filling.contains(word);
        let left: Vec<&str> = words.split([' ', ',', '-', '–', '!']).filter(|word| !filling(word)).collect();
        PHRASES.out.contains(left.join(" ").as_str())
    };
    (PHRASES.out.contains(words) || out()).then_some(Says::Out)
}

/// Whether a text that has been read by now may say that the product cannot be bought.
#[must_use]
pub fn may_say(part: &Builder<'_>) -> bool {
    part.nodes().iter().any(|node| match node.kind {
        Kind::Text(raw) => says(raw).is_some(),
        Kind::Element(tag) => tag.is(Name::INPUT) && tag.attribute("value").is_some_and(|value| says(value).is_some()),
    })
}

/// What stands near the title against a sale; `working` are the product's own buttons that buy it.
#[must_use]
pub fn denial(tree: &Tree<'_>, anchor: Option<usize>, working: &[usize], url: &str) -> Denial {
    let Some(anchor) = anchor else { return Denial::None };
    let from = tree.nodes[anchor].end;
    let until = tree.nodes.len().min(from + NEAR);
    // A button that works outweighs a badge that the page's style may hide.
    if working.iter().any(|b| *b > anchor && *b < anchor + NEAR) {
        return Denial::None;
    }
    let mut behind_heading = false;
    let mut found = Denial::None;
    let mut badges = 0;
    for index in from..until {
        let (said, control) = match tree.nodes[index].kind {
            Kind::Text(raw) => match says(raw) {
                Some(said) => (said, stand(tree, index)),
                None => continue,
            },
            Kind::Element(tag) if tag.is(Name::INPUT) => match tag.attribute("value").and_then(says) {
                Some(said) => (said, Stand::Control),
                None => continue,
            },
            Kind::Element(tag) => {
                behind_heading |= [Name::H2, Name::H3].iter().any(|name| tag.is(*name));
                continue;
            }
        };
        if labels::hidden_or_aside(tree, index)
            || is_choice(tree, index)
            || later::is_behind_link(tree, index, anchor, &Here::of(url))
            || is_undrawn_badge(tree, index)
        {
            continue;
        }
        match (said, control) {
            (Says::Out, Stand::Control) if !behind_heading => found = Denial::Sure,
            (Says::Notify, Stand::Control) if !behind_heading => found = found.max(Denial::Doubtful),
            (Says::Out, Stand::Free) if !behind_heading && (is_beside_price(tree, index) || index < from + BESIDE) => {
                badges += 1;
            }
            _ => {}
        }
    }
    // Several of them are those of several things.
    if badges == 1 { Denial::Sure } else { found }
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// It is the whole label of a button or a link.
    Control,
    /// It is a part of such a label: of a size, or of another product's name.
    PartOfControl,
    Free,
}

fn stand(tree: &Tree<'_>, index: usize) -> Stand {
    let is = |i: &usize| tree.nodes[*i].is(Name::BUTTON) || tree.nodes[*i].is(Name::A);
    let Some(control) = tree.ancestors(index).take(MAX_CLIMB).find(is) else { return Stand::Free };
    let other = |i: usize| i != index && matches!(tree.nodes[i].kind, Kind::Text(_)) && !tree.is_hidden(i);
    if (control..tree.nodes[control].end).any(other) { Stand::PartOfControl } else { Stand::Control }
}

/// Whether a text stands at one of several things to choose from, such as a size.
fn is_choice(tree: &Tree<'_>, index: usize) -> bool {
    const ROWS: [Name; 4] = [Name::of("li"), Name::of("tr"), Name::of("fieldset"), Name::LABEL];
    const STEMS: [&str; 6] = ["variant", "swatch", "size", "option", "choice", "colour"];
    tree.ancestors(index).take(CHOICE).any(|i| {
        let Some(tag) = tree.nodes[i].tag() else { return false };
        let radio =
            tag.attribute("role").is_some_and(|role| matches!(role, "radio" | "option" | "radiogroup" | "listbox"));
        let small = tree.nodes[i].end - i <= SMALL_BOX;
        let named = || STEMS.iter().any(|stem| tree.facts(i).class.contains(stem));
        ROWS.iter().any(|name| tag.is(*name)) || radio || small && named()
    })
}

/// Nodes of a box that is named for what can be chosen in it.
const SMALL_BOX: usize = 60;

/// Whether a badge is one that a common template has on every page, and shows only where the box around says so.
fn is_undrawn_badge(tree: &Tree<'_>, index: usize) -> bool {
    let class = |i: usize| tree.facts(i).class;
    let ancestors = || tree.ancestors(index).take(MAX_CLIMB + CHOICE);
    ancestors().any(|i| class(i).contains("price__badge")) && !ancestors().any(|i| class(i).contains("price--sold-out"))
}

/// Whether the text right in front of a text, or right behind it, shows an amount with its money.
fn is_beside_price(tree: &Tree<'_>, index: usize) -> bool {
    const STRICT: price::Context<'static> =
        price::Context { locale: None, currency: None, decimal_mark: None, hint: None, strict: true };
    let is_text = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(_)) && !tree.is_hidden(*i);
    let amount = |i: usize| {
        let Kind::Text(raw) = tree.nodes[i].kind else { return false };
        let parent = tree.nodes[i].parent;
        raw.len() <= MAX_TEXT
            && (price::read_two_marked(&text::clean(raw), &STRICT).is_ok()
                || price::read_two_marked(&tree.text(parent, MAX_TEXT), &STRICT).is_ok())
    };
    let ahead = (index.saturating_sub(BESIDE)..index).rev().find(is_text);
    let behind = (index + 1..tree.nodes.len().min(index + BESIDE)).find(is_text);
    ahead.is_some_and(amount) || behind.is_some_and(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_label_says_that_nothing_is_left() {
        for label in [
            "Sold out",
            "SOLD OUT!",
            "Udsolgt",
            "Ausverkauft",
            "Slutsåld",
            "Wyprzedane",
            "ÉPUISÉ",
            "Leider ausverkauft",
        ] {
            assert_eq!(says(label), Some(Says::Out), "{label}");
        }
        for label in ["Notify me when available", "Benachrichtigen, wenn verfügbar", "Powiadom o dostępności"] {
            assert!(says(label).is_some(), "{label}");
        }
        for label in ["Add to cart", "Never sold out again", "Size M sold out", "In stock", "Sold by Acme"] {
            assert_eq!(says(label), None, "{label}");
        }
    }
}
