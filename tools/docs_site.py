"""What mkdocs calls while it builds the site: pages that are generated, and links from the repository's own files."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import reference

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
PAGES |= {"hw/rtl/README.md": "rtl.md", "docker/README.md": "docker.md"}
"""Files of the repository outside docs/ that are pages of the site."""

GENERATED = {
    "reference/commands.md": reference.commands_page,
    "reference/config.md": reference.config_page,
    "reference/python.md": reference.api_page,
}


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, the notebooks and the files outside docs/."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only the site needs it

    for page, make in GENERATED.items():
        files.append(File.generated(config, page, content=make()))
    for notebook in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        page = f"notebooks/{notebook.stem}.md"
        files.append(File.generated(config, page, content=reference.notebook_page(notebook)))
        files.remove(files.get_file_from_path(f"notebooks/{notebook.name}"))
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=as_page(text, source, page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn the links of pages in docs/ as well."""
    uri = page.file.src_uri
    return markdown if uri in (*PAGES.values(), *GENERATED) else as_page(markdown, f"docs/{uri}", uri)


def as_page(text: str, source: str, page: str) -> str:
    """A file's text as a page: links lead to pages, or become the path of what is not on the site.

    Args:
        text: Markdown.
        source: the file's path in the repository.
        page: the page's path on the site.
    """
    text = re.sub(r"```mermaid\n.*?```\n", "(The picture is in the repository's README.)\n", text, flags=re.DOTALL)

    def turned(match: re.Match[str]) -> str:
        label, target, anchor = match["label"], match["target"], match["anchor"] or ""
        if re.match(r"[a-z]+:", target) or not target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        on_site = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
        if on_site is None:
            return label if label.startswith("`") else f"{label} (`{path}`)"
        return f"[{label}]({posixpath.relpath(on_site, posixpath.dirname(page) or '.')}{anchor})"

    return re.sub(r"\[(?P<label>[^\]\n]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)", turned, text)
