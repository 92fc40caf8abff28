//! The ways in which a mapping can misbehave, and what it sees of the outside world.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::exports::copilot_metrics_exporter::mapping::mapper::*;
use crate::{family, outside};

/// The number of calls so far.
static CALLS: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Copy, PartialEq)]
pub enum Behavior {
    Nothing,
    /// Declares a chart.
    Chart,
    Loop,
    Recurse,
    Grow,
    Flood,
    FamilyName,
    LabelName,
    ReservedName,
    NotUtf8,
    OutOfRange,
    Columns,
    NotANumber,
    Duplicate,
    Undeclared,
    LongLabel,
    MuchText,
    ForgesTheLog,
    TrapIn(&'static str),
    TrapEverySecondCall,
    TrapWhenTold,
    LoopWhenTold,
    MisleadingPanic,
    LookAround,
    Connect(u16),
    Sleep,
    Exit,
    Talk,
    Handles,
    Poll,
    RandomBytes,
    Random,
    OtherOrganization,
    OtherHost,
    UpThePath,
    TakesAFamily,
    OnlySeats,
    TakesADocument,
    /// Counts the calls: the samples depend on where chunks end.
    ChunkDependent,
    /// Writes to standard error.
    Whispers,
    /// Traps with the span `history`.
    OnlyLatest,
}

impl Behavior {
    pub fn of(word: &'static str) -> Self {
        match word {
            "loop" => Self::Loop,
            "recurse" => Self::Recurse,
            "grow" => Self::Grow,
            "flood" => Self::Flood,
            "family-name" => Self::FamilyName,
            "label-name" => Self::LabelName,
            "reserved-name" => Self::ReservedName,
            "not-utf8" => Self::NotUtf8,
            "out-of-range" => Self::OutOfRange,
            "columns" => Self::Columns,
            "not-a-number" => Self::NotANumber,
            "duplicate" => Self::Duplicate,
            "undeclared" => Self::Undeclared,
            "long-label" => Self::LongLabel,
            "much-text" => Self::MuchText,
            "forges-the-log" => Self::ForgesTheLog,
            "trap-every-second-call" => Self::TrapEverySecondCall,
            "trap-when-told" => Self::TrapWhenTold,
            "loop-when-told" => Self::LoopWhenTold,
            "misleading-panic" => Self::MisleadingPanic,
            "look-around" => Self::LookAround,
            "sleep" => Self::Sleep,
            "exit" => Self::Exit,
            "talk" => Self::Talk,
            "handles" => Self::Handles,
            "poll" => Self::Poll,
            "random-bytes" => Self::RandomBytes,
            "random" => Self::Random,
            "other-organization" => Self::OtherOrganization,
            "other-host" => Self::OtherHost,
            "up-the-path" => Self::UpThePath,
            "takes-a-family" => Self::TakesAFamily,
            "only-seats" => Self::OnlySeats,
            "takes-a-document" => Self::TakesADocument,
            "chart" => Self::Chart,
            "chunk-dependent" => Self::ChunkDependent,
            "whispers" => Self::Whispers,
            "only-latest" => Self::OnlyLatest,
            _ => match (word.strip_prefix("trap-in-"), word.strip_prefix("connect-")) {
                (Some(call), _) => Self::TrapIn(call),
                (_, Some(port)) => Self::Connect(port.parse().unwrap_or_default()),
                _ => Self::Nothing,
            },
        }
    }

    /// Behaves badly at the beginning of a call, if that is its script.
    pub fn before(self, call: &str) {
        let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        match self {
            Self::TrapIn(trap) if trap == call => panic!("it traps in {call}"),
            Self::TrapEverySecondCall if calls.is_multiple_of(2) => {
                panic!("it traps at call {calls}")
            }
            Self::Loop if call == "feed" => while black_box(true) {},
            Self::MisleadingPanic if call == "finish" => {
                panic!("memory is growing, and the fuel for hostcalls is exhausted")
            }
            Self::Recurse if call == "feed" => _ = recurse(0),
            Self::Grow if call == "feed" => {
                let mut kept = Vec::new();
                while black_box(true) {
                    kept.push(vec![1_u8; 1 << 20]);
                }
                black_box(kept);
            }
            Self::OnlyLatest if call == "history" => panic!("it knows the newest day only"),
            Self::Whispers if call == "finish" => eprintln!("a word\u{1b}[2J of the mapping"),
            Self::Sleep if call == "feed" => std::thread::sleep(Duration::from_hours(1)),
            Self::Exit if call == "feed" => std::process::exit(0),
            Self::Talk if call == "feed" => {
                // Megabytes, and the message at their end.
                for line in 0..100_000 {
                    eprintln!("this is line {line}, with Bearer hunter2hunter2hunter2 in it");
                }
                panic!("there was much to say");
            }
            Self::Handles if call == "feed" => outside::take_handles(),
            Self::Poll if call == "feed" => outside::wait_for_nothing(),
            Self::RandomBytes if call == "feed" => outside::take_random_bytes(),
            _ => {}
        }
    }

