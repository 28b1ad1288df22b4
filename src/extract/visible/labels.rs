//! Words of a product page: stock messages, article numbers, brands.
//!
//! Stems in the languages of the shops we know of; a word counts only where it stands, near the title or a button.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::codes;
use crate::extract::gtin;
use crate::extract::offer::{Availability, MAX_FIELD, field};
use crate::extract::phrases::{Anywhere, Openings};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Elements behind the title whose texts may speak about the product.
const REACH: usize = 1_600;
/// Elements behind the title that hold its own buy button.
const NEAR: usize = 400;
/// Elements before the title that still belong to the product.
const LEAD: usize = 120;

/// Identifiers that a page states in words.
#[derive(Debug, Default, Clone)]
pub struct Labels {
    pub sku: Option<String>,
    pub mpn: Option<String>,
    pub gtin: Option<String>,
    pub brand: Option<String>,
    pub condition: Option<String>,
}

impl Labels {
    /// Fills what is open from another place of the page.
    pub fn fill(&mut self, other: Self) {
        self.sku = self.sku.take().or(other.sku);
        self.mpn = self.mpn.take().or(other.mpn);
        self.gtin = self.gtin.take().or(other.gtin);
        self.brand = self.brand.take().or(other.brand);
    }
}

#[rustfmt::skip]
pub(super) const OUT: &[&str] = &[
    "out of stock", "out-of-stock", "sold out", "currently unavailable", "no longer in stock", "discontinued", "nicht mehr verfügbar", "nicht mehr lieferbar", "nicht mehr erhältlich", "n'est plus disponible", "plus disponible", "ya no está disponible", "non più disponibile", "não disponível", "niet meer leverbaar", "niet meer beschikbaar", "udgået", "utgått", "finns ej i lager", "slut i webblager", "tillfälligt slut", "poistunut", "ei saatavilla", "już niedostępny", "produkt wycofany",
    "již není dostupný", "prodej ukončen", "ukončený prodej", "predaj ukončený", "nem elérhető", "nincs raktáron", "nem kapható", "nu este disponibil", "nu mai este disponibil", "снят с производства", "нет на складе", "товар закончился", "знято з виробництва", "mevcut değil", "stokta bulunmuyor", "販売終了", "取り扱い終了", "재고없음", "판매종료", "판매중지", "暂无库存", "已下架", "無庫存", "غير متوفر", "نفدت الكمية",
     "temporarily unavailable", "cannot be ordered", "cannot be purchased", "not available for purchase", "no longer available", "not available", "not in stock", "unavailable", "hors stock", "нет в продаже", "снят с продажи", "снята с продажи", "снято с продажи", "снято с производства", "снята с производства", "ناموجود", "اتمام موجودی", "موجود نیست", "无货", "無貨", "補貨中", "补货中", "售完", "完售", "已停售", "到货通知", "貨到通知", "库存不足", "庫存不足", "完売", "入荷待ち", "在庫なし", "在庫無し", "在庫がありません", "在庫がございません", "在庫ありません", "販売を終了", "재고 없음", "재고가 없습니다", "판매 종료", "재입고 알림", "구매할 수 없습니다", "stok kosong", "ngừng kinh doanh", "notify me when available", "powiadom o dostępności", "email when in stock", "udsolgt", "ikke på lager", "kan ikke købes", "kan ikke bestilles", "midlertidigt udsolgt", "slutsåld", "slut i lager",
    "ej i lager", "kan inte köpas", "går inte att köpa", "går inte att beställa", "kan ikke kjøpes", "utsolgt", "ikke tilgjengelig", "loppuunmyyty", "loppu varastosta", "ausverkauft", "nicht verfügbar", "nicht auf lager", "nicht lieferbar", "nicht bestellbar", "kann nicht bestellt werden", "derzeit nicht verfügbar", "vergriffen", "épuisé", "en rupture", "rupture de stock", "indisponible", "non disponible", "agotado", "sin stock",
    "sin existencias", "no disponible", "esaurito", "non disponibile", "esgotado", "sem stock", "indisponível", "uitverkocht", "niet op voorraad", "niet leverbaar", "wyprzedane", "niedostępny", "nie można kupić", "nie można zamówić", "produkt niedostępny", "chwilowo niedostępny", "brak w magazynie", "vyprodáno", "nedostupné", "nelze koupit", "nelze zakoupit", "nelze objednat", "není možné koupit", "není skladem", "vypredané", "nie je skladom", "nie je možné kúpiť", "nie je možné produkt kúpiť", "nie je možné objednať", "momentálne nedostupné",
    "elfogyott", "nincs készleten", "nem rendelhető", "stoc epuizat", "indisponibil", "изчерпан", "няма наличност", "нет в наличии", "распродано", "немає в наявності", "otsas", "läbi müüdud", "nav pieejams", "izpārdots", "išparduota", "neturime", "razprodano", "rasprodano", "nije dostupno", "εξαντλήθηκε", "μη διαθέσιμο",
    "εξαντλημένο", "εξαντλήθηκαν", "loppu", "loppunut", "wyprzedany", "uppselt", "ekki til", "nėra sandėlyje", "rasprodato", "закінчився", "habis", "สินค้าหมด", "หมดชั่วคราว", "已售完", "tilapäisesti loppu", "स्टॉक में नहीं", "स्टॉक खत्म", "स्टॉक समाप्त", "tạm hết hàng", "sprzedano", "vyprodané", "elfogytak", "nem gyártják", "ausgelaufen", "nicht mehr im sortiment", "ikke længere i sortimentet", "ingår inte längre", "utgått ur sortimentet", "utgår", "ut av sortiment", "er udgået", "är utgången", "ei enää valikoimassa", "produit arrêté", "n'est plus commercialisé", "descatalogado", "fuori produzione", "fuori catalogo", "descontinuado", "uit assortiment", "wycofany ze sprzedaży", "wycofany", "ukončená výroba", "produs discontinuat", "спрян от производство", "καταργήθηκε", "üretimi durduruldu", "生産終了", "단종", "已停产", "tükendi", "stokta yok", "אזל מהמלאי", "品切れ", "在庫切れ", "売り切れ", "缺货", "缺貨", "售罄", "품절", "일시품절", "hết hàng", "stok habis",
];

