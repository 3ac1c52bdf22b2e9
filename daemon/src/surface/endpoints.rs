//! The endpoints of a site: a table for people, and a request for whoever runs the firewall.

mod firewall;
mod table;

pub use firewall::firewall;
pub use table::table;

/// Joins `items` with `separator` into lines of at most `width` characters; an item that is longer
/// has a line for itself.
fn wrapped<'a>(
    items: impl IntoIterator<Item = &'a str>,
    separator: &str,
    width: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line)
                if line.chars().count() + separator.len() + item.chars().count() <= width =>
            {
                line.push_str(separator);
                line.push_str(item);
            }
            Some(line) => {
                line.push_str(separator.trim_end());
                lines.push(item.to_owned());
            }
            None => lines.push(item.to_owned()),
        }
    }
    lines
}

/// A sentence begins with a capital letter.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
