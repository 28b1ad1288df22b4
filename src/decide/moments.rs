//! The moments of a simulation: those at which something was recorded, and between them those at which time alone could
//! change an answer.
//!
//! Pure: what pages showed between two looks follows from the looks; the daemon's own edges say when it would have woken.

use jiff::Timestamp;

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag};
use crate::decide::edges;
use crate::decide::facts::Facts;
use crate::decide::rivals::Follow;
use crate::decide::rules::RuleSet;

/// At most this many moments between recorded ones are decided for one product: two years of six a day.
pub const MAX_BETWEEN: u32 = 2 * 366 * 6;
/// At most this many answers to rivals from one recorded moment to the next: two years of them.
const MAX_ANSWERS: i64 = 2 * 366 * 6;
/// A page that has said for this long that it is sold out is believed: two looks may meet one hiccup.
pub const ABSENT_FOR_MS: i64 = 2 * Millis::HOUR;
/// A step that a limit cut short is followed by the next after this long, where nobody says how often pages are read.
const STEP_AFTER_MS: i64 = Millis::HOUR;

/// How long a page showed what an offer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The last look at which it showed it.
    pub last: Millis,
    /// When it was first seen to be sold out, where it says that it is.
    pub absent_since: Option<Millis>,
}

/// What was known of one product from one instant to the next at which something changed.
#[derive(Debug, Clone)]
pub struct Moment {
    pub at: Timestamp,
    pub facts: Facts,
    /// One for each offer, in the order of the facts.
    pub sightings: Vec<Sighting>,
}

impl From<(Timestamp, Facts)> for Moment {
    /// Every page goes on showing what it showed.
    fn from((at, facts): (Timestamp, Facts)) -> Self {
        let always = Sighting { last: Millis(i64::MAX), absent_since: None };
        let sightings = vec![always; facts.offers.len()];
        Self { at, facts, sightings }
    }
}

impl Moment {
    /// The facts at an instant of this moment: offers grow old once their pages were seen no more.
    #[must_use]
    pub fn as_of(&self, now: Millis) -> Facts {
        let mut facts = self.facts.clone();
        for (offer, seen) in facts.offers.iter_mut().zip(&self.sightings) {
            offer.observed_at = if now > Millis::from(self.at) { seen.last.min(now) } else { offer.observed_at };
            if let Some(since) = seen.absent_since {
                offer.absence_confirmed = offer.observed_at.since(since) >= ABSENT_FOR_MS;
            }
        }
        facts
    }

    /// When the last look at each page makes its offer too old, and not the look that a simulation has reached.
    fn look_ahead(&self, facts: &mut Facts, rivals_answer: bool) {
        if facts.offers.len() == self.sightings.len() {
            for (offer, seen) in facts.offers.iter_mut().zip(&self.sightings) {
                // Rivals that answer are taken to be looked at all the time.
                offer.observed_at = if rivals_answer { Millis(i64::MAX) } else { seen.last };
            }
        }
    }
}

/// How a simulation wakes between recorded moments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// After how long a price that a step limit cut short takes its next step, in milliseconds.
    pub step_after_ms: Option<i64>,
}

/// One product's way from one recorded moment to the next.
#[derive(Debug)]
pub struct Between<'a> {
    rules: &'a RuleSet,
    follow: Option<&'a Follow>,
    pace: Pace,
    left: u32,
    is_cut: bool,
}

impl<'a> Between<'a> {
    #[must_use]
    pub const fn new(rules: &'a RuleSet, follow: Option<&'a Follow>, pace: Pace) -> Self {
        Self { rules, follow, pace, left: MAX_BETWEEN, is_cut: false }
    }

    /// Whether a moment was not decided, because there were too many.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// What came of a decision, as far as it says when to ask again.
#[derive(Debug, Clone, Copy)]
pub struct Came {
    /// The price moved.
    pub moved: bool,
    /// What was held could pass then.
    pub again: Option<Millis>,
}

impl Between<'_> {
    /// The next instant to decide at before the moment is over; none if there is none, or the bound is reached. The facts
    /// are those that were decided; their ages are put where they end.
    pub fn next(
        &mut self,
        moment: &Moment,
        until: Option<Timestamp>,
        facts: &mut Facts,
        decision: &Decision,
        (now, came): (Millis, Came),
    ) -> Option<Millis> {
        let until = Millis::from(until?);
        moment.look_ahead(facts, self.follow.is_some());
        let timed = edges::next(facts, self.rules, decision, now, None);
        let step = (came.moved && decision.has(Flag::StepLimited))
            .then(|| now.plus(self.pace.step_after_ms.unwrap_or(STEP_AFTER_MS).max(Millis::MINUTE)));
        let again = came.again.filter(|at| *at > now);
        let edge = [timed, step, again].into_iter().flatten().min().filter(|at| *at < until);
        let answer = self.follow.and_then(|follow| answer(follow, moment.at.into(), now, until));
        let Some(edge) = edge.filter(|edge| answer.is_none_or(|answer| *edge < answer)) else { return answer };
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(edge)
            }
            None => {
                self.is_cut = true;
                answer
            }
        }
    }
}

/// When rivals answer next, counted from the beginning of a moment; none where less than a whole delay would be left of it.
fn answer(follow: &Follow, begin: Millis, now: Millis, until: Millis) -> Option<Millis> {
    let tick = follow.tick_ms().max(1);
    let next = now.since(begin) / tick + 1;
    let at = begin.plus(next * tick);
    (next < MAX_ANSWERS && at.plus(tick) <= until).then_some(at)
}
