"""The streaming loop's quiet moments."""

from spark_jobs.loop import Quiet


def test_each_chore_is_done_once_in_a_quiet_time_when_it_is_due() -> None:
    now, done = [100.0], list[tuple[str, float]]()
    quiet = Quiet(
        ((1, lambda: done.append(("publish", now[0]))), (10, lambda: done.append(("release", now[0])))),
        clock=lambda: now[0],
    )
    for now[0] in (100.5, 101.0, 105.0, 109.9, 110.0, 300.0):
        quiet.go_on()
    assert done == [("publish", 101.0), ("release", 110.0)]

    quiet.end()  # a batch: both become due again, counted from it
    for now[0] in (300.5, 315.0, 316.0):
        quiet.go_on()
    assert done[2:] == [("publish", 315.0), ("release", 315.0)]
