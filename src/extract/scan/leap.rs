//! Leaping from one tag of interest to the next without looking at what stands between them.
//!
//! Most tags of a page have nothing that a reader of structured data waits for, and one search for all that has is far
//! cheaper than a step to every tag.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use memchr::memrchr;

use super::tag::{self, Name};
use super::word::find_near;
use super::{MAX_TAG, Scanner, Token, declaration_end, raw_end, raw_name};

/// What is searched for: beginnings of tags and comments, and words inside of tags.
///
/// Tags in capitals come from pages of an older kind; no page mixes both in one name. Of attribute names only tails are
/// searched for, because the search compares the first four bytes of each needle, and `item`, `data` and `type` stand in
/// every second tag. More than 32 needles would be searched for half as fast. The order spreads them over the eight
/// groups of the search, one column each, so that few other words of a page look like a member of a group: measured on
/// shop pages, it halves the cost.
#[rustfmt::skip]
const NEEDLES: [&str; 30] = [
    "<script", "<title", "emprop",  "ta-produ", "<meta",  "ge-init", "<!--",      "<style",
    "<h1\r",   "<h1>",   "emscope", "ck-produ", "emtype", "nonical", "m-product", "<textarea",
    "<SCRIPT", "<h1 ",   "emProp",  "ta-page",  "<META",  "emScope", "emType",    "ypeof=",
    "<TITLE",  "<h1\n",  "<STYLE",  "ta-price", "<H1>",   "<H1 ",
];

/// Vector instructions where the processor has them; the automaton gives the same answer everywhere else.
static FINDER: LazyLock<(Option<packed::Searcher>, AhoCorasick)> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the needles are constants of this file; a test collects a page with them")]
    let slow = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostFirst)
        .build(NEEDLES)
        .expect("constant needles build an automaton");
    (packed::Searcher::new(NEEDLES), slow)
});

/// Tags in front of an attribute that are tried for being the one it stands in.
const MAX_TRIES: usize = 4;

impl<'a> Scanner<'a> {
    /// The next tag that holds facts about the page or has an attribute of [`super::marks`], or the content of the raw
    /// text element that was opened last. Neither texts nor end tags are given out.
    pub fn leap(&mut self) -> Option<Token<'a>> {
        if let Some(token) = self.raw_token() {
            return Some(token);
        }
        // Nothing before `known` can reach beyond it: every byte is searched backwards once.
        let mut known = self.pos;
        let mut from = self.pos;
        while let Some(at) = find(self.bytes, from) {
            let inside = self.bytes[at] != b'<';
            let comment = !inside && self.bytes.get(at + 1) == Some(&b'!');
            let start = if inside { self.tag_around(known..at) } else { Some(at) };
            let Some(start) = start else {
                (known, from) = (at, at + 1);
                continue;
            };
            if !inside && !comment && !is_sought(Name::at(self.bytes, at + 1, self.bytes.len()).0) {
                from = at + 1;
            } else if let Some(end) = (!inside).then(|| self.value_around(known..at)).flatten() {
                (known, from) = (end + 1, end + 1);
            } else if comment {
                self.skip_declaration(at);
                (known, from) = (self.pos, self.pos);
            } else {
                return Some(self.open(start));
            }
        }
        self.pos = self.bytes.len();
        None
    }

    /// Byte offset at which the leaping scanner stands.
    #[must_use]
    pub fn position(&self) -> usize {
        self.pos
    }

    /// Where the tag begins that reaches beyond the end of `range` and begins inside of it.
    fn tag_around(&self, range: Range<usize>) -> Option<usize> {
        let mut end = range.end;
        for _ in 0..MAX_TRIES {
            let start = range.start + memrchr(b'<', self.bytes.get(range.start..end)?)?;
            if self.tag_end(start).is_some_and(|tag_end| tag_end > range.end) {
                return Some(start);
            }
            end = start;
        }
        None
    }

    /// The end of the tag before the end of `range`, if a quoted value of that tag reaches beyond it: what looks like a
    /// comment or a tag there is text.
    fn value_around(&self, range: Range<usize>) -> Option<usize> {
        let start = range.start + memrchr(b'<', self.bytes.get(range.clone())?)?;
        self.tag_end(start).filter(|end| *end > range.end && self.bytes.get(*end) == Some(&b'>'))
    }

    /// Where the tag ends that begins at `start`, if one does.
    fn tag_end(&self, start: usize) -> Option<usize> {
        self.bytes.get(start + 1).filter(|first| first.is_ascii_alphabetic())?;
        let (_, name_end) = Name::at(self.bytes, start + 1, self.bytes.len());
        Some(tag::end(self.bytes, name_end, self.bytes.len().min(name_end + MAX_TAG)))
    }
}

