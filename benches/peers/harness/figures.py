"""Figures in tables: absent ones are dashes."""


def cell(number, width, digits):
    return f"{'-':>{width}}" if number is None else f"{number:{width}.{digits}f}"


def quotient(above, below):
    return above / below if above and below else None


def verdict(met):
    """A requirement's verdict in words; None: it was not measured."""
    return {True: "met", False: "NOT met", None: "not measured"}[met]
