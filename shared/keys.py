"""The platform's own secrets: made once, kept in a folder, never in the log."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from shared.masters import Masters, write_secret

DIGEST, SIGNING, VERIFYING = "digest.key", "signing.pem", "verifying.pem"
PROOF, PROOF_PUBLIC = "proof.pem", "proof-public.pem"


class KeysMissing(RuntimeError):
    """A secret is not where it should be."""


@dataclass(frozen=True)
class Keys:
    """`masters` wrap persons' keys; `digest` keys digests, claims over personal values, and links."""

    masters: Masters
    digest: bytes = field(repr=False)
    folder: Path

    def signing(self) -> Ed25519PrivateKey:
        """Identity's own: only its process needs the file."""
        return cast(Ed25519PrivateKey, load_pem_private_key(_read(self.folder / SIGNING), password=None))

    def verifying(self) -> Ed25519PublicKey:
        return cast(Ed25519PublicKey, load_pem_public_key(_read(self.folder / VERIFYING)))

    def proof(self) -> Ed25519PrivateKey:
        """By which the log's heads are signed: only the process that signs needs the file."""
        return cast(Ed25519PrivateKey, load_pem_private_key(_read(self.folder / PROOF), password=None))

    def proof_public(self) -> Ed25519PublicKey:
        return cast(Ed25519PublicKey, load_pem_public_key(_read(self.folder / PROOF_PUBLIC)))


def load_keys(folder: Path) -> Keys:
    masters = Masters(folder)
    if not masters.ids():
        raise _missing(folder / "master.key")
    return Keys(masters, _read(folder / DIGEST), folder)


def make_keys(folder: Path) -> None:
    """Makes those that the folder lacks; leaves a complete one alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / VERIFYING).exists():
        Masters(folder).make_first()
        write_secret(folder / DIGEST, secrets.token_bytes(32))
        _make_pair(folder / SIGNING, folder / VERIFYING)
    if not (folder / PROOF_PUBLIC).exists():
        _make_pair(folder / PROOF, folder / PROOF_PUBLIC)


def pem_of(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _make_pair(private: Path, public: Path) -> None:
    """The public one last: with it the pair is complete."""
    key = Ed25519PrivateKey.generate()
    write_secret(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_secret(public, pem_of(key.public_key()).encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise _missing(path) from None


def _missing(path: Path) -> KeysMissing:
    return KeysMissing(f"{path} is missing: run `python -m services init` first, or restore it")
