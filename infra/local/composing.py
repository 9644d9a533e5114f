"""What of compose's progress a person wants to read: build steps that took long, containers when they are done.

Pure: takes lines and gives fewer.
"""

import re

LONG_SECONDS = 1.0
_WIDTH = 78
_STEP = re.compile(r"#(\d+) (\[.*)")
_DONE = re.compile(r"#(\d+) DONE ([\d.]+)s")
_CONTAINER = re.compile(r"Container \S+?-([a-z]+)-\d+\s+(\w+)$")
_ENDS = ("Healthy", "Exited", "Removed", "Killed", "Error")


class Progress:
    """Remembers which step has which name, and what was said of a container."""

    def __init__(self) -> None:
        self._steps: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def told(self, line: str) -> str:
        """What is worth saying of a line; empty if nothing is.

        Example:
            >>> progress = Progress()
            >>> progress.told("#7 [gateway packages 3/3] RUN pip install -r requirements.txt")
            ''
            >>> progress.told("#7 DONE 31.4s")
            '  built [gateway packages 3/3] RUN pip install -r requirements.txt (31.4 s)'
            >>> progress.told(" Container saleslake-spark-1  Healthy")
            'spark: healthy'
            >>> progress.told(" Container saleslake-spark-1  Healthy")
            ''
        """
        line = line.strip()
        if step := _STEP.match(line):
            self._steps[step[1]] = " ".join(step[2].split())
        elif done := _DONE.match(line):
            name, seconds = self._steps.get(done[1], ""), float(done[2])
            if name and seconds >= LONG_SECONDS:
                end = f" ({seconds:.1f} s)"
                return f"  built {name[: _WIDTH - len(end) - 8]}{end}"
        elif container := _CONTAINER.match(line):
            return self._said(container[1], container[2])
        elif not re.match(r"#\d|(Network|Volume|Image|Container) ", line):
            return line
        return ""

    def _said(self, name: str, word: str) -> str:
        if word not in _ENDS or self._last.get(name) == word:
            return ""
        self._last[name] = word
        return f"{name}: {word.lower()}"
