"""The web conventions of every service: identity, permissions, problems, idempotency, ETags, paging, health."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import Depends, FastAPI

from shared.database import Database
from shared.language import Wording
from shared.web.answers import Body, BusinessDate, BusinessMoment, Db, Language, Moment, PointInTime, answer
from shared.web.clients import counted
from shared.web.contract import operation_id, publish_contract
from shared.web.edge import Edge
from shared.web.etags import IfMatch, IfNoneMatch, etag, is_known
from shared.web.health import Check, NotReady, database_check, health
from shared.web.idempotency import Once, OnceRunner, forget_answers
from shared.web.identity import CurrentActor, TokenExpiry, TokenVerifier
from shared.web.paging import FullPage, Listing, Page, PageRequest, page
from shared.web.parameters import refuse_unknown_parameters
from shared.web.permissions import (
    ANYONE,
    Permissions,
    UnavailableAction,
    actions_of,
    available_actions,
    told_apart,
)
from shared.web.problems import Problem, TooManyRequests, install_problems, problem

WORDING = Path(__file__).parent / "wording"


def install(
    app: FastAPI,
    *,
    verifier: TokenVerifier,
    database: Database,
    wording: Path | None = None,
    checks: Mapping[str, Check] | None = None,
) -> None:
    """Give an application the conventions: problems, limits, headers, health, identity.

    Call it before routers are included, so that operation ids are the routes' function names.
    """
    app.state.verifier = verifier
    app.state.database = database
    app.state.wording = Wording(*filter(None, (WORDING, wording)))
    app.router.generate_unique_id_function = operation_id
    app.router.redirect_slashes = False
    app.router.dependencies.append(Depends(refuse_unknown_parameters))
    app.add_middleware(Edge)
    install_problems(app)
    app.include_router(health({"database": database_check(database), **(checks or {})}))
    publish_contract(app)


__all__ = [
    "ANYONE",
    "Body",
    "BusinessDate",
    "BusinessMoment",
    "Check",
    "CurrentActor",
    "Db",
    "FullPage",
    "IfMatch",
    "IfNoneMatch",
    "Language",
    "Listing",
    "Moment",
    "NotReady",
    "Once",
    "OnceRunner",
    "Page",
    "PageRequest",
    "Permissions",
    "PointInTime",
    "Problem",
    "TokenExpiry",
    "TokenVerifier",
    "TooManyRequests",
    "UnavailableAction",
    "actions_of",
    "answer",
    "available_actions",
    "counted",
    "database_check",
    "etag",
    "forget_answers",
    "health",
    "install",
    "is_known",
    "operation_id",
    "page",
    "problem",
    "told_apart",
]
