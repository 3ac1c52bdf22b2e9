//! One root cause: what is wrong, where, and who changes what.

use sightline_model::{NetworkStatus, RootCause};

use super::super::few;
use super::{Standing, is_configurable, line, pair, severity_style};

/// Explains a cause. The banner has said the sentence of an only one already.
pub(super) fn explain(
    out: &mut String,
    network: &NetworkStatus,
    cause: &RootCause,
    standing: Standing,
) {
    let style = severity_style(cause.severity);
    let summary = if standing.is_only {
        String::new()
    } else {
        format!(": {}", cause.summary)
    };
    line(
        out,
        format_args!(
            "  {style}{}{style:#} at {}{summary}",
            cause.reason, cause.stage
        ),
    );
    // All places stand here, once; elsewhere the first ones are enough.
    if !cause.summary.contains(&cause.subject) || few(&cause.subject) != cause.subject {
        pair(out, "subject", &cause.subject);
    }
    if standing.has_memory {
        pair(out, "since", &cause.since.to_string());
    }
    pair(out, "who", cause.fixer.title());
    pair(out, "fix", &cause.fix);
    pair(out, "on the device", &cause.seen_by_user);
    let affected: Vec<_> = network
        .stages
        .iter()
        .filter(|status| cause.also_affected.contains(&status.stage))
        .filter(|status| status.applicable || !is_configurable(status.stage))
        .map(|status| status.stage.id())
        .collect();
    if !affected.is_empty() {
        pair(out, "also affected", &affected.join(", "));
    }
    let shown = if standing.is_verbose { usize::MAX } else { 2 };
    for (index, evidence) in cause.evidence.iter().take(shown).enumerate() {
        pair(out, if index == 0 { "evidence" } else { "" }, evidence);
    }
    if cause.evidence.len() > shown {
        let more = cause.evidence.len() - shown;
        pair(out, "", &format!("and {more} more, with --verbose"));
    }
    out.push('\n');
}
