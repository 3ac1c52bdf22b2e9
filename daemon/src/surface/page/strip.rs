//! History as a strip of bars, and in words. Colour is never the only sign: the worse, the taller a bar;
//! what is not known is an empty box, and where nobody looked there is none.

use askama::Template;
use sightline_model::{NetworkStatus, Stage, Timestamp, Verdict};

use crate::store::Word;
use crate::surface::history::{Book, Course, Range, Stretch, few_stretches, stretches};

/// A strip of a whole network has no more bars.
const MOST_BARS: usize = 40;

/// Those of all stages of one network together are about so many in each; with several networks fewer.
const MOST_STAGE_BARS: usize = 20;

/// As many stretches are told in words.
const MOST_TOLD: usize = 8;

/// One strip; written it is an SVG image.
#[derive(Debug, Template)]
#[template(path = "strip.html")]
pub(crate) struct Shown {
    /// How far back, for people.
    pub(crate) name: &'static str,
    /// What it is of, and how often it stood how, for those who do not see it.
    pub(crate) label: String,
    /// Its width, in cells.
    pub(crate) width: usize,
    pub(crate) bars: Vec<Bar>,
    /// When it begins.
    pub(crate) from: String,
    /// The last stretch that was not ready, in words.
    pub(crate) last: Option<String>,
    /// What is below it in the list: the last stretches that were not ready, the last one first.
    pub(crate) told: Vec<String>,
    /// How many more there are.
    pub(crate) more: usize,
}

/// One bar.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) x: usize,
    pub(crate) width: usize,
    /// The class in the style.
    pub(crate) class: char,
    pub(crate) title: String,
}

/// The strips of a network as a whole.
pub(crate) fn whole(book: &Book, network: &NetworkStatus) -> Vec<Shown> {
    let known = Range::ALL.into_iter().filter_map(|range| {
        let course = book.get(&(network.network.clone(), range))?;
        Some(of(course, None, MOST_BARS))
    });
    known.collect()
}

/// The last 24 hours of a stage.
pub(crate) fn stage(
    book: &Book,
    (network, networks): (&NetworkStatus, usize),
    stage: Stage,
) -> Option<Shown> {
    let course = book.get(&(network.network.clone(), Range::Day))?;
    let most = (MOST_STAGE_BARS / networks.max(1)).max(4);
    Some(of(course, Some(stage), most))
}

fn of(course: &Course, stage: Option<Stage>, most: usize) -> Shown {
    let (cells, all) = (course.cells(stage), course.range.cells());
    let title = |one: &Stretch| {
        let begin = course.begin(one.first);
        let end = course.begin(one.first + one.cells);
        format!("{} {}", between(course.range, begin, end), words(one.word))
    };
    let bars = few_stretches(cells, all, most);
    let bars = bars.iter().filter_map(|one| {
        Some(Bar {
            x: one.first,
            width: one.cells,
            class: class(one.word?.0),
            title: title(one),
        })
    });
    let exact = stretches(cells, all);
    let bad = exact
        .iter()
        .rev()
        .filter(|one| one.word.is_some_and(|word| word.0 != Verdict::Ready));
    let mut told: Vec<String> = bad.map(title).collect();
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    Shown {
        name: name(course.range),
        label: label(course, stage, cells),
        width: all,
        bars: bars.collect(),
        from: moment(course.range, course.from),
        last: told.first().cloned(),
        told,
        more,
    }
}

fn label(course: &Course, stage: Option<Stage>, cells: &[Option<Word>]) -> String {
    let of = stage.map_or("The network", Stage::title);
    let mut text = format!(
        "{of}, last {}, {} cells:",
        name(course.range),
        course.range.cells()
    );
    let count = |wanted: Option<Verdict>| {
        let known = cells.iter().map(|cell| cell.map(|word| word.0));
        known.filter(|known| *known == wanted).count()
    };
    let missing = course.range.cells().saturating_sub(cells.len());
    for (wanted, word) in [
        (Some(Verdict::Ready), "ready"),
        (Some(Verdict::Degraded), "degraded"),
        (Some(Verdict::NotReady), "not ready"),
        (Some(Verdict::Unknown), "unknown"),
        (None, "not looked at"),
    ] {
        let count = count(wanted) + if wanted.is_none() { missing } else { 0 };
        if count > 0 {
            text.push_str(&format!(" {count} {word},"));
        }
    }
    text.trim_end_matches(',').to_owned()
}

/// A range for people.
const fn name(range: Range) -> &'static str {
    match range {
        Range::Day => "24 hours",
        Range::Week => "7 days",
        Range::Month => "30 days",
    }
}

/// How it stood, and why.
fn words(word: Option<Word>) -> String {
    match word {
        None => "nobody looked".to_owned(),
        Some((verdict, reason)) => {
            let word = super::word(verdict).to_lowercase();
            reason.map_or(word.clone(), |reason| format!("{word}, {}", reason.code()))
        }
    }
}

const fn class(verdict: Verdict) -> char {
    match verdict {
        Verdict::Ready => 'r',
        Verdict::Degraded => 'd',
        Verdict::NotReady => 'n',
        Verdict::Unknown => 'u',
    }
}

fn between(range: Range, begin: Timestamp, end: Timestamp) -> String {
    format!("{}–{}", moment(range, begin), moment(range, end))
}

/// A time in UTC, as exact as a range needs it: `09:45`, `11-22 08:00`.
fn moment(range: Range, time: Timestamp) -> String {
    let text = time.to_string();
    let clock = text.get(11..16).unwrap_or_default();
    match range {
        Range::Day => clock.to_owned(),
        Range::Week | Range::Month => {
            format!("{} {clock}", text.get(5..10).unwrap_or_default())
        }
    }
}
