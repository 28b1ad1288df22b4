//! Languages and regions: which decimal mark, which currency. Facts of CLDR, reduced to what a price text needs.
//!
//! A locale only ever disambiguates; it never overrules what a text or a site's settings say.

use std::fmt;

use crate::money::Currency;

/// A language with an optional region, such as `da-DK`, `de` or `zh-TW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Locale {
    language: [u8; 3],
    region: Option<[u8; 2]>,
    /// A script or a part of the world whose writers do not agree with those of the language elsewhere.
    mixed: bool,
    /// What [`Locale::currency`] says: every number of a page asks for it.
    currency: Option<Currency>,
    /// What [`Locale::decimal_mark`] says, for the same reason.
    decimal_mark: Option<char>,
}

impl Locale {
    /// Reads a BCP 47 tag or its underscore form; scripts and variants are skipped.
    ///
    /// Returns `None` for anything whose first part is not two or three letters.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let mut parts = tag.trim().split(['-', '_', '@', '.']);
        let first = parts.next()?;
        if !(2..=3).contains(&first.len()) || !first.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        let mut language = [b' '; 3];
        for (slot, byte) in language.iter_mut().zip(first.bytes()) {
            *slot = byte.to_ascii_lowercase();
        }
        let rest: Vec<&str> = parts.take(2).collect();
        let script = |of: &[&str], name: &str| of.contains(&first) && rest.iter().any(|p| p.eq_ignore_ascii_case(name));
        let mixed =
            script(&["az", "uz", "ms", "kk", "ku"], "Arab") || script(&["az"], "Cyrl") || script(&["es"], "419");
        let region =
            rest.iter().copied().find(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_alphabetic())).map(region_of);
        let mut locale = Self { language, region, mixed, currency: None, decimal_mark: None };
        locale.repair();
        Some(locale.with_customs())
    }

    /// Country codes that shops write where a language belongs: `lang="dk"`, `lang="se"`, `lang="cz"`.
    fn repair(&mut self) {
        let (language, region) = match self.language() {
            "dk" => ("da ", "DK"),
            "cz" => ("cs ", "CZ"),
            "jp" => ("ja ", "JP"),
            "cn" => ("zh ", "CN"),
            "gr" => ("el ", "GR"),
            "ua" => ("uk ", "UA"),
            "kz" => ("kk ", "KZ"),
            _ => return,
        };
        self.language.copy_from_slice(language.as_bytes());
        self.region = self.region.or(Some(region_of(region)));
    }

    /// A locale from the last label of a host name, where that label is a country's.
    #[must_use]
    pub fn from_host(host: &str) -> Option<Self> {
        let label = host.trim_end_matches('.').rsplit('.').next()?;
        let (_, language) = TLDS.iter().find(|(tld, _)| label.eq_ignore_ascii_case(tld))?;
        Self::parse(language)
    }

    /// Whether this is what shop systems write into their templates and shops forget to change.
    #[must_use]
    pub fn is_template(&self) -> bool {
        matches!((self.language(), self.region()), ("en", None | Some("US")) | ("es", Some("ES")))
    }

    /// Whether a host's last label is a country's that sells its names to everybody.
    #[must_use]
    pub fn is_sold_to_all(host: &str) -> bool {
        let label = host.rsplit('.').next().unwrap_or("");
        let labels = host.split('.').count();
        labels == 2 && ["co", "io", "me", "tv", "ai", "cc", "fm", "gg", "la", "ly", "to", "sh"].contains(&label)
    }

    /// This language in the region of `other`.
    #[must_use]
    pub fn in_region_of(mut self, other: Self) -> Self {
        self.region = other.region.or(self.region);
        self.with_customs()
    }

    /// The language in lower case: `da`, `fil`.
    #[must_use]
    pub fn language(&self) -> &str {
        // Only ASCII letters and blanks are ever stored.
        std::str::from_utf8(&self.language).unwrap_or("").trim_end()
    }

    /// The region in upper case, if the tag names one.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_ref().and_then(|r| std::str::from_utf8(r).ok())
    }

    /// This locale with the region of `other` where it has none itself.
    #[must_use]
    pub fn or_region_of(mut self, other: Option<Self>) -> Self {
        self.region = self.region.or(other.and_then(|o| o.region));
        self.with_customs()
    }

    fn with_customs(mut self) -> Self {
        self.currency = self.local_currency();
        self.decimal_mark = self.local_mark();
        self
    }

    /// The region, or the one where the language is mostly spoken.
    #[must_use]
    pub fn likely_region(&self) -> Option<&str> {
        let home = || REGIONS.iter().find(|(language, _)| *language == self.language()).map(|(_, region)| *region);
        self.region().or_else(home)
    }

    /// The currency of the region, if there is one that a shop there would mean by its local sign.
    #[must_use]
    pub fn currency(&self) -> Option<Currency> {
        self.currency
    }

    /// This language, which names no money: several countries write it that share a sign.
    #[must_use]
    pub fn without_currency(self) -> Self {
        Self { currency: None, ..self }
    }

    fn local_currency(&self) -> Option<Currency> {
        let region = self.likely_region()?;
        if EURO.contains(&region) {
            return Some(Currency::EUR);
        }
        let [first, second] = *region.as_bytes() else { return None };
        let code = CURRENCIES.iter().find(|(r, _)| matches!(r.as_bytes(), [a, b] if (*a, *b) == (first, second)))?.1;
        Currency::from_code(code)
    }

    /// The decimal mark that people of this locale write, or `None` where usage is mixed.
    #[must_use]
    pub fn decimal_mark(&self) -> Option<char> {
        self.decimal_mark
    }

    fn local_mark(&self) -> Option<char> {
        if self.mixed {
            return None;
        }
        match (self.language(), self.region()) {
            // English pages of countries with a comma use their own or the English mark as the shop's software likes it.
            ("en", Some(r)) if !writes_point_at_home(r) => None,
            ("en", _) => Some('.'),
            ("es", Some(r)) if SPANISH_POINT.contains(&r) => Some('.'),
            ("de" | "it" | "rm" | "gsw", Some("CH" | "LI")) => Some('.'),
            ("sw", Some("CD")) | ("qu", Some("BO")) | ("ms", Some("BN" | "ID")) => Some(','),
            ("kk", Some("CN")) => Some('.'),
            ("ar", Some("MA" | "DZ" | "TN" | "LY" | "LB" | "MR")) => Some(','),
            (language, _) if POINT.binary_search(&language).is_ok() => Some('.'),
            (language, _) if COMMA.binary_search(&language).is_ok() => Some(','),
            _ => None,
        }
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.language())?;
        self.region().map_or(Ok(()), |region| write!(f, "-{region}"))
    }
}

