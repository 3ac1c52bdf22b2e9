//! The status page in a real browser, as people at the site see it. `tests/run` runs these where there is a
//! Chromium; with `BROWSER_PICTURES` set to a directory they leave pictures there.

mod chromium;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sightline_model::snapshot::Snapshot;
use sightline_model::{Severity, Verdict};

use crate::web::{Served, page, snapshot};
use chromium::Browser;

/// A phone, a desk and a wall.
const WINDOWS: [(u32, u32); 3] = [(390, 844), (1366, 768), (1920, 1080)];

const LOOK: &str = include_str!("browser/look.js");

/// Something is wrong, and the flow can succeed.
fn degraded() -> Snapshot {
    let mut known = snapshot(true);
    let status = Arc::make_mut(&mut known.status);
    status.verdict = Verdict::Degraded;
    for network in &mut status.networks {
        network.verdict = Verdict::Degraded;
        for cause in &mut network.root_causes {
            cause.severity = Severity::Degrading;
        }
        for stage in &mut network.stages {
            if stage.verdict == Verdict::NotReady {
                stage.verdict = Verdict::Degraded;
            }
        }
    }
    known
}

/// A site of everything, with names that are as long as they may be.
fn crowded() -> Snapshot {
    let (mut known, _history) = page::worst(1);
    let status = Arc::make_mut(&mut known.status);
    let long = "anamewithoutanend".repeat(12);
    for network in &mut status.networks {
        network.domain_controllers[0].name = long.clone();
        for cause in &mut network.root_causes {
            cause.summary = format!("tcp/445 on {long} does not answer.");
        }
        for stage in &mut network.stages {
            for finding in &mut stage.findings {
                finding.summary.clone_from(&long);
            }
        }
    }
    for check in Arc::make_mut(&mut known.checks).iter_mut().step_by(3) {
        check.target.clone_from(&long);
    }
    known
}

fn cold() -> Snapshot {
    Snapshot {
        is_warm: false,
        ..snapshot(true)
    }
}

