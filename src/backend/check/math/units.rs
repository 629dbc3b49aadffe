//! Units of measurement, as answers write them beside a number.
//!
//! A unit is a product of base units with a factor. Units of one kind are converted exactly; units of
//! different kinds are never compared. Words that are no units (`12 apples`) are not units here: a reader
//! takes them as prose.

use std::{collections::BTreeMap, fmt};

use num_rational::BigRational;

use super::numbers::{one, power, whole};

/// A unit: a factor, and base units with their exponents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// How many base units it is.
    pub(super) factor: BigRational,
    /// Exponents of base units.
    base: BTreeMap<&'static str, i64>,
}

/// One unit: its names, its base unit, and the factor as a fraction.
type Row = (&'static [&'static str], &'static str, i64, i64);

/// Every unit that is known. Factors are exact by definition.
const UNITS: &[Row] = &[
    (&["m", "meter", "meters", "metre", "metres"], "m", 1, 1),
    (&["km", "kilometer", "kilometers", "kilometre", "kilometres"], "m", 1000, 1),
    (&["dm", "decimeter", "decimeters", "decimetre", "decimetres"], "m", 1, 10),
    (&["cm", "centimeter", "centimeters", "centimetre", "centimetres"], "m", 1, 100),
    (&["mm", "millimeter", "millimeters", "millimetre", "millimetres"], "m", 1, 1000),
    (&["in", "inch", "inches"], "in", 1, 1),
    (&["ft", "foot", "feet"], "in", 12, 1),
    (&["yd", "yard", "yards"], "in", 36, 1),
    (&["mi", "mile", "miles"], "in", 63_360, 1),
    (&["s", "sec", "secs", "second", "seconds"], "s", 1, 1),
    (&["ms", "millisecond", "milliseconds"], "s", 1, 1000),
    (&["min", "mins", "minute", "minutes"], "s", 60, 1),
    (&["h", "hr", "hrs", "hour", "hours"], "s", 3600, 1),
    (&["day", "days"], "s", 86_400, 1),
    (&["week", "weeks"], "s", 604_800, 1),
    (&["month", "months"], "month", 1, 1),
    (&["year", "years", "yr", "yrs"], "month", 12, 1),
    (&["g", "gram", "grams"], "g", 1, 1),
    (&["kg", "kilogram", "kilograms"], "g", 1000, 1),
    (&["mg", "milligram", "milligrams"], "g", 1, 1000),
    (&["oz", "ounce", "ounces"], "oz", 1, 1),
    (&["lb", "lbs", "pound", "pounds"], "oz", 16, 1),
    (&["L", "l", "liter", "liters", "litre", "litres"], "L", 1, 1),
    (&["mL", "ml", "milliliter", "milliliters", "millilitre", "millilitres"], "L", 1, 1000),
    (&["cup", "cups"], "cup", 1, 1),
    (&["pint", "pints"], "cup", 2, 1),
    (&["quart", "quarts"], "cup", 4, 1),
    (&["gallon", "gallons"], "cup", 16, 1),
    (&["$", "dollar", "dollars", "usd", "USD"], "dollar", 1, 1),
    (&["¢", "cent", "cents"], "dollar", 1, 100),
    (&["€", "euro", "euros", "EUR"], "euro", 1, 1),
    (&["£", "GBP"], "pound sterling", 1, 1),
    (&["°", "degree", "degrees", "deg"], "degree", 1, 1),
    (&["rad", "radian", "radians"], "radian", 1, 1),
    (&["°C"], "degree Celsius", 1, 1),
    (&["°F"], "degree Fahrenheit", 1, 1),
    (&["unit", "units"], "unit", 1, 1),
];

/// Units with a name of their own that are products.
const PRODUCTS: &[(&[&str], &str)] =
    &[(&["mph"], "miles / hour"), (&["kph", "kmh"], "km / hour"), (&["cc"], "cm ^ 3")];

