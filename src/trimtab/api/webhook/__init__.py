"""Push webhooks of Git servers: verified, parsed, handed on as "look at this repository now"."""

from trimtab.api.webhook.event import Ignored, PushEvent, Refused, parse_push
from trimtab.api.webhook.routes import webhook_routes
from trimtab.api.webhook.secrets import WebhookSecrets

__all__ = ["Ignored", "PushEvent", "Refused", "WebhookSecrets", "parse_push", "webhook_routes"]
