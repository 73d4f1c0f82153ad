"""Parsers of command-line values."""

import argparse


def words(known):
    """A parser of words with commas, in the order in which they are known."""

    def parse(text):
        given = text.split(",")
        for word in given:
            if word not in known:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(known)}")
        return [word for word in known if word in given]

    return parse


def numbers(text):
    return [positive(number) for number in text.split(",")]


def fractions(text):
    """`.05,.001` is [0.05, 0.001]."""
    try:
        values = [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected numbers with commas, got {text!r}") from None
    if not all(0 < value < float("inf") for value in values):
        raise argparse.ArgumentTypeError(f"expected positive numbers, got {text!r}")
    return values


def sizes(text):
    """`1000,4000x2000` is (1000, 1000), (4000, 2000)."""
    pairs = [size.split("x") for size in text.split(",")]
    return [(positive(pair[0]), positive(pair[-1])) for pair in pairs]


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)
