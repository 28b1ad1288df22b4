//! What a rule set would have done: recorded facts replayed through the engine, with our price following its answers.
//!
//! It assumes that a person agrees at once to every proposal that would wait for one, and counts those, as it counts what
//! the first stages of a new rule and the breakers over whole runs would keep back. What the guards of the release layer or
//! the answer to a rivalry hold stays where it is and is counted. It never touches anything live; recorded history comes in
//! as facts, an aggregate goes out, with a list of what it takes for granted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::clock::Millis;
use crate::decide::decision::{Decision, Outcome};
use crate::decide::engine::price;
use crate::decide::explain::explain;
use crate::decide::facts::{Availability, Facts, Standing};
use crate::decide::moments::{Between, Came, MAX_BETWEEN, Moment, Pace};
use crate::decide::offers;
use crate::decide::release::Guard;
use crate::decide::release_guards::change_pct;
use crate::decide::rivalry::{Reply, RivalryParams};
use crate::decide::rivals::{Follow, Rivals};
use crate::decide::rounding::two_decimals;
use crate::decide::rules::{OfferFilter, RuleSet};
use crate::decide::run_gate::{RUN_PRODUCTS, RunItem, RunRest, RunTally};
use crate::decide::simulated::{Answer, Guards, Ours, Rivalry};
use crate::decide::text::{self, Quoted};
use crate::money::{Decimal, Money};
use crate::observe::war::WarParams;

/// At most this many changes are kept with their explanation.
pub const MAX_SAMPLE: usize = 1_000;
/// At most this many SKUs are listed that no rule touches; all are counted.
pub const MAX_UNTOUCHED: usize = 10_000;

/// What no simulation knows, and what it takes in its place.
const ASSUMES: [&str; 3] = [
    "what waits for a person, for a new rule's stage or with its run goes out at once; the figures say how much that is",
    "a second look at a page agrees, and a run is what happens within an hour of the clock",
    "no listing or channel is late or refuses a price",
];
/// What of the past is not recorded, or not looked at.
const OF_TODAY: &str =
    "cost, stock, tags and tax are today's; campaigns on some channels or for members only are left out";
const OF_TODAY_RULES_ONLY: &str =
    "cost, stock, tags and tax are today's; campaigns, locks and prices set by hand are left out";
/// Beside these, where the bound was reached.
const CUT: &str = "of a product that time alone would have decided more than 4,392 times, only the first of those moments are decided";
const _: () = assert!(MAX_BETWEEN == 4_392, "the sentence above says another number");
/// Beside these, without the answers to rivalries.
const NO_ANSWERS: &str = "price wars and the like are counted and not answered";

/// How a simulation is run.
#[derive(Debug, Clone, Default)]
pub struct SimParams {
    /// Competitors that answer our prices; without it they do what they were recorded to do.
    pub follow: Option<Follow>,
    /// The end of the window: until then time and answering rivals go on after the last recorded moment.
    pub end: Option<Millis>,
    /// How many changes to explain.
    pub sample: usize,
    /// When an exchange of cuts counts as a war in the report.
    pub war: WarParams,
    /// How rivalries are answered; without it nothing answers them.
    pub rivalry: Option<RivalryParams>,
    /// The release layer; without it every proposal goes out.
    pub guards: Option<Guards>,
    /// When the daemon would have decided again although no page changed.
    pub pace: Pace,
    /// The facts are without what people and campaigns had set; the report says so.
    pub rules_only: bool,
}

