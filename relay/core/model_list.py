"""The models that a tenant may name: what `GET /v1/models` shows.

Rule: a model is listed exactly if a session that names it would be sent somewhere.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from relay.core import routing
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Tenant

NOT_KNOWN: Final = 0
"""`created` has to be a number, and when a model was made is not known here: the epoch is no model's date."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model, in the API's form."""

    id: str
    object: str = "model"
    created: int = NOT_KNOWN
    owned_by: str
    """`relay` for a name that this relay gives a model, `system` for one that the upstreams know it by."""


def served(catalog: Catalog, tenant: Tenant, priced: Iterable[str]) -> list[Model]:
    """Return the tenant's models by name. *priced* may be asked for where an upstream names none."""
    upstreams = catalog.upstreams_of(tenant)
    names = {*(tenant.models or ()), *catalog.aliases, *catalog.aliases.values()}
    for upstream in upstreams:
        names.update(upstream.models)
    if not all(upstream.models for upstream in upstreams):
        names.update(priced)
    return [_model(catalog, name) for name in sorted(names) if _goes_somewhere(catalog, tenant, name)]


def find(catalog: Catalog, tenant: Tenant, priced: Iterable[str], name: str) -> Model | Refused:
    """Return the tenant's model of that *name*."""
    for model in served(catalog, tenant, priced):
        if model.id == name:
            return model
    return Refused(
        Refusal.NOT_FOUND,
        f"The model '{name[:128]}' does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )


def _goes_somewhere(catalog: Catalog, tenant: Tenant, name: str) -> bool:
    return not isinstance(routing.candidates(catalog, tenant, name, None), Refused)


def _model(catalog: Catalog, name: str) -> Model:
    return Model(id=name, owned_by="relay" if name in catalog.aliases else "system")
