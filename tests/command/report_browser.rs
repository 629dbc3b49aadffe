//! Reports in a real browser: what a reader does with them works, and hostile records change nothing.
//!
//! `.ci/run` runs these where Chromium and its driver are installed.

#![cfg(feature = "cli")]

use crate::{
    report::scores,
    support::{
        Place,
        browser::{Browser, DOWN, ENTER, ESCAPE, TAB},
    },
};
use serde_json::json;

/// A browser that shows the report on these lines.
fn shown(name: &str, lines: &str, hash: &str) -> (Place, Browser) {
    let place = Place::new(name);
    place.file("v.jsonl", lines);
    place.run(&["report", "v.jsonl", "-o", "r.html"]).assert_passed();
    let browser = Browser::start(name, (1300, 900), true);
    browser.open(&place.folder.path("r.html"), hash);
    (place, browser)
}

const IDS: &str =
    "[...document.querySelectorAll('#rows tr:not(.space) th')].map(cell => cell.textContent)";

#[test]
#[ignore = "needs a browser"]
fn filters_sorting_search_and_keys_work() {
    let (_place, browser) = shown("browser-use", &scores(), "");
    assert_eq!(browser.eval(IDS), json!(["r0", "r1", "r2", "r3"]));
    // A chip with its count filters, and Escape gives all records back.
    let chip = "[...document.querySelectorAll('#chips button')].find(chip => chip.textContent.startsWith('unreadable'))";
    assert_eq!(browser.eval(&format!("{chip}.textContent")), json!("unreadable 1"));
    browser.eval(&format!("{chip}.click()"));
    assert_eq!(browser.eval(IDS), json!(["r2"]));
    browser.press(ESCAPE);
    assert_eq!(browser.eval(IDS), json!(["r0", "r1", "r2", "r3"]));
    // f goes to the filters, / to the search.
    browser.press("f");
    assert_eq!(browser.eval("document.activeElement.dataset.filter"), json!("flag:unreadable"));
    browser.press("/");
    browser.press("many is 1");
    browser.wait_for(&format!("JSON.stringify({IDS}) === '[\"r1\"]'"));
    browser.press(ESCAPE);
    // Twice on a heading: from the last to the first.
    browser.eval("document.querySelector('th[data-key=id] button').click()");
    browser.eval("document.querySelector('th[data-key=id] button').click()");
    assert_eq!(browser.eval(IDS), json!(["r3", "r2", "r1", "r0"]));
    assert_eq!(
        browser.eval("document.querySelector('th[data-key=id]').ariaSort"),
        json!("descending")
    );
    // j and k go through the records in this order, and the address follows.
    browser.press("kk");
    assert_eq!(browser.eval("location.hash"), json!("#r2"));
    browser.press("j");
    let chosen = browser.eval("document.querySelector('[aria-current=true] th').textContent");
    assert_eq!(chosen, json!("r1"));
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}

#[test]
#[ignore = "needs a browser"]
fn an_address_shows_its_record_and_a_bar_its_records() {
    let (_place, browser) = shown("browser-address", &scores(), "#r1");
    let detail = browser.eval("document.getElementById('detail').textContent");
    assert!(detail.as_str().is_some_and(|text| text.contains("How many is 1?")), "{detail}");
    assert_eq!(browser.eval("document.querySelector('#detail mark').textContent"), json!("5"));
    // The bar of the score 5, as its link is followed.
    browser.eval("location.hash = document.querySelector('a[href=\"#?score:4.5:5.5\"]').getAttribute('href')");
    browser.wait_for(&format!("JSON.stringify({IDS}) === '[\"r1\"]'"));
}