/// The aggregate of a simulation. Percentages have two decimals.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SimReport {
    pub products: u64,
    pub decisions: u64,
    /// Recorded moments that were not replayed, because a product has too many: its oldest.
    pub left_out: u64,
    /// Products of which not every moment between recorded ones was decided, because there were too many.
    pub cut_short: u64,
    pub products_changed: u64,
    pub changes_up: u64,
    pub changes_down: u64,
    /// Prices that people and campaigns set, and the ways back from them: no changes of the rules.
    pub changes_set: u64,
    /// Changes that would have waited for a person.
    pub reviews: u64,
    /// Changes that the first stages of a new rule would have kept back until its next one.
    pub staged: u64,
    /// Runs (hours) that a breaker would have held whole, and the prices that would have waited with them.
    pub runs_held: u64,
    pub held_with_run: u64,
    /// Products with a page that does not count, because somebody has to look whether it shows the same product.
    pub in_match_review: u64,
    /// Proposals that the release layer would have held, and how often each guard was among those that held.
    pub held: u64,
    pub guards: BTreeMap<Guard, u64>,
    /// Rivalries that were noticed and answered, by kind.
    pub rivalries: BTreeMap<&'static str, u64>,
    /// Proposals that an answer to a rivalry held, and those it made in place of the rule's, as if the rival did not exist.
    pub held_in_rivalry: u64,
    pub stepped_past_rival: u64,
    /// Mean of the changes without sign, in percent.
    pub average_change_pct: Option<Quoted>,
    pub largest_change: Option<Change>,
    pub margin_pct: BeforeAfter,
    /// Our price over the mean of the offers in stock, in percent, whichever of them the rules look at.
    pub index: BeforeAfter,
    pub outcomes: BTreeMap<&'static str, u64>,
    /// How often each rule decided, and how often it changed a price.
    pub rules: BTreeMap<String, RuleCount>,
    /// How often each limit, floor, fallback and the like applied.
    pub flags: BTreeMap<&'static str, u64>,
    pub untouched: u64,
    pub untouched_skus: Vec<String>,
    /// Products on which we and a competitor undercut each other until it was a war.
    pub wars: u64,
    /// Products on which every answer led further from where it began.
    pub spirals: u64,
    /// Products whose price went back to the one before last three times within a day.
    pub flip_flops: u64,
    pub sample: Vec<Sample>,
    /// What is not simulated, a sentence each.
    pub assumes: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct RuleCount {
    pub decided: u64,
    pub changed: u64,
}

/// The mean over all products with data: as recorded, and with the simulated prices.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct BeforeAfter {
    pub before: Option<Quoted>,
    pub after: Option<Quoted>,
    pub products: u64,
}

/// A simulated change of a price.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    pub sku: String,
    pub market: String,
    pub at: Millis,
    pub from: Money,
    pub to: Money,
    #[serde(with = "text::decimal")]
    pub percent: Decimal,
}

/// A change with its explanation.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    pub change: Change,
    pub explanation: String,
}

/// What an answer to a rivalry made of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Stands,
    Holds,
    Asks,
    Steps,
}

/// A running simulation: feed it product by product, then finish it.
#[derive(Debug)]
pub struct Simulation<'a> {
    rules: &'a RuleSet,
    params: SimParams,
    report: SimReport,
    changes_sum: Decimal,
    margin: Sums,
    index: Sums,
    runs: BTreeMap<i64, RunTally>,
    /// The product that is being replayed, by the hour.
    hours: BTreeMap<i64, RunItem>,
}

#[derive(Debug, Default)]
struct Sums {
    before: Decimal,
    after: Decimal,
    products: u64,
}

impl Sums {
    fn add(&mut self, before: Option<Decimal>, after: Option<Decimal>) {
        if let (Some(before), Some(after)) = (before, after) {
            self.before = self.before.saturating_add(before);
            self.after = self.after.saturating_add(after);
            self.products += 1;
        }
    }

    fn means(&self) -> BeforeAfter {
        let mean = |sum: Decimal| sum.checked_div(Decimal::from(self.products)).map(|mean| Quoted(two_decimals(mean)));
        BeforeAfter { before: mean(self.before), after: mean(self.after), products: self.products }
    }
}

impl<'a> Simulation<'a> {
    #[must_use]
    pub fn new(rules: &'a RuleSet, params: SimParams) -> Self {
        Self {
            rules,
            params,
            report: SimReport::default(),
            changes_sum: Decimal::ZERO,
            margin: Sums::default(),
            index: Sums::default(),
            runs: BTreeMap::new(),
            hours: BTreeMap::new(),
        }
    }

