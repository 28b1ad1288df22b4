//! Amounts that are paid on a condition only: with a code, in an app, for several pieces, for a set, with a subscription.
//!
//! None of them is the price of the product, and none of them is an earlier price either.

use std::sync::LazyLock;

use super::words;
use crate::extract::phrases::Anywhere;

/// Codes and coupons, in lower case; beside a percentage they tell of a reduction, not of an amount.
#[rustfmt::skip]
const CODES: &[&str] = &[
    "with code", "with the code", "using code", "use code", "enter code", "promo code", "discount code", "voucher code", "coupon code", "with coupon", "after coupon", "with voucher", "med kode", "med koden", "brug kode", "brug koden", "rabatkode", "kampagnekode",
    "med kod", "använd kod", "använd koden", "ange kod", "rabattkod", "kampanjkod", "bruk kode", "bruk koden", "rabattkode", "koodilla", "käytä koodia", "alekoodi", "alennuskoodi", "mit code", "mit dem code", "mit gutschein", "gutscheincode", "rabattcode", "aktionscode",
    "met code", "met kortingscode", "kortingscode", "actiecode", "gebruik code", "avec le code", "avec code", "code promo", "con código", "con el código", "código promocional", "código de descuento", "con cupón", "con codice", "con il codice", "codice sconto", "codice promo", "con coupon",
    "com código", "com o código", "com o cupom", "com cupom", "com cupão", "no cupom", "z kodem", "kod rabatowy", "s kódem", "s kódom", "slevový kód", "zľavový kód", "kóddal", "kuponnal", "kuponkód", "cu codul", "cod promoțional", "cod promo", "cod reducere", "cu cupon", "с код", "промо код", "промокод",
    "με κωδικό", "με τον κωδικό", "με κουπόνι", "εκπτωτικό κωδικό", "kodu ile", "koduyla", "kupon ile", "kuponla", "по купону", "за купоном", "クーポン利用", "クーポン適用", "쿠폰 적용", "쿠폰적용", "券后", "用券", "使用优惠券",
];

