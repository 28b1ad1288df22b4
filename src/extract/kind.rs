//! What kind of page this is when it is no product page: walls, challenges, lists, articles, "not found".
//!
//! Signs are words and shapes that such pages share across shops. A page with a product and a price is never
//! overruled here except by its status.

mod words;

use std::sync::LazyLock;

use url::Url;

use self::words::{AGE, CHALLENGE, CONSENT, GONE, LOGIN, NOT_FOUND, ON_FORMS, REGION};
use super::harvest::Harvest;
use super::json::Value;
use super::locale::Locale;
use super::outcome::Outcome;
use super::phrases::Anywhere;
use super::scan::{Name, Scanner, Token};
use super::{Page, address, text};

/// Bytes of text that a challenge or wall page may hold; product pages hold more.
const WALL_TEXT: usize = 6_000;
/// Bytes of the page searched for signs.
const SIGN_WINDOW: usize = 400_000;

/// Signs of a challenge in a heading.
static BLOCKED: LazyLock<Anywhere> = LazyLock::new(|| {
    let own =
        ["access denied", "robot or human", "not a robot", "captcha", "are you human", "security check", "blocked"];
    Anywhere::as_written(CHALLENGE[..2].iter().copied().chain(own))
});
static CHALLENGES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(CHALLENGE.iter().copied()));
static FORMS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(ON_FORMS.iter().copied()));
static NOT_FOUNDS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(NOT_FOUND[1..].iter().copied()));
/// What each row of [`GONE`] begins with.
static GONE_FIRST: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(GONE.iter().map(|words| words[0])));
static AGES: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(AGE.iter().copied()));
static CONSENTS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(CONSENT.iter().copied()));
static REGIONS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(REGION.iter().copied()));
static LOGINS: LazyLock<Anywhere> = LazyLock::new(|| Anywhere::as_written(LOGIN.iter().copied()));

/// What a page without markup shows of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Its name, its price and a control that puts it into a cart.
    Sale,
    /// Its name, and that it has no price or cannot be had.
    Name,
}

/// What the status alone says.
#[must_use]
pub fn from_status(status: u16) -> Option<Outcome> {
    match status {
        404 | 410 => Some(Outcome::Gone),
        401 | 407 => Some(Outcome::LoginWall),
        403 | 429 | 503 => Some(Outcome::Blocked),
        451 => Some(Outcome::RegionWall),
        _ => None,
    }
}

/// Walls, challenges and soft 404s. Asked only when no structured source names a product with a price.
///
/// A wall in front of a product is a product: where the page `shows` one, beside its name, a script or a banner of a
/// small page says nothing.
///
/// `seen` bytes of the page's texts are known to be there already: a page with many of them is no wall, and its words
/// are not collected once more.
#[must_use]
pub fn wall(
    page_text: &str,
    harvest: &Harvest<'_>,
    page: &Page<'_>,
    seen: usize,
    shows: Option<Shows>,
) -> Option<Outcome> {
    let (texts, length) = if seen < WALL_TEXT { visible_texts(page_text) } else { (Vec::new(), seen) };
    let small = length < WALL_TEXT;
    let visible = if small { said_by(&texts) } else { String::new() };
    let heading = headline(harvest);
    let says = |signs: &Anywhere, text: &str| signs.is_match(text.as_bytes());
    let sells = shows == Some(Shows::Sale);
    if small && says(&BLOCKED, &heading) && !sells {
        return Some(Outcome::Blocked);
    }
    if length < 1_500 {
        let whole = text::lower(text::cut(page_text, SIGN_WINDOW)).replace('’', "'");
        if !sells && says(&CHALLENGES, &whole) || shows.is_none() && says(&FORMS, &whole) {
            return Some(Outcome::Blocked);
        }
    }
    if sells && !says_not_found(&heading) {
        return None;
    }
    if small && says(&BLOCKED, &heading) {
        return Some(Outcome::Blocked);
    }
    if says_not_found(&heading) || small && shows.is_none() && texts.iter().any(|text| says_gone(text)) {
        return Some(Outcome::SoftNotFound);
    }
    if small && says(&AGES, &visible) {
        return Some(Outcome::AgeWall);
    }
    if small && says(&REGIONS, &visible) {
        return Some(Outcome::RegionWall);
    }
    if small && (is_login(&heading, page) && asks_password(page_text) || says(&LOGINS, &visible)) {
        return Some(Outcome::LoginWall);
    }
    if length < 3_000 && shows.is_none() && says(&CONSENTS, &visible) {
        return Some(Outcome::ConsentWall);
    }
    None
}

