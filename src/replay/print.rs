//! What `tally replay` prints: as text for people, or as JSON, one object a line.

use std::io::{self, Write};

use serde::Serialize;
use tally_actors::domain::ids::MerchantId;

use super::state::{BucketView, State, Stood, StoredIs, Sum};
use super::story::{Kind, Told};
use super::why::Number;

/// Prints line by line, as the journal is folded: a list of events may be longer than memory is large.
pub(super) struct Printer<W> {
    json: bool,
    out: W,
}

/// An event that moved the number that is asked for.
#[derive(Serialize)]
struct Moved<'a> {
    #[serde(flatten)]
    told: &'a Told,
    change_fen: i128,
    value_fen: i128,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(json: bool, out: W) -> Self {
        Self { json, out }
    }

    /// Before the events that moved a number.
    pub(super) fn begin(&mut self, of: MerchantId, number: Number) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let out = &mut self.out;
        writeln!(out, "what moved {} of merchant {of}, in fen:", number.name())?;
        writeln!(
            out,
            "{:>10}  {:<24}  {:>15}  {:>15}  event, by whom, about what",
            "seq", "at", "change", "came to"
        )
    }

    /// An event that moved it, with the change and what it came to.
    pub(super) fn moved(&mut self, told: &Told, change: i128, value: i128) -> io::Result<()> {
        if self.json {
            return self.object(&Moved { told, change_fen: change, value_fen: value });
        }
        let Told { seq, at, kind, about, .. } = told;
        let (at, by) = (at.to_string(), by(told));
        writeln!(
            self.out,
            "{seq:>10}  {at:<24}  {change:>+15}  {value:>15}  {kind}, by {by}, {about}"
        )
    }

    /// The state, after everything else.
    pub(super) fn end(&mut self, state: &State<'_>) -> io::Result<()> {
        match self.json {
            true => self.object(state)?,
            false => self.state(state)?,
        }
        self.out.flush()
    }

    fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, object)?;
        writeln!(self.out)
    }

    fn state(&mut self, state: &State<'_>) -> io::Result<()> {
        if let Some(sum) = &state.why {
            self.sum(sum)?;
        }
        let (of, events) = (state.merchant_id, state.events);
        let out = &mut self.out;
        match &state.stood {
            None => writeln!(out, "merchant {of}: nothing of its journal can be believed")?,
            Some(stood) => {
                writeln!(out, "merchant {of} after event {events}, of {}", stood.at)?;
                writeln!(out, "hash {}, registered {}", stood.hash, stood.registered_at)?;
            }
        }
        if let Some(stood) = &state.stood {
            self.stood(stood)?;
        }
        // With a number asked for, its events stand above: these would be said twice.
        if state.why.is_none() {
            self.kinds(&state.kinds)?;
            self.newest(&state.newest)?;
        }
        self.verdict(state)
    }

    fn sum(&mut self, sum: &Sum) -> io::Result<()> {
        let (name, changes, head) = (sum.number.name(), sum.changes_fen, sum.head_fen);
        match sum.adds_up() {
            true => writeln!(
                self.out,
                "the changes come to {changes}, and so does the fold: {name} {head}\n"
            ),
            false => writeln!(
                self.out,
                "THE CHANGES COME TO {changes}, and the fold to another: {name} {head}\n"
            ),
        }
    }

    fn stood(&mut self, stood: &Stood<'_>) -> io::Result<()> {
        let (out, head) = (&mut self.out, stood.head);
        writeln!(out, "\nbalances, in fen:")?;
        for number in Number::ALL {
            writeln!(out, "  {:<16}{:>16}", number.name(), number.of(head))?;
        }
        writeln!(out, "  {:<16}{:>16}", "refunded_fen", head.refunded.fen())?;
        writeln!(out, "  {:<16}{:>16}", "paid_orders", head.paid_orders)?;
        if !stood.buckets.is_empty() {
            writeln!(out, "\npending, by the first day on which it may be settled:")?;
        }
        for bucket in &stood.buckets {
            let BucketView { orders, gross_fen, refunded_fen, fee_fen, .. } = bucket;
            let day = bucket.settle_on.map_or_else(|| "at once".to_owned(), |day| day.to_string());
            let (first, last) = (bucket.first_paid_seq, bucket.last_paid_seq);
            let sums = format!(
                "gross {}, refunded {}, fee {}",
                gross_fen.fen(),
                refunded_fen.fen(),
                fee_fen.fen()
            );
            writeln!(out, "  {day:<12}{orders:>9} orders, {sums}, paid_seq {first} to {last}")?;
        }
        if !stood.requested.is_empty() {
            writeln!(out, "\nasked for in a day, and not given back:")?;
        }
        for sum in &stood.requested {
            writeln!(out, "  {:<12}{:>16}", sum.day.to_string(), sum.requested_fen.fen())?;
        }
        writeln!(out, "\nrules:")?;
        let rules = serde_json::to_value(stood.rules)?;
        let set = rules.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        for (name, value) in set {
            writeln!(out, "  {name:<20}{value}")?;
        }
        Ok(())
    }

    fn kinds(&mut self, kinds: &[&Kind]) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(
            out,
            "\n{:<22}{:>10}{:>18}{:>12}{:>12}",
            "events", "count", "sum, in fen", "first seq", "last seq"
        )?;
        for Kind { kind, count, sum_fen, first_seq, last_seq } in kinds {
            writeln!(
                out,
                "{kind:<22}{count:>10}{sum_fen:>18}{:>12}{:>12}",
                first_seq.0, last_seq.0
            )?;
        }
        Ok(())
    }

    fn newest(&mut self, newest: &[&Told]) -> io::Result<()> {
        writeln!(self.out, "\nthe last {} of them:", newest.len())?;
        for told in newest {
            let Told { seq, at, kind, about, amount_fen, .. } = told;
            let amount = amount_fen.map(|amount| format!(", {amount}")).unwrap_or_default();
            writeln!(self.out, "{:>10}  {at}  {kind}, by {}, {about}{amount}", seq.0, by(told))?;
        }
        Ok(())
    }

    /// Whether all this can be believed.
    fn verdict(&mut self, state: &State<'_>) -> io::Result<()> {
        let (out, events) = (&mut self.out, state.events);
        writeln!(out)?;
        match &state.flaw {
            None => {
                writeln!(out, "{events} events folded from the first, and every hash is right")?
            }
            Some(flaw) => writeln!(
                out,
                "THE JOURNAL IS BROKEN at event {}: {}. The {events} events before it were folded; run tally audit",
                flaw.seq, flaw.what
            )?,
        }
        match &state.stored_head {
            StoredIs::Same => writeln!(out, "it equals the stored head bit for bit"),
            StoredIs::Later => writeln!(
                out,
                "there are later events; run without a point to compare with the stored head"
            ),
            StoredIs::Differs(what) => {
                writeln!(out, "THE STORED HEAD IS ANOTHER: {what}; run tally audit")
            }
            StoredIs::Missing => writeln!(out, "THERE IS NO STORED HEAD; run tally audit"),
            StoredIs::NotCompared => writeln!(out, "the stored head was not compared"),
        }
    }
}

/// Who asked for an event.
fn by(told: &Told) -> String {
    told.by.map_or_else(|| "nobody's key".to_owned(), |by| by.to_string())
}
