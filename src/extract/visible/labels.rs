//! Words of a product page: buy buttons, stock messages, article numbers, brands.
//!
//! Stems in the languages of the shops we know of; a word counts only where it stands, near the title or a button.

use crate::extract::gtin;
use crate::extract::offer::{Availability, MAX_FIELD, field};
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

use super::classes;

/// Elements behind the title whose texts may speak about the product.
const REACH: usize = 900;
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

#[rustfmt::skip]
const BUY: &[&str] = &[
    "add to cart", "add to basket", "add to bag", "add to trolley", "add item to", "buy now", "buy it now", "buy", "purchase", "order now", "pre-order", "preorder", "læg i kurv", "tilføj til kurv", "føj til kurv", "læg i indkøbskurv",
    "køb", "køb nu", "lägg i varukorg", "lägg i kundvagn", "lägg till i varukorgen", "lägg i korgen", "köp", "köp nu", "legg i handlekurv", "legg i handlekurven", "kjøp", "lisää ostoskoriin", "osta", "in den warenkorb", "in den einkaufswagen",
    "in meinen warenkorb", "jetzt kaufen", "kaufen", "zum warenkorb hinzufügen", "ajouter au panier", "ajouter à mon panier", "acheter", "añadir a la cesta", "añadir al carrito", "agregar al carrito", "agregar", "comprar", "comprar ahora", "anadir al carrito", "aggiungi al carrello", "acquista", "compra",
    "adicionar ao carrinho", "adicionar", "adicionar ao cesto", "in winkelwagen", "in winkelmandje", "toevoegen aan winkelwagen", "bestellen", "do koszyka", "dodaj do koszyka", "kup teraz", "kup", "kupuję", "do košíku", "přidat do košíku", "vložit do košíku", "koupit",
    "do košíka", "pridať do košíka", "vložiť do košíka", "kúpiť", "kosárba", "kosárba teszem", "kosárba rakom", "adaugă în coș", "adauga in cos", "cumpără", "în coș", "добави в количката", "купи", "купить", "в корзину", "добавить в корзину", "в кошик", "купити", "додати в кошик",
    "lisa ostukorvi", "ostukorvi", "osta kohe", "pievienot grozam", "ielikt grozā", "pirkt", "į krepšelį", "pirkti", "dodaj v košarico", "u košaricu", "dodaj u košaricu", "dodaj u korpu", "στο καλάθι", "προσθήκη στο καλάθι", "αγορά", "sepete ekle", "satın al",
    "הוסף לסל", "أضف إلى السلة", "カートに入れる", "買い物かごに入れる", "購入する", "加入购物车", "加入購物車", "立即购买", "立即購買", "直接購買", "장바구니", "구매하기", "바로구매", "구매", "thêm vào giỏ", "mua ngay", "tambah ke keranjang", "beli", "ใส่ตะกร้า", "сатып алу", "себетке",
];

#[rustfmt::skip]
const OUT: &[&str] = &[
    "out of stock", "out-of-stock", "sold out", "currently unavailable", "temporarily unavailable", "no longer available", "not available", "not in stock", "unavailable", "notify me when available", "email when in stock", "udsolgt", "ikke på lager", "midlertidigt udsolgt", "slutsåld", "slut i lager",
    "ej i lager", "utsolgt", "ikke tilgjengelig", "loppuunmyyty", "loppu varastosta", "ausverkauft", "nicht verfügbar", "nicht auf lager", "nicht lieferbar", "derzeit nicht verfügbar", "vergriffen", "épuisé", "en rupture", "rupture de stock", "indisponible", "non disponible", "agotado", "sin stock",
    "sin existencias", "no disponible", "esaurito", "non disponibile", "esgotado", "sem stock", "indisponível", "uitverkocht", "niet op voorraad", "niet leverbaar", "wyprzedane", "niedostępny", "produkt niedostępny", "chwilowo niedostępny", "brak w magazynie", "vyprodáno", "nedostupné", "není skladem", "vypredané", "nie je skladom", "momentálne nedostupné",
    "elfogyott", "nincs készleten", "nem rendelhető", "stoc epuizat", "indisponibil", "изчерпан", "няма наличност", "нет в наличии", "распродано", "немає в наявності", "otsas", "läbi müüdud", "nav pieejams", "izpārdots", "išparduota", "neturime", "razprodano", "rasprodano", "nije dostupno", "εξαντλήθηκε", "μη διαθέσιμο",
    "tükendi", "stokta yok", "אזל מהמלאי", "品切れ", "在庫切れ", "売り切れ", "缺货", "缺貨", "售罄", "품절", "일시품절", "hết hàng", "stok habis",
];

