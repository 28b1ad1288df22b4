//! Codes of countries.

use crate::nearest::nearest;

/// ISO 3166-1 alpha-2, all officially assigned codes of 2024, in order.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
    BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
    JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
    UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";
/// What tax offices and shops write beside them: the United Kingdom, Northern Ireland, Kosovo, and the union as a whole.
const IN_USE: [&str; 4] = ["UK", "XI", "XK", "EU"];

fn known() -> impl Iterator<Item = &'static str> {
    CODES.split_ascii_whitespace().chain(IN_USE)
}

/// The currencies of countries whose VAT rates are shipped; the first is today's, others are of a time before.
const MONEY: &str = "AT EUR,BE EUR,BG EUR BGN,CH CHF,CY EUR,CZ CZK,DE EUR,DK DKK,EE EUR,ES EUR,FI EUR,FR EUR,GB GBP,GR EUR,\
    HR EUR HRK,HU HUF,IE EUR,IT EUR,LT EUR,LU EUR,LV EUR,MT EUR,NL EUR,NO NOK,PL PLN,PT EUR,RO RON,SE SEK,SI EUR,SK EUR,UK GBP,US USD";

/// The currencies that a country has or had lately, today's first: BG has the euro since 2026 and HR since 2023. Empty where
/// that is not known here.
#[must_use]
pub fn currencies(code: &str) -> Vec<&'static str> {
    let mut rows = MONEY.split(',').map(str::split_ascii_whitespace);
    rows.find_map(|mut row| (row.next() == Some(code)).then(|| row.collect())).unwrap_or_default()
}

/// What to write in place of a code that no country has; none for one that a country has.
#[must_use]
pub fn unknown(code: &str) -> Option<String> {
    if known().any(|one| one == code) {
        return None;
    }
    // Tax offices call Greece EL.
    let meant = if code == "EL" { Some("GR") } else { known().find(|one| one.eq_ignore_ascii_case(code.trim())) };
    let meant = meant.or_else(|| nearest(code, known()).filter(|_| code.trim().len() > 2));
    Some(match meant {
        Some(one) => format!("did you mean {one}?"),
        None => "two capital letters of ISO 3166, such as DK, DE or SE".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_with_shipped_rates_has_a_currency() {
        let vat = crate::decide::vat::VatTable::parse(include_str!("../../config/vat.toml")).unwrap();
        for row in vat.rows() {
            let known = currencies(&row.country);
            assert!(!known.is_empty(), "{}", row.country);
            assert!(known.iter().all(|code| crate::money::currency(code).is_ok()), "{known:?}");
        }
        assert_eq!((currencies("BG"), currencies("SE")), (vec!["EUR", "BGN"], vec!["SEK"]));
    }

    #[test]
    fn codes_are_whole_in_order_and_unknown_ones_are_told_with_what_was_meant() {
        let all: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(all.is_sorted() && all.len() == 249 && all.iter().all(|code| code.len() == 2), "{}", all.len());
        for code in ["DK", "GB", "UK", "EU", "US", "XI"] {
            assert_eq!(unknown(code), None, "{code}");
        }
        for (code, hint) in [("dk", "did you mean DK?"), ("EL", "did you mean GR?"), ("DX", "two capital letters")] {
            assert!(unknown(code).is_some_and(|told| told.contains(hint)), "{code}: {:?}", unknown(code));
        }
        assert!(unknown("").is_some() && unknown("Denmark").is_some());
    }
}
