"""The models that are listed are those that a session could name, no more and no fewer."""

from typing import Any

import pytest
from openai.types import Model as Official

from relay.core import model_list
from relay.core.model_list import Model
from relay.core.refusals import Refusal, Refused
from relay.core.tenants import Catalog, Plan, Tenant, Upstream
from relay.core.words import Secret, TenantId

PRICED = ("gpt-realtime-2.1", "whisper-1")
ALIASES = {"voice": "gpt-realtime-2.1", "lost": "gpt-nowhere"}


def upstream(name: str = "us-1", **more: Any) -> Upstream:
    return Upstream(name=name, region=name.partition("-")[0], url="ws://x", keys=(Secret("k"),), **more)


def tenant(**more: Any) -> Tenant:
    return Tenant(id=TenantId("acme"), plan=Plan(name="p"), **more)


def names(acme: Tenant, *upstreams: Upstream, aliases: dict[str, str] | None = None) -> list[str]:
    catalog = Catalog.of((acme,), upstreams, ALIASES if aliases is None else aliases, {})
    return [model.id for model in model_list.served(catalog, acme, PRICED)]


def test_an_upstream_that_names_none_serves_the_priced_ones_and_whatever_has_an_alias() -> None:
    assert names(tenant(), upstream()) == ["gpt-nowhere", "gpt-realtime-2.1", "lost", "voice", "whisper-1"]


def test_an_upstream_that_names_its_models_serves_those_and_their_aliases() -> None:
    azure = upstream(models={"gpt-realtime-2.1": "my-deployment"})
    assert names(tenant(), azure) == ["gpt-realtime-2.1", "voice"]


def test_a_tenants_own_list_holds_and_an_alias_of_what_is_on_it_is_on_it() -> None:
    assert names(tenant(models=frozenset({"gpt-realtime-2.1"})), upstream()) == ["gpt-realtime-2.1", "voice"]
    assert names(tenant(models=frozenset({"voice"})), upstream()) == ["voice"]


def test_a_model_of_no_region_of_the_tenants_is_not_listed() -> None:
    here, there = upstream("eu-1", models={"gpt-eu": "d"}), upstream("us-1", models={"gpt-us": "d"})
    assert names(tenant(regions=frozenset({"eu"})), here, there, aliases={}) == ["gpt-eu"]


def test_a_tenant_without_upstreams_has_no_models() -> None:
    assert names(tenant()) == []


def test_a_model_is_told_in_the_apis_form_and_its_age_is_not_made_up() -> None:
    acme = tenant()
    catalog = Catalog.of((acme,), (upstream(),), ALIASES, {})
    by_name = {model.id: model for model in model_list.served(catalog, acme, PRICED)}
    assert by_name["voice"] == Model(id="voice", object="model", created=0, owned_by="relay")
    assert by_name["whisper-1"].owned_by == "system"
    told = Official.model_validate(by_name["voice"], from_attributes=True)
    assert told.object == "model"
    assert not told.model_extra


def test_a_model_is_found_by_its_name() -> None:
    acme = tenant()
    catalog = Catalog.of((acme,), (upstream(),), ALIASES, {})
    found = model_list.find(catalog, acme, PRICED, "voice")
    assert isinstance(found, Model)
    assert found.id == "voice"


@pytest.mark.parametrize("name", ["gpt-other", "", "x" * 5_000])
def test_any_other_name_is_refused_as_the_api_does(name: str) -> None:
    acme = tenant()
    refused = model_list.find(Catalog.of((acme,), (upstream(),), ALIASES, {}), acme, PRICED, name)
    assert isinstance(refused, Refused)
    assert refused.refusal is Refusal.NOT_FOUND
    assert refused.code == "model_not_found"
    assert refused.param == "model"
    assert len(refused.message) < 250
