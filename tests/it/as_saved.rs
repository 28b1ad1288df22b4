//! Small pages of what saved pages of real shops have in common: no language, little markup, amounts that are no price.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Extraction, Outcome};

use crate::extract::read;
use crate::shop_page::{self, BUY, page, prices};

const URL: &str = "https://www.shop.com/p/brass-lamp";

fn told(body: &str) -> Extraction {
    read(&page("en", "Brass Lamp", "", body), URL)
}

#[track_caller]
fn check(body: &str, price: &str, list: &str) {
    shop_page::check(&page("en", "Brass Lamp", "", body), URL, price, list);
}

#[test]
fn the_language_of_a_page_that_names_none_is_that_of_its_words() {
    for (price, button, wanted) in [
        ("$24.50", "Add to Cart", "24.50 USD"),
        ("249 kr", "Lägg i varukorg", "249.00 SEK"),
        ("249 kr.", "Læg i kurv", "249.00 DKK"),
        ("249,99 lei", "Adaugă în coș", "249.99 RON"),
        ("¥2,500", "カートに入れる", "2500 JPY"),
        ("¥25.00", "加入购物车", "25.00 CNY"),
    ] {
        let page = format!(
            "<html><head><title>Brass Lamp</title></head><body><h1>Brass Lamp</h1><p class=price>{price}</p><button>{button}</button>"
        );
        let found = read(&page, URL);
        assert_eq!(prices(&found).0.as_deref(), Some(wanted), "{page}\n{}", found.explanation);
    }
}

#[test]
fn a_number_in_the_product_s_box_is_no_price() {
    for body in [
        "<div class=product-info>Rated <b class=rating>4.00</b> out of 5</div>",
        "<div class=product-info>Weight: <b>2.50</b> kg</div>",
        "<div class=pdp><div class=stars><b>4.50</b></div></div>",
        "<div class=product-detail>SKU: <span>48908</span></div>",
        "<div class=entry-summary>(<a href=#r>2</a> reviews)</div>",
    ] {
        check(&format!("{body}{BUY}"), "-", "-");
    }
    let page = format!(
        "<html lang=en><body class=page_product><h1>Brass Lamp</h1><p>SKU: <span>48908</span></p><meta property=product:price:currency content=USD>{BUY}"
    );
    assert_eq!(prices(&read(&page, URL)).0, None);
}

#[test]
fn the_price_before_is_none_where_the_present_one_is_not_filled_in() {
    for body in [
        "<div class=price><div class=old-price>$8.99</div><div class=new-price></div></div>",
        "<div class=product-price><span class=standard-price-strike>$88.00</span><span class=price-sales></span></div>",
    ] {
        check(&format!("{body}{BUY}"), "-", "-");
    }
    check(
        &format!("<div class=price><i class=price-preview>$8.00</i> <del>$9.00</del></div>{BUY}"),
        "8.00 USD",
        "9.00 USD",
    );
}

#[test]
fn a_struck_number_takes_no_money_from_the_price_behind_it() {
    let body = "<p><s>1.299,00</s><span><span>R$</span><span>799,90</span></span></p><button>Comprar agora</button>";
    let found = read(&page("pt-BR", "Brass Lamp", "", body), "https://www.loja.com.br/p/lamp");
    assert_eq!(
        prices(&found),
        (Some("799.90 BRL".to_owned()), Some("1299.00 BRL".to_owned())),
        "{}",
        found.explanation
    );
}

#[test]
fn products_that_all_cost_the_same_are_a_list() {
    let tile = |n: usize| {
        format!(
            "<li><a href=/p/{n}>Lamp number {n}</a><span class=price>$40.00</span><button>Add to cart</button></li>"
        )
    };
    let found = told(&format!("<ul>{}</ul>", (1..=3).map(tile).collect::<String>()));
    assert_eq!((found.outcome, prices(&found).0), (Outcome::Category, None), "{}", found.explanation);
    // The same price said again and again is one.
    check(&format!("{0}{0}{0}", "<p class=price>$40.00</p><button>Add to cart</button>"), "40.00 USD", "-");
}

#[test]
fn the_price_for_very_many_is_not_the_price() {
    let body = format!(
        "<div class=asLowAs>As low as <b class=asLowAsPrice>$0.24</b> per bead</div><p class=price>$3.46</p>{BUY}"
    );
    check(&body, "3.46 USD", "-");
}

