//! Amounts with a bare number right before them that may be their thousands: another source settles which they are.

use super::Found;
use crate::extract::offer::Source;
use crate::money::Money;

/// Points of a visible amount that can speak for another one.
const HEARD: i32 = 0;

/// Settles what can be settled; what stays open keeps its rival.
pub(super) fn settle(found: &mut Found) {
    if found.candidates.iter().all(|c| c.rival.is_none()) {
        return;
    }
    let heard =
        found.candidates.iter().filter(|c| c.rival.is_none() && (c.source != Source::Visible || c.score > HEARD));
    let said: Vec<Money> = heard.filter_map(|c| c.offer.price).collect();
    for candidate in &mut found.candidates {
        let (Some(own), Some(rival)) = (candidate.offer.price, candidate.rival) else { continue };
        match (said.contains(&own), said.contains(&rival)) {
            (true, false) => candidate.rival = None,
            (false, true) => {
                candidate.rival = None;
                candidate.offer.price = Some(rival);
                candidate.verdict.push_str("; the number before it is its thousands, as elsewhere on the page");
            }
            _ => {}
        }
    }
}
