# Copyright: (c) 2026, the c10m.front_tier contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Expressions in JMESPath: compiled with all mistakes found before any host is judged, each with its position.

Private to the collection. jmespath itself looks at the name and the arguments of a function only where one is called, so a misspelt
name would pass on every host whose lists are empty; here they are checked in the tree.
"""

from __future__ import annotations

from typing import Any, Iterator

try:
    import jmespath
    from jmespath import exceptions, functions, lexer
except ImportError:  # said by compiled()
    jmespath = None


class ExpressionError(ValueError):
    """An expression that cannot be compiled or evaluated; the message says where and why."""


if jmespath:

    class Functions(functions.Functions):  # type: ignore[misc]
        """The functions of JMESPath, and share()."""

        @functions.signature({"types": []}, {"types": []})  # type: ignore[untyped-decorator]
        def _func_share(self, part: Any, whole: Any) -> float | None:
            """Return part / whole; null where one of them is no number, 0 of 0 included."""
            numbers = [value for value in (part, whole) if isinstance(value, (int, float)) and not isinstance(value, bool)]
            if len(numbers) < 2 or numbers[1] < 0 or numbers == [0, 0]:
                return None
            return float(numbers[0] / numbers[1]) if numbers[1] else 1.0

    OPTIONS = jmespath.Options(custom_functions=Functions())


class Expression:
    """A compiled expression."""

    def __init__(self, text: str) -> None:
        if jmespath is None:
            raise ExpressionError("policies need the Python package jmespath on the controller: install it, for example with pip.")
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except exceptions.EmptyExpressionError:
            raise ExpressionError("it is empty. Write what breaks the policy, for example \"findings[?severity == 'error']\".") from None
        except exceptions.ParseError as error:
            raise ExpressionError(self._at(error.lex_position, self._unexpected(error))) from None
        for name, arguments, place in self._calls():
            wrong = _misused(name, arguments)
            if wrong:
                raise ExpressionError(self._at(place, wrong))

    def __call__(self, document: Any) -> Any:
        """Return what it finds in a document of plain data. Raises ExpressionError."""
        try:
            return self._compiled.search(document, OPTIONS)
        except exceptions.JMESPathTypeError as error:
            places = [place for name, _arguments, place in self._calls() if name == error.function_name]
            why = "%s() cannot take a value of type %s; it takes %s" % (
                error.function_name,
                error.actual_type,
                " or ".join(str(one) for one in error.expected_types),
            )
            raise ExpressionError(self._at(places[0] if places else 0, why)) from None
        except (exceptions.JMESPathError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise ExpressionError(
                "it cannot be evaluated (%s: %s). Write it so that it takes every host." % (type(error).__name__, error)
            ) from None

    @staticmethod
    def _unexpected(error: Any) -> str:
        if isinstance(error, exceptions.IncompleteExpressionError) or error.token_type == "EOF":
            return "it ends too early"
        if isinstance(error, exceptions.LexerError):
            return str(error.message)
        return '"%s" is not expected here' % (error.token_value,)

    def _at(self, place: int, why: str) -> str:
        """Return the reason with line and column, the line itself, and a mark below the place."""
        before = self.text[:place]
        number, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
        line = (self.text.split("\n") + [""])[number - 1]
        return "line %d, column %d: %s:\n  %s\n  %s^" % (number, column + 1, why, line, " " * column)

    def _calls(self) -> Iterator[tuple[str, int, int]]:
        """Yield (name, number of arguments, position) of every call of a function, from left to right."""
        tokens = list(lexer.Lexer().tokenize(self.text))
        places = [
            (one["value"], one["start"])
            for one, then in zip(tokens, tokens[1:])
            if one["type"] == "unquoted_identifier" and then["type"] == "lparen"
        ]
        for (name, place), node in zip(places, _function_nodes(self._compiled.parsed)):
            yield name, len(node["children"]), place


def _function_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["type"] == "function_expression":
        yield node
    children = node.get("children") or []
    if node["type"] == "filter_projection":  # left, right, condition; the condition is written before the right side
        children = [children[0], children[2], children[1]]
    for child in children:
        if isinstance(child, dict):
            yield from _function_nodes(child)


def _misused(name: str, arguments: int) -> str | None:
    """Return what is wrong with a call; None where nothing is."""
    table = Functions.FUNCTION_TABLE
    if name not in table:
        return "there is no function %s(); there are %s" % (name, ", ".join(sorted(table)))
    wanted = table[name]["signature"]
    variadic = bool(wanted) and bool(wanted[-1].get("variadic"))
    if arguments < len(wanted) or (arguments > len(wanted) and not variadic):
        return "%s() takes %s%d argument%s, not %d" % (
            name,
            "at least " if variadic else "",
            len(wanted),
            "" if len(wanted) == 1 else "s",
            arguments,
        )
    return None
