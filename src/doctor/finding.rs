//! What was found of one thing, in one line.

use std::fmt;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ok,
    Warning,
    Wrong,
    Left,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    what: &'static str,
    standing: Standing,
    words: String,
}

impl Finding {
    /// It is right.
    pub(super) fn ok(what: &'static str, words: impl fmt::Display) -> Self {
        Self::new(what, Standing::Ok, words)
    }

    /// It works, and somebody should know something of it.
    pub(super) fn warning(what: &'static str, words: impl fmt::Display) -> Self {
        Self::new(what, Standing::Warning, words)
    }

    /// It does not work: why, and the remedy.
    pub(super) fn wrong(what: &'static str, words: impl fmt::Display) -> Self {
        Self::new(what, Standing::Wrong, words)
    }

    /// It was not looked at.
    pub(super) fn left(what: &'static str, words: impl fmt::Display) -> Self {
        Self::new(what, Standing::Left, words)
    }

    fn new(what: &'static str, standing: Standing, words: impl fmt::Display) -> Self {
        // What others said may have more lines, and the finding has one.
        let words = words.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { what, standing, words }
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.standing == Standing::Wrong
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = match self.standing {
            Standing::Ok => "ok",
            Standing::Warning => "warning",
            Standing::Wrong => "WRONG",
            Standing::Left => "left out",
        };
        write!(f, "{standing:<8}  {:<12}  {}", self.what, self.words)
    }
}

/// Why there was no answer: the innermost cause, as the outer ones name the URL.
pub(super) fn unanswered(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "there was no answer in time".into();
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection broke".into(), ToString::to_string)
}
