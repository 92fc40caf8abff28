//! Serializes numbers as their bits: as decimals, they would be read with an error in the last digit, and
//! replicas that share samples would serve different texts.

use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|value| value.to_bits()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<f64>, D::Error> {
    let bits = Vec::<u64>::deserialize(deserializer)?;
    Ok(bits.into_iter().map(f64::from_bits).collect())
}

#[cfg(test)]
mod tests {
    use crate::model::FamilySamples;

    #[test]
    fn values_are_exactly_the_same_after_they_were_stored() {
        // Many of the quotients would differ if they were read as decimals.
        let quotients = (1..2000).map(|number| f64::from(number) / 997.0);
        let values: Vec<f64> = quotients.chain([0.0, -0.0, 1e300, 5e-324, f64::INFINITY]).collect();
        let (name, label_values, timestamps) = ("a".to_owned(), Vec::new(), None);
        let samples = FamilySamples { name, label_values, values, timestamps };
        let text = serde_json::to_vec(&samples).unwrap();
        let read: FamilySamples = serde_json::from_slice(&text).unwrap();
        let bits = |samples: &FamilySamples| -> Vec<u64> {
            samples.values.iter().map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(&read), bits(&samples));
    }
}