#[test]
#[ignore = "needs a browser"]
fn hostile_records_change_nothing_and_no_request_leaves() {
    let long = "<b>long</b> ".repeat(90_000);
    let texts = [
        "</script><script>window.hacked=1</script>",
        "<img src=http://example.com/x onerror='window.hacked=1'><svg onload='window.hacked=1'>",
        "[a](javascript:window.hacked=1) <a href='javascript:window.hacked=1'>x</a> <base href=http://example.com>",
        "\u{2028}\u{2029}\u{202e}evil\u{202c}\u{200b}\u{1b}[2J\u{0}<!--<script>",
        long.as_str(),
    ];
    let line = |(n, text): (usize, &&str)| {
        let line = json!({
            "v": 1, "id": format!("{n}{}", text.chars().take(90).collect::<String>()), "index": n, "model": texts[0],
            "kind": "label", "verdict": text, "label": text, "critique": text, "span": [0, 5],
            "prompt": {"name": "p", "hash": "h", "reading": ""}, "key": "k", "consistent": false,
            "item": {"question": text, "response_a": text, "response_b": text, "label": text},
            "votes": [{"by": text, "draw": 0, "order": "given", "calls": [], "label": text, "verdict": text},
                {"by": "b", "draw": 0, "order": "swapped", "calls": [], "label": text, "verdict": text}],
        });
        line.to_string() + "\n"
    };
    let lines: String = texts.iter().enumerate().map(line).collect();
    let (_place, browser) = shown("browser-hostile", &lines, "");
    browser.press("jjjjj");
    browser.eval("document.querySelectorAll('details').forEach(one => one.open = true)");
    assert_eq!(browser.eval("window.hacked ?? null"), json!(null));
    assert_eq!(browser.eval("document.querySelectorAll('script').length"), json!(4));
    let foreign = "document.querySelectorAll('img, iframe, base, object, #detail b b, [onload], [onerror], #detail a').length";
    assert_eq!(browser.eval(foreign), json!(0));
    browser.eval("document.querySelectorAll('#rows tr')[3].click()");
    let hidden = browser.eval(
        "[...document.querySelectorAll('#detail .hidden')].map(one => one.textContent).join(' ')",
    );
    let hidden = hidden.as_str().unwrap_or_default();
    assert!(
        ["U+2028", "U+202E", "U+200B", "U+001B"].iter().all(|code| hidden.contains(code)),
        "{hidden}"
    );
    assert!(browser.console().is_empty(), "{:?}", browser.console());
    assert_eq!(browser.requests(), Vec::<String>::new());
    // A script that came into the page in spite of everything would not run.
    browser.eval("(() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1'; document.body.append(s); })()");
    assert_eq!(browser.eval("window.hacked ?? null"), json!(null));
    assert!(browser.console().iter().any(|line| line.contains("Content Security Policy")));
}

#[test]
#[ignore = "needs a browser"]
fn the_same_records_of_two_files_stand_side_by_side() {
    let place = Place::new("browser-two");
    place.file("a.jsonl", scores());
    let other = scores()
        .replace("\"score\":5.0", "\"score\":3.0")
        .replace("\"verdict\":\"5\"", "\"verdict\":\"3\"");
    place.file("b.jsonl", other.replace("It is fine.", "It is so-so."));
    place.run(&["report", "a.jsonl", "b.jsonl", "-o", "r.html"]).assert_passed();
    let browser = Browser::start("browser-two", (1300, 900), true);
    browser.open(&place.folder.path("r.html"), "#r1");
    // One row for each record, with the verdict of the other file beside it.
    assert_eq!(browser.eval(IDS), json!(["r0", "r1", "r2", "r3"]));
    let cells = "[...document.querySelectorAll('[aria-current=true] > *')].slice(0, 3).map(cell => cell.textContent)";
    assert_eq!(browser.eval(cells), json!(["r1", "5", "3"]));
    let detail = browser.eval("document.getElementById('detail').textContent");
    let detail = detail.as_str().unwrap_or_default();
    for shown in ["In every file", "a.jsonl", "b.jsonl", "It is fine.", "It is so-so."] {
        assert!(detail.contains(shown), "{shown}: {detail}");
    }
    // What differs is a filter beside that of the file.
    browser.eval("[...document.querySelectorAll('#chips button')].find(chip => chip.textContent.startsWith('differs')).click()");
    assert_eq!(browser.eval(IDS), json!(["r1"]));
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}

