//! The rules about the code that no lint keeps: sizes, title lines, fences between folders, links, paths.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be.
const LINES_MAX: usize = 400;

/// (file, the longest it may be): one type that can't be split, as its variants are one stored format.
const LONGER: &[(&str, usize)] = &[("actors/src/domain/event.rs", 450)];

/// What no machine without I/O may name: clocks, randoms, actors, tasks.
const IO: &[&str] = &["actix", "tokio", "async ", "SystemTime", "Instant", "getrandom"];

/// What is around the machines: they must not know who carries their inputs and effects.
const SHELLS: &[&str] = &[
    "crate::engine",
    "crate::inbox",
    "crate::memory",
    "crate::merchant",
    "crate::reader",
    "crate::registry",
    "crate::writer",
];

/// (folders or files, words their code must not contain): the arrows that crates do not already enforce. Comments may say the
/// words.
const FENCES: &[(&[&str], &[&str])] = &[
    (MACHINES, IO),
    (MACHINES, SHELLS),
    (&["actors/src/domain"], &["crate::batcher", "crate::pipeline", "crate::ports"]),
    (&["actors/src/ports.rs"], SHELLS),
    (&["actors/src/ports.rs"], &["crate::batcher", "crate::pipeline"]),
    (&["actors/src/merchant.rs", "actors/src/registry.rs"], &["crate::engine", "crate::memory"]),
    (
        &["actors/src/reader.rs", "actors/src/writer.rs"],
        &["crate::engine", "crate::memory", "crate::merchant", "crate::registry"],
    ),
    (&["actors"], &["sqlx", "tally_storage"]),
    (&["src"], &["sqlx", "dashmap"]),
    (&["tests", "benches"], &["sqlx"]),
    (&["storage"], &["actix"]),
    (&["proof/src/auditor", "proof/src/history", "proof/src/history.rs"], &["tally_actors"]),
];

/// The machines that hold all that can be wrong (`docs/ARCHITECTURE.md`).
const MACHINES: &[&str] = &[
    "actors/src/domain",
    "actors/src/pipeline",
    "actors/src/pipeline.rs",
    "actors/src/batcher.rs",
    "actors/src/asking.rs",
    "actors/src/told.rs",
    "actors/src/payer/plan.rs",
    "actors/src/refunder/plan.rs",
];

/// (word, the one file whose code may contain it): a client that is hidden behind one file.
const HOMES: &[(&str, &str)] = &[("redis::", "src/sessions/shared.rs")];

/// What the root package must not depend on: SQL and ciphers have rooms of their own.
const NOT_AT_THE_ROOT: &[&str] = &["sqlx", "md-5", "aes", "cbc"];

/// Beginnings of paths that exist on one machine only, cut in two so that this file does not contain them.
const MACHINE_PATHS: &[(&str, &str)] =
    &[("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/"), ("/wo", "rk/")];

#[test]
fn the_code_keeps_its_own_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    walk(root, &mut files);
    assert!(files.len() > 30, "the walk found only {} files", files.len());
    let mut faults = manifest_faults(root);
    for path in &files {
        let Ok(text) = fs::read_to_string(path) else { continue };
        let name = path.strip_prefix(root).expect("found below it").to_str().expect("plain names");
        for (start, rest) in MACHINE_PATHS {
            if let Some(line) =
                text.lines().position(|line| line.contains(&format!("{start}{rest}")))
            {
                faults.push(format!("{name}:{}: the path of a machine", line + 1));
            }
        }
        if name.ends_with(".rs") {
            source_faults(name, &text, &mut faults);
        }
        if name.ends_with(".md") {
            link_faults(name, &text, path, &mut faults);
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// All files that belong to the project: not what is built, not what a run leaves behind.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if ["target", "data", ".git"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn source_faults(name: &str, text: &str, faults: &mut Vec<String>) {
    let lines = text.lines().count();
    let longer = LONGER.iter().find(|(long, _)| *long == name);
    let most = longer.map_or(LINES_MAX, |(_, most)| *most);
    if lines > most {
        faults.push(format!("{name}: {lines} lines, {most} are allowed: one noun a file"));
    }
    if !text.starts_with("//! ") {
        faults.push(format!("{name}: no title; begin with a line `//! …` that says what it is"));
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for word in crossed(name, code) {
            faults.push(format!("{name}:{}: `{word}` does not belong here", number + 1));
        }
        if code.trim() == concat!("#[", "ignore]") {
            faults.push(format!("{name}:{}: an ignored test must say why", number + 1));
        }
    }
}

/// The words in a line of code that its file must not contain. This file names them all.
fn crossed(name: &str, code: &str) -> Vec<&'static str> {
    let holds = |place: &&str| Path::new(name).starts_with(place) && name != "tests/tidy.rs";
    let fenced = FENCES.iter().filter(|(places, _)| places.iter().any(holds));
    let words = fenced.flat_map(|(_, words)| words.iter().copied());
    let elsewhere = HOMES.iter().filter(|(_, home)| *home != name && name != "tests/tidy.rs");
    let words = words.chain(elsewhere.map(|(word, _)| *word));
    words.filter(|word| code.contains(word)).collect()
}

#[test]
fn each_fence_stands_where_there_is_code_and_stops_what_crosses_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fenced = FENCES.iter().flat_map(|(places, _)| *places);
    for place in fenced.chain(HOMES.iter().map(|(_, home)| home)) {
        assert!(root.join(place).exists(), "{place} is fenced and does not exist");
    }
    for (name, code, stopped) in [
        ("actors/src/domain/books/fold.rs", "let now = Instant::now();", true),
        ("actors/src/pipeline/live.rs", "tokio::spawn(task)", true),
        ("actors/src/pipeline.rs", "async fn take()", true),
        ("actors/src/batcher.rs", "getrandom::u64()", true),
        ("actors/src/batcher.rs", "use crate::writer::Writer;", true),
        ("actors/src/payer/plan.rs", "use crate::engine::Engine;", true),
        ("actors/src/merchant.rs", "use crate::engine::Engine;", true),
        ("actors/src/merchant.rs", "use crate::registry::Registry;", false),
        ("actors/src/engine.rs", "use tokio::time::Instant;", false),
        ("src/web/orders.rs", "sqlx::query", true),
        ("proof/src/auditor/sums.rs", "use tally_actors::domain::head::Head;", true),
        ("src/web/orders.rs", "use redis::Client;", true),
        ("storage/src/lib.rs", "redis::cmd(ping)", true),
        ("src/sessions/shared.rs", "use redis::Client;", false),
    ] {
        assert_eq!(!crossed(name, code).is_empty(), stopped, "{name}: {code}");
    }
}

/// Links to files must lead somewhere.
fn link_faults(name: &str, text: &str, path: &Path, faults: &mut Vec<String>) {
    let folder = path.parent().expect("a file has a folder");
    for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = link.split('#').next().unwrap_or_default();
        if !file.is_empty() && !link.contains("://") && !folder.join(file).exists() {
            faults.push(format!("{name}: the link to {file} leads nowhere"));
        }
    }
}

/// Dependencies of the root package that belong into another room. The workspace's table of versions is no dependency.
fn manifest_faults(root: &Path) -> Vec<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("the root manifest");
    let mut section = "";
    let mut faults = vec![];
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let package = line.split(['.', ' ', '=']).next().unwrap_or_default();
        if section.ends_with("dependencies]")
            && !section.starts_with("[workspace")
            && NOT_AT_THE_ROOT.contains(&package)
        {
            faults.push(format!("Cargo.toml: the root package must not depend on {package}"));
        }
    }
    faults
}
