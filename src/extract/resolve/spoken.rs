//! The language of a page that names none, by the words that it shows.

use std::sync::LazyLock;

use crate::extract::locale::Locale;
use crate::extract::phrases::Anywhere;
use crate::extract::scan::{Name, Scanner, Token};
use crate::extract::text;

/// The language that a page is written in by what people see of it. Languages that several countries write name no
/// money, and neither does English where the page names other dollars than those of the United States.
pub(super) fn language(body: &str) -> Option<Locale> {
    // Most pages without a language have none of these words anywhere: what people see is looked at where some are.
    // Capitals of other letters than ASCII are folded there alone.
    if body.is_ascii() && !speaks_english(body) && !WORDS_OF_SHOPS.is_match(body.as_bytes()) {
        return None;
    }
    let shown = shown(body);
    let spoken = speaks_english(&shown)
        .then(|| Locale::parse("en"))
        .flatten()
        .or_else(|| spoken_in_shops(&text::lower(&shown)))?;
    Some(if spoken.language() == "en" && names_other_dollars(&shown) { spoken.without_currency() } else { spoken })
}

/// Bytes of what is shown that say enough.
const MAX_SHOWN: usize = 128 * 1024;

/// What a page shows: its texts, its title and the words of its buttons, and of what can be chosen the chosen one.
fn shown(body: &str) -> String {
    let mut shown = String::new();
    let (mut open, mut left_out) = (Name::of(""), false);
    let mut scanner = Scanner::new(body);
    while let Some(token) = scanner.step() {
        let text = match token {
            Token::Open(tag) => {
                open = tag.key;
                left_out = tag.is(Name::OPTION) && tag.attribute("selected").is_none();
                let button = tag.is(INPUT)
                    && tag.attribute("type").is_some_and(|kind| {
                        ["submit", "button"].iter().any(|button| kind.eq_ignore_ascii_case(button))
                    });
                if button { tag.attribute("value").unwrap_or("") } else { "" }
            }
            Token::Close { .. } => {
                left_out = false;
                ""
            }
            Token::Text { text, .. } if !left_out => text,
            Token::Raw { text, .. } if open == TITLE => text,
            Token::Text { .. } | Token::Raw { .. } => "",
        };
        let text = text::trim(text);
        if !text.is_empty() {
            shown.push_str(&text::decode(text));
            shown.push(' ');
        }
        if shown.len() > MAX_SHOWN {
            break;
        }
    }
    shown
}

const INPUT: Name = Name::of("input");
const TITLE: Name = Name::of("title");

/// Dollars by their codes, signs and names; in front those of the United States.
const DOLLARS: [&str; 25] = [
    "USD",
    "US$",
    "US dollar",
    "CAD",
    "AUD",
    "NZD",
    "SGD",
    "HKD",
    "TWD",
    "MXN",
    "JMD",
    "TTD",
    "BBD",
    "C$",
    "CA$",
    "A$",
    "AU$",
    "NZ$",
    "S$",
    "HK$",
    "Canadian dollar",
    "Australian dollar",
    "New Zealand dollar",
    "Singapore dollar",
    "Hong Kong dollar",
];
const AMERICAN: usize = 3;

/// Whether a page names dollars of another country than the United States, and those first: of moneys to choose from
/// the first is the one that the page is in.
fn names_other_dollars(shown: &str) -> bool {
    static NAMES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(DOLLARS));
    let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut named = NAMES.find_all(shown.as_bytes()).filter(|hit| {
        let (name, found) = (DOLLARS[hit.phrase], &shown[hit.start..hit.end]);
        // `cad` is another word, and so is what goes on: `US$` is no `S$`.
        let as_written = name.len() > "CAD".len() || name == found;
        let goes_on = !name.ends_with('$') && name.len() == "CAD".len() && joined(shown[hit.end..].chars().next());
        as_written && !goes_on && !joined(shown[..hit.start].chars().next_back())
    });
    named.next().is_some_and(|first| first.phrase >= AMERICAN)
}

/// Languages of buttons that countries with several moneys of one sign write.
const SEVERAL: [&str; 2] = ["es-419", "zh-Hant"];

/// What shops write beside a price and nobody who writes in another language, in lower case, and that language.
const OF_SHOPS: [(&str, &str); 39] = [
    ("add to cart", "en"),
    ("add to basket", "en"),
    ("add to bag", "en"),
    ("in stock", "en"),
    ("out of stock", "en"),
    ("your price", "en"),
    ("list price", "en"),
    ("buy now", "en"),
    ("in den warenkorb", "de"),
    ("ajouter au panier", "fr"),
    ("aggiungi al carrello", "it"),
    ("adicionar ao carrinho", "pt-BR"),
    ("in winkelwagen", "nl"),
    ("lägg i varukorg", "sv"),
    ("lägg i kundvagn", "sv"),
    ("læg i kurv", "da"),
    ("tilføj til kurv", "da"),
    ("legg i handlekurv", "nb"),
    ("legg i kurv", "nb"),
    ("lisää ostoskoriin", "fi"),
    ("do koszyka", "pl"),
    ("do košíku", "cs"),
    ("do košíka", "sk"),
    ("kosárba", "hu"),
    ("adaugă în coș", "ro"),
    ("adauga in cos", "ro"),
    ("sepete ekle", "tr"),
    ("в корзину", "ru"),
    ("カートに入れる", "ja"),
    ("加入购物车", "zh-CN"),
    ("立即购买", "zh-CN"),
    ("加入購物車", "zh-Hant"),
    ("立即購買", "zh-Hant"),
    ("장바구니", "ko"),
    ("ใส่ตะกร้า", "th"),
    ("añadir al carrito", "es-419"),
    ("agregar al carrito", "es-419"),
    ("añadir a la cesta", "es-419"),
    ("agregar a la bolsa", "es-419"),
];

static WORDS_OF_SHOPS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(OF_SHOPS.map(|(words, _)| words)));

/// The language of a page that names none: the one of what all shops write, if that is one only.
fn spoken_in_shops(shown: &str) -> Option<Locale> {
    let mut languages = WORDS_OF_SHOPS.find_all(shown.as_bytes()).map(|hit| OF_SHOPS[hit.phrase].1);
    let first = languages.next()?;
    let own = languages.all(|other| other == first).then(|| Locale::parse(first)).flatten()?;
    Some(if SEVERAL.contains(&first) { own.without_currency() } else { own })
}

/// The commonest words of English, and behind them those of its neighbours on paper.
const COMMON: [&str; 24] = [
    " the ", " and ", " for ", " with ", " of ", " your ", " from ", " this ", " de ", " la ", " el ", " und ",
    " der ", " le ", " les ", " et ", " het ", " van ", " och ", " og ", " di ", " il ", " que ", " para ",
];
const ENGLISH: usize = 8;

static COMMON_WORDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(COMMON));

/// Whether a page that names no language is in English, by its first common words.
fn speaks_english(shown: &str) -> bool {
    const LOOKED_AT: usize = 200;
    const ENOUGH: usize = 3;
    const TIMES: usize = 4;
    let (mut own, mut other) = (0, 0);
    for hit in COMMON_WORDS.find_all(shown.as_bytes()).take(LOOKED_AT) {
        *if hit.phrase < ENGLISH { &mut own } else { &mut other } += 1;
    }
    own >= ENOUGH && own >= other * TIMES
}
