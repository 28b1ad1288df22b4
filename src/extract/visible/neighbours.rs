//! What the short texts beside an amount say about it: `Was:`, `online`, `per month`, `ekskl. moms` often stand apart.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::behind as labels_behind;
use super::columns;
use super::spots::{Reader, Spot, is_sign};
use crate::extract::phrases::Anywhere;
use crate::extract::price::{self, PriceKind, Role, TaxView};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Bytes of a text that may be a label.
pub(super) const MAX_LABEL: usize = 90;
/// Nodes between a label and what stands behind it.
const BEFORE: usize = 7;
/// Nodes between an amount and a text that speaks about it.
const BEHIND: usize = 5;

static ONLINE: LazyLock<Anywhere> =
    LazyLock::new(|| Anywhere::in_any_case(["online", "internet", "web price", "webpris"]));

/// Whether words call an amount the price for orders online.
pub(super) fn says_online(words: &str) -> bool {
    ONLINE.is_match(words.as_bytes())
}

impl Reader<'_, '_> {
    /// Lets the short text right before and behind a price speak.
    pub(super) fn by_neighbours(&self, spot: &mut Spot) {
        let tree = self.tree;
        let is_text = |i: &usize| matches!(tree.nodes[*i].kind, Kind::Text(_)) && !tree.is_hidden(*i);
        let first = (spot.node..tree.nodes[spot.node].end).find(is_text).unwrap_or(spot.node);
        let end = tree.nodes[spot.node].end;
        let mut ahead = (first.saturating_sub(BEFORE)..first).rev().find(is_text);
        let mut behind = (end..tree.nodes.len().min(end + BEHIND)).find(is_text);
        if let Some(row) = columns::row(tree, spot.node) {
            // A row of one cell may stand over the next row as its label.
            let own = |i: &usize| columns::row(tree, *i).is_none_or(|other| other == row);
            ahead = columns::label(tree, row, spot.node).or(ahead.filter(own));
            behind = behind.filter(own);
        }
        // The same amount is often there twice, once for screen readers: the label stands in front of both.
        let same = |i: usize| match tree.nodes[i].kind {
            Kind::Text(raw) => {
                self.pieces.read(&text::clean(raw)).is_some_and(|read| read.0.amount == spot.reading.amount)
            }
            Kind::Element(_) => false,
        };
        let label = ahead.filter(|i| same(*i)).and_then(|i| (i.saturating_sub(BEFORE)..i).rev().find(is_text));
        self.condition(spot, label.or(ahead), behind);
        let short = |i: usize| match tree.nodes[i].kind {
            Kind::Text(raw) if raw.len() <= MAX_LABEL && !raw.bytes().any(|b| b.is_ascii_digit()) => {
                Some(text::clean(raw))
            }
            _ => None,
        };
        let ours = ahead.filter(|i| !self.is_of_another(spot.node, *i) && !self.is_by_itself(spot.node, *i));
        let mut before = ours.and_then(short).unwrap_or_default();
        let own_words = spot.raw.find(|c: char| c.is_numeric() || is_sign(c)).map_or("", |at| &spot.raw[..at]);
        spot.labelled = price::names_price(&before) || price::names_price(own_words);
        spot.is_final = price::names_final_price(&before) || price::names_final_price(own_words);
        spot.usual = price::names_usual_price(&before) || price::names_usual_price(own_words);
        spot.labelled |= spot.is_final;
        let own_box = |i: usize| self.box_of(spot.node, i) == Some(tree.nodes[spot.node].parent);
        spot.named_else = own_words.trim().is_empty()
            && ahead.is_some_and(|i| own_box(i) && !self.in_heading(i) && self.names_something_else(i));
        spot.called_else =
            spot.named_else && ahead.is_some_and(|i| tree.nodes[i].parent == tree.nodes[spot.node].parent);
        let after = behind.filter(|i| !self.is_of_another(spot.node, *i)).and_then(short).unwrap_or_default();
        match labels_behind::place(tree, first..end) {
            Some(labels_behind::Place::Last) => {
                spot.labelled = price::names_price(own_words) || price::names_price(&after);
                spot.is_final = price::names_final_price(own_words) || price::names_final_price(&after);
                spot.labelled |= spot.is_final;
                before = Cow::Borrowed("");
            }
            Some(labels_behind::Place::First) => spot.labelled |= price::names_price(&after),
            None => {}
        }
        if spot.reading.tax == TaxView::Unknown {
            spot.reading.tax = self.tax_beside(spot.node, ahead, behind);
        }
        if spot.reading.kind == PriceKind::Exact && ahead.is_some_and(|i| own_box(i) && self.counts_payments(i)) {
            spot.reading.kind = PriceKind::Instalment;
        }
        self.money_beside(spot, ahead, behind);
        self.measure_behind(spot, behind);
        if before.is_empty() && after.is_empty() {
            return;
        }
        // The text behind may be the label of the next row: unless it shares a line with nothing but this amount, only
        // the one before says what the amount is for.
        let in_line = !after.is_empty() && behind.is_some_and(|i| self.shares_line(spot.node, i));
        let mut labels = [(&before, true), (&after, false)];
        labels.rotate_left(usize::from(in_line));
        for (words, in_front) in labels {
            let names_role = in_front || in_line;
            // Behind an amount, `/ month` says per what it is; beside it alone in a line, words that stand in front of
            // other amounts say what it is.
            let speaks =
                || price::may_qualify(words, in_front) || !in_front && in_line && price::may_qualify(words, true);
            if words.is_empty() || !speaks() {
                continue;
            }
            let whole = if in_front {
                [text::cut(words, 60), " ", &spot.raw].concat()
            } else {
                [&spot.raw, " ", text::cut(words, 40)].concat()
            };
            let Some(read) = self.pieces.read(&whole) else { continue };
            let read = &read.0;
            if read.amount != spot.reading.amount {
                continue;
            }
            if names_role && spot.reading.role == Role::Price {
                spot.reading.role = read.role;
            }
            let told = match spot.reading.kind {
                PriceKind::Exact => matches!(read.kind, PriceKind::Instalment | PriceKind::Unit | PriceKind::From),
                // `from 12.90 / month`: what it is from is paid every month.
                PriceKind::From => matches!(read.kind, PriceKind::Instalment | PriceKind::Unit),
                _ => false,
            };
            if told {
                spot.reading.kind = read.kind;
                spot.reading.per.clone_from(&read.per);
            }
        }
        spot.online = says_online(&[before, Cow::Borrowed(" "), after].concat());
    }

