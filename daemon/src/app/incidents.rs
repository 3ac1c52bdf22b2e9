//! What happens to incidents: kept, and told in the log.

use std::sync::Arc;

use sightline_model::Severity;
use sightline_model::incident::{Event, Incident};
use sightline_model::snapshot::Snapshot;
use tokio::sync::{mpsc, watch};

use crate::engine::Clock;
use crate::store::Store;
use crate::text::harmless;

/// Keeps and tells what happens, in its order, until nothing can happen any more.
pub(super) async fn tell_events(
    mut events: mpsc::UnboundedReceiver<Event>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    (store, clock): (Store, Arc<dyn Clock>),
) {
    while let Some(event) = events.recv().await {
        // Nobody waits for the disk to hear of an incident; the store tries again by itself.
        let _kept = store.record(&event);
        let (what, incident) = match &event {
            Event::Opened(incident) => ("opened", incident),
            Event::Changed(incident) => ("changed", incident),
            Event::Closed(incident) => ("closed", incident),
        };
        let snapshot = Arc::clone(&snapshots.borrow());
        let silence = snapshot.silence_of(incident, clock.now().wall);
        tell(
            what,
            incident,
            silence.map(|silence| silence.until.to_string()),
        );
    }
}

/// One line. What nobody wants to be called for is information.
fn tell(what: &'static str, incident: &Incident, silent_until: Option<String>) {
    let Incident {
        id,
        network,
        subject,
        summary,
        fix,
        changes,
        ..
    } = incident;
    let stage = incident.stage.id();
    let reason = incident.reason.code();
    let severity = incident.severity.id();
    let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
    let different = (!changes.is_empty()).then(|| harmless(&changes.join("; ")));
    if what == "closed" {
        tracing::info!(
            incident = id,
            network,
            stage,
            reason,
            subject,
            "over: {summary}"
        );
    } else if silent_until.is_some() {
        tracing::info!(
            incident = id,
            network,
            stage,
            reason,
            subject,
            severity,
            different,
            silent_until,
            "{what}, and nobody is called: {summary} {fix}"
        );
    } else if incident.severity == Severity::Blocking {
        tracing::error!(
            incident = id,
            network,
            stage,
            reason,
            subject,
            severity,
            different,
            "{what}: {summary} {fix}"
        );
    } else {
        tracing::warn!(
            incident = id,
            network,
            stage,
            reason,
            subject,
            severity,
            different,
            "{what}: {summary} {fix}"
        );
    }
}