impl Unit {
    /// The unit of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        if let Some((_, product)) = PRODUCTS.iter().find(|(names, _)| names.contains(&name)) {
            return Self::read(&product.split(' ').map(str::to_owned).collect::<Vec<_>>());
        }
        let lower = name.to_lowercase();
        let row = |name: &str| UNITS.iter().find(|(names, ..)| names.contains(&name));
        // Short names differ by case: `M` is no metre.
        let row = row(name).or_else(|| row(&lower).filter(|_| name.chars().count() > 2));
        let (_, base, above, below) = row?;
        let factor = whole(*above) / whole(*below);
        Some(Self { factor, base: BTreeMap::from([(*base, 1)]) })
    }

    /// A unit of several words: `square feet`, `m / s ^ 2`, `miles per hour`; `None` if a word is no unit.
    pub(super) fn read(words: &[String]) -> Option<Self> {
        let mut unit = Self { factor: one(), base: BTreeMap::new() };
        let (mut sign, mut prefix) = (1, 1);
        let mut words = words.iter().map(String::as_str).peekable();
        let mut is_empty = true;
        while let Some(word) = words.next() {
            match word {
                "square" | "sq" => prefix = 2,
                "cubic" => prefix = 3,
                "per" | "/" | "a" | "an" if !is_empty => sign = -1,
                "*" if !is_empty => (),
                name => {
                    let mut exponent = prefix;
                    if words.next_if_eq(&"^").is_some() {
                        exponent = words.next()?.parse().ok().filter(|n: &i64| n.abs() <= 9)?;
                    } else if words.next_if_eq(&"squared").is_some() {
                        exponent = 2;
                    } else if words.next_if_eq(&"cubed").is_some() {
                        exponent = 3;
                    }
                    unit = unit.times(&Self::named(name)?, sign * exponent)?;
                    prefix = 1;
                    is_empty = false;
                }
            }
        }
        (!is_empty).then_some(unit)
    }

    fn times(mut self, other: &Self, exponent: i64) -> Option<Self> {
        for (base, own) in &other.base {
            *self.base.entry(base).or_default() += own * exponent;
        }
        self.base.retain(|_, exponent| *exponent != 0);
        self.factor *= power(&other.factor, exponent)?;
        Some(self)
    }

    /// Whether both measure the same kind of quantity.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.base == other.base
    }

    /// Whether it is usually left out: a currency, degrees, or the word `units`.
    pub(super) fn is_usually_omitted(&self) -> bool {
        let omitted = ["dollar", "degree", "unit"];
        self.base
            .iter()
            .all(|(base, exponent)| (omitted.contains(base) && *exponent == 1) || *base == "unit")
    }

    /// Whether it is an angle.
    pub(super) fn is_angle(&self) -> bool {
        self.base.keys().any(|base| matches!(*base, "degree" | "radian"))
    }
}

/// The product of the base units: `m/s^2`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |(base, exponent): (&&str, &i64)| match exponent {
            1 => (*base).to_owned(),
            _ => format!("{base}^{exponent}"),
        };
        let all: Vec<String> = self.base.iter().map(with).collect();
        f.write_str(&all.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        Unit::read(&words).map(|unit| format!("{} {unit}", unit.factor))
    }

    #[test]
    fn units_of_one_kind_have_one_base() {
        for (text, unit) in [
            ("hours", "3600 s"),
            ("km", "1000 m"),
            ("square feet", "144 in^2"),
            ("ft ^ 2", "144 in^2"),
            ("miles per hour", "88/5 in*s^-1"),
            ("mph", "88/5 in*s^-1"),
            ("m / s ^ 2", "1 m*s^-2"),
            ("Dollars", "1 dollar"),
            ("cents", "1/100 dollar"),
        ] {
            assert_eq!(read(text).as_deref(), Some(unit), "{text}");
        }
        for text in ["apples", "square", "M", "per", "m ^ x"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
