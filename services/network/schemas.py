"""What requests to the register carry and what it answers."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from services.network.association import Association, AssociationState, Ice, LegalIdentity
from services.network.mandate import Mandate, MandateState
from services.network.organisation import Organisation
from services.network.permissions import PERMISSIONS
from shared.actor import Actor
from shared.clock import today
from shared.events.agreements import AgreementType
from shared.events.network import OrganisationKind
from shared.territory import AcademyCode, ProvinceCode
from shared.texts import FrenchLine, Line, Paragraph
from shared.web import Body, BusinessDate, available_actions


class RegisterOrganisation(Body):
    """A funder, a host of premises or a partner."""

    category: Literal["funder", "host", "partner"]
    academy: AcademyCode | None = Field(None, description="whose region it belongs to; none for a national one")
    name_ar: Line
    name_fr: FrenchLine


class RegisterAssociation(Body):
    """The legal identity of an association."""

    name_ar: Line
    name_fr: FrenchLine
    receipt_number: Line = Field(description="of the final receipt for its declaration")
    ice: Ice = Field(description="common company identifier, 15 digits")
    academy: AcademyCode
    province: ProvinceCode = Field(description="of its seat")

    def identity(self) -> LegalIdentity:
        """The same as the register keeps it."""
        return LegalIdentity(**self.model_dump())


class Because(Body):
    """Why; the reason stays in the register and is shown to those who see the association."""

    reason: Paragraph


class Person(Body):
    """A person as access tokens name them."""

    issuer: Line
    subject: Line


class RecordMandate(Body):
    """Who may sign for an organisation or association, from the first day to the last."""

    organisation_id: UUID
    person: Person
    holder: Line = Field(description="the person's name as minutes print it")
    valid_from: BusinessDate
    valid_until: BusinessDate = Field(description="the last day, included")
    agreement_types: Annotated[list[AgreementType], Field(max_length=5)] = Field(
        [], description="only agreements of these types, if any"
    )
    academies: Annotated[list[AcademyCode], Field(max_length=12)] = Field(
        [], description="only these academies' agreements, if any"
    )
    agreements: Annotated[list[UUID], Field(max_length=200)] = Field([], description="only these agreements, if any")


class EndMandate(Body):
    """How a mandate ends early; from `on` its person signs no more."""

    on: BusinessDate
    how: Literal["resigned", "revoked"]


class OrganisationAnswer(BaseModel):
    """An institution that can be a party of agreements."""

    id: UUID
    version: int
    category: OrganisationKind
    academy: str | None
    name_ar: str
    name_fr: str
    available_actions: list[str]

    @classmethod
    def of(cls, organisation: Organisation, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(**organisation.model_dump(), available_actions=available_actions(by, organisation, PERMISSIONS))


class AssociationAnswer(BaseModel):
    """An association with its legal identity and its standing."""

    id: UUID
    version: int
    state: AssociationState
    name_ar: str
    name_fr: str
    receipt_number: str
    ice: str
    academy: str
    province: str
    accredited_on: date | None
    reason: str | None = Field(description="why it was refused or is suspended")
    available_actions: list[str]

    @classmethod
    def of(cls, association: Association, by: Actor) -> Self:
        """What the actor is shown."""
        return cls(
            **association.model_dump(exclude={"identity"}),
            **association.legal.model_dump(),
            available_actions=available_actions(by, association, PERMISSIONS),
        )


class MandateAnswer(BaseModel):
    """Who may sign for whom, and when."""

    id: UUID
    version: int
    state: MandateState = Field(description="as of today")
    organisation_id: UUID
    person: str
    holder: str
    valid_from: date
    valid_until: date
    agreement_types: list[AgreementType] = Field(
        description="types of agreement that it covers; all where none is named"
    )
    academies: list[str] = Field(description="academies whose agreements it covers; all where none is named")
    agreements: list[UUID] = Field(description="agreements that it covers, by id; all where none is named")
    available_actions: list[str]

    @classmethod
    def of(cls, mandate: Mandate, by: Actor) -> Self:
        """What the actor is shown today."""
        return cls(
            **mandate.model_dump(exclude={"state"}),
            state=mandate.state_on(today()),
            available_actions=available_actions(by, mandate, PERMISSIONS),
        )
