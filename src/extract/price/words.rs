//! What the words around a number say about it: a starting price, a price per kilogram, an instalment, a saving, tax.
//!
//! Stems in many languages, compared in lower case at word starts; nothing here knows a number.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use crate::extract::phrases::ByCharacter;

/// What a phrase makes of the amount that follows or precedes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    From,
    UpTo,
    Saving,
    List,
    Shipping,
    Member,
    PerMonth,
    Deposit,
    Fee,
}

/// Phrases that stand before an amount.
#[rustfmt::skip]
pub(super) const BEFORE: &[(Cue, &[&str])] = &[
    (
        Cue::From,
        &[
            "from", "ab", "fra", "från", "od", "desde", "a partir de", "à partir de", "a partire da", "da", "vanaf", "alkaen", "nuo", "no", "alates",
            "от", "від", "de la", "starting at", "starts at", "από", "начиная с", "مِن", "ابتداء من", "החל מ", "mulai", "từ", "desde:", "dès",
            "as low as", "prices from", "pris fra", "pris från", "preis ab", "już od", "cena od", "már", "frá",
        ],
    ),
    (
        Cue::UpTo,
        &["approximately", "approx.", "approx", "about", "ca.", "cca", "circa", "ungefähr", "environ", "ungefär", "omtrent", "noin", "około", "přibližně", "približne", "примерно", "приблизно", "около", "≈", "up to", "bis zu", "bis", "op til", "upp till", "opptil", "under", "over", "acima de", "superiores a", "less than", "more than", "max", "jusqu'à", "fino a", "hasta", "do", "até", "tot", "до"],
    ),
    (
        Cue::Saving,
        &[
            "save", "economize", "economiza", "economia de", "ahórrate", "you save", "saving", "savings", "off", "discount", "spar", "spare", "sie sparen", "spara", "du sparar", "du sparer", "sparen", "ersparnis",
            "rabat", "rabatt", "oszczędzasz", "oszczędź", "taniej o", "zniżka", "économisez", "vous économisez", "ahorra", "ahorras", "risparmi", "poupa",
            "poupe", "je bespaart", "bespaar", "korting", "ušetříte", "sleva", "ušetríte", "zľava", "megtakarítás", "économie", "экономия", "скидка", "выгода",
            "säästä", "säästät", "alennus", "économies", "descuento", "sconto", "desconto", "voucher", "coupon", "gutschein", "cashback", "reducere", "economisești",
            "отстъпка", "знижка", "kedvezmény", "popust", "ušteda", "έκπτωση", "indirim", "할인", "割引", "优惠", "優惠", "tiết kiệm",
        ],
    ),
    (
        Cue::List,
        &[
            "rrp", "msrp", "was", "list", "listenpreis", "katalogpreis", "katalogpris", "catalogusprijs", "prix catalogue", "cena okładkowa", "původně", "pôvodne", "u.p.", "u.p", "市售價", "市售价", "reg", "vejl. pris", "vejl.pris", "vejl. udsalgspris", "vejledende pris", "vejledende udsalgspris", "veil. pris", "ajánlott fogyasztói ár", "ajánlott ár", "fogyasztói ár", "bisheriger preis", "unser bisheriger preis", "vorheriger preis", "áður", "běžně", "dříve", "stará cena", "αρχική τιμή", "παλιά τιμή", "sena kaina", "senoji kaina", "ankstesnė kaina", "iepriekšējā cena", "vecā cena", "vana hind", "tavahind", "eelmine hind", "régi ár", "korábbi ár", "predošlá cena", "ranija cijena", "prejšnja cena", "tidl. pris", "tidligere", "メーカー希望小売価格", "建議售價", "建议零售价", "优惠前", "優惠前", "list price", "reg.", "regular", "regular price", "original", "originally", "orig.", "orig", "old price", "retail", "statt", "uvp", "uvp*",
            "bisher", "vorher", "früher", "alter preis", "normalpris", "førpris", "før", "vejl", "vejledende", "tidligere pris", "ord. pris", "ord pris", "ordinarie",
            "ordinarie pris", "rek. pris", "tidigare", "tidigare pris", "veil", "veil.", "veiledende", "ordinær pris", "ovh", "norm.", "norm", "normaalihinta",
            "prix conseillé", "au lieu de", "prix barré", "avant", "ancien prix", "precio recomendado", "pvp", "pvpr", "antes", "precio anterior", "prezzo di listino",
            "listino", "anziché", "invece di", "prezzo precedente", "adviesprijs", "van", "was:", "normale prijs", "cena katalogowa", "cena regularna",
            "cena przed", "stara cena", "najniższa cena", "zamiast", "běžná cena", "původní cena", "doporučená cena", "před slevou", "bežná cena", "pôvodná cena",
            "predtým", "eredeti ár", "listaár", "preț vechi", "pret vechi", "prp", "старая цена", "до скидки", "обычная цена", "стара ціна", "стара цена",
            "пцд", "de:", "preço original", "preço antigo", "zwykle", "wcześniej", "omnibus", "lowest price in", "niedrigster preis", "laveste pris", "lägsta pris",
            "cena w innych sklepach", "other shops", "maloprodajna", "redovna cijena", "stara cijena", "redna cena", "μείον", "αρχική", "eski fiyat",
            "定价", "原价", "原價", "市场价", "市場價", "定価", "参考価格", "希望小売価格", "정가", "정상가", "소비자가", "normal", "precio normal", "original price was", "original price", "den oprindelige pris var", "oprindelig pris", "det ursprungliga priset var", "ursprungspris", "opprinnelig pris var",
            "opprinnelig pris", "ursprünglicher preis war", "ursprünglicher preis", "le prix initial était", "prix initial", "prix d'origine", "el precio original era", "precio original", "il prezzo originale era", "prezzo originale", "o preço original era",
            "oorspronkelijke prijs was", "oorspronkelijke prijs", "pierwotna cena wynosiła", "pierwotna cena", "původní cena byla", "pôvodná cena bola", "alkuperäinen hinta oli", "alkuperäinen hinta", "az eredeti ár", "prețul inițial a fost", "preț inițial",
            "первоначальная цена составляла", "первоначальная цена", "оригінальна ціна", "orijinal fiyat", "liste fiyatı", "piyasa fiyatı", "gamla priset", "tavallinen hinta", "מחיר קודם", "מחיר רגיל", "prezzo consigliato", "ราคาปกติ", "ราคาเดิม", "当店通常価格", "通常価格", "السعر السابق", "السعر الأصلي", "优惠前", "قیمت قبلی", "m.r.p", "m.r.p.", "mrp", "comp. value", "compare at", "定價", "市價", "建議價", "시중가", "ราคาเต็ม", "cena detaliczna", "pvp recomendado", "normal price", "usual price", "precio de lista", "prix courant", "giá niêm yết", "giá gốc", "giá cũ", "giá thị trường", "προηγούμενη τιμή", "įprasta kaina", "السعر قبل الخصم", "بدلا من", "بدلاً من",
            "regularly", "retail price", "recommended retail price", "suggested retail price", "full price", "previous price", "previously", "typical price", "market price", "standard price", "manufacturer price", "comparable value", "cover price",
            "unverbindliche preisempfehlung", "unverb. preisempf.", "uvp des herstellers", "regulärer preis", "früherer preis", "originalpreis", "ladenpreis", "neupreis", "streichpreis", "prix public", "prix de référence", "prix habituel", "prix de base", "prix neuf", "prix magasin",
            "p.v.p.", "precio habitual", "precio sin descuento", "prezzo pieno", "prezzo iniziale", "winkelprijs", "vorige prijs", "reguliere prijs", "preço anterior", "preço de tabela", "preço cheio", "preço sugerido", "preço recomendado",
            "poprzednia cena", "cena przed obniżką", "cena sugerowana", "sugerowana cena producenta", "cena pierwotna", "cena rynkowa", "doporučená maloobchodní cena", "katalogová cena", "standardní cena", "odporúčaná cena", "cena pred zľavou", "pred zľavou",
            "rekommenderat pris", "ca-pris", "før pris", "listepris", "veiledende pris", "ovh.", "suositushinta", "normaali hinta", "aikaisempi hinta", "normál ár", "kiskereskedelmi ár", "bolti ár", "borító ár", "teljes ár", "akció előtti ár",
            "preț de listă", "preț recomandat", "preț anterior", "pret intreg", "önceki fiyat", "normal fiyat", "indirimsiz fiyat", "etiket fiyatı", "τιμή καταλόγου", "προτεινόμενη λιανική", "λιανική τιμή", "κανονική τιμή",
            "было", "цена без скидки", "ррц", "розничная цена", "рекомендованная цена", "прежняя цена", "раньше", "було", "звичайна ціна", "ціна без знижки", "роздрібна ціна", "попередня ціна", "редовна цена", "препоръчителна цена", "предишна цена", "каталожна цена",
            "buvusi kaina", "kaina be nuolaidos", "rekomenduojama kaina", "soovituslik hind", "algne hind", "jaehind", "parastā cena", "cena bez atlaides", "regulārā cena", "sākotnējā cena", "preporučena cijena", "prijašnja cijena",
            "メーカー価格", "元値", "市場価格", "划线价", "吊牌价", "专柜价", "官方价", "参考价", "권장소비자가", "기존가",
        ],
    ),
    (
        Cue::Shipping,
        &[
            "shipping", "delivery", "postage", "p&p", "versand", "versandkosten", "lieferung", "zzgl", "fragt", "levering", "leveret", "frakt", "leverans", "frakt fra",
            "livraison", "expédition", "frais de port", "envío", "gastos de envío", "envio", "spedizione", "consegna", "verzending", "verzendkosten", "bezorging",
            "dostawa", "wysyłka", "dostawy", "doprava", "doručení", "doručenie", "szállítás", "livrare", "transport", "доставка", "toimitus", "tarne", "piegāde",
            "pristatymas", "доставки", "αποστολή", "μεταφορικά", "kargo", "송료", "배송비", "送料", "运费", "運費", "dostava", "poštovné", "portes", "frete", "courier", "kuller", "kohaletoimetamine", "kohaletoimetamise", "bezorgkosten", "kurýr", "kuriér", "kurier", "futár", "curier", "курьер", "кур'єр", "kurjers", "kurjeris",
        ],
    ),
    (
        Cue::Member,
        &[
            "member", "members", "members only", "medlem", "medlemspris", "clubpreis", "klubbpris", "klub", "club", "with card", "loyalty", "plus-preis", "with prime",
            "member price", "members price", "members' price", "member's price", "loyalty price", "card price", "with your card", "price for members", "for members", "för medlemmar", "for medlemmer", "medlemmar", "medlemmer", "mitglieder", "mitgliederpreis", "für mitglieder", "kundenkarte", "mit kundenkarte", "kundenkartenpreis", "kundeklub", "kundeklubpris", "bonuspris", "kanta-asiakashinta", "jäsenille", "ledenprijs", "voor leden", "met klantenkaart", "kaartprijs", "prix adhérent", "prix fidélité", "avec la carte", "precio para socios", "precio tarjeta", "prezzo soci", "prezzo carta", "con carta", "con carta fedeltà", "preço cartão", "preço sócio", "com cartão", "cena dla członków", "cena dla klubowiczów", "z kartą lojalnościową", "cena s kartou", "klubová cena", "cena pre členov", "s klubovou kartou", "klubár", "klubkártyával", "hűségkártyával", "preț membru", "preț card", "cu cardul", "клубна цена", "с карта", "по карте", "цена по карте", "по карте клуба", "по клубной карте", "клубная цена", "для членов клуба", "за карткою", "ціна з карткою", "τιμή μέλους", "με κάρτα", "üye fiyatı", "karta özel", "会員価格", "会員限定", "회원가", "멤버십 가격", "会员价", "會員價",
            "clubcard price", "club price", "nectar price", "plussa-hinta", "plussahinta", "mit app", "med app", "with the app", "app-preis", "mit karte", "klubpris", "medlemspriset", "med kort", "jäsenhinta", "precio socio", "prix membre", "cena z aplikacją", "cena klubowa", "med klub", "app price", "in the app", "con tarjeta", "avec la carte", "z kartą", "s kartou", "membre", "bonuskunde", "student", "with trade-in",
        ],
    ),
    (
        Cue::PerMonth,
        &[
            "monthly", "per month", "finance", "financing", "instalment", "installment", "installments", "pay in", "klarna", "afterpay", "clearpay", "zip", "affirm", "rate",
            "raten", "ratenzahlung", "finanzierung", "afbetaling", "delbetaling", "delbetala", "månedlig", "rata", "raty", "raty od", "splátk", "na splátky", "hitel",
            "mensualité", "mensualidad", "cuotas", "cuota", "parcelas", "rassrochka", "рассрочк", "кредит", "rate de", "leasing", "leje", "kk-maksu", "järelmaks", "a rate", "monatlich", "monatsrate", "mtl", "par mois", "mensualités", "per maand", "al mese", "rata mensile", "cuota mensual", "prestação", "prestação mensal", "törlesztő", "törlesztőrészlet", "rată lunară", "rate lunare", "splátka", "splátky", "splátky od", "rata od", "kuumakse", "kuumakse alates", "līzings", "mėnesio įmoka", "išsimokėtinai", "delbetala från", "kuukausierä", "osamaksu", "платёж", "платеж", "платёж от", "платеж от", "щомісячний платіж", "вноска", "месечна вноска", "δόσεις", "δόσεις από", "taksit", "obrok", "mjesečna rata", "月々", "月額", "월", "每月",
        ],
    ),
    (Cue::Deposit, &[
            // What is bid at an auction is no price that one can pay.
            "current bid", "starting bid", "aktuelles gebot", "startgebot", "mindestgebot", "enchère actuelle", "mise à prix", "puja actual", "oferta inicial", "offerta attuale", "aktuellt bud", "ledande bud", "aktuelt bud", "højeste bud", "nåværende bud", "korkein tarjous", "huidig bod", "aktualna oferta", "lance atual", "текущая ставка", "поточна ставка", "現在の入札","deposit", "down payment", "anzahlung", "acompte", "acconto", "aanbetaling", "zaliczka", "handpenning", "kontantinsats", "pant", "pfand", "zzgl. pfand", "kaucja", "záloha", "consigne", "statiegeld", "copydan"]),
    (Cue::Fee, &["price for both", "price for all", "both for", "all for", "fee", "gebyr", "gebühr", "surcharge", "eco", "ecotax", "éco-participation", "dont", "recupel", "insurance", "warranty", "protection plan", "forsikring", "gift wrap", "gift wrapping", "geschenkverpackung", "extended warranty", "garantieverlängerung", "versicherung", "verzekering", "assurance", "försäkring", "vakuutus", "pojištění", "poistenie", "ubezpieczenie", "minimum order", "minimum order value", "mindestbestellwert"]),
];