fn region_of(text: &str) -> [u8; 2] {
    let mut region = [0; 2];
    for (slot, byte) in region.iter_mut().zip(text.bytes()) {
        *slot = byte.to_ascii_uppercase();
    }
    // `en-UK` is everywhere on the web and means GB.
    if &region == b"UK" { *b"GB" } else { region }
}

const SPANISH_POINT: [&str; 13] = ["MX", "US", "PR", "GT", "HN", "NI", "PA", "DO", "SV", "PE", "CU", "BZ", "BR"];

/// Regions where people write the decimal point in the languages of the place, or in English if there are several.
const REGIONS_WITH_POINT: [&str; 116] = [
    "US", "GB", "IE", "AU", "NZ", "CA", "IN", "SG", "HK", "MY", "PH", "MT", "AE", "SA", "QA", "KW", "BH", "OM", "JO",
    "EG", "IQ", "YE", "PK", "BD", "LK", "NP", "BT", "MV", "MM", "NG", "GH", "KE", "UG", "TZ", "ZM", "ZW", "MW", "BW",
    "LR", "SL", "GM", "RW", "SS", "SD", "ET", "JM", "TT", "BB", "BS", "GY", "BZ", "FJ", "PG", "MU", "SC", "IL", "TH",
    "JP", "KR", "CN", "TW", "MX", "AG", "AI", "AS", "BI", "BM", "CC", "CK", "CM", "CX", "CY", "DG", "DM", "ER", "FK",
    "FM", "GD", "GG", "GI", "GS", "GU", "IM", "IO", "JE", "KI", "KN", "KY", "LC", "LS", "MG", "MH", "MO", "MP", "MS",
    "NA", "NF", "NR", "NU", "PN", "PR", "PW", "SB", "SH", "SX", "SZ", "TC", "TK", "TO", "TV", "UM", "VC", "VG", "VI",
    "VU", "WS",
];

fn writes_point_at_home(region: &str) -> bool {
    REGIONS_WITH_POINT.contains(&region)
}

