//! Pages whose product stands in embedded state alone: the shapes in which frameworks and shop systems ship it, and the
//! ones of other products that must not be taken for it.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use omniprice::extract::{Availability, Extraction, PriceKind};

use crate::extract::read;
use crate::shop_page::{SHOP, prices};

fn page(title: &str, body: &str) -> String {
    format!("<html lang=en><title>{title} | Shop</title><div id=app></div>{body}")
}

/// A page that sets one variable and shows nothing.
fn state(object: &str) -> Extraction {
    read(&page("Brass Lamp", &format!("<script>window.__STATE__={object}</script>")), SHOP)
}

fn told(price: &str, list: Option<&str>) -> (Option<String>, Option<String>) {
    (Some(price.to_owned()), list.map(str::to_owned))
}

#[test]
fn server_components_are_read_across_their_scripts() {
    let body = r#"<script>(self.__next_f=self.__next_f||[]).push([0])</script>
        <script>self.__next_f.push([1,"1:I[7,[\"a.js\"],\"Page\"]\n2:T18,{\"price\": 1, \"name\": [[["])</script>
        <script>self.__next_f.push([1,"5:[\"$\",\"$L1\",null,{\"product\":{\"name\":\"Brass La"])</script>
        <script>self.__next_f.push([1,"mp\",\"price\":{\"value\":129.5,\"currency\":\"EUR\"},\"listPrice\":\"$7\"}}]\n"])</script>"#;
    assert_eq!(prices(&read(&page("Brass Lamp", body), SHOP)), told("129.50 EUR", None));
    let other = body.replace("Brass La", "Steel Chai").replace("mp\\\"", "r\\\"");
    assert_eq!(prices(&read(&page("Brass Lamp", &other), SHOP)), (None, None));
}

#[test]
fn nuxt_is_read_in_both_of_its_forms() {
    let flat = r#"<script type="application/json" id="__NUXT_DATA__">[["ShallowReactive",1],{"data":2,"state":3},{"p":4},{},{"name":5,"price":6,"listPrice":7,"currency":8,"availability":9,"ean":10},"Brass Lamp",129.5,159,"SEK","IN_STOCK","5703008167052"]</script>"#;
    let found = read(&page("Brass Lamp", flat), SHOP);
    assert_eq!(prices(&found), told("129.50 SEK", Some("159.00 SEK")));
    let offer = found.offer.unwrap();
    assert_eq!((offer.availability, offer.gtin.as_deref()), (Availability::InStock, Some("5703008167052")));
    let factored = r#"<script>window.__NUXT__=(function(a,b,c){return {layout:"default",data:[{product:{id:c,name:a,price:{current:b,before:159,currency:"SEK"}}}]}}("Brass Lamp",129.5,7));</script>"#;
    assert_eq!(prices(&read(&page("Brass Lamp", factored), SHOP)), told("129.50 SEK", Some("159.00 SEK")));
}

