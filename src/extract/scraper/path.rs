//! Paths into JSON: `offers[0].price`, `variants[?id={variant}].price`, `..price`.
//!
//! The grammar is small on purpose: names, indexes, `[*]`, one equality filter, and `..name` for any depth.

use crate::extract::json::Value;

/// Values visited by one path.
const MAX_VISITS: usize = 200_000;
/// Nesting followed by `..`.
const MAX_DEPTH: usize = 64;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    Every,
    Filter(String, String),
    Anywhere(String),
}

impl JsonPath {
    /// Parses a path.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text.trim().strip_prefix('$').unwrap_or(text.trim());
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix("..") {
                let (name, after) = name(tail);
                if name.is_empty() {
                    return Err(format!("`{text}`: a name must follow `..`"));
                }
                steps.push(Step::Anywhere(name.to_owned()));
                rest = after;
            } else if let Some(tail) = rest.strip_prefix('[') {
                let end = tail.find(']').ok_or_else(|| format!("`{text}`: `[` is not closed"))?;
                steps.push(
                    bracket(&tail[..end]).ok_or_else(|| {
                        format!("`{text}`: `[{}]` is no index, `*`, name or `?key=value`", &tail[..end])
                    })?,
                );
                rest = &tail[end + 1..];
            } else {
                let (name, after) = name(rest.strip_prefix('.').unwrap_or(rest));
                if name.is_empty() {
                    return Err(format!("`{text}`: a name is missing"));
                }
                steps.push(Step::Name(name.to_owned()));
                rest = after;
            }
        }
        if steps.is_empty() { Err("the path is empty".to_owned()) } else { Ok(Self { steps }) }
    }

    /// Every value the path leads to, in page order; `variant` replaces `{variant}` in filters.
    #[must_use]
    pub fn find<'v, 'a>(&self, root: &'v Value<'a>, variant: Option<&str>) -> Vec<&'v Value<'a>> {
        let mut current = vec![root];
        let mut left = MAX_VISITS;
        for step in &self.steps {
            let mut next = Vec::new();
            for value in current {
                step.apply(value, variant, &mut next, &mut left, 0);
            }
            current = next;
        }
        current
    }
}

fn name(text: &str) -> (&str, &str) {
    text.split_at(text.find(['.', '[']).unwrap_or(text.len()))
}

fn bracket(inner: &str) -> Option<Step> {
    if inner == "*" {
        return Some(Step::Every);
    }
    if let Some(filter) = inner.strip_prefix('?') {
        let (key, value) = filter.split_once('=')?;
        let clean = |s: &str| s.trim_matches(['=', ' ', '"', '\'', '@', '.']).to_owned();
        return Some(Step::Filter(clean(key), clean(value)));
    }
    if let Ok(index) = inner.parse() {
        return Some(Step::Index(index));
    }
    let quoted = inner.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    Some(Step::Name(quoted.to_owned()))
}

impl Step {
    fn apply<'v, 'a>(
        &self,
        value: &'v Value<'a>,
        variant: Option<&str>,
        out: &mut Vec<&'v Value<'a>>,
        left: &mut usize,
        depth: usize,
    ) {
        if *left == 0 || depth > MAX_DEPTH {
            return;
        }
        *left -= 1;
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => out.extend(object.get(name)),
            // A name on a list means the name on each member, as in most path languages.
            (Self::Name(_), Value::List(items)) => {
                items.iter().for_each(|v| self.apply(v, variant, out, left, depth + 1))
            }
            (Self::Index(index), Value::List(items)) => out.extend(items.get(*index)),
            (Self::Every, Value::List(items)) => out.extend(items.iter()),
            (Self::Every, Value::Object(object)) => out.extend(object.entries.iter().map(|(_, v)| v)),
            (Self::Filter(key, wanted), Value::List(items)) => {
                let wanted = if wanted == "{variant}" { variant.unwrap_or("") } else { wanted };
                let fits = |v: &&Value<'a>| v.object().and_then(|o| o.get(key)).and_then(Value::text) == Some(wanted);
                out.extend(items.iter().filter(fits));
            }
            (Self::Anywhere(name), Value::Object(object)) => {
                for (key, inner) in &object.entries {
                    if key == name {
                        out.push(inner);
                    }
                    self.apply(inner, variant, out, left, depth + 1);
                }
            }
            (Self::Anywhere(_), Value::List(items)) => {
                items.iter().for_each(|v| self.apply(v, variant, out, left, depth + 1))
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::json;

    #[test]
    fn paths_lead_to_values() {
        let roots = json::values(r#"{"a":{"b":[{"id":1,"p":"10"},{"id":"2","p":"20"}]},"p":"x"}"#, 0);
        let find = |path: &str| -> Vec<String> {
            JsonPath::parse(path)
                .unwrap()
                .find(&roots[0], Some("2"))
                .iter()
                .filter_map(|v| v.text().map(str::to_owned))
                .collect()
        };
        assert_eq!(find("a.b[0].p"), ["10"]);
        assert_eq!(find("$.a.b[*].p"), ["10", "20"]);
        assert_eq!(find("a.b[?id={variant}].p"), ["20"]);
        assert_eq!(find("..p"), ["10", "20", "x"]);
        assert_eq!(find("a['b'].p"), ["10", "20"]);
        for bad in ["", "a[", "a..", "a[x]", "a[?b]"] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
    }
}
