"""Who is told and why: rules, people, inboxes, letters, explanations, receipts and reminders."""

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.migrations import IN_SCOPE, aggregate_columns, protect
from shared.territory import DIRECTORATES, NETWORK_ID, directorates_of

revision = "0003"
down_revision = "0002"

Instant = sa.DateTime(timezone=True)
Texts = postgresql.ARRAY(sa.Text)
PERSON = "array['person:' || {column}::text]"
"""What makes a row visible to one person only."""
# What was told before this version says whom its subjects concern, and when they end: as the reaction would keep it.
CIRCLES = """
    insert into circle (subject, codes, provinces)
    select distinct on (subject) subject, array_remove(codes, null), array_remove(provinces, null) from (
        select subject, version, array(select 'org:' || (party ->> 'organisation_id')
            from jsonb_array_elements(data -> 'parties') party) as codes, '{}'::text[] as provinces
        from notice where type = 'ma.mithaq.agreement.drafted.v1'
        union all
        select subject, version, array['org:' || (data ->> 'organisation_id')], '{}'
        from notice where type = 'ma.mithaq.mandate.recorded.v1'
        union all
        select subject, version,
            array(select jsonb_array_elements_text(cast(:offices as jsonb) -> (data ->> 'province')))
                || array['org:' || coalesce(data ->> 'operator_id', data ->> 'association_id')]
                || case when data ? 'association_id' then array['org:' || :network] else '{}' end,
            array[data ->> 'province']
        from notice where type in ('ma.mithaq.center.planned.v1', 'ma.mithaq.association.registered.v1')
    ) told order by subject, version desc
"""
PROVINCES = """
    update circle set provinces = array(
        select distinct center ->> 'province' from jsonb_array_elements(data -> 'centers') center order by 1
    ) from notice where notice.subject = circle.subject and type = 'ma.mithaq.agreement.signed.v1'
"""
DATES = """
    insert into announced_date (subject, trigger, "on", audience)
    select subject, trigger, cast(data ->> field as date), audience from notice join (values
        ('ma.mithaq.agreement.signed.v1', 'agreement_ends', 'effective_until', '{ma.mithaq.agreement.terminated.v1,
            ma.mithaq.agreement.expired.v1,ma.mithaq.agreement.cancelled.v1}'::text[]),
        ('ma.mithaq.mandate.recorded.v1', 'mandate_ends', 'valid_until', '{ma.mithaq.mandate.ended.v1}')
    ) as set (type, trigger, field, cleared) using (type)
    where not exists (
        select from notice later where later.subject = notice.subject and later.type = any(cleared)
    )
"""


def upgrade() -> None:
    """Make the tables: a person's rows visible to that person, an academy's to the academy."""
    _notices()
    _people()
    _letters()
    _in_time()
    _remember()


