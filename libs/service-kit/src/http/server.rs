//! Binding and running one listener.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::{App, HttpServer, web};

use super::address::TrustedProxies;
use super::limits::Limiter;
use super::mount::{Listener, Table};
use super::request_middleware::{MiddlewareContext, handle_request};
use super::self_calls::SelfCalls;
use super::server_root::PublicUrl;
use crate::config::HttpConfig;
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// Takes the port; connections made before [`start_server`] wait.
/// `setting` names the address in an error.
pub(crate) fn bind_listener(setting: &str, address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind(address).map_err(|e| io::Error::new(e.kind(), explain_bind_error(setting, address, &e)))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

pub(crate) fn explain_bind_error(setting: &str, address: SocketAddr, e: &io::Error) -> String {
    let hint = match e.kind() {
        io::ErrorKind::AddrInUse => "; another program listens there: stop it or choose another port",
        io::ErrorKind::AddrNotAvailable => "; this host does not have the address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
        _ => "",
    };
    format!("{setting}: cannot listen on {address}: {e}{hint}")
}

/// A listener that answers.
pub(crate) struct Listening {
    pub handle: ServerHandle,
    pub done: tokio::task::JoinHandle<io::Result<()>>,
}

/// What both listeners of a process share.
pub(crate) struct Site<'c> {
    pub ids: Arc<dyn Ids>,
    pub metrics: Metrics,
    pub self_calls: SelfCalls,
    pub config: &'c HttpConfig,
    pub public_url: &'c str,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server is what the tracked tasks live in, and is stopped by its handle"
)]
pub(crate) fn start_server(
    socket: TcpListener,
    listener: Listener,
    table: Table,
    site: &Site<'_>,
    workers: usize,
) -> io::Result<Listening> {
    let config = site.config;
    let limiter = match listener {
        Listener::Public => Limiter::for_public(config),
        Listener::Internal => Limiter::for_internal(config),
    };
    let context = Arc::new(MiddlewareContext {
        table,
        ids: Arc::clone(&site.ids),
        metrics: site.metrics.clone(),
        proxies: TrustedProxies(config.trusted_proxies.clone()),
        self_calls: site.self_calls.clone(),
        limiter,
        cors: config.cors.clone(),
    });
    let public_url = web::Data::new(PublicUrl(site.public_url.to_owned()));
    let body_limit = usize::try_from(config.limits.body.as_u64()).unwrap_or(usize::MAX);
    let server = HttpServer::new(move || {
        let around = Arc::clone(&context);
        App::new()
            .app_data(public_url.clone())
            .app_data(web::FormConfig::default().limit(body_limit))
            .app_data(web::JsonConfig::default().limit(body_limit))
            .app_data(web::PayloadConfig::new(body_limit))
            .configure(|config| context.table.configure(config))
            .default_service(web::to(no_route))
            .wrap(from_fn(move |req, next| handle_request(Arc::clone(&around), req, next)))
            // Clients of ICAT+ put a path behind an address that ends in a slash.
            .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
    })
    .workers(workers)
    // Without it the last piece of an answer waits for the acknowledgement of the one before: 40 ms on Linux.
    .tcp_nodelay(true)
    // A client that closes its side has hung up: its handler is dropped, and with it what the handler holds.
    .h1_allow_half_closed(false)
    .keep_alive(config.idle_timeout)
    .client_request_timeout(config.idle_timeout)
    .shutdown_timeout(config.drain_timeout.as_secs())
    .disable_signals()
    .listen(socket)?
    .run();
    let handle = server.handle();
    Ok(Listening { handle, done: tokio::spawn(server) })
}

async fn no_route() -> Result<&'static str, Problem> {
    Err(Problem::new(Code::NoRoute, "no-route", "there is nothing at this address"))
}
