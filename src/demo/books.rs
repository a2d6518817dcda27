//! The four books of a demo: what Tally says, what the sandbox says, the sum over the orders, the sum over the journal.

use std::ops::AddAssign;

use serde_json::Value;
use tally_actors::domain::channel_no::transfer_no;
use tally_actors::domain::ids::MerchantId;

use super::wire::Wire;
use crate::cli::Failure;

/// The books, in the order of [`Shop::books`].
pub(super) const BOOKS: [&str; 4] = ["Tally", "sandbox", "orders", "journal"];

/// What is compared, in the order of [`Figures`]. The first is a count, the others are amounts.
pub(super) const LINES: [&str; 5] = ["orders paid", "paid", "fees", "in hand", "withdrawn"];

/// What one book says, in fen (the first: a count). `None`: it does not know.
pub(super) type Figures = [Option<i128>; 5];

/// What the four books say of one merchant, or of all.
pub(super) struct Shop {
    /// Whose.
    pub(super) name: String,
    /// One for each of [`BOOKS`].
    pub(super) books: [Figures; 4],
}

/// What still has to come in before the books can be compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    /// Notices that the sandbox has to send.
    pub(super) notices: i128,
    /// Orders paid at the sandbox, of which Tally does not know.
    pub(super) orders: i128,
    /// Money on its way out, in fen.
    pub(super) in_transit_fen: i128,
    /// Of what the sandbox never took: Tally is sure of that after ten minutes only, and holds the money in transit until then.
    pub(super) waiting_fen: i128,
}

impl AddAssign for Owed {
    fn add_assign(&mut self, more: Self) {
        self.notices += more.notices;
        self.orders += more.orders;
        self.in_transit_fen += more.in_transit_fen;
        self.waiting_fen += more.waiting_fen;
    }
}

impl Owed {
    /// What is owed to one merchant.
    pub(super) async fn read(wire: &Wire, of: MerchantId) -> Result<Self, Failure> {
        let sandbox = wire.sandbox_get(&format!("books?prefix={of}-")).await?;
        let tally = wire.get(&format!("merchants/{of}/balance")).await?;
        let in_transit_fen = figure(&tally, "in_transit_fen")?;
        let waiting_fen = if in_transit_fen == 0 { 0 } else { never_taken(wire, of).await? };
        Ok(Self {
            notices: figure(&sandbox, "notices_owed")?,
            orders: figure(&sandbox, "orders_paid")? - figure(&tally, "paid_orders")?,
            in_transit_fen: in_transit_fen - waiting_fen,
            waiting_fen,
        })
    }

    /// Whether nothing has to come in any more but what only time can bring.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self { waiting_fen: self.waiting_fen, ..Self::default() }
    }
}

impl Shop {
    /// Reads the four books of one merchant.
    pub(super) async fn read(wire: &Wire, of: MerchantId) -> Result<Self, Failure> {
        let balance = wire.get(&format!("merchants/{of}/balance")).await?;
        let orders = wire.list(&format!("merchants/{of}/orders")).await?;
        let entries = wire.list(&format!("merchants/{of}/entries")).await?;
        let books = [
            balance_says(&balance)?,
            sandbox_says(wire, of).await?,
            orders_say(&orders)?,
            entries_say(&entries)?,
        ];
        Ok(Self { name: of.to_string(), books })
    }

    /// The sum over all merchants.
    pub(super) fn total(shops: &[Self]) -> Self {
        let mut books = [[Some(0); 5]; 4];
        for shop in shops {
            for (sums, figures) in books.iter_mut().zip(&shop.books) {
                for (sum, figure) in sums.iter_mut().zip(figures) {
                    *sum = sum.zip(*figure).map(|(sum, figure)| sum + figure);
                }
            }
        }
        Self { name: "total".into(), books }
    }

    /// One of [`LINES`]: what each book says.
    pub(super) fn line(&self, line: usize) -> [Option<i128>; 4] {
        self.books.map(|figures| figures[line])
    }

    /// Whether all the books that know this line say the same.
    pub(super) fn agrees(&self, line: usize) -> bool {
        let mut known = self.line(line).into_iter().flatten();
        let first = known.next();
        known.all(|figure| Some(figure) == first)
    }

