//! Flags and variables about registries.

use clap::Args;

use crate::model::Secret;

/// How to sign in to a registry.
#[derive(Clone, Debug, Default, Args)]
pub struct RegistryArgs {
    /// User of the OCI registry of the mappings
    #[arg(long, env = "REGISTRY_USERNAME", value_name = "NAME")]
    pub registry_username: Option<String>,

    /// Password or token of that user. Prefer the variable: flags are visible in the process list
    #[arg(long, env = "REGISTRY_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub registry_password: Option<Secret>,

    /// File that contains the password. It may change at any time
    #[arg(long, env = "REGISTRY_PASSWORD_FILE", value_name = "FILE")]
    pub registry_password_file: Option<String>,

    /// CA certificates (PEM) of the registry, to trust in addition to the system's
    #[arg(long, env = "REGISTRY_CA_FILE", value_name = "FILE")]
    pub registry_ca_file: Option<String>,

    /// Directory of Docker's config.json, whose passwords are used [default: ~/.docker]
    #[arg(long, env = "DOCKER_CONFIG", value_name = "DIRECTORY")]
    pub docker_config: Option<String>,
}