/// Languages of CLDR 47 with a decimal point, in order.
#[rustfmt::skip]
const POINT: [&str; 206] = [
    "aa", "ab", "ak", "am", "an", "ann", "apc", "ar", "arn", "as", "asa", "ba", "bal", "bem", "bew", "bez",
    "bgc", "bho", "blt", "bm", "bn", "bo", "brx", "bss", "byn", "cad", "cch", "ccp", "ce", "ceb", "cgg", "cho",
    "chr", "cic", "ckb", "co", "cop", "csw", "cu", "cy", "dav", "dje", "doi", "dv", "dz", "ebu", "ee", "en",
    "fa", "fil", "frr", "fur", "ga", "gaa", "gd", "gez", "gn", "gsw", "gu", "guz", "gv", "ha", "haw", "he",
    "hi", "hnj", "ig", "ii", "io", "iu", "iw", "ja", "jbo", "jmc", "kaa", "kaj", "kam", "kcg", "kde", "ken",
    "khq", "ki", "kln", "km", "kn", "ko", "kok", "kpe", "ks", "ksb", "ksh", "kw", "kxv", "la", "lag", "lg",
    "lkt", "lmo", "lrc", "ltg", "luo", "luy", "mai", "mas", "mdf", "mer", "mfe", "mg", "mgo", "mhn", "mi", "mic",
    "ml", "mn", "mni", "moh", "mr", "ms", "mt", "mus", "my", "myv", "mzn", "naq", "nd", "nds", "ne", "nqo",
    "nso", "nus", "nv", "ny", "nyn", "oc", "om", "or", "os", "osa", "pa", "pap", "pcm", "pis", "prg", "qu",
    "quc", "raj", "rhg", "rif", "rm", "rof", "rwk", "sa", "saq", "sat", "sbp", "scn", "sd", "sdh", "ses", "shn",
    "si", "sid", "skr", "sma", "smj", "sms", "sn", "so", "ssy", "st", "sw", "syr", "szl", "ta", "te", "teo",
    "th", "ti", "tig", "tl", "tn", "to", "tpi", "trv", "trw", "twq", "tyv", "ug", "ur", "vai", "vmw", "vo",
    "vun", "wa", "wae", "wal", "wbp", "xh", "xnr", "xog", "yi", "yo", "yue", "za", "zh", "zu",
];

/// Languages of CLDR 47 with a decimal comma, in order.
#[rustfmt::skip]
const COMMA: [&str; 106] = [
    "af", "agq", "ast", "az", "bas", "be", "bg", "blo", "br", "bs", "ca", "cs", "cv", "da", "de", "dsb",
    "dua", "dyo", "el", "eo", "es", "et", "eu", "ewo", "fi", "fo", "fr", "fy", "gl", "hr", "hsb", "ht",
    "hu", "hy", "ia", "id", "ie", "is", "it", "jgo", "jv", "ka", "kab", "kea", "kgp", "kk", "kkj", "kl",
    "ksf", "ku", "ky", "lb", "lij", "lld", "ln", "lo", "lt", "lu", "lv", "mgh", "mk", "mua", "nb", "nl",
    "nmg", "nn", "nnh", "no", "nr", "pl", "ps", "pt", "rn", "ro", "ru", "rw", "sah", "sc", "se", "seh",
    "sg", "shi", "sk", "sl", "smn", "sq", "sr", "ss", "su", "sv", "tg", "tk", "tok", "tr", "ts", "tt",
    "tzm", "uk", "uz", "ve", "vec", "vi", "wo", "yav", "yrl", "zgh",
];

