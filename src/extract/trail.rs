//! The way from the root of structured data to a value in it, written out only where somebody reads it.
//!
//! Most values of a page are walked past, so a way is a chain of borrowed steps and costs nothing until it is shown.

use std::fmt;

/// One step of a way and the steps before it.
#[derive(Debug, Clone, Copy)]
pub struct Trail<'t> {
    before: Option<&'t Trail<'t>>,
    step: Step<'t>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'t> {
    Name(&'t str),
    Index(usize),
}

impl<'t> Trail<'t> {
    /// A way that starts at a name; the empty name is not shown.
    #[must_use]
    pub const fn start(name: &'t str) -> Self {
        Self { before: None, step: Step::Name(name) }
    }

    /// The way to the member `name`.
    #[must_use]
    pub const fn name(&'t self, name: &'t str) -> Self {
        Self { before: Some(self), step: Step::Name(name) }
    }

    /// The way to the item `index` of a list, counted from 0.
    #[must_use]
    pub const fn index(&'t self, index: usize) -> Self {
        Self { before: Some(self), step: Step::Index(index) }
    }
}

impl fmt::Display for Trail<'_> {
    /// `offers[0].price`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = match self.before {
            Some(before) => {
                before.fmt(f)?;
                matches!(before, Trail { before: None, step: Step::Name("") })
            }
            None => true,
        };
        match self.step {
            Step::Name(name) if first => f.write_str(name),
            Step::Name(name) => write!(f, ".{name}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_reads_like_a_path() {
        let (root, named) = (Trail::start(""), Trail::start("state"));
        let graph = root.name("@graph");
        let item = graph.index(2);
        assert_eq!(item.name("offers").to_string(), "@graph[2].offers");
        assert_eq!(root.index(0).name("a").to_string(), "[0].a");
        assert_eq!(named.name("a").to_string(), "state.a");
    }
}
