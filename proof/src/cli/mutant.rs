//! Known defects, by their names on the command line.

use tally_actors::mutant::Mutant;

/// The mutant of that name, if it can be built in.
pub(crate) fn named(name: &str) -> Result<Mutant, String> {
    if !cfg!(feature = "mutants") {
        return Err("known defects are built in with --features mutants only".into());
    }
    let all = || Mutant::ENGINE.iter().chain(Mutant::PAYOUT);
    let names = || all().map(|known| known.name()).collect::<Vec<_>>().join(", ");
    Mutant::named(name).ok_or_else(|| format!("--mutant {name} is none of {}", names()))
}