/// Parts of the addresses of searches.
#[rustfmt::skip]
const SEARCHES: [&str; 11] = [
    "search", "soeg", "sog", "sok", "suche", "recherche", "buscar", "szukaj", "hledat", "catalogsearch", "s",
];

/// What kind of page it is when nothing on it is the product.
#[must_use]
pub fn other(harvest: &Harvest<'_>, roots: &[Value<'_>], page: &Page<'_>, tiles: usize, products: usize) -> Outcome {
    let url = address::absolute(page.final_url, page.url);
    let path = url.as_ref().map_or(String::new(), |u| u.path().trim_end_matches('/').to_ascii_lowercase());
    let has_query = url.as_ref().is_some_and(|u| u.query().is_some());
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let type_of = harvest.meta(&["og:type"]).map(|m| m.content.to_ascii_lowercase()).unwrap_or_default();
    if page.final_url.is_empty() {
        // Nothing is known about the address: only the content can speak.
    } else if segments.iter().any(|s| SEARCHES.contains(s)) && has_query
        || segments.is_empty() && url.as_ref().is_some_and(asks)
    {
        return Outcome::Search;
    } else if !has_query && is_front(&segments) && !url.as_ref().is_some_and(|url| names_another_address(harvest, url))
    {
        return Outcome::Home;
    }
    let kinds = root_types(roots);
    let has = |names: &[&str]| kinds.iter().any(|k| names.contains(&k.as_str()));
    if has(&["Article", "NewsArticle", "BlogPosting", "Recipe", "ReportageNewsArticle", "TechArticle"])
        || type_of == "article"
    {
        return Outcome::Article;
    }
    if has(&["SearchResultsPage"]) {
        return Outcome::Search;
    }
    if tiles >= 3 || products >= 2 || has(&["ItemList", "CollectionPage", "OfferCatalog"]) {
        return Outcome::Category;
    }
    Outcome::Other
}

/// Whether the parts of a path are those of a shop's front page.
fn is_front(segments: &[&str]) -> bool {
    match segments {
        [] => true,
        [one] => {
            one.len() <= 5 && is_place(one) || one.starts_with("index.") || *one == "home" || *one == "default.aspx"
        }
        _ => false,
    }
}

/// Whether a page that was fetched from a front page's address says that its own is another one of the same shop.
fn names_another_address(harvest: &Harvest<'_>, url: &Url) -> bool {
    let stated = harvest.canonical.as_deref().filter(|stated| !stated.is_empty());
    let stated = stated.map(str::to_owned).or_else(|| harvest.meta(&["og:url"]).map(|m| m.content.to_string()));
    let Some(own) = stated.and_then(|stated| address::absolute(&stated, url.as_str())) else { return false };
    let site = |url: &Url| {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        host.strip_prefix("www.").or_else(|| host.strip_prefix("m.")).unwrap_or(&host).to_owned()
    };
    let path = own.path().to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    site(&own) == site(url) && !is_front(&segments)
}

/// Whether an address carries the words of a search, as the front page of a shop without another place for it does.
fn asks(url: &Url) -> bool {
    url.query_pairs().any(|(key, value)| matches!(key.as_ref(), "s" | "q" | "search" | "keyword") && !value.is_empty())
}

/// Whether a part of a path is a language, a country or both: `da`, `en-gb`, `dk_da`.
fn is_place(segment: &str) -> bool {
    let mut parts = segment.split(['-', '_']);
    let known = |part: &str| part.len() == 2 && Locale::parse(part).is_some_and(|locale| locale.currency().is_some());
    let country = |part: &str| part.len() == 2 && (Locale::from_host(part).is_some() || matches!(part, "gb" | "eu"));
    parts.all(|part| known(part) || country(part))
}

/// Pages about a product that do not sell it: reviews, questions, carts, lists of wishes.
#[must_use]
pub fn is_side_page(page: &Page<'_>) -> bool {
    #[rustfmt::skip]
    const SIDES: [&str; 14] = [
        "reviews", "review", "product-reviews", "customer-reviews", "questions", "ask", "cart", "basket", "checkout",
        "wishlist", "account", "compare", "bewertungen", "opinie",
    ];
    let Some(url) = address::absolute(page.final_url, page.url) else { return false };
    let segments = || url.path().split('/').filter(|segment| !segment.is_empty());
    let last = segments().next_back().map(|last| last.split('.').next().unwrap_or(last).to_lowercase());
    segments().any(|segment| SIDES.iter().any(|side| segment.eq_ignore_ascii_case(side)))
        || last.is_some_and(|last| CARTS.contains(&last.as_str()) || last == "bag" || last == "rewards")
}

