"""Bringing a whole roster into a programme."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from services.identity import roster
from services.identity.aggregates import PROGRAM
from services.identity.batches import in_batches, required
from services.identity.commands import EnrolPerson, ImportRoster, RegisterPerson
from services.identity.domain.enrolment import Registrar
from services.identity.domain.program import Report, coordinated, told
from services.identity.events import RejectedRow
from shared.ids import derived_id
from shared.refusals import Gone, Refusal
from shared.runtime import Runtime
from shared.service import Asker, Context, Done
from shared.vault import Vault

IMPORTER = Asker("system:import_roster")


@dataclass(frozen=True)
class Importing:
    """Every row is a command of its own, under an id that derives from the import's and the row's `external_id`.

    So an import that was cut off goes on when the same command is sent again, and its report is as if nothing had
    happened: a row counts as what this very command did to it, then or now. Another import of the same file finds the
    rows that went in before as unchanged.
    """

    vault: Vault

    def __call__(self, runtime: Runtime, command: ImportRoster, asker: Asker, context: Context) -> Done:
        program = runtime.reader.state(PROGRAM, command.program_id)
        coordinated(program, asker)
        if first := runtime.repeated(command, context):
            return first
        file = roster.read(command.csv, command.program_id, command.at)
        effects: Counter[str] = Counter()
        erased: list[RejectedRow] = []
        for rows in in_batches(file.rows):
            self._register(runtime, rows, context)
            for row, answer in _enrol(runtime, rows, Registrar(asker, program), context):
                effects[_effect(answer)] += 1
                if isinstance(answer, Gone):
                    erased.append(_erased(row, file.lines[row.external_id]))
        rejected = tuple(sorted((*file.rejected, *erased), key=attrgetter("line")))
        report = Report(asker, effects["added"], effects["changed"], effects["unchanged"], rejected)
        [done] = required(runtime.execute([(command, context)], asker, known=report))
        return done if done.position else Done(version=done.version, result=told(report))

    def _register(self, runtime: Runtime, rows: Sequence[EnrolPerson], context: Context) -> None:
        self.vault.prepare([row.person_id for row in rows])
        commands = [
            (RegisterPerson(person_id=row.person_id, at=row.at), _under(context, "register", row)) for row in rows
        ]
        required(runtime.execute(commands, IMPORTER))


def _enrol(
    runtime: Runtime, rows: Sequence[EnrolPerson], registrar: Registrar, context: Context
) -> Iterator[tuple[EnrolPerson, Done | Gone]]:
    """What became of each row; `Gone` for that of an erased person."""
    commands = [(row, _under(context, "enrol", row)) for row in rows]
    for row, answer in zip(rows, runtime.execute(commands, registrar.asker, known=registrar), strict=True):
        if isinstance(answer, Refusal) and not isinstance(answer, Gone):
            raise answer
        yield row, answer


def _erased(row: EnrolPerson, line: int) -> RejectedRow:
    return RejectedRow(line=line, external_id=row.external_id, reason="this person was erased")


def _under(context: Context, step: str, row: EnrolPerson) -> Context:
    """Enrolling happens in the programme; registering in none."""
    command_id = derived_id(context.command_id, step, row.external_id)
    if step == "register":
        return Context(command_id, context.correlation_id)
    return Context(command_id, context.correlation_id, program=row.program_id)


def _effect(done: Done | Gone) -> str:
    if isinstance(done, Gone):
        return "rejected"
    if not done.position:
        return "unchanged"
    return "added" if done.version == 1 else "changed"
