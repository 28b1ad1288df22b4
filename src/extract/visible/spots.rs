//! Finding the places on a page that show an amount of money, split markup included.
//!
//! One place is the smallest element whose text reads as a price; nothing is judged here, only described.

use std::collections::HashMap;

use super::classes::{self, Hints};
use crate::extract::price::{self, Context, PriceKind, Reading, Role, TaxView};
use crate::extract::text;
use crate::extract::tree::{Kind, SEAM, Tree};
use crate::money::Money;

/// Prices looked at on one page.
const MAX_SPOTS: usize = 600;
/// Bytes of text an element may hold and still be one price.
const MAX_PRICE_TEXT: usize = 90;
/// Ancestors whose names count.
const MAX_CLIMB: usize = 14;

/// A place that shows an amount.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The element that holds the whole amount.
    pub node: usize,
    pub at: usize,
    pub raw: String,
    pub reading: Reading,
    pub money: Option<Money>,
    /// The next amount in the same text.
    pub second: Option<Money>,
    pub marked: bool,
    pub struck: bool,
    pub linked: bool,
    pub aside: bool,
    pub tile: bool,
    pub long: bool,
    /// Found in running text of an element that holds more.
    pub sentence: bool,
    pub emphasis: bool,
    /// Inside a box that its names call the product's.
    pub in_product: bool,
    /// The words beside it say that it is the price for orders online.
    pub online: bool,
    /// Inside the box of the buy button.
    pub in_buy_box: bool,
    /// What made the place an aside.
    pub aside_name: String,
    pub class_points: i32,
    pub points: i32,
    pub why: String,
    signature: u64,
}

/// Every place of a page in page order.
#[must_use]
pub fn find(tree: &Tree<'_>, context: &Context<'_>, url: &str) -> Vec<Spot> {
    let mut spots: Vec<Spot> = Vec::new();
    let mut covered = 0;
    for (index, node) in tree.nodes.iter().enumerate() {
        let Kind::Text(raw) = node.kind else { continue };
        if index < covered
            || spots.len() >= MAX_SPOTS
            || !raw.bytes().any(|b| b.is_ascii_digit()) && !has_foreign_digit(raw)
        {
            continue;
        }
        let percent = raw.contains('%') && !raw.chars().any(|c| c.is_alphabetic() || is_sign(c));
        if raw.len() > 400 || percent || tree.is_hidden(index) {
            continue;
        }
        if let Some(mut spot) = smallest(tree, index, context, url) {
            by_neighbours(tree, &mut spot, context);
            if spot.marked && !spot.sentence {
                covered = tree.nodes[spot.node].end.max(index + 1);
            }
            if spots.last().is_none_or(|last| last.node != spot.node) {
                spots.push(spot);
            }
        }
    }
    spots
}

fn is_sign(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}')
}

fn has_foreign_digit(raw: &str) -> bool {
    !raw.is_ascii() && raw.chars().any(|c| c.is_numeric())
}

/// Lets the short text right before and behind a price speak: `Was:`, `online`, `per month` often stand apart.
fn by_neighbours(tree: &Tree<'_>, spot: &mut Spot, context: &Context<'_>) {
    let short = |i: usize| match tree.nodes[i].kind {
        Kind::Text(raw) if raw.len() <= 90 && !raw.bytes().any(|b| b.is_ascii_digit()) => Some(text::clean(raw)),
        _ => None,
    };
    let first = (spot.node..tree.nodes[spot.node].end)
        .find(|i| matches!(tree.nodes[*i].kind, Kind::Text(_)))
        .unwrap_or(spot.node);
    let is_text = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(_));
    let before = (first.saturating_sub(7)..first).rev().find(is_text).and_then(short).unwrap_or_default();
    let end = tree.nodes[spot.node].end;
    let after = (end..tree.nodes.len().min(end + 5)).find(is_text).and_then(short).unwrap_or_default();
    if before.is_empty() && after.is_empty() {
        return;
    }
    // The text behind may be the label of the next row, so only the one before says what the amount is for.
    for (whole, names_role) in [
        (format!("{} {}", text::cut(&before, 60), spot.raw), true),
        (format!("{} {}", spot.raw, text::cut(&after, 40)), false),
    ] {
        let Ok(read) = price::read(&whole, context) else { continue };
        if read.amount != spot.reading.amount {
            continue;
        }
        if names_role && spot.reading.role == Role::Price {
            spot.reading.role = read.role;
        }
        if spot.reading.kind == PriceKind::Exact
            && matches!(read.kind, PriceKind::Instalment | PriceKind::Unit | PriceKind::From)
        {
            spot.reading.kind = read.kind;
            spot.reading.per = read.per;
        }
        if spot.reading.tax == TaxView::Unknown {
            spot.reading.tax = read.tax;
        }
    }
    let words = format!("{before} {after}").to_lowercase();
    spot.online = ["online", "internet", "web price", "webpris"].iter().any(|w| words.contains(w));
}