/// Carts, checkouts and lists of wishes in the languages of shops, as their pages and addresses call them.
#[rustfmt::skip]
const CARTS: [&str; 64] = [
    "cart", "basket", "checkout", "wishlist", "favourites", "favorites", "warenkorb", "einkaufswagen", "einkaufskorb", "merkzettel", "wunschliste", "wunschzettel", "kasse", "bestellung", "versandkosten", "versand",
    "kurv", "indkøbskurv", "indkoebskurv", "ønskeliste", "fragt", "varukorg", "varukorgen", "kundvagn", "kassa", "kassan", "önskelista", "favoriter", "handlekurv", "handlevogn", "ostoskori", "kassalle", "toivelista", "panier",
    "commande", "favoris", "carrito", "cesta", "pedido", "favoritos", "carrello", "preferiti", "carrinho", "cesto", "winkelwagen", "winkelmandje", "verlanglijst", "koszyk", "ulubione", "zamówienie", "košík", "kosik", "pokladna", "kosár",
    "pénztár", "coș", "cosul", "корзина", "кошик", "sepet", "sepetim", "カート", "购物车", "장바구니",
];

/// Whether a heading calls the page a cart, a checkout, a list of wishes or an order: the word alone, or with one that
/// says whose it is. A basket that is for sale has a name of its own.
#[must_use]
pub fn is_side_heading(heading: &str) -> bool {
    #[rustfmt::skip]
    const WHOSE: [&str; 40] = [
        "ihr", "ihre", "mein", "meine", "dein", "deine", "der", "die", "your", "my", "shopping", "the", "din", "dit", "min", "mit", "ditt", "votre", "mon", "ma", "mes", "le", "tu", "mi", "su", "el", "la", "tuo", "il", "je",
        "uw", "mijn", "de", "twój", "mój", "váš", "můj", "ваша", "моя", "ваш",
    ];
    #[rustfmt::skip]
    const ORDERED: [&str; 12] = [
        "thank you for your order", "order confirmation", "danke für ihre bestellung", "vielen dank für ihre bestellung", "tak for din ordre", "tak for din bestilling", "tack för din beställning", "takk for bestillingen",
        "merci pour votre commande", "gracias por tu pedido", "grazie per il tuo ordine", "dziękujemy za zamówienie",
    ];
    let lower = text::lower(heading);
    let words = || lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    #[rustfmt::skip]
    const FOUND: [&str; 14] = [
        "results for", "search results", "suchergebnis", "ergebnisse für", "résultats pour", "résultats de recherche", "resultados para", "resultados de", "risultati per", "søgeresultat", "sökresultat", "søkeresultat",
        "zoekresultaten", "wyniki wyszukiwania",
    ];
    let bag = ["your bag", "my bag", "shopping bag", "your rewards", "my rewards", "rewards"];
    let named = words().count() <= 3
        && words().any(|word| CARTS.contains(&word))
        && words().all(|word| CARTS.contains(&word) || WHOSE.contains(&word));
    // `Quick Results for Hair` is a name: in front of what a search found stands how many there are, or whose they are.
    #[rustfmt::skip]
    const LEADS: [&str; 32] = [
        "showing", "all", "your", "the", "my", "no", "search", "top", "we", "found", "ihre", "ihr", "alle", "keine", "mostrando", "tus", "los", "todos", "les", "vos", "tous", "aucun", "i", "tuoi", "tutti", "dine", "dina", "alla", "uw", "twoje", "wszystkie", "os",
    ];
    let leads = |ahead: &str| {
        let mut words = ahead.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        words.all(|word| LEADS.contains(&word) || word.bytes().all(|b| b.is_ascii_digit()))
    };
    // Nearly no heading holds one, and to say that is far cheaper than to look where.
    let found = |phrase: &&str| lower.contains(*phrase) && lower.find(*phrase).is_some_and(|at| leads(&lower[..at]));
    named
        || bag.contains(&lower.trim())
        || ORDERED.iter().any(|phrase| lower.contains(phrase))
        || FOUND.iter().any(found)
}