    /// Whether a text shares a smaller box with another amount: it is that one's label.
    pub(super) fn is_of_another(&self, node: usize, text: usize) -> bool {
        let Kind::Text(raw) = self.tree.nodes[text].kind else { return false };
        let inner = self.box_of(node, text).and_then(|outer| self.box_within(outer, text));
        let amount = |i: usize| match self.tree.nodes[i].kind {
            Kind::Text(other) if i != text => self.has_amount(other),
            _ => false,
        };
        // What ends with a colon speaks of what follows.
        !raw.trim_end().ends_with(':') && inner.is_some_and(|inner| (inner..self.tree.nodes[inner].end).any(amount))
    }

    /// Whether an amount and a text are all that a small box shows, in one line.
    fn shares_line(&self, node: usize, text: usize) -> bool {
        const INLINE: [&str; 12] =
            ["span", "small", "b", "strong", "i", "em", "label", "font", "sup", "sub", "td", "th"];
        let Some(outer) = self.box_of(node, text) else { return false };
        let inline = |i: usize| {
            self.tree.nodes[i].tag().is_none_or(|tag| INLINE.iter().any(|name| tag.name.eq_ignore_ascii_case(name)))
        };
        self.is_alone_with(node, text, outer) && self.tree.ancestors(text).take_while(|i| *i > outer).all(inline)
    }

