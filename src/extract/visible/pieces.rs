//! The texts of elements around a price, each read as a price at most once.
//!
//! Boxes inside boxes and tiles beside tiles have the same text, and most boxes are only looked at for what they hold
//! besides the price: what a text reads as is told when somebody asks.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::digits::{self, Drawn};
use super::seams;
use crate::extract::price::{self, Context, Reading};
use crate::extract::text;
use crate::extract::tree::Tree;

/// Bytes of text an element may hold and still be one price.
pub(super) const MAX_PRICE_TEXT: usize = 90;

/// The first amount of a text and the one behind it.
pub type Amounts = Option<Rc<(Reading, Option<Reading>)>>;

/// A text as people read it.
#[derive(Debug)]
struct Plain {
    /// `None` where it is the text with seams.
    text: Option<String>,
    /// Its elements split one amount.
    split: bool,
}

/// The text of an element.
#[derive(Debug)]
pub struct Piece {
    seamed: String,
    by_digits: bool,
    unclear: bool,
    plain: OnceCell<Plain>,
    amounts: OnceCell<Amounts>,
    marked: OnceCell<Amounts>,
}

impl Piece {
    fn of(seamed: String) -> Self {
        let (plain, amounts, marked) = Default::default();
        Self { seamed, by_digits: false, unclear: false, plain, amounts, marked }
    }

    fn told(&self) -> &Plain {
        self.plain.get_or_init(|| {
            let (joined, split) = seams::join(&self.seamed);
            let plain = text::fold_space(&joined);
            Plain { text: (*plain != self.seamed).then(|| plain.into_owned()), split }
        })
    }

    /// The text as people read it.
    #[must_use]
    pub fn plain(&self) -> &str {
        self.told().text.as_deref().unwrap_or(&self.seamed)
    }

    /// Whether its number stands in elements of one kind, which touch each other: none of them is a number by itself.
    #[must_use]
    pub fn is_drawn_by_digits(&self) -> bool {
        self.by_digits
    }

    /// Whether such a number can be read in two ways.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// Whether its elements split one amount.
    #[must_use]
    pub fn is_split(&self) -> bool {
        self.told().split
    }
}

/// Reads the texts of one tree.
pub struct Pieces<'r, 'a> {
    tree: &'r Tree<'a>,
    context: &'r Context<'r>,
    read: RefCell<FxHashMap<String, Amounts>>,
    /// Texts in which no money stands beside a number.
    unmarked: RefCell<FxHashSet<String>>,
    /// By element: texts beside each other climb through the same boxes.
    known: RefCell<FxHashMap<usize, Option<Rc<Piece>>>>,
    /// Where texts are put together: most turn out to be too long.
    room: RefCell<String>,
}

impl<'r, 'a> Pieces<'r, 'a> {
    #[must_use]
    pub fn of(tree: &'r Tree<'a>, context: &'r Context<'r>) -> Self {
        let (read, unmarked, known, room) = Default::default();
        Self { tree, context, read, unmarked, known, room }
    }

    /// What a text reads as.
    #[must_use]
    pub fn read(&self, text: &str) -> Amounts {
        if !price::may_hold_number(text) {
            return None;
        }
        if let Some(known) = self.read.borrow().get(text) {
            return known.clone();
        }
        let found = price::read_two(text, self.context).ok().map(Rc::new);
        self.read.borrow_mut().insert(text.to_owned(), found.clone());
        found
    }

    /// What a text reads as if money stands beside its amount.
    #[must_use]
    pub fn read_marked(&self, text: &str) -> Amounts {
        if !price::may_hold_number(text) || self.unmarked.borrow().contains(text) {
            return None;
        }
        if let Some(known) = self.read.borrow().get(text) {
            return known.clone().filter(|read| read.0.mark.is_some());
        }
        let Ok(found) = price::read_two_marked(text, self.context) else {
            self.unmarked.borrow_mut().insert(text.to_owned());
            return None;
        };
        let found = Some(Rc::new(found));
        self.read.borrow_mut().insert(text.to_owned(), found.clone());
        found
    }

    /// The text of an element; `None` if it is too long for a price.
    #[must_use]
    pub fn piece(&self, element: usize) -> Option<Rc<Piece>> {
        if let Some(known) = self.known.borrow().get(&element) {
            return known.clone();
        }
        let mut room = self.room.borrow_mut();
        room.clear();
        let short = self.tree.text_with_seams(element, MAX_PRICE_TEXT, &mut room);
        let seamed = short.then(|| room.as_str().to_owned());
        let piece = seamed.map(|seamed| Rc::new(Piece::of(seamed)));
        self.known.borrow_mut().insert(element, piece.clone());
        piece
    }

    /// The text of an element around one that holds nothing but digits: with those joined that are drawn as one number.
    #[must_use]
    pub fn around_digits(&self, element: usize) -> Option<Rc<Piece>> {
        let piece = self.piece(element)?;
        let (seamed, unclear) = match digits::drawn(self.tree, element, &piece.seamed) {
            Some(Drawn::Whole(text)) => (text, false),
            Some(Drawn::Unclear) => (piece.seamed.clone(), true),
            None => return Some(piece),
        };
        let piece = Some(Rc::new(Piece { by_digits: true, unclear, ..Piece::of(seamed) }));
        self.known.borrow_mut().insert(element, piece.clone());
        piece
    }

    /// What the text of an element reads as.
    #[must_use]
    pub fn amounts<'p>(&self, piece: &'p Piece) -> Option<&'p (Reading, Option<Reading>)> {
        piece.amounts.get_or_init(|| self.read(piece.plain())).as_deref()
    }

    /// What the text of an element reads as if money stands beside its amount, for less than [`Self::amounts`] costs.
    #[must_use]
    pub fn marked<'p>(&self, piece: &'p Piece) -> Option<&'p (Reading, Option<Reading>)> {
        if let Some(known) = piece.amounts.get() {
            return known.as_deref().filter(|read| read.0.mark.is_some());
        }
        piece.marked.get_or_init(|| self.read_marked(piece.plain())).as_deref()
    }
}
