//! Every route of the server, with its access. What is not listed here is not served.
//!
//! A REST route is one documented handler and one line:
//!
//! ```ignore
//! #[utoipa::path(get, path = "/api/v1/me", responses((status = 200, body = Me)))]
//! async fn me(Caller(actor): Caller) -> Result<Json<Me>, ApiProblem> { … }
//!
//! routes.api(Access::SignedIn, routes!(me))
//! ```

use crate::ctx::Ctx;
use crate::http::auth;
use axum::Router;
use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodFilter, on};
use domain::Action;
use http::Method;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Who may come in. Permission itself is the first line of each use case; this only says who
/// is asked to sign in, and what the role table should find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, signed in or not.
    Public,
    /// Whoever is signed in, in any role.
    SignedIn,
    /// Whoever may do this.
    Needs(Action),
}

/// One route as it was registered.
#[derive(Clone, Debug)]
pub struct Listed {
    pub method: Method,
    pub path: String,
    pub access: Access,
}

/// The routes gathered so far.
pub struct Routes {
    ctx: Ctx,
    router: Router<Ctx>,
    api: OpenApiRouter<Ctx>,
    listed: Vec<Listed>,
}

impl Routes {
    pub fn new(ctx: &Ctx) -> Self {
        Self { ctx: ctx.clone(), router: Router::new(), api: OpenApiRouter::with_openapi(super::api::document()), listed: vec![] }
    }

    pub fn get<H, T>(self, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Ctx>,
        T: 'static,
    {
        self.on(Method::GET, MethodFilter::GET, path, access, handler)
    }

    pub fn post<H, T>(self, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Ctx>,
        T: 'static,
    {
        self.on(Method::POST, MethodFilter::POST, path, access, handler)
    }

    fn on<H, T>(mut self, method: Method, filter: MethodFilter, path: &str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Ctx>,
        T: 'static,
    {
        let route = on(filter, handler);
        let route = match access {
            Access::Public => route,
            _ => route.layer(middleware::from_fn(auth::signed_in)),
        };
        self.router = self.router.route(path, route);
        self.listed.push(Listed { method, path: path.to_owned(), access });
        self
    }

    /// REST routes, as `utoipa_axum::routes!` makes them: served and documented in one.
    pub fn api(mut self, access: Access, (schemas, paths, router): UtoipaMethodRouter<Ctx>) -> Self {
        for (path, item) in &paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, _) in operations.into_iter().filter(|(_, operation)| operation.is_some()) {
                self.listed.push(Listed { method, path: path.clone(), access });
            }
        }
        // Outermost is who asks: nothing is answered again to whoever may not ask.
        let router = router.layer(middleware::from_fn_with_state(self.ctx.clone(), super::idempotency::once));
        let router = match access {
            Access::Public => router,
            _ => router.layer(middleware::from_fn(auth::bearer_only)),
        };
        self.api = self.api.routes((schemas, paths, router));
        self
    }

    /// Hands the routes to a slice that adds its own.
    pub fn with(self, slice: impl FnOnce(Self) -> Self) -> Self {
        slice(self)
    }

    /// The router, what is in it, and the OpenAPI document of its REST part.
    pub fn finish(self) -> (Router<Ctx>, Vec<Listed>, utoipa::openapi::OpenApi) {
        let (api, document) = self.api.split_for_parts();
        (self.router.merge(api), self.listed, document)
    }
}