/// Country domains and the language their shops are written in.
#[rustfmt::skip]
const TLDS: [(&str, &str); 135] = [
    ("dk", "da-DK"), ("se", "sv-SE"), ("no", "nb-NO"), ("fi", "fi-FI"), ("is", "is-IS"), ("de", "de-DE"),
    ("at", "de-AT"), ("ch", "de-CH"), ("nl", "nl-NL"), ("be", "nl-BE"), ("fr", "fr-FR"), ("lu", "fr-LU"),
    ("it", "it-IT"), ("es", "es-ES"), ("pt", "pt-PT"), ("pl", "pl-PL"), ("cz", "cs-CZ"), ("sk", "sk-SK"),
    ("hu", "hu-HU"), ("ro", "ro-RO"), ("bg", "bg-BG"), ("gr", "el-GR"), ("cy", "el-CY"), ("hr", "hr-HR"),
    ("si", "sl-SI"), ("rs", "sr-RS"), ("ba", "bs-BA"), ("mk", "mk-MK"), ("al", "sq-AL"), ("lt", "lt-LT"),
    ("lv", "lv-LV"), ("ee", "et-EE"), ("ru", "ru-RU"), ("by", "ru-BY"), ("ua", "uk-UA"), ("kz", "ru-KZ"),
    ("tr", "tr-TR"), ("il", "he-IL"), ("uk", "en-GB"), ("ie", "en-IE"), ("mt", "en-MT"), ("us", "en-US"),
    ("ca", "en-CA"), ("au", "en-AU"), ("nz", "en-NZ"), ("in", "en-IN"), ("sg", "en-SG"), ("hk", "zh-HK"),
    ("my", "ms-MY"), ("ph", "en-PH"), ("id", "id-ID"), ("th", "th-TH"), ("vn", "vi-VN"), ("jp", "ja-JP"),
    ("kr", "ko-KR"), ("cn", "zh-CN"), ("tw", "zh-TW"), ("br", "pt-BR"), ("mx", "es-MX"), ("ar", "es-AR"),
    ("cl", "es-CL"), ("co", "es-CO"), ("pe", "es-PE"), ("za", "en-ZA"), ("ae", "ar-AE"), ("sa", "ar-SA"),
    ("pk", "en-PK"), ("lk", "en-LK"), ("np", "ne-NP"), ("bd", "bn-BD"), ("ng", "en-NG"), ("ke", "en-KE"),
    ("gh", "en-GH"), ("tz", "sw-TZ"), ("ug", "en-UG"), ("eg", "ar-EG"), ("ma", "fr-MA"), ("dz", "fr-DZ"),
    ("tn", "fr-TN"), ("qa", "ar-QA"), ("kw", "ar-KW"), ("bh", "ar-BH"), ("om", "ar-OM"), ("jo", "ar-JO"),
    ("lb", "ar-LB"), ("iq", "ar-IQ"), ("ir", "fa-IR"), ("ge", "ka-GE"), ("am", "hy-AM"), ("az", "az-AZ"),
    ("md", "ro-MD"), ("uz", "uz-UZ"), ("mn", "mn-MN"), ("kh", "km-KH"), ("mm", "my-MM"), ("uy", "es-UY"),
    ("py", "es-PY"), ("bo", "es-BO"), ("ve", "es-VE"), ("ec", "es-EC"), ("cr", "es-CR"), ("gt", "es-GT"),
    ("hn", "es-HN"), ("ni", "es-NI"), ("pa", "es-PA"), ("do", "es-DO"), ("li", "de-LI"), ("mo", "zh-MO"),
    ("jm", "en-JM"), ("sn", "fr-SN"), ("ci", "fr-CI"), ("cm", "fr-CM"), ("mg", "fr-MG"), ("bf", "fr-BF"),
    ("ml", "fr-ML"), ("bj", "fr-BJ"), ("ao", "pt-AO"), ("mz", "pt-MZ"), ("cv", "pt-CV"), ("mu", "en-MU"),
    ("sc", "en-SC"), ("zm", "en-ZM"), ("bw", "en-BW"), ("na", "en-NA"), ("zw", "en-ZW"), ("tt", "en-TT"),
    ("mv", "en-MV"), ("kg", "ru-KG"), ("sy", "ar-SY"), ("ye", "ar-YE"), ("pf", "fr-PF"), ("nc", "fr-NC"),
    ("sv", "es-SV"), ("rw", "en-RW"), ("fj", "en-FJ"),
];

/// Where a language without region is assumed to be spoken.
#[rustfmt::skip]
const REGIONS: [(&str, &str); 53] = [
    ("en", "US"), ("da", "DK"), ("sv", "SE"), ("nb", "NO"), ("nn", "NO"), ("no", "NO"), ("fi", "FI"), ("is", "IS"),
    ("de", "DE"), ("nl", "NL"), ("fr", "FR"), ("it", "IT"), ("es", "ES"), ("pt", "BR"), ("ca", "ES"), ("pl", "PL"),
    ("cs", "CZ"), ("sk", "SK"), ("hu", "HU"), ("ro", "RO"), ("bg", "BG"), ("ru", "RU"), ("uk", "UA"), ("be", "BY"),
    ("sr", "RS"), ("hr", "HR"), ("bs", "BA"), ("sl", "SI"), ("mk", "MK"), ("sq", "AL"), ("el", "GR"), ("tr", "TR"),
    ("he", "IL"), ("iw", "IL"), ("ar", "EG"), ("fa", "IR"), ("hi", "IN"), ("bn", "BD"), ("ur", "PK"), ("zh", "CN"),
    ("ja", "JP"), ("ko", "KR"), ("vi", "VN"), ("th", "TH"), ("id", "ID"), ("ms", "MY"), ("fil", "PH"), ("lt", "LT"),
    ("lv", "LV"), ("et", "EE"), ("ka", "GE"), ("mn", "MN"), ("kk", "KZ"),
];

