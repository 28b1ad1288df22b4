//! What words beside an amount say about value added tax: fixed phrases, and the name of the tax with a word beside it.
//!
//! Rates are no part of it: `inkl. 19 % MwSt.` says what `inkl. MwSt.` says.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::TaxView;
use crate::extract::phrases::Anywhere;

/// Marks of a price with tax.
#[rustfmt::skip]
const GROSS: &[&str] = &[
    "incl. vat", "inc vat", "inc. vat", "including vat", "vat incl", "with vat", "incl vat", "inkl. moms", "inkl moms", "inkl. mwst", "inkl mwst", "inkl. ust", "inkl. mva", "inkl mva",
    "ttc", "t.t.c.", "tvac", "bruttopreis", "bruttopris", "iva incl", "iva inc", "con iva", "incl. btw", "inclusief btw", "incl btw", "s dph", "vč. dph", "včetně dph", "brutto", "z vat", "cu tva", "tva inclus", "c ндс", "с ндс",
    "sis. alv", "sis alv", "km-ga", "ar pvn", "su pvm", "s pdv", "με φπα", "kdv dahil", "inc gst", "incl gst", "incl. gst", "税込", "含税", "부가세 포함", "부가세포함", "áfa-val", "verollinen", "mukaan lukien alv", "bruttó", "áfával", "s ddv", "inc tax",
    "内税", "vat포함", "vat 포함", "m/moms", "m. moms", "m/mva", "c/iva", "c/ iva", "m. mwst", "koos km", "sis. km", "käibemaksuga", "tasse incl", "รวม vat", "รวมภาษี", "đã có vat", "đã bao gồm vat", "כולל מע\"מ", "כולל מע״מ", "شامل الضريبة",
];

/// Marks of a price without tax.
#[rustfmt::skip]
const NET: &[&str] = &[
    "imponibile", "base imponible", "excl. vat", "ex vat", "ex. vat", "exc vat", "exc. vat", "excluding vat", "excl vat", "vat excl", "without vat", "plus vat", "+ vat", "+vat", "ekskl. moms", "ekskl moms", "excl. moms", "ex. moms", "ex moms", "exkl. moms",
    "exkl moms", "zzgl. mwst", "exkl. mwst", "ohne mwst", "netto", "eks. mva", "eks mva", "ekskl. mva", "ht", "hors taxe", "hors tva", "sin iva", "iva no incl", "más iva", "+ iva", "iva esclusa", "senza iva",
    "excl. btw", "exclusief btw", "ex. btw", "excl btw", "bez dph", "bez vat", "fără tva", "fara tva", "без ндс", "alv 0", "alv0", "veroton", "km-ta", "bez pvn", "be pvm", "bez pdv", "χωρίς φ", "χωρίς φπα",
    "kdv hariç", "ex gst", "excl gst", "excl. gst", "税抜", "税別", "不含税", "未税", "本体価格", "부가세 별도", "부가세별도", "htva", "h.t.", "nettopreis", "nettopris", "nettó", "brez ddv", "ex tax", "excl. tax", "excluding tax", "excluding sales tax",
    "外税", "+税", "＋税", "vat별도", "vat 별도", "u/moms", "u. moms", "u/mva", "s/iva", "s/ iva", "o. mwst", "ilma km", "+ km", "käibemaksuta", "tasse escl", "ไม่รวม vat", "ไม่รวมภาษี", "chưa vat", "chưa có vat", "chưa bao gồm vat", "ללא מע\"מ", "ללא מע״מ", "לפני מע\"מ", "לפני מע״מ", "غير شامل الضريبة",
];

