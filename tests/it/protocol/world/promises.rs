//! The promises that are looked at when something is proved and when everything has come to rest.

use omniprice::store::listings::Listing;

use super::{TIMEOUT, Violation, World, violation};

impl World {
    /// P3: what is called live was shown by the channel, as far back as its reads may lag.
    pub(super) fn proved(&self, shop: usize, id: i64) -> Result<(), Violation> {
        let Some(row) = self.table.rows.iter().find(|row| row.id == id) else { return Ok(()) };
        let shown = &self.shops[shop];
        let recent = shown.live(id, self.now - shown.lag - TIMEOUT);
        let after = shown.shown[&id].iter().filter(|(at, _, _)| *at >= self.now - shown.lag - TIMEOUT);
        if row.live_minor == Some(recent) || after.into_iter().any(|(_, _, minor)| Some(*minor) == row.live_minor) {
            return Ok(());
        }
        let what =
            format!("listing {id} is called live at {:?} and shows {}", row.live_minor, shown.live(id, self.now));
        Err(violation("P3", what, self.now))
    }

    pub(super) fn waits_for_parked(&self, row: &Listing) -> bool {
        let mut siblings = self.table.rows.iter().filter(|other| other.product_id == row.product_id);
        row.state == "held"
            && !row.reason.is_empty()
            && siblings.any(|other| matches!(other.state.as_str(), "parked" | "rejected"))
    }

    pub(super) fn unsettled(&self) -> String {
        let open = self.table.rows.iter().filter(|row| row.next_at.is_some() && !self.waits_for_parked(row));
        open.map(|row| format!("{} is {} ({})", row.id, row.state, row.reason)).collect::<Vec<_>>().join(", ")
    }

    /// P1 and P5, when everything has come to rest.
    pub(super) fn settled(&self) -> Result<(), Violation> {
        for row in &self.table.rows {
            let decided = self.decisions.get(&row.product_id).copied().unwrap_or(0);
            if row.desired_seq != decided {
                let what = format!("listing {} heard of {} of {decided} decisions", row.id, row.desired_seq);
                return Err(violation("P1", what, self.now));
            }
            if decided == 0 {
                continue;
            }
            let Some(shop) = self.shops.iter().find(|shop| shop.name == row.channel) else { continue };
            let live = shop.live(row.id, self.now);
            let fine = match row.state.as_str() {
                "verified" => {
                    Some(live) == row.desired_minor
                        && row.verified_seq == row.desired_seq
                        && !shop.absent.contains(&row.id)
                }
                // A channel that lied, or can neither be read nor asked twice, is a person's.
                "unverified" => {
                    row.sent_seq == row.desired_seq && (Some(live) == row.desired_minor || shop.lies_until > 0)
                }
                "rejected" => shop.rejected.get(&row.id) == Some(&row.desired_seq),
                "parked" => !row.reason.is_empty() && (shop.lies_until > 0 || !shop.readable),
                "held" => self.waits_for_parked(row),
                _ => false,
            };
            if !fine {
                let what = format!(
                    "listing {} on {} rests as {} ({}) showing {live}, wanted {:?}, sent {} of {}",
                    row.id, row.channel, row.state, row.reason, row.desired_minor, row.sent_seq, row.desired_seq
                );
                return Err(violation("P5", what, self.now));
            }
        }
        Ok(())
    }
}