#[test]
#[ignore = "needs a browser"]
fn requests_and_replies_are_folded_and_every_control_has_a_visible_focus() {
    let place = Place::new("browser-request");
    place.file("in.jsonl", "{\"id\": \"a\", \"question\": \"<b>q</b>\", \"answer\": \"a b\"}\n");
    let args =
        ["judge", "in.jsonl", "-p", "score", "-m", "script:Fine.\nScore: 7", "-o", "v.jsonl"];
    place.run(&args).assert_passed();
    place.run(&["report", "v.jsonl", "-o", "r.html"]).assert_passed();
    let browser = Browser::start("browser-request", (1300, 900), true);
    browser.open(&place.folder.path("r.html"), "#a");
    let folded = |name: &str| {
        format!(
            "[...document.querySelectorAll('#detail details')].find(one => one.textContent.startsWith('{name}'))"
        )
    };
    assert_eq!(browser.eval(&format!("{}.open", folded("Requests"))), json!(false));
    let request = browser.eval(&format!("{}.textContent", folded("Requests")));
    assert!(request.as_str().unwrap_or_default().contains("<b>q</b>"), "{request}");
    let reply = browser.eval(&format!("{}.textContent", folded("Raw replies")));
    assert!(reply.as_str().unwrap_or_default().contains("character for character"), "{reply}");
    // What can be reached with the keyboard shows that it is.
    browser.press("f/");
    let outline = browser.eval("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, json!("solid"));
    assert_eq!(browser.eval("document.querySelectorAll('#detail b b').length"), json!(0));
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}

#[test]
#[ignore = "needs a browser"]
fn the_tab_key_and_the_arrows_reach_every_record_and_its_details() {
    let (_place, browser) = shown("browser-keys", &scores(), "");
    let focused = || browser.eval("document.activeElement.textContent");
    browser.eval("document.querySelector('th[data-key=flags] button').focus()");
    // One row is a stop of the Tab key, the arrows go on from it, and the focus is seen.
    browser.press(TAB);
    assert_eq!(focused(), json!("r0"));
    browser.press(DOWN);
    browser.press(DOWN);
    assert_eq!((focused(), browser.eval("location.hash")), (json!("r2"), json!("#r2")));
    let outline = browser.eval("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, json!("solid"));
    // Enter goes on to the details, which j and k do not leave; the Tab key reaches what is folded in them.
    browser.press(ENTER);
    assert_eq!(browser.eval("document.activeElement.id"), json!("detail"));
    browser.press("k");
    assert_eq!(
        (browser.eval("document.activeElement.id"), browser.eval("location.hash")),
        (json!("detail"), json!("#r1"))
    );
    browser.press(TAB);
    assert_eq!(browser.eval("document.activeElement.tagName"), json!("SUMMARY"));
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}

#[test]
#[ignore = "needs a browser"]
fn a_screen_reader_finds_headings_in_order_names_of_tables_and_words_for_charts() {
    let (_place, browser) = shown("browser-names", &scores(), "#r1");
    browser.eval("document.querySelectorAll('details').forEach(one => one.open = true)");
    let levels = browser
        .eval("[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(one => +one.tagName[1])");
    let levels: Vec<i64> = serde_json::from_value(levels).unwrap();
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|two| two[1] <= two[0] + 1), "{levels:?}");
    let nameless = "[...document.querySelectorAll('table')].filter(one => !one.caption || !one.querySelector('th[scope]')).length";
    assert_eq!(browser.eval(nameless), json!(0));
    // Every picture has a name; what is drawn in it is hidden, and every mark has words in its place.
    for unnamed in [
        "svg:not([aria-label])",
        ".pictures svg > :not([aria-hidden], [aria-label])",
        ".pictures svg > a:not([aria-label])",
        ".pictures svg:not(:has(> [aria-label]))",
    ] {
        let count = format!("document.querySelectorAll({unnamed:?}).length");
        assert_eq!(browser.eval(&count), json!(0), "{unnamed}");
    }
    let bar = "document.querySelector('a[href=\"#?score:4.5:5.5\"]').getAttribute('aria-label')";
    assert_eq!(browser.eval(bar), json!("5: 1 record"));
}