/// Names of the tax in the languages of shops.
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "vat", "tax", "taxes", "gst", "hst", "moms", "momsen", "mva", "mwst", "ust", "umsatzsteuer", "mehrwertsteuer", "steuer", "btw", "tva", "taxe", "taxes", "iva", "igv", "impuestos", "impuesto", "imposte", "impostos", "dph", "ptu", "áfa", "áfával",
    "ндс", "ддс", "пдв", "φπα", "kdv", "alv", "arvonlisävero", "pvn", "pvm", "pdv", "ddv", "vsk", "käibemaks", "käibemaksuga",
];
/// What says in front of the name that the tax is part of the amount.
#[rustfmt::skip]
const WITH: &[&str] = &[
    "incl", "inc", "including", "includes", "included", "inclusive", "with", "inkl", "inklusive", "inklusiv", "med", "mit", "inclusief", "avec", "compris", "con", "com", "s", "z", "vč", "vc", "včetně", "vrátane", "vrat", "cu", "с", "з", "вкл", "включая", "με", "συμπ", "sis", "su", "ar", "sa", "uz", "með", "compresa", "inclusa",
];
/// What says in front of the name that the tax comes on top.
#[rustfmt::skip]
const WITHOUT: &[&str] = &[
    "excl", "ex", "exc", "excluding", "exclusive", "without", "plus", "before", "ekskl", "eksklusive", "exkl", "exklusive", "eks", "uden", "utan", "uten", "zzgl", "zuzüglich", "ohne", "exclusief", "zonder", "hors", "sans", "sin", "más", "mas", "senza", "più", "sem", "bez", "fără", "fara", "без", "χωρίς", "πλέον", "ilman", "brez", "be", "án", "esclusa",
];
/// What says behind the name that the tax is part of the amount.
#[rustfmt::skip]
const WITH_BEHIND: &[&str] = &[
    "incl", "inc", "included", "inclus", "incluse", "comprise", "compris", "comprises", "incluido", "incluida", "incluidos", "incluída", "incluído", "inclusa", "inclusi", "compresa", "compreso", "dahil", "dâhil", "uključen", "uračunat", "enthalten", "inkluderet", "inkluderad", "inkludert", "val",
];
/// What says behind the name that the tax comes on top.
#[rustfmt::skip]
const WITHOUT_BEHIND: &[&str] = &[
    "excl", "exc", "extra", "excluded", "exclus", "excluido", "excluida", "excluída", "excluído", "esclusa", "escluso", "hariç", "haric",
];
/// What turns a word behind it round: `IVA no incluido`.
const NOT: [&str; 8] = ["no", "non", "not", "nicht", "ikke", "inte", "ej", "não"];

/// Both kinds of phrases, and behind them the names.
static PHRASES: LazyLock<Anywhere> =
    LazyLock::new(|| Anywhere::as_written(NET.iter().chain(GROSS).chain(NAMES).copied()));

/// Words between two places that are read together: `TVA non comprise`, `IVA no incluido`.
const REACH: usize = 3;

/// Whether the text behind an amount, or the end of the one before it, says "without tax" and "with tax"; both in lower
/// case.
pub(super) fn tax(behind: &str, before: &str) -> (bool, bool) {
    let (mut net, mut gross) = (false, false);
    let (behind, before) = (without_rates(behind), without_rates(before));
    let before = before.trim_end_matches(LITTER);
    let mut take = |text: &str, only_end: bool| {
        let mut named = false;
        // `不含税` and `ไม่รวมภาษี` hold the words of the opposite.
        let mut denied = 0;
        for hit in PHRASES.find_all(text.as_bytes()) {
            if hit.phrase >= NET.len() + GROSS.len() {
                named = true;
                continue;
            }
            let phrase = &text[hit.start..hit.end];
            let begins = !joined(text[..hit.start].chars().next_back()) || is_unspaced(phrase.chars().next());
            let ends = !joined(text[hit.end..].chars().next()) || is_unspaced(phrase.chars().next_back());
            if begins && ends && (!only_end || hit.end == text.len()) {
                if hit.phrase < NET.len() {
                    net = true;
                    denied = hit.end;
                } else {
                    gross |= hit.start >= denied;
                }
            }
        }
        if !named {
            return;
        }
        match composed(text, only_end) {
            TaxView::Net => net = true,
            TaxView::Gross => gross = true,
            TaxView::Unknown => {}
        }
    };
    take(&behind, false);
    take(before, true);
    (net, gross)
}

/// What short words without an amount say about tax; in lower case.
pub(super) fn named(words: &str) -> TaxView {
    match tax(words, "") {
        (true, _) => TaxView::Net,
        (false, true) => TaxView::Gross,
        _ => TaxView::Unknown,
    }
}

/// Whether a word in lower case is one of those that speak of tax.
pub(super) fn is_word(word: &str) -> bool {
    static WORDS: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
        let lists = [NAMES, WITH, WITHOUT, WITH_BEHIND, WITHOUT_BEHIND, GROSS, NET];
        lists.iter().flat_map(|words| words.iter().copied()).collect()
    });
    WORDS.contains(word)
}

/// Litter at the end of a label.
const LITTER: [char; 6] = [' ', ':', '(', '.', '*', '-'];

