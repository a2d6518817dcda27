//! `tally replay`: what was, and why. For doubters: it believes nothing that is stored but the journal, folds it from the first
//! event whatever checkpoints there are, and works every hash out again on the way.
//!
//! | module | what |
//! |---|---|
//! | `story` | what the events tell, in lines and sums |
//! | `why` | the numbers, and by how much an event moves each |
//! | `state` | where it ended, and whether that can be believed |
//! | `print` | all of it as text, or as JSON |

mod print;
mod state;
mod story;
mod why;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Args;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::event::Stamped;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::replay::{Flaw, Point, Replay};
use tally_actors::domain::time::At;
use tally_actors::history::decode;
use tally_actors::limits::HISTORY_PAGE;
use tally_storage::audit::{Fault, StoredHead};
use tally_storage::{Books, Place};

use self::print::Printer;
use self::state::State;
use self::story::{Story, Told};
use self::why::Number;
use crate::cli::Failure;
use crate::settings::{DataSettings, LogSettings};

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// Whose past
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: MerchantId,
    /// Up to the event at this place; to the newest, where neither this nor --at is given
    #[arg(long, value_name = "N", conflicts_with = "at", value_parser = clap::value_parser!(u64).range(1..))]
    to_seq: Option<u64>,
    /// Up to the last event not later than this, such as 2026-03-01T12:00:00+08:00
    #[arg(long, value_name = "TIME")]
    at: Option<At>,
    /// List every event that moved this number, with the change and what it came to
    #[arg(long, value_name = "NUMBER")]
    why: Option<Number>,
    /// Print one JSON object; with --why an object a line, the state last
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Where a fold stopped.
#[derive(Debug)]
enum Stop {
    /// At the point that was asked for.
    Point,
    /// Where the journal ends.
    Journal,
    /// Before this event, which is not what Tally wrote.
    Flawed(Seq, Flaw),
}

/// How far a journal can be believed.
#[derive(Debug)]
enum End {
    /// To its newest event, and the stored head is the same, bit for bit.
    Same,
    /// To a point before its newest event.
    Before,
    /// To its newest event, and the stored head is another.
    Differs(Fault),
    /// To its newest event, and there is no stored head.
    NoHead,
    /// To the event before this one, which is not what Tally wrote.
    Flawed(Seq, Flaw),
}

/// A journal while it is told.
struct Telling {
    of: MerchantId,
    replay: Replay,
    story: Story,
    why: Option<Number>,
    /// What the number that is asked for comes to, by the changes so far.
    value: i128,
}

