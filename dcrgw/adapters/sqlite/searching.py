"""What operators read: one page of clients, one client's history. No query reads wide rows beyond its page."""

from __future__ import annotations

from dcrgw.adapters.sqlite.rows import AUDIT_COLUMNS, CLIENT_COLUMNS, CLIENT_SOURCE, Row
from dcrgw.ports.registry import ClientQuery

#: The largest page.
LARGEST_PAGE = 1000

# By the id besides: the row of a client that was refused in the end is the next one's.
HISTORY = f"""
SELECT {AUDIT_COLUMNS} FROM audit
WHERE client = (SELECT id FROM clients WHERE market = ?1 AND client_id = ?2) AND client_id = ?2
ORDER BY sequence DESC LIMIT ?3
"""  # noqa: S608 - constants of this package


class _Where:
    """Conditions that must all hold, with their parameters."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.parameters: list[object] = []

    def add(self, condition: str, *parameters: object) -> None:
        self.conditions.append(condition)
        self.parameters.extend(parameters)

    def __str__(self) -> str:
        return " AND ".join(self.conditions) or "TRUE"


def page(query: ClientQuery) -> tuple[str, Row]:
    """The SQL of one page, and its parameters.

    The ids are found by an index that ends in the page's order (a text: among the narrow rows of all texts), and
    only then are the page's wide rows read.
    """
    where = _of_text(query) if query.text else _of_clients(query)
    ids = "SELECT client FROM client_texts" if query.text else "SELECT id FROM clients"
    sql = f"""
    SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE}
    WHERE c.id IN ({ids} WHERE {where} ORDER BY market, client_id LIMIT ?)
    ORDER BY c.market, c.client_id
    """  # noqa: S608 - constants of this module, values are parameters
    return sql, (*where.parameters, max(0, min(query.limit, LARGEST_PAGE)))


def _of_clients(query: ClientQuery) -> _Where:
    where = _of_members(query)
    _add_place(where, query)
    return where


def _of_text(query: ClientQuery) -> _Where:
    where, members = _Where(), _of_members(query)
    where.add("instr(sought, ?) > 0", (query.text or "").casefold())
    _add_place(where, query)
    if members.conditions:
        # Asked only of the clients whose text matches, one row each.
        where.add(f"EXISTS (SELECT 1 FROM clients WHERE id = client AND {members})", *members.parameters)  # noqa: S608
    return where


def _of_members(query: ClientQuery) -> _Where:
    where = _Where()
    if query.org_id is not None:
        where.add("org_id = ?", query.org_id)
    if query.software_id is not None:
        where.add("software_id = ?", query.software_id)
    if query.status is not None:
        # An id leads to fewer clients than any status does: the plus keeps the status' index out of it.
        where.add("+status = ?" if query.org_id or query.software_id else "status = ?", query.status)
        if query.status != "active":
            where.add("status <> 'active'")  # what the partial index is made of
    return where


def _add_place(where: _Where, query: ClientQuery) -> None:
    """The market, and where the page begins."""
    if query.market is not None:
        where.add("market = ?", query.market)
    if query.after is not None and query.market == query.after[0]:
        where.add("client_id > ?", query.after[1])
    elif query.after is not None:
        where.add("(market, client_id) > (?, ?)", *query.after)
