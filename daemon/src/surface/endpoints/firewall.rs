//! The endpoints as a request that can be pasted into a ticket: plain characters, no colour.

use std::fmt::Write as _;

use super::{capitalised, wrapped};
use crate::endpoints::{Endpoint, Inspection, Listing, NamePattern, Protocol, Requirement};

/// Tickets wrap later.
const WIDTH: usize = 96;

/// What holds for every host.
const RULES: [&str; 4] = [
    "Outbound from the deployment network. Allow by name: the addresses behind the names change.",
    "A proxy on the way must not ask for a sign-in. Most of this happens as the machine, before \
     anybody has signed in.",
    "TLS inspection: a device does not know your inspecting authority yet, so that every inspected \
     connection can fail. \"No TLS inspection\" marks the hosts where it is not supported or breaks \
     what they do; \"exempt from TLS inspection\" those for which Microsoft asks for an exemption.",
    "\"Byte ranges\" marks hosts that serve files in parts: a proxy or a scanner on the way must \
     pass HTTP range requests.",
];

/// The text.
#[must_use]
pub fn firewall(listing: &Listing) -> String {
    let mut out = String::new();
    head(&mut out, listing);
    let mut printed: Vec<&Endpoint> = Vec::new();
    for (requirement, title) in [
        (
            Requirement::Hard,
            "MUST BE OPEN: without one of these the deployment of a device fails",
        ),
        (
            Requirement::Soft,
            "SHOULD BE OPEN: without these it is slower, or something is missing afterwards",
        ),
        (
            Requirement::NotNeeded,
            "NOT NEEDED at this step; listed because they are often asked for with the others",
        ),
    ] {
        let mut is_first = true;
        for row in &listing.endpoints {
            if row.requirement != requirement {
                continue;
            }
            let names = new_names(row, &printed);
            if names.is_empty() {
                continue;
            }
            if is_first {
                let _infallible = write!(out, "\n{title}\n");
                is_first = false;
            }
            entry(&mut out, row, &names);
            printed.push(row);
        }
    }
    out
}

fn head(out: &mut String, listing: &Listing) {
    let tenant = &listing.tenant;
    let region = tenant
        .region
        .map_or_else(String::new, |region| format!(", region {region}"));
    out.push_str("Firewall and proxy request: Windows Autopilot, user flow of hybrid join\n");
    let _infallible = writeln!(
        out,
        "Site {}; {}; Microsoft cloud {}{region}",
        listing.site,
        listing.list.in_words(),
        tenant.cloud
    );
    for note in &listing.notes {
        paragraph(out, "Note: ", note);
    }
    out.push('\n');
    for rule in RULES {
        paragraph(out, "- ", rule);
    }
}

/// The names of a row that no earlier entry opens in the same way.
fn new_names<'a>(row: &'a Endpoint, printed: &[&Endpoint]) -> Vec<&'a str> {
    row.names
        .iter()
        .filter(|name| {
            !printed.iter().any(|earlier| {
                earlier.names.contains(name)
                    && row.ports.iter().all(|port| earlier.ports.contains(port))
                    && earlier.inspection <= row.inspection
                    && earlier.needs_range >= row.needs_range
                    && earlier.no_proxy >= row.no_proxy
            })
        })
        .map(NamePattern::as_str)
        .collect()
}

fn entry(out: &mut String, row: &Endpoint, names: &[&str]) {
    out.push('\n');
    for name in names {
        let _infallible = writeln!(out, "  {name}");
    }
    let mut how = match row.protocol {
        Protocol::Dns => vec!["through the resolvers of the network".to_owned()],
        Protocol::Http | Protocol::Https | Protocol::Ntp => {
            vec![
                row.ports
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
            ]
        }
    };
    match row.inspection {
        Inspection::Forbidden => how.push("no TLS inspection".to_owned()),
        Inspection::Excluded => how.push("exempt from TLS inspection".to_owned()),
        Inspection::NotStated | Inspection::NotApplicable => {}
    }
    if row.needs_range {
        how.push("byte ranges".to_owned());
    }
    if row.no_proxy {
        how.push("not through a proxy".to_owned());
    }
    paragraph(out, "      ", &how.join("; "));
    paragraph(
        out,
        "      ",
        &format!("{} ({})", capitalised(&row.why), row.id),
    );
    if !row.ranges.is_empty() {
        let ranges = row.ranges.join(", ");
        let text = format!(
            "Some of the addresses behind it, for a firewall that knows addresses only: {ranges}"
        );
        paragraph(out, "      ", &text);
    }
}

/// Wrapped text; the lines after the first are indented as far as the text of the first.
fn paragraph(out: &mut String, mark: &str, text: &str) {
    let indent = mark.len();
    let mut start = mark.to_owned();
    for line in wrapped(text.split(' '), " ", WIDTH - indent) {
        let _infallible = writeln!(out, "{start}{line}");
        start = " ".repeat(indent);
    }
}
