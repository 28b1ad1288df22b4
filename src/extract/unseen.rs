//! What stands inside a heading and is no part of the name it shows: words for reading programs alone, buttons, links
//! that do something instead of leading somewhere.

use super::address;
use super::scan::{Name, Tag};

/// Bytes of the shortest attributes that hide an element: `hidden`.
const SHORTEST: usize = 6;

/// Whether nobody reads an element's words as part of the heading that it stands in.
#[must_use]
pub fn is_unseen(tag: &Tag<'_>) -> bool {
    if tag.is(Name::BUTTON) {
        return true;
    }
    if tag.attributes.len() < SHORTEST {
        return false;
    }
    tag.attributes().any(|(key, value)| match key.len() {
        5 if key.eq_ignore_ascii_case("class") => hides(value),
        5 if key.eq_ignore_ascii_case("style") => hides_by_style(value),
        4 if key.eq_ignore_ascii_case("href") => tag.is(Name::A) && address::stays(value),
        6 if key.eq_ignore_ascii_case("hidden") => !value.eq_ignore_ascii_case("false"),
        _ => false,
    })
}

/// Class names that keep words from the screen.
fn hides(class: &str) -> bool {
    const STEMS: [&str; 6] =
        ["sr-only", "visually-hidden", "visuallyhidden", "screen-reader", "screenreader", "offscreen"];
    const WHOLE: [&str; 2] = ["g-hdn", "clipped"];
    let lower = class.to_ascii_lowercase();
    lower.split_ascii_whitespace().any(|name| {
        STEMS.iter().any(|stem| name.contains(stem) && !name.contains("not-"))
            || WHOLE.contains(&name) && !returns(&lower)
    }) || is_not_drawn(class)
}

/// Whether class names that many shops share keep an element off the page, for people and for programs that read aloud.
#[must_use]
pub fn is_not_drawn(class: &str) -> bool {
    const WHOLE: [&str; 4] = ["hidden", "is-hidden", "u-hidden", "d-none"];
    let named = |class: &str| class.split_ascii_whitespace().any(|name| WHOLE.contains(&name));
    named(class) && !returns(class)
}

/// Whether an element that class names hide comes back: `hidden md:inline` and `d-none d-md-inline` are hidden on narrow
/// screens alone.
fn returns(class: &str) -> bool {
    class.contains(':') || class.split_ascii_whitespace().any(|name| name.starts_with("d-") && name != "d-none")
}

fn hides_by_style(style: &str) -> bool {
    let plain: String = style.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
    plain.contains("display:none") || plain.contains("visibility:hidden")
}