/// What else names a condition in lower case, wherever it stands right before an amount, or right behind it.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    // Apps.
    "app only", "app-only", "in the app", "in app", "in our app", "in der app", "in unserer app", "in de app", "i appen", "i vår app", "i vores app", "sovelluksessa", "only in the app", "only in app", "app exclusive", "app price", "app-price", "nur in der app", "kun i appen", "endast i appen", "bara i appen", "vain sovelluksessa", "app-preis", "app-pris", "alleen in de app", "dans l'appli", "sur l'appli", "prix appli", "en la app", "precio app", "nell'app", "prezzo app",
    "no app", "na aplicação", "w aplikacji", "v aplikaci", "v aplikácii", "az appban", "în aplicație", "в приложении", "в додатку", "в застосунку", "στην εφαρμογή", "uygulamaya özel", "uygulamada", "アプリ限定", "アプリ価格", "앱 전용", "앱전용", "app专享", "app專享",
    // Subscriptions.
    "subscribe & save", "subscribe and save", "with subscription", "with a subscription", "subscription price", "autoship", "auto-delivery", "im abo", "im sparabo", "sparabo", "spar-abo", "abo-preis", "med abonnement", "abonnementspris", "som abonnent", "med prenumeration", "prenumerera", "med abonnemang", "kestotilaus", "met abonnement", "avec abonnement", "en abonnement", "abonnez-vous",
    "con suscripción", "suscríbete", "con abbonamento", "abbonati", "com assinatura", "z subskrypcją", "w subskrypcji", "s předplatným", "cu abonament", "по подписке", "за підпискою", "abonelikle", "定期便", "定期購入", "정기배송", "定期购", "regelmäßige lieferung", "repeat delivery", "regular delivery", "livraison régulière", "entrega periódica", "consegna periodica",
    // First orders.
    "first order", "first purchase", "erste bestellung", "erstbestellung", "ersten einkauf", "première commande", "primer pedido", "primera compra", "primo ordine", "primeira compra", "eerste bestelling", "første ordre", "første køb", "första köp", "första köpet", "pierwsze zamówienie", "první nákup", "prvý nákup", "első rendelés", "prima comandă", "первый заказ", "перше замовлення",
    // Sets.
    "set price", "bundle price", "bundle:", "buy together", "together:", "zusammen kaufen", "zusammen:", "køb sammen", "köp tillsammans", "kjøp sammen", "osta yhdessä", "acheter ensemble", "comprar juntos", "cómpralos juntos", "acquista insieme", "samen kopen", "kup razem", "koupit společně", "buy both", "setpreis", "set-preis", "paketpreis", "im set", "im bundle", "pakkepris", "pakketilbud", "sætpris", "paketpris", "setpris", "pakettihinta", "prix du lot", "prix de l'ensemble", "prezzo set", "prezzo del set", "precio del set", "precio del pack", "precio pack",
    "preço do conjunto", "preço do kit", "setprijs", "pakketprijs", "cena zestawu", "cena za zestaw", "w zestawie", "cena sady", "cena setu", "cena za sadu", "szett ára", "csomagár", "preț set", "preț pachet", "цена комплекта", "цена за комплект", "ціна комплекту", "ціна за комплект", "τιμή σετ", "set fiyatı", "セット価格", "세트 가격", "套装价", "套餐价",
    // Trade.
    "wholesale price", "wholesale", "trade price", "reseller price", "dealer price", "händlerpreis", "großhandelspreis", "wiederverkäuferpreis", "gewerbepreis", "prix pro", "prix professionnel", "prix de gros", "prix revendeur", "precio mayorista", "precio al por mayor", "precio profesional", "precio distribuidor", "preço grossista", "preço de atacado", "preço atacado", "preço revenda", "no atacado",
    "prezzo ingrosso", "prezzo all'ingrosso", "prezzo rivenditore", "prezzo rivenditori", "groothandelsprijs", "grossistpris", "återförsäljarpris", "engrospris", "forhandlerpris", "tukkuhinta", "jälleenmyyjähinta", "cena hurtowa", "velkoobchodní cena", "veľkoobchodná cena", "nagykereskedelmi ár", "nagyker ár", "preț en gros", "pret en gros", "preț angro", "pret angro",
    "оптовая цена", "оптовые цены", "опт", "оптом", "оптова ціна", "гуртова ціна", "цена на едро", "χονδρική", "χονδρική τιμή", "χονδρικής", "hulgihind", "vairumtirdzniecības cena", "didmeninė kaina", "veleprodajna cijena", "veleprodajna cena", "toptan fiyat", "toptan fiyatı", "bayi fiyatı", "卸価格", "卸売価格", "業販価格", "批发价", "批發價", "도매가",
    // What comes back.
    "back on your card", "back on your account", "back on your next", "back in points", "back in rewards", "cash back", "cashback", "zurück auf", "auf ihr kundenkonto", "tilbage på", "tillbaka på", "tilbake på", "de retour sur", "crédités sur", "cagnotte", "cagnottés", "terug op", "di nuovo sulla", "de vuelta en", "zpět na", "späť na", "zwrot na", "vissza a", "înapoi pe", "кешбэк", "кэшбэк", "кешбек", "обратно на карту", "на бонусный счёт", "на бонусный счет", "tagasi kaardile", "ポイント還元", "적립금",
    // Trade-ins.
    "with trade-in", "after trade-in", "with eligible trade-in", "mit eintausch", "nach eintausch", "med inbyte", "efter inbyte", "med bytte", "con permuta", "avec reprise", "z odsprzedażą",
];

/// Words that take several pieces, in lower case: a count of two or more behind them is what the amount behind is for.
#[rustfmt::skip]
const BUYING: &[&str] = &[
    "buy", "any", "køb", "ved køb af", "tag", "köp", "vid köp av", "ta", "kjøp", "ved kjøp av", "osta", "kaufe", "kaufen sie", "beim kauf von", "bei abnahme von", "ab", "nimm", "koop", "bij aankoop van", "vanaf", "achetez", "les", "dès", "lot de", "compra", "lleva", "a partir de", "à partir de", "desde", "da", "από", "alates", "nuo", "acquista", "prendi", "leve", "compre", "na compra de",
    "kup", "przy zakupie", "od", "kupte", "při nákupu", "pri kúpe", "vegyél", "vásárolj", "cumpără", "de la", "купете", "αγόρασε", "купите", "купи", "при покупке", "от", "від", "за", "from", "fra", "från",
];

