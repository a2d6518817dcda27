//! `tally demo` as a newcomer runs it, in a short form.

mod support;

use std::process::Output;

/// Runs the demo, and gives its exit code and what it printed.
fn demo(flags: &[&str]) -> (Option<i32>, String) {
    let site = support::site();
    let mut command = site.tally();
    let command = command.env("TMPDIR", site.path()).arg("demo").args(flags);
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
    let left: Vec<_> = std::fs::read_dir(site.path()).expect("the folder").collect();
    assert!(left.is_empty() || status.code() != Some(0), "left behind: {left:?}\n{text}");
    (status.code(), text)
}

#[test]
fn the_four_books_of_a_demo_agree() {
    let flags = ["--customers", "40", "--merchants", "3", "--seconds", "5", "--seed", "7"];
    let (code, text) = demo(&flags);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("All four books agree to the fen"), "{text}");
    assert!(!text.contains("DIFFER"), "{text}");
    for name in ["shop1", "shop2", "shop3", "total", "--seed 7"] {
        assert!(text.contains(name), "no {name}:\n{text}");
    }
    let payments = text.lines().find_map(|line| line.split_once(" payments, "));
    let payments: u64 = payments.expect("a count").0.replace(',', "").parse().expect("a number");
    assert!(payments > 100, "too little traffic to prove anything:\n{text}");
}

/// Not flaky, although it is a matter of timing: dozens of settlements a second run among hundreds of payments.
#[test]
fn the_three_statements_lose_money_under_the_same_traffic_and_the_exit_says_so() {
    let flags = ["--naive", "--customers", "60", "--merchants", "2", "--seconds", "8"];
    let (code, text) = demo(&flags);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("All four books agree to the fen"), "{text}");
    assert!(text.contains("The three statements lost "), "{text}");
}

/// Three calls of ten fail, and three notices of ten: the customers notice, the books do not.
#[test]
fn the_books_agree_whatever_part_of_the_calls_and_notices_fails() {
    let flags = ["--faults", "0.3", "--customers", "12", "--merchants", "2", "--seconds", "5"];
    let (code, text) = demo(&[&flags[..], &["--seed", "11"]].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("All four books agree to the fen"), "{text}");
    assert!(text.contains("--faults 0.300, --seed 11"), "{text}");
    let repeats = text.split("; ").find_map(|part| part.split_once(" calls had no answer"));
    let repeats: u64 = repeats.expect("a count").0.replace(',', "").parse().expect("a number");
    assert!(repeats > 10, "too few faults to prove anything:\n{text}");
}

#[test]
fn what_a_demo_can_not_play_is_refused_in_one_line() {
    for (flag, value) in
        [("--customers", "0"), ("--merchants", "x"), ("--seconds", "0"), ("--faults", "1.5")]
    {
        let (code, text) = demo(&[flag, value]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(flag), "{text}");
    }
}
