//! Whether notices get here: asked by this machine, over the address that WeChat is told.

use std::net::IpAddr;

use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::finding::{Finding, unanswered};
use crate::settings::{PublicUrl, Settings};
use crate::webhooks::is_public;

const WHAT: &str = "notices";

pub(super) async fn look(http: &reqwest::Client, settings: &Settings, real: bool) -> Finding {
    let Some(public) = &settings.public_url else {
        if real {
            return Finding::wrong(
                WHAT,
                "TALLY_PUBLIC_URL is not set, so WeChat would call this machine's own address: set it to https:// and the name \
                 that leads here from outside",
            );
        }
        return asked(http, &PublicUrl::of_address(settings.listen), settings).await;
    };
    let url = public.join("/");
    let address = if real { outside(&url).await.err() } else { None };
    match address {
        Some(why) => Finding::wrong(WHAT, why),
        None => {
            let found = asked(http, public, settings).await;
            if real && !found.is_wrong() && url.starts_with("http://") {
                let words = "TALLY_PUBLIC_URL is http://: WeChat asks for https://, and who is between could read notices";
                return Finding::warning(WHAT, words);
            }
            found
        }
    }
}

/// Whether WeChat can find it at all.
async fn outside(url: &str) -> Result<(), String> {
    let url = Url::parse(url).map_err(|_| "TALLY_PUBLIC_URL is no URL")?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<IpAddr> = match tokio::net::lookup_host((host.as_str(), port)).await {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            return Err(format!(
                "the name {host} of TALLY_PUBLIC_URL is not found ({error}): enter it in the name service, or set another"
            ));
        }
    };
    match found.iter().find(|ip| !is_public(**ip)) {
        Some(ip) => Err(format!(
            "{host} of TALLY_PUBLIC_URL leads to {ip}, which is a private address: WeChat can't reach it; set a name that leads \
             here from outside"
        )),
        None => Ok(()),
    }
}

/// Whether a tally answers there, on the path of notices as well: something in front may lead only some paths here.
async fn asked(http: &reqwest::Client, public: &PublicUrl, settings: &Settings) -> Finding {
    let health = match http.get(public.join("/healthz")).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let why = unanswered(&error);
            return Finding::wrong(
                WHAT,
                format!(
                    "nobody answers at TALLY_PUBLIC_URL, asked from here ({why}): start tally, and look at the firewall, at what \
                     leads to it, and at its certificate"
                ),
            );
        }
    };
    let status = health.status();
    let alive = health.json::<Value>().await.is_ok_and(|body| body["status"] == "alive");
    if !alive {
        return Finding::wrong(
            WHAT,
            format!(
                "something else than tally answers at TALLY_PUBLIC_URL (status {}, redirects are not followed): look at what \
                 leads there",
                status.as_u16()
            ),
        );
    }
    // Asked by GET, which the path of notices does not take, and only tally says so in this way.
    let path = format!("/notify/{}/payment", settings.default_merchant);
    let there = match http.get(public.join(&path)).send().await {
        Ok(answer) if answer.status() == StatusCode::METHOD_NOT_ALLOWED => {
            answer.json::<Value>().await.is_ok_and(|body| body["code"] == "method_not_allowed")
        }
        Ok(_) | Err(_) => false,
    };
    if there {
        Finding::ok(WHAT, "this machine reaches tally at the address that WeChat is told")
    } else {
        Finding::wrong(
            WHAT,
            "tally answers at TALLY_PUBLIC_URL, but not on /notify/…: have what stands before it lead that path here as well",
        )
    }
}
