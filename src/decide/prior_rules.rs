//! What a country can ask of an announced price reduction, and what it is called there.
//!
//! The sets themselves are data: `config/prior_price.toml`, and `[prior_price.XX]` of the configuration over it. A market
//! whose lawyer reads the law as another country does names that country in `omnibus`, such as `EU` for the general rule.

use serde::{Deserialize, Serialize};

use crate::decide::text::Zone;

/// The window of the directive, for which the labels are worded.
const USUAL_DAYS: u32 = 30;

/// The reading of the law for one country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorRules {
    pub window_days: u32,
    pub perishable: Perishable,
    pub new_arrival: NewArrival,
    pub progressive: Progressive,
    /// After how many days the authority finds that "before/now" misleads.
    pub guideline_days: Option<u32>,
    pub kind: Kind,
}

/// What is asked for goods that perish quickly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Perishable {
    /// The same as for other goods.
    AsOthers,
    /// A shorter window.
    Days(u32),
    /// No prior price.
    Exempt,
    /// The price before the first reduction.
    BeforeFirstReduction,
}

/// What is asked of a product that was first on offer inside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewArrival {
    /// No before/now claim.
    Block,
    /// The lowest price since the start of sale.
    SinceStart,
}

/// Whether the price before the first step of a campaign stays the reference of its later steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progressive {
    Never,
    Always,
    /// Only in campaigns that are not longer.
    UpToDays(u32),
}

/// Which body of law decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A prior price is required.
    Directive,
    /// Misleading-practice law without a fixed number of days: warnings with numbers. House checks of older UK advice:
    /// 28 consecutive days, offer not longer than the reference, reference not older than six months.
    UnitedKingdom,
    /// 16 CFR 233.1: a genuine price in the regular course of business. House check: 30 % of the last 90 days.
    UnitedStates,
}

/// The zone of a country's capital (of New York for the United States), for markets that name no zone of their own.
#[must_use]
pub fn zone_of(country: &str) -> Option<Zone> {
    const ZONES: &[(&str, &str)] = &[
        ("AT", "Europe/Vienna"),
        ("BE", "Europe/Brussels"),
        ("BG", "Europe/Sofia"),
        ("CH", "Europe/Zurich"),
        ("CY", "Asia/Nicosia"),
        ("CZ", "Europe/Prague"),
        ("DE", "Europe/Berlin"),
        ("DK", "Europe/Copenhagen"),
        ("EE", "Europe/Tallinn"),
        ("ES", "Europe/Madrid"),
        // The general rule of the directive, where a market names the union and no country.
        ("EU", "Europe/Brussels"),
        ("FI", "Europe/Helsinki"),
        ("FR", "Europe/Paris"),
        ("GB", "Europe/London"),
        ("GR", "Europe/Athens"),
        ("HR", "Europe/Zagreb"),
        ("HU", "Europe/Budapest"),
        ("IE", "Europe/Dublin"),
        ("IT", "Europe/Rome"),
        ("LT", "Europe/Vilnius"),
        ("LU", "Europe/Luxembourg"),
        ("LV", "Europe/Riga"),
        ("MT", "Europe/Malta"),
        ("NL", "Europe/Amsterdam"),
        ("NO", "Europe/Oslo"),
        ("PL", "Europe/Warsaw"),
        ("PT", "Europe/Lisbon"),
        ("RO", "Europe/Bucharest"),
        ("SE", "Europe/Stockholm"),
        ("SI", "Europe/Ljubljana"),
        ("SK", "Europe/Bratislava"),
        ("UK", "Europe/London"),
        ("US", "America/New_York"),
    ];
    let (_, name) = ZONES.iter().find(|(code, _)| *code == country)?;
    Zone::parse(name).ok()
}

/// The language in which prices are labelled in a country whose words are known here; English elsewhere.
#[must_use]
pub fn language_of(country: &str) -> &'static str {
    match country {
        "DK" => "da",
        "SE" => "sv",
        "PL" => "pl",
        "DE" | "AT" => "de",
        _ => "en",
    }
}

/// What is printed next to the prior price, by language and the days of its window.
#[must_use]
pub fn legal_text(language: &str, window_days: u32) -> String {
    let usual = match language {
        "da" => "Laveste pris seneste 30 dage",
        "sv" => "Tidigare lägsta pris (30 dagar)",
        "pl" => "Najniższa cena z 30 dni przed obniżką",
        "de" => "Niedrigster Preis der letzten 30 Tage",
        _ => "Lowest price in the last 30 days",
    };
    usual.replace(&USUAL_DAYS.to_string(), &window_days.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_zone_exists() {
        for country in ["AT", "EU", "DK", "SE", "PL", "DE", "FI", "UK", "GB", "US", "CY", "MT", "SI", "HR"] {
            assert!(zone_of(country).is_some(), "{country}");
        }
        assert!(zone_of("XX").is_none());
    }

    #[test]
    fn a_label_names_the_window_that_counted() {
        assert_eq!(legal_text("da", 30), "Laveste pris seneste 30 dage");
        assert_eq!(legal_text("de", 60), "Niedrigster Preis der letzten 60 Tage");
    }
}
