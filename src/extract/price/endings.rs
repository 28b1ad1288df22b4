//! How names of money are inflected: `kron` is money as `kronor`, and nothing in `kronblad` or `Leveringstid` is.
//!
//! A stem alone is the beginning of many other words, and next to a number most of them count or name something else.

use super::currency::is_cjk;

/// What stands behind a stem in the languages that write with Latin letters.
#[rustfmt::skip]
const LATIN: &[&str] = &[
    "a", "á", "ă", "ą", "e", "é", "ê", "ë", "ė", "i", "í", "ı", "o", "u", "ů", "ų", "ū", "y", "ý", "s", "t", "n", "r", "j", "w", "ɛ",
    "aa", "ai", "aj", "ar", "as", "aä", "ên", "en", "er", "es", "ei", "ej", "ia", "ii", "iä", "io", "is", "it", "ių", "ję", "je", "ji", "ja", "jų", "ya", "ys", "yê", "or", "os", "ov", "ow", "ów", "où", "ur", "us", "ów", "ės", "om", "si", "sı", "su", "sy", "ta", "ti", "tä", "na", "ni",
    "aan", "ach", "ada", "aer", "asi", "ası", "asy", "ami", "ego", "ého", "ých", "ych", "iai", "iaa", "ien", "iin", "isi", "ısı", "jen", "jev", "jos", "jow", "lar", "ler", "lık", "lla", "tia", "ura", "yên", "yoù", "ioù", "iya", "iyi", "yasi", "iaoù", "ysy", "ään", "dan", "dır", "nun", "nın", "luk",
];

/// What stands behind a stem in Cyrillic letters.
#[rustfmt::skip]
const CYRILLIC: &[&str] = &[
    "а", "ы", "и", "і", "у", "е", "я", "ю", "ь", "й", "ў", "ш", "ӗ", "a", "e", "ов", "ев", "ів", "ей", "ий", "ой", "ам", "ах", "аш", "аў", "яў", "ёў", "ыс", "аи", "яи", "си", "су", "сы", "их", "ых", "ые", "ый", "ыя", "ии", "ја", "је", "јa", "јe", "ура", "ури", "ур",
    "ага", "ого", "асы", "яси", "ясы", "ясе", "аси", "ыйш", "ыйы", "ыйӗ", "ен", "ени", "ень", "ене", "лары", "алары", "ялары", "яләре", "ыйлары", "нары",
];

/// Stems that begin or are other words with most endings: `level`, `wonen`, `Solo`, `punti`, `Marke`.
#[rustfmt::skip]
const OWN: &[(&str, &[&str])] = &[
    ("lev", &["", "s", "ů", "ų", "où", "ê", "ên", "ë"]),
    ("won", &["", "s", "a", "y", "u", "ů", "ów", "ow", "ov", "où", "aj", "ê", "ên"]),
    ("yen", &["", "s", "y", "ů", "ów", "ow", "ov", "où", "aj", "ê", "ên", "iä"]),
    ("kip", &["", "s", "y", "u", "ů", "ów", "ow", "ov", "où", "aj", "ų", "ë", "iä"]),
    ("sol", &["", "es", "ů", "où", "ų", "ë"]),
    ("slot", &["y", "ys", "ych"]),
    ("punt", &["", "a", "aa", "aj", "ow", "y"]),
    ("mark", &["", "s", "a", "i", "ka", "kaa", "u", "ow", "ių", "ė", "ės", "ê", "ên", "ë"]),
    ("real", &["", "s", "es", "er", "ar", "i", "y", "ů", "ów", "ow", "ov", "où", "ų", "ê", "ên", "ë"]),
    ("бат", &["", "ы", "ов", "аў", "ів", "аш"]),
    ("вон", &["", "а", "ы", "у", "ів", "аш", "асы"]),
];

/// Stems behind which a name goes on: `sterling`, `finnmark`.
const OPEN: &[&str] = &["sterlin", "lire sterlin", "finnmark", "грив", "hryv"];

/// Whether a word of `piece` is the noun of money with this stem, in any of its forms; in scripts without blanks the
/// stem may stand anywhere.
pub(super) fn holds_noun(piece: &str, stem: &str) -> bool {
    if stem.chars().next().is_some_and(is_cjk) {
        return piece.contains(stem);
    }
    piece.match_indices(stem).any(|(at, _)| {
        let start = !piece[..at].chars().next_back().is_some_and(char::is_alphabetic);
        let rest = &piece[at + stem.len()..];
        let rest = &rest[..rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())];
        // `Silberdollar`: a long stem ends compounds as well.
        (start || stem.chars().count() > 5) && inflects(stem, rest)
    })
}

/// Whether a stem with this behind it is still the name of money.
fn inflects(stem: &str, rest: &str) -> bool {
    if let Some((_, endings)) = OWN.iter().find(|(own, _)| *own == stem) {
        return endings.contains(&rest);
    }
    rest.is_empty()
        || OPEN.contains(&stem)
        || match stem.chars().next_back() {
            Some(c) if c < '\u{370}' => LATIN.contains(&rest),
            Some('\u{400}'..'\u{530}') => CYRILLIC.contains(&rest),
            _ => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflected_nouns_are_money_and_longer_words_are_not() {
        for (piece, stem) in [
            ("kronor", "kron"),
            ("kroner", "kron"),
            ("dollars", "dollar"),
            ("zlotych", "zlot"),
            ("złotych", "złot"),
            ("levs", "lev"),
            ("wonów", "won"),
            ("soles", "sol"),
            ("markkaa", "mark"),
            ("eurojen", "euro"),
            ("рублей", "рубл"),
            ("батов", "бат"),
            ("sterling", "sterlin"),
            ("silberdollar", "dollar"),
            ("ευρώ", "ευρώ"),
        ] {
            assert!(holds_noun(piece, stem), "{piece}");
        }
        for (piece, stem) in [
            ("leveringstid", "lev"),
            ("leverans", "lev"),
            ("level", "lev"),
            ("wonen", "won"),
            ("wonder", "won"),
            ("solid", "sol"),
            ("solo", "sol"),
            ("slots", "slot"),
            ("puntos", "punt"),
            ("marke", "mark"),
            ("markant", "mark"),
            ("really", "real"),
            ("randers", "rand"),
            ("eurosport", "euro"),
            ("dollarstore", "dollar"),
            ("батарея", "бат"),
            ("кронштейн", "крон"),
            ("франкфурт", "франк"),
        ] {
            assert!(!holds_noun(piece, stem), "{piece}");
        }
    }
}