#[rustfmt::skip]
const IN: &[&str] = &[
    "in stock", "available now", "available", "ready to ship", "på lager", "på eget lager", "lagerført", "fjernlager", "i lager", "finns i lager", "varastossa", "auf lager", "lieferbar", "sofort lieferbar", "sofort verfügbar", "verfügbar", "vorrätig", "en stock", "disponible", "disponibile", "disponibilità immediata",
    "em stock", "disponível", "op voorraad", "leverbaar", "w magazynie", "na magazynie", "dostępny", "produkt dostępny", "skladem", "skladom", "na sklade", "raktáron", "készleten", "în stoc", "in stoc", "stoc", "в наличии", "есть в наличии", "в наявності", "налично", "laos", "ir noliktavā", "pieejams", "yra sandėlyje", "na zalogi",
    "na lageru", "na stanju", "σε απόθεμα", "διαθέσιμο", "stokta", "stokta var", "במלאי", "在庫あり", "在庫有り", "有货", "有貨", "현재고", "재고있음", "còn hàng", "выпускается", "em estoque", "в наличност", "til á lager", "na zalihi", "متوفر", "tersedia", "มีสินค้า", "現貨", "재고 있음", "disponibilité immédiate", "موجود در انبار", "موجود", "在庫：あり", "在庫:あり", "在庫: あり", "现货", "库存充足", "庫存充足", "尚有庫存",
];

#[rustfmt::skip]
const PREORDER: &[&str] = &["pre-order", "preorder", "forudbestil", "förbeställ", "forhåndsbestill", "vorbestellen", "vorbestellbar", "précommande", "précommander", "en précommande", "preordina", "prenota ora", "forhåndsbestil", "förhandsboka", "ennakkotilaa", "ennakkotilaus", "předobjednávka", "pré-venda", "preventa", "ön sipariş", "予約受付", "予約注文", "예약구매", "预售", "預購", "precommande", "preordine", "predobjednávka", "priekšpasūtījums", "prednarudžbina", "พรีออเดอร์", "예약판매", "vorbestellung", "reservar", "prenotazione", "przedsprzedaż", "předobjednat", "predobjednať", "előrendelés", "precomandă", "предзаказ", "予約",
    "przedpremierowo", "zamów przed premierą", "προπαραγγελία", "pré-encomend", "pré-encomenda", "pré-encomendar", "encomenda antecipada", "förboka", "förbeställ nu", "forudbestil nu", "vooruitbestellen", "vooraf bestellen", "pre-orderen", "reserveer nu", "jetzt vorbestellen", "réserver maintenant", "reservar ahora", "預約", "预约", "预订", "사전예약", "prednaročilo", "prednaročite", "prednarudžba", "předobjednávka", "objednat předem", "előrendelem", "előrendelhető", "precomandați", "precomanda", "передзамовлення", "предзаказать", "предварителна поръчка", "eeltellimus", "eeltelli", "ennakkotilaa nyt", "iepriekšpasūt", "išankstinis užsakymas", "הזמנה מוקדמת", "طلب مسبق", "đặt trước", "pre-pesan"];
