"""What the mapping says about itself: one document (billing) and one family.

The classes are those of wit/mapping.wit: `make bindings` writes them to bindings/, for editors.
"""

from wit_world import exports
from wit_world.exports import mapper

DOCUMENT = "billing"
FAMILY = "{{family}}"


class Mapper(exports.Mapper):
    def describe(self) -> mapper.Manifest:
        return mapper.Manifest(
            name="{{name}}",
            version="0.1.0",
            documents=[
                mapper.DocumentSpec(
                    name=DOCUMENT,
                    scope=mapper.Scope.ORGANIZATION,
                    # The default mapping uses the same document: it is fetched once for both.
                    path="/orgs/{org}/copilot/billing",
                    fetch=mapper.FetchKind.PLAIN,
                    need=mapper.Need.OPTIONAL,
                    fallback_for=None,
                    same_day_as=None,
                    only_with=None,
                    permission=None,
                )
            ],
            options=[],
            families=[
                mapper.Family(
                    name=FAMILY,
                    help="Number of billed Copilot seats by state: "
                    "active or inactive in this billing cycle.",
                    kind=mapper.MetricKind.GAUGE,
                    label_names=["org", "state"],
                    enabled_by=None,
                    detail=0,
                )
            ],
            charts=[],
        )
