"""The log's signed heads, which anyone may keep and compare, and receipts for single events."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from services.gateway.access import BetweenTheTwo, RelationshipUnknown, party_to
from services.gateway.answers import Answer, Page, respond
from services.gateway.caller import Member, SignedIn, gateway_of
from shared.database import reading
from shared.log import Recorded
from shared.log.hashing import GENESIS, in_utc
from shared.proofs import HEAD_SECONDS, Proofs, SignedHead
from shared.refusals import Invalid, NotFound, Unavailable

router = APIRouter(tags=["proofs"])


class EventUnknown(NotFound):
    """There is no such event."""


class NothingSigned(NotFound):
    """The log is empty: no head was signed yet."""


class SizeNotSigned(Invalid):
    """No signed head covers so many events."""


class NotSignedYet(Unavailable):
    """No signed head covers this event yet: try again shortly."""


class HeadAnswer(Answer):
    """`root` and `signature` are hexadecimal. What is signed is the lines `log head`, `size`, `root`, `signed_at`."""

    size: int
    root: str
    signed_at: str
    signature: str


class ConsistencyAnswer(Answer):
    """By RFC 6962: that the log of the `second` size begins with the log of the `first`."""

    first: int
    second: int
    proof: list[str]


class HashedEvent(Answer):
    """Every field that its hash covers, as it was hashed: `data` to the letter, times in microseconds."""

    position: int
    event_id: UUID
    stream: str
    version: int
    type: str
    schema_version: int
    subject: UUID | None
    program: UUID
    actor: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    occurred_at: str
    recorded_at: str
    data: str


class ReceiptAnswer(Answer):
    """`path` leads from the event's `hash` to the root of `head`, which is signed with the `key`, in PEM."""

    event: HashedEvent
    previous_hash: str
    hash: str
    path: list[str]
    head: HeadAnswer
    key: str


@router.get("/v1/log/head", response_model=HeadAnswer)
def head(request: Request) -> Response:
    """The newest. A new one is signed when the log has grown, every few seconds at the most."""
    return respond(_shown(_newest(gateway_of(request).proofs)))


@router.get("/v1/log/heads", response_model=Page[HeadAnswer])
def heads(
    request: Request,
    after: Annotated[int, Query(ge=0, le=2**62, description="A size: heads of more events are answered")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Response:
    """All that were ever signed, the smallest first."""
    found = gateway_of(request).proofs.heads(after, limit + 1)
    items = [_shown(one) for one in found[:limit]]
    return respond(Page(items=items, next=str(items[-1].size) if len(found) > limit else None))


@router.get("/v1/log/consistency", response_model=ConsistencyAnswer)
def consistency(
    request: Request,
    first: Annotated[int, Query(alias="from", ge=1, le=2**62)],
    second: Annotated[
        int | None, Query(alias="to", ge=1, le=2**62, description="The newest head's, if not given")
    ] = None,
) -> Response:
    """That nothing of what the head of the size `from` covers was changed in that of the size `to`."""
    proofs = gateway_of(request).proofs
    newest = _newest(proofs).size
    second = newest if second is None else second
    if not first <= second <= newest:
        raise SizeNotSigned(newest=newest)
    return respond(ConsistencyAnswer(first=first, second=second, proof=_hexed(proofs.consistency(first, second))))


@router.get(
    "/v1/log/key", response_class=PlainTextResponse, responses={200: {"content": {"application/x-pem-file": {}}}}
)
def key(request: Request) -> Response:
    """The public key, in PEM, of the heads' Ed25519 signatures."""
    return Response(gateway_of(request).proof_key, media_type="application/x-pem-file")


@router.get("/v1/events/{event_id}/receipt", response_model=ReceiptAnswer)
def receipt(event_id: UUID, member: SignedIn) -> Response:
    """For one of the two whose relationship it belongs to; of anything else, for whoever did it.

    It is checked without us: `docs/examples/check_receipt.py`. What people wrote is sealed in it, as in the log.
    """
    gateway = member.gateway
    recorded = gateway.log.find(event_id)
    if recorded is None or not _is_for(member, recorded):
        raise EventUnknown()
    newest = gateway.proofs.newest()
    if newest is None or newest.size < recorded.position:
        raise NotSignedYet(retry_after=round(HEAD_SECONDS))
    before = gateway.log.read(recorded.position - 2, 1) if recorded.position > 1 else []
    answer = ReceiptAnswer(
        event=_hashed(recorded),
        previous_hash=(before[0].hash if before else GENESIS.hash).hex(),
        hash=recorded.hash.hex(),
        path=_hexed(gateway.proofs.inclusion(recorded.position, newest.size)),
        head=_shown(newest),
        key=gateway.proof_key,
    )
    return respond(answer)


def _newest(proofs: Proofs) -> SignedHead:
    newest = proofs.newest()
    if newest is None:
        raise NothingSigned()
    return newest


def _is_for(member: Member, recorded: Recorded) -> bool:
    if recorded.subject is None:
        return recorded.actor == str(member.person)
    try:
        with reading(member.gateway.database) as connection:
            party_to(connection, member, recorded.subject)
    except (RelationshipUnknown, BetweenTheTwo):
        return False
    return True


def _shown(signed: SignedHead) -> HeadAnswer:
    return HeadAnswer(
        size=signed.size, root=signed.root.hex(), signed_at=_exactly(signed.signed_at), signature=signed.signature.hex()
    )


def _hashed(recorded: Recorded) -> HashedEvent:
    fields = {name: getattr(recorded, name) for name in HashedEvent.model_fields}
    times = {name: _exactly(fields[name]) for name in ("occurred_at", "recorded_at")}
    return HashedEvent(**(fields | times))


def _exactly(moment: datetime) -> str:
    return in_utc(moment).isoformat(timespec="microseconds")


def _hexed(hashes: list[bytes]) -> list[str]:
    return [one.hex() for one in hashes]