    /// Tells that moments of a product are not replayed.
    pub fn leave_out(&mut self, moments: usize) {
        self.report.left_out = self.report.left_out.saturating_add(u64::try_from(moments).unwrap_or(u64::MAX));
    }

    /// Replays one product in one market: its recorded moments, oldest first, and between them those at which the daemon
    /// would have decided because of the time.
    pub fn product(&mut self, history: impl IntoIterator<Item = impl Into<Moment>>) {
        let mut history = history.into_iter().map(Into::into).peekable();
        let Some(Moment { facts: first, .. }) = history.peek() else { return };
        let in_review = first.offers.iter().any(|offer| offer.standing == Standing::Quarantined);
        self.report.in_match_review += u64::from(in_review);
        let mut ours = Ours::begin(first);
        let follow = self.params.follow.clone();
        let mut rivals = Rivals::new(follow.clone());
        let mut between = Between::new(self.rules, follow.as_ref(), self.params.pace);
        let mut touched = false;
        let mut last = None;
        while let Some(moment) = history.next() {
            let is_last = history.peek().is_none();
            let until = history.peek().map(|next| next.at).or(self.params.end.map(Millis::timestamp));
            let mut next = Some(moment.at);
            ours.news();
            while let Some(tick) = next {
                let now = Millis::from(tick);
                let mut facts = moment.as_of(now);
                rivals.enter(&mut facts, now);
                ours.enter(&mut facts, tick);
                let (mut facts, decision, reply) = self.decide(&mut ours, facts, tick);
                touched |= decision.outcome != Outcome::None && !decision.is_set();
                self.count(&decision);
                let due = ours.set.due(&facts, &decision, &self.rules.engine);
                let proposed = decision.price.filter(|_| due.is_none() && decision.proposes());
                let released = proposed.filter(|_| self.released(&mut ours, &facts, &decision, reply, tick)).or(due);
                if let Some(to) = released {
                    if due.is_some() || facts.product.before_set.is_some() {
                        self.report.changes_set += 1;
                    } else {
                        self.change(&facts, &decision, to, tick);
                        ours.changes += 1;
                    }
                    ours.set.moved(&decision, facts.product.current);
                    ours.moves_to(to, tick);
                    rivals.notice(to, now);
                }
                ours.remember(&decision, self.rules, now);
                let came = Came { moved: released.is_some(), again: ours.asks_again() };
                next = between.next(&moment, until, &mut facts, &decision, (now, came)).map(Millis::timestamp);
                last = Some((facts, decision));
            }
            // What a person or a campaign has set at the end is no work of the rules.
            if let Some((simulated, _)) = last.as_ref().filter(|(_, decision)| is_last && !decision.is_set()) {
                self.compare(&moment.facts, (simulated, ours.current), moment.at.into());
            }
        }
        self.report.cut_short += u64::from(between.is_cut());
        self.in_runs();
        self.report.products += 1;
        self.report.products_changed += u64::from(ours.changes > 0);
        self.rivalries(&ours.rivalry(&self.params.war));
        for kind in ours.noticed() {
            *self.report.rivalries.entry(kind).or_default() += 1;
        }
        if let (false, Some((facts, _))) = (touched, last) {
            self.report.untouched += 1;
            if self.report.untouched_skus.len() < MAX_UNTOUCHED {
                self.report.untouched_skus.push(facts.product.sku);
            }
        }
    }

    fn rivalries(&mut self, found: &Rivalry) {
        self.report.wars += u64::from(found.war);
        self.report.spirals += u64::from(found.spiral);
        self.report.flip_flops += u64::from(found.flip_flop);
    }

    /// The engine's decision, or the one that the answer to a rivalry puts in its place, with the facts it is made from.
    fn decide(&self, ours: &mut Ours, facts: Facts, at: Timestamp) -> (Facts, Decision, Answered) {
        let decision = price(&facts, self.rules, at);
        let reply = self.params.rivalry.as_ref().map(|params| ours.answered(params, &facts, &decision, at));
        match reply.unwrap_or(Reply::Stands) {
            Reply::Stands => (facts, decision, Answered::Stands),
            Reply::Hold => (facts, decision, Answered::Holds),
            Reply::Review => (facts, decision, Answered::Asks),
            Reply::Again(facts) => {
                let decision = price(&facts, self.rules, at);
                (*facts, decision, Answered::Steps)
            }
        }
    }

