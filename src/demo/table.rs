//! The tables that a demo ends with.

use tally_storage::naive::NaiveBooks;

use super::books::{BOOKS, LINES, Shop, grouped, shown, yuan};

/// What the four books say, a line for each figure of each merchant, then the total.
pub(super) fn four_books(shops: &[Shop]) -> String {
    let mut rows = vec![
        [&["merchant", ""], &BOOKS[..], &[""]].concat().into_iter().map(String::from).collect(),
    ];
    let total = Shop::total(shops);
    for shop in shops.iter().chain([&total]) {
        for (line, what) in LINES.iter().enumerate() {
            let name = if line == 0 { shop.name.clone() } else { String::new() };
            let mut row = vec![name, (*what).to_owned()];
            row.extend(
                shop.line(line).map(|says| says.map_or("·".into(), |figure| shown(line, figure))),
            );
            row.push(if shop.agrees(line) { "agree" } else { "DIFFER" }.into());
            rows.push(row);
        }
    }
    drawn(&rows, 2)
}

/// What the three statements made of the same orders and payments.
pub(super) fn three_statements(shops: &[(String, NaiveBooks)]) -> String {
    let head = ["merchant", "paid", "unsettled", "balance", "withdrawn", "lost"];
    let mut rows = vec![head.map(String::from).to_vec()];
    for (name, books) in shops {
        let NaiveBooks { paid_fen, unsettled_fen, balance_fen, withdrawn_fen } = *books;
        let amounts = [paid_fen, unsettled_fen, balance_fen, withdrawn_fen, books.lost_fen()];
        let mut row = vec![name.clone()];
        row.extend(amounts.map(|fen| yuan(fen.into())));
        rows.push(row);
    }
    drawn(&rows, 1)
}

/// How much the three statements lost and invented, in words. Nothing is lost or invented: `None`.
pub(super) fn verdict(shops: &[(String, NaiveBooks)]) -> Option<String> {
    let sum = |part: fn(i64) -> i64| -> i128 {
        shops.iter().map(|(_, books)| i128::from(part(books.lost_fen()))).sum()
    };
    let (lost, invented) = (sum(|fen| fen.max(0)), -sum(|fen| fen.min(0)));
    let paid: i128 = shops.iter().map(|(_, books)| i128::from(books.paid_fen)).sum();
    let ten_thousandths = |fen: i128| fen.saturating_mul(10_000) / paid.max(1);
    let share = |fen| {
        format!(
            "{}.{:02} %",
            grouped((ten_thousandths(fen) / 100).unsigned_abs()),
            ten_thousandths(fen) % 100
        )
    };
    match (lost, invented) {
        (0, 0) => None,
        (lost, 0) => Some(format!("lost {} of {} yuan ({})", yuan(lost), yuan(paid), share(lost))),
        (0, more) => {
            Some(format!("invented {} on {} yuan ({})", yuan(more), yuan(paid), share(more)))
        }
        (lost, more) => {
            Some(format!("lost {} and invented {} on {} yuan", yuan(lost), yuan(more), yuan(paid)))
        }
    }
}

/// Columns as wide as they must be; the first `texts` on the left, the others on the right. The last row stands apart.
fn drawn(rows: &[Vec<String>], texts: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| wide(column).unwrap_or(0)).collect();
    let mut table = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if column < texts { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(paid_fen: i64, balance_fen: i64) -> (String, NaiveBooks) {
        ("shop1".into(), NaiveBooks { paid_fen, unsettled_fen: 0, balance_fen, withdrawn_fen: 0 })
    }

    #[test]
    fn what_was_lost_does_not_make_up_for_what_was_invented() {
        assert_eq!(verdict(&[books(10_000, 10_000)]), None);
        let lost = verdict(&[books(10_000, 9_000), books(0, 0)]);
        assert_eq!(lost.as_deref(), Some("lost 10.00 of 100.00 yuan (10.00 %)"));
        let invented = verdict(&[books(10_000, 10_001)]);
        assert_eq!(invented.as_deref(), Some("invented 0.01 on 100.00 yuan (0.01 %)"));
        let both = verdict(&[books(10_000, 9_000), books(10_000, 11_000)]);
        assert_eq!(both.as_deref(), Some("lost 10.00 and invented 10.00 on 200.00 yuan"));
    }

    #[test]
    fn a_table_is_as_wide_as_it_must_be() {
        let text = |cells: [&str; 3]| cells.map(String::from).to_vec();
        let rows = [text(["a", "", "1.00"]), text(["long", "x", "·"])];
        assert_eq!(drawn(&rows, 2), "a        1.00\nlong  x     ·\n");
    }

    #[test]
    fn figures_that_differ_stand_out() {
        let figures = [Some(1), Some(100), Some(1), Some(99), Some(0)];
        let other = [Some(1), Some(200), None, None, Some(0)];
        let shop = Shop { name: "shop1".into(), books: [figures, other, figures, figures] };
        let table = four_books(&[shop]);
        assert_eq!(table.matches("DIFFER").count(), 2, "{table}");
        assert_eq!(table.matches("agree").count(), 8, "{table}");
    }
}
