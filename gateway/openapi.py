"""Additions to FastAPI's description of the API: events, the limit of max_tokens, and the key."""

from fastapi import FastAPI
from fastapi.openapi.constants import REF_TEMPLATE

from gateway.generate.request import AnswerDelta, AnswerFacts, GenerateRequest
from gateway.runtime.json_types import Json

KEY = "key"


def describe(app: FastAPI, *, max_tokens: int) -> None:
    """Complete the document that FastAPI generates, once, from the routes."""
    of_routes = app.openapi

    def openapi() -> Json:
        document = of_routes()
        schemas = document["components"]["schemas"]
        for event in (AnswerDelta, AnswerFacts):
            schemas[event.__name__] = event.model_json_schema(ref_template=REF_TEMPLATE)
        budget = schemas[GenerateRequest.__name__]["properties"]["max_tokens"]
        budget["default"] = budget["anyOf"][0]["maximum"] = max_tokens
        document["components"]["securitySchemes"] = {KEY: {"type": "http", "scheme": "bearer"}}
        document["security"] = [{KEY: []}, {}]  # an open gateway needs none
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend it
