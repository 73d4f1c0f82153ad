"""A linear program solved in rational numbers: the judge where two solvers disagree. For small programs; it takes its time."""

from fractions import Fraction

from lp.program import INFINITY


def solve(program):
    """The status, and the optimal value as a fraction (None: there is none). Bland's rule, two phases, every number exact."""
    table, costs, offset = standard_form(program)
    if table is None:
        return "infeasible", None
    rows, columns = len(table), len(costs)
    for row, entries in enumerate(table):
        if entries[-1] < 0:
            table[row] = [-entry for entry in entries]
    # One artificial variable for each row.
    for row, entries in enumerate(table):
        entries[-1:-1] = [Fraction(int(row == other)) for other in range(rows)]
    basis = list(range(columns, columns + rows))
    artificial = [Fraction(0)] * columns + [Fraction(1)] * rows
    minimise(table, basis, artificial, columns + rows)
    if any(basis[row] >= columns and table[row][-1] != 0 for row in range(rows)):
        return "infeasible", None
    for row in range(rows):
        if basis[row] >= columns:
            # At 0: it leaves for any column that it can, or its row says nothing.
            entering = next((column for column in range(columns) if table[row][column] != 0), None)
            if entering is not None:
                pivot(table, basis, row, entering)
    if not minimise(table, basis, costs + [Fraction(0)] * rows, columns):
        return "unbounded", None
    value = sum((costs[column] * table[row][-1] for row, column in enumerate(basis) if column < columns), Fraction(0))
    return "optimal", offset - value if program.maximise else offset + value


def standard_form(program):
    """Rows of entries with the right-hand side last, the costs of min cost · z with z >= 0, and the constant. A free column becomes two."""
    matrix = program.matrix.toarray()
    sign = -1 if program.maximise else 1
    # Each column as (shift, [(sign, z), ...]); boxed ones have a row of their own.
    shifts, parts, limits, count = [], [], [], 0
    for lower, upper in zip(map(float, program.lower), map(float, program.upper)):
        if lower > upper:
            return None, None, None
        if lower > -INFINITY:
            shifts.append(Fraction(lower))
            parts.append([(1, count)])
            if upper < INFINITY:
                limits.append((count, Fraction(upper) - Fraction(lower)))
        elif upper < INFINITY:
            shifts.append(Fraction(upper))
            parts.append([(-1, count)])
        else:
            shifts.append(Fraction(0))
            parts.append([(1, count), (-1, count + 1)])
        count += len(parts[-1])
    lines = [({place: Fraction(1)}, limit, -1) for place, limit in limits]
    for row, (lower, upper) in enumerate(zip(map(float, program.row_lower), map(float, program.row_upper))):
        if lower > upper:
            return None, None, None
        entries, constant = {}, Fraction(0)
        for column, value in enumerate(map(Fraction, map(float, matrix[row]))):
            constant += value * shifts[column]
            for part, place in parts[column]:
                entries[place] = part * value
        if lower == upper:
            lines.append((entries, Fraction(lower) - constant, 0))
            continue
        if lower > -INFINITY:
            lines.append((entries, Fraction(lower) - constant, 1))
        if upper < INFINITY:
            lines.append((entries, Fraction(upper) - constant, -1))
    slacks = sum(kind != 0 for _, _, kind in lines)
    table, slack = [], count
    for entries, side, kind in lines:
        line = [entries.get(place, Fraction(0)) for place in range(count)] + [Fraction(0)] * slacks + [side]
        if kind != 0:
            line[slack] = Fraction(-kind)
            slack += 1
        table.append(line)
    costs, offset = [Fraction(0)] * (count + slacks), Fraction(program.offset)
    for cost, shift, column in zip(map(Fraction, map(float, program.costs)), shifts, parts):
        offset += cost * shift
        for part, place in column:
            costs[place] = sign * part * cost
    return table, costs, offset


def minimise(table, basis, costs, columns):
    """Steps until no column has a negative reduced cost. False: there is no least value. Only the first `columns` may enter."""
    while True:
        prices = [costs[column] for column in basis]
        entering = None
        for column in range(columns):
            reduced = costs[column] - sum(price * line[column] for price, line in zip(prices, table) if price)
            if reduced < 0:
                entering = column
                break
        if entering is None:
            return True
        ratios = [(line[-1] / line[entering], basis[row], row) for row, line in enumerate(table) if line[entering] > 0]
        if not ratios:
            return False
        pivot(table, basis, min(ratios)[2], entering)


def pivot(table, basis, row, column):
    value = table[row][column]
    table[row] = [entry / value for entry in table[row]]
    for other, line in enumerate(table):
        if other != row and line[column] != 0:
            factor = line[column]
            table[other] = [entry - factor * leaving for entry, leaving in zip(line, table[row])]
    basis[row] = column
