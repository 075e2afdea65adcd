"""Each owner's own login on PostgreSQL: a process can do what its owners may, and nothing else."""

import secrets
from collections.abc import Iterable
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from shared.database import login_of, role_of
from shared.masters import write_secret


def install_logins(url: str, administrator: str, owners: Iterable[str]) -> None:
    """Where `url` names no user: a login for each owner, which may take on the owner's role, in this database only.

    Their passwords are made once and kept in the `passfile` that `url` names, where libpq looks for them:
    https://www.postgresql.org/docs/current/libpq-pgpass.html. Raises ValueError when it names none.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" or parsed.username:
        return
    database = str(parsed.database)
    passwords = _passwords(_passfile(parsed), {owner: login_of(database, owner) for owner in owners})
    libpq = make_url(administrator).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(libpq) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('mentoring.install'))")
        connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        for owner, password in passwords.items():
            _install(connection, database, owner, password)


def without_user(url: str, passfile: Path) -> str:
    """Where an administrator's `url` leads, for owners who log in as themselves."""
    anonymous = make_url(url)._replace(username=None, password=None)
    return str(anonymous.update_query_dict({"passfile": str(passfile)}))


def _install(connection: psycopg.Connection, database: str, owner: str, password: str) -> None:
    login = login_of(database, owner)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(login)))
    hashed = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    for change in (
        "ALTER ROLE {login} LOGIN NOINHERIT PASSWORD {hashed}",
        "GRANT {role} TO {login}",
        "GRANT CONNECT ON DATABASE {database} TO {login}",
    ):
        connection.execute(
            sql.SQL(change).format(
                login=sql.Identifier(login),
                role=sql.Identifier(role_of(owner)),
                database=sql.Identifier(database),
                hashed=sql.Literal(hashed),
            )
        )


def _passfile(url: URL) -> Path:
    if "passfile" not in url.query:
        raise ValueError("a database URL without a user names a passfile: …/database?passfile=/path/of/pgpass")
    return Path(str(url.query["passfile"]))


def _passwords(file: Path, logins: dict[str, str]) -> dict[str, str]:
    """Owner → password. What is missing in the file is made, and there before the database knows it."""
    lines = file.read_text().splitlines() if file.exists() else []
    known = dict(line.rsplit(":", 1) for line in lines)
    keys = {owner: "*:*:*:" + login.replace("\\", "\\\\").replace(":", "\\:") for owner, login in logins.items()}
    made = {key: secrets.token_urlsafe(32) for key in keys.values() if key not in known}
    if made:
        known |= made
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_secret(file, "".join(f"{key}:{password}\n" for key, password in known.items()).encode())
    return {owner: known[key] for owner, key in keys.items()}
