//! One run of the mapping: documents in, samples out.

use serde::de::Error as _;

use crate::billing::{Billing, BillingCollector};
use crate::component::wit::{
    Document, Error, Family, Malformed as MalformedDocument, OptionValue, SampleSet, Span, Target,
    UnmappedField,
};
use crate::framing::{Frame, Framer, FramingError, MAX_ROW_BYTES, Rows};
use crate::json::{Malformed, Unmapped, decode};
use crate::legacy::{LegacyCollector, LegacyDay};
use crate::manifest::{USER_BREAKDOWNS, USERS};
use crate::original::Original;
use crate::reports::entity::EntityCollector;
use crate::reports::entity_row::{EntityRow, EntityWrapper};
use crate::reports::people::UserRow;
use crate::reports::teams::{TeamRow, TeamsCollector};
use crate::reports::users::{Detail, UsersCollector};
use crate::samples::{Catalogue, Samples};
use crate::seats::{self, Seat, SeatsCollector, SeatsPage};

/// The kinds of documents, each with its collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Entity,
    Users,
    Teams,
    Billing,
    Seats,
    Legacy,
}

impl Kind {
    fn of(document: &str) -> Option<Self> {
        Some(match document {
            "organization-1-day"
            | "organization-28-day"
            | "enterprise-1-day"
            | "enterprise-28-day" => Self::Entity,
            "users-1-day" | "users-28-day" => Self::Users,
            "user-teams-1-day" => Self::Teams,
            "billing" => Self::Billing,
            "seats" => Self::Seats,
            "legacy" => Self::Legacy,
            _ => return None,
        })
    }

    /// The key of the wrapper's array of rows, where the document comes in a wrapper.
    fn rows_key(self) -> Option<&'static str> {
        match self {
            Self::Entity => Some("day_totals"),
            Self::Seats => Some("seats"),
            // No array: the object itself is what counts.
            Self::Billing => Some(""),
            Self::Users | Self::Teams | Self::Legacy => None,
        }
    }
}

/// The body that is being fed.
struct Body {
    document: Document,
    kind: Kind,
    framer: Framer,
    unmapped: Unmapped,
}

/// One run over the documents of one target.
pub struct Mapping {
    catalogue: Catalogue,
    samples: Samples,
    collectors: Collectors,
    body: Option<Body>,
    unmapped: Vec<UnmappedField>,
    error: Option<Error>,
    history: bool,
}

struct Collectors {
    original: Original,
    legacy: LegacyCollector,
    entity: EntityCollector,
    teams: TeamsCollector,
    users: UsersCollector,
    billing: BillingCollector,
    seats: SeatsCollector,
}

impl Mapping {
    /// Starts a run. An error in the options is answered by the calls that follow.
    pub fn new(target: &Target, span: Span, options: &[OptionValue]) -> Self {
        let mut error = None;
        let mut detail = Detail::default();
        for option in options {
            let switch = match option.name.as_str() {
                USERS => &mut detail.users,
                USER_BREAKDOWNS => &mut detail.breakdowns,
                _ => {
                    error =
                        Some(Error::InvalidOption(format!("there is no option {:?}", option.name)));
                    continue;
                }
            };
            match option.value.parse() {
                Ok(value) => *switch = value,
                Err(_) => {
                    error = Some(Error::InvalidOption(format!(
                        "{} is true or false, not {:?}",
                        option.name, option.value
                    )));
                }
            }
        }
        let history = span == Span::History;
        let mut catalogue = Catalogue::default();
        let collectors = Collectors {
            original: Original::declare(&mut catalogue),
            legacy: LegacyCollector::declare(&mut catalogue, history),
            entity: EntityCollector::declare(&mut catalogue, history),
            teams: TeamsCollector::declare(&mut catalogue, history),
            users: UsersCollector::declare(&mut catalogue, history, detail),
            billing: BillingCollector::declare(&mut catalogue),
            seats: SeatsCollector::declare(&mut catalogue),
        };
        let samples = Samples::new(&catalogue, target, span);
        Self { catalogue, samples, collectors, body: None, unmapped: Vec::new(), error, history }
    }

    /// Every family that a run may answer.
    pub fn into_families(self) -> Vec<Family> {
        self.catalogue.into_families()
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
        let same = |body: &Body| {
            body.document.name == document.name && body.document.part == document.part
        };
        if !self.body.as_ref().is_some_and(same) {
            self.end_body()?;
            let kind = Kind::of(&document.name)
                .ok_or_else(|| Error::UnknownDocument(document.name.clone()))?;
            self.body = Some(Body {
                document: document.clone(),
                kind,
                framer: Framer::new(kind.rows_key()),
                unmapped: Unmapped::default(),
            });
        }
        let Some(body) = &mut self.body else { return Ok(()) };
        let collectors = &mut self.collectors;
        let (kind, fetched_at, unmapped) =
            (body.kind, body.document.fetched_at, &mut body.unmapped);
        body.framer
            .feed(chunk, |frame| collectors.take(kind, fetched_at, &frame, unmapped))
            .map_err(|malformed| in_document(&body.document, malformed))
    }

