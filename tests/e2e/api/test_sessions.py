import httpx
import jwt
import pytest

from tests.e2e.api.conftest import COORDINATOR
from tests.e2e.api.conftest import PASSWORD as COORDINATORS
from tests.e2e.api.people import PASSWORD, Person, Programme


@pytest.fixture
def visitor(http: httpx.Client) -> Person:
    return Person(http)


def test_whoever_signs_in_is_told_who_they_are(coordinator: Person, programme: Programme) -> None:
    me = coordinator.get("/v1/me")
    assert (me["person_id"], me["email"], me["coordinator"]) == (coordinator.person_id, COORDINATOR, True)
    ada = programme.join("ada").get("/v1/me")
    assert (ada["display_name"], ada["coordinator"]) == ("Ada", False)
    assert [(part["program_id"], part["role"]) for part in ada["programs"]] == [(programme.program_id, "mentee")]


def test_a_wrong_password_is_refused_like_an_unknown_address(visitor: Person) -> None:
    for email in (COORDINATOR, "nobody@example.org"):
        body = {"email": email, "password": "wrong"}
        problem = visitor.refused(401, "POST", "/v1/sessions", json=body)
        assert problem["code"] == "credentials_wrong"


def test_a_refresh_token_gives_a_new_session_once(visitor: Person) -> None:
    session = visitor.post("/v1/sessions", email=COORDINATOR, password=COORDINATORS)
    refreshed = visitor.post("/v1/sessions/refresh", refresh_token=session["refresh_token"])
    assert refreshed["person_id"] == session["person_id"]
    again = {"refresh_token": session["refresh_token"]}
    assert visitor.refused(401, "POST", "/v1/sessions/refresh", json=again)["code"] == "session_over"


def test_who_has_signed_out_refreshes_nothing(visitor: Person) -> None:
    session = visitor.post("/v1/sessions", email=COORDINATOR, password=COORDINATORS)
    token = {"refresh_token": session["refresh_token"]}
    assert visitor.ask("DELETE", "/v1/sessions", json=token).status_code == 204
    visitor.refused(401, "POST", "/v1/sessions/refresh", json=token)


def test_an_invitation_is_good_for_one_sign_up(visitor: Person, programme: Programme, coordinator: Person) -> None:
    where = f"/v1/programs/{programme.program_id}/invitations"
    invited = coordinator.post(where, external_ids=["ada", "nobody"])
    [ada] = invited["items"]
    assert ada["link"].endswith(f"/join#token={ada['token']}")
    assert invited["skipped"] == [{"external_id": "nobody", "code": "person_unknown"}]
    body = {
        "token": ada["token"],
        "email": f"{ada['person_id']}@example.org",
        "password": PASSWORD,
        "display_name": "Ada",
    }
    assert visitor.post("/v1/invitations/accept", **body) == {"person_id": ada["person_id"]}
    other = {**body, "email": f"other-{ada['person_id']}@example.org"}
    assert visitor.refused(410, "POST", "/v1/invitations/accept", json=other)["code"] == "invitation_used"
    assert coordinator.post(where, external_ids=["ada"])["skipped"] == [
        {"external_id": "ada", "code": "already_signed_up"}
    ]


def test_everybody_who_has_not_signed_up_is_invited_at_once(coordinator: Person, programme: Programme) -> None:
    programme.join("ada")
    invited = coordinator.post(f"/v1/programs/{programme.program_id}/invitations")
    assert [one["external_id"] for one in invited["items"]] == ["barbara", "edsger", "grace"]


def test_the_published_keys_prove_a_token(visitor: Person, coordinator: Person) -> None:
    [key] = jwt.PyJWKSet.from_dict(visitor.get("/.well-known/jwks.json")).keys
    claims = jwt.decode(coordinator.token, key, algorithms=["EdDSA"], issuer="identity")
    assert claims["sub"] == coordinator.person_id
