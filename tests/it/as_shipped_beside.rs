//! Small pages of habits of shops in what stands beside a price: the name, the brand, the code, the stock.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Extraction};

use crate::extract::read;
use crate::shop_page::{SHOP, page};

const BUY: &str = "<button>Add to cart</button>";

fn stock(found: &Extraction) -> Availability {
    found.offer.as_ref().map_or(Availability::Unknown, |offer| offer.availability)
}

/// What a page with a price says in its stock line, with a buy button or without.
fn stock_of(lang: &str, line: &str, button: &str) -> Availability {
    let body = format!("<div class=price>12,50 €</div><p class=stock>{line}</p>{button}");
    stock(&read(&page(lang, "Brass Lamp", "", &body), SHOP))
}

#[test]
fn words_of_stock_are_known_with_accents_and_without() {
    for (lang, line) in [
        ("fr", "Epuisé"),
        ("fr", "ÉPUISÉ"),
        ("fr", "&Eacute;puis&eacute;"),
        ("fr", "EPUISE"),
        ("fr", "Hors stock"),
        ("fr", "Ce produit n’est plus disponible"),
        ("el", "ΕΞΑΝΤΛΗΘΗΚΕ"),
        ("pt", "Nao disponivel"),
        ("ru", "Нет в продаже"),
        ("ru", "Снят с продажи"),
        ("fa", "ناموجود"),
        ("fa", "اتمام موجودی"),
        ("fa", "موجود نیست"),
        ("ar", "غير موجود"),
        ("zh", "无货"),
        ("zh-TW", "補貨中"),
        ("ja", "完売しました"),
        ("ja", "入荷待ち"),
        ("ja", "在庫なし"),
        ("ja", "在庫がありません"),
        ("ko", "구매할 수 없습니다"),
        ("ko", "재고 없음"),
        ("id", "Stok kosong"),
        ("vi", "Ngừng kinh doanh"),
        ("pl", "Powiadom o dostępności"),
    ] {
        assert_eq!(stock_of(lang, line, ""), Availability::OutOfStock, "{line}");
        assert_eq!(stock_of(lang, line, BUY), Availability::OutOfStock, "{line}");
    }
    for (lang, line, state) in [
        ("fa", "موجود در انبار", Availability::InStock),
        ("fa", "موجود", Availability::InStock),
        ("zh", "现货", Availability::InStock),
        ("ja", "在庫：あり", Availability::InStock),
        ("fr", "En arrivage", Availability::BackOrder),
        ("fr", "En cours d'arrivage", Availability::BackOrder),
        ("ja", "お取り寄せ", Availability::BackOrder),
        ("ja", "残りわずか", Availability::Limited),
        ("de", "Vorratig", Availability::InStock),
    ] {
        assert_eq!(stock_of(lang, line, ""), state, "{line}");
    }
}
