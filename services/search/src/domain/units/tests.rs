use proptest::prelude::*;

use super::*;

fn parse_unit(text: &str) -> Unit {
    Units::default().parse(text).unwrap_or_else(|| panic!("{text} is not known"))
}

/// A value in another unit; the bounds lie around it.
fn convert_between(value: f64, from: &str, to: &str) -> f64 {
    let (low, high) = convert_range(value, value, &parse_unit(from), &parse_unit(to)).unwrap();
    assert!(low <= high && high - low <= 3e-9 * high.abs().max(460.0), "{value} {from} in {to}: {low} to {high}");
    f64::midpoint(low, high)
}

#[track_caller]
fn assert_converts(value: f64, from: &str, to: &str, expected: f64) {
    let converted = convert_between(value, from, to);
    assert!(
        (converted - expected).abs() <= 1e-9 * expected.abs(),
        "{value} {from} is {converted} {to}, not {expected}"
    );
}

/// What icat.lucene converts into the units of the SI.
#[test]
fn units_that_icat_lucene_converts() {
    for (text, base, expected) in [
        ("mm", "m", 1e-3),
        ("nm", "m", 1e-9),
        ("\u{b5}m", "m", 1e-6),
        ("K", "K", 1.0),
        ("mK", "K", 1e-3),
        ("degC", "K", 274.15),
        ("celsius", "K", 274.15),
        ("℃", "K", 274.15),
        ("°C", "K", 274.15),
        ("eV", "J", 1.602_176_634e-19),
        ("J", "J", 1.0),
        ("s", "s", 1.0),
        ("ms", "s", 1e-3),
        ("h", "s", 3_600.0),
        ("min", "s", 60.0),
        ("d", "s", 86_400.0),
        ("day", "s", 86_400.0),
        ("Pa", "Pa", 1.0),
        ("g", "kg", 1e-3),
        ("kg", "kg", 1.0),
        ("rad", "rad", 1.0),
        ("T", "T", 1.0),
        ("V", "V", 1.0),
        ("mA", "A", 1e-3),
        ("W", "W", 1.0),
        ("Hz", "Hz", 1.0),
        ("C", "A s", 1.0),
    ] {
        assert_converts(1.0, text, base, expected);
    }
}

/// What icat.lucene takes for raw numbers.
#[test]
fn units_that_icat_lucene_does_not_convert() {
    for (text, base, expected) in [
        ("keV", "eV", 1e3),
        ("meV", "eV", 1e-3),
        ("MeV", "eV", 1e6),
        ("GeV", "eV", 1e9),
        ("Å", "m", 1e-10),
        ("\u{212b}", "m", 1e-10),
        ("A\u{30a}", "m", 1e-10),
        ("angstrom", "m", 1e-10),
        ("Angstroms", "m", 1e-10),
        ("1/Å", "m-1", 1e10),
        ("Å-1", "m-1", 1e10),
        ("Å^-1", "m-1", 1e10),
        ("Å⁻¹", "1/nm", 10.0),
        ("m/s", "m/s", 1.0),
        ("mm/min", "m s-1", 1e-3 / 60.0),
        ("g/l", "kg/m3", 1.0),
        ("mg/mL", "g/l", 1.0),
        ("mol/l", "mol/m3", 1e3),
        ("mM", "mol/l", 1e-3),
        ("M", "mol/l", 1.0),
        ("mW/cm2", "W/m2", 10.0),
        ("1/s", "Hz", 1.0),
        ("m2", "m2", 1.0),
        ("cm^2", "m2", 1e-4),
        ("mm²", "m**2", 1e-6),
        ("%", "1", 1e-2),
        ("ppm", "%", 1e-4),
        ("deg", "rad", 0.017_453_292_519_943_295),
        ("degrees", "deg", 1.0),
        ("°", "mrad", 17.453_292_519_943_295),
        ("bar", "Pa", 1e5),
        ("mbar", "hPa", 1.0),
        ("hour", "min", 60.0),
        ("hours", "s", 3_600.0),
        ("days", "h", 24.0),
        ("um", "mm", 1e-3),
        ("\u{b5}m", "um", 1.0),
        ("\u{3bc}m", "um", 1.0),
        ("micron", "nm", 1e3),
        ("uA", "mA", 1e-3),
        ("\u{b5}A", "nA", 1e3),
        ("Gauss", "T", 1e-4),
        ("G", "mT", 0.1),
        ("kG", "T", 0.1),
        ("l", "dm3", 1.0),
        ("ml", "cm3", 1.0),
        ("\u{b5}l", "ml", 1e-3),
        ("Celsius", "K", 274.15),
        ("counts", "cts", 1.0),
        ("kHz", "1/ms", 1.0),
        ("MPa", "kPa", 1e3),
        ("kV", "mV", 1e6),
        ("kW", "J/s", 1e3),
        ("N m", "J", 1.0),
        ("10^-6 Å^-2", "nm-2", 1e-4),
        ("2 × 10⁻⁶ Å⁻²", "1e-6 nm-2", 200.0),
        ("1e-6/Å²", "nm^{-2}", 1e-4),
        ("J/(kg·K)", "m2 s-2 K-1", 1.0),
        ("counts per second", "cps", 1.0),
        ("°C/min", "K/s", 1.0 / 60.0),
        ("mGauss", "G", 1e-3),
        ("msec", "ms", 1.0),
        ("Kilohertz", "kHz", 1.0),
        ("[mm]", "mm", 1.0),
        ("kDa", "Da", 1e3),
        ("MB", "kB", 1e3),
    ] {
        assert_converts(1.0, text, base, expected);
    }
}

