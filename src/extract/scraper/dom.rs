//! The one place that builds a full tree, for CSS rules of site files.
//!
//! html5ever is quadratic in nesting depth, so pages are fed in pieces and given up when they are too deep or large.

use html5ever::tendril::TendrilSink as _;
use scraper::{Html, HtmlTreeSink};

use crate::extract::scan::{Name, Scanner, Token};

/// Bytes fed at a time.
const PIECE: usize = 4 * 1024;
/// Largest page a tree is built for.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Deepest nesting by tag count; browsers cap the tree at 512 as well.
const MAX_DEPTH: usize = 512;
/// Attributes in one tag: html5ever compares each new one with all before it.
const MAX_ATTRIBUTES: usize = 400;
/// Formatting elements open at once: html5ever clones all of them at every paragraph.
const MAX_FORMATTING: usize = 64;

/// Why a page got no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the page is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the page nests deeper than {MAX_DEPTH} elements")]
    TooDeep,
    #[error("a tag has more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    #[error("more than {MAX_FORMATTING} formatting elements are never closed")]
    Unclosed,
}

/// Builds the tree of a page whose cost was checked first by a linear scan: no clock is needed to bound the work.
///
/// # Errors
/// [`Refused`] when the page's shape would cost more than it is worth.
pub fn parse(page: &str) -> Result<Html, Refused> {
    affordable(page)?;
    let mut parser =
        html5ever::driver::parse_document(HtmlTreeSink::new(Html::new_document()), html5ever::ParseOpts::default());
    let mut rest = page;
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.ceil_char_boundary(PIECE));
        parser.process(piece.into());
        rest = more;
    }
    Ok(parser.finish())
}

fn affordable(page: &str) -> Result<(), Refused> {
    const FORMATTING: [Name; 10] = [
        Name::A,
        Name::B,
        Name::I,
        Name::of("em"),
        Name::STRONG,
        Name::of("font"),
        Name::of("u"),
        Name::S,
        Name::of("small"),
        Name::of("code"),
    ];
    if page.len() > MAX_BYTES {
        return Err(Refused::TooLarge);
    }
    let (mut depth, mut formatting) = (0_usize, 0_usize);
    for token in Scanner::new(page) {
        if let Token::Open(tag) = &token
            && tag.attributes.len() > MAX_ATTRIBUTES
            && tag.attributes().take(MAX_ATTRIBUTES + 1).count() > MAX_ATTRIBUTES
        {
            return Err(Refused::TooManyAttributes);
        }
        match token {
            Token::Open(tag) if !tag.key.is_void() && !ends_itself(tag.key) => {
                depth += 1;
                if FORMATTING.contains(&tag.key) {
                    formatting += 1;
                }
                if depth > MAX_DEPTH {
                    return Err(Refused::TooDeep);
                }
                if formatting > MAX_FORMATTING {
                    return Err(Refused::Unclosed);
                }
            }
            Token::Close { name, .. } if !ends_itself(name) => {
                depth = depth.saturating_sub(1);
                if FORMATTING.contains(&name) {
                    formatting = formatting.saturating_sub(1);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Elements whose end tag pages may leave out: they never nest by being unclosed.
fn ends_itself(name: Name) -> bool {
    name.ends_at_sibling() || name == Name::of("tbody")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_pages_get_a_tree_and_bombs_do_not() {
        assert!(parse("<p>x<b>y").is_ok());
        assert_eq!(parse(&"<div>".repeat(100_000)).err(), Some(Refused::TooDeep));
        assert_eq!(parse(&"<b>x".repeat(300)).err(), Some(Refused::Unclosed));
        let attributes: String = (0..1_000).map(|i| format!(" a{i}")).collect();
        assert_eq!(parse(&format!("<p{attributes}>")).err(), Some(Refused::TooManyAttributes));
    }
}
