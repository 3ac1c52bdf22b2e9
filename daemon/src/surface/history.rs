//! The course of each network over a day, a week and a month: as JSON, and as strips of the status page.

use std::fmt::Write as _;

use serde::Serialize;
use sightline_model::{Reason, Stage, Timestamp, Verdict};

use crate::store::{Question, Strip, Word};

/// A stretch of time that ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

impl Range {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The word in the API.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// For people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Day => "24 hours",
            Self::Week => "7 days",
            Self::Month => "30 days",
        }
    }

    /// How many cells, and how long each is, in minutes.
    const fn cells(self) -> (usize, i64) {
        match self {
            Self::Day => (96, 15),
            Self::Week => (84, 120),
            Self::Month => (90, 480),
        }
    }

    /// What the store is asked for.
    #[must_use]
    pub fn question(self, network: &str, now: Timestamp) -> Question {
        let (cells, minutes) = self.cells();
        let span = i64::try_from(cells).unwrap_or_default() * minutes * 60_000;
        Question {
            network: network.to_owned(),
            from: Timestamp::from_unix_millis(now.unix_millis() - span),
            until: now,
            cells,
        }
    }
}

impl std::str::FromStr for Range {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let found = Self::ALL.into_iter().find(|range| range.id() == word);
        found.ok_or(())
    }
}

/// The course of a network over one range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Over which.
    pub range: Range,
    /// What was asked for.
    pub question: Question,
    /// What came back: the network first, then its stages.
    pub strips: Vec<Strip>,
}

/// A stretch in which nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from: usize,
    until: usize,
    /// `None` where nobody looked.
    word: Option<Word>,
}

impl Course {
    fn time(&self, cell: usize) -> Timestamp {
        let (_, minutes) = self.range.cells();
        let cell = i64::try_from(cell).unwrap_or_default();
        Timestamp::from_unix_millis(self.question.from.unix_millis() + cell * minutes * 60_000)
    }

    /// The strip of the network as a whole, or of a stage.
    fn strip(&self, stage: Option<Stage>) -> Option<&Strip> {
        self.strips.iter().find(|strip| strip.stage == stage)
    }

