//! Packages the binary that is already built, and installs the packages.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use copilot_metrics_tests::command::{binary, client};
use copilot_metrics_tests::exposition::Exposition;
use copilot_metrics_tests::fixtures::root;

use crate::bases::debian;
use crate::podman::done;

const NAME: &str = "copilot-metrics-exporter";
const UNIT: &str = "copilot-metrics-exporter.service";
/// The largest exposure that `systemd-analyze security` may find, times ten.
const MAX_EXPOSURE: &str = "20";
/// The timeout of everything that tests wait for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The directory with the package of each kind.
fn packages() -> &'static Path {
    static PACKAGES: OnceLock<PathBuf> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let binary = binary();
        let profile = binary.parent().unwrap();
        let directory = root().join("target/packages");
        fs::remove_dir_all(&directory).ok();
        let mut package = Command::new(root().join(".ci/release/packages"));
        package.arg(profile.file_name().unwrap()).arg(&directory);
        done(package.env("CARGO_TARGET_DIR", profile.parent().unwrap()));
        directory
    })
}

/// The package with an extension.
fn package(extension: &str) -> PathBuf {
    let files = fs::read_dir(packages()).unwrap().map(|file| file.unwrap().path());
    let found: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// A minimal Debian with systemd in a directory, which is removed when it is dropped.
struct Debian(tempfile::TempDir);

impl Debian {
    fn install() -> Self {
        let directory = tempfile::tempdir_in(root().join("target")).unwrap();
        let system = directory.path().join("debian");
        debian(&system, |mmdebstrap| {
            mmdebstrap.args(["--format=directory", "--include=ca-certificates,libgcc-s1,systemd"]);
        });
        Self(directory)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join("debian").join(path)
    }

    /// A command in it, as a user and with a `/proc` of its own. What it starts ends with it.
    fn command(&self, user: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child"]);
        command.arg(format!("--mount-proc={}", self.path("proc").display()));
        command.arg("chroot").arg(format!("--userspec={user}")).arg(self.path("")).args(arguments);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }

    fn root(&self, arguments: &[&str]) -> String {
        done(&mut self.command("0:0", arguments))
    }

    /// The files and directories whose path has the name of the package.
    fn left(&self) -> Vec<PathBuf> {
        let (mut left, mut directories) = (Vec::new(), vec![self.path("")]);
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let entry = entry.unwrap();
                if entry.file_name().to_string_lossy().contains(NAME) {
                    left.push(entry.path());
                } else if entry.file_type().unwrap().is_dir() {
                    directories.push(entry.path());
                }
            }
        }
        left
    }
}

/// A process that is killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs the demo as the service would run it, but for the user, which only systemd can make. Returns what
/// `/metrics` serves once there is data.
fn serve(debian: &Debian) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let unit = fs::read_to_string(debian.path("usr/lib/systemd/system").join(UNIT)).unwrap();
    let program = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let mut command = debian.command("65534:65534", &[program, "--demo"]);
    command.env("LISTEN_ADDRESS", &address).env("CACHE_DIR", "/var/cache/copilot-metrics-exporter");
    let mappings = unit.lines().find_map(|line| line.strip_prefix("Environment=MAPPING_DIR="));
    command.env("MAPPING_DIR", mappings.unwrap());
    let _running = Running(command.stdout(Stdio::null()).spawn().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let until = Instant::now() + PATIENCE;
        loop {
            let ready = client().get(format!("http://{address}/-/ready")).send().await;
            if ready.is_ok_and(|response| response.status().is_success()) {
                break;
            }
            assert!(Instant::now() < until, "the exporter is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let metrics = client().get(format!("http://{address}/metrics")).send().await.unwrap();
        metrics.text().await.unwrap()
    })
}

