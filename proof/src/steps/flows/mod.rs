//! What is done, and how it must end: the same whether Tally was killed on the way or not.

mod orders;
mod others;
mod refunds;
mod withdrawals;

use std::fmt;
use std::pin::Pin;

use super::stage::Stage;

/// How a flow ended. An error: not as it must.
pub type End<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + 'a>>;

/// A flow.
#[derive(Clone, Copy)]
pub struct Flow {
    /// What it is called.
    pub name: &'static str,
    /// Environment variables of the server.
    pub settings: &'static [(&'static str, &'static str)],
    /// What was agreed with the merchant, as JSON.
    pub rules: &'static str,
    /// Does it, and sees to how it ended. Steps count from where it says so.
    pub play: for<'a> fn(&'a Stage) -> End<'a>,
}

/// Nothing out of the ordinary, and nothing done.
const PLAIN: Flow =
    Flow { name: "", settings: &[], rules: "{}", play: |_| Box::pin(async { Ok(()) }) };

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All flows.
pub fn all() -> Vec<Flow> {
    [orders::FLOWS, withdrawals::FLOWS, refunds::FLOWS, others::FLOWS].concat()
}

/// Whether there is one case, and of this kind.
async fn one_case(stage: &Stage, kind: &str) -> Result<(), String> {
    let cases = stage.read("cases").await?;
    let kinds: Vec<_> =
        cases["items"].as_array().into_iter().flatten().map(|one| &one["kind"]).collect();
    if kinds == [kind] { Ok(()) } else { Err(format!("cases {kinds:?}, not one {kind}")) }
}
