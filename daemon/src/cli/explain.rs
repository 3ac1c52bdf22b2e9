//! What a reason means, and which there are.

use std::io::Write;

use sightline_model::Reason;

use super::{USAGE, print};

pub(super) fn explain(reason: Option<&str>) -> u8 {
    let Some(word) = reason else {
        let mut text = String::new();
        for reason in Reason::ALL {
            text.push_str(&format!(
                "{:<26} {:<10} {}\n",
                reason.code(),
                reason.group(),
                reason.text().means
            ));
        }
        print(&text);
        return 0;
    };
    let Ok(reason) = word.parse::<Reason>() else {
        let near = Reason::ALL
            .iter()
            .max_by(|a, b| {
                strsim::jaro_winkler(a.code(), word)
                    .total_cmp(&strsim::jaro_winkler(b.code(), word))
            })
            .map_or("", |reason| reason.code());
        let _closed = writeln!(
            anstream::stderr(),
            "error: no reason `{}`; did you mean `{near}`? `sightline explain` lists them all",
            crate::text::foreign(word)
        );
        return USAGE;
    };
    let mut shown = format!("{}\n\n", reason.code());
    describe(&mut shown, reason.text());
    for (place, text) in [
        ("at a host of the Internet", reason.at_a_host()),
        ("at a proxy script", reason.at_a_script()),
    ] {
        if let Some(text) = text {
            shown.push_str(&format!("\n{place}\n\n"));
            describe(&mut shown, text);
        }
    }
    print(&shown);
    0
}

fn describe(shown: &mut String, text: sightline_model::reason::Text) {
    for (label, said) in [
        ("what it means", text.means),
        ("on the device", text.seen),
        ("who fixes it", text.fixer.title()),
        ("how", text.fix),
    ] {
        shown.push_str(&format!("  {label:<15} {said}\n"));
    }
}
