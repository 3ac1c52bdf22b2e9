//! Proxy scripts: what `FindProxyForURL` may answer, read out of the text without running it.
//!
//! A script can be written so that no reader can tell. What stands in it as whole answers, in quotes, is
//! found; what is put together when it runs is told as [`Script::is_computed`]. Nothing loops here, whatever the
//! script would do.

use crate::Malformed;

/// As many different answers are kept.
pub const MOST_WAYS: usize = 16;

/// The function that a script must have.
const FUNCTION: &str = "FindProxyForURL";

/// One way to a host, of those in an answer of a script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// `DIRECT`: without a proxy.
    Direct,
    /// `PROXY host:port`, or `HTTP` in its place: a proxy that is spoken to over plain HTTP.
    Proxy {
        /// Name or address, an IPv6 address without its brackets.
        host: String,
        /// TCP port; 80 where the script names none.
        port: u16,
    },
    /// `HTTPS`, `SOCKS` and their like, which Windows' own services do not use.
    Other(String),
}

/// What a script says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The ways in its answers, each once, in the order of the text; at most [`MOST_WAYS`].
    pub ways: Vec<Way>,
    /// How many more there are.
    pub more: usize,
    /// Whether an answer is put together when the script runs, so that it is not among the ways.
    pub is_computed: bool,
}

/// Reads a script.
///
/// # Errors
/// It has no function `FindProxyForURL` outside of texts and comments.
pub fn read(script: &[u8]) -> Result<Script, Malformed> {
    let text = String::from_utf8_lossy(script);
    let mut read = Script::default();
    let mut code = String::new();
    let mut rest = text.as_ref();
    while let Some((part, after)) = next(rest) {
        match part {
            Part::Code(piece) => code.push_str(piece),
            Part::Comment => code.push(' '),
            Part::Text(literal) => {
                code.push(' ');
                let is_continued = after.trim_start().starts_with('+');
                read.answer(literal, is_continued);
            }
        }
        rest = after;
    }
    if code.contains(FUNCTION) {
        Ok(read)
    } else {
        Err(Malformed {
            at: 0,
            expected: "a function FindProxyForURL",
        })
    }
}

enum Part<'a> {
    Code(&'a str),
    Comment,
    Text(&'a str),
}

/// The first part of a script, and the rest. A text in quotes ends with its line, so that a quote in a
/// regular expression costs one line.
fn next(rest: &str) -> Option<(Part<'_>, &str)> {
    let first = rest.chars().next()?;
    if let Some(comment) = rest.strip_prefix("//") {
        let end = comment.find(['\n', '\r']).unwrap_or(comment.len());
        return Some((Part::Comment, comment.get(end..).unwrap_or_default()));
    }
    if let Some(comment) = rest.strip_prefix("/*") {
        let after = comment.split_once("*/").map_or("", |(_, after)| after);
        return Some((Part::Comment, after));
    }
    if matches!(first, '"' | '\'' | '`') {
        let inside = rest.get(first.len_utf8()..).unwrap_or_default();
        return Some(quoted(inside, first));
    }
    let is_end = |(at, c): &(usize, char)| *at > 0 && (matches!(c, '"' | '\'' | '`') || *c == '/');
    let end = rest
        .char_indices()
        .find(is_end)
        .map_or(rest.len(), |(at, _)| at);
    let (code, after) = rest.split_at_checked(end)?;
    Some((Part::Code(code), after))
}

fn quoted(inside: &str, quote: char) -> (Part<'_>, &str) {
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' {
            is_escaped = true;
        } else if c == quote {
            let text = inside.get(..at).unwrap_or_default();
            let after = inside.get(at + c.len_utf8()..).unwrap_or_default();
            return (Part::Text(text), after);
        } else if quote != '`' && matches!(c, '\n' | '\r') {
            return (Part::Comment, inside.get(at..).unwrap_or_default());
        }
    }
    (Part::Comment, "")
}

impl Script {
    /// Takes the ways of a text that is an answer; other texts are names and addresses. Where more is
    /// added to the text, its last way is not yet whole.
    fn answer(&mut self, literal: &str, is_continued: bool) {
        let (whole, last) = literal.rsplit_once(';').unwrap_or(("", literal));
        let last = (!is_continued).then_some(last);
        self.is_computed |= is_continued && begins_a_way(literal);
        for part in whole.split(';').chain(last) {
            let mut words = part.split_whitespace();
            let Some(keyword) = words.next() else {
                continue;
            };
            let (server, extra) = (words.next(), words.next());
            let keyword = keyword.to_ascii_uppercase();
            let way = match (keyword.as_str(), server, extra) {
                ("DIRECT", None, _) => Way::Direct,
                ("PROXY" | "HTTP", Some(server), None) => match host_and_port(server) {
                    Some((host, port)) => Way::Proxy { host, port },
                    None => {
                        self.is_computed = true;
                        continue;
                    }
                },
                ("HTTPS" | "SOCKS" | "SOCKS4" | "SOCKS5", Some(server), None)
                    if host_and_port(server).is_some() =>
                {
                    Way::Other(format!("{keyword} {server}"))
                }
                _ => continue,
            };
            self.keep(way);
        }
    }