/// Whether the shop led us away from what was asked for: to its front page, or to another product.
#[must_use]
pub fn redirected(page: &Page<'_>) -> bool {
    if page.url == page.final_url {
        return false;
    }
    let (Some(asked), Some(got)) = (address::key(page.url, page.url), address::key(page.final_url, page.url)) else {
        return false;
    };
    asked.1.len() > 1
        && got.1.trim_matches('/').split('/').filter(|s| !s.is_empty() && s.len() != 2 && s.len() != 5).count() == 0
        && asked != got
}

/// The types of JSON-LD objects at the top and one level below.
#[must_use]
pub fn root_types(roots: &[Value<'_>]) -> Vec<String> {
    let mut types = Vec::new();
    let mut push = |value: &Value<'_>| {
        if let Some(object) = value.object() {
            for kind in object.get("@type").map(Value::each).unwrap_or_default().iter().filter_map(Value::text) {
                types.push(kind.rsplit('/').next().unwrap_or(kind).to_owned());
            }
        }
    };
    for root in roots.iter().flat_map(Value::each).take(200) {
        push(root);
        if let Some(graph) = root.object().and_then(|o| o.get("@graph")) {
            graph.each().iter().take(200).for_each(&mut push);
        }
    }
    types
}

fn headline(harvest: &Harvest<'_>) -> String {
    let mut words = text::lower(harvest.title.as_deref().unwrap_or(""));
    if let Some((heading, _)) = harvest.headings.first() {
        words.push('\n');
        words.push_str(&text::lower(heading));
    }
    words
}

fn says_not_found(heading: &str) -> bool {
    heading.split('\n').any(|line| {
        let line = line.trim();
        let number = line.starts_with("404")
            || line.contains("error 404")
            || line.contains("404 -")
            || line.contains("| 404")
            || line.contains("- 404")
            || line == "404";
        number || says_gone(line) || (line.chars().count() < 90 && NOT_FOUNDS.is_match(line.as_bytes()))
    })
}

/// Characters of a text that says that a page is not there.
const MAX_GONE: usize = 120;

/// Whether a short text says that the page or the product is not there, whatever words stand in between.
fn says_gone(text: &str) -> bool {
    if text.len() > MAX_GONE * 3 || text.chars().count() > MAX_GONE {
        return false;
    }
    let lower = text::lower(&text::clean(text));
    let text = if lower.contains('’') { lower.replace('’', "'") } else { lower };
    let in_order = |words: &[&str], mut rest: &str| {
        words.iter().all(|word| {
            rest.find(word).is_some_and(|at| {
                rest = &rest[at + word.len()..];
                true
            })
        })
    };
    // Most texts have none of the first words, which are looked for all at once.
    GONE_FIRST.find_all(text.as_bytes()).any(|hit| in_order(&GONE[hit.phrase][1..], &text[hit.end..]))
}

fn is_login(heading: &str, page: &Page<'_>) -> bool {
    let words = [
        "log in",
        "login",
        "sign in",
        "log ind",
        "logga in",
        "logg inn",
        "anmelden",
        "zaloguj",
        "connexion",
        "iniciar sesión",
        "accedi",
        "přihlášení",
        "вход",
        "inloggen",
        "kirjaudu",
    ];
    words.iter().any(|w| heading.contains(w))
        || ["login", "signin", "sign-in", "account/login", "log-ind"]
            .iter()
            .any(|p| page.final_url.to_ascii_lowercase().contains(p))
}

fn asks_password(page: &str) -> bool {
    let mut scanner = Scanner::new(page);
    scanner.listen(false, false);
    scanner.any(|token| {
        matches!(token, Token::Open(tag) if tag.is(Name::INPUT)
            && tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password")))
    })
}

/// The texts a person sees without the white space around each, and their bytes; no more is read than a wall may hold.
fn visible_texts(page: &str) -> (Vec<&str>, usize) {
    let (mut texts, mut length) = (Vec::new(), 0);
    let mut scanner = Scanner::starting_at(page, 0);
    scanner.listen(true, false);
    for token in scanner {
        if let Token::Text { text, .. } = token {
            let trimmed = text::trim(text);
            length += trimmed.len();
            if length >= WALL_TEXT {
                break;
            }
            if !trimmed.is_empty() {
                texts.push(trimmed);
            }
        }
    }
    (texts, length)
}

/// What texts say, in lower case.
fn said_by(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        out.push_str(&text::lower(&text::decode(text)));
        out.push(' ');
    }
    text::fold_space(&out).replace('’', "'")
}