    /// What does not agree, each difference named.
    pub(super) fn differences(&self) -> Vec<String> {
        let mut found = vec![];
        for (line, what) in LINES.iter().enumerate().filter(|(line, _)| !self.agrees(*line)) {
            let says = BOOKS.iter().zip(self.line(line));
            let says = says.filter_map(|(book, figure)| Some((book, figure?)));
            let says: Vec<_> =
                says.map(|(book, figure)| format!("{book} {}", shown(line, figure))).collect();
            found.push(format!("{}, {what}: {}", self.name, says.join(", ")));
        }
        for (book, figures) in BOOKS.iter().zip(self.books) {
            if let [_, Some(paid), Some(fees), Some(in_hand), Some(withdrawn)] = figures
                && paid - fees != in_hand + withdrawn
            {
                let apart = yuan(paid - fees - in_hand - withdrawn);
                found.push(format!(
                    "{}, {book}: paid less fees is not in hand plus withdrawn, {apart} apart",
                    self.name
                ));
            }
        }
        found
    }
}

fn balance_says(balance: &Value) -> Result<Figures, Failure> {
    let of = |name| figure(balance, name);
    let in_hand = of("pending_fen")? + of("available_fen")? + of("in_transit_fen")?;
    Ok([
        Some(of("paid_orders")?),
        Some(of("paid_fen")?),
        Some(of("fee_fen")?),
        Some(in_hand),
        Some(of("withdrawn_fen")?),
    ])
}

/// The sum of the withdrawals whose outcome Tally does not know, and that the sandbox does not know either.
async fn never_taken(wire: &Wire, of: MerchantId) -> Result<i128, Failure> {
    let made = wire.list(&format!("merchants/{of}/withdrawals")).await?;
    let mut waiting = 0;
    for withdrawal in made.iter().filter(|withdrawal| withdrawal["status"] == "unknown") {
        let number = withdrawal["withdrawal_no"].as_str().unwrap_or_default();
        let number = transfer_no(&of, &number.parse().map_err(|_| "a withdrawal has no number")?);
        let there = wire.sandbox_get(&format!("transfers?prefix={number}&limit=1")).await?;
        if there["items"][0]["partner_trade_no"] != number.as_str() {
            waiting += figure(withdrawal, "amount_fen")?;
        }
    }
    Ok(waiting)
}

/// The sandbox knows neither fees nor what is not withdrawn. A transfer's number begins with the id's length and the id.
async fn sandbox_says(wire: &Wire, of: MerchantId) -> Result<Figures, Failure> {
    let length = char::from_digit(u32::try_from(of.as_str().len())?, 36).ok_or("a long id")?;
    let paid = wire.sandbox_get(&format!("books?prefix={of}-")).await?;
    let sent = wire.sandbox_get(&format!("books?prefix={length}{of}")).await?;
    let (count, fen) = (figure(&paid, "orders_paid")?, figure(&paid, "paid_fen")?);
    Ok([Some(count), Some(fen), None, None, Some(figure(&sent, "transferred_fen")?)])
}

fn orders_say(orders: &[Value]) -> Result<Figures, Failure> {
    let (mut count, mut paid, mut fees) = (0, 0, 0);
    for order in orders.iter().filter(|order| order["status"] == "paid") {
        count += 1;
        paid += figure(order, "amount_fen")?;
        fees += figure(order, "fee_fen")?;
    }
    Ok([Some(count), Some(paid), Some(fees), None, None])
}

/// Money comes in as a debit of `channel` and goes out as a credit; what the merchant has is on the other accounts.
fn entries_say(entries: &[Value]) -> Result<Figures, Failure> {
    let (mut count, mut paid, mut fees, mut in_hand, mut withdrawn) = (0, 0, 0, 0, 0);
    for entry in entries {
        let (debit, credit) = (figure(entry, "debit_fen")?, figure(entry, "credit_fen")?);
        match entry["account"].as_str() {
            Some("channel") => {
                count += i128::from(debit > 0);
                paid += debit;
                withdrawn += credit;
            }
            Some("fee") => fees += credit - debit,
            Some("pending" | "available" | "in_transit") => in_hand += credit - debit,
            _ => {
                return Err(
                    format!("an entry on an account that the demo does not move: {entry}").into()
                );
            }
        }
    }
    Ok([Some(count), Some(paid), Some(fees), Some(in_hand), Some(withdrawn)])
}