#[rustfmt::skip]
const BACKORDER: &[&str] = &["backorder", "back order", "on backorder", "bestillingsvare", "beställningsvara", "restordre", "nachbestellt", "sur commande", "na zamówienie", "na objednávku", "rendelésre", "под заказ", "під замовлення", "bajo pedido", "su ordinazione", "sob encomenda", "la comandă", "по поръчка", "κατόπιν παραγγελίας", "tilaustuote", "en arrivage", "お取り寄せ", "en cours d'arrivage"];
#[rustfmt::skip]
const LIMITED: &[&str] = &["low stock", "limited stock", "almost gone", "få på lager", "kun få tilbage", "fåtal i lager", "nur noch", "plus que", "últimas unidades", "ultimi pezzi", "ostatnie sztuki", "poslední kusy", "utolsó darab", "残りわずか", "残り僅か", "在庫わずか", "仅剩", "僅剩"];

/// Whether the page says near the title that the product cannot be bought and its buy button is switched off: two signs
/// that outweigh what markup says, since shops forget to update the one that no person sees.
#[must_use]
pub fn denies_sale(tree: &Tree<'_>, anchor: Option<usize>, disabled: &[usize], working: &[usize]) -> bool {
    let near = |b: &usize| anchor.is_some_and(|a| *b > a && *b < a + NEAR);
    disabled.iter().any(near) && !working.iter().any(near) && said(tree, anchor) == Availability::OutOfStock
}

/// Stock phrases without accents, and the state each names.
static STOCK: LazyLock<(Anywhere, Vec<Availability>)> = LazyLock::new(|| {
    let groups = [
        (OUT, Availability::OutOfStock),
        (PREORDER, Availability::PreOrder),
        (BACKORDER, Availability::BackOrder),
        (LIMITED, Availability::Limited),
        (IN, Availability::InStock),
    ];
    let (words, states): (Vec<&str>, Vec<Availability>) =
        groups.iter().flat_map(|(words, state)| words.iter().map(|w| (*w, *state))).unzip();
    // The table lives as long as the program, and so do its phrases.
    let plain = |phrase: &'static str| if phrase.is_ascii() { phrase } else { &*text::unaccented(phrase).leak() };
    (Anywhere::in_any_case(words.into_iter().map(plain)), states)
});

/// The state a short text names; "not available" beats the "available" inside it.
pub(super) fn stock_state(raw: &str) -> Option<Availability> {
    let (phrases, states) = &*STOCK;
    // Only ASCII case is folded by the search: the rest is folded when there are other letters. Capitals lose their
    // accents, and not every shop types them.
    let decoded = if memchr::memchr(b'&', raw.as_bytes()).is_some() { text::clean(raw) } else { Cow::Borrowed(raw) };
    let folded = if decoded.is_ascii() { None } else { Some(text::unaccented(&decoded)) };
    let text = folded.as_deref().unwrap_or(&decoded);
    let hits = phrases.find_all(text.as_bytes()).filter(|hit| is_word(text, hit.start, hit.end));
    let best = hits.min_by_key(|hit| hit.phrase)?;
    let length = text.trim().chars().count();
    let state = match states[best.phrase] {
        Availability::InStock if denies(&text[..best.start]) => Availability::OutOfStock,
        state => state,
    };
    (length <= if state == Availability::InStock { 60 } else { 80 }).then_some(state)
}

/// Whether the last words in front of a phrase turn it into its contrary: `Ei varastossa`, `Nema na stanju`.
fn denies(before: &str) -> bool {
    // Without accents, as the text is by now.
    #[rustfmt::skip]
    const NOT: [&str; 34] = [
        "not", "nicht", "kein", "keine", "ikke", "inte", "ekki", "ei", "niet", "geen", "pas", "non", "no", "nao", "nie", "brak", "neni", "nincs",
        "не", "нет", "няма", "немає", "немае", "нема", "ni", "nije", "nema", "nav", "nera", "δεν", "degil", "לא", "لیس", "غیر",
    ];
    before
        .split(|c: char| !c.is_alphabetic())
        .rev()
        .filter(|word| !word.is_empty())
        .take(2)
        .any(|w| NOT.contains(&w.to_lowercase().as_str()))
}

