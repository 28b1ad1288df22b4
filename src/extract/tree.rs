//! A light tree of a page for the visible heuristics: a flat list of nodes in page order with parents and ends.
//!
//! Built in one linear pass from the tag scanner, bounded in nodes and depth; it is no browser and repairs nothing.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};

use super::scan::{Name, Names, Scanner, Tag, Token};
use super::text;
use super::unseen::is_unseen;
use super::visible::classes::{self, Facts, Hints, Known};

/// Nodes kept; later ones are ignored.
const MAX_NODES: usize = 120_000;
/// Nesting kept; deeper elements become children of the deepest.
const MAX_DEPTH: usize = 256;
/// Open elements searched for the partner of an end tag.
const MAX_SEARCH: usize = 128;

/// Bytes of a page from which a node is made, in the mean.
const BYTES_PER_NODE: usize = 32;
/// Nodes that room is made for at once: most parts of pages that are looked at have no more.
const FEW_NODES: usize = 512;

/// Marks the border between two inline elements in collected text.
pub const SEAM: char = '\u{e000}';
/// Marks a border of struck or inserted words in collected text: what stands on either side is never one number.
pub const STRUCK: char = '\u{1d}';

/// One element or piece of text.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub kind: Kind<'a>,
    pub parent: usize,
    /// Index behind the last descendant.
    pub end: usize,
    /// Byte offset in the page.
    pub at: usize,
}

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    Element(Tag<'a>),
    Text(&'a str),
}

/// The nodes of a page; index 0 is the root.
#[derive(Debug)]
pub struct Tree<'a> {
    pub nodes: Vec<Node<'a>>,
    /// Bytes of all texts without the white space around each.
    pub text_bytes: usize,
    facts: Vec<OnceCell<Facts<'a>>>,
    hidden: Vec<Cell<Option<bool>>>,
    known: RefCell<Known<'a>>,
    /// Reused by [`Self::is_hidden`].
    way: RefCell<Vec<usize>>,
}

/// A tree that grows along a page, as far as its reader wants to see.
#[derive(Debug)]
pub struct Builder<'a> {
    page: &'a str,
    from: usize,
    scanner: Scanner<'a>,
    nodes: Vec<Node<'a>>,
    /// Open elements and their names, which end tags are compared with.
    open: Vec<(Name, usize)>,
    text_bytes: usize,
}

impl<'a> Builder<'a> {
    /// A tree that starts at byte `from` of a page and has no nodes yet.
    #[must_use]
    pub fn new(page: &'a str, from: usize) -> Self {
        let root = Tag { name: "", key: Name::of(""), attributes: "", at: from, marks: 0 };
        let mut nodes = Vec::with_capacity((page.len().saturating_sub(from) / BYTES_PER_NODE).min(FEW_NODES));
        nodes.push(Node { kind: Kind::Element(root), parent: 0, end: 0, at: from });
        let scanner = Scanner::starting_at(page, from);
        let open = vec![(root.key, 0)];
        Self { page, from, scanner, nodes, open, text_bytes: 0 }
    }

    /// Reads on until there is one more node and gives out its index; none if no element before byte `to` is left.
    pub fn step(&mut self, to: usize) -> Option<usize> {
        loop {
            match self.scanner.step()? {
                Token::Open(tag) if tag.at >= to || self.nodes.len() >= MAX_NODES => {
                    self.scanner.go_back(tag.at);
                    return None;
                }
                Token::Open(tag) => {
                    self.end_siblings(tag.key);
                    let index = self.push(Kind::Element(tag), tag.at);
                    if !tag.key.is_void() && !tag.closes_itself() && self.open.len() < MAX_DEPTH {
                        self.open.push((tag.key, index));
                    }
                    return Some(index);
                }
                Token::Close { name, .. } => self.end(name),
                Token::Text { text, at } => {
                    let bytes = text::trim(text).len();
                    if bytes > 0 && self.nodes.len() < MAX_NODES {
                        self.text_bytes += bytes;
                        return Some(self.push(Kind::Text(text), at));
                    }
                }
                Token::Raw { .. } => {}
            }
        }
    }

