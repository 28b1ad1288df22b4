//! When time alone can change an answer: rules open and close, days begin, offers and remembered references grow too old.
//!
//! Pure: the instants follow from facts, rules and a decision. None of them is ever in the past, so that whoever asks again
//! at the next one does not ask for ever at once.

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag, Outcome};
use crate::decide::facts::{Facts, Market};
use crate::decide::offers::age_limit_ms;
use crate::decide::rules::{Fallback, Rule, RuleSet};
use crate::decide::select::Schedule;

/// Days looked ahead for the next opening: a weekday's hours may not exist on the day on which clocks are put forward, and
/// then come a week later.
const REACH_DAYS: usize = 16;
/// Days looked at first.
const NEAR_DAYS: usize = 3;
const MINUTES_OF_DAY: u16 = 24 * 60;

impl Schedule {
    /// The next instant after `now` at which [`Schedule::is_open`] changes in a market; none if it never does again.
    #[must_use]
    pub fn next_edge(&self, market: &Market, now: Timestamp) -> Option<Timestamp> {
        // Before it begins nothing opens or closes.
        let start = self.from.filter(|from| *from > now).map_or(now, just_before);
        let flips = |at: &Timestamp| self.is_open(market, *at) != self.is_open(market, just_before(*at));
        let ends = || self.from.into_iter().chain(self.until).filter(|at| *at > start);
        if self.days.is_none() && self.hours.is_none() {
            return ends().filter(flips).min();
        }
        // Most often the next edge is soon, and the days after it need not be looked at.
        for days in [NEAR_DAYS, REACH_DAYS] {
            let (local, seen_until) = self.local_edges(market, start, days);
            let mut candidates: Vec<Timestamp> = ends().chain(local).filter(|at| *at > start).collect();
            candidates.sort_unstable();
            let found = candidates.into_iter().find(flips);
            if days == REACH_DAYS || found.is_some_and(|at| at <= seen_until) {
                return found;
            }
        }
        None
    }

    /// Every instant of the coming days at which a weekday or the hours may begin or end: local midnights and both ends of
    /// the hours, twice where clocks are put back, and the instants at which clocks are changed. And until when they are all.
    fn local_edges(&self, market: &Market, start: Timestamp, reach: usize) -> (Vec<Timestamp>, Timestamp) {
        let zone = &market.tz.0;
        let hours = self.hours.map(|hours| [hours.from_min, hours.until_min % MINUTES_OF_DAY]);
        let minutes: Vec<u16> = std::iter::once(0).chain(hours.into_iter().flatten()).collect();
        let first = zone.to_datetime(start).date();
        let last = first.saturating_add(jiff::Span::new().days(i64::try_from(reach).unwrap_or(1) - 1));
        let days = std::iter::successors(Some(first), |day: &Date| day.tomorrow().ok()).take(reach);
        let mut edges = Vec::with_capacity(reach * 4);
        for day in days {
            for minute in &minutes {
                let Some(time) = time_of_day(*minute) else { continue };
                let local = zone.to_ambiguous_timestamp(day.to_datetime(time));
                edges.extend([local.earlier(), local.later()].into_iter().flatten());
            }
        }
        let end = edges.iter().max().copied().unwrap_or(start);
        edges.extend(zone.following(start).map(|change| change.timestamp()).take_while(|at| *at <= end));
        // The last day's midnight is known, its hours may reach into the next one's clock change.
        let whole = edges.iter().copied().filter(|at| zone.to_datetime(*at).date() < last).max().unwrap_or(start);
        (edges, whole)
    }
}

fn time_of_day(minute: u16) -> Option<Time> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    Time::new(hour, minute, 0, 0).ok()
}

fn just_before(at: Timestamp) -> Timestamp {
    at.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(at)
}

impl Rule {
    /// When the rule next begins or ceases to be in force in a market; none if it never does again.
    #[must_use]
    pub fn next_edge(&self, market: &Market, now: Timestamp) -> Option<Timestamp> {
        self.is_for(market).then(|| self.schedule.next_edge(market, now))?
    }
}

/// The first instant of a market's next local day.
#[must_use]
pub fn next_midnight(market: &Market, now: Timestamp) -> Option<Timestamp> {
    let today = market.tz.0.to_datetime(now).date();
    Some(today.tomorrow().ok()?.to_zoned(market.tz.0.clone()).ok()?.timestamp())
}

/// The first whole millisecond that is not before an instant.
fn not_before(at: Timestamp) -> Millis {
    let at_ms = Millis::from(at);
    if at_ms.timestamp() < at { at_ms.plus(1) } else { at_ms }
}

