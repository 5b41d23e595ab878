//! What a sensor can report by name: the measurement types of the GS1 Web Vocabulary, as the EPCIS 2.0 schema lists them.

const TYPES: &str = "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance \
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance Conductance \
    Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent \
    ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance \
    KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux MagneticFluxDensity \
    MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy \
    MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity \
    SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate \
    VolumeFraction VolumetricFlux Wavenumber";

/// Whether `sensorReport/@type` is one of GS1's types, or a URI of somebody else.
#[must_use]
pub fn is_known(text: &str) -> bool {
    let spellings = [
        "gs1:",
        "https://gs1.org/voc/",
        "https://ref.gs1.org/voc/",
        "https://www.gs1.org/voc/",
    ];
    let bare = spellings.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    bare.contains(':') || is_bare(bare)
}

/// Whether it is one of GS1's types, in the one spelling that JSON has for them.
#[must_use]
pub fn is_bare(text: &str) -> bool {
    TYPES.split_ascii_whitespace().any(|known| known == text)
}

/// The bare name of one of GS1's types, however it is spelt.
#[must_use]
pub fn bare(text: &str) -> Option<&str> {
    let bare = ["gs1:", "https://gs1.org/voc/"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    TYPES.split_ascii_whitespace().any(|known| known == bare).then_some(bare)
}

/// Fields of `sensorMetadata`, in the order of the event hash (EPCIS 2.0 clause 7.3.7, CBV 2.0 clause 8.9).
pub const METADATA_FIELDS: &[&str] = &[
    "time",
    "startTime",
    "endTime",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "bizRules",
];

/// Fields of `sensorReport`, in the same order.
pub const REPORT_FIELDS: &[&str] = &[
    "type",
    "exception",
    "deviceID",
    "deviceMetadata",
    "rawData",
    "dataProcessingMethod",
    "time",
    "microorganism",
    "chemicalSubstance",
    "value",
    "component",
    "stringValue",
    "booleanValue",
    "hexBinaryValue",
    "uriValue",
    "minValue",
    "maxValue",
    "meanValue",
    "sDev",
    "percRank",
    "percValue",
    "uom",
    "coordinateReferenceSystem",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_name_or_foreign() {
        let check = |text: &str, expect: bool| assert_eq!(is_known(text), expect, "{text}");
        check("Temperature", true);
        check("gs1:Temperature", true);
        check("https://gs1.org/voc/RelativeHumidity", true);
        check("example:Temper", true);
        check("Temper", false);
        check("gs1:Temper", false);
        check("", false);
    }
}