    /// Whether a proposal goes out, by the answer to a rivalry and by the guards where they are asked.
    fn released(
        &mut self,
        ours: &mut Ours,
        facts: &Facts,
        decision: &Decision,
        reply: Answered,
        at: Timestamp,
    ) -> bool {
        if reply == Answered::Holds {
            self.report.held_in_rivalry += 1;
            return false;
        }
        let goes = self.passes(ours, facts, decision, reply, at);
        if goes && reply == Answered::Steps {
            self.report.stepped_past_rival += 1;
            if decision.price.map(Money::minor) > facts.product.current.map(Money::minor) {
                ours.raised(at);
            }
        }
        goes
    }

    fn passes(&mut self, ours: &mut Ours, facts: &Facts, decision: &Decision, reply: Answered, at: Timestamp) -> bool {
        let asks = reply == Answered::Asks;
        let answer = match &self.params.guards {
            Some(guards) if matches!(decision.outcome, Outcome::Change | Outcome::Review) => {
                ours.ask(guards, facts, decision, at)
            }
            _ if decision.outcome == Outcome::Review => Answer::Asks,
            _ => Answer::Goes,
        };
        let all_wait = self.params.guards.as_ref().is_some_and(|guards| guards.all_wait);
        match answer {
            Answer::Goes if !asks && !all_wait => {
                let guards = self.params.guards.as_ref();
                if guards.is_some_and(|guards| guards.is_staged(facts, self.rules, at)) {
                    self.report.staged += 1;
                } else {
                    self.in_hour(facts, at, |item| item.proposed = decision.price);
                }
                true
            }
            Answer::Goes | Answer::Asks => {
                self.report.reviews += 1;
                true
            }
            // Asked again at a later hour it is the same proposal still.
            Answer::Held(_) if !ours.is_news(decision.price) => false,
            Answer::Held(guards) => {
                self.report.held += 1;
                // What is not worth a label is no sign of a wrong run.
                if guards.iter().any(|guard| *guard != Guard::DeadBand) {
                    self.in_hour(facts, at, |item| item.held = true);
                }
                for guard in guards {
                    *self.report.guards.entry(guard).or_default() += 1;
                }
                false
            }
        }
    }

    /// What a product does in an hour is one part of a run: from its first price to its last.
    fn in_hour(&mut self, facts: &Facts, at: Timestamp, note: impl FnOnce(&mut RunItem)) {
        // The way back from what people and campaigns set was planned with it.
        if facts.product.before_set.is_none() && self.params.guards.as_ref().is_some_and(|guards| guards.runs.is_some())
        {
            let hour = Millis::from(at).0 / Millis::HOUR;
            let current = facts.product.current;
            note(self.hours.entry(hour).or_insert(RunItem { current, proposed: None, held: false }));
        }
    }

    /// Adds a product's parts to the runs.
    fn in_runs(&mut self) {
        let hours = std::mem::take(&mut self.hours);
        let Some(runs) = self.params.guards.as_ref().and_then(|guards| guards.runs.as_ref()) else { return };
        for (hour, item) in hours {
            self.runs.entry(hour).or_default().add(&item, &runs.params);
        }
    }

    /// The runs that a breaker would have held.
    fn hold_runs(&mut self) {
        let Some(runs) = self.params.guards.as_ref().and_then(|guards| guards.runs.as_ref()) else { return };
        let rest = RunRest { products: runs.products, held: 0 };
        for tally in self.runs.values().filter(|tally| tally.changes() > 0) {
            let products = runs.products.min(RUN_PRODUCTS).max(tally.changes());
            if !tally.holds(products, rest, &runs.params, &self.rules.engine.run_breaker).is_empty() {
                self.report.runs_held += 1;
                self.report.held_with_run += u64::from(tally.changes());
            }
        }
    }

