"""Google's own GoogleSQL analyser and reference evaluator (PyPI ``zetasql``, WebAssembly), set up as BigQuery's.

It starts in 15-40 s and takes 1 GB, so a process has one (see conftest.py); then a statement takes 0.1-1 s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol

from google.protobuf.message import Message
from zetasql import types as zt
from zetasql.api import CatalogBuilder, TableBuilder, TVFBuilder
from zetasql.core.exceptions import ServerError
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as protocol

from tests.sql.schemas import APPENDS_ARGUMENTS, CHANGE_COLUMNS, INFORMATION_SCHEMA

Schema = Mapping[str, str]
"""Types by column name."""

DOCUMENTED_VIEWS: Mapping[str, Schema] = {name: view.columns for name, view in INFORMATION_SCHEMA.items()}

_Feature = zt.LanguageFeature
FEATURES = (
    _Feature.FEATURE_ADDITIONAL_STRING_FUNCTIONS,
    _Feature.FEATURE_ALLOW_DASHES_IN_TABLE_NAME,
    _Feature.FEATURE_ANALYTIC_FUNCTIONS,
    _Feature.FEATURE_BIGNUMERIC_TYPE,
    _Feature.FEATURE_CIVIL_TIME,
    _Feature.FEATURE_CONCAT_MIXED_TYPES,
    _Feature.FEATURE_FUNCTION_ARGUMENTS_WITH_DEFAULTS,
    _Feature.FEATURE_GROUP_BY_ROLLUP,
    _Feature.FEATURE_HAVING_IN_AGGREGATE,
    _Feature.FEATURE_INTERVAL_TYPE,
    _Feature.FEATURE_IS_DISTINCT,
    _Feature.FEATURE_JSON_TYPE,
    _Feature.FEATURE_JSON_VALUE_EXTRACTION_FUNCTIONS,
    _Feature.FEATURE_LIMIT_IN_AGGREGATE,
    _Feature.FEATURE_NAMED_ARGUMENTS,
    _Feature.FEATURE_NULLS_FIRST_LAST_IN_ORDER_BY,
    _Feature.FEATURE_NULL_HANDLING_MODIFIER_IN_AGGREGATE,
    _Feature.FEATURE_NULL_HANDLING_MODIFIER_IN_ANALYTIC,
    _Feature.FEATURE_NUMERIC_TYPE,
    _Feature.FEATURE_ORDER_BY_IN_AGGREGATE,
    _Feature.FEATURE_QUALIFY,
    _Feature.FEATURE_SAFE_FUNCTION_CALL,
    _Feature.FEATURE_SELECT_STAR_EXCEPT_REPLACE,
    _Feature.FEATURE_TABLE_VALUED_FUNCTIONS,
    _Feature.FEATURE_TEMPLATE_FUNCTIONS,
    _Feature.FEATURE_WITH_ON_SUBQUERY,
)
"""What of the language a query may use: of the features that Google's github.com/GoogleCloudPlatform/zetasql-toolkit
(``BigQueryLanguageOptions``) turns on for BigQuery, those that matter to queries. With fewer the analyser is stricter, never laxer."""

LANGUAGE = zt.LanguageOptions(
    name_resolution_mode=zt.NameResolutionMode.NAME_RESOLUTION_DEFAULT,
    product_mode=zt.ProductMode.PRODUCT_EXTERNAL,
    enabled_language_features=list(FEATURES),
    supported_statement_kinds=[zt.ResolvedNodeKind.RESOLVED_QUERY_STMT],
    reserved_keywords=["QUALIFY"],
)

_ADDED = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in CHANGE_COLUMNS.items())
DECLARED_APPENDS = f"SELECT *, {_ADDED} FROM appended"
"""What APPENDS returns, as far as its columns go."""

STORED_APPENDS = (
    "SELECT * FROM appended "
    "WHERE _CHANGE_TIMESTAMP >= COALESCE(start_timestamp, _CHANGE_TIMESTAMP) "
    "AND (end_timestamp IS NULL OR _CHANGE_TIMESTAMP < end_timestamp)"
)
"""What APPENDS does (page change-history), over a table that stores when each of its rows was committed."""


class Refused(Exception):
    """The analyser's or the evaluator's refusal of a text, in its own words."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named query parameter: its GoogleSQL type, and its value where it is to be evaluated."""

    name: str
    kind: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """A statement that is valid: its output columns (name, type) in order, and the parameters that it uses."""

    columns: tuple[tuple[str, str], ...]
    parameters: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A table with rows, each a tuple of values in the order of the columns."""

    columns: Schema
    rows: Sequence[Sequence[Any]]


class Evaluator(Protocol):
    """Whatever runs queries over given rows."""

    def evaluate(
        self, sql: str, parameters: Sequence[Parameter] = (), tables: Mapping[str, Stored] | None = None
    ) -> list[dict[str, Any]]:
        """Run a query over the rows of tables, known by their whole names; raises ``Refused``."""
        ...


class GoogleSQL:
    """The analyser; tables are known by their whole names (``project.dataset.table``), views by project and region."""

    def __init__(self) -> None:
        self._service = ZetaSqlLocalService.get_instance()
        self._kind = lru_cache(maxsize=None)(self._parsed_kind)

    def analyse(
        self,
        sql: str,
        parameters: Sequence[Parameter] = (),
        tables: Mapping[str, Schema] | None = None,
        regions: Iterable[tuple[str, str]] = (),
        views: Mapping[str, Schema] = DOCUMENTED_VIEWS,
    ) -> Analysis:
        """Check a query against tables, and the views of (project, region) pairs; raises ``Refused``."""
        catalog = self._catalog(DECLARED_APPENDS, tables or {})
        for project, region in regions:
            catalog.catalog.append(self._region(project, region, views))
        request = zt.AnalyzeRequest(sql_statement=sql, options=self._options(parameters), simple_catalog=catalog)
        response = self._call("Analyze", request.to_proto(), protocol.AnalyzeResponse)
        statement = response.resolved_statement.resolved_query_stmt_node
        columns = tuple(
            (output.name, _spelled(zt.Type.from_proto(output.column.type))) for output in statement.output_column_list
        )
        return Analysis(columns, frozenset(_parameters_of(statement)))

    def evaluate(
        self, sql: str, parameters: Sequence[Parameter] = (), tables: Mapping[str, Stored] | None = None
    ) -> list[dict[str, Any]]:
        """Run a query over the rows of tables with Google's reference implementation; raises ``Refused``."""
        contents = tables or {}
        catalog = self._catalog(STORED_APPENDS, {name: table.columns for name, table in contents.items()})
        options = self._options(parameters)
        options.enabled_rewrites = [zt.ResolvedASTRewrite.REWRITE_INLINE_SQL_TVFS]
        request = zt.EvaluateQueryRequest(sql=sql, options=options, simple_catalog=catalog).to_proto()
        for name, table in contents.items():
            content = request.table_content[name].table_data
            content.SetInParent()
            for row in table.rows:
                content.row.add().cell.extend(_encoded(value) for value in row)
        for parameter in parameters:
            request.params.add(name=parameter.name, value=_encoded(parameter.value))
        response = self._call("EvaluateQuery", request, protocol.EvaluateQueryResponse)
        names = [column.name for column in response.prepared.columns]
        rows = response.content.table_data.row
        return [dict(zip(names, map(_decoded, row.cell), strict=True)) for row in rows]

    def _call(self, method: str, request: Message, answer: type[Message]) -> Any:
        try:
            return self._service.wasm_client.call_grpc_func(f"ZetaSqlLocalService_{method}", request, answer)
        except ServerError as error:
            raise Refused(error.raw_error) from error

    def _options(self, parameters: Sequence[Parameter]) -> Any:
        return zt.AnalyzerOptions(
            language_options=LANGUAGE,
            default_timezone="UTC",
            query_parameters=[
                zt.AnalyzerOptions.QueryParameter(name=parameter.name, type=self._kind(parameter.kind))
                for parameter in parameters
            ],
        )

    def _catalog(self, appends: str, tables: Mapping[str, Schema]) -> Any:
        builder = CatalogBuilder("bigquery")
        builder.with_builtin_functions(zt.ZetaSQLBuiltinFunctionOptions(language_options=LANGUAGE))
        builder.add_table_valued_function(_appends(appends))
        for name, columns in tables.items():
            builder.add_table(self._table(name, columns))
        return builder.build()

    def _region(self, project: str, region: str, views: Mapping[str, Schema]) -> Any:
        tables = [self._table(name, columns) for name, columns in views.items()]
        schema = zt.SimpleCatalog(name="INFORMATION_SCHEMA", table=tables)
        place = zt.SimpleCatalog(name=f"region-{region}", catalog=[schema])
        return zt.SimpleCatalog(name=project, catalog=[place])

    def _table(self, name: str, columns: Schema) -> Any:
        builder = TableBuilder(name)
        for column, kind in columns.items():
            builder.add_column(column, self._kind(kind))
        return builder.build()

    def _parsed_kind(self, spelling: str) -> Any:
        """A type from its spelling, by the analyser's own parser."""
        request = zt.AnalyzeRequest(
            sql_expression=f"CAST(NULL AS {spelling})", options=zt.AnalyzerOptions(language_options=LANGUAGE)
        )
        response = self._call("Analyze", request.to_proto(), protocol.AnalyzeResponse)
        return zt.Type.from_proto(response.resolved_expression.resolved_literal_node.parent.type)


