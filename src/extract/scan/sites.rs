//! Where a page has attributes of interest, found without reading any tag.
//!
//! Most tags of a page have none of them, and one search for all of them is far cheaper than reading the attributes of
//! every tag.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};

/// The tails of attribute names that some reader waits for, see [`super::marks`]. Tails, because the search compares
/// the first bytes of each needle, and `item`, `data` and `type` stand in every second tag.
const TAILS: [&str; 15] = [
    "<script", "<SCRIPT", "emprop", "emProp", "emscope", "emScope", "emtype", "emType", "peof=", "ta-produ", "ta-page",
    "ta-price", "ge-init", "gtm-pro", "k-produ",
];

/// How many of them, the first ones, are no attributes but scripts.
const SCRIPTS: usize = 2;

/// Vector instructions where the processor has them; the automaton gives the same answer everywhere else.
static FINDER: LazyLock<(Option<packed::Searcher>, AhoCorasick)> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the names are constants of this file; a test collects a page with them")]
    let slow = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(TAILS)
        .expect("constant names build an automaton");
    (packed::Searcher::new(TAILS), slow)
});

/// Places of attributes of interest, found piece by piece while a reader walks the page.
#[derive(Debug, Clone)]
pub(super) struct Sites<'a> {
    page: &'a str,
    found: Vec<usize>,
    next: usize,
    /// Byte offset up to which places are known.
    searched: usize,
}

impl<'a> Sites<'a> {
    pub(super) fn of(page: &'a str) -> Self {
        Self { page, found: Vec::new(), next: 0, searched: 0 }
    }

    /// The first place behind `at`, or a byte offset at which to ask again. Asked in page order, and never inside a
    /// script: a search ends where the next script seems to begin, so that no script is searched.
    pub(super) fn behind(&mut self, at: usize) -> usize {
        loop {
            while self.found.get(self.next).is_some_and(|site| *site <= at) {
                self.next += 1;
            }
            if let Some(site) = self.found.get(self.next) {
                return *site;
            }
            if self.searched > at {
                return if self.searched < self.page.len() { self.searched } else { usize::MAX };
            }
            if at >= self.page.len() {
                return usize::MAX;
            }
            self.search(at);
        }
    }

    fn search(&mut self, from: usize) {
        let bytes = self.page.as_bytes();
        self.found.clear();
        self.next = 0;
        let mut span = Span { start: from, end: bytes.len() };
        loop {
            let hit = match &*FINDER {
                (Some(fast), _) => fast.find_in(bytes, span),
                (None, slow) => slow.find(Input::new(bytes).span(span)),
            };
            let Some(hit) = hit else { break };
            if hit.pattern().as_usize() < SCRIPTS && hit.start() > from {
                span.end = hit.start();
                break;
            }
            self.found.push(hit.start());
            span.start = hit.end();
        }
        self.searched = span.end;
    }
}
