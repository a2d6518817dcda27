//! The bills of a day, made of the books: which day, whether there is one yet, and how it is written.

use tally_wechat::time::from_compact;
use tally_wechat::{Fields, xml};

use crate::checks::{Problem, Refusal};
use crate::desk::Desk;
use crate::faults::{Fault, Kind};
use crate::limits::{BILL_BEGUN_MS, BILL_KEPT_MS, BILL_READY_MS};

mod fund_flow;
mod trade;

const DAY_MS: i64 = 24 * 3_600_000;

/// A day in Beijing, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    from_ms: i64,
}

impl Day {
    fn named(name: &str) -> Option<Self> {
        from_compact(&format!("{name}000000")).map(|from_ms| Self { from_ms })
    }

    fn end_ms(self) -> i64 {
        self.from_ms + DAY_MS
    }

    fn has(self, ms: i64) -> bool {
        (self.from_ms..self.end_ms()).contains(&ms)
    }

    /// When its bill is made: what a refund's state in it is as of.
    fn made_at_ms(self) -> i64 {
        self.end_ms() + BILL_BEGUN_MS
    }
}

/// The text of a bill.
pub(crate) fn bill(desk: &Desk, kind: Kind, fields: &Fields) -> Result<String, Problem> {
    let get = |name| fields.get(name).unwrap_or_default();
    let day = Day::named(get("bill_date"));
    let day = day.ok_or(Problem::new("PARAM_ERROR", "data format error"))?;
    let none = || Problem::new("NO_BILL_EXIST", "No Bill Exist");
    let now_ms = desk.clock.now_ms();
    if now_ms < day.made_at_ms() || now_ms > day.from_ms + BILL_KEPT_MS {
        return Err(none());
    }
    if now_ms < day.end_ms() + BILL_READY_MS {
        return Err(Problem::new("BILL_CREATING", "Bill Creating"));
    }
    let known = &desk.settings.credentials;
    let text = desk.look(|books, _| {
        let faults = desk.faults();
        let faulty = |number: &str| faults.of_line(kind, number);
        match (kind, get("account_type")) {
            (Kind::FundFlow, "Basic") => fund_flow::text(books, known, day, &faulty),
            (Kind::FundFlow, _) => None,
            _ => trade::text(books, known, (day, get("bill_type")), &faulty),
        }
    });
    text.ok_or_else(none)
}

/// What is sent instead of a bill: the two calls say it each in its way.
pub(crate) fn none(kind: Kind, refusal: &Refusal) -> String {
    let fields = match refusal {
        Refusal::Business(problem) if kind == Kind::FundFlow => Fields::new()
            .with("return_code", "SUCCESS")
            .with("result_code", "FAIL")
            .with("err_code", problem.code)
            .with("err_code_des", &problem.words),
        Refusal::Business(problem) => {
            let fail = Fields::new().with("return_code", "FAIL");
            match problem.code {
                "NO_BILL_EXIST" => {
                    fail.with("return_msg", &problem.words).with("error_code", "20002")
                }
                "SYSTEMERROR" => fail.with("return_msg", "SYSTEMERROR"),
                _ => fail.with("return_msg", &problem.words),
            }
        }
        Refusal::NotTaken(words) => {
            Fields::new().with("return_code", "FAIL").with("return_msg", words)
        }
    };
    xml::write(&fields)
}

/// The lines of a bill as they are to be written: some missing, doubled or altered where that was asked for.
fn with_faults<L: Clone>(
    lines: Vec<L>,
    faulty: &dyn Fn(&str) -> Option<Fault>,
    number: impl Fn(&L) -> String,
    alter: impl Fn(&mut L),
) -> Vec<L> {
    let mut written = Vec::with_capacity(lines.len());
    for mut line in lines {
        match faulty(&number(&line)) {
            Some(Fault::LineMissing) => continue,
            Some(Fault::LineDoubled) => written.push(line.clone()),
            Some(Fault::LineAltered) => alter(&mut line),
            Some(_) | None => {}
        }
        written.push(line);
    }
    written
}

/// Fen as a bill prints them: yuan with two digits behind the point.
fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let size = fen.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

fn signed(fen: u64) -> i64 {
    i64::try_from(fen).unwrap_or(i64::MAX)
}

/// A line of values, each behind a backtick.
fn line(values: &[&str]) -> String {
    // A value with the separator in it would make a line that nobody can read.
    let cleaned: Vec<String> = values.iter().map(|value| value.replace(['`', '\n'], "")).collect();
    format!("`{}\r\n", cleaned.join(",`"))
}
