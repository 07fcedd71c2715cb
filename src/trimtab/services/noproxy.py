"""Which hosts are reached without the proxy. Pure.

Source:
    The form of NO_PROXY as Go's net/http reads it: hosts, domains, addresses and networks.
"""

from ipaddress import ip_address, ip_network


def is_exempt(host: str, no_proxy: str) -> bool:
    """Return whether a list says that a host is reached directly.

    Args:
        host: Name or address, lower case, without a port.
        no_proxy: Separated by commas: ``*`` for all hosts, ``example.com`` for the name and all
            below it, ``.example.com`` for those below it, and addresses and networks.
    """
    return bool(host) and any(
        _matches(host, entry.strip().lower()) for entry in no_proxy.split(",")
    )


def _matches(host: str, entry: str) -> bool:
    if entry in ("*", host):
        return True
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        pass
    name = entry.partition(":")[0].removeprefix("*")
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")
