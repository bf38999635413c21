"""Studies: every combination of configs, options and seeds trained, absorbed and simulated, a row each."""

from flow.study.plan import Study, StudyRow, load_study
from flow.study.run import run_study

__all__ = ["Study", "StudyRow", "load_study", "run_study"]
