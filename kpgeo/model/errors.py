"""The errors kpgeo raises. Each says what is wrong, where, and what to do next, and carries its exit code."""


class KpgeoError(Exception):
    """Base of every error kpgeo raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, in one sentence.
    where : str, optional
        The file, row, field, scene or tile it was found in.
    remedy : str, optional
        What the reader can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.what}{cure}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.remedy))


def _rebuild(kind: type[KpgeoError], what: str, where: str, remedy: str) -> KpgeoError:
    """Rebuild an error on the far side of a process boundary, where keyword-only arguments would be lost."""
    return kind(what, where=where, remedy=remedy)


class BadInputError(KpgeoError):
    """The user's input (file, option, name) cannot be used as it is."""

    exit_code = 2


class RuleError(BadInputError):
    """An input breaks a named rule, such as `ring-self-intersects`.

    Parameters
    ----------
    rule : str
        The rule's name, as listed in the documentation.
    """

    def __init__(self, what: str, *, rule: str = "", where: str = "", remedy: str = "") -> None:
        super().__init__(what, where=where, remedy=remedy)
        self.rule = rule

    def __str__(self) -> str:
        return f"[{self.rule}] {super().__str__()}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_rule, (self.what, self.rule, self.where, self.remedy))


def _rebuild_rule(what: str, rule: str, where: str, remedy: str) -> RuleError:
    return RuleError(what, rule=rule, where=where, remedy=remedy)


class UpstreamError(KpgeoError):
    """A catalogue or an archive cannot be reached or answers nonsense."""

    exit_code = 4


class SceneReadError(KpgeoError):
    """The pixels of one scene cannot be read. It becomes a gap; other scenes go on."""

    exit_code = 3


class IntegrityError(KpgeoError):
    """Stored state contradicts itself or was changed from outside."""

    exit_code = 5


class BusyError(KpgeoError):
    """Another run is writing to the same workspace."""

    exit_code = 2


class ConflictError(KpgeoError):
    """Somebody else took a step in between, so that this one was decided on what no longer stands."""

    exit_code = 2
