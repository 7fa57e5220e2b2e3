"""The realm file: what it gives is what the services verify, and it holds no secret."""

import json
import re
from typing import Any

from shared.actor import JURISDICTION, Role
from shared.settings import PlatformSettings
from tests.deploy.manifests import DEPLOY, compose

REALM: dict[str, Any] = json.loads((DEPLOY / "keycloak" / "realm.json").read_text("utf-8"))
CLIENTS = {client["clientId"]: client for client in REALM["clients"]}
AUDIENCE = PlatformSettings.model_fields["oidc_audience"].default


def test_it_holds_no_secret_and_nobody() -> None:
    text = json.dumps(REALM)
    assert "users" not in REALM and "identityProviders" not in REALM
    assert not re.search('"(secret|credentials|privateKey|certificate|password)"', text)
    assert all(client["publicClient"] for client in CLIENTS.values())


def test_browsers_sign_in_by_code_and_pkce_only() -> None:
    console = CLIENTS["mithaq-console"]
    assert console["attributes"]["pkce.code.challenge.method"] == "S256"
    assert console["standardFlowEnabled"]
    assert not console["implicitFlowEnabled"] and not console["directAccessGrantsEnabled"]
    assert all(re.match(r"http://127\.0\.0\.1:\d+/", address) for address in console["redirectUris"])


def test_an_access_token_has_the_type_the_audience_and_the_claims_that_services_verify() -> None:
    console = CLIENTS["mithaq-console"]
    assert console["attributes"]["access.token.header.type.rfc9068"] == "true"
    mappers = {mapper["protocolMapper"]: mapper["config"] for mapper in console["protocolMappers"]}
    assert mappers["oidc-audience-mapper"]["included.client.audience"] == AUDIENCE
    assert mappers["oidc-usermodel-client-role-mapper"]["claim.name"] == "mithaq_roles"
    assert mappers["oidc-usermodel-client-role-mapper"]["multivalued"] == "true"
    assert mappers["oidc-usermodel-attribute-mapper"]["claim.name"] == "mithaq_jurisdiction"
    assert all(config["access.token.claim"] == "true" for config in mappers.values())
    assert REALM["defaultSignatureAlgorithm"] == "RS256"


def test_the_roles_are_those_that_people_can_have() -> None:
    roles = {role["name"] for role in REALM["roles"]["client"][AUDIENCE]}
    assert roles == {role.value for role in Role} - {Role.system.value}


def test_only_administrators_set_a_jurisdiction_and_only_a_real_one() -> None:
    (provider,) = REALM["components"]["org.keycloak.userprofile.UserProfileProvider"]
    profile = json.loads(provider["config"]["kc.user.profile.config"][0])
    assert "unmanagedAttributePolicy" not in profile
    attributes = {attribute["name"]: attribute for attribute in profile["attributes"]}
    assert attributes["mithaq_jurisdiction"]["permissions"] == {"view": ["admin"], "edit": ["admin"]}
    pattern = re.compile(attributes["mithaq_jurisdiction"]["validations"]["pattern"]["pattern"])
    organisation = "org:0190b7f0-0000-7000-8000-000000000000"
    for value in ("national", "MA-01", "MA-12", "DP-AGD", organisation, "MA-13", "MA-1", "everyone", "org:", ""):
        assert bool(pattern.fullmatch(value)) == bool(JURISDICTION.fullmatch(value)), value


def test_compose_imports_it_where_services_look_for_the_issuer() -> None:
    keycloak = compose()["services"]["keycloak"]
    assert "--import-realm" in keycloak["command"][0]
    issuer = compose()["services"]["agreements"]["environment"]["MITHAQ_OIDC_ISSUER"]
    assert f"{keycloak['environment']['KC_HOSTNAME']}/realms/{REALM['realm']}" in issuer