    /// Whether a text is complete in itself: a link, a button, `Free delivery`.
    fn is_by_itself(&self, node: usize, text: usize) -> bool {
        const FREE: [&str; 12] = [
            "free",
            "gratis",
            "kostenlos",
            "fri",
            "fritt",
            "ilmainen",
            "zdarma",
            "darmowa",
            "besplatn",
            "livraison gratuite",
            "бесплатн",
            "безкоштовн",
        ];
        let Kind::Text(raw) = self.tree.nodes[text].kind else { return false };
        let outer = self.box_of(node, text).unwrap_or(0);
        let within = || self.tree.ancestors(text).take_while(|i| *i > outer);
        let is = |name: Name| within().any(|i| self.tree.nodes[i].is(name));
        let words = text::lower(raw.trim());
        // A link that is all that stands beside an amount in a small box is what the amount is called.
        let label = || self.is_alone_with(node, text, outer) && price::may_qualify(&words, true);
        let control = || is(Name::BUTTON) || is(Name::A) && !label();
        // Only in a box of its own: `Free delivery over` speaks of the amount right behind it.
        // The longer words of the list are stems.
        let begins = |free: &str| {
            let rest = words.strip_prefix(free);
            rest.is_some_and(|rest| free.len() > "gratis".len() || !rest.starts_with(char::is_alphabetic))
        };
        let free = || within().next().is_some() && FREE.iter().any(|free| begins(free));
        raw.len() <= MAX_LABEL && (control() || free()) && !leads_on(&words)
    }

    /// Whether an amount and a text are all that a box shows.
    fn is_alone_with(&self, node: usize, text: usize, outer: usize) -> bool {
        let own = node..self.tree.nodes[node].end;
        let shown = |i: &usize| matches!(self.tree.nodes[*i].kind, Kind::Text(raw) if !raw.trim().is_empty());
        let other = |i: usize| i != text && !own.contains(&i) && !self.tree.is_hidden(i);
        outer != 0 && !(outer..self.tree.nodes[outer].end).filter(shown).any(other)
    }

    /// A text beside the amount that names a condition: codes have digits, so labels with digits speak as well.
    fn condition(&self, spot: &mut Spot, ahead: Option<usize>, behind: Option<usize>) {
        if spot.reading.role != Role::Price {
            return;
        }
        // Words are cheaper to look at than an amount is to read: what says nothing needs no more.
        let said = |i: Option<usize>, in_front: bool| match self.tree.nodes[i?].kind {
            Kind::Text(raw) if raw.len() <= MAX_LABEL => {
                let words = text::clean(raw);
                let role = if in_front { price::condition_of(&words, "") } else { price::condition_of("", &words) };
                let role = role.filter(|role| *role != Role::Conditional || !names_pack(&words));
                role.filter(|_| !self.has_amount(raw))
            }
            _ => None,
        };
        let begin = spot.raw.find(|c: char| c.is_numeric() || is_sign(c)).unwrap_or(0);
        // An amount with words of its own in front needs none of a neighbour.
        let before = if spot.raw[..begin].trim().is_empty() { said(ahead, true) } else { None };
        // The text behind is about the next amount where one follows in the same box.
        let of_next = |i: usize| self.box_of(spot.node, i).is_none_or(|b| self.followed(i, b));
        let after = said(behind, false).filter(|_| !behind.is_some_and(of_next));
        if let Some(role) = before.filter(|role| *role == Role::Conditional).or(after).or(before) {
            spot.reading.role = role;
        }
    }

