//! Settings of its own section.

use testkit::probe;

#[test]
fn the_settings_are_checked_at_the_start() {
    let settings = |toml: &str| service_kit::Config::from_toml(&[probe::SERVICE.settings], toml).unwrap();
    let refused = |toml: &str| (probe::SERVICE.check)(&settings(toml)).unwrap_err().to_string();
    assert_eq!(refused("probe.largest_page = 0"), "probe.largest_page must be at least 1");
    assert!(refused("probe.largest_pgae = 5").contains("largest_pgae"));
    (probe::SERVICE.check)(&settings("probe.largest_page = 5")).unwrap();
}
