from kakehashi.report.scan_warnings import LOOP_AT_LIMIT, scan_warnings


def test_alike_warnings_are_told_once(build_scan, build):
    results = [build(warnings=(f"The energy still fell: by {k + 1} mHa.",), reference=None) for k in range(4)]
    assert scan_warnings(build_scan(results=results)) == (
        "At 0.9, 1.0, 1.1, 1.2: The energy still fell: by 1 mHa. (So at the first; the numbers differ.)",
    )


def test_points_without_an_error_bar_are_told(build_scan):
    (text,) = scan_warnings(build_scan())
    assert text.startswith("At 1.1, 1.2: There is no error bar: only 3 of the spaces")


def at_limit(k: int, name: str = "max_iterations") -> str:
    return (
        f"{LOOP_AT_LIMIT} {k} turns while the energy still fell: by {k} mHa in the last turn. A higher "
        f"subspace.{name} may lower it further."
    )


def test_loops_at_their_limit_are_counted(build_scan, build):
    results = [build(warnings=(at_limit(k + 1), "Other.") if k else (), reference=None) for k in range(4)]
    other, loops = scan_warnings(build_scan(results=results))
    assert other.startswith("At 1.0, 1.1, 1.2: Other.")
    assert loops == (
        "At 3 of 4 points the loop was stopped at its limit while the samples' energy still fell. "
        "A higher subspace.max_iterations may lower it further."
    )


def test_every_limit_that_was_met_is_named(build_scan, build):
    results = [build(warnings=(at_limit(1, name),), reference=None) for name in ("max_wall_s", "max_iterations") * 2]
    (text,) = scan_warnings(build_scan(results=results))
    assert "A higher subspace.max_iterations or subspace.max_wall_s may" in text


def test_where_there_is_an_estimate_the_loop_matters_less(build_scan, build, build_selected):
    results = [build(warnings=(at_limit(2),), selected=build_selected(), reference=None)] * 4
    assert scan_warnings(build_scan(results=results)) == (
        "At 4 of 4 points the loop was stopped at its limit while the samples' energy still fell; "
        "the estimates are selected CI's, which goes on from there.",
    )
