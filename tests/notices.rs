//! Real SIGKILLs while notices come in and transfers go out.
//!
//! `TALLY_TEST_NOTICE_KILLS` kills that often (20 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use tally_proof::crash::notices;

/// How many customers pay at the same time.
const CUSTOMERS: u64 = 12;

#[test]
fn no_notice_that_was_answered_is_lost_and_no_transfer_made_twice_when_the_server_is_killed() {
    let plan = support::plan("TALLY_TEST_NOTICE_KILLS", CUSTOMERS);
    let report = support::run(notices::run(&plan));
    support::assert_clean(report.faults);
}
