"""The shared secrets of webhooks, and whether a request knows them."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_SHA256: Final = "sha256="


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What Git servers prove their requests with; an empty one means that anybody may call.

    Without a secret a stranger can make us look at a repository we know, which is all that a
    webhook ever does.
    """

    github: str = field(default="", repr=False)
    gitlab: str = field(default="", repr=False)
    gogs: str = field(default="", repr=False)

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "WebhookSecrets":
        """Read the decoded data of the Secret ``argocd-secret``."""
        return cls(
            github=data.get("webhook.github.secret", "").strip(),
            gitlab=data.get("webhook.gitlab.secret", "").strip(),
            gogs=data.get("webhook.gogs.secret", "").strip(),
        )


def is_signed(secret: str, body: bytes, signature: str) -> bool:
    """Return whether a body was signed with a secret by HMAC-SHA256, in constant time.

    Args:
        secret: Empty: everything counts as signed.
        body: As received, byte for byte.
        signature: Hex digits, with or without ``sha256=``.
    """
    if not secret:
        return True
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = signature.strip().removeprefix(_SHA256).lower()
    return hmac.compare_digest(wanted.encode(), given.encode())


def is_token(secret: str, token: str) -> bool:
    """Return whether a request carries the right token, in constant time."""
    return not secret or hmac.compare_digest(secret.encode(), token.strip().encode())
