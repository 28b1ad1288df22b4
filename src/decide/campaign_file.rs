//! The written form of a campaign: one TOML file, checked as a whole, every problem told at once.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use crate::clock::Millis;
use crate::decide::campaign::{CART_GRACE_MS, MOST_CART_GRACE_MS};
use crate::decide::campaign_place::Wrong;
use crate::decide::grammar::{Instant, Names};
use crate::decide::prior::Audience;
use crate::decide::read;
use crate::decide::rounding::PRICE;
use crate::decide::select::is_under;
use crate::decide::text::{Quoted, Zone};
use crate::money::{Decimal, Money};

/// A reduction this large is a slip of the pen.
const MOST_PERCENT: Decimal = Decimal::from_parts(95, 0, 0, false, 0);

/// A campaign as a person writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignFile {
    /// `[a-z0-9-]`, unique for ever.
    pub id: String,
    /// An instant, or a day: its beginning in the zone.
    pub from: Instant,
    /// The first instant after the campaign, or its last day.
    pub until: Instant,
    /// The zone in which people see the window; the first market's where it is left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// Channel names; none means all.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Who it is for: everybody, or members only, who see channels with that audience.
    #[serde(default)]
    pub audience: Audience,
    /// Whether a reduction may be announced, as far as the price history allows it.
    #[serde(default)]
    pub announce: bool,
    #[serde(default)]
    pub on_unready: Unready,
    /// Checkouts keep the price so many minutes after the end; a quarter of an hour where it is left out.
    #[serde(default)]
    pub cart_grace_min: Option<u32>,
    pub owner: String,
    pub why: String,
    #[serde(rename = "item", default)]
    pub items: Vec<ItemText>,
}

/// What happens when a channel cannot be written to shortly before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unready {
    /// The others start; the channel follows when it can.
    #[default]
    StartWithout,
    /// None starts before all can.
    DelayAll,
    Cancel,
}

impl Unready {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartWithout => "start_without",
            Self::DelayAll => "delay_all",
            Self::Cancel => "cancel",
        }
    }
}

/// Products and their price: all keys that select must hold, lists hold if one element does.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemText {
    pub sku: Names,
    pub brand: Names,
    pub category_under: Names,
    pub tags_any: Names,
    /// The price in the product's currency; or
    pub price: Option<Quoted>,
    /// so many percent less than `of`.
    pub percent: Option<Quoted>,
    pub of: Of,
}

/// What a percentage is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The price that we ask when the campaign is stored.
    #[default]
    Current,
    /// The regular price of the catalogue; products without one are refused.
    Regular,
}

/// What a selection looks at in a product.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub sku: &'a str,
    pub brand: Option<&'a str>,
    pub category: Option<&'a str>,
    pub tags: &'a [String],
    pub current: Money,
    pub regular: Option<Money>,
}

impl CampaignFile {
    /// Reads a file and checks everything that needs no catalogue.
    ///
    /// # Errors
    /// Every problem with its place and a hint.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let told = |problems: Vec<Wrong>| problems.iter().map(|wrong| wrong.told(text)).collect::<Vec<String>>();
        let mut table: toml::Table = toml::from_str(text).map_err(|error| {
            vec![format!("{}\nhint: docs/rules.md shows a whole campaign", error.to_string().trim())]
        })?;
        resolve_days(&mut table).map_err(told)?;
        let (file, misread) = read::section::<Self>(toml::Value::Table(table));
        let mut problems: Vec<Wrong> = misread.into_iter().map(hinted).collect();
        let Some(file) = file else { return Err(told(problems)) };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if file.id.is_empty() || !file.id.chars().all(plain) {
            let what = format!("`{}` is not made of a-z, 0-9 and -", file.id.escape_debug());
            problems.push(Wrong::at("id", what));
        }
        if file.from.0 >= file.until.0 {
            problems.push(Wrong::at("until", "it ends before it begins\nhint: a day is the last one of the campaign, an instant the first one after it"));
        }
        if let Some(zone) = &file.zone
            && Zone::parse(zone).is_err()
        {
            let what = format!("`{}` is not a time zone such as Europe/Copenhagen", zone.escape_debug());
            problems.push(Wrong::at("zone", what));
        }
        for (name, text) in [("owner", &file.owner), ("why", &file.why)] {
            if text.trim().is_empty() {
                problems.push(Wrong::at(name, "is empty\nhint: a campaign needs somebody who answers for it"));
            }
        }
        if file.cart_grace() > MOST_CART_GRACE_MS {
            problems.push(Wrong::at("cart_grace_min", "no cart is worth more than a day\nhint: 0 to 1440 minutes"));
        }
        if file.audience == Audience::Individual {
            let what = "prices for single persons are not made here\nhint: \"public\" or \"loyalty\"; a voucher is the shop's own business";
            problems.push(Wrong::at("audience", what));
        }
        if file.items.is_empty() {
            problems.push(Wrong::at("item", "there is none\nhint: [[item]] sku = \"...\" price = \"...\""));
        }
        // What could not be read is missing from its item; that has been told.
        let misread: Vec<String> = problems.iter().map(|wrong| wrong.path.clone()).collect();
        for (index, item) in file.items.iter().enumerate() {
            if !misread.iter().any(|path| path.starts_with(&format!("item[{index}]"))) {
                item.check(index, &mut problems);
            }
        }
        if problems.is_empty() { Ok(file) } else { Err(told(problems)) }
    }

    /// In milliseconds.
    #[must_use]
    pub fn cart_grace(&self) -> i64 {
        self.cart_grace_min.map_or(CART_GRACE_MS, |minutes| i64::from(minutes) * Millis::MINUTE)
    }

    #[must_use]
    pub fn window(&self) -> (Millis, Millis) {
        (self.from.0.into(), self.until.0.into())
    }
}

