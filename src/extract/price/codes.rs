//! Codes of ISO 4217 as shops write them.

use super::currency::Mark;
use crate::money::Currency;

/// An ISO 4217 code; lower case is accepted, mixed case is a word.
pub(super) fn iso(word: &str) -> Option<Mark> {
    if word.len() != 3 || !word.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let mut upper = [0; 3];
    for (slot, byte) in upper.iter_mut().zip(word.bytes()) {
        *slot = byte.to_ascii_uppercase();
    }
    let is_upper = word.as_bytes() == upper;
    if !is_upper && !word.bytes().skip(1).all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let is_title = !is_upper && word.starts_with(|c: char| c.is_ascii_uppercase());
    let known = |codes: &[&'static str]| codes.iter().copied().find(|code| code.as_bytes() == upper);
    if let Ok(at) = ISO.binary_search_by(|code| code.as_bytes().cmp(&upper)) {
        // In small letters most codes are words somewhere: `top`, `all`, `nad`.
        let others: &[&str] = if is_title { &WRITTEN_TITLE } else { &WRITTEN_SMALL };
        return if is_upper || known(others).is_some() { Currency::from_code(ISO[at]).map(Mark::One) } else { None };
    }
    if is_upper { known(&FORMER).map(|code| Mark::Other(code.to_owned())) } else { None }
}

/// Codes that shops write like a word at the beginning of a sentence: `7,95 Eur`.
const WRITTEN_TITLE: [&str; 5] = ["EUR", "USD", "GBP", "CHF", "CZK"];

/// Codes that shops write in small letters.
const WRITTEN_SMALL: [&str; 36] = [
    "EUR", "USD", "SEK", "NOK", "DKK", "GBP", "PLN", "CHF", "CZK", "HUF", "UAH", "INR", "AED", "ILS", "BRL", "CAD",
    "AUD", "NZD", "JPY", "CNY", "RUB", "KRW", "THB", "VND", "IDR", "BGN", "ISK", "HRK", "ZAR", "MXN", "SGD", "HKD",
    "MYR", "PHP", "RSD", "MKD",
];

/// Codes of ISO 4217 with minor units, in order: nearly every word of three letters is none of them.
#[rustfmt::skip]
const ISO: [&str; 170] = [
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD",
    "BND", "BOB", "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CLF", "CLP",
    "CNY", "COP", "COU", "CRC", "CUC", "CUP", "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR",
    "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HRK", "HTG", "HUF", "IDR",
    "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD",
    "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR",
    "MVR", "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP",
    "SLE", "SLL", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD",
    "TWD", "TZS", "UAH", "UGX", "USD", "USN", "UYI", "UYU", "UYW", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAD",
    "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG", "ZWL",
];

/// Former ISO 4217 codes and the one coin that shops quote.
const FORMER: [&str; 17] = [
    "LVL", "LTL", "EEK", "DEM", "FRF", "ITL", "ESP", "FIM", "ATS", "NLG", "BEF", "GRD", "IEP", "PTE", "SKK", "BTC",
    "XBT",
];
