//! `never_below` while prices move: whether one listing may be sent now, given every price that the others may be
//! showing at this instant (SEMANTICS of the order of updates: lowering and raising order follow from it).

use crate::clock::Millis;
use crate::decide::vat;
use crate::money::{Decimal, WirePrice};
use crate::store::listings::Listing;

/// "`above` is never cheaper than `below`": channel names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeverBelow {
    pub above: String,
    pub below: String,
    /// A price that was wanted so long ago no longer waits for the other channel (SEMANTICS 7.2, `best_effort`).
    pub best_effort_after_ms: Option<i64>,
}

/// Why a listing has to wait, or that it can never be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Wait(String),
    /// The desired prices themselves break the constraint.
    Contradiction(String),
}

/// What a listing's amounts contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxView {
    Gross,
    /// Without VAT, of so many percent where that is known.
    Net(Option<Decimal>),
}

/// What a listing's amounts contain, and how many decimals its channel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    pub tax: TaxView,
    pub decimals: u32,
}

/// Whether one price is below another one for a buyer. A net amount stands for all gross prices that are rounded to it,
/// since no net price gives back every gross one; `None` if a VAT rate is not known.
fn below(price: Decimal, view: View, other: Decimal, other_view: View) -> Option<bool> {
    if view == other_view {
        return Some(price < other);
    }
    let gross = |amount: Decimal, view: View, sign: i64| match view.tax {
        TaxView::Gross => Some(amount),
        TaxView::Net(vat_pct) => {
            let half = Decimal::new(5 * sign, view.decimals + 1);
            amount.checked_add(half)?.checked_mul(vat::factor(vat_pct?)?)
        }
    };
    Some(gross(price, view, 1)? < gross(other, other_view, -1)?)
}

/// Whether `listing` may move to `minor`, a count of its own, now; `view` says what the amounts of a listing are. Listings
/// in other currencies are not comparable and are left alone.
///
/// A pair that somebody else broke is mended from either side: raising what must not be below, and lowering what it must
/// not be below, makes no pair worse and waits for nobody. So whoever waits to rise waits for one above that rises too, and
/// whoever waits to fall for one below that falls too, and without a circle of constraints there is always one that may go.
///
/// # Errors
/// What it waits for, or the contradiction.
pub fn may_send(
    listing: &Listing,
    minor: i64,
    siblings: &[Listing],
    constraints: &[NeverBelow],
    view: &dyn Fn(&Listing) -> View,
    now: Millis,
) -> Result<(), Order> {
    let waited_ms = listing.desired_at.map_or(0, |at| now.0 - at);
    for constraint in constraints {
        let (other, is_above) = if constraint.above == listing.channel {
            (&constraint.below, true)
        } else if constraint.below == listing.channel {
            (&constraint.above, false)
        } else {
            continue;
        };
        let Some(other) = siblings.iter().find(|l| l.channel == *other && l.currency == listing.currency) else {
            continue;
        };
        let (own, others) = (view(listing), view(other));
        // A count that is no amount is no proof of order either.
        let ours = listing.price(minor).ok().map(WirePrice::amount);
        let amount = |theirs: i64| other.price(theirs).ok().map(WirePrice::amount);
        if below(Decimal::ONE, own, Decimal::ONE, others).is_none() {
            return Err(Order::Contradiction(format!(
                "{} must never be below {}, and they cannot be compared: one takes net prices and its VAT rate is not known",
                constraint.above, constraint.below
            )));
        }
        let broken = |theirs: i64| {
            let (Some(ours), Some(theirs)) = (ours, amount(theirs)) else { return true };
            let below = if is_above { below(ours, own, theirs, others) } else { below(theirs, others, ours, own) };
            // A number beyond the range is no proof of order.
            below.unwrap_or(true)
        };
        if let Some(theirs) = other.desired_minor.filter(|theirs| broken(*theirs)) {
            let views = if own.tax == others.tax { "" } else { ", one of them without VAT" };
            let told = |amount: Option<Decimal>| amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
            return Err(Order::Contradiction(format!(
                "{} must never be below {}, but the prices wanted are {} and {}{views}",
                constraint.above,
                constraint.below,
                told(ours),
                told(amount(theirs))
            )));
        }
        let patient = constraint.best_effort_after_ms.is_none_or(|after| waited_ms < after);
        if patient && !helps(listing, minor, is_above, now) && possible(other, now).any(broken) {
            return Err(Order::Wait(format!("waits for {} to be verified first", other.channel)));
        }
    }
    Ok(())
}

