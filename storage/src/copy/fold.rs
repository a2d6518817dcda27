//! The second stage: events checked and folded as the audit does, and gathered into batches of several merchants.

use std::mem;
use std::sync::Arc;

use tally_actors::domain::head::Head;
use tally_actors::domain::replay::Replay;
use tally_actors::limits::BATCH_EVENTS_MAX;
use tally_actors::ports::{Batch, Recorded, Row, Run};
use tokio::sync::mpsc::{Receiver, Sender};

use super::read::Read;
use super::verify::End;
use super::{Copied, CopyFault};

/// How many events are written between two lines of the log.
const EVENTS_A_LINE: u64 = 1_000_000;

/// The batches of one writer.
pub(super) struct Lane {
    batch: Batch,
    events: usize,
    out: Sender<Arc<Batch>>,
}

/// Nobody takes batches any more.
struct Gone;

/// The fold while it goes on.
pub(super) struct Folding {
    lanes: Vec<Lane>,
    copied: Copied,
    ends: Vec<End>,
}

/// The merchant whose turn it is.
struct Turn {
    replay: Replay,
    goal: Head,
}

impl Folding {
    /// Before the first merchant.
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        Self { lanes, copied: Copied::default(), ends: vec![] }
    }

    /// Folds all that arrives. Ends early where nobody takes batches any more.
    pub(super) async fn fold(
        mut self,
        mut arriving: Receiver<Read>,
    ) -> Result<(Copied, Vec<End>), CopyFault> {
        let mut turn = None;
        while let Some(read) = arriving.recv().await {
            let of = match read {
                Read::Turn { goal, stands } => turn.insert(Turn::new(*goal, stands.map(|b| *b))),
                Read::Events(events) => {
                    let of = turn.as_mut().expect("a turn begins before its events");
                    let run = of.take(events)?;
                    if self.write(run).await.is_err() {
                        break;
                    }
                    of
                }
            };
            if let Some(end) = of.end()? {
                self.copied.merchants += 1;
                self.copied.events += end.link.seq.0;
                self.ends.push(end);
            }
        }
        for lane in &mut self.lanes {
            drop(lane.send().await); // its writer says why it is gone
        }
        Ok((self.copied, self.ends))
    }

    /// Gives a run to a writer: all runs of a merchant to the same.
    async fn write(&mut self, run: Run) -> Result<(), Gone> {
        let before = self.copied.written / EVENTS_A_LINE;
        self.copied.written += run.rows.len() as u64;
        self.copied.bytes += run.rows.iter().map(|row| row.bytes.len() as u64).sum::<u64>();
        if self.copied.written / EVENTS_A_LINE > before {
            let (events, merchant) = (self.copied.written, run.merchant);
            tracing::info!(events, %merchant, "copying");
        }
        let lane = self.ends.len() % self.lanes.len();
        self.lanes[lane].add(run).await
    }
}

impl Lane {
    /// A writer's batches, from the first.
    pub(super) fn new(out: Sender<Arc<Batch>>) -> Self {
        Self { batch: Batch::default(), events: 0, out }
    }

