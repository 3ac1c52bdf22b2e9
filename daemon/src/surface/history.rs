//! The course of a network over a day, a week and a month: for programs the contract `sightline.history/1`,
//! for people stretches of time.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sightline_model::{Reason, Stage, Timestamp, Verdict};

use crate::store::{Question, Strip, Word};

/// How far back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// 24 hours, in quarters of an hour.
    Day,
    /// 7 days, in cells of two hours.
    Week,
    /// 30 days, in cells of eight hours.
    Month,
}

impl Range {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in queries.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// How many cells it has.
    #[must_use]
    pub const fn cells(self) -> usize {
        match self {
            Self::Day => 96,
            Self::Week => 84,
            Self::Month => 90,
        }
    }

    /// How long one cell is.
    #[must_use]
    pub const fn cell(self) -> Duration {
        Duration::from_secs(match self {
            Self::Day => 15 * 60,
            Self::Week => 2 * 3600,
            Self::Month => 8 * 3600,
        })
    }

    const fn cell_millis(self) -> i64 {
        match self {
            Self::Day => 900_000,
            Self::Week => 7_200_000,
            Self::Month => 28_800_000,
        }
    }

    /// What is to be asked of the store. Cells begin at whole multiples of their length, so that the same
    /// stretch of time is the same cell all the while; the last one is under way.
    #[must_use]
    pub fn question(self, network: &str, now: Timestamp) -> Question {
        let cell = self.cell_millis();
        let until = (now.unix_millis().div_euclid(cell) + 1) * cell;
        let span = i64::try_from(self.cells()).unwrap_or(i64::MAX) * cell;
        Question {
            network: network.to_owned(),
            from: Timestamp::from_unix_millis(until - span),
            until: Timestamp::from_unix_millis(until),
            cells: self.cells(),
        }
    }
}

impl FromStr for Range {
    type Err = String;

    /// # Errors
    /// A sentence that lists the ranges, for a word that is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|range| range.id() == text).ok_or_else(|| {
            format!(
                "there is no range `{}`; write 24h, 7d or 30d",
                crate::text::foreign(text)
            )
        })
    }
}

/// The course of a network, and of its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// How far back.
    pub range: Range,
    /// Where the first cell begins.
    pub from: Timestamp,
    /// The network as a whole, and then its stages; what nobody has looked at is missing.
    pub strips: Vec<Strip>,
}

/// Courses by network and range.
pub type Book = BTreeMap<(String, Range), Arc<Course>>;

/// A stretch of time in which it stood the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first cell.
    pub first: usize,
    /// How many cells it has.
    pub cells: usize,
    /// How it stood at its worst; `None` where nobody looked.
    pub word: Option<Word>,
}

impl Course {
    /// The cells of a stage, or of the network as a whole; none where nobody has looked.
    #[must_use]
    pub fn cells(&self, stage: Option<Stage>) -> &[Option<Word>] {
        let mut strips = self.strips.iter();
        let strip = strips.find(|strip| strip.stage == stage);
        strip.map_or(&[], |strip| &strip.cells)
    }

    /// Where a cell begins.
    #[must_use]
    pub fn begin(&self, cell: usize) -> Timestamp {
        let cells = i64::try_from(cell).unwrap_or(i64::MAX);
        let millis = cells.saturating_mul(self.range.cell_millis());
        Timestamp::from_unix_millis(self.from.unix_millis().saturating_add(millis))
    }
}

/// Cells that say the same, put together; all cells that there are to be, also where nobody has looked.
#[must_use]
pub fn stretches(cells: &[Option<Word>], all: usize) -> Vec<Stretch> {
    coarse(cells, all, 1)
}

/// The same by at most `most` stretches: where there are more, the worst of each few cells counts.
#[must_use]
pub fn few_stretches(cells: &[Option<Word>], all: usize, most: usize) -> Vec<Stretch> {
    let mut each = 1;
    loop {
        let found = coarse(cells, all, each);
        if found.len() <= most.max(1) || each >= all {
            return found;
        }
        each += 1;
    }
}

fn coarse(cells: &[Option<Word>], all: usize, each: usize) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut first = 0;
    while first < all {
        let count = each.min(all - first);
        let group = cells.iter().skip(first).take(count).flatten();
        // The first of equals, so that a reason does not depend on what comes later.
        let word = group.rev().max_by_key(|word| word.0).copied();
        match found.last_mut() {
            Some(last) if last.word == word => last.cells += count,
            _ => found.push(Stretch {
                first,
                cells: count,
                word,
            }),
        }
        first += count;
    }
    found
}

/// The course of a network and of its stages, or of `only` one of them.
///
/// # Errors
/// None in practice: the text is written into memory.
pub fn render(
    (site, network): (&str, &str),
    course: &Course,
    only: Option<Stage>,
) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct History<'a> {
        schema: &'static str,
        site: &'a str,
        network: &'a str,
        range: &'static str,
        from: Timestamp,
        until: Timestamp,
        cell_seconds: u64,
        strips: Vec<Row>,
    }
    #[derive(Serialize)]
    struct Row {
        stage: Option<Stage>,
        cells: Vec<Option<Cell>>,
    }
    #[derive(Serialize)]
    struct Cell {
        verdict: Verdict,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    }
    let strips = course.strips.iter();
    let strips = strips.filter(|strip| only.is_none() || strip.stage == only);
    let strips = strips.map(|strip| {
        let cells = strip.cells.iter();
        Row {
            stage: strip.stage,
            cells: cells
                .map(|cell| cell.map(|(verdict, reason)| Cell { verdict, reason }))
                .collect(),
        }
    });
    serde_json::to_string(&History {
        schema: "sightline.history/1",
        site,
        network,
        range: course.range.id(),
        from: course.from,
        until: course.begin(course.range.cells()),
        cell_seconds: course.range.cell().as_secs(),
        strips: strips.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_begin_at_whole_multiples_and_the_last_one_is_under_way() {
        let now = Timestamp::from_unix_millis(1_795_341_907_000);
        for range in Range::ALL {
            let asked = range.question("n", now);
            assert_eq!(asked.until.unix_millis() % range.cell_millis(), 0);
            assert!(asked.until > now);
            let last = asked.until.unix_millis() - range.cell_millis();
            assert!(last <= now.unix_millis());
            assert_eq!(range.id().parse(), Ok(range));
        }
        assert!("25h".parse::<Range>().is_err());
    }

    #[test]
    fn what_says_the_same_is_one_stretch_and_a_bad_moment_survives_coarse_cells() {
        let good = Some((Verdict::Ready, None));
        let bad = Some((Verdict::NotReady, Some(Reason::PortBlocked)));
        let cells = [None, good, good, bad, good, bad, good, good];
        let found = stretches(&cells, 9);
        let shape: Vec<_> = found.iter().map(|one| (one.first, one.cells)).collect();
        let expected = [(0, 1), (1, 2), (3, 1), (4, 1), (5, 1), (6, 2), (8, 1)];
        assert_eq!(shape, expected);
        assert_eq!(found.last().and_then(|last| last.word), None);
        let few = few_stretches(&cells, 9, 4);
        assert!(few.len() <= 4);
        assert!(few.iter().any(|one| one.word == bad));
        assert_eq!(few.iter().map(|one| one.cells).sum::<usize>(), 9);
        assert_eq!(few_stretches(&[], 96, 1).len(), 1);
    }
}