/// Units that make an amount a unit price: kilogram, litre, metre and so on. After `/`, `per`, `pro`, `pr.`.
#[rustfmt::skip]
pub(super) const MEASURES: &[&str] = &[
    "kg", "kilo", "kilogram", "kilogramm", "g", "gr", "gram", "100g", "100 g", "mg", "l", "ltr", "liter", "litre", "litr", "litro", "100ml", "100 ml", "ml",
    "cl", "dl", "m", "meter", "metre", "m2", "m²", "qm", "kvm", "sqm", "m3", "m³", "cm", "mb", "bm", "lb", "lbs", "oz", "fl oz", "ft", "sqft", "sq ft", "sq. ft.",
    "кг", "л", "м", "м2", "м²", "г", "hour", "h", "timme", "time", "stunde", "wash", "vask", "tvätt", "wl", "dose", "tab", "tabs", "sheet",
];

/// Units of time: an amount per month is an instalment or a subscription, never the price of the thing.
#[rustfmt::skip]
pub(super) const PERIODS: &[&str] = &[
    "month", "mo", "mo.", "mth", "mnth", "monat", "mon", "mtl", "md", "md.", "mdr", "måned", "mnd", "mån", "månad", "kk", "kuukausi", "mois", "mes", "mese", "mês",
    "maand", "mies", "mies.", "miesiąc", "měsíc", "měs", "mesiac", "hó", "hónap", "lună", "luna", "мес", "мес.", "месяц", "kuu", "mēn", "mėn", "ay", "année", "year",
    "yr", "jahr", "år", "rok", "week", "wk", "woche", "uge", "vecka", "uke", "day", "tag", "dag", "dzień", "den", "night", "nacht", "nat",
];

