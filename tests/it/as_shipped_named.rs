//! Small pages of habits of large shops: prices in pieces, sizes in lists, names and words that mean another thing than
//! they say.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::Outcome;

use crate::extract::read;
use crate::shop_page::{self, BUY, KAUFEN, SHOP, json_ld, page, prices};

/// Checks a page of a lamp: what stands behind its heading, the price told and the list price told.
#[track_caller]
fn check(lang: &str, head: &str, body: &str, price: &str, list: &str) {
    check_titled(lang, "Brass Lamp", head, body, price, list);
}

#[track_caller]
fn check_titled(lang: &str, title: &str, head: &str, body: &str, price: &str, list: &str) {
    shop_page::check(&page(lang, title, head, body), SHOP, price, list);
}

#[test]
fn a_price_whose_pieces_are_boxes_is_one_price() {
    for (pieces, price) in [
        ("<div>7</div><div>,49</div><div>€</div>", "7.49 EUR"),
        ("<p>5</p><p>,94</p><p>€</p>", "5.94 EUR"),
        ("<div>89</div> <div>,90</div> <div>€</div><div>/ pièce</div>", "89.90 EUR"),
    ] {
        check("fr", "", &format!("<div class=price>{pieces}</div><button>Ajouter au panier</button>"), price, "-");
    }
}

#[test]
fn the_code_of_an_article_is_no_condition() {
    for label in ["Product code: 107177", "Stock code: BD-204", "Code: 4471", "Order code: PL09876"] {
        let body = format!(
            "<p>{label}</p><div class=box><span>£7.48</span> <span>inc. VAT</span><div>£6.23 ex. VAT</div></div>{BUY}"
        );
        check("en-GB", "", &body, "7.48 GBP", "-");
    }
    let coupon = format!("<div class=price>£9.99</div><p>With code: SAVE20</p><p>£7.99</p>{BUY}");
    check("en-GB", "", &coupon, "9.99 GBP", "-");
}

#[test]
fn a_price_per_metre_stands_in_for_no_price() {
    let body = format!("<p>Price for both</p><div class=box><b>£3.65</b><div>£2.03 per m</div></div>{BUY}");
    let found = read(&page("en-GB", "Brass Lamp", "", &body), SHOP);
    assert_ne!(prices(&found).0.as_deref(), Some("2.03 GBP"), "{}", found.explanation);
}

#[test]
fn cents_behind_the_marked_up_number_belong_to_it() {
    for (text, price) in [
        ("<small>€</small><span itemprop=price>549</span><small>.98</small>", "549.98 EUR"),
        ("€ <span itemprop=price>79</span><sup>99</sup>", "79.99 EUR"),
        ("€ <span itemprop=price>1.279</span><sup>99</sup>", "1279.99 EUR"),
        ("€ <span itemprop=price>79</span> <i>12 reviews</i>", "79.00 EUR"),
        ("€ <span itemprop=price content=79>79</span><sup>99</sup>", "79.00 EUR"),
    ] {
        let body = format!(
            "<div itemscope itemtype=http://schema.org/Product><i itemprop=name>Brass Lamp</i><p itemprop=offers itemscope itemtype=http://schema.org/Offer><meta itemprop=priceCurrency content=EUR>{text}</p></div>"
        );
        let found = read(&page("nl", "Brass Lamp", "", &body), SHOP);
        let markup = found.candidates.iter().find(|c| c.offer.title.is_some()).unwrap();
        assert_eq!(markup.offer.price.map(|p| p.to_string()).as_deref(), Some(price), "{body}");
    }
}

/// Markup of a lamp in three sizes.
fn sizes() -> String {
    json_ld(
        r#"{"@type":"AggregateOffer","priceCurrency":"EUR","lowPrice":"49","highPrice":"199","offers":[{"price":"49","priceCurrency":"EUR"},{"price":"99","priceCurrency":"EUR"},{"price":"199","priceCurrency":"EUR"}]}"#,
    )
}