/// Words for things that are not new, in lower case: another offer than the product's.
#[rustfmt::skip]
const USED: &[&str] = &[
    "used", "open box", "open-box", "pre-owned", "preowned", "second hand", "second-hand", "refurbished from", "renewed from", "gebraucht", "gebrauchte", "b-ware", "generalüberholt ab", "d'occasion", "occasion", "reconditionné dès", "tweedehands", "begagnad", "begagnat", "brugt", "brukt", "käytetty", "käytettynä", "usato", "ricondizionato da", "usado", "de segunda mano",
    "używany", "używane", "rozbaleno", "rozbalené", "bazar", "použité", "použitý", "használt", "resigilat", "resigilate", "втора употреба", "б/у", "μεταχειρισμένο", "ikinci el", "中古", "중고", "二手", "アウトレット", "展示品",
];

/// Words that speak of shipping, and words that say that it costs nothing.
#[rustfmt::skip]
const SHIPPING: &[&str] = &[
    "shipping", "delivery", "postage", "versand", "lieferung", "fragt", "levering", "frakt", "leverans", "livraison", "envío", "envio", "spedizione", "consegna", "verzending", "bezorging", "dostaw", "wysyłk", "doprav", "doručen", "szállítás", "livrare", "transport", "доставк", "toimitus", "tarne", "piegāde", "pristatym", "μεταφορικά", "αποστολή", "kargo", "teslimat", "배송", "送料", "运费", "運費", "包邮", "dostava", "poštovné", "portes", "משלוח", "الشحن", "شحن", "giao hàng", "ongkir", "จัดส่ง", "versandkostenfrei", "fraktfritt", "fragtfri",
];
#[rustfmt::skip]
const FREE: &[&str] = &[
    "free", "gratis", "fri", "fritt", "fraktfritt", "fragtfri", "ilmainen", "kostenlos", "kostenlose", "kostenloser", "kostenlosen", "kostenlosem", "kostenfrei", "kostenfreie", "versandkostenfrei", "gratuit", "gratuita", "gratuite", "gratuito", "gratuiti", "offert", "offerte", "grátis", "zdarma", "zadarmo", "darmowa", "darmową", "darmowej", "darmowy", "bezpłatna", "ingyenes", "безплатна", "безкоштовна", "бесплатная", "бесплатной", "бесплатную", "бесплатно", "безкоштовно", "безплатно", "δωρεάν", "ücretsiz", "bedava", "חינם", "無料", "무료", "包邮", "免运费", "免運費", "مجاني", "miễn phí", "ฟรี", "besplatna", "brezplačna", "tasuta", "bezmaksas", "nemokamas", "frí",
];

static USEDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(USED.iter().copied()));
static SHIPPINGS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(SHIPPING.iter().copied()));
static FREES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(FREE.iter().copied()));

/// Whether the words right before an amount call the thing used; in lower case.
pub(super) fn is_used(before: &str) -> bool {
    whole_word(&USEDS, end_of(before))
}

/// Whether words in lower case are nothing but one that calls a thing used.
pub(super) fn names_used(words: &str) -> bool {
    USED.contains(&words.trim_matches([' ', '(', ')', '.', '*']))
}

/// Whether a text in lower case speaks of shipping that costs nothing: its amount is what an order must reach.
pub(super) fn ships_free(text: &str) -> bool {
    SHIPPINGS.is_match(text.as_bytes()) && whole_word(&FREES, text)
}

/// What says that shipping or a deposit is part of a price, or comes on top of it: the beginnings of words, in lower case.
#[rustfmt::skip]
const APART: &[&str] = &[
    "zzgl", "zuz", "inkl", "incl", "inbegr", "enthalten", "inclu", "inklu", "compris", "compres", "inbegrepen", "w cenie", "wliczon", "v cen", "zahrn", "în preț", "în pret", "включ", "вкл", "в цен", "dahil", "sisält", "benne",
    "excl", "exclu", "exkl", "ekskl", "esclus", "extra", "en sus", "aparte", "a parte", "additional", "calculated", "not ", "tilkommer", "tillkommer", "tulevat", "hinzu", "kommt", "separat", "nicht ", "別", "込", "別途", "포함", "별도", "另计", "另計", "รวม",
];

static APARTS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(APART.iter().copied()));

