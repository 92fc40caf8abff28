//! A run of the mapping: documents in, samples out.

use std::mem;

use crate::collector::{Collector, Collectors};
use crate::contract::{
    Document, Error, Malformed as MalformedDocument, OptionValue, SampleSet, Span, Target,
    UnmappedField,
};
use crate::documents::{self, Place};
use crate::input::{Frame, Framer, Malformed, Rank, Rejected, Row, Shape, Unmapped, recognize};
use crate::output::{Catalogue, Samples};
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
    unmapped: Unmapped,
    taken: u64,
    /// The first row that was lost: its offset, and why.
    first_lost: Option<(u64, String)>,
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
                unmapped: Unmapped::default(),
                taken: 0,
                first_lost: None,
            },
        });
        Ok(())
    }

    /// Ends the current body, and its document unless `next` is another body of it.
    fn end_body(&mut self, next: Option<&Document>) -> Result<(), Error> {
        let Some(Body { document, place, framer, rows }) = self.body.take() else { return Ok(()) };
        framer.finish().map_err(|error| in_document(&document, error.into()))?;
        let malformed = |offset, reason| Err(in_document(&document, Malformed { offset, reason }));
        if !framer.begun() && !place.registration.may_be_empty {
            return malformed(0, "the body is empty".to_owned());
        }
        if let (0, Some((offset, problem))) = (rows.taken, rows.first_lost) {
            return malformed(offset, format!("no row is usable: {problem}"));
        }
        self.count_unmapped(&document.name, &rows.unmapped);
        if next.is_none_or(|next| next.name != document.name)
            && let Some(collector) = self.collectors.get_mut(place.collector)
            && let Err(reason) = collector.end()
        {
            return malformed(0, reason);
        }
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
        let (bytes, offset) = match frame {
            Frame::Row(bytes, offset) | Frame::Wrapper(bytes, offset) => (bytes, offset),
            Frame::Foreign(bytes, offset, key) => {
                let reason = match recognize(bytes) {
                    Some(Shape::Other(reason)) => reason,
                    _ => format!("expected an object with an array {key:?}"),
                };
                return Err(Malformed { offset, reason });
            }
        };
        let mut repaired = None;
        let row = Row::new(bytes, &mut repaired, offset, self.rank, &mut self.unmapped);
        let taken = match frame {
            Frame::Wrapper(..) => collector.wrapper(row),
            _ => collector.row(row),
        };
        match taken {
            Ok(()) => self.taken += u64::from(matches!(frame, Frame::Row(..))),
            Err(Rejected::Row) => match recognize(bytes) {
                Some(Shape::Nothing(day)) if day.is_plausible(self.rank.fetched_at) => {
                    self.unmapped.discard();
                    collector.nothing_on(day, self.rank);
                    self.taken += 1;
                }
                Some(Shape::Other(reason)) => return Err(Malformed { offset, reason }),
                _ => {
                    let problem = self.unmapped.last().unwrap_or_default().to_owned();
                    self.first_lost.get_or_insert((offset, problem));
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
            [SEATS, ("users-1-day", "{\"day\":\"2026-11-20\",\"user_id\":1}\n{\"day\":01}")];
        let Err(Error::Malformed(malformed)) = map(Span::Latest, &[], &bodies) else {
            panic!("no error");
        };
        assert_eq!((malformed.document.as_str(), malformed.part), ("users-1-day", 1));
        assert_eq!((malformed.offset, malformed.reason.as_str()), (41, "invalid number"));
    }

    #[test]
    fn a_body_without_a_usable_row_is_malformed() {
        let reason = |document: &'static str, body: &'static str| match map(
            Span::Latest,
            &[],
            &[(document, body)],
        ) {
            Err(Error::Malformed(malformed)) => (malformed.offset, malformed.reason),
            other => panic!("{other:?}"),
        };
        let no_day = r#" {"user_id":1} {"user_id":2,"day":7}"#;
        assert_eq!(
            reason("users-1-day", no_day),
            (1, "no row is usable: day (missing)".to_owned())
        );
        let rows = r#"{"day_totals":[{"daily_active_users":2}]}"#;
        let expected = (15, "no row is usable: day (missing)".to_owned());
        assert_eq!(reason("organization-28-day", rows), expected);
        assert_eq!(reason("legacy", "[{}]"), (1, "this is an empty object".to_owned()));
    }

    #[test]
    fn what_people_record_by_mistake_is_named() {
        let envelope =
            r#"{"download_links":["https://example.com/?secret"],"report_day":"2026-11-20"}"#;
        let error = r#"{"message":"Not Found","documentation_url":"https://docs.example.com"}"#;
        for document in
            ["organization-28-day", "users-1-day", "user-teams-1-day", "seats", "legacy"]
        {
            for (body, expected) in [
                (envelope, "this is the envelope with the download links, not the report"),
                (error, "this is GitHub's error message: \"Not Found\""),
                ("<html>", "this is a web page, not JSON"),
                ("\u{1f}\u{8b}", "this is gzip-compressed data, not JSON"),
                ("{}", "this is an empty object"),
            ] {
                let Err(Error::Malformed(found)) = map(Span::Latest, &[], &[(document, body)])
                else {
                    panic!("{document}: {body}");
                };
                assert_eq!(found.reason, expected, "{document}");
            }
        }
    }

    #[test]
    fn an_error_message_after_the_rows_is_malformed() {
        let body = r#"{"day":"2026-11-20","user_id":1}{"message":"Server Error"}"#;
        assert!(map(Span::Latest, &[], &[("users-1-day", body)]).is_err());
    }

    #[test]
    fn an_error_ends_the_run() {
        let target = Target { scope: crate::contract::Scope::Organization, name: String::new() };
        let mut run = Run::new(&target, Span::Latest, &[]);
        let document = Document { name: "no-such".to_owned(), part: 0, fetched_at: 0 };
        let error = Error::UnknownDocument("no-such".to_owned());
        assert_eq!(run.feed(&document, b"{}"), Err(error.clone()));
        assert_eq!(run.finish(), Err(error));
    }
}
