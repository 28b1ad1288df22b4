//! The rule sets of announced reductions by country: those that are shipped, with the operator's overrides.
//!
//! An override that asks for less than the country does is somebody's legal opinion; it has to say whose.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::decide::country;
use crate::decide::prior_rules::{Kind, NewArrival, Perishable, PriorRules, Progressive};

/// The shipped sets; every key can be overridden.
const SHIPPED: &str = include_str!("../../config/prior_price.toml");
/// Countries without a set of their own follow this one.
const GENERAL: &str = "EU";
/// The window of Art. 6a of Directive 98/6/EC.
const LEAST_WINDOW_DAYS: u32 = 30;
/// A longer window is a slip of the pen.
const MOST_DAYS: u32 = 366;

/// One country's set, or as much of it as an override says: section `[prior_price.XX]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PriorRow {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perishables: Option<Perishable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_arrivals: Option<NewArrival>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progressive: Option<Progressive>,
    /// 0: the authority says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guideline_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<Kind>,
    /// What allows it to ask for less than the country's own set does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_basis: Option<String>,
}

impl PriorRow {
    fn over(&self, base: &PriorRules) -> PriorRules {
        PriorRules {
            window_days: self.window_days.unwrap_or(base.window_days),
            perishable: self.perishables.unwrap_or(base.perishable),
            new_arrival: self.new_arrivals.unwrap_or(base.new_arrival),
            progressive: self.progressive.unwrap_or(base.progressive),
            guideline_days: match self.guideline_days {
                Some(days) => Some(days).filter(|days| *days > 0),
                None => base.guideline_days,
            },
            kind: self.law.unwrap_or(base.kind),
        }
    }

    /// The keys that it sets, as they are written, without the legal basis.
    fn told(&self) -> String {
        let row = Self { legal_basis: None, ..self.clone() };
        let table = toml::Table::try_from(row).unwrap_or_default();
        table.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }
}

/// What is wrong with an override: the key, why, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongOverride {
    pub path: String,
    pub what: String,
    pub hint: String,
}

/// The sets of all countries.
#[derive(Debug, Clone)]
pub struct PriorTable {
    sets: BTreeMap<String, PriorRules>,
    overrides: BTreeMap<String, PriorRow>,
}

static SETS: LazyLock<BTreeMap<String, PriorRules>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "embedded and read by a test; without it no claim could be judged")]
    let rows: BTreeMap<String, PriorRow> = toml::from_str(SHIPPED).expect("config/prior_price.toml");
    let nothing = PriorRules {
        window_days: LEAST_WINDOW_DAYS,
        perishable: Perishable::AsOthers,
        new_arrival: NewArrival::Block,
        progressive: Progressive::Never,
        guideline_days: None,
        kind: Kind::Directive,
    };
    let general = rows.get(GENERAL).map_or_else(|| nothing.clone(), |row| row.over(&nothing));
    rows.iter().map(|(code, row)| (code.clone(), row.over(&general))).collect()
});

/// The code under which a country's set is kept.
fn canonical(country: &str) -> &str {
    if country == "GB" { "UK" } else { country }
}

/// The shipped set of a country by its ISO 3166 code.
#[must_use]
pub fn of_country(country: &str) -> PriorRules {
    let found = SETS.get(canonical(country)).or_else(|| SETS.get(GENERAL));
    found.cloned().unwrap_or_else(|| PriorRow::default().over(&SETS[GENERAL]))
}

impl PriorTable {
    /// The shipped sets with overrides by country; that of `EU` is also for countries without a set of their own.
    #[must_use]
    pub fn new(overrides: &BTreeMap<String, PriorRow>) -> Self {
        let overrides: BTreeMap<String, PriorRow> =
            overrides.iter().map(|(country, row)| (canonical(country).to_owned(), row.clone())).collect();
        let sets = overrides.iter().map(|(country, row)| (country.clone(), row.over(&of_country(country))));
        let sets = SETS.clone().into_iter().chain(sets.collect::<Vec<_>>()).collect();
        Self { sets, overrides }
    }

    /// The set of a country.
    #[must_use]
    pub fn of(&self, country: &str) -> PriorRules {
        let found = self.sets.get(canonical(country)).or_else(|| self.sets.get(GENERAL));
        found.cloned().unwrap_or_else(|| of_country(country))
    }

