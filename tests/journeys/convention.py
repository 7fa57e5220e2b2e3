"""The convention of five parties seen in Casablanca-Settat, as data: who its parties are, and what each of them owes.

Parties and duties are those reported of the field. Days, sums and names are fictitious; only the account of public
money has the day that circulars give it: before 15 March.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from cli.demo.client import JSON

ACADEMY = "MA-06"
DIRECTORATES = {"anfa": "DP-CAS-ANFA", "mohammedia": "DP-MOH"}
"""The directorates are one of the five, and several: party -> its directorate's code."""
PROVINCES = {"MA-CAS": "anfa", "MA-MOH": "mohammedia"}
"""Where a center opens -> the directorate near it."""
ROLES = {
    "academy": "granting_authority",
    "ministry": "supervising_ministry",
    **dict.fromkeys(DIRECTORATES, "territorial_supervisor"),
    "foundation": "funder",
    "association": "operator",
}
"""Party -> what it is in the convention."""

SEEN: Mapping[tuple[str, ...], tuple[str, ...]] = {
    # Duties usually seen.
    ("academy", *DIRECTORATES): ("premises", "equipment", "supplies", "money", "supervision", "visits"),
    ("association",): (
        *("staff", "recruiting", "training partners", "companies", "placements", "integration"),
        # Reports, and what the centers are there for.
        *("reports", "account of use", "opening"),
    ),
    ("ministry",): ("strategic frame", "teaching tools"),
    # Others: here the foundation, which is a party to bring its part of the money too.
    ("foundation",): ("contribution", "transport", "meals", "kits", "insurance"),
    # What offices may do besides; visits and follow-up.
    (*DIRECTORATES,): ("opening visa", "validation", "dated opinion"),
    ("academy",): ("follow-up committee",),
}
"""On whom duties fall in the field -> the duties."""


@dataclass(frozen=True)
class Owed:
    """A duty of the convention, due once or again and again, and what becomes of it in the journey."""

    seen: str
    fr: str
    ar: str
    days: int | None = None
    """Days after the coming into force."""
    on: str = ""
    """Or a day of the school year, as `03-14`."""
    every: int | None = None
    """Months after which it comes back."""
    opens: int | None = None
    """The center whose opening fulfils it."""
    blocks: tuple[str, ...] = ()
    """What waits for it."""
    becomes: Literal["fulfilled", "waived"] = "fulfilled"
    debtor: str = ""
    creditor: str = ""
    """`all`: all the others."""

    @property
    def title(self) -> str:
        """As the ledger names it in French."""
        return f"{self.fr} (fictif)"

    @property
    def times(self) -> int:
        """How often it is settled within the school year."""
        return 2 if self.every else 1

    def body(self, parties: Mapping[str, str], *, start: date) -> JSON:
        """As a draft names it; `parties` are the organisations."""
        body = {
            "debtor_id": parties[self.debtor],
            "creditor_id": None if self.creditor == "all" else parties[self.creditor],
            "what": {"ar": f"{self.ar} (وهمي)", "fr": self.title},
            "evidence": {"ar": "محضر أو شهادة", "fr": "Procès-verbal ou attestation"},
            "opens_center": self.opens,
            "blocks": self.blocks,
        }
        if self.days is not None:
            return body | {"due_days": self.days}
        day = date.fromisoformat(f"{start.year + 1}-{self.on}").isoformat()
        return body | (
            {"recurrence": {"first_due_on": day, "every_months": self.every}} if self.every else {"due_on": day}
        )


