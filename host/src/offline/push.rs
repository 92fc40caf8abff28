//! `copilot-metrics-exporter mapping push`: runs all checks on a mapping, and pushes it to an OCI registry.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::CheckArgs;
use super::check::{BuiltInRecording, check};
use super::files::OfflineError;
use crate::config::{
    ArtifactReference, RegistryArgs, RegistryOptions, ServeArgs, Settings, Version,
};
use crate::mappings::read_file;
use crate::model::digest::sha256;
use crate::oci::{Artifact, Client, OciError};
use crate::wasm::{Mapping, import_and_export_names};

/// How long a push may take. An upload can be slow.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The arguments of `mapping push`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  copilot-metrics-exporter mapping push seats.wasm oci://registry.example.com/team/seats:1.0

It prints the reference with the digest, to sign it: cosign sign --key cosign.key REGISTRY/NAME@DIGEST

Exit codes: 0 pushed, 1 the registry failed or refused it, 64 invalid argument, 65 the mapping can't be used, \
66 file not found.")]
pub struct PushArgs {
    /// The mapping
    #[arg(value_name = "FILE.wasm")]
    pub file: PathBuf,

    /// Where to push it, with a tag
    #[arg(value_name = "oci://REGISTRY/NAME:TAG")]
    pub reference: String,

    /// Config file (YAML) whose section `mapping` has the limits, digests and registry
    #[arg(long, env = "CONFIG_FILE", value_name = "FILE")]
    pub config: Option<String>,

    /// How to sign in.
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Use plain HTTP, which is only possible for a registry on this machine
    #[arg(long)]
    pub plain_http: bool,
}

/// Checks the mapping as `mapping check` does, pushes it, and prints its reference with the digest.
pub fn push(
    args: &PushArgs,
    recordings: impl FnOnce() -> io::Result<Vec<BuiltInRecording>>,
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    let reference: ArtifactReference = args.reference.parse().map_err(OfflineError::Usage)?;
    if matches!(reference.version(), Version::Digest(_)) {
        let problem =
            format!("{reference} has a digest: push to a tag, the digest follows from it");
        return Err(OfflineError::Usage(problem));
    }
    let (config, registry) = (args.config.clone(), args.registry.clone());
    let serve = ServeArgs { config: config.clone(), registry, ..ServeArgs::default() };
    let settings = Settings::new(&serve).map_err(|error| OfflineError::Usage(error.to_string()))?;
    let plain_http = args.plain_http || settings.registry.plain_http;
    let options = RegistryOptions { plain_http, timeout: TIMEOUT, ..settings.registry };
    options.check(&[&reference]).map_err(OfflineError::Usage)?;
    let file = args.file.clone();
    let (documents, enterprise, json) = (Vec::new(), false, false);
    let check_args = CheckArgs { file, documents, enterprise, config, json };
    let mapping = check(&check_args, recordings, out)?;
    let artifact = artifact(args, &mapping, settings.policy.max_file_bytes)?;
    let failed = |error| OfflineError::Push { reference: reference.to_string(), error };
    let pushed = run(options, &reference, &artifact).map_err(failed)?;
    writeln!(out, "pushed {reference}\n{pushed}")?;
    Ok(())
}

/// What is pushed: the file of a mapping that was checked a moment ago.
fn artifact(args: &PushArgs, mapping: &Mapping, max_bytes: u64) -> Result<Artifact, OfflineError> {
    let refused = || OfflineError::Refused(args.file.clone());
    let bytes = read_file(&args.file, max_bytes).map_err(|_| refused())?;
    if sha256([&bytes]) != mapping.sha256() {
        return Err(refused());
    }
    let (imports, exports) = import_and_export_names(&bytes).map_err(|_| refused())?;
    let manifest = mapping.manifest();
    let (name, version) = (manifest.name.clone(), manifest.version.clone());
    Ok(Artifact { component: bytes.into(), imports, exports, name, version })
}

fn run(
    options: RegistryOptions,
    reference: &ArtifactReference,
    artifact: &Artifact,
) -> Result<ArtifactReference, OciError> {
    let host = reference.host().to_owned();
    let unusable = |reason: String| OciError::Unreachable { host: host.clone(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
    let client = Client::new(options).map_err(|error| unusable(error.to_string()))?;
    runtime.block_on(async {
        let pushed = tokio::time::timeout(TIMEOUT, client.push(reference, artifact)).await;
        pushed.map_err(|_| OciError::Timeout { host: host.clone(), limit: TIMEOUT })?
    })
}
