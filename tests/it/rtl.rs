//! Titles that run from right to left beside prices, as a real browser lays them out: number, title, old price, arrow and
//! new price stand in that order on the screen, narrow and wide.

use omniprice::config::Language;
use omniprice::report::alert_text;
use omniprice::report::alerts::{Body, Item};
use omniprice::report::digest::render;
use serde_json::{Value, json};

use crate::digest_day::{full, reader};
use crate::report::{Browser, folder};

/// Hebrew and Arabic, with digits, brackets and arrows at their ends: what drags a neighbour along if it can.
const TITLES: [&str; 4] = ["קומקום חשמלי 1.7", "(2026) غلاية كهربائية 500", "← קומקום → 12", "Kettle غلاية"];

/// For every pair of elements or words that follow each other: what stands before its predecessor on the screen. A box is
/// after another one if it begins on a lower line, or on the same line and not left of where the other one ends.
const ORDER: &str = r"
const boxes = (node, from, to) => { const r = document.createRange(); r.setStart(node, from); r.setEnd(node, to); return [...r.getClientRects()].filter(b => b.width > 0); };
const after = (a, b) => { const x = a[a.length - 1], y = b[0]; return y.top >= x.bottom - 2 || (y.left >= Math.max(...a.filter(o => Math.abs(o.top - y.top) < 4).map(o => o.right), 0) - 1); };
const wrong = []; let rows = 0, words = 0;
const inOrder = node => {
  const text = node.nodeValue, found = [...text.matchAll(/[^\s\u00a0]+/g)].filter(m => !/[\u0590-\u08ff]/.test(m[0]));
  let last = null;
  for (const m of found) {
    const b = boxes(node, m.index, m.index + m[0].length);
    if (!b.length) continue;
    words += 1;
    if (last && !after(last.b, b)) wrong.push(last.w + ' | ' + m[0] + ' in ' + text);
    last = { b, w: m[0] };
  }
};
for (const row of document.querySelectorAll('li')) {
  const what = row.querySelector('.what'), price = row.querySelector('.price');
  if (what && price) {
    rows += 1;
    if (!after([...what.getClientRects()], [...price.getClientRects()])) wrong.push('price before title: ' + row.innerText);
    inOrder(price.firstChild);
    const text = what.firstChild.nodeValue, start = text.indexOf('\u2068');
    if (start > 0 && !after(boxes(what.firstChild, 0, start - 1), boxes(what.firstChild, start, text.length))) wrong.push('title before number: ' + text);
  }
  if (!what && row.firstChild && row.firstChild.nodeType === 3) {
    rows += 1;
    const node = row.firstChild, end = node.nodeValue.indexOf('\u2069');
    const rest = document.createRange(); rest.setStart(node, Math.max(end, 0)); rest.setEnd(node, node.nodeValue.length);
    const own = boxes(node, 0, end + 1);
    const split = node.splitText(Math.max(end + 1, 0));
    inOrder(split);
    const first = boxes(split, 0, Math.min(4, split.nodeValue.length));
    if (end > 0 && first.length && !after(own, first)) wrong.push('message before number: ' + row.innerText);
  }
}
return { wrong, rows, words, width: window.innerWidth, scroll: document.documentElement.scrollWidth };
";

fn alert(sku: &str) -> Body {
    let item = |kind: &str, message: &str| Item {
        kind: kind.into(),
        severity: "critical".into(),
        sku: Some(sku.into()),
        channel: Some("webshop".into()),
        competitor: None,
        message: message.into(),
        hint: "omniprice explain SKU".into(),
        times: 1,
        first_at: crate::digest_day::UNTIL.0,
        resolved_at: None,
    };
    let items = vec![
        item("held_at_door", "not sent to webshop: 479.00 DKK is below the floor 499.00 DKK"),
        item("floor_breach", "webshop shows 479.00 DKK → 499.00 DKK is the floor"),
    ];
    Body { open: items.len(), items, resolved: 0 }
}

fn check(browser: &Browser, name: &str, page: &str) {
    let file = folder().join(format!("{name}.html"));
    std::fs::write(&file, page).unwrap();
    for width in [360, 800] {
        browser.open(&file, width, "light");
        let seen: Value = browser.script(ORDER);
        browser.screenshot(&folder().join(format!("{name}-{width}.png")));
        assert_eq!(seen["wrong"], json!([]), "{name} at {width} px: {seen}");
        assert!(seen["rows"].as_u64().unwrap() >= 2 && seen["words"].as_u64().unwrap() >= 8, "{name}: {seen}");
        assert!(seen["scroll"].as_u64().unwrap() <= u64::from(width), "it scrolls sideways: {name}: {seen}");
    }
}

#[test]
fn titles_from_right_to_left_leave_prices_and_arrows_in_their_order() {
    let Some(browser) = Browser::start() else { return };
    // What is checked must be able to fail: without the isolation of titles a browser does turn the row around.
    let page = render(&full(TITLES[0]), &reader(Language::En, |_| {})).unwrap().page();
    let bare = folder().join("rtl-bare.html");
    let turned =
        page.replace("</span> <span class=\"price\">", " <span class=\"price\">").replace(['\u{2068}', '\u{2069}'], "");
    std::fs::write(&bare, turned.replace("class=\"what\"", "dir=\"rtl\" class=\"what\"")).unwrap();
    browser.open(&bare, 800, "light");
    assert_ne!(browser.script(ORDER)["wrong"], json!([]), "a row that is turned around is seen to be");
    for (n, title) in TITLES.into_iter().enumerate() {
        for language in [Language::En, Language::De] {
            let voice = reader(language, |_| {});
            let code = language.code();
            check(&browser, &format!("rtl-digest-{n}-{code}"), &render(&full(title), &voice).unwrap().page());
            let told = alert_text::render(&alert(title), false, &voice.voice, &[]).unwrap();
            check(&browser, &format!("rtl-alert-{n}-{code}"), &told.page());
        }
    }
}
