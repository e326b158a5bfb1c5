"""The text of an answer, as a `str` that keeps the answer it belongs to."""

import sys
import warnings
from typing import Self

from mmhie._answer import Answer, Notice, Provenance

CUT = {
    "in_answer": "[cut off: token limit]",
    "in_reasoning": "[cut off: token limit, in the reasoning]",
    "input": "[the prompt was cut: the model did not read all of it]",
}


class MedicalTextWarning(UserWarning):
    """The text was cut off, or came with a safety notice: show that wherever you show the text."""


class MedicalText(str):
    """Text to be shown with its `disclaimer` and `notices`; `truncated` says whether it was cut.

    It is a str in every respect. Slices, `+`, `join` and f-strings give plain str, without the
    answer; `labelled()` gives the text with all that belongs to it.
    Copying and pickling keep the answer.
    """

    __slots__ = ("answer",)

    answer: Answer

    def __new__(cls, text: str, answer: Answer) -> Self:
        """Return `text`, which may be only a part of the answer's."""
        self = super().__new__(cls, text)
        self.answer = answer
        return self

    @property
    def disclaimer(self) -> str:
        """The safety notice that belongs to every answer; empty before the end of a stream."""
        return self.answer.disclaimer

    @property
    def emergency_note(self) -> str:
        """The sentence on whom to call in an emergency; empty before the end of a stream."""
        return self.answer.emergency_note

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.answer.notices

    @property
    def truncated(self) -> str | None:
        return self.answer.truncated

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.answer.warnings

    @property
    def provenance(self) -> Provenance:
        return self.answer.provenance

    @property
    def request_id(self) -> str | None:
        return self.answer.request_id

    def labelled(self) -> str:
        """Return notices, text, what was cut off, and disclaimer with the emergency note below it,
        as paragraphs."""
        notices = [str(notice.get("message", "")) for notice in self.notices]
        cut = CUT.get(self.truncated or "", "")
        last = "\n".join(filter(None, [self.disclaimer, self.emergency_note]))
        return "\n\n".join(filter(None, [*notices, str(self), cut, last]))

    def __reduce__(self) -> tuple[type[Self], tuple[str, Answer]]:
        return type(self), (str(self), self.answer)


def text_of(answer: Answer) -> MedicalText:
    """Return the text of an answer; warn if it is incomplete or has notices."""
    warn(answer)
    return MedicalText(answer.text, answer)


def warn(answer: Answer) -> None:
    """Give one MedicalTextWarning if the answer is incomplete or has notices.

    It quotes neither, as warnings end in logs.
    """
    reasons = {"is incomplete (`truncated`)": answer.truncated, "has `notices`": answer.notices}
    warnings = " and ".join(reason for reason, applies in reasons.items() if applies)
    if warnings:
        message = f"The answer {warnings}: show that wherever you show the text."
        warn_caller(message, MedicalTextWarning)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that called this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
