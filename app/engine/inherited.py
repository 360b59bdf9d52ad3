"""The members that JavaScript's values have from their prototypes: methods, which are no values."""

from typing import Any

_OBJECTS = """
    __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ constructor hasOwnProperty
    isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf
"""
_LISTS = """
    at concat copyWithin entries every fill filter find findIndex findLast findLastIndex flat flatMap forEach
    includes indexOf join keys lastIndexOf map pop push reduce reduceRight reverse shift slice some sort
    splice toReversed toSorted toSpliced unshift values with
"""
_TEXTS = """
    anchor at big blink bold charAt charCodeAt codePointAt concat endsWith fixed fontcolor fontsize includes
    indexOf isWellFormed italics lastIndexOf link localeCompare match matchAll normalize padEnd padStart
    repeat replace replaceAll search slice small split startsWith strike sub substr substring sup
    toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim trimEnd trimLeft trimRight
    trimStart
"""
_OF_OBJECTS = frozenset(_OBJECTS.split())
_OF_LISTS = frozenset(_LISTS.split())
_OF_TEXTS = frozenset(_TEXTS.split())
_OF_NUMBERS = frozenset({"toExponential", "toFixed", "toPrecision"})
_OWN_METHODS: dict[type, frozenset[str]] = {
    list: _OF_LISTS,
    str: _OF_TEXTS,
    int: _OF_NUMBERS,
    float: _OF_NUMBERS,
}

# Reading on behind one of these needs a real engine.
INHERITED = _OF_OBJECTS | _OF_LISTS | _OF_TEXTS | _OF_NUMBERS | {"length", "__proto__"}


def is_method(owner: Any, key: str) -> bool:
    """Tell whether JavaScript finds a method where `owner` has no such member of its own."""
    if isinstance(owner, dict) and key in owner:
        return False
    return key in _OF_OBJECTS or key in _OWN_METHODS.get(type(owner), ())
