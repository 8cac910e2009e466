//! REST under `/api/v1`: the same use cases as the pages, with bearer tokens.

pub mod activity;
pub mod builds;
mod canaries;
pub mod decisions;
pub mod engines;
pub mod environments;
mod evidence;
pub mod hooks;
pub mod me;
pub mod notifications;
pub mod people;
pub mod promotions;
mod region_secrets;
pub mod regions;
pub mod secrets;
pub mod sets;
pub mod settings;
mod snapshots;
pub mod stacks;

use crate::http::routes::Routes;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Slipway",
        description = "Everything a button does. Errors are RFC 9457 problem documents; lists are paged by `cursor`; \
                       a POST may carry an `Idempotency-Key`."
    ),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Document;

struct Bearer;

impl utoipa::Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_with(Default::default);
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI document before the routes are added.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Every REST route.
pub fn routes(routes: Routes) -> Routes {
    routes
        .with(me::routes)
        .with(builds::routes)
        .with(environments::routes)
        .with(engines::routes)
        .with(decisions::routes)
        .with(evidence::routes)
        .with(promotions::routes)
        .with(canaries::routes)
        .with(sets::routes)
        .with(regions::routes)
        .with(region_secrets::routes)
        .with(activity::routes)
        .with(settings::routes)
        .with(snapshots::routes)
        .with(stacks::routes)
        .with(hooks::routes)
        .with(secrets::routes)
        .with(notifications::routes)
        .with(people::routes)
}
