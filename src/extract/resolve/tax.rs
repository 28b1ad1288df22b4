//! Whether two amounts of a page are one offer without and with value added tax.

use crate::extract::locale::Locale;
use crate::extract::offer::Candidate;
use crate::extract::price::TaxView;
use crate::money::Money;

/// Rates of value added tax by country in tenths of a percent, the standard one first.
#[rustfmt::skip]
const RATES: [(&str, &[i64]); 38] = [
    ("AT", &[200, 130, 100]), ("BE", &[210, 120, 60]), ("BG", &[200, 90]), ("HR", &[250, 130, 50]), ("CY", &[190, 90, 50]),
    ("CZ", &[210, 120]), ("DK", &[250]), ("EE", &[240, 220, 130, 90]), ("FI", &[255, 140, 100]), ("FR", &[200, 100, 55, 21]),
    ("DE", &[190, 70]), ("GR", &[240, 130, 60]), ("HU", &[270, 180, 50]), ("IE", &[230, 135, 90]), ("IT", &[220, 100, 50, 40]),
    ("LV", &[210, 120, 50]), ("LT", &[210, 120, 90, 50]), ("LU", &[170, 140, 80, 30]), ("MT", &[180, 70, 50]), ("NL", &[210, 90]),
    ("PL", &[230, 80, 50]), ("PT", &[230, 130, 60]), ("RO", &[210, 190, 110, 90]), ("SK", &[230, 190, 50]), ("SI", &[220, 95, 50]),
    ("ES", &[210, 100, 40]), ("SE", &[250, 120, 60]), ("NO", &[250, 150, 120]), ("IS", &[240, 110]), ("CH", &[81, 38, 26]),
    ("GB", &[200, 50]), ("TR", &[200, 100, 10]), ("RU", &[220, 200, 100]), ("UA", &[200, 70]), ("AU", &[100]), ("NZ", &[150]),
    ("IN", &[180, 120, 280, 50]), ("JP", &[100, 80]),
];

/// Rates that are in force somewhere, for a page that does not say where it is.
const ANYWHERE: [i64; 22] =
    [25, 38, 50, 55, 60, 70, 80, 81, 90, 100, 120, 130, 140, 150, 190, 200, 210, 220, 230, 240, 250, 270];

/// Which of two places that show different amounts has the one with tax: only where words at one of them speak of tax
/// and the amounts differ by a rate of the page's country. A reduction by a fifth looks the same and says neither.
pub(super) fn gross_of(one: &Candidate, other: &Candidate, locale: Option<Locale>) -> Option<Money> {
    let (a, b) = one.offer.price.zip(other.offer.price)?;
    let spoken = one.offer.tax != TaxView::Unknown || other.offer.tax != TaxView::Unknown;
    let (net, gross) = if a.minor() < b.minor() { (a, b) } else { (b, a) };
    (spoken && differ_by_vat(net, gross, locale)).then_some(gross)
}

/// Whether two amounts differ by a rate of value added tax of the page's country.
pub(super) fn differ_by_vat(net: Money, gross: Money, locale: Option<Locale>) -> bool {
    let region = locale.as_ref().and_then(Locale::likely_region);
    let known = RATES.iter().find(|(of, _)| Some(*of) == region).map(|(_, rates)| *rates);
    net.currency() == gross.currency()
        && known.unwrap_or(&ANYWHERE).iter().any(|rate| {
            let expected = net.minor().saturating_mul(1_000 + rate);
            (expected - gross.minor().saturating_mul(1_000)).abs() <= 1_000
        })
}