/// Units of the thing itself: the price stays the price.
#[rustfmt::skip]
pub(super) const PIECES: &[&str] = &[
    "each", "ea", "ea.", "st", "st.", "stk", "stk.", "stück", "styck", "pc", "pcs", "pc.", "piece", "pièce", "pieza", "pezzo", "peça", "szt", "szt.", "ks", "db", "buc",
    "buc.", "шт", "шт.", "бр", "бр.", "kpl", "tk", "gab", "vnt", "kom", "τεμ", "adet", "台", "件", "个", "個", "본", "개", "pair", "par", "paar", "pack", "pk", "pkt",
    "unit", "item", "set", "person", "pers", "pers.", "box", "roll", "bottle", "fl", "flaska", "pár", "sæt",
];

/// Multiplying words. `1000` for thousand and so on, as a count of zeros.
#[rustfmt::skip]
const MULTIPLIERS: &[(&str, u32)] = &[
    ("k", 3), ("к", 3), ("rb", 3), ("ribu", 3), ("nghìn", 3), ("ngàn", 3), ("jt", 6), ("juta", 6), ("triệu", 6), ("grand", 3), ("thousand", 3), ("tusind", 3), ("tusen", 3), ("tausend", 3), ("mille", 3), ("mil", 3), ("bin", 3), ("тыс", 3), ("тыс.", 3), ("тысяч", 3),
    ("tys", 3), ("tys.", 3), ("אש״ח", 3), ("हज़ार", 3), ("हजार", 3), ("lakh", 5), ("lakhs", 5), ("लाख", 5), ("crore", 7), ("crores", 7), ("करोड़", 7), ("mil millones", 9), ("mil milhões", 9),
    ("million", 6), ("millions", 6), ("mio", 6), ("mio.", 6), ("mn", 6), ("millionen", 6), ("millioner", 6), ("miljon", 6), ("miljoner", 6), ("miljoen", 6), ("millón", 6), ("millon", 6),
    ("millones", 6), ("milhão", 6), ("milhões", 6), ("milhoes", 6), ("milione", 6), ("milioni", 6), ("milyon", 6), ("milion", 6), ("milionów", 6), ("mln", 6), ("млн", 6), ("миллион", 6),
    ("миллионов", 6), ("मिलियन", 6), ("מיליון", 6), ("משח", 6), ("מש״ח", 6), ("billion", 9), ("billions", 9), ("bn", 9), ("milliard", 9), ("milliards", 9), ("milliarden", 9), ("mrd", 9), ("mrd.", 9), ("miljard", 9),
    ("miljarder", 9), ("milliarder", 9), ("miliardo", 9), ("miliardi", 9), ("milyar", 9), ("bilhão", 9), ("bilhões", 9), ("млрд", 9), ("миллиард", 9), ("बिलियन", 9), ("trillion", 12), ("trilyon", 12),
];

