//! The endpoints for a person at a terminal, by the stages of the flow.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use sightline_model::Stage;

use super::{capitalised, wrapped};
use crate::endpoints::{
    Endpoint, Inspection, Listing, NamePattern, Origin, Requirement, Transport,
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const HARD: Style = Style::new().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// Width of the requirement, the ports and the inspection.
const NEED: usize = 4;
const PORTS: usize = 7;
const INSPECTION: usize = 10;

/// Ids of the site may be long; longer ones are cut.
const WIDEST_ID: usize = 24;

/// The names need so much, even if the terminal has less.
const NARROWEST_NAMES: usize = 28;

/// The table, `width` characters wide. Styles are in it; whoever prints it to something else than a
/// terminal strips them.
#[must_use]
pub fn table(listing: &Listing, width: usize) -> String {
    let ids = listing.endpoints.iter().map(|row| row.id.chars().count());
    let id = ids.max().unwrap_or(0).min(WIDEST_ID);
    let around = 2 + NEED + 2 + id + 2 + 2 + PORTS + 2 + INSPECTION;
    let columns = Columns {
        id,
        names: width.saturating_sub(around).max(NARROWEST_NAMES),
        width,
    };
    let mut out = String::new();
    head(&mut out, listing, &columns);
    for stage in Stage::ALL {
        let first = |row: &&Endpoint| {
            row.requirement != Requirement::NotNeeded && row.stages.first() == Some(&stage)
        };
        let rows: Vec<_> = listing.endpoints.iter().filter(first).collect();
        let title = format!("{BOLD}{:<3} {}{BOLD:#}", stage.step(), stage.title());
        group(&mut out, &title, &rows, &columns);
    }
    let not_needed = |row: &&Endpoint| row.requirement == Requirement::NotNeeded;
    let rows: Vec<_> = listing.endpoints.iter().filter(not_needed).collect();
    let title = format!("{DIM}    Not needed by the user flow{DIM:#}");
    group(&mut out, &title, &rows, &columns);
    let legend = "hard: the flow fails without it. soft: it is slower or poorer. TLS inspection: \
                  forbidden breaks the flow, excluded is asked for by Microsoft. \
                  `--output firewall` is a request for the firewall team, `--output json` has \
                  everything.";
    for text in wrapped(legend.split(' '), " ", width) {
        line(&mut out, &format!("{DIM}{text}{DIM:#}"));
    }
    out
}

struct Columns {
    id: usize,
    names: usize,
    width: usize,
}

fn head(out: &mut String, listing: &Listing, columns: &Columns) {
    let tenant = &listing.tenant;
    let region = tenant
        .region
        .map_or_else(String::new, |region| format!(", region {region}"));
    let domain = tenant
        .domain
        .as_ref()
        .map_or_else(String::new, |domain| format!(", domain {domain}"));
    line(
        out,
        &format!(
            "{BOLD}{}{BOLD:#}; cloud {}{region}{domain}",
            capitalised(&listing.list.in_words()),
            tenant.cloud
        ),
    );
    for note in &listing.notes {
        for text in wrapped(note.split(' '), " ", columns.width) {
            line(out, &format!("{NOTE}{text}{NOTE:#}"));
        }
    }
    out.push('\n');
    let (id, names) = (columns.id, columns.names);
    line(
        out,
        &format!(
            "{DIM}  {:<NEED$}  {:<id$}  {:<names$}  {:<PORTS$}  inspection{DIM:#}",
            "need", "id", "names", "ports"
        ),
    );
}

fn group(out: &mut String, title: &str, rows: &[&Endpoint], columns: &Columns) {
    if rows.is_empty() {
        return;
    }
    line(out, title);
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.requirement);
    for row in rows {
        one(out, row, columns);
    }
    out.push('\n');
}

fn one(out: &mut String, row: &Endpoint, columns: &Columns) {
    let (need, style) = match row.requirement {
        Requirement::Hard => ("hard", HARD),
        Requirement::Soft => ("soft", Style::new()),
        Requirement::NotNeeded => ("-", DIM),
    };
    let id = cut(&row.id, columns.id);
    let names = row.names.iter().map(NamePattern::as_str);
    let lines = wrapped(names, ", ", columns.names);
    let mut lines = lines.iter().map(String::as_str);
    let (id_width, width) = (columns.id, columns.names);
    line(
        out,
        &format!(
            "  {style}{need:<NEED$}{style:#}  {id:<id_width$}  {:<width$}  {:<PORTS$}  {}",
            lines.next().unwrap_or_default(),
            ports(row),
            inspection(row.inspection)
        ),
    );
    let indent = 2 + NEED + 2 + columns.id + 2;
    for text in lines {
        line(out, &format!("{:indent$}{text}", ""));
    }
    let said = remarks(row);
    let width = columns.width.saturating_sub(indent).max(NARROWEST_NAMES);
    let said = said.join("; ");
    for text in wrapped(said.split(' '), " ", width) {
        line(out, &format!("{:indent$}{DIM}{text}{DIM:#}", ""));
    }
}

/// What it is for, and what else a reader needs to know beside the columns.
fn remarks(row: &Endpoint) -> Vec<String> {
    let mut said = vec![row.why.clone()];
    match (row.condition, row.requirement) {
        (Some(condition), Requirement::Hard) => {
            said.push(format!("hard because of {}", condition.switch()));
        }
        (Some(condition), Requirement::Soft) if row.region.is_none() => {
            said.push(format!("hard if {} is set", condition.switch()));
        }
        (Some(_), Requirement::Soft) => said.push("hard for tenants of its region".to_owned()),
        (Some(_), Requirement::NotNeeded) | (None, _) => {}
    }
    match row.origin {
        Origin::List => {}
        Origin::Changed => said.push("changed by the configuration".to_owned()),
        Origin::Site => said.push("added by the configuration".to_owned()),
    }
    if row.no_proxy {
        said.push("no proxy possible".to_owned());
    }
    if row.needs_ipv6 {
        said.push("IPv6 only".to_owned());
    }
    if row.requirement != Requirement::NotNeeded {
        let later: Vec<_> = row
            .stages
            .iter()
            .skip(1)
            .map(|stage| stage.step())
            .collect();
        if !later.is_empty() {
            said.push(format!("also {}", later.join(" ")));
        }
    }
    said
}

/// `443, 80`, with the transport where it is not TCP.
fn ports(row: &Endpoint) -> String {
    let written = row.ports.iter().map(|port| match port.transport {
        Transport::Tcp => port.number.to_string(),
        Transport::Udp => format!("{}/udp", port.number),
    });
    written.collect::<Vec<_>>().join(", ")
}

const fn inspection(inspection: Inspection) -> &'static str {
    match inspection {
        Inspection::Forbidden => "forbidden",
        Inspection::Excluded => "excluded",
        Inspection::NotStated | Inspection::NotApplicable => "",
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = text.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

fn line(out: &mut String, text: &str) {
    let _infallible = writeln!(out, "{}", text.trim_end());
}