fn figure(of: &Value, name: &str) -> Result<i128, Failure> {
    let figure = of[name].as_i64().map(i128::from);
    figure.ok_or_else(|| format!("{name} is not a number in {of}").into())
}

/// A figure of a line, as a person reads it.
pub(super) fn shown(line: usize, figure: i128) -> String {
    if line == 0 { grouped(figure.unsigned_abs()) } else { yuan(figure) }
}

/// An amount in fen, in yuan.
pub(super) fn yuan(fen: i128) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    format!("{sign}{}.{:02}", grouped(fen / 100), fen % 100)
}

/// A number with a comma after each three digits.
pub(super) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shop(books: [Figures; 4]) -> Shop {
        Shop { name: "shop1".into(), books }
    }

    const FULL: Figures = [Some(2), Some(1_000), Some(10), Some(490), Some(500)];
    const CHANNEL: Figures = [Some(2), Some(1_000), None, None, Some(500)];
    const ORDERS: Figures = [Some(2), Some(1_000), Some(10), None, None];

    #[test]
    fn books_that_agree_have_no_difference_alone_or_in_total() {
        let one = shop([FULL, CHANNEL, ORDERS, FULL]);
        assert_eq!(one.differences(), Vec::<String>::new());
        let total = Shop::total(&[one, shop([FULL, CHANNEL, ORDERS, FULL])]);
        assert_eq!(total.differences(), Vec::<String>::new());
        assert_eq!(total.line(1), [Some(2_000), Some(2_000), Some(2_000), Some(2_000)]);
        assert_eq!(total.line(3), [Some(980), None, None, Some(980)]);
    }

    #[test]
    fn each_figure_that_differs_is_named() {
        for line in 0..LINES.len() {
            let mut other = FULL;
            other[line] = other[line].map(|figure| figure + 1);
            let found = shop([FULL, CHANNEL, ORDERS, other]).differences();
            let named = format!("shop1, {}: Tally ", LINES[line]);
            assert!(found[0].starts_with(&named), "{found:?}");
            assert_eq!(found.len(), if line == 0 { 1 } else { 2 }, "{found:?}");
        }
        let mut sandbox = CHANNEL;
        sandbox[4] = Some(501);
        let found = shop([FULL, sandbox, ORDERS, FULL]).differences();
        assert_eq!(found, ["shop1, withdrawn: Tally 5.00, sandbox 5.01, journal 5.00"]);
    }

    #[test]
    fn only_what_time_alone_can_bring_is_not_waited_for() {
        let waiting = Owed { waiting_fen: 500, ..Owed::default() };
        assert!(waiting.is_nothing() && Owed::default().is_nothing());
        for owed in [
            Owed { notices: 1, ..waiting },
            Owed { orders: 1, ..waiting },
            Owed { in_transit_fen: 1, ..waiting },
        ] {
            assert!(!owed.is_nothing(), "{owed:?}");
        }
    }

    #[test]
    fn the_journal_is_summed_by_account() {
        let entry = |account: &str, debit: u64, credit: u64| json!({"account": account, "debit_fen": debit, "credit_fen": credit});
        let entries = [
            entry("channel", 1_000, 0),
            entry("pending", 0, 990),
            entry("fee", 0, 10),
            entry("pending", 990, 0),
            entry("available", 0, 990),
            entry("available", 500, 0),
            entry("in_transit", 0, 500),
            entry("in_transit", 500, 0),
            entry("channel", 0, 500),
        ];
        let expected = [Some(1), Some(1_000), Some(10), Some(490), Some(500)];
        assert_eq!(entries_say(&entries).unwrap(), expected);
        assert!(entries_say(&[entry("refund", 1, 0)]).is_err());
    }

    #[test]
    fn amounts_are_shown_in_yuan() {
        for (fen, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (-5, "-0.05"),
            (123_456_789, "1,234,567.89"),
            (100_000, "1,000.00"),
        ] {
            assert_eq!(yuan(fen), text);
        }
    }
}