/// Numerals of East Asia: multiplier characters within a section, and those that close one.
pub(super) const SECTION: &[(char, u32)] = &[('十', 1), ('百', 2), ('千', 3), ('십', 1), ('백', 2), ('천', 3)];
/// See [`SECTION`].
pub(super) const MYRIADS: &[(char, u32)] =
    &[('万', 4), ('萬', 4), ('만', 4), ('億', 8), ('亿', 8), ('억', 8), ('兆', 12), ('조', 12)];

/// Units of measure that make the number before them no price: sizes, weights, voltages, counts.
#[rustfmt::skip]
const QUANTITIES: &[&str] = &[
    "%", "cm", "mm", "m", "km/h", "kg", "g", "mg", "ml", "cl", "l", "ltr", "liter", "litre", "oz", "lbs", "lb", "inch", "in", "\"", "″", "”", "gb", "tb", "mb", "ghz", "mhz", "hz", "w", "kw", "kwh", "v", "mah", "ah",
    "db", "mp", "px", "°", "°c", "x", "×", "pcs", "pc", "stk", "st", "szt", "ks", "шт", "items", "item", "pieces", "pack", "hours", "min", "sek", "days", "dage", "dagar", "tage", "dni", "years", "år", "jahre", "lat", "reviews", "бонус", "бонуса", "бонусов", "бонусы",
    "review", "stars", "ratings", "anmeldelser", "bewertungen", "opinii", "votes", "points", "point", "poeng", "pts", "ポイント", "포인트", "積分", "积分", "мм", "см", "кг", "гб", "вт", "nm", "rpm", "cc", "ps", "hp", "bar", "дней", "отзыв",
    "month", "months", "monate", "monaten", "mois", "meses", "mesi", "měsíců", "mesiacov", "miesięcy", "miesiące", "månader", "måneder", "mdr", "maanden", "kuukautta", "hónap", "luni", "месяцев", "мес", "hour", "year",
    "h", "hr", "hrs", "er", "std", "werktage", "werktagen", "werktag", "arbeitstage", "arbetsdagar", "arbejdsdage", "hverdage", "vardagar", "virkedager", "arkipäivää", "jours", "días", "giorni", "dias", "dagen", "werkdagen", "tag", "dag",
    "dní", "pracovních", "nap", "munkanap", "zile", "рабочих", "дня", "timer", "timmar", "stunden", "heures", "horas", "ore", "uur", "godz", "hodin", "päivää", "business", "working", "gün", "iş",
    "jahr", "anni", "ans", "années", "años", "anos", "let", "rokov", "roky", "jaar", "vuotta", "év", "ani", "лет", "года", "год", "weeks", "wochen", "semaines", "semanas", "viikkoa", "star", "sterne", "étoiles", "estrellas",
];

static QUANTITY_SET: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| QUANTITIES.iter().copied().collect());

/// Whether a word in lower case makes the number before it a quantity.
pub(super) fn is_quantity(word: &str) -> bool {
    QUANTITY_SET.contains(word)
}

/// What is said of the number of things that a shop has.
const STOCKED: [&str; 20] = [
    "in stock",
    "left",
    "available",
    "på lager",
    "i lager",
    "auf lager",
    "verfügbar",
    "vorrätig",
    "en stock",
    "disponible",
    "disponibili",
    "em stock",
    "op voorraad",
    "w magazynie",
    "skladem",
    "na sklade",
    "készleten",
    "în stoc",
    "в наличии",
    "varastossa",
];

/// Whether words in lower case behind a number say that so many are in stock.
pub(super) fn is_stock(behind: &str) -> bool {
    STOCKED.iter().any(|words| starts_with_phrase(behind, words))
}

/// Whether words in lower case behind a number say what it is a score of: `4.5 out of 5`.
pub(super) fn is_score(behind: &str) -> bool {
    const OF: [&str; 12] = ["out of", "of", "von", "sur", "av", "af", "su", "van", "z", "из", "з", "iz"];
    let all = ["5", "10"].iter().find_map(|all| behind.strip_suffix(all));
    all.is_some_and(|words| OF.contains(&words.trim_end_matches([' ', '\u{a0}'])) && words.ends_with([' ', '\u{a0}']))
}

/// What stands between a number of things and what they cost together.
pub(super) const FOR: [&str; 7] = ["for ", "för ", "für ", "voor ", "pour ", "per ", "za "];