#[test]
fn temperatures_have_offsets() {
    assert_converts(20.0, "deg C", "K", 293.15);
    assert_converts(4.2, "K", "Degrees Celsius", -268.95);
    assert_converts(451.0, "°F", "℃", 232.777_777_777_777_8);
    assert_converts(77.0, "degK", "fahrenheit", -321.07);
    // Zero is found, although rounding misses it a little.
    let (low, high) = convert_range(32.0, 32.0, &parse_unit("fahrenheit"), &parse_unit("celsius")).unwrap();
    assert!(low < 0.0 && 0.0 < high && high < 1e-6);
}

#[test]
fn texts_that_are_no_unit_or_two_are_not_parsed() {
    for text in [
        "",
        " ",
        ".",
        "none",
        "empty",
        "N/A",
        "n/a",
        "N.A.",
        "a.u.",
        "arb. units",
        "pH",
        "dB",
        "wt%",
        "unknown",
        "µ",
        "m0",
        "m^",
        "2theta",
        "H2O",
        "mm (FWHM)",
        "(m",
        "m)",
        "m//s",
        "m/",
        "*m",
        "m2.5",
        "m 5",
        "m^0.5",
        "10-6",
        "mhz",
        "MEV",
        "KG",
        "0",
        "1/0",
        "1e999",
        "m^999",
        "10 °C",
        "W/m2 K",
        "1/cm.s",
        "J/kg·K",
        "m-",
        "N-m",
        "m^{-1",
        "mmm",
        "daB",
        "hbar",
    ] {
        assert_eq!(Units::default().parse(text), None, "{text}");
    }
    assert_eq!(Units::default().parse(&"m".repeat(10_000)), None);
    assert_eq!(Units::default().parse(&"(".repeat(128)), None);
}

#[test]
fn dimensions_differ() {
    for (a, b) in [
        ("s", "mm"),
        ("Hz", "rpm"),
        ("1/s", "counts/s"),
        ("Hz", "Bq"),
        ("counts", "%"),
        ("photons/s", "cps"),
        ("rad", "%"),
        ("Gy", "Sv"),
        ("T", "kA/m"),
        ("mol", "counts"),
        ("C", "K"),
    ] {
        assert_eq!(convert_range(0.0, 1.0, &parse_unit(a), &parse_unit(b)), None, "{a} {b}");
    }
}

