//! Mounts: the routes of services under prefixes. The process checks that no two claim the same path.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::{fmt, iter};

use actix_web::http::Method;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, LOCATION};
use actix_web::middleware::{Compress, Condition};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, web};
use thiserror::Error;

use super::cors::Origins;
use super::server_root::find_server_root;
use crate::error_format::ErrorFormat;
use crate::problem::{Code, Problem};

/// Which of the two ports answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// Users and portals.
    Public,
    /// Other services, authenticators, operators: never routed from outside.
    Internal,
}

type MakeRoute = Arc<dyn Fn() -> actix_web::Route + Send + Sync>;
type WithState = Arc<dyn Fn(Resource) -> Resource + Send + Sync>;

/// Whether a path lies under a prefix, whose parameters, such as `{provider}`, stand for one segment each.
fn lies_under(path: &str, prefix: &str) -> bool {
    let mut segments = path.split('/');
    let fits = |wanted: &str, segment: &str| wanted == segment || wanted.starts_with('{') && !segment.is_empty();
    prefix.split('/').all(|wanted| segments.next().is_some_and(|segment| fits(wanted, segment)))
}

/// What a path of a mount answers if it has a slash at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrailingSlash {
    Unknown,
    Accepted,
    Redirected,
}

/// Routes below one prefix that share an error format and a state.
#[derive(Clone)]
pub struct Mount {
    pub prefix: Cow<'static, str>,
    pub listener: Listener,
    pub error_format: ErrorFormat,
    /// Sent with every response, errors included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whose mount it is; set by the process.
    pub(crate) service: &'static str,
    pub(super) origins: Origins,
    compressed: bool,
    trailing_slash: TrailingSlash,
    has_listed_methods_only: bool,
    routes: Vec<Route>,
    with_state: Vec<WithState>,
}

#[derive(Clone)]
struct Route {
    method: Method,
    path: String,
    make: MakeRoute,
    /// Whether a request may take as long as its body needs.
    without_timeout: bool,
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let routes: Vec<String> = self.routes.iter().map(|r| format!("{} {}", r.method, r.path)).collect();
        f.debug_struct("Mount").field("prefix", &self.prefix).field("routes", &routes).finish_non_exhaustive()
    }
}

impl Mount {
    /// A prefix such as `/icat`; a mount may also be a single exact path where services share a prefix.
    pub fn new(prefix: impl Into<Cow<'static, str>>, listener: Listener, error_format: ErrorFormat) -> Self {
        Self {
            prefix: prefix.into(),
            listener,
            error_format,
            headers: Vec::new(),
            service: "process",
            origins: Origins::Nobody,
            compressed: false,
            trailing_slash: TrailingSlash::Unknown,
            has_listed_methods_only: false,
            routes: Vec::new(),
            with_state: Vec::new(),
        }
    }

    /// A header of every response of this mount that does not set it itself, errors included; both parts are literals.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
        self
    }

    /// Pages of the origins in `http.cors.allowed_origins` may call these routes.
    pub fn cors(mut self) -> Self {
        self.origins = Origins::Configured;
        self
    }

    /// Pages of every origin may call these routes, as those of the system that the mount replaces.
    pub fn cors_for_everybody(mut self) -> Self {
        self.origins = Origins::Everybody;
        self
    }

    /// The methods of its routes, as `Access-Control-Allow-Methods` has them.
    pub(super) fn allowed_methods(&self) -> String {
        self.render_allow_header(&self.routes.iter().collect::<Vec<_>>())
    }

    /// Compresses responses for clients that accept it. Not for routes that serve ranges: these count uncompressed bytes.
    pub fn compressed(mut self) -> Self {
        self.compressed = true;
        self
    }

    /// Every path of this mount may also end in a slash, as in interfaces of Jersey.
    pub fn accept_trailing_slash(mut self) -> Self {
        self.trailing_slash = TrailingSlash::Accepted;
        self
    }

    /// Every path of this mount with a slash at its end is redirected to the path without it (307, absolute), as in
    /// interfaces of Starlette.
    pub fn redirect_trailing_slash(mut self) -> Self {
        self.trailing_slash = TrailingSlash::Redirected;
        self
    }

    /// GET is not answered as HEAD, and OPTIONS is refused like any other method, as in interfaces of `FastAPI`.
    pub fn only_listed_methods(mut self) -> Self {
        self.has_listed_methods_only = true;
        self
    }

    /// What the handlers take as `web::Data<S>`.
    pub fn state<S: Send + Sync + 'static>(mut self, state: Arc<S>) -> Self {
        self.with_state.push(Arc::new(move |resource| resource.app_data(web::Data::from(Arc::clone(&state)))));
        self
    }

    /// One endpoint; `path` continues the prefix. A GET is also answered as HEAD.
    pub fn route<F, Args>(mut self, method: Method, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let make: MakeRoute = Arc::new(move || web::route().to(handler.clone()));
        self.routes.push(Route { method, path: format!("{}{path}", self.prefix), make, without_timeout: false });
        self
    }

    /// Exempts the route added last from `http.limits.time`, for uploads of any size. Its handler must not wait longer than
    /// `http.idle_timeout` for the next chunk.
    pub fn without_timeout(mut self) -> Self {
        if let Some(route) = self.routes.last_mut() {
            route.without_timeout = true;
        }
        self
    }

    pub fn get<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::GET, path, handler)
    }

    pub fn post<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::POST, path, handler)
    }

    pub fn put<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PUT, path, handler)
    }

    pub fn patch<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::PATCH, path, handler)
    }

    pub fn delete<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.route(Method::DELETE, path, handler)
    }
}