def _appends(body: str) -> Any:
    """APPENDS as documented: ``(TABLE table, start_timestamp DEFAULT NULL, end_timestamp DEFAULT NULL)``."""
    builder = TVFBuilder("APPENDS").add_table_argument("appended")
    for name in APPENDS_ARGUMENTS:
        builder.add_argument(name, zt.TypeKind.TYPE_TIMESTAMP, zt.FunctionEnums.ArgumentCardinality.OPTIONAL)
    function = builder.build()
    function.type = zt.FunctionEnums.TableValuedFunctionType.TEMPLATED_SQL_TVF
    function.argument_name = ["appended", *APPENDS_ARGUMENTS]
    function.parse_resume_location = zt.ParseResumeLocation(input=body, byte_position=0, filename="")
    function.signature.return_type = zt.FunctionArgumentType(kind=zt.SignatureArgumentKind.ARG_TYPE_RELATION)
    for argument in (*function.signature.argument, function.signature.return_type):
        argument.num_occurrences = 1  # without it the analyser aborts
    for argument in function.signature.argument[1:]:
        argument.options.default_value = zt.Value()
    return function


def _parameters_of(node: Message) -> Iterable[str]:
    if node.DESCRIPTOR.name == "ResolvedParameterProto":
        yield node.name  # type: ignore[attr-defined]  # of that message
    for field, value in node.ListFields():
        if field.message_type is not None:
            for child in value if field.is_repeated else [value]:
                yield from _parameters_of(child)


