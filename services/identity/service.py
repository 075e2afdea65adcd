"""What identity is made of."""

from dataclasses import replace
from functools import partial

from services.identity import events
from services.identity.adapters import tables
from services.identity.adapters.attempts import Attempts
from services.identity.adapters.credentials import Credentials
from services.identity.adapters.keyring import Keyring
from services.identity.adapters.sessions import Sessions
from services.identity.aggregates import ENROLMENT, PERSON, programs
from services.identity.batches import required
from services.identity.commands import (
    AcceptInvitation,
    AppointCoordinator,
    CompleteErasure,
    CreateProgram,
    EnrolPerson,
    EraseAccount,
    ErasePerson,
    ImportRoster,
    InvitePeople,
    RefreshSession,
    SignIn,
    SignOut,
)
from services.identity.directory import ENROLMENTS, ERASED
from services.identity.domain.person import EmailTaken
from services.identity.domain.program import told
from services.identity.erasing import Erasing
from services.identity.importing import Importing
from services.identity.inviting import invite_people
from services.identity.policies import complete_erasure_when_person_erased
from services.identity.signing_in import SigningIn
from shared import tokens
from shared.parts import Parts
from shared.runtime import Runtime
from shared.service import Asker, Context, Done, Service
from shared.standard_webhooks import secret_of, written


def assemble(parts: Parts) -> Service:
    keyring = Keyring(parts.keys.digest)
    credentials, attempts = Credentials(parts.database), Attempts(parts.database)
    sessions = Sessions(parts.database, keyring)
    signing_in = SigningIn(keyring, credentials, attempts, sessions, partial(tokens.sign, key=parts.keys.signing()))
    erasing = Erasing(credentials, attempts, sessions, parts.vault)
    return Service(
        name="identity",
        events=events,
        aggregates=[programs(parts.settings.private_webhooks), ENROLMENT, PERSON],
        procedures={
            AppointCoordinator: signing_in.appoint_coordinator,
            CreateProgram: within_its_program,
            EnrolPerson: within_its_program,
            ImportRoster: Importing(parts.vault),
            InvitePeople: invite_people,
            AcceptInvitation: signing_in.accept_invitation,
            SignIn: signing_in.sign_in,
            RefreshSession: signing_in.refresh_session,
            SignOut: signing_in.sign_out,
            EraseAccount: erasing.erase_account,
            ErasePerson: erasing.erase_person,
            CompleteErasure: erasing.complete,
        },
        replies={
            events.PersonInvited: lambda event: {"token": keyring.invitation(event.person_id, event.invitation_id)},
            events.InvitationAccepted: lambda event: {"person_id": str(event.person_id)},
            events.RosterImported: told,
            events.WebhookRegistered: lambda event: {"secret": written(secret_of(parts.keys.digest, event.webhook_id))},
        },
        taken={"email": EmailTaken},
        directory=[ENROLMENTS, ERASED],
        policies={events.PersonErased: [complete_erasure_when_person_erased]},
        install=partial(tables.install, parts.database),
    )


def within_its_program(runtime: Runtime, command: CreateProgram | EnrolPerson, asker: Asker, context: Context) -> Done:
    """Whatever programme the sender has named: the command's own is where it belongs."""
    [done] = required(runtime.execute([(command, replace(context, program=command.program_id))], asker))
    return done
