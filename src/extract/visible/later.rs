//! Prices that belong to another product further down the page: an alternative to one that is sold out, the only
//! member of a list.

use std::sync::LazyLock;

use super::buttons::Buttons;
use super::spots::Spot;
use crate::extract::address::{self, Here};
use crate::extract::phrases::Anywhere;
use crate::extract::price::{PriceKind, Role};
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// Ancestors of a price that may be the box of its product.
const MAX_CLIMB: usize = 4;
/// Nodes that such a box has at most.
const MAX_BOX: usize = 80;

/// Marks prices behind a later heading that stand in a link to another page, or behind one in the same box.
pub fn mark(tree: &Tree<'_>, spots: &mut [Spot], anchor: Option<usize>, url: &str) {
    let Some(anchor) = anchor.filter(|_| !spots.is_empty()) else { return };
    let is_heading = |i: &usize| tree.nodes[*i].is(Name::H2) || tree.nodes[*i].is(Name::H3);
    mark_related(tree, spots, anchor, url);
    let first = (tree.nodes[anchor].end..tree.nodes.len()).find(is_heading);
    let Some(first) = first else { return };
    let own = |s: &&Spot| s.node > anchor && s.node < first && s.marked && !s.aside && !s.tile && !s.struck;
    let own =
        |s: &Spot| own(&s) && s.reading.role == Role::Price && !s.reading.worded && s.reading.kind == PriceKind::Exact;
    if spots.iter().any(own) {
        spots.iter_mut().filter(|s| s.node > first).for_each(|s| s.later = true);
    }
    let here = Here::of(url);
    for spot in spots.iter_mut().filter(|s| s.node > first && s.marked && !s.aside && !s.tile) {
        let heading = (first..spot.node).rev().find(is_heading);
        let above = heading.is_some_and(|h| tree.nodes[h].end <= spot.node);
        if above && heading.is_some_and(|h| spot.linked || is_behind_link(tree, spot.node, h, &here)) {
            (spot.aside, spot.foreign) = (true, true);
            "another heading".clone_into(&mut spot.aside_name);
        }
    }
}

/// What shops write over other products than the page's, in lower case.
#[rustfmt::skip]
const RELATED: &[&str] = &[
    "we recommend", "wir empfehlen", "vi anbefaler", "vi rekommenderar", "suosittelemme", "nous vous recommandons", "te recomendamos", "ti consigliamo", "recomendamos", "wij raden aan", "polecamy", "doporučujeme", "odporúčame", "ajánljuk", "vă recomandăm", "препоръчваме", "рекомендуем", "рекомендуємо", "related products", "related items", "similar products", "similar items", "you may also like", "you might also like", "customers also bought", "customers also viewed", "others also bought", "frequently bought together", "recommended products", "recommended for you", "recently viewed", "best sellers", "bestsellers", "new products", "accessories for", "goes well with",
    "relaterede produkter", "relaterede varer", "lignende produkter", "andre købte også", "andre har også købt", "kunder købte også", "måske er du også interesseret", "anbefalede produkter", "senest sete", "sidst sete", "relaterade produkter", "liknande produkter", "andra köpte också", "andra har också köpt", "kunder köpte även", "rekommenderade produkter", "senast visade", "relaterte produkter", "andre kjøpte også", "kunder kjøpte også", "anbefalte produkter", "sist sett",
    "samankaltaisia tuotteita", "liittyvät tuotteet", "muut ostivat myös", "suositellut tuotteet", "ähnliche artikel", "ähnliche produkte", "kunden kauften auch", "kunden kauften dazu", "wird oft zusammen gekauft", "das könnte ihnen auch gefallen", "das könnte dir auch gefallen", "zuletzt angesehen", "passende artikel", "passendes zubehör", "empfohlene produkte", "kunden, die diesen artikel",
    "gerelateerde producten", "vergelijkbare producten", "anderen kochten ook", "klanten kochten ook", "ook interessant", "aanbevolen producten", "recent bekeken", "laatst bekeken", "produits similaires", "produits associés", "produits apparentés", "vous aimerez aussi", "vous pourriez aussi aimer", "les clients ont aussi acheté", "ont également acheté", "vus récemment", "produits recommandés",
    "productos relacionados", "productos similares", "también te puede interesar", "también te puede gustar", "los clientes también compraron", "vistos recientemente", "productos recomendados", "prodotti correlati", "prodotti simili", "potrebbe interessarti", "potrebbero interessarti", "hanno acquistato anche", "visti di recente", "produtos relacionados", "produtos semelhantes", "quem comprou também", "também comprou", "você também pode gostar",
    "produkty powiązane", "podobne produkty", "klienci kupili także", "inni kupili także", "kupili również", "może ci się spodobać", "polecane produkty", "ostatnio oglądane", "související produkty", "podobné produkty", "zákazníci také kupují", "zákazníci koupili také", "mohlo by vás zajímat", "súvisiace produkty", "zákazníci kúpili aj", "mohlo by sa vám páčiť", "naposledy navštívené", "kapcsolódó termékek", "hasonló termékek", "mások ezt is vették",
    "produse similare", "produse asemănătoare", "produse recomandate", "au mai cumpărat", "свързани продукти", "подобни продукти", "σχετικά προϊόντα", "παρόμοια προϊόντα", "benzer ürünler", "ilgili ürünler", "bunlar da ilginizi çekebilir", "похожие товары", "сопутствующие товары", "с этим товаром покупают", "вместе с этим покупают", "вам может понравиться", "вы недавно смотрели", "схожі товари", "супутні товари", "разом з цим купують",
    "sarnased tooted", "seotud tooted", "līdzīgi produkti", "saistītie produkti", "panašios prekės", "susijusios prekės", "sorodni izdelki", "povezani proizvodi", "slični proizvodi", "関連商品", "こちらもおすすめ", "この商品を買った人", "最近チェックした商品", "관련 상품", "함께 구매", "相关商品", "相關商品", "猜你喜欢", "猜你喜歡", "最近浏览",
];