/// A value that cannot be read, with what would be.
fn hinted(misread: read::Misread) -> Wrong {
    let hint = if misread.problem.contains("decimal in quotes") {
        "write amounts and percentages in quotes, such as price = \"399.00\""
    } else {
        "docs/rules.md shows a whole campaign"
    };
    Wrong::at(misread.path, format!("{}\nhint: {hint}", misread.problem))
}

/// Puts instants in place of days: a campaign lasts from the beginning of its first day to the end of its last one, by the
/// clocks of its zone.
fn resolve_days(table: &mut toml::Table) -> Result<(), Vec<Wrong>> {
    let zone = table.get("zone").and_then(toml::Value::as_str).and_then(|name| Zone::parse(name).ok());
    let mut problems = Vec::new();
    for (key, edge) in [("from", Zone::begins as fn(&Zone, Date) -> Option<Timestamp>), ("until", Zone::ends)] {
        let Some(day) = table.get(key).and_then(day) else { continue };
        match zone.as_ref().map(|zone| edge(zone, day)) {
            Some(Some(at)) => {
                table.insert(key.to_owned(), toml::Value::String(at.to_string()));
            }
            Some(None) => problems.push(Wrong::at(key, format!("{day} is outside of the calendar"))),
            None => problems.push(Wrong::at(
                key,
                format!(
                    "when {day} begins and ends depends on a zone\nhint: zone = \"Europe/Copenhagen\", or an instant with its offset"
                ),
            )),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// A day without a time, written as such or as text.
fn day(value: &toml::Value) -> Option<Date> {
    const DAY: usize = "2026-11-23".len();
    let text = match value {
        toml::Value::Datetime(datetime) => datetime.to_string(),
        toml::Value::String(text) => text.clone(),
        _ => return None,
    };
    (text.len() == DAY).then(|| text.parse().ok()).flatten()
}

impl ItemText {
    fn check(&self, index: usize, problems: &mut Vec<Wrong>) {
        let item = format!("item[{index}]");
        let selects = [&self.sku, &self.brand, &self.category_under, &self.tags_any];
        if selects.iter().all(|names| names.0.is_empty()) {
            problems.push(Wrong::at(&item, "selects nothing\nhint: sku, brand, category_under or tags_any"));
        }
        match (&self.price, &self.percent) {
            (Some(price), None) if price.0 > Decimal::ZERO => {}
            (None, Some(percent)) if percent.0 > Decimal::ZERO && percent.0 <= MOST_PERCENT => {}
            (None, Some(percent)) => {
                let what =
                    format!("{} is not between 0 and {MOST_PERCENT}\nhint: percent = \"20\" is a fifth off", percent.0);
                problems.push(Wrong::at(format!("{item}.percent"), what));
            }
            (Some(price), None) => {
                let what = format!("{} is no price\nhint: above zero, such as price = \"399.00\"", price.0);
                problems.push(Wrong::at(format!("{item}.price"), what));
            }
            _ => problems.push(Wrong::at(
                item,
                "needs either a `price` or a `percent`\nhint: price = \"399.00\", or percent = \"20\" for a fifth off",
            )),
        }
    }

    #[must_use]
    pub fn selects(&self, product: &Candidate) -> bool {
        let holds =
            |names: &Names, matches: &dyn Fn(&String) -> bool| names.0.is_empty() || names.0.iter().any(matches);
        holds(&self.sku, &|sku| sku == product.sku)
            && holds(&self.brand, &|brand| product.brand == Some(brand))
            && holds(&self.category_under, &|under| product.category.is_some_and(|own| is_under(own, under)))
            && holds(&self.tags_any, &|tag| product.tags.contains(tag))
    }

    /// The campaign price of a product; a percentage is rounded to the minor unit, an exact half down.
    ///
    /// # Errors
    /// Why there is none.
    pub fn price_of(&self, product: &Candidate) -> Result<Money, String> {
        let currency = product.current.currency();
        if let Some(price) = &self.price {
            return Money::exact(price.0, currency).map_err(|error| format!("{}: {error}", product.sku));
        }
        let base = match self.of {
            Of::Current => product.current,
            Of::Regular => product.regular.ok_or_else(|| format!("{}: it has no regular price", product.sku))?,
        };
        let percent = self.percent.as_ref().map(|percent| percent.0).unwrap_or_default();
        let kept = Decimal::ONE_HUNDRED - percent;
        let reduced = base.amount().checked_mul(kept).and_then(|scaled| scaled.checked_div(Decimal::ONE_HUNDRED));
        let reduced = reduced.ok_or_else(|| format!("{}: {base} is out of range", product.sku))?;
        Money::rounded(reduced, currency, PRICE).map_err(|error| format!("{}: {error}", product.sku))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    const FILE: &str = r#"
        id = "black-week"
        from = 2026-11-23T00:00:00+01:00
        until = 2026-11-30T00:00:00+01:00
        zone = "Europe/Copenhagen"
        announce = true
        owner = "anna"
        why = "the yearly one"
        [[item]]
        category_under = "audio"
        percent = "20"
    "#;

    fn candidate<'a>(category: &'a str, current: i64) -> Candidate<'a> {
        let current = Money::from_minor(current, Currency::DKK);
        Candidate { sku: "A", brand: None, category: Some(category), tags: &[], current, regular: None }
    }

    #[test]
    fn a_selection_takes_whole_segments_and_percentages_are_exact() {
        let file = CampaignFile::parse(FILE).unwrap();
        let item = &file.items[0];
        assert!(item.selects(&candidate("audio/headphones", 1)) && !item.selects(&candidate("audiobooks", 1)));
        assert_eq!(item.price_of(&candidate("audio", 49_999)).unwrap().minor(), 39_999);
        let of_regular = ItemText { of: Of::Regular, ..item.clone() };
        assert!(of_regular.price_of(&candidate("audio", 49_999)).unwrap_err().contains("no regular price"));
    }

    #[test]
    fn days_are_whole_days_of_the_zone() {
        let days = FILE.replace("T00:00:00+01:00", "").replace("2026-11-30", "2026-11-29");
        let (whole, named) = (CampaignFile::parse(FILE).unwrap(), CampaignFile::parse(&days).unwrap());
        assert_eq!(named.window(), whole.window());
        let one = CampaignFile::parse(&days.replace("2026-11-29", "2026-11-23")).unwrap().window();
        assert_eq!(one.1.since(one.0), Millis::DAY, "a campaign of one day");
        let quoted = days.replace("= 2026-11-23", "= \"2026-11-23\"");
        assert_eq!(CampaignFile::parse(&quoted).unwrap().window(), whole.window());
        let nowhere = days.replace("zone = \"Europe/Copenhagen\"", "");
        let told = CampaignFile::parse(&nowhere).unwrap_err().join("\n");
        assert!(
            told.contains("from: when 2026-11-23 begins") && told.contains("until: ") && told.contains("hint: zone =")
        );
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let broken =
            FILE.replace("black-week", "Black Week").replace("2026-11-30", "2026-11-20").replace("\"20\"", "\"120\"");
        let problems = CampaignFile::parse(&broken).unwrap_err().join("\n");
        for expected in ["id:", "until:", "item[0].percent"] {
            assert!(problems.contains(expected), "{problems}");
        }
        assert!(CampaignFile::parse(&FILE.replace("announce", "anounce")).unwrap_err()[0].contains("anounce"));
        let mistyped = FILE.replace("percent = \"20\"", "percent = 20").replace("owner", "ovner");
        let told = CampaignFile::parse(&mistyped).unwrap_err().join("\n");
        for expected in
            ["line 7, ovner: unknown field", "line 11, item[0].percent: ", "percentages in quotes", "`owner`"]
        {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(CampaignFile::parse("id = ").unwrap_err()[0].contains("line 1"));
        let bare = CampaignFile::parse(&FILE.replace("percent = \"20\"", "percent = 20")).unwrap_err();
        assert_eq!(bare.len(), 1, "one mistake is told once: {bare:?}");
    }
}