#[test]
fn of_a_list_of_sizes_the_first_is_not_the_price() {
    let list = "<ul><li>S <b>49,00 €</b></li><li class=selected>M <b>99,00 €</b></li><li>L <b>199,00 €</b></li></ul>";
    let open = list.replace(" class=selected", "");
    let shown = "<div><span>99,00 €</span></div>";
    check("de", &sizes(), &format!("{list}{shown}{KAUFEN}"), "99.00 EUR", "-");
    check("de", &sizes(), &format!("{open}{shown}{KAUFEN}"), "99.00 EUR", "-");
    let radios = "<label><input type=radio name=s>S 49,00 €</label><label><input type=radio name=s checked>M 99,00 €</label><label><input type=radio name=s>L 199,00 €</label>";
    check("de", &sizes(), &format!("<div class=price>99,00 €</div>{radios}{KAUFEN}"), "99.00 EUR", "-");
    let buttons = "<div class=price>99,00 € <span class=was>149,00 €</span></div><button>S 49,00 €</button><button aria-pressed=true>M 99,00 €</button><button>L 199,00 €</button>";
    check("de", &sizes(), &format!("{buttons}{KAUFEN}"), "99.00 EUR", "149.00 EUR");
    // What is chosen and what is shown differ: nobody can tell.
    let torn = format!("{list}<div class=price>199,00 €</div>{KAUFEN}");
    let found = read(&page("de", "Brass Lamp", &sizes(), &torn), SHOP);
    assert_eq!(found.outcome, Outcome::Ambiguous, "{}", found.explanation);
}