/// Climbs from a text until the element's text reads as a price with a currency.
fn smallest(tree: &Tree<'_>, index: usize, context: &Context<'_>, url: &str) -> Option<Spot> {
    let mut bare: Option<Spot> = None;
    for element in tree.ancestors(index).take(5) {
        let Some(joined) = tree.text_with_seams(element, MAX_PRICE_TEXT) else { break };
        let Some(spot) = read(tree, element, &joined, context, url) else { continue };
        if spot.marked {
            if let Some(range) = range_around(tree, element, &spot, context, url) {
                return Some(range);
            }
            // `<b>1 574</b><sup>90</sup> zł`: one level up may complete the amount.
            let parent = tree.nodes[element].parent;
            if parent != 0
                && let Some(wider) = tree.text_with_seams(parent, MAX_PRICE_TEXT)
                && let Some(more) = read(tree, parent, &wider, context, url)
                && more.marked
                && more.reading.amount != spot.reading.amount
                && is_split(&wider)
            {
                return Some(more);
            }
            return Some(spot);
        }
        bare = bare.or(Some(spot));
    }
    if bare.is_some() {
        return bare;
    }
    long_text(tree, index, context, url)
}

/// The element around a price that shows it as the lower end of a range: `$3.499 - $4.059`.
fn range_around(tree: &Tree<'_>, element: usize, spot: &Spot, context: &Context<'_>, url: &str) -> Option<Spot> {
    if spot.reading.kind != PriceKind::Exact {
        return None;
    }
    tree.ancestors(element).take(4).find_map(|wider| {
        let text = tree.text_with_seams(wider, MAX_PRICE_TEXT)?;
        let range = read(tree, wider, &text, context, url)?;
        (range.reading.kind == PriceKind::Range && range.reading.amount == spot.reading.amount).then_some(range)
    })
}

/// Whether a text with seams holds two digits that stand alone between seams right behind a number.
fn is_split(text: &str) -> bool {
    join_seams(text) != text.replace(SEAM, " ")
}

/// A price inside a sentence: only with its currency right beside it.
fn long_text(tree: &Tree<'_>, index: usize, context: &Context<'_>, url: &str) -> Option<Spot> {
    let Kind::Text(raw) = tree.nodes[index].kind else { return None };
    let element = tree.nodes[index].parent;
    let clean = text::clean(raw);
    let reading = price::read(&clean, context).ok()?;
    let marked = reading.mark.is_some();
    let spot = describe(tree, element, &clean, reading, context, url);
    (marked && element != 0).then_some(Spot { long: clean.len() > 40, sentence: true, ..spot })
}

fn read(tree: &Tree<'_>, element: usize, joined: &str, context: &Context<'_>, url: &str) -> Option<Spot> {
    let plain = text::fold_space(&join_seams(joined));
    let reading = price::read(&plain, context).ok()?;
    let marked = reading.mark.is_some();
    let all = if reading.kind == PriceKind::Exact {
        price::read_all(&plain, context, 2).unwrap_or_default()
    } else {
        Vec::new()
    };
    let second = all.get(1).and_then(|r| r.money(context.currency).ok());
    let spot = describe(tree, element, &plain, reading, context, url);
    let hinted = spot.class_points > 0;
    (marked || hinted).then_some(Spot { marked, second, long: plain.len() > 48, ..spot })
}