fn is_word(text: &str, start: usize, end: usize) -> bool {
    let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && u32::from(c) < 0x3000);
    !joined(text[..start].chars().next_back()) && !joined(text[end..].chars().next())
}

/// The stock message nearest to the title.
#[must_use]
pub fn said(tree: &Tree<'_>, anchor: Option<usize>) -> Availability {
    said_at(tree, anchor).0
}

/// The stock message nearest to the title, and the node of its text.
#[must_use]
pub fn said_at(tree: &Tree<'_>, anchor: Option<usize>) -> (Availability, usize) {
    let start = anchor.map_or(0, |a| a.saturating_sub(LEAD));
    let end = anchor.map_or(tree.nodes.len(), |a| a + REACH).min(tree.nodes.len());
    for index in start..end {
        let Kind::Text(raw) = tree.nodes[index].kind else { continue };
        if raw.len() > 240 {
            continue;
        }
        if let Some(state) = stock_state(raw)
            && !hidden_or_aside(tree, index)
        {
            return (state, index);
        }
    }
    (Availability::Unknown, 0)
}

/// What the stock message and the product's own working buttons say together: such a button stands for "in stock" when
/// nothing is said.
#[must_use]
pub fn availability(
    tree: &Tree<'_>,
    (said, at): (Availability, usize),
    anchor: Option<usize>,
    buttons: &[usize],
) -> Availability {
    let near_button = buttons.iter().any(|b| anchor.is_none_or(|a| *b + LEAD > a && *b < a + REACH));
    match said {
        // Shops leave the button where they take orders for what they do not have.
        Availability::OutOfStock if near_button && is_stock_line(tree, at) => Availability::OutOfStock,
        Availability::OutOfStock if near_button => Availability::InStock,
        // One variant may be sold out while the product is for sale: a button that works decides.
        Availability::Unknown if near_button => Availability::InStock,
        state => state,
    }
}

/// Whether the element of a text, or the one around it, is called the product's stock.
fn is_stock_line(tree: &Tree<'_>, text: usize) -> bool {
    static STEMS: LazyLock<Anywhere> = LazyLock::new(|| {
        Anywhere::in_any_case([
            "stock",
            "avail",
            "lager",
            "dispon",
            "dispo-",
            "voorraad",
            "sklad",
            "dostup",
            "dostep",
            "inventory",
            "verfueg",
            "varasto",
            "saatavuus",
        ])
    });
    tree.ancestors(text).take(2).any(|i| {
        let tag = tree.nodes[i].tag();
        let mut names = tag.into_iter().flat_map(|tag| [tag.attribute("class"), tag.attribute("id")]).flatten();
        names.any(|name| STEMS.is_match(name.as_bytes()))
    })
}

/// Whether nobody sees a text, or it stands in a menu, a label or a box of other products.
pub(super) fn hidden_or_aside(tree: &Tree<'_>, index: usize) -> bool {
    tree.is_hidden(index)
        || tree.ancestors(index).take(10).any(|i| {
            let node = &tree.nodes[i];
            node.is(Name::NAV) || node.is(Name::FOOTER) || node.is(Name::LABEL) || tree.hints(i).aside
        })
}

