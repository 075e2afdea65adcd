"""Ten-minute signed tokens: they say who asks, never what the asker may do."""

import threading
from collections import OrderedDict
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shared import clock
from shared.refusals import Unauthenticated
from shared.service import Asker

LIFETIME = timedelta(minutes=10)
ISSUER = "identity"
REMEMBERED = 10_000


class TokenInvalid(Unauthenticated):
    """This token is not valid, or no longer: sign in again."""


def sign(person: UUID, key: Ed25519PrivateKey) -> str:
    issued = clock.now()
    claims = {"sub": str(person), "iss": ISSUER, "iat": issued, "exp": issued + LIFETIME}
    return jwt.encode(claims, key, algorithm="EdDSA")


def key_set(key: Ed25519PublicKey) -> dict[str, Any]:
    """The JSON Web Key Set (RFC 7517, RFC 8037) by which others can check tokens."""
    return {"keys": [{**OKPAlgorithm.to_jwk(key, as_dict=True), "use": "sig", "alg": "EdDSA"}]}


class Verifier:
    """Checks tokens; a checked one is remembered, for a check costs more than all else in a short request."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self._checked: OrderedDict[str, tuple[float, Asker]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, token: str) -> Asker:
        """Raises `TokenInvalid`."""
        with self._lock:
            remembered = self._checked.get(token)
        if remembered:
            expires, asker = remembered
            if expires <= clock.now().timestamp():
                raise TokenInvalid()
            return asker
        try:
            required = ["sub", "exp", "iss"]
            claims = jwt.decode(token, self._key, ["EdDSA"], issuer=ISSUER, options={"require": required})
            asker = Asker(str(UUID(claims["sub"])))
        except (jwt.InvalidTokenError, ValueError):
            raise TokenInvalid() from None
        with self._lock:
            self._checked[token] = (claims["exp"], asker)
            if len(self._checked) > REMEMBERED:
                self._checked.popitem(last=False)
        return asker