/// Whether the words in lower case behind an amount that speak of shipping or a deposit say that it is free, part of the
/// amount or on top of it: then the amount is not what it costs.
pub(super) fn costs_apart(after: &str) -> bool {
    let until = after.find(|c: char| c.is_ascii_digit() || super::currency::is_sign(c)).unwrap_or(after.len());
    let near = beginning_of(&after[..until]);
    let begins =
        |at: usize| !near[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() && u32::from(c) < 0x3000);
    whole_word(&FREES, near) || APARTS.find_all(near.as_bytes()).any(|hit| begins(hit.start))
}

/// Whether words in lower case begin with shipping or with what says that it is free, behind words that join or speak of
/// tax: `inkl. MwSt., kostenloser Versand`.
pub(super) fn begins_with_shipping(after: &str) -> bool {
    #[rustfmt::skip]
    const JOINS: [&str; 30] = [
        "and", "und", "og", "och", "et", "y", "e", "i", "ja", "en", "with", "mit", "med", "avec", "con", "com", "met", "z", "s", "cu", "с", "и", "inkl", "incl", "inc", "inklusive", "including", "includes", "plus", "sis",
    ];
    let mut words = after.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.find(|word| !JOINS.contains(word) && !super::tax::is_word(word)).unwrap_or("");
    FREE.contains(&first) || SHIPPING.iter().any(|stem| first.starts_with(stem))
}

fn whole_word(phrases: &Anywhere, text: &str) -> bool {
    // Scripts without blanks between words join nothing, and nothing joins them.
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && u32::from(c) < 0x3000);
    phrases.find_all(text.as_bytes()).any(|hit| {
        let phrase = &text[hit.start..hit.end];
        let before = joins(phrase.chars().next()) && joins(text[..hit.start].chars().next_back());
        let behind = joins(phrase.chars().next_back()) && joins(text[hit.end..].chars().next());
        !before && !behind
    })
}

static PHRASES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(CODES.iter().chain(OTHERS).copied()));

/// Bytes in front of an amount, or behind it, in which a condition is one of the amount.
const REACH: usize = 64;
/// Pieces of one deal at most: a larger number counts something else.
const MOST_PIECES: u32 = 99;
/// Pieces of a rung of a ladder of prices, at least where a plus alone says so, and at most.
const LEAST_OF_LADDER: u32 = 10;
const MOST_OF_LADDER: u32 = 99_999;
/// What people are old enough for.
const AGES: [u32; 4] = [12, 14, 16, 18];
const YEARS: std::ops::Range<u32> = 2_001..2_050;

/// Whether the words right before an amount, or those right behind it, say that it is paid on a condition; both in lower
/// case. Behind an amount, what speaks of percentages tells of a reduction, not of that amount.
pub(super) fn holds(before: &str, after: &str) -> bool {
    let near = end_of(before);
    let behind = after.trim_start_matches(|c: char| !c.is_alphanumeric());
    named(near, false)
        || named(beginning_of(behind), true)
        || names_coupon(near)
        || names_coupon(beginning_of(behind))
        || several(near)
        || is_rung(before)
}

/// Whether words in lower case behind an amount in its own text are nothing but the count of pieces that it takes: `ab 10
/// Stück`. In a box of their own they may begin the next row.
pub(super) fn is_told_behind(behind: &str) -> bool {
    let behind = behind.trim_start_matches(|c: char| !c.is_alphanumeric());
    behind.ends_with(|c: char| c.is_alphanumeric() || c == '.')
        && behind.bytes().any(|b| b.is_ascii_digit())
        && BUYING.iter().any(|word| behind.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
        && several(behind)
}

/// Whether the words in front of an amount are nothing but a count with a plus: `25+`. What people are old enough for is
/// told in the same way.
fn is_rung(before: &str) -> bool {
    let count = before.trim_end_matches([' ', ':']).strip_suffix('+').and_then(|count| count.trim().parse().ok());
    count.is_some_and(|count: u32| (LEAST_OF_LADDER..=MOST_OF_LADDER).contains(&count) && !AGES.contains(&count))
}

/// `Code: SUMMER20`: a coupon by its form, a word and perhaps digits. Other codes are those of articles, and most have
/// a word in front that says so.
fn names_coupon(words: &str) -> bool {
    const SHORTEST: usize = 4;
    let Some(rest) = words.trim_start().strip_prefix("code:") else { return false };
    let code = rest.trim().trim_end_matches([':', '.', ',', '-', '–', '=']);
    let letters = code.trim_end_matches(|c: char| c.is_ascii_digit());
    letters.chars().count() >= SHORTEST && letters.chars().all(char::is_alphabetic)
}

fn named(words: &str, at_start: bool) -> bool {
    let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && u32::from(c) < 0x3000);
    let percent = words.contains('%');
    if percent && at_start {
        return false;
    }
    PHRASES.find_all(words.as_bytes()).any(|hit| {
        let code = hit.phrase < CODES.len();
        let whole = !joined(words[..hit.start].chars().next_back()) && !joined(words[hit.end..].chars().next());
        whole && !(percent && code) && !(at_start && hit.start > 0)
    })
}

