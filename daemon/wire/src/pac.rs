//! Proxy scripts: what `FindProxyForURL` may answer, read out of the text without running it.
//!
//! A script can be written so that no reader can tell. What stands in it as whole answers, in quotes, is
//! found; what is put together when it runs is told as [`Script::is_computed`]. Nothing loops here, whatever the
//! script would do.

use crate::Malformed;

/// As many answers are kept.
pub const MOST_ANSWERS: usize = 32;

/// The function that a script must have.
const FUNCTION: &str = "FindProxyForURL";

/// What a condition may ask without leaving open whom it means: the name of the host, and networks that it
/// stands in.
const TESTS: [&str; 8] = [
    "isPlainHostName",
    "dnsDomainIs",
    "localHostOrDomainIs",
    "shExpMatch",
    "isInNet",
    "dnsResolve",
    "host",
    "url",
];

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

/// One answer that a script may give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its ways; a client takes the next where one fails.
    pub ways: Vec<Way>,
    /// The texts that the host is compared with, where the answer stands behind nothing but such a comparison;
    /// `None` where anybody may get it.
    pub only_for: Option<Vec<String>>,
}

impl Answer {
    /// Whether `host`, in lower case, may get it. A text that is no part of a name, such as the address of a
    /// network, means no host of the Internet.
    #[must_use]
    pub fn may_be_for(&self, host: &str) -> bool {
        let Some(texts) = &self.only_for else {
            return true;
        };
        texts.iter().any(|text| {
            let text = text.to_ascii_lowercase();
            let text = text
                .split_once("://")
                .map_or(text.as_str(), |(_, rest)| rest);
            let name = text.split('/').next().unwrap_or_default();
            let pieces = name.split(['*', '?']).map(|piece| piece.trim_matches('.'));
            let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
            host.contains(longest)
        })
    }
}

/// What a script says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its answers, each once, in the order of the text; at most [`MOST_ANSWERS`].
    pub answers: Vec<Answer>,
    /// How many more there are.
    pub more: usize,
    /// Whether an answer is put together when the script runs, or stands where it could not be read, so
    /// that it is not among the answers.
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
    let mut texts: Vec<&str> = Vec::new();
    let mut guards = 0_usize;
    let mut rest = text.as_ref();
    while let Some((part, after)) = next(rest, &code) {
        match part {
            Part::Code(piece) => code.push_str(piece),
            Part::Comment => code.push(' '),
            Part::Cut => read.is_computed = true,
            Part::Text(literal) => {
                let is_continued = after.trim_start().starts_with('+');
                let guard = if guards < MOST_GUARDS && is_answer(literal) {
                    guards += 1;
                    guard(&code, &texts)
                } else {
                    None
                };
                read.answer(literal, is_continued, guard);
                texts.push(literal);
                // Stands for the text; no script has it, as it was taken for one that is read loosely.
                code.push(MARK);
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

/// What stands for a text in the code.
const MARK: char = '\u{1}';

/// Conditions that are longer are not looked through, in bytes.
const LONGEST_GUARD: usize = 4096;

/// No more conditions of one script are looked through. An answer beyond is taken as anybody's.
const MOST_GUARDS: usize = 1024;

enum Part<'a> {
    Code(&'a str),
    Comment,
    Text(&'a str),
    /// A text without an end: what stands behind may be lost.
    Cut,
}

/// The first part of a script, and the rest; `before` is the code that was read. A text in quotes ends with
/// its line.
fn next<'a>(rest: &'a str, before: &str) -> Option<(Part<'a>, &'a str)> {
    let first = rest.chars().next()?;
    if is_pattern(rest, before)
        && let Some(after) = pattern_end(rest).and_then(|end| rest.get(end..))
    {
        return Some((Part::Comment, after));
    }
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
    let is_end = |(at, c): &(usize, char)| *at > 0 && matches!(c, '"' | '\'' | '`' | '/');
    let end = rest
        .char_indices()
        .find(is_end)
        .map_or(rest.len(), |(at, _)| at);
    let (code, after) = rest.split_at_checked(end)?;
    Some((Part::Code(code), after))
}

/// Whether a slash begins a regular expression: where a value may begin, and no value has ended
/// (ECMA-262 §12.9.5). `//` is always a comment.
fn is_pattern(rest: &str, before: &str) -> bool {
    if !rest.starts_with('/') || rest.starts_with("//") || rest.starts_with("/*") {
        return false;
    }
    let before = before.trim_end();
    before.is_empty()
        || before.ends_with([
            '(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '+', '<', '>',
        ])
        || before.ends_with("return")
}

/// Where a regular expression ends; `None` where its line does first.
fn pattern_end(rest: &str) -> Option<usize> {
    let (mut is_escaped, mut in_class) = (false, false);
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' | '\r' => return None,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return Some(at + 1),
            _ => {}
        }
    }
    None
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
            return (Part::Cut, inside.get(at..).unwrap_or_default());
        }
    }
    (Part::Cut, "")
}

/// The texts of the condition that an answer stands behind, where that is `if (…) return` or `if (…) { return`
/// and compares nothing but the host with texts.
fn guard(code: &str, texts: &[&str]) -> Option<Vec<String>> {
    let start = code.len().saturating_sub(LONGEST_GUARD);
    let start = (start..code.len()).find(|at| code.is_char_boundary(*at))?;
    let code = code.get(start..)?.trim_end();
    let code = code.strip_suffix('(').unwrap_or(code).trim_end();
    let code = code.strip_suffix("return")?.trim_end();
    let code = code.strip_suffix('{').unwrap_or(code).trim_end();
    let inner = code.strip_suffix(')')?;
    let mut depth = 1_usize;
    let open = inner.char_indices().rev().find_map(|(at, c)| {
        match c {
            ')' => depth += 1,
            '(' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })?;
    let (before, condition) = inner.split_at_checked(open)?;
    before.trim_end().strip_suffix("if")?;
    if condition.contains(['!', '=']) {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let mut words = condition
        .split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty());
    if !words.all(|word| TESTS.contains(&word)) {
        return None;
    }
    let marks = condition.chars().filter(|c| *c == MARK).count();
    let from = texts.len().checked_sub(marks)?;
    Some(
        texts
            .iter()
            .skip(from)
            .map(|text| (*text).to_owned())
            .collect(),
    )
}

/// Whether a text may be an answer; most are names.
fn is_answer(literal: &str) -> bool {
    let word = literal
        .split([';', ' '])
        .find(|word| !word.trim().is_empty());
    word.is_some_and(|word| {
        let word = word.trim();
        ["DIRECT", "PROXY", "HTTP"]
            .iter()
            .any(|keyword| word.eq_ignore_ascii_case(keyword))
    })
}

impl Script {
    /// Takes a text that is an answer; other texts are names and addresses. Where more is added to the text,
    /// its last way is not yet whole.
    fn answer(&mut self, literal: &str, is_continued: bool, only_for: Option<Vec<String>>) {
        let (whole, last) = literal.rsplit_once(';').unwrap_or(("", literal));
        let last = (!is_continued).then_some(last);
        self.is_computed |= is_continued && begins_a_way(literal);
        let mut ways: Vec<Way> = Vec::new();
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
            if !ways.contains(&way) && ways.len() < MOST_ANSWERS {
                ways.push(way);
            }
        }
        if !ways.is_empty() {
            self.keep(Answer { ways, only_for });
        }
    }

    fn keep(&mut self, answer: Answer) {
        if self.answers.contains(&answer) {
            return;
        }
        if self.answers.len() < MOST_ANSWERS {
            self.answers.push(answer);
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
mod tests;
