//! When a delivery that failed is tried again.

/// How often a delivery is tried before it is set aside.
pub(super) const TRIES_MAX: u32 = 16;

/// The pauses between the tries, in seconds: 24 hours together.
const PAUSES: [i64; 15] =
    [5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 18_000, 28_270];

/// The pause after so many tries, in milliseconds, a tenth longer or shorter by chance, so that what failed together does not
/// come back together; `None`: it was tried as often as it is.
pub(super) fn pause(tries: u32, random: u64) -> Option<i64> {
    let place = usize::try_from(tries.checked_sub(1)?).ok()?;
    let pause = PAUSES.get(place)? * 1_000;
    let chance = i64::try_from(random % 201).ok()?; // 0 to 200 thousandths
    Some(pause * (900 + chance) / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_tries_take_a_day() {
        let even: Vec<i64> = (1..TRIES_MAX).filter_map(|tries| pause(tries, 100)).collect();
        assert_eq!(even.len() + 1, 16);
        assert_eq!(even.iter().sum::<i64>(), 86_400_000);
        assert!(even.is_sorted());
        assert_eq!((pause(0, 0), pause(16, 0), pause(17, 0)), (None, None, None));
    }

    #[test]
    fn a_pause_is_a_tenth_longer_or_shorter_at_the_most() {
        for random in 0..1_000 {
            let pause = pause(1, random).unwrap();
            assert!((4_500..=5_500).contains(&pause), "{pause}");
        }
        assert_eq!((pause(1, 0), pause(1, 200)), (Some(4_500), Some(5_500)));
    }
}
