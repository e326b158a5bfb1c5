"""JwtVerifier: what is taken, and everything that is not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.auth.care_context import CareClaims
from gateway.auth.jwks import Jwks
from gateway.auth.jwt import JwtVerifier
from gateway.errors import Unauthorized
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, Signer, jwks
from tests.gateway.clock import Clock

NOW = int(time.time())


@pytest.fixture
def path(tmp_path: Path, rsa_signer: Signer, ec_signer: Signer) -> Path:
    """The key set of the two that are trusted."""
    (tmp_path / "jwks.json").write_bytes(jwks(rsa_signer, ec_signer))
    return tmp_path / "jwks.json"


@pytest.fixture
async def tokens(path: Path) -> JwtVerifier:
    keys = Jwks.of_file(path)
    await keys.refresh()
    return JwtVerifier(keys, ISSUER, AUDIENCE, CareClaims())


def part(content: Mapping[str, Any] | bytes) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def refused(tokens: JwtVerifier, token: str) -> str:
    with pytest.raises(Unauthorized) as error:
        await tokens.principal(token.encode())
    return error.value.message


async def test_both_algorithms_are_taken(
    tokens: JwtVerifier, rsa_signer: Signer, ec_signer: Signer
) -> None:
    """With the scopes we know of those the token has, the priority it claims, and its own end, to
    which the leeway is added."""
    for signer, claimed, given in ((rsa_signer, "vip", "routine"), (ec_signer, "batch", "batch")):
        token = signer.sign(scope="openid reasoning generate", mmhie_priority=claimed)
        client = await tokens.principal(token.encode())

        assert (client.name, client.kind, client.priority) == ("ward-7", "jwt", given)
        assert client.scopes == {"reasoning", "generate"}
        assert client.expires is not None
        assert client.expires - time.time() > 500
    await tokens.principal(rsa_signer.sign(exp=int(time.time()) - 2).encode())


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": None, "scp": "generate openai"}, {"generate", "openai"}),
        ({"scope": None, "scp": ["metrics", "x"]}, {"metrics"}),
        ({"scope": None}, set()),
        ({"scope": [{"generate": True}, ["openai"], 7]}, set()),
        ({"scope": "Generate admin2"}, set()),
    ],
)
async def test_scopes(
    tokens: JwtVerifier, rsa_signer: Signer, claims: dict[str, Any], scopes: set[str]
) -> None:
    """By the claims that providers use; nothing is guessed. Without one the caller gets 403."""
    assert (await tokens.principal(rsa_signer.sign(**claims).encode())).scopes == scopes


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": NOW - 60}, "expired"),
        ({"nbf": NOW + 86_400}, "not valid yet"),
        ({"iss": "https://evil.example"}, "MMHIE_JWT_ISSUER"),
        ({"aud": "others"}, "MMHIE_JWT_AUDIENCE"),
        ({"sub": None}, "must have the claims"),
        ({"sub": "a\nb"}, "`sub`"),
        ({"sub": "a" * 300}, "`sub`"),
        ({"headers": {"crit": ["b64"], "b64": False}}, "malformed"),
        ({"headers": {"kid": "unknown"}}, "unknown key"),
        ({"headers": {"kid": "e1"}}, "malformed"),
    ],
)
async def test_claims_and_headers_that_are_refused(
    tokens: JwtVerifier, rsa_signer: Signer, claims: dict[str, Any], said: str
) -> None:
    """Each with its own sentence, signed rightly as they all are."""
    assert said in await refused(tokens, rsa_signer.sign(**claims))


async def test_another_signature_is_refused(tokens: JwtVerifier, rsa_signer: Signer) -> None:
    """A key of the same id, and a token whose claims were changed after it was signed."""
    assert "signature" in await refused(tokens, Signer.rsa(rsa_signer.kid).sign())
    head, claims, signature = rsa_signer.sign().split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = part({**told, "scope": "admin"})
    assert "signature" in await refused(tokens, f"{head}.{changed}.{signature}")


@pytest.mark.parametrize("alg", ["none", "nOnE", "", "RS512", "PS256", "EdDSA"])
async def test_alg_none_is_refused(tokens: JwtVerifier, alg: str) -> None:
    """In any spelling, with and without a signature; nor is another algorithm: two are enough."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": NOW + 86_400, "scope": "admin"}
    for kid in ({}, {"kid": "r1"}):
        head = part({"alg": alg, "typ": "JWT", **kid})
        for signature in ("", part(b"x" * 256)):
            assert "RS256 or ES256" in await refused(tokens, f"{head}.{part(claims)}.{signature}")


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_secret(tokens: JwtVerifier, rsa_signer: Signer, alg: str) -> None:
    """The classic confusion: HMAC with the bytes everybody knows, in each form they come in."""
    public = rsa_signer.private.public_key()
    forms = (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(rsa_signer.public()).encode(),
    )
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "x", "exp": NOW + 86_400}
    signed = f"{part({'alg': alg, 'kid': 'r1'})}.{part(claims)}"
    for secret in forms:
        proof = hmac.new(secret, signed.encode(), getattr(hashlib, f"sha{alg[2:]}")).digest()
        assert "RS256 or ES256" in await refused(tokens, f"{signed}.{part(proof)}")


