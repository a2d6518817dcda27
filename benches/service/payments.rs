//! Payment notices over HTTP, from the wire to the flush, beside what is usual and beside what the parts can do.

use std::path::Path;

use serde_json::Value;

use super::Scale;
use super::ask::ask;
use super::baselines::{Baseline, Books};
use super::books::Filled;
use super::calls::Calls;
use super::generator::{Pace, Plan};
use super::processes::{Load, Target, file_in};
use super::report::Row;
use super::support::stage::Stage;

/// Where everything of the tables is.
pub(crate) struct Ground<'a> {
    pub(crate) scale: Scale,
    pub(crate) folder: &'a Path,
    pub(crate) servers: &'a [Stage],
}

/// One server that notices are sent to: its letter among the baselines, its name, whether its orders can be paid once only.
struct Against {
    letter: Option<char>,
    name: String,
    /// How many orders it has of each merchant; `None`: it does not look.
    orders: Option<usize>,
    target: Target,
}

impl Ground<'_> {
    /// One table: so many connections, the orders of the merchants in turn.
    pub(crate) fn table(&self, books: &Filled, connections: usize, rows: &mut Vec<Row>) {
        let whose = match books.merchants {
            1 => "one hot merchant".to_owned(),
            merchants => format!("{merchants} merchants"),
        };
        let group = (format!("{whose}, {connections} connections"), connections);
        println!();
        Row::title(&group.0);
        let mut beside: Vec<(char, u64)> = vec![];
        for start in self.all(books) {
            let against = start();
            let row = self.row(&group, books.merchants, &against, &beside);
            row.print();
            beside.extend(against.letter.map(|letter| (letter, row.per_second)));
            rows.push(row);
        }
    }

    fn row(
        &self,
        (group, connections): &(String, usize),
        merchants: usize,
        against: &Against,
        beside: &[(char, u64)],
    ) -> Row {
        let most =
            self.scale.ready_a_second * usize::try_from(self.scale.ms).expect("a time") / 1_000;
        let count = against.orders.map_or(20_000, |each| (each * merchants).min(most));
        let mut calls = Calls::notices(merchants, 0, count);
        calls.again = against.orders.is_none();
        let plan = Plan {
            address: against.target.address().to_owned(),
            connections: *connections,
            pace: Pace::Closed,
            ms: self.scale.ms,
            calls,
        };
        let measured = Load::ready(&plan).run(&against.target);
        let mut row = Row::new(group, &against.name, &measured);
        let share = |(letter, rate): &(char, u64)| (*letter, row.per_second * 100 / (*rate).max(1));
        row.of = beside.iter().map(share).collect();
        if against.letter == Some('d') {
            let fen = ask(against.target.address(), "GET", "/lost", "", &Value::Null);
            row.note = format!("lost {fen} fen of {}", row.done * 100);
        }
        row
    }

    /// All that notices are sent to, one started after the other.
    fn all<'a>(&'a self, books: &'a Filled) -> Vec<Box<dyn Fn() -> Against + 'a>> {
        let (merchants, alone) = (books.merchants, self.scale.orders_alone / books.merchants);
        let mut all: Vec<Box<dyn Fn() -> Against + 'a>> = vec![
            Box::new(|| {
                Against::baseline('a', "a: actix-web, a fixed answer", None, &Baseline::Fixed)
            }),
            Box::new(|| {
                Against::baseline(
                    'b',
                    "b: parsed and verified, not stored",
                    None,
                    &Baseline::Verified,
                )
            }),
        ];
        if alone > 0 {
            let one_each = move |place, at_once, locked| Baseline::OneEach {
                place,
                at_once,
                locked,
                merchants,
                orders: alone,
            };
            all.push(Box::new(move || {
                let place = Books::File(file_in(self.folder, "each"));
                let name = "c: a transaction each, SQLite";
                Against::baseline('c', name, Some(alone), &one_each(place, 1, false))
            }));
            for (stage, letter) in self.servers.iter().zip(['p', 'm']) {
                for locked in [false, true] {
                    let letter = if locked { letter.to_ascii_uppercase() } else { letter };
                    let how = if locked { "select … for update" } else { "balance + ?" };
                    let name = format!("{letter}: the same, {}, {how}", stage.name());
                    all.push(Box::new(move || {
                        let place = Books::Server(stage.fresh_url().expect("a server"));
                        let each = one_each(place, stage.at_once(), locked);
                        Against::baseline(letter, &name, Some(alone), &each)
                    }));
                }
            }
        }
        if merchants == 1 {
            all.push(Box::new(move || {
                let file = file_in(self.folder, "naive");
                let naive = Baseline::Naive { file, orders: alone };
                Against::baseline('d', "d: three statements", Some(alone), &naive)
            }));
        }
        all.push(Box::new(move || {
            let file = file_in(self.folder, "bare");
            books.copy(&file);
            let bare = Baseline::Bare { file, merchants };
            Against::baseline('e', "e: Tally's rows in batches, no rules", Some(books.each), &bare)
        }));
        all.push(Box::new(move || Against {
            letter: None,
            name: "Tally".to_owned(),
            orders: Some(books.each),
            target: Target::tally(books, &[]),
        }));
        all
    }
}

impl Against {
    fn baseline(letter: char, name: &str, orders: Option<usize>, baseline: &Baseline) -> Self {
        let target = Target::baseline(baseline);
        Self { letter: Some(letter), name: name.to_owned(), orders, target }
    }
}
