"""Bytes to XML elements: plain or compressed MusicXML (.musicxml, .xml, .mxl), without trust in the file.

The standard parser expands entities that a file declares and nests without limit, and a zip member can unpack to any size. All three are
rejected here, so that the reader can walk the tree safely.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from engine.errors import ScoreError

MAX_XML_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
CONTAINER = "META-INF/container.xml"
ZIP_MAGIC = b"PK\x03\x04"
ENCRYPTED_FLAG = 0x1


def parse_musicxml_file(data: bytes) -> Element:
    """Return the root element of a MusicXML file, compressed or not."""
    return parse_xml(unpack_mxl(data) if data[:4] == ZIP_MAGIC else data)


def unpack_mxl(data: bytes) -> bytes:
    """Return the score inside an .mxl archive: the one named by its container, else the first XML file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _read_member(archive, _score_member(archive))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ScoreError(
            f"The compressed MusicXML file is damaged ({error}). Save it again, or as uncompressed .musicxml."
        ) from error


def _score_member(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if CONTAINER in names:
        rootfiles = parse_xml(_read_member(archive, CONTAINER)).iter()
        paths = [element.get("full-path", "") for element in rootfiles if element.tag.rpartition("}")[2] == "rootfile"]
        if paths:
            if paths[0] in names:
                return paths[0]
            raise ScoreError(f"The compressed MusicXML file names {paths[0]!r} as its score but does not contain it.")
    scores = [name for name in names if name.lower().endswith((".xml", ".musicxml")) and not name.startswith("META-INF/")]
    if not scores:
        raise ScoreError("The compressed file contains no MusicXML score.")
    return scores[0]


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    info = archive.getinfo(name)
    if info.flag_bits & ENCRYPTED_FLAG:
        raise ScoreError("The compressed MusicXML file is encrypted. Save it without a password.")
    with archive.open(info) as member:
        content = member.read(MAX_XML_BYTES + 1)
    if len(content) > MAX_XML_BYTES:
        raise ScoreError(f"The compressed MusicXML file unpacks to more than {MAX_XML_BYTES // 2**20} MiB.")
    return content


def parse_xml(data: bytes) -> Element:
    """Return the root element. Rejects entity declarations, nesting deeper than `MAX_DEPTH` and files over `MAX_XML_BYTES`."""
    if len(data) > MAX_XML_BYTES:
        raise ScoreError(f"The XML file is larger than {MAX_XML_BYTES // 2**20} MiB.")
    builder = ElementTree.TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ScoreError(f"The XML is nested more than {MAX_DEPTH} levels deep, which no score is. Export it again.")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
        return builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as error:
        raise ScoreError(f"This is not a readable XML file ({error}). Export it again from its own program.") from error


def _refuse_entity(name: str, *_: object) -> None:
    raise ScoreError(f"The XML file declares an entity of its own ({name}), which is refused for safety and no MusicXML needs.")
