//! One person as reports see them: scope, thresholds, language and links. Pure.

use std::collections::BTreeSet;

use super::lang::Voice;
use super::link::{Links, Purpose};
use super::market::Track;
use crate::clock::Millis;
use crate::config::{Part, Person, Report};
use crate::money::{Money, currency};
use crate::store::events::Event;

/// A person with everything needed to speak to them.
#[derive(Clone)]
pub struct Reader {
    pub person: Person,
    pub address: String,
    pub voice: Voice,
    pub links: Links,
}

impl Reader {
    #[must_use]
    pub fn new(person: Person, report: &Report, links: Links) -> Self {
        let voice = Voice::new(person.language.unwrap_or(report.language), person.zone(report));
        let voice = if person.hide_costs { voice.without_costs() } else { voice };
        Self { address: person.address(), person, voice, links }
    }

    /// Whether everything of the catalogue is this person's business.
    #[must_use]
    pub fn takes_all_products(&self) -> bool {
        self.person.categories.is_empty() && self.person.brands.is_empty() && self.person.tags.is_empty()
    }

    /// Whether a product is this person's business: category, brand and tag all fit, each list by one of its entries.
    #[must_use]
    pub fn takes(&self, track: &Track) -> bool {
        let below = |wanted: &String| {
            track.category.as_deref().is_some_and(|own| {
                let own = own.to_lowercase();
                own.strip_prefix(&wanted.to_lowercase()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let same = |wanted: &String, own: &str| wanted.eq_ignore_ascii_case(own);
        let person = &self.person;
        (person.categories.is_empty() || person.categories.iter().any(below))
            && (person.brands.is_empty()
                || person.brands.iter().any(|brand| track.brand.as_deref().is_some_and(|own| same(brand, own))))
            && (person.tags.is_empty() || person.tags.iter().any(|tag| track.tags.iter().any(|own| same(tag, own))))
    }

    #[must_use]
    pub fn takes_competitor(&self, name: &str) -> bool {
        self.person.competitors.is_empty() || self.person.competitors.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub fn takes_channel(&self, name: &str) -> bool {
        self.person.channels.is_empty() || self.person.channels.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    #[must_use]
    pub fn wants(&self, part: Part) -> bool {
        self.person.sections.is_empty() || self.person.sections.contains(&part)
    }

    /// Whether an event is this person's business. `skus` are the products of the scope.
    #[must_use]
    pub fn takes_event(&self, event: &Event, skus: &BTreeSet<String>) -> bool {
        let kind = self.person.kinds.is_empty() || self.person.kinds.contains(&event.kind);
        kind && event.channel.as_deref().is_none_or(|channel| self.takes_channel(channel))
            && event.competitor.as_deref().is_none_or(|competitor| self.takes_competitor(competitor))
            && (self.takes_all_products() || event.sku.as_ref().is_none_or(|sku| skus.contains(sku)))
    }

    /// Whether a change is large enough to be listed, both in percent and in money. What went to and fro and is where it was
    /// is no change, however low the thresholds are.
    #[must_use]
    pub fn notes(&self, old: i64, new: i64, code: &str) -> bool {
        let (percent, amount) = if new >= old {
            (self.person.rise_pct, self.person.rise_amount)
        } else {
            (self.person.fall_pct, self.person.fall_amount)
        };
        let moved = super::lang::change_pct(old, new).map(|change| change.abs());
        let money =
            currency(code).map(|code| Money::from_minor((new.saturating_sub(old)).saturating_abs(), code).amount());
        old != new && moved.is_none_or(|moved| moved >= percent.0) && money.is_ok_and(|money| money >= amount.0)
    }

    /// What the scope is called.
    #[must_use]
    pub fn scope(&self, markets: &[String]) -> String {
        if !self.person.scope.is_empty() {
            return super::text::title(&self.person.scope);
        }
        let person = &self.person;
        let lists = [&person.categories, &person.brands, &person.tags, &person.competitors, &person.channels];
        let mut words: Vec<&str> =
            if markets.len() <= 2 { markets.iter().map(String::as_str).collect() } else { vec![] };
        words.extend(lists.into_iter().flatten().map(String::as_str));
        if words.is_empty() { self.voice.words.all_products.to_owned() } else { super::text::title(&words.join(" ")) }
    }

    /// A link for this person; none while no address is configured.
    #[must_use]
    pub fn link(&self, purpose: Purpose, until: Option<Millis>) -> Option<String> {
        self.links.url(purpose, &self.address, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Least};
    use crate::money::{Currency, decimal};

    fn reader(change: impl FnOnce(&mut Person)) -> Reader {
        let mut person = Person::plain("Ann <Ann@Shop.example>");
        change(&mut person);
        Reader::new(person, &Config::load(None, &[]).unwrap().report, Links::new("", vec![1; 32]))
    }

    fn track(category: &str, tags: &[&str]) -> Track {
        Track {
            id: 1,
            sku: "A".into(),
            title: "A".into(),
            brand: Some("Acme".into()),
            category: Some(category.into()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            market: "DK".into(),
            currency: Currency::DKK,
            own_minor: 100,
            recommended: None,
            shipping: 0,
            max_age: None,
            decided: vec![],
            seen: vec![],
        }
    }

    #[test]
    fn a_category_stands_for_all_below_it_and_for_no_other_that_begins_alike() {
        let audio = reader(|p| p.categories = vec!["Audio".into()]);
        assert!(audio.takes(&track("audio/headphones", &[])) && audio.takes(&track("audio", &[])));
        assert!(!audio.takes(&track("audiobooks", &[])) && !audio.takes(&track("video/audio", &[])));
        let both = reader(|p| {
            p.categories = vec!["audio".into()];
            p.tags = vec!["kvi".into()];
        });
        assert!(both.takes(&track("audio", &["KVI"])) && !both.takes(&track("audio", &[])));
        assert_eq!(both.address, "ann@shop.example");
        assert_eq!(both.scope(&["DK".into()]), "DK audio kvi");
    }

    #[test]
    fn thresholds_are_apart_for_rises_and_falls_and_for_percent_and_money() {
        let least = |text: &str| Least(decimal(text).unwrap());
        let picky = reader(|p| {
            p.fall_pct = least("5");
            p.rise_amount = least("10");
        });
        assert!(picky.notes(10_000, 9_500, "DKK") && !picky.notes(10_000, 9_501, "DKK"));
        assert!(picky.notes(10_000, 11_000, "DKK") && !picky.notes(10_000, 10_999, "DKK"));
        assert!(picky.notes(10_000, 10_010, "JPY"), "ten yen are ten units");
        assert!(!reader(|_| {}).notes(10_000, 10_000, "DKK"), "there and back again");
    }
}