/// Euro countries, Bulgaria included since 2026 and Croatia since 2023, and the places outside the union that use it.
const EURO: [&str; 40] = [
    "AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT", "SI",
    "SK", "BG", "AD", "AX", "BL", "EA", "EU", "GF", "GP", "IC", "MC", "ME", "MF", "MQ", "PM", "RE", "SM", "TF", "VA",
    "XK", "YT",
];

/// ISO 3166 region to ISO 4217 code outside the euro.
#[rustfmt::skip]
const CURRENCIES: [(&str, &str); 215] = [
    ("DK", "DKK"), ("FO", "DKK"), ("GL", "DKK"), ("SE", "SEK"), ("NO", "NOK"), ("IS", "ISK"),
    ("CH", "CHF"), ("LI", "CHF"), ("PL", "PLN"), ("CZ", "CZK"), ("HU", "HUF"), ("RO", "RON"),
    ("RU", "RUB"), ("BY", "BYN"), ("UA", "UAH"), ("KZ", "KZT"), ("RS", "RSD"), ("BA", "BAM"),
    ("MK", "MKD"), ("AL", "ALL"), ("MD", "MDL"), ("TR", "TRY"), ("IL", "ILS"), ("GB", "GBP"),
    ("GI", "GIP"), ("US", "USD"), ("PR", "USD"), ("CA", "CAD"), ("AU", "AUD"), ("NZ", "NZD"),
    ("IN", "INR"), ("PK", "PKR"), ("LK", "LKR"), ("NP", "NPR"), ("BD", "BDT"), ("SG", "SGD"),
    ("HK", "HKD"), ("MO", "MOP"), ("MY", "MYR"), ("PH", "PHP"), ("ID", "IDR"), ("TH", "THB"),
    ("VN", "VND"), ("JP", "JPY"), ("KR", "KRW"), ("CN", "CNY"), ("TW", "TWD"), ("MN", "MNT"),
    ("KH", "KHR"), ("LA", "LAK"), ("MM", "MMK"), ("BR", "BRL"), ("MX", "MXN"), ("AR", "ARS"),
    ("CL", "CLP"), ("CO", "COP"), ("PE", "PEN"), ("UY", "UYU"), ("PY", "PYG"), ("BO", "BOB"),
    ("VE", "VES"), ("CR", "CRC"), ("GT", "GTQ"), ("HN", "HNL"), ("NI", "NIO"), ("DO", "DOP"),
    ("JM", "JMD"), ("TT", "TTD"), ("BB", "BBD"), ("ZA", "ZAR"), ("NG", "NGN"), ("KE", "KES"),
    ("GH", "GHS"), ("TZ", "TZS"), ("UG", "UGX"), ("EG", "EGP"), ("MA", "MAD"), ("DZ", "DZD"),
    ("TN", "TND"), ("LY", "LYD"), ("SD", "SDG"), ("AE", "AED"), ("SA", "SAR"), ("QA", "QAR"),
    ("KW", "KWD"), ("BH", "BHD"), ("OM", "OMR"), ("JO", "JOD"), ("LB", "LBP"), ("IQ", "IQD"),
    ("IR", "IRR"), ("GE", "GEL"), ("AC", "SHP"), ("AF", "AFN"), ("AG", "XCD"), ("AI", "XCD"),
    ("AM", "AMD"), ("AO", "AOA"), ("AS", "USD"), ("AW", "AWG"), ("AZ", "AZN"), ("BF", "XOF"),
    ("BI", "BIF"), ("BJ", "XOF"), ("BM", "BMD"), ("BN", "BND"), ("BQ", "USD"), ("BS", "BSD"),
    ("BT", "BTN"), ("BV", "NOK"), ("BW", "BWP"), ("BZ", "BZD"), ("CC", "AUD"), ("CD", "CDF"),
    ("CF", "XAF"), ("CG", "XAF"), ("CI", "XOF"), ("CK", "NZD"), ("CM", "XAF"), ("CU", "CUP"),
    ("CV", "CVE"), ("CW", "XCG"), ("CX", "AUD"), ("DG", "USD"), ("DJ", "DJF"), ("DM", "XCD"),
    ("EC", "USD"), ("EH", "MAD"), ("ER", "ERN"), ("ET", "ETB"), ("FJ", "FJD"), ("FK", "FKP"),
    ("FM", "USD"), ("GA", "XAF"), ("GD", "XCD"), ("GG", "GBP"), ("GM", "GMD"), ("GN", "GNF"),
    ("GQ", "XAF"), ("GS", "GBP"), ("GU", "USD"), ("GW", "XOF"), ("GY", "GYD"), ("HM", "AUD"),
    ("HT", "HTG"), ("IM", "GBP"), ("IO", "USD"), ("JE", "GBP"), ("KG", "KGS"), ("KI", "AUD"),
    ("KM", "KMF"), ("KN", "XCD"), ("KP", "KPW"), ("KY", "KYD"), ("LC", "XCD"), ("LR", "LRD"),
    ("LS", "LSL"), ("MG", "MGA"), ("MH", "USD"), ("ML", "XOF"), ("MP", "USD"), ("MR", "MRU"),
    ("MS", "XCD"), ("MU", "MUR"), ("MV", "MVR"), ("MW", "MWK"), ("MZ", "MZN"), ("NA", "NAD"),
    ("NC", "XPF"), ("NE", "XOF"), ("NF", "AUD"), ("NR", "AUD"), ("NU", "NZD"), ("PA", "PAB"),
    ("PF", "XPF"), ("PG", "PGK"), ("PN", "NZD"), ("PS", "ILS"), ("PW", "USD"), ("RW", "RWF"),
    ("SB", "SBD"), ("SC", "SCR"), ("SH", "SHP"), ("SJ", "NOK"), ("SL", "SLE"), ("SN", "XOF"),
    ("SO", "SOS"), ("SR", "SRD"), ("SS", "SSP"), ("ST", "STN"), ("SV", "USD"), ("SX", "XCG"),
    ("SY", "SYP"), ("SZ", "SZL"), ("TA", "GBP"), ("TC", "USD"), ("TD", "XAF"), ("TG", "XOF"),
    ("TJ", "TJS"), ("TK", "NZD"), ("TL", "USD"), ("TM", "TMT"), ("TO", "TOP"), ("TV", "AUD"),
    ("UM", "USD"), ("UZ", "UZS"), ("VC", "XCD"), ("VG", "USD"), ("VI", "USD"), ("VU", "VUV"),
    ("WF", "XPF"), ("WS", "WST"), ("YE", "YER"), ("ZM", "ZMW"), ("ZW", "USD"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_in_every_spelling() {
        for (tag, shown, currency, mark) in [
            ("da-DK", "da-DK", Some("DKK"), Some(',')),
            ("en_gb", "en-GB", Some("GBP"), Some('.')),
            ("zh-Hant-TW", "zh-TW", Some("TWD"), Some('.')),
            ("dk", "da-DK", Some("DKK"), Some(',')),
            ("en-UK", "en-GB", Some("GBP"), Some('.')),
            ("en-DE", "en-DE", Some("EUR"), None),
            ("en-KW", "en-KW", Some("KWD"), Some('.')),
            ("fr-SN", "fr-SN", Some("XOF"), Some(',')),
            ("de-CH", "de-CH", Some("CHF"), Some('.')),
            ("tlh", "tlh", None, None),
            ("es-419", "es", Some("EUR"), None),
        ] {
            let locale = Locale::parse(tag).unwrap();
            assert_eq!(locale.to_string(), shown);
            assert_eq!(locale.currency().map(|c| c.code()), currency, "{tag}");
            assert_eq!(locale.decimal_mark(), mark, "{tag}");
        }
        assert!(Locale::parse("x-default").is_none() && Locale::parse("").is_none());
    }

    #[test]
    fn languages_are_in_order_and_in_one_list() {
        assert!(POINT.is_sorted() && COMMA.is_sorted());
        assert!(!POINT.iter().any(|language| COMMA.contains(language)));
    }

    #[test]
    fn hosts_name_countries() {
        assert_eq!(Locale::from_host("www.shop.co.uk").unwrap().to_string(), "en-GB");
        assert!(Locale::from_host("shop.com").is_none());
    }

    #[test]
    fn every_currency_of_the_table_exists() {
        for (region, code) in CURRENCIES {
            assert!(crate::money::currency(code).is_ok(), "{region} {code}");
        }
    }
}