/// Whether a move cannot make a pair worse, whatever both listings show now: what stands above rises, or what stands below
/// falls. Of a listing that shows nothing yet that is not known.
fn helps(listing: &Listing, minor: i64, is_above: bool, now: Millis) -> bool {
    let mut shows = possible(listing, now).peekable();
    shows.peek().is_some() && shows.all(|own| if is_above { minor >= own } else { minor <= own })
}

/// Every price that a listing may be showing or come to show by itself: the last one seen, one in flight, earlier ones
/// that were sent and never seen, and that of a sale which the channel begins about now.
pub(super) fn possible(listing: &Listing, now: Millis) -> impl Iterator<Item = i64> + '_ {
    let in_flight =
        matches!(listing.state.as_str(), "sent" | "unknown" | "accepted" | "applied" | "unverified" | "parked");
    let sent = listing.sent_minor.filter(|_| in_flight);
    let begun = listing.staged_minor.filter(|minor| listing.begun_with(*minor, now));
    listing.live_minor.into_iter().chain(sent).chain(listing.maybe_low).chain(listing.maybe_high).chain(begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(channel: &str, live: i64, desired: i64, state: &str, sent: Option<i64>) -> Listing {
        Listing {
            channel: channel.into(),
            desired_seq: 2,
            desired_minor: Some(desired),
            sent_seq: 1,
            sent_minor: sent,
            verified_seq: 1,
            live_minor: Some(live),
            ..Listing::plain(state)
        }
    }

    const GROSS: fn(&Listing) -> View = |_| seen_as(TaxView::Gross);

    const fn seen_as(tax: TaxView) -> View {
        View { tax, decimals: 2 }
    }

    fn rule() -> Vec<NeverBelow> {
        vec![NeverBelow { above: "webshop".into(), below: "marketplace".into(), best_effort_after_ms: None }]
    }

    #[test]
    fn lowering_starts_below_and_raising_starts_above() {
        let shop = listing("webshop", 499, 479, "intended", None);
        let market = listing("marketplace", 499, 479, "intended", None);
        let both = [shop.clone(), market.clone()];
        assert!(matches!(may_send(&shop, 479, &both, &rule(), &GROSS, Millis(0)), Err(Order::Wait(_))));
        assert!(may_send(&market, 479, &both, &rule(), &GROSS, Millis(0)).is_ok());
        let shop = listing("webshop", 479, 499, "intended", None);
        let market = listing("marketplace", 479, 499, "intended", None);
        let both = [shop.clone(), market.clone()];
        assert!(may_send(&shop, 499, &both, &rule(), &GROSS, Millis(0)).is_ok());
        assert!(matches!(may_send(&market, 499, &both, &rule(), &GROSS, Millis(0)), Err(Order::Wait(_))));
    }

    #[test]
    fn a_pair_that_somebody_broke_is_mended_from_both_sides_and_never_made_worse() {
        let of = |shop: (i64, i64), market: (i64, i64)| {
            let shop = listing("webshop", shop.0, shop.1, "held", None);
            let market = listing("marketplace", market.0, market.1, "held", None);
            let both = [shop.clone(), market.clone()];
            [&shop, &market]
                .map(|one| may_send(one, one.desired_minor.unwrap(), &both, &rule(), &GROSS, Millis(0)).is_ok())
        };
        assert_eq!(of((179, 189), (199, 189)), [true, true], "both steps help");
        assert_eq!(of((179, 170), (199, 170)), [false, true], "lowering the shop would widen the gap");
        assert_eq!(of((179, 210), (199, 210)), [true, false], "raising the marketplace would widen it");
        let unsure =
            Listing { maybe_low: Some(150), maybe_high: Some(195), ..listing("webshop", 179, 189, "held", None) };
        let market = listing("marketplace", 199, 189, "held", None);
        let sent = may_send(&unsure, 189, &[unsure.clone(), market], &rule(), &GROSS, Millis(0));
        assert!(matches!(sent, Err(Order::Wait(_))), "195 may be showing, and 189 is less: {sent:?}");
    }

    #[test]
    fn net_prices_of_two_and_of_four_decimals_are_one_price_where_rounding_alone_sets_them_apart() {
        let view = |listing: &Listing| View {
            tax: TaxView::Net(Some(Decimal::from(19))),
            decimals: if listing.decimals.is_some() { 4 } else { 2 },
        };
        let of = |shop: i64, market: i64| {
            let shop = Listing { decimals: Some(4), ..listing("webshop", shop, shop, "intended", None) };
            let market = listing("marketplace", market, market, "verified", Some(market));
            may_send(&shop, shop.desired_minor.unwrap(), &[shop.clone(), market], &rule(), &view, Millis(0))
        };
        assert_eq!(of(83_950, 840), Ok(()), "9.99 on both");
        let wrong = of(83_940, 840);
        assert!(matches!(&wrong, Err(Order::Contradiction(why)) if why.ends_with("are 8.3940 and 8.40")), "{wrong:?}");
    }

    #[test]
    fn a_net_price_is_compared_as_what_its_buyers_pay() {
        let view = |listing: &Listing| match listing.channel.as_str() {
            "webshop" => seen_as(TaxView::Net(Some(Decimal::from(25)))),
            _ => seen_as(TaxView::Gross),
        };
        // 383.20 net are 479.00: as low as the marketplace, though the number is smaller.
        let of = |shop: i64, market: i64| {
            let shop = listing("webshop", shop, shop, "intended", None);
            let market = listing("marketplace", market, market, "verified", Some(market));
            may_send(&shop, shop.desired_minor.unwrap(), &[shop.clone(), market], &rule(), &view, Millis(0))
        };
        assert_eq!(of(38_320, 47_900), Ok(()));
        assert!(matches!(of(38_318, 47_900), Err(Order::Contradiction(_))), "478.98");
        // 400.00 net are 500.00, above the marketplace in truth and below it in numbers; the other way round the number hid it.
        assert_eq!(of(40_000, 49_900), Ok(()));
        // No net price makes 9.98 exactly; the nearest one is no breach.
        assert_eq!(of(798, 998), Ok(()));
        let market = listing("marketplace", 45_000, 45_000, "intended", None);
        let shop = listing("webshop", 40_000, 30_000, "verified", Some(30_000));
        let raised = may_send(&market, 45_000, &[market.clone(), shop], &rule(), &view, Millis(0));
        assert!(matches!(raised, Err(Order::Contradiction(_))), "375.00 in the shop");
        let unknown =
            |listing: &Listing| seen_as(if listing.channel == "webshop" { TaxView::Net(None) } else { TaxView::Gross });
        let shop = listing("webshop", 40_000, 40_000, "intended", None);
        let market = listing("marketplace", 100, 100, "verified", Some(100));
        let blind = may_send(&shop, 40_000, &[shop.clone(), market], &rule(), &unknown, Millis(0));
        assert!(matches!(&blind, Err(Order::Contradiction(why)) if why.contains("cannot be compared")), "{blind:?}");
    }

    #[test]
    fn an_unproved_push_counts_with_both_its_prices() {
        let shop = listing("webshop", 499, 479, "intended", None);
        let market = listing("marketplace", 499, 479, "accepted", Some(479));
        assert!(matches!(
            may_send(&shop, 479, &[shop.clone(), market], &rule(), &GROSS, Millis(0)),
            Err(Order::Wait(_))
        ));
        let proved = listing("marketplace", 479, 479, "verified", Some(479));
        assert!(may_send(&shop, 479, &[shop.clone(), proved], &rule(), &GROSS, Millis(0)).is_ok());
    }

    #[test]
    fn wanted_prices_that_break_the_rule_are_named() {
        let shop = listing("webshop", 499, 450, "intended", None);
        let market = listing("marketplace", 499, 479, "intended", None);
        assert!(matches!(
            may_send(&shop, 450, &[shop.clone(), market], &rule(), &GROSS, Millis(0)),
            Err(Order::Contradiction(_))
        ));
    }

    #[test]
    fn a_best_effort_order_is_kept_for_its_time_and_wanted_prices_for_ever() {
        let patient = |rule: NeverBelow| NeverBelow { best_effort_after_ms: Some(60_000), ..rule };
        let order: Vec<NeverBelow> = rule().into_iter().map(patient).collect();
        let market = listing("marketplace", 499, 479, "parked", Some(479));
        let shop = Listing { desired_at: Some(1_000), ..listing("webshop", 499, 479, "intended", None) };
        let both = [shop.clone(), market.clone()];
        let at = |now: i64| may_send(&shop, 479, &both, &order, &GROSS, Millis(now));
        assert!(matches!(at(60_999), Err(Order::Wait(_))));
        assert_eq!(at(61_000), Ok(()));
        let wrong = Listing { desired_minor: Some(450), ..shop.clone() };
        let contradiction = may_send(&wrong, 450, &both, &order, &GROSS, Millis(1_000_000));
        assert!(matches!(contradiction, Err(Order::Contradiction(_))), "{contradiction:?}");
    }
}