fn address(served: &Served) -> String {
    format!("http://{}/", served.address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn the_page_is_readable_in_every_state_and_on_every_display() {
    let pictures = std::env::var_os("BROWSER_PICTURES").map(PathBuf::from);
    let mut browser = Browser::start();
    let mut wrong = Vec::new();
    for (state, known) in [
        ("ready", snapshot(false)),
        ("degraded", degraded()),
        ("not-ready", snapshot(true)),
        ("unknown", cold()),
        ("crowded", crowded()),
    ] {
        let served = Served::new(known).await;
        page::with_a_bad_day(&served.store);
        let address = address(&served);
        for window in WINDOWS {
            for scheme in ["light", "dark"] {
                browser.window(window, scheme);
                browser.load(&address);
                let place = format!("{state} {}x{} {scheme}", window.0, window.1);
                browser.value("document.querySelectorAll('details').forEach(one=>one.open=true)");
                let found = browser.value(LOOK);
                let found = found.as_array().expect("sentences").iter();
                wrong.extend(found.map(|sentence| format!("{place}: {sentence}")));
                let complaints = browser.complaints(&address).into_iter();
                wrong.extend(complaints.map(|complaint| format!("{place}: {complaint}")));
                if let Some(directory) = &pictures {
                    browser.load(&address);
                    let name = format!("{}.png", place.replace(' ', "-"));
                    browser.picture(&directory.join(name));
                }
            }
        }
    }
    wrong.dedup();
    assert!(
        wrong.is_empty(),
        "{} faults:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn what_can_be_used_can_be_reached_by_the_keyboard() {
    let served = Served::new(snapshot(true)).await;
    page::with_a_bad_day(&served.store);
    let mut browser = Browser::start();
    browser.window(WINDOWS[1], "light");
    browser.load(&address(&served));
    let all = "window.all=[...document.querySelectorAll('a[href],button,summary,[tabindex]')]\
               .filter(one=>one.checkVisibility());window.all.length";
    let count = browser.value(all).as_u64().expect("a number");
    assert!(count > 10, "{count}");
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..count {
        browser.press("Tab", 9);
        let place = browser.value("window.all.indexOf(document.activeElement)");
        let is_marked = "getComputedStyle(document.activeElement).outlineStyle!=='none'";
        assert_eq!(browser.value(is_marked), true, "nothing shows the focus");
        reached.insert(place.as_i64().expect("a number"));
    }
    let expected: std::collections::BTreeSet<_> = (0..i64::try_from(count).expect("few")).collect();
    assert_eq!(reached, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn the_page_follows_by_itself_and_keeps_what_is_open() {
    let served = Served::new(snapshot(false)).await;
    page::with_a_bad_day(&served.store);
    let address = address(&served);
    let mut browser = Browser::start();
    browser.window(WINDOWS[0], "light");
    browser.load(&address);
    browser.value(
        "window.mark=1;document.querySelector('details').open=true;\
         document.querySelector('summary').focus()",
    );
    served.snapshots.send_replace(Arc::new(snapshot(true)));
    let is_new = "document.getElementById('verdict').textContent.includes('Not ready')";
    // Sooner than by asking every five seconds.
    assert!(browser.becomes(is_new, Duration::from_millis(3500)));
    for kept in [
        "window.mark===1",
        "document.title.startsWith('Not ready')",
        "document.getElementById('icon').href.includes('d03b35')",
        "document.querySelector('details').open",
        "document.activeElement===document.querySelector('summary')",
    ] {
        assert_eq!(browser.value(kept), true, "{kept}");
    }
    assert_eq!(browser.complaints(&address), Vec::<String>::new());

    // Whoever does not look asks for nothing.
    browser.value(
        "Object.defineProperty(document,'hidden',{value:true,configurable:true});\
         document.dispatchEvent(new Event('visibilitychange'))",
    );
    served.snapshots.send_replace(Arc::new(snapshot(false)));
    let is_ready = "document.getElementById('verdict').textContent.includes(' Ready')";
    assert!(!browser.becomes(is_ready, Duration::from_secs(6)));
    browser.value("delete document.hidden;document.dispatchEvent(new Event('visibilitychange'))");
    assert!(browser.becomes(is_ready, Duration::from_secs(3)));

    // The box is gone: what is shown is old, and says so.
    drop(served);
    let is_lost = "!document.getElementById('lost').hidden";
    assert!(browser.becomes(is_lost, Duration::from_secs(20)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn the_button_asks_everything_now() {
    let mut served = Served::new(snapshot(true)).await;
    let mut browser = Browser::start();
    browser.load(&address(&served));
    browser.value("document.getElementById('check').click()");
    let is_said = "document.getElementById('said').textContent.includes('is asked now')";
    assert!(browser.becomes(is_said, Duration::from_secs(5)));
    assert!(served.commands.try_recv().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn without_scripts_everything_is_there() {
    let served = Served::new(snapshot(true)).await;
    page::with_a_bad_day(&served.store);
    let address = address(&served);
    let mut browser = Browser::start();
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        serde_json::json!({"value": true}),
    );
    browser.load(&address);
    let text = browser.value("document.body.innerText");
    let text = text.as_str().expect("text");
    for words in [
        "Not ready",
        "What to do:",
        "History",
        "Domain controllers",
        "Resolvers",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("Ask everything now"), "it could do nothing");
    let refresh = "document.querySelector('noscript meta[http-equiv=refresh]')!==null";
    assert_eq!(browser.value(refresh), true);
    let found = browser.value(LOOK);
    assert_eq!(found, serde_json::json!([]));
    assert_eq!(browser.complaints(&address), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Chromium; tests/run"]
async fn what_is_wrong_is_found() {
    let served = Served::new(snapshot(true)).await;
    let address = address(&served);
    let mut browser = Browser::start();
    browser.window(WINDOWS[0], "light");
    for (fault, words) in [
        ("<div title='500px'></div>", "wide"),
        ("<p class='pale'>pale</p>", "contrast"),
        ("<h5>deep</h5>", "heading 5 after"),
        ("<svg viewBox='0 0 1 1'></svg>", "a picture without words"),
        ("<p id='now'></p>", "is there twice"),
        ("<h1>again</h1>", "not one h1"),
    ] {
        browser.load(&address);
        // By its properties, which the policy of the page lets through.
        browser.value(&format!(
            "document.querySelector('main').insertAdjacentHTML('beforeend',{});\
             const one=document.querySelector('main').lastElementChild;\
             if({fault:?}.includes('500px')){{one.style.width='500px';one.style.height='2px';}}\
             if(one.className==='pale'){{one.style.color='#bbb';}}",
            serde_json::json!(fault)
        ));
        let found = browser.value(LOOK).to_string();
        assert!(found.contains(words), "{words}: {found}");
    }
    browser.load(&address);
    browser.value(
        "const one=document.createElement('div');one.style.height='900px';document.body.prepend(one)",
    );
    let found = browser.value(LOOK).to_string();
    assert!(found.contains("out of sight"), "{found}");
    browser.load(&address);
    browser.value("fetch('http://192.0.2.1/').catch(()=>1)");
    let complaints = browser.complaints(&address).join("\n");
    assert!(
        complaints.contains("Content Security Policy"),
        "{complaints}"
    );
}
