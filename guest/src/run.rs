//! A run of the mapping: documents in, samples out.

use std::mem;

use crate::collector::{Collector, Collectors};
use crate::contract::{
    Document, Error, Malformed as MalformedDocument, OptionValue, SampleSet, Span, Target,
    UnmappedField,
};
use crate::documents;
use crate::input::{Frame, Framer, Malformed, Row, Unmapped};
use crate::output::{Catalogue, Samples};
use crate::registration::Registration;
use crate::settings::Settings;

/// A run over the documents of one target.
pub struct Run {
    /// One collector per row of the table, in its order.
    collectors: Vec<Box<dyn Collector>>,
    samples: Samples,
    body: Option<Body>,
    unmapped: Vec<UnmappedField>,
    /// The first error ends the run; every later call returns it.
    error: Option<Error>,
}

/// The body that is being fed.
struct Body {
    document: Document,
    registration: &'static Registration,
    /// The position of its collector.
    collector: usize,
    framer: Framer,
    unmapped: Unmapped,
}

impl Run {
    /// Starts a run. An error in the options is returned by the calls that follow.
    pub fn new(target: &Target, span: Span, options: &[OptionValue]) -> Self {
        let (settings, error) = Settings::parse(span, options, &documents::options());
        let mut catalogue = Catalogue::default();
        let collectors = documents::declare(&mut catalogue, &settings);
        let samples = Samples::new(&catalogue, target, settings.history);
        Self { collectors, samples, body: None, unmapped: Vec::new(), error }
    }

    /// Takes the next bytes of a body.
    pub fn feed(&mut self, document: &Document, chunk: &[u8]) -> Result<(), Error> {
        let fed = self.try_feed(document, chunk);
        if let Err(error) = &fed {
            self.error = Some(error.clone());
        }
        fed
    }

    fn try_feed(&mut self, document: &Document, chunk: &[u8]) -> Result<(), Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let continues = |body: &Body| {
            body.document.name == document.name && body.document.part == document.part
        };
        if !self.body.as_ref().is_some_and(continues) {
            self.end_body()?;
            self.begin_body(document)?;
        }
        let Some(Body { document, collector, framer, unmapped, .. }) = &mut self.body else {
            return Ok(());
        };
        let Some(collector) = self.collectors.get_mut(*collector) else { return Ok(()) };
        let fetched_at = document.fetched_at;
        framer
            .feed(chunk, |frame| match frame {
                Frame::Row(bytes, offset) => {
                    collector.row(Row::new(bytes, offset, fetched_at, unmapped))
                }
                // The rows were taken out of a wrapper, so only its start is a valid offset.
                Frame::Wrapper(bytes, offset) => collector
                    .wrapper(Row::new(bytes, offset, fetched_at, unmapped))
                    .map_err(|malformed| Malformed { offset, ..malformed }),
            })
            .map_err(|malformed| in_document(document, malformed))
    }

    fn begin_body(&mut self, document: &Document) -> Result<(), Error> {
        let (index, registration) = documents::find(&document.name)
            .ok_or_else(|| Error::UnknownDocument(document.name.clone()))?;
        if let Some((above, [collector, ..])) = self.collectors.split_at_mut_checked(index) {
            collector.begin(Collectors(above));
        }
        self.body = Some(Body {
            document: document.clone(),
            registration,
            collector: index,
            framer: Framer::new(registration.framing),
            unmapped: Unmapped::default(),
        });
        Ok(())
    }

    fn end_body(&mut self) -> Result<(), Error> {
        let Some(body) = self.body.take() else { return Ok(()) };
        body.framer.finish().map_err(|error| in_document(&body.document, error.into()))?;
        if !body.framer.begun() && !body.registration.may_be_empty {
            let reason = "the body is empty".to_owned();
            return Err(in_document(&body.document, Malformed { offset: 0, path: None, reason }));
        }
        for (path, count) in body.unmapped.iter() {
            let known = self
                .unmapped
                .iter_mut()
                .find(|field| field.document == body.document.name && field.path == path);
            match known {
                Some(field) => field.count += count,
                None => self.unmapped.push(UnmappedField {
                    document: body.document.name.clone(),
                    path: path.to_owned(),
                    count,
                }),
            }
        }
        Ok(())
    }

    /// Ends the run and returns its samples.
    pub fn finish(&mut self) -> Result<SampleSet, Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.end_body()?;
        for collector in &self.collectors {
            collector.finish(Collectors(&self.collectors), &mut self.samples);
        }
        Ok(self.samples.take(mem::take(&mut self.unmapped)))
    }
}

fn in_document(document: &Document, malformed: Malformed) -> Error {
    Error::Malformed(MalformedDocument {
        document: document.name.clone(),
        part: document.part,
        offset: malformed.offset,
        path: malformed.path,
        reason: malformed.reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{map, samples_of};

    const SEATS: (&str, &str) = ("seats", r#"{"total_seats":1,"seats":[{"assignee":{"id":7}}]}"#);
    const BILLING: (&str, &str) = ("billing", r#"{"seat_breakdown":{"total":3}}"#);

    #[test]
    fn in_history_the_present_is_about_the_day_it_was_fetched() {
        let lines = map(Span::History, &[], &[BILLING, SEATS]).unwrap();
        // 2026-11-22T00:00:00Z, six hours before it was fetched.
        let seats = samples_of(&lines, "github_copilot_seats");
        assert_eq!(seats, ["github_copilot_seats{} 1 1795305600000"]);
        let billed = samples_of(&lines, "github_copilot_billing_seats");
        assert_eq!(billed, ["github_copilot_billing_seats{} 3 1795305600000"]);
    }

    #[test]
    fn without_history_samples_have_no_timestamps() {
        let lines = map(Span::Latest, &[], &[SEATS]).unwrap();
        assert_eq!(samples_of(&lines, "github_copilot_seats"), ["github_copilot_seats{} 1"]);
    }

    #[test]
    fn errors_name_the_document_the_part_and_the_offset() {
        let bodies =
            [SEATS, ("users-1-day", "{\"day\":\"2026-11-20\",\"user_id\":1}\n{\"day\":1}")];
        let Err(Error::Malformed(malformed)) = map(Span::Latest, &[], &bodies) else {
            panic!("no error");
        };
        assert_eq!((malformed.document.as_str(), malformed.part), ("users-1-day", 1));
        assert_eq!((malformed.offset, malformed.path.as_deref()), (40, Some("day")));
    }

    #[test]
    fn an_error_ends_the_run() {
        let target = Target { scope: crate::contract::Scope::Organization, name: String::new() };
        let mut run = Run::new(&target, Span::Latest, &[]);
        let document =
            Document { name: "no-such".to_owned(), part: 0, fetched_at: 0, report_day: None };
        let error = Error::UnknownDocument("no-such".to_owned());
        assert_eq!(run.feed(&document, b"{}"), Err(error.clone()));
        assert_eq!(run.finish(), Err(error));
    }
}