def _spelled(kind: Any) -> str:
    if kind.is_array():
        return f"ARRAY<{_spelled(kind.array_type.element_type)}>"
    if kind.is_struct():
        return f"STRUCT<{', '.join(f'{field.field_name} {_spelled(field.field_type)}' for field in kind.struct_type.field)}>"
    name: str = kind.type_name()
    return "FLOAT64" if name == "DOUBLE" else name


def _encoded(value: Any) -> Any:
    """A value for the evaluator: lists are arrays, tuples are structs, None is NULL."""
    encoded = zt.Value._PROTO_CLASS()
    if isinstance(value, bool):
        encoded.bool_value = value
    elif isinstance(value, int):
        encoded.int64_value = value
    elif isinstance(value, str):
        encoded.string_value = value
    elif isinstance(value, bytes):
        encoded.bytes_value = value
    elif isinstance(value, datetime):
        encoded.timestamp_value.FromDatetime(value)
    elif isinstance(value, list):
        encoded.array_value.SetInParent()
        encoded.array_value.element.extend(map(_encoded, value))
    elif isinstance(value, tuple):
        encoded.struct_value.SetInParent()
        encoded.struct_value.field.extend(map(_encoded, value))
    elif value is not None:
        raise TypeError(f"no GoogleSQL value for {value!r}")
    return encoded


def _decoded(value: Any) -> Any:
    """The reverse of ``_encoded``."""
    which = value.WhichOneof("value")
    if which is None:
        return None
    content = getattr(value, which)
    if which == "array_value":
        return [_decoded(element) for element in content.element]
    if which == "struct_value":
        return tuple(_decoded(field) for field in content.field)
    return content.ToDatetime(UTC) if which == "timestamp_value" else content