/// Answers the question, on the standard output.
pub(crate) async fn run(asked: &Question) -> Result<ExitCode, Failure> {
    let place = asked.data.place();
    let store = place.open_read_only().await?;
    let store = store.as_ref();
    // Before the fold: beside a running server the journal grows on, and this head is of a place that the fold comes to.
    let stored = store.stored_head(asked.merchant).await?;
    asked.must_have_an_answer(store, stored.as_ref(), &place).await?;
    let mut printer = Printer::new(asked.json, BufWriter::new(io::stdout().lock()));
    let (of, replay, story) = (asked.merchant, Replay::new(asked.merchant), Story::default());
    let mut telling = Telling { of, replay, story, why: asked.why, value: 0 };
    if let Some(number) = asked.why {
        printer.begin(asked.merchant, number)?;
    }
    let stop = telling.fold(store, asked.point(stored.as_ref()), &mut printer).await?;
    let end = telling.end(store, stop, stored).await?;
    let state = State::of(&telling, &end);
    printer.end(&state)?;
    Ok(if state.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Question {
    /// The point that is asked for. The newest event is the one of the stored head: what is written meanwhile is not told.
    fn point(&self, stored: Option<&StoredHead>) -> Point {
        match (self.to_seq, self.at) {
            (Some(seq), _) => Point::Seq(Seq(seq)),
            (None, Some(at)) => Point::At(at),
            (None, None) => Point::Seq(stored.and_then(StoredHead::seq).unwrap_or(Seq(u64::MAX))),
        }
    }

    /// One clear line for a question without an answer.
    async fn must_have_an_answer(
        &self,
        store: &dyn Books,
        stored: Option<&StoredHead>,
        place: &Place,
    ) -> Result<(), Failure> {
        let of = self.merchant;
        let first = store.events(of, Seq(1), 1).await?;
        let Some(first) = first.first() else {
            return Err(format!("merchant {of} is not known in {place}").into());
        };
        if let Some(at) = self.at
            && let Ok(Stamped { at: first, .. }) = decode(of, first)
            && at < first
        {
            return Err(format!(
                "merchant {of} did not exist at {at}: its first event is of {first}"
            )
            .into());
        }
        if let Some(seq) = self.to_seq
            && store.events(of, Seq(seq), 1).await?.is_empty()
        {
            let newest = stored.and_then(StoredHead::seq).filter(|newest| newest.0 < seq);
            let newest =
                newest.map(|newest| format!(": its newest is {newest}")).unwrap_or_default();
            return Err(format!("merchant {of} has no event {seq}{newest}").into());
        }
        Ok(())
    }
}

impl Telling {
    /// Folds up to a point, to the journal's end, or to what can't be believed.
    async fn fold(
        &mut self,
        store: &dyn Books,
        point: Point,
        printer: &mut Printer<impl Write>,
    ) -> Result<Stop, Failure> {
        loop {
            let from = self.replay.link().seq.next();
            // Each page is a statement of its own: no snapshot is held for long, however long the journal.
            let page = store.events(self.of, from, HISTORY_PAGE).await?;
            for recorded in &page {
                let last = self.replay.link().seq;
                if point == Point::Seq(last) {
                    return Ok(Stop::Point);
                }
                let read = self.replay.read(recorded.seq, &recorded.hash.0, &recorded.bytes);
                let (link, stamped) = match read {
                    Ok(read) => read,
                    Err(flaw) => return Ok(Stop::Flawed(last.next(), flaw)),
                };
                if point.is_before(link.seq, stamped.at) {
                    return Ok(Stop::Point);
                }
                if let Err(flaw) = self.replay.take(link, &stamped) {
                    return Ok(Stop::Flawed(link.seq, flaw));
                }
                self.story.take(link, &stamped);
                self.moved(link.seq, &stamped, printer)?;
            }
            if page.is_empty() {
                return Ok(Stop::Journal);
            }
        }
    }

    /// Prints the event, if it moved the number that is asked for.
    fn moved(
        &mut self,
        seq: Seq,
        stamped: &Stamped,
        printer: &mut Printer<impl Write>,
    ) -> io::Result<()> {
        let Some(number) = self.why else { return Ok(()) };
        let change = number.change(&stamped.event);
        if change == 0 {
            return Ok(());
        }
        self.value += change;
        printer.moved(&Told::new(seq, stamped), change, self.value)
    }

    /// Compares what was folded with the stored head, if that is of the same place.
    async fn end(
        &self,
        store: &dyn Books,
        stop: Stop,
        stored: Option<StoredHead>,
    ) -> Result<End, Failure> {
        let asked = match stop {
            Stop::Flawed(seq, flaw) => return Ok(End::Flawed(seq, flaw)),
            Stop::Point => true,
            Stop::Journal => false,
        };
        let folded = self.replay.link().seq;
        let older = stored.as_ref().and_then(StoredHead::seq).is_none_or(|seq| seq < folded);
        // What was folded may have been written after that head was read.
        let stored = if older { store.stored_head(self.of).await? } else { stored };
        let (Some(stored), Some(head)) = (stored, self.replay.head()) else {
            return Ok(End::NoHead);
        };
        let newer = stored.seq().is_some_and(|seq| seq > folded);
        Ok(match stored.difference(head) {
            None => End::Same,
            Some(_) if asked && newer => End::Before,
            Some(fault) => End::Differs(fault),
        })
    }
}
