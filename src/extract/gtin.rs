//! GTIN, EAN, UPC and ISBN: check digit verified, printed forms restored, one canonical spelling.
//!
//! A number whose check digit is wrong is no GTIN; it is never repaired.

/// Kinds of number that carry a GS1 or ISBN check digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gtin8,
    Gtin12,
    Gtin13,
    Gtin14,
    Isbn10,
    Isbn13,
    Ismn,
    Issn,
}

impl Kind {
    /// The name used in data files: `gtin13`, `isbn10`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gtin8 => "gtin8",
            Self::Gtin12 => "gtin12",
            Self::Gtin13 => "gtin13",
            Self::Gtin14 => "gtin14",
            Self::Isbn10 => "isbn10",
            Self::Isbn13 => "isbn13",
            Self::Ismn => "ismn",
            Self::Issn => "issn",
        }
    }
}

/// Finds the identifier in a text such as `EAN13: 8717801048538` or ` 978-1-56619-909-4 ` and says what it is.
///
/// Separators and labels are allowed; other letters are not, so part numbers never turn into GTINs.
#[must_use]
pub fn classify(text: &str) -> Option<(Kind, String)> {
    let text = text.trim().trim_matches(['(', ')', '[', ']', '.', ',']);
    let upper = text.to_ascii_uppercase();
    let body = without_label(&upper);
    let digits: String = body.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}' | '‐' | '‑' | '–')).collect();
    if let Some(found) = exact(&digits, body) {
        return Some(found);
    }
    // `EAN131334567890125`, `Gtin1414334567890129`: the label's own digits stick to the number.
    ["13", "14", "12", "10", "8"].into_iter().filter(|_| body.len() < upper.len()).find_map(|size| {
        let rest = digits.strip_prefix(size)?;
        (rest.len().to_string() == size).then(|| exact(rest, rest)).flatten()
    })
}

/// The identifier as 13 digits where it has a GS1 form (ISBN-10 becomes its EAN), as printed digits otherwise.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let (kind, digits) = classify(text)?;
    match kind {
        Kind::Gtin8 | Kind::Gtin13 | Kind::Isbn13 | Kind::Ismn => Some(digits),
        Kind::Gtin12 => Some(format!("0{digits}")),
        // An indicator of 0 is the item itself; others are cases of it and stay as they are.
        Kind::Gtin14 => Some(digits.strip_prefix('0').map_or_else(|| digits.clone(), str::to_owned)),
        Kind::Isbn10 => {
            let core = format!("978{}", &digits[..9]);
            Some(format!("{core}{}", check_digit(&core)?))
        }
        Kind::Issn => None,
    }
}

fn without_label(upper: &str) -> &str {
    const LABELS: [&str; 16] = [
        "ISBN-13", "ISBN-10", "ISBN13", "ISBN10", "ISBN", "EAN-13", "EAN13", "EAN", "GTIN-13", "GTIN", "UPC", "JAN",
        "ISSN", "ISMN", "URN:ISBN", "BARCODE",
    ];
    // Labels with digits may swallow the first digits of the number: `EAN131334567890125` keeps 13 for the caller.
    let label = LABELS.iter().filter(|label| upper.starts_with(**label)).max_by_key(|label| label.len());
    let Some(label) = label else { return upper };
    let rest = &upper[label.len()..];
    let separated = rest.starts_with(|c: char| !c.is_ascii_alphanumeric());
    let rest = if separated || !label.ends_with(|c: char| c.is_ascii_digit()) {
        rest
    } else {
        &upper[label.trim_end_matches(|c: char| c.is_ascii_digit()).len()..]
    };
    rest.trim_start_matches([' ', ':', '#', '-', '–', '\t', '.'])
}

fn exact(digits: &str, body: &str) -> Option<(Kind, String)> {
    let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
    let found = |kind| Some((kind, digits.to_owned()));
    match digits.len() {
        13 if all_digits && gs1_valid(digits) => match &digits[..3] {
            "978" => found(Kind::Isbn13),
            "979" if digits.as_bytes()[3] == b'0' => found(Kind::Ismn),
            "979" => found(Kind::Isbn13),
            _ => found(Kind::Gtin13),
        },
        14 if all_digits && gs1_valid(digits) => found(Kind::Gtin14),
        12 if all_digits && gs1_valid(digits) => found(Kind::Gtin12),
        8 if body.as_bytes().get(4) == Some(&b'-') && issn_valid(digits) => found(Kind::Issn),
        8 if all_digits && gs1_valid(digits) => found(Kind::Gtin8),
        10 if isbn10_valid(digits) => found(Kind::Isbn10),
        _ => None,
    }
}

/// The GS1 check digit of a number without it: weights 3 and 1 from the right.
fn check_digit(core: &str) -> Option<u32> {
    let sum: u32 = core
        .bytes()
        .rev()
        .enumerate()
        .map(
            |(i, b)| if b.is_ascii_digit() { Some(u32::from(b - b'0') * if i % 2 == 0 { 3 } else { 1 }) } else { None },
        )
        .sum::<Option<u32>>()?;
    Some((10 - sum % 10) % 10)
}

fn gs1_valid(digits: &str) -> bool {
    let Some((core, last)) = digits.split_at_checked(digits.len() - 1) else { return false };
    let trivial = digits.bytes().all(|b| b == b'0');
    !trivial && check_digit(core).map(|d| d.to_string()).as_deref() == Some(last)
}

fn isbn10_valid(digits: &str) -> bool {
    let mut sum = 0;
    for (i, c) in digits.chars().enumerate() {
        let value = match c {
            'X' if i == 9 => 10,
            c => match c.to_digit(10) {
                Some(d) => d,
                None => return false,
            },
        };
        sum += value * (10 - u32::try_from(i).unwrap_or(0));
    }
    sum % 11 == 0
}

fn issn_valid(digits: &str) -> bool {
    let mut sum = 0;
    for (i, c) in digits.chars().enumerate() {
        let value = match c {
            'X' if i == 7 => 10,
            c => match c.to_digit(10) {
                Some(d) => d,
                None => return false,
            },
        };
        sum += value * (8 - u32::try_from(i).unwrap_or(0));
    }
    sum % 11 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_restored_and_verified() {
        for (text, kind, digits, canonical_form) in [
            ("EAN13#8717801048538", Kind::Gtin13, "8717801048538", Some("8717801048538")),
            ("EAN131334567890125", Kind::Gtin13, "1334567890125", Some("1334567890125")),
            ("ISBN10 0-545-01022-5", Kind::Isbn10, "0545010225", Some("9780545010221")),
            ("(93123457)", Kind::Gtin8, "93123457", Some("93123457")),
            ("0500-0270", Kind::Issn, "05000270", None),
            ("00075678164125", Kind::Gtin14, "00075678164125", Some("0075678164125")),
            ("036000291452", Kind::Gtin12, "036000291452", Some("0036000291452")),
        ] {
            assert_eq!(classify(text), Some((kind, digits.to_owned())), "{text}");
            assert_eq!(canonical(text).as_deref(), canonical_form, "{text}");
        }
    }

    #[test]
    fn wrong_check_digits_and_part_numbers_are_no_gtin() {
        for text in
            ["978-1-56619-909-6", "042100005266", "HD978193-INT3624341", "00000000", "0000000000000", "", "ISBN"]
        {
            assert_eq!(classify(text), None, "{text}");
        }
    }
}
