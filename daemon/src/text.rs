//! How values are written for people.

use std::time::Duration;

/// A duration to three digits: `5 s`, `1.25 s`, `340 ms`, `0.4 ms`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration.is_zero() {
        "0 s".to_owned()
    } else if seconds >= 1.0 {
        let text = format!("{seconds:.2}");
        format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
    } else if seconds >= 0.01 {
        format!("{:.0} ms", seconds * 1000.0)
    } else {
        format!("{:.1} ms", seconds * 1000.0)
    }
}

/// How far a clock is ahead, with its sign: `+0.4 s`, `-7 ms`, `+600 s`. Seconds; what is below a
/// millisecond is no difference.
#[must_use]
pub fn offset(seconds: f64) -> String {
    let millis = seconds * 1000.0;
    match millis.abs() {
        size if size < 0.5 => "±0 ms".to_owned(),
        size if size < 100.0 => format!("{millis:+.0} ms"),
        size if size < 9_950.0 => format!("{seconds:+.1} s"),
        _ => format!("{seconds:+.0} s"),
    }
}

/// The first bytes of an answer that made no sense, in hexadecimal.
#[must_use]
pub fn first_bytes(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    let mut text: String = bytes
        .iter()
        .take(SHOWN)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if bytes.len() > SHOWN {
        text.push('…');
    }
    text
}

/// A word from a peer, fit for a terminal and a log: as [`harmless`], at most 200 characters.
#[must_use]
pub fn foreign(text: &str) -> String {
    escaped(text, 200)
}

/// A text that peers may have had a part in, fit for a terminal and a log: what a terminal would
/// obey, what ends a line and what reorders the text around it is escaped; at most 2000 characters
/// are kept. A second time changes nothing.
#[must_use]
pub fn harmless(text: &str) -> String {
    escaped(text, 2000)
}

fn escaped(text: &str, most: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(most));
    for (shown, c) in text.chars().enumerate() {
        if shown == most {
            safe.push('…');
            break;
        }
        if c.is_control() || is_formatting(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Characters that rearrange what a person reads (Unicode Standard Annex #9), and the line ends
/// that are no control characters.
fn is_formatting(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Whether a text is a GUID as Microsoft writes it: `3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5`.
#[must_use]
pub fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        for (millis, text) in [
            (5000.0, "5 s"),
            (1250.0, "1.25 s"),
            (340.0, "340 ms"),
            (0.4, "0.4 ms"),
        ] {
            assert_eq!(duration(Duration::from_secs_f64(millis / 1000.0)), text);
        }
    }

    #[test]
    fn an_offset_has_its_sign_and_no_more_digits_than_are_known() {
        for (seconds, text) in [
            (0.0, "±0 ms"),
            (-0.000_4, "±0 ms"),
            (-0.007, "-7 ms"),
            (0.4, "+0.4 s"),
            (-600.2, "-600 s"),
        ] {
            assert_eq!(offset(seconds), text);
        }
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_flood_the_screen() {
        assert_eq!(foreign("dc1\u{1b}[2J"), "dc1\\u{1b}[2J");
        assert_eq!(foreign("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(foreign(&"x".repeat(300)).chars().count(), 201);
    }

    #[test]
    fn no_text_of_a_peer_can_forge_what_a_person_reads() {
        for c in [
            '\u{1b}', '\n', '\r', '\u{7f}', '\u{9b}', '\u{61c}', '\u{200e}', '\u{200f}',
            '\u{2028}', '\u{2029}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            let text = format!("a{c}b");
            let safe = format!("a{}b", c.escape_unicode());
            assert_eq!(harmless(&text), safe);
            assert_eq!(foreign(&text), safe);
        }
    }

    #[test]
    fn a_harmless_text_stays_as_it_is_and_a_long_one_is_cut() {
        for text in ["dc1.corp.example.com", "Zürich 東京 100 %", "a\\u{1b}b", ""] {
            assert_eq!(harmless(text), text);
        }
        let cut = harmless(&"ü".repeat(3000));
        assert_eq!(cut.chars().count(), 2001);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_guid_has_five_parts_of_hexadecimal_digits() {
        assert!(is_guid("3F2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5"));
        for text in [
            "",
            "{tenantid}",
            "contoso.com",
            "3f2b8c1e6d544a7b9c0d5e1f20a3b4c5",
            "3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4cg",
            "3f2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c",
            "é2b8c1e-6d54-4a7b-9c0d-5e1f20a3b4c5",
        ] {
            assert!(!is_guid(text), "{text}");
        }
    }
}
