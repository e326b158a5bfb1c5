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

from gateway.auth.gate import Gate
from gateway.auth.jwks import file_keys
from gateway.auth.jwt import JwtPolicy, JwtVerifier
from gateway.errors import Unauthorized
from tests.gateway.auth.conftest import AUDIENCE, ISSUER, Signer, jwks
from tests.gateway.clock import Clock
from tests.waiting import until

POLICY = JwtPolicy(ISSUER, AUDIENCE, leeway_s=5)
NOW = int(time.time())


@pytest.fixture
def path(tmp_path: Path, rsa_signer: Signer, ec_signer: Signer) -> Path:
    """The key set of the two that are trusted."""
    (tmp_path / "jwks.json").write_bytes(jwks(rsa_signer, ec_signer))
    return tmp_path / "jwks.json"


@pytest.fixture
async def tokens(path: Path) -> JwtVerifier:
    keys = file_keys(path)
    await keys.refresh()
    return JwtVerifier(keys, POLICY)


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
    """With the scopes we know of those the token has, and its own end."""
    for signer in (rsa_signer, ec_signer):
        client = await tokens.principal(signer.sign(scope="openid reasoning generate").encode())

        assert (client.name, client.kind, client.priority) == ("ward-7", "jwt", "routine")
        assert client.scopes == {"reasoning", "generate"}
        assert client.expires is not None
        assert client.expires - time.time() > 500


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"scope": "generate"}, {"generate"}),
        ({"scope": None, "scp": "generate openai"}, {"generate", "openai"}),
        ({"scope": None, "scp": ["metrics", "x"]}, {"metrics"}),
        ({"scope": None}, set()),
        ({"scope": {"generate": True}}, set()),
        ({"scope": [{"generate": True}, ["openai"], 7]}, set()),
        ({"scope": "Generate admin2"}, set()),
    ],
)
async def test_scopes(
    tokens: JwtVerifier, rsa_signer: Signer, claims: dict[str, Any], scopes: set[str]
) -> None:
    """By the claims that providers use; nothing is guessed. Without one the caller gets 403."""
    assert (await tokens.principal(rsa_signer.sign(**claims).encode())).scopes == scopes


async def test_priority_is_a_claim(tokens: JwtVerifier, rsa_signer: Signer) -> None:
    """The provider says who is an emergency; what makes no sense is routine."""
    for claim, priority in (("emergency", "emergency"), ("batch", "batch"), ("vip", "routine")):
        token = rsa_signer.sign(mmhie_priority=claim, jti=claim)
        assert (await tokens.principal(token.encode())).priority == priority


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"exp": NOW - 60}, "expired"),
        ({"nbf": NOW + 86_400}, "not valid yet"),
        ({"iat": NOW + 86_400}, "not valid yet"),
        ({"iss": "https://evil.example"}, "MMHIE_JWT_ISSUER"),
        ({"iss": None}, "must have the claims"),
        ({"aud": "others"}, "MMHIE_JWT_AUDIENCE"),
        ({"sub": None}, "must have the claims"),
        ({"sub": ""}, "`sub`"),
        ({"sub": "a\nb"}, "`sub`"),
        ({"sub": "a" * 300}, "`sub`"),
        ({"headers": {"crit": ["b64"], "b64": False}}, "malformed"),
        ({"headers": {"crit": ["exp"]}}, "malformed"),
        ({"headers": {"kid": "unknown"}}, "unknown key"),
        ({"headers": {"kid": "e1"}}, "malformed"),
    ],
)
async def test_claims_and_headers_that_are_refused(
    tokens: JwtVerifier, rsa_signer: Signer, claims: dict[str, Any], said: str
) -> None:
    """Each with its own sentence, signed rightly as they all are."""
    assert said in await refused(tokens, rsa_signer.sign(**claims))


async def test_leeway(tokens: JwtVerifier, rsa_signer: Signer) -> None:
    """Clocks may differ by as much as is set, in both directions."""
    now = int(time.time())

    await tokens.principal(rsa_signer.sign(exp=now - 2).encode())
    await tokens.principal(rsa_signer.sign(nbf=now + 3).encode())


