//! OCI registries: which mappings are pulled from them, how they are reached, and whose signatures count.

mod args;
mod key;
mod options;
mod reference;

pub use args::RegistryArgs;
pub use key::VerificationKey;
pub use options::{Login, RegistryOptions};
pub(super) use options::{RegistrySection, VerifySection};
pub use reference::{ArtifactReference, Version};
