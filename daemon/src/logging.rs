//! What operators read at night: few lines, each about a change. To the journal with fields that can be
//! searched, else to standard error as text or as JSON.
//!
//! A journal that does not read must not hold up the daemon: lines go through a bounded queue to a thread
//! of their own, and what does not fit is counted and dropped.

use std::fmt;
use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use clap::ValueEnum;
use systemd_journal_logger::{JournalLog, connected_to_journal};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// As many lines may wait for the journal.
const WAITING: usize = 256;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// To the journal, with fields.
    Journal,
    /// As text to standard error.
    Text,
    /// As JSON to standard error, one object a line.
    Json,
}

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// The daemon cannot do its duty.
    Error,
    /// A verdict has changed, or a promise is at risk.
    Warn,
    /// Start, reload and stop too.
    Info,
    /// A line for each run.
    Debug,
}

/// Starts to write. Without a format it is the journal, where standard error leads to it, and text
/// elsewhere.
pub fn start(format: Option<Format>, detail: Detail) {
    let level = match detail {
        Detail::Error => LevelFilter::ERROR,
        Detail::Warn => LevelFilter::WARN,
        Detail::Info => LevelFilter::INFO,
        Detail::Debug => LevelFilter::DEBUG,
    };
    // What libraries have to say is said by us, where it matters.
    let ours = Targets::new().with_target("sightline", level);
    let format = format.unwrap_or_else(|| {
        if connected_to_journal() {
            Format::Journal
        } else {
            Format::Text
        }
    });
    let registry = tracing_subscriber::registry().with(ours);
    let journal = (format == Format::Journal).then(Journal::connect);
    let text = || {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
    };
    // A second start, as in tests, keeps the first.
    let _started = match (journal, format) {
        (Some(Ok(journal)), _) => registry.with(journal).try_init(),
        (_, Format::Json) => registry.with(text().json().flatten_event(true)).try_init(),
        (Some(Err(error)), _) => {
            let started = registry.with(text()).try_init();
            tracing::warn!(
                "the journal cannot be reached, and lines go to standard error: {error}"
            );
            started
        }
        (None, _) => registry.with(text()).try_init(),
    };
}

/// One line with its fields.
#[derive(Debug)]
struct Line {
    level: log::Level,
    message: String,
    fields: Vec<(String, String)>,
}

/// Hands lines to the thread that writes them.
#[derive(Debug)]
struct Journal {
    lines: SyncSender<Line>,
}

impl Journal {
    fn connect() -> std::io::Result<Self> {
        let journal = JournalLog::new()?.with_syslog_identifier("sightline".to_owned());
        let (lines, waiting) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write(&journal, &waiting))?;
        Ok(Self { lines })
    }
}

fn write(journal: &JournalLog, waiting: &Receiver<Line>) {
    while let Ok(line) = waiting.recv() {
        let fields = Fields(&line.fields);
        let sent = journal.journal_send(
            &log::Record::builder()
                .level(line.level)
                .target("sightline")
                .args(format_args!("{}", line.message))
                .key_values(&fields)
                .build(),
        );
        // There is no better place to say that the journal takes nothing.
        if let Err(error) = sent {
            eprintln!("{} (the journal does not take it: {error})", line.message);
        }
    }
}

struct Fields<'a>(&'a [(String, String)]);

impl log::kv::Source for Fields<'_> {
    fn visit<'kvs>(
        &'kvs self,
        visitor: &mut dyn log::kv::VisitSource<'kvs>,
    ) -> Result<(), log::kv::Error> {
        for (key, value) in self.0 {
            visitor.visit_pair(key.as_str().into(), value.as_str().into())?;
        }
        Ok(())
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        // What does not fit is dropped: the next change brings the next line.
        let _full = self.lines.try_send(line(event));
    }
}

fn line(event: &Event<'_>) -> Line {
    let mut line = Line {
        level: match *event.metadata().level() {
            Level::ERROR => log::Level::Error,
            Level::WARN => log::Level::Warn,
            Level::INFO => log::Level::Info,
            Level::DEBUG => log::Level::Debug,
            Level::TRACE => log::Level::Trace,
        },
        message: String::new(),
        fields: Vec::new(),
    };
    event.record(&mut line);
    line
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields
                .push((field.name().to_owned(), value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Line>>>);

    impl<S: Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
            self.0.lock().expect("not poisoned").push(line(event));
        }
    }

    #[test]
    fn values_are_fields_and_the_sentence_is_the_message() {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(kept.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(stage = "vpn", runs = 3, reason = %"vpn_tunnel_down", "the {} is down", "tunnel");
        });
        let lines = kept.0.lock().expect("not poisoned");
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert_eq!(
            (line.level, line.message.as_str()),
            (log::Level::Warn, "the tunnel is down")
        );
        let fields: Vec<(&str, &str)> = line
            .fields
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("stage", "vpn"),
                ("runs", "3"),
                ("reason", "vpn_tunnel_down")
            ]
        );
    }
}