/// The end of a text from its last sentence on.
fn end_of(text: &str) -> &str {
    let text = text.trim_end();
    let near = &text[text.ceil_char_boundary(text.len().saturating_sub(REACH))..];
    near.rfind([';', '|', '•', '!', '?'])
        .map_or(near, |at| near[at..].trim_start_matches(|c: char| !c.is_alphanumeric()))
}

fn beginning_of(text: &str) -> &str {
    let near = crate::extract::text::cut(text, REACH);
    near.find([';', '|', '•', '!', '?', '(']).map_or(near, |at| &near[..at])
}

/// Whether words end in a count of pieces that the amount behind them buys together: `2 for`, `3 stk. för`, `buy 2`.
fn several(before: &str) -> bool {
    if !before.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let before = before.trim_end_matches([' ', ':', '-', '–', '=']);
    let without_for = words::FOR.iter().find_map(|word| before.strip_suffix(word.trim_end())).map(str::trim_end);
    let counted = without_for.unwrap_or(before);
    let unit = counted.rsplit(' ').next().unwrap_or("");
    let piece = words::PIECES.contains(&unit)
        || matches!(unit, "stuks" | "kusy" | "sztuki" | "unités" | "unidades" | "pezzi" | "kpl:n");
    let counted = if piece { counted[..counted.len() - unit.len()].trim_end() } else { counted };
    let digits = counted.len() - counted.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (front, count) = counted.split_at(counted.len() - digits);
    let count = count.parse().unwrap_or(0_u32);
    // Nothing but the word and the number: `ab 100`, which is no year.
    let lone = count <= MOST_OF_LADDER && !YEARS.contains(&count) && BUYING.contains(&front.trim());
    let many = (2..=MOST_PIECES).contains(&count) || count > MOST_PIECES && lone;
    // `12,5 kg for` counts no pieces.
    if !many || front.ends_with(['.', ',', '-', '/']) {
        return false;
    }
    let front = front.trim_end();
    let buys = || {
        BUYING.iter().any(|word| front.strip_suffix(word).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric)))
    };
    without_for.is_some() && !front.ends_with(char::is_alphanumeric) || buys()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_beside_an_amount_is_seen() {
        for before in [
            "with code summer10",
            "price with code: save20 ",
            "brug koden sommer:",
            "med kod jul25",
            "mit code nord",
            "avec le code ete",
            "券后",
            "2 for",
            "3 stk. for",
            "ta 2 för",
            "buy 2 for",
            "köp 3",
            "ved køb af 2 stk.",
            "any 3 for",
            "subscribe & save",
            "bundle price:",
            "paketpreis",
            "app price",
            "z kodem lato",
            "3 für",
            "code: summer20",
        ] {
            assert!(holds(before, ""), "{before}");
        }
        for after in [
            "with code summer10",
            "(with code a1)",
            "med kod jul",
            "mit gutschein",
            "in the app only".trim_start_matches("in the "),
            "券后",
        ] {
            assert!(holds("", after), "{after}");
        }
        for (before, after) in [
            ("price", ""),
            ("now", "in stock"),
            ("use code save10 for 10% off", ""),
            ("", "use code save10 for 10% off"),
            ("1 for", ""),
            ("iphone 15", ""),
            ("pack of 2", ""),
            ("12,5 kg for", ""),
            ("2023 for", ""),
            ("with code x1! now", ""),
            ("model 3", "buy now"),
            ("product code: 107177", ""),
            ("stock code: summer", ""),
            ("code: bd-204", ""),
        ] {
            assert!(!holds(before, after), "{before} {after}");
        }
    }
}
