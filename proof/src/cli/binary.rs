//! Runs of the real binary: which one, built first unless it is named, and what all such runs are asked with.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use serde_json::Value;

/// What every run is asked with.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Decides all choices; a new one where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// How many ask at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=999))]
    pub(crate) clients: u64,
    /// Keep the folder of what has faults
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) binary: Binary,
}

impl Run {
    /// The binary and the seed, both told with what is to happen to the binary.
    pub(crate) fn begin(&self, what: &str) -> Result<(PathBuf, u64), ExitCode> {
        let binary = self.binary.find().map_err(|trouble| unable(&trouble))?;
        let random = || getrandom::u64().expect("the system has randomness");
        let seed = self.seed.unwrap_or_else(random);
        println!("{} {what}; --seed {seed}", binary.display());
        Ok((binary, seed))
    }
}

/// Says why a run can't be.
pub(crate) fn unable(trouble: &str) -> ExitCode {
    eprintln!("{trouble}");
    ExitCode::from(2)
}

/// Tells what came of a run, its faults with the folders that are kept of them, and the flags that ask for it again.
pub(crate) fn verdict(
    report: &dyn fmt::Display,
    (faults, kept): (&[String], &[PathBuf]),
    again: &str,
) -> ExitCode {
    println!("{report}");
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    for fault in faults {
        println!("FAULT {fault}");
    }
    for folder in kept {
        println!("Data and logs are kept in {}", folder.display());
    }
    println!("Again, as far as real time allows: cargo run --release -p tally-proof -- {again}");
    ExitCode::FAILURE
}

/// Runs something on a runtime of its own.
pub(crate) fn block_on<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run)
}

/// Which binary.
#[derive(Debug, Args)]
pub(crate) struct Binary {
    /// The binary; where it is not given, the release binary is built first
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

impl Binary {
    /// The binary's path.
    fn find(&self) -> Result<PathBuf, String> {
        match &self.binary {
            Some(path) => {
                path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))
            }
            None => build(),
        }
    }
}

/// The flag that names it again.
impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.binary.iter().try_for_each(|path| write!(f, " --binary {}", path.display()))
    }
}

/// Where runs have their folders: beside this program, so on the disk that the build uses.
pub(crate) fn place() -> PathBuf {
    let this = std::env::current_exe().expect("a program has a path");
    this.parent().expect("a file is in a folder").to_owned()
}

/// Builds the release binary by the cargo that runs this, and asks it where it put that.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "tally", "--bin", "tally"])
        .args(["--message-format", "json-render-diagnostics", "--manifest-path", manifest])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo does not run: {error}"))?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = |one: Value| one["executable"].as_str().map(PathBuf::from);
    match artifacts.filter_map(executable).next_back() {
        Some(path) if built.status.success() => Ok(path),
        Some(_) | None => Err(format!("the release binary was not built: {}", built.status)),
    }
}
