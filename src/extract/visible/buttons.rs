//! Buy buttons: the controls that put the product into a cart, by their words and by the names shop systems give them.

use std::sync::LazyLock;

use aho_corasick::packed;

use crate::extract::phrases::{Anywhere, ByCharacter, Openings};
use crate::extract::scan::{Name, Tag};
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

#[rustfmt::skip]
const BUY: &[&str] = &[
    "bestil", "lägg till i varukorg", "beställ", "legg i handlevogn", "legg til i handlekurv", "lisää koriin", "osta nyt", "sofort-kaufen", "sofort kaufen", "in den korb", "in mijn winkelwagen", "in mijn mandje", "in mijn winkelmandje", "in het mandje", "in mandje", "in winkelmand", "nu kopen", "bestel nu", "voeg toe aan winkelwagen", "mettre au panier", "commander", "añadir", "aggiungi", "compra ora", "zamów", "objednat", "megveszem", "vásárlás", "cumpara", "comandă", "comanda", "купи сега", "kupi", "v košarico", "lisa korvi", "dėti į krepšelį", "заказать", "купить в 1 клик", "замовити", "sepete at", "hemen al", "ショッピングカートに入れる", "カートへ入れる", "今すぐ買う", "바로 구매하기", "카트에 담기", "放入購物車", "马上抢", "+ keranjang", "beli langsung", "đặt mua", "get it now",
    "add to cart", "add to basket", "add to bag", "add to trolley", "add item to", "buy now", "buy it now", "buy", "purchase", "order now", "pre-order", "preorder", "læg i kurv", "tilføj til kurv", "føj til kurv", "læg i indkøbskurv",
    "køb", "køb nu", "lägg i varukorg", "lägg i kundvagn", "lägg till i varukorgen", "lägg i korgen", "köp", "köp nu", "legg i handlekurv", "legg i handlekurven", "kjøp", "lisää ostoskoriin", "osta", "in den warenkorb", "in den einkaufswagen",
    "in meinen warenkorb", "jetzt kaufen", "kaufen", "zum warenkorb hinzufügen", "ajouter au panier", "ajouter à mon panier", "acheter", "añadir a la cesta", "añadir al carrito", "agregar al carrito", "agregar", "comprar", "comprar ahora", "anadir al carrito", "aggiungi al carrello", "acquista", "compra",
    "adicionar ao carrinho", "adicionar", "adicionar ao cesto", "in winkelwagen", "in winkelmandje", "toevoegen aan winkelwagen", "bestellen", "do koszyka", "dodaj do koszyka", "kup teraz", "kup", "kupuję", "do košíku", "přidat do košíku", "vložit do košíku", "koupit",
    "do košíka", "pridať do košíka", "vložiť do košíka", "kúpiť", "kosárba", "kosárba teszem", "kosárba rakom", "adaugă în coș", "adauga in cos", "cumpără", "în coș", "добави в количката", "купи", "купить", "в корзину", "добавить в корзину", "в кошик", "купити", "додати в кошик",
    "lisa ostukorvi", "ostukorvi", "osta kohe", "pievienot grozam", "ielikt grozā", "pirkt", "į krepšelį", "pirkti", "dodaj v košarico", "u košaricu", "dodaj u košaricu", "dodaj u korpu", "στο καλάθι", "προσθήκη στο καλάθι", "αγορά", "sepete ekle", "satın al",
    "הוסף לסל", "أضف إلى السلة", "カートに入れる", "買い物かごに入れる", "購入する", "加入购物车", "加入購物車", "立即购买", "立即購買", "直接購買", "我要購買", "我要买", "장바구니", "구매하기", "바로구매", "구매", "thêm vào giỏ", "mua ngay", "tambah ke keranjang", "beli", "ใส่ตะกร้า", "เพิ่มลงตะกร้า", "เพิ่มลงในตะกร้า", "หยิบใส่ตะกร้า", "ซื้อเลย", "कार्ट में जोड़ें", "कार्ट में डालें", "अभी खरीदें", "افزودن به سبد", "افزودن به سبد خرید", "خرید", "কার্টে যোগ করুন", "এখনই কিনুন", "ٹوکری میں ڈالیں", "کارٹ میں شامل کریں", "კალათაში დამატება", "ყიდვა",
    "səbətə at", "səbətə əlavə et", "tambah ke troli", "tambah ke bakul", "masukkan keranjang", "masukkan ke keranjang", "beli sekarang", "setja í körfu", "bæta í körfu", "اشتري الآن", "اشتر الآن", "أضف للسلة", "إضافة إلى السلة", "أضف إلى عربة التسوق", "הוספה לסל", "הוסף לעגלה", "קנה עכשיו", "かごに追加", "カゴに入れる", "かごに入れる", "カートに追加", "до кошика", "add", "сатып алу", "себетке",
    "zamów przedpremierowo", "zamów przed premierą", "προπαραγγελία", "προπαράγγειλε", "pré-encomendar", "förboka", "förbeställ", "förhandsboka", "forudbestil", "forhåndsbestil", "forhåndsbestill", "vooruitbestellen", "reserveer nu", "vorbestellen", "jetzt vorbestellen", "précommander", "preordina", "ennakkotilaa", "předobjednat", "predobjednať", "előrendelem", "előrendelés", "precomandă", "precomanda", "предзаказ", "предзаказать", "prednaročilo", "予約する", "予約注文", "預約", "預購", "预购", "예약구매", "사전예약", "ön sipariş ver",
    "shto në shportë", "shto ne shporte", "shto në karrocë", "blej tani", "додај во кошничка", "додади во кошничка", "додај у корпу", "კალათაში", "աვելացնել զամբյուղ", "ավելացնել զամբյուղ", "себетке қосу",
    "savatga qo'shish", "сагсанд нэмэх", "сагслах", "saskira gehitu", "afegir a la cistella", "afegeix a la cistella", "engadir ao carro", "idagdag sa cart", "masukkan ke troli", "ซื้อทันที", "إضافة للسلة",
    "ongeza kwenye kikapu", "voeg toe aan mandje", "in kurv", "til kurv", "i kurven", "adaugă în coșul", "zum einkaufskorb", "dans le panier", "añadir a la bolsa", "añadir a mi cesta", "al carrito", "aggiungi alla borsa",
    "metti nel carrello", "comprar agora", "colocar no carrinho", "kosárba tesz",
];

