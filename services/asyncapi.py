"""What is told over RabbitMQ, as an AsyncAPI 3.0 document: https://www.asyncapi.com/docs/reference/specification/v3.0.0"""

from typing import Any

from services.registry import EventType, event_types, schema
from shared.schemas import schema_id
from shared.topology import EXCHANGE, STREAM

Part = dict[str, Any]

TEXT: Part = {"type": "string", "minLength": 1}
ID: Part = {"type": "string", "format": "uuid"}
TIME: Part = {"type": "string", "format": "date-time"}
NUMBER: Part = {"type": "string", "pattern": "^[1-9][0-9]*$"}

ENVELOPE: Part = {
    "type": "object",
    "description": "CloudEvents 1.0 in its JSON format, with extension attributes.",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**ID, "description": "The event's: deduplicate by it"},
        "source": {**TEXT, "format": "uri-reference", "description": "The service"},
        "type": TEXT,
        "subject": {**ID, "description": "The relationship that it belongs to, if any"},
        "time": {**TIME, "description": "When it happened, as told"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {**TEXT, "format": "uri"},
        "sequence": {**NUMBER, "description": "Its version in its stream, without a gap"},
        "sequencetype": {"const": "Integer"},
        "position": {**NUMBER, "description": "Its place in the whole log, without a gap: a cursor"},
        "stream": TEXT,
        "schemaversion": {"type": "integer", "minimum": 1},
        "program": {**ID, "description": "The programme; nil for what belongs to a person only"},
        "actor": {**TEXT, "description": "A person's id, `anonymous` or `system:<policy>`"},
        "commandid": ID,
        "correlationid": ID,
        "causationid": {**ID, "description": "The event that caused it, if one did"},
        "recordedat": {**TIME, "description": "When the log recorded it"},
        "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The log's chained SHA-256"},
        "data": {"type": "object"},
    },
}
ENVELOPE["required"] = [name for name in ENVELOPE["properties"] if name not in {"subject", "causationid"}]


def document() -> Part:
    types = event_types()
    return {
        "asyncapi": "3.0.0",
        "id": "urn:mentoring:events",
        "info": {
            "title": "Mentoring: what happened",
            "version": "1",
            "description": "Every event of the log, at least once and in order within its stream.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name} for name in sorted({one.service for one in types})],
        },
        "defaultContentType": "application/json",
        "servers": {"broker": _broker()},
        "channels": {**{one.type: _channel(one) for one in types}, "log": _log(types)},
        "operations": {**{f"tell {one.type}": _operation(one) for one in types}, "keep": _keeping()},
        "components": {
            "messages": {_name(one, n): _message(one, n) for one in types for n in one.versions},
            "schemas": {"envelope": ENVELOPE} | {_name(one, n): _data(one, n) for one in types for n in one.versions},
            "securitySchemes": {"subscriber": {"type": "userPassword", "description": "Or TLS with the same user"}},
        },
    }


def _broker() -> Part:
    return {
        "host": "{host}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "description": "RabbitMQ",
        "variables": {"host": {"default": "localhost:5672", "description": "Where the broker listens"}},
        "security": [_ref("securitySchemes", "subscriber")],
    }


def _channel(one: EventType) -> Part:
    exchange = {"name": EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": one.type,
        "title": one.type,
        "description": one.description or one.type,
        "messages": {f"v{n}": _ref("messages", _name(one, n)) for n in one.versions},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _log(types: tuple[EventType, ...]) -> Part:
    queue = {"name": STREAM, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": STREAM,
        "title": "What was told before",
        "description": "A stream queue with all of it, to be read from any offset.",
        "messages": {_name(one, n): _ref("messages", _name(one, n)) for one in types for n in one.versions},
        "bindings": {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}},
    }


def _operation(one: EventType) -> Part:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{one.type}"},
        "summary": one.description or one.type,
        "bindings": {"amqp": {"deliveryMode": 2, "bindingVersion": "0.3.0"}},
    }


def _keeping() -> Part:
    return {"action": "send", "channel": {"$ref": "#/channels/log"}, "summary": "All of it, kept to be read again"}


def _message(one: EventType, version: int) -> Part:
    attributes = {
        "source": {"const": f"/{one.service}"},
        "type": {"const": one.type},
        "dataschema": {"const": schema_id(one.type, version)},
        "schemaversion": {"const": version},
        "data": _ref("schemas", _name(one, version)),
    }
    return {
        "name": one.type,
        "title": one.type,
        "summary": one.description or one.type,
        "contentType": "application/json",
        "tags": [{"name": one.service}],
        "payload": {"allOf": [_ref("schemas", "envelope"), {"type": "object", "properties": attributes}]},
        "bindings": {"amqp": {"contentEncoding": "utf-8", "messageType": one.type, "bindingVersion": "0.3.0"}},
    }


def _data(one: EventType, version: int) -> Part:
    """Without what makes it a document of its own."""
    return {name: value for name, value in (schema(one.type, version) or {}).items() if not name.startswith("$")}


def _name(one: EventType, version: int) -> str:
    return f"{one.type}.v{version}"


def _ref(kind: str, name: str) -> Part:
    return {"$ref": f"#/components/{kind}/{name}"}
