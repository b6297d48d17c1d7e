//! Dimensions: what a unit measures.

/// How many base units there are.
const BASES: usize = 17;

/// Exponents of the base units: metre, kilogram, second, ampere, kelvin, mole and candela of the SI; then angles and things
/// that are counted, which the SI gives no dimension, so that revolutions, counts and decays per second stay apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension([i8; BASES]);

impl Dimension {
    pub const NONE: Self = Self([0; BASES]);
    pub const LENGTH: Self = Self::base(0);
    pub const MASS: Self = Self::base(1);
    pub const TIME: Self = Self::base(2);
    pub const CURRENT: Self = Self::base(3);
    pub const TEMPERATURE: Self = Self::base(4);
    pub const AMOUNT: Self = Self::base(5);
    pub const LUMINOUS_INTENSITY: Self = Self::base(6);
    pub const ANGLE: Self = Self::base(7);
    pub const COUNTS: Self = Self::base(8);
    pub const PHOTONS: Self = Self::base(9);
    pub const NEUTRONS: Self = Self::base(10);
    pub const PULSES: Self = Self::base(11);
    pub const FRAMES: Self = Self::base(12);
    pub const PIXELS: Self = Self::base(13);
    pub const DECAYS: Self = Self::base(14);
    pub const EQUIVALENT_DOSE: Self = Self::base(15);
    pub const INFORMATION: Self = Self::base(16);

    const fn base(position: usize) -> Self {
        let mut exponents = [0; BASES];
        exponents[position] = 1;
        Self(exponents)
    }

    /// Exponents of metre, kilogram, second and ampere.
    pub const fn mechanical(metre: i8, kilogram: i8, second: i8, ampere: i8) -> Self {
        let mut exponents = [0; BASES];
        exponents[0] = metre;
        exponents[1] = kilogram;
        exponents[2] = second;
        exponents[3] = ampere;
        Self(exponents)
    }

    /// The product with whole powers of others, for the table of units.
    pub const fn times(self, other: Self, exponent: i8) -> Self {
        let mut exponents = self.0;
        let mut position = 0;
        while position < BASES {
            exponents[position] += other.0[position] * exponent;
            position += 1;
        }
        Self(exponents)
    }

    /// `None` if an exponent is too large.
    pub fn multiply(self, other: Self) -> Option<Self> {
        let mut exponents = self.0;
        for (exponent, other) in exponents.iter_mut().zip(other.0) {
            *exponent = exponent.checked_add(other)?;
        }
        Some(Self(exponents))
    }

    /// `None` if an exponent is too large.
    pub fn to_power(self, power: i8) -> Option<Self> {
        let mut exponents = self.0;
        for exponent in &mut exponents {
            *exponent = exponent.checked_mul(power)?;
        }
        Some(Self(exponents))
    }
}