/// The next instant after `now` at which the same facts could be decided otherwise. `step_after_ms` says after how many
/// milliseconds the next step may follow one that a step limit cut short; none if that step was not made.
#[must_use]
pub fn next(
    facts: &Facts,
    rules: &RuleSet,
    decision: &Decision,
    now: Millis,
    step_after_ms: Option<i64>,
) -> Option<Millis> {
    let (market, instant) = (&facts.market, now.timestamp());
    let mut all: Vec<Millis> = decision.next_evaluation.into_iter().collect();
    let product = &facts.product;
    all.extend(product.campaign.iter().flat_map(|campaign| [campaign.from, campaign.until]));
    all.extend(product.lock.iter().filter_map(|lock| lock.until));
    all.extend(product.manual.iter().map(|manual| manual.until));
    if rules.source_of(&market.id).is_none() {
        for rule in rules.rules.iter().filter(|rule| rule.is_for(market) && rule.select.names(product)) {
            all.extend(rule.next_edge(market, instant).map(not_before));
            if rule.schedule.is_open(market, instant) {
                all.extend(too_old(rule, facts, rules, now));
            }
        }
    }
    let midnight = || next_midnight(market, instant).map(not_before);
    if decision.has(Flag::DailyQuota) {
        all.extend(midnight());
    }
    if decision.has(Flag::StepLimited) {
        let goes_on = step_after_ms.filter(|_| decision.outcome == Outcome::Change);
        // A price that cannot go any further today waits for what the next day allows.
        all.extend(goes_on.map(|after| now.plus(after.max(Millis::MINUTE))).or_else(midnight));
    }
    all.into_iter().filter(|at| *at > now).min()
}