    fn keep(&mut self, way: Way) {
        if self.ways.contains(&way) {
            return;
        }
        if self.ways.len() < MOST_WAYS {
            self.ways.push(way);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// Whether the last part of a text that goes on begins with what a way begins with.
fn begins_a_way(text: &str) -> bool {
    let last = text.rsplit(';').next().unwrap_or_default().trim_start();
    ["PROXY", "HTTP", "SOCKS"].iter().any(|keyword| {
        last.get(..keyword.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(keyword))
            && !last.starts_with("http://")
            && !last.starts_with("https://")
    })
}

/// Reads `proxy.example.com:8080`, `10.1.0.3`, `[fd00::3]:8080`. The host is a name of the usual
/// letters or an address.
fn host_and_port(server: &str) -> Option<(String, u16)> {
    const USUAL: u16 = 80;

    let server = server.strip_prefix("http://").unwrap_or(server);
    let server = server.strip_suffix('/').unwrap_or(server);
    let (host, port) = match server.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            let address: std::net::Ipv6Addr = address.parse().ok()?;
            (address.to_string(), after.strip_prefix(':'))
        }
        None => {
            let (host, port) = match server.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (server, None),
            };
            (is_host(host).then(|| host.to_ascii_lowercase())?, port)
        }
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0)?,
        None => USUAL,
    };
    Some((host, port))
}

fn is_host(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    (1..=253).contains(&host.len())
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn whole_answers_are_found_each_once_in_order() {
        let script = body(
            r#"if (isPlainHostName(host)) return "DIRECT";
               if (shExpMatch(host, "*.example.com")) { return 'PROXY a.example.com:8080; proxy 10.1.0.3 ; DIRECT'; }
               return "PROXY a.example.com:8080;SOCKS5 s.example.com:1080;HTTP [fd00::3]:3128";"#,
        );
        assert_eq!(
            script.ways,
            [
                Way::Direct,
                proxy("a.example.com", 8080),
                proxy("10.1.0.3", 80),
                Way::Other("SOCKS5 s.example.com:1080".into()),
                proxy("fd00::3", 3128),
            ]
        );
        assert!(!script.is_computed);
    }

    #[test]
    fn what_is_commented_out_is_no_answer() {
        let script = body(
            "// return \"PROXY old:1\";\n/* 'PROXY older:2' */ var u = 'http://x/y'; // it's \"PROXY no:3\"\nreturn 'DIRECT';",
        );
        assert_eq!(script.ways, [Way::Direct]);
    }

    #[test]
    fn a_quote_in_a_regular_expression_costs_one_line() {
        let script = body("if (/['\"]/.test(url)) return 'PROXY lost:1';\nreturn 'PROXY kept:2';");
        assert_eq!(script.ways, [proxy("kept", 2)]);
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
            assert!(!script.ways.iter().any(is_proxy), "{code}: {script:?}");
        }
    }

    #[test]
    fn answers_that_are_joined_of_whole_ways_are_whole() {
        let script = body("return 'PROXY a:1; ' + 'PROXY b:2; ' + \"DIRECT\";");
        assert_eq!(script.ways, [proxy("a", 1), proxy("b", 2), Way::Direct]);
        assert!(!script.is_computed);
        assert!(!body("return 'http://' + host == url ? 'DIRECT' : 'DIRECT';").is_computed);
    }

    #[test]
    fn a_name_that_is_no_answer_is_none() {
        let script = body("if (host == 'proxy' || host == 'direct.example.com') return 'DIRECT';");
        assert_eq!(script.ways, [Way::Direct]);
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
        assert_eq!(script.ways, [proxy("p", 1)]);
    }

    #[test]
    fn more_answers_than_fit_are_counted() {
        let many: String = (0..40).map(|n| format!("'PROXY p{n}:80',")).collect();
        let script = body(&many);
        assert_eq!(script.ways.len(), MOST_WAYS);
        assert_eq!(script.more, 40 - MOST_WAYS);
    }

    #[test]
    fn servers_that_cannot_be_are_no_way() {
        for server in [
            "p:0", "p:65536", "p:", "-", "a b:1", "[::1", "[x]:1", "p..q:1", "p:1:2",
        ] {
            let script = body(&format!("return 'PROXY {server}';"));
            let is_way = |way: &Way| matches!(way, Way::Proxy { host, .. } if host != "-");
            assert!(!script.ways.iter().any(is_way), "{server}: {script:?}");
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
}
