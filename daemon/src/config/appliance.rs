//! What a box without a screen shows.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::problem::quoted;

/// What a box without a screen shows. Both are off if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Appliance {
    /// The name of a LED below /sys/class/leds that shows the verdict by how it blinks.
    #[serde(deserialize_with = "led")]
    pub led: Option<String>,
    /// A terminal, as "/dev/tty1" or "/dev/ttyS0", that gets a line with each change.
    #[serde(deserialize_with = "console")]
    pub console: Option<PathBuf>,
}

fn led<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(name) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let is_name = (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && !name
            .chars()
            .any(|c| c == '/' || c.is_whitespace() || c.is_control());
    if is_name {
        Ok(Some(name))
    } else {
        Err(D::Error::custom(format!(
            "{} is no name of a LED; `ls /sys/class/leds` shows them",
            quoted(&name)
        )))
    }
}

fn console<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let Some(path) = Option::<PathBuf>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let is_device = path.starts_with("/dev") && path.components().count() > 2;
    let leads_away = path
        .components()
        .any(|part| part == std::path::Component::ParentDir);
    if is_device && !leads_away {
        Ok(Some(path))
    } else {
        Err(D::Error::custom(format!(
            "{} is no terminal; write \"/dev/tty1\" or \"/dev/ttyS0\"",
            quoted(&path.display().to_string())
        )))
    }
}