/// Bytes of a text that may be such a heading.
const MAX_HEADING: usize = 90;

/// Marks prices of other products behind words that announce them, in whatever element the words stand: those in a link,
/// and those behind one in the same box.
fn mark_related(tree: &Tree<'_>, spots: &mut [Spot], anchor: usize, url: &str) {
    static PHRASES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(RELATED.iter().copied()));
    let Some(last) = spots.iter().map(|s| s.node).max() else { return };
    let announces = |i: &usize| match tree.nodes[*i].kind {
        Kind::Text(raw) if raw.len() <= MAX_HEADING => {
            PHRASES.is_match(text::lower(&text::clean(raw)).as_bytes())
                && !tree.ancestors(*i).take(MAX_CLIMB).any(|b| tree.nodes[b].is(Name::A))
        }
        _ => false,
    };
    let Some(words) = (tree.nodes[anchor].end..last).find(announces) else { return };
    let here = Here::of(url);
    for spot in spots.iter_mut().filter(|s| s.node > words && !s.aside) {
        if spot.linked || is_behind_link(tree, spot.node, words, &here) {
            (spot.aside, spot.foreign) = (true, true);
            "other products".clone_into(&mut spot.aside_name);
        }
    }
}

/// Whether the box around a price, which begins behind `heading`, names another page's product in front of it.
pub(super) fn is_behind_link(tree: &Tree<'_>, price: usize, heading: usize, here: &Here<'_>) -> bool {
    let boxes = tree.ancestors(price).take(MAX_CLIMB);
    let mut boxes = boxes.take_while(|b| *b > heading && tree.nodes[*b].end - *b < MAX_BOX);
    boxes.any(|b| (b..price).any(|i| leads_away(tree, i, here)))
}

/// Whether a node is a link with words or a picture that leads to another page.
fn leads_away(tree: &Tree<'_>, node: usize, here: &Here<'_>) -> bool {
    let href = tree.nodes[node].tag().filter(|tag| tag.is(Name::A)).and_then(|tag| tag.attribute("href"));
    let href = href.map(str::trim).filter(|h| !h.is_empty() && !h.starts_with('?') && !address::stays(h));
    let pictured = || (node..tree.nodes[node].end).any(|inner| tree.nodes[inner].is(Name::IMG));
    href.is_some_and(|href| !here.is_same(href)) && (tree.has_text(node) || pictured())
}

/// The working buy buttons of the page's own product: not those in boxes behind a later heading that name another
/// page's product in front of the button and number something, as alternatives to what is sold out do.
#[must_use]
pub fn own_buttons(tree: &Tree<'_>, buttons: &Buttons, anchor: Option<usize>, url: &str) -> Vec<usize> {
    const H4: Name = Name::of("h4");
    let all = || buttons.working.clone();
    let (Some(anchor), Some(last)) = (anchor, buttons.working.iter().max()) else { return all() };
    let is_heading = |i: &usize| [Name::H2, Name::H3, H4].iter().any(|name| tree.nodes[*i].is(*name));
    let Some(first) = (tree.nodes[anchor].end..=*last).find(is_heading) else { return all() };
    let here = Here::of(url);
    let is_other = |button: usize| button > first && is_tile(tree, button, anchor, &here);
    buttons.working.iter().copied().filter(|button| !is_other(*button)).collect()
}

/// Whether the box around a button is one of another page's product: with its name in a link, and a number.
fn is_tile(tree: &Tree<'_>, button: usize, anchor: usize, here: &Here<'_>) -> bool {
    let boxes = tree.ancestors(button).take(MAX_CLIMB);
    let mut boxes = boxes.take_while(|b| *b > anchor && tree.nodes[*b].end - *b < MAX_BOX);
    boxes.any(|b| {
        let numbered =
            |i: usize| matches!(tree.nodes[i].kind, Kind::Text(raw) if raw.bytes().any(|c| c.is_ascii_digit()));
        (b..button).any(|i| leads_away(tree, i, here)) && (b..tree.nodes[b].end).any(numbered)
    })
}
