//! What is wrong with the configuration, and where.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// Problems beyond this number are counted, not kept: a file of another program must not fill the
/// journal.
const MOST_PROBLEMS: usize = 50;

/// Lines longer than this are not shown, only named.
const LONGEST_SHOWN_LINE: usize = 400;

/// Characters of a text that a message repeats.
const LONGEST_QUOTE: usize = 60;

/// Characters of one message.
const LONGEST_MESSAGE: usize = 600;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands, if in a file.
    pub place: Option<Place>,
    /// What is wrong, as a sentence that names the key, the variable or the file.
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    pub(super) fn new(place: Option<Place>, what: impl Into<String>) -> Self {
        Self {
            place,
            what: shortened(&what.into(), LONGEST_MESSAGE),
            help: None,
        }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(shortened(&help.into(), LONGEST_MESSAGE)),
            ..self
        }
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(self.what.as_str());
        let mut group = match &self.place {
            None => Group::with_title(title),
            Some(place) => {
                let path = place.file.to_string_lossy();
                match &place.line_text {
                    Some(text) => title.element(
                        Snippet::source(text.as_str())
                            .line_start(place.line)
                            .path(path)
                            .annotation(AnnotationKind::Primary.span(place.mark.clone())),
                    ),
                    None => title.element(
                        Origin::path(path)
                            .line(place.line)
                            .char_column(place.column),
                    ),
                }
            }
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself, unless it is too long to show.
    line_text: Option<String>,
    /// The bytes of the line that are meant.
    mark: Range<usize>,
}

impl Place {
    /// The place of the bytes `span` of `text`, which is the content of `file`.
    pub(super) fn new(file: &Path, text: &str, span: Range<usize>) -> Self {
        let start = floor(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let column_start = (start - line_start).min(line.len());
        let column_end = floor(line, span.end.saturating_sub(line_start)).max(column_start);
        let ahead = line.get(..column_start).unwrap_or_default();
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: ahead.chars().count() + 1,
            line_text: (line.len() <= LONGEST_SHOWN_LINE).then(|| line.to_owned()),
            mark: column_start..column_end,
        }
    }

    /// The same, of a line that nobody is to be shown.
    pub(super) fn without_text(self) -> Self {
        Self {
            line_text: None,
            ..self
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Everything that is wrong, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    problems: Vec<Problem>,
    left_out: usize,
}

impl Errors {
    /// The problems, at most fifty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// All problems for people: each with the line that is meant, then their number. With `colour`
    /// in the colours of a terminal. Ends with a newline.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut all = String::new();
        for problem in &self.problems {
            all.push_str(&problem.render(&renderer));
            all.push_str("\n\n");
        }
        let _infallible = writeln!(all, "{}", self.count());
        all
    }

    pub(super) fn push(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        for problem in other.problems {
            self.push(problem);
        }
        self.left_out += other.left_out;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MOST_PROBLEMS
    }

    /// Brings the problems into reading order. `files` are the files in the order in which they
    /// were read; what stands in no file comes last.
    pub(super) fn sort(&mut self, files: &[&Path]) {
        self.problems.sort_by_key(|problem| {
            let place = problem.place.as_ref();
            let file = place.and_then(|place| files.iter().position(|file| *file == place.file));
            (
                file.unwrap_or(files.len()),
                place.map_or((0, 0), |place| (place.line, place.column)),
            )
        });
    }

    fn count(&self) -> String {
        match (self.problems.len(), self.left_out) {
            (1, 0) => "1 problem in the configuration".to_owned(),
            (shown, 0) => format!("{shown} problems in the configuration"),
            (shown, left_out) => format!(
                "{} problems in the configuration, the first {shown} are shown",
                shown + left_out
            ),
        }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        f.write_str(&self.count())
    }
}

impl std::error::Error for Errors {}

impl From<Problem> for Errors {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            left_out: 0,
        }
    }
}

/// A text as a message may repeat it: in backticks, of bearable length, and without characters that
/// a terminal would obey.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", shortened(text, LONGEST_QUOTE))
}

fn shortened(text: &str, longest: usize) -> String {
    let mut shown = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == longest {
            shown.push('…');
            break;
        }
        if is_harmful(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Control characters, and those that reorder the text around them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}