/// Whether words in lower case before a number open a range whose ends are joined by "and".
pub(super) fn opens_range(before: &str) -> bool {
    const OPENINGS: [&str; 10] =
        ["between", "zwischen", "entre", "tussen", "mellem", "mellan", "mellom", "między", "tra", "между"];
    OPENINGS.iter().any(|opening| ends_with_phrase(before, opening))
}

/// Whether the words in front of an amount, its sign included, and those behind it lead from it to a lower price.
pub(super) fn reduces(before: &str, between: &str) -> bool {
    const PAIRS: [(&str, &str); 4] = [("de", "por"), ("van", "voor"), ("von", "auf"), ("fra", "til")];
    let mut near = before.split_whitespace().rev().take(2);
    matches!(between, "→" | "⇒" | "➔" | "➜" | "->" | "=>")
        || near.any(|word| PAIRS.iter().any(|(from, to)| word == *from && between == *to))
}

/// Whether the words in front of an amount, its sign not included, may call it the price before, if a lower one follows:
/// by themselves they name what a ticket costs.
pub(super) fn may_be_list(before: &str) -> bool {
    ends_with_phrase(before.trim_end_matches([' ', ':']), "ticket")
}

/// Names of money that are units, norms or models as they are written here, where people pay with another money.
#[rustfmt::skip]
const UNITS: [&str; 27] = [
    "km", "ft", "mt", "kn", "nt", "lv", "le", "bd", "br", "um", "dt", "cg", "den", "Den", "DEN", "ден", "ДЕН", "din", "Din", "DIN", "db", "Db",
    "DB", "RS", "KN", "Mk", "MK",
];

/// Whether a name of money as it is written is a unit of measure.
pub(super) fn is_unit(written: &str) -> bool {
    UNITS.contains(&written)
}

/// What shops print before the price one pays.
#[rustfmt::skip]
const PRICE_LABELS: &[&str] = &[
    "price", "only", "nur", "jetzt", "jetzt nur", "kun", "endast", "bara", "vain", "seulement", "solo", "teraz", "tylko", "nyní", "jen", "most", "acum", "сейчас", "теперь", "our price", "your price", "sale price", "special price", "online price", "current price", "now", "preis", "unser preis", "ihr preis", "pris", "vår pris", "vores pris", "din pris", "nu", "prix", "notre prix", "votre prix",
    "precio", "nuestro precio", "prezzo", "il nostro prezzo", "cena", "nasza cena", "twoja cena", "cena brutto", "naše cena", "vaše cena", "cena s dph", "naša cena", "vaša cena", "ár", "ára", "bruttó ár", "preț", "pret", "prețul nostru",
    "hinta", "prijs", "onze prijs", "preço", "valor", "por", "цена", "наша цена", "ваша цена", "ціна", "kaina", "hind", "cijena", "цена с ддс", "τιμή", "fiyat", "fiyatı", "価格", "販売価格", "价格", "價格", "售价", "售價", "가격", "판매가",
    "ราคา", "giá", "harga", "מחיר", "السعر", "قیمت", "मूल्य",
];

/// Words that say whose price it is, that it is one, or join it to what belongs to it.
#[rustfmt::skip]
const PRICE_WORDS: &[&str] = &[
    "our", "your", "the", "is", "now", "today", "new", "sale", "special", "offer", "deal", "web", "online", "internet", "current", "final", "total", "as", "low", "at", "starting", "starts", "for", "per", "buy", "in", "shop", "incl", "inc", "including", "excl", "ex", "net", "gross", "each", "gesamt", "gesamtpreis", "summe", "totalt", "alt", "suma", "razem", "łącznie", "celkem", "spolu", "összesen", "totale", "totaal", "итого", "всего", "разом", "yhteensä", "σύνολο", "toplam", "tổng", "vat", "tax", "taxes", "and", "or", "shipping", "free", "delivery", "rrp", "was", "save", "sold", "by", "from", "to", "one", "time", "purchase", "once", "einmalkauf", "einmaliger", "kauf", "engangskøb", "engångsköp", "achat", "unique", "única", "acquisto", "singolo",
    "dein", "ihr", "unser", "aktueller", "aktuell", "neuer", "heute", "angebot", "angebotspreis", "aktionspreis", "sonderpreis", "verkaufspreis", "bruttopreis", "nettopreis", "stückpreis", "einzelpreis", "pro", "je", "ist", "inkl", "exkl", "zzgl", "versand", "versandkosten", "und", "der", "gesetzl", "gesetzlicher", "pris", "priset", "prisen", "er", "är", "nå", "nuværende", "nuvarande", "aktuelle", "tilbud", "tilbudspris", "kampanjpris", "kampanj", "kampagnepris", "erbjudande", "salgspris", "webbpris", "netpris", "webshop", "din", "vår", "vores", "inklusive", "frakt", "og", "och", "uden", "utan", "uten", "med", "moms", "mva", "fragt",
    "hinta", "tarjous", "tarjoushinta", "nyt", "prix", "notre", "votre", "promo", "promotion", "actuel", "de", "le", "la", "vente", "à", "a", "l", "unité", "ttc", "ht", "precio", "oferta", "actual", "ahora", "por", "el", "final", "prezzo", "offerta", "attuale", "ora", "prijs", "onze", "jouw", "uw", "nu", "actieprijs", "aanbieding", "voor", "per", "preço", "oferta", "agora", "atual", "à", "vista", "no", "pix", "em", "cena", "ceny", "aktualna", "promocja", "promocyjna", "nasza", "twoja", "sprzedaży", "detaliczna", "regularna", "brutto", "netto", "z", "vat", "za", "szt", "sztukę",
    "aktuální", "nová", "akční", "akce", "naše", "vaše", "prodejní", "s", "bez", "dph", "ks", "kus", "aktuálna", "akciová", "akcia", "predajná", "ár", "ára", "akciós", "bruttó", "nettó", "eladási", "fogyasztói", "online", "webáruház", "preț", "pret", "actual", "nou", "oferta", "promo", "cu", "tva", "inclus", "цена", "цене", "новая", "наша", "сейчас", "акция", "розничная", "за", "шт", "штуку", "ціна", "нова", "роздрібна", "акційна", "промо", "с", "ддс", "ндс", "пдв", "τιμή", "τιμη", "νέα", "τελική", "προσφορά", "με", "φπα", "fiyat", "fiyatı", "indirimli", "satış", "kampanya", "kdv", "dahil", "giá", "bán", "khuyến", "mãi", "harga", "promo", "jual", "cijena", "akcijska", "redovna", "snižena", "cenă", "kaina", "akcija", "hind", "soodushind", "verð", "tilboð",
];