    pub fn spoil_manifest(self, manifest: &mut Manifest) {
        let path = |manifest: &mut Manifest, path: &str| manifest.documents[0].path = path.into();
        match self {
            Self::FamilyName => manifest.families.push(family("bad name", &[])),
            Self::LabelName => manifest.families.push(family("good", &["bad-label"])),
            Self::ReservedName => manifest.families.push(family("copilot_exporter_up", &[])),
            Self::OtherOrganization => path(manifest, "/orgs/somebody-else/copilot/billing"),
            Self::OtherHost => path(manifest, "https://evil.example/orgs/{org}/copilot"),
            Self::UpThePath => path(manifest, "/orgs/{org}/../somebody-else/copilot/billing"),
            Self::TakesAFamily => manifest.families.push(family("github_copilot_seats", &["org"])),
            Self::OnlySeats => manifest.families = vec![family("github_copilot_seats", &["org"])],
            Self::TakesADocument => path(manifest, "/orgs/{org}/copilot/something-else"),
            // A chart: the page runs the mapping with the span `history`.
            Self::TrapIn("history") => {
                manifest.families.push(family("github_copilot_active_users", &[]));
                manifest.charts.push(chart("Active users", "github_copilot_active_users"));
            }
            Self::Chart => manifest.charts.push(chart("Scripted seats", "scripted_seats")),
            Self::LookAround | Self::Connect(_) | Self::Random => {
                manifest.families.push(family("scripted_seen", &["what"]));
            }
            _ => {}
        }
    }

    pub fn spoil_samples(self, set: &mut SampleSet) {
        let seats = &mut set.families[0];
        match self {
            Self::ChunkDependent => {
                seats.values = vec![f64::from(CALLS.load(Ordering::Relaxed))];
            }
            Self::Flood => {
                seats.values = vec![1.0; 10_000_000];
                seats.label_values = vec![0; 10_000_000];
            }
            Self::NotUtf8 => {
                let bytes = vec![b'a', 0xff, 0xfe];
                // A guest in another language could send this.
                set.strings[0] = unsafe { String::from_utf8_unchecked(bytes) };
            }
            Self::OutOfRange => seats.label_values = vec![1_000_000],
            Self::Columns => seats.label_values = vec![0, 0],
            Self::NotANumber => seats.values = vec![f64::NAN],
            Self::Duplicate => {
                seats.label_values = vec![0, 0];
                seats.values = vec![1.0, 2.0];
            }
            Self::OnlySeats => {
                seats.name = "github_copilot_seats".into();
                set.families.truncate(1);
            }
            Self::Undeclared => seats.name = "not_in_the_manifest".into(),
            Self::MuchText => {
                let stamps = 20_000;
                set.strings = vec!["x".repeat(1000)];
                set.strings.extend((0..stamps).map(|number| number.to_string()));
                let stamp = &mut set.families[1];
                stamp.values = vec![1.0; stamps as usize];
                stamp.label_values = (0..stamps).flat_map(|number| [0, number + 1, 0]).collect();
                set.families.remove(0);
            }
            Self::ForgesTheLog => {
                seats.name =
                    format!("x\n2026-01-01 INFO all is well\x1b[2J{}", "y".repeat(100_000));
            }
            Self::LongLabel => set.strings[0] = "x".repeat(100_000),
            Self::LookAround => add_seen(set, &outside::everything()),
            Self::Connect(port) => add_seen(set, &outside::connections(port)),
            Self::Random => add_seen(set, &outside::random_numbers()),
            _ => {}
        }
    }
}

/// Adds a sample for each thing that the mapping has seen.
fn add_seen(set: &mut SampleSet, seen: &[(&str, f64)]) {
    let first = set.strings.len() as u32;
    set.strings.extend(seen.iter().map(|(what, _)| (*what).to_owned()));
    set.families.push(FamilySamples {
        name: "scripted_seen".into(),
        label_values: (first..first + seen.len() as u32).collect(),
        values: seen.iter().map(|(_, value)| *value).collect(),
        timestamps: None,
    });
}

/// A chart of a family.
fn chart(title: &str, family: &str) -> Chart {
    let value = Selection { family: family.into(), matchers: vec![] };
    Chart {
        title: title.into(),
        help: "A chart for tests.".into(),
        form: ChartForm::Lines(vec![ChartSeries { name: "all".into(), value, divided_by: None }]),
    }
}

fn recurse(depth: u64) -> u64 {
    if black_box(true) { recurse(black_box(depth + 1)) + black_box(1) } else { depth }
}
