"""What is read of an existing installation's argocd-cm."""

from __future__ import annotations

from trimtab.services.installation import keys_without_effect


def test_keys_that_would_deliver_otherwise_are_named() -> None:
    data = {
        "application.resourceTrackingMethod": "label",
        "resource.customizations.ignoreDifferences.apps_Deployment": "jsonPointers: [/spec]",
        "resource.customizations.health.example.com_Widget": "return {}",
        "timeout.reconciliation": "60s",
        "kustomize.buildOptions": "--enable-alpha-plugins",
        "url": "https://argocd.example.com",
        "installationID": "one",
    }
    assert keys_without_effect(data) == [
        "resource.customizations.health.example.com_Widget",
        "timeout.reconciliation",
    ]


def test_an_installation_that_says_nothing_else_is_quiet() -> None:
    assert keys_without_effect({}) == []
