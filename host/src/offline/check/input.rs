//! What a mapping is run over: the built-in recordings, or recorded files.

use std::io::{Cursor, Read};

use bytes::Bytes;
use jiff::Timestamp;

use crate::model::{MappingOption, PartHeader, Scope, Target};
use crate::offline::args::{CheckArgs, MapInput, RecordedDocument};
use crate::offline::case::Case;
use crate::offline::files::{self, OfflineError, RecordedBody, take_unknown};
use crate::wasm::Mapping;

/// A built-in recording of an invented target.
pub struct BuiltInRecording {
    /// The target.
    pub target: Target,
    /// Whether it is the response to a path, without a date.
    pub is_response_to: Box<dyn Fn(&str) -> bool>,
    /// The bodies.
    pub bodies: Vec<Bytes>,
}

/// The documents of a target, which can be read any number of times.
pub(super) struct Input {
    /// The target.
    pub target: Target,
    /// The options of the mapping.
    pub options: Vec<MappingOption>,
    bodies: Bodies,
}

enum Bodies {
    BuiltIn(Vec<(PartHeader, Bytes)>),
    Files(Vec<RecordedDocument>, Timestamp),
}

impl Input {
    /// Whether there is no document for the mapping.
    pub(super) fn is_empty(&self) -> bool {
        match &self.bodies {
            Bodies::BuiltIn(bodies) => bodies.is_empty(),
            Bodies::Files(documents, _) => documents.is_empty(),
        }
    }

    /// Opens the bodies, in the order of the mapping's documents.
    pub(super) fn open(&self, mapping: &Mapping) -> Result<Vec<RecordedBody>, OfflineError> {
        match &self.bodies {
            Bodies::BuiltIn(bodies) => {
                let bodies = bodies.iter().map(|(header, body)| {
                    let body: Box<dyn Read> = Box::new(Cursor::new(body.clone()));
                    (header.clone(), body)
                });
                Ok(bodies.collect())
            }
            Bodies::Files(documents, fetched_at) => {
                files::open(documents, Some(*fetched_at), mapping, self.target.scope())
            }
        }
    }
}

/// The built-in recordings that the mapping wants, by target.
pub(super) fn built_in(mapping: &Mapping, recordings: &[BuiltInRecording]) -> Vec<Input> {
    let mut targets: Vec<&Target> = Vec::new();
    for recording in recordings {
        if !targets.contains(&&recording.target) {
            targets.push(&recording.target);
        }
    }
    let fetched_at = Timestamp::now().as_second();
    let bodies = |target: &Target| {
        let specs = mapping.manifest().documents_of(target.scope());
        let of_spec = specs.flat_map(|spec| {
            let path = spec.path_for(target.login(), None);
            let recorded = recordings
                .iter()
                .find(|recording| recording.target == *target && (recording.is_response_to)(&path));
            let bodies = recorded.into_iter().flat_map(|recording| &recording.bodies);
            (0..)
                .zip(bodies)
                .map(|(part, body)| (PartHeader::new(&spec.name, part, fetched_at), body.clone()))
        });
        Bodies::BuiltIn(of_spec.collect())
    };
    let input = |target: &Target| Input {
        target: target.clone(),
        options: Vec::new(),
        bodies: bodies(target),
    };
    targets.into_iter().map(input).collect()
}

/// The documents that the arguments name.
pub(super) fn given(args: &CheckArgs, mapping: &Mapping) -> Result<Vec<Input>, OfflineError> {
    let scope = if args.enterprise { Scope::Enterprise } else { Scope::Organization };
    let (mut inputs, mut documents) = (Vec::new(), Vec::new());
    for input in &args.documents {
        match input {
            MapInput::Document(document) => documents.push(document.clone()),
            MapInput::Case(directory) => {
                let Case { target, fetched_at, options, mut documents, .. } =
                    Case::read(directory)?;
                take_unknown(&mut documents, mapping, target.scope());
                let bodies = Bodies::Files(documents, fetched_at);
                inputs.push(Input { target, options, bodies });
            }
        }
    }
    if !documents.is_empty() {
        let target = Target::new(scope, "given").map_err(OfflineError::Usage)?;
        let bodies = Bodies::Files(documents, Timestamp::now());
        inputs.push(Input { target, options: Vec::new(), bodies });
    }
    Ok(inputs)
}
