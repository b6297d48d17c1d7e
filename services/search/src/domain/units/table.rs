//! The known units.

use std::f64::consts::{PI, TAU};

use super::Unit;
use super::dimension::Dimension as D;

/// Which prefixes a unit takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefixes {
    Never,
    All,
    /// Those with these symbols.
    Only(&'static str),
}

use Prefixes::{All, Never, Only};

struct Definition {
    /// In the case of their letters.
    symbols: &'static [&'static str],
    /// In small letters; texts may have others, and an `s` at the end.
    names: &'static [&'static str],
    unit: Unit,
    prefixes: Prefixes,
}

const fn define_unit(
    symbols: &'static [&'static str],
    names: &'static [&'static str],
    factor: f64,
    dimension: D,
    prefixes: Prefixes,
) -> Definition {
    Definition { symbols, names, unit: Unit { dimension, factor, offset: 0.0 }, prefixes }
}

const AREA: D = D::mechanical(2, 0, 0, 0);
const VOLUME: D = D::mechanical(3, 0, 0, 0);
const FREQUENCY: D = D::mechanical(0, 0, -1, 0);
const PRESSURE: D = D::mechanical(-1, 1, -2, 0);
const ENERGY: D = D::mechanical(2, 1, -2, 0);
const CHARGE: D = D::mechanical(0, 0, 1, 1);
const FLUX_DENSITY: D = D::mechanical(0, 1, -2, -1);
const SOLID_ANGLE: D = D::ANGLE.times(D::ANGLE, 1);
const CONCENTRATION: D = VOLUME.times(VOLUME, -2).times(D::AMOUNT, 1);
const LUMINOUS_FLUX: D = D::LUMINOUS_INTENSITY.times(SOLID_ANGLE, 1);

const ELEMENTARY_CHARGE: f64 = 1.602_176_634e-19;
const DALTON: f64 = 1.660_539_068_92e-27;
const DEGREE: f64 = PI / 180.0;

/// Small parts, of units that nobody has many of.
const SMALL: Prefixes = Only("mμnpf");

