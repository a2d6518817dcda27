//! `tally doctor`: looks at all that a start needs, and says of each in one line whether it is right, else the likely cause and the
//! remedy. It changes nothing, and nothing secret is in what it says.
//!
//! | module | what |
//! |---|---|
//! | `finding` | one line |
//! | `channel` | WeChat, or the sandbox: the clock, the certificate, the signature, log-ins |
//! | `reach` | whether notices get here |
//! | `stores` | the database, the account it is kept with, Redis |

mod channel;
mod finding;
mod reach;
mod stores;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tally_wechat::Config;

use self::finding::Finding;
use crate::admin_key::AdminKey;
use crate::cli::Failure;
use crate::practice;
use crate::settings::{Counterpart, Settings};

/// Looks at everything. The process ends with 1 where something is wrong.
pub(crate) async fn run(settings: &Settings) -> Result<ExitCode, Failure> {
    tally_wechat::tls::install_provider();
    let findings = look(settings).await?;
    let mut out = io::stdout().lock();
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    let wrong = findings.iter().filter(|finding| finding.is_wrong()).count();
    if wrong == 0 {
        writeln!(out, "nothing is wrong")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{wrong} of {} are wrong", findings.len())?;
    Ok(ExitCode::FAILURE)
}

async fn look(settings: &Settings) -> Result<Vec<Finding>, Failure> {
    let http = client(settings.wechat.timeout())?;
    let counterpart = settings.counterpart();
    let (first, config) = spoken_to(settings, &counterpart);
    let mut findings = vec![first];
    match config {
        Some(config) => {
            let real = matches!(counterpart, Ok(Counterpart::Wechat(_)));
            findings.extend(channel::look(&http, config, real).await);
            findings.push(reach::look(&http, settings, real).await);
        }
        None => findings.push(Finding::left("WeChat", "nobody is spoken to: see above")),
    }
    findings.extend(stores::look(settings, counterpart.as_ref().ok()).await);
    Ok(findings)
}

/// Whether the settings fit together, and how WeChat or the sandbox is spoken to; `None`: it can't be.
fn spoken_to(
    settings: &Settings,
    counterpart: &Result<Counterpart, crate::settings::SettingsFault>,
) -> (Finding, Option<Config>) {
    let what = "settings";
    match counterpart {
        Err(fault) => (Finding::wrong(what, fault), None),
        Ok(Counterpart::Wechat(config)) => {
            let words = format!("WeChat is spoken to, as merchant number {}", config.mch_id);
            (Finding::ok(what, words), Some((**config).clone()))
        }
        Ok(Counterpart::Sandbox) => {
            let key = settings.data.admin_key_file();
            match AdminKey::find(settings.admin_key.as_ref(), &key) {
                Ok(Some(found)) => {
                    let url = format!("http://{}", settings.sandbox.listen);
                    let config = practice::config(settings, found.secret(), &url);
                    (Finding::ok(what, "a sandbox plays WeChat: no real money"), Some(config))
                }
                Ok(None) => {
                    let words = "a sandbox plays WeChat, and no tally was started here yet: start tally, then ask again";
                    (Finding::warning(what, words), None)
                }
                Err(error) => (Finding::wrong(what, error), None),
            }
        }
    }
}

/// Follows no redirect, as WeChat follows none.
fn client(wait: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let builder = tally_wechat::tls::client_builder();
    builder.redirect(reqwest::redirect::Policy::none()).no_proxy().timeout(wait).build()
}
