"""The report: everything known of a run, as JSON for scripts and as Markdown for people."""

from flow.report.collect import collect
from flow.report.markdown import to_markdown

__all__ = ["collect", "to_markdown"]
