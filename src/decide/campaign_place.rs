//! Where in a campaign's file a problem is: the line of the key that it is about.

use toml::de::{DeTable, DeValue};

/// Something that is wrong with a campaign's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// `until`, `item[0].percent`; empty for the file itself. It need not exist: a key may be missing.
    pub path: String,
    /// What is wrong, and a hint on a line of its own.
    pub what: String,
}

impl Wrong {
    #[must_use]
    pub fn at(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }

    /// For a person who has the file open: `line 14, item[1].percent: ...`.
    #[must_use]
    pub fn told(&self, file: &str) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        match line(file, &self.path) {
            Some(line) if !path.is_empty() => format!("line {line}, {path}{}", self.what),
            _ => format!("{path}{}", self.what),
        }
    }
}

/// The line, from 1, of the deepest key on a path that the file has; none for a file that is no TOML.
fn line(file: &str, path: &str) -> Option<usize> {
    let whole = DeTable::parse(file).ok()?;
    let mut table = Some(whole.get_ref());
    let mut at = None;
    for step in path.split('.') {
        let (key, index) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
            Some((key, index)) => (key, index.parse::<usize>().ok()),
            None => (step, None),
        };
        let Some((found, value)) = table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key)) else {
            break;
        };
        let value = match (value.get_ref(), index) {
            (DeValue::Array(list), Some(index)) => list.get(index)?,
            _ => value,
        };
        at = Some(if index.is_some() { value.span().start } else { found.span().start });
        table = match value.get_ref() {
            DeValue::Table(inner) => Some(inner),
            _ => None,
        };
    }
    let before = file.get(..at?)?;
    Some(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "id = \"x\"\n\n[[item]]\nsku = \"A\"\n\n[[item]]\nsku = [\n  \"B\",\n]\npercent = \"9\"\n";

    #[test]
    fn a_problem_names_the_line_of_its_key_or_of_what_the_key_is_missing_in() {
        for (path, expected) in [
            ("id", "line 1, id: is odd"),
            ("item[1].percent", "line 10, item[1].percent: is odd"),
            ("item[1].sku", "line 7, item[1].sku: is odd"),
            ("item[0].price", "line 3, item[0].price: is odd"),
            ("item[1]", "line 6, item[1]: is odd"),
            ("until", "until: is odd"),
            ("", "is odd"),
        ] {
            assert_eq!(Wrong::at(path, "is odd").told(FILE), expected, "{path}");
        }
        assert_eq!(Wrong::at("id", "is odd").told("no toml ="), "id: is odd");
    }
}
