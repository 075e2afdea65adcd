"""Forgetting somebody: who may decide it, and what is destroyed."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.identity.adapters.attempts import Attempts
from services.identity.adapters.credentials import Credentials
from services.identity.adapters.sessions import Sessions
from services.identity.aggregates import ENROLMENT, PERSON, PROGRAM
from services.identity.batches import required
from services.identity.commands import CompleteErasure, EraseAccount, EraseEnrolment, ErasePerson
from services.identity.directory import ENROLMENTS, ERASED
from services.identity.domain.enrolment import NotEnrolled, enrolment_id_of
from services.identity.domain.person import Eraser, Member, OwnAccountOnly, PersonUnknown, PlatformOnly
from services.identity.domain.program import coordinated
from services.identity.events import PersonErased
from shared import clock
from shared.ids import NIL, derived_id
from shared.log import EventLog
from shared.messages import Catalogue
from shared.refusals import Forbidden
from shared.runtime import Reader, Runtime
from shared.service import Asker, Context, Done
from shared.vault import Vault

BATCH = 1000
ERASURES = Catalogue(PersonErased)


class PasswordWrong(Forbidden):
    """This is not the account's password."""


@dataclass(frozen=True)
class Erasing:
    credentials: Credentials
    attempts: Attempts
    sessions: Sessions
    vault: Vault

    def erase_account(self, runtime: Runtime, command: EraseAccount, asker: Asker, context: Context) -> Done:
        """The command is recorded without its password."""
        if asker.person != command.person_id:
            raise OwnAccountOnly()
        unsaid = command.model_copy(update={"password": ""})
        if first := runtime.repeated(unsaid, context):
            return first
        self._require_password(runtime.reader, command, clock.now())
        return self._record(runtime, unsaid, asker, context)

    def erase_person(self, runtime: Runtime, command: ErasePerson, asker: Asker, context: Context) -> Done:
        coordinated(runtime.reader.state(PROGRAM, command.program_id), asker)
        enrolment_id = enrolment_id_of(command.program_id, command.person_id)
        if isinstance(runtime.reader.state(ENROLMENT, enrolment_id), NotEnrolled):
            raise PersonUnknown()
        return self._record(runtime, command, asker, context)

    def complete(self, runtime: Runtime, command: CompleteErasure, asker: Asker, context: Context) -> Done:
        """As often as asked. The key goes first: with it go all texts, wherever they are."""
        if not asker.is_system:
            raise PlatformOnly()
        self.vault.erase(command.person_id)
        self.sessions.forget(command.person_id)
        self.credentials.forget(command.person_id)
        commands = [(_enrolment(command, program), _under(context, program)) for program in command.programs]
        required(runtime.execute(commands, asker, known=asker))
        return Done()

    def _record(self, runtime: Runtime, command: EraseAccount | ErasePerson, asker: Asker, context: Context) -> Done:
        programs = [row["program_id"] for row in runtime.reader.where(ENROLMENTS, person_id=command.person_id)]
        eraser = Eraser(asker, tuple(programs), self._email_key(runtime.reader, command.person_id))
        [done] = required(runtime.execute([(command, replace(context, program=NIL))], asker, known=eraser))
        return done

    def _email_key(self, reader: Reader, person_id: UUID) -> str | None:
        state = reader.state(PERSON, person_id)
        return f"email:{self.credentials.email_of(state.credential_id)}" if isinstance(state, Member) else None

    def _require_password(self, reader: Reader, command: EraseAccount, now: datetime) -> None:
        state = reader.state(PERSON, command.person_id)
        if not isinstance(state, Member):
            raise PersonUnknown()
        email = self.credentials.email_of(state.credential_id)
        self.attempts.begin(email, now)
        if not self.credentials.fits(self.credentials.get(state.credential_id), command.password):
            raise PasswordWrong()
        self.attempts.succeed(email)


def reapply(log: EventLog, vault: Vault) -> int:
    """Destroys again the keys that a key store from a backup has brought back; how many. The log knows whose."""
    position, erased = 0, set()
    while batch := log.read(position, BATCH):
        position = batch[-1].position
        erased |= {event.person_id for one in batch if isinstance(event := ERASURES.decode(one), PersonErased)}
    return _destroy(erased, vault)


def reapply_heard(runtime: Runtime, vault: Vault) -> int:
    """The same by the directory: at every start, and so without reading the whole log."""
    return _destroy({row["person_id"] for row in runtime.reader.where(ERASED)}, vault)


def _destroy(erased: set[UUID], vault: Vault) -> int:
    alive = erased - vault.erased()
    for person in alive:
        vault.erase(person)
    return len(alive)


def _enrolment(command: CompleteErasure, program: UUID) -> EraseEnrolment:
    person = command.person_id
    enrolment = enrolment_id_of(program, person)
    return EraseEnrolment(enrolment_id=enrolment, program_id=program, person_id=person, at=command.at)


def _under(context: Context, program: UUID) -> Context:
    return replace(context, command_id=derived_id(context.command_id, program), program=program)
