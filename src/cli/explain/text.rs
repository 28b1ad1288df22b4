//! The report of `explain` as a person reads it.

use std::fmt::Write as _;

use super::super::names::count;
use super::{Cites, Report};
use crate::clock::Millis;
use crate::decide::prior::Audience;
use crate::report::digest::plain;

/// The whole report for a person.
pub(super) fn of(r: &Report, zone: &str) -> String {
    let mut out = format!(
        "{} {}: {}{}, decision version {}{}\n",
        r.sku,
        r.title,
        r.price,
        r.at.as_ref().map(|at| format!(" at {}", told(at, r.at_exactly))).unwrap_or_default(),
        r.version,
        if r.locked { ", locked" } else { "" }
    );
    let _ = writeln!(out, "times: {zone}");
    // Writing to a String cannot fail.
    if let (Some(outcome), Some(why), Some(since)) = (&r.outcome, &r.why, &r.since) {
        // Somebody who reads since when a product is on hold must not take the newest reason for as old.
        let newest = r.evaluated_at.as_ref().filter(|at| outcome == "hold" && *at != since);
        let newest = newest.map_or_else(String::new, |at| format!(", at the newest look ({at})"));
        let _ = writeln!(out, "now: {outcome} since {since}{newest}: {why}");
    }
    if let Some(story) = r.story.as_ref().filter(|story| !story.is_empty()) {
        let _ = writeln!(out, "\n{story}");
    }
    if let Some(d) = &r.decision {
        let _ = writeln!(
            out,
            "\nlast change: {} -> {} at {} by {}, decision {}: {}",
            d.from,
            d.to,
            told(&d.at, d.crowded),
            d.actor,
            d.id,
            d.why
        );
    }
    for sentence in &r.moved {
        let _ = writeln!(out, "{sentence}");
    }
    let _ = writeln!(
        out,
        "proof: {}",
        if r.proof == "equal" { "computed again from its record, it comes out equal" } else { &r.proof }
    );
    if let Some(cites) = &r.cites {
        let settings = cites.settings.map(|id| format!(", settings revision {id}")).unwrap_or_default();
        let _ = writeln!(out, "decided by: rule revision {}{settings}", cites.rules);
        guards(cites, &mut out);
    }
    if let Some(w) = &r.waited {
        let _ = writeln!(
            out,
            "\nwaited for a person then: proposal {}, {} -> {}, since {}: {}",
            w.id, w.from, w.to, w.since, w.why
        );
        let by = w.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let _ = match &w.became_at {
            Some(at) => writeln!(out, "  {}{by} at {at}", w.became),
            None => writeln!(out, "  it still waits: omniprice review lists it"),
        };
    }
    if !r.intent.is_empty() || r.turned_down.is_some() {
        let _ = writeln!(out, "\nbeside the rules:");
    }
    if let Some(no) = &r.turned_down {
        let _ = writeln!(out, "  {} turned {} down at {}: {}", no.by, no.price, no.at, no.why);
    }
    for sentence in &r.intent {
        let _ = writeln!(out, "  {sentence}");
    }
    seen(r, &mut out);
    channels(r, &mut out);
    out
}

/// An instant as people read it: to the second, unless that would mean another decision when it is typed.
fn told(at: &str, exactly: bool) -> String {
    match at.split_once('.') {
        Some((second, _)) if !exactly => format!("{second}Z"),
        _ => at.to_owned(),
    }
}

fn guards(cites: &Cites, out: &mut String) {
    let named = |held: bool| {
        let checks = cites.guards.iter().filter(|check| check.finding.is_some() == held);
        checks.map(|check| check.guard.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (held, passed) = (named(true), named(false));
    let told = [("held by", held), ("passed by", passed)].into_iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<String> = told.map(|(what, names)| format!("{what} {names}")).collect();
    if !told.is_empty() {
        let _ = writeln!(out, "guards: {}", told.join("; "));
    }
}

/// How sure a price on a channel was.
fn basis(stored: &str) -> &str {
    match stored {
        "verified" => "read back",
        "accepted" => "acknowledged, not read back",
        "sent" => "sent, not answered yet",
        "unknown" => "sent, the answer was lost",
        "foreign" => "set there by somebody else",
        other => other,
    }
}

fn seen(r: &Report, out: &mut String) {
    let _ = writeln!(out, "\nseen:");
    if r.offers.is_empty() {
        let _ = writeln!(out, "  nothing was ever read");
    }
    for page in &r.pages {
        let outcome = page.outcome.as_deref().unwrap_or("not checked yet");
        let at = page.checked_at.as_deref().map(|at| format!(" at {at}")).unwrap_or_default();
        let _ = writeln!(out, "  {}: {outcome}{at} ({})", page.competitor, page.url);
    }
    for offer in &r.offers {
        let price = offer.price.as_deref().unwrap_or("no price");
        let _ = writeln!(
            out,
            "  {} {price} ({}, {}) {} to {}, {}",
            offer.competitor,
            offer.verdict,
            offer.reason,
            offer.first_seen,
            offer.last_seen,
            count(offer.checks, "check")
        );
        let field = |name: &str| {
            offer.evidence.pointer(name).and_then(serde_json::Value::as_str).map(plain).unwrap_or_default()
        };
        let raw = field("/price/raw");
        if !raw.is_empty() {
            let _ = writeln!(out, "    from {} at {}: \"{raw}\"", field("/price/source"), field("/price/path"));
        }
    }
}

fn channels(r: &Report, out: &mut String) {
    let _ = writeln!(out, "\nchannels{}:", if r.at.is_some() { ", then and now" } else { "" });
    for c in &r.channels {
        let none = || "-".to_owned();
        let audience = c.then.as_ref().map_or(c.audience, |then| then.audience.as_str());
        let members = if audience == Audience::Loyalty.as_str() { " (members only)" } else { "" };
        let now = match (&r.at, &c.then) {
            (None, _) => format!("  {}{members}", c.channel),
            (Some(_), Some(then)) => {
                let basis = basis(&then.basis);
                let _ = writeln!(out, "  {}{members}: asked {} ({basis}), since {}", c.channel, then.price, then.since);
                "    now".to_owned()
            }
            (Some(_), None) => {
                let _ = writeln!(out, "  {}{members}: nothing was known of its price then", c.channel);
                "    now".to_owned()
            }
        };
        let _ = writeln!(
            out,
            "{now}: {} since {}, wanted {}, live {} {}",
            c.state,
            c.since,
            c.desired.clone().unwrap_or_else(none),
            c.live.clone().unwrap_or_else(none),
            c.reason
        );
        if let Some(begins) = &c.begins {
            let _ = writeln!(out, "    begins {} by itself at {}, until {}", begins.price, begins.from, begins.until);
        }
        for a in &c.attempts {
            let _ =
                writeln!(out, "    {} {} #{} {} {}", Millis(a.started_at), a.kind, a.seq, a.outcome, plain(&a.detail));
        }
    }
}
