//! Collects the samples of many days for one OpenMetrics file.
//!
//! The format wants the samples of a family together, and those of a series too, but days come one after
//! the other. So the samples wait in a temporary file for each family, and memory holds only the series.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::sync::Arc;

use super::openmetrics::{END, write_header, write_labels, write_sample};
use crate::model::{Family, Samples};

/// How many samples are sorted in memory at once.
const SORTED_AT_ONCE: u64 = 1 << 18;
/// The size of a sample in a temporary file: the number of its series, its time and its value.
const ROW_BYTES: usize = 4 + 8 + 8;

/// The samples of all families.
#[derive(Default)]
pub struct OpenMetricsSpool {
    families: BTreeMap<String, FamilySpool>,
}

/// The samples of a family.
struct FamilySpool {
    family: Arc<Family>,
    /// The number of each series, by its labels.
    series: HashMap<Box<str>, u32>,
    /// The number of samples of each series.
    counts: Vec<u64>,
    rows: BufWriter<File>,
}

impl OpenMetricsSpool {
    /// Adds samples, which come after those of the same series that were added before.
    pub fn add(&mut self, samples: &Samples) -> io::Result<()> {
        let mut labels = String::new();
        for (family, columns) in &samples.families {
            let spool = match self.families.entry(family.name.clone()) {
                std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    new.insert(FamilySpool::new(Arc::clone(family))?)
                }
            };
            for (ids, value, time) in columns.iter(family.label_names.len()) {
                labels.clear();
                write_labels(family, ids, &samples.strings, &mut labels);
                spool.add(&labels, value, time.unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// Writes everything that was added.
    pub fn write(self, out: &mut dyn Write) -> io::Result<()> {
        for family in self.families.into_values() {
            family.write(out)?;
        }
        out.write_all(END)
    }
}

impl FamilySpool {
    fn new(family: Arc<Family>) -> io::Result<Self> {
        let rows = BufWriter::with_capacity(ROW_BYTES * 100, tempfile::tempfile()?);
        Ok(Self { family, series: HashMap::new(), counts: Vec::new(), rows })
    }

    fn add(&mut self, labels: &str, value: f64, time: i64) -> io::Result<()> {
        let number = match self.series.get(labels) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.counts.len()).map_err(io::Error::other)?;
                self.series.insert(labels.into(), number);
                self.counts.push(0);
                number
            }
        };
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
        self.rows.write_all(&number.to_le_bytes())?;
        self.rows.write_all(&time.to_le_bytes())?;
        self.rows.write_all(&value.to_le_bytes())
    }

    /// Writes the samples in the order of their series: as many series at once as fit in memory.
    fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let Self { family, series, counts, rows } = self;
        let mut labels: Vec<(u32, Box<str>)> =
            series.into_iter().map(|(labels, number)| (number, labels)).collect();
        labels.sort_unstable_by_key(|(number, _)| *number);
        let mut file = rows.into_inner().map_err(|error| error.into_error())?;
        write_header(&family, out)?;
        let mut first = 0;
        while first < counts.len() {
            let mut samples = 0;
            let of_batch = counts.iter().skip(first).take_while(|count| {
                samples += **count;
                samples <= SORTED_AT_ONCE
            });
            let end = first + of_batch.count().max(1);
            file.rewind()?;
            for (number, time, value) in sorted(&file, first, end)? {
                let labels = labels.get(number as usize).map_or("", |(_, labels)| labels);
                write_sample(&family.name, labels, value, Some(time), out)?;
            }
            first = end;
        }
        Ok(())
    }
}

/// The samples of a range of series, in their order.
fn sorted(file: &File, first: usize, end: usize) -> io::Result<Vec<(u32, i64, f64)>> {
    let mut file = BufReader::with_capacity(ROW_BYTES * 1000, file);
    let mut rows = Vec::new();
    let mut row = [0; ROW_BYTES];
    loop {
        match file.read_exact(&mut row) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        let [a, b, c, d, time @ .., i, j, k, l, m, n, o, p] = row;
        let number = u32::from_le_bytes([a, b, c, d]);
        if (first..end).contains(&(number as usize)) {
            let value = f64::from_le_bytes([i, j, k, l, m, n, o, p]);
            rows.push((number, i64::from_le_bytes(time), value));
        }
    }
    // Stable: a later sample of the same time stays the later one.
    rows.sort_by_key(|(number, time, _)| (*number, *time));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FamilySamples, MetricKind};

    fn day(time: i64, values: &[(&str, f64)]) -> Samples {
        let family = Family {
            name: "daily_users".to_owned(),
            help: "Users.".to_owned(),
            kind: MetricKind::Gauge,
            label_names: vec!["team".to_owned()],
            enabled_by: None,
            detail: 0,
        };
        let columns = FamilySamples {
            name: family.name.clone(),
            label_values: (0..).take(values.len()).collect(),
            values: values.iter().map(|(_, value)| *value).collect(),
            timestamps: Some(vec![time; values.len()]),
        };
        Samples {
            strings: values.iter().map(|(team, _)| (*team).to_owned()).collect(),
            families: vec![(Arc::new(family), columns)],
            left_out: None,
        }
    }

    #[test]
    fn samples_of_many_days_are_written_series_by_series() {
        let mut spool = OpenMetricsSpool::default();
        spool.add(&day(1000, &[("b", 1.0), ("a", 2.0)])).unwrap();
        spool.add(&day(2500, &[("a", 3.0), ("c", 4.0), ("b", 5.0)])).unwrap();
        let mut text = Vec::new();
        spool.write(&mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "# TYPE daily_users gauge\n\
             # HELP daily_users Users.\n\
             daily_users{team=\"b\"} 1 1.000\n\
             daily_users{team=\"b\"} 5 2.500\n\
             daily_users{team=\"a\"} 2 1.000\n\
             daily_users{team=\"a\"} 3 2.500\n\
             daily_users{team=\"c\"} 4 2.500\n\
             # EOF\n"
        );
    }

    #[test]
    fn more_samples_than_fit_in_memory_are_written_all_and_in_order() {
        let mut spool = OpenMetricsSpool::default();
        let teams: Vec<String> = (0..1000).map(|team| format!("{team:04}")).collect();
        let days = SORTED_AT_ONCE as i64 / 1000 * 2;
        for time in 0..days {
            let values: Vec<(&str, f64)> =
                teams.iter().map(|team| (team.as_str(), time as f64)).collect();
            spool.add(&day(time * 1000, &values)).unwrap();
        }
        let mut text = Vec::new();
        spool.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        for team in &teams {
            for time in 0..days {
                let line = format!("daily_users{{team=\"{team}\"}} {time} {time}.000");
                assert_eq!(lines.next(), Some(line.as_str()));
            }
        }
        assert_eq!(lines.next(), None);
    }
}