def _notices() -> None:
    # With defaults, so that the version before goes on telling; its notices reach their academies.
    op.add_column("notice", sa.Column("reach", Texts, nullable=False, server_default="{}"))
    op.add_column("notice", sa.Column("provinces", Texts, nullable=False, server_default="{}"))
    op.add_column("notice", sa.Column("actor", sa.Text, nullable=False, server_default=""))
    op.execute("update notice set reach = array['national'] || audience")
    op.create_index("notice_time", "notice", ["time", "event_id"])
    op.execute("drop policy jurisdiction on notice")
    reached = IN_SCOPE.format(column="(reach || audience)")
    op.execute(f"create policy jurisdiction on notice to mithaq_app using ({reached})")
    op.create_table(
        "circle",
        sa.Column("subject", sa.Uuid, primary_key=True),
        sa.Column("codes", Texts, nullable=False),
        sa.Column("provinces", Texts, nullable=False),
    )
    op.create_table(
        "telling",
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("jurisdiction", sa.Text, primary_key=True),
        sa.Column("told", postgresql.JSONB, nullable=False),
        sa.Column("untold", postgresql.JSONB, nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    protect(op, "circle", aggregate=False, column="array['national']")
    protect(op, "telling", aggregate=False, column="array[jurisdiction]", privileges="select, insert")


def _people() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("jurisdiction", sa.Text, nullable=False),
        sa.Column("roles", Texts, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("inbox", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("digest_at", sa.Time, nullable=False),
        sa.Column("digest_day", sa.Integer, nullable=False),
        sa.Column("quiet_from", sa.Time),
        sa.Column("quiet_until", sa.Time),
        sa.Column("bounces", sa.Integer, nullable=False),
        sa.Column("suspended_at", Instant),
        sa.Column("suspended_because", sa.Text),
    )
    op.create_index("person_jurisdiction", "person", ["jurisdiction"])
    op.create_table(
        "rule",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("endpoint_id", sa.Uuid),
        sa.Column("person_id", sa.Uuid),
        sa.Column("visible_to", Texts, nullable=False),
        sa.Column("types", Texts, nullable=False),
        sa.Column("academies", Texts, nullable=False),
        sa.Column("provinces", Texts, nullable=False),
        sa.Column("parties", Texts, nullable=False),
        sa.Column("importance", sa.Text, nullable=False),
        sa.Column("made_at", Instant, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("ended_by", sa.Text),
    )
    op.create_index("rule_endpoint", "rule", ["endpoint_id"], postgresql_where=sa.text("ended_at is null"))
    op.create_index("rule_person", "rule", ["person_id"], postgresql_where=sa.text("ended_at is null"))
    op.create_table(
        "inbox_item",
        sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("subject", sa.Uuid, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("told_at", Instant, nullable=False),
        sa.Column("read_at", Instant),
        sa.Column("settled_at", Instant),
        sa.UniqueConstraint("person_id", "event_id", name="inbox_item_event_key"),
    )
    op.create_index("inbox_item_person", "inbox_item", ["person_id", "told_at", "id"])
    op.create_index("inbox_item_subject", "inbox_item", ["subject"], postgresql_where=sa.text("settled_at is null"))
    protect(op, "person", aggregate=False, column=PERSON.format(column="id"))
    protect(op, "rule", aggregate=False)
    protect(op, "inbox_item", aggregate=False, column=PERSON.format(column="person_id"))


def _letters() -> None:
    op.create_table(
        "letter",
        sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Instant, nullable=False),
        sa.Column("lease_token", sa.Uuid),
        sa.Column("lease_until", Instant),
        sa.Column("status", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("ended_at", Instant),
    )
    still = sa.text("state in ('open', 'waiting')")
    op.create_index(
        "letter_open", "letter", ["person_id", "due_at"], unique=True, postgresql_where=sa.text("state = 'open'")
    )
    op.create_index("letter_due", "letter", ["next_attempt_at"], postgresql_where=still)
    op.create_table(
        "letter_line",
        sa.Column("letter_id", sa.Uuid, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
    )
    op.create_table(
        "bounce",
        sa.Column("letter_id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("at", Instant, nullable=False),
    )
    mine = PERSON.format(column="person_id")
    protect(op, "letter", aggregate=False, column=mine)
    protect(op, "letter_line", aggregate=False, column=mine, privileges="select, insert")
    protect(op, "bounce", aggregate=False, column=mine, privileges="select, insert")


def _in_time() -> None:
    op.create_table(
        "receipt",
        *aggregate_columns(),
        sa.Column("academy", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
    )
    op.create_index("receipt_academy", "receipt", ["academy"])
    op.create_index("receipt_late", "receipt", ["due_at"], postgresql_where=sa.text("status = 'asked'"))
    op.create_table("reminder", *aggregate_columns())
    op.create_table(
        "announced_date",
        sa.Column("subject", sa.Uuid, primary_key=True),
        sa.Column("trigger", sa.Text, primary_key=True),
        sa.Column("on", sa.Date, nullable=False),
        sa.Column("audience", Texts, nullable=False),
        sa.Column("reminded", sa.Integer),
    )
    op.create_index("announced_date_on", "announced_date", ["trigger", "on"])
    protect(op, "receipt")
    protect(op, "reminder")
    everything = "select, insert, update, delete"
    protect(op, "announced_date", aggregate=False, column="array['national']", privileges=everything)


def _remember() -> None:
    provinces = {each.province for each in DIRECTORATES.values()}
    offices = {province: [office.code for office in directorates_of(province)] for province in provinces}
    told = {"offices": json.dumps(offices), "network": str(NETWORK_ID)}
    op.get_bind().execute(sa.text(CIRCLES), told)
    op.execute(PROVINCES)
    op.execute(DATES)
