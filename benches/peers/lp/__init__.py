"""Linear programs: our command beside HiGHS and microlp."""
