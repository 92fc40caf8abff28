//! A run of the mapping: documents in, samples out.

use std::mem;

use crate::collector::{Collector, Collectors};
use crate::contract::{
    Document, Error, Malformed as MalformedDocument, OptionValue, SampleSet, Span, Target,
    UnmappedField,
};
use crate::documents::{self, Place};
use crate::input::{
    Day, Frame, Framer, Malformed, Problem, Rank, Rejected, Row, Shape, Unmapped, recognize,
};
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
    place: Place,
    framer: Framer,
    rows: Rows,
}

/// What became of the rows of a body.
struct Rows {
    rank: Rank,
    /// The day that GitHub says the document is about.
    report_day: Option<Day>,
    unmapped: Unmapped,
    /// Whether there was anything in the place of a row.
    seen: bool,
    taken: u64,
    /// The first row that was lost: its offset, and why.
    first_lost: Option<(u64, String)>,
}

impl Run {
    /// Starts a run. An error in the options is returned by the calls that follow.
    pub fn new(target: &Target, span: Span, options: &[OptionValue]) -> Self {
        let (settings, error) = Settings::parse(target.scope, span, options, &documents::options());
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
            self.end_body(Some(document))?;
            self.begin_body(document)?;
        }
        let Some(Body { place, framer, rows, .. }) = &mut self.body else { return Ok(()) };
        let Some(collector) = self.collectors.get_mut(place.collector) else { return Ok(()) };
        framer
            .feed(chunk, |frame| rows.take(collector.as_mut(), frame))
            .map_err(|malformed| in_document(document, malformed))
    }

    fn begin_body(&mut self, document: &Document) -> Result<(), Error> {
        let place = documents::find(&document.name)
            .ok_or_else(|| Error::UnknownDocument(document.name.clone()))?;
        if let Some((above, [collector, ..])) =
            self.collectors.split_at_mut_checked(place.collector)
        {
            collector.begin(Collectors(above));
        }
        self.body = Some(Body {
            document: document.clone(),
            place,
            framer: Framer::new(place.registration.framing),
            rows: Rows {
                rank: Rank { fetched_at: document.fetched_at, document: place.document },
                report_day: report_day(document),
                unmapped: Unmapped::default(),
                seen: false,
                taken: 0,
                first_lost: None,
            },
        });
        Ok(())
    }

    /// Ends the current body, and its document unless `next` is another body of it.
    fn end_body(&mut self, next: Option<&Document>) -> Result<(), Error> {
        let Some(Body { document, place, framer, mut rows }) = self.body.take() else {
            return Ok(());
        };
        framer.finish().map_err(|error| in_document(&document, error.into()))?;
        let malformed = |offset, reason| Err(in_document(&document, Malformed { offset, reason }));
        if !rows.seen {
            let Registration { may_be_empty, framing, .. } = place.registration;
            match (may_be_empty, framer.begun()) {
                (true, _) => {}
                (false, false) => return malformed(0, "the body is empty".to_owned()),
                (false, true) => {
                    return malformed(0, format!("this is an empty array: {}", framing.expected()));
                }
            }
            if let Some(text) = &document.report_day {
                let Some(day) = report_day(&document) else {
                    return malformed(0, format!("no report can be about the day {text:?}"));
                };
                if let Some(collector) = self.collectors.get_mut(place.collector) {
                    collector.nothing_on(day);
                }
            }
        }
        if let (0, Some((offset, problem))) = (rows.taken, rows.first_lost) {
            return malformed(offset, format!("no row is usable: {problem}"));
        }
        if next.is_none_or(|next| next.name != document.name)
            && let Some(collector) = self.collectors.get_mut(place.collector)
            && let Err(reason) = collector.end(&mut rows.unmapped)
        {
            return malformed(0, reason);
        }
        rows.unmapped.commit();
        self.count_unmapped(&document.name, &rows.unmapped);
        Ok(())
    }

    fn count_unmapped(&mut self, document: &str, unmapped: &Unmapped) {
        for (path, count) in unmapped.iter() {
            let known = self
                .unmapped
                .iter_mut()
                .find(|field| field.document == document && field.path == path);
            match known {
                Some(field) => field.count += count,
                None => self.unmapped.push(UnmappedField {
                    document: document.to_owned(),
                    path: path.to_owned(),
                    count,
                }),
            }
        }
    }

    /// Ends the run and returns its samples.
    pub fn finish(&mut self) -> Result<SampleSet, Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.end_body(None)?;
        for collector in &self.collectors {
            collector.finish(Collectors(&self.collectors), &mut self.samples);
        }
        Ok(self.samples.take(mem::take(&mut self.unmapped)))
    }
}

impl Rows {
    /// Passes a frame to the collector.
    fn take(&mut self, collector: &mut dyn Collector, frame: Frame<'_>) -> Result<(), Malformed> {
        self.seen = true;
        let (bytes, offset) = match frame {
            Frame::Row(bytes, offset) | Frame::Wrapper(bytes, offset) => (bytes, offset),
            Frame::Scalar(offset) => {
                self.unmapped.add("row".to_owned(), Problem::Invalid);
                collector.row_lost();
                self.lose(offset);
                return Ok(());
            }
            Frame::Foreign(bytes, offset, key) => {
                let reason = match recognize(bytes) {
                    Some(Shape::Other(reason)) => reason,
                    _ => format!("expected an object with an array {key:?}"),
                };
                return Err(Malformed { offset, reason });
            }
        };
        let mut repaired = None;
        let row = Row::new(bytes, &mut repaired, offset, self.rank, &mut self.unmapped)
            .of_day(self.report_day);
        let taken = match frame {
            Frame::Wrapper(..) => collector.wrapper(row),
            _ => collector.row(row),
        };
        match taken {
            Ok(()) => self.taken += u64::from(matches!(frame, Frame::Row(..))),
            Err(Rejected::Row) => match recognize(bytes) {
                Some(Shape::Nothing(day))
                    if day.is_plausible(self.rank.fetched_at) && collector.nothing_on(day) =>
                {
                    self.unmapped.discard();
                    self.taken += 1;
                }
                Some(Shape::Other(reason)) => return Err(Malformed { offset, reason }),
                _ => {
                    if matches!(frame, Frame::Row(..)) {
                        collector.row_lost();
                    }
                    self.lose(offset);
                }
            },
            // The rows were taken out of a wrapper, so only its start is a valid offset.
            Err(Rejected::Document(malformed)) if matches!(frame, Frame::Wrapper(..)) => {
                return Err(Malformed { offset, ..malformed });
            }
            Err(Rejected::Document(malformed)) => return Err(malformed),
        }
        self.unmapped.commit();
        Ok(())
    }

    /// Counts a row or a wrapper that was lost.
    fn lose(&mut self, offset: u64) {
        let problem = self.unmapped.last().unwrap_or_default();
        self.first_lost.get_or_insert_with(|| (offset, problem.to_owned()));
        self.unmapped.commit();
    }
}

/// The day that a document says it is about, if that is possible.
fn report_day(document: &Document) -> Option<Day> {
    let day = Day::parse(document.report_day.as_deref()?)?;
    day.is_plausible(document.fetched_at).then_some(day)
}

fn in_document(document: &Document, malformed: Malformed) -> Error {
    Error::Malformed(MalformedDocument {
        document: document.name.clone(),
        part: document.part,
        offset: malformed.offset,
        path: None,
        reason: malformed.reason,
    })
}

#[cfg(test)]
mod tests;