static PRICE_WORD_SET: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
    let single = |phrase: &&'static str| phrase.split(|c: char| !c.is_alphanumeric());
    let starting = BEFORE.iter().filter(|(cue, _)| matches!(cue, Cue::From | Cue::List));
    let labels = PRICE_LABELS.iter().chain(starting.flat_map(|(_, phrases)| *phrases)).flat_map(single);
    PRICE_WORDS.iter().chain(PIECES).chain(MEASURES).copied().chain(labels).filter(|word| !word.is_empty()).collect()
});

/// Whether all words of a text in lower case are words of prices: labels, units, tax. Scripts without blanks between
/// words cannot be told apart and always are.
pub(super) fn are_of_price(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let mut letters = words.filter(|word| word.chars().all(|c| u32::from(c) < 0x0e00));
    letters.all(|word| {
        PRICE_WORD_SET.contains(word)
            || super::tax::is_word(word)
            || super::currency::at_start(word, word).is_some_and(|(_, len)| len == word.len())
    })
}

/// How one word for a price ends in languages that write words together: `Aktionspreis`, `Slutpris`, `Gesamtbetrag`.
const PRICE_ENDINGS: [&str; 15] = [
    "preis", "price", "pris", "prijs", "hinta", "betrag", "beløb", "belopp", "bedrag", "cena", "hind", "summe",
    "summa", "ára", "verð",
];

/// Whether one word in lower case is a word of prices, or joins an amount to what stands in front of it.
pub(super) fn leads_to_price(word: &str) -> bool {
    are_of_price(word)
        || PRICE_ENDINGS.iter().any(|end| word.ends_with(end))
        || FOR.iter().any(|lead| lead.trim_end() == word)
}

static PRICE_LABEL_SET: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| PRICE_LABELS.iter().copied().collect());

/// Whether words in lower case call the amount behind them the price one pays.
pub(super) fn names_price(words: &str) -> bool {
    PRICE_LABEL_SET.contains(words)
}

/// Days of many languages, each behind the number of them in which a price was the lowest one.
#[rustfmt::skip]
const DAYS: [&str; 30] = [
    "day", "tag", "dag", "dní", "dni", "giorni", "días", "dias", "jours", "päiv", "nap", "zile", "дни", "дней", "днів", "дня", "ημ", "gün", "dien", "päev", "дена", "dana", "daga", "døgn", "dygn", "日", "일", "天", "วัน", "ngày",
];

/// Whether words in lower case right before an amount say that it was the lowest of thirty days, as the law wants it
/// told beside a reduced price (Directive 98/6/EC, article 6a).
pub(super) fn of_last_month(before: &str) -> bool {
    const REACH: usize = 48;
    names_last_month(&before[before.ceil_char_boundary(before.len().saturating_sub(REACH))..])
}

/// Whether words in lower case right behind an amount say so.
pub(super) fn is_of_last_month(after: &str) -> bool {
    const REACH: usize = 64;
    after.starts_with(char::is_alphabetic) && names_last_month(crate::extract::text::cut(after, REACH))
}

/// Whether words in lower case speak of the last thirty days.
pub(super) fn names_last_month(near: &str) -> bool {
    near.match_indices("30").any(|(at, _)| {
        let rest = near[at + 2..].trim_start_matches([' ', '\u{a0}', '-', '.']);
        !near[..at].ends_with(|c: char| c.is_alphanumeric()) && DAYS.iter().any(|day| rest.starts_with(day))
    })
}

/// What shops print before the price that is left after a reduction.
#[rustfmt::skip]
const FINAL_LABELS: &[&str] = &[
    "sale", "sale price", "sales price", "on sale", "you pay", "your price", "special price", "promo price", "promotional price", "discounted price", "reduced price", "final price", "price after discount", "after discount", "after savings", "clearance price", "deal price", "offer price", "now", "now only",
    "jetzt", "jetzt nur", "jetzt nur noch", "nur noch", "aktionspreis", "angebotspreis", "sonderpreis", "neuer preis", "reduziert auf", "nu", "nu kun", "tilbudspris", "tilbud", "udsalgspris", "kampagnepris", "ny pris", "kampanjpris", "reapris", "extrapris", "rabatterat pris", "kampanjepris", "salgspris", "tilbudspris nå", "nå",
    "tarjoushinta", "nyt", "alehinta", "maintenant", "prix promo", "prix soldé", "prix réduit", "prix remisé", "ahora", "precio oferta", "precio de oferta", "precio rebajado", "precio especial", "precio final", "ora", "adesso", "prezzo scontato", "prezzo speciale", "prezzo promozionale", "in offerta", "agora", "preço promocional", "preço com desconto", "por",
    "nu voor", "actieprijs", "aanbiedingsprijs", "teraz", "cena promocyjna", "cena po rabacie", "nowa cena", "promocja", "nyní", "akční cena", "cena po slevě", "akciová cena", "zľavnená cena", "akciós ár", "kedvezményes ár", "preț promoțional", "preț redus", "acum", "промо цена", "цена с отстъпка", "цена со скидкой", "акционная цена", "акційна ціна",
    "τώρα", "τιμή προσφοράς", "indirimli fiyat", "kampanyalı fiyat", "promocijska cena", "akcijska cijena", "soodushind", "akcijas cena", "kaina su nuolaida", "セール価格", "特価", "할인가", "판매가", "促销价", "促銷價", "特价", "特價", "优惠价", "優惠價",
];