#[rustfmt::skip]
const IN: &[&str] = &[
    "in stock", "available now", "available", "ready to ship", "på lager", "på eget lager", "lagerført", "fjernlager", "i lager", "finns i lager", "varastossa", "auf lager", "lieferbar", "sofort lieferbar", "sofort verfügbar", "verfügbar", "vorrätig", "en stock", "disponible", "disponibile", "disponibilità immediata",
    "em stock", "disponível", "op voorraad", "leverbaar", "w magazynie", "na magazynie", "dostępny", "produkt dostępny", "skladem", "skladom", "na sklade", "raktáron", "készleten", "în stoc", "in stoc", "stoc", "в наличии", "есть в наличии", "в наявності", "налично", "laos", "ir noliktavā", "pieejams", "yra sandėlyje", "na zalogi",
    "na lageru", "na stanju", "σε απόθεμα", "διαθέσιμο", "stokta", "stokta var", "במלאי", "在庫あり", "在庫有り", "有货", "有貨", "현재고", "재고있음", "còn hàng", "выпускается", "disponibilité immédiate",
];

#[rustfmt::skip]
const PREORDER: &[&str] = &["pre-order", "preorder", "forudbestil", "förbeställ", "forhåndsbestill", "vorbestellen", "précommande", "precommande", "reservar", "prenotazione", "przedsprzedaż", "předobjednat", "predobjednať", "előrendelés", "precomandă", "предзаказ", "予約"];
#[rustfmt::skip]
const BACKORDER: &[&str] = &["backorder", "back order", "on backorder", "bestillingsvare", "beställningsvara", "restordre", "nachbestellt", "sur commande", "na zamówienie", "na objednávku", "rendelésre", "под заказ", "під замовлення"];
#[rustfmt::skip]
const LIMITED: &[&str] = &["low stock", "limited stock", "almost gone", "få på lager", "kun få tilbage", "fåtal i lager", "nur noch", "plus que", "últimas unidades", "ultimi pezzi", "ostatnie sztuki", "poslední kusy", "utolsó darab"];

/// Elements that put the product into a cart.
#[must_use]
pub fn buy_buttons(tree: &Tree<'_>) -> Vec<usize> {
    let mut found = Vec::new();
    for (index, node) in tree.nodes.iter().enumerate() {
        let Some(tag) = node.tag() else { continue };
        let clickable = tag.is("button") || tag.is("a") || tag.is("input") || tag.is("span") || tag.is("div") || tag.is("img");
        if !clickable || found.len() >= 60 {
            continue;
        }
        let boxed = tag.is("span") || tag.is("div");
        let named = !boxed && ["id", "class", "name"].iter().filter_map(|key| tag.attribute(key)).any(names_button);
        let label = if tag.is("input") {
            let clicks = tag.attribute("type").is_some_and(|t| matches!(t.to_ascii_lowercase().as_str(), "submit" | "button" | "image"));
            if !clicks {
                continue;
            }
            tag.value("value").or_else(|| tag.value("alt")).unwrap_or_default().to_string()
        } else if tag.is("img") {
            tag.value("alt").unwrap_or_default().to_string()
        } else if node.end - index <= 12 {
            tree.text(index, 60)
        } else {
            continue;
        };
        let label = text::fold_space(&label).to_lowercase();
        let says = is_buy_label(&label) || tag.attribute("title").is_some_and(|t| is_buy_label(&t.to_lowercase()));
        let disabled = tag.attribute("disabled").is_some() || tag.attribute("class").is_some_and(|c| c.contains("disabled"));
        if (named || says) && !disabled && !tree.ancestors(index).any(|i| tree.nodes[i].tag().is_some_and(classes::is_hidden)) {
            found.push(index);
        }
    }
    found
}