/// Elements searched upwards from a label for the thing that is clicked.
const MAX_CLIMB: usize = 3;
/// Stems of button names that are compared with the names; what is left of a page with more is searched for all names.
const MAX_STEMS: usize = 4_096;
/// Buttons kept; a page with more of them is a list.
const MAX_BUTTONS: usize = 60;

/// Elements that put the product into a cart, or would if they were not switched off.
#[derive(Debug, Default)]
pub struct Buttons {
    pub working: Vec<usize>,
    pub disabled: Vec<usize>,
}

/// The elements that put the product into a cart.
#[must_use]
pub fn find(tree: &Tree<'_>) -> Buttons {
    let mut buttons = Buttons::default();
    for (index, node) in tree.nodes.iter().enumerate() {
        let button = match &node.kind {
            Kind::Text(raw) if raw.len() <= 160 && is_buy_label(raw) => clickable(tree, index),
            Kind::Element(tag)
                if tag.is(Name::INPUT) || tag.is(Name::IMG) || tag.is(Name::BUTTON) || tag.is(Name::A) =>
            {
                speaks_of_buying(tag).then_some(index)
            }
            _ => None,
        };
        if let Some(button) = button
            && buttons.working.last() != Some(&button)
            && buttons.disabled.last() != Some(&button)
            && !tree.is_hidden(button)
        {
            let kind = if is_disabled(tree, button) { &mut buttons.disabled } else { &mut buttons.working };
            kind.push(button);
        }
        if buttons.working.len() + buttons.disabled.len() >= MAX_BUTTONS {
            break;
        }
    }
    buttons
}

