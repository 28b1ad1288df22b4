//! Which text of a box tells the amount that the box reads as, and which amounts a box calls earlier ones.

use super::names::is_old;
use super::pieces::MAX_PRICE_TEXT;
use super::seams;
use super::spots::{LONG, NEAR, Reader, Spot};
use super::written::shows;
use crate::extract::price::Reading;
use crate::extract::text;
use crate::extract::tree::Kind;

impl Reader<'_, '_> {
    /// Whether a text stands in a heading inside of an element: what stands around a heading is not told by its words.
    pub(super) fn leaves_heading(&self, index: usize, element: usize) -> bool {
        let mut inside = self.tree.ancestors(index).take_while(|i| *i != element);
        inside.any(|i| {
            self.tree.nodes[i].tag().is_some_and(|tag| matches!(tag.name.as_bytes(), [b'h' | b'H', b'1'..=b'6']))
        })
    }

    /// Whether the amount that an element reads as is told by another text in it alone, and this text names no money: the
    /// number of `24 x 33 cl` is not that of `24,00 kr.`
    pub(super) fn told_by_another(&self, index: usize, element: usize, amounts: &(Reading, Option<Reading>)) -> bool {
        let Kind::Text(own) = self.tree.nodes[index].kind else { return false };
        let reads = |raw: &str| self.pieces.read_marked(&text::clean(raw));
        let same = |read: &Reading| {
            let of = |other: &Reading| other.amount == read.amount;
            of(&amounts.0) || amounts.1.as_ref().is_some_and(of)
        };
        let nodes = &self.tree.nodes;
        reads(own).is_none()
            && (element..nodes[element].end).any(|i| match nodes[i].kind {
                Kind::Text(raw) if i != index && raw.len() <= LONG * 2 => {
                    raw.bytes().any(|b| b.is_ascii_digit()) && reads(raw).is_some_and(|read| same(&read.0))
                }
                _ => false,
            })
    }

    /// Whether the amount that an element reads as stands in it whole without a text that shows digits of it: the `4.5`
    /// of a rating is no part of the `$45.00` behind it. In front of the text it is `told` already, if it stands there.
    pub(super) fn stands_without(
        &self,
        index: usize,
        element: usize,
        amounts: &(Reading, Option<Reading>),
        told: Option<&Spot>,
    ) -> bool {
        let Kind::Text(own) = self.tree.nodes[index].kind else { return false };
        let end = self.tree.nodes[element].end;
        let told = told.filter(|spot| spot.marked && (element..end).contains(&spot.node));
        let numbered =
            |i: usize| matches!(self.tree.nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|b| b.is_ascii_digit()));
        let mut behind = (index + 1..end).filter(|i| numbered(*i) && !self.tree.is_hidden(*i)).peekable();
        if told.is_none() && behind.peek().is_none() {
            return false;
        }
        let own = text::clean(own);
        let mut shown = std::iter::once(&amounts.0).chain(&amounts.1).filter(|read| {
            let alone = ((*read).clone(), None);
            shows(&alone, &own)
        });
        let Some(amount) = shown.next().map(|read| read.amount) else { return false };
        if self.pieces.read_marked(&own).is_some() {
            return false;
        }
        let mut rest = String::new();
        let read = behind.peek().is_some()
            && self.tree.seamed(index + 1..end, MAX_PRICE_TEXT, |i| !self.tree.is_hidden(i), &mut rest);
        let read = if read { self.pieces.read_marked(&text::fold_space(&seams::join(&rest).0)) } else { None };
        told.is_some_and(|spot| spot.reading.amount == amount)
            || read.is_some_and(|read| std::iter::once(&read.0).chain(&read.1).any(|other| other.amount == amount))
    }

    /// Whether an element holds another one that strikes an amount out or calls it the earlier one.
    pub(super) fn strikes(&self, element: usize) -> bool {
        let nodes = &self.tree.nodes;
        let struck = |i: usize| nodes[i].tag().is_some() && (self.tree.facts(i).struck || self.tree.hints(i).old);
        let has_digit = |i: usize| {
            (i..nodes[i].end)
                .any(|i| matches!(nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|b| b.is_ascii_digit())))
        };
        (element + 1..nodes[element].end).any(|i| struck(i) && has_digit(i))
    }

    /// `<del>129,99</del>`: a number with cents and nothing else in an element that strikes it out or calls it the price
    /// before is one, whatever its money.
    pub(super) fn is_former(&self, element: usize, plain: &str) -> bool {
        let number = plain.trim_end_matches(['*', ' ']);
        let cents = number.rsplit_once([',', '.']).is_some_and(|(_, cents)| cents.len() == 2);
        cents
            && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b' ' | b'\''))
            && self.climb(element).take(NEAR).any(|(level, i)| {
                let facts = self.tree.facts(i);
                facts.struck || is_old(&facts.hints, level)
            })
    }
}