#[rustfmt::skip]
const SKU: &[&str] = &[
    "sku", "item", "item no", "item number", "item #", "item code", "article number", "article no", "article", "art. no", "art.no", "art.nr", "art. nr", "artikelnummer", "artikelnr", "artikel-nr", "artikel nr", "art.-nr", "art-nr", "art nr", "artnr", "artikel-nummer", "bestell-nr", "bestellnummer", "best.-nr", "varenummer", "varenr", "vare nr", "varunummer", "produktnummer", "product code", "product id",
    "product number", "product no", "prod. code", "code", "kod produktu", "kod", "product ref", "numer katalogowy", "nr katalogowy", "symbol", "indeks", "kód", "kód produktu", "kód zboží", "kód tovaru", "katalogové číslo", "cikkszám", "termékkód", "cod produs", "cod", "код", "код товара", "артикул", "код на продукта", "référence", "reference", "réf", "ref",
    "referencia", "código", "codice", "cod. art", "codice prodotto", "referência", "tootekood", "preces kods", "prekės kodas", "tuotenumero", "tuotekoodi", "asin", "catalogue number", "catalog number", "商品番号", "品番", "商品編號", "상품번호", "nr ref", "numero",
];
#[rustfmt::skip]
const MPN: &[&str] = &["mpn", "part number", "manufacturer part number", "mfr part", "mfr", "manufacturer number", "herstellernummer", "hersteller-nr", "kod producenta", "kód výrobce", "part no", "p/n", "item model number", "model number", "model", "modell", "partnumber", "producentens varenr", "číslo dielu", "part"];
#[rustfmt::skip]
const GTIN: &[&str] = &["ean", "gtin", "upc", "isbn", "isbn-13", "isbn-10", "ean kód", "ean-kode", "ean kod", "barcode", "ean code", "kod ean", "isbn13", "jan"];
#[rustfmt::skip]
const BRAND: &[&str] = &["brand", "brand name", "manufacturer", "marke", "hersteller", "mærke", "producent", "märke", "varumärke", "tillverkare", "merke", "produsent", "marque", "fabricant", "marca", "fabricante", "produttore", "merk", "fabrikant", "marka", "výrobce", "výrobca", "značka", "gyártó", "márka", "producător", "brend", "бренд", "производитель", "марка", "виробник", "tootja", "kaubamärk", "ražotājs", "zīmols", "gamintojas", "valmistaja", "merkki", "ブランド", "メーカー", "品牌", "브랜드", "editore", "publisher"];

/// Characters of a label at most.
const MAX_LABEL: usize = 30;

/// What a label announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announces {
    Sku,
    Mpn,
    Gtin,
    Brand,
}

/// All of them have at most [`MAX_LABEL`] characters.
static LABELS: LazyLock<FxHashMap<&'static [u8], Announces>> = LazyLock::new(|| {
    let groups = [(BRAND, Announces::Brand), (SKU, Announces::Sku), (MPN, Announces::Mpn), (GTIN, Announces::Gtin)];
    groups.iter().flat_map(|(words, what)| words.iter().map(|w| (w.as_bytes(), *what))).collect()
});

static LABEL_OPENINGS: LazyLock<Openings> =
    LazyLock::new(|| Openings::of([BRAND, SKU, MPN, GTIN].into_iter().flatten().copied()));

/// What stands in front of a label without being part of it.
const BULLETS: [char; 7] = ['-', '–', '•', '|', '(', '[', ' '];

/// Whether a text may begin with a label.
fn may_be_label(raw: &str) -> bool {
    // A reference may stand for any letter, and behind a dash the label may stand in the middle.
    memchr::memchr2(b'&', b'-', raw.as_bytes()).is_some()
        || LABEL_OPENINGS
            .may_begin(text::trim(raw).trim_start_matches(|c: char| c.is_whitespace() || BULLETS.contains(&c)))
}

/// What a label in any case announces.
fn announced(label: &str) -> Option<Announces> {
    if !label.is_ascii() {
        return LABELS.get(text::lower(label).as_bytes()).copied();
    }
    let mut lower = [0; MAX_LABEL];
    let lower = lower.get_mut(..label.len())?;
    lower.copy_from_slice(label.as_bytes());
    lower.make_ascii_lowercase();
    LABELS.get(&*lower).copied()
}

