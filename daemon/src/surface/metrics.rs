//! The metrics of the daemon, of one snapshot. A scrape runs no probe. Names and labels are part of what
//! sightline promises; every label value comes from the configuration, from a closed list, or from the
//! names of the things that are asked.
//!
//! A check has one series, even where a probe asks one target for several things: the worst of them.
//! Where there is no measurement there is no sample.

mod families;
mod groups;
mod writer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use sightline_model::Status;
use sightline_model::incident::Moment;
use sightline_model::snapshot::Snapshot;

use crate::store::Health;
use groups::Groups;
use writer::Families;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

/// What the kernel says of this process; what it does not say is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Time on the processors.
    pub cpu: Option<Duration>,
    /// Memory that is resident, in octets.
    pub resident: Option<u64>,
    /// Address space, in octets.
    pub virtual_memory: Option<u64>,
    /// Open descriptors.
    pub open_descriptors: Option<u64>,
    /// As many may be open.
    pub most_descriptors: Option<u64>,
}

/// How the daemon itself is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// What the kernel says of it.
    pub process: Process,
    /// How its store is.
    pub store: Health,
}

impl Format {
    /// What the answer says that it is.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that an `Accept` header prefers (RFC 9110 §12.5.1). OpenMetrics is for those who ask for it
    /// by its name, and no less than for plain text.
    #[must_use]
    pub fn preferred(accept: &str) -> Self {
        let quality = |wanted: &str| {
            accept
                .split(',')
                .filter_map(|range| {
                    let mut parts = range.split(';').map(str::trim);
                    let kind = parts.next()?;
                    let mut quality = 1.0;
                    for part in parts {
                        match part.split_once('=') {
                            Some(("q" | "Q", value)) => quality = value.parse().unwrap_or(0.0),
                            // The version before 1.0.0 is not written.
                            Some(("version", "0.0.1")) => return None,
                            _ => {}
                        }
                    }
                    kind.eq_ignore_ascii_case(wanted).then_some(quality)
                })
                .fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        if open > 0.0 && open >= quality("text/plain") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// Everything of one snapshot.
///
/// # Errors
/// None in practice: the text is written into memory.
pub fn render(
    snapshot: &Arc<Snapshot>,
    now: Moment,
    own: Own,
    format: Format,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape {
        status: snapshot.shown(now),
        snapshot: Arc::clone(snapshot),
        own,
        format,
    }));
    let mut all = String::with_capacity(64 * 1024);
    match format {
        Format::OpenMetrics => text::encode(&mut all, &registry)?,
        Format::Text => text::encode_registry(&mut all, &registry)?,
    }
    Ok(all)
}

#[derive(Debug)]
struct Scrape {
    snapshot: Arc<Snapshot>,
    /// What may be said now.
    status: Arc<Status>,
    own: Own,
    format: Format,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut families = Families::new(encoder, self.format);
        let groups = Groups::new(&self.snapshot.checks);
        families.verdicts(&self.status)?;
        families.probes(&groups)?;
        families.durations(&groups, &self.snapshot.durations)?;
        families.schedule(&self.snapshot.schedule)?;
        families.controllers(&self.status, &groups)?;
        families.things(&groups)?;
        families.incidents(&self.status, &self.snapshot)?;
        families.configuration(&self.snapshot.configuration)?;
        families.store(&self.own.store)?;
        families.process(self.own.process, self.snapshot.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_are_for_those_who_prefer_them() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                          text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/html, */*;q=0.8", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Format::Text),
            ("application/openmetrics-text; q=0", Format::Text),
            (
                "application/openmetrics-text;q=0.3, text/plain;q=0.5",
                Format::Text,
            ),
            (
                "text/plain;q=0.5, Application/OpenMetrics-Text;q=0.5",
                Format::OpenMetrics,
            ),
            ("application/openmetrics-text;q=x,,;;", Format::Text),
        ] {
            assert_eq!(Format::preferred(accept), format, "{accept}");
        }
    }
}
