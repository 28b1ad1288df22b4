//! What bounds an offer: to buyers of many, to traders, to those who rent, to a time that may not have come yet.
//!
//! Read in one pass over the members of an offer, since nearly none of them has any.

use super::terms::Terms;
use crate::extract::json::{Object, Value};
use crate::extract::offer::field;
use crate::money::Decimal;

/// Characters of a date that are kept.
const MAX_DATE: usize = 40;

/// What an offer, or one of its price specifications, is bound to.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// Pieces that it takes at least, where more than one.
    pub(super) fewest: Option<Decimal>,
    /// For traders, or from a sum of all that is bought on.
    pub(super) narrowed: bool,
    /// Nothing is sold: it is let, repaired or taken back.
    pub(super) unsold: bool,
    /// The amount is paid once in a period.
    pub(super) periodic: bool,
    /// When it begins, as stated.
    pub(super) from: Option<String>,
}

impl Bounds {
    pub(super) fn of(object: &Object<'_>) -> Self {
        let mut bounds = Self::default();
        for (key, value) in &object.entries {
            match key.as_ref() {
                "eligibleQuantity" => bounds.fewest = least(value).filter(|least| *least > Decimal::ONE),
                "eligibleTransactionVolume" => {
                    bounds.narrowed |= least(value).is_some_and(|least| least > Decimal::ZERO);
                }
                "eligibleCustomerType" => bounds.narrowed |= is_for_traders(value),
                "businessFunction" => bounds.unsold |= value.text().is_some_and(sells_nothing),
                "billingDuration" => bounds.periodic |= value.object().is_some() || value.text().is_some(),
                "unitCode" | "unitText" => bounds.periodic |= value.text().is_some_and(is_period),
                "validFrom" => bounds.from = value.text().and_then(|date| field(date, MAX_DATE)),
                _ => {}
            }
        }
        bounds
    }

    /// Whether other amounts beside this one are nearer to what one buyer pays for one thing.
    pub(super) fn is_conditional(&self) -> bool {
        self.fewest.is_some() || self.narrowed || self.unsold || self.periodic
    }

    /// Notes on an offer what it is bound to; what is no price of a sale is taken off it.
    pub(super) fn mark(self, terms: &mut Terms) {
        if self.unsold || self.periodic {
            (terms.price, terms.high) = (None, None);
        }
        (terms.fewest, terms.narrowed, terms.from) = (self.fewest, self.narrowed, self.from);
    }
}

/// The lower end of a quantity or sum: `{"minValue": 10}`, or the number alone.
fn least(value: &Value<'_>) -> Option<Decimal> {
    let value = value.each().first()?;
    let stated = match value {
        Value::Object(object) => object.first(&["minValue", "minPrice", "value", "price"])?,
        other => other,
    };
    crate::money::decimal(stated.text()?).ok()
}

/// Whether all kinds of customers that are named buy for a trade: GoodRelations knows end users, resellers, businesses and
/// public institutions.
fn is_for_traders(value: &Value<'_>) -> bool {
    let names = || value.each().iter().filter_map(Value::text).map(local_name);
    names().next().is_some() && names().all(|name| matches!(name, "Reseller" | "Business" | "PublicInstitution"))
}

/// Whether a function of GoodRelations is none by which somebody buys the thing from the shop.
fn sells_nothing(function: &str) -> bool {
    matches!(local_name(function), "LeaseOut" | "Repair" | "Maintain" | "Buy" | "Dispose" | "ConstructionInstallation")
}

/// Whether a unit is one of time, by its code of UN/CEFACT recommendation 20 or as people write it.
fn is_period(unit: &str) -> bool {
    const PERIODS: [&str; 12] =
        ["MON", "ANN", "WEE", "DAY", "HUR", "month", "months", "year", "years", "week", "day", "hour"];
    PERIODS.iter().any(|period| unit.trim().eq_ignore_ascii_case(period))
}

fn local_name(name: &str) -> &str {
    name.trim().rsplit(['/', '#', ':']).next().unwrap_or("")
}