#[test]
fn a_price_is_found_in_the_shape_of_each_shop_system() {
    for (object, price, list) in [
        (
            r#"{"product":{"title":"Brass Lamp","selectedVariant":{"id":"1","price":{"amount":"129.50","currencyCode":"EUR"},"compareAtPrice":{"amount":"159.00","currencyCode":"EUR"}}}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":{"en-GB":"Brass Lamp","de":"Lampe"},"masterVariant":{"sku":"L1","prices":[{"value":{"centAmount":12950,"fractionDigits":2,"currencyCode":"EUR"}}]}}}"#,
            "129.50 EUR",
            None,
        ),
        (
            r#"{"product":{"title":"Brass Lamp","variants":{"nodes":[{"id":"1","price":{"amount":"129.50","currencyCode":"EUR"}}]}}}"#,
            "129.50 EUR",
            None,
        ),
        (
            r#"{"product":{"title":"Brass Lamp","variants":{"edges":[{"node":{"price":"129.50"}},{"node":{"price":"129.50"}}]},"currency":"EUR"}}"#,
            "129.50 EUR",
            None,
        ),
        (
            r#"{"product":{"name":"Brass Lamp","offers":[{"price":129.5,"currency":"EUR","seller":"A"}]}}"#,
            "129.50 EUR",
            None,
        ),
        (
            r#"{"product":{"name":"Brass Lamp","pricing":{"current":{"amount":129.5,"currency":"EUR"},"was":{"amount":159,"currency":"EUR"}}}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","price_range":{"minimum_price":{"final_price":{"value":129.5,"currency":"EUR"},"regular_price":{"value":159,"currency":"EUR"}}}}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","calculatedPrice":{"unitPrice":129.5,"totalPrice":129.5}},"currency":"EUR"}"#,
            "129.50 EUR",
            None,
        ),
        (
            r#"{"product":{"productName":"Brass Lamp","price":{"sales":{"value":129.5,"currency":"EUR"},"list":{"value":159,"currency":"EUR"}}}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","prices":{"price":"12950","regular_price":"15900","currency_code":"EUR","currency_minor_unit":2}}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","price":{"discountedPrice":{"text":"129,50 TL","value":129.5},"originalPrice":{"text":"159 TL","value":159},"currency":"TRY"}}}"#,
            "129.50 TRY",
            Some("159.00 TRY"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","price":{"profitMargin":0,"discountedPrice":{"value":129.5},"sellingPrice":{"value":159},"originalPrice":{"value":159},"currency":"TRY"}}}"#,
            "129.50 TRY",
            Some("159.00 TRY"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","price":159,"salePrice":129.5,"currency":"EUR"}}"#,
            "129.50 EUR",
            Some("159.00 EUR"),
        ),
        (
            r#"{"product":{"name":"Brass Lamp","price":129.5,"salePrice":null,"finalPrice":159,"currency":"EUR"}}"#,
            "129.50 EUR",
            None,
        ),
    ] {
        assert_eq!(prices(&state(object)), told(price, list), "{object}");
    }
}

#[test]
fn state_that_counts_cents_without_saying_so_is_no_price() {
    let script =
        r#"<script>window.__STATE__={"product":{"name":"Brass Lamp","price":12950,"currency":"EUR"}}</script>"#;
    let shown =
        |text: &str| prices(&read(&page("Brass Lamp", &format!("{script}<footer><p>{text}</p></footer>")), SHOP)).0;
    assert_eq!(shown("Last seen: 129.50 EUR"), None);
    assert_eq!(shown("Last seen: 77.50 EUR").as_deref(), Some("12950.00 EUR"), "nothing speaks against it");
}

#[test]
fn variants_that_differ_are_a_range_unless_one_is_named() {
    let variants = r#"{"product":{"title":"Brass Lamp","variants":[{"id":"4001","price":"129.50"},{"id":"4002","price":"149.50"}],"currency":"EUR"}}"#;
    let found = state(variants);
    let offer = found.offer.unwrap();
    assert_eq!((offer.kind, offer.high_price.unwrap().to_string().as_str()), (PriceKind::Range, "149.50 EUR"));
    let script = format!("<script>window.__STATE__={variants}</script>");
    let named = read(&page("Brass Lamp", &script), &format!("{SHOP}?variant=4002"));
    assert_eq!(prices(&named), told("149.50 EUR", None));
    let magento = r#"{"product":{"name":"Brass Lamp","price_range":{"minimum_price":{"final_price":{"value":129.5,"currency":"EUR"}},"maximum_price":{"final_price":{"value":149.5,"currency":"EUR"}}}}}"#;
    assert_eq!(state(magento).offer.unwrap().kind, PriceKind::Range);
}

#[test]
fn a_list_of_other_products_gives_no_price() {
    for object in [
        // The page's name stands above a list of others.
        r#"{"seo":{"title":"Brass Lamp","offers":[{"name":"Steel Chair","price":40,"currency":"EUR"}]}}"#,
        r#"{"page":{"title":"Brass Lamp","items":[{"name":"Steel Chair","price":40,"currency":"EUR"}]}}"#,
        r#"{"related":{"product":{"name":"Brass Lamp","selectedVariant":{"price":40}},"currency":"EUR"}}"#,
        // In a list of things a name that is a part of the page's is another thing's.
        r#"{"currency":"EUR","things":[{"name":"Brass Lamp Nova","price":40},{"name":"Chair","price":41},{"name":"Desk","price":42}]}"#,
    ] {
        let script = format!("<script>window.__STATE__={object}</script>");
        let title = if object.contains("Nova") { "Brass Lamp Nova Extra Tall Edition" } else { "Brass Lamp" };
        assert_eq!(prices(&read(&page(title, &script), SHOP)), (None, None), "{object}");
    }
}

#[test]
fn attributes_of_any_element_hold_state() {
    let json = r#"{"product":{"name":"Brass Lamp","price":129.5,"currency":"PLN"}}"#.replace('"', "&quot;");
    let pairs =
        r#"{"product":[0,{"name":[0,"Brass Lamp"],"price":[0,129.5],"currency":[0,"PLN"]}]}"#.replace('"', "&quot;");
    for tag in [
        format!(r#"<add-to-cart :product="{json}"></add-to-cart>"#),
        format!(r#"<div data-react-props="{json}"></div>"#),
        format!(r#"<div wire:snapshot="{json}"></div>"#),
        format!(r#"<div data-shop-product-value='{}'></div>"#, json.replace("&quot;", "\"")),
        format!(r#"<astro-island props="{pairs}"></astro-island>"#),
    ] {
        assert_eq!(prices(&read(&page("Brass Lamp", &tag), SHOP)), told("129.50 PLN", None), "{tag}");
        let aside = tag.replace(" :product=", " :recommended=");
        if aside != tag {
            assert_eq!(prices(&read(&page("Brass Lamp", &aside), SHOP)), (None, None), "{aside}");
        }
    }
}

#[test]
fn state_written_with_references_or_as_an_address_is_read() {
    let angular = "<script id=shop-state type='application/json'>{&q;body&q;:{&q;title&q;:&q;Brass Lamp&q;,&q;price&q;:1295,&q;currency&q;:&q;UAH&q;}}</script>";
    assert_eq!(prices(&read(&page("Brass Lamp", angular), SHOP)), told("1295.00 UAH", None));
    let encoded = "<script>a=JSON.parse(decodeURIComponent(\"%7B%22name%22%3A%22Brass%20Lamp%22%2C%22price%22%3A129.5%2C%22currency%22%3A%22EUR%22%7D\"))</script>";
    assert_eq!(prices(&read(&page("Brass Lamp", encoded), SHOP)), told("129.50 EUR", None));
}

#[test]
fn a_declarative_shadow_root_is_seen_and_a_plain_template_is_not() {
    let shown = |mode: &str| {
        let html = format!(
            "<html lang=de><title>Lampe</title><h1>Lampe Nord</h1><x-price><template{mode}><div class=price>129,50 €</div></template></x-price><x-buy><template{mode}><button>In den Warenkorb</button></template></x-buy>"
        );
        prices(&read(&html, "https://laden.example.de/p/lampe"))
    };
    assert_eq!(shown(" shadowrootmode=open"), told("129.50 EUR", None));
    assert_eq!(shown(""), (None, None));
}

#[test]
fn a_stated_code_outranks_the_number_in_the_address() {
    let layer = r#"<script>dataLayer.push({"event":"view_item","ecommerce":{"currency":"GBP","items":[{"item_id":"HX-887772","item_name":"Brass Lamp","price":19.5}]}});</script>"#;
    let found = read(&page("Brass Lamp", layer), "https://www.shop.example.co.uk/p/brass-lamp-54613");
    assert_eq!(found.offer.unwrap().sku.as_deref(), Some("HX-887772"));
}
