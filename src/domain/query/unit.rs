//! Units of UN/ECE Recommendation 20, as far as sensors and quantities use them, and how one becomes another.
//!
//! A unit that is not in the table can be compared with itself alone: nothing is guessed.

/// What a unit measures; only units of one kind can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Temperature,
    Mass,
    Length,
    Area,
    Volume,
    Pressure,
    Time,
    Speed,
    Acceleration,
    Ratio,
    Voltage,
    Current,
    Power,
    Energy,
    Frequency,
    Angle,
    Memory,
    Dose,
    Concentration,
}

/// `value × factor + offset` is the value in the first unit of its kind.
struct Unit {
    code: &'static str,
    kind: Kind,
    factor: f64,
    offset: f64,
}

const fn unit(code: &'static str, kind: Kind, factor: f64) -> Unit {
    Unit {
        code,
        kind,
        factor,
        offset: 0.0,
    }
}

const fn shifted(code: &'static str, factor: f64, offset: f64) -> Unit {
    Unit {
        code,
        kind: Kind::Temperature,
        factor,
        offset,
    }
}

const UNITS: &[Unit] = &[
    shifted("KEL", 1.0, 0.0),
    shifted("CEL", 1.0, 273.15),
    shifted("FAH", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    unit("KGM", Kind::Mass, 1.0),
    unit("GRM", Kind::Mass, 1e-3),
    unit("MGM", Kind::Mass, 1e-6),
    unit("MC", Kind::Mass, 1e-9),
    unit("DTN", Kind::Mass, 100.0),
    unit("TNE", Kind::Mass, 1_000.0),
    unit("LBR", Kind::Mass, 0.453_592_37),
    unit("ONZ", Kind::Mass, 0.028_349_523_125),
    unit("MTR", Kind::Length, 1.0),
    unit("DMT", Kind::Length, 0.1),
    unit("CMT", Kind::Length, 0.01),
    unit("MMT", Kind::Length, 1e-3),
    unit("4H", Kind::Length, 1e-6),
    unit("C45", Kind::Length, 1e-9),
    unit("KMT", Kind::Length, 1_000.0),
    unit("INH", Kind::Length, 0.025_4),
    unit("FOT", Kind::Length, 0.304_8),
    unit("YRD", Kind::Length, 0.914_4),
    unit("SMI", Kind::Length, 1_609.344),
    unit("MTK", Kind::Area, 1.0),
    unit("DMK", Kind::Area, 0.01),
    unit("CMK", Kind::Area, 1e-4),
    unit("MMK", Kind::Area, 1e-6),
    unit("FTK", Kind::Area, 0.092_903_04),
    unit("MTQ", Kind::Volume, 1.0),
    unit("HLT", Kind::Volume, 0.1),
    unit("LTR", Kind::Volume, 1e-3),
    unit("DMQ", Kind::Volume, 1e-3),
    unit("DLT", Kind::Volume, 1e-4),
    unit("CLT", Kind::Volume, 1e-5),
    unit("MLT", Kind::Volume, 1e-6),
    unit("CMQ", Kind::Volume, 1e-6),
    unit("4G", Kind::Volume, 1e-9),
    unit("GLL", Kind::Volume, 0.003_785_411_784),
    unit("OZA", Kind::Volume, 2.957_352_956_25e-5),
    unit("PAL", Kind::Pressure, 1.0),
    unit("A97", Kind::Pressure, 100.0),
    unit("KPA", Kind::Pressure, 1_000.0),
    unit("MPA", Kind::Pressure, 1e6),
    unit("BAR", Kind::Pressure, 1e5),
    unit("MBR", Kind::Pressure, 100.0),
    unit("ATM", Kind::Pressure, 101_325.0),
    unit("PS", Kind::Pressure, 6_894.757_293_168),
    unit("SEC", Kind::Time, 1.0),
    unit("C26", Kind::Time, 1e-3),
    unit("MIN", Kind::Time, 60.0),
    unit("HUR", Kind::Time, 3_600.0),
    unit("DAY", Kind::Time, 86_400.0),
    unit("WEE", Kind::Time, 604_800.0),
    unit("MTS", Kind::Speed, 1.0),
    unit("KMH", Kind::Speed, 1.0 / 3.6),
    unit("HM", Kind::Speed, 0.447_04),
    unit("KNT", Kind::Speed, 1_852.0 / 3_600.0),
    unit("MSK", Kind::Acceleration, 1.0),
    unit("K40", Kind::Acceleration, 9.806_65),
    unit("C62", Kind::Ratio, 1.0),
    unit("P1", Kind::Ratio, 0.01),
    unit("59", Kind::Ratio, 1e-6),
    unit("VLT", Kind::Voltage, 1.0),
    unit("2Z", Kind::Voltage, 1e-3),
    unit("KVT", Kind::Voltage, 1_000.0),
    unit("AMP", Kind::Current, 1.0),
    unit("4K", Kind::Current, 1e-3),
    unit("WTT", Kind::Power, 1.0),
    unit("KWT", Kind::Power, 1_000.0),
    unit("MAW", Kind::Power, 1e6),
    unit("JOU", Kind::Energy, 1.0),
    unit("KJO", Kind::Energy, 1_000.0),
    unit("WHR", Kind::Energy, 3_600.0),
    unit("KWH", Kind::Energy, 3.6e6),
    unit("HTZ", Kind::Frequency, 1.0),
    unit("KHZ", Kind::Frequency, 1_000.0),
    unit("MHZ", Kind::Frequency, 1e6),
    unit("A86", Kind::Frequency, 1e9),
    unit("C81", Kind::Angle, 1.0),
    unit("DD", Kind::Angle, std::f64::consts::PI / 180.0),
    unit("A99", Kind::Memory, 1.0),
    unit("AD", Kind::Memory, 8.0),
    unit("2P", Kind::Memory, 8e3),
    unit("4L", Kind::Memory, 8e6),
    unit("A95", Kind::Dose, 1.0),
    unit("C13", Kind::Dose, 1e-3),
    unit("KMQ", Kind::Concentration, 1.0),
    unit("A93", Kind::Concentration, 1e-3),
    unit("GP", Kind::Concentration, 1e-6),
    unit("GL", Kind::Concentration, 1.0),
];

/// `value` of unit `from` in unit `to`; nothing if the two do not measure the same kind.
#[must_use]
pub fn convert(value: f64, from: &str, to: &str) -> Option<f64> {
    if from == to {
        return Some(value);
    }
    let find = |code: &str| UNITS.iter().find(|unit| unit.code == code);
    let (from, to) = (find(from)?, find(to)?);
    (from.kind == to.kind).then(|| (value.mul_add(from.factor, from.offset) - to.offset) / to.factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_kind_become_one_another() {
        let check = |value: f64, from: &str, to: &str, expect: f64| {
            let got = convert(value, from, to).unwrap();
            assert!(
                (got - expect).abs() < 1e-9 * expect.abs().max(1.0),
                "{value} {from} is {got} {to}"
            );
        };
        check(26.0, "CEL", "KEL", 299.15);
        check(299.15, "KEL", "CEL", 26.0);
        check(212.0, "FAH", "CEL", 100.0);
        check(-40.0, "CEL", "FAH", -40.0);
        check(1.5, "KGM", "GRM", 1_500.0);
        check(50.0, "P1", "C62", 0.5);
        check(1_013.25, "MBR", "KPA", 101.325);
        check(7.0, "ZZ", "ZZ", 7.0);
    }

    #[test]
    fn others_do_not() {
        assert_eq!(convert(1.0, "CEL", "KGM"), None);
        assert_eq!(convert(1.0, "ZZ", "KGM"), None);
    }

    #[test]
    fn each_code_stands_there_once() {
        for (at, unit) in UNITS.iter().enumerate() {
            assert!(UNITS[..at].iter().all(|other| other.code != unit.code), "{}", unit.code);
        }
    }
}
