//! The course of a network over time, as a row of cells.

use std::collections::BTreeMap;

use sightline_model::{Stage, Timestamp};

use super::minutes::{Change, Line, Word};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The network.
    pub network: String,
    /// Where the first cell begins.
    pub from: Timestamp,
    /// Where the last cell ends.
    pub until: Timestamp,
    /// How many cells, at most [`Question::MOST_CELLS`].
    pub cells: usize,
}

impl Question {
    /// More than a display has dots to show.
    pub const MOST_CELLS: usize = 2016;

    fn width(&self) -> i64 {
        let cells = i64::try_from(self.cells.clamp(1, Self::MOST_CELLS)).unwrap_or(1);
        let span = self.until.unix_millis() - self.from.unix_millis();
        (span / cells).max(1)
    }
}

/// The course of one stage, or of the whole network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strip {
    /// The stage; `None` for the network as a whole, which is the first strip.
    pub stage: Option<Stage>,
    /// The worst within each stretch of time, by time; `None` where nobody looked.
    pub cells: Vec<Option<Word>>,
}

/// Paints strips.
#[derive(Debug)]
pub(super) struct Painter<'a> {
    question: &'a Question,
    strips: BTreeMap<Option<Stage>, Vec<Option<Word>>>,
    /// How it stands in the sheet that is painted, and since which minute.
    current: BTreeMap<Option<Stage>, (i64, Word)>,
}

impl<'a> Painter<'a> {
    pub(super) const fn new(question: &'a Question) -> Self {
        Self {
            question,
            strips: BTreeMap::new(),
            current: BTreeMap::new(),
        }
    }

    /// Paints up to a change of the same sheet.
    pub(super) fn change(&mut self, change: &Change) {
        let (network, stage): &Line = &change.line;
        if *network != self.question.network {
            return;
        }
        let before = match change.word {
            Some(word) => self.current.insert(*stage, (change.minute, word)),
            None => self.current.remove(stage),
        };
        if let Some((since, word)) = before {
            self.paint(*stage, since, change.minute, word);
        }
    }

    /// Paints up to the end of a sheet.
    pub(super) fn end(&mut self, until: i64) {
        for (stage, (since, word)) in std::mem::take(&mut self.current) {
            self.paint(stage, since, until, word);
        }
    }

    fn paint(&mut self, stage: Option<Stage>, from: i64, until: i64, word: Word) {
        let (width, begin) = (self.question.width(), self.question.from.unix_millis());
        let most = self.question.cells.clamp(1, Question::MOST_CELLS);
        let (from, until) = (from * 60_000 - begin, until * 60_000 - begin);
        if until <= 0 || until <= from {
            return;
        }
        let cells = self.strips.entry(stage).or_insert_with(|| vec![None; most]);
        let place = |millis: i64| usize::try_from((millis / width).max(0)).unwrap_or(usize::MAX);
        let (first, last) = (place(from), place(until - 1));
        for cell in cells.iter_mut().take(last.saturating_add(1)).skip(first) {
            if cell.is_none_or(|known| known.0 < word.0) {
                *cell = Some(word);
            }
        }
    }

    pub(super) fn strips(self) -> Vec<Strip> {
        let strips = self.strips.into_iter();
        let strips = strips.map(|(stage, cells)| Strip { stage, cells });
        strips
            .filter(|strip| strip.cells.iter().any(Option::is_some))
            .collect()
    }
}
