"""How lines are logged: structured, in one form, on the stream that the door names.

Our own events come through structlog, those of libraries (granian, Alembic) through the standard library; both end in
one handler. Never logs by itself.
"""

import logging
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import Processor

from packistry.settings import Settings

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(settings: Settings, stream: TextIO) -> None:
    """Sends every line of this process to `stream`, as JSON or, on a terminal, as text; see the settings log_*."""
    level = LEVELS[settings.log_level]
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries tell at "info" what only their authors want to know.
    root.setLevel(logging.DEBUG if level == logging.DEBUG else max(level, logging.WARNING))
    logging.getLogger("packistry").setLevel(level)


def _rendering(settings: Settings, stream: TextIO) -> list[Processor]:
    if settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty()):
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]


def _json(fields: Any, **_: Any) -> str:
    # What JSON has no word for (a path, an enumeration) is logged as text: a line must never fail.
    return orjson.dumps(fields, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