static DEFINITIONS: &[Definition] = &[
    // Length, area and volume.
    define_unit(&["m"], &["metre", "meter"], 1.0, D::LENGTH, All),
    define_unit(&["Å"], &["angstrom", "ångström", "ångstrom", "angström", "angstroem", "ang"], 1e-10, D::LENGTH, Never),
    define_unit(&[], &["micron"], 1e-6, D::LENGTH, Never),
    define_unit(&["in"], &["inch"], 0.0254, D::LENGTH, Never),
    define_unit(&["ft"], &["foot", "feet"], 0.3048, D::LENGTH, Never),
    define_unit(&["barn"], &["barn"], 1e-28, AREA, SMALL),
    define_unit(&["l", "L"], &["litre", "liter"], 1e-3, VOLUME, All),
    define_unit(&["cc", "ccm"], &[], 1e-6, VOLUME, Never),
    // Mass and amount of substance. `KG` is left out: it may be kilogauss.
    define_unit(&["g"], &["gram", "gramme"], 1e-3, D::MASS, All),
    define_unit(&["Kg"], &[], 1.0, D::MASS, Never),
    define_unit(&["t"], &["tonne"], 1e3, D::MASS, Never),
    define_unit(&["Da"], &["dalton", "amu"], DALTON, D::MASS, Only("kM")),
    define_unit(&["mol"], &["mole"], 1.0, D::AMOUNT, All),
    define_unit(&["M"], &["molar"], 1e3, CONCENTRATION, SMALL),
    // Time and frequency.
    define_unit(&["s"], &["second", "sec"], 1.0, D::TIME, All),
    define_unit(&["min"], &["minute", "min"], 60.0, D::TIME, Never),
    define_unit(&["h"], &["hour", "hr"], 3_600.0, D::TIME, Never),
    define_unit(&["d"], &["day"], 86_400.0, D::TIME, Never),
    define_unit(&[], &["week"], 604_800.0, D::TIME, Never),
    define_unit(&[], &["year", "yr"], 31_557_600.0, D::TIME, Never),
    define_unit(&["Hz"], &["hertz", "hz"], 1.0, FREQUENCY, All),
    define_unit(&[], &["khz"], 1e3, FREQUENCY, Never),
    // Temperature; see also `find_temperature`.
    define_unit(&["K"], &["kelvin"], 1.0, D::TEMPERATURE, All),
    // Angles.
    define_unit(&["rad"], &["radian", "rad"], 1.0, D::ANGLE, All),
    define_unit(&["°", "deg"], &["degree", "deg"], DEGREE, D::ANGLE, SMALL),
    define_unit(&[], &["arcmin", "arcminute"], DEGREE / 60.0, D::ANGLE, Never),
    define_unit(&["arcsec"], &["arcsec", "arcsecond"], DEGREE / 3_600.0, D::ANGLE, SMALL),
    define_unit(&[], &["rev", "revolution"], TAU, D::ANGLE, Never),
    define_unit(&[], &["rpm"], TAU / 60.0, FREQUENCY.times(D::ANGLE, 1), Never),
    define_unit(&["sr"], &["steradian"], 1.0, SOLID_ANGLE, SMALL),
    // Mechanics and energy.
    define_unit(&["N"], &["newton"], 1.0, D::mechanical(1, 1, -2, 0), All),
    define_unit(&["Pa"], &["pascal"], 1.0, PRESSURE, All),
    define_unit(&["bar"], &["bar"], 1e5, PRESSURE, Only("mμdkMG")),
    define_unit(&["Torr"], &["torr"], 101_325.0 / 760.0, PRESSURE, SMALL),
    define_unit(&["mmHg"], &[], 133.322_387_415, PRESSURE, Never),
    define_unit(&["atm"], &["atm", "atmosphere"], 101_325.0, PRESSURE, Never),
    define_unit(&["psi"], &["psi"], 6_894.757_293_168, PRESSURE, Never),
    define_unit(&["cP"], &["centipoise"], 1e-3, D::mechanical(-1, 1, -1, 0), Never),
    define_unit(&["J"], &["joule"], 1.0, ENERGY, All),
    define_unit(&["eV"], &["electronvolt", "ev"], ELEMENTARY_CHARGE, ENERGY, All),
    define_unit(&[], &["kev"], 1e3 * ELEMENTARY_CHARGE, ENERGY, Never),
    define_unit(&["Wh"], &[], 3_600.0, ENERGY, Only("kMG")),
    define_unit(&["W"], &["watt"], 1.0, D::mechanical(2, 1, -3, 0), All),
    // Electricity and magnetism.
    define_unit(&["A"], &["ampere", "amp"], 1.0, D::CURRENT, All),
    define_unit(&["C"], &["coulomb"], 1.0, CHARGE, All),
    define_unit(&["Ah"], &[], 3_600.0, CHARGE, Only("mμ")),
    define_unit(&["V"], &["volt"], 1.0, D::mechanical(2, 1, -3, -1), All),
    define_unit(&["F"], &["farad"], 1.0, D::mechanical(-2, -1, 4, 2), All),
    define_unit(&["Ω", "Ohm", "ohm"], &["ohm"], 1.0, D::mechanical(2, 1, -3, -2), All),
    define_unit(&["S"], &["siemens"], 1.0, D::mechanical(-2, -1, 3, 2), All),
    define_unit(&["Wb"], &["weber"], 1.0, D::mechanical(2, 1, -2, -1), All),
    define_unit(&["T"], &["tesla"], 1.0, FLUX_DENSITY, All),
    define_unit(&["G", "Gs"], &["gauss"], 1e-4, FLUX_DENSITY, Only("mμnkM")),
    define_unit(&["Oe"], &["oersted"], 250.0 / PI, D::mechanical(-1, 0, 0, 1), Only("mk")),
    define_unit(&["H"], &["henry"], 1.0, D::mechanical(2, 1, -2, -2), All),
    // Light and radiation.
    define_unit(&["cd"], &["candela"], 1.0, D::LUMINOUS_INTENSITY, All),
    define_unit(&["lm"], &["lumen"], 1.0, LUMINOUS_FLUX, All),
    define_unit(&["lx"], &["lux"], 1.0, LUMINOUS_FLUX.times(D::LENGTH, -2), All),
    define_unit(&["Bq"], &["becquerel"], 1.0, FREQUENCY.times(D::DECAYS, 1), All),
    define_unit(&["Gy"], &["gray"], 1.0, D::mechanical(2, 0, -2, 0), All),
    define_unit(&["Sv"], &["sievert"], 1.0, D::EQUIVALENT_DOSE, All),
    // Things that are counted, and parts.
    define_unit(&["cts"], &["count", "cnt", "cts"], 1.0, D::COUNTS, Only("kM")),
    define_unit(&["cps"], &["cps"], 1.0, FREQUENCY.times(D::COUNTS, 1), Only("kM")),
    define_unit(&["ph"], &["photon"], 1.0, D::PHOTONS, Never),
    define_unit(&[], &["neutron"], 1.0, D::NEUTRONS, Never),
    define_unit(&[], &["pulse", "shot"], 1.0, D::PULSES, Never),
    define_unit(&[], &["frame"], 1.0, D::FRAMES, Never),
    define_unit(&["px"], &["pixel"], 1.0, D::PIXELS, Only("kM")),
    define_unit(&["B"], &["byte"], 1.0, D::INFORMATION, Only("kMGTP")),
    define_unit(&["bit"], &["bit"], 0.125, D::INFORMATION, Only("kMGTP")),
    define_unit(&["%"], &["percent"], 1e-2, D::NONE, Never),
    define_unit(&["‰"], &["permille"], 1e-3, D::NONE, Never),
    define_unit(&[], &["ppm"], 1e-6, D::NONE, Never),
    define_unit(&[], &["ppb"], 1e-9, D::NONE, Never),
];

