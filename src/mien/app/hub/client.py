"""The one place that talks to the Hugging Face hub, through huggingface_hub (extra `hub`); errors become sentences."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mien.core import telemetry
from mien.core.errors import MissingExtraError, ServiceError
from mien.infer.hub import HubName

if TYPE_CHECKING:
    from huggingface_hub import HfApi

__all__ = ["download", "list_files", "upload"]

_FEATURE = "The Hugging Face hub"
_PACKAGE = "huggingface-hub"


def upload(
    folder: Path,
    name: HubName,
    kind: Literal["model", "space"],
    *,
    private: bool = True,
    sdk: str | None = None,
    replace: tuple[str, ...] = (),
) -> str:
    """Put the files of a folder into a repository as one commit; the repository is made where it is missing.

    Args:
        folder: what is put there.
        name: the repository.
        kind: what it is.
        private: whether a new one is private; one that is there already stays as it is.
        sdk: of a new Space.
        replace: patterns of files that leave the repository where the folder does not hold them.

    Returns:
        Its address.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ServiceError: no token, no right, no connection.

    """
    api = _api(needs_token=True)
    with _sentences(f"{name}"):
        made = api.create_repo(name.repo, repo_type=kind, private=private, exist_ok=True, space_sdk=sdk)
        api.upload_folder(
            repo_id=name.repo,
            repo_type=kind,
            folder_path=folder,
            revision=name.revision,
            commit_message="Written by mien",
            delete_patterns=list(replace) or None,
        )
    return str(made)


def list_files(name: HubName) -> list[str]:
    """Files of a model repository.

    Raises:
        MissingExtraError, ServiceError: as `upload`.

    """
    api = _api()
    with _sentences(str(name)):
        return list(api.list_repo_files(name.repo, revision=name.revision))


def download(name: HubName, file: str, folder: Path) -> Path:
    """Fetch one file of a model repository into a folder.

    Raises:
        MissingExtraError, ServiceError: as `upload`.

    """
    api = _api()
    with _sentences(str(name)):
        return Path(api.hf_hub_download(name.repo, file, revision=name.revision, local_dir=folder))


def _api(needs_token: bool = False) -> HfApi:
    telemetry.switch_off("huggingface_hub")
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise MissingExtraError(_FEATURE, _PACKAGE, "hub") from error
    if needs_token and get_token() is None:
        raise ServiceError(
            "No token of the Hugging Face hub was found: make one with the right to write at "
            "huggingface.co/settings/tokens, then run `hf auth login` or set HF_TOKEN."
        )
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # what goes wrong is told once, in our words
    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="mien")


@contextlib.contextmanager
def _sentences(subject: str) -> Iterator[None]:
    """What huggingface_hub and its HTTP library raise, as one sentence without a traceback."""
    from huggingface_hub import errors

    try:
        yield
    except errors.RepositoryNotFoundError as error:
        raise ServiceError(
            f"{subject} is not on the hub, or your token may not see it; look at its spelling, or run `hf auth login`."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ServiceError(f"{subject} has no such revision; leave out what stands behind @.") from error
    except errors.LocalEntryNotFoundError as error:  # what a download says where there is no connection
        raise ServiceError(f"The hub cannot be reached for {subject}: {_brief(error)}") from error
    except errors.EntryNotFoundError as error:
        raise ServiceError(f"{subject} holds no such file: {_brief(error)}") from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        raise ServiceError(f"The hub refuses {subject}{_meaning(status)}: {_brief(error)}") from error
    except (errors.HFValidationError, ValueError) as error:
        raise ServiceError(f"The hub cannot take {subject}: {_brief(error)}") from error
    except _connection_errors() as error:
        raise ServiceError(f"The hub cannot be reached for {subject}: {_brief(error)}") from error


def _meaning(status: int | None) -> str:
    known = {401: " (the token is not valid)", 403: " (the token has no right to do this)", 429: " (too many requests)"}
    return known.get(status or 0, "")


def _brief(error: Any) -> str:
    """First line of a message, as a sentence."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line[:300].rstrip(".") + "."


def _connection_errors() -> tuple[type[BaseException], ...]:
    """Of the system and of the HTTP library that this version of huggingface_hub stands on."""
    from huggingface_hub import errors

    return (OSError, *(kind for kind in errors.HfHubHTTPError.__mro__ if kind.__name__ == "HTTPError"))