fn is_buy_label(label: &str) -> bool {
    let label = label.trim_matches(|c: char| !c.is_alphanumeric());
    label.chars().count() <= 40 && BUY.iter().any(|word| label == *word || (word.chars().count() > 6 && label.starts_with(word)) || (word.chars().any(|c| u32::from(c) > 0x3000) && label.starts_with(word)))
}

fn names_button(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["addtocart", "add-to-cart", "add_to_cart", "addtobasket", "add-to-basket", "add-to-bag", "addtobag", "buy-button", "btn-buy", "buybutton", "buy-now", "buynow", "btn-add-cart", "single_add_to_cart"].iter().any(|n| name.contains(n))
}

/// The stock message nearest to the title; a working buy button stands for "in stock" when nothing is said.
#[must_use]
pub fn availability(tree: &Tree<'_>, anchor: Option<usize>, buttons: &[usize]) -> Availability {
    let start = anchor.map_or(0, |a| a.saturating_sub(LEAD));
    let end = anchor.map_or(tree.nodes.len(), |a| a + REACH).min(tree.nodes.len());
    let mut said = Availability::Unknown;
    for index in start..end {
        let Kind::Text(raw) = tree.nodes[index].kind else { continue };
        if raw.len() > 240 || hidden_or_aside(tree, index) {
            continue;
        }
        let words = text::clean(raw).to_lowercase();
        let holds = |list: &[&str]| list.iter().any(|w| contains_words(&words, w));
        let short = words.chars().count() <= 80;
        let state = if holds(OUT) && short {
            Availability::OutOfStock
        } else if holds(PREORDER) && short {
            Availability::PreOrder
        } else if holds(BACKORDER) && short {
            Availability::BackOrder
        } else if holds(LIMITED) && short {
            Availability::Limited
        } else if holds(IN) && words.chars().count() <= 60 {
            Availability::InStock
        } else {
            continue;
        };
        said = state;
        break;
    }
    let near_button = buttons.iter().any(|b| anchor.is_none_or(|a| *b + LEAD > a && *b < a + REACH));
    match said {
        // One variant may be sold out while the product is for sale: a button that works decides.
        Availability::Unknown if near_button => Availability::InStock,
        state => state,
    }
}

fn hidden_or_aside(tree: &Tree<'_>, index: usize) -> bool {
    tree.ancestors(index).take(10).any(|i| {
        tree.nodes[i].tag().is_some_and(|tag| classes::is_hidden(tag) || tag.is("script") || tag.is("nav") || tag.is("footer") || tag.is("label") || classes::hints(tag).aside)
    })
}

fn contains_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && u32::from(c) < 0x3000);
        !joined(before) && !joined(after)
    })
}

