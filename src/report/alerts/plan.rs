//! Decides what one target is told now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Surroundings, group, rule, silenced};
use crate::clock::Millis;
use crate::config::{Alerts, Wanted};
use crate::report::lang::Kind;
use crate::store::alerts::{Recent, Silence, State};
use crate::store::events::Event;

/// Events that one message names; the rest is counted.
pub const NAMED: usize = 50;
/// The group of messages that hold what a day's budget left over.
pub const EARLY: &str = "early";

/// Somebody, or something, that is told.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub wanted: Wanted,
    /// Whether it is quiet hours there now.
    pub quiet: bool,
    /// When the target's day began.
    pub day_start: Millis,
    /// Machines have no budget.
    pub unlimited: bool,
}

/// One event as a message tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub kind: String,
    pub severity: String,
    pub sku: Option<String>,
    pub channel: Option<String>,
    pub competitor: Option<String>,
    pub message: String,
    pub hint: String,
    pub times: i64,
    pub first_at: i64,
    /// When it ended, if that is what is told.
    pub resolved_at: Option<i64>,
}

/// What a message tells; stored with it, rendered when it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    pub items: Vec<Item>,
    /// All open ones, also those that are not named.
    pub open: usize,
    pub resolved: usize,
}

/// A message to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub grp: String,
    pub early: bool,
    pub body: Body,
}

/// What one target is told now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub drafts: Vec<Draft>,
    pub states: Vec<State>,
}

/// An event with what is to be said of it.
struct Due<'a> {
    event: &'a Event,
    over: bool,
    /// Said before and still true.
    repeat: bool,
}

#[derive(Default)]
struct Group<'a> {
    due: Vec<Due<'a>>,
}

impl Group<'_> {
    fn critical(&self) -> bool {
        self.due.iter().any(|due| !due.over && due.event.severity == "critical")
    }

    /// Whether it has collected long enough: the oldest new event decides.
    fn collected(&self, policy: &Alerts, now: Millis) -> bool {
        let wait = if self.critical() { policy.wait_critical.0 } else { policy.wait.0 };
        let new = self.due.iter().filter(|due| !due.over && !due.repeat).map(|due| due.event.first_at).min();
        new.is_none_or(|first| now.since(Millis(first)) >= wait)
    }
}

/// What planning looks at besides one target.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// All events, open ones and some that are over: a cause outside a target's scope still explains its effect.
    pub everything: &'a [Event],
    pub silences: &'a [Silence],
    pub states: &'a [State],
    pub recent: &'a [Recent],
    pub policy: &'a Alerts,
    pub now: Millis,
}

/// Plans one target's messages. `events` are those of the target's scope; the newest row of each dedupe key counts.
#[must_use]
pub fn plan(target: &Target, events: &[Event], situation: &Situation<'_>) -> Plan {
    let Situation { states, recent, policy, now, .. } = *situation;
    let told: BTreeMap<&str, &State> =
        states.iter().filter(|state| state.target == target.name).map(|state| (state.dedupe.as_str(), state)).collect();
    let mut newest: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in events {
        let known = newest.entry(&event.dedupe).or_insert(event);
        if event.id > known.id {
            *known = event;
        }
    }
    let around = Surroundings::of(situation.everything);
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    for event in newest.into_values() {
        let state = told.get(event.dedupe.as_str()).copied();
        let due = match event.resolved_at {
            Some(end) => ended(event, Millis(end), state, policy, now),
            None => lasting(event, state, target, &around, situation),
        };
        if let Some(due) = due {
            // What is over belongs to the thread in which it was told.
            let name = state.filter(|_| due.over).map_or_else(|| group(event), |state| state.grp.clone());
            groups.entry(name).or_default().due.push(due);
        }
    }
    let own: Vec<&Recent> = recent.iter().filter(|message| message.target == target.name).collect();
    let mut spoken: BTreeMap<&str, i64> = BTreeMap::new();
    // What was told in a message of another name, such as the early digest, was told of its group all the same.
    let told_of = told.values().map(|state| (state.grp.as_str(), state.told_at));
    for (name, at) in own.iter().map(|message| (message.grp.as_str(), message.created_at)).chain(told_of) {
        let last = spoken.entry(name).or_insert(at);
        *last = at.max(*last);
    }
    groups.retain(|name, group| {
        // A message that still waits for its server says what a repeat would say.
        if own.iter().any(|message| message.waiting != 0 && (message.grp == *name || message.grp == EARLY)) {
            group.due.retain(|due| !due.repeat);
        }
        let pace = group.due.iter().map(|due| rule(Kind::of(&due.event.kind)).pace(policy.group_every.0)).min();
        let paced = spoken.get(name.as_str()).is_none_or(|last| now.since(Millis(*last)) >= pace.unwrap_or(0));
        paced && !group.due.is_empty() && group.collected(policy, now) && (!target.quiet || group.critical())
    });
    within_budget(target, groups, &own, policy, now)
}

