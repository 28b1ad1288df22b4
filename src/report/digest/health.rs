//! The rows of the health section: channels, freshness, pages, evaluations, the last backup.

use super::super::facts::Facts;
use super::super::lang::{Words, fill};
use super::super::reader::Reader;
use super::super::text::{message, plain};
use super::Row;
use super::rows::{Content, filled};
use crate::clock::Millis;
use crate::money::Decimal;

pub fn health(facts: &Facts, reader: &Reader) -> Content {
    let voice = &reader.voice;
    let words = voice.words;
    let row = |what: String, why: String| Row { what, why, ..Row::default() };
    let mut rows: Vec<Row> = facts
        .parity
        .iter()
        .map(|parity| {
            let count = |n: i64| voice.number(Decimal::from(n));
            let values =
                [("channel", plain(&parity.channel)), ("live", count(parity.live)), ("all", count(parity.listings))];
            let why = (parity.unverified > 0).then(|| fill(words.unverified, &[("n", &count(parity.unverified))]));
            row(filled(words.parity, &values), why.unwrap_or_default())
        })
        .collect();
    if let Some(fresh) = &facts.market.freshness {
        let hours = Decimal::from(facts.max_age).checked_div(Decimal::from(Millis::HOUR)).unwrap_or_default();
        let values = [
            ("median", voice.age(fresh.median)),
            ("p95", voice.age(fresh.p95)),
            ("within", voice.percent(fresh.within_limit_pct)),
            ("limit", voice.hours(hours)),
        ];
        rows.push(row(filled(words.freshness, &values), String::new()));
    }
    if !facts.waiting.is_empty() {
        rows.push(row(voice.plural(&words.waiting, facts.waiting.len(), &[]), String::new()));
    }
    rows.extend(facts.unhealthy.iter().map(|bad| {
        let known = page(&bad.outcome, words).map(str::to_owned);
        let outcome = known.unwrap_or_else(|| fill(words.page_other, &[("outcome", &plain(&bad.outcome))]));
        let n = voice.number(Decimal::from(bad.n));
        row(
            filled(words.pages, &[("competitor", plain(&bad.competitor)), ("n", n), ("outcome", outcome)]),
            String::new(),
        )
    }));
    if !facts.outcomes.is_empty() {
        let told: Vec<String> = facts
            .outcomes
            .iter()
            .map(|o| {
                let name = match o.outcome.as_str() {
                    "change" => words.outcome_change,
                    "keep" => words.outcome_keep,
                    "hold" => words.outcome_hold,
                    "review" => words.outcome_review,
                    "settled" => words.outcome_settled,
                    "shadow" => words.outcome_shadow,
                    _ => words.outcome_none,
                };
                format!("{} {name}", voice.number(Decimal::from(o.n)))
            })
            .collect();
        rows.push(row(fill(words.evaluations, &[("outcomes", &told.join(", "))]), String::new()));
    }
    let backup = facts.backup.map(|at| fill(words.backup, &[("at", &voice.at(at))]));
    rows.push(row(backup.unwrap_or_else(|| words.no_backup.to_owned()), String::new()));
    rows.extend(
        facts
            .notices
            .iter()
            .map(|notice| row(fill(words.notice, &[("text", &message(&voice.tell(notice)))]), String::new())),
    );
    (vec![], rows)
}

/// What an outcome without a price says of pages; none for one that nobody has put into words.
fn page(outcome: &str, words: &Words) -> Option<&'static str> {
    Some(match outcome {
        "gone" | "soft_not_found" => words.page_gone,
        "blocked" | "login_wall" | "consent_wall" | "age_wall" | "region_wall" => words.page_blocked,
        "robots_disallowed" => words.page_robots,
        "ambiguous" | "parse_failure" => words.page_unreadable,
        "no_price" => words.page_no_price,
        "out_of_stock" => words.page_sold_out,
        "category" | "search" | "home" | "article" | "other" => words.page_no_product,
        "redirected_elsewhere" => words.page_moved,
        "unreachable" => words.page_unreachable,
        "overloaded" => words.page_busy,
        "server_error" => words.page_error,
        "too_large" => words.page_too_large,
        "refused" => words.page_not_asked,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Language;
    use crate::extract::Outcome;
    use crate::fetch::FetchError;

    #[test]
    fn every_outcome_without_a_price_is_told_in_every_language() {
        let network = || String::new();
        let failures = [
            FetchError::Robots,
            FetchError::Refused(network()),
            FetchError::TooManyRedirects(9),
            FetchError::TooLarge(9),
            FetchError::Undecodable(network()),
            FetchError::Overloaded { status: 429, wait_ms: 1 },
            FetchError::Status(403),
            FetchError::Status(404),
            FetchError::Status(500),
            FetchError::Network(network()),
            FetchError::Timeout,
        ];
        let read = Outcome::all().filter(|outcome| !outcome.is_price()).map(Outcome::as_str);
        for outcome in read.chain(failures.iter().map(FetchError::outcome)) {
            let told: Vec<&str> = Language::ALL
                .iter()
                .map(|language| page(outcome, Words::of(*language)).unwrap_or_else(|| panic!("{outcome}")))
                .collect();
            assert!(told.iter().skip(1).all(|text| *text != told[0]), "{outcome}: {told:?}");
        }
        assert_eq!(page("of_tomorrow", Words::of(Language::En)), None);
    }
}