    /// The tax that a neighbour names: the one that shares the smaller box with the amount speaks for it. In one box
    /// labels stand all before their amounts or all behind them.
    fn tax_beside(&self, node: usize, ahead: Option<usize>, behind: Option<usize>) -> TaxView {
        let named = |i: usize| match self.tree.nodes[i].kind {
            Kind::Text(raw) if raw.len() <= MAX_LABEL => match price::tax_named(&text::clean(raw)) {
                TaxView::Unknown => TaxView::Unknown,
                tax => {
                    if self.has_amount(raw) {
                        TaxView::Unknown
                    } else {
                        tax
                    }
                }
            },
            _ => TaxView::Unknown,
        };
        let before = ahead.map(|i| (named(i), i)).filter(|(tax, _)| *tax != TaxView::Unknown);
        let after = behind.map(|i| (named(i), i)).filter(|(tax, _)| *tax != TaxView::Unknown);
        let size = |i: usize| self.box_of(node, i).map_or(usize::MAX, |b| self.tree.nodes[b].end - b);
        let ((before, ahead), (after, behind)) = match (before, after) {
            (Some(before), Some(after)) => (before, after),
            (Some((tax, i)), None) => {
                // A label in another box that holds an amount of its own belongs to that one.
                let own = self
                    .box_of(node, i)
                    .is_some_and(|b| !self.box_within(b, i).is_some_and(|inner| amounts_in(self.tree, inner)));
                return if own { tax } else { TaxView::Unknown };
            }
            (None, Some((tax, i))) => {
                let own = self
                    .box_of(node, i)
                    .is_some_and(|b| !self.box_within(b, i).is_some_and(|inner| amounts_in(self.tree, inner)));
                return if own { tax } else { TaxView::Unknown };
            }
            (None, None) => return TaxView::Unknown,
        };
        // `£4.80 inc. VAT (£4.00 ex. VAT)`: what opens a bracket speaks of the amount in front of it.
        if matches!(self.tree.nodes[ahead].kind, Kind::Text(raw) if raw.trim_end().ends_with('(')) {
            return after;
        }
        match size(ahead).cmp(&size(behind)) {
            std::cmp::Ordering::Less => before,
            std::cmp::Ordering::Greater => after,
            std::cmp::Ordering::Equal => {
                let labels_first = self.box_of(node, ahead).is_none_or(|b| {
                    let texts = (b..node).filter_map(|i| match self.tree.nodes[i].kind {
                        Kind::Text(raw) => Some((i, raw)),
                        Kind::Element(_) => None,
                    });
                    let mut telling = texts
                        .filter(|(i, raw)| raw.bytes().any(|b| b.is_ascii_digit()) || named(*i) != TaxView::Unknown);
                    telling.next().is_none_or(|(i, _)| named(i) != TaxView::Unknown)
                });
                if labels_first { before } else { after }
            }
        }
    }

    /// Whether a text has an amount of its own, of which its words speak.
    fn has_amount(&self, raw: &str) -> bool {
        raw.bytes().any(|b| b.is_ascii_digit())
            && self.pieces.read(&text::clean(raw)).is_some_and(|read| read.0.mark.is_some())
    }

    fn names_something_else(&self, text: usize) -> bool {
        match self.tree.nodes[text].kind {
            Kind::Text(raw) if raw.len() <= MAX_LABEL => {
                price::names_something_else(&text::clean(raw)) && !self.has_amount(raw)
            }
            _ => false,
        }
    }

    /// `/ 100 ml` behind an amount: a measure has a number of its own.
    fn measure_behind(&self, spot: &mut Spot, behind: Option<usize>) {
        let Some(Kind::Text(raw)) = behind.map(|i| self.tree.nodes[i].kind) else { return };
        let open = matches!(spot.reading.kind, PriceKind::Exact | PriceKind::From);
        if !open || raw.len() > MAX_LABEL || !raw.bytes().any(|b| b.is_ascii_digit()) {
            return;
        }
        // What begins with a number or a sign is an amount itself: most texts with a number behind a price are.
        let first = text::trim(raw).chars().next();
        if first.is_none_or(|c| c.is_ascii_digit() || is_sign(c)) {
            return;
        }
        let words = text::clean(raw);
        if !price::may_qualify(&words, false) || self.has_amount(raw) {
            return;
        }
        let Some(read) = self.pieces.read(&[&spot.raw, " ", text::cut(&words, 40)].concat()) else { return };
        if read.0.amount == spot.reading.amount && read.0.kind == PriceKind::Unit {
            spot.reading.kind = read.0.kind;
            spot.reading.per.clone_from(&read.0.per);
        }
    }