    /// A node that a step has given out; its end is not known yet.
    #[must_use]
    pub fn node(&self, index: usize) -> &Node<'a> {
        &self.nodes[index]
    }

    /// All nodes that steps have given out; the end of an open one is not known yet.
    #[must_use]
    pub fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    /// The elements around a node that a step has given out, nearest first.
    pub fn around(&self, index: usize) -> impl Iterator<Item = &Tag<'a>> {
        let mut at = index;
        std::iter::from_fn(move || {
            at = self.nodes[at].parent;
            if at == 0 { None } else { self.nodes[at].tag() }
        })
    }

    /// The tree of all elements before byte `to`, whatever has been read by now.
    #[must_use]
    pub fn tree(mut self, to: usize) -> Tree<'a> {
        if self.nodes.iter().rev().find_map(Node::tag).is_some_and(|last| last.at >= to) {
            self = Self::new(self.page, self.from);
        }
        let left = to.min(self.page.len()).saturating_sub(self.scanner.position());
        self.nodes.reserve((left / BYTES_PER_NODE).min(MAX_NODES));
        while self.step(to).is_some() {}
        while self.open.len() > 1 {
            close(&mut self.nodes, &mut self.open);
        }
        let Self { mut nodes, text_bytes, .. } = self;
        nodes[0].end = nodes.len();
        let (facts, hidden) = (vec![OnceCell::new(); nodes.len()], vec![Cell::new(None); nodes.len()]);
        Tree { nodes, text_bytes, facts, hidden, known: RefCell::default(), way: RefCell::default() }
    }

    #[inline]
    fn push(&mut self, kind: Kind<'a>, at: usize) -> usize {
        let parent = self.open.last().map_or(0, |(_, index)| *index);
        let index = self.nodes.len();
        self.nodes.push(Node { kind, parent, end: index + 1, at });
        index
    }

    /// Ends an element whose sibling opens.
    fn end_siblings(&mut self, name: Name) {
        if self.open.len() > 1 && self.open.last().is_some_and(|(open, _)| *open == name) && name.ends_at_sibling() {
            close(&mut self.nodes, &mut self.open);
        }
    }

    /// Takes an end tag; everything opened since its partner is closed too.
    fn end(&mut self, name: Name) {
        let partner = self.open.iter().rev().take(MAX_SEARCH).position(|(open, _)| *open == name);
        if let Some(up) = partner.filter(|up| up + 1 < self.open.len()) {
            for _ in 0..=up {
                close(&mut self.nodes, &mut self.open);
            }
        }
    }
}

fn close(nodes: &mut [Node<'_>], open: &mut Vec<(Name, usize)>) {
    if let Some((_, index)) = open.pop() {
        nodes[index].end = nodes.len();
    }
}

impl<'a> Tree<'a> {
    /// Builds the tree of the part of a page between two byte offsets.
    #[must_use]
    pub fn build(page: &'a str, from: usize, to: usize) -> Self {
        Builder::new(page, from).tree(to)
    }

    /// What the names on an element hint at, computed once.
    #[must_use]
    pub fn hints(&self, index: usize) -> Hints {
        self.facts(index).hints
    }

    /// What an element's own attributes say, computed once; nothing for a text.
    #[must_use]
    pub fn facts(&self, index: usize) -> Facts<'a> {
        let read = |tag| classes::facts(tag, &mut self.known.borrow_mut());
        *self.facts[index].get_or_init(|| self.nodes[index].tag().map(read).unwrap_or_default())
    }

    /// Whether the node or an ancestor is invisible, computed once per node.
    #[must_use]
    pub fn is_hidden(&self, index: usize) -> bool {
        // Walk up to the nearest known answer, then write it down for the whole way: no recursion.
        let mut way = self.way.borrow_mut();
        way.clear();
        let mut at = index;
        let mut answer = false;
        while at != 0 {
            if let Some(known) = self.hidden[at].get() {
                answer = known;
                break;
            }
            way.push(at);
            at = self.nodes[at].parent;
        }
        for node in way.iter().rev().copied() {
            // A page that hides itself until its scripts ran hides nothing from a person.
            let wraps_all = self.nodes[node].end - node > self.nodes.len() / 2;
            answer = answer || (!wraps_all && self.facts(node).hidden);
            self.hidden[node].set(Some(answer));
        }
        answer
    }

    /// The element's ancestors, nearest first, the root left out.
    pub fn ancestors(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let mut at = index;
        std::iter::from_fn(move || {
            at = self.nodes[at].parent;
            (at != 0).then_some(at)
        })
    }

    /// Whether a node holds any text.
    #[must_use]
    pub fn has_text(&self, index: usize) -> bool {
        self.nodes[index..self.nodes[index].end].iter().any(|node| matches!(node.kind, Kind::Text(_)))
    }

    /// Writes the text of a node with [`SEAM`]s between elements, blanks between blocks and [`STRUCK`]s around struck
    /// words; `false` when it has more than `max` bytes.
    #[must_use]
    pub fn text_with_seams(&self, index: usize, max: usize, out: &mut String) -> bool {
        self.seamed(index..self.nodes[index].end, max, |_| true, out)
    }

    /// [`Self::text_with_seams`] of some nodes behind each other, of their texts those alone that are wanted.
    #[must_use]
    pub fn seamed(
        &self,
        nodes: std::ops::Range<usize>,
        max: usize,
        wanted: impl Fn(usize) -> bool,
        out: &mut String,
    ) -> bool {
        let mut last_element = usize::MAX;
        let mut struck_to = 0;
        for i in nodes {
            match self.nodes[i].kind {
                Kind::Text(_) if !wanted(i) => {}
                Kind::Text(raw) => {
                    if raw.len() > max * 4 {
                        return false;
                    }
                    let parent = self.nodes[i].parent;
                    if !out.is_empty() && parent != last_element {
                        if struck_to != 0 && i >= struck_to {
                            out.push(STRUCK);
                            struck_to = 0;
                        }
                        out.push(SEAM);
                    }
                    last_element = parent;
                    let clean = text::decode(raw);
                    if raw.starts_with(char::is_whitespace) && !out.is_empty() {
                        out.push(' ');
                    }
                    out.push_str(&clean);
                    if raw.ends_with(char::is_whitespace) {
                        out.push(' ');
                    }
                }
                // A heading is as much apart from a price as struck words are.
                Kind::Element(tag) if matches!(tag.key, Name::DEL | Name::S | Name::STRIKE | Name::INS | Name::H1) => {
                    if !out.is_empty() {
                        out.push(STRUCK);
                        last_element = usize::MAX;
                    }
                    struck_to = self.nodes[i].end;
                }
                Kind::Element(tag) if is_block(tag.key) && !out.is_empty() => {
                    out.push(' ');
                    last_element = usize::MAX;
                }
                Kind::Element(_) => {}
            }
            if out.len() > max {
                return false;
            }
        }
        true
    }

    /// The text of a node for people: seams gone, white space folded, cut to `max` bytes. Of a first heading it is what
    /// the heading shows, if it shows anything.
    #[must_use]
    pub fn text(&self, index: usize, max: usize) -> String {
        let mut out = String::new();
        let seen = self.nodes[index].is(Name::H1).then(|| self.written(index, max, true, &mut out));
        if seen.is_none() || out.trim().is_empty() {
            out.clear();
            self.written(index, max, false, &mut out);
        }
        match text::fold_space(&out) {
            Cow::Borrowed(folded) if folded.len() == out.len() => out,
            folded => folded.into_owned(),
        }
    }

    /// Writes the texts of a node with blanks between them; `seen` leaves out what its heading does not show.
    fn written(&self, index: usize, max: usize, seen: bool, out: &mut String) {
        let mut from = index;
        for i in index..self.nodes[index].end {
            match self.nodes[i].kind {
                _ if i < from => {}
                Kind::Text(raw) => {
                    out.push_str(&text::decode(text::cut(raw, max)));
                    out.push(' ');
                }
                Kind::Element(tag) if seen && i > index && is_unseen(&tag) => from = self.nodes[i].end,
                Kind::Element(_) => {}
            }
            if out.len() > max {
                break;
            }
        }
    }
}

