//! WeChat, or the sandbox: whether the clocks agree, the certificate is good, and what it takes of our credentials. Two questions
//! are put that change nothing: for an order whose number can't exist, and for a log-in by a code that nobody has.

use std::time::SystemTime;

use actix_web::http::header::HttpDate;
use reqwest::header::DATE;
use tally_actors::domain::time::At;
use tally_wechat::client::ConfigFault;
use tally_wechat::login::LoginRefusal;
use tally_wechat::order_query::QueryRefusal;
use tally_wechat::{Client, Config, Doubt, Outcome, certificate};

use super::finding::{Finding, unanswered};
use crate::clock::Clock;
use crate::limits::{CERTIFICATE_DAYS_MIN, CLOCK_DRIFT_MAX};

/// No order of ours has it: a merchant's id holds no underscore.
const NO_ORDER: &str = "tally_doctor_asks";
const NO_CODE: &str = "tally-doctor-asks";

/// WeChat's API keys have so many characters.
const KEY_CHARS: usize = 32;

pub(super) async fn look(http: &reqwest::Client, mut config: Config, real: bool) -> Vec<Finding> {
    let mut findings =
        vec![clock(http, &config.pay_url).await, certificate_of(&config), key(&config)];
    let client = Client::new(config.clone()).or_else(|fault| match fault {
        // Orders and log-ins do without, so what is said of them is not its fault.
        ConfigFault::Certificate | ConfigFault::CertificateKey => {
            config.certificate = None;
            Client::new(config)
        }
        ConfigFault::ApiUrl | ConfigFault::PayUrl | ConfigFault::Http => Err(fault),
    });
    match client {
        Ok(client) => {
            findings.push(signature(&client, real).await);
            findings.push(log_in(&client, real).await);
        }
        Err(fault) => {
            findings.push(Finding::wrong("signature", format!("TALLY_WECHAT_…_URL: {fault}")));
        }
    }
    findings
}

/// Days and the order of events come from the clock.
async fn clock(http: &reqwest::Client, url: &str) -> Finding {
    let what = "clock";
    let before = Clock::start().now();
    let answer = match http.get(url).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let why = unanswered(&error);
            return Finding::left(
                what,
                format!("nobody at TALLY_WECHAT_PAY_URL tells the time: {why}"),
            );
        }
    };
    let after = Clock::start().now();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok()?.parse().ok());
    let Some(date) = date.and_then(|date: HttpDate| ms(date.into())) else {
        return Finding::left(what, "the answer of TALLY_WECHAT_PAY_URL does not tell the time");
    };
    apart(before, after, date)
}

