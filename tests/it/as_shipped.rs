//! Small pages of habits that shops really have, each the cause of a price that was once read wrong or not at all.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::Availability;

use crate::extract::read;
use crate::shop_page::{self, BUY, SHOP, json_ld, page, price as price_of};

/// Checks a page of a lamp: what stands behind its heading, the price told and the list price told.
#[track_caller]
fn check(lang: &str, body: &str, price: &str, list: &str) {
    check_with(lang, "", body, price, list);
}

#[track_caller]
fn check_with(lang: &str, head: &str, body: &str, price: &str, list: &str) {
    shop_page::check(&page(lang, "Brass Lamp", head, body), SHOP, price, list);
}

#[test]
fn words_that_begin_like_money_are_none() {
    for (lang, button, words, price) in [
        ("da", "Læg i kurv", "Leveringstid 2-4 dage", "189 kr"),
        ("sv", "Lägg i varukorg", "Leverans 2–4 vardagar", "189 kr"),
        ("nl", "In winkelwagen", "Wonen 2", "€ 189,00"),
    ] {
        let body = format!("<p>{price}</p><p>{words}</p><button>{button}</button>");
        let currency = match lang {
            "da" => "DKK",
            "sv" => "SEK",
            _ => "EUR",
        };
        check(lang, &body, &format!("189.00 {currency}"), "-");
        check(lang, &format!("<p>{words}</p><button>{button}</button>"), "-", "-");
    }
}

#[test]
fn a_split_price_behind_a_struck_one_is_the_price() {
    for body in [
        "<div><s>$99.99</s> <span>$74<sup>.99</sup></span></div>",
        "<div class=price><div class=price-old>$<b>99</b><sup>.99</sup></div><div class=price-now>$<b>74</b><sup>.99</sup></div></div>",
    ] {
        check("en-US", &format!("{body}{BUY}"), "74.99 USD", "99.99 USD");
    }
}

#[test]
fn state_that_counts_cents_is_settled_by_the_price_shown() {
    for shown in ["249,-", "249,00 kr.", "249 kr"] {
        let body = format!(
            r#"<div class=price>{shown}</div><button>Læg i kurv</button><script>window.__NUXT__={{state:{{product:{{id:"77",name:"Brass Lamp",sales_price:24900,currency:"DKK"}}}}}};</script>"#
        );
        check("da", &body, "249.00 DKK", "-");
    }
    let body = r#"<div itemscope itemtype="http://schema.org/Product"><span itemprop=name>Brass Lamp</span><div itemprop=offers itemscope itemtype="http://schema.org/Offer"><meta itemprop=priceCurrency content=USD><span itemprop=price content="24.0">$24.00</span><s>$30.00</s></div></div><button>Add to cart</button><script>new Shopify.OptionSelectors("a",{product:{"id":5,"title":"Brass Lamp","price":2400,"compare_at_price":3000,"variants":[{"id":39,"price":2400,"compare_at_price":3000,"available":true}]}});</script>"#;
    check("en-US", body, "24.00 USD", "30.00 USD");
}

