//! .
use service_kit::ServiceDef;
pub const SERVICE: ServiceDef = ServiceDef {
    name: "download",
    default_toml: "",
    migrations: &[],
    check: |_| Ok(()),
    build: |_| Box::pin(async { Ok(service_kit::Running::default()) }),
};