    fn count(&mut self, decision: &Decision) {
        let report = &mut self.report;
        report.decisions += 1;
        *report.outcomes.entry(decision.outcome.as_str()).or_default() += 1;
        for flag in &decision.flags {
            *report.flags.entry(flag.as_str()).or_default() += 1;
        }
        if let Some(rule) = &decision.rule {
            // Looked up before inserting: cloning the id of every decision would cost more than the decision.
            if !report.rules.contains_key(rule) {
                report.rules.insert(rule.clone(), RuleCount::default());
            }
            if let Some(count) = report.rules.get_mut(rule) {
                count.decided += 1;
                count.changed += u64::from(decision.proposes());
            }
        }
    }

    fn change(&mut self, facts: &Facts, decision: &Decision, to: Money, at: Timestamp) {
        let Some(from) = facts.product.current.filter(|from| *from != to) else { return };
        let Some(percent) = change_pct(from, to) else { return };
        if percent.is_sign_positive() {
            self.report.changes_up += 1;
        } else {
            self.report.changes_down += 1;
        }
        self.changes_sum = self.changes_sum.saturating_add(percent.abs());
        let largest = self.report.largest_change.as_ref();
        let is_largest = largest.is_none_or(|largest| largest.percent.abs() < percent.abs());
        let sampled = self.report.sample.len() < self.params.sample.min(MAX_SAMPLE);
        if !is_largest && !sampled {
            return;
        }
        let change = Change {
            sku: facts.product.sku.clone(),
            market: facts.market.id.clone(),
            at: at.into(),
            from,
            to,
            percent: two_decimals(percent),
        };
        if sampled {
            let explanation = explain(facts, self.rules, at, decision, None).to_string();
            self.report.sample.push(Sample { change: change.clone(), explanation });
        }
        if is_largest {
            self.report.largest_change = Some(change);
        }
    }

    /// What was recorded as our price, among recorded offers, is the "before" of the comparison; rivals that answer have
    /// moved since. Offers are as old as at the last recorded moment, however long ago that is. Both look at the whole market:
    /// what a rule leaves out, or cannot decide, is part of it all the same.
    fn compare(&mut self, recorded: &Facts, (simulated, after): (&Facts, Option<Money>), at: Millis) {
        let before = recorded.product.current;
        let margin = |price: Option<Money>| price.and_then(|price| recorded.margin_pct(price));
        self.margin.add(margin(before), margin(after));
        let index = |facts: &Facts, price| index_to_mean(facts.in_market(price)?, facts, self.rules, at);
        let (before, after) = (index(recorded, before), index(simulated, after));
        self.index.add(before, after);
    }

    /// The aggregate.
    #[must_use]
    pub fn finish(mut self) -> SimReport {
        self.hold_runs();
        let changes = self.report.changes_up + self.report.changes_down;
        let average = self.changes_sum.checked_div(Decimal::from(changes));
        self.report.average_change_pct = average.map(|average| Quoted(two_decimals(average)));
        self.report.margin_pct = self.margin.means();
        self.report.index = self.index.means();
        self.report.assumes = ASSUMES.to_vec();
        self.report.assumes.push(if self.params.rules_only { OF_TODAY_RULES_ONLY } else { OF_TODAY });
        self.report.assumes.extend((self.report.cut_short > 0).then_some(CUT));
        self.report.assumes.extend(self.params.rivalry.is_none().then_some(NO_ANSWERS));
        self.report
    }
}

/// A price over the mean of the offers that a customer could take, in percent.
fn index_to_mean(price: Decimal, facts: &Facts, rules: &RuleSet, at: Millis) -> Option<Decimal> {
    let whole = OfferFilter {
        availability: vec![Availability::InStock, Availability::Limited, Availability::Unknown],
        ..OfferFilter::default()
    };
    let found = offers::eligible(facts, &whole, rules, (0, None), at.0).offers;
    let sum = found.iter().try_fold(0_i64, |sum, offer| sum.checked_add(offer.minor))?;
    let mean = Money::from_minor(sum, facts.market.currency).amount().checked_div(Decimal::from(found.len()))?;
    price.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(mean)
}