/// Reads `label: value` texts around the title.
#[must_use]
pub fn read(tree: &Tree<'_>, anchor: Option<usize>) -> Labels {
    let mut labels = Labels::default();
    let start = anchor.map_or(0, |a| a.saturating_sub(LEAD));
    let end = tree.nodes.len().min(anchor.map_or(tree.nodes.len(), |a| a + 6_000));
    for index in start..end {
        let Kind::Text(raw) = tree.nodes[index].kind else { continue };
        if raw.len() > 160 || !may_be_label(raw) {
            continue;
        }
        // A label is short or ends in a mark; most texts are neither.
        if raw.len() > MAX_LABEL
            && !raw.bytes().any(|b| matches!(b, b':' | b'#') || !b.is_ascii())
            && raw.trim().len() > MAX_LABEL
        {
            continue;
        }
        let words = text::clean(raw);
        let (label, inline) = match words.split_once([':', '#', '：']) {
            Some((label, rest)) => (label, rest.trim_matches([' ', ':', '#', '.'])),
            None => abbreviated(&words).unwrap_or((&words, "")),
        };
        // `In Stock - Item #601576`: the label is what stands behind the last dash.
        let label = if label.contains('-') { label.rsplit(" - ").next().unwrap_or(label) } else { label };
        let label = label.trim_start_matches(BULLETS).trim_end().trim_end_matches(['.', ' ', '-', '–']);
        let Some(what) = announced(label) else { continue };
        let known = match what {
            Announces::Sku => labels.sku.is_some(),
            Announces::Mpn => labels.mpn.is_some(),
            Announces::Gtin => labels.gtin.is_some(),
            Announces::Brand => labels.brand.is_some(),
        };
        if known || in_form(tree, index) {
            continue;
        }
        let value = if inline.is_empty() { next_text(tree, index, end) } else { Some(inline.to_owned()) };
        let Some(value) = value else { continue };
        let code = value.split([',', ';', '|']).next().unwrap_or("").trim().to_owned();
        let plausible =
            code.chars().any(|c| c.is_ascii_digit()) && code.chars().count() <= 40 && code.split(' ').count() <= 3;
        match what {
            Announces::Brand => {
                labels.brand =
                    field(&value, 60).filter(|v| v.split(' ').count() <= 6 && v.chars().any(char::is_alphabetic));
            }
            Announces::Gtin => labels.gtin = gtin::canonical(&code),
            Announces::Mpn if plausible => labels.mpn = field(&code, MAX_FIELD),
            Announces::Sku if plausible => labels.sku = field(&code, MAX_FIELD),
            Announces::Mpn | Announces::Sku => {}
        }
    }
    labels.sku = labels.sku.or_else(|| codes::named(tree, start, anchor? + REACH));
    labels
}

/// `Ref. LL-8`, `SKU LL-8`: a label and its code with nothing but a blank between them.
fn abbreviated(words: &str) -> Option<(&str, &str)> {
    // What else a text may number: a voucher has a code, a bicycle its article.
    const VAGUE: [&str; 22] = [
        "item",
        "article",
        "code",
        "kod",
        "symbol",
        "indeks",
        "kód",
        "cod",
        "код",
        "numero",
        "reference",
        "référence",
        "referencia",
        "referência",
        "réf",
        "ref",
        "código",
        "codice",
        "jan",
        "asin",
        "артикул",
        "kód produktu",
    ];
    let (label, code) = words.rsplit_once(' ')?;
    if code.len() < 3 || !code.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let plain = label.trim_end_matches('.');
    let short =
        label.ends_with('.') || ["sku", "ean", "upc", "gtin", "isbn"].iter().any(|k| plain.eq_ignore_ascii_case(k));
    let announces = matches!(announced(plain), Some(Announces::Sku | Announces::Gtin));
    let plainly = || {
        !VAGUE.iter().any(|vague| text::lower(plain) == *vague) && code.bytes().filter(u8::is_ascii_digit).count() >= 4
    };
    (announces && (short || plainly())).then_some((label, code))
}

pub(super) fn in_form(tree: &Tree<'_>, index: usize) -> bool {
    tree.ancestors(index).take(6).any(|i| {
        tree.nodes[i]
            .tag()
            .is_some_and(|t| t.is(Name::OPTION) || t.is(Name::SELECT) || t.is(Name::NAV) || t.is(Name::FOOTER))
            || tree.hints(i).aside
    })
}

/// The next visible text, if it stands close enough to be the label's value.
fn next_text(tree: &Tree<'_>, index: usize, end: usize) -> Option<String> {
    (index + 1..end.min(index + 8)).find_map(|i| match tree.nodes[i].kind {
        Kind::Text(raw) => {
            let value = text::clean(raw);
            let value = value.trim_matches([':', ' ', '\u{a0}']);
            (!value.is_empty()).then(|| value.to_owned())
        }
        Kind::Element(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_found_in_any_case() {
        for label in LABELS.keys().map(|label| std::str::from_utf8(label).unwrap()) {
            assert!(label.chars().count() <= MAX_LABEL, "{label}");
            assert_eq!(announced(label), announced(&label.to_uppercase()), "{label}");
            assert!(announced(label).is_some(), "{label}");
        }
        assert_eq!(announced(&"sku".repeat(MAX_LABEL)), None);
        assert_eq!(announced(""), None);
    }
}