    /// As JSON, `sightline.history/1`.
    ///
    /// # Errors
    /// None in practice: it is written into memory.
    pub fn json(&self, site: &str, only: Option<Stage>) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Cell {
            verdict: Verdict,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<Reason>,
        }
        #[derive(Serialize)]
        struct Row {
            stage: Option<Stage>,
            cells: Vec<Option<Cell>>,
        }
        #[derive(Serialize)]
        struct History<'a> {
            schema: &'static str,
            site: &'a str,
            network: &'a str,
            range: &'static str,
            from: Timestamp,
            until: Timestamp,
            cell_seconds: i64,
            strips: Vec<Row>,
        }
        let wanted = self
            .strips
            .iter()
            .filter(|strip| only.is_none() || strip.stage == only);
        serde_json::to_string(&History {
            schema: "sightline.history/1",
            site,
            network: &self.question.network,
            range: self.range.id(),
            from: self.question.from,
            until: self.question.until,
            cell_seconds: self.range.cells().1 * 60,
            strips: wanted
                .map(|strip| Row {
                    stage: strip.stage,
                    cells: strip
                        .cells
                        .iter()
                        .map(|cell| cell.map(|(verdict, reason)| Cell { verdict, reason }))
                        .collect(),
                })
                .collect(),
        })
    }

    /// Whether it is the one that stages are shown over.
    #[must_use]
    pub fn is_shortest(&self) -> bool {
        self.range == Range::Day
    }

    /// A strip as a picture (SVG 2), for `stage`, or for the network as a whole. The height says the verdict
    /// beside the colour; where nobody looked there is nothing. Each stretch has its words.
    #[must_use]
    pub fn picture(&self, stage: Option<Stage>) -> String {
        let (cells, _) = self.range.cells();
        let name = stage.map_or("The network", Stage::title);
        let mut svg = format!(
            "<svg class=\"strip\" viewBox=\"0 0 {cells} 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{name}, {}: {}\">",
            self.range.title(),
            self.shares(stage)
        );
        for stretch in self.stretches(stage) {
            let Some((verdict, _)) = stretch.word else {
                continue;
            };
            let (class, height) = match verdict {
                Verdict::Ready => ("r", 4),
                Verdict::Degraded => ("d", 7),
                Verdict::NotReady => ("n", 10),
                Verdict::Unknown => ("u", 2),
            };
            let _infallible = write!(
                svg,
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{height}\"><title>{}</title></rect>",
                stretch.from,
                10 - height,
                stretch.until - stretch.from,
                self.words(stretch)
            );
        }
        svg.push_str("</svg>");
        svg
    }

    /// The stretches in which the network was not ready, the last one first, in words; at most `most`.
    #[must_use]
    pub fn bad_times(&self, most: usize) -> Vec<String> {
        let mut stretches = self.stretches(None);
        stretches.retain(|stretch| {
            stretch
                .word
                .is_some_and(|(verdict, _)| verdict != Verdict::Ready)
        });
        let last = stretches.iter().rev().take(most);
        last.map(|stretch| self.words(*stretch)).collect()
    }

    fn words(&self, stretch: Stretch) -> String {
        let said = match stretch.word {
            None => "nobody looked".to_owned(),
            Some((verdict, None)) => super::page::word(verdict).to_lowercase(),
            Some((verdict, Some(reason))) => {
                format!("{}: {reason}", super::page::word(verdict).to_lowercase())
            }
        };
        let short = |time: Timestamp| {
            let text = time.to_string();
            let minute = text.get(5..16).unwrap_or(&text);
            minute.replace('T', " ")
        };
        format!(
            "{} to {} {said}",
            short(self.time(stretch.from)),
            short(self.time(stretch.until))
        )
    }

    /// How much of what was looked at was how.
    #[must_use]
    pub fn shares(&self, stage: Option<Stage>) -> String {
        let Some(strip) = self.strip(stage) else {
            return "nobody looked".to_owned();
        };
        let looked = strip.cells.iter().flatten();
        let all = looked.clone().count();
        let order = [
            Verdict::Ready,
            Verdict::Degraded,
            Verdict::NotReady,
            Verdict::Unknown,
        ];
        let shares = order.into_iter().filter_map(|verdict| {
            let count = looked
                .clone()
                .filter(|(found, _)| *found == verdict)
                .count();
            let word = super::page::word(verdict).to_lowercase();
            (count > 0).then(|| format!("{word} {} %", (count * 100).div_ceil(all)))
        });
        shares.collect::<Vec<_>>().join(", ")
    }

    fn stretches(&self, stage: Option<Stage>) -> Vec<Stretch> {
        let mut all: Vec<Stretch> = Vec::new();
        for (place, word) in self
            .strip(stage)
            .into_iter()
            .flat_map(|strip| &strip.cells)
            .enumerate()
        {
            match all.last_mut() {
                Some(last) if last.word == *word => last.until = place + 1,
                _ => all.push(Stretch {
                    from: place,
                    until: place + 1,
                    word: *word,
                }),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course() -> Course {
        let now = Timestamp::from_unix_millis(1_795_341_600_000);
        let mut cells = vec![Some((Verdict::Ready, None)); 96];
        cells[..10].fill(None);
        cells[40] = Some((Verdict::NotReady, Some(Reason::PortBlocked)));
        cells[41] = Some((Verdict::NotReady, Some(Reason::PortBlocked)));
        cells[95] = Some((Verdict::Unknown, None));
        Course {
            range: Range::Day,
            question: Range::Day.question("default", now),
            strips: vec![Strip { stage: None, cells }],
        }
    }

    #[test]
    fn what_stays_the_same_is_one_piece_with_its_words() {
        let picture = course().picture(None);
        assert_eq!(picture.matches("<rect").count(), 4);
        assert!(
            picture.contains(
                "<rect class=\"n\" x=\"40\" y=\"0\" width=\"2\" height=\"10\">\
                 <title>11-21 20:00 to 11-21 20:30 not ready: port_blocked</title></rect>"
            ),
            "{picture}"
        );
        assert!(
            picture.contains("ready 97 %, not ready 3 %, unknown 2 %"),
            "{picture}"
        );
        assert!(course().picture(Some(Stage::Vpn)).contains("nobody looked"));
        assert_eq!(
            course().bad_times(9),
            [
                "11-22 09:45 to 11-22 10:00 unknown",
                "11-21 20:00 to 11-21 20:30 not ready: port_blocked"
            ]
        );
    }

    #[test]
    fn it_is_told_to_programs_cell_by_cell() {
        let text = course().json("berlin-02", None).expect("JSON");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["cell_seconds"], 900);
        assert_eq!(value["from"], "2026-11-21T10:00:00Z");
        let cells = value["strips"][0]["cells"].as_array().expect("cells");
        assert_eq!(cells.len(), 96);
        assert!(cells[0].is_null());
        assert_eq!(cells[40]["reason"], "port_blocked");
        let none = course().json("berlin-02", Some(Stage::Vpn)).expect("JSON");
        assert!(none.contains("\"strips\":[]"));
    }
}