#[test]
fn bounds_are_unchanged_in_the_same_unit_and_open_bounds_stay_open() {
    let open = (f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(convert_range(0.1, 0.3, &parse_unit("mm"), &parse_unit("millimetre")), Some((0.1, 0.3)));
    assert_eq!(convert_range(open.0, open.1, &parse_unit("°F"), &parse_unit("K")), Some(open));
    let (low, high) = convert_range(10.0, 12.4, &parse_unit("keV"), &parse_unit("eV")).unwrap();
    assert!(low < 10_000.0 && 9_999.99 < low && 12_400.0 < high && high < 12_400.01);
    let (low, high) = convert_range(-3.0, -1.0, &parse_unit("mm"), &parse_unit("um")).unwrap();
    assert!(low < -3_000.0 && -1_000.0 < high);
}

#[test]
fn aliases_of_the_setting_go_first() {
    let units =
        Units::from_setting("J: eV 1.602176634e-19; ℃: celsius, degC;K:kelvin;Å: A; celsius: C; mm: step 0.005, wt%;")
            .unwrap();
    let parse_unit = |text: &str| units.parse(text).unwrap();
    let convert_between =
        |value, from: &str, to: &str| convert_range(value, value, &parse_unit(from), &parse_unit(to)).unwrap();
    assert_eq!(convert_between(5.0, "1/A", "Å-1"), (5.0, 5.0));
    assert_eq!(parse_unit("C"), parse_unit("°C"));
    let (low, high) = convert_between(2.0, "step", "mm");
    assert!(low < 0.01 && 0.01 < high);
    let (low, high) = convert_between(2.0, "step/s", "mm/s");
    assert!(low < 0.01 && 0.01 < high);
    assert_eq!(parse_unit("wt%"), parse_unit("mm"), "also with characters that no unit has");
    assert_eq!(parse_unit("nC").dimension, parse_unit("mA s").dimension, "aliases have no prefixes");
    assert!(Units::from_setting(" ; ").unwrap().aliases.is_empty());
}

#[test]
fn mistakes_in_the_setting_are_told_with_their_position() {
    for (setting, expected) in [
        ("K kelvin", "`K kelvin` needs a colon between a unit and its aliases, at character 1"),
        ("℃: degC;  foo: bar", "`foo` is not a known unit, at character 11"),
        (": a", "`` is not a known unit, at character 1"),
        ("℃: degC, ; K: k", "an alias is empty, at character 9"),
        ("℃: grad x", "`grad x` must be an alias, or an alias, a space and a positive number, at character 4"),
        ("K: a -1", "`a -1` must be an alias, or an alias, a space and a positive number, at character 4"),
        ("K: a 1 2", "`a 1 2` must be an alias, or an alias, a space and a positive number, at character 4"),
        ("K: kelvin; ℃: kelvin", "`kelvin` is an alias already, at character 15"),
    ] {
        assert_eq!(Units::from_setting(setting).unwrap_err().to_string(), expected, "{setting}");
    }
}

/// Texts of the characters that units are made of, and any others.
fn unit_texts() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "m", "k", "eV", "Å", "°", "C", "%", "µ", "per ", "/", "*", "**", "^", "{", "}", "(", ")", "-", "−", "1", "20",
        ".", "e", " ", "²", "⁻¹", "·", "[", "]", "deg", "ℓ", "counts", "N", "A", "s",
    ]);
    prop_oneof![prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat()), any::<String>()]
}

fn known_units() -> impl Strategy<Value = (&'static str, &'static str)> {
    let groups = [
        vec!["K", "°C", "degF", "mK"],
        vec!["eV", "keV", "J", "GeV", "kWh"],
        vec!["1/Å", "nm-1", "m^-1", "cm⁻¹"],
        vec!["deg", "mrad", "arcsec", "rev"],
        vec!["mbar", "Pa", "psi", "Torr", "atm"],
    ];
    prop::sample::select(groups.to_vec())
        .prop_flat_map(|group| (prop::sample::select(group.clone()), prop::sample::select(group)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_text_is_parsed_or_refused(text in unit_texts(), value in any::<f64>()) {
        if let Some(unit) = Units::default().parse(&text) {
            prop_assert!(unit.factor.is_normal() && unit.factor > 0.0 && unit.offset.is_finite());
            prop_assert_eq!(convert_range(-1.0, 1.0, &unit, &unit), Some((-1.0, 1.0)));
            prop_assert_eq!(Units::default().parse(&format!("  {text} ")), Some(unit));
            let _ = convert_range(value, value, &unit, &parse_unit("K"));
        }
    }

    #[test]
    fn every_setting_is_parsed_or_refused(text in "[Kms℃: ;,.a0-9e-]{0,40}") {
        if let Err(error) = Units::from_setting(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.position));
        }
    }

    #[test]
    fn a_value_converted_there_and_back_is_within_the_bounds((a, b) in known_units(), value in -1e12..1e12_f64) {
        let (a, b) = (parse_unit(a), parse_unit(b));
        let (low, high) = convert_range(value, value, &a, &b).unwrap();
        prop_assert!(low <= high);
        let (back_low, back_high) = convert_range(low, high, &b, &a).unwrap();
        prop_assert!(back_low <= value && value <= back_high, "{back_low} {value} {back_high}");
        prop_assert!(back_high - back_low <= 1e-8 * value.abs().max(1e4), "{back_low} {back_high}");
    }
}