fn joined(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// Whether a letter belongs to a script that writes no blanks between words, or particles at their ends.
fn is_unspaced(c: Option<char>) -> bool {
    c.is_some_and(|c| matches!(c, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'))
}

/// The name of the tax with the word that stands before or behind it. At the end of a text only the last words count.
fn composed(text: &str, only_end: bool) -> TaxView {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        if !NAMES.contains(word) || only_end && at + REACH < words.len() {
            continue;
        }
        let ahead = &words[at.saturating_sub(REACH)..at];
        let behind = &words[at + 1..words.len().min(at + 1 + REACH)];
        // The word next to the name speaks first; one beside it may be an article.
        for (near, word) in ahead.iter().rev().enumerate() {
            // One letter is a preposition only right before the name.
            if near > 0 && word.chars().count() < 3 {
                break;
            }
            if WITHOUT.contains(word) {
                return TaxView::Net;
            }
            if WITH.contains(word) {
                let denied = ahead.len() > near + 1 && NOT.contains(&ahead[ahead.len() - near - 2]);
                return if denied { TaxView::Net } else { TaxView::Gross };
            }
        }
        for (near, word) in behind.iter().enumerate() {
            if WITHOUT_BEHIND.contains(word) {
                return TaxView::Net;
            }
            if WITH_BEHIND.contains(word) {
                let denied = near > 0 && NOT.contains(&behind[near - 1]);
                return if denied { TaxView::Net } else { TaxView::Gross };
            }
        }
        let name = text.find(word).unwrap_or(0);
        if text[..name].trim_end().ends_with('+') {
            return TaxView::Net;
        }
    }
    TaxView::Unknown
}

/// A text without its rates: `inkl. 19 % MwSt.` becomes `inkl. MwSt.`
pub(super) fn without_rates(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let number = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '.' | ',' | '\u{a0}' | '\u{202f}');
        let words = rest[..at].trim_end_matches(number);
        // `alv 0 %` says that there is none.
        if rest[words.len()..at].trim() == "0" {
            return Cow::Borrowed(text);
        }
        if words.len() == at {
            // A percentage without a number is left as it stands.
            return Cow::Borrowed(text);
        }
        out.push_str(words);
        out.push(' ');
        // The point of `inkl.` went with the number.
        rest = rest[at + 1..].trim_start();
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_every_language_say_which_view_they_mean() {
        for gross in [
            "incl. vat",
            "inkl. moms",
            "inkl. 25 % moms",
            "inkl. 19% mwst.",
            "inkl. gesetzlicher mwst.",
            "incl. 21% btw",
            "ttc",
            "tva comprise",
            "tva incluse",
            "iva incluido",
            "iva inclusa",
            "iva compresa",
            "iva incluído",
            "com iva",
            "z vat",
            "brutto",
            "s dph",
            "včetně dph",
            "vrátane dph",
            "áfával",
            "cu tva",
            "tva inclus",
            "с ддс",
            "με φπα",
            "kdv dahil",
            "с ндс",
            "з пдв",
            "税込",
            "부가세 포함",
            "含税",
            "sis. alv 25,5 %",
            "incl gst",
            "inkl. mva",
            "moms inkluderet",
            "s pdv-om",
            "z ddv",
            "su pvm",
            "ar pvn",
        ] {
            assert_eq!(named(gross), TaxView::Gross, "{gross}");
        }
        for net in [
            "excl. vat",
            "+ vat",
            "plus vat",
            "ekskl. moms",
            "exkl. 25 % moms",
            "uden moms",
            "utan moms",
            "zzgl. 19% mwst.",
            "zzgl. mwst",
            "ohne ust",
            "excl. btw",
            "ht",
            "hors tva",
            "tva non comprise",
            "iva no incluido",
            "sin iva",
            "iva esclusa",
            "iva non inclusa",
            "+ iva",
            "sem iva",
            "bez vat",
            "netto",
            "bez dph",
            "nettó",
            "+ áfa",
            "fără tva",
            "без ддс",
            "χωρίς φπα",
            "πλέον φπα",
            "kdv hariç",
            "+ kdv",
            "без ндс",
            "без пдв",
            "税抜",
            "税別",
            "부가세 별도",
            "不含税",
            "ilman alv",
            "alv 0 %",
            "before tax",
            "eks. mva",
            "bez pdv-a",
            "brez ddv",
            "be pvm",
            "bez pvn",
        ] {
            assert_eq!(named(net), TaxView::Net, "{net}");
        }
        for neither in [
            "moms",
            "köp nu",
            "with free delivery",
            "con envío gratis",
            "s kartou",
            "mit karte",
            "vat registered",
            "",
            "%",
            "50 % rabatt",
        ] {
            assert_eq!(named(neither), TaxView::Unknown, "{neither}");
        }
    }
}
