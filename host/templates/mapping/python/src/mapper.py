"""A run of the mapping: turns the bytes of a document into samples.

componentize-py expects the resource `run` of the interface `mapper` in a module of that name.
"""

import json

from componentize_py_types import Err
from wit_world.exports import mapper

from manifest import DOCUMENT, FAMILY

SECONDS_PER_DAY = 24 * 60 * 60
# The values of the label `state`, each with the field that has the number of seats.
STATES = {"active": "active_this_cycle", "inactive": "inactive_this_cycle"}


class Run(mapper.Run):
    """A run: the name of the target, and the bytes of its billing document received so far."""

    def __init__(
        self,
        target: mapper.Target,
        span: mapper.Span,
        options: list[mapper.OptionValue],
    ) -> None:
        self.org = target.name
        self.is_history = span == mapper.Span.HISTORY
        self.fetched_at = 0
        self.body = bytearray()

    def feed(self, document: mapper.Document, chunk: bytes) -> None:
        # A chunk may end anywhere, even within a character: parse when the document is complete.
        self.fetched_at = document.fetched_at
        self.body += chunk

    def finish(self) -> mapper.SampleSet:
        # Any document may be missing: GitHub may refuse it.
        if not self.body:
            return mapper.SampleSet(strings=[], families=[], unmapped=[])
        seats = seats_by_state(bytes(self.body))
        # Two indexes into `strings` for each sample: the organization and the state.
        label_values = [
            index for state in range(len(seats)) for index in (0, state + 1)
        ]
        samples = mapper.FamilySamples(
            name=FAMILY,
            label_values=label_values,
            values=list(seats.values()),
            timestamps=self.timestamps(len(seats)),
        )
        strings = [self.org, *seats]
        return mapper.SampleSet(strings=strings, families=[samples], unmapped=[])

    def timestamps(self, count: int) -> list[int] | None:
        """With the span `history`, samples have the start of their day: here, of the day it was fetched."""
        if not self.is_history:
            return None
        day = self.fetched_at // SECONDS_PER_DAY * SECONDS_PER_DAY
        return [day * 1000] * count


def seats_by_state(body: bytes) -> dict[str, float]:
    """The number of seats in each state."""
    try:
        document = json.loads(body)
        breakdown = document["seat_breakdown"]
        return {state: float(breakdown[field]) for state, field in STATES.items()}
    except (ValueError, TypeError, LookupError) as error:
        raise malformed(f"{type(error).__name__}: {error}") from error


def malformed(reason: str) -> Err:
    """The error for a document that is not what it should be: the exporter keeps the last good one."""
    problem = mapper.Malformed(
        document=DOCUMENT, part=0, offset=0, path="seat_breakdown", reason=reason
    )
    return Err(mapper.Error_Malformed(problem))
