//! The texts of mails and pages in five languages, complete by construction: a missing text does not compile.
//!
//! Placeholders are `{name}`; a test holds every language to the same ones.

mod da;
mod de;
mod en;
mod kinds;
mod pl;
mod sv;
mod told;
mod voice;

pub use kinds::{Kind, KindText, Limit};
pub use voice::{Voice, change_pct};

use crate::config::Language;

/// A text that depends on a number. Only Polish tells few from many (CLDR 48, plural rules).
#[derive(Debug, Clone, Copy)]
pub struct Plural {
    pub one: &'static str,
    pub few: &'static str,
    pub many: &'static str,
}

const fn two(one: &'static str, many: &'static str) -> Plural {
    Plural { one, few: many, many }
}

const fn three(one: &'static str, few: &'static str, many: &'static str) -> Plural {
    Plural { one, few, many }
}

/// Declares the catalogue, and a list of its texts for the test of placeholders.
macro_rules! words {
    (texts [$($text:ident,)+] plurals [$($plural:ident,)+]) => {
        /// Every text of one language.
        #[derive(Debug)]
        pub struct Words {
            $(pub $text: &'static str,)+
            $(pub $plural: Plural,)+
        }

        impl Words {
            /// Names and texts; a plural has three.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                let mut all = vec![$((stringify!($text), self.$text)),+];
                $(all.extend([self.$plural.one, self.$plural.few, self.$plural.many].map(|text| (stringify!($plural), text)));)+
                all
            }
        }
    };
}

words! {
    texts [
    // The frame of a digest.
    headline, sent_late, quiet, quiet_subject, all_products, scope, settings, unsubscribe, times, basis, mode_auto,
    mode_review, mode_shadow,
    needs_you, wrong_now, market, our_changes, opportunities, threats, campaigns, health,
    // Rows.
    approve, reject, valid_until, proposal, on_hold, paused, since, not_live, should_show, subject_index,
    index, index_none, index_change, index_week, cheapest, coverage, most_moves,
    change_balance, reference, reference_of, floor, approved_by, agreed_by, adopted_from, rule,
    headroom, sold_out, overtaken, at_floor, below_floor, unreachable_target,
    campaign_starts, campaign_runs, campaign_ended, campaign_cancelled, campaign_waits, campaign_entered, campaign_still, for_members, claims, prior_price,
    parity, unverified, pages, freshness, evaluations, backup, no_backup, notice,
    history_alt, trend_alt, legend,
    chart_index, chart_price, chart_risk, chart_elasticity, chart_below, chart_readiness,
    answer_freeze, answer_floor, answer_next, answer_review,
    state_sent, state_accepted, state_unknown, state_rejected, state_held, state_parked, state_drifted, state_intended,
    outcome_change, outcome_keep, outcome_hold, outcome_review, outcome_settled, outcome_shadow, outcome_none,
    page_gone, page_blocked, page_robots, page_unreadable, page_no_price, page_sold_out, page_no_product, page_moved,
    page_unreachable, page_busy, page_error, page_too_large, page_not_asked, page_other,
    // Spreadsheets.
    sheet_sku, sheet_product, sheet_competitor, sheet_channel, sheet_from, sheet_to, sheet_change, sheet_currency,
    sheet_when, sheet_why, sheet_state, sheet_kind, sheet_times, cut_off,
    // Alerts.
    alert_since, alert_effect, alert_done, alert_todo, alert_details, resolved, resolved_since, early_digest, early_why,
    severity_critical, severity_warning, severity_info,
    // Pages behind links.
    page_title, unsubscribe_ask, unsubscribe_button, unsubscribed, resubscribe, approve_ask, reject_ask, approve_button,
    reject_button, why_label, done_approved, done_agreed, done_rejected, campaign_ask, campaign_reject_ask, campaign_own, campaign_settled,
    done_campaign, done_cancelled, link_expired, link_broken, review_settled, review_approved,
    review_rejected, by_link, review_expired, review_replaced, not_saved, wrong_schedule, wrong_zone, wrong_hours, wrong_number,
    wrong_name, empty_names, wrong_list, wrong_value, settings_title,
    settings_saved, settings_save, settings_digest, settings_zone, settings_quiet, settings_language, settings_alerts,
    settings_format, settings_categories, settings_brands, settings_competitors, settings_channels, settings_tags,
    settings_rise, settings_fall, settings_rise_amount, settings_fall_amount, settings_kinds, settings_sections,
    settings_attachments, settings_quiet_day, settings_skip, settings_short, settings_weekly, settings_list_hint, settings_all, settings_critical, settings_none,
    ]
    plurals [
    to_approve, held, critical, late_channels, prices_changed, competitor_moves, resting, changed_times, more, times_seen, waiting, products,
    prices, moves, small_moves, alerts, days,
    ]
}

impl Words {
    /// The catalogue of a language.
    #[must_use]
    pub const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &en::WORDS,
            Language::Da => &da::WORDS,
            Language::Sv => &sv::WORDS,
            Language::Pl => &pl::WORDS,
            Language::De => &de::WORDS,
        }
    }
}

/// Replaces `{name}`s; what a value holds is never looked at again.
#[must_use]
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, end) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = end;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn every_language_uses_the_same_placeholders() {
        let english = Words::of(Language::En).all();
        for language in Language::ALL {
            let own = Words::of(language).all();
            for ((name, text), (_, reference)) in own.iter().zip(&english) {
                assert_eq!(placeholders(text), placeholders(reference), "{name} in {}", language.code());
                assert!(!text.trim().is_empty(), "{name} in {}", language.code());
            }
            for kind in Kind::ALL {
                let text = kind.text(language);
                for part in [text.title, text.effect, text.done, text.todo] {
                    assert!(!part.is_empty() && placeholders(part).is_empty(), "{kind:?} in {}", language.code());
                }
            }
        }
    }

    #[test]
    fn languages_differ() {
        let english = Words::of(Language::En).all();
        for language in Language::ALL.into_iter().skip(1) {
            let same = Words::of(language).all().iter().zip(&english).filter(|(own, en)| own.1 == en.1).count();
            // SKU, Index and the like are the same words everywhere.
            assert!(same < 14, "{same} texts of {} are English", language.code());
        }
    }

    #[test]
    fn values_are_not_read_as_templates() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "x")]), "{b} and x");
        assert_eq!(fill("no end {a", &[("a", "x")]), "no end x");
    }
}
