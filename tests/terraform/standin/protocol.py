"""Terraform's plugin protocol, version 6: its messages, and a server on a Unix socket.

The messages are stated here as far as the stand-in needs them, with the numbers of HashiCorp's ``tfplugin6.proto``:
names of fields, their numbers and types, where ``*`` is a field that repeats. A map is written as what it is on the
wire, a repeated entry of key and value.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Handler = Callable[[Any], Mapping[str, Any]]
"""Takes a request's message, gives the fields of the response."""

_MESSAGES = {
    "Empty": "",
    "DynamicValue": "msgpack=1:bytes json=2:bytes",
    "RawState": "json=1:bytes",
    "Step": "attribute_name=1:string",
    "AttributePath": "steps=1:*Step",
    "Diagnostic": "severity=1:int64 summary=2:string detail=3:string attribute=4:AttributePath",
    "Attribute": "name=1:string type=2:bytes required=4:bool optional=5:bool computed=6:bool sensitive=7:bool",
    "NestedBlock": "type_name=1:string block=2:Block nesting=3:int64 min_items=4:int64 max_items=5:int64",
    "Block": "version=1:int64 attributes=2:*Attribute block_types=3:*NestedBlock",
    "Schema": "version=1:int64 block=2:Block",
    "SchemaEntry": "key=1:string value=2:Schema",
}

_CALLS = {
    "GetProviderSchema": ("", "provider=1:Schema resource_schemas=2:*SchemaEntry data_source_schemas=3:*SchemaEntry"),
    "ValidateProviderConfig": ("config=1:DynamicValue", "diagnostics=2:*Diagnostic"),
    "ConfigureProvider": ("config=2:DynamicValue", "diagnostics=1:*Diagnostic"),
    "ValidateResourceConfig": ("type_name=1:string config=2:DynamicValue", "diagnostics=1:*Diagnostic"),
    "ValidateDataResourceConfig": ("type_name=1:string config=2:DynamicValue", "diagnostics=1:*Diagnostic"),
    "UpgradeResourceState": (
        "type_name=1:string raw_state=3:RawState",
        "upgraded_state=1:DynamicValue diagnostics=2:*Diagnostic",
    ),
    "ReadResource": (
        "type_name=1:string current_state=2:DynamicValue",
        "new_state=1:DynamicValue diagnostics=2:*Diagnostic",
    ),
    "PlanResourceChange": (
        "type_name=1:string prior_state=2:DynamicValue proposed_new_state=3:DynamicValue config=4:DynamicValue",
        "planned_state=1:DynamicValue requires_replace=2:*AttributePath diagnostics=4:*Diagnostic legacy_type_system=5:bool",
    ),
    "ApplyResourceChange": (
        "type_name=1:string prior_state=2:DynamicValue planned_state=3:DynamicValue",
        "new_state=1:DynamicValue diagnostics=3:*Diagnostic legacy_type_system=4:bool",
    ),
    "ReadDataSource": ("type_name=1:string config=2:DynamicValue", "state=1:DynamicValue diagnostics=2:*Diagnostic"),
    "StopProvider": ("", ""),
}
"""Calls of the service ``tfplugin6.Provider``: fields of the request and of the response."""

_TYPES = {
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}

_COOKIE = "TF_PLUGIN_MAGIC_COOKIE"
_PARENT_CHECK_S = 2.0


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answer Terraform until it says that it is done, or is gone; refuses to start for anybody else."""
    if _COOKIE not in os.environ:
        sys.exit("This is a provider for tests: Terraform starts it.")
    parent = os.getppid()
    done = threading.Event()
    server = grpc.server(
        ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    )
    pool = messages()
    calls = {name: _method(pool, name, handlers[name]) for name in _CALLS}

    def shut_down(request: bytes, context: grpc.ServicerContext) -> bytes:
        done.set()
        return b""

    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("tfplugin6.Provider", calls),
            grpc.method_handlers_generic_handler(
                "plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shut_down)}
            ),
        )
    )
    with tempfile.TemporaryDirectory(prefix="standin-") as folder:
        socket = Path(folder) / "socket"
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        print(f"1|6|unix|{socket}|grpc|", flush=True)
        _wait(done, parent)
        server.stop(0.2).wait()


def _wait(done: threading.Event, parent: int) -> None:
    """Until Terraform says so; a Terraform that was killed leaves another parent behind."""
    while not done.wait(_PARENT_CHECK_S):
        if os.getppid() != parent:
            return


def _method(pool: descriptor_pool.DescriptorPool, name: str, handler: Handler) -> grpc.RpcMethodHandler:
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"standin.{name}{part}"))
        for part in ("Request", "Response")
    )

    def answer(message: Any, context: grpc.ServicerContext) -> Any:
        return response(**handler(message))

    return grpc.unary_unary_rpc_method_handler(answer, request.FromString, response.SerializeToString)


def messages() -> descriptor_pool.DescriptorPool:
    """The messages above as protobuf knows them."""
    file = descriptor_pb2.FileDescriptorProto(name="standin.proto", package="standin", syntax="proto3")
    requests = {f"{name}Request": fields for name, (fields, _) in _CALLS.items()}
    responses = {f"{name}Response": fields for name, (_, fields) in _CALLS.items()}
    for name, fields in {**_MESSAGES, **requests, **responses}.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add(message, *field.replace("=", ":").split(":"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _add(message: descriptor_pb2.DescriptorProto, name: str, number: str, kind: str) -> None:
    field = message.field.add(name=name, number=int(number), label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    if kind.startswith("*"):
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
        kind = kind[1:]
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".standin.{kind}"