fn describe(tree: &Tree<'_>, element: usize, raw: &str, reading: Reading, context: &Context<'_>, url: &str) -> Spot {
    // A bare number in a price box is in the money of the place.
    let fallback = context.currency.or_else(|| context.locale.and_then(|l| l.currency()));
    let money = reading.money(fallback).ok();
    let mut spot = Spot {
        node: element,
        at: tree.nodes[element].at,
        raw: raw.to_owned(),
        marked: reading.mark.is_some(),
        money,
        second: None,
        reading,
        struck: false,
        linked: false,
        aside: false,
        tile: false,
        long: false,
        sentence: false,
        emphasis: false,
        in_product: false,
        online: false,
        in_buy_box: false,
        aside_name: String::new(),
        class_points: 0,
        points: 0,
        why: String::new(),
        signature: 0,
    };
    let first_text = (element..tree.nodes[element].end).find(|i| matches!(tree.nodes[*i].kind, Kind::Text(_)));
    spot.at = first_text.map_or(spot.at, |i| tree.nodes[i].at);
    for (level, i) in std::iter::once(element).chain(tree.ancestors(element)).take(MAX_CLIMB).enumerate() {
        if let Some(tag) = tree.nodes[i].tag() {
            let hints = tree.hints(i);
            weigh(&mut spot, &hints, level);
            let wraps_all = tree.nodes[i].end - i > tree.nodes.len() / 2;
            if hints.aside && !hints.product && !hints.buy && !wraps_all && level < 11 && !spot.aside {
                spot.aside = true;
                spot.aside_name = tag.attribute("class").or_else(|| tag.attribute("id")).unwrap_or(tag.name).to_owned();
            }
            spot.struck |= level < 4 && classes::is_struck(tag);
            spot.emphasis |=
                level < 3 && (tag.is("b") || tag.is("strong") || tag.is("h2") || tag.is("h3") || tag.is("big"));
            spot.linked |= tag.is("a") && leads_away(tag.attribute("href").unwrap_or(""), url);
            spot.aside |= tag.is("nav") || tag.is("footer") || tag.is("aside");
            if level < 5 {
                spot.signature = mix(spot.signature, tag.name, tag.attribute("class").unwrap_or(""));
            }
        }
    }
    // Struck elements inside count too, as in `<p><del>80</del> 55</p>` read as one text.
    if spot.reading.role == Role::Price && spot.class_points < -20 && !spot.struck {
        spot.reading.role = Role::List;
    }
    if spot.reading.role == Role::List && spot.reading.kind == PriceKind::Unit {
        spot.reading.role = Role::Price;
    }
    spot
}

fn weigh(spot: &mut Spot, hints: &Hints, level: usize) {
    let (near, far) = (level < 3, level < 7);
    if hints.price && near {
        spot.class_points += 12;
    }
    if hints.current && hints.price && near {
        spot.class_points += 10;
    }
    if hints.old && near && !(hints.current && hints.price) {
        spot.class_points -= 40;
    }
    if hints.not_price && near {
        spot.class_points -= 45;
    }
    if hints.product && far {
        spot.class_points += 6;
    }
    spot.in_product |= hints.product && level < MAX_CLIMB;
    spot.in_buy_box |= hints.buy && level < 9;
}

/// What stands beside a price and belongs to it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    pub list: Option<Money>,
    pub shipping: Option<Money>,
    pub member: Option<Money>,
}

/// Nodes between a price and what belongs to it.
const NEIGHBOURHOOD: usize = 120;
/// A reference price beyond this multiple of the price is another thing.
const MAX_LIST_FACTOR: i64 = 15;

/// The reference price, shipping and member price that stand beside the best place that shows `price`.
#[must_use]
pub fn beside(spots: &[Spot], price: Money, discounts: &[i64]) -> Beside {
    let shows = |s: &&Spot| s.money == Some(price) && !s.tile && !s.aside;
    let Some(own) = spots.iter().filter(shows).max_by_key(|s| (s.points, std::cmp::Reverse(s.node))) else {
        return Beside::default();
    };
    let near: Vec<&Spot> = spots
        .iter()
        .filter(|s| {
            s.node.abs_diff(own.node) < NEIGHBOURHOOD
                && !s.tile
                && s.money.is_some_and(|m| m.currency() == price.currency() && m != price)
        })
        .collect();
    let higher = |m: &Money| m.minor() > price.minor() && m.minor() <= price.minor().saturating_mul(MAX_LIST_FACTOR);
    let reference = |s: &&&Spot| s.struck || s.reading.role == Role::List || s.class_points <= -25;
    let reduced =
        |s: &&&Spot| s.money.is_some_and(|m| discounts.iter().any(|percent| is_reduction(m, price, *percent)));
    let of_role = |role: Role| near.iter().find(|s| s.reading.role == role).and_then(|s| s.money);
    let list = near.iter().filter(|s| reference(s) || reduced(s)).filter(|s| s.money.as_ref().is_some_and(higher));
    let list = list.min_by_key(|s| s.node.abs_diff(own.node)).and_then(|s| s.money);
    // `€39.30 €49.10` in one element: the second amount is the one before.
    let second = own.second.filter(|m| m.currency() == price.currency()).filter(higher);
    Beside {
        list: list.or(second.filter(|m| discounts.iter().any(|p| is_reduction(*m, price, *p)))),
        shipping: of_role(Role::Shipping),
        member: of_role(Role::Member),
    }
}

/// Whether `seen` is `base` less `percent`, to the precision of a printed percentage.
#[must_use]
pub fn is_reduction(base: Money, seen: Money, percent: i64) -> bool {
    let wanted = base.minor().saturating_mul(100 - percent);
    let actual = seen.minor().saturating_mul(100);
    (wanted - actual).abs() <= base.minor()
}