#[test]
fn a_subscription_is_not_the_price_that_markup_states() {
    let head = json_ld(r#"{"price":"54.99","priceCurrency":"GBP"}"#);
    let body = format!(
        "<label>One-time purchase <span class=price>£54.99</span></label><label>Subscribe &amp; save 15% <span class=price>£46.74</span></label>{BUY}"
    );
    check_with("en-GB", &head, &body, "54.99 GBP", "-");
}

#[test]
fn other_products_are_known_by_the_words_over_them() {
    let tile = "<div class=box><div class=box-heading>Related products</div><div class=box-product><div><a href=/b>Tin can</a><div class=price><span class=price-new>$7.90</span></div></div></div></div>";
    check("en-US", &format!("<div class=price>Price: $44.90</div>{BUY}{tile}"), "44.90 USD", "-");
    let tiles = "<section class=recommendations><h2>You may also like</h2><div class=slider><div class=tile><a href=/b><img src=b.jpg></a><span class=price-old>$133.50</span><span class=price>$106.80</span></div><div class=tile><a href=/c><img src=c.jpg></a><span class=price>$30.00</span></div></div></section>";
    check("en-US", &format!("<div class=price>Price: $44.90</div>{BUY}{tiles}"), "44.90 USD", "-");
}

#[test]
fn labels_tell_the_price_before_from_the_price_that_is_left() {
    for body in [
        "<p>Price: $17.95</p><p>Sale: $15.95</p>",
        "<div><b>Our Price: <span>$17.95</span></b></div><div>Sale Price: $15.95</div>",
        "<div>Price: <span>$17.95</span></div><div>Instant Savings: <span>$2.00</span></div><div>$15.95</div>",
    ] {
        check("en-US", &format!("{body}{BUY}"), "15.95 USD", "17.95 USD");
    }
    let alone =
        "<span class=hidden-label>Regular price</span> <span class=\"price-item price-item--regular\">$18.90</span>";
    check("en-US", &format!("{alone}{BUY}"), "18.90 USD", "-");
    let named = "<div>Bonus: <b>$9.00</b></div><div>$449.50</div>";
    check("en-US", &format!("{named}{BUY}"), "449.50 USD", "-");
    for (lang, button, body, price, list) in [
        ("pt-BR", "Comprar", "<span>De: R$ 459,00</span> <span>Por: R$ 389,00</span>", "389.00 BRL", "459.00 BRL"),
        (
            "de",
            "In den Warenkorb",
            "<div><span class=old>Unser bisheriger Preis 229,00 EUR</span><br>Nur 199,00 EUR</div>",
            "199.00 EUR",
            "229.00 EUR",
        ),
        (
            "nl",
            "In winkelwagen",
            "<div class=sales-price><span class=sales-price__former-price>499,-</span><strong class=sales-price__current>449,-</strong></div>",
            "449.00 EUR",
            "499.00 EUR",
        ),
        (
            "it",
            "Aggiungi al carrello",
            "<div>379,90 €</div><div>Prezzo più basso degli ultimi 30 giorni: 399,00 €</div>",
            "379.90 EUR",
            "399.00 EUR",
        ),
    ] {
        check(lang, &format!("{body}<button>{button}</button>"), price, list);
    }
}

#[test]
fn words_behind_a_price_that_lead_to_the_next_amount_speak_of_that_one() {
    for (lang, button, body, price) in [
        ("de", "In den Warenkorb", "<p class=price>49,90 € <small>zzgl. 4,90 € Versand</small></p>", "49.90 EUR"),
        ("de", "In den Warenkorb", "<b>39,00 EUR<br>Sie sparen 20% / 10,00 EUR</b>", "39.00 EUR"),
        ("da", "Læg i kurv", "<div class=price>499 kr.<br>Fragt 39 kr.</div>", "499.00 DKK"),
        ("sv", "Lägg i varukorg", "<div>Säljs av Nordic Home AB</div><p>1 189 kr</p>", "1189.00 SEK"),
    ] {
        check(lang, &format!("{body}<button>{button}</button>"), price, "-");
    }
    let threshold = "<div class=price>¥329</div><p>满¥130包邮</p><button>加入购物车</button>";
    check("zh-CN", threshold, "329.00 CNY", "-");
}

#[test]
fn the_product_may_stand_in_an_aside_or_a_card() {
    check("fi", "<aside><div class=price>59,99 €</div><button>Lisää ostoskoriin</button></aside>", "59.99 EUR", "-");
    check("en-US", &format!("<div class=product-card><div class=price>$59.99</div></div>{BUY}"), "59.99 USD", "-");
}

#[test]
fn a_line_called_stock_outweighs_a_button_that_takes_orders() {
    let availability = |body: &str| {
        let page =
            format!("<html lang=nb><title>Brass Lamp</title><h1>Brass Lamp</h1><div class=price>349,-</div>{body}");
        read(&page, "https://shop.example.no/p/lamp").offer.unwrap().availability
    };
    let button = "<button>Legg i handlekurv</button>";
    assert_eq!(availability(&format!("<div class=stock>Ikke på lager</div>{button}")), Availability::OutOfStock);
    assert_eq!(availability(&format!("<div class=sizes>Ikke på lager</div>{button}")), Availability::InStock);
}

#[test]
fn a_sold_out_product_with_its_price_is_no_wall_and_no_list() {
    let tile = |n: usize| format!("<div class=card><a href=/p/{n}><img src=a.jpg></a><strong>{n}8,00 €</strong></div>");
    let tiles: String = (1..10).map(tile).collect();
    let body = format!(
        "<strong class=price-final>34,90 €</strong><p class=stock>Vypredané</p><p>Prihláste sa na newsletter a získajte zľavu</p><h2>Podobné produkty</h2><div class=slider>{tiles}</div>"
    );
    check("sk", &body, "34.90 EUR", "-");
}

#[test]
fn a_category_marked_up_as_one_product_is_none() {
    let head = r#"<script type="application/ld+json">{"@type":"Product","name":"Brass Lamps","aggregateRating":{"ratingValue":"4.6","reviewCount":"1203"},"offers":{"@type":"AggregateOffer","lowPrice":"29.95","highPrice":"249.00","offerCount":"312","priceCurrency":"EUR"}}</script>"#;
    let tile = |n: usize| format!("<div class=card><a href=/p/{n}>Lamp {n}</a><p class=price>{n}7,95 €</p></div>");
    let tiles: String = (4..12).map(tile).collect();
    let page = page("de", "Brass Lamps", head, &format!("<p>312 Artikel</p>{tiles}"));
    assert_eq!(price_of(&read(&page, "https://laden.example.de/lampen/")), None);
}

#[test]
fn a_meta_tag_against_the_page_and_its_state_is_stale() {
    let head = r#"<meta property="og:type" content=product><meta property="og:price:amount" content="699,00"><meta property="og:price:currency" content=DKK>"#;
    let body = r#"<span class=price>749,00 kr</span><script>var product={"product":{"name":"Brass Lamp","price":"749.00","currency":"DKK"}};</script><button>Læg i kurv</button>"#;
    check_with("da", head, body, "749.00 DKK", "-");
}

#[test]
fn a_percentage_between_two_prices_is_no_end_of_a_range() {
    for body in [
        "<div><s>24,90 €</s> <span>-30%</span> <b>17,43 €</b></div>",
        "<div><span class=prezzo-old>€ 24,90</span><span>-30%</span><span class=prezzo-new>€ 17,43</span></div>",
    ] {
        check("it", &format!("{body}<button>Aggiungi al carrello</button>"), "17.43 EUR", "24.90 EUR");
    }
}

#[test]
fn the_sign_may_stand_for_the_decimal_mark() {
    let body = "<div class=prix><span>34</span><span class=cents>€<sup>90</sup></span><span>TTC</span></div><button>Ajouter au panier</button>";
    check("fr", body, "34.90 EUR", "-");
}

#[test]
fn both_moneys_of_a_country_that_took_the_euro_are_one_price() {
    let body = "<p>9,71 €</p><p>18,99 лв.</p><button>Купи</button>";
    check("bg", body, "9.71 EUR", "-");
    check("bg", "<p>9,71 €</p><p>21,99 лв.</p><button>Купи</button>", "-", "-");
}

#[test]
fn a_box_that_holds_both_prices_is_not_the_one_before() {
    let body = "<p class=\"product-detail-price with-list-price\">18,90 €*</p><span class=list-price-price>23,50 €*</span><small>(1,89 €* / 1 Stück)</small><button>In den Warenkorb</button>";
    check("de", body, "18.90 EUR", "23.50 EUR");
}

#[test]
fn two_pictured_boxes_are_a_list() {
    let tile = |n: usize| {
        format!(
            "<li class=product><a href=/p/{n}><img src=a.jpg></a><h4><a href=/p/{n}>Tank {n}</a></h4><span class=price>$11{n}.00</span></li>"
        )
    };
    let page = page("en-US", "Stock Tanks", "", &format!("<ul>{}{}</ul>", tile(1), tile(2)));
    assert_eq!(price_of(&read(&page, "https://shop.example.com/tanks/")), None);
}

#[test]
fn what_stands_in_the_place_of_a_sold_out_product_is_another_one() {
    let tile = "<div class=block><div class=title>More lamps</div><ol><li><a href=/p0><img src=a.jpg></a><strong><a href=/p0>Lamp A</a></strong><div class=price-box><span class=special-price><span class=price>$83.99</span></span></div></li></ol></div>";
    check("en-US", &format!("<div class=stock>Out of stock</div>{tile}"), "-", "-");
}

#[test]
fn a_list_whose_first_or_reduced_product_looks_otherwise_is_a_list() {
    let tile = |n: usize, price: &str| {
        format!(
            "<li class=item><div><a href=/p{n}><img src=a.jpg></a><strong><a href=/p{n}>Lamp {n}</a></strong><div class=price-box>{price}</div></div></li>"
        )
    };
    let plain = |n: usize| {
        tile(n, &format!("<span class=final><span class=wrap><span class=price>{n}3,99 €</span></span></span>"))
    };
    let reduced = tile(
        5,
        "<span class=special-price><span class=final><span class=wrap><span class=price>19,99 €</span></span></span></span><span class=old-price>25,00 €</span>",
    );
    for tiles in [(1..8).map(plain).collect::<String>(), format!("{reduced}{}", (1..8).map(plain).collect::<String>())]
    {
        let page = page("de", "Leuchten", "", &format!("<p>12 Artikel</p><ol class=products>{tiles}</ol>"));
        assert_eq!(price_of(&read(&page, "https://laden.example.de/leuchten.html")), None, "{tiles}");
    }
}

#[test]
fn state_that_lists_the_other_sizes_keeps_the_price_of_this_one() {
    let body = r#"<div class=prix>9,80 €</div><div class=formats>250 g – 22,50 €</div><button>Ajouter au panier</button><script type="application/json" id="__NEXT_DATA__">{"product":{"name":"Brass Lamp","price":9.8,"currency":"EUR","variants":[{"label":"250 g","price":22.5},{"label":"1 kg","price":79}]}}</script>"#;
    check("fr", body, "9.80 EUR", "-");
}

#[test]
fn an_extra_beside_a_price_on_request_is_not_the_price() {
    let body = "<p>Preis auf Anfrage</p><label><input type=checkbox> Ersatzfilter <b>12,90 €</b></label><button>In den Warenkorb</button>";
    check("de", body, "-", "-");
}

#[test]
fn the_text_of_a_box_that_strikes_another_amount_out_is_read_by_itself() {
    for body in [
        "<p class=price><del>$80.00</del> $55.00</p>",
        "<p><s>$80.00</s><br>$55.00</p>",
        "<p><span style=\"text-decoration: line-through\">$80.00</span> Now $55.00</p>",
        "<p>$55.00 <del>$80.00</del></p>",
    ] {
        check("en-US", &format!("{body}{BUY}"), "55.00 USD", "80.00 USD");
    }
}

#[test]
fn of_both_tax_views_the_one_with_tax_is_the_price() {
    for body in [
        "<span class=amount>£4.80</span> <small class=woocommerce-price-suffix>inc. VAT (<span class=amount>£4.00</span> ex. VAT)</small>",
        "<div class=price>£4.00 ex VAT<br>£4.80 inc VAT</div>",
        "<div class=price>£4.00 ex VAT £4.80 inc VAT</div>",
        "<div class=price>ex VAT £4.00 inc VAT £4.80</div>",
    ] {
        check("en-GB", &format!("<p>{body}</p><button>Add to basket</button>"), "4.80 GBP", "-");
    }
    for body in ["7,200円（税込7,920円）", "7,200円(税込7,920円)", "税抜7,200円（税込7,920円）"] {
        check("ja", &format!("<div class=price>{body}</div><button>カートに入れる</button>"), "7920 JPY", "-");
    }
}

#[test]
fn a_choice_that_is_not_made_is_not_the_price() {
    let body = "<div><label><input type=radio checked> Download 49,95 €</label><label><input type=radio> Box 59,95 €</label></div><div class=total>Gesamt: <b>49,95 €</b> inkl. MwSt.</div><button>In den Warenkorb</button>";
    check("de", body, "49.95 EUR", "-");
}

#[test]
fn what_one_of_a_pack_costs_is_told_in_a_bracket_beside_the_price() {
    let body = "<div>Karton: <strong>98,70 €</strong><br><small>(32,90 € / Kanister · 6,58 € / Liter)</small></div><button>In den Warenkorb</button>";
    check("de", body, "98.70 EUR", "-");
}

#[test]
fn an_amount_converted_for_the_reader_is_not_the_price() {
    let body = "<div class=x-price-primary><span>AU $129.00</span></div><div class=x-price-approx><span>Approximately</span> <span class=x-price-approx__price>US $84.31</span></div><button>Buy now</button>";
    check("en-AU", body, "129.00 AUD", "-");
}

#[test]
fn what_is_bid_is_no_price() {
    check("en-GB", "<p>Current bid: £31.00</p><button>Place bid</button>", "-", "-");
}

#[test]
fn a_special_offer_of_the_shop_in_front_of_the_product_is_another_one() {
    let body = "<table><tr><td><form method=post><table><tr><td><h1>Brass Lamp</h1></td><td>$499.99</td></tr></table><input type=image alt=\"Add to Cart\"></form></td></tr></table>";
    let special = "<table><tr><td>Specials</td></tr><tr><td><a href=\"product_info.php?products_id=16\"><img src=a.gif></a><br><a href=\"product_info.php?products_id=16\">Iron Chair</a><br><s>$250.00</s><br><span class=productSpecialPrice>$200.00</span></td></tr></table>";
    let page = format!("<html lang=en-US><title>Brass Lamp</title><body>{special}{body}</body></html>");
    let found = read(&page, "https://shop.example.com/product_info.php?products_id=3");
    assert_eq!(price_of(&found).as_deref(), Some("499.99 USD"), "{}", found.explanation);
}

#[test]
fn shop_software_names_the_earlier_price_in_any_language() {
    let body = r#"<span class="old-price"><span class="price-container price-final_price"><span data-price-type="oldPrice" class="price-wrapper"><span class="price">kr 329,00</span></span></span></span><span class="special-price"><span class="price-container price-final_price"><span data-price-type="finalPrice" class="price-wrapper"><span class="price">kr 249,00</span></span></span></span><button>Legg i handlekurv</button>"#;
    check("nb", body, "249.00 NOK", "329.00 NOK");
}

#[test]
fn a_shared_name_of_money_is_that_of_the_country() {
    for (url, price) in [
        ("https://shop.example.pk/p/1", "164999.00 PKR"),
        ("https://shop.example.lk/p/1", "164999.00 LKR"),
        ("https://shop.example.in/p/1", "164999.00 INR"),
    ] {
        let found = read(&page("en", "Brass Lamp", "", &format!("<span class=price>Rs.164,999</span>{BUY}")), url);
        assert_eq!(price_of(&found).as_deref(), Some(price), "{url}");
    }
}

#[test]
fn a_denied_stock_phrase_says_that_there_is_none() {
    for (lang, words) in [("fi", "Ei varastossa"), ("et", "Ei ole laos"), ("sr", "Nema na stanju"), ("he", "לא במלאי")]
    {
        let found = read(&page(lang, "Brass Lamp", "", &format!("<p>49,00 €</p><div>{words}</div>")), SHOP);
        let told = found.offer.map(|offer| offer.availability);
        assert_eq!(told, Some(Availability::OutOfStock), "{words}");
    }
}

#[test]
fn markup_of_another_product_or_in_cents_is_not_believed_against_the_page() {
    let body = "<b>749,00 €</b><button>In den Warenkorb</button>";
    let markup = |name: &str, price: &str| {
        format!(
            r#"<script type="application/ld+json">{{"@type":"Product","name":"{name}","offers":{{"price":"{price}","priceCurrency":"EUR"}}}}</script>"#
        )
    };
    check_with("de", &markup("Quora 77", "337.05"), body, "-", "-");
    check_with("de", &markup("Brass Lamp", "74900"), body, "-", "-");
    check_with("de", &markup("Brass Lamp", "749.00"), body, "749.00 EUR", "-");
}

#[test]
fn names_of_units_are_no_money_where_people_pay_with_another_one() {
    for (lang, words) in [("de", "30 den"), ("fr", "40 DEN"), ("de", "DIN 933"), ("hu", "Db 36")] {
        check(lang, &format!("<p>{words}</p><button>Add to cart</button>"), "-", "-");
    }
}

#[test]
fn a_price_per_measure_may_have_its_measure_in_front() {
    let body = "<div class=price-amount>3.29</div><div>per kg €16,45</div><button>In winkelwagen</button>";
    check("nl", body, "3.29 EUR", "-");
}

#[test]
fn a_split_price_in_the_box_of_a_struck_one_is_the_price() {
    let body = "<div class=detail-price><span><s>329,90 Lei</s> PRP</span> 249<sup>,90</sup> Lei</div><button>Adaugă în coș</button>";
    check("ro", body, "249.90 RON", "329.90 RON");
}

#[test]
fn a_class_names_the_amount_without_tax() {
    let body = "<div class=price-box><span class=price-wrapper><span class=price>21,90 €</span></span><span class=\"price-wrapper price-excluding-tax\"><span class=price>17,45 €</span></span></div><button>Lisää ostoskoriin</button>";
    check("fi", body, "21.90 EUR", "-");
}

#[test]
fn what_members_pay_may_be_told_behind_the_amount() {
    let body = "<div>£4.75</div><div>£8.64/kg</div><div>£3.50 Clubcard Price <span>£6.36/kg</span></div><button>Add to basket</button>";
    check("en-GB", body, "4.75 GBP", "-");
}