/// What people press to write to the seller of an advertised thing, in lower case.
const WRITE: [&str; 30] = [
    "send besked",
    "skriv til sælger",
    "kontakt sælger",
    "skicka meddelande",
    "kontakta säljaren",
    "send melding",
    "kontakt selger",
    "lähetä viesti",
    "ota yhteyttä",
    "nachricht schreiben",
    "nachricht senden",
    "anbieter kontaktieren",
    "verkäufer kontaktieren",
    "message seller",
    "contact seller",
    "chat with seller",
    "send message",
    "contatta",
    "contatta il venditore",
    "contactar",
    "contactar vendedor",
    "chat",
    "envoyer un message",
    "contacter le vendeur",
    "stuur bericht",
    "bericht",
    "napisz",
    "napisz wiadomość",
    "написать",
    "написать продавцу",
];

/// Whether a page has a button to write to a seller.
#[must_use]
pub fn writes_to_seller(tree: &Tree<'_>) -> bool {
    const LONGEST: usize = 60;
    let is_button = |i: usize| tree.nodes[i].is(Name::BUTTON) || tree.nodes[i].is(Name::A);
    tree.nodes.iter().enumerate().any(|(index, node)| match node.kind {
        Kind::Text(raw) if raw.len() <= LONGEST => {
            tree.ancestors(index).take(MAX_CLIMB).any(is_button)
                && WRITE.contains(&text::lower(text::clean(raw).trim()).as_ref())
                && !tree.is_hidden(index)
        }
        _ => false,
    })
}

/// Whether a page has a control that puts something into a cart, by the names shop systems give it.
#[must_use]
pub fn has_buy_control(page: &str) -> bool {
    let bytes = page.as_bytes();
    let named = |at: usize| {
        let begins =
            |name: &&str| bytes[at..].get(..name.len()).is_some_and(|b| b.eq_ignore_ascii_case(name.as_bytes()));
        BUTTONS.iter().any(begins)
    };
    let Some(fast) = &*BUTTON_STEMS else { return BUTTON_NAMES.is_match(bytes) };
    let mut stems = fast.find_iter(bytes);
    stems.by_ref().take(MAX_STEMS).any(|stem| named(stem.start()))
        || stems.next().is_some_and(|stem| BUTTON_NAMES.is_match(&bytes[stem.start()..]))
}

/// The button, link or box that a label belongs to.
fn clickable(tree: &Tree<'_>, index: usize) -> Option<usize> {
    let parent = tree.nodes[index].parent;
    let real =
        tree.ancestors(index).take(MAX_CLIMB).find(|i| tree.nodes[*i].is(Name::BUTTON) || tree.nodes[*i].is(Name::A));
    real.or((parent != 0).then_some(parent))
}

fn is_disabled(tree: &Tree<'_>, index: usize) -> bool {
    tree.nodes[index].tag().is_some_and(|tag| {
        tag.attribute("disabled").is_some() || tag.attribute("class").is_some_and(|c| c.contains("disabled"))
    })
}

/// Whether a control says in its attributes that it buys.
fn speaks_of_buying(tag: &Tag<'_>) -> bool {
    if tag.attributes.len() < 6 {
        return false;
    }
    if tag.is(Name::INPUT) {
        let Some(kind) = tag.attribute("type") else {
            // Without a type a script makes a button of it, whose words are its value.
            return tag.attribute("value").is_some_and(|value| value.len() <= 160 && is_buy_label(value));
        };
        if !["submit", "button", "image"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            return false;
        }
    }
    tag.attributes().any(|(key, value)| {
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        let (named, labelled) = match key.len() {
            2 => (is("id"), false),
            3 => (false, is("alt")),
            4 => (is("name"), false),
            5 => (is("class"), is("value") || is("title")),
            10 => (false, is("aria-label")),
            _ => return false,
        };
        let named = named && !tag.is(Name::IMG);
        (named && BUTTON_NAMES.is_match(value.as_bytes())) || (labelled && value.len() <= 160 && is_buy_label(value))
    })
}

