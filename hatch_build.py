"""What the package's page says that the README in the repository says otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#)([^)]*)\)")
"""A link or a picture whose target lies in the repository."""


def readme_for_page(text: str, repository: str) -> str:
    """Return the README with links that lead somewhere from anywhere.

    Parameters
    ----------
    text : str
        The README, with links relative to it.
    repository : str
        Where the repository is on the web; without, pictures go, and of links their
        text stays.
    """

    def absolute(found: re.Match[str]) -> str:
        picture, words, target = found.groups()
        if not repository:
            return "" if picture else words
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({repository.rstrip('/')}/{kind}/main/{target})"

    page = LINK.sub(absolute, text)
    return re.sub(r"\n{3,}", "\n\n", page)


class CustomMetadataHook(MetadataHookInterface):
    """Fills in the README and the addresses from ``repository`` in pyproject.toml."""

    def update(self, metadata: dict[str, object]) -> None:
        """Fill in what is dynamic."""
        repository = str(self.config.get("repository", ""))
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": readme_for_page(text, repository),
        }
        if repository:
            base = repository.rstrip("/")
            metadata["urls"] = {
                "Homepage": base,
                "Documentation": f"{base}/tree/main/docs",
                "Changelog": f"{base}/blob/main/CHANGELOG.md",
                "Issues": f"{base}/issues",
            }
