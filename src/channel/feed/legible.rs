//! Text that every reader of a feed can read: one character outside of what XML allows makes the whole file unreadable,
//! and a tab or a line break is the end of a cell for many readers of tables.

/// The text without controls and non-characters; tabs and line breaks become spaces.
pub(super) fn legible(text: &str) -> String {
    let one = |c: char| match c {
        '\t' | '\n' | '\r' => Some(' '),
        c if c.is_control() || noncharacter(c) => None,
        c => Some(c),
    };
    text.chars().filter_map(one).collect()
}

/// Code points that Unicode keeps for no character; XML 1.0 forbids two of them (`Char`, section 2.2).
const fn noncharacter(c: char) -> bool {
    matches!(c as u32, 0xFDD0..=0xFDEF) || (c as u32) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_reader_takes_is_dropped_and_words_stay_apart() {
        assert_eq!(legible("Acme\u{1}\u{b}\u{fffe}\u{ffff}\u{1fffe}\u{85} Ltd"), "Acme Ltd");
        assert_eq!(legible("two\nlines\ta cell\r"), "two lines a cell ");
        assert_eq!(legible("Kaffe æøå ☕ 𝄞"), "Kaffe æøå ☕ 𝄞");
    }
}