/// Symbol, name and factor. Larger and smaller ones would only give mistakes a meaning: `EV` is no exavolt.
static PREFIXES: &[(&str, &str, f64)] = &[
    ("P", "peta", 1e15),
    ("T", "tera", 1e12),
    ("G", "giga", 1e9),
    ("M", "mega", 1e6),
    ("k", "kilo", 1e3),
    ("h", "hecto", 1e2),
    ("da", "deca", 1e1),
    ("d", "deci", 1e-1),
    ("c", "centi", 1e-2),
    ("m", "milli", 1e-3),
    ("μ", "micro", 1e-6),
    ("u", "micro", 1e-6),
    ("n", "nano", 1e-9),
    ("p", "pico", 1e-12),
    ("f", "femto", 1e-15),
    ("a", "atto", 1e-18),
];

const CELSIUS: Unit = Unit { dimension: D::TEMPERATURE, factor: 1.0, offset: 273.15 };
const FAHRENHEIT: Unit = Unit { dimension: D::TEMPERATURE, factor: 5.0 / 9.0, offset: 459.67 * 5.0 / 9.0 };

/// Whether a text is no unit although it could be read as one: newtons per ampere, and picohenry.
pub fn is_no_unit(text: &str) -> bool {
    matches!(text, "N/A" | "N.A" | "pH" | "PH")
}

/// Scales of temperature with degrees, in the spellings that people use: `°C`, `deg C`, `Degrees Celsius`.
pub fn find_temperature(text: &str) -> Option<Unit> {
    let text = text.to_lowercase();
    let scale = ["degrees", "degree", "deg.", "deg", "°"].iter().find_map(|degree| text.strip_prefix(degree));
    match (scale.map(str::trim_start), text.as_str()) {
        (Some("c" | "celsius" | "centigrade"), _) | (None, "celsius" | "centigrade" | "℃") => Some(CELSIUS),
        (Some("f" | "fahrenheit"), _) | (None, "fahrenheit" | "℉") => Some(FAHRENHEIT),
        (Some("k" | "kelvin"), _) => find_symbol("K"),
        _ => None,
    }
}

/// The unit of one word, with or without a prefix.
pub fn find_symbol(text: &str) -> Option<Unit> {
    let find = |text: &str| DEFINITIONS.iter().find(|definition| definition.symbols.contains(&text));
    if let Some(definition) = find(text) {
        return Some(definition.unit);
    }
    let with_prefix = PREFIXES.iter().find_map(|prefix| find(text.strip_prefix(prefix.0)?)?.with_prefix(prefix));
    with_prefix.or_else(|| find_name(text)).or_else(|| find_temperature(text))
}

/// Names in any case of letters, with whole prefixes (`kilohertz`) and with the symbols of prefixes (`mGauss`, `msec`).
fn find_name(text: &str) -> Option<Unit> {
    let name = text.to_lowercase();
    if let Some(definition) = find_singular_or_plural(&name) {
        return Some(definition.unit);
    }
    let after_name =
        PREFIXES.iter().find_map(|prefix| find_singular_or_plural(name.strip_prefix(prefix.1)?)?.with_prefix(prefix));
    after_name.or_else(|| {
        PREFIXES.iter().find_map(|prefix| {
            let name = text.strip_prefix(prefix.0)?;
            // In capitals only, or in small letters only if it is short, nobody knows milli from mega: `MRAD`, `mhz`.
            let is_clear = name.chars().count() > 2 && !name.chars().skip(1).any(char::is_uppercase);
            let definition = if is_clear { find_singular_or_plural(&name.to_lowercase())? } else { return None };
            definition.with_prefix(prefix)
        })
    })
}

fn find_singular_or_plural(name: &str) -> Option<&'static Definition> {
    let find = |name: &str| DEFINITIONS.iter().find(|definition| definition.names.contains(&name));
    find(name).or_else(|| find(name.strip_suffix("es")?)).or_else(|| find(name.strip_suffix('s')?))
}

impl Definition {
    fn with_prefix(&self, (symbol, _, factor): &(&str, &str, f64)) -> Option<Unit> {
        let is_allowed = match self.prefixes {
            Never => false,
            All => true,
            Only(symbols) => symbols.contains(if *symbol == "u" { "μ" } else { symbol }),
        };
        if is_allowed { Unit::new(self.unit.dimension, self.unit.factor * factor, 0.0) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_spelling_stands_for_two_units() {
        let mut seen = HashSet::new();
        for definition in DEFINITIONS {
            for symbol in definition.symbols {
                assert!(seen.insert(("symbol", *symbol)), "{symbol}");
            }
            for name in definition.names {
                assert!(seen.insert(("name", *name)), "{name}");
                assert_eq!(name.to_lowercase(), *name);
                // A name that is read as a symbol with a prefix would never be found.
                assert_eq!(find_symbol(name), Some(definition.unit), "{name}");
            }
        }
    }
}