pub fn the_debian_package_installs_runs_unprivileged_and_leaves_nothing_behind() {
    let debian = Debian::install();
    fs::copy(package("deb"), debian.path("package.deb")).unwrap();
    debian.root(&["dpkg", "--install", "/package.deb"]);

    // The service: valid, enabled, and hardened.
    let enabled = debian.path("etc/systemd/system/multi-user.target.wants").join(UNIT);
    assert!(enabled.symlink_metadata().is_ok(), "the service is not enabled");
    debian.root(&["systemd-analyze", "verify", UNIT]);
    let threshold = format!("--threshold={MAX_EXPOSURE}");
    let security = ["systemd-analyze", "security", "--offline=yes", "--no-pager", &threshold, UNIT];
    let analyzed = debian.root(&security);
    println!("{}", analyzed.lines().last().unwrap_or_default());
    let token = debian.path("etc/copilot-metrics-exporter/token").metadata().unwrap();
    assert_eq!((token.permissions().mode() & 0o777, token.len()), (0o600, 0));

    // The token is all that a start needs. The variables of the comments are settings.
    let version = debian.root(&["copilot-metrics-exporter", "--version"]);
    assert!(version.starts_with(&format!("{NAME} {}", env!("CARGO_PKG_VERSION"))), "{version}");
    fs::write(debian.path("etc/copilot-metrics-exporter/token"), "ghp_0123456789\n").unwrap();
    let mut check = debian.command("0:0", &[NAME, "check-config"]);
    let checked = done(check.env("GHC_TOKEN_FILE", "/etc/copilot-metrics-exporter/token"));
    assert!(checked.contains("nothing would be exported"), "{checked}");
    let text = fs::read_to_string(debian.path("etc/default/copilot-metrics-exporter")).unwrap();
    let help = debian.root(&[NAME, "--help"]);
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='))
        .map(|(name, _)| name)
        .collect();
    assert!(names.contains(&"ORG"), "{names:?}");
    for name in names {
        let mut words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        assert!(words.any(|word| word == name), "{name} is not a setting");
    }

    let cache = debian.path("var/cache/copilot-metrics-exporter");
    fs::create_dir(&cache).unwrap();
    std::os::unix::fs::chown(&cache, Some(65534), Some(65534)).unwrap();
    let metrics = Exposition::parse(&serve(&debian));
    assert!(metrics.sum("total_active_users", "org=\"octodemo\"") > 0.0);
    assert_eq!(metrics.sum("copilot_exporter_cache_store_failures_total", ""), 0.0);

    // Settings stay until the package is purged.
    debian.root(&["dpkg", "--remove", NAME]);
    assert!(debian.path("etc/default/copilot-metrics-exporter").exists());
    debian.root(&["dpkg", "--purge", NAME]);
    assert_eq!(debian.left(), Vec::<PathBuf>::new());
}

/// The files of a package, without those that only one kind of packages has.
fn files(listed: &str) -> BTreeSet<String> {
    let files = listed.lines().map(|line| line.trim_start_matches('.').to_owned());
    files.filter(|file| !file.contains("/doc/") && !file.contains("/licenses/")).collect()
}

pub fn the_rpm_has_the_files_of_the_debian_package() {
    let (deb, rpm) = (package("deb"), package("rpm"));
    let contents = done(
        Command::new("sh")
            .args(["-c", "dpkg-deb --fsys-tarfile \"$0\" | tar --list | grep -v '/$'"])
            .arg(&deb),
    );
    let query = |arguments: &[&str]| {
        done(Command::new("rpm").arg("--query").args(arguments).arg("--package").arg(&rpm))
    };
    let listed = files(&query(&["--list"]));
    assert!(listed.contains("/usr/bin/copilot-metrics-exporter"), "{listed:?}");
    assert_eq!(listed, files(&contents));
    // An update keeps what the administrator has changed, and restarts the service.
    let configuration = query(&["--configfiles"]);
    assert!(configuration.contains("/etc/copilot-metrics-exporter/token"), "{configuration}");
    assert!(
        query(&["--scripts"]).contains("systemctl try-restart copilot-metrics-exporter.service")
    );
    assert!(query(&["--requires"]).contains("ca-certificates"));
}