    /// `10x` in front of an amount: so many payments of it.
    fn counts_payments(&self, text: usize) -> bool {
        match self.tree.nodes[text].kind {
            Kind::Text(raw) if raw.len() <= MAX_LABEL => {
                let words = raw.trim().strip_suffix(['x', 'X', '×', 'х']).map(str::trim_end);
                words.is_some_and(|words| words.ends_with(|c: char| c.is_ascii_digit()))
            }
            _ => false,
        }
    }

    pub(super) fn in_heading(&self, text: usize) -> bool {
        let heading = |i: usize| {
            self.tree.nodes[i].tag().is_some_and(|tag| matches!(tag.name.as_bytes(), [b'h' | b'H', b'1'..=b'6']))
        };
        self.tree.ancestors(text).take(2).any(heading)
    }

    /// The smallest element that holds both an element and a text.
    pub(super) fn box_of(&self, node: usize, text: usize) -> Option<usize> {
        let holds =
            |b: &usize| *b <= node && *b < text && text < self.tree.nodes[*b].end && node < self.tree.nodes[*b].end;
        std::iter::once(node).chain(self.tree.ancestors(node)).find(holds)
    }

    /// Whether another number follows a text within a box.
    pub(super) fn followed(&self, text: usize, outer: usize) -> bool {
        let nodes = &self.tree.nodes;
        let end = nodes[outer].end.min(text + 1 + BEHIND);
        (text + 1..end).any(|i| matches!(nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|b| b.is_ascii_digit())))
    }

    /// The child of `outer` in which a text stands.
    fn box_within(&self, outer: usize, text: usize) -> Option<usize> {
        self.tree.ancestors(text).take_while(|i| *i > outer).last()
    }
}

/// Words that lead on to the amount behind them, in lower case: nothing that ends in one is complete.
#[rustfmt::skip]
const LEADING: &[&str] = &[
    "from", "over", "above", "exceeding", "for", "of", "than", "min.", "minimum", "ab", "über", "von", "für", "bei", "mind.", "mindestens", "fra", "ved", "på", "från", "över", "för", "vid", "yli", "alkaen", "vanaf", "boven", "bij", "voor", "van", "dès", "à partir de", "de", "pour", "plus de",
    "desde", "superiores a", "por", "mayores a", "a partir de", "acima de", "para", "da", "oltre", "sopra i", "per", "od", "nad", "powyżej", "przy", "za", "min", "při", "pri", "nad rámec", "peste", "de la", "pentru", "от", "над", "свыше", "за", "від", "понад", "από", "άνω των", "nuo", "virš", "no", "virs", "alates", "preko", "iznad", "yfir", "frá", "til", "till", "bis",
];

/// Whether words in lower case lead on to what stands behind them: `Free delivery from`, `Our price:`.
fn leads_on(words: &str) -> bool {
    let words = words.trim_end();
    words.ends_with([':', '(', '>', '≥', '=', '：'])
        || LEADING.iter().any(|word| words.strip_suffix(word).is_some_and(|rest| rest.ends_with([' ', '\u{a0}'])))
}

/// Whether words name the price of one pack by what is in it, `Paketpreis (2,22 m²):`: no set of several things.
fn names_pack(words: &str) -> bool {
    const PACKS: [&str; 8] = [
        "paketpreis",
        "packungspreis",
        "pakkepris",
        "paketpris",
        "pakketprijs",
        "pakkehinta",
        "prix du paquet",
        "pack price",
    ];
    const MEASURES: [&str; 9] = ["m²", "m2", "qm", "kvm", "m³", "kg", "lfm", "l", "m"];
    let words = text::lower(words);
    let last = words.trim_end_matches([' ', ')', ':']).rsplit([' ', '\u{a0}']).next().unwrap_or("");
    let measure = last.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.'));
    words.contains(|c: char| c.is_ascii_digit())
        && PACKS.iter().any(|pack| words.starts_with(pack))
        && MEASURES.contains(&measure)
}

fn amounts_in(tree: &Tree<'_>, element: usize) -> bool {
    (element..tree.nodes[element].end)
        .any(|i| matches!(tree.nodes[i].kind, Kind::Text(raw) if price::tax_named(raw) == TaxView::Unknown && raw.bytes().any(|b| b.is_ascii_digit())))
}
