"""How somebody gets a password, signs in with it, stays signed in and signs out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from services.identity.adapters.attempts import Attempts
from services.identity.adapters.credentials import Credential, Credentials
from services.identity.adapters.keyring import Keyring
from services.identity.adapters.sessions import SessionOver, Sessions
from services.identity.aggregates import PERSON
from services.identity.batches import required
from services.identity.commands import AcceptInvitation, AppointCoordinator, RefreshSession, SignIn, SignOut
from services.identity.domain.person import Appointer, EmailTaken, Invitee, Member, NewCredential
from shared import clock, tokens
from shared.ids import NIL, derived_id
from shared.refusals import CommandReused, Refusal, Unauthenticated
from shared.runtime import Runtime
from shared.service import Asker, Context, Done


class CredentialsWrong(Unauthenticated):
    """E-mail or password is wrong."""


@dataclass(frozen=True)
class SigningIn:
    """A password's hash is kept before the event that makes it count is recorded. The command is recorded without its
    password: not even a digest of it is in the log.
    """

    keyring: Keyring
    credentials: Credentials
    attempts: Attempts
    sessions: Sessions
    sign: Callable[[UUID], str]

    def accept_invitation(self, runtime: Runtime, command: AcceptInvitation, asker: Asker, context: Context) -> Done:
        """Whoever has the link is the person."""
        person_id, invitation_id = self.keyring.invited(command.token)
        credential = self._new_credential(context, person_id, command.email)
        invitee = Invitee(person_id, invitation_id, clock.now(), credential)
        return self._record(runtime, command, context, Asker(str(person_id)), person_id, invitee)

    def appoint_coordinator(
        self, runtime: Runtime, command: AppointCoordinator, asker: Asker, context: Context
    ) -> Done:
        credential = self._new_credential(context, command.person_id, command.email)
        return self._record(runtime, command, context, asker, command.person_id, Appointer(asker, credential))

    def sign_in(self, runtime: Runtime, command: SignIn, asker: Asker, context: Context) -> Done:
        """A wrong e-mail and a wrong password take as long and get the same answer."""
        now, email = clock.now(), self.keyring.email(command.email)
        self.attempts.begin(email, now)
        credential = self._effective(runtime, email)
        fits = self.credentials.fits(credential, command.password)
        if credential is None or not fits:
            raise CredentialsWrong()
        self.attempts.succeed(email)
        return self._signed_in(credential.person_id, self.sessions.open(credential.person_id, now))

    def refresh_session(self, runtime: Runtime, command: RefreshSession, asker: Asker, context: Context) -> Done:
        person_id, token = self.sessions.rotate(command.refresh_token, context.command_id, clock.now())
        if not isinstance(runtime.reader.state(PERSON, person_id), Member):
            raise SessionOver()
        return self._signed_in(person_id, token)

    def sign_out(self, runtime: Runtime, command: SignOut, asker: Asker, context: Context) -> Done:
        self.sessions.end(command.refresh_token)
        return Done()

    def _record(
        self,
        runtime: Runtime,
        command: AcceptInvitation | AppointCoordinator,
        context: Context,
        asker: Asker,
        person_id: UUID,
        known: Invitee | Appointer,
    ) -> Done:
        """Decides twice: first so that a wish that is refused leaves nothing behind, then for good."""
        try:
            outcome = PERSON.decide(command, runtime.reader.state(PERSON, person_id), known)
        except Refusal:
            if first := runtime.repeated(_unsaid(command), context):
                self._require_same(known.credential, command.password)
                return first
            raise
        if not outcome:
            return Done()
        email = self.keyring.email(command.email)
        holder = self._effective(runtime, email)
        if holder and holder.person_id != person_id:
            raise EmailTaken()
        self.credentials.keep(known.credential.credential_id, person_id, email, command.password)
        [done] = required(runtime.execute([(_unsaid(command), replace(context, program=NIL))], asker, known))
        return done

    def _require_same(self, credential: NewCredential, password: str) -> None:
        if not self.credentials.fits(self.credentials.get(credential.credential_id), password):
            raise CommandReused()

    def _new_credential(self, context: Context, person_id: UUID, email: str) -> NewCredential:
        credential_id = derived_id(context.command_id, "credential", person_id)
        return NewCredential(credential_id, f"email:{self.keyring.email(email)}")

    def _effective(self, runtime: Runtime, email: str) -> Credential | None:
        """The credential for this e-mail's digest that the log knows of."""
        effective = None
        for credential in self.credentials.of(email):
            person = runtime.reader.state(PERSON, credential.person_id)
            if isinstance(person, Member) and person.credential_id == credential.credential_id:
                effective = credential
        return effective

    def _signed_in(self, person_id: UUID, refresh_token: str) -> Done:
        return Done(
            result={
                "access_token": self.sign(person_id),
                "expires_in": int(tokens.LIFETIME.total_seconds()),
                "refresh_token": refresh_token,
                "person_id": str(person_id),
            }
        )


def _unsaid(command: AcceptInvitation | AppointCoordinator) -> AcceptInvitation | AppointCoordinator:
    return command.model_copy(update={"password": ""})