async def test_keys_that_were_never_to_sign_are_left_out(path: Path, rsa_signer: Signer) -> None:
    """Symmetric ones above all: a token signed with it would be taken. Small, private and
    encryption keys too."""
    secret = base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode()
    small, private, other = Signer.rsa("small", 1024), Signer.ec("private"), Signer.rsa("enc")
    private_row = jwt.get_algorithm_by_name("ES256").to_jwk(private.private, as_dict=True)
    more = (
        {"kty": "oct", "kid": "secret", "k": secret, "alg": "HS256"},
        {**private_row, "kid": "private"},
        {**other.public(), "use": "enc"},
        {"kty": "EC", "crv": "P-521", "kid": "p521", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {**other.public(), "kid": ["several"]},
    )
    path.write_bytes(jwks(rsa_signer, small, more=more))
    keys = Jwks.of_file(path)
    await keys.refresh()

    assert keys.find("r1") is not None
    for kid in ("secret", "small", "private", "enc", "p521", "broken"):
        assert keys.find(kid) is None, kid


async def test_a_withdrawn_key_ends_its_tokens(
    path: Path, rsa_signer: Signer, ec_signer: Signer
) -> None:
    """Remembered ones too, as soon as the file is seen to have changed."""
    clock = Clock()
    tokens = JwtVerifier(Jwks.of_file(path, clock=clock), ISSUER, AUDIENCE, CareClaims())
    token = rsa_signer.sign()
    await tokens.principal(token.encode())
    path.write_bytes(jwks(ec_signer))
    clock.now += 1
    await tokens.keys.refresh()

    assert "unknown key" in await refused(tokens, token)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 10**400},
        {"nbf": {"at": NOW}},
        {"aud": {"a": 1}},
        {"iss": [ISSUER]},
        {"sub": 7},
    ],
)
async def test_claims_of_another_type(
    tokens: JwtVerifier, rsa_signer: Signer, claims: dict[str, Any]
) -> None:
    """An issuer may sign anything: what cannot be read is 401."""
    content = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ward-7", "exp": NOW + 600, **claims}
    assert (await refused(tokens, rsa_signer.raw(content))).endswith(".")


async def test_a_header_nested_without_end(tokens: JwtVerifier) -> None:
    """Before any signature is looked at."""
    nested = b'{"alg":' + b"[" * 2000 + b"]" * 2000 + b"}"
    assert "malformed" in await refused(tokens, f"{part(nested)}.e30.c2ln")


DEEP = "[" * 2900 + "]" * 2900
CLAIMS = (
    *(f'"exp": {value}' for value in ("9" * 5000, "NaN", "Infinity", "-1", "true", "null", "{}")),
    *(f'"exp": {value}' for value in ('"never"', '"1e300"', "[9999999999]")),
    *(f'"nbf": {value}' for value in ("NaN", "Infinity", "1e300", "[1]")),
    *(f'"iat": {value}' for value in ("NaN", "{}", "99999999999")),
    *(f'"aud": {value}' for value in ('["x", ["mmhie"]]', '[{"a": "mmhie"}]', '["mmhie", 7]')),
    *(f'"iss": {value}' for value in ("null", "7", '{"https://login.example": 1}')),
    *(f'"sub": {value}' for value in ("7", '""', '" "', '["a"]', r'"a\u0000"', r'"\ud800"')),
    r'"sub": "\u202eadmin"',
    f'"x": {DEEP}',
)
HEADERS = (
    *(f'"kid": {value}' for value in ('"../../etc/passwd"', '"\x00"', '["r1"]', '{"r1": 1}', "1")),
    *(f'"kid": {value}' for value in ('""', "null", r'"\ud800"')),
    *(f'"alg": {value}' for value in ('["RS256"]', "{}", "null", '"rs256"', '"ES256"', DEEP)),
    '"alg": "none"',  # the second of two
    *(f'"kid": "x", "{name}": "https://evil.example"' for name in ("jku", "x5u", "jwk")),
    '"crit": ["exp"]',
    '"crit": "x"',
    '"b64": false',
)


def signed(signer: Signer, header: str, payload: str) -> str:
    """A token of any header and payload with a right signature."""
    content = f"{part(header.encode())}.{part(payload.encode())}"
    algorithm = jwt.get_algorithm_by_name(signer.algorithm)
    return f"{content}.{part(algorithm.sign(content.encode(), signer.private))}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[:24])
async def test_hostile_claims(tokens: JwtVerifier, rsa_signer: Signer, claim: str) -> None:
    """Signed rightly, with a claim twice, of which the last counts, or of another type: 401."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ward-7", "exp": NOW + 600}
    payload = f"{json.dumps(claims)[:-1]}, {claim}}}"

    await refused(tokens, signed(rsa_signer, '{"alg": "RS256", "kid": "r1"}', payload))


@pytest.mark.parametrize("field", HEADERS, ids=lambda field: field[:24])
async def test_hostile_headers(tokens: JwtVerifier, rsa_signer: Signer, field: str) -> None:
    """A key id of any form, another algorithm, a key that the token brings itself: 401."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ward-7", "exp": NOW + 600}
    header = f'{{"alg": "RS256", "kid": "r1", {field}}}'

    await refused(tokens, signed(rsa_signer, header, json.dumps(claims)))


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "." * 8000,
        "a.b.",
        "\x00.\x00.\x00",
        "a.b.c.d.e",
        '{"payload": "x"}',
        "e30.e30.",
        "W10.e30.AA",
    ],
    ids=lambda token: token[:10],
)
async def test_what_is_no_token(tokens: JwtVerifier, token: str) -> None:
    """Neither JWE nor JSON, nor dots alone."""
    assert "malformed" in await refused(tokens, token) or token.startswith("e30")
