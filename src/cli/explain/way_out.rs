//! What lets a proposal through that something holds: time, other facts, or a command.

use crate::config::Config;
use crate::money::Money;
use crate::report::digest::plain;
use crate::sentence::{Found, Part, Sentence, find};
use crate::store::products::Product;

/// What the way out of a reason depends on beside the reason.
pub(super) struct Held<'a> {
    pub product: &'a Product,
    /// The price that is held.
    pub price: Money,
    pub config: &'a Config,
}

impl Held<'_> {
    /// A reason with what lets the price through in spite of it. What is no sentence of the program stays as it is.
    pub(super) fn told(&self, reason: &str) -> String {
        let way = find(reason).and_then(|found| self.way(&found));
        way.map_or_else(|| format!("{}.", plain(reason)), |way| format!("{}. {way}", plain(reason)))
    }

    fn way(&self, found: &Found) -> Option<String> {
        use Sentence as S;
        let config = self.config;
        Some(match found.sentence {
            S::NewRule => "It follows by itself at that time; [release] stage_h says how long a stage lasts.".to_owned(),
            S::FrozenUntil | S::FrozenAfter => "It is decided again by itself at that time.".to_owned(),
            S::NoFloor | S::CostUnknown | S::CostUnbelievable | S::NoFloorFollows => {
                "omniprice import FILE, with its purchase cost in the column cost, lets it be decided again.".to_owned()
            }
            S::BelowCost => {
                let least = text(found, "floor").unwrap_or_default();
                format!("{least} and more would pass; omniprice import FILE brings another cost.")
            }
            S::BelowOwnMinimum => "omniprice import FILE brings another `min`.".to_owned(),
            S::BelowAbsolute => "[release] absolute_min in omniprice.toml says what is too low for anything.".to_owned(),
            S::CrawlDoubted => format!(
                "omniprice competitor resume {} --why \"...\" believes it again, once somebody has looked.",
                text(found, "competitor").unwrap_or_default()
            ),
            S::RestsOnUnknown | S::StockUnsure => {
                "A page that says whether the product is in stock lets it through, or a second look that still finds it \
                 sold out."
                    .to_owned()
            }
            S::OneWitness => format!(
                "The pages are looked at again by themselves after {}; a second sighting or a second competitor lets it \
                 through.",
                config.schedule.confirm_after
            ),
            S::Outlier | S::FarBelowFloor | S::FarAboveCeiling => {
                "Other offers let it through, or another rule: omniprice simulate --rules FILE tries one.".to_owned()
            }
            S::StepTooLarge => {
                "Smaller steps pass: max_step_down_pct and max_step_up_pct in the rule's [rule.limits]; [release] \
                 step_down_pct and step_up_pct say what is too large."
                    .to_owned()
            }
            S::ChangesUsed => {
                "It goes on by itself 24 hours after the first of them; [release] changes_per_day says how many.".to_owned()
            }
            S::DayTooFar => {
                "It goes on by itself when the earlier moves are 24 hours old; [release] day_down_pct and day_up_pct say \
                 how far."
                    .to_owned()
            }
            S::OutsideCorridor => {
                "[release] corridor_low and corridor_high say how far from the usual price is too far.".to_owned()
            }
            S::AboveCeiling => "[release] ceiling_factor says how far above the recommended price is too far.".to_owned(),
            S::LockStep | S::TurnsAgain => {
                format!("It is decided again by itself after {} hours.", config.release.freeze_h)
            }
            S::NotWorthIt => {
                "A larger difference passes; [release] dead_band_pct says which are too small.".to_owned()
            }
            S::CostJump | S::NeedsConsent | S::StakeNeedsConsent => {
                "A person is asked by itself as soon as nothing else holds it.".to_owned()
            }
            S::WarWith | S::Reactions | S::FlipFlop | S::OwnRise => {
                format!("The rule is tried again by itself; [guards.rivalry] hold says when: after {}.", config.guards.rivalry.hold)
            }
            S::Paused => "omniprice resume --why \"...\" lets prices go on.".to_owned(),
            _ => return None,
        })
    }

    /// The command by which a person sets the price that is held.
    pub(super) fn by_hand(&self, odd: bool) -> String {
        let yes = if odd { " --yes" } else { "" };
        format!(
            "A person may set it at once: omniprice price set {} {} --until 7d --why \"...\"{yes}",
            typed(&self.product.sku),
            self.price.amount()
        )
    }
}

fn text(found: &Found, slot: &str) -> Option<String> {
    let (_, part) = found.parts.iter().find(|(name, _)| *name == slot)?;
    Some(match part {
        Part::Text(text) => plain(text),
        Part::Money(money) => money.to_string(),
        _ => return None,
    })
}

/// A word as a shell takes it.
pub(super) fn typed(word: &str) -> String {
    let word = plain(word);
    let harmless = |c: char| c.is_ascii_alphanumeric() || "._-/:+".contains(c);
    if !word.is_empty() && word.chars().all(harmless) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_shell_takes_every_sku_as_one_word() {
        assert_eq!(typed("KETTLE-2"), "KETTLE-2");
        assert_eq!(typed("red lamp"), "'red lamp'");
        assert_eq!(typed("$(x)'s"), r"'$(x)'\''s'");
        assert_eq!(typed(""), "''");
    }
}
