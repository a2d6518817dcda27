//! The known defects of this field, to be built in on purpose and caught by the simulator (feature `mutants`).
//!
//! Without the feature a mutant is never on, and the compiler removes what stands behind the question.

/// A defect, by the name of what goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// An answer leaves before what it rests on is durable.
    AnswerBeforeDurable,
}

impl Mutant {
    /// All of them.
    pub const ALL: &[Self] = &[Self::AnswerBeforeDurable];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::AnswerBeforeDurable => "answer-before-durable",
        }
    }
}

#[cfg(feature = "mutants")]
std::thread_local! {
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Chooses the mutant of this thread; `None`: the engine as it is.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}

/// Whether this mutant was chosen for this thread.
#[cfg(feature = "mutants")]
pub(crate) fn on(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// No mutant is on.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