/// What shops print before the price that is paid as long as nothing is reduced.
#[rustfmt::skip]
const USUAL_LABELS: &[&str] = &[
    "regular price", "regular", "normal price", "standard price", "usual price", "normalpris", "ordinarie pris", "ord. pris", "ord pris", "ordinær pris", "normaalihinta", "regulärer preis", "normaler preis", "normalpreis", "prix habituel", "prix normal", "prix régulier",
    "precio habitual", "precio normal", "precio regular", "prezzo di listino", "prezzo normale", "prezzo regolare", "preço normal", "preço regular", "normale prijs", "reguliere prijs", "cena regularna", "běžná cena", "bežná cena", "normál ár", "preț normal", "preț obișnuit", "обычная цена", "звичайна ціна", "κανονική τιμή", "normal fiyat", "通常価格", "정상가", "מחיר רגיל",
    // What consumers pay, as shops call it that sell to traders as well, and the price on the label.
    "retail price", "market price", "ladenpreis", "prix public", "prix magasin", "p.v.p", "pvp", "cena detaliczna", "winkelprijs", "kiskereskedelmi ár", "bolti ár", "fogyasztói ár", "розничная цена", "роздрібна ціна", "λιανική τιμή", "jaehind", "maloprodajna",
];

static FINAL_LABEL_SET: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| FINAL_LABELS.iter().copied().collect());

/// Whether words in lower case call the amount behind them the price after a reduction.
pub(super) fn names_final_price(words: &str) -> bool {
    FINAL_LABEL_SET.contains(words)
}

/// Whether words in lower case call the amount behind them the usual price.
pub(super) fn names_usual_price(words: &str) -> bool {
    USUAL_LABELS.contains(&words)
}

/// Labels of numbers that name or count things. Before a number without a currency.
#[rustfmt::skip]
const LABELS: &[&str] = &[
    "tel", "telefon", "phone", "fax", "тел", "art", "art.-nr", "art.nr", "art nr", "artikel", "artikelnr", "artikelnummer", "artikel-nr", "bestellnummer", "sku", "ean", "gtin", "isbn", "upc", "mpn", "asin", "model", "modell", "modèle",
    "modelo", "größe", "size", "rozmiar", "velikost", "veľkosť", "taille", "talla", "taglia", "tamanho", "maat", "storlek", "størrelse", "koko", "размер", "qty", "quantity", "anzahl", "menge", "quantité", "cantidad", "quantità", "ilość",
    "množství", "antal", "antall", "määrä", "in stock", "stock", "auf lager", "lagerbestand", "på lager", "i lager", "en stock", "na skladě", "artykuł", "kod produktu", "nr katalogowy", "cikkszám", "артикул", "код", "код товара", "item no",
    "арт", "points", "bonus points", "bonuspoints", "punkte", "bonuspunkte", "poäng", "point", "pisteet", "punkty", "puntos", "punti", "баллы", "item number", "varenr", "varenummer", "référence", "ref", "réf", "codice", "página", "page", "seite", "side", "№",
];

/// Whether words in lower case right before a number say that it names or counts something.
pub(super) fn counts(before: &str) -> bool {
    let before = before.trim_end_matches([' ', ':', '.', '#']);
    LABELS_BY_LAST.of(before.chars().next_back()).iter().any(|(label, ())| ends_with_phrase(before, label))
}

static LABELS_BY_LAST: LazyLock<ByCharacter<()>> =
    LazyLock::new(|| ByCharacter::last(LABELS.iter().map(|label| (*label, ()))));
static MULTIPLIERS_BY_FIRST: LazyLock<ByCharacter<u32>> =
    LazyLock::new(|| ByCharacter::first(MULTIPLIERS.iter().copied()));

/// The zeros of the multiplying word at the start of a text in lower case, 0 if there is none.
pub(super) fn zeros(text: &str) -> u32 {
    let words = MULTIPLIERS_BY_FIRST.of(text.chars().next());
    let whole = |word: &str| text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    words.iter().filter(|(word, _)| whole(word)).max_by_key(|(word, _)| word.len()).map_or(0, |(_, zeros)| *zeros)
}

static BY_LAST: LazyLock<ByCharacter<Cue>> = LazyLock::new(|| ByCharacter::last(phrases_before()));
static BY_FIRST: LazyLock<ByCharacter<Cue>> = LazyLock::new(|| ByCharacter::first(phrases_before()));

pub(super) fn phrases_before() -> impl Iterator<Item = (&'static str, Cue)> {
    BEFORE.iter().flat_map(|(cue, phrases)| phrases.iter().map(|phrase| (*phrase, *cue)))
}

