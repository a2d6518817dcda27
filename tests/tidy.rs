//! The rules about the code that no lint keeps: sizes, title lines, fences between folders, links, paths.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be.
const LINES_MAX: usize = 400;

/// (folder, word its code must not contain): the arrows that crates do not already enforce. Comments may say the word.
const FENCES: &[(&str, &str)] = &[
    ("actors/src/domain", "actix"),
    ("actors/src/domain", "async "),
    ("actors/src/domain", "tokio"),
    ("actors", "sqlx"),
    ("actors", "tally_storage"),
    ("src", "sqlx"),
    ("src", "dashmap"),
    ("tests", "sqlx"),
    ("benches", "sqlx"),
    ("storage", "actix"),
];

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
    if lines > LINES_MAX {
        faults.push(format!("{name}: {lines} lines, {LINES_MAX} are allowed: one noun a file"));
    }
    if !text.starts_with("//! ") {
        faults.push(format!("{name}: no title; begin with a line `//! …` that says what it is"));
    }
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for (folder, word) in FENCES {
            if Path::new(name).starts_with(folder) && code.contains(word) && name != "tests/tidy.rs"
            {
                faults.push(format!("{name}:{}: `{word}` does not belong in {folder}", number + 1));
            }
        }
        if code.trim() == concat!("#[", "ignore]") {
            faults.push(format!("{name}:{}: an ignored test must say why", number + 1));
        }
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
