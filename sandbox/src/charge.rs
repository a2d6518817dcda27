//! WeChat's charge: 0.6 percent of what a payment brings, rounded to fen; a refund brings its part back.

/// The charge's rate as bills print it.
pub(crate) const RATE: &str = "0.60%";

/// The charge of a payment, rounded half up.
pub(crate) fn charge_fen(fen: u64) -> u64 {
    fen.saturating_mul(6).saturating_add(500) / 1_000
}

/// The part of `whole` that goes with `of` out of `all`, rounded down: all of it goes with all.
pub(crate) fn part(whole: u64, of: u64, all: u64) -> u64 {
    let part = u128::from(whole) * u128::from(of) / u128::from(all.max(1));
    u64::try_from(part).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_rounded_and_come_back_whole() {
        assert_eq!(
            (charge_fen(10_000), charge_fen(83), charge_fen(84), charge_fen(0)),
            (60, 0, 1, 0)
        );
        let (mut back, mut last) = (0, 0);
        for of in 1..=1_280 {
            let now = part(8, of, 1_280);
            back += now - last;
            last = now;
        }
        assert_eq!(back, charge_fen(1_280));
    }
}