    /// Adds a run. Merchants come in the order of their ids, and so do the runs of a batch.
    async fn add(&mut self, run: Run) -> Result<(), Gone> {
        if self.events + run.rows.len() > BATCH_EVENTS_MAX {
            self.send().await?;
        }
        self.events += run.rows.len();
        match self.batch.runs.last_mut().filter(|last| last.merchant == run.merchant) {
            Some(last) => {
                last.rows.extend(run.rows);
                last.head = run.head;
            }
            None => self.batch.runs.push(run),
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Gone> {
        if self.batch.runs.is_empty() {
            return Ok(());
        }
        self.events = 0;
        let batch = Arc::new(mem::take(&mut self.batch));
        self.out.send(batch).await.map_err(|_| Gone)
    }
}

impl Turn {
    fn new(goal: Head, stands: Option<Head>) -> Self {
        let of = goal.merchant;
        Self { replay: stands.map_or_else(|| Replay::new(of), Replay::after), goal }
    }

    /// Checks the next events and folds them: a run for the target, of the very same bytes.
    fn take(&mut self, events: Vec<Recorded>) -> Result<Run, CopyFault> {
        let merchant = self.replay.merchant();
        let expects = self.replay.link();
        let mut rows = Vec::with_capacity(events.len());
        for Recorded { seq, hash, bytes } in events {
            let follows = self.replay.link();
            let flawed = |flaw| CopyFault::Flawed { merchant, seq: follows.seq.next(), flaw };
            let (link, stamped) = self.replay.read(seq, &hash.0, &bytes).map_err(flawed)?;
            self.replay.take(link, &stamped).map_err(flawed)?;
            rows.push(Row { follows, link, stamped, bytes: bytes.into_boxed_slice() });
        }
        let head = self.replay.head().expect("a page has events").clone();
        Ok(Run { merchant, expects, rows, head })
    }

    /// Where the merchant ends, once it is there. Then its head must be the fold.
    fn end(&self) -> Result<Option<End>, CopyFault> {
        let (merchant, link) = (self.goal.merchant, self.goal.link);
        if self.replay.link().seq < link.seq {
            return Ok(None);
        }
        let same = self.replay.head() == Some(&self.goal);
        let end = same.then_some(End { merchant, link });
        end.map(Some).ok_or(CopyFault::Head { merchant, seq: link.seq })
    }
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::chain::Link;
    use tally_actors::domain::event::{Event, Stamped};
    use tally_actors::domain::rules::Rules;
    use tally_actors::domain::time::At;
    use tokio::sync::mpsc;

    use super::*;

    /// A merchant's events, each a change of rules, as the source has them, and its head.
    fn journal(of: &str, count: usize) -> (Vec<Recorded>, Head) {
        let mut replay = Replay::new(of.parse().unwrap());
        let recorded = (0..count).map(|n| {
            let rules = Rules::new("a shop");
            let event = if n == 0 {
                Event::MerchantRegistered { rules }
            } else {
                Event::RulesChanged { rules }
            };
            let stamped = Stamped::new(At::from_ms(7), event);
            let bytes = stamped.encode();
            let link = replay.link().then(&replay.merchant(), &bytes);
            replay.take(link, &stamped).unwrap();
            Recorded { seq: link.seq, hash: link.hash, bytes }
        });
        let recorded = recorded.collect();
        (recorded, replay.into_head().unwrap())
    }

    async fn fold(reads: Vec<Read>) -> (Result<Copied, CopyFault>, Vec<Arc<Batch>>) {
        let (pages, arriving) = mpsc::channel(reads.len());
        for read in reads {
            pages.send(read).await.unwrap();
        }
        drop(pages);
        let (lane, mut batches) = mpsc::channel(100);
        let folded = Folding::new(vec![Lane::new(lane)]).fold(arriving).await;
        let mut written = vec![];
        while let Some(batch) = batches.recv().await {
            written.push(batch);
        }
        (folded.map(|(copied, _)| copied), written)
    }

    fn turn(goal: &Head) -> Read {
        Read::Turn { goal: Box::new(goal.clone()), stands: None }
    }

    #[tokio::test]
    async fn a_batch_holds_runs_of_several_merchants_and_one_of_each() {
        let mut reads = vec![];
        for (of, count) in [("a", 1_500), ("b", 3), ("c", 1_000), ("d", 2)] {
            let (events, head) = journal(of, count);
            reads.push(turn(&head));
            reads.extend(events.chunks(1_000).map(|part| Read::Events(part.to_vec())));
        }
        let (copied, written) = fold(reads).await;
        let copied = copied.unwrap();
        assert_eq!((copied.merchants, copied.events, copied.written), (4, 2_505, 2_505));
        let told = |batch: &Arc<Batch>| -> Vec<(String, usize)> {
            batch.runs.iter().map(|run| (run.merchant.to_string(), run.rows.len())).collect()
        };
        let named = |runs: &[(&str, usize)]| -> Vec<(String, usize)> {
            runs.iter().map(|(of, rows)| ((*of).to_owned(), *rows)).collect()
        };
        assert_eq!(written.len(), 2);
        assert_eq!(told(&written[0]), named(&[("a", 1_500), ("b", 3)]));
        assert_eq!(told(&written[1]), named(&[("c", 1_000), ("d", 2)]));
        for run in written.iter().flat_map(|batch| &batch.runs) {
            assert_eq!(
                (run.expects, run.head.link.seq.0),
                (Link::default(), run.rows.len() as u64)
            );
        }
    }

    #[tokio::test]
    async fn a_head_that_is_not_the_fold_stops_the_copy() {
        let (events, mut head) = journal("a", 3);
        head.registered_at = At::from_ms(8);
        let (copied, _) = fold(vec![turn(&head), Read::Events(events)]).await;
        let fault = copied.unwrap_err().to_string();
        assert!(fault.starts_with("merchant a, event 3: the source's head is not"), "{fault}");
    }
}
