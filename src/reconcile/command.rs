//! `tally reconcile`: has a running service compare a day, over HTTP, and tells what it came to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tally_actors::domain::time::Day;

use crate::admin_key::AdminKey;
use crate::cli::Failure;
use crate::limits::{RECONCILE_COMMAND_WAIT, RECONCILE_LOOK};
use crate::settings::{DataSettings, LogSettings, Secret};

/// What is to be compared.
#[derive(Debug, Args)]
pub(crate) struct Reconciling {
    /// The day, as WeChat counts it: in Beijing
    #[arg(long, value_name = "DATE")]
    date: Day,
    /// Write the differences to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Where the service is
    #[arg(long, env = "TALLY_URL", default_value = "http://127.0.0.1:8000", value_name = "URL")]
    url: String,
    /// The admin's key, instead of the one in admin.key in the data directory
    #[arg(long, env = "TALLY_ADMIN_KEY", hide_env_values = true, value_name = "KEY")]
    admin_key: Option<Secret>,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Compares the day. Success: there is no difference, and all was read.
pub(crate) async fn run(asked: &Reconciling) -> Result<ExitCode, Failure> {
    tally_wechat::tls::install_provider();
    let file = asked.data.admin_key_file();
    let key = AdminKey::find(asked.admin_key.as_ref(), &file)?
        .ok_or_else(|| format!("{} does not exist: set TALLY_ADMIN_KEY", file.display()))?;
    let http = Client::builder().timeout(RECONCILE_COMMAND_WAIT).build()?;
    let base = format!("{}/v1/reconciliations", asked.url.trim_end_matches('/'));
    let day = format!("{base}/{}", asked.date);
    let call = |method, url: &str| http.request(method, url).bearer_auth(key.secret().expose());
    let mut answer = told(call(Method::POST, &base).json(&json!({"date": asked.date}))).await?;
    while answer["status"] == "running" {
        tokio::time::sleep(RECONCILE_LOOK).await;
        answer = told(call(Method::GET, &day)).await?;
    }
    if let Some(why) = answer["reason"].as_str() {
        return Err(format!("{} was not compared: {why}", asked.date).into());
    }
    let mut lines = String::new();
    let differences = answer["differences"].as_object();
    let found: u64 = differences.into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    let numbers =
        ["lines", "payments", "matched"].map(|name| format!("{name} {}", answer["sums"][name]));
    writeln!(
        lines,
        "{}: {}, carried {}, differences {found}",
        asked.date,
        numbers.join(", "),
        answer["carried"]
    )?;
    for (kind, count) in differences.into_iter().flatten() {
        writeln!(lines, "  {kind} {count}")?;
    }
    let unread = answer["unread_merchants"].as_u64().unwrap_or_default();
    if unread > 0 {
        let named: Vec<&str> =
            answer["unread"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        writeln!(
            lines,
            "  not all of {unread} merchants can be read: {}; run tally audit",
            named.join(", ")
        )?;
    }
    std::io::stdout().write_all(lines.as_bytes())?;
    if let Some(file) = &asked.csv {
        let url = format!("{day}/differences?format=csv");
        let csv = call(Method::GET, &url).send().await?.error_for_status()?.bytes().await?;
        std::fs::write(file, csv).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(if answer["agreed"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The answer to a call; a refusal in its own words.
async fn told(request: RequestBuilder) -> Result<Value, Failure> {
    let silent = |error: reqwest::Error| {
        format!("no service answers ({}); start tally, or set TALLY_URL", error.without_url())
    };
    let answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|_| "what answers is no tally; set TALLY_URL")?;
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => Ok(body),
        _ => Err(body["detail"].as_str().unwrap_or("the service refused").to_owned().into()),
    }
}
