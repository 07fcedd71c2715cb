"""Rendering as values: what is asked of an engine, and when an earlier answer still holds."""

from trimtab.core.render.detect import KUSTOMIZATION_FILES, SourceType, detect_source_type
from trimtab.core.render.overrides import OverrideInvalid, override_files, with_override
from trimtab.core.render.readset import ReadSet, render_key
from trimtab.core.render.request import (
    DirectoryRequest,
    HelmFileParameter,
    HelmParameter,
    HelmRequest,
    JsonnetVariable,
    KustomizeOptions,
    KustomizePatch,
    KustomizeRequest,
    RenderRequest,
    TextFile,
)
from trimtab.core.render.source import SourceSpec
from trimtab.core.render.volatile import Kept, Unstable, differing_objects, names_of, with_kept

__all__ = [
    "KUSTOMIZATION_FILES",
    "DirectoryRequest",
    "HelmFileParameter",
    "HelmParameter",
    "HelmRequest",
    "JsonnetVariable",
    "Kept",
    "KustomizeOptions",
    "KustomizePatch",
    "KustomizeRequest",
    "OverrideInvalid",
    "ReadSet",
    "RenderRequest",
    "SourceSpec",
    "SourceType",
    "TextFile",
    "Unstable",
    "detect_source_type",
    "differing_objects",
    "names_of",
    "override_files",
    "render_key",
    "with_kept",
    "with_override",
]
