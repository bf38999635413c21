"""Results that a test lays by hand, recorded as if their stage had made them from what lies there."""

from flow.run.folder import RunFolder
from flow.run.records import Record
from flow.stages.flow import FLOW
from flow.stages.freshness import Examination


def record(run, name, **given):
    """Write the record of a stage whose results a test has written."""
    stage = FLOW.find(name)
    seen = Examination(RunFolder.open(run), FLOW.stages)
    options = seen.options_of(stage, given)
    made = {artefact: found for artefact in stage.makes if (found := seen.print_of(artefact)) is not None}
    Record(name, options.kept(), seen.made_from(stage, options), made, 1.0).write(run)
