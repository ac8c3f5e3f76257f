"""What operators read: one page of clients, one client's history. Every query walks an index that ends the page."""

from __future__ import annotations

from dcrgw.adapters.sqlite.rows import AUDIT_COLUMNS, CLIENT_COLUMNS, CLIENT_SOURCE, Row
from dcrgw.ports.registry import ClientQuery

#: The largest page.
LARGEST_PAGE = 1000

HISTORY = f"""
SELECT {AUDIT_COLUMNS} FROM audit WHERE market = ? AND client_id = ? ORDER BY sequence DESC LIMIT ?
"""  # noqa: S608 - constants of this package


def page(query: ClientQuery) -> tuple[str, Row]:
    """The SQL of one page, and its parameters.

    The ids are found in an index alone and only then are the page's wide rows read.
    """
    conditions, parameters = _conditions(query)
    where = " AND ".join(conditions) if conditions else "TRUE"
    sql = f"""
    SELECT {CLIENT_COLUMNS} FROM {CLIENT_SOURCE}
    WHERE c.id IN (SELECT id FROM clients WHERE {where} ORDER BY market, client_id LIMIT ?)
    ORDER BY c.market, c.client_id
    """  # noqa: S608 - constants of this module, values are parameters
    return sql, (*parameters, max(0, min(query.limit, LARGEST_PAGE)))


def _conditions(query: ClientQuery) -> tuple[list[str], list[object]]:
    exact = {"org_id": query.org_id, "software_id": query.software_id, "market": query.market}
    given = {name: value for name, value in exact.items() if value is not None}
    conditions, parameters = [f"{name} = ?" for name in given], list[object](given.values())
    if query.status is not None:
        # An id leads to fewer clients than any status does: the plus keeps the status' index out of it.
        conditions.append("+status = ?" if query.org_id or query.software_id else "status = ?")
        parameters.append(query.status)
        if query.status != "active":
            conditions.append("status <> 'active'")  # what the partial index is made of
    if query.after is not None and query.market == query.after[0]:
        conditions.append("client_id > ?")
        parameters.append(query.after[1])
    elif query.after is not None:
        conditions.append("(market, client_id) > (?, ?)")
        parameters.extend(query.after)
    if query.text:
        conditions.append("instr(sought, ?) > 0")
        parameters.append(query.text.casefold())
    return conditions, parameters
