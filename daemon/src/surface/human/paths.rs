//! Which path carries the flow, and how many are left, in words.

use sightline_model::{DIRECT, NetworkStatus, PathStatus};

/// Behind what is said of the controllers; nothing where there is one path only.
pub(super) fn words(network: &NetworkStatus) -> String {
    let paths = &network.paths;
    if paths.len() < 2 {
        return String::new();
    }
    let carrying: Vec<&PathStatus> = paths.iter().filter(|path| path.carries).collect();
    let untested: Vec<&str> = paths
        .iter()
        .filter(|path| !path.tested)
        .map(|path| path.path.as_str())
        .collect();
    let mut said = match carrying.as_slice() {
        [] => format!(", on none of {} paths", paths.len()),
        [first, ..] => format!(
            ", {}: {} of {} paths {}",
            way(first),
            carrying.len(),
            paths.len(),
            if carrying.len() == 1 {
                "leads there"
            } else {
                "lead there"
            }
        ),
    };
    if !untested.is_empty() {
        said += &format!("; not tested: {}", untested.join(", "));
    }
    said
}

fn way(path: &PathStatus) -> String {
    if path.path == DIRECT {
        "directly".to_owned()
    } else {
        format!("through {}", path.path)
    }
}
