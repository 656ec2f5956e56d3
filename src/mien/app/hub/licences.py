"""From what a model file says of its licence to the front matter of the Hugging Face hub.

The hub knows licences by identifiers of its own, mostly SPDX names in lower case; what it does not know is `other` with
a name and a link.
"""

from __future__ import annotations

import re

from mien.core.contract import NOT_STATED

__all__ = ["LICENCE_FILE", "is_stated", "licence_fields"]

LICENCE_FILE = "LICENSE-MODEL.txt"
"""File of the repository that holds the words of a licence that the hub has no identifier for."""

_KNOWN = frozenset(
    """
    afl-3.0 agpl-3.0 apache-2.0 artistic-2.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear bsl-1.0 c-uda cc
    cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nc-nd-3.0 cc-by-nc-
    nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cc-by-nd-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cdla-
    permissive-1.0 cdla-permissive-2.0 cdla-sharing-1.0 ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 gfdl
    gpl gpl-2.0 gpl-3.0 isc lgpl lgpl-2.1 lgpl-3.0 lppl-1.3c mit mpl-2.0 ms-pl ncsa odbl odc-by ofl-1.1 openrail
    osl-3.0 pddl postgresql unlicense wtfpl zlib
    """.split()  # noqa: SIM905
)
_SPDX_ENDINGS = ("-only", "-or-later")
_OTHER_SPELLINGS = {"odbl-1.0": "odbl", "odc-by-1.0": "odc-by", "pddl-1.0": "pddl"}


def is_stated(licence: str) -> bool:
    """Whether a model file says anything of its licence."""
    return licence.strip() not in ("", NOT_STATED)


def licence_fields(licence: str) -> dict[str, str]:
    """Fields of the front matter: none where nothing is stated, since the hub then shows no licence either.

    Args:
        licence: what the model file says: an SPDX name, words, or "not stated".

    """
    if not is_stated(licence):
        return {}
    identifier = licence.strip().lower()
    for ending in _SPDX_ENDINGS:
        identifier = identifier.removesuffix(ending)
    identifier = _OTHER_SPELLINGS.get(identifier, identifier)
    if identifier in _KNOWN:
        return {"license": identifier}
    name = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-.")
    return {"license": "other", "license_name": name[:80].rstrip("-.") or "other", "license_link": LICENCE_FILE}
