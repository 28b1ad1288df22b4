//! Text that others wrote (titles, reasons, messages) made harmless for every place where reports show it.

use super::lang::Voice;

/// Titles are cut to this many characters.
const MAX_TITLE: usize = 80;
/// Messages are cut to this many.
const MAX_MESSAGE: usize = 300;
/// A spreadsheet's cell holds 32,767 characters (Excel's limits); nobody reads a tenth of that.
const MAX_CELL: usize = 3_000;

/// Scraped text without what could break a line, turn it around or hide in it.
#[must_use]
pub fn plain(text: &str) -> String {
    one_line(text, char::is_whitespace)
}

/// Harmless text in one line: what is a `space` becomes one blank.
fn one_line(text: &str, space: fn(char) -> bool) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}')
    };
    let cleaned: String = text.chars().map(|c| if invisible(c) { ' ' } else { c }).collect();
    cleaned.split(space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A product's title, short enough for a row. One that runs from right to left is isolated (Unicode Standard Annex 9,
/// section 2.4), so that it cannot turn the prices beside it around.
#[must_use]
pub fn title(text: &str) -> String {
    isolated(cut(plain(text), MAX_TITLE))
}

fn isolated(clean: String) -> String {
    if clean.chars().any(runs_left) { format!("\u{2068}{clean}\u{2069}") } else { clean }
}

/// Letters and digits of scripts that run from right to left, by their blocks.
const fn runs_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// A message or reason of the program, which may quote what a site or a channel said. Blanks that do not break stay: they
/// keep an amount on one line with its currency.
#[must_use]
pub fn message(text: &str) -> String {
    cut(one_line(text, |c| c.is_whitespace() && c != '\u{a0}'), MAX_MESSAGE)
}

fn cut(clean: String, most: usize) -> String {
    if clean.chars().count() <= most { clean } else { clean.chars().take(most - 1).chain(['…']).collect() }
}

/// A cell's text that no spreadsheet takes for a formula (OWASP, "CSV injection"): an apostrophe stands before
/// whatever would begin one, also after spaces. Tabs and line ends are no part of a line of text.
#[must_use]
pub fn cell(text: &str) -> String {
    let clean = cut(plain(text), MAX_CELL);
    if clean.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) { format!("'{clean}") } else { clean }
}

/// A name as one word of a command that is pasted into a shell: quoted as soon as it holds anything but plain letters,
/// digits and marks without a meaning there (POSIX, "Quoting").
#[must_use]
pub fn quoted(name: &str) -> String {
    let clean = plain(name);
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | ',' | '+' | '@' | '%');
    // A word that begins with a hyphen would be taken for an option, quoted or not.
    if !clean.is_empty() && clean.chars().all(safe) && !clean.starts_with('-') {
        return clean;
    }
    let option = if clean.starts_with('-') { "-- " } else { "" };
    format!("{option}'{}'", clean.replace('\'', "'\\''"))
}

/// What to do about an event. Hints speak of `SKU`, or name it; where it is known the command can be pasted.
#[must_use]
pub fn hint(hint: &str, sku: Option<&str>, voice: &Voice) -> String {
    let Some(sku) = sku else { return message(&voice.tell(hint)) };
    let (word, named) = (quoted(sku), format!("explain {sku}"));
    // A sentence is told by its values; the name in it is quoted afterwards.
    let told = voice.tell(hint).replace(&named, &format!("explain {word}"));
    message(&told.replace(" SKU", &format!(" {word}")))
}

/// SKU and title in one line.
#[must_use]
pub fn product(sku: &str, name: &str) -> String {
    let (sku, name) = (title(sku), title(name));
    if sku == name || name.is_empty() { sku } else { format!("{sku} {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_formula_is_neutral_even_behind_spaces_and_control_characters() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\u{feff}=1", "\n-2+3", "＝1"] {
            assert!(cell(hostile).starts_with('\''), "{hostile:?} gives {:?}", cell(hostile));
        }
        for harmless in ["Kettle = 1 l", "%", "% of list", "|x|"] {
            assert_eq!(cell(harmless), harmless);
        }
    }

    #[test]
    fn a_name_is_one_word_of_a_command_whatever_it_holds() {
        assert_eq!(quoted("KETTLE-1,7/l"), "KETTLE-1,7/l");
        assert_eq!(quoted("AB 12;$(id)"), "'AB 12;$(id)'");
        assert_eq!(quoted("it's `x`\n&"), "'it'\\''s `x` &'");
        assert_eq!(quoted("-rf"), "-- '-rf'");
        assert_eq!(quoted(""), "''");
        let voice = Voice::new(crate::config::Language::En, "UTC");
        for stored in ["omniprice explain SKU", "omniprice explain A;b"] {
            assert_eq!(hint(stored, Some("A;b"), &voice), "omniprice explain 'A;b'");
        }
        let both = "omniprice explain A;b shows both histories; [guards.rivalry] says what is done";
        assert!(hint(both, Some("A;b"), &voice).starts_with("omniprice explain 'A;b' shows"));
    }

    #[test]
    fn an_amount_in_a_message_stays_on_one_line() {
        assert_eq!(
            message("from DKK\u{a0}2,500.00\nto  DKK\u{a0}4,000.00"),
            "from DKK\u{a0}2,500.00 to DKK\u{a0}4,000.00"
        );
        assert_eq!(cell("\u{a0}=1"), "'=1", "a sheet gets plain blanks");
    }

    #[test]
    fn a_title_from_right_to_left_is_isolated_and_a_cell_holds_what_a_sheet_takes() {
        assert_eq!(product("A1", "קומקום"), "A1 \u{2068}קומקום\u{2069}");
        assert_eq!(title("Kettle"), "Kettle");
        assert_eq!(cell(&"x".repeat(40_000)).chars().count(), MAX_CELL);
    }

    #[test]
    fn nothing_turns_a_line_around_or_breaks_it() {
        assert_eq!(plain("a\u{202e}b\r\nc\0\u{200b}d\u{e0041}"), "a b c d");
        assert_eq!(title(&"æ".repeat(500)).chars().count(), MAX_TITLE);
        assert_eq!(product("A-1", "A-1"), "A-1");
    }
}
