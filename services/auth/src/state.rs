//! What the handlers of logins share.

use std::sync::Arc;

use events::Outbox;
use icat_client::IcatClient;
use service_kit::{BuildError, Clock, ConfigError, Ctx, Ids, Listener, Sources};

use crate::account_links::AccountLinks;
use crate::accounts::{Accounts, LocalLogins};
use crate::administrators::Administrators;
use crate::anonymous_sessions::AnonymousSessions;
use crate::api_keys::ApiKeys;
use crate::assertions::Assertions;
use crate::audit::Audit;
use crate::config::Config;
use crate::directories::Directories;
use crate::group_memberships::GroupMemberships;
use crate::icat_sessions::IcatSessions;
use crate::keys::Keys;
use crate::login_administration::LoginAdministration;
use crate::login_flow::LoginFlow;
use crate::login_metrics::LoginMetrics;
use crate::login_origins::LoginOrigins;
use crate::login_recorder::LoginRecorder;
use crate::login_throttle::LoginThrottle;
use crate::logins::{LoginRenewals, Logins};
use crate::logout::Logout;
use crate::maintenance::Maintenance;
use crate::page_visitors::PageVisitors;
use crate::provider_logins::ProviderLogins;
use crate::provider_logouts::ProviderLogouts;
use crate::provider_users::ProviderUsers;
use crate::providers::Providers;
use crate::revocations::Revocations;
use crate::scigateway_tokens::ScigatewayTokens;
use crate::token_issuers::TokenIssuers;
use crate::tokens::Tokens;

pub struct State {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub icat: IcatClient,
    pub tokens: Tokens,
    pub config: Config,
    pub administrators: Arc<Administrators>,
    pub icat_sessions: Arc<IcatSessions>,
    pub logins: Arc<Logins>,
    pub renewals: LoginRenewals,
    pub logout: Logout,
    pub revocations: Revocations,
    pub api_keys: ApiKeys,
    pub local_logins: Arc<LocalLogins>,
    pub accounts: Accounts,
    pub page_visitors: PageVisitors,
    pub account_links: AccountLinks,
    pub login_administration: LoginAdministration,
    pub login_flow: Arc<LoginFlow>,
    pub scigateway_tokens: ScigatewayTokens,
    pub maintenance: Maintenance,
    pub recorder: LoginRecorder,
    pub login_throttle: LoginThrottle,
    pub login_origins: LoginOrigins,
    pub assertions: Arc<Assertions>,
    pub providers: Providers,
    pub directories: Directories,
    pub token_issuers: TokenIssuers,
    pub provider_logins: ProviderLogins,
    pub provider_logouts: ProviderLogouts,
    /// The facility's name.
    pub site: String,
    /// The facility's style sheet for the login page.
    pub page_style: String,
}

impl State {
    pub fn new(ctx: &Ctx, config: Config, outbox: Outbox) -> Result<Self, BuildError> {
        let core = &ctx.config.core;
        let icat = IcatClient::new(ctx.http.clone(), &ctx.endpoints.resolve_url(&core.icat.url, Listener::Public));
        let audit = Audit::new(Arc::clone(&ctx.clock), outbox.clone());
        let metrics = LoginMetrics::new(ctx);
        let keys = Arc::new(Keys::open(ctx, &config)?);
        let sources = Sources { clock: Arc::clone(&ctx.clock), ids: Arc::clone(&ctx.ids) };
        let api_keys = ApiKeys::new(ctx.db.clone(), &sources, outbox.clone(), config.api_key_max_lifetime);
        let recorder =
            LoginRecorder::new(ctx, audit.clone(), metrics.clone(), Arc::clone(&keys), config.list_recording_plugins());
        let login_throttle = LoginThrottle::new(ctx, &config);
        let login_origins = LoginOrigins::new(ctx, Arc::clone(&keys));
        let anonymous_sessions = AnonymousSessions::new(ctx, &config);
        let icat_sessions = Arc::new(IcatSessions::new(
            ctx,
            icat.clone(),
            outbox.clone(),
            recorder.clone(),
            login_throttle.clone(),
            login_origins.clone(),
            anonymous_sessions.clone(),
        ));
        let lifetimes = config.login_lifetimes();
        let accounts = Accounts::new(ctx.db.clone(), &sources, &config);
        let login_administration =
            LoginAdministration::new(ctx.db.clone(), Arc::clone(&ctx.clock), outbox.clone(), audit.clone());
        let logins = Arc::new(Logins::new(ctx, outbox, audit.clone(), lifetimes, anonymous_sessions.clone()));
        let administrators = Arc::new(Administrators::new(ctx, &icat)?);
        let page_visitors = PageVisitors::new(Arc::clone(&logins), Arc::clone(&administrators));
        let maintenance = Maintenance::new(ctx, audit.clone());
        let provider_logouts = ProviderLogouts::new(ctx, Arc::clone(&logins));
        let renewals =
            LoginRenewals::new(ctx, Arc::clone(&logins), Arc::clone(&icat_sessions), audit.clone(), metrics, lifetimes);
        let root_names = config.list_root_names(&core.identity.list_administrator_users());
        let directories = Directories::new(ctx, config.list_directories(), &root_names)?;
        let provider_users = ProviderUsers::new(ctx);
        let token_issuers = TokenIssuers::new(ctx, config.list_token_issuers(), &root_names, &provider_users);
        let providers = Providers::new(ctx, config.list_oidc_providers(), &root_names)?;
        let assertions = Arc::new(Assertions::new(ctx, Arc::clone(&keys), root_names.clone()));
        let login_flow =
            Arc::new(LoginFlow::new(Arc::clone(&ctx.clock), Arc::clone(&icat_sessions), anonymous_sessions));
        let groups =
            GroupMemberships::new(ctx, &config.groups_account, &icat, audit.clone(), Arc::clone(&administrators))?;
        let provider_logins = ProviderLogins::new(
            ctx,
            recorder.clone(),
            provider_users,
            Arc::clone(&assertions),
            Arc::clone(&login_flow),
            groups,
            core.public_url.trim_end_matches('/').to_owned(),
        );
        Ok(Self {
            clock: Arc::clone(&ctx.clock),
            ids: Arc::clone(&ctx.ids),
            login_flow,
            scigateway_tokens: ScigatewayTokens::new(ctx, &config, Arc::clone(&administrators))?,
            maintenance,
            logout: Logout::new(Arc::clone(&logins), Arc::clone(&icat_sessions)),
            icat_sessions,
            logins,
            renewals,
            revocations: Revocations::new(ctx),
            api_keys,
            icat,
            providers,
            directories,
            token_issuers,
            provider_logins,
            provider_logouts,
            site: core.site.clone(),
            page_style: read_page_style(&config)?,
            assertions,
            tokens: Tokens::new(ctx, keys),
            config,
            administrators,
            local_logins: Arc::new(LocalLogins::new(
                ctx,
                recorder.clone(),
                login_throttle.clone(),
                accounts.password_policy(),
            )),
            accounts,
            page_visitors,
            account_links: AccountLinks::new(ctx.db.clone(), Arc::clone(&ctx.clock), audit.clone(), root_names.into()),
            login_administration,
            login_throttle,
            login_origins,
            recorder,
        })
    }
}

fn read_page_style(config: &Config) -> Result<String, ConfigError> {
    let file = &config.page_style_file;
    if file.as_os_str().is_empty() {
        return Ok(String::new());
    }
    std::fs::read_to_string(file).map_err(|e| ConfigError(format!("auth.page_style_file {}: {e}", file.display())))
}
