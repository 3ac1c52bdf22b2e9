//! The families of metrics: names, types, labels, help.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use prometheus_client::metrics::MetricType;
use sightline_model::snapshot::{Configuration, Durations, DurationsKey, Lag, Schedule, Snapshot};
use sightline_model::{Stage, Status, Timestamp, Verdict};

use super::Process;
use super::groups::Groups;
use super::writer::{Families, encode_histogram};
use crate::store::Health;

impl Families<'_> {
    pub(super) fn verdicts(&mut self, status: &Status) -> fmt::Result {
        let networks = || status.networks.iter();
        self.gauge(
            "sightline_ready",
            "Whether the user flow can succeed from the network: its verdict is ready or degraded.",
            networks().map(|network| {
                let is_ready = matches!(network.verdict, Verdict::Ready | Verdict::Degraded);
                ([("network", network.network.as_str())], i64::from(is_ready))
            }),
        )?;
        self.gauge(
            "sightline_verdict",
            "Whether this is the verdict of the network.",
            networks().flat_map(|network| {
                VERDICTS.map(|verdict| {
                    let labels = [
                        ("network", network.network.as_str()),
                        ("verdict", verdict.id()),
                    ];
                    (labels, i64::from(network.verdict == verdict))
                })
            }),
        )?;
        self.gauge(
            "sightline_stage_verdict",
            "Whether this is the verdict of the stage.",
            networks().flat_map(|network| {
                network.stages.iter().flat_map(|stage| {
                    VERDICTS.map(|verdict| {
                        let labels = [
                            ("network", network.network.as_str()),
                            ("stage", stage.stage.id()),
                            ("verdict", verdict.id()),
                        ];
                        (labels, i64::from(stage.verdict == verdict))
                    })
                })
            }),
        )?;
        // Two causes with one reason at one stage are one series.
        let causes: BTreeSet<_> = networks()
            .flat_map(|network| {
                network.root_causes.iter().map(|cause| {
                    [
                        ("network", network.network.as_str()),
                        ("stage", cause.stage.id()),
                        ("reason", cause.reason.code()),
                        ("severity", cause.severity.id()),
                    ]
                })
            })
            .collect();
        self.gauge(
            "sightline_root_cause_info",
            "A cause that nothing else explains.",
            causes.into_iter().map(|labels| (labels, 1_i64)),
        )
    }

    pub(super) fn probes(&mut self, groups: &Groups<'_>) -> fmt::Result {
        let all = || {
            groups
                .probes
                .iter()
                .map(|(key, group)| (labels(*key), group))
        };
        self.gauge(
            "sightline_probe_success",
            "Whether the target is believed to answer as it should; absent while nobody could look.",
            all().filter_map(|(labels, group)| Some((labels, i64::from(group.is_good?)))),
        )?;
        self.counter(
            "sightline_probe_runs",
            "Runs by how they ended.",
            all().flat_map(|(labels, group)| {
                let runs = group.runs;
                [
                    ("pass", runs.pass),
                    ("warn", runs.warn),
                    ("fail", runs.fail),
                    ("unknown", runs.unknown),
                ]
                // What is rare comes with its first run: these are a quarter of a scrape otherwise.
                .into_iter()
                .filter(|(result, count)| *count > 0 || matches!(*result, "pass" | "fail"))
                .map(move |(result, count)| (and(labels, ("result", result)), count))
            }),
        )?;
        self.counter(
            "sightline_probe_failures",
            "Runs that failed, by their worst reason.",
            all().flat_map(|(labels, group)| {
                group
                    .failures
                    .iter()
                    .map(move |(reason, count)| (and(labels, ("reason", reason.code())), *count))
            }),
        )?;
        self.counter(
            "sightline_probe_attempts",
            "How often the target was asked, with the runs that only confirmed a doubt.",
            all().map(|(labels, group)| (labels, group.runs.total())),
        )?;
        self.gauge(
            "sightline_probe_phase_duration_seconds",
            "How long the phases of the believed run took; the longest where several things are asked.",
            all().flat_map(|(labels, group)| {
                group.phases.iter().map(move |(phase, took)| {
                    (and(labels, ("phase", phase.id())), took.as_secs_f64())
                })
            }),
        )?;
        self.gauge(
            "sightline_probe_last_run_timestamp_seconds",
            "When the last run began; the oldest where several things are asked.",
            all().filter_map(|(labels, group)| Some((labels, seconds(group.last_run?)))),
        )?;
        self.gauge(
            "sightline_probe_last_success_timestamp_seconds",
            "When the last run that succeeded began; the oldest where several things are asked.",
            all().filter_map(|(labels, group)| Some((labels, seconds(group.last_success?)))),
        )
    }

    pub(super) fn durations(
        &mut self,
        groups: &Groups<'_>,
        durations: &BTreeMap<DurationsKey, Durations>,
    ) -> fmt::Result {
        let none = Durations::default();
        let mut all: BTreeMap<(&str, &str, &str), &Durations> = groups
            .probes
            .keys()
            .map(|(network, path, probe, _)| ((*network, *path, *probe), &none))
            .collect();
        for ((network, path, probe), known) in durations {
            all.insert((network, path, probe), known);
        }
        let samples = all.into_iter().map(|((network, path, probe), known)| {
            let labels = [("network", network), ("path", path), ("probe", probe)];
            (
                labels,
                (known.sum, &Durations::BOUNDS[..], &known.counts[..]),
            )
        });
        self.histogram(
            "sightline_probe_duration_seconds",
            "How long runs took, with those that failed, without those that could not look.",
            samples,
        )
    }

    pub(super) fn schedule(&mut self, schedule: &Schedule) -> fmt::Result {
        let lag = &schedule.lag;
        let kind = MetricType::Histogram;
        let mut family = self.encoder.encode_descriptor(
            "sightline_schedule_lag_seconds",
            "How late runs began.",
            None,
            kind,
        )?;
        encode_histogram(&mut family, (lag.sum, &Lag::BOUNDS, &lag.counts))
    }

    pub(super) fn controllers(&mut self, status: &Status, groups: &Groups<'_>) -> fmt::Result {
        let networks = || status.networks.iter();
        self.gauge(
            "sightline_dc_usable",
            "Whether the domain controller itself serves all that a sign-in needs on the path.",
            networks().flat_map(|network| {
                let paths = network.paths.iter().filter(|path| path.tested);
                paths.flat_map(|path| {
                    let probed = network.domain_controllers.iter().filter(|dc| dc.probed);
                    probed.map(|dc| {
                        let labels = [
                            ("network", network.network.as_str()),
                            ("path", path.path.as_str()),
                            ("dc", dc.name.as_str()),
                            ("ad_site", dc.ad_site.as_deref().unwrap_or_default()),
                        ];
                        (labels, i64::from(dc.paths.contains(&path.path)))
                    })
                })
            }),
        )?;
        self.gauge(
            "sightline_dc_service_up",
            "Whether the service of the domain controller answers on the path, at all addresses that are asked.",
            groups.services.iter().map(|((network, path, dc, service), up)| {
                let labels = [
                    ("network", *network),
                    ("path", *path),
                    ("dc", *dc),
                    ("service", *service),
                ];
                (labels, i64::from(*up))
            }),
        )?;
        self.gauge(
            "sightline_dcs_discovered",
            "Domain controllers that DNS names, of the client's site and of the domain.",
            networks().flat_map(|network| {
                let all = &network.domain_controllers;
                let in_site = all.iter().filter(|dc| dc.in_site).count();
                [("site", in_site), ("domain", all.len())].map(|(scope, count)| {
                    let labels = [("network", network.network.as_str()), ("scope", scope)];
                    (labels, i64::try_from(count).unwrap_or(i64::MAX))
                })
            }),
        )
    }

    pub(super) fn things(&mut self, groups: &Groups<'_>) -> fmt::Result {
        self.gauge(
            "sightline_clock_offset_seconds",
            "How far the clock of the source is ahead of this box.",
            groups
                .clocks
                .iter()
                .map(|((network, source), (_, offset))| {
                    ([("network", *network), ("source", *source)], *offset)
                }),
        )?;
        let vpns = |known: &BTreeMap<(&str, &str), bool>| -> Vec<_> {
            known
                .iter()
                .map(|((network, vpn), up)| {
                    let labels = [
                        ("network", (*network).to_owned()),
                        ("vpn", (*vpn).to_owned()),
                    ];
                    (labels, i64::from(*up))
                })
                .collect()
        };
        self.gauge(
            "sightline_vpn_gateway_up",
            "Whether the gateway of the VPN answers.",
            vpns(&groups.gateways),
        )?;
        self.gauge(
            "sightline_vpn_tunnel_up",
            "Whether the tunnel of the VPN that ends on this box is up.",
            vpns(&groups.tunnels),
        )?;
        self.gauge(
            "sightline_path_mtu_bytes",
            "The largest packet that comes to a domain controller on the path; the smallest of all controllers.",
            groups.packets.iter().map(|((network, path), size)| {
                ([("network", *network), ("path", *path)], *size)
            }),
        )?;
        self.gauge(
            "sightline_tls_cert_not_after_timestamp_seconds",
            "When the certificate of the target ends.",
            groups.certificates.iter().map(|((network, target), end)| {
                let labels = [
                    ("network", *network),
                    ("target", *target),
                    ("position", "leaf"),
                ];
                (labels, *end)
            }),
        )?;
        self.gauge(
            "sightline_tls_intercepted",
            "Whether somebody else than the target ends its TLS connections.",
            groups
                .interceptions
                .iter()
                .map(|((network, target), is_so)| {
                    (
                        [("network", *network), ("target", *target)],
                        i64::from(*is_so),
                    )
                }),
        )
    }

    pub(super) fn incidents(&mut self, status: &Status, snapshot: &Snapshot) -> fmt::Result {
        let mut places: BTreeMap<(&str, &str), (u64, i64)> = BTreeMap::new();
        for network in &status.networks {
            for stage in Stage::ALL {
                places.insert((&network.network, stage.id()), (0, 0));
            }
        }
        for ((network, stage), count) in snapshot.incidents_total.iter() {
            places.entry((network, stage)).or_default().0 = *count;
        }
        for incident in &snapshot.open {
            let place = (incident.network.as_str(), incident.stage.id());
            places.entry(place).or_default().1 += 1;
        }
        let all = || {
            places.iter().map(|((network, stage), counts)| {
                ([("network", *network), ("stage", *stage)], *counts)
            })
        };
        self.counter(
            "sightline_incidents",
            "Incidents that were opened.",
            all().map(|(labels, (total, _))| (labels, total)),
        )?;
        self.gauge(
            "sightline_incidents_open",
            "Incidents that are open.",
            all().map(|(labels, (_, open))| (labels, open)),
        )
    }

    pub(super) fn configuration(&mut self, configuration: &Configuration) -> fmt::Result {
        self.single(
            "sightline_config_last_reload_successful",
            "Whether the last configuration that was read is in use.",
            Some(i64::from(configuration.refusal().is_none())),
        )?;
        self.single(
            "sightline_config_last_reload_success_timestamp_seconds",
            "When the configuration in use was read.",
            Some(seconds(configuration.loaded)),
        )
    }

    pub(super) fn store(&mut self, store: &Health) -> fmt::Result {
        self.single(
            "sightline_store_bytes",
            "Size of the store with its log.",
            Some(i64::try_from(store.bytes).unwrap_or(i64::MAX)),
        )?;
        let none: [(&str, &str); 0] = [];
        self.counter(
            "sightline_store_written_bytes",
            "What was written to the store, at most.",
            [(none, store.written_bytes)],
        )?;
        self.counter(
            "sightline_store_errors",
            "What went wrong with the store: history is at risk, and nothing else.",
            [(none, store.errors)],
        )
    }

    pub(super) fn process(&mut self, process: Process, started: Timestamp) -> fmt::Result {
        let build = [
            ("version", env!("CARGO_PKG_VERSION")),
            (
                "revision",
                option_env!("BUILT_FROM_REVISION").unwrap_or("unknown"),
            ),
            ("rustc", env!("BUILT_BY_RUSTC")),
        ];
        self.gauge(
            "sightline_build_info",
            "What this program was built from.",
            [(build, 1_i64)],
        )?;
        let cpu = process.cpu.map(|cpu| cpu.as_secs_f64());
        self.counter_of_seconds("process_cpu_seconds", "Time on the processors.", cpu)?;
        let mut one = |name, help, value: Option<u64>| {
            let value = value.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
            self.single(name, help, value)
        };
        one(
            "process_resident_memory_bytes",
            "Memory that is resident.",
            process.resident,
        )?;
        one(
            "process_virtual_memory_bytes",
            "Address space.",
            process.virtual_memory,
        )?;
        one(
            "process_open_fds",
            "Open descriptors.",
            process.open_descriptors,
        )?;
        one(
            "process_max_fds",
            "As many descriptors may be open.",
            process.most_descriptors,
        )?;
        self.single(
            "process_start_time_seconds",
            "When the daemon started, in seconds since 1970.",
            Some(seconds(started)),
        )
    }
}

const VERDICTS: [Verdict; 4] = [
    Verdict::Ready,
    Verdict::Degraded,
    Verdict::NotReady,
    Verdict::Unknown,
];

type Label<'a> = (&'static str, &'a str);

fn labels<'a>((network, path, probe, target): super::groups::Key<'a>) -> [Label<'a>; 4] {
    [
        ("network", network),
        ("path", path),
        ("probe", probe),
        ("target", target),
    ]
}

fn and<'a>([a, b, c, d]: [Label<'a>; 4], one: Label<'a>) -> [Label<'a>; 5] {
    [a, b, c, d, one]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this age fit into the mantissa"
)]
fn seconds(time: Timestamp) -> f64 {
    time.unix_millis() as f64 / 1000.0
}
