//! Settings of the section `search`.

#[test]
fn settings_are_checked_at_the_start() {
    let settings = |toml: &str| service_kit::Config::from_toml(&[search::SERVICE.settings], toml).unwrap();
    let refused = |toml: &str| (search::SERVICE.check)(&settings(toml)).unwrap_err().to_string();
    assert_eq!(refused("search.max_search_time = \"0s\""), "search.max_search_time must be at least 1ms");
    assert!(refused("search.facet_field = []").contains("facet_field"));
    assert!(refused("search.synonyms_file = '/nowhere'").starts_with("search.synonyms_file /nowhere: "));
    let refused_units = refused("search.units = \"K: kelvin; foo: bar\"");
    assert!(refused_units.contains("`foo` is not a known unit, at character 12"), "{refused_units}");
    assert!(refused_units.contains("units"), "{refused_units}");
    (search::SERVICE.check)(&settings("search.path_separators = [\"\\\\\"]")).unwrap();
}
