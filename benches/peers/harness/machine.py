"""The machine: what it is, whether it is quiet, and keeping processes to its cores."""

import os
import sys
from importlib import metadata
from pathlib import Path

# The cores that this process was given, before it keeps itself to one.
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []

# Above this load somebody else is computing.
QUIET = 0.3


def pin(threads):
    """Keeps this process, and those that it starts, on as many cores as there are threads, where the system allows it."""
    if CORES:
        os.sched_setaffinity(0, CORES[-threads:])


def load():
    return round(os.getloadavg()[0], 2)


def facts(version, packages):
    """What the figures were taken on: the machine, our version, and the libraries'."""
    processor = "unknown processor"
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
        processor = names[0] if names else processor
    found = {
        "processor": processor,
        "cores": os.cpu_count(),
        "load before": load(),
        "program": version,
        "python": sys.version.split()[0],
    }
    return found | {name: installed(name) for name in packages}


def installed(package):
    """Its version, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def show(found):
    """Prints the facts, and a warning where the machine is busy."""
    print(", ".join(f"{name}: {fact}" for name, fact in found.items()))
    if found["load before"] > QUIET:
        print("The machine is not quiet: do not quote these figures.")
