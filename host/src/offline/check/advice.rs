//! What to do about a failed check.

/// The advice for the cause of a refusal or of a failed run. The error itself says what is wrong.
pub(super) fn advice(cause: &str) -> Option<&'static str> {
    Some(match cause {
        "unreadable" => "check that it is a regular file that this user may read",
        "size" => {
            "build it optimized and without debug information (such as strip = true), or raise mapping.max_file_mib"
        }
        "digest" => "add the digest above to mapping.sha256, if this is the file that you want",
        "component" => {
            "build a component: for wasm32-wasip2, or with `wasm-tools component new` from a core module"
        }
        "import" => {
            "leave out what needs these imports: a mapping has no network, no files and no host functions"
        }
        "world" => "export the interface `mapper` with the types of wit/0.2/mapping.wit",
        "compile_time" => {
            "make it smaller (optimize for size, fewer dependencies), or raise mapping.compile_time"
        }
        "compile_memory" => {
            "make it smaller (optimize for size, fewer dependencies), or raise mapping.compile_memory_mib"
        }
        "compile" => {
            "this machine could not compile it: see whether it has memory and processes left"
        }
        "describe" => "`describe` should only return the manifest: it gets no input",
        "manifest" => "correct what `describe` returns",
        "conflict" => {
            "rename the mapping or the family: `mapping show` without a file prints those of the default mapping"
        }
        "time" => {
            "read documents as a stream and do little work for each row, or raise mapping.run_time"
        }
        "memory" => {
            "read documents as a stream instead of keeping them, or raise mapping.memory_mib"
        }
        "panic" => "handle the error instead of ending: return `malformed` with the position",
        "malformed" => {
            "accept the document: fields may be missing, null or unknown; run `map` over it for the position"
        }
        "refused" => {
            "accept every document that the manifest lists, and the default values of the options"
        }
        "invalid_samples" => "return only declared families, each series once, with finite values",
        _ => return None,
    })
}
