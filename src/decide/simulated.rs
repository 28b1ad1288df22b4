//! One product during a simulation: its own price as it follows the rules, everybody's moves, and what the release layer
//! would say to a proposal.
//!
//! It stands where the daemon's store stands; it must never know more than the daemon would have known at that moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock::Millis;
use crate::decide::decision::{Decision, Flag, Outcome};
use crate::decide::engine::deciding;
use crate::decide::facts::{Facts, LastReference};
use crate::decide::release::{Guard, GuardInputs, Release, ReleaseParams, release, usual};
use crate::decide::rivalry::{self, History, Known, MOVES_MS, OWN_PRICES_MS, Reply, RivalryParams};
use crate::decide::rules::{Fallback, Rule, RuleSet};
use crate::decide::run_gate::RunParams;
use crate::decide::simulated_set::SetPrice;
use crate::decide::staging::{self, Young};
use crate::money::{Decimal, Money};
use crate::observe::war::{PriceMove, Spiral, WarParams, multipliers, spiral, war};

/// Returns to the price before last within a day that make a flip-flop.
const FLIPS: usize = 3;
/// Guards whose answer a simulation takes for granted: the second look that they ask for agrees, and rules are out of
/// their first stages.
const ASSUMED: [Guard; 3] = [Guard::Absence, Guard::Quorum, Guard::Staging];

/// Guards that look back over hours: what they hold may pass later although nothing else changes.
const WITH_TIME: [Guard; 3] = [Guard::Velocity, Guard::Loop, Guard::Oscillation];
/// What they hold is asked about this often.
const ASKED_MS: i64 = Millis::HOUR;

/// The release layer as a simulation applies it.
#[derive(Debug, Clone)]
pub struct Guards {
    release: ReleaseParams,
    /// `mode = "review"`: every change waits for a person.
    pub all_wait: bool,
    /// Rules that act on a share of their products at first, by id.
    pub stages: BTreeMap<String, Young>,
    /// The breakers over whole runs; without it none is held.
    pub runs: Option<Runs>,
    staging: bool,
}

/// The breakers over whole runs, and the catalogue that they hold a run against.
#[derive(Debug, Clone)]
pub struct Runs {
    pub params: RunParams,
    /// Products of the whole catalogue, simulated or not.
    pub products: u32,
}

impl Guards {
    /// The operator's limits, without what a simulation takes for granted.
    #[must_use]
    pub fn new(mut params: ReleaseParams) -> Self {
        let staging = !params.off.contains(&Guard::Staging);
        params.off.extend(ASSUMED);
        Self { release: params, all_wait: false, stages: BTreeMap::new(), runs: None, staging }
    }

    /// Whether the youngest rule behind a proposal would not act on this product yet.
    #[must_use]
    pub fn is_staged(&self, facts: &Facts, rules: &RuleSet, at: Timestamp) -> bool {
        if !self.staging || self.stages.is_empty() {
            return false;
        }
        let staged = deciding(facts, rules, at).into_iter().filter_map(|rule| Some((rule, self.stages.get(&rule.id)?)));
        // Of several that are equally young the first counts, as in the daemon.
        let youngest = staged.rev().max_by_key(|(_, stage)| stage.since);
        youngest.is_some_and(|(rule, stage)| {
            let (below, _) = stage.reach(Millis::from(at), &self.release);
            staging::place(&rule.id, &facts.product.sku) >= below
        })
    }
}

/// What becomes of a proposal.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Goes,
    /// A person would be asked; a simulation takes the consent for granted.
    Asks,
    /// Held by these guards.
    Held(BTreeSet<Guard>),
}

/// The product between two moments of a simulation.
pub struct Ours {
    pub current: Option<Money>,
    last_changed: Option<Millis>,
    day: Option<jiff::civil::Date>,
    day_start: Option<Money>,
    changes_today: u32,
    /// Changes of rules.
    pub changes: u64,
    frozen_until: Option<Millis>,
    moves: Vec<PriceMove>,
    /// Released prices with the price before each.
    prices: Vec<(Millis, Money, Money)>,
    /// Rivalries that were noticed, oldest first.
    rivalries: Vec<Remembered>,
    last_raise: Option<Millis>,
    /// When what was held could pass.
    again: Option<Millis>,
    /// The price that is held since the last recorded moment.
    held: Option<Money>,
    last_reference: Option<LastReference>,
    /// What a person or a campaign made of the price.
    pub set: SetPrice,
    /// What each competitor last showed, and its moves.
    shown: BTreeMap<String, Money>,
    theirs: BTreeMap<String, Vec<PriceMove>>,
}

/// A rivalry that was noticed and is answered until its time is over.
struct Remembered {
    kind: &'static str,
    competitor: String,
    since: Millis,
    until: Millis,
}