TABLE: Mapping[tuple[str, str], tuple[Owed, ...]] = {
    ("academy", "association"): (
        Owed("premises", "Mettre les locaux à disposition", "وضع المقرات رهن الإشارة", days=15),
        Owed("equipment", "Livrer l'équipement", "تسليم التجهيزات", days=20),
        Owed("supplies", "Livrer les fournitures", "تسليم اللوازم", days=20),
        Owed("money", "Verser la subvention de l'année", "أداء منحة السنة", days=60),
    ),
    ("academy", "all"): (
        Owed("supervision", "Superviser les centres", "الإشراف على المراكز", on="01-31", every=5),
        Owed("follow-up committee", "Réunir le comité de suivi", "عقد اجتماع لجنة التتبع", on="02-15", every=4),
    ),
    ("anfa", "association"): (
        Owed("opening visa", "Accorder le visa à Casablanca", "منح تأشيرة الافتتاح بالدار البيضاء", days=25),
    ),
    ("anfa", "academy"): (
        Owed("visits", "Visiter le centre de Casablanca", "زيارة مركز الدار البيضاء", on="03-15", every=3),
        Owed(
            "validation", "Valider l'assiduité à Casablanca", "التصديق على الحضور بالدار البيضاء", on="01-31", every=5
        ),
        Owed("dated opinion", "Donner un avis daté, Casablanca", "إبداء رأي مؤرخ، الدار البيضاء", on="02-15"),
    ),
    ("mohammedia", "association"): (
        Owed("opening visa", "Accorder le visa à Mohammedia", "منح تأشيرة الافتتاح بالمحمدية", days=25),
    ),
    ("mohammedia", "academy"): (
        Owed("visits", "Visiter le centre de Mohammedia", "زيارة مركز المحمدية", on="03-15", every=3),
        Owed("validation", "Valider l'assiduité à Mohammedia", "التصديق على الحضور بالمحمدية", on="01-31", every=5),
        Owed("dated opinion", "Donner un avis daté, Mohammedia", "إبداء رأي مؤرخ، المحمدية", on="02-15"),
    ),
    ("ministry", "all"): (Owed("strategic frame", "Donner le cadre stratégique", "وضع الإطار الاستراتيجي", days=15),),
    ("ministry", "association"): (
        Owed("teaching tools", "Fournir les outils pédagogiques", "توفير الأدوات التربوية", days=20),
    ),
    ("foundation", "academy"): (
        Owed("contribution", "Verser la contribution", "تقديم المساهمة المالية", days=60, blocks=("renewal",)),
    ),
    ("foundation", "association"): (
        Owed("transport", "Prendre en charge le transport", "التكفل بالنقل", on="01-31", every=5),
        Owed("meals", "Prendre en charge les repas", "التكفل بالإطعام", on="01-31", every=5),
        Owed("kits", "Fournir les trousses", "توفير المحافظ", days=70, becomes="waived"),
        Owed("insurance", "Souscrire l'assurance", "اكتتاب التأمين", days=20),
    ),
    ("association", "academy"): (
        Owed("opening", "Ouvrir le centre de Casablanca", "افتتاح مركز الدار البيضاء", days=30, opens=0),
        Owed("opening", "Ouvrir le centre de Mohammedia", "افتتاح مركز المحمدية", days=30, opens=1),
        Owed("staff", "Réunir un personnel qualifié", "توفير أطر مؤهلة", days=20),
        Owed("recruiting", "Aller chercher les apprenants", "استقطاب المتعلمين", days=45),
        Owed("training partners", "Trouver des partenaires de formation", "إيجاد شركاء في التكوين", days=60),
        Owed("companies", "Trouver des entreprises", "إيجاد مقاولات شريكة", days=60),
        Owed("placements", "Organiser les stages", "تنظيم التداريب", on="01-15", every=4),
        Owed("integration", "Insérer les apprenants", "إدماج المتعلمين", on="07-15"),
        Owed(
            "reports", "Remettre le rapport narratif et financier", "تقديم التقرير الأدبي والمالي", on="01-31", every=6
        ),
        Owed("account of use", "Rendre le compte d'emploi", "تقديم حساب الاستعمال", on="03-14", blocks=("renewal",)),
    ),
}
"""Who owes to whom -> what."""
OWED = tuple(
    replace(each, debtor=debtor, creditor=creditor) for (debtor, creditor), duties in TABLE.items() for each in duties
)