/// What the text in front of an amount and the one behind it say about it; both in lower case and trimmed.
pub(super) fn cues(before: &str, after: &str) -> Vec<Cue> {
    let mut found = Vec::new();
    let ahead = BY_LAST.of(before.chars().next_back());
    let said = |phrase: &str, cue: Cue| {
        ends_with_phrase(before, phrase)
            && !(cue == Cue::Member && is_for_others(&before[..before.len() - phrase.len()]))
    };
    found.extend(ahead.iter().filter(|(phrase, cue)| said(phrase, *cue)).map(|(_, cue)| *cue));
    if !before.is_empty() && OTHER_LABELS.contains(before.trim_end_matches('.').trim_start()) {
        found.push(Cue::Fee);
    }
    // `Free shipping from € 25`: the amount that an order must reach.
    if found.contains(&Cue::From) && speaks_of_shipping(before) {
        found.push(Cue::UpTo);
    }
    if OR_MORE.iter().any(|phrase| after.starts_with(phrase)) {
        found.push(Cue::UpTo);
    }
    let behind = BY_FIRST.of(after.chars().next());
    let speaks_back = behind.iter().filter(|(_, cue)| matches!(cue, Cue::Saving | Cue::Shipping));
    let says = |phrase: &str, cue: &Cue| {
        starts_with_phrase(after, phrase) && !(*cue == Cue::Shipping && super::condition::costs_apart(after))
    };
    found.extend(speaks_back.filter(|(phrase, cue)| says(phrase, cue)).map(|(_, cue)| *cue));
    // `69.990 Normal`, `$100 deposit`: a word that is all there is behind the amount.
    let alone_says = |cue: &Cue| matches!(cue, Cue::List | Cue::Deposit | Cue::Fee | Cue::Member | Cue::PerMonth);
    // `£3.50 Clubcard Price £6.36/kg`: what members pay is often told in front of the price per measure.
    let next = after.find(|c: char| c.is_ascii_digit() || super::currency::is_sign(c)).unwrap_or(after.len());
    let near = after[..next].trim_end_matches([' ', '(', '.', '*']);
    let is_all = |phrase: &str, cue: &Cue| {
        phrase == after.trim_end_matches(['.', '*']) || (*cue == Cue::Member && phrase == near)
    };
    // What comes on top of an amount is not what it is for.
    let apart = |cue: &Cue| *cue == Cue::Deposit && super::condition::costs_apart(after);
    let alone = behind.iter().filter(|(phrase, cue)| alone_says(cue) && is_all(phrase, cue) && !apart(cue));
    found.extend(alone.map(|(_, cue)| *cue));
    found
}

/// Labels of amounts that are no price of the thing, in lower case: services, fees, what comes back. Only as the whole
/// label: `2 years of warranty` and `easy installation` may stand above a price.
#[rustfmt::skip]
static OTHER_LABELS: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| FxHashSet::from_iter([
    "installation", "assembly", "samples", "sample", "warranty", "next bid", "voucher worth", "protect it for", "earn", "rewards", "reward", "bonus", "refund", "rebate", "trade-in value", "gift card", "engraving", "recycling fee",
    "montage", "rückerstattung", "erstattung", "muster", "garantie", "entsorgung", "altgeräteentsorgung", "lieferung ab", "gravur", "montering", "monteringshjælp", "delbetaling fra", "delbetalning från", "garanti", "gravering", "asennus", "pantti", "takuu", "kierrätysmaksu",
    "dont éco-part", "éco-part", "éco-participation", "remboursé", "remboursement", "extension de garantie", "bon d'achat", "livraison dès", "gravure", "instalación", "garantía", "seguro", "reembolso", "entrega desde", "entrega", "envío desde", "canon digital", "instalação", "garantia", "portes desde",
    "installazione", "garanzia", "rimborso", "buono", "consegna da", "contributo raee", "installatie", "garantie-uitbreiding", "verwijderingsbijdrage", "retour", "levering vanaf", "montaż", "zwrot", "gwarancja", "próbka", "dostawa od", "wysyłka od", "montáž", "záruka", "recyklační poplatek", "recyklačný poplatok", "cena dopravy", "doprava od", "dárek v hodnotě", "darček v hodnote",
    "beszerelés", "garancia", "visszatérítés", "szállítás", "instalare", "garanție", "garanție extinsă", "transport de la", "установка", "гарантия", "бонус", "бонусы", "возврат", "доставка от", "встановлення", "гарантія", "бонуси", "доставка від", "монтаж", "гаранция", "доставка от", "τοποθέτηση", "εγγύηση", "montaj", "garanti uzatma", "kazancınız", "kurulum",
    "järelmaks alates", "tarne alates", "līzings no", "mēneša maksājums", "piegāde no", "garantija", "pristatymas nuo", "jamstvo", "montaža", "ポイント", "送料", "工事費", "포인트", "설치비", "积分", "安装费", "押金",
]));

/// Words that exclude those who are named behind them.
const NOT: [&str; 12] = ["non", "not", "no", "ikke", "icke", "inte", "ej", "ei", "nicht", "niet", "geen", "keine"];

/// Whether the words in front of `members` exclude them: `non-members`, `ikke-medlemmer`.
pub(super) fn is_for_others(ahead: &str) -> bool {
    let ahead = ahead.trim_end_matches([' ', '-', '‑', '–']);
    let last = ahead.rsplit(|c: char| !c.is_alphabetic()).next().unwrap_or("");
    NOT.contains(&last)
}

/// Words behind an amount that an order must reach.
const OR_MORE: [&str; 14] = [
    "or more",
    "and over",
    "and more",
    "ou plus",
    "o más",
    "oder mehr",
    "eller mer",
    "eller mere",
    "lub więcej",
    "o superior",
    "以上",
    "이상",
    "or above",
    "и более",
];

/// Whether words in lower case right behind an amount name those who pay it: `Motoring Club Premium`.
pub(super) fn speaks_of_members(behind: &str) -> bool {
    let until = behind.find(|c: char| c.is_ascii_digit() || super::currency::is_sign(c)).unwrap_or(behind.len());
    behind[..until]
        .split([' ', ',', '(', ')', ':'])
        .any(|word| !word.is_empty() && cues(word, "").contains(&Cue::Member))
}

/// Whether words name shipping anywhere: `free shipping on orders over`.
pub(super) fn speaks_of_shipping(words: &str) -> bool {
    let shipping = BEFORE.iter().filter(|(cue, _)| *cue == Cue::Shipping).flat_map(|(_, phrases)| *phrases);
    shipping
        .filter(|phrase| phrase.chars().count() > 2)
        .any(|phrase| words.match_indices(phrase).any(|(at, _)| !words[..at].ends_with(char::is_alphabetic)))
}

fn ends_with_phrase(text: &str, phrase: &str) -> bool {
    // One byte rules most phrases out without a call.
    let begins = || text.len().checked_sub(phrase.len()).map(|at| text.as_bytes().get(at));
    begins().is_some_and(|begin| begin == phrase.as_bytes().first())
        && text.strip_suffix(phrase).is_some_and(|rest| !rest.ends_with(char::is_alphanumeric))
}

fn starts_with_phrase(text: &str, phrase: &str) -> bool {
    text.strip_prefix(phrase).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
}