/// What two histories of moves amount to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rivalry {
    pub war: bool,
    pub spiral: bool,
    pub flip_flop: bool,
}

impl Ours {
    /// The product as it was when the recorded history begins.
    #[must_use]
    pub fn begin(first: &Facts) -> Self {
        Self {
            current: first.product.current,
            last_changed: first.product.last_changed,
            day: None,
            day_start: None,
            changes_today: 0,
            changes: 0,
            frozen_until: None,
            moves: Vec::new(),
            prices: Vec::new(),
            rivalries: Vec::new(),
            last_raise: None,
            again: None,
            held: None,
            last_reference: None,
            set: SetPrice::default(),
            shown: BTreeMap::new(),
            theirs: BTreeMap::new(),
        }
    }

    /// A new moment was recorded: whatever is held from now on is another proposal.
    pub fn news(&mut self) {
        self.held = None;
    }

    /// Whether a proposal that is held is not the one that was held already.
    pub fn is_news(&mut self, price: Option<Money>) -> bool {
        price.is_none() || std::mem::replace(&mut self.held, price) != price
    }

    /// When what was held just now could pass, as far as time alone says.
    #[must_use]
    pub const fn asks_again(&self) -> Option<Millis> {
        self.again
    }

    /// Keeps what the deciding rule computed from offers, where a rule may fall back to it later.
    pub fn remember(&mut self, decision: &Decision, rules: &RuleSet, now: Millis) {
        let falls_back = |rule: &Rule| rule.on_no_data.iter().any(|f| matches!(f, Fallback::LastReference { .. }));
        if !rules.rules.iter().any(falls_back) {
            return;
        }
        let rule = decision.rule.as_deref().and_then(|id| rules.rule(id));
        if let Some((value, rule)) = decision.market_reference().zip(rule) {
            let (basis, rule) = (Some(rule.offers.basis), Some(rule.id.clone()));
            self.last_reference = Some(LastReference { value, at: now, rule, basis });
        }
    }