#[test]
fn what_one_can_tick_is_no_price() {
    let stated = json_ld(r#"{"price":"449.00","priceCurrency":"EUR"}"#);
    for class in ["product-price__regular", "price--regular", "price"] {
        let body = format!(
            "<div class={class}>449,00 €</div>{KAUFEN}<label><input type=checkbox>Office 365 59,99 €</label><label><input type=checkbox>79,99 €</label>"
        );
        check("de", &stated, &body, "449.00 EUR", "-");
        check("de", "", &body, "449.00 EUR", "-");
    }
}

#[test]
fn a_name_of_the_usual_price_on_the_only_price_says_nothing() {
    for class in ["retail-price", "originalPrice", "price-regular", "full-price"] {
        check("de", "", &format!("<div class={class}>289,00 €</div>{KAUFEN}"), "289.00 EUR", "-");
        let reduced = format!("<div class={class}>289,00 €</div><div class=price>249,00 €</div>{KAUFEN}");
        check("de", "", &reduced, "249.00 EUR", "289.00 EUR");
    }
    let club =
        "<div class=promotion>Clubcard Price £5.50</div><span class=retail-price>£8.50</span><i>£4.47 / 100g</i>";
    check("en-GB", "", &format!("<div>{club}</div>{BUY}"), "8.50 GBP", "-");
    let both = "<p><span class=full-price>$399.00</span> <small>inc GST</small></p><p><span class=full-price>$346.96</span> <small>ex GST</small></p>";
    check("en-NZ", "", &format!("{both}{BUY}"), "399.00 NZD", "-");
    let old = format!("<div class=old-price>289,00 €</div>{KAUFEN}");
    check("de", "", &old, "-", "-");
}

#[test]
fn a_price_that_is_named_for_one_unit_is_the_price_where_no_pack_costs_more() {
    let body = "<span id=js_unitPrice class=productPrice>￥49,500</span>（税込）<input type=button value=カートに入れる><div>アウトレット ￥39,800</div>";
    check("ja", "", body, "49500 JPY", "-");
    let pack = format!("<div class=price>£7.48</div><div class=unit-price>£1.87</div>{BUY}");
    check("en-GB", "", &pack, "7.48 GBP", "-");
}

#[test]
fn the_price_of_each_piece_beside_that_of_the_pack_is_no_price() {
    let body = format!("<div><span>£7.48</span><div>£0.07 each</div></div>{BUY}");
    check("en-GB", "", &body, "7.48 GBP", "-");
    check("en-US", "", &format!("<div>$9.38 each</div>{BUY}"), "9.38 USD", "-");
    let tyres = "<div class=price>61,80 € / Stück</div><p>4 Stück: 247,20 €</p><button>In den Warenkorb</button>";
    let found = read(&page("de", "Brass Lamp", "", tyres), SHOP);
    assert_ne!(prices(&found).0.as_deref(), Some("247.20 EUR"), "{}", found.explanation);
}

#[test]
fn what_members_pay_is_not_the_price_for_everybody() {
    let offers = json_ld(
        r#"[{"name":"Lamp","price":"249.95","priceCurrency":"DKK"},{"name":"Shop Premium","price":"189.95","priceCurrency":"DKK"}]"#,
    );
    let body = "<p>Medlemspris</p><p>189,95 kr.</p><p>For ikke-medlemmer: 249,95 kr.</p><button>Læg i kurv</button>";
    check("da", &offers, body, "249.95 DKK", "-");
    let wallet = "<p><ins class=wallet-price>2 345 ₽</ins> с картой магазина <ins class=final-price>2 405 ₽</ins> <del>5 900 ₽</del></p><button>Добавить в корзину</button>";
    check("ru", "", wallet, "2405.00 RUB", "5900.00 RUB");
}

#[test]
fn what_is_struck_is_the_price_before_and_the_sum_of_instalments_is_not() {
    let body = "<div class=price><span>por <span>R$ 95,00</span></span><span>no Pix (5% de desconto)</span><span>ou R$ 100,00 em até 10x de R$ 10,00 sem juros</span><s>R$ 130,00</s></div><button>Comprar</button>";
    check("pt-BR", "", body, "95.00 BRL", "130.00 BRL");
}

#[test]
fn a_number_of_the_title_is_not_the_whole_part_of_the_price() {
    for (lang, title, body, price) in [
        ("en-GB", "Extension Lead 10m", "<p class=price>£10.79</p><button>Add to Basket</button>", "10.79 GBP"),
        (
            "de",
            "Kaffee 100 Kapseln",
            "<p class=price>29,99 €</p><p>Versandkostenfrei ab 100 €</p><button>In den Warenkorb</button>",
            "29.99 EUR",
        ),
        (
            "da",
            "Cola 24 x 33 cl",
            "<p class=price>119<sup>95</sup></p><p>+ pant 24,00 kr.</p><button>Læg i kurv</button>",
            "119.95 DKK",
        ),
        ("cs", "Čaj Máta 59 g", "<p class=price>59 Kč</p><button>Do košíku</button>", "59.00 CZK"),
    ] {
        let page = format!("<html lang={lang}><title>{title}</title><div><h1>{title}</h1>{body}</div>");
        assert_eq!(prices(&read(&page, SHOP)).0.as_deref(), Some(price), "{title}");
    }
    let bare =
        "<div class=price><b>79,<sup>90</sup></b><div>319,60/l</div></div><button>Köp</button><p>Frakt 79 kr</p>";
    check("sv", "", bare, "79.90 SEK", "-");
    let label = "<div class=price>Unser Preis 12<sup>99</sup> €</div>";
    check("de", "", &format!("{label}{KAUFEN}"), "12.99 EUR", "-");
}

#[test]
fn a_struck_number_without_its_money_is_the_price_before() {
    let stated = json_ld(r#"{"price":"79.99","priceCurrency":"EUR"}"#);
    for before in
        ["Adviesprijs <del>129,99</del>", "<span class=before_price>129,99</span>", "<i class=orig-price>129,99</i>"]
    {
        let body =
            format!("<span class=promo-price>79<sup>99</sup></span><div>{before}</div><button>In winkelwagen</button>");
        check("nl", &stated, &body, "79.99 EUR", "129.99 EUR");
    }
}

#[test]
fn pounds_on_an_english_page_are_sterling() {
    check("en", "", &format!("<div class=price-box><b>£22.49</b></div>{BUY}"), "22.49 GBP", "-");
    check("es-MX", "", "<div class=price>£22.49</div><button>Comprar</button>", "-", "-");
}

#[test]
fn a_plus_that_belongs_to_a_word_adds_nothing() {
    for words in ["Energy class A++", "Media: VG+", "128 GB+"] {
        check("en", "", &format!("<p>{words}</p><div>€724.00</div>{BUY}"), "724.00 EUR", "-");
    }
}

#[test]
fn net_markup_beside_gross_markup_gives_way_to_the_price_with_tax_that_is_shown() {
    let stated = json_ld(r#"{"price":1200,"priceCurrency":"JPY"}"#)
        + "<meta property=product:price:amount content=1296><meta property=product:price:currency content=JPY>";
    let body = "<div class=price><span>￥1,296</span><span>税込</span></div><button>カートに入れる</button>";
    check("ja", &stated, body, "1296 JPY", "-");
    let pair = json_ld(
        r#"{"priceSpecification":[{"price":"83.19","priceCurrency":"EUR","valueAddedTaxIncluded":false},{"price":"99.00","priceCurrency":"EUR","valueAddedTaxIncluded":true}]}"#,
    );
    check("de", &pair, &format!("<div>99,00 €</div>{KAUFEN}"), "99.00 EUR", "-");
}

#[test]
fn a_specification_per_kilogram_is_the_price_of_a_kilogram() {
    let stated = json_ld(
        r#"{"priceSpecification":[{"price":"19.80","priceCurrency":"EUR","unitText":"kg"},{"price":"99.00","priceCurrency":"EUR"}]}"#,
    );
    check("de", &stated, &format!("<div>99,00 € (19,80 €/kg)</div>{KAUFEN}"), "99.00 EUR", "-");
}

#[test]
fn nines_that_stand_in_for_a_price_are_none() {
    let stated = json_ld(r#"{"price":"999999","priceCurrency":"EUR"}"#);
    let found = read(&page("de", "Brass Lamp", &stated, &format!("<div>Preis auf Anfrage</div>{KAUFEN}")), SHOP);
    assert_eq!((found.outcome, prices(&found).0), (Outcome::NoPrice, None), "{}", found.explanation);
    check("de", &stated, &format!("<div>999.999,00 €</div>{KAUFEN}"), "999999.00 EUR", "-");
    let dash = json_ld(r#"{"price":"-","priceCurrency":"EUR"}"#);
    check("de", &dash, &format!("<div>99,00 €</div>{KAUFEN}"), "99.00 EUR", "-");
}

#[test]
fn the_reading_that_any_price_shown_bears_out_is_the_one() {
    let stated = json_ld(r#"{"price":"4.299","priceCurrency":"TRY"}"#);
    let body = "<span class=a>5.499 TL</span><span class=b>4.299 TL</span><button>Sepete Ekle</button>";
    check("tr", &stated, body, "4299.00 TRY", "-");
}

#[test]
fn a_short_path_is_no_front_page() {
    let page = page("sk", "Brass Lamp", "", "<div class=price>19,90 €</div><button>Do košíka</button>");
    assert_eq!(read(&page, "https://www.shop.sk/tv-lg").outcome, Outcome::Product);
    assert_eq!(prices(&read(&page, "https://www.shop.sk/sk-sk")).0, None);
}

#[test]
fn the_price_before_a_sale_is_told_by_its_tag() {
    let tags = "<meta property=product:price:amount content=129><meta property=product:sale_price:amount content=99><meta property=product:price:currency content=EUR><meta property=og:title content='Brass Lamp'>";
    check("de", tags, &format!("<div>99,00 €</div>{KAUFEN}"), "99.00 EUR", "129.00 EUR");
}

#[test]
fn a_bare_list_of_variants_counts_cents_and_the_address_picks_one() {
    let head = "<meta property=og:type content=product><meta property=og:price:amount content=8.00><meta property=og:price:currency content=GBP>";
    let body = format!(
        r#"<div class=price>£15.00</div><script type="application/json">[{{"id":40123456789011,"title":"Small","available":true,"price":800,"compare_at_price":null}},{{"id":40123456789012,"title":"Large","available":true,"price":1500,"compare_at_price":null}}]</script>{BUY}"#
    );
    let found = read(&page("en-GB", "Brass Lamp", head, &body), &format!("{SHOP}?variant=40123456789012"));
    assert_eq!(prices(&found).0.as_deref(), Some("15.00 GBP"), "{}", found.explanation);
}

#[test]
fn the_block_that_a_price_is_part_of_is_no_list() {
    let body = "<div class=product-list__cost><span class=product-list__price>5.999</span> <span class=product-list__currency>TL</span></div><button>Sepete Ekle</button>";
    check("tr", "", body, "5999.00 TRY", "-");
}

#[test]
fn a_page_without_headings_has_its_title_where_names_say() {
    let page = "<html lang=ja><title>炊飯器</title><p class=item_name>炊飯器 5.5合 IH NW-VA10</p><p class=item_price>12,800円</p><button>カートに入れる</button>";
    assert_eq!(prices(&read(page, SHOP)).0.as_deref(), Some("12800 JPY"));
}

#[test]
fn an_advertised_thing_is_for_sale_by_its_seller() {
    let page = |button: &str| {
        format!(
            "<html lang=da><title>Cykel Trek FX 3 til salg - torvet</title><section><h1>Herrecykel, Trek FX 3</h1><div class=price>3.200 kr.</div><p>Transport 49 kr.</p><button>{button}</button></section>"
        )
    };
    assert_eq!(prices(&read(&page("Send besked"), SHOP)).0.as_deref(), Some("3200.00 DKK"));
    assert_eq!(prices(&read(&page("Se kort"), SHOP)).0, None);
}

#[test]
fn of_price_breaks_the_one_for_one_piece_is_the_price() {
    let rows = |cost: [&str; 3]| {
        let [one, ten, more] = cost;
        format!(
            "<table><tr><th>Quantity<th>Unit Price<tr><td>1<td>{one}<tr><td>10+<td>{ten}<tr><td>25+<td>{more}</table>{BUY}"
        )
    };
    check("en-US", "", &rows(["$0.41", "$0.38", "$0.25"]), "0.41 USD", "-");
    let both = format!(
        "<div class=price>£8.99 <span>(£10.79 inc VAT)</span></div>{}",
        rows(["£8.99 (£10.79)", "£7.99 (£9.59)", "£6.99 (£8.39)"])
    );
    check("en-GB", "", &both, "10.79 GBP", "-");
}
