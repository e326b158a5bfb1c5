"""The principal: the authenticated caller, by API key or token, with its scopes and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, get_args

Scope = Literal[
    "generate",
    "openai",
    "patterns",
    "reasoning",
    "feedback",
    "sign_off",
    "on_behalf",
    "metrics",
    "admin",
]
Priority = Literal["emergency", "routine", "batch"]
Kind = Literal["open", "key", "jwt"]
UserSource = Literal["token", "key", "header"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# In vLLM a lower number is served sooner, and 0 is the default.
ENGINE_PRIORITIES: Mapping[Priority, int] = {"emergency": -1, "routine": 0, "batch": 1}
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


@dataclass(frozen=True, slots=True)
class PrincipalLimits:
    """The limits of a principal; None is no limit."""

    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None

    def otherwise(self, default: "PrincipalLimits") -> "PrincipalLimits":
        """Return these limits; missing ones come from the default."""
        return PrincipalLimits(
            self.concurrency or default.concurrency,
            self.requests_per_minute or default.requests_per_minute,
            self.tokens_per_minute or default.tokens_per_minute,
        )


NO_LIMITS = PrincipalLimits()


# HL7's purposes of use: https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html, version 3.1.0,
# without the abstract code at its top.
_CODES = """
HMARKT HOPERAT CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP
HQUALIMP HSYSADMIN LABELING METAMGT MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV
HTEST TRAIN MLTRAINING HPAYMT CLMATTCH COVAUTH COVERAGE ELIGDTRM ELIGVER ENROLLM MILDCRG REMITADV
PMTDS HRESCH BIORCH CLINTRCH CLINTRCHNPC CLINTRCHPC PRECLINTRCH DSRCH POARCH TRANSRCH PATRQT
FAMRQT PWATRNY SUPNWK PUBHLTH DISASTER THREAT TREAT CLINTRL COC ETREAT BTG ERTREAT POPHLTH TREATDS
"""
PURPOSES = frozenset(_CODES.split())


LONGEST_NAME = 255
UNFILLED = "{{"  # a front end's template that it has not filled in


def is_name(text: str) -> bool:
    """Return whether a text is a valid name: not too long, without control characters."""
    is_text = text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
    return is_text and bool(text.strip()) and len(text) <= LONGEST_NAME and UNFILLED not in text


class TokenFacts(NamedTuple):
    """Other claims of a token about its person: SMART's `fhirUser`, RFC 7519's `jti`, IHE IUA's."""

    fhir_user: str | None = None
    jti: str | None = None
    subject_name: str | None = None
    subject_organization: str | None = None
    subject_role: str | None = None
    home_community_id: str | None = None


class CareContext(NamedTuple):
    """The user, the patient and the purposes of a request, if known; of the purposes, those that
    are not in PURPOSES are as they were sent. A user whose source is a header is claimed by the
    client, any other is verified."""

    user: str | None = None
    patient: str | None = None
    purposes: tuple[str, ...] = ()
    user_source: UserSource | None = None
    token: TokenFacts = TokenFacts()

    @property
    def verified_user(self) -> str | None:
        return None if self.user_source == "header" else self.user


NO_CARE = CareContext()


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller; `name` is a key's name, or a token's subject or its pseudonym."""

    name: str
    kind: Kind
    scopes: frozenset[str]
    priority: Priority = "routine"
    limits: PrincipalLimits = field(default=NO_LIMITS)
    expires: float | None = None  # unix seconds
    # The key's digest, or the id of the key that signed the token; it can be withdrawn.
    credential: str | None = field(default=None, compare=False, repr=False)
    care: CareContext = field(default=NO_CARE, repr=False)  # for audit trail and sign-offs alone
    users: tuple[str, ...] = field(default=(), repr=False)  # whom a key may name; empty: anybody

    @property
    def id(self) -> str:
        """Return an id that is unique among keys and token subjects."""
        return f"{self.kind}:{self.name}"

    def is_expired(self, now: float) -> bool:
        return self.expires is not None and self.expires <= now

    def lower(self, priority: Priority) -> "Principal":
        """Return the caller in this priority class, unless its own is lower."""
        if PRIORITIES.index(priority) <= PRIORITIES.index(self.priority):
            return self
        return replace(self, priority=priority)


# Not `reasoning`, `sign_off`, `on_behalf` and `admin`, which need a named caller. `patterns` can
# slow a shared engine down: MMHIE_ENV=production requires keys.
OPEN_SCOPES: frozenset[Scope] = frozenset({"generate", "openai", "patterns", "feedback", "metrics"})
ANYBODY = Principal("anybody", "open", OPEN_SCOPES)
