//! What each country asks of an announced price reduction: defaults that a lawyer must confirm.
//!
//! Source: Art. 6a of Directive 98/6/EC and the national rules named at each entry. A country that is not listed gets
//! the strictest reading of the directive. A market whose lawyer reads it otherwise names another country's set in
//! `omnibus`, such as `EU` for the general rule; the sets themselves are part of the program.

use crate::decide::text::Zone;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewArrival {
    /// No before/now claim.
    Block,
    /// The lowest price since the start of sale.
    SinceStart,
}

/// Whether the price before the first step of a campaign stays the reference of its later steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progressive {
    Never,
    Always,
    /// Only in campaigns that are not longer.
    UpToDays(u32),
}

/// Which body of law decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A prior price is required.
    Directive,
    /// Misleading-practice law without a fixed number of days: warnings with numbers. House checks of older UK advice:
    /// 28 consecutive days, offer not longer than the reference, reference not older than six months.
    UnitedKingdom,
    /// 16 CFR 233.1: a genuine price in the regular course of business. House check: 30 % of the last 90 days.
    UnitedStates,
}

const DIRECTIVE: PriorRules = PriorRules {
    window_days: 30,
    perishable: Perishable::AsOthers,
    new_arrival: NewArrival::Block,
    progressive: Progressive::Never,
    guideline_days: None,
    kind: Kind::Directive,
};

/// The default rules of a country by its ISO 3166 code.
#[must_use]
pub fn of_country(country: &str) -> PriorRules {
    use {Perishable as P, Progressive as S};
    match country {
        // Prismærkningsbekendtgørelsen § 9a; the Ombudsman's guideline of about ten days.
        "DK" => PriorRules { perishable: P::Days(14), progressive: S::Always, guideline_days: Some(10), ..DIRECTIVE },
        // Prisinformationslagen 7 a §; § 11 PAngV (in Germany the imminent spoilage must be visible).
        "SE" | "DE" => PriorRules { perishable: P::Exempt, progressive: S::Always, ..DIRECTIVE },
        // Art. 4 of the act of 9 May 2014 on price information.
        "PL" => PriorRules { perishable: P::BeforeFirstReduction, new_arrival: NewArrival::SinceStart, ..DIRECTIVE },
        "FI" => PriorRules { perishable: P::Exempt, progressive: S::UpToDays(60), ..DIRECTIVE },
        "IE" | "IT" => PriorRules { progressive: S::Always, ..DIRECTIVE },
        "UK" | "GB" => PriorRules { kind: Kind::UnitedKingdom, ..DIRECTIVE },
        "US" => PriorRules { kind: Kind::UnitedStates, ..DIRECTIVE },
        _ => DIRECTIVE,
    }
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

/// What is printed next to the prior price, by language.
#[must_use]
pub fn legal_text(language: &str) -> &'static str {
    match language {
        "da" => "Laveste pris seneste 30 dage",
        "sv" => "Tidigare lägsta pris (30 dagar)",
        "pl" => "Najniższa cena z 30 dni przed obniżką",
        "de" => "Niedrigster Preis der letzten 30 Tage",
        _ => "Lowest price in the last 30 days",
    }
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
    fn an_unlisted_country_gets_the_strictest_reading() {
        let rules = of_country("PT");
        assert_eq!(
            (rules.window_days, rules.progressive, rules.new_arrival),
            (30, Progressive::Never, NewArrival::Block)
        );
    }
}