/// Whether a link target is another page.
fn leads_away(href: &str, url: &str) -> bool {
    let href = href.trim();
    let stays = href.is_empty() || href.starts_with('#') || href.starts_with("javascript:");
    !(stays || crate::extract::address::same_page(href, url))
}

fn mix(state: u64, name: &str, class: &str) -> u64 {
    name.bytes()
        .chain(class.bytes())
        .fold(state ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Marks prices whose element shape repeats with different amounts: tiles of a list.
pub fn mark_repeated(tree: &Tree<'_>, spots: &mut [Spot], anchor: Option<usize>) {
    let mut groups: HashMap<u64, Vec<usize>> = HashMap::new();
    for (i, spot) in spots.iter().enumerate() {
        groups.entry(spot.signature).or_default().push(i);
    }
    for members in groups.values().filter(|m| m.len() >= 3) {
        let linked = members.iter().filter(|i| spots[**i].linked || beside_link(tree, &spots[**i])).count();
        let mut amounts: Vec<_> = members.iter().filter_map(|i| spots[*i].money.map(Money::minor)).collect();
        amounts.sort_unstable();
        amounts.dedup();
        // The product's own price may share its shape with related ones: the first behind the title is spared.
        let spared =
            anchor.and_then(|a| members.iter().find(|i| spots[**i].node > a && spots[**i].node - a < 200).copied());
        let spared = spared.filter(|i| !spots[*i].linked && !beside_link(tree, &spots[*i]));
        if amounts.len() >= 2 && (linked * 2 >= members.len() || members.len() >= 6) {
            for i in members.iter().filter(|i| Some(**i) != spared) {
                spots[*i].tile = true;
            }
        }
    }
}

/// Whether the box around a price holds a link to a product with a picture or a name: a tile.
fn beside_link(tree: &Tree<'_>, spot: &Spot) -> bool {
    tree.ancestors(spot.node).take(4).any(|i| {
        let size = tree.nodes[i].end - i;
        size < 80
            && (i..tree.nodes[i].end)
                .any(|j| tree.nodes[j].is("a") && (j..tree.nodes[j].end).any(|k| tree.nodes[k].is("img")))
    })
}

/// Removes the seams of split prices: `1 574|90 zł` becomes `1 574.90 zł`, `39|.|99` becomes `39.99`.
#[must_use]
pub fn join_seams(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, c) in chars.iter().enumerate() {
        if *c != SEAM {
            out.push(*c);
            continue;
        }
        let before = out.chars().rev().find(|c| *c != ' ');
        let touching = out.ends_with(|c: char| c.is_ascii_digit());
        let rest: Vec<char> = chars[i + 1..].iter().copied().take(6).collect();
        let digits = rest.iter().skip_while(|c| **c == ' ').take_while(|c| c.is_ascii_digit()).count();
        let spaced = rest.first() == Some(&' ');
        let mark_next = matches!(rest.first(), Some('.' | ','));
        let after = rest.iter().skip_while(|c| **c == ' ').nth(digits).copied();
        let ends = after.is_none_or(|c| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '%')));
        // The other mark than the one that groups: `2.649|50` is `2.649,50`.
        let decimal = if last_number(&out).contains('.') { ',' } else { '.' };
        if touching && digits == 2 && ends && !spaced && !has_decimals(&out) {
            out.push(decimal);
        } else if (touching && mark_next) || matches!(before, Some('.' | ',')) && digits == 2 && !spaced {
            // The mark stands in an element of its own.
        } else if touching && digits == 2 && ends && spaced && !has_decimals(&out) && after == Some(SEAM) {
            out.push(decimal);
        } else {
            out.push(' ');
        }
    }
    // Cents behind a blank: the blank between mark and cents is litter.
    out.replace(". ", ".")
}

fn last_number(text: &str) -> &str {
    text.rsplit(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).next().unwrap_or("")
}

/// Whether the number at the end of a text has decimals already.
fn has_decimals(text: &str) -> bool {
    let number = last_number(text);
    number.rfind(['.', ',']).is_some_and(|at| number.len() - at - 1 != 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_prices_are_joined() {
        for (split, joined) in [
            ("1 574|90|zł", "1 574.90 zł"),
            ("$|39|.|99", "$ 39.99"),
            ("173|34| Lei", "173.34  Lei"),
            ("2.649|50| €", "2.649,50  €"),
            ("12,50| kr", "12,50  kr"),
            ("-10%|50 kr", "-10% 50 kr"),
        ] {
            assert_eq!(join_seams(&split.replace('|', &SEAM.to_string())), joined, "{split}");
        }
    }
}
