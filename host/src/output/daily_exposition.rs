//! The exposition of daily samples: `/metrics/daily`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::daily::is_last;
use super::encode::{FamilyPart, write_family};
use super::gzip::{HEADER, Piece, Trailer};
use super::metadata::metadata_length;
use crate::model::{Samples, Target};

/// How long the first request waits for daily samples: less than Prometheus' default timeout of 10 s.
const FIRST_WAIT: Duration = Duration::from_secs(8);

/// The daily samples of all targets, compressed: a month of one takes thirty times the room of its live
/// series. Each family of each target is a piece, because a family must be in one block.
///
/// They take time and memory, so there are none until someone asks for them.
#[derive(Default)]
pub struct DailyExposition {
    targets: Mutex<BTreeMap<String, Arc<[DailyFamily]>>>,
    /// Whether someone has asked for them.
    is_wanted: watch::Sender<bool>,
    /// Whether there are those of every target that had documents when someone asked.
    is_ready: watch::Sender<bool>,
}

/// A family of a target.
struct DailyFamily {
    name: String,
    /// Its `# HELP` and `# TYPE`.
    header: Piece,
    samples: Piece,
}

impl DailyExposition {
    /// Asks for daily samples, and waits for the first ones.
    pub async fn ask(&self) {
        self.is_wanted.send_replace(true);
        let mut ready = self.is_ready.subscribe();
        tokio::time::timeout(FIRST_WAIT, ready.wait_for(|ready| *ready)).await.ok();
    }

    /// Returns when someone has asked for daily samples.
    pub async fn wanted(&self) {
        // It fails only if the exposition is gone.
        self.is_wanted.subscribe().wait_for(|wanted| *wanted).await.ok();
    }

    /// There are the daily samples of every target that has documents.
    pub fn set_ready(&self) {
        self.is_ready.send_replace(true);
    }

    /// Publishes the daily samples of a target, those of each of its mappings. It writes and compresses:
    /// it belongs on a thread for blocking work.
    pub fn publish(&self, target: &Target, samples: &[Samples]) -> prometheus::Result<()> {
        let mut families = Vec::new();
        for samples in samples {
            for (family, columns) in &samples.families {
                let mut text = String::new();
                let part = FamilyPart { family, samples: columns, strings: &samples.strings };
                write_family(&[part], &mut text)?;
                let header = metadata_length(&text);
                let (header, lines) = text.split_at_checked(header).unwrap_or_default();
                let (header, samples) =
                    (Piece::new(header.as_bytes()), Piece::new(lines.as_bytes()));
                families.push(DailyFamily { name: family.name.clone(), header, samples });
            }
        }
        self.targets().insert(target.to_string(), families.into());
        Ok(())
    }

    /// Removes the samples of all other targets.
    pub fn keep<'a>(&self, targets: impl IntoIterator<Item = &'a Target>) {
        let kept: Vec<String> = targets.into_iter().map(Target::to_string).collect();
        self.targets().retain(|target, _| kept.contains(target));
    }

    /// Everything as one gzip file in pieces.
    pub fn gzip(&self) -> Vec<Bytes> {
        // What is shared is not copied, and the lock is not held while pieces are put together.
        let targets: Vec<_> = self.targets().values().cloned().collect();
        let mut names: Vec<&str> = Vec::new();
        let mut by_name: BTreeMap<&str, Vec<&DailyFamily>> = BTreeMap::new();
        for family in targets.iter().flat_map(|families| families.iter()) {
            let of_name = by_name.entry(&family.name).or_default();
            if of_name.is_empty() {
                names.push(&family.name);
            }
            of_name.push(family);
        }
        // Stable: the other families keep their order.
        names.sort_by_key(|name| is_last(name));
        let mut pieces = vec![Bytes::from_static(&HEADER)];
        let mut trailer = Trailer::default();
        for name in names {
            let families = by_name.get(name).map(Vec::as_slice).unwrap_or_default();
            let header = families.first().map(|family| &family.header);
            for piece in header.into_iter().chain(families.iter().map(|family| &family.samples)) {
                trailer.add(piece);
                pieces.push(piece.compressed().clone());
            }
        }
        pieces.push(trailer.finish(b"").into());
        pieces
    }

    fn targets(&self) -> MutexGuard<'_, BTreeMap<String, Arc<[DailyFamily]>>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::daily::LAST_FAMILY;
    use super::*;
    use crate::model::{Family, FamilySamples, MetricKind, Scope};

    fn samples(families: &[(&str, f64)]) -> Samples {
        let families = families.iter().map(|(name, value)| {
            let family = Family {
                name: (*name).to_owned(),
                help: "h".to_owned(),
                kind: MetricKind::Gauge,
                label_names: vec![],
                enabled_by: None,
                detail: 0,
            };
            let columns = FamilySamples {
                name: (*name).to_owned(),
                label_values: vec![],
                values: vec![*value],
                timestamps: Some(vec![1000]),
            };
            (Arc::new(family), columns)
        });
        Samples { strings: vec![], families: families.collect(), left_out: None }
    }

    fn text(exposition: &DailyExposition) -> String {
        let mut text = String::new();
        let file = exposition.gzip().concat();
        flate2::read::GzDecoder::new(file.as_slice()).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn each_family_of_all_targets_is_one_block_and_the_one_that_completes_a_day_is_last() {
        let exposition = DailyExposition::default();
        assert_eq!(text(&exposition), "");
        let target = |name: &str| Target::new(Scope::Organization, name).unwrap();
        let last = format!("daily_{LAST_FAMILY}");
        let of_one = [samples(&[(&last, 7.0), ("daily_a", 1.0)]), samples(&[("daily_b", 2.0)])];
        exposition.publish(&target("one"), &of_one).unwrap();
        exposition.publish(&target("two"), &[samples(&[("daily_a", 3.0)])]).unwrap();
        assert_eq!(
            text(&exposition),
            format!(
                "# HELP daily_a h\n# TYPE daily_a gauge\ndaily_a 1 1000\ndaily_a 3 1000\n\
                 # HELP daily_b h\n# TYPE daily_b gauge\ndaily_b 2 1000\n\
                 # HELP {last} h\n# TYPE {last} gauge\n{last} 7 1000\n"
            )
        );
        exposition.keep([&target("two")]);
        assert!(
            text(&exposition).starts_with("# HELP daily_a h\n# TYPE daily_a gauge\ndaily_a 3 ")
        );
    }
}
