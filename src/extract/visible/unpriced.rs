//! Products that are shown without a price: on request, sold out, discontinued. The words stand between the product's
//! name and the next heading, and in no link to another page.

use std::sync::LazyLock;

use super::labels;
use crate::extract::offer::Availability;
use crate::extract::phrases::Anywhere;
use crate::extract::scan::Name;
use crate::extract::text;
use crate::extract::tree::{Kind, Tree};

/// What a page says in the place of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Said {
    #[default]
    Nothing,
    /// The price is told on request, in a branch or to customers.
    OnRequest,
    /// The product cannot be had.
    Gone,
}

/// Nodes behind the product's name in which the words are looked for.
const REACH: usize = 160;
/// Bytes of a text that says so.
const MAX_TEXT: usize = 120;

#[rustfmt::skip]
const ON_REQUEST: &[&str] = &[
    "price on request", "price on application", "price upon request", "poa", "call for price", "call for pricing", "contact us for price", "contact for price", "request a quote", "request a price", "ask for price", "ask for a quote", "get a quote", "email for price", "price not available", "only in store", "in store only", "available in store only",
    "pris på forespørgsel", "pris på anmodning", "pris efter aftale", "ring for pris", "kontakt os for pris", "få et tilbud", "anmod om tilbud", "indhent tilbud", "kun i butik", "pris på begäran", "pris på förfrågan", "pris enligt överenskommelse", "ring för pris", "kontakta oss för pris", "begär offert", "offertförfrågan", "endast i butik", "pris på forespørsel", "pris etter avtale", "ring for tilbud", "be om tilbud", "kontakt oss for pris",
    "hinta pyynnöstä", "kysy hintaa", "kysy hinta", "pyydä tarjous", "hinta sopimuksen mukaan", "preis auf anfrage", "auf anfrage", "preis anfragen", "preis auf nachfrage", "angebot anfordern", "angebot anfragen", "nur in der filiale", "nur im markt", "prijs op aanvraag", "op aanvraag", "vraag prijs aan", "offerte aanvragen", "vraag een offerte", "alleen in de winkel",
    "prix sur demande", "sur demande", "prix sur devis", "sur devis", "demander un devis", "demandez un devis", "nous consulter", "prix : nous consulter", "uniquement en magasin", "precio a consultar", "consultar precio", "precio bajo consulta", "solicitar presupuesto", "pedir presupuesto", "solo en tienda", "prezzo su richiesta", "su richiesta", "richiedi preventivo", "richiedi un preventivo", "chiedi il prezzo", "solo in negozio",
    "preço sob consulta", "sob consulta", "consultar preço", "pedir orçamento", "solicitar orçamento", "só em loja", "cena na zapytanie", "na zapytanie", "zapytaj o cenę", "zapytaj o produkt", "cena na życzenie", "tylko w sklepie", "cena na dotaz", "na dotaz", "na vyžádání", "cena na vyžiadanie", "na vyžiadanie", "cena dohodou", "poptat", "ár kérésre", "kérjen ajánlatot", "kérje ajánlatunkat", "ajánlatkérés", "egyedi ár", "érdeklődjön",
    "preț la cerere", "pret la cerere", "la cerere", "cere ofertă", "solicită ofertă", "cere oferta", "цена при запитване", "при запитване", "поискайте оферта", "запитване за цена", "τιμή κατόπιν", "κατόπιν επικοινωνίας", "κατόπιν παραγγελίας", "ζητήστε προσφορά", "επικοινωνήστε για τιμή", "fiyat için arayın", "fiyat alınız", "fiyat sorunuz", "fiyat sor", "teklif al", "teklif iste",
    "цена по запросу", "по запросу", "уточняйте цену", "узнать цену", "цену уточняйте", "запросить цену", "ціна за запитом", "за запитом", "уточнюйте ціну", "дізнатися ціну", "価格はお問い合わせ", "価格問合せ", "要問合せ", "要お問い合わせ", "お見積り", "가격문의", "가격 문의", "문의 바랍니다", "견적문의", "价格面议", "面议", "询价", "電洽", "請洽", "liên hệ", "giá liên hệ", "hubungi kami",
];

static PHRASES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(ON_REQUEST.iter().copied()));

/// What is said between the product's name and the next heading.
#[must_use]
pub fn said(tree: &Tree<'_>, anchor: Option<usize>) -> Said {
    let Some(anchor) = anchor else { return Said::Nothing };
    let from = tree.nodes[anchor].end;
    for index in from..tree.nodes.len().min(from + REACH) {
        let node = &tree.nodes[index];
        if node.is(Name::H2) || node.is(Name::H3) || node.is(Name::FOOTER) || node.is(Name::NAV) {
            break;
        }
        let Kind::Text(raw) = node.kind else { continue };
        if raw.len() > MAX_TEXT {
            continue;
        }
        let clean = text::clean(raw);
        let says = if is_on_request(&text::lower(&clean)) {
            Said::OnRequest
        } else if labels::stock_state(raw) == Some(Availability::OutOfStock) {
            Said::Gone
        } else {
            continue;
        };
        // Few texts say anything, and where one stands is dear to know.
        if !tree.is_hidden(index) && !is_elsewhere(tree, index, anchor) {
            return says;
        }
    }
    Said::Nothing
}

fn is_on_request(words: &str) -> bool {
    let joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && u32::from(c) < 0x3000);
    PHRASES
        .find_all(words.as_bytes())
        .any(|hit| !joined(words[..hit.start].chars().next_back()) && !joined(words[hit.end..].chars().next()))
}

/// Whether a text stands in a box of other products, or in one with a picture that is a link.
fn is_elsewhere(tree: &Tree<'_>, index: usize, anchor: usize) -> bool {
    let boxes = tree.ancestors(index).take_while(|b| !(*b..tree.nodes[*b].end).contains(&anchor));
    boxes.take(6).any(|b| {
        let node = &tree.nodes[b];
        tree.hints(b).aside
            || node.is(Name::OPTION)
            || node.is(Name::LABEL)
            || (b..node.end).any(|i| {
                tree.nodes[i].is(Name::A) && (i..tree.nodes[i].end).any(|inner| tree.nodes[inner].is(Name::IMG))
            })
    })
}
