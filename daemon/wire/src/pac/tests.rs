//! Scripts as they are written, and as they must not be believed.

use super::*;

fn proxy(host: &str, port: u16) -> Way {
    Way::Proxy {
        host: host.to_owned(),
        port,
    }
}

fn body(code: &str) -> Script {
    let script = format!("function FindProxyForURL(url, host) {{ {code} }}");
    read(script.as_bytes()).expect("it has the function")
}

fn ways(script: &Script) -> Vec<Way> {
    let answers = script.answers.iter();
    answers.flat_map(|answer| answer.ways.clone()).collect()
}

#[test]
fn whole_answers_are_found_each_once_in_order() {
    let script = body(
        r#"if (isPlainHostName(host)) return "DIRECT";
           if (shExpMatch(host, "*.example.com")) { return 'PROXY a.example.com:8080; proxy 10.1.0.3 ; DIRECT'; }
           return "PROXY a.example.com:8080;SOCKS5 s.example.com:1080;HTTP [fd00::3]:3128";"#,
    );
    let answers: Vec<_> = script.answers.iter().map(|answer| &answer.ways).collect();
    assert_eq!(
        answers,
        [
            &vec![Way::Direct],
            &vec![
                proxy("a.example.com", 8080),
                proxy("10.1.0.3", 80),
                Way::Direct
            ],
            &vec![
                proxy("a.example.com", 8080),
                Way::Other("SOCKS5 s.example.com:1080".into()),
                proxy("fd00::3", 3128),
            ],
        ]
    );
    assert!(!script.is_computed);
}

#[test]
fn what_is_commented_out_is_no_answer() {
    let script = body(
        "// return \"PROXY old:1\";\n/* 'PROXY older:2' */ var u = 'http://x/y'; // it's \"PROXY no:3\"\nreturn 'DIRECT';",
    );
    assert_eq!(ways(&script), [Way::Direct]);
}

#[test]
fn a_regular_expression_hides_nothing_and_a_division_is_none() {
    for code in [
        "if (/['\"]/.test(url)) return 'PROXY p:1';",
        "if (/^https?:\\/\\//.test(url)) { return \"PROXY p:1\"; }",
        "var r = /[/'\"]+/g; return 'PROXY p:1';",
        "var half = 4 / 2; return 'PROXY p:1'; var more = 1 / 2;",
    ] {
        assert_eq!(ways(&body(code)), [proxy("p", 1)], "{code}");
        assert!(!body(code).is_computed, "{code}");
    }
}

#[test]
fn a_text_without_an_end_may_have_been_an_answer() {
    let script = body("var broken = 'PROXY lost:1\nreturn 'PROXY kept:2';");
    assert_eq!(ways(&script), [proxy("kept", 2)]);
    assert!(script.is_computed);
}

#[test]
fn who_gets_an_answer_is_known_where_only_the_name_is_asked() {
    let direct = |code: &str| body(code).answers.remove(0);
    for code in [
        "if (isPlainHostName(host)) return 'DIRECT';",
        "if (isPlainHostName(host) || dnsDomainIs(host, '.corp.example.com')) { return \"DIRECT\"; }",
        "if (x) y(); else if (isPlainHostName(host)) return 'DIRECT';",
        "if (shExpMatch(host, '*.corp.example.com') || isInNet(dnsResolve(host), '10.0.0.0', '255.0.0.0')) return 'DIRECT';",
    ] {
        assert!(
            !direct(code).may_be_for("login.microsoftonline.com"),
            "{code}"
        );
    }
    let corporate = direct("if (dnsDomainIs(host, '.corp.example.com')) return 'DIRECT';");
    assert!(corporate.may_be_for("sts.corp.example.com"));
    for code in [
        "return 'DIRECT';",
        "if (isPlainHostName(host)) { var x = 1; } return 'DIRECT';",
        "if (!isPlainHostName(host)) return 'DIRECT';",
        "if (isInNet(myIpAddress(), '10.0.0.0', '255.0.0.0')) return 'DIRECT';",
        "if (weekdayRange('MON')) return 'DIRECT';",
        "if (dnsDomainIs(host, '.microsoftonline.com')) return 'DIRECT';",
        "if (shExpMatch(host, '*microsoft*')) return 'DIRECT';",
        "if (shExpMatch(url, 'https://login.*')) return 'DIRECT';",
        "if (isPlainHostName(host)) return x; else return 'DIRECT';",
    ] {
        assert!(
            direct(code).may_be_for("login.microsoftonline.com"),
            "{code}"
        );
    }
}

#[test]
fn an_answer_that_is_put_together_is_told() {
    for code in [
        "return 'PROXY ' + name + ':8080';",
        "return 'PROXY proxy' + n + ':8080; DIRECT ';",
        "return `PROXY ${name}:8080`;",
        "return 'PROXY proxy.example.com:' + port;",
    ] {
        let script = body(code);
        assert!(script.is_computed, "{code}: {script:?}");
        let is_proxy = |way: &Way| matches!(way, Way::Proxy { .. });
        assert!(!ways(&script).iter().any(is_proxy), "{code}: {script:?}");
    }
}

#[test]
fn answers_that_are_joined_of_whole_ways_are_whole() {
    let script = body("return 'PROXY a:1; ' + 'PROXY b:2; ' + \"DIRECT\";");
    assert_eq!(ways(&script), [proxy("a", 1), proxy("b", 2), Way::Direct]);
    assert!(!script.is_computed);
    assert!(!body("return 'http://' + host == url ? 'DIRECT' : 'DIRECT';").is_computed);
}

#[test]
fn a_name_that_is_no_answer_is_none() {
    let script = body("if (host == 'proxy' || host == 'direct.example.com') return 'DIRECT';");
    assert_eq!(ways(&script), [Way::Direct]);
    assert!(!script.is_computed);
}

#[test]
fn what_is_no_script_is_refused() {
    for text in [
        "",
        "<!doctype html><title>Intranet</title>",
        "// FindProxyForURL\n'FindProxyForURL' \"DIRECT\"",
        "\u{0}\u{1}",
        "/* FindProxyForURL",
        "'FindProxyForURL",
    ] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_script_that_would_run_for_ever_is_read_like_any_other() {
    let script = body("while (true) {} return 'PROXY p:1';");
    assert_eq!(ways(&script), [proxy("p", 1)]);
}

#[test]
fn more_answers_than_fit_are_counted() {
    let many: String = (0..40).map(|n| format!("'PROXY p{n}:80',")).collect();
    let script = body(&many);
    assert_eq!(script.answers.len(), MOST_ANSWERS);
    assert_eq!(script.more, 40 - MOST_ANSWERS);
}

#[test]
fn servers_that_cannot_be_are_no_way() {
    for server in [
        "p:0", "p:65536", "p:", "-", "a b:1", "[::1", "[x]:1", "p..q:1", "p:1:2",
    ] {
        let script = body(&format!("return 'PROXY {server}';"));
        let is_way = |way: &Way| matches!(way, Way::Proxy { host, .. } if host != "-");
        assert!(!ways(&script).iter().any(is_way), "{server}: {script:?}");
    }
}

#[test]
fn scripts_end_anywhere_without_a_panic() {
    let script = "function FindProxyForURL(u,h){ /* ä */ return \"PROXY ü:1; DIRECT\" + '\\'' // x\n + `y\n` }";
    let bytes = script.as_bytes();
    for end in 0..=bytes.len() {
        let _read = read(bytes.get(..end).unwrap_or_default());
    }
}