#[test]
fn a_ladder_of_prices_is_no_reduction() {
    let step = |name: &str, price: &str, off: &str| format!("<p>{name} <b>{price}</b> <i>{off}</i></p>");
    let body = [step("Bronze", "$3.95", "3% off"), step("Silver", "$3.83", "6% off"), step("Gold", "$3.71", "9% off")];
    let found = told(&format!("<div class=price>{}</div>{BUY}", body.concat()));
    assert_eq!(prices(&found).0, None, "{}", found.explanation);
}

#[test]
fn a_price_per_measure_stands_beside_the_price_per_piece() {
    let body =
        "<p class=pricePerUnit>£3.50/unit</p><p class=pricePerMeasure>£0.70/ea</p><button>Add to trolley</button>";
    let found = read(&page("en-GB", "Brass Lamp", "", body), "https://www.shop.co.uk/p/1");
    assert_eq!(prices(&found).0.as_deref(), Some("3.50 GBP"), "{}", found.explanation);
}

#[test]
fn markup_without_a_currency_is_settled_by_the_amount_shown() {
    for (stated, shown, wanted) in [
        ("2999.00", "$2,999", "2999.00 USD"),
        ("87.50", "$87.50", "87.50 USD"),
        ("299", "$299.00", "299.00 USD"),
        ("109.8999", "$109.90", "109.90 USD"),
    ] {
        let head = format!("<meta property=product:price:amount content='{stated}'>");
        let found = read(&page("en", "Brass Lamp", &head, &format!("<div>{shown}</div>{BUY}")), URL);
        assert_eq!(prices(&found).0.as_deref(), Some(wanted), "{stated}: {}", found.explanation);
    }
}

#[test]
fn a_page_without_a_heading_is_that_of_its_title() {
    let page = "<html lang=en><head><title>Brass Lamp | Shop</title></head><body><div class=price-box><span class=price>$29.99</span></div></body></html>";
    assert_eq!(prices(&read(page, URL)).0.as_deref(), Some("29.99 USD"));
    let two = page.replace("</div>", "</div><div><span class=price>$19.99</span></div>");
    assert_eq!(prices(&read(&two, URL)).0, None, "which of the two?");
}

#[test]
fn the_only_amount_under_the_heading_needs_no_names() {
    check("<p>Part Number: AV-12</p><div>$207.57</div>", "207.57 USD", "-");
}

#[test]
fn a_label_belongs_to_the_amount_with_which_it_shares_the_smaller_box() {
    let price = |n: &str| format!("<div class=price>{n}</div>{BUY}");
    check(&format!("<div><del>$30.00</del> <span>RRP</span></div>{}", price("$22.00")), "22.00 USD", "30.00 USD");
    check(&format!("<div><b>$35.00</b> RRP</div>{}", price("$30.00")), "30.00 USD", "35.00 USD");
    check(
        &format!("<p><b>$35.00</b> RRP</p><p><b>$30.00</b> Our price</p><p><b>$5.00</b> You save</p>{BUY}"),
        "30.00 USD",
        "35.00 USD",
    );
    for aside in [
        "<div class=badge><span>Free delivery</span></div>",
        "<a href=/save>Save</a>",
        "<ul class=badges><li>New</li><li>Free delivery</li></ul>",
    ] {
        check(&format!("{aside}{}", price("$22.00")), "22.00 USD", "-");
    }
}

#[test]
fn words_of_tax_need_no_blanks_where_nobody_writes_them() {
    for (lang, url, net, gross) in [
        ("ja", "https://www.shop.jp/p/1", "2,000円（税抜き）", "2,200円（税込み）"),
        ("ja", "https://www.shop.jp/p/1", "2,000円 外税", "2,200円 消費税込"),
        ("ko", "https://www.shop.co.kr/p/1", "20,000원 VAT별도", "22,000원 VAT포함"),
        ("zh-CN", "https://www.shop.cn/p/1", "2000元 不含税", "2260元 含税"),
    ] {
        let body = format!("<div class=price><p>{net}</p><p>{gross}</p></div><button>カートに入れる</button>");
        let found = read(&page(lang, "Brass Lamp", "", &body), url);
        let higher = prices(&found).0.unwrap_or_default();
        assert!(higher.starts_with("22"), "{net} {gross}: {higher} {}", found.explanation);
    }
}
