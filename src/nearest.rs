//! The known name that a mistyped one most likely means, for messages that ask "did you mean".

use std::cmp::Reverse;

/// A longer name is compared with nothing: nobody types one by hand.
const MAX_NAME: usize = 200;
/// A shorter beginning of a name says too little about the rest.
const LEAST_BEGINNING: usize = 4;

/// The known name nearest to a mistyped one; none where nothing is near. Letter case does not count; a third of the letters
/// may be others. The beginning of a name (`near` for `near.example`) and the last part of a category are near, too.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.trim().to_lowercase();
    let letters = wanted.chars().count();
    if wanted.is_empty() || letters > MAX_NAME {
        return None;
    }
    let distance = |other: &str| {
        let other = other.to_lowercase();
        let begins = letters >= LEAST_BEGINNING && other.starts_with(&wanted);
        let ends = other.strip_suffix(&wanted).is_some_and(|before| before.ends_with('/'));
        let far = if begins || ends { 1 } else { strsim::osa_distance(&wanted, &other) };
        (far <= (letters / 3).max(1)).then_some(far)
    };
    let short = known.into_iter().filter(|other| *other != name && other.chars().count() <= MAX_NAME);
    // Of names equally near, the first by letter.
    short.filter_map(|other| Some((Reverse(distance(other)?), Reverse(other)))).max().map(|(_, Reverse(other))| other)
}

/// `; did you mean NAME?`, or nothing where no known name is near.
#[must_use]
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |other| format!("; did you mean `{}`?", other.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_find_the_name_and_other_names_do_not() {
        let known = ["near.example", "far.example", "audio/headphones", "KETTLE", "KETTLE-2"];
        for (typed, expected) in [
            ("near.exmaple", Some("near.example")),
            ("near", Some("near.example")),
            ("kettle", Some("KETTLE")),
            ("KETLE", Some("KETTLE")),
            ("headphones", Some("audio/headphones")),
            ("Audio/Headphone", Some("audio/headphones")),
            ("phones", None),
            ("torv.shop", None),
            ("fa", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known), expected, "{typed}");
        }
        assert_eq!(nearest("SKU", ["SKU2", "SKU1"]), Some("SKU1"), "the first of two that are equally near");
        assert_eq!(nearest(&"x".repeat(500), ["y"]), None);
        assert_eq!(meant("ketle", known), "; did you mean `KETTLE`?");
        assert_eq!(meant("lamp", known), "");
    }
}
