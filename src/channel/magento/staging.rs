//! Special prices of a shop with content staging, which Adobe Commerce has and Magento Open Source has not. There a special
//! price is a version of the whole product from one second to another, in UTC:
//!
//! - A version may not begin in the past nor end after 19 January 2038, and takes the base price along that the product has
//!   when it is made. What is written while it runs is gone when it ends.
//! - A price whose window is that of a version which exists is written into that version, at once.
//! - No version begins while another one with an end runs. So the price in a running version is changed and never deleted:
//!   a special price that equals the base price reduces nothing, and the next reduction finds a place.

use std::sync::atomic::{AtomicU8, Ordering};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Magento;
use super::bodies::{Special, number};
use super::shown::Row;
use crate::channel::{ChannelError, Class, PriceChange};
use crate::clock::Millis;

/// How far ahead a version begins: the shop's clock may be that far from ours, and a little more.
const LEAD: i64 = 3 * Millis::MINUTE;
/// The shop's cron changes versions over once a minute.
const CHANGES_OVER: i64 = 2 * Millis::MINUTE;
/// The last second of the last whole day that a version may last.
const LAST: Millis = Millis(2_147_471_999_000);

/// What is known of a shop's staging.
#[derive(Debug, Default)]
pub(super) struct Edition(AtomicU8);

const PLAIN: u8 = 1;
const STAGED: u8 = 2;

impl Edition {
    /// What the shop's answers have shown, or nothing yet.
    fn known(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            PLAIN => Some(false),
            STAGED => Some(true),
            _ => None,
        }
    }

    /// The shop has shown what it is.
    pub fn learned(&self, staged: bool) {
        self.0.store(if staged { STAGED } else { PLAIN }, Ordering::Relaxed);
    }
}

/// The form of the price calls; the shop takes it for UTC.
fn written(at: Millis) -> String {
    at.timestamp().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn instant(text: Option<&str>) -> Option<Millis> {
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", text?).ok()?;
    Some(Millis::from(time.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// Whether a version of this window is what buyers see at this instant.
pub(super) fn runs(row: &Row, now: Millis) -> bool {
    let (from, to) = (instant(row.price_from.as_deref()), instant(row.price_to.as_deref()));
    from.is_none_or(|from| from <= now) && to.is_none_or(|to| now < to)
}

/// Milliseconds until the shop has changed over, if it does so about now: what is written before that may be gone after it.
fn changing_over(row: &Row, now: Millis) -> Option<i64> {
    let ends = [row.price_from.as_deref(), row.price_to.as_deref()];
    let near = |at: &Millis| *at > now.plus(-CHANGES_OVER) && *at <= now.plus(LEAD + CHANGES_OVER);
    ends.into_iter().filter_map(instant).filter(near).map(|at| at.plus(CHANGES_OVER).since(now)).max()
}

/// By place among the changes.
type Placed<T> = Vec<(usize, T)>;

/// The special prices that these changes need there; `held` are the rows that the shop has of them.
///
/// # Errors
/// By place, those that cannot be written now.
pub(super) fn specials(
    changes: &[&PriceChange],
    held: &[Row],
    store_id: u32,
    now: Millis,
) -> Result<Placed<Special>, Placed<ChannelError>> {
    let (mut specials, mut bad) = (Vec::new(), Vec::new());
    for (place, change) in changes.iter().enumerate() {
        let own = || held.iter().filter(|row| row.sku == change.external);
        if let Some(wait) = own().filter_map(|row| changing_over(row, now)).max() {
            let why = "the shop is about to begin or end a scheduled update of the product, which would undo the price";
            bad.push((place, ChannelError::new(Class::Retry { after_ms: Some(wait) }, why)));
            continue;
        }
        let running = own().find(|row| runs(row, now));
        let window = match (running, change.sale) {
            (Some(row), _) => (row.price_from.clone().unwrap_or_default(), row.price_to.clone().unwrap_or_default()),
            (None, None) => continue,
            (None, Some(sale)) => {
                let from = now.plus(LEAD);
                let to = sale.ends_at.map_or(LAST, |end| end.end_of_second().min(LAST));
                if to.since(from) <= CHANGES_OVER {
                    let why = "the reduction is over before the shop could begin it";
                    bad.push((place, ChannelError::new(Class::Rejected, why)));
                    continue;
                }
                (written(from), written(to))
            }
        };
        match number(change.price) {
            Ok(price) => {
                let (price_from, price_to) = window;
                specials.push((place, Special { price, store_id, sku: change.external.clone(), price_from, price_to }));
            }
            Err(error) => bad.push((place, error)),
        }
    }
    if bad.is_empty() { Ok(specials) } else { Err(bad) }
}

/// A refusal of a version, after the base price of its product was written.
pub(super) fn refused(error: ChannelError) -> ChannelError {
    let text = format!(
        "the reduction was refused, and the price without it was written: {}; look at the product's Scheduled Changes",
        error.message
    );
    ChannelError::new(error.class, text)
}

impl Magento {
    /// Whether the shop keeps special prices as versions. Its answers tell, and before them the edition that it names to
    /// everybody, unless that is switched off.
    ///
    /// # Errors
    /// No answer; nothing was changed.
    pub(super) async fn staged(&self) -> Result<bool, ChannelError> {
        if let Some(known) = self.edition.known() {
            return Ok(known);
        }
        let answer = self.shop.get(&["magento_version"], &[]).await?;
        // A shop that cannot answer now has not told that it is plain.
        if answer.status >= 400 && matches!(answer.class(), Class::Retry { .. }) {
            return Err(answer.error());
        }
        let says = if answer.status == 200 { answer.text() } else { String::new() };
        // `Magento/2.4 (Enterprise)`; Open Source and what grew out of it say Community.
        let staged = says.len() < 100 && says.contains('(') && !says.contains("(Community)");
        self.edition.learned(staged);
        Ok(staged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(from: &str, to: &str) -> Row {
        let price = serde_json::from_str("39.9").unwrap();
        let (price_from, price_to) = (Some(from.to_owned()), Some(to.to_owned()));
        Row { price, store_id: 0, sku: "A".to_owned(), price_from, price_to }
    }

    #[test]
    fn a_version_runs_by_the_second_and_nothing_is_written_while_one_changes_over() {
        // Noon UTC of 1 March 2027.
        let noon = Millis(1_803_902_400_000);
        assert_eq!(written(noon), "2027-03-01 12:00:00");
        let version = row("2027-03-01 12:00:00", "2027-03-01 13:00:00");
        assert!(runs(&version, noon) && !runs(&version, noon.plus(-1)) && !runs(&version, noon.plus(Millis::HOUR)));
        assert_eq!(changing_over(&version, noon), Some(CHANGES_OVER));
        assert_eq!(changing_over(&version, noon.plus(10 * Millis::MINUTE)), None);
        let last = noon.plus(Millis::HOUR - Millis::MINUTE);
        assert_eq!(changing_over(&version, last), Some(CHANGES_OVER + Millis::MINUTE));
        assert!(runs(&row("1970-01-01 00:00:01", "2038-01-19 03:14:07"), noon));
        assert_eq!(written(LAST), "2038-01-18 23:59:59");
    }
}