/// Byte offset of the next needle.
fn find(bytes: &[u8], from: usize) -> Option<usize> {
    let span = Span { start: from.min(bytes.len()), end: bytes.len() };
    let hit = match &*FINDER {
        (Some(fast), _) => fast.find_in(bytes, span),
        (None, slow) => slow.find(Input::new(bytes).span(span)),
    }?;
    Some(hit.start())
}

/// Elements whose tags or texts say something about the page, and those whose content is no markup.
const fn is_sought(name: Name) -> bool {
    matches!(name, Name::META | Name::SCRIPT | Name::STYLE | Name::TITLE | Name::H1 | Name::HTML | Name::TEXTAREA)
}

/// The beginning or the end of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    Open,
    Close,
}

/// Gives out the names of the tags in a part of a page in page order, and nothing else of them.
///
/// For parts that a scanner leapt over, when it turns out that the nesting of elements matters. Comments and the content
/// of raw text elements are left out. `take` says whether it wants more.
pub fn edges(source: &str, range: Range<usize>, mut take: impl FnMut(Edge, Name) -> bool) {
    let bytes = &source.as_bytes()[..range.end.min(source.len())];
    let mut from = range.start;
    let mut comments = true;
    while let Some(less) = find_near(bytes, from, *b"<") {
        from = less + 1;
        let more = match bytes.get(from).copied().unwrap_or(0) {
            b'/' => take(Edge::Close, Name::at(bytes, less + 2, bytes.len()).0),
            // What has no end is no comment but part of a value, and so are all that follow it.
            b'!' if comments && bytes[less..].starts_with(b"<!--") => match declaration_end(bytes, less) {
                Some(end) => {
                    from = end;
                    true
                }
                None => {
                    comments = false;
                    true
                }
            },
            first if first.is_ascii_alphabetic() => {
                let (name, end) = Name::at(bytes, from, bytes.len());
                let more = take(Edge::Open, name);
                from = end;
                if let Some(raw) = raw_name(name) {
                    from += raw_end(&bytes[from..], raw).unwrap_or(bytes.len() - from);
                }
                more
            }
            _ => true,
        };
        if !more {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaps(page: &str) -> Vec<&str> {
        let mut scanner = Scanner::new(page);
        let mut seen = Vec::new();
        while let Some(token) = scanner.leap() {
            match token {
                Token::Open(tag) => seen.push(&page[tag.at..tag.end()]),
                Token::Raw { text, .. } => seen.push(text),
                Token::Close { .. } | Token::Text { .. } => panic!("{token:?}"),
            }
        }
        seen
    }

    #[test]
    fn nothing_of_interest_is_lost() {
        let page = r#"<i><p title='<meta name=a>'>a<META name=b content="<!--"><b data-x="<i>" itemprop=c>d</b>
            <metal itemtypo><!-- <meta> --><textarea><meta></textarea><div class="<!-- x"><a href=/ data-page="{}">"#;
        assert_eq!(
            leaps(page),
            [
                r#"<META name=b content="<!--""#,
                r#"<b data-x="<i>" itemprop=c"#,
                "<textarea",
                "<meta>",
                r#"<a href=/ data-page="{}""#
            ]
        );
    }

    #[test]
    fn the_slow_search_finds_the_same() {
        let page = "<SCRIPT>a</script>k-produ canonical <h1\nclass=a><h2><meta><!---->".repeat(3);
        let (fast, slow) = &*FINDER;
        let fast = fast.as_ref().map(|fast| fast.find_iter(&page).map(|hit| hit.start()).collect::<Vec<_>>());
        assert!(fast.is_none_or(|fast| fast == slow.find_iter(&page).map(|hit| hit.start()).collect::<Vec<_>>()));
    }

    #[test]
    fn edges_are_those_of_elements() {
        let page = "<div class='a'><!-- <b> --><script>'<b>'</script><br/>1 < 2</div >";
        let mut seen = Vec::new();
        edges(page, 0..page.len(), |edge, name| {
            seen.push((edge, name));
            true
        });
        let script = Name::SCRIPT;
        assert_eq!(
            seen,
            [
                (Edge::Open, Name::DIV),
                (Edge::Open, script),
                (Edge::Close, script),
                (Edge::Open, Name::BR),
                (Edge::Close, Name::DIV)
            ]
        );
    }

    #[test]
    fn hostile_shapes_stay_linear() {
        for unit in [
            "<a x=\"<meta >",
            "mprop itemprop ",
            "<a <!--",
            "<meta x='",
            "<i itemprop",
            "<h1 <a '=\"k-produ",
            "<script ",
        ] {
            let page = unit.repeat(100_000);
            assert!(leaps(&page).len() <= page.len());
            edges(&page, 0..page.len(), |_, _| true);
        }
    }
}