/// One endpoint of a running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    pub service: &'static str,
    pub listener: Listener,
    pub method: String,
    /// Such as `/icat/session/{id}`.
    pub pattern: String,
}

/// Two services claim the same endpoint.
#[derive(Debug, Error)]
#[error("two services claim {0}")]
pub struct MountError(String);

/// All mounts of one listener.
#[derive(Debug, Default)]
pub struct Table {
    mounts: Vec<Mount>,
}

impl Table {
    /// Takes the mounts of one listener; an error if two routes have the same method and path.
    pub fn new(mounts: &[Mount], listener: Listener) -> Result<Self, MountError> {
        let mounts: Vec<Mount> = mounts.iter().filter(|m| m.listener == listener).cloned().collect();
        let mut seen = HashSet::new();
        for route in mounts.iter().flat_map(|m| &m.routes) {
            let endpoint = format!("{} {}", route.method, strip_variable_names(&route.path));
            if !seen.insert(endpoint.clone()) {
                return Err(MountError(endpoint));
            }
        }
        Ok(Self { mounts })
    }

    pub fn routes(&self) -> impl Iterator<Item = RouteInfo> {
        self.mounts.iter().flat_map(|mount| {
            mount.routes.iter().map(|route| RouteInfo {
                service: mount.service,
                listener: mount.listener,
                method: route.method.to_string(),
                pattern: route.path.clone(),
            })
        })
    }

    /// Whether the requests of a route may take as long as their bodies need.
    pub fn is_without_timeout(&self, method: &Method, pattern: Option<&str>) -> bool {
        let mut routes = self.mounts.iter().flat_map(|mount| &mount.routes);
        routes.any(|route| route.without_timeout && route.method == *method && Some(route.path.as_str()) == pattern)
    }

    /// The mount with the longest prefix that the path lies under.
    pub fn find_mount(&self, path: &str) -> Option<&Mount> {
        self.mounts.iter().filter(|m| lies_under(path, &m.prefix)).max_by_key(|m| m.prefix.len())
    }

    /// Registers everything with actix: one resource per path, so that a wrong method is a 405 and not a 404.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        for mount in &self.mounts {
            let mut paths: Vec<&str> = Vec::new();
            for route in &mount.routes {
                if !paths.contains(&route.path.as_str()) {
                    paths.push(&route.path);
                }
            }
            for path in paths {
                let routes: Vec<&Route> = mount.routes.iter().filter(|r| r.path == path).collect();
                let resource = mount.build_resource(path, &routes);
                config.service(resource.wrap(Condition::new(mount.compressed, Compress::default())));
                if mount.trailing_slash == TrailingSlash::Redirected {
                    config.service(web::resource(format!("{path}/")).route(web::to(redirect_without_slash)));
                }
            }
        }
    }
}

impl Mount {
    fn build_resource(&self, path: &str, routes: &[&Route]) -> Resource {
        let has_head = routes.iter().any(|r| r.method == Method::HEAD);
        let with_slash = (self.trailing_slash == TrailingSlash::Accepted).then(|| format!("{path}/"));
        // Metrics, limits and documents know a resource by its first pattern.
        let patterns: Vec<String> = iter::once(path.to_owned()).chain(with_slash).collect();
        let mut resource = web::resource(patterns);
        for route in routes {
            resource = resource.route((route.make)().method(route.method.clone()));
            if route.method == Method::GET && !has_head && !self.has_listed_methods_only {
                resource = resource.route((route.make)().method(Method::HEAD));
            }
        }
        let takes = routes.iter().map(|r| r.method.as_str()).collect::<Vec<_>>().join(", ");
        let allowed = self.render_allow_header(routes);
        if !self.has_listed_methods_only {
            let options = allowed.clone();
            resource = resource.route(web::method(Method::OPTIONS).to(move || {
                let allowed = options.clone();
                async move { HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish() }
            }));
        }
        resource = resource.default_service(web::to(move || {
            let detail = format!("this address takes {takes}");
            let problem = Problem::new(Code::MethodNotAllowed, "method-not-allowed", detail);
            let problem = problem.with_header("allow", allowed.clone());
            async move { Err::<&'static str, _>(problem) }
        }));
        self.with_state.iter().fold(resource, |resource, with_state| with_state(resource))
    }

    /// The value of `Allow`.
    fn render_allow_header(&self, routes: &[&Route]) -> String {
        let mut methods: Vec<&str> = Vec::new();
        for route in routes {
            if !methods.contains(&route.method.as_str()) {
                methods.push(route.method.as_str());
            }
        }
        if self.has_listed_methods_only {
            return methods.join(", ");
        }
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.join(", ")
    }
}

async fn redirect_without_slash(request: HttpRequest) -> HttpResponse {
    let path = request.uri().path().trim_end_matches('/').trim_start_matches('/');
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{path}{query}", find_server_root(&request));
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, location)).finish()
}

/// The pattern with its variables' names left out, so that `/a/{x}` and `/a/{y}` are seen to be the same.
fn strip_variable_names(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        text.push(c);
    }
    text
}