/// Whether the end of something is to be told: it was told while it lasted, and it has been over for a while.
fn ended<'a>(event: &'a Event, end: Millis, state: Option<&State>, policy: &Alerts, now: Millis) -> Option<Due<'a>> {
    let told = state.is_some_and(|state| state.resolved_at.is_none());
    (told && now.since(end) >= policy.settle.0).then_some(Due { event, over: true, repeat: false })
}

/// Whether something open is to be told: for the first time, armed again after its end was told, or repeated. An event
/// that came back before its end was told is the same one: flapping tells nothing.
fn lasting<'a>(
    event: &'a Event,
    state: Option<&State>,
    target: &Target,
    around: &Surroundings<'_>,
    situation: &Situation<'_>,
) -> Option<Due<'a>> {
    let Situation { silences, policy, now, .. } = *situation;
    let rule = rule(Kind::of(&event.kind));
    let unwanted = match target.wanted {
        Wanted::All => false,
        Wanted::Critical => event.severity != "critical",
        Wanted::None => true,
    };
    if unwanted
        || !rule.immediate
        || around.few_drifts(event, policy.drift_above)
        || silenced(event, silences, now).is_some()
        || around.inhibitor(event).is_some()
    {
        return None;
    }
    let repeat = match state {
        Some(state) if state.resolved_at.is_none() => match rule.repeat {
            Some(after) if now.since(Millis(state.told_at)) >= after => true,
            // Somebody's act: one that ended and came again is another one.
            None if Kind::of(&event.kind) == Kind::Paused && state.event_id != event.id => false,
            _ => return None,
        },
        _ => false,
    };
    Some(Due { event, over: false, repeat })
}

/// Spends the budget, critical groups first. What a day's budget leaves over comes as one early digest; after that
/// critical events still come when they are new, together; what was said before is not repeated that day.
fn within_budget(
    target: &Target,
    groups: BTreeMap<String, Group<'_>>,
    own: &[&Recent],
    policy: &Alerts,
    now: Millis,
) -> Plan {
    let count = |from: Millis| own.iter().filter(|m| m.created_at >= from.0 && m.early == 0).count();
    let (mut hour, mut day) = (count(now.plus(-Millis::HOUR)), count(target.day_start));
    let mut ready: Vec<(String, Group<'_>)> = groups.into_iter().collect();
    ready.sort_by_key(|(_, group)| !group.critical());
    let mut plan = Plan::default();
    let mut over = Group::default();
    for (name, group) in ready {
        if target.unlimited || (day < policy.per_day && (hour < policy.per_hour || group.critical())) {
            (hour, day) = (hour + 1, day + 1);
            tell(&mut plan, target, &name, false, &group.due, now);
        } else if day >= policy.per_day {
            over.due.extend(group.due);
        }
    }
    if own.iter().any(|m| m.early != 0 && m.created_at >= target.day_start.0) {
        over.due.retain(|due| !due.over && !due.repeat && due.event.severity == "critical");
    }
    if !over.due.is_empty() {
        tell(&mut plan, target, EARLY, true, &over.due, now);
    }
    plan
}

fn tell(plan: &mut Plan, target: &Target, grp: &str, early: bool, due: &[Due<'_>], now: Millis) {
    let resolved = due.iter().filter(|due| due.over).count();
    let items = due.iter().take(NAMED).map(|due| Item {
        kind: due.event.kind.clone(),
        severity: due.event.severity.clone(),
        sku: due.event.sku.clone(),
        channel: due.event.channel.clone(),
        competitor: due.event.competitor.clone(),
        message: due.event.message.clone(),
        hint: due.event.hint.clone(),
        times: due.event.times,
        first_at: due.event.first_at,
        resolved_at: due.event.resolved_at,
    });
    let body = Body { items: items.collect(), open: due.len() - resolved, resolved };
    plan.states.extend(due.iter().map(|due| State {
        target: target.name.clone(),
        dedupe: due.event.dedupe.clone(),
        grp: group(due.event),
        event_id: due.event.id,
        told_at: now.0,
        resolved_at: due.over.then_some(now.0),
    }));
    plan.drafts.push(Draft { grp: grp.to_owned(), early, body });
}
