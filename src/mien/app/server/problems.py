"""Errors of the service in one shape: `{"error": {"status", "code", "message"}}`."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from mien.core.errors import Code, ImageError, InputError, MienError

__all__ = ["Problem", "problem_of", "response_to", "sentence_of"]

_CODES = {
    400: "bad_request",
    401: "no_token",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported",
    422: "unusable",
    429: "too_many_requests",
    500: "failed",
    503: "busy",
}
"""The word of each status, where no error of the library has its own (`mien.core.errors.CODES`)."""

_STATUS: dict[Code, int] = {"unsupported": 415, "too_large": 413, "option": 400}
"""The status of those errors of the library that are not 422."""


class Problem(Exception):  # noqa: N818 - it is an answer, named as RFC 9457 names it
    """A request cannot be served.

    Args:
        status: HTTP status.
        message: one or two sentences for a person.
        headers: further headers of the answer.
        code: a word for programs; None takes the one of the status.
        reason: a word for operators, for `/metrics` and logs; None takes the code.

    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.code = code or _CODES.get(status, "failed")
        self.reason = reason or self.code

    def body(self) -> dict[str, dict[str, str | int]]:
        """The error as plain values."""
        return {"error": {"status": self.status, "code": self.code, "message": self.message}}


def response_to(problem: Problem) -> JSONResponse:
    """HTTP answer of a problem."""
    return JSONResponse(problem.body(), problem.status, problem.headers)


def problem_of(error: MienError) -> Problem:
    """What a client is told about an error of the library; errors that are not about its input say nothing more."""
    if not isinstance(error, InputError):
        return Problem(500, "The service failed on this request; its log says why.")
    return Problem(_STATUS.get(error.code, 422), sentence_of(error), code=error.code)


def sentence_of(error: MienError) -> str:
    """Text of an error about what was sent, in the words of who sent it."""
    return error.about("The picture") if isinstance(error, ImageError) else str(error)
