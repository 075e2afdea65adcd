"""Signing in, staying signed in, signing out; and accepting the invitation that all begins with."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import EmailStr
from starlette.responses import JSONResponse, Response

from services.gateway.answers import Answer, respond
from services.gateway.asked import Asked
from services.gateway.caller import Visiting
from services.identity.commands import (
    AcceptInvitation,
    Name,
    NewPassword,
    RefreshSession,
    Secret,
    SignIn,
    SignOut,
)

router = APIRouter(tags=["sessions"])


class SignInBody(Asked):
    email: EmailStr
    password: Secret


class RefreshBody(Asked):
    refresh_token: Secret


class AcceptanceBody(Asked):
    """`token` is that of the invitation's link."""

    token: Secret
    email: EmailStr
    password: NewPassword
    display_name: Name


class SessionAnswer(Answer):
    """`expires_in` seconds the access token is good for; the refresh token is good for one refresh."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's word
    expires_in: int
    refresh_token: str
    person_id: UUID


class PersonAnswer(Answer):
    person_id: UUID


@router.post("/v1/sessions", status_code=201, response_model=SessionAnswer)
async def sign_in(body: SignInBody, sender: Visiting) -> Response:
    done = await sender.send(SignIn(**dict(body), at=sender.at))
    return respond(SessionAnswer.model_validate(done.result), 201)


@router.post("/v1/sessions/refresh", response_model=SessionAnswer)
async def refresh(body: RefreshBody, sender: Visiting) -> Response:
    done = await sender.send(RefreshSession(refresh_token=body.refresh_token, at=sender.at))
    return respond(SessionAnswer.model_validate(done.result))


@router.delete("/v1/sessions", status_code=204)
async def sign_out(body: RefreshBody, sender: Visiting) -> Response:
    """Ends the session of this refresh token; one that has ended already stays ended."""
    await sender.send(SignOut(refresh_token=body.refresh_token, at=sender.at))
    return Response(status_code=204)


@router.post("/v1/invitations/accept", response_model=PersonAnswer)
async def accept_invitation(body: AcceptanceBody, sender: Visiting) -> Response:
    """From now on the person signs in with this e-mail and password."""
    done = await sender.send(AcceptInvitation(**dict(body), at=sender.at))
    accepted = PersonAnswer.model_validate(done.result)
    return await sender.answer(done, "/v1/me", lambda: accepted)


@router.get("/.well-known/jwks.json", tags=["operations"])
async def key_set(visitor: Visiting) -> JSONResponse:
    """The keys that access tokens are signed with (RFC 7517)."""
    return JSONResponse(dict(visitor.gateway.jwks), headers={"Cache-Control": "public, max-age=300"})