/// When what a rule looks at will be too old for it.
fn too_old(rule: &Rule, facts: &Facts, rules: &RuleSet, now: Millis) -> Option<Millis> {
    let engine_ms = rules.engine.max_offer_age_ms;
    let seen = facts.offers.iter().filter(|_| rule.target.kind().is_market());
    let offers = seen.map(|offer| offer.observed_at.plus(age_limit_ms(offer, &rule.offers, engine_ms)));
    let counted = facts.offers.iter().filter(|_| rule.select.in_stock_competitors.is_some());
    let stock = counted.map(|offer| offer.observed_at.plus(engine_ms));
    let remembered = rule.on_no_data.iter().filter_map(|fallback| match fallback {
        Fallback::LastReference { max_age_ms } => Some(facts.product.last_reference.as_ref()?.at.plus(*max_age_ms)),
        _ => None,
    });
    // A limit that is only reached still counts.
    offers.chain(stock).chain(remembered).map(|last| last.plus(1)).filter(|at| *at > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::facts::{AppliedVat, OfferFact, Product};
    use crate::decide::rules::Mode;
    use crate::decide::select::Hours;
    use crate::decide::text::Zone;
    use crate::money::{Currency, Decimal, Money};

    fn market() -> Market {
        Market::of_country("DK", Currency::DKK, Zone::parse("Europe/Copenhagen").unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn edges(schedule: &Schedule, from: &str, many: usize) -> Vec<String> {
        let next = |now: &Timestamp| schedule.next_edge(&market(), *now);
        let all = std::iter::successors(next(&at(from)), next).take(many);
        all.map(|edge| edge.to_string()).collect()
    }

    #[test]
    fn validity_opens_and_closes_once() {
        let (from, until) = (at("2026-11-20T00:00:00+01:00"), at("2026-11-28T00:00:00+01:00"));
        let schedule = Schedule { from: Some(from), until: Some(until), ..Schedule::default() };
        let both = ["2026-11-19T23:00:00Z", "2026-11-27T23:00:00Z"];
        assert_eq!(edges(&schedule, "2026-01-01T00:00:00Z", 9), both);
        assert_eq!(edges(&schedule, "2026-11-19T23:00:00Z", 9), both[1..]);
        assert_eq!(edges(&schedule, "2026-11-27T23:00:00Z", 9), Vec::<String>::new());
        assert_eq!(edges(&Schedule::default(), "2026-11-27T23:00:00Z", 9), Vec::<String>::new());
    }

    #[test]
    fn hours_follow_the_local_clock_over_both_changes() {
        let hours = |text: &str| Schedule { hours: Hours::parse(text), ..Schedule::default() };
        // On 29 March clocks go from 02:00 to 03:00, on 25 October from 03:00 to 02:00.
        let spring = ["2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z", "2026-03-29T20:00:00Z"];
        assert_eq!(edges(&hours("22:00-06:00"), "2026-03-28T12:00:00Z", 3), spring);
        let skipped = ["2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"];
        assert_eq!(edges(&hours("02:30-04:00"), "2026-03-28T12:00:00Z", 2), skipped, "it opens when 02:30 is skipped");
        let none = ["2026-03-30T00:10:00Z", "2026-03-30T00:50:00Z"];
        assert_eq!(edges(&hours("02:10-02:50"), "2026-03-28T12:00:00Z", 2), none, "that day has no such hour");
        let twice = ["2026-10-25T00:10:00Z", "2026-10-25T00:50:00Z", "2026-10-25T01:10:00Z", "2026-10-25T01:50:00Z"];
        assert_eq!(edges(&hours("02:10-02:50"), "2026-10-24T12:00:00Z", 4), twice, "that day has the hour twice");
        let end = ["2026-11-20T17:00:00Z", "2026-11-20T23:00:00Z"];
        assert_eq!(edges(&hours("18:00-24:00"), "2026-11-20T12:00:00Z", 2), end);
    }

    #[test]
    fn days_begin_and_end_at_local_midnight_inside_the_validity() {
        let weekend = Schedule { days: Some(0b110_0000), ..Schedule::default() };
        let both = ["2026-11-20T23:00:00Z", "2026-11-22T23:00:00Z"];
        assert_eq!(edges(&weekend, "2026-11-18T12:00:00Z", 2), both);
        let every = Schedule { days: Some(0b111_1111), ..Schedule::default() };
        assert_eq!(edges(&every, "2026-11-18T12:00:00Z", 9), Vec::<String>::new());
        let later = Schedule { from: Some(at("2027-02-03T12:00:00Z")), ..weekend };
        assert_eq!(
            edges(&later, "2026-11-18T12:00:00Z", 1),
            ["2027-02-05T23:00:00Z"],
            "the first weekend after it begins"
        );
    }

    #[test]
    fn every_edge_is_a_change_and_between_two_there_is_none() {
        let schedule = Schedule { days: Some(0b101_0101), hours: Hours::parse("22:15-02:30"), ..Schedule::default() };
        let market = market();
        let (mut now, end) = (at("2026-03-20T00:00:00Z"), at("2026-04-10T00:00:00Z"));
        let mut edges = 0;
        while now < end {
            let edge = schedule.next_edge(&market, now).unwrap();
            let before = schedule.is_open(&market, now);
            let mut between = now;
            while between < edge {
                assert_eq!(schedule.is_open(&market, between), before, "{between}");
                between += SignedDuration::from_mins(5);
            }
            assert_ne!(schedule.is_open(&market, edge), before, "{edge}");
            (now, edges) = (edge, edges + 1);
        }
        assert!(edges > 20, "{edges}");
    }

    fn asked_again(rule: &str, now: &str, change: impl FnOnce(&mut Facts)) -> Option<String> {
        let table = toml::from_str(&format!("[[rule]]\nid = \"r1\"\npriority = 1\n{rule}")).unwrap();
        let rules = RuleSet::from_table(table, Mode::Auto).unwrap().0;
        let dkk = |minor| Money::from_minor(minor, Currency::DKK);
        let product = Product {
            current: Some(dkk(100_000)),
            cost_net: Some(dkk(40_000)),
            vat: Some(AppliedVat { percent: Decimal::from(25), row: None }),
            ..Product::named("A1")
        };
        let now = at(now);
        let seen = Millis::from(now).plus(-Millis::HOUR);
        let mut facts = Facts::new(product, market());
        facts.offers = vec![OfferFact::seen("rival", dkk(95_000), seen)];
        change(&mut facts);
        let decision = crate::decide::price(&facts, &rules, now);
        let next = next(&facts, &rules, &decision, now.into(), Some(6 * Millis::HOUR));
        next.map(|at| at.timestamp().to_string())
    }

    #[test]
    fn a_day_that_is_used_up_is_asked_about_at_the_next_midnight() {
        let quota = "target = { kind = \"lowest\" }\nlimits = { max_changes_per_day = 2 }";
        let used = |facts: &mut Facts| facts.product.changes_today = 2;
        // In Copenhagen the day of the second change to summer time has 23 hours.
        assert_eq!(asked_again(quota, "2026-03-28T23:30:00Z", used).as_deref(), Some("2026-03-29T22:00:00Z"));
        let day = "target = { kind = \"lowest\" }\nlimits = { max_day_down_pct = \"3\" }";
        let at_the_end = |facts: &mut Facts| {
            facts.product.day_start = Some(Money::from_minor(103_092, Currency::DKK));
        };
        assert_eq!(asked_again(day, "2026-11-20T12:00:00Z", at_the_end).as_deref(), Some("2026-11-20T23:00:00Z"));
    }

    #[test]
    fn a_step_that_was_cut_short_is_followed_by_the_next() {
        let stepped = "target = { kind = \"lowest\" }\nlimits = { max_step_down_pct = \"3\" }";
        assert_eq!(asked_again(stepped, "2026-11-20T12:00:00Z", |_| {}).as_deref(), Some("2026-11-20T18:00:00Z"));
    }

    #[test]
    fn offers_are_asked_about_when_they_are_too_old_for_the_rule() {
        let own = "target = { kind = \"lowest\" }\noffers = { max_age_h = 6 }";
        assert_eq!(asked_again(own, "2026-11-20T12:00:00Z", |_| {}).as_deref(), Some("2026-11-20T17:00:00.001Z"));
        let engine = "target = { kind = \"lowest\" }";
        assert_eq!(asked_again(engine, "2026-11-20T12:00:00Z", |_| {}).as_deref(), Some("2026-11-21T11:00:00.001Z"));
        let slow = |facts: &mut Facts| facts.offers[0].interval_min = Some(24 * 60);
        assert_eq!(asked_again(engine, "2026-11-20T12:00:00Z", slow).as_deref(), Some("2026-11-21T23:00:00.001Z"));
        let gone = |facts: &mut Facts| facts.offers[0].observed_at = Millis(0);
        assert_eq!(asked_again(own, "2026-11-20T12:00:00Z", gone), None, "nothing is ever asked for in the past");
    }
}
