"""The sections of the report, in the order in which a person asks.

Flows in: the evidence. Flows out: sections. The next file is `page.py`, which makes a page of
them.
"""

from recsys.report.accuracy_panels import show_errors, show_evaluation, show_examples, show_map
from recsys.report.data import Evidence
from recsys.report.exhibit import Section
from recsys.report.learning_panels import show_data, show_learning, show_teacher
from recsys.report.tuning_panels import show_tuning


def arrange(evidence: Evidence) -> list[Section]:
    """Return every section of the report, in reading order."""
    return [
        Section("data", "What the model learns from", show_data(evidence)),
        Section("learning", "How it learnt", (*show_teacher(evidence), *show_learning(evidence))),
        Section("evaluation", "How good it is", (show_evaluation(evidence),)),
        Section("errors", "Where it errs", show_errors(evidence)),
        Section("examples", "What it says to one person", show_examples(evidence)),
        Section("map", "What it knows about movies", (show_map(evidence),)),
        Section("tuning", "What tuning found", show_tuning(evidence)),
    ]
