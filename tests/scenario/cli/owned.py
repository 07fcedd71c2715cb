"""Objects of an application that is delivered to the hub itself, and what they have made."""

from trimtab.core import JsonObject

HERE = {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}}


def owned(kind: str, name: str, owner: str = "", **spec: object) -> JsonObject:
    """Return an object; ``owner`` is ``GROUP/VERSION/KIND/NAME``."""
    group_version, _, owner_kind_name = owner.rpartition("/")
    group_version, _, owner_kind = group_version.rpartition("/")
    refs = [{"apiVersion": group_version, "kind": owner_kind, "name": owner_kind_name, "uid": "u"}]
    metadata: JsonObject = {
        "name": name,
        "namespace": "shop",
        **({"ownerReferences": refs} if owner else {}),
    }
    version = "v1" if kind == "Pod" else "apps/v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}  # type: ignore[dict-item]