fn ms(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

/// What their second, which began at `date`, says of a clock that was read before and after.
fn apart(before: At, after: At, date: i64) -> Finding {
    let (ahead, behind) = (before.ms() - (date + 1_000), date - after.ms());
    let max = i64::try_from(CLOCK_DRIFT_MAX.as_millis()).unwrap_or(i64::MAX);
    let remedy = "set it right, by NTP: days, settlements and the age of transfers come from it";
    match (ahead > max, behind > max) {
        (true, _) => Finding::wrong(
            "clock",
            format!("this machine's is {} s ahead: {remedy}", ahead / 1_000),
        ),
        (_, true) => Finding::wrong(
            "clock",
            format!("this machine's is {} s behind: {remedy}", behind / 1_000),
        ),
        (false, false) => Finding::ok("clock", "it agrees with theirs"),
    }
}

fn certificate_of(config: &Config) -> Finding {
    let what = "certificate";
    let where_from = "download apiclient_cert.pem and apiclient_key.pem on the merchant platform (account centre, API security)";
    let Some(given) = &config.certificate else {
        return match config.can_transfer() {
            true => Finding::ok(what, "none is asked for where WeChat is spoken to by http://"),
            false => {
                let words = "TALLY_WECHAT_CERT is not set: there are no refunds and transfers";
                Finding::warning(what, format!("{words}; {where_from}"))
            }
        };
    };
    if let Err(fault @ (ConfigFault::Certificate | ConfigFault::CertificateKey)) =
        Client::new(config.clone()).map(drop)
    {
        return Finding::wrong(what, format!("{fault}; {where_from}, both at the same time"));
    }
    let Some(says) = certificate::read(&given.chain_pem) else {
        return Finding::wrong(what, format!("TALLY_WECHAT_CERT can't be read; {where_from}"));
    };
    if let Some(name) = says.name.filter(|name| *name != config.mch_id) {
        let ours = &config.mch_id;
        let words = format!("TALLY_WECHAT_CERT is of {name}, and TALLY_WECHAT_MCH_ID is {ours}");
        return Finding::wrong(what, format!("{words}: set those of one merchant number"));
    }
    let now = Clock::start().now();
    let until = At::from_ms(says.until_ms);
    let remedy = "make a new one on the merchant platform, set it, and start tally again";
    if now < At::from_ms(says.from_ms) {
        let from = At::from_ms(says.from_ms);
        return Finding::wrong(what, format!("it is good from {from} on only: see to the clock"));
    }
    if now >= until {
        return Finding::wrong(what, format!("it ended at {until}: {remedy}"));
    }
    let soon = now.plus_ms(CERTIFICATE_DAYS_MIN * 86_400_000) >= until;
    let words = format!("it fits its key and is good until {until}");
    if soon {
        Finding::warning(what, format!("{words}: {remedy}"))
    } else {
        Finding::ok(what, words)
    }
}

fn key(config: &Config) -> Finding {
    let count = config.keys.current.expose().chars().count();
    if count == KEY_CHARS {
        return Finding::ok("API key", "it has the length of one");
    }
    let words = format!("TALLY_WECHAT_API_KEY has {count} characters, WeChat's have {KEY_CHARS}");
    Finding::warning("API key", format!("{words}: look whether all of it was copied, and of APIv2"))
}

const KEY_REMEDY: &str = "TALLY_WECHAT_API_KEY is not the key of this merchant number: set the APIv2 key again on the merchant \
    platform (account centre, API security), and here";
const APP_REMEDY: &str = "look at TALLY_WECHAT_APP_ID on the mini-program's platform";
const MCH_REMEDY: &str = "look at TALLY_WECHAT_MCH_ID on the merchant platform";
const BOUND_REMEDY: &str = "bind the app id to the merchant number on the merchant platform (product centre, AppID accounts), or set \
    TALLY_WECHAT_APP_ID and TALLY_WECHAT_MCH_ID of one platform";

/// An order query: only who signs with the right key, for the right account, is told that there is no such order.
async fn signature(client: &Client, real: bool) -> Finding {
    let what = "signature";
    match client.order_query(NO_ORDER).await {
        Outcome::Done(_) | Outcome::Refused(QueryRefusal::NotFound(_)) => {
            Finding::ok(what, "key, app id and merchant number are taken")
        }
        Outcome::Refused(QueryRefusal::Configuration(code)) => {
            let remedy = match code.code.as_str() {
                "SIGNERROR" => KEY_REMEDY,
                "APPID_NOT_EXIST" => APP_REMEDY,
                "MCHID_NOT_EXIST" => MCH_REMEDY,
                "APPID_MCHID_NOT_MATCH" => BOUND_REMEDY,
                "NOAUTH" => {
                    "the merchant number may not do this: look at its state on the merchant platform"
                }
                _ => "look at TALLY_WECHAT_APP_ID, TALLY_WECHAT_MCH_ID and TALLY_WECHAT_API_KEY",
            };
            Finding::wrong(what, format!("answered {code}: {remedy}"))
        }
        Outcome::Unknown(Doubt::NotTaken(said)) => {
            let says = |words: &[&str]| words.iter().any(|word| said.as_str().contains(word));
            let remedy = match () {
                () if says(&["签名", "sign"]) => KEY_REMEDY,
                () if says(&["mch_id", "mchid", "商户"]) => MCH_REMEDY,
                () if says(&["appid", "AppID"]) => APP_REMEDY,
                () => "look at TALLY_WECHAT_APP_ID, TALLY_WECHAT_MCH_ID and TALLY_WECHAT_API_KEY",
            };
            Finding::wrong(what, format!("answered {said}: {remedy}"))
        }
        Outcome::Unknown(Doubt::Sign(fault)) => {
            let cause = "the key was changed there and not here, or somebody between answers in WeChat's place";
            Finding::wrong(what, format!("the answer can't be trusted ({fault}): {cause}"))
        }
        Outcome::Unknown(doubt @ Doubt::Foreign(_)) => {
            Finding::wrong(what, format!("{doubt}: {BOUND_REMEDY}"))
        }
        Outcome::Unknown(doubt) => unreached(what, &doubt, "TALLY_WECHAT_PAY_URL", real),
    }
}

/// A log-in by a code that nobody has: who has the right secret is told that the code is bad.
async fn log_in(client: &Client, real: bool) -> Finding {
    let what = "log-ins";
    match client.code_to_session(NO_CODE).await {
        Outcome::Done(_)
        | Outcome::Refused(LoginRefusal::CodeInvalid(_) | LoginRefusal::CodeUsed(_)) => {
            Finding::ok(what, "app id and app secret are taken")
        }
        Outcome::Refused(LoginRefusal::Configuration(code)) => {
            let remedy = match code.code.as_str() {
                "40013" => APP_REMEDY,
                _ => {
                    "look at TALLY_WECHAT_APP_SECRET on the mini-program's platform, or make a new one there"
                }
            };
            Finding::wrong(what, format!("answered {code}: {remedy}"))
        }
        Outcome::Refused(LoginRefusal::TooOften(code) | LoginRefusal::Blocked(code)) => {
            Finding::warning(what, format!("answered {code}: ask again later"))
        }
        Outcome::Unknown(doubt) => unreached(what, &doubt, "TALLY_WECHAT_API_URL", real),
    }
}

fn unreached(what: &'static str, doubt: &Doubt, setting: &str, real: bool) -> Finding {
    let remedy = if real {
        format!("look at name service, firewall and {setting}")
    } else {
        "no sandbox answers: start tally, or look at TALLY_SANDBOX_LISTEN".into()
    };
    Finding::wrong(what, format!("{doubt}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_is_right_to_the_second_and_wrong_beyond_ten() {
        let at = |ms: i64| At::from_ms(1_000_000 + ms);
        let wrong =
            |before, after, date: i64| apart(at(before), at(after), 1_000_000 + date).is_wrong();
        assert!(!wrong(0, 5, 0) && !wrong(10_999, 11_000, 0) && !wrong(0, 0, 10_000));
        assert!(wrong(11_001, 11_001, 0) && wrong(0, 10, 10_011));
        assert!(CLOCK_DRIFT_MAX == Duration::from_secs(10));
        let told = apart(at(3_600_000), at(3_600_010), 1_000_000).to_string();
        assert!(told.contains("WRONG") && told.contains("3599 s ahead"), "{told}");
    }
}