impl<'a> Node<'a> {
    #[must_use]
    pub fn tag(&self) -> Option<&Tag<'a>> {
        if let Kind::Element(tag) = &self.kind { Some(tag) } else { None }
    }

    #[must_use]
    pub fn is(&self, name: Name) -> bool {
        self.tag().is_some_and(|tag| tag.is(name))
    }
}

/// Elements that start a new line on screen.
#[must_use]
pub fn is_block(name: Name) -> bool {
    static BLOCKS: Names<26> = Names::of([
        "div", "p", "li", "ul", "ol", "td", "th", "tr", "table", "section", "article", "h1", "h2", "h3", "h4", "h5",
        "h6", "br", "dt", "dd", "dl", "form", "header", "footer", "main", "fieldset",
    ]);
    BLOCKS.have(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_parents_ends_and_text() {
        let tree = Tree::build("<div><p>1 574<sup>90</sup> <b>zł</b><p>x</div><i>y", 0, usize::MAX);
        let price = tree.nodes.iter().position(|n| n.is(Name::P)).unwrap();
        let mut text = String::new();
        assert!(tree.text_with_seams(price, 80, &mut text));
        assert_eq!(text.replace(SEAM, "|"), "1 574|90|zł");
        let struck = Tree::build("<div><s>1 299</s> <b>999</b> kr<p>x</div>", 0, usize::MAX);
        text.clear();
        assert!(struck.text_with_seams(0, 80, &mut text));
        assert_eq!(text.replace(SEAM, "|").replace(STRUCK, "~"), "1 299~|999| kr |x");
        assert!(!tree.text_with_seams(price, 3, &mut String::new()));
        assert!(tree.ancestors(price).any(|i| tree.nodes[i].is(Name::DIV)));
        let outside = tree.nodes.iter().position(|n| n.is(Name::I)).unwrap();
        assert_eq!(tree.ancestors(outside).count(), 0);
    }

    #[test]
    fn a_tree_is_the_same_whatever_was_read_before() {
        let page = "<ul><li>a<li>b</ul><p>c<p>d<i>e</i></p>f<b>g</b>";
        let shape = |tree: &Tree<'_>| tree.nodes.iter().map(|n| (n.at, n.parent, n.end)).collect::<Vec<_>>();
        for to in 0..=page.len() {
            let whole = Tree::build(page, 0, to);
            for steps in 0..12 {
                let mut builder = Builder::new(page, 0);
                assert!((0..steps).map_while(|_| builder.step(page.len())).count() <= builder.nodes.len());
                assert_eq!(shape(&builder.tree(to)), shape(&whole), "{steps} steps, up to {to}");
            }
        }
    }

    #[test]
    fn deep_and_huge_pages_are_bounded() {
        let page = "<div><b>1".repeat(500_000);
        let tree = Tree::build(&page, 0, page.len());
        assert!(tree.nodes.len() <= MAX_NODES + 1);
        assert!(tree.ancestors(tree.nodes.len() - 1).count() <= MAX_DEPTH);
    }
}
