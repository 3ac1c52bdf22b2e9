//! YAML as far as a web file needs it: maps, lists and scalars of one document, each with its place. What
//! could mean something else than it looks like (anchors, aliases, tags, merge keys, a key twice, a second
//! document) is an error.

use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::problem::{Errors, Place, Problem, quoted};
use super::source::Source;

/// A map within a map within a map is as deep as the format goes.
const DEEPEST: usize = 8;

/// A value, and the bytes that it stands in.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    /// Nothing is written.
    Nothing,
    /// As it is written, and whether in quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

/// A collection that has not ended.
struct Open {
    begun: Range<usize>,
    node: Value,
    key: Option<(String, Range<usize>)>,
}

/// Reads a file; `None` where nothing is in it.
///
/// # Errors
/// Everything that is no YAML, or YAML of a kind that is not taken, with its place.
pub(super) fn parse(source: &Source) -> Result<Option<Node>, Errors> {
    let reader = Reader {
        source,
        offsets: source.text.char_indices().map(|(at, _)| at).collect(),
    };
    reader.read()
}

struct Reader<'a> {
    source: &'a Source,
    /// Where each character begins, in bytes.
    offsets: Vec<usize>,
}

impl Reader<'_> {
    fn read(&self) -> Result<Option<Node>, Errors> {
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str(&self.source.text) {
            let (event, span) = event.map_err(|error| self.no_yaml(&error))?;
            let span = self.bytes(span);
            let done = match event {
                Event::Scalar(text, style, anchor, tag) => {
                    self.plain(anchor, tag.is_some(), &span)?;
                    let is_quoted = style != ScalarStyle::Plain;
                    let value = if !is_quoted && matches!(&*text, "" | "~" | "null") {
                        Value::Nothing
                    } else {
                        Value::Scalar(text.into_owned(), is_quoted)
                    };
                    Some(Node { span, value })
                }
                Event::SequenceStart(anchor, tag) => {
                    self.plain(anchor, tag.is_some(), &span)?;
                    self.enter(&mut open, Value::List(Vec::new()), span)?;
                    None
                }
                Event::MappingStart(anchor, tag) => {
                    self.plain(anchor, tag.is_some(), &span)?;
                    self.enter(&mut open, Value::Map(Vec::new()), span)?;
                    None
                }
                Event::SequenceEnd | Event::MappingEnd => open.pop().map(|ended| Node {
                    span: ended.begun,
                    value: ended.node,
                }),
                Event::Alias(_) => return Err(self.problem(&span, "aliases are not taken here")),
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self.problem(&span, "only one document is taken here"));
                }
                _ => None,
            };
            let Some(node) = done else { continue };
            match open.last_mut() {
                None => root = Some(node),
                Some(outer) => self.put(outer, node)?,
            }
        }
        Ok(root.filter(|node| !matches!(node.value, Value::Nothing)))
    }

    fn enter(&self, open: &mut Vec<Open>, node: Value, begun: Range<usize>) -> Result<(), Errors> {
        if open.len() >= DEEPEST {
            return Err(self.problem(&begun, "this is nested too deeply"));
        }
        open.push(Open {
            begun,
            node,
            key: None,
        });
        Ok(())
    }

    /// Puts a value into the collection around it: in a map every second one is a key.
    fn put(&self, outer: &mut Open, node: Node) -> Result<(), Errors> {
        match (&mut outer.node, outer.key.take()) {
            (Value::Map(entries), Some((key, key_span))) => entries.push(Entry {
                key,
                key_span,
                node,
            }),
            (Value::Map(entries), None) => {
                let Value::Scalar(key, is_quoted) = node.value else {
                    return Err(self.problem(&node.span, "a key must be a word"));
                };
                if key == "<<" && !is_quoted {
                    return Err(self.problem(&node.span, "merge keys are not taken here"));
                }
                if entries.iter().any(|entry| entry.key == key) {
                    let what = format!("the key {} stands here twice", quoted(&key));
                    return Err(self.problem(&node.span, &what));
                }
                outer.key = Some((key, node.span));
            }
            (Value::List(nodes), _) => nodes.push(node),
            (Value::Nothing | Value::Scalar(..), _) => {}
        }
        Ok(())
    }

    fn plain(&self, anchor: usize, has_tag: bool, span: &Range<usize>) -> Result<(), Errors> {
        match (anchor, has_tag) {
            (0, false) => Ok(()),
            (0, true) => Err(self.problem(span, "tags are not taken here")),
            _ => Err(self.problem(span, "anchors are not taken here")),
        }
    }

    fn no_yaml(&self, error: &ScanError) -> Errors {
        let at = self.byte(*error.marker());
        self.problem(&(at..at), &format!("this is no YAML: {}", error.info()))
    }

    fn problem(&self, span: &Range<usize>, what: &str) -> Errors {
        Problem::new(Some(place(self.source, span)), what).into()
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start);
        start..self.byte(span.end).max(start)
    }

    fn byte(&self, marker: Marker) -> usize {
        let end = self.source.text.len();
        self.offsets.get(marker.index()).copied().unwrap_or(end)
    }
}

/// The place of some bytes of a file; of several lines, the first. The line itself is never shown: passwords
/// and keys may stand in it.
pub(super) fn place(source: &Source, span: &Range<usize>) -> Place {
    Place::new(&source.file, &source.text, span.clone()).without_text()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Option<Node>, Errors> {
        parse(&Source {
            file: "web.yml".into(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn maps_lists_and_words_are_read_with_their_places() {
        let text = "# ä\nä:\n  b: 'x'\n  c: [1, \"2\"]\nd:\n";
        let node = read(text).expect("YAML").expect("something");
        let Value::Map(entries) = &node.value else {
            panic!("{node:?}")
        };
        let Value::Map(inner) = &entries[0].node.value else {
            panic!("{node:?}")
        };
        assert_eq!(&text[inner[0].node.span.clone()], "'x'");
        assert!(matches!(&inner[0].node.value, Value::Scalar(word, true) if word == "x"));
        assert_eq!(&text[inner[1].key_span.clone()], "c");
        assert!(matches!(&inner[1].node.value, Value::List(list) if list.len() == 2));
        assert!(matches!(entries[1].node.value, Value::Nothing));
        for nothing in ["", "# only a comment\n", "---\n", "~"] {
            assert!(read(nothing).expect("YAML").is_none(), "{nothing}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused_with_its_place() {
        for (text, at, what) in [
            ("a: &x 1\nb: *x\n", "1:", "anchors"),
            ("a: !!str 1\n", "1:", "tags"),
            ("<<: {a: b}\n", "1:1", "merge keys"),
            ("a: 1\nb: 2\na: 3\n", "3:1", "twice"),
            ("a: 1\n---\nb: 2\n", "2:1", "one document"),
            ("? [a]\n: b\n", "1:3", "must be a word"),
            ("a: [1\n", "2:", "no YAML"),
            ("a: {{{{{{{{{}}}}}}}}}\n", "1:", "too deeply"),
        ] {
            let errors = read(text).expect_err(text).to_string();
            assert!(errors.contains(what), "{text}: {errors}");
            assert!(
                errors.contains(&format!("web.yml:{at}")),
                "{text}: {errors}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_does_harm(text in "[-a-c:?,&*!|>'\"#%@{}\\[\\] \t\n~<\u{e4}\u{feff}]{0,80}") {
            let _either = read(&text);
        }
    }
}
