//! What a page turned out to be. Only `Product` carries a price that anything may act on.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The outcome of looking at one page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A product page whose price was read.
    Product,
    /// A product page that shows no price.
    NoPrice,
    /// A product page that shows no price because the product cannot be bought.
    OutOfStock,
    /// Sources disagree or a text can be read two ways.
    Ambiguous,
    Category,
    Search,
    Home,
    Article,
    /// A page that says "not found" with status 200.
    SoftNotFound,
    /// Status 404 or 410.
    Gone,
    /// A bot challenge or a refusal to serve us.
    Blocked,
    LoginWall,
    AgeWall,
    ConsentWall,
    RegionWall,
    /// The shop answered with another product or with its front page.
    RedirectedElsewhere,
    /// Carts, account pages, imprint: a page of the shop that sells nothing.
    Other,
    /// The body is no HTML, or nothing in it can be read.
    ParseFailure,
}

const NAMES: [(Outcome, &str); 18] = [
    (Outcome::Product, "product"),
    (Outcome::NoPrice, "no_price"),
    (Outcome::OutOfStock, "out_of_stock"),
    (Outcome::Ambiguous, "ambiguous"),
    (Outcome::Category, "category"),
    (Outcome::Search, "search"),
    (Outcome::Home, "home"),
    (Outcome::Article, "article"),
    (Outcome::SoftNotFound, "soft_not_found"),
    (Outcome::Gone, "gone"),
    (Outcome::Blocked, "blocked"),
    (Outcome::LoginWall, "login_wall"),
    (Outcome::AgeWall, "age_wall"),
    (Outcome::ConsentWall, "consent_wall"),
    (Outcome::RegionWall, "region_wall"),
    (Outcome::RedirectedElsewhere, "redirected_elsewhere"),
    (Outcome::Other, "other"),
    (Outcome::ParseFailure, "parse_failure"),
];

impl Outcome {
    /// Whether a price was read that rules may use.
    #[must_use]
    pub const fn is_price(self) -> bool {
        matches!(self, Self::Product)
    }

    /// The name used in the store, in JSON and in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(outcome, _)| *outcome == self).map_or("other", |(_, name)| name)
    }

    /// Every outcome, for tables and constraints.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(outcome, _)| *outcome)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no page outcome; hint: the names are those that `omniprice extract --json` prints as `outcome`")]
pub struct UnknownOutcome(String);

impl FromStr for Outcome {
    type Err = UnknownOutcome;

    fn from_str(name: &str) -> Result<Self, UnknownOutcome> {
        let found = NAMES.iter().find(|(_, known)| *known == name).map(|(outcome, _)| *outcome);
        found.ok_or_else(|| UnknownOutcome(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_only_product_is_a_price() {
        for outcome in Outcome::all() {
            assert_eq!(outcome.as_str().parse::<Outcome>().unwrap(), outcome);
            assert_eq!(outcome.is_price(), outcome == Outcome::Product);
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{outcome}\""));
        }
        assert!("nothing".parse::<Outcome>().is_err());
    }
}
