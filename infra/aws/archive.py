"""Archives whose bytes tell their content alone: sorted, dated 1980, with the same rights."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip file.

    Example:
        >>> zipped({"b": b"2", "a": b"1"}) == zipped({"a": b"1", "b": b"2"})
        True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name)  # dated 1980: the time of building is no part of the content
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(folder: Path) -> bytes:
    """A folder as a gzip-compressed tar file."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mode = path.stat().st_size, 0o755 if path.suffix == ".so" else 0o644
                with path.open("rb") as body:
                    archive.addfile(entry, body)
    return buffer.getvalue()


def sources(*globs: str, root: Path = ROOT) -> dict[str, bytes]:
    """Files of the project by their path in it; compiled ones left out."""
    found = {path.relative_to(root).as_posix(): path for glob in globs for path in root.glob(glob) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if "__pycache__" not in name}
