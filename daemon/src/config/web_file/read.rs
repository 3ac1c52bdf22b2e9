//! From nodes to values, and every problem with its place.

use std::ops::Range;

use crate::config::problem::{Errors, Problem, quoted};
use crate::config::source::Source;
use crate::config::suggest;
use crate::config::yaml::{self, Entry, Node, Value};

/// Reads values, and keeps what is wrong with them.
pub(super) struct Reader<'a> {
    source: &'a Source,
    errors: Errors,
}

/// The entries of a map, all of which have keys that are known.
pub(super) struct Keys(Vec<Entry>);

impl Keys {
    /// The entry with a key, if it is there and something is written behind it.
    pub(super) fn take(&mut self, key: &str) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.key == key)?;
        let entry = self.0.swap_remove(at);
        (!matches!(entry.node.value, Value::Nothing)).then_some(entry)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            errors: Errors::default(),
        }
    }

    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// # Errors
    /// Everything that was wrong.
    pub(super) fn done(mut self) -> Result<(), Errors> {
        if self.is_good() {
            return Ok(());
        }
        self.errors.sort(&[&self.source.file]);
        Err(self.errors)
    }

    pub(super) fn is_good(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn push(&mut self, problem: Problem) {
        self.errors.push(problem);
    }

    pub(super) fn wrong(&mut self, span: &Range<usize>, what: &str) {
        let place = yaml::place(self.source, span);
        self.push(Problem::new(Some(place), what));
    }

    pub(super) fn unknown(&mut self, kind: &str, word: &str, span: &Range<usize>, known: &[&str]) {
        let place = yaml::place(self.source, span);
        let problem = Problem::new(Some(place), format!("unknown {kind} {}", quoted(word)));
        self.push(match suggest::nearest(word, known.iter().copied()) {
            Some(meant) => problem.with_help(format!("did you mean `{meant}`?")),
            None => problem.with_help(format!("here may stand: {}", known.join(", "))),
        });
    }

    /// A map of keys of which all are known.
    pub(super) fn map(&mut self, node: Node, known: &[&str]) -> Keys {
        let mut entries = self.entries(node);
        entries.retain(|entry| {
            let is_known = known.contains(&entry.key.as_str());
            if !is_known {
                self.unknown("key", &entry.key, &entry.key_span, known);
            }
            is_known
        });
        Keys(entries)
    }

    /// A map with any keys.
    pub(super) fn entries(&mut self, node: Node) -> Vec<Entry> {
        match node.value {
            Value::Map(entries) => entries,
            Value::Nothing => Vec::new(),
            Value::Scalar(..) | Value::List(_) => {
                self.wrong(
                    &node.span,
                    "here stand keys with their values, as `key: value`",
                );
                Vec::new()
            }
        }
    }

    /// A word.
    pub(super) fn word(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar(text, _) => Some(text.clone()),
            Value::Nothing => Some(String::new()),
            Value::Map(_) | Value::List(_) => {
                self.wrong(&node.span, "here stands one value");
                None
            }
        }
    }

    /// A list of words, each with its bytes.
    pub(super) fn words(&mut self, node: Node) -> Vec<(String, Range<usize>)> {
        match node.value {
            Value::List(nodes) => nodes
                .into_iter()
                .filter_map(|node| Some((self.word(&node)?, node.span)))
                .collect(),
            Value::Nothing => Vec::new(),
            Value::Map(_) | Value::Scalar(..) => {
                self.wrong(&node.span, "here stands a list, as `[one, other]`");
                Vec::new()
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Scalar(text, false) if text == "true" => Some(true),
            Value::Scalar(text, false) if text == "false" => Some(false),
            _ => {
                self.wrong(&node.span, "here stands `true` or `false`");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        what: &str,
        (word, span): (&str, &Range<usize>),
        table: &[(&str, T)],
    ) -> Option<T> {
        let found = table.iter().find(|(name, _)| *name == word);
        if found.is_none() {
            let known: Vec<_> = table.iter().map(|(name, _)| *name).collect();
            self.unknown(what, word, span, &known);
        }
        found.map(|(_, value)| *value)
    }
}