async def test_another_signature_is_refused(tokens: JwtVerifier, rsa_signer: Signer) -> None:
    """A key of the same id, and a token whose claims were changed after it was signed."""
    assert "signature" in await refused(tokens, Signer.rsa(rsa_signer.kid).sign())
    head, claims, signature = rsa_signer.sign().split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed = part({**told, "scope": "admin"})
    assert "signature" in await refused(tokens, f"{head}.{changed}.{signature}")


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", ""])
async def test_alg_none_is_refused(tokens: JwtVerifier, alg: str) -> None:
    """In any spelling, with and without a signature."""
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


@pytest.mark.parametrize("alg", ["RS512", "PS256", "ES512", "EdDSA"])
async def test_other_algorithms_are_refused(tokens: JwtVerifier, alg: str) -> None:
    """Sound or not: two are enough."""
    head = part({"alg": alg, "kid": "r1"})
    assert "RS256 or ES256" in await refused(tokens, f"{head}.{part(b'{}')}.{part(b'x')}")


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "eyJ.eyJ.x", "e30.e30.e30", f"{part(b'[]')}.e30.x", "." * 50]
)
async def test_nonsense_is_refused(tokens: JwtVerifier, token: str) -> None:
    """With a sentence, whatever it is."""
    assert (await refused(tokens, token)).endswith(".")


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
    )
    path.write_bytes(jwks(rsa_signer, small, more=more))
    keys = file_keys(path)
    await keys.refresh()

    assert keys.find("r1") is not None
    for kid in ("secret", "small", "private", "enc", "p521", "broken"):
        assert keys.find(kid) is None, kid


async def test_a_verified_token_is_not_verified_again(
    tokens: JwtVerifier, rsa_signer: Signer
) -> None:
    """Until it ends, or the signing keys change."""
    token = rsa_signer.sign().encode()
    first = await tokens.principal(token)

    assert await tokens.principal(token) is first


async def test_a_remembered_token_still_ends(path: Path, rsa_signer: Signer) -> None:
    """To the second that it says, leeway included."""
    tokens = JwtVerifier(file_keys(path), JwtPolicy(ISSUER, AUDIENCE, leeway_s=0))
    end = int(time.time()) + 2
    token = rsa_signer.sign(exp=end).encode()
    await tokens.principal(token)
    until(lambda: time.time() > end)

    assert "expired" in await refused(tokens, token.decode())


async def test_a_withdrawn_key_ends_its_tokens(
    path: Path, rsa_signer: Signer, ec_signer: Signer
) -> None:
    """Remembered ones too, as soon as the file is seen to have changed."""
    clock = Clock()
    tokens = JwtVerifier(file_keys(path, clock=clock), POLICY)
    token = rsa_signer.sign()
    await tokens.principal(token.encode())
    path.write_bytes(jwks(ec_signer))
    clock.now += 1
    await tokens.keys.refresh()

    assert "unknown key" in await refused(tokens, token)


async def test_the_key_of_a_token_that_names_none(path: Path, rsa_signer: Signer) -> None:
    """Requests end with the key that signed, and go on when another is published beside it."""
    clock, other = Clock(), Signer.ec("other")
    gate = Gate(b"salt", jwt=JwtVerifier(file_keys(path, clock=clock), POLICY))
    path.write_bytes(jwks(rsa_signer))
    assert gate.jwt is not None
    caller = await gate.jwt.principal(Signer(None, rsa_signer.private).sign().encode())
    admitted = []
    for signers in ((rsa_signer, other), (other,)):
        path.write_bytes(jwks(*signers))
        clock.now += 1
        await gate.jwt.keys.refresh()
        admitted.append(gate.still_admits(caller))

    assert admitted == [True, False]


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "tomorrow"},
        {"exp": 10**400},
        {"nbf": {"at": NOW}},
        {"iat": "long ago"},
        {"aud": {"a": 1}},
        {"iss": [ISSUER]},
        {"sub": 7},
        {"exp": 10**300},
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