#[rustfmt::skip]
const SKU: &[&str] = &[
    "sku", "item no", "item number", "item #", "item code", "article number", "article no", "article", "art. no", "art.no", "art.nr", "art. nr", "artikelnummer", "artikelnr", "artikel-nr", "bestellnummer", "best.-nr", "varenummer", "varenr", "vare nr", "varunummer", "produktnummer", "product code", "product id",
    "product number", "product no", "prod. code", "code", "kod produktu", "kod", "product ref", "numer katalogowy", "nr katalogowy", "symbol", "indeks", "kód", "kód produktu", "kód zboží", "kód tovaru", "katalogové číslo", "cikkszám", "termékkód", "cod produs", "cod", "код", "код товара", "артикул", "код на продукта", "référence", "reference", "réf", "ref",
    "referencia", "código", "codice", "cod. art", "codice prodotto", "referência", "tootekood", "preces kods", "prekės kodas", "tuotenumero", "tuotekoodi", "asin", "catalogue number", "catalog number", "商品番号", "品番", "商品編號", "상품번호", "nr ref", "numero",
];
#[rustfmt::skip]
const MPN: &[&str] = &["mpn", "part number", "manufacturer part number", "mfr part", "mfr", "manufacturer number", "herstellernummer", "hersteller-nr", "kod producenta", "kód výrobce", "part no", "p/n", "item model number", "model number", "model", "modell", "partnumber", "producentens varenr", "číslo dielu", "part"];
#[rustfmt::skip]
const GTIN: &[&str] = &["ean", "gtin", "upc", "isbn", "isbn-13", "isbn-10", "ean kód", "ean-kode", "ean kod", "barcode", "ean code", "kod ean", "isbn13", "jan"];
#[rustfmt::skip]
const BRAND: &[&str] = &["brand", "brand name", "manufacturer", "marke", "hersteller", "mærke", "producent", "märke", "varumärke", "tillverkare", "merke", "produsent", "marque", "fabricant", "marca", "fabricante", "produttore", "merk", "fabrikant", "marka", "výrobce", "výrobca", "značka", "gyártó", "márka", "producător", "brend", "бренд", "производитель", "марка", "виробник", "tootja", "kaubamärk", "ražotājs", "zīmols", "gamintojas", "valmistaja", "merkki", "ブランド", "メーカー", "品牌", "브랜드", "editore", "publisher"];

/// Reads `label: value` texts around the title.
#[must_use]
pub fn read(tree: &Tree<'_>, anchor: Option<usize>) -> Labels {
    let mut labels = Labels::default();
    let start = anchor.map_or(0, |a| a.saturating_sub(LEAD));
    let end = tree.nodes.len().min(anchor.map_or(tree.nodes.len(), |a| a + 6_000));
    for index in start..end {
        let Kind::Text(raw) = tree.nodes[index].kind else { continue };
        if raw.len() > 160 {
            continue;
        }
        let words = text::clean(raw);
        let (label, inline) = match words.split_once([':', '#', '：']) {
            Some((label, rest)) => (label, rest.trim_matches([' ', ':', '#', '.'])),
            None => (words.as_str(), ""),
        };
        let label = label.trim().trim_end_matches(['.', ' ']).to_lowercase();
        if label.is_empty() || label.chars().count() > 30 {
            continue;
        }
        let is = |list: &[&str]| list.contains(&label.as_str());
        let want_code = is(SKU) && labels.sku.is_none() || is(MPN) && labels.mpn.is_none() || is(GTIN) && labels.gtin.is_none();
        let want_brand = is(BRAND) && labels.brand.is_none();
        if !(want_code || want_brand) || in_form(tree, index) {
            continue;
        }
        let value = if inline.is_empty() { next_text(tree, index, end) } else { Some(inline.to_owned()) };
        let Some(value) = value else { continue };
        if want_brand {
            labels.brand = field(&value, 60).filter(|v| v.split(' ').count() <= 6 && v.chars().any(char::is_alphabetic));
            continue;
        }
        let code = value.split([',', ';', '|']).next().unwrap_or("").trim().to_owned();
        let plausible = code.chars().any(|c| c.is_ascii_digit()) && code.chars().count() <= 40 && code.split(' ').count() <= 3;
        if is(GTIN) {
            labels.gtin = gtin::canonical(&code);
        } else if plausible && is(MPN) {
            labels.mpn = field(&code, MAX_FIELD);
        } else if plausible && is(SKU) {
            labels.sku = field(&code, MAX_FIELD);
        }
    }
    labels
}

fn in_form(tree: &Tree<'_>, index: usize) -> bool {
    tree.ancestors(index).take(6).any(|i| tree.nodes[i].tag().is_some_and(|t| t.is("option") || t.is("select") || t.is("nav") || t.is("footer") || classes::hints(t).aside))
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