    /// The override that a country's set comes from, as it is written; none where it is the shipped one.
    #[must_use]
    pub fn override_of(&self, country: &str) -> Option<String> {
        let code = canonical(country);
        let code = if self.sets.contains_key(code) { code } else { GENERAL };
        let row = self.overrides.get(code)?;
        let basis = row.legal_basis.as_ref().map_or_else(String::new, |basis| format!(" (legal basis: {basis})"));
        Some(format!("[prior_price.{code}] {}{basis}", row.told()))
    }
}

/// Everything that is wrong with overrides. One that asks for less than the country's own set is refused unless it names
/// its legal basis.
#[must_use]
pub fn wrong(overrides: &BTreeMap<String, PriorRow>) -> Vec<WrongOverride> {
    let mut all = Vec::new();
    for (code, row) in overrides {
        let path = |key: &str| format!("prior_price.{code}{key}");
        if let Some(hint) = country::unknown(code) {
            let what = format!("`{}` is no country", code.escape_debug());
            all.push(WrongOverride { path: path(""), what, hint });
            continue;
        }
        if code == "GB" && overrides.contains_key("UK") {
            let what = "UK and GB are one country".to_owned();
            all.push(WrongOverride { path: path(""), what, hint: "keep [prior_price.UK]".to_owned() });
        }
        let shipped = of_country(code);
        let own = row.over(&shipped);
        for (key, days) in [(".window_days", Some(own.window_days)), (".perishables.days", days_of(own.perishable))] {
            if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
                let (what, hint) = (format!("is not between 1 and {MOST_DAYS} days"), "30, as the directive says");
                all.push(WrongOverride { path: path(key), what, hint: hint.to_owned() });
            }
        }
        let named = row.legal_basis.as_ref().is_some_and(|basis| !basis.trim().is_empty());
        for (key, what) in weaker(&own, &shipped).into_iter().filter(|_| !named) {
            let hint = "legal_basis = \"...\" in the same section names the law that allows it".to_owned();
            all.push(WrongOverride { path: path(key), what, hint });
        }
    }
    all
}

const fn days_of(perishable: Perishable) -> Option<u32> {
    match perishable {
        Perishable::Days(days) => Some(days),
        _ => None,
    }
}

/// In which keys a set asks for less than the shipped one. Where the directive is not the law there is nothing to be below.
fn weaker(own: &PriorRules, shipped: &PriorRules) -> Vec<(&'static str, String)> {
    if shipped.kind != Kind::Directive {
        return vec![];
    }
    let mut keys = Vec::new();
    if own.kind != Kind::Directive {
        keys.push((".law", "the directive is the law there".to_owned()));
    }
    if own.window_days < LEAST_WINDOW_DAYS {
        let what = format!("{} days are less than the directive's {LEAST_WINDOW_DAYS}", own.window_days);
        keys.push((".window_days", what));
    }
    let less = |what: &str| format!("asks for less than {what} of the country's own rules");
    if perishable_days(own) < perishable_days(shipped) {
        keys.push((".perishables", less("`perishables`")));
    }
    if own.new_arrival == NewArrival::SinceStart && shipped.new_arrival == NewArrival::Block {
        keys.push((".new_arrivals", less("`new_arrivals`")));
    }
    if progressive_days(own.progressive) > progressive_days(shipped.progressive) {
        keys.push((".progressive", less("`progressive`")));
    }
    keys
}

/// How many days of history count for perishables, as a measure of strictness; the price before a reduction is one price.
const fn perishable_days(rules: &PriorRules) -> u32 {
    match rules.perishable {
        Perishable::AsOthers => LEAST_WINDOW_DAYS,
        Perishable::Days(days) => days,
        Perishable::BeforeFirstReduction => 1,
        Perishable::Exempt => 0,
    }
}

