//! The time from the start of the process to the first scrape with data, while GitHub is down and the
//! store has a users report: if its samples have to be computed, as after an upgrade, and if they are
//! stored too.

use std::time::Instant;

use copilot_metrics_exporter::body::{BodyWriter, Spool};
use copilot_metrics_exporter::model::{Document, Part, Scope, Target};
use copilot_metrics_exporter::store::{Disk, Key, Slot, Store};
use copilot_metrics_tests::command::{Serving, client, exporter};
use copilot_metrics_tests::fixtures::{WEEK, write_users_report};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The sizes of the reports.
const MEGABYTES: [u64; 3] = [1, 32, 200];
/// An address that refuses connections.
const GITHUB: &str = "http://127.0.0.1:9";
/// A family that needs the users report.
const FAMILY: &str = "github_copilot_users_reported{";

pub fn measure() {
    let runtime = Runtime::new().unwrap();
    for megabytes in MEGABYTES {
        let directory = tempfile::tempdir().unwrap();
        runtime.block_on(store_report(&directory, megabytes * 1_000_000));
        for samples in ["computed", "stored"] {
            let mut command = exporter();
            command.env("CACHE_DIR", directory.path()).env("GITHUB_API_URL", GITHUB);
            command.env("ORG", "octodemo").env("GHC_TOKEN", "none");
            let started = Instant::now();
            let serving = Serving::start(command);
            runtime.block_on(async {
                let client = client();
                let url = serving.url("/metrics");
                let scrape = async || client.get(&url).send().await.unwrap().text().await.unwrap();
                while !scrape().await.contains(FAMILY) {}
            });
            println!(
                "restart with a users report of {megabytes} MB, samples {samples}: first data after {:.2} s",
                started.elapsed().as_secs_f64()
            );
            // From now on, the samples are stored.
            serving.wait_for("serving stored data");
        }
    }
}

/// Stores a generated users report.
async fn store_report(directory: &TempDir, bytes: u64) {
    let mut body = BodyWriter::default();
    write_users_report(&mut body, bytes, &WEEK, usize::MAX).unwrap();
    let body = body.finish().unwrap();
    let day = Some(jiff::civil::date(2026, 10, 30));
    let part = Part { body, validator: None, next: None, day };
    let path = "/orgs/{org}/copilot/metrics/reports/users-1-day?day={day}";
    let document = Document {
        source: format!("report {path}"),
        ..Document::new(vec![part], jiff::Timestamp::now(), day)
    };
    let target = Target::new(Scope::Organization, "octodemo").unwrap();
    let target = target.at(&GITHUB.parse().unwrap());
    let key = Key::document(&target, "users-1-day", day, Slot::Good);
    Disk::open(directory.path(), Spool::default()).unwrap().put(&key, &document).await.unwrap();
}
