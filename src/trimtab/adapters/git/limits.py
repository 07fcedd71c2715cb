"""What a repository may cost."""

from dataclasses import dataclass
from datetime import timedelta

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class GitLimits:
    """Limits per repository.

    Args:
        repository_bytes: Of the mirror on disk, and of one fetch.
        file_bytes: Of one file that is read.
        files: In one folder that is listed or exported.
        export_bytes: Of one export.
        ask_timeout: For asking about refs.
        fetch_timeout: For one fetch.
        poll_interval: How old an answer about refs may be; at least one second.
    """

    repository_bytes: int = 2048 * MIB
    file_bytes: int = 10 * MIB
    files: int = 50_000
    export_bytes: int = 512 * MIB
    ask_timeout: timedelta = timedelta(seconds=20)
    fetch_timeout: timedelta = timedelta(minutes=5)
    poll_interval: timedelta = timedelta(seconds=15)

    def __post_init__(self) -> None:
        if self.poll_interval < timedelta(seconds=1):
            raise ValueError(f"poll_interval: expected 1 s or more, found {self.poll_interval}")