/// How long steps may go on, as a measure of leniency.
const fn progressive_days(progressive: Progressive) -> u32 {
    match progressive {
        Progressive::Never => 0,
        Progressive::UpToDays(days) => days,
        Progressive::Always => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides(text: &str) -> BTreeMap<String, PriorRow> {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_shipped_sets_are_those_of_the_specification() {
        let of = |country: &str| {
            let PriorRules { window_days, perishable, new_arrival, progressive, guideline_days, kind } =
                of_country(country);
            assert_eq!(window_days, 30, "{country}");
            (perishable, new_arrival, progressive, guideline_days, kind)
        };
        use {Kind as K, NewArrival as N, Perishable as P, Progressive as S};
        assert_eq!(of("DK"), (P::Days(14), N::Block, S::Always, Some(10), K::Directive));
        for country in ["SE", "DE"] {
            assert_eq!(of(country), (P::Exempt, N::Block, S::Always, None, K::Directive), "{country}");
        }
        assert_eq!(of("PL"), (P::BeforeFirstReduction, N::SinceStart, S::Never, None, K::Directive));
        assert_eq!(of("FI"), (P::Exempt, N::Block, S::UpToDays(60), None, K::Directive));
        for country in ["IE", "IT"] {
            assert_eq!(of(country), (P::AsOthers, N::Block, S::Always, None, K::Directive), "{country}");
        }
        for country in ["EU", "PT", "XX"] {
            assert_eq!(of(country), (P::AsOthers, N::Block, S::Never, None, K::Directive), "{country}");
        }
        assert_eq!((of("UK").4, of("GB").4, of("US").4), (K::UnitedKingdom, K::UnitedKingdom, K::UnitedStates));
    }

    #[test]
    fn an_override_changes_the_keys_that_it_names_and_says_so() {
        let table = PriorTable::new(&overrides(
            "[DK]\nwindow_days = 60\nguideline_days = 0\n[GB]\nguideline_days = 14\n[EU]\nwindow_days = 45\n",
        ));
        let dk = table.of("DK");
        assert_eq!((dk.window_days, dk.guideline_days, dk.perishable), (60, None, Perishable::Days(14)));
        assert_eq!((table.of("UK").guideline_days, table.of("GB").guideline_days), (Some(14), Some(14)));
        assert_eq!((table.of("PT").window_days, table.of("SE").window_days), (45, 30), "Sweden has its own set");
        let told = "[prior_price.DK] guideline_days = 0, window_days = 60";
        assert_eq!(table.override_of("DK").as_deref(), Some(told));
        assert_eq!(table.override_of("PT").as_deref(), Some("[prior_price.EU] window_days = 45"));
        assert_eq!(table.override_of("SE"), None);
        let with = PriorTable::new(&overrides("[SE]\nwindow_days = 14\nlegal_basis = \"SFS 2028:1\"\n"));
        let told = "[prior_price.SE] window_days = 14 (legal basis: SFS 2028:1)";
        assert_eq!(with.override_of("SE").as_deref(), Some(told));
    }

    #[test]
    fn what_asks_for_less_than_the_law_needs_a_legal_basis() {
        let refused = |text: &str| wrong(&overrides(text)).into_iter().map(|wrong| wrong.path).collect::<Vec<_>>();
        for (weaker, key) in [
            ("[DK]\nwindow_days = 29\n", "DK.window_days"),
            ("[DK]\nperishables = \"exempt\"\n", "DK.perishables"),
            ("[DK]\nperishables = { days = 13 }\n", "DK.perishables"),
            ("[PT]\nperishables = { days = 14 }\n", "PT.perishables"),
            ("[DK]\nnew_arrivals = \"since_start\"\n", "DK.new_arrivals"),
            ("[PL]\nprogressive = \"always\"\n", "PL.progressive"),
            ("[FI]\nprogressive = { up_to_days = 61 }\n", "FI.progressive"),
            ("[DE]\nlaw = \"united_states\"\n", "DE.law"),
        ] {
            assert_eq!(refused(weaker), [format!("prior_price.{key}")]);
            assert_eq!(refused(&format!("{weaker}legal_basis = \" \"\n")), [format!("prior_price.{key}")]);
            assert_eq!(refused(&format!("{weaker}legal_basis = \"§ 1\"\n")), Vec::<String>::new());
        }
        for stricter in [
            "[DK]\nwindow_days = 60\nperishables = \"as_others\"\nprogressive = \"never\"\nguideline_days = 5\n",
            "[SE]\nperishables = { days = 7 }\n",
            "[PL]\nnew_arrivals = \"block\"\n",
            "[US]\nwindow_days = 20\n",
        ] {
            assert_eq!(refused(stricter), Vec::<String>::new(), "{stricter}");
        }
        for odd in ["[DK]\nwindow_days = 0\nlegal_basis = \"x\"\n", "[XX]\n", "[dk]\n", "[UK]\n[GB]\n"] {
            assert_eq!(refused(odd).len(), 1, "{odd}");
        }
        assert!(toml::from_str::<BTreeMap<String, PriorRow>>("[DK]\nwindow = 30\n").is_err());
    }
}