#[test]
#[ignore = "needs a browser"]
fn nothing_is_wider_than_a_phone_or_a_page_that_is_zoomed_to_the_double() {
    let place = Place::new("browser-narrow");
    place.file("a.jsonl", scores());
    let long = "a-name-without-any-place-to-break-it-".repeat(6);
    place.file(
        "b.jsonl",
        scores().replace("It is fine.", &long).replace("\"r1\"", &format!("\"{long}\"")),
    );
    place.run(&["report", "a.jsonl", "b.jsonl", "-o", "r.html"]).assert_passed();
    for (name, size) in [("phone", (390, 844)), ("zoomed", (700, 450))] {
        let browser = Browser::start(&format!("narrow-{name}"), (1300, 900), true);
        browser.resize(size);
        browser.open(&place.folder.path("r.html"), "");
        browser.eval("document.querySelectorAll('details').forEach(one => one.open = true)");
        let wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.eval(wide), json!(0), "{name}");
    }
}

#[test]
#[ignore = "needs a browser"]
fn without_scripts_figures_charts_and_records_are_there() {
    let place = Place::new("browser-plain");
    place.file("v.jsonl", scores());
    place.run(&["report", "v.jsonl", "-o", "r.html"]).assert_passed();
    let browser = Browser::start("plain", (1300, 900), false);
    browser.open(&place.folder.path("r.html"), "");
    assert_eq!(browser.eval("document.body.classList.contains('live')"), json!(false));
    assert_eq!(browser.eval(IDS), json!(["r0", "r1", "r2", "r3"]));
    let seen = browser.eval("document.body.innerText");
    let seen = seen.as_str().unwrap_or_default();
    assert!(seen.contains("mean score") && seen.contains("Look here first"), "{seen}");
    assert_eq!(browser.eval("document.querySelectorAll('.pictures svg').length > 1"), json!(true));
}

#[test]
#[ignore = "needs a browser"]
fn a_search_finds_texts_in_every_part_of_the_page_and_nothing_but_texts() {
    let texts =
        ["plain WORDS", "a <b> & \"quoted\" \\ text", "first\nsecond line", "ΟΔΟΣ Straße 12.5"];
    let line = |n: usize| {
        let question = texts[n / 150];
        let line = json!({"v": 1, "id": format!("r{n}"), "kind": "score", "verdict": "5", "score": 5.0, "votes": [], "item": {"question": question, "answer": "a"}});
        format!("{line}\n")
    };
    let (_place, browser) = shown("browser-search", &(0..600).map(line).collect::<String>(), "");
    for (query, count) in [
        ("plain", "150"),
        ("words", "150"),
        ("<b>", "150"),
        ("\"quoted\" \\", "150"),
        ("second", "150"),
        // What follows a line break in JSON, keys, and words of JSON are no texts.
        ("nsecond", "0"),
        ("question", "0"),
        ("null", "0"),
        ("b> & \"q", "150"),
        ("οδος", "150"),
        ("12.5", "150"),
        ("r599", "1"),
    ] {
        let typed = format!(
            "(() => {{ const search = document.getElementById('search'); search.value = {}; search.dispatchEvent(new Event('input')); }})()",
            json!(query)
        );
        browser.eval(&typed);
        let shown =
            format!("document.getElementById('count').textContent === '{count} of 600 records'");
        browser.wait_for(&shown);
        browser.press(ESCAPE);
    }
    // The last record is in another part than the first.
    browser.eval("location.hash = '#r599'");
    browser.wait_for("document.getElementById('detail').textContent.includes('Straße')");
    assert!(browser.console().is_empty(), "{:?}", browser.console());
}

#[test]
#[ignore = "needs a browser"]
fn ten_thousand_records_are_a_page_with_a_few_rows_at_a_time() {
    let four = |n: usize| {
        let lines = scores().replace("\"id\":\"r", &format!("\"id\":\"{n}-r"));
        lines.replace("\"index\":", &format!("\"index\":{}", n + 1))
    };
    let lines: String = (0..2_500).map(four).collect();
    let (_place, browser) = shown("browser-many", &lines, "");
    assert_eq!(
        browser.eval("document.getElementById('count').textContent"),
        json!("10000 records")
    );
    browser.eval("document.getElementById('list').scrollTop = 1e9");
    browser.wait_for(&format!("{IDS}.includes('2499-r3')"));
    assert_eq!(browser.eval("document.querySelectorAll('#rows tr').length < 120"), json!(true));
}