    fn end_body(&mut self) -> Result<(), Error> {
        let Some(body) = self.body.take() else { return Ok(()) };
        body.framer.finish().map_err(|error| in_document(&body.document, error.into()))?;
        // No users are a users report too; all else has at least an empty object or array.
        if !body.framer.begun() && !matches!(body.kind, Kind::Users | Kind::Teams) {
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

    /// Ends the run and answers the samples. What was collected is spent.
    pub fn finish(&mut self) -> Result<SampleSet, Error> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        self.end_body()?;
        let samples = &mut self.samples;
        let history = self.history;
        let Collectors { original, legacy, entity, teams, users, billing, seats } =
            &self.collectors;
        // The closed API says more about the ten gauges, of the days that it has. Of two sources
        // for one day, or of two days where only the newest is asked for, both would count twice.
        let newer_report = !history && entity.newest_day() > legacy.newest_day();
        legacy.finish(samples, (!newer_report).then_some(original));
        entity.finish(samples, original, |day| newer_report || (history && !legacy.has(day)));
        teams.finish(samples, users);
        users.finish(samples);
        billing.finish(samples);
        seats.finish(samples);
        let spent = samples.take();
        Ok(spent.into_set(std::mem::take(&mut self.unmapped)))
    }
}

impl Collectors {
    fn take(
        &mut self,
        kind: Kind,
        fetched_at: i64,
        frame: &Frame<'_>,
        unmapped: &mut Unmapped,
    ) -> Result<(), Malformed> {
        match (kind, *frame) {
            (
                Kind::Entity,
                Frame::Row(bytes, offset) | Frame::Wrapper(bytes, offset, Rows::Absent),
            ) => {
                let row: EntityRow = decode(bytes, offset, unmapped, &[])?;
                let day = required(row.day, "day", offset)?;
                self.entity.add(day, row, fetched_at);
            }
            (Kind::Entity, Frame::Wrapper(bytes, offset, Rows::Given)) => {
                decode::<EntityWrapper>(bytes, offset, unmapped, &[]).map_err(at(offset))?;
            }
            (Kind::Users, Frame::Row(bytes, offset)) => match self.users.keeps_breakdowns() {
                true => self.take_user::<true>(bytes, offset, unmapped)?,
                false => self.take_user::<false>(bytes, offset, unmapped)?,
            },
            (Kind::Teams, Frame::Row(bytes, offset)) => {
                let row: TeamRow<'_> = decode(bytes, offset, unmapped, &[])?;
                let day = required(row.day, "day", offset)?;
                let user = required(row.user(), "user_id", offset)?;
                self.teams.add(day, user, &row);
            }
            (Kind::Legacy, Frame::Row(bytes, offset)) => {
                let day: LegacyDay<'_> = decode(bytes, offset, unmapped, &[])?;
                self.legacy.add(&day, fetched_at);
            }
            (Kind::Seats, Frame::Row(bytes, offset)) => {
                let seat: Seat<'_> = decode(bytes, offset, unmapped, seats::FOREIGN)?;
                self.seats.add(&seat, fetched_at);
            }
            (Kind::Seats, Frame::Wrapper(bytes, offset, Rows::Given)) => {
                let page: SeatsPage = decode(bytes, offset, unmapped, &[]).map_err(at(offset))?;
                self.seats.add_page(&page, fetched_at);
            }
            (Kind::Billing, Frame::Wrapper(bytes, offset, Rows::Absent)) => {
                let billing: Billing = decode(bytes, offset, unmapped, &[])?;
                self.billing.add(billing, fetched_at);
            }
            // An object where an array should be, or the other way round: an error message, say.
            (_, Frame::Row(_, offset) | Frame::Wrapper(_, offset, _)) => {
                return Err(Malformed {
                    offset,
                    path: None,
                    reason: format!("this is not what a {} document looks like", kind.name()),
                });
            }
        }
        Ok(())
    }

    fn take_user<const KEEP: bool>(
        &mut self,
        bytes: &[u8],
        offset: u64,
        unmapped: &mut Unmapped,
    ) -> Result<(), Malformed> {
        let row: UserRow<'_, KEEP> = decode(bytes, offset, unmapped, &[])?;
        let day = required(row.day, "day", offset)?;
        let user = required(row.user(), "user_id", offset)?;
        self.users.add(day, user, row, self.teams.newest_day());
        Ok(())
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Entity | Self::Users | Self::Teams => "report",
            Self::Billing => "billing",
            Self::Seats => "seats",
            Self::Legacy => "legacy metrics",
        }
    }
}

/// The field's value, which a row can't do without.
fn required<T>(value: Option<T>, field: &'static str, offset: u64) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed {
        offset,
        path: None,
        reason: serde_json::Error::missing_field(field).to_string(),
    })
}

/// Of a wrapper only the beginning is a place in the body: its rows have been taken out.
fn at(offset: u64) -> impl Fn(Malformed) -> Malformed {
    move |malformed| Malformed { offset, ..malformed }
}

impl From<FramingError> for Malformed {
    fn from(error: FramingError) -> Self {
        let (offset, reason) = match error {
            FramingError::Unexpected(offset, byte) => {
                let found = char::from(byte).escape_default();
                (offset, format!("this is not JSON rows: unexpected '{found}'"))
            }
            FramingError::RowTooLong(offset) => {
                (offset, format!("a row is longer than {} MiB", MAX_ROW_BYTES >> 20))
            }
            FramingError::CutOff(offset) => {
                (offset, "the body is cut off in the middle of a value".to_owned())
            }
        };
        Self { offset, path: None, reason }
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