    /// Puts the simulated state in place of the recorded one, and notes which competitors moved.
    pub fn enter(&mut self, facts: &mut Facts, at: Timestamp) {
        let today = at.to_zoned(facts.market.tz.0.clone()).date();
        if self.day != Some(today) {
            self.day = Some(today);
            self.day_start = self.current;
            self.changes_today = 0;
        }
        let product = &mut facts.product;
        product.current = self.current;
        product.last_changed = self.last_changed;
        product.changes_today = self.changes_today;
        product.day_start = self.day_start;
        product.last_reference.clone_from(&self.last_reference);
        self.set.enter(product);
        self.again = None;
        let (own, fx) = (facts.market.currency, facts.fx.as_ref());
        for offer in &facts.offers {
            match self.shown.get_mut(&offer.competitor) {
                None => {
                    self.shown.insert(offer.competitor.clone(), offer.price);
                }
                Some(before) if *before != offer.price => {
                    let from = std::mem::replace(before, offer.price);
                    if let Some((from, to)) = rivalry::in_our_currency(from, offer.price, own, fx) {
                        let step = PriceMove { ours: false, from, to, at: Some(at.into()) };
                        self.theirs.entry(offer.competitor.clone()).or_default().push(step);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Our price moves.
    pub fn moves_to(&mut self, to: Money, at: Timestamp) {
        if let Some(from) = self.current {
            let at = Some(at.into());
            self.moves.push(PriceMove { ours: true, from: from.amount(), to: to.amount(), at });
        }
        self.prices.push((Millis::from(at), self.current.unwrap_or(to), to));
        self.current = Some(to);
        self.last_changed = Some(at.into());
        self.changes_today += 1;
    }

    /// Brings a proposal before the guards, as the daemon would in `auto` mode.
    pub fn ask(&mut self, guards: &Guards, facts: &Facts, decision: &Decision, at: Timestamp) -> Answer {
        let now = Millis::from(at);
        let history = self.history(now);
        // What a campaign did to the price is no velocity and no oscillation of the rules.
        let own_prices = if facts.product.before_set.is_some() { vec![] } else { history.prices(self.current, now) };
        let inputs = GuardInputs {
            frozen_until: self.frozen_until,
            fresh_cost_net: facts.product.cost_net,
            previous_cost_net: facts.product.cost_net,
            median_30d: usual(&own_prices, now),
            own_prices,
            moves: history.moves,
            ..GuardInputs::default()
        };
        let released: Release = release(decision, facts, &inputs, &guards.release, now);
        self.frozen_until = released.freeze_until.or(self.frozen_until);
        if released.passes() {
            if decision.outcome == Outcome::Review { Answer::Asks } else { Answer::Goes }
        } else if released.needs_approval_only() {
            Answer::Asks
        } else {
            let held: BTreeSet<Guard> = released.holds().map(|(guard, _)| guard).collect();
            let with_time = held.iter().all(|guard| WITH_TIME.contains(guard));
            self.again =
                with_time.then(|| self.frozen_until.filter(|until| *until > now).unwrap_or(now.plus(ASKED_MS)));
            Answer::Held(held)
        }
    }

    /// Both histories as the daemon would read them at this moment.
    fn history(&self, now: Millis) -> History {
        let own = self.prices.iter().filter(|(at, ..)| now.since(*at) <= OWN_PRICES_MS);
        let (own, own_from) = own.map(|(at, from, to)| ((*at, *to), *from)).unzip();
        let lately = |step: &PriceMove| step.at.is_none_or(|at| now.since(at) <= MOVES_MS);
        let moved = self.theirs.iter().filter(|(_, steps)| steps.iter().any(lately));
        let of = |name: &String| self.exchange(name).into_iter().filter(lately).collect();
        let moves = moved.map(|(name, _)| (name.clone(), of(name))).collect();
        History { own, own_from, moves }
    }

    /// Notices rivalries behind a proposal and answers the first that has an answer, as the daemon does.
    pub fn answered(&mut self, params: &RivalryParams, facts: &Facts, decision: &Decision, at: Timestamp) -> Reply {
        // A price below its floor is repaired whatever rivals do.
        let answerable = matches!(decision.outcome, Outcome::Change | Outcome::Review);
        if !answerable || decision.is_gated() || decision.has(Flag::BoundRepair) {
            return Reply::Stands;
        }
        let now = Millis::from(at);
        let ends = self.rivalries.iter().map(|known| known.until).chain(self.frozen_until);
        // What happened before the last answer ended says nothing new.
        let since = ends.filter(|until| *until <= now).max().unwrap_or(Millis(0));
        for found in rivalry::found(&self.history(now).after(since), decision.price, true, params, now) {
            let (kind, competitor) = (found.sign.kind(), found.competitor.unwrap_or_default());
            let same = |known: &Remembered| known.kind == kind && known.competitor == competitor && known.until > now;
            if !self.rivalries.iter().any(same) {
                self.rivalries.push(Remembered { kind, competitor, since: now, until: now.plus(params.hold_ms) });
            }
        }
        let open = self.rivalries.iter().filter(|known| known.until > now);
        let ends = self.rivalries.iter().map(|known| known.until).filter(|until| *until > now).min();
        let replies = open.map(|known| {
            let known = Known { kind: known.kind, competitor: &known.competitor, since: known.since };
            rivalry::reply(known, facts, decision, decision.price, params.answering(), self.last_raise, now)
        });
        let reply = replies.into_iter().find(|reply| *reply != Reply::Stands).unwrap_or(Reply::Stands);
        self.again = ends.filter(|_| reply != Reply::Stands);
        reply
    }

    /// An answer to a rivalry raised our price: once a day is enough.
    pub fn raised(&mut self, at: Timestamp) {
        self.last_raise = Some(at.into());
    }

    /// Every rivalry that was noticed, by kind.
    pub fn noticed(&self) -> impl Iterator<Item = &'static str> {
        self.rivalries.iter().map(|known| known.kind)
    }

    /// Our moves and one competitor's, by time; at one instant theirs come first, because ours answers.
    fn exchange(&self, competitor: &str) -> Vec<PriceMove> {
        let mut steps: Vec<PriceMove> = self.theirs.get(competitor).cloned().unwrap_or_default();
        steps.extend(self.moves.iter().cloned());
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// What the whole history amounts to.
    #[must_use]
    pub fn rivalry(&self, params: &WarParams) -> Rivalry {
        let mut found = Rivalry { flip_flop: self.flip_flops(), ..Rivalry::default() };
        for name in self.theirs.keys() {
            let steps = self.exchange(name);
            found.war |= war(&steps, params).is_war;
            let reactions = steps.windows(2).filter(|pair| pair[0].ours != pair[1].ours).count();
            let leads = multipliers(&steps).and_then(|(ours, theirs)| spiral(ours, theirs)).map(|(_, leads)| leads);
            let leads_away = leads.is_some_and(|leads| leads != Spiral::Stable);
            found.spiral |= leads_away && reactions >= params.least_alternations;
        }
        found
    }

    fn flip_flops(&self) -> bool {
        let own: Vec<(Millis, Decimal)> = self.moves.iter().filter_map(|step| Some((step.at?, step.to))).collect();
        let returns = own.windows(3).filter(|three| three[0].1 == three[2].1 && three[1].1 != three[2].1);
        let returns: Vec<Millis> = returns.map(|three| three[2].0).collect();
        let within_a_day = |times: &[Millis]| times[FLIPS - 1].since(times[0]) <= Millis::DAY;
        returns.windows(FLIPS).any(within_a_day)
    }
}
