//! Units of length: an STL file has none, so the scenario states it.

/// What the numbers of an STL file mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Millimetres, the usual one.
    #[default]
    Millimetre,
    /// Metres.
    Metre,
    /// Inches of 25.4 mm.
    Inch,
}

impl Unit {
    /// Every unit, in the order of [`Unit::NAMES`].
    pub const ALL: [Unit; 3] = [Unit::Millimetre, Unit::Metre, Unit::Inch];
    /// The names that a scenario uses.
    pub const NAMES: [&'static str; 3] = ["mm", "m", "inch"];

    /// The unit of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// Its name in a scenario.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// How many millimetres one of it is.
    pub fn millimetres(self) -> f64 {
        match self {
            Unit::Millimetre => 1.0,
            Unit::Metre => 1000.0,
            Unit::Inch => 25.4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_units_belong_together() {
        for (unit, name) in Unit::ALL.into_iter().zip(Unit::NAMES) {
            assert_eq!((unit.name(), Unit::from_name(name)), (name, Some(unit)));
        }
        assert_eq!(Unit::from_name("cm"), None);
    }
}
