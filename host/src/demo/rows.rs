//! Recordings with a row for each day.

use std::fmt;

use jiff::civil::Date;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Where the rows of a body are that are about one day each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The key of their array, unless the body is the array.
    pub(super) array: Option<&'a str>,
    /// The field with their day.
    pub(super) day: &'a str,
    /// The integers in them that are not counts (see [`scale`](super::share::scale)). `None`: they always
    /// stay as recorded.
    pub(super) fixed: Option<&'a [String]>,
}

impl Rows<'_> {
    /// The rows of a body.
    pub(super) fn of_mut<'b>(&self, body: &'b mut Value) -> Option<&'b mut Vec<Value>> {
        match self.array {
            Some(key) => body.get_mut(key),
            None => Some(body),
        }?
        .as_array_mut()
    }

    /// The day of a row.
    pub(super) fn day(&self, row: &Value) -> Option<Date> {
        row.get(self.day)?.as_str()?.parse().ok()
    }

    /// The row of a day. Never holds more than one other row: a year of days is requested one by one, and
    /// all rows of a recording take ten times its size.
    pub(super) fn find(self, body: &[u8], day: Date) -> Option<Value> {
        let mut body = serde_json::Deserializer::from_slice(body);
        Search { rows: self, day }.deserialize(&mut body).ok()?
    }
}

/// Searches a body, or the array in it, for the row of a day.
struct Search<'a> {
    rows: Rows<'a>,
    day: Date,
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, body: D) -> Result<Self::Value, D::Error> {
        body.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut body: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = body.next_key::<String>()? {
            if self.rows.array == Some(key.as_str()) {
                let rows = Rows { array: None, ..self.rows };
                found = body.next_value_seed(Search { rows, day: self.day })?;
            } else {
                body.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(row) = rows.next_element::<Value>()? {
            if self.rows.day(&row) == Some(self.day) {
                found = Some(row);
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_row_of_a_day_is_found_in_an_array_or_under_its_key() {
        let list = r#"[{"on":"2026-11-19","n":1},{"on":"2026-11-20","n":2}]"#;
        let object = format!(r#"{{"end":["2026-11-20"],"rows":{list},"n":3}}"#);
        for (array, body) in [(None, list), (Some("rows"), object.as_str())] {
            let rows = Rows { array, day: "on", fixed: None };
            let number = |day| Some(rows.find(body.as_bytes(), day)?["n"].clone());
            assert_eq!(number(date(2026, 11, 20)), Some(2.into()));
            assert_eq!(number(date(2026, 11, 19)), Some(1.into()));
            assert_eq!(number(date(2026, 11, 18)), None);
        }
        let rows = Rows { array: Some("another"), day: "on", fixed: None };
        assert_eq!(rows.find(object.as_bytes(), date(2026, 11, 20)), None);
    }
}