/// What shop systems call the control that puts a thing into a cart; each begins with one of [`BUTTON_STEMS`].
#[rustfmt::skip]
const BUTTONS: [&str; 16] = [
    "addtocart", "add-to-cart", "add_to_cart", "addtobasket", "add-to-basket", "add-to-bag", "addtobag", "buy-button", "btn-buy", "buybutton", "buy-now", "buynow", "add-cart", "addcart", "add_cart",
    "add_to_basket",
];

static BUTTON_NAMES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::in_any_case(BUTTONS));

/// `add`, `buy` and `btn` in every case, for a search with vector instructions where the processor has them: a whole
/// page is searched three times as fast as for all names.
static BUTTON_STEMS: LazyLock<Option<packed::Searcher>> = LazyLock::new(|| {
    let spelt = |stem: &str, capitals: usize| {
        let letters = stem.char_indices();
        letters.map(|(at, c)| if (capitals >> at) & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect::<String>()
    };
    packed::Searcher::new(
        ["add", "buy", "btn"].iter().flat_map(|stem| (0..8).map(move |capitals| spelt(stem, capitals))),
    )
});

static BUY_OPENINGS: LazyLock<Openings> = LazyLock::new(|| Openings::of(BUY.iter().copied()));
static BUY_BY_FIRST: LazyLock<ByCharacter<()>> =
    LazyLock::new(|| ByCharacter::first(BUY.iter().map(|label| (*label, ()))));

fn is_buy_label(raw: &str) -> bool {
    let litter = |c: char| !c.is_alphanumeric();
    let trimmed = text::trim(raw);
    let begins_plainly = trimmed.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    let trimmed = if begins_plainly { trimmed } else { trimmed.trim_start_matches(litter) };
    if !BUY_OPENINGS.may_begin(trimmed) {
        return false;
    }
    let labels = BUY_BY_FIRST.of(trimmed.chars().next().and_then(|c| c.to_lowercase().next()));
    // Nearly every text that begins with the letter of a label goes on with another one, or its first word does.
    let word = trimmed.bytes().take_while(u8::is_ascii_alphanumeric);
    let begins = |label: &str| {
        trimmed.as_bytes().get(1).zip(label.as_bytes().get(1)).is_none_or(|(a, b)| a | 0x20 == b | 0x20)
            && word.clone().zip(label.bytes()).all(|(a, b)| a.to_ascii_lowercase() == b)
    };
    if trimmed.is_ascii() && !labels.iter().any(|(label, ())| begins(label)) {
        return false;
    }
    let label = text::lower(&text::clean(trimmed.trim_end_matches(litter)));
    let length = label.chars().count();
    length <= 40
        && labels.iter().any(|(word, ())| {
            label == *word
                || (label.starts_with(word)
                    && (word.chars().count() > 6 || word.chars().any(|c| u32::from(c) > 0x3000)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_are_found_by_their_names_in_any_case() {
        for name in BUTTONS {
            let mixed = |(at, c): (usize, char)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c };
            for name in [name.to_owned(), name.to_uppercase(), name.chars().enumerate().map(mixed).collect()] {
                let page = format!("<a class='ad add btnbuy {name}'>");
                assert!(has_buy_control(&page) && BUTTON_NAMES.is_match(page.as_bytes()), "{name}");
                assert!(!has_buy_control(&page[..page.len() - 3]), "{name}");
                assert!(has_buy_control(&("add".repeat(MAX_STEMS + 1) + &page)), "{name}");
            }
        }
    }
}
