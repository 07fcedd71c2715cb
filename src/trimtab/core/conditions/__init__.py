"""Conditions and how they keep their times."""

from trimtab.core.conditions.condition import (
    ERROR_TYPES,
    Condition,
    ConditionType,
    merge_conditions,
)

__all__ = ["ERROR_TYPES", "Condition", "ConditionType", "merge_conditions"]
