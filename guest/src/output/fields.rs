//! Tables of number fields: the family of each JSON field.

use super::catalogue::{Catalogue, FamilyId};
use super::samples::Samples;

/// A number field: the end of its family's name, its HELP text without the period at the end, and
/// the factor that converts it to the base unit.
pub struct NumberField {
    pub family: &'static str,
    pub help: &'static str,
    pub scale: f64,
}

/// A field in minutes: the base unit is the second.
pub const MINUTES: f64 = 60.0;
/// A field that is already in the base unit.
pub const UNIT: f64 = 1.0;

/// Declares a gauge for each field, `{prefix}{family}`. The HELP text is `{help}{note}.`
pub fn declare(
    catalogue: &mut Catalogue,
    prefix: &str,
    fields: &[NumberField],
    labels: &[&str],
    note: &str,
) -> Vec<FamilyId> {
    let gauge = |field: &NumberField| {
        let help = format!("{}{note}.", field.help);
        catalogue.gauge(&format!("{prefix}{}", field.family), &help, labels)
    };
    fields.iter().map(gauge).collect()
}

/// Adds a sample for each value that is present.
pub fn push(
    samples: &mut Samples,
    families: &[FamilyId],
    fields: &[NumberField],
    values: &[Option<f64>],
    labels: &[&str],
    at: i64,
) {
    for ((family, field), value) in families.iter().zip(fields).zip(values) {
        if let Some(value) = value {
            samples.push(*family, labels, value * field.scale, at);
        }
    }
}

/// Defines a JSON object with number fields and the table of their families:
/// `field => "family", "help", scale;` for the numbers, then, after `..`, the object's other fields.
macro_rules! number_fields {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($field:ident => $family:literal, $help:literal, $scale:expr;)*
            $(.. { $($(#[$other_attribute:meta])* $other:ident: $type:ty,)* })?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($field: $crate::input::Field<$crate::input::Count>,)*
            $($($(#[$other_attribute])* $other: $type,)*)?
        }

        impl $name {
            /// The families of the number fields, in order.
            pub const FIELDS: &'static [$crate::output::fields::NumberField] = &[
                $($crate::output::fields::NumberField {
                    family: $family,
                    help: $help,
                    scale: $scale,
                },)*
            ];

            /// Whether any number is above zero.
            #[allow(dead_code, reason = "not every object needs it")]
            pub fn any(&self) -> bool {
                $(self.$field.get().is_some_and(|count| count.0 > 0.0))||*
            }

            /// The numbers as GitHub sent them, in the order of [`Self::FIELDS`].
            pub fn values(&self) -> Vec<Option<f64>> {
                vec![$(self.$field.get().map(|count| count.0),)*]
            }
        }
    };
}
pub(crate) use number_fields;
