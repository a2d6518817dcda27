//! HTTP: every route in one list. Handlers extract, ask the engine once, and wrap the answer.

mod adjustments;
mod attest;
mod auth;
mod bank_runs;
mod body;
pub(crate) mod cases;
mod client_ip;
mod door;
mod entries;
pub(crate) mod error;
mod fault;
mod form;
mod health;
mod keys;
pub(crate) mod merchants;
mod miniprogram;
mod notices;
pub(crate) mod orders;
mod query;
mod reconcile;
mod refund_notices;
pub(crate) mod refunds;
mod reply;
mod request;
mod restores;
mod search;
pub(crate) mod server;
pub(crate) mod settlements;
mod standing;
mod status;
mod totals;
mod webhooks;
pub(crate) mod withdrawals;

use actix_web::http::Method;
use actix_web::web::{ServiceConfig, to};
use actix_web::{Resource, Route, web};

use self::error::ApiError;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// Every path, with what it takes.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let mut path = |path: &str, routes| {
        config.service(resource(path, routes));
    };
    path("/healthz", vec![(GET, to(health::alive))]);
    path("/readyz", vec![(GET, to(health::ready))]);
    for slash in ["", "/"] {
        path(&format!("/login{slash}"), vec![(POST, to(miniprogram::log_in))]);
        path(&format!("/getinfo{slash}"), vec![(POST, to(miniprogram::profile))]);
        path(&format!("/pay{slash}"), vec![(POST, to(miniprogram::pay))]);
        path(&format!("/order{slash}"), vec![(POST, to(miniprogram::order))]);
    }
    path("/notify/{merchant_id}/payment", vec![(POST, to(notices::payment))]);
    path("/notify/{merchant_id}/refund", vec![(POST, to(refund_notices::refund))]);
    path("/v1/keys", vec![(POST, to(keys::make_admins)), (GET, to(keys::list_admins))]);
    path("/v1/keys/{key_id}", vec![(DELETE, to(keys::delete_admins))]);
    path("/v1/cases", vec![(GET, to(cases::list))]);
    path("/v1/cases/{case_id}", vec![(GET, to(cases::get))]);
    path("/v1/search", vec![(GET, to(search::search))]);
    path("/v1/orders", vec![(GET, to(search::order))]);
    path("/v1/cases/{case_id}/resolve", vec![(POST, to(cases::resolve))]);
    path("/v1/restores", vec![(GET, to(restores::list))]);
    path("/v1/restores/numbers", vec![(POST, to(restores::take))]);
    path("/v1/restores/release", vec![(POST, to(restores::release))]);
    path("/v1/bank-runs", vec![(POST, to(bank_runs::make)), (GET, to(bank_runs::list))]);
    path("/v1/bank-runs/{run_no}", vec![(GET, to(bank_runs::get))]);
    path("/v1/bank-runs/{run_no}/csv", vec![(GET, to(bank_runs::export))]);
    path("/v1/bank-runs/{run_no}/results", vec![(POST, to(bank_runs::results))]);
    path("/v1/webhooks", vec![(POST, to(webhooks::make)), (GET, to(webhooks::list))]);
    path("/v1/webhooks/{webhook_id}", vec![(DELETE, to(webhooks::delete))]);
    path("/v1/webhooks/{webhook_id}/deliveries", vec![(GET, to(webhooks::deliveries))]);
    path("/v1/webhooks/{webhook_id}/deliveries/{n}/replay", vec![(POST, to(webhooks::replay))]);
    path("/v1/reconciliations", vec![(POST, to(reconcile::run)), (GET, to(reconcile::list))]);
    path("/v1/reconciliations/{date}", vec![(GET, to(reconcile::get))]);
    path("/v1/reconciliations/{date}/differences", vec![(GET, to(reconcile::differences))]);
    path("/v1/platform/totals", vec![(GET, to(totals::get))]);
    path("/v1/merchants", vec![(POST, to(merchants::create)), (GET, to(merchants::list))]);
    of_a_merchant(config);
    config.default_service(to(nothing_here));
}

/// The paths of one merchant.
fn of_a_merchant(config: &mut ServiceConfig) {
    let mut of = |rest: &str, routes| {
        config.service(resource(&format!("/v1/merchants/{{merchant_id}}{rest}"), routes));
    };
    of("", vec![(GET, to(merchants::get)), (PATCH, to(merchants::change))]);
    of("/keys", vec![(POST, to(keys::make)), (GET, to(keys::list))]);
    of("/keys/{key_id}", vec![(DELETE, to(keys::delete))]);
    of("/balance", vec![(GET, to(merchants::balance))]);
    of("/orders", vec![(POST, to(orders::open)), (GET, to(orders::list))]);
    of("/orders/{order_no}", vec![(GET, to(orders::get))]);
    of("/orders/{order_no}/paid", vec![(POST, to(orders::paid))]);
    of("/orders/{order_no}/close", vec![(POST, to(orders::close))]);
    of("/settlements", vec![(POST, to(settlements::settle)), (GET, to(settlements::list))]);
    of("/settlements/{settlement_no}", vec![(GET, to(settlements::get))]);
    of("/settlements/{settlement_no}/orders", vec![(GET, to(settlements::orders))]);
    of("/withdrawals", vec![(POST, to(withdrawals::request)), (GET, to(withdrawals::list))]);
    of("/withdrawals/{withdrawal_no}", vec![(GET, to(withdrawals::get))]);
    of("/withdrawals/{withdrawal_no}/approve", vec![(POST, to(withdrawals::approve))]);
    of("/withdrawals/{withdrawal_no}/reject", vec![(POST, to(withdrawals::reject))]);
    of("/withdrawals/{withdrawal_no}/confirm", vec![(POST, to(withdrawals::confirm))]);
    of("/orders/{order_no}/refunds", vec![(POST, to(refunds::request))]);
    of("/refunds", vec![(GET, to(refunds::list))]);
    of("/refunds/{refund_no}", vec![(GET, to(refunds::get))]);
    of("/adjustments", vec![(POST, to(adjustments::request)), (GET, to(adjustments::list))]);
    of("/adjustments/{adjustment_no}", vec![(GET, to(adjustments::get))]);
    of("/adjustments/{adjustment_no}/approve", vec![(POST, to(adjustments::approve))]);
    of("/adjustments/{adjustment_no}/reject", vec![(POST, to(adjustments::reject))]);
    of("/entries", vec![(GET, to(entries::entries))]);
    of("/events", vec![(GET, to(entries::events))]);
    of("/freeze", vec![(POST, to(standing::freeze))]);
    of("/unfreeze", vec![(POST, to(standing::unfreeze))]);
    of("/suspend", vec![(POST, to(standing::suspend))]);
    of("/resume", vec![(POST, to(standing::resume))]);
    of("/close", vec![(POST, to(standing::close))]);
}

/// A path with its methods; any other method is told which there are.
fn resource(path: &str, routes: Vec<(Method, Route)>) -> Resource {
    let names: Vec<String> = routes.iter().map(|(method, _)| method.to_string()).collect();
    let allowed = names.join(", ");
    let other = move || {
        let allowed = allowed.clone();
        async move { Err::<(), _>(ApiError::MethodNotAllowed(allowed)) }
    };
    routes
        .into_iter()
        .fold(web::resource(path), |resource, (method, route)| resource.route(route.method(method)))
        .default_service(to(other))
}

async fn nothing_here() -> Result<(), ApiError> {
    Err(ApiError::NotFound)
}
